//! In which bucket a recorded call ends and why, and what of its sound was found faulty, when, on
//! which side.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side};
use crate::common::run::{Recording, assurances, files};
use crate::common::sdp::{Line, description};
use crate::common::voice::{Fate, Packet, Voice, encrypted};
use crate::kit::*;
use serde_json::{Value, json};

/// When the calls are answered, ms.
const ANSWER: f64 = 1000.0;

/// Both directions, with the side of the ladder that is the customer's.
fn both_ways() -> [(Dialog, Side); 2] {
    [(Dialog::new(1), Caller), (Dialog::outbound(2), Callee)]
}

/// The channel of a side.
fn channel(customer: Side, side: Side) -> &'static str {
    if side == customer { "customer" } else { "agent" }
}

/// A call whose sides send these packets, hung up at `end`.
fn call_of(d: &Dialog, sent: [&[Packet]; 2], end: f64, more: impl FnOnce(&mut Scene)) -> Scene {
    let mut s = Scene::new();
    d.answered(&mut s, 200.0, ANSWER);
    sent.iter().for_each(|packets| s.media(packets));
    more(&mut s);
    d.bye(&mut s, end, Caller);
    s
}

/// Bucket and reasons.
#[track_caller]
fn assured(r: &Recording, bucket: &str, reasons: &[&str]) {
    assert_eq!(r.json["assurance"], json!({ "bucket": bucket, "reasons": reasons }), "{}", r.json);
}

/// Faults: kind, channel, seconds from and until.
type Fault<'a> = (&'a str, Option<&'a str>, f64, Option<f64>);

