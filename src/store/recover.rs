//! What a crash left, finished.
//!
//! A recorder that finds itself alone in the store at its start looks for leftovers ([`survey`],
//! names only), lets others in, and finishes them one by one ([`finish`]) while it records, with
//! every edit kept out (see [`super::lock`]). Every `.part` pair becomes a recording, `ended_by: "recovered"`,
//! `complete: false`, its length that of its audio; one whose sidecar was final
//! already becomes what it was meant to be. Nothing is deleted but edits that
//! never happened (`.new`). Safe to kill anywhere and to run again.
//!
//! | found | becomes |
//! | --- | --- |
//! | both parts | a recording; all whole frames kept, the header repaired |
//! | `.wav.part` and `.json.part` of one id under two names | brought together under the sidecar's: a rename was cut short |
//! | `.wav.part`, its sidecar missing or unreadable | a recording with what its name and header tell; the rest `null` |
//! | `.json.part` alone | a recording of zero length: the call was answered, and nobody shall look for it in vain |
//! | `.json.part` alone, empty or cut short | the same, with what its name tells: the crash came while it was written |
//! | `.json.part` alone, unreadable otherwise | left, reported |
//! | `.wav` with `.json.part` | the sidecar finished and renamed |
//! | `.json` with `.wav.part` of its hash | the WAV renamed |
//! | `.wav.new` of the hash in the sidecar | the WAV: its sound was made anew |
//! | `.pcap.part` alone | goes to the recording of its id: a rename was cut short |
//! | parts beside a finished recording, foreign audio | left, reported |
//! | `.new` beside a readable `.json` | removed |
//!
//! Names that are not ours are passed over. Must not know who recorded or why.

#[cfg(test)]
mod tests;

use super::amendment::Amendments;
use super::assured::judge_again;
use super::cases::Restrictions;
use super::files::{Folder, with_new};
use super::layout::{NameFiles, NameState, ParsedStem, Paths, Walk, day_entries, parse_stem};
use super::lock::{EditLock, StoreLock};
use super::sidecar::{self, Agent, Audio, Customer, EndedBy, RetentionRecord, SCHEMA, Sidecar, SipInfo};
use super::wav::{self, WavSpec, WavWriter};
use super::writer::{Publish, WriterOptions, publish, tell_undecoded};
use super::{Step, StoreError};
use crate::id::derived_uuid;
use crate::pii::Pii;
use crate::time::Timestamp;
use std::path::{Path, PathBuf};
use std::time::Duration;
use uuid::Uuid;

/// The form of an empty recording of which nothing is known.
const UNSAID: WavSpec = WavSpec { rate: 8000, encoding: wav::WavEncoding::PcmS16le };

/// When a recording answered then falls due, where no sidecar says so.
type FallbackDue = dyn Fn(Timestamp) -> Timestamp + Send;

/// How to recover.
#[derive(Default)]
pub struct RecoverOptions {
    /// Syncs and stops, as in writing.
    pub writer: WriterOptions,
    /// Stands in where a crash took the metadata and with it the service.
    /// Without it such a recording never falls due by itself.
    pub fallback_due: Option<Box<FallbackDue>>,
}

/// What was found under one NAME, and what became of it.
#[derive(Debug)]
pub struct RecoveryOutcome {
    /// Folder and NAME.
    pub name: PathBuf,
    /// What became of it.
    pub action: RecoveryAction,
}

/// What became of a leftover.
#[derive(Debug)]
pub enum RecoveryAction {
    /// Finished as `recovered`.
    Recovered {
        /// Samples per channel that were saved.
        frames: u64,
    },
    /// Its sidecar was final already; only names were missing.
    Completed,
    /// An edit that never happened was removed; the recording is untouched.
    EditDropped,
    /// Nothing was touched.
    Left {
        /// Why.
        why: &'static str,
    },
    /// It could not be finished; what is there stays for the next start.
    Failed(StoreError),
}

