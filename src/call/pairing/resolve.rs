//! Resolving flows, and what is kept of them.

use super::super::contender::{FlowEnd, RunHistory, SessionActivity};
use super::super::flows::{Tick, fingerprint};
use super::super::hosts::Hosts;
use super::super::owner::{Owned, Ownership, decide};
use super::super::places::{MAX_CLAIMANTS, ResolvedFlow, Whose};
use super::super::route::Given;
use super::super::runs::{Run, Sender, StreamPosition};
use super::super::session::{Claimant, Learned, Session};
use super::{Disowned, MAX_LEARNED, Pairing, Rank, Route, SessionId, Side, Target};
use crate::id::Channel;
use crate::net::Flow;
use crate::rtp::standing::Standing;
use crate::time::Timestamp;
use smallvec::SmallVec;
use std::net::{IpAddr, SocketAddr};

/// What is known of a run so early may be wrong.
pub(super) const YOUNG: u32 = Tick::of_ms(500);

impl Pairing {
    #[cold]
    pub(super) fn take_up(
        &mut self,
        flow: Flow,
        at: Timestamp,
        stream: Option<StreamPosition>,
    ) -> (Route, u32) {
        let fingerprint = fingerprint(&flow);
        let (run, past) = self.past(&flow, stream);
        let (ownership, is_guess) = self.owner_of(&flow, &past, at);
        self.trace_flow(&flow, run.ssrc, &ownership);
        let (route, leg, senders) = match ownership {
            Ownership::Nobody => {
                self.places.go_on(&flow, run, self.now);
                if !self.places.is_seen_on_another_vlan(&flow, &run, self.now) {
                    self.miss(&flow, run.ssrc);
                }
                self.note_unowned(&flow, fingerprint, &run, &past);
                return (Route::Unmatched, fingerprint);
            }
            Ownership::Doubt { by, senders, crossed, learn } => {
                learn
                    .into_iter()
                    .for_each(|(id, speaker, end)| self.learn(id, (speaker, false), &flow, end, false));
                self.doubt(&by);
                self.note_unowned(&flow, fingerprint, &run, &past);
                // What goes on from elsewhere is looked at again: the sender may say where he is.
                let route = past.kin.is_empty().then_some(Route::Doubt);
                (route, if crossed { Whose::Crossed } else { Whose::Doubtful }, senders)
            }
            Ownership::Owned(owned) => {
                self.miss_unowned(&flow, fingerprint, &owned, &past);
                self.miss_before_joining(&owned, &run, &past);
                let taken = self.take_over(&flow, &owned, &run);
                if taken.0.is_none() {
                    self.miss_who_was_heard(&flow, &past);
                    let by = owned.by.iter().map(|(id, _)| *id).collect();
                    self.trace_flow(&flow, run.ssrc, &Ownership::doubt(by, SmallVec::new()));
                }
                taken
            }
        };
        let given = self.settle_given(&flow, &run, at, route.as_ref(), (leg, &senders), is_guess);
        if senders.len() > 1 {
            senders.iter().for_each(|k| self.may_speak(k, (run.ssrc, flow.src.ip())));
        }
        // Before the answer, and while it is but guessed, it may be seen otherwise with each packet.
        let kept = route.clone().filter(|_| !senders.is_empty() && !is_guess);
        let known =
            ResolvedFlow { fingerprint, heard: self.now, route: kept, run, whose: leg, senders, given };
        if !is_guess || [flow.src, flow.dst].iter().all(|a| !self.places.claimants(a).is_empty()) {
            self.places.remember(flow, known);
        }
        (route.unwrap_or(Route::Doubt), fingerprint)
    }

    /// Keeps what is made of a flow, for whoever asks.
    fn trace_flow(&mut self, flow: &Flow, ssrc: u32, ownership: &Ownership) {
        if let Some(seen) = &mut self.flows_seen {
            seen.add((flow, ssrc), ownership, &self.sessions, [&self.hosts, &self.sip_hosts]);
        }
    }

