//! What the tables tell of one dialog, brought together for policy.

use super::before_agent::before_agent;
use super::decision::{Agent, Customer, Opening, Unrecorded};
use super::dialog::Dialog;
use super::identifier::stored_call_id;
use super::ids::{DialogId, LegId};
use super::invite::Invite;
use super::leg::{Continued, Leg};
use super::pairing::Side;
use super::party::Party;
use super::policy::{self, Particulars, PolicyInput, Roles};
use super::rules::Rules;
use super::tables::Tables;
use super::twins::{is_taken, may_go_on, same_line};
use crate::config::CallDirection;
use crate::id::{RecordingId, derived_uuid};
use crate::pii::Pii;
use crate::time::Timestamp;
use uuid::Uuid;

/// The two ends of a dialog, caller and callee.
pub(super) fn parties(leg: &Leg, dialog: &Dialog) -> [Party; 2] {
    [Party::of(leg, dialog, Side::Caller), Party::of(leg, dialog, Side::Callee)]
}

/// The two ends of a leg as its INVITE names them, on whichever branch.
pub(super) fn ends_by_invite(leg: &Leg) -> [Party; 2] {
    [Side::Caller, Side::Callee].map(|side| Party::named(leg, None, side))
}

/// Who is who between the two ends of a leg's dialog, by all that is known of the leg.
///
/// # Errors
/// Why it is not recorded, as [`policy::roles`] has it.
pub(super) fn roles_in(rules: &Rules, leg: &Leg, [caller, callee]: &[Party; 2]) -> Result<Roles, Unrecorded> {
    let roles = policy::roles(rules, caller, callee)?;
    if leg.calls_on.is_some() {
        return Err(Unrecorded::NoAgent);
    }
    Ok(Roles { direction: direction_in(leg, roles.direction), ..roles })
}

/// Who called whom: where the exchange has called the agent first, it did so for him.
pub(super) fn direction_in(leg: &Leg, by_ends: CallDirection) -> CallDirection {
    match by_ends {
        CallDirection::Inbound if leg.dials.is_some() => CallDirection::Outbound,
        by_ends => by_ends,
    }
}

/// What the exchange has told the agent of the customer it calls for him. Whom its INVITE names is
/// nobody who calls; only a number that is not to be known is not to be known as the customer's.
fn customer_dialled(rules: &Rules, leg: &Leg, dialog: &Dialog) -> Party {
    let said = &dialog.said[Side::Caller as usize];
    let mut party = Party { told_later: said.number().cloned(), asserted: said.clone(), ..Party::default() };
    let caller = Party::named(leg, dialog.branch, Side::Caller);
    party.asserted.withheld |= caller.asserted.withheld && caller.names().any(|n| rules.is_number(n));
    party
}

/// An end of a dialog as another leg that goes on from it knows it.
pub(super) fn continued(rules: &Rules, leg: &Leg, dialog: &Dialog, side: Side) -> Continued {
    known_as(rules, Party::of(leg, dialog, side))
}

/// What is known of a party, for another leg that it is in.
pub(super) fn known_as(rules: &Rules, party: Party) -> Continued {
    let told = party.told_later.as_ref().or(party.asserted.number());
    let called = || party.users.iter().find(|u| rules.is_number(u) && !rules.is_extension(u));
    let number = told.or_else(called).cloned();
    let is_within = party.is_within(rules);
    Continued { users: party.users, asserted: party.asserted, number, is_within, is_same_call: false }
}

/// What may be stored of a dialog's call, by all that its contact tells.
pub(super) fn particulars(
    tables: &Tables,
    rules: &Rules,
    id: DialogId,
    roles: &Roles,
) -> Option<Particulars> {
    let (leg, dialog) = tables.dialog(id)?;
    let [caller, callee] = parties(leg, dialog);
    let dialled = leg.dials.is_some().then(|| customer_dialled(rules, leg, dialog));
    let customer = match roles.customer {
        Side::Caller => dialled.as_ref().unwrap_or(&caller),
        Side::Callee => &callee,
    };
    let mut invites: Vec<&Invite> = Vec::new();
    if roles.direction == CallDirection::Inbound {
        invites.extend(first_customer_leg(tables, rules, leg).map(|l| &l.invite));
    }
    let own = leg.invite_of(dialog.branch);
    invites.push(&own);
    let called = match (roles.direction, roles.customer) {
        (CallDirection::Outbound, Side::Caller) => called_elsewhere(tables, rules, leg),
        _ => None,
    };
    let input = PolicyInput { roles, customer, invites: &invites, called: called.as_ref() };
    Some(policy::particulars(rules, &input))
}

/// The Call-ID of a leg as it may be stored, by whom else than agents it may tell of.
pub(super) fn call_id(tables: &Tables, rules: &Rules, leg: &Leg, ends: &[&Party]) -> String {
    let before = first_customer_leg(tables, rules, leg).map(|l| &l.invite);
    let told = before.into_iter().chain([&leg.invite]).flat_map(Invite::strangers);
    let numbers = told.chain(ends.iter().flat_map(|p| p.names()));
    stored_call_id(&leg.call_id, numbers.filter(|n| !policy::is_operators(rules, n)))
}

