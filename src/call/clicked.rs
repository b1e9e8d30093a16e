//! Click to dial: the exchange calls the agent first and, once he has answered, his customer.
//!
//! Where the first leg comes in the agent's own name `policy` knows it by that leg alone. Else it
//! looks like a call of whoever the exchange names in it, and the leg to the customer shows what it is:
//! it begins after the agent has answered, not where the first one went, nor where another of its contact
//! took it on to the agent; it is to somebody who is no agent; and nobody has called in before. Besides,
//! one of these must hold:
//!
//! | the legs are tied by | the first names as its caller | the second comes |
//! |---|---|---|
//! | a header or the Call-ID | who is called in the second, or no subscriber | at any time, as long as the agent is there |
//! | the same | another subscriber, who may be the house | within 4 s |
//! | the same | whoever | before the agent has answered, in his name, and both are answered |
//! | nothing | who is called in the second | from the same host within 4 s |
//! | nothing | the agent himself | from the same host within 4 s, in his name |
//! | nothing | no subscriber | to a subscriber from the same host within a second, in his name, and he has not dialled it |
//! | nothing | whoever | in his name with the address where he receives audio, but not from there, within 4 s, and he has not dialled it |
//!
//! Nobody dials within a second of picking up; whoever asks a colleague or passes a call on later has
//! a caller. Pure: the tables are asked by the conductor.

use super::leg::Leg;
use super::media::endpoints;
use super::pairing::Side;
use super::party::Party;
use super::policy::{agent_of, roles, same_agent};
use super::rules::Rules;
use super::twins::{Candidate, subscriber};
use crate::config::CallDirection;
use crate::time::NS_PER_MS;

/// The exchange calls the customer within this long after the agent's answer.
pub(super) const SOON_NS: i64 = 4000 * NS_PER_MS;
/// The same where nothing but time and place speaks for it.
const AT_ONCE_NS: i64 = 1000 * NS_PER_MS;

/// A leg that may go on from the first to the customer.
pub(super) struct Onward<'a> {
    /// The leg.
    pub leg: &'a Leg,
    /// Its caller and its callee.
    pub ends: &'a [Party; 2],
    /// It has been answered.
    pub is_answered: bool,
}

/// Whom the first leg names as its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FirstCaller {
    /// The agent who is called.
    Agent,
    /// Who is called in the second leg.
    Customer,
    /// No subscriber: a service, a word, nobody.
    Nobody,
    /// Some subscriber: another customer, or a number of the house.
    Another,
}

/// What the two legs are to one another, where the second may be how the first goes on.
struct ClickPair {
    named: FirstCaller,
    /// The second comes in the agent's name.
    is_in_his_name: bool,
    /// Its INVITE came so long after the first answer; negative: before it.
    after_ns: i64,
}

impl ClickPair {
    /// `None`: the second cannot be how the first goes on.
    fn new(rules: &Rules, first: &Candidate<'_>, second: &Onward<'_>) -> Option<ClickPair> {
        let [caller, callee] = first.parties;
        let called = roles(rules, caller, callee).ok().filter(|_| rules.has_any())?;
        let is_called = called.customer == Side::Caller && called.direction != CallDirection::Internal;
        let follows = first.leg.id < second.leg.id && !first.leg.is_try_of(second.leg);
        let [from, to] = second.ends;
        let are_new = [first.leg, second.leg].into_iter().all(Leg::is_new_call);
        let is_free = is_called && first.dialog.goes_on() && follows && are_new;
        if !is_free || leads_to(first.leg, from) {
            return None;
        }
        let is_in_his_name = match (agent_of(rules, from), &called.agent_id) {
            (None, _) => false,
            (Some(Some(id)), Some(agent)) if same_agent(rules, &id, agent) => true,
            _ => return None,
        };
        let named = named(rules, called.direction, caller, to);
        // What else an exchange calls for an agent, a server of its own, has no subscriber's number.
        let is_dialled = match named {
            FirstCaller::Agent | FirstCaller::Customer => true,
            FirstCaller::Nobody => is_number(rules, to),
            FirstCaller::Another => subscriber(rules, to).is_some(),
        };
        let is_customer = agent_of(rules, to).is_none() && is_dialled;
        let after_ns = second.leg.invite_at.since_ns(first.answered_at);
        is_customer.then_some(ClickPair { named, is_in_his_name, after_ns })
    }
}

