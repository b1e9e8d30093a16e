//! Addresses that say too little: telephones behind one NAT that use one port of a media server, ports used again
//! while the last call's party goes on sending, parties that move behind NATs one after the other. Nobody hears
//! another's voice, and what is missing says so.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side, addr, ns};
use crate::common::oracle::check;
use crate::common::run::Recording;
use crate::common::voice::{Packet, Voice};
use crate::kit::*;
use std::net::SocketAddr;

/// Whole, or it says that it is not.
#[track_caller]
fn honest(r: &Recording, sent: [&Vec<Packet>; 2], what: &str) {
    for (channel, own) in ["customer", "agent"].iter().zip(sent) {
        if check(r, channel, own).is_err() {
            assert_eq!(r.json["complete"], false, "{what}: {channel} misses something; {}", r.json);
        }
    }
}

/// Nothing that another said was taken for one of its own.
#[track_caller]
fn holds_nothing_of(r: &Recording, others: &[Vec<Packet>; 2], what: &str) {
    for said in others.iter().filter_map(|said| said.first()) {
        let ssrc = said.rtp[8..12].iter().fold("0x".to_string(), |text, byte| text + &format!("{byte:02x}"));
        let streams = r.json["streams"].as_array().unwrap();
        assert!(!streams.iter().any(|s| s["ssrc"] == *ssrc), "{what}: {ssrc} is another's; {}", r.json);
    }
}

/// A customer calls agent 2001, 2002 and so on.
fn to_agent(n: u16) -> Dialog {
    let (d, agent) = (Dialog::new(n + 1), format!("200{}", n + 1));
    Dialog { to: d.to.replace("2001", &agent), uri: d.uri.replace("2001", &agent), ..d }
}

#[test]
fn telephones_behind_one_nat_at_one_media_port_never_hear_one_another() {
    let server: SocketAddr = addr("192.0.2.10:30000");
    for phones in [2_u16, 3] {
        for late in [0.0, 300.0, 600.0, 1500.0] {
            for ports in [[6000, 6002, 6004], [41_000, 41_002, 41_004], [6002, 6000, 6004]] {
                let mut s = Scene::new();
                let mut all = Vec::new();
                for n in 0..phones {
                    let at = 1000.0 + late * f64::from(n);
                    let d = Dialog {
                        sip: [addr("192.0.2.10:5060"), addr(&format!("198.51.100.9:{}", 5060 + n))],
                        rtp: [server, addr("10.0.0.5:6000")],
                        ..to_agent(n)
                    };
                    let phone = addr(&format!("198.51.100.9:{}", ports[n as usize]));
                    d.answered(&mut s, at - 700.0, at);
                    let customer = Voice::of(&d, Caller, 90 + u64::from(n)).between(server, phone);
                    let agent = Voice::of(&d, Callee, 80 + u64::from(n)).between(phone, server);
                    let said = [customer, agent].map(|mut v| v.talk(at + 20.0, at + 3900.0));
                    said.iter().for_each(|said| s.media(said));
                    d.bye(&mut s, at + 4000.0, Caller);
                    all.push(said);
                }
                let run = s.replay(AGENTS);
                assert_eq!(run.recordings.len(), usize::from(phones));
                for (n, r) in run.recordings.iter().enumerate() {
                    assert_eq!(r.text("/agent/id"), format!("200{}", n + 1));
                    let what = format!("{phones} {late} {ports:?} {n}");
                    let others = all.iter().enumerate().filter(|(m, _)| *m != n);
                    others.for_each(|(_, others)| holds_nothing_of(r, others, &what));
                    honest(r, [&all[n][0], &all[n][1]], &what);
                }
            }
        }
    }
}

