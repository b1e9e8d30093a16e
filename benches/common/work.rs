//! The pieces of work that are measured, each ready to be run again and again.
//!
//! Frames stand in memory, so that a pass costs what the recorder costs and
//! nothing for making or reading them. Must not know who measures: `core` runs
//! these under divan, `whole` under a stopwatch.

use super::generate::{self, BODY_AT, Codec, Generator, Party, Plan};
use nauhuri::call::Decision;
use nauhuri::codec::CodecSpec;
use nauhuri::codec::formats::PayloadMap;
use nauhuri::codec::g711::Law;
use nauhuri::config::Config;
use nauhuri::engine::{Engine, MediaPacket, Sink};
use nauhuri::id::Channel;
use nauhuri::rtp::packet::RtpPacket;
use nauhuri::rtp::standing::Standing;
use nauhuri::sdp;
use nauhuri::sip::Message;
use nauhuri::store::layout::RecordingName;
use nauhuri::store::sidecar::Sidecar;
use nauhuri::store::wav::{WavEncoding, WavSpec};
use nauhuri::store::writer::{RecordingWriter, WriterOptions};
use nauhuri::tape::{Deck, Packet, Tape};
use nauhuri::time::Timestamp;
use nauhuri::wire::{Frame, LinkType};
use std::path::Path;

/// Frames of a plan, one after the other.
pub struct Frames {
    bytes: Vec<u8>,
    index: Vec<(Timestamp, usize, usize)>,
}

impl Frames {
    /// All frames of `plan` that `keep` lets through.
    pub fn of(plan: Plan, keep: impl Fn(&[u8]) -> bool) -> Frames {
        let (mut generator, mut frame) = (Generator::new(plan), Vec::new());
        let (mut bytes, mut index) = (Vec::new(), Vec::new());
        while let Some(at) = generator.next_frame(&mut frame) {
            if keep(&frame) {
                index.push((Timestamp::from_ns(at as i64), bytes.len(), frame.len()));
                bytes.extend_from_slice(&frame);
            }
        }
        Frames { bytes, index }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    fn iter(&self) -> impl Iterator<Item = Frame<'_>> {
        self.index.iter().map(|&(ts, at, len)| Frame {
            ts,
            link: LinkType::Ethernet,
            data: &self.bytes[at..at + len],
            wire_len: len as u32,
        })
    }
}

/// RTP and not SIP, by its first octet.
pub fn is_rtp(frame: &[u8]) -> bool {
    frame.get(BODY_AT).is_some_and(|b| b & 0xC0 == 0x80)
}

/// Takes what the engine gives out and only counts it.
#[derive(Default)]
pub struct Counting {
    /// Recordings that began.
    pub opened: u64,
    /// Media packets of recordings.
    pub media: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Sink for Counting {
    fn decision(&mut self, decision: Decision) {
        self.opened += u64::from(matches!(decision, Decision::Open(_)));
    }

    fn media(&mut self, packet: MediaPacket<'_>) {
        self.media += 1;
        self.bytes += packet.packet.heard.whole.len() as u64;
    }

    fn tick(&mut self, _now: Timestamp) {}
}

/// Runs frames through an engine of their own.
pub fn engine(config: &Config, frames: &Frames) -> Counting {
    let (mut engine, mut sink) = (Engine::new(config), Counting::default());
    for frame in frames.iter() {
        engine.handle_frame(&frame, &mut sink);
    }
    sink
}

/// Takes samples and only counts them.
#[derive(Default)]
pub struct Silent {
    frames: u64,
}

impl Deck for Silent {
    fn start(&mut self, _rate_hz: u32, _law: Option<Law>) {}

    fn append(&mut self, frames: &[i16]) {
        self.frames += frames.len() as u64 / 2;
    }

    fn patch(&mut self, _frame: u64, _channel: Channel, _samples: &[i16]) {}

    fn truncate(&mut self, frames: u64) {
        self.frames = self.frames.min(frames);
    }
}

/// Plays `calls` tapes at once from the RTP packets of a plan with as many calls.
pub fn tapes(plan: Plan, frames: &Frames) -> u64 {
    let spec = |pt| PayloadMap::new([(pt, CodecSpec::from_rtpmap(pt, None, None, None))], false);
    let formats = spec(plan.codec.payload_type());
    let begin = frames.index.first().map_or(Timestamp::EPOCH, |f| f.0);
    let mut decks: Vec<Silent> = (0..plan.calls).map(|_| Silent::default()).collect();
    let mut tapes: Vec<Tape> = (0..plan.calls)
        .map(|_| {
            let mut tape = Tape::new(begin);
            tape.set_formats(Channel::Customer, 0, &formats);
            tape.set_formats(Channel::Agent, 0, &formats);
            tape
        })
        .collect();
    let mut last = begin;
    for frame in frames.iter() {
        let rtp = &frame.data[BODY_AT..];
        let ssrc = u32::from_be_bytes([rtp[8], rtp[9], rtp[10], rtp[11]]);
        let call = (ssrc & 0x3FFF_FFFF) >> 1;
        let channel =
            if ssrc == generate::ssrc(call, Party::Agent) { Channel::Agent } else { Channel::Customer };
        let Ok(heard) = RtpPacket::parse(rtp) else { continue };
        let packet = Packet {
            channel,
            rank: 0,
            standing: Standing::Claimed,
            flow: ssrc,
            at: frame.ts,
            heard,
            is_opened: false,
        };
        tapes[call as usize].push(packet, &mut decks[call as usize]);
        last = frame.ts;
    }
    for (tape, deck) in tapes.into_iter().zip(&mut decks) {
        tape.close(last, deck);
    }
    decks.iter().map(|d| d.frames).sum()
}

/// The INVITE with SDP that the generator writes.
pub fn invite() -> Vec<u8> {
    let mut frame = Vec::new();
    Generator::new(Plan { calls: 1, ..Plan::default() }).next_frame(&mut frame);
    frame.split_off(BODY_AT)
}

/// Reads an INVITE and its session description; how many media it offers.
pub fn parse(message: &[u8]) -> usize {
    let Ok((message, _)) = Message::parse(message) else { return 0 };
    message.sdp().map(sdp::parse).map_or(0, |s| s.media.len())
}

/// Opens, writes and closes a recording of `seconds` in `root`; `n` makes its name.
pub fn store(root: &Path, n: u64, seconds: usize, sync: bool) -> Option<Sidecar> {
    let answered_at = Timestamp::from_parts(1_795_000_000, 0);
    let id = nauhuri::id::derived_uuid(answered_at, &[&n.to_le_bytes()]);
    let name = RecordingName::new(answered_at, Some("2001"), Some("+35840000xxxx"), id);
    let sidecar = serde_json::from_str(include_str!("../../src/store/writer/answered.json")).ok()?;
    let sidecar = Sidecar { id, ..sidecar };
    let spec = WavSpec { rate: 8000, encoding: WavEncoding::PcmS16le };
    let options = WriterOptions { sync, ..WriterOptions::default() };
    let mut writer = RecordingWriter::open(root, &name, spec, sidecar.clone(), &options).ok()?;
    let block = vec![0x55u8; 32_000];
    for _ in 0..seconds {
        writer.append(&block).ok()?;
    }
    writer.close(sidecar).ok()
}

/// A load of `calls` calls that all run at once.
pub fn plan(calls: u32, seconds: u32, codec: Codec) -> Plan {
    Plan { calls, seconds, codec, ..Plan::default() }.all_at_once()
}
