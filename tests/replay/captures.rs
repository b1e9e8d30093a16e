//! The captures of `pcaps/`, each against its `NAME.expect.json` (`pcaps/README.md`
//! says what its keys mean).
//!
//! `NAUHURI_BLESS=1` writes the hash of the samples into the expectation, once
//! everything else in it holds.

use crate::common::audio::level;
use crate::common::repository;
use crate::common::run::{Recording, Run, replay};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A tone sounds, full scale 1.0.
const SOUNDS: f64 = 0.02;
/// A tone does not: 40 dB below full scale, and what leaks from others.
const SILENT: f64 = 0.01;

/// Every capture with its expectation.
fn captures() -> Vec<(PathBuf, PathBuf)> {
    let mut all: Vec<_> = std::fs::read_dir(repository("pcaps"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "pcap" || e == "pcapng"))
        .map(|p| (p.with_extension("expect.json"), p))
        .map(|(expect, p)| (p, expect))
        .collect();
    all.sort();
    assert!(all.len() >= 12, "pcaps/ holds {} captures", all.len());
    all
}

/// The configuration they are replayed with.
pub fn config() -> String {
    std::fs::read_to_string(repository("pcaps/nauhuri.toml")).unwrap()
}

#[test]
fn every_capture_gives_what_is_expected() {
    let mut wrong = Vec::new();
    for (capture, expect) in captures() {
        let name = capture.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&expect).unwrap_or_else(|e| panic!("{}: {e}", expect.display()));
        let expected: Value = serde_json::from_str(&text).unwrap();
        let run = replay(&config(), &[&capture]);
        let mut said = Vec::new();
        holds(&expected, &run, &mut |what| said.push(format!("{name}: {what}")));
        if said.is_empty() {
            hashes(&expect, &text, &expected, &run, &mut |what| said.push(format!("{name}: {what}")));
        }
        wrong.extend(said);
    }
    assert!(wrong.is_empty(), "{} faults\n{}", wrong.len(), wrong.join("\n"));
}

fn holds(expected: &Value, run: &Run, say: &mut impl FnMut(String)) {
    let wanted = expected["recordings"].as_array().unwrap();
    if run.recordings.len() != wanted.len() {
        let got: Vec<_> = run.recordings.iter().map(|r| r.text("/sip/call_id")).collect();
        return say(format!("{} recordings, {} expected: {got:?}", run.recordings.len(), wanted.len()));
    }
    for e in wanted {
        let Some(r) = recording_of(e, run) else {
            say(format!("no recording of {} at {}", e["call_id"], e["answered_at"]));
            continue;
        };
        fields(e, r, say);
        sounds(e, r, say);
    }
    for group in expected["same_call_group"].as_array().unwrap() {
        let members = group.as_array().unwrap().iter();
        let of = |i: &Value| recording_of(&wanted[i.as_u64().unwrap() as usize], run);
        let mut ids: Vec<_> = members.filter_map(of).map(|r| r.text("/call_group")).collect();
        ids.dedup();
        if ids.len() != 1 {
            say(format!("call_group differs: {ids:?}"));
        }
    }
}

/// The recording of the same Call-ID with the nearest answer.
fn recording_of<'a>(e: &Value, run: &'a Run) -> Option<&'a Recording> {
    let mine = run.recordings.iter().filter(|r| r.json["sip"]["call_id"] == e["call_id"]);
    mine.min_by_key(|r| (r.instant_ns("answered_at") - epoch_ns(&e["answered_at"])).abs())
}

fn epoch_ns(v: &Value) -> i64 {
    (v.as_f64().unwrap() * 1e6).round() as i64 * 1000
}

fn fields(e: &Value, r: &Recording, say: &mut impl FnMut(String)) {
    for key in ["direction", "dialled", "service", "ended_by", "complete", "customer"] {
        // A codec that may or may not be decodable leaves it open.
        let open = key == "complete" && e[key].is_null();
        if r.json[key] != e[key] && !open {
            say(format!("{key} is {}, expected {}", r.json[key], e[key]));
        }
    }
    if r.json["agent"]["id"] != e["agent"] {
        say(format!("agent is {}, expected {}", r.json["agent"]["id"], e["agent"]));
    }
    if r.json["audio"]["sample_rate"] != e["sample_rate"] {
        say(format!("rate is {}, expected {}", r.rate, e["sample_rate"]));
    }
    for key in ["answered_at", "ended_at"] {
        let off = (r.instant_ns(key) - epoch_ns(&e[key])) as f64 / 1e9;
        if off.abs() > 0.02 {
            say(format!("{key} is off by {off} s"));
        }
    }
    let length = r.customer.len() as f64 / f64::from(r.rate);
    for (what, s) in [("duration_s", r.number("/duration_s")), ("the WAV", length)] {
        if (s - e["duration_s"].as_f64().unwrap()).abs() > 0.02 {
            say(format!("{what} is {s} s long, expected {}", e["duration_s"]));
        }
    }
    let (got, wanted) = (by_source(&r.json["streams"]), by_source(&e["streams"]));
    if got != wanted {
        say(format!("streams\n  are      {got:?}\n  expected {wanted:?}"));
    }
    for (kind, n) in e["events"].as_object().unwrap() {
        if r.events(kind).len() as u64 != n.as_u64().unwrap() {
            say(format!("{} {kind} events, expected {n}: {}", r.events(kind).len(), r.json["events"]));
        }
    }
}