/// The recording that begins on a dialog at `at`.
pub(super) fn opening(tables: &Tables, id: DialogId, roles: &Roles, at: Timestamp) -> Option<Opening> {
    let (leg, dialog) = tables.dialog(id)?;
    let rules = &leg.rules;
    let told = particulars(tables, rules, id, roles)?;
    let name = roles.agent_id.as_deref().and_then(|id| rules.agent_name(id)).map(Pii::from);
    let uuid =
        derived_uuid(at, &[&leg.call_id, &leg.caller_tag, &dialog.callee_tag, &at.as_ns().to_be_bytes()]);
    let blank = Opening {
        id: RecordingId(0),
        uuid,
        call_group: Uuid::nil(),
        service: told.service.clone(),
        direction: roles.direction,
        agent: Agent { id: roles.agent_id.clone(), name },
        customer: Customer::default(),
        dialled: None,
        answered_at: at,
        call_id: String::new(),
        before_agent: before_agent(tables, rules, (leg, dialog), roles, at),
    };
    amended(tables, rules, id, &blank, told)
}

/// The same recording with what is known of its call now.
pub(super) fn amended(
    tables: &Tables,
    rules: &Rules,
    id: DialogId,
    opening: &Opening,
    told: Particulars,
) -> Option<Opening> {
    let (leg, dialog) = tables.dialog(id)?;
    let ends = parties(leg, dialog);
    // An agent's own number, however long, is no customer's.
    let [caller, callee] = &ends;
    let mut customer = match (opening.direction, roles_in(rules, leg, &ends)) {
        (CallDirection::Internal, _) | (_, Err(_)) => vec![caller, callee],
        (_, Ok(r)) => vec![if r.customer == Side::Caller { caller } else { callee }],
    };
    let dialled = leg.dials.and_then(|_| called_elsewhere(tables, rules, leg));
    customer.extend(&dialled);
    // What of the way to the agent becomes known only later was there all the same.
    let is_inbound = opening.direction == CallDirection::Inbound;
    let before_agent = opening.before_agent.filter(|_| is_inbound).map(|before| {
        let roles = Roles {
            agent_id: opening.agent.id.clone(),
            customer: Side::Caller,
            direction: opening.direction,
        };
        let now = before_agent(tables, rules, (leg, dialog), &roles, opening.answered_at);
        now.filter(|now| now.ns >= before.ns).unwrap_or(before)
    });
    Some(Opening {
        before_agent,
        call_group: tables.contacts.uuid(leg.contact),
        call_id: call_id(tables, rules, leg, &customer),
        service: told.service,
        customer: told.customer,
        dialled: told.dialled,
        ..opening.clone()
    })
}

/// One call over several legs that name an agent (a B2BUA in between) is
/// recorded on the leg nearest to him: the last INVITE of an inbound call,
/// which is answered first, and the first of an outbound one. The leg of the
/// same contact that is nearer than this one, if there is one.
pub(super) fn nearer_leg(tables: &Tables, rules: &Rules, leg: &Leg, roles: &Roles) -> Option<LegId> {
    let mut others = tables.legs_beside(leg).filter(|o| !o.ended);
    let nearer = match roles.customer {
        // Whichever agent it was: a ring group names one and connects another.
        Side::Caller if roles.direction != CallDirection::Outbound => {
            others.find(|o| o.id > leg.id && tables.recording_of(o).is_some())
        }
        Side::Caller | Side::Callee => others.find(|o| {
            if o.dials == Some(leg.id) {
                return true;
            }
            // A leg answered before this one's INVITE is an earlier call of the contact, unless
            // the exchange called the agent first, or answered him before it called on.
            let answered = tables.dialogs_of(o).filter_map(Dialog::answered_at).min();
            let may_go_on = || {
                let [called, onward] = [o, leg].map(|l| end(tables, l, Side::Callee));
                may_go_on(rules, (o, &called), (leg, &onward))
            };
            let goes_on = || may_go_on() && !is_taken(o, leg, tables.contact_legs(leg.contact));
            let overlaps = match answered {
                Some(at) => {
                    at >= leg.invite_at
                        || is_click_to_dial(tables, rules, o)
                        || (tables.recording_of(o).is_some() && goes_on())
                }
                // What the same telephone tried before, and nobody answered, is no leg of the call.
                None => !o.is_try_of(leg),
            };
            let agent = policy::agent_of(rules, &end(tables, o, Side::Caller));
            let is_his = agent.is_some_and(|id| {
                id == roles.agent_id || (may_go_on() && same_line(rules, &id, &roles.agent_id))
            });
            o.id < leg.id && overlaps && is_his
        }),
    };
    nearer.map(|o| o.id)
}

/// One end of a leg, by its first dialog where there is one.
fn end(tables: &Tables, leg: &Leg, side: Side) -> Party {
    match tables.dialogs_of(leg).next() {
        Some(d) => Party::of(leg, d, side),
        None => Party::named(leg, None, side),
    }
}

/// Has the exchange called the agent in his own name?
fn is_click_to_dial(tables: &Tables, rules: &Rules, leg: &Leg) -> bool {
    let ends = [Side::Caller, Side::Callee].map(|side| end(tables, leg, side));
    let roles = roles_in(rules, leg, &ends);
    roles.is_ok_and(|r| r.direction == CallDirection::Outbound && r.customer == Side::Caller)
}

/// The contact's first leg whose caller is no agent, if it came before this one.
fn first_customer_leg<'a>(tables: &'a Tables, rules: &Rules, leg: &Leg) -> Option<&'a Leg> {
    tables.contact_legs(leg.contact).find(|o| {
        let is_stranger = || policy::agent_of(rules, &end(tables, o, Side::Caller)).is_none();
        o.id < leg.id && !o.is_try_of(leg) && is_stranger()
    })
}

/// Whom the contact's other legs call: no agent.
fn called_elsewhere(tables: &Tables, rules: &Rules, leg: &Leg) -> Option<Party> {
    let dialled = leg.dials.and_then(|id| tables.legs.get(id));
    let mut called = dialled.into_iter().chain(tables.legs_beside(leg)).map(|o| end(tables, o, Side::Callee));
    called.find(|party| policy::agent_of(rules, party).is_none())
}
