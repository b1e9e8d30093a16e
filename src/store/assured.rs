//! How far a recording has its call: judged by its sidecar.
//!
//! Pure, and asked again whenever a sidecar changes that is judged: when a call ends, when a crash is
//! repaired, when sound is decoded later.

use super::assurance::{Assurance, AssuranceBucket, AssuranceReason};
use super::legible::Legible;
use super::sidecar::{EndedBy, EventRecord, Sidecar};
use crate::id::Channel;

/// The kind of event that says that sound was left out on purpose from there on.
const PAUSE: &str = "pause";

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
        () if s.events.iter().any(|e| e.kind == PAUSE) => AssuranceBucket::Paused,
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
    matches!(reason, AssuranceReason::CaptureLoss | AssuranceReason::Storage | AssuranceReason::AudioLost)
}

/// What an event says against a recording.
fn of_event(e: &EventRecord, is_complete: bool) -> Option<AssuranceReason> {
    let counts = match e.kind.as_str() {
        "one_way" | "no_rtp" => true,
        // Whoever was heard later was there, and had nothing to say at first.
        "silent" => e.until_s.is_none(),
        // Where nothing is missing all the same it was decoded later, or concealed.
        "encrypted" | "undecodable" | "capture_loss" | "network_loss" => !is_complete,
        _ => false,
    };
    counts.then(|| AssuranceReason::of_event(&e.kind, e.channel)).flatten()
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
