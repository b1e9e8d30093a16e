//! Nothing a caller can write or send beside his call keeps it from being recorded.

use crate::common::ladder::{AGENTS, Dialog, Scene, Side, addr};
use crate::common::run::Run;
use crate::kit::{at, complete, inbound, talk, unrecorded};
use Side::{Callee, Caller};

/// Agents by number, header and network; the ladders' agent is within it, their caller is not.
const BOUND: &str = "[agents]\nextensions = [\"2000-2999\"]\nheader = \"X-Agent\"\nnetworks = [\"192.0.2.0/24\", \"fd02::/16\"]\n";

/// Three seconds of a call, and what came before and beside it.
fn played(d: &Dialog, config: &str, beside: impl FnOnce(&mut Scene, &Dialog)) -> Run {
    let mut s = Scene::new();
    d.answered(&mut s, 100.0, 1000.0);
    beside(&mut s, d);
    let sent = talk(&mut s, d, 1000.0, 4000.0);
    d.bye(&mut s, 4000.0, Caller);
    let run = s.replay(config);
    let r = run.only();
    assert_eq!([r.text("/agent/id"), r.text("/direction")], ["2001", "inbound"], "{}", r.json);
    inbound(r, &sent);
    complete(r, true);
    assert_eq!(unrecorded(&run, "invite_unseen"), 0);
    run
}

/// The same call over IPv4 and IPv6.
fn both_families(d: &Dialog) -> [Dialog; 2] {
    [d.clone(), at(d.clone(), "fd01::10", "fd02::20")]
}

#[test]
fn a_caller_who_says_that_he_is_an_agent_is_none_outside_the_networks() {
    let customer = "<sip:+358401234567@trunk.example>";
    for (from, headers) in [
        ("<sip:2999@pbx.example>", ""),
        (customer, "P-Asserted-Identity: <sip:2999@pbx.example>\r\n"),
        (customer, "Remote-Party-ID: <sip:2999@pbx.example>;party=calling\r\n"),
        (customer, "X-Agent: 2999\r\n"),
        (customer, "x-agent: kalle\r\n"),
        ("\"Agent\" <sip:2001@pbx.example>", "X-AGENT: 2001\r\nP-Asserted-Identity: <tel:2999>\r\n"),
    ] {
        for d in both_families(&Dialog { from: from.into(), headers: headers.into(), ..Dialog::new(1) }) {
            played(&d, BOUND, |_, _| {});
            // As soon as any one rule is enough he has chosen.
            let mut s = Scene::new();
            d.answered(&mut s, 100.0, 1000.0);
            talk(&mut s, &d, 1000.0, 4000.0);
            let run = s.replay(&format!("{BOUND}match = \"any\"\n"));
            let other = run.recordings.iter().any(|r| r.text("/direction") == "inbound");
            assert!(!other || from == customer && headers.contains("X-Agent: 2001"), "{from} {headers}");
        }
    }
}

#[test]
fn an_identity_told_in_the_midst_of_a_call_makes_no_agent_outside_the_networks() {
    for (method, header) in [
        ("UPDATE", "P-Asserted-Identity: <sip:2999@pbx.example>\r\n"),
        ("UPDATE", "X-Agent: 2999\r\n"),
        ("INVITE", "Remote-Party-ID: <sip:2999@pbx.example>;party=calling\r\n"),
    ] {
        played(&Dialog::new(2), BOUND, |s, d| crate::kit::identity(s, d, 2500.0, method, Caller, 7, header));
    }
}

#[test]
fn agents_within_the_networks_are_known_as_before() {
    let mut s = Scene::new();
    let d = Dialog::outbound(3);
    d.answered(&mut s, 100.0, 1000.0);
    talk(&mut s, &d, 1000.0, 4000.0);
    d.bye(&mut s, 4000.0, Caller);
    let run = s.replay(BOUND);
    assert_eq!([run.only().text("/agent/id"), run.only().text("/direction")], ["2001", "outbound"]);
    // An agent elsewhere is none, were it only by oversight: that is what the word means.
    let run = s.replay("[agents]\nextensions = [\"2000-2999\"]\nnetworks = [\"203.0.113.0/24\"]\n");
    assert_eq!((run.recordings.len(), unrecorded(&run, "no_agent")), (0, 1));
    let lifted = "[agents]\nextensions = [\"2000-2999\"]\nnetworks = [\"203.0.113.0/24\"]\nmatch = \"any\"\n";
    assert_eq!(s.replay(lifted).only().text("/agent/id"), "2001");
}

#[test]
fn ids_of_any_length_are_followed() {
    let long = |n: usize| format!("{}{n}", "x".repeat(n));
    for n in [505, 512, 513, 2000, 20_000] {
        for which in 0..4 {
            let mut d = Dialog::new(4);
            match which {
                0 => d.call_id = long(n),
                1 => d.tags[0] = long(n),
                2 => d.tags[1] = long(n),
                _ => d.branch = long(n),
            }
            for d in both_families(&d) {
                let run = played(&d, AGENTS, |_, _| {});
                let stored = run.only().text("/sip/call_id");
                match which == 0 && d.call_id.len() > 512 {
                    true => assert!(stored.starts_with("sha256:") && stored.len() == 23, "{stored}"),
                    false => assert_eq!(stored, d.call_id),
                }
            }
        }
    }
}

