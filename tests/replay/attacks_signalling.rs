//! Hang-ups, transfers and key presses of those who know a dialog's tags and are no party to it; and
//! hang-ups of the parties that come by an unusual way.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{AGENTS, Dialog, Scene, Side, addr};
use crate::common::run::Run;
use crate::kit::*;
use std::net::SocketAddr;

/// Calls of either direction and family.
fn dialogs(n: u16) -> [Dialog; 3] {
    let six = at(Dialog::new(n), "2001:db8:1::10", "2001:db8:2::20");
    [Dialog::new(n), Dialog::outbound(n), six]
}

fn outsider(d: &Dialog) -> SocketAddr {
    addr(if d.sip[0].is_ipv4() { "10.9.9.9:5060" } else { "[2001:db8:bad::9]:5060" })
}

/// Both talk from 1 s to 12 s, and hang up then, unless they do not.
fn genuine(d: &Dialog, bye: bool) -> (Scene, Sent) {
    let mut s = Scene::new();
    d.answered(&mut s, 100.0, 1000.0);
    let sent = talk(&mut s, d, 1000.0, 12_000.0);
    if bye {
        d.bye(&mut s, 12_000.0, Caller);
    }
    (s, sent)
}

#[track_caller]
fn whole(run: &Run, d: &Dialog, sent: &Sent, by: &str) {
    let r = run.only();
    if d.from.contains("2001") {
        outbound(r, sent)
    } else {
        inbound(r, sent)
    }
    complete(r, true);
    spans(r, 1000.0, 12_000.0, by);
}

fn caller(d: &Dialog) -> &'static str {
    if d.from.contains("2001") { "agent" } else { "customer" }
}

/// A request in a dialog's name from somewhere else, and what is said to it.
#[allow(clippy::too_many_arguments)] // what a line of a ladder says
fn forged(
    s: &mut Scene,
    d: &Dialog,
    from: SocketAddr,
    at: f64,
    method: &str,
    as_side: Side,
    cseq: u32,
    code: u16,
) {
    let to = d.sip[as_side.other() as usize];
    s.udp(at, from, to, d.request_text(method, as_side, cseq, true, "", None).as_bytes());
    if code > 0 {
        let text = d.response_text(code, method, as_side, cseq, "", None);
        s.udp(at + 10.0, to, from, text.as_bytes());
    }
}

#[test]
fn a_strangers_bye_that_is_not_accepted_ends_nothing() {
    for d in dialogs(1) {
        for as_side in [Caller, Callee] {
            for code in [481, 500, 0, 403] {
                for at in [1100.0, 4800.0, 11_500.0] {
                    let (mut s, sent) = genuine(&d, true);
                    forged(&mut s, &d, outsider(&d), at, "BYE", as_side, 50, code);
                    whole(&s.replay(AGENTS), &d, &sent, caller(&d));
                }
            }
        }
    }
}

#[test]
fn a_strangers_bye_that_he_accepts_himself_ends_nothing() {
    let d = Dialog::new(2);
    for to in [addr("10.9.9.10:5060"), d.sip[1]] {
        let (mut s, sent) = genuine(&d, true);
        let from = outsider(&d);
        s.udp(4800.0, from, to, d.request_text("BYE", Caller, 50, true, "", None).as_bytes());
        for source in [from, addr("10.9.9.10:5060")] {
            let text = d.response_text(200, "BYE", Caller, 50, "", None);
            s.udp(4810.0, source, from, text.as_bytes());
        }
        whole(&s.replay(AGENTS), &d, &sent, "customer");
    }
}

#[test]
fn several_byes_of_a_stranger_do_not_hide_the_partys() {
    for d in dialogs(3) {
        let (mut s, sent) = genuine(&d, true);
        for (i, at) in [3000.0, 5500.0, 5600.0, 10_500.0, 11_900.0].into_iter().enumerate() {
            forged(&mut s, &d, outsider(&d), at, "BYE", Caller, 50 + i as u32, 481);
        }
        whole(&s.replay(AGENTS), &d, &sent, caller(&d));
    }
}

