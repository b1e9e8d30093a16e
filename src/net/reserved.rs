//! Addresses that no packet of a network has: between them the engine is told of calls that it learns of
//! otherwise than from packets (SIPREC).
//!
//! They are of the discard-only block 100::/64 (RFC 6666). What claims to be from or to one of them and
//! was captured, or was handed in by a mirroring protocol, is dropped: nobody forges such a call.

use std::net::{IpAddr, Ipv6Addr};

/// The first four groups of every such address.
const PREFIX: [u16; 4] = [0x100, 0, 0, 0];

/// A header that is read between these addresses only: what SIP has no word for.
pub const TOLD_HEADER: &str = "Nauhuri-Told";

/// What it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToldNote {
    /// In a BYE: the call is over, by whom is not known.
    Ended,
    /// Some of what is said is not in the recording, or not apart from the other voice.
    Missing,
}

impl ToldNote {
    /// As the header has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            ToldNote::Ended => "ended",
            ToldNote::Missing => "missing",
        }
    }
}

/// Is this one of them?
#[inline]
pub fn is_reserved(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => false,
        IpAddr::V6(ip) => ip.segments()[..4] == PREFIX,
    }
}

/// The hosts of the two sides of dialog `number`.
pub fn hosts(number: u64) -> [IpAddr; 2] {
    let host = |side: u64| {
        let prefix = PREFIX.iter().fold(0_u128, |all, group| all << 16 | u128::from(*group));
        IpAddr::V6(Ipv6Addr::from(prefix << 64 | u128::from(number << 1 | side)))
    };
    [host(0), host(1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialog_has_two_of_its_own() {
        let [a, b] = hosts(1);
        assert_eq!((a.to_string(), b.to_string()), ("100::2".into(), "100::3".into()));
        let all: std::collections::BTreeSet<IpAddr> = (0..100).flat_map(hosts).collect();
        assert_eq!(all.len(), 200);
        assert!(all.iter().all(|ip| is_reserved(*ip)));
        for other in ["100:0:0:1::2", "101::2", "::2", "1.0.0.0", "::ffff:1.0.0.0"] {
            assert!(!is_reserved(other.parse().expect("an address")), "{other}");
        }
    }
}
