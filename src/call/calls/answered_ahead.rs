//! An exchange that answers its caller, and calls the agent himself only then: whoever the caller's leg
//! names, nobody talks in it but the exchange.
//!
//! Which legs may be of one call is `twins`'. They are looked at when the agent's leg begins, and when it is
//! answered: whatever was taken for the agent's talk on the caller's leg was an announcement, a queue, and goes.
//! Who gives up before the agent has answered, or is passed on to another one, has not talked with him.

use super::super::account::{ends_by_invite, parties, roles_in};
use super::super::asserted::Asserted;
use super::super::clicked::Onward;
use super::super::decision::{Unrecorded, UnrecordedCall};
use super::super::ids::{DialogId, LegId};
use super::super::masked::ends_of;
use super::super::pairing::Side;
use super::super::party::Party;
use super::super::policy::{Roles, agent_of, roles};
use super::super::trace::Tie;
use super::super::twins::{
    CallerMatch, Candidate, caller_key, headers_differ, is_at_once, is_close, is_taken, legs_meet,
    may_follow, may_go_on, may_wait, same_line,
};
use super::Calls;
use crate::config::CallDirection;
use crate::time::Timestamp;

impl Calls {
    /// A leg has begun, perhaps to the agent for whom the exchange keeps a caller waiting.
    pub(super) fn note_calling_on(&mut self, id: LegId, at: Timestamp) {
        let Some(leg) = self.tables.legs.get(id) else { return };
        let ends = ends_by_invite(leg);
        let onward = Onward { leg, ends: &ends, is_answered: false };
        match self.waiting_for(&onward) {
            Some(WaitingCaller::Answered(first)) => self.call_on(first, id, Unrecorded::NoAgent, at),
            Some(WaitingCaller::Ringing(first)) => self.ring_for(first, id),
            None => {}
        }
    }

    /// The same of one that is answered.
    pub(super) fn settle_calling_on(&mut self, id: DialogId, at: Timestamp) {
        let Some((leg, d)) = self.tables.dialog(id) else { return };
        let ends = parties(leg, d);
        let onward = Onward { leg, ends: &ends, is_answered: true };
        let (found, leg) = (self.waiting_for(&onward), leg.id);
        if let Some(WaitingCaller::Answered(first)) = found {
            self.call_on(first, leg, Unrecorded::OtherLeg, at);
        }
        self.note_caller(id, &ends[0]);
    }

    /// Whose caller waits at the exchange for the agent who is called in a leg.
    fn waiting_for(&self, onward: &Onward<'_>) -> Option<WaitingCaller> {
        let leg = onward.leg;
        let is_new = leg.is_new_call() && leg.dials.is_none();
        let roles = roles(&leg.rules, &onward.ends[0], &onward.ends[1]).ok()?;
        // A recording client tells of a call that is there already: nobody is called.
        let is_told = onward.ends.iter().any(Party::is_vouched_for);
        if !(leg.rules.has_any() && is_new && is_called(&roles)) || is_told {
            return None;
        }
        self.tied_waiting(onward, &roles).or_else(|| self.untied_waiting(onward, &roles))
    }

    /// One of the same contact: whatever numbers it shows.
    fn tied_waiting(&self, onward: &Onward<'_>, called: &Roles) -> Option<WaitingCaller> {
        let before = || self.tables.contact_legs(onward.leg.contact).filter(|l| l.id < onward.leg.id);
        let dialogs = before().flat_map(|leg| self.tables.dialogs_of(leg).map(move |d| (leg, d)));
        let answered = dialogs.filter_map(|(leg, d)| {
            let ends = parties(leg, d);
            let first = Candidate::new(leg, d, &ends)?;
            let is_it = may_follow(leg, onward.leg)
                && self.is_waiting(&first, onward)
                && self.names_him(&first, called, same_line);
            let caller = CallerMatch::new(&onward.leg.rules, &ends[0], &onward.ends[0]);
            is_it.then_some((caller.unwrap_or(CallerMatch::OneUnknown), Some(WaitingCaller::Answered(d.id))))
        });
        let ringing = before().filter(|l| l.is_ringing()).filter_map(|l| {
            let caller = Party::named(l, None, Side::Caller);
            let goes_on = agent_of(&onward.leg.rules, &caller).is_none() && may_follow(l, onward.leg);
            let caller = CallerMatch::new(&onward.leg.rules, &caller, &onward.ends[0]);
            goes_on.then_some((caller.unwrap_or(CallerMatch::OneUnknown), Some(WaitingCaller::Ringing(l.id))))
        });
        only_best(answered.chain(ringing))
    }

