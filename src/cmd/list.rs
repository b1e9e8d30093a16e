//! `nauhuri list`: recordings as a table, as JSON or as CSV.
//!
//! Rows come from the index page by page and are printed as they come. `state`
//! in JSON and CSV is one word: `restricted`, else `held`, else `due` (past its
//! term, the next sweep deletes it), else `kept`.

use super::archive::Archive;
use super::output::{Printer, Stdout, length, plain};
use crate::cli::Cli;
use crate::cli::reading::ListArgs;
use crate::config::CallDirection;
use crate::id::short_hex;
use crate::store::StoreError;
use crate::store::audit::{Action, Draft};
use crate::store::index::Row;
use crate::store::search::Search;
use crate::store::sidecar::read_value;
use crate::time::Timestamp;
use anyhow::bail;
use comfy_table::{ContentArrangement, Table, presets};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

/// Rows of the table laid out at once.
const CHUNK: usize = 500;

/// Columns of the table.
const TABLE: [&str; 8] = ["ID", "ANSWERED", "LENGTH", "SERVICE", "DIRECTION", "AGENT", "CUSTOMER", "STATE"];

/// Columns of the CSV. Columns are added at the end, never moved.
const CSV: [&str; 21] = [
    "id",
    "call_group",
    "answered_at",
    "duration_s",
    "service",
    "direction",
    "agent_id",
    "agent_name",
    "customer_number",
    "customer_withheld",
    "dialled",
    "ended_by",
    "complete",
    "one_way",
    "held",
    "restricted",
    "state",
    "until",
    "wav_bytes",
    "sha256",
    "path",
];

/// Prints what is asked for.
///
/// # Errors
/// An id that is unknown (after the others were printed), a sidecar that cannot be read.
pub fn run(cli: &Cli, args: &ListArgs) -> anyhow::Result<()> {
    let archive = Archive::open(cli)?;
    let search = Search { limit: args.limit, ..archive.search(&args.search) };
    let count = archive.index.count(&search)?;
    let ids = if search.ids.is_empty() { Vec::new() } else { archive.index.find(&search)? };
    let said = Draft::new(Action::List).on(ids.iter().map(|r| r.id)).found_by(args.search.for_audit());
    archive.place.note(said.detail(json!({ "count": count })))?;
    let mut out = Printer::new();
    let unreadable = match (args.json, args.csv) {
        (true, _) => array(&archive, &search, &mut out)?,
        (_, true) => csv(&archive, &search, &mut out).map(|()| 0)?,
        _ => table(&archive, &search, &mut out).map(|()| 0)?,
    };
    out.finish()?;
    archive.must_be_known(&args.search)?;
    if unreadable > 0 {
        bail!("{unreadable} sidecars could not be read; `nauhuri verify` tells which");
    }
    Ok(())
}

