//! What is told of a recording that is stored.

use super::observe::bucket_label;
use crate::call::Opening;
use crate::store::assured::never_heard;
use crate::store::event_kind::EventKind;
use crate::store::legible::Legible;
use crate::store::sidecar::{EndedBy, Sidecar};
use crate::telemetry::Metrics;
use crate::telemetry::events::{About, Event};
use crate::telemetry::label::CallBucket;
use std::time::Duration;

/// It is stored under its final name.
pub(super) fn report_recorded(about: About<'_>, o: &Opening, s: &Sidecar, metrics: &Metrics) {
    let assurance = s.assurance.as_ref().and_then(Legible::known);
    let bucket = assurance.map_or(CallBucket::Partial, |a| bucket_label(a.bucket));
    let reasons: Vec<&str> = assurance.iter().flat_map(|a| &a.reasons).map(|r| r.name()).collect();
    Event::RecordingCompleted {
        about,
        ended_by: s.ended_by,
        duration: Duration::from_secs_f64(s.duration_s.max(0.0)),
        complete: s.complete,
        one_way: never_heard(s).is_some(),
        bucket,
        reasons: &reasons.join(","),
    }
    .emit(metrics);
    if s.events.iter().any(|e| e.kind == EventKind::NoAnnouncement) {
        let heard_ns = o.before_agent.map_or(0, |b| b.ns.max(0));
        Event::AnnouncementShort { about, heard: Duration::from_nanos(heard_ns as u64) }.emit(metrics);
    }
}

/// It was there before, whatever it says.
pub(super) fn report_existing(about: About<'_>, ended_by: EndedBy, metrics: &Metrics) {
    Event::RecordingCompleted {
        about,
        ended_by,
        duration: Duration::ZERO,
        complete: true,
        one_way: false,
        bucket: CallBucket::Complete,
        reasons: "",
    }
    .emit(metrics);
}
