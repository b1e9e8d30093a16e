//! More calls than can be followed at once: floods of any kind give way to calls that somebody makes.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{AGENTS, Dialog, Scene, addr};
use crate::kit::*;
use std::net::SocketAddr;

/// How a forged INVITE fares.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Unheeded,
    Ringing,
    Refused,
    Answered,
    Over,
}

const ALL: [Fate; 5] = [Fate::Unheeded, Fate::Ringing, Fate::Refused, Fate::Answered, Fate::Over];

/// Nobody's call, between hosts of its own, of a forger at one address or at many.
fn forged(s: &mut Scene, n: u16, at: f64, fate: Fate, is_many: bool) {
    let from = if is_many { n } else { 1 };
    let own = addr(&format!("10.66.{}.{}:5060", from / 250, 1 + from % 250));
    let base = Dialog::new(3);
    let d = Dialog {
        call_id: format!("forged-{n}"),
        from: "<sip:7001@x>".into(),
        uri: "sip:7002@x".into(),
        to: "<sip:7002@x>".into(),
        branch: format!("f{n}"),
        sip: [own, addr("10.77.0.1:5060")],
        ..base
    };
    d.invite(s, at);
    match fate {
        Fate::Unheeded => {}
        Fate::Ringing => d.status(s, at + 1.0, 180),
        Fate::Refused => d.status(s, at + 1.0, 403),
        Fate::Answered | Fate::Over => d.status(s, at + 1.0, 200),
    }
    if matches!(fate, Fate::Over) {
        d.bye(s, at + 2.0, Caller);
    }
}

/// Two genuine calls: one under way since before the flood, one that rings while it comes.
#[test]
fn calls_that_ring_or_talk_stay_whatever_flood_comes() {
    for fate in ALL {
        for is_many in [false, true] {
            let mut s = Scene::new();
            let [talks, rings] = [1, 2].map(Dialog::new);
            call(&mut s, &talks, 1000.0, 9000.0);
            rings.invite(&mut s, 1500.0);
            rings.status(&mut s, 1520.0, 180);
            for n in 0..300_u16 {
                forged(&mut s, n, 2000.0 + 10.0 * f64::from(n), fate, is_many);
            }
            rings.status(&mut s, 6000.0, 200);
            rings.ack(&mut s, 6010.0);
            talk(&mut s, &rings, 6000.0, 9000.0);
            rings.bye(&mut s, 9000.0, Callee);
            // One host that floods is known by that; of many those that ring go as the genuine one does.
            let is_told_apart = !(is_many && matches!(fate, Fate::Ringing));
            let config = format!("{AGENTS}\n[limits]\ncalls = 60\n");
            let run = s.replay(&config);
            let ids: Vec<&str> = run.recordings.iter().map(|r| r.text("/sip/call_id")).collect();
            assert!(ids.contains(&&*talks.call_id), "{fate:?} {is_many}: {ids:?}");
            if is_told_apart {
                assert!(ids.contains(&&*rings.call_id), "{fate:?} {is_many}: {ids:?}");
            }
            for r in run.recordings.iter().filter(|r| !r.text("/sip/call_id").starts_with("forged")) {
                complete(r, true);
            }
        }
    }
}

/// Copies of the genuine INVITE from everywhere, before its next hop is seen.
#[test]
fn copies_of_an_invite_leave_room_for_its_way() {
    for copies in [1, 65, 200] {
        for many_hosts in [false, true] {
            let d = Dialog::new(5);
            let proxy = addr("203.0.113.7:5060");
            let (first, second) = (
                Dialog { sip: [d.sip[0], proxy], ..d.clone() },
                Dialog { sip: [proxy, d.sip[1]], branch: "second".into(), ..d.clone() },
            );
            let mut s = Scene::new();
            first.invite(&mut s, 100.0);
            for n in 0..copies {
                let host = if many_hosts { n % 250 } else { 9 };
                let from: SocketAddr = addr(&format!("10.9.9.{host}:{}", 5000 + n));
                let text = d.request_text("INVITE", Caller, 1, false, "", Some(&d.sdp(Caller)));
                let text = text.replace("z9hG4bK", &format!("z9hG4bKcopy{n}"));
                s.udp(110.0 + f64::from(n) / 10.0, from, addr("10.9.9.250:5060"), text.as_bytes());
            }
            second.invite(&mut s, 150.0);
            second.status(&mut s, 1000.0, 200);
            first.status(&mut s, 1001.0, 200);
            let sent = talk(&mut s, &d, 1001.0, 4000.0);
            first.bye(&mut s, 4000.0, Caller);
            let run = s.replay(AGENTS);
            let genuine = run.recordings.iter().find(|r| r.text("/sip/call_id") == d.call_id);
            inbound(genuine.expect("the call is recorded"), &sent);
        }
    }
}
