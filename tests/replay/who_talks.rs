//! Who talks is who is asserted: pick-up, transfer and click to dial, where From and To name
//! somebody else than the parties of the conversation.

use crate::common::files::over_tcp;
use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene};
use crate::common::voice::Voice;
use crate::kit::*;

const ASSERTED: &str = "P-Asserted-Identity: <sip:+358401234567@192.0.2.5>\r\n";
const REMOTE: &str = "Remote-Party-ID: <sip:+358401234567@192.0.2.5>;party=calling;screen=yes\r\n";
const PBX: &str = "192.0.2.5";

/// The customer's call as the exchange brings it to 2001's telephone.
fn to_2001(n: u16) -> Dialog {
    let to = "<sip:+35891234567@192.0.2.5>".into();
    at(Dialog { to, ..Dialog::new(n) }, PBX, "192.0.2.20")
}

/// 2002's telephone calls `user` at the exchange.
fn from_2002(n: u16, user: &str) -> Dialog {
    let d = Dialog {
        from: "<sip:2002@192.0.2.5>".into(),
        to: format!("<sip:{user}@192.0.2.5>"),
        uri: format!("sip:{user}@192.0.2.5"),
        ..Dialog::new(n)
    };
    at(d, "192.0.2.21", PBX)
}

/// The exchange calls 2002's telephone in the name of `from`.
fn to_2002(n: u16, from: &str) -> Dialog {
    let d = Dialog {
        from: format!("<sip:{from}@192.0.2.5>"),
        to: "<sip:2002@192.0.2.5>".into(),
        uri: "sip:2002@192.0.2.21".into(),
        ..Dialog::new(n)
    };
    at(d, PBX, "192.0.2.21")
}

/// The exchange's view of a dialog of its own, as Replaces names it.
fn replaces(d: &Dialog, rest: &str) -> String {
    format!(
        "Replaces: {};to-tag={};from-tag={}{rest}\r\nRequire: replaces\r\n",
        d.call_id, d.tags[0], d.tags[1]
    )
}

/// 2001 rings, 2002 takes the call; what the 200 and a later message of the exchange say of the customer.
fn picked_up(ok: &str, later: Option<(&str, &str)>, config: &str) -> crate::common::run::Run {
    let ringing = to_2001(1);
    let mut taken = from_2002(2, "2001");
    taken.headers = format!("{}X-Agent-Id: 2002\r\n", replaces(&ringing, ";early-only"));
    taken.ok_headers = ok.into();
    let mut s = Scene::new();
    ringing.invite(&mut s, 0.0);
    ringing.status(&mut s, 150.0, 180);
    taken.invite(&mut s, 3000.0);
    taken.status(&mut s, 3100.0, 200);
    taken.ack(&mut s, 3122.0);
    ringing.cancelled(&mut s, 3120.0);
    if let Some((method, headers)) = later {
        identity(&mut s, &taken, 3300.0, method, Callee, 20, headers);
    }
    let sent = talk(&mut s, &taken, 3100.0, 6500.0);
    taken.bye(&mut s, 6500.0, Callee);
    let check = |s: &Scene| {
        let run = s.replay(config);
        let r = run.only();
        spans(r, 3100.0, 6500.0, "customer");
        assert_eq!(r.text("/agent/id"), "2002");
        assert_ne!(r.text("/direction"), "internal");
        outbound(r, &sent);
        complete(r, true);
        run
    };
    let run = check(&s);
    over_tcp(&mut s);
    let tcp = check(&s);
    assert_eq!(run.only().json["customer"], tcp.only().json["customer"]);
    run
}

#[test]
fn a_ringing_call_that_a_colleague_picks_up_is_with_the_customer() {
    for ok in [ASSERTED, REMOTE] {
        let run = picked_up(ok, None, AGENTS);
        assert_eq!(run.only().text("/customer/number"), CUSTOMER, "{ok}");
    }
}

