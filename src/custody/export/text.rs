//! A sidecar for people: what a data subject or an authority reads.

use super::audio::Cut;
use crate::store::sidecar::{Sidecar, parse_rfc3339};
use jiff::tz::TimeZone;
use std::fmt::Write as _;

/// Plain text, a line for each thing that is known.
pub(super) fn describe(s: &Sidecar, cut: &Cut, zone: &TimeZone) -> String {
    let at = |text: &String| local(text, zone);
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
        ("Answered", at(&s.answered_at)),
        ("Ended", at(&s.ended_at)),
        ("Length", format!("{:.3} s", s.duration_s)),
        ("Complete", if s.complete { "yes" } else { "no: part of the call is missing" }.into()),
        ("Kept until", s.retention.until.as_ref().map_or_else(|| "no date set".into(), at)),
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

/// On the wall of the office, and how far that is from UTC; what is no time as it stands there.
fn local(text: &str, zone: &TimeZone) -> String {
    let Some(at) = parse_rfc3339(text) else { return text.to_owned() };
    at.to_jiff().to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_office() {
        let zone = TimeZone::get("Europe/Helsinki").unwrap();
        assert_eq!(local("2026-11-23T22:15:23.120000Z", &zone), "2026-11-24 00:15:23 +02:00");
        assert_eq!(local("2026-07-01T00:00:00Z", &zone), "2026-07-01 03:00:00 +03:00");
        assert_eq!(local("some day", &zone), "some day");
    }
}
