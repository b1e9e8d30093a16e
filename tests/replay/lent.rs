//! A leg nearest the agent that nobody can read, behind an exchange whose other leg is in the clear:
//! that one is recorded, and nothing of it that the agent did not hear.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene};
use crate::common::oracle::must;
use crate::common::run::Run;
use crate::common::sdp::{Line, description};
use crate::common::voice::{Packet, encrypted, relayed};
use crate::kit::*;

const EXCHANGE: &str = "192.0.2.5";
const FINGERPRINT: &str = "fingerprint:sha-256 \
    12:DF:3E:5D:49:6B:19:E5:7C:AB:4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:4A:AD";

/// Why the agent's leg cannot be read.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hidden {
    Dtls,
    NoKeys,
    Codec,
}

const ALL: [Hidden; 3] = [Hidden::Dtls, Hidden::NoKeys, Hidden::Codec];

/// One call on two legs, the customer's and the agent's.
#[derive(Clone)]
struct Legs {
    far: Dialog,
    near: Dialog,
    agent_calls: bool,
    hidden: Hidden,
}

impl Legs {
    fn new(n: u16, agent_calls: bool, hidden: Hidden) -> Legs {
        let headers = format!("Session-ID: 00ff{n}\r\n");
        let (agent, customer) = ("192.0.2.20", "198.51.100.10");
        let (far, near) = if agent_calls {
            (at(Dialog::outbound(n), EXCHANGE, customer), at(Dialog::outbound(n + 50), agent, EXCHANGE))
        } else {
            (at(Dialog::new(n), customer, EXCHANGE), at(Dialog::new(n + 50), EXCHANGE, agent))
        };
        let mut near = Dialog { headers: headers.clone(), ..near };
        near.bodies = near.rtp.map(|at| {
            let line = match hidden {
                Hidden::Dtls => {
                    let line = Line::audio(at).with(FINGERPRINT).with("setup:actpass");
                    Line { profile: "UDP/TLS/RTP/SAVP", ..line }
                }
                Hidden::NoKeys => Line { profile: "RTP/SAVP", ..Line::audio(at) },
                Hidden::Codec => Line::audio(at).formats("99", &["99 BV32/16000"]),
            };
            description(1, &[line])
        });
        Legs { far: Dialog { headers, ..far }, near, agent_calls, hidden }
    }

    /// The customer's leg is answered at `far`, the agent's at `near`; both are hung up at `end`.
    fn signal(&self, s: &mut Scene, far: f64, near: f64, end: f64) {
        let [first, second] =
            if self.agent_calls { [&self.near, &self.far] } else { [&self.far, &self.near] };
        let rings = (far.min(near) - 900.0, near - 890.0);
        first.invite(s, rings.0);
        second.invite(s, if self.agent_calls { rings.0 + 10.0 } else { rings.1.max(rings.0 + 10.0) });
        for (leg, at) in [(&self.far, far), (&self.near, near)] {
            leg.status(s, at, 200);
            leg.ack(s, at + 8.0);
            leg.bye(s, end, if self.agent_calls { Callee } else { Caller });
        }
    }

    /// What was said on the customer's leg, as the exchange passes it on to the agent's.
    fn pass_on(&self, s: &mut Scene, sent: &Sent) {
        for (voice, [a, b]) in [(&sent[0], [0, 1]), (&sent[1], [1, 0])] {
            s.media(&self.hide(&relayed(voice, self.near.rtp[a], self.near.rtp[b], 0.05), a as u64));
        }
    }

    fn hide(&self, packets: &[Packet], seed: u64) -> Vec<Packet> {
        let mut hidden = encrypted(packets, seed);
        if self.hidden == Hidden::Codec {
            hidden.iter_mut().for_each(|p| p.rtp[1] = 99);
        }
        hidden
    }

    #[track_caller]
    fn heard(&self, run: &Run, sent: &Sent) {
        let r = run.only();
        if self.agent_calls {
            outbound(r, sent)
        } else {
            inbound(r, sent)
        }
        complete(r, true);
        assert_eq!(r.text("/sip/call_id"), self.near.call_id, "the leg nearest the agent");
        assert_eq!(streams(r, "customer").0, 1, "{}", r.json["streams"]);
    }
}

