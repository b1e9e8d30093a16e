//! Addresses: who claims each, and the resolved flows that rest on it.
//!
//! Keeps the two in step: when a claim at one of its ends changes a flow is to be
//! resolved anew, and goes when nobody claims an end any more. Bounded for each
//! address. What a claim is worth is not known here.

use super::flows::{Flows, Tick};
use super::route::{Given, Route};
use super::runs::{Run, Sender};
use super::session::{Claimant, Rank, Session, SessionId, Sessions};
use crate::net::Flow;
use crate::rtp::seq::seq_diff;
use crate::sdp::Side;
use foldhash::quality::RandomState;
use smallvec::SmallVec;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

/// Flows remembered for one address; more (a scan, a flood) are resolved afresh each time.
const MAX_FLOWS: usize = 16;
/// Flows kept that nobody claims an end of.
const MAX_LEFT: usize = 4096;
/// One that was not heard for so long gives way to another.
const SILENT: u32 = Tick::of_ms(3000);
/// Copies of one packet are no further apart, in numbers of its sender.
const MAX_AHEAD: u16 = 100;
/// Who was heard so shortly ago speaks still.
const LIVELY: u32 = Tick::of_ms(1000);
/// Flows remembered of one SSRC; one that every sender uses tells nothing.
const MAX_ALIKE: usize = 8;
/// Claimants remembered for one address; the oldest gives way.
pub(super) const MAX_CLAIMANTS: usize = 16;

/// What is known of one address.
#[derive(Debug, Default)]
struct AddressEntry {
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
pub(super) struct ResolvedFlow {
    pub fingerprint: u32,
    /// Its last packet.
    pub heard: Tick,
    /// Where its packets go; none where that is to be found out anew.
    pub route: Option<Route>,
    pub run: Run,
    pub whose: Whose,
    /// Who may have sent the run.
    pub senders: SmallVec<[Sender; 2]>,
    /// Where the run went, as long as it is young.
    pub given: SmallVec<[Given; 1]>,
}

/// All addresses claimed, and all flows resolved.
#[derive(Debug, Default)]
pub(super) struct Places {
    places: HashMap<SocketAddr, AddressEntry, RandomState>,
    flows: Flows<ResolvedFlow>,
    /// Flows that nobody claims an end of any more, for as long as they may go on elsewhere.
    left: VecDeque<(Tick, Flow)>,
    /// Flows by the SSRC that was last heard on them.
    alike: HashMap<u32, SmallVec<[Flow; 1]>, RandomState>,
    /// Claimants that had to give way, see [`super::Overflow::parts`].
    pub no_room: u64,
}

impl Places {
    /// A flow resolved before.
    #[inline]
    pub fn known_mut(&mut self, flow: &Flow) -> Option<&mut ResolvedFlow> {
        self.flows.get_mut(flow)
    }

    /// All flows resolved, in no order.
    pub fn flows(&self) -> impl Iterator<Item = (Flow, &ResolvedFlow)> {
        self.flows.iter()
    }

    /// What is known of a flow.
    pub fn known(&self, flow: &Flow) -> Option<&ResolvedFlow> {
        self.flows.get(flow)
    }

    /// Who may have sent a run on `flow` that went on, or goes on, from another flow.
    /// And whether that flow has been silent for a while.
    pub fn senders_of(&self, flow: &Flow, run: &Run, now: Tick) -> (SmallVec<[Sender; 2]>, bool) {
        let mut out: SmallVec<[Sender; 2]> = SmallVec::new();
        let mut is_silent = true;
        for before in self.alike.get(&run.ssrc).into_iter().flatten().filter(|f| *f != flow) {
            let Some(k) = self.flows.get(before).filter(|k| k.run.goes_on_as(run, k.heard)) else { continue };
            // What one party sends comes back from an echo with the same numbers.
            if (before.src, before.dst) == (flow.dst, flow.src) {
                continue;
            }
            is_silent &= now.since(k.heard) > 1;
            k.senders.iter().for_each(|s| {
                if !out.contains(s) {
                    out.push(*s);
                }
            });
        }
        (out, is_silent)
    }

