//! One RTP source (SSRC) of one party: kept encoded, put in order, decoded when
//! its neighbours are known.
//!
//! RFC 3550 §5.1, §A.1. This module must not know of files or of the other party.

use super::Packet;
use super::clock::WireClock;
use super::timeline::{Blend, Timeline};
use crate::codec::formats::PayloadMap;
use crate::codec::telephone_event::KeyPresses;
use crate::codec::{Codec, CodecSpec, Decoder};
use crate::id::Channel;
use crate::rtp::packet::RtpPacket;
use crate::rtp::seq::{ExtendedTs, seq_diff};
use crate::rtp::stats::{Arrival, MAX_DROPOUT, StreamStats};
use smallvec::SmallVec;

/// Lost audio is concealed for at most this long, then silent.
const CONCEAL_MS: u32 = 60;
/// Bytes kept encoded for one source; what goes beyond is dropped and counted.
const MAX_PENDING_BYTES: usize = 512 * 1024;

/// Codecs of one source kept at hand.
const MAX_DECODERS: usize = 4;
/// Streams of one source; a source that moves more often than this shares the last.
const MAX_STREAMS: usize = 8;

#[derive(Clone, Copy, Debug)]
struct Pending {
    at_ns: i64,
    seq: u64,
    ts: i64,
    payload_type: u8,
    start: usize,
    len: usize,
}

/// What a source's audio did to the recording while it was played.
#[derive(Debug, Default)]
pub struct Played {
    /// Frames at which the codec changed, and to what.
    pub codec_changes: Vec<(i64, String)>,
    /// Frames at which a key was pressed.
    pub key_presses: Vec<i64>,
    /// Pieces for frames that are already written.
    pub patches: Vec<(u64, Vec<i16>)>,
}

/// One source.
#[derive(Debug)]
pub struct Source {
    ssrc: u32,
    rank: u8,
    /// One for each pair of addresses it was heard between: a stream of its own.
    streams: SmallVec<[(u32, StreamStats); 1]>,
    stamps: ExtendedTs,
    /// Highest place in the order of playing, and the sequence number that has it.
    order: Option<(u64, u16)>,
    stalled_ticks: i64,
    last: Option<(u64, i64, u8)>,
    pending: Vec<Pending>,
    bytes: Vec<u8>,
    clock: WireClock,
    /// One for each codec met, the one in use first.
    decoders: SmallVec<[(CodecSpec, Decoder); 1]>,
    codec_name: Option<String>,
    other_name: Option<String>,
    played_seq: Option<u64>,
    /// Where the next sample of a contiguous run goes.
    next_frame: i64,
    /// Where the next packet of a contiguous run begins by its timestamp.
    expected_frame: i64,
    keys: KeyPresses,
    undecodable: u64,
    unnamed: u64,
    late: u64,
    overflowed: u64,
}

impl Source {
    /// A source first heard now, on the signalling hop `rank` away from the agent.
    pub fn new(ssrc: u32, rank: u8, clock_hz: u32) -> Self {
        Source {
            ssrc,
            rank,
            streams: SmallVec::new(),
            stamps: ExtendedTs::new(),
            order: None,
            stalled_ticks: 0,
            last: None,
            pending: Vec::new(),
            bytes: Vec::new(),
            clock: WireClock::new(clock_hz, 8000),
            decoders: SmallVec::new(),
            codec_name: None,
            other_name: None,
            played_seq: None,
            next_frame: 0,
            expected_frame: 0,
            keys: KeyPresses::new(),
            undecodable: 0,
            unnamed: 0,
            late: 0,
            overflowed: 0,
        }
    }

    /// RFC 3550 synchronisation source.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Distance of the hop it was heard on from the agent.
    pub fn rank(&self) -> u8 {
        self.rank
    }

    /// Packets, losses and jitter of each of its streams.
    pub fn streams(&self) -> impl Iterator<Item = &StreamStats> {
        self.streams.iter().map(|(_, s)| s)
    }

    /// Encoding name of its first audio; of whatever else it carried where there was none.
    pub fn codec_name(&self) -> Option<&str> {
        self.codec_name.as_deref().or(self.other_name.as_deref())
    }