#[test]
fn an_office_behind_one_nat_is_heard_where_the_exchange_has_a_port_for_each_call() {
    for [first, second, third] in [[false; 3], [true; 3], [true, true, false], [false, true, true]] {
        for ports in [[6000, 6002, 6004], [41_000, 41_002, 41_004]] {
            let mut s = Scene::new();
            let mut all = Vec::new();
            for (n, is_outbound) in (0_u16..).zip([first, second, third]) {
                let at = 1000.0 + 300.0 * f64::from(n);
                let own = addr(&format!("198.51.100.9:{}", 5060 + n));
                let (exchange, server) =
                    (addr("192.0.2.10:5060"), addr(&format!("192.0.2.10:{}", 30_000 + 2 * n)));
                let inside = addr(&format!("10.0.0.{}:6000", 5 + n));
                let phone = addr(&format!("198.51.100.9:{}", ports[n as usize]));
                let d = if is_outbound { Dialog::outbound(n + 1) } else { Dialog::new(n + 1) };
                let [sip, rtp] = if is_outbound {
                    [[own, exchange], [inside, server]]
                } else {
                    [[exchange, own], [server, inside]]
                };
                let d = Dialog { sip, rtp, ..d };
                d.answered(&mut s, at - 700.0, at);
                let [agent, customer] = if is_outbound { [Caller, Callee] } else { [Callee, Caller] };
                let said = [
                    Voice::of(&d, customer, 90 + u64::from(n))
                        .between(server, phone)
                        .talk(at + 60.0, at + 3900.0),
                    Voice::of(&d, agent, 80 + u64::from(n))
                        .between(phone, server)
                        .talk(at + 20.0, at + 3900.0),
                ];
                said.iter().for_each(|said| s.media(said));
                d.bye(&mut s, at + 4000.0, Caller);
                all.push(said);
            }
            let run = s.replay(AGENTS);
            assert_eq!(run.recordings.len(), 3);
            let what = format!("{first} {second} {third} {ports:?}");
            for (r, said) in run.recordings.iter().zip(&all) {
                honest(r, [&said[0], &said[1]], &what);
            }
            // One whose own port looks like another's behind the NAT may be in doubt.
            let whole = run.recordings.iter().filter(|r| r.json["complete"] == true).count();
            assert!(whole >= if third && ports[0] == 6000 { 2 } else { 3 }, "{what}: {whole}");
        }
    }
}

#[test]
fn the_next_call_on_both_ports_does_not_hear_who_still_sends() {
    for (gap, still) in [(40.0, 100.0), (40.0, 500.0), (300.0, 700.0), (1200.0, 1500.0)] {
        for who in [[true, false], [false, true], [true, true]] {
            let old = Dialog::new(1);
            let new = Dialog { rtp: old.rtp, ..Dialog::new(2) };
            let mut s = Scene::new();
            old.answered(&mut s, 0.0, 1000.0);
            let mut first = [Caller, Callee].map(|side| Voice::of(&old, side, 40 + side as u64));
            let before = [Caller, Callee].map(|side| {
                let until = if who[side as usize] { 3000.0 + still } else { 2990.0 };
                first[side as usize].talk(1003.0 + f64::from(side as u8), until)
            });
            before.iter().for_each(|said| s.media(said));
            old.bye(&mut s, 3000.0, Caller);
            let at = 3000.0 + gap;
            new.invite(&mut s, at - 30.0);
            new.status(&mut s, at, 200);
            new.ack(&mut s, at + 4.0);
            let sent = [Caller, Callee]
                .map(|side| Voice::of(&new, side, 60 + side as u64).talk(at + 9.0, at + 2900.0));
            sent.iter().for_each(|sent| s.media(sent));
            new.bye(&mut s, at + 3000.0, Callee);
            let run = s.replay(AGENTS);
            assert_eq!(run.recordings.len(), 2);
            let what = format!("{gap} {still} {who:?}");
            holds_nothing_of(&run.recordings[1], &before, &what);
            honest(&run.recordings[1], [&sent[0], &sent[1]], &what);
        }
    }
}

