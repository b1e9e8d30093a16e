//! The archivist's day, by a clock that the test turns.

use crate::common::ladder::Dialog;
use crate::common::ladder::Side::Caller;
use crate::leftovers::open;
use crate::studio::{Studio, config};
use nauhuri::caller::ProbeResult;
use nauhuri::config::Language;
use nauhuri::config::ServiceRule;
use nauhuri::config::compiled::NumberForm;
use nauhuri::custody::audit::{AuditLog, By, Who};
use nauhuri::custody::dsar::{ContactChannel, Handling, NewRequest, RequestOutcome, Ruling, SubjectRight};
use nauhuri::custody::keeper::Keeper;
use nauhuri::daemon::crew::Faults;
use nauhuri::daemon::machine_clock::Clock;
use nauhuri::store::files::{Access, Folder};
use nauhuri::store::layout::STATE_FOLDER;
use nauhuri::store::probe_state::ProbeState;
use nauhuri::time::Timestamp;
use std::path::{Path, PathBuf};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// A finished recording that falls due so long after `answered_at`.
fn recording(root: &Path, n: u64, answered_at: Timestamp, due_after: Duration) -> PathBuf {
    let (w, mut s) = open(root, n, answered_at);
    s.retention.until = Some(answered_at + due_after);
    let s = w.close(s).unwrap();
    crate::common::run::files(root).into_iter().find(|p| p.ends_with(s.wav.expose())).unwrap()
}

#[test]
fn what_falls_due_is_deleted_by_the_next_sweep_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join(STATE_FOLDER)).unwrap();
    let answered_at = Timestamp::from_parts(1_780_000_000, 0);
    let soon = recording(dir.path(), 1, answered_at, 2 * HOUR);
    let late = recording(dir.path(), 2, answered_at, 100 * HOUR);
    let clock = Clock::standing(answered_at + HOUR);
    let studio = Studio::start(&config(dir.path(), "due"), clock.clone(), Faults::default()).unwrap();
    let last = |s: &Studio| s.metric("nauhuri_sweep_last_success_timestamp_seconds");
    studio.until("the first sweep", 10, |s| last(s) == 1_780_003_600.0);
    studio.until("the archive", 5, |s| s.metric("nauhuri_archive_ok") == 1.0);
    assert!(soon.exists() && late.exists());
    studio.until("figures", 5, |s| s.metric("nauhuri_storage_bytes{state=\"kept\"}") > 6000.0);
    // Not yet an hour: the clock has passed the term, and no sweep has come.
    clock.turn(Duration::from_secs(3599));
    std::thread::sleep(Duration::from_millis(300));
    assert!(soon.exists() && last(&studio) == 1_780_003_600.0);
    clock.turn(Duration::from_secs(2));
    studio.until("the second sweep", 10, |s| last(s) == 1_780_007_201.0);
    assert!(!soon.exists() && late.exists());
    assert_eq!(studio.metric("nauhuri_retention_deleted_total{service=\"general\"}"), 1.0);
    clock.turn(Duration::from_secs(61));
    studio.until("the audit log's figures", 5, |s| s.metric("nauhuri_audit_entries") >= 1.0);
    assert!(studio.stop().0);
}

/// Nothing is deleted by a clock that nobody keeps synchronised; that is shown, and over with the next sweep.
#[test]
fn a_clock_that_is_adrift_is_shown_and_deletes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join(STATE_FOLDER)).unwrap();
    let answered_at = Timestamp::from_parts(1_780_000_000, 0);
    let due = recording(dir.path(), 1, answered_at, HOUR);
    let clock = Clock::standing(answered_at + 2 * HOUR);
    clock.set_adrift(true);
    let mut config = config(dir.path(), "adrift");
    config.retention.clock = nauhuri::config::ClockTrust::Synchronised;
    let studio = Studio::start(&config, clock.clone(), Faults::default()).unwrap();
    let refused = |s: &Studio| s.metric("nauhuri_deletion_guard_tripped");
    studio.until("a refusal", 10, |s| refused(s) == 1.0);
    assert!(due.exists() && studio.metric("nauhuri_clock_synchronised") == 0.0);
    clock.set_adrift(false);
    clock.turn(HOUR + Duration::from_secs(1));
    studio.until("it is trusted again", 10, |s| s.metric("nauhuri_clock_synchronised") == 1.0);
    studio.until("a sweep", 10, |s| refused(s) == 0.0);
    assert!(!due.exists());
    assert!(studio.stop().0);
}

