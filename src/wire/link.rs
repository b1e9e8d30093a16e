//! Link layers: from the first byte of a frame to the IP packet in it.
//!
//! Ethernet II and 802.2 SNAP, Linux cooked captures v1 and v2, BSD loopback,
//! raw IP; tags in any order: 802.1Q, 802.1ad and their forerunners, VN-Tag,
//! MPLS (RFC 3032, RFC 4385), PPPoE sessions (RFC 2516). Knows nothing of what
//! is inside the IP packet.

use super::LinkType;

/// The VLANs a frame was tagged with: the two innermost 802.1Q or 802.1ad ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vlan(u32);

impl Vlan {
    /// Not tagged, or with priority only (id 0).
    pub const NONE: Vlan = Vlan(0);

    /// With another tag inside.
    #[inline]
    pub fn with(self, tag: u16) -> Vlan {
        match tag & 0x0fff {
            0 => self,
            id => Vlan(self.0 << 16 | u32::from(id)),
        }
    }

    /// The inner id and the one around it; 0 for none.
    #[inline]
    pub fn ids(self) -> [u16; 2] {
        [self.0 as u16, (self.0 >> 16) as u16]
    }
}

/// What the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextProtocol {
    /// An IP packet; the version is in its first nibble.
    Ip,
    /// An Ethernet header.
    Ethernet,
    /// What this EtherType says.
    EtherType(u16),
    /// A PPP protocol field.
    Ppp,
}

/// Why there is no IP packet to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// The link type is not understood.
    UnknownLink(u16),
    /// Something else than IP: ARP, LLDP, spanning tree ...
    NotIp(u16),
    /// A wrapping that may well carry IP, but not one that is read here.
    UnknownEncapsulation(u16),
    /// A header does not fit into what was captured.
    Short,
}

/// More tags than any network stacks; a frame with more is somebody's joke.
const MAX_TAGS: usize = 12;

