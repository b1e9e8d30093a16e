//! Agents whose telephones ring in vain: who then answers the caller at the exchange is a mailbox, or
//! somebody whom his call is forwarded to, and no agent.
//!
//! While a caller is not answered his exchange calls agents for him, in legs of their own. He talks with none of them
//! if all have ended unanswered, unless the exchange says that another telephone has taken the call (RFC 3326 §1):
//! one that is not in the mirror.

use super::super::account::parties;
use super::super::decision::Unrecorded;
use super::super::ids::{DialogId, LegId};
use super::super::leg::{Leg, MAX_RINGS};
use super::super::pairing::Side;
use super::super::party::Party;
use super::super::policy::agent_of;
use super::super::seen::Seen;
use super::super::twins::{caller_key, legs_meet, same_line};
use super::Calls;
use crate::sip::Reason;
use crate::time::Timestamp;

impl Calls {
    /// A customer calls, and nobody has answered him.
    pub(super) fn note_waiting(&mut self, id: LegId) {
        let Some(leg) = self.tables.legs.get(id).filter(|l| l.rules.has_any()) else { return };
        let caller = Party::named(leg, None, Side::Caller);
        let is_customer = agent_of(&leg.rules, &caller).is_none();
        let Some(key) = caller_key(&leg.rules, &caller).filter(|_| is_customer) else { return };
        let legs = &self.tables.legs;
        let is_over = |id: &LegId| !legs.get(*id).is_some_and(Leg::is_ringing);
        self.waiting.note(key, id, is_over, legs.len());
    }

    /// For the caller of `first`, whom nobody has answered, the exchange calls an agent in another leg.
    pub(super) fn ring_for(&mut self, first: LegId, onward: LegId) {
        let has_room = self.tables.legs.get(first).is_some_and(|l| l.rings.len() < MAX_RINGS);
        if !has_room {
            self.tables.no_room += 1;
            return;
        }
        if let Some(leg) = self.tables.legs.get_mut(first) {
            leg.rings.push(onward);
        }
        if let Some(leg) = self.tables.legs.get_mut(onward) {
            leg.rings_for = Some(first);
        }
    }

    /// A leg is given up, perhaps since another telephone has answered.
    pub(super) fn handle_cancel(&mut self, seen: &Seen<'_>) {
        if !seen.msg.reasons().any(Reason::is_completed_elsewhere) {
            return;
        }
        // Whoever called gives up.
        let is_his = |l: &&Leg| l.hops.iter().any(|h| h.caller.ip() == seen.flow.src.ip());
        let Some(id) = self.tables.legs.of_invite(seen).find(is_his).map(|l| l.id) else { return };
        let Some(leg) = self.tables.legs.get_mut(id) else { return };
        leg.is_completed_elsewhere = true;
        let first = leg.rings_for.and_then(|first| self.tables.legs.get_mut(first));
        let Some(first) = first.filter(|first| first.calls_on == Some(id)) else { return };
        // The exchange had answered him before: he talks now.
        first.calls_on = None;
        for d in first.dialogs.clone() {
            if self.tables.dialogs.get(d).is_some_and(|d| d.is_confirmed() && d.bye().is_none()) {
                self.reconsider(d, seen.at);
            }
        }
    }

    /// A leg was refused: if that was the last agent who was called for an answered caller, none has talked with him.
    pub(super) fn settle_refused(&mut self, id: LegId, at: Timestamp) {
        let leg = self.tables.legs.get(id).filter(|l| l.ended && !l.was_answered);
        let Some(first) = leg.and_then(|l| self.tables.legs.get(l.rings_for?)) else { return };
        let recorded = self.tables.dialogs_of(first).find(|d| d.recording().is_some()).map(|d| d.id);
        if let Some(dialog) = recorded {
            self.settle_in_vain(dialog, id, at);
        }
    }

    /// Somebody has answered a caller for whom agents were called.
    pub(super) fn settle_rung_for(&mut self, id: DialogId, at: Timestamp) {
        let last = self.tables.dialog(id).and_then(|(leg, _)| leg.rings.last().copied());
        if let Some(rang) = last {
            self.settle_in_vain(id, rang, at);
        }
    }

    /// If all of them have rung in vain, of which `rang` is the last, no agent talks in a dialog.
    fn settle_in_vain(&mut self, id: DialogId, rang: LegId, at: Timestamp) {
        let Some((leg, _)) = self.tables.dialog(id) else { return };
        if !(self.has_rung_in_vain(leg) && self.is_answered_by_nobody_called(id)) {
            return;
        }
        if let Some((trace, rang)) = self.trace.as_mut().zip(self.tables.legs.get(rang)) {
            trace.rang_in_vain(leg, rang, at);
        }
        self.talks_elsewhere(id, rang, Unrecorded::NoAgent, at);
    }

    /// Has every agent's telephone that was called for its caller stopped ringing, and has none answered?
    fn has_rung_in_vain(&self, leg: &Leg) -> bool {
        let is_in_vain = |l: &Leg| l.ended && !l.was_answered && !l.is_completed_elsewhere;
        // One that is forgotten ended long ago.
        !leg.rings.is_empty() && leg.rings.iter().all(|id| self.tables.legs.get(*id).is_none_or(is_in_vain))
    }

    /// Was it answered where the exchange called from, and not in the name of another agent than it called?
    fn is_answered_by_nobody_called(&self, id: DialogId) -> bool {
        let Some((leg, d)) = self.tables.dialog(id) else { return false };
        let [_, now] = parties(leg, d);
        let rung = || leg.rings.iter().filter_map(|id| self.tables.legs.get(*id));
        // A leg that goes on beyond that host is answered by somebody else.
        let is_its_end =
            |l: &Leg| l.hops.iter().any(|h| now.addrs.contains(&h.caller.ip())) || !legs_meet(leg, l);
        if !rung().all(is_its_end) {
            return false;
        }
        let Some(agent) = agent_of(&leg.rules, &now) else { return true };
        let named = agent_of(&leg.rules, &Party::named(leg, d.branch, Side::Callee));
        let called = || rung().map(|l| agent_of(&l.rules, &Party::named(l, None, Side::Callee)));
        // An agent who is dialled, and whose telephone is not seen to ring, may have answered.
        let is_dialled = |id| matches!((&id, &named), (Some(a), Some(b)) if same_line(&leg.rules, a, b));
        called().any(is_dialled)
            && called().chain([named.clone()]).any(|known| known.as_ref() == Some(&agent))
    }
}
