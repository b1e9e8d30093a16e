//! Answered calls that were not recorded, as the store's register has them, and as their assurance.

use super::observe::RecordingOutcome;
use crate::call::{Ends, Opening, Unrecorded, UnrecordedCall, call_id_hash};
use crate::config::Config;
use crate::id::{derived_uuid, time_of};
use crate::store::StoreError;
use crate::store::assurance::{Assurance, AssuranceReason};
use crate::store::calendar::due;
use crate::store::call_assurance::{AssuranceFolder, CallAssurance, CallTerm, CallWritten};
use crate::store::files::Access;
use crate::store::legible::Legible;
use crate::store::register::{RegisterEntry, RegisterReason};
use crate::telemetry::label::FailReason;
use crate::time::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

/// A call left out by rule, as the register has it.
pub fn by_rule(n: &UnrecordedCall) -> RegisterEntry {
    RegisterEntry {
        at: n.at,
        reason: rule_reason(n.reason).into(),
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
        RecordingOutcome::Failed { id, call_id, ends, reason } => {
            Some(entry(id, call_id, ends.clone(), *reason))
        }
    }
}

/// The same of one that no worker tells of.
pub(super) fn missed(o: &Opening, reason: FailReason) -> RegisterEntry {
    entry(&o.uuid, &o.call_id, o.ends(), reason)
}

fn entry(id: &Uuid, call_id: &str, ends: Ends, reason: FailReason) -> RegisterEntry {
    let Ends { caller, called, service } = ends;
    RegisterEntry {
        at: began(id),
        reason: fail_reason(reason).into(),
        service,
        caller,
        called,
        call: call_id_hash(call_id),
        recording: Some(*id),
    }
}

fn rule_reason(why: Unrecorded) -> RegisterReason {
    match why {
        Unrecorded::NoAgent => RegisterReason::NoAgent,
        Unrecorded::Internal => RegisterReason::Internal,
        Unrecorded::Service => RegisterReason::Service,
        Unrecorded::Direction => RegisterReason::Direction,
        Unrecorded::OtherLeg => RegisterReason::OtherHop,
        Unrecorded::InviteNotSeen => RegisterReason::InviteUnseen,
        Unrecorded::Stray => RegisterReason::Stray,
        Unrecorded::Truncated => RegisterReason::Truncated,
    }
}

fn fail_reason(why: FailReason) -> RegisterReason {
    match why {
        FailReason::Storage => RegisterReason::Storage,
        FailReason::NoSpace => RegisterReason::NoSpace,
        FailReason::Limit => RegisterReason::Limit,
        FailReason::Overload => RegisterReason::Overload,
        FailReason::Stray => RegisterReason::Stray,
        FailReason::OtherHop => RegisterReason::OtherHop,
        FailReason::Excluded => RegisterReason::Excluded,
        FailReason::NoMedia => RegisterReason::NoMedia,
    }
}

/// When a recording was answered, by its id: to the millisecond.
pub fn began(id: &Uuid) -> Timestamp {
    time_of(*id).unwrap_or(Timestamp::EPOCH)
}

/// Writes the assurance of those of `calls` that are of a service that is recorded; how many found no
/// room. What is there is left alone.
///
/// # Errors
/// The storage refuses; those written by then stay.
pub fn assure(config: &Config, zone: &TimeZone, calls: &[RegisterEntry]) -> Result<u64, StoreError> {
    let all: Vec<CallAssurance> = calls.iter().filter_map(|call| assurance(config, zone, call)).collect();
    if all.is_empty() {
        return Ok(0);
    }
    let folder = AssuranceFolder::make(&config.storage.dir, Access::of(config.storage.group_read))?;
    let mut no_room = 0;
    for call in &all {
        no_room += u64::from(folder.write(call)? == CallWritten::NoRoom);
    }
    Ok(no_room)
}

