//! Both parties behind NATs that change ports, private addresses in both descriptions: nothing is
//! known of the media but the hosts. It is the call's where no other call can own it, from the first
//! packet; a stranger's voice between the same hosts is never heard.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side, addr, ns};
use crate::common::oracle::{check, must};
use crate::common::run::Recording;
use crate::common::voice::{Packet, Voice};
use crate::kit::*;
use std::net::SocketAddr;

const FOUR: [&str; 2] = ["203.0.113.9", "198.51.100.7"];
const SIX: [&str; 2] = ["[2001:db8:1::9]", "[2001:db8:2::7]"];

/// SIP between these hosts, private addresses described.
fn hidden(d: Dialog, hosts: [&str; 2]) -> Dialog {
    let inside =
        if hosts[0].starts_with('[') { ["[fd00::5]", "[fd00::10]"] } else { ["172.16.5.5", "10.0.0.4"] };
    let rtp = [0, 1].map(|i| addr(&format!("{}:{}", inside[i], d.rtp[i].port())));
    Dialog { sip: hosts.map(|ip| addr(&format!("{ip}:5060"))), rtp, ..d }
}

/// Where its media is seen: on the hosts of its SIP, at these ports.
fn seen(d: &Dialog, ports: [u16; 2]) -> [SocketAddr; 2] {
    [0, 1].map(|i| SocketAddr::new(d.sip[i].ip(), ports[i]))
}

fn voice(s: &mut Scene, d: &Dialog, side: Side, seen: [SocketAddr; 2], from: f64, to: f64) -> Vec<Packet> {
    let (here, there) = (seen[side as usize], seen[side.other() as usize]);
    let sent = Voice::of(d, side, u64::from(here.port()) + side as u64).between(here, there).talk(from, to);
    s.media(&sent);
    sent
}

/// Answered at 1 s, over at 4 s; each begins so long after the answer.
fn whole_call(s: &mut Scene, d: &Dialog, ports: [u16; 2], after: [f64; 2]) -> Sent {
    d.answered(s, 0.0, 1000.0);
    let sent =
        [Caller, Callee].map(|side| voice(s, d, side, seen(d, ports), 1000.0 + after[side as usize], 3990.0));
    d.bye(s, 4000.0, Caller);
    sent
}

#[track_caller]
fn heard(r: &Recording, sent: &Sent) {
    let is_inbound = r.text("/direction") == "inbound";
    if is_inbound {
        inbound(r, sent)
    } else {
        outbound(r, sent)
    }
    complete(r, true);
}

/// Nothing but what its own speaker said, and where some of that is missing the recording says so.
#[track_caller]
fn own_only(r: &Recording, channel: &str, own: &[Packet]) {
    if r.channel(channel).iter().all(|s| *s == 0) || check(r, channel, own).is_err() {
        complete(r, false);
        let first = (0..own.len()).find(|n| check(r, channel, &own[*n..]).is_ok());
        must(r, channel, &own[first.unwrap_or(own.len())..]);
    }
}

#[test]
fn a_call_through_two_nats_is_heard_from_its_first_packet() {
    for hosts in [FOUR, SIX] {
        for d in [Dialog::new(1), Dialog::outbound(1)] {
            let d = hidden(d, hosts);
            for after in
                [[3.0, 7.0], [7.0, 3.0], [1.0, 300.0], [300.0, 1.0], [250.0, 600.0], [1500.0, 1400.0]]
            {
                let mut s = Scene::new();
                let sent = whole_call(&mut s, &d, [61_000, 62_001], after);
                let run = s.replay(AGENTS);
                heard(run.only(), &sent);
                assert_eq!(run.summary()["rtp_unmatched"], 0, "{after:?}");
            }
        }
    }
}

#[test]
fn media_before_the_answer_is_left_out_and_what_follows_is_heard() {
    let d = hidden(Dialog::new(2), FOUR);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let places = seen(&d, [61_000, 62_000]);
    let sent =
        [Caller, Callee].map(|side| voice(&mut s, &d, side, places, 203.0 + side as u8 as f64, 3990.0));
    d.bye(&mut s, 4000.0, Callee);
    let run = s.replay(AGENTS);
    let after = |sent: &[Packet]| sent.iter().filter(|p| p.nominal_ns >= ns(1000.0)).cloned().collect();
    heard(run.only(), &sent.map(|s| after(&s)));
}