    /// Packets that came too late for their place.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Audio that could not be decoded or kept: the recording is not complete.
    pub fn lost_inside(&self) -> bool {
        self.undecodable > 0 || self.unnamed >= 50 || self.overflowed > 0
    }

    /// Holds packets that are not yet played.
    pub fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Holds a packet that arrived by then.
    pub fn has_arrived_by(&self, horizon_ns: i64) -> bool {
        self.pending.iter().any(|p| p.at_ns <= horizon_ns)
    }

    /// The codec of the audio that waits, for choosing the file's rate.
    pub fn waiting_spec<'a>(&self, formats: &'a PayloadMap) -> Option<&'a CodecSpec> {
        self.pending.iter().filter_map(|p| formats.get(p.payload_type)).find(|s| s.codec.is_audio())
    }

    /// Takes a packet that came `at_ns` after the answer.
    pub fn push(&mut self, packet: &Packet<'_>, at_ns: i64, rtp: &RtpPacket<'_>, formats: &PayloadMap) {
        let spec = formats.get(rtp.payload_type);
        let is_audio = spec.is_some_and(|s| s.codec.is_audio());
        if let Some(s) = spec.filter(|s| is_audio && s.rtp_clock_hz != self.clock.clock_hz()) {
            self.restart_clock(s.rtp_clock_hz);
        }
        let clock_hz = self.clock.clock_hz();
        let stats = stream_of(&mut self.streams, packet.flow, clock_hz);
        // All packets of one telephone event carry one timestamp.
        let is_event = spec.is_some_and(|s| s.codec == Codec::TelephoneEvent);
        let arrival = if is_event {
            stats.on_untimed_packet(rtp.seq)
        } else {
            stats.on_packet(rtp.seq, rtp.timestamp, packet.at)
        };
        if arrival == Arrival::Duplicate {
            return;
        }
        let seq = self.in_order(rtp.seq);
        let raw = self.stamps.extend(rtp.timestamp) as i64;
        let ts = self.thaw(seq, raw, rtp, spec.filter(|_| is_audio));
        if self.bytes.len() + rtp.payload.len() > MAX_PENDING_BYTES {
            self.overflowed += 1;
            return;
        }
        if is_audio {
            self.clock.note(at_ns, ts);
        }
        let (start, len) = (self.bytes.len(), rtp.payload.len());
        self.bytes.extend_from_slice(rtp.payload);
        self.pending.push(Pending { at_ns, seq, ts, payload_type: rtp.payload_type, start, len });
    }

    /// Plays what arrived up to `horizon_ns` into the timeline.
    pub fn play(
        &mut self,
        horizon_ns: i64,
        rate_hz: u32,
        channel: Channel,
        formats: &PayloadMap,
        timeline: &mut Timeline,
        played: &mut Played,
    ) {
        let mut ready = self.take_ready(horizon_ns);
        ready.sort_by_key(|p| p.seq);
        // One source heard on two flows at once: the first copy is enough.
        ready.dedup_by_key(|p| p.seq);
        let first_audio =
            ready.iter().find(|p| formats.get(p.payload_type).is_some_and(|s| s.codec.is_audio()));
        if let Some(p) = first_audio {
            self.clock.settle(p.at_ns, p.ts);
        }
        let mut pcm = Vec::new();
        for p in &ready {
            self.play_one(p, rate_hz, channel, formats, timeline, played, &mut pcm);
        }
        self.compact();
    }

    /// Sets the rate of the file; before it nothing can be placed.
    pub fn set_rate(&mut self, rate_hz: u32) {
        self.clock.set_rate(rate_hz);
    }

    #[allow(clippy::too_many_arguments)] // the seams of one loop body, private to it
    fn play_one(
        &mut self,
        p: &Pending,
        rate_hz: u32,
        channel: Channel,
        formats: &PayloadMap,
        timeline: &mut Timeline,
        played: &mut Played,
        pcm: &mut Vec<i16>,
    ) {
        let payload = &self.bytes[p.start..p.start + p.len];
        let Some(spec) = formats.get(p.payload_type) else {
            self.unnamed += 1;
            self.advance(p.seq);
            return;
        };
        if !spec.codec.is_audio() {
            self.other_name.get_or_insert_with(|| spec.name.clone());
        }
        match spec.codec {
            Codec::TelephoneEvent => {
                if self.keys.on_packet(self.ssrc, p.ts as u32, payload) {
                    let frame = p.at_ns.max(0) as i128 * i128::from(rate_hz) / 1_000_000_000;
                    played.key_presses.push(frame as i64);
                }
                return self.advance(p.seq);
            }
            Codec::ComfortNoise => return self.advance(p.seq),
            _ => {}
        }
        let named = self.codec_name.get_or_insert_with(|| spec.name.clone());
        if formats.encrypted || spec.codec == Codec::Undecodable {
            self.undecodable += 1;
            return self.advance(p.seq);
        }
        let frame = self.clock.place(p.at_ns, p.ts);
        if self.decoders.first().is_none_or(|(s, _)| s != spec) {
            if !self.decoders.is_empty() || *named != spec.name {
                played.codec_changes.push((frame, spec.name.clone()));
            }
            if !self.take_up(spec, rate_hz) {
                self.undecodable += 1;
                return self.advance(p.seq);
            }
        }
        self.decode_at(frame, p, rate_hz, spec, channel, timeline, played, pcm);
    }

    #[allow(clippy::too_many_arguments)] // as above
    fn decode_at(
        &mut self,
        frame: i64,
        p: &Pending,
        rate_hz: u32,
        spec: &CodecSpec,
        channel: Channel,
        timeline: &mut Timeline,
        played: &mut Played,
        pcm: &mut Vec<i16>,
    ) {
        let is_late = self.played_seq.is_some_and(|s| p.seq <= s);
        let payload = &self.bytes[p.start..p.start + p.len];
        pcm.clear();
        if is_late {
            // Its successors are decoded: a decoder of its own keeps theirs undisturbed.
            let decoded = Decoder::new(spec, rate_hz).map(|mut d| d.decode(payload, pcm));
            if matches!(decoded, Ok(Ok(()))) {
                self.late += u64::from(put(timeline, played, channel, frame, pcm, Blend::Replace));
            }
            return;
        }
        let Some((_, decoder)) = self.decoders.first_mut() else { return };
        // A resampler gives out a few samples more or less than went in; its packets still follow one another.
        let slack =
            if spec.native_rate_hz() == rate_hz || spec.codec == Codec::Opus { 0 } else { rate_hz / 500 };
        let follows = (frame - self.expected_frame).abs() <= i64::from(slack);
        let lost = self.played_seq.is_some_and(|s| p.seq > s + 1);
        if self.played_seq.is_none() {
            self.next_frame = frame;
        } else if !follows {
            // What the decoder still holds, then what stands for the loss, then silence.
            decoder.finish(pcm);
            let gap = (frame - self.next_frame - pcm.len() as i64).max(0);
            if lost {
                decoder.conceal(gap.min(i64::from(rate_hz * CONCEAL_MS / 1000)) as usize, pcm);
            } else if gap > i64::from(rate_hz / 5) {
                decoder.reset();
            }
            put(timeline, played, channel, self.next_frame, pcm, Blend::Mix);
            self.next_frame += pcm.len() as i64;
            pcm.clear();
        }
        let nominal = decoder.samples_in(payload) as i64;
        if decoder.decode(payload, pcm).is_err() {
            self.undecodable += 1;
            return self.advance(p.seq);
        }
        // Audio that would overlap its own predecessor gives way by as much.
        let at = if follows && self.played_seq.is_some() { self.next_frame } else { frame };
        let overlap = (self.next_frame - at).clamp(0, pcm.len() as i64);
        let late = put(timeline, played, channel, at + overlap, &pcm[overlap as usize..], Blend::Mix);
        self.late += u64::from(late);
        self.next_frame = self.next_frame.max(at + pcm.len() as i64);
        self.expected_frame = frame + nominal;
        self.advance(p.seq);
    }

    /// Brings the decoder of this codec to the front; false where there is none.
    fn take_up(&mut self, spec: &CodecSpec, rate_hz: u32) -> bool {
        if let Some(i) = self.decoders.iter().position(|(s, _)| s == spec) {
            self.decoders.swap(0, i);
            self.decoders[0].1.reset();
            return true;
        }
        let Ok(decoder) = Decoder::new(spec, rate_hz) else { return false };
        self.decoders.truncate(MAX_DECODERS - 1);
        self.decoders.insert(0, (spec.clone(), decoder));
        true
    }

    fn advance(&mut self, seq: u64) {
        self.played_seq = Some(self.played_seq.map_or(seq, |s| s.max(seq)));
    }

    /// The place of a sequence number in the order of playing. A source that
    /// starts again elsewhere follows on from where it was.
    fn in_order(&mut self, seq: u16) -> u64 {
        let Some((highest, wire)) = self.order else {
            self.order = Some((1 << 32, seq));
            return 1 << 32;
        };
        let step = i64::from(seq_diff(seq, wire));
        let place = if step.abs() > MAX_DROPOUT { highest + 1 } else { highest.saturating_add_signed(step) };
        if place > highest {
            self.order = Some((place, seq));
        }
        place
    }

    /// A sender whose timestamps stand still while its packets go on: each
    /// follows the one before.
    fn thaw(&mut self, seq: u64, raw: i64, rtp: &RtpPacket<'_>, audio: Option<&CodecSpec>) -> i64 {
        if let (Some((last_seq, last_raw, last_pt)), Some(spec)) = (self.last, audio)
            && seq == last_seq + 1
            && raw == last_raw
            && rtp.payload_type == last_pt
        {
            self.stalled_ticks += i64::from(spec.rtp_ticks(rtp.payload));
        }
        if self.last.is_none_or(|(s, ..)| seq > s) {
            self.last = Some((seq, raw, rtp.payload_type));
        }
        raw + self.stalled_ticks
    }

    fn restart_clock(&mut self, clock_hz: u32) {
        self.clock = WireClock::new(clock_hz, self.clock.rate_hz());
        self.streams.iter_mut().for_each(|(_, s)| s.set_clock(clock_hz));
    }

    fn take_ready(&mut self, horizon_ns: i64) -> SmallVec<[Pending; 32]> {
        let mut ready = SmallVec::new();
        self.pending.retain(|p| {
            let is_ready = p.at_ns <= horizon_ns;
            if is_ready {
                ready.push(*p);
            }
            !is_ready
        });
        ready
    }

    /// Moves the bytes of what is still pending to the front.
    fn compact(&mut self) {
        let mut kept = 0;
        for p in &mut self.pending {
            // Never forwards: pending packets lie in the order they came.
            self.bytes.copy_within(p.start..p.start + p.len, kept);
            p.start = kept;
            kept += p.len;
        }
        self.bytes.truncate(kept);
    }
}

/// The statistics of the stream between this pair of addresses.
fn stream_of(streams: &mut SmallVec<[(u32, StreamStats); 1]>, flow: u32, clock_hz: u32) -> &mut StreamStats {
    let known = streams.iter().position(|(f, _)| *f == flow);
    let i = known.unwrap_or_else(|| {
        if streams.len() < MAX_STREAMS {
            streams.push((flow, StreamStats::new(clock_hz)));
        }
        streams.len() - 1
    });
    &mut streams[i].1
}

/// Puts samples on the timeline, or notes them as a patch where they are late.
/// True if any were late.
fn put(
    timeline: &mut Timeline,
    played: &mut Played,
    channel: Channel,
    frame: i64,
    samples: &[i16],
    blend: Blend,
) -> bool {
    let before_answer = (-frame).clamp(0, samples.len() as i64) as usize;
    let samples = &samples[before_answer..];
    let frame = frame.max(0) as u64;
    let late = timeline.put(channel, frame, samples, blend);
    if late > 0 {
        played.patches.push((frame, samples[..late].to_vec()));
    }
    late > 0
}
