//! Click to dial: which leg goes on to the customer from the one in which the exchange called the agent.
//!
//! What shows it is `clicked`'s. Legs of one contact are looked at when the second begins, and when
//! either is answered; others when the second is answered.

use super::super::account::{ends_by_invite, parties};
use super::super::clicked::{Onward, SOON_NS, goes_on, goes_on_untied, is_callers_own, leads_to};
use super::super::decision::Unrecorded;
use super::super::dialog::Dialog;
use super::super::ids::{ContactId, DialogId, LegId};
use super::super::leg::Leg;
use super::super::pairing::Side;
use super::super::party::Party;
use super::super::policy::agent_of;
use super::super::trace::Tie;
use super::super::twins::{Candidate, caller_key, legs_meet};
use super::Calls;
use crate::time::Timestamp;

impl Calls {
    /// A leg has begun, perhaps to the customer of an agent who was called before in its contact.
    pub(super) fn note_click(&mut self, id: LegId, at: Timestamp) {
        let Some(leg) = self.tables.legs.get(id).filter(|leg| leg.rules.has_any()) else { return };
        if self.tables.legs_beside(leg).next().is_none() {
            return;
        }
        let ends = ends_by_invite(leg);
        let onward = Onward { leg, ends: &ends, is_answered: false };
        if let Some(first) = self.tied_first(&onward) {
            self.dial(first, id, at);
        }
    }

    /// A dialog was answered that may be either leg of a click to dial.
    pub(super) fn settle_click(&mut self, id: DialogId, at: Timestamp) {
        let Some((leg, d)) = self.tables.dialog(id).filter(|(leg, _)| leg.rules.has_any()) else { return };
        if let Some(second) = self.onward_of(leg, d) {
            if let Some(first) = self.tables.legs.get_mut(d.leg) {
                first.dials = Some(second);
            }
            return;
        }
        let ends = parties(leg, d);
        let onward = Onward { leg, ends: &ends, is_answered: true };
        let second = leg.id;
        if let Some(first) = self.tied_first(&onward) {
            return self.dial(first, second, at);
        }
        let untied = Candidate::new(leg, d, &ends).and_then(|own| self.untied_first(&onward, &own));
        if let Some(first) = untied {
            self.join_clicked(first, second, at);
            self.dial(first, second, at);
        }
    }

    /// The customer's leg of a contact whose agent has answered after the customer.
    fn onward_of(&self, leg: &Leg, d: &Dialog) -> Option<LegId> {
        let ends = parties(leg, d);
        let first = Candidate::new(leg, d, &ends)?;
        let later = self.tables.legs_beside(leg).filter(|o| o.id > leg.id && o.was_answered && !o.ended);
        let is_it = |o: &&Leg| {
            let Some(d) = self.tables.dialogs_of(o).find(|d| d.is_confirmed()) else { return false };
            let ends = parties(o, d);
            let onward = Onward { leg: o, ends: &ends, is_answered: true };
            goes_on(&leg.rules, &first, &onward) && !self.has_caller(&first, &onward)
        };
        later.into_iter().find(is_it).map(|o| o.id)
    }

    /// The dialog of its contact in which the exchange called the agent for whom a leg calls.
    fn tied_first(&self, onward: &Onward<'_>) -> Option<DialogId> {
        self.first_of(onward.leg.contact, onward, |first| goes_on(&onward.leg.rules, first, onward))
    }

