//! Flows that nobody claims, by the hosts between which they run.
//!
//! Where nothing is known of a flow but its hosts, it matters since when it has
//! been running, what else runs between them, and whether it is answered from the
//! port it goes to: through two NATs media gets no other way. Pure and bounded:
//! where more pairs of hosts are heard than there is room for, nothing is said of
//! those that come.

use super::flows::Tick;
use crate::net::Flow;
use foldhash::quality::RandomState;
use hashlink::LruCache;
use smallvec::SmallVec;
use std::net::{IpAddr, SocketAddr};

/// Pairs of hosts remembered; the one longest silent gives way.
const MAX_PAIRS: usize = 1024;
/// Flows remembered from one host to another.
const MAX_FLOWS: usize = 8;
/// A flow that was heard so shortly ago runs beside the others.
const RUNS: u32 = Tick::of_ms(3000);
/// Addresses of calls that are over.
const MAX_LEFT: usize = 4096;
/// What was heard so long ago may go on, and be of a call that is over.
const LINGERS: u32 = Tick::of_ms(300_000);

/// How a flow stands beside what else runs between its hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Company {
    /// It runs both ways, and nothing else between the hosts does. When it began; none where it may
    /// have run before.
    Paired(Option<Tick>),
    /// Nothing comes back on it yet, and nothing else runs in its direction.
    Alone(Option<Tick>),
    /// Others run beside it that may be as good.
    Crowded,
}

#[derive(Clone, Copy, Debug)]
struct Unclaimed {
    flow: Flow,
    began: Option<Tick>,
    heard: Tick,
}

impl Unclaimed {
    fn lingers(&self, now: Tick) -> bool {
        now.since(self.heard) <= LINGERS
    }

    fn is_live(&self, now: Tick) -> bool {
        now.since(self.heard) <= RUNS
    }
}

/// All of them, by source and destination host.
#[derive(Debug)]
pub(super) struct HostPairs {
    pairs: LruCache<[IpAddr; 2], SmallVec<[Unclaimed; 1]>, RandomState>,
    /// When one that was still heard had to give way.
    pushed_out: Option<Tick>,
    /// When a call that was there was over.
    left: LruCache<SocketAddr, Tick, RandomState>,
}

impl Default for HostPairs {
    fn default() -> Self {
        let pairs = LruCache::with_hasher(MAX_PAIRS, RandomState::default());
        let left = LruCache::with_hasher(MAX_LEFT, RandomState::default());
        HostPairs { pairs, pushed_out: None, left }
    }
}

impl HostPairs {
    /// A call that was at `addr` is over.
    pub fn leave(&mut self, addr: SocketAddr, now: Tick) {
        self.left.insert(addr, now);
    }

