//! Which RTP flow belongs to which recording, and to which of its channels.
//!
//! Every session description followed makes *claims*: "this party receives
//! audio at this address". A flow is resolved against the claims by the rules
//! below, in order, and the answer is kept until a claim it rests on changes or
//! another run of packets begins (another SSRC, or any after a second of
//! silence), so that a media packet costs one look-up.
//!
//! How an address is known has a [`Rank`]: claimed by `c=` and `m=`, before
//! learned behind a NAT, before an ICE candidate, before the image of a private
//! address (where its SIP came from), before not at all. At each end of a flow
//! the ranks of two calls can be compared.
//!
//! First who may have sent a packet at all (`owner::sift`):
//!
//! | # | rule | what it is for |
//! |---|------|----------------|
//! | 1 | a run that goes on, with the next numbers, where another breaks off is of who may have sent that | a party that moves, also behind the other's NAT; a relay's copy runs beside the original |
//! | 2 | a run stays one side's of a call, and is not of a call that began after it | the running flow that a later call claims |
//! | 2a | a call not heard for five minutes sent nothing between an end it knows and a host it does not | ports used again after a missed BYE, by a call whose signalling is not seen |
//!
//! Of those, who knows it best (`owner::decide`):
//!
//! | # | rule | what it is for |
//! |---|------|----------------|
//! | 3 | of sessions that know an end, those signalled on the flow's VLAN, if any was | two customers with the same addresses; media on a VLAN of its own is found where nobody contradicts |
//! | 4 | who only rings counts where who was answered has been heard elsewhere | calls that ring on a port while another one talks |
//! | 5 | an image of one end alone counts where no session knows more, and only against a host of the other party | both ends behind NAT; an image is a guess |
//! | 6 | a session that knows one end better and the other no worse goes first | the plain call before one that names one end only; a port shared by calls that are heard already |
//! | 7 | a call that was hung up, or was not heard for 3 s when a newer one named the same, gives way | ports are reused; a BYE can be missed |
//! | 8 | live legs in a row that were both given one pair of endpoints both get it, on the VLAN of either and whichever one its run was of | direct media between legs nothing ties together |
//! | 9 | sessions of more than one call are left: none gets it, both are incomplete | a stranger's voice is worse than a gap |
//!
//! Then what speaks against that one (`contest`): who knows an address best need not be there.
//!
//! | # | rule | what it is for |
//! |---|------|----------------|
//! | 10 | whose parties are heard elsewhere, or on other VLANs only, is not here where another may be | both calls' media behind one NAT, or on VLANs of their own |
//! | 11 | who was heard already and begins another run has no better right than a call that rings, or claims the same | the next call's media before its answer, when the last BYE was missed |
//! | 12 | who knows one end only has no better right than another that does, unless that one's other party is elsewhere | calls that share an address |
//!
//! And what is done with what is left:
//!
//! | # | rule | what it is for |
//! |---|------|----------------|
//! | 13 | both ends, else the destination, else the source says who speaks | the plain call; symmetric RTP behind NAT, relays that send from another port; the way back through a NAT |
//! | 14 | where no other call knows either end, the unknown one is learned | the way back to a port nobody named; calls that later share an address |
//! | 15 | for two seconds a flow of a call just hung up is not that of one that knows an end only, nor of one that was there before; who goes on counting is not the next call's in any case | a party that has not got the BYE goes on sending |
//! | 16 | nobody knows an end, but one answered call has a party behind NAT at each host, nobody else who is not heard elsewhere has one at either, and media runs both ways: its | NATs that change ports at both ends |
//! | 17 | else nobody knows an end | not assigned, counted; a call between the hosts that misses its party is told |
//! | 18 | what a recording was given of a run that within half a second proves to be another call's, or may be, is given back | early media of a call that rings: its answer alone says whose it is |
//!
//! Sessions that are not recorded, or not yet answered, claim all the same:
//! otherwise the next call's ringing would land in the last call's recording.
//! RTCP is resolved by the same rules as the media one port below, or on its port.
//!
//! This module must not know of SIP messages or payloads; time is the packet's stamp.

