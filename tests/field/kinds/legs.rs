//! One conversation on several legs: with a header that ties them, with none, with masked Call-IDs, over a relay.

use crate::common::ladder::Dialog;
use crate::common::ladder::Side::{self, Callee, Caller};
use crate::common::voice::Packet;
use crate::field::stage::{Call, DUTY, Stage};
use crate::field::want::{Expected, Sound, Wanted};
use std::net::SocketAddr;

/// The customer's hop and the agent's; the agent is called.
struct Hops {
    far: Dialog,
    near: Dialog,
    answered: f64,
    length: f64,
}

impl Hops {
    fn new(s: &mut Stage, length: f64) -> Self {
        let (number, agent) = (s.customer(), s.agent(0));
        let (trunk, middle, phone) = (s.trunk(), s.exchange(), s.phone(0));
        let far = s.dialog((&number, &trunk), (&agent, &middle));
        let near = s.dialog((&number, &middle), (&agent, &phone));
        let answered = s.start + s.rng.range(200.0, 900.0).round();
        Hops { far, near, answered, length }
    }

    /// The proxy passes every message on: the same tags and CSeq.
    fn one_dialog(mut self) -> Self {
        let (near, far) = (&mut self.near, &self.far);
        near.tags.clone_from(&far.tags);
        near.cseq = far.cseq;
        (near.from, near.to) = (far.from.clone(), far.to.clone());
        near.vias = format!("Via: SIP/2.0/UDP {};branch=z9hG4bKfar\r\n", far.sip[0]);
        self
    }

    /// Both hops' signalling up to the ACK; the near answer comes first.
    fn open(&self, s: &mut Stage, behind: f64) {
        let (invited, at) = (self.answered - 150.0, self.answered);
        self.far.invite(&mut s.scene, invited);
        self.near.invite(&mut s.scene, invited + behind);
        self.near.status(&mut s.scene, invited + behind + 30.0, 180);
        self.far.status(&mut s.scene, invited + behind + 32.0, 180);
        self.near.status(&mut s.scene, at, 200);
        self.far.status(&mut s.scene, at + 2.0, 200);
        self.far.ack(&mut s.scene, at + 8.0);
        self.near.ack(&mut s.scene, at + 10.0);
    }

    /// What must come of the agent's hop. Its end may be told by either hop's BYE.
    fn wanted(&self, s: &Stage, c: &Call) -> Wanted {
        Wanted { slack: 3.0, ..c.wanted(&s.agent(0)) }
    }

    fn close(&self, s: &mut Stage, by: Side) {
        let end = self.answered + self.length;
        let (first, then) = if by == Caller { (&self.far, &self.near) } else { (&self.near, &self.far) };
        // The near hop's BYE ends the recording.
        let (a, b) = if by == Caller { (end - 2.0, end) } else { (end, end + 2.0) };
        first.bye(&mut s.scene, a, by);
        then.bye(&mut s.scene, b, by);
    }
}

/// A relay's copy of a packet on another hop.
fn copies(packets: &[Packet], src: SocketAddr, dst: SocketAddr, delay_ms: f64) -> Vec<Packet> {
    let late = (delay_ms * 1e6) as i64;
    let on = |p: &Packet| Packet {
        src,
        dst,
        nominal_ns: p.nominal_ns + late,
        captured_ns: p.captured_ns.iter().map(|t| t + late).collect(),
        ..p.clone()
    };
    packets.iter().map(on).collect()
}

/// Both parties talk over both hops; the relay adds `delay_ms`. Far copies are written, near ones kept.
fn relayed(s: &mut Stage, h: &Hops, c: &mut Call, spans: &[(f64, f64)], delay_ms: f64) {
    for (from, to) in spans {
        for side in [Caller, Callee] {
            let packets = c.say(side, from + if side == Caller { 3.0 } else { 7.0 }, *to);
            let [far, near] = [&h.far, &h.near].map(|d| (d.rtp[side as usize], d.rtp[side.other() as usize]));
            let (sent, other) = if side == Caller {
                (copies(&packets, near.0, near.1, delay_ms), copies(&packets, far.0, far.1, 0.0))
            } else {
                (copies(&packets, near.0, near.1, 0.0), copies(&packets, far.0, far.1, delay_ms))
            };
            s.scene.media(&sent);
            s.scene.media(&other);
            c.sent[side as usize].extend(sent);
        }
    }
}

