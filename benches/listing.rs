//! What `nauhuri list` writes by hand, against the crates that could: `csv`, `serde_json` and jiff.
//!
//! `cargo bench --bench listing`. Both sides of a pair write the same text, which is looked at first:
//! as long as ours is more than 1.2 times as fast, its code is worth keeping.

// A bench that cannot work stops.
#![allow(clippy::unwrap_used)]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use jiff::tz::TimeZone;
use nauhuri::archive::index::{KeptState, Row};
use nauhuri::cmd::list::{csv_lines, json_line, stamps};
use nauhuri::id::derived_uuid;
use nauhuri::pii::Pii;
use nauhuri::store::sidecar::Sidecar;
use nauhuri::time::Timestamp;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// Rows of one pass: a few pages.
const ROWS: u64 = 10_000;
/// A finished sidecar.
const SIDECAR: &str = include_str!("../src/store/writer/answered.json");

fn main() {
    same_text();
    divan::main();
}

fn same_text() {
    let (rows, zone) = (rows(), helsinki());
    assert_eq!(csv_lines(&rows, now()), by_csv(&rows));
    assert_eq!(json_line(SIDECAR, KeptState::Kept).unwrap(), by_serde_json(SIDECAR));
    let at: Vec<Timestamp> = rows.iter().map(|row| row.answered_at).collect();
    assert_eq!(stamps(&at, &zone), by_jiff(&at, &zone));
}

fn now() -> Timestamp {
    Timestamp::EPOCH
}

fn helsinki() -> TimeZone {
    TimeZone::get("Europe/Helsinki").unwrap()
}

/// A call every 31 seconds, as an index gives them.
fn rows() -> Vec<Row> {
    let template: Sidecar = serde_json::from_str(SIDECAR).unwrap();
    let row = |n: u64| {
        let mut s = template.clone();
        s.answered_at = template.answered_at + Duration::from_micros(n * 31_000_007);
        s.ended_at = s.answered_at + Duration::from_secs(n * 104_729 % 1800);
        s.duration_s = (n * 104_729 % 1_800_000) as f64 / 1e3;
        s.id = derived_uuid(s.answered_at, &[&n.to_be_bytes()]);
        s.agent.id = Some(format!("{}", 2000 + n % 200));
        // A plus would be taken for a formula, which only our own side knows of.
        s.customer.number = Some(format!("0040{:07}xxxx", n * 7919 % 10_000_000).as_str().into());
        s.dialled = Some("116117".into());
        let path = PathBuf::from(format!("2026/11/23/recording_{}_{n:08x}.json", 2000 + n % 200));
        Row::of(&path, &s)
    };
    (0..ROWS).map(row).collect()
}

/// The same lines by the crate: each cell is made and handed over.
fn by_csv(rows: &[Row]) -> String {
    let terminator = csv::Terminator::CRLF;
    let mut out = csv::WriterBuilder::new().terminator(terminator).from_writer(Vec::new());
    let truth = |is: bool| if is { "true" } else { "false" };
    for row in rows {
        let number = row.customer.number.as_ref().map_or("", |n| n.as_str());
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let marks: Vec<&str> = row.marks.iter().map(|mark| mark.name()).collect();
        let until = row.until.map(|at| at.to_jiff().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        out.write_field(row.id.to_string()).unwrap();
        out.write_field(row.call_group.to_string()).unwrap();
        out.write_field(row.answered_at.to_rfc3339()).unwrap();
        out.write_field((row.duration_us as f64 / 1e6).to_string()).unwrap();
        out.write_field(text(&row.service)).unwrap();
        out.write_field(row.direction.map_or("", |d| d.name())).unwrap();
        out.write_field(text(&row.agent.id)).unwrap();
        out.write_field(row.agent.name.as_ref().map_or("", Pii::as_str)).unwrap();
        out.write_field(number).unwrap();
        out.write_field(truth(row.customer.withheld)).unwrap();
        out.write_field(row.dialled.as_ref().map_or("", |n| n.as_str())).unwrap();
        out.write_field(row.ended_by.name()).unwrap();
        for is in [row.complete, row.one_way, row.held, row.restricted] {
            out.write_field(truth(is)).unwrap();
        }
        out.write_field(row.state(now()).name()).unwrap();
        out.write_field(until.unwrap_or_default()).unwrap();
        out.write_field(row.wav_bytes.to_string()).unwrap();
        out.write_field(&row.sha256).unwrap();
        out.write_field(row.path.to_string_lossy().as_ref()).unwrap();
        out.write_field(marks.join(" ")).unwrap();
        out.write_record(None::<&[u8]>).unwrap();
    }
    String::from_utf8(out.into_inner().unwrap()).unwrap()
}

fn by_serde_json(sidecar: &str) -> String {
    let mut value: Value = serde_json::from_str(sidecar).unwrap();
    value["state"] = KeptState::Kept.name().into();
    value.to_string()
}

fn by_jiff(instants: &[Timestamp], zone: &TimeZone) -> String {
    let mut text = String::new();
    for at in instants {
        let local = at.to_jiff().to_zoned_datetime(zone.clone());
        text += &local.strftime("%Y-%m-%dT%H:%M:%S ").to_string();
    }
    text
}

#[divan::bench(sample_count = 20)]
fn csv_ours(bencher: Bencher) {
    let rows = rows();
    bencher.counter(ItemsCount::new(rows.len())).bench_local(|| csv_lines(black_box(&rows), now()));
}

#[divan::bench(sample_count = 20)]
fn csv_crate(bencher: Bencher) {
    let rows = rows();
    bencher.counter(ItemsCount::new(rows.len())).bench_local(|| by_csv(black_box(&rows)));
}

#[divan::bench]
fn json_ours(bencher: Bencher) {
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| json_line(black_box(SIDECAR), KeptState::Kept));
}

#[divan::bench]
fn json_serde(bencher: Bencher) {
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| by_serde_json(black_box(SIDECAR)));
}

#[divan::bench(sample_count = 20)]
fn stamps_ours(bencher: Bencher) {
    let (at, zone) = (instants(), helsinki());
    bencher.counter(ItemsCount::new(at.len())).bench_local(|| stamps(black_box(&at), &zone));
}

#[divan::bench(sample_count = 20)]
fn stamps_jiff(bencher: Bencher) {
    let (at, zone) = (instants(), helsinki());
    bencher.counter(ItemsCount::new(at.len())).bench_local(|| by_jiff(black_box(&at), &zone));
}

fn instants() -> Vec<Timestamp> {
    rows().iter().map(|row| row.answered_at).collect()
}
