//! What a kind of call is played on: names, addresses and ports of its own, a
//! capture to write to, and the common run of a call.

use super::want::{Number, Sound, Wanted};
use crate::common::ladder::Side::{self, Callee, Caller};
use crate::common::ladder::{Dialog, Scene, addr};
use crate::common::rng::Rng;
use crate::common::voice::{Fate, Packet, Voice};
use std::net::SocketAddr;

/// The service numbers of the day; see `day::CONFIG`.
pub const DUTY: &str = "116117";
/// A service that is not recorded.
pub const CLOSED: &str = "9100";
/// A service of which only outbound calls are recorded.
pub const OUTBOUND_ONLY: &str = "9200";

/// Where one case is played.
pub struct Stage {
    /// All chance of the case.
    pub rng: Rng,
    /// What it writes.
    pub scene: Scene,
    /// When it begins, ms after the ladders' zero.
    pub start: f64,
    /// Frames of RTP are cut to so many bytes by the capture.
    pub snap: Option<usize>,
    /// VLAN tags of SIP and of RTP.
    pub vlans: [Vec<u16>; 2],
    n: u32,
    ports: u16,
    dialogs: u32,
    six: bool,
}

/// A call as it runs.
pub struct Call {
    /// Its dialog.
    pub d: Dialog,
    /// Which side is the agent.
    pub agent: Side,
    /// The first 2xx, ms.
    pub answered: f64,
    /// The BYE, ms.
    pub ended: f64,
    /// Who sends it.
    pub by: Side,
    /// Whole number of the customer.
    pub number: String,
    /// Caller's and callee's.
    pub voices: [Voice; 2],
    /// What they sent.
    pub sent: [Vec<Packet>; 2],
    /// When each one's clock is at its next timestamp, ms.
    next: [Option<f64>; 2],
    /// How the network treats them.
    jitter: f64,
    loss: f64,
}

impl Stage {
    /// For case `n` of a run; two cases a few hundred apart share no address.
    pub fn new(seed: u64, n: u32, start: f64) -> Self {
        let mut rng = Rng::new(seed ^ u64::from(n) << 40);
        let six = rng.chance(0.1);
        Stage {
            rng,
            scene: Scene::new(),
            start,
            snap: None,
            vlans: [Vec::new(), Vec::new()],
            n,
            ports: 0,
            dialogs: 0,
            six,
        }
    }

    /// Extension of the case's `i`th agent.
    pub fn agent(&self, i: u32) -> String {
        (2000 + (self.n * 4 + i) % 1000).to_string()
    }

    /// The customer's whole number.
    pub fn customer(&self) -> String {
        format!("+35840{:07}", (u64::from(self.n) * 7_919 + 1_234_567) % 10_000_000)
    }

    /// The same host and port in the family of the case.
    pub fn at(&self, ip: &str, port: u16) -> SocketAddr {
        let four = addr(&format!("{ip}:{port}"));
        match (four.ip(), self.six) {
            (std::net::IpAddr::V4(v4), true) => {
                let [a, b, c, d] = v4.octets();
                // What is private stays so (RFC 4193).
                let net = if v4.is_private() { "fd00" } else { "2001:db8" };
                addr(&format!("[{net}::{a:x}:{b:x}:{c:x}:{d:x}]:{port}"))
            }
            _ => four,
        }
    }

    /// An even port; at the hosts of the case it is this case's alone.
    pub fn port(&mut self) -> u16 {
        self.ports += 2;
        10_000 + (64 * (self.n % 800)) as u16 + self.ports % 64
    }

    /// Host of the trunk's side.
    pub fn trunk(&self) -> String {
        format!("198.51.100.{}", 10 + self.n % 4)
    }

    /// Host of the exchange.
    pub fn exchange(&self) -> String {
        format!("192.0.2.{}", 4 + self.n % 3)
    }

    /// Host of the case's `i`th telephone.
    pub fn phone(&self, i: u32) -> String {
        format!("192.0.2.{}", 20 + (self.n * 3 + i) % 199)
    }

    /// A dialog from one user at a host to another.
    pub fn dialog(&mut self, from: (&str, &str), to: (&str, &str)) -> Dialog {
        self.dialogs += 1;
        let (n, i) = (self.n, self.dialogs);
        let hosts = [from.1, to.1];
        let ports = [self.port(), self.port()];
        Dialog {
            call_id: format!("case{n}-{i}-{:06x}", self.rng.below(1 << 24)),
            from: format!("<sip:{}@{}>", from.0, from.1),
            to: format!("<sip:{}@{}>", to.0, to.1),
            uri: format!("sip:{}@{}:5060", to.0, to.1),
            tags: [0, 1].map(|side| format!("{side}t{:08x}", self.rng.next() as u32)),
            sip: hosts.map(|h| self.at(h, 5060)),
            rtp: [self.at(hosts[0], ports[0]), self.at(hosts[1], ports[1])],
            cseq: 1 + self.rng.below(900) as u32,
            ..Dialog::new(0)
        }
    }

