//! The sound of payload that was kept because nobody could decode it, once somebody can.
//!
//! What was heard of the call stays as it is, and the new sound is put where there is silence. In this
//! order, each before the next is begun:
//!
//! | what is done | a crash right after it leaves | the next start of the recorder makes of it |
//! | --- | --- | --- |
//! | the new audio is `NAME.wav.new`, synced | the recording as it was | removes the new audio |
//! | an edit of the sidecar as any ([`super::keeper`]), with the hash of the new audio | a sidecar that speaks of the new audio | gives it its name |
//! | `NAME.wav.new` becomes `NAME.wav` | the recording with its new sound | nothing |
//!
//! The payload itself stays beside it as long as the recording does: it is what came.

use super::audit::{Action, By, Draft, facts};
use super::edit::{Amended, EditRefusal, EditResult};
use super::keeper::{Keeper, KeeperError};
use crate::archive::index::Row;
use crate::codec::def::ForeignDecoders;
use crate::codec::g711::Law;
use crate::id::Channel;
use crate::rtp::packet::RtpPacket;
use crate::rtp::standing::{SOURCE_SHIFT, Standing};
use crate::store::StoreError;
use crate::store::assured::judge_again;
use crate::store::event_kind::EventKind;
use crate::store::files::{Folder, with_new};
use crate::store::layout::Paths;
use crate::store::lock::EditLock;
use crate::store::recover::settle_sound;
use crate::store::sidecar::Sidecar;
use crate::store::undecoded::{UndecodedItem, UndecodedReader};
use crate::store::wav::{
    CHANNELS, FinishedWav, WavEncoding, WavInfo, WavSpec, WavWriter, info_of, read_samples, sha256_of,
};
use crate::tape::{Deck, Missing, Packet, StreamReport, Tape, TapeReport};
use crate::time::frames_ns;
use std::fs::File;
use std::io::BufReader;
use std::ops::Range;
use std::slice::from_ref;
use std::sync::Arc;

/// Frames copied at once.
const BLOCK: u64 = 64 * 1024;

/// Who decodes what the recorder does not decode by itself.
pub type Decoders = Option<Arc<dyn ForeignDecoders>>;

/// A recording with new sound, not yet in its place.
struct Redecoded {
    audio: FinishedWav,
    report: TapeReport,
}

/// Why nothing was made.
enum NotMade {
    /// There is nothing to be decoded.
    Nothing,
    Refused(EditRefusal),
    Failed(StoreError),
}

impl From<StoreError> for NotMade {
    fn from(e: StoreError) -> NotMade {
        NotMade::Failed(e)
    }
}

impl Keeper {
    /// Makes the sound of what was kept of each of `rows`. No other edit of the store is made meanwhile.
    ///
    /// # Errors
    /// The audit log or the index cannot be written.
    pub fn redecode(&mut self, rows: &[Row], decoders: &Decoders, by: &By) -> Result<Amended, KeeperError> {
        let mut all = Amended::default();
        for row in rows {
            let alone = EditLock::wait(self.audit.state())?;
            match self.redecode_one(row, decoders, by, &alone) {
                Ok(amended) => all.add(amended),
                Err(KeeperError::Store(e)) => all.failed.push((row.id, e)),
                Err(e) => return Err(e),
            }
        }
        Ok(all)
    }

    fn redecode_one(
        &mut self,
        row: &Row,
        decoders: &Decoders,
        by: &By,
        alone: &EditLock,
    ) -> Result<Amended, KeeperError> {
        let sidecar = self.read(row)?;
        let store = self.store.clone();
        let paths = Paths::beside(&row.json(store.path()));
        let draft = Draft::new(Action::Redecode);
        let new = match sound_of(&store, &paths, &sidecar, decoders) {
            Ok(new) => new,
            Err(NotMade::Nothing) => {
                // Somebody asked for it all the same.
                self.append_audit(by, draft.on([row.id]).detail(facts! { Undecoded: None::<String> }))?;
                return Ok(Amended { not: vec![row.id], ..Amended::default() });
            }
            Err(NotMade::Refused(why)) => {
                return self.amend_alone(from_ref(row), draft, by, &|_| EditResult::Refused(why), alone);
            }
            Err(NotMade::Failed(e)) => {
                drop(settle_sound(&store, &paths, &sidecar));
                return Err(e.into());
            }
        };
        let (was, now) = (&sidecar.audio.sha256, &new.audio.sha256_hex);
        let draft = draft.detail(facts! { Was: was, Sha256: now });
        let amended = self.amend_alone(from_ref(row), draft, by, &|s| new.tell(s, &sidecar, by), alone);
        // Whatever came after it: where the sidecar speaks of the new sound, that is the recording's.
        settle_sound(&store, &paths, &self.read(row)?)?;
        amended
    }
}

