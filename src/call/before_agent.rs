//! How long a caller had been answered, or heard early media, before the agent answered.
//!
//! Whoever promises that an announcement is heard before the agent needs evidence of it. What is in
//! the announcement nobody here listens to: only lengths count, by the signalling and by whether
//! packets came. Early media is a 18x response with a description (RFC 3960), and packets of
//! the called side or its word that they may be heard (P-Early-Media, RFC 5009).

use super::decision::{BeforeAgent, WaitingLeg};
use super::dialog::Dialog;
use super::leg::Leg;
use super::pairing::Side;
use super::party::Party;
use super::policy::{Roles, agent_of};
use super::rules::Rules;
use super::tables::Tables;
use crate::config::CallDirection;
use crate::time::Timestamp;

/// How the caller of an inbound call has waited for the agent who answers it at `at`. Not told where
/// he has been with another agent before.
pub(super) fn before_agent(
    tables: &Tables,
    rules: &Rules,
    (leg, dialog): (&Leg, &Dialog),
    roles: &Roles,
    at: Timestamp,
) -> Option<BeforeAgent> {
    if roles.direction != CallDirection::Inbound || tables.contacts.is_served(leg.contact) {
        return None;
    }
    let others: Vec<&Leg> = tables.legs_beside(leg).collect();
    if others.iter().flat_map(|o| tables.dialogs_of(o)).any(|d| d.recording().is_some()) {
        return None;
    }
    let is_customers = |o: &&&Leg| agent_of(rules, &Party::named(o, None, Side::Caller)).is_none();
    let of_others = others.iter().filter(is_customers).flat_map(|o| tables.dialogs_of(o));
    let heard = of_others.map(|d| (d, WaitingLeg::Queue)).chain([(dialog, WaitingLeg::SameLeg)]);
    let (mut first, mut answered) = (at, None::<(Timestamp, WaitingLeg)>);
    for (d, leg) in heard {
        let has_spoken = || d.media.iter().any(|m| tables.pairing.has_spoken(m.session, Side::Callee));
        let since = d.heard_since;
        let is_heard = since.answered.is_some() || since.is_allowed || has_spoken();
        if let Some(early) = since.early.filter(|_| is_heard) {
            first = first.min(early);
        }
        if let Some(began) = since.answered.filter(|began| *began < at) {
            first = first.min(began);
            answered = answered.filter(|(before, _)| *before <= began).or(Some((began, leg)));
        }
    }
    let ns = at.since_ns(first);
    let most = answered.filter(|(began, _)| at.since_ns(*began) * 2 >= ns).map(|(_, leg)| leg);
    Some(BeforeAgent { ns, leg: most.or((ns > 0).then_some(WaitingLeg::EarlyMedia)) })
}
