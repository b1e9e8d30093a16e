//! Altering a voice: pitch and formants moved, words and their places kept.
//!
//! The voice is stretched without changing its pitch (WSOLA: Verhelst and Roelands, "An overlap-add technique
//! based on waveform similarity", ICASSP 1993) and then read faster or slower by as much, so that
//! it lasts as long as before and all of its spectrum has moved: the vocal tract sounds shorter or
//! longer, the larynx higher or lower. A single factor could be undone by whoever guesses it;
//! so it is drawn anew every few seconds, within a band that is itself drawn for each side, and the
//! pieces are blended into one another.
//!
//! Works on a few seconds at a time. Pure: chance comes in as a seed.

use std::f32::consts::PI;
use std::ops::Range;

/// Factors of a voice made lower, and of one made higher.
const LOWER: (f32, f32) = (0.72, 0.80);
const HIGHER: (f32, f32) = (1.25, 1.38);
/// How long a factor holds, seconds.
const PIECE: (f32, f32) = (2.0, 5.0);
/// Two pieces are blended for so long, seconds.
const BLEND: f32 = 0.03;
/// A grain, and how far the best place for the next is looked for, seconds.
const GRAIN: f32 = 0.03;
const SEEK: f32 = 0.008;
/// Rate at which similarity is judged, Hz: more tells nothing more of a voice.
const JUDGED: u32 = 8_000;
/// Taps of the interpolation on each side, and places between two samples.
const TAPS: usize = 12;
const PHASES: usize = 128;

/// Numbers that nobody can guess who does not know the seed (SplitMix64 would not do for keys; it does here).
#[derive(Clone, Debug)]
struct Chance(u64);

impl Chance {
    /// From 0 to 1.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 24) as f32
    }

    fn within(&mut self, (low, high): (f32, f32)) -> f32 {
        low + (high - low) * self.next()
    }
}

/// A stretch of a side with one factor.
#[derive(Clone, Debug, PartialEq)]
pub struct VoicePiece {
    /// Samples.
    pub frames: Range<u64>,
    /// Above 1: higher.
    pub factor: f32,
}

/// How a side of so many samples is altered: pieces without gaps.
pub fn plan(frames: u64, rate: u32, seed: u64) -> Vec<VoicePiece> {
    let mut chance = Chance(seed);
    let band = if chance.next() < 0.5 { LOWER } else { HIGHER };
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < frames {
        let length = (chance.within(PIECE) * rate as f32) as u64;
        // A rest that is too short for a piece of its own belongs to the last one.
        let end = if frames - at < length + length / 2 { frames } else { at + length.max(1) };
        pieces.push(VoicePiece { frames: at..end, factor: chance.within(band) });
        at = end;
    }
    pieces
}

/// Samples around a piece that altering it needs, on each side.
pub fn margin(rate: u32) -> u64 {
    ((2.0 * GRAIN + SEEK + BLEND) * rate as f32) as u64 + 4 * TAPS as u64
}

/// Samples for which a piece is blended into the next.
pub fn blend(rate: u32) -> usize {
    (BLEND * rate as f32) as usize
}

/// Alters `length` samples of `input` that begin at `start`; as much as [`margin`] around them is looked at.
pub fn alter(input: &[f32], start: usize, length: usize, factor: f32, rate: u32) -> Vec<f32> {
    let stretched = stretch(input, start, length, factor, rate);
    let table = taps(factor);
    (0..length)
        .map(|n| {
            let at = n as f64 * f64::from(factor) + TAPS as f64;
            let (whole, part) = (at as usize, at.fract());
            let row = &table[(part * PHASES as f64) as usize % PHASES];
            let from = whole + 1 - TAPS;
            let samples = stretched.get(from..from + 2 * TAPS).unwrap_or(&[]);
            samples.iter().zip(row).map(|(sample, weight)| sample * weight).sum()
        })
        .collect()
}

