//! `nauhuri audit verify` and `nauhuri audit show`.

use super::archive::{Opened, Site};
use super::list::csv::cell;
use super::output::{self, Printer, plain};
use crate::archive::search::IdPart;
use crate::cli::Cli;
use crate::cli::entries::EntryArgs;
use crate::cli::keeping::{AuditArgs, AuditCommand};
use crate::cli::search::{CallArgs, SearchArgs};
use crate::custody::audit::{
    Action, Draft, Entry, EntryFacts, KEY_FILE, KnownElsewhere, Outcome, Pruned, Verdict,
};
use crate::daemon::notices::counted;
use anyhow::bail;
use std::collections::HashSet;
use uuid::Uuid;

/// Judges or reads the log.
///
/// # Errors
/// The log is damaged, or cannot be read.
pub fn run(cli: &Cli, args: &AuditArgs) -> anyhow::Result<()> {
    match &args.command {
        AuditCommand::Verify { json, head, key, .. } => {
            verify(cli, &KnownElsewhere { heads: head.clone(), keys: key.clone() }, *json)
        }
        AuditCommand::Show { which, json, csv, .. } => show(
            cli,
            which,
            if *json {
                EntryFormat::Json
            } else if *csv {
                EntryFormat::Csv
            } else {
                EntryFormat::Lines
            },
        ),
    }
}

fn verify(cli: &Cli, known: &KnownElsewhere, json: bool) -> anyhow::Result<()> {
    let site = Site::find(cli)?;
    let verdict = site.audit().verify_with(known)?;
    if json {
        output::print(&output::json(&verdict)?)?;
    } else {
        output::print(&(describe(&verdict, known, site.audit().has_anchor()) + "\n"))?;
    }
    if verdict.is_sound() {
        Ok(())
    } else {
        bail!("the audit log is not sound: {}", counted(verdict.findings, "finding"))
    }
}

/// What was found, what that excludes, and what it does not.
fn describe(verdict: &Verdict, known: &KnownElsewhere, has_anchor: bool) -> String {
    let mut text = String::new();
    for found in &verdict.found {
        let at = if found.line == 0 { "log".into() } else { format!("line {}", found.line) };
        text += &format!("{at}: {}\n", found.problem);
    }
    text += &counted(verdict.entries, "entry");
    if let Some(first) = verdict.first_seq.filter(|seq| *seq > 1) {
        text += &format!(" from number {first} on");
    }
    if verdict.entries > 0 {
        text += &match verdict.signed {
            0 => ", none of them signed".into(),
            n if n == verdict.entries => ", all of them signed".into(),
            n => format!(", {n} of them signed"),
        };
    }
    if verdict.repairs > 0 {
        text += &format!(", {} of them about what a crash had left", verdict.repairs);
    }
    if let Some(pruned) = &verdict.pruned {
        let Pruned { up_to, before } = pruned;
        text += &format!("\nentries up to number {up_to} were deleted, as older than {before}");
    }
    if let Some(first) = &verdict.first_key {
        text += &format!("\nfirst key   {} since {}", first.key, first.at);
    }
    if let Some(newest) = &verdict.newest_key {
        text += &format!("\nnewest key  {} since {}", newest.key, newest.at);
    }
    if let Some(head) = &verdict.head {
        text += &format!("\nnewest link {} {}", head.seq, head.hash);
    }
    if verdict.is_sound() && verdict.entries > 0 {
        text += &limits(verdict, known, has_anchor);
    }
    text
}

/// What a sound log proves.
fn limits(verdict: &Verdict, known: &KnownElsewhere, has_anchor: bool) -> String {
    let mut text = String::new();
    let newest = verdict.newest_key.as_ref();
    if let Some(key) = newest.filter(|key| key.after.seq > 0) {
        text += &format!(
            "\nexcluded: that an entry up to number {} was changed, removed or added after {}, when the key that \
             signed it was destroyed, unless all of the log and its keys were exchanged",
            key.after.seq, key.at
        );
    }
    if !known.keys.is_empty() {
        text += "\nexcluded: that all of the log and its keys were exchanged by somebody who did not have the secret \
                 of a key given (--key) while it signed";
    }
    let seen = known.heads.iter().map(|head| head.seq).max();
    if let Some(seq) = seen {
        text += &format!(
            "\nexcluded: that an entry up to number {seq} was changed or removed since it was seen (--head)"
        );
    }
    if has_anchor {
        text +=
            "\nexcluded, as far as the anchor is out of reach: the same for the entries up to the anchor's";
    }
    let since = newest.map_or("it began".into(), |key| key.at.to_rfc3339());
    let after = seen.unwrap_or_default().max(newest.map_or(0, |key| key.after.seq));
    text += &format!(
        "\nnot excluded: that the newest entries, those after number {after}, were cut off, or rewritten by \
         somebody who could read {KEY_FILE} since {since} (root, the service's user)"
    );
    if known.keys.is_empty() && seen.is_none() {
        text += "\nnot excluded: that all of the log and its keys were exchanged; an earlier key (--key) or entry \
                 (--head) from a journal that is collected elsewhere excludes it";
    }
    text
}

