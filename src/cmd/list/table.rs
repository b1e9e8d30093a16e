//! Recordings as a table for people: readers fill cells, which are laid out in order.

use super::readers::RowFormat;
use super::times::ZoneClock;
use crate::archive::index::Row;
use crate::cmd::columns::Grid;
use crate::cmd::output::{push_length, push_plain};
use crate::cmd::words::{direction, push_states};
use crate::id::push_short;
use crate::pii::Pii;
use crate::store::sidecar::Customer;
use crate::time::Timestamp;
use jiff::tz::TimeZone;

/// The heads of the columns.
pub(super) const HEADS: [&str; 8] =
    ["ID", "ANSWERED", "LENGTH", "SERVICE", "DIRECTION", "AGENT", "CUSTOMER", "STATE"];

/// Cells for each row.
pub(super) struct Cells<'a> {
    pub(super) zone: &'a TimeZone,
    pub(super) now: Timestamp,
}

/// The cells of a page, and the clock that stamps them.
#[derive(Default)]
pub(super) struct TablePage {
    grid: Grid,
    stamps: Option<ZoneClock>,
}

impl RowFormat for Cells<'_> {
    type Page = TablePage;
    type Text = Grid;

    fn add(&self, row: &Row, page: &mut TablePage) {
        let or_dash = |text: Option<&str>, out: &mut String| match text {
            Some(text) => push_plain(text, out),
            None => out.push('-'),
        };
        let TablePage { grid, stamps } = page;
        let stamps = stamps.get_or_insert_with(|| ZoneClock::of(self.zone));
        grid.cell(|out| push_short(row.id, out));
        grid.cell(|out| {
            let at = stamps.parts(row.answered_at);
            for part in [at.date, " ", at.time()] {
                out.push_str(part);
            }
        });
        grid.cell(|out| push_length(row.duration_s(), out));
        grid.cell(|out| or_dash(row.service.as_deref(), out));
        grid.cell(|out| out.push_str(direction(row)));
        grid.cell(|out| {
            or_dash(row.agent.id.as_deref(), out);
            if let Some(name) = &row.agent.name {
                out.push(' ');
                push_plain(name.as_str(), out);
            }
        });
        grid.cell(|out| match &row.customer {
            Customer { withheld: true, .. } => out.push_str("withheld"),
            Customer { number, .. } => or_dash(number.as_ref().map(Pii::as_str), out),
        });
        grid.cell(|out| push_states(row, self.now, out));
    }

    fn words(&self, page: TablePage) -> Grid {
        page.grid
    }
}
