//! One recording from its answer to its final names.
//!
//! Owns the order of the steps in the parent's list; a recorder goes through
//! [`RecordingWriter`], recovery re-enters at `publish`. Must not know what is
//! in the audio, nor what a sidecar's values mean.

#[cfg(test)]
mod tests;

use super::files::{Access, Folder};
use super::layout::{Paths, RecordingName, day_folder};
use super::sidecar::{self, Audio, EndedBy, Sidecar, UndecodedPayload};
use super::wav::{FinishedWav, WavSpec, WavWriter, sha256_of};
use super::{Step, Steps, StoreError, undecoded};
use crate::id::Channel;
use crate::pii::Pii;
use crate::time::Timestamp;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// How recordings are written.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// Sync as the list of steps says. `false` (a replay): the order stays, a
    /// power cut may take what was written last.
    pub sync: bool,
    /// Who may read what is recorded.
    pub access: Access,
    /// Where a test stops.
    pub steps: Steps,
}

impl Default for WriterOptions {
    fn default() -> Self {
        WriterOptions { sync: true, access: Access::default(), steps: Steps::default() }
    }
}

/// A recording being written: both files carry `.part`.
///
/// Dropped without [`RecordingWriter::close`] it leaves what a crash would
/// leave, and the next start finishes it.
#[derive(Debug)]
pub struct RecordingWriter {
    wav: WavWriter,
    /// Length of what was kept that nobody could decode, if anything was.
    undecoded: Option<u64>,
    /// The store's root; it is opened for each change of names, not held: a busy
    /// recorder has thousands of these.
    root: PathBuf,
    paths: Paths,
    stem: String,
    options: WriterOptions,
}

impl RecordingWriter {
    /// Makes the folder, the provisional sidecar and the empty WAV (steps 1 to 4).
    ///
    /// `provisional` is what is known at the answer. What only the end can tell
    /// (`ended_by`, `complete`, `ended_at`, `duration_s`, `audio`) and `wav` are
    /// set here, to what a crash will have made of them.
    ///
    /// [`StoreError::Exists`]: a finished recording of this name is there and was
    /// not touched. [`StoreError::InUse`]: a `.part` of this name is there.
    pub fn open(
        root: &Path,
        name: &RecordingName,
        spec: WavSpec,
        provisional: Sidecar,
        options: &WriterOptions,
    ) -> Result<RecordingWriter, StoreError> {
        let paths = name.paths(root);
        let store = Folder::make(root, options.access)?;
        store.let_in()?;
        let folder = store.make_below(&day_folder(name.answered_at()), options.sync)?;
        must_not_exist(&folder, &paths.json)?;
        must_not_exist(&folder, &paths.wav)?;
        options.steps.done(Step::Folders)?;

        let provisional = provisional_of(provisional, name.stem(), spec);
        let json = sidecar::create(&folder, &paths.json_part, &provisional)
            .map_err(|e| undo(&folder, e, &[&paths.json_part], &[]))?;
        options.steps.done(Step::ProvisionalSidecar)?;

        let wav = WavWriter::create_in(&folder, &paths.wav_part, spec)
            .map_err(|e| undo(&folder, e, &[&paths.wav_part], &[&paths.json_part]))?;
        options.steps.done(Step::EmptyWav)?;

        if options.sync {
            // Both names are there by now: a journal has one thing to write for all of it.
            json.sync_all()
                .map_err(StoreError::io("sync", &paths.json_part))
                .and_then(|()| folder.sync())
                .map_err(|e| undo(&folder, e, &[&paths.wav_part, &paths.json_part], &[]))?;
        }
        options.steps.done(Step::Opened)?;
        let (root, stem) = (root.to_owned(), name.stem().to_owned());
        Ok(RecordingWriter { wav, undecoded: None, root, paths, stem, options: options.clone() })
    }

    /// Appends interleaved frames, encoded as the spec says.
    pub fn append(&mut self, frames: &[u8]) -> Result<(), StoreError> {
        self.wav.append(frames)
    }

    /// See [`WavWriter::append_silence`].
    pub fn append_silence(&mut self, frames: u64) -> Result<(), StoreError> {
        self.wav.append_silence(frames)
    }

    /// See [`WavWriter::patch`].
    pub fn patch(&mut self, at: u64, channel: u16, samples: &[u8]) -> Result<u64, StoreError> {
        self.wav.patch(at, channel, samples)
    }

