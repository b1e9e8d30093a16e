//! Recordings as comma-separated values (RFC 4180).
//!
//! Most of these files are opened in a spreadsheet, and callers choose parts of the text:
//! a cell that a spreadsheet would take for a formula begins with `'`, which makes it text
//! there. `+35840123xxxx` is such a cell too.
//!
//! Written by hand: the `csv` crate takes 1.6 to 1.9 times as long for the same lines (`cargo bench
//! --bench listing`).

use super::readers::RowFormat;
use super::times::{ZoneClock, push_seconds};
use crate::archive::index::Row;
use crate::cmd::output::push_plain;
use crate::cmd::words::direction;
use crate::pii::Pii;
use crate::time::Timestamp;
use jiff::tz::TimeZone;
use std::fmt::Write;

/// The heads of the columns. Columns are added at the end, never moved.
pub(super) const COLUMNS: [&str; 22] = [
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
    "marks",
];

/// A line for each row.
pub(super) struct Csv {
    pub(super) now: Timestamp,
}

/// Lines, and the clock that stamps them.
pub(super) struct CsvLines {
    text: String,
    answered: ZoneClock,
    until: ZoneClock,
}

impl Default for CsvLines {
    fn default() -> CsvLines {
        let utc = ZoneClock::of(&TimeZone::UTC);
        CsvLines { text: String::new(), answered: utc.clone(), until: utc }
    }
}

impl RowFormat for Csv {
    type Page = CsvLines;
    type Text = String;

    fn add(&self, row: &Row, page: &mut CsvLines) {
        let CsvLines { text, answered, until } = page;
        let mut hyphenated = [0; uuid::fmt::Hyphenated::LENGTH];
        text.push_str(row.id.hyphenated().encode_lower(&mut hyphenated));
        text.push(',');
        text.push_str(row.call_group.hyphenated().encode_lower(&mut hyphenated));
        let at = answered.parts(row.answered_at);
        for part in [",", at.date, "T", at.time()] {
            text.push_str(part);
        }
        // A String takes everything.
        let _ = write!(text, ".{:06}Z,", at.micros);
        push_seconds(row.duration_us, text);
        push_field(row.service.as_deref(), text);
        push_word(direction(row), text);
        push_field(row.agent.id.as_deref(), text);
        push_field(row.agent.name.as_ref().map(Pii::as_str), text);
        push_field(row.customer.number.as_ref().map(Pii::as_str), text);
        push_word(truth(row.customer.withheld), text);
        push_field(row.dialled.as_ref().map(Pii::as_str), text);
        push_word(row.ended_by.name(), text);
        for is in [row.complete, row.one_way, row.held, row.restricted] {
            push_word(truth(is), text);
        }
        push_word(row.state(self.now).name(), text);
        text.push(',');
        if let Some(at) = row.until {
            let at = until.parts(at);
            for part in [at.date, "T", at.time(), "Z"] {
                text.push_str(part);
            }
        }
        let _ = write!(text, ",{}", row.wav_bytes);
        push_word(&row.sha256, text);
        match row.path.to_str() {
            Some(path) => push_field(Some(path), text),
            None => push_field(Some(&row.path.to_string_lossy()), text),
        }
        text.push(',');
        for (n, mark) in row.marks.iter().enumerate() {
            text.push_str(if n > 0 { " " } else { "" });
            text.push_str(mark.name());
        }
        text.push_str("\r\n");
    }

    fn words(&self, page: CsvLines) -> String {
        page.text
    }
}

const fn truth(is: bool) -> &'static str {
    if is { "true" } else { "false" }
}

/// A comma and a word of ours.
fn push_word(word: &str, text: &mut String) {
    text.push(',');
    text.push_str(word);
}

/// Text of a stranger's as one cell, see [`push_field`].
pub(in crate::cmd) fn cell(field: &str) -> String {
    let mut text = String::new();
    push_field(Some(field), &mut text);
    text.split_off(1)
}

/// A comma and the field: fit for a terminal, never a formula, in quotes where it needs them
/// (RFC 4180 section 2).
fn push_field(field: Option<&str>, text: &mut String) {
    text.push(',');
    let field = field.unwrap_or_default();
    let mark = if is_formula(field) { "'" } else { "" };
    if !field.bytes().any(|b| matches!(b, b',' | b'"')) {
        text.push_str(mark);
        return push_plain(field, text);
    }
    text.push('"');
    text.push_str(mark);
    for (i, part) in field.split('"').enumerate() {
        text.push_str(if i == 0 { "" } else { "\"\"" });
        push_plain(part, text);
    }
    text.push('"');
}

/// Would a spreadsheet calculate this cell? Blanks, control characters and other marks that
/// some of them skip do not hide the sign that begins a formula; the wide forms count as well.
fn is_formula(field: &str) -> bool {
    let first = field.chars().find(|c| !c.is_whitespace() && !c.is_control() && !is_invisible(*c));
    matches!(
        first,
        Some('=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}' | '\u{2212}')
    )
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '"' | '\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        for (field, want) in
            [("a b", ",a b"), ("a,\"b\"", ",\"a,\"\"b\"\"\""), ("", ","), ("\"", ",\"\"\"\"")]
        {
            let mut text = String::new();
            push_field(Some(field), &mut text);
            assert_eq!(text, want);
        }
    }

    #[test]
    fn no_cell_is_a_formula_or_moves_the_cursor() {
        for field in [
            "=1+1",
            "+35840123xxxx",
            "-1",
            "@SUM(A1)",
            " =1",
            "\t=1",
            "\u{feff}=1",
            "\u{ff1d}1",
            "\"=1",
            "'=1",
        ] {
            let mut text = String::new();
            push_field(Some(field), &mut text);
            let cell = text[1..].trim_start_matches('"');
            assert!(cell.starts_with('\''), "{field:?} -> {text:?}");
        }
        let mut text = String::new();
        push_field(Some("a\u{1b}[2J\r\n\0b\u{202e}"), &mut text);
        assert_eq!(text, ",a\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}b\u{fffd}");
    }
}
