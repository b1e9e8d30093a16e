//! A source's packets whose neighbours are known, on their way to the timeline.
//!
//! Knows of no packet that has only just come.

use super::super::clock::After;
use super::super::meaning::{Carries, Formats};
use super::super::played::{KeptPayload, Played};
use super::super::voice::{PlayPosition, Stage};
use super::super::waiting::Pending;
use super::redundant::NEXT_TICKS;
use super::{MANY_UNNAMED, Source};
use crate::codec::CodecSpec;
use crate::codec::telephone_event::{EventPacket, KeyPresses, TelephoneEvent};
use crate::time::NS_PER_S;
use std::sync::Arc;

/// What comes no closer after one another is not in a row.
const IN_A_ROW_NS: i64 = NS_PER_S;
/// Payloads that cannot be decoded and are no longer keep a path open and say nothing.
const KEEP_ALIVE_BYTES: usize = 4;
/// Frames that describe a background or nothing at all (SID of G.729 B and G.723.1 A, DTX of Opus) are
/// no longer; no frame of speech is as short.
const SILENCE_BYTES: usize = 4;

impl Source {
    /// Plays what arrived up to `horizon_ns` into the timeline.
    pub fn play(&mut self, horizon_ns: i64, formats: &Formats, stage: &mut Stage<'_>, played: &mut Played) {
        if self.doubt.as_ref().is_some_and(|d| d.came_by(horizon_ns)) {
            self.settle_doubt(false, formats);
        }
        let mut ready = self.waiting.take_ready(horizon_ns);
        ready.sort_by_key(|p| p.seq);
        // One source heard on two flows at once: the first copy is enough.
        ready.dedup_by_key(|p| p.seq);
        if let Some(p) = ready.iter().find(|p| self.is_sound(p)) {
            self.clock.settle(p.at_ns, p.ts);
        }
        if played.keeps {
            self.note_quickest(&ready);
        }
        let (mut copies, mut rest) = (self.copies.take(), &ready[..]);
        while !rest.is_empty() {
            let copy = copies.as_mut().and_then(|copies| self.copy_before(rest, copies));
            self.play_one(copy.as_deref().unwrap_or(rest), stage, played);
            rest = if copy.is_none() { &rest[1..] } else { rest };
        }
        if let Some(copies) = &mut copies {
            copies.forget(horizon_ns);
        }
        self.copies = copies.filter(|c| !c.is_empty());
        self.waiting.compact();
    }

    fn play_one(&mut self, run: &[Pending], stage: &mut Stage<'_>, played: &mut Played) {
        let Some(p) = run.first() else { return };
        let is_late = self.played.is_some_and(|(seq, _)| p.seq <= seq);
        let payload = self.waiting.payload(p);
        let meaning = self.meanings.get(p.meaning);
        if payload.is_empty() {
            // Keeps a path open and says nothing (RFC 6263 §4.1).
            return self.advance(p, p.ts);
        }
        let Some(spec) = meaning.spec.clone() else {
            self.unnamed(p.at_ns);
            return self.advance(p, p.ts);
        };
        match meaning.carries {
            Carries::Sound if !self.secrecy.hides(meaning, p.look) => {}
            Carries::Event => {
                self.other_name.get_or_insert_with(|| spec.name.clone());
                let event =
                    EventPacket { timestamp: p.raw as u32, at_ns: p.at_ns, clock_hz: spec.rtp_clock_hz };
                note_key(&mut self.keys, event, payload, stage.rate_hz, played);
                return self.advance(p, p.ts);
            }
            Carries::Noise => {
                self.is_resting = true;
                self.other_name.get_or_insert_with(|| spec.name.clone());
                return self.advance(p, p.ts);
            }
            Carries::Sound | Carries::Unreadable | Carries::Redundant => {
                self.codec_name.get_or_insert_with(|| spec.name.clone());
                self.note_undecoded(p, &spec, played);
                return self.advance(p, p.ts);
            }
        }
        self.codec_name.get_or_insert_with(|| spec.name.clone());
        self.spoke_at_ns.get_or_insert(p.at_ns);
        if is_late {
            let place = self.clock.place_late(p.at_ns, p.ts);
            let is_whole = place.is_some_and(|place| self.voice.speak_late(place, &spec, payload, stage));
            self.missing += u64::from(!is_whole);
            return;
        }
        let after = match self.played {
            Some((seq, end)) if p.seq > seq + 1 => {
                let hole_ns = self.hole_ns(p.seq - seq - 1, p.ts - end);
                if !std::mem::take(&mut self.is_excused) {
                    self.holes.note(hole_ns);
                }
                After::Loss
            }
            Some((_, end)) if (p.ts - end).abs() <= NEXT_TICKS => After::Sound,
            Some(_) | None => After::Pause,
        };
        let (meanings, secrecy) = (&self.meanings, self.secrecy);
        let waiting = self.waiting.packets().iter().filter(|q| q.seq > p.seq);
        let is_sound = |q: &&Pending| q.has_payload() && secrecy.is_sound(meanings.get(q.meaning), q.look);
        let later = || run.iter().chain(waiting.clone()).filter(is_sound).map(|q| (q.at_ns, q.ts));
        let frame = self.clock.place(p.at_ns, p.ts, after, later);
        let is_other = self.voice.spec().is_none_or(|s| *s != spec);
        if is_other && !self.voice.take_up(&spec, stage) {
            self.note_undecoded(p, &spec, played);
            return self.advance(p, p.ts);
        }
        // Whoever pauses without a word does so again.
        self.has_paused |= after == After::Pause && self.played.is_some();
        self.is_resting = payload.len() <= SILENCE_BYTES;
        if is_other || after != After::Sound {
            played.begun.push((frame, Arc::clone(&spec)));
        }
        let after_loss = after == After::Loss;
        let place = PlayPosition { frame, after_loss, anew: p.anew && self.played.is_some() };
        if self.voice.speak(place, payload, stage) {
            self.ticks_heard += p.ticks;
        } else if payload.len() > KEEP_ALIVE_BYTES {
            self.note_undecoded(p, &spec, played);
        }
        self.advance(p, p.ts + p.ticks);
    }