    /// See [`WavWriter::truncate_frames`].
    pub fn truncate_frames(&mut self, n: u64) -> Result<(), StoreError> {
        self.wav.truncate_frames(n)
    }

    /// Adds to the file of what nobody could decode, in the form of [`super::undecoded`].
    ///
    /// # Errors
    /// The system refuses.
    pub fn append_undecoded(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let path = &self.paths.pcap_part;
        let (file, _) = Folder::open(&self.root, self.options.access)?.write_or_create(path)?;
        // Not behind what a write that failed half-way has left.
        let good = *self.undecoded.get_or_insert(0);
        file.write_all_at(bytes, good).map_err(StoreError::io("write", path))?;
        self.undecoded = Some(good + bytes.len() as u64);
        Ok(())
    }

    /// Takes packets out of that file again.
    ///
    /// # Errors
    /// The system refuses.
    pub fn retain_undecoded(
        &mut self,
        is_kept: impl Fn(u16, Channel, Timestamp) -> bool,
    ) -> Result<(), StoreError> {
        let Some(length) = self.undecoded else { return Ok(()) };
        let path = &self.paths.pcap_part;
        let file = Folder::open(&self.root, self.options.access)?.write(path)?;
        let rest = undecoded::retain(&file, length, is_kept).map_err(StoreError::io("write", path))?;
        self.undecoded = Some(rest);
        Ok(())
    }

    /// What a write of payload that failed half-way has left behind it goes.
    fn cut_undecoded(&self, store: &Folder) -> Result<(), StoreError> {
        let Some(length) = self.undecoded else { return Ok(()) };
        let path = &self.paths.pcap_part;
        store.write(path)?.set_len(length).map_err(StoreError::io("write", path))
    }

    /// Makes the file playable to here; at least once a second keeps the contract.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        self.wav.flush()
    }

    /// Frames appended so far.
    pub fn frames(&self) -> u64 {
        self.wav.frames()
    }

    /// Rate and encoding of the file.
    pub fn spec(&self) -> WavSpec {
        self.wav.spec()
    }

    /// NAME.
    pub fn stem(&self) -> &str {
        &self.stem
    }

    /// Finishes both files and gives them their final names (steps 5 to 10).
    /// `wav` and `audio` of the sidecar are filled in here; returned is what was
    /// written. After an error the `.part` files stay, for the next start.
    pub fn close(self, sidecar: Sidecar) -> Result<Sidecar, StoreError> {
        let store = Folder::open(&self.root, self.options.access)?;
        self.cut_undecoded(&store)?;
        seal(&store, self.wav, self.undecoded.is_some(), &self.paths, &self.stem, sidecar, &self.options)
    }

    /// Steps 5 and 6 without their syncs, for many recordings that end at once:
    /// [`sync_store`] stands for those of all of them, then [`Prepared::publish`] goes on.
    ///
    /// # Errors
    /// As for [`RecordingWriter::close`].
    pub fn prepare(self, mut sidecar: Sidecar) -> Result<Prepared, StoreError> {
        let store = Folder::open(&self.root, self.options.access)?;
        self.cut_undecoded(&store)?;
        let (spec, pcap) = (self.wav.spec(), self.undecoded.is_some());
        let finished = self.wav.finish(false)?;
        self.options.steps.done(Step::WavSynced)?;
        fill_in(&mut sidecar, &self.stem, spec, finished);
        tell_undecoded(&store, &self.paths, pcap, false, &mut sidecar)?;
        let scratch = sidecar::scratch_of(&store, &self.paths.json_part, &sidecar, false)?;
        self.options.steps.done(Step::SidecarWritten)?;
        Ok(Prepared { root: self.root, paths: self.paths, scratch, sidecar, pcap })
    }

    /// Gives the files another name while they are written, and the provisional
    /// sidecar what is known by now: a number that turned out to be withheld does
    /// not wait for the end of the call. The sidecar goes first, then the audio;
    /// between the two, [`super::recover`] brings them together.
    ///
    /// # Errors
    /// As for [`RecordingWriter::open`]; the files have one of the two names.
    pub fn rename(&mut self, root: &Path, name: &RecordingName, known: Sidecar) -> Result<(), StoreError> {
        let paths = name.paths(root);
        let store = Folder::open(root, self.options.access)?;
        let known = provisional_of(known, name.stem(), self.spec());
        let scratch = sidecar::scratch_of(&store, &self.paths.json_part, &known, self.options.sync)?;
        store.rename(&scratch, &self.paths.json_part)?;
        if name.stem() == self.stem {
            return Ok(());
        }
        must_not_exist(&store, &paths.json)?;
        must_not_exist(&store, &paths.wav)?;
        let pcap = self.undecoded.map(|_| (&self.paths.pcap_part, &paths.pcap_part));
        let moves = [(&self.paths.json_part, &paths.json_part), (&self.paths.wav_part, &paths.wav_part)];
        for (n, (from, to)) in moves.into_iter().chain(pcap).enumerate() {
            if let Err(e) = store.rename(from, to) {
                // Together under the old name is better than apart.
                moves.into_iter().take(n).for_each(|(from, to)| drop(store.rename(to, from)));
                return Err(e);
            }
        }
        self.wav.moved_to(&paths.wav_part);
        (self.paths, self.stem) = (paths, name.stem().to_owned());
        self.sync_names(&store)
    }

    /// Removes what was written: a stray without media is not a recording.
    pub fn discard(self) -> Result<(), StoreError> {
        let store = Folder::open(&self.root, self.options.access)?;
        store.remove(&self.paths.wav_part)?;
        if self.undecoded.is_some() {
            store.remove(&self.paths.pcap_part)?;
        }
        store.remove(&self.paths.json_part)?;
        self.sync_names(&store)
    }

    fn sync_names(&self, store: &Folder) -> Result<(), StoreError> {
        if self.options.sync { store.below(&self.paths.folder)?.sync() } else { Ok(()) }
    }
}

