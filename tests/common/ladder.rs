//! Calls written as ladders: SIP and RTP at chosen instants, as frames of a capture.
//!
//! Times are milliseconds after [`T0`].

use super::run::{self, Run};
use super::voice::Packet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// 2026-11-23T08:15:23Z, nanoseconds since the epoch.
pub const T0: i64 = 1_795_421_723_000_000_000;
/// The agents of the ladders.
pub const AGENTS: &str = "[agents]\nextensions = [\"2000-2999\"]\n";

/// Milliseconds after [`T0`] as nanoseconds since the epoch.
pub fn ns(ms: f64) -> i64 {
    T0 + (ms * 1e6).round() as i64
}

/// An address out of its text.
pub fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Which party of a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who sent the INVITE.
    Caller = 0,
    /// Who answered it.
    Callee = 1,
}

use Side::{Callee, Caller};

impl Side {
    /// The other one.
    pub fn other(self) -> Side {
        if self == Caller { Callee } else { Caller }
    }
}

/// A capture under way.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// Capture time and Ethernet frame.
    pub frames: Vec<(i64, Vec<u8>)>,
    /// Written in the order given, whatever the stamps.
    pub unsorted: bool,
}

impl Scene {
    /// An empty one.
    pub fn new() -> Self {
        Scene::default()
    }

    /// A datagram.
    pub fn udp(&mut self, at_ms: f64, src: SocketAddr, dst: SocketAddr, payload: &[u8]) {
        self.frames.push((ns(at_ms), ethernet(src, dst, payload)));
    }

    /// What a voice sent.
    pub fn media(&mut self, packets: &[Packet]) {
        for p in packets {
            for at in &p.captured_ns {
                self.frames.push((*at, ethernet(p.src, p.dst, &p.rtp)));
            }
        }
    }

    /// The frames in the order they are written.
    pub fn ordered(&self) -> Vec<(i64, Vec<u8>)> {
        let mut frames = self.frames.clone();
        if !self.unsorted {
            frames.sort_by_key(|f| f.0);
        }
        frames
    }

    /// Writes it as a nanosecond pcap.
    pub fn save(&self, path: &Path) {
        write_pcap(path, &self.ordered());
    }

    /// Writes and replays it.
    #[track_caller]
    pub fn replay(&self, config: &str) -> Run {
        let (_keep, path) = self.saved();
        run::replay(config, &[&path])
    }

    /// Writes it into a folder that lives as long as the first of the pair.
    pub fn saved(&self) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("scene.pcap");
        self.save(&path);
        (dir, path)
    }
}

/// A nanosecond pcap of Ethernet frames.
pub fn write_pcap(path: &Path, frames: &[(i64, Vec<u8>)]) {
    std::fs::write(path, super::files::pcap(1, usize::MAX, frames)).unwrap();
}

/// A UDP datagram on Ethernet.
pub fn ethernet(src: SocketAddr, dst: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let udp_len = (payload.len() + 8) as u16;
    let mut f = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    match (src.ip(), dst.ip()) {
        (IpAddr::V4(s), IpAddr::V4(d)) => {
            f.extend_from_slice(&[8, 0, 0x45, 0]);
            f.extend_from_slice(&(udp_len + 20).to_be_bytes());
            // The checksum stays zero, as an offloading network card leaves it.
            f.extend_from_slice(&[0, 1, 0x40, 0, 64, 17, 0, 0]);
            f.extend_from_slice(&s.octets());
            f.extend_from_slice(&d.octets());
        }
        (IpAddr::V6(s), IpAddr::V6(d)) => {
            f.extend_from_slice(&[0x86, 0xDD, 0x60, 0, 0, 0]);
            f.extend_from_slice(&udp_len.to_be_bytes());
            f.extend_from_slice(&[17, 64]);
            f.extend_from_slice(&s.octets());
            f.extend_from_slice(&d.octets());
        }
        _ => panic!("one family"),
    }
    f.extend_from_slice(&src.port().to_be_bytes());
    f.extend_from_slice(&dst.port().to_be_bytes());
    f.extend_from_slice(&udp_len.to_be_bytes());
    f.extend_from_slice(&[0, 0]);
    f.extend_from_slice(payload);
    f
}

/// One dialog: who, where, and what is said about them.
#[derive(Clone, Debug)]
pub struct Dialog {
    /// Call-ID.
    pub call_id: String,
    /// From of the INVITE, without tag.
    pub from: String,
    /// To of the INVITE, without tag.
    pub to: String,
    /// Request-URI of the INVITE.
    pub uri: String,
    /// Tags, caller and callee.
    pub tags: [String; 2],
    /// SIP addresses.
    pub sip: [SocketAddr; 2],
    /// Where each receives audio.
    pub rtp: [SocketAddr; 2],
    /// Payload types each offers or accepts, in SDP form.
    pub formats: [String; 2],
    /// More headers of the INVITE, each ending in CR LF.
    pub headers: String,
    /// More headers of its 2xx.
    pub ok_headers: String,
    /// CSeq of the INVITE.
    pub cseq: u32,
    /// Via headers below the first.
    pub vias: String,
    /// What tells the branch of the first Via from others of this Call-ID.
    pub branch: String,
    /// Descriptions sent instead of those that follow from the rest; empty: none.
    pub bodies: [String; 2],
}