    /// The same of another contact: the only one that it can be.
    fn untied_first(&self, onward: &Onward<'_>, own: &Candidate<'_>) -> Option<DialogId> {
        let [caller, callee] = onward.ends;
        let rules = &onward.leg.rules;
        let keys = [agent_of(rules, caller).flatten(), caller_key(rules, callee)];
        let under_way = keys.iter().flatten().flat_map(|key| self.agents.under_way(key));
        let contacts = under_way.filter(|d| self.is_recorded(*d)).filter_map(|d| self.tables.dialog(d));
        let mut contacts: Vec<ContactId> =
            contacts.map(|(leg, _)| leg.contact).filter(|c| *c != onward.leg.contact).collect();
        contacts.sort_unstable();
        contacts.dedup();
        let mut found = contacts.into_iter().filter_map(|contact| {
            self.first_of(contact, onward, |first| {
                let has_dialled = || self.has_dialled(first, onward);
                goes_on_untied(rules, first, (onward, own), has_dialled)
            })
        });
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// The dialog of a contact, the one that is recorded before others, that an agent was called in
    /// and that goes on in a leg, by what `is_it` says of any of them.
    fn first_of(
        &self,
        contact: ContactId,
        onward: &Onward<'_>,
        is_it: impl Fn(&Candidate<'_>) -> bool,
    ) -> Option<DialogId> {
        let is_free = |leg: &&Leg| {
            let dials = leg.dials.and_then(|id| self.tables.legs.get(id));
            leg.id < onward.leg.id && dials.is_none_or(|o| !o.was_answered || o.id == onward.leg.id)
        };
        let legs: Vec<&Leg> = self.tables.contact_legs(contact).filter(|l| l.id < onward.leg.id).collect();
        if !legs.iter().all(is_free) {
            return None;
        }
        let dialogs = legs.iter().flat_map(|leg| self.tables.dialogs_of(leg).map(move |d| (*leg, d)));
        let found: Vec<&Dialog> = dialogs
            .filter(|(leg, d)| {
                let ends = parties(leg, d);
                Candidate::new(leg, d, &ends)
                    .is_some_and(|first| is_it(&first) && !self.has_caller(&first, onward))
            })
            .map(|(_, d)| d)
            .collect();
        found.iter().find(|d| self.is_recorded(d.id)).or(found.last()).map(|d| d.id)
    }

    /// Has somebody called in, before the agent was called or in the first leg itself? The call was taken
    /// on to the agent then, to where the onward leg comes from: his telephone, which dials on its own.
    fn has_caller(&self, first: &Candidate<'_>, onward: &Onward<'_>) -> bool {
        let (rules, from) = (&first.leg.rules, &onward.ends[Side::Caller as usize]);
        let agent = agent_of(rules, &first.parties[Side::Callee as usize]);
        self.tables.legs_beside(first.leg).filter(|o| o.id < onward.leg.id).any(|o| {
            let caller = Party::named(o, None, Side::Caller);
            let has_called = o.id < first.leg.id && is_callers_own(rules, o, &caller, from);
            has_called || (leads_to(o, from) && agent_of(rules, &caller) != agent)
        })
    }

    /// Has the agent called from his own telephone just before, and the exchange goes on from there?
    fn has_dialled(&self, first: &Candidate<'_>, onward: &Onward<'_>) -> bool {
        let is_recent = |o: &&Leg| onward.leg.invite_at.since_ns(o.invite_at) <= SOON_NS;
        let rules = &onward.leg.rules;
        let agent = agent_of(rules, &first.parties[Side::Callee as usize]);
        self.tables.legs.before(onward.leg.id).take_while(is_recent).any(|o| {
            let caller = || agent_of(rules, &Party::named(o, None, Side::Caller));
            o.id != first.leg.id && !o.ended && legs_meet(o, onward.leg) && caller() == agent
        })
    }

    fn join_clicked(&mut self, first: DialogId, second: LegId, at: Timestamp) {
        let Some(((leg, _), other)) = self.tables.dialog(first).zip(self.tables.legs.get(second)) else {
            return;
        };
        if let Some(trace) = &mut self.trace {
            trace.tied(other, std::iter::once(leg), Tie::Likeness, at);
        }
        let (older, newer) = (leg.contact, other.contact);
        self.tables.join_contacts(older, newer);
    }

    /// The exchange has called an agent in the first, and goes on to his customer in the second.
    fn dial(&mut self, first: DialogId, second: LegId, at: Timestamp) {
        let Some(leg) = self.tables.dialogs.get(first).map(|d| d.leg) else { return };
        let Some(known) = self.tables.legs.get_mut(leg).filter(|l| l.dials != Some(second)) else { return };
        known.dials = Some(second);
        if let Some((trace, (first, second))) =
            self.trace.as_mut().zip(self.tables.legs.get(leg).zip(self.tables.legs.get(second)))
        {
            trace.dials(first, second, at);
        }
        self.reconsider(first, at);
    }

    /// The agent's own leg is to be recorded: the customer's, where it was answered before, is no more.
    pub(super) fn silence_dialled(&mut self, id: DialogId, at: Timestamp) {
        let second = self.tables.dialog(id).and_then(|(leg, _)| self.tables.legs.get(leg.dials?));
        let Some(r) = second.and_then(|leg| self.tables.recording_of(leg)) else { return };
        if let Some(closed) = self.recordings.discard(r, at, Unrecorded::OtherLeg) {
            self.leave(closed, at);
        }
    }
}
