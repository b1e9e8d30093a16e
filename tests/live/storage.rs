//! A store that fills up, closes, and comes back.

use crate::caller::{Call, Line, Who, heard, seconds, talker};
use crate::lab::Mounted;
use crate::recorder::Setup;
use nauhuri::daemon::housekeeping::free_bytes;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const KIB: u64 = 1024;

/// Fills a file system until only `leave` bytes are free.
fn fill(store: &Path, leave: u64) -> PathBuf {
    let ballast = store.join("ballast");
    let mut file = fs::File::create(&ballast).unwrap();
    while free_bytes(store).unwrap() > leave {
        let n = (free_bytes(store).unwrap() - leave).min(64 * KIB) as usize;
        if file.write_all(&vec![1; n]).is_err() {
            break;
        }
    }
    ballast
}

/// The reserve is for what runs and for finishing it; then room is made.
#[test]
#[ignore = "make test-live"]
fn nearly_full() {
    let line = Line::new();
    let setup = Setup::with("\"lo\"", &line.filter(), "1 MiB");
    let _small = Mounted::memory(&setup.store, "8m");
    let recorder = setup.start();
    let (stop, stop_late) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (short, long) = (talker(&line, &stop), talker(&line, &stop_late));
    std::thread::sleep(Duration::from_millis(2000));

    // Below min_free: no new calls, the running ones go on.
    let first = fill(&setup.store, 900 * KIB);
    recorder.wait_ready(503, "storage nearly full", 3);
    let mut refused = Call::answered(&line);
    refused.talk(0.8);
    let refused_id = refused.id.clone();
    refused.bye(Who::Agent);
    recorder.wait_for("a call refused", 5, |s| s.failed("no_space") == 1.0 && s.balances());
    assert_eq!(recorder.metrics().active(), 2.0);

    // Below half of it: the running ones stop where they are, and can be finished.
    fs::rename(&first, setup.store.join("ballast-1")).unwrap();
    let _second = fill(&setup.store, 300 * KIB);
    std::thread::sleep(Duration::from_millis(2500));
    stop.store(true, Ordering::Relaxed);
    let short = short.join().unwrap();
    let spoken = short.last_media.unwrap() - short.answered.unwrap();
    let short_id = short.id.clone();
    short.bye(Who::Customer);
    recorder.wait_for("a short recording", 5, |s| s.completed() == 1.0 && s.balances());
    let s = setup.sidecar(&short_id).expect("closed whole as far as it got");
    assert_eq!(s["complete"], false, "{s:#}");
    let kept = setup.audio(&s);
    assert!((s["duration_s"].as_f64().unwrap() - seconds(&kept[0])).abs() < 0.02, "{s:#}");
    assert!(seconds(&kept[0]) > 1.4 && seconds(&kept[0]) < spoken.as_secs_f64() - 1.0, "{s:#}");
    assert!(free_bytes(&setup.store).unwrap() > 200 * KIB, "the reserve was written into");

    // A call answered while there was no room gets its file when there is.
    let stop_third = Arc::new(AtomicBool::new(false));
    let third = talker(&line, &stop_third);
    std::thread::sleep(Duration::from_millis(1200));
    fs::remove_file(setup.store.join("ballast")).unwrap();
    fs::remove_file(setup.store.join("ballast-1")).unwrap();
    recorder.wait_ready(200, "ok", 3);
    std::thread::sleep(Duration::from_millis(2000));
    for (stop, talker) in [(stop_late, long), (stop_third, third)] {
        stop.store(true, Ordering::Relaxed);
        let call = talker.join().unwrap();
        let spoken = (call.last_media.unwrap() - call.answered.unwrap()).as_secs_f64();
        let id = call.id.clone();
        call.bye(Who::Agent);
        recorder.wait_for("its recording", 5, |_| setup.sidecar(&id).is_some());
        let s = setup.sidecar(&id).unwrap();
        let [customer, agent] = setup.audio(&s);
        assert_eq!(s["complete"], false, "{s:#}");
        assert!((seconds(&customer) - spoken).abs() < 0.3, "{} s of {spoken} s", seconds(&customer));
        for channel in [&customer, &agent] {
            assert!(heard(&channel[channel.len() - 4000..]), "the end is missing");
            assert!(channel.chunks(1600).any(|c| !heard(c)), "and the gap is silence");
        }
    }
    assert!(setup.sidecar(&refused_id).is_none());
    recorder.wait_for("the book", 2, |s| s.balances() && s.active() == 0.0);
    recorder.stop_well();
    assert!(setup.files(".part").is_empty());
}

