//! The tones by which a test call knows its own sound again.
//!
//! Sixteen tones of 200 ms, one after another, drawn from the id of the call: no two calls have the same, so a
//! recording of another one is not taken for this one's. Single tones pass any codec of telephony; the
//! frequencies keep away from those of keys (ITU-T Q.23), of fax (T.30) and of dial and busy tones (E.180), so
//! that neither an exchange nor the recorder takes them for something.

use crate::codec::g711::Law;
use crate::codec::goertzel::GoertzelFilter;
use sha2::{Digest, Sha256};
use std::f64::consts::{PI, TAU};
use std::time::Duration;
use uuid::Uuid;

/// How many tones.
pub const TONES: usize = 16;
/// How long one is.
const TONE_MS: usize = 200;
/// What may sound, Hz.
const HZ: [f64; 8] = [530.0, 610.0, 735.0, 815.0, 1020.0, 1270.0, 1400.0, 1550.0];
/// Rate at which they are played, Hz.
const RATE_HZ: usize = 8000;
/// Amplitude at which they are played: 15 dB below full scale.
const AMPLITUDE: f64 = 6000.0;
/// A tone swells and fades so long, so that it does not click.
const EDGE_MS: usize = 5;
/// What is looked at at once: long enough to tell two frequencies apart.
const WINDOW_MS: usize = 40;
/// How far the next window is from the last.
const HOP_MS: usize = 10;
/// Hops in a tone.
const HOPS: i64 = (TONE_MS / HOP_MS) as i64;
/// Windows wholly within a tone.
const WINDOWS: i64 = ((TONE_MS - WINDOW_MS) / HOP_MS) as i64 + 1;
/// So many of them tell that it is there.
const ENOUGH_WINDOWS: i64 = 10;
/// Of the energy in a window, the tone's own share.
const SHARE: f64 = 0.4;
/// Amplitude of the softest tone: 64 dB below full scale.
const SOFTEST: f64 = 20.0;

/// The tones of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature([u8; TONES]);

/// What of them is in a piece of sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToneMatch {
    /// How many of [`TONES`] are in their place.
    pub tones: usize,
    /// Where the first begins, or would, seconds from the start of the sound; below zero where the start is cut.
    pub at_s: f64,
    /// How loud they are, dB of full scale (0 dB: a tone that fills it).
    pub level_db: f64,
}

impl Signature {
    /// How long it is.
    pub const LENGTH: Duration = Duration::from_millis((TONES * TONE_MS) as u64);
    /// How loud it is played, dB of full scale.
    pub const PLAYED_DB: f64 = -14.7;

    /// That of a call.
    pub fn of(id: Uuid) -> Signature {
        let digest = Sha256::digest(id.as_bytes());
        let mut last = HZ.len();
        let mut tones = [0; TONES];
        for (tone, octet) in tones.iter_mut().zip(digest) {
            // Never the one before: where a tone ends is to be heard.
            let drawn = usize::from(octet) % (HZ.len() - usize::from(last < HZ.len()));
            last = if drawn >= last { drawn + 1 } else { drawn };
            *tone = last as u8;
        }
        Signature(tones)
    }

    /// As it is played: A-law, 8000 Hz.
    pub fn alaw(&self) -> Vec<u8> {
        let length = RATE_HZ * TONE_MS / 1000;
        let edge = RATE_HZ * EDGE_MS / 1000;
        let mut samples = Vec::with_capacity(TONES * length);
        for tone in self.0 {
            let hz = HZ[usize::from(tone) % HZ.len()];
            samples.extend((0..length).map(|n| {
                let from_edge = n.min(length - 1 - n).min(edge) as f64 / edge as f64;
                let swell = (1.0 - (PI * from_edge).cos()) / 2.0;
                (AMPLITUDE * swell * (TAU * hz * n as f64 / RATE_HZ as f64).sin()) as i16
            }));
        }
        let mut octets = Vec::new();
        Law::A.encode_into(&samples, &mut octets);
        octets
    }

