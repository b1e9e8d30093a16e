//! What the signalling decides: the orders that go to the tapes.

use super::pairing::Disowned;
use super::rules::ServiceRef;
use crate::codec::formats::PayloadMap;
use crate::config::{CallDirection, PauseBy, Switch};
use crate::id::{Channel, RecordingId};
use crate::pii::{Pii, stored};
use crate::rtp::srtp::SrtpKey;
use crate::rtp::standing::Standing;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

/// A recording that begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    /// Inside this run.
    pub id: RecordingId,
    /// Outside it.
    pub uuid: Uuid,
    /// Shared by the contact's recordings.
    pub call_group: Uuid,
    /// What the service promises.
    pub service: ServiceRef,
    /// Who called whom.
    pub direction: CallDirection,
    /// The agent, as far as known.
    pub agent: Agent,
    /// The customer.
    pub customer: Customer,
    /// The number the contact was made to, as it may be stored.
    pub dialled: Option<Pii<String>>,
    /// First 2xx, or the instant the agent became connected.
    pub answered_at: Timestamp,
    /// As received, or its hash.
    pub call_id: String,
    /// How the caller waited for the agent; [`None`] where the agent called, or the caller had been with another.
    pub before_agent: Option<BeforeAgent>,
}

/// How a caller waited for the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BeforeAgent {
    /// How long he had been answered, or heard early media, nanoseconds; 0: not at all.
    pub ns: i64,
    /// Where, for the most part; [`None`]: nowhere.
    pub leg: Option<WaitingLeg>,
}

/// Where a caller is while no agent has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingLeg {
    /// In a leg of his call that somebody else than the agent had answered: a queue, a menu.
    Queue,
    /// In the agent's own leg, answered before the agent came to it.
    SameLeg,
    /// In none: he heard early media (RFC 3960) before the answer.
    EarlyMedia,
}

/// An answered call that was not recorded, when no more will become known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnrecordedCall {
    /// Why not.
    pub reason: Unrecorded,
    /// When that was decided.
    pub at: Timestamp,
    /// As received; empty where only the start of its messages was seen.
    pub call_id: String,
    /// Who talks, masked; nothing where that was not seen.
    pub ends: Ends,
}

impl Opening {
    /// Who talks, as a call that is not recorded after all tells it.
    pub fn ends(&self) -> Ends {
        let (customer, service) = (self.customer.number.clone(), Some(self.service.name.clone()));
        match self.direction {
            CallDirection::Inbound | CallDirection::Internal => {
                Ends { caller: customer, called: self.dialled.clone(), service }
            }
            CallDirection::Outbound => {
                Ends { caller: self.agent.id.clone().map(Pii::new), called: customer, service }
            }
        }
    }
}

/// The agent of a recording: in the sidecar, the index and every list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Extension or header id; `None` where nothing names him (an address alone made him one).
    pub id: Option<String>,
    /// Display name from the configuration.
    #[serde(default, with = "stored")]
    pub name: Option<Pii<String>>,
}

/// The other party of a recording, likewise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The number as it may be stored: truncated as the service has it.
    #[serde(default, with = "stored")]
    pub number: Option<Pii<String>>,
    /// The caller asked for privacy.
    pub withheld: bool,
}

/// Why and when a recording ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// BYE from this side.
    HungUp(Channel),
    /// Passed on to somebody else.
    Transferred,
    /// No media for too long.
    Timeout,
    /// The capture ended, or the session of a recording client, which did not say who hung up.
    CaptureEnd,
    /// The recorder was told to stop.
    Shutdown,
}

/// Why an answered call is not recorded. What the metrics call them is `daemon::observe`'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unrecorded {
    /// No party is an agent.
    NoAgent,
    /// Both parties are agents.
    Internal,
    /// The service is not recorded.
    Service,
    /// The service does not record this direction.
    Direction,
    /// Another leg of the same call, nearer the agent, is recorded.
    OtherLeg,
    /// The INVITE was not seen: the capture began mid-call.
    InviteNotSeen,
    /// Ended at once without media: a fork that lost.
    Stray,
    /// Of its messages only the first lines were captured.
    Truncated,
}

impl Unrecorded {
    /// All of them, for metrics that begin at zero.
    pub const ALL: [Unrecorded; 8] = [
        Unrecorded::NoAgent,
        Unrecorded::Internal,
        Unrecorded::Service,
        Unrecorded::Direction,
        Unrecorded::OtherLeg,
        Unrecorded::InviteNotSeen,
        Unrecorded::Stray,
        Unrecorded::Truncated,
    ];
}

/// The two ends of an answered call. Fit for a file: what is not the operator's own number is
/// truncated as the service of the number that was called has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// The caller; `None` where withheld, hidden whole, or not a number.
    pub caller: Option<Pii<String>>,
    /// Who was called.
    pub called: Option<Pii<String>>,
    /// The service of the number that was called.
    pub service: Option<String>,
}