    /// Whose a flow is, and whether that is no more than a guess.
    fn owner_of(&mut self, flow: &Flow, past: &RunHistory, at: Timestamp) -> (Ownership, bool) {
        let ownership = match self.resolve(flow, past) {
            Ownership::Nobody => self.by_hosts(flow, past.ssrc, at),
            Ownership::Owned(owned) if self.rests_on_guess(flow, &owned) => {
                self.guess_again(flow, past.ssrc, owned)
            }
            known => known,
        };
        let is_guess = self.guess_of(flow).is_some_and(|g| g.is_of(flow));
        (ownership, is_guess)
    }

    /// Where a young run goes from here on. What it was taken for so far and turns out not to be,
    /// or not for certain, is given back: a call that rings may be talked in before its answer says where.
    fn settle_given(
        &mut self,
        flow: &Flow,
        run: &Run,
        at: Timestamp,
        route: Option<&Route>,
        (whose, senders): (Whose, &[Sender]),
        is_guess: bool,
    ) -> SmallVec<[Given; 1]> {
        let age = self.now.since(run.began);
        if age > YOUNG {
            return SmallVec::new();
        }
        let (since, ssrc) = (Tick::begins(age, at), run.ssrc);
        // Who called only after it began did not send it.
        let had_begun = |leg: u64| self.sessions_of(leg).any(|(_, s)| s.opened_at.since(run.began) == 0);
        let may_be_anothers = |g: &Given| {
            let own = self.sessions.get(&g.session).map(|s| s.age);
            let owner = if let Whose::Leg(leg) = whose { Some(leg) } else { None };
            owner
                .into_iter()
                .chain(senders.iter().map(|k| k.leg))
                .any(|leg| Some(leg) != own && had_begun(leg))
        };
        let before = self.places.known(flow).filter(|k| k.run.ssrc == ssrc && k.run.began == run.began);
        // What follows a hang-up or a change of signalling says nothing of what was before.
        let is_live = |g: &Given| {
            let of = |s: &Session| s.leaving.is_none() && s.recording.is_some_and(|r| r.id == g.recording);
            self.sessions.get(&g.session).is_some_and(of)
        };
        let goes_on = |g: &Given| route.is_some_and(|r| r.goes_to(g));
        let all = before.iter().flat_map(|k| &k.given);
        // What was only guessed may yet have to be given back as a whole.
        let kept: SmallVec<[Given; 1]> = all.clone().filter(|_| is_guess).copied().collect();
        let lost: SmallVec<[Given; 1]> =
            all.filter(|g| !goes_on(g) && may_be_anothers(g) && is_live(g)).copied().collect();
        for g in &lost {
            let (recording, channel, flow) = (g.recording, g.channel, fingerprint(flow));
            self.disowned.push_back(Disowned { recording, channel, ssrc, flow, since });
        }
        if !matches!(whose, Whose::Leg(_)) {
            self.report_incomplete(&lost.iter().map(|g| g.session).collect::<SmallVec<[SessionId; 1]>>());
        }
        let Some(Route::Record(targets)) = route else { return kept };
        let session_of = |t: &Target| {
            let is_its = |s: &&Session| s.recording.is_some_and(|r| r.id == t.recording);
            self.places.parties_of(flow).find(|id| self.sessions.get(id).as_ref().is_some_and(is_its))
        };
        let given =
            |t: &Target| Some(Given { session: session_of(t)?, recording: t.recording, channel: t.channel });
        targets.iter().filter_map(given).collect()
    }

