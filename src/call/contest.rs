//! May somebody else be the sender, whoever knows the flow best?
//!
//! The ranks of [`super::owner`] say who knows a flow best, not who is there. A
//! call may name an address and speak from another, and one that rings names an
//! end only. Pure, as is the table of ranks.

use super::contender::{Contender, FlowEnd, RunHistory, related};
use super::flows::Tick;
use super::runs::Sender;
use super::session::{Rank, SessionId};
use crate::net::Flow;
use crate::sdp::Side;
use smallvec::SmallVec;

/// Who was heard so shortly ago is there still.
const LIVELY: u32 = Tick::of_ms(1000);
/// No sender that speaks leaves out so much.
const PAUSE: u32 = Tick::of_ms(200);

/// What there is to be said against the one that knows a flow best.
pub(super) enum Doubts {
    /// Nothing: nobody else can be there.
    None,
    /// Others could be there, but it is likelier the owner: who may have sent it.
    Some(SmallVec<[Sender; 2]>),
    /// It may as well be another's: who may have sent it.
    Grave(SmallVec<[SessionId; 4]>, SmallVec<[Sender; 2]>),
}

/// What speaks against `owner` as the sender, of all who may have sent a packet. `owners`: it, and
/// those with whom it shares the flow, who are no rivals of it.
pub(super) fn doubts(
    flow: &Flow,
    now: Tick,
    past: &RunHistory,
    (owner, owners): (&Contender<'_>, &[(SessionId, Side)]),
    possible: &[Contender<'_>],
) -> Doubts {
    let is_one = |r: &Contender<'_>| related(r, owner) || owners.contains(&(r.id, r.speaker));
    let against = |r: &Contender<'_>| match is_one(r) || !may_be(r, flow, now) {
        true => Against::Nothing,
        false => against(r, owner, flow, now, past),
    };
    let rivals = || possible.iter().filter(|r| against(r) != Against::Nothing);
    // Where others may have sent the run as well, and are not at these addresses any more because
    // the call that led there has just moved, they may send it still.
    let has_moved = owner.session.moved_at.iter().flatten().any(|m| now.since(*m) <= LIVELY);
    let is_other = |k: &Sender| k.leg == owner.session.age || k.group != owner.session.group;
    let is_gone = |k: &&Sender| is_other(k) && !possible.iter().any(|c| c.is_sender(k));
    let gone = || past.before.iter().filter(|_| has_moved).filter(is_gone).copied();
    let own = std::iter::once(owner);
    // Who named another host is not likely to be there beside one that did not.
    let is_likely = rivals().next().is_none() || owner.reach(flow) != EndKnowledge::Elsewhere;
    let senders =
        own.clone().filter(|_| is_likely).chain(rivals()).map(Contender::sender).chain(gone()).collect();
    if gone().next().is_some() || rivals().any(|r| against(r) == Against::Much) {
        return Doubts::Grave(own.chain(rivals()).map(|c| c.id).collect(), senders);
    }
    if rivals().next().is_some() { Doubts::Some(senders) } else { Doubts::None }
}

/// Is nothing known that says it is elsewhere?
fn may_be(r: &Contender<'_>, flow: &Flow, now: Tick) -> bool {
    r.session.leaving.is_none() && !r.is_elsewhere(flow, now) && !r.is_on_another_vlan(flow, now)
}

/// What a rival's being there has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Against {
    Nothing,
    Little,
    Much,
}

