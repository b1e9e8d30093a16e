//! HEP, the Homer encapsulation protocol: a captured message, and between whom it went.
//!
//! Version 3 is a list of chunks after `HEP3` and the length of all:
//!
//! ```text
//! | vendor (16) | type (16) | length of the chunk (16) | value ... |
//! ```
//!
//! Version 2, and 1 which has no time, are fixed headers before a SIP message; the numbers of version
//! 2's time come in the byte order of the agent, which is little-endian. Chunks of vendors and of types
//! that nobody needs here are passed over. What an agent says is not judged here.

use crate::time::Timestamp;
use crate::wire::link::{Vlan, be16};
use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The port that agents send to unless told otherwise.
pub const PORT: u16 = 9060;
/// A packet of version 3 is no longer than its length field can say.
pub const MAX_LEN: usize = u16::MAX as usize;
/// A payload that was compressed is no longer than a datagram.
const MAX_INFLATED: usize = 65_535;
/// Magic and length of version 3.
const HEAD: usize = 6;
const CHUNK_HEAD: usize = 6;
/// Address families as agents number them, whatever system they run on.
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// Types of the generic chunks, vendor 0.
mod chunk {
    pub const PROTOCOL: u16 = 2;
    pub const IPV4_SRC: u16 = 3;
    pub const IPV4_DST: u16 = 4;
    pub const IPV6_SRC: u16 = 5;
    pub const IPV6_DST: u16 = 6;
    pub const SRC_PORT: u16 = 7;
    pub const DST_PORT: u16 = 8;
    pub const SECONDS: u16 = 9;
    pub const MICROSECONDS: u16 = 10;
    pub const CONTENT: u16 = 11;
    pub const AGENT: u16 = 12;
    pub const KEY: u16 = 14;
    pub const PAYLOAD: u16 = 15;
    pub const COMPRESSED: u16 = 16;
    pub const VLAN: u16 = 18;
}

/// What a packet says it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HepContent {
    /// One SIP message.
    Sip,
    /// One RTP packet.
    Rtp,
    /// RTCP, as it was or as JSON.
    Rtcp,
    /// Reports, logs, other protocols.
    Other(u8),
}

/// The captured message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HepPayload<'a> {
    /// As it was.
    Plain(&'a [u8]),
    /// To be read by [`inflate`].
    Compressed(&'a [u8]),
}

/// One packet of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HepPacket<'a> {
    /// Sender of the captured message.
    pub src: SocketAddr,
    /// Its receiver.
    pub dst: SocketAddr,
    /// The IP protocol it came over.
    pub protocol: u8,
    /// Its VLAN.
    pub vlan: Vlan,
    /// When it was captured, by the agent's clock.
    pub stamp: Option<Timestamp>,
    /// What it is.
    pub content: HepContent,
    /// The agent, as it numbers itself.
    pub agent: u32,
    /// What it knows to be let in.
    pub key: Option<&'a [u8]>,
    /// The message.
    pub payload: HepPayload<'a>,
}

/// Why a packet cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HepError {
    /// It does not begin as one.
    NotHep,
    /// A length that contradicts another.
    Length,
    /// Addresses or ports are missing, or of two families.
    Addresses,
    /// It carries nothing: a sign of life.
    Empty,
    /// What is compressed is neither zlib nor gzip nor deflate, or longer than a datagram.
    Compressed,
}

/// Reads a datagram of any version.
///
/// # Errors
/// [`HepError`]
pub fn parse(data: &[u8]) -> Result<HepPacket<'_>, HepError> {
    match data {
        [b'H', b'E', b'P', b'3', ..] => {
            let len = frame_len(data)?.ok_or(HepError::Length)?;
            let body = data.get(HEAD..len).ok_or(HepError::Length)?;
            v3(body)
        }
        [1 | 2, ..] => fixed(data),
        _ => Err(HepError::NotHep),
    }
}

