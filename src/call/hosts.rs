//! Hosts: which sessions name each, and what of theirs may run between ports
//! that nobody named.
//!
//! Bounded for each host: where too many sessions are, what is said errs on the
//! side of doubt.

use super::flows::Tick;
use super::owner::Owned;
use super::places::Places;
use super::session::{Rank, SessionId, Sessions, SessionsByLeg};
use crate::net::Flow;
use crate::rtp::standing::Trust;
use crate::sdp::Side;
use foldhash::quality::RandomState;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::net::IpAddr;

/// Sessions remembered of one host.
const MAX_SESSIONS: usize = 32;
/// Sessions of one host that a packet nobody claims is compared with.
const MAX_COMPARED: usize = 8;
/// A side that has not been heard so long after the answer is missed.
const UNHEARD: u32 = Tick::of_ms(1000);
/// A side that has not been heard any more for so long is missed, where packets run between
/// hosts of both sides.
const QUIET: u32 = Tick::of_ms(500);

/// Who is at one host.
#[derive(Debug, Default)]
struct Host {
    sessions: SmallVec<[SessionId; 2]>,
    /// Sessions there was no room for.
    more: u32,
}

/// All hosts that are named.
#[derive(Debug, Default)]
pub(super) struct Hosts(HashMap<IpAddr, Host, RandomState>);

impl Hosts {
    /// The sessions that name `ip`; `None` where there are too many to look at.
    #[inline]
    pub fn at(&self, ip: &IpAddr) -> Option<&[SessionId]> {
        match self.0.get(ip) {
            None => Some(&[]),
            Some(h) => (h.more == 0).then_some(&h.sessions),
        }
    }

    /// A session named the hosts `old` and names `new` now, each once.
    pub fn rename(&mut self, session: SessionId, old: &[IpAddr], new: &[IpAddr]) {
        for ip in old.iter().filter(|ip| !new.contains(ip)) {
            let Some(h) = self.0.get_mut(ip) else { continue };
            match h.sessions.iter().position(|s| *s == session) {
                Some(i) => {
                    h.sessions.remove(i);
                }
                None => h.more = h.more.saturating_sub(1),
            }
            if h.sessions.is_empty() && h.more == 0 {
                self.0.remove(ip);
            }
        }
        for ip in new.iter().filter(|ip| !old.contains(ip)) {
            let h = self.0.entry(*ip).or_default();
            if h.sessions.len() < MAX_SESSIONS {
                h.sessions.push(session);
            } else {
                h.more += 1;
            }
        }
    }

    /// Other calls that a flow may be of although nobody else knows its ends: its owner knows
    /// one by ear only, and at the host of the other are calls whose party was not heard yet.
    /// `None` where there are too many to look at.
    pub fn others(
        &self,
        flow: &Flow,
        owned: &Owned,
        sessions: &Sessions,
    ) -> Option<SmallVec<[SessionId; 2]>> {
        let (unknown, by_ear) = match owned.ranks {
            [Rank::Nat | Rank::Heard, Rank::Other] => (flow.src.ip(), flow.dst),
            [Rank::Other, Rank::Nat | Rank::Heard] => (flow.dst.ip(), flow.src),
            _ => return Some(SmallVec::new()),
        };
        let mut out = SmallVec::new();
        let owners = || owned.by.iter().filter_map(|(id, _)| sessions.get(id));
        let on_vlan = owners().any(|s| s.vlans.contains(&flow.vlan));
        for id in self.at(&unknown)? {
            let Some(s) = sessions.get(id).filter(|s| s.answered.is_some()) else { continue };
            let is_own = owners().any(|o| o.age == s.age || o.group == s.group);
            if is_own || on_vlan && !s.vlans.contains(&flow.vlan) {
                continue;
            }
            let may_own = |side: Side| {
                s.claims[side as usize].iter().any(|c| c.addr.ip() == unknown)
                    && s.spoke[side.other() as usize].is_none_or(|a| a == by_ear)
            };
            if may_own(Side::Caller) || may_own(Side::Callee) {
                out.push(*id);
            }
        }
        Some(out)
    }