use super::between::Between;
use super::contender::RunHistory;
use super::flows::Tick;
use super::guess::Guess;
use super::history::RunSoFar;
use super::host_pairs::HostPairs;
use super::hosts::Hosts;
use super::owner::Ownership;
use super::places::{Places, ResolvedFlow};
use super::reports::ReportPlaces;
pub use super::route::{Disowned, Route, Target};
use super::runs::Run;
pub use super::runs::StreamPosition;
pub use super::session::{Claim, Rank, SessionId};
use super::session::{Learned, MAX_VLANS, Recorded, Session, Sessions, SessionsByLeg, name_both_ends};
use super::stragglers::Stragglers;
use super::trace::{FlowTrace, FlowsSeen};
use super::unowned::Unowned;
use crate::id::RecordingId;
use crate::net::Flow;
pub use crate::sdp::Side;
use crate::time::Timestamp;
use crate::wire::link::Vlan;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// Addresses claimed for one side of a session at most.
pub const MAX_CLAIMS: usize = 16;
/// Addresses learned for one session: the first it was heard from.
const MAX_LEARNED: usize = 4;

/// The table of claims and resolved flows.
#[derive(Debug, Default)]
pub struct Pairing {
    sessions: Sessions,
    legs: SessionsByLeg,
    places: Places,
    hosts: Hosts,
    /// Those of their SIP elements.
    sip_hosts: Hosts,
    host_pairs: HostPairs,
    guesses: SmallVec<[Guess; 2]>,
    between: Between,
    rtcp: ReportPlaces,
    incomplete: VecDeque<RecordingId>,
    disowned: VecDeque<Disowned>,
    stragglers: Stragglers,
    unowned: Unowned,
    /// Addresses of sessions that had no room for more.
    no_room: u64,
    next_session: u64,
    sequence: u64,
    now: Tick,
    /// What was made of flows and for which legs, kept where somebody asks for it.
    flows_seen: Option<FlowsSeen>,
}

impl Pairing {
    /// An empty table.
    pub fn new() -> Self {
        Pairing::default()
    }

    /// Keeps what is made of flows, for [`Pairing::take_flows`].
    pub fn keep_trace(&mut self) {
        self.flows_seen = Some(FlowsSeen::default());
    }

    /// What was made of flows since this was last asked, and which legs they concern.
    pub fn take_flows(&mut self) -> Vec<(u64, FlowTrace)> {
        self.flows_seen.as_mut().map(|seen| std::mem::take(&mut seen.0)).unwrap_or_default()
    }

    /// See [`super::Overflow::parts`].
    pub fn no_room(&self) -> u64 {
        self.no_room + self.stragglers.no_room + self.places.no_room + self.unowned.no_room
    }

    /// Time has come to `now`: what is claimed from here on is claimed then.
    pub fn handle_time(&mut self, now: Timestamp) {
        self.now = Tick::at(now);
        self.places.tidy(self.now);
        self.review_guesses(None);
    }

