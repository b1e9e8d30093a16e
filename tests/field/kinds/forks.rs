//! Which branch answered.

use crate::common::ladder::Dialog;
use crate::common::ladder::Side::{Callee, Caller};
use crate::field::stage::Stage;
use crate::field::want::Expected;

/// A message of a branch: the Via says which.
fn branch(text: &str, i: usize) -> String {
    text.replace("branch=z9hG4bK", &format!("branch=z9hG4bKf{i}"))
}

/// A proxy rings two or three agents behind one host and port; one of them answers.
pub fn one_hop(s: &mut Stage) -> Expected {
    let (number, trunk, proxy, base) = (s.customer(), s.trunk(), s.exchange(), s.phone(0));
    let outer = s.dialog((&number, &trunk), ("600", &proxy));
    let n = 2 + s.rng.below(2) as usize;
    let agents: Vec<String> = (0..n as u32).map(|i| s.agent(i)).collect();
    let forks: Vec<Dialog> = (0..n)
        .map(|i| {
            let leg = s.dialog((&number, &proxy), (&agents[i], &base));
            Dialog {
                call_id: outer.call_id.clone(),
                from: outer.from.clone(),
                to: outer.to.clone(),
                tags: [outer.tags[0].clone(), leg.tags[1].clone()],
                rtp: [outer.rtp[0], leg.rtp[1]],
                cseq: outer.cseq,
                ..leg
            }
        })
        .collect();
    let winner = s.rng.below(n as u64) as usize;
    outer.invite(&mut s.scene, s.start);
    let mut order: Vec<usize> = (0..n).collect();
    if s.rng.chance(0.5) {
        order.reverse();
    }
    for i in order {
        let d = &forks[i];
        let text = branch(&d.request_text("INVITE", Caller, d.cseq, false, "", Some(&outer.sdp(Caller))), i);
        s.message(s.start + 5.0 + i as f64, d, Caller, &text);
        let ringing = branch(&d.response_text(180, "INVITE", Caller, d.cseq, "", None), i);
        s.message(s.start + 60.0 + 7.0 * i as f64, d, Callee, &ringing);
    }
    let at = s.start + s.rng.range(200.0, 1500.0).round();
    let d = forks[winner].clone();
    let mut c = s.call_over(d.clone(), Callee, at, 1500.0);
    let ok = branch(&d.response_text(200, "INVITE", Caller, d.cseq, "", Some(&d.sdp(Callee))), winner);
    s.message(at, &d, Callee, &ok);
    let through = Dialog { tags: d.tags.clone(), rtp: d.rtp, ..outer.clone() };
    through.status(&mut s.scene, at + 1.0, 200);
    for (i, lost) in forks.iter().enumerate().filter(|(i, _)| *i != winner) {
        let t = at + 2.0 + i as f64;
        let cancel = branch(&lost.request_text("CANCEL", Caller, lost.cseq, false, "", None), i);
        s.message(t, lost, Caller, &cancel);
        let gone = branch(&lost.response_text(487, "INVITE", Caller, lost.cseq, "", None), i);
        s.message(t + 6.0, lost, Callee, &gone);
    }
    // The dialog itself goes past the proxy.
    c.d.sip[0] = outer.sip[0];
    c.d.ack(&mut s.scene, at + 30.0);
    let (from, to) = (c.answered, c.ended);
    s.talk(&mut c, from, to);
    s.hang_up(&c);
    let mut w = c.wanted(&agents[winner]);
    // 600 is no service's number: told whole, truncated or the agent's own, the contract can be read each way.
    w.dialled = None;
    Expected::one(w).secret(&number)
}

/// Both forks answer; one is let go at once.
pub fn two_answers(s: &mut Stage) -> Expected {
    let mut c = s.call_of(true, 1500.0);
    let phone = s.phone(5);
    let port = s.port();
    let mut stray = c.d.clone();
    stray.tags[1] = format!("{}x", stray.tags[1]);
    stray.rtp[1] = s.at(&phone, port);
    let d = c.d.clone();
    d.invite(&mut s.scene, s.start);
    let gap = s.rng.range(1.0, 40.0).round();
    let (first, then) = if s.rng.chance(0.5) { (&stray, &d) } else { (&d, &stray) };
    let at = c.answered;
    first.status(&mut s.scene, at, 200);
    then.status(&mut s.scene, at + gap, 200);
    d.ack(&mut s.scene, at + gap + 6.0);
    stray.ack(&mut s.scene, at + gap + 5.0);
    stray.bye(&mut s.scene, at + gap + 9.0, Caller);
    if std::ptr::eq(then, &d) {
        c.answered = at + gap;
    }
    let (from, to) = (c.answered + 1.0, c.ended);
    s.talk(&mut c, from, to);
    s.hang_up(&c);
    Expected::one(c.wanted(&s.agent(0))).secret(&c.number)
}
