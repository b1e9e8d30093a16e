//! Which number is the customer's, and which never is: several identities in one header,
//! identities that come later, feature codes, and what a withheld caller must not leave.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side};
use crate::common::run::Run;
use crate::kit::*;

/// A call of 2001's with these headers of the INVITE.
fn of(from: &str, headers: &str) -> Run {
    let d = Dialog { from: from.into(), headers: headers.into(), ..Dialog::new(1) };
    let mut s = Scene::new();
    let sent = call(&mut s, &d, 1000.0, 3000.0);
    let run = s.replay(AGENTS);
    inbound(run.only(), &sent);
    run
}

#[test]
fn every_value_of_an_asserted_identity_is_looked_at() {
    let name = "<sip:maija.virtanen@example.fi>";
    let tel = "<tel:+358401234567>";
    let sip = "<sip:+358401234567@trunk.example;user=phone>";
    let line = "<sip:anonymous-line@192.0.2.5>";
    for headers in [
        format!("P-Asserted-Identity: {name}, {tel}\r\n"),
        format!("P-Asserted-Identity: {tel}, {name}\r\n"),
        format!("P-Asserted-Identity: {name},{sip}\r\n"),
        format!("P-Asserted-Identity: \"Virtanen, Maija\" {name}, \"Virtanen\" {tel}\r\n"),
        format!("P-Asserted-Identity: {name}\r\nP-Asserted-Identity: {tel}\r\n"),
        format!("P-Asserted-Identity: {tel}\r\nP-Asserted-Identity: {name}\r\n"),
        format!("p-asserted-identity: {name}\r\nP-ASSERTED-IDENTITY: {sip}\r\n"),
        format!("P-Asserted-Identity: {name},\r\n {tel}\r\n"),
        format!("P-Asserted-Identity: {name}\r\nRemote-Party-ID: {tel};party=calling\r\n"),
        format!("Remote-Party-ID: {name};party=calling, {sip};party=calling;privacy=off\r\n"),
        format!("Remote-Party-ID: {name};party=calling\r\nRemote-Party-ID: {tel};party=calling\r\n"),
    ] {
        let run = of(line, &headers);
        parties(run.only(), "2001", "inbound", CUSTOMER);
        assert_eq!(run.only().json["customer"]["withheld"], false, "{headers}");
        nowhere(&run, &["401234567"]);
    }
}

#[test]
fn where_identities_hold_no_number_from_does() {
    let headers = "P-Asserted-Identity: <sip:maija.virtanen@example.fi>\r\n";
    for from in ["<sip:+358401234567@trunk.example>", "\"Maija\" <tel:+358401234567>"] {
        parties(of(from, headers).only(), "2001", "inbound", CUSTOMER);
    }
    // A name is no number, and not withheld either.
    let run = of("<sip:maija.virtanen@example.fi>", headers);
    parties(run.only(), "2001", "inbound", "null");
    assert_eq!(run.only().json["customer"]["withheld"], false);
}

/// An agent's call to `user`, of which the far end later tells who it is.
fn told_later(user: &str, method: &str, header: &str) -> Run {
    let d = Dialog {
        to: format!("<sip:{user}@pbx.example>"),
        uri: format!("sip:{user}@198.51.100.10"),
        ..Dialog::outbound(2)
    };
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 200.0);
    let sent = talk(&mut s, &d, 210.0, 3600.0);
    identity(&mut s, &d, 300.0, method, Callee, 58, header);
    d.bye(&mut s, 3600.0, Callee);
    let run = s.replay(AGENTS);
    spans(run.only(), 200.0, 3600.0, "customer");
    outbound(run.only(), &sent);
    complete(run.only(), true);
    run
}

const TOLD: &[(&str, &str)] = &[
    ("INVITE", "P-Asserted-Identity: <sip:+358401234567@pbx.example>\r\n"),
    ("UPDATE", "P-Asserted-Identity: <sip:+358401234567@pbx.example>\r\n"),
    ("UPDATE", "P-Asserted-Identity: <sip:maija@pbx.example>, <tel:+358401234567>\r\n"),
    ("UPDATE", "Remote-Party-ID: \"M\" <sip:+358401234567@pbx.example>;party=called;privacy=off\r\n"),
];