impl Dialog {
    /// A customer calls agent 2001, PCMA. `n` tells calls apart: addresses, ports, tags.
    pub fn new(n: u16) -> Self {
        Dialog {
            call_id: format!("ladder-{n}"),
            from: "<sip:+358401234567@trunk.example>".into(),
            to: "<sip:2001@pbx.example>".into(),
            uri: "sip:2001@192.0.2.20:5060".into(),
            tags: [format!("c{n}"), format!("a{n}")],
            sip: [addr("198.51.100.10:5060"), addr("192.0.2.20:5060")],
            rtp: [
                SocketAddr::new(addr("198.51.100.10:0").ip(), 20_000 + 4 * n),
                SocketAddr::new(addr("192.0.2.20:0").ip(), 30_000 + 4 * n),
            ],
            formats: ["8".into(), "8".into()],
            headers: String::new(),
            ok_headers: String::new(),
            cseq: 1,
            vias: String::new(),
            branch: String::new(),
            bodies: [String::new(), String::new()],
        }
    }

    /// The same, from an agent to a customer.
    pub fn outbound(n: u16) -> Self {
        let d = Dialog::new(n);
        Dialog {
            from: "<sip:2001@pbx.example>".into(),
            to: "<sip:+358401234567@trunk.example>".into(),
            uri: "sip:+358401234567@198.51.100.10".into(),
            sip: [d.sip[1], d.sip[0]],
            rtp: [d.rtp[1], d.rtp[0]],
            ..d
        }
    }

    /// The description `side` sends.
    pub fn sdp(&self, side: Side) -> String {
        if !self.bodies[side as usize].is_empty() {
            return self.bodies[side as usize].clone();
        }
        self.sdp_with(side, self.rtp[side as usize], &self.formats[side as usize], "sendrecv", 1)
    }

    /// A description: address, formats, direction, version.
    pub fn sdp_with(
        &self,
        side: Side,
        at: SocketAddr,
        formats: &str,
        direction: &str,
        version: u32,
    ) -> String {
        let family = if at.is_ipv4() { "IP4" } else { "IP6" };
        let (ip, port) = (at.ip(), at.port());
        let mut maps = String::new();
        for f in formats.split_whitespace() {
            maps += match f {
                "0" => "a=rtpmap:0 PCMU/8000\r\n",
                "8" => "a=rtpmap:8 PCMA/8000\r\n",
                "9" => "a=rtpmap:9 G722/8000\r\n",
                "11" => "a=rtpmap:11 L16/44100\r\n",
                "13" => "a=rtpmap:13 CN/8000\r\n",
                "18" => "a=rtpmap:18 G729/8000\r\n",
                "97" => "a=rtpmap:97 L16/8000\r\n",
                "98" => "a=rtpmap:98 L16/16000\r\n",
                "101" => "a=rtpmap:101 telephone-event/8000\r\n",
                "111" => "a=rtpmap:111 opus/48000/2\r\n",
                _ => "",
            };
        }
        format!(
            "v=0\r\no={} 1 {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {formats}\r\n{maps}a={direction}\r\n",
            self.tags[side as usize]
        )
    }

    fn headers_of(&self, side: Side, to_tag: bool) -> String {
        let [caller, callee] = &self.tags;
        let callee = if to_tag { format!(";tag={callee}") } else { String::new() };
        let (caller, callee) = (format!("{};tag={caller}", self.from), format!("{}{callee}", self.to));
        let (from, to) = if side == Caller { (caller, callee) } else { (callee, caller) };
        format!("From: {from}\r\nTo: {to}\r\nCall-ID: {}\r\n", self.call_id)
    }

    fn body(sdp: Option<&str>) -> String {
        match sdp {
            Some(s) => format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{s}", s.len()),
            None => "Content-Length: 0\r\n\r\n".into(),
        }
    }

