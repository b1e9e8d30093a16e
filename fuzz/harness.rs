//! What the fuzz targets do with a stranger's bytes, and what must hold whatever
//! they are. `cargo test` runs the same from seeds.

// Every target uses one of these.
#![allow(dead_code)]

#[path = "recording_clients.rs"]
mod recording_clients;
#[path = "tls_connections.rs"]
mod tls_connections;

pub use recording_clients::siprec;
pub use tls_connections::tls;

use nauhuri::call::{Decision, Ending, Opening};
use nauhuri::codec::CodecSpec;
use nauhuri::codec::formats::PayloadMap;
use nauhuri::codec::g711::Law;
use nauhuri::config::{Config, TunnelRule};
use nauhuri::engine::{Engine, MediaPacket, Sink};
use nauhuri::id::{Channel, RecordingId};
use nauhuri::net::hep_reader::HepReader;
use nauhuri::net::sctp::SctpMessages;
use nauhuri::net::{Datagram, Flow, Transport};
use nauhuri::rtp::packet::RtpPacket;
use nauhuri::rtp::srtp::{SUITES, SrtpKey};
use nauhuri::rtp::standing::Standing;
use nauhuri::sdp::{self, Carrier, MessageStep, OfferAnswer, Side};
use nauhuri::sip::stream_framer::StreamFramer;
use nauhuri::sip::{Framer, Message};
use nauhuri::tape::{Deck, Packet, Tape};
use nauhuri::time::{NS_PER_MS, Timestamp};
use nauhuri::wire::hep;
use nauhuri::wire::link::Vlan;
use nauhuri::wire::{Frame, LinkType};
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

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

/// Payloads of codecs whose frames are decoded elsewhere: an octet of codec, then the payload.
pub fn payloads(data: &[u8]) {
    const CODECS: [(&str, u32, &str); 9] = [
        ("AMR", 8000, ""),
        ("AMR", 8000, "octet-align=1"),
        ("AMR", 8000, "crc=1"),
        ("AMR-WB", 16_000, ""),
        ("AMR-WB", 16_000, "octet-align=1"),
        ("G729", 8000, ""),
        ("iLBC", 8000, "mode=20"),
        ("G723", 8000, ""),
        ("speex", 16_000, ""),
    ];
    let [kind, payload @ ..] = data else { return };
    let (name, clock, fmtp) = CODECS[usize::from(*kind) % CODECS.len()];
    let spec = CodecSpec::from_rtpmap(97, Some(name), Some(clock), None).with_fmtp(Some(fmtp));
    let Some(foreign) = spec.def.foreign else { return };
    let Some(frames) = (foreign.take_apart)(&spec, payload) else { return };
    let coded: usize = frames.iter().flatten().map(<[u8]>::len).sum();
    // A header octet or the bits of an end are added to each frame, and no more.
    assert!(frames.count() > 0 && coded <= payload.len() + 2 * frames.count());
    assert!(frames.iter().flatten().all(|f| !f.is_empty()));
    assert_eq!(spec.native_samples_in(payload), frames.count() * frames.codec.frame_samples());
    let copies = nauhuri::codec::red::copies(payload).map(|c| c.payload.len()).sum::<usize>();
    assert!(copies <= payload.len());
}

/// RTP packets on one tape: a byte of channel and time, one of length, then the packet.
pub fn rtp(data: &[u8]) {
    let spec = |pt: u8, name: &str, hz, ch| (pt, CodecSpec::from_rtpmap(pt, Some(name), Some(hz), Some(ch)));
    let formats = [
        spec(0, "PCMU", 8000, 1),
        spec(3, "GSM", 8000, 1),
        spec(8, "PCMA", 8000, 1),
        spec(9, "G722", 8000, 1),
        spec(13, "CN", 8000, 1),
        spec(18, "G729", 8000, 1),
        spec(97, "L16", 8000, 1),
        spec(98, "L16", 44_100, 2),
        spec(99, "G726-24", 8000, 1),
        spec(100, "AAL2-G726-40", 8000, 1),
        spec(101, "telephone-event", 8000, 1),
        spec(110, "red", 8000, 1),
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
            let packet = Packet {
                channel,
                rank: kind >> 1 & 1,
                standing: Standing::Claimed,
                flow: 0,
                at,
                heard,
                is_opened: false,
            };
            tape.push(packet, &mut deck);
        }
        rest = &after[n..];
    }
    let report = tape.close(at, &mut deck);
    assert_eq!(report.frames, deck.0);
}

