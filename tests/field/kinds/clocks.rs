//! Clocks that lie: stamps on another clock, numbers that start again, skew, paths that get faster.

use crate::common::ladder::Side::{self, Callee, Caller};
use crate::common::ladder::{T0, ns};
use crate::common::voice::Packet;
use crate::field::stage::{Call, Stage};
use crate::field::want::{Expected, Sound};

fn side(s: &mut Stage) -> Side {
    if s.rng.chance(0.5) { Caller } else { Callee }
}

/// A calm call of this length; one side has talked, the other is the one that lies.
fn liar(s: &mut Stage, length: f64) -> (Call, Side) {
    let mut c = s.call(length);
    s.calm(&mut c);
    s.open(&c);
    let who = side(s);
    let (from, to) = (c.answered, c.ended);
    s.speak(&mut c, who.other(), from + 3.0, to);
    (c, who)
}

fn stamp(p: &mut Packet, ts: u32) {
    p.rtp[4..8].copy_from_slice(&ts.to_be_bytes());
}

fn send(s: &mut Stage, c: &mut Call, who: Side, packets: Vec<Packet>) {
    s.scene.media(&packets);
    c.sent[who as usize].extend(packets);
}

fn over(s: &mut Stage, c: &Call) -> Expected {
    s.hang_up(c);
    Expected::one(c.wanted(&s.agent(0))).secret(&c.number)
}

/// Timestamps at twice or half the rate, or one more for each packet.
pub fn wrong_clock(s: &mut Stage) -> Expected {
    let (mut c, who) = liar(s, 2500.0);
    let step = *s.rng.pick(&[320u32, 80, 1, 960]);
    let (from, to) = (c.answered + 5.0, c.ended);
    let mut packets = c.say(who, from, to);
    let base = s.rng.next() as u32;
    for (i, p) in packets.iter_mut().enumerate() {
        stamp(p, base.wrapping_add(step * i as u32));
    }
    send(s, &mut c, who, packets);
    over(s, &c)
}

/// Timestamps that stand still from some packet on.
pub fn stamps_frozen(s: &mut Stage) -> Expected {
    let (mut c, who) = liar(s, 2500.0);
    let (from, to) = (c.answered + 5.0, c.ended);
    let mut packets = c.say(who, from, to);
    let first = s.rng.below(60) as usize;
    let frozen = u32::from_be_bytes(packets[first].rtp[4..8].try_into().unwrap());
    packets[first..].iter_mut().for_each(|p| stamp(p, frozen));
    send(s, &mut c, who, packets);
    over(s, &c)
}

/// After a pause numbers and stamps begin again, under the same SSRC.
pub fn restart(s: &mut Stage) -> Expected {
    let (mut c, who) = liar(s, 4500.0);
    let before = c.voices[who as usize].clone();
    let at = c.answered + 5.0;
    let talk = 20.0 * (20 + s.rng.below(60)) as f64;
    let packets = c.say(who, at, at + talk - 1.0);
    send(s, &mut c, who, packets);
    let v = &mut c.voices[who as usize];
    (v.seq, v.ts) = (before.seq, before.ts);
    if s.rng.chance(0.3) {
        // Somewhere else, not far away.
        let v = &mut c.voices[who as usize];
        v.seq = v.seq.wrapping_add(s.rng.below(10) as u16);
        v.ts = s.rng.next() as u32;
    }
    let again = at + talk + s.rng.range(200.0, 1500.0).round();
    let end = c.ended;
    let packets = c.say(who, again, end);
    send(s, &mut c, who, packets);
    over(s, &c)
}

/// A load generator plays one file again and again: the very same packets.
pub fn looped(s: &mut Stage) -> Expected {
    let (mut c, who) = liar(s, 5000.0);
    let at = c.answered + 5.0;
    let length = 20.0 * (30 + s.rng.below(45)) as f64;
    let file = c.say(who, at, at + length - 1.0);
    let every = length + s.rng.range(100.0, 700.0).round();
    let mut all = Vec::new();
    let mut shift = 0.0;
    while at + shift + length < c.ended - 10.0 {
        let by = (shift * 1e6) as i64;
        all.extend(file.iter().map(|p| Packet {
            nominal_ns: p.nominal_ns + by,
            captured_ns: vec![p.nominal_ns + by],
            ..p.clone()
        }));
        shift += every;
    }
    send(s, &mut c, who, all);
    over(s, &c)
}

/// Half a minute and more of two telephones 400 ppm apart.
pub fn skew(s: &mut Stage) -> Expected {
    let length = s.rng.range(40_000.0, 70_000.0).round();
    let mut c = s.call(length);
    s.calm(&mut c);
    s.open(&c);
    let ppm = s.rng.range(150.0, 400.0);
    c.voices[0].ppm = ppm / 2.0;
    c.voices[1].ppm = -ppm / 2.0;
    let (from, to) = (c.answered, c.ended);
    s.talk(&mut c, from, to);
    s.hang_up(&c);
    let mut w = c.wanted(&s.agent(0));
    w.sound = [c.outside(), c.agent].map(|side| Sound::Smooth(c.sent[side as usize].clone()));
    Expected::one(w).secret(&c.number)
}

/// A new SSRC for each spurt, dozens of them.
pub fn new_ssrc(s: &mut Stage) -> Expected {
    let spurts = 40 + s.rng.below(50);
    let (mut c, who) = liar(s, 100.0 * spurts as f64 + 200.0);
    for i in 0..spurts {
        let at = c.answered + 5.0 + 100.0 * i as f64;
        let v = &mut c.voices[who as usize];
        (v.ssrc, v.seq, v.ts) = (s.rng.next() as u32, s.rng.next() as u16, s.rng.next() as u32);
        let packets = v.talk(at, at + 59.0);
        send(s, &mut c, who, packets);
    }
    over(s, &c)
}

/// The path gets faster in mid-stream and stays so: what follows lies where it now comes.
pub fn faster(s: &mut Stage) -> Expected {
    let (mut c, who) = liar(s, 6000.0);
    let by = s.rng.range(30.0, 300.0).round();
    let change = c.answered + 2500.0;
    let (from, to) = (c.answered + 5.0, c.ended - 10.0);
    let mut packets = c.say(who, from, to - by);
    let mut last = 0;
    for p in &mut packets {
        let slow = p.nominal_ns + (by * 1e6) as i64;
        let arrives = if slow < ns(change) { slow } else { p.nominal_ns.max(last + 1_000_000) };
        if slow < ns(change) {
            p.nominal_ns = slow;
        }
        p.captured_ns = vec![arrives];
        last = arrives;
    }
    // While the move is made its place is free.
    let (start, done) = (change - by - 500.0, change + 1500.0);
    let inside = |p: &&Packet| (ns(start)..=ns(done)).contains(&p.captured_ns[0]);
    let spoken: Vec<Packet> = packets.iter().filter(|p| !inside(p)).cloned().collect();
    let ms = |p: &Packet| (p.captured_ns[0] - T0) as f64 / 1e6;
    let moving: Vec<f64> = packets.iter().filter(inside).map(ms).collect();
    let free = (moving[0], moving[moving.len() - 1] + 20.0);
    send(s, &mut c, who, packets);
    s.hang_up(&c);
    let mut w = c.wanted(&s.agent(0));
    let channel = usize::from(who == c.agent);
    w.sound[channel] = Sound::AllBut(spoken, vec![free]);
    w.complete = None;
    Expected::one(w).secret(&c.number)
}