/// A recording whose files are final and have not got their names yet.
#[derive(Debug)]
pub struct Prepared {
    root: PathBuf,
    paths: Paths,
    scratch: PathBuf,
    sidecar: Sidecar,
    pcap: bool,
}

impl Prepared {
    /// Steps 7 to 9. Lasting once the store is synced again.
    ///
    /// # Errors
    /// As for [`RecordingWriter::close`].
    pub fn publish(self, options: &WriterOptions) -> Result<Sidecar, StoreError> {
        let store = Folder::open(&self.root, options.access)?;
        store.rename(&self.scratch, &self.paths.json_part)?;
        options.steps.done(Step::SidecarReplaced)?;
        let unsynced = WriterOptions { sync: false, ..options.clone() };
        let what = Publish { sidecar: None, wav: true, pcap: self.pcap };
        publish(&store, &self.paths, what, &unsynced)?;
        Ok(self.sidecar)
    }
}

/// Syncs everything of the file system that the store is on.
///
/// # Errors
/// Something of it could not be written.
pub fn sync_store(root: &Path) -> Result<(), StoreError> {
    Folder::open(root, Access::default())?.sync_all()
}

/// Finishes what [`RecordingWriter::close`] could not, from wherever it stopped:
/// the storage was full or away, and takes writes again. The audio is cut to
/// `frames`, so that the sidecar stays true whatever a half-done write left.
///
/// # Errors
/// As for [`RecordingWriter::close`]; it may be tried again.
pub fn finish_later(
    root: &Path,
    name: &RecordingName,
    frames: u64,
    sidecar: Sidecar,
    options: &WriterOptions,
) -> Result<Sidecar, StoreError> {
    let paths = name.paths(root);
    let store = Folder::open(root, options.access)?;
    let is_there = |path: &Path| Ok::<_, StoreError>(store.look(path)?.is_some());
    if is_there(&paths.json)? && !is_there(&paths.json_part)? {
        // Only the last sync was missing.
        store.below(&paths.folder)?.sync()?;
        return Sidecar::read_in(&store, &paths.json);
    }
    let at = if is_there(&paths.wav_part)? { &paths.wav_part } else { &paths.wav };
    let mut wav = WavWriter::resume(&store, at)?;
    wav.truncate_frames(frames)?;
    let pcap = is_there(&paths.pcap_part)? || is_there(&paths.pcap)?;
    seal(&store, wav, pcap, &paths, name.stem(), sidecar, options)
}

/// Steps 5 to 10.
fn seal(
    store: &Folder,
    wav: WavWriter,
    pcap: bool,
    paths: &Paths,
    stem: &str,
    mut sidecar: Sidecar,
    options: &WriterOptions,
) -> Result<Sidecar, StoreError> {
    let (spec, is_part) = (wav.spec(), wav.path() == paths.wav_part);
    let finished = wav.finish(options.sync)?;
    options.steps.done(Step::WavSynced)?;
    fill_in(&mut sidecar, stem, spec, finished);
    tell_undecoded(store, paths, pcap, options.sync, &mut sidecar)?;
    publish(store, paths, Publish { sidecar: Some(&sidecar), wav: is_part, pcap }, options)?;
    Ok(sidecar)
}

