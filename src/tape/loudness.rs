//! How loud one side is, a fifth of a second at a time, and over two seconds.
//!
//! Measured on the samples as they go into the file. A simple form of the active speech level of
//! ITU-T P.56: a block counts as speech if it is within 15.9 dB of the loudest (the margin of P.56), and
//! the level is the mean power of the blocks that do. Levels are mean squares of 16-bit samples, for
//! which no logarithm is needed; dBov is relative to 32768 squared (ITU-T G.100.1).

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
/// The margin of ITU-T P.56, 15.9 dB, as a ratio of powers.
const MARGIN: f64 = 38.9;
/// No louder is digital silence: the least steps of A-law are 8.
pub(super) const SILENT_PEAK: u16 = 8;
/// Full scale within what G.711 can say (32,124 for mu-law, 32,256 for A-law).
const FULL_SCALE: u16 = 32_000;
/// Speech has peaks 15 to 20 dB above its level, so that at a fit level hardly a sample in a
/// thousand is at full scale; one in a hundred is heard as distortion.
const CLIPPED_SHARE: f64 = 0.01;
/// -46 dBov: 20 dB below the -26 dBov to which speech is usually levelled (ITU-T P.56, G.100.1).
const QUIET: f64 = 26_970.0;
/// -62 dBov: below it is the noise of a line on which nobody talks.
const LINE_NOISE: f64 = 677.0;

/// One side's samples of a fifth of a second.
#[derive(Clone, Copy, Debug, Default)]
struct LoudBlock {
    squares: u64,
    peak: u16,
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
    /// Speech was far below the usual level; [`None`] likewise.
    pub is_quiet: Option<bool>,
}

/// One side's level under way.
#[derive(Debug, Default)]
pub(super) struct Loudness {
    block: LoudBlock,
    window: [LoudBlock; WINDOW],
    filled: usize,
}

impl Loudness {
    /// Takes one side of interleaved frames, of which the first is `frame`; every block that they
    /// complete is handed over.
    pub fn take(
        &mut self,
        frames: &[i16],
        side: usize,
        (frame, rate_hz): (u64, u32),
        mut hear: impl FnMut(BlockHeard),
    ) {
        let length = u64::from((rate_hz / BLOCKS_PER_S).max(1));
        let (mut at, mut rest) = (frame, frames);
        while !rest.is_empty() {
            let room = (length - at % length) as usize;
            let (now, later) = rest.split_at((room * 2).min(rest.len()));
            self.block.add(now, side);
            at += (now.len() / 2) as u64;
            rest = later;
            if at.is_multiple_of(length) {
                let is_silent = self.block.peak <= SILENT_PEAK;
                hear(BlockHeard { end: at, is_silent, verdict: self.close_block() });
            }
        }
    }

    /// What was heard so far says nothing of what follows.
    pub fn begin_anew(&mut self) {
        self.filled = 0;
    }

    fn close_block(&mut self) -> Option<LoudnessVerdict> {
        self.window[self.filled] = take(&mut self.block);
        self.filled += 1;
        if self.filled < WINDOW {
            return None;
        }
        self.filled = 0;
        Some(verdict(&self.window))
    }
}

impl LoudBlock {
    /// One pass, without a branch that depends on a sample.
    fn add(&mut self, frames: &[i16], side: usize) {
        let (mut squares, mut peak, mut clipped) = (0u64, 0u16, 0u32);
        for frame in frames.chunks_exact(2) {
            let size = frame[side & 1].unsigned_abs();
            squares += u64::from(u32::from(size) * u32::from(size));
            peak = peak.max(size);
            clipped += u32::from(size >= FULL_SCALE);
        }
        self.squares += squares;
        self.peak = self.peak.max(peak);
        self.clipped += clipped;
        self.samples += (frames.len() / 2) as u32;
    }

    fn power(&self) -> f64 {
        self.squares as f64 / f64::from(self.samples.max(1))
    }
}

fn verdict(window: &[LoudBlock; WINDOW]) -> LoudnessVerdict {
    let loudest = window.iter().map(LoudBlock::power).fold(0.0, f64::max);
    let is_active = |b: &&LoudBlock| loudest > LINE_NOISE && b.power() * MARGIN >= loudest;
    let active = window.iter().filter(is_active);
    let n = active.clone().count();
    if n < ACTIVE_BLOCKS {
        return LoudnessVerdict::default();
    }
    let samples: u32 = active.clone().map(|b| b.samples).sum();
    let clipped: u32 = active.clone().map(|b| b.clipped).sum();
    let level = active.map(LoudBlock::power).sum::<f64>() / n as f64;
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
            loudness.take(some, side, (frame, 8000), |b| {
                assert_eq!(b.is_silent, peak <= f64::from(SILENT_PEAK), "{peak}");
                blocks += 1;
                last = b.verdict.or(last);
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