/// The length of the packet of version 3 that a stream is at; `None`: not enough of it is there to say.
///
/// # Errors
/// [`HepError`]: there is no packet, so that nothing after it can be read.
pub fn frame_len(head: &[u8]) -> Result<Option<usize>, HepError> {
    let magic = b"HEP3";
    let known = head.len().min(magic.len());
    if head[..known] != magic[..known] {
        return Err(HepError::NotHep);
    }
    match be16(head, 4).map(usize::from) {
        Some(len) if len < HEAD => Err(HepError::Length),
        len => Ok(len),
    }
}

/// What version 3 is made of, as far as it was found.
#[derive(Default)]
struct Found<'a> {
    protocol: u8,
    src: Option<IpAddr>,
    dst: Option<IpAddr>,
    ports: [Option<u16>; 2],
    time: [u32; 2],
    content: u8,
    agent: u32,
    vlan: u16,
    key: Option<&'a [u8]>,
    payload: Option<HepPayload<'a>>,
}

fn v3(mut rest: &[u8]) -> Result<HepPacket<'_>, HepError> {
    let mut found = Found::default();
    while !rest.is_empty() {
        let (Some(vendor), Some(kind), Some(len)) = (be16(rest, 0), be16(rest, 2), be16(rest, 4)) else {
            return Err(HepError::Length);
        };
        let len = usize::from(len);
        let value = rest.get(CHUNK_HEAD..len).ok_or(HepError::Length)?;
        if vendor == 0 {
            found.take(kind, value)?;
        }
        rest = &rest[len..];
    }
    found.whole()
}

impl<'a> Found<'a> {
    fn take(&mut self, kind: u16, value: &'a [u8]) -> Result<(), HepError> {
        match kind {
            chunk::PROTOCOL => self.protocol = number(value)? as u8,
            chunk::IPV4_SRC => self.src = Some(v4(value)?),
            chunk::IPV4_DST => self.dst = Some(v4(value)?),
            chunk::IPV6_SRC => self.src = Some(v6(value)?),
            chunk::IPV6_DST => self.dst = Some(v6(value)?),
            chunk::SRC_PORT => self.ports[0] = Some(number(value)? as u16),
            chunk::DST_PORT => self.ports[1] = Some(number(value)? as u16),
            chunk::SECONDS => self.time[0] = number(value)?,
            chunk::MICROSECONDS => self.time[1] = number(value)?,
            chunk::CONTENT => self.content = number(value)? as u8,
            chunk::AGENT => self.agent = number(value)?,
            chunk::KEY => self.key = Some(value),
            chunk::PAYLOAD => self.payload = Some(HepPayload::Plain(value)),
            chunk::COMPRESSED => self.payload = Some(HepPayload::Compressed(value)),
            chunk::VLAN => self.vlan = number(value)? as u16,
            _ => {}
        }
        Ok(())
    }

    fn whole(self) -> Result<HepPacket<'a>, HepError> {
        let payload = match self.payload {
            Some(HepPayload::Plain([]) | HepPayload::Compressed([])) | None => return Err(HepError::Empty),
            Some(payload) => payload,
        };
        let (Some(src), Some(dst), [Some(src_port), Some(dst_port)]) = (self.src, self.dst, self.ports)
        else {
            return Err(HepError::Addresses);
        };
        if src.is_ipv4() != dst.is_ipv4() {
            return Err(HepError::Addresses);
        }
        Ok(HepPacket {
            src: SocketAddr::new(src, src_port),
            dst: SocketAddr::new(dst, dst_port),
            protocol: self.protocol,
            vlan: Vlan::NONE.with(self.vlan),
            stamp: stamp(self.time),
            content: match self.content {
                1 => HepContent::Sip,
                4 => HepContent::Rtp,
                5 => HepContent::Rtcp,
                other => HepContent::Other(other),
            },
            agent: self.agent,
            key: self.key,
            payload,
        })
    }
}