/// How entries are printed.
#[derive(Clone, Copy, PartialEq)]
enum EntryFormat {
    Lines,
    Json,
    Csv,
}

fn show(cli: &Cli, which: &EntryArgs, form: EntryFormat) -> anyhow::Result<()> {
    let site = Site::find(cli)?;
    let search = &which.which();
    let asked = site.search(search)?;
    let draft = Draft::new(Action::AuditShow).found_by(which.for_audit());
    let of_time = SearchArgs {
        calls: CallArgs { since: search.calls.since, until: search.calls.until, ..CallArgs::default() },
        ..SearchArgs::default()
    };
    let targets = if *search == of_time { None } else { Some(targets(cli, search)?) };
    site.note(draft.on(targets.iter().flatten().copied()))?;
    let meant = |entry: &Entry| {
        asked.since.is_none_or(|since| entry.at >= since)
            && asked.until.is_none_or(|until| entry.at < until)
            && targets.as_ref().is_none_or(|ids| entry.targets.iter().any(|id| ids.contains(id)))
            && which.matches(entry)
    };
    let mut out = Printer::new();
    if form == EntryFormat::Csv {
        out.print(&(COLUMNS.join(",") + "\r\n"))?;
    }
    let mut first = true;
    for entry in site.audit().entries()?.filter(meant) {
        match form {
            EntryFormat::Json => {
                out.print(if first { "[\n" } else { ",\n" })?;
                out.print(&output::escaped(&serde_json::to_string(&entry)?))?;
            }
            EntryFormat::Csv => out.print(&row(&entry))?,
            EntryFormat::Lines => out.print(&line(&entry))?,
        }
        first = false;
    }
    if form == EntryFormat::Json {
        out.print(if first { "[]\n" } else { "\n]\n" })?;
    }
    Ok(out.finish()?)
}

/// The heads of the columns. Columns are added at the end, never moved.
const COLUMNS: [&str; 13] = [
    "seq",
    "at",
    "who",
    "account",
    "action",
    "outcome",
    "recordings",
    "reason",
    "ref",
    "recipient",
    "basis",
    "search",
    "detail",
];

/// An entry as one line of comma-separated values; its recordings in one cell.
fn row(entry: &Entry) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let json = |facts: &Option<EntryFacts>| facts.as_ref().map(EntryFacts::to_string).unwrap_or_default();
    let targets: Vec<String> = entry.targets.iter().map(Uuid::to_string).collect();
    let why = &entry.why;
    let cells = [
        entry.seq.to_string(),
        entry.at.to_rfc3339(),
        entry.who.name(),
        entry.who.account(),
        entry.action.to_string(),
        entry.outcome.to_string(),
        targets.join(" "),
        text(&why.reason),
        text(&why.case),
        text(&why.recipient),
        text(&why.basis),
        json(&entry.search),
        json(&entry.detail),
    ];
    cells.map(|text| cell(&text)).join(",") + "\r\n"
}

/// The recordings whose entries are meant. An id that is in the index no more may
/// well be in the log.
fn targets(cli: &Cli, search: &SearchArgs) -> anyhow::Result<HashSet<Uuid>> {
    let whole = search.ids.iter().filter_map(|id| match id {
        IdPart::Full(uuid) => Some(*uuid),
        IdPart::Short(_) => None,
    });
    let mut ids: HashSet<Uuid> = whole.collect();
    let archive = Opened::open(cli)?;
    // The times are those of the entries.
    let rows = archive.index.find(&archive.search(&SearchArgs {
        calls: CallArgs { since: None, until: None, ..search.calls.clone() },
        ..search.clone()
    })?)?;
    ids.extend(rows.into_iter().map(|row| row.id));
    for id in &search.ids {
        if let IdPart::Short(short) = id {
            let buried = archive.index.tombstones()?.into_iter().map(|stone| stone.id);
            ids.extend(buried.filter(|id| crate::id::short_of(*id) == *short));
        }
    }
    Ok(ids)
}

fn line(entry: &Entry) -> String {
    let who = entry.who.name();
    let why = &entry.why;
    let words = [("reason", &why.reason), ("ref", &why.case), ("to", &why.recipient), ("by", &why.basis)];
    let mut text = format!("{:>6}  {}  {who}  {}", entry.seq, entry.at, entry.action);
    if entry.outcome != Outcome::Done {
        text += &format!(" ({})", entry.outcome);
    }
    for (name, value) in words {
        if let Some(value) = value {
            text += &format!("  {name}: {value}");
        }
    }
    if let Some(search) = &entry.search {
        text += &format!("  search: {search}");
    }
    match entry.targets.as_slice() {
        [] => {}
        [one] => text += &format!("  {one}"),
        [one, rest @ ..] => text += &format!("  {one} and {} more", rest.len()),
    }
    plain(&text) + "\n"
}
