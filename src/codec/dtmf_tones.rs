//! Where the tones of keys are in sound (ITU-T Q.23, Q.24), so that they can be silenced.
//!
//! A key is two tones at once, one of four low and one of four high ones. Goertzel filters look
//! at windows of 20 ms, a quarter of which is new each time. A window has a key's tones
//! where they are most of its energy, neither is much louder than the other, and no other tone of
//! their groups is near them; that many windows in a row agree is what speech does not do.
//! Which key it was is compared from window to window and told to nobody.

use super::goertzel::GoertzelFilter;
use std::ops::Range;

/// What is looked at once: long enough to tell 697 Hz from 770 Hz.
const WINDOW_MS: usize = 20;
/// How far the next window is from the last.
const STEP_MS: usize = 5;
/// Windows in a row that agree, at least: a tone of 25 ms. Receivers take 40 ms (Q.24).
const MIN_WINDOWS: usize = 4;
/// Silenced before and after, beyond the windows.
const EDGE_MS: usize = 10;
/// Windows further apart are of two presses.
const GAP_MS: usize = 15;
/// The rate at which tones are looked for, Hz.
const RATE_HZ: u32 = 8000;
/// Of the energy in a window, the two tones' own share.
const SHARE: f64 = 0.6;
/// The same in the best window of a press.
const BEST_SHARE: f64 = 0.66;
/// How much louder one of the two may be, as power: 10 dB.
const TWIST: f64 = 10.0;
/// How much louder each is than the next of its group, as power: 7 dB.
const APART: f64 = 5.0;
/// Power of the softest tone: an amplitude of 40 of 32768, -58 dB of full scale.
const SOFTEST: f64 = 800.0;

const LOW_HZ: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH_HZ: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];

/// Samples that are to be silenced for one press of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToneSpan {
    /// Edges included.
    pub samples: Range<usize>,
    /// Where the tones themselves were first found.
    pub begins: usize,
}

/// Windows in a row that have the tones of one key.
struct ToneRun {
    pair: (usize, usize),
    first: usize,
    last: usize,
    windows: usize,
    best: f64,
}

/// Every press of a key in `samples`, in order.
pub fn find_tones(samples: &[i16], rate_hz: u32) -> Vec<ToneSpan> {
    let factor = (rate_hz / RATE_HZ).max(1) as usize;
    let ms = (RATE_HZ / 1000) as usize;
    let (window, step) = (WINDOW_MS * ms, STEP_MS * ms);
    // What is silent has no tones, and much of a call is.
    if samples.iter().all(|s| *s == 0) {
        return Vec::new();
    }
    let lower: Vec<f64> = samples.chunks_exact(factor).map(mean).collect();
    let (mut found, mut run) = (Vec::new(), None::<ToneRun>);
    let mut settle = |run: ToneRun| {
        if run.windows >= MIN_WINDOWS && run.best >= BEST_SHARE {
            let from = run.first.saturating_sub(EDGE_MS * ms) * factor;
            let until = ((run.last + window + EDGE_MS * ms) * factor).min(samples.len());
            found.push(ToneSpan { samples: from..until, begins: run.first * factor });
        }
    };
    for at in (0..).step_by(step).take_while(|at| at + window <= lower.len()) {
        let Some((pair, share)) = key_in(&lower[at..at + window]) else { continue };
        let goes_on = |r: &ToneRun| r.pair == pair && at <= r.last + step + GAP_MS * ms;
        if let Some(over) = run.take_if(|r| !goes_on(r)) {
            settle(over);
        }
        let r = run.get_or_insert(ToneRun { pair, first: at, last: at, windows: 0, best: 0.0 });
        (r.last, r.windows, r.best) = (at, r.windows + 1, r.best.max(share));
    }
    run.into_iter().for_each(settle);
    found
}

/// Whether this little sound, which nothing is known to follow, may be of a key.
pub fn may_be_tone(samples: &[i16], rate_hz: u32) -> bool {
    let factor = (rate_hz / RATE_HZ).max(1) as usize;
    let lower: Vec<f64> = samples.chunks_exact(factor).map(mean).collect();
    let window = WINDOW_MS * (RATE_HZ / 1000) as usize;
    lower.chunks(window).any(|part| key_in(part).is_some())
}

fn mean(samples: &[i16]) -> f64 {
    samples.iter().map(|s| f64::from(*s)).sum::<f64>() / samples.len() as f64
}

/// Which two tones a window has, and their share of its energy.
fn key_in(window: &[f64]) -> Option<((usize, usize), f64)> {
    let total = window.iter().map(|s| s * s).sum::<f64>() / window.len().max(1) as f64;
    if total < 2.0 * SOFTEST {
        return None;
    }
    let (low, low_power) = loudest(window, &LOW_HZ)?;
    // Half of the filters are spared where the first half has shown that there is no key.
    if low_power < SOFTEST || low_power * (1.0 + TWIST) < SHARE * total {
        return None;
    }
    let (high, high_power) = loudest(window, &HIGH_HZ)?;
    let is_even = low_power <= high_power * TWIST && high_power <= low_power * TWIST;
    let share = (low_power + high_power) / total;
    (is_even && high_power >= SOFTEST && share >= SHARE).then_some(((low, high), share))
}

