//! An agent asks a colleague, then hands the customer over: which dialogs are of one contact, and
//! who goes on talking in the colleague's.
//!
//! RFC 5589 §7. Where a new INVITE says so it is `verdict`'s; an exchange may as well bring the two
//! together on legs of its own and tell nobody.

use super::super::account::{continued, parties};
use super::super::asserted::Asserted;
use super::super::decision::{Opening, Unrecorded};
use super::super::dialog::Dialog;
use super::super::ids::DialogId;
use super::super::leg::Leg;
use super::super::pairing::Side;
use super::super::party::Party;
use super::super::policy::{Roles, agent_of, roles};
use super::super::seen::Seen;
use super::super::transfer::Consultation;
use super::super::twins::{Candidate, passes_on};
use super::Calls;
use crate::config::CallDirection;
use crate::time::Timestamp;

impl Calls {
    /// `side` asks the other one to call somebody.
    pub(super) fn handle_refer(&mut self, id: DialogId, seen: &Seen<'_>, side: Side) {
        let Some(d) = self.tables.dialogs.get_mut(id).filter(|d| d.is_confirmed()) else { return };
        d.transfer_by = Some(side);
        self.settle_lender(id);
        let named = seen.msg.refer_to_replaces();
        let named = named.and_then(|r| self.tables.find_dialog(&r.call_id, &r.to_tag, &r.from_tag));
        let consultation = named.and_then(|named| self.consultation((id, side), named));
        let Some((leg, d)) = self.tables.dialog(id) else { return };
        let referred = continued(&leg.rules, leg, d, side.other());
        self.referrals.note(seen, id, leg.contact, referred, consultation);
        if let Some((consulted, _)) = named {
            self.join_consultation(id, consulted);
        }
    }

    /// That did not come about.
    pub(super) fn transfer_failed(&mut self, id: DialogId, by: Side) {
        if let Some(d) = self.tables.dialogs.get_mut(id).filter(|d| d.transfer_by == Some(by)) {
            d.transfer_by = None;
            self.referrals.fail(id);
            self.settle_lender(id);
        }
    }

    /// A REFER names the dialog in which its sender asked a colleague first: that is of the
    /// same contact.
    fn join_consultation(&mut self, id: DialogId, consulted: DialogId) {
        let Some(((leg, _), (other, d))) = self.tables.dialog(id).zip(self.tables.dialog(consulted)) else {
            return;
        };
        // Not another customer's call that came in meanwhile.
        if agent_of(&other.rules, &Party::of(other, d, Side::Caller)).is_none() {
            return;
        }
        let (own, others) = (leg.contact, other.contact);
        let recorded = d.recording().and_then(|r| Some((r, self.recordings.get(r)?.opening.clone())));
        if self.tables.join_contacts(own, others).is_some()
            && let Some((r, opening)) = recorded
        {
            let call_group = self.tables.contacts.uuid(own);
            self.recordings.amend(r, Opening { call_group, ..*opening });
        }
    }

    /// A customer has come to a dialog that went on without him so far: who transferred him,
    /// having asked first, did so in this contact.
    pub(super) fn join_transferred(&mut self, id: DialogId) {
        let Some((leg, d)) = self.tables.dialog(id) else { return };
        let [caller, callee] = parties(leg, d);
        let own = leg.contact;
        if let Some(older) = self.referrals.arrived(&caller, &callee, &leg.rules) {
            self.tables.join_contacts(older, own);
        }
    }

    /// What its sender had asked a colleague in before the REFER of `side` in `id`: the dialog `other`
    /// that it names or, where it is the colleague who is sent to the customer, the one it is sent in.
    fn consultation(
        &self,
        (id, side): (DialogId, Side),
        (other, by_tags): (DialogId, Side),
    ) -> Option<Consultation> {
        let [(leg, d), (other_leg, o)] = [self.tables.dialog(id)?, self.tables.dialog(other)?];
        let [ends, other_ends] = [parties(leg, d), parties(other_leg, o)];
        let rules = &leg.rules;
        let referrer = agent_of(rules, &ends[side as usize])?;
        let is_his = |s: &Side| agent_of(rules, &other_ends[*s as usize]).as_ref() == Some(&referrer);
        let with_customer = |ends: &[Party; 2]| {
            let is_theirs = |r: &Roles| r.direction != CallDirection::Internal;
            roles(rules, &ends[0], &ends[1]).ok().filter(is_theirs).map(|r| r.customer)
        };
        match (with_customer(&ends), with_customer(&other_ends)) {
            (Some(customer), None) => Some(Consultation {
                dialog: other,
                by: [Side::Caller, Side::Callee].into_iter().find(is_his).unwrap_or(by_tags.other()),
                joins: continued(rules, leg, d, customer),
                contact: leg.contact,
            }),
            (None, Some(customer)) => Some(Consultation {
                dialog: id,
                by: side,
                joins: continued(rules, other_leg, o, customer),
                contact: other_leg.contact,
            }),
            _ => None,
        }
    }

