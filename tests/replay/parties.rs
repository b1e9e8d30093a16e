//! Who is the agent, which service it was, what was dialled.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{AGENTS, Dialog, Scene, addr};
use crate::common::oracle::must;
use crate::common::run::Run;
use crate::common::voice::{Packet, Voice};

fn call(d: &Dialog) -> (Scene, [Vec<Packet>; 2]) {
    let mut s = Scene::new();
    let sent = play(&mut s, d, 1000.0, 3000.0);
    (s, sent)
}

/// The whole call, answered at `at`, hung up by the customer's side at `end`.
fn play(s: &mut Scene, d: &Dialog, at: f64, end: f64) -> [Vec<Packet>; 2] {
    d.answered(s, at - 900.0, at);
    let seed = u64::from(d.rtp[0].port());
    let sent =
        [Voice::of(d, Caller, seed).talk(at + 1.0, end), Voice::of(d, Callee, seed + 1).talk(at + 5.0, end)];
    s.media(&sent[0]);
    s.media(&sent[1]);
    d.bye(s, end, Caller);
    sent
}

fn reason(run: &Run, name: &str) -> u64 {
    run.summary()["unrecorded"][name].as_u64().unwrap_or(0)
}

#[test]
fn without_a_rule_the_called_party_is_the_agent() {
    for d in [Dialog::new(1), Dialog::outbound(1)] {
        let (s, sent) = call(&d);
        let run = s.replay("");
        let r = run.only();
        assert_eq!(r.text("/direction"), "inbound");
        must(r, "customer", &sent[0]);
        must(r, "agent", &sent[1]);
        assert_eq!(r.text("/ended_by"), "customer");
    }
}

#[test]
fn the_calling_agent_is_on_the_right() {
    let (s, sent) = call(&Dialog::outbound(2));
    let run = s.replay(AGENTS);
    let r = run.only();
    assert_eq!(r.text("/direction"), "outbound");
    assert_eq!(r.text("/agent/id"), "2001");
    must(r, "agent", &sent[0]);
    must(r, "customer", &sent[1]);
    assert_eq!(r.text("/ended_by"), "agent");
}

#[test]
fn extensions_exact_ranges_and_prefixes() {
    let cases = [
        ("\"2001\"", "2001", true),
        ("\"2001\"", "20011", false),
        ("\"2000-2999\"", "2000", true),
        ("\"2000-2999\"", "2999", true),
        ("\"2000-2999\"", "3000", false),
        ("\"2000-2999\"", "20010", false),
        ("\"2000-2999\"", "200", false),
        ("\"0100-0199\"", "0150", true),
        ("\"31*\"", "31", true),
        ("\"31*\"", "3199999", true),
        ("\"31*\"", "3", false),
        ("\"31*\"", "131", false),
        ("\"2001\", \"31*\"", "315", true),
        ("\"alice\"", "alice", true),
        ("\"alice\"", "bob", false),
        ("\"+358 9 310 1000-+358 9 310 1999\"", "+35893101001", true),
    ];
    for (rule, user, agent) in cases {
        let d = Dialog {
            to: format!("<sip:{user}@pbx.example>"),
            uri: format!("sip:{user}@192.0.2.20"),
            ..Dialog::new(3)
        };
        let (s, _) = call(&d);
        let config = format!("[agents]\nextensions = [{rule}]\n");
        let run = s.replay(&config);
        assert_eq!(run.recordings.len(), usize::from(agent), "{rule} {user}");
        assert_eq!(reason(&run, "no_agent"), u64::from(!agent), "{rule} {user}");
        if agent {
            assert_eq!(run.only().text("/agent/id"), user);
        }
    }
}