#[test]
fn a_parked_call_fetched_by_a_code_gets_its_customer_from_the_identity() {
    for (method, header) in TOLD {
        for user in ["701", "*82001", "**7"] {
            let run = told_later(user, method, header);
            parties(run.only(), "2001", "outbound", CUSTOMER);
            let dialled = run.only().text("/dialled");
            assert!(!dialled.starts_with("*820"), "{dialled}");
            assert!(run.only().path.to_string_lossy().contains("+35840123xxxx"));
        }
    }
}

#[test]
fn the_agents_own_identity_is_not_the_customers() {
    let own = "P-Asserted-Identity: <sip:2001@pbx.example>\r\n";
    let d = Dialog { headers: own.into(), ..Dialog::outbound(3) };
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 200.0);
    let sent = talk(&mut s, &d, 210.0, 3600.0);
    identity(&mut s, &d, 300.0, "UPDATE", Caller, 58, own);
    d.bye(&mut s, 3600.0, Callee);
    let run = s.replay(AGENTS);
    parties(run.only(), "2001", "outbound", CUSTOMER);
    outbound(run.only(), &sent);
}

/// A queue rings 2001 under its own number; `tell` says more in the midst of the call.
fn queued(from: &str, config: &str, tell: impl FnOnce(&mut Scene, &Dialog)) -> Run {
    let d = Dialog { from: from.into(), ..Dialog::new(4) };
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let sent = talk(&mut s, &d, 1000.0, 4400.0);
    tell(&mut s, &d);
    d.bye(&mut s, 4400.0, Caller);
    let run = s.replay(config);
    spans(run.only(), 1000.0, 4400.0, "customer");
    inbound(run.only(), &sent);
    complete(run.only(), true);
    run
}

const QUEUE: &str = "<sip:9900@pbx.example>";

#[test]
fn a_queue_that_names_the_customer_later_is_found_by_his_number() {
    for (method, header) in TOLD {
        let header = header.replace("party=called", "party=calling");
        let run = queued(QUEUE, AGENTS, |s, d| identity(s, d, 1100.0, method, Caller, 58, &header));
        parties(run.only(), "2001", "inbound", CUSTOMER);
        assert_eq!(run.only().json["customer"]["withheld"], false);
    }
}

#[test]
fn an_answer_of_the_far_end_may_name_the_customer() {
    // The agent's telephone asks, the exchange's 2xx tells.
    let run = queued(QUEUE, AGENTS, |s, d| {
        d.request(s, 1500.0, "UPDATE", Callee, 7, "", None);
        let told = "P-Asserted-Identity: <sip:+358401234567@pbx.example>\r\n";
        let text = d.response_text(200, "UPDATE", Callee, 7, told, None);
        s.udp(1510.0, d.sip[0], d.sip[1], text.as_bytes());
    });
    parties(run.only(), "2001", "inbound", CUSTOMER);
}

#[test]
fn an_identity_that_was_refused_tells_nothing() {
    let run = queued("<sip:+358401234567@trunk.example>", AGENTS, |s, d| {
        let other = "P-Asserted-Identity: <sip:+358507654321@pbx.example>\r\n";
        d.request(s, 1500.0, "UPDATE", Caller, 7, other, None);
        d.response(s, 1510.0, 491, "UPDATE", Caller, 7, None);
    });
    nowhere(&run, &["401234567", "507654321"]);
}

/// As [`queued`], and the later identity is withheld.
#[track_caller]
fn hidden(from: &str, side: Side, method: &str, header: &str) {
    let run = queued(from, AGENTS, |s, d| identity(s, d, 1100.0, method, side, 58, header));
    parties(run.only(), "2001", "inbound", "null");
    assert_eq!(run.only().json["customer"]["withheld"], true, "{header}");
    assert!(run.only().path.to_string_lossy().contains("_withheld_"), "{header}");
    nowhere(&run, &["35840123", "040123", "4012345"]);
}

