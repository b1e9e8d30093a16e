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
        let party = Party { users: identity.into_iter().collect(), addrs: Vec::new(), header_id };
        let agent = self.rules.agent_id(&party);
        match recording {
            Some(id) => self.identity_moved(leg_id, tag, side, agent, id, at),
            None => self.identity_came(leg_id, tag, side, agent, at),
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
        let (leaves, by_identity) = match &agent {
            Some(a) => (!self.rules.same_number(a, &r.agent_id) && *a != r.agent_id, true),
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
        });
        self.close_recording(id, at, Ending::Transferred, true);
        if let Some(roles) = roles {
            self.begin_recording(leg_id, tag, at, roles);
        }
    }

    /// An agent has come to a call that was not recorded.
    fn identity_came(&mut self, leg_id: LegId, tag: &[u8], side: Side, agent: Option<String>, at: Timestamp) {
        let (Some(agent_id), Some(leg)) = (agent, self.legs.get(&leg_id)) else { return };
        let other_party = match side {
            Side::Caller => leg.callee(None),
            Side::Callee => leg.caller.clone(),
        };
        let direction = match side {
            _ if self.rules.agent_id(&other_party).is_some() => CallDirection::Internal,
            Side::Caller => CallDirection::Outbound,
            Side::Callee => CallDirection::Inbound,
        };
        if direction == CallDirection::Internal && !self.rules.record_internal {
            return self.out.push(Decision::Unrecorded(super::decision::Unrecorded::Internal));
        }
        let roles = Roles { agent_id, customer: side.other(), direction, by_identity: true };
        self.begin_recording(leg_id, tag, at, roles);
    }
}
