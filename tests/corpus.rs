//! Captures from the field against their ground truth.
//!
//! `NAUHURI_CORPUS` names the folder that holds them and `truth.json`; the
//! tests are ignored without being asked for (`make test-corpus` asks). What a
//! stream should count is computed from the capture by the reader in `common`,
//! since the truth counts whole streams and the contract what lies between
//! answer and end.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]

mod common;

#[path = "corpus/audio.rs"]
mod audio;

use common::capture::{Datagram, datagrams};
use common::run::{Recording, replay};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// How far answer and end may be off, seconds.
const NEAR_S: f64 = 0.020;

/// Where the truth and the contract differ, and why: file, part of the Call-ID, what, instead, reason.
const EXCEPTIONS: &[(&str, &str, &str, &str, &str)] = &[
    (
        "v04",
        "673b0437",
        "ended_by",
        "transfer",
        "the IVR, who was called and so counts as the agent, sent REFER",
    ),
    ("v30", "l4~uLYgYCu", "ended_by", "transfer", "the called party sent REFER"),
    ("v12", "", "complete", "false", "ZRTP: encrypted after its handshake"),
    ("v15", "", "complete", "false", "BV32 cannot be decoded"),
    ("v26", "", "complete", "false", "more is lost than a network explains"),
    (
        "v14",
        "25672",
        "channels",
        "one",
        "known fault: a party behind NAT whose address the other's words name",
    ),
    (
        "v14",
        "25672",
        "streams",
        "one more",
        "the same fault: the last packet of the party that is on the wrong channel is counted, though the recording ends before it",
    ),
];

fn exception(file: &str, call_id: &str, what: &str) -> Option<&'static str> {
    let fits = |e: &&(&str, &str, &'static str, &str, &str)| {
        file.starts_with(e.0) && call_id.contains(e.1) && e.2 == what
    };
    EXCEPTIONS.iter().find(fits).map(|e| e.3)
}

fn corpus() -> PathBuf {
    let Some(dir) = std::env::var_os("NAUHURI_CORPUS") else {
        panic!("NAUHURI_CORPUS is not set: name the folder with truth.json and its captures");
    };
    let dir = PathBuf::from(dir);
    assert!(dir.join("truth.json").is_file(), "{}: has no truth.json", dir.display());
    dir
}