fn call(s: &mut Stage, h: &Hops) -> Call {
    let mut c = s.call_over(h.near.clone(), Callee, h.answered, h.length);
    s.calm(&mut c);
    c
}

fn delay(s: &mut Stage) -> f64 {
    *s.rng.pick(&[0.018, 0.1, 0.9, 4.0])
}

/// A queue's leg and the agent's, tied by Session-ID: the queue's tells number and service.
pub fn correlated(s: &mut Stage) -> Expected {
    let (number, agent) = (s.customer(), s.agent(0));
    let (trunk, middle, phone) = (s.trunk(), s.exchange(), s.phone(0));
    let id = format!("Session-ID: {:032x}\r\n", s.rng.next());
    let mut queue = s.dialog((&number, &trunk), ("9900", &middle));
    queue.headers = format!("{id}Diversion: <sip:{DUTY}@pbx.example>\r\n");
    let at = s.start + 300.0;
    let mut outer = s.call_over(queue, Callee, at, 3000.0);
    s.whole(&mut outer);
    let mut leg = s.dialog(("9900", &middle), (&agent, &phone));
    leg.headers = id;
    s.start += 900.0;
    let mut c = s.call_over(leg, Callee, at + 1200.0, 1700.0);
    s.whole(&mut c);
    let mut w = c.wanted(&agent);
    w.dialled = Some(DUTY.into());
    Expected::one(w).skip(&outer.d.call_id, "no_agent").secret(&number)
}

/// A small exchange: two Call-IDs, no header that ties them, the agent's number on both legs.
pub fn two_ids(s: &mut Stage) -> Expected {
    let h = Hops::new(s, 1600.0);
    let mut c = call(s, &h);
    let behind = s.rng.range(3.0, 80.0).round();
    h.open(s, behind);
    let (from, to) = (h.answered, h.answered + h.length - 10.0);
    if s.rng.chance(0.5) {
        // Its own media on each leg: what it relays it sends anew.
        let mut outer = s.call_over(h.far.clone(), Callee, h.answered + 2.0, h.length);
        s.talk(&mut outer, from + 3.0, to);
        s.talk(&mut c, from, to);
    } else {
        let late = delay(s);
        relayed(s, &h, &mut c, &[(from, to)], late);
    }
    h.close(s, c.by);
    Expected::one(h.wanted(s, &c)).leg(&h.far.call_id).secret(&c.number)
}

/// A proxy masks the Call-ID between its hops: same tags, same CSeq; with or without a relay.
pub fn masked(s: &mut Stage) -> Expected {
    let mut h = Hops::new(s, 1600.0).one_dialog();
    h.near.call_id = format!("!!:.{}**", h.near.call_id);
    let relay = s.rng.chance(0.5);
    if !relay {
        h.near.rtp = h.far.rtp;
        let phone = s.phone(0);
        let port = s.port();
        h.near.rtp[1] = s.at(&phone, port);
        h.far.rtp[1] = h.near.rtp[1];
    }
    let mut c = call(s, &h);
    let behind = s.rng.range(2.0, 30.0).round();
    h.open(s, behind);
    let (from, to) = (h.answered, h.answered + h.length - 10.0);
    if relay {
        let late = delay(s);
        relayed(s, &h, &mut c, &[(from, to)], late);
    } else {
        s.talk(&mut c, from, to);
    }
    h.close(s, c.by);
    let mut w = h.wanted(s, &c);
    w.streams = Some(2);
    Expected::one(w).leg(&h.far.call_id).secret(&c.number)
}

/// One Call-ID on both hops of a proxy with a relay, both in the capture.
fn proxied(s: &mut Stage, length: f64) -> (Hops, Call) {
    let mut h = Hops::new(s, length).one_dialog();
    h.near.call_id.clone_from(&h.far.call_id);
    let c = call(s, &h);
    let behind = s.rng.range(1.0, 20.0).round();
    h.open(s, behind);
    (h, c)
}

fn seen_once(s: &mut Stage, h: &Hops, c: &Call) -> Expected {
    h.close(s, c.by);
    let mut w = h.wanted(s, c);
    w.streams = Some(2);
    Expected::one(w).secret(&c.number)
}

/// Both hops all along.
pub fn two_hops(s: &mut Stage) -> Expected {
    let (h, mut c) = proxied(s, 1600.0);
    let (from, to) = (h.answered, h.answered + h.length - 10.0);
    let late = delay(s);
    relayed(s, &h, &mut c, &[(from, to)], late);
    seen_once(s, &h, &c)
}

