//! What calls have come to so far, in terms of what was captured: enough for another process to
//! know them as this one does.

use super::said::SaidMessage;
use crate::net::Flow;
use crate::time::Timestamp;
use uuid::Uuid;

/// All that living legs came from, up to a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallHistory {
    /// Everything captured up to then is in it.
    pub now: Timestamp,
    /// Their SIP, in the order it was taken in.
    pub messages: Vec<SaidMessage>,
    /// Legs of which not all is there.
    pub cut_legs: u64,
    /// The runs of packets under way.
    pub runs: Vec<RunSoFar>,
    /// The recordings under way.
    pub recordings: Vec<RecordedSoFar>,
}

/// A run of RTP on a flow that is some call's: its first and its newest packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunSoFar {
    /// From where to where.
    pub flow: Flow,
    /// Synchronisation source.
    pub ssrc: u32,
    /// When it began: then or up to a seventh of a second before.
    pub began: Timestamp,
    /// Number of its first packet.
    pub first: u16,
    /// When it was last heard, likewise.
    pub heard: Timestamp,
    /// Number of its newest packet.
    pub newest: u16,
}

/// What the media have shown of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedSoFar {
    /// Call-ID, caller's and callee's tag of the dialog it is of.
    pub dialog: [Vec<u8>; 3],
    /// Its id.
    pub uuid: Uuid,
    /// Frame zero.
    pub answered_at: Timestamp,
    /// Where it is.
    pub hearing: RecordedHow,
    /// Media packets so far.
    pub packets: u32,
    /// Packets of each channel from an address that is its party's own, up to a bound.
    pub own: [u8; 2],
    /// Last media packet, or the answer.
    pub heard_at: Timestamp,
    /// Last sign of life.
    pub alive_at: Timestamp,
}

/// Where a recording is, as far as the media say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedHow {
    /// Neither media nor half a second has come since the answer.
    Awaited,
    /// It is recorded.
    Recorded,
    /// It was silent for too long: media will begin another one.
    Dormant,
    /// Likewise, and its addresses may be somebody else's.
    Asleep,
}
