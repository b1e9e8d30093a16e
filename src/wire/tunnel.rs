//! Tunnels and mirrors that carry a packet inside a packet.
//!
//! GRE (RFC 2784, 2890, 2637) with ERSPAN I, II and III, VXLAN (RFC 7348),
//! Geneve (RFC 8926), GTP-U (3GPP TS 29.281), TZSP, EtherIP (RFC 3378), MPLS in
//! IP (RFC 4023). Each function takes what comes after the outer header and says
//! what is inside. Whether it is to be believed is for the caller to say, by kind.

use super::ip::protocol;
use super::link::{self, NextProtocol, be16};
use crate::config::TunnelKind;

/// What a wrapper holds: its kind, what the inner bytes are, and they.
pub type Inside<'a> = (TunnelKind, NextProtocol, &'a [u8]);

/// Why nothing was peeled off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TunnelError {
    /// A GRE protocol or version that is not read here.
    Unknown(u16),
    /// The header does not fit into what was captured.
    Short,
}

/// UDP ports of tunnels; [`udp`] has the last word.
pub const fn is_tunnel_port(port: u16) -> bool {
    matches!(port, VXLAN | GTP_U | TZSP | GENEVE)
}

const VXLAN: u16 = 4789;
const GTP_U: u16 = 2152;
const TZSP: u16 = 37008;
const GENEVE: u16 = 6081;

const ERSPAN_I_II: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
const PPP_IN_GRE: u16 = 0x880b;

/// What an IP packet of this protocol carries if it is a tunnel; `None`: it is none.
pub fn ip(protocol: u8, payload: &[u8]) -> Option<Result<Inside<'_>, TunnelError>> {
    let ipip = |proto| Ok((TunnelKind::Ipip, proto, payload));
    Some(match protocol {
        protocol::IPIP | protocol::IPV6 => ipip(NextProtocol::Ip),
        protocol::MPLS => ipip(NextProtocol::EtherType(link::MPLS)),
        protocol::ETHERIP => ether_ip(payload),
        protocol::GRE => gre(payload),
        protocol::ESP | protocol::L2TP => Err(TunnelError::Unknown(protocol.into())),
        _ => return None,
    })
}

/// GRE after its IP header: what is inside, ERSPAN headers gone.
///
/// ```text
/// |C|R|K|S|s|Recur|A|Flags| Ver |         Protocol Type         |
/// ```
fn gre(data: &[u8]) -> Result<Inside<'_>, TunnelError> {
    let flags = be16(data, 0).ok_or(TunnelError::Short)?;
    let protocol = be16(data, 2).ok_or(TunnelError::Short)?;
    let (checksum, routing) = (flags & 0x8000 != 0, flags & 0x4000 != 0);
    let (key, sequence, acked) = (flags & 0x2000 != 0, flags & 0x1000 != 0, flags & 0x0080 != 0);
    let version = flags & 0x0007;
    if routing || version > 1 || (version == 1 && protocol != PPP_IN_GRE) {
        return Err(TunnelError::Unknown(protocol));
    }
    let words =
        usize::from(checksum) + usize::from(key) + usize::from(sequence) + usize::from(version == 1 && acked);
    let inner = data.get(4 + 4 * words..).ok_or(TunnelError::Short)?;
    match protocol {
        // Type I has no header of its own, and no sequence number in GRE tells it from type II.
        ERSPAN_I_II if sequence => {
            Ok((TunnelKind::Erspan, NextProtocol::Ethernet, inner.get(8..).ok_or(TunnelError::Short)?))
        }
        ERSPAN_I_II => Ok((TunnelKind::Erspan, NextProtocol::Ethernet, inner)),
        ERSPAN_III => erspan_iii(inner),
        PPP_IN_GRE => Ok((TunnelKind::Gre, NextProtocol::Ppp, inner)),
        other => Ok((TunnelKind::Gre, NextProtocol::EtherType(other), inner)),
    }
}

