//! `/metrics` as scrapers, dashboards and alert rules depend on it.
//!
//! The families, their types, HELP and every label set stand in
//! `tests/data/metrics.golden`; values do not. A difference is a change to
//! the outside: when it is meant, bless it with
//!
//! ```text
//! NAUHURI_BLESS=1 cargo test --test metrics
//! ```
//!
//! and say so in CHANGELOG.md. Adding is fine; renaming breaks dashboards. The same makes the board for Grafana
//! anew, `config/grafana/nauhuri.json`; a new metric needs a panel in `tests/metrics/panels.rs`.

#[path = "metrics/board.rs"]
mod board;
#[path = "metrics/panels.rs"]
mod panels;

use nauhuri::telemetry::http::Server;
use nauhuri::telemetry::{Metrics, Readiness};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

const BLESS: &str = "NAUHURI_BLESS";

fn in_repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The body of `/metrics`, fetched as a scraper does.
fn scrape() -> String {
    let metrics = Arc::new(Metrics::new(["116117", "general"]));
    let server =
        Server::start(([127, 0, 0, 1], 0).into(), metrics, Arc::new(Readiness::new(0))).expect("server");
    let mut stream = TcpStream::connect(server.addr()).expect("connect");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a header and a body");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    body.to_string()
}

/// Without values, and without the version that changes with each release.
fn shape(body: &str) -> String {
    let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
    let series = |l: &str| match l.starts_with('#') {
        true => l.to_string(),
        false => l.rsplit_once(' ').map_or(l, |(series, _)| series).replace(&version, "version=\"...\""),
    };
    body.lines().map(|l| series(l) + "\n").collect()
}

/// Family names with their types.
fn families(body: &str) -> Vec<(&str, &str)> {
    body.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.split_once(' ')).collect()
}

#[test]
fn the_shape_is_the_golden_one() {
    let golden = in_repository("tests/data/metrics.golden");
    let now = shape(&scrape());
    if std::env::var_os(BLESS).is_some() {
        fs::write(&golden, &now).expect("the golden file");
    }
    let then = fs::read_to_string(&golden).expect("tests/data/metrics.golden");
    if now == then {
        return;
    }
    let (now, then): (BTreeSet<_>, BTreeSet<_>) = (now.lines().collect(), then.lines().collect());
    panic!(
        "/metrics has changed.\ngone: {:#?}\nnew: {:#?}\nIf it is meant: {BLESS}=1 cargo test --test metrics",
        then.difference(&now).collect::<Vec<_>>(),
        now.difference(&then).collect::<Vec<_>>(),
    );
}

#[test]
fn what_was_promised_is_there() {
    let body = scrape();
    let has = families(&body);
    for (name, kind) in [
        ("nauhuri_build_info", "gauge"),
        ("nauhuri_packets_received_total", "counter"),
        ("nauhuri_packets_dropped_total", "counter"),
        ("nauhuri_capture_lag_seconds", "gauge"),
        ("nauhuri_sip_messages_total", "counter"),
        ("nauhuri_sip_parse_errors_total", "counter"),
        ("nauhuri_dialogs", "gauge"),
        ("nauhuri_calls_answered_total", "counter"),
        ("nauhuri_recordings_active", "gauge"),
        ("nauhuri_recordings_completed_total", "counter"),
        ("nauhuri_recordings_failed_total", "counter"),
        ("nauhuri_calls_unrecorded_total", "counter"),
        ("nauhuri_recordings_one_way_total", "counter"),
        ("nauhuri_rtp_packets_total", "counter"),
        ("nauhuri_rtp_lost_total", "counter"),
        ("nauhuri_rtp_unmatched_total", "counter"),
        ("nauhuri_rtp_jitter_seconds", "histogram"),
        ("nauhuri_storage_bytes", "gauge"),
        ("nauhuri_storage_free_bytes", "gauge"),
        ("nauhuri_write_seconds", "histogram"),
        ("nauhuri_retention_deleted_total", "counter"),
        ("nauhuri_retention_overdue", "gauge"),
    ] {
        assert!(has.contains(&(name, kind)), "{name} ({kind}) is missing");
    }
}