#[test]
fn the_other_leg_lends_its_sound() {
    for agent_calls in [false, true] {
        for hidden in ALL {
            // An inbound call is answered by the agent first, an outbound one by the customer.
            let (far, near) = if agent_calls { (1000.0, 1004.0) } else { (1004.0, 1000.0) };
            let legs = Legs::new(1, agent_calls, hidden);
            let mut s = Scene::new();
            legs.signal(&mut s, far, near, 6000.0);
            let sent = talk(&mut s, &legs.far, 1020.0, 5900.0);
            legs.pass_on(&mut s, &sent);
            println!("{agent_calls} {hidden:?}");
            legs.heard(&s.replay(AGENTS), &sent);
        }
    }
}

#[test]
fn without_a_header_the_legs_that_are_one_lend_as_well() {
    for agent_calls in [false, true] {
        let (far, near) = if agent_calls { (1000.0, 1004.0) } else { (1004.0, 1000.0) };
        let mut legs = Legs::new(2, agent_calls, Hidden::Dtls);
        legs.far.headers.clear();
        legs.near.headers.clear();
        let mut s = Scene::new();
        legs.signal(&mut s, far, near, 6000.0);
        let sent = talk(&mut s, &legs.far, 1020.0, 5900.0);
        legs.pass_on(&mut s, &sent);
        println!("{agent_calls}");
        legs.heard(&s.replay(AGENTS), &sent);
    }
}

#[test]
fn what_a_customer_hears_in_a_queue_is_not_lent() {
    // The exchange has answered before: how long it plays music to him after the agent has picked up
    // nobody can tell.
    for before in [300.0, 9000.0] {
        let mut legs = Legs::new(3, false, Hidden::Dtls);
        (legs.far.to, legs.far.uri) = ("<sip:116117@pbx.example>".into(), "sip:116117@192.0.2.5".into());
        let mut s = Scene::new();
        legs.signal(&mut s, 10_000.0 - before, 10_000.0, 16_000.0);
        let sent = talk(&mut s, &legs.far, 10_000.0 - before + 20.0, 15_900.0);
        legs.pass_on(&mut s, &sent);
        let run = s.replay(AGENTS);
        let r = run.only();
        silent(r, "customer");
        silent(r, "agent");
        complete(r, false);
    }
}

#[test]
fn what_a_customer_says_and_hears_on_hold_is_not_lent() {
    for hidden in ALL {
        for by in [Caller, Callee] {
            let legs = Legs::new(4, false, hidden);
            let mut s = Scene::new();
            legs.signal(&mut s, 1004.0, 1000.0, 9000.0);
            let said = [(1020.0, 3000.0), (3030.0, 5990.0), (6030.0, 8900.0)];
            let [before, during, after] = said.map(|(from, to)| talk(&mut s, &legs.far, from, to));
            legs.pass_on(&mut s, &before);
            legs.pass_on(&mut s, &after);
            for (at, cseq, [way, back]) in
                [(3010.0, 7, ["sendonly", "recvonly"]), (6010.0, 8, ["sendrecv", "sendrecv"])]
            {
                let body = |side: crate::common::ladder::Side, way: &str| {
                    legs.near.bodies[side as usize].replace(" 1 IN IP4", &format!(" {cseq} IN IP4"))
                        + &format!("a={way}\r\n")
                };
                legs.near.reinvite(&mut s, at, by, cseq, &body(by, way), &body(by.other(), back));
            }
            println!("{hidden:?} {by:?}");
            let run = s.replay(AGENTS);
            let r = run.only();
            inbound(r, &[0, 1].map(|side| [&before[side][..], &after[side][..]].concat()));
            assert!(!during[0].is_empty());
            let held = (r.rate as usize * 205 / 100)..(r.rate as usize * 495 / 100);
            for channel in ["customer", "agent"] {
                let loud = r.channel(channel)[held.clone()].iter().filter(|s| **s != 0).count();
                assert_eq!(loud, 0, "{hidden:?} {by:?} {channel}");
            }
            complete(r, true);
        }
    }
}

