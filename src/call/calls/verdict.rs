//! What follows once somebody has answered, or more is known of who talks:
//! a recording begins, is amended, passes to the next agent, or does not come about.
//!
//! The second half of the conductor. Who counts as what is `policy`'s, what the
//! tables tell of a dialog `account`'s.

use super::super::account::{
    amended, call_id, continued, direction_in, nearer_leg, opening, particulars, parties, roles_in,
};
use super::super::decision::{Decision, Ending, Opening, Unrecorded, UnrecordedCall};
use super::super::dialog::{Dialog, DialogState};
use super::super::ids::{DialogId, LegId};
use super::super::invite::Invite;
use super::super::leg::Leg;
use super::super::masked::ends_of;
use super::super::pairing::Side;
use super::super::party::Party;
use super::super::policy::{Roles, agent_of, refused_by, same_agent};
use super::super::recording::Recording;
use super::super::recordings::Recordings;
use super::super::rules::Rules;
use super::super::seen::Seen;
use super::super::tables::Tables;
use super::super::trace::Tie;
use super::super::twins::{
    Candidate, are_one, are_one_passed_on, are_two, caller_key, invites_apart_ns, is_taken,
};
use super::Calls;
use super::handover::is_internal;
use crate::config::CallDirection;
use crate::id::RecordingId;
use crate::sip::Replaces;
use crate::time::Timestamp;
use std::sync::Arc;

impl Calls {
    /// A new leg that continues another call joins its contact, and knows its parties.
    pub(in crate::call) fn join_continued(&mut self, id: LegId, invite: &Invite, seen: &Seen<'_>) {
        if let Some((trace, leg)) = self.trace.as_mut().zip(self.tables.legs.get(id)) {
            trace.tied(leg, self.tables.legs_beside(leg), Tie::Header, seen.at);
        }
        let replaced = invite.replaces.as_ref().and_then(|r| {
            let (dialog, by_tags) = self.tables.find_dialog(&r.call_id, &r.to_tag, &r.from_tag)?;
            let (leg, d) = self.tables.dialog(dialog)?;
            let side = self.replaced_end(leg, d, by_tags, seen);
            let receiver = continued(&self.rules, leg, d, side);
            // By name an agent is meant where one is called.
            let called = [&invite.request_user, &invite.to_user];
            let by_name = called.into_iter().flatten().any(|u| self.rules.is_extension(u));
            let is_agent =
                receiver.users.iter().chain(&receiver.asserted.users).any(|u| self.rules.is_extension(u));
            Some((dialog, leg.contact, (!(by_name && is_agent)).then_some(receiver)))
        });
        let (tables, rules) = (&self.tables, &self.rules);
        let is_one = |a: &Replaces, b: &Replaces| is_one_consultation(tables, rules, a, b);
        let referred = self.referrals.follow(invite, seen, rules, is_one);
        let Some(leg) = self.tables.legs.get_mut(id) else { return };
        let own = leg.contact;
        let mut older = None;
        if let Some((dialog, contact, receiver)) = replaced {
            older = Some(contact);
            leg.continues[Side::Callee as usize] = receiver.map(Box::new);
            leg.replaces = Some(dialog);
        }
        if let Some(referral) = referred {
            older = Some(referral.contact);
            leg.continues[Side::Caller as usize] = Some(Box::new(referral.referred));
        }
        if let Some(older) = older {
            self.tables.join_contacts(older, own);
            if let Some((trace, leg)) = self.trace.as_mut().zip(self.tables.legs.get(id)) {
                trace.tied(leg, self.tables.legs_beside(leg), Tie::Transfer, seen.at);
            }
        }
    }

    /// A leg was answered: if it replaces a dialog, it has done so now. Before that it is no more than
    /// a wish, and anybody's.
    pub(super) fn take_place(&mut self, id: LegId) {
        let replaced = self.tables.legs.get(id).and_then(|l| l.replaces);
        let Some(d) = replaced.and_then(|d| self.tables.dialogs.get_mut(d)) else { return };
        d.replaced = true;
        if let Some(r) = d.recording() {
            self.recordings.handle_replaced(r);
        }
    }

