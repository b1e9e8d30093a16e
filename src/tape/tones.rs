//! Key tones in the sound of a tape: where they are, so that they are given out as silence.
//!
//! Before frames are given out they are looked at together with some that were before them
//! and with all that is known after them, so that a tone is found whole and silenced from its start. Where keys
//! are sent as RTP events, a gateway often lets the first instants of their tones through, or all of
//! them: what is heard around each event packet is silence as well.

use super::report::{TapeEvent, TapeEventKind};
use super::timeline::{Timeline, frames_at};
use crate::codec::dtmf_tones::{find_tones, may_be_tone};
use crate::id::Channel;
use crate::time::{NS_PER_MS, frames_ns};
use std::ops::Range;

/// What was given out and is looked at again, so that a tone that goes on is known.
const BEFORE_NS: i64 = 60 * NS_PER_MS;
/// Around each event packet: a gateway notices a tone this late at most,
const LEAK_NS: i64 = 100 * NS_PER_MS;
/// and lets go of it as late; packets of a press follow one another within it.
const TAIL_NS: i64 = 60 * NS_PER_MS;
/// Packets that come later than this have no place any more.
const LATEST_S: u64 = 12;
/// A tone and an event packet this close are of one press.
const SAME_PRESS_NS: i64 = 500 * NS_PER_MS;

/// The tones of one tape.
#[derive(Debug, Default)]
pub(super) struct Tones {
    /// What is silent, of each channel, the earliest first.
    silent: [Vec<Range<u64>>; 2],
    /// The last samples that were given out, as they were before anything was silenced.
    before: [Vec<i16>; 2],
    /// Where tones began that belong to no event packet known by then.
    presses: Vec<TapeEvent>,
    /// Presses there was no room for.
    pub left_out: u64,
}

impl Tones {
    /// A packet that tells of a key on this channel came at `at_ns`.
    pub fn note_event(&mut self, channel: Channel, at_ns: i64, rate_hz: u32) {
        let frames = frames_at(at_ns - LEAK_NS, rate_hz)..frames_at(at_ns + TAIL_NS, rate_hz);
        self.add(channel, frames);
    }

    /// Looks at what is known up to the frame `known`, before what is up to `until` is given out.
    pub fn look(&mut self, timeline: &Timeline, until: u64, known: u64, rate_hz: u32, max_presses: usize) {
        let written = timeline.written();
        let kept = frames_at(BEFORE_NS, rate_hz) as usize;
        for channel in Channel::BOTH {
            let before = std::mem::take(&mut self.before[channel as usize]);
            let first = written.saturating_sub(before.len() as u64);
            let sound = [&before, timeline.ahead(channel, known.max(until))].concat();
            for tone in find_tones(&sound, rate_hz) {
                let frames = first + tone.samples.start as u64..first + tone.samples.end as u64;
                // What comes later is found again, and better known then.
                if frames.start >= until {
                    break;
                }
                if self.add(channel, frames) {
                    let at_ns = frames_ns(first + tone.begins as u64, rate_hz);
                    match self.presses.len() < max_presses {
                        true => {
                            self.presses.push(TapeEvent { at_ns, channel, kind: TapeEventKind::KeyPress })
                        }
                        false => self.left_out += 1,
                    }
                }
            }
            // Silence where nothing is known: a tone does not go on across it.
            let given_out = usize::try_from(until.saturating_sub(first)).unwrap_or(usize::MAX);
            self.before[channel as usize] = match sound.get(given_out.saturating_sub(kept)..given_out) {
                Some(last) => last.to_vec(),
                None => Vec::new(),
            };
            let oldest = written.saturating_sub(u64::from(rate_hz) * LATEST_S);
            self.silent[channel as usize].retain(|r| r.end > oldest);
        }
    }

    /// What of these frames of a channel is silent.
    pub fn within(&self, channel: Channel, frames: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let touching = move |r: &&Range<u64>| r.start < frames.end && r.end > frames.start;
        self.silent[channel as usize].iter().filter(touching).cloned()
    }

    /// Whether a piece of sound that comes too late to be looked at is left out.
    pub fn hides_late(&self, channel: Channel, frame: u64, samples: &[i16], rate_hz: u32) -> bool {
        let near = frames_at(LEAK_NS, rate_hz);
        let around = frame.saturating_sub(near)..frame + samples.len() as u64 + near;
        self.within(channel, around).next().is_some() || may_be_tone(samples, rate_hz)
    }

    /// Presses that were heard and that none of `told` is.
    pub fn presses_beside(&self, told: &[TapeEvent]) -> Vec<TapeEvent> {
        let mut taken = vec![false; told.len()];
        let mut is_told = |press: &&TapeEvent| {
            let same = (0..told.len()).filter(|i| {
                let t = &told[*i];
                !taken[*i] && t.kind == TapeEventKind::KeyPress && t.channel == press.channel
            });
            let nearest = same.min_by_key(|i| (told[*i].at_ns - press.at_ns).abs());
            let found = nearest.filter(|i| (told[*i].at_ns - press.at_ns).abs() <= SAME_PRESS_NS);
            found.into_iter().for_each(|i| taken[i] = true);
            found.is_some()
        };
        self.presses.iter().filter(|p| !is_told(p)).cloned().collect()
    }

    /// Adds frames that are silent; false where they go on from others.
    fn add(&mut self, channel: Channel, frames: Range<u64>) -> bool {
        let silent = &mut self.silent[channel as usize];
        let known = silent.iter_mut().rev().find(|r| r.start <= frames.end && r.end >= frames.start);
        match known {
            Some(known) => {
                *known = known.start.min(frames.start)..known.end.max(frames.end);
                false
            }
            None => {
                silent.push(frames);
                true
            }
        }
    }
}