/// 802.1Q, 802.1ad and the EtherTypes vendors used before it.
macro_rules! VLAN_TAGS {
    () => {
        0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300
    };
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const TRANSPARENT_BRIDGING: u16 = 0x6558;
/// EtherType of MPLS (RFC 5332).
pub const MPLS: u16 = 0x8847;
const MPLS_MULTICAST: u16 = 0x8848;
const PPPOE_SESSION: u16 = 0x8864;
const MACSEC: u16 = 0x88e5;
const NSH: u16 = 0x894f;
const VN_TAG: u16 = 0x8926;
const PBB: u16 = 0x88e7;

/// Below this an EtherType field is an 802.3 length.
const FIRST_ETHERTYPE: u16 = 0x0600;

/// `u16` in network order at `at`.
pub(crate) fn be16(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}

/// The protocol and the bytes after the header of a captured frame.
pub fn open(link: LinkType, data: &[u8]) -> Result<(NextProtocol, &[u8]), LinkError> {
    match link {
        LinkType::Ethernet => Ok((NextProtocol::Ethernet, data)),
        LinkType::RawIp => Ok((NextProtocol::Ip, data)),
        LinkType::LinuxSll => {
            let (proto, rest) = (be16(data, 14), data.get(16..));
            cooked(be16(data, 2), proto, rest)
        }
        LinkType::LinuxSll2 => {
            let (proto, rest) = (be16(data, 0), data.get(20..));
            cooked(be16(data, 8), proto, rest)
        }
        LinkType::Null => null(data),
        LinkType::Ppp => Ok((NextProtocol::Ppp, data)),
        LinkType::Nflog => nflog(data),
        LinkType::Other(dlt) => Err(LinkError::UnknownLink(dlt)),
    }
}

/// Follows tags and labels down to the IP packet, and says which VLANs it is on.
pub fn to_ip(mut proto: NextProtocol, mut data: &[u8]) -> Result<(Vlan, &[u8]), LinkError> {
    let mut vlan = Vlan::NONE;
    for _ in 0..MAX_TAGS {
        let (next, rest) = match proto {
            NextProtocol::Ip => return Ok((vlan, data)),
            NextProtocol::Ethernet => {
                // A frame within a frame is on the VLANs of its own network.
                vlan = Vlan::NONE;
                ethernet(data)?
            }
            NextProtocol::EtherType(ether_type) => {
                if let (VLAN_TAGS!(), Some(tag)) = (ether_type, be16(data, 0)) {
                    vlan = vlan.with(tag);
                }
                tag(ether_type, data)?
            }
            NextProtocol::Ppp => ppp(data)?,
        };
        (proto, data) = (next, rest);
    }
    Err(LinkError::UnknownEncapsulation(match proto {
        NextProtocol::EtherType(ether_type) => ether_type,
        NextProtocol::Ip | NextProtocol::Ethernet | NextProtocol::Ppp => 0,
    }))
}

fn ethernet(data: &[u8]) -> Result<(NextProtocol, &[u8]), LinkError> {
    let ether_type = be16(data, 12).ok_or(LinkError::Short)?;
    let rest = data.get(14..).ok_or(LinkError::Short)?;
    if ether_type >= FIRST_ETHERTYPE { Ok((NextProtocol::EtherType(ether_type), rest)) } else { snap(rest) }
}

/// 802.2 with a SNAP header (RFC 1042); other 802.3 frames carry no IP.
fn snap(data: &[u8]) -> Result<(NextProtocol, &[u8]), LinkError> {
    match data {
        [0xaa, 0xaa, 0x03, 0, 0, 0, hi, lo, rest @ ..] => {
            Ok((NextProtocol::EtherType(u16::from_be_bytes([*hi, *lo])), rest))
        }
        _ => Err(LinkError::NotIp(0)),
    }
}

fn tag(ether_type: u16, data: &[u8]) -> Result<(NextProtocol, &[u8]), LinkError> {
    match ether_type {
        IPV4 | IPV6 => Ok((NextProtocol::Ip, data)),
        VLAN_TAGS!() => {
            let inner = be16(data, 2).ok_or(LinkError::Short)?;
            let rest = data.get(4..).ok_or(LinkError::Short)?;
            if inner >= FIRST_ETHERTYPE { Ok((NextProtocol::EtherType(inner), rest)) } else { snap(rest) }
        }
        VN_TAG => {
            let inner = be16(data, 4).ok_or(LinkError::Short)?;
            Ok((NextProtocol::EtherType(inner), data.get(6..).ok_or(LinkError::Short)?))
        }
        TRANSPARENT_BRIDGING => Ok((NextProtocol::Ethernet, data)),
        // 802.1ah: the I-TAG, then the customer's whole frame.
        PBB => Ok((NextProtocol::Ethernet, data.get(4..).ok_or(LinkError::Short)?)),
        MPLS | MPLS_MULTICAST => mpls(data),
        PPPOE_SESSION => pppoe(data),
        MACSEC | NSH => Err(LinkError::UnknownEncapsulation(ether_type)),
        other => Err(LinkError::NotIp(other)),
    }
}

/// RFC 3032: labels of four bytes, the last marked; what follows is guessed
/// from its first nibble (RFC 4928), a control word means an Ethernet pseudowire.
fn mpls(mut data: &[u8]) -> Result<(NextProtocol, &[u8]), LinkError> {
    for _ in 0..MAX_TAGS {
        let label = data.get(..4).ok_or(LinkError::Short)?;
        data = &data[4..];
        if label[2] & 1 == 1 {
            return match data.first().map(|b| b >> 4) {
                Some(4 | 6) => Ok((NextProtocol::Ip, data)),
                Some(0) => Ok((NextProtocol::Ethernet, data.get(4..).ok_or(LinkError::Short)?)),
                Some(_) => Err(LinkError::UnknownEncapsulation(MPLS)),
                None => Err(LinkError::Short),
            };
        }
    }
    Err(LinkError::UnknownEncapsulation(MPLS))
}

/// RFC 2516 section 4, session stage.
fn pppoe(data: &[u8]) -> Result<(NextProtocol, &[u8]), LinkError> {
    match data {
        [0x11, 0, _, _, _, _, rest @ ..] => Ok((NextProtocol::Ppp, rest)),
        [_, _, _, _, _, _, ..] => Err(LinkError::NotIp(PPPOE_SESSION)),
        _ => Err(LinkError::Short),
    }
}

/// RFC 1661: the protocol may be one byte (compressed), an HDLC header may stand before it.
fn ppp(data: &[u8]) -> Result<(NextProtocol, &[u8]), LinkError> {
    let data = data.strip_prefix(&[0xff, 0x03]).unwrap_or(data);
    match data {
        [0x00, 0x21 | 0x57, rest @ ..] | [0x21 | 0x57, rest @ ..] => Ok((NextProtocol::Ip, rest)),
        [0x02, 0x81, rest @ ..] => Ok((NextProtocol::EtherType(MPLS), rest)),
        [hi, lo, ..] => Err(LinkError::NotIp(u16::from_be_bytes([*hi, *lo]))),
        _ => Err(LinkError::Short),
    }
}

/// Linux cooked: an ARPHRD type says whether the protocol is an EtherType.
fn cooked(
    hardware: Option<u16>,
    proto: Option<u16>,
    rest: Option<&[u8]>,
) -> Result<(NextProtocol, &[u8]), LinkError> {
    const NETLINK: u16 = 824;
    const GRE: u16 = 778;
    let (Some(hardware), Some(proto), Some(rest)) = (hardware, proto, rest) else {
        return Err(LinkError::Short);
    };
    match (hardware, proto) {
        (NETLINK, _) => Err(LinkError::NotIp(proto)),
        // On a GRE device the field is a GRE protocol: an EtherType as well, 0 for none.
        (GRE, 0) => Ok((NextProtocol::Ip, rest)),
        (_, 0x0004) => snap(rest),
        _ => Ok((NextProtocol::EtherType(proto), rest)),
    }
}

/// DLT_NULL and DLT_LOOP: a protocol family in the byte order of the machine that captured.
fn null(data: &[u8]) -> Result<(NextProtocol, &[u8]), LinkError> {
    let family: [u8; 4] = data.get(..4).and_then(|f| f.try_into().ok()).ok_or(LinkError::Short)?;
    let (le, be) = (u32::from_le_bytes(family), u32::from_be_bytes(family));
    // AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 23 on Windows, 24, 28 or 30 on the BSDs.
    match le.min(be) {
        2 | 10 | 23 | 24 | 28 | 30 => Ok((NextProtocol::Ip, &data[4..])),
        other => Err(LinkError::NotIp(other as u16)),
    }
}

/// Netfilter's log: family, version, group; then attributes (length, type, value,
/// padding to four bytes) in the byte order of the machine that captured. The
/// packet is one of them.
fn nflog(data: &[u8]) -> Result<(NextProtocol, &[u8]), LinkError> {
    const PAYLOAD: u16 = 9;
    let &[family, _, _, _, ref attributes @ ..] = data else { return Err(LinkError::Short) };
    // AF_INET, AF_INET6; what a bridge logs has no IP packet of its own.
    if !matches!(family, 2 | 10) {
        return Err(LinkError::NotIp(family.into()));
    }
    let mut rest = attributes;
    while let [a, b, c, d, ..] = *rest {
        // No type is above 255, so its upper half is nought.
        let read = if c == 0 { u16::from_be_bytes } else { u16::from_le_bytes };
        let (len, kind) = (usize::from(read([a, b])), read([c, d]));
        if kind == PAYLOAD {
            // As far as it was captured.
            return Ok((NextProtocol::Ip, &rest[4..len.clamp(4, rest.len())]));
        }
        rest = rest.get(len.max(4).next_multiple_of(4)..).ok_or(LinkError::Short)?;
    }
    Err(LinkError::Short)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: &[u8] = &[0x45, 1, 2, 3];

    fn under(link: LinkType, head: &[u8]) -> Result<Vec<u8>, LinkError> {
        let frame = [head, IP].concat();
        let (proto, rest) = open(link, &frame)?;
        to_ip(proto, rest).map(|(_, ip)| ip.to_vec())
    }

    fn ethernet_with(tail: &[u8]) -> Vec<u8> {
        [&[0u8; 12], tail].concat()
    }

    #[test]
    fn tags_of_every_kind_stack() {
        let tails: [&[u8]; 11] = [
            &[0x08, 0x00],
            &[0x81, 0, 0, 5, 0x08, 0],
            &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 0x08, 0],
            &[0x91, 0, 0, 5, 0x91, 0, 0, 6, 0x81, 0, 0, 7, 0x86, 0xdd],
            &[0x89, 0x26, 0, 0, 0, 0, 0x08, 0],
            &[0x88, 0x47, 0, 0, 0x10, 64, 0, 0, 0x21, 64],
            &[0x88, 0x64, 0x11, 0, 0, 1, 0, 9, 0x00, 0x21],
            &[0x88, 0x64, 0x11, 0, 0, 1, 0, 9, 0x57],
            &[0, 12, 0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0],
            &[0x65, 0x58, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0],
            &[0x88, 0xe7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0],
        ];
        for tail in tails {
            assert_eq!(under(LinkType::Ethernet, &ethernet_with(tail)).as_deref(), Ok(IP), "{tail:x?}");
        }
    }

    #[test]
    fn an_mpls_pseudowire_carries_ethernet() {
        let mut head = ethernet_with(&[0x88, 0x47, 0, 0, 0x11, 64, 0, 0, 0, 0]);
        head.extend(ethernet_with(&[0x08, 0]));
        assert_eq!(under(LinkType::Ethernet, &head).as_deref(), Ok(IP));
    }

    #[test]
    fn cooked_loopback_and_raw() {
        let mut sll = [0u8; 16];
        sll[14] = 0x08;
        assert_eq!(under(LinkType::LinuxSll, &sll).as_deref(), Ok(IP));
        let mut sll2 = [0u8; 20];
        sll2[0..2].copy_from_slice(&[0x86, 0xdd]);
        assert_eq!(under(LinkType::LinuxSll2, &sll2).as_deref(), Ok(IP));
        for family in [[2, 0, 0, 0], [0, 0, 0, 2], [30, 0, 0, 0], [0, 0, 0, 24], [10, 0, 0, 0]] {
            assert_eq!(under(LinkType::Null, &family).as_deref(), Ok(IP), "{family:?}");
        }
        assert_eq!(under(LinkType::RawIp, &[]).as_deref(), Ok(IP));
        assert_eq!(under(LinkType::Ppp, &[0xff, 3, 0, 0x21]).as_deref(), Ok(IP));
        // A tag that the capturing library put back behind a cooked header.
        let tagged = [&[0u8; 14][..], &[0x81, 0, 0, 5, 0x08, 0]].concat();
        assert_eq!(under(LinkType::LinuxSll, &tagged).as_deref(), Ok(IP));
    }

    #[test]
    fn netfilter_logs_in_either_byte_order() {
        let little = [2, 0, 0, 5, 8, 0, 1, 0, 8, 0, 0, 0, 5, 0, 10, 0, 0, 0, 0, 0, 8, 0, 9, 0];
        let big = [10, 0, 0, 5, 0, 8, 0, 1, 8, 0, 0, 0, 0, 5, 0, 10, 0, 0, 0, 0, 0, 8, 0, 9];
        for head in [little, big] {
            assert_eq!(under(LinkType::Nflog, &head).as_deref(), Ok(IP));
        }
        // Cut by the snap length; without a packet; of a bridge; of lengths that lie.
        let cut = [&little[..20], &[80, 0, 9, 0]].concat();
        assert_eq!(under(LinkType::Nflog, &cut).as_deref(), Ok(IP));
        assert_eq!(open(LinkType::Nflog, &little[..20]), Err(LinkError::Short));
        assert_eq!(open(LinkType::Nflog, &[7, 0, 0, 0]), Err(LinkError::NotIp(7)));
        for lie in [[0, 0, 1, 0], [255, 255, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1]] {
            assert!(open(LinkType::Nflog, &[&[2, 0, 0, 0][..], &lie, &lie].concat()).is_err());
        }
    }

    #[test]
    fn what_is_not_ip_says_so() {
        assert_eq!(under(LinkType::Ethernet, &ethernet_with(&[0x08, 0x06])), Err(LinkError::NotIp(0x0806)));
        assert_eq!(
            under(LinkType::Ethernet, &ethernet_with(&[0x88, 0xe5])),
            Err(LinkError::UnknownEncapsulation(0x88e5))
        );
        assert_eq!(under(LinkType::Other(147), &[]), Err(LinkError::UnknownLink(147)));
        assert_eq!(to_ip(NextProtocol::Ethernet, &[0; 13]), Err(LinkError::Short));
        let endless: Vec<u8> = [0x81, 0, 0, 1].repeat(40);
        assert_eq!(
            to_ip(NextProtocol::EtherType(0x8100), &endless[2..]),
            Err(LinkError::UnknownEncapsulation(0x8100))
        );
    }
}
