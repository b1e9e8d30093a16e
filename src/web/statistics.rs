//! How many calls, how long, per service and hour; never so few that a person could be meant.
//!
//! A cell of few calls is not shown ([`small_cells`](crate::archive::small_cells)), nor is a sum from which it could
//! be reckoned. Who called is no dimension.

use crate::archive::small_cells::ShownCount;
use crate::time::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// From when and before when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Answered at or after.
    pub since: Timestamp,
    /// Answered before.
    pub until: Timestamp,
}

/// What the time of a call is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Each hour of each day, `2026-11-29T08`.
    Hour,
    /// The hour of the day, all days together, `08`.
    HourOfDay,
}

impl Slot {
    /// From its name.
    pub fn from_name(name: &str) -> Option<Slot> {
        match name {
            "hour" => Some(Slot::Hour),
            "hour_of_day" => Some(Slot::HourOfDay),
            _ => None,
        }
    }

    /// The slot of an instant, on the clock of `zone`.
    pub fn of(self, at: Timestamp, zone: &TimeZone) -> String {
        let at = at.to_jiff().to_zoned_datetime(zone.clone());
        match self {
            Slot::Hour => format!("{}T{:02}", at.date(), at.hour()),
            Slot::HourOfDay => format!("{:02}", at.hour()),
        }
    }
}

/// Calls of one service in one slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// How many.
    pub calls: u64,
    /// How long together, microseconds.
    pub us: i64,
    /// How many of them are in their recordings only in part.
    pub partial: u64,
}

impl Cell {
    /// Whether it may be shown.
    pub fn is_shown(self) -> bool {
        ShownCount::of(self.calls).count().is_some()
    }

    /// How many of its calls are recorded only in part, where that may be shown beside how many there are.
    pub fn shown_partial(self) -> Option<u64> {
        ShownCount::part(self.partial, self.calls).count()
    }
}

/// Cells by service and slot.
pub type Counts = BTreeMap<(String, String), Cell>;

/// The cells as JSON, `null` for what is not shown.
pub fn to_json(counts: &Counts) -> Vec<Value> {
    let one = |((service, slot), cell): (&(String, String), &Cell)| {
        let (calls, seconds, partial) = match cell.is_shown() {
            true => (cell.calls.into(), (cell.us as f64 / 1e6).round().into(), json!(cell.shown_partial())),
            false => (Value::Null, Value::Null, Value::Null),
        };
        json!({ "service": service, "slot": slot, "calls": calls, "seconds": seconds, "partial": partial })
    };
    counts.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_calls_are_not_counted_out_loud() {
        let mut counts = Counts::new();
        for (slot, calls) in [("08", 4), ("09", 5), ("10", 1_000)] {
            counts.insert(
                ("general".into(), slot.into()),
                Cell { calls, us: 1_500_000 * calls as i64, partial: calls / 10 },
            );
        }
        let shown = to_json(&counts);
        assert_eq!(
            shown[0],
            json!({ "service": "general", "slot": "08", "calls": null, "seconds": null, "partial": null })
        );
        assert_eq!(
            shown[1],
            json!({ "service": "general", "slot": "09", "calls": 5, "seconds": 8.0, "partial": 0 })
        );
        assert_eq!((&shown[2]["calls"], &shown[2]["partial"]), (&1_000.into(), &100.into()));
        let few_in_part = Cell { calls: 5, us: 0, partial: 1 };
        assert!(few_in_part.is_shown() && few_in_part.shown_partial().is_none());
    }

    #[test]
    fn an_hour_is_one_of_the_calendar() {
        let zone = TimeZone::get("Europe/Helsinki").unwrap();
        let at = crate::store::sidecar::parse_rfc3339("2026-11-28T22:30:00Z").unwrap();
        assert_eq!(Slot::Hour.of(at, &zone), "2026-11-29T00");
        assert_eq!(Slot::HourOfDay.of(at, &zone), "00");
        assert_eq!(
            ["hour", "hour_of_day", "x"].map(Slot::from_name),
            [Some(Slot::Hour), Some(Slot::HourOfDay), None]
        );
    }
}