impl Redecoded {
    /// What the sidecar says of it, if it is still the one that was read.
    fn tell(&self, s: &mut Sidecar, read: &Sidecar, by: &By) -> EditResult {
        if s.audio.sha256 != read.audio.sha256 {
            return EditResult::Refused(EditRefusal::ChangedMeanwhile);
        }
        (s.audio.sha256, s.audio.encoding) = (self.audio.sha256_hex.clone(), WavEncoding::PcmS16le);
        if let Some(kept) = &mut s.undecoded {
            kept.decoded_at = Some(by.at);
            // Other sound lies between the packets: numbers are missing only if they were when it came.
            let is_lossless = s.streams.iter().all(|stream| stream.lost == 0);
            let is_whole = match self.report.missing {
                Missing::Nothing => true,
                Missing::Sound => is_lossless,
                Missing::Undecoded => false,
            };
            s.complete |= kept.else_complete && is_whole;
        }
        judge_again(s);
        for stream in &mut s.streams {
            let is_it = |r: &&StreamReport| r.channel == stream.channel && r.ssrc_text() == stream.ssrc;
            if let Some(report) = self.report.streams.iter().find(is_it) {
                stream.mos = report.mos;
            }
        }
        EditResult::Made
    }
}

/// Makes the new audio, `NAME.wav.new`.
fn sound_of(store: &Folder, paths: &Paths, s: &Sidecar, decoders: &Decoders) -> Result<Redecoded, NotMade> {
    let kept = s.undecoded.as_ref().ok_or(NotMade::Nothing)?;
    // What an edit cut short left.
    settle_sound(store, paths, s)?;
    if s.restricted.is_set() {
        return Err(NotMade::Refused(EditRefusal::Restricted));
    }
    if s.retention.hold.is_set() {
        return Err(NotMade::Refused(EditRefusal::OnHold));
    }
    if kept.decoded_at.is_some() && s.complete {
        return Err(NotMade::Nothing);
    }
    let pcap = store.read(&paths.pcap)?;
    if sha256_of(&pcap, &paths.pcap)? != kept.sha256 {
        return Err(NotMade::Refused(EditRefusal::OtherPayload));
    }
    let old = store.read(&paths.wav)?;
    if sha256_of(&old, &paths.wav)? != s.audio.sha256 {
        return Err(NotMade::Refused(EditRefusal::OtherAudio));
    }
    let mut deck = OverlayDeck::new(store, paths, old)?;
    let report = play(&store.read(&paths.pcap)?, paths, s, decoders, &mut deck)?;
    let heard = deck.is_heard;
    let audio = deck.finish()?;
    if !heard {
        store.remove(&with_new(&paths.wav))?;
        return Err(NotMade::Refused(EditRefusal::NoDecoder));
    }
    Ok(Redecoded { audio, report })
}

/// Plays the payload into `deck`.
fn play(
    pcap: &File,
    paths: &Paths,
    s: &Sidecar,
    decoders: &Decoders,
    deck: &mut OverlayDeck,
) -> Result<TapeReport, StoreError> {
    let unreadable = || StoreError::io("read", &paths.pcap);
    let mut tape = Tape::with_decoders(s.answered_at, decoders.clone());
    tape.set_rate(s.audio.sample_rate);
    let ns = |s: f64| (s * 1e9) as i64;
    let paused = s.events.iter().filter(|e| e.kind == EventKind::Pause);
    let spans = paused.filter_map(|e| Some((ns(e.at_s), ns(e.end_s?))));
    tape.hush_mut().replay(spans, s.policy.as_ref().is_some_and(|p| p.silence_tones));
    let mut reader = UndecodedReader::new(BufReader::new(pcap)).map_err(unreadable())?;
    while let Some(item) = reader.read_item().map_err(unreadable())? {
        match item {
            UndecodedItem::Formats(channel, formats) => tape.set_formats(channel, 0, &formats),
            UndecodedItem::Rtp(channel, at, bytes) => {
                let Ok(heard) = RtpPacket::parse(&bytes) else { continue };
                let flow = (channel as u32 + 1) << SOURCE_SHIFT;
                let (rank, standing, is_opened) = (0, Standing::Claimed, false);
                tape.push(Packet { channel, rank, standing, flow, at, heard, is_opened }, deck);
            }
        }
    }
    let length_ns = frames_ns(s.audio.frames, s.audio.sample_rate);
    let report = tape.close(s.answered_at.offset_ns(length_ns), deck);
    deck.trouble.take().map_or(Ok(report), Err)
}