/// A call of 1.5 s from `at` on, its agent at `phone` on the wire; both go on for `still` ms.
fn one_of_many(s: &mut Scene, n: u16, at: f64, is_hidden: bool, [still, seed]: [f64; 2]) -> [Vec<Packet>; 2] {
    let d = Dialog::new(n);
    let [server, phone] = [addr("192.0.2.10:30000"), addr("192.0.2.21:5000")];
    let described = if is_hidden { addr("10.0.0.5:5000") } else { phone };
    let d = Dialog { sip: [addr("192.0.2.10:5060"), addr("192.0.2.21:5060")], rtp: [server, described], ..d };
    d.invite(s, at - 15.0);
    d.status(s, at, 200);
    d.ack(s, at + 4.0);
    let said = [
        Voice::of(&d, Caller, seed as u64).between(server, phone).talk(at + 11.0, at + 1500.0 + still),
        Voice::of(&d, Callee, seed as u64 + 1).between(phone, server).talk(at + 9.0, at + 1500.0 + still),
    ];
    said.iter().for_each(|said| s.media(said));
    d.bye(s, at + 1500.0, Callee);
    said.map(|said| said.into_iter().filter(|p| p.nominal_ns < ns(at + 1500.0)).collect())
}

#[test]
fn calls_in_a_row_on_the_same_ports_are_heard_and_never_hear_the_last_one() {
    for is_hidden in [false, true] {
        for gap in [20.0, 150.0, 300.0, 1200.0] {
            for still in [0.0, 100.0, 300.0] {
                let mut s = Scene::new();
                let mut all = Vec::new();
                for n in 0..4_u16 {
                    let at = 1000.0 + f64::from(n) * (1500.0 + gap);
                    all.push(one_of_many(&mut s, n + 1, at, is_hidden, [still, 10.0 * f64::from(n)]));
                }
                let run = s.replay(AGENTS);
                assert_eq!(run.recordings.len(), 4, "{is_hidden} {gap} {still}");
                for (n, (r, own)) in run.recordings.iter().zip(&all).enumerate() {
                    let what = format!("{is_hidden} {gap} {still} {n}");
                    let others = all.iter().enumerate().filter(|(m, _)| *m != n);
                    others.for_each(|(_, others)| holds_nothing_of(r, others, &what));
                    honest(r, [&own[0], &own[1]], &what);
                    assert!(
                        still > 0.0 || r.json["complete"] == true,
                        "{what}: nobody disturbs it; {}",
                        r.json
                    );
                }
            }
        }
    }
}

#[test]
fn devices_that_use_one_ssrc_for_all_their_calls_are_heard_from_the_answer_on() {
    for gap in [20.0, 150.0, 600.0, 1500.0] {
        let mut s = Scene::new();
        let all: Vec<_> = (0..3_u16)
            .map(|n| one_of_many(&mut s, n + 1, 1000.0 + f64::from(n) * (1500.0 + gap), false, [0.0, 77.0]))
            .collect();
        let run = s.replay(AGENTS);
        assert_eq!(run.recordings.len(), 3);
        for (r, own) in run.recordings.iter().zip(&all) {
            honest(r, [&own[0], &own[1]], &format!("{gap}"));
            complete(r, true);
        }
    }
}

#[test]
fn calls_through_a_mixer_with_one_port_one_ssrc_and_one_count_are_told_apart() {
    for late in [10.0, 100.0, 300.0, 1000.0, 3000.0] {
        let server = addr("192.0.2.10:30000");
        let mut s = Scene::new();
        let mut all = Vec::new();
        for n in 0..2_u16 {
            let at = 1000.0 + late * f64::from(n);
            let phone = addr(&format!("192.0.2.{}:5000", 21 + n));
            let d = Dialog {
                sip: [addr("192.0.2.10:5060"), SocketAddr::new(phone.ip(), 5060)],
                rtp: [server, phone],
                ..to_agent(n)
            };
            d.answered(&mut s, at - 500.0, at);
            // The mixer's numbers and stamps follow its clock, whoever it speaks to.
            let first = 1000.0 + 20.0 * ((at + 9.0 - 1000.0) / 20.0).ceil();
            let mut mixer = Voice::of(&d, Caller, 5);
            let steps = ((first - 1000.0) / 20.0) as u32;
            (mixer.ssrc, mixer.seq, mixer.ts) = (0x1111_2222, 100 + steps as u16, 5000 + 160 * steps);
            let said = [
                mixer.talk(first, at + 3900.0),
                Voice::of(&d, Callee, 50 + u64::from(n)).talk(at + 7.0, at + 3900.0),
            ];
            said.iter().for_each(|said| s.media(said));
            d.bye(&mut s, at + 4000.0, Callee);
            all.push(said);
        }
        let run = s.replay(AGENTS);
        assert_eq!(run.recordings.len(), 2);
        for (r, own) in run.recordings.iter().zip(&all) {
            honest(r, [&own[0], &own[1]], &format!("{late}"));
            complete(r, true);
        }
    }
}