#[test]
fn header_fields_in_front_hide_nothing() {
    let filler = |n: usize| "X-Filler: 1\r\n".repeat(n);
    for n in [255, 256, 257, 1500] {
        for compact in [false, true] {
            let d = Dialog::new(5);
            let mut s = Scene::new();
            let padded = |text: String| {
                let (line, rest) = text.split_once("\r\n").unwrap();
                let rest = match compact {
                    true => rest
                        .replace("\r\nFrom:", "\r\nf:")
                        .replace("\r\nTo:", "\r\nt:")
                        .replace("Call-ID:", "i:")
                        .replacen("Via:", "v:", 1),
                    false => rest.into(),
                };
                format!("{line}\r\n{}{rest}", filler(n))
            };
            let (caller, callee) = (d.sip[0], d.sip[1]);
            let invite = d.request_text("INVITE", Caller, 1, false, "", Some(&d.sdp(Caller)));
            s.udp(100.0, caller, callee, padded(invite).as_bytes());
            let ok = d.response_text(200, "INVITE", Caller, 1, "", Some(&d.sdp(Callee)));
            s.udp(1000.0, callee, caller, padded(ok).as_bytes());
            d.ack(&mut s, 1005.0);
            let sent = talk(&mut s, &d, 1000.0, 4000.0);
            d.bye(&mut s, 4000.0, Caller);
            let run = s.replay(AGENTS);
            inbound(run.only(), &sent);
        }
    }
}

/// Another INVITE of the same caller under the same Call-ID; what it offers is of its own.
fn decoy(d: &Dialog, cseq: u32, tag: &str, port: u16) -> Dialog {
    let mut other = Dialog { cseq, branch: format!("-decoy{cseq}{tag}{port}"), ..d.clone() };
    other.tags[0] = tag.into();
    other.tags[1] = format!("r{cseq}{tag}");
    other.rtp[0].set_port(port);
    other
}

#[test]
fn a_second_try_that_is_refused_does_not_hide_the_one_that_is_answered() {
    for (own, other) in [(1, 2), (2, 1), (1, 1000), (7, 3)] {
        let d = Dialog { cseq: own, ..Dialog::new(6) };
        for same_media in [true, false] {
            let port = if same_media { d.rtp[0].port() } else { 47_000 };
            let second = decoy(&d, other, &d.tags[0], port);
            for (sent_at, refused_at, code) in [
                (50.0, Some(60.0), 491),
                (50.0, Some(500.0), 500),
                (50.0, None, 0),
                (200.0, Some(300.0), 491),
                (200.0, Some(1500.0), 482),
                (200.0, None, 0),
                (1500.0, Some(1600.0), 491),
                (1500.0, None, 0),
            ] {
                played(&d, AGENTS, |s, _| {
                    second.invite(s, sent_at);
                    if let Some(at) = refused_at {
                        second.status(s, at, code);
                        second.ack(s, at + 5.0);
                    }
                });
            }
        }
    }
}

#[test]
fn other_tags_under_the_same_call_id_hide_nothing() {
    for n in [15, 16, 17, 60] {
        for from in [0.0, 300.0] {
            for refused in [true, false] {
                played(&Dialog::new(7), AGENTS, |s, d| {
                    for i in 0..n {
                        let other = decoy(d, 1, &format!("t{i}"), 40_000 + 4 * i);
                        other.invite(s, from + f64::from(i));
                        if refused {
                            other.status(s, from + 80.0 + f64::from(i), 486);
                        }
                    }
                });
            }
        }
    }
}

#[test]
fn many_tries_of_one_caller_hide_nothing() {
    for from in [0.0, 300.0] {
        played(&Dialog { cseq: 50, ..Dialog::new(8) }, AGENTS, |s, d| {
            for cseq in (1..100).filter(|c| *c != 50) {
                decoy(d, cseq, &d.tags[0], 40_000 + 4 * cseq as u16).invite(s, from + f64::from(cseq));
            }
        });
    }
}

#[test]
fn a_call_answered_before_under_the_same_call_id_hides_nothing() {
    // An announcement answers first, and goes on; then the agent's line is called with the same
    // Call-ID, tag and, in one case, CSeq.
    for cseq in [1, 2] {
        let d = Dialog { cseq, branch: "-second".into(), ..Dialog::new(9) };
        let mut first = Dialog {
            cseq: 1,
            to: "<sip:7777@pbx.example>".into(),
            uri: "sip:7777@192.0.2.77".into(),
            ..Dialog::new(9)
        };
        first.tags[1] = "ivr".into();
        first.sip[1] = addr("192.0.2.77:5060");
        first.rtp = [addr("198.51.100.10:41000"), addr("192.0.2.77:41002")];
        for hung_up in [true, false] {
            let mut s = Scene::new();
            first.answered(&mut s, 0.0, 20.0);
            if hung_up {
                first.bye(&mut s, 60.0, Caller);
            }
            d.answered(&mut s, 100.0, 1000.0);
            let sent = talk(&mut s, &d, 1000.0, 4000.0);
            d.bye(&mut s, 4000.0, Caller);
            let run = s.replay(AGENTS);
            assert_eq!(run.only().text("/agent/id"), "2001", "{cseq} {hung_up}");
            inbound(run.only(), &sent);
        }
    }
}

#[test]
fn a_challenged_invite_keeps_its_call() {
    for captured in [true, false] {
        for outbound in [true, false] {
            let d = if outbound { Dialog::outbound(10) } else { Dialog::new(10) };
            let (first, d) = (d.clone(), Dialog { cseq: 2, branch: "-again".into(), ..d });
            let mut s = Scene::new();
            first.invite(&mut s, 0.0);
            if captured {
                first.status(&mut s, 20.0, 407);
                first.ack(&mut s, 25.0);
            }
            d.answered(&mut s, 100.0, 1000.0);
            talk(&mut s, &d, 1000.0, 4000.0);
            d.bye(&mut s, 4000.0, Caller);
            let run = s.replay(AGENTS);
            assert_eq!(run.only().text("/agent/id"), "2001", "{captured} {outbound}");
            complete(run.only(), true);
        }
    }
}
