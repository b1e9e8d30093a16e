//! The table of the module, row by row, and what is stored of a call.

use super::*;
use crate::call::asserted::Asserted;
use crate::config::{Config, Networks};
use smallvec::smallvec;

fn rules(change: impl FnOnce(&mut Config)) -> Rules {
    let mut config = Config::default();
    config.agents.extensions = vec!["2000-2999".into()];
    change(&mut config);
    Rules::new(&config)
}

fn pii(user: &str) -> Pii<String> {
    Pii::new(user.into())
}

/// Called by these names; `asserted` after the bar: `2001 5001|+358401234567`.
fn party(text: &str) -> Party {
    let (names, asserted) = text.split_once('|').unwrap_or((text, ""));
    let users = |t: &str| t.split_whitespace().map(pii).collect::<Vec<_>>();
    let asserted = Asserted { users: users(asserted).into(), ..Asserted::default() };
    Party { users: users(names), asserted, ..Party::default() }
}

/// The agent and the direction of a call that is recorded, or why it is not.
type Verdict<'a> = Result<(Option<&'a str>, CallDirection), Unrecorded>;

#[test]
fn who_is_asserted_talks() {
    use CallDirection::{Inbound, Internal, Outbound};
    let customer = "+358401234567";
    // Caller, callee, and who is the agent on which side; or why there is none.
    let rows: [(&str, &str, Verdict<'_>); 12] = [
        (customer, "2001", Ok((Some("2001"), Inbound))),
        ("2001", customer, Ok((Some("2001"), Outbound))),
        (customer, "5001", Err(Unrecorded::NoAgent)),
        ("2001", "2002", Err(Unrecorded::Internal)),
        // A transfer in the agent's name; a pick-up of a ringing call.
        ("2001|+358401234567", "2002", Ok((Some("2002"), Inbound))),
        ("2002", "2001|+358401234567", Ok((Some("2002"), Outbound))),
        // An agent under the company's number is still one.
        ("2001|+35891234567", customer, Ok((Some("2001"), Outbound))),
        (customer, "2001|+35891234567", Ok((Some("2001"), Inbound))),
        // Both under other numbers: an agent takes part, and is not lost.
        ("2001|+35891234567", "2002|+35891234568", Ok((Some("2002"), Inbound))),
        // The asserted extension is the agent's, whatever he is called by.
        ("+35891234567|2003", customer, Ok((Some("2003"), Outbound))),
        (customer, "600|2004", Ok((Some("2004"), Inbound))),
        // Click to dial.
        ("2001", "2001", Ok((Some("2001"), Outbound))),
    ];
    let r = rules(|_| {});
    for (caller, callee, right) in rows {
        let is = roles(&r, &party(caller), &party(callee));
        let is = is.map(|r| (r.agent_id, r.direction));
        assert_eq!(is, right.map(|(id, d)| (id.map(String::from), d)), "{caller} to {callee}");
    }
    let internal = rules(|c| c.agents.record_internal = true);
    let both = roles(&internal, &party("2001"), &party("2002")).expect("recorded");
    assert_eq!((both.agent_id.as_deref(), both.direction), (Some("2002"), Internal));
    let unnamed = roles(&rules(|c| c.agents.extensions.clear()), &party(""), &party("")).expect("recorded");
    assert_eq!(unnamed.agent_id, None, "no id is invented");
}

#[test]
fn an_address_makes_an_agent_and_his_identity_does_not_unmake_him() {
    let r = rules(|c| {
        c.agents.extensions.clear();
        c.agents.networks = Networks::parse(["10.0.0.0/8"]).unwrap();
    });
    let inside =
        Party { addrs: smallvec!["10.1.2.3".parse().expect("an address")], ..party("7|+35891234567") };
    let is = roles(&r, &inside, &party("+358401234567")).expect("recorded");
    assert_eq!((is.agent_id.as_deref(), is.customer), (Some("7"), Side::Callee));
    assert_eq!(roles(&r, &inside, &inside.clone()).map(|r| r.direction), Ok(CallDirection::Outbound));
    let other = Party { users: vec![pii("8")], ..inside.clone() };
    assert_eq!(roles(&r, &inside, &other), Err(Unrecorded::Internal));
}

fn invite(from: &str, to: &str, diverted: Option<&str>) -> Invite {
    Invite {
        from_user: Some(pii(from)),
        to_user: Some(pii(to)),
        request_user: Some(pii("2001")),
        diverted_from: diverted.map(pii),
        ..Invite::default()
    }
}

fn told(r: &Rules, invite: &Invite, withheld: bool) -> Particulars {
    let roles = Roles::new(Some("2001".into()), Side::Caller);
    let mut customer = party("+358401234567");
    customer.asserted.withheld = withheld;
    particulars(r, &PolicyInput { roles: &roles, customer: &customer, invites: &[invite], called: None })
}

#[test]
fn a_strangers_number_is_never_dialled_in_clear() {
    let r = rules(|_| {});
    let dialled = |to, diverted, withheld| told(&r, &invite("+358401234567", to, diverted), withheld).dialled;
    // The agent's own extension stands behind them all.
    assert_eq!(dialled("+35891234567", Some("+358509876543"), false), Some(pii("2001")));
    assert_eq!(dialled("600", None, true), Some(pii("2001")));
    // The withheld caller's own number, in another form, is passed over.
    let finnish = rules(|c| {
        (c.numbers.country, c.numbers.national_prefix) = ("358".into(), "0".into());
        c.agents.extensions = vec!["9999".into()];
        c.agents.header = "X-Agent".into();
    });
    let mut hers = invite("+358401234567", "+35893101000", Some("0401234567"));
    hers.request_user = None;
    assert_eq!(told(&finnish, &hers, true).dialled, Some(pii("+3589310xxxx")));
    hers.to_user = Some(pii("0401234567"));
    assert_eq!(told(&finnish, &hers, true).dialled, None);
    // A short code was called; with all digits hidden not even that is told.
    hers.to_user = Some(pii("600"));
    assert_eq!(told(&finnish, &hers, false).dialled, Some(pii("600")));
    let all = rules(|c| {
        c.agents.extensions = vec!["9999".into()];
        c.service_default.hide_caller_digits = HideDigits::All;
    });
    assert_eq!(told(&all, &hers, false).dialled, None);
}

#[test]
fn the_customer_of_an_outbound_call_is_who_is_told_and_no_feature_code() {
    let r = rules(|_| {});
    let roles = Roles::new(Some("2001".into()), Side::Callee);
    let number = |called: &str, told: Option<&str>| {
        let customer = Party { told_later: told.map(pii), ..party(called) };
        let account = PolicyInput { roles: &roles, customer: &customer, invites: &[], called: None };
        let p = particulars(&r, &account);
        assert_eq!(p.dialled, p.customer.number);
        p.customer.number
    };
    assert_eq!(number("+358401234567", None), Some(pii("+35840123xxxx")));
    assert_eq!(number("*82002", None), None);
    assert_eq!(number("*82002", Some("+358401234567")), Some(pii("+35840123xxxx")));
    assert_eq!(number("701", Some("+358401234567")), Some(pii("+35840123xxxx")));
    assert_eq!(number("0401234567", Some("2001")), Some(pii("040123xxxx")), "his own is not the customer's");
}
