//! Places RTP timestamps on the capture clock.
//!
//! A packet's *transit* is its arrival minus its RTP timestamp, both in
//! nanoseconds; the constant is arbitrary (the sender's start). Network jitter
//! only ever adds to it, so the least transit among a packet's neighbours is
//! the path without queueing, and timestamp + least transit is where the audio
//! was on the wire. The estimate is held still while it is near enough, so that
//! contiguous audio stays contiguous to the sample. Where clock skew has carried
//! it away it is moved a little with each packet, which nobody hears; in a pause,
//! all at once. Where the path itself has become shorter or longer, it is moved
//! with the packet that shows it. Where the stamps freeze or jump, the capture
//! clock wins.
//!
//! This module must not know of payloads or files.

use super::skew::{Skew, SkewRate};
use crate::time::NS_PER_S;
use std::collections::VecDeque;

/// How far back a packet still counts as a neighbour.
const NEIGHBOURS_NS: i64 = 3 * NS_PER_S / 2;
/// How far the least-delayed neighbour may be earlier than the held estimate.
const EARLIER_NS: i64 = 8_000_000;
/// How far it may be later. Beyond it the estimate follows, but only to within
/// [`FOLLOW_NS`]: a sender with a coarse timer is early now and then, and the
/// estimate shall not go to and fro with it.
const LATER_NS: i64 = 8_000_000;
/// See [`LATER_NS`].
const FOLLOW_NS: i64 = 5_000_000;
/// How far off the estimate may be and yet be brought back little by little.
const DRIFT_NS: i64 = 10_000_000;
/// A sender that catches up with its own timer sends two packets at once: what came before them was
/// late by one. A path that is earlier by more has itself become shorter.
const CATCH_UP_NS: i64 = 22_000_000;
/// By how much it is moved at a time: less than 2 ms is no slip, and few packets are touched by it.
const CREEP_NS: i64 = 1_250_000;
/// How often.
const CREEP_EVERY_NS: i64 = 330_000_000;
/// With every packet while it is farther off than drift ever lets it be.
const FAR_NS: i64 = 9_000_000;
/// Packets that must agree before a shorter path is believed, as far as there are so many.
const FASTER_EVIDENCE: usize = 2;
/// A later transit by more than this, which all that follow share, is a step and not jitter.
const STEP_LATER_NS: i64 = 40_000_000;
/// An earlier transit by more than this is a jump of the stamps.
const STEP_EARLIER_NS: i64 = 200_000_000;
/// A packet later than this has no place any more.
const LATEST_NS: i64 = 10 * NS_PER_S;
/// Packets that must agree before a step to a later transit is believed.
const STEP_EVIDENCE: usize = 3;
/// Neighbours remembered. Only those that no later one undercuts are, so a
/// handful is usual; a steadily slowing sender would make it grow.
const MAX_NEIGHBOURS: usize = 256;

/// A packet that is less delayed than all that came after it.
#[derive(Clone, Copy, Debug)]
struct LeastDelayed {
    at_ns: i64,
    transit_ns: i64,
}

/// How a packet comes after the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Its sound begins where that one's ends.
    Sound,
    /// Packets between them are missing.
    Loss,
    /// Nothing was said between them, or nothing before.
    Pause,
}

#[derive(Clone, Copy, Debug)]
struct Anchor {
    transit_ns: i64,
    base_ts: i64,
    base_frame: i64,
}

/// The mapping of one RTP source; times are nanoseconds from the answer.
#[derive(Debug)]
pub struct WireClock {
    clock_hz: u32,
    rate_hz: u32,
    /// Nanoseconds of a tick where they are a whole number, else zero: most clocks need no division.
    tick_ns: i64,
    /// Transits increase from front to back: the first of any tail is its least.
    arrivals: VecDeque<LeastDelayed>,
    anchor: Option<Anchor>,
    /// The transit that the anchor creeps to.
    goal: Option<i64>,
    /// When it was moved last.
    crept_at_ns: i64,
    /// The reckoning before the last jump, for packets that come late, and the frame where it ended.
    before: Option<(Anchor, i64)>,
    skew: Skew,
}

impl WireClock {
    /// For RTP timestamps of `clock_hz` onto frames of `rate_hz`.
    pub fn new(clock_hz: u32, rate_hz: u32) -> Self {
        let hz = i64::from(clock_hz.max(1));
        let tick_ns = if NS_PER_S % hz == 0 { NS_PER_S / hz } else { 0 };
        WireClock {
            tick_ns,
            clock_hz,
            rate_hz,
            arrivals: VecDeque::new(),
            anchor: None,
            goal: None,
            crept_at_ns: i64::MIN / 4,
            before: None,
            skew: Skew::default(),
        }
    }

