//! Which RTP flow belongs to which recording, and to which of its channels.
//!
//! Every session description followed makes *claims*: "this party receives
//! audio at this address". A flow is resolved once against the claims by the
//! rules below, in order, and the answer is kept until a claim it rests on
//! changes, so that a media packet costs one look-up.
//!
//! How an address is known has a [`Rank`]: claimed by `c=` and `m=`, before
//! learned behind a NAT, before an ICE candidate, before the image of a private
//! address (where its SIP came from), before not at all. At each end of a flow
//! the ranks of two calls can be compared.
//!
//! | # | rule | what it is for |
//! |---|------|----------------|
//! | 1 | of sessions that know an end, those signalled on the flow's VLAN, if any was | two customers with the same addresses; media on a VLAN of its own is found where nobody contradicts |
//! | 2 | who only rings counts where who was answered has been heard elsewhere | calls that ring on a port while another one talks |
//! | 3 | an image of one end alone counts where no session knows more, and only against a host of the other party | both ends behind NAT; an image is a guess |
//! | 4 | a session that knows one end better and the other no worse goes first | the plain call before one that names one end only; a port shared by calls that are heard already |
//! | 5 | a call that was hung up, or was not heard for 3 s when a newer one named the same, gives way | ports are reused; a BYE can be missed |
//! | 6 | live legs in a row that were both given one pair of endpoints both get it | direct media between legs nothing ties together |
//! | 7 | sessions of more than one call are left: none gets it, both are incomplete | a stranger's voice is worse than a gap |
//! | 8 | both ends, else the destination, else the source says who speaks | the plain call; symmetric RTP behind NAT, relays that send from another port; the way back through a NAT |
//! | 9 | where no other call knows either end, the unknown one is learned | the way back to a port nobody named; calls that later share an address |
//! | 10 | for two seconds a flow of a call just hung up is not that of one that knows an end only, nor of one that was there before | a party that has not got the BYE goes on sending |
//! | 11 | nobody knows an end | not assigned, counted |
//!
//! Sessions that are not recorded, or not yet answered, claim all the same:
//! otherwise the next call's ringing would land in the last call's recording.
//! RTCP is resolved by the same rules as the media one port below, or on its port.
//!
//! This module must not know of SIP messages or payloads; time is the packet's stamp.

use super::flows::{Tick, fingerprint};
use super::hosts::Hosts;
use super::owner::{End, Owned, Verdict, decide};
use super::places::{Known, Places, Whose};
use super::reports::ReportPlaces;
pub use super::route::{Route, Target};
pub use super::session::{Claim, Rank, SessionId};
use super::session::{Claimant, Learned, MAX_VLANS, Recorded, Session, Sessions};
use super::stragglers::Stragglers;
use crate::id::{Channel, RecordingId};
use crate::net::Flow;
pub use crate::sdp::Side;
use crate::time::Timestamp;
use crate::wire::link::Vlan;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// Addresses learned for one session: the first it was heard from.
const MAX_LEARNED: usize = 4;
/// How often a speaker must be missed beside packets that nobody claims before these are taken for his.
const STRAYS: u8 = 2;

/// The table of claims and resolved flows.
#[derive(Debug, Default)]
pub struct Pairing {
    sessions: Sessions,
    places: Places,
    hosts: Hosts,
    rtcp: ReportPlaces,
    incomplete: VecDeque<RecordingId>,
    stragglers: Stragglers,
    next_session: u64,
    sequence: u64,
    now: Tick,
}

impl Pairing {
    /// An empty table.
    pub fn new() -> Self {
        Pairing::default()
    }

    /// Time has come to `now`: what is claimed from here on is claimed then.
    pub fn handle_time(&mut self, now: Timestamp) {
        self.now = Tick::at(now);
    }

