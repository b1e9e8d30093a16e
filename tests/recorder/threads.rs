//! Each thread killed and stuck in turn: `/readyz` says which, and recording goes on where it can.

use crate::common::run::nauhuri;
use crate::feed::{Post, post};
use crate::studio::{Studio, calls, config, whole};
use nauhuri::daemon::crew::Faults;
use nauhuri::daemon::machine_clock::Clock;
use nauhuri::daemon::reload_signal::ReloadSignal;
use nauhuri::daemon::shutdown::StopSignals;
use nauhuri::net::OwnedDatagram;
use rustix::process::{Signal, getpid, kill_process};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};
use tokio::signal::unix::SignalKind;

pub const WELL: u8 = 0;
const DIES: u8 = 1;
pub const HANGS: u8 = 2;

/// A fault of one thread that can be switched on and off.
pub fn fault(thread: &'static str) -> (Faults, Arc<AtomicU8>) {
    let switch = Arc::new(AtomicU8::new(WELL));
    let seen = Arc::clone(&switch);
    let faults = Faults::with(move |name| {
        if name != thread {
            return;
        }
        match seen.load(Ordering::SeqCst) {
            DIES => {
                seen.store(WELL, Ordering::SeqCst);
                panic!("a test kills {name}");
            }
            HANGS => {
                while seen.load(Ordering::SeqCst) == HANGS {
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
            _ => {}
        }
    });
    (faults, switch)
}

/// How long until `/readyz` (what a probe and the status line are told) names the thread.
fn until_named(studio: &Studio, words: &str) -> Duration {
    studio.until(words, 10, |s| {
        let told = s.context.outlets.readiness.check(Instant::now()).err().map(|e| e.to_string());
        let is_told = told.is_some_and(|t| t.contains(words));
        // A metrics thread that is gone cannot say so; its absence does.
        let asked = s.get("/readyz");
        is_told && asked.is_none_or(|(code, text)| code == 503 && text.contains(words))
    })
}

/// Threads that may die or hang without the loss of a call, and what the metrics call them.
const OTHERS: [(&str, &str); 7] = [
    ("archivist", "archivist"),
    ("housekeeping", "housekeeping"),
    ("metrics", "metrics"),
    ("control", "control"),
    ("post", "listener"),
    ("signals", "signals"),
    ("reload", "reload"),
];

/// Asks for a new configuration, in place of SIGHUP: every recorder of the process that heeds it.
const RELOADS: Signal = Signal::WINCH;

/// A recorder with all of its threads, and what it is reached by from outside.
struct Whole {
    studio: Studio,
    store: tempfile::TempDir,
    outside: tempfile::TempDir,
    letters: Sender<OwnedDatagram>,
    by_signal: Signal,
}

impl Whole {
    /// Only one recorder of the process is stopped by `by_signal`.
    fn start(wire: &str, faults: Faults, by_signal: Signal) -> Whole {
        let [store, outside] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let mut config = config(store.path(), wire);
        config.control.socket = outside.path().join("control.sock");
        let (letters, listener) = Post::open();
        let kind = SignalKind::from_raw(by_signal.as_raw());
        let studio = Studio::run(&config, |recorder, stop| {
            let recorder = recorder.with_faults(faults).with_listener(Arc::new(listener));
            let reloads = SignalKind::from_raw(RELOADS.as_raw());
            match wire.rsplit('-').next() {
                Some("signals") => recorder.with_signals(StopSignals::handle_kinds([kind; 2], stop).unwrap()),
                Some("reload") => recorder.with_reload_signal(ReloadSignal::handle_kind(reloads).unwrap()),
                _ => recorder,
            }
        });
        let studio = studio.unwrap();
        studio.until("ready", 5, |s| s.get("/readyz").is_some_and(|(code, _)| code == 200));
        Whole { studio, store, outside, letters, by_signal }
    }

    /// A thread that is well again does its work; returns how many calls that was.
    fn works(&self, thread: &str, calls_of: Range<u16>) -> usize {
        match thread {
            "control" => {
                let (socket, mut asked) = (self.outside.path().join("control.sock"), nauhuri());
                let out = asked.args(["calls", "--json", "--socket"]).arg(socket).output().unwrap();
                assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            }
            "post" => {
                post(&calls(calls_of.clone()), &self.letters);
                return calls_of.len();
            }
            "signals" => {
                kill_process(getpid(), self.by_signal).unwrap();
                self.studio.until("stopped by a signal", 5, |s| !s.is_running());
            }
            "reload" => {
                kill_process(getpid(), RELOADS).unwrap();
                let taken = "nauhuri_config_reloads_total{result=\"taken\"}";
                self.studio.until("a reload", 5, |s| s.metric(taken) >= 1.0);
            }
            _ => {}
        }
        0
    }
}

/// Not ready, started again, and no call is lost.
#[test]
fn one_that_dies_is_named_and_started_again_while_calls_are_recorded() {
    std::thread::scope(|scope| {
        for (n, (thread, role)) in OTHERS.into_iter().enumerate() {
            scope.spawn(move || {
                let (faults, switch) = fault(thread);
                let whole_one = Whole::start(&format!("dies-{thread}"), faults, Signal::USR1);
                let studio = &whole_one.studio;
                switch.store(DIES, Ordering::SeqCst);
                let first = 10 * n as u16;
                std::thread::scope(|calling| {
                    calling.spawn(|| studio.play(&calls(first..first + 4)));
                    until_named(studio, &format!("thread {thread} died"));
                });
                studio.until("ready again", 15, |s| s.get("/readyz").is_some_and(|(code, _)| code == 200));
                let restarts = format!("nauhuri_thread_restarts_total{{thread=\"{role}\"}}");
                assert_eq!(studio.metric(&restarts), 1.0);
                studio.until("ready in the metrics", 3, |s| s.metric("nauhuri_ready") == 1.0);
                let more = whole_one.works(thread, first + 4..first + 6);
                assert!(whole_one.studio.stop().0);
                assert_eq!(whole(whole_one.store.path()).len(), 4 + more, "{thread}");
            });
        }
    });
}

#[test]
fn one_that_hangs_is_named_within_ten_seconds_while_calls_are_recorded() {
    std::thread::scope(|scope| {
        for (n, (thread, role)) in OTHERS.into_iter().enumerate() {
            scope.spawn(move || {
                let (faults, switch) = fault(thread);
                let whole_one = Whole::start(&format!("hangs-{thread}"), faults, Signal::USR2);
                let studio = &whole_one.studio;
                switch.store(HANGS, Ordering::SeqCst);
                let first = 100 + 10 * n as u16;
                std::thread::scope(|calling| {
                    calling.spawn(|| studio.play(&calls(first..first + 4)));
                    until_named(studio, &format!("thread {thread} is stuck"));
                });
                let ok = format!("nauhuri_thread_ok{{thread=\"{role}\"}}");
                studio.until("told in the metrics", 3, |s| s.metric(&ok) == 0.0);
                switch.store(WELL, Ordering::SeqCst);
                studio.until("ready again", 5, |s| s.get("/readyz").is_some_and(|(code, _)| code == 200));
                let more = whole_one.works(thread, first + 4..first + 6);
                assert!(whole_one.studio.stop().0);
                assert_eq!(whole(whole_one.store.path()).len(), 4 + more, "{thread}");
            });
        }
    });
}

/// With it nothing comes in any more: the process ends, and a fresh start finishes what it left.
#[test]
fn a_capture_loop_that_dies_is_named_and_ends_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let (faults, switch) = fault("capture");
    let studio = Studio::start(&config(dir.path(), "capture-dies"), Clock::machine(), faults).unwrap();
    studio.until("ready", 5, |s| s.get("/readyz").is_some_and(|(code, _)| code == 200));
    std::thread::scope(|calling| {
        calling.spawn(|| studio.play(&calls(215..217)));
        studio.until("two calls", 5, |s| s.metric("nauhuri_recordings_active") == 2.0);
        switch.store(DIES, Ordering::SeqCst);
        studio.until("its end", 5, |s| !s.is_running());
    });
    let told = studio.context.outlets.readiness.check(Instant::now()).unwrap_err().to_string();
    assert!(told.contains("thread capture died; the recorder stops"), "{told}");
    assert!(!studio.stop().0, "the process fails, and is started again");
}

/// What it had is not being recorded any more: a fresh start records more.
#[test]
fn a_worker_that_dies_is_named_and_ends_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let (faults, switch) = fault("tape-0");
    let studio = Studio::start(&config(dir.path(), "worker-dies"), Clock::machine(), faults).unwrap();
    studio.until("ready", 5, |s| s.get("/readyz").is_some_and(|(code, _)| code == 200));
    switch.store(DIES, Ordering::SeqCst);
    let readiness = Arc::clone(&studio.context.outlets.readiness);
    studio.until("its end", 5, |s| !s.is_running());
    let told = readiness.check(Instant::now()).unwrap_err().to_string();
    assert!(told.contains("thread tape-0 died; the recorder stops"), "{told}");
    assert!(!studio.stop().0, "the process fails, and is started again");
}