#[test]
fn the_text_is_well_formed() {
    let body = scrape();
    let mut seen = BTreeSet::new();
    for family in body.split("\n\n").filter(|f| !f.trim().is_empty()) {
        let lines: Vec<&str> = family.trim().lines().collect();
        let (name, help) =
            lines[0].strip_prefix("# HELP ").and_then(|l| l.split_once(' ')).expect("HELP first");
        assert!(help.len() > 5, "{name}");
        assert!(seen.insert(name), "{name} twice");
        let kind = lines[1].strip_prefix(&format!("# TYPE {name} ")).expect("TYPE second");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        assert!(lines.len() > 2, "{name} has no series");
        for line in &lines[2..] {
            assert!(line.starts_with(name), "{line} under {name}");
            let value = line.rsplit(' ').next().expect("a value");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
}

#[test]
fn alert_rules_and_top_use_only_metrics_that_exist() {
    let body = scrape();
    let names: BTreeSet<&str> = families(&body).into_iter().map(|(n, _)| n).collect();
    let rules = fs::read_to_string(in_repository("config/prometheus/nauhuri.rules.yml")).expect("rules");
    // `nauhuri top` reads them as well.
    let figures = fs::read_to_string(in_repository("src/top/top_figures.rs")).expect("figures");
    for text in [&rules, &figures] {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for word in words.filter(|w| w.starts_with("nauhuri_")) {
            let family =
                ["_bucket", "_sum", "_count"].iter().find_map(|s| word.strip_suffix(s)).unwrap_or(word);
            assert!(names.contains(family), "{word} is used but not exported");
        }
    }
    for block in rules.split("- alert: ").skip(1) {
        let alert = block.lines().next().unwrap_or_default();
        let description =
            block.split_once("description: |\n").map(|(_, d)| d.trim_start()).unwrap_or_default();
        assert!(description.starts_with("Is recording being lost right now? "), "{alert}");
        assert!(block.contains("severity: page") || block.contains("severity: ticket"), "{alert}");
    }
}

/// Each alert fires in some test of the rules: an `expr` that names it has samples.
#[test]
fn every_alert_fires_in_a_test() {
    let rules = fs::read_to_string(in_repository("config/prometheus/nauhuri.rules.yml")).expect("rules");
    let tests = fs::read_to_string(in_repository("tests/data/rules.test.yml")).expect("tests of the rules");
    let alerts: Vec<&str> = rules.lines().filter_map(|l| l.trim_start().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() >= 40, "{alerts:?}");
    let fires: Vec<&str> = tests
        .split("- expr: ")
        .filter(|t| t.contains("alertstate=\"firing\"") && t.contains("exp_samples: [{"))
        .filter_map(|t| t.lines().next())
        .collect();
    let names =
        |expr: &str, alert: &str| expr.split(|c: char| !c.is_alphanumeric()).any(|word| word == alert);
    let silent: Vec<_> = alerts.iter().filter(|a| !fires.iter().any(|expr| names(expr, a))).collect();
    assert!(silent.is_empty(), "no test lets them fire: {silent:?}");
}

/// Every thread that is watched has a block: its alerts fire.
#[test]
fn every_thread_has_its_alert() {
    let body = scrape();
    let tests = fs::read_to_string(in_repository("tests/data/rules.test.yml")).expect("tests of the rules");
    let threads =
        body.lines().filter_map(|l| l.strip_prefix("nauhuri_thread_ok{thread=\"")?.split('"').next());
    for thread in threads {
        let name = format!("- name: the {thread} thread dies or hangs");
        assert!(tests.contains(&name), "{thread}");
    }
}

/// Prometheus' own tool, which `scripts/setup` unpacks from Debian's package without installing the server.
fn promtool(args: &[&str]) -> Output {
    let unpacked = in_repository("target/tools/usr/bin/promtool");
    let promtool = if unpacked.exists() { unpacked } else { "promtool".into() };
    let said = Command::new(&promtool).args(args).output();
    said.expect("promtool is missing: scripts/setup brings it (target/tools)")
}

#[test]
fn alert_rules_fire_and_keep_quiet() {
    let tests = in_repository("tests/data/rules.test.yml");
    let said = promtool(&["test", "rules", &tests.display().to_string()]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}