#[test]
fn a_picked_up_call_tells_the_customer_later_or_by_the_call_it_replaces() {
    for (method, headers) in [("UPDATE", ASSERTED), ("UPDATE", REMOTE), ("INVITE", ASSERTED)] {
        let run = picked_up("", Some((method, headers)), AGENTS);
        assert_eq!(run.only().text("/customer/number"), CUSTOMER, "{method} {headers}");
    }
    // Replaces alone says whom 2002 talks with.
    let run = picked_up("", None, AGENTS);
    assert_eq!(run.only().text("/customer/number"), CUSTOMER);
}

#[test]
fn a_picked_up_call_is_not_internal_where_internal_calls_are_recorded() {
    let run = picked_up(ASSERTED, None, INTERNAL_TOO);
    assert_eq!(run.only().text("/customer/number"), CUSTOMER);
}

#[test]
fn a_picked_up_call_of_a_withheld_customer_stays_withheld() {
    let hidden = format!("{ASSERTED}Privacy: id\r\n");
    let ringing =
        Dialog { from: "<sip:anonymous@anonymous.invalid>".into(), headers: hidden.clone(), ..to_2001(3) };
    let mut taken = from_2002(4, "2001");
    taken.headers = replaces(&ringing, ";early-only");
    taken.ok_headers = hidden;
    let mut s = Scene::new();
    ringing.invite(&mut s, 0.0);
    ringing.status(&mut s, 150.0, 180);
    taken.answered(&mut s, 2000.0, 2100.0);
    ringing.cancelled(&mut s, 2110.0);
    let sent = talk(&mut s, &taken, 2100.0, 4000.0);
    taken.bye(&mut s, 4000.0, Caller);
    let run = s.replay(AGENTS);
    parties(run.only(), "2002", run.only().text("/direction"), "null");
    assert_eq!(run.only().json["customer"]["withheld"], true);
    outbound(run.only(), &sent);
    nowhere(&run, &["40123456"]);
}

#[test]
fn a_call_taken_over_from_a_talking_colleague_is_two_recordings_of_one_contact() {
    for ok in [ASSERTED, ""] {
        let first = to_2001(5);
        let mut taken = from_2002(6, "2001");
        taken.headers = replaces(&first, "");
        taken.ok_headers = ok.into();
        let mut s = Scene::new();
        first.answered(&mut s, 0.0, 1000.0);
        let one = talk(&mut s, &first, 1000.0, 4000.0);
        taken.answered(&mut s, 3900.0, 4000.0);
        first.bye(&mut s, 4020.0, Caller);
        let two = talk(&mut s, &taken, 4000.0, 7000.0);
        taken.bye(&mut s, 7000.0, Callee);
        let run = s.replay(AGENTS);
        let [a, b] = &run.recordings[..] else { panic!("{ok} {}", run.stdout()) };
        parties(a, "2001", "inbound", CUSTOMER);
        assert_eq!(a.text("/ended_by"), "transfer");
        assert_eq!([b.text("/agent/id"), b.text("/customer/number")], ["2002", CUSTOMER]);
        assert_ne!(b.text("/direction"), "internal");
        assert_eq!(a.text("/call_group"), b.text("/call_group"));
        inbound(a, &one);
        outbound(b, &two);
    }
}