/// Is the second leg of a contact how the exchange goes on from the first, in which it called the agent?
pub(super) fn goes_on(rules: &Rules, first: &Candidate<'_>, second: &Onward<'_>) -> bool {
    ClickPair::new(rules, first, second).is_some_and(|pair| match pair.named {
        _ if pair.after_ns < 0 => second.is_answered && pair.is_in_his_name && -pair.after_ns <= SOON_NS,
        FirstCaller::Another => pair.after_ns <= SOON_NS,
        FirstCaller::Agent | FirstCaller::Customer | FirstCaller::Nobody => true,
    })
}

/// The same of two legs that nothing in the signalling ties. `has_dialled`: the agent may have dialled
/// the second himself.
pub(super) fn goes_on_untied(
    rules: &Rules,
    first: &Candidate<'_>,
    (second, its_media): (&Onward<'_>, &Candidate<'_>),
    has_dialled: impl Fn() -> bool,
) -> bool {
    let Some(pair) = ClickPair::new(rules, first, second) else { return false };
    if !(0..=SOON_NS).contains(&pair.after_ns) {
        return false;
    }
    let is_from_there = first.leg.hops.iter().any(|h| second.ends[0].addrs.contains(&h.caller.ip()));
    let is_likely = match pair.named {
        FirstCaller::Customer => is_from_there,
        FirstCaller::Agent => is_from_there && pair.is_in_his_name,
        FirstCaller::Nobody => {
            let is_at_once = pair.is_in_his_name && pair.after_ns <= AT_ONCE_NS;
            is_from_there && is_at_once && subscriber(rules, &second.ends[1]).is_some() && !has_dialled()
        }
        FirstCaller::Another => false,
    };
    is_likely || (pair.is_in_his_name && passes_agent_on(first, its_media) && !has_dialled())
}

/// Does a leg go to where `party` is?
pub(super) fn leads_to(leg: &Leg, party: &Party) -> bool {
    leg.hops.iter().any(|h| party.addrs.contains(&h.callee.ip()))
}

/// Has the leg's caller called in: somebody who is no agent, on his own way to the exchange that `second`
/// comes from?
pub(super) fn is_callers_own(rules: &Rules, leg: &Leg, caller: &Party, second: &Party) -> bool {
    let is_over = leg.ended && !leg.was_answered;
    let is_elsewhere = !caller.addrs.iter().any(|a| second.addrs.contains(a));
    !is_over && is_elsewhere && agent_of(rules, caller).is_none()
}

fn named(rules: &Rules, direction: CallDirection, caller: &Party, customer: &Party) -> FirstCaller {
    let is_service = caller.users.iter().any(|u| rules.service_of(u).is_some());
    let known = subscriber(rules, caller).filter(|_| !is_service);
    match (direction, known) {
        (_, Some(known)) if subscriber(rules, customer).as_ref() == Some(&known) => FirstCaller::Customer,
        (_, Some(_)) => FirstCaller::Another,
        (CallDirection::Outbound, None) => FirstCaller::Agent,
        (CallDirection::Inbound | CallDirection::Internal, None) => FirstCaller::Nobody,
    }
}

/// Is it called by a number, and none of the house?
fn is_number(rules: &Rules, party: &Party) -> bool {
    party.users.iter().any(|u| rules.is_number(u))
        && !party.users.iter().any(|u| rules.service_of(u).is_some())
}

/// Is the customer told to send where the agent receives, by another than who receives there? A telephone
/// that calls from the port of a call that it holds passes nobody on.
fn passes_agent_on(first: &Candidate<'_>, second: &Candidate<'_>) -> bool {
    let his = endpoints(first.dialog, Side::Callee);
    let from = &second.parties[Side::Caller as usize].addrs;
    let mut told = endpoints(second.dialog, Side::Caller).filter(|told| !from.contains(&told.ip()));
    told.any(|told| his.clone().any(|own| own == told))
}