    /// A flow is its owners', unless others may be there or were until now.
    fn take_over(
        &mut self,
        flow: &Flow,
        owned: &Owned,
        run: &Run,
    ) -> (Option<Route>, Whose, SmallVec<[Sender; 2]>) {
        let owners = owned.by.iter().map(|(id, _)| *id);
        // It is looked at again with each packet: what made it doubtful passes.
        if self.stragglers.has((flow, run), owned, &self.sessions, self.now) {
            self.doubt(&owners.collect::<SmallVec<[SessionId; 4]>>());
            return (None, Whose::Doubtful, SmallVec::new());
        }
        let senders = self.senders(owned);
        let beside = self.between.beside(&self.hosts, flow, owned, &self.sessions);
        let others = self.hosts.others(flow, owned, &self.sessions);
        let others = others.map(|o| beside.into_iter().chain(o).collect::<SmallVec<[SessionId; 2]>>());
        let is_sure = others.as_ref().is_some_and(|o| o.is_empty());
        if let Some((route, leg)) = is_sure.then(|| self.own(flow, owned)).flatten() {
            // What of it came before anybody knew whose it is, is missing.
            let has_missed = |(id, side): &&(SessionId, Side)| {
                self.sessions.get(id).is_some_and(|s| s.strayed_before(*side, (run.ssrc, flow.src.ip())))
            };
            let missed: SmallVec<[SessionId; 2]> =
                owned.by.iter().filter(has_missed).map(|(id, _)| *id).collect();
            self.report_incomplete(&missed);
            return (Some(route), leg, senders);
        }
        // Should one of the others end, it may still be that one's for a while.
        for s in others.iter().flatten().filter_map(|id| self.sessions.get(id)) {
            self.stragglers.bury(s, std::iter::once((*flow, run.sources())), self.now);
        }
        let missing = Hosts::missing(owned, flow, &self.sessions);
        let ids: SmallVec<[SessionId; 4]> = missing.chain(others.into_iter().flatten()).collect();
        self.doubt(&ids);
        (None, Whose::Doubtful, senders)
    }

    /// Who may have sent what is owned.
    fn senders(&self, owned: &Owned) -> SmallVec<[Sender; 2]> {
        let mut out = owned.others.clone();
        let mut add = |s: &Session, side: Side| {
            let sender = Sender { leg: s.age, group: s.group, side };
            if !out.contains(&sender) {
                out.push(sender);
            }
        };
        for (id, side) in &owned.by {
            let Some(s) = self.sessions.get(id) else { continue };
            if !is_firm(s, owned) {
                return SmallVec::new();
            }
            add(s, *side);
        }
        out
    }

    /// It may be that a party of a leg is heard.
    fn may_speak(&mut self, sender: &Sender, source: (u32, IpAddr)) {
        for id in self.legs.get(&sender.leg).into_iter().flatten() {
            if let Some(s) = self.sessions.get_mut(id) {
                s.note_may_speak(sender.side, source);
            }
        }
    }

    /// May a side be another source than this one? Not one that comes from elsewhere than it says,
    /// or that is between addresses which another call names and this one does not.
    fn may_be_another(&self, s: &Session, side: Side, ssrc: u32) -> bool {
        s.may_speak[side as usize].iter().any(|(other, ip)| {
            *other != ssrc
                && !s.says_elsewhere(side, *ip)
                && !self.places.is_named_by_another(*other, s.age, &self.sessions)
        })
    }

    /// Is a leg under way?
    fn is_live(&self, leg: u64) -> bool {
        self.sessions_of(leg).any(|(_, s)| s.leaving.is_none())
    }

    /// The run that a packet is of, and what it tells.
    fn past(&self, flow: &Flow, stream: Option<StreamPosition>) -> (Run, RunHistory) {
        let known = self.places.known(flow);
        let same = known.filter(|k| k.run.goes_on(stream, k.heard, self.now));
        let run = match (same, stream) {
            (Some(k), Some(s)) => Run { seq: s.seq, ..k.run },
            (Some(k), None) => k.run,
            (None, s) => match known {
                Some(k) => k.run.begin_after(k.heard, s.unwrap_or_default(), self.now),
                None => Run::begin(s.unwrap_or_default(), self.now),
            },
        };
        let mut before = same.map(|k| k.senders.clone()).unwrap_or_default();
        before.retain(|k| self.is_live(k.leg));
        let owner = same.and_then(|k| if let Whose::Leg(leg) = k.whose { Some(leg) } else { None });
        let (mut kin, has_left) = self.places.senders_of(flow, &run, self.now);
        kin.retain(|k| self.is_live(k.leg));
        (run, RunHistory { ssrc: run.ssrc, began: run.began, before, owner, has_left, kin })
    }

