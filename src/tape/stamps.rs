//! RTP timestamps of one source in the units that its codec says.
//!
//! Senders count in other units than they should: G.722 at 16 kHz where RFC 3551
//! says 8, Opus at 8 kHz, packets instead of samples, milliseconds. The distance of
//! two stamps then disagrees with the sound between them, always by the same factor,
//! while the packets come as fast as their sound lasts. Where stamps stand still
//! while packets go on, each packet follows the one before.

use crate::rtp::seq::ExtendedTs;
use crate::time::NS_PER_S;

/// Steps that must agree before a factor is believed.
const EVIDENCE: i64 = 4;
/// They must last so long, or there must be [`MUCH_EVIDENCE`]: arrivals are uneven.
const EVIDENCE_NS: i64 = 60_000_000;
/// Steps after which evidence that has not convinced is too old.
const TOO_OLD: i64 = 50;
/// Clocks that senders count by, Hz.
const CLOCKS_HZ: [i64; 9] = [1000, 8000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 90_000];

/// A packet's stamp and what it is measured by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    /// Place in the order of playing.
    pub seq: u64,
    /// As it came.
    pub ts: u32,
    /// Arrival, from the answer.
    pub at_ns: i64,
    /// How long its sound lasts in the units of its codec; zero where it is no sound.
    pub ticks: i64,
    /// Which payload type it is.
    pub meaning: u8,
}

#[derive(Clone, Copy, Debug)]
struct LastStamp {
    seq: u64,
    raw: i64,
    ts: i64,
    at_ns: i64,
    ticks: i64,
    meaning: u8,
}

/// Steps in a row whose stamps disagree with their sound.
#[derive(Clone, Copy, Debug)]
struct OddRun {
    from: LastStamp,
    steps: i64,
    raw: i64,
    ticks: i64,
    /// All of them by the very same factor as this one: stamps, sound.
    factor: Option<(i64, i64)>,
}

/// The reckoning of one source's stamps.
#[derive(Debug)]
pub(super) struct Stamps {
    ext: ExtendedTs,
    /// A stamp of `raw` is `base_ts + (raw - base_raw) * ticks_per / raw_per`.
    base_raw: i64,
    base_ts: i64,
    ticks_per: i64,
    raw_per: i64,
    last: Option<LastStamp>,
    run: Option<OddRun>,
}

impl Stamps {
    /// Before the first packet.
    pub fn new() -> Self {
        Stamps {
            ext: ExtendedTs::new(),
            base_raw: 0,
            base_ts: 0,
            ticks_per: 1,
            raw_per: 1,
            last: None,
            run: None,
        }
    }

    /// Takes a packet's stamp: extended as it came, and in the units of its codec.
    pub fn take(&mut self, s: Stamp) -> (i64, i64) {
        let raw = self.ext.extend(s.ts) as i64;
        if let Some(last) = self.last
            && s.seq == last.seq + 1
            && s.ticks > 0
            && last.ticks > 0
        {
            if s.meaning != last.meaning {
                self.reckon(last.raw, last.ts, 1, 1);
                self.run = None;
            } else if raw == last.raw {
                self.base_ts += last.ticks;
            } else {
                self.weigh(raw - last.raw, last);
            }
        }
        let ts = self.reckoned(raw);
        if self.last.is_none_or(|l| s.seq > l.seq) {
            let Stamp { seq, at_ns, ticks, meaning, .. } = s;
            self.last = Some(LastStamp { seq, raw, ts, at_ns, ticks, meaning });
        }
        (raw, ts)
    }

    /// A stamp as it came, in the units of its codec.
    pub fn reckoned(&self, raw: i64) -> i64 {
        if self.ticks_per == self.raw_per {
            return self.base_ts + (raw - self.base_raw);
        }
        let ticks = i128::from(raw - self.base_raw) * i128::from(self.ticks_per);
        self.base_ts + ticks.div_euclid(i128::from(self.raw_per)) as i64
    }

    /// So many units of the codec, as the source counts them.
    pub fn raw_of(&self, ticks: i64) -> i64 {
        ticks * self.raw_per / self.ticks_per.max(1)
    }

    /// Whether enough steps disagree that a factor may be found, looked for after
    /// [`Stamps::take`]. Where one is, the place in the order from which on stamps
    /// must be reckoned again.
    pub fn find_factor(&mut self, at_ns: i64, clock_hz: u32) -> Option<u64> {
        let run = self.run.filter(|r| r.steps >= EVIDENCE)?;
        let ns = |ticks: i64| {
            (i128::from(ticks) * i128::from(NS_PER_S) / i128::from(clock_hz.max(1))).max(1) as f64
        };
        let (passed, sound) = ((at_ns - run.from.at_ns).max(1) as f64, ns(run.ticks));
        let stamped =
            ns((i128::from(run.raw) * i128::from(self.ticks_per) / i128::from(self.raw_per)) as i64);
        let is_sound_right = (0.6..1.6).contains(&(passed / sound))
            && 2.0 * (passed / sound).ln().abs() < (passed / stamped).ln().abs();
        let is_long = sound >= EVIDENCE_NS as f64;
        if !is_sound_right || !is_long {
            if run.steps >= TOO_OLD {
                self.run = None;
            }
            return None;
        }
        let (raw_per, ticks_per) = run.factor.or_else(|| nearest_clock(&run, clock_hz))?;
        self.reckon(run.from.raw, run.from.ts, ticks_per, raw_per);
        self.run = None;
        if let Some(last) = &mut self.last {
            last.ts = run.from.ts + (last.raw - run.from.raw) * ticks_per / raw_per.max(1);
        }
        Some(run.from.seq + 1)
    }

