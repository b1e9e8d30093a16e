//! Disks that are slow, and disks that fail.

use crate::caller::{Call, Line, Who, heard, seconds, talker};
use crate::disk::{Disk, Journal};
use crate::recorder::{Recorder, Setup};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Calls that talk until told to stop.
struct Talkers {
    stop: Arc<AtomicBool>,
    calls: Vec<JoinHandle<Call>>,
}

impl Talkers {
    fn start(line: &Arc<Line>, calls: usize) -> Talkers {
        let stop = Arc::new(AtomicBool::new(false));
        Talkers { calls: (0..calls).map(|_| talker(line, &stop)).collect(), stop }
    }

    /// Lets all of them hang up; Call-IDs, and how long each spoke.
    fn hang_up(self) -> Vec<(String, f64)> {
        self.stop.store(true, Ordering::Relaxed);
        let end = |call: JoinHandle<Call>| {
            let call = call.join().unwrap();
            let spoken = (call.last_media.unwrap() - call.answered.unwrap()).as_secs_f64();
            let id = call.id.clone();
            call.bye(Who::Agent);
            (id, spoken)
        };
        self.calls.into_iter().map(end).collect()
    }
}

/// A short call from its answer to its end.
fn short_call(line: &Arc<Line>, seconds: f64) -> String {
    let mut call = Call::answered(line);
    call.talk(seconds);
    let id = call.id.clone();
    call.bye(Who::Customer);
    id
}

