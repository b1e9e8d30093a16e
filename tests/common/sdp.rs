//! Session descriptions of several lines, keys and candidates.

use std::net::SocketAddr;

/// A key as SDES has it (RFC 4568).
pub const KEY: &str = "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:1qVq8OgLki4mSgHEM5HYQ0ql+JObJh6/a3ca1rye";

/// One m= line with what is below it.
#[derive(Clone, Debug)]
pub struct Line {
    /// Kind of media.
    pub media: &'static str,
    /// Where it is received; port 0 refuses or switches off.
    pub at: SocketAddr,
    /// RTP/AVP and its kin.
    pub profile: &'static str,
    /// Payload types.
    pub formats: String,
    /// Attributes, without `a=`.
    pub attributes: Vec<String>,
}

impl Line {
    /// Audio in clear, PCMA.
    pub fn audio(at: SocketAddr) -> Self {
        Line {
            media: "audio",
            at,
            profile: "RTP/AVP",
            formats: "8".into(),
            attributes: vec!["rtpmap:8 PCMA/8000".into()],
        }
    }

    /// Audio with keys, in the profile of encrypted media.
    pub fn secured(at: SocketAddr) -> Self {
        Line { profile: "RTP/SAVP", ..Line::audio(at) }.with(KEY)
    }

    /// With one more attribute.
    pub fn with(mut self, attribute: impl Into<String>) -> Self {
        self.attributes.push(attribute.into());
        self
    }

    /// Refused, or switched off.
    pub fn off(mut self) -> Self {
        self.at.set_port(0);
        self
    }

    /// With other payload types and what they mean.
    pub fn formats(mut self, formats: &str, maps: &[&str]) -> Self {
        self.formats = formats.into();
        self.attributes.retain(|a| !a.starts_with("rtpmap:"));
        self.attributes.extend(maps.iter().map(|m| format!("rtpmap:{m}")));
        self
    }
}

/// A description of these lines, each with its own address.
pub fn description(version: u32, lines: &[Line]) -> String {
    let family = |at: SocketAddr| if at.is_ipv4() { "IP4" } else { "IP6" };
    let first = lines[0].at;
    let mut text = format!(
        "v=0\r\no=- 20518 {version} IN {} {}\r\ns=-\r\nc=IN {} {}\r\nt=0 0\r\n",
        family(first),
        first.ip(),
        family(first),
        first.ip()
    );
    for l in lines {
        text += &format!("m={} {} {} {}\r\n", l.media, l.at.port(), l.profile, l.formats);
        if l.at.ip() != first.ip() {
            text += &format!("c=IN {} {}\r\n", family(l.at), l.at.ip());
        }
        for a in &l.attributes {
            text += &format!("a={a}\r\n");
        }
    }
    text
}
