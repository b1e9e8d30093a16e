//! Threads that die or hang: who is told, and who comes back.

use super::*;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// A crew whose thread `archivist` beats 50 times a second, and what breaks it.
fn crew(faults: Faults) -> (Crew, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new(["general"]));
    (Crew::new(&metrics, faults), metrics)
}

fn beating(crew: &Crew, patience: Patience, stop: &Arc<AtomicBool>) {
    let stop = Arc::clone(stop);
    let job = move |pulse: &Arc<Pulse>| {
        while !stop.load(Ordering::Relaxed) {
            pulse.beat();
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    crew.start(ThreadRole::Archivist, "archivist", patience, job).unwrap();
}

/// Tends it as the capture loop does, `seconds` ahead of the real clock.
fn until(crew: &Crew, ahead: u64, what: &str, holds: impl Fn(Option<String>) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let now = Instant::now() + Duration::from_secs(ahead);
        crew.tend(now);
        let complaint = crew.complaint(now);
        if holds(complaint.clone()) {
            return;
        }
        assert!(Instant::now() < deadline, "{what}: {complaint:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn says(words: &'static str) -> impl Fn(Option<String>) -> bool {
    move |complaint| complaint.is_some_and(|c| c.contains(words))
}

fn ok(text: &str, thread: &str) -> bool {
    text.lines().any(|l| l == format!("nauhuri_thread_ok{{thread=\"{thread}\"}} 1"))
}

#[test]
fn one_that_dies_is_told_and_started_again() {
    let deaths = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&deaths);
    let (crew, metrics) = crew(Faults::with(move |name| {
        if name == "archivist" && count.fetch_add(1, Ordering::SeqCst) == 3 {
            panic!("a test");
        }
    }));
    let stop = Arc::default();
    beating(&crew, Patience::WhileBusy, &stop);
    assert_eq!(crew.complaint(Instant::now()), None);
    until(&crew, 0, "dead", says("thread archivist died; it is being started again"));
    assert!(!ok(&metrics.render(), "archivist") && ok(&metrics.render(), "metrics"));
    until(&crew, 2, "back", says("thread archivist died and was started again"));
    until(&crew, 10, "well", |c| c.is_none());
    let text = metrics.render();
    assert!(ok(&text, "archivist"), "{text}");
    assert!(text.contains("nauhuri_thread_restarts_total{thread=\"archivist\"} 1"), "{text}");
    crew.leave();
    stop.store(true, Ordering::Relaxed);
    assert!(crew.join(ThreadRole::Archivist, Duration::from_secs(5)));
    assert_eq!(crew.complaint(Instant::now()), None, "it was asked to end");
}

/// Each death makes the next wait longer, so that a thread that cannot live is no fire.
#[test]
fn one_that_cannot_live_is_tried_less_and_less_often() {
    let (crew, _) = crew(Faults::default());
    let starts = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&starts);
    let job = move |_: &Arc<Pulse>| _ = count.fetch_add(1, Ordering::SeqCst);
    crew.start(ThreadRole::Archivist, "archivist", Patience::Short, job).unwrap();
    let t0 = Instant::now();
    for s in 0..=60 {
        std::thread::sleep(Duration::from_millis(5));
        crew.tend(t0 + Duration::from_secs(s));
    }
    let starts = starts.load(Ordering::SeqCst);
    assert!((5..=8).contains(&starts), "{starts} starts in a minute: at 0, 1, 3, 7, 15, 31 and so on");
}

#[test]
fn one_that_is_stuck_is_told_within_ten_seconds_and_when_it_comes_back() {
    let stuck = Arc::new(AtomicBool::new(false));
    let hold = Arc::clone(&stuck);
    for patience in [Patience::Short, Patience::WhileBusy] {
        let hold = Arc::clone(&hold);
        let (crew, metrics) = crew(Faults::with(move |_| {
            while hold.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_secs(1));
            }
        }));
        let stop = Arc::default();
        stuck.store(false, Ordering::Relaxed);
        beating(&crew, patience, &stop);
        std::thread::sleep(Duration::from_millis(50));
        stuck.store(true, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(50));
        let t0 = Instant::now();
        let told = (0..=10).find(|s| {
            let now = t0 + Duration::from_secs(*s);
            crew.tend(now);
            crew.complaint(now).is_some_and(|c| c.starts_with("thread archivist is stuck: silent for "))
        });
        assert!(told.is_some_and(|s| (4..10).contains(&s)), "{patience:?}: {told:?}");
        assert!(!ok(&metrics.render(), "archivist"));
        stuck.store(false, Ordering::Relaxed);
        until(&crew, 0, "back", |c| c.is_none());
        stop.store(true, Ordering::Relaxed);
    }
}

/// An index of a million files takes minutes, and nobody is to be woken for it.
#[test]
fn one_that_works_hard_is_not_stuck() {
    let (crew, _) = crew(Faults::default());
    let stop = Arc::new(AtomicBool::new(false));
    let ends = Arc::clone(&stop);
    let worked_ms = Arc::new(AtomicU64::new(0));
    let works = Arc::clone(&worked_ms);
    let job = move |_: &Arc<Pulse>| {
        while !ends.load(Ordering::Relaxed) {
            let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            works.store(spent.tv_sec as u64 * 1000 + spent.tv_nsec as u64 / 1_000_000, Ordering::Relaxed);
        }
    };
    crew.start(ThreadRole::Archivist, "archivist", Patience::WhileBusy, job).unwrap();
    let t0 = Instant::now();
    for s in 0..60 {
        // Beside other work it may be a while until it has its turn.
        let before = worked_ms.load(Ordering::Relaxed);
        while worked_ms.load(Ordering::Relaxed) < before + 20 {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(crew.complaint(t0 + Duration::from_secs(s)), None, "after {s} s");
    }
    let silent = crew.complaint(t0 + BUSY_FOR + Duration::from_secs(1));
    assert!(silent.is_some(), "but not for ever");
    stop.store(true, Ordering::Relaxed);
}

/// Work that takes long beats between its steps, so what is silent for minutes goes round in a circle.
#[test]
fn one_that_spins_is_told_within_minutes() {
    let spins = Arc::new(AtomicBool::new(true));
    let holds = Arc::clone(&spins);
    let (crew, metrics) = crew(Faults::with(move |_| while holds.load(Ordering::Relaxed) {}));
    let stop = Arc::default();
    beating(&crew, Patience::WhileBusy, &stop);
    let t0 = Instant::now();
    // It is seen to compute.
    while t0.elapsed() < Duration::from_secs(4) {
        assert_eq!(crew.complaint(Instant::now()), None);
        std::thread::sleep(Duration::from_millis(50));
    }
    let told = crew.complaint(t0 + Duration::from_secs(360));
    assert!(told.is_some_and(|c| c.starts_with("thread archivist is stuck: silent for ")));
    assert!(!ok(&metrics.render(), "archivist"));
    spins.store(false, Ordering::Relaxed);
    until(&crew, 0, "back", |c| c.is_none());
    stop.store(true, Ordering::Relaxed);
}

#[test]
fn a_worker_that_dies_ends_the_recorder() {
    let (crew, _) = crew(Faults::default());
    let pulse = crew.enlist(ThreadRole::Worker, "tape-0");
    let worker = std::thread::spawn(move || {
        let _life = pulse.enter();
        panic!("a test");
    });
    worker.join().unwrap_err();
    let told = crew.complaint(Instant::now());
    assert_eq!(told.as_deref(), Some("thread tape-0 died; the recorder stops"));
    crew.leave();
    assert_eq!(crew.complaint(Instant::now()), told, "also while it does");
}
