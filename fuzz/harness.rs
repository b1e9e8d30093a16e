//! What the fuzz targets do with a stranger's bytes, and what must hold whatever
//! they are. `cargo test` runs the same from seeds.

// Every target uses one of these.
#![allow(dead_code)]

use nauhuri::call::{Decision, Ending};
use nauhuri::codec::CodecSpec;
use nauhuri::codec::formats::PayloadMap;
use nauhuri::codec::g711::Law;
use nauhuri::config::{Config, TunnelRule};
use nauhuri::engine::{Engine, MediaPacket, Sink};
use nauhuri::id::Channel;
use nauhuri::rtp::packet::RtpPacket;
use nauhuri::rtp::standing::Standing;
use nauhuri::sdp::{self, Carrier, MessageStep, OfferAnswer, Side};
use nauhuri::sip::{Framer, Message};
use nauhuri::tape::{Deck, Packet, Tape};
use nauhuri::time::{NS_PER_MS, Timestamp};
use nauhuri::wire::{Frame, LinkType};

/// Recordings opened less those closed.
#[derive(Default)]
struct Open(i64);

impl Sink for Open {
    fn decision(&mut self, decision: Decision) {
        match decision {
            Decision::Open(_) => self.0 += 1,
            Decision::Close { .. } | Decision::Discard { .. } => self.0 -= 1,
            _ => {}
        }
    }
    fn media(&mut self, _: MediaPacket<'_>) {}
    fn tick(&mut self, _: Timestamp) {}
}

/// Frames: a byte of link type and time, two of length, then the frame, again and again.
pub fn frames(data: &[u8]) {
    const LINKS: [u16; 6] = [1, 113, 276, 101, 0, 147];
    let mut config = Config::default();
    config.capture.tunnels = vec![TunnelRule::ANY];
    (config.limits.calls, config.limits.recordings) = (64, 16);
    let mut engine = Engine::new(&config);
    let mut open = Open::default();
    let mut rest = data;
    let mut at = Timestamp::from_parts(1_700_000_000, 0);
    while let [kind, high, low, after @ ..] = rest {
        let n = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        at = at.offset_ns((i64::from(*kind >> 3) - 4) * 5 * NS_PER_MS);
        let link = LinkType::from_dlt(LINKS[usize::from(*kind & 7) % LINKS.len()]);
        let frame = Frame { ts: at, link, data: &after[..n], wire_len: n as u32 };
        engine.handle_frame(&frame, &mut open);
        rest = &after[n..];
    }
    let stats = engine.stats();
    assert!(stats.calls <= 64 && stats.recordings <= 16);
    engine.finish(Ending::CaptureEnd, &mut open);
    assert_eq!(open.0, 0, "what was opened is closed");
}

/// A SIP message, whole and through the cutter of TCP streams in pieces.
pub fn sip(data: &[u8]) {
    if let Ok((m, used)) = Message::parse(data) {
        assert!(used <= data.len());
        let _ = (m.call_id(), m.cseq(), m.from(), m.to(), m.privacy(), m.rpid_withheld(), m.via_count());
        let _ = (m.request_uri(), m.refer_to(), m.refer_to_replaces(), m.replaces(), m.sipfrag_status());
        let _ = (m.asserted_identities().count(), m.remote_party_ids().count(), m.diversions().count());
        let _ = (m.history_info().count(), m.referred_by().count(), m.session_id(), m.dtmf_info());
        let _ = m.sdp().map(sdp::parse);
    }
    let mut framer = Framer::new(4096);
    for piece in data.chunks(1 + data.first().map_or(7, |b| usize::from(*b))) {
        framer.push(piece);
        while let Some(message) = framer.next_message() {
            let _ = Message::parse(message);
        }
        assert!(framer.buffered() <= 4096 + 256);
    }
    framer.gap();
}

/// Descriptions parted by NUL, offered and answered in turn.
pub fn sdp(data: &[u8]) {
    let mut exchange = OfferAnswer::new();
    for (i, body) in data.split(|b| *b == 0).take(16).enumerate() {
        let session = std::sync::Arc::new(sdp::parse(body));
        let (cseq, side) = (1 + i as u32 / 2, if i % 4 < 2 { Side::Caller } else { Side::Callee });
        let step = if i % 2 == 0 { MessageStep::Request } else { MessageStep::Response(200) };
        let sender = if i % 2 == 0 { side } else { side.other() };
        exchange.handle(sender, Carrier::Invite, cseq, step, Some(&session));
        let _ = (exchange.on_hold(), exchange.current_audio(Side::Caller).map(|m| m.endpoint()));
    }
}

/// Counts frames.
#[derive(Default)]
struct Count(u64);

impl Deck for Count {
    fn start(&mut self, rate_hz: u32, _: Option<Law>) {
        assert!([8000, 16_000, 48_000].contains(&rate_hz));
    }
    fn append(&mut self, frames: &[i16]) {
        assert_eq!(frames.len() % 2, 0);
        self.0 += frames.len() as u64 / 2;
    }
    fn patch(&mut self, frame: u64, _: Channel, samples: &[i16]) {
        assert!(frame + samples.len() as u64 <= self.0, "patches lie in what is written");
    }
    fn truncate(&mut self, frames: u64) {
        self.0 = self.0.min(frames);
    }
}

/// RTP packets on one tape: a byte of channel and time, one of length, then the packet.
pub fn rtp(data: &[u8]) {
    let spec = |pt: u8, name: &str, hz, ch| (pt, CodecSpec::from_rtpmap(pt, Some(name), Some(hz), Some(ch)));
    let formats = [
        spec(0, "PCMU", 8000, 1),
        spec(8, "PCMA", 8000, 1),
        spec(9, "G722", 8000, 1),
        spec(13, "CN", 8000, 1),
        spec(18, "G729", 8000, 1),
        spec(97, "L16", 8000, 1),
        spec(98, "L16", 44_100, 2),
        spec(101, "telephone-event", 8000, 1),
        spec(111, "opus", 48_000, 2),
    ];
    let answered = Timestamp::from_parts(1_700_000_000, 0);
    let mut tape = Tape::new(answered);
    for channel in [Channel::Customer, Channel::Agent] {
        tape.set_formats(channel, 0, &PayloadMap::new(formats.clone(), false));
    }
    let mut deck = Count::default();
    let (mut at, mut rest) = (answered, data);
    while let [kind, n, after @ ..] = rest {
        let n = usize::from(*n).min(after.len());
        at = at.offset_ns((i64::from(*kind >> 2) - 8) * 2 * NS_PER_MS);
        let channel = if kind & 1 == 0 { Channel::Customer } else { Channel::Agent };
        if let Ok(heard) = RtpPacket::parse(&after[..n]) {
            let packet =
                Packet { channel, rank: kind >> 1 & 1, standing: Standing::Claimed, flow: 0, at, heard };
            tape.push(packet, &mut deck);
        }
        rest = &after[n..];
    }
    let report = tape.close(at, &mut deck);
    assert_eq!(report.frames, deck.0);
}
