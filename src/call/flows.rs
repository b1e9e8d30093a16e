//! Resolved flows, by their addresses: the one look-up that every media packet costs.
//!
//! Nearly all media is IPv4, whose two addresses and ports are 16 bytes here,
//! VLAN included, and 72 as two [`SocketAddr`]: at thousands of flows that is the
//! difference between one line of the cache and three. This module must not know
//! what a route means.
//!
//! [`SocketAddr`]: std::net::SocketAddr

use crate::net::Flow;
use crate::rtp::standing::SOURCE_SHIFT;
use crate::time::Timestamp;
use crate::wire::link::Vlan;
use foldhash::quality::RandomState;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::{SocketAddr, SocketAddrV4};

/// Capture time in steps of 134 ms: four bytes of a flow's entry. Wraps after 18 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tick(u32);

impl Tick {
    const SHIFT: u32 = 27;

    #[inline]
    pub fn at(at: Timestamp) -> Tick {
        Tick((at.as_ns() >> Tick::SHIFT) as u32)
    }

    /// Steps in so many milliseconds.
    pub const fn of_ms(ms: u64) -> u32 {
        ((ms * 1_000_000) >> Tick::SHIFT) as u32
    }

    /// The last instant of this step, which does not lie after `now`.
    pub fn instant(self, now: Timestamp) -> Timestamp {
        let steps = Tick::at(now).since(self);
        let next = ((now.as_ns() >> Tick::SHIFT) - i64::from(steps) + 1) << Tick::SHIFT;
        Timestamp::from_ns(next - 1).min(now)
    }

    /// The earliest instant of a step that began so many before the one of `now`.
    pub fn begins(steps: u32, now: Timestamp) -> Timestamp {
        now.offset_ns(-((i64::from(steps) + 1) << Tick::SHIFT))
    }

    /// Steps from `earlier`; none if it is later.
    pub fn since(self, earlier: Tick) -> u32 {
        let steps = self.0.wrapping_sub(earlier.0);
        if steps > u32::MAX / 2 { 0 } else { steps }
    }
}

/// A number for telling a recording's flows apart, whichever VLAN they were seen
/// on; its upper 20 bits tell their sources apart. Not seeded: it must be the same on every run.
pub(super) fn fingerprint(flow: &Flow) -> u32 {
    let hash = |a: &SocketAddr| foldhash::fast::FixedState::default().hash_one(a) as u32;
    hash(&flow.src) & SOURCE | hash(&flow.dst) & !SOURCE
}

/// The bits of a fingerprint that are its source's.
const SOURCE: u32 = !0 << SOURCE_SHIFT;

/// Address, port and half of the VLANs in each word.
#[inline]
fn compact(flow: &Flow) -> Option<(u64, u64)> {
    let word = |a: &SocketAddrV4, tag: u16| {
        u64::from(a.ip().to_bits()) << 32 | u64::from(a.port()) << 16 | u64::from(tag)
    };
    let [inner, outer] = flow.vlan.ids();
    match (&flow.src, &flow.dst) {
        (SocketAddr::V4(src), SocketAddr::V4(dst)) => Some((word(src, inner), word(dst, outer))),
        _ => None,
    }
}

/// What is known of each flow. Its bound is its owner's to keep.
#[derive(Debug)]
pub(super) struct Flows<T> {
    v4: HashMap<(u64, u64), T, RandomState>,
    other: HashMap<Flow, T, RandomState>,
}

impl<T> Default for Flows<T> {
    fn default() -> Self {
        Flows { v4: HashMap::default(), other: HashMap::default() }
    }
}

impl<T> Flows<T> {
    /// What is known of `flow`.
    pub fn get(&self, flow: &Flow) -> Option<&T> {
        match compact(flow) {
            Some(key) => self.v4.get(&key),
            None => self.other.get(flow),
        }
    }