    /// A customer calls the first agent, or is called by him, for `length` ms; nothing is written yet.
    pub fn call(&mut self, length: f64) -> Call {
        let inbound = self.rng.chance(0.6);
        self.call_of(inbound, length)
    }

    /// The same with the direction given.
    pub fn call_of(&mut self, inbound: bool, length: f64) -> Call {
        let (agent, customer) = (self.agent(0), self.customer());
        let (trunk, phone) = (self.trunk(), self.phone(0));
        let (outside, inside) = ((customer.as_str(), trunk.as_str()), (agent.as_str(), phone.as_str()));
        let d = if inbound { self.dialog(outside, inside) } else { self.dialog(inside, outside) };
        let answered = (self.start + self.rng.range(150.0, 1500.0)).round();
        self.call_over(d, if inbound { Callee } else { Caller }, answered, length)
    }

    /// A call over a dialog.
    pub fn call_over(&mut self, d: Dialog, agent: Side, answered: f64, length: f64) -> Call {
        let voices = [Caller, Callee].map(|side| Voice::of(&d, side, self.rng.next()));
        let by = if self.rng.chance(0.5) { Caller } else { Callee };
        let rough = self.rng.chance(0.3);
        Call {
            number: self.customer(),
            d,
            agent,
            answered,
            ended: answered + length.round(),
            by,
            voices,
            sent: [Vec::new(), Vec::new()],
            next: [None, None],
            jitter: if rough { 25.0 } else { 0.0 },
            loss: if rough { 0.01 } else { 0.0 },
        }
    }

    /// INVITE to ACK, with the repeats of a network.
    pub fn open(&mut self, c: &Call) {
        let (d, ring) = (&c.d, (c.answered - self.start).min(900.0));
        let invited = c.answered - ring;
        d.invite(&mut self.scene, invited);
        if self.rng.chance(0.1) {
            d.invite(&mut self.scene, invited + 30.0);
        }
        d.response(&mut self.scene, invited + 8.0, 100, "INVITE", Caller, d.cseq, None);
        d.status(&mut self.scene, invited + 40.0, if self.rng.chance(0.2) { 183 } else { 180 });
        d.status(&mut self.scene, c.answered, 200);
        if self.rng.chance(0.1) {
            d.status(&mut self.scene, c.answered + 500.0, 200);
        }
        d.ack(&mut self.scene, c.answered + 6.0);
    }

    /// Both talk from `from` to `to`.
    pub fn talk(&mut self, c: &mut Call, from: f64, to: f64) {
        for side in [Caller, Callee] {
            let begin = from + self.rng.range(1.0, 19.0);
            self.speak(c, side, begin, to);
        }
    }

    /// One talks, over the call's network.
    pub fn speak(&mut self, c: &mut Call, side: Side, from: f64, to: f64) {
        let (jitter, loss) = (c.jitter, c.loss);
        let from = c.sync(side, from);
        let rng = &mut self.rng;
        let step = f64::from(c.voices[side as usize].ptime_ms);
        let mut i = 0;
        let packets = c.voices[side as usize].talk_over(from, to, &mut |_| {
            i += 1;
            // The first packets tell the path, and the last may not come after the end.
            let free = i < 4 || rng.chance(0.4) || from + step * f64::from(i) + jitter > to;
            let delay_ms = if free { 0.0 } else { rng.range(0.0, jitter.max(0.001)) };
            Fate { delay_ms, lost: i > 3 && rng.chance(loss), copies: u8::from(rng.chance(loss)) }
        });
        c.spent(side, packets.len());
        self.scene.media(&packets);
        c.sent[side as usize].extend(packets);
    }

    /// The network does nothing to this call.
    pub fn calm(&self, c: &mut Call) {
        (c.jitter, c.loss) = (0.0, 0.0);
    }

    /// BYE and its 200.
    pub fn hang_up(&mut self, c: &Call) {
        c.d.bye(&mut self.scene, c.ended, c.by);
    }

    /// A whole call: open, talk all along, hang up.
    pub fn whole(&mut self, c: &mut Call) {
        self.open(c);
        self.talk(c, c.answered, c.ended);
        self.hang_up(c);
    }

    /// RTCP of a side: a sender report, on the odd port.
    pub fn rtcp(&mut self, c: &Call, side: Side, at: f64) {
        let v = &c.voices[side as usize];
        let next = |a: SocketAddr| SocketAddr::new(a.ip(), a.port() + 1);
        let mut report = vec![0x80, 200, 0, 6];
        report.extend_from_slice(&v.ssrc.to_be_bytes());
        report.extend_from_slice(&[0xE0; 8]);
        report.extend_from_slice(&v.ts.to_be_bytes());
        report.extend_from_slice(&[0, 0, 0, 100, 0, 0, 62, 128]);
        self.scene.udp(at, next(v.src), next(v.dst), &report);
    }

