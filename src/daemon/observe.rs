//! What is told of recordings: outcomes for a summary, and what the metrics call their ends.

use super::deck::Trouble;
use crate::call::{Ends, Unrecorded};
use crate::store::assurance::AssuranceBucket;
use crate::store::sidecar::Sidecar;
use crate::tape::FaultKind;
use crate::telemetry::label::{CallBucket, FailReason, FaultLabel, UnrecordedReason};
use uuid::Uuid;

/// How one recording ended.
#[derive(Debug)]
pub enum RecordingOutcome {
    /// It is there.
    Recorded(Box<Sidecar>),
    /// It was there before and was not touched.
    Existed(Uuid),
    /// It is not there.
    Failed {
        /// Which.
        id: Uuid,
        /// Of which call.
        call_id: String,
        /// Who would have been heard.
        ends: Ends,
        /// Why.
        reason: FailReason,
    },
}

/// Metric label of a deck's trouble; [`None`] where the recording is there already.
pub fn fail_label(why: &Trouble) -> Option<FailReason> {
    match why {
        Trouble::NoMedia => Some(FailReason::NoMedia),
        Trouble::NoRoom => Some(FailReason::NoSpace),
        Trouble::Store(e) if e.is_full() => Some(FailReason::NoSpace),
        Trouble::Store(_) | Trouble::Unfinished(_) => Some(FailReason::Storage),
        Trouble::Exists => None,
    }
}

/// Metric label of a fault of a recording's sound.
pub fn fault_label(kind: FaultKind) -> FaultLabel {
    match kind {
        FaultKind::NoRtp => FaultLabel::NoRtp,
        FaultKind::OneWay => FaultLabel::OneWay,
        FaultKind::Silent => FaultLabel::Silent,
        FaultKind::Quiet => FaultLabel::Quiet,
        FaultKind::Clipped => FaultLabel::Clipped,
        FaultKind::Undecodable => FaultLabel::Undecodable,
        FaultKind::Encrypted => FaultLabel::Encrypted,
        FaultKind::NetworkLoss => FaultLabel::NetworkLoss,
        FaultKind::CaptureLoss => FaultLabel::CaptureLoss,
    }
}

/// Metric label of the bucket that a recording is in.
pub fn bucket_label(bucket: AssuranceBucket) -> CallBucket {
    match bucket {
        AssuranceBucket::Complete => CallBucket::Complete,
        AssuranceBucket::Partial => CallBucket::Partial,
        AssuranceBucket::Missing => CallBucket::Missing,
        AssuranceBucket::Excluded => CallBucket::Excluded,
        AssuranceBucket::Paused => CallBucket::Paused,
    }
}

/// Metric label of a recording that was taken back.
pub fn discard_label(why: Unrecorded) -> FailReason {
    match why {
        Unrecorded::OtherLeg => FailReason::OtherHop,
        Unrecorded::Service | Unrecorded::Direction => FailReason::Excluded,
        Unrecorded::Stray
        | Unrecorded::NoAgent
        | Unrecorded::Internal
        | Unrecorded::InviteNotSeen
        | Unrecorded::Truncated => FailReason::Stray,
    }
}

/// Metric label of a decision not to record.
pub fn unrecorded_label(why: Unrecorded) -> UnrecordedReason {
    match why {
        Unrecorded::NoAgent => UnrecordedReason::NoAgent,
        Unrecorded::Internal => UnrecordedReason::Internal,
        Unrecorded::Service => UnrecordedReason::Service,
        Unrecorded::Direction => UnrecordedReason::Direction,
        Unrecorded::OtherLeg => UnrecordedReason::OtherHop,
        Unrecorded::InviteNotSeen => UnrecordedReason::InviteUnseen,
        Unrecorded::Stray => UnrecordedReason::Stray,
        Unrecorded::Truncated => UnrecordedReason::Truncated,
    }
}

impl RecordingOutcome {
    /// Of which recording.
    pub fn id(&self) -> Uuid {
        match self {
            RecordingOutcome::Recorded(s) => s.id,
            RecordingOutcome::Existed(id) | RecordingOutcome::Failed { id, .. } => *id,
        }
    }
}
