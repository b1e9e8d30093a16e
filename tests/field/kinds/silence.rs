//! Silence of every kind: it is no hang-up, and no loss.

use crate::common::ladder::Side::{self, Callee, Caller};
use crate::common::ladder::addr;
use crate::field::stage::{Call, Stage};
use crate::field::want::{Expected, Sound};

/// A call of this length whose network does nothing, opened.
fn calm(s: &mut Stage, length: f64) -> Call {
    let mut c = s.call(length);
    s.calm(&mut c);
    s.open(&c);
    c
}

fn side(s: &mut Stage) -> Side {
    if s.rng.chance(0.5) { Caller } else { Callee }
}

fn last_ms(c: &Call) -> f64 {
    let last = c.sent.iter().flatten().flat_map(|p| &p.captured_ns).max().copied().unwrap_or(0);
    (last - crate::common::ladder::T0) as f64 / 1e6
}

/// The capture goes on: something unrelated at this instant.
fn later(s: &mut Stage, at: f64) {
    s.scene.udp(at, addr("203.0.113.9:123"), addr("203.0.113.8:123"), b"time");
}

fn one(s: &Stage, c: &Call) -> Expected {
    Expected::one(c.wanted(&s.agent(0))).secret(&c.number)
}

/// Silence suppression told by the timestamps: spurts of one side, short or long pauses.
pub fn suppressed(s: &mut Stage) -> Expected {
    let mut c = calm(s, 6000.0);
    let quiet = side(s);
    let (from, to) = (c.answered, c.ended);
    s.speak(&mut c, quiet.other(), from + 2.0, to);
    let mut at = c.answered + 2.0;
    while at < c.ended - 400.0 {
        let frames = 10 + s.rng.below(40);
        let until = (at + 20.0 * frames as f64 - 1.0).min(c.ended);
        s.speak(&mut c, quiet, at, until);
        at += 20.0 * frames as f64 + s.rng.range(200.0, 2600.0);
    }
    s.hang_up(&c);
    one(s, &c)
}

/// Nobody sends RTP for more than the media timeout; RTCP or session refreshes go on; then they talk again.
pub fn long_mute(s: &mut Stage) -> Expected {
    let gap = s.rng.range(33_000.0, 48_000.0).round();
    let mut c = calm(s, gap + 3000.0);
    let at = c.answered;
    s.talk(&mut c, at, at + 1500.0);
    let (kind, who) = (s.rng.below(4), side(s));
    for i in 0..(gap / 5000.0) as u32 {
        let at = at + 2000.0 + 5000.0 * f64::from(i);
        match kind {
            0 => s.rtcp(&c, who, at),
            1 => {
                s.rtcp(&c, Caller, at);
                s.rtcp(&c, Callee, at + 300.0);
            }
            2 if i % 4 == 0 => {
                c.d.request(&mut s.scene, at, "UPDATE", who, 1100 + i, "Session-Expires: 90\r\n", None);
                c.d.response(&mut s.scene, at + 10.0, 200, "UPDATE", who, 1100 + i, None);
            }
            3 if i % 4 == 0 => s.redirect(at, &c, who, 1100 + i, ["sendrecv", "sendrecv"]),
            _ => {}
        }
    }
    let end = c.ended;
    s.talk(&mut c, at + 1500.0 + gap, end);
    s.hang_up(&c);
    one(s, &c)
}

/// A fax is sent in mid-call: T.38 instead of audio for longer than the media timeout.
pub fn fax(s: &mut Stage) -> Expected {
    let gap = s.rng.range(33_000.0, 50_000.0).round();
    let mut c = calm(s, gap + 3000.0);
    let at = c.answered;
    s.talk(&mut c, at, at + 1500.0);
    let who = side(s);
    let beside = s.rng.chance(0.5);
    let image = |c: &Call, of: Side| {
        let whole = c.d.sdp_with(of, c.d.rtp[of as usize], "8", "sendrecv", 2);
        let (head, audio) = whole.split_at(whole.find("m=").unwrap());
        let port = c.d.rtp[of as usize].port();
        let off = audio.replace(&format!("m=audio {port}"), "m=audio 0");
        let fax = format!("m=image {port} udptl t38\r\na=T38FaxVersion:0\r\n");
        if beside { format!("{head}{off}{fax}") } else { format!("{head}{fax}") }
    };
    let (offer, answer) = (image(&c, who), image(&c, who.other()));
    c.d.reinvite(&mut s.scene, at + 1500.0, who, 1001, &offer, &answer);
    for i in 0..(gap / 200.0) as u32 - 2 {
        let v = &c.voices[i as usize % 2];
        let packet = [&(i as u16).to_be_bytes()[..], &[1, 0, 0x55, 0xAA]].concat();
        s.scene.udp(at + 1600.0 + 200.0 * f64::from(i), v.src, v.dst, &packet);
    }
    s.redirect(at + 1450.0 + gap, &c, who, 1002, ["sendrecv", "sendrecv"]);
    let end = c.ended;
    s.talk(&mut c, at + 1500.0 + gap, end);
    s.hang_up(&c);
    one(s, &c)
}