/// Twelve bytes; the lowest bit announces eight more, five bits before say what was mirrored.
fn erspan_iii(data: &[u8]) -> Result<Inside<'_>, TunnelError> {
    let last = be16(data, 10).ok_or(TunnelError::Short)?;
    let len = if last & 1 == 1 { 20 } else { 12 };
    let inner = data.get(len..).ok_or(TunnelError::Short)?;
    match (last >> 10) & 0x1f {
        0 => Ok((TunnelKind::Erspan, NextProtocol::Ethernet, inner)),
        2 => Ok((TunnelKind::Erspan, NextProtocol::Ip, inner)),
        _ => Err(TunnelError::Unknown(ERSPAN_III)),
    }
}

/// EtherIP after its IP header: version 3, then an Ethernet frame.
fn ether_ip(data: &[u8]) -> Result<Inside<'_>, TunnelError> {
    match data {
        [0x30, 0, frame @ ..] => Ok((TunnelKind::Ipip, NextProtocol::Ethernet, frame)),
        _ => Err(TunnelError::Unknown(protocol::ETHERIP.into())),
    }
}

/// What a UDP datagram to one of the tunnel ports carries; `None`: not that
/// tunnel after all, so a datagram like any other (media may use any port).
pub fn udp(dst_port: u16, payload: &[u8]) -> Option<Inside<'_>> {
    let (kind, inside) = match dst_port {
        VXLAN => (TunnelKind::Vxlan, vxlan(payload)),
        GTP_U => (TunnelKind::GtpU, gtp_u(payload)),
        TZSP => (TunnelKind::Tzsp, tzsp(payload)),
        GENEVE => (TunnelKind::Geneve, geneve(payload)),
        _ => return None,
    };
    inside.map(|(proto, data)| (kind, proto, data))
}

/// RFC 7348 section 5: only the I flag is set, reserved fields are nought.
fn vxlan(data: &[u8]) -> Option<(NextProtocol, &[u8])> {
    match data {
        // The group policy extension uses flag G and two of the reserved bytes.
        [flags, _, _, _, _, _, _, 0, frame @ ..] if flags & 0x7f == 0x08 => {
            Some((NextProtocol::Ethernet, frame))
        }
        _ => None,
    }
}

/// TS 29.281 section 5.1: version 1, type 255 (G-PDU), options, extension headers.
fn gtp_u(data: &[u8]) -> Option<(NextProtocol, &[u8])> {
    let flags = *data.first()?;
    if flags >> 4 != 0x3 || *data.get(1)? != 0xff {
        return None;
    }
    let mut at = 8;
    if flags & 0x07 != 0 {
        let mut extension = *data.get(11)?;
        at = 12;
        if flags & 0x04 == 0 {
            extension = 0;
        }
        // Each extension header tells its length in units of four bytes, its last byte the next.
        for _ in 0..8 {
            if extension == 0 {
                break;
            }
            let len = usize::from(*data.get(at)?) * 4;
            extension = *data.get(at + len.checked_sub(1)?)?;
            at += len;
        }
    }
    let inner = data.get(at..)?;
    matches!(inner.first()? >> 4, 4 | 6).then_some((NextProtocol::Ip, inner))
}

/// Version 1, a packet (type 0 or 1) of Ethernet (1), tagged fields up to an end mark.
fn tzsp(data: &[u8]) -> Option<(NextProtocol, &[u8])> {
    let [1, 0 | 1, 0, 1, fields @ ..] = data else { return None };
    let mut rest = fields;
    loop {
        match rest {
            [1, frame @ ..] => return Some((NextProtocol::Ethernet, frame)),
            [0, more @ ..] => rest = more,
            [_, len, more @ ..] => rest = more.get(usize::from(*len)..)?,
            _ => return None,
        }
    }
}