/// Half of the calls are another worker's.
#[test]
fn a_worker_that_hangs_is_named_and_the_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (faults, switch) = fault("tape-0");
    let studio = Studio::start(&config(dir.path(), "worker-hangs"), Clock::machine(), faults).unwrap();
    studio.until("ready", 5, |s| s.get("/readyz").is_some_and(|(code, _)| code == 200));
    switch.store(HANGS, Ordering::SeqCst);
    std::thread::scope(|calling| {
        calling.spawn(|| studio.play(&calls(200..208)));
        until_named(&studio, "thread tape-0 is stuck");
    });
    assert_eq!(studio.metric("nauhuri_thread_ok{thread=\"worker\"}"), 0.0);
    let other_half = whole(dir.path()).len();
    assert_eq!(other_half, 4, "recorded while the other hangs");
    studio.until("lag", 12, |s| {
        s.metric("nauhuri_worker_lag_seconds_bucket{le=\"5\"}") < s.metric("nauhuri_worker_lag_seconds_count")
    });
    switch.store(WELL, Ordering::SeqCst);
    studio.until("ready again", 5, |s| s.get("/readyz").is_some_and(|(code, _)| code == 200));
    assert!(studio.stop().0);
    assert_eq!(whole(dir.path()).len(), 8, "what waited in memory is recorded as well");
}

/// The service manager's watchdog restarts it; until then it is told.
#[test]
fn a_capture_loop_that_hangs_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (faults, switch) = fault("capture");
    let studio = Studio::start(&config(dir.path(), "capture-hangs"), Clock::machine(), faults).unwrap();
    studio.until("ready", 5, |s| s.get("/readyz").is_some_and(|(code, _)| code == 200));
    switch.store(HANGS, Ordering::SeqCst);
    until_named(&studio, "thread capture is stuck");
    // The loop that looks after the threads is the one that hangs.
    assert_eq!(studio.metric("nauhuri_thread_ok{thread=\"capture\"}"), 0.0);
    let (_, text) = studio.get("/metrics").unwrap();
    assert!(text.contains("\nnauhuri_ready 0\n"), "{text}");
    switch.store(WELL, Ordering::SeqCst);
    studio.until("ready again", 5, |s| s.get("/readyz").is_some_and(|(code, _)| code == 200));
    studio.play(&calls(210..213));
    assert!(studio.stop().0);
    assert_eq!(whole(dir.path()).len(), 3);
}