    /// The place in `samples` where most of it is; [`None`] where nothing of it is.
    pub fn find(&self, samples: &[i16], rate_hz: u32) -> Option<ToneMatch> {
        let heard = windows(samples, rate_hz);
        let last = heard.len() as i64;
        let starts = -(TONES as i64 - 1) * HOPS..last;
        let scored = starts.map(|start| (self.score(&heard, start), start));
        let best = scored.clone().map(|(score, _)| score).max().filter(|(tones, _)| *tones > 0)?;
        // Where several places are as good, the middle of them.
        let equal: Vec<i64> = scored.filter(|(score, _)| *score == best).map(|(_, start)| start).collect();
        let start = equal[equal.len() / 2];
        Some(ToneMatch {
            tones: best.0,
            at_s: (start * HOP_MS as i64) as f64 / 1000.0,
            level_db: 20.0 * (self.loudness(&heard, start) / 32_768.0).log10(),
        })
    }

    /// Tones in their place where the first begins at the hop `start`, and windows that tell so.
    fn score(&self, heard: &[Option<Heard>], start: i64) -> (usize, i64) {
        let of_tone = |k: usize| {
            let found = (0..WINDOWS).filter(|w| self.is_there(heard, start, k, *w).is_some()).count() as i64;
            (usize::from(found >= ENOUGH_WINDOWS), found)
        };
        (0..TONES).map(of_tone).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    fn is_there(&self, heard: &[Option<Heard>], start: i64, k: usize, window: i64) -> Option<f64> {
        let at = usize::try_from(start + k as i64 * HOPS + window).ok()?;
        let heard = (*heard.get(at)?)?;
        (heard.tone == self.0[k]).then_some(heard.amplitude)
    }

    /// The middle amplitude of all windows that have their tone.
    fn loudness(&self, heard: &[Option<Heard>], start: i64) -> f64 {
        let all = (0..TONES).flat_map(|k| (0..WINDOWS).map(move |w| (k, w)));
        let mut found: Vec<f64> = all.filter_map(|(k, w)| self.is_there(heard, start, k, w)).collect();
        found.sort_by(f64::total_cmp);
        found.get(found.len() / 2).copied().unwrap_or_default()
    }
}

/// A tone in a window.
#[derive(Clone, Copy, Debug)]
struct Heard {
    tone: u8,
    amplitude: f64,
}

/// Which tone each window has, if it has one.
fn windows(samples: &[i16], rate_hz: u32) -> Vec<Option<Heard>> {
    let ms = (rate_hz / 1000).max(1) as usize;
    let filters = HZ.map(|hz| GoertzelFilter::new(hz, rate_hz.max(1)));
    samples.windows(WINDOW_MS * ms).step_by(HOP_MS * ms).map(|window| tone_of(window, &filters)).collect()
}

/// The loudest of the tones, where most of the energy is its.
fn tone_of(window: &[i16], filters: &[GoertzelFilter; 8]) -> Option<Heard> {
    let n = window.len() as f64;
    let energy: f64 = window.iter().map(|s| f64::from(*s) * f64::from(*s)).sum();
    if energy < SOFTEST * SOFTEST / 2.0 * n {
        return None;
    }
    let powers = filters.map(|filter| filter.power(window.iter().map(|s| f64::from(*s))));
    let (tone, power) = powers.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    // A tone alone has a power of energy * n / 2.
    let is_alone = power * 2.0 >= SHARE * energy * n;
    is_alone.then(|| Heard { tone: tone as u8, amplitude: 2.0 * power.max(0.0).sqrt() / n })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u64) -> Uuid {
        Uuid::from_u64_pair(0x0192_0000_0000_7000, 0x8000_0000_0000_0000 | n)
    }

