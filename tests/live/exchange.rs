//! A small exchange: it asks for a password, rings an agent's telephone, and carries the sound between them.
//!
//! It is a back-to-back user agent, as most exchanges are, on UDP sockets of its own: the leg to the agent
//! has the same Call-ID only if the test says so.

use crate::lab::once_free;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What it does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// An agent answers, whose side says nothing.
    Answers,
    /// The same, and the leg to the agent has a Call-ID of its own.
    Bridges,
    /// The same, and what the caller says does not get through.
    Swallows,
    /// Whoever is called is busy.
    Busy,
    /// It rings.
    Rings,
}

/// Addresses within 127.20.0.0/16: host 3 is the exchange, 2 the agent.
pub struct Exchange {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Desk {
    sip: UdpSocket,
    media: UdpSocket,
    agent: UdpSocket,
    agent_media: UdpSocket,
    manner: Manner,
    caller_media: Option<SocketAddr>,
    invite: Option<String>,
}

/// The value of a header in a message of ours and of the program under test: one line, long name.
fn header<'a>(text: &'a str, name: &str) -> &'a str {
    let line =
        text.lines().find(|l| l.to_ascii_lowercase().starts_with(&format!("{}:", name.to_lowercase())));
    line.and_then(|l| l.split_once(':')).map_or("", |(_, v)| v.trim())
}