/// One side says nothing all along: silence, and nothing is missing.
pub fn one_way(s: &mut Stage) -> Expected {
    let mut c = calm(s, 1500.0);
    let (who, from, to) = (side(s), c.answered, c.ended);
    s.speak(&mut c, who, from + 4.0, to);
    s.hang_up(&c);
    one(s, &c)
}

/// Nobody does: a call that should be recorded and has no media.
pub fn no_media(s: &mut Stage) -> Expected {
    let length = s.rng.range(700.0, 3000.0);
    let c = calm(s, length);
    s.hang_up(&c);
    Expected::none(&c.d.call_id, "no_media").secret(&c.number)
}

/// A re-INVITE switches the audio off (port 0) for longer than the media timeout, another one on again.
pub fn port_zero(s: &mut Stage) -> Expected {
    let gap = s.rng.range(33_000.0, 50_000.0).round();
    let mut c = calm(s, gap + 3000.0);
    let at = c.answered;
    s.talk(&mut c, at, at + 1500.0);
    let who = side(s);
    let way = *s.rng.pick(&["inactive", "sendrecv"]);
    let off = |c: &Call, of: Side, v: u32| {
        c.d.sdp_with(of, c.d.rtp[of as usize], "8", way, v)
            .replace(&format!("m=audio {}", c.d.rtp[of as usize].port()), "m=audio 0")
    };
    let (offer, answer) = (off(&c, who, 2), off(&c, who.other(), 2));
    c.d.reinvite(&mut s.scene, at + 1500.0, who, 1001, &offer, &answer);
    s.redirect(at + 1450.0 + gap, &c, who, 1002, ["sendrecv", "sendrecv"]);
    let end = c.ended;
    s.talk(&mut c, at + 1500.0 + gap, end);
    s.hang_up(&c);
    one(s, &c)
}

/// How a hold is told.
fn hold_ways(s: &mut Stage) -> [&'static str; 2] {
    *s.rng.pick(&[["sendonly", "recvonly"], ["inactive", "inactive"]])
}

/// A hold told by signalling, longer than the media timeout.
pub fn long_hold(s: &mut Stage) -> Expected {
    let gap = s.rng.range(33_000.0, 70_000.0).round();
    let mut c = calm(s, gap + 3000.0);
    let at = c.answered;
    s.talk(&mut c, at, at + 1500.0);
    let (who, ways) = (side(s), hold_ways(s));
    s.redirect(at + 1500.0, &c, who, 1001, ways);
    s.redirect(at + 1450.0 + gap, &c, who, 1002, ["sendrecv", "sendrecv"]);
    let end = c.ended;
    s.talk(&mut c, at + 1500.0 + gap, end);
    s.hang_up(&c);
    let mut w = c.wanted(&s.agent(0));
    w.holds = Some(1);
    Expected::one(w).secret(&c.number)
}

/// A short hold, with or without music of the one who holds.
pub fn held(s: &mut Stage) -> Expected {
    let gap = s.rng.range(400.0, 3500.0).round();
    let mut c = calm(s, gap + 2500.0);
    let at = c.answered;
    s.talk(&mut c, at, at + 1200.0);
    let who = side(s);
    let music = s.rng.chance(0.4);
    let ways = if music { ["sendonly", "recvonly"] } else { hold_ways(s) };
    s.redirect(at + 1200.0, &c, who, 1001, ways);
    s.redirect(at + 1150.0 + gap, &c, who, 1002, ["sendrecv", "sendrecv"]);
    let end = c.ended;
    if music {
        let from = at + 1201.0;
        s.speak(&mut c, who, from, from + gap - 20.0);
    }
    s.talk(&mut c, at + 1200.0 + gap, end);
    s.hang_up(&c);
    let mut w = c.wanted(&s.agent(0));
    w.holds = Some(1);
    Expected::one(w).secret(&c.number)
}

/// Nothing at all for longer than the media timeout, then they talk again: two recordings of one contact.
pub fn dead_then_alive(s: &mut Stage) -> Expected {
    let gap = s.rng.range(36_000.0, 50_000.0).round();
    let mut c = calm(s, gap + 3000.0);
    let (at, end) = (c.answered, c.ended);
    s.talk(&mut c, at, at + 1500.0);
    let mut first = c.wanted(&s.agent(0));
    (first.ended, first.ended_by, first.complete) = (last_ms(&c), "timeout", Some(false));
    first.slack = 25.0;
    for i in 0..8 {
        later(s, at + 2000.0 + gap / 8.0 * f64::from(i));
    }
    c.sent = [Vec::new(), Vec::new()];
    let again = at + 1500.0 + gap;
    s.talk(&mut c, again, end);
    s.hang_up(&c);
    let mut second = c.wanted(&s.agent(0));
    (second.answered, second.slack, second.complete) = (again + 10.0, 60.0, None);
    Expected::one(first).and(second).secret(&c.number)
}