    /// Which end of a dialog an INVITE that replaces it goes to. Its to-tag is the receiver's
    /// (RFC 3891 §3), but telephones take the tags of dialog-info (RFC 4235) in either order: one
    /// that only rings is replaced where it came from, and who is sent it at the exchange's
    /// address is not the colleague.
    fn replaced_end(&self, leg: &Leg, d: &Dialog, by_tags: Side, seen: &Seen<'_>) -> Side {
        if d.state == DialogState::Early {
            return Side::Caller;
        }
        let ends = [Side::Caller, Side::Callee].map(|side| Party::of(leg, d, side));
        let other = by_tags.other();
        let [tagged, beyond] = [by_tags, other].map(|side| &ends[side as usize]);
        let is_at = |p: &Party| p.addrs.contains(&seen.flow.dst.ip());
        let is_agent = |p: &Party| agent_of(&leg.rules, p).is_some();
        let elsewhere = is_at(beyond) && !is_at(tagged) && is_agent(tagged) && !is_agent(beyond);
        if elsewhere { other } else { by_tags }
    }

    /// Records the dialog if the rules say so.
    pub(in crate::call) fn decide(&mut self, id: DialogId, at: Timestamp) {
        self.settle_click(id, at);
        self.settle_calling_on(id, at);
        self.settle_rung_for(id, at);
        let Some((leg, d)) = self.tables.dialog(id) else { return };
        let ends = parties(leg, d);
        let (contact, rules) = (leg.contact, Arc::clone(&leg.rules));
        let roles = roles_in(&rules, leg, &ends);
        let [caller, callee] = ends;
        let call_id = call_id(&self.tables, &rules, leg, &[&caller, &callee]);
        if let Some(trace) = &mut self.trace {
            trace.weighed(&rules, leg, [&caller, &callee], &roles, at);
        }
        if is_internal(&roles) {
            self.note_consultation(id, &callee);
        }
        let reason = match roles {
            Err(reason) => reason,
            Ok(r) => {
                self.join_twin(id, &r, at);
                let Some(nearer) = self.nearer(id, &r) else {
                    self.silence_dialled(id, at);
                    return self.begin(id, at, &r);
                };
                self.trace_nearer(id, nearer, at);
                Unrecorded::OtherLeg
            }
        };
        self.unrecorded(call_id.clone(), at, reason);
        if reason == Unrecorded::OtherLeg {
            // It may have sound to lend.
            self.refresh(id, at);
        } else {
            let ends = ends_of(&rules, &caller, &callee);
            let withheld = caller.asserted.withheld || callee.asserted.withheld;
            self.tables.contacts.leave_out(contact, UnrecordedCall { reason, at, call_id, ends }, withheld);
        }
    }

    /// Which one is nearer, for whoever asks.
    fn trace_nearer(&mut self, id: DialogId, nearer: LegId, at: Timestamp) {
        let legs = self.tables.dialog(id).zip(self.tables.legs.get(nearer));
        if let Some((trace, ((leg, _), nearer))) = self.trace.as_mut().zip(legs) {
            trace.nearer(leg, nearer, at);
        }
    }

    /// The leg of the contact that is nearer the agent than a dialog's, if there is one.
    fn nearer(&self, id: DialogId, roles: &Roles) -> Option<LegId> {
        let (leg, _) = self.tables.dialog(id)?;
        nearer_leg(&self.tables, &leg.rules, leg, roles)
    }

