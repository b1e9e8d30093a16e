//! When a recording falls due: the vectors of R-RET-1 to 3, and properties over
//! every zone of the tz database.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use nauhuri::config::RetentionBound::{self, AtMost, Keep};
use nauhuri::config::Term;
use nauhuri::store::calendar::{due, local_date, until_string};
use nauhuri::time::Timestamp;
use proptest::prelude::*;

fn helsinki() -> TimeZone {
    TimeZone::get("Europe/Helsinki").expect("the tz database has Helsinki")
}

fn instant(rfc3339: &str) -> Timestamp {
    Timestamp::from_jiff(rfc3339.parse().expect("an RFC 3339 instant"))
}

fn until(at: Timestamp, term: &str, bound: RetentionBound, tz: &TimeZone) -> String {
    until_string(due(at, Term::parse(term).expect("a term"), bound, tz))
}

#[test]
fn vectors_in_helsinki() {
    let tz = helsinki();
    for (local, term, at_most, keep) in [
        ("2024-08-31", "6 months", "2025-02-27T22:00:00Z", "2025-02-28T22:00:00Z"),
        ("2024-08-29", "6 months", "2025-02-27T22:00:00Z", "2025-02-28T22:00:00Z"),
        ("2023-08-29", "6 months", "2024-02-28T22:00:00Z", "2024-02-29T22:00:00Z"),
        ("2023-08-31", "6 months", "2024-02-28T22:00:00Z", "2024-02-29T22:00:00Z"),
        ("2024-02-29", "12 months", "2025-02-27T22:00:00Z", "2025-02-28T22:00:00Z"),
        ("2024-02-29", "5 years", "2029-02-27T22:00:00Z", "2029-02-28T22:00:00Z"),
        ("2024-09-30", "6 months", "2025-03-29T22:00:00Z", "2025-03-30T21:00:00Z"),
        ("2025-04-26", "6 months", "2025-10-25T21:00:00Z", "2025-10-26T22:00:00Z"),
    ] {
        let day: Date = local.parse().expect("a date");
        // Any moment of the local day counts alike.
        for time in [day.at(0, 0, 0, 0), day.at(12, 0, 0, 0), day.at(23, 59, 59, 999_999_999)] {
            let at = Timestamp::from_jiff(time.to_zoned_datetime(tz.clone()).expect("in range").timestamp());
            assert_eq!(until(at, term, AtMost, &tz), at_most, "{local} {term} at_most");
            assert_eq!(until(at, term, Keep, &tz), keep, "{local} {term} keep");
        }
    }
}

#[test]
fn the_recording_date_is_the_local_one() {
    let tz = helsinki();
    for (at, local) in [
        ("2025-06-30T21:30:00Z", date(2025, 7, 1)),
        ("2025-12-31T22:05:00Z", date(2026, 1, 1)),
        ("2025-10-26T00:30:00Z", date(2025, 10, 26)),
        ("2025-10-26T01:30:00Z", date(2025, 10, 26)),
    ] {
        assert_eq!(local_date(instant(at), &tz), local, "{at}");
    }
    assert_eq!(until(instant("2025-06-30T21:30:00Z"), "1 month", AtMost, &tz), "2025-07-31T21:00:00Z");
    assert_eq!(
        until(instant("2025-06-30T21:30:00Z"), "1 month", AtMost, &TimeZone::UTC),
        "2025-07-30T00:00:00Z"
    );
}

#[test]
fn half_a_year_is_six_months_and_weekends_do_not_extend() {
    // 2026-11-23 + 5 years is a Sunday.
    let at = instant("2026-11-23T08:15:23.120Z");
    assert_eq!(until(at, "5 years", Keep, &TimeZone::UTC), "2031-11-24T00:00:00Z");
    assert_eq!(until(at, "6 months", Keep, &TimeZone::UTC), "2027-05-24T00:00:00Z");
    assert_eq!(until(at, "182 days", Keep, &TimeZone::UTC), "2027-05-25T00:00:00Z");
    assert_eq!(until(at, "26 weeks", Keep, &TimeZone::UTC), "2027-05-25T00:00:00Z");
}

/// A query that counts back from 28 February never reaches 29 to 31 August.
#[test]
fn forward_counting_frees_the_last_days_of_august() {
    let tz = TimeZone::UTC;
    for day in 28..=31 {
        let at = instant(&format!("2024-08-{day}T12:00:00Z"));
        assert_eq!(until(at, "6 months", Keep, &tz), "2025-03-01T00:00:00Z");
    }
}

