//! Who talks, whether that is recorded, and what is said of it: the one place
//! where names, identities and numbers are weighed.
//!
//! | what is known of a party | it counts as |
//! |---|---|
//! | the agent header, an asserted identity that is an extension, a network | agent |
//! | From, To or Request-URI is an extension, nobody vouches for another | agent |
//! | From, To or Request-URI is an extension, but who is asserted is no agent | agent by name: the other end decides |
//! | anything else | stranger |
//!
//! Where the agents' networks bind (`agents.match = "within"`), a party outside of
//! them is a stranger whatever it says: a caller writes his own From and headers. Of a call that a
//! recording client tells (SIPREC) nobody has an address, and it vouches for whom it names.
//! Two agents make an internal call; where one of them is so by name only, who
//! is asserted talks: he is the customer (a transfer in the agent's name, a
//! pick-up). One agent at both ends is click to dial: his exchange calls him in
//! his own name; in another's only the leg to his customer tells it (`clicked`). Pure: no tables, no
//! messages.

use super::asserted::is_anonymous_name;
use super::decision::{Customer, Unrecorded};
use super::invite::Invite;
use super::pairing::Side;
use super::party::Party;
use super::rules::{Rules, ServiceRef, stored_number, subscriber_tail};
use crate::config::{CallDirection, HideDigits};
use crate::pii::Pii;

/// Who is the agent in a dialog, and of what kind that makes the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles {
    /// The agent's extension or header id; `None` where nothing names him.
    pub agent_id: Option<String>,
    /// The side of the other party.
    pub customer: Side,
    /// Who called whom.
    pub direction: CallDirection,
}

impl Roles {
    fn new(agent_id: Option<String>, customer: Side) -> Roles {
        let direction = match customer {
            Side::Caller => CallDirection::Inbound,
            Side::Callee => CallDirection::Outbound,
        };
        Roles { agent_id, customer, direction }
    }
}

/// What one party counts as.
#[derive(Clone, Debug, PartialEq, Eq)]
enum PartyKind {
    Agent(Option<String>),
    ByName(Option<String>),
    Stranger,
}

/// Why a party counts as an agent, or as none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentGrounds {
    /// The header `agents.header` names it.
    Header,
    /// Who is asserted has an agent's extension.
    AssertedNumber,
    /// It is called by an agent's extension.
    Number,
    /// The same, but somebody else is asserted: the other end decides.
    NumberOnly,
    /// Its SIP comes from the agents' networks.
    Network,
    /// The same, but somebody else is asserted: the other end decides.
    NetworkOnly,
    /// None: it is outside the agents' networks, where alone an agent can be (`agents.match = "within"`).
    OutsideNetworks,
    /// None: no rule matches.
    NoMatch,
    /// No rule is set, and it is the called party: the agent.
    CalledWithoutRules,
    /// No rule is set, and it is the caller.
    CallerWithoutRules,
}

/// Why the two ends of a dialog, caller and callee, count as what [`roles`] takes them for.
pub fn grounds(rules: &Rules, caller: &Party, callee: &Party) -> [AgentGrounds; 2] {
    if !rules.has_any() {
        return [AgentGrounds::CallerWithoutRules, AgentGrounds::CalledWithoutRules];
    }
    [standing(rules, caller, Some(callee)).1, standing(rules, callee, Some(caller)).1]
}

/// Who is who between the two ends of a dialog.
///
/// # Errors
/// Why it is not recorded: no agent takes part, or only agents do.
pub fn roles(rules: &Rules, caller: &Party, callee: &Party) -> Result<Roles, Unrecorded> {
    use PartyKind::{Agent, ByName, Stranger};
    if !rules.has_any() {
        let user = callee.users.iter().filter(|u| !is_of(rules, caller, u)).find_map(agent_id);
        return Ok(Roles::new(user, Side::Caller));
    }
    match (standing(rules, caller, Some(callee)).0, standing(rules, callee, Some(caller)).0) {
        (Stranger, Stranger) => Err(Unrecorded::NoAgent),
        (Agent(Some(a)), Agent(Some(b))) if same_agent(rules, &a, &b) => {
            // Click to dial: the exchange has called the agent in his own name.
            Ok(Roles { direction: CallDirection::Outbound, ..Roles::new(Some(b), Side::Caller) })
        }
        (Agent(_), Agent(_)) if !rules.record_internal => Err(Unrecorded::Internal),
        (Agent(_), Agent(id)) => {
            Ok(Roles { direction: CallDirection::Internal, ..Roles::new(id, Side::Caller) })
        }
        (Agent(id) | ByName(id), Stranger) | (Agent(id), ByName(_)) => Ok(Roles::new(id, Side::Callee)),
        (Stranger | ByName(_), Agent(id) | ByName(id)) => Ok(Roles::new(id, Side::Caller)),
    }
}

/// The agent a party is, by whatever names it.
pub fn agent_of(rules: &Rules, party: &Party) -> Option<Option<String>> {
    match standing(rules, party, None).0 {
        PartyKind::Agent(id) | PartyKind::ByName(id) => Some(id),
        PartyKind::Stranger => None,
    }
}

