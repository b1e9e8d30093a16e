//! What the archivist keeps in order beside recordings, and cannot.

use crate::leftovers::open;
use crate::studio::{Studio, calls, config};
use nauhuri::daemon::crew::Faults;
use nauhuri::daemon::machine_clock::Clock;
use nauhuri::store::layout::STATE_FOLDER;
use nauhuri::time::Timestamp;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// What is wrong in a store: a folder where a file belongs, or a file where a folder does.
struct Obstacle {
    place: PathBuf,
    before: PathBuf,
}

impl Obstacle {
    fn new(place: &Path, is_folder: bool) -> Obstacle {
        let before = place.with_added_extension("before");
        if place.exists() {
            fs::rename(place, &before).unwrap();
        }
        match is_folder {
            true => fs::create_dir_all(place).unwrap(),
            false => fs::write(place, "").unwrap(),
        }
        Obstacle { place: place.to_owned(), before }
    }

    fn remove(self) {
        match self.place.is_dir() {
            true => fs::remove_dir(&self.place).unwrap(),
            false => fs::remove_file(&self.place).unwrap(),
        }
        if self.before.exists() {
            fs::rename(&self.before, &self.place).unwrap();
        }
    }
}

/// A recorder after its first sweep, and a recording that falls due before the next: so the audit log
/// is written.
fn studio(dir: &Path, wire: &str, clock: &Clock, answered_at: Timestamp) -> Studio {
    fs::create_dir_all(dir.join(STATE_FOLDER)).unwrap();
    for n in 1..=4 {
        let (w, mut s) = open(dir, n, answered_at);
        s.retention.until = Some(answered_at + HOUR + HOUR * n as u32);
        w.close(s).unwrap();
    }
    let mut config = config(dir, wire);
    config.audit.anchor = dir.join("anchor");
    let studio = Studio::start(&config, clock.clone(), Faults::default()).unwrap();
    studio.until("the first sweep", 15, |s| last(s) > 0.0);
    studio.until("figures", 5, |s| s.metric("nauhuri_storage_bytes_per_day{service=\"general\"}") > 0.0);
    studio
}

fn last(studio: &Studio) -> f64 {
    studio.metric("nauhuri_sweep_last_success_timestamp_seconds")
}

/// A sweep that leaves something behind is no success, is told of, and succeeds once it can.
#[test]
fn what_a_sweep_leaves_behind_beside_recordings_is_heard_of() {
    let state = |name: &str| Path::new(STATE_FOLDER).join(name);
    let obstacles = [
        ("register", state("unrecorded.jsonl"), true),
        ("assurance", PathBuf::from("assurance"), false),
        ("training", state("training"), false),
        ("dsar", state("dsar.db"), true),
    ];
    std::thread::scope(|scope| {
        for (task, place, is_folder) in obstacles {
            scope.spawn(move || {
                let dir = tempfile::tempdir().unwrap();
                let answered_at = Timestamp::from_parts(1_780_000_000, 0);
                let clock = Clock::standing(answered_at + HOUR);
                let studio = studio(dir.path(), &format!("upkeep-{task}"), &clock, answered_at);
                let first = last(&studio);
                let series = format!("nauhuri_upkeep_failures_total{{task=\"{task}\"}}");
                assert_eq!(studio.metric(&series), 0.0);
                let obstacle = Obstacle::new(&dir.path().join(place), is_folder);
                clock.turn(HOUR);
                studio.until(task, 15, |s| s.metric(&series) >= 1.0);
                // A recording does not go before its training copies.
                let deleted = if task == "training" { 0.0 } else { 1.0 };
                assert_eq!(studio.metric("nauhuri_retention_deleted_total{service=\"general\"}"), deleted);
                assert_eq!(last(&studio), first, "{task}");
                obstacle.remove();
                clock.turn(HOUR);
                studio.until("a sweep that succeeds", 15, |s| last(s) > first);
                assert!(studio.stop().0);
            });
        }
    });
}

#[test]
fn a_key_that_is_not_renewed_and_an_anchor_that_is_not_written_are_heard_of() {
    let dir = tempfile::tempdir().unwrap();
    let answered_at = Timestamp::from_parts(1_780_000_000, 0);
    let clock = Clock::standing(answered_at + HOUR);
    let studio = studio(dir.path(), "upkeep-audit", &clock, answered_at);
    let series = |task: &str| format!("nauhuri_upkeep_failures_total{{task=\"{task}\"}}");
    let anchor = Obstacle::new(&dir.path().join("anchor"), true);
    clock.turn(HOUR);
    studio.until("the anchor", 15, |s| s.metric(&series("audit_anchor")) >= 1.0);
    anchor.remove();
    let key = Obstacle::new(&dir.path().join(STATE_FOLDER).join("audit.key.new"), true);
    clock.turn(24 * HOUR);
    studio.until("the key", 15, |s| s.metric(&series("audit_key")) >= 1.0);
    key.remove();
    assert!(studio.stop().0);
}

/// Answered calls that cannot be recorded, and cannot be written down either, are told of.
#[test]
fn a_register_that_cannot_be_written_is_heard_of() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path(), "upkeep-write");
    config.limits.recordings = 1;
    let studio = Studio::start(&config, Clock::machine(), Faults::default()).unwrap();
    let register = Obstacle::new(&dir.path().join(STATE_FOLDER).join("unrecorded.jsonl"), true);
    let assurance = Obstacle::new(&dir.path().join("assurance"), false);
    studio.play(&calls(380..383));
    for task in ["register", "assurance"] {
        let series = format!("nauhuri_upkeep_failures_total{{task=\"{task}\"}}");
        studio.until(task, 15, |s| s.metric(&series) >= 1.0);
    }
    register.remove();
    assurance.remove();
    let written = dir.path().join(STATE_FOLDER).join("unrecorded.jsonl");
    studio.until("tried again", 15, |_| fs::read_to_string(&written).is_ok_and(|t| t.lines().count() == 2));
    assert!(studio.stop().0);
}
