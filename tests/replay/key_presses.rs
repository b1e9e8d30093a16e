//! One event for each press of a key, however it is sent and however its stamps move; no digit.

use crate::common::files::over_tcp;
use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side, ns};
use crate::common::run::{Recording, Run};
use crate::common::voice::{Packet, Voice};
use crate::kit::*;

fn dialog(n: u16) -> Dialog {
    Dialog { formats: ["8 101".into(), "8 101".into()], ..Dialog::new(n) }
}

/// INFO of `side` with this body, and its 200.
fn info(s: &mut Scene, d: &Dialog, at: f64, side: Side, cseq: u32, kind: &str, body: &str) {
    let text = d.request_text("INFO", side, cseq, true, "", None);
    let head = text.strip_suffix("Content-Length: 0\r\n\r\n").unwrap();
    let text = format!("{head}Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    s.udp(at, d.sip[side as usize], d.sip[side.other() as usize], text.as_bytes());
    d.response(s, at + 20.0, 200, "INFO", side, cseq, None);
}

/// How the event packets of a press differ from those of RFC 4733.
#[derive(Clone, Copy)]
struct Fault {
    /// Every packet has a timestamp of its own.
    stamps_move: bool,
    /// No marker on the first.
    no_marker: bool,
    /// This many packets at the end are sent.
    ends: usize,
    /// A marker on every packet.
    all_marked: bool,
}

const NO_FAULT: Fault = Fault { stamps_move: false, no_marker: false, ends: 3, all_marked: false };

/// A press of 100 ms, packets every 20 ms.
fn press(v: &mut Voice, at: f64, digit: u8, fault: Fault) -> Vec<Packet> {
    let begun = v.ts;
    let mut out = Vec::new();
    for i in 0..5 + fault.ends {
        let (n, end) = if i < 5 { (i, 0) } else { (5, 0x80) };
        let moves = if fault.stamps_move { n as u32 * 160 } else { 0 };
        v.ts = begun.wrapping_add(moves);
        let duration = ((n + 1).min(5) * 160) as u16;
        let [high, low] = duration.to_be_bytes();
        let mut p = v.other(at + 20.0 * n as f64, 101, &[digit, end | 10, high, low]);
        if (i == 0 && !fault.no_marker) || fault.all_marked {
            p.rtp[1] |= 0x80;
        }
        out.push(p);
    }
    v.ts = begun.wrapping_add(960);
    out
}

/// Talk with presses of the caller's or the callee's at these ms; the rest is the test's.
fn pressed(
    d: &Dialog,
    side: Side,
    fault: Fault,
    presses: &[(f64, u8)],
    more: impl FnOnce(&mut Scene),
) -> Run {
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let mut v = Voice::of(d, side, 5);
    let mut at = 1001.0;
    for (when, digit) in presses {
        s.media(&v.talk(at, *when));
        s.media(&press(&mut v, *when, *digit, fault));
        at = when + 120.0;
    }
    s.media(&v.talk(at, 6000.0));
    s.media(&Voice::of(d, side.other(), 6).talk(1005.0, 6000.0));
    more(&mut s);
    d.bye(&mut s, 6000.0, Caller);
    s.replay(AGENTS)
}

/// So many presses near these seconds, and nothing that tells which keys.
#[track_caller]
fn told(r: &Recording, at: &[f64]) {
    events(r, "dtmf", at);
    complete(r, true);
    for e in r.json["events"].as_array().unwrap().iter().filter(|e| e["kind"] == "dtmf") {
        let keys: Vec<&String> = e.as_object().unwrap().keys().collect();
        assert!(keys.iter().all(|k| ["at_s", "kind", "channel"].contains(&k.as_str())), "{e}");
    }
}

#[test]
fn a_press_is_one_event_whatever_its_stamps_and_markers() {
    let faults = [
        NO_FAULT,
        Fault { stamps_move: true, ..NO_FAULT },
        Fault { stamps_move: true, no_marker: true, ..NO_FAULT },
        Fault { stamps_move: true, ends: 1, ..NO_FAULT },
        Fault { stamps_move: true, ends: 0, ..NO_FAULT },
        Fault { no_marker: true, ends: 0, ..NO_FAULT },
        Fault { all_marked: true, ..NO_FAULT },
        Fault { all_marked: true, stamps_move: true, ..NO_FAULT },
    ];
    for (i, fault) in faults.into_iter().enumerate() {
        for side in [Caller, Callee] {
            let run = pressed(&dialog(1), side, fault, &[(3101.0, 4), (3721.0, 2)], |_| ());
            println!("{i} {side:?}");
            told(run.only(), &[2.1, 2.72]);
        }
    }
}

#[test]
fn the_same_key_pressed_quickly_is_as_many_events() {
    for fault in [NO_FAULT, Fault { stamps_move: true, ..NO_FAULT }] {
        let presses = [(3001.0, 5), (3201.0, 5), (3401.0, 5), (3601.0, 5)];
        let run = pressed(&dialog(2), Caller, fault, &presses, |_| ());
        told(run.only(), &[2.0, 2.2, 2.4, 2.6]);
    }
}

#[test]
fn a_long_press_is_one_event() {
    let d = dialog(3);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let mut v = Voice::of(&d, Caller, 5);
    s.media(&v.talk(1001.0, 2001.0));
    for moves in [0, 1] {
        let begun = v.ts;
        for n in 0..100_u32 {
            v.ts = begun.wrapping_add(moves * n * 160);
            let [high, low] = ((n + 1) as u16 * 160).to_be_bytes();
            let end = if n == 99 { 0x80 } else { 0 };
            let at = 2001.0 + 2500.0 * f64::from(moves) + 20.0 * f64::from(n);
            s.media(&[v.other(at, 101, &[7, end | 10, high, low])]);
        }
        v.ts = begun.wrapping_add(20_000);
    }
    s.media(&Voice::of(&d, Callee, 6).talk(1005.0, 7000.0));
    d.bye(&mut s, 7000.0, Caller);
    told(s.replay(AGENTS).only(), &[1.0, 3.5]);
}

const BODIES: &[(&str, &str)] = &[
    ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"),
    ("application/dtmf-relay", "Signal= 5\nDuration= 160\n"),
    ("Application/DTMF-Relay; charset=utf-8", "Signal=5"),
    ("application/dtmf", "5"),
    ("audio/telephone-event", "5"),
    ("audio/telephone-event;charset=x", "5\r\n"),
    ("AUDIO/TELEPHONE-EVENT", "5"),
    ("application/dtmf-relay", "Signal=*\r\nDuration=100\r\n"),
    ("application/dtmf-relay", "Signal=#\r\n"),
];

#[test]
fn a_press_by_info_is_one_event_in_every_form() {
    for (kind, body) in BODIES {
        for side in [Caller, Callee] {
            for tcp in [false, true] {
                let d = dialog(4);
                let mut s = Scene::new();
                d.answered(&mut s, 0.0, 1000.0);
                let sent = talk(&mut s, &d, 1000.0, 4400.0);
                info(&mut s, &d, 2800.0, side, 7, kind, body);
                d.bye(&mut s, 4400.0, Caller);
                if tcp {
                    over_tcp(&mut s);
                }
                let run = s.replay(AGENTS);
                println!("{kind} {body}");
                told(run.only(), &[1.8]);
                inbound(run.only(), &sent);
                nowhere(&run, &["Signal", "Duration"]);
            }
        }
    }
}

#[test]
fn an_info_that_is_sent_again_is_the_same_press() {
    let d = dialog(5);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    talk(&mut s, &d, 1000.0, 6000.0);
    for at in [2800.0, 3300.0, 4300.0] {
        info(&mut s, &d, at, Caller, 7, "application/dtmf-relay", "Signal=5\r\n");
    }
    info(&mut s, &d, 5000.0, Caller, 8, "application/dtmf-relay", "Signal=5\r\n");
    d.bye(&mut s, 6000.0, Caller);
    told(s.replay(AGENTS).only(), &[1.8, 4.0]);
}

#[test]
fn an_info_of_something_else_is_no_press() {
    let d = dialog(6);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    talk(&mut s, &d, 1000.0, 4000.0);
    info(&mut s, &d, 2000.0, Caller, 7, "application/media_control+xml", "<media_control/>");
    info(&mut s, &d, 2200.0, Caller, 8, "text/plain", "5");
    info(&mut s, &d, 2400.0, Caller, 9, "application/sdp", "v=0\r\n");
    d.bye(&mut s, 4000.0, Caller);
    told(s.replay(AGENTS).only(), &[]);
}

#[test]
fn a_press_told_both_ways_is_one_event() {
    // The INFO may come before the events, within them, or after.
    for late in [-60.0, -5.0, 20.0, 90.0, 180.0] {
        for side in [Caller, Callee] {
            let d = dialog(7);
            let run = pressed(&d, side, NO_FAULT, &[(3301.0, 4), (3921.0, 2)], |s| {
                info(s, &d, 3301.0 + late, side, 7, "application/dtmf-relay", "Signal=4\r\nDuration=100\r\n");
                info(s, &d, 3921.0 + late, side, 8, "application/dtmf-relay", "Signal=2\r\nDuration=100\r\n");
            });
            println!("{late} {side:?}");
            told(run.only(), &[2.3, 2.92]);
        }
    }
}

#[test]
fn presses_of_the_two_sides_are_two_events() {
    let d = dialog(8);
    let run = pressed(&d, Caller, NO_FAULT, &[(3301.0, 4)], |s| {
        info(s, &d, 3310.0, Callee, 7, "application/dtmf-relay", "Signal=4\r\n");
    });
    told(run.only(), &[2.3, 2.31]);
}

#[test]
fn a_press_of_events_only_and_one_of_info_only_are_two() {
    let d = dialog(9);
    let run = pressed(&d, Caller, NO_FAULT, &[(2001.0, 4)], |s| {
        info(s, &d, 4500.0, Caller, 7, "application/dtmf", "4");
    });
    told(run.only(), &[1.0, 3.5]);
}

#[test]
fn a_press_seen_on_two_hops_is_one_event() {
    // A proxy's two hops: the INFO is seen twice, the events once.
    let d = dialog(10);
    let proxy = crate::common::ladder::addr("192.0.2.5:5060");
    let far = Dialog { sip: [d.sip[0], proxy], ..d.clone() };
    let near = Dialog { sip: [proxy, d.sip[1]], ..d.clone() };
    let mut s = Scene::new();
    for (hop, late) in [(&far, 0.0), (&near, 1.0)] {
        hop.invite(&mut s, late);
        hop.status(&mut s, 1001.0 - late, 200);
        hop.ack(&mut s, 1010.0 + late);
        info(&mut s, hop, 3000.0 + late, Caller, 7, "application/dtmf-relay", "Signal=5\r\n");
        hop.bye(&mut s, 5000.0 + late, Caller);
    }
    talk(&mut s, &d, 1000.0, 5000.0);
    told(s.replay(AGENTS).only(), &[2.0]);
}

#[test]
fn the_events_of_a_press_are_no_loss_and_no_sound() {
    let d = dialog(11);
    let run = pressed(&d, Caller, Fault { stamps_move: true, ..NO_FAULT }, &[(3001.0, 9)], |_| ());
    let r = run.only();
    assert_eq!(streams(r, "customer").2, 0);
    let from = ((ns(3025.0) - r.instant_ns("answered_at")) / 125_000) as usize;
    assert!(r.customer[from..from + 400].iter().all(|s| *s == 0), "a press is silence");
}