/// Packets, lost, duplicates by channel, SSRC and codec. A source heard between several
/// pairs of addresses is several streams; the expectation has one.
fn by_source(streams: &Value) -> BTreeMap<[String; 3], [u64; 3]> {
    let mut all = BTreeMap::new();
    for s in streams.as_array().unwrap() {
        let key = ["channel", "ssrc", "codec"].map(|k| s[k].as_str().unwrap().to_lowercase());
        let sums: &mut [u64; 3] = all.entry(key).or_default();
        for (sum, k) in sums.iter_mut().zip(["packets", "lost", "duplicates"]) {
            *sum += s[k].as_u64().unwrap();
        }
    }
    all
}

fn sounds(e: &Value, r: &Recording, say: &mut impl FnMut(String)) {
    for c in e["contents"].as_array().unwrap() {
        let (channel, hz) = (c["channel"].as_str().unwrap(), c["hz"].as_f64().unwrap());
        let frame = |s: f64| ((s.max(0.0) * f64::from(r.rate)) as usize).min(r.customer.len());
        // The edges are good to 20 ms.
        let (from, to) = (c["from_s"].as_f64().unwrap() + 0.03, c["to_s"].as_f64().unwrap() - 0.03);
        let piece = &r.channel(channel)[frame(from)..frame(to.max(from))];
        if piece.len() < r.rate as usize / 20 {
            continue;
        }
        let own = level(piece, r.rate, hz);
        if own < SOUNDS {
            say(format!("{channel} {from:.2} to {to:.2} s: {hz} Hz at {own:.4}"));
        }
    }
    for hz in e["absent_hz"].as_array().unwrap().iter().filter_map(Value::as_f64) {
        for channel in ["customer", "agent"] {
            let block = r.rate as usize / 5;
            let worst =
                r.channel(channel).chunks_exact(block).enumerate().map(|(i, b)| (level(b, r.rate, hz), i));
            let loudest = worst.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default();
            // A tone that ends or begins inside a block spreads a little.
            if loudest.0 > SILENT && !spreads(e, channel, loudest.1 as f64 / 5.0) || loudest.0 > SOUNDS {
                say(format!(
                    "{channel}: {hz} Hz at {:.4} about {:.1} s, expected nowhere",
                    loudest.0,
                    loudest.1 as f64 / 5.0
                ));
            }
        }
    }
}

/// Whether a tone begins or ends within the fifth of a second from `at`.
fn spreads(e: &Value, channel: &str, at: f64) -> bool {
    let mine = e["contents"].as_array().unwrap().iter().filter(|c| c["channel"] == channel);
    let edges = mine.flat_map(|c| [c["from_s"].as_f64().unwrap(), c["to_s"].as_f64().unwrap()]);
    edges.into_iter().any(|edge| (at - 0.05..at + 0.25).contains(&edge))
}

/// Holds the hash of the samples, or writes it.
fn hashes(path: &Path, text: &str, expected: &Value, run: &Run, say: &mut impl FnMut(String)) {
    let wanted = expected["recordings"].as_array().unwrap();
    let mut blessed = Vec::new();
    for e in wanted {
        let hash: String =
            Sha256::digest(&recording_of(e, run).unwrap().data).iter().map(|b| format!("{b:02x}")).collect();
        blessed.push(hash.clone());
        if std::env::var_os("NAUHURI_BLESS").is_none() && e["pcm_sha256"] != hash.as_str() {
            say(format!("samples hash to {hash}, expected {} (NAUHURI_BLESS=1 accepts)", e["pcm_sha256"]));
        }
    }
    if std::env::var_os("NAUHURI_BLESS").is_none() {
        return;
    }
    let key = "\"pcm_sha256\": ";
    let mut parts = text.split(key);
    let mut out = parts.next().unwrap().to_string();
    for (rest, hash) in parts.zip(blessed) {
        let old = rest.find(['\n', ',', '}']).unwrap();
        out += &format!("{key}\"{hash}\"{}", &rest[old..]);
    }
    if out != text {
        std::fs::write(path, out).unwrap();
    }
}

#[test]
fn a_capture_is_named_in_the_readme() {
    let readme = std::fs::read_to_string(repository("pcaps/README.md")).unwrap();
    for (capture, _) in captures() {
        let name = capture.file_name().unwrap().to_string_lossy();
        assert!(readme.contains(&format!("`{name}`")), "{name}");
    }
}
