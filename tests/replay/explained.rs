//! `nauhuri explain`: why was this call recorded, or not? Each reason, told with its grounds.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, addr};
use crate::common::run::nauhuri;
use crate::common::voice::Voice;
use crate::kit::talk;
use serde_json::Value;
use std::path::Path;
use std::process::Output;

const NUMBERS: &str = "[agents]\nextensions = [\"2000-2999\"]\n";

fn explain(s: &Scene, config: &str, call: &str, more: &[&str]) -> Output {
    let keep = tempfile::tempdir().unwrap();
    let [file, pcap, store] = ["c.toml", "c.pcap", "store"].map(|name| keep.path().join(name));
    std::fs::write(&file, config).unwrap();
    s.save(&pcap);
    let out = asked(&file, &store, call, &pcap, more);
    assert!(!store.exists(), "nothing is written");
    out
}

fn asked(config: &Path, store: &Path, call: &str, pcap: &Path, more: &[&str]) -> Output {
    let dir = format!("storage.dir={:?}", store.to_str().unwrap());
    let mut command = nauhuri();
    command.args(["explain", call]).arg(pcap).arg("--config").arg(config).args(["--set", &dir]);
    command.args(more).output().unwrap()
}

#[track_caller]
fn told(s: &Scene, config: &str, call: &str) -> String {
    let out = explain(s, config, call, &[]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    assert!(!text.contains("401234567"), "a number is told: {text}");
    text
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    parts.iter().for_each(|part| assert!(text.contains(part), "{part:?} is not in\n{text}"));
}

/// Answered at 1 s, hung up at 3 s, media both ways.
fn whole(d: &Dialog) -> Scene {
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    talk(&mut s, d, 1000.0, 3000.0);
    d.bye(&mut s, 3000.0, Caller);
    s
}

#[test]
fn a_recorded_call_tells_who_the_agent_is_and_by_what_its_media_was_found() {
    let d = Dialog::new(1);
    let text = told(&whole(&d), NUMBERS, "ladder-1");
    says(
        &text,
        &[
            ": recorded\n",
            "2.0 s, complete",
            "caller: no agent: no rule of [agents] matches",
            "called: an agent: its number matches agents.extensions",
            "so it is an inbound call",
            "begins: inbound, service general, agent 2001",
            "the caller speaks; the SDP names both addresses",
            "the recording ends: the customer hung up",
        ],
    );
    let stamps = text.lines().filter_map(|l| l.strip_prefix("  ")?.get(..12));
    let stamps: Vec<&str> = stamps.filter(|at| at.starts_with("08:")).collect();
    assert!(stamps.len() > 10 && stamps.is_sorted(), "{text}");
}

#[test]
fn each_reason_against_a_recording_is_told_with_its_grounds() {
    let internal = Dialog { from: "<sip:2002@pbx.example>".into(), ..Dialog::new(2) };
    let customers = Dialog {
        to: "<sip:+358409998888@trunk.example>".into(),
        uri: "sip:+358409998888@192.0.2.20".into(),
        ..Dialog::new(3)
    };
    let off = format!("{NUMBERS}[service_default]\nname = \"off\"\nrecord = false\n");
    let one_way = format!("{NUMBERS}[service_default]\nname = \"in\"\ndirections = [\"outbound\"]\n");
    let within = format!("{NUMBERS}networks = [\"203.0.113.0/24\"]\n");
    let asserted = Dialog {
        headers: "P-Asserted-Identity: <sip:+358409998888@trunk.example>\r\n".into(),
        from: "<sip:2005@pbx.example>".into(),
        ..customers.clone()
    };
    let cases: [(&Dialog, &str, &[&str]); 6] = [
        (&internal, NUMBERS, &["not recorded, internal:", "caller: an agent", "so two agents talk"]),
        (
            &customers,
            NUMBERS,
            &["not recorded, no_agent:", "called: no agent: no rule", "no agent takes part"],
        ),
        (&Dialog::new(4), &off, &["not recorded, service:", "so it is an inbound call"]),
        (&Dialog::new(5), &one_way, &["not recorded, direction:", "so it is an inbound call"]),
        (&Dialog::new(6), &within, &["not recorded, no_agent:", "called: no agent: outside agents.networks"]),
        (&asserted, NUMBERS, &["caller: an agent by number, but somebody else is asserted"]),
    ];
    for (d, config, parts) in cases {
        says(&told(&whole(d), config, &d.call_id), parts);
    }
    let mut unseen = Scene::new();
    let d = Dialog::new(7);
    d.status(&mut unseen, 1000.0, 200);
    d.bye(&mut unseen, 3000.0, Caller);
    says(&told(&unseen, NUMBERS, "ladder-7"), &["not recorded, invite_unseen:"]);
    let mut stray = Scene::new();
    let d = Dialog::new(8);
    d.answered(&mut stray, 0.0, 1000.0);
    d.bye(&mut stray, 1300.0, Caller);
    says(&told(&stray, NUMBERS, "ladder-8"), &["not recorded, stray:"]);
    let mut rung = Scene::new();
    let d = Dialog::new(9);
    d.invite(&mut rung, 0.0);
    d.status(&mut rung, 100.0, 180);
    d.cancelled(&mut rung, 2000.0);
    says(&told(&rung, NUMBERS, "ladder-9"), &["not recorded: nobody answered", "CANCEL"]);
}

#[test]
fn legs_of_one_contact_are_told_together() {
    let headers = "Session-ID: ab30317f1a784dc48ff824d0d3715d86\r\n".to_string();
    let near = Dialog { headers: headers.clone(), ..Dialog::new(11) };
    let far = Dialog {
        call_id: "far-11".into(),
        headers,
        sip: [addr("198.51.100.10:5060"), addr("192.0.2.1:5060")],
        ..Dialog::new(12)
    };
    let mut s = Scene::new();
    far.invite(&mut s, 0.0);
    near.invite(&mut s, 20.0);
    near.status(&mut s, 1000.0, 200);
    near.ack(&mut s, 1005.0);
    far.status(&mut s, 1020.0, 200);
    far.ack(&mut s, 1025.0);
    talk(&mut s, &near, 1000.0, 3000.0);
    near.bye(&mut s, 3000.0, Caller);
    far.bye(&mut s, 3010.0, Caller);
    for asked in ["far-11", "ladder-11"] {
        let text = told(&s, NUMBERS, asked);
        says(
            &text,
            &[
                "Call-ID far-11\n",
                "Call-ID ladder-11\n",
                "not recorded, other_hop:",
                "the call is recorded nearer the agent",
                "one contact with Call-ID sha256:",
                "sip.correlation_headers",
                ": recorded\n",
            ],
        );
    }
}

#[test]
fn silence_is_explained() {
    // No media at all; media to an address that no SDP names; a codec that cannot be decoded.
    let d = Dialog::new(21);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    d.bye(&mut s, 4000.0, Caller);
    says(&told(&s, NUMBERS, "ladder-21"), &["nothing to record (no_media)"]);
    let d = Dialog::new(22);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let astray = [addr("198.51.100.10:45000"), addr("192.0.2.20:46000")];
    s.media(&Voice::of(&d, Caller, 3).between(astray[0], astray[1]).talk(1000.0, 4000.0));
    s.media(&Voice::of(&d, Callee, 4).between(d.rtp[1], d.rtp[0]).talk(1000.0, 4000.0));
    d.bye(&mut s, 4000.0, Caller);
    let text = told(&s, NUMBERS, "ladder-22");
    says(&text, &["between hosts of both parties, but no SDP names either address", "not complete"]);
    let d = Dialog { formats: ["18".into(), "18".into()], ..Dialog::new(23) };
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    talk(&mut s, &d, 1000.0, 4000.0);
    d.bye(&mut s, 4000.0, Caller);
    let text = told(&s, &format!("{NUMBERS}[codecs]\nexternal = false\n"), "ladder-23");
    says(&text, &["the customer sends G729, as agreed in the SDP"]);
}

#[test]
fn media_that_two_calls_may_own_says_so_in_both() {
    let rtp = [addr("198.51.100.10:20000"), addr("192.0.2.20:30000")];
    let [a, b] = [31, 32].map(|n| Dialog { rtp, ..Dialog::new(n) });
    let mut s = Scene::new();
    a.answered(&mut s, 0.0, 1000.0);
    b.answered(&mut s, 10.0, 1010.0);
    talk(&mut s, &a, 1020.0, 3000.0);
    a.bye(&mut s, 3000.0, Caller);
    b.bye(&mut s, 3000.0, Caller);
    for call in ["ladder-31", "ladder-32"] {
        says(&told(&s, NUMBERS, call), &["it may be this call's or another's, so neither gets it"]);
    }
}

#[test]
fn a_call_is_found_by_its_time_its_recording_or_its_hash() {
    let s = whole(&Dialog::new(41));
    let out = explain(&s, NUMBERS, "all", &["--json"]);
    let all: Value = serde_json::from_slice(&out.stdout).unwrap();
    let id = all["calls"][0]["recordings"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(all["calls"][0]["call_id"], "ladder-41");
    assert_eq!(all["calls"][0]["lines"][0]["kind"], "sip");
    let from = all["calls"][0]["from"].as_str().unwrap().to_owned();
    let hash = {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(b"ladder-41");
        format!("sha256:{}", digest[..8].iter().map(|b| format!("{b:02x}")).collect::<String>())
    };
    for asked in [&*id, &id[28..], &from[..19], &format!("{}Z", &from[..19]), &from[11..16], &hash] {
        says(&told(&s, NUMBERS, asked), &["Call-ID ladder-41\n"]);
    }
    let none = explain(&s, NUMBERS, "nobody@example.com", &[]);
    let said = String::from_utf8(none.stderr).unwrap();
    assert_eq!(none.status.code(), Some(1), "{said}");
    says(&said, &["no such call", "1 call, from"]);
}

#[test]
fn who_names_no_call_is_told_how() {
    let keep = tempfile::tempdir().unwrap();
    let pcap = keep.path().join("c.pcap");
    whole(&Dialog::new(42)).save(&pcap);
    let out = nauhuri().arg("explain").arg(&pcap).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    says(&String::from_utf8(out.stderr).unwrap(), &["say first which call", "nauhuri explain all"]);
}
