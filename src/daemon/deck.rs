//! A tape's samples on their way into a file.

use crate::codec::g711::Law;
use crate::config::Encoding;
use crate::id::Channel;
use crate::store::StoreError;
use crate::store::layout::{Existing, RecordingName};
use crate::store::sidecar::Sidecar;
use crate::store::wav::{CHANNELS, WavEncoding, WavSpec};
use crate::store::writer::{RecordingWriter, WriterOptions, finish_later};
use crate::tape::Deck;
use crate::telemetry::events::Event;
use crate::telemetry::fault::Fault;
use crate::telemetry::health::Readiness;
use crate::telemetry::metrics::Metrics;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// The last of the free space is for finishing what is there, not for more audio.
const FINISHING_RESERVE: u64 = 64 << 20;
/// Longest gap that is made up for with silence once the storage takes writes again, seconds.
const MAX_GAP_S: u64 = 3600;
/// Bytes gathered before they are written where nobody waits for them (replay). Hardly more
/// than a tape gives out at once: what a call holds back costs every call more than a larger write saves.
const BLOCK: usize = 4 * 1024;

/// What all decks of a store share.
pub struct Shelf {
    /// Folder of recordings.
    pub root: PathBuf,
    /// `storage.encoding`.
    pub encoding: Encoding,
    /// Syncs and test stops.
    pub options: WriterOptions,
    /// Every block goes to the file at once, and the header after it (live).
    pub prompt: bool,
    /// Free bytes on the file system, as last looked at.
    pub free_bytes: AtomicU64,
    /// `storage.min_free`.
    pub min_free: u64,
    /// Ids that are there already (replay).
    pub existing: Option<Mutex<Existing>>,
    /// Where writes are counted.
    pub metrics: Arc<Metrics>,
    /// Where failures of the storage are told.
    pub readiness: Arc<Readiness>,
    /// The last thing written failed.
    pub troubled: AtomicBool,
}

impl Shelf {
    /// Room for another recording.
    pub fn has_room(&self) -> bool {
        self.free_bytes.load(Ordering::Relaxed) >= self.min_free
    }

    /// So little room that running recordings stop, or they could not be finished.
    fn is_exhausted(&self) -> bool {
        let reserve = (self.min_free / 2).min(FINISHING_RESERVE);
        self.free_bytes.load(Ordering::Relaxed) < reserve
    }

    /// Worth another try after a failure.
    pub fn takes_writes(&self) -> bool {
        !self.is_troubled() && self.has_room()
    }

    /// The last thing written failed.
    pub fn is_troubled(&self) -> bool {
        self.troubled.load(Ordering::Relaxed)
    }

    /// The storage does not take writes.
    pub fn not_writable(&self, fault: Fault) {
        self.troubled.store(true, Ordering::Relaxed);
        self.readiness.storage(Err(fault));
    }

    /// The storage takes writes again.
    pub fn recovered(&self) {
        self.troubled.store(false, Ordering::Relaxed);
        self.readiness.storage(Ok(()));
    }

    fn has_already(&self, name: &RecordingName) -> Result<bool, StoreError> {
        let Some(existing) = &self.existing else { return Ok(false) };
        // A poisoned lock only means that another worker died; the set is still right.
        let mut existing = existing.lock().unwrap_or_else(|p| p.into_inner());
        existing.contains(&self.root, name)
    }
}

/// Why a deck has no file.
#[derive(Debug)]
pub enum Trouble {
    /// No audio came.
    NoMedia,
    /// A recording with this id is there and was not touched.
    Exists,
    /// Less than `storage.min_free` is left.
    NoRoom,
    /// The file system said no.
    Store(StoreError),
    /// The audio is there, under the names of a running recording; try again later.
    Unfinished(Box<Unfinished>),
}

/// A recording whose call is over and whose files could not be finished.
#[derive(Debug)]
pub struct Unfinished {
    name: RecordingName,
    frames: u64,
    sidecar: Sidecar,
}

impl Unfinished {
    /// Tries again.
    ///
    /// # Errors
    /// Still not; or the recording is there under another hand's.
    pub fn finish(&self, shelf: &Shelf) -> Result<Sidecar, Trouble> {
        finish_later(&shelf.root, &self.name, self.frames, self.sidecar.clone(), &shelf.options)
            .map_err(|e| shelf.trouble(e))
    }
}

#[derive(Debug)]
enum State {
    Waiting,
    Writing(Box<RecordingWriter>),
    /// Writing failed; what is in the file is kept, the frames since then are missing.
    Stalled(Box<RecordingWriter>, u64),
    /// The file could not be made; the frames since then are missing.
    Unopened(WavSpec, Trouble, u64),
}

