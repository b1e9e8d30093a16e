//! `nauhuri audit verify` and `nauhuri audit show`.

use super::archive::{Opened, Site};
use super::output::{self, Printer, plain};
use crate::archive::search::IdPart;
use crate::cli::Cli;
use crate::cli::entries::EntryArgs;
use crate::cli::keeping::{AuditArgs, AuditCommand};
use crate::cli::search::{CallArgs, SearchArgs};
use crate::custody::audit::{Action, Draft, Entry};
use crate::daemon::notices::counted;
use crate::store::sidecar::parse_rfc3339;
use anyhow::bail;
use std::collections::HashSet;
use uuid::Uuid;

/// Judges or reads the log.
///
/// # Errors
/// The log is damaged, or cannot be read.
pub fn run(cli: &Cli, args: &AuditArgs) -> anyhow::Result<()> {
    match &args.command {
        AuditCommand::Verify { json, .. } => verify(cli, *json),
        AuditCommand::Show { which, json, .. } => show(cli, which, *json),
    }
}

fn verify(cli: &Cli, json: bool) -> anyhow::Result<()> {
    let verdict = Site::find(cli)?.audit().verify()?;
    if json {
        output::print(&(serde_json::to_string_pretty(&verdict)? + "\n"))?;
    } else {
        let mut text = String::new();
        for found in &verdict.found {
            let at = if found.line == 0 { "log".into() } else { format!("line {}", found.line) };
            text += &format!("{at}: {}\n", found.problem);
        }
        text += &counted(verdict.entries, "entry");
        if let Some(first) = verdict.first_seq.filter(|seq| *seq > 1) {
            text += &format!(" from number {first} on");
        }
        if verdict.repairs > 0 {
            text += &format!(", {} of them about what a crash had left", verdict.repairs);
        }
        if let Some(head) = &verdict.head {
            text += &format!("\nnewest link {} {}", head.seq, head.hash);
        }
        output::print(&(text + "\n"))?;
    }
    if verdict.is_sound() {
        Ok(())
    } else {
        bail!("the audit log is not as it was written: {} findings", verdict.findings)
    }
}

fn show(cli: &Cli, which: &EntryArgs, json: bool) -> anyhow::Result<()> {
    let site = Site::find(cli)?;
    let search = &which.search;
    let asked = site.search(search)?;
    let draft = Draft::new(Action::AuditShow).found_by(which.for_audit());
    let of_time = SearchArgs {
        calls: CallArgs { since: search.calls.since, until: search.calls.until, ..CallArgs::default() },
        ..SearchArgs::default()
    };
    let targets = if *search == of_time { None } else { Some(targets(cli, search)?) };
    site.note(draft.on(targets.iter().flatten().copied()))?;
    let meant = |entry: &Entry| {
        let at = parse_rfc3339(&entry.at).unwrap_or_default();
        asked.since.is_none_or(|since| at >= since)
            && asked.until.is_none_or(|until| at < until)
            && targets.as_ref().is_none_or(|ids| entry.targets.iter().any(|id| ids.contains(id)))
            && which.matches(entry)
    };
    let mut out = Printer::new();
    let mut first = true;
    for entry in site.audit().entries()?.filter(meant) {
        if json {
            out.print(if first { "[\n" } else { ",\n" })?;
            out.print(&serde_json::to_string(&entry)?)?;
        } else {
            out.print(&line(&entry))?;
        }
        first = false;
    }
    if json {
        out.print(if first { "[]\n" } else { "\n]\n" })?;
    }
    Ok(out.finish()?)
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
    if entry.outcome != "done" {
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