fn truth() -> Vec<Value> {
    let path = corpus().join("truth.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// What one stream should count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Counts {
    ssrc: String,
    codec: String,
    packets: u64,
    lost: u64,
    duplicates: u64,
}

#[test]
#[ignore = "needs NAUHURI_CORPUS"]
fn corpus_captures_give_their_truth() {
    let mut wrong = Vec::new();
    for entry in truth() {
        let file = entry["file"].as_str().unwrap();
        let path = corpus().join(file);
        let run = replay("[capture]\ntunnels = [\"any\"]\n", &[&path]);
        let packets = datagrams(&path);
        let mut left: Vec<&Recording> = run.recordings.iter().collect();
        for call in entry["calls"].as_array().unwrap() {
            let call_id = call["call_id"].as_str().unwrap();
            let (mine, others): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|r| r.text("/sip/call_id") == call_id);
            left = others;
            let expected = usize::from(call["recordable"] == true);
            let mut say = |what: String| wrong.push(format!("{file} {call_id:.16}: {what}"));
            if mine.len() != expected {
                say(format!("{} recordings, {expected} expected", mine.len()));
            } else if let [r] = mine[..] {
                call_is_right(file, call, r, &packets, &mut say);
            }
        }
        wrong.extend(left.iter().map(|r| format!("{file}: a recording of no call: {}", r.json)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn call_is_right(file: &str, call: &Value, r: &Recording, all: &[Datagram], say: &mut impl FnMut(String)) {
    let call_id = call["call_id"].as_str().unwrap();
    for key in ["answered_at", "ended_at"] {
        let Some(expected) = call[key].as_f64() else { continue };
        let off = r.instant_ns(key) as f64 / 1e9 - expected;
        if off.abs() > NEAR_S {
            say(format!("{key} is off by {off:.3} s"));
        }
    }
    let by = exception(file, call_id, "ended_by").unwrap_or(match call["ended_by"].as_str().unwrap() {
        "caller" => "customer",
        "callee" => "agent",
        _ => "capture_end timeout",
    });
    if !by.split(' ').any(|b| b == r.text("/ended_by")) {
        say(format!("ended_by {}, expected {by}", r.text("/ended_by")));
    }
    let cut = by.starts_with("capture_end") || exception(file, call_id, "complete").is_some();
    if (r.json["complete"] == true) == cut {
        say(format!("complete is {}", r.json["complete"]));
    }
    let length = r.customer.len() as f64 / f64::from(r.rate);
    if (length - r.number("/duration_s")).abs() > NEAR_S {
        say(format!("{length} s of audio, duration_s {}", r.number("/duration_s")));
    }
    let (expected, got) = (expected_streams(call, r, all), stored_streams(r));
    if expected != got && exception(file, call_id, "streams").is_none() {
        say(format!("streams\n  expected {expected:?}\n  stored   {got:?}"));
    }
    one_channel_each(file, call, r, say);
    let undecoded = |c: &str| {
        let mine: Vec<_> =
            r.json["streams"].as_array().unwrap().iter().filter(|s| s["channel"] == c).collect();
        let known = ["pcmu", "pcma", "g722", "opus", "l16", "gsm", "g729", "amr", "speex"];
        !mine.is_empty()
            && mine.iter().all(|s| {
                let codec = s["codec"].as_str().unwrap().to_lowercase();
                !known.contains(&codec.as_str())
            })
    };
    for channel in ["customer", "agent"] {
        if undecoded(channel) && r.channel(channel).iter().any(|s| *s != 0) {
            say(format!("{channel}: sound out of what cannot be decoded"));
        }
    }
}

/// Streams of opposite directions are two parties.
fn one_channel_each(file: &str, call: &Value, r: &Recording, say: &mut impl FnMut(String)) {
    let host = |v: &Value| v.as_str().unwrap().rsplit_once(':').unwrap().0.to_string();
    let streams = call["streams"].as_array().unwrap();
    let channel = |s: &Value| {
        let stored = r.json["streams"].as_array().unwrap().iter();
        stored.filter(|k| k["ssrc"] == s["ssrc"]).map(|k| k["channel"].to_string()).next()
    };
    for (i, a) in streams.iter().enumerate() {
        for b in &streams[i + 1..] {
            let opposite = a["src"] == b["dst"]
                || a["dst"] == b["src"]
                || host(&a["src"]) == host(&b["dst"]) && host(&a["dst"]) == host(&b["src"]);
            let same_host = host(&a["src"]) == host(&a["dst"]);
            let (Some(x), Some(y)) = (channel(a), channel(b)) else { continue };
            if opposite && !(same_host && a["src"] != b["dst"]) && x == y {
                match exception(file, call["call_id"].as_str().unwrap(), "channels") {
                    Some(_) => {}
                    None => say(format!("both ways on {x}")),
                }
            }
        }
    }
}

/// The truth's streams, counted from answer to end.
fn expected_streams(call: &Value, r: &Recording, all: &[Datagram]) -> Vec<Counts> {
    let (from, to) = (r.instant_ns("answered_at"), r.instant_ns("ended_at"));
    let mut out = Vec::new();
    for s in call["streams"].as_array().unwrap().iter().filter(|s| s["media"] == "audio") {
        let is = |d: &&Datagram| {
            d.src.to_string() == normal(&s["src"])
                && d.dst.to_string() == normal(&s["dst"])
                && (from..=to).contains(&d.at_ns)
        };
        let of = |d: &Datagram| {
            d.rtp().filter(|p| format!("0x{:08x}", p.ssrc) == s["ssrc"].as_str().unwrap()).map(|p| p.seq)
        };
        let seqs: Vec<u16> = all.iter().filter(is).filter_map(of).collect();
        if let Some((packets, lost)) = distinct_and_lost(&seqs) {
            let codec = s["codec"].as_str().unwrap().split('/').next().unwrap().to_lowercase();
            let ssrc = s["ssrc"].as_str().unwrap().into();
            out.push(Counts { ssrc, codec, packets, lost, duplicates: seqs.len() as u64 - packets });
        }
    }
    out.sort();
    out
}

/// `[addr]:port` for IPv6, as the reader prints it.
fn normal(text: &Value) -> String {
    let text = text.as_str().unwrap();
    match text.rsplit_once(':') {
        Some((ip, port)) if ip.contains(':') && !ip.starts_with('[') => {
            format!("[{}]:{port}", ip.parse::<std::net::Ipv6Addr>().unwrap())
        }
        _ => text.into(),
    }
}

/// Distinct packets, and those missing between the first and the last of them (RFC 3550 A.3).
fn distinct_and_lost(seqs: &[u16]) -> Option<(u64, u64)> {
    let first = *seqs.first()?;
    let (mut at, mut last) = (i64::from(first), first);
    let mut seen = BTreeSet::new();
    for s in seqs {
        at += i64::from(s.wrapping_sub(last) as i16);
        last = *s;
        seen.insert(at);
    }
    let span = seen.last()? - seen.first()? + 1;
    Some((seen.len() as u64, span as u64 - seen.len() as u64))
}

fn stored_streams(r: &Recording) -> Vec<Counts> {
    let streams = r.json["streams"].as_array().unwrap().iter();
    let mut out: Vec<_> = streams
        .map(|s| Counts {
            ssrc: s["ssrc"].as_str().unwrap().into(),
            codec: s["codec"].as_str().unwrap().to_lowercase(),
            packets: s["packets"].as_u64().unwrap(),
            lost: s["lost"].as_u64().unwrap(),
            duplicates: s["duplicates"].as_u64().unwrap(),
        })
        .collect();
    out.sort();
    out
}
