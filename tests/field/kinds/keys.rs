//! Key presses: one event for each, however it is sent.

use crate::common::ladder::Side::{self, Callee, Caller};
use crate::common::voice::Packet;
use crate::field::stage::{Call, Stage};
use crate::field::want::Expected;

/// How many presses, whose, and how far apart they begin.
struct Presses {
    side: Side,
    at: Vec<f64>,
}

fn call(s: &mut Stage) -> (Call, Presses) {
    let mut c = s.call(3500.0);
    s.calm(&mut c);
    c.d.formats = ["8 101".into(), "8 101".into()];
    s.open(&c);
    let n = 1 + s.rng.below(4);
    let side = if s.rng.chance(0.5) { Caller } else { Callee };
    let at = (0..n).map(|i| c.answered + 500.0 + 600.0 * i as f64).collect();
    (c, Presses { side, at })
}

/// The packets of one press, and how long it takes; with `moving` the stamp goes on with each, against RFC 4733.
fn press(s: &mut Stage, c: &mut Call, p: &Presses, at: f64, moving: bool) -> f64 {
    let digit = s.rng.below(12) as u8;
    let v = &mut c.voices[p.side as usize];
    let mut out: Vec<Packet> = Vec::new();
    let steps = 4 + s.rng.below(5);
    for i in 0..steps + 2 {
        let (step, repeat) = (i.min(steps - 1), i.saturating_sub(steps - 1));
        let end = step == steps - 1;
        let duration = (160 * (step + 1)) as u16;
        let [high, low] = duration.to_be_bytes();
        let when = at + 20.0 * step as f64 + 0.02 * repeat as f64;
        let mut packet = v.other(when, 101, &[digit, if end { 0x8A } else { 0x0A }, high, low]);
        if i == 0 {
            packet.rtp[1] |= 0x80;
        }
        if moving && repeat == 0 && step > 0 {
            let ts = v.ts.wrapping_add(160 * step as u32);
            packet.rtp[4..8].copy_from_slice(&ts.to_be_bytes());
        } else if moving && repeat > 0 {
            let ts = v.ts.wrapping_add(160 * (steps - 1) as u32);
            packet.rtp[4..8].copy_from_slice(&ts.to_be_bytes());
        }
        out.push(packet);
    }
    s.scene.media(&out);
    20.0 * steps as f64
}

/// Talks around the presses of one side: its audio stops while a key is down.
fn play(s: &mut Stage, c: &mut Call, p: &Presses, events: bool, moving: bool) {
    let (from, to) = (c.answered, c.ended);
    s.speak(c, p.side.other(), from + 3.0, to);
    let mut at = c.answered + 5.0;
    for press_at in p.at.iter().filter(|_| events) {
        s.speak(c, p.side, at, *press_at - 0.5);
        let down = c.sync(p.side, at);
        at = down + press(s, c, p, down, moving);
    }
    s.speak(c, p.side, at, to);
    s.hang_up(c);
}

/// An INFO with a key in it.
fn tell(s: &mut Stage, c: &Call, p: &Presses, at: f64, i: usize) {
    let digit = s.rng.below(10);
    let (kind, body) = match s.rng.below(4) {
        0 => ("application/dtmf-relay", format!("Signal={digit}\r\nDuration=160\r\n")),
        1 => ("application/dtmf-relay", format!("Signal= {digit}\r\nDuration= 250")),
        2 => ("application/dtmf", digit.to_string()),
        _ => ("audio/telephone-event", format!("{digit}\r\n")),
    };
    let cseq = 300 + i as u32;
    let text = c.d.request_text("INFO", p.side, cseq, true, "", Some(&body));
    s.message(at, &c.d, p.side, &text.replace("application/sdp", kind));
    if s.rng.chance(0.2) {
        // Sent again: the answer was lost.
        s.message(at + 60.0, &c.d, p.side, &text.replace("application/sdp", kind));
    }
    c.d.response(&mut s.scene, at + 70.0, 200, "INFO", p.side, cseq, None);
}

fn expected(s: &Stage, c: &Call, p: &Presses) -> Expected {
    let mut w = c.wanted(&s.agent(0));
    w.presses = p.at.len();
    Expected::one(w).secret(&c.number)
}

/// RFC 4733.
pub fn events(s: &mut Stage) -> Expected {
    let (mut c, p) = call(s);
    play(s, &mut c, &p, true, false);
    expected(s, &c, &p)
}

/// The same with a new stamp in every packet.
pub fn event_stamps_move(s: &mut Stage) -> Expected {
    let (mut c, p) = call(s);
    play(s, &mut c, &p, true, true);
    expected(s, &c, &p)
}

/// SIP INFO of every form.
pub fn info(s: &mut Stage) -> Expected {
    let (mut c, p) = call(s);
    play(s, &mut c, &p, false, false);
    for (i, at) in p.at.iter().enumerate() {
        tell(s, &c, &p, *at, i);
    }
    expected(s, &c, &p)
}

/// Each press both ways.
pub fn info_and_event(s: &mut Stage) -> Expected {
    let (mut c, p) = call(s);
    play(s, &mut c, &p, true, false);
    let late = s.rng.range(-15.0, 150.0);
    for (i, at) in p.at.iter().enumerate() {
        tell(s, &c, &p, at + 10.0 + late, i);
    }
    expected(s, &c, &p)
}
