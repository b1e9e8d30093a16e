//! From one agent to the next: REFER, Replaces, connected identity.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{AGENTS, Dialog, Scene, Side, ns};
use crate::common::oracle::must;
use crate::common::run::Run;
use crate::common::voice::Voice;
use crate::kit::{INTERNAL_TOO, Sent, at, call, inbound, nowhere, talk};
use std::collections::BTreeSet;
use uuid::Uuid;

/// The second agent.
fn second(n: u16) -> Dialog {
    Dialog { to: "<sip:2002@pbx.example>".into(), uri: "sip:2002@192.0.2.20".into(), ..Dialog::new(n) }
}

#[track_caller]
fn pair(run: &Run) {
    let [a, b] = &run.recordings[..] else { panic!("{}{}", run.stdout(), run.stderr()) };
    assert_eq!(a.text("/call_group"), b.text("/call_group"), "one contact");
    assert_ne!(a.text("/id"), b.text("/id"));
    assert_eq!([a.text("/agent/id"), b.text("/agent/id")], ["2001", "2002"]);
    assert_eq!(a.text("/ended_by"), "transfer");
    assert_eq!(b.text("/customer/number"), "+35840123xxxx");
}

#[test]
fn a_blind_transfer_is_two_recordings_of_one_contact() {
    // Who hangs up the first dialog after the REFER does not matter: the agent gave the call away.
    for hangs_up in [Caller, Callee] {
        let (first, next) = (Dialog::new(1), second(2));
        let mut s = Scene::new();
        first.answered(&mut s, 0.0, 1000.0);
        let one = talk(&mut s, &first, 1000.0, 4000.0);
        first.request(&mut s, 3000.0, "REFER", Callee, 5, "Refer-To: <sip:2002@pbx.example>\r\n", None);
        first.response(&mut s, 3010.0, 202, "REFER", Callee, 5, None);
        first.bye(&mut s, 4000.0, hangs_up);
        next.answered(&mut s, 3100.0, 5000.0);
        let two = talk(&mut s, &next, 5000.0, 8000.0);
        next.bye(&mut s, 8000.0, Callee);
        let run = s.replay(AGENTS);
        pair(&run);
        let [a, b] = &run.recordings[..] else { unreachable!() };
        must(a, "customer", &one[0]);
        must(a, "agent", &one[1]);
        must(b, "customer", &two[0]);
        must(b, "agent", &two[1]);
        assert_eq!(a.instant_ns("ended_at"), ns(4000.0));
        assert_eq!(b.instant_ns("answered_at"), ns(5000.0), "at the next agent's own answer");
        assert_eq!(b.text("/ended_by"), "agent");
    }
}

#[test]
fn a_refused_transfer_is_none() {
    for refusal in ["REFER refused", "NOTIFY tells of a failure"] {
        let d = Dialog::new(3);
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        talk(&mut s, &d, 1000.0, 4000.0);
        d.request(&mut s, 2000.0, "REFER", Callee, 5, "Refer-To: <sip:2002@pbx.example>\r\n", None);
        if refusal.starts_with("REFER") {
            d.response(&mut s, 2010.0, 603, "REFER", Callee, 5, None);
        } else {
            d.response(&mut s, 2010.0, 202, "REFER", Callee, 5, None);
            let body = "SIP/2.0 486 Busy Here\r\n";
            let text = d
                .request_text(
                    "NOTIFY",
                    Caller,
                    2,
                    true,
                    "Event: refer\r\nSubscription-State: terminated\r\n",
                    Some(body),
                )
                .replace("application/sdp", "message/sipfrag;version=2.0");
            s.udp(2500.0, d.sip[0], d.sip[1], text.as_bytes());
        }
        d.bye(&mut s, 4000.0, Callee);
        assert_eq!(s.replay(AGENTS).only().text("/ended_by"), "agent", "{refusal}");
    }
}

#[test]
fn a_transfer_by_the_customer_is_not_the_agents() {
    let d = Dialog::new(4);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    talk(&mut s, &d, 1000.0, 4000.0);
    d.request(&mut s, 2000.0, "REFER", Caller, 5, "Refer-To: <sip:2002@pbx.example>\r\n", None);
    d.response(&mut s, 2010.0, 202, "REFER", Caller, 5, None);
    d.bye(&mut s, 4000.0, Caller);
    assert_eq!(s.replay(AGENTS).only().text("/ended_by"), "customer");
}

