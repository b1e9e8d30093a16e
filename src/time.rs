//! Time as an argument: the capture clock.
//!
//! Every instant in the core is a [`Timestamp`] taken from a packet's capture
//! header. Nothing in the core asks the machine what time it is, so a replay
//! gives what the live run gave.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// Nanoseconds in a second.
pub const NS_PER_S: i64 = 1_000_000_000;
/// Nanoseconds in a millisecond.
pub const NS_PER_MS: i64 = 1_000_000;

/// How long so many frames of sound last, nanoseconds, rounded down; no more than [`i64::MAX`].
pub fn frames_ns(frames: u64, rate_hz: u32) -> i64 {
    let ns = u128::from(frames) * NS_PER_S as u128 / u128::from(rate_hz.max(1));
    i64::try_from(ns).unwrap_or(i64::MAX)
}

/// An instant on the capture clock: nanoseconds since the Unix epoch, UTC.
///
/// Arithmetic saturates: stamps come from strangers' files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Timestamp = Timestamp(0);
    /// Later than any packet.
    pub const FAR_FUTURE: Timestamp = Timestamp(i64::MAX);

    /// From nanoseconds since the epoch.
    pub const fn from_ns(ns: i64) -> Self {
        Timestamp(ns)
    }

    /// From whole seconds and nanoseconds since the epoch.
    pub const fn from_parts(secs: i64, ns: u32) -> Self {
        Timestamp(secs.saturating_mul(NS_PER_S).saturating_add(ns as i64))
    }

    /// Nanoseconds since the epoch.
    pub const fn as_ns(self) -> i64 {
        self.0
    }

    /// Whole microseconds since the epoch, rounded down.
    pub const fn as_us(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole milliseconds since the epoch, rounded down.
    pub const fn as_ms(self) -> i64 {
        self.0.div_euclid(NS_PER_MS)
    }

    /// Nanoseconds from `earlier` to `self`; negative when `self` is before it.
    pub const fn since_ns(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Seconds from `earlier` to `self`; negative when `self` is before it.
    pub fn since_s(self, earlier: Timestamp) -> f64 {
        self.since_ns(earlier) as f64 / NS_PER_S as f64
    }

    /// `self` moved by signed nanoseconds.
    pub const fn offset_ns(self, ns: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(ns))
    }

    /// As a `jiff` timestamp, for calendars and printing. Clamped to its range.
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }

    /// From a `jiff` timestamp; saturates outside the range of `i64` nanoseconds.
    pub fn from_jiff(t: jiff::Timestamp) -> Timestamp {
        let ns = t.as_nanosecond();
        Timestamp(ns.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }

    /// On the wall of `zone`, in a form of `strftime`.
    pub fn on_the_wall(self, zone: &jiff::tz::TimeZone, form: &str) -> String {
        self.to_jiff().to_zoned_datetime(zone.clone()).strftime(form).to_string()
    }

    /// Reads RFC 3339, in any zone.
    pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
        text.parse::<jiff::Timestamp>().ok().map(Timestamp::from_jiff)
    }

    /// `self` without what is less than a microsecond.
    pub const fn whole_us(self) -> Timestamp {
        Timestamp(self.0 - self.0.rem_euclid(1_000))
    }

    /// `self` without what is less than a second.
    pub const fn whole_s(self) -> Timestamp {
        Timestamp(self.0 - self.0.rem_euclid(NS_PER_S))
    }

    /// RFC 3339 in UTC with microseconds: `2026-11-23T08:15:23.120000Z`.
    pub fn to_rfc3339(self) -> String {
        self.to_jiff().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, d: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(d.as_nanos()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;
    fn sub(self, d: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(d.as_nanos()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

/// In files: as [`Timestamp::to_rfc3339`] has it.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&self.to_jiff().strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Timestamp, D::Error> {
        struct Rfc3339;
        impl serde::de::Visitor<'_> for Rfc3339 {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 instant")
            }

            // What it was stays out of the error.
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
                Timestamp::parse_rfc3339(text).ok_or_else(|| E::custom("not an RFC 3339 instant"))
            }
        }
        d.deserialize_str(Rfc3339)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_microseconds_in_utc() {
        let t = Timestamp::from_parts(1_795_421_723, 120_000_999);
        assert_eq!(t.to_rfc3339(), "2026-11-23T08:15:23.120000Z");
    }

    #[test]
    fn cut_downwards_on_both_sides_of_the_epoch() {
        for (ns, us, s) in
            [(1_999_999_999, 1_999_999_000, 1_000_000_000), (-1, -1_000, -1_000_000_000), (0, 0, 0)]
        {
            let t = Timestamp::from_ns(ns);
            assert_eq!((t.whole_us().as_ns(), t.whole_s().as_ns()), (us, s));
        }
    }

    #[test]
    fn written_and_read_in_files() {
        let t = Timestamp::from_parts(1_795_421_723, 120_000_000);
        let text = serde_json::to_string(&t).unwrap();
        assert_eq!(text, "\"2026-11-23T08:15:23.120000Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), t);
        for same in ["2026-11-23T10:15:23.12+02:00", "2026-11-23T08:15:23.1200Z"] {
            assert_eq!(serde_json::from_value::<Timestamp>(same.into()).unwrap(), t);
        }
        for bad in ["\"+358401234567\"", "\"2026-11-23\"", "17", "null"] {
            let e = serde_json::from_str::<Timestamp>(bad).unwrap_err().to_string();
            assert!(!e.contains("358"), "{e}");
        }
    }

    #[test]
    fn saturates() {
        assert_eq!(Timestamp::FAR_FUTURE + Duration::from_secs(1), Timestamp::FAR_FUTURE);
        assert_eq!(Timestamp::from_parts(i64::MAX, 5), Timestamp::FAR_FUTURE);
    }
}
