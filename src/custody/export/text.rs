//! A sidecar for people: what a data subject or an authority reads.

use super::audio::Cut;
use crate::store::sidecar::Sidecar;
use std::fmt::Write as _;

/// Plain text, a line for each thing that is known.
pub(super) fn describe(s: &Sidecar, cut: &Cut) -> String {
    let or = |text: &Option<String>, other: &str| text.clone().unwrap_or_else(|| other.into());
    let customer = match (&s.customer.number, s.customer.withheld) {
        (_, true) => "withheld by the caller".into(),
        (number, false) => or(number, "not kept"),
    };
    let agent = match (&s.agent.id, &s.agent.name) {
        (Some(id), Some(name)) => format!("{name} ({id})"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => "unknown".into(),
    };
    let direction = s.direction.map_or("unknown".into(), |d| format!("{d:?}").to_lowercase());
    let lines = [
        ("Recording", s.id.to_string()),
        ("Contact", s.call_group.to_string()),
        ("Service", or(&s.service, "unknown")),
        ("Direction", direction),
        ("Customer", customer),
        ("Agent", agent),
        ("Number called", or(&s.dialled, "unknown")),
        ("Answered", s.answered_at.clone()),
        ("Ended", s.ended_at.clone()),
        ("Length", format!("{:.3} s", s.duration_s)),
        ("Complete", if s.complete { "yes" } else { "no: part of the call is missing" }.into()),
        ("Kept until", or(&s.retention.until, "no date set")),
    ];
    let mut text = String::from("Recording of a telephone call\n\n");
    for (name, value) in lines {
        // Values come from the network: a line break in one would forge a line.
        let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = writeln!(text, "{name:<14}  {value}");
    }
    let _ = writeln!(text, "\nThe audio has two channels: left the customer, right the agent.");
    if cut.is_whole() {
        let _ = writeln!(text, "It is the whole recording, unchanged.");
    } else {
        let _ = writeln!(text, "It is the part from {:.3} s to {:.3} s.", cut.start_s(), cut.end_s());
        if let Some(silenced) = cut.silence() {
            let _ = writeln!(text, "The {} is silenced.", silenced.name());
        }
    }
    text
}