/// What signalling says of a call under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEvent {
    /// One side put the other on hold.
    Hold,
    /// The hold ended.
    Resume,
    /// A key was pressed (SIP INFO). Which one is not known here.
    KeyPress(Channel),
}

/// How to read what a party sends on one hop.
#[derive(Clone, Debug)]
pub struct HopFormats {
    /// Whose voice.
    pub channel: Channel,
    /// Distance of the hop from the agent, as its media packets carry it.
    pub rank: u8,
    /// What payload types mean.
    pub formats: PayloadMap,
    /// What it may be sealed with, if anything.
    pub keys: Vec<Arc<SrtpKey>>,
}

/// One order.
#[derive(Clone, Debug)]
pub enum Decision {
    /// A recording begins.
    Open(Box<Opening>),
    /// More has become known of a call that is being recorded: this holds from its beginning.
    Amend(Box<Opening>),
    /// How to read what a channel's party sends on one hop, from here on.
    Formats(RecordingId, HopFormats),
    /// Something happened in the signalling.
    Event(RecordingId, Timestamp, CallEvent),
    /// From an instant on nothing of it is to be heard, or all of it again.
    Pause(RecordingId, Timestamp, Switch, PauseBy),
    /// What was heard of a source since then may be another call's.
    Disowned(Disowned),
    /// Somebody confirmed keys for a stream on the media path (ZRTP).
    Keyed {
        /// Of which recording.
        recording: RecordingId,
        /// Whose stream it would be.
        channel: Channel,
        /// What speaks for where the message came from.
        standing: Standing,
        /// The stream.
        ssrc: u32,
    },
    /// What a channel's party may seal its packets with on one hop beside what signalling says: it was agreed
    /// on the media path, and a key log told (DTLS-SRTP).
    Keys {
        /// Of which recording.
        recording: RecordingId,
        /// Whose voice.
        channel: Channel,
        /// Distance of the hop from the agent.
        rank: u8,
        /// The last agreed on first.
        keys: Vec<Arc<SrtpKey>>,
    },
    /// A channel's party is said to send from elsewhere from here on.
    Moved(RecordingId, Channel, Timestamp),
    /// Whether the signalling lets sound of both sides be expected from here on: no hold, no line
    /// without audio.
    Expected(RecordingId, Timestamp, bool),
    /// A hang-up at this instant, which may yet be refused.
    Suspend(RecordingId, Timestamp),
    /// The hang-up was refused.
    Resume(RecordingId),
    /// Audio of this recording is known to be missing: it was seen and could not be assigned or read.
    Incomplete(RecordingId),
    /// A recording ends.
    Close {
        /// Which.
        recording: RecordingId,
        /// Its last instant.
        at: Timestamp,
        /// Why.
        by: Ending,
        /// Its start and its end were seen.
        seen: bool,
    },
    /// It was no recording after all. Nothing of it is kept.
    Discard {
        /// Which.
        recording: RecordingId,
        /// A fork that lost, or a leg whose call is recorded nearer the agent.
        reason: Unrecorded,
    },
    /// An answered call is not recorded.
    Unrecorded {
        /// Why not.
        reason: Unrecorded,
        /// When that was decided.
        at: Timestamp,
        /// As received, or its hash where it tells a number; empty where it was not seen.
        call_id: String,
    },
    /// The same once all of its contact is known: what the register tells of it.
    LeftOut(Box<UnrecordedCall>),
    /// The agent of this recording is being recorded in another call too, which is not on
    /// hold: two lines, or one conversation whose legs nothing ties.
    Parallel(RecordingId),
    /// A call that should be recorded cannot be: too many at once.
    Refused(Box<Opening>),
    /// A recording of which next to nothing was heard gives its place to another. Nothing of it
    /// is kept.
    Evict(RecordingId),
}

impl Decision {
    /// The recording under way that it orders something of.
    pub fn recording(&self) -> Option<RecordingId> {
        match self {
            Decision::Open(o) | Decision::Amend(o) => Some(o.id),
            Decision::Formats(id, _)
            | Decision::Event(id, ..)
            | Decision::Disowned(Disowned { recording: id, .. })
            | Decision::Keyed { recording: id, .. }
            | Decision::Keys { recording: id, .. }
            | Decision::Moved(id, ..)
            | Decision::Pause(id, ..)
            | Decision::Expected(id, ..)
            | Decision::Suspend(id, _)
            | Decision::Resume(id)
            | Decision::Discard { recording: id, .. }
            | Decision::Incomplete(id)
            | Decision::Evict(id)
            | Decision::Close { recording: id, .. } => Some(*id),
            Decision::Unrecorded { .. }
            | Decision::LeftOut(_)
            | Decision::Parallel(_)
            | Decision::Refused(_) => None,
        }
    }
}
