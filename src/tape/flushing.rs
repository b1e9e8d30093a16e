//! One step of a tape: what arrived is played, and what is old enough is given out.
//!
//! What is silent is known only once both channels are played, so nothing goes to the deck before that.

use super::outgoing::{Deck, PayloadOrigin, hand_over, silence};
use super::played::Played;
use super::report::{TapeEvent, TapeEventKind};
use super::speaker::TakenBack;
use super::timeline::frames_at;
use super::voice::Stage;
use super::{MAX_EVENTS, Tape};
use crate::id::Channel;
use crate::rtp::standing::{Standing, Trust};
use crate::time::frames_ns;

/// What is played and does not go over the timeline.
#[derive(Default)]
struct LateSound {
    /// Pieces of a channel for frames that are given out.
    pieces: Vec<(Channel, u64, Vec<i16>)>,
    /// What cannot be decoded here.
    undecoded: Vec<(PayloadOrigin, Played)>,
}

impl Tape {
    /// Plays what arrived up to `horizon_ns`, and gives out what lies before `until_ns`.
    pub(super) fn flush(&mut self, horizon_ns: i64, until_ns: i64, deck: &mut impl Deck) {
        self.sort_in();
        let Some(rate_hz) = self.rate_hz.or_else(|| self.start(horizon_ns, deck)) else { return };
        self.take_back(rate_hz, deck);
        // Made anew each time: memory that another tape has just let go is warm, one's own is not.
        let (mut pcm, mut late) = (Vec::new(), LateSound::default());
        for channel in Channel::BOTH {
            self.play(channel, horizon_ns, rate_hz, (&mut pcm, &mut late), deck);
        }
        if let Some(frames) = self.hush.settle(horizon_ns, rate_hz, &self.timeline, deck) {
            Channel::BOTH.into_iter().for_each(|channel| silence(channel, frames.clone(), deck));
        }
        self.hand_over(late, rate_hz, deck);
        let [until, known] = [until_ns, horizon_ns].map(|ns| {
            let ns = self.limit_ns.map_or(ns, |l| ns.min(l)).max(0);
            frames_at(ns, rate_hz)
        });
        self.hush.look(&self.timeline, until, known, rate_hz, MAX_EVENTS);
        self.give_out(until, rate_hz, deck);
    }

    /// Brings what is not on the timeline to the deck, now that it is known what is silent.
    fn hand_over(&mut self, late: LateSound, rate_hz: u32, deck: &mut impl Deck) {
        for (origin, mut played) in late.undecoded {
            self.hush.leave_out(&mut played);
            hand_over(&played, self.answered_at, origin, deck);
        }
        for (channel, frame, mut samples) in late.pieces {
            self.hush.mask_late(channel, frame, &mut samples, rate_hz);
            deck.patch(frame, channel, &samples);
        }
    }

    fn play(
        &mut self,
        channel: Channel,
        horizon_ns: i64,
        rate_hz: u32,
        (pcm, late): (&mut Vec<i16>, &mut LateSound),
        deck: &impl Deck,
    ) {
        let speaker = &mut self.speakers[channel as usize];
        let mut patches = Vec::new();
        for i in 0..speaker.sources().len() {
            if !speaker.sources()[i].is_waiting() {
                continue;
            }
            let mut played = Played::new(deck.keeps_undecoded());
            let timeline = &mut self.timeline;
            let decoders = self.decoders.as_deref();
            let mut stage = Stage { rate_hz, channel, decoders, timeline, patches: &mut patches, pcm };
            let place = speaker.play(i, horizon_ns, &mut stage, &mut played);
            let origin = PayloadOrigin::new(channel, speaker.sources()[i].ssrc(), place);
            for (frame, codec) in speaker.note_played(i, &mut played) {
                let at_ns = frames_ns(frame.max(0) as u64, rate_hz);
                let kind = codec.map_or(TapeEventKind::KeyPress, TapeEventKind::Codec);
                match self.events.len() < MAX_EVENTS {
                    true => self.events.push((place, TapeEvent { at_ns, channel, kind })),
                    false => self.left_out.events += 1,
                }
            }
            self.hush.note_events(channel, &played.event_packets, rate_hz);
            // A customer must not be able to switch the recording off: media that runs both ways to
            // some host is no proof that it is the agent's.
            let is_agents = place.trust() == Trust::Named && place.standing() != Standing::Nat;
            if channel == Channel::Agent && is_agents {
                played.keys.iter().for_each(|(at_ns, key)| self.hush.press(*key, *at_ns));
            }
            if played.left_out || !played.kept.is_empty() {
                late.undecoded.push((origin, played));
            }
        }
        late.pieces.extend(patches.into_iter().map(|(frame, samples)| (channel, frame, samples)));
    }

    /// What a worse place put down before a better one spoke.
    fn take_back(&mut self, rate_hz: u32, deck: &mut impl Deck) {
        for (channel, TakenBack { from_ns, by }) in std::mem::take(&mut self.taken_back) {
            self.events.retain(|(place, e)| {
                let is_strangers = place.trust() == Trust::None && by.is_better(*place);
                e.channel != channel || e.at_ns < from_ns || !is_strangers
            });
            let since = self.answered_at.offset_ns(from_ns);
            deck.take_back_undecoded(channel, since, &|o| o.is_worse_than(by));
            silence(channel, self.timeline.take_back(channel, frames_at(from_ns, rate_hz)), deck);
        }
    }

    /// A second at a time: a call that begins on hold has hours of silence to give.
    fn give_out(&mut self, until: u64, rate: u32, deck: &mut impl Deck) {
        // Made anew each time: memory that another tape has just let go is warm, one's own is not.
        let mut block = Vec::new();
        while self.timeline.written() < until {
            let step = until.min(self.timeline.written() + u64::from(rate));
            block.clear();
            let first = self.timeline.written();
            self.timeline.drain(step, &mut block);
            // Of what is silent on purpose no fault is found.
            self.watch.hear(&block, first, rate);
            self.hush.mask(first, &mut block, rate);
            deck.append(&block);
        }
    }
}