/// 2001 gives the customer's call away by REFER; the exchange calls 2002 in 2001's name.
fn referred(invite: &str, later: Option<(&str, &str)>) {
    let first = to_2001(7);
    let next = Dialog { headers: invite.into(), ..to_2002(8, "2001") };
    let mut s = Scene::new();
    first.answered(&mut s, 0.0, 1000.0);
    let one = talk(&mut s, &first, 1000.0, 2700.0);
    let refer = "Refer-To: <sip:2002@192.0.2.5>\r\nReferred-By: <sip:2001@192.0.2.5>\r\n";
    first.request(&mut s, 2700.0, "REFER", Callee, 5, refer, None);
    first.response(&mut s, 2720.0, 202, "REFER", Callee, 5, None);
    next.answered(&mut s, 2800.0, 3800.0);
    if let Some((method, headers)) = later {
        identity(&mut s, &next, 3810.0, method, Caller, 20, headers);
    }
    first.bye(&mut s, 3820.0, Caller);
    let two = talk(&mut s, &next, 3830.0, 6000.0);
    next.bye(&mut s, 6000.0, Caller);
    let run = s.replay(AGENTS);
    let [a, b] = &run.recordings[..] else { panic!("{invite} {later:?} {}", run.stdout()) };
    spans(a, 1000.0, 3820.0, "transfer");
    spans(b, 3800.0, 6000.0, "customer");
    parties(b, "2002", "inbound", CUSTOMER);
    assert_eq!(a.text("/call_group"), b.text("/call_group"));
    inbound(a, &one);
    inbound(b, &two);
}

#[test]
fn a_transferred_call_in_the_name_of_the_first_agent_is_the_customers() {
    for invite in [ASSERTED, REMOTE] {
        referred(invite, None);
    }
}

#[test]
fn a_transferred_call_tells_its_customer_after_the_answer() {
    for later in [("UPDATE", ASSERTED), ("UPDATE", REMOTE), ("INVITE", ASSERTED)] {
        referred("", Some(later));
    }
}

#[test]
fn a_consultation_that_becomes_the_customers_call_is_recorded_from_there() {
    for (method, headers) in [("UPDATE", ASSERTED), ("INVITE", ASSERTED), ("UPDATE", REMOTE)] {
        let consult = to_2002(9, "2001");
        let mut s = Scene::new();
        consult.answered(&mut s, 0.0, 1000.0);
        let mut voices = [Voice::of(&consult, Caller, 1), Voice::of(&consult, Callee, 2)];
        let before = voices.each_mut().map(|v| v.talk(1001.0, 2201.0));
        identity(&mut s, &consult, 2200.0, method, Caller, 20, headers);
        let after = voices.each_mut().map(|v| v.talk(2201.0, 4900.0));
        for p in before.iter().chain(&after) {
            s.media(p);
        }
        consult.bye(&mut s, 4900.0, Caller);
        let run = s.replay(AGENTS);
        let r = run.only();
        spans(r, 2200.0, 4900.0, "customer");
        parties(r, "2002", "inbound", CUSTOMER);
        inbound(r, &after);
    }
}

#[test]
fn colleagues_who_talk_with_one_another_stay_internal() {
    let asserted = "P-Asserted-Identity: <sip:2001@192.0.2.5>\r\n";
    for invite in ["", asserted] {
        let d = Dialog { headers: invite.into(), ..to_2002(10, "2001") };
        let mut s = Scene::new();
        let sent = call(&mut s, &d, 1000.0, 3000.0);
        let run = s.replay(AGENTS);
        assert!(run.recordings.is_empty());
        assert_eq!(unrecorded(&run, "internal"), 1);
        let run = s.replay(INTERNAL_TOO);
        assert_eq!([run.only().text("/direction"), run.only().text("/agent/id")], ["internal", "2002"]);
        inbound(run.only(), &sent);
    }
}

/// The exchange calls 2001 in his own name, then the customer.
fn click_to_dial(n: u16) -> Dialog {
    let d = Dialog {
        from: "<sip:2001@192.0.2.5>".into(),
        to: "<sip:2001@192.0.2.5>".into(),
        uri: "sip:2001@192.0.2.20".into(),
        ..Dialog::new(n)
    };
    at(d, PBX, "192.0.2.20")
}

#[test]
fn a_call_by_click_is_outbound_and_its_customer_comes_by_identity() {
    for (method, headers) in [("UPDATE", ASSERTED), ("INVITE", ASSERTED), ("UPDATE", REMOTE)] {
        let d = click_to_dial(11);
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        identity(&mut s, &d, 3000.0, method, Caller, 20, headers);
        let sent = talk(&mut s, &d, 3010.0, 6000.0);
        d.bye(&mut s, 6000.0, Callee);
        let run = s.replay(AGENTS);
        parties(run.only(), "2001", "outbound", CUSTOMER);
        assert_eq!(run.only().text("/ended_by"), "agent");
        inbound(run.only(), &sent);
        assert_eq!(unrecorded(&run, "internal"), 0);
    }
}

