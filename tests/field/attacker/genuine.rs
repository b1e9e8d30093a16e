//! The call that is attacked: either direction and family, from behind a NAT or not, held, moved
//! to another port, over a network that loses and delays.

use crate::common::files::sender_report;
use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side, addr, ns};
use crate::common::rng::Rng;
use crate::common::voice::{Fate, Voice};
use std::fmt::Write as _;
use std::net::SocketAddr;

/// When it is answered.
pub const ANSWERED: f64 = 1000.0;

/// The call.
pub struct Genuine {
    pub d: Dialog,
    pub scene: Scene,
    /// When they hang up, or the capture ends.
    pub over: f64,
    /// From when on nobody can be taken for a party any more.
    pub known: f64,
    /// Where each party's media really comes from.
    pub places: [SocketAddr; 2],
    /// SSRC, first number, first stamp of each.
    pub voices: [(u32, u16, u32); 2],
    pub said: String,
}

/// Where a party is in time: talks from here to there, from this address.
struct Stretch {
    from: f64,
    to: f64,
    places: [SocketAddr; 2],
}

impl Genuine {
    /// One by chance.
    pub fn new(rng: &mut Rng) -> Genuine {
        let d = if rng.chance(0.6) { Dialog::new(1) } else { Dialog::outbound(1) };
        let mut d = if rng.chance(0.25) { six(d) } else { d };
        let mut said = format!("\n    {} over {}", d.uri, d.sip[0].ip());
        let (mut scene, over) = (Scene::new(), rng.range(3500.0, 6000.0).round());
        let mut places = d.rtp;
        let customer = if d.from.contains("2001") { Callee } else { Caller };
        let mut known = 0.0;
        if d.sip[0].is_ipv4() && rng.chance(0.3) {
            let port = 40_000 + rng.below(900) as u16;
            // Beside his SIP, or by another way out.
            let host =
                if rng.chance(0.5) { d.sip[customer as usize].ip() } else { addr("203.0.113.77:1").ip() };
            places[customer as usize] = SocketAddr::new(host, port);
            d.rtp[customer as usize] = addr(&format!("192.168.7.{}:{port}", 2 + rng.below(200)));
            known = ANSWERED + 1500.0;
            let _ = write!(said, ", {customer:?} behind NAT at {}", places[customer as usize]);
        }
        d.answered(&mut scene, 100.0, ANSWERED);
        let stretches = stretches(rng, &mut scene, &d, places, over, &mut said);
        let loss = if rng.chance(0.3) { 0.02 } else { 0.0 };
        let jitter = if rng.chance(0.3) { 15.0 } else { 0.0 };
        let mut voices = [Caller, Callee].map(|side| Voice::of(&d, side, rng.next()));
        let first = [0, 1].map(|i: usize| (voices[i].ssrc, voices[i].seq, voices[i].ts));
        for (v, side) in voices.iter_mut().zip([Caller, Callee]) {
            let begin = rng.range(1.0, 19.0);
            let mut silent_since: Option<f64> = None;
            for s in &stretches {
                if let Some(since) = silent_since {
                    v.pause((s.from - since) as u32);
                }
                *v = v.clone().between(s.places[side as usize], s.places[side.other() as usize]);
                let mut net = |_| Fate {
                    delay_ms: rng.range(0.0, jitter + 0.001),
                    lost: rng.chance(loss),
                    ..Fate::CLEAN
                };
                scene.media(&v.talk_over(s.from + begin, s.to, &mut net));
                silent_since = Some(s.to);
            }
            if rng.chance(0.3) {
                for at in [1500.0, 2500.0] {
                    let [from, to] = [side, side.other()].map(|s| places[s as usize]);
                    let beside = |a: SocketAddr| SocketAddr::new(a.ip(), a.port() + 1);
                    scene.udp(at, beside(from), beside(to), &sender_report(v.ssrc));
                }
            }
        }
        if rng.chance(0.8) {
            d.bye(&mut scene, over, if rng.chance(0.5) { Caller } else { Callee });
        } else {
            // The capture goes on for as long, whoever else sends, and however long he does.
            scene.udp(over + 4000.0, addr("203.0.113.1:123"), addr("203.0.113.2:123"), b"time");
        }
        Genuine { d, scene, over, known, places, voices: first, said }
    }

    /// Milliseconds of the ladder between `begin` and the end.
    pub fn some_time(&self, rng: &mut Rng, begin: f64) -> f64 {
        rng.range(self.known.max(begin), self.over + 300.0)
    }
}

/// Talk, perhaps a hold, perhaps a move of one party to another port.
fn stretches(
    rng: &mut Rng,
    s: &mut Scene,
    d: &Dialog,
    places: [SocketAddr; 2],
    over: f64,
    said: &mut String,
) -> Vec<Stretch> {
    let by = if rng.chance(0.5) { Caller } else { Callee };
    let sdp = |side: Side, at: SocketAddr, way: &str, version| d.sdp_with(side, at, "8", way, version);
    let own = |side: Side| d.rtp[side as usize];
    match rng.below(10) {
        0 | 1 => {
            let (from, to) = (ANSWERED + 800.0, ANSWERED + 1600.0);
            let _ = write!(said, ", held by {by:?}");
            let (offer, answer) =
                (sdp(by, own(by), "sendonly", 2), sdp(by.other(), own(by.other()), "recvonly", 2));
            d.reinvite(s, from, by, 20, &offer, &answer);
            let (offer, answer) =
                (sdp(by, own(by), "sendrecv", 3), sdp(by.other(), own(by.other()), "sendrecv", 3));
            d.reinvite(s, to, by, 21, &offer, &answer);
            let second = Stretch { from: to + 40.0, to: over, places };
            vec![Stretch { from: ANSWERED, to: from + 40.0, places }, second]
        }
        2 if own(by) == places[by as usize] => {
            let at = ANSWERED + 900.0;
            let _ = write!(said, ", {by:?} moves");
            let moved = SocketAddr::new(own(by).ip(), own(by).port() + 200);
            let answer = sdp(by.other(), own(by.other()), "sendrecv", 2);
            d.reinvite(s, at, by, 20, &sdp(by, moved, "sendrecv", 2), &answer);
            let mut after = places;
            after[by as usize] = moved;
            let second = Stretch { from: at + 40.0, to: over, places: after };
            vec![Stretch { from: ANSWERED, to: at + 40.0, places }, second]
        }
        3 => {
            d.reinvite(s, ANSWERED + 900.0, by, 20, &d.sdp(by), &d.sdp(by.other()));
            vec![Stretch { from: ANSWERED, to: over, places }]
        }
        _ => vec![Stretch { from: ANSWERED, to: over, places }],
    }
}

fn six(d: Dialog) -> Dialog {
    let map = |a: SocketAddr| {
        let std::net::IpAddr::V4(v4) = a.ip() else { return a };
        let [w, x, y, z] = v4.octets();
        addr(&format!("[2001:db8::{w:x}:{x:x}:{y:x}:{z:x}]:{}", a.port()))
    };
    Dialog { sip: d.sip.map(map), rtp: d.rtp.map(map), ..d }
}

/// Nanoseconds of the ladder's clock, for frames that are no datagrams.
pub fn at_ns(ms: f64) -> i64 {
    ns(ms)
}