/// A request of a data subject is counted, until its last day and beyond; its name goes with its time.
#[test]
fn a_data_subject_who_waits_is_heard_of() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join(STATE_FOLDER)).unwrap();
    let begins = Timestamp::from_parts(1_780_000_000, 0);
    let (config, zone) = (config(dir.path(), "dsar"), jiff::tz::TimeZone::UTC);
    let place = nauhuri::archive::Place::of(&config.storage);
    let by = |at| By::new(Who::of_service(), at);
    let with = |at, work: &dyn Fn(&mut Handling<'_>)| {
        let mut keeper = Keeper::open(&place, AuditLog::of(&place.state, &config.audit), at).unwrap();
        work(&mut Handling::open(&mut keeper, &by(at), &zone).unwrap());
    };
    let new = |right, received: &str| NewRequest {
        right,
        received: received.parse().unwrap(),
        channel: ContactChannel::Letter,
        case: "17/2026".into(),
        language: Language::Fi,
        name: "Aino Testinen".into(),
        address: "Katu 1".into(),
        number: None,
        identity: None,
        identity_asked: false,
        recordings: Vec::new(),
    };
    let numbers = NumberForm::default();
    with(begins, &|desk| {
        // It is the 28th of May 2026.
        desk.add(&new(SubjectRight::Access, "2026-05-20"), &numbers).unwrap();
        desk.add(&new(SubjectRight::Object, "2026-05-28"), &numbers).unwrap();
    });
    let clock = Clock::standing(begins);
    let studio = Studio::start(&config, clock.clone(), Faults::default()).unwrap();
    let open = |s: &Studio, kind: &str| s.metric(&format!("nauhuri_dsar_open{{kind=\"{kind}\"}}"));
    studio.until("two that wait", 10, |s| open(s, "access") == 1.0 && open(s, "object") == 1.0);
    // The end of the 20th of June.
    assert_eq!(studio.metric("nauhuri_dsar_next_due_timestamp_seconds"), 1_782_000_000.0);
    assert_eq!((studio.metric("nauhuri_dsar_overdue"), open(&studio, "erase")), (0.0, 0.0));
    clock.turn(24 * 24 * HOUR);
    studio.until("one is late", 10, |s| s.metric("nauhuri_dsar_overdue") == 1.0);
    with(begins + 24 * 24 * HOUR, &|desk| {
        let refused = Ruling {
            outcome: RequestOutcome::Refused,
            ground: Some("a law".into()),
            why: None,
            carry_out: None,
            recordings: None,
        };
        desk.decide(1, &refused).unwrap();
    });
    clock.turn(Duration::from_secs(61));
    studio
        .until("it is answered", 10, |s| s.metric("nauhuri_dsar_overdue") == 0.0 && open(s, "access") == 0.0);
    assert!(studio.stop().0);
}