#[test]
fn an_attended_transfer_replaces_the_first_dialog() {
    let first = Dialog::new(5);
    let mut consult = second(6);
    consult.from = "<sip:2001@pbx.example>".into();
    let mut next = second(7);
    next.headers =
        format!("Replaces: {};to-tag={};from-tag={}\r\n", first.call_id, first.tags[1], first.tags[0]);
    let mut s = Scene::new();
    first.answered(&mut s, 0.0, 1000.0);
    let one = talk(&mut s, &first, 1000.0, 3000.0);
    // The agent holds, asks a colleague, and hands over.
    let hold = first.sdp_with(Callee, first.rtp[1], "8", "sendonly", 2);
    first.reinvite(
        &mut s,
        3000.0,
        Callee,
        2,
        &hold,
        &first.sdp_with(Caller, first.rtp[0], "8", "recvonly", 2),
    );
    consult.answered(&mut s, 3200.0, 4000.0);
    talk(&mut s, &consult, 4000.0, 5000.0);
    next.answered(&mut s, 5000.0, 5100.0);
    let two = talk(&mut s, &next, 5100.0, 8000.0);
    first.bye(&mut s, 5200.0, Caller);
    consult.bye(&mut s, 5210.0, Caller);
    next.bye(&mut s, 8000.0, Caller);
    let run = s.replay(AGENTS);
    pair(&run);
    let [a, b] = &run.recordings[..] else { unreachable!() };
    must(a, "customer", &one[0]);
    must(b, "customer", &two[0]);
    must(b, "agent", &two[1]);
    assert_eq!(a.events("hold").len(), 1);
    assert_eq!(b.text("/ended_by"), "customer");
}

#[test]
fn an_exchange_hands_over_by_its_own_leg_of_the_consultation() {
    // The agent knows the consultation by one Call-ID, the exchange's leg to the colleague has another.
    for refer in [true, false] {
        let exchange = "192.0.2.5";
        let phones = ["192.0.2.21", "192.0.2.22"];
        let first = at(Dialog::new(50), exchange, phones[0]);
        let asked = Dialog {
            from: "<sip:2001@pbx.example>".into(),
            to: "<sip:2002@pbx.example>".into(),
            uri: format!("sip:2002@{exchange}"),
            ..Dialog::new(51)
        };
        let asked = at(asked, phones[0], exchange);
        let passed = Dialog { uri: format!("sip:2002@{}", phones[1]), ..asked.clone() };
        let named = Dialog::new(52);
        let passed = at(Dialog { call_id: named.call_id, tags: named.tags, ..passed }, exchange, phones[1]);
        let next = Dialog { to: asked.to.clone(), uri: passed.uri.clone(), ..Dialog::new(53) };
        let mut next = at(next, exchange, phones[1]);
        let [to, from] = [&passed.tags[1], &passed.tags[0]];
        next.headers = format!("Replaces: {};to-tag={to};from-tag={from}\r\n", passed.call_id);
        let mut s = Scene::new();
        first.answered(&mut s, 0.0, 1000.0);
        let one = talk(&mut s, &first, 1000.0, 3000.0);
        asked.invite(&mut s, 3200.0);
        passed.answered(&mut s, 3210.0, 4000.0);
        asked.status(&mut s, 4004.0, 200);
        asked.ack(&mut s, 4009.0);
        if refer {
            let [to, from] = [&asked.tags[1], &asked.tags[0]];
            let replaces = format!("{}%3Bto-tag%3D{to}%3Bfrom-tag%3D{from}", asked.call_id);
            let headers = format!("Refer-To: <sip:2002@{exchange}?Replaces={replaces}>\r\n");
            first.request(&mut s, 5000.0, "REFER", Callee, 5, &headers, None);
            first.response(&mut s, 5010.0, 202, "REFER", Callee, 5, None);
        }
        next.answered(&mut s, 5050.0, 5100.0);
        let two = talk(&mut s, &next, 5100.0, 8000.0);
        for d in [&passed, &asked, &first] {
            d.bye(&mut s, 5200.0, Caller);
        }
        next.bye(&mut s, 8000.0, Caller);
        let run = s.replay(AGENTS);
        let [a, b] = &run.recordings[..] else { panic!("{}", run.stdout()) };
        must(a, "customer", &one[0]);
        must(b, "customer", &two[0]);
        must(b, "agent", &two[1]);
        assert_eq!((a.text("/agent/id"), b.text("/agent/id")), ("2001", "2002"));
        assert_eq!(a.text("/call_group") == b.text("/call_group"), refer, "{refer}");
    }
}

/// A trunk dialog to a queue number, with identities in the middle.
fn trunk(n: u16) -> Dialog {
    Dialog { to: "<sip:116117@pbx.example>".into(), uri: "sip:116117@192.0.2.20".into(), ..Dialog::new(n) }
}

