//! The clocks of capture agents: what their stamps are on the clock of whoever receives them.
//!
//! An agent stamps a packet when it captures it, which is what is wanted: the network to the recorder
//! adds its delays afterwards. But its clock is another machine's. Where it is ahead, what was said
//! before an answer would seem to be said after it. So an agent's clock is watched: no packet can come
//! before it was captured, and the least delayed of the last seconds comes almost at once. Where that
//! one seems to have taken from none to [`BELIEVED_NS`], clock and network are as they should be, and
//! stamps count as they are. Where it does not, all of the agent's stamps are moved so that it came at
//! once: their distances stay, and whatever the agent says, nothing was captured after it came.

use crate::time::{NS_PER_MS, NS_PER_S, Timestamp};
use foldhash::quality::RandomState;
use hashlink::LruCache;
use std::net::IpAddr;

/// The longest way of the quickest packet that is taken for the network's doing.
pub const BELIEVED_NS: i64 = 100 * NS_PER_MS;
/// The quickest packet is looked for among those of one to two such times.
const WINDOW_NS: i64 = 10 * NS_PER_S;
/// A packet that took so much longer than the quickest was not held up: the agent's clock was set.
const SET_NS: i64 = 30 * NS_PER_S;
/// Agents that are known at a time; the one unheard for longest is forgotten for another.
const AGENTS: usize = 1024;

/// An agent: where it sends from, and the number it gives itself.
pub type SendingAgent = (IpAddr, u32);

/// The clocks of all agents.
pub struct AgentClocks {
    agents: LruCache<SendingAgent, Quickest, RandomState>,
    forgotten: u64,
}

impl Default for AgentClocks {
    fn default() -> Self {
        AgentClocks { agents: LruCache::with_hasher(AGENTS, RandomState::default()), forgotten: 0 }
    }
}

impl AgentClocks {
    /// When something was captured that `agent` stamped `stamp` and that came at `arrival`.
    pub fn place(&mut self, agent: SendingAgent, stamp: Timestamp, arrival: Timestamp) -> Timestamp {
        let lag = arrival.since_ns(stamp);
        let least = match self.agents.get_mut(&agent) {
            Some(quickest) => quickest.with(lag, arrival),
            None => {
                self.forgotten += u64::from(self.agents.len() == AGENTS);
                self.agents.insert(agent, Quickest { before: lag, now: lag, since: arrival });
                lag
            }
        };
        if (0..=BELIEVED_NS).contains(&least) { stamp } else { stamp.offset_ns(least) }
    }

    /// The farthest that an agent's clock seems to be away, nanoseconds; positive: it is behind.
    pub fn farthest_ns(&self) -> i64 {
        self.agents.iter().map(|(_, q)| q.before.min(q.now)).max_by_key(|ns| ns.unsigned_abs()).unwrap_or(0)
    }

    /// Agents forgotten because there were too many.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

/// The least lag of an agent's packets, nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Quickest {
    /// In the window before.
    before: i64,
    /// In this one.
    now: i64,
    /// When this one began.
    since: Timestamp,
}

