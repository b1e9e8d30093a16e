//! Making a training copy: read, masked, altered, written, and only then known.

use super::super::audit::{Action, By, Draft, Outcome, Why, facts};
use super::super::keeper::{Keeper, KeeperError};
use super::disguise::{VoicePiece, alter, blend, margin, plan};
use crate::archive::index::{IndexError, Row};
use crate::id::{Channel, derived_uuid};
use crate::store::StoreError;
use crate::store::lock::EditLock;
use crate::store::training::{LABEL, MaskedSpan, SideChange, TrainingCopy, TrainingFolder};
use crate::store::wav::{
    CHANNELS, WavEncoding, WavInfo, WavSpec, WavWriter, info_of, read_samples, sha256_of,
};
use std::f64::consts::TAU;
use std::fs::File;
use std::ops::Range;
use uuid::Uuid;

/// Longest title, characters.
const TITLE_MAX: usize = 200;
/// Digits in a row that may be part of a number.
const DIGITS_MAX: usize = 4;
/// Most masked spans.
const SPANS_MAX: usize = 500;
/// Most copies of one recording.
const COPIES_MAX: usize = 20;
/// Frames of a side that is dropped, written at once.
const BLOCK: u64 = 64 * 1024;
/// The tone over what is masked: Hz, and how loud.
const TONE: (f64, f64) = (1_000.0, 3_000.0);

/// What is to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingRequest {
    /// What it shows; nobody's name or number.
    pub title: String,
    /// What becomes of the customer's side.
    pub customer: SideChange,
    /// What becomes of the agent's side.
    pub agent: SideChange,
    /// From this second of the recording on.
    pub start_s: Option<f64>,
    /// Up to this second of the recording.
    pub end_s: Option<f64>,
    /// What is masked, in seconds of the recording.
    pub spans: Vec<MaskedSpan>,
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Unfit(String),
    /// It does not go as things stand.
    #[error("recording {id}: {why}")]
    Conflict {
        /// Which.
        id: Uuid,
        /// Why.
        why: &'static str,
    },
    /// The store, the index or the audit log.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    /// Reading the recording or writing the copy.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<IndexError> for MakeError {
    fn from(e: IndexError) -> MakeError {
        MakeError::Keeper(e.into())
    }
}

/// `12-15.5`, `12-15.5:agent`: seconds of the recording, and perhaps one side.
pub fn parse_span(text: &str, beep: bool) -> Option<MaskedSpan> {
    let (times, side) = match text.split_once(':') {
        None => (text, None),
        Some((times, "customer")) => (times, Some(Channel::Customer)),
        Some((times, "agent")) => (times, Some(Channel::Agent)),
        Some(_) => return None,
    };
    let (start, end) = times.split_once('-')?;
    let seconds = |text: &str| text.parse::<f64>().ok().filter(|s| s.is_finite() && *s >= 0.0);
    let span = MaskedSpan { start_s: seconds(start)?, end_s: seconds(end)?, side, beep };
    (span.start_s < span.end_s).then_some(span)
}

impl TrainingRequest {
    fn must_fit(&self) -> Result<(), MakeError> {
        let unfit = |why: String| Err(MakeError::Unfit(why));
        let mut run = 0;
        let has_number = self.title.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).any(|c| {
            run = if c.is_ascii_digit() { run + 1 } else { 0 };
            run > DIGITS_MAX
        });
        match self.title.chars().count() {
            0 => return unfit("title: must not be empty".into()),
            n if n > TITLE_MAX => return unfit(format!("title: at most {TITLE_MAX} characters")),
            _ if has_number => {
                return unfit(format!("title: more than {DIGITS_MAX} digits in a row may be a number"));
            }
            _ => {}
        }
        if self.spans.len() > SPANS_MAX {
            return unfit(format!("spans: at most {SPANS_MAX}"));
        }
        if self.start_s.zip(self.end_s).is_some_and(|(start, end)| start >= end) {
            return unfit("start must lie before end".into());
        }
        if self.customer == SideChange::Dropped && self.agent == SideChange::Dropped {
            return unfit("customer, agent: one side at least is to be heard".into());
        }
        Ok(())
    }
}

