//! Stopped after every step of writing, and after every step of recovery; then
//! what no crash of ours leaves but a disk may.

use super::*;
use crate::codec::CodecSpec;
use crate::store::Stopped;
use crate::store::layout::RecordingName;
use crate::store::undecoded::{KeptRtp, UndecodedEncoder};
use crate::store::wav::{WavEncoding, read_info, sha256_hex};
use crate::store::writer::RecordingWriter;
use crate::store::{Step, Steps};
use std::fs;
use std::io;

const SPEC: WavSpec = WavSpec { rate: 8000, encoding: WavEncoding::PcmS16le };
/// Frames appended before the end, or the crash.
const FRAMES: u64 = 8_000;

fn at() -> Timestamp {
    Timestamp::from_parts(1_795_421_723, 120_456_000)
}

fn name() -> RecordingName {
    RecordingName::new(at(), Some("2001"), Some("+35840123xxxx"), derived_uuid(at(), &[b"call"]))
}

fn known_at_answer() -> Sidecar {
    let mut s: Sidecar = serde_json::from_str(include_str!("../writer/answered.json")).unwrap();
    s.answered_at = at();
    s.ended_at = s.answered_at;
    s
}

/// Payload that nobody could decode.
fn payload() -> Vec<u8> {
    let (mut out, spec) = (Vec::new(), CodecSpec::from_rtpmap(97, Some("EVS"), Some(16_000), None));
    let (channel, payload) = (crate::id::Channel::Agent, &[7; 33][..]);
    let (payload_type, seq, timestamp, ssrc) = (97, 1, 2, 3);
    let packet = KeptRtp { stream: 0, channel, at: at(), payload_type, seq, timestamp, ssrc, payload };
    assert!(UndecodedEncoder::new(known_at_answer().id, at()).put(&packet, &spec, &mut out));
    out
}

fn stop_after(step: Option<Step>) -> WriterOptions {
    let steps = Steps::with(move |s| if Some(s) == step { Err(io::Error::other("stop")) } else { Ok(()) });
    WriterOptions { steps, ..WriterOptions::default() }
}

/// A whole call, stopped after `step`.
fn record(root: &Path, step: Option<Step>) -> Result<Sidecar, StoreError> {
    let mut w = RecordingWriter::open(root, &name(), SPEC, known_at_answer(), &stop_after(step))?;
    for _ in 0..10 {
        w.append(&vec![3; FRAMES as usize / 10 * 4])?;
    }
    w.append_undecoded(&payload())?;
    let mut end = known_at_answer();
    (end.ended_by, end.complete, end.duration_s) = (EndedBy::Agent, true, 1.0);
    end.ended_at = at() + Duration::from_secs(1);
    w.close(end)
}

fn run(root: &Path, step: Option<Step>) -> Result<Vec<RecoveryOutcome>, StoreError> {
    let mut lock = StoreLock::enter(root)?;
    let fallback_due: Option<Box<FallbackDue>> = Some(Box::new(|t| t + Duration::from_secs(86_400)));
    let edits = EditLock::wait(&root.join(crate::store::layout::STATE_FOLDER))?;
    recover(&mut lock, &edits, &RecoverOptions { writer: stop_after(step), fallback_due })
}

/// Every recording is a pair whose parts agree; nothing else is in the store.
fn assert_clean(root: &Path) -> Vec<Sidecar> {
    Walk::new(root)
        .map(|found| {
            let found = found.unwrap();
            assert_eq!(found.state(), NameState::Finished, "{found:?}");
            assert!(!found.json_new && !found.json_part_new, "{found:?}");
            let p = found.paths();
            let s = Sidecar::read(&p.json).unwrap();
            let info = read_info(&p.wav).unwrap();
            assert!(info.is_sound() && !found.pcap_part);
            let kept = found.pcap.then(|| (format!("{}.pcap", found.stem), sha256_hex(&p.pcap).unwrap()));
            assert_eq!(s.undecoded.as_ref().map(|u| (u.file.expose().clone(), u.sha256.clone())), kept);
            assert_eq!(s.wav.expose(), &format!("{}.wav", found.stem));
            assert_eq!((s.audio.frames, s.audio.sample_rate), (info.frames(), info.spec.rate));
            assert_eq!(s.audio.encoding, info.spec.encoding);
            assert_eq!(s.audio.sha256, sha256_hex(&p.wav).unwrap());
            let length = s.ended_at.since_s(s.answered_at);
            assert!((length - s.duration_s).abs() < 2e-6);
            s
        })
        .collect()
}

