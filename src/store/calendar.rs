//! Retention counted in local calendar days.
//!
//! R-RET-1 to 3: forward from the local date of the answer; months and years
//! clamp to the last day of the month (Finnish Act 150/1930 §3, Regulation
//! 1182/71 Art. 3(2)(c)); deadlines on a weekend are not extended. Pure
//! arithmetic: the zone is an argument, nothing here asks what day it is.

use crate::config::RetentionBound;
use crate::time::Timestamp;
use jiff::ToSpan;
use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use std::fmt;

/// Longest term, in years: everything stays far from the ends of the calendar.
const MAX_YEARS: u32 = 100;

/// How long a service keeps its recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Term {
    /// Calendar days.
    Days(u32),
    /// Seven calendar days each.
    Weeks(u32),
    /// Calendar months: half a year is six of them, not 182 days.
    Months(u32),
    /// Calendar years.
    Years(u32),
}

/// A term that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TermError {
    /// Not a count and a unit.
    #[error("`{0}` is not a term such as \"6 months\": a count of days, weeks, months or years")]
    Shape(String),
    /// Zero, or beyond a hundred years.
    #[error("`{0}` is out of range: at least 1 day, at most {MAX_YEARS} years")]
    Range(String),
}

impl Term {
    /// `6 months`, `5 years`, `180 days`, `2 weeks`, `1 day`.
    pub fn parse(text: &str) -> Result<Term, TermError> {
        let shape = || TermError::Shape(text.to_owned());
        let mut words = text.split_whitespace();
        let (count, unit) = words.next().zip(words.next()).ok_or_else(shape)?;
        if words.next().is_some() || !count.bytes().all(|b| b.is_ascii_digit()) {
            return Err(shape());
        }
        let (make, a_year): (fn(u32) -> Term, u32) = match unit {
            "day" | "days" => (Term::Days, 366),
            "week" | "weeks" => (Term::Weeks, 53),
            "month" | "months" => (Term::Months, 12),
            "year" | "years" => (Term::Years, 1),
            _ => return Err(shape()),
        };
        match count.parse() {
            Ok(n) if n > 0 && n <= MAX_YEARS * a_year => Ok(make(n)),
            // Only digits stand there, so what fails to parse is too large.
            _ => Err(TermError::Range(text.to_owned())),
        }
    }

    /// The anniversary of `date`; clamps to the last day of the month.
    pub fn anniversary(self, date: Date) -> Date {
        match self {
            Term::Days(n) => date.saturating_add(i64::from(n).days()),
            Term::Weeks(n) => date.saturating_add(i64::from(n).weeks()),
            Term::Months(n) => date.saturating_add(i64::from(n).months()),
            Term::Years(n) => date.saturating_add(i64::from(n).years()),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, unit) = match *self {
            Term::Days(n) => (n, "day"),
            Term::Weeks(n) => (n, "week"),
            Term::Months(n) => (n, "month"),
            Term::Years(n) => (n, "year"),
        };
        write!(f, "{n} {unit}{}", if n == 1 { "" } else { "s" })
    }
}

/// The day whose calendar a recording counts from: the answer's, in `tz`.
pub fn local_date(answered_at: Timestamp, tz: &TimeZone) -> Date {
    tz.to_datetime(answered_at.to_jiff()).date()
}

/// The instant a recording falls due: with `keep` the midnight after the
/// anniversary of the answer's local date, with `at_most` the midnight before it.
pub fn due(answered_at: Timestamp, term: &Term, bound: RetentionBound, tz: &TimeZone) -> Timestamp {
    let anniversary = term.anniversary(local_date(answered_at, tz));
    let day = match bound {
        RetentionBound::AtMost => anniversary,
        RetentionBound::Keep => anniversary.saturating_add(1.day()),
    };
    day_begins(day, tz)
}

/// `retention.until`: RFC 3339 in UTC, whole seconds.
pub fn until_string(due: Timestamp) -> String {
    due.to_jiff().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The instant a local day begins: from there on no earlier day comes again.
///
/// Where the clocks jump over midnight it is the jump itself. Where midnight
/// comes twice it is the first, unless the evening before comes back in between
/// (St John's until 2011): a call in that evening must not fall due before it.
pub fn day_begins(day: Date, tz: &TimeZone) -> Timestamp {
    let midnight = tz.to_ambiguous_timestamp(day.to_datetime(Time::midnight()));
    let offset = midnight.offset();
    // Fails at the end of the calendar only, beyond any stamp a packet can bear.
    let Ok(at) = midnight.compatible() else { return Timestamp::FAR_FUTURE };
    let at = Timestamp::from_jiff(at);
    match offset {
        AmbiguousOffset::Unambiguous { .. } => at,
        AmbiguousOffset::Gap { .. } => {
            // `at` lies as far behind the jump as midnight is inside the gap: not
            // on the jump when the gap began before midnight.
            let jump = tz.preceding(at.offset_ns(1).to_jiff()).next();
            jump.map_or(at, |t| Timestamp::from_jiff(t.timestamp()))
        }
        AmbiguousOffset::Fold { before, after } => {
            let apart = i64::from(before.seconds()) - i64::from(after.seconds());
            let again = at.offset_ns(apart * crate::time::NS_PER_S);
            if local_date(again.offset_ns(-1), tz) < day { again } else { at }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_read_and_print() {
        for (text, term) in [
            ("6 months", Term::Months(6)),
            ("1 month", Term::Months(1)),
            ("5 years", Term::Years(5)),
            ("1 year", Term::Years(1)),
            ("180 days", Term::Days(180)),
            ("2 weeks", Term::Weeks(2)),
            ("100 years", Term::Years(100)),
        ] {
            assert_eq!(Term::parse(text), Ok(term));
            assert_eq!(term.to_string(), text);
        }
        assert_eq!(Term::parse("  12   months "), Ok(Term::Months(12)));
    }

    #[test]
    fn terms_that_mean_nothing_are_refused() {
        for text in [
            "",
            "6",
            "months",
            "6months",
            "-1 days",
            "+1 days",
            "1.5 years",
            "6 moons",
            "6 months x",
            "٣ days",
        ] {
            assert!(matches!(Term::parse(text), Err(TermError::Shape(_))), "{text}");
        }
        for text in ["0 days", "101 years", "1201 months", "99999999999999999999 days"] {
            assert!(matches!(Term::parse(text), Err(TermError::Range(_))), "{text}");
        }
        assert!(TermError::Shape("6".into()).to_string().contains("6 months"));
    }

    #[test]
    fn the_ends_of_time_do_not_panic() {
        for ns in [i64::MIN, 0, i64::MAX] {
            for bound in [RetentionBound::Keep, RetentionBound::AtMost] {
                let at = Timestamp::from_ns(ns);
                assert!(due(at, &Term::Years(100), bound, &TimeZone::UTC) >= at);
            }
        }
    }
}
