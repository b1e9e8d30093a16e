//! Times as text where many of one day follow one another: the calendar is asked
//! once a day, the rest is digits. Formatting each by jiff takes four times as long
//! (`cargo bench --bench listing`).

use crate::time::{NS_PER_S, Timestamp};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::fmt::Write;

/// Seconds in a day.
const DAY_S: i64 = 86_400;

/// The clock of one zone.
#[derive(Clone, Debug)]
pub(super) struct ZoneClock {
    zone: TimeZone,
    /// Seconds east of UTC, from the instant to before the other.
    offset_s: i64,
    from: Timestamp,
    until: Timestamp,
    /// Days since 1970 of `date`.
    day: i64,
    date: String,
}

/// An instant taken apart.
pub(super) struct Parts<'a> {
    /// `2026-11-23`
    pub(super) date: &'a str,
    /// `08:15:23`
    pub(super) time: [u8; 8],
    /// Microseconds of the second.
    pub(super) micros: u32,
}

impl Parts<'_> {
    /// The time, which is digits and colons.
    pub(super) fn time(&self) -> &str {
        std::str::from_utf8(&self.time).unwrap_or_default()
    }
}

impl ZoneClock {
    /// Of this zone.
    pub(super) fn of(zone: &TimeZone) -> ZoneClock {
        ZoneClock {
            zone: zone.clone(),
            offset_s: 0,
            from: Timestamp::EPOCH,
            until: Timestamp::EPOCH,
            day: i64::MIN,
            date: String::new(),
        }
    }

    /// Takes an instant apart.
    pub(super) fn parts(&mut self, at: Timestamp) -> Parts<'_> {
        if !(self.from <= at && at < self.until) {
            self.ask_the_zone(at);
        }
        let local = at.as_ns().div_euclid(NS_PER_S) + self.offset_s;
        let (day, second) = (local.div_euclid(DAY_S), local.rem_euclid(DAY_S));
        if day != self.day {
            self.day = day;
            let date = Date::constant(1970, 1, 1).saturating_add(day.days());
            self.date = date.strftime("%Y-%m-%d").to_string();
        }
        let micros = (at.as_ns().rem_euclid(NS_PER_S) / 1_000) as u32;
        Parts { date: &self.date, time: clock(second), micros }
    }

    /// How far it is from UTC, and between which two changes of that.
    fn ask_the_zone(&mut self, at: Timestamp) {
        let (now, next) = (at.to_jiff(), at.offset_ns(1).to_jiff());
        self.offset_s = self.zone.to_offset(now).seconds().into();
        let before = self.zone.preceding(next).next();
        let after = self.zone.following(now).next();
        self.from = before.map_or(Timestamp::from_ns(i64::MIN), |t| Timestamp::from_jiff(t.timestamp()));
        self.until = after.map_or(Timestamp::FAR_FUTURE, |t| Timestamp::from_jiff(t.timestamp()));
    }
}

/// `08:15:23`
fn clock(second: i64) -> [u8; 8] {
    let digits = |n: i64| [b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8];
    let [[h, h1], [m, m1], [s, s1]] = [second / 3600, second / 60 % 60, second % 60].map(digits);
    [h, h1, b':', m, m1, b':', s, s1]
}

/// Appends seconds given in microseconds: `12.5`, `3`.
pub(super) fn push_seconds(us: i64, text: &mut String) {
    let (whole, part) = (us.unsigned_abs() / 1_000_000, us.unsigned_abs() % 1_000_000);
    let sign = if us < 0 { "-" } else { "" };
    // A String takes everything.
    let _ = write!(text, "{sign}{whole}");
    if part > 0 {
        let _ = write!(text, ".{part:06}");
        text.truncate(text.trim_end_matches('0').len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn as_the_calendar_says(
            seconds in prop::collection::vec(-3_000_000_000i64..9_000_000_000, 1..20),
            ns in 0u32..1_000_000_000,
            zone in prop::sample::select(vec!["UTC", "Europe/Helsinki", "Asia/Kathmandu", "America/St_Johns"]),
        ) {
            let zone = TimeZone::get(zone).unwrap();
            let mut stamps = ZoneClock::of(&zone);
            for s in seconds {
                // Neighbours too: the day and the offset are remembered.
                for at in [s, s + 1, s + 3600].map(|s| Timestamp::from_parts(s, ns)) {
                    let p = stamps.parts(at);
                    let got = format!("{} {}.{:06}", p.date, p.time(), p.micros);
                    let local = at.to_jiff().to_zoned_datetime(zone.clone());
                    prop_assert_eq!(got, local.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string());
                }
            }
        }

        #[test]
        fn seconds_as_a_float_prints_them(us in 0i64..1_000_000_000_000) {
            let mut text = String::new();
            push_seconds(us, &mut text);
            prop_assert_eq!(text, (us as f64 / 1e6).to_string());
        }
    }

    #[test]
    fn where_the_clocks_change() {
        let zone = TimeZone::get("Europe/Helsinki").unwrap();
        let mut stamps = ZoneClock::of(&zone);
        for (utc, local) in [
            ("2026-03-29T00:59:59Z", "02:59:59"),
            ("2026-03-29T01:00:00Z", "04:00:00"),
            ("2026-10-25T00:59:59Z", "03:59:59"),
            ("2026-10-25T01:00:00Z", "03:00:00"),
            ("2026-10-25T00:59:59Z", "03:59:59"),
        ] {
            let at = Timestamp::from_jiff(utc.parse().unwrap());
            assert_eq!(stamps.parts(at).time(), local, "{utc}");
        }
    }
}
