//! One genuine call, and somebody at addresses of his own who sends whatever he likes, whenever
//! he likes. The call's recording is what it would be without him.
//!
//! An outsider knows where the parties are. An insider knows the Call-ID and the tags as well,
//! and is promised no more success, as long as no party does as he says.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{AGENTS, Dialog, Scene, Side, addr};
use crate::common::rng::Rng;
use crate::common::run::{self, Run};
use crate::common::voice::{Fate, Voice};
use serde_json::Value;
use std::fmt::Write as _;
use std::net::SocketAddr;

/// A scenario.
pub struct Attack {
    peace: Scene,
    attacked: Scene,
    said: String,
}

/// Whoever attacks, and what he knows.
struct Attacker<'a> {
    rng: Rng,
    d: &'a Dialog,
    /// SSRC, first number, first stamp of each party.
    voices: [(u32, u16, u32); 2],
    knows: bool,
    said: String,
}

impl Attack {
    /// The scenario of a seed; an insider's where he `knows` the tags.
    pub fn new(seed: u64, knows: bool) -> Self {
        let mut rng = Rng::new(seed ^ if knows { 0x5151 } else { 0 });
        let d = if rng.chance(0.6) { Dialog::new(1) } else { Dialog::outbound(1) };
        let d = if rng.chance(0.25) { six(d) } else { d };
        let mut peace = Scene::new();
        let over = rng.range(3500.0, 6000.0).round();
        d.answered(&mut peace, 100.0, 1000.0);
        let loss = if rng.chance(0.3) { 0.02 } else { 0.0 };
        let jitter = if rng.chance(0.3) { 15.0 } else { 0.0 };
        let mut voices = [Caller, Callee].map(|side| Voice::of(&d, side, rng.next()));
        let known = [0, 1].map(|i: usize| (voices[i].ssrc, voices[i].seq, voices[i].ts));
        for v in &mut voices {
            let begin = 1000.0 + rng.range(1.0, 30.0);
            let mut net =
                |_| Fate { delay_ms: rng.range(0.0, jitter + 0.001), lost: rng.chance(loss), ..Fate::CLEAN };
            let sent = v.talk_over(begin, over, &mut net);
            peace.media(&sent);
        }
        if rng.chance(0.8) {
            d.bye(&mut peace, over, if rng.chance(0.5) { Caller } else { Callee });
        }
        let mut attacked = peace.clone();
        let mut a = Attacker { rng, d: &d, voices: known, knows, said: String::new() };
        for _ in 0..1 + a.rng.below(6) {
            a.act(&mut attacked, over);
        }
        Attack { peace, said: a.said, attacked }
    }

    /// Plays it with him and without.
    pub fn play(&self) -> [Run; 2] {
        [&self.peace, &self.attacked].map(|scene| {
            let (_keep, path) = scene.saved();
            run::replay_with(AGENTS, &[&path], &["--json", "--workers", "1"], &[])
        })
    }

    /// Leaves the capture where `NAUHURI_KEEP` says.
    pub fn keep(&self, seed: u64) {
        if let Some(dir) = std::env::var_os("NAUHURI_KEEP") {
            self.attacked.save(&std::path::PathBuf::from(dir).join(format!("attacker-{seed}.pcap")));
        }
    }

    /// What he did.
    pub fn describe(&self) -> &str {
        &self.said
    }

    /// # Errors
    /// What he has moved.
    pub fn judge(&self, [peace, attacked]: &[Run; 2]) -> Result<(), String> {
        for run in [peace, attacked] {
            if !run.output.status.success() {
                return Err(format!("failed: {}", run.stderr()));
            }
        }
        let ([was], [is]) = (&peace.recordings[..], &attacked.recordings[..]) else {
            return Err(format!("{} recordings", attacked.recordings.len()));
        };
        if was.data != is.data {
            let at = was.customer.iter().zip(&is.customer).position(|(a, b)| a != b);
            let other = was.agent.iter().zip(&is.agent).position(|(a, b)| a != b);
            return Err(format!("other sound from {at:?} (customer), {other:?} (agent)"));
        }
        let ((was, was_streams), (is, is_streams)) = (told(&was.json), told(&is.json));
        if was != is {
            return Err(format!("told otherwise:\n{was}\n{is}"));
        }
        match was_streams.iter().find(|s| !is_streams.contains(s)) {
            Some(s) => Err(format!("stream {s} is not among {is_streams:?}")),
            None => Ok(()),
        }
    }
}