/// What a party counts as, and why. `other`: whom it talks with.
fn standing(rules: &Rules, party: &Party, other: Option<&Party>) -> (PartyKind, AgentGrounds) {
    let is_within = party.is_within(rules);
    if rules.is_bound() && !is_within && !party.is_vouched_for() {
        return (PartyKind::Stranger, AgentGrounds::OutsideNetworks);
    }
    if let Some(id) = &party.asserted.header_id {
        return (PartyKind::Agent(Some(id.clone())), AgentGrounds::Header);
    }
    let extension =
        |users: &[Pii<String>]| users.iter().rev().filter(|u| rules.is_extension(u)).find_map(agent_id);
    if let Some(id) = extension(&party.asserted.users) {
        return (PartyKind::Agent(Some(id)), AgentGrounds::AssertedNumber);
    }
    // Somebody else is vouched for: a name alone does not make an agent of him.
    let is_another = rules.has_extensions() && !party.asserted.users.is_empty();
    let named = |id, [own, only]: [AgentGrounds; 2]| match is_another {
        true => (PartyKind::ByName(id), only),
        false => (PartyKind::Agent(id), own),
    };
    if let Some(id) = extension(&party.users) {
        return named(Some(id), [AgentGrounds::Number, AgentGrounds::NumberOnly]);
    }
    if is_within {
        let id = name_of(rules, party, other);
        return named(id, [AgentGrounds::Network, AgentGrounds::NetworkOnly]);
    }
    (PartyKind::Stranger, AgentGrounds::NoMatch)
}

/// What an agent is called whom only his address tells: by a number of the house. One as long as
/// a subscriber's may be a customer's (a call passed on, a voice mailbox), unless he has a name.
fn name_of(rules: &Rules, party: &Party, other: Option<&Party>) -> Option<String> {
    let stranger = other.filter(|o| !o.is_within(rules));
    let is_own = |u: &&Pii<String>| {
        let is_house = subscriber_tail(u.expose()).is_none() || rules.agent_name(u.expose()).is_some();
        is_house && rules.service_of(u).is_none() && !stranger.is_some_and(|o| is_of(rules, o, u))
    };
    let own = || party.users.iter().filter(is_own);
    // The most particular number; a telephone registered under a word of its own is called by To.
    own().rev().filter(|u| rules.is_number(u)).find_map(agent_id).or_else(|| own().find_map(agent_id))
}

/// A user part as the id of an agent; `None` where it names nobody.
fn agent_id(user: &Pii<String>) -> Option<String> {
    let id = user.expose().split(';').next().unwrap_or_default().trim();
    let names_somebody = id.chars().any(char::is_alphanumeric) && !is_anonymous_name(id);
    names_somebody.then(|| id.to_owned())
}

/// Is this a number of the operator's own: a service's, or an agent's?
pub fn is_operators(rules: &Rules, number: &Pii<String>) -> bool {
    rules.is_extension(number) || rules.service_of(number).is_some()
}

/// Is this one of a party's numbers, in whatever form?
fn is_of(rules: &Rules, party: &Party, number: &Pii<String>) -> bool {
    party.names().any(|n| same_subscriber(rules, n, number))
}

/// The same number, or the same subscriber's by its end.
fn same_subscriber(rules: &Rules, a: &Pii<String>, b: &Pii<String>) -> bool {
    let tail = |n: &Pii<String>| subscriber_tail(n.expose());
    rules.same_number(a.expose(), b.expose()) || tail(a).is_some_and(|t| Some(t) == tail(b))
}

/// The same agent, whatever the form of the number?
pub fn same_agent(rules: &Rules, a: &str, b: &str) -> bool {
    a == b || rules.same_number(a, b)
}

/// What is stored of a call beside who talked when.
#[derive(Clone, Debug, PartialEq)]
pub struct Particulars {
    /// By the number that was dialled.
    pub service: ServiceRef,
    /// The customer.
    pub customer: Customer,
    /// The number the contact was made to, as it may be stored.
    pub dialled: Option<Pii<String>>,
}

/// What the legs of a contact tell of a call, as policy weighs it.
pub struct PolicyInput<'a> {
    /// Who is who.
    pub roles: &'a Roles,
    /// The customer's end of the dialog that is recorded.
    pub customer: &'a Party,
    /// The INVITEs of the contact that lead to the agent, the earliest first, the
    /// recorded dialog's own last.
    pub invites: &'a [&'a Invite],
    /// The other end of an outbound call that began at the agent's own telephone, where
    /// another leg tells it.
    pub called: Option<&'a Party>,
}

/// What may be stored of the call.
pub fn particulars(rules: &Rules, input: &PolicyInput<'_>) -> Particulars {
    match input.roles.customer {
        Side::Caller if input.roles.direction != CallDirection::Outbound => of_inbound(rules, input),
        Side::Caller | Side::Callee => of_outbound(rules, input),
    }
}

