//! Flows of which only the hosts are known: rule 16.
//!
//! Both ends may be behind a NAT that changes ports, with private addresses in
//! their descriptions. What is left is where their SIP came from. A flow between
//! these hosts is guessed to be the call's if no other call has its parties there
//! and neither party is known to be heard elsewhere. For half a second that is
//! enough; then it must have been answered from the port it goes to, and nothing
//! else between the hosts must have been, or what was given of it is taken back.

use super::super::flows::Tick;
use super::super::host_pairs::Company;
use super::super::owner::{Owned, Ownership};
use super::super::session::{Learned, Session};
use super::resolve::YOUNG;
use super::{Disowned, Pairing, Rank, SessionId, Side};
use crate::net::Flow;
use crate::time::Timestamp;
use smallvec::SmallVec;
use std::net::IpAddr;

/// Who is heard so shortly ago is there still.
const LIVELY: u32 = Tick::of_ms(1000);

/// A party of a call.
struct LegParty {
    leg: u64,
    side: Side,
}

impl Pairing {
    /// Whose a flow is that nobody claims an end of.
    pub(super) fn by_hosts(&mut self, flow: &Flow) -> Ownership {
        let company = self.host_pairs.note(flow, self.now);
        if company == Company::Crowded {
            return Ownership::Nobody;
        }
        let Some(speaker) = self.sole_speaker(flow) else { return Ownership::Nobody };
        let (Company::Paired(Some(began)) | Company::Alone(Some(began))) = company else {
            self.no_room += 1;
            return Ownership::Nobody;
        };
        let ends = [(speaker.side, flow.src.ip()), (speaker.side.other(), flow.dst.ip())];
        let may_own = |s: &Session| {
            s.leaving.is_none()
                && s.is_surely_heard == [false; 2]
                && s.opened_at.since(began) <= 1
                && ends.iter().all(|(side, ip)| s.hides(*side, *ip))
        };
        let own: SmallVec<[SessionId; 2]> = self.sessions_of(speaker.leg).map(|(id, _)| id).collect();
        let all = || own.iter().filter_map(|id| self.sessions.get(id));
        match all().map(|s| s.answered_at.filter(|_| may_own(s))).min().flatten() {
            Some(since) if self.is_borne_out(company) => Ownership::Owned(Owned {
                by: own.into_iter().map(|id| (id, speaker.side)).collect(),
                ranks: [Rank::Other; 2],
                since,
                alone: true,
                rivals: [false; 2],
                strange: false,
                others: SmallVec::new(),
            }),
            _ => Ownership::Nobody,
        }
    }

    /// Is it answered, or so young that it may yet be?
    fn is_borne_out(&self, company: Company) -> bool {
        match company {
            Company::Paired(_) => true,
            Company::Alone(began) => began.is_some_and(|began| self.now.since(began) <= YOUNG),
            Company::Crowded => false,
        }
    }

    /// Do the owners of a flow own it by no more than its hosts, and has it not been answered?
    pub(super) fn is_guess(&self, flow: &Flow, owned: &Owned) -> bool {
        let is_guess = |l: &Learned| l.by_hosts && l.ways != [true; 2];
        let knows_ends = |s: &Session| {
            [flow.src, flow.dst].iter().all(|end| s.learned.iter().any(|l| l.addr == *end && is_guess(l)))
        };
        match owned.ranks {
            [Rank::Other, Rank::Other] => true,
            [Rank::Other | Rank::Heard, Rank::Other | Rank::Heard] => {
                owned.by.iter().filter_map(|(id, _)| self.sessions.get(id)).any(knows_ends)
            }
            _ => false,
        }
    }

    /// A flow that was guessed to be theirs: it is, or what was given of it is taken back.
    pub(super) fn guess_again(&mut self, flow: &Flow, owned: Owned, at: Timestamp) -> Ownership {
        let company = self.host_pairs.note(flow, self.now);
        let speakers = owned.by.iter().filter_map(|(id, side)| Some((self.sessions.get(id)?.age, *side)));
        let mut parties = speakers.map(|(leg, side)| LegParty { leg, side });
        if self.is_borne_out(company) && !parties.any(|p| self.is_leg_heard_elsewhere(&p, flow)) {
            return Ownership::Owned(owned);
        }
        if let Some(known) = self.places.known(flow) {
            let since = Tick::begins(self.now.since(known.run.began), at);
            for g in &known.given {
                let (recording, channel, ssrc) = (g.recording, g.channel, known.run.ssrc);
                self.disowned.push_back(Disowned {
                    recording,
                    channel,
                    ssrc,
                    flow: known.fingerprint,
                    since,
                });
            }
        }
        for (id, side) in &owned.by {
            for (side, addr) in [(*side, flow.src), (side.other(), flow.dst)] {
                if let Some(s) = self.sessions.get_mut(id) {
                    s.learned.retain(|l| !(l.by_hosts && (l.side, l.addr) == (side, addr)));
                    let spoke = &mut s.spoke[side as usize];
                    *spoke = spoke.filter(|a| *a != addr);
                }
                self.places.withdraw(*id, side, addr, &mut self.sessions);
            }
        }
        Ownership::Nobody
    }

    /// Who speaks in the only call with a party at each host of a flow; none where there are several,
    /// or too many calls to look at.
    fn sole_speaker(&self, flow: &Flow) -> Option<LegParty> {
        let [src, dst] = [flow.src.ip(), flow.dst.ip()];
        let mut legs: SmallVec<[u64; 4]> = SmallVec::new();
        for hosts in [&self.hosts, &self.sip_hosts] {
            let ages = hosts.at(&src)?.iter().filter_map(|id| self.sessions.get(id)).map(|s| s.age);
            for age in ages {
                if !legs.contains(&age) {
                    legs.push(age);
                }
            }
        }
        let may_be = |p: &LegParty| {
            self.is_leg_at(p.leg, p.side, src)
                && self.is_leg_at(p.leg, p.side.other(), dst)
                && self.sessions_of(p.leg).any(|(_, s)| s.is_on(flow.vlan))
                && !self.is_leg_heard_elsewhere(p, flow)
        };
        let parties = legs.into_iter().flat_map(|leg| SIDES.map(|side| LegParty { leg, side }));
        let mut all = parties.filter(may_be);
        all.next().filter(|_| all.next().is_none())
    }

    fn sessions_of(&self, leg: u64) -> impl Iterator<Item = (SessionId, &Session)> {
        let ids = self.legs.get(&leg).into_iter().flatten();
        ids.filter_map(|id| Some((*id, self.sessions.get(id)?)))
    }

    /// Is a side of a leg said to be at `ip`, on any of its hops?
    fn is_leg_at(&self, leg: u64, side: Side, ip: IpAddr) -> bool {
        self.sessions_of(leg).any(|(_, s)| s.is_said_at(side, ip))
    }

    /// Is one of its parties known to speak at another address than its end of the flow, now?
    fn is_leg_heard_elsewhere(&self, speaker: &LegParty, flow: &Flow) -> bool {
        let is_elsewhere = |s: &Session, side: Side, end| {
            let Some(at) = s.spoke[side as usize].filter(|a| *a != end) else { return false };
            self.places.surely_heard_from(s, at).is_some_and(|last| self.now.since(last) <= LIVELY)
        };
        let ends = [(speaker.side, flow.src), (speaker.side.other(), flow.dst)];
        self.sessions_of(speaker.leg)
            .any(|(_, s)| ends.iter().any(|(side, end)| is_elsewhere(s, *side, *end)))
    }
}

const SIDES: [Side; 2] = [Side::Caller, Side::Callee];
