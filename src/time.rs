//! Time as an argument: the capture clock.
//!
//! Every instant in the core is a [`Timestamp`] taken from a packet's capture
//! header. Nothing in the core asks the machine what time it is, so a replay
//! gives what the live run gave.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// Nanoseconds in a second.
pub const NS_PER_S: i64 = 1_000_000_000;
/// Nanoseconds in a millisecond.
pub const NS_PER_MS: i64 = 1_000_000;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_microseconds_in_utc() {
        let t = Timestamp::from_parts(1_795_421_723, 120_000_999);
        assert_eq!(t.to_rfc3339(), "2026-11-23T08:15:23.120000Z");
    }

    #[test]
    fn saturates() {
        assert_eq!(Timestamp::FAR_FUTURE + Duration::from_secs(1), Timestamp::FAR_FUTURE);
        assert_eq!(Timestamp::from_parts(i64::MAX, 5), Timestamp::FAR_FUTURE);
    }
}