    /// The RTP clock this mapping reads, Hz.
    pub fn clock_hz(&self) -> u32 {
        self.clock_hz
    }

    /// The rate of the file, Hz.
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Sets the rate of the file once it is known.
    pub fn set_rate(&mut self, rate_hz: u32) {
        self.rate_hz = rate_hz;
        self.forget();
    }

    /// From here on stamps tick `clock_hz` times a second. How fast the sender's clock goes is still known.
    pub fn restart(&mut self, clock_hz: u32) {
        let mut skew = std::mem::take(&mut self.skew);
        skew.cut();
        *self = WireClock { skew, ..WireClock::new(clock_hz, self.rate_hz) };
    }

    /// How fast the sender's clock goes beside the capture's.
    pub(super) fn skew(&self) -> SkewRate {
        self.skew.rate()
    }

    /// Forgets where the source was: what comes next is placed for itself.
    pub fn forget(&mut self) {
        self.skew.cut();
        self.anchor = None;
        self.goal = None;
    }

    /// Other times hold from here on: these are the neighbours.
    pub fn note_again(&mut self, packets: impl Iterator<Item = (i64, i64)>) {
        self.arrivals.clear();
        self.skew.cut();
        for (at, ts) in packets {
            self.note(at, ts);
        }
    }

    /// Notes a packet when it arrives. `ts` is the extended RTP timestamp.
    pub fn note(&mut self, at_ns: i64, ts: i64) {
        let transit_ns = at_ns - self.ts_ns(ts);
        // Of another reckoning: noted when a jump begins it.
        if self.anchor.is_some_and(|a| (transit_ns - a.transit_ns).abs() > NS_PER_S) {
            return;
        }
        while self.arrivals.back().is_some_and(|a| a.transit_ns >= transit_ns) {
            self.arrivals.pop_back();
        }
        if self.arrivals.len() >= MAX_NEIGHBOURS {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back(LeastDelayed { at_ns, transit_ns });
    }

    /// Before a run of packets is placed: brings the estimate up to date with
    /// the neighbours of the first of them.
    pub fn settle(&mut self, first_at_ns: i64, first_ts: i64) {
        let oldest = first_at_ns - NEIGHBOURS_NS;
        while self.arrivals.front().is_some_and(|a| a.at_ns < oldest) {
            self.arrivals.pop_front();
        }
        let held = self.anchor.map(|a| a.transit_ns);
        // What lies far earlier is a jump of the stamps, and what lies earlier than drift can
        // carry it a shorter path: both are dealt with where they happen.
        let earliest = match held {
            Some(held) => held - CATCH_UP_NS,
            None => first_at_ns - self.ts_ns(first_ts) - STEP_EARLIER_NS,
        };
        let Some(quickest) = self.arrivals.iter().find(|a| a.transit_ns >= earliest) else { return };
        let least = quickest.transit_ns;
        let Some(held) = held else { return self.set_anchor(least, first_ts) };
        // Here and not with each packet: once for a run of them is enough.
        self.skew.note(quickest.at_ns, least);
        let off = least - held;
        if off > DRIFT_NS {
            self.goal = None;
            self.set_anchor(least - FOLLOW_NS, first_ts);
        } else if off < -DRIFT_NS {
            self.goal = None;
            self.set_anchor(least, first_ts);
        } else if off > LATER_NS || self.goal.is_some_and(|g| g > held) {
            self.goal = Some(least - FOLLOW_NS).filter(|g| *g > held);
        } else if off < -EARLIER_NS || self.goal.is_some() {
            self.goal = Some(least).filter(|g| *g < held);
        }
    }

    /// The frame, from the answer, at which the audio of a packet begins.
    /// Negative before the answer. `later` gives the packets known that come after it in order, itself first, as
    /// (arrival, timestamp); it is asked only where the stamps look wrong.
    pub fn place<I: Iterator<Item = (i64, i64)>>(
        &mut self,
        at_ns: i64,
        ts: i64,
        after: After,
        later: impl Fn() -> I,
    ) -> i64 {
        if let Some(held) = self.anchor {
            match after {
                After::Pause => self.take_up(held.transit_ns, at_ns, ts, &later),
                After::Sound | After::Loss => self.creep(held.transit_ns, at_ns, ts, after),
            }
        }
        let transit = at_ns - self.ts_ns(ts);
        let held = match self.anchor {
            Some(a) => a.transit_ns,
            None => {
                self.set_anchor(transit, ts);
                transit
            }
        };
        let off = transit - held;
        if off > STEP_LATER_NS {
            // What lies far earlier than the estimate is another jump, dealt with in its turn.
            let (least, packets) = self.least_of(later(), held - STEP_EARLIER_NS, transit);
            let is_sure = packets >= STEP_EVIDENCE || off > STEP_EARLIER_NS;
            if least - held > STEP_LATER_NS && is_sure {
                self.jump(least, ts, later());
            }
        } else if off < -STEP_EARLIER_NS || off < -CATCH_UP_NS && self.is_faster(held - CATCH_UP_NS, later())
        {
            let (least, _) = self.least_of(later(), transit - STEP_EARLIER_NS, transit);
            self.jump(least, ts, later());
        }
        // Nothing was on the wire later than it was captured, whatever the stamps say.
        let rate = i64::from(self.rate_hz);
        // In two parts, so that no step needs more than 64 bits.
        let latest = at_ns / NS_PER_S * rate + at_ns % NS_PER_S * rate / NS_PER_S;
        let frame = self.frame_of(ts);
        if frame > latest.saturating_add(i64::from(self.rate_hz) / 5) {
            self.set_anchor(transit, ts);
            return latest;
        }
        frame
    }

    /// Brings the estimate nearer to where it shall be: the whole way where nothing was heard.
    fn creep(&mut self, held: i64, at_ns: i64, ts: i64, after: After) {
        let Some(goal) = self.goal else { return };
        let off = goal - held;
        let is_due = off.abs() > FAR_NS || at_ns - self.crept_at_ns >= CREEP_EVERY_NS;
        if after == After::Sound && !is_due {
            return;
        }
        self.crept_at_ns = at_ns;
        let step = if after == After::Sound { off.clamp(-CREEP_NS, CREEP_NS) } else { off };
        self.set_anchor(held + step, ts);
        if step == off {
            self.goal = None;
        }
    }

    /// After a pause those that come next tell the place: stamps may run on in it a little
    /// faster or slower than time.
    fn take_up<I>(&mut self, held: i64, at_ns: i64, ts: i64, later: &impl Fn() -> I)
    where
        I: Iterator<Item = (i64, i64)>,
    {
        let own = at_ns - self.ts_ns(ts);
        let (least, packets) = self.least_of(later(), held - DRIFT_NS, own);
        let off = least - held;
        let is_sure = packets >= STEP_EVIDENCE && (-DRIFT_NS..STEP_LATER_NS).contains(&off);
        if is_sure && !(-EARLIER_NS..=LATER_NS).contains(&off) {
            self.goal = None;
            self.set_anchor(least, ts);
            self.note_again(later());
        } else if let Some(goal) = self.goal.take() {
            self.set_anchor(goal, ts);
        }
    }

    /// The path has become shorter: those that come next say so as well.
    fn is_faster(&self, below: i64, later: impl Iterator<Item = (i64, i64)>) -> bool {
        let (all, agree) = later.take(FASTER_EVIDENCE).fold((0, 0), |(all, agree), (at, ts)| {
            (all + 1, agree + usize::from(at - self.ts_ns(ts) < below))
        });
        agree == all
    }

    fn frame_of(&self, ts: i64) -> i64 {
        self.anchor.map_or(0, |a| self.frame_by(&a, ts))
    }

    fn frame_by(&self, a: &Anchor, ts: i64) -> i64 {
        let ticks = ts - a.base_ts;
        if self.rate_hz == self.clock_hz && ticks.abs() < LIMIT {
            return a.base_frame.saturating_add(ticks);
        }
        let frames = (i128::from(ticks) * i128::from(self.rate_hz)).div_euclid(i128::from(self.clock_hz));
        a.base_frame.saturating_add(clamp_i64(frames))
    }

    /// The frame of a packet whose successors are placed already; it moves nothing. `None`
    /// where its stamps are of no reckoning known. Where they are of the one before, with the
    /// frame from which on the present one has put others.
    pub fn place_late(&self, at_ns: i64, ts: i64) -> Option<(i64, Option<i64>)> {
        let transit = at_ns - self.ts_ns(ts);
        let off = |a: &Anchor| transit - a.transit_ns;
        let fits = |a: &Anchor| (-STEP_EARLIER_NS..LATEST_NS).contains(&off(a));
        let now = self.anchor.filter(fits);
        let is_nearer = |b: &Anchor| now.is_none_or(|n| off(b).abs() < off(&n).abs());
        match self.before.filter(|(b, _)| fits(b) && is_nearer(b)) {
            Some((before, until)) => Some((self.frame_by(&before, ts), Some(until))),
            None => now.map(|a| (self.frame_by(&a, ts), None)),
        }
    }

    /// The least transit not below `floor`, and how many there are.
    fn least_of(&self, packets: impl Iterator<Item = (i64, i64)>, floor: i64, own: i64) -> (i64, usize) {
        // Another jump among them is no evidence for this one.
        let reckoning = floor..=own.saturating_add(NS_PER_S);
        let transits = packets.map(|(at, ts)| at - self.ts_ns(ts)).filter(|t| reckoning.contains(t));
        transits.fold((own, 0), |(least, n), t| (least.min(t), n + 1))
    }

    /// A new reckoning from here on: only what comes after are neighbours.
    fn jump(&mut self, transit_ns: i64, ts: i64, later: impl Iterator<Item = (i64, i64)>) {
        let before = self.anchor;
        self.goal = None;
        self.set_anchor(transit_ns, ts);
        self.before = before.zip(self.anchor.map(|a| a.base_frame));
        self.note_again(later);
    }

    fn set_anchor(&mut self, transit_ns: i64, ts: i64) {
        let wire_ns = i128::from(self.ts_ns(ts)) + i128::from(transit_ns);
        let half = i128::from(NS_PER_S) / 2;
        let frame = (wire_ns * i128::from(self.rate_hz) + half).div_euclid(i128::from(NS_PER_S));
        self.anchor = Some(Anchor { transit_ns, base_ts: ts, base_frame: clamp_i64(frame) });
    }

    fn ts_ns(&self, ts: i64) -> i64 {
        if self.tick_ns > 0 {
            return ts.saturating_mul(self.tick_ns).clamp(-LIMIT, LIMIT);
        }
        let hz = i64::from(self.clock_hz.max(1));
        // In two parts, so that no step needs more than 64 bits: whole seconds, and what is left of one.
        let (seconds, rest) = (ts / hz, ts % hz);
        let ns = seconds.saturating_mul(NS_PER_S).saturating_add(rest * NS_PER_S / hz);
        ns.clamp(-LIMIT, LIMIT)
    }
}

/// A quarter of the range: sums of two such values cannot overflow.
const LIMIT: i64 = i64::MAX / 4;

fn clamp_i64(v: i128) -> i64 {
    v.clamp(-i128::from(LIMIT), i128::from(LIMIT)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn run(packets: &[(i64, i64)]) -> Vec<i64> {
        let mut c = WireClock::new(8000, 8000);
        for &(at, ts) in packets {
            c.note(at * MS, ts);
        }
        c.settle(packets[0].0 * MS, packets[0].1);
        (0..packets.len())
            .map(|i| {
                let later = || packets[i..].iter().map(|&(at, ts)| (at * MS, ts));
                c.place(packets[i].0 * MS, packets[i].1, After::Sound, later)
            })
            .collect()
    }

    #[test]
    fn jitter_does_not_move_audio() {
        let at = [35, 20 + 7, 40, 60 + 30, 80, 100 + 12];
        let packets: Vec<_> = at.iter().enumerate().map(|(i, a)| (*a, i as i64 * 160)).collect();
        let frames = run(&packets);
        assert_eq!(frames, [0, 160, 320, 480, 640, 800]);
    }

    #[test]
    fn a_pause_the_stamps_do_not_tell_is_taken_from_the_capture_clock() {
        let mut packets: Vec<_> = (0..5).map(|i| (i * 20, i * 160)).collect();
        packets.extend((5..10).map(|i| (i * 20 + 3000, i * 160)));
        let frames = run(&packets);
        assert_eq!(frames[4], 640);
        assert_eq!(frames[5], (100 + 3000) * 8);
        assert_eq!(frames[9], frames[5] + 4 * 160);
    }

    #[test]
    fn a_jump_of_the_stamps_moves_nothing() {
        let mut packets: Vec<_> = (0..5).map(|i| (i * 20, i * 160)).collect();
        packets.extend((5..10).map(|i| (i * 20, i * 160 + 900_000_000)));
        let frames = run(&packets);
        assert_eq!(frames, (0..10).map(|i| i * 160).collect::<Vec<_>>());
    }

    #[test]
    fn a_stall_that_empties_in_a_burst_is_not_a_step() {
        let mut packets: Vec<_> = (0..5).map(|i| (i * 20, i * 160)).collect();
        packets.extend((5..15).map(|i| (15 * 20, i * 160)));
        packets.extend((15..18).map(|i| (i * 20, i * 160)));
        assert_eq!(run(&packets), (0..18).map(|i| i * 160).collect::<Vec<_>>());
    }

    /// Packets of 20 ms for so many, stamps at `clock_hz`, in a file of `rate_hz`: frames off, largest slip.
    fn drifts(ppm: i64, packets: i64, clock_hz: i64, rate_hz: i64) -> (i64, i64) {
        let mut c = WireClock::new(clock_hz as u32, rate_hz as u32);
        let (mut worst, mut slip, mut last) = (0, 0, None);
        for i in 0..packets {
            let (at, ts) = (i * 20 * MS + i * 20 * ppm, i * clock_hz / 50);
            c.note(at, ts);
            if i % 12 == 0 {
                c.settle(at, ts);
            }
            let frame = c.place(at, ts, After::Sound, || std::iter::once((at, ts)));
            worst = worst.max((frame - at * rate_hz / NS_PER_S).abs());
            slip = slip.max(last.map_or(0, |l: i64| (frame - l - rate_hz / 50).abs()));
            last = Some(frame);
        }
        (worst, slip)
    }

    #[test]
    fn skew_is_followed_within_the_drift_and_never_by_a_slip() {
        // G.711, G.722, Opus and L16 for a minute and a half; eight hours of one.
        for ppm in [-500, -400, -50, 50, 400, 500] {
            for (clock_hz, rate_hz) in [(8000, 8000), (8000, 16_000), (48_000, 48_000), (44_100, 48_000)] {
                let (worst, slip) = drifts(ppm, 5000, clock_hz, rate_hz);
                assert!(worst * 1000 <= 95 * rate_hz / 10, "{ppm} ppm at {rate_hz}: {worst} frames off");
                assert!(slip * 1000 <= 13 * rate_hz / 10, "{ppm} ppm at {rate_hz}: a slip of {slip} frames");
            }
        }
        for ppm in [-400, 400] {
            let (worst, slip) = drifts(ppm, 8 * 3600 * 50, 8000, 8000);
            assert!(worst <= 75 && slip <= 10, "{ppm} ppm: {worst} frames off, a slip of {slip}");
        }
    }

    /// As a tape does: ten packets at a time, with those that come soon after known.
    fn run_live(packets: &[(i64, i64)]) -> Vec<i64> {
        let mut c = WireClock::new(8000, 8000);
        let mut noted = 0;
        let place = |i: usize| {
            if i.is_multiple_of(10) {
                let known = (i + 22).min(packets.len());
                packets[noted..known].iter().for_each(|(at, ts)| c.note(at * MS, *ts));
                noted = known;
                c.settle(packets[i].0 * MS, packets[i].1);
            }
            let later = || packets[i..noted].iter().map(|&(at, ts)| (at * MS, ts));
            c.place(packets[i].0 * MS, packets[i].1, After::Sound, later)
        };
        (0..packets.len()).map(place).collect()
    }

    #[test]
    fn a_shorter_path_is_taken_with_the_packet_that_shows_it() {
        for shorter in [25, 30, 100, 150, 300] {
            let mut packets: Vec<_> = (0..35).map(|i| (400 + i * 20, i * 160)).collect();
            packets.extend((35..60).map(|i| (400 + i * 20 - shorter, i * 160)));
            for (i, (frame, p)) in run_live(&packets).iter().zip(&packets).enumerate() {
                assert_eq!(*frame, p.0 * 8, "{shorter} ms shorter, packet {i}");
            }
        }
    }

    #[test]
    fn one_early_packet_is_no_shorter_path() {
        let mut packets: Vec<_> = (0..60).map(|i| (i * 20, i * 160)).collect();
        packets[35].0 -= 35;
        assert_eq!(run_live(&packets), (0..60).map(|i| i * 160).collect::<Vec<_>>());
    }

    #[test]
    fn extreme_stamps_do_not_overflow() {
        let mut c = WireClock::new(1, 48_000);
        c.note(i64::MAX / 4, i64::MAX / 4);
        c.settle(i64::MAX / 4, i64::MAX / 4);
        c.place(i64::MIN / 4, i64::MIN / 4, After::Pause, std::iter::empty);
    }
}
