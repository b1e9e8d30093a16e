//! How far a recording has its call: judged by its sidecar.
//!
//! Pure, and asked again whenever a sidecar changes that is judged: when a call ends, when a crash is
//! repaired, when sound is decoded later.

use super::assurance::{Assurance, AssuranceBucket, AssuranceReason};
use super::event_kind::EventKind;
use super::legible::Legible;
use super::sidecar::{EndedBy, EventRecord, Sidecar};
use crate::id::Channel;
use crate::tape::FaultKind;

/// The bucket of a call that was recorded. `known`: reasons that the sidecar does not tell, because
/// they are the recorder's own; they count only where it says that something is missing.
pub fn assured(s: &Sidecar, known: &[AssuranceReason]) -> Assurance {
    let mut reasons: Vec<AssuranceReason> = never_heard(s).into_iter().collect();
    reasons.extend(s.events.iter().filter_map(|e| of_event(e, s.complete)));
    if !s.complete {
        reasons.extend(known);
        let end = ended_unseen(s.ended_by);
        // An end that was not seen is reason enough.
        if end.is_none() && !reasons.iter().any(|r| r.is_of_sound()) {
            let is_lost = s.streams.iter().any(|stream| stream.lost > 0);
            reasons.push(if is_lost { AssuranceReason::NetworkLoss } else { AssuranceReason::AudioLost });
        }
        reasons.extend(end);
    }
    reasons.sort_unstable();
    reasons.dedup();
    let bucket = match () {
        () if !reasons.is_empty() => AssuranceBucket::Partial,
        () if s.events.iter().any(|e| e.kind == EventKind::Pause) => AssuranceBucket::Paused,
        () => AssuranceBucket::Complete,
    };
    Assurance { bucket, reasons }
}

/// Judges a sidecar that was judged before and has changed: what the recorder knew of it still counts.
pub fn judge_again(s: &mut Sidecar) {
    let known = match &s.assurance {
        Some(Legible::Known(before)) => {
            before.reasons.iter().copied().filter(|r| is_recorders_own(*r)).collect()
        }
        // What this release cannot read stays as it is.
        Some(Legible::Unknown(_)) => return,
        None => Vec::new(),
    };
    s.assurance = Some(Legible::Known(assured(s, &known)));
}

const fn is_recorders_own(reason: AssuranceReason) -> bool {
    reason.is_of_sound() && !matches!(reason, AssuranceReason::NetworkLoss)
}

/// What an event says against a recording.
fn of_event(e: &EventRecord, is_complete: bool) -> Option<AssuranceReason> {
    let EventKind::Fault(kind) = e.kind.known()? else { return None };
    let counts = match kind {
        FaultKind::OneWay | FaultKind::NoRtp => true,
        // Whoever was heard later was there, and had nothing to say at first.
        FaultKind::Silent => e.end_s.is_none(),
        // Where nothing is missing all the same it was decoded later, or concealed.
        FaultKind::Encrypted | FaultKind::Undecodable | FaultKind::CaptureLoss | FaultKind::NetworkLoss => {
            !is_complete
        }
        FaultKind::Quiet | FaultKind::Clipped => false,
    };
    counts.then(|| AssuranceReason::of_fault(kind, e.channel)).flatten()
}

/// Whom a recording has nothing of, though it has the other side.
pub fn never_heard(s: &Sidecar) -> Option<AssuranceReason> {
    let is_heard = |channel| s.streams.iter().any(|t| t.channel == channel && t.packets > 0);
    match Channel::BOTH.map(is_heard) {
        [false, true] => Some(AssuranceReason::OneWayCustomer),
        [true, false] => Some(AssuranceReason::OneWayAgent),
        [true, true] | [false, false] => None,
    }
}

