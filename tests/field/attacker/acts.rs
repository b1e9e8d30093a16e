//! What somebody beside a call does.

use super::genuine::{ANSWERED, Genuine, at_ns};
use super::packets::{fragments, segment, tunnelled, unreachable};
use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene, Side, addr, ethernet};
use crate::common::rng::Rng;
use crate::common::voice::{Fate, Voice};
use std::fmt::Write as _;
use std::net::SocketAddr;

/// A port that he names in his descriptions.
const OWN_PORT: u16 = 7000;

/// Whoever attacks, and what he knows.
pub struct Attacker<'a> {
    pub rng: Rng,
    pub call: &'a Genuine,
    pub knows: bool,
    /// What he did.
    pub said: String,
}

impl Attacker<'_> {
    /// Does something.
    pub fn act(&mut self, s: &mut Scene) {
        // Nobody knows the tags of a call before there is one.
        let at = self.call.some_time(&mut self.rng, if self.knows { 101.0 } else { 50.0 });
        let kind = self.rng.below(if self.knows { 17 } else { 11 });
        let to = self.side();
        let from = self.own();
        let _ = write!(self.said, "\n    {kind} at {at:.1} from {from} to {to:?}");
        match kind {
            0 | 1 => self.speak(s, at, from, to),
            2 => self.flood(s, at, from, to),
            3 => self.agree_keys(s, at, from, to),
            4 => self.rubbish(s, at, from, to),
            5 => self.call_of_his(s, at, to),
            6 => self.request(s, at, to, false),
            7 => self.pieces(s, at, from, to),
            8 => self.tunnel(s, at, from, to),
            9 => self.stream(s, at, to),
            10 => self.errors(s, at, from, to),
            11 => self.replace(s, at, to),
            12 => self.beside(s, at, to),
            13 => self.answer_for(s, at, to),
            _ => self.request(s, at, to, true),
        }
    }

    fn own(&mut self) -> SocketAddr {
        let port = match self.rng.below(4) {
            0 => OWN_PORT,
            1 => self.call.places[self.rng.below(2) as usize].port(),
            _ => 1024 + self.rng.below(60_000) as u16,
        };
        self.own_at(port)
    }

    fn own_at(&mut self, port: u16) -> SocketAddr {
        let n = self.rng.below(3);
        let is_four = self.call.d.sip[0].is_ipv4();
        addr(&if is_four { format!("10.9.9.{n}:{port}") } else { format!("[2001:db8:bad::{n}]:{port}") })
    }

    fn side(&mut self) -> Side {
        if self.rng.chance(0.5) { Caller } else { Callee }
    }

    /// Where `to` is sent media.
    fn target(&self, to: Side) -> SocketAddr {
        self.call.places[to as usize]
    }

    /// A voice for a while, under a name of its own or the party's.
    fn speak(&mut self, s: &mut Scene, at: f64, from: SocketAddr, to: Side) {
        let target = if self.rng.chance(0.8) { self.target(to) } else { self.call.d.rtp[to as usize] };
        let mut v = Voice::of(&self.call.d, to.other(), self.rng.next()).between(from, target);
        if self.rng.chance(0.4) {
            let (ssrc, seq, ts) = self.call.voices[to.other() as usize];
            let ahead = ((at - ANSWERED).max(0.0) / 20.0) as u16 + self.rng.below(60) as u16;
            (v.ssrc, v.seq, v.ts) = (ssrc, seq.wrapping_add(ahead), ts.wrapping_add(u32::from(ahead) * 160));
        }
        v.payload_type = *self.rng.pick(&[8, 8, 8, 0, 9, 18, 101, 13, 96, 111]);
        v.law = Some(8);
        let length = self.rng.range(20.0, 3000.0);
        let _ = write!(self.said, " speaks to {target} for {length:.0} ms, type {}", v.payload_type);
        let mut loss = self.rng.clone();
        let lost = if self.rng.chance(0.2) { 0.5 } else { 0.0 };
        s.media(&v.talk_over(at, at + length, &mut |_| Fate { lost: loss.chance(lost), ..Fate::CLEAN }));
    }

    fn flood(&mut self, s: &mut Scene, at: f64, from: SocketAddr, to: Side) {
        let (each, apart) = (1 + self.rng.below(3), self.rng.range(0.001, 3.0));
        for n in 0..90 {
            let mut v = Voice::of(&self.call.d, Caller, self.rng.next()).between(from, self.target(to));
            if self.rng.chance(0.3) {
                v.src.set_port(1024 + n);
            }
            for i in 0..each {
                s.media(&[v.packet(at + apart * f64::from(n) + 20.0 * i as f64, Fate::CLEAN)]);
            }
        }
    }

    /// ZRTP from hello to the end, or a part of it.
    fn agree_keys(&mut self, s: &mut Scene, at: f64, from: SocketAddr, to: Side) {
        let ssrc = self.call.voices[to.other() as usize].0;
        let all: [&[u8; 8]; 7] =
            [b"Hello   ", b"HelloACK", b"Commit  ", b"DHPart1 ", b"Confirm1", b"Confirm2", b"Conf2ACK"];
        let few = [all[4 + self.rng.below(3) as usize]];
        let chosen: &[&[u8; 8]] = if self.rng.chance(0.5) { &all } else { &few };
        for (i, word) in chosen.iter().enumerate() {
            let mut p = vec![0x10, 0, 0, 1];
            p.extend(b"ZRTP");
            p.extend(ssrc.to_be_bytes());
            p.extend([0x50, 0x5A, 0, 19]);
            p.extend(word.iter());
            p.extend([7; 52]);
            let to = if i % 2 == 0 { to } else { to.other() };
            s.udp(at + 10.0 * i as f64, from, self.target(to), &p);
        }
    }

    /// Reports, checks, handshakes, bytes of all kinds, on any port of a party.
    fn rubbish(&mut self, s: &mut Scene, at: f64, from: SocketAddr, to: Side) {
        let ssrc = self.call.voices[to.other() as usize].0.to_be_bytes();
        for i in 0..1 + self.rng.below(40) {
            let mut p = match self.rng.below(6) {
                0 => [&[0x81, 203, 0, 1][..], &ssrc].concat(),
                1 => [&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42][..], &[7; 12]].concat(),
                2 => [&[0xA0, 8, 0, 1, 0, 0, 0, 1][..], &ssrc, &[200]].concat(),
                3 => [&[22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40, 1][..], &[9; 39]].concat(),
                4 => [&[0x80, 200, 0, 6][..], &ssrc, &[0; 20]].concat(),
                _ => Vec::new(),
            };
            if p.is_empty() {
                let n = self.rng.below(300);
                p = self.rng.bytes(n as usize);
                if let Some(first) = p.first_mut().filter(|_| self.rng.chance(0.5)) {
                    *first = 0x80 | (*first & 0x3F);
                }
            }
            let places = [self.target(to), self.call.d.sip[to as usize]];
            let mut place = *self.rng.pick(&places);
            if self.rng.chance(0.2) {
                place.set_port(place.port() + 1);
            }
            s.udp(at + i as f64, from, place, &p);
        }
    }

    /// A call of his own that nobody takes.
    fn call_of_his(&mut self, s: &mut Scene, at: f64, to: Side) {
        let mut d = self.mine(to);
        if self.rng.chance(0.3) {
            let body = d.sdp(Caller).replace("RTP/AVP 8", "RTP/SAVP 8");
            d.bodies[0] = body
                + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n";
        }
        d.invite(s, at);
        let code = *self.rng.pick(&[0, 100, 180, 183, 403, 486, 603]);
        if code > 0 {
            d.status(s, at + 5.0, code);
        }
        if self.rng.chance(0.3) {
            d.cancelled(s, at + 100.0);
        }
    }

    /// A dialog of his own with a party. Its media would be at another host than he speaks from: a
    /// packet that two calls may own is another matter (`tests/strangers.rs`).
    fn mine(&mut self, to: Side) -> Dialog {
        let n = 100 + self.rng.below(400) as u16;
        let is_four = self.call.d.sip[0].is_ipv4();
        let host = if is_four { "10.9.8.7" } else { "[2001:db8:bad:1::7]" };
        let (sip, rtp) = (addr(&format!("{host}:5060")), addr(&format!("{host}:{OWN_PORT}")));
        let mut answer = self.call.d.rtp[to as usize];
        answer.set_port(39_000);
        Dialog {
            from: "<sip:+358505550000@evil.example>".into(),
            sip: [sip, self.call.d.sip[to as usize]],
            rtp: [rtp, answer],
            ..Dialog::new(n)
        }
    }

    /// A request in the call's name, that no party accepts.
    fn request(&mut self, s: &mut Scene, at: f64, to: Side, knows: bool) {
        let (text, method) = self.request_text(to, knows);
        let (from, place) = (self.own_at(5060), self.call.d.sip[to as usize]);
        let _ = write!(self.said, " {method} knowing {knows}");
        s.udp(at, from, place, text.as_bytes());
        let code = *self.rng.pick(&[0, 481, 500, 403, 491]);
        if code > 0 && method != "ACK" {
            let _ = write!(self.said, ": {code}");
            let d = self.named(knows);
            let text = d.response_text(code, method, to.other(), 50, "", None);
            s.udp(at + 3.0, place, from, text.as_bytes());
        }
    }

    /// The call by its tags, or by tags that he guessed.
    fn named(&mut self, knows: bool) -> Dialog {
        let mut d = self.call.d.clone();
        if !knows {
            d.tags = [0, 1].map(|i| format!("x{i}{}", self.rng.below(1 << 20)));
            if self.rng.chance(0.5) {
                d.call_id = format!("guess-{}", self.rng.below(1 << 20));
            }
        }
        d
    }

    fn request_text(&mut self, to: Side, knows: bool) -> (String, &'static str) {
        let d = self.named(knows);
        let methods = [
            "BYE", "BYE", "CANCEL", "INFO", "REFER", "UPDATE", "INVITE", "NOTIFY", "MESSAGE", "ACK", "PRACK",
        ];
        let method = *self.rng.pick(&methods);
        let headers = match method {
            "INFO" => "Content-Type: application/dtmf-relay\r\n",
            "REFER" => "Refer-To: <sip:2002@x>\r\n",
            "NOTIFY" => "Event: refer\r\nContent-Type: message/sipfrag\r\n",
            "UPDATE" | "INVITE" if self.rng.chance(0.5) => "P-Asserted-Identity: <sip:+358509998888@x>\r\n",
            _ => "",
        };
        let (rtp, way) = (self.own_at(OWN_PORT), *self.rng.pick(&["sendrecv", "inactive", "sendonly"]));
        let codec = self.rng.pick(&["8", "0", "18"]);
        let mut sdp = d.sdp_with(to.other(), rtp, codec, way, 9);
        if self.rng.chance(0.3) {
            sdp = sdp.replace("RTP/AVP", "RTP/SAVP");
        }
        let body = match method {
            "UPDATE" | "INVITE" | "ACK" | "PRACK" => Some(sdp.as_str()),
            "INFO" => Some("Signal=5\r\nDuration=160\r\n"),
            "NOTIFY" => Some("SIP/2.0 503 Service Unavailable\r\n"),
            _ => None,
        };
        let cseq = if method == "ACK" || method == "CANCEL" { *self.rng.pick(&[1, 20, 50]) } else { 50 };
        (d.request_text(method, to.other(), cseq, true, headers, body), method)
    }

    /// Datagrams in pieces, of which some never come.
    fn pieces(&mut self, s: &mut Scene, at: f64, from: SocketAddr, to: Side) {
        let whole = if self.rng.chance(0.5) {
            let mut v = Voice::of(&self.call.d, to.other(), self.rng.next());
            ethernet(from, self.target(to), &v.packet(at, Fate::CLEAN).rtp)
        } else {
            let knows = self.knows;
            let (text, _) = self.request_text(to, knows);
            ethernet(self.own_at(5060), self.call.d.sip[to as usize], text.as_bytes())
        };
        for id in 0..1 + self.rng.below(30) {
            // The datagrams of the ladder have the identification 1.
            for f in fragments(&whole, 1 + id as u32, 8 * (1 + self.rng.below(10) as usize)) {
                if self.rng.chance(0.8) {
                    s.frames.push((at_ns(at + self.rng.range(0.0, 20.0)), f));
                }
            }
        }
    }

    /// Packets that inside would be a party's.
    fn tunnel(&mut self, s: &mut Scene, at: f64, from: SocketAddr, to: Side) {
        let [src, dst] = [to.other(), to].map(|side| self.call.places[side as usize]);
        let kind = self.rng.below(7);
        let inner = if self.rng.chance(0.5) {
            let mut v = Voice::of(&self.call.d, to.other(), self.rng.next()).between(src, dst);
            v.talk(at, at + 1000.0)
                .into_iter()
                .map(|p| (p.captured_ns[0], ethernet(src, dst, &p.rtp)))
                .collect()
        } else {
            let text = self.call.d.request_text("BYE", to.other(), 50, true, "", None);
            let sip = [to.other(), to].map(|side| self.call.d.sip[side as usize]);
            vec![(at_ns(at), ethernet(sip[0], sip[1], text.as_bytes()))]
        };
        let outer = SocketAddr::new(self.call.d.sip[to as usize].ip(), 1);
        s.frames.extend(inner.into_iter().map(|(at, f)| (at, tunnelled(from, outer, kind, &f))));
    }

    /// Segments of a connection of his own, in any order, with any flags.
    fn stream(&mut self, s: &mut Scene, at: f64, to: Side) {
        let from = self.own_at(5060);
        let place = SocketAddr::new(self.call.d.sip[to as usize].ip(), 5060);
        let mut seq = self.rng.next() as u32;
        for i in 0..1 + self.rng.below(8) {
            let knows = self.knows;
            let (text, _) = self.request_text(to, knows);
            let flags = *self.rng.pick(&[0x18, 0x18, 0x18, 0x02, 0x10, 0x11, 0x04]);
            let piece = text.as_bytes();
            let cut =
                if self.rng.chance(0.3) { self.rng.below(piece.len() as u64) as usize } else { piece.len() };
            s.frames.push((at_ns(at + 5.0 * i as f64), segment(from, place, seq, flags, &piece[..cut])));
            seq = if self.rng.chance(0.2) { self.rng.next() as u32 } else { seq.wrapping_add(cut as u32) };
        }
    }

    /// Somebody says that a party cannot be reached.
    fn errors(&mut self, s: &mut Scene, at: f64, from: SocketAddr, to: Side) {
        let about = ethernet(self.target(to), self.target(to.other()), &[0x80; 60]);
        let place = SocketAddr::new(self.target(to).ip(), 1);
        for i in 0..1 + self.rng.below(20) {
            s.frames.push((at_ns(at + i as f64), unreachable(from, place, &about)));
        }
    }

    /// An INVITE that would take the call's place, and does not.
    fn replace(&mut self, s: &mut Scene, at: f64, to: Side) {
        let [local, remote] = [to, to.other()].map(|side| self.call.d.tags[side as usize].clone());
        let d = self.mine(to);
        let headers = format!("Replaces: {};to-tag={local};from-tag={remote}\r\n", self.call.d.call_id);
        let d = Dialog { headers, ..d };
        d.invite(s, at);
        let code = *self.rng.pick(&[0, 403, 481, 603]);
        if code > 0 {
            d.status(s, at + 5.0, code);
        }
    }

    /// Another INVITE under the call's Call-ID, which nobody takes.
    fn beside(&mut self, s: &mut Scene, at: f64, to: Side) {
        let genuine = &self.call.d;
        let (call_id, tag) = (genuine.call_id.clone(), genuine.tags[0].clone());
        let mut d =
            Dialog { call_id, cseq: 1 + self.rng.below(3) as u32, branch: "his".into(), ..self.mine(to) };
        if self.rng.chance(0.5) {
            // Before the answer the very same INVITE elsewhere would be another hop of it.
            d.cseq += u32::from(at < ANSWERED);
            d.tags[0] = tag;
        }
        let _ = write!(self.said, " INVITE {} of tag {}", d.cseq, d.tags[0]);
        d.invite(s, at);
        let code = *self.rng.pick(&[0, 180, 481, 491, 486]);
        if code > 0 {
            d.status(s, at + 5.0, code);
        }
    }

    /// A response in the name of a party, to what the other has asked or has not.
    fn answer_for(&mut self, s: &mut Scene, at: f64, to: Side) {
        let d = self.call.d.clone();
        let code = *self.rng.pick(&[180, 183, 200, 302, 404, 486, 487, 603]);
        let (method, cseq) =
            *self.rng.pick(&[("INVITE", 1), ("INVITE", 20), ("INVITE", 50), ("BYE", 100), ("UPDATE", 50)]);
        let (rtp, from) = (self.own_at(OWN_PORT), self.own_at(5060));
        let sdp = d.sdp_with(to.other(), rtp, "0", "sendrecv", 9);
        let body = (method != "BYE" && self.rng.chance(0.7)).then_some(sdp.as_str());
        let _ = write!(self.said, " answers {method} {cseq} with {code}");
        let text = d.response_text(code, method, to, cseq, "", body);
        s.udp(at, from, d.sip[to as usize], text.as_bytes());
    }
}