#[test]
fn a_call_by_click_is_told_its_customer_by_the_other_leg() {
    // Tied by a header; or by nothing but the exchange, which calls in the agent's name both times.
    let session = "Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=0\r\n";
    for (headers, from) in [(session, "+35891234567"), (session, "2001"), ("", "2001")] {
        for answered in [1800.0, 4000.0] {
            let agent = Dialog { headers: headers.into(), ..click_to_dial(12) };
            let customer = Dialog {
                from: format!("<sip:{from}@192.0.2.5>"),
                to: "<sip:+358401234567@trunk.example>".into(),
                uri: "sip:+358401234567@198.51.100.10".into(),
                headers: headers.into(),
                ..at(Dialog::new(13), PBX, "198.51.100.10")
            };
            let mut s = Scene::new();
            agent.answered(&mut s, 0.0, 1000.0);
            customer.answered(&mut s, 1100.0, answered);
            let sent = talk(&mut s, &agent, 4000.0, 7000.0);
            talk(&mut s, &customer, 4000.0, 7000.0);
            agent.bye(&mut s, 7000.0, Callee);
            customer.bye(&mut s, 7010.0, Caller);
            let run = s.replay(AGENTS);
            parties(run.only(), "2001", "outbound", CUSTOMER);
            inbound(run.only(), &sent);
        }
    }
}

#[test]
fn agents_by_their_networks_or_a_header_pick_up_alike() {
    for rule in
        ["networks = [\"192.0.2.20/31\"]", "networks = [\"192.0.2.20/31\"]\nextensions = [\"2000-2999\"]"]
    {
        let run = picked_up(ASSERTED, None, &format!("[agents]\n{rule}\n"));
        assert_eq!(run.only().text("/customer/number"), CUSTOMER);
    }
}

/// Telephones take the tags of dialog-info in either order, and call the exchange by any name.
#[test]
fn a_call_is_picked_up_whatever_the_order_of_the_tags() {
    for (rings, user) in [(true, "2001"), (true, "*8"), (false, "2001"), (false, "+35891234567")] {
        let first = to_2001(14);
        let mut taken = from_2002(15, user);
        let [caller, callee] = &first.tags;
        taken.headers =
            format!("Replaces: {};to-tag={callee};from-tag={caller}\r\nRequire: replaces\r\n", first.call_id);
        let mut s = Scene::new();
        if rings {
            first.invite(&mut s, 0.0);
            first.status(&mut s, 150.0, 180);
            first.cancelled(&mut s, 3020.0);
        } else {
            first.answered(&mut s, 0.0, 500.0);
            talk(&mut s, &first, 500.0, 3000.0);
            first.bye(&mut s, 3020.0, Caller);
        }
        taken.answered(&mut s, 2900.0, 3000.0);
        let sent = talk(&mut s, &taken, 3000.0, 5000.0);
        taken.bye(&mut s, 5000.0, Callee);
        for config in [AGENTS, INTERNAL_TOO] {
            let run = s.replay(config);
            assert_eq!(run.recordings.len(), if rings { 1 } else { 2 }, "{rings} {user} {}", run.stdout());
            let last = run.recordings.last().unwrap();
            parties(last, "2002", "outbound", CUSTOMER);
            outbound(last, &sent);
        }
    }
}

