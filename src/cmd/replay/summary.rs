//! What a replay came to, for people and for programs.

use crate::cmd::columns::{Grid, Layout};
use crate::cmd::output::{self, plain};
use crate::config::{CallDirection, TunnelKind};
use crate::daemon::notices::{self, counted, instead_of_sip, notices};
use crate::daemon::observe::{RecordingOutcome, unrecorded_label};
use crate::daemon::replay::Replayed;
use crate::daemon::unrecorded::{began, by_failure, by_rule};
use crate::pii::Pii;
use crate::store::register::RegisterEntry;
use crate::store::sidecar::Sidecar;
use crate::telemetry::label::UnrecordedReason;
use crate::time::Timestamp;
use serde_json::json;
use std::path::Path;

/// Sound that a packet has at least, seconds: one that has less was not sent for speech.
const LEAST_IN_A_PACKET: f64 = 0.005;
/// No capture of several queues or interfaces is out of order by so much, nanoseconds.
const JOINED_NS: u64 = 1_000_000_000;
/// A recording this much shorter than its sound was not captured while it was spoken.
const FASTER: f64 = 2.0;

/// Everything that went by unread or cannot be as it seems, a sentence each.
pub(super) fn warnings(done: &Replayed, sip_ports: &[u16]) -> Vec<String> {
    let mut all = done.warnings.clone();
    all.extend(notices(&done.stats, sip_ports).iter().map(|n| notices::text(n, &done.stats, sip_ports)));
    all.extend(instead_of_sip(&done.stats, sip_ports));
    if done.stats.net.farthest_back_ns > JOINED_NS {
        let back_s = done.stats.net.farthest_back_ns as f64 / 1e9;
        all.push(format!(
            "time runs backwards by up to {back_s:.1} s within a capture, as in files that were joined one behind the \
             other: calls may be missing. Name the files one by one, or put the packets in order with reordercap"
        ));
    }
    let hurried = recorded(done).filter(|r| came_too_fast(r)).count();
    if hurried > 0 {
        all.push(format!(
            "in {} the packets came faster than their sound lasts: the times of the capture are not those of the \
             call (tcpreplay --topspeed, text2pcap without -t)",
            counted(hurried as u64, "recording")
        ));
    }
    all
}

fn recorded(done: &Replayed) -> impl Iterator<Item = &Sidecar> {
    done.outcomes.iter().filter_map(|o| match o {
        RecordingOutcome::Recorded(s) => Some(&**s),
        RecordingOutcome::Existed(_) | RecordingOutcome::Failed { .. } => None,
    })
}

fn came_too_fast(r: &Sidecar) -> bool {
    let sound = |packets: u64| packets as f64 * LEAST_IN_A_PACKET;
    r.streams.iter().any(|s| s.packets > 2 && sound(s.packets) > FASTER * r.duration_s)
}

/// Answered calls that were not recorded, by reason; those that are nought too.
fn unrecorded(done: &Replayed) -> impl Iterator<Item = (UnrecordedReason, u64)> {
    crate::call::Unrecorded::ALL.iter().map(|u| (unrecorded_label(*u), done.stats.unrecorded[*u as usize]))
}

/// One JSON object.
pub(super) fn json(done: &Replayed, warnings: &[String], root: &Path) -> anyhow::Result<String> {
    let s = &done.stats;
    let recordings: Vec<_> = recorded(done).map(|r| row_json(r, root)).collect();
    let existed: Vec<_> = done
        .outcomes
        .iter()
        .filter(|o| matches!(o, RecordingOutcome::Existed(_)))
        .map(RecordingOutcome::id)
        .collect();
    let failed: Vec<_> = done
        .outcomes
        .iter()
        .filter_map(|o| match o {
            RecordingOutcome::Failed { id, call_id, reason, .. } => {
                Some(json!({ "id": id, "call_id": call_id, "reason": reason.as_str() }))
            }
            RecordingOutcome::Recorded(_) | RecordingOutcome::Existed(_) => None,
        })
        .collect();
    let unrecorded: serde_json::Map<_, _> =
        unrecorded(done).map(|(reason, n)| (reason.as_str().to_string(), json!(n))).collect();
    let tunnels = TunnelKind::ALL.iter().zip(s.net.tunnels_refused).filter(|(_, n)| *n > 0);
    let tunnels: serde_json::Map<_, _> =
        tunnels.map(|(kind, n)| (kind.as_str().to_string(), json!(n))).collect();
    let summary = json!({
        "dir": root,
        "packets": s.net.frames,
        "bytes": s.net.bytes,
        "sip_messages": s.sip_messages(),
        "sip_parse_errors": s.sip_parse_errors,
        "rtp_recorded": s.rtp_recorded,
        "rtp_unmatched": s.rtp_unmatched,
        "recordings": recordings,
        "existed": existed,
        "failed": failed,
        "unrecorded": unrecorded,
        "decisions": decisions(done),
        "tunnels_refused": tunnels,
        "time_went_back": s.net.backwards,
        "warnings": warnings,
    });
    Ok(output::json(&summary)?)
}

