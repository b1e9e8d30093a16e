//! The two channels of a recording between what is decoded and what is written.
//!
//! A window of samples from the first unwritten frame on. What comes too late
//! for the window is handed back, to be patched into what is written.

use crate::id::Channel;
use crate::time::NS_PER_S;
use std::ops::Range;

/// How a run of samples meets what is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blend {
    /// Added, saturating: two sources of one party speak at once.
    Mix,
    /// Takes the place of silence or concealment.
    Replace,
}

/// Frames the window may be ahead of what is written: seconds at any rate. What
/// would lie beyond has a place that cannot be true.
const MAX_AHEAD: u64 = 48_000 * 60;

/// Samples waiting to be written.
#[derive(Debug, Default)]
pub struct Timeline {
    written: u64,
    channels: [Vec<i16>; 2],
}

impl Timeline {
    /// Frames already given out by [`Timeline::drain`].
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Puts samples at a frame. Returns how many of them lie before the window;
    /// `None` where their place cannot be true and nothing was put.
    pub fn put(&mut self, channel: Channel, frame: u64, samples: &[i16], blend: Blend) -> Option<usize> {
        let late = (self.written.saturating_sub(frame)).min(samples.len() as u64) as usize;
        let samples = &samples[late..];
        if samples.is_empty() {
            return Some(late);
        }
        let ahead = frame + late as u64 - self.written;
        if ahead > MAX_AHEAD {
            return None;
        }
        let at = ahead as usize;
        let buf = &mut self.channels[channel as usize];
        let known = buf.len().saturating_sub(at).min(samples.len());
        if buf.len() < at {
            buf.resize(at, 0);
        }
        for (old, new) in buf[at..at + known].iter_mut().zip(samples) {
            *old = match blend {
                Blend::Mix => old.saturating_add(*new),
                Blend::Replace => *new,
            };
        }
        buf.extend_from_slice(&samples[known..]);
        Some(late)
    }

    /// Takes back what was put at `frame` and after it. Returns the frames of it that
    /// are given out already.
    pub fn take_back(&mut self, channel: Channel, frame: u64) -> Range<u64> {
        let kept = frame.saturating_sub(self.written);
        self.channels[channel as usize].truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        frame.min(self.written)..self.written
    }

    /// Silences these frames. Returns those of them that are given out already.
    pub fn silence(&mut self, channel: Channel, frames: Range<u64>) -> Range<u64> {
        let known = self.channels[channel as usize].len();
        let [from, to] =
            [frames.start, frames.end].map(|f| (f.saturating_sub(self.written) as usize).min(known));
        self.channels[channel as usize][from..to].fill(0);
        frames.start.min(self.written)..frames.end.min(self.written)
    }

    /// What is known of a channel from the first frame that is not given out up to `frame`.
    pub fn ahead(&self, channel: Channel, frame: u64) -> &[i16] {
        let known = &self.channels[channel as usize];
        let n = usize::try_from(frame.saturating_sub(self.written)).unwrap_or(usize::MAX);
        &known[..n.min(known.len())]
    }

    /// Appends the interleaved frames up to `frame` to `out`; silence where nothing was put.
    pub fn drain(&mut self, frame: u64, out: &mut Vec<i16>) {
        let n = frame.saturating_sub(self.written) as usize;
        let [left, right] = &mut self.channels;
        let both = left.len().min(right.len()).min(n);
        out.reserve(n * 2);
        out.extend(left[..both].iter().zip(&right[..both]).flat_map(|(l, r)| [*l, *r]));
        let start = out.len();
        out.resize(start + (n - both) * 2, 0);
        for (side, samples) in [&left[both..], &right[both..]].into_iter().enumerate() {
            let places = out[start..].iter_mut().skip(side).step_by(2);
            places.zip(samples).for_each(|(place, sample)| *place = *sample);
        }
        for c in [left, right] {
            // The room of what is written is worth more to the next tape; this one needs as much
            // again by the next step, and gets it at once.
            let mut rest = Vec::with_capacity(c.len());
            rest.extend_from_slice(&c[n.min(c.len())..]);
            *c = rest;
        }
        self.written += n as u64;
    }
}

/// The frame nearest to a time from the answer.
pub fn frames_at(ns: i64, rate_hz: u32) -> u64 {
    let half = i128::from(NS_PER_S) / 2;
    ((i128::from(ns.max(0)) * i128::from(rate_hz) + half) / i128::from(NS_PER_S)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_where_nothing_was_put_and_late_parts_handed_back() {
        let mut t = Timeline::default();
        assert_eq!(t.put(Channel::Agent, 2, &[7, 8], Blend::Mix), Some(0));
        let mut out = Vec::new();
        t.drain(3, &mut out);
        assert_eq!(out, [0, 0, 0, 0, 0, 7]);
        assert_eq!(t.put(Channel::Agent, 1, &[1, 2, 3], Blend::Replace), Some(2));
        assert_eq!(t.put(Channel::Agent, u64::MAX / 2, &[1], Blend::Mix), None);
        out.clear();
        t.drain(5, &mut out);
        assert_eq!(out, [0, 3, 0, 0]);
    }

    #[test]
    fn what_is_taken_back_is_silence() {
        let mut t = Timeline::default();
        t.put(Channel::Agent, 0, &[1, 2, 3, 4, 5], Blend::Mix);
        let mut out = Vec::new();
        t.drain(2, &mut out);
        assert_eq!(t.take_back(Channel::Agent, 4), 2..2);
        assert_eq!(t.take_back(Channel::Agent, 1), 1..2);
        t.drain(5, &mut out);
        assert_eq!(out, [0, 1, 0, 2, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn two_sources_are_added_and_saturate() {
        let mut t = Timeline::default();
        t.put(Channel::Customer, 0, &[30000, 5], Blend::Mix);
        t.put(Channel::Customer, 0, &[30000, 6, 7], Blend::Mix);
        let mut out = Vec::new();
        t.drain(3, &mut out);
        assert_eq!(out, [i16::MAX, 0, 11, 0, 7, 0]);
    }
}
