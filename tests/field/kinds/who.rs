//! Who talks: asserted identities, later ones, Replaces, transfers, click to dial.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Side};
use crate::field::stage::{Call, DUTY, Stage};
use crate::field::want::{Expected, Number};

/// An identity header of one of the usual forms.
fn identity(s: &mut Stage, user: &str) -> String {
    match s.rng.below(4) {
        0 => format!("P-Asserted-Identity: <sip:{user}@pbx.example>\r\n"),
        1 => format!("P-Asserted-Identity: \"Somebody\" <sip:{user}@pbx.example;user=phone>\r\n"),
        2 => format!("P-Asserted-Identity: <tel:{user}>\r\n"),
        _ => format!("Remote-Party-ID: <sip:{user}@pbx.example>;screen=yes;privacy=off\r\n"),
    }
}

/// From is a line's name; the number is asserted, as the only value or among several.
pub fn asserted(s: &mut Stage) -> Expected {
    let mut c = s.call_of(true, 1200.0);
    let number = c.number.clone();
    c.d.from = "<sip:line7@trunk.example>".into();
    c.d.headers = match s.rng.below(5) {
        0 => format!("P-Asserted-Identity: <sip:line7@trunk.example>, <tel:{number}>\r\n"),
        1 => format!("P-Asserted-Identity: <tel:{number}>, <sip:line7@trunk.example>\r\n"),
        2 => {
            let first = "P-Asserted-Identity: <sip:line7@trunk.example>\r\n";
            format!("{first}P-Asserted-Identity: <sip:{number}@trunk.example>\r\n")
        }
        3 => format!(
            "P-Asserted-Identity: \"Line, seven\" <sip:line7@x>, \"N\" <sip:{number}@x;user=phone>\r\n"
        ),
        _ => format!("Remote-Party-ID: <sip:{number}@trunk.example>;party=calling;screen=yes\r\n"),
    };
    s.whole(&mut c);
    Expected::one(c.wanted(&s.agent(0))).secret(&c.number)
}

/// A queue calls the agent in its own name and tells later whom he talks with.
fn by_queue(s: &mut Stage) -> Call {
    let (agent, exchange, phone) = (s.agent(0), s.exchange(), s.phone(0));
    let d = s.dialog(("9900", &exchange), (&agent, &phone));
    let at = s.start + s.rng.range(150.0, 900.0).round();
    s.call_over(d, Callee, at, 1500.0)
}

/// The queue says by UPDATE, re-INVITE or 2xx who the customer is.
pub fn named_later(s: &mut Stage) -> Expected {
    let mut c = by_queue(s);
    s.whole(&mut c);
    let headers = identity(s, &c.number.clone());
    let at = c.answered + s.rng.range(50.0, 900.0);
    let from = if s.rng.chance(0.8) { Caller } else { c.outside() };
    s.identity(at, &c.d, from, c.d.cseq + 1, &headers);
    Expected::one(c.wanted(&s.agent(0))).secret(&c.number)
}

/// The same with Privacy: withheld from then on, and the number nowhere.
pub fn withheld_later(s: &mut Stage) -> Expected {
    let mut c = by_queue(s);
    s.whole(&mut c);
    let number = c.number.clone();
    let headers = match s.rng.below(3) {
        0 => format!("{}Privacy: id\r\n", identity(s, &number)),
        1 => format!("Privacy: critical; ID\r\n{}", identity(s, &number)),
        _ => format!("Remote-Party-ID: <sip:{number}@pbx.example>;privacy=full\r\n"),
    };
    let at = c.answered + s.rng.range(50.0, 900.0);
    s.identity(at, &c.d, Caller, c.d.cseq + 1, &headers);
    let mut w = c.wanted(&s.agent(0));
    w.number = Number::Withheld;
    w.dialled = None;
    Expected::one(w).secret(&c.number)
}

/// The agent dials a feature code; who it is an identity tells.
pub fn fetched(s: &mut Stage) -> Expected {
    let (agent, exchange, phone) = (s.agent(0), s.exchange(), s.phone(0));
    let code = *s.rng.pick(&["701", "*8101", "*21"]);
    let mut d = s.dialog((&agent, &phone), (code, &exchange));
    let number = s.customer();
    let told = identity(s, &number);
    let in_answer = s.rng.chance(0.4);
    if in_answer {
        d.ok_headers = told.clone();
    }
    let at = s.start + 400.0;
    let mut c = s.call_over(d, Caller, at, 1500.0);
    s.whole(&mut c);
    if !in_answer {
        let at = c.answered + s.rng.range(60.0, 600.0);
        s.identity(at, &c.d, Callee, c.d.cseq + 1, &told);
    }
    let mut w = c.wanted(&s.agent(0));
    w.dialled = None;
    Expected::one(w).secret(&c.number)
}