impl Keeper {
    /// Makes a training copy of a recording. Whether its service allows that is the caller's question.
    ///
    /// # Errors
    /// [`MakeError`]: nothing was made.
    pub fn make_training(
        &mut self,
        row: &Row,
        request: &TrainingRequest,
        by: &By,
    ) -> Result<TrainingCopy, MakeError> {
        request.must_fit()?;
        let why = |why: &'static str| MakeError::Conflict { id: row.id, why };
        let sidecar = self.read(row)?;
        if row.restricted || sidecar.restricted.is_set() {
            return Err(why("it is restricted: closed to listening and export"));
        }
        let copies = TrainingFolder::make(self.store.path())?;
        let own =
            copies.files()?.into_iter().filter(|f| f.is_json() && f.ids.is_some_and(|(of, _)| of == row.id));
        if own.count() >= COPIES_MAX {
            return Err(why("it has as many training copies as there can be"));
        }
        let path = row.wav(self.store.path());
        let file = self.store.read(&path)?;
        let info = info_of(&file, &path)?;
        if sha256_of(&file, &path)? != sidecar.audio.sha256 {
            return Err(why("its audio does not have the hash that its JSON has; run `nauhuri verify`"));
        }
        let frame = |s: f64| ((s * f64::from(info.spec.rate)).round() as u64).min(info.frames());
        let frames = request.start_s.map_or(0, frame)..request.end_s.map_or(info.frames(), frame);
        if frames.is_empty() {
            return Err(MakeError::Unfit("nothing of the recording lies between start and end".into()));
        }
        let mut copy = blank(row, request, &info, &frames, by)?;
        let detail = facts! {
            Training: copy.id, Customer: copy.customer, Agent: copy.agent,
            Spans: copy.spans.len(), DurationS: copy.duration_s,
        };
        let told = Draft::new(Action::TrainingMake).on([row.id]).why(Why::default()).detail(detail);
        self.append_audit(by, told.clone())?;
        let made = self.write_training(&copies, &mut copy, &file, &info, frames, row);
        if let Err(e) = made {
            // The error that counts is the first one.
            drop(copies.remove(&copy));
            drop(self.append_audit(by, told.ended(Outcome::Failed)));
            return Err(e);
        }
        Ok(copy)
    }

    fn write_training(
        &mut self,
        copies: &TrainingFolder,
        copy: &mut TrainingCopy,
        file: &File,
        info: &WavInfo,
        frames: Range<u64>,
        row: &Row,
    ) -> Result<(), MakeError> {
        let spec = WavSpec { rate: info.spec.rate, encoding: WavEncoding::PcmS16le };
        let mut writer = WavWriter::create_in(copies.folder(), &copies.part(copy), spec)?;
        let path = row.wav(self.store.path());
        let read = |range: Range<u64>| read_samples(file, info, range).map_err(StoreError::io("read", &path));
        let sides = [(Channel::Customer, copy.customer), (Channel::Agent, copy.agent)];
        let sides: Result<Vec<AlteredSide>, MakeError> = sides
            .into_iter()
            .map(|(channel, change)| AlteredSide::new(channel, change, &frames, spec.rate, &copy.spans))
            .collect();
        let mut sides = sides?;
        let mut at = frames.start;
        while at < frames.end {
            let end = frames.end.min(at + BLOCK);
            for side in &mut sides {
                side.fill(end, &frames, &read)?;
            }
            let mut bytes = Vec::new();
            for n in 0..(end - at) as usize {
                for side in &sides {
                    bytes.extend_from_slice(&side.done[n].to_le_bytes());
                }
            }
            sides.iter_mut().for_each(|side| drop(side.done.drain(..(end - at) as usize)));
            writer.append(&bytes)?;
            at = end;
        }
        let finished = writer.finish(true)?;
        copy.sha256 = finished.sha256_hex;
        // Whoever deletes the source holds this: its copies are all there to be found, or none comes.
        let _alone = EditLock::wait(self.audit.state()).map_err(KeeperError::from)?;
        if self.index.get(row.id)?.is_none() {
            return Err(MakeError::Conflict { id: row.id, why: "it was deleted meanwhile" });
        }
        Ok(copies.finish(copy)?)
    }
}

