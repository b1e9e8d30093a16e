//! Where a flow's packets go.

use super::session::SessionId;
use crate::id::{Channel, RecordingId};
use crate::rtp::standing::Standing;
use crate::time::Timestamp;
use smallvec::SmallVec;

/// A recording as the router needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which recording.
    pub recording: RecordingId,
    /// Which channel.
    pub channel: Channel,
    /// Distance of the signalling hop from the agent; 0 is nearest.
    pub rank: u8,
    /// What speaks for where it comes from.
    pub standing: Standing,
}

/// Where a flow's packets go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// No claim fits.
    Unmatched,
    /// Several calls could own it, or claims contradict one another.
    /// `Pairing::poll_incomplete` says whose recordings miss it.
    Doubt,
    /// Belongs to a call that is not being recorded.
    NotRecorded,
    /// To these recordings; more than one only when several legs share direct media.
    Record(SmallVec<[Target; 1]>),
}

/// What a recording was given of a run that turned out to be another's, or may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disowned {
    /// Which recording.
    pub recording: RecordingId,
    /// Which channel.
    pub channel: Channel,
    /// Synchronisation source of the run.
    pub ssrc: u32,
    /// Fingerprint of its flow.
    pub flow: u32,
    /// When it began, or shortly before.
    pub since: Timestamp,
}

/// Who was given what came of a run so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub session: SessionId,
    pub recording: RecordingId,
    pub channel: Channel,
}

impl Route {
    /// Does it lead to where that was given?
    pub(super) fn goes_to(&self, given: &Given) -> bool {
        let is_there = |t: &Target| (t.recording, t.channel) == (given.recording, given.channel);
        matches!(self, Route::Record(targets) if targets.iter().any(is_there))
    }

    /// A clone, without ado where there is one target or none, as nearly always.
    #[inline]
    pub(super) fn copied(&self) -> Route {
        match self {
            Route::Unmatched => Route::Unmatched,
            Route::Doubt => Route::Doubt,
            Route::NotRecorded => Route::NotRecorded,
            Route::Record(targets) => match targets[..] {
                [one] => Route::Record(SmallVec::from_buf([one])),
                _ => Route::Record(targets.clone()),
            },
        }
    }
}
