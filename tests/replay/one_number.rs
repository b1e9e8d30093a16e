//! Many calls at once under one caller's number, each on two legs of an exchange: none is taken for
//! another's leg.

use crate::common::ladder::Side::Caller;
use crate::common::ladder::{Dialog, Scene};
use crate::common::run::Run;
use crate::kit::*;

const EXCHANGE: &str = "192.0.2.5";

/// Calls of one company, which shows one number for all, or of a load generator: each on two legs of an
/// exchange, to agents of their own or to the number of a group.
fn company(calls: u16, every: f64, ring: impl Fn(u16) -> f64, group: Option<&str>) -> (Run, usize) {
    let mut s = Scene::new();
    for n in 0..calls {
        let (begun, agent) = (every * f64::from(n), 2001 + n);
        let called = group.map_or(agent.to_string(), str::to_owned);
        let far = Dialog {
            uri: format!("sip:{called}@x"),
            to: format!("<sip:{called}@x>"),
            ..Dialog::new(2 * n + 60)
        };
        let near = Dialog {
            uri: format!("sip:{called}@y"),
            to: format!("<sip:{called}@y>"),
            ..Dialog::new(2 * n + 61)
        };
        let far = at(far, "198.51.100.10", EXCHANGE);
        let near = at(near, EXCHANGE, &format!("10.1.0.{}", n + 1));
        far.invite(&mut s, begun);
        near.invite(&mut s, begun + 8.0);
        let answered = begun + 8.0 + ring(n);
        near.status(&mut s, answered, 200);
        far.status(&mut s, answered + 4.0, 200);
        near.ack(&mut s, answered + 6.0);
        far.ack(&mut s, answered + 9.0);
        talk(&mut s, &far, answered + 20.0, answered + 3000.0);
        talk(&mut s, &near, answered + 20.0, answered + 3000.0);
        far.bye(&mut s, answered + 3100.0, Caller);
        near.bye(&mut s, answered + 3104.0, Caller);
    }
    let run = s.replay(AGENTS);
    let near = run.recordings.iter().filter(|r| {
        let id = r.text("/sip/call_id").to_owned();
        id.trim_start_matches("ladder-").parse::<u16>().is_ok_and(|n| n % 2 == 1)
    });
    let near = near.count();
    (run, near)
}

#[test]
fn calls_under_one_number_through_one_exchange_stay_apart() {
    for group in [None, Some("2900")] {
        for every in [20.0, 50.0, 100.0, 450.0, 600.0] {
            for (name, ring) in [("steady", 900.0), ("varied", 200.0)] {
                let varied =
                    |n: u16| ring + if name == "varied" { f64::from(n * 79 % 23) * 90.0 } else { 0.0 };
                let (run, near) = company(12, every, varied, group);
                assert_eq!(near, 12, "{group:?} {every} {name}: {}", run.summary()["unrecorded"]);
                if group.is_none() {
                    assert_eq!(run.recordings.len(), 12, "{every} {name}: legs left apart");
                }
            }
        }
    }
}

/// A customer calls the agent who calls him: both are answered at once, between the same two hosts.
#[test]
fn calls_that_cross_stay_two() {
    for (invites, answers) in [(0.0, 0.0), (30.0, 10.0), (-200.0, -45.0), (400.0, 40.0)] {
        let [there, back] = [Dialog::new(41), Dialog::outbound(42)];
        let mut s = Scene::new();
        there.answered(&mut s, 1000.0, 3000.0);
        back.answered(&mut s, 1000.0 + invites, 3000.0 + answers);
        let sent = [talk(&mut s, &there, 3100.0, 8000.0), talk(&mut s, &back, 3100.0, 8000.0)];
        there.bye(&mut s, 8000.0, Caller);
        back.bye(&mut s, 8001.0, Caller);
        let run = s.replay(AGENTS);
        assert_eq!(run.recordings.len(), 2, "{invites} {answers}: {}", run.stdout());
        let of = |id: &str| run.recordings.iter().find(|r| r.text("/sip/call_id") == id).unwrap();
        inbound(of("ladder-41"), &sent[0]);
        outbound(of("ladder-42"), &sent[1]);
    }
}