/// Versions 1 and 2:
///
/// ```text
/// | version | length of the header | family | protocol | ports (2 x 16) | addresses |
/// | seconds (32) | microseconds (32) | agent (16) | 16 bits of padding |     version 2
/// ```
///
/// Agents differ in whether the length counts what version 2 added: Kamailio's does not.
fn fixed(data: &[u8]) -> Result<HepPacket<'_>, HepError> {
    let &[version, len, family, protocol, a, b, c, d, ref rest @ ..] = data else {
        return Err(HepError::NotHep);
    };
    let (src, dst, rest) = match family {
        AF_INET => (v4(cut(rest, 0, 4)?)?, v4(cut(rest, 4, 8)?)?, &rest[8..]),
        AF_INET6 => (v6(cut(rest, 0, 16)?)?, v6(cut(rest, 16, 32)?)?, &rest[32..]),
        _ => return Err(HepError::NotHep),
    };
    let addresses = data.len() - rest.len();
    let (time, agent, header) = match (version, rest) {
        (1, _) => ([0, 0], 0, addresses),
        (_, &[s0, s1, s2, s3, u0, u1, u2, u3, i0, i1, ..]) => {
            let time = [u32::from_le_bytes([s0, s1, s2, s3]), u32::from_le_bytes([u0, u1, u2, u3])];
            let unpadded = usize::from(len) == addresses + 10;
            (time, u32::from(u16::from_le_bytes([i0, i1])), addresses + if unpadded { 10 } else { 12 })
        }
        _ => return Err(HepError::Length),
    };
    if usize::from(len) != header && usize::from(len) != addresses {
        return Err(HepError::NotHep);
    }
    match data.get(header..) {
        None => Err(HepError::Length),
        Some([]) => Err(HepError::Empty),
        Some(payload) => Ok(HepPacket {
            src: SocketAddr::new(src, u16::from_be_bytes([a, b])),
            dst: SocketAddr::new(dst, u16::from_be_bytes([c, d])),
            protocol,
            vlan: Vlan::NONE,
            stamp: stamp(time),
            content: HepContent::Sip,
            agent,
            key: None,
            payload: HepPayload::Plain(payload),
        }),
    }
}

/// Makes `out` what the agent compressed: by zlib, by gzip, or by deflate alone.
///
/// # Errors
/// [`HepError::Compressed`]
pub fn inflate(data: &[u8], out: &mut Vec<u8>) -> Result<(), HepError> {
    match data {
        [0x1f, 0x8b, ..] => all_of(GzDecoder::new(data), out),
        // RFC 1950 §2.2: the method, and a check over both bytes.
        [a, b, ..] if a & 0x0f == 8 && u16::from_be_bytes([*a, *b]).is_multiple_of(31) => {
            all_of(ZlibDecoder::new(data), out)
        }
        _ => all_of(DeflateDecoder::new(data), out),
    }
}

fn all_of(from: impl Read, out: &mut Vec<u8>) -> Result<(), HepError> {
    out.clear();
    let read = from.take(MAX_INFLATED as u64 + 1).read_to_end(out);
    let is_good = read.is_ok_and(|len| (1..=MAX_INFLATED).contains(&len));
    if is_good { Ok(()) } else { Err(HepError::Compressed) }
}

fn stamp([seconds, microseconds]: [u32; 2]) -> Option<Timestamp> {
    let ns = microseconds.min(999_999) * 1000;
    (seconds > 0).then(|| Timestamp::from_parts(seconds.into(), ns))
}

fn cut(data: &[u8], from: usize, to: usize) -> Result<&[u8], HepError> {
    data.get(from..to).ok_or(HepError::Length)
}

fn v4(value: &[u8]) -> Result<IpAddr, HepError> {
    <[u8; 4]>::try_from(value).map(|a| Ipv4Addr::from(a).into()).map_err(|_| HepError::Length)
}

fn v6(value: &[u8]) -> Result<IpAddr, HepError> {
    <[u8; 16]>::try_from(value).map(|a| Ipv6Addr::from(a).into()).map_err(|_| HepError::Length)
}

/// Agents write some numbers in more bytes than they need.
fn number(value: &[u8]) -> Result<u32, HepError> {
    match value.len() {
        1..=4 => Ok(value.iter().fold(0, |n, b| n << 8 | u32::from(*b))),
        _ => Err(HepError::Length),
    }
}

#[cfg(test)]
mod tests;
