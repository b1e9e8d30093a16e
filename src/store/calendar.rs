//! Retention counted in local calendar days.
//!
//! R-RET-1 to 3: forward from the local date of the answer; months and years
//! clamp to the last day of the month (Finnish Act 150/1930 §3, Regulation
//! 1182/71 Art. 3(2)(c)); deadlines on a weekend are not extended. Pure
//! arithmetic: the zone is an argument, nothing here asks what day it is.

use crate::config::{RetentionBound, Term};
use crate::time::Timestamp;
use jiff::ToSpan;
use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};

/// The day whose calendar a recording counts from: the answer's, in `tz`.
pub fn local_date(answered_at: Timestamp, tz: &TimeZone) -> Date {
    tz.to_datetime(answered_at.to_jiff()).date()
}

/// The instant a recording falls due: with `keep` the midnight after the
/// anniversary of the answer's local date, with `at_most` the midnight before it.
pub fn due(answered_at: Timestamp, term: Term, bound: RetentionBound, tz: &TimeZone) -> Timestamp {
    let anniversary = local_date(answered_at, tz).saturating_add(term.span());
    let day = match bound {
        RetentionBound::AtMost => anniversary,
        RetentionBound::Keep => anniversary.saturating_add(1.day()),
    };
    day_begins(day, tz)
}

/// The instant a term before `now`, on the calendar of UTC.
pub fn ago(term: Term, now: Timestamp) -> Timestamp {
    let since = now.to_jiff().to_zoned_datetime(TimeZone::UTC).saturating_sub(term.span());
    Timestamp::from_jiff(since.timestamp())
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
    fn the_ends_of_time_do_not_panic() {
        for ns in [i64::MIN, 0, i64::MAX] {
            for bound in [RetentionBound::Keep, RetentionBound::AtMost] {
                let at = Timestamp::from_ns(ns);
                assert!(due(at, Term::Years(100), bound, &TimeZone::UTC) >= at);
            }
        }
    }

    #[test]
    fn back_by_the_calendar() {
        let now = Timestamp::from_jiff("2028-02-29T12:00:00Z".parse().unwrap());
        let since = ago(Term::Years(10), now);
        assert_eq!(since.to_rfc3339(), "2018-02-28T12:00:00.000000Z");
    }
}