#[test]
fn a_later_identity_that_is_withheld_stays_so() {
    let asserted = "P-Asserted-Identity: <sip:+358401234567@pbx.example>\r\n";
    for privacy in
        ["Privacy: id\r\n", "Privacy: ID;critical\r\n", "privacy: none-such; user\r\n", "Privacy: header\r\n"]
    {
        for method in ["UPDATE", "INVITE"] {
            hidden(QUEUE, Caller, method, &format!("{asserted}{privacy}"));
        }
    }
    let remote = "Remote-Party-ID: <sip:+358401234567@pbx.example>;party=calling;privacy=full\r\n";
    hidden(QUEUE, Caller, "UPDATE", remote);
    // Known at first, withheld later: whoever asks for privacy gets it.
    hidden("<sip:+358401234567@trunk.example>", Caller, "UPDATE", &format!("{asserted}Privacy: id\r\n"));
}

#[test]
fn privacy_none_withholds_nothing() {
    let header = "P-Asserted-Identity: <sip:+358401234567@pbx.example>\r\nPrivacy: none\r\n";
    let run = queued(QUEUE, AGENTS, |s, d| identity(s, d, 1100.0, "UPDATE", Caller, 58, header));
    parties(run.only(), "2001", "inbound", CUSTOMER);
}

#[test]
fn the_agents_privacy_does_not_withhold_the_customer() {
    let header = "P-Asserted-Identity: <sip:2001@pbx.example>\r\nPrivacy: id\r\n";
    let run = queued("<sip:+358401234567@trunk.example>", AGENTS, |s, d| {
        identity(s, d, 1100.0, "UPDATE", Callee, 58, header);
    });
    parties(run.only(), "2001", "inbound", CUSTOMER);
    assert_eq!(run.only().json["customer"]["withheld"], false);
}

#[test]
fn a_withheld_number_is_not_dialled_from_diversion_or_history() {
    let numbers = "[numbers]\ncountry = \"358\"\nnational_prefix = \"0\"\n";
    let asserted = "Privacy: id;critical\r\nP-Asserted-Identity: <sip:+358401234567@trunk.example>\r\n";
    for (form, config) in [
        ("<sip:+358401234567@trunk.example>", ""),
        ("<tel:+358401234567>", ""),
        ("<sip:00358401234567@trunk.example>", ""),
        ("<sip:0401234567@trunk.example>", numbers),
        ("<sip:+358-40-1234567@trunk.example;user=phone>", ""),
    ] {
        for headers in [
            format!("Diversion: {form};reason=unconditional\r\nHistory-Info: {form};index=1\r\n"),
            format!("Diversion: {form};reason=unconditional\r\n"),
            format!("History-Info: {form};index=1, <sip:2001@pbx.example>;index=1.1\r\n"),
        ] {
            let d = Dialog {
                from: "<sip:anonymous@anonymous.invalid>".into(),
                headers: format!("{asserted}{headers}"),
                ..Dialog::new(5)
            };
            let mut s = Scene::new();
            let sent = call(&mut s, &d, 1000.0, 3000.0);
            let run = s.replay(&format!("{AGENTS}{config}"));
            parties(run.only(), "2001", "inbound", "null");
            assert_eq!(run.only().json["customer"]["withheld"], true);
            let dialled = run.only().text("/dialled");
            assert!(["null", "2001"].contains(&dialled), "{headers}: {dialled}");
            nowhere(&run, &["4012345", "40-1234"]);
            inbound(run.only(), &sent);
        }
    }
}