    /// Two agents talk: a colleague, the one who was called, may be asked before a call is handed over
    /// to him.
    pub(super) fn note_consultation(&mut self, id: DialogId, callee: &Party) {
        let Some((leg, _)) = self.tables.dialog(id) else { return };
        let Some(agent) = agent_of(&leg.rules, callee).flatten() else { return };
        let is_over = |d: &DialogId| self.tables.is_over(*d);
        self.consultations.note(agent, id, is_over, self.tables.legs.len());
    }

    /// Who had asked a colleague in `id` leaves it, and has handed a customer over: on the leg that the
    /// exchange goes on with the colleague speaks the customer.
    pub(super) fn hand_over(&mut self, id: DialogId, at: Timestamp) {
        let Some(consultation) = self.referrals.consulted(id, at) else { return };
        let Some(other) = self.passed_on(id) else { return };
        let Some(own) = self.tables.dialog(other).map(|(leg, _)| leg.contact) else { return };
        self.tables.join_contacts(consultation.contact, own);
        self.take_identity(other, consultation.joins.as_told(), at, consultation.by);
    }

    /// `side` may state who it is now (RFC 4916, RFC 3325).
    pub(super) fn handle_identity(&mut self, id: DialogId, seen: &Seen<'_>, side: Side) {
        let Some((leg, _)) = self.tables.dialog(id) else { return };
        self.take_identity(id, Asserted::of_later(seen.msg, &leg.rules), seen.at, side);
    }

    /// `side` has stated who it is.
    pub(super) fn take_identity(&mut self, id: DialogId, said: Asserted, at: Timestamp, side: Side) {
        let Some((leg, d, _)) = self.tables.dialog_mut(id) else { return };
        if said.is_silent() || d.is_terminated() || d.bye().is_some() {
            return;
        }
        let names_agent = said.header_id.is_some() || said.users.iter().any(|u| leg.rules.is_extension(u));
        let known = &mut d.said[side as usize];
        let before = known.clone();
        known.take_in(said);
        let (is_news, is_confirmed) = (*known != before, d.is_confirmed());
        if side == Side::Callee && names_agent {
            self.settle_connected(id, before);
        }
        // What is said while it rings is weighed once somebody answers.
        if is_news && is_confirmed {
            self.reconsider(id, at);
        }
    }

    /// The only dialog of two agents that the exchange passed this one on by, and that goes on.
    fn passed_on(&self, id: DialogId) -> Option<DialogId> {
        let (leg, d) = self.tables.dialog(id)?;
        let ends = parties(leg, d);
        let own = Candidate::new(leg, d, &ends)?;
        let rules = &leg.rules;
        let agent = agent_of(rules, &ends[1])??;
        let is_it = |(leg, d): &(&Leg, &Dialog)| {
            let ends = parties(leg, d);
            let goes_on = d.id != id && d.bye().is_none();
            let other = Candidate::new(leg, d, &ends).filter(|_| goes_on);
            is_internal(&roles(rules, &ends[0], &ends[1])) && other.is_some_and(|o| passes_on(&own, &o))
        };
        let under_way = self.consultations.under_way(&agent).filter_map(|d| self.tables.dialog(d));
        let mut found = under_way.filter(is_it).map(|(_, d)| d.id);
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }
}

/// Do two agents talk with one another?
pub(super) fn is_internal(roles: &Result<Roles, Unrecorded>) -> bool {
    match roles {
        Ok(roles) => roles.direction == CallDirection::Internal,
        Err(why) => *why == Unrecorded::Internal,
    }
}
