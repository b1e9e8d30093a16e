//! Addresses: who claims each, and the resolved flows that rest on it.
//!
//! Keeps the two in step: a flow is forgotten when a claim at one of its ends
//! changes. Bounded for each address. What a claim is worth is not known here.

use super::flows::{Flows, Tick};
use super::route::Route;
use super::session::{Claimant, Session, SessionId, Sessions};
use crate::net::Flow;
use crate::sdp::Side;
use foldhash::quality::RandomState;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::net::SocketAddr;

/// Flows remembered for one address; more (a scan, a flood) are resolved afresh each time.
const MAX_FLOWS: usize = 16;
/// Claimants remembered for one address; the oldest gives way.
const MAX_CLAIMANTS: usize = 16;

/// What is known of one address.
#[derive(Debug, Default)]
struct Place {
    claimants: SmallVec<[Claimant; 2]>,
    /// Flows whose route rests on this address, with the leg they belong to.
    flows: SmallVec<[(Flow, Whose); 2]>,
    /// A claimant had to give way: who is left may not be all there is.
    crowded: bool,
}

/// Which leg a flow belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// This one's.
    Leg(u64),
    /// One of several that know the same of it.
    Doubtful,
    /// One of several that know different ends of it.
    Crossed,
}

impl Whose {
    /// May it be of this leg?
    pub fn is_of(self, age: u64) -> bool {
        match self {
            Whose::Leg(leg) => leg == age,
            Whose::Doubtful | Whose::Crossed => true,
        }
    }
}

/// A flow once resolved.
#[derive(Debug)]
pub(super) struct Known {
    pub fingerprint: u32,
    /// Its last packet.
    pub heard: Tick,
    pub route: Route,
}

/// All addresses claimed, and all flows resolved.
#[derive(Debug, Default)]
pub(super) struct Places {
    places: HashMap<SocketAddr, Place, RandomState>,
    flows: Flows<Known>,
}

impl Places {
    /// A flow resolved before.
    #[inline]
    pub fn known_mut(&mut self, flow: &Flow) -> Option<&mut Known> {
        self.flows.get_mut(flow)
    }

    /// Who claims an address.
    pub fn claimants(&self, addr: &SocketAddr) -> &[Claimant] {
        self.places.get(addr).map_or(&[], |p| &p.claimants)
    }

    /// Who claims an address, to change it.
    pub fn claimants_mut(&mut self, addr: &SocketAddr) -> &mut [Claimant] {
        self.places.get_mut(addr).map_or(&mut [], |p| &mut p.claimants)
    }

    /// May others claim the address whom there was no room for?
    pub fn is_crowded(&self, addr: &SocketAddr) -> bool {
        self.places.get(addr).is_some_and(|p| p.crowded)
    }

    /// Resolved flows that are a session's, or that it shares an end of with another.
    pub fn flows_of<'a>(&'a self, s: &'a Session) -> impl Iterator<Item = Flow> + 'a {
        let claimed = s.claims.iter().flatten().map(|c| &c.addr);
        let addrs = claimed.chain(s.learned.iter().map(|l| &l.addr));
        let flows = addrs.filter_map(|a| self.places.get(a)).flat_map(|p| &p.flows);
        let own = flows.filter(|(f, w)| w.is_of(s.age) && (*w != Whose::Doubtful || s.may_have_sent(f)));
        own.map(|(f, _)| *f)
    }

    /// Others may know the address whom there was no room for.
    pub fn crowd(&mut self, addr: &SocketAddr, sessions: &mut Sessions) {
        self.forget_flows(*addr, sessions);
        if let Some(p) = self.places.get_mut(addr) {
            p.crowded = true;
        }
    }

    /// Adds a claim. Where there are too many the oldest of a call that nobody
    /// answered gives way, else the oldest.
    pub fn add(&mut self, addr: SocketAddr, claimant: Claimant, sessions: &Sessions) {
        let place = self.places.entry(addr).or_default();
        if place.claimants.len() >= MAX_CLAIMANTS {
            let is_idle = |c: &Claimant| sessions.get(&c.session).is_none_or(|s| s.answered.is_none());
            let idle = place.claimants.iter().position(is_idle);
            place.claimants.remove(idle.unwrap_or(0));
            place.crowded = true;
        }
        place.claimants.push(claimant);
    }

    /// Takes a claim back.
    pub fn withdraw(&mut self, session: SessionId, side: Side, addr: SocketAddr, sessions: &mut Sessions) {
        self.forget_flows(addr, sessions);
        if let Some(p) = self.places.get_mut(&addr) {
            p.claimants.retain(|c| !(c.session == session && c.side == side));
            if p.claimants.is_empty() {
                self.places.remove(&addr);
            }
        }
    }

    /// Nothing is claimed.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// When media of a session was last heard.
    pub fn heard(&self, s: &Session) -> Option<Tick> {
        let claimed = s.claims.iter().flatten().map(|c| &c.addr);
        let addrs = claimed.chain(s.learned.iter().map(|l| &l.addr));
        let flows = addrs.filter_map(|a| self.places.get(a)).flat_map(|p| &p.flows);
        let own = flows.filter(|(_, leg)| leg.is_of(s.age)).filter_map(|(f, _)| self.flows.get(f));
        own.map(|k| k.heard).chain(s.heard).max()
    }

    /// When a session was last heard from `addr`, as far as its flows tell.
    pub fn heard_from(&self, s: &Session, addr: SocketAddr) -> Option<Tick> {
        let own = self.flows_of(s).filter(|f| f.src == addr);
        own.filter_map(|f| self.flows.get(&f)).map(|k| k.heard).max()
    }

    /// Flows that rest on `addr` are to be resolved anew; when they were heard stays known.
    pub fn forget_flows(&mut self, addr: SocketAddr, sessions: &mut Sessions) {
        let Some(p) = self.places.get_mut(&addr) else { return };
        for (flow, leg) in std::mem::take(&mut p.flows) {
            let Some(known) = self.flows.remove(&flow) else { continue };
            for c in &p.claimants {
                if let Some(s) = sessions.get_mut(&c.session).filter(|s| leg.is_of(s.age)) {
                    s.heard = s.heard.max(Some(known.heard));
                }
            }
        }
        // A flow between two claimed addresses rests on both: whichever changes first removes it,
        // and a stale key at the other end is harmless.
    }

    /// Keeps what a flow was resolved to, if the addresses it rests on have room.
    pub fn remember(&mut self, flow: Flow, leg: Whose, known: Known) {
        let ends = [flow.src, flow.dst];
        let mut places = ends.iter().filter_map(|a| self.places.get(a));
        if !places.all(|p| p.flows.len() < MAX_FLOWS) {
            return;
        }
        for a in ends {
            if let Some(p) = self.places.get_mut(&a) {
                p.flows.retain(|(f, _)| *f != flow);
                p.flows.push((flow, leg));
            }
        }
        self.flows.insert(flow, known);
    }
}
