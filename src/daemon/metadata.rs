//! What the signalling tells of a recording, in the form it is stored.

use crate::call::Opening;
use crate::store::calendar::{due, until_string};
use crate::store::layout::RecordingName;
use crate::store::sidecar::{self, Sidecar};
use crate::store::wav::WavEncoding;
use crate::time::Timestamp;
use jiff::tz::TimeZone;

/// Its name.
pub fn name(o: &Opening) -> RecordingName {
    RecordingName::new(o.answered_at, o.agent.id.as_deref(), o.customer_number.as_deref(), o.uuid)
}

/// Its sidecar, without what the media tell.
pub fn sidecar(o: &Opening, timezone: &TimeZone, ended_at: Timestamp, ended_by: sidecar::EndedBy) -> Sidecar {
    let until = due(o.answered_at, o.service.retention, o.service.retention_bound, timezone);
    Sidecar {
        schema: sidecar::SCHEMA,
        id: o.uuid,
        call_group: o.call_group,
        wav: String::new(),
        service: Some(o.service.name.clone()),
        direction: Some(o.direction),
        agent: sidecar::Agent { id: o.agent.id.clone(), name: o.agent.name.clone() },
        customer: sidecar::Customer { number: o.customer_number.clone(), withheld: o.withheld },
        dialled: o.dialled.clone(),
        answered_at: o.answered_at.to_rfc3339(),
        ended_at: ended_at.to_rfc3339(),
        duration_s: (ended_at.as_us() - o.answered_at.as_us()) as f64 / 1e6,
        ended_by,
        complete: false,
        sip: sidecar::SipInfo { call_id: Some(o.call_id.clone()) },
        audio: sidecar::Audio::begin(8000, WavEncoding::PcmS16le),
        streams: Vec::new(),
        events: Vec::new(),
        retention: sidecar::Retention { until: Some(until_string(until)), hold: None },
        policy: Some(sidecar::Policy {
            retention: o.service.retention.to_string(),
            retention_bound: o.service.retention_bound,
            timezone: timezone.iana_name().map(String::from),
            hide_caller_digits: o.service.hide_caller_digits,
        }),
        extra: Default::default(),
    }
}