    /// Begins a session without claims between two SIP elements, caller's end
    /// first. `age` orders calls by their INVITE.
    pub fn open(&mut self, age: u64, group: u64, ends: [SocketAddr; 2]) -> SessionId {
        self.next_session += 1;
        let id = SessionId(self.next_session);
        self.sequence += 1;
        let session = Session {
            age,
            group,
            ends,
            claims: Default::default(),
            learned: SmallVec::new(),
            recording: None,
            opened: self.sequence,
            answered: None,
            vlans: SmallVec::new(),
            heard: None,
            leaving: None,
            is_told: false,
            answered_at: None,
            spoke: [None; 2],
            spoke_on: Default::default(),
            spoken_to: [None; 2],
            strayed: (self.now, 0),
        };
        self.sessions.insert(id, session);
        id
    }

    /// Signalling of `session` was seen on `vlan`.
    pub fn seen_on(&mut self, session: SessionId, vlan: Vlan) {
        let Some(s) = self.sessions.get_mut(&session) else { return };
        if s.vlans.contains(&vlan) || s.vlans.len() >= MAX_VLANS {
            return;
        }
        s.vlans.push(vlan);
        self.forget_flows_of(session);
    }

    /// States where `side` of `session` receives audio: as agreed, and as offered
    /// and not yet answered. An empty list withdraws it.
    pub fn claim(&mut self, session: SessionId, side: Side, claims: &[Claim]) {
        if self.sessions.get(&session).is_none_or(|s| s.claims[side as usize][..] == *claims) {
            return;
        }
        // Last packets to and from where it was are not another call's.
        self.bury_flows(session);
        let Some(s) = self.sessions.get_mut(&session) else { return };
        let hosts = s.hosts();
        let old = std::mem::replace(&mut s.claims[side as usize], claims.into());
        self.hosts.rename(session, &hosts, &s.hosts());
        let is_answered = s.answered.is_some();
        let learned = std::mem::take(&mut s.learned);
        let gone = old.iter().filter(|c| !claims.contains(c));
        let learned = learned.into_iter().map(|l| (l.side, l.addr));
        for (side, addr) in learned.chain(gone.clone().map(|c| (side, c.addr))) {
            self.places.withdraw(session, side, addr, &mut self.sessions);
        }
        gone.clone().for_each(|c| self.rtcp.drop(c));
        // What is under way to and from where it was is still its own, if nobody knows better.
        let left: SmallVec<[SocketAddr; 2]> = gone
            .filter(|c| is_answered && c.rank == Rank::Claimed)
            .map(|c| c.addr)
            .take(MAX_LEARNED)
            .collect();
        for addr in left {
            if let Some(s) = self.sessions.get_mut(&session) {
                s.learned.push(Learned { side, addr, ways: [false; 2] });
            }
            self.add_claimant(session, side, addr, Rank::Heard, 0);
        }
        for new in claims.iter().filter(|c| !old.contains(c)) {
            // Who has not been answered takes nothing away from a flow that runs.
            if is_answered {
                self.places.forget_flows(new.addr, &mut self.sessions);
            }
            self.add_claimant(session, side, new.addr, new.rank, new.origin);
            self.rtcp.add(new);
        }
    }

    /// A session's call was answered when `calls_begun` calls had begun.
    pub fn answer(&mut self, session: SessionId, calls_begun: u64) {
        let now = self.now;
        let Some(s) = self.sessions.get_mut(&session) else { return };
        if s.answered.is_none() {
            s.answered = Some(calls_begun);
            s.answered_at = Some(now);
            for claim in s.claims.iter().flatten() {
                let claimants = self.places.claimants_mut(&claim.addr);
                claimants.iter_mut().filter(|c| c.session == session).for_each(|c| c.since = now);
            }
        }
        self.forget_flows_of(session);
    }

    /// Says which recording, if any, `session` feeds; `customer` is the side on the left channel.
    pub fn record(&mut self, session: SessionId, to: Option<(RecordingId, Side, u8)>) {
        let Some(s) = self.sessions.get_mut(&session) else { return };
        let old = s.recording.map(|r| r.id);
        s.recording = to.map(|(id, customer, rank)| Recorded { id, customer, rank });
        if old != s.recording.map(|r| r.id) {
            s.is_told = false;
        }
        self.forget_flows_of(session);
    }

