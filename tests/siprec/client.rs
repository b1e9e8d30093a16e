//! A recording client as RFC 7866 has it: what it writes, and what it reads of the answers.
//!
//! Uses nothing of nauhuri's.

use std::fmt::Write as _;
use std::net::SocketAddr;

/// One media line.
#[derive(Clone, Debug)]
pub struct Stream {
    /// `a=label`, and the id of the stream.
    pub label: String,
    /// Where the client sends from.
    pub at: SocketAddr,
    /// Transport and payload types.
    pub coding: String,
    /// Lines behind `m=`, without `a=`.
    pub attributes: Vec<String>,
    /// `sendonly`, `inactive`.
    pub direction: &'static str,
}

impl Stream {
    /// In PCMA.
    pub fn new(label: &str, at: SocketAddr) -> Stream {
        let (coding, attributes) = ("RTP/AVP 8 101".into(), vec!["rtpmap:101 telephone-event/8000".into()]);
        Stream { label: label.into(), at, coding, attributes, direction: "sendonly" }
    }
}

/// Somebody in the metadata.
#[derive(Clone, Debug)]
pub struct Person {
    /// Id.
    pub id: String,
    /// Address of record.
    pub aor: String,
    /// Labels of the streams he sends.
    pub sends: Vec<String>,
    /// More of him, as XML.
    pub more: String,
}

impl Person {
    /// Who sends one stream.
    pub fn new(id: &str, aor: &str, label: &str) -> Person {
        Person { id: id.into(), aor: aor.into(), sends: vec![label.into()], more: String::new() }
    }

    /// With extension data.
    pub fn with(mut self, name: &str, value: &str) -> Person {
        let value = value.replace('<', "&lt;");
        let _ =
            write!(self.more, "<extensiondata xmlns:x='urn:x'><x:{name}>{value}</x:{name}></extensiondata>");
        self
    }
}

/// A session about one call.
#[derive(Clone, Debug)]
pub struct Client {
    /// Where its SIP comes from.
    pub sip: SocketAddr,
    /// Where the server is.
    pub server: SocketAddr,
    /// `UDP`, `TCP`, `TLS`.
    pub transport: &'static str,
    /// Call-ID.
    pub call_id: String,
    /// Our tag, theirs.
    pub tags: [String; 2],
    /// Last CSeq.
    pub cseq: u32,
    /// More headers of every INVITE and UPDATE, each with its line end.
    pub headers: String,
    /// Media.
    pub streams: Vec<Stream>,
    /// Who talks.
    pub people: Vec<Person>,
    /// More of the session, as XML.
    pub session: String,
    /// Id of the communication session.
    pub session_id: String,
    /// `complete` or `partial`.
    pub mode: &'static str,
    /// Ports the server gave, by stream; 0 for none.
    pub ports: Vec<u16>,
    branch: u32,
    version: u32,
}

impl Client {
    /// Customer +358401234567 calls agent 2001; `n` tells calls apart.
    pub fn new(n: u16, sip: SocketAddr, server: SocketAddr, transport: &'static str) -> Client {
        let at = |k: u16| SocketAddr::new(sip.ip(), 40_000 + 4 * n + 2 * k);
        Client {
            sip,
            server,
            transport,
            call_id: format!("rs-{n}@src.example"),
            tags: [format!("src{n}"), String::new()],
            cseq: 100,
            headers: "Require: siprec\r\nSupported: timer\r\nAllow: INVITE, ACK, BYE, UPDATE\r\n".into(),
            streams: vec![Stream::new("1", at(0)), Stream::new("2", at(1))],
            people: vec![
                Person::new("p1", "sip:+358401234567@trunk.example", "1"),
                Person::new("p2", "sip:2001@pbx.example", "2"),
            ],
            session: String::new(),
            session_id: format!("cs{n}"),
            mode: "complete",
            ports: Vec::new(),
            branch: 0,
            version: 0,
        }
    }

    /// The offer.
    pub fn sdp(&mut self) -> String {
        self.version += 1;
        let family = |a: SocketAddr| if a.is_ipv6() { "IP6" } else { "IP4" };
        let own = self.sip;
        let mut out = format!(
            "v=0\r\no=src 7 {} IN {} {}\r\ns=SIPREC\r\nt=0 0\r\n",
            self.version,
            family(own),
            own.ip()
        );
        for s in &self.streams {
            let port = if s.direction == "off" { 0 } else { s.at.port() };
            let _ = write!(out, "m=audio {port} {}\r\nc=IN {} {}\r\n", s.coding, family(s.at), s.at.ip());
            for a in &s.attributes {
                let _ = write!(out, "a={a}\r\n");
            }
            let direction = if s.direction == "off" { "inactive" } else { s.direction };
            let _ = write!(out, "a=label:{}\r\na={direction}\r\n", s.label);
        }
        out
    }

