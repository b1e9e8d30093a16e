//! Puts a session together from its parts in order, whoever has read them.
//!
//! Holds the rules of RFC 8866: what stands on the session is the default of
//! every media section, and a payload type without rtpmap has its RFC 3551
//! meaning.

use super::crypto::{CryptoLine, MAX_CRYPTO};
use super::description::{
    Description, Direction, Format, MAX_CANDIDATES, MAX_FORMATS, MAX_MEDIA, Media, MediaKind, Origin, Proto,
    Setup,
};
use super::rtpmap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Formats kept of every audio line, whatever lines before it have used up.
const FORMATS_ALWAYS: usize = 2;
/// Bytes of `a=fmtp` kept of one description.
const MAX_FMTP: usize = 1024;
/// Longest encoding name kept, bytes.
const MAX_NAME: usize = 32;
/// Longest word of `o=` kept, bytes.
const MAX_WORD: usize = 64;

/// What `a=` and `c=` lines above the first `m=` say.
#[derive(Default)]
struct Defaults {
    addr: Option<IpAddr>,
    direction: Direction,
    ptime_ms: Option<u16>,
    fingerprint: bool,
    setup: Option<Setup>,
}

pub(super) struct Builder {
    description: Description,
    defaults: Defaults,
    at: Level,
    /// Formats and bytes of their parameters there is room for.
    room: (usize, usize),
}

/// Whose lines come now.
enum Level {
    Session,
    /// The last media section; `own_addr`: its `c=` has been seen.
    Media {
        own_addr: bool,
    },
    /// One media section too many.
    Beyond,
}

impl Builder {
    pub(super) fn new() -> Builder {
        let room = (MAX_FORMATS, MAX_FMTP);
        Builder {
            description: Description::default(),
            defaults: Defaults::default(),
            at: Level::Session,
            room,
        }
    }

    /// `o=`; the first one counts.
    pub(super) fn origin(&mut self, mut origin: Origin) {
        for word in [&mut origin.username, &mut origin.session_id, &mut origin.address] {
            word.truncate(word.floor_char_boundary(MAX_WORD));
            word.shrink_to_fit();
        }
        self.description.origin.get_or_insert(origin);
    }

    /// The address of a `c=` line; the first one of a section counts.
    pub(super) fn connection(&mut self, address: &str) {
        let addr = address_literal(address);
        match (&mut self.at, self.description.media.last_mut()) {
            (Level::Media { own_addr }, Some(media)) if !*own_addr => {
                *own_addr = true;
                media.addr = addr;
            }
            (Level::Session, _) if self.defaults.addr.is_none() => self.defaults.addr = addr,
            _ => {}
        }
    }

    /// `m=`; `formats` are the words behind the transport.
    pub(super) fn media<'f>(
        &mut self,
        kind: &str,
        port: u16,
        proto: &str,
        formats: impl Iterator<Item = &'f str>,
    ) {
        if self.description.media.len() == MAX_MEDIA {
            self.at = Level::Beyond;
            return;
        }
        let proto = proto_of(proto);
        let kind = kind_of(kind);
        let mut kept: Vec<Format> = Vec::new();
        if kind == MediaKind::Audio && proto != Proto::Other {
            for pt in formats.filter_map(|f| f.parse::<u8>().ok()).filter(|pt| *pt < 128) {
                let is_beyond = kept.len() >= FORMATS_ALWAYS;
                let has_room = !is_beyond || (self.room.0 > 0 && port != 0);
                if has_room && kept.iter().all(|f| f.payload_type != pt) {
                    self.room.0 -= usize::from(is_beyond);
                    kept.push(rtpmap::unnamed(pt));
                }
            }
        }
        self.description.media.push(Media {
            kind,
            port,
            proto,
            addr: self.defaults.addr,
            direction: self.defaults.direction,
            formats: kept,
            ptime_ms: self.defaults.ptime_ms,
            rtcp_port: None,
            rtcp_addr: None,
            rtcp_mux: false,
            crypto: false,
            crypto_lines: Vec::new(),
            fingerprint: self.defaults.fingerprint,
            setup: self.defaults.setup,
            candidates: Vec::new(),
        });
        self.at = Level::Media { own_addr: false };
    }

    /// `a=name` or `a=name:value`.
    pub(super) fn attribute(&mut self, name: &str, value: Option<&str>) {
        let name = name.to_ascii_lowercase();
        let value = value.unwrap_or_default().trim();
        match (&self.at, self.description.media.last_mut()) {
            (Level::Session, _) => session_attribute(&mut self.defaults, &name, value),
            (Level::Media { .. }, Some(media)) => media_attribute(media, &mut self.room.1, &name, value),
            (Level::Media { .. } | Level::Beyond, _) => {}
        }
    }

    pub(super) fn finish(self) -> Description {
        self.description
    }
}

fn session_attribute(d: &mut Defaults, name: &str, value: &str) {
    match name {
        "fingerprint" => d.fingerprint = true,
        "setup" => d.setup = setup_of(value),
        "ptime" => d.ptime_ms = ptime_of(value),
        _ => d.direction = direction_of(name).unwrap_or(d.direction),
    }
}

