//! Calls as there always were: recorded, or not with a reason.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::addr;
use crate::field::stage::{CLOSED, DUTY, OUTBOUND_ONLY, Stage};
use crate::field::want::Expected;

/// Both talk, one hangs up; any codec that is exact, any packet length.
pub fn plain(s: &mut Stage) -> Expected {
    let length = s.rng.range(900.0, 2500.0);
    let mut c = s.call(length);
    let format = *s.rng.pick(&["8", "8", "8", "0", "97"]);
    c.d.formats = [format.into(), format.into()];
    for v in &mut c.voices {
        v.payload_type = format.parse().unwrap();
        v.ptime_ms = *s.rng.pick(&[20, 20, 20, 10, 30, 40]);
    }
    s.whole(&mut c);
    Expected::one(c.wanted(&s.agent(0))).secret(&c.number)
}

/// So short that only its media tells it from a stray.
pub fn short(s: &mut Stage) -> Expected {
    let length = s.rng.range(300.0, 480.0);
    let mut c = s.call(length);
    s.calm(&mut c);
    s.whole(&mut c);
    Expected::one(c.wanted(&s.agent(0))).secret(&c.number)
}

/// Never answered: refused, cancelled, or for ever ringing.
pub fn refused(s: &mut Stage) -> Expected {
    let mut c = s.call(0.0);
    let (d, at) = (c.d.clone(), c.answered);
    d.invite(&mut s.scene, s.start);
    d.status(&mut s.scene, s.start + 30.0, *s.rng.pick(&[180, 183]));
    let early = s.start + 40.0;
    s.speak(&mut c, Callee, early, at);
    match s.rng.below(3) {
        0 => {
            d.request(&mut s.scene, at, "CANCEL", Caller, d.cseq, "", None);
            d.response(&mut s.scene, at + 5.0, 487, "INVITE", Caller, d.cseq, None);
        }
        1 => d.response(&mut s.scene, at, *s.rng.pick(&[404, 486, 503, 603]), "INVITE", Caller, d.cseq, None),
        _ => {}
    }
    Expected::default().quiet(&d.call_id).secret(&c.number)
}

/// A customer and a queue.
pub fn no_agent(s: &mut Stage) -> Expected {
    let (customer, trunk, exchange) = (s.customer(), s.trunk(), s.exchange());
    let d = s.dialog((&customer, &trunk), (DUTY, &exchange));
    let at = s.start + 300.0;
    let mut c = s.call_over(d, Callee, at, 800.0);
    s.whole(&mut c);
    Expected::none(&c.d.call_id, "no_agent")
}

/// Two agents, by From and To or by what is asserted.
pub fn internal(s: &mut Stage) -> Expected {
    let (one, two) = (s.agent(0), s.agent(1));
    let (here, there) = (s.phone(0), s.phone(1));
    let asserted = s.rng.chance(0.3);
    let from = if asserted { "line7".to_string() } else { one.clone() };
    let mut d = s.dialog((&from, &here), (&two, &there));
    if asserted {
        d.headers = format!("P-Asserted-Identity: <sip:{one}@pbx.example>\r\n");
    }
    let at = s.start + 300.0;
    let mut c = s.call_over(d, Callee, at, 800.0);
    s.whole(&mut c);
    Expected::none(&c.d.call_id, "internal")
}

/// A service that is not recorded, or not in this direction.
pub fn service(s: &mut Stage) -> Expected {
    let closed = s.rng.chance(0.5);
    let mut c = s.call_of(true, 800.0);
    let number = if closed { CLOSED } else { OUTBOUND_ONLY };
    c.d.headers = format!("Diversion: <sip:{number}@pbx.example>;reason=unconditional\r\n");
    s.whole(&mut c);
    Expected::none(&c.d.call_id, if closed { "service" } else { "direction" })
}

/// INVITE and BYE are challenged first.
pub fn challenged(s: &mut Stage) -> Expected {
    let mut c = s.call(1500.0);
    let first = c.d.clone();
    first.invite(&mut s.scene, s.start);
    let (code, bye_code) = (*s.rng.pick(&[401, 407]), *s.rng.pick(&[401, 407]));
    first.response(&mut s.scene, s.start + 10.0, code, "INVITE", Caller, first.cseq, None);
    first.ack(&mut s.scene, s.start + 12.0);
    c.d.cseq += 1;
    let (d, at) = (c.d.clone(), c.answered.max(s.start + 100.0));
    (c.ended, c.answered) = (at + 1500.0, at);
    d.answered(&mut s.scene, s.start + 20.0, at);
    let (from, to) = (c.answered, c.ended);
    s.talk(&mut c, from, to);
    let early = c.ended - s.rng.range(20.0, 700.0);
    d.request(&mut s.scene, early, "BYE", c.by, 98, "", None);
    d.response(&mut s.scene, early + 5.0, bye_code, "BYE", c.by, 98, None);
    s.hang_up(&c);
    Expected::one(c.wanted(&s.agent(0))).secret(&c.number)
}

/// Only the answer is seen.
pub fn invite_unseen(s: &mut Stage) -> Expected {
    let mut c = s.call(800.0);
    c.d.status(&mut s.scene, c.answered, 200);
    c.d.ack(&mut s.scene, c.answered + 5.0);
    let (from, to) = (c.answered, c.ended);
    s.talk(&mut c, from, to);
    s.hang_up(&c);
    Expected::none(&c.d.call_id, "invite_unseen")
}

/// Answered and at once hung up, without a packet.
pub fn stray(s: &mut Stage) -> Expected {
    let length = s.rng.range(20.0, 450.0);
    let c = s.call(length);
    s.open(&c);
    s.hang_up(&c);
    Expected::none(&c.d.call_id, "stray")
}

/// What else is on a wire: registrations, keep-alives, RTP and STUN of nobody.
pub fn noise(s: &mut Stage) -> Expected {
    let (trunk, exchange) = (s.trunk(), s.exchange());
    let d = s.dialog(("2999", &trunk), ("2999", &exchange));
    let ping = *s.rng.pick(&["\r\n\r\n", "\r\n", "jaK", "jaK\0", "\0\0\0\0"]);
    for i in 0..5 {
        let at = s.start + 100.0 * f64::from(i);
        let text = d.request_text(s.rng.pick::<&str>(&["REGISTER", "OPTIONS"]), Caller, 5, false, "", None);
        s.message(at, &d, Caller, &text);
        s.message(at + 10.0, &d, Caller, ping);
        s.message(at + 11.0, &d, Callee, ping);
    }
    let mut c = s.call_over(d.clone(), Callee, s.start, 900.0);
    let (from, to) = (c.answered, c.ended);
    s.talk(&mut c, from, to);
    s.scene.udp(s.start + 50.0, addr("203.0.113.1:443"), addr("192.0.2.9:50123"), &[0x17; 200]);
    Expected::default().quiet(&d.call_id)
}
