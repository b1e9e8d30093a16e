//! Recorders that take over from one another while calls run.

use crate::caller::{Call, Line, Who, talker};
use crate::common::rng::Rng;
use crate::lab::{run, stamp_once, tcpdump_of};
use crate::recorder::{Recorder, Setup, files_below};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// The next recorder; waits until it has taken over, or says that it could not.
fn next(setup: &Setup) -> Recorder<'_> {
    let said = |words: &str| setup.all_logs().matches(words).count();
    let (took, failed) = ("took over from the recorder before", "were not handed over");
    let before = (said(took), said(failed));
    let recorder = setup.spawn(|c| _ = c.arg("--take-over"));
    setup.wait_until("taken over", 30, || said(took) > before.0 || said(failed) > before.1);
    // The moment that was agreed on may be just ahead.
    std::thread::sleep(Duration::from_millis(400));
    recorder
}

/// Somebody who calls again and again: rings, is answered, talks for up to `longest` seconds, hangs up.
fn caller(line: &Arc<Line>, (seed, longest): (u64, f64), stop: &Arc<AtomicBool>) -> JoinHandle<u32> {
    let (line, stop) = (Arc::clone(line), Arc::clone(stop));
    std::thread::spawn(move || {
        let (mut rng, mut calls) = (Rng::new(seed), 0);
        while !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(rng.below(1000)));
            let mut call = Call::ring_of(&line, seed);
            std::thread::sleep(Duration::from_millis(rng.below(1500)));
            call.answer();
            call.talk(0.7);
            call.talk_until(rng.range(0.0, longest), &stop);
            call.bye(if rng.chance(0.5) { Who::Customer } else { Who::Agent });
            calls += 1;
        }
        calls
    })
}

/// What is in the store is what a replay of the capture makes.
#[track_caller]
fn assert_as_replayed(setup: &Setup, capture: &Path) -> usize {
    let out = setup.dir.path().join("replayed");
    let mut replay = setup.command("replay");
    let replay = replay.arg("--out").arg(&out).arg(capture).stderr(Stdio::piped()).output().unwrap();
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stderr));
    let (live, replayed) = (files_below(&setup.store, ".json"), files_below(&out, ".json"));
    assert_eq!(live.len(), replayed.len(), "{}", setup.all_logs());
    for a in &live {
        let b = replayed.iter().find(|b| b.file_name() == a.file_name());
        let b = b.unwrap_or_else(|| {
            panic!("{} is not in the replay: {replayed:?}\n{}", a.display(), setup.all_logs())
        });
        for ending in ["json", "wav"] {
            let [x, y] = [a, b].map(|p| std::fs::read(p.with_extension(ending)).unwrap());
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            assert!(ending != "json" || x == y, "live:\n{}\nreplayed:\n{}", text(&x), text(&y));
            assert!(x == y, "{} differs", a.with_extension(ending).display());
        }
    }
    live.len()
}