/// No BYE is seen, and the capture goes on.
pub fn no_bye(s: &mut Stage) -> Expected {
    let mut c = calm(s, 1500.0);
    let (at, end) = (c.answered, c.ended);
    s.talk(&mut c, at, end);
    for i in 0..10 {
        later(s, end + 5000.0 * f64::from(i));
    }
    let mut w = c.wanted(&s.agent(0));
    (w.ended, w.ended_by, w.complete, w.slack) = (last_ms(&c), "timeout", Some(false), 25.0);
    Expected::one(w).secret(&c.number)
}

/// A hold, two minutes in which this wire shows nothing, a BYE; and minutes later the next call.
pub fn quiet_then_bye(s: &mut Stage) -> Expected {
    let gap = s.rng.range(70_000.0, 150_000.0).round();
    let mut c = calm(s, gap + 1500.0);
    let at = c.answered;
    s.talk(&mut c, at, at + 1500.0);
    let (who, ways) = (side(s), hold_ways(s));
    s.redirect(at + 1500.0, &c, who, 1001, ways);
    s.hang_up(&c);
    let mut w = c.wanted(&s.agent(0));
    w.holds = Some(1);
    let number = c.number.clone();
    s.start = c.ended + s.rng.range(65_000.0, 400_000.0).round();
    let mut next = s.call(1200.0);
    s.whole(&mut next);
    let mut v = next.wanted(&s.agent(0));
    v.group = 1;
    Expected::one(w).and(v).secret(&number)
}

/// Packets without payload, with a type nobody announced, STUN on the media ports: nothing is missing.
pub fn keep_alives(s: &mut Stage) -> Expected {
    let mut c = calm(s, 2500.0);
    let (at, end) = (c.answered, c.ended);
    let who = side(s);
    let unknown = *s.rng.pick(&[20u8, 77, 120, 127]);
    let kind = s.rng.below(3);
    let alive = |s: &mut Stage, c: &mut Call, at: f64| {
        let at = c.sync(who, at);
        let v = &mut c.voices[who as usize];
        match kind {
            0 => {
                let p = v.other(at, v.payload_type, &[]);
                s.scene.media(&[p]);
            }
            1 => {
                let p = v.other(at, unknown, &[0; 4]);
                s.scene.media(&[p]);
            }
            _ => {
                let mut check = vec![0, 0x11, 0, 0, 0x21, 0x12, 0xA4, 0x42];
                check.extend_from_slice(&[7; 12]);
                s.scene.udp(at, v.src, v.dst, &check);
            }
        }
    };
    alive(s, &mut c, at + 3.0);
    s.talk(&mut c, at + 23.0, at + 1000.0);
    // In a pause, on the clock of the sender.
    alive(s, &mut c, at + 1060.0);
    s.talk(&mut c, at + 1400.0, end);
    s.hang_up(&c);
    one(s, &c)
}

/// Comfort noise in the pauses, announced or not: rendered or silent, and nothing is missing.
pub fn comfort_noise(s: &mut Stage) -> Expected {
    let mut c = s.call(3000.0);
    s.calm(&mut c);
    if s.rng.chance(0.7) {
        c.d.formats = ["8 13".into(), "8 13".into()];
    }
    s.open(&c);
    let (at, end) = (c.answered, c.ended);
    let who = side(s);
    s.speak(&mut c, who.other(), at + 2.0, end);
    s.speak(&mut c, who, at + 4.0, at + 1003.0);
    // One at the beginning of the pause, or one every so often.
    let every = *s.rng.pick(&[0.0, 100.0, 200.0]);
    let pause = 20 * (20 + s.rng.below(50)) as u32;
    let mut t = at + 1004.0;
    let resume = t + f64::from(pause);
    while t < resume - 30.0 {
        let now = c.sync(who, t);
        let p = c.voices[who as usize].other(now, 13, &[60, 0x12, 0x34]);
        s.scene.media(&[p]);
        t += if every > 0.0 { every } else { resume - t };
    }
    s.speak(&mut c, who, resume, end);
    s.hang_up(&c);
    let mut w = c.wanted(&s.agent(0));
    let channel = usize::from(who == c.agent);
    let free = vec![(at + 1004.0, resume)];
    w.sound[channel] = Sound::AllBut(c.sent[who as usize].clone(), free);
    Expected::one(w).secret(&c.number)
}
