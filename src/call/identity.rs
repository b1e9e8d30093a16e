//! Connected identity: on a trunk the agent is told by who the far end says it
//! is, and changes with it (RFC 3325, RFC 4916).

use super::answer::Roles;
use super::calls::Calls;
use super::decision::{Decision, Ending};
use super::invite::connected_identity;
use super::leg::LegId;
use super::pairing::Side;
use super::parties::Party;
use crate::config::CallDirection;
use crate::pii::Pii;
use crate::sip::Message;
use crate::time::Timestamp;

impl Calls {
    /// `side` states who it is now.
    pub(super) fn handle_identity(
        &mut self,
        leg_id: LegId,
        tag: &[u8],
        side: Side,
        msg: &Message<'_>,
        at: Timestamp,
    ) {
        if !self.rules.has_any() {
            return;
        }
        let header_id = self.rules.agent_header.as_deref().and_then(|h| super::invite::header_id(msg, h));
        let identity = connected_identity(msg);
        if identity.is_none() && header_id.is_none() {
            return;
        }
        let Some(d) = self.dialog_mut(leg_id, tag) else { return };
        if !d.is_confirmed() || d.bye.is_some() {
            return;
        }
        if let Some(user) = &identity {
            if d.identity[side as usize].as_ref() == Some(user) && header_id.is_none() {
                return;
            }
            d.identity[side as usize] = Some(user.clone());
        }
        let recording = d.recording;
        let party = Party { users: identity.iter().cloned().collect(), addrs: Vec::new(), header_id };
        let agent = self.rules.agent_id(&party);
        match recording {
            Some(id) => self.identity_moved(leg_id, tag, side, agent, id, at),
            None => self.identity_came(leg_id, tag, side, agent, identity, at),
        }
    }

    /// Somebody else is at the agent's end of a call that is being recorded.
    fn identity_moved(
        &mut self,
        leg_id: LegId,
        tag: &[u8],
        side: Side,
        agent: Option<String>,
        id: crate::id::RecordingId,
        at: Timestamp,
    ) {
        let Some(r) = self.recordings.get(id) else { return };
        if side == r.customer {
            return;
        }
        let same = |a: &str, b: &str| a == b || self.rules.same_number(a, b);
        // By another of the names the INVITE gave this side it is still the same agent.
        let known = match (r.by_identity, side, self.legs.get(&leg_id)) {
            (false, Side::Caller, Some(l)) => l.caller().users,
            (false, Side::Callee, Some(l)) => l.callee(self.dialog(leg_id, tag).and_then(|d| d.branch)).users,
            _ => Vec::new(),
        };
        let (leaves, by_identity) = match &agent {
            Some(a) => (!same(a, &r.agent_id) && !known.iter().any(|k| same(a, k.expose())), true),
            None => (r.by_identity, false),
        };
        if !leaves {
            return;
        }
        let roles = agent.map(|agent_id| Roles {
            agent_id,
            customer: side.other(),
            direction: r.direction,
            by_identity,
            customer_user: None,
        });
        self.close_recording(id, at, Ending::Transferred, true);
        if let Some(roles) = roles {
            self.begin_recording(leg_id, tag, at, roles);
        }
    }

    /// A call that was not recorded has become one to record: an agent has come
    /// to it, or a customer has taken the place of one of two agents.
    fn identity_came(
        &mut self,
        leg_id: LegId,
        tag: &[u8],
        side: Side,
        agent: Option<String>,
        identity: Option<Pii<String>>,
        at: Timestamp,
    ) {
        let Some(leg) = self.legs.get(&leg_id) else { return };
        let branch = self.dialog(leg_id, tag).and_then(|d| d.branch);
        let of =
            |s: Side| self.rules.agent_id(&if s == Side::Caller { leg.caller() } else { leg.callee(branch) });
        let other = of(side.other());
        let known = if side == Side::Caller { leg.caller().users } else { leg.callee(branch).users };
        let roles = match (agent, other) {
            (Some(_), Some(_)) if !self.rules.record_internal => {
                return self.out.push(Decision::Unrecorded(super::decision::Unrecorded::Internal));
            }
            (Some(agent_id), other) => {
                let direction = match side {
                    _ if other.is_some() => CallDirection::Internal,
                    Side::Caller => CallDirection::Outbound,
                    Side::Callee => CallDirection::Inbound,
                };
                Roles { agent_id, customer: side.other(), direction, by_identity: true, customer_user: None }
            }
            // An agent's own number in another form is no customer.
            (None, Some(agent_id)) if of(side).is_some() && identity.iter().all(|i| !known.contains(i)) => {
                let direction = match side {
                    Side::Caller => CallDirection::Inbound,
                    Side::Callee => CallDirection::Outbound,
                };
                Roles { agent_id, customer: side, direction, by_identity: false, customer_user: identity }
            }
            (None, _) => return,
        };
        self.begin_recording(leg_id, tag, at, roles);
    }
}