    /// One that nothing ties: it is the only one from which the exchange can go on here.
    fn untied_waiting(&self, onward: &Onward<'_>, called: &Roles) -> Option<WaitingCaller> {
        let caller = caller_key(&onward.leg.rules, &onward.ends[0]);
        let of_agent = called.agent_id.iter().chain(&caller).flat_map(|key| self.agents.under_way(key));
        let of_caller = caller.iter().flat_map(|key| self.callers.under_way(key));
        let mut answered: Vec<DialogId> = of_agent.chain(of_caller).collect();
        answered.sort_unstable();
        answered.dedup();
        let answered = answered.into_iter().filter_map(|id| {
            let (leg, d) = self.tables.dialog(id)?;
            let ends = parties(leg, d);
            let first = Candidate::new(leg, d, &ends)?;
            let caller = CallerMatch::new(&onward.leg.rules, &ends[0], &onward.ends[0])?;
            let is_it = leg.contact != onward.leg.contact
                && legs_meet(leg, onward.leg)
                && !headers_differ(leg, onward.leg)
                && may_go_on(&onward.leg.rules, (leg, &ends[0]), (onward.leg, &onward.ends[0]))
                && self.is_waiting(&first, onward)
                && (caller == CallerMatch::Same || is_at_once(&first, onward.leg));
            let is_his = self.names_him(&first, called, |_, a, b| a == b);
            is_it.then_some((caller, is_his.then_some(WaitingCaller::Answered(id))))
        });
        let answered: Vec<_> = answered.collect();
        // An answer finds whom the exchange answered before; who rings speaks only against that.
        if onward.is_answered && answered.iter().all(|(_, first)| first.is_none()) {
            return None;
        }
        only_best(answered.into_iter().chain(self.ringing_before(onward, caller.as_deref())))
    }