#[test]
fn a_leg_whose_agent_has_hung_up_lends_nothing_more() {
    let mut legs = Legs::new(5, false, Hidden::Dtls);
    (legs.far.to, legs.far.uri) = ("<sip:116117@pbx.example>".into(), "sip:116117@192.0.2.5".into());
    let mut s = Scene::new();
    legs.far.invite(&mut s, 0.0);
    legs.near.invite(&mut s, 10.0);
    legs.near.status(&mut s, 1000.0, 200);
    legs.far.status(&mut s, 1004.0, 200);
    let sent = talk(&mut s, &legs.far, 1020.0, 4000.0);
    legs.pass_on(&mut s, &sent);
    legs.near.bye(&mut s, 4010.0, Callee);
    // Back in the queue, then with another agent, whose leg cannot be read either.
    let next = talk(&mut s, &legs.far, 4020.0, 12_000.0);
    let again = Legs {
        near: Dialog {
            to: "<sip:2002@pbx.example>".into(),
            uri: "sip:2002@192.0.2.20".into(),
            call_id: "again".into(),
            ..legs.near.clone()
        },
        ..legs.clone()
    };
    again.near.answered(&mut s, 7000.0, 8000.0);
    again.pass_on(&mut s, &next.map(|voice| voice[250..].to_vec()));
    again.near.bye(&mut s, 12_000.0, Callee);
    legs.far.bye(&mut s, 12_010.0, Callee);
    let run = s.replay(AGENTS);
    let [first, second] = &run.recordings[..] else { panic!("{} {}", run.recordings.len(), run.summary()) };
    inbound(first, &sent);
    complete(first, true);
    spans(first, 1000.0, 4010.0, "agent");
    silent(second, "customer");
    silent(second, "agent");
    complete(second, false);
}

#[test]
fn calls_side_by_side_lend_each_to_its_own() {
    let mut s = Scene::new();
    let mut said = Vec::new();
    for (n, late) in [(6, 0.0), (7, 2.0), (8, 400.0)] {
        let mut legs = Legs::new(n, false, Hidden::Dtls);
        for leg in [&mut legs.far, &mut legs.near] {
            leg.from = format!("<sip:+35840123{n}567@trunk.example>");
            leg.to = format!("<sip:200{n}@pbx.example>");
            leg.uri = format!("sip:200{n}@192.0.2.20");
        }
        legs.signal(&mut s, 1004.0 + late, 1000.0 + late, 6000.0 + late);
        let sent = talk(&mut s, &legs.far, 1020.0 + late, 5900.0 + late);
        legs.pass_on(&mut s, &sent);
        said.push((format!("200{n}"), sent));
    }
    let run = s.replay(AGENTS);
    assert_eq!(run.recordings.len(), 3);
    for (agent, sent) in &said {
        let r = run.recordings.iter().find(|r| r.text("/agent/id") == *agent).unwrap();
        inbound(r, sent);
        complete(r, true);
    }
}

#[test]
fn an_agents_leg_that_can_be_read_borrows_nothing() {
    // Other voices on the customer's leg than on the agent's: which of them was recorded is heard.
    for agent_calls in [false, true] {
        let (far, near) = if agent_calls { (1000.0, 1004.0) } else { (1004.0, 1000.0) };
        let mut legs = Legs::new(9, agent_calls, Hidden::Dtls);
        legs.near.bodies = Default::default();
        let mut s = Scene::new();
        legs.signal(&mut s, far, near, 6000.0);
        talk(&mut s, &legs.far, 1020.0, 5900.0);
        let sent = talk(&mut s, &legs.near, 1030.0, 5900.0);
        let run = s.replay(AGENTS);
        let r = run.only();
        let [left, right] = if agent_calls { ["agent", "customer"] } else { ["customer", "agent"] };
        must(r, left, &sent[0]);
        must(r, right, &sent[1]);
        complete(r, true);
    }
}

