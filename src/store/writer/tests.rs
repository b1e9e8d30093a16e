//! The way of a recording that nothing disturbs, and of one that must not begin.

use super::*;
use crate::id::derived_uuid;
use crate::store::layout::{NameState, Walk};
use crate::store::wav::{WavEncoding, read_info, sha256_hex};
use crate::time::Timestamp;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

const SPEC: WavSpec = WavSpec { rate: 8000, encoding: WavEncoding::Alaw };

fn at() -> Timestamp {
    Timestamp::from_parts(1_795_421_723, 120_000_000)
}

fn name(n: u8) -> RecordingName {
    RecordingName::new(at(), Some("2001"), Some("+35840123xxxx"), derived_uuid(at(), &[&[n]]))
}

fn known_at_answer() -> Sidecar {
    let mut s: Sidecar = serde_json::from_str(include_str!("answered.json")).unwrap();
    (s.answered_at, s.ended_at) = (at(), at());
    s
}

fn at_the_end() -> Sidecar {
    let mut s = known_at_answer();
    (s.ended_by, s.complete, s.duration_s) = (EndedBy::Customer, true, 2.0);
    s.ended_at = at().offset_ns(2_000_000_000);
    s
}

fn open(root: &Path, options: &WriterOptions) -> Result<RecordingWriter, StoreError> {
    RecordingWriter::open(root, &name(1), SPEC, known_at_answer(), options)
}

#[test]
fn a_recording_from_answer_to_final_names() {
    let dir = tempfile::tempdir().unwrap();
    let steps = Arc::new(Mutex::new(Vec::new()));
    let seen = steps.clone();
    let hook = Steps::with(move |s| {
        seen.lock().unwrap().push(s);
        Ok(())
    });
    let mut w = open(dir.path(), &WriterOptions { steps: hook, ..WriterOptions::default() }).unwrap();
    let p = name(1).paths(dir.path());
    let provisional = Sidecar::read(&p.json_part).unwrap();
    assert_eq!((provisional.ended_by, provisional.complete), (EndedBy::Recovered, false));
    assert_eq!(provisional.audio, Audio::begin(8000, WavEncoding::Alaw));
    for _ in 0..20 {
        w.append(&[0xD5; 1600]).unwrap();
        w.flush().unwrap();
        assert!(read_info(&p.wav_part).unwrap().is_sound());
    }
    assert_eq!(w.patch(10, 0, &[1, 2]).unwrap(), 2);
    w.truncate_frames(12_000).unwrap();
    assert!(!p.wav.exists() && !p.json.exists());
    let written = w.close(at_the_end()).unwrap();

    assert_eq!(*steps.lock().unwrap(), Step::ALL);
    assert_eq!(Sidecar::read(&p.json).unwrap(), written);
    assert_eq!(written.audio.frames, 12_000);
    assert_eq!(written.audio.sha256, sha256_hex(&p.wav).unwrap());
    assert_eq!(written.wav.expose(), p.wav.file_name().unwrap().to_str().unwrap());
    assert_eq!(written.ended_by, EndedBy::Customer);
    for f in [&p.wav, &p.json] {
        assert_eq!(fs::metadata(f).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let found: Vec<_> = Walk::new(dir.path()).map(Result::unwrap).collect();
    assert_eq!((found.len(), found[0].state()), (1, NameState::Finished));
    assert_eq!(fs::read_dir(&p.folder).unwrap().count(), 2, "nothing is left beside them");
}

#[test]
fn what_is_there_is_never_altered() {
    let dir = tempfile::tempdir().unwrap();
    let options = WriterOptions { sync: false, ..WriterOptions::default() };
    open(dir.path(), &options).unwrap().close(at_the_end()).unwrap();
    let p = name(1).paths(dir.path());
    let before = (fs::read(&p.wav).unwrap(), fs::read(&p.json).unwrap());
    assert!(matches!(open(dir.path(), &options), Err(StoreError::Exists { .. })));
    fs::remove_file(&p.json).unwrap();
    assert!(matches!(open(dir.path(), &options), Err(StoreError::Exists { .. })));
    fs::write(&p.json, &before.1).unwrap();
    assert_eq!(before, (fs::read(&p.wav).unwrap(), fs::read(&p.json).unwrap()));
    assert_eq!(fs::read_dir(&p.folder).unwrap().count(), 2);
}

#[test]
fn parts_of_another_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let options = WriterOptions::default();
    let first = open(dir.path(), &options).unwrap();
    let p = name(1).paths(dir.path());
    assert!(matches!(open(dir.path(), &options), Err(StoreError::InUse { .. })));
    assert!(p.json_part.exists() && p.wav_part.exists());
    // Audio without sidecar: the new sidecar is taken back, the audio stays.
    fs::remove_file(&p.json_part).unwrap();
    assert!(matches!(open(dir.path(), &options), Err(StoreError::InUse { .. })));
    assert!(!p.json_part.exists() && p.wav_part.exists());
    drop(first);
}

#[test]
fn final_names_that_appeared_meanwhile_are_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let w = open(dir.path(), &WriterOptions::default()).unwrap();
    let p = name(1).paths(dir.path());
    fs::write(&p.wav, "another's").unwrap();
    assert!(matches!(w.close(at_the_end()), Err(StoreError::Exists { .. })));
    assert_eq!(fs::read(&p.wav).unwrap(), b"another's");
    assert!(p.wav_part.exists() && p.json_part.exists());
}

