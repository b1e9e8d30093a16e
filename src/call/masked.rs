//! Who talks in a call that is not recorded, as far as that may be written down.
//!
//! The register of such calls answers "why is my call not there?": it needs the numbers in the
//! form a recording would have them, and no more of them.

use super::decision::Ends;
use super::party::Party;
use super::policy::agent_of;
use super::rules::{Rules, stored_number};
use crate::pii::Pii;

/// The ends of a dialog.
pub(super) fn ends_of(rules: &Rules, caller: &Party, callee: &Party) -> Ends {
    // What an agent calls is a customer's number, not a service's.
    let is_outbound = agent_of(rules, caller).is_some();
    let called = callee.users.first();
    let service = rules.service(called.filter(|_| !is_outbound));
    let masked = |number: &Pii<String>| match rules.is_extension(number) || rules.service_of(number).is_some()
    {
        true => Some(number.clone()),
        false => stored_number(number, service.hide_caller_digits).filter(|_| rules.is_number(number)),
    };
    let known = [caller.told_later.as_ref(), caller.asserted.number(), caller.users.first()];
    let number = known.into_iter().flatten().next().filter(|_| !caller.asserted.withheld);
    let same = |a: &Pii<String>, b: &Pii<String>| rules.same_number(a.expose(), b.expose());
    // A withheld caller may stand in To as well: a voice mailbox, a call to oneself.
    let is_secret = |n: &Pii<String>| {
        caller.asserted.withheld && caller.users.iter().chain(&caller.asserted.users).any(|u| same(u, n))
    };
    Ends {
        caller: number.and_then(masked),
        called: called.filter(|n| !is_secret(n) && !callee.asserted.withheld).and_then(masked),
        service: Some(service.name.clone()),
    }
}
