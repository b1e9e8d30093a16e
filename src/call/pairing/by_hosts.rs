//! Flows of which only the hosts are known: rule 16.
//!
//! Both ends may be behind a NAT that changes ports, with private addresses in
//! their descriptions. What is left is where their SIP came from. A flow between
//! these hosts is guessed to be the call's if no other call has a party at either
//! whose media is not known to be elsewhere. For half a second that is enough;
//! then it must have been answered from the port it goes to, and nothing else
//! between the hosts must have been, or what was given of it is taken back.

use super::super::contender::FRESH;
use super::super::flows::Tick;
use super::super::guess::{Guess, way_back};
use super::super::host_pairs::Company;
use super::super::owner::{Owned, Ownership};
use super::super::session::Session;
use super::resolve::YOUNG;
use super::{Disowned, Pairing, Rank, SessionId, Side};
use crate::net::Flow;
use crate::time::Timestamp;
use smallvec::SmallVec;
use std::net::{IpAddr, SocketAddr};

const SIDES: [Side; 2] = [Side::Caller, Side::Callee];
/// Guesses that wait for their way back; one call begins with two of them at most.
const MAX_GUESSES: usize = 256;

impl Pairing {
    /// Whose a flow is that nobody claims an end of.
    pub(super) fn by_hosts(&mut self, flow: &Flow, ssrc: u32, at: Timestamp) -> Ownership {
        let company = self.host_pairs.note(flow, ssrc, self.now);
        let Some((leg, speaker)) = self.sole_speaker(flow) else { return Ownership::Nobody };
        let (Company::Paired(began) | Company::Alone(began)) = company else { return Ownership::Nobody };
        let Some(began) = began.filter(|_| self.guesses.len() < MAX_GUESSES) else {
            self.no_room += 1;
            return Ownership::Nobody;
        };
        let guess = Guess { flow: *flow, leg, speaker, at };
        let may_own = |s: &Session| s.opened_at.since(began) <= 1;
        if !self.is_borne_out(company) || !self.sessions_of(leg).all(|(_, s)| may_own(s)) {
            return Ownership::Nobody;
        }
        let since = self.sessions_of(leg).filter_map(|(_, s)| s.answered_at).max().unwrap_or(self.now);
        self.guesses.retain(|g| g.flow != *flow);
        self.guesses.push(guess);
        Ownership::Owned(Owned {
            by: self.sessions_of(leg).map(|(id, _)| (id, speaker)).collect(),
            ranks: [Rank::Other; 2],
            since,
            alone: true,
            rivals: [false; 2],
            strange: false,
            others: SmallVec::new(),
        })
    }

    /// Is it answered, or so young that it may yet be?
    fn is_borne_out(&self, company: Company) -> bool {
        match company {
            Company::Paired(_) => true,
            Company::Alone(began) => began.is_some_and(|began| self.now.since(began) <= YOUNG),
            Company::Crowded => false,
        }
    }

    /// The guess that a flow is, or is the way back of.
    pub(super) fn guess_of(&self, flow: &Flow) -> Option<Guess> {
        self.guesses.iter().find(|g| g.flow == *flow || g.flow == way_back(flow)).copied()
    }

    /// Do its owners know a flow by nothing but a guess that has not been answered?
    pub(super) fn rests_on_guess(&self, flow: &Flow, owned: &Owned) -> bool {
        let is_guessed = |s: &Session| {
            let of_guess = |end: &SocketAddr| {
                s.learned.iter().any(|l| l.by_hosts && l.ways != [true; 2] && l.addr == *end)
            };
            [flow.src, flow.dst].iter().any(of_guess)
        };
        owned.ranks.iter().all(|r| matches!(r, Rank::Heard | Rank::Other))
            && owned.by.iter().filter_map(|(id, _)| self.sessions.get(id)).any(is_guessed)
    }

    /// A flow that was guessed to be theirs: it is, or what was given of it is taken back.
    pub(super) fn guess_again(&mut self, flow: &Flow, ssrc: u32, owned: Owned) -> Ownership {
        let Some(guess) = self.guess_of(flow) else { return Ownership::Nobody };
        let company = self.host_pairs.note(flow, ssrc, self.now);
        let speaker = if guess.flow == *flow { guess.speaker } else { guess.speaker.other() };
        if self.is_borne_out(company) && self.sole_speaker(flow) == Some((guess.leg, speaker)) {
            return Ownership::Owned(owned);
        }
        self.withdraw_guess(guess);
        Ownership::Nobody
    }

    /// Media runs both ways on a flow that was guessed: it is the call's.
    pub(super) fn confirm_guess(&mut self, flow: &Flow) {
        for f in [*flow, way_back(flow)] {
            self.guesses.retain(|g| g.flow != f);
            self.host_pairs.forget(&f);
        }
    }

    /// Takes back what was guessed and was not answered in time, or is of `leg`, which is over.
    pub(super) fn review_guesses(&mut self, leg: Option<u64>) {
        let is_over = |g: &Guess| Some(g.leg) == leg || self.now.since(Tick::at(g.at)) > YOUNG;
        let over: SmallVec<[Guess; 2]> = self.guesses.iter().filter(|g| is_over(g)).copied().collect();
        over.into_iter().for_each(|g| self.withdraw_guess(g));
    }

    /// Nothing more will come.
    pub fn give_up_guesses(&mut self) {
        while let Some(guess) = self.guesses.first().copied() {
            self.withdraw_guess(guess);
        }
    }

