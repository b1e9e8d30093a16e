//! One IP packet: RFC 791 with options, RFC 8200 with extension headers.
//!
//! Lax about lengths, since captures are: a length of nought is a segmentation
//! offload's, one that reaches beyond the capture is a snap length's. Check
//! sums are not looked at, a network card may fill them in later.

use etherparse::{
    IpAuthHeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice, LaxIpv4Slice,
};
use std::net::IpAddr;

/// Protocol numbers as IANA has them.
pub mod protocol {
    /// IP in IP, RFC 2003.
    pub const IPIP: u8 = 4;
    /// RFC 793.
    pub const TCP: u8 = 6;
    /// RFC 768.
    pub const UDP: u8 = 17;
    /// 6in4, RFC 4213.
    pub const IPV6: u8 = 41;
    /// RFC 2784.
    pub const GRE: u8 = 47;
    /// RFC 4303: encrypted.
    pub const ESP: u8 = 50;
    /// RFC 4302.
    pub const AH: u8 = 51;
    /// Ethernet in IP, RFC 3378.
    pub const ETHERIP: u8 = 97;
    /// RFC 3931.
    pub const L2TP: u8 = 115;
    /// RFC 9260.
    pub const SCTP: u8 = 132;
    /// MPLS in IP, RFC 4023.
    pub const MPLS: u8 = 137;
    /// IPv6 fragment header, RFC 8200 section 4.5.
    pub const IPV6_FRAGMENT: u8 = 44;
}

/// Where a fragment belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Place of its first byte in the datagram's payload, bytes.
    pub offset: u32,
    /// Others come after it.
    pub more: bool,
}

/// An IP packet without its headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpPacket<'a> {
    /// Sender.
    pub src: IpAddr,
    /// Receiver.
    pub dst: IpAddr,
    /// Identification: 16 bits of IPv4's header, 32 of IPv6's fragment header, else 0.
    pub id: u32,
    /// What the payload is; of a fragment: what the datagram's is.
    pub protocol: u8,
    /// What comes after the headers, as far as captured.
    pub payload: &'a [u8],
    /// Payload bytes that the header announces and the capture does not hold.
    pub missing: u32,
    /// The packet is a piece of a datagram.
    pub fragment: Option<Fragment>,
    /// The length field is too small for the header.
    pub bad_length: bool,
}

/// Neither IPv4 nor IPv6, or cut within its headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotReadable;

/// A chain of extension headers longer than this is not followed.
const MAX_EXTENSIONS: usize = 16;

