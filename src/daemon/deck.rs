//! A tape's samples on their way into a file.
//!
//! A file is made once a call has shown to be one: both parties were heard, or one of them twice and
//! not silent. What came before is kept; a call that stays silent to its end gets its file then.
//! Silence is not written but left out as a hole, where zeros mean silence, and gathered
//! until somebody speaks, where they do not.

mod deck_state;
mod held;
mod open_bytes;
mod payload;
#[cfg(test)]
mod tests;
mod trouble;

use super::context::Context;
use crate::codec::g711::Law;
use crate::config::Encoding;
use crate::id::Channel;
use crate::store::StoreError;
use crate::store::layout::RecordingName;
use crate::store::sidecar::Sidecar;
use crate::store::wav::{CHANNELS, WavEncoding, WavSpec};
use crate::store::writer::RecordingWriter;
use crate::tape::{Deck, PayloadOrigin, UndecodedPacket};
use crate::telemetry::events::Event;
use crate::time::Timestamp;
use deck_state::DeckState;
use held::HeldFrames;
use open_bytes::OpenBytes;
use payload::KeptPayloads;
use std::sync::Arc;
use std::time::Instant;
pub use trouble::{PreparedRecording, Trouble, Unfinished};

/// Longest gap that is made up for with silence once the storage takes writes again, seconds.
const MAX_GAP_S: u64 = 3600;
/// Bytes gathered before they are written where nobody waits for them (replay). Hardly more than a
/// tape gives out at once: what a call holds back costs every call more than a larger write saves.
const BLOCK: usize = 4 * 1024;

/// One recording's file.
pub struct FileDeck {
    context: Arc<Context>,
    name: RecordingName,
    provisional: Option<Box<Sidecar>>,
    state: DeckState,
    buffer: Vec<u8>,
    /// Frames of silence behind the buffer.
    silence: u64,
    /// Both parties were heard.
    both_heard: bool,
    /// More than one packet was.
    heard_again: bool,
    lossy: bool,
    /// Where what cannot be decoded is kept.
    payloads: Option<Box<KeptPayloads>>,
    open_bytes: OpenBytes,
}

impl FileDeck {
    /// A deck that makes its file once it is worth one. `provisional` is what a
    /// crash will leave as metadata.
    pub fn new(context: Arc<Context>, name: RecordingName, provisional: Sidecar) -> Self {
        let payloads = || Box::new(KeptPayloads::new(provisional.id, provisional.answered_at));
        FileDeck {
            payloads: context.writing.keep_undecoded.then(payloads),
            name,
            provisional: Some(Box::new(provisional)),
            state: DeckState::Waiting,
            buffer: Vec::new(),
            silence: 0,
            both_heard: false,
            heard_again: false,
            lossy: false,
            open_bytes: OpenBytes::new(&context),
            context,
        }
    }

    /// Packets have come: of both parties, more than one.
    pub fn note_heard(&mut self, both: bool, again: bool) {
        (self.both_heard, self.heard_again) = (both, again);
    }

    /// More has become known of the call: its files get the name and the metadata that go with it.
    pub fn rename(&mut self, name: RecordingName, known: Sidecar) {
        let (DeckState::Writing(w) | DeckState::Stalled(w, _)) = &mut self.state else {
            (self.name, self.provisional) = (name, Some(Box::new(known)));
            return;
        };
        self.context.leftovers.ours(&name);
        match w.rename(&self.context.writing.root, &name, known) {
            Ok(()) => self.name = name,
            // It keeps the name it has; what it says in the end is true all the same.
            Err(e) => drop(self.context.trouble(e)),
        }
    }

    /// Writes what is gathered; what is lost and what is not is known after this.
    pub fn settle(&mut self) {
        self.begin();
        self.give_silence();
        self.write_out();
        self.write_payloads();
    }

    /// The file ends where writing failed, before the call did.
    pub fn is_stalled(&self) -> bool {
        matches!(self.state, DeckState::Stalled(..))
    }

    /// All that could not be decoded is kept.
    pub fn has_kept_all(&self) -> bool {
        self.payloads.as_ref().is_some_and(|p| !p.is_lossy())
    }