/// One call runs through all restarts, others begin and end meanwhile: all are what a replay makes of them.
/// `make soak` restarts more often, under more callers.
#[test]
#[ignore = "make test-live"]
fn calls_run_through_restarts() {
    let restarts = number("NAUHURI_RESTARTS").unwrap_or(3);
    let callers = number("NAUHURI_CALLERS").unwrap_or(20);
    let longest = if callers > 50 { 20.0 } else { 5.0 };
    let line = Line::new();
    let setup = Setup::on(&line);
    let _one_stamp = stamp_once();
    let capture = setup.dir.path().join("beside.pcap");
    // Calls of other tests have the same numbers.
    let dump = tcpdump_of(&line.filter(), "lo", &capture);
    let mut running = setup.start();
    let mut before = Vec::new();
    let stop = Arc::new(AtomicBool::new(false));
    let long = talker(&line, &stop);
    let others: Vec<_> = (0..callers).map(|n| caller(&line, (n, longest), &stop)).collect();
    running.wait_for("the first calls", 10, |s| s.active() > callers as f64 / 8.0);
    let mut rng = Rng::new(restarts);
    for n in 1..=restarts {
        before.push(std::mem::replace(&mut running, next(&setup)));
        assert!(!setup.all_logs().contains("were not handed over"), "{n}: {}", setup.all_logs());
        assert_eq!(running.metrics().dropped(), 0.0, "{n}: the machine is too slow for so many callers");
        std::thread::sleep(Duration::from_millis(rng.below(3000)));
    }
    stop.store(true, Ordering::Relaxed);
    let call = long.join().unwrap();
    let id = call.id.clone();
    call.bye(Who::Customer);
    let calls: u32 = others.into_iter().map(|o| o.join().unwrap()).sum();
    running.wait_for("all calls", 10, |s| s.active() == 0.0);
    before.into_iter().for_each(|r| r.ends_well(30));
    let end = running.metrics();
    assert!(end.balances() && end.dropped() == 0.0, "{end:?}");
    running.stop_well();
    dump.interrupt();
    let recorded = assert_as_replayed(&setup, &capture);
    assert_eq!(recorded as u32, calls + 1);
    for s in setup.sidecars() {
        assert_eq!(s["complete"], true, "{s:#}");
    }
    assert_eq!(setup.sidecar(&id).unwrap()["ended_by"], "customer");
    eprintln!("{restarts} restarts, {recorded} calls of {callers} callers");
    setup.assert_sound("after the last restart");
}

/// The recorder that finishes its calls is stopped with the one that came after it.
#[test]
#[ignore = "make test-live"]
fn who_is_stopped_after_a_takeover_stops_both() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let first = setup.start();
    let mut old = Call::answered(&line);
    old.talk(1.0);
    let second = next(&setup);
    let mut new = Call::answered(&line);
    new.talk(3.0);
    second.stop_well();
    first.ends_well(10);
    let [old, new] = [&old, &new].map(|c| setup.sidecar(&c.id).expect("recorded"));
    assert_eq!((&old["ended_by"], &new["ended_by"]), (&"shutdown".into(), &"shutdown".into()));
}

/// The next one dies at once after it has taken over: the first one goes on, and what the dead one had is recovered.
#[test]
#[ignore = "make test-live"]
fn who_dies_after_a_takeover_is_recovered() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let first = setup.start();
    let stop = Arc::new(AtomicBool::new(false));
    let long = talker(&line, &stop);
    first.wait_for("the call", 5, |s| s.active() == 1.0);
    let second = next(&setup);
    let mut new = Call::answered(&line);
    new.talk(4.0);
    second.kill();
    let third = setup.start_with(|c| _ = c.arg("--take-over"));
    new.talk(0.5);
    let lost = new.id.clone();
    new.bye(Who::Agent);
    stop.store(true, Ordering::Relaxed);
    let call = long.join().unwrap();
    let id = call.id.clone();
    call.bye(Who::Customer);
    first.ends_well(15);
    assert_eq!(setup.sidecar(&id).expect("recorded")["complete"], true);
    setup.wait_until("recovered", 20, || setup.sidecar(&lost).is_some());
    assert_eq!(setup.sidecar(&lost).unwrap()["ended_by"], "recovered");
    third.stop_well();
    setup.assert_sound("after a death");
}

/// One that is killed while it takes over, at whatever moment, leaves a recorder that either goes on or ends well.
#[test]
#[ignore = "make test-live"]
fn who_dies_while_he_takes_over_cuts_no_more_than_a_restart() {
    let line = Line::new();
    let setup = Setup::on(&line);
    for ms in [50, 400, 1200, 2000, 2800, 3200, 3600] {
        let first = setup.start_with(|c| _ = c.arg("--take-over"));
        let stop = Arc::new(AtomicBool::new(false));
        let long = talker(&line, &stop);
        first.wait_for("the call", 5, |s| s.active() == 1.0);
        let dies = setup.spawn(|c| _ = c.arg("--take-over"));
        std::thread::sleep(Duration::from_millis(ms));
        dies.kill();
        std::thread::sleep(Duration::from_millis(700));
        stop.store(true, Ordering::Relaxed);
        let call = long.join().unwrap();
        let id = call.id.clone();
        call.bye(Who::Customer);
        setup.wait_until("recorded", 15, || setup.sidecar(&id).is_some());
        let s = setup.sidecar(&id).unwrap();
        let ended = s["ended_by"].as_str().unwrap().to_owned();
        assert!(["customer", "shutdown"].contains(&ended.as_str()), "{ms}: {s:#}");
        assert_eq!(s["complete"], ended == "customer", "{ms}: {s:#}");
        if setup.is_ready() { first.stop_well() } else { first.ends_well(75) }
    }
    setup.assert_sound("after seven deaths");
}

