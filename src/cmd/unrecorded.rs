//! `nauhuri unrecorded`: the register of answered calls that were not recorded.

use super::archive::Site;
use super::columns::{Grid, Layout};
use super::list::csv::cell;
use super::output::{Printer, plain};
use super::words::local;
use crate::archive::search::number_parts;
use crate::cli::Cli;
use crate::cli::reading::UnrecordedArgs;
use crate::cli::search::SearchArgs;
use crate::config::compiled::NumberForm;
use crate::custody::audit::{Action, Draft};
use crate::store::layout::open_state;
use crate::store::register::{Register, Unrecorded};
use serde_json::json;
use std::io;

/// The heads of the CSV's columns. Columns are added at the end, never moved.
const COLUMNS: &str = "at,reason,service,caller,called,call,recording";

/// Prints the calls that are asked for, the oldest first.
///
/// # Errors
/// The register cannot be read, or the audit log not be written.
pub fn run(cli: &Cli, args: &UnrecordedArgs) -> anyhow::Result<()> {
    let site = Site::find(cli)?;
    let as_search = SearchArgs { calls: args.calls.clone(), ..SearchArgs::default() };
    let mut found = Vec::new();
    let is_meant = filter(&site, args, &as_search)?;
    // Without its state a store has no register either.
    match open_state(&site.state) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        state => Register::new(state?).read(|call| {
            if is_meant(&call) {
                found.push(call);
            }
        })?,
    }
    found.sort_by_key(Unrecorded::instant);
    let detail = json!({ "register": "unrecorded", "reason": args.reason, "count": found.len() });
    site.note(Draft::new(Action::List).found_by(as_search.for_audit()).detail(detail))?;
    let mut out = Printer::new();
    match (args.json, args.csv) {
        (true, _) => out.print(&(serde_json::to_string_pretty(&found)? + "\n"))?,
        (_, true) => out.print(&csv(&found))?,
        _ => out.print(&table(&site, &found))?,
    }
    Ok(out.finish()?)
}

fn filter(
    site: &Site,
    args: &UnrecordedArgs,
    search: &SearchArgs,
) -> anyhow::Result<impl Fn(&Unrecorded) -> bool> {
    let numbers = NumberForm::new(&site.config.numbers);
    let bounds = site.search(search)?;
    let parts = args.calls.number.as_deref().map(|n| number_parts(n, &numbers)).unwrap_or_default();
    let (service, reason) = (args.calls.service.clone(), args.reason.clone());
    Ok(move |call: &Unrecorded| {
        let at = call.instant();
        let has = |number: &Option<String>| {
            number.as_ref().is_some_and(|n| parts.iter().any(|part| n.contains(part.as_str())))
        };
        bounds.since.is_none_or(|since| at >= since)
            && bounds.until.is_none_or(|until| at < until)
            && service.as_ref().is_none_or(|s| call.service.as_ref() == Some(s))
            && reason.as_ref().is_none_or(|r| call.reason == *r)
            && (parts.is_empty() || has(&call.caller) || has(&call.called))
    })
}

fn csv(found: &[Unrecorded]) -> String {
    let mut text = format!("{COLUMNS}\r\n");
    for c in found {
        let recording = c.recording.map(|id| id.to_string());
        let fields = [&c.service, &c.caller, &c.called, &c.call, &recording];
        let fields = fields.into_iter().map(|f| f.as_deref().map(cell).unwrap_or_default());
        let all: Vec<String> = [cell(&c.at), cell(&c.reason)].into_iter().chain(fields).collect();
        text += &(all.join(",") + "\r\n");
    }
    text
}

fn table(site: &Site, found: &[Unrecorded]) -> String {
    let mut grid = Grid::default();
    for c in found {
        let or_dash = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), plain);
        grid.row([
            local(c.instant(), &site.zone),
            plain(&c.reason),
            or_dash(&c.service),
            or_dash(&c.caller),
            or_dash(&c.called),
            or_dash(&c.call),
        ]);
    }
    Layout::new(["WHEN", "REASON", "SERVICE", "CALLER", "CALLED", "CALL-ID"]).lines(&grid)
}