/// Nothing is heard between these ms after the answer, on either channel.
#[track_caller]
fn quiet_between(run: &Run, from: f64, to: f64) {
    let r = run.only();
    let frames = |ms: f64| (ms * f64::from(r.rate) / 1000.0) as usize;
    for channel in ["customer", "agent"] {
        let heard = r.channel(channel);
        let until = frames(to).min(heard.len());
        let loud = heard[frames(from).min(until)..until].iter().filter(|s| **s != 0).count();
        assert_eq!(loud, 0, "{channel} {}", r.json);
    }
}

#[test]
fn a_hold_that_only_the_customers_leg_tells_of_lends_nothing() {
    for way in ["sendonly", "inactive"] {
        let legs = Legs::new(10, false, Hidden::Dtls);
        let mut s = Scene::new();
        legs.signal(&mut s, 1004.0, 1000.0, 9000.0);
        let said = [(1020.0, 3000.0), (3030.0, 5990.0), (6030.0, 8900.0)];
        let [before, during, after] = said.map(|(from, to)| talk(&mut s, &legs.far, from, to));
        [&before, &during, &after].into_iter().for_each(|sent| legs.pass_on(&mut s, sent));
        for (at, cseq, way, back) in [(3010.0, 7, way, "recvonly"), (6010.0, 8, "sendrecv", "sendrecv")] {
            let d = &legs.far;
            let [offer, answer] = [(Callee, way), (Caller, back)]
                .map(|(side, way)| d.sdp_with(side, d.rtp[side as usize], "8", way, cseq));
            d.reinvite(&mut s, at, Callee, cseq, &offer, &answer);
        }
        let run = s.replay(AGENTS);
        inbound(run.only(), &[0, 1].map(|side| [&before[side][..], &after[side][..]].concat()));
        quiet_between(&run, 2050.0, 4950.0);
    }
}

#[test]
fn a_customer_who_is_passed_on_is_not_heard_waiting() {
    let legs = Legs::new(11, false, Hidden::Dtls);
    let mut s = Scene::new();
    legs.signal(&mut s, 1004.0, 1000.0, 7000.0);
    let before = talk(&mut s, &legs.far, 1020.0, 3000.0);
    legs.pass_on(&mut s, &before);
    legs.near.exchange(&mut s, 3010.0, "REFER", Callee, 9, "Refer-To: <sip:2002@pbx.example>\r\n");
    talk(&mut s, &legs.far, 3040.0, 6900.0);
    let run = s.replay(AGENTS);
    inbound(run.only(), &before);
    quiet_between(&run, 2050.0, 6000.0);
}

#[test]
fn an_agent_who_is_gone_without_a_word_is_not_kept_by_a_lent_voice() {
    let legs = Legs::new(12, false, Hidden::Dtls);
    let mut s = Scene::new();
    legs.signal(&mut s, 1004.0, 1000.0, 60_000.0);
    let sent = talk(&mut s, &legs.far, 1020.0, 3000.0);
    legs.pass_on(&mut s, &sent);
    talk(&mut s, &legs.far, 3020.0, 59_000.0);
    let run = s.replay(AGENTS);
    let r = run.only();
    assert_eq!(r.text("/ended_by"), "timeout");
    assert!(r.number("/duration_s") < 2.1, "{}", r.json);
    inbound(r, &sent);
}

#[test]
fn another_customer_of_the_same_contact_does_not_take_over() {
    let legs = Legs::new(13, false, Hidden::Dtls);
    let mut s = Scene::new();
    legs.signal(&mut s, 1004.0, 1000.0, 6000.0);
    let sent = talk(&mut s, &legs.far, 1020.0, 5900.0);
    legs.pass_on(&mut s, &sent);
    let other = Dialog {
        from: "<sip:+358507654321@trunk.example>".into(),
        headers: legs.far.headers.clone(),
        ..at(Dialog::new(14), "198.51.100.10", EXCHANGE)
    };
    other.answered(&mut s, 600.0, 1500.0);
    talk(&mut s, &other, 1520.0, 5900.0);
    other.bye(&mut s, 6000.0, Caller);
    let run = s.replay(AGENTS);
    let r = run.recordings.iter().find(|r| r.text("/sip/call_id") == legs.near.call_id).unwrap();
    inbound(r, &sent);
}