/// What the list in the parent promises for a stop after `step`.
fn assert_kept(step: Step, got: &[Sidecar]) {
    let [s] = got else {
        assert_eq!(step, Step::Folders, "one recording, or none where only folders were made");
        return assert!(got.is_empty());
    };
    let frames = if step < Step::WavSynced { 0 } else { FRAMES };
    assert_eq!(s.audio.frames, frames, "{step}");
    assert_eq!((s.id, s.service.as_deref()), (known_at_answer().id, Some("116117")), "{step}");
    assert_eq!(s.retention, known_at_answer().retention, "{step}");
    assert_eq!(s.undecoded.is_some(), step >= Step::WavSynced, "{step}");
    let whole = step >= Step::SidecarWritten;
    assert_eq!(s.complete, whole, "{step}");
    assert_eq!(s.ended_by, if whole { EndedBy::Agent } else { EndedBy::Recovered }, "{step}");
    assert_eq!(s.answered_at, at());
}

/// A crash in the midst of a rename, before the payload had its new name or after.
#[test]
fn payload_goes_with_its_recording_whatever_it_is_called() {
    for other in ["+35840123yyyy", "+1"] {
        let dir = tempfile::tempdir().unwrap();
        let mut w =
            RecordingWriter::open(dir.path(), &name(), SPEC, known_at_answer(), &stop_after(None)).unwrap();
        w.append(&[3; 32]).unwrap();
        w.append_undecoded(&payload()).unwrap();
        drop(w);
        let renamed = RecordingName::new(at(), Some("2001"), Some(other), derived_uuid(at(), &[b"call"]));
        fs::rename(name().paths(dir.path()).pcap_part, renamed.paths(dir.path()).pcap_part).unwrap();
        run(dir.path(), None).unwrap();
        let [s] = &assert_clean(dir.path())[..] else { panic!() };
        assert!(s.undecoded.is_some(), "{other}");
        assert_eq!(fs::read(name().paths(dir.path()).pcap).unwrap(), payload());
    }
}

#[test]
fn stopped_after_each_step_of_writing() {
    for step in Step::ALL {
        let dir = tempfile::tempdir().unwrap();
        let stopped = record(dir.path(), Some(step));
        assert!(matches!(stopped, Err(StoreError::Stopped(Stopped { step: s, .. })) if s == step));
        let did = run(dir.path(), None).unwrap();
        assert_eq!(
            did.len(),
            usize::from((Step::ProvisionalSidecar..Step::SidecarRenamed).contains(&step)),
            "{step}"
        );
        assert_kept(step, &assert_clean(dir.path()));
        assert!(run(dir.path(), None).unwrap().is_empty(), "a second start finds nothing");
    }
}

#[test]
fn stopped_after_each_step_of_recovery() {
    for step in Step::ALL {
        for again in Step::ALL {
            let dir = tempfile::tempdir().unwrap();
            record(dir.path(), Some(step)).unwrap_err();
            // Twice at the same step: a machine that keeps crashing there.
            for _ in 0..2 {
                if let Err(e) = run(dir.path(), Some(again)) {
                    assert!(matches!(e, StoreError::Stopped(Stopped { step: s, .. }) if s == again));
                }
            }
            run(dir.path(), None).unwrap();
            assert_kept(step, &assert_clean(dir.path()));
        }
    }
}

#[test]
fn a_crash_mid_call_keeps_all_whole_frames() {
    for lost_header in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let mut w =
            RecordingWriter::open(dir.path(), &name(), SPEC, known_at_answer(), &WriterOptions::default())
                .unwrap();
        w.append(&[1; 4000]).unwrap();
        w.flush().unwrap();
        w.append(&[2; 4000]).unwrap();
        drop(w);
        let p = name().paths(dir.path());
        let mut bytes = fs::read(&p.wav_part).unwrap();
        bytes.extend_from_slice(&[9; 3]);
        if lost_header {
            bytes[..80].fill(0);
        }
        fs::write(&p.wav_part, bytes).unwrap();
        let did = run(dir.path(), None).unwrap();
        assert!(matches!(did[0].action, RecoveryAction::Recovered { frames: 2000 }), "{did:?}");
        let s = assert_clean(dir.path()).remove(0);
        assert_eq!((s.audio.frames, s.duration_s), (2000, 0.25));
        assert_eq!(s.ended_at, at() + Duration::from_millis(250));
        assert_eq!(fs::read(&p.wav).unwrap()[4080..], [2; 4000]);
    }
}