#[test]
fn a_strangers_number_in_a_diversion_is_truncated() {
    for headers in [
        "Diversion: <sip:+358507654321@trunk.example>;reason=unconditional\r\n",
        "History-Info: <sip:+358507654321@trunk.example>;index=1\r\n",
    ] {
        let run = of("<sip:+358401234567@trunk.example>", headers);
        nowhere(&run, &["507654321", "401234567"]);
        parties(run.only(), "2001", "inbound", CUSTOMER);
    }
    // A service's own number is told whole.
    let d = Dialog {
        headers: "Diversion: <sip:+358507654321@trunk.example>;reason=unconditional\r\n\
                  Diversion: <sip:+35893101111@trunk.example>;reason=unconditional\r\n"
            .into(),
        ..Dialog::new(6)
    };
    let mut s = Scene::new();
    call(&mut s, &d, 1000.0, 3000.0);
    let run = s.replay(&format!("{AGENTS}[[service]]\nname = \"desk\"\nnumbers = [\"+358 9 310 1111\"]\n"));
    assert_eq!(run.only().text("/dialled"), "+35893101111");
    assert_eq!(run.only().text("/service"), "desk");
    nowhere(&run, &["507654321"]);
}

#[test]
fn a_party_without_a_user_part_has_no_number() {
    for from in ["<sip:trunk.example>", "<sip:192.0.2.77:5060;transport=udp>"] {
        let run = of(from, "");
        parties(run.only(), "2001", "inbound", "null");
        assert_eq!(run.only().json["customer"]["withheld"], false);
    }
    // And no agent's id is made of a host.
    let d = Dialog { to: "<sip:192.0.2.20>".into(), uri: "sip:192.0.2.20".into(), ..Dialog::new(7) };
    let mut s = Scene::new();
    let sent = call(&mut s, &d, 1000.0, 3000.0);
    let run = s.replay("[agents]\nnetworks = [\"192.0.2.0/24\"]\n");
    inbound(run.only(), &sent);
    assert!(run.only().json["agent"]["id"].is_null(), "{}", run.only().json["agent"]);
}

/// Who it is, or does not want to be, may be told while it rings.
#[test]
fn what_is_said_while_it_rings_counts() {
    let asserted = "P-Asserted-Identity: <sip:+358401234567@192.0.2.5>\r\n";
    for withheld in [false, true] {
        let headers = format!("{asserted}{}", if withheld { "Privacy: id\r\n" } else { "" });
        for from in ["9900", "+358401234567"] {
            let d = Dialog { from: format!("<sip:{from}@192.0.2.5>"), ..Dialog::new(8) };
            let mut s = Scene::new();
            d.answered(&mut s, 0.0, 1000.0);
            d.exchange(&mut s, 500.0, "UPDATE", Caller, 20, &headers);
            let sent = talk(&mut s, &d, 1000.0, 3000.0);
            d.bye(&mut s, 3000.0, Caller);
            let run = s.replay(AGENTS);
            parties(run.only(), "2001", "inbound", if withheld { "null" } else { CUSTOMER });
            assert_eq!(run.only().json["customer"]["withheld"], withheld);
            inbound(run.only(), &sent);
        }
        for code in [180, 183] {
            let d = Dialog { to: "<sip:*81@h>".into(), uri: "sip:*81@h".into(), ..Dialog::outbound(9) };
            let mut s = Scene::new();
            d.answered(&mut s, 0.0, 1000.0);
            let text = d.response_text(code, "INVITE", Caller, 1, &headers, None);
            s.udp(300.0, d.sip[1], d.sip[0], text.as_bytes());
            // A late copy of what was before says nothing of who answered.
            let old = "P-Asserted-Identity: <sip:+358507654321@192.0.2.5>\r\n";
            let text = d.response_text(code, "INVITE", Caller, 1, old, None);
            s.udp(1500.0, d.sip[1], d.sip[0], text.as_bytes());
            talk(&mut s, &d, 1000.0, 3000.0);
            d.bye(&mut s, 3000.0, Caller);
            let run = s.replay(AGENTS);
            parties(run.only(), "2001", "outbound", if withheld { "null" } else { CUSTOMER });
            assert_eq!(run.only().json["customer"]["withheld"], withheld, "{code}");
        }
    }
}