#[test]
fn a_bye_of_a_party_ends_the_call_whichever_way_it_comes() {
    for d in dialogs(4) {
        for by in [Caller, Callee] {
            let ended_by = if by == Caller {
                caller(&d)
            } else if caller(&d) == "agent" {
                "customer"
            } else {
                "agent"
            };
            let (own, other) = (d.sip[by as usize], d.sip[by.other() as usize]);
            let moved = SocketAddr::new(own.ip(), 39_999);
            // Another port of its own; another proxy; straight to the other, or by way of another.
            for (from, to, code) in [
                (moved, other, 200),
                (outsider(&d), other, 200),
                (own, outsider(&d), 200),
                (moved, other, 481),
                (own, other, 0),
            ] {
                let (mut s, sent) = genuine(&d, false);
                s.udp(12_000.0, from, to, d.request_text("BYE", by, 60, true, "", None).as_bytes());
                if code > 0 {
                    s.udp(12_010.0, to, from, d.response_text(code, "BYE", by, 60, "", None).as_bytes());
                }
                time_runs(&mut s, 12_000.0, 50_000.0, 500.0);
                whole(&s.replay(AGENTS), &d, &sent, ended_by);
            }
        }
    }
}

#[test]
fn media_that_goes_on_both_ways_contradicts_a_bye() {
    for d in dialogs(5) {
        for code in [481, 0, 200] {
            // As if of the party: over, and something is missing.
            let (mut s, _) = genuine(&d, true);
            forged(&mut s, &d, d.sip[0], 5000.0, "BYE", Caller, 50, code);
            let run = s.replay(AGENTS);
            spans(run.only(), 1000.0, 5000.0, caller(&d));
            complete(run.only(), false);
        }
        // From elsewhere, though the other side seems to accept it: nobody has hung up.
        let (mut s, sent) = genuine(&d, true);
        forged(&mut s, &d, outsider(&d), 5000.0, "BYE", Caller, 50, 200);
        whole(&s.replay(AGENTS), &d, &sent, caller(&d));
    }
}

/// An INVITE that would take the place of a dialog, from a stranger to either party.
fn replacing(d: &Dialog, to: Side, n: u16) -> Dialog {
    let mine = Dialog::new(n);
    let [local, remote] = [&d.tags[to as usize], &d.tags[to.other() as usize]];
    Dialog {
        headers: format!("Replaces: {};to-tag={local};from-tag={remote}\r\n", d.call_id),
        from: "<sip:+358505550000@evil.example>".into(),
        sip: [outsider(d), d.sip[to as usize]],
        rtp: [SocketAddr::new(outsider(d).ip(), 7000), SocketAddr::new(d.rtp[to as usize].ip(), 39_000)],
        ..mine
    }
}

#[test]
fn a_replacing_invite_that_nobody_answers_is_no_transfer() {
    for d in dialogs(6) {
        for to in [Caller, Callee] {
            for code in [0, 403, 481, 486, 603] {
                for at in [2000.0, 11_990.0] {
                    let (mut s, sent) = genuine(&d, true);
                    let attack = replacing(&d, to, 90);
                    attack.invite(&mut s, at);
                    if code > 0 {
                        attack.status(&mut s, at + 5.0, code);
                        attack.ack(&mut s, at + 6.0);
                    }
                    whole(&s.replay(AGENTS), &d, &sent, caller(&d));
                }
            }
        }
    }
}

#[test]
fn a_strangers_transfer_and_keys_are_not_the_partys() {
    for d in dialogs(7) {
        for as_side in [Caller, Callee] {
            let (mut s, sent) = genuine(&d, true);
            let to = d.sip[as_side.other() as usize];
            let refer = d.request_text("REFER", as_side, 50, true, "Refer-To: <sip:2002@x>\r\n", None);
            s.udp(3000.0, outsider(&d), to, refer.as_bytes());
            let key = d.request_text(
                "INFO",
                as_side,
                51,
                true,
                "Content-Type: application/dtmf-relay\r\n",
                Some("Signal=5\r\nDuration=160\r\n"),
            );
            s.udp(4000.0, outsider(&d), to, key.as_bytes());
            let run = s.replay(AGENTS);
            whole(&run, &d, &sent, caller(&d));
            events(run.only(), "dtmf", &[]);
        }
    }
}
