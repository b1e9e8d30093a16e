//! `nauhuri unrecorded`: the register of answered calls that were not recorded.

use super::archive::Site;
use super::columns::{Grid, Layout};
use super::list::csv::cell;
use super::output::{self, Printer, plain};
use super::words::local;
use crate::archive::search::number_parts;
use crate::cli::Cli;
use crate::cli::reading::UnrecordedArgs;
use crate::cli::search::SearchArgs;
use crate::config::compiled::NumberForm;
use crate::custody::audit::{Action, Draft, facts};
use crate::pii::Pii;
use crate::store::register::{RegisterEntry, RegisterReason};

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
    site.each_unrecorded(|call| {
        if is_meant(&call) {
            found.push(call);
        }
    })?;
    found.sort_by_key(|call| call.at);
    let detail =
        facts! { Register: "unrecorded", Reason: args.reason.map(RegisterReason::name), Count: found.len() };
    site.note(Draft::new(Action::List).found_by(as_search.for_audit()).detail(detail))?;
    let mut out = Printer::new();
    match (args.json, args.csv) {
        (true, _) => out.print(&output::json(&found)?)?,
        (_, true) => out.print(&csv(&found))?,
        _ => out.print(&table(&site, &found))?,
    }
    Ok(out.finish()?)
}

fn filter(
    site: &Site,
    args: &UnrecordedArgs,
    search: &SearchArgs,
) -> anyhow::Result<impl Fn(&RegisterEntry) -> bool> {
    let numbers = NumberForm::new(&site.config.numbers);
    let bounds = site.search(search)?;
    let parts = args.calls.number.as_deref().map(|n| number_parts(n, &numbers)).unwrap_or_default();
    let (service, reason) = (args.calls.service.clone(), args.reason);
    Ok(move |call: &RegisterEntry| {
        let at = call.at;
        let has = |number: &Option<Pii<String>>| {
            number.as_ref().is_some_and(|n| parts.iter().any(|part| n.as_str().contains(part.as_str())))
        };
        bounds.since.is_none_or(|since| at >= since)
            && bounds.until.is_none_or(|until| at < until)
            && service.as_ref().is_none_or(|s| call.service.as_ref() == Some(s))
            && reason.is_none_or(|r| call.reason == r)
            && (parts.is_empty() || has(&call.caller) || has(&call.called))
    })
}

fn csv(found: &[RegisterEntry]) -> String {
    let mut text = format!("{COLUMNS}\r\n");
    for c in found {
        let recording = c.recording.map(|id| id.to_string());
        let [caller, called] = [&c.caller, &c.called].map(|n| n.as_ref().map(Pii::as_str));
        let fields = [c.service.as_deref(), caller, called, c.call.as_deref(), recording.as_deref()];
        let fields = fields.into_iter().map(|f| f.map(cell).unwrap_or_default());
        let all: Vec<String> =
            [cell(&c.at.to_rfc3339()), cell(c.reason.as_str())].into_iter().chain(fields).collect();
        text += &(all.join(",") + "\r\n");
    }
    text
}

fn table(site: &Site, found: &[RegisterEntry]) -> String {
    let mut grid = Grid::default();
    for c in found {
        let or_dash = |text: Option<&str>| text.map_or_else(|| "-".to_owned(), plain);
        let number = |n: &Option<Pii<String>>| or_dash(n.as_ref().map(Pii::as_str));
        grid.row([
            local(c.at, &site.zone),
            plain(c.reason.as_str()),
            or_dash(c.service.as_deref()),
            number(&c.caller),
            number(&c.called),
            or_dash(c.call.as_deref()),
        ]);
    }
    Layout::new(["WHEN", "REASON", "SERVICE", "CALLER", "CALLED", "CALL-ID"]).lines(&grid)
}
