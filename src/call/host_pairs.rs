//! Flows that nobody claims, by the hosts between which they run.
//!
//! Where nothing is known of a flow but its hosts, it matters since when it has
//! been running, what else runs between them, and whether it is answered from the
//! port it goes to: through two NATs media gets no other way. Pure and bounded:
//! where more pairs of hosts are heard than there is room for, nothing is said of
//! those that come.

use super::flows::Tick;
use super::guess::way_back;
use crate::net::Flow;
use crate::wire::link::Vlan;
use foldhash::quality::RandomState;
use hashlink::LruCache;
use smallvec::SmallVec;
use std::net::IpAddr;

/// Pairs of hosts remembered; the one longest silent gives way.
const MAX_PAIRS: usize = 1024;
/// Hosts remembered at which a call was over.
const MAX_HOSTS: usize = 4096;
/// Flows remembered from one host to another.
const MAX_FLOWS: usize = 8;
/// A flow that was heard so shortly ago runs beside the others.
const RUNS: u32 = Tick::of_ms(1000);
/// What was heard so long ago may go on.
const LINGERS: u32 = Tick::of_ms(300_000);

/// How a flow stands beside what else runs between its hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Company {
    /// It runs both ways, and nothing else between the hosts does. When it began; none where it may
    /// have run before.
    Paired(Option<Tick>),
    /// Nothing comes back on it yet, and nothing else runs in its direction.
    Alone(Option<Tick>),
    /// Others run beside it that may be as good, or it may be of a call that is over.
    Crowded,
}

#[derive(Clone, Copy, Debug)]
struct Unclaimed {
    flow: Flow,
    ssrc: u32,
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

/// From where to where, on which VLAN.
type PairOfHosts = (IpAddr, IpAddr, Vlan);

fn hosts(flow: &Flow) -> PairOfHosts {
    (flow.src.ip(), flow.dst.ip(), flow.vlan)
}

/// All of them, by source and destination host.
#[derive(Debug)]
pub(super) struct HostPairs {
    pairs: LruCache<PairOfHosts, SmallVec<[Unclaimed; 1]>, RandomState>,
    /// When one that may go on had to give way.
    pushed_out: Option<Tick>,
    /// When a call with a party there was last over.
    over: LruCache<IpAddr, Tick, RandomState>,
}

impl Default for HostPairs {
    fn default() -> Self {
        let pairs = LruCache::with_hasher(MAX_PAIRS, RandomState::default());
        let over = LruCache::with_hasher(MAX_HOSTS, RandomState::default());
        HostPairs { pairs, pushed_out: None, over }
    }
}

impl HostPairs {
    /// A call with a party at `host` is over: what runs there by now may be its.
    pub fn over(&mut self, host: IpAddr, now: Tick) {
        self.over.insert(host, now);
    }

    /// A packet of `flow`, of the source `ssrc`, was seen, which nobody claims: how does the flow stand?
    pub fn note(&mut self, flow: &Flow, ssrc: u32, now: Tick) -> Company {
        let new = Unclaimed { flow: *flow, ssrc, began: Some(now), heard: now };
        if !self.add(new) {
            return Company::Crowded;
        }
        let [here, there] = [*flow, way_back(flow)].map(|f| {
            let known = self.pairs.peek(&hosts(&f)).into_iter().flatten();
            known.filter(|u| u.is_live(now)).copied().collect::<SmallVec<[Unclaimed; 2]>>()
        });
        let is_answered = |f: &Flow| there.iter().any(|u| (u.flow.src, u.flow.dst) == (f.dst, f.src));
        let began = here.iter().find(|u| u.flow == *flow).and_then(|u| u.began);
        let was_before = |host: IpAddr| {
            let over = self.over.peek(&host);
            began.zip(over).is_some_and(|(began, over)| began.since(*over) == 0)
        };
        if was_before(flow.src.ip()) || was_before(flow.dst.ip()) {
            return Company::Crowded;
        }
        match here.iter().filter(|u| is_answered(&u.flow)).count() {
            1 if is_answered(flow) => Company::Paired(began),
            0 if here.len() == 1 => Company::Alone(began),
            _ => Company::Crowded,
        }
    }

    /// What a call that is over was heard on may go on.
    pub fn go_on(&mut self, flow: Flow, ssrc: u32, [began, heard]: [Tick; 2]) {
        self.add(Unclaimed { flow, ssrc, began: Some(began), heard });
    }

    /// Somebody owns the flow.
    pub fn forget(&mut self, flow: &Flow) {
        if let Some(known) = self.pairs.get_mut(&hosts(flow)) {
            known.retain(|u| u.flow != *flow);
        }
    }

