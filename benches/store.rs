//! How long a question takes where a million recordings are: every filter of
//! `list`, sums, and the rates of putting, rebuilding and verifying.
//!
//! `cargo bench --bench store`. Rows are made in SQL, files for a smaller set.
//! `NAUHURI_BENCH_ROWS` and `NAUHURI_BENCH_FILES` set other sizes.

// A bench that cannot work stops.
#![allow(clippy::unwrap_used)]

use nauhuri::archive::index::{INDEX, rebuild};
use nauhuri::archive::search::{Flag, Search};
use nauhuri::archive::verify::{VerifyOptions, verify};
use nauhuri::archive::{Archive, NoIndex, Place};
use nauhuri::config::{CallDirection, Storage};
use nauhuri::id::derived_uuid;
use nauhuri::store::layout::RecordingName;
use nauhuri::store::mark;
use nauhuri::store::sidecar::Sidecar;
use nauhuri::store::wav::{WavEncoding, WavSpec};
use nauhuri::store::writer::{RecordingWriter, WriterOptions};
use nauhuri::time::Timestamp;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

/// 2026-01-01T00:00:00Z
const T0: i64 = 1_767_225_600;

/// A year's worth of rows, in SQL: 2 % incomplete, 1 % one-way, 0.1 % held.
const FILL: &str = "
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
INSERT INTO recording (id, call_group, path, service, direction, agent_id, agent_name, number, withheld,
    dialled, answered_at, duration_us, ended_by, complete, one_way, held, restricted, until, wav_bytes,
    sha256, sample_rate, marks, short)
SELECT randomblob(16), randomblob(16),
    printf('2026/11/23/20261123T081523.120Z_%d_+35840%03dxxxx_%08x.json', 2000 + i % 200, i * 7919 % 1000, i),
    CASE WHEN i % 100 < 60 THEN 'general' WHEN i % 100 < 95 THEN '116117' ELSE 'rare' END,
    CASE WHEN i % 10 < 8 THEN 'inbound' ELSE 'outbound' END,
    printf('%d', 2000 + i % 200), 'M. Virtanen',
    CASE WHEN i % 20 = 0 THEN NULL ELSE printf('+35840%07dxxxx', i * 7919 % 10000000) END, i % 20 = 0,
    '116117', (?2 + i * 31) * 1000000000, (i * 104729 % 1800) * 1000000, 'agent',
    i % 50 != 0, i % 100 = 7, i % 1000 = 3, i % 2000 = 5, (?2 + i * 31 + 15811200) * 1000000000,
    2000000, printf('%064x', i), 8000, 0, i
FROM n";

fn at(s: i64) -> Timestamp {
    Timestamp::from_parts(T0 + s, 0)
}