/// 2001 asks 2002, then hands the customer over by a REFER that names the consultation; the exchange
/// has two legs of that, and says on 2002's who has come.
#[test]
fn an_attended_transfer_within_the_exchange_is_of_the_customers_contact() {
    for both_legs in [true, false] {
        let first = to_2001(16);
        let asked = Dialog {
            from: "<sip:2001@192.0.2.5>".into(),
            to: "<sip:2002@192.0.2.5>".into(),
            uri: "sip:2002@192.0.2.5".into(),
            ..Dialog::new(17)
        };
        let (asked, next) = (at(asked, "192.0.2.20", PBX), to_2002(18, "2001"));
        let mut s = Scene::new();
        first.answered(&mut s, 0.0, 1000.0);
        talk(&mut s, &first, 1000.0, 3000.0);
        if both_legs {
            asked.answered(&mut s, 3200.0, 4005.0);
        }
        next.answered(&mut s, 3210.0, 4000.0);
        let refer = format!(
            "Refer-To: <sip:2002@192.0.2.5?Replaces={}%3Bto-tag%3D{}%3Bfrom-tag%3D{}>\r\n",
            asked.call_id, asked.tags[1], asked.tags[0]
        );
        let mut voices = [Voice::of(&next, Caller, 1), Voice::of(&next, Callee, 2)];
        let before = voices.each_mut().map(|v| v.talk(4011.0, 5051.0));
        first.exchange(&mut s, 5000.0, "REFER", Callee, 5, &refer);
        identity(&mut s, &next, 5050.0, "UPDATE", Caller, 20, ASSERTED);
        let after = voices.each_mut().map(|v| v.talk(5051.0, 7000.0));
        before.iter().chain(&after).for_each(|p| s.media(p));
        if both_legs {
            asked.bye(&mut s, 5100.0, Callee);
        }
        first.bye(&mut s, 5110.0, Caller);
        next.bye(&mut s, 7000.0, Caller);
        let run = s.replay(AGENTS);
        let [a, b] = &run.recordings[..] else { panic!("{}", run.stdout()) };
        spans(a, 1000.0, 5110.0, "transfer");
        spans(b, 5050.0, 7000.0, "customer");
        parties(b, "2002", "inbound", CUSTOMER);
        inbound(b, &after);
        assert_eq!(a.text("/call_group"), b.text("/call_group"));
        // What the colleagues said to one another is a recording of its own, where it is one at all.
        let run = s.replay(INTERNAL_TOO);
        let is: Vec<_> = run.recordings.iter().map(|r| r.text("/direction")).collect();
        assert_eq!(is, ["inbound", "internal", "inbound"], "{both_legs}");
        parties(&run.recordings[1], "2002", "internal", "null");
        assert_eq!(run.recordings[1].text("/ended_by"), "transfer");
        parties(&run.recordings[2], "2002", "inbound", CUSTOMER);
    }
}

#[test]
fn a_customer_who_was_called_is_known_after_a_transfer() {
    for from in ["2001", "9900"] {
        let first = Dialog {
            from: "<sip:2001@192.0.2.5>".into(),
            to: "<sip:+358401234567@192.0.2.5>".into(),
            uri: "sip:+358401234567@192.0.2.5".into(),
            ..Dialog::new(19)
        };
        let (first, next) = (at(first, "192.0.2.20", PBX), to_2002(20, from));
        let mut s = Scene::new();
        first.answered(&mut s, 0.0, 1000.0);
        talk(&mut s, &first, 1000.0, 2700.0);
        let refer = "Refer-To: <sip:2002@192.0.2.5>\r\nReferred-By: <sip:2001@192.0.2.5>\r\n";
        first.exchange(&mut s, 2700.0, "REFER", Caller, 5, refer);
        next.answered(&mut s, 2800.0, 3800.0);
        first.bye(&mut s, 3820.0, Callee);
        let sent = talk(&mut s, &next, 3830.0, 5000.0);
        next.bye(&mut s, 5000.0, Caller);
        let run = s.replay(AGENTS);
        let [a, b] = &run.recordings[..] else { panic!("{from} {}", run.stdout()) };
        parties(a, "2001", "outbound", CUSTOMER);
        parties(b, "2002", "inbound", CUSTOMER);
        inbound(b, &sent);
        assert_eq!(a.text("/call_group"), b.text("/call_group"));
    }
}