/// Puts new sound over what is there.
struct OverlayDeck {
    old: File,
    info: WavInfo,
    new: WavWriter,
    is_heard: bool,
    /// The first thing that went wrong.
    trouble: Option<StoreError>,
}

impl OverlayDeck {
    fn new(store: &Folder, paths: &Paths, old: File) -> Result<OverlayDeck, StoreError> {
        let info = info_of(&old, &paths.wav)?;
        let spec = WavSpec { rate: info.spec.rate, encoding: WavEncoding::PcmS16le };
        let new = WavWriter::create_in(store, &with_new(&paths.wav), spec)?;
        Ok(OverlayDeck { old, info, new, is_heard: false, trouble: None })
    }

    /// As long as what is there.
    fn finish(mut self) -> Result<FinishedWav, StoreError> {
        let length = self.info.frames();
        while self.trouble.is_none() && self.new.frames() < length {
            let n = (length - self.new.frames()).min(BLOCK);
            self.append(&vec![0; n as usize * usize::from(CHANNELS)]);
        }
        match self.trouble {
            Some(e) => Err(e),
            None => self.new.finish(true),
        }
    }

    /// Samples of 10 ms, the shortest frame of any codec.
    fn piece(&self) -> usize {
        self.info.spec.rate as usize / 100
    }

    /// What is there of `frames`.
    fn there(&mut self, frames: Range<u64>) -> Vec<i16> {
        let read = read_samples(&self.old, &self.info, frames);
        read.map_err(StoreError::io("read", self.new.path())).unwrap_or_else(|e| {
            self.note(Err(e));
            Vec::new()
        })
    }

    fn note(&mut self, done: Result<(), StoreError>) {
        if let Err(e) = done {
            self.trouble.get_or_insert(e);
        }
    }
}

/// New sound where there is silence; what was heard while the call ran stays, and so does what
/// was made before. By pieces: single samples of any sound are zero.
fn overlay(there: &mut [i16], new: &[i16], piece: usize) -> bool {
    let mut is_heard = false;
    for (there, new) in there.chunks_mut(piece.max(1)).zip(new.chunks(piece.max(1))) {
        is_heard |= new.iter().any(|s| *s != 0);
        if there.iter().all(|s| *s == 0) {
            there.copy_from_slice(&new[..there.len().min(new.len())]);
        }
    }
    is_heard
}

impl Deck for OverlayDeck {
    fn start(&mut self, _rate_hz: u32, _law: Option<Law>) {}

    fn append(&mut self, frames: &[i16]) {
        let from = self.new.frames();
        let n = (frames.len() as u64 / u64::from(CHANNELS)).min(self.info.frames().saturating_sub(from));
        let mut both = self.there(from..from + n);
        for side in 0..usize::from(CHANNELS) {
            let of = |all: &[i16]| {
                all.iter().skip(side).step_by(usize::from(CHANNELS)).copied().collect::<Vec<_>>()
            };
            let (mut there, new) = (of(&both), of(&frames[..both.len().min(frames.len())]));
            self.is_heard |= overlay(&mut there, &new, self.piece());
            let places = both.iter_mut().skip(side).step_by(usize::from(CHANNELS));
            places.zip(there).for_each(|(place, sample)| *place = sample);
        }
        let bytes: Vec<u8> = both.iter().flat_map(|s| s.to_le_bytes()).collect();
        let done = self.new.append(&bytes);
        self.note(done);
    }

    fn truncate(&mut self, frames: u64) {
        let done = self.new.truncate_frames(frames);
        self.note(done);
    }

    fn patch(&mut self, frame: u64, channel: Channel, samples: &[i16]) {
        let n = (samples.len() as u64).min(self.new.frames().saturating_sub(frame));
        let both = self.there(frame..frame + n);
        let own = both.chunks_exact(usize::from(CHANNELS)).map(|both| both[channel as usize]);
        let mut there: Vec<i16> = own.collect();
        self.is_heard |= overlay(&mut there, &samples[..n as usize], self.piece());
        let bytes: Vec<u8> = there.iter().flat_map(|s| s.to_le_bytes()).collect();
        let done = self.new.patch(frame, channel as u16, &bytes).map(drop);
        self.note(done);
    }
}