fn against(r: &Contender<'_>, owner: &Contender<'_>, flow: &Flow, now: Tick, past: &RunHistory) -> Against {
    let was = |c: &Contender<'_>| past.before.iter().any(|k| c.is_sender(k));
    let [own, others] = [owner, r].map(|c| c.reach(flow));
    // It was the owner's run before the other one was there.
    if was(owner) && !was(r) && !rang(r, past) || others == EndKnowledge::Elsewhere {
        return Against::Nothing;
    }
    if owner.is_elsewhere(flow, now) || owner.is_on_another_vlan(flow, now) {
        return Against::Much;
    }
    // Who spoke before and does not go on here, or may be on another flow already, is as good as
    // one that was not heard yet.
    let (speaker, is_kin) = (owner.speaker as usize, past.kin.iter().any(|k| owner.is_sender(k)));
    let spoke = owner.session.spoke[speaker].is_some() || owner.may_be_another[speaker];
    let is_another = !is_kin && spoke;
    let has_paused = owner.spoke[speaker].is_none_or(|h| now.since(h) > PAUSE);
    let on_vlan = |c: &Contender<'_>| c.session.vlans.contains(&flow.vlan);
    if on_vlan(owner) && !on_vlan(r) && own >= others && !(is_another && has_paused) {
        return Against::Nothing;
    }
    // Of who was just answered and not heard at all it is the first sign.
    let is_fresh = owner.session.answered_at.is_some_and(|at| now.since(at) <= LIVELY / 2);
    let strays = owner.session.strays[speaker].last().is_some_and(|(ssrc, _)| *ssrc != past.ssrc);
    let is_first = is_fresh && !strays && !spoke && owner.best() != Rank::Image && own >= others;
    let is_much = match (own, others) {
        (EndKnowledge::Known, EndKnowledge::Known) => {
            let guesses = |c: &Contender<'_>| c.ranks.contains(&Rank::Image);
            (is_another || was(r) || !guesses(r) || guesses(owner)) && !r.gives_way_to(owner)
        }
        (EndKnowledge::Known, _) => is_another,
        _ => !(r.only_rings() && is_first),
    };
    if is_much { Against::Much } else { Against::Little }
}

/// Did it ring when the run began, so that it could say only since where it is?
fn rang(r: &Contender<'_>, past: &RunHistory) -> bool {
    let s = r.session;
    past.began.since(s.opened_at) > 0 && s.answered_at.is_some_and(|at| past.began.since(at) == 0)
}

/// Does a run begin of a party that should have been heard by now, or was heard on another?
pub(super) fn is_strange(owner: &Contender<'_>, now: Tick, past: &RunHistory) -> bool {
    let is_old = past.before.iter().chain(&past.kin).any(|k| owner.is_sender(k));
    let side = owner.speaker as usize;
    let spoke = owner.session.spoke[side].is_some() || owner.may_be_another[side];
    let is_late = owner.session.answered_at.is_some_and(|at| now.since(at) > LIVELY / 2);
    !is_old && (spoke || is_late)
}

/// How well the end of a flow is known that a call does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum EndKnowledge {
    /// The party named another host.
    Elsewhere,
    /// Nobody said, or said only what it is called behind its NAT.
    Anywhere,
    /// Its host is known.
    Host,
    /// Itself.
    Known,
}

impl Contender<'_> {
    fn reach(&self, flow: &Flow) -> EndKnowledge {
        let (side, at) = match self.rule() {
            1 => return EndKnowledge::Known,
            2 => (self.speaker, flow.src.ip()),
            _ => (self.speaker.other(), flow.dst.ip()),
        };
        match () {
            () if self.session.is_at(side, at) => EndKnowledge::Host,
            () if self.session.says_elsewhere(side, at) => EndKnowledge::Elsewhere,
            () => EndKnowledge::Anywhere,
        }
    }

    /// Is one of its parties heard from elsewhere than its end of the flow would be?
    pub(super) fn is_elsewhere(&self, flow: &Flow, now: Tick) -> bool {
        let is_heard_off = |side: Side, at| {
            let is_lively = self.spoke[side as usize].is_some_and(|h| {
                now.since(h) <= LIVELY && self.session.may_have_moved_at(side).is_none_or(|m| h.since(m) > 0)
            });
            is_lively && self.session.spoke[side as usize].is_some_and(|a| a != at)
        };
        // Where it takes packets a party may have said, and send from another port all the same.
        let is_named = matches!(self.ranks[FlowEnd::Dst as usize], Rank::Claimed | Rank::Candidate);
        is_heard_off(self.speaker, flow.src) || (!is_named && is_heard_off(self.speaker.other(), flow.dst))
    }

    /// Are its parties heard on other VLANs only?
    fn is_on_another_vlan(&self, flow: &Flow, now: Tick) -> bool {
        let sides = self.session.spoke_on.iter().zip(&self.spoke);
        let mut lively =
            sides.filter(|(_, h)| h.is_some_and(|h| now.since(h) <= LIVELY)).map(|(v, _)| v).peekable();
        lively.peek().is_some() && lively.all(|v| !v.contains(&flow.vlan))
    }
}
