//! Redundant audio (RFC 2198): the newest block of a packet is its sound, and the others are copies
//! of packets before it, which are played where those never came.

use super::super::copies::{Copies, KeptCopy};
use super::super::kept::Packet;
use super::super::meaning::{Carries, Formats, PayloadKind};
use super::super::proof::Look;
use super::super::waiting::Pending;
use super::Source;
use crate::codec::red;
use crate::rtp::seq::ts_diff;
use crate::time::NS_PER_S;

/// What begins so near to where the sound before it ended follows it, in units of the RTP clock.
pub(super) const NEXT_TICKS: i64 = 16;

impl Source {
    /// The primary block of redundant audio, and what its type means; others as they are.
    #[inline]
    pub(super) fn unwrapped<'a>(
        &mut self,
        meaning: u8,
        at_ns: i64,
        packet: &Packet<'a>,
        formats: &Formats,
    ) -> (u8, &'a [u8]) {
        let (payload, wrapper) = (packet.heard.payload, self.meanings.get(meaning));
        let is_red = wrapper.carries == Carries::Redundant && !self.secrecy.hides(wrapper, Look::Unknown);
        match is_red.then(|| red::primary(payload)).flatten() {
            Some((payload_type, block)) => {
                self.keep_copies(at_ns, packet, formats);
                let kind = PayloadKind { payload_type, ..PayloadKind::of(packet) };
                (self.meanings.of(kind, self.place.rank(), formats), block)
            }
            None => (meaning, payload),
        }
    }

    /// Keeps copies of packets that do not wait to be played themselves.
    fn keep_copies(&mut self, at_ns: i64, packet: &Packet<'_>, formats: &Formats) {
        let heard = &packet.heard;
        for red::RedundantBlock { payload_type, offset, payload } in red::copies(heard.payload) {
            let timestamp = heard.timestamp.wrapping_sub(offset);
            let mut waiting = self.waiting.packets().iter().rev();
            if payload.is_empty() || offset == 0 || waiting.any(|p| p.raw as u32 == timestamp) {
                continue;
            }
            let kind = PayloadKind { payload_type, ..PayloadKind::of(packet) };
            let meaning = self.meanings.of(kind, self.place.rank(), formats);
            let spec = self.meanings.get(meaning).spec.as_ref();
            let ticks = spec.map_or(0, |s| i64::from(s.rtp_ticks(payload)));
            if ticks > 0 {
                let payload = payload.to_vec();
                let copy = KeptCopy { at_ns, timestamp, offset, ticks, meaning, payload };
                self.copies.get_or_insert_default().keep(copy);
            }
        }
    }

    /// The copy of a packet that is missing before the next one, with what follows it.
    #[inline(never)]
    pub(super) fn copy_before(&mut self, run: &[Pending], copies: &mut Copies) -> Option<Vec<Pending>> {
        // What is missing because another hop was listened to was heard there.
        let is_lost = |p: &&Pending| !p.anew && !self.is_excused && self.is_sound(p);
        let next = run.first().filter(is_lost)?;
        let (seq, end) = self.played.filter(|(seq, _)| next.seq > seq + 1)?;
        if (next.ts - end).abs() <= NEXT_TICKS {
            // As much as was missing.
            self.played = Some((next.seq - 1, end));
            return None;
        }
        let reckoned = |c: &KeptCopy| {
            let raw = next.raw + i64::from(ts_diff(c.timestamp, next.raw as u32));
            (raw, self.stamps.reckoned(raw))
        };
        let fits = |c: &KeptCopy| {
            let (_, ts) = reckoned(c);
            let meaning = self.meanings.get(c.meaning);
            let is_meant =
                self.secrecy.is_sound(meaning, Look::Unknown) && meaning.clock_hz() == self.clock.clock_hz();
            let is_missing = ts >= end - NEXT_TICKS && ts + c.ticks <= next.ts + NEXT_TICKS;
            let came = || self.waiting.packets().iter().any(|q| q.ts == ts && q.has_payload());
            (is_meant && is_missing && !came()).then_some(ts)
        };
        let (ts, copy) = copies.take_first(fits)?;
        let missing_still = (ts - end + copy.ticks / 2).max(0) / copy.ticks;
        let seq = (seq + 1).saturating_add_signed(missing_still).min(next.seq - 1);
        // As if it had been no slower than what brought its copy.
        let earlier_ns = i64::from(copy.offset) * NS_PER_S / i64::from(self.clock.clock_hz());
        let (raw, _) = reckoned(&copy);
        let pending =
            Pending::new(copy.at_ns - earlier_ns, seq, (raw, ts), (copy.meaning, copy.ticks), false);
        let pending = self.waiting.lend(pending, &copy.payload);
        Some(std::iter::once(&pending).chain(run).copied().collect())
    }
}