/// A NAME that an earlier run left unfinished, by the look of its files' names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    folder: PathBuf,
    stem: String,
}

impl Leftover {
    /// NAME.
    pub fn stem(&self) -> &str {
        &self.stem
    }
}

/// What there is to finish in a store, looking at names only. An unreadable folder is an
/// outcome of its own, and the walk goes on behind it.
pub fn survey(root: &Path) -> (Vec<Leftover>, Vec<RecoveryOutcome>) {
    let (mut leftovers, mut failed) = (Vec::new(), Vec::new());
    for found in Walk::new(root) {
        match found {
            Ok(f) if f.wav_part || f.json_part || f.pcap_part || f.has_edit() => {
                let is_lone_payload = f.state() == NameState::Scratch && f.pcap_part;
                leftovers.push((!is_lone_payload, Leftover { folder: f.folder, stem: f.stem }));
            }
            Ok(_) => {}
            Err((folder, source)) => {
                let e = StoreError::Io { what: "read", path: folder.clone(), source };
                failed.push(RecoveryOutcome { name: folder, action: RecoveryAction::Failed(e) });
            }
        }
    }
    // Before its recording is finished without it.
    leftovers.sort_by_key(|(is_recording, _)| *is_recording);
    (leftovers.into_iter().map(|(_, leftover)| leftover).collect(), failed)
}

/// Finishes one leftover, from what its files are now; `None` where there is nothing to do any
/// more. The files must be nobody's who still writes them.
///
/// # Errors
/// Only where a test stops the work.
pub fn finish(
    root: &Path,
    leftover: &Leftover,
    _edits: &EditLock,
    options: &RecoverOptions,
) -> Result<Option<RecoveryOutcome>, StoreError> {
    let name = leftover.folder.join(&leftover.stem);
    let opened = Folder::open(root, options.writer.access);
    let opened = opened.and_then(|s| Ok((NameFiles::now(&s, &leftover.folder, &leftover.stem)?, s)));
    let (found, store) = match opened {
        Ok(opened) => opened,
        Err(e) => return Ok(Some(RecoveryOutcome { name, action: RecoveryAction::Failed(e) })),
    };
    let mut repaired = repair(&store, &found, options);
    // The first to open a file hears of what failed before, on a disk that may be well again.
    if repaired.as_ref().is_err_and(StoreError::may_have_lost_audio) {
        repaired = repair(&store, &found, options);
    }
    match repaired {
        Ok(action) => Ok(action.map(|action| RecoveryOutcome { name, action })),
        Err(e @ StoreError::Stopped(_)) => Err(e),
        Err(e) => Ok(Some(RecoveryOutcome { name, action: RecoveryAction::Failed(e) })),
    }
}

/// Finishes all that a crash left, then lets others into the store. Where others
/// are in it already, does nothing: their `.part` files are no leftovers.
///
/// One recording that cannot be finished does not stop the rest. Fails only
/// where the lock cannot be shared, or where a test stops the work.
pub fn recover(
    lock: &mut StoreLock,
    edits: &EditLock,
    options: &RecoverOptions,
) -> Result<Vec<RecoveryOutcome>, StoreError> {
    if !lock.is_alone() {
        return Ok(Vec::new());
    }
    let (leftovers, mut outcomes) = survey(lock.root());
    for leftover in &leftovers {
        outcomes.extend(finish(lock.root(), leftover, edits, options)?);
    }
    lock.share()?;
    Ok(outcomes)
}

fn repair(
    store: &Folder,
    found: &NameFiles,
    options: &RecoverOptions,
) -> Result<Option<RecoveryAction>, StoreError> {
    let Some(name) = parse_stem(&found.stem) else { return Ok(None) };
    let paths = found.paths();
    match found.state() {
        NameState::Finished => {
            name_payload(store, found, &paths)?;
            drop_edit(store, found, &paths)
        }
        NameState::Part if found.json => finish_names(store, found, &paths, options).map(Some),
        NameState::Part => match reunited(store, found, &name)? {
            Pair::Whole(found) => finish_parts(store, &found, &name, options).map(Some),
            Pair::Gone => Ok(None),
        },
        NameState::Scratch if found.pcap_part => adopt(store, found, &name),
        // `verify` tells of these; no `.part`, no crash of ours.
        NameState::OrphanWav | NameState::OrphanJson | NameState::Scratch => Ok(None),
    }
}

