//! Resolved flows, by their addresses: the one look-up that every media packet costs.
//!
//! Nearly all media is IPv4, whose two addresses and ports are 16 bytes here, and
//! 64 as two [`SocketAddr`]: at thousands of flows that is the difference
//! between one line of the cache and three. This module must not know what a
//! route means.

use foldhash::quality::RandomState;
use hashbrown::HashMap;
use std::hash::BuildHasher;
use std::net::{SocketAddr, SocketAddrV4};

/// Source and destination of a media packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowKey {
    /// Sender.
    pub src: SocketAddr,
    /// Receiver.
    pub dst: SocketAddr,
}

impl FlowKey {
    /// A number for telling a recording's flows apart. Not seeded: it must be
    /// the same on every run.
    pub fn fingerprint(&self) -> u32 {
        foldhash::fast::FixedState::default().hash_one(self) as u32
    }

    fn compact(&self) -> Option<(u64, u64)> {
        let word = |a: &SocketAddrV4| u64::from(a.ip().to_bits()) << 16 | u64::from(a.port());
        match (&self.src, &self.dst) {
            (SocketAddr::V4(src), SocketAddr::V4(dst)) => Some((word(src), word(dst))),
            _ => None,
        }
    }
}

/// What is known of each flow. Its bound is its owner's to keep.
#[derive(Debug)]
pub(super) struct Flows<T> {
    v4: HashMap<(u64, u64), T, RandomState>,
    other: HashMap<FlowKey, T, RandomState>,
}

impl<T> Default for Flows<T> {
    fn default() -> Self {
        Flows { v4: HashMap::default(), other: HashMap::default() }
    }
}

impl<T> Flows<T> {
    /// What is known of `flow`.
    pub fn get(&self, flow: &FlowKey) -> Option<&T> {
        match flow.compact() {
            Some(key) => self.v4.get(&key),
            None => self.other.get(flow),
        }
    }

    /// States what is known of `flow`.
    pub fn insert(&mut self, flow: FlowKey, known: T) {
        match flow.compact() {
            Some(key) => self.v4.insert(key, known),
            None => self.other.insert(flow, known),
        };
    }

    /// Forgets `flow`.
    pub fn remove(&mut self, flow: &FlowKey) {
        match flow.compact() {
            Some(key) => self.v4.remove(&key),
            None => self.other.remove(flow),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(src: &str, dst: &str) -> FlowKey {
        FlowKey { src: src.parse().expect("an address"), dst: dst.parse().expect("an address") }
    }

    #[test]
    fn flows_of_either_family_are_told_apart_by_all_they_have() {
        let all = [
            flow("10.0.0.1:4000", "10.0.0.2:4002"),
            flow("10.0.0.2:4002", "10.0.0.1:4000"),
            flow("10.0.0.1:4000", "10.0.0.2:4003"),
            flow("[2001:db8::1]:4000", "[2001:db8::2]:4002"),
            flow("[2001:db8::2]:4002", "[2001:db8::1]:4000"),
            flow("10.0.0.1:4000", "[2001:db8::2]:4002"),
        ];
        let mut flows = Flows::default();
        for (i, f) in all.iter().enumerate() {
            assert_eq!(flows.get(f), None);
            flows.insert(*f, i);
        }
        for (i, f) in all.iter().enumerate() {
            assert_eq!(flows.get(f), Some(&i));
        }
        flows.remove(&all[0]);
        flows.remove(&all[3]);
        let left: Vec<_> = all.iter().map(|f| flows.get(f).is_some()).collect();
        assert_eq!(left, [false, true, true, false, true, true]);
    }
}
