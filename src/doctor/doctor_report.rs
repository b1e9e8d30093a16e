//! What is said of a wire: three lines for the worst, then the rest, then what was measured.

use super::diagnosis::DoctorFinding;
use super::doctor_facts::WireFacts;
use super::severity::{FindingWords, Severity};
use crate::call::Unrecorded;
use crate::custody::wall_clock::Sync;
use crate::daemon::notices::counted;
use crate::daemon::observe::unrecorded_label;
use serde_json::json;

/// Whether it is fit, in a word or two.
fn verdict(words: &[FindingWords]) -> &'static str {
    match words.first().map(|w| w.severity) {
        Some(Severity::Broken) => "not fit to record",
        Some(Severity::Impaired) => "fit to record only in part",
        Some(Severity::Remark) | None => "fit to record",
    }
}

/// For people.
pub fn text(facts: &WireFacts, findings: &[DoctorFinding]) -> String {
    let words: Vec<FindingWords> = findings.iter().map(DoctorFinding::words).collect();
    let mut text = String::new();
    for (i, w) in words.iter().enumerate() {
        let begin = match (i, w.severity) {
            (0, _) => verdict(&words),
            (_, Severity::Broken) => "broken too",
            (_, Severity::Impaired) => "impaired",
            (_, Severity::Remark) => "remark",
        };
        text += &format!("{begin} - {}\n    do: {}\n", w.wrong, w.remedy);
    }
    text += &match words.first() {
        None => format!("{}: {}\n", verdict(&words), evidence(facts)),
        Some(_) => format!("seen: {}\n", evidence(facts)),
    };
    let rows = figures(facts);
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    text.push('\n');
    for (name, value) in rows {
        text += &format!("{name:width$}  {value}\n");
    }
    text
}

/// For programs.
pub fn json(facts: &WireFacts, findings: &[DoctorFinding]) -> serde_json::Value {
    let words: Vec<FindingWords> = findings.iter().map(DoctorFinding::words).collect();
    let (s, calls) = (&facts.engine, &facts.calls);
    let is_fit = words.iter().all(|w| w.severity != Severity::Broken);
    let not_recorded: serde_json::Map<_, _> = Unrecorded::ALL
        .iter()
        .map(|u| (unrecorded_label(*u).as_str().into(), json!(s.unrecorded[*u as usize])))
        .collect();
    let drops = |of: fn(&crate::capture::live::Drops) -> u64| -> u64 {
        facts.interfaces.iter().map(|i| of(&i.drops)).sum()
    };
    json!({
        "fit": is_fit,
        "findings": words,
        "measured": {
            "seconds": facts.seconds,
            "packets": facts.frames.all,
            "dropped_kernel": drops(|d| d.kernel),
            "dropped_interface": drops(|d| d.interface),
            "vlans": facts.frames.vlans.keys().collect::<Vec<_>>(),
            "sip_requests": s.requests.iter().sum::<u64>(),
            "sip_responses": s.responses.iter().sum::<u64>(),
            "rtp_packets": facts.streams.packets,
            "rtp_streams": facts.streams.streams,
            "rtp_lost": facts.streams.lost,
            "rtp_lost_together": facts.streams.common_lost,
            "copies": facts.streams.copies + s.net.duplicates,
            "calls": calls.recorded,
            "calls_heard_on_both_sides": calls.both_heard,
            "calls_encrypted": calls.sealed,
            "calls_not_recorded": not_recorded,
            "free_bytes": facts.store.as_ref().and_then(|store| store.free),
            "sync_ms": facts.store.as_ref().and_then(|store| store.sync_ms),
        },
    })
}

/// One line of figures.
fn evidence(facts: &WireFacts) -> String {
    let (calls, s) = (&facts.calls, &facts.engine);
    let dropped: u64 = facts.interfaces.iter().map(|i| i.drops.kernel + i.drops.interface).sum();
    let dropped = match (facts.is_live, dropped) {
        (false, _) => String::new(),
        (true, 0) => ", none dropped".into(),
        (true, n) => format!(", {n} dropped"),
    };
    format!(
        "{} answered, {} of {} heard on both sides; {} and {} of RTP in {:.0} s{dropped}",
        counted(calls.recorded + s.unrecorded.iter().sum::<u64>(), "call"),
        calls.both_heard,
        calls.judged,
        counted(s.sip_messages(), "SIP message"),
        counted(facts.streams.packets, "packet"),
        facts.seconds,
    )
}

/// What was measured, a row each.
fn figures(facts: &WireFacts) -> Vec<(&'static str, String)> {
    let (s, calls, streams) = (&facts.engine, &facts.calls, &facts.streams);
    let mut rows = Vec::new();
    for i in &facts.interfaces {
        let known = if i.has_address {
            format!(" ({} of this host, {} to all or a group)", i.frames.own, i.frames.group)
        } else {
            String::new()
        };
        let drops = i.drops.kernel + i.drops.interface;
        rows.push((
            "interface",
            format!("{}: {}{known}, {drops} dropped", i.name, counted(i.frames.all, "packet")),
        ));
    }
    if !facts.is_live {
        rows.push(("capture", format!("{} in {:.1} s", counted(facts.frames.all, "packet"), facts.seconds)));
    }
    let vlans: Vec<_> = facts.frames.vlans.iter().map(|(vlan, n)| format!("{vlan} ({n})")).collect();
    rows.push(("VLANs (packets)", if vlans.is_empty() { "untagged".into() } else { vlans.join(", ") }));
    let (requests, responses): (u64, u64) = (s.requests.iter().sum(), s.responses.iter().sum());
    rows.push(("SIP", format!("{}, {}", counted(requests, "request"), counted(responses, "response"))));
    rows.push((
        "RTP",
        format!(
            "{} of {}, {} lost ({} of them in all streams at once), {} twice",
            counted(streams.packets, "packet"),
            counted(streams.streams, "stream"),
            streams.lost,
            streams.common_lost,
            streams.copies
        ),
    ));
    rows.push((
        "calls to be recorded",
        format!(
            "{}: {} long enough to judge, {} heard on both sides, {} on one, {} on none",
            calls.recorded,
            calls.judged,
            calls.both_heard,
            calls.one_heard[0] + calls.one_heard[1],
            calls.none_heard
        ),
    ));
    let left_out = Unrecorded::ALL.iter().filter(|u| s.unrecorded[**u as usize] > 0);
    let left_out: Vec<_> = left_out
        .map(|u| format!("{} {}", s.unrecorded[*u as usize], unrecorded_label(*u).as_str()))
        .collect();
    rows.push(("calls left out", if left_out.is_empty() { "none".into() } else { left_out.join(", ") }));
    if calls.sealed + calls.unsealed > 0 {
        rows.push(("calls with SRTP", format!("{} with keys, {} without", calls.unsealed, calls.sealed)));
    }
    if let Some(clock) = &facts.clock {
        let sync = match clock.sync {
            Sync::Yes => "synchronised",
            Sync::No => "not synchronised",
            Sync::Unknown => "nobody can say whether it is synchronised",
        };
        rows.push(("clock", sync.into()));
    }
    if let Some(store) = &facts.store {
        let free = store
            .free
            .map_or("unknown".into(), |free| format!("{:.1} GiB", free as f64 / (1_u64 << 30) as f64));
        let sync = store.sync_ms.map_or("not measured".into(), |ms| format!("{ms:.1} ms"));
        rows.push(("store", format!("{}: {free} free, sync {sync}", store.nearest.display())));
    }
    rows
}
