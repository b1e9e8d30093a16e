//! The sound of one source: decoded, and put where it belongs on the timeline.
//!
//! Where packets follow one another their sound is joined to the sample, whatever
//! small differences their places have; a difference that grows is made up a sample
//! at a time. What would overlap the sound before it gives way.

use super::timeline::{Blend, Timeline};
use crate::codec::def::ForeignDecoders;
use crate::codec::{CodecSpec, Decoder};
use crate::id::Channel;
use smallvec::SmallVec;
use std::ops::Range;
use std::sync::Arc;

/// Lost audio is concealed for at most this long, then silent.
const CONCEAL_MS: u32 = 60;
/// Packets whose places differ by less from where the last one ended follow it: 2 ms.
const JOIN_PER_S: u32 = 500;
/// Codecs of one source kept at hand.
const MAX_DECODERS: usize = 4;
/// Samples compared where sound is cut or repeated.
const ALIKE: usize = 8;
/// What is no louder is not missed when it gives way.
const QUIET: u16 = 96;

/// Where sound of one channel goes, and what it does there.
pub(super) struct Stage<'a> {
    /// Rate of the file.
    pub rate_hz: u32,
    /// Whose sound.
    pub channel: Channel,
    /// Who decodes what is not decoded here.
    pub decoders: Option<&'a dyn ForeignDecoders>,
    /// Where it is put.
    pub timeline: &'a mut Timeline,
    /// Pieces for frames that are already written.
    pub patches: &'a mut Vec<(u64, Vec<i16>)>,
    /// Samples of a packet on their way; empty between packets.
    pub pcm: &'a mut Vec<i16>,
}

/// The place of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlayPosition {
    /// Frame from the answer.
    pub frame: i64,
    /// Packets before it are missing.
    pub after_loss: bool,
    /// The source began anew with it.
    pub anew: bool,
}

/// Decoders of one source, and where its sound has come to.
#[derive(Debug, Default)]
pub(super) struct Voice {
    /// One for each codec met, the one in use first.
    decoders: SmallVec<[(Arc<CodecSpec>, Decoder); 1]>,
    /// Where the next sample of a contiguous run goes.
    next_frame: Option<i64>,
    /// From the first frame of its sound to behind the last.
    spoken: Option<(i64, i64)>,
    late: u64,
    gave_way: u64,
    misplaced: u64,
}

impl Voice {
    /// Packets that came too late for their place, or gave way to what lay there.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Audible samples that gave way to what came after them.
    pub fn gave_way(&self) -> u64 {
        self.gave_way
    }

    /// Packets whose place could not be true.
    pub fn misplaced(&self) -> u64 {
        self.misplaced
    }

    /// The codec in use.
    pub fn spec(&self) -> Option<&Arc<CodecSpec>> {
        self.decoders.first().map(|(s, _)| s)
    }

    /// The frames from `frame` on that its sound lies in.
    pub fn spoken_since(&self, frame: i64) -> Range<i64> {
        self.spoken.map_or(frame..frame, |(first, end)| first.max(frame)..end.max(frame))
    }

    /// What it has put from `frame` on is taken back.
    pub fn take_back(&mut self, frame: i64) {
        self.next_frame = self.next_frame.map(|n| n.min(frame));
    }

    /// Brings the decoder of this codec to the front; false where there is none.
    pub fn take_up(&mut self, spec: &Arc<CodecSpec>, stage: &mut Stage<'_>) -> bool {
        self.let_out(stage);
        if let Some(i) = self.decoders.iter().position(|(s, _)| s == spec) {
            self.decoders.swap(0, i);
            self.decoders[0].1.reset();
            return true;
        }
        let Ok(decoder) = Decoder::with(spec, stage.rate_hz, stage.decoders) else { return false };
        self.decoders.truncate(MAX_DECODERS - 1);
        self.decoders.insert(0, (Arc::clone(spec), decoder));
        true
    }

    /// Puts what the decoder in use still holds.
    fn let_out(&mut self, stage: &mut Stage<'_>) {
        let (Some((_, decoder)), Some(next)) = (self.decoders.first_mut(), self.next_frame) else { return };
        stage.pcm.clear();
        decoder.finish(stage.pcm);
        self.put(next, 0, Blend::Mix, stage);
        self.next_frame = Some(next + stage.pcm.len() as i64);
    }

