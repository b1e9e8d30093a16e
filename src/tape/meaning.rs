//! What payload types mean, on each hop and for each packet when it came.
//!
//! A re-INVITE may give a payload type another meaning: it holds for what comes
//! after, and what was taken before keeps the meaning it had.

use super::kept::Packet;
use crate::codec::def::ForeignDecoders;
use crate::codec::formats::PayloadMap;
use crate::codec::{CodecSpec, PayloadRole};
use smallvec::SmallVec;
use std::sync::Arc;

/// Meanings remembered of one source; few senders use more than three.
const MAX_MEANINGS: usize = 64;
/// Hops of one call whose formats are kept apart.
const MAX_HOPS: usize = 8;

/// The payload types of one party, by the hop they are used on.
#[derive(Debug, Default)]
pub(super) struct Formats {
    hops: SmallVec<[(u8, PayloadMap); 1]>,
    unsaid: PayloadMap,
    /// Counts what was stated, so that who remembers a meaning knows whether it still holds.
    version: u32,
    /// Who decodes what is not decoded here.
    decoders: Option<Arc<dyn ForeignDecoders>>,
}

impl Formats {
    /// Nothing stated yet.
    pub fn new(decoders: Option<Arc<dyn ForeignDecoders>>) -> Self {
        Formats { decoders, ..Formats::default() }
    }

    /// Who decodes what is not decoded here.
    pub fn decoders(&self) -> Option<&dyn ForeignDecoders> {
        self.decoders.as_deref()
    }

    /// Whether payloads mean nothing here: sound that nobody at hand can decode.
    pub fn is_unreadable(&self, spec: &CodecSpec) -> bool {
        spec.is_unreadable_by(self.decoders())
    }

    /// States what payload types mean `rank` hops from the agent, from now on.
    pub fn state(&mut self, rank: u8, newer: &PayloadMap) {
        self.version = self.version.wrapping_add(1);
        if let Some((_, known)) = self.hops.iter_mut().find(|(r, _)| *r == rank) {
            known.update(newer);
        } else if self.hops.len() < MAX_HOPS {
            let mut known = PayloadMap::default();
            known.update(newer);
            self.hops.push((rank, known));
        }
    }

    /// What holds `rank` hops from the agent: what was said there, else nearest to it.
    pub fn on(&self, rank: u8) -> &PayloadMap {
        let nearest = self.hops.iter().min_by_key(|(r, _)| (r.abs_diff(rank), *r));
        nearest.map_or(&self.unsaid, |(_, f)| f)
    }

    /// The codec expected before any packet is heard, of the hop nearest to the agent.
    pub fn preferred(&self) -> Option<&CodecSpec> {
        self.on(0).preferred()
    }
}

/// What a packet carries, as far as it matters to whoever plays it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    /// Sound that can be decoded.
    Sound,
    /// A key press.
    Event,
    /// A description of the background.
    Noise,
    /// Sound with copies of the sound before it (RFC 2198).
    Redundant,
    /// Sound nobody here can decode.
    Unreadable,
}

impl Carries {
    /// Sound that can be decoded.
    pub fn is_sound(self) -> bool {
        self == Carries::Sound
    }
}

/// What a packet says of its payload, and whether that was under a key that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PayloadKind {
    /// 0 to 127.
    pub payload_type: u8,
    /// It was opened.
    pub is_opened: bool,
}

impl PayloadKind {
    /// Of this packet.
    pub fn of(packet: &Packet<'_>) -> PayloadKind {
        PayloadKind { payload_type: packet.heard.payload_type, is_opened: packet.is_opened }
    }
}

/// One payload type as it was when a packet came.
#[derive(Clone, Debug)]
pub(super) struct Meaning {
    kind: PayloadKind,
    /// `None` where nobody said.
    pub spec: Option<Arc<CodecSpec>>,
    /// What it carries, in clear.
    pub carries: Carries,
    /// Signalling says that it is under a key that is not known.
    pub is_sealed: bool,
    /// Signalling has spoken of keys.
    pub is_hinted: bool,
}

impl Meaning {
    fn new(kind: PayloadKind, rank: u8, all: &Formats) -> Self {
        let formats = all.on(rank);
        let spec = formats.spec(kind.payload_type).cloned();
        let carries = match spec.as_ref().map(|s| (s.def.role, !all.is_unreadable(s))) {
            Some((PayloadRole::TelephoneEvent, _)) => Carries::Event,
            Some((PayloadRole::ComfortNoise, _)) => Carries::Noise,
            Some((PayloadRole::Redundant, _)) => Carries::Redundant,
            Some((PayloadRole::Sound, false)) | None => Carries::Unreadable,
            Some((PayloadRole::Sound, true)) => Carries::Sound,
        };
        let (is_sealed, is_hinted) = match kind.is_opened {
            true => (false, false),
            false => (formats.encrypted, formats.hinted),
        };
        Meaning { kind, spec, carries, is_sealed, is_hinted }
    }

