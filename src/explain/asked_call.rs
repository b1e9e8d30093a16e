//! Which calls somebody asks about.

use crate::archive::search::IdPart;
use crate::time::Timestamp;
use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use std::str::FromStr;

/// Which calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskedCall {
    /// All that there are.
    All,
    /// The one of this recording, and those of its contact. Eight digits may be a Call-ID as well.
    Recording(IdPart, String),
    /// The one of this Call-ID, or of the hash that stands for it.
    CallId(String),
    /// Those under way at a time.
    At(AskedTime),
}

/// A time as people write it: to the minute, to the second or exactly, with a day or on any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedTime {
    /// An instant.
    Instant(Timestamp),
    /// By the clock on the wall: the day, the time and how many seconds it stands for.
    Local(Option<Date>, Time, i64),
}

impl FromStr for AskedCall {
    type Err = String;

    fn from_str(text: &str) -> Result<AskedCall, String> {
        if text.is_empty() {
            return Err("a Call-ID, the id of a recording, a time, or all".into());
        }
        if text == "all" {
            return Ok(AskedCall::All);
        }
        if let Some(at) = AskedTime::parse(text) {
            return Ok(AskedCall::At(at));
        }
        if looks_like_time(text) {
            return Err(format!("`{text}` is no time: write it as 2026-11-23 08:15, or 08:15:20"));
        }
        // As `sha256sum | cut -c1-16` writes it.
        if text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(AskedCall::CallId(format!("sha256:{}", text.to_ascii_lowercase())));
        }
        Ok(match IdPart::parse(text) {
            Some(id) => AskedCall::Recording(id, text.into()),
            None => AskedCall::CallId(text.into()),
        })
    }
}

impl AskedTime {
    /// RFC 3339, `2026-11-23 08:15`, `2026-11-23T08:15:20`, `08:15` or `08:15:20`.
    fn parse(text: &str) -> Option<AskedTime> {
        if let Some(at) = Timestamp::parse_rfc3339(text) {
            return Some(AskedTime::Instant(at));
        }
        let (day, time) = match text.split_once(['T', ' ']) {
            Some((day, time)) => (Some(Date::strptime("%Y-%m-%d", day).ok()?), time),
            None => (None, text),
        };
        let to_minute = || Some((Time::strptime("%H:%M", time).ok()?, 60));
        let to_second = || Some((Time::strptime("%H:%M:%S", time).ok()?, 1));
        let (time, seconds) = to_minute().or_else(to_second)?;
        Some(AskedTime::Local(day, time, seconds))
    }

    /// The span it may lie in; `None` where the day is not said.
    pub fn day(&self, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        match *self {
            AskedTime::Instant(at) => Some((at, at.offset_ns(1))),
            AskedTime::Local(None, ..) => None,
            AskedTime::Local(Some(day), time, seconds) => {
                let from = zone.to_ambiguous_timestamp(DateTime::from_parts(day, time)).compatible().ok()?;
                let from = Timestamp::from_jiff(from);
                Some((from, from.offset_ns(seconds * crate::time::NS_PER_S)))
            }
        }
    }

    /// Does it touch the span from `begun` to `ended`?
    pub fn touches(&self, (begun, ended): (Timestamp, Timestamp), zone: &TimeZone) -> bool {
        let (day, time, seconds) = match *self {
            AskedTime::Instant(at) => return begun <= at && at <= ended,
            AskedTime::Local(day, time, seconds) => (day, time, seconds),
        };
        let day_of = |at: Timestamp| at.to_jiff().to_zoned_datetime(zone.clone()).date();
        let is_in = |day: Date| {
            let from = zone.to_ambiguous_timestamp(DateTime::from_parts(day, time)).compatible();
            let Ok(from) = from.map(Timestamp::from_jiff) else { return false };
            begun < from.offset_ns(seconds * crate::time::NS_PER_S) && from <= ended
        };
        match day {
            Some(day) => is_in(day),
            // A call that lasts over midnight has two days; one over weeks does not exist.
            None => {
                let first = day_of(begun);
                let days = std::iter::successors(Some(first), |d| d.checked_add(1.day()).ok());
                days.take_while(|d| *d <= day_of(ended)).take(MAX_DAYS).any(is_in)
            }
        }
    }
}

/// Digits set apart as in a date or a time: no Call-ID looks so.
fn looks_like_time(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    let is_date =
        shape.strip_prefix("9999-99-99").is_some_and(|rest| rest.is_empty() || rest.starts_with(['T', ' ']));
    is_date || shape == "99:99" || shape == "99:99:99"
}

/// Days of one call that are looked at.
const MAX_DAYS: usize = 8;