    /// Steps disagree with their sound at present.
    pub fn is_in_doubt(&self) -> bool {
        self.run.is_some()
    }

    fn weigh(&mut self, step: i64, last: LastStamp) {
        let (stamped, sound) = (step * self.ticks_per, last.ticks * self.raw_per);
        if (stamped - sound).abs() * 8 <= sound {
            self.run = None;
            return;
        }
        if step <= 0 || step > 1 << 24 {
            self.run = None;
            return;
        }
        let is_alike = |r: &OddRun| {
            // Within a third of the factor so far; a single step is exact to a unit only.
            let (now, before) = (step * r.ticks, r.raw * last.ticks);
            (now - before).abs() * 3 <= before.max(now) + 3 * r.ticks
        };
        match &mut self.run {
            Some(r) if is_alike(r) => {
                r.steps += 1;
                r.raw += step;
                r.ticks += last.ticks;
                r.factor = r.factor.filter(|(raw, ticks)| step * ticks == raw * last.ticks);
            }
            run => {
                let factor = Some((step, last.ticks));
                *run = Some(OddRun { from: last, steps: 1, raw: step, ticks: last.ticks, factor });
            }
        }
    }

    fn reckon(&mut self, raw: i64, ts: i64, ticks_per: i64, raw_per: i64) {
        (self.base_raw, self.base_ts) = (raw, ts);
        (self.ticks_per, self.raw_per) = (ticks_per, raw_per);
    }
}

/// The clock that the steps of a run come nearest to: stamps taken from a clock are uneven.
fn nearest_clock(run: &OddRun, clock_hz: u32) -> Option<(i64, i64)> {
    let heard = run.raw * i64::from(clock_hz) / run.ticks.max(1);
    let near = CLOCKS_HZ.into_iter().find(|hz| (heard - hz).abs() * 16 <= *hz)?;
    Some((near, i64::from(clock_hz)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    /// Stamps of packets of `ticks` that come every `ms`, as they are reckoned in the end.
    fn reckoned(stamps: &[u32], ticks: i64, ms: i64) -> Vec<i64> {
        let mut s = Stamps::new();
        let mut raws = Vec::new();
        let mut again = None;
        for (i, ts) in stamps.iter().enumerate() {
            let at_ns = i as i64 * ms * MS;
            let (raw, _) = s.take(Stamp { seq: i as u64, ts: *ts, at_ns, ticks, meaning: 0 });
            raws.push(raw);
            if s.is_in_doubt() {
                again = s.find_factor(at_ns, 8000).or(again);
            }
        }
        let first = s.reckoned(raws[0]);
        let _ = again;
        raws.iter().map(|r| s.reckoned(*r) - first).collect()
    }

    fn steps(step: u32, n: u32) -> Vec<u32> {
        (0..n).map(|i| 4_294_967_000u32.wrapping_add(i * step)).collect()
    }

    #[test]
    fn any_constant_step_is_as_long_as_its_sound() {
        for step in [1, 20, 80, 320, 960, 1920] {
            let got = reckoned(&steps(step, 12), 160, 20);
            assert_eq!(got, (0..12).map(|i| i * 160).collect::<Vec<_>>(), "{step}");
        }
        assert_eq!(reckoned(&steps(1, 6), 480, 60), [0, 480, 960, 1440, 1920, 2400]);
    }

    #[test]
    fn stamps_of_a_clock_in_milliseconds() {
        let stamps: Vec<u32> = (0..20u32).map(|i| 70_000 + i * 20 + [0, 1, 0, 2][i as usize % 4]).collect();
        let got = reckoned(&stamps, 160, 20);
        assert!(got.iter().zip(0..).all(|(g, i)| (g - i * 160).abs() <= 16), "{got:?}");
    }

    #[test]
    fn sound_with_pauses_keeps_its_stamps() {
        // Packets of 20 ms every 40: the stamps are right, and the clock says so.
        let got = reckoned(&steps(320, 12), 160, 40);
        assert_eq!(got, (0..12).map(|i| i * 320).collect::<Vec<_>>());
        let once: Vec<u32> = (0..12u32).map(|i| i * 160 + if i > 5 { 8000 } else { 0 }).collect();
        assert_eq!(reckoned(&once, 160, 20)[11], 11 * 160 + 8000);
    }

    #[test]
    fn a_sender_that_mends_its_clock_is_believed() {
        let mut stamps = steps(320, 12);
        let last = stamps[11];
        stamps.extend((1..12).map(|i| last.wrapping_add(i * 160)));
        let mut s = Stamps::new();
        let mut out = Vec::new();
        for (i, ts) in stamps.iter().enumerate() {
            let at_ns = i as i64 * 20 * MS;
            let (raw, _) = s.take(Stamp { seq: i as u64, ts: *ts, at_ns, ticks: 160, meaning: 0 });
            s.find_factor(at_ns, 8000);
            out.push(s.reckoned(raw));
        }
        assert_eq!(out[22] - out[21], 160);
        assert_eq!(out[22] - out[11], 11 * 160);
    }

    #[test]
    fn extreme_stamps_do_not_overflow() {
        let mut s = Stamps::new();
        for i in 0..200u32 {
            let ts = i.wrapping_mul(0x7FFF_FFF0);
            s.take(Stamp { seq: i.into(), ts, at_ns: i64::from(i), ticks: 5760, meaning: 0 });
            s.find_factor(i64::from(i), 1);
        }
    }
}