    /// The metadata.
    pub fn metadata(&self) -> String {
        let id = &self.session_id;
        let mut out = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<recording xmlns='urn:ietf:params:xml:ns:recording:1'>\
             <datamode>{}</datamode><session session_id=\"{id}\">{}</session>",
            self.mode, self.session
        );
        for p in &self.people {
            let _ = write!(
                out,
                "<participant participant_id=\"{0}\"><nameID aor=\"{1}\"/>{2}</participant>\
                 <participantsessionassoc participant_id=\"{0}\" session_id=\"{id}\"/>",
                p.id, p.aor, p.more
            );
            let sends: String = p.sends.iter().map(|s| format!("<send>m{s}</send>")).collect();
            let _ = write!(
                out,
                "<participantstreamassoc participant_id=\"{}\">{sends}</participantstreamassoc>",
                p.id
            );
        }
        for s in &self.streams {
            let _ = write!(
                out,
                "<stream stream_id=\"m{0}\" session_id=\"{id}\"><label>{0}</label></stream>",
                s.label
            );
        }
        out + "</recording>\r\n"
    }

    /// Offer and metadata in one body, with the header that goes with it.
    pub fn both(&mut self) -> (String, String) {
        let body = format!(
            "--part\r\nContent-Type: application/sdp\r\n\r\n{}\r\n--part\r\n\
             Content-Type: application/rs-metadata+xml\r\nContent-Disposition: recording-session\r\n\r\n{}\r\n--part--\r\n",
            self.sdp(),
            self.metadata()
        );
        ("multipart/mixed;boundary=part".into(), body)
    }

    /// Any request.
    pub fn request(&mut self, method: &str, headers: &str, kind: &str, body: &str) -> String {
        if !matches!(method, "ACK" | "CANCEL") {
            self.cseq += 1;
            self.branch += 1;
        }
        let to_tag = if self.tags[1].is_empty() { String::new() } else { format!(";tag={}", self.tags[1]) };
        let kind = if body.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
        format!(
            "{method} sip:recorder@{server} SIP/2.0\r\n\
             Via: SIP/2.0/{transport} {sip};branch=z9hG4bK{call}-{branch}{ack};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:src@{sip}>;tag={tag}\r\nTo: <sip:recorder@{server}>{to_tag}\r\nCall-ID: {call}\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:src@{sip}>;+sip.src\r\n{headers}{kind}Content-Length: {len}\r\n\r\n{body}",
            server = self.server,
            transport = self.transport,
            sip = self.sip,
            call = self.call_id,
            branch = self.branch,
            ack = if method == "ACK" { "a" } else { "" },
            tag = self.tags[0],
            cseq = self.cseq,
            len = body.len(),
        )
    }

    /// INVITE, or re-INVITE, with offer and metadata.
    pub fn invite(&mut self) -> String {
        let (kind, body) = self.both();
        let headers = self.headers.clone();
        self.request("INVITE", &headers, &kind, &body)
    }

    /// A re-INVITE with an offer alone.
    pub fn reoffer(&mut self) -> String {
        let (sdp, headers) = (self.sdp(), self.headers.clone());
        self.request("INVITE", &headers, "application/sdp", &sdp)
    }

    /// UPDATE with metadata alone.
    pub fn update(&mut self) -> String {
        let (metadata, headers) = (self.metadata(), self.headers.clone());
        self.request("UPDATE", &headers, "application/rs-metadata+xml", &metadata)
    }

    /// ACK of the last INVITE.
    pub fn ack(&mut self) -> String {
        self.request("ACK", "", "", "")
    }

    /// BYE.
    pub fn bye(&mut self) -> String {
        self.request("BYE", "", "", "")
    }

    /// Takes a response in: its code. Of a 2xx the tag and the ports are kept.
    pub fn take(&mut self, response: &str) -> u16 {
        let code = response.split(' ').nth(1).and_then(|c| c.parse().ok()).unwrap_or(0);
        if (200..300).contains(&code) {
            if let Some(tag) = header(response, "To").and_then(|t| t.split(";tag=").nth(1).map(str::to_owned))
            {
                self.tags[1] = tag;
            }
            let lines = response.lines().filter_map(|l| l.strip_prefix("m="));
            let ports: Vec<u16> = lines.map(|m| m.split(' ').nth(1).unwrap().parse().unwrap()).collect();
            if !ports.is_empty() {
                self.ports = ports;
            }
        }
        code
    }
}

/// A header of a message.
pub fn header(message: &str, name: &str) -> Option<String> {
    let head = message.split("\r\n\r\n").next()?;
    head.lines().find_map(|l| Some(l.strip_prefix(name)?.strip_prefix(':')?.trim().to_owned()))
}

/// The response to a request of the server's.
pub fn ok_to(request: &str) -> String {
    let mut out = String::from("SIP/2.0 200 OK\r\n");
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        let _ = write!(out, "{name}: {}\r\n", header(request, name).unwrap());
    }
    out + "Content-Length: 0\r\n\r\n"
}
