//! What a tape gives out as silence though it was sent: pauses, and the tones of keys.
//!
//! Everything that goes to the deck passes here: frames, pieces that come late, and what cannot be
//! decoded.

use super::outgoing::Deck;
use super::pauses::{PauseSettings, Pauses};
use super::played::Played;
use super::report::TapeEvent;
use super::timeline::{Timeline, frames_at};
use super::tones::Tones;
use crate::codec::key_sequence::DtmfKey;
use crate::id::Channel;
use crate::time::{NS_PER_MS, Timestamp, frames_ns};
use std::ops::Range;
use std::sync::Arc;

/// The longest packet of what cannot be decoded: the last one before a pause may reach into it.
const LONGEST_PACKET_NS: i64 = 100 * NS_PER_MS;
/// A pause that lasts ends here, frames.
const FOR_EVER: u64 = u64::MAX;

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Hush {
    /// What somebody asked for.
    pub pauses: Pauses,
    /// Where the tones of keys are silenced.
    tones: Option<Box<Tones>>,
}

impl Hush {
    /// How pausing goes, whether it is allowed, and whether tones are silenced.
    pub fn set(&mut self, settings: &Arc<PauseSettings>, is_allowed: bool, tones: bool) {
        self.pauses.set(settings, is_allowed);
        self.silence_tones(tones);
    }

    /// Whether tones are silenced; what was found so far stays.
    pub fn silence_tones(&mut self, tones: bool) {
        if tones {
            self.tones.get_or_insert_default();
        } else {
            self.tones = None;
        }
    }

    /// A key of the agent's, from an address of his own.
    pub fn press(&mut self, key: DtmfKey, at_ns: i64) {
        self.pauses.press(key, at_ns);
    }

    /// Packets that tell of keys came on this channel.
    pub fn note_events(&mut self, channel: Channel, arrivals: &[i64], rate_hz: u32) {
        if let Some(tones) = &mut self.tones {
            arrivals.iter().for_each(|at_ns| tones.note_event(channel, *at_ns, rate_hz));
        }
    }

    /// All that came up to `horizon_ns` has been played. What was given out before, and is
    /// silent now, is taken back.
    pub fn settle(
        &mut self,
        horizon_ns: i64,
        (answered_at, rate_hz): (Timestamp, u32),
        timeline: &Timeline,
        deck: &mut impl Deck,
    ) -> Option<Range<u64>> {
        let from_ns = self.pauses.settle(horizon_ns)?;
        for channel in Channel::BOTH {
            let since = answered_at.offset_ns(from_ns.saturating_sub(LONGEST_PACKET_NS));
            deck.take_back_undecoded(channel, since, &|_| true);
        }
        let frames = frames_at(from_ns, rate_hz)..timeline.written();
        (!frames.is_empty()).then_some(frames)
    }

    /// Looks for tones before the frames up to `until` are given out; more is known up to `known`.
    pub fn look(&mut self, timeline: &Timeline, until: u64, known: u64, rate_hz: u32, max_presses: usize) {
        if let Some(tones) = &mut self.tones {
            tones.look(timeline, until, known, rate_hz, max_presses);
        }
    }

    /// Silences what is not to be heard of interleaved frames from `first` on.
    pub fn mask(&self, first: u64, block: &mut [i16], rate_hz: u32) {
        if self.pauses.is_empty() && self.tones.is_none() {
            return;
        }
        let frames = first..first + block.len() as u64 / 2;
        for span in self.paused(frames.clone(), rate_hz) {
            let [from, to] = within(&frames, &span);
            block[from * 2..to * 2].fill(0);
        }
        for channel in Channel::BOTH {
            for span in self.tones.iter().flat_map(|t| t.within(channel, frames.clone())) {
                let [from, to] = within(&frames, &span);
                block[from * 2..to * 2].iter_mut().skip(channel as usize).step_by(2).for_each(|s| *s = 0);
            }
        }
    }

    /// The same for a late piece of one channel.
    pub fn mask_late(&self, channel: Channel, first: u64, samples: &mut [i16], rate_hz: u32) {
        let frames = first..first + samples.len() as u64;
        for span in self.paused(frames.clone(), rate_hz) {
            let [from, to] = within(&frames, &span);
            samples[from..to].fill(0);
        }
        if self.tones.as_ref().is_some_and(|t| t.hides_late(channel, first, samples, rate_hz)) {
            samples.fill(0);
        }
    }

    /// Takes out of what cannot be decoded here what was sent in a pause.
    pub fn leave_out(&self, played: &mut Played) {
        if !self.pauses.is_empty() {
            let is_paused = |at_ns: i64, sent_ns: i64| {
                self.pauses.within(sent_ns, at_ns.saturating_add(LONGEST_PACKET_NS)).next().is_some()
            };
            played.kept.retain(|k| !is_paused(k.at_ns, k.sent_ns));
        }
    }

    /// Key presses that were heard as tones only.
    pub fn presses_beside(&self, told: &[TapeEvent]) -> Vec<TapeEvent> {
        self.tones.as_ref().map(|t| t.presses_beside(told)).unwrap_or_default()
    }

    /// Requests and presses there was no room for.
    pub fn left_out(&self) -> u64 {
        self.pauses.left_out + self.tones.as_ref().map_or(0, |t| t.left_out)
    }

    /// The pauses that touch these frames, in frames.
    fn paused(&self, frames: Range<u64>, rate_hz: u32) -> impl Iterator<Item = Range<u64>> {
        // A frame more on both sides: where a pause begins between two frames is a matter of rounding.
        let [from_ns, until_ns] =
            [frames.start.saturating_sub(1), frames.end + 1].map(|frame| frames_ns(frame, rate_hz));
        let spans = self.pauses.within(from_ns, until_ns);
        spans.map(move |(from, until)| {
            let until = if until == i64::MAX { FOR_EVER } else { frames_at(until, rate_hz) };
            frames_at(from, rate_hz)..until
        })
    }
}

/// Where `span` lies in `frames`, counted from their first.
fn within(frames: &Range<u64>, span: &Range<u64>) -> [usize; 2] {
    [span.start, span.end].map(|f| (f.clamp(frames.start, frames.end) - frames.start) as usize)
}
