//! How loud each side is, a fifth of a second at a time, and over two seconds.
//!
//! Measured on the samples as they go into the file. A simple form of the active speech level of
//! ITU-T P.56: a block counts as speech if its peak is within 15.9 dB of the highest (the margin of P.56),
//! and the level is the mean power of the blocks that do. Levels are mean squares of 16-bit samples,
//! for which no logarithm is needed; dBov is relative to 32768 squared (ITU-T G.100.1).
//!
//! This is done for every sample of every call, so it is done in passes that a vector unit makes, and
//! the level is measured only until it is known to be fit.

use crate::time::NS_PER_S;
use std::mem::take;

/// Blocks in a second.
const BLOCKS_PER_S: u32 = 5;
/// How long a block is.
pub(super) const BLOCK_NS: i64 = NS_PER_S / BLOCKS_PER_S as i64;
/// Blocks of one verdict: two seconds.
const WINDOW: usize = 10;
/// How long those are together.
pub(super) const WINDOW_NS: i64 = BLOCK_NS * WINDOW as i64;
/// So many of them have to be speech, or nothing is said of it: one second.
const ACTIVE_BLOCKS: usize = 5;
/// The margin of ITU-T P.56, 15.9 dB, as a ratio of amplitudes.
const MARGIN: f64 = 6.24;
/// No louder is digital silence: the least steps of A-law are 8.
pub(super) const SILENT_PEAK: u16 = 8;
/// Full scale within what G.711 can say (32,124 for mu-law, 32,256 for A-law).
const FULL_SCALE: i16 = 32_000;
/// Speech has peaks 15 to 20 dB above its level, so that at a fit level hardly a sample in a
/// thousand is at full scale; one in a hundred is heard as distortion.
const CLIPPED_SHARE: f64 = 0.01;
/// -46 dBov: 20 dB below the -26 dBov to which speech is usually levelled (ITU-T P.56, G.100.1).
const QUIET: f64 = 26_970.0;
/// Peaks of the noise of a line on which nobody talks, at -62 dBov.
const LINE_PEAK: u16 = 80;

/// Samples taken side by side, as interleaved as they come. So many the compiler makes vectors of;
/// of half as many it does not.
const LANES: usize = 32;

/// Both sides' samples of a fifth of a second. A lane is a place in so many samples: the even ones
/// are the left channel's.
#[derive(Clone, Copy, Debug, Default)]
struct BlockSum {
    highest: [i16; LANES],
    lowest: [i16; LANES],
    squares: [f32; LANES],
    clipped: [i16; LANES],
    frames: u32,
}

/// One side's samples of a fifth of a second.
#[derive(Clone, Copy, Debug, Default)]
struct LoudBlock {
    peak: u16,
    power: f64,
    clipped: u32,
    samples: u32,
}

/// What a fifth of a second was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockHeard {
    /// Frame behind its last one.
    pub end: u64,
    /// Digital silence.
    pub is_silent: bool,
    /// What is to be said of the two seconds that end with it, if they do.
    pub verdict: Option<LoudnessVerdict>,
}

/// What two seconds were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LoudnessVerdict {
    /// Too much of it was at full scale; [`None`] where there was too little to tell.
    pub is_clipped: Option<bool>,
    /// Speech was far below the usual level; [`None`] likewise, and where levels are not measured any more.
    pub is_quiet: Option<bool>,
}

/// Both sides' levels under way.
#[derive(Debug, Default)]
pub(super) struct Loudness {
    block: BlockSum,
    sides: [LoudWindow; 2],
}

/// One side's blocks since the last verdict.
#[derive(Debug, Default)]
struct LoudWindow {
    blocks: [LoudBlock; WINDOW],
    filled: usize,
}

impl Loudness {
    /// Takes interleaved frames, of which the first is `frame`; every block that they complete is
    /// handed over, the left channel's first. `with_level`: whether the level is to be measured; not
    /// again once it was not.
    pub fn take(
        &mut self,
        frames: &[i16],
        (frame, rate_hz): (u64, u32),
        with_level: bool,
        mut hear: impl FnMut(usize, BlockHeard),
    ) {
        let length = u64::from((rate_hz / BLOCKS_PER_S).max(1));
        let (mut at, mut rest) = (frame, frames);
        while !rest.is_empty() {
            let room = (length - at % length) as usize;
            let (now, later) = rest.split_at((room * 2).min(rest.len()));
            self.block.add(now, with_level);
            at += (now.len() / 2) as u64;
            rest = later;
            if at.is_multiple_of(length) {
                let block = take(&mut self.block);
                for (side, window) in self.sides.iter_mut().enumerate() {
                    let of_side = block.of(side);
                    let mut verdict = window.note(of_side);
                    if let Some(verdict) = verdict.as_mut().filter(|_| !with_level) {
                        verdict.is_quiet = None;
                    }
                    hear(side, BlockHeard { end: at, is_silent: of_side.peak <= SILENT_PEAK, verdict });
                }
            }
        }
    }

    /// What was heard so far says nothing of what follows.
    pub fn begin_anew(&mut self) {
        self.sides.iter_mut().for_each(|s| s.filled = 0);
    }
}

impl LoudWindow {
    fn note(&mut self, block: LoudBlock) -> Option<LoudnessVerdict> {
        self.blocks[self.filled] = block;
        self.filled += 1;
        if self.filled < WINDOW {
            return None;
        }
        self.filled = 0;
        Some(verdict(&self.blocks))
    }
}