    /// Noise that is the same each time.
    fn noise(seed: u64, n: usize, peak: f64) -> Vec<f64> {
        let mut state = seed | 1;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) as f64 / f64::from(1u32 << 30) - 1.0) * peak
        };
        std::iter::repeat_with(next).take(n).collect()
    }

    /// The signature `at_s` into `length_s` of sound, `gain` times as loud, in noise.
    fn played(of: &Signature, at_s: f64, length_s: f64, gain: f64, peak: f64) -> Vec<i16> {
        let mut samples = Vec::new();
        Law::A.decode_into(&of.alaw(), &mut samples);
        let mut sound = noise(7, (length_s * 8000.0) as usize, peak);
        let at = (at_s * 8000.0) as usize;
        for (place, sample) in sound.iter_mut().skip(at).zip(samples) {
            *place += f64::from(sample) * gain;
        }
        sound.into_iter().map(|s| s as i16).collect()
    }

    #[test]
    fn each_call_has_its_own_and_no_tone_comes_twice_in_a_row() {
        let all: Vec<Signature> = (0..2000).map(|n| Signature::of(id(n))).collect();
        assert!(all.iter().all(|s| s.0.windows(2).all(|pair| pair[0] != pair[1])));
        let mut seen: Vec<_> = all.iter().map(|s| s.0).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), all.len());
        let used: Vec<bool> = (0..8).map(|tone| all.iter().any(|s| s.0.contains(&tone))).collect();
        assert_eq!(used, [true; 8]);
    }

    #[test]
    fn it_is_found_where_it_is_and_as_loud_as_it_is() {
        let own = Signature::of(id(1));
        for (at_s, gain, peak) in [(0.0, 1.0, 0.0), (0.5, 1.0, 200.0), (2.36, 0.1, 100.0), (1.0, 1.0, 4000.0)]
        {
            let found = own.find(&played(&own, at_s, 7.0, gain, peak), 8000).expect("it is there");
            assert_eq!(found.tones, TONES, "{at_s} {gain} {peak}");
            assert!((found.at_s - at_s).abs() <= 0.02, "{at_s}: {found:?}");
            let want = Signature::PLAYED_DB + 20.0 * f64::log10(gain);
            assert!((found.level_db - want).abs() < 1.0, "{want}: {found:?}");
        }
    }

    #[test]
    fn a_rate_of_another_codec_does_not_matter() {
        let own = Signature::of(id(2));
        let slow = played(&own, 0.5, 5.0, 1.0, 0.0);
        let fast: Vec<i16> = slow.iter().flat_map(|s| [*s; 6]).collect();
        let found = own.find(&fast, 48_000).expect("it is there");
        assert_eq!((found.tones, (found.at_s * 10.0).round()), (TONES, 5.0));
    }

    #[test]
    fn what_is_cut_off_is_missing() {
        let own = Signature::of(id(3));
        let sound = played(&own, 0.0, 4.0, 1.0, 0.0);
        let found = own.find(&sound[8000..], 8000).expect("most of it");
        assert_eq!((found.tones, (found.at_s * 10.0).round()), (11, -10.0));
    }

    /// The tones of other calls, noise, speech-like sound and silence: never ten of sixteen.
    #[test]
    fn nothing_else_is_taken_for_it() {
        let own = Signature::of(id(0));
        let most = |sound: &[i16]| own.find(sound, 8000).map_or(0, |m| m.tones);
        assert_eq!(most(&[0; 8000]), 0);
        assert_eq!(most(&[]), 0);
        let others = (1..60).map(|n| most(&played(&Signature::of(id(n)), 0.5, 4.5, 1.0, 50.0)));
        let worst = others.max().unwrap_or_default();
        assert!(worst < 9, "{worst}");
        for seed in 0..5 {
            let sound: Vec<i16> = noise(seed, 40_000, 8000.0).into_iter().map(|s| s as i16).collect();
            assert!(most(&sound) < 3);
        }
        // A voice: harmonics of a pitch that glides.
        let voice: Vec<i16> = (0..40_000)
            .map(|n| {
                let t = f64::from(n) / 8000.0;
                let pitch = 120.0 + 30.0 * (TAU * 0.7 * t).sin();
                let sum: f64 = (1..12).map(|h| (TAU * pitch * f64::from(h) * t).sin() / f64::from(h)).sum();
                (sum * 4000.0) as i16
            })
            .collect();
        assert!(most(&voice) < 6);
    }
}
