//! What commands say of a recording, in the words of their tables.

use crate::archive::index::Row;
use crate::archive::marks::AssuranceMark;
use crate::config::CallDirection;
use crate::time::Timestamp;
use jiff::tz::TimeZone;

/// Time on the wall of the office.
pub(super) fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.on_the_wall(zone, "%Y-%m-%d %H:%M:%S")
}

/// Everything there is to say of it.
pub(super) fn states(row: &Row, now: Timestamp) -> String {
    let mut text = String::new();
    push_states(row, now, &mut text);
    text
}

/// Appends [`states`].
pub(super) fn push_states(row: &Row, now: Timestamp, text: &mut String) {
    let words = [
        (row.missing, "missing"),
        (row.restricted, "restricted"),
        (row.held, "held"),
        (row.is_due(now), "due"),
        (!row.complete, "incomplete"),
        (row.one_way, "one-way"),
    ];
    let of_state = words.iter().filter(|(is, _)| *is).map(|(_, word)| *word);
    let mut said = of_state.chain(row.marks.iter().map(AssuranceMark::name));
    text.push_str(said.next().unwrap_or("kept"));
    for word in said {
        text.push(',');
        text.push_str(word);
    }
}

pub(super) fn direction(row: &Row) -> &'static str {
    row.direction.map_or("", CallDirection::name)
}
