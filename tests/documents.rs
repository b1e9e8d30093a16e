//! What the documents say is what the program does: every key of the JSON is explained, every
//! metric listed, and no link leads nowhere.
//!
//! `docs/metrics.md` is written from `tests/data/metrics.golden`, which `tests/metrics.rs`
//! holds against the program: `NAUHURI_BLESS=1 cargo test --test documents`.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]

mod common;

use common::repository;
use common::run::replay;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Captures whose recordings have, among them, every kind of event.
const CAPTURES: [&str; 3] = ["sipp-hold-resume", "sipp-dtmf-info", "sipp-codec-change"];

/// Keys that a document explains as a whole.
const EXPLAINED_WHOLE: [&str; 1] = ["restricted"];

fn keys(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) if !EXPLAINED_WHOLE.contains(&path) => {
            for (key, value) in object {
                let dot = if path.is_empty() { "" } else { "." };
                keys(value, &format!("{path}{dot}{key}"), found);
            }
        }
        Value::Array(list) if list.iter().any(Value::is_object) => {
            for value in list {
                keys(value, &format!("{path}[]"), found);
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

#[test]
fn every_key_of_the_json_is_explained() {
    let text = fs::read_to_string(repository("docs/recording.md")).unwrap();
    let mut found = BTreeSet::new();
    for name in CAPTURES {
        let config = fs::read_to_string(repository("pcaps/nauhuri.toml")).unwrap();
        let run = replay(&config, &[&repository(&format!("pcaps/{name}.pcap"))]);
        assert!(!run.recordings.is_empty(), "{name}");
        run.recordings.iter().for_each(|r| keys(&r.json, "", &mut found));
    }
    let rows: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("| ")?.split('|').next()).collect();
    let is_explained = |key: &&String| rows.iter().any(|r| r.contains(&format!("`{key}`")));
    let missing: Vec<_> = found.iter().filter(|key| !is_explained(key)).collect();
    assert!(missing.is_empty(), "not in docs/recording.md: {missing:?}");
    assert!(found.len() > 30 && found.contains("events[].channel"), "{found:?}");
}

/// A family of the golden file: name, kind, labels, help.
fn metrics(golden: &str) -> String {
    let mut text = String::from(
        "# Metrics\n\nServed at `http://127.0.0.1:9160/metrics` (`metrics.listen`). This page is made from the program.\n\n\
         | name | kind | labels | meaning |\n| --- | --- | --- | --- |\n",
    );
    for help in golden.lines().filter_map(|l| l.strip_prefix("# HELP ")) {
        let (name, help) = help.split_once(' ').unwrap();
        let kind = golden.lines().find_map(|l| l.strip_prefix(&format!("# TYPE {name} "))).unwrap();
        let labels = labels(golden, name);
        writeln!(text, "| `{name}` | {kind} | {labels} | {} |", help.replace('|', "\\|")).unwrap();
    }
    text
}

/// `reason`: `a`, `b`, ... ; of a label whose values the configuration gives only its name.
fn labels(golden: &str, name: &str) -> String {
    let mut found: Vec<(&str, BTreeSet<&str>)> = Vec::new();
    let series = golden.lines().filter(|l| !l.starts_with('#'));
    let of_family = series.filter_map(|l| l.strip_prefix(name)?.split_once('{'));
    for (suffix, rest) in of_family {
        if !["", "_bucket"].contains(&suffix) {
            continue;
        }
        for pair in rest.trim_end_matches('}').split("\",") {
            let (label, value) = pair.trim_end_matches('"').split_once("=\"").unwrap();
            match found.iter_mut().find(|(l, _)| *l == label) {
                Some((_, values)) => drop(values.insert(value)),
                None => found.push((label, BTreeSet::from([value]))),
            }
        }
    }
    found.retain(|(label, _)| *label != "le");
    let told = found.iter().map(|(label, values)| match *label {
        "service" | "interface" | "version" => format!("`{label}`"),
        _ => format!("`{label}`: {}", values.iter().copied().collect::<Vec<_>>().join(", ")),
    });
    told.collect::<Vec<_>>().join("; ")
}

/// Fails if a file that is made from the program is not what the program makes now.
fn is_made(path: &str, made: &str) {
    if std::env::var_os("NAUHURI_BLESS").is_some() {
        fs::write(repository(path), made).unwrap();
    }
    let found = fs::read_to_string(repository(path)).unwrap_or_default();
    assert!(made == found, "{path} is not of this program: NAUHURI_BLESS=1 cargo test --test documents");
}

#[test]
fn every_metric_is_listed() {
    is_made(
        "docs/metrics.md",
        &metrics(&fs::read_to_string(repository("tests/data/metrics.golden")).unwrap()),
    );
}

#[test]
fn every_key_of_the_configuration_is_in_the_sample_and_the_reference() {
    is_made("config/nauhuri.toml", &nauhuri::config::sample::sample());
    is_made("docs/configuration.md", &nauhuri::config::sample::reference());
}

/// The documents at the top and below.
fn documents() -> Vec<PathBuf> {
    let mut all = Vec::new();
    for folder in ["", "docs", "systemd", "pcaps", "config", "findings", "benches", "fuzz"] {
        let Ok(entries) = fs::read_dir(repository(folder)) else { continue };
        let paths = entries.map(|e| e.unwrap().path());
        all.extend(paths.filter(|p| p.extension().is_some_and(|e| e == "md")));
    }
    all
}

/// Where the links of a document lead, inside this repository.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let paths = targets.map(|t| t.split('#').next().unwrap_or(t));
    paths.filter(|t| !t.is_empty() && !t.contains("://")).collect()
}

#[test]
fn no_link_leads_nowhere() {
    let all = documents();
    assert!(all.len() >= 8, "{all:?}");
    let mut checked = 0;
    for page in all {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            checked += 1;
            let target = page.parent().unwrap_or(Path::new("")).join(link);
            assert!(target.exists(), "{}: {link}", page.display());
        }
    }
    assert!(checked > 10, "{checked} links");
}
