//! Key tones in the sound are silenced where a service says so, from their first sample to their
//! last, on both channels; what is said around them is kept, and no press is told twice.

use crate::common::audio::{level, to_alaw};
use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side};
use crate::common::run::Recording;
use crate::common::voice::{Packet, Voice};
use crate::kit::*;
use std::f64::consts::TAU;

const LOW: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
const SILENT: &str = "[service_default]\nsilence_tones = true\n";

/// A key's tones: from and until, ms of the ladder; rows and columns; amplitudes.
#[derive(Clone, Copy)]
struct Tone {
    from: f64,
    until: f64,
    key: (usize, usize),
    loud: (f64, f64),
}

fn tone(from: f64, ms: f64, key: (usize, usize)) -> Tone {
    Tone { from, until: from + ms, key, loud: (4000.0, 3500.0) }
}

/// What is said: a voice of many harmonics, louder and softer, and pauses in it.
fn speech(at_ms: f64) -> f64 {
    let t = at_ms / 1e3;
    let pitch = 118.0 + 17.0 * (TAU * 0.7 * t).sin();
    let loud = (0.5 + 0.5 * (TAU * 2.3 * t).sin()) * 2600.0;
    (1..24).map(|h| (TAU * pitch * f64::from(h) * t + f64::from(h)).sin() / f64::from(h)).sum::<f64>() * loud
}

/// A party that speaks and sends tones in A-law, from 1 s to `end`.
fn sound(d: &Dialog, side: Side, tones: &[Tone], end: f64) -> Vec<Packet> {
    sound_and_events(d, side, tones, &[], end)
}

/// The same with event packets between these ms as well.
fn sound_and_events(d: &Dialog, side: Side, tones: &[Tone], presses: &[(f64, f64)], end: f64) -> Vec<Packet> {
    let mut v = Voice::of(d, side, 40 + side as u64);
    let mut out = Vec::new();
    let mut at = 1001.0;
    while at < end {
        let sample = |i: u32| {
            let at_ms = at + f64::from(i) / 8.0;
            let now = tones.iter().find(|t| (t.from..t.until).contains(&at_ms));
            let sum = now.map_or_else(
                || speech(at_ms),
                |t| {
                    let s = at_ms / 1e3;
                    t.loud.0 * (TAU * LOW[t.key.0] * s).sin() + t.loud.1 * (TAU * HIGH[t.key.1] * s).sin()
                },
            );
            to_alaw(sum.clamp(-32000.0, 32000.0) as i16)
        };
        let payload: Vec<u8> = (0..160).map(sample).collect();
        out.push(v.other(at, 8, &payload));
        if let Some((from, until)) = presses.iter().find(|(from, until)| (*from..*until).contains(&at)) {
            // All packets of a press have the stamp of its first.
            let n = ((at - from) / 20.0) as u32;
            let (now, [high, low]) = (v.ts, (((n + 1) * 160) as u16).to_be_bytes());
            v.ts = now.wrapping_sub(n * 160);
            let is_last = at + 20.0 >= *until;
            out.push(v.other(at, 101, &[6, if is_last { 0x8A } else { 10 }, high, low]));
            v.ts = now;
        }
        v.ts = v.ts.wrapping_add(160);
        at += 20.0;
    }
    out
}

fn part<'a>(r: &'a Recording, channel: &str, from: f64, until: f64) -> &'a [i16] {
    let [a, b] = [from, until].map(|ms| ((ms - 1000.0) * 8.0).max(0.0) as usize);
    let all = r.channel(channel);
    &all[a..b.min(all.len())]
}

/// Nothing is left of the tones, and next to nothing else is gone.
#[track_caller]
fn silenced(r: &Recording, plain: &Recording, channel: &str, tones: &[Tone]) {
    for t in tones {
        assert!(
            part(r, channel, t.from, t.until).iter().all(|s| *s == 0),
            "{channel} {}..{}",
            t.from,
            t.until
        );
        assert!(level(part(plain, channel, t.from, t.until), 8000, LOW[t.key.0]) > 0.0005, "it was there");
    }
    let (is, was) = (r.channel(channel), plain.channel(channel));
    for (i, (a, b)) in is.iter().zip(was).enumerate() {
        let at = 1000.0 + i as f64 / 8.0;
        let near = tones.iter().any(|t| (t.from - 30.0..t.until + 30.0).contains(&at));
        assert!(near || a == b, "{channel} {at} ms: {a}, was {b}");
    }
}

#[test]
fn tones_of_either_side_are_silent_and_speech_is_not() {
    let of_customer = [
        tone(2000.0, 80.0, (0, 0)),
        tone(2160.0, 80.0, (0, 0)),
        tone(2400.0, 45.0, (3, 2)),
        tone(3111.0, 600.0, (1, 3)),
    ];
    let of_agent = [
        Tone { loud: (300.0, 200.0), ..tone(2511.0, 100.0, (2, 1)) },
        Tone { loud: (1500.0, 4500.0), ..tone(4007.0, 60.0, (3, 1)) },
        Tone { loud: (14_000.0, 14_000.0), ..tone(4701.0, 60.0, (1, 1)) },
    ];
    for (n, d) in [(1, Dialog::new(1)), (2, Dialog::outbound(2))] {
        let agent = if n == 1 { Callee } else { Caller };
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        s.media(&sound(&d, agent.other(), &of_customer, 6000.0));
        s.media(&sound(&d, agent, &of_agent, 6000.0));
        d.bye(&mut s, 6000.0, Caller);
        let (run, plain) = (s.replay(&format!("{AGENTS}{SILENT}")), s.replay(AGENTS));
        let (r, plain) = (run.only(), plain.only());
        silenced(r, plain, "customer", &of_customer);
        silenced(r, plain, "agent", &of_agent);
        events(r, "dtmf", &[1.0, 1.16, 1.4, 1.511, 2.111, 3.007, 3.701]);
        events(plain, "dtmf", &[]);
        complete(r, true);
        nowhere(&run, &["697", "1209"]);
    }
}

#[test]
fn what_a_gateway_leaks_beside_rtp_events_is_silent_and_told_once() {
    let d = Dialog { formats: ["8 101".into(), "8 101".into()], ..Dialog::new(3) };
    // The tone begins, the gateway notices, and sends events: 15 ms leak, 60 ms do, all of it does.
    let presses = [(2000.0, 15.0), (3000.0, 60.0), (4000.0, 120.0)];
    let tones = presses.map(|(at, leak)| tone(at, leak, (1, 2)));
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    let events_of = presses.map(|(at, leak)| (at + f64::min(leak, 60.0), at + f64::min(leak, 60.0) + 100.0));
    s.media(&sound_and_events(&d, Caller, &tones, &events_of, 6000.0));
    s.media(&sound(&d, Callee, &[], 6000.0));
    d.bye(&mut s, 6000.0, Caller);
    let run = s.replay(&format!("{AGENTS}{SILENT}"));
    let r = run.only();
    for t in tones {
        assert!(part(r, "customer", t.from, t.until).iter().all(|s| *s == 0), "{}", t.from);
    }
    events(r, "dtmf", &[1.03, 2.06, 3.06]);
    assert!(part(r, "customer", 4500.0, 5500.0).iter().any(|s| *s != 0));
    assert!(
        part(r, "agent", 1500.0, 5500.0).iter().filter(|s| **s == 0).count() < 2000,
        "the other side is not touched"
    );
}