/// A recorder that hangs is not waited for: it is ended, and what it had is recovered.
#[test]
#[ignore = "make test-live"]
fn who_does_not_answer_is_not_taken_over_from() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let first = setup.start();
    let mut call = Call::answered(&line);
    call.talk(1.5);
    run("kill", &["-STOP", &first.pid().to_string()]);
    let second = setup.spawn(|c| _ = c.arg("--take-over"));
    std::thread::sleep(Duration::from_secs(33));
    first.kill();
    setup.wait_until("ready", 20, || setup.is_ready());
    assert!(setup.all_logs().contains("were not handed over"), "{}", setup.all_logs());
    setup.wait_until("recovered", 20, || setup.sidecar(&call.id).is_some());
    second.stop_well();
}

/// One that finishes its calls is killed: what it had is recovered by the one that came after it.
#[test]
#[ignore = "make test-live"]
fn who_is_killed_after_he_handed_over_is_recovered() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let first = setup.start();
    let mut old = Call::answered(&line);
    old.talk(1.0);
    let second = next(&setup);
    old.talk(1.0);
    first.kill();
    setup.wait_until("recovered", 20, || setup.sidecar(&old.id).is_some());
    let s = setup.sidecar(&old.id).unwrap();
    assert_eq!((&s["ended_by"], &s["complete"]), (&"recovered".into(), &false.into()), "{s:#}");
    second.stop_well();
    setup.assert_sound("after the death of the first");
}

/// As the unit starts it, with somebody in the place of `systemctl` who says what systemd is doing.
#[test]
#[ignore = "make test-live"]
fn a_service_is_restarted_without_cutting_a_call_and_stopped_whole() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let says = |job: &str| {
        let path = setup.dir.path().join("systemctl");
        std::fs::write(&path, format!("#!/bin/sh\necho \"77 $4 {job} running\"\n")).unwrap();
        run("chmod", &["755", &path.display().to_string()]);
    };
    let path = format!("{}:{}", setup.dir.path().display(), std::env::var("PATH").unwrap());
    let service = || setup.spawn(|c| _ = c.arg("--keep-calls").env("PATH", &path).env("INVOCATION_ID", "7"));
    says("restart");
    let mut first = service();
    first.wait_until_ready();
    let stop = Arc::new(AtomicBool::new(false));
    let long = talker(&line, &stop);
    first.wait_for("the call", 5, |s| s.active() == 1.0);
    let mut running = first;
    for n in 1..=3 {
        running.ask_to_stop();
        running.ends_well(5);
        running = service();
        let took_over = || setup.all_logs().matches("took over from the recorder before").count();
        setup.wait_until("taken over", 20, || took_over() == n);
    }
    running.wait_until_ready();
    std::thread::sleep(Duration::from_millis(500));
    let mut last = Call::answered(&line);
    last.talk(1.0);
    stop.store(true, Ordering::Relaxed);
    let call = long.join().unwrap();
    let id = call.id.clone();
    call.bye(Who::Customer);
    setup.wait_until("recorded", 10, || setup.sidecar(&id).is_some());
    let s = setup.sidecar(&id).unwrap();
    assert_eq!((&s["ended_by"], &s["complete"]), (&"customer".into(), &true.into()), "{s:#}");
    says("stop");
    running.stop_well();
    assert_eq!(setup.sidecar(&last.id).unwrap()["ended_by"], "shutdown");
    assert!(!setup.is_ready(), "somebody records still");
    setup.assert_sound("after three restarts of the service");
}
