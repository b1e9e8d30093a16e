//! `nauhuri list`: recordings as a table, as JSON or as CSV.
//!
//! Rows come from the index page by page, through several readers at once, and
//! are printed in order as they come. `state` in JSON and CSV is one word:
//! `missing` (its files are gone, nobody deleted it), else `restricted`, else `held`,
//! else `due` (past its term, the next sweep deletes it), else `kept`.

mod array;
pub(in crate::cmd) mod csv;
mod readers;
mod table;
mod times;

use super::archive::Opened;
use super::columns::Layout;
use super::output::{self, Printer, Stdout};
use crate::archive::abreast::threads;
use crate::archive::index::{Fields, KeptState, Piece, Row, SearchResults};
use crate::archive::search::Search;
use crate::cli::Cli;
use crate::cli::reading::ListArgs;
use crate::custody::audit::{Action, Draft, facts};
use crate::time::Timestamp;
use anyhow::bail;
pub(super) use array::sidecar;
use jiff::tz::TimeZone;
use readers::RowFormat as _;

/// More readers than this wait for one another.
const MAX_READERS: usize = 4;
/// Files wait for the disk: so many are asked for at once.
const FILE_READERS: usize = 8;

/// Prints what is asked for.
///
/// # Errors
/// An id that is unknown (after the others were printed), a sidecar that cannot be read.
pub fn run(cli: &Cli, args: &ListArgs) -> anyhow::Result<()> {
    let archive = Opened::open(cli)?;
    let search = Search { limit: args.limit, ..archive.search(&args.search)? };
    let fields = if args.json || args.csv { Fields::All } else { Fields::Shown };
    let answer = archive.index.answer(&search, fields)?;
    // Named one by one they are told one by one.
    let ids = answer.pieces.iter().filter(|_| !search.ids.is_empty()).flat_map(Piece::rows);
    let said = Draft::new(Action::List).on(ids.map(|row| row.id)).found_by(args.search.for_audit());
    archive.site.note(said.detail(facts! { Count: answer.count }))?;
    let mut out = Printer::new();
    let unreadable = match (args.json, args.csv) {
        (true, _) => array(&archive, answer, &mut out)?,
        (_, true) => csv(&archive, answer, &mut out).map(|()| 0)?,
        _ => table(&archive, answer, &mut out).map(|()| 0)?,
    };
    out.finish()?;
    archive.must_be_known(&args.search)?;
    if unreadable > 0 {
        bail!("{unreadable} sidecars could not be read; `nauhuri verify` tells which");
    }
    Ok(())
}

/// Lines of `--csv`, as `benches/listing.rs` measures them against the `csv` crate.
pub fn csv_lines(rows: &[Row], now: Timestamp) -> String {
    let (form, mut page) = (csv::Csv { now }, csv::CsvLines::default());
    rows.iter().for_each(|row| form.add(row, &mut page));
    form.words(page)
}

/// A sidecar as a line of `--json`, as `benches/listing.rs` measures it against `serde_json`.
pub fn json_line(sidecar: &str, state: KeptState) -> Option<String> {
    let mut line = String::new();
    array::splice(sidecar, state, &mut line).then_some(line)
}

/// Instants by the clock of a zone, each with a blank behind it, as `benches/listing.rs` measures them
/// against jiff.
pub fn stamps(instants: &[Timestamp], zone: &TimeZone) -> String {
    let (mut text, mut clock) = (String::new(), times::ZoneClock::of(zone));
    for at in instants {
        let at = clock.parts(*at);
        for part in [at.date, "T", at.time(), " "] {
            text.push_str(part);
        }
    }
    text
}

fn array(archive: &Opened, answer: SearchResults, out: &mut Printer) -> anyhow::Result<u64> {
    let form = array::Array { store: &archive.store, now: archive.site.now };
    let (mut unreadable, mut empty) = (0, true);
    out.print("[")?;
    readers::read(&archive.site.place, answer, &form, FILE_READERS, |page| -> Result<(), Stdout> {
        unreadable += page.unreadable;
        // Every sidecar begins with the comma that parts it from the one before.
        let text = if empty { page.text.strip_prefix(',').unwrap_or(&page.text) } else { &page.text };
        empty &= text.is_empty();
        out.print(&output::escaped(text))
    })?;
    out.print(if empty { "]\n" } else { "\n]\n" })?;
    Ok(unreadable)
}

fn csv(archive: &Opened, answer: SearchResults, out: &mut Printer) -> anyhow::Result<()> {
    out.print(&format!("{}\r\n", csv::COLUMNS.join(",")))?;
    let form = csv::Csv { now: archive.site.now };
    readers::read(&archive.site.place, answer, &form, threads(MAX_READERS), |lines| out.print(&lines))
}

fn table(archive: &Opened, answer: SearchResults, out: &mut Printer) -> anyhow::Result<()> {
    let form = table::Cells { zone: &archive.site.zone, now: archive.site.now };
    let mut layout = Layout::new(table::HEADS);
    let print = |page| out.print(&layout.lines(&page));
    readers::read(&archive.site.place, answer, &form, threads(MAX_READERS), print)?;
    Ok(out.print(&layout.rest())?)
}
