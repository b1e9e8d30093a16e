//! Views of what stands on the wire: checked once, infallible to read.
//!
//! `fast` reads the packet that nearly every packet is in one go. For the rest,
//! `link` finds the IP packet under link headers and tags, `ip` and `transport`
//! read it, `tunnel` peels what carries another packet inside. All of it is
//! pure: bytes in, slices of them out. What has state (fragments, streams) is
//! `net`'s.

pub mod fast;
pub mod hep;
pub mod ip;
pub mod link;
pub mod transport;
pub mod tunnel;

use crate::time::Timestamp;

/// Number of netfilter's log.
const NFLOG: u16 = 239;

/// What the first byte of a frame is (the pcap link types that are understood).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkType {
    /// DLT 1.
    Ethernet,
    /// DLT 113: Linux cooked capture v1.
    LinuxSll,
    /// DLT 276: Linux cooked capture v2.
    LinuxSll2,
    /// DLT 12, 14, 101, 228, 229: an IP packet, version from its first nibble.
    RawIp,
    /// DLT 0 (host byte order) and 108 (network byte order): BSD loopback.
    Null,
    /// DLT 9, 50: PPP.
    Ppp,
    /// DLT 239: packets as Linux' netfilter hands them to a log.
    Nflog,
    /// Anything else: counted, not read.
    Other(u16),
}

impl LinkType {
    /// From the number in a capture file or from libpcap.
    pub fn from_dlt(dlt: u16) -> LinkType {
        match dlt {
            1 => LinkType::Ethernet,
            113 => LinkType::LinuxSll,
            276 => LinkType::LinuxSll2,
            12 | 14 | 101 | 228 | 229 => LinkType::RawIp,
            0 | 108 => LinkType::Null,
            9 | 50 => LinkType::Ppp,
            NFLOG => LinkType::Nflog,
            other => LinkType::Other(other),
        }
    }
}

/// One captured frame, borrowed from whoever captured it.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Capture time.
    pub ts: Timestamp,
    /// Link type of the interface.
    pub link: LinkType,
    /// What was captured; may be shorter than what was on the wire.
    pub data: &'a [u8],
    /// Length on the wire, bytes.
    pub wire_len: u32,
}
