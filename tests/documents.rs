//! What the documents say is what the program does: every key of the JSON is explained, every
//! metric listed, and no link leads nowhere.
//!
//! `docs/metrics.md` is written from `tests/data/metrics.golden`, which `tests/metrics.rs`
//! holds against the program: `NAUHURI_BLESS=1 cargo test --test documents`.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]

mod common;

use common::repository;
use nauhuri::call::{Agent, Customer};
use nauhuri::config::Language;
use nauhuri::id::Channel;
use nauhuri::pii::Pii;
use nauhuri::store::amendment::Amendment;
use nauhuri::store::legible::Legible;
use nauhuri::store::sidecar::{
    AppliedPolicy, Audio, EndedBy, EventRecord, RetentionRecord, Sidecar, SipInfo, Stream, UndecodedPayload,
};
use nauhuri::store::wav::WavEncoding;
use nauhuri::time::Timestamp;
use serde_json::{Value, from_value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Keys of what somebody did to a recording: explained by their own names, in a table of their own.
const CASES: [&str; 3] = ["retention.hold.", "restricted.", "amendments[]."];

fn keys(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        // Its keys are keys of the sidecar.
        Value::Object(object) if path != "amendments[].was" => {
            for (key, value) in object {
                let dot = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{dot}{key}");
                if value.is_object() || value.is_array() {
                    found.insert(path.clone());
                }
                keys(value, &path, found);
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

/// A sidecar that has every key. A field that is added to one of these types has to be added here.
fn full() -> Sidecar {
    let at = Timestamp::from_parts(1_780_000_000, 0);
    let held = json!({
        "reason": "crime", "ref": "A", "by": "b", "at": "2026-12-01T08:15:00Z",
        "reviewed_by": "b", "reviewed_at": "2026-12-02T08:15:00Z",
        "also": [{ "reason": "dsar", "ref": "B", "by": "b", "at": "2026-12-03T08:15:00Z" }],
    });
    let restricted = json!({ "ref": "A", "by": "b", "at": "2026-12-01T08:15:00Z" });
    let mut amendment = Amendment::new("A", "b".into(), at, Some(Pii::new("a note".into())));
    amendment.note_was("agent.id", None);
    Sidecar {
        schema: 1,
        id: Uuid::nil(),
        call_group: Uuid::nil(),
        wav: Pii::new("a.wav".into()),
        service: None,
        direction: None,
        agent: Agent { id: None, name: None },
        customer: Customer { number: None, withheld: false },
        dialled: None,
        answered_at: at,
        ended_at: at,
        duration_s: 1.0,
        ended_by: EndedBy::Agent,
        complete: true,
        sip: SipInfo { call_id: None },
        audio: Audio::begin(8000, WavEncoding::PcmS16le),
        streams: vec![Stream {
            channel: Channel::Agent,
            codec: "PCMA".into(),
            ssrc: "0x00000001".into(),
            source: Some("claimed".into()),
            packets: 1,
            lost: 0,
            late: 0,
            duplicates: 0,
            jitter_ms: 0.0,
            mos: None,
            skew_ppm: Some(-1.5),
        }],
        events: vec![EventRecord {
            at_s: 1.0,
            kind: "pause".into(),
            codec: Some("PCMA".into()),
            channel: Some(Channel::Agent),
            end_s: Some(2.0),
            by: Some("key".into()),
            resumed_by: Some("limit".into()),
        }],
        retention: RetentionRecord { until: Some(at), hold: from_value(held).unwrap() },
        policy: Some(AppliedPolicy {
            retention: from_value(json!("6 months")).unwrap(),
            retention_bound: from_value(json!("keep")).unwrap(),
            timezone: None,
            hide_caller_digits: from_value(json!(4)).unwrap(),
            silence_tones: true,
        }),
        restricted: from_value(restricted).unwrap(),
        amendments: Legible::Known(vec![amendment]),
        paused_s: 1.0,
        undecoded: Some(UndecodedPayload {
            file: Pii::new("a.pcap".into()),
            sha256: String::new(),
            else_complete: true,
            decoded_at: Some(at),
        }),
        assurance: Some(from_value(json!({ "bucket": "partial", "reasons": ["no_rtp"] })).unwrap()),
        before_agent_s: Some(1.0),
        before_agent_leg: None,
        extra: Pii::default(),
    }
}

#[test]
fn every_key_of_the_json_is_explained() {
    let text = fs::read_to_string(repository("docs/recording.md")).unwrap();
    let mut found = BTreeSet::new();
    keys(&serde_json::to_value(full()).unwrap(), "", &mut found);
    let rows: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("| ")?.split('|').next()).collect();
    let is_row = |key: &str| rows.iter().any(|r| r.contains(&format!("`{key}`")));
    let is_explained = |key: &&String| {
        let of_case = CASES.iter().find_map(|case| key.strip_prefix(case));
        let folder =
            rows.iter().any(|r| r.contains(&format!("`{key}.")) || r.contains(&format!("`{key}[]`")));
        folder || is_row(of_case.map_or(key.as_str(), |rest| rest.trim_start_matches("also[].")))
    };
    let missing: Vec<_> = found.iter().filter(|key| !is_explained(key)).collect();
    assert!(missing.is_empty(), "not in docs/recording.md: {missing:?}");
    for key in ["events[].resumed_by", "undecoded.decoded_at", "paused_s", "retention.hold.also[].ref"] {
        assert!(found.contains(key), "{key} is not in {found:?}");
    }
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

/// Every sentence of the privacy notice: id, promises, English text with its holes.
fn notice_sentences() -> String {
    let mut text = String::from(
        "# Sentences of the privacy notice\n\nWhat `nauhuri notice` can say; [notice.md](notice.md) explains it. A sentence is written \
         only if the configuration keeps it. `{...}` is filled in from the configuration. The promises are those of the five \
         public notices in `config/examples/`. This page is made from the program.\n\n\
         | id | promises | in English |\n| --- | --- | --- |\n",
    );
    for sentence in nauhuri::notice::sentences() {
        let english = sentence.template(Language::En);
        writeln!(text, "| `{}` | {} | {english} |", sentence.id, sentence.promises.join(" ")).unwrap();
    }
    text
}

#[test]
fn every_sentence_of_the_notice_is_listed() {
    is_made("docs/sentences.md", &notice_sentences());
}

#[test]
fn every_key_of_the_configuration_is_in_the_sample_and_the_reference() {
    is_made("config/nauhuri.toml", &nauhuri::config::sample::sample());
    is_made("docs/configuration.md", &nauhuri::config::sample::reference());
}

/// The words of a message that are always the same: not `...`, `N`, a mode, a key, or a field of a log line.
fn fixed_words(message: &str) -> Vec<String> {
    let is_field = |word: &str| word.contains('=') && !word.ends_with('=');
    let is_any = |word: &str| {
        let bare = word.trim_matches(|c: char| ",:;".contains(c));
        let is_mode = bare.starts_with('0') && bare.bytes().all(|b| b.is_ascii_digit());
        matches!(bare, "..." | "N") || bare.starts_with('`') || is_mode || is_field(word)
    };
    let words: Vec<&str> = message.split_whitespace().collect();
    words.split(|w| is_any(w)).map(|w| w.join(" ")).filter(|w| !w.is_empty()).collect()
}

/// The messages of a row, without where they are seen.
fn messages(row: &str) -> Vec<&str> {
    let cell = row.trim_start_matches("| ").split(" |").next().unwrap().split(" (`").next().unwrap();
    match cell.strip_prefix("`` ") {
        Some(quoted) => vec![quoted.trim_end_matches(" ``")],
        None => cell.split('`').skip(1).step_by(2).collect(),
    }
}

#[test]
fn every_message_is_the_programs() {
    let (mut sources, mut folders) = (String::new(), vec![repository("src")]);
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            match path.is_dir() {
                true => folders.push(path),
                false => sources += &fs::read_to_string(path).unwrap(),
            }
        }
    }
    // Literals that go on in the next line, and comments left out: they quote nobody.
    let lines = sources.lines().map(str::trim_start).filter(|l| !l.starts_with("//"));
    let sources = lines.collect::<Vec<_>>().join("\n").replace("\\\n", "");
    let page = fs::read_to_string(repository("docs/operating.md")).unwrap();
    let table = page.split("## Messages and what to do").nth(1).unwrap();
    let rows: Vec<&str> = table.lines().filter(|l| l.starts_with("| `")).collect();
    assert!(rows.len() > 25, "{rows:?}");
    for row in rows {
        assert!(!messages(row).is_empty(), "{row}");
        for message in messages(row) {
            let words = fixed_words(message);
            assert!(words.iter().any(|w| w.contains(' ')), "{message}: nothing to look for");
            for words in words {
                let words = words.trim_end_matches([',', ':', ';']);
                assert!(sources.contains(words), "no message says `{words}`: {row}");
            }
            let fields = message.split_whitespace().filter_map(|w| w.split_once('='));
            for (_, value) in fields.filter(|(_, v)| v.parse::<u64>().is_err()) {
                assert!(sources.contains(&format!("\"{value}\"")), "no field has the value {value}: {row}");
            }
        }
    }
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