/// Answered calls that are not recorded are in the register, by rule or by misfortune.
#[test]
fn what_is_not_recorded_is_written_down() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path(), "register");
    config.limits.recordings = 1;
    let (name, numbers) = ("quiet".into(), vec!["2005".into()]);
    config.service = vec![ServiceRule { name, numbers, record: Some(false), ..ServiceRule::default() }];
    let studio = Studio::plain(&config);
    let mut scene = crate::studio::calls(370..372);
    let mut quiet = Dialog::new(375);
    (quiet.to, quiet.uri) = ("<sip:2005@pbx.example>".into(), "sip:2005@192.0.2.20:5060".into());
    quiet.answered(&mut scene, 10.0, 100.0);
    quiet.bye(&mut scene, 900.0, Caller);
    studio.play(&scene);
    let written = dir.path().join(STATE_FOLDER).join("unrecorded.jsonl");
    let read = || std::fs::read_to_string(&written).unwrap_or_default();
    studio.until("what could not be recorded", 12, |_| read().lines().count() == 1);
    let (code, said) = studio.get("/readyz").unwrap();
    assert!(code == 503 && said.contains("calls are refused"), "{code} {said}");
    // What is left out by rule is told when its contact is over, at the latest at the stop.
    assert!(studio.stop().0);
    let text = read();
    for told in
        ["\"reason\":\"service\",\"service\":\"quiet\"", "\"reason\":\"limit\",\"service\":\"general\""]
    {
        assert!(text.contains(told), "{text}");
    }
    assert!(!text.contains("401234567"), "{text}");
    // What had to be recorded is remembered as long as it would have been; a service that is not, is not.
    let told = crate::common::run::assurances(dir.path());
    let said: Vec<_> = told.iter().map(|a| (a["assurance"].to_string(), a["service"].to_string())).collect();
    assert_eq!(said, [(r#"{"bucket":"missing","reasons":["limit"]}"#.into(), "\"general\"".into())]);
    let text = format!("{told:?}");
    assert!(text.contains("+35840123xxxx") && !text.contains("401234567"), "{text}");
}

/// What a test call left is shown, whichever process placed it.
#[test]
fn a_test_call_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let state = Folder::make(&dir.path().join(STATE_FOLDER), Access::Owner).unwrap();
    let clock = Clock::standing(Timestamp::from_parts(1_780_000_000, 0));
    let studio = Studio::start(&config(dir.path(), "probe"), clock.clone(), Faults::default()).unwrap();
    studio.until("the archive", 10, |s| s.metric("nauhuri_archive_ok") == 1.0);
    let [run, success] =
        ["nauhuri_probe_last_run_timestamp_seconds", "nauhuri_probe_last_success_timestamp_seconds"];
    let result = |s: &Studio, of: &str| s.metric(&format!("nauhuri_probe_last_result{{result=\"{of}\"}}"));
    assert_eq!((studio.metric(run), studio.metric(success)), (0.0, 0.0));
    let heard = Timestamp::from_parts(1_779_990_000, 0);
    for of in ProbeResult::ALL {
        let at = heard + HOUR;
        let known = ProbeState { schema: 1, at, result: (*of).into(), last_success_at: Some(heard) };
        known.write(&state).unwrap();
        clock.turn(Duration::from_secs(6));
        studio.until(of.name(), 5, |s| result(s, of.name()) == 1.0);
        let all: f64 = ProbeResult::ALL.iter().map(|r| result(&studio, r.name())).sum();
        assert_eq!((all, studio.metric(run)), (1.0, 1_779_993_600.0));
        assert_eq!(studio.metric(success), 1_779_990_000.0);
    }
    assert!(studio.stop().0);
}

/// An archive that cannot be opened: it is heard of, and comes back by itself.
#[test]
fn a_retention_that_stops_is_heard_of() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join(STATE_FOLDER);
    // Where the index should be is something that is none and cannot become one.
    std::fs::create_dir_all(state.join("index.db/in-the-way")).unwrap();
    let studio = Studio::plain(&config(dir.path(), "archive"));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(studio.metric("nauhuri_archive_ok"), 0.0);
    assert_eq!(studio.metric("nauhuri_sweep_last_success_timestamp_seconds"), 0.0);
    std::fs::remove_dir_all(state.join("index.db")).unwrap();
    studio.until("the archive", 15, |s| s.metric("nauhuri_archive_ok") == 1.0);
    studio.until("a sweep", 5, |s| s.metric("nauhuri_sweep_last_success_timestamp_seconds") > 0.0);
    assert!(studio.stop().0);
}
