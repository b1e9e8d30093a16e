//! A capture agent: what it sees it sends in HEP, written from the protocol's description.

use super::capture::Datagram;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use std::io::Write;
use std::net::{IpAddr, SocketAddr};

/// How an agent packs a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Zlib,
    Gzip,
}

/// An agent.
#[derive(Clone, Copy, Debug)]
pub struct CaptureAgent {
    /// The number it gives itself.
    pub id: u32,
    /// What it sends SIP in; version 2 has no room for anything else.
    pub version: u8,
    pub packing: Packing,
    /// By how much its clock is ahead, nanoseconds.
    pub ahead_ns: i64,
    /// The IP protocol it says.
    pub protocol: u8,
    /// What it knows.
    pub key: Option<&'static str>,
}

impl Default for CaptureAgent {
    fn default() -> CaptureAgent {
        CaptureAgent { id: 2001, version: 3, packing: Packing::Plain, ahead_ns: 0, protocol: 17, key: None }
    }
}

fn chunk(out: &mut Vec<u8>, vendor: u16, kind: u16, value: &[u8]) {
    for n in [vendor, kind, value.len() as u16 + 6] {
        out.extend(n.to_be_bytes());
    }
    out.extend(value);
}

fn is_sip(d: &Datagram) -> bool {
    d.payload.first().is_some_and(u8::is_ascii_alphabetic)
}

impl CaptureAgent {
    /// Its packet for a datagram it captured.
    pub fn packet(&self, d: &Datagram) -> Vec<u8> {
        if self.version == 2 && is_sip(d) { self.v2(d) } else { self.v3(d) }
    }

    fn time(&self, d: &Datagram) -> (u32, u32) {
        let ns = d.at_ns + self.ahead_ns;
        (ns.div_euclid(1_000_000_000) as u32, (ns.rem_euclid(1_000_000_000) / 1000) as u32)
    }

    fn v3(&self, d: &Datagram) -> Vec<u8> {
        let mut c = Vec::new();
        let content = match (is_sip(d), d.payload.get(1)) {
            (true, _) => 1,
            (_, Some(192..=223)) => 5,
            _ => 4,
        };
        chunk(&mut c, 0, 1, &[if d.src.is_ipv4() { 2 } else { 10 }]);
        chunk(&mut c, 0, 2, &[self.protocol]);
        // A chunk of a vendor's own, which says something else.
        chunk(&mut c, 0x7fff, 3, &[1, 2, 3, 4]);
        for (side, addr) in [(0, d.src), (1, d.dst)] {
            match addr.ip() {
                IpAddr::V4(ip) => chunk(&mut c, 0, 3 + side, &ip.octets()),
                IpAddr::V6(ip) => chunk(&mut c, 0, 5 + side, &ip.octets()),
            }
            chunk(&mut c, 0, 7 + side, &addr.port().to_be_bytes());
        }
        let (seconds, microseconds) = self.time(d);
        chunk(&mut c, 0, 9, &seconds.to_be_bytes());
        chunk(&mut c, 0, 10, &microseconds.to_be_bytes());
        chunk(&mut c, 0, 11, &[content]);
        chunk(&mut c, 0, 12, &self.id.to_be_bytes());
        if let Some(key) = self.key {
            chunk(&mut c, 0, 14, key.as_bytes());
        }
        match self.packing {
            Packing::Plain => chunk(&mut c, 0, 15, &d.payload),
            Packing::Zlib => {
                let mut z = ZlibEncoder::new(Vec::new(), Compression::default());
                z.write_all(&d.payload).unwrap();
                chunk(&mut c, 0, 16, &z.finish().unwrap());
            }
            Packing::Gzip => {
                let mut z = GzEncoder::new(Vec::new(), Compression::default());
                z.write_all(&d.payload).unwrap();
                chunk(&mut c, 0, 16, &z.finish().unwrap());
            }
        }
        [b"HEP3", &(c.len() as u16 + 6).to_be_bytes()[..], &c].concat()
    }

    fn v2(&self, d: &Datagram) -> Vec<u8> {
        let (src, dst) = (d.src, d.dst);
        let (family, addresses) = match (src.ip(), dst.ip()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (2, [a.octets(), b.octets()].concat()),
            (IpAddr::V6(a), IpAddr::V6(b)) => (10, [a.octets(), b.octets()].concat()),
            _ => panic!("of two families"),
        };
        let mut out = vec![2, 8 + addresses.len() as u8 + 12, family, self.protocol];
        out.extend(src.port().to_be_bytes());
        out.extend(dst.port().to_be_bytes());
        out.extend(addresses);
        let (seconds, microseconds) = self.time(d);
        out.extend(seconds.to_le_bytes());
        out.extend(microseconds.to_le_bytes());
        out.extend((self.id as u16).to_le_bytes());
        out.extend([0, 0]);
        out.extend(&d.payload);
        out
    }
}

/// Frames in which `packets` go from an agent at `from` to `to`, cut into fragments where they are long.
pub fn sent(from: SocketAddr, to: SocketAddr, packets: &[(i64, Vec<u8>)]) -> Vec<(i64, Vec<u8>)> {
    packets.iter().map(|(at, p)| (*at, super::ladder::ethernet(from, to, p))).collect()
}
