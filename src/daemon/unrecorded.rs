//! Answered calls that were not recorded, as the store's register has them.

use super::observe::{RecordingOutcome, unrecorded_label};
use crate::call::{UnrecordedCall, call_id_hash};
use crate::id::time_of;
use crate::store::register::RegisterEntry;
use crate::telemetry::label::FailReason;
use crate::time::Timestamp;

/// A call left out by rule, as the register has it.
pub fn by_rule(n: &UnrecordedCall) -> RegisterEntry {
    RegisterEntry {
        at: n.at,
        reason: unrecorded_label(n.reason).as_str().into(),
        service: n.ends.service.clone(),
        caller: n.ends.caller.clone(),
        called: n.ends.called.clone(),
        call: call_id_hash(&n.call_id),
        recording: None,
    }
}

/// One that was to be recorded and could not be. The same call on another hop is recorded, and
/// a fork that lost was none.
pub fn by_failure(outcome: &RecordingOutcome) -> Option<RegisterEntry> {
    match outcome {
        RecordingOutcome::Failed { reason: FailReason::OtherHop | FailReason::Stray, .. }
        | RecordingOutcome::Recorded(_)
        | RecordingOutcome::Existed(_) => None,
        RecordingOutcome::Failed { id, call_id, reason } => Some(RegisterEntry {
            at: began(id),
            reason: reason.as_str().into(),
            call: call_id_hash(call_id),
            recording: Some(*id),
            ..RegisterEntry::default()
        }),
    }
}

/// When a recording was answered, by its id: to the millisecond.
pub fn began(id: &uuid::Uuid) -> Timestamp {
    time_of(*id).unwrap_or(Timestamp::EPOCH)
}
