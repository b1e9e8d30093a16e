//! The client's offer and the answer to it: which lines are received, where and how.
//!
//! RFC 7866 §8: a recording client offers a line for each stream, `sendonly` with a label; the server
//! answers `recvonly`. `inactive` pauses. RFC 4568 for the keys of SRTP: the answer takes one of the
//! lines offered, with a key of its own that nothing is ever sent with.

use super::picture::LineName;
use crate::rtp::srtp::SrtpSuite;
use crate::sdp::{self, Direction, MediaKind, Proto, crypto::CryptoLine, description::MAX_MEDIA};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

/// Lines of attributes and formats kept of one media line.
const MAX_LINES: usize = 64;

/// A line of the offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedLine {
    /// `a=label`.
    pub label: Option<String>,
    /// What of it is received.
    pub taken: Taken,
    /// Where the client would receive, which is where it sends from as a rule.
    pub remote: Option<SocketAddr>,
    /// The connection address is IPv6.
    pub is_ipv6: bool,
    /// The words of `m=`: kind, transport and formats.
    kind: String,
    proto: String,
    formats: String,
    /// `a=rtpmap` and `a=fmtp` as they stand.
    maps: Vec<String>,
    /// The line of `a=crypto` that is taken, as it stands.
    crypto: Option<String>,
    has_mux: bool,
}

/// What is done with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is audio that will come.
    Active,
    /// Nothing comes for now: `inactive`, address zero, or an offer to receive only.
    Paused,
    /// It was given up: port 0.
    Off,
    /// It is nothing that can be recorded: video, DTLS, keys of an unknown suite.
    Refused,
}

impl Taken {
    /// A port is kept for it.
    pub fn has_port(self) -> bool {
        matches!(self, Taken::Active | Taken::Paused)
    }
}

impl OfferedLine {
    /// What the metadata has to know of it.
    pub fn name(&self) -> LineName {
        LineName { label: self.label.clone(), is_audio: self.taken.has_port() }
    }

    /// How what comes on it is coded: transport, formats, and the lines that go with them.
    pub fn coding(&self) -> Coding<'_> {
        Coding {
            proto: &self.proto,
            formats: &self.formats,
            maps: &self.maps,
            crypto: self.crypto.as_deref(),
        }
    }
}

/// How a stream is coded, in the words of SDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coding<'a> {
    /// `RTP/AVP`, ...
    pub proto: &'a str,
    /// Payload types.
    pub formats: &'a str,
    /// `a=` lines without `a=`.
    pub maps: &'a [String],
    /// What stands behind `a=crypto:`.
    pub crypto: Option<&'a str>,
}

/// The lines of an offer, in order.
pub fn read(offer: &[u8]) -> Vec<OfferedLine> {
    let parsed = sdp::parse(offer);
    let text = String::from_utf8_lossy(offer);
    let mut lines: Vec<OfferedLine> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(m) = line.strip_prefix("m=") {
            if lines.len() >= MAX_MEDIA {
                break;
            }
            let mut words = m.split_ascii_whitespace();
            let kind = words.next().unwrap_or("audio").to_owned();
            let proto = words.nth(1).unwrap_or("RTP/AVP").to_owned();
            let formats = words.take(MAX_LINES).collect::<Vec<_>>().join(" ");
            let (maps, crypto, has_mux) = (Vec::new(), None, false);
            let (label, taken, remote) = (None, Taken::Refused, None);
            lines.push(OfferedLine {
                label,
                taken,
                remote,
                is_ipv6: false,
                kind,
                proto,
                formats,
                maps,
                crypto,
                has_mux,
            });
        } else if let (Some(a), Some(last)) = (line.strip_prefix("a="), lines.last_mut()) {
            last.attribute(a);
        }
    }
    for (line, m) in lines.iter_mut().zip(&parsed.media) {
        line.remote = m.endpoint();
        line.is_ipv6 = m.addr.is_some_and(|a| a.is_ipv6());
        if m.proto == Proto::Avp {
            // In clear: what is offered beside it is not taken up.
            line.crypto = None;
        }
        line.taken = line.judge(m);
    }
    lines
}

impl OfferedLine {
    fn attribute(&mut self, a: &str) {
        let (name, value) = a.split_once(':').unwrap_or((a, ""));
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "rtpmap" | "fmtp" if self.maps.len() < MAX_LINES => self.maps.push(a.to_owned()),
            "label" if !value.is_empty() => self.label = Some(value.chars().take(MAX_LINES).collect()),
            "crypto" if self.crypto.is_none() => {
                let can = |line: &CryptoLine| SrtpSuite::named(&line.suite).is_some();
                self.crypto = CryptoLine::parse(value).filter(can).map(|_| value.to_owned());
            }
            "rtcp-mux" => self.has_mux = true,
            _ => {}
        }
    }

    fn judge(&self, m: &sdp::Media) -> Taken {
        let is_known = m.kind == MediaKind::Audio && matches!(m.proto, Proto::Avp | Proto::Savp);
        if m.rejected() {
            return Taken::Off;
        }
        if !is_known || (m.proto == Proto::Savp && self.crypto.is_none()) {
            return Taken::Refused;
        }
        match m.direction {
            Direction::SendOnly | Direction::SendRecv if !m.zero_address() => Taken::Active,
            _ => Taken::Paused,
        }
    }
}

/// The answer: `ports` holds ours for each line that has one. `key` gives octets nobody can guess.
pub fn answer(
    lines: &[OfferedLine],
    ports: &[Option<u16>],
    (addr, id, version): (IpAddr, u64, u32),
    mut key: impl FnMut(usize) -> Vec<u8>,
) -> String {
    let family = if addr.is_ipv6() { "IP6" } else { "IP4" };
    let mut out = format!(
        "v=0\r\no=nauhuri {id} {version} IN {family} {addr}\r\ns=-\r\nc=IN {family} {addr}\r\nt=0 0\r\n"
    );
    for (line, port) in lines.iter().zip(ports) {
        let (kind, proto, formats) = (&line.kind, &line.proto, &line.formats);
        let formats = if formats.is_empty() { "0" } else { formats };
        let Some(port) = port.filter(|_| line.taken.has_port()) else {
            let _ = write!(out, "m={kind} 0 {proto} {formats}\r\n");
            continue;
        };
        let _ = write!(out, "m={kind} {port} {proto} {formats}\r\n");
        for map in &line.maps {
            let _ = write!(out, "a={map}\r\n");
        }
        if let Some(label) = &line.label {
            let _ = write!(out, "a=label:{label}\r\n");
        }
        if let Some((tag, suite, len)) = line.crypto.as_deref().and_then(words_of_crypto) {
            let _ = write!(out, "a=crypto:{tag} {suite} inline:{}\r\n", STANDARD.encode(key(len)));
        }
        if line.has_mux {
            out.push_str("a=rtcp-mux\r\n");
        }
        out.push_str(if line.taken == Taken::Active { "a=recvonly\r\n" } else { "a=inactive\r\n" });
    }
    out
}

/// Tag, suite, and octets of its key and salt.
fn words_of_crypto(crypto: &str) -> Option<(u32, Box<str>, usize)> {
    let line = CryptoLine::parse(crypto)?;
    let len = line.keys.first()?.key_salt.len();
    Some((line.tag, line.suite, len))
}