    /// Moves a session to another group of legs.
    pub fn regroup(&mut self, session: SessionId, group: u64) {
        let Some(s) = self.sessions.get_mut(&session) else { return };
        s.group = group;
        self.forget_flows_of(session);
    }

    /// A hang-up of the session's call was seen, or refused: while it is
    /// leaving, its claims do not hold against calls that come after.
    pub fn leave(&mut self, session: SessionId, leaving: bool) {
        let Some(s) = self.sessions.get_mut(&session) else { return };
        s.leaving = leaving.then_some(self.now);
        if leaving {
            self.bury_flows(session);
        }
        self.forget_flows_of(session);
    }

    /// Ends a session: its addresses are free.
    pub fn close(&mut self, session: SessionId) {
        self.bury_flows(session);
        let Some(s) = self.sessions.remove(&session) else { return };
        self.hosts.rename(session, &s.hosts(), &[]);
        s.learned.iter().for_each(|l| self.places.withdraw(session, l.side, l.addr, &mut self.sessions));
        for (side, claims) in [Side::Caller, Side::Callee].into_iter().zip(s.claims) {
            for c in claims {
                self.places.withdraw(session, side, c.addr, &mut self.sessions);
                self.rtcp.drop(&c);
            }
        }
    }

    /// Where packets of `flow` go, of which one was captured `at`, and a number that tells a
    /// recording's flows apart. One look-up once the flow is known. A flow no claim fits, or
    /// beyond its address's bound, leaves nothing behind.
    #[inline]
    pub fn route_and_fingerprint(&mut self, flow: &Flow, at: Timestamp) -> (Route, u32) {
        let now = Tick::at(at);
        if let Some(known) = self.places.known_mut(flow) {
            known.heard = now;
            return (known.route.copied(), known.fingerprint);
        }
        self.now = now;
        self.take_up(*flow)
    }

    /// The next recording that misses packets it may have owned. Each is told once.
    pub fn poll_incomplete(&mut self) -> Option<RecordingId> {
        self.incomplete.pop_front()
    }

    /// The recordings that an RTCP packet belongs to: a report comes on the port
    /// above the media's, where `a=rtcp` says, or on the media's own (RFC 5761).
    pub fn rtcp_targets(&self, flow: &Flow) -> SmallVec<[RecordingId; 1]> {
        let apart = Flow { src: self.rtcp.media(flow.src), dst: self.rtcp.media(flow.dst), ..*flow };
        for media in [apart, *flow] {
            let sessions: SmallVec<[SessionId; 4]> = match self.resolve(&media) {
                Verdict::Nobody => continue,
                Verdict::Owned(owned) => owned.by.iter().map(|(id, _)| *id).collect(),
                Verdict::Doubt { by, .. } => by,
            };
            let mut out: SmallVec<[RecordingId; 1]> = SmallVec::new();
            for r in sessions.iter().filter_map(|id| self.sessions.get(id)?.recording) {
                if !out.contains(&r.id) {
                    out.push(r.id);
                }
            }
            return out;
        }
        SmallVec::new()
    }

    /// Sessions followed.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// No sessions followed.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }
}