    /// Where the same conversation is being recorded under another Call-ID it becomes one contact
    /// with it; a recording farther from the agent than this dialog gives way.
    fn join_twin(&mut self, id: DialogId, roles: &Roles, at: Timestamp) {
        let Some(other) = self.twin_of(id, roles) else { return };
        let Some(((leg, _), (other_leg, d))) = self.tables.dialog(id).zip(self.tables.dialog(other)) else {
            return;
        };
        let (own, others, recorded) = (leg.contact, other_leg.contact, d.recording());
        if let Some(trace) = &mut self.trace {
            trace.tied(leg, std::iter::once(other_leg), Tie::Likeness, at);
        }
        let (older, newer) = if leg.id < other_leg.id { (own, others) } else { (others, own) };
        self.tables.join_contacts(older, newer);
        if self.nearer(id, roles).is_some() {
            return self.amend(other, at);
        }
        let why = Unrecorded::OtherLeg;
        if let Some(closed) = recorded.and_then(|r| self.recordings.discard(r, at, why)) {
            self.leave(closed, at);
        }
    }

    /// A dialog of the same agent, or the same customer's, that is recorded and is the same conversation.
    fn twin_of(&self, id: DialogId, roles: &Roles) -> Option<DialogId> {
        let (leg, d) = self.tables.dialog(id)?;
        let ends = parties(leg, d);
        let own = Candidate::new(leg, d, &ends)?;
        let is_inbound = roles.direction == CallDirection::Inbound;
        let caller = is_inbound.then(|| caller_key(&leg.rules, &ends[0])).flatten();
        let keys = [roles.agent_id.as_deref(), caller.as_deref()];
        let under_way = keys.into_iter().flatten().flat_map(|key| self.agents.under_way(key));
        let under_way = under_way.filter(|o| *o != id && self.is_recorded(*o));
        // Of several that may be it, the one whose INVITE is nearest.
        under_way.filter_map(|o| Some((self.apart_from_twin(&own, o, roles)?, o))).min().map(|(_, o)| o)
    }

    /// How far the INVITEs of a dialog and of the leg of a recorded one's contact that is the same
    /// conversation are apart. Of three legs in a row the first and the last may share nothing: those
    /// that gave way are asked as well.
    fn apart_from_twin(&self, own: &Candidate<'_>, recorded: DialogId, roles: &Roles) -> Option<i64> {
        let contact = self.tables.dialog(recorded)?.0.contact;
        let legs: Vec<&Leg> = self.tables.contact_legs(contact).collect();
        let dialogs = legs.iter().flat_map(|leg| self.tables.dialogs_of(leg).map(move |d| (*leg, d)));
        let weighed: Vec<_> = dialogs.map(|(leg, d)| (leg, self.is_twin(own, leg, d, roles))).collect();
        if weighed.iter().any(|(_, is_twin)| *is_twin == Some(false)) {
            return None;
        }
        let twins = weighed.iter().filter(|(_, is_twin)| *is_twin == Some(true)).map(|(leg, _)| *leg);
        let free = twins.filter(|leg| !is_taken(leg, own.leg, legs.iter().copied()));
        free.map(|leg| invites_apart_ns(own.leg, leg)).min()
    }

    /// `None`: nothing speaks for it or against it.
    fn is_twin(&self, own: &Candidate<'_>, leg: &Leg, dialog: &Dialog, of: &Roles) -> Option<bool> {
        let ends = parties(leg, dialog);
        let other = Candidate::new(leg, dialog, &ends).filter(|o| o.dialog.id != own.dialog.id)?;
        let theirs = roles_in(&own.leg.rules, leg, &ends).ok();
        let is_agents = theirs.as_ref().is_some_and(|r| r.agent_id == of.agent_id);
        let is_passed_on = theirs.is_some_and(|r| r.direction == CallDirection::Inbound)
            && of.direction == CallDirection::Inbound
            && are_one_passed_on(&own.leg.rules, own, &other);
        // Agents who are called for one caller one after the other.
        let is_rung = |a: &Leg, b: &Leg| a.rings.len() > 1 && a.rings.contains(&b.id);
        match () {
            () if is_rung(own.leg, leg) || is_rung(leg, own.leg) => Some(true),
            () if !is_agents => is_passed_on.then_some(true),
            () if are_two(&own.leg.rules, own, &other) => Some(false),
            () => are_one(&own.leg.rules, own, &other).then_some(true),
        }
    }