/// The parts of one recording.
enum Pair {
    /// As they are, or under one name again.
    Whole(NameFiles),
    /// Finished already, under the other name.
    Gone,
}

/// Brings audio and sidecar together that a rename cut short has left under two names.
fn reunited(store: &Folder, found: &NameFiles, name: &ParsedStem) -> Result<Pair, StoreError> {
    let is_lone_json = |f: &NameFiles| f.json_part && !f.wav_part && !f.wav && !f.json;
    let is_lone_wav = |f: &NameFiles| f.wav_part && !f.json_part && !f.json;
    if !is_lone_json(found) && !is_lone_wav(found) {
        return Ok(Pair::Whole(found.clone()));
    }
    let own = found.paths();
    let part = if is_lone_json(found) { &own.json_part } else { &own.wav_part };
    if store.look(part)?.is_none() {
        return Ok(Pair::Gone);
    }
    let other = beside(store, found, name, |f| is_lone_json(f) || is_lone_wav(f))?;
    let (json, wav) = match &other {
        Some(other) if is_lone_json(found) && is_lone_wav(other) => (found, other),
        Some(other) if is_lone_wav(found) && is_lone_json(other) => (other, found),
        _ => return Ok(Pair::Whole(found.clone())),
    };
    store.rename(&wav.paths().wav_part, &json.paths().wav_part)?;
    Ok(Pair::Whole(NameFiles { wav_part: true, ..json.clone() }))
}

/// Payload that a rename cut short has left behind goes to its recording.
fn adopt(store: &Folder, found: &NameFiles, name: &ParsedStem) -> Result<Option<RecoveryAction>, StoreError> {
    let Some(recording) = beside(store, found, name, |f| f.state() == NameState::Part)? else {
        return Ok(Some(RecoveryAction::Left { why: "payload without its recording" }));
    };
    store.rename(&found.paths().pcap_part, &recording.paths().pcap_part)?;
    Ok(None)
}

/// What there is of a recording under another name, as far as `is_meant`.
fn beside(
    store: &Folder,
    found: &NameFiles,
    name: &ParsedStem,
    is_meant: impl Fn(&NameFiles) -> bool,
) -> Result<Option<NameFiles>, StoreError> {
    let same = |f: &NameFiles| {
        f.stem != found.stem
            && parse_stem(&f.stem)
                .is_some_and(|n| (n.answered_at, &n.short) == (name.answered_at, &name.short))
    };
    let day = day_entries(&store.below(&found.folder)?).map_err(StoreError::io("read", &found.folder))?;
    Ok(day.into_iter().find(|f| same(f) && is_meant(f)))
}

/// Without syncs the names may have reached the disk in any order.
fn name_payload(store: &Folder, found: &NameFiles, paths: &Paths) -> Result<(), StoreError> {
    if found.pcap_part && !found.pcap { store.rename(&paths.pcap_part, &paths.pcap) } else { Ok(()) }
}

/// A `.new` beside a finished recording.
fn drop_edit(store: &Folder, found: &NameFiles, paths: &Paths) -> Result<Option<RecoveryAction>, StoreError> {
    if !found.has_edit() {
        return Ok(None);
    }
    let edits = [(found.json_new, &paths.json), (found.json_part_new, &paths.json_part)];
    let edits = edits.into_iter().filter(|(there, _)| *there).map(|(_, of)| with_new(of));
    let Ok(sidecar) = Sidecar::read_in(store, &paths.json) else {
        return Ok(Some(RecoveryAction::Left {
            why: "its sidecar is unreadable and an unfinished edit stands beside it",
        }));
    };
    let is_made = settle_sound(store, paths, &sidecar)?;
    for edit in edits {
        store.remove(&edit)?;
    }
    Ok(Some(if is_made { RecoveryAction::Completed } else { RecoveryAction::EditDropped }))
}

