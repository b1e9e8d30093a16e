//! A response to the INVITE: early dialogs, the answer, and the decision to record.
//!
//! RFC 3261 §12.1, §13.2.2.4.

use super::calls::{Calls, Passage};
use super::decision::{Agent, Decision, Opening, Unrecorded};
use super::leg::{DialogState, Leg, LegId};
use super::pairing::Side;
use super::parties::{Party, ServiceRef, records, stored_number};
use super::recordings::{Recording, State};
use crate::config::CallDirection;
use crate::id::derived_uuid;
use crate::pii::Pii;
use crate::sip::Message;
use crate::time::Timestamp;
use std::time::Duration;

/// A dialog that ends sooner than this without media was a stray fork.
pub(super) const STRAY: Duration = Duration::from_millis(500);

/// Who is the agent in a dialog, and of what kind that makes the call.
#[derive(Clone, Debug)]
pub(super) struct Roles {
    pub agent_id: String,
    pub customer: Side,
    pub direction: CallDirection,
    pub by_identity: bool,
    /// Who the customer is, where that became known by connected identity.
    pub customer_user: Option<Pii<String>>,
}

impl Calls {
    pub(super) fn handle_invite_response(
        &mut self,
        leg_id: LegId,
        tag: &[u8],
        code: u16,
        msg: &Message<'_>,
        way: Passage,
    ) {
        match code {
            0..=100 => {}
            // A late copy must not claim again what a hang-up has set free.
            _ if self.dialog(leg_id, tag).is_some_and(|d| d.state == DialogState::Terminated) => {}
            101..=199 => {
                if self.ensure_dialog(leg_id, tag) {
                    self.initial_answer(leg_id, tag, code, msg, way);
                }
            }
            200..=299 => self.handle_answered(leg_id, tag, code, msg, way),
            _ => self.handle_refused(leg_id, tag),
        }
    }

    /// A final failure of one branch. Where no other rings the leg is over, until
    /// a retry (after 401, 407) or the next branch of a hunt opens it again.
    fn handle_refused(&mut self, leg_id: LegId, tag: &[u8]) {
        let Some(leg) = self.legs.get_mut(&leg_id) else { return };
        let failed = leg.dialogs.iter().position(|d| &*d.callee_tag == tag && d.state == DialogState::Early);
        let sessions: Vec<_> = failed
            .map(|i| leg.dialogs.remove(i).media.iter().map(|m| m.session).collect())
            .unwrap_or_default();
        let is_over = leg.dialogs.is_empty();
        for s in sessions {
            self.pairing.close(s);
        }
        if is_over {
            self.linger(leg_id);
        }
    }

    fn handle_answered(&mut self, leg_id: LegId, tag: &[u8], code: u16, msg: &Message<'_>, way: Passage) {
        if !self.ensure_dialog(leg_id, tag) {
            return;
        }
        let is_first = self.dialog(leg_id, tag).is_some_and(|d| d.state == DialogState::Early);
        if is_first {
            let header = self.rules.agent_header.as_deref().and_then(|h| super::invite::header_id(msg, h));
            let identity = super::invite::connected_identity(msg);
            if let Some(leg) = self.legs.get_mut(&leg_id) {
                note_answerer(leg, tag, header, identity);
                leg.ended = false;
            }
            if let Some(d) = self.dialog_mut(leg_id, tag) {
                d.state = DialogState::Confirmed { answered_at: way.at };
            }
            self.close_other_early(leg_id, tag);
        }
        self.initial_answer(leg_id, tag, code, msg, way);
        self.mark_answered(leg_id, tag);
        if is_first {
            self.decide(leg_id, tag, way.at);
        }
    }

    /// The dialog's claims now outrank those of calls that only ring.
    fn mark_answered(&mut self, leg_id: LegId, tag: &[u8]) {
        let Some(d) = self.dialog(leg_id, tag) else { return };
        let sessions: Vec<_> = d.media.iter().map(|m| m.session).collect();
        for s in sessions {
            self.pairing.answer(s, self.next_leg);
        }
    }