    pub(super) fn is_recorded(&self, id: DialogId) -> bool {
        is_recorded(&self.tables, &self.recordings, id)
    }

    /// Notes who talks; tells where the same agent seems to talk twice at once, which may
    /// be one conversation that nothing ties.
    fn note_agent(&mut self, id: DialogId, r: RecordingId) {
        let Some(agent) = self.recordings.get(r).and_then(|r| r.opening.agent.id.clone()) else { return };
        let talks = |o: &DialogId| {
            let recording = self.tables.dialogs.get(*o).and_then(Dialog::recording);
            recording.and_then(|r| self.recordings.get(r)).is_some_and(|r| !r.is_dormant() && !r.is_on_hold())
        };
        if self.agents.under_way(&agent).any(|o| o != id && talks(&o)) {
            self.recordings.order(Decision::Parallel(r));
        }
        for key in [Some(agent), self.caller_of(id, r)].into_iter().flatten() {
            let is_over = |o: &DialogId| !is_recorded(&self.tables, &self.recordings, *o);
            self.agents.note(key, id, is_over, self.recordings.len());
        }
    }

    /// What the dialogs of its customer are noted under, where that is who calls.
    fn caller_of(&self, id: DialogId, r: RecordingId) -> Option<String> {
        let is_caller = self.recordings.get(r)?.customer == Side::Caller;
        let (leg, d) = self.tables.dialog(id).filter(|_| is_caller)?;
        caller_key(&leg.rules, &parties(leg, d)[0])
    }

    /// Opens a recording on a confirmed dialog from `at` on.
    fn begin(&mut self, id: DialogId, at: Timestamp, roles: &Roles) {
        let Some(opening) = opening(&self.tables, id, roles, at) else { return };
        if let Some(reason) = refused_by(&opening.service, opening.direction) {
            let (ends, call_id, withheld) = (opening.ends(), opening.call_id, opening.customer.withheld);
            self.unrecorded(call_id.clone(), at, reason);
            let contact = self.tables.dialog(id).map(|(leg, _)| leg.contact);
            if let Some(contact) = contact {
                self.tables.contacts.leave_out(
                    contact,
                    UnrecordedCall { reason, at, call_id, ends },
                    withheld,
                );
            }
            return;
        }
        if self.recordings.len() >= self.max_recordings {
            self.recordings_full += 1;
            match self.recordings.evict_unheard(at) {
                Some(closed) => self.leave(closed, at),
                None => return self.recordings.order(Decision::Refused(Box::new(opening))),
            }
        }
        let withheld = opening.customer.withheld;
        let r = self.recordings.begin(Recording::new(id, roles.customer, Box::new(opening)));
        if let Some(d) = self.tables.dialogs.get_mut(id) {
            d.set_recording(Some(r));
        }
        if let Some(contact) = self.tables.dialog(id).map(|(leg, _)| leg.contact) {
            self.tables.contacts.is_recorded(contact, withheld);
        }
        self.note_agent(id, r);
        self.refresh(id, at);
    }