/// Gives sound that was made anew its name if the sidecar speaks of it; else it was none, and goes.
/// Whether it has its name now.
///
/// # Errors
/// The system refuses.
pub fn settle_sound(store: &Folder, paths: &Paths, s: &Sidecar) -> Result<bool, StoreError> {
    let sound = with_new(&paths.wav);
    let Some(file) = store.read_if_there(&sound)? else { return Ok(false) };
    if wav::sha256_of(&file, &sound)? != s.audio.sha256 {
        store.remove(&sound)?;
        return Ok(false);
    }
    store.rename(&sound, &paths.wav)?;
    store.below(&paths.folder)?.sync()?;
    Ok(true)
}

/// `.part` files beside a final JSON: without syncs the renames may have
/// reached the disk in either order.
fn finish_names(
    store: &Folder,
    found: &NameFiles,
    paths: &Paths,
    options: &RecoverOptions,
) -> Result<RecoveryAction, StoreError> {
    if found.wav || found.json_part {
        return Ok(RecoveryAction::Left { why: "a finished recording stands beside parts of its name" });
    }
    let sidecar = Sidecar::read_in(store, &paths.json)?;
    if wav::sha256_of(&store.read(&paths.wav_part)?, &paths.wav_part)? != sidecar.audio.sha256 {
        return Ok(RecoveryAction::Left { why: "its audio is not the one its sidecar speaks of" });
    }
    name_payload(store, found, paths)?;
    store.rename(&paths.wav_part, &paths.wav)?;
    options.writer.steps.done(Step::WavRenamed)?;
    if options.writer.sync {
        store.below(&paths.folder)?.sync()?;
    }
    Ok(RecoveryAction::Completed)
}

/// Parts without a final JSON.
fn finish_parts(
    store: &Folder,
    found: &NameFiles,
    name: &ParsedStem,
    options: &RecoverOptions,
) -> Result<RecoveryAction, StoreError> {
    let paths = &found.paths();
    let provisional = found.json_part.then(|| Sidecar::read_in(store, &paths.json_part).ok()).flatten();
    // Cut short, no audio was written yet.
    let unsaid = || is_cut_short(store, &paths.json_part).then_some(UNSAID);
    let spec = provisional.as_ref().map(|s| s.audio.spec()).or_else(unsaid);
    let wav = match (found.wav, found.wav_part, spec) {
        (true, true, _) => return Ok(RecoveryAction::Left { why: "two audio files claim its name" }),
        (true, false, spec) => resume(store, &paths.wav, spec)?,
        (false, true, spec) => resume(store, &paths.wav_part, spec)?,
        (false, false, Some(spec)) => {
            let wav = WavWriter::create_in(store, &paths.wav_part, spec)?;
            options.writer.steps.done(Step::EmptyWav)?;
            wav
        }
        (false, false, None) => {
            return Ok(RecoveryAction::Left { why: "neither audio nor readable metadata" });
        }
    };
    let spec = wav.spec();
    let audio = wav.finish(options.writer.sync)?;
    options.writer.steps.done(Step::WavSynced)?;

    let names = Publish { sidecar: None, wav: !found.wav, pcap: found.pcap_part };
    let is_final = |s: &Sidecar| s.audio.sha256 == audio.sha256_hex;
    let scratch = with_new(&paths.json_part);
    if found.json_part_new && Sidecar::read_in(store, &scratch).is_ok_and(|s| is_final(&s)) {
        // The close was cut between writing the sidecar and renaming it.
        store.rename(&scratch, &paths.json_part)?;
        options.writer.steps.done(Step::SidecarReplaced)?;
        publish(store, paths, names, &options.writer)?;
        return Ok(RecoveryAction::Completed);
    }
    if provisional.as_ref().is_some_and(is_final) {
        if found.json_part_new {
            store.remove(&scratch)?;
        }
        publish(store, paths, names, &options.writer)?;
        return Ok(RecoveryAction::Completed);
    }
    let mut sidecar = provisional.unwrap_or_else(|| minimal(name, &found.stem));
    tell_undecoded(store, paths, found.pcap_part || found.pcap, options.writer.sync, &mut sidecar)?;
    sidecar.wav = Pii::new(format!("{}.wav", found.stem));
    sidecar.audio =
        Audio { frames: audio.frames, sha256: audio.sha256_hex, ..Audio::begin(spec.rate, spec.encoding) };
    mark_recovered(&mut sidecar, options);
    publish(store, paths, Publish { sidecar: Some(&sidecar), ..names }, &options.writer)?;
    Ok(RecoveryAction::Recovered { frames: audio.frames })
}

