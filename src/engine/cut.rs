//! Calls of whose messages only the first lines were captured.
//!
//! A snap length of 96 bytes leaves the start line and perhaps a Via: no Call-ID
//! to follow. An answered call must be counted all the same, so an INVITE waits
//! here for a final response from where it went. Retransmissions have the same
//! first lines. Bounded: the oldest INVITE goes.

use crate::call::pairing::Target;
use crate::call::{Decision, Ends, Unrecorded, UnrecordedCall};
use crate::id::RecordingId;
use crate::net::Flow;
use crate::rtp::standing::Trust;
use crate::sip::{Message, Method, StartLine};
use crate::time::Timestamp;
use foldhash::quality::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;

/// INVITEs waiting.
const MAX_WAITING: usize = 256;

/// What a cut message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Invite,
    /// A final response that may be an INVITE's.
    Final(u16),
    Other,
}

/// INVITEs that wait for their final response.
#[derive(Debug, Default)]
pub(super) struct CutCalls {
    seed: RandomState,
    waiting: VecDeque<(Flow, u64)>,
    /// INVITEs forgotten because there were too many.
    pub no_room: u64,
}

impl CutCalls {
    /// Takes the captured start of a message; true when it is the answer to a call.
    pub fn is_answer(&mut self, flow: Flow, start: Start, bytes: &[u8]) -> bool {
        match start {
            Start::Invite => {
                let invite = (flow, self.seed.hash_one(bytes));
                if !self.waiting.contains(&invite) {
                    if self.waiting.len() >= MAX_WAITING {
                        self.waiting.pop_front();
                        self.no_room += 1;
                    }
                    self.waiting.push_back(invite);
                }
                false
            }
            Start::Final(code) => {
                let way_back = |(f, _): &(Flow, u64)| (f.src, f.dst) == (flow.dst, flow.src);
                let asked = self.waiting.iter().position(way_back);
                asked.and_then(|i| self.waiting.remove(i)).is_some() && code < 300
            }
            Start::Other => false,
        }
    }
}

impl Start {
    /// What there is of a message.
    pub fn of(msg: &Message<'_>) -> Start {
        let is_invites = msg.cseq().is_none_or(|(_, method)| method == Method::Invite);
        match msg.start_line() {
            StartLine::Request { method: Method::Invite, .. } => Start::Invite,
            StartLine::Response { code, .. } if code >= 200 && is_invites => Start::Final(code),
            _ => Start::Other,
        }
    }
}

/// What is to be said of an answered call of which no more is known.
pub(super) fn unrecorded(at: Timestamp) -> [Decision; 2] {
    let (reason, call_id) = (Unrecorded::Truncated, String::new());
    let call = UnrecordedCall { reason, at, call_id: call_id.clone(), ends: Ends::default() };
    [Decision::Unrecorded { reason, at, call_id }, Decision::LeftOut(Box::new(call))]
}

/// So many packets whose own headers alone say that they were cut are no mistake of
/// their sender's; whoever slices does it to all.
const SLICED_MANY: u32 = 10;

/// Recordings open of whose media something was cut, and how much speaks for it.
#[derive(Default)]
pub(super) struct CutMedia(HashMap<RecordingId, u32, RandomState>);

impl CutMedia {
    /// One more packet. `sliced`: only its own headers say so. True where that settles it.
    pub fn note(&mut self, recording: RecordingId, sliced: bool) -> bool {
        let evidence = self.0.entry(recording).or_default();
        let more = evidence.saturating_add(if sliced { 1 } else { SLICED_MANY });
        let before = std::mem::replace(evidence, more);
        before < SLICED_MANY && more >= SLICED_MANY
    }

    /// It has ended.
    pub fn forget(&mut self, recording: &RecordingId) {
        self.0.remove(recording);
    }
}

/// The recordings of a packet that comes from an address of its speaker: what is wrong with
/// anybody else's is no loss.
pub(super) fn own(targets: &[Target]) -> impl Iterator<Item = RecordingId> {
    targets.iter().filter(|t| t.standing.trust() == Trust::Named).map(|t| t.recording)
}