    /// Audio was lost because the storage failed.
    pub fn is_lossy(&self) -> bool {
        self.lossy
    }

    /// A crash now would leave something of it.
    pub fn has_file(&self) -> bool {
        matches!(self.state, DeckState::Writing(_) | DeckState::Stalled(..))
    }

    /// Finishes the file under its final name.
    ///
    /// # Errors
    /// Why there is no recording.
    pub fn close(mut self, sidecar: impl FnOnce(u64) -> Sidecar) -> Result<Sidecar, Trouble> {
        let context = Arc::clone(&self.context);
        self.settle();
        if let DeckState::Dry(frames) = self.state {
            return Ok(sidecar(frames));
        }
        let name = self.name.clone();
        let writer = self.state.into_writer()?;
        let frames = writer.frames();
        let sidecar = sidecar(frames);
        let kept = context.writing.prompt.then(|| sidecar.clone());
        writer.close(sidecar).map_err(|e| match (context.trouble(e), kept) {
            (Trouble::Store(e), Some(mut sidecar)) => {
                sidecar.complete &= !e.may_have_lost_audio();
                Trouble::Unfinished(Box::new(Unfinished { name, frames, sidecar }))
            }
            (why, _) => why,
        })
    }

    /// The same as far as nothing is synced and nothing has its final name.
    ///
    /// # Errors
    /// Why there is no recording.
    pub fn prepare(mut self, sidecar: impl FnOnce(u64) -> Sidecar) -> Result<PreparedRecording, Trouble> {
        let context = Arc::clone(&self.context);
        self.settle();
        let name = self.name.clone();
        let writer = self.state.into_writer()?;
        let frames = writer.frames();
        let sidecar = sidecar(frames);
        let rest = Unfinished { name, frames, sidecar: sidecar.clone() };
        match writer.prepare(sidecar) {
            Ok(files) => Ok(PreparedRecording { files, rest }),
            Err(e) => Err(match context.trouble(e) {
                Trouble::Store(_) => Trouble::Unfinished(Box::new(rest)),
                why => why,
            }),
        }
    }

    /// Takes back whatever was written.
    pub fn discard(self) {
        let Ok(writer) = self.state.into_writer() else { return };
        if let Err(e) = writer.discard() {
            // The parts stay; the next start makes a short recording of them.
            let _ = self.context.trouble(e);
        }
    }

    fn open(&mut self, spec: WavSpec) -> Result<RecordingWriter, Trouble> {
        let context = &self.context;
        if !context.health.has_room() {
            return Err(Trouble::NoRoom);
        }
        match context.writing.has_already(&self.name) {
            Ok(true) => return Err(Trouble::Exists),
            Ok(false) => {}
            Err(e) => return Err(context.trouble(e)),
        }
        let provisional = self.provisional.as_deref().cloned().ok_or(Trouble::NoMedia)?;
        // Before there is a file: whoever looks for leftovers must not take it for one.
        context.leftovers.ours(&self.name);
        let (root, options) = (&context.writing.root, &context.writing.options);
        let writer = RecordingWriter::open(root, &self.name, spec, provisional, options)
            .map_err(|e| context.trouble(e))?;
        self.provisional = None;
        Ok(writer)
    }

    /// Makes the file of a call that has none yet, and writes what there is of it.
    fn begin(&mut self) {
        let DeckState::Quiet(held) = &mut self.state else { return };
        let held = held.take();
        if self.context.writing.is_dry {
            self.state = DeckState::Dry(held.frames());
            return;
        }
        match self.open(held.spec) {
            Ok(w) => {
                self.state = DeckState::Writing(Box::new(w));
                self.silence = held.silence;
                if !held.sound.is_empty() {
                    self.give_silence();
                    self.buffer.extend_from_slice(&held.sound);
                    self.write_out();
                    self.silence = held.silence_after;
                }
            }
            Err(why) => {
                self.lossy |= held.frames() > 0;
                self.state = DeckState::Unopened(held.spec, why, held.frames());
            }
        }
    }