#[test]
fn audio_without_metadata_gets_what_its_name_tells() {
    for text in [None, Some(""), Some("{\"schema\": 1")] {
        let dir = tempfile::tempdir().unwrap();
        record(dir.path(), Some(Step::WavSynced)).unwrap_err();
        let p = name().paths(dir.path());
        match text {
            None => fs::remove_file(&p.json_part).unwrap(),
            Some(text) => fs::write(&p.json_part, text).unwrap(),
        }
        run(dir.path(), None).unwrap();
        let s = assert_clean(dir.path()).remove(0);
        assert_eq!(s.audio.frames, FRAMES);
        assert_eq!((s.service, s.direction, s.sip.call_id), (None, None, None));
        assert_eq!(s.agent.id.as_deref(), Some("2001"));
        assert_eq!(s.customer.number, Some("+35840123xxxx".into()));
        assert!(name().stem().ends_with(&crate::id::short_hex(s.id)));
        assert_eq!(s.id.get_version_num(), 7);
        // The name knows milliseconds, the rule that stands in gives the rest.
        assert_eq!(s.answered_at.to_rfc3339(), "2026-11-23T08:15:23.120000Z");
        assert_eq!(s.retention.until, Timestamp::parse_rfc3339("2026-11-24T08:15:23Z"));
    }
}

/// Killed in the midst of step 2, or without power before step 4.
#[test]
fn metadata_cut_short_gets_what_its_name_tells() {
    let texts = ["", "\0\0\0\0", "{\"schema\": 1, \"id\": \"01a2"];
    let audios = [None, Some(&[0u8; 0][..]), Some(&[0; 44])];
    for (text, audio) in texts.into_iter().flat_map(|t| audios.map(|a| (t, a))) {
        let dir = tempfile::tempdir().unwrap();
        record(dir.path(), Some(Step::ProvisionalSidecar)).unwrap_err();
        fs::write(name().paths(dir.path()).json_part, text).unwrap();
        if let Some(audio) = audio {
            fs::write(name().paths(dir.path()).wav_part, audio).unwrap();
        }
        let did = run(dir.path(), None).unwrap();
        assert!(matches!(did[0].action, RecoveryAction::Recovered { frames: 0 }), "{did:?}");
        let s = assert_clean(dir.path()).remove(0);
        assert!(name().stem().ends_with(&crate::id::short_hex(s.id)));
        assert_eq!((s.agent.id.as_deref(), s.sip.call_id), (Some("2001"), None));
        assert_eq!(s.retention.until, Timestamp::parse_rfc3339("2026-11-24T08:15:23Z"));
    }
}

#[test]
fn renames_that_reached_the_disk_in_the_other_order() {
    let dir = tempfile::tempdir().unwrap();
    let whole = record(dir.path(), None).unwrap();
    let p = name().paths(dir.path());
    fs::rename(&p.wav, &p.wav_part).unwrap();
    let did = run(dir.path(), None).unwrap();
    assert!(matches!(did[0].action, RecoveryAction::Completed), "{did:?}");
    assert_eq!(assert_clean(dir.path()), [whole]);
}