/// These faults and no others, within a quarter of a second.
#[track_caller]
fn faults(r: &Recording, want: &[Fault<'_>]) {
    const KINDS: [&str; 9] = [
        "no_rtp",
        "one_way",
        "silent",
        "quiet",
        "clipped",
        "undecodable",
        "encrypted",
        "network_loss",
        "capture_loss",
    ];
    let all = r.json["events"].as_array().unwrap().iter();
    let got: Vec<&Value> = all.filter(|e| KINDS.contains(&e["kind"].as_str().unwrap())).collect();
    let near = |a: &Value, b: f64| (a.as_f64().unwrap() - b).abs() < 0.25;
    let is = |(e, (kind, channel, at, until)): (&&Value, &Fault<'_>)| {
        let is_over = match until {
            Some(until) => near(&e["end_s"], *until),
            None => e["end_s"].is_null(),
        };
        e["kind"] == *kind && e["channel"].as_str() == *channel && near(&e["at_s"], *at) && is_over
    };
    assert!(got.len() == want.len() && got.iter().zip(want).all(is), "{want:?}\n{}", r.json["events"]);
}

/// Twenty milliseconds of L16 under payload type 97 or of A-law under 8, over and over.
fn steady(v: &mut Voice, from: f64, to: f64, payload: &[u8]) -> Vec<Packet> {
    let n = ((to - from) / 20.0) as usize;
    let one = |i: usize| {
        let packet = v.other(from + 20.0 * i as f64, v.payload_type, payload);
        v.pause(20);
        packet
    };
    (0..n).map(one).collect()
}

/// A tone of 400 Hz with this peak, clipped.
fn tone(peak: f64) -> Vec<u8> {
    let sample = |i: usize| (f64::from(i as u32) * std::f64::consts::TAU / 20.0).sin() * peak;
    (0..160).flat_map(|i| (sample(i).clamp(-32_768.0, 32_767.0) as i16).to_be_bytes()).collect()
}

/// A-law's silence.
const MUTE: [u8; 160] = [0xD5; 160];

#[test]
fn whoever_is_heard_on_both_sides_is_complete() {
    for (d, _) in both_ways() {
        let sent = [Caller, Callee].map(|side| Voice::of(&d, side, 7).talk(ANSWER + 5.0, 9000.0));
        let run = call_of(&d, [&sent[0], &sent[1]], 9000.0, |_| {}).replay(AGENTS);
        assured(run.only(), "complete", &[]);
        faults(run.only(), &[]);
    }
}

#[test]
fn a_side_that_is_not_heard_is_named() {
    for (d, customer) in both_ways() {
        for side in [Caller, Callee] {
            let mute = channel(customer, side);
            let reason = format!("one_way_{mute}");
            let talks = Voice::of(&d, side.other(), 7).talk(ANSWER + 5.0, 9000.0);
            // Never at all.
            let run = call_of(&d, [&talks, &[]], 9000.0, |_| {}).replay(AGENTS);
            assured(run.only(), "partial", &[&reason]);
            faults(run.only(), &[("one_way", Some(mute), 0.0, None)]);
            // From the sixth second on, and again.
            let mut v = Voice::of(&d, side, 8);
            let mut stops = v.talk(ANSWER + 5.0, 4000.0);
            let until = call_of(&d, [&talks, &stops], 9000.0, |_| {}).replay(AGENTS);
            assured(until.only(), "partial", &[&reason]);
            faults(until.only(), &[("one_way", Some(mute), 3.0, None)]);
            v.pause(4500);
            stops.extend(v.talk(8500.0, 9000.0));
            let again = call_of(&d, [&talks, &stops], 9000.0, |_| {}).replay(AGENTS);
            assured(again.only(), "partial", &[&reason]);
            faults(again.only(), &[("one_way", Some(mute), 3.0, Some(7.5))]);
        }
    }
}

#[test]
fn what_a_telephone_does_on_purpose_is_no_fault() {
    let d = Dialog::new(1);
    let d = Dialog { formats: ["8 13".into(), "8 13".into()], ..d };
    let talks = Voice::of(&d, Callee, 7).talk(ANSWER + 5.0, 12_000.0);
    // Comfort noise, and then nothing.
    let mut v = Voice::of(&d, Caller, 8);
    let mut rests = v.talk(ANSWER + 5.0, 4000.0);
    rests.push(v.other(4010.0, 13, &[70]));
    let run = call_of(&d, [&talks, &rests], 12_000.0, |_| {}).replay(AGENTS);
    assured(run.only(), "complete", &[]);
    faults(run.only(), &[]);
    // Both are silent: nobody is missed.
    let short = Voice::of(&d, Callee, 7).talk(ANSWER + 5.0, 4000.0);
    let mut v = Voice::of(&d, Caller, 8);
    let other = v.talk(ANSWER + 5.0, 4000.0);
    let run =
        call_of(&d, [&short, &other], 12_000.0, |s| time_runs(s, 4000.0, 12_000.0, 100.0)).replay(AGENTS);
    faults(run.only(), &[]);
    assured(run.only(), "complete", &[]);
    // On hold, by either side; and missing again when it is over.
    for side in [Caller, Callee] {
        let sdp = |side: Side, direction| d.sdp_with(side, d.rtp[side as usize], "8 13", direction, 2);
        let mut v = Voice::of(&d, Caller, 8);
        let held = v.talk(ANSWER + 5.0, 4000.0);
        let run = call_of(&d, [&talks, &held], 12_000.0, |s| {
            d.reinvite(s, 4000.0, side, 7, &sdp(side, "sendonly"), &sdp(side.other(), "recvonly"));
        })
        .replay(AGENTS);
        faults(run.only(), &[]);
        assured(run.only(), "complete", &[]);
        let run = call_of(&d, [&talks, &held], 12_000.0, |s| {
            d.reinvite(s, 4000.0, side, 7, &sdp(side, "sendonly"), &sdp(side.other(), "recvonly"));
            d.reinvite(s, 6000.0, side, 8, &sdp(side, "sendrecv"), &sdp(side.other(), "sendrecv"));
        })
        .replay(AGENTS);
        faults(run.only(), &[("one_way", Some("customer"), 5.0, None)]);
    }
}

#[test]
fn digital_silence_is_a_dead_line_until_somebody_speaks() {
    for (d, customer) in both_ways() {
        for side in [Caller, Callee] {
            let mute = channel(customer, side);
            let talks = Voice::of(&d, side.other(), 7).talk(ANSWER + 5.0, 12_000.0);
            let mut v = Voice::of(&d, side, 8);
            let dead = steady(&mut v, ANSWER + 10.0, 12_000.0, &MUTE);
            let run = call_of(&d, [&talks, &dead], 12_000.0, |_| {}).replay(AGENTS);
            assured(run.only(), "partial", &[&format!("silent_{mute}")]);
            faults(run.only(), &[("silent", Some(mute), 0.1, None)]);
            // He speaks in the end.
            let mut v = Voice::of(&d, side, 8);
            let mut late = steady(&mut v, ANSWER + 10.0, 8000.0, &MUTE);
            late.extend(v.talk(8010.0, 12_000.0));
            let run = call_of(&d, [&talks, &late], 12_000.0, |_| {}).replay(AGENTS);
            assured(run.only(), "complete", &[]);
            faults(run.only(), &[("silent", Some(mute), 0.1, Some(7.0))]);
            // The mute key.
            let mut v = Voice::of(&d, side, 8);
            let mut key = v.talk(ANSWER + 10.0, 3000.0);
            key.extend(steady(&mut v, 3010.0, 12_000.0, &MUTE));
            let run = call_of(&d, [&talks, &key], 12_000.0, |_| {}).replay(AGENTS);
            assured(run.only(), "complete", &[]);
            faults(run.only(), &[]);
        }
    }
}

#[test]
fn what_is_overdriven_or_hardly_heard_is_whole_and_told() {
    for (d, customer) in both_ways() {
        let d = Dialog { formats: ["97".into(), "97".into()], ..d };
        for side in [Caller, Callee] {
            let of = channel(customer, side);
            let other = steady(&mut Voice::of(&d, side.other(), 7), ANSWER + 5.0, 12_000.0, &tone(6000.0));
            for (peak, want) in [
                (6000.0, None),
                (60_000.0, Some(("clipped", 0.0))),
                (100.0, Some(("quiet", 0.0))),
                (10.0, None),
            ] {
                let sound = steady(&mut Voice::of(&d, side, 8), ANSWER + 5.0, 12_000.0, &tone(peak));
                let run = call_of(&d, [&other, &sound], 12_000.0, |_| {}).replay(AGENTS);
                assured(run.only(), "complete", &[]);
                let want: Vec<Fault<'_>> =
                    want.into_iter().map(|(kind, at)| (kind, Some(of), at, None)).collect();
                faults(run.only(), &want);
            }
            // Overdriven for six seconds.
            let mut v = Voice::of(&d, side, 8);
            let mut sound = steady(&mut v, ANSWER + 5.0, 3005.0, &tone(6000.0));
            sound.extend(steady(&mut v, 3005.0, 9005.0, &tone(60_000.0)));
            sound.extend(steady(&mut v, 9005.0, 15_000.0, &tone(6000.0)));
            let other = steady(&mut Voice::of(&d, side.other(), 7), ANSWER + 5.0, 15_000.0, &tone(6000.0));
            let run = call_of(&d, [&other, &sound], 15_000.0, |_| {}).replay(AGENTS);
            faults(run.only(), &[("clipped", Some(of), 2.0, Some(8.0))]);
        }
    }
}

#[test]
fn what_cannot_be_decoded_is_told_apart_from_what_is_encrypted() {
    let config = format!("{AGENTS}\n[codecs]\nexternal = false\n");
    for (d, customer) in both_ways() {
        for side in [Caller, Callee] {
            let of = channel(customer, side);
            let talks = Voice::of(&d, side.other(), 7).talk(ANSWER + 5.0, 8000.0);
            let mut formats = ["8".to_owned(), "8".to_owned()];
            formats[side as usize] = "18".into();
            formats[side.other() as usize] = "8 18".into();
            let other = Dialog { formats, ..d.clone() };
            let mut v = Voice::of(&other, side, 8);
            v.payload_type = 18;
            let foreign = steady(&mut v, ANSWER + 10.0, 8000.0, &[0x5A; 20]);
            let run = call_of(&other, [&talks, &foreign], 8000.0, |_| {}).replay(&config);
            assured(run.only(), "partial", &[&format!("undecodable_{of}")]);
            faults(run.only(), &[("undecodable", Some(of), 0.4, None)]);
            // For a moment: too short to be told of while it runs.
            let short = steady(&mut v, ANSWER + 10.0, 1500.0, &[0x5A; 20]);
            let run = call_of(&other, [&talks, &short], 2000.0, |_| {}).replay(&config);
            assured(run.only(), "partial", &[&format!("undecodable_{of}")]);
            faults(run.only(), &[]);
            let bodies = d.rtp.map(|at| description(1, &[Line::secured(at)]));
            let sealed = Dialog { bodies, ..d.clone() };
            let hidden = encrypted(&Voice::of(&sealed, side, 8).talk(ANSWER + 10.0, 8000.0), 3);
            // What looks like no ciphertext is in clear, whatever was said.
            let clear = steady(&mut Voice::of(&d, side.other(), 7), ANSWER + 5.0, 8000.0, &[0x25; 160]);
            let run = call_of(&sealed, [&clear, &hidden], 8000.0, |_| {}).replay(&config);
            assured(run.only(), "partial", &[&format!("encrypted_{of}")]);
            faults(run.only(), &[("encrypted", Some(of), 0.4, None)]);
        }
    }
}

#[test]
fn no_rtp_at_the_tap_is_not_one_way() {
    for (d, _) in both_ways() {
        let mut voices = [Caller, Callee].map(|side| Voice::of(&d, side, 7));
        let sent = voices.each_mut().map(|v| v.talk(8000.0, 12_000.0));
        let run = call_of(&d, [&sent[0], &sent[1]], 12_000.0, |s| time_runs(s, 1000.0, 8000.0, 500.0))
            .replay(AGENTS);
        assured(run.only(), "partial", &["no_rtp"]);
        faults(run.only(), &[("no_rtp", None, 0.0, Some(7.0))]);
        let sooner = voices.each_mut().map(|v| v.talk(4500.0, 12_000.0));
        let run = call_of(&d, [&sooner[0], &sooner[1]], 12_000.0, |s| time_runs(s, 1000.0, 8000.0, 500.0))
            .replay(AGENTS);
        assured(run.only(), "complete", &[]);
    }
}

#[test]
fn losses_of_the_network_are_told_where_they_are_heard() {
    for (d, customer) in both_ways() {
        for side in [Caller, Callee] {
            let of = channel(customer, side);
            let whole = Voice::of(&d, side.other(), 7).talk(ANSWER + 5.0, 13_000.0);
            // One in ten from the third second to the ninth.
            let mut net =
                |n: usize| if (100..400).contains(&n) && n % 10 == 3 { Fate::LOST } else { Fate::CLEAN };
            let lossy = Voice::of(&d, side, 8).talk_over(ANSWER + 5.0, 13_000.0, &mut net);
            let run = call_of(&d, [&whole, &lossy], 13_000.0, |_| {}).replay(AGENTS);
            faults(run.only(), &[("network_loss", Some(of), 2.0, Some(8.0))]);
            // Concealed, as a telephone does it: nothing is missing.
            assured(run.only(), "complete", &[]);
            // A second of it in one piece, where nothing else is lost.
            let mut net = |n: usize| if (100..150).contains(&n) { Fate::LOST } else { Fate::CLEAN };
            let holed = Voice::of(&d, side, 8).talk_over(ANSWER + 5.0, 13_000.0, &mut net);
            let run = call_of(&d, [&whole, &holed], 13_000.0, |_| {}).replay(AGENTS);
            assured(run.only(), "partial", &["network_loss"]);
        }
    }
}

#[test]
fn an_end_that_was_not_seen_is_a_reason() {
    let d = Dialog::new(1);
    let sent = [Caller, Callee].map(|side| Voice::of(&d, side, 7).talk(ANSWER + 5.0, 5000.0));
    let mut s = Scene::new();
    d.answered(&mut s, 200.0, ANSWER);
    sent.iter().for_each(|packets| s.media(packets));
    assured(s.replay(AGENTS).only(), "partial", &["capture_end"]);
    time_runs(&mut s, 5000.0, 50_000.0, 500.0);
    assured(s.replay(AGENTS).only(), "partial", &["timeout"]);
}

#[test]
fn a_call_without_a_recording_says_why_and_until_when() {
    let config = "[agents]\nextensions = [\"2000-2999\"]\n[retention]\ntimezone = \"Europe/Helsinki\"\n\
        [[service]]\nname = \"in\"\nnumbers = [\"116117\"]\nretention = \"10 days\"\ndirections = [\"outbound\"]\n\
        [[service]]\nname = \"off\"\nnumbers = [\"9100\"]\nrecord = false\n\
        [service_default]\nretention = \"1 month\"\nhide_caller_digits = 4\n";
    let mut s = Scene::new();
    let diverted =
        |n, to: &str| Dialog { headers: format!("Diversion: <sip:{to}@pbx.example>\r\n"), ..Dialog::new(n) };
    let silent = Dialog::new(1);
    silent.answered(&mut s, 100.0, ANSWER);
    silent.bye(&mut s, 9000.0, Caller);
    for (i, d) in [diverted(2, "116117"), diverted(3, "9100"), Dialog::new(4)].iter().enumerate() {
        call(&mut s, d, 20_000.0 + 6000.0 * i as f64, 24_000.0 + 6000.0 * i as f64);
    }
    let run = s.replay(config);
    assured(run.only(), "complete", &[]);
    let told = assurances(&run.dir);
    let said: Vec<Value> = told
        .iter()
        .map(|a| json!([a["service"], a["assurance"], a["retention"]["until"], a["caller"], a["called"]]))
        .collect();
    assert_eq!(
        said,
        [
            json!(["general", { "bucket": "missing", "reasons": ["no_rtp"] }, "2026-12-23T22:00:00Z",
                "+35840123xxxx", "2001"]),
            json!(["in", { "bucket": "excluded", "reasons": ["direction"] }, "2026-12-03T22:00:00Z",
                "+35840123xxxx", "116117"]),
        ],
        "{told:?}"
    );
    nowhere(&run, &["401234567", "01234567"]);
    assert!(told.iter().all(|a| a["call"].as_str().unwrap().starts_with("sha256:")), "{told:?}");
    let place = files(&run.dir.join("assurance"));
    assert!(
        place[0].ends_with(format!("2026/11/23/20261123T081524.000Z_{}.json", short(&told[0]))),
        "{place:?}"
    );
}

/// The last eight digits of an id.
fn short(told: &Value) -> String {
    let id = told["id"].as_str().unwrap();
    id[id.len() - 8..].to_owned()
}