#[test]
fn midnights_that_do_not_exist_or_come_twice() {
    for (zone, at, term, cut) in [
        // Spring forward at 00:00.
        ("America/Sao_Paulo", "2018-11-03T15:00:00Z", "1 day", "2018-11-04T03:00:00Z"),
        ("Africa/Cairo", "2024-03-26T12:00:00Z", "1 month", "2024-04-25T22:00:00Z"),
        // A day left out.
        ("Pacific/Apia", "2011-12-29T12:00:00Z", "1 day", "2011-12-30T10:00:00Z"),
        // Back from 01:00 to 00:00: the first of the two midnights.
        ("America/Havana", "2023-11-04T15:00:00Z", "1 day", "2023-11-05T04:00:00Z"),
        // Back from 00:01 to 23:01 of the day before: the second of the two midnights.
        ("America/St_Johns", "2010-11-06T15:00:00Z", "1 day", "2010-11-07T03:30:00Z"),
        // Back from 00:00 to 23:00: the day begins at the second.
        ("America/Sao_Paulo", "2018-02-17T15:00:00Z", "1 day", "2018-02-18T03:00:00Z"),
    ] {
        let tz = TimeZone::get(zone).expect("a zone");
        assert_eq!(until(instant(at), term, AtMost, &tz), cut, "{zone} {at}");
    }
}

/// In every zone, for every bound: the cut lies after the answer, it is the
/// very first instant of its day, and `keep` is one local day behind `at_most`.
#[test]
fn every_zone_cuts_at_the_first_instant_of_a_day() {
    let terms = [Term::Days(1), Term::Weeks(2), Term::Months(6), Term::Years(5)];
    let mut zones = 0;
    for name in jiff::tz::db().available() {
        let Ok(tz) = TimeZone::get(name.as_str()) else { continue };
        zones += 1;
        // Days around each change of the clock, where midnights go missing.
        let from = instant("2000-01-01T00:00:00Z").to_jiff();
        let changes = tz.following(from).take(60).map(|t| Timestamp::from_jiff(t.timestamp()));
        for at in changes.flat_map(|t| [-1, 0, 1].map(|d| t.offset_ns(d * 86_400_000_000_000))) {
            for term in terms {
                check_cut(at, term, &tz, name.as_str());
            }
        }
        check_cut(instant("2026-11-23T08:15:23Z"), Term::Months(6), &tz, name.as_str());
    }
    assert!(zones > 300, "only {zones} zones: is tzdata installed?");
}

fn check_cut(at: Timestamp, term: Term, tz: &TimeZone, zone: &str) {
    let anniversary = local_date(at, tz).saturating_add(term.span());
    let next = anniversary.tomorrow().expect("in range");
    for (bound, day) in [(AtMost, anniversary), (Keep, next)] {
        let cut = due(at, term, bound, tz);
        assert!(cut > at, "{zone} {at} {term} {bound:?}");
        assert!(local_date(cut, tz) >= day, "{zone} {at} {term} {bound:?}: {cut} is too early");
        let before = local_date(cut.offset_ns(-1), tz);
        assert!(before < day, "{zone} {at} {term} {bound:?}: {cut} is not the first instant");
    }
}

proptest! {
    /// A later recording never falls due earlier.
    #[test]
    fn monotone_in_the_recording_date(
        a in 0i64..4_000_000_000,
        step in 0i64..40_000_000,
        n in 1u32..=60,
        unit in 0usize..4,
        zone in prop::sample::select(vec![
            "UTC", "Europe/Helsinki", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu", "America/St_Johns",
        ]),
    ) {
        let term = [Term::Days(n), Term::Weeks(n), Term::Months(n), Term::Years(n)][unit];
        let tz = TimeZone::get(zone).expect("a zone");
        let (early, late) = (Timestamp::from_parts(a, 0), Timestamp::from_parts(a + step, 0));
        for bound in [Keep, AtMost] {
            let (first, second) = (due(early, term, bound, &tz), due(late, term, bound, &tz));
            // A repeated local day (St John's until 2011) takes the date back by one.
            if local_date(early, &tz) <= local_date(late, &tz) {
                prop_assert!(first <= second);
            }
            prop_assert!(first > early);
        }
        prop_assert!(due(early, term, AtMost, &tz) < due(early, term, Keep, &tz));
    }
}
