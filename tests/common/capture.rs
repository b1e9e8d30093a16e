//! Reads a capture's UDP datagrams, independently of nauhuri: enough for the
//! captures the tests have, no more.

use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};
use std::collections::HashMap;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// One UDP datagram.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// Capture time, nanoseconds since the epoch.
    pub at_ns: i64,
    /// Sender.
    pub src: SocketAddr,
    /// Receiver.
    pub dst: SocketAddr,
    /// What it carried.
    pub payload: Vec<u8>,
}

/// One RTP packet of it.
#[derive(Clone, Copy, Debug)]
pub struct Rtp<'a> {
    /// Payload type.
    pub payload_type: u8,
    /// Sequence number.
    pub seq: u16,
    /// Timestamp.
    pub ts: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Without padding and extension.
    pub payload: &'a [u8],
}

impl Datagram {
    /// As RTP (RFC 3550 §5.1), if it looks like it.
    pub fn rtp(&self) -> Option<Rtp<'_>> {
        let p = &self.payload;
        if p.len() < 12 || p[0] >> 6 != 2 || (192..=223).contains(&p[1]) {
            return None;
        }
        let mut start = 12 + 4 * usize::from(p[0] & 15);
        if p[0] & 0x10 != 0 {
            let words = p.get(start + 2..start + 4)?;
            start += 4 + 4 * usize::from(u16::from_be_bytes(words.try_into().unwrap()));
        }
        let padding = if p[0] & 0x20 != 0 { usize::from(*p.last()?) } else { 0 };
        Some(Rtp {
            payload_type: p[1] & 127,
            seq: u16::from_be_bytes([p[2], p[3]]),
            ts: u32::from_be_bytes([p[4], p[5], p[6], p[7]]),
            ssrc: u32::from_be_bytes([p[8], p[9], p[10], p[11]]),
            payload: p.get(start..p.len().checked_sub(padding)?)?,
        })
    }
}

/// The UDP datagram in a frame, if there is one; captured at the epoch.
pub fn ip_datagram(link: i32, frame: &[u8]) -> Option<Datagram> {
    let (src, dst, payload) = udp(ip_of(link, frame)?, 3)?;
    Some(Datagram { at_ns: 0, src, dst, payload: payload.to_vec() })
}

/// Every UDP datagram of a capture file, in its order.
pub fn datagrams(path: &Path) -> Vec<Datagram> {
    let mut out = Vec::new();
    frames(path, &mut |at_ns, link, data| {
        out.extend(ip_datagram(link, data).map(|d| Datagram { at_ns, ..d }));
    });
    out
}

/// Every frame with its capture time.
pub fn frames(path: &Path, each: &mut dyn FnMut(i64, i32, &[u8])) {
    let file = File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut reader = create_reader(1 << 20, file).unwrap();
    let mut interfaces: HashMap<u32, (i32, u64)> = HashMap::new();
    let (mut link, mut per_tick) = (1, 1000);
    loop {
        match reader.next() {
            Ok((used, block)) => {
                match block {
                    PcapBlockOwned::LegacyHeader(h) => {
                        link = h.network.0;
                        per_tick = if h.is_nanosecond_precision() { 1 } else { 1000 };
                    }
                    PcapBlockOwned::Legacy(b) => {
                        let at = i64::from(b.ts_sec) * 1_000_000_000 + i64::from(b.ts_usec) * per_tick;
                        each(at, link, b.data);
                    }
                    PcapBlockOwned::NG(Block::InterfaceDescription(i)) => {
                        let id = interfaces.len() as u32;
                        interfaces.insert(id, (i.linktype.0, i.ts_resolution().unwrap_or(1_000_000)));
                    }
                    PcapBlockOwned::NG(Block::EnhancedPacket(p)) => {
                        let (link, per_s) = interfaces[&p.if_id];
                        let ticks = (u64::from(p.ts_high) << 32) | u64::from(p.ts_low);
                        let at = i128::from(ticks) * 1_000_000_000 / i128::from(per_s);
                        each(at as i64, link, &p.data[..p.caplen as usize]);
                    }
                    PcapBlockOwned::NG(_) => {}
                }
                reader.consume(used);
            }
            Err(PcapError::Incomplete(_)) => {
                if reader.refill().is_err() || reader.reader_exhausted() && reader.data().is_empty() {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

/// The IP packet of a frame.
fn ip_of(link: i32, data: &[u8]) -> Option<&[u8]> {
    let (mut ethertype, mut at) = match Linktype(link) {
        Linktype::ETHERNET => (be16(data, 12)?, 14),
        Linktype::LINUX_SLL => (be16(data, 14)?, 16),
        Linktype(276) => (be16(data, 0)?, 20),
        Linktype::NULL => (0x0800, 4),
        Linktype(12 | 14 | 101 | 228 | 229) => (0x0800, 0),
        _ => return None,
    };
    while matches!(ethertype, 0x8100 | 0x88A8 | 0x9100) {
        ethertype = be16(data, at + 2)?;
        at += 4;
    }
    matches!(ethertype, 0x0800 | 0x86DD).then(|| data.get(at..)).flatten()
}

/// The UDP datagram of an IP packet; GTP-U is opened.
fn udp(ip: &[u8], depth: u8) -> Option<(SocketAddr, SocketAddr, &[u8])> {
    let (src, dst, protocol, body): (IpAddr, IpAddr, u8, &[u8]) = match ip.first()? >> 4 {
        4 => {
            let total = usize::from(be16(ip, 2)?).min(ip.len());
            if be16(ip, 6)? & 0x3FFF != 0 {
                return None;
            }
            let addr =
                |i: usize| -> Option<Ipv4Addr> { Some(<[u8; 4]>::try_from(ip.get(i..i + 4)?).ok()?.into()) };
            let header = 4 * usize::from(ip[0] & 15);
            (addr(12)?.into(), addr(16)?.into(), *ip.get(9)?, ip.get(header..total)?)
        }
        6 => {
            let addr = |i: usize| -> Option<Ipv6Addr> {
                Some(<[u8; 16]>::try_from(ip.get(i..i + 16)?).ok()?.into())
            };
            (addr(8)?.into(), addr(24)?.into(), *ip.get(6)?, ip.get(40..)?)
        }
        _ => return None,
    };
    if protocol != 17 {
        return None;
    }
    let (sport, dport) = (be16(body, 0)?, be16(body, 2)?);
    let end = usize::from(be16(body, 4)?).clamp(8, body.len().max(8));
    let payload = body.get(8..end)?;
    if dport == 2152 && depth > 0 {
        let options = if payload.first()? & 7 != 0 { 4 } else { 0 };
        return udp(payload.get(8 + options..)?, depth - 1);
    }
    Some((SocketAddr::new(src, sport), SocketAddr::new(dst, dport), payload))
}

fn be16(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(data.get(at..at + 2)?.try_into().ok()?))
}
