//! What the tables tell of one dialog, brought together for policy.

use super::decision::{Agent, Opening};
use super::dialog::Dialog;
use super::ids::{DialogId, LegId};
use super::invite::Invite;
use super::leg::{Continued, Leg};
use super::pairing::Side;
use super::party::Party;
use super::policy::{self, Account, Particulars, Roles};
use super::rules::Rules;
use super::tables::Tables;
use crate::config::CallDirection;
use crate::id::{RecordingId, derived_uuid};
use crate::time::Timestamp;
use uuid::Uuid;

/// The two ends of a dialog, caller and callee.
pub(super) fn parties(leg: &Leg, dialog: &Dialog) -> [Party; 2] {
    [Party::of(leg, dialog, Side::Caller), Party::of(leg, dialog, Side::Callee)]
}

/// An end of a dialog as another leg that goes on from it knows it.
pub(super) fn continued(rules: &Rules, leg: &Leg, dialog: &Dialog, side: Side) -> Continued {
    let party = Party::of(leg, dialog, side);
    let told = party.told_later.as_ref().or(party.asserted.number());
    let called = || party.users.iter().find(|u| rules.is_number(u) && !rules.is_extension(u));
    let number = told.or_else(called).cloned();
    Continued { users: party.users, asserted: party.asserted, number }
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
    let customer = if roles.customer == Side::Caller { &caller } else { &callee };
    let mut invites: Vec<&Invite> = Vec::new();
    if roles.direction == CallDirection::Inbound {
        invites.extend(first_customer_leg(tables, rules, leg).map(|l| &l.invite));
    }
    invites.push(&leg.invite);
    let called = match (roles.direction, roles.customer) {
        (CallDirection::Outbound, Side::Caller) => called_elsewhere(tables, rules, leg),
        _ => None,
    };
    let account = Account { roles, customer, invites: &invites, called: called.as_ref() };
    Some(policy::particulars(rules, &account))
}

/// The recording that begins on a dialog at `at`.
pub(super) fn opening(
    tables: &Tables,
    rules: &Rules,
    id: DialogId,
    roles: &Roles,
    at: Timestamp,
) -> Option<Opening> {
    let (leg, dialog) = tables.dialog(id)?;
    let told = particulars(tables, rules, id, roles)?;
    let name = roles.agent_id.as_deref().and_then(|id| rules.agent_name(id)).map(str::to_string);
    let uuid =
        derived_uuid(at, &[&leg.call_id, &leg.caller_tag, &dialog.callee_tag, &at.as_ns().to_be_bytes()]);
    let blank = Opening {
        id: RecordingId(0),
        uuid,
        call_group: Uuid::nil(),
        service: told.service.clone(),
        direction: roles.direction,
        agent: Agent { id: roles.agent_id.clone(), name },
        customer_number: None,
        withheld: false,
        dialled: None,
        answered_at: at,
        call_id: String::from_utf8_lossy(&leg.call_id).into_owned(),
    };
    Some(amended(&blank, told, tables.contacts.uuid(leg.contact)))
}

/// The same recording with what is known of its call now.
pub(super) fn amended(opening: &Opening, told: Particulars, call_group: Uuid) -> Opening {
    Opening {
        call_group,
        service: told.service,
        customer_number: told.number,
        withheld: told.withheld,
        dialled: told.dialled,
        ..opening.clone()
    }
}

/// One call over several legs that name an agent (a B2BUA in between) is
/// recorded on the leg nearest to him: the last INVITE of an inbound call,
/// which is answered first, and the first of an outbound one. The leg of the
/// same contact that is nearer than this one, if there is one.
pub(super) fn nearer_leg(tables: &Tables, rules: &Rules, leg: &Leg, roles: &Roles) -> Option<LegId> {
    let others = tables.contacts.legs(leg.contact).filter_map(|id| tables.legs.get(id));
    let mut others = others.filter(|o| o.id != leg.id && !o.ended);
    let nearer = match roles.customer {
        // Whichever agent it was: a ring group names one and connects another.
        Side::Caller if roles.direction != CallDirection::Outbound => {
            others.find(|o| o.id > leg.id && tables.recording_of(o).is_some())
        }
        Side::Caller | Side::Callee => others.find(|o| {
            // A leg answered before this one's INVITE is an earlier call of the contact, unless
            // the exchange called the agent first.
            let answered = tables.dialogs_of(o).filter_map(Dialog::answered_at).min();
            let overlaps = match answered {
                Some(at) => at >= leg.invite_at || is_click_to_dial(tables, rules, o),
                // What the same telephone tried before, and nobody answered, is no leg of the call.
                None => !o.is_try_of(leg),
            };
            let agent = policy::agent_of(rules, &end(tables, o, Side::Caller));
            o.id < leg.id && overlaps && agent.is_some_and(|id| id == roles.agent_id)
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
    let [caller, callee] = [Side::Caller, Side::Callee].map(|side| end(tables, leg, side));
    let roles = policy::roles(rules, &caller, &callee);
    roles.is_ok_and(|r| r.direction == CallDirection::Outbound && r.customer == Side::Caller)
}

/// The contact's first leg whose caller is no agent, if it came before this one.
fn first_customer_leg<'a>(tables: &'a Tables, rules: &Rules, leg: &Leg) -> Option<&'a Leg> {
    let mut earlier = tables.contacts.legs(leg.contact).filter_map(|id| tables.legs.get(id));
    earlier.find(|o| {
        let is_stranger = || policy::agent_of(rules, &end(tables, o, Side::Caller)).is_none();
        o.id < leg.id && !o.is_try_of(leg) && is_stranger()
    })
}

/// Whom the contact's other legs call: no agent.
fn called_elsewhere(tables: &Tables, rules: &Rules, leg: &Leg) -> Option<Party> {
    let others = tables.contacts.legs(leg.contact).filter_map(|id| tables.legs.get(id));
    let mut called = others.filter(|o| o.id != leg.id).map(|o| end(tables, o, Side::Callee));
    called.find(|party| policy::agent_of(rules, party).is_none())
}