    /// What is known of `flow`, to change it.
    #[inline]
    pub fn get_mut(&mut self, flow: &Flow) -> Option<&mut T> {
        match compact(flow) {
            Some(key) => self.v4.get_mut(&key),
            None => self.other.get_mut(flow),
        }
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Flow, &T)> {
        let addr =
            |word: u64| SocketAddr::V4(SocketAddrV4::new(((word >> 32) as u32).into(), (word >> 16) as u16));
        let v4 = self.v4.iter().map(move |((src, dst), known)| {
            let vlan = Vlan::NONE.with(*dst as u16).with(*src as u16);
            (Flow { src: addr(*src), dst: addr(*dst), vlan }, known)
        });
        v4.chain(self.other.iter().map(|(flow, known)| (*flow, known)))
    }

    /// States what is known of `flow`.
    pub fn insert(&mut self, flow: Flow, known: T) {
        match compact(&flow) {
            Some(key) => self.v4.insert(key, known),
            None => self.other.insert(flow, known),
        };
    }

    /// Forgets `flow`; what was known of it.
    pub fn remove(&mut self, flow: &Flow) -> Option<T> {
        match compact(flow) {
            Some(key) => self.v4.remove(&key),
            None => self.other.remove(flow),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::standing::source_of;

    fn flow(src: &str, dst: &str) -> Flow {
        let [src, dst] = [src, dst].map(|a| a.parse().expect("an address"));
        Flow { src, dst, vlan: Vlan::NONE }
    }

    fn tagged(flow: Flow, tags: &[u16]) -> Flow {
        Flow { vlan: tags.iter().fold(Vlan::NONE, |v, t| v.with(*t)), ..flow }
    }

    #[test]
    fn a_fingerprint_is_of_the_addresses() {
        let f = flow("10.0.0.1:4000", "10.0.0.2:4002");
        assert_eq!(fingerprint(&f), fingerprint(&tagged(f, &[7])));
        let [same, other] = [flow("10.0.0.1:4000", "10.0.0.2:4003"), flow("10.0.0.1:4002", "10.0.0.2:4002")];
        assert_ne!(fingerprint(&f), fingerprint(&same));
        let source = |f: &Flow| source_of(fingerprint(f));
        assert_eq!(source(&f), source(&same));
        assert_ne!(source(&f), source(&other));
    }

    #[test]
    fn a_tick_is_told_by_its_last_instant() {
        let now = Timestamp::from_ns(1_795_421_723_000_000_000);
        for ms in [0, 1, 100, 5000, 3_600_000] {
            let then = now.offset_ns(-ms * 1_000_000);
            let instant = Tick::at(then).instant(now);
            assert_eq!(Tick::at(instant), Tick::at(then));
            assert!(instant.since_ns(then) < 1 << Tick::SHIFT && (then..=now).contains(&instant));
        }
    }

    #[test]
    fn ticks_count_on() {
        let at = |ms: i64| Tick::at(Timestamp::from_ns(1_795_421_723_000_000_000 + ms * 1_000_000));
        assert!(at(3500).since(at(0)) > Tick::of_ms(3000));
        assert!(at(2500).since(at(0)) < Tick::of_ms(3000));
        assert_eq!(at(0).since(at(500)), 0);
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
            tagged(flow("10.0.0.1:4000", "10.0.0.2:4002"), &[7]),
            tagged(flow("10.0.0.1:4000", "10.0.0.2:4002"), &[100, 7]),
            tagged(flow("10.0.0.1:4000", "10.0.0.2:4002"), &[7, 100]),
            tagged(flow("[2001:db8::1]:4000", "[2001:db8::2]:4002"), &[7]),
        ];
        let mut flows = Flows::default();
        for (i, f) in all.iter().enumerate() {
            assert_eq!(flows.get(f), None);
            flows.insert(*f, i);
        }
        for (i, f) in all.iter().enumerate() {
            assert_eq!(flows.get(f), Some(&i));
        }
        let mut listed: Vec<_> = flows.iter().map(|(flow, i)| (*i, flow)).collect();
        listed.sort_unstable();
        assert!(listed.iter().map(|(_, f)| f).eq(&all), "{listed:?}");
        flows.remove(&all[0]);
        flows.remove(&all[3]);
        let left: Vec<_> = all.iter().map(|f| flows.get(f).is_some()).collect();
        assert_eq!(left, [false, true, true, false, true, true, true, true, true, true]);
    }
}