/// What only the finished audio can tell.
fn fill_in(sidecar: &mut Sidecar, stem: &str, spec: WavSpec, finished: FinishedWav) {
    sidecar.wav = Pii::new(format!("{stem}.wav"));
    sidecar.audio = Audio {
        frames: finished.frames,
        sha256: finished.sha256_hex,
        ..Audio::begin(spec.rate, spec.encoding)
    };
}

/// What is told of the payload that is kept, if any is; it is whole and final, under either of its
/// names.
pub(super) fn tell_undecoded(
    store: &Folder,
    paths: &Paths,
    is_kept: bool,
    sync: bool,
    sidecar: &mut Sidecar,
) -> Result<(), StoreError> {
    let told = sidecar.undecoded.take();
    if !is_kept {
        return Ok(());
    }
    let (part, named) = (store.read_if_there(&paths.pcap_part)?, || store.read_if_there(&paths.pcap));
    let Some(file) = part.map_or_else(named, |file| Ok(Some(file)))? else { return Ok(()) };
    if sync {
        file.sync_all().map_err(StoreError::io("sync", &paths.pcap))?;
    }
    let name = paths.pcap.file_name().map(|n| n.to_string_lossy().into_owned());
    sidecar.undecoded = Some(UndecodedPayload {
        file: Pii::new(name.unwrap_or_default()),
        sha256: sha256_of(&file, &paths.pcap)?,
        else_complete: told.is_some_and(|t| t.else_complete),
        decoded_at: None,
    });
    Ok(())
}

/// What of a recording has still to be put in its place.
pub(super) struct Publish<'a> {
    /// The final sidecar, unless `NAME.json.part` is it already.
    pub sidecar: Option<&'a Sidecar>,
    /// The WAV is still `NAME.wav.part`.
    pub wav: bool,
    /// There may be a `NAME.pcap.part`.
    pub pcap: bool,
}

/// Steps 6 to 10. The WAV must be final.
pub(super) fn publish(
    store: &Folder,
    paths: &Paths,
    what: Publish<'_>,
    options: &WriterOptions,
) -> Result<(), StoreError> {
    if let Some(sidecar) = what.sidecar {
        let scratch = sidecar::scratch_of(store, &paths.json_part, sidecar, options.sync)?;
        options.steps.done(Step::SidecarWritten)?;
        store.rename(&scratch, &paths.json_part)?;
        options.steps.done(Step::SidecarReplaced)?;
    }
    if what.pcap && store.look(&paths.pcap_part)?.is_some() {
        store.rename(&paths.pcap_part, &paths.pcap)?;
    }
    // The check holds because a name ends in digits of the call's own id, and
    // whoever opens it finds the `.part` of another.
    if what.wav {
        must_not_exist(store, &paths.wav)?;
        store.rename(&paths.wav_part, &paths.wav)?;
        options.steps.done(Step::WavRenamed)?;
    }
    must_not_exist(store, &paths.json)?;
    store.rename(&paths.json_part, &paths.json)?;
    options.steps.done(Step::SidecarRenamed)?;
    if options.sync {
        store.below(&paths.folder)?.sync()?;
    }
    Ok(options.steps.done(Step::Durable)?)
}

/// What a sidecar says while its call runs.
fn provisional_of(mut s: Sidecar, stem: &str, spec: WavSpec) -> Sidecar {
    s.wav = Pii::new(format!("{stem}.wav"));
    s.ended_by = EndedBy::Recovered;
    s.complete = false;
    s.ended_at = s.answered_at;
    s.duration_s = 0.0;
    s.audio = Audio::begin(spec.rate, spec.encoding);
    s
}

/// Takes back what an opening that failed has made: it is no leftover of a crash
/// and must not become a recording. `half` are files the error may have left
/// half made; where it says that they are somebody else's, they stay.
fn undo(folder: &Folder, e: StoreError, half: &[&Path], whole: &[&Path]) -> StoreError {
    let ours = if matches!(e, StoreError::Io { .. }) { half } else { &[] };
    for path in ours.iter().chain(whole) {
        // What cannot be removed is finished by the next start.
        drop(folder.remove(path));
    }
    e
}

fn must_not_exist(folder: &Folder, path: &Path) -> Result<(), StoreError> {
    match folder.look(path)? {
        Some(_) => Err(StoreError::Exists { path: path.to_owned() }),
        None => Ok(()),
    }
}