#[test]
fn what_cannot_be_told_is_left_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    record(dir.path(), None).unwrap();
    let p = name().paths(dir.path());
    let before = (fs::read(&p.wav).unwrap(), fs::read(&p.json).unwrap());
    // Parts beside a finished recording of the same name.
    fs::write(&p.wav_part, "?").unwrap();
    // Metadata alone and unreadable; foreign audio; a name that is not ours.
    let other = |digits| name().stem()[..name().stem().len() - 8].to_owned() + digits;
    fs::write(p.folder.join(other("00000001.json.part")), "<html>").unwrap();
    fs::write(p.folder.join(other("00000002.wav.part")), "ID3 not a WAV at all").unwrap();
    fs::write(p.folder.join("notes.wav.part"), "mine").unwrap();
    let mut files: Vec<_> = fs::read_dir(&p.folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    let did = run(dir.path(), None).unwrap();
    assert_eq!(did.iter().filter(|o| matches!(o.action, RecoveryAction::Left { .. })).count(), 2, "{did:?}");
    assert_eq!(did.iter().filter(|o| matches!(o.action, RecoveryAction::Failed(_))).count(), 1, "{did:?}");
    assert_eq!(did.len(), 3);
    let mut after: Vec<_> = fs::read_dir(&p.folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    files.sort();
    after.sort();
    assert_eq!(files, after, "nothing is deleted, nothing renamed");
    assert_eq!(before, (fs::read(&p.wav).unwrap(), fs::read(&p.json).unwrap()));
}

#[test]
fn an_edit_that_never_happened_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let whole = record(dir.path(), None).unwrap();
    let p = name().paths(dir.path());
    fs::write(with_new(&p.json), "{\"half\":").unwrap();
    let did = run(dir.path(), None).unwrap();
    assert!(matches!(did[..], [RecoveryOutcome { action: RecoveryAction::EditDropped, .. }]));
    assert_eq!(assert_clean(dir.path()), [whole]);
}

#[test]
fn parts_of_a_running_recorder_are_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let mut running = StoreLock::enter(dir.path()).unwrap();
    running.share().unwrap();
    let mut w =
        RecordingWriter::open(dir.path(), &name(), SPEC, known_at_answer(), &WriterOptions::default())
            .unwrap();
    assert!(run(dir.path(), None).unwrap().is_empty());
    w.append(&[1; 4]).unwrap();
    w.close(known_at_answer()).unwrap();
    assert_clean(dir.path());
}

/// A recording under way whose number turned out to be withheld.
fn rename_under_way(root: &Path) -> (RecordingName, RecordingName) {
    let hidden = RecordingName::new(at(), Some("2001"), None, derived_uuid(at(), &[b"call"]));
    let mut w = RecordingWriter::open(root, &name(), SPEC, known_at_answer(), &stop_after(None)).unwrap();
    w.append(&vec![3; FRAMES as usize * 4]).unwrap();
    w.flush().unwrap();
    let mut known = known_at_answer();
    known.customer = Customer { number: None, withheld: true };
    w.rename(root, &hidden, known).unwrap();
    w.append(&vec![3; FRAMES as usize * 4]).unwrap();
    (name(), hidden)
}

#[test]
fn names_that_a_crash_left_apart_come_together_under_the_sidecars() {
    // Killed after the rename; and between its two halves, in either order of the names.
    for apart in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (shown, hidden) = rename_under_way(dir.path());
        let [shown, hidden] = [shown.paths(dir.path()), hidden.paths(dir.path())];
        assert!(!shown.json_part.exists() && !shown.wav_part.exists());
        if apart {
            fs::rename(&hidden.wav_part, &shown.wav_part).unwrap();
        }
        run(dir.path(), None).unwrap();
        let [s] = &assert_clean(dir.path())[..] else { panic!("one recording") };
        assert_eq!(s.audio.frames, 2 * FRAMES);
        assert_eq!(s.customer, Customer { number: None, withheld: true });
        assert!(s.wav.expose().contains("_withheld_"), "{:?}", s.wav.expose());
    }
    // A second call of the same instant is not taken for it.
    let dir = tempfile::tempdir().unwrap();
    let other = RecordingName::new(at(), Some("2001"), None, derived_uuid(at(), &[b"other"]));
    let (mine, theirs) = (name().paths(dir.path()), other.paths(dir.path()));
    drop(RecordingWriter::open(dir.path(), &name(), SPEC, known_at_answer(), &stop_after(None)).unwrap());
    let mut known = known_at_answer();
    known.id = derived_uuid(at(), &[b"other"]);
    drop(RecordingWriter::open(dir.path(), &other, SPEC, known, &stop_after(None)).unwrap());
    fs::remove_file(&mine.wav_part).unwrap();
    fs::remove_file(&theirs.json_part).unwrap();
    run(dir.path(), None).unwrap();
    assert_eq!(assert_clean(dir.path()).len(), 2);
}