    /// Puts a packet whose successors are decoded already. A decoder of its own
    /// keeps theirs undisturbed. What lies over those that took a shorter path gives way. False
    /// where any of it is missing.
    pub fn speak_late(
        &mut self,
        (frame, until): (i64, Option<i64>),
        spec: &CodecSpec,
        payload: &[u8],
        stage: &mut Stage<'_>,
    ) -> bool {
        stage.pcm.clear();
        let decoded =
            Decoder::with(spec, stage.rate_hz, stage.decoders).map(|mut d| d.decode(payload, stage.pcm));
        if !matches!(decoded, Ok(Ok(()))) {
            return false;
        }
        let room = until.map_or(usize::MAX, |until| until.saturating_sub(frame).max(0) as usize);
        let is_whole = stage.pcm.len() <= room;
        stage.pcm.truncate(room);
        let late = self.put(frame, 0, Blend::Replace, stage);
        self.late += u64::from(late || !is_whole);
        is_whole
    }

    /// Puts the next packet in order. False where it cannot be decoded.
    pub fn speak(&mut self, place: PlayPosition, payload: &[u8], stage: &mut Stage<'_>) -> bool {
        let rate_hz = stage.rate_hz;
        let Some((_, decoder)) = self.decoders.first_mut() else { return false };
        // A resampler holds some samples back: they lie before the packet's own.
        let off = self.next_frame.map(|next| place.frame - decoder.lag() as i64 - next);
        let joins = off.filter(|o| o.abs() <= i64::from(rate_hz / JOIN_PER_S) && !place.anew);
        let is_good = match joins {
            Some(_) => {
                stage.pcm.clear();
                decoder.decode(payload, stage.pcm).is_ok()
            }
            None => self.decode_apart(place, payload, stage),
        };
        if !is_good {
            return false;
        }
        if let (Some(off), Some((_, decoder))) = (joins, self.decoders.first()) {
            // A resampler rounds to a sample up or down.
            stretch(stage.pcm, if !decoder.converts() || off.abs() > 1 { off } else { 0 });
        }
        let (at, next) = match (joins, self.next_frame) {
            (Some(_), Some(next)) => (next, next),
            (_, next) => (place.frame, next.unwrap_or(place.frame)),
        };
        let len = stage.pcm.len() as i64;
        let overlap = (next - at).clamp(0, len) as usize;
        if stage.pcm[..overlap].iter().any(|s| s.unsigned_abs() > QUIET) {
            self.gave_way += overlap as u64;
        }
        let gave_way = len > 0 && overlap as i64 == len;
        let late = self.put(at, overlap, Blend::Mix, stage);
        self.late += u64::from(late || gave_way);
        self.next_frame = Some(next.max(at + len));
        true
    }

    /// Decodes a packet that does not follow the one before it, after putting what the decoder still holds
    /// of that and what stands for a loss; then comes silence. False where it cannot be decoded.
    fn decode_apart(&mut self, place: PlayPosition, payload: &[u8], stage: &mut Stage<'_>) -> bool {
        let Some((_, decoder)) = self.decoders.first_mut() else { return false };
        let mut own = Vec::new();
        let mut decoded = None;
        if let Some(next) = self.next_frame {
            stage.pcm.clear();
            decoder.finish(stage.pcm);
            let gap = (place.frame - next - stage.pcm.len() as i64).max(0) as usize;
            let most = (stage.rate_hz * CONCEAL_MS / 1000) as usize;
            if place.anew {
                decoder.reset();
            } else if place.after_loss && gap <= most {
                decoded = Some(decoder.decode_after_loss(gap, payload, stage.pcm, &mut own));
            } else if place.after_loss {
                decoder.conceal(most, stage.pcm);
            }
            self.put(next, 0, Blend::Mix, stage);
            self.next_frame = Some(next + stage.pcm.len() as i64);
        }
        let Some((_, decoder)) = self.decoders.first_mut() else { return false };
        let decoded = decoded.unwrap_or_else(|| decoder.decode(payload, &mut own));
        stage.pcm.clear();
        stage.pcm.append(&mut own);
        decoded.is_ok()
    }