/// What was decided of every answered call, in order of time: recorded, failed, or why not.
fn decisions(done: &Replayed) -> Vec<serde_json::Value> {
    let not = done.not_recorded.iter().map(|n| {
        let reason = unrecorded_label(n.reason);
        let call_id = (!n.call_id.is_empty()).then_some(&n.call_id);
        let (reason, meaning) = (reason.as_str(), reason.describe());
        (n.at, json!({ "call_id": call_id, "decision": "unrecorded", "reason": reason, "meaning": meaning }))
    });
    let tried = done.outcomes.iter().map(|o| match o {
        RecordingOutcome::Recorded(r) => {
            (r.answered_at, json!({ "call_id": r.sip.call_id, "decision": "recorded", "id": r.id }))
        }
        RecordingOutcome::Existed(id) => (began(id), json!({ "decision": "existed", "id": id })),
        RecordingOutcome::Failed { id, call_id, reason, .. } => {
            let (reason, meaning) = (reason.as_str(), reason.describe());
            let told = json!({ "call_id": call_id, "decision": "failed", "id": id, "reason": reason, "meaning": meaning });
            (began(id), told)
        }
    });
    let mut all: Vec<_> = not.chain(tried).collect();
    all.sort_by_key(|(at, _)| *at);
    let stamped = |(at, mut told): (Timestamp, serde_json::Value)| {
        told["at"] = json!(at);
        told
    };
    all.into_iter().map(stamped).collect()
}

/// The answered calls that were not recorded, as the register has them.
pub(super) fn not_recorded(done: &Replayed) -> Vec<RegisterEntry> {
    let ruled = done.left_out.iter().map(by_rule);
    ruled.chain(done.outcomes.iter().filter_map(by_failure)).collect()
}

fn row_json(r: &Sidecar, root: &Path) -> serde_json::Value {
    json!({
        "id": r.id,
        "wav": wav_path(r, root),
        "service": r.service,
        "direction": r.direction,
        "agent": r.agent.id,
        "customer": r.customer.number.as_ref().map(Pii::as_str),
        "answered_at": r.answered_at,
        "duration_s": r.duration_s,
        "ended_by": r.ended_by,
        "complete": r.complete,
        "assurance": r.assurance,
    })
}

fn wav_path(r: &Sidecar, root: &Path) -> std::path::PathBuf {
    root.join(crate::store::layout::day_folder(r.answered_at)).join(r.wav.expose())
}

/// A path as it is shortest from here.
fn shown(path: &Path) -> &Path {
    let here = std::env::current_dir().ok();
    here.and_then(|here| path.strip_prefix(here).ok()).filter(|p| !p.as_os_str().is_empty()).unwrap_or(path)
}

/// A table, and what there is to say below it.
pub(super) fn text(done: &Replayed, root: &Path) -> String {
    let mut text = String::new();
    let recordings = recorded(done).count();
    if recordings > 0 {
        text += &(table(done, root) + "\n");
    }
    for o in &done.outcomes {
        match o {
            RecordingOutcome::Recorded(_) => {}
            RecordingOutcome::Existed(id) => {
                text += &format!("{id} is there already and was left as it is\n")
            }
            RecordingOutcome::Failed { id, reason, .. } => {
                text += &format!("{id} not recorded ({reason}): {}\n", reason.describe());
            }
        }
    }
    if recorded(done).any(|r| !r.complete) {
        text += "* not complete: its start or end was not seen, or audio is missing or cannot be decoded\n";
    }
    let s = &done.stats;
    let existed = done.outcomes.iter().any(|o| matches!(o, RecordingOutcome::Existed(_)));
    let noun = if existed { "new recording" } else { "recording" };
    text += &format!(
        "{} in {} from {} ({}, {} recorded, {} of no known call)\n",
        counted(recordings as u64, noun),
        shown(root).display(),
        counted(s.net.frames, "packet"),
        counted(s.sip_messages(), "SIP message"),
        counted(s.rtp_recorded, "RTP packet"),
        s.rtp_unmatched,
    );
    if s.sip_messages() > 0 && done.outcomes.is_empty() && unrecorded(done).all(|(_, n)| n == 0) {
        text += "no call was answered in what was captured\n";
    }
    for (reason, n) in unrecorded(done).filter(|(_, n)| *n > 0) {
        let calls = counted(n, "answered call");
        text += &format!("{calls} not recorded ({reason}): {}\n", reason.describe());
    }
    text
}

fn table(done: &Replayed, root: &Path) -> String {
    let heads =
        ["answered (UTC)", "duration", "service", "direction", "agent", "customer", "ended by", "file"];
    let mut grid = Grid::default();
    for r in recorded(done) {
        let customer = match (&r.customer.number, r.customer.withheld) {
            (Some(n), _) => n.as_str(),
            (None, true) => "withheld",
            (None, false) => "-",
        };
        let answered = r.answered_at.to_jiff().strftime("%Y-%m-%dT%H:%M:%S").to_string();
        grid.row([
            answered.as_str(),
            &format!("{:.1} s{}", r.duration_s, if r.complete { "" } else { " *" }),
            &plain(r.service.as_deref().unwrap_or("-")),
            r.direction.map_or("-", CallDirection::name),
            &short(&plain(r.agent.id.as_deref().unwrap_or("-"))),
            &plain(customer),
            r.ended_by.name(),
            &plain(&shown(&wav_path(r, root)).to_string_lossy()),
        ]);
    }
    Layout::new(heads).lines(&grid)
}

/// An agent's id as far as a column of a table has room for it: strangers choose some of them.
fn short(id: &str) -> String {
    const WIDEST: usize = 24;
    match id.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}\u{2026}", &id[..end]),
        None => id.to_owned(),
    }
}
