//! Calls whose recording another leg or another answer takes.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, addr};
use crate::common::voice::Voice;
use crate::counted::{Stamped, of_scene, plain};
use nauhuri::config::{Config, ServiceRule};

pub fn scenes() -> Vec<(Config, Vec<Stamped>, bool)> {
    vec![two_legs(), two_hops(), two_answers(), service_known_late()]
}

fn agents() -> Config {
    let mut config = plain();
    config.agents.extensions = vec!["2000-2999".into()];
    config
}

fn talk(s: &mut Scene, d: &Dialog, from: f64, until: f64) {
    for side in [Caller, Callee] {
        s.media(&Voice::of(d, side, u64::from(d.rtp[0].port()) + side as u64).talk(from, until));
    }
}

/// An exchange that passes the Call-ID on: the leg nearest the agent counts.
fn two_legs() -> (Config, Vec<Stamped>, bool) {
    let mut s = Scene::new();
    let outer = Dialog { sip: [addr("198.51.100.10:5060"), addr("192.0.2.5:5060")], ..Dialog::new(23) };
    let sip = [addr("192.0.2.5:5060"), addr("192.0.2.20:5060")];
    let inner = Dialog { sip, call_id: outer.call_id.clone(), ..Dialog::new(24) };
    outer.invite(&mut s, 0.0);
    inner.invite(&mut s, 10.0);
    inner.status(&mut s, 1000.0, 200);
    outer.status(&mut s, 1005.0, 200);
    inner.ack(&mut s, 1010.0);
    outer.ack(&mut s, 1011.0);
    for (d, side) in [(&inner, Caller), (&inner, Callee), (&outer, Caller), (&outer, Callee)] {
        s.media(&Voice::of(d, side, u64::from(d.rtp[0].port()) + side as u64).talk(1020.0, 3000.0));
    }
    outer.bye(&mut s, 3000.0, Caller);
    inner.bye(&mut s, 3005.0, Caller);
    (agents(), of_scene(&s), false)
}

/// The same under two Call-IDs. The one that is farther from the agent is answered, and heard, first.
fn two_hops() -> (Config, Vec<Stamped>, bool) {
    let mut s = Scene::new();
    let outer = Dialog { sip: [addr("198.51.100.10:5060"), addr("192.0.2.5:5060")], ..Dialog::new(25) };
    let inner = Dialog { sip: [addr("192.0.2.5:5060"), addr("192.0.2.20:5060")], ..Dialog::new(26) };
    outer.invite(&mut s, 0.0);
    inner.invite(&mut s, 10.0);
    outer.status(&mut s, 1000.0, 200);
    outer.ack(&mut s, 1003.0);
    talk(&mut s, &outer, 1005.0, 3000.0);
    inner.status(&mut s, 1035.0, 200);
    inner.ack(&mut s, 1040.0);
    talk(&mut s, &inner, 1045.0, 3000.0);
    outer.bye(&mut s, 3000.0, Caller);
    inner.bye(&mut s, 3005.0, Caller);
    (agents(), of_scene(&s), false)
}

/// Two telephones answer one INVITE. The caller hangs up on the first at once, which was heard already.
fn two_answers() -> (Config, Vec<Stamped>, bool) {
    let mut s = Scene::new();
    let first = Dialog::new(27);
    let mut second = first.clone();
    second.tags[1] = "another".into();
    second.rtp[1] = addr("192.0.2.21:31000");
    first.invite(&mut s, 0.0);
    first.status(&mut s, 500.0, 200);
    first.ack(&mut s, 505.0);
    talk(&mut s, &first, 510.0, 700.0);
    second.status(&mut s, 600.0, 200);
    second.ack(&mut s, 605.0);
    first.bye(&mut s, 750.0, Caller);
    talk(&mut s, &second, 760.0, 2500.0);
    second.bye(&mut s, 2500.0, Caller);
    (agents(), of_scene(&s), false)
}

/// The exchange calls the agent in his own name, and the customer only once there was sound: at a number
/// of a service that is not recorded.
fn service_known_late() -> (Config, Vec<Stamped>, bool) {
    let mut s = Scene::new();
    let agent = Dialog {
        from: "<sip:2001@192.0.2.5>".into(),
        to: "<sip:2001@192.0.2.5>".into(),
        sip: [addr("192.0.2.5:5060"), addr("192.0.2.20:5060")],
        ..Dialog::new(32)
    };
    let customer = Dialog {
        from: "<sip:2001@192.0.2.5>".into(),
        to: "<sip:0800100200@trunk.example>".into(),
        uri: "sip:0800100200@198.51.100.10".into(),
        sip: [addr("192.0.2.5:5060"), addr("198.51.100.10:5060")],
        ..Dialog::new(33)
    };
    agent.answered(&mut s, 0.0, 1000.0);
    talk(&mut s, &agent, 1005.0, 5000.0);
    customer.answered(&mut s, 1500.0, 3000.0);
    agent.bye(&mut s, 5000.0, Callee);
    customer.bye(&mut s, 5010.0, Caller);
    let mut config = agents();
    let (name, numbers) = ("crisis line".into(), vec!["0800 100 200".into()]);
    config.service = vec![ServiceRule { name, numbers, record: Some(false), ..ServiceRule::default() }];
    (config, of_scene(&s), false)
}
