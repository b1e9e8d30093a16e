//! What went wrong reaches the log in the words of whoever knew it, not as a constant.

use crate::common::ladder::{addr, ethernet};
use crate::leftovers::open;
use crate::studio::{Studio, config};
use nauhuri::daemon::crew::Faults;
use nauhuri::daemon::machine_clock::Clock;
use nauhuri::store::layout::STATE_FOLDER;
use nauhuri::time::Timestamp;
use std::io::Write;
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};
use tracing::level_filters::LevelFilter;

/// What all recorders of this process have logged.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct ToLog;

impl Write for ToLog {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap_or_else(PoisonError::into_inner).write(line)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// From now on it is written down.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let lines = tracing_subscriber::fmt().json().with_max_level(LevelFilter::DEBUG);
        lines.with_writer(|| ToLog).init();
    });
}

/// Waits for a line that says all of this.
#[track_caller]
fn until_logged(words: &[&str]) {
    let began = Instant::now();
    while !is_logged(words) {
        assert!(began.elapsed() < Duration::from_secs(10), "{words:?} not in\n{}", log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn is_logged(words: &[&str]) -> bool {
    log().lines().any(|line| words.iter().all(|word| line.contains(word)))
}

fn log() -> String {
    String::from_utf8_lossy(&LOG.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

#[test]
fn why_an_interface_was_lost_and_cannot_be_reopened() {
    listen();
    let dir = tempfile::tempdir().unwrap();
    let studio = Studio::plain(&config(dir.path(), "lost-wire"));
    studio.fail("The interface disappeared (test)");
    until_logged(&["capture lost", "lost-wire", "The interface disappeared (test)"]);
    until_logged(&["cannot be reopened", "lost-wire", "no such wire"]);
    assert!(studio.stop().0);
}

#[test]
fn why_no_sip_message_could_be_read_and_between_whom() {
    listen();
    let dir = tempfile::tempdir().unwrap();
    let studio = Studio::plain(&config(dir.path(), "strange-sip"));
    let [from, to] = ["192.0.2.77:5060", "192.0.2.78:5060"];
    for (start, reason) in [
        ("INVITE sip:x HTTP/1.1", "request line does not end in SIP/2.0"),
        ("SIP/2.0 2 OK", "status code is not three digits"),
    ] {
        let text = format!("{start}\r\nCall-ID: x\r\nContent-Length: 0\r\n\r\n");
        studio.put(ethernet(addr(from), addr(to), text.as_bytes()));
        until_logged(&["no SIP message", reason, from, to]);
    }
    assert!(studio.stop().0);
}

/// By the recorder's own clock, which a test turns.
#[test]
fn that_no_signalling_has_come_for_five_minutes() {
    listen();
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::standing(Timestamp::from_parts(1_780_000_000, 0));
    let config = config(dir.path(), "silent-mirror");
    let studio = Studio::start(&config, clock.clone(), Faults::default()).unwrap();
    clock.turn(Duration::from_secs(299));
    // It looks once a second.
    std::thread::sleep(Duration::from_millis(1500));
    clock.turn(Duration::from_secs(2));
    until_logged(&["no SIP seen", "\"waited_s\":301"]);
    assert!(!is_logged(&["no SIP seen", "\"waited_s\":299"]), "before its time");
    assert!(studio.stop().0);
}

#[test]
fn why_a_recording_that_is_due_could_not_be_deleted() {
    listen();
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join(STATE_FOLDER)).unwrap();
    let answered_at = Timestamp::from_parts(1_780_000_000, 0);
    let (w, mut s) = open(dir.path(), 1, answered_at);
    s.retention.until = Some(answered_at + Duration::from_secs(3600));
    let s = w.close(s).unwrap();
    let all = crate::common::run::files(dir.path());
    let wav = all.into_iter().find(|p| p.ends_with(s.wav.expose())).unwrap();
    // Beside it stands, by the name of one of its files, what is not deleted as a file.
    std::fs::create_dir(wav.with_extension("pcap")).unwrap();
    let clock = Clock::standing(answered_at + Duration::from_secs(7200));
    let studio = Studio::start(&config(dir.path(), "undeletable"), clock, Faults::default()).unwrap();
    until_logged(&["could not be deleted", &s.id.to_string(), "Is a directory"]);
    assert!(studio.stop().0);
}
