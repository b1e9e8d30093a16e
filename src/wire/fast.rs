//! The packet that nearly every packet is, read in one go.
//!
//! Ethernet with one 802.1Q tag at most, IPv4 without options, UDP, whole and
//! with lengths that agree. Anything else is for the general path, which comes
//! to the same result for these (tests compare).

use super::link::Vlan;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// A UDP datagram over IPv4, unfragmented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FastUdp<'a> {
    /// Sender.
    pub src: SocketAddr,
    /// Receiver.
    pub dst: SocketAddr,
    /// IPv4 identification.
    pub id: u16,
    /// The VLAN of its tag.
    pub vlan: Vlan,
    /// The payload, whole.
    pub payload: &'a [u8],
}

/// Ethernet, IPv4 and UDP headers.
const PLAIN: usize = 14 + 20 + 8;

/// Reads an Ethernet frame if it is of the common kind.
///
/// ```text
/// 14 or 18: 0x45 .. total length .. id .. no fragment .. protocol 17 .. addresses, ports, length
/// ```
#[inline]
pub fn udp4(frame: &[u8]) -> Option<FastUdp<'_>> {
    let plain: &[u8; PLAIN] = frame.first_chunk()?;
    let (vlan, ip) = match [plain[12], plain[13]] {
        [0x08, 0x00] => (Vlan::NONE, &frame[14..]),
        [0x81, 0x00] if [plain[16], plain[17]] == [0x08, 0x00] => {
            (Vlan::NONE.with(u16::from_be_bytes([plain[14], plain[15]])), &frame[18..])
        }
        _ => return None,
    };
    let head: &[u8; 28] = ip.first_chunk()?;
    let be16 = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let total = usize::from(be16(2));
    let common = head[0] == 0x45 && head[9] == 17 && be16(6) & 0x3fff == 0;
    if !common || usize::from(be16(24)) + 20 != total {
        return None;
    }
    let payload = ip.get(28..total)?;
    let addr = |at: usize, port| {
        let ip = Ipv4Addr::new(head[at], head[at + 1], head[at + 2], head[at + 3]);
        SocketAddr::V4(SocketAddrV4::new(ip, port))
    };
    Some(FastUdp { src: addr(12, be16(20)), dst: addr(16, be16(22)), id: be16(4), vlan, payload })
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{PacketBuilder, VlanId};

    fn built(payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        PacketBuilder::ethernet2([1; 6], [2; 6])
            .single_vlan(VlanId::try_new(7).expect("an id"))
            .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .udp(4000, 4002)
            .write(&mut out, payload)
            .expect("builds");
        out
    }

    #[test]
    fn reads_the_common_kind() {
        let mut frame = built(b"media");
        let udp = udp4(&frame).expect("common");
        assert_eq!((udp.src.to_string(), udp.dst.port()), ("10.0.0.1:4000".into(), 4002));
        assert_eq!((udp.payload, udp.vlan), (&b"media"[..], Vlan::NONE.with(7)));
        frame.extend([0; 9]);
        assert_eq!(udp4(&frame).expect("padding is cut").payload, b"media");
        frame.drain(12..16);
        let plain = udp4(&frame).expect("untagged");
        assert_eq!((plain.payload, plain.vlan), (&b"media"[..], Vlan::NONE));
    }

    #[test]
    fn leaves_everything_else() {
        let frame = built(b"media");
        for (at, byte) in [(18, 0x46), (27, 6), (24, 0x20), (25, 1), (21, 10), (43, 30), (16, 0x86)] {
            let mut other = frame.clone();
            other[at] = byte;
            assert_eq!(udp4(&other), None, "byte {at}");
        }
        for len in 0..frame.len() {
            assert_eq!(udp4(&frame[..len]), None, "cut to {len}");
        }
    }
}