/// No reserve, not a byte left: what cannot be finished waits, and is not lost.
#[test]
#[ignore = "make test-live"]
fn full_to_the_last_byte() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let _small = Mounted::memory(&setup.store, "8m");
    let recorder = setup.start();
    let stop = Arc::new(AtomicBool::new(false));
    let talkers = [talker(&line, &stop), talker(&line, &stop)];
    std::thread::sleep(Duration::from_millis(1500));
    let ballast = fill(&setup.store, 0);
    recorder.wait_ready(503, "storage not writable", 4);
    std::thread::sleep(Duration::from_millis(500));
    stop.store(true, Ordering::Relaxed);
    let mut ids = Vec::new();
    for t in talkers {
        let call = t.join().unwrap();
        ids.push(call.id.clone());
        call.bye(Who::Customer);
    }
    std::thread::sleep(Duration::from_millis(1200));
    let now = recorder.metrics();
    assert!(now.balances() && now.active() == 2.0 && now.completed() == 0.0, "{now:?}");
    let mut unlucky = Call::answered(&line);
    unlucky.talk(0.6);
    unlucky.bye(Who::Agent);
    recorder.wait_for("a new call failed", 5, |s| s.failed("no_space") == 1.0 && s.balances());

    fs::remove_file(ballast).unwrap();
    recorder.wait_ready(200, "ok", 4);
    recorder.wait_for("both finished", 5, |s| s.completed() == 2.0 && s.active() == 0.0 && s.balances());
    for id in ids {
        let s = setup.sidecar(&id).unwrap();
        assert_eq!((&s["complete"], &s["ended_by"]), (&false.into(), &"customer".into()), "{s:#}");
        let [customer, _] = setup.audio(&s);
        assert!(seconds(&customer) > 0.8 && heard(&customer), "{s:#}");
    }
    recorder.stop_well();
    assert!(setup.files(".part").is_empty());
}

/// Full at the stop as well: the next start finishes what is there.
#[test]
#[ignore = "make test-live"]
fn full_until_the_next_start() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let _small = Mounted::memory(&setup.store, "8m");
    let recorder = setup.start();
    let mut call = Call::answered(&line);
    call.talk(1.5);
    let ballast = fill(&setup.store, 0);
    call.talk(1.0);
    let id = call.id.clone();
    call.bye(Who::Agent);
    std::thread::sleep(Duration::from_millis(800));
    recorder.stop_well();
    assert!(setup.all_logs().contains("recovered at the next start"), "{}", setup.all_logs());
    assert_eq!(setup.files(".wav.part").len(), 1);
    fs::remove_file(ballast).unwrap();
    setup.start().stop_well();
    let s = setup.sidecar(&id).expect("recovered");
    assert!(seconds(&setup.audio(&s)[0]) > 0.7, "{s:#}");
    assert!(setup.files(".part").is_empty());
}

#[test]
#[ignore = "make test-live"]
fn closed_to_writing() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let recorder = setup.start();
    let mut running = Call::answered(&line);
    running.talk(1.2);
    let closed = Mounted::read_only(&setup.store);
    // Nobody calls, and it is told all the same.
    recorder.wait_ready(503, "storage not writable: read-only", 7);
    let mut new = Call::answered(&line);
    new.talk(0.6);
    new.bye(Who::Agent);
    recorder.wait_for("a new call failed", 5, |s| s.failed("storage") == 1.0 && s.balances());
    running.talk(0.5);
    let id = running.id.clone();
    running.bye(Who::Agent);
    std::thread::sleep(Duration::from_millis(700));
    let now = recorder.metrics();
    assert!(now.active() == 1.0 && now.balances(), "{now:?}");
    drop(closed);
    recorder.wait_ready(200, "ok", 4);
    recorder.wait_for("finished", 5, |s| s.completed() == 1.0 && s.active() == 0.0);
    recorder.stop_well();
    let s = setup.sidecar(&id).unwrap();
    setup.audio(&s);
    assert_eq!(s["ended_by"], "agent");
    assert!(setup.files(".part").is_empty());
}