impl Exchange {
    /// On the net of a line, until dropped.
    pub fn start(net: u16, manner: Manner) -> Exchange {
        let bind = |host: u8, port: u16| {
            let at = format!("127.20.{net}.{host}:{port}");
            let socket = once_free(&at, || UdpSocket::bind(&at));
            socket.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
            socket
        };
        let stop = Arc::new(AtomicBool::new(false));
        let mut desk = Desk {
            sip: bind(3, 5060),
            media: bind(3, 30_000),
            agent: bind(4, 5060),
            agent_media: bind(4, 30_000),
            manner,
            caller_media: None,
            invite: None,
        };
        let is_over = Arc::clone(&stop);
        let work = move || {
            while !is_over.load(Ordering::Relaxed) {
                desk.turn();
            }
        };
        Exchange { stop, thread: Some(std::thread::spawn(work)) }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Desk {
    fn turn(&mut self) {
        let mut bytes = [0; 4096];
        if let Ok((n, from)) = self.sip.recv_from(&mut bytes) {
            let text = String::from_utf8_lossy(&bytes[..n]).into_owned();
            self.asked(&text, from);
        }
        while let Ok((n, from)) = self.media.recv_from(&mut bytes) {
            let agent = self.agent_media.local_addr().unwrap();
            // Between the two legs, both ways; with one leg the caller sends to the agent himself.
            let to = if from == agent { self.caller_media } else { Some(agent) };
            if let Some(to) = to.filter(|_| self.manner != Manner::Swallows) {
                self.media.send_to(&bytes[..n], to).unwrap();
            }
        }
        while let Ok((n, from)) = self.agent_media.recv_from(&mut bytes) {
            // The agent's telephone is on: its side is silence, packet by packet.
            let mut silence = bytes[..n].to_vec();
            silence.iter_mut().skip(12).for_each(|octet| *octet = 0xD5);
            self.agent_media.send_to(&silence, from).unwrap();
        }
        while self.agent.recv_from(&mut bytes).is_ok() {}
    }

    /// A response, by the headers of its request.
    fn say(&self, request: &str, code: &str, more: &str, body: &str, to: SocketAddr) {
        let from_request =
            ["Via", "From", "Call-ID", "CSeq"].map(|h| format!("{h}: {}\r\n", header(request, h)));
        let [via, from, id, cseq] = from_request;
        let tag =
            if code.starts_with("100") || header(request, "To").contains("tag=") { "" } else { ";tag=pbx" };
        let text = format!(
            "SIP/2.0 {code}\r\n{via}{from}To: {}{tag}\r\n{id}{cseq}{more}Content-Length: {}\r\n\r\n{body}",
            header(request, "To"),
            body.len()
        );
        self.sip.send_to(text.as_bytes(), to).unwrap();
    }

    fn asked(&mut self, text: &str, from: SocketAddr) {
        match text.split(' ').next().unwrap_or_default() {
            "INVITE" if header(text, "Authorization").is_empty() => {
                let challenge = "WWW-Authenticate: Digest realm=\"lab\", nonce=\"4711\", qop=\"auth\", algorithm=SHA-256\r\n";
                self.say(text, "401 Unauthorized", challenge, "", from);
            }
            "INVITE" if !is_right(text) => self.say(
                text,
                "401 Unauthorized",
                "WWW-Authenticate: Digest realm=\"lab\", nonce=\"4712\", qop=\"auth\", algorithm=SHA-256\r\n",
                "",
                from,
            ),
            "INVITE" => self.invited(text, from),
            "CANCEL" => {
                self.say(text, "200 OK", "", "", from);
                if let Some(invite) = self.invite.take() {
                    self.say(&invite, "487 Request Terminated", "", "", from);
                }
            }
            "BYE" => {
                self.say(text, "200 OK", "", "", from);
                self.to_agent(text, "BYE", 2, "");
                self.agent_says(text, "BYE", 2, "");
            }
            _ => {}
        }
    }

    fn invited(&mut self, text: &str, from: SocketAddr) {
        self.say(text, "100 Trying", "", "", from);
        self.invite = Some(text.to_owned());
        let port = text.split("m=audio ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        self.caller_media = Some(SocketAddr::new(from.ip(), port.parse().unwrap()));
        match self.manner {
            Manner::Busy => self.say(text, "486 Busy Here", "", "", from),
            Manner::Rings => self.say(text, "180 Ringing", "", "", from),
            Manner::Answers | Manner::Bridges | Manner::Swallows => {
                self.say(text, "180 Ringing", "", "", from);
                self.to_agent(text, "INVITE", 1, &sdp(&self.media));
                self.agent_says(text, "INVITE", 1, &sdp(&self.agent_media));
                self.to_agent(text, "ACK", 1, "");
                let contact = format!(
                    "Contact: <sip:{}>\r\nContent-Type: application/sdp\r\n",
                    self.sip.local_addr().unwrap()
                );
                self.say(text, "200 OK", &contact, &sdp(&self.media), from);
            }
        }
    }

    /// What the two legs do not share.
    fn ids(&self, text: &str) -> String {
        let id = header(text, "Call-ID");
        if self.manner == Manner::Answers { id.to_owned() } else { format!("{}-b@pbx", &id[..12]) }
    }

    /// A request of the exchange's to the agent's telephone.
    fn to_agent(&self, text: &str, method: &str, cseq: u32, body: &str) {
        let (own, agent) = (self.sip.local_addr().unwrap(), self.agent.local_addr().unwrap());
        let tag = if method == "INVITE" { "" } else { ";tag=agent" };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let request = format!(
            "{method} sip:2001@{agent} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{method}{cseq}\r\n\
             From: <sip:probe@{own}>;tag=b\r\nTo: <sip:2001@{agent}>{tag}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:{own}>\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            self.ids(text),
            body.len()
        );
        self.sip.send_to(request.as_bytes(), agent).unwrap();
    }

    /// The agent's answer.
    fn agent_says(&self, text: &str, method: &str, cseq: u32, body: &str) {
        let (own, agent) = (self.sip.local_addr().unwrap(), self.agent.local_addr().unwrap());
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let answer = format!(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{method}{cseq}\r\n\
             From: <sip:probe@{own}>;tag=b\r\nTo: <sip:2001@{agent}>;tag=agent\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:{agent}>\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            self.ids(text),
            body.len()
        );
        self.agent.send_to(answer.as_bytes(), own).unwrap();
    }
}

fn sdp(media: &UdpSocket) -> String {
    let at = media.local_addr().unwrap();
    format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n",
        at.port(),
        ip = at.ip()
    )
}

/// Whether the password is `sesame`, reckoned by other means than the program's: sha256sum.
fn is_right(text: &str) -> bool {
    let line = header(text, "Authorization");
    let value = |name: &str| {
        let at = line.split(&format!("{name}=")).nth(1).unwrap_or_default();
        at.split([',', ' ']).next().unwrap_or_default().trim_matches('"').to_owned()
    };
    let sum = |text: String| {
        let script = "printf %s \"$1\" | sha256sum | cut -c1-64";
        let out = std::process::Command::new("sh").args(["-c", script, "sh", &text]).output().unwrap();
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    };
    let (a1, a2) = (sum("probe:lab:sesame".into()), sum(format!("INVITE:{}", value("uri"))));
    let want = sum(format!("{a1}:{}:{}:{}:auth:{a2}", value("nonce"), value("nc"), value("cnonce")));
    value(" response") == want
}