    /// Forks that only rang are over once one has answered.
    fn close_other_early(&mut self, leg_id: LegId, tag: &[u8]) {
        let Some(leg) = self.legs.get_mut(&leg_id) else { return };
        let mut closed = Vec::new();
        leg.dialogs.retain(|d| {
            let keep = d.state != DialogState::Early || &*d.callee_tag == tag;
            if !keep {
                closed.extend(d.media.iter().map(|m| m.session));
            }
            keep
        });
        for s in closed {
            self.pairing.close(s);
        }
    }

    /// Records the dialog if the rules say so.
    fn decide(&mut self, leg_id: LegId, tag: &[u8], at: Timestamp) {
        let Some(leg) = self.legs.get(&leg_id) else { return };
        let roles = match self.roles(leg, tag) {
            Ok(r) => r,
            Err(reason) => return self.out.push(Decision::Unrecorded(reason)),
        };
        if self.nearer_leg_has_it(leg, &roles) {
            return self.out.push(Decision::Unrecorded(Unrecorded::OtherLeg));
        }
        self.begin_recording(leg_id, tag, at, roles);
    }

    /// Who is who. An identity given at the answer counts where no URI tells.
    fn roles(&self, leg: &Leg, tag: &[u8]) -> Result<Roles, Unrecorded> {
        let of_callee = |by_identity, agent_id| Roles {
            agent_id,
            customer: Side::Caller,
            direction: CallDirection::Inbound,
            by_identity,
            customer_user: None,
        };
        let branch = leg.dialogs.iter().find(|d| &*d.callee_tag == tag).and_then(|d| d.branch);
        if !self.rules.has_any() {
            let user = leg.callee(branch).users.first().map_or("unknown".to_string(), |u| u.expose().clone());
            return Ok(of_callee(false, user));
        }
        let caller = self.rules.agent_id(&leg.caller());
        let callee = self.rules.agent_id(&leg.callee(branch));
        let connected = leg
            .dialogs
            .iter()
            .find(|d| &*d.callee_tag == tag)
            .and_then(|d| d.identity[Side::Callee as usize].clone())
            .and_then(|u| self.rules.agent_id(&Party { users: vec![u], ..Party::default() }));
        match (caller, callee) {
            (Some(_), Some(_)) if !self.rules.record_internal => Err(Unrecorded::Internal),
            (Some(_), Some(id)) => Ok(Roles { direction: CallDirection::Internal, ..of_callee(false, id) }),
            (Some(id), None) => Ok(Roles {
                agent_id: id,
                customer: Side::Callee,
                direction: CallDirection::Outbound,
                by_identity: false,
                customer_user: None,
            }),
            (None, Some(id)) => Ok(of_callee(false, id)),
            (None, None) => connected.map(|id| of_callee(true, id)).ok_or(Unrecorded::NoAgent),
        }
    }

    /// One call over several legs that name an agent (a B2BUA in between) is
    /// recorded on the leg nearest to him: the last INVITE of an inbound call,
    /// which is answered first, and the first of an outbound one.
    fn nearer_leg_has_it(&self, leg: &Leg, roles: &Roles) -> bool {
        let others = self.contacts.legs(leg.contact).iter().filter_map(|id| self.legs.get(id));
        others.filter(|o| o.id != leg.id && !o.ended).any(|o| match roles.customer {
            Side::Caller => {
                // Whichever agent it was: a ring group names one and connects another.
                o.id > leg.id && o.dialogs.iter().any(|d| d.recording.is_some())
            }
            Side::Callee => {
                // A leg answered before this one's INVITE is an earlier call of the contact.
                let overlaps = o.answered_at().is_none_or(|a| a >= leg.invite_at);
                let agent = self.rules.agent_id(&o.caller());
                o.id < leg.id && overlaps && agent.as_ref() == Some(&roles.agent_id)
            }
        })
    }

