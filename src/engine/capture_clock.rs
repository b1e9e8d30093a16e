//! The capture clock: where time is, told by stamps that may lie.
//!
//! A stamp near the clock's time moves it forward, or is a little late. One that
//! is far away, forwards or backwards, waits for a witness: the next stamp, or
//! the machine's clock where there is one. With it the time has jumped (quiet
//! hours, the next file), without it the stamp was broken, and a single broken
//! stamp ends no call and makes none of a hundred years. The very first stamp
//! has nothing it could be near, so that it waits for a witness as well.

use crate::time::{NS_PER_S, Timestamp};

/// Beyond this, forwards or backwards, a stamp needs a witness.
const NEAR_NS: i64 = 60 * NS_PER_S;
/// A jump forward beyond this means that the capture was interrupted. Nor is a
/// stamp believed that is farther than this from all others.
const DISCONTINUITY_NS: i64 = 6 * 3600 * NS_PER_S;
/// Stamps before this, 2000-01-01, were made by no clock that had been set.
pub const FIRST_CREDIBLE: Timestamp = Timestamp::from_parts(946_684_800, 0);

/// What a stamp is to the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeliness {
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
    pub fn see(&mut self, stamp: Timestamp) -> Timeliness {
        let Some(now) = self.now else { return Timeliness::Far };
        let step = stamp.since_ns(now);
        if !(0..=NEAR_NS).contains(&step) {
            return if (-NEAR_NS..0).contains(&step) { Timeliness::Late } else { Timeliness::Far };
        }
        (self.now, self.last) = (Some(stamp), Some(stamp));
        Timeliness::Now
    }

    /// The time has jumped to a far stamp.
    pub fn jump(&mut self, to: Timestamp) {
        if let Some(now) = self.now {
            self.jumps += 1;
            self.discontinuity = to.since_ns(now) > DISCONTINUITY_NS;
        }
        (self.now, self.last) = (Some(to), Some(to));
    }

    /// Is a far stamp to be believed, if the one after it, if any, is `next`?
    ///
    /// It is if both are of one time, and also if it stands alone in quiet hours,
    /// in its order between what was before and what comes after.
    pub fn is_credible(&self, stamp: Timestamp, next: Option<Timestamp>) -> bool {
        let far_ns = next.map(|next| next.since_ns(stamp));
        if far_ns.is_some_and(|ns| ns.saturating_abs() <= NEAR_NS) {
            return true;
        }
        let Some(now) = self.now else {
            let is_less = |next: Timestamp| next < stamp && next >= FIRST_CREDIBLE;
            return stamp >= FIRST_CREDIBLE && !next.is_some_and(is_less);
        };
        let is_hours = |ns: i64| (0..=DISCONTINUITY_NS).contains(&ns);
        stamp >= now
            && far_ns.is_none_or(|ns| ns >= 0)
            && (is_hours(stamp.since_ns(now)) || far_ns.is_some_and(is_hours))
    }

    /// When a packet with a broken stamp came, if the one after it came at `next`.
    pub fn instead(&self, next: Timestamp) -> Timestamp {
        let Some(now) = self.now else { return next };
        if next.since_ns(now).saturating_abs() <= NEAR_NS { next.max(now) } else { now }
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

    fn started(s: i64) -> CaptureClock {
        let mut c = CaptureClock::default();
        assert_eq!(c.see(at(s)), Timeliness::Far, "the first waits");
        c.jump(at(s));
        c
    }

    #[test]
    fn near_stamps_move_it_and_far_ones_do_not() {
        let mut c = started(1000);
        assert_eq!(c.see(at(1000)), Timeliness::Now);
        assert_eq!(c.see(at(995)), Timeliness::Late);
        for far in [at(939), at(1061), at(0), at(9_000_000), Timestamp::FAR_FUTURE] {
            assert_eq!(c.see(far), Timeliness::Far);
        }
        assert_eq!((c.now(), c.last_stamp(), c.jumps()), (at(1000), Some(at(1000)), 0));
        assert_eq!(c.see(at(1060)), Timeliness::Now);
    }

    #[test]
    fn it_jumps_both_ways_and_tells_of_missing_hours() {
        let mut c = started(1000);
        assert!(!c.take_discontinuity(), "nothing was before");
        c.jump(at(1400));
        assert!(!c.take_discontinuity());
        c.jump(at(100_000));
        assert!(c.take_discontinuity() && !c.take_discontinuity());
        c.jump(at(10));
        assert!(!c.take_discontinuity());
        assert_eq!((c.now(), c.jumps()), (at(10), 3));
    }

    #[test]
    fn a_far_stamp_is_believed_with_a_witness_or_in_its_order() {
        let c = started(1000);
        for (stamp, next, is_credible) in [
            (90_000, Some(90_000), true),
            (90_000, Some(89_990), true),
            (10, Some(12), true),
            (1120, Some(1400), true),
            (1120, Some(90_000), true),
            (90_000, Some(90_065), true),
            (1120, Some(1001), false),
            (90_000, Some(180_000), false),
            (10, Some(1001), false),
            (1400, None, true),
            (20_000, None, true),
            (100_000, None, false),
            (0, None, false),
        ] {
            assert_eq!(c.is_credible(at(stamp), next.map(at)), is_credible, "{stamp} {next:?}");
        }
    }

    #[test]
    fn of_a_first_stamp_and_another_one_may_be_broken() {
        let (c, today, later) = (CaptureClock::default(), 1_800_000_000, 4_080_000_000);
        for (stamp, next, is_credible) in [
            (today, Some(today + 1), true),
            (today, Some(today + 400), true),
            (today, Some(later), true),
            (today, Some(5), true),
            (today, None, true),
            (later, Some(today), false),
            (5, Some(today), false),
        ] {
            assert_eq!(c.is_credible(at(stamp), next.map(at)), is_credible, "{stamp} {next:?}");
        }
        assert_eq!(c.instead(at(today)), at(today));
    }

    #[test]
    fn a_broken_stamp_is_between_its_neighbours_as_late_as_can_be() {
        let c = started(1000);
        assert_eq!(c.instead(at(1005)), at(1005));
        assert_eq!(c.instead(at(995)), at(1000));
        assert_eq!(c.instead(at(100_000)), at(1000));
    }
}