/// What is known of a copy before its sound is.
fn blank(
    row: &Row,
    request: &TrainingRequest,
    info: &WavInfo,
    frames: &Range<u64>,
    by: &By,
) -> Result<TrainingCopy, MakeError> {
    let rate = f64::from(info.spec.rate);
    let (from, length) = (frames.start as f64 / rate, (frames.end - frames.start) as f64 / rate);
    let within = |span: &MaskedSpan| {
        let (start_s, end_s) = ((span.start_s - from).max(0.0), (span.end_s - from).min(length));
        (start_s < end_s).then_some(MaskedSpan { start_s, end_s, ..*span })
    };
    // Nothing of the source's id is in that of its copy.
    Ok(TrainingCopy {
        id: derived_uuid(by.at, &[&seed()?.to_le_bytes(), &seed()?.to_le_bytes()]),
        source: row.id,
        service: row.service.clone(),
        title: request.title.clone(),
        label: LABEL.into(),
        made_at: by.at,
        made_by: by.who.name(),
        until: row.until,
        duration_s: length,
        sample_rate: info.spec.rate,
        sha256: String::new(),
        customer: request.customer,
        agent: request.agent,
        spans: request.spans.iter().filter_map(within).collect(),
    })
}

fn seed() -> Result<u64, MakeError> {
    let mut bytes = [0; 8];
    let random =
        |e| StoreError::io("make", std::path::Path::new("a random number"))(std::io::Error::other(e));
    getrandom::fill(&mut bytes).map_err(random)?;
    Ok(u64::from_le_bytes(bytes))
}

/// One side of a copy on its way.
struct AlteredSide {
    channel: Channel,
    rate: u32,
    /// What is still to be altered; none where the side is dropped.
    pieces: std::vec::IntoIter<VoicePiece>,
    /// What is masked: frames of the copy, and whether a tone is heard there.
    masked: Vec<(Range<u64>, bool)>,
    /// Frames of the copy that were made so far, those in `done` and `tail` included.
    made: u64,
    /// Made and not written yet.
    done: Vec<i16>,
    /// The end of the last piece, to be blended into the next.
    tail: Vec<f32>,
}

impl AlteredSide {
    fn new(
        channel: Channel,
        change: SideChange,
        frames: &Range<u64>,
        rate: u32,
        spans: &[MaskedSpan],
    ) -> Result<AlteredSide, MakeError> {
        let pieces = match change {
            SideChange::Altered => plan(frames.end - frames.start, rate, seed()?),
            SideChange::Dropped => Vec::new(),
        };
        let frame = |s: f64| (s * f64::from(rate)).round() as u64;
        let own = spans.iter().filter(|span| span.side.is_none_or(|side| side == channel));
        // A side that is left out is silent throughout.
        let own = own.filter(|_| change == SideChange::Altered);
        let masked = own.map(|span| (frame(span.start_s)..frame(span.end_s), span.beep)).collect();
        Ok(AlteredSide {
            channel,
            rate,
            pieces: pieces.into_iter(),
            masked,
            made: 0,
            done: Vec::new(),
            tail: Vec::new(),
        })
    }