fn identity(s: &mut Scene, d: &Dialog, at: f64, cseq: u32, header: &str, method: &str) {
    let headers = format!("{header}\r\n");
    let sdp = (method == "INVITE").then(|| d.sdp_with(Callee, d.rtp[1], "8", "sendrecv", cseq));
    d.request(s, at, method, Callee, cseq, &headers, sdp.as_deref());
    let answer = sdp.is_some().then(|| d.sdp_with(Caller, d.rtp[0], "8", "sendrecv", cseq));
    d.response(s, at + 10.0, 200, method, Callee, cseq, answer.as_deref());
    if method == "INVITE" {
        d.request(s, at + 15.0, "ACK", Callee, cseq, "", None);
    }
}

#[test]
fn an_agent_that_comes_by_connected_identity_is_recorded_from_then_on() {
    for (header, method) in [
        ("P-Asserted-Identity: <sip:2001@pbx.example>", "UPDATE"),
        ("P-Asserted-Identity: \"Agent\" <sip:2001@pbx.example>", "INVITE"),
        ("Remote-Party-ID: <sip:2001@pbx.example>;party=called;screen=yes", "INVITE"),
        ("Remote-Party-ID: <sip:2001@pbx.example>", "UPDATE"),
    ] {
        let d = trunk(8);
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        let sent = talk(&mut s, &d, 1000.0, 9000.0);
        identity(&mut s, &d, 4000.0, 2, header, method);
        d.bye(&mut s, 9000.0, Caller);
        let run = s.replay(&format!("{AGENTS}[[service]]\nname = \"q\"\nnumbers = [\"116117\"]\n"));
        let r = run.only();
        assert_eq!(r.instant_ns("answered_at"), ns(4000.0), "{header} {method}");
        assert_eq!(r.text("/agent/id"), "2001");
        assert_eq!(r.text("/direction"), "inbound");
        assert_eq!(r.text("/dialled"), "116117");
        must(r, "customer", &sent[0]);
        must(r, "agent", &sent[1]);
        assert_eq!(r.text("/ended_by"), "customer");
    }
}

#[test]
fn an_identity_in_the_2xx_of_a_re_invite_counts_too() {
    let d = trunk(9);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    talk(&mut s, &d, 1000.0, 9000.0);
    d.request(&mut s, 4000.0, "INVITE", Caller, 2, "", Some(&d.sdp(Caller)));
    let sdp = d.sdp(Callee);
    let text =
        d.response_text(200, "INVITE", Caller, 2, "P-Asserted-Identity: <sip:2001@pbx>\r\n", Some(&sdp));
    s.udp(4010.0, d.sip[1], d.sip[0], text.as_bytes());
    d.request(&mut s, 4015.0, "ACK", Caller, 2, "", None);
    d.bye(&mut s, 9000.0, Callee);
    let run = s.replay(AGENTS);
    assert_eq!(run.only().instant_ns("answered_at"), ns(4010.0));
    assert_eq!(run.only().text("/ended_by"), "agent");
}

#[test]
fn identity_that_passes_to_another_agent_is_a_transfer_and_that_leaves_the_agents_ends_it() {
    let d = trunk(10);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let sent = talk(&mut s, &d, 1000.0, 12_000.0);
    identity(&mut s, &d, 2000.0, 2, "P-Asserted-Identity: <sip:2001@pbx>", "UPDATE");
    identity(&mut s, &d, 5000.0, 3, "P-Asserted-Identity: <sip:2002@pbx>", "INVITE");
    // The same once more changes nothing.
    identity(&mut s, &d, 6000.0, 4, "P-Asserted-Identity: <sip:2002@pbx>", "UPDATE");
    identity(&mut s, &d, 9000.0, 5, "P-Asserted-Identity: <sip:voicemail@pbx>", "UPDATE");
    d.bye(&mut s, 12_000.0, Caller);
    let run = s.replay(AGENTS);
    pair(&run);
    let [a, b] = &run.recordings[..] else { unreachable!() };
    for (r, from, to) in [(a, 2000.0, 5000.0), (b, 5000.0, 9000.0)] {
        assert_eq!(r.instant_ns("answered_at"), ns(from));
        assert_eq!(r.instant_ns("ended_at"), ns(to));
        must(r, "customer", &sent[0]);
        must(r, "agent", &sent[1]);
    }
}