/// What is kept of a call that left no recording, as long as its service would have kept that. Nothing
/// of one that no service of ours has to do with.
fn assurance(config: &Config, zone: &TimeZone, call: &RegisterEntry) -> Option<CallAssurance> {
    let told = bucket_of(call)?;
    let service = config.service_named(call.service.as_deref()?).filter(|s| s.record)?;
    let of_call = [call.call.as_deref().unwrap_or_default().as_bytes(), call.reason.as_str().as_bytes()];
    Some(CallAssurance {
        schema: 1,
        id: call.recording.unwrap_or_else(|| derived_uuid(call.at, &of_call)),
        answered_at: call.at,
        caller: call.caller.clone(),
        called: call.called.clone(),
        call: call.call.clone(),
        assurance: Legible::Known(told),
        retention: CallTerm { until: Some(due(call.at, service.retention, service.retention_bound, zone)) },
        service: service.name,
    })
}

/// Where such a call ends: it should have been recorded, or its direction is not.
fn bucket_of(call: &RegisterEntry) -> Option<Assurance> {
    let reason = call.reason.known()?;
    if call.recording.is_none() {
        let is_direction = reason == RegisterReason::Direction;
        return is_direction.then(|| Assurance::excluded(AssuranceReason::Direction));
    }
    let reason = match reason {
        RegisterReason::NoMedia => AssuranceReason::NoRtp,
        RegisterReason::Storage => AssuranceReason::Storage,
        RegisterReason::NoSpace => AssuranceReason::NoSpace,
        RegisterReason::Limit => AssuranceReason::Limit,
        RegisterReason::Overload => AssuranceReason::Overload,
        RegisterReason::Internal => AssuranceReason::Internal,
        RegisterReason::Stray
        | RegisterReason::OtherHop
        | RegisterReason::Excluded
        | RegisterReason::InviteUnseen
        | RegisterReason::NoAgent
        | RegisterReason::Service
        | RegisterReason::Direction
        | RegisterReason::Truncated => return None,
    };
    Some(Assurance::missing(reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CallDirection, Term};

    #[test]
    fn what_is_kept_of_a_call_and_for_how_long() {
        let mut config = Config::default();
        config.service_default.retention = Term::Days(10);
        config.service_default.directions = vec![CallDirection::Inbound];
        let at = Timestamp::parse_rfc3339("2026-11-23T22:30:00Z").expect("a time");
        let entry = |reason: &str, is_begun: bool| RegisterEntry {
            reason: reason.into(),
            service: Some("general".into()),
            recording: is_begun.then(|| derived_uuid(at, &[b"one"])),
            ..RegisterEntry::new(at, RegisterReason::Internal)
        };
        let zone = TimeZone::get("Europe/Helsinki").expect("a zone");
        for (entry, want) in [
            (entry("no_media", true), Some(Assurance::missing(AssuranceReason::NoRtp))),
            (entry("storage", true), Some(Assurance::missing(AssuranceReason::Storage))),
            (entry("no_space", true), Some(Assurance::missing(AssuranceReason::NoSpace))),
            (entry("limit", true), Some(Assurance::missing(AssuranceReason::Limit))),
            (entry("overload", true), Some(Assurance::missing(AssuranceReason::Overload))),
            (entry("internal", true), Some(Assurance::missing(AssuranceReason::Internal))),
            (entry("internal", false), None),
            (entry("direction", false), Some(Assurance::excluded(AssuranceReason::Direction))),
            (entry("no_agent", false), None),
            (entry("stray", true), None),
            (entry("of another release", true), None),
            (RegisterEntry { service: Some("gone".into()), ..entry("no_media", true) }, None),
        ] {
            let got = assurance(&config, &zone, &entry);
            assert_eq!(got.as_ref().and_then(|a| a.assurance.known()), want.as_ref(), "{}", entry.reason);
            // The local day of the answer is the 24th.
            let until = Timestamp::parse_rfc3339("2026-12-04T22:00:00Z");
            assert!(got.is_none_or(|a| a.retention.until == until));
        }
        config.service_default.record = false;
        assert_eq!(assurance(&config, &zone, &entry("no_media", true)), None);
    }

    #[test]
    fn the_register_says_what_the_metrics_say() {
        use crate::daemon::observe::unrecorded_label;
        use crate::telemetry::label::UnrecordedReason;
        for why in FailReason::ALL {
            assert_eq!(fail_reason(*why).name(), why.as_str());
        }
        assert_eq!(Unrecorded::ALL.len(), UnrecordedReason::COUNT);
        for why in Unrecorded::ALL {
            assert_eq!(rule_reason(why).name(), unrecorded_label(why).as_str());
        }
    }
}