/// One recording's file.
pub struct FileDeck {
    shelf: Arc<Shelf>,
    name: RecordingName,
    provisional: Option<Box<Sidecar>>,
    state: State,
    buffer: Vec<u8>,
    lossy: bool,
}

impl FileDeck {
    /// A deck that makes its file with the first audio. `provisional` is what a
    /// crash will leave as metadata.
    pub fn new(shelf: Arc<Shelf>, name: RecordingName, provisional: Sidecar) -> Self {
        FileDeck {
            shelf,
            name,
            provisional: Some(Box::new(provisional)),
            state: State::Waiting,
            buffer: Vec::new(),
            lossy: false,
        }
    }

    /// More has become known of the call: its files get the name and the metadata that go with it.
    pub fn rename(&mut self, name: RecordingName, known: Sidecar) {
        let (State::Writing(w) | State::Stalled(w, _)) = &mut self.state else {
            (self.name, self.provisional) = (name, Some(Box::new(known)));
            return;
        };
        match w.rename(&self.shelf.root, &name, known) {
            Ok(()) => self.name = name,
            // It keeps the name it has; what it says in the end is true all the same.
            Err(e) => drop(self.shelf.trouble(e)),
        }
    }

    /// Writes what is gathered; what is lost and what is not is known after this.
    pub fn settle(&mut self) {
        self.write_out();
    }

    /// The file ends where writing failed, before the call did.
    pub fn is_stalled(&self) -> bool {
        matches!(self.state, State::Stalled(..))
    }

    /// Audio was lost because the storage failed.
    pub fn is_lossy(&self) -> bool {
        self.lossy
    }

    /// Finishes the file under its final name.
    ///
    /// # Errors
    /// Why there is no recording.
    pub fn close(mut self, sidecar: impl FnOnce(u64) -> Sidecar) -> Result<Sidecar, Trouble> {
        self.write_out();
        let writer = match self.state {
            State::Waiting => return Err(Trouble::NoMedia),
            State::Unopened(_, why, _) => return Err(why),
            State::Writing(w) | State::Stalled(w, _) => w,
        };
        let (frames, shelf) = (writer.frames(), self.shelf);
        let sidecar = sidecar(frames);
        let kept = shelf.prompt.then(|| sidecar.clone());
        writer.close(sidecar).map_err(|e| match (shelf.trouble(e), kept) {
            (Trouble::Store(e), Some(mut sidecar)) => {
                sidecar.complete &= !e.may_have_lost_audio();
                Trouble::Unfinished(Box::new(Unfinished { name: self.name, frames, sidecar }))
            }
            (why, _) => why,
        })
    }

    /// Takes back whatever was written.
    pub fn discard(self) {
        let writer = match self.state {
            State::Waiting | State::Unopened(..) => return,
            State::Writing(w) | State::Stalled(w, _) => w,
        };
        if let Err(e) = writer.discard() {
            // The parts stay; the next start makes a short recording of them.
            let _ = self.shelf.trouble(e);
        }
    }

    fn open(&mut self, spec: WavSpec) -> Result<RecordingWriter, Trouble> {
        if !self.shelf.has_room() {
            return Err(Trouble::NoRoom);
        }
        match self.shelf.has_already(&self.name) {
            Ok(true) => return Err(Trouble::Exists),
            Ok(false) => {}
            Err(e) => return Err(self.shelf.trouble(e)),
        }
        let provisional = self.provisional.as_deref().cloned().ok_or(Trouble::NoMedia)?;
        let writer =
            RecordingWriter::open(&self.shelf.root, &self.name, spec, provisional, &self.shelf.options)
                .map_err(|e| self.shelf.trouble(e))?;
        self.provisional = None;
        Ok(writer)
    }

    /// After a failure: goes on where the storage takes writes again, with
    /// silence for what is missing, so that the file stays one time line.
    fn resume(&mut self) {
        let (rate, missing) = match &self.state {
            State::Waiting | State::Writing(_) => return,
            State::Stalled(w, missing) => (w.spec().rate, *missing),
            State::Unopened(spec, _, missing) => (spec.rate, *missing),
        };
        let is_short = missing <= u64::from(rate) * MAX_GAP_S;
        if !self.shelf.prompt || !is_short || !self.shelf.takes_writes() {
            return;
        }
        let mut writer = match std::mem::replace(&mut self.state, State::Waiting) {
            State::Stalled(w, _) | State::Writing(w) => w,
            State::Waiting => return,
            State::Unopened(spec, ..) => match self.open(spec) {
                Ok(w) => Box::new(w),
                Err(why) => {
                    self.state = State::Unopened(spec, why, missing);
                    return;
                }
            },
        };
        let had = writer.frames();
        self.state = match fill(&mut writer, missing) {
            Ok(()) => State::Writing(writer),
            Err(e) => {
                let _ = self.shelf.trouble(e);
                let filled = writer.frames() - had;
                State::Stalled(writer, missing - filled)
            }
        };
    }