fn ended_unseen(by: EndedBy) -> Option<AssuranceReason> {
    match by {
        EndedBy::Timeout => Some(AssuranceReason::Timeout),
        EndedBy::Shutdown => Some(AssuranceReason::Shutdown),
        EndedBy::Recovered => Some(AssuranceReason::Recovered),
        EndedBy::CaptureEnd => Some(AssuranceReason::CaptureEnd),
        EndedBy::Customer | EndedBy::Agent | EndedBy::Transfer => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::assurance::AssuranceReason as Why;
    use serde_json::{Value, json};

    /// A recording of these streams (channel, packets lost) and events.
    fn sidecar(ended_by: &str, complete: bool, streams: &[(&str, u64)], events: &[Value]) -> Sidecar {
        let stream = |(channel, lost): &(&str, u64)| {
            json!({ "channel": channel, "codec": "PCMA", "ssrc": "0x1", "packets": 50, "lost": lost, "late": 0,
                "duplicates": 0, "jitter_ms": 0.0, "mos": null })
        };
        let id = uuid::Uuid::nil();
        let value = json!({
            "schema": 1, "id": id, "call_group": id, "wav": "a.wav", "service": null, "direction": null,
            "agent": { "id": null, "name": null }, "customer": { "number": null, "withheld": false },
            "answered_at": "2026-11-23T08:15:23Z", "ended_at": "2026-11-23T08:15:33Z", "duration_s": 10.0,
            "ended_by": ended_by, "complete": complete, "sip": { "call_id": null },
            "audio": { "sample_rate": 8000, "encoding": "pcm_s16le", "channels": ["customer", "agent"], "frames": 0,
                "sha256": "" },
            "streams": streams.iter().map(stream).collect::<Vec<_>>(), "events": events,
            "retention": { "until": null, "hold": null },
        });
        serde_json::from_value(value).expect("a sidecar")
    }

    fn fault(kind: &str, channel: Option<&str>, end_s: Option<f64>) -> Value {
        json!({ "at_s": 1.0, "kind": kind, "channel": channel, "end_s": end_s })
    }

    #[test]
    fn one_bucket_and_every_reason() {
        let both = [("customer", 0), ("agent", 0)];
        let lossy = [("customer", 9), ("agent", 0)];
        let c = Some("customer");
        let pause = || json!({ "at_s": 2.0, "kind": "pause" });
        type Row<'a> = (Sidecar, &'a [Why], AssuranceBucket, &'a [Why]);
        let rows: [Row<'_>; 19] = [
            (sidecar("agent", true, &both, &[]), &[Why::Storage], AssuranceBucket::Complete, &[]),
            (sidecar("agent", true, &lossy, &[]), &[], AssuranceBucket::Complete, &[]),
            (sidecar("agent", true, &[], &[]), &[], AssuranceBucket::Complete, &[]),
            (sidecar("agent", true, &both, &[pause()]), &[], AssuranceBucket::Paused, &[]),
            (sidecar("timeout", false, &both, &[pause()]), &[], AssuranceBucket::Partial, &[Why::Timeout]),
            (sidecar("agent", true, &both[..1], &[]), &[], AssuranceBucket::Partial, &[Why::OneWayAgent]),
            (sidecar("agent", true, &both[1..], &[]), &[], AssuranceBucket::Partial, &[Why::OneWayCustomer]),
            (
                sidecar(
                    "agent",
                    true,
                    &both,
                    &[fault("one_way", c, Some(7.0)), fault("one_way", c, Some(9.0))],
                ),
                &[],
                AssuranceBucket::Partial,
                &[Why::OneWayCustomer],
            ),
            (
                sidecar("agent", true, &both, &[fault("no_rtp", None, Some(7.0))]),
                &[],
                AssuranceBucket::Partial,
                &[Why::NoRtp],
            ),
            (
                sidecar("agent", true, &both, &[fault("silent", c, None)]),
                &[],
                AssuranceBucket::Partial,
                &[Why::SilentCustomer],
            ),
            (
                sidecar("agent", true, &both, &[fault("silent", c, Some(8.0))]),
                &[],
                AssuranceBucket::Complete,
                &[],
            ),
            (
                sidecar("agent", true, &both, &[fault("clipped", c, None), fault("quiet", c, None)]),
                &[],
                AssuranceBucket::Complete,
                &[],
            ),
            (
                sidecar("agent", true, &both, &[fault("network_loss", c, None)]),
                &[],
                AssuranceBucket::Complete,
                &[],
            ),
            (sidecar("agent", false, &lossy, &[]), &[], AssuranceBucket::Partial, &[Why::NetworkLoss]),
            (
                sidecar("agent", false, &lossy, &[]),
                &[Why::CaptureLoss],
                AssuranceBucket::Partial,
                &[Why::CaptureLoss],
            ),
            (sidecar("agent", false, &both, &[]), &[], AssuranceBucket::Partial, &[Why::AudioLost]),
            (
                sidecar("agent", false, &both, &[fault("encrypted", c, None)]),
                &[Why::UndecodableAgent],
                AssuranceBucket::Partial,
                &[Why::EncryptedCustomer, Why::UndecodableAgent],
            ),
            (sidecar("capture_end", true, &both, &[]), &[], AssuranceBucket::Complete, &[]),
            (
                sidecar("shutdown", false, &both[..1], &[]),
                &[Why::Storage],
                AssuranceBucket::Partial,
                &[Why::OneWayAgent, Why::Storage, Why::Shutdown],
            ),
        ];
        for (n, (s, known, bucket, reasons)) in rows.into_iter().enumerate() {
            let got = assured(&s, known);
            assert_eq!((got.bucket, &got.reasons[..]), (bucket, reasons), "row {n}");
        }
    }

    #[test]
    fn what_is_judged_again_keeps_what_only_the_recorder_knew() {
        let both = [("customer", 0), ("agent", 0)];
        let mut s = sidecar("agent", false, &both, &[fault("undecodable", Some("agent"), None)]);
        s.assurance = Some(Legible::Known(assured(&s, &[Why::Storage, Why::UndecodableAgent])));
        judge_again(&mut s);
        let reasons = |s: &Sidecar| s.assurance.as_ref().and_then(Legible::known).map(|a| a.reasons.clone());
        assert_eq!(reasons(&s), Some(vec![Why::UndecodableAgent, Why::Storage]));
        s.complete = true;
        judge_again(&mut s);
        assert_eq!(reasons(&s), Some(vec![]), "decoded later");
        s.ended_by = EndedBy::Recovered;
        s.complete = false;
        s.assurance = None;
        judge_again(&mut s);
        assert_eq!(reasons(&s), Some(vec![Why::UndecodableAgent, Why::Recovered]));
        let later: Value = json!({ "bucket": "of a later release", "reasons": [] });
        s.assurance = serde_json::from_value(later.clone()).ok();
        judge_again(&mut s);
        assert_eq!(serde_json::to_value(&s.assurance).ok(), Some(later), "kept as it came");
    }
}