    /// Was this number of a source heard, or passed over, on another flow than this one?
    pub fn is_copy(&self, flow: &Flow, ssrc: u32, seq: u16) -> bool {
        let others = self.alike.get(&ssrc).into_iter().flatten().filter(|f| *f != flow);
        let runs = others.filter_map(|f| self.flows.get(f)).map(|k| &k.run);
        runs.filter(|run| run.ssrc == ssrc).any(|run| seq_diff(run.seq, seq) >= 0)
    }

    /// Does a mirror show a source's packets on another VLAN as well, where they are a call's?
    pub fn is_seen_on_another_vlan(&self, flow: &Flow, run: &Run, now: Tick) -> bool {
        self.alike.get(&run.ssrc).into_iter().flatten().filter(|f| *f != flow).any(|f| {
            let is_same = |k: &ResolvedFlow| {
                let ahead = seq_diff(k.run.seq, run.seq).unsigned_abs();
                matches!(k.whose, Whose::Leg(_)) && ahead <= MAX_AHEAD && now.since(k.heard) <= LIVELY
            };
            (f.src, f.dst) == (flow.src, flow.dst) && self.flows.get(f).is_some_and(is_same)
        })
    }

    /// Is a source heard where another leg names both ends, and this one does not?
    pub fn is_named_by_another(&self, ssrc: u32, age: u64, sessions: &Sessions) -> bool {
        let age_of = |c: &Claimant| sessions.get(&c.session).map(|s| s.age);
        let is_told = |c: &&Claimant| matches!(c.rank, Rank::Claimed | Rank::Candidate);
        self.alike.get(&ssrc).into_iter().flatten().any(|f| {
            let [dst, src] = [&f.dst, &f.src].map(|a| self.claimants(a));
            let both = dst.iter().filter(is_told).filter(|d| {
                let is_other_end = |s: &Claimant| s.session == d.session && s.side != d.side;
                src.iter().filter(is_told).any(is_other_end)
            });
            let mut ages = both.map(age_of).peekable();
            ages.peek().is_some() && ages.all(|a| a != Some(age))
        })
    }

    /// Who claims an address.
    pub fn claimants(&self, addr: &SocketAddr) -> &[Claimant] {
        self.places.get(addr).map_or(&[], |p| &p.claimants)
    }

    /// The sessions that claim an end of a flow.
    pub fn parties_of(&self, flow: &Flow) -> impl Iterator<Item = SessionId> {
        [flow.dst, flow.src].into_iter().flat_map(|a| self.claimants(&a)).map(|c| c.session)
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
            let gone = place.claimants.remove(idle.unwrap_or(0));
            place.crowded = true;
            // Branches of one call that ring all claim its caller's address: nothing is lost with one.
            let age = |c: &Claimant| sessions.get(&c.session).map(|s| s.age);
            self.no_room += u64::from(age(&gone) != age(&claimant));
        }
        place.claimants.push(claimant);
    }

    /// Takes a claim back.
    pub fn withdraw(&mut self, session: SessionId, side: Side, addr: SocketAddr, sessions: &mut Sessions) {
        self.forget_flows(addr, sessions);
        let Some(p) = self.places.get_mut(&addr) else { return };
        p.claimants.retain(|c| !(c.session == session && c.side == side));
        if p.claimants.is_empty() {
            for (flow, _) in self.places.remove(&addr).map(|p| p.flows).unwrap_or_default() {
                if !self.is_placed(&flow)
                    && let Some(known) = self.flows.get(&flow)
                {
                    self.left.push_back((known.heard, flow));
                }
            }
        }
    }

    /// A packet of a flow that nobody claims, should it be known from before.
    pub fn go_on(&mut self, flow: &Flow, run: Run, now: Tick) {
        let Some(known) = self.flows.get_mut(flow) else { return };
        match known.run.ssrc == run.ssrc {
            true => (known.run, known.heard, known.route) = (run, now, None),
            false => self.drop_flow(flow),
        }
    }

    fn is_placed(&self, flow: &Flow) -> bool {
        let is_at =
            |a: &SocketAddr| self.places.get(a).is_some_and(|p| p.flows.iter().any(|(f, _)| f == flow));
        is_at(&flow.src) || is_at(&flow.dst)
    }

