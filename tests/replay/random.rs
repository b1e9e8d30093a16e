//! Random calls against an independent reckoning of what must be recorded and
//! where each packet lies. The seed of a failure is in its message:
//! `NAUHURI_SEED=n` plays that one alone, `NAUHURI_SEEDS=n` more of them.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{AGENTS, Dialog, Scene, Side, addr, ns};
use crate::common::oracle::check;
use crate::common::rng::Rng;
use crate::common::run::Run;
use crate::common::voice::{Fate, Packet, Voice};
use std::net::SocketAddr;

/// How a call ends, as the wire has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Bye(Side),
    Challenged(Side),
    Unanswered(Side),
    Refused,
    Unseen,
}

/// What must come of one call.
#[derive(Debug)]
struct Expected {
    call_id: String,
    recorded: bool,
    outbound: bool,
    answered: f64,
    /// When, and by whom; none where nobody hung up.
    ended: Option<(f64, Side)>,
    sent: [Vec<Packet>; 2],
}

/// One network, for one direction.
struct Network {
    rng: Rng,
    jitter: f64,
    loss: f64,
    burst: u64,
    copies: f64,
}

impl Network {
    fn random(rng: &mut Rng) -> Self {
        let of = |rng: &mut Rng, p: f64, max: f64| if rng.chance(p) { rng.range(0.0, max) } else { 0.0 };
        Network {
            jitter: of(rng, 0.5, 50.0),
            loss: of(rng, 0.4, 0.04),
            copies: of(rng, 0.3, 0.05),
            burst: 0,
            rng: Rng::new(rng.next()),
        }
    }

    fn fate(&mut self) -> Fate {
        if self.burst == 0 && self.rng.chance(self.loss) {
            self.burst = 1 + self.rng.below(8);
        }
        if self.burst > 0 {
            self.burst -= 1;
            return Fate::LOST;
        }
        // Half of the packets meet no queue: they tell how long the path is.
        let delay_ms = if self.rng.chance(0.5) { 0.0 } else { self.rng.range(0.0, self.jitter.max(0.001)) };
        Fate { delay_ms, lost: false, copies: u8::from(self.rng.chance(self.copies)) }
    }
}

/// What one party says from `from` to `to`, with all that may happen to a sender.
fn speech(rng: &mut Rng, v: &mut Voice, from: f64, to: f64) -> Vec<Packet> {
    let mut net = Network::random(rng);
    let mut at = from + rng.range(0.0, 40.0);
    let mut out = Vec::new();
    v.ppm = rng.range(-100.0, 100.0);
    while at < to {
        let until = (at + rng.range(800.0, 4000.0)).min(to);
        let piece = v.talk_over(at, until, &mut |_| net.fate());
        let step = f64::from(v.ptime_ms) * (1.0 + v.ppm / 1e6);
        at += step * piece.len() as f64;
        out.extend(piece);
        match rng.below(8) {
            // Silence suppression, told by the stamps.
            0 => {
                let frames = 10 + rng.below(100) as u32;
                v.pause(frames * v.ptime_ms);
                at += f64::from(frames) * step;
            }
            // A pause that the stamps do not tell. (With hardly a packet after it see
            // `media::two_packets_after_an_untold_pause_keep_their_place`.)
            1 if at + 2800.0 < to => at += rng.range(300.0, 2500.0),
            // Another source, as after a transfer inside the far end.
            2 => {
                v.ssrc = rng.next() as u32;
                v.seq = rng.next() as u16;
                v.ts = rng.next() as u32;
            }
            // The stamps jump, the packets do not. (With packets out of order just there
            // see `media::packets_out_of_order_across_a_jump_keep_their_place`.)
            3 if net.jitter < 10.0 => v.ts = v.ts.wrapping_add(rng.next() as u32 | 0x10_0000),
            // Other packet lengths.
            4 => v.ptime_ms = *rng.pick(&[10, 20, 30, 40]),
            _ => {}
        }
    }
    out
}

/// Writes one call and says what must come of it.
fn call(rng: &mut Rng, s: &mut Scene, n: u16) -> Expected {
    let outbound = rng.chance(0.3);
    let mut d = if outbound { Dialog::outbound(n) } else { Dialog::new(n) };
    let agent_is_none = rng.chance(0.1);
    if agent_is_none {
        (d.from, d.to) = (d.from.replace("2001", "5001"), d.to.replace("2001", "5001"));
        d.uri = d.uri.replace("2001", "5001");
    }
    let format = *rng.pick(&["8", "0", "97"]);
    d.formats = [format.into(), format.into()];
    let start = rng.range(0.0, 5000.0);
    let ring = rng.range(100.0, 3000.0);
    let answered = start + ring;
    let end = *rng.pick(&[
        End::Bye(Caller),
        End::Bye(Callee),
        End::Challenged(Caller),
        End::Challenged(Callee),
        End::Unanswered(Caller),
        End::Unseen,
        End::Refused,
    ]);
    let over = answered + rng.range(2000.0, 12_000.0);
    d.invite(s, start);
    if rng.chance(0.3) {
        d.invite(s, start + 50.0);
    }
    let early = rng.chance(0.3);
    d.status(s, start + 60.0, if early { 183 } else { 180 });
    let mut voices = [Voice::of(&d, Caller, rng.next()), Voice::of(&d, Callee, rng.next())];
    nat(rng, &mut voices);
    if end == End::Refused {
        d.response(s, answered, 486, "INVITE", Caller, 1, None);
        d.ack(s, answered + 5.0);
        s.media(&voices[1].talk(start + 70.0, answered));
    } else {
        d.status(s, answered, 200);
        if rng.chance(0.3) {
            d.status(s, answered + 500.0, 200);
        }
        d.ack(s, answered + 10.0);
    }
    let first = if early { start + 80.0 } else { answered + 1.0 };
    let tail = rng.range(-50.0, 200.0);
    let spoken_to = if end == End::Unseen { over } else { over + tail };
    let sent = match end {
        End::Refused => [Vec::new(), Vec::new()],
        _ => voices.map(|mut v| speech(rng, &mut v, first, spoken_to)),
    };
    s.media(&sent[0]);
    s.media(&sent[1]);
    let ended = hang_up(rng, s, &d, end, over);
    let recorded = end != End::Refused && !agent_is_none;
    Expected { call_id: d.call_id, recorded, outbound, answered, ended, sent }
}

