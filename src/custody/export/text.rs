//! A sidecar for people: what a data subject or an authority reads.

use super::audio::Excerpt;
use crate::config::CallDirection;
use crate::pii::Pii;
use crate::store::sidecar::Sidecar;
use crate::time::Timestamp;
use jiff::tz::TimeZone;
use std::fmt::Write as _;

/// Plain text, a line for each thing that is known.
pub(super) fn describe(s: &Sidecar, cut: &Excerpt, zone: &TimeZone) -> String {
    let or = |text: Option<&str>, other: &str| text.unwrap_or(other).to_owned();
    let customer = match (&s.customer.number, s.customer.withheld) {
        (_, true) => "withheld by the caller".into(),
        (number, false) => or(number.as_ref().map(Pii::as_str), "not kept"),
    };
    let agent = match (&s.agent.id, &s.agent.name) {
        (Some(id), Some(name)) => format!("{name} ({id})"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => "unknown".into(),
    };
    let direction = s.direction.map_or("unknown", CallDirection::name).to_owned();
    let lines = [
        ("Recording", s.id.to_string()),
        ("Contact", s.call_group.to_string()),
        ("Service", or(s.service.as_deref(), "unknown")),
        ("Direction", direction),
        ("Customer", customer),
        ("Agent", agent),
        ("Number called", or(s.dialled.as_ref().map(Pii::as_str), "unknown")),
        ("Answered", local(s.answered_at, zone)),
        ("Ended", local(s.ended_at, zone)),
        ("Length", format!("{:.3} s", s.duration_s)),
        ("Complete", if s.complete { "yes" } else { "no: part of the call is missing" }.into()),
        ("Kept until", s.retention.until.map_or_else(|| "no date set".into(), |at| local(at, zone))),
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

/// On the wall of the office, and how far that is from UTC.
fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_jiff().to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_office() {
        let zone = TimeZone::get("Europe/Helsinki").unwrap();
        let local = |text| local(Timestamp::parse_rfc3339(text).unwrap(), &zone);
        assert_eq!(local("2026-11-23T22:15:23.120000Z"), "2026-11-24 00:15:23 +02:00");
        assert_eq!(local("2026-07-01T00:00:00Z"), "2026-07-01 03:00:00 +03:00");
    }
}