    /// 0 to 127.
    pub fn payload_type(&self) -> u8 {
        self.kind.payload_type
    }

    /// The RTP clock.
    pub fn clock_hz(&self) -> u32 {
        self.spec.as_ref().map_or(8000, |s| s.rtp_clock_hz)
    }
}

/// The meanings that a source's packets had.
#[derive(Debug, Default)]
pub(super) struct Meanings {
    known: SmallVec<[Meaning; 2]>,
    /// The last one asked for: under which version of the formats, and which it is.
    now: Option<(u32, u8)>,
    /// Of the last sound: meaning, length, and how long it lasts.
    lasts: (u8, usize, i64),
}

impl Meanings {
    /// What a payload of this kind means now.
    #[inline]
    pub fn of(&mut self, kind: PayloadKind, rank: u8, formats: &Formats) -> u8 {
        match self.now {
            Some((version, i)) if version == formats.version && self.known[usize::from(i)].kind == kind => i,
            _ => self.look_up(kind, rank, formats),
        }
    }

    #[inline(never)]
    fn look_up(&mut self, kind: PayloadKind, rank: u8, formats: &Formats) -> u8 {
        let now = Meaning::new(kind, rank, formats);
        let is_same = |m: &Meaning| m.kind == kind && m.is_sealed == now.is_sealed && m.spec == now.spec;
        let i = match self.known.iter().position(is_same) {
            Some(i) => i,
            None if self.known.len() < MAX_MEANINGS => {
                self.known.push(now);
                self.known.len() - 1
            }
            // Only somebody who means to be a nuisance comes here.
            None => {
                let last = self.known.len() - 1;
                self.known[last] = now;
                last
            }
        };
        self.now = Some((formats.version, i as u8));
        i as u8
    }

    /// A meaning that [`Meanings::of`] gave.
    pub fn get(&self, i: u8) -> &Meaning {
        &self.known[usize::from(i)]
    }

    /// How long a payload lasts, in units of its clock.
    pub fn ticks_of(&mut self, i: u8, payload: &[u8]) -> i64 {
        let Some(spec) = &self.known[usize::from(i)].spec else { return 0 };
        // Packets of one length last as long, but where each says it by itself.
        if self.lasts.0 != i || self.lasts.1 != payload.len() || spec.def.tells_time {
            self.lasts = (i, payload.len(), i64::from(spec.rtp_ticks(payload)));
        }
        self.lasts.2
    }

    /// How long the last payload lasted.
    pub fn last_ticks(&self) -> i64 {
        self.lasts.2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: PayloadKind = PayloadKind { payload_type: 97, is_opened: false };

    fn map(name: &str, encrypted: bool) -> PayloadMap {
        PayloadMap::new([(97, CodecSpec::from_rtpmap(97, Some(name), Some(8000), None))], encrypted)
    }

    #[test]
    fn what_was_taken_before_keeps_its_meaning() {
        let (mut formats, mut meanings) = (Formats::default(), Meanings::default());
        formats.state(0, &map("PCMU", false));
        let before = meanings.of(PLAIN, 0, &formats);
        assert_eq!(meanings.of(PLAIN, 0, &formats), before);
        formats.state(0, &map("PCMA", false));
        let after = meanings.of(PLAIN, 0, &formats);
        let name = |i| meanings.get(i).spec.as_ref().map(|s| s.name.clone());
        assert_eq!((name(before), name(after)), (Some("PCMU".into()), Some("PCMA".into())));
    }

    #[test]
    fn each_hop_has_its_own_and_else_the_nearest() {
        let mut formats = Formats::default();
        formats.state(0, &map("PCMU", true));
        formats.state(1, &map("PCMA", false));
        let of = |rank| Meaning::new(PLAIN, rank, &formats).is_sealed;
        assert_eq!([0, 1, 2].map(of), [true, false, false]);
        let opened = Meaning::new(PayloadKind { is_opened: true, ..PLAIN }, 0, &formats);
        assert!(!opened.is_sealed && !opened.is_hinted, "what was opened is in clear");
        assert_eq!(Meaning::new(PLAIN, 1, &formats).carries, Carries::Sound);
        assert_eq!(
            Meaning::new(PayloadKind { payload_type: 98, ..PLAIN }, 1, &formats).carries,
            Carries::Unreadable
        );
    }
}