    /// A packet of `flow` was seen, which nobody claims: how does the flow stand?
    pub fn note(&mut self, flow: &Flow, now: Tick) -> Company {
        let hosts = [flow.src.ip(), flow.dst.ip()];
        if !self.pairs.contains_key(&hosts) && self.pairs.len() >= MAX_PAIRS {
            let old = self.pairs.remove_lru();
            if old.is_some_and(|(_, flows)| flows.iter().any(|u| u.lingers(now))) {
                self.pushed_out = Some(now);
            }
        }
        let may_be_known = self.pushed_out.is_none_or(|at| now.since(at) > LINGERS);
        let began = may_be_known.then_some(now);
        let known = self.pairs.entry(hosts).or_insert_with(SmallVec::new);
        known.retain(|u| u.lingers(now));
        match known.iter().position(|u| u.flow == *flow) {
            Some(own) => known[own].heard = now,
            None if known.len() >= MAX_FLOWS => return Company::Crowded,
            None => known.push(Unclaimed { flow: *flow, began, heard: now }),
        }
        let was_left = |a: &SocketAddr| self.left.peek(a).is_some_and(|at| now.since(*at) <= LINGERS);
        if was_left(&flow.src) || was_left(&flow.dst) {
            return Company::Crowded;
        }
        let here: SmallVec<[Unclaimed; 1]> = known.iter().filter(|u| u.is_live(now)).copied().collect();
        let there = self.pairs.peek(&[hosts[1], hosts[0]]).map_or(&[][..], |known| known);
        let is_answered =
            |f: &Flow| there.iter().any(|u| u.is_live(now) && (u.flow.src, u.flow.dst) == (f.dst, f.src));
        let began = here.iter().find(|u| u.flow == *flow).and_then(|u| u.began);
        match here.iter().filter(|u| is_answered(&u.flow)).count() {
            1 if is_answered(flow) => Company::Paired(began),
            0 if here.len() == 1 => Company::Alone(began),
            _ => Company::Crowded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;
    use crate::wire::link::Vlan;

    fn flow(from: [u8; 4], src: u16, dst: u16) -> Flow {
        Flow { src: (from, src).into(), dst: ([203, 0, 113, 9], dst).into(), vlan: Vlan::NONE }
    }

    fn back(f: Flow) -> Flow {
        Flow { src: f.dst, dst: f.src, ..f }
    }

    fn at(ms: i64) -> Tick {
        Tick::at(Timestamp::from_ns(1_795_421_723_000_000_000 + ms * 1_000_000))
    }

    fn alone(ms: i64) -> Company {
        Company::Alone(Some(at(ms)))
    }

    fn paired(ms: i64) -> Company {
        Company::Paired(Some(at(ms)))
    }

    const HOME: [u8; 4] = [198, 51, 100, 7];

    #[test]
    fn what_is_answered_is_told_from_what_is_not() {
        let mut pairs = HostPairs::default();
        let [a, b] = [flow(HOME, 1, 2), flow(HOME, 3, 4)];
        assert_eq!(pairs.note(&a, at(0)), alone(0));
        assert_eq!(pairs.note(&a, at(2000)), alone(0));
        // Another host, another pair.
        assert_eq!(pairs.note(&flow([198, 51, 100, 8], 1, 2), at(2000)), alone(2000));
        // Two in one direction, then one of them is answered.
        assert_eq!(pairs.note(&b, at(2100)), Company::Crowded);
        assert_eq!(pairs.note(&a, at(2200)), Company::Crowded);
        assert_eq!(pairs.note(&back(b), at(2300)), paired(2300));
        assert_eq!(pairs.note(&b, at(2400)), paired(2100));
        assert_eq!(pairs.note(&a, at(2400)), Company::Crowded);
        // Both are.
        assert_eq!(pairs.note(&back(a), at(2500)), Company::Crowded);
        assert_eq!(pairs.note(&b, at(2500)), Company::Crowded);
        // What is silent does not count, and goes on when it comes back; what is over begins anew.
        assert_eq!(pairs.note(&b, at(9000)), alone(2100));
        assert_eq!(pairs.note(&a, at(20_000)), alone(0));
        assert_eq!(pairs.note(&a, at(400_000)), alone(400_000));
    }

    #[test]
    fn what_goes_on_after_a_call_is_not_the_next_ones() {
        let mut pairs = HostPairs::default();
        let f = flow(HOME, 1, 2);
        pairs.leave(f.dst, at(0));
        assert_eq!(pairs.note(&f, at(100_000)), Company::Crowded);
        assert_eq!(pairs.note(&back(f), at(100_000)), Company::Crowded);
        assert_eq!(pairs.note(&flow(HOME, 1, 4), at(110_000)), alone(110_000));
        assert_eq!(pairs.note(&f, at(500_000)), alone(500_000));
    }

    #[test]
    fn too_many_flows_or_pairs_say_nothing() {
        let mut pairs = HostPairs::default();
        for port in 0..2 * MAX_FLOWS as u16 {
            let want = if port == 0 { alone(0) } else { Company::Crowded };
            assert_eq!(pairs.note(&flow(HOME, port, 2), at(0)), want);
        }
        let host = |n: usize| [10, 0, (n >> 8) as u8, n as u8];
        let mut pairs = HostPairs::default();
        for n in 0..MAX_PAIRS {
            assert_eq!(pairs.note(&flow(host(n), 1, 2), at(0)), alone(0));
        }
        // The first gave way: whether it ran before cannot be known.
        let unknown = Company::Alone(None);
        assert_eq!(pairs.note(&flow(host(MAX_PAIRS), 1, 2), at(10)), unknown);
        assert_eq!(pairs.note(&flow(host(0), 1, 2), at(20)), unknown);
        assert_eq!(pairs.note(&flow(host(0), 1, 2), at(200_000)), unknown);
        assert_eq!(pairs.note(&flow(host(MAX_PAIRS - 1), 1, 2), at(20)), alone(0));
        // Those that are over give way to anybody.
        assert_eq!(pairs.note(&flow(host(5000), 1, 2), at(900_000)), alone(900_000));
    }
}