fn of_inbound(rules: &Rules, input: &PolicyInput<'_>) -> Particulars {
    let party = input.customer;
    let told = input.invites.iter().map(|i| &i.caller);
    let withheld = party.asserted.withheld || told.clone().any(|c| c.withheld);
    // By the latest word; else by the leg nearest the customer.
    let is_internal = input.roles.direction == CallDirection::Internal;
    let is_customers = |n: &&Pii<String>| is_internal || !is_agents(rules, input.roles, n);
    let numbers = party
        .told_later
        .iter()
        .chain(told.filter_map(|c| c.number()))
        .chain(input.invites.iter().filter_map(|i| i.from_user.as_ref()))
        .filter(is_customers);
    // A queue's or a parking place's own number tells of nobody where a subscriber's is known.
    let of_subscriber = numbers.clone().find(|n| subscriber_tail(n.expose()).is_some());
    let number = of_subscriber.or_else(|| numbers.clone().next());
    let known = |i: &&Invite| {
        let asserted = i.caller.users.iter().chain(i.caller.number());
        asserted.chain(&i.from_user).cloned().collect::<Vec<_>>()
    };
    // In whatever form: a number that is not to be known is not to be known as one that was dialled.
    let secret: Vec<Pii<String>> = match withheld {
        true => input.invites.iter().flat_map(known).chain(party.asserted.users.iter().cloned()).collect(),
        false => Vec::new(),
    };
    let is_secret = |n: &Pii<String>| secret.iter().any(|s| same_subscriber(rules, s, n));
    let is_private = input.invites.iter().any(|i| i.is_private_history);
    let candidates =
        || input.invites.iter().flat_map(move |i| i.dialled(is_private)).filter(|n| !is_secret(n));
    let of_service = candidates().find(|n| rules.service_of(n).is_some());
    let public = of_service.or_else(|| candidates().find(|n| is_agents(rules, input.roles, n)));
    let called = || input.invites.iter().filter_map(|i| i.to_user.as_ref()).find(|n| !is_secret(n));
    let dialled = public.or_else(called).or_else(|| candidates().next());
    let service = rules.service(dialled);
    let shown = |n: &Pii<String>| match public {
        Some(_) => Some(n.clone()),
        None if is_short_code(n, service.hide_caller_digits) => Some(n.clone()),
        None => stored_number(n, service.hide_caller_digits),
    };
    Particulars {
        customer: Customer {
            number: number.filter(|_| !withheld).and_then(|n| stored_number(n, service.hide_caller_digits)),
            withheld,
        },
        dialled: dialled.and_then(shown),
        service,
    }
}

fn of_outbound(rules: &Rules, input: &PolicyInput<'_>) -> Particulars {
    let is_customers = |n: &&Pii<String>| !is_agents(rules, input.roles, n);
    let own = match input.roles.customer {
        Side::Callee => Some(input.customer),
        // The agent's telephone was called first, in his own name: who he talks with stands elsewhere.
        Side::Caller => None,
    };
    let called = input.called.or(own).map(|p| p.users.as_slice()).unwrap_or_default();
    let called: Vec<&Pii<String>> = called.iter().filter(is_customers).collect();
    let withheld = [Some(input.customer), input.called].into_iter().flatten().any(|p| p.asserted.withheld);
    let told = input.customer.told_later.as_ref().or(input.customer.asserted.number());
    let told = told.filter(is_customers);
    let is_feature_code = |n: &Pii<String>| n.expose().starts_with(['*', '#']);
    let dialled = called.iter().copied().find(|n| !is_feature_code(n));
    // The same number in the form it was dialled in.
    let as_dialled = |t: &Pii<String>| dialled.filter(|d| rules.same_number(d.expose(), t.expose()));
    let number = told.map(|t| as_dialled(t).unwrap_or(t)).or(dialled);
    let service = rules.service(called.first().copied());
    let stored = number.filter(|_| !withheld).and_then(|n| stored_number(n, service.hide_caller_digits));
    Particulars { customer: Customer { number: stored.clone(), withheld }, dialled: stored, service }
}

/// A number too short for a subscriber's: a queue, a group of telephones. It was called, nobody
/// was diverted from it: of the candidates only To is taken where none is a service's or an agent's.
fn is_short_code(number: &Pii<String>, hide: HideDigits) -> bool {
    let digits = number.expose().bytes().all(|b| b.is_ascii_digit());
    digits && matches!(hide, HideDigits::Last(n) if number.expose().len() <= usize::from(n))
}

/// Is this number the agent's own, or another agent's?
fn is_agents(rules: &Rules, roles: &Roles, number: &Pii<String>) -> bool {
    let is_own = roles.agent_id.as_deref().is_some_and(|id| same_agent(rules, id, number.expose()));
    is_own || rules.is_extension(number)
}

/// Why a service does not record a call, if it does not.
pub fn refused_by(service: &ServiceRef, direction: CallDirection) -> Option<Unrecorded> {
    if !service.record {
        return Some(Unrecorded::Service);
    }
    let is_recorded = match direction {
        CallDirection::Inbound | CallDirection::Outbound => service.directions.contains(&direction),
        CallDirection::Internal => true,
    };
    (!is_recorded).then_some(Unrecorded::Direction)
}

#[cfg(test)]
mod tests;