    /// Puts samples, all but the first `skip`, on the timeline, or notes them as a patch
    /// where they are late. True if any were late.
    fn put(&mut self, frame: i64, skip: usize, blend: Blend, stage: &mut Stage<'_>) -> bool {
        let frame = frame.saturating_add(skip as i64);
        let samples = stage.pcm.get(skip..).unwrap_or_default();
        let before_answer = (-frame).clamp(0, samples.len() as i64) as usize;
        let samples = &samples[before_answer..];
        let frame = frame.max(0) as u64;
        let Some(late) = stage.timeline.put(stage.channel, frame, samples, blend) else {
            self.misplaced += 1;
            return false;
        };
        if !samples.is_empty() {
            let (from, until) = (frame as i64, frame as i64 + samples.len() as i64);
            self.spoken = Some(self.spoken.map_or((from, until), |(a, b)| (a.min(from), b.max(until))));
        }
        if late > 0 {
            stage.patches.push((frame, samples[..late].to_vec()));
        }
        late > 0
    }
}

/// Makes sound longer or shorter by so many samples, in the one place where what comes
/// after is most like what would have come.
fn stretch(pcm: &mut Vec<i16>, by: i64) {
    let n = by.unsigned_abs() as usize;
    let edge = pcm.len() / 8;
    if n == 0 || pcm.len() < 2 * edge + 2 * n + ALIKE {
        return;
    }
    let unlike = |at: &usize| -> u32 {
        let (a, b) = (&pcm[*at..*at + ALIKE], &pcm[*at + n..*at + n + ALIKE]);
        a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum()
    };
    let Some(at) = (edge..pcm.len() - edge - n - ALIKE).min_by_key(unlike) else { return };
    if by > 0 {
        let again: SmallVec<[i16; 128]> = pcm[at..at + n].into();
        pcm.splice(at..at, again);
    } else {
        pcm.drain(at..at + n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_is_stretched_where_it_repeats_itself() {
        let tone = |i: i32| ((f64::from(i) * std::f64::consts::TAU / 8.0).sin() * 9000.0) as i16;
        let sound: Vec<i16> =
            (0..160).map(|i| if i < 100 { (i * 331 % 977) as i16 } else { tone(i) }).collect();
        for by in [8, -8] {
            let mut pcm = sound.clone();
            stretch(&mut pcm, by);
            assert_eq!(pcm.len() as i64, 160 + by);
            assert_eq!(pcm[..100], sound[..100]);
            assert_eq!(pcm[pcm.len() - 20..], sound[140..]);
            let steps = pcm[100..].windows(2).map(|w| w[0].abs_diff(w[1])).max();
            assert!(steps < Some(7000), "{by}: a step of {steps:?}");
        }
        let mut pcm = vec![1; 20];
        stretch(&mut pcm, 8);
        assert_eq!(pcm.len(), 20, "too short");
    }

    /// Packets of 160 samples at these frames; what lies on the timeline.
    fn spoken(frames: &[i64]) -> (Voice, Vec<i16>) {
        let spec = Arc::new(CodecSpec::from_rtpmap(97, Some("L16"), Some(8000), None));
        let (mut voice, mut timeline) = (Voice::default(), Timeline::default());
        let (mut patches, mut pcm) = (Vec::new(), Vec::new());
        for (frame, n) in frames.iter().zip(1i16..) {
            let mut stage = Stage {
                rate_hz: 8000,
                channel: Channel::Customer,
                decoders: None,
                timeline: &mut timeline,
                patches: &mut patches,
                pcm: &mut pcm,
            };
            assert!(n > 1 || voice.take_up(&spec, &mut stage));
            let payload = (n * 1000).to_be_bytes().repeat(160);
            assert!(voice.speak(
                PlayPosition { frame: *frame, after_loss: false, anew: false },
                &payload,
                &mut stage
            ));
        }
        let mut out = Vec::new();
        timeline.drain(1200, &mut out);
        (voice, out.into_iter().step_by(2).collect())
    }

    #[test]
    fn overlapped_sound_gives_way_until_the_whole_move_is_made() {
        // After the second packet everything is 25 ms earlier.
        let (voice, out) = spoken(&[0, 160, 120, 280, 440]);
        assert_eq!(voice.gave_way(), 200);
        assert_eq!((out[319], out[320], out[439], out[440]), (2000, 4000, 4000, 5000));
    }

    #[test]
    fn small_differences_are_joined_and_made_up() {
        let (voice, out) = spoken(&[0, 161, 321, 480]);
        assert_eq!(voice.gave_way(), 0);
        let count = |v: i16| out.iter().filter(|s| **s == v * 1000).count();
        assert_eq!([1, 2, 3, 4].map(count), [160, 161, 160, 159]);
        assert!(out[..640].iter().all(|s| *s != 0));
    }
}