#[test]
fn national_forms_compare_alike_and_are_stored_as_they_came() {
    let numbers = "[numbers]\ncountry = \"358\"\nnational_prefix = \"0\"\n";
    for user in ["+35893101001", "0035893101001", "093101001", "+358-9-3101001", "+358(9)310.1001"] {
        let d = Dialog {
            to: format!("<sip:{user}@pbx.example>"),
            uri: format!("sip:{user}@192.0.2.20"),
            ..Dialog::new(4)
        };
        let (s, _) = call(&d);
        let config = format!(
            "[agents]\nextensions = [\"+35893101001\"]\n[[service]]\nname = \"desk\"\nnumbers = [\"09 310 1001\"]\n{numbers}"
        );
        let run = s.replay(&config);
        let r = run.only();
        assert_eq!(r.text("/service"), "desk", "{user}");
        assert_eq!(r.text("/dialled"), user);
        assert_eq!(r.text("/agent/id"), user);
    }
}

#[test]
fn networks_mark_where_sip_comes_from_or_goes_to() {
    for (network, n) in
        [("192.0.2.0/24", 1), ("192.0.2.20", 1), ("203.0.113.0/24", 0), ("198.51.100.0/24", 1)]
    {
        let (s, _) = call(&Dialog::new(5));
        let run = s.replay(&format!("[agents]\nnetworks = [\"{network}\"]\n"));
        assert_eq!(run.recordings.len(), n, "{network}");
        if n == 1 {
            let direction = if network.starts_with("192") { "inbound" } else { "outbound" };
            assert_eq!(run.only().text("/direction"), direction, "{network}");
        }
    }
}

#[test]
fn a_header_marks_its_sender() {
    let config = "[agents]\nheader = \"X-Agent-Id\"\n";
    // In the INVITE: the caller is the agent.
    let mut d = Dialog { headers: "X-Agent-Id: kalle\r\n".into(), ..Dialog::new(6) };
    let run = call(&d).0.replay(config);
    assert_eq!(run.only().text("/direction"), "outbound");
    assert_eq!(run.only().text("/agent/id"), "kalle");
    // In the 2xx: the called one is.
    d = Dialog { ok_headers: "x-agent-id:  liisa \r\n".into(), ..Dialog::new(6) };
    let run = call(&d).0.replay(config);
    assert_eq!(run.only().text("/direction"), "inbound");
    assert_eq!(run.only().text("/agent/id"), "liisa");
    // In the INVITE, naming the called user: a queue says whom it calls.
    d = Dialog { headers: "X-Agent-Id: 2001\r\n".into(), ..Dialog::new(6) };
    let run = call(&d).0.replay(config);
    assert_eq!(run.only().text("/direction"), "inbound");
    assert_eq!(run.only().text("/agent/id"), "2001");
    // Nowhere: nobody is.
    assert!(call(&Dialog::new(6)).0.replay(config).recordings.is_empty());
}

#[test]
fn calls_between_agents_are_internal() {
    let d = Dialog { from: "<sip:2002@pbx.example>".into(), ..Dialog::new(7) };
    let (s, sent) = call(&d);
    let run = s.replay(AGENTS);
    assert!(run.recordings.is_empty());
    assert_eq!(reason(&run, "internal"), 1);
    let run = s.replay(&format!("{AGENTS}record_internal = true\n"));
    let r = run.only();
    assert_eq!(r.text("/direction"), "internal");
    assert_eq!(r.text("/agent/id"), "2001", "the called one");
    must(r, "customer", &sent[0]);
    must(r, "agent", &sent[1]);
}

#[test]
fn names_are_those_of_the_configuration() {
    let (s, _) = call(&Dialog::new(8));
    let run = s.replay(&format!("{AGENTS}names = {{ \"2001\" = \"M. Virtanen\", \"2002\" = \"X\" }}\n"));
    assert_eq!(run.only().text("/agent/name"), "M. Virtanen");
    assert!(s.replay(AGENTS).only().json["agent"]["name"].is_null());
}