/// The exchange calls the agent in his own name, then the customer.
pub fn click_to_dial(s: &mut Stage) -> Expected {
    let (agent, exchange, phone) = (s.agent(0), s.exchange(), s.phone(0));
    let d = s.dialog((&agent, &exchange), (&agent, &phone));
    let at = s.start + 300.0;
    let mut c = s.call_over(d, Callee, at, 1800.0);
    s.whole(&mut c);
    let told = identity(s, &c.number.clone());
    let at = c.answered + s.rng.range(60.0, 800.0);
    s.identity(at, &c.d, Caller, c.d.cseq + 1, &told);
    let mut w = c.wanted(&s.agent(0));
    w.direction = Some("outbound");
    w.dialled = None;
    Expected::one(w).secret(&c.number)
}

/// One rings, another takes the ringing call over (Replaces, early-only).
pub fn pickup(s: &mut Stage) -> Expected {
    let (first, second, number) = (s.agent(0), s.agent(1), s.customer());
    let (exchange, here, there) = (s.exchange(), s.phone(0), s.phone(1));
    let ringing = s.dialog((&number, &exchange), (&first, &here));
    let mut d = s.dialog((&second, &there), (&first, &exchange));
    let [caller, callee] = &ringing.tags;
    // As the exchange sees it, the caller is its own end.
    let (to, from) = if s.rng.chance(0.5) { (caller, callee) } else { (callee, caller) };
    d.headers = format!("Replaces: {};to-tag={to};from-tag={from};early-only\r\n", ringing.call_id);
    d.ok_headers = format!("P-Asserted-Identity: <sip:{number}@trunk.example>\r\n");
    ringing.invite(&mut s.scene, s.start);
    ringing.status(&mut s.scene, s.start + 80.0, 180);
    let at = s.start + 800.0;
    let mut c = s.call_over(d, Caller, at, 1400.0);
    c.d.invite(&mut s.scene, at - 60.0);
    c.d.status(&mut s.scene, at, 200);
    c.d.ack(&mut s.scene, at + 4.0);
    ringing.request(&mut s.scene, at + 10.0, "CANCEL", Caller, ringing.cseq, "", None);
    ringing.response(&mut s.scene, at + 20.0, 487, "INVITE", Caller, ringing.cseq, None);
    let (from, to) = (c.answered, c.ended);
    s.talk(&mut c, from, to);
    s.hang_up(&c);
    let mut w = c.wanted(&second);
    w.direction = None;
    w.dialled = None;
    Expected::one(w).secret(&number).quiet(&ringing.call_id)
}

/// The first of two calls of a transfer, up to the REFER or what replaces it.
fn first(s: &mut Stage, length: f64) -> (Call, f64) {
    let mut c = s.call_of(true, length);
    s.open(&c);
    let (from, to) = (c.answered, c.ended - 200.0);
    s.talk(&mut c, from, to);
    (c, to)
}

fn second(s: &mut Stage, from: &str, headers: String, at: f64) -> (Dialog, f64) {
    let (agent, exchange, phone) = (s.agent(1), s.exchange(), s.phone(1));
    let mut d = s.dialog((from, &exchange), (&agent, &phone));
    d.headers = headers;
    (d, at + s.rng.range(300.0, 900.0).round())
}

/// REFER; the exchange calls the next agent in the customer's name, or in the first agent's with the customer asserted.
pub fn blind_transfer(s: &mut Stage) -> Expected {
    let (mut c, to) = first(s, 1500.0);
    let refer = format!("Refer-To: <sip:{}@pbx.example>\r\n", s.agent(1));
    c.d.request(&mut s.scene, to, "REFER", Callee, 50, &refer, None);
    c.d.response(&mut s.scene, to + 10.0, 202, "REFER", Callee, 50, None);
    let named = s.rng.chance(0.5);
    let number = c.number.clone();
    let (from, headers) = match named {
        true => (s.agent(0), format!("P-Asserted-Identity: <sip:{number}@trunk.example>\r\n")),
        false => (number, String::new()),
    };
    let (d, at) = second(s, &from, headers, to);
    let mut next = s.call_over(d, Callee, at, 1200.0);
    next.d.invite(&mut s.scene, to + 40.0);
    next.d.status(&mut s.scene, to + 90.0, 180);
    next.d.status(&mut s.scene, at, 200);
    next.d.ack(&mut s.scene, at + 5.0);
    let (from, until) = (next.answered, next.ended);
    s.talk(&mut next, from, until);
    s.hang_up(&next);
    c.ended = if s.rng.chance(0.5) { to + 150.0 } else { at + 20.0 };
    s.hang_up(&c);
    let mut w = c.wanted(&s.agent(0));
    w.ended_by = "transfer";
    let mut v = next.wanted(&s.agent(1));
    v.dialled = None;
    Expected::one(w).and(v).secret(&c.number)
}