    /// Any SIP message text from one side of a dialog to the other.
    pub fn message(&mut self, at: f64, d: &Dialog, from: Side, text: &str) {
        self.scene.udp(at, d.sip[from as usize], d.sip[from.other() as usize], text.as_bytes());
    }

    /// A re-INVITE of `side` in which both descriptions have these directions.
    pub fn redirect(&mut self, at: f64, c: &Call, side: Side, cseq: u32, ways: [&str; 2]) {
        let d = &c.d;
        let offer = d.sdp_with(side, d.rtp[side as usize], &d.formats[side as usize], ways[0], cseq);
        let other = side.other();
        let answer = d.sdp_with(other, d.rtp[other as usize], &d.formats[other as usize], ways[1], cseq);
        d.reinvite(&mut self.scene, at, side, cseq, &offer, &answer);
    }

    /// An identity told inside a dialog by `side`: in an UPDATE, a re-INVITE, or the 2xx to one.
    pub fn identity(&mut self, at: f64, d: &Dialog, side: Side, cseq: u32, headers: &str) {
        let s = &mut self.scene;
        let sdp = |of: Side| d.sdp_with(of, d.rtp[of as usize], &d.formats[of as usize], "sendrecv", cseq);
        match self.rng.below(3) {
            0 => {
                d.request(s, at, "UPDATE", side, cseq, headers, None);
                d.response(s, at + 10.0, 200, "UPDATE", side, cseq, None);
            }
            1 => {
                d.request(s, at, "INVITE", side, cseq, headers, Some(&sdp(side)));
                d.response(s, at + 10.0, 200, "INVITE", side, cseq, Some(&sdp(side.other())));
                d.request(s, at + 15.0, "ACK", side, cseq, "", None);
            }
            _ => {
                let asked = side.other();
                d.request(s, at, "INVITE", asked, cseq, "", Some(&sdp(asked)));
                let text = d.response_text(200, "INVITE", asked, cseq, headers, Some(&sdp(side)));
                s.udp(at + 10.0, d.sip[side as usize], d.sip[asked as usize], text.as_bytes());
                d.request(s, at + 15.0, "ACK", asked, cseq, "", None);
            }
        }
    }
}

impl Call {
    /// Lets a side's clock run to `at`: what it says next is stamped so. Not before what it has said.
    pub fn sync(&mut self, side: Side, at: f64) -> f64 {
        let i = side as usize;
        let at = self.next[i].map_or(at, |next| at.max(next));
        if let Some(next) = self.next[i] {
            let v = &mut self.voices[i];
            v.ts = v.ts.wrapping_add(((at - next) * 8.0).round() as u32);
        }
        self.next[i] = Some(at);
        at
    }

    /// So many packets were said from the last [`Call::sync`] on.
    pub fn spent(&mut self, side: Side, packets: usize) {
        let v = &self.voices[side as usize];
        let step = f64::from(v.ptime_ms) * (1.0 + v.ppm / 1e6);
        self.next[side as usize] = self.next[side as usize].map(|n| n + step * packets as f64);
    }

    /// One talks over a perfect network; nothing is written.
    pub fn say(&mut self, side: Side, from: f64, to: f64) -> Vec<Packet> {
        let from = self.sync(side, from);
        let packets = self.voices[side as usize].talk(from, to);
        self.spent(side, packets.len());
        packets
    }

    /// The customer's side.
    pub fn outside(&self) -> Side {
        self.agent.other()
    }

    /// What must come of it, as of any call between an agent and a customer.
    pub fn wanted(&self, agent: &str) -> Wanted {
        let inbound = self.agent == Callee;
        let sound = |side: Side| Sound::All(self.sent[side as usize].clone());
        let stored = hidden(&self.number);
        Wanted {
            call_ids: vec![self.d.call_id.clone()],
            agent: agent.into(),
            direction: Some(if inbound { "inbound" } else { "outbound" }),
            dialled: Some(if inbound { agent.into() } else { stored.clone() }),
            number: Number::Stored(stored),
            answered: self.answered,
            ended: self.ended,
            slack: 1.0,
            ended_by: if self.by == self.agent { "agent" } else { "customer" },
            complete: Some(true),
            presses: 0,
            holds: None,
            sound: [sound(self.agent.other()), sound(self.agent)],
            group: 0,
            streams: None,
        }
    }
}

/// A number as it is stored: the last four digits hidden.
pub fn hidden(number: &str) -> String {
    format!("{}xxxx", &number[..number.len() - 4])
}