    /// Is there room for one more?
    fn add(&mut self, new: Unclaimed) -> bool {
        let (key, now) = (hosts(&new.flow), new.heard);
        if !self.pairs.contains_key(&key) && self.pairs.len() >= MAX_PAIRS {
            let old = self.pairs.remove_lru();
            if old.is_some_and(|(_, flows)| flows.iter().any(|u| u.lingers(now))) {
                self.pushed_out = Some(now);
            }
        }
        let may_be_known = self.pushed_out.is_none_or(|at| now.since(at) > LINGERS);
        let known = self.pairs.entry(key).or_insert_with(SmallVec::new);
        known.retain(|u| u.lingers(now));
        match known.iter().position(|u| u.flow == new.flow) {
            // After a silence another source is another party.
            Some(own) if !known[own].is_live(now) && known[own].ssrc != new.ssrc => known[own] = new,
            Some(own) => (known[own].heard, known[own].ssrc) = (now, new.ssrc),
            None if known.len() >= MAX_FLOWS => return false,
            None => known.push(Unclaimed { began: new.began.filter(|_| may_be_known), ..new }),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

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
        assert_eq!(pairs.note(&a, 7, at(0)), alone(0));
        assert_eq!(pairs.note(&a, 7, at(2000)), alone(0));
        // Another host, or another VLAN, is another pair.
        assert_eq!(pairs.note(&flow([198, 51, 100, 8], 1, 2), 7, at(2000)), alone(2000));
        assert_eq!(pairs.note(&Flow { vlan: Vlan::NONE.with(7), ..b }, 7, at(2000)), alone(2000));
        // Two in one direction, then one of them is answered.
        assert_eq!(pairs.note(&b, 8, at(2100)), Company::Crowded);
        assert_eq!(pairs.note(&a, 7, at(2200)), Company::Crowded);
        assert_eq!(pairs.note(&back(b), 9, at(2300)), paired(2300));
        assert_eq!(pairs.note(&b, 8, at(2400)), paired(2100));
        assert_eq!(pairs.note(&a, 7, at(2400)), Company::Crowded);
        // Both are.
        assert_eq!(pairs.note(&back(a), 6, at(2500)), Company::Crowded);
        assert_eq!(pairs.note(&b, 8, at(2500)), Company::Crowded);
        // What is somebody's does not count.
        [a, back(a)].iter().for_each(|f| pairs.forget(f));
        assert_eq!(pairs.note(&b, 8, at(2500)), paired(2100));
        // Nor does what is silent: it goes on when it comes back, unless it is another source.
        assert_eq!(pairs.note(&b, 8, at(9000)), alone(2100));
        assert_eq!(pairs.note(&b, 5, at(9500)), alone(2100));
        assert_eq!(pairs.note(&b, 4, at(20_000)), alone(20_000));
        assert_eq!(pairs.note(&b, 4, at(400_000)), alone(400_000));
    }

    #[test]
    fn what_goes_on_after_a_call_is_not_the_next_ones() {
        let mut pairs = HostPairs::default();
        let f = flow(HOME, 1, 2);
        assert_eq!(pairs.note(&f, 7, at(0)), alone(0));
        pairs.over(f.dst.ip(), at(1000));
        assert_eq!(pairs.note(&f, 7, at(1500)), Company::Crowded);
        assert_eq!(pairs.note(&f, 7, at(20_000)), Company::Crowded);
        // Another source after a silence is of the next call, as is what begins elsewhere.
        assert_eq!(pairs.note(&f, 8, at(30_000)), alone(30_000));
        pairs.go_on(back(f), 9, [at(500), at(900)]);
        assert_eq!(pairs.note(&back(f), 9, at(30_000)), Company::Crowded);
        assert_eq!(pairs.note(&flow([198, 51, 100, 8], 1, 4), 7, at(30_000)), alone(30_000));
    }

    #[test]
    fn too_many_flows_or_pairs_say_nothing() {
        let mut pairs = HostPairs::default();
        for port in 0..2 * MAX_FLOWS as u16 {
            let want = if port == 0 { alone(0) } else { Company::Crowded };
            assert_eq!(pairs.note(&flow(HOME, port, 2), 7, at(0)), want);
        }
        let host = |n: usize| [10, 0, (n >> 8) as u8, n as u8];
        let mut pairs = HostPairs::default();
        for n in 0..MAX_PAIRS {
            assert_eq!(pairs.note(&flow(host(n), 1, 2), 7, at(0)), alone(0));
        }
        // The first gave way: whether it ran before cannot be known.
        let unknown = Company::Alone(None);
        assert_eq!(pairs.note(&flow(host(MAX_PAIRS), 1, 2), 7, at(10)), unknown);
        assert_eq!(pairs.note(&flow(host(0), 1, 2), 7, at(20)), unknown);
        assert_eq!(pairs.note(&flow(host(0), 1, 2), 7, at(200_000)), unknown);
        assert_eq!(pairs.note(&flow(host(MAX_PAIRS - 1), 1, 2), 7, at(20)), alone(0));
        // Those that are over give way to anybody.
        assert_eq!(pairs.note(&flow(host(5000), 1, 2), 7, at(900_000)), alone(900_000));
    }
}