    /// Opens a recording on a confirmed dialog from `at` on.
    pub(super) fn begin_recording(&mut self, leg_id: LegId, tag: &[u8], at: Timestamp, roles: Roles) {
        let Some(leg) = self.legs.get(&leg_id) else { return };
        let first = self.first_customer_leg(leg, &roles);
        let told_by = first.unwrap_or(leg);
        let (number, dialled, withheld) = match roles.customer {
            Side::Caller => (
                told_by.invite.caller_number().or(leg.invite.caller_number()),
                told_by.invite.dialled(),
                leg.invite.withheld || told_by.invite.withheld,
            ),
            Side::Callee => {
                let called = leg.invite.to_user.as_ref().or(leg.invite.request_user.as_ref());
                (called, called, false)
            }
        };
        let number = roles.customer_user.as_ref().or(number);
        let service = self.rules.service(dialled);
        if let Some(reason) = refused_by(&service, roles.direction) {
            return self.out.push(Decision::Unrecorded(reason));
        }
        if self.recordings.len() >= self.max_recordings {
            return self.out.push(Decision::Refused(service));
        }
        let stored = number.filter(|_| !withheld).and_then(|n| stored_number(n, service.hide_caller_digits));
        let dialled = match roles.customer {
            Side::Caller => dialled.map(|d| d.expose().clone()),
            Side::Callee => stored.clone(),
        };
        let agent_name = self.rules.agent_name(&roles.agent_id).map(str::to_string);
        let uuid = derived_uuid(at, &[&leg.call_id, &leg.caller_tag, tag, &at.as_ns().to_be_bytes()]);
        let opening = Opening {
            id: self.recordings.next_id(),
            uuid,
            call_group: self.contacts.uuid(leg.contact),
            service,
            direction: roles.direction,
            agent: Agent { id: Some(roles.agent_id.clone()), name: agent_name },
            customer_number: stored,
            withheld,
            dialled,
            answered_at: at,
            call_id: String::from_utf8_lossy(&leg.call_id).into_owned(),
        };
        let id = opening.id;
        self.recordings.insert(Recording {
            id,
            leg: leg_id,
            callee_tag: tag.into(),
            answered_at: at,
            customer: roles.customer,
            direction: roles.direction,
            agent_id: roles.agent_id,
            by_identity: roles.by_identity,
            state: State::Candidate(Box::new(opening)),
            last_media: None,
            quiet_since: at,
            on_hold: false,
            timer: None,
        });
        self.arm_recording(id, at + STRAY);
        if let Some(d) = self.dialog_mut(leg_id, tag) {
            d.recording = Some(id);
        }
        self.refresh_media(leg_id, tag, at);
    }

    /// The contact's first leg whose caller is no agent, if it came before this one.
    fn first_customer_leg(&self, leg: &Leg, roles: &Roles) -> Option<&Leg> {
        if roles.direction != CallDirection::Inbound {
            return None;
        }
        let earlier = self.contacts.legs(leg.contact).iter().filter_map(|id| self.legs.get(id));
        earlier.filter(|o| o.id < leg.id && self.rules.agent_id(&o.caller()).is_none()).min_by_key(|o| o.id)
    }

    /// A candidate has shown to be a call: announces it.
    pub(super) fn confirm(&mut self, id: crate::id::RecordingId) {
        let Some(r) = self.recordings.get_mut(id) else { return };
        if !matches!(r.state, State::Candidate(_)) {
            return;
        }
        let State::Candidate(opening) = std::mem::replace(&mut r.state, State::Open) else { return };
        let (leg, tag) = (r.leg, r.callee_tag.clone());
        self.out.push(Decision::Open(opening));
        self.announce_formats(leg, &tag);
    }
}

/// Why a service does not record a call, if it does not.
fn refused_by(service: &ServiceRef, direction: CallDirection) -> Option<Unrecorded> {
    if !service.record {
        return Some(Unrecorded::Service);
    }
    (!records(service, direction)).then_some(Unrecorded::Direction)
}

/// What the first 2xx says of the side that answered.
fn note_answerer(leg: &mut Leg, tag: &[u8], header: Option<String>, identity: Option<Pii<String>>) {
    if header.is_some() && leg.callee_header.is_none() {
        leg.callee_header = header;
    }
    if let Some(d) = leg.dialogs.iter_mut().find(|d| &*d.callee_tag == tag) {
        d.identity[Side::Callee as usize] = identity;
    }
}