    /// Callers whom the exchange has not answered, and for whom it may call in this leg: at once, or one whose
    /// number the leg shows.
    fn ringing_before<'a>(
        &'a self,
        onward: &'a Onward<'_>,
        caller: Option<&'a str>,
    ) -> impl Iterator<Item = (CallerMatch, Option<WaitingCaller>)> + 'a {
        let own = onward.leg;
        let agent = agent_of(&own.rules, &onward.ends[1]);
        let is_to_him = move |ends: &[Party; 2]| agent_of(&own.rules, &ends[1]) == agent;
        let at_once = self.tables.legs.before(own.id).take_while(|o| may_wait(o, own.invite_at));
        let earlier = caller.into_iter().flat_map(|key| self.waiting.under_way(key));
        let earlier = earlier.filter_map(|id| self.tables.legs.get(id));
        let earlier = earlier.filter(|o| o.id < own.id && !may_wait(o, own.invite_at));
        at_once.chain(earlier).filter_map(move |o| {
            let is_it = o.is_ringing()
                && may_follow(o, own)
                && !headers_differ(o, own)
                && !self.tables.legs_beside(o).any(|beside| beside.id > o.id && legs_meet(o, beside));
            let ends = is_it.then(|| ends_by_invite(o))?;
            let caller = CallerMatch::new(&own.rules, &ends[0], &onward.ends[0])?;
            if !legs_meet(o, own) && caller != CallerMatch::Same {
                return None;
            }
            // Where no number speaks for it, the agent and the time have to.
            let is_sure = caller == CallerMatch::Same || (is_to_him(&ends) && is_close(o, own));
            let is_customers = agent_of(&own.rules, &ends[0]).is_none();
            Some((caller, (is_sure && is_customers).then_some(WaitingCaller::Ringing(o.id))))
        })
    }

    /// Has the exchange itself answered it before, does it live, and does no other leg go on from it?
    fn is_waiting(&self, first: &Candidate<'_>, onward: &Onward<'_>) -> bool {
        let leg = first.leg;
        let is_ahead = onward.is_answered || first.answered_at < onward.leg.invite_at;
        // A leg that goes on beyond that host is answered by somebody else.
        let is_its_end = onward.ends[0].addrs.iter().any(|a| first.parties[1].addrs.contains(a));
        first.dialog.goes_on()
            && is_ahead
            && (is_its_end || !legs_meet(leg, onward.leg))
            && !is_taken(leg, onward.leg, self.tables.contact_legs(leg.contact))
    }

    /// Is the agent of a call the one whom this leg names as called?
    fn names_him(
        &self,
        first: &Candidate<'_>,
        called: &Roles,
        is_same: impl Fn(&super::Rules, &Option<String>, &Option<String>) -> bool,
    ) -> bool {
        let [caller, callee] = first.parties;
        roles(&first.leg.rules, caller, callee).is_ok_and(|r| {
            is_called(&r)
                && r.direction == called.direction
                && is_same(&first.leg.rules, &r.agent_id, &called.agent_id)
        })
    }

    /// From here on nobody talks in `first` but the exchange, which calls the agent in `second`.
    fn call_on(&mut self, first: DialogId, second: LegId, reason: Unrecorded, at: Timestamp) {
        let legs = self.tables.dialog(first).zip(self.tables.legs.get(second));
        if let Some((trace, ((leg, _), other))) = self.trace.as_mut().zip(legs)
            && leg.calls_on != Some(second)
        {
            trace.calls_on(leg, other, at);
        }
        self.talks_elsewhere(first, second, reason, at);
    }

    /// No agent talks in `first`: if one did, it was in `second`.
    pub(super) fn talks_elsewhere(
        &mut self,
        first: DialogId,
        second: LegId,
        reason: Unrecorded,
        at: Timestamp,
    ) {
        let Some(id) = self.tables.dialog(first).map(|(leg, _)| leg.id) else { return };
        self.join_alike(id, second, at);
        if let Some(leg) = self.tables.legs.get_mut(id) {
            leg.calls_on = Some(second);
        }
        if let Some(leg) = self.tables.legs.get_mut(second) {
            leg.rings_for = Some(id);
        }
        self.take_back(first, reason, at);
    }

    /// Two legs become parts of one contact, the earlier one's: nothing in the signalling says so.
    pub(super) fn join_alike(&mut self, first: LegId, second: LegId, at: Timestamp) {
        let legs = self.tables.legs.get(first).zip(self.tables.legs.get(second));
        let Some((leg, other)) = legs else { return };
        let (own, others) = (leg.contact, other.contact);
        if let Some(trace) = self.trace.as_mut().filter(|_| own != others) {
            trace.tied(other, std::iter::once(leg), Tie::Likeness, at);
        }
        self.tables.join_contacts(own, others);
    }

    /// What was recorded of a dialog was no talk of an agent with a customer: nothing of it is kept, and
    /// the register tells of it.
    pub(super) fn take_back(&mut self, id: DialogId, reason: Unrecorded, at: Timestamp) {
        let Some((leg, d)) = self.tables.dialog(id) else { return };
        let [caller, callee] = parties(leg, d);
        let (contact, ends) = (leg.contact, ends_of(&leg.rules, &caller, &callee));
        let known = d.recording().and_then(|r| Some((r, self.recordings.get(r)?)));
        let Some((r, was_hope, opening)) = known.map(|(r, k)| (r, k.is_dormant(), k.opening.clone())) else {
            return;
        };
        if let Some(closed) = self.recordings.discard(r, at, reason) {
            self.leave(closed, at);
        }
        if was_hope || reason == Unrecorded::OtherLeg {
            return;
        }
        if !self.tables.contact_legs(contact).any(|l| self.tables.recording_of(l).is_some()) {
            self.tables.contacts.is_unrecorded(contact);
        }
        let call = UnrecordedCall { reason, at, call_id: opening.call_id.clone(), ends };
        self.tables.contacts.leave_out(contact, call, opening.customer.withheld);
    }

    /// The exchange has told its caller with whom he talks: in a leg of that agent's own, which begins
    /// where this one went.
    pub(super) fn join_talk(&mut self, id: DialogId, of: &Roles, at: Timestamp) {
        let Some((leg, d)) = self.tables.dialog(id).filter(|_| is_called(of)) else { return };
        let ends = parties(leg, d);
        let Some(agent) = of.agent_id.as_deref() else { return };
        let under_way = self.agents.under_way(agent).filter(|o| *o != id && self.is_recorded(*o));
        let found = under_way.filter_map(|o| {
            let (other, d) = self.tables.dialog(o)?;
            let its = parties(other, d);
            let is_his = roles_in(&other.rules, other, &its).is_ok_and(|r| is_called(&r));
            let is_it = is_his
                && other.contact != leg.contact
                && legs_meet(leg, other)
                && may_go_on(&leg.rules, (leg, &ends[0]), (other, &its[0]))
                && !headers_differ(leg, other);
            Some((CallerMatch::new(&leg.rules, &ends[0], &its[0]).filter(|_| is_it)?, Some(o)))
        });
        let Some((other, _)) = only_best(found).and_then(|o| self.tables.dialog(o)) else { return };
        let (own, others, amended) = (leg.contact, other.contact, other.dialogs.clone());
        if let Some(trace) = &mut self.trace {
            trace.tied(leg, std::iter::once(other), Tie::Likeness, at);
        }
        self.tables.join_contacts(own, others);
        amended.into_iter().for_each(|d| self.amend(d, at));
    }

    /// The exchange has told its caller that he is connected to an agent, `before` it said that of somebody
    /// else: unless that is whom it is still calling for him, he talks now.
    pub(super) fn settle_connected(&mut self, id: DialogId, before: Asserted) {
        let Some((leg, d)) = self.tables.dialog(id) else { return };
        let Some(second) = leg.calls_on.and_then(|id| self.tables.legs.get(id)) else { return };
        let now = Party::of(leg, d, Side::Callee);
        let was = Party { asserted: before, ..now.clone() };
        let is_same = agent_of(&leg.rules, &was) == agent_of(&leg.rules, &now);
        let (leg, still_rings) = (leg.id, !second.was_answered && !second.ended);
        if let Some(leg) = self.tables.legs.get_mut(leg).filter(|_| !(is_same && still_rings)) {
            leg.calls_on = None;
        }
    }

    /// A customer is answered: by whomever, the exchange may call on for him.
    fn note_caller(&mut self, id: DialogId, caller: &Party) {
        let Some((leg, _)) = self.tables.dialog(id) else { return };
        let is_customer = leg.rules.has_any() && agent_of(&leg.rules, caller).is_none();
        let Some(key) = caller_key(&leg.rules, caller).filter(|_| is_customer) else { return };
        let is_over = |d: &DialogId| self.tables.is_over(*d);
        self.callers.note(key, id, is_over, self.tables.legs.len());
    }
}

/// Who waits at the exchange while it calls an agent for him.
#[derive(Clone, Copy)]
enum WaitingCaller {
    /// It has answered him.
    Answered(DialogId),
    /// It has not.
    Ringing(LegId),
}

/// Is the agent called, and not in his own name?
fn is_called(roles: &Roles) -> bool {
    roles.customer == Side::Caller && roles.direction != CallDirection::Outbound
}

/// Of what speaks for one another best, the only one; none where that cannot be taken.
fn only_best<T: Copy>(found: impl Iterator<Item = (CallerMatch, Option<T>)>) -> Option<T> {
    let found: Vec<_> = found.collect();
    let best = found.iter().map(|(caller, _)| *caller).min()?;
    let mut best = found.iter().filter(|(caller, _)| *caller == best);
    best.next().filter(|_| best.next().is_none())?.1
}