#[test]
fn calls_of_one_nat_with_parties_elsewhere_are_told_apart() {
    for late in [700.0, 1500.0] {
        let mut s = Scene::new();
        let others = ["198.51.100.7", "198.51.100.8"];
        let sent = [0, 1].map(|n: usize| {
            let d = hidden(Dialog::new(3 + n as u16), [FOUR[0], others[n]]);
            let from = late * n as f64;
            d.answered(&mut s, from + 500.0, from + 1000.0);
            let places = seen(&d, [61_000 + 2 * n as u16, 62_000]);
            let sent =
                [Caller, Callee].map(|side| voice(&mut s, &d, side, places, from + 1005.0, from + 3900.0));
            d.bye(&mut s, from + 4000.0, Caller);
            sent
        });
        let run = s.replay(AGENTS);
        assert_eq!(run.recordings.len(), 2);
        run.recordings.iter().zip(&sent).for_each(|(r, sent)| heard(r, sent));
    }
}

#[test]
fn calls_between_the_same_nats_never_hear_one_another() {
    for late in [0.0, 40.0, 700.0, 1500.0] {
        for answered in [[1000.0, 1000.0], [1000.0, 1600.0], [1600.0, 1000.0]] {
            let mut s = Scene::new();
            let sent = [0, 1].map(|n: usize| {
                let d = hidden(Dialog::new(5 + n as u16), FOUR);
                let at = answered[n] + late * n as f64;
                d.answered(&mut s, late * n as f64, at);
                let places = seen(&d, [61_000 + 2 * n as u16, 62_000 + 2 * n as u16]);
                let sent =
                    [Caller, Callee].map(|side| voice(&mut s, &d, side, places, at + 5.0, at + 2900.0));
                d.bye(&mut s, at + 3000.0, Caller);
                sent
            });
            let run = s.replay(AGENTS);
            assert_eq!(run.recordings.len(), 2);
            for (r, sent) in run.recordings.iter().zip(&sent) {
                own_only(r, "customer", &sent[0]);
                own_only(r, "agent", &sent[1]);
            }
        }
    }
}

/// A voice of no call between the hosts of one, one way or both.
fn with_a_stranger(begins: f64, sides: &[Side], after: [f64; 2]) -> (Recording, Sent) {
    let d = hidden(Dialog::new(7), FOUR);
    let mut s = Scene::new();
    for side in sides {
        voice(&mut s, &d, *side, seen(&d, [50_014, 50_016]), begins, 3900.0);
    }
    let mut own = Scene::new();
    let sent = whole_call(&mut own, &d, [61_000, 62_000], after);
    s.frames.extend(own.frames);
    let run = s.replay(AGENTS);
    (run.recordings.into_iter().next().unwrap(), sent)
}

#[test]
fn who_speaks_one_way_between_the_hosts_is_not_heard() {
    for begins in [-3000.0, -200.0, 300.0, 900.0, 1001.0, 1200.0, 1700.0] {
        for side in [Caller, Callee] {
            for after in [[3.0, 7.0], [300.0, 500.0], [900.0, 800.0]] {
                let (r, sent) = with_a_stranger(begins, &[side], after);
                own_only(&r, "customer", &sent[0]);
                own_only(&r, "agent", &sent[1]);
            }
        }
    }
}

#[test]
fn a_conversation_that_ran_before_the_call_is_not_the_calls() {
    for after in [[3.0, 7.0], [700.0, 900.0]] {
        let (r, sent) = with_a_stranger(-2000.0, &[Caller, Callee], after);
        own_only(&r, "customer", &sent[0]);
        own_only(&r, "agent", &sent[1]);
    }
    // Also where the call's own media never comes here.
    let d = hidden(Dialog::new(8), FOUR);
    let mut s = Scene::new();
    for side in [Caller, Callee] {
        voice(&mut s, &d, side, seen(&d, [50_014, 50_016]), -2000.0, 3900.0);
    }
    d.answered(&mut s, 0.0, 1000.0);
    d.bye(&mut s, 4000.0, Caller);
    let run = s.replay(AGENTS);
    for channel in ["customer", "agent"] {
        assert!(run.only().channel(channel).iter().all(|s| *s == 0));
    }
    complete(run.only(), false);
}

