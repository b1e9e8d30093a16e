//! The capture clock: where time is, told by stamps that may lie.
//!
//! A stamp near the clock's time moves it forward, or is a little late. One that
//! is far away, forwards or backwards, waits for a witness: the next stamp, or
//! the machine's clock where there is one. With it the time has jumped (quiet
//! hours, the next file), without it the stamp was broken, and a single broken
//! stamp ends no call and makes none of a hundred years.

use crate::time::{NS_PER_S, Timestamp};

/// Beyond this, forwards or backwards, a stamp needs a witness.
const NEAR_NS: i64 = 60 * NS_PER_S;
/// A jump forward beyond this means that the capture was interrupted. Nor is
/// that much believed of the last stamp of all, which has no witness.
const DISCONTINUITY_NS: i64 = 6 * 3600 * NS_PER_S;

/// What a stamp is to the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// Time has come to it.
    Now,
    /// A little before the time.
    Late,
    /// Too far away to be believed alone.
    Far,
}

/// The clock.
#[derive(Debug, Default)]
pub struct CaptureClock {
    now: Option<Timestamp>,
    last: Option<Timestamp>,
    jumps: u64,
    discontinuity: bool,
}

impl CaptureClock {
    /// Takes a stamp; a far one changes nothing.
    #[inline]
    pub fn see(&mut self, stamp: Timestamp) -> Stamp {
        if let Some(now) = self.now {
            let step = stamp.since_ns(now);
            if !(0..=NEAR_NS).contains(&step) {
                return if (-NEAR_NS..0).contains(&step) { Stamp::Late } else { Stamp::Far };
            }
        }
        (self.now, self.last) = (Some(stamp), Some(stamp));
        Stamp::Now
    }

    /// The time has jumped to a far stamp.
    pub fn jump(&mut self, to: Timestamp) {
        self.jumps += 1;
        self.discontinuity = to.since_ns(self.now()) > DISCONTINUITY_NS;
        (self.now, self.last) = (Some(to), Some(to));
    }

    /// Do two stamps bear each other out?
    pub fn agree(a: Timestamp, b: Timestamp) -> bool {
        a.since_ns(b).saturating_abs() <= NEAR_NS
    }

    /// When a packet with a broken stamp came, if the one after it came at `next`.
    pub fn instead(&self, next: Timestamp) -> Timestamp {
        let now = self.now();
        if CaptureClock::agree(now, next) { next.max(now) } else { now }
    }

    /// Is a far stamp to be believed if nothing comes after it?
    pub fn is_credible_end(&self, stamp: Timestamp) -> bool {
        (0..=DISCONTINUITY_NS).contains(&stamp.since_ns(self.now()))
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

    /// Hours were missing at the last jump; asked once.
    pub fn take_discontinuity(&mut self) -> bool {
        std::mem::take(&mut self.discontinuity)
    }

    /// The time, the epoch before the first stamp.
    pub fn now(&self) -> Timestamp {
        self.now.unwrap_or(Timestamp::EPOCH)
    }

    /// The newest stamp that was believed.
    pub fn last_stamp(&self) -> Option<Timestamp> {
        self.last
    }

    /// Times it jumped or was set.
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
    fn near_stamps_move_it_and_far_ones_do_not() {
        let mut c = CaptureClock::default();
        assert_eq!(c.see(at(1000)), Stamp::Now);
        assert_eq!(c.see(at(995)), Stamp::Late);
        for far in [at(939), at(1061), at(0), at(9_000_000), Timestamp::FAR_FUTURE] {
            assert_eq!(c.see(far), Stamp::Far);
        }
        assert_eq!((c.now(), c.last_stamp(), c.jumps()), (at(1000), Some(at(1000)), 0));
        assert_eq!(c.see(at(1060)), Stamp::Now);
    }

    #[test]
    fn it_jumps_both_ways_and_tells_of_missing_hours() {
        let mut c = CaptureClock::default();
        c.see(at(1000));
        c.jump(at(1400));
        assert!(!c.take_discontinuity());
        c.jump(at(100_000));
        assert!(c.take_discontinuity() && !c.take_discontinuity());
        c.jump(at(10));
        assert!(!c.take_discontinuity());
        assert_eq!((c.now(), c.jumps()), (at(10), 3));
    }

    #[test]
    fn what_has_no_witness() {
        let mut c = CaptureClock::default();
        c.see(at(1000));
        assert!(c.is_credible_end(at(1400)) && c.is_credible_end(at(20_000)));
        assert!(!c.is_credible_end(at(0)) && !c.is_credible_end(at(100_000)));
        // A broken stamp is between its neighbours, as late as can be.
        assert_eq!(c.instead(at(1005)), at(1005));
        assert_eq!(c.instead(at(995)), at(1000));
        assert_eq!(c.instead(at(100_000)), at(1000));
    }
}