/// Opens the audio; a header that never reached the disk is laid out again if
/// the sidecar says how.
fn resume(store: &Folder, path: &Path, spec: Option<WavSpec>) -> Result<WavWriter, StoreError> {
    match (WavWriter::resume(store, path), spec) {
        (Err(StoreError::NotWav { .. }), Some(spec)) => WavWriter::resume_as(store, path, spec),
        (other, _) => other,
    }
}

/// As a crash leaves a file in the midst of its one write: nothing, zeros, or the beginning of an object.
fn is_cut_short(store: &Folder, json: &Path) -> bool {
    sidecar::read_bytes(store, json).is_ok_and(|bytes| {
        let read = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes);
        bytes.iter().all(|b| *b == 0) || read.is_err_and(|e| e.is_eof())
    })
}

/// The end of a recording is the end of its audio.
fn mark_recovered(s: &mut Sidecar, options: &RecoverOptions) {
    let us = u128::from(s.audio.frames) * 1_000_000 / u128::from(s.audio.sample_rate.max(1));
    let length = Duration::from_micros(u64::try_from(us).unwrap_or(u64::MAX));
    s.ended_by = EndedBy::Recovered;
    s.complete = false;
    s.duration_s = length.as_secs_f64();
    s.ended_at = s.answered_at + length;
    s.end_pauses();
    if s.retention.until.is_none() {
        s.retention.until = options.fallback_due.as_ref().map(|due| due(s.answered_at));
    }
    judge_again(s);
}

/// What a NAME tells by itself. The id ends in the name's digits, so that it is
/// found by them; nothing refers to the rest of it.
fn minimal(name: &ParsedStem, stem: &str) -> Sidecar {
    let mut id = *derived_uuid(name.answered_at, &[b"recovered", stem.as_bytes()]).as_bytes();
    if let Ok(short) = u32::from_str_radix(&name.short, 16) {
        id[12..].copy_from_slice(&short.to_be_bytes());
    }
    let id = Uuid::from_bytes(id);
    Sidecar {
        schema: SCHEMA,
        id,
        call_group: id,
        wav: Pii::default(),
        service: None,
        direction: None,
        agent: Agent { id: name.agent.clone(), name: None },
        customer: Customer { number: name.customer.clone().map(Pii::new), withheld: name.withheld },
        dialled: None,
        answered_at: name.answered_at,
        ended_at: name.answered_at,
        duration_s: 0.0,
        ended_by: EndedBy::Recovered,
        complete: false,
        sip: SipInfo { call_id: None },
        audio: Audio::begin(0, wav::WavEncoding::PcmS16le),
        streams: Vec::new(),
        events: Vec::new(),
        retention: RetentionRecord::default(),
        policy: None,
        restricted: Restrictions::default(),
        amendments: Amendments::default(),
        paused_s: 0.0,
        undecoded: None,
        assurance: None,
        before_agent_s: None,
        before_agent_leg: None,
        extra: Pii::default(),
    }
}