/// The loudest tone of a group and its power; `None` where another is near it.
fn loudest(window: &[f64], group: &[f64; 4]) -> Option<(usize, f64)> {
    let powers = group.map(|hz| power(window, hz));
    let (best, most) = powers.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let is_alone = powers.iter().enumerate().all(|(i, p)| i == best || p * APART <= most);
    is_alone.then_some((best, most))
}

/// Power of the sine of `hz` in a window.
fn power(window: &[f64], hz: f64) -> f64 {
    let n = window.len() as f64;
    2.0 * GoertzelFilter::new(hz, RATE_HZ).power(window.iter().copied()) / (n * n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    /// Two sines of these frequencies and amplitudes, `ms` long.
    fn tones(rate: u32, ms: usize, parts: [(f64, f64); 2]) -> Vec<i16> {
        let at = |i: usize, (hz, a): (f64, f64)| a * (TAU * hz * i as f64 / f64::from(rate)).sin();
        (0..rate as usize * ms / 1000).map(|i| parts.iter().map(|p| at(i, *p)).sum::<f64>() as i16).collect()
    }

    /// Sound that is no tone: noise of this amplitude.
    fn noise(n: usize, amplitude: i32) -> Vec<i16> {
        let mut x = 12_345_u32;
        let mut next = || {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 16) as i32 % (2 * amplitude + 1) - amplitude
        };
        (0..n).map(|_| next() as i16).collect()
    }

    #[test]
    fn every_key_at_every_rate_level_and_twist() {
        for rate in [8000, 16_000, 48_000] {
            for low in LOW_HZ {
                for high in HIGH_HZ {
                    for (a, b) in [(16_000.0, 16_000.0), (6000.0, 3500.0), (2000.0, 5000.0), (90.0, 90.0)] {
                        for ms in [40, 70, 300] {
                            let lead = rate as usize / 10 + 37;
                            let mut all = noise(lead, 20);
                            let tone = tones(rate, ms, [(low, a), (high, b)]);
                            all.extend(&tone);
                            all.extend(noise(lead, 20));
                            let found = find_tones(&all, rate);
                            assert_eq!(found.len(), 1, "{rate} {low}+{high} {a}/{b} {ms} ms: {found:?}");
                            let span = &found[0].samples;
                            assert!(
                                span.start <= lead && span.end >= lead + tone.len(),
                                "{rate} {ms}: {span:?} of {lead}"
                            );
                            let spare = rate as usize * 25 / 1000;
                            assert!(
                                span.start + spare > lead && span.end < lead + tone.len() + spare,
                                "{span:?}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn frequencies_a_little_off_are_the_key_and_others_are_none() {
        let found = |f: f64, g: f64| {
            find_tones(&tones(8000, 80, [(770.0 * f, 4000.0), (1336.0 * g, 4000.0)]), 8000).len()
        };
        for off in [0.985, 0.993, 1.0, 1.007, 1.015] {
            assert_eq!(found(off, 2.0 - off), 1, "{off}");
        }
        for off in [0.95, 1.05] {
            assert_eq!(found(off, off), 0, "{off}");
        }
        assert_eq!(find_tones(&tones(8000, 200, [(425.0, 9000.0), (0.0, 0.0)]), 8000), [], "a dial tone");
        assert_eq!(find_tones(&tones(8000, 200, [(350.0, 6000.0), (440.0, 6000.0)]), 8000), []);
        assert_eq!(find_tones(&tones(8000, 200, [(770.0, 9000.0), (0.0, 0.0)]), 8000), [], "one tone");
        assert_eq!(find_tones(&noise(16_000, 9000), 8000), []);
        assert_eq!(find_tones(&[], 8000), []);
    }

    #[test]
    fn presses_are_told_apart() {
        let key = |a, b| tones(8000, 60, [(a, 4000.0), (b, 4000.0)]);
        let pause = vec![0; 8000 * 50 / 1000];
        let (five, eight) = (key(770.0, 1336.0), key(852.0, 1336.0));
        let all = [&pause[..], &five, &pause, &five, &eight, &pause, &eight].concat();
        assert_eq!(find_tones(&all, 8000).len(), 4);
        assert!(may_be_tone(&five[..160], 8000) && !may_be_tone(&noise(160, 4000), 8000));
    }

    #[test]
    fn tones_beneath_noise() {
        for amplitude in [100, 800] {
            let mut all = noise(8000, amplitude);
            for (s, t) in all[3000..].iter_mut().zip(tones(8000, 60, [(852.0, 3000.0), (1209.0, 2500.0)])) {
                *s += t;
            }
            assert_eq!(find_tones(&all, 8000).len(), 1, "{amplitude}");
        }
    }
}
