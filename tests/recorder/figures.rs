//! What alerts hang on and a scene of calls does not move: an archive in trouble, and packets that are dropped.

use crate::common::run::files;
use crate::leftovers::open;
use crate::studio::{Studio, calls, config};
use crate::threads::{HANGS, WELL, fault};
use nauhuri::capture::feed::{Feed, Listener};
use nauhuri::daemon::crew::Faults;
use nauhuri::daemon::machine_clock::Clock;
use nauhuri::net::{Net, NetConfig, OwnedDatagram};
use nauhuri::store::layout::STATE_FOLDER;
use nauhuri::store::sidecar::Sidecar;
use nauhuri::time::Timestamp;
use nauhuri::wire::{Frame, LinkType};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// A finished recording with whatever is changed of it; its WAV.
fn recording(root: &Path, n: u64, answered_at: Timestamp, change: impl FnOnce(&mut Sidecar)) -> PathBuf {
    let (w, mut s) = open(root, n, answered_at);
    s.retention.until = Some(answered_at + 1000 * DAY);
    change(&mut s);
    let s = w.close(s).unwrap();
    files(root).into_iter().find(|p| p.ends_with(s.wav.expose())).unwrap()
}

fn store(answered_at: Timestamp) -> (tempfile::TempDir, Clock) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join(STATE_FOLDER)).unwrap();
    (dir, Clock::standing(answered_at + 26 * DAY))
}

/// More is due than the guard lets go, a file is open to others, one is gone, one is held, and the disk is full.
#[test]
fn an_archive_in_trouble_is_heard_of() {
    let answered_at = Timestamp::from_parts(1_780_000_000, 0);
    let (dir, clock) = store(answered_at);
    for n in 1..=25 {
        recording(dir.path(), u64::from(n), answered_at, |s| s.retention.until = Some(answered_at + n * DAY));
    }
    let case = serde_json::json!({ "reason": "crime", "ref": "A", "by": "b", "at": "2026-06-01T00:00:00Z" });
    recording(dir.path(), 30, answered_at, |s| s.retention.hold = serde_json::from_value(case).unwrap());
    let lost = recording(dir.path(), 31, answered_at, |_| ());
    let shown = recording(dir.path(), 32, answered_at, |_| ());
    fs::set_permissions(&shown, fs::Permissions::from_mode(0o644)).unwrap();
    let mut config = config(dir.path(), "trouble");
    config.storage.min_free = 1 << 62;
    let studio = Studio::start(&config, clock.clone(), Faults::default()).unwrap();
    studio.until("the guard", 15, |s| s.metric("nauhuri_deletion_guard_tripped") == 1.0);
    studio.until("a file of others", 5, |s| s.metric("nauhuri_storage_wrong_owner") >= 1.0);
    studio.until("what is overdue", 5, |s| s.metric("nauhuri_retention_overdue") == 25.0);
    studio.until("figures", 5, |s| s.metric("nauhuri_storage_bytes{state=\"due\"}") > 25.0 * 3000.0);
    assert!(studio.metric("nauhuri_storage_bytes{state=\"held\"}") > 3000.0);
    assert_eq!(studio.metric("nauhuri_holds"), 1.0);
    assert!(studio.metric("nauhuri_storage_bytes_per_day{service=\"general\"}") > 1000.0);
    assert!(studio.metric("nauhuri_storage_exhaustion_timestamp_seconds") > 1_780_000_000.0);
    assert_eq!(studio.metric("nauhuri_recordings_missing"), 0.0);
    fs::remove_file(lost.with_extension("json")).unwrap();
    fs::remove_file(lost).unwrap();
    clock.turn(Duration::from_secs(6));
    std::thread::sleep(Duration::from_millis(300));
    clock.turn(Duration::from_secs(61));
    studio.until("one that is gone", 10, |s| s.metric("nauhuri_recordings_missing") == 1.0);
    assert!(studio.stop().0);
}

/// Its sidecar was damaged since the index was last asked: nobody can say that it is not held.
#[test]
fn what_cannot_be_deleted_is_counted() {
    let answered_at = Timestamp::from_parts(1_780_000_000, 0);
    let (dir, clock) = store(answered_at);
    let until = answered_at + 26 * DAY + Duration::from_secs(3600);
    let wav = recording(dir.path(), 1, answered_at, |s| s.retention.until = Some(until));
    let studio = Studio::start(&config(dir.path(), "stays"), clock.clone(), Faults::default()).unwrap();
    let last = |s: &Studio| s.metric("nauhuri_sweep_last_success_timestamp_seconds");
    studio.until("the first sweep", 15, |s| last(s) > 0.0);
    let first = last(&studio);
    fs::write(wav.with_extension("json"), "{").unwrap();
    clock.turn(Duration::from_secs(7200));
    studio.until("the second sweep", 15, |s| s.metric("nauhuri_retention_failed_total") == 1.0);
    assert_eq!(studio.metric("nauhuri_retention_overdue"), 1.0);
    // What is left behind is no success, however often it is swept.
    clock.turn(Duration::from_secs(3601));
    studio.until("the third sweep", 15, |s| s.metric("nauhuri_retention_failed_total") == 2.0);
    assert_eq!(last(&studio), first);
    assert!(wav.exists() && studio.stop().0);
}

/// The ring of a `lossy` wire overflows.
#[test]
fn what_the_kernel_and_the_card_drop_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let studio = Studio::plain(&config(dir.path(), "lossy"));
    studio.play(&calls(60..61));
    studio.until("drops of the kernel", 5, |s| {
        s.metric("nauhuri_packets_dropped_total{where=\"kernel\"}") >= 3.0
    });
    studio.until("drops of the card", 5, |s| {
        s.metric("nauhuri_packets_dropped_total{where=\"interface\"}") >= 2.0
    });
    studio.until("a lag", 5, |s| s.metric("nauhuri_capture_lag_seconds") > 0.0);
    assert!(studio.stop().0);
}

/// Offers more than there is room for while nobody takes it.
struct Flood(Vec<OwnedDatagram>);

impl Listener for Flood {
    fn name(&self) -> String {
        "flood".into()
    }

    fn receive(&self, feed: &Feed, goes_on: &dyn Fn() -> bool) {
        while goes_on() {
            self.0.iter().for_each(|d| _ = feed.offer(d.clone()));
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn what_finds_no_room_on_the_way_to_the_capture_loop_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut net = Net::new(NetConfig::from(&nauhuri::config::Config::default()));
    let mut all = Vec::new();
    for (at, data) in calls(61..63).ordered() {
        let (ts, wire_len) = (Timestamp::from_ns(at), data.len() as u32);
        let frame = Frame { ts, link: LinkType::Ethernet, data: &data, wire_len };
        net.handle_frame(&frame, &mut |d| all.push(OwnedDatagram::of(&d)));
    }
    let (faults, switch) = fault("capture");
    let mut config = config(dir.path(), "flooded");
    config.limits.queue_bytes = 1 << 16;
    let with = |r: nauhuri::daemon::recorder::Recorder<_>, _: &_| {
        r.with_faults(faults).with_listener(Arc::new(Flood(all)))
    };
    let studio = Studio::run(&config, with).unwrap();
    switch.store(HANGS, Ordering::SeqCst);
    std::thread::sleep(Duration::from_secs(1));
    switch.store(WELL, Ordering::SeqCst);
    studio.until("no room", 5, |s| s.metric("nauhuri_packets_dropped_total{where=\"feed\"}") > 0.0);
    assert!(studio.stop().0);
}
