//! A month of the calendar, by the clock on the wall.

use crate::store::calendar::{day_begins, local_date};
use crate::time::Timestamp;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::fmt;

/// A month, by its first day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReportMonth(Date);

impl ReportMonth {
    /// From `2026-11`.
    pub fn parse(text: &str) -> Option<ReportMonth> {
        let is_form = text.len() == 7 && text.as_bytes()[4] == b'-';
        is_form.then(|| format!("{text}-01").parse().ok()).flatten().map(ReportMonth)
    }

    /// The month of an instant.
    pub fn of(at: Timestamp, zone: &TimeZone) -> ReportMonth {
        ReportMonth(local_date(at, zone).first_of_month())
    }

    /// The last month that is over.
    pub fn last_whole(now: Timestamp, zone: &TimeZone) -> ReportMonth {
        ReportMonth(local_date(now, zone).first_of_month().saturating_sub(1.month()))
    }

    /// Its first instant.
    pub fn begins(self, zone: &TimeZone) -> Timestamp {
        day_begins(self.0, zone)
    }

    /// The first instant behind it.
    pub fn ends(self, zone: &TimeZone) -> Timestamp {
        day_begins(self.0.saturating_add(1.month()), zone)
    }

    /// Whether a day is one of its days.
    pub fn has(self, day: Date) -> bool {
        day.first_of_month() == self.0
    }

    /// Its first day.
    pub fn first_day(self) -> Date {
        self.0
    }
}

/// `2026-11`
impl fmt::Display for ReportMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_one_of_the_calendar() {
        let zone = TimeZone::get("Europe/Helsinki").unwrap();
        let at = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
        let march = ReportMonth::parse("2026-03").unwrap();
        assert_eq!(
            (march.begins(&zone), march.ends(&zone)),
            (at("2026-02-28T22:00:00Z"), at("2026-03-31T21:00:00Z"))
        );
        assert_eq!(ReportMonth::last_whole(at("2026-03-31T21:00:00Z"), &zone), march);
        assert_eq!(ReportMonth::last_whole(at("2026-01-15T12:00:00Z"), &zone).to_string(), "2025-12");
        assert!(march.has("2026-03-31".parse().unwrap()) && !march.has("2025-03-31".parse().unwrap()));
        for text in ["2026-13", "2026-3", "2026/03", "26-03-01", "", "2026-03-01", "2026-0é"] {
            assert_eq!(ReportMonth::parse(text), None, "{text}");
        }
    }
}