    /// After a failure: goes on where the storage takes writes again, with
    /// silence for what is missing, so that the file stays one time line.
    fn resume(&mut self) {
        let (rate, missing) = match &self.state {
            DeckState::Waiting | DeckState::Quiet(_) | DeckState::Writing(_) | DeckState::Dry(_) => return,
            DeckState::Stalled(w, missing) => (w.spec().rate, *missing),
            DeckState::Unopened(spec, _, missing) => (spec.rate, *missing),
        };
        let is_short = missing <= u64::from(rate) * MAX_GAP_S;
        if !self.context.writing.prompt || !is_short || !self.context.health.takes_writes() {
            return;
        }
        let mut writer = match std::mem::replace(&mut self.state, DeckState::Waiting) {
            DeckState::Stalled(w, _) | DeckState::Writing(w) => w,
            DeckState::Waiting | DeckState::Quiet(_) | DeckState::Dry(_) => return,
            DeckState::Unopened(spec, ..) => match self.open(spec) {
                Ok(w) => Box::new(w),
                Err(why) => {
                    self.state = DeckState::Unopened(spec, why, missing);
                    return;
                }
            },
        };
        let had = writer.frames();
        self.state = match writer.append_silence(missing).and_then(|()| writer.flush()) {
            Ok(()) => DeckState::Writing(writer),
            Err(e) => {
                let _ = self.context.trouble(e);
                let filled = writer.frames() - had;
                DeckState::Stalled(writer, missing - filled)
            }
        };
    }

    /// Writes what is gathered of what cannot be decoded.
    fn write_payloads(&mut self) {
        let (Some(payloads), DeckState::Writing(w)) = (&mut self.payloads, &mut self.state) else { return };
        drop(payloads.write(w).map_err(|e| self.context.trouble(e)));
    }

    /// Writes the silence that is gathered.
    fn give_silence(&mut self) {
        let frames = std::mem::take(&mut self.silence);
        if frames == 0 {
            return;
        }
        let DeckState::Writing(w) = &self.state else { return };
        let bytes = usize::try_from(frames).unwrap_or(usize::MAX).saturating_mul(w.spec().frame_bytes());
        if bytes <= BLOCK && !self.context.writing.prompt {
            let silence = vec![0; frames as usize * usize::from(CHANNELS)];
            w.spec().encoding.encode_into(&silence, &mut self.buffer);
            return;
        }
        self.write_out();
        self.write(frames, |w| w.append_silence(frames));
    }

    fn write_out(&mut self) {
        let DeckState::Writing(w) = &self.state else { return };
        if self.buffer.is_empty() {
            return;
        }
        let frames = (self.buffer.len() / w.spec().frame_bytes()) as u64;
        // Given back, not kept: of a thousand calls one writes at a time.
        let buffer = std::mem::take(&mut self.buffer);
        self.write(frames, |w| w.append(&buffer));
    }

    /// Adds `frames` to the file by `append`; what is not in it after that is missing.
    fn write(&mut self, frames: u64, append: impl FnOnce(&mut RecordingWriter) -> Result<(), StoreError>) {
        let DeckState::Writing(writer) = &mut self.state else { return };
        let is_exhausted = self.context.health.is_exhausted();
        let before = writer.frames();
        let began = Instant::now();
        let mut done = if is_exhausted { Ok(()) } else { append(writer) };
        if self.context.writing.prompt && done.is_ok() {
            done = writer.flush();
        }
        Event::Written { took: began.elapsed() }.emit(self.context.metrics());
        self.open_bytes.set(writer.frames() * writer.spec().frame_bytes() as u64);
        if done.is_ok() && !is_exhausted {
            return;
        }
        let missing = frames - (writer.frames() - before);
        match done {
            Ok(()) => {
                let fault = std::io::ErrorKind::StorageFull.into();
                Event::WriteFailed { recording: None, fault }.emit(self.context.metrics());
            }
            Err(e) => drop(self.context.trouble(e)),
        }
        if let DeckState::Writing(w) = std::mem::replace(&mut self.state, DeckState::Waiting) {
            self.lossy |= missing > 0;
            self.state = DeckState::Stalled(w, missing);
        }
    }