#[test]
fn services_match_the_dialled_number_first_match_wins() {
    let config = format!(
        "{AGENTS}
[[service]]\nname = \"116117\"\nnumbers = [\"116117\", \"+358 116117\"]\nretention = \"5 years\"
[[service]]\nname = \"second\"\nnumbers = [\"09 310 1000\"]\nhide_caller_digits = \"all\"
[[service]]\nname = \"never\"\nnumbers = [\"1\"]\nrecord = false
[[service]]\nname = \"out\"\nnumbers = [\"2\"]\ndirections = [\"outbound\"]
[service_default]\nname = \"rest\"\n[numbers]\ncountry = \"358\"\nnational_prefix = \"0\"\n"
    );
    let cases = [
        ("116117", Some("116117")),
        ("+358116117", Some("116117")),
        ("0116117", Some("116117")),
        ("+35893101000", Some("second")),
        ("1161170", Some("rest")),
        ("1", None),
        ("2", None),
    ];
    for (diverted, service) in cases {
        let headers = format!("Diversion: <sip:{diverted}@pbx.example>;reason=unconditional\r\n");
        let (s, _) = call(&Dialog { headers, ..Dialog::new(9) });
        let run = s.replay(&config);
        assert_eq!(run.recordings.len(), usize::from(service.is_some()), "{diverted}");
        if let Some(service) = service {
            let r = run.only();
            assert_eq!(r.text("/service"), service, "{diverted}");
            assert_eq!(r.text("/dialled"), if service == "rest" { "2001" } else { diverted });
            let until = if service == "116117" { "2031-11-24T00:00:00Z" } else { "2027-05-24T00:00:00Z" };
            assert_eq!(r.text("/retention/until"), until);
            assert_eq!(r.json["customer"]["number"].is_null(), service == "second");
        } else {
            let reasons = if diverted == "1" { "service" } else { "direction" };
            assert_eq!(reason(&run, reasons), 1, "{diverted}");
        }
    }
}

#[test]
fn the_dialled_number_is_the_first_that_is_a_services_else_an_agents_else_to() {
    let diversions = "Diversion: <sip:2001@pbx>;reason=no-answer\r\nDiversion: <sip:116117@pbx>\r\n";
    let history = "History-Info: <sip:+358977700@pbx>;index=1, <sip:2001@pbx>;index=1.1\r\n";
    let service = |number: &str| format!("[[service]]\nname = \"s\"\nnumbers = [\"{number}\"]\n");
    let cases: [(String, &str, String, &str); 8] = [
        // A service's number, wherever it stands.
        (format!("{diversions}{history}"), "2001", service("116117"), "116117"),
        (format!("{diversions}{history}"), "2001", service("+358977700"), "+358977700"),
        (
            "Diversion: <sip:2001@pbx>, <tel:+358-116117>\r\n".into(),
            "2001",
            service("+358116117"),
            "+358-116117",
        ),
        (String::new(), "2001", service("2001"), "2001"),
        // None: an agent's extension, the earliest.
        (diversions.into(), "2001", String::new(), "2001"),
        ("Diversion: <sip:2007@pbx>\r\n".into(), "2001", String::new(), "2007"),
        // Neither: the To user, as a customer's number is stored.
        (history.into(), "+358931010", String::new(), "+35893xxxx"),
        ("Privacy: history\r\nDiversion: <sip:116117@pbx>\r\n".into(), "2001", service("116117"), "2001"),
    ];
    for (headers, to, config, dialled) in cases {
        let d = Dialog { headers, to: format!("<sip:{to}@pbx.example>"), ..Dialog::new(10) };
        let d = Dialog { uri: "sip:device-7@192.0.2.20".into(), ..d };
        let d = Dialog { ok_headers: "X-Agent-Id: liisa\r\n".into(), ..d };
        let (s, _) = call(&d);
        let agents = "[agents]\nextensions = [\"2000-2999\"]\nheader = \"X-Agent-Id\"\n";
        let run = s.replay(&format!("{agents}{config}"));
        assert_eq!(run.only().text("/dialled"), dialled, "{} {to} {config}", d.headers);
    }
}

