//! A tape's samples on their way into a file.

use crate::codec::g711::Law;
use crate::config::Encoding;
use crate::id::Channel;
use crate::store::StoreError;
use crate::store::layout::{Existing, RecordingName};
use crate::store::sidecar::Sidecar;
use crate::store::wav::{WavEncoding, WavSpec};
use crate::store::writer::{RecordingWriter, WriterOptions};
use crate::tape::Deck;
use crate::telemetry::events::Event;
use crate::telemetry::health::Readiness;
use crate::telemetry::metrics::Metrics;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Bytes gathered before they are written where nobody waits for them (replay).
/// Larger blocks save little and are held by every call.
const BLOCK: usize = 16 * 1024;

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

    /// The last thing written failed.
    pub fn is_troubled(&self) -> bool {
        self.troubled.load(Ordering::Relaxed)
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
}

#[derive(Debug)]
enum State {
    Waiting,
    Writing(Box<RecordingWriter>),
    /// Writing failed; what is in the file is kept.
    Stalled(Box<RecordingWriter>),
    Failed(Trouble),
}

/// One recording's file.
pub struct FileDeck {
    shelf: Arc<Shelf>,
    name: RecordingName,
    provisional: Option<Box<Sidecar>>,
    state: State,
    buffer: Vec<u8>,
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
        }
    }

    /// Audio was lost because the storage failed.
    pub fn is_stalled(&self) -> bool {
        matches!(self.state, State::Stalled(_))
    }

    /// Finishes the file under its final name.
    ///
    /// # Errors
    /// Why there is no recording.
    pub fn close(mut self, sidecar: impl FnOnce(u64) -> Sidecar) -> Result<Sidecar, Trouble> {
        self.write_out();
        let writer = match self.state {
            State::Waiting => return Err(Trouble::NoMedia),
            State::Failed(why) => return Err(why),
            State::Writing(w) | State::Stalled(w) => w,
        };
        let sidecar = sidecar(writer.frames());
        writer.close(sidecar).map_err(|e| self.shelf.trouble(e))
    }

    /// Takes back whatever was written.
    pub fn discard(self) {
        let writer = match self.state {
            State::Waiting | State::Failed(_) => return,
            State::Writing(w) | State::Stalled(w) => w,
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
        let provisional = self.provisional.take().ok_or(Trouble::NoMedia)?;
        match self.shelf.has_already(&self.name) {
            Ok(true) => return Err(Trouble::Exists),
            Ok(false) => {}
            Err(e) => return Err(self.shelf.trouble(e)),
        }
        RecordingWriter::open(&self.shelf.root, &self.name, spec, *provisional, &self.shelf.options)
            .map_err(|e| self.shelf.trouble(e))
    }

    fn write_out(&mut self) {
        let State::Writing(writer) = &mut self.state else { return };
        if self.buffer.is_empty() {
            return;
        }
        let began = Instant::now();
        let mut done = writer.append(&self.buffer);
        if self.shelf.prompt && done.is_ok() {
            done = writer.flush();
        }
        self.buffer.clear();
        Event::Written { took: began.elapsed() }.emit(&self.shelf.metrics);
        if let Err(e) = done {
            // Nothing more is tried for this recording: a file with a hole would not be one time line.
            let _ = self.shelf.trouble(e);
            let State::Writing(w) = std::mem::replace(&mut self.state, State::Waiting) else { return };
            self.state = State::Stalled(w);
        }
    }

    fn encode(&mut self, samples: &[i16]) {
        let State::Writing(w) = &self.state else { return };
        encode_into(w.spec().encoding, samples, &mut self.buffer);
    }
}

impl Shelf {
    /// Tells of a failure of the storage.
    fn trouble(&self, e: StoreError) -> Trouble {
        if matches!(e, StoreError::Exists { .. }) {
            return Trouble::Exists;
        }
        let kind = e.kind();
        Event::WriteFailed { recording: None, kind }.emit(&self.metrics);
        self.troubled.store(true, Ordering::Relaxed);
        self.readiness.storage(Err(kind));
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
        self.state = match self.open(WavSpec { rate: rate_hz, encoding }) {
            Ok(w) => State::Writing(Box::new(w)),
            Err(why) => State::Failed(why),
        };
    }

    fn append(&mut self, frames: &[i16]) {
        // An estimate, and for G.711 twice too much: it only keeps the buffer small.
        if self.buffer.len() + size_of_val(frames) > BLOCK {
            self.write_out();
        }
        self.encode(frames);
        if self.shelf.prompt {
            self.write_out();
        }
    }

    fn patch(&mut self, frame: u64, channel: Channel, samples: &[i16]) {
        self.write_out();
        let State::Writing(w) = &mut self.state else { return };
        let mut bytes = Vec::new();
        encode_into(w.spec().encoding, samples, &mut bytes);
        if let Err(e) = w.patch(frame, channel as u16, &bytes) {
            let _ = self.shelf.trouble(e);
        }
    }
}

fn encode_into(encoding: WavEncoding, samples: &[i16], out: &mut Vec<u8>) {
    match encoding {
        WavEncoding::PcmS16le => {
            let start = out.len();
            out.resize(start + samples.len() * 2, 0);
            let places = out[start..].chunks_exact_mut(2);
            places.zip(samples).for_each(|(place, s)| place.copy_from_slice(&s.to_le_bytes()));
        }
        WavEncoding::Alaw => Law::A.encode_into(samples, out),
        WavEncoding::Mulaw => Law::Mu.encode_into(samples, out),
    }
}
