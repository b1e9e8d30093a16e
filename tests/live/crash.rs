//! Ends that nobody asked for, and the one that somebody did.

use crate::caller::{Call, Line, NUMBER, SECRET, SPEECH_PEAK, Who, talker};
use crate::recorder::Setup;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Two calls talking until told to stop; returns when each was answered and last heard.
fn two_talkers(line: &Arc<Line>, stop: &Arc<AtomicBool>) -> Vec<std::thread::JoinHandle<Call>> {
    (0..2).map(|_| talker(line, stop)).collect()
}

fn is_silent(samples: &[i16]) -> bool {
    samples.iter().all(|s| s.abs() < SPEECH_PEAK / 4)
}

#[test]
#[ignore = "make test-live"]
fn killed_in_mid_call_at_most_a_second_is_missing() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let mut worst = Duration::ZERO;
    let mut seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    for round in 1..=4 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let after = Duration::from_millis(1100 + (seed >> 33) % 1900);
        let recorder = setup.start();
        let stop = Arc::new(AtomicBool::new(false));
        let talkers = two_talkers(&line, &stop);
        std::thread::sleep(after);
        recorder.kill();
        let killed = Instant::now();
        stop.store(true, Ordering::Relaxed);
        let calls: Vec<Call> = talkers.into_iter().map(|t| t.join().unwrap()).collect();
        let left = setup.files(".part");
        assert_eq!(left.len(), 4, "killed after {after:?}: {left:?}");

        let next = setup.start();
        // Finished beside whatever is recorded by then.
        let both =
            |s: &crate::recorder::Scrape| s.sum("nauhuri_recordings_completed_total", "recovered") == 2.0;
        next.wait_for("both recovered", 5, both);
        next.stop_well();
        assert!(setup.files(".part").is_empty());
        assert_eq!((setup.files(".wav").len(), setup.files(".json").len()), (2 * round, 2 * round));
        for call in calls {
            let s = setup.sidecar(&call.id).expect("recovered");
            assert_eq!((&s["ended_by"], &s["complete"]), (&"recovered".into(), &false.into()));
            let spoken = call.last_media.unwrap().min(killed) - call.answered.unwrap();
            let audio = setup.audio(&s);
            let kept = Duration::from_secs_f64(audio[0].len() as f64 / 8000.0);
            assert!((s["duration_s"].as_f64().unwrap() - kept.as_secs_f64()).abs() < 0.02, "{s:#}");
            let missing = spoken.saturating_sub(kept);
            worst = worst.max(missing);
            assert!(missing <= Duration::from_secs(1), "{missing:?} of {spoken:?} missing");
            for channel in &audio {
                let middle = channel.chunks_exact(800).skip(1);
                assert!(middle.clone().count() > 0 && !middle.clone().any(is_silent), "a gap in {s:#}");
            }
        }
    }
    println!("killed four times in mid-call: at most {worst:?} of audio missing");
}

#[test]
#[ignore = "make test-live"]
fn asked_to_stop_it_finishes_what_is_open() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let recorder = setup.start();
    let stop = Arc::new(AtomicBool::new(false));
    let talkers = two_talkers(&line, &stop);
    std::thread::sleep(Duration::from_millis(2300));
    let asked = Instant::now();
    let (status, took) = recorder.stop();
    stop.store(true, Ordering::Relaxed);
    assert_eq!(status.code(), Some(0), "{}", setup.all_logs());
    assert!(took < Duration::from_secs(4), "took {took:?}");
    assert!(setup.files(".part").is_empty());
    for call in talkers.into_iter().map(|t| t.join().unwrap()) {
        let s = setup.sidecar(&call.id).expect("finished");
        assert_eq!(s["ended_by"], "shutdown", "{s:#}");
        let spoken = (asked - call.answered.unwrap()).as_secs_f64();
        let kept = setup.audio(&s)[0].len() as f64 / 8000.0;
        assert!((s["duration_s"].as_f64().unwrap() - kept).abs() < 0.02, "{s:#}");
        assert!(kept > spoken - 0.4 && kept < spoken + 0.4, "{kept} s of {spoken} s\n{s:#}");
    }
    println!("stopped in mid-call within {took:?}");
}

/// What plays before the agent answers is not the agent's call, not even for a moment on disk;
/// and the customer's number is nowhere, whatever level the log has.
#[test]
#[ignore = "make test-live"]
fn queue_and_number_leave_no_trace() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let loud = |c: &mut std::process::Command| {
        c.arg("-vv");
    };
    let recorder = setup.start_with(loud);
    let mut call = Call::ring(&line);
    call.queue(1.5);
    assert_eq!(recorder.metrics().answered(), 0.0);
    recorder.kill();
    assert_eq!(setup.files(""), Vec::<std::path::PathBuf>::new(), "something of a queue was stored");

    let recorder = setup.start_with(loud);
    assert_eq!(setup.files(""), Vec::<std::path::PathBuf>::new());
    let mut call = Call::ring(&line);
    call.queue(1.2);
    assert_eq!(setup.files(""), Vec::<std::path::PathBuf>::new());
    call.answer();
    call.talk(2.0);
    let (_, metrics) = recorder.get("/metrics").unwrap();
    assert!(!setup.files(".part").is_empty());
    nothing_tells_the_number(&setup, &metrics);
    let id = call.id.clone();
    call.bye(Who::Customer);
    recorder.wait_for("the call", 5, |s| s.completed() == 1.0);
    let (_, metrics) = recorder.get("/metrics").unwrap();
    recorder.stop_well();
    nothing_tells_the_number(&setup, &metrics);
    let s = setup.sidecar(&id).expect("recorded");
    let audio = setup.audio(&s);
    let peak = audio.iter().flatten().map(|s| s.unsigned_abs()).max().unwrap();
    assert!(peak < SPEECH_PEAK as u16 + 600, "the queue's tone is in the recording: {peak}");
    assert!(setup.all_logs().contains("TRACE"), "-vv asks for everything");
}

fn nothing_tells_the_number(setup: &Setup, metrics: &str) {
    assert!(NUMBER.ends_with(SECRET));
    let log = setup.all_logs();
    for (what, text) in [("/metrics", metrics), ("the log", log.as_str())] {
        assert!(!text.contains(SECRET), "the customer's number is in {what}:\n{text}");
    }
    for file in
        setup.files("").into_iter().chain(crate::recorder::files_below(&setup.store.join(".nauhuri"), ""))
    {
        assert!(!file.to_string_lossy().contains(SECRET), "{}", file.display());
        let bytes = fs::read(&file).unwrap();
        let told = bytes.windows(SECRET.len()).any(|w| w == SECRET.as_bytes());
        assert!(!told, "the customer's number is in {}", file.display());
    }
}