    /// Who claims an address, and who claims what somebody was called who was heard from it: they
    /// may be behind the same NAT.
    fn claimants(&self, addr: &SocketAddr) -> SmallVec<[Claimant; 4]> {
        let mut out: SmallVec<[Claimant; 4]> = self.places.claimants(addr).into();
        for n in 0..out.len() {
            let learned = out[n];
            if !matches!(learned.rank, Rank::Nat | Rank::Heard) {
                continue;
            }
            let Some(s) = self.sessions.get(&learned.session) else { continue };
            let claimed = s.claims[learned.side as usize].iter().filter(|c| c.rank == Rank::Claimed);
            // And what it was called before it moved.
            let before = s.learned.iter().filter(|l| l.side == learned.side && l.ways == [false; 2]);
            let named = claimed.map(|c| c.addr).chain(before.map(|l| l.addr));
            for c in named.flat_map(|a| self.places.claimants(&a)) {
                let is_claim = c.rank == Rank::Claimed && out.len() < MAX_CLAIMANTS;
                if is_claim && out.iter().all(|o| o.session != c.session) {
                    out.push(Claimant { rank: Rank::Heard, ..*c });
                }
            }
        }
        out
    }

    pub(super) fn resolve(&self, flow: &Flow, past: &RunHistory) -> Ownership {
        let [dst, src] = [&flow.dst, &flow.src].map(|a| self.claimants(a));
        if dst.is_empty() && src.is_empty() {
            return Ownership::Nobody;
        }
        let facts = |id: SessionId| {
            let session = self.sessions.get(&id)?;
            let spoke = session.spoke.map(|a| a.and_then(|a| self.places.surely_heard_from(session, a)));
            let may_be_another =
                [Side::Caller, Side::Callee].map(|side| self.may_be_another(session, side, past.ssrc));
            Some(SessionActivity { session, heard: self.places.last_heard(session), spoke, may_be_another })
        };
        let is_crowded = self.places.is_crowded(&flow.dst) || self.places.is_crowded(&flow.src);
        match decide(flow, self.now, past, &dst, &src, facts) {
            Ownership::Owned(o) if is_crowded && o.ranks != [Rank::Claimed; 2] => {
                Ownership::doubt(o.by.iter().map(|(id, _)| *id).collect(), self.senders(&o))
            }
            verdict => verdict,
        }
    }

    /// The route of a flow whose owners are known, and their leg; none where they disagree
    /// on who speaks, or it may be a last packet of a call before them.
    fn own(&mut self, flow: &Flow, owned: &Owned) -> Option<(Route, Whose)> {
        let mut targets: SmallVec<[Target; 1]> = SmallVec::new();
        for (id, speaker) in &owned.by {
            let Some(s) = self.sessions.get(id) else { continue };
            let Some(r) = s.recording else { continue };
            let channel = if *speaker == r.customer { Channel::Customer } else { Channel::Agent };
            // What speaks for its source is weighed below.
            let target = Target { recording: r.id, channel, rank: r.rank, standing: Standing::Other };
            match targets.iter_mut().find(|t| t.recording == r.id) {
                // Several hops of one dialog agree on the address: the nearest counts.
                Some(t) if t.channel == channel => t.rank = t.rank.min(r.rank),
                Some(_) => return None,
                None => targets.push(target),
            }
        }
        for (id, speaker) in &owned.by {
            self.hear(*id, *speaker, flow, owned);
        }
        if self.guess_of(flow).is_some_and(|g| !g.is_of(flow)) {
            self.confirm_guess(flow);
        }
        // Now: what speaks for its source may be known by this very packet.
        for (s, speaker) in owned.by.iter().filter_map(|(id, side)| Some((self.sessions.get(id)?, *side))) {
            let standing = s.standing(speaker, flow.src);
            let of = s.recording.map(|r| r.id);
            let same = targets.iter_mut().filter(|t| Some(t.recording) == of);
            same.for_each(|t| t.standing = t.standing.min(standing));
        }
        let leg = owned.by.first().and_then(|(id, _)| self.sessions.get(id)).map_or(0, |s| s.age);
        let leg = Whose::Leg(leg);
        Some((if targets.is_empty() { Route::NotRecorded } else { Route::Record(targets) }, leg))
    }

