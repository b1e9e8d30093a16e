//! Captures in the forms that tools leave them in, and frames as networks dress them.

use super::ladder::{Scene, ethernet};
use super::voice::Packet;
use std::net::SocketAddr;

/// A nanosecond pcap; no frame is kept beyond `snap` bytes.
pub fn pcap(link: u32, snap: usize, frames: &[(i64, Vec<u8>)]) -> Vec<u8> {
    pcap_cut(link, frames, |_, frame| frame.len().min(snap))
}

/// A nanosecond pcap of which each frame is kept as far as `kept` says of its index and bytes.
pub fn pcap_cut(link: u32, frames: &[(i64, Vec<u8>)], kept: impl Fn(usize, &[u8]) -> usize) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [0xA1B2_3C4D_u32, 0x0004_0002, 0, 0, 262_144, link] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    for (i, (at, data)) in frames.iter().enumerate() {
        let kept = kept(i, data);
        for word in [at / 1_000_000_000, at % 1_000_000_000, kept as i64, data.len() as i64] {
            out.extend_from_slice(&(word as u32).to_le_bytes());
        }
        out.extend_from_slice(&data[..kept]);
    }
    out
}

/// One packet of a pcapng: its interface, its time if it has one, the frame.
pub type NgPacket = (u32, Option<i64>, Vec<u8>);

/// A pcapng with interfaces of these link types, nanoseconds. A packet without a time is a
/// Simple Packet Block, which is of the first interface.
pub fn pcapng(links: &[u16], packets: &[NgPacket]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut section = 0x1A2B_3C4D_u32.to_le_bytes().to_vec();
    section.extend_from_slice(&[1, 0, 0, 0]);
    section.extend_from_slice(&[0xFF; 8]);
    block(&mut out, 0x0A0D_0D0A, &section);
    for link in links {
        let mut body = link.to_le_bytes().to_vec();
        body.extend_from_slice(&[0, 0, 0, 0, 0, 0]);
        // if_tsresol: 10^-9.
        body.extend_from_slice(&[9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
        block(&mut out, 1, &body);
    }
    for (interface, at, frame) in packets {
        let length = (frame.len() as u32).to_le_bytes();
        let mut body = Vec::new();
        if let Some(at) = at {
            body.extend_from_slice(&interface.to_le_bytes());
            body.extend_from_slice(&((*at as u64 >> 32) as u32).to_le_bytes());
            body.extend_from_slice(&(*at as u32).to_le_bytes());
            body.extend_from_slice(&length);
        }
        body.extend_from_slice(&length);
        body.extend_from_slice(frame);
        block(&mut out, if at.is_some() { 6 } else { 3 }, &body);
    }
    out
}

fn block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let padding = body.len().next_multiple_of(4) - body.len();
    let total = ((body.len() + padding + 12) as u32).to_le_bytes();
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&total);
    out.extend_from_slice(body);
    out.extend(std::iter::repeat_n(0, padding));
    out.extend_from_slice(&total);
}

/// The frame in a VLAN (802.1Q).
pub fn tagged(frame: &[u8], vlan: u16) -> Vec<u8> {
    let mut out = frame[..12].to_vec();
    out.extend_from_slice(&[0x81, 0]);
    out.extend_from_slice(&vlan.to_be_bytes());
    out.extend_from_slice(&frame[12..]);
    out
}

/// The frame as `nflog` of Linux has it (link type 239): its IP packet in a TLV.
pub fn nflog(frame: &[u8]) -> Vec<u8> {
    let packet = &frame[14..];
    let mut out = vec![2, 0, 0, 5];
    out.extend_from_slice(&((packet.len() + 4) as u16).to_le_bytes());
    out.extend_from_slice(&9_u16.to_le_bytes());
    out.extend_from_slice(packet);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// What a virtual card shows of a sender that uses UDP_SEGMENT: `n` packets in one datagram,
/// at the time of the last.
pub fn super_packets(s: &mut Scene, packets: &[Packet], n: usize) {
    for group in packets.chunks(n) {
        let joined: Vec<u8> = group.iter().flat_map(|p| p.rtp.clone()).collect();
        let last = &group[group.len() - 1];
        s.frames.push((last.captured_ns[0], ethernet(last.src, last.dst, &joined)));
    }
}

/// A sender report without reception blocks (RFC 3550).
pub fn sender_report(ssrc: u32) -> Vec<u8> {
    let mut p = vec![0x80, 200, 0, 6];
    p.extend_from_slice(&ssrc.to_be_bytes());
    p.extend_from_slice(&[0; 20]);
    p
}

/// One direction of a TCP connection, a segment for each message.
#[derive(Clone, Debug)]
pub struct TcpWay {
    src: SocketAddr,
    dst: SocketAddr,
    seq: u32,
}

impl TcpWay {
    /// An established one.
    pub fn new(src: SocketAddr, dst: SocketAddr) -> Self {
        TcpWay { src, dst, seq: 1000 }
    }

    /// The frame of the next bytes (IPv4).
    pub fn segment(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut tcp = Vec::new();
        tcp.extend_from_slice(&self.src.port().to_be_bytes());
        tcp.extend_from_slice(&self.dst.port().to_be_bytes());
        tcp.extend_from_slice(&self.seq.to_be_bytes());
        tcp.extend_from_slice(&[0, 0, 0, 1, 0x50, 0x18, 0x20, 0, 0, 0, 0, 0]);
        tcp.extend_from_slice(bytes);
        self.seq = self.seq.wrapping_add(bytes.len() as u32);
        // The frame of a datagram as long, with TCP's protocol number and header in its place.
        let mut frame = ethernet(self.src, self.dst, &vec![0; tcp.len() - 8]);
        frame[23] = 6;
        frame[34..].copy_from_slice(&tcp);
        frame
    }
}

/// Turns every SIP datagram of a scene (IPv4) into a segment of a TCP connection.
pub fn over_tcp(s: &mut Scene) {
    s.frames.sort_by_key(|f| f.0);
    let mut ways: Vec<TcpWay> = Vec::new();
    for (_, frame) in &mut s.frames {
        let port = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
        let (sport, dport) = (port(34), port(36));
        if sport != 5060 && dport != 5060 {
            continue;
        }
        let ip = |at: usize| <[u8; 4]>::try_from(&frame[at..at + 4]).unwrap();
        let (src, dst) = (SocketAddr::from((ip(26), sport)), SocketAddr::from((ip(30), dport)));
        let known = ways.iter().position(|w| (w.src, w.dst) == (src, dst));
        let way = known.unwrap_or_else(|| {
            ways.push(TcpWay::new(src, dst));
            ways.len() - 1
        });
        let bytes = frame[42..].to_vec();
        *frame = ways[way].segment(&bytes);
    }
}

/// Whether a frame without tags carries SIP of the ladders.
pub fn is_sip(frame: &[u8]) -> bool {
    let ports = if frame[12] == 8 { 34 } else { 54 };
    [ports, ports + 2].iter().any(|at| frame[*at..at + 2] == 5060_u16.to_be_bytes())
}