#[test]
fn one_party_alone_is_not_enough() {
    // It might be anybody's: nothing is answered on it.
    let d = hidden(Dialog::new(9), FOUR);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    voice(&mut s, &d, Caller, seen(&d, [61_000, 62_000]), 1003.0, 3990.0);
    d.bye(&mut s, 4000.0, Caller);
    let run = s.replay(AGENTS);
    assert!(run.only().channel("customer").iter().all(|s| *s == 0));
    complete(run.only(), false);
}

#[test]
fn who_is_answered_late_is_heard_from_then_on() {
    for after in [[3.0, 1500.0], [1500.0, 3.0], [100.0, 907.0]] {
        let d = hidden(Dialog::new(10), FOUR);
        let mut s = Scene::new();
        let sent = whole_call(&mut s, &d, [61_000, 62_000], after);
        let run = s.replay(AGENTS);
        let both = ns(1000.0 + after[0].max(after[1]));
        let since = |sent: &[Packet]| sent.iter().filter(|p| p.nominal_ns >= both).cloned().collect();
        inbound(run.only(), &sent.map(|s| since(&s)));
        complete(run.only(), false);
    }
}

#[test]
fn one_network_is_not_two_nats() {
    // What else runs between two exchanges of one network is not the call's, whose telephones are elsewhere.
    let d = Dialog::new(11);
    let d = Dialog { sip: [addr("10.0.0.5:5060"), addr("10.0.1.5:5060")], ..d };
    for own in [None, Some(1005.0), Some(2000.0)] {
        let mut s = Scene::new();
        for side in [Caller, Callee] {
            voice(&mut s, &d, side, seen(&d, [30_000, 30_002]), 700.0, 3900.0);
        }
        d.answered(&mut s, 0.0, 1000.0);
        let sent = [Caller, Callee].map(|side| {
            own.map_or(Vec::new(), |from| Voice::of(&d, side, 5 + side as u64).talk(from, 3900.0))
        });
        sent.iter().for_each(|sent| s.media(sent));
        d.bye(&mut s, 4000.0, Caller);
        let run = s.replay(AGENTS);
        own_only(run.only(), "customer", &sent[0]);
        own_only(run.only(), "agent", &sent[1]);
    }
}

#[test]
fn a_call_with_a_party_at_one_of_the_hosts_and_unheard_stands_in_the_way() {
    // The second call's agent is beyond an exchange that is not one of the hosts.
    for (d, answered) in [(Dialog::new(13), 1000.0), (Dialog::new(13), 2500.0)] {
        let other = Dialog { sip: [addr("203.0.113.9:5060"), addr("192.0.2.50:5060")], ..hidden(d, FOUR) };
        let d = hidden(Dialog::new(12), FOUR);
        let mut s = Scene::new();
        other.answered(&mut s, 100.0, answered);
        for side in [Caller, Callee] {
            voice(&mut s, &d, side, seen(&d, [50_000, 50_002]), answered.min(900.0), 3900.0);
        }
        let sent = whole_call(&mut s, &d, [61_000, 62_000], [20.0, 30.0]);
        let run = s.replay(AGENTS);
        for r in run.recordings.iter().filter(|r| r.text("/sip/call_id") == "ladder-12") {
            own_only(r, "customer", &sent[0]);
            own_only(r, "agent", &sent[1]);
        }
    }
}

#[test]
fn who_begins_again_from_the_same_port_is_heard() {
    // An agent at home whose telephone has one port; customers at other homes, one after the other.
    let mut s = Scene::new();
    let customers = ["203.0.113.9", "203.0.113.10", "203.0.113.9"];
    let sent: Vec<Sent> = (0..3)
        .map(|n| {
            let d = hidden(Dialog::new(14 + n as u16), [customers[n], FOUR[1]]);
            let at = 8000.0 * n as f64;
            d.answered(&mut s, at, at + 1000.0);
            let places = seen(&d, [61_000, 62_000]);
            let sent = [Caller, Callee].map(|side| {
                let (here, there) = (places[side as usize], places[side.other() as usize]);
                let seed = 100 * n as u64 + side as u64;
                let mut v = Voice::of(&d, side, seed).between(here, there);
                v.talk(at + 1003.0 + side as u8 as f64, at + 3990.0)
            });
            sent.iter().for_each(|sent| s.media(sent));
            d.bye(&mut s, at + 4000.0, Caller);
            sent
        })
        .collect();
    let run = s.replay(AGENTS);
    assert_eq!(run.recordings.len(), 3);
    run.recordings.iter().zip(&sent).for_each(|(r, sent)| heard(r, sent));
}
