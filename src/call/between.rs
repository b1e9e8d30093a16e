//! Sessions by the hosts between which their SIP went.
//!
//! Where a callee takes and sends packets only the answer says: until then a flow
//! that a call knows at one end only may be of one that rings beside it. And what
//! runs between two hosts and is claimed by nobody may be of a call between them.
//! Bounded for each pair of hosts.

use super::hosts::Hosts;
use super::owner::Owned;
use super::session::{Claim, Rank, Session, SessionId, Sessions};
use crate::net::Flow;
use crate::sdp::Side;
use foldhash::quality::RandomState;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::net::IpAddr;

/// Sessions remembered of one pair of hosts: beyond so many the hosts say nothing of whose a flow is.
/// Not counted: every trunk that carries more calls is beyond it, and nothing of them is lost.
const MAX_SESSIONS: usize = 16;

/// Sessions by the SIP hosts of caller and callee.
#[derive(Debug, Default)]
pub(super) struct Between(HashMap<[IpAddr; 2], SmallVec<[SessionId; 2]>, RandomState>);

impl Between {
    /// A session has begun.
    pub fn begin(&mut self, id: SessionId, s: &Session) {
        let of = self.0.entry(s.ends.map(|e| e.ip())).or_default();
        if of.len() < MAX_SESSIONS {
            of.push(id);
        }
    }

    /// It is over.
    pub fn end(&mut self, id: SessionId, s: &Session) {
        let hosts = s.ends.map(|e| e.ip());
        if let Some(of) = self.0.get_mut(&hosts) {
            of.retain(|known| *known != id);
            if of.is_empty() {
                self.0.remove(&hosts);
            }
        }
    }

    /// Sessions between two hosts, whoever called; none where there are too many to look at.
    pub fn of(&self, a: IpAddr, b: IpAddr) -> impl Iterator<Item = SessionId> {
        let known = [[a, b], [b, a]].map(|pair| self.0.get(&pair));
        let few = |of: &&SmallVec<_>| of.len() < MAX_SESSIONS;
        known.into_iter().flatten().filter(few).flatten().copied()
    }

    /// Calls that ring beside a flow that its owners know one end of, where they are not known
    /// to be at the other.
    pub fn beside(
        &self,
        hosts: &Hosts,
        flow: &Flow,
        owned: &Owned,
        sessions: &Sessions,
    ) -> SmallVec<[SessionId; 2]> {
        let unknown = owned.ranks.map(|rank| matches!(rank, Rank::Other | Rank::Heard));
        // The end that is not known, and the one that is.
        let (end, known) = match unknown {
            [false, true] => (flow.src, flow.dst),
            [true, false] => (flow.dst, flow.src),
            // Of both no more than what one was called before it moved.
            [true, true] if owned.ranks[1] == Rank::Other => (flow.src, flow.dst),
            [true, true] => (flow.dst, flow.src),
            [false, false] => return SmallVec::new(),
        };
        let owners = owned.by.iter().filter_map(|(id, side)| Some((sessions.get(id)?, *side)));
        let is_elsewhere = |(s, speaker): (&Session, Side)| {
            let side = if end == flow.dst { speaker.other() } else { speaker };
            s.spoke[side as usize].is_some_and(|a| a != end) || !s.is_at(side, end.ip())
        };
        let is_told = !owned.strange && !owners.clone().any(is_elsewhere);
        // A host uses a port for one call at a time: a caller that names another one there is not at this.
        let is_off = |s: &Session| {
            let named = &s.claims[Side::Caller as usize];
            let is_other = |c: &Claim| c.addr.ip() == known.ip() && c.addr != known;
            !named.is_empty() && named.iter().all(is_other)
        };
        let rings = |id: &SessionId| {
            let Some(s) = sessions.get(id).filter(|s| s.answered.is_none()) else { return false };
            s.claims[Side::Callee as usize].is_empty()
                && !is_off(s)
                && owners.clone().all(|(o, _)| o.age != s.age && o.group != s.group)
                && (owned.strange
                    || s.vlans.contains(&flow.vlan)
                    || !owners.clone().any(|(o, _)| o.vlans.contains(&flow.vlan)))
        };
        let is_beyond =
            |id: &SessionId| sessions.get(id).is_some_and(|s| s.ends[Side::Callee as usize].ip() == end.ip());
        if is_told {
            // Where it is only likely nothing tells it from one that names the same and had begun
            // before it was answered.
            if owned.ranks.contains(&Rank::Claimed) {
                return SmallVec::new();
            }
            let of = owners.clone().flat_map(|(o, _)| self.twins(o, sessions));
            return of.filter(rings).collect();
        }
        let at = |ip: IpAddr| hosts.at(&ip).unwrap_or(&[]).iter().copied();
        let between = |a: IpAddr, b: IpAddr| self.0.get(&[a, b]).into_iter().flatten().copied();
        let (here, there) = (end.ip(), known.ip());
        let beyond = at(there).filter(is_beyond);
        at(here).chain(beyond).chain(between(here, there)).chain(between(there, here)).filter(rings).collect()
    }

    /// Sessions between the hosts of `s` whose callers name the same as its own, and that had begun
    /// before it was answered.
    fn twins<'a>(&'a self, s: &'a Session, sessions: &'a Sessions) -> impl Iterator<Item = SessionId> + 'a {
        let caller = Side::Caller as usize;
        let is_named = move |c: &Claim| s.claims[caller].iter().any(|own| own.addr == c.addr);
        let is_twin = move |id: &SessionId| {
            let other = sessions.get(id).filter(|o| s.answered_at.is_some_and(|at| o.opened_at <= at));
            other.is_some_and(|o| o.claims[caller].iter().any(is_named))
        };
        self.0.get(&s.ends.map(|e| e.ip())).into_iter().flatten().copied().filter(is_twin)
    }

    /// Nobody is known.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
