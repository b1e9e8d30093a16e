//! What a source's audio does to the recording while it is played.

use crate::codec::CodecSpec;
use smallvec::SmallVec;
use std::sync::Arc;

/// A packet that nobody here can decode, without whose it is.
#[derive(Debug)]
pub(super) struct KeptPayload {
    /// After the answer.
    pub at_ns: i64,
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
    /// Frames at which sound of this codec began: at first, after a change, after a pause.
    pub begun: Vec<(i64, Arc<CodecSpec>)>,
    /// Arrivals of sound that nobody here can decode.
    pub undecodable: SmallVec<[i64; 4]>,
    /// That sound as it came, where somebody keeps it.
    pub kept: Vec<KeptPayload>,
    /// Somebody does.
    pub keeps: bool,
}

impl Played {
    /// Nothing yet. `keeps`: somebody takes sound as it came.
    pub fn new(keeps: bool) -> Played {
        Played { keeps, ..Played::default() }
    }
}