/// Hands each row to `print` until standard output fails.
fn each(
    archive: &Archive,
    search: &Search,
    mut print: impl FnMut(Row) -> Result<(), Stdout>,
) -> anyhow::Result<()> {
    let mut failed = None;
    archive.index.each(search, |row| match print(row) {
        Ok(()) => ControlFlow::Continue(()),
        Err(e) => {
            failed = Some(e);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(()), |e| Err(e.into()))
}

fn array(archive: &Archive, search: &Search, out: &mut Printer) -> anyhow::Result<u64> {
    let (mut unreadable, mut first) = (0, true);
    out.print("[")?;
    each(archive, search, |row| {
        match sidecar(&archive.place.root, &row, archive.place.now) {
            Ok(Some(value)) => {
                out.print(if first { "\n" } else { ",\n" })?;
                first = false;
                out.print(&Value::Object(value).to_string())?;
            }
            Ok(None) => {}
            Err(_) => unreadable += 1,
        }
        Ok(())
    })?;
    out.print(if first { "]\n" } else { "\n]\n" })?;
    Ok(unreadable)
}

/// The sidecar as it stands in its file, with `state` added; `None` where it was
/// deleted this moment.
pub(super) fn sidecar(
    root: &Path,
    row: &Row,
    now: Timestamp,
) -> Result<Option<Map<String, Value>>, StoreError> {
    let path = row.json(root);
    match read_value(&path) {
        Ok(Value::Object(mut object)) => {
            object.insert("state".into(), row.state(now).name().into());
            Ok(Some(object))
        }
        Ok(_) => Err(StoreError::Sidecar { path, why: "is no object".into() }),
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

fn csv(archive: &Archive, search: &Search, out: &mut Printer) -> anyhow::Result<()> {
    out.print(&format!("{}\r\n", CSV.join(",")))?;
    each(archive, search, |row| out.print(&csv_line(&row, archive.place.now)))
}

fn csv_line(row: &Row, now: Timestamp) -> String {
    let text = |s: &Option<String>| s.clone().unwrap_or_default();
    let fields: [String; CSV.len()] = [
        row.id.to_string(),
        row.call_group.to_string(),
        row.answered_at.to_rfc3339(),
        row.duration_s().to_string(),
        text(&row.service),
        direction(row).into(),
        text(&row.agent_id),
        text(&row.agent_name),
        text(&row.number),
        row.withheld.to_string(),
        text(&row.dialled),
        ended_by(row),
        row.complete.to_string(),
        row.one_way.to_string(),
        row.held.to_string(),
        row.restricted.to_string(),
        row.state(now).name().into(),
        row.until.map(crate::store::calendar::until_string).unwrap_or_default(),
        row.wav_bytes.to_string(),
        row.sha256.clone(),
        row.path.to_string_lossy().into_owned(),
    ];
    fields.map(|f| quoted(&f)).join(",") + "\r\n"
}

/// RFC 4180 section 2: quotes where a field needs them.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

fn table(archive: &Archive, search: &Search, out: &mut Printer) -> anyhow::Result<()> {
    let mut chunk = vec![TABLE.map(String::from)];
    let mut widths = [0; TABLE.len()];
    each(archive, search, |row| {
        chunk.push(cells(&row, &archive.place.zone, archive.place.now));
        if chunk.len() < CHUNK { Ok(()) } else { print_chunk(&mut chunk, &mut widths, out) }
    })?;
    Ok(print_chunk(&mut chunk, &mut widths, out)?)
}

/// Lays out what has gathered; a later chunk is at least as wide as the ones
/// before it, so that columns stay under their heads.
fn print_chunk(
    chunk: &mut Vec<[String; TABLE.len()]>,
    widths: &mut [usize; TABLE.len()],
    out: &mut Printer,
) -> Result<(), Stdout> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    for mut cells in chunk.drain(..) {
        for (cell, width) in cells.iter_mut().zip(widths.iter_mut()) {
            *width = cell.chars().count().max(*width);
            *cell = format!("{cell:<width$}");
        }
        table.add_row(cells);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    if table.is_empty() { Ok(()) } else { out.print(&(table.trim_fmt() + "\n")) }
}

fn cells(row: &Row, zone: &TimeZone, now: Timestamp) -> [String; TABLE.len()] {
    let text = |s: &Option<String>| s.as_deref().map_or_else(|| "-".into(), plain);
    let agent = match &row.agent_name {
        Some(name) => format!("{} {}", text(&row.agent_id), plain(name)),
        None => text(&row.agent_id),
    };
    [
        short_hex(row.id),
        local(row.answered_at, zone),
        length(row.duration_s()),
        text(&row.service),
        direction(row).into(),
        agent,
        if row.withheld { "withheld".into() } else { text(&row.number) },
        states(row, now),
    ]
}

/// Time on the wall of the office.
pub(super) fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_jiff().to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Everything there is to say of it.
pub(super) fn states(row: &Row, now: Timestamp) -> String {
    let words = [
        (row.restricted, "restricted"),
        (row.held, "held"),
        (row.is_due(now), "due"),
        (!row.complete, "incomplete"),
        (row.one_way, "one-way"),
    ];
    let said: Vec<&str> = words.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    if said.is_empty() { "kept".into() } else { said.join(",") }
}

pub(super) fn direction(row: &Row) -> &'static str {
    match row.direction {
        Some(CallDirection::Inbound) => "inbound",
        Some(CallDirection::Outbound) => "outbound",
        Some(CallDirection::Internal) => "internal",
        None => "",
    }
}

fn ended_by(row: &Row) -> String {
    match serde_json::to_value(row.ended_by) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        assert_eq!(quoted("a b"), "a b");
        assert_eq!(quoted("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
    }
}
