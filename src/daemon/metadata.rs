//! What the signalling tells of a recording, in the form it is stored.

use crate::call::Opening;
use crate::pii::Pii;
use crate::store::amendment::Amendments;
use crate::store::calendar::due;
use crate::store::cases::{Holds, Restrictions};
use crate::store::event_kind::EventKind;
use crate::store::layout::RecordingName;
use crate::store::legible::Legible;
use crate::store::sidecar::{self, EventRecord, Sidecar};
use crate::store::wav::WavEncoding;
use crate::time::Timestamp;
use jiff::tz::TimeZone;
use std::time::Duration;

/// Its name.
pub fn name(o: &Opening) -> RecordingName {
    RecordingName::new(
        o.answered_at,
        o.agent.id.as_deref(),
        o.customer.number.as_ref().map(Pii::as_str),
        o.uuid,
    )
}

fn no_announcement(o: &Opening) -> Option<EventRecord> {
    let heard = o.before_agent.map(|b| Duration::from_nanos(b.ns.max(0) as u64))?;
    let is_short = o.service.announcement_min.0.is_some_and(|least| heard < least);
    is_short.then(|| EventRecord::new(0.0, EventKind::NoAnnouncement))
}

/// Its sidecar, without what the media tell.
pub fn sidecar(o: &Opening, timezone: &TimeZone, ended_at: Timestamp, ended_by: sidecar::EndedBy) -> Sidecar {
    let until = due(o.answered_at, o.service.retention, o.service.retention_bound, timezone);
    Sidecar {
        schema: sidecar::SCHEMA,
        id: o.uuid,
        call_group: o.call_group,
        wav: Pii::default(),
        service: Some(o.service.name.clone()),
        direction: Some(o.direction),
        agent: o.agent.clone(),
        customer: o.customer.clone(),
        dialled: o.dialled.clone(),
        answered_at: o.answered_at.whole_us(),
        ended_at: ended_at.whole_us(),
        duration_s: (ended_at.as_us() - o.answered_at.as_us()) as f64 / 1e6,
        ended_by,
        complete: false,
        sip: sidecar::SipInfo { call_id: Some(o.call_id.clone()) },
        audio: sidecar::Audio::begin(8000, WavEncoding::PcmS16le),
        streams: Vec::new(),
        events: no_announcement(o).into_iter().collect(),
        retention: sidecar::RetentionRecord { until: Some(until), hold: Holds::default() },
        policy: Some(sidecar::AppliedPolicy {
            retention: Legible::Known(o.service.retention),
            retention_bound: o.service.retention_bound,
            timezone: timezone.iana_name().map(String::from),
            hide_caller_digits: o.service.hide_caller_digits,
            silence_tones: o.service.silence_tones,
        }),
        restricted: Restrictions::default(),
        amendments: Amendments::default(),
        paused_s: 0.0,
        undecoded: None,
        assurance: None,
        before_agent_s: o.before_agent.map(|b| b.ns.max(0) as f64 / 1e9),
        before_agent_leg: o.before_agent.and_then(|b| b.leg).map(Legible::Known),
        extra: Pii::default(),
    }
}