/// Resolving flows, and what is kept of them.
impl Pairing {
    #[cold]
    fn take_up(&mut self, flow: Flow) -> (Route, u32) {
        let fingerprint = fingerprint(&flow);
        let (route, leg) = match self.resolve(&flow) {
            Verdict::Nobody => {
                self.miss(&flow);
                return (Route::Unmatched, fingerprint);
            }
            Verdict::Doubt { by, crossed, learn } => {
                learn.into_iter().for_each(|(id, speaker, end)| self.learn(id, speaker, &flow, end, false));
                self.doubt(&by);
                (Route::Doubt, if crossed { Whose::Crossed } else { Whose::Doubtful })
            }
            Verdict::Owned(owned) => {
                let others = self.hosts.others(&flow, &owned, &self.sessions);
                let is_sure = others.as_ref().is_some_and(|o| o.is_empty());
                match is_sure.then(|| self.own(&flow, &owned)).flatten() {
                    Some(taken) => taken,
                    None => {
                        // Should one of the others end, it may still be that one's for a while.
                        for s in others.iter().flatten().filter_map(|id| self.sessions.get(id)) {
                            self.stragglers.bury(s, std::iter::once(flow), self.now);
                        }
                        let owners = Hosts::missing(&owned, &flow, &self.sessions);
                        let ids: SmallVec<[SessionId; 4]> =
                            owners.chain(others.into_iter().flatten()).collect();
                        self.doubt(&ids);
                        return (Route::Doubt, fingerprint);
                    }
                }
            }
        };
        let known = Known { fingerprint, heard: self.now, route: route.clone() };
        self.places.remember(flow, leg, known);
        (route, fingerprint)
    }

    fn resolve(&self, flow: &Flow) -> Verdict {
        let (dst, src) = (self.places.claimants(&flow.dst), self.places.claimants(&flow.src));
        if dst.is_empty() && src.is_empty() {
            return Verdict::Nobody;
        }
        let facts = |id: SessionId| self.sessions.get(&id).map(|s| (s, self.places.heard(s)));
        let is_crowded = self.places.is_crowded(&flow.dst) || self.places.is_crowded(&flow.src);
        match decide(flow, self.now, dst, src, facts) {
            Verdict::Owned(o) if is_crowded && o.ranks != [Rank::Claimed; 2] => {
                let by = o.by.iter().map(|(id, _)| *id).collect();
                Verdict::Doubt { by, crossed: false, learn: SmallVec::new() }
            }
            verdict => verdict,
        }
    }

    /// The route of a flow whose owners are known, and their leg; none where they disagree
    /// on who speaks, or it may be a last packet of a call before them.
    fn own(&mut self, flow: &Flow, owned: &Owned) -> Option<(Route, Whose)> {
        if self.stragglers.has(flow, owned, &self.sessions, self.now) {
            return None;
        }
        // First: what this packet shows of its source counts for it already.
        owned.by.iter().for_each(|(id, speaker)| self.hear(*id, *speaker, flow, owned));
        let mut targets: SmallVec<[Target; 1]> = SmallVec::new();
        for (id, speaker) in &owned.by {
            let Some(s) = self.sessions.get(id) else { continue };
            let Some(r) = s.recording else { continue };
            let channel = if *speaker == r.customer { Channel::Customer } else { Channel::Agent };
            let standing = s.standing(*speaker, flow.src);
            let target = Target { recording: r.id, channel, rank: r.rank, standing };
            match targets.iter_mut().find(|t| t.recording == r.id) {
                // Several hops of one dialog agree on the address: the nearest counts.
                Some(t) if t.channel == channel => {
                    t.rank = t.rank.min(r.rank);
                    t.standing = t.standing.min(standing);
                }
                Some(_) => return None,
                None => targets.push(target),
            }
        }
        let leg = owned.by.first().and_then(|(id, _)| self.sessions.get(id)).map_or(0, |s| s.age);
        let route = if targets.is_empty() { Route::NotRecorded } else { Route::Record(targets) };
        Some((route, Whose::Leg(leg)))
    }

    /// Media of a session was heard: rule 9.
    fn hear(&mut self, id: SessionId, speaker: Side, flow: &Flow, owned: &Owned) {
        let Some(s) = self.sessions.get_mut(&id) else { return };
        s.heard = Some(self.now);
        s.note_spoke(speaker, flow);
        // An image that media ran to and from is the party's own from here on.
        if s.note_spoken_to(speaker.other(), flow.dst, owned.ranks) {
            self.places.forget_flows(flow.dst, &mut self.sessions);
        }
        let end = match owned.ranks {
            [Rank::Claimed, Rank::Other | Rank::Heard] => End::Src,
            [Rank::Other | Rank::Heard, Rank::Claimed] => End::Dst,
            _ => return,
        };
        // Where another call was heard too it is known of both, and tells them apart no more.
        if owned.alone || owned.rivals[end as usize] {
            self.learn(id, speaker, flow, end, owned.alone);
        }
    }