    fn write_out(&mut self) {
        let State::Writing(writer) = &mut self.state else { return };
        if self.buffer.is_empty() {
            return;
        }
        let is_exhausted = self.shelf.is_exhausted();
        let frames = (self.buffer.len() / writer.spec().frame_bytes()) as u64;
        let before = writer.frames();
        let began = Instant::now();
        let mut done = if is_exhausted { Ok(()) } else { writer.append(&self.buffer) };
        if self.shelf.prompt && done.is_ok() {
            done = writer.flush();
        }
        // Given back, not kept: of a thousand calls one writes at a time.
        self.buffer = Vec::new();
        Event::Written { took: began.elapsed() }.emit(&self.shelf.metrics);
        if done.is_ok() && !is_exhausted {
            return;
        }
        let missing = frames - (writer.frames() - before);
        match done {
            Ok(()) => {
                let fault = std::io::ErrorKind::StorageFull.into();
                Event::WriteFailed { recording: None, fault }.emit(&self.shelf.metrics);
            }
            Err(e) => drop(self.shelf.trouble(e)),
        }
        if let State::Writing(w) = std::mem::replace(&mut self.state, State::Waiting) {
            self.lossy |= missing > 0;
            self.state = State::Stalled(w, missing);
        }
    }

    fn encode(&mut self, samples: &[i16]) {
        let State::Writing(w) = &self.state else { return };
        w.spec().encoding.encode_into(samples, &mut self.buffer);
    }
}

impl Shelf {
    /// Tells of a failure of the storage.
    fn trouble(&self, e: StoreError) -> Trouble {
        if matches!(e, StoreError::Exists { .. }) {
            return Trouble::Exists;
        }
        let fault = Fault::new(e.kind(), e.code());
        Event::WriteFailed { recording: None, fault }.emit(&self.metrics);
        self.not_writable(fault);
        Trouble::Store(e)
    }
}

impl Deck for FileDeck {
    fn start(&mut self, rate_hz: u32, law: Option<Law>) {
        let encoding = match (self.shelf.encoding, law) {
            (Encoding::G711, Some(Law::A)) => WavEncoding::Alaw,
            (Encoding::G711, Some(Law::Mu)) => WavEncoding::Mulaw,
            _ => WavEncoding::PcmS16le,
        };
        let spec = WavSpec { rate: rate_hz, encoding };
        self.state = match self.open(spec) {
            Ok(w) => State::Writing(Box::new(w)),
            Err(why) => State::Unopened(spec, why, 0),
        };
    }

    fn append(&mut self, frames: &[i16]) {
        self.resume();
        if let State::Stalled(_, missing) | State::Unopened(_, _, missing) = &mut self.state {
            *missing += frames.len() as u64 / u64::from(CHANNELS);
            self.lossy = true;
        }
        self.encode(frames);
        if self.shelf.prompt || self.buffer.len() >= BLOCK {
            self.write_out();
        }
    }

    fn truncate(&mut self, frames: u64) {
        self.write_out();
        let State::Writing(w) = &mut self.state else { return };
        if let Err(e) = w.truncate_frames(frames) {
            let _ = self.shelf.trouble(e);
        }
    }

    fn patch(&mut self, frame: u64, channel: Channel, samples: &[i16]) {
        self.write_out();
        let State::Writing(w) = &mut self.state else { return };
        let mut bytes = Vec::new();
        w.spec().encoding.encode_into(samples, &mut bytes);
        if let Err(e) = w.patch(frame, channel as u16, &bytes) {
            let _ = self.shelf.trouble(e);
            self.lossy = true;
        }
    }
}

/// Appends `frames` of silence and makes the file play to their end.
fn fill(writer: &mut RecordingWriter, mut frames: u64) -> Result<(), StoreError> {
    let spec = writer.spec();
    let mut silence = Vec::new();
    spec.encoding.encode_into(&[0; BLOCK / 2], &mut silence);
    silence.truncate(silence.len() - silence.len() % spec.frame_bytes());
    while frames > 0 {
        let n = frames.min((silence.len() / spec.frame_bytes()) as u64);
        writer.append(&silence[..n as usize * spec.frame_bytes()])?;
        frames -= n;
    }
    writer.flush()
}
