//! Recordings as a table for people.
//!
//! Readers fill cells; what is printed is laid out in order, since a column is at
//! least as wide as it was before: columns stay under their heads.

use super::readers::Form;
use super::times::Stamps;
use crate::archive::index::Row;
use crate::cmd::output::{push_length, push_plain};
use crate::cmd::words::{direction, push_states};
use crate::id::push_short;
use crate::pii::Pii;
use crate::store::sidecar::Customer;
use crate::time::Timestamp;
use jiff::tz::TimeZone;

/// The heads of the columns.
const HEADS: [&str; 8] = ["ID", "ANSWERED", "LENGTH", "SERVICE", "DIRECTION", "AGENT", "CUSTOMER", "STATE"];
/// Blanks between two columns.
const BETWEEN: usize = 2;

/// Cells for each row.
pub(super) struct Cells<'a> {
    pub(super) zone: &'a TimeZone,
    pub(super) now: Timestamp,
}

/// The cells of a page, one behind the other.
#[derive(Default)]
pub(super) struct Page {
    text: String,
    /// Where each cell ends in `text`.
    ends: Vec<u32>,
    stamps: Option<Stamps>,
}

impl Page {
    fn cell(&mut self, fill: impl FnOnce(&mut String)) {
        fill(&mut self.text);
        self.ends.push(self.text.len() as u32);
    }

    fn cells(&self) -> impl Iterator<Item = &str> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins.zip(&self.ends).map(|(from, to)| &self.text[from as usize..*to as usize])
    }
}

impl Form for Cells<'_> {
    type Page = Page;
    type Text = Page;

    fn add(&self, row: &Row, page: &mut Page) {
        let or_dash = |text: Option<&str>, out: &mut String| match text {
            Some(text) => push_plain(text, out),
            None => out.push('-'),
        };
        page.cell(|out| push_short(row.id, out));
        let mut stamps = page.stamps.take().unwrap_or_else(|| Stamps::of(self.zone));
        page.cell(|out| {
            let at = stamps.parts(row.answered_at);
            for part in [at.date, " ", at.time()] {
                out.push_str(part);
            }
        });
        page.stamps = Some(stamps);
        page.cell(|out| push_length(row.duration_s(), out));
        page.cell(|out| or_dash(row.service.as_deref(), out));
        page.cell(|out| out.push_str(direction(row)));
        page.cell(|out| {
            or_dash(row.agent.id.as_deref(), out);
            if let Some(name) = &row.agent.name {
                out.push(' ');
                push_plain(name, out);
            }
        });
        page.cell(|out| match &row.customer {
            Customer { withheld: true, .. } => out.push_str("withheld"),
            Customer { number, .. } => or_dash(number.as_ref().map(Pii::as_str), out),
        });
        page.cell(|out| push_states(row, self.now, out));
    }

    fn words(&self, page: Page) -> Page {
        page
    }
}

/// What has been laid out so far.
pub(super) struct Layout {
    widths: [usize; HEADS.len()],
    heads: bool,
}

impl Layout {
    pub(super) fn new() -> Layout {
        Layout { widths: HEADS.map(str::len), heads: true }
    }

    /// The heads alone, where nothing was found.
    pub(super) fn rest(&mut self) -> String {
        if self.heads { self.lines(&Page::default()) } else { String::new() }
    }

    /// The lines of a page, below the heads where it is the first.
    pub(super) fn lines(&mut self, page: &Page) -> String {
        let ascii = page.text.is_ascii();
        let width = |cell: &str| if ascii { cell.len() } else { cell.chars().count() };
        for (i, cell) in page.cells().enumerate() {
            let widest = &mut self.widths[i % HEADS.len()];
            *widest = width(cell).max(*widest);
        }
        let line: usize = self.widths.iter().map(|w| w + BETWEEN).sum();
        let mut out = String::with_capacity((page.ends.len() / HEADS.len() + 1) * line + page.text.len());
        let heads = if std::mem::take(&mut self.heads) { &HEADS[..] } else { &[] };
        for (i, cell) in heads.iter().copied().chain(page.cells()).enumerate() {
            out.push_str(cell);
            let column = i % HEADS.len();
            if column + 1 == HEADS.len() {
                out.truncate(out.trim_end_matches(' ').len());
                out.push('\n');
            } else {
                let blanks = self.widths[column] - width(cell) + BETWEEN;
                push_blanks(blanks, &mut out);
            }
        }
        out
    }
}

fn push_blanks(mut n: usize, out: &mut String) {
    const BLANKS: &str = "                                ";
    while n > BLANKS.len() {
        out.push_str(BLANKS);
        n -= BLANKS.len();
    }
    out.push_str(&BLANKS[..n]);
}
