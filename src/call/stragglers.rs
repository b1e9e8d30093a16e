//! Flows of calls just hung up: what still comes is not the next call's.
//!
//! A party that has not got the BYE yet goes on sending. Where the next call
//! names only one of the two addresses its packets would be taken for that
//! call's. Another source on the same addresses is not that party. Bounded, and
//! forgotten after two seconds.

use super::flows::Tick;
use super::owner::Owned;
use super::runs::{Run, StreamPosition};
use super::session::{Rank, Session, Sessions};
use crate::net::Flow;
use foldhash::quality::RandomState;
use smallvec::SmallVec;
use std::collections::HashMap;

/// A party may go on sending so long after its call was hung up.
const STRAGGLES: u32 = Tick::of_ms(2000);
/// Sources of one flow.
const MAX_SOURCES: usize = 4;
/// Flows remembered.
const MAX_FLOWS: usize = 8192;

/// A flow whose call is over.
#[derive(Clone, Debug)]
struct Buried {
    at: Tick,
    /// Its leg and group; none where it may have been of several.
    of: Option<(u64, u64)>,
    /// Its sources (RFC 3550 §3) and how far they have come; none where there are too many.
    sources: SmallVec<[StreamPosition; 2]>,
    /// It was signalled on the VLAN it ran on.
    on_vlan: bool,
    /// Whose it would be by now, leg and group, and when that was last so: that call may be
    /// over in its turn.
    heir: Option<(Tick, u64, u64)>,
}

impl Buried {
    fn is_recent(&self, now: Tick) -> bool {
        let is_recent = |at: Tick| now.since(at) <= STRAGGLES;
        is_recent(self.at) || self.heir.is_some_and(|(at, ..)| is_recent(at))
    }
}

/// Flows of calls just hung up.
#[derive(Debug, Default)]
pub(super) struct Stragglers {
    flows: HashMap<Flow, Buried, RandomState>,
    /// See [`super::Overflow::parts`].
    pub no_room: u64,
}

impl Stragglers {
    /// The call of a session is over: these were its flows, with their sources where each had one.
    pub fn bury(
        &mut self,
        s: &Session,
        flows: impl Iterator<Item = (Flow, SmallVec<[StreamPosition; 2]>)>,
        now: Tick,
    ) {
        if self.flows.len() >= MAX_FLOWS {
            self.flows.retain(|_, b| b.is_recent(now));
        }
        for (flow, sources) in flows {
            if self.flows.len() >= MAX_FLOWS {
                self.no_room += 1;
                continue;
            }
            let on_vlan = s.vlans.contains(&flow.vlan);
            let of = Some((s.age, s.group));
            let new = Buried { at: now, of, sources, on_vlan, heir: None };
            let old = self.flows.entry(flow).or_insert_with(|| new.clone());
            // Of two calls one after the other it may be either's.
            let is_same = old.of == new.of || now.since(old.at) > STRAGGLES;
            let mut sources = new.sources.clone();
            let is_gone = now.since(old.at) > STRAGGLES;
            let others = old.sources.iter().filter(|o| !is_gone && sources.iter().all(|s| s.ssrc != o.ssrc));
            let others: SmallVec<[StreamPosition; 2]> = others.copied().collect();
            sources.extend(others);
            if sources.len() > MAX_SOURCES || (old.sources.is_empty() && !is_gone) {
                sources.clear();
            }
            *old = Buried { of: new.of.filter(|_| is_same), sources, ..new };
        }
    }

    /// Was the flow, with this run, another call's than its owners' until just now?
    pub fn has(&mut self, (flow, run): (&Flow, &Run), owned: &Owned, sessions: &Sessions, now: Tick) -> bool {
        let is_same = |b: &&mut Buried| {
            b.is_recent(now) && (b.sources.is_empty() || b.sources.iter().any(|s| s.ssrc == run.ssrc))
        };
        let Some(old) = self.flows.get_mut(flow).filter(is_same) else {
            return false;
        };
        let before = old.sources.iter_mut().find(|s| run.follows(**s));
        let goes_on = before.is_some();
        if let Some(source) = before {
            source.seq = run.seq;
        }
        // Who took both its addresses over since is the next call on them, if on its VLAN; but the
        // old one's party may go on counting for a while.
        let mut owners = owned.by.iter().filter_map(|(id, _)| sessions.get(id));
        let is_reused = owned.ranks == [Rank::Claimed; 2] && owned.since >= old.at;
        if is_reused && !goes_on && (!old.on_vlan || owners.clone().any(|s| s.vlans.contains(&flow.vlan))) {
            return false;
        }
        let is_anothers = |leg: u64, group: u64| owners.clone().all(|s| s.age != leg && s.group != group);
        let is_old = now.since(old.at) <= STRAGGLES && old.of.is_none_or(|(l, g)| is_anothers(l, g));
        let is_heirs = old.heir.is_some_and(|(_, l, g)| is_anothers(l, g));
        if is_old && !is_heirs {
            old.heir = owners.next().map(|s| (now, s.age, s.group));
        }
        is_old || is_heirs
    }
}