    /// How much later than its stamp says the quickest packet of what cannot be decoded arrived.
    fn note_quickest(&mut self, ready: &[Pending]) {
        let lags = ready.iter().filter_map(|p| {
            let spec = self.meanings.get(p.meaning).spec.as_ref()?;
            Some(p.at_ns - stamp_ns(p, spec))
        });
        self.quickest_ns = lags.chain(self.quickest_ns).min();
    }

    /// Nobody here can decode it.
    fn note_undecoded(&self, p: &Pending, spec: &Arc<CodecSpec>, played: &mut Played) {
        played.undecodable.push(p.at_ns);
        let meaning = self.meanings.get(p.meaning);
        played.sealed += u32::from(meaning.is_sealed || self.secrecy.hides(meaning, p.look));
        if played.keeps && !self.secrecy.hides(meaning, p.look) {
            played.kept.push(KeptPayload {
                at_ns: p.at_ns,
                sent_ns: self.quickest_ns.map_or(p.at_ns, |lag| stamp_ns(p, spec) + lag),
                payload_type: meaning.payload_type(),
                seq: p.seq as u16,
                timestamp: p.raw as u32,
                spec: Arc::clone(spec),
                payload: self.waiting.payload(p).into(),
            });
        }
    }

    /// What is missing where so many numbers in a row never came, and the stamps moved by so much
    /// meanwhile. Silence leaves no number out.
    fn hole_ns(&self, packets: u64, ticks: i64) -> i64 {
        let by_numbers = self.packet_ns().saturating_mul(packets.min(1 << 20) as i64);
        let by_stamps = ticks.max(0).saturating_mul(NS_PER_S) / i64::from(self.clock.clock_hz());
        by_numbers.min(by_stamps)
    }

    fn unnamed(&mut self, at_ns: i64) {
        let (count, last_ns) = &mut self.unnamed;
        if *count < MANY_UNNAMED {
            *count = if at_ns.saturating_sub(*last_ns) < IN_A_ROW_NS { *count + 1 } else { 1 };
        }
        *last_ns = at_ns;
    }

    fn advance(&mut self, p: &Pending, end: i64) {
        if self.played.is_none_or(|(seq, _)| p.seq > seq) {
            self.played = Some((p.seq, end));
        }
    }
}

/// The timestamp in nanoseconds of its clock.
fn stamp_ns(p: &Pending, spec: &CodecSpec) -> i64 {
    (i128::from(p.raw) * i128::from(NS_PER_S) / i128::from(spec.rtp_clock_hz.max(1))) as i64
}

/// A packet that tells of a key, which may be the first of its press.
fn note_key(keys: &mut KeyPresses, event: EventPacket, payload: &[u8], rate_hz: u32, played: &mut Played) {
    if TelephoneEvent::parse(payload).is_some_and(|e| e.is_key) {
        played.event_packets.push(event.at_ns);
    }
    if let Some(key) = keys.on_packet(event, payload) {
        let frame = i128::from(event.at_ns.max(0)) * i128::from(rate_hz) / i128::from(NS_PER_S);
        played.key_presses.push(frame as i64);
        played.keys.push((event.at_ns, key));
    }
}