#[test]
fn a_queues_leg_completes_the_agents() {
    // Tied by Session-ID, by a header of one's own, by the Call-ID; and not tied at all.
    for (header, value, config, tied) in [
        ("Session-ID", "ab12;remote=0", "", true),
        ("X-Contact", "777", "[sip]\ncorrelation_headers = [\"X-Contact\"]\n", true),
        ("X-Contact", "777", "", false),
    ] {
        let mut s = Scene::new();
        let headers = format!("{header}: {value}\r\n");
        let queue = Dialog {
            to: "<sip:queue@pbx.example>".into(),
            uri: "sip:queue@192.0.2.5".into(),
            sip: [addr("198.51.100.10:5060"), addr("192.0.2.5:5060")],
            headers: format!("{headers}Diversion: <sip:116117@pbx.example>\r\n"),
            ..Dialog::new(11)
        };
        let agent = Dialog {
            from: "\"Queue\" <sip:queue@pbx.example>".into(),
            sip: [addr("192.0.2.5:5060"), addr("192.0.2.20:5060")],
            headers,
            ..Dialog::new(12)
        };
        play(&mut s, &queue, 1000.0, 9000.0);
        let sent = play(&mut s, &agent, 4000.0, 8990.0);
        let run = s.replay(&format!("{AGENTS}{config}[[service]]\nname = \"q\"\nnumbers = [\"116117\"]\n"));
        let r = run.only();
        assert_eq!(r.text("/sip/call_id"), agent.call_id);
        must(r, "customer", &sent[0]);
        must(r, "agent", &sent[1]);
        let (number, dialled, service) =
            if tied { ("+35840123xxxx", "116117", "q") } else { ("null", "2001", "general") };
        assert_eq!(r.text("/customer/number"), number, "{header}");
        assert_eq!(r.text("/dialled"), dialled, "{header}");
        assert_eq!(r.text("/service"), service, "{header}");
        assert_eq!(reason(&run, "no_agent"), 1);
    }
}

#[test]
fn two_legs_of_one_call_that_both_name_the_agent_are_one_recording() {
    // A B2BUA that passes the Call-ID on, or a Session-ID: the leg nearest the agent counts.
    for same_call_id in [true, false] {
        let mut s = Scene::new();
        let outer = Dialog {
            sip: [addr("198.51.100.10:5060"), addr("192.0.2.5:5060")],
            headers: "Session-ID: 00ff\r\n".into(),
            ..Dialog::new(13)
        };
        let mut inner = Dialog {
            sip: [addr("192.0.2.5:5060"), addr("192.0.2.20:5060")],
            headers: "Session-ID: 00ff\r\n".into(),
            ..Dialog::new(14)
        };
        if same_call_id {
            inner.call_id = outer.call_id.clone();
        }
        outer.invite(&mut s, 0.0);
        inner.invite(&mut s, 10.0);
        inner.status(&mut s, 1000.0, 200);
        outer.status(&mut s, 1005.0, 200);
        inner.ack(&mut s, 1010.0);
        outer.ack(&mut s, 1011.0);
        let near =
            [Voice::of(&inner, Caller, 1), Voice::of(&inner, Callee, 2)].map(|mut v| v.talk(1020.0, 3000.0));
        let far =
            [Voice::of(&outer, Caller, 3), Voice::of(&outer, Callee, 4)].map(|mut v| v.talk(1020.0, 3000.0));
        for m in near.iter().chain(&far) {
            s.media(m);
        }
        outer.bye(&mut s, 3000.0, Caller);
        inner.bye(&mut s, 3005.0, Caller);
        let run = s.replay(AGENTS);
        let r = run.only();
        must(r, "customer", &near[0]);
        must(r, "agent", &near[1]);
        assert_eq!(r.text("/ended_by"), "customer");
        assert_eq!(reason(&run, "other_hop"), 1, "{}", run.summary()["unrecorded"]);
    }
}
