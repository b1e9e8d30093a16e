//! Recordings that a crash left are finished while calls are recorded.

use crate::common::run::files;
use crate::studio::{Studio, calls, config, whole};
use nauhuri::pii::Pii;
use nauhuri::store::layout::{RecordingName, STATE_FOLDER};
use nauhuri::store::lock::EditLock;
use nauhuri::store::sidecar::{
    Agent, Audio, Customer, EndedBy, RetentionRecord, SCHEMA, Sidecar, SipInfo, parse_rfc3339,
};
use nauhuri::store::wav::{WavEncoding, WavSpec};
use nauhuri::store::writer::{RecordingWriter, WriterOptions};
use nauhuri::time::Timestamp;
use std::path::Path;
use std::time::{Duration, Instant};
use uuid::Uuid;

pub fn sidecar(id: Uuid, answered_at: Timestamp) -> Sidecar {
    Sidecar {
        schema: SCHEMA,
        id,
        call_group: id,
        wav: Pii::default(),
        service: Some("general".into()),
        direction: None,
        agent: Agent { id: Some("2001".into()), name: None },
        customer: Customer { number: None, withheld: true },
        dialled: None,
        answered_at,
        ended_at: answered_at,
        duration_s: 0.0,
        ended_by: EndedBy::Agent,
        complete: true,
        sip: SipInfo { call_id: None },
        audio: Audio::begin(8000, WavEncoding::PcmS16le),
        streams: Vec::new(),
        events: Vec::new(),
        retention: RetentionRecord::default(),
        policy: None,
        restricted: Default::default(),
        amendments: Default::default(),
        paused_s: 0.0,
        undecoded: None,
        assurance: None,
        before_agent_s: None,
        before_agent_leg: None,
        extra: Pii::default(),
    }
}

/// A recording that is being written.
pub fn open(root: &Path, n: u64, answered_at: Timestamp) -> (RecordingWriter, Sidecar) {
    let id = Uuid::from_u64_pair(0x0190_0000_0000_7000, 0x8000_0000_0000_0000 | n);
    let sidecar = sidecar(id, answered_at);
    let name = RecordingName::new(answered_at, Some("2001"), None, id);
    let spec = WavSpec { rate: 8000, encoding: WavEncoding::PcmS16le };
    let options = WriterOptions { sync: false, ..WriterOptions::default() };
    let mut w = RecordingWriter::open(root, &name, spec, sidecar.clone(), &options).unwrap();
    w.append(&vec![7; 3200]).unwrap();
    w.flush().unwrap();
    (w, sidecar)
}

/// As a recorder leaves them that was killed with so many calls running.
fn crash(root: &Path, recordings: u64) {
    let now = Timestamp::from_jiff(jiff::Timestamp::now());
    std::fs::create_dir_all(root.join(STATE_FOLDER)).unwrap();
    for n in 0..recordings {
        drop(open(root, n, now.offset_ns(-(60 + n as i64) * 1_000_000_000)));
    }
}

fn parts(root: &Path) -> usize {
    files(root).iter().filter(|p| p.to_string_lossy().ends_with(".part")).count()
}

/// A quick disk where there is one: what is measured is the recorder.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

#[test]
fn ten_thousand_of_them_keep_no_call_waiting() {
    const LEFT: u64 = 10_000;
    let dir = folder();
    crash(dir.path(), LEFT);
    let began = Instant::now();
    let studio = Studio::plain(&config(dir.path(), "ten-thousand"));
    studio.until("ready", 5, |s| s.get("/readyz").is_some_and(|(code, _)| code == 200));
    let ready = began.elapsed();
    studio.play(&calls(300..340));
    let left = studio.metric("nauhuri_leftovers");
    let took = studio.until("all of them finished", 240, |s| s.metric("nauhuri_leftovers") == 0.0);
    let recovered = "nauhuri_recordings_completed_total{service=\"general\",ended_by=\"recovered\"}";
    println!("ready within {ready:?}; {left} left after 40 calls, all finished {took:?} later");
    assert_eq!(studio.metric(recovered), LEFT as f64);
    let partial = "nauhuri_calls_assured_total{service=\"general\",bucket=\"partial\"}";
    assert_eq!(studio.metric(partial), LEFT as f64, "the book balances");
    assert!(studio.stop().0);
    assert!(ready < Duration::from_secs(1), "{ready:?}");
    assert_eq!(parts(dir.path()), 0);
    assert_eq!(whole(dir.path()).len(), 40, "none of the calls meanwhile is lost");
}

/// Somebody's `nauhuri erase` that was stopped (Ctrl-Z) holds the store.
#[test]
fn who_holds_the_store_keeps_nobody_from_recording() {
    let dir = tempfile::tempdir().unwrap();
    crash(dir.path(), 5);
    let edits = EditLock::wait(&dir.path().join(STATE_FOLDER)).unwrap();
    let studio = Studio::plain(&config(dir.path(), "held-store"));
    studio.play(&calls(350..354));
    studio.until("the calls", 5, |_| whole(dir.path()).len() == 4);
    assert_eq!(studio.metric("nauhuri_leftovers"), 5.0);
    drop(edits);
    studio.until("the leftovers", 10, |s| s.metric("nauhuri_leftovers") == 0.0);
    assert_eq!(parts(dir.path()), 0);
    assert!(studio.stop().0);
    let recovered = crate::common::run::recordings(dir.path());
    let recovered: Vec<_> = recovered.iter().filter(|r| r.json["ended_by"] == "recovered").collect();
    assert_eq!(recovered.len(), 5);
    for r in recovered {
        assert_eq!((&r.json["complete"], r.customer.len()), (&false.into(), 800), "{}", r.json);
        assert!(parse_rfc3339(r.text("/ended_at")) > parse_rfc3339(r.text("/answered_at")));
        assert_eq!(r.text("/assurance/bucket"), "partial", "{}", r.json);
        assert!(
            r.json["assurance"]["reasons"].as_array().unwrap().contains(&"recovered".into()),
            "{}",
            r.json
        );
    }
}

/// What is asked to stop while it finishes leftovers stops all the same.
#[test]
fn a_stop_meanwhile_leaves_the_rest_to_the_next_start() {
    let dir = folder();
    crash(dir.path(), 300);
    let edits = EditLock::wait(&dir.path().join(STATE_FOLDER)).unwrap();
    let studio = Studio::plain(&config(dir.path(), "stop-meanwhile"));
    std::thread::sleep(Duration::from_millis(300));
    let (all_well, took) = studio.stop();
    assert!(all_well && took < Duration::from_secs(15), "{took:?}");
    assert_eq!(parts(dir.path()), 600);
    drop(edits);
    let studio = Studio::plain(&config(dir.path(), "start-after"));
    let (all_well, _) = studio.stop();
    assert!(all_well);
    assert_eq!(parts(dir.path()), 0, "few are finished before it ends");
}

#[test]
fn a_second_recorder_is_refused_and_told_who_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let studio = Studio::plain(&config(dir.path(), "first"));
    let second = Studio::start(
        &config(dir.path(), "second"),
        nauhuri::daemon::machine_clock::Clock::machine(),
        nauhuri::daemon::crew::Faults::default(),
    );
    let said = second.err().expect("refused").to_string();
    assert!(said.contains(&format!("already recorded into by pid {} since 2", std::process::id())), "{said}");
    studio.play(&calls(360..362));
    assert!(studio.stop().0);
    assert_eq!(whole(dir.path()).len(), 2);
    assert!(Studio::plain(&config(dir.path(), "third")).stop().0);
}