/// `length` samples from `start` on made `factor` times as long, with [`TAPS`] more at both ends.
fn stretch(input: &[f32], start: usize, length: usize, factor: f32, rate: u32) -> Vec<f32> {
    let hop = ((GRAIN * rate as f32) as usize / 2).max(1);
    let grain = 2 * hop;
    let seek = (SEEK * rate as f32) as isize;
    let step = (rate / JUDGED).max(1) as usize;
    let want = (length as f32 * factor) as usize + 2 * TAPS + 2;
    let mut out = vec![0.0f32; want + 2 * grain];
    let window: Vec<f32> =
        (0..grain).map(|n| 0.5 - 0.5 * (2.0 * PI * n as f32 / grain as f32).cos()).collect();
    // Silence around it, so that every grain lies within.
    let room = 4 * grain + SEEK.mul_add(rate as f32, 4.0 * TAPS as f32) as usize;
    let padded = [&vec![0.0; room][..], input, &vec![0.0; room]].concat();
    let silent = vec![0.0; grain];
    let grain_at = |at: isize| -> &[f32] {
        let begins = usize::try_from(at + room as isize).ok();
        begins.and_then(|at| padded.get(at..at + grain)).unwrap_or(&silent)
    };
    // The same with `step` samples in one, by which similarity is judged.
    let coarse: Vec<f32> = padded.chunks(step).map(|c| c.iter().sum()).collect();
    let judged = |at: isize| -> &[f32] {
        let begins = usize::try_from(at + room as isize).ok().map(|at| at / step);
        begins.and_then(|at| coarse.get(at..at + hop / step)).unwrap_or(&[])
    };
    // Where the grain before would have gone on.
    let mut natural: Option<isize> = None;
    let mut place = 0;
    while place < want + grain {
        // The middle of the grain comes from where the voice was at that moment.
        let ideal = start as isize + ((place as f32 - TAPS as f32) / factor) as isize - hop as isize;
        let shift = natural.map_or(0, |natural| {
            let goes_on = judged(natural);
            let alike = |shift: isize| likeness(judged(ideal + shift), goes_on);
            let shifts = (-seek..=seek).step_by(step).map(|shift| (alike(shift), shift));
            shifts.fold((0.0, 0), |best, one| if one.0 > best.0 { one } else { best }).1
        });
        let chosen = ideal + shift;
        for (n, (weight, sample)) in window.iter().zip(grain_at(chosen)).enumerate() {
            if let Some(out) = (place + n).checked_sub(hop).and_then(|at| out.get_mut(at)) {
                *out += weight * sample;
            }
        }
        natural = Some(chosen + hop as isize);
        place += hop;
    }
    out.truncate(want);
    out
}

