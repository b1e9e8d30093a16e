//! What a source's audio does to the recording while it is played.

use super::floor::HeardAt;
use crate::codec::CodecSpec;
use crate::codec::key_sequence::DtmfKey;
use crate::rtp::standing::Trust;
use smallvec::SmallVec;
use std::sync::Arc;

/// A packet that nobody here can decode, without whose it is.
#[derive(Debug)]
pub(super) struct KeptPayload {
    /// Arrival, from the answer.
    pub at_ns: i64,
    /// When it was sent at the latest, likewise: as if the quickest packet had taken no time.
    pub sent_ns: i64,
    pub payload_type: u8,
    pub seq: u16,
    pub timestamp: u32,
    pub spec: Arc<CodecSpec>,
    pub payload: Box<[u8]>,
}

/// What a source's audio did to the recording while it was played.
#[derive(Debug, Default)]
pub(super) struct Played {
    /// Frames at which a key was pressed.
    pub key_presses: Vec<i64>,
    /// The keys, and when they came.
    pub keys: Vec<(i64, DtmfKey)>,
    /// Arrivals of the packets that tell of keys.
    pub event_packets: Vec<i64>,
    /// Frames at which sound of this codec began: at first, after a change, after a pause.
    pub begun: Vec<(i64, Arc<CodecSpec>)>,
    /// Arrivals of sound that nobody here can decode.
    pub undecodable: SmallVec<[i64; 4]>,
    /// How many of these were encrypted.
    pub sealed: u32,
    /// That sound as it came, where somebody keeps it.
    pub kept: Vec<KeptPayload>,
    /// Some of it was not certain to be the party's.
    pub left_out: bool,
    /// Somebody does.
    pub keeps: bool,
}

impl Played {
    /// Nothing yet. `keeps`: somebody takes sound as it came.
    pub fn new(keeps: bool) -> Played {
        Played { keeps, ..Played::default() }
    }

    /// Of what was heard at `place` only the party's is kept, and nothing that the party was heard
    /// to say elsewhere; `covered_by`: where somebody was heard meanwhile.
    pub fn keep_of(&mut self, place: HeardAt, covered_by: impl Fn(i64) -> Option<HeardAt>) {
        let is_party = place.trust() == Trust::Named;
        self.left_out |= !is_party && !self.kept.is_empty();
        let is_heard = |at_ns| covered_by(at_ns).is_some_and(|by| by.trust() == Trust::Named);
        self.kept.retain(|k| is_party && !is_heard(k.at_ns));
    }
}