/// One party may be elsewhere than it says.
fn nat(rng: &mut Rng, voices: &mut [Voice; 2]) {
    if rng.chance(0.3) {
        let hidden = rng.below(2) as usize;
        let real: SocketAddr = addr(&format!("203.0.113.{}:{}", 1 + rng.below(250), voices[0].src.port()));
        voices[hidden].src = real;
        voices[1 - hidden].dst = real;
    }
}

fn hang_up(rng: &mut Rng, s: &mut Scene, d: &Dialog, end: End, over: f64) -> Option<(f64, Side)> {
    match end {
        End::Bye(side) => {
            d.bye(s, over, side);
            Some((over, side))
        }
        End::Unanswered(side) => {
            d.request(s, over, "BYE", side, 100, "", None);
            d.request(s, over + 500.0, "BYE", side, 100, "", None);
            Some((over, side))
        }
        End::Challenged(side) => {
            let first = over - rng.range(10.0, 1500.0);
            d.request(s, first, "BYE", side, 99, "", None);
            d.response(s, first + 5.0, 407, "BYE", side, 99, None);
            d.bye(s, over, side);
            Some((over, side))
        }
        End::Refused | End::Unseen => None,
    }
}

/// Compares one run with what was expected of it.
fn judge(run: &Run, expected: &[Expected]) -> Result<(), String> {
    let wanted = expected.iter().filter(|e| e.recorded).count();
    if run.recordings.len() != wanted {
        return Err(format!("{} recordings, {wanted} expected", run.recordings.len()));
    }
    for e in expected.iter().filter(|e| e.recorded) {
        let r = run.recordings.iter().find(|r| r.text("/sip/call_id") == e.call_id);
        let r = r.ok_or_else(|| format!("{} is not recorded", e.call_id))?;
        if (r.instant_ns("answered_at") - ns(e.answered)).abs() > 1000 {
            return Err(format!("{}: answered at {}", e.call_id, r.text("/answered_at")));
        }
        let (caller, callee) = if e.outbound { ("agent", "customer") } else { ("customer", "agent") };
        let by = match e.ended {
            Some((_, Caller)) => caller,
            Some((_, Callee)) => callee,
            None => "capture_end",
        };
        if r.text("/ended_by") != by {
            return Err(format!("{}: ended by {}, expected {by}", e.call_id, r.text("/ended_by")));
        }
        let last = || e.sent.iter().flatten().flat_map(|p| &p.captured_ns).max().copied().unwrap_or(0);
        let end = e.ended.map_or_else(last, |(at, _)| ns(at));
        if (r.instant_ns("ended_at") - end).abs() > 1_000_000 {
            return Err(format!("{}: ended at {}", e.call_id, r.text("/ended_at")));
        }
        let length = (end - ns(e.answered)) as f64 / 1e9;
        let wav = r.customer.len() as f64 / f64::from(r.rate);
        if (wav - length).abs() > 0.02 {
            return Err(format!("{}: {wav} s of audio, expected {length}", e.call_id));
        }
        check(r, caller, &e.sent[0])
            .and(check(r, callee, &e.sent[1]))
            .map_err(|w| format!("{}: {w}", e.call_id))?;
    }
    Ok(())
}

#[test]
fn random_calls_are_as_reckoned() {
    let number = |name| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let seeds: Vec<u64> = match number("NAUHURI_SEED") {
        Some(one) => vec![one],
        None => (0..number("NAUHURI_SEEDS").unwrap_or(40)).collect(),
    };
    let mut wrong = Vec::new();
    for seed in &seeds {
        let mut rng = Rng::new(*seed);
        let mut s = Scene::new();
        let calls = 1 + rng.below(4) as u16;
        let expected: Vec<Expected> = (0..calls).map(|n| call(&mut rng, &mut s, n)).collect();
        if let Err(what) = judge(&s.replay(AGENTS), &expected) {
            wrong.push(format!("NAUHURI_SEED={seed}: {what}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), seeds.len(), wrong.join("\n"));
}