    /// Forgets flows that nobody claims an end of and that were not heard for a while.
    pub fn tidy(&mut self, now: Tick) {
        while let Some((at, flow)) = self.left.front().copied() {
            if self.left.len() <= MAX_LEFT && now.since(at) <= SILENT {
                return;
            }
            self.left.pop_front();
            if !self.is_placed(&flow) {
                self.drop_flow(&flow);
            }
        }
    }

    /// Nothing is claimed.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// When media of a session was last heard.
    pub fn last_heard(&self, s: &Session) -> Option<Tick> {
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

    /// When a session was last heard from `addr` on a flow that is its own.
    pub fn surely_heard_from(&self, s: &Session, addr: SocketAddr) -> Option<Tick> {
        let flows = self.places.get(&addr).into_iter().flat_map(|p| &p.flows);
        let claimed = s.claims.iter().flatten().map(|c| &c.addr);
        let elsewhere = claimed.chain(s.learned.iter().map(|l| &l.addr)).filter(|a| **a != addr);
        let others = elsewhere.filter_map(|a| self.places.get(a)).flat_map(|p| &p.flows);
        let own = flows.chain(others).filter(|(f, w)| *w == Whose::Leg(s.age) && f.src == addr);
        own.filter_map(|(f, _)| self.flows.get(f)).map(|k| k.heard).max()
    }

    /// Flows that rest on `addr` are to be resolved anew; what is known of them stays.
    pub fn forget_flows(&mut self, addr: SocketAddr, sessions: &mut Sessions) {
        let Some(p) = self.places.get(&addr) else { return };
        for (flow, leg) in &p.flows {
            let Some(known) = self.flows.get_mut(flow) else { continue };
            known.route = None;
            for c in &p.claimants {
                if let Some(s) = sessions.get_mut(&c.session).filter(|s| leg.is_of(s.age)) {
                    s.heard = s.heard.max(Some(known.heard));
                }
            }
        }
    }

    /// Keeps what a flow was resolved to, if the addresses it rests on have room.
    pub fn remember(&mut self, flow: Flow, known: ResolvedFlow) {
        let ends = [flow.src, flow.dst];
        if ends.iter().any(|a| !self.has_room(a, &flow, known.heard)) {
            return self.drop_flow(&flow);
        }
        for a in ends {
            if let Some(p) = self.places.get_mut(&a) {
                p.flows.retain(|(f, _)| *f != flow);
                p.flows.push((flow, known.whose));
            }
        }
        let ssrc = known.run.ssrc;
        match self.flows.get(&flow).map(|k| k.run.ssrc) {
            Some(old) if old == ssrc => {}
            Some(old) => {
                self.forget_alike(old, &flow);
                self.note_alike(ssrc, flow);
            }
            None => self.note_alike(ssrc, flow),
        }
        self.flows.insert(flow, known);
    }

    /// Is there room at an address for one more flow? The one longest silent gives way.
    fn has_room(&mut self, addr: &SocketAddr, flow: &Flow, now: Tick) -> bool {
        let Some(p) = self.places.get(addr) else { return true };
        if p.flows.len() < MAX_FLOWS || p.flows.iter().any(|(f, _)| f == flow) {
            return true;
        }
        let silent = |f: &Flow| self.flows.get(f).map_or(u32::MAX, |k| now.since(k.heard));
        let Some(old) = p.flows.iter().map(|(f, _)| *f).max_by_key(|f| silent(f)) else { return true };
        if silent(&old) <= SILENT {
            return false;
        }
        self.drop_flow(&old);
        true
    }

    /// Forgets a flow.
    pub fn drop_flow(&mut self, flow: &Flow) {
        let Some(known) = self.flows.remove(flow) else { return };
        self.forget_alike(known.run.ssrc, flow);
        for a in [flow.src, flow.dst] {
            if let Some(p) = self.places.get_mut(&a) {
                p.flows.retain(|(f, _)| f != flow);
            }
        }
    }

    fn note_alike(&mut self, ssrc: u32, flow: Flow) {
        let alike = self.alike.entry(ssrc).or_default();
        if alike.len() >= MAX_ALIKE {
            alike.remove(0);
        }
        alike.push(flow);
    }

    fn forget_alike(&mut self, ssrc: u32, flow: &Flow) {
        if let Some(alike) = self.alike.get_mut(&ssrc) {
            alike.retain(|f| f != flow);
            if alike.is_empty() {
                self.alike.remove(&ssrc);
            }
        }
    }
}
