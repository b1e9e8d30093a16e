//! Calls between colleagues where the agents' networks are those of the telephones alone: each leg has the
//! exchange at its other end, and only both together show that two agents talk.
//!
//! A leg that an agent calls in, and a later one from where it went, in his name, to the agent whom he calls: then each
//! knows its other end as who is within the networks on the other leg. A stranger who writes an agent's number into
//! From calls from elsewhere: no agent's leg goes before his.

use super::super::account::{ends_by_invite, known_as};
use super::super::decision::Unrecorded;
use super::super::ids::LegId;
use super::super::leg::{Continued, Leg};
use super::super::pairing::Side;
use super::super::party::Party;
use super::super::policy::agent_of;
use super::super::rules::Rules;
use super::super::twins::{headers_differ, is_taken, may_go_on, may_wait};
use super::Calls;
use crate::time::Timestamp;

impl Calls {
    /// A leg has begun, perhaps to the colleague whom an agent calls by way of the exchange.
    pub(super) fn note_colleague(&mut self, id: LegId, at: Timestamp) {
        let Some(second) = self.tables.legs.get(id) else { return };
        if !(second.rules.is_bound() && second.is_new_call()) {
            return;
        }
        let ends = ends_by_invite(second);
        let is_onward = agent_of(&second.rules, &ends[1]).is_some() && !ends[0].is_within(&second.rules);
        let Some(first) = self.called_by_agent(second, &ends).filter(|_| is_onward) else { return };
        let Some(leg) = self.tables.legs.get(first) else { return };
        let [caller, _] = ends_by_invite(leg);
        let [_, callee] = ends;
        let [caller, callee] =
            [caller, callee].map(|party| Continued { is_same_call: true, ..known_as(&second.rules, party) });
        let reason = if leg.rules.record_internal { Unrecorded::OtherLeg } else { Unrecorded::Internal };
        let dialogs = leg.dialogs.clone();
        self.join_alike(first, id, at);
        for (leg, side, colleague) in [(first, Side::Callee, callee), (id, Side::Caller, caller)] {
            if let Some(leg) = self.tables.legs.get_mut(leg) {
                leg.continues[side as usize] = Some(Box::new(colleague));
            }
        }
        // What was recorded before the exchange called his colleague is no talk with a customer.
        dialogs.into_iter().for_each(|d| self.take_back(d, reason, at));
    }

    /// The leg in which the agent whom this one names as its caller has called the exchange.
    fn called_by_agent(&self, second: &Leg, ends: &[Party; 2]) -> Option<LegId> {
        let before = self.tables.legs.before(second.id);
        let ringing = before.take_while(|l| may_wait(l, second.invite_at));
        let names = ends[0].names().map(|n| n.expose().as_str());
        let answered = names.flat_map(|name| self.agents.under_way(name));
        let answered = answered.filter_map(|d| {
            let (leg, d) = self.tables.dialog(d)?;
            d.goes_on().then_some(leg)
        });
        let is_it = |first: &&Leg| {
            let its = ends_by_invite(first);
            first.rules.is_bound()
                && first.is_new_call()
                && !first.ended
                && is_call_of_agent(&second.rules, &its, ends)
                && may_go_on(&second.rules, (first, &its[0]), (second, &ends[0]))
                && !headers_differ(first, second)
                && !is_taken(first, second, self.tables.contact_legs(first.contact))
        };
        // The nearest one; of two at once it is his call either way.
        ringing.chain(answered).filter(is_it).map(|l| l.id).max()
    }
}

/// Does an agent call in the first leg, and does the second name him as its caller and whom he calls as called?
fn is_call_of_agent(rules: &Rules, first: &[Party; 2], second: &[Party; 2]) -> bool {
    let same = |side: Side| {
        let [a, b] = [first, second].map(|ends| &ends[side as usize]);
        a.names().any(|n| b.names().any(|m| n == m || rules.same_number(n.expose(), m.expose())))
    };
    first[0].is_within(rules)
        && agent_of(rules, &first[0]).is_some()
        && !first[1].is_within(rules)
        && same(Side::Caller)
        && same(Side::Callee)
}