/// How well two grains fit.
fn likeness(a: &[f32], b: &[f32]) -> f32 {
    // In lanes, as a processor adds.
    let mut sums = [0.0f32; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum()
}

/// Weights of a windowed sinc for each place between two samples; what would be folded back is left out.
fn taps(factor: f32) -> Vec<[f32; 2 * TAPS]> {
    let cutoff = (1.0 / factor).min(1.0);
    let row = |phase: usize| {
        let part = phase as f32 / PHASES as f32;
        std::array::from_fn(|n| {
            let x = n as f32 + 1.0 - TAPS as f32 - part;
            let window = 0.5 + 0.5 * (PI * x / TAPS as f32).cos();
            let sinc = if x.abs() < 1e-6 { cutoff } else { (PI * x * cutoff).sin() / (PI * x) };
            if x.abs() < TAPS as f32 { sinc * window } else { 0.0 }
        })
    };
    (0..PHASES).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 8_000;

    /// A buzz as a larynx makes it, in syllables.
    fn voice(hz: f32, seconds: usize) -> Vec<f32> {
        (0..RATE as usize * seconds)
            .map(|n| {
                let t = n as f32 / RATE as f32;
                let loud = (2.0 * PI * 3.0 * t).sin().max(0.0);
                let harmonics = (1..=20).map(|k| (2.0 * PI * hz * k as f32 * t).sin() / k as f32);
                4_000.0 * loud * harmonics.sum::<f32>()
            })
            .collect()
    }

    fn whole(input: &[f32], factor: f32) -> Vec<f32> {
        let room = margin(RATE) as usize;
        let padded = [vec![0.0; room], input.to_vec(), vec![0.0; room]].concat();
        alter(&padded, room, input.len(), factor, RATE)
    }

    fn power(samples: &[f32], hz: f32) -> f32 {
        let angle = |n: usize| 2.0 * PI * hz * n as f32 / RATE as f32;
        let (mut re, mut im) = (0.0, 0.0);
        for (n, s) in samples.iter().enumerate() {
            re += s * angle(n).cos();
            im += s * angle(n).sin();
        }
        re.hypot(im) / samples.len() as f32
    }

    /// The pitch with the strongest fundamental.
    fn pitch(samples: &[f32]) -> f32 {
        (60..400)
            .map(|hz| (power(samples, hz as f32), hz))
            .fold((0.0, 0), |a, b| if b.0 > a.0 { b } else { a })
            .1 as f32
    }

    fn loudness(samples: &[f32]) -> Vec<f32> {
        samples.chunks(160).map(|c| (c.iter().map(|s| s * s).sum::<f32>() / 160.0).sqrt()).collect()
    }

    fn correlation(a: &[f32], b: &[f32]) -> f32 {
        let mean = |x: &[f32]| x.iter().sum::<f32>() / x.len() as f32;
        let (ma, mb) = (mean(a), mean(b));
        let dot: f32 = a.iter().zip(b).map(|(x, y)| (x - ma) * (y - mb)).sum();
        let norm = |x: &[f32], m: f32| x.iter().map(|v| (v - m) * (v - m)).sum::<f32>().sqrt();
        dot / (norm(a, ma) * norm(b, mb))
    }

    #[test]
    fn pitch_moves_and_words_stay_in_their_places() {
        for hz in [110.0, 210.0] {
            let input = voice(hz, 4);
            for factor in [LOWER.0, LOWER.1, HIGHER.0, HIGHER.1] {
                let output = whole(&input, factor);
                assert_eq!(output.len(), input.len());
                let got = pitch(&output[4_000..28_000]) / hz;
                assert!((got / factor - 1.0).abs() < 0.04, "{hz} Hz by {factor}: {got}");
                let alike = correlation(&loudness(&input), &loudness(&output));
                assert!(alike > 0.95, "{hz} Hz by {factor}: syllables {alike}");
                let level = |x: &[f32]| (x.iter().map(|s| s * s).sum::<f32>() / x.len() as f32).sqrt();
                let ratio = level(&output) / level(&input);
                assert!((0.7..1.2).contains(&ratio), "{hz} Hz by {factor}: as loud as before: {ratio}");
            }
        }
    }

    #[test]
    fn the_spectrum_moves_with_it() {
        // A formant: a band around 1 kHz.
        let input: Vec<f32> = (0..RATE as usize * 2)
            .map(|n| {
                let t = n as f32 / RATE as f32;
                (0..9)
                    .map(|k| 800.0 * (2.0 * PI * (800.0 + 50.0 * k as f32) * t + (k * k) as f32).sin())
                    .sum()
            })
            .collect();
        let output = whole(&input, 0.75);
        let band = |x: &[f32], from: u32, to: u32| -> f32 {
            (from..to).step_by(10).map(|hz| power(x, hz as f32)).sum()
        };
        assert!(band(&input, 800, 1_200) > 3.0 * band(&input, 500, 780));
        assert!(band(&output, 600, 900) > 3.0 * band(&output, 920, 1_220), "moved to three quarters");
    }

    #[test]
    fn silence_stays_silent_and_no_end_panics() {
        assert!(whole(&[0.0; 8_000], 0.75).iter().all(|s| *s == 0.0));
        for length in [0, 1, 2, 50, 400] {
            for factor in [0.72, 1.38] {
                let input: Vec<f32> = (0..length).map(|n| (n % 7) as f32).collect();
                assert_eq!(alter(&input, 0, length, factor, RATE).len(), length);
                assert!(whole(&input, factor).iter().all(|s| s.is_finite()));
            }
        }
        for rate in [1, 8_000, 16_000, 48_000] {
            assert_eq!(alter(&[1.0; 100], 20, 10, 1.3, rate).len(), 10);
        }
    }

    #[test]
    fn no_two_plans_are_alike_and_each_covers_all() {
        let mut factors = std::collections::BTreeSet::new();
        for seed in 0..50 {
            let pieces = plan(60 * 8_000, RATE, seed);
            assert!(pieces.len() >= 10 && pieces[0].frames.start == 0);
            assert!(pieces.windows(2).all(|w| w[0].frames.end == w[1].frames.start));
            assert_eq!(pieces.last().unwrap().frames.end, 60 * 8_000);
            let lower = pieces[0].factor < 1.0;
            for piece in &pieces {
                let (low, high) = if lower { LOWER } else { HIGHER };
                assert!((low..=high).contains(&piece.factor), "{}", piece.factor);
                factors.insert((piece.factor * 1e4) as u32);
            }
        }
        assert!(factors.len() > 300, "{}", factors.len());
        assert!(plan(0, RATE, 1).is_empty() && plan(1, RATE, 1).len() == 1);
    }
}