    /// Media of a session was heard: rule 14.
    fn hear(&mut self, id: SessionId, speaker: Side, flow: &Flow, owned: &Owned) {
        let Some(s) = self.sessions.get_mut(&id) else { return };
        if !is_firm(s, owned) {
            return;
        }
        s.heard = Some(self.now);
        // What is likely is no evidence.
        let is_sure = owned.others.is_empty();
        if is_sure {
            s.note_spoke(speaker, flow);
        }
        // An image that media ran to and from is the party's own from here on.
        let is_only = self.places.claimants(&flow.dst).iter().all(|c| c.session == id);
        if is_sure && is_only && s.note_spoken_to(speaker.other(), flow.dst, owned.ranks) {
            self.places.forget_flows(flow.dst, &mut self.sessions);
        }
        let end = match owned.ranks {
            [Rank::Claimed, Rank::Other | Rank::Heard] => FlowEnd::Src,
            [Rank::Other | Rank::Heard, Rank::Claimed] => FlowEnd::Dst,
            _ if self.guess_of(flow).is_some() => {
                for end in [FlowEnd::Src, FlowEnd::Dst] {
                    self.learn(id, (speaker, true), flow, end, owned.alone && is_sure);
                }
                return;
            }
            _ => return,
        };
        // Where another call was heard too it is known of both, and tells them apart no more.
        if owned.alone || owned.rivals[end as usize] {
            self.learn(id, (speaker, false), flow, end, owned.alone && is_sure);
        }
    }

    /// A session is known from here on to have been at an end of a flow; `alone` as far as is known.
    pub(super) fn learn(
        &mut self,
        id: SessionId,
        (speaker, by_hosts): (Side, bool),
        flow: &Flow,
        end: FlowEnd,
        alone: bool,
    ) {
        let Some(s) = self.sessions.get_mut(&id) else { return };
        let (side, addr) = match end {
            FlowEnd::Src => (speaker, flow.src),
            FlowEnd::Dst => (speaker.other(), flow.dst),
        };
        let has_room = s.learned.len() < MAX_LEARNED;
        match s.learned.iter_mut().find(|l| (l.side, l.addr) == (side, addr)) {
            Some(known) if alone => {
                known.ways[end as usize] = true;
                if known.ways == [true; 2] {
                    s.behind[side as usize] = Some(addr);
                    s.is_surely_heard[side as usize] = true;
                    let claimants = self.places.claimants_mut(&addr).iter_mut();
                    claimants.filter(|c| c.session == id && c.side == side).for_each(|c| c.rank = Rank::Nat);
                    // What came from there before has another standing from here on.
                    self.places.forget_flows(addr, &mut self.sessions);
                }
            }
            None if has_room => {
                let ways = [end == FlowEnd::Dst, end == FlowEnd::Src];
                s.learned.push(Learned { side, addr, ways, by_hosts });
                if !alone {
                    self.places.forget_flows(addr, &mut self.sessions);
                }
                self.add_claimant(id, side, addr, Rank::Heard, 0);
            }
            None if !alone => self.places.crowd(&addr, &mut self.sessions),
            _ => {}
        }
    }

    pub(super) fn add_claimant(
        &mut self,
        session: SessionId,
        side: Side,
        addr: SocketAddr,
        rank: Rank,
        origin: u64,
    ) {
        self.sequence += 1;
        let (made, since) = (self.sequence, self.now);
        self.places.add(addr, Claimant { session, side, rank, origin, since, made }, &self.sessions);
    }

    pub(super) fn forget_flows_of(&mut self, session: SessionId) {
        let Some(s) = self.sessions.get(&session) else { return };
        let claimed = s.claims.iter().flatten().map(|c| c.addr);
        let addrs: SmallVec<[SocketAddr; 8]> = claimed.chain(s.learned.iter().map(|l| l.addr)).collect();
        addrs.into_iter().for_each(|a| self.places.forget_flows(a, &mut self.sessions));
    }
}

/// Does it say anything of the call? Before the answer one has not said where he is, and what
/// comes from or goes to the other may be of a call that rings beside it.
fn is_firm(s: &Session, owned: &Owned) -> bool {
    s.answered.is_some() || !owned.ranks.contains(&Rank::Other)
}
