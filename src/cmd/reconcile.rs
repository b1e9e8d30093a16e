//! `nauhuri reconcile`: what the exchange's list of calls knows that the recorder does not.

use super::archive::Opened;
use super::columns::{Grid, Layout};
use super::output::{self, Printer, plain, remark};
use super::words::local;
use crate::archive::cdr::{CdrCall, CdrLayout, read_calls};
use crate::archive::cdr_match::{CdrReport, DoubtfulCall, Known, match_calls};
use crate::archive::search::Search;
use crate::call::rules::Rules;
use crate::cli::Cli;
use crate::cli::reading::ReconcileArgs;
use crate::custody::audit::{Action, Draft, Outcome, facts};
use crate::daemon::notices::counted;
use crate::id::time_of;
use anyhow::{Context, bail};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

/// Calls named one by one.
const NAMED: usize = 200;

/// Compares, tells, and fails where a call is missing.
///
/// # Errors
/// The list cannot be read; a call of it is missing.
pub fn run(cli: &Cli, args: &ReconcileArgs) -> anyhow::Result<()> {
    let archive = Opened::open(cli)?;
    let (site, settings) = (&archive.site, &archive.site.config.cdr);
    let layout = CdrLayout::of(settings);
    let name = args.cdr.display();
    let read = match args.cdr.as_path() == Path::new("-") {
        true => read_calls(io::stdin().lock(), &layout, &site.zone),
        false => {
            let file = File::open(&args.cdr).with_context(|| name.to_string())?;
            read_calls(BufReader::new(file), &layout, &site.zone)
        }
    };
    let (calls, others) = read.with_context(|| name.to_string())?;
    let search = span(&calls, settings.tolerance);
    let rows = archive.index.find(&search)?;
    let mut unrecorded = Vec::new();
    site.each_unrecorded(|call| unrecorded.push(call))?;
    let deleted = archive.index.tombstones()?.iter().filter_map(|t| time_of(t.id)).collect::<Vec<_>>();
    let (unrecorded, deleted) = (&unrecorded[..], &deleted[..]);
    let (config, zone, now) = (&site.config, &site.zone, site.now);
    let known = Known { rows: &rows, unrecorded, deleted, config, zone, now };
    let report = match_calls(&calls, &known, settings.tolerance);
    let outcome = if report.missing.is_empty() { Outcome::Done } else { Outcome::Failed };
    let detail = facts! { Calls: report.calls, Recorded: report.recorded, Missing: report.missing.len() };
    site.note(Draft::new(Action::Reconcile).ended(outcome).detail(detail))?;
    let mut out = Printer::new();
    if args.json {
        let mut object = serde_json::to_value(&report)?;
        object["unanswered"] = others.into();
        out.print(&output::json(&object)?)?;
    } else {
        print(&archive, &report, others, &mut out)?;
    }
    out.finish()?;
    if calls.is_empty() {
        remark(format_args!(
            "nauhuri: warning: no answered call in the list; is [cdr] as the exchange writes it?"
        ));
    }
    if !Rules::new(&site.config).has_extensions() {
        remark(format_args!(
            "nauhuri: warning: without agents.extensions every answered call of the list is taken for an agent's"
        ));
    }
    match report.missing.len() as u64 {
        0 => Ok(()),
        n => bail!("{} of the list {} not recorded", counted(n, "call"), if n == 1 { "was" } else { "were" }),
    }
}

/// From the first call of the list to the last.
fn span(calls: &[CdrCall], tolerance: std::time::Duration) -> Search {
    let first = calls.iter().map(|c| c.answered_at).min();
    let last = calls.iter().map(|c| c.ended_at).max();
    match first.zip(last) {
        Some((first, last)) => {
            // Behind the last instant that is meant.
            let until = (last + tolerance).offset_ns(1);
            Search { since: Some(first - tolerance), until: Some(until), ..Search::default() }
        }
        None => Search { limit: Some(0), ..Search::default() },
    }
}

fn print(archive: &Opened, report: &CdrReport, others: u64, out: &mut Printer) -> anyhow::Result<()> {
    let mut text = String::new();
    for (title, calls) in [("not recorded", &report.missing), ("recorded in part", &report.partial)] {
        if !calls.is_empty() {
            text += &format!("{title}:\n{}\n", table(archive, calls));
        }
        if calls.len() > NAMED {
            text += &format!("and {} more\n", calls.len() - NAMED);
        }
    }
    text += &format!("{} answered in the list", counted(report.calls, "call"));
    text += &format!(", {} not answered\n", counted(others, "other line"));
    text += &format!("  {} recorded whole\n", report.recorded);
    text += &format!("  {} recorded in part\n", report.partial.len());
    for (why, n) in &report.explained {
        text += &format!("  {n} not recorded: {}\n", plain(why));
    }
    text += &format!("  {} without an agent\n", report.without_agent);
    text += &format!("  {} not recorded, and nothing says why\n", report.missing.len());
    if !report.unlisted.is_empty() {
        text += &format!(
            "{} of that time {} not in the list\n",
            counted(report.unlisted.len() as u64, "recording"),
            if report.unlisted.len() == 1 { "is" } else { "are" }
        );
    }
    Ok(out.print(&text)?)
}

fn table(archive: &Opened, calls: &[DoubtfulCall]) -> String {
    let mut grid = Grid::default();
    for call in calls.iter().take(NAMED) {
        let recordings: Vec<String> = call.recordings.iter().map(|id| crate::id::short_hex(*id)).collect();
        grid.row([
            call.line.to_string(),
            local(call.answered_at, &archive.site.zone),
            call.agent.as_deref().map_or_else(|| "-".to_owned(), plain),
            format!("{:.0} s", call.duration_s),
            format!("{:.0} s", call.unrecorded_s),
            recordings.join(" "),
        ]);
    }
    Layout::new(["LINE", "ANSWERED", "AGENT", "LENGTH", "UNRECORDED", "RECORDINGS"]).lines(&grid)
}