/// A packet for the keys of every suite: a byte of how often its number has wrapped round, then the
/// packet. What opens is an RTP packet of the same header.
pub fn srtp(data: &[u8]) {
    let Some((roc, packet)) = data.split_first() else { return };
    let mut clear = Vec::new();
    for suite in SUITES {
        let keys = [28, 30, 44, 46]
            .iter()
            .filter_map(|n| SrtpKey::new(suite, &[7; 46][..*n], &[9][..packet.len() % 2]));
        for key in keys {
            if key.open(packet, (*roc).into(), &mut clear) {
                assert!(clear.len() < packet.len() && clear[..12] == packet[..12]);
            }
        }
    }
}

/// Calls that a target plays at once.
const CALLS: usize = 4;

/// A party of a call of [`engine`]: it has a socket of its own on the wire, and may name a private
/// address behind it.
#[derive(Clone, Copy)]
struct Party {
    /// Where its packets come from and go to.
    real: SocketAddr,
    /// What its description names.
    named: SocketAddr,
}

/// One call.
struct Played {
    parties: [Party; 2],
    seq: [u16; 2],
    is_invited: bool,
    is_over: bool,
}

/// Who may be heard by which recording: the SSRC of a packet names the call and the side.
#[derive(Default)]
struct Listener {
    open: i64,
    call_of: HashMap<RecordingId, String>,
    /// Recording, channel and source: what was given and has not been given back.
    heard: HashSet<(RecordingId, usize, u32)>,
}

impl Sink for Listener {
    fn decision(&mut self, decision: Decision) {
        match decision {
            Decision::Open(o) => {
                self.open += 1;
                let Opening { id, call_id, .. } = *o;
                self.call_of.insert(id, call_id);
            }
            Decision::Close { .. } | Decision::Discard { .. } => self.open -= 1,
            Decision::Disowned(d) => {
                self.heard.remove(&(d.recording, d.channel as usize, d.ssrc));
            }
            _ => {}
        }
    }
    fn media(&mut self, m: MediaPacket<'_>) {
        self.heard.insert((m.recording, m.packet.channel as usize, m.packet.heard.ssrc));
    }
    fn tick(&mut self, _: Timestamp) {}
}

impl Listener {
    /// No recording has heard a party of another call.
    fn is_clean(&self) {
        for (recording, _, ssrc) in &self.heard {
            let (call, of) = (self.call_of.get(recording), format!("call-{}", ssrc >> 8));
            assert_eq!(call, Some(&of), "a recording has heard another call");
        }
    }
}

impl Played {
    /// Call `n`; the bits of `kind` say whether each party is behind a NAT, and whether that keeps ports.
    fn new(n: usize, kind: u8) -> Played {
        let party = |side: usize| {
            let host = IpAddr::from([198, 51, 100, if side == 0 { 1 } else { 2 } + (kind & 1) * 4]);
            let port = 20_000 + 2 * n as u16;
            let [is_hidden, keeps_port] = [kind >> (1 + side) & 1 == 1, kind >> (3 + side) & 1 == 1];
            let private = IpAddr::from([10, 0, 0, 1 + side as u8]);
            let real = SocketAddr::new(host, if is_hidden && !keeps_port { port + 20_000 } else { port });
            let named = SocketAddr::new(if is_hidden { private } else { host }, port);
            Party { real, named }
        };
        Played { parties: [party(0), party(1)], seq: [100, 200], is_invited: false, is_over: false }
    }

    fn description(&self, side: usize) -> String {
        let at = self.parties[side].named;
        format!(
            "v=0\r\no=- {port} {port} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n",
            ip = at.ip(),
            port = at.port()
        )
    }