/// RFC 8926 section 3.4: version 0, options in units of four bytes, an EtherType.
fn geneve(data: &[u8]) -> Option<(NextProtocol, &[u8])> {
    let first = *data.first()?;
    if first >> 6 != 0 || data.get(7) != Some(&0) {
        return None;
    }
    let inner = data.get(8 + usize::from(first & 0x3f) * 4..)?;
    let ether_type = be16(data, 2)?;
    matches!(ether_type, 0x6558 | 0x0800 | 0x86dd).then_some((NextProtocol::EtherType(ether_type), inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use TunnelKind::{Erspan, Geneve, Gre, GtpU, Ipip, Tzsp, Vxlan};

    #[test]
    fn gre_flags_move_the_payload() {
        assert_eq!(gre(&[0, 0, 8, 0, 0x45]), Ok((Gre, NextProtocol::EtherType(0x0800), &[0x45][..])));
        let all = [0xb0, 0, 0x65, 0x58, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 9];
        assert_eq!(gre(&all), Ok((Gre, NextProtocol::EtherType(0x6558), &[9][..])));
        let pptp = [0x30, 0x81, 0x88, 0x0b, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0x21];
        assert_eq!(gre(&pptp), Ok((Gre, NextProtocol::Ppp, &[0x21][..])));
        assert_eq!(gre(&[0x40, 0, 8, 0, 0, 0]), Err(TunnelError::Unknown(0x0800)));
        assert_eq!(gre(&[0x20, 0, 8, 0, 0, 0]), Err(TunnelError::Short));
    }

    #[test]
    fn erspan_of_three_types() {
        assert_eq!(gre(&[0, 0, 0x88, 0xbe, 7]), Ok((Erspan, NextProtocol::Ethernet, &[7][..])));
        let ii = [0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 0, 0, 0, 0, 0, 7];
        assert_eq!(gre(&ii), Ok((Erspan, NextProtocol::Ethernet, &[7][..])));
        let mut iii = vec![0x10, 0, 0x22, 0xeb, 0, 0, 0, 1];
        iii.extend([0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        iii.extend([0; 8]);
        iii.push(7);
        assert_eq!(gre(&iii), Ok((Erspan, NextProtocol::Ethernet, &[7][..])));
        iii[8 + 11] = 0;
        iii[8 + 10] = 0x08; // a bare IP packet, no subheader
        assert_eq!(gre(&iii), Ok((Erspan, NextProtocol::Ip, &iii[20..])));
    }

    #[test]
    fn udp_tunnels() {
        assert_eq!(udp(4789, &[8, 0, 0, 0, 0, 0, 5, 0, 7]), Some((Vxlan, NextProtocol::Ethernet, &[7][..])));
        assert_eq!(
            udp(37008, &[1, 0, 0, 1, 0, 10, 1, 99, 1, 7]),
            Some((Tzsp, NextProtocol::Ethernet, &[7][..]))
        );
        assert_eq!(
            udp(6081, &[1, 0, 0x65, 0x58, 0, 0, 1, 0, 0, 0, 0, 0, 7]),
            Some((Geneve, NextProtocol::EtherType(0x6558), &[7][..]))
        );
        let plain = [0x30, 0xff, 0, 1, 0, 0, 0, 1, 0x45];
        assert_eq!(udp(2152, &plain), Some((GtpU, NextProtocol::Ip, &[0x45][..])));
        let extended = [0x34, 0xff, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0, 0x60];
        assert_eq!(udp(2152, &extended), Some((GtpU, NextProtocol::Ip, &[0x60][..])));
    }

    #[test]
    fn tunnels_straight_in_ip() {
        let (ip4, frame) = ([0x45, 7], [0x30, 0, 9]);
        assert_eq!(ip(4, &ip4), Some(Ok((Ipip, NextProtocol::Ip, &ip4[..]))));
        assert_eq!(ip(41, &ip4), Some(Ok((Ipip, NextProtocol::Ip, &ip4[..]))));
        assert_eq!(ip(137, &ip4), Some(Ok((Ipip, NextProtocol::EtherType(link::MPLS), &ip4[..]))));
        assert_eq!(ip(97, &frame), Some(Ok((Ipip, NextProtocol::Ethernet, &[9][..]))));
        assert_eq!(ip(97, &ip4), Some(Err(TunnelError::Unknown(97))));
        assert_eq!(ip(50, &ip4), Some(Err(TunnelError::Unknown(50))));
        assert_eq!(ip(17, &ip4), None);
    }

    #[test]
    fn media_on_a_tunnel_port_stays_media() {
        let rtp = [0x80, 0x08, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, 0xd5, 0xd5, 0xd5, 0xd5];
        for port in [4789, 2152, 37008] {
            assert!(is_tunnel_port(port));
            assert_eq!(udp(port, &rtp), None);
        }
    }
}