#[test]
fn a_stray_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), &WriterOptions::default()).unwrap().discard().unwrap();
    assert_eq!(fs::read_dir(name(1).folder(dir.path())).unwrap().count(), 0);
}

#[test]
fn an_opening_that_fails_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut unfit = known_at_answer();
    unfit.schema = 2;
    let e = RecordingWriter::open(dir.path(), &name(1), SPEC, unfit, &WriterOptions::default());
    assert!(matches!(e, Err(StoreError::Sidecar { .. })));
    assert_eq!(fs::read_dir(name(1).folder(dir.path())).unwrap().count(), 0);
    let blocked = dir.path().join("file");
    fs::write(&blocked, "").unwrap();
    let e = open(&blocked, &WriterOptions::default()).unwrap_err();
    assert!(e.to_string().contains("file"), "{e}");
}

/// A close that fails at any step, the storage then well again: the same recording as if nothing had been.
#[test]
fn a_close_that_failed_is_finished_later() {
    let undisturbed = tempfile::tempdir().unwrap();
    let mut w = open(undisturbed.path(), &WriterOptions::default()).unwrap();
    w.append(&[0x54; 16_000]).unwrap();
    let expected = w.close(at_the_end()).unwrap();

    for step in Step::ALL.into_iter().filter(|s| *s >= Step::WavSynced) {
        let dir = tempfile::tempdir().unwrap();
        let hook = Steps::with(move |s| match s == step {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        });
        let mut w = open(dir.path(), &WriterOptions { steps: hook, ..WriterOptions::default() }).unwrap();
        w.append(&[0x54; 16_000]).unwrap();
        let p = name(1).paths(dir.path());
        let frames = w.frames();
        // What a write that failed half-way leaves behind the last frame.
        use std::io::Write;
        fs::OpenOptions::new().append(true).open(&p.wav_part).unwrap().write_all(&[7; 1237]).unwrap();
        assert!(w.close(at_the_end()).is_err(), "{step}");
        let done = finish_later(dir.path(), &name(1), frames, at_the_end(), &WriterOptions::default());
        assert_eq!(done.unwrap(), expected, "{step}");
        assert_eq!(Sidecar::read(&p.json).unwrap(), expected, "{step}");
        assert_eq!(sha256_hex(&p.wav).unwrap(), expected.audio.sha256, "{step}");
        assert!(!p.wav_part.exists() && !p.json_part.exists(), "{step}");
        // Once more does no harm.
        let again = finish_later(dir.path(), &name(1), frames, at_the_end(), &WriterOptions::default());
        assert_eq!(again.unwrap(), expected, "{step}");
    }
}