    fn put(&mut self, frames: &[i16]) {
        let DeckState::Writing(w) = &self.state else { return };
        let spec = w.spec();
        if frames.iter().all(|s| *s == 0) {
            self.silence += frames.len() as u64 / u64::from(CHANNELS);
            // The file plays to here once a second, also where nobody speaks.
            if self.context.writing.prompt && self.silence >= u64::from(spec.rate) {
                self.give_silence();
            }
            return;
        }
        self.give_silence();
        spec.encoding.encode_into(frames, &mut self.buffer);
        if self.context.writing.prompt || self.buffer.len() >= BLOCK {
            self.write_out();
        }
    }
}

impl Deck for FileDeck {
    fn start(&mut self, rate_hz: u32, law: Option<Law>) {
        let encoding = match (self.context.writing.encoding, law) {
            (Encoding::G711, Some(Law::A)) => WavEncoding::Alaw,
            (Encoding::G711, Some(Law::Mu)) => WavEncoding::Mulaw,
            _ => WavEncoding::PcmS16le,
        };
        self.state = DeckState::Quiet(HeldFrames::new(WavSpec { rate: rate_hz, encoding }));
    }

    fn append(&mut self, frames: &[i16]) {
        self.resume();
        match &mut self.state {
            DeckState::Stalled(_, missing) | DeckState::Unopened(_, _, missing) => {
                *missing += frames.len() as u64 / u64::from(CHANNELS);
                self.lossy = true;
            }
            DeckState::Quiet(held) => {
                let is_kept = held.append(frames);
                let is_call = self.both_heard || self.heard_again && held.has_sound();
                if is_call || !is_kept || held.is_much() {
                    self.begin();
                }
                if !is_kept {
                    self.append(frames);
                }
            }
            DeckState::Writing(_) => self.put(frames),
            DeckState::Dry(all) => *all += frames.len() as u64 / u64::from(CHANNELS),
            DeckState::Waiting => {}
        }
    }

    fn keeps_undecoded(&self) -> bool {
        self.payloads.is_some()
    }

    fn keep_undecoded(&mut self, packet: &UndecodedPacket<'_>) {
        if self.payloads.as_mut().is_some_and(|p| p.keep(packet)) {
            self.write_payloads();
        }
    }

    fn leave_undecoded(&mut self, channel: Channel) {
        self.payloads.iter_mut().for_each(|p| p.leave(channel));
    }

    fn take_back_undecoded(
        &mut self,
        channel: Channel,
        since: Timestamp,
        is_meant: &dyn Fn(&PayloadOrigin) -> bool,
    ) {
        let Some(payloads) = &mut self.payloads else { return };
        let (DeckState::Writing(writer) | DeckState::Stalled(writer, _)) = &mut self.state else {
            return payloads.take_back_held(channel, since, is_meant);
        };
        let done = payloads.take_back(channel, since, is_meant, writer);
        drop(done.map_err(|e| self.context.trouble(e)));
    }

    fn end_undecoded(&mut self, end: Timestamp) {
        self.payloads.iter_mut().for_each(|p| p.end(end));
    }

    fn truncate(&mut self, frames: u64) {
        if let DeckState::Quiet(held) = &mut self.state {
            return held.truncate(frames);
        }
        self.settle();
        let DeckState::Writing(w) = &mut self.state else { return };
        if let Err(e) = w.truncate_frames(frames) {
            let _ = self.context.trouble(e);
        }
    }

    fn patch(&mut self, frame: u64, channel: Channel, samples: &[i16]) {
        if matches!(&self.state, DeckState::Quiet(held) if !held.has_sound() && samples.iter().all(|s| *s == 0))
        {
            return;
        }
        self.settle();
        let DeckState::Writing(w) = &mut self.state else { return };
        let mut bytes = Vec::new();
        w.spec().encoding.encode_into(samples, &mut bytes);
        if let Err(e) = w.patch(frame, channel as u16, &bytes) {
            let _ = self.context.trouble(e);
            self.lossy = true;
        }
    }
}