#[test]
fn parties_that_move_behind_nats_in_turn_are_heard_or_missed() {
    for d in [Dialog::new(5), Dialog::outbound(5)] {
        for order in [[Caller, Callee], [Callee, Caller], [Caller, Caller]] {
            for ports in [[6000, 6002], [45_000, 45_002]] {
                let mut s = Scene::new();
                d.answered(&mut s, 0.0, 1000.0);
                let mut places = d.rtp;
                let mut described = d.rtp;
                let mut voices = [Caller, Callee].map(|side| Voice::of(&d, side, 20 + side as u64));
                let mut sent: [Vec<Packet>; 2] = Default::default();
                let mut from = 1000.0;
                for (n, mover) in (0_usize..).zip(order.into_iter().map(Some).chain([None])) {
                    let until = 2000.0 + 1200.0 * n as f64;
                    for side in [Caller, Callee] {
                        let v = &mut voices[side as usize];
                        (v.src, v.dst) = (places[side as usize], places[side.other() as usize]);
                        let said = v.talk(from + 5.0 + side as u8 as f64, until);
                        s.media(&said);
                        sent[side as usize].extend(said);
                    }
                    from = until;
                    let Some(mover) = mover else { break };
                    described[mover as usize] = addr(&format!("172.16.0.{}:{}", 7 + n, 6000 + 2 * n));
                    let offer = d.sdp_with(mover, described[mover as usize], "8", "sendrecv", 2 + n as u32);
                    let other: Side = mover.other();
                    let answer = d.sdp_with(other, described[other as usize], "8", "sendrecv", 2 + n as u32);
                    d.reinvite(&mut s, until - 30.0, mover, 2 + n as u32, &offer, &answer);
                    places[mover as usize] = addr(&format!("203.0.113.{}:{}", 1 + 10 * n, ports[n]));
                }
                d.bye(&mut s, 4500.0, Caller);
                let run = s.replay(AGENTS);
                let r = run.only();
                let own = if r.text("/direction") == "inbound" {
                    [&sent[0], &sent[1]]
                } else {
                    [&sent[1], &sent[0]]
                };
                honest(r, own, &format!("{order:?} {ports:?}"));
            }
        }
    }
}

/// The next call on the same ports, at once: what its parties say before anybody has even rung is its
/// own, and what they say later all the more.
#[test]
fn media_that_runs_before_it_rings_on_ports_just_used() {
    for gap in [8.0, 60.0, 900.0] {
        for (ring, begins) in [(30.0, 20.0), (30.0, 45.0), (80.0, 20.0), (80.0, 90.0), (400.0, 380.0)] {
            let mut s = Scene::new();
            let first = Dialog::new(1);
            let before = call(&mut s, &first, 1000.0, 3000.0);
            let second = Dialog {
                call_id: "ladder-again".into(),
                tags: ["again-caller".into(), "again-callee".into()],
                ..first.clone()
            };
            let invite = 3005.0 + gap;
            let answer = invite + 500.0;
            second.invite(&mut s, invite);
            second.status(&mut s, invite + 8.0, 100);
            second.status(&mut s, invite + ring, 180);
            second.status(&mut s, answer, 200);
            second.ack(&mut s, answer + 5.0);
            let spoken = |side, seed| Voice::of(&second, side, seed).talk(invite + begins, answer + 2000.0);
            let sent = [spoken(Caller, 71), spoken(Callee, 72)];
            sent.iter().for_each(|voice| s.media(voice));
            second.bye(&mut s, answer + 2000.0, Caller);
            let run = s.replay(AGENTS);
            let of = |id: &str| run.recordings.iter().find(|r| r.text("/sip/call_id") == id).unwrap();
            println!("{gap} {ring} {begins}");
            inbound(of("ladder-1"), &before);
            inbound(of("ladder-again"), &sent);
            complete(of("ladder-again"), true);
        }
    }
}
