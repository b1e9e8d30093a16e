//! What a tape gives out as silence though it was sent: pauses, and the tones of keys.
//!
//! Everything that goes to the deck passes here: frames, pieces that come late, and what cannot be
//! decoded.

use super::outgoing::Deck;
use super::pauses::{PauseSettings, PausedNow, Pauses};
use super::played::Played;
use super::report::{PauseReport, TapeEvent};
use super::timeline::{Timeline, frames_at};
use super::tones::Tones;
use crate::codec::key_sequence::DtmfKey;
use crate::config::{PauseBy, Switch};
use crate::id::Channel;
use crate::time::{NS_PER_MS, Timestamp, frames_ns};
use std::ops::Range;
use std::sync::Arc;

/// The longest packet of what cannot be decoded: the last one before a pause may reach into it.
const LONGEST_PACKET_NS: i64 = 100 * NS_PER_MS;
/// A pause that lasts ends here, frames.
const FOR_EVER: u64 = u64::MAX;

/// What of a tape nobody is to hear.
#[derive(Debug)]
pub struct Hush {
    answered_at: Timestamp,
    /// What somebody asked for.
    pauses: Pauses,
    /// Where the tones of keys are silenced.
    tones: Option<Box<Tones>>,
}

impl Hush {
    /// Nothing yet of a call that was answered then.
    pub(super) fn new(answered_at: Timestamp) -> Hush {
        Hush { answered_at, pauses: Pauses::default(), tones: None }
    }

    /// How pausing goes, whether it is allowed, and whether the tones of keys are silenced.
    pub fn set(&mut self, settings: &Arc<PauseSettings>, may_pause: bool, silence_tones: bool) {
        self.pauses.set(settings, may_pause);
        self.silence_tones(silence_tones);
    }

    /// For sound that is made later: it was paused between these nanoseconds from the answer, and the
    /// tones of keys were silenced or not.
    pub fn replay(&mut self, pauses: impl Iterator<Item = (i64, i64)>, silence_tones: bool) {
        self.pauses.replay(pauses);
        self.silence_tones(silence_tones);
    }

    /// From `at` on both parties are silence, or no longer. Takes effect once all that came
    /// before is known.
    pub fn switch(&mut self, at: Timestamp, switch: Switch, by: PauseBy) {
        self.pauses.want(at.since_ns(self.answered_at), switch, by);
    }

    /// The pause that it is in; all that was asked for so far counted.
    pub fn paused_now(&self) -> Option<PausedNow> {
        self.pauses.now()
    }

    /// All pauses so far.
    pub fn reports(&self) -> &[PauseReport] {
        self.pauses.reports()
    }

    /// Whether [`Hush::news`] has something to tell.
    pub fn has_news(&self) -> bool {
        !self.pauses.is_told()
    }

    /// Pauses that have begun or ended since this was last asked, and which of the two it is: true for an end.
    pub fn news(&mut self) -> impl Iterator<Item = (PauseReport, bool)> {
        self.pauses.news()
    }

    /// The call is over: so is a pause that it is in.
    pub(super) fn close(&mut self, end_ns: i64) {
        self.pauses.close(end_ns);
    }

    /// What was found so far stays.
    fn silence_tones(&mut self, silence_tones: bool) {
        if silence_tones {
            self.tones.get_or_insert_default();
        } else {
            self.tones = None;
        }
    }

    /// A key of the agent's, from an address of his own.
    pub(super) fn press(&mut self, key: DtmfKey, at_ns: i64) {
        self.pauses.press(key, at_ns);
    }

    /// Packets that tell of keys came on this channel.
    pub(super) fn note_events(&mut self, channel: Channel, arrivals: &[i64], rate_hz: u32) {
        if let Some(tones) = &mut self.tones {
            arrivals.iter().for_each(|at_ns| tones.note_event(channel, *at_ns, rate_hz));
        }
    }

    /// All that came up to `horizon_ns` has been played. What was given out before, and is
    /// silent now, is taken back.
    pub(super) fn settle(
        &mut self,
        horizon_ns: i64,
        rate_hz: u32,
        timeline: &Timeline,
        deck: &mut impl Deck,
    ) -> Option<Range<u64>> {
        let from_ns = self.pauses.settle(horizon_ns)?;
        for channel in Channel::BOTH {
            let since = self.answered_at.offset_ns(from_ns.saturating_sub(LONGEST_PACKET_NS));
            deck.take_back_undecoded(channel, since, &|_| true);
        }
        let frames = frames_at(from_ns, rate_hz)..timeline.written();
        (!frames.is_empty()).then_some(frames)
    }

    /// Looks for tones before the frames up to `until` are given out; more is known up to `known`.
    pub(super) fn look(
        &mut self,
        timeline: &Timeline,
        until: u64,
        known: u64,
        rate_hz: u32,
        max_presses: usize,
    ) {
        if let Some(tones) = &mut self.tones {
            tones.look(timeline, until, known, rate_hz, max_presses);
        }
    }

    /// Silences what is not to be heard of interleaved frames from `first` on.
    pub(super) fn mask(&self, first: u64, block: &mut [i16], rate_hz: u32) {
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
    pub(super) fn mask_late(&self, channel: Channel, first: u64, samples: &mut [i16], rate_hz: u32) {
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
    pub(super) fn leave_out(&self, played: &mut Played) {
        if !self.pauses.is_empty() {
            let is_paused = |at_ns: i64, sent_ns: i64| {
                self.pauses.within(sent_ns, at_ns.saturating_add(LONGEST_PACKET_NS)).next().is_some()
            };
            played.kept.retain(|k| !is_paused(k.at_ns, k.sent_ns));
        }
    }

    /// Key presses that were heard as tones only.
    pub(super) fn presses_beside(&self, told: &[TapeEvent]) -> Vec<TapeEvent> {
        self.tones.as_ref().map(|t| t.presses_beside(told)).unwrap_or_default()
    }

    /// Requests and presses there was no room for.
    pub(super) fn left_out(&self) -> u64 {
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