impl BlockSum {
    fn add(&mut self, frames: &[i16], with_level: bool) {
        self.note_peaks(frames);
        if with_level {
            self.add_squares(frames);
        }
        if self.highest.iter().any(|s| *s >= FULL_SCALE) || self.lowest.iter().any(|s| *s <= -FULL_SCALE) {
            self.count_clipped(frames);
        }
        self.frames += (frames.len() / 2) as u32;
    }

    fn note_peaks(&mut self, frames: &[i16]) {
        let (mut highest, mut lowest) = (self.highest, self.lowest);
        let (all, rest) = frames.as_chunks::<LANES>();
        for some in all {
            for i in 0..LANES {
                highest[i] = highest[i].max(some[i]);
                lowest[i] = lowest[i].min(some[i]);
            }
        }
        for (i, s) in rest.iter().enumerate() {
            highest[i] = highest[i].max(*s);
            lowest[i] = lowest[i].min(*s);
        }
        (self.highest, self.lowest) = (highest, lowest);
    }

    fn add_squares(&mut self, frames: &[i16]) {
        let mut squares = self.squares;
        let (all, rest) = frames.as_chunks::<LANES>();
        for some in all {
            for i in 0..LANES {
                squares[i] += f32::from(some[i]) * f32::from(some[i]);
            }
        }
        rest.iter().enumerate().for_each(|(i, s)| squares[i] += f32::from(*s) * f32::from(*s));
        self.squares = squares;
    }

    /// Fewer in a lane than an `i16` holds: a block at 48 kHz has 600.
    fn count_clipped(&mut self, frames: &[i16]) {
        let is_clipped = |s: i16| i16::from(s >= FULL_SCALE) + i16::from(s <= -FULL_SCALE);
        let mut clipped = self.clipped;
        let (all, rest) = frames.as_chunks::<LANES>();
        for some in all {
            for i in 0..LANES {
                clipped[i] += is_clipped(some[i]);
            }
        }
        rest.iter().enumerate().for_each(|(i, s)| clipped[i] += is_clipped(*s));
        self.clipped = clipped;
    }

    fn of(&self, side: usize) -> LoudBlock {
        let peak = |all: &[i16; LANES]| all.iter().skip(side).step_by(2).map(|s| s.unsigned_abs()).max();
        let squares: f64 = self.squares.iter().skip(side).step_by(2).map(|s| f64::from(*s)).sum();
        LoudBlock {
            peak: peak(&self.highest).max(peak(&self.lowest)).unwrap_or(0),
            power: squares / f64::from(self.frames.max(1)),
            clipped: self.clipped.iter().skip(side).step_by(2).map(|n| u32::from(n.unsigned_abs())).sum(),
            samples: self.frames,
        }
    }
}

fn verdict(window: &[LoudBlock; WINDOW]) -> LoudnessVerdict {
    let highest = window.iter().map(|b| b.peak).max().unwrap_or(0);
    let is_active = |b: &&LoudBlock| highest > LINE_PEAK && f64::from(b.peak) * MARGIN >= f64::from(highest);
    let active = window.iter().filter(is_active);
    let n = active.clone().count();
    if n < ACTIVE_BLOCKS {
        return LoudnessVerdict::default();
    }
    let samples: u32 = active.clone().map(|b| b.samples).sum();
    let clipped: u32 = active.clone().map(|b| b.clipped).sum();
    let level = active.map(|b| b.power).sum::<f64>() / n as f64;
    LoudnessVerdict {
        is_clipped: Some(f64::from(clipped) >= CLIPPED_SHARE * f64::from(samples.max(1))),
        is_quiet: Some(level < QUIET),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two seconds of a tone with this peak on one side, clipped at full scale.
    fn heard(peak: f64, side: usize, piece: usize) -> (usize, Option<LoudnessVerdict>) {
        let tone = |i: usize| {
            let s = (i as f64 * 0.3).sin() * peak;
            if i % 2 == side { s.clamp(-32_124.0, 32_124.0) as i16 } else { 0 }
        };
        let frames: Vec<i16> = (0..32_000).map(tone).collect();
        let (mut loudness, mut blocks, mut last) = (Loudness::default(), 0, None);
        let mut frame = 0;
        for some in frames.chunks(piece * 2) {
            loudness.take(some, (frame, 8000), true, |heard, b| {
                assert_eq!(b.is_silent, heard != side || peak <= f64::from(SILENT_PEAK), "{peak}");
                if heard == side {
                    blocks += 1;
                    last = b.verdict.or(last);
                }
            });
            frame += piece as u64;
        }
        (blocks, last)
    }

    #[test]
    fn levels_in_pieces_of_any_length() {
        let said = |is_clipped, is_quiet| {
            Some(LoudnessVerdict { is_clipped: Some(is_clipped), is_quiet: Some(is_quiet) })
        };
        for piece in [1, 7, 1600, 5000] {
            for side in [0, 1] {
                assert_eq!(heard(8000.0, side, piece), (10, said(false, false)));
                assert_eq!(heard(60_000.0, side, piece), (10, said(true, false)));
                // -46 dBov is a sine with a peak of 232.
                assert_eq!(heard(240.0, side, piece), (10, said(false, false)));
                assert_eq!(heard(225.0, side, piece), (10, said(false, true)));
                assert_eq!(heard(30.0, side, piece), (10, Some(LoudnessVerdict::default())));
                assert_eq!(heard(8.0, side, piece), (10, Some(LoudnessVerdict::default())));
            }
        }
    }
}
