//! The capture clock: where time is, told by stamps that may lie.
//!
//! A stamp moves the clock forward when it is near; one that is far ahead must
//! be confirmed by the next, so that a single broken stamp ends no call. Time
//! that runs backwards (merged interfaces, the next file) is counted; when two
//! stamps agree that it is earlier by much, the clock follows them back.

use crate::time::{NS_PER_S, Timestamp};

/// Beyond this, forwards or backwards, a stamp must be confirmed.
const NEAR_NS: i64 = 60 * NS_PER_S;
/// A confirmed step forward beyond this means the capture was interrupted.
const DISCONTINUITY_NS: i64 = 6 * 3600 * NS_PER_S;

/// The clock.
#[derive(Debug, Default)]
pub(super) struct CaptureClock {
    now: Option<Timestamp>,
    last: Option<Timestamp>,
    jumps: u64,
    discontinuity: bool,
}

impl CaptureClock {
    /// Takes a frame's stamp; the new time if the clock moved.
    pub fn handle_stamp(&mut self, stamp: Timestamp) -> Option<Timestamp> {
        let last = self.last.replace(stamp);
        let Some(now) = self.now else {
            self.now = Some(stamp);
            return self.now;
        };
        let step = stamp.since_ns(now);
        if (0..=NEAR_NS).contains(&step) {
            self.now = Some(stamp);
            return self.now;
        }
        let is_confirmed = last.is_some_and(|l| stamp.since_ns(l).abs() <= NEAR_NS);
        if (-NEAR_NS..0).contains(&step) || !is_confirmed {
            return None;
        }
        self.jumps += 1;
        self.discontinuity = step > DISCONTINUITY_NS;
        self.now = Some(stamp);
        self.now
    }

    /// The machine's time, while no frame comes.
    pub fn advance(&mut self, to: Timestamp) -> Option<Timestamp> {
        let now = self.now?;
        (to > now).then(|| {
            self.now = Some(to);
            to
        })
    }

    /// The stamps' own clock was set by `ns`.
    pub fn step(&mut self, ns: i64) {
        self.now = self.now.map(|n| n.offset_ns(ns));
        self.jumps += 1;
    }

    /// Could a packet with this stamp have been captured now?
    pub fn is_plausible(&self, stamp: Timestamp) -> bool {
        self.now.is_none_or(|n| stamp.since_ns(n).abs() <= NEAR_NS)
    }

    /// Hours were missing at the last step; asked once.
    pub fn take_discontinuity(&mut self) -> bool {
        std::mem::take(&mut self.discontinuity)
    }

    /// The time, the epoch before the first stamp.
    pub fn now(&self) -> Timestamp {
        self.now.unwrap_or(Timestamp::EPOCH)
    }

    /// The last frame's stamp.
    pub fn last_stamp(&self) -> Option<Timestamp> {
        self.last
    }

    /// Steps that had to be confirmed.
    pub fn jumps(&self) -> u64 {
        self.jumps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_parts(s, 0)
    }

    #[test]
    fn one_broken_stamp_moves_nothing_and_two_do() {
        let mut c = CaptureClock::default();
        assert_eq!(c.handle_stamp(at(100)), Some(at(100)));
        assert_eq!(c.handle_stamp(at(9_000_000)), None);
        assert!(!c.is_plausible(at(9_000_000)));
        assert_eq!(c.handle_stamp(at(101)), Some(at(101)));
        assert_eq!(c.handle_stamp(at(9_000_000)), None);
        assert_eq!(c.handle_stamp(at(9_000_001)), Some(at(9_000_001)));
        assert!(c.take_discontinuity() && !c.take_discontinuity());
        assert_eq!(c.jumps(), 1);
    }

    #[test]
    fn a_little_backwards_is_only_late_and_much_is_another_file() {
        let mut c = CaptureClock::default();
        c.handle_stamp(at(1000));
        assert_eq!(c.handle_stamp(at(995)), None);
        assert_eq!(c.now(), at(1000));
        assert_eq!(c.handle_stamp(at(10)), None);
        assert_eq!(c.handle_stamp(at(11)), Some(at(11)));
        assert!(!c.take_discontinuity());
    }
}