    /// Something new is known of who talks on a confirmed dialog: an agent may
    /// have come, left or passed the call on, or the customer become known.
    pub(in crate::call) fn reconsider(&mut self, id: DialogId, at: Timestamp) {
        let Some((leg, d)) = self.tables.dialog(id) else { return };
        if !leg.rules.has_any() {
            return self.amend(id, at);
        }
        let ends = parties(leg, d);
        let now = roles_in(&leg.rules, leg, &ends);
        let [caller, callee] = ends;
        if let Some(trace) = &mut self.trace {
            trace.weighed(&leg.rules, leg, [&caller, &callee], &now, at);
        }
        let Some((r, recording)) = d.recording().and_then(|r| Some((r, self.recordings.get(r)?))) else {
            let Ok(roles) = now else { return };
            self.join_talk(id, &roles, at);
            if let Some(nearer) = self.nearer(id, &roles) {
                return self.trace_nearer(id, nearer, at);
            }
            self.join_transferred(id);
            return self.begin(id, at, &roles);
        };
        let agent = if recording.customer == Side::Caller { &callee } else { &caller };
        let known = recording.opening.agent.id.as_deref();
        let is_same = |new: &Roles| match (known, new.agent_id.as_deref()) {
            (Some(a), Some(b)) => same_agent(&leg.rules, a, b) || (agent.is_called(a) && agent.is_called(b)),
            (a, b) => a == b,
        };
        // With a colleague or with a customer: not one conversation, though one agent's.
        let is_internal = |d: CallDirection| d == CallDirection::Internal;
        let direction = recording.opening.direction;
        let passes = |new: &Roles| is_internal(direction) != is_internal(new.direction);
        match now {
            Ok(new) if is_same(&new) && !passes(&new) => self.amend(id, at),
            Ok(new) if passes(&new) => {
                self.pass_on(r, at);
                self.join_transferred(id);
                self.begin(id, at, &new);
            }
            Ok(new) => {
                let next = Roles { direction, customer: recording.customer, ..new.clone() };
                // The agent's end passed on; else the two ends have changed their parts.
                let next = if new.customer == recording.customer { next } else { new };
                self.pass_on(r, at);
                self.begin(id, at, &next);
            }
            Err(_) => self.pass_on(r, at),
        }
    }

    /// The agent is there no more: his recording ends, the dialog goes on.
    fn pass_on(&mut self, r: RecordingId, at: Timestamp) {
        if let Some(closed) = self.recordings.close(r, at, Ending::Transferred, true) {
            self.leave(closed, at);
        }
    }

    /// A new leg may tell more of the calls of its contact that are being recorded.
    pub(in crate::call) fn complete(&mut self, id: LegId, at: Timestamp) {
        self.note_click(id, at);
        self.note_colleague(id, at);
        self.note_calling_on(id, at);
        self.note_waiting(id);
        self.recorded_beside(id).into_iter().for_each(|d| self.amend(d, at));
    }

    /// Brings what is stored of a dialog's call up to date.
    pub(super) fn amend(&mut self, id: DialogId, at: Timestamp) {
        let Some((leg, d)) = self.tables.dialog(id) else { return };
        let Some((r, recording)) = d.recording().and_then(|r| Some((r, self.recordings.get(r)?))) else {
            return;
        };
        let direction = direction_in(leg, recording.opening.direction);
        let known = Opening { direction, ..(*recording.opening).clone() };
        let roles = Roles { agent_id: known.agent.id.clone(), customer: recording.customer, direction };
        let Some(told) = particulars(&self.tables, &leg.rules, id, &roles) else { return };
        let Some(amended) = amended(&self.tables, &leg.rules, id, &known, told) else { return };
        match refused_by(&amended.service, amended.direction) {
            None => self.recordings.amend(r, amended),
            // Known only now: nothing of it may be kept.
            Some(why) => {
                if let Some(closed) = self.recordings.discard(r, at, why) {
                    self.leave(closed, at);
                }
            }
        }
    }
}

fn is_recorded(tables: &Tables, recordings: &Recordings, id: DialogId) -> bool {
    let recording = tables.dialogs.get(id).and_then(Dialog::recording);
    recording.and_then(|r| recordings.get(r)).is_some_and(|r| !r.is_dormant())
}

/// Are two dialogs, named by their ids, legs of one conversation of an agent with a colleague?
fn is_one_consultation(tables: &Tables, rules: &Rules, a: &Replaces, b: &Replaces) -> bool {
    let [a, b] = [a, b].map(|r| {
        let (id, _) = tables.find_dialog(&r.call_id, &r.to_tag, &r.from_tag)?;
        tables.dialog(id)
    });
    let Some((a, b)) = a.zip(b) else { return false };
    let ends = [a, b].map(|(leg, d)| parties(leg, d));
    let [one, other] = [(a, &ends[0]), (b, &ends[1])].map(|((leg, d), ends)| Candidate::new(leg, d, ends));
    one.zip(other).is_some_and(|(one, other)| are_one(rules, &one, &other))
}