impl Quickest {
    /// The least, with another packet's.
    fn with(&mut self, lag: i64, arrival: Timestamp) -> i64 {
        let least = self.before.min(self.now);
        if lag.saturating_sub(least) > SET_NS {
            *self = Quickest { before: lag, now: lag, since: arrival };
        } else if arrival.since_ns(self.since) >= WINDOW_NS {
            *self = Quickest { before: self.now, now: lag, since: arrival };
        } else {
            self.now = self.now.min(lag);
        }
        self.before.min(self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: i64 = NS_PER_S;
    const T0: i64 = 1_800_000_000 * S;

    fn at(ns: i64) -> Timestamp {
        Timestamp::from_ns(ns)
    }

    fn agent(n: u32) -> SendingAgent {
        (IpAddr::from([192, 0, 2, 1]), n)
    }

    /// Packets every 20 ms with these delays, by a clock that is `ahead`: by how much each is misplaced.
    fn misplaced(clocks: &mut AgentClocks, ahead: i64, from: i64, delays: &[i64]) -> Vec<i64> {
        let one = |(n, delay): (usize, &i64)| {
            let captured = from + n as i64 * 20 * NS_PER_MS;
            let placed = clocks.place(agent(1), at(captured + ahead), at(captured + delay));
            placed.since_ns(at(captured))
        };
        delays.iter().enumerate().map(one).collect()
    }

    #[test]
    fn a_clock_that_is_right_is_believed_whatever_the_network_does() {
        let delays: Vec<i64> = (0..2000).map(|n| (n * 7919 % 90) * NS_PER_MS).collect();
        let off = misplaced(&mut AgentClocks::default(), 0, T0, &delays);
        assert!(off.iter().all(|ns| *ns == 0));
        // Held up for half a minute, then all at once.
        let held: Vec<i64> =
            (0..2000).map(|n| if n < 500 { 3 } else { (2000 - n) * 20 } * NS_PER_MS).collect();
        let off = misplaced(&mut AgentClocks::default(), 0, T0, &held);
        assert!(off.iter().all(|ns| *ns == 0), "{:?}", off.iter().position(|ns| *ns != 0));
    }

    #[test]
    fn a_clock_that_is_wrong_is_set_right() {
        for ahead in [-86_400 * S, -7 * S, -S / 4, NS_PER_MS, 3 * S, 86_400 * S, -T0] {
            let delays: Vec<i64> = (0..500).map(|n| (1 + n * 31 % 15) * NS_PER_MS).collect();
            let off = misplaced(&mut AgentClocks::default(), ahead, T0, &delays);
            let worst = off.iter().map(|ns| ns.abs()).max().unwrap_or_default();
            assert!(worst <= 15 * NS_PER_MS, "{ahead}: {worst}");
            assert!(off[40..].iter().all(|ns| *ns == off[499]), "{ahead}: steady");
        }
    }

    #[test]
    fn a_clock_that_is_set_is_followed() {
        for (first, then) in [(0, 3600 * S), (0, -3600 * S), (5 * S, 0), (-5 * S, 0), (0, -8 * S)] {
            let mut clocks = AgentClocks::default();
            let delays = [NS_PER_MS; 2000];
            misplaced(&mut clocks, first, T0, &delays);
            let off = misplaced(&mut clocks, then, T0 + 40 * S, &delays);
            assert!(off[1050..].iter().all(|ns| ns.abs() <= NS_PER_MS), "{first} {then}: {:?}", off.last());
        }
    }

    #[test]
    fn a_clock_that_drifts_is_followed() {
        let mut clocks = AgentClocks::default();
        for n in 0..100_000 {
            let (captured, drift) = (T0 + n * 20 * NS_PER_MS, n * 2000);
            let placed = clocks.place(agent(1), at(captured - 5 * S - drift), at(captured + NS_PER_MS));
            assert!(placed.since_ns(at(captured)).abs() <= 5 * NS_PER_MS, "{n}");
        }
    }

    #[test]
    fn agents_are_told_apart_and_bounded() {
        let mut clocks = AgentClocks::default();
        for n in 0..AGENTS as u32 + 5 {
            let ahead = i64::from(n) * S;
            assert_eq!(clocks.place(agent(n), at(T0 + ahead), at(T0)), at(T0));
            let later = T0 + 20 * NS_PER_MS;
            assert_eq!(clocks.place(agent(n), at(later + ahead), at(later)), at(later));
        }
        assert_eq!((clocks.agents.len(), clocks.forgotten()), (AGENTS, 5));
        assert_eq!(clocks.farthest_ns(), -(AGENTS as i64 + 4) * S);
    }

    proptest! {
        #[test]
        fn nothing_is_captured_after_it_came(
            packets in prop::collection::vec((0u32..3, any::<i64>(), 0i64..3 * T0), 1..60),
        ) {
            let mut clocks = AgentClocks::default();
            for (n, stamp, arrival) in packets {
                let placed = clocks.place(agent(n), at(stamp), at(arrival));
                prop_assert!(placed <= at(arrival));
            }
        }
    }
}