/// Looks at the metrics for so long; the book balances each time.
fn watch(recorder: &Recorder, seconds: f64) {
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    while Instant::now() < until {
        let s = recorder.metrics();
        assert!(s.balances(), "{s:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Less than the calls write, and a second for each sync: what waits, waits in memory.
#[test]
#[ignore = "make test-live"]
fn a_slow_disk_loses_nothing() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let disk = Disk::new(&setup.store, Journal::Inside);
    let recorder = setup.start();
    let talkers = Talkers::start(&line, 8);
    std::thread::sleep(Duration::from_millis(500));
    disk.slow(200_000, 4);
    let short: Vec<String> = std::thread::scope(|scope| {
        let calls = scope.spawn(|| (0..3).map(|n| short_call(&line, 0.6 + 0.3 * f64::from(n))).collect());
        watch(&recorder, 6.0);
        calls.join().unwrap()
    });
    let began = Instant::now();
    let (code, _) = recorder.get("/healthz").unwrap();
    assert!(code == 200 && began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    disk.fast();
    let long = talkers.hang_up();
    recorder.wait_for("all of them", 20, |s| s.balances() && s.completed() == 11.0 && s.active() == 0.0);
    let end = recorder.metrics();
    assert_eq!((end.dropped(), end.sum("nauhuri_write_errors_total", "")), (0.0, 0.0), "{end:?}");
    recorder.stop_well();
    for (id, spoken) in long {
        let s = setup.sidecar(&id).unwrap();
        assert_eq!((&s["complete"], &s["streams"][0]["lost"]), (&true.into(), &0.into()), "{s:#}");
        let [customer, agent] = setup.audio(&s);
        assert!((seconds(&customer) - spoken).abs() < 0.3, "{} s of {spoken} s", seconds(&customer));
        for channel in [&customer, &agent] {
            assert!(channel[1600..].chunks_exact(1600).all(heard), "a gap in {s:#}");
        }
    }
    assert!(short.iter().all(|id| setup.sidecar(id).is_some_and(|s| s["complete"] == true)));
    disk.remount();
    setup.assert_sound("after a slow disk");
}

/// The queue is bounded: beyond it sound is lost, which is counted and said.
#[test]
#[ignore = "make test-live"]
fn a_disk_too_slow_for_the_queue() {
    let line = Line::new();
    let setup = Setup::on(&line);
    setup.configure("[limits]\nqueue_bytes = 65536\n");
    let disk = Disk::new(&setup.store, Journal::Inside);
    let recorder = setup.start();
    let talkers = Talkers::start(&line, 8);
    std::thread::sleep(Duration::from_millis(1000));
    disk.slow(40_000, 1);
    // Its files are made while the others talk, by the one who writes theirs.
    let short = short_call(&line, 0.5);
    let lost = |r: &Recorder| r.metrics().sum("nauhuri_packets_dropped_total", "where=\"queue\"");
    let deadline = Instant::now() + Duration::from_secs(15);
    while lost(&recorder) < 50.0 {
        assert!(Instant::now() < deadline, "nothing is lost\n{}", setup.all_logs());
        watch(&recorder, 0.2);
    }
    disk.fast();
    // What waits is written first; figures are a second old.
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut before = lost(&recorder);
    loop {
        watch(&recorder, 2.0);
        match lost(&recorder) {
            now if now == before => break,
            now => before = now,
        }
        assert!(Instant::now() < deadline, "it goes on losing\n{}", setup.all_logs());
    }
    let after = short_call(&line, 1.0);
    let long = talkers.hang_up();
    recorder.wait_for("all of them", 10, |s| s.balances() && s.completed() == 10.0 && s.active() == 0.0);
    assert_eq!(lost(&recorder), before, "it goes on losing");
    recorder.stop_well();
    let of = |id: &str| setup.sidecar(id).unwrap();
    assert_eq!(of(&after)["complete"], true);
    assert!(setup.sidecar(&short).is_some());
    let incomplete = long.iter().filter(|(id, _)| of(id)["complete"] == false).count();
    println!("{before} packets lost of {incomplete} of {} recordings", long.len());
    assert!(incomplete > 0);
    for (id, spoken) in &long {
        let s = of(id);
        let [customer, agent] = setup.audio(&s);
        assert!((seconds(&customer) - spoken).abs() < 0.3, "{} s of {spoken} s", seconds(&customer));
        let gaps = [&customer, &agent].iter().any(|c| c[1600..].chunks_exact(1600).any(|part| !heard(part)));
        assert!(!gaps || s["complete"] == false, "a gap nobody tells of: {s:#}");
    }
    disk.remount();
    setup.assert_sound("after a disk too slow");
}

/// Asked to stop while the disk is slow: it takes what it takes, and everything is finished.
#[test]
#[ignore = "make test-live"]
fn stopped_on_a_slow_disk() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let disk = Disk::new(&setup.store, Journal::Inside);
    let recorder = setup.start();
    let talkers = Talkers::start(&line, 2);
    std::thread::sleep(Duration::from_millis(1500));
    disk.slow(200_000, 4);
    recorder.stop_well();
    assert_eq!(talkers.hang_up().iter().filter(|(id, _)| setup.sidecar(id).is_some()).count(), 2);
    assert!(setup.files(".part").is_empty());
    disk.fast();
    disk.remount();
    setup.assert_sound("stopped on a slow disk");
}

/// What files hold does not reach the disk; the file system itself stays well.
#[test]
#[ignore = "make test-live"]
fn a_disk_that_fails_and_recovers() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let disk = Disk::new(&setup.store, Journal::Apart);
    let recorder = setup.start();
    let (first, second) = (Talkers::start(&line, 2), Talkers::start(&line, 2));
    std::thread::sleep(Duration::from_millis(1500));
    disk.settle();
    disk.fail();
    let mut ended = first.hang_up();
    recorder.wait_ready(503, "storage not writable", 7);
    let mut unlucky = Call::answered(&line);
    unlucky.talk(0.6);
    unlucky.bye(Who::Agent);
    recorder.wait_for("a new call failed", 5, |s| s.balances() && s.failed("reason=\"storage\"") == 1.0);
    // It does not say that all is well in between.
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        let s = recorder.metrics();
        assert!(s.balances() && s.active() == 4.0 && s.completed() == 0.0, "{s:?}");
        assert_eq!(recorder.get("/readyz").unwrap().0, 503, "{}", setup.all_logs());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(recorder.metrics().sum("nauhuri_write_errors_total", "") > 0.0);
    disk.heal();
    recorder.wait_ready(200, "ok", 4);
    recorder.wait_for("what had ended", 5, |s| s.balances() && s.completed() == 2.0 && s.active() == 2.0);
    let fresh = short_call(&line, 1.0);
    ended.extend(second.hang_up());
    recorder.wait_for("all of them", 5, |s| s.balances() && s.completed() == 5.0 && s.active() == 0.0);
    recorder.stop_well();
    disk.remount();
    setup.assert_sound("after a disk that failed");
    assert_eq!(setup.sidecar(&fresh).unwrap()["complete"], true);
    for (id, spoken) in ended {
        let s = setup.sidecar(&id).unwrap();
        let [customer, agent] = setup.audio(&s);
        assert!((seconds(&customer) - spoken).abs() < 0.3, "{} s of {spoken} s", seconds(&customer));
        for channel in [&customer, &agent] {
            assert!(channel[1600..].chunks_exact(1600).all(heard), "what was in memory is gone: {s:#}");
        }
    }
    assert!(setup.files(".part").is_empty());
}

/// The file system closes to writing for good; what is there is finished once it was mounted anew.
#[test]
#[ignore = "make test-live"]
fn a_disk_that_takes_its_file_system_along() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let disk = Disk::new(&setup.store, Journal::Inside);
    let recorder = setup.start();
    let whole = short_call(&line, 0.8);
    let talkers = Talkers::start(&line, 2);
    recorder.wait_for("a whole one", 5, |s| s.completed() == 1.0);
    std::thread::sleep(Duration::from_millis(1500));
    disk.fail();
    // Its journal is to be written, and that is the end of it.
    fs::write(setup.store.join("stranger"), "").unwrap();
    fs::File::open(&setup.store).unwrap().sync_all().unwrap_err();
    recorder.wait_ready(503, "storage not writable", 7);
    let lost = short_call(&line, 0.6);
    recorder.wait_for("a new call failed", 5, |s| s.balances() && s.failed("reason=\"storage\"") == 1.0);
    disk.heal();
    watch(&recorder, 2.0);
    assert_eq!(recorder.get("/readyz").unwrap().0, 503);
    let calls = talkers.hang_up();
    watch(&recorder, 1.0);
    let s = recorder.metrics();
    assert!(s.active() == 2.0 && s.completed() == 1.0, "{s:?}");
    recorder.stop_well();
    assert!(setup.all_logs().contains("recovered at the next start"), "{}", setup.all_logs());
    disk.remount();
    setup.start().stop_well();
    setup.assert_sound("after the file system was mounted anew");
    assert!(setup.files(".part").is_empty());
    assert!(setup.sidecar(&lost).is_none() && setup.sidecar(&whole).is_some());
    for (id, _) in calls {
        let s = setup.sidecar(&id).expect("recovered");
        setup.audio(&s);
        assert_eq!((&s["ended_by"], &s["complete"]), (&"recovered".into(), &false.into()), "{s:#}");
    }
}