#[test]
fn many_transfers_are_as_many_recordings() {
    // Ten agents in a row on one trunk dialog.
    let d = trunk(11);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let sent = talk(&mut s, &d, 1000.0, 21_000.0);
    for i in 0..10_u32 {
        let header = format!("P-Asserted-Identity: <sip:20{i:02}@pbx>");
        identity(&mut s, &d, 1000.0 + 2000.0 * f64::from(i), 2 + i, &header, "UPDATE");
    }
    d.bye(&mut s, 21_000.0, Callee);
    let run = s.replay(AGENTS);
    assert_eq!(run.recordings.len(), 10);
    for (i, r) in run.recordings.iter().enumerate() {
        assert_eq!(r.text("/agent/id"), format!("20{i:02}"));
        must(r, "customer", &sent[0]);
        must(r, "agent", &sent[1]);
        assert_eq!(r.text("/ended_by"), if i == 9 { "agent" } else { "transfer" });
        assert_eq!(r.text("/call_group"), run.recordings[0].text("/call_group"));
    }
}

/// 2001 asks 2002 by way of the exchange, which has a leg of its own to 2002, then hands the customer
/// over: the exchange joins the two by its own legs and tells nobody who has come.
struct Unsaid {
    first: Dialog,
    asked: Dialog,
    passed: Dialog,
}

/// How it varies: who called whom first, in which dialog the REFER is sent, who leaves the consultation.
const UNSAID: [(bool, bool, Side); 6] = [
    (true, true, Callee),
    (true, true, Caller),
    (true, false, Callee),
    (false, true, Caller),
    (false, true, Callee),
    (false, false, Caller),
];

impl Unsaid {
    fn new(first: Dialog, asks: bool) -> Self {
        let exchange = "192.0.2.5";
        let phones = ["192.0.2.21", "192.0.2.22"];
        let [by, to] = if asks { ["2001", "2002"] } else { ["2002", "2001"] };
        let internal = |n| Dialog {
            from: format!("<sip:{by}@pbx.example>"),
            to: format!("<sip:{to}@pbx.example>"),
            uri: format!("sip:{to}@pbx.example"),
            ..Dialog::new(n)
        };
        let [agents, colleagues] = [internal(61), internal(62)];
        let [asked, passed] = match asks {
            true => [at(agents, phones[0], exchange), at(colleagues, exchange, phones[1])],
            false => [at(agents, exchange, phones[0]), at(colleagues, phones[1], exchange)],
        };
        Unsaid { first: at(first, exchange, phones[0]), asked, passed }
    }

    /// Plays it; the customer's call is there from 0 ms to 5,110, and the colleague's leg to 8,000.
    fn play(&self, s: &mut Scene, asks: bool, in_first: bool, leaves: Side, fails: bool) -> [Sent; 2] {
        let Unsaid { first, asked, passed } = self;
        first.answered(s, 0.0, 1000.0);
        let one = talk(s, first, 1000.0, 3000.0);
        let [early, late] = if asks { [asked, passed] } else { [passed, asked] };
        early.invite(s, 3200.0);
        late.answered(s, 3210.0, 4000.0);
        early.status(s, 4004.0, 200);
        early.ack(s, 4009.0);
        let (agents, colleagues) = if asks { (Caller, Callee) } else { (Callee, Caller) };
        let mut voices = [Voice::of(passed, Caller, 71), Voice::of(passed, Callee, 72)];
        let before = voices.each_mut().map(|v| v.talk(4011.0, 5091.0));
        talk(s, asked, 4011.0, 5080.0);
        let (sent_in, named, to, from) = match in_first {
            true => (first, asked, &asked.tags[colleagues as usize], &asked.tags[agents as usize]),
            false => (asked, first, &first.tags[Caller as usize], &first.tags[Callee as usize]),
        };
        let side = if in_first { Callee } else { agents };
        let replaces = format!("{}%3Bto-tag%3D{to}%3Bfrom-tag%3D{from}", named.call_id);
        let headers = format!("Refer-To: <sip:2002@192.0.2.5?Replaces={replaces}>\r\n");
        sent_in.exchange(s, 5000.0, "REFER", side, 5, &headers);
        if fails {
            let headers = "Content-Type: message/sipfrag\r\n";
            sent_in.request(s, 5050.0, "NOTIFY", side.other(), 9, headers, Some("SIP/2.0 486 Busy Here\r\n"));
        }
        asked.bye(s, 5090.0, leaves);
        first.bye(s, 5110.0, Caller);
        let after = voices.each_mut().map(|v| v.talk(5111.0, 8000.0));
        before.iter().chain(&after).for_each(|p| s.media(p));
        passed.bye(s, 8000.0, colleagues.other());
        let after = if asks {
            after
        } else {
            let [a, b] = after;
            [b, a]
        };
        [one, after]
    }
}

