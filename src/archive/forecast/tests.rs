//! Sums that can be done by hand.

use super::*;
use crate::archive::index::rebuild;
use crate::store::sidecar::Sidecar;
use std::path::Path;

const MIB: u64 = 1 << 20;

fn at(text: &str) -> Timestamp {
    crate::store::sidecar::parse_rfc3339(text).unwrap()
}

struct Store {
    _dir: tempfile::TempDir,
    index: Index,
    made: u64,
}

impl Store {
    fn new() -> Store {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        rebuild(dir.path(), &state, &mut |_| ()).unwrap();
        let index = Index::open(&state).unwrap();
        Store { _dir: dir, index, made: 0 }
    }

    /// A recording that takes `mib` with all that belongs to it.
    fn add(&mut self, answered: &str, mib: u64, until: Option<&str>) {
        let mut s: Sidecar = serde_json::from_str(include_str!("../../store/writer/answered.json")).unwrap();
        self.made += 1;
        s.id = crate::id::derived_uuid(at(answered), &[&self.made.to_be_bytes()]);
        (s.answered_at, s.ended_at) = (at(answered), at(answered));
        s.audio.frames = (mib * MIB - BESIDE_AUDIO - 94) / 2;
        s.retention.until = until.map(at);
        let path = format!("/s/2026/11/{}.json", self.made);
        self.index.put(Path::new("/s"), Path::new(&path), &s).unwrap();
    }

    fn ahead(&self, free: u64, days: u16) -> Forecast {
        let space = Space { free: free * MIB, min_free: 10 * MIB };
        let now = at("2026-11-23T12:00:00Z");
        forecast(&self.index, now, space, days, &TimeZone::UTC).unwrap()
    }
}

#[test]
fn an_empty_store_is_never_full() {
    let f = Store::new().ahead(100, 30);
    assert_eq!((f.exhausted_at, f.days.len(), f.days[30].free), (None, 31, 100 * MIB));
    assert!(f.services.is_empty());
    assert_eq!(Store::new().ahead(10, 1).exhausted_at, Some(at("2026-11-23T12:00:00Z")));
}

#[test]
fn four_even_days_go_on_evenly() {
    let mut store = Store::new();
    for day in 19..=22 {
        store.add(&format!("2026-11-{day}T09:00:00Z"), 4, None);
        store.add(&format!("2026-11-{day}T10:00:00Z"), 4, None);
    }
    let f = store.ahead(100, 20);
    assert_eq!((f.history_days, f.services.len()), (4, 1));
    assert_eq!((f.services[0].bytes_a_day, f.services[0].recordings_a_day), ((8 * MIB) as f64, 2.0));
    // Half of today is left.
    assert_eq!((f.days[0].recorded, f.days[0].free, f.days[1].free), (4 * MIB, 96 * MIB, 88 * MIB));
    // 90 MiB above the reserve: 4 today, 8 on each of the ten days after it, 6 of 8 on the eleventh.
    assert_eq!(f.exhausted_at, Some(at("2026-12-04T18:00:00Z")));
    assert_eq!(store.ahead(100, 10).exhausted_at, None);
}

#[test]
fn what_expires_makes_room() {
    let mut store = Store::new();
    // Three days in store each: it was full of them long ago, and stays as full.
    for (day, until) in [(20, 23), (21, 24), (22, 25)] {
        store.add(&format!("2026-11-{day}T12:00:00Z"), 8, Some(&format!("2026-11-{until}T00:00:00Z")));
    }
    let f = store.ahead(30, 100);
    assert_eq!(f.services[0].kept_days, Some(3));
    assert_eq!(f.exhausted_at, None);
    assert_eq!((f.days[0].expiring, f.days[1].expiring, f.days[2].expiring), (8 * MIB, 8 * MIB, 8 * MIB));
    assert_eq!((f.days[3].expiring, f.days[4].expiring, f.days[50].expiring), (4 * MIB, 8 * MIB, 8 * MIB));
    assert_eq!(f.days[100].free, f.days[50].free);
}

#[test]
fn mondays_are_mondays() {
    let mut store = Store::new();
    // 26 October to 22 November 2026, Mondays only.
    for day in ["10-26", "11-02", "11-09", "11-16"] {
        store.add(&format!("2026-{day}T08:00:00Z"), 14, None);
    }
    let f = store.ahead(1_000, 8);
    assert_eq!(f.history_days, 28);
    let recorded: Vec<u64> = f.days.iter().map(|d| d.recorded / MIB).collect();
    assert_eq!(recorded, [7, 0, 0, 0, 0, 0, 0, 14, 0]);
}

#[test]
fn a_first_day_is_taken_for_a_day() {
    let mut store = Store::new();
    store.add("2026-11-23T06:00:00Z", 6, None);
    let f = store.ahead(100, 2);
    assert_eq!((f.days[0].recorded, f.days[1].recorded), (12 * MIB, 24 * MIB));
    let text = serde_json::to_value(&f).unwrap();
    assert_eq!(text["days"][1]["date"], "2026-11-24");
}