/// The next agent's INVITE replaces the first dialog, after a consultation that is internal.
pub fn attended_transfer(s: &mut Stage) -> Expected {
    let (mut c, to) = first(s, 1500.0);
    let (one, two) = (s.agent(0), s.agent(1));
    let (here, there) = (s.phone(0), s.phone(1));
    let consult = s.dialog((&one, &here), (&two, &there));
    let mut asked = s.call_over(consult, Callee, to + 200.0, 600.0);
    asked.d.answered(&mut s.scene, to + 60.0, asked.answered);
    let (from, until) = (asked.answered, asked.ended);
    s.talk(&mut asked, from, until);
    let [caller, callee] = &c.d.tags;
    let replaces = format!("Replaces: {};to-tag={callee};from-tag={caller}\r\n", c.d.call_id);
    let number = c.number.clone();
    let (d, at) = second(s, &number, replaces, asked.ended);
    let mut next = s.call_over(d, Callee, at, 1200.0);
    next.d.answered(&mut s.scene, asked.ended + 50.0, at);
    let (from, until) = (next.answered, next.ended);
    s.talk(&mut next, from, until);
    s.hang_up(&next);
    c.ended = at + 60.0;
    s.hang_up(&c);
    asked.ended = at + 70.0;
    s.hang_up(&asked);
    let mut w = c.wanted(&one);
    w.ended_by = "transfer";
    // Where the second takes over, the first ends at its BYE or at the take-over.
    w.slack = 80.0;
    let mut v = next.wanted(&two);
    v.dialled = None;
    Expected::one(w).and(v).skip(&asked.d.call_id, "internal").secret(&number)
}

/// A service's number is called; the 2xx says which agent answered.
pub fn answered_by(s: &mut Stage) -> Expected {
    let (number, agent) = (s.customer(), s.agent(0));
    let (trunk, exchange) = (s.trunk(), s.exchange());
    let mut d = s.dialog((&number, &trunk), (DUTY, &exchange));
    d.ok_headers = identity(s, &agent);
    let at = s.start + s.rng.range(150.0, 900.0).round();
    let mut c = s.call_over(d, Callee, at, 1200.0);
    s.whole(&mut c);
    let mut w = c.wanted(&agent);
    w.dialled = Some(DUTY.into());
    Expected::one(w).secret(&number)
}

/// On the trunk only: the agents come and go by connected identity.
pub fn trunk_identity(s: &mut Stage) -> Expected {
    let (number, trunk, exchange) = (s.customer(), s.trunk(), s.exchange());
    let d = s.dialog((&number, &trunk), (DUTY, &exchange));
    let at = s.start + 300.0;
    let mut c = s.call_over(d, Callee, at, 4000.0);
    s.calm(&mut c);
    s.whole(&mut c);
    let agents = [s.agent(0), s.agent(1)];
    let mut changes = Vec::new();
    for (i, agent) in agents.iter().enumerate() {
        let at = c.answered + 700.0 + 1300.0 * i as f64;
        let header = format!("P-Asserted-Identity: <sip:{agent}@pbx.example>\r\n");
        c.d.request(&mut s.scene, at, "UPDATE", Callee, 20 + i as u32, &header, None);
        c.d.response(&mut s.scene, at + 10.0, 200, "UPDATE", Callee, 20 + i as u32, None);
        changes.push(at);
    }
    let part = |agent: &str, from: f64, to: f64, by: &'static str, c: &Call| {
        let mut w = c.wanted(agent);
        (w.answered, w.ended, w.ended_by) = (from, to, by);
        w.dialled = Some(DUTY.into());
        w
    };
    let by = if c.by == c.agent { "agent" } else { "customer" };
    Expected::one(part(&agents[0], changes[0], changes[1], "transfer", &c))
        .and(part(&agents[1], changes[1], c.ended, by, &c))
        .first(&c.d.call_id, "no_agent")
        .secret(&number)
}

/// The customer's side sends a REFER, which is refused, or accepted and followed by its BYE: no transfer of ours.
pub fn refer_by_customer(s: &mut Stage) -> Expected {
    let mut c = s.call_of(true, 1500.0);
    let other: Side = c.outside();
    let accepted = s.rng.chance(0.5);
    if accepted {
        c.by = other;
    }
    s.whole(&mut c);
    let at = if accepted { c.ended - 60.0 } else { c.answered + 600.0 };
    c.d.request(&mut s.scene, at, "REFER", other, 60, "Refer-To: <sip:900@trunk.example>\r\n", None);
    let code = if accepted { 202 } else { 603 };
    c.d.response(&mut s.scene, at + 10.0, code, "REFER", other, 60, None);
    Expected::one(c.wanted(&s.agent(0))).secret(&c.number)
}