    fn withdraw_guess(&mut self, guess: Guess) {
        self.guesses.retain(|g| g.flow != guess.flow);
        if let Some(known) = self.places.known(&guess.flow) {
            for g in &known.given {
                let (recording, channel, ssrc) = (g.recording, g.channel, known.run.ssrc);
                let (flow, since) = (known.fingerprint, guess.at);
                self.disowned.push_back(Disowned { recording, channel, ssrc, flow, since });
            }
        }
        let of: SmallVec<[SessionId; 2]> = self.sessions_of(guess.leg).map(|(id, _)| id).collect();
        // It may have been theirs all the same, unless the speaker is heard from where he should be.
        let is_heard = |s: &Session| {
            let at = s.spoke[guess.speaker as usize];
            s.is_surely_heard[guess.speaker as usize] && at.is_some_and(|at| at != guess.flow.src)
        };
        if !self.sessions_of(guess.leg).any(|(_, s)| is_heard(s)) {
            self.report_incomplete(&of);
        }
        for (id, (side, addr)) in of.into_iter().flat_map(|id| guess.ends().map(|end| (id, end))) {
            if let Some(s) = self.sessions.get_mut(&id) {
                s.learned.retain(|l| !(l.by_hosts && (l.side, l.addr) == (side, addr)));
                let spoke = &mut s.spoke[side as usize];
                *spoke = spoke.filter(|a| *a != addr);
            }
            self.places.withdraw(id, side, addr, &mut self.sessions);
        }
    }

    /// A session is about to end. With the last one of its leg the call is over at its hosts.
    pub(super) fn end_at_hosts(&mut self, session: SessionId) {
        let Some(s) = self.sessions.get(&session) else { return };
        if self.sessions_of(s.age).any(|(id, _)| id != session) {
            return;
        }
        let leg = s.age;
        let hosts: SmallVec<[IpAddr; 8]> = s.hosts().into_iter().chain(s.sip_hosts()).collect();
        let runs = self.places.flows_of(s).filter_map(|f| Some((f, self.places.known(&f)?)));
        let runs: SmallVec<[_; 4]> = runs.map(|(f, k)| (f, k.run.ssrc, [k.run.began, k.heard])).collect();
        self.review_guesses(Some(leg));
        hosts.into_iter().for_each(|host| self.host_pairs.over(host, self.now));
        runs.into_iter().for_each(|(flow, ssrc, when)| self.host_pairs.go_on(flow, ssrc, when));
    }

    /// Whose flow it is, and who speaks there, if only one call can have it: both its parties are
    /// behind NATs at its hosts, and whoever else has a party at one of them is heard elsewhere.
    fn sole_speaker(&mut self, flow: &Flow) -> Option<(u64, Side)> {
        let [src, dst] = [flow.src, flow.dst];
        let mut legs: SmallVec<[u64; 4]> = SmallVec::new();
        for (hosts, end) in [&self.hosts, &self.sip_hosts].into_iter().flat_map(|h| [(h, src), (h, dst)]) {
            let ages = hosts.at(&end.ip())?.iter().filter_map(|id| self.sessions.get(id)).map(|s| s.age);
            for age in ages {
                if !legs.contains(&age) {
                    legs.push(age);
                }
            }
        }
        let on_vlan = |leg: &u64| self.sessions_of(*leg).any(|(_, s)| s.vlans.contains(&flow.vlan));
        legs.retain(|leg| on_vlan(leg) && !self.is_elsewhere(*leg, flow));
        let mut own = legs.iter().flat_map(|leg| SIDES.map(|side| (*leg, side)));
        let (leg, speaker) = own.find(|(leg, side)| self.is_between(*leg, *side, flow))?;
        let is_same = |(other, side): (u64, Side)| (other, side) == (leg, speaker);
        if own.any(|o| !is_same(o) && self.is_between(o.0, o.1, flow)) {
            return None;
        }
        let group = |leg: u64| self.sessions_of(leg).map(|(_, s)| s.group).next();
        if legs.iter().all(|other| group(*other) == group(leg)) {
            return Some((leg, speaker));
        }
        // It may be either's: neither gets it, and it is missing.
        let own: SmallVec<[SessionId; 2]> = self.sessions_of(leg).map(|(id, _)| id).collect();
        self.report_incomplete(&own);
        None
    }

    /// Has a leg both its parties behind NATs at the hosts of a flow, as far as is said on any of
    /// its hops, and neither of them at another port?
    fn is_between(&self, leg: u64, speaker: Side, flow: &Flow) -> bool {
        [(speaker, flow.src), (speaker.other(), flow.dst)].iter().all(|(side, end)| {
            let is_there = |s: &Session| {
                s.answered.is_some()
                    && s.leaving.is_none()
                    && s.hides(*side, end.ip())
                    && (!s.is_surely_heard[*side as usize] || s.spoke[*side as usize] == Some(*end))
            };
            self.sessions_of(leg).all(|(_, s)| is_there(s))
                && self.sessions_of(leg).any(|(_, s)| s.is_said_at(*side, end.ip()))
        })
    }

    /// Are both parties of a leg heard now, at other addresses than the flow's?
    fn is_elsewhere(&self, leg: u64, flow: &Flow) -> bool {
        SIDES.iter().all(|side| {
            self.sessions_of(leg).any(|(_, s)| {
                let spoke = s.spoke[*side as usize].filter(|a| ![flow.src, flow.dst].contains(a));
                let last = spoke.and_then(|at| self.places.surely_heard_from(s, at));
                s.is_surely_heard[*side as usize] && last.is_some_and(|last| self.now.since(last) <= FRESH)
            })
        })
    }
}
