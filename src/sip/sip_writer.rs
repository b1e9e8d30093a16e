//! SIP as we write it ourselves: responses to what somebody asks, and requests of our own.
//!
//! RFC 3261 §8.2.6, §18.2, RFC 3581. What came is copied as it stands; what could break a line is not.

use super::{Message, Uri};
use std::net::SocketAddr;

/// Via lines copied.
const MAX_VIAS: usize = 32;

/// A message under construction.
#[derive(Debug)]
pub struct SipWriter(Vec<u8>);

impl SipWriter {
    /// A response to `request`, which came from `remote`; `tag` is ours, where the request has none.
    pub fn response(
        request: &Message<'_>,
        remote: SocketAddr,
        code: u16,
        reason: &str,
        tag: &str,
    ) -> SipWriter {
        let mut w = SipWriter(format!("SIP/2.0 {code} {reason}\r\n").into_bytes());
        for (i, via) in request.headers("Via").take(MAX_VIAS).enumerate() {
            let via = if i == 0 { received(&via, remote) } else { via.into_owned() };
            w.raw("Via", &via);
        }
        for name in ["From", "To", "Call-ID", "CSeq"] {
            let Some(value) = request.header(name) else { continue };
            let has_tag = || request.to().is_some_and(|to| to.tag().is_some());
            if name == "To" && !has_tag() && !tag.is_empty() {
                w.raw(name, &[&value, &b";tag="[..], tag.as_bytes()].concat());
            } else {
                w.raw(name, &value);
            }
        }
        w.header("Server", "nauhuri")
    }

    /// A request.
    pub fn request(method: &str, uri: &str) -> SipWriter {
        let start = format!("{method} {uri} SIP/2.0\r\n");
        SipWriter(start.into_bytes()).header("Max-Forwards", "70")
    }

    /// One more header.
    pub fn header(mut self, name: &str, value: &str) -> SipWriter {
        self.raw(name, value.as_bytes());
        self
    }

    /// All headers of this name of a message.
    pub fn copied(mut self, from: &Message<'_>, name: &str) -> SipWriter {
        for value in from.headers(name).take(MAX_VIAS) {
            self.raw(name, &value);
        }
        self
    }

    /// With a body, and done.
    pub fn body(mut self, kind: &str, body: &str) -> Vec<u8> {
        if !body.is_empty() {
            self.raw("Content-Type", kind.as_bytes());
        }
        self.raw("Content-Length", body.len().to_string().as_bytes());
        self.0.extend_from_slice(b"\r\n");
        self.0.extend_from_slice(body.as_bytes());
        self.0
    }

    /// Without a body, and done.
    pub fn done(self) -> Vec<u8> {
        self.body("", "")
    }

    fn raw(&mut self, name: &str, value: &[u8]) {
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b": ");
        self.0.extend(value.iter().filter(|b| !matches!(b, b'\r' | b'\n' | 0)));
        self.0.extend_from_slice(b"\r\n");
    }
}

/// The topmost Via with where it was received from (RFC 3261 §18.2.1, RFC 3581 §4).
fn received(via: &[u8], remote: SocketAddr) -> Vec<u8> {
    let mut values = via.splitn(2, |b| *b == b',');
    let (first, rest) = (values.next().unwrap_or_default(), values.next());
    let params = first.split(|b| *b == b';').map(<[u8]>::trim_ascii);
    let kept = params.filter(|p| !is_param(p, "rport") && !is_param(p, "received"));
    let mut out = kept.collect::<Vec<_>>().join(&b';');
    let asked = first.split(|b| *b == b';').any(|p| is_param(p.trim_ascii(), "rport"));
    out.extend(format!(";received={}", remote.ip()).bytes());
    if asked {
        out.extend(format!(";rport={}", remote.port()).bytes());
    }
    if let Some(rest) = rest {
        out.push(b',');
        out.extend_from_slice(rest);
    }
    out
}

fn is_param(text: &[u8], name: &str) -> bool {
    let end = text.iter().position(|b| *b == b'=').unwrap_or(text.len());
    text[..end].trim_ascii().eq_ignore_ascii_case(name.as_bytes())
}

/// Where the response to a datagram from `remote` goes (RFC 3261 §18.2.2).
pub fn response_address(request: &Message<'_>, mut remote: SocketAddr) -> SocketAddr {
    let Some(via) = request.headers("Via").next() else { return remote };
    let first = via.split(|b| *b == b',').next().unwrap_or_default();
    let mut params = first.split(|b| *b == b';');
    let sent_by = params.next().unwrap_or_default().trim_ascii();
    if !params.any(|p| is_param(p.trim_ascii(), "rport")) {
        let host = sent_by.iter().rposition(u8::is_ascii_whitespace).map_or(sent_by, |i| &sent_by[i + 1..]);
        let port = Uri::parse(&[b"sip:", host].concat()).port().unwrap_or(5060);
        remote.set_port(port);
    }
    remote
}