    /// The owners of a flow that would miss it: those whose speaker is not known to speak from another
    /// address.
    pub fn missing<'a>(
        owned: &'a Owned,
        flow: &'a Flow,
        sessions: &'a Sessions,
    ) -> impl Iterator<Item = SessionId> + 'a {
        let is_missed = move |(id, side): &(SessionId, Side)| {
            let s = sessions.get(id);
            let spoke = s.and_then(|s| Some((s, s.spoke[*side as usize]?)));
            !spoke.is_some_and(|(s, at)| at != flow.src && s.standing(*side, at).trust() == Trust::Named)
        };
        owned.by.iter().copied().filter(is_missed).map(|(id, _)| id)
    }

    /// Recorded calls with a side at each host of a flow that nobody claims, of those here and of
    /// `more`: that side, which may be speaking here, and whether it is missed. Of a side that was
    /// never heard one host is enough, where no other call has a party there.
    pub fn near(
        &self,
        flow: &Flow,
        more: impl Iterator<Item = SessionId>,
        (sessions, legs): (&Sessions, &SessionsByLeg),
        places: &Places,
        now: Tick,
    ) -> SmallVec<[(SessionId, Side, bool); 2]> {
        let mut out: SmallVec<[(SessionId, Side, bool); 2]> = SmallVec::new();
        let [src, dst] = [flow.src.ip(), flow.dst.ip()];
        let here = [self.at(&src).unwrap_or(&[]), self.at(&dst).unwrap_or(&[])];
        let here = here.into_iter().filter(|at| at.len() <= MAX_COMPARED).flatten().copied();
        for id in here.chain(more) {
            let Some(s) = sessions.get(&id) else { continue };
            let is_live = s.recording.is_some() && s.leaving.is_none();
            let Some(answered) = s.answered_at.filter(|_| is_live) else { continue };
            let is_own = |id: &SessionId| sessions.get(id).is_some_and(|o| o.group == s.group);
            let is_alone = |ip: &IpAddr| self.at(ip).is_some_and(|all| all.iter().all(is_own));
            // Each hop of a leg knows the host of its own party.
            let hops = || legs.get(&s.age).into_iter().flatten().filter_map(|id| sessions.get(id));
            for side in [Side::Caller, Side::Callee] {
                let near =
                    (hops().any(|s| s.may_be_at(side, src)), hops().any(|s| s.is_at(side.other(), dst)));
                let was_heard = s.spoke[side as usize].is_some();
                let is_near = match near {
                    (true, true) => true,
                    (true, false) => !was_heard && is_alone(&src),
                    (false, true) => !was_heard && is_alone(&dst),
                    (false, false) => false,
                };
                if !is_near || out.iter().any(|o| (o.0, o.1) == (id, side)) {
                    continue;
                }
                let is_missed = match s.spoke[side as usize] {
                    // From there it was heard.
                    Some(at) if at == flow.src => true,
                    Some(at) => places.heard_from(s, at).is_none_or(|last| now.since(last) > QUIET),
                    None => now.since(answered) > UNHEARD,
                };
                out.push((id, side, is_missed));
            }
        }
        out
    }

    /// Nothing is named.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_forgets_who_left_and_tells_when_it_is_full() {
        let ips = [1, 2].map(|n| IpAddr::from([10, 0, 0, n]));
        let mut hosts = Hosts::default();
        for n in 0..=MAX_SESSIONS as u64 {
            assert_eq!(hosts.at(&ips[0]).map(<[_]>::len), Some(n as usize));
            hosts.rename(SessionId(n), &[], &ips[..1]);
        }
        assert_eq!(hosts.at(&ips[0]), None);
        hosts.rename(SessionId(MAX_SESSIONS as u64), &ips[..1], &ips[1..]);
        assert_eq!(hosts.at(&ips[0]).map(<[_]>::len), Some(MAX_SESSIONS));
        assert_eq!(hosts.at(&ips[1]), Some(&[SessionId(MAX_SESSIONS as u64)][..]));
        for n in 0..MAX_SESSIONS as u64 {
            hosts.rename(SessionId(n), &ips[..1], &[]);
        }
        hosts.rename(SessionId(MAX_SESSIONS as u64), &ips[1..], &[]);
        assert!(hosts.is_empty());
    }
}