    /// Makes so much that everything before frame `end` of the recording is done.
    fn fill(
        &mut self,
        end: u64,
        frames: &Range<u64>,
        read: &dyn Fn(Range<u64>) -> Result<Vec<i16>, StoreError>,
    ) -> Result<(), StoreError> {
        let want = end - frames.start;
        while self.made < want {
            match self.pieces.next() {
                Some(piece) => self.alter(&piece, frames, read)?,
                None => {
                    let from = self.made;
                    self.push(&vec![0.0; (want - from) as usize]);
                }
            }
        }
        Ok(())
    }

    fn alter(
        &mut self,
        piece: &VoicePiece,
        frames: &Range<u64>,
        read: &dyn Fn(Range<u64>) -> Result<Vec<i16>, StoreError>,
    ) -> Result<(), StoreError> {
        let (room, blended) = (margin(self.rate), blend(self.rate));
        // Nothing outside the part that was asked for is looked at.
        let first = (frames.start + piece.frames.start).saturating_sub(room).max(frames.start);
        let last = (frames.start + piece.frames.end + room).min(frames.end);
        let both = read(first..last)?;
        let own = both.iter().skip(self.channel as usize).step_by(usize::from(CHANNELS));
        let mut input: Vec<f32> = own.map(|s| f32::from(*s)).collect();
        // Masked before it is altered: what is looked for around a place must not bring it back.
        let from = first - frames.start;
        for (masked, _) in &self.masked {
            let begins = masked.start.saturating_sub(from).min(input.len() as u64) as usize;
            let ends = masked.end.saturating_sub(from).min(input.len() as u64) as usize;
            input[begins.min(ends)..ends].fill(0.0);
        }
        let start = (piece.frames.start - from) as usize;
        let length = (piece.frames.end - piece.frames.start) as usize;
        let mut made = alter(&input, start, length + blended, piece.factor, self.rate);
        let tail = std::mem::take(&mut self.tail);
        let fades = tail.len() as f32;
        for (n, (new, old)) in made.iter_mut().zip(tail).enumerate() {
            let weight = (n as f32 + 0.5) / fades;
            *new = *new * weight + old * (1.0 - weight);
        }
        self.tail = made.split_off(length);
        self.push(&made);
        Ok(())
    }

    fn push(&mut self, samples: &[f32]) {
        for sample in samples {
            let at = self.made;
            let masked = self.masked.iter().find(|(range, _)| range.contains(&at));
            let value = match masked {
                None => f64::from(*sample),
                Some((_, false)) => 0.0,
                Some((_, true)) => {
                    let (hz, loud) = TONE;
                    loud * (TAU * hz * at as f64 / f64::from(self.rate)).sin()
                }
            };
            self.done.push(value.clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16);
            self.made += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_as_it_is_typed() {
        let span = |start_s, end_s, side| Some(MaskedSpan { start_s, end_s, side, beep: true });
        for (text, want) in [
            ("12-15.5", span(12.0, 15.5, None)),
            ("0-1:agent", span(0.0, 1.0, Some(Channel::Agent))),
            ("0.5-1:customer", span(0.5, 1.0, Some(Channel::Customer))),
        ] {
            assert_eq!(parse_span(text, true), want, "{text}");
        }
        for text in ["", "5", "5-5", "6-5", "-1-5", "1-x", "1-2:both", "1-inf", "nan-2"] {
            assert_eq!(parse_span(text, false), None, "{text}");
        }
    }

    #[test]
    fn a_title_holds_no_number() {
        let request = |title: &str| TrainingRequest {
            title: title.into(),
            customer: SideChange::Altered,
            agent: SideChange::Dropped,
            start_s: None,
            end_s: None,
            spans: Vec::new(),
        };
        for (title, fits) in [
            ("A caller in a hurry, part 2", true),
            ("Autumn 2026", true),
            ("040 123 4567", false),
            ("+358-40-1234567", false),
            ("", false),
        ] {
            assert_eq!(request(title).must_fit().is_ok(), fits, "{title}");
        }
        let silent = TrainingRequest { customer: SideChange::Dropped, ..request("x") };
        assert!(silent.must_fit().is_err());
    }
}