    /// Text of a request of `side` inside the dialog (or its INVITE, when `to_tag` is false).
    pub fn request_text(
        &self,
        method: &str,
        side: Side,
        cseq: u32,
        to_tag: bool,
        headers: &str,
        sdp: Option<&str>,
    ) -> String {
        let uri = if side == Caller { &self.uri } else { "sip:peer@198.51.100.10" };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK{method}{cseq}{}{}\r\n{}Max-Forwards: 70\r\n\
             {}CSeq: {cseq} {method}\r\nContact: <sip:x@{}>\r\n{headers}{}",
            self.sip[side as usize],
            self.call_id,
            self.branch,
            self.vias,
            self.headers_of(side, to_tag),
            self.sip[side as usize],
            Self::body(sdp),
        )
    }

    /// Text of a response to a request of `asked`.
    pub fn response_text(
        &self,
        code: u16,
        method: &str,
        asked: Side,
        cseq: u32,
        headers: &str,
        sdp: Option<&str>,
    ) -> String {
        format!(
            "SIP/2.0 {code} Reason\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK{method}{cseq}{}{}\r\n{}{}\
             CSeq: {cseq} {method}\r\nContact: <sip:x@{}>\r\n{headers}{}",
            self.sip[asked as usize],
            self.call_id,
            self.branch,
            self.vias,
            self.headers_of(asked, code != 100),
            self.sip[asked.other() as usize],
            Self::body(sdp),
        )
    }

    /// A request inside the dialog on the wire.
    #[allow(clippy::too_many_arguments)] // what a line of a ladder says, no more
    pub fn request(
        &self,
        s: &mut Scene,
        at: f64,
        method: &str,
        side: Side,
        cseq: u32,
        headers: &str,
        sdp: Option<&str>,
    ) {
        let text = self.request_text(method, side, cseq, true, headers, sdp);
        s.udp(at, self.sip[side as usize], self.sip[side.other() as usize], text.as_bytes());
    }

    /// A response on the wire.
    #[allow(clippy::too_many_arguments)] // as above
    pub fn response(
        &self,
        s: &mut Scene,
        at: f64,
        code: u16,
        method: &str,
        asked: Side,
        cseq: u32,
        sdp: Option<&str>,
    ) {
        let headers = if method == "INVITE" && code / 100 == 2 { &self.ok_headers } else { "" };
        let text = self.response_text(code, method, asked, cseq, headers, sdp);
        s.udp(at, self.sip[asked.other() as usize], self.sip[asked as usize], text.as_bytes());
    }

    /// The INVITE with its offer.
    pub fn invite(&self, s: &mut Scene, at: f64) {
        let sdp = self.sdp(Caller);
        let text = self.request_text("INVITE", Caller, self.cseq, false, &self.headers, Some(&sdp));
        s.udp(at, self.sip[0], self.sip[1], text.as_bytes());
    }

    /// A response to it; 183 and 2xx carry the answer.
    pub fn status(&self, s: &mut Scene, at: f64, code: u16) {
        let sdp = (code == 183 || code / 100 == 2).then(|| self.sdp(Callee));
        self.response(s, at, code, "INVITE", Caller, self.cseq, sdp.as_deref());
    }

    /// The ACK.
    pub fn ack(&self, s: &mut Scene, at: f64) {
        self.request(s, at, "ACK", Caller, self.cseq, "", None);
    }

    /// INVITE, 180, 200 at `at`, ACK.
    pub fn answered(&self, s: &mut Scene, invite: f64, at: f64) {
        self.invite(s, invite);
        self.status(s, invite + 20.0, 180);
        self.status(s, at, 200);
        self.ack(s, at + 5.0);
    }

    /// The INVITE given up: CANCEL, 487, ACK.
    pub fn cancelled(&self, s: &mut Scene, at: f64) {
        let text = self.request_text("CANCEL", Caller, self.cseq, false, "", None);
        s.udp(at, self.sip[0], self.sip[1], text.as_bytes());
        self.response(s, at + 5.0, 200, "CANCEL", Caller, self.cseq, None);
        self.response(s, at + 6.0, 487, "INVITE", Caller, self.cseq, None);
        self.ack(s, at + 10.0);
    }

    /// A request of `side` without a body, and its 200.
    pub fn exchange(&self, s: &mut Scene, at: f64, method: &str, side: Side, cseq: u32, headers: &str) {
        self.request(s, at, method, side, cseq, headers, None);
        self.response(s, at + 10.0, 200, method, side, cseq, None);
    }

    /// BYE and its 200.
    pub fn bye(&self, s: &mut Scene, at: f64, side: Side) {
        self.request(s, at, "BYE", side, 100, "", None);
        self.response(s, at + 5.0, 200, "BYE", side, 100, None);
    }

    /// A re-INVITE of `side` with its 200 and ACK: new descriptions of both.
    pub fn reinvite(&self, s: &mut Scene, at: f64, side: Side, cseq: u32, offer: &str, answer: &str) {
        self.request(s, at, "INVITE", side, cseq, "", Some(offer));
        self.response(s, at + 10.0, 200, "INVITE", side, cseq, Some(answer));
        self.request(s, at + 15.0, "ACK", side, cseq, "", None);
    }
}