    /// Begins a session without claims between two SIP elements, caller's end
    /// first. `age` orders calls by their INVITE.
    pub fn open(&mut self, age: u64, group: u64, ends: [SocketAddr; 2]) -> SessionId {
        self.next_session += 1;
        let id = SessionId(self.next_session);
        self.sequence += 1;
        let leg = self.legs.entry(age).or_default();
        let begun = leg.iter().filter_map(|id| self.sessions.get(id)).map(|s| s.opened_at).min();
        leg.push(id);
        let session = Session {
            age,
            group,
            ends,
            claims: Default::default(),
            learned: SmallVec::new(),
            recording: None,
            opened: self.sequence,
            opened_at: begun.unwrap_or(self.now),
            moved_at: [None; 2],
            answered: None,
            vlans: SmallVec::new(),
            heard: None,
            leaving: None,
            is_told: false,
            answered_at: None,
            spoke: [None; 2],
            behind: [None; 2],
            may_speak: Default::default(),
            spoke_on: Default::default(),
            spoken_to: [None; 2],
            strayed: (self.now, 0),
            strays: Default::default(),
            is_surely_heard: [false; 2],
        };
        self.between.begin(id, &session);
        self.sip_hosts.rename(id, &[], &session.sip_hosts());
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
        let (claims, left_out) = claims.split_at(claims.len().min(MAX_CLAIMS));
        if self.sessions.get(&session).is_none_or(|s| s.claims[side as usize][..] == *claims) {
            return;
        }
        self.no_room += left_out.len() as u64;
        let Some(mut new) = self.sessions.get(&session).map(|s| s.claims.clone()) else { return };
        new[side as usize] = claims.into();
        // Last packets to and from where it was are not another call's.
        self.bury_flows(session, |flow| name_both_ends(&new, flow));
        let Some(s) = self.sessions.get_mut(&session) else { return };
        let hosts = s.hosts();
        let old = std::mem::replace(&mut s.claims[side as usize], claims.into());
        s.moved_at[side as usize] = Some(self.now).filter(|_| !old.is_empty());
        s.is_surely_heard[side as usize] = false;
        self.hosts.rename(session, &hosts, &s.hosts());
        let is_answered = s.answered.is_some();
        // What one party says of itself moves the other one nowhere.
        let is_others = |l: &Learned| l.side != side && l.ways == [true; 2];
        let learned: SmallVec<[Learned; 2]> = s.learned.iter().filter(|l| !is_others(l)).copied().collect();
        s.learned.retain(|l| is_others(l));
        let changed = old.iter().filter(|c| !claims.contains(c));
        // An address that is described otherwise was not left.
        let gone =
            changed.clone().filter(|c| c.rank == Rank::Claimed && !claims.iter().any(|n| n.addr == c.addr));
        if gone.clone().next().is_some() {
            s.behind[side as usize] = None;
        }
        let learned = learned.into_iter().map(|l| (l.side, l.addr));
        for (side, addr) in learned.chain(changed.clone().map(|c| (side, c.addr))) {
            self.places.withdraw(session, side, addr, &mut self.sessions);
        }
        changed.for_each(|c| self.rtcp.drop(c));
        // What is under way to and from where it was is still its own, if nobody knows better.
        let left: SmallVec<[SocketAddr; 2]> =
            gone.filter(|_| is_answered).map(|c| c.addr).take(MAX_LEARNED).collect();
        for addr in left {
            if let Some(s) = self.sessions.get_mut(&session) {
                s.learned.push(Learned { side, addr, ways: [false; 2], by_hosts: false });
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
            let leg = s.age;
            self.review_guesses(Some(leg));
            self.bury_flows(session, |_| false);
        }
        self.forget_flows_of(session);
    }

    /// Ends a session: its addresses are free.
    pub fn close(&mut self, session: SessionId) {
        if !self.is_taken_over(session) {
            self.bury_flows(session, |_| false);
        }
        self.end_at_hosts(session);
        let Some(s) = self.sessions.remove(&session) else { return };
        self.between.end(session, &s);
        self.sip_hosts.rename(session, &s.sip_hosts(), &[]);
        if let Some(leg) = self.legs.get_mut(&s.age) {
            leg.retain(|id| *id != session);
            if leg.is_empty() {
                self.legs.remove(&s.age);
            }
        }
        self.hosts.rename(session, &s.hosts(), &[]);
        s.learned.iter().for_each(|l| self.places.withdraw(session, l.side, l.addr, &mut self.sessions));
        for (side, claims) in [Side::Caller, Side::Callee].into_iter().zip(s.claims) {
            for c in claims {
                self.places.withdraw(session, side, c.addr, &mut self.sessions);
                self.rtcp.drop(&c);
            }
        }
    }

    /// Last packets of a session's flows, but for those that stay, are not another call's.
    fn bury_flows(&mut self, session: SessionId, stays: impl Fn(&Flow) -> bool) {
        if let Some(s) = self.sessions.get(&session) {
            let flows = self.places.flows_of(s).filter(|f| !stays(f) && !self.is_shared(f, s));
            // What begins after the hang-up is not its. What it had then was told when it was hung up.
            let is_own =
                |run: &Run| s.leaving.is_none_or(|left| left == self.now || left.since(run.began) > 0);
            let runs = flows.filter_map(|f| Some((f, self.places.known(&f)?.run)));
            let sourced = runs.filter(|(_, run)| is_own(run)).map(|(f, run)| (f, run.sources()));
            let sourced: SmallVec<[_; 4]> = sourced.collect();
            self.stragglers.bury(s, sourced.into_iter(), self.now);
        }
    }

    /// Does another live leg name both ends of a flow as well?
    fn is_shared(&self, flow: &Flow, s: &Session) -> bool {
        let others = self.places.parties_of(flow).filter_map(|id| self.sessions.get(&id));
        let mut live = others.filter(|o| o.age != s.age && o.leaving.is_none() && o.answered.is_some());
        live.any(|o| name_both_ends(&o.claims, flow))
    }

    /// The sessions of a leg.
    fn sessions_of(&self, leg: u64) -> impl Iterator<Item = (SessionId, &Session)> {
        let ids = self.legs.get(&leg).into_iter().flatten();
        ids.filter_map(|id| Some((*id, self.sessions.get(id)?)))
    }

    /// Did it only ring for a call that goes on in other sessions: answered, or with the caller where he was?
    fn is_taken_over(&self, session: SessionId) -> bool {
        let Some(s) = self.sessions.get(&session).filter(|s| s.only_rings()) else { return false };
        let goes_on = |o: &Session| !o.only_rings() || o.has_caller_of(s);
        self.sessions_of(s.age).any(|(id, o)| id != session && goes_on(o))
    }

    /// Where packets of `flow` go, of which one was captured `at`, and a number that tells a
    /// recording's flows apart. One look-up once the flow is known. A flow no claim fits, or
    /// beyond its address's bound, leaves nothing behind.
    #[inline]
    pub fn route(&mut self, flow: &Flow, at: Timestamp, stream: Option<StreamPosition>) -> (Route, u32) {
        let now = Tick::at(at);
        if let Some(known) = self.places.known_mut(flow)
            && let Some(route) = &known.route
            && known.run.goes_on(stream, known.heard, now)
            // What made it doubtful may have passed.
            && (*route != Route::Doubt || known.heard == now)
        {
            known.heard = now;
            if let Some(s) = stream {
                known.run.seq = s.seq;
            }
            return (route.copied(), known.fingerprint);
        }
        self.now = now;
        self.take_up(*flow, at, stream)
    }

    /// The next recording that misses packets it may have owned. Each is told once.
    pub fn poll_incomplete(&mut self) -> Option<RecordingId> {
        self.incomplete.pop_front()
    }

    /// What the next recording has to give back. Asked after each packet.
    pub fn poll_disowned(&mut self) -> Option<Disowned> {
        self.disowned.pop_front()
    }

    /// The runs of packets on flows that are some call's, as at `now`; the oldest first.
    pub fn runs(&self, now: Timestamp) -> Vec<RunSoFar> {
        let run = |(flow, known): (Flow, &ResolvedFlow)| RunSoFar {
            flow,
            ssrc: known.run.ssrc,
            began: known.run.began.instant(now),
            first: known.run.first,
            heard: known.heard.instant(now),
            newest: known.run.seq,
        };
        let mut runs: Vec<_> = self.places.flows().map(run).collect();
        runs.sort_unstable_by_key(|r| (r.began, r.flow));
        runs
    }

    /// A run that was last taken in a while ago went on meanwhile.
    pub fn note_run(&mut self, run: &RunSoFar) {
        if let Some(known) = self.places.known_mut(&run.flow).filter(|k| k.run.ssrc == run.ssrc) {
            (known.heard, known.run.seq) = (Tick::at(run.heard), run.newest);
        }
    }

    /// The recordings that an RTCP packet belongs to: a report comes on the port
    /// above the media's, where `a=rtcp` says, or on the media's own (RFC 5761).
    pub fn rtcp_targets(&self, flow: &Flow) -> SmallVec<[RecordingId; 1]> {
        let apart = Flow { src: self.rtcp.media(flow.src), dst: self.rtcp.media(flow.dst), ..*flow };
        for media in [apart, *flow] {
            let past = RunHistory::default();
            let sessions: SmallVec<[SessionId; 4]> = match self.resolve(&media, &past) {
                Ownership::Nobody => continue,
                Ownership::Owned(owned) => owned.by.iter().map(|(id, _)| *id).collect(),
                Ownership::Doubt { by, .. } => by,
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

    /// Packets of a session's side have come, as far as is known for certain.
    pub fn has_spoken(&self, session: SessionId, side: Side) -> bool {
        self.sessions.get(&session).is_some_and(|s| s.spoke[side as usize].is_some())
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

mod by_hosts;
mod missed;
mod resolve;
#[cfg(test)]
mod tests;