fn size(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> (T, f64) {
    let started = Instant::now();
    let out = work();
    let s = started.elapsed().as_secs_f64();
    println!("{what:<44} {:>10.1} ms", s * 1e3);
    (out, s)
}

fn main() {
    // Without `--bench` cargo asks only whether it runs.
    let bench = std::env::args().any(|a| a == "--bench");
    let (rows, files) = if bench { (1_000_000, 5_000) } else { (1_000, 20) };
    questions(size("NAUHURI_BENCH_ROWS", rows) as i64);
    files_of(size("NAUHURI_BENCH_FILES", files));
}

fn questions(rows: i64) {
    let dir = tempfile::tempdir().unwrap();
    let place = Place::of(&Storage { dir: dir.path().to_owned(), ..Storage::default() });
    drop(Archive::open(&place, NoIndex::Build).unwrap());
    let conn = rusqlite::Connection::open(place.state.join(INDEX)).unwrap();
    timed(&format!("{rows} rows made"), || conn.execute(FILL, [rows, T0]).unwrap());
    drop(conn);
    let index = Archive::reopen(&place).unwrap().index;
    index.scrub().unwrap();
    let bytes = std::fs::metadata(place.state.join(INDEX)).unwrap().len();
    println!("{:<44} {:>10} MB", "index.db", bytes / 1_000_000);
    println!("\n{:<22} {:>9} {:>14} {:>12}", "search", "found", "first page ms", "all ms");
    for (name, search) in searches(rows) {
        let started = Instant::now();
        let mut first = None;
        let mut n = 0;
        index
            .each(&search, |_| {
                first.get_or_insert_with(|| started.elapsed());
                n += 1;
                ControlFlow::Continue(())
            })
            .unwrap();
        let first = first.unwrap_or_else(|| started.elapsed()).as_secs_f64();
        println!("{name:<22} {n:>9} {:>14.1} {:>12.1}", first * 1e3, started.elapsed().as_secs_f64() * 1e3);
    }
    println!();
    let now = at(200 * 86_400);
    timed("count of everything", || index.count(&Search::default()).unwrap());
    timed("stats", || index.stats(now).unwrap());
    timed("overdue", || index.overdue(now).unwrap());
    timed("due_before, 10000", || index.due_before(now, 10_000).unwrap());
    timed("recorded in 28 days", || index.recorded(at(0), at(28 * 86_400), 7_200).unwrap());
    timed("falling due", || index.falling_due(Timestamp::FAR_FUTURE).unwrap());
}

fn searches(rows: i64) -> Vec<(&'static str, Search)> {
    let s = |f: fn(&mut Search)| {
        let mut search = Search { now: at(100 * 86_400), ..Search::default() };
        f(&mut search);
        search
    };
    let middle = at(rows * 31 / 2);
    let day = |mut s: Search| {
        (s.since, s.until) = (Some(middle), Some(middle + Duration::from_secs(86_400)));
        s
    };
    vec![
        ("everything", s(|_| ())),
        ("a day", day(s(|_| ()))),
        ("a day, a service", day(s(|s| s.service = Some("116117".into())))),
        ("newest 50", s(|s| s.limit = Some(50))),
        ("service, 5 %", s(|s| s.service = Some("rare".into()))),
        ("service, none", s(|s| s.service = Some("none".into()))),
        ("agent", s(|s| s.agent = Some("2077".into()))),
        ("direction, 20 %", s(|s| s.direction = Some(CallDirection::Outbound))),
        ("direction, none", s(|s| s.direction = Some(CallDirection::Internal))),
        ("number, middle", s(|s| s.number = vec!["404242".into()])),
        ("number, none", s(|s| s.number = vec!["999999999".into()])),
        ("number, three forms", s(|s| s.number = vec!["040 99".into(), "04099".into(), "3584099".into()])),
        ("longer than 29 min", s(|s| s.longer = Some(Duration::from_secs(1_790)))),
        ("shorter than 2 s", s(|s| s.shorter = Some(Duration::from_secs(1)))),
        ("held", s(|s| s.flags = vec![Flag::Held])),
        ("restricted", s(|s| s.flags = vec![Flag::Restricted])),
        ("incomplete", s(|s| s.flags = vec![Flag::Incomplete])),
        ("one-way", s(|s| s.flags = vec![Flag::OneWay])),
        ("expiring", s(|s| s.flags = vec![Flag::Expiring])),
    ]
}

fn files_of(n: u64) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("store");
    let state = mark::state_folder(&root, None);
    println!();
    let rate = |s: f64| println!("{:<44} {:>10.0} a second", "", n as f64 / s);
    rate(timed(&format!("{n} small recordings written"), || (0..n).for_each(|n| record(&root, n))).1);
    rate(timed("rebuild", || rebuild(&root, &state, &mut |_| ()).unwrap()).1);
    let place = Place::of(&Storage { dir: root.clone(), ..Storage::default() });
    let mut index = Archive::reopen(&place).unwrap().index;
    let rows = index.find(&Search::default()).unwrap();
    let sidecars: Vec<_> =
        rows.iter().map(|r| (r.json(&root), Sidecar::read(&r.json(&root)).unwrap())).collect();
    let put = || sidecars.iter().for_each(|(json, s)| index.put(&root, json, s).unwrap());
    rate(timed("put, one by one", put).1);
    timed("reconcile, nothing new", || index.reconcile(&root).unwrap());
    timed("reconcile_all", || index.reconcile_all(&root).unwrap());
    let options = VerifyOptions {
        sample: None,
        now: at(0),
        grace: Duration::ZERO,
        patience: Duration::ZERO,
        access: nauhuri::store::files::Access::Owner,
        threads: 2,
    };
    let (report, s) = timed("verify", || verify(&root, Ok(&index), &options, &mut |_, _| ()).unwrap());
    assert!(report.is_clean(), "{:?}", report.findings.first());
    rate(s);
}

fn record(root: &Path, n: u64) {
    let answered = at(n as i64 * 31);
    let mut s: Sidecar = serde_json::from_str(include_str!("../src/store/writer/answered.json")).unwrap();
    s.id = derived_uuid(answered, &[&n.to_be_bytes()]);
    (s.answered_at, s.duration_s) = (answered, 1.0);
    s.ended_at = answered + Duration::from_secs(1);
    let name = RecordingName::new(answered, Some("2001"), Some("+35840123xxxx"), s.id);
    let spec = WavSpec { rate: 8_000, encoding: WavEncoding::Alaw };
    let options = WriterOptions { sync: false, ..WriterOptions::default() };
    let mut w = RecordingWriter::open(root, &name, spec, s.clone(), &options).unwrap();
    w.append(&[0xd5; 16_000]).unwrap();
    w.close(s).unwrap();
}
