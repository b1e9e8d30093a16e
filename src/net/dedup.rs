//! One packet mirrored twice: the second copy is dropped.
//!
//! A span of both directions, of ingress and egress, of tagged and untagged
//! side shows every packet again, a moment later, with another TTL at most.
//! Copies agree in addresses, ports, IP identification and payload. What a
//! sender repeats on purpose comes half a second later (RFC 3261 T1), what a
//! proxy passes on has other addresses. For signalling only: media has
//! sequence numbers and finds its own duplicates.

use super::datagram::Flow;
use crate::time::{NS_PER_MS, Timestamp};
use foldhash::quality::RandomState;
use hashlink::LruCache;
use std::hash::BuildHasher;

/// Copies come within this time.
const WINDOW_NS: i64 = 50 * NS_PER_MS;

/// Datagrams remembered: 80,000 a second fill the window.
const REMEMBERED: usize = 4096;

/// Remembers what was seen within the window.
pub struct Dedup {
    seed: RandomState,
    seen: LruCache<u64, Timestamp, RandomState>,
}

impl Default for Dedup {
    fn default() -> Self {
        let seen = LruCache::with_hasher(REMEMBERED, RandomState::default());
        Dedup { seed: RandomState::default(), seen }
    }
}

impl Dedup {
    /// Whether this is a copy of what was seen within the last 50 ms (either way: time may run backwards).
    pub fn is_copy(&mut self, ts: Timestamp, flow: &Flow, ip_id: u32, payload: &[u8]) -> bool {
        // Of a tagged and an untagged copy the tag says nothing.
        let key = self.seed.hash_one((flow.src, flow.dst, ip_id, payload));
        if let Some(first) = self.seen.peek(&key)
            && ts.since_ns(*first).saturating_abs() <= WINDOW_NS
        {
            return true;
        }
        self.seen.insert(key, ts);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::link::Vlan;

    fn flow(src: &str) -> Flow {
        let dst = "10.0.0.2:5060".parse().expect("an address");
        Flow { src: src.parse().expect("an address"), dst, vlan: Vlan::NONE }
    }

    #[test]
    fn copies_are_told_from_repeats_and_hops() {
        let mut dedup = Dedup::default();
        let at = |ms: i64| Timestamp::from_ns(ms * NS_PER_MS);
        let a = flow("10.0.0.1:5060");
        assert!(!dedup.is_copy(at(0), &a, 7, b"INVITE"));
        assert!(dedup.is_copy(at(1), &a, 7, b"INVITE"));
        assert!(dedup.is_copy(at(-1), &a, 7, b"INVITE"));
        assert!(!dedup.is_copy(at(1), &a, 8, b"INVITE"), "another packet of the same sender");
        assert!(!dedup.is_copy(at(1), &flow("10.0.0.9:5060"), 7, b"INVITE"), "another hop");
        assert!(!dedup.is_copy(at(1), &a, 7, b"ACK"));
        assert!(!dedup.is_copy(at(500), &a, 7, b"INVITE"), "T1 later it is a retransmission");
        assert!(dedup.is_copy(at(501), &a, 7, b"INVITE"));
    }

    #[test]
    fn memory_is_bounded() {
        let mut dedup = Dedup::default();
        for n in 0..3 * REMEMBERED as u32 {
            dedup.is_copy(Timestamp::EPOCH, &flow("10.0.0.1:5060"), n, b"x");
        }
        assert_eq!(dedup.seen.len(), REMEMBERED);
    }
}
