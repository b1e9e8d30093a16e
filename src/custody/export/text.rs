//! A sidecar for people: what a data subject or an authority reads, in his language.

use super::audio::Excerpt;
use crate::config::CallDirection;
use crate::config::Language;
use crate::id::Channel;
use crate::pii::Pii;
use crate::store::legible::Legible;
use crate::store::sidecar::Sidecar;
use crate::time::Timestamp;
use jiff::tz::TimeZone;
use std::fmt::Write as _;

/// Words of one language.
struct Words {
    title: &'static str,
    recording: &'static str,
    contact: &'static str,
    service: &'static str,
    direction: &'static str,
    directions: [&'static str; 3],
    customer: &'static str,
    agent: &'static str,
    dialled: &'static str,
    answered: &'static str,
    ended: &'static str,
    length: &'static str,
    complete: &'static str,
    paused: [&'static str; 2],
    yes: &'static str,
    partial: &'static str,
    until: &'static str,
    no_date: &'static str,
    note: &'static str,
    withheld: &'static str,
    not_kept: &'static str,
    unknown: &'static str,
    channels: &'static str,
    whole: &'static str,
    part: [&'static str; 3],
    silenced: [&'static str; 2],
}

const FI: Words = Words {
    title: "Puhelun tallenne",
    recording: "Tallenne",
    contact: "Yhteydenotto",
    service: "Palvelu",
    direction: "Suunta",
    directions: ["saapuva", "lähtevä", "sisäinen"],
    customer: "Asiakas",
    agent: "Työntekijä",
    dialled: "Valittu numero",
    answered: "Vastattu",
    ended: "Päättyi",
    length: "Kesto",
    complete: "Kokonainen",
    paused: ["Tauolla", "tallennus oli keskeytetty; siltä ajalta on hiljaisuutta"],
    yes: "kyllä",
    partial: "ei: osa puhelusta puuttuu",
    until: "Säilytetään",
    no_date: "päivää ei ole asetettu",
    note: "Lisäys",
    withheld: "soittaja salasi numeronsa",
    not_kept: "ei säilytetä",
    unknown: "ei tiedossa",
    channels: "Äänessä on kaksi kanavaa: vasemmalla asiakas, oikealla työntekijä.",
    whole: "Tämä on koko tallenne muuttamattomana.",
    part: ["Tämä on osa tallenteesta, kohdasta", "kohtaan", "sekuntia."],
    silenced: ["Asiakas on vaimennettu.", "Työntekijä on vaimennettu."],
};

const SV: Words = Words {
    title: "Inspelning av ett telefonsamtal",
    recording: "Inspelning",
    contact: "Kontakt",
    service: "Tjänst",
    direction: "Riktning",
    directions: ["inkommande", "utgående", "internt"],
    customer: "Kund",
    agent: "Medarbetare",
    dialled: "Uppringt nummer",
    answered: "Besvarat",
    ended: "Avslutat",
    length: "Längd",
    complete: "Fullständig",
    paused: ["Pausad", "inspelningen var pausad; den tiden är tyst"],
    yes: "ja",
    partial: "nej: en del av samtalet saknas",
    until: "Bevaras till",
    no_date: "inget datum har satts",
    note: "Tillägg",
    withheld: "uppringaren dolde sitt nummer",
    not_kept: "bevaras inte",
    unknown: "okänt",
    channels: "Ljudet har två kanaler: kunden till vänster, medarbetaren till höger.",
    whole: "Detta är hela inspelningen, oförändrad.",
    part: ["Detta är en del av inspelningen, från", "till", "sekunder."],
    silenced: ["Kunden har tystats.", "Medarbetaren har tystats."],
};

const EN: Words = Words {
    title: "Recording of a telephone call",
    recording: "Recording",
    contact: "Contact",
    service: "Service",
    direction: "Direction",
    directions: ["inbound", "outbound", "internal"],
    customer: "Customer",
    agent: "Agent",
    dialled: "Number called",
    answered: "Answered",
    ended: "Ended",
    length: "Length",
    complete: "Complete",
    paused: ["Paused", "the recording was paused; that time is silence"],
    yes: "yes",
    partial: "no: part of the call is missing",
    until: "Kept until",
    no_date: "no date set",
    note: "Added",
    withheld: "withheld by the caller",
    not_kept: "not kept",
    unknown: "unknown",
    channels: "The audio has two channels: left the customer, right the agent.",
    whole: "It is the whole recording, unchanged.",
    part: ["It is the part from", "to", "seconds."],
    silenced: ["The customer is silenced.", "The agent is silenced."],
};

/// Plain text, a line for each thing that is known.
pub(super) fn describe(s: &Sidecar, cut: &Excerpt, zone: &TimeZone, language: Language) -> String {
    let w = match language {
        Language::Fi => &FI,
        Language::Sv => &SV,
        Language::En => &EN,
    };
    let mut text = format!("{}\n\n", w.title);
    for (name, value) in lines(s, zone, w) {
        // Values come from the network: a line break in one would forge a line.
        let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = writeln!(text, "{name:<15}  {value}");
    }
    let _ = writeln!(text, "\n{}", w.channels);
    if cut.is_whole() {
        let _ = writeln!(text, "{}", w.whole);
    } else {
        let [from, to, seconds] = w.part;
        let _ = writeln!(text, "{from} {:.3} {to} {:.3} {seconds}", cut.start_s(), cut.end_s());
        if let Some(silenced) = cut.silence() {
            let [customer, agent] = w.silenced;
            let _ = writeln!(text, "{}", if silenced == Channel::Customer { customer } else { agent });
        }
    }
    text
}

fn lines(s: &Sidecar, zone: &TimeZone, w: &Words) -> Vec<(&'static str, String)> {
    let or = |text: Option<&str>, other: &str| text.unwrap_or(other).to_owned();
    let customer = match (&s.customer.number, s.customer.withheld) {
        (_, true) => w.withheld.into(),
        (number, false) => or(number.as_ref().map(Pii::as_str), w.not_kept),
    };
    let agent = match (&s.agent.id, s.agent.name.as_ref().map(Pii::expose)) {
        (Some(id), Some(name)) => format!("{name} ({id})"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => w.unknown.into(),
    };
    let [inbound, outbound, internal] = w.directions;
    let direction = s.direction.map_or(w.unknown, |direction| match direction {
        CallDirection::Inbound => inbound,
        CallDirection::Outbound => outbound,
        CallDirection::Internal => internal,
    });
    let mut lines = vec![
        (w.recording, s.id.to_string()),
        (w.contact, s.call_group.to_string()),
        (w.service, or(s.service.as_deref(), w.unknown)),
        (w.direction, direction.to_owned()),
        (w.customer, customer),
        (w.agent, agent),
        (w.dialled, or(s.dialled.as_ref().map(Pii::as_str), w.unknown)),
        (w.answered, local(s.answered_at, zone)),
        (w.ended, local(s.ended_at, zone)),
        (w.length, format!("{:.3} s", s.duration_s)),
        (w.complete, if s.complete { w.yes } else { w.partial }.into()),
        (w.until, s.retention.until.map_or_else(|| w.no_date.into(), |at| local(at, zone))),
    ];
    if s.paused_s > 0.0 {
        let [paused, why] = w.paused;
        lines.push((paused, format!("{:.1} s: {why}", s.paused_s)));
    }
    if let Legible::Known(all) = &s.amendments {
        lines.extend(all.iter().filter_map(|one| Some((w.note, one.note.as_ref()?.as_str().to_owned()))));
    }
    lines
}

/// On the wall of the office, and how far that is from UTC.
fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.on_the_wall(zone, "%Y-%m-%d %H:%M:%S %:z")
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