/// With pauses of more than two seconds: the voice after each is there once.
pub fn two_hops_pause(s: &mut Stage) -> Expected {
    let (h, mut c) = proxied(s, 8000.0);
    let at = h.answered;
    let pause = 20.0 * (105 + s.rng.below(60)) as f64;
    let one = at + 1207.0;
    let spans = [(at, one), (one + pause, one + pause + 1000.0)];
    let late = delay(s);
    relayed(s, &h, &mut c, &spans, late);
    seen_once(s, &h, &c)
}

/// The agent's hop is encrypted, the customer's in clear: silence that says so, or the voices of the clear hop.
pub fn near_hop_keys(s: &mut Stage) -> Expected {
    let mut h = Hops::new(s, 1600.0).one_dialog();
    h.near.call_id.clone_from(&h.far.call_id);
    let mut c = call(s, &h);
    let (invited, at) = (h.answered - 150.0, h.answered);
    let secure = |d: &Dialog, side: Side| {
        let key = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n";
        format!("{}{key}", d.sdp(side).replace("RTP/AVP", "RTP/SAVP"))
    };
    h.far.invite(&mut s.scene, invited);
    let offer = secure(&h.near, Caller);
    let text = h.near.request_text("INVITE", Caller, h.near.cseq, false, "", Some(&offer));
    s.message(invited + 3.0, &h.near, Caller, &text);
    let answer = secure(&h.near, Callee);
    let text = h.near.response_text(200, "INVITE", Caller, h.near.cseq, "", Some(&answer));
    s.message(at, &h.near, Callee, &text);
    h.far.status(&mut s.scene, at + 2.0, 200);
    h.far.ack(&mut s.scene, at + 8.0);
    h.near.ack(&mut s.scene, at + 10.0);
    // The far hop is what was said; on the near one the same packets carry something else.
    let mut clear: [Vec<Packet>; 2] = [Vec::new(), Vec::new()];
    for side in [Caller, Callee] {
        let packets = c.say(side, at + 5.0, at + h.length - 10.0);
        let (src, dst) = (h.far.rtp[side as usize], h.far.rtp[side.other() as usize]);
        let (late, early) = if side == Caller { (0.0, 0.5) } else { (0.5, 0.0) };
        let far = copies(&packets, src, dst, late);
        let mut near = copies(&packets, h.near.rtp[side as usize], h.near.rtp[side.other() as usize], early);
        for p in &mut near {
            let sealed = s.rng.bytes(p.rtp.len() - 12 + 10);
            p.rtp.truncate(12);
            p.rtp.extend(sealed);
        }
        s.scene.media(&far);
        s.scene.media(&near);
        clear[side as usize] = far;
    }
    h.close(s, c.by);
    let mut w = h.wanted(s, &c);
    w.complete = None;
    let [customer, agent] = clear;
    w.sound = [Sound::Some(customer), Sound::Some(agent)];
    Expected::one(w).secret(&c.number)
}

/// The relay transcodes (PCMU near, PCMA far), gives a new SSRC and hides pauses from its timestamps.
pub fn transcoded(s: &mut Stage) -> Expected {
    let mut h = Hops::new(s, 6000.0).one_dialog();
    h.near.call_id.clone_from(&h.far.call_id);
    h.near.formats = ["0".into(), "0".into()];
    let mut c = call(s, &h);
    h.open(s, 3.0);
    let at = h.answered;
    let pause = 20.0 * (20 + s.rng.below(150)) as f64;
    let spans = [(at + 5.0, at + 1204.0), (at + 1205.0 + pause, at + 2204.0 + pause)];
    let mut far = s.call_over(h.far.clone(), Callee, at, h.length);
    for side in [Caller, Callee] {
        for (from, to) in &spans {
            // The near hop's stamps know nothing of the pause where the relay is the sender.
            let near = match side {
                Caller => c.voices[0].talk(*from, *to),
                Callee => c.say(side, *from, *to),
            };
            s.scene.media(&near);
            c.sent[side as usize].extend(near);
            let other = far.say(side, from - 0.3, *to - 0.3);
            s.scene.media(&other);
        }
    }
    h.close(s, c.by);
    let mut w = h.wanted(s, &c);
    w.streams = Some(2);
    Expected::one(w).secret(&c.number)
}