    fn message(n: usize, start: &str, cseq: &str, body: &str) -> String {
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let to_tag = if start.starts_with("INVITE") { "" } else { ";tag=t" };
        format!(
            "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{n}{cseq}\r\nFrom: <sip:a@h>;tag=f\r\n\
             To: <sip:b@h>{to_tag}\r\nCall-ID: call-{n}\r\nCSeq: {cseq}\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

/// Calls as a structure: three bytes a step, which say what happens, to which call, and how much later.
/// However they cross, no call hears another, and what is kept is bounded. Gives how many sources were heard.
pub fn engine(data: &[u8]) -> usize {
    let mut config = Config::default();
    (config.limits.calls, config.limits.recordings) = (64, 16);
    let mut engine = Engine::new(&config);
    let mut listener = Listener::default();
    let mut at = Timestamp::from_parts(1_700_000_000, 0);
    let kinds = data.iter().copied().chain(std::iter::repeat(0));
    let mut calls: Vec<Played> = (0..CALLS).zip(kinds).map(|(n, kind)| Played::new(n, kind)).collect();
    for step in data.get(CALLS..).unwrap_or_default().chunks_exact(3).take(400) {
        let (what, n, side) = (step[0] % 12, usize::from(step[1]) % CALLS, usize::from(step[1] >> 4 & 1));
        at = at.offset_ns(i64::from(step[2]) * 4 * NS_PER_MS);
        let call = &mut calls[n];
        let sip = |side: usize| SocketAddr::new(call.parties[side].real.ip(), 5060);
        let mut text = String::new();
        let (mut src, mut dst) = (sip(0), sip(1));
        let mut payload = Vec::new();
        match what {
            0 => {
                call.is_invited = true;
                text = Played::message(n, "INVITE sip:b@h SIP/2.0", "1 INVITE", &call.description(0));
            }
            1 => {
                text = Played::message(n, "SIP/2.0 200 OK", "1 INVITE", &call.description(1));
                (src, dst) = (dst, src);
            }
            2 => text = Played::message(n, "ACK sip:b@h SIP/2.0", "1 ACK", ""),
            3 => {
                call.is_over = true;
                text = Played::message(n, "BYE sip:b@h SIP/2.0", "9 BYE", "");
            }
            4 => {
                text = Played::message(n, "SIP/2.0 200 OK", "9 BYE", "");
                (src, dst) = (dst, src);
            }
            // What nobody has told of yet, or begins when its call is over, could be any call's between
            // its hosts.
            _ if !call.is_invited || call.is_over && call.seq[side] == [100, 200][side] => continue,
            _ => {
                call.seq[side] = call.seq[side].wrapping_add(1);
                let ssrc = (n as u32) << 8 | side as u32;
                payload.extend([0x80, 8]);
                payload.extend(call.seq[side].to_be_bytes());
                payload.extend((u32::from(call.seq[side]) * 160).to_be_bytes());
                payload.extend(ssrc.to_be_bytes());
                payload.extend([0x55 + n as u8; 160]);
                (src, dst) = (call.parties[side].real, call.parties[1 - side].real);
            }
        }
        let payload = if text.is_empty() { &payload[..] } else { text.as_bytes() };
        let flow = Flow { src, dst, vlan: Vlan::NONE };
        let transport = Transport::Udp;
        let datagram = Datagram { ts: at, flow, transport, payload, truncated: false, sliced: false };
        engine.handle_datagram(&datagram, &mut listener);
    }
    let stats = engine.stats();
    assert!(stats.calls <= 64 && stats.recordings <= 16);
    engine.finish(Ending::CaptureEnd, &mut listener);
    assert_eq!(listener.open, 0, "what was opened is closed");
    listener.is_clean();
    listener.heard.len()
}

/// A packet of HEP: what is read of it came in it, now, and was captured no later.
pub fn hep(data: &[u8]) {
    let now = Timestamp::from_parts(1_800_000_000, 0);
    let peer = IpAddr::from([192, 0, 2, 1]);
    let mut reader = HepReader::default();
    for password in [None, Some(&b"sesame"[..])] {
        let read = reader.read(data, (peer, now), password, &mut |d| {
            assert!(d.ts <= now && d.payload.len() <= hep::MAX_LEN);
            assert_eq!(d.flow.src.is_ipv4(), d.flow.dst.is_ipv4());
        });
        if read.is_ok() && data.starts_with(b"HEP3") {
            assert!(hep::frame_len(data).is_ok_and(|len| len.is_some_and(|len| len <= data.len())));
        }
    }
}

/// A byte stream of SIP, bare or in WebSockets: two of length, then a segment, again and again; of length
/// 0xffff: bytes are missing here.
pub fn streams(data: &[u8]) {
    const LIMIT: usize = 8192;
    let mut framer = StreamFramer::new(LIMIT);
    let mut rest = data;
    while let [high, low, after @ ..] = rest {
        let n = u16::from_be_bytes([*high, *low]);
        if n == u16::MAX {
            framer.gap();
            rest = after;
            continue;
        }
        let (segment, after) = after.split_at(usize::from(n).min(after.len()));
        framer.push(segment, |message| assert!(message.len() <= LIMIT + 20));
        assert!(framer.buffered() <= 3 * LIMIT);
        rest = after;
    }
}

/// Packets of SCTP: two of length, then the packet, again and again.
pub fn sctp(data: &[u8]) {
    const LIMIT: usize = 4096;
    let mut messages = SctpMessages::new(LIMIT, 4 * LIMIT);
    let mut rest = data;
    let mut at = Timestamp::from_parts(1_800_000_000, 0);
    while let [high, low, after @ ..] = rest {
        let n = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (packet, after) = after.split_at(n);
        at = at.offset_ns(NS_PER_MS);
        messages.push(at, [5060, 5060], packet, |message| assert!(message.len() <= packet.len().max(LIMIT)));
        assert!(messages.held() <= 4 * LIMIT);
        rest = after;
    }
}