impl<'a> IpPacket<'a> {
    /// Reads the headers; `data` may reach beyond the packet (Ethernet padding).
    pub fn parse(data: &'a [u8]) -> Result<IpPacket<'a>, NotReadable> {
        match data.first().map(|b| b >> 4) {
            Some(4) => IpPacket::v4(data),
            Some(6) => IpPacket::v6(data),
            _ => Err(NotReadable),
        }
    }

    fn v4(data: &'a [u8]) -> Result<IpPacket<'a>, NotReadable> {
        let header_len = usize::from(data[0] & 0x0f) * 4;
        let rest = data.get(header_len..).ok_or(NotReadable)?;
        let slice = LaxIpv4Slice::from_slice(data).map_err(|_| NotReadable)?.0;
        let header = slice.header();
        let total = usize::from(header.total_len());
        let offset = u32::from(header.fragments_offset().byte_offset());
        let fragment = (offset > 0 || header.more_fragments())
            .then_some(Fragment { offset, more: header.more_fragments() });
        // An authentication header belongs to the datagram, so to its first fragment only.
        let (protocol, payload) = if fragment.is_some() {
            (header.protocol().0, &rest[..rest.len().min(total.saturating_sub(header_len))])
        } else {
            let (next, payload) = (slice.payload().ip_number.0, slice.payload().payload);
            skip_authentication(next, payload).ok_or(NotReadable)?
        };
        Ok(IpPacket {
            src: header.source_addr().into(),
            dst: header.destination_addr().into(),
            id: header.identification().into(),
            protocol,
            payload,
            missing: (total.saturating_sub(header_len)).saturating_sub(rest.len()) as u32,
            fragment,
            bad_length: total != 0 && total < header_len,
        })
    }

    fn v6(data: &'a [u8]) -> Result<IpPacket<'a>, NotReadable> {
        let header = Ipv6HeaderSlice::from_slice(data).map_err(|_| NotReadable)?;
        let rest = &data[header.slice().len()..];
        let announced = usize::from(header.payload_length());
        let mut payload = if announced == 0 { rest } else { &rest[..rest.len().min(announced)] };
        let (mut next, mut id, mut fragment) = (header.next_header().0, 0, None);
        for _ in 0..MAX_EXTENSIONS {
            let (after, len) = match next {
                // Hop-by-hop, routing, destination, mobility, HIP, Shim6: one shape.
                0 | 43 | 60 | 135 | 139 | 140 => {
                    let ext = Ipv6RawExtHeaderSlice::from_slice(payload).map_err(|_| NotReadable)?;
                    (ext.next_header().0, ext.slice().len())
                }
                protocol::AH => {
                    let ext = IpAuthHeaderSlice::from_slice(payload).map_err(|_| NotReadable)?;
                    (ext.next_header().0, ext.slice().len())
                }
                protocol::IPV6_FRAGMENT => {
                    let ext = Ipv6FragmentHeaderSlice::from_slice(payload).map_err(|_| NotReadable)?;
                    let offset = u32::from(ext.fragment_offset().byte_offset());
                    id = ext.identification();
                    // Offset 0 without more: an atomic fragment (RFC 6946), whole as it is.
                    fragment = (offset > 0 || ext.more_fragments())
                        .then_some(Fragment { offset, more: ext.more_fragments() });
                    (ext.next_header().0, ext.slice().len())
                }
                _ => break,
            };
            payload = payload.get(len..).ok_or(NotReadable)?;
            next = after;
            // What follows is the datagram's, not this fragment's, to interpret.
            if fragment.is_some() {
                break;
            }
        }
        Ok(IpPacket {
            src: header.source_addr().into(),
            dst: header.destination_addr().into(),
            id,
            protocol: next,
            payload,
            missing: announced.saturating_sub(rest.len()) as u32,
            fragment,
            bad_length: false,
        })
    }
}

/// What an IPv4 datagram carries behind its authentication headers (RFC 4302), if it has any.
pub fn skip_authentication(mut next: u8, mut payload: &[u8]) -> Option<(u8, &[u8])> {
    for _ in 0..MAX_EXTENSIONS {
        if next != protocol::AH {
            return Some((next, payload));
        }
        let header = IpAuthHeaderSlice::from_slice(payload).ok()?;
        next = header.next_header().0;
        payload = payload.get(header.slice().len()..)?;
    }
    None
}

/// Follows the extension headers that a reassembled IPv6 datagram still begins with.
pub fn skip_extensions(mut next: u8, mut payload: &[u8]) -> Option<(u8, &[u8])> {
    for _ in 0..MAX_EXTENSIONS {
        let (after, len) = match next {
            0 | 43 | 60 | 135 | 139 | 140 => {
                let ext = Ipv6RawExtHeaderSlice::from_slice(payload).ok()?;
                (ext.next_header().0, ext.slice().len())
            }
            protocol::AH => {
                let ext = IpAuthHeaderSlice::from_slice(payload).ok()?;
                (ext.next_header().0, ext.slice().len())
            }
            _ => return Some((next, payload)),
        };
        payload = payload.get(len..)?;
        next = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::PacketBuilder;

    fn v4_udp(payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .udp(5060, 5061)
            .write(&mut out, payload)
            .expect("builds");
        out
    }

    #[test]
    fn padding_is_cut_and_a_short_capture_told() {
        let mut data = v4_udp(b"abc");
        data.extend([0; 15]);
        let packet = IpPacket::parse(&data).expect("reads");
        assert_eq!((packet.payload.len(), packet.missing), (11, 0));
        let packet = IpPacket::parse(&data[..29]).expect("reads");
        assert_eq!((packet.payload.len(), packet.missing), (9, 2));
    }

    #[test]
    fn lying_lengths() {
        let mut data = v4_udp(b"abc");
        data[2..4].copy_from_slice(&[0, 0]);
        let packet = IpPacket::parse(&data).expect("reads");
        assert_eq!((packet.payload.len(), packet.missing, packet.bad_length), (11, 0, false));
        data[2..4].copy_from_slice(&[0, 10]);
        let packet = IpPacket::parse(&data).expect("reads");
        assert_eq!((packet.payload.len(), packet.bad_length), (11, true));
    }

    #[test]
    fn options_and_authentication_headers_are_stepped_over() {
        let mut data = v4_udp(b"abc");
        data[0] = 0x46;
        data[2..4].copy_from_slice(&[0, 35]);
        data.splice(20..20, [1, 1, 1, 0]);
        let packet = IpPacket::parse(&data).expect("reads");
        assert_eq!((packet.protocol, &packet.payload[8..]), (17, &b"abc"[..]));
    }

    #[test]
    fn ipv6_extension_headers_up_to_the_fragment() {
        let mut data = vec![0x60, 0, 0, 0, 0, 0, 0, 64];
        data.extend([0xfd; 32]);
        let body_start = data.len();
        data.extend([60, 0, 1, 4, 0, 0, 0, 0]); // hop-by-hop, then destination options
        data.extend([44, 0, 1, 4, 0, 0, 0, 0]); // then a fragment header
        data.extend([17, 0, 0x05, 0xa9, 0, 0, 0, 9]); // offset 1448, more, id 9
        data.extend(b"payload!");
        let len = (data.len() - body_start) as u16;
        data[4..6].copy_from_slice(&len.to_be_bytes());
        let packet = IpPacket::parse(&data).expect("reads");
        assert_eq!(packet.fragment, Some(Fragment { offset: 1448, more: true }));
        assert_eq!((packet.id, packet.protocol, packet.payload), (9, 17, &b"payload!"[..]));
        assert_eq!(IpPacket::parse(&data[..body_start + 12]), Err(NotReadable));
    }

    #[test]
    fn garbage_is_not_readable() {
        for data in [&[][..], &[0x45], &[0x44; 40], &[0x60; 39], &[0x00; 60]] {
            assert_eq!(IpPacket::parse(data), Err(NotReadable));
        }
    }
}
