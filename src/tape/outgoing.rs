//! What a tape gives out, and who takes it: samples, and sound that nobody here can decode.
//!
//! Of the latter only what was in clear: ciphertext without its key stays noise for ever.

use super::floor::HeardAt;
use super::played::Played;
use crate::codec::CodecSpec;
use crate::id::Channel;
use crate::time::Timestamp;
use std::ops::Range;
use std::sync::Arc;

/// What sound that is taken back gives way to, a piece at a time.
static SILENCE: [i16; 8192] = [0; 8192];

/// Who takes the samples.
pub trait Deck {
    /// The tape has its first audio: the file can be made. Once, before anything else.
    fn start(&mut self, rate_hz: u32, law: Option<crate::codec::g711::Law>);
    /// The next frames, interleaved customer, agent.
    fn append(&mut self, frames: &[i16]);
    /// The recording ends before frames that were given out: they are taken back.
    fn truncate(&mut self, frames: u64);
    /// Samples of one channel for frames given out before.
    fn patch(&mut self, frame: u64, channel: Channel, samples: &[i16]);

    /// Whether it takes what nobody here can decode.
    fn keeps_undecoded(&self) -> bool {
        false
    }

    /// Sound that nobody here can decode, as it came.
    fn keep_undecoded(&mut self, packet: &UndecodedPacket<'_>) {
        _ = packet;
    }

    /// What was kept of a channel from `since` on and is `meant` was not the party's, or lies
    /// behind the end.
    fn take_back_undecoded(
        &mut self,
        channel: Channel,
        since: Timestamp,
        is_meant: &dyn Fn(&PayloadOrigin) -> bool,
    ) {
        _ = (channel, since, is_meant);
    }

    /// No more of it comes; the tape ends at `end`.
    fn end_undecoded(&mut self, end: Timestamp) {
        _ = end;
    }
}

/// Whose payload it is: what is taken back later is found by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadOrigin {
    /// Whose voice.
    pub channel: Channel,
    /// RFC 3550 synchronisation source.
    pub ssrc: u32,
    place: HeardAt,
}

impl PayloadOrigin {
    /// A source, and where it was heard.
    pub(super) fn new(channel: Channel, ssrc: u32, place: HeardAt) -> PayloadOrigin {
        PayloadOrigin { channel, ssrc, place }
    }

    /// Was it heard there?
    pub(super) fn is_at(&self, place: HeardAt) -> bool {
        self.place == place
    }

    /// Has somebody at `place` the better right?
    pub(super) fn is_worse_than(&self, place: HeardAt) -> bool {
        place.is_better(self.place)
    }
}

/// One packet of it.
#[derive(Clone, Copy, Debug)]
pub struct UndecodedPacket<'a> {
    /// Whose.
    pub origin: PayloadOrigin,
    /// Capture time.
    pub at: Timestamp,
    /// RTP header.
    pub payload_type: u8,
    /// RTP header; continues where the sender began anew.
    pub seq: u16,
    /// RTP header.
    pub timestamp: u32,
    /// What the payload type means.
    pub spec: &'a Arc<CodecSpec>,
    /// What nobody can decode.
    pub payload: &'a [u8],
}

/// Brings what was kept to the deck. Nothing from before the answer.
pub(super) fn hand_over(
    played: &Played,
    answered_at: Timestamp,
    origin: PayloadOrigin,
    deck: &mut impl Deck,
) {
    for kept in played.kept.iter().filter(|k| k.at_ns >= 0) {
        deck.keep_undecoded(&UndecodedPacket {
            origin,
            at: answered_at.offset_ns(kept.at_ns),
            payload_type: kept.payload_type,
            seq: kept.seq,
            timestamp: kept.timestamp,
            spec: &kept.spec,
            payload: &kept.payload,
        });
    }
}

/// Takes back sound that is given out.
pub(super) fn silence(channel: Channel, frames: Range<u64>, deck: &mut impl Deck) {
    for start in frames.clone().step_by(SILENCE.len()) {
        let n = (frames.end - start).min(SILENCE.len() as u64) as usize;
        deck.patch(start, channel, &SILENCE[..n]);
    }
}