fn media_attribute(media: &mut Media, room: &mut usize, name: &str, value: &str) {
    match name {
        "rtpmap" => {
            if let Some((pt, rest)) = payload_type(value)
                && let Some((name, clock, channels)) = rtpmap::parse(rest)
                && name.len() <= MAX_NAME
            {
                for f in media.formats.iter_mut().filter(|f| f.payload_type == pt) {
                    f.name.clear();
                    f.name.push_str(name);
                    (f.clock, f.channels) = (clock, channels);
                }
            }
        }
        "fmtp" => {
            if let Some((pt, rest)) = payload_type(value)
                && rest.len() <= *room
                && let Some(f) = media.formats.iter_mut().find(|f| f.payload_type == pt)
            {
                *room -= rest.len();
                f.fmtp = Some(rest.to_string());
            }
        }
        "ptime" => media.ptime_ms = ptime_of(value),
        "rtcp" => {
            let mut words = value.split_ascii_whitespace();
            media.rtcp_port = words.next().and_then(|p| p.parse().ok());
            media.rtcp_addr = words.nth(2).and_then(address_literal).filter(|a| !a.is_unspecified());
        }
        "candidate" => {
            if media.kind == MediaKind::Audio
                && media.candidates.len() < MAX_CANDIDATES
                && let Some(at) = candidate(value)
                && !media.candidates.contains(&at)
            {
                media.candidates.push(at);
            }
        }
        "rtcp-mux" => media.rtcp_mux = true,
        "crypto" => {
            media.crypto = true;
            if media.kind == MediaKind::Audio && media.crypto_lines.len() < MAX_CRYPTO {
                media.crypto_lines.extend(CryptoLine::parse(value));
            }
        }
        "fingerprint" => media.fingerprint = true,
        "setup" => media.setup = setup_of(value),
        _ => media.direction = direction_of(name).unwrap_or(media.direction),
    }
}

/// `96 rest`
fn payload_type(value: &str) -> Option<(u8, &str)> {
    let (pt, rest) = value.split_once(|c: char| c.is_ascii_whitespace())?;
    Some((pt.parse().ok()?, rest.trim()))
}

/// `foundation component transport priority address port typ ...` (RFC 8839
/// §5.1); only RTP over UDP. A name (`x.local`, RFC 8828) is none.
fn candidate(value: &str) -> Option<SocketAddr> {
    let mut words = value.split_ascii_whitespace();
    let (_foundation, component, transport, _priority) =
        (words.next()?, words.next()?, words.next()?, words.next()?);
    let addr = address_literal(words.next()?).filter(|a| !a.is_unspecified())?;
    let port = words.next()?.parse().ok().filter(|p| *p > 0)?;
    (component == "1" && transport.eq_ignore_ascii_case("UDP")).then(|| SocketAddr::new(addr, port))
}

/// Whole milliseconds; some write `20.0`.
fn ptime_of(value: &str) -> Option<u16> {
    value.split('.').next()?.trim().parse().ok().filter(|ms| *ms > 0)
}

fn kind_of(kind: &str) -> MediaKind {
    match kind.to_ascii_lowercase().as_str() {
        "audio" => MediaKind::Audio,
        "video" => MediaKind::Video,
        "image" => MediaKind::Image,
        _ => MediaKind::Other,
    }
}

fn proto_of(proto: &str) -> Proto {
    match proto.to_ascii_uppercase().as_str() {
        "RTP/AVP" | "RTP/AVPF" => Proto::Avp,
        "RTP/SAVP" | "RTP/SAVPF" => Proto::Savp,
        "UDP/TLS/RTP/SAVP" | "UDP/TLS/RTP/SAVPF" => Proto::Dtls,
        _ => Proto::Other,
    }
}

fn direction_of(name: &str) -> Option<Direction> {
    match name {
        "sendrecv" => Some(Direction::SendRecv),
        "sendonly" => Some(Direction::SendOnly),
        "recvonly" => Some(Direction::RecvOnly),
        "inactive" => Some(Direction::Inactive),
        _ => None,
    }
}

fn setup_of(value: &str) -> Option<Setup> {
    match value.to_ascii_lowercase().as_str() {
        "active" => Some(Setup::Active),
        "passive" => Some(Setup::Passive),
        "actpass" => Some(Setup::ActPass),
        "holdconn" => Some(Setup::HoldConn),
        _ => None,
    }
}

/// An address literal, its TTL, zone or brackets taken off; `None` for a name.
fn address_literal(address: &str) -> Option<IpAddr> {
    let address = address.split(['/', '%']).next()?.trim_matches(['[', ']']);
    if let Ok(addr) = address.parse::<IpAddr>() {
        return Some(addr.to_canonical());
    }
    // Leading zeros (`010.001.002.003`) are decimal in a description.
    let mut octets = [0u8; 4];
    let mut words = address.split('.');
    for octet in &mut octets {
        let word = words.next()?;
        if word.is_empty() || !word.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *octet = word.parse().ok()?;
    }
    words.next().is_none().then(|| IpAddr::V4(Ipv4Addr::from(octets)))
}