/// A sidecar without what may tell of him, and its streams.
fn told(json: &Value) -> (Value, Vec<Value>) {
    let mut j = json.clone();
    let streams = j["streams"].as_array().unwrap().clone();
    let mut events = j["events"].as_array().unwrap().clone();
    events.retain(|e| e["kind"] != "intruder");
    let o = j.as_object_mut().unwrap();
    o.remove("streams");
    o.insert("events".into(), events.into());
    (j, streams)
}

fn six(d: Dialog) -> Dialog {
    let map = |a: SocketAddr| {
        let std::net::IpAddr::V4(v4) = a.ip() else { return a };
        let [w, x, y, z] = v4.octets();
        addr(&format!("[2001:db8::{w:x}:{x:x}:{y:x}:{z:x}]:{}", a.port()))
    };
    Dialog { sip: d.sip.map(map), rtp: d.rtp.map(map), ..d }
}

impl Attacker<'_> {
    fn own(&mut self, port: u16) -> SocketAddr {
        let n = self.rng.below(3);
        let ip = if self.d.sip[0].is_ipv4() { format!("10.9.9.{n}") } else { format!("[2001:db8:bad::{n}]") };
        addr(&format!("{ip}:{port}"))
    }

    fn side(&mut self) -> Side {
        if self.rng.chance(0.5) { Caller } else { Callee }
    }

    fn act(&mut self, s: &mut Scene, over: f64) {
        let at = self.rng.range(50.0, over + 300.0);
        let kinds = if self.knows { 9 } else { 6 };
        let kind = self.rng.below(kinds);
        let (to, port) = (self.side(), 1024 + self.rng.below(60_000) as u16);
        let (from, target) = (self.own(port), self.d.rtp[to as usize]);
        let _ = write!(self.said, "\n    {kind} at {at:.1} from {from} to {to:?}");
        match kind {
            0 => self.speak(s, at, from, to),
            1 => self.flood(s, at, from, to),
            2 => {
                let ssrc = self.voices[to.other() as usize].0;
                let mut p = vec![0x10, 0, 0, 1];
                p.extend(b"ZRTP");
                p.extend(ssrc.to_be_bytes());
                p.extend([0x50, 0x5A, 0, 19]);
                p.extend(self.rng.pick(&[b"Confirm1", b"Confirm2", b"Conf2ACK", b"Hello   "]).iter());
                p.extend([7; 52]);
                s.udp(at, from, target, &p);
            }
            3 => self.rubbish(s, at, from, to),
            4 => self.call(s, at, to),
            5 => self.request(s, at, to, false),
            6 => self.replace(s, at, to),
            _ => self.request(s, at, to, true),
        }
    }

    /// A voice for a while, under a name of its own or the party's.
    fn speak(&mut self, s: &mut Scene, at: f64, from: SocketAddr, to: Side) {
        let mut v = Voice::of(self.d, to.other(), self.rng.next()).between(from, self.d.rtp[to as usize]);
        if self.rng.chance(0.4) {
            let (ssrc, seq, ts) = self.voices[to.other() as usize];
            let ahead = ((at - 1000.0).max(0.0) / 20.0) as u16 + self.rng.below(60) as u16;
            (v.ssrc, v.seq, v.ts) = (ssrc, seq.wrapping_add(ahead), ts.wrapping_add(u32::from(ahead) * 160));
        }
        v.payload_type = *self.rng.pick(&[8, 8, 8, 0, 9, 18, 101, 13, 96, 111]);
        v.law = Some(8);
        let length = self.rng.range(20.0, 3000.0);
        let _ = write!(self.said, " for {length:.0} ms, type {}", v.payload_type);
        s.media(&v.talk(at, at + length));
    }

    fn flood(&mut self, s: &mut Scene, at: f64, from: SocketAddr, to: Side) {
        let (each, apart) = (1 + self.rng.below(3), self.rng.range(0.001, 3.0));
        for n in 0..90 {
            let mut v = Voice::of(self.d, Caller, self.rng.next()).between(from, self.d.rtp[to as usize]);
            for i in 0..each {
                s.media(&[v.packet(at + apart * f64::from(n) + 20.0 * i as f64, Fate::CLEAN)]);
            }
        }
    }

    /// Reports, checks, bytes of all kinds, on any port of a party.
    fn rubbish(&mut self, s: &mut Scene, at: f64, from: SocketAddr, to: Side) {
        let ssrc = self.voices[to.other() as usize].0.to_be_bytes();
        for i in 0..1 + self.rng.below(40) {
            let mut p = match self.rng.below(4) {
                0 => [&[0x81, 203, 0, 1][..], &ssrc].concat(),
                1 => [&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42][..], &[7; 12]].concat(),
                2 => [&[0xA0, 8, 0, 1, 0, 0, 0, 1][..], &ssrc, &[200]].concat(),
                _ => Vec::new(),
            };
            if p.is_empty() {
                let n = self.rng.below(300);
                p = self.rng.bytes(n as usize);
                if let Some(first) = p.first_mut().filter(|_| self.rng.chance(0.5)) {
                    *first = 0x80 | (*first & 0x3F);
                }
            }
            let places = [self.d.rtp[to as usize], self.d.sip[to as usize]];
            let mut place = *self.rng.pick(&places);
            if self.rng.chance(0.2) {
                place.set_port(place.port() + 1);
            }
            s.udp(at + i as f64, from, place, &p);
        }
    }

    /// A call of his own that nobody takes.
    fn call(&mut self, s: &mut Scene, at: f64, to: Side) {
        let d = self.mine(to);
        d.invite(s, at);
        let code = *self.rng.pick(&[0, 100, 180, 403, 486, 603]);
        if code > 0 {
            d.status(s, at + 5.0, code);
        }
        if self.rng.chance(0.3) {
            d.cancelled(s, at + 100.0);
        }
    }

    fn mine(&mut self, to: Side) -> Dialog {
        let n = 100 + self.rng.below(400) as u16;
        let (sip, rtp) = (self.own(5060), self.own(7000));
        let mut answer = self.d.rtp[to as usize];
        answer.set_port(39_000);
        Dialog {
            from: "<sip:+358505550000@evil.example>".into(),
            sip: [sip, self.d.sip[to as usize]],
            rtp: [rtp, answer],
            ..Dialog::new(n)
        }
    }

    /// A request in the call's name, that no party accepts.
    fn request(&mut self, s: &mut Scene, at: f64, to: Side, knows: bool) {
        let mut d = self.d.clone();
        if !knows {
            d.tags = [0, 1].map(|i| format!("x{i}{}", self.rng.below(1 << 20)));
            if self.rng.chance(0.5) {
                d.call_id = format!("guess-{}", self.rng.below(1 << 20));
            }
        }
        let methods = ["BYE", "CANCEL", "INFO", "REFER", "UPDATE", "INVITE", "NOTIFY", "MESSAGE"];
        let method = *self.rng.pick(&methods);
        let headers = match method {
            "INFO" => "Content-Type: application/dtmf-relay\r\n",
            "REFER" => "Refer-To: <sip:2002@x>\r\n",
            _ => "",
        };
        let from = self.own(5060);
        let sdp = d.sdp_with(to.other(), self.own(7000), "8", "sendrecv", 9);
        let body = match method {
            "UPDATE" | "INVITE" => Some(sdp.as_str()),
            "INFO" => Some("Signal=5\r\nDuration=160\r\n"),
            _ => None,
        };
        let _ = write!(self.said, " {method} knowing {knows}");
        let text = d.request_text(method, to.other(), 50, true, headers, body);
        s.udp(at, from, d.sip[to as usize], text.as_bytes());
        let code = *self.rng.pick(&[0, 481, 500, 403]);
        if code > 0 {
            let text = d.response_text(code, method, to.other(), 50, "", None);
            s.udp(at + 3.0, d.sip[to as usize], from, text.as_bytes());
        }
    }

    fn replace(&mut self, s: &mut Scene, at: f64, to: Side) {
        let [local, remote] = [to, to.other()].map(|side| self.d.tags[side as usize].clone());
        let d = self.mine(to);
        let headers = format!("Replaces: {};to-tag={local};from-tag={remote}\r\n", self.d.call_id);
        let d = Dialog { headers, ..d };
        d.invite(s, at);
        let code = *self.rng.pick(&[0, 403, 481, 603]);
        if code > 0 {
            d.status(s, at + 5.0, code);
        }
    }
}

/// # Errors
/// What he has moved, and what he did.
pub fn try_seed(seed: u64, knows: bool) -> Result<(), String> {
    let a = Attack::new(seed, knows);
    a.judge(&a.play()).map_err(|what| {
        a.keep(seed);
        format!("seed {seed}: {what}{}", a.describe())
    })
}