    /// A session is known from here on to have been at an end of a flow; `alone` as far as is known.
    fn learn(&mut self, id: SessionId, speaker: Side, flow: &Flow, end: End, alone: bool) {
        let Some(s) = self.sessions.get_mut(&id) else { return };
        let (side, addr) = if end == End::Src { (speaker, flow.src) } else { (speaker.other(), flow.dst) };
        let has_room = s.learned.len() < MAX_LEARNED;
        match s.learned.iter_mut().find(|l| (l.side, l.addr) == (side, addr)) {
            Some(known) if alone => {
                known.ways[end as usize] = true;
                if known.ways == [true; 2] {
                    let claimants = self.places.claimants_mut(&addr).iter_mut();
                    claimants.filter(|c| c.session == id && c.side == side).for_each(|c| c.rank = Rank::Nat);
                    self.places.forget_flows(addr, &mut self.sessions);
                }
            }
            None if has_room => {
                s.learned.push(Learned { side, addr, ways: [end == End::Dst, end == End::Src] });
                if !alone {
                    self.places.forget_flows(addr, &mut self.sessions);
                }
                self.add_claimant(id, side, addr, Rank::Heard, 0);
            }
            None if !alone => self.places.crowd(&addr, &mut self.sessions),
            _ => {}
        }
    }

    /// Nobody claims a packet: a recorded call with a side at each of its hosts may miss it.
    fn miss(&mut self, flow: &Flow) {
        for (id, is_missed) in self.hosts.near(flow, &self.sessions, &self.places, self.now) {
            let Some(s) = self.sessions.get_mut(&id) else { continue };
            let before = if is_missed { s.strayed.1 } else { 0 };
            s.strayed = (self.now, before.saturating_add(u8::from(is_missed)));
            let Some(r) = s.recording.filter(|_| s.strayed.1 > STRAYS) else { continue };
            if !std::mem::replace(&mut s.is_told, true) {
                self.incomplete.push_back(r.id);
            }
        }
    }

    fn add_claimant(&mut self, session: SessionId, side: Side, addr: SocketAddr, rank: Rank, origin: u64) {
        self.sequence += 1;
        let (made, since) = (self.sequence, self.now);
        self.places.add(addr, Claimant { session, side, rank, origin, since, made }, &self.sessions);
    }

    fn forget_flows_of(&mut self, session: SessionId) {
        let Some(s) = self.sessions.get(&session) else { return };
        let claimed = s.claims.iter().flatten().map(|c| c.addr);
        let addrs: SmallVec<[SocketAddr; 8]> = claimed.chain(s.learned.iter().map(|l| l.addr)).collect();
        addrs.into_iter().for_each(|a| self.places.forget_flows(a, &mut self.sessions));
    }

    fn bury_flows(&mut self, session: SessionId) {
        if let Some(s) = self.sessions.get(&session) {
            let flows = self.places.flows_of(s);
            self.stragglers.bury(s, flows, self.now);
        }
    }

    /// A packet that these may have owned is lost to them: those that are recorded are told.
    fn doubt(&mut self, ids: &[SessionId]) {
        for id in ids {
            let Some(s) = self.sessions.get_mut(id) else { continue };
            // It may be alive: doubt does not let it fall silent.
            s.heard = Some(self.now);
            let Some(r) = s.recording else { continue };
            if !std::mem::replace(&mut s.is_told, true) && !self.incomplete.contains(&r.id) {
                self.incomplete.push_back(r.id);
            }
        }
    }
}

#[cfg(test)]
mod tests;