#[test]
fn who_is_handed_over_without_a_word_is_recorded_with_the_colleague() {
    for (asks, in_first, leaves) in UNSAID {
        for asserted in ["", "P-Asserted-Identity: <sip:2001@pbx.example>\r\n"] {
            let mut scene = Unsaid::new(Dialog::new(60), asks);
            if asks {
                scene.passed.headers = asserted.into();
            }
            let mut s = Scene::new();
            let [one, two] = scene.play(&mut s, asks, in_first, leaves, false);
            for (config, internal) in [(AGENTS, 0), (INTERNAL_TOO, 1)] {
                let run = s.replay(config);
                let told = format!("{asks} {in_first} {leaves:?} {asserted} {}", run.stdout());
                assert_eq!(run.recordings.len(), 2 + internal, "{told}");
                let (a, b) = (&run.recordings[0], run.recordings.last().unwrap());
                inbound(a, &one);
                inbound(b, &two);
                assert_eq!((a.text("/agent/id"), b.text("/agent/id")), ("2001", "2002"), "{told}");
                assert_eq!(a.text("/customer/number"), b.text("/customer/number"), "{told}");
                assert_eq!(a.text("/call_group"), b.text("/call_group"), "{told}");
            }
        }
    }
}

#[test]
fn who_asked_not_to_be_known_stays_so_with_the_colleague() {
    let mut first = Dialog::new(60);
    first.headers = "P-Asserted-Identity: <sip:+358401234567@pbx.example>\r\nPrivacy: id\r\n".into();
    let scene = Unsaid::new(first, true);
    let mut s = Scene::new();
    let [_, two] = scene.play(&mut s, true, true, Callee, false);
    let run = s.replay(AGENTS);
    assert_eq!(run.recordings.len(), 2, "{}", run.stdout());
    must(&run.recordings[1], "customer", &two[0]);
    must(&run.recordings[1], "agent", &two[1]);
    assert!(run.recordings[1].json["customer"]["withheld"].as_bool().unwrap(), "{}", run.stdout());
    nowhere(&run, &["40123456"]);
}

#[test]
fn a_transfer_that_failed_hands_nobody_over() {
    for (asks, in_first, leaves) in UNSAID {
        let scene = Unsaid::new(Dialog::new(60), asks);
        let mut s = Scene::new();
        scene.play(&mut s, asks, in_first, leaves, true);
        assert_eq!(s.replay(AGENTS).recordings.len(), 1, "{asks} {in_first} {leaves:?}");
    }
}

/// All legs of a contact come along, also of one that has more than are searched for another one's sake.
#[test]
fn a_contact_of_many_legs_is_merged_whole() {
    const CALLS: u16 = 40;
    let corr = "[sip]\ncorrelation_headers = [\"X-Contact\"]\n";
    for last_is_transferred in [true, false] {
        let first = Dialog::new(99);
        let mut s = Scene::new();
        first.answered(&mut s, 0.0, 1000.0);
        talk(&mut s, &first, 1000.0, 3000.0);
        first.exchange(&mut s, 2000.0, "REFER", Callee, 5, "Refer-To: <sip:2002@pbx.example>\r\n");
        first.bye(&mut s, 3000.0, Caller);
        // Calls that carry one value of the header, one of which the customer was sent into.
        for n in 0..CALLS {
            let agent = if n == CALLS - 1 { 2002 } else { 2100 + n };
            let mut d = second(n);
            (d.to, d.uri) = (format!("<sip:{agent}@pbx.example>"), format!("sip:{agent}@192.0.2.20"));
            d.headers = "X-Contact: 777\r\n".into();
            if n < CALLS - 1 {
                d.from = format!("<sip:+35840999{n:04}@trunk.example>");
            }
            let begins = match n == CALLS - 1 && !last_is_transferred {
                true => 70_000.0,
                false => 2100.0 + 5.0 * f64::from(n),
            };
            call(&mut s, &d, begins + 900.0, begins + 2400.0);
        }
        let run = s.replay(&format!("{AGENTS}{corr}"));
        assert_eq!(run.recordings.len(), usize::from(CALLS) + 1, "{}", run.stdout());
        let groups: BTreeSet<&str> = run.recordings.iter().map(|r| r.text("/call_group")).collect();
        assert!(groups.iter().all(|group| *group != Uuid::nil().to_string()), "{groups:?}");
        // Long after the REFER, and after the others, a call is a contact of its own.
        assert_eq!(groups.len(), if last_is_transferred { 1 } else { 3 }, "{groups:?}");
    }
}
