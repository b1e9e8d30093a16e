//! What the telephone says of its media and what the other side says of theirs (RFC 3264, RFC 8866).
//!
//! One audio line in G.711 A-law, which every exchange has.

use crate::sdp::{self, Description, Direction, Proto};
use std::net::SocketAddr;

/// Static payload type of A-law (RFC 3551 §6).
const PCMA: u8 = 8;

/// Where the sound goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaTarget {
    /// Address of the other side.
    pub to: SocketAddr,
    /// RTP payload type of A-law there.
    pub payload_type: u8,
    /// They want to hear us: neither on hold nor only sending.
    pub is_wanted: bool,
}

/// Our description. `version` grows with every new one of the session; `theirs` is the direction of an offer
/// that this answers.
pub fn describe(local: SocketAddr, session: u64, version: u64, theirs: Direction) -> String {
    let ip = local.ip();
    let family = if ip.is_ipv6() { "IP6" } else { "IP4" };
    let direction = match theirs {
        Direction::SendRecv => "sendrecv",
        Direction::SendOnly => "recvonly",
        Direction::RecvOnly => "sendonly",
        Direction::Inactive => "inactive",
    };
    format!(
        "v=0\r\no=nauhuri {session} {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio {} RTP/AVP {PCMA}\r\na=rtpmap:{PCMA} PCMA/8000\r\na=ptime:20\r\na={direction}\r\n",
        local.port()
    )
}

/// Reads theirs: where to send and their direction. [`None`] where it has no audio that we could send.
pub fn target(body: &[u8]) -> Option<(MediaTarget, Direction)> {
    let description: Description = sdp::parse(body);
    let audio = description.audio().filter(|m| !m.rejected() && m.proto == Proto::Avp)?;
    let is_alaw = |f: &&sdp::Format| {
        f.name.eq_ignore_ascii_case("PCMA") && f.clock == 8000 || f.name.is_empty() && f.payload_type == PCMA
    };
    let format = audio.formats.iter().find(is_alaw)?;
    let is_wanted =
        matches!(audio.direction, Direction::SendRecv | Direction::RecvOnly) && !audio.zero_address();
    let target = MediaTarget { to: audio.endpoint()?, payload_type: format.payload_type, is_wanted };
    Some((target, audio.direction))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Option<(MediaTarget, Direction)> {
        target(
            format!("v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n{lines}")
                .as_bytes(),
        )
    }

    #[test]
    fn what_an_answer_says() {
        let (at, _) = read("m=audio 4000 RTP/AVP 0 8\r\n").expect("static types");
        assert_eq!((at.to.to_string().as_str(), at.payload_type, at.is_wanted), ("192.0.2.7:4000", 8, true));
        let (at, direction) = read("m=audio 4000 RTP/AVP 97\r\na=rtpmap:97 pcma/8000\r\na=sendonly\r\n")
            .expect("a dynamic type");
        assert_eq!((at.payload_type, at.is_wanted, direction), (97, false, Direction::SendOnly));
        for none in [
            "m=audio 0 RTP/AVP 8\r\n",
            "m=audio 4000 RTP/AVP 18\r\n",
            "m=audio 4000 RTP/SAVP 8\r\n",
            "m=video 4000 RTP/AVP 8\r\n",
            "",
        ] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn ours_can_be_read() {
        let local: SocketAddr = "[2001:db8::5]:4000".parse().expect("an address");
        let text = describe(local, 7, 2, Direction::SendOnly);
        let (at, direction) = target(text.as_bytes()).expect("audio");
        assert_eq!((at.to, direction), (local, Direction::RecvOnly));
    }
}
