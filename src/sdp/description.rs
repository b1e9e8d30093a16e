//! A session description, reduced to what decides where media goes and how it
//! is coded (RFC 8866).

use super::crypto::CryptoLine;
use std::net::{IpAddr, SocketAddr};

/// Media descriptions kept from one session description: which of them is taken only the answer tells.
pub const MAX_MEDIA: usize = 64;
/// Formats kept from one session description, each once a line, but for a few that every line keeps;
/// those of audio only. The longest lists in the field have thirteen.
pub const MAX_FORMATS: usize = 16;
/// ICE candidates kept from one audio description.
pub const MAX_CANDIDATES: usize = 8;

/// What a party advertises.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// `o=`; `None` when missing or unreadable.
    pub origin: Option<Origin>,
    /// The `m=` sections in order, at most [`MAX_MEDIA`].
    pub media: Vec<Media>,
}

/// `o=`: who made the description (RFC 8866 §5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// User name, `-` when none.
    pub username: String,
    /// Description id, numeric by the RFC, any word in the field.
    pub session_id: String,
    /// Version; `None` when it is no number of 64 bits.
    pub version: Option<u64>,
    /// Address, numeric or a name.
    pub address: String,
}

impl Origin {
    /// Same session of the same maker, whatever the version?
    pub fn same_session(&self, other: &Origin) -> bool {
        self.username == other.username
            && self.session_id == other.session_id
            && self.address == other.address
    }
}

/// One `m=` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// What kind of media.
    pub kind: MediaKind,
    /// Port; 0 means rejected or switched off (RFC 3264 §6), or unreadable.
    pub port: u16,
    /// Transport.
    pub proto: Proto,
    /// Connection address, the media's own or the session's; `None` for a host
    /// name or none. IPv4-mapped IPv6 is given as IPv4.
    pub addr: Option<IpAddr>,
    /// Direction as the maker of the description sees it.
    pub direction: Direction,
    /// RTP formats of audio in order of preference, each once, at most [`MAX_FORMATS`] in all.
    pub formats: Vec<Format>,
    /// `a=ptime`, milliseconds.
    pub ptime_ms: Option<u16>,
    /// `a=rtcp` port, when RTCP is not on port + 1 (RFC 3605).
    pub rtcp_port: Option<u16>,
    /// `a=rtcp` address, when RTCP goes elsewhere than the media.
    pub rtcp_addr: Option<IpAddr>,
    /// `a=rtcp-mux` (RFC 5761).
    pub rtcp_mux: bool,
    /// `a=crypto` is there (SDES, RFC 4568), readable or not.
    pub crypto: bool,
    /// The keys of it: what its maker sends is encrypted with one of them. At most
    /// [`super::crypto::MAX_CRYPTO`].
    pub crypto_lines: Vec<CryptoLine>,
    /// `a=fingerprint` is there, here or on the session (DTLS, RFC 8122).
    pub fingerprint: bool,
    /// `a=setup`, here or on the session (RFC 4145).
    pub setup: Option<Setup>,
    /// Where else its maker may be reached for RTP over UDP: `a=candidate` of
    /// component 1 (RFC 8839 §5.1), at most [`MAX_CANDIDATES`].
    pub candidates: Vec<SocketAddr>,
}

/// The media type of an `m=` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// `audio`
    Audio,
    /// `video`
    Video,
    /// `image`: fax by T.38.
    Image,
    /// Any other.
    Other,
}

/// The transport of an `m=` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proto {
    /// `RTP/AVP`, `RTP/AVPF`: in clear.
    Avp,
    /// `RTP/SAVP`, `RTP/SAVPF`: SRTP with keys in the description.
    Savp,
    /// `UDP/TLS/RTP/SAVP`, `...SAVPF`: SRTP keyed by DTLS (RFC 5764).
    Dtls,
    /// No RTP: `udptl`, `TCP/MSRP`, ...
    Other,
}

/// `a=sendrecv` and the like (RFC 8866 §6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Both ways; what holds when nothing is said.
    #[default]
    SendRecv,
    /// Its maker only sends.
    SendOnly,
    /// Its maker only receives.
    RecvOnly,
    /// Neither.
    Inactive,
}

/// Who begins the DTLS handshake (RFC 4145 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setup {
    /// It begins.
    Active,
    /// It waits.
    Passive,
    /// Either.
    ActPass,
    /// Not yet.
    HoldConn,
}

/// One payload format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// Encoding name as in `a=rtpmap`; empty without one.
    pub name: String,
    /// RTP clock, Hz; 0 without rtpmap. G.722 says 8000 and means 16000 (RFC 3551 §4.5.2).
    pub clock: u32,
    /// Channels; 0 without rtpmap.
    pub channels: u8,
    /// `a=fmtp` parameters.
    pub fmtp: Option<String>,
}

impl Description {
    /// About how many bytes of memory it holds.
    pub fn weight(&self) -> usize {
        let origin = self.origin.as_ref();
        let origin = origin.map_or(0, |o| o.username.len() + o.session_id.len() + o.address.len());
        let of_format =
            |f: &Format| size_of::<Format>() + f.name.len() + f.fmtp.as_ref().map_or(0, String::len) + 32;
        let of_media = |m: &Media| {
            let formats: usize = m.formats.iter().map(of_format).sum();
            let keys: usize = m.crypto_lines.iter().map(CryptoLine::weight).sum();
            size_of::<Media>() + formats + keys + m.candidates.len() * size_of::<SocketAddr>()
        };
        size_of::<Description>() + origin + self.media.iter().map(of_media).sum::<usize>() + 64
    }

    /// The first audio section that is not rejected, else the first audio section.
    pub fn audio(&self) -> Option<&Media> {
        self.audio_line().and_then(|i| self.media.get(i))
    }

    /// Which `m=` section [`Description::audio`] is.
    pub fn audio_line(&self) -> Option<usize> {
        self.live_audio().next().map(|(i, _)| i).or_else(|| self.media.iter().position(is_audio))
    }

    /// Audio sections that are not rejected, with their place among all sections.
    pub fn live_audio(&self) -> impl Iterator<Item = (usize, &Media)> {
        self.media.iter().enumerate().filter(|(_, m)| is_audio(m) && !m.rejected())
    }

    /// Do two descriptions advertise the same audio endpoint? Same address and
    /// port, or, where a hop has rewritten those, the same origin.
    pub fn same_endpoint(&self, other: &Description) -> bool {
        let endpoint = |s: &Description| s.audio().and_then(Media::endpoint);
        if endpoint(self).is_some() && endpoint(self) == endpoint(other) {
            return true;
        }
        match (&self.origin, &other.origin) {
            (Some(a), Some(b)) => a.same_session(b),
            _ => false,
        }
    }
}

impl Media {
    /// Rejected or switched off: port 0.
    pub fn rejected(&self) -> bool {
        self.port == 0
    }

    /// Where its maker wants RTP sent. `None` when rejected, on hold by address
    /// zero, or given as a host name.
    pub fn endpoint(&self) -> Option<SocketAddr> {
        let addr = self.addr.filter(|a| !a.is_unspecified())?;
        (!self.rejected()).then(|| SocketAddr::new(addr, self.port))
    }

    /// Where its maker wants RTCP sent, unless that is the port above the media's.
    pub fn rtcp_endpoint(&self) -> Option<SocketAddr> {
        let media = self.endpoint()?;
        let port = self.rtcp_port.unwrap_or(media.port().checked_add(1)?);
        let at = SocketAddr::new(self.rtcp_addr.unwrap_or(media.ip()), port);
        (at.ip() != media.ip() || Some(port) != media.port().checked_add(1)).then_some(at)
    }

    /// `c=0.0.0.0` or `::`: hold as RFC 2543 had it. With ICE the address is
    /// only not known yet (RFC 8840 §4.1.1).
    pub fn zero_address(&self) -> bool {
        self.candidates.is_empty() && self.addr.is_some_and(|a| a.is_unspecified())
    }

    /// Does its profile say that the RTP is encrypted?
    pub fn encrypted(&self) -> bool {
        matches!(self.proto, Proto::Savp | Proto::Dtls)
    }

    /// The format of a payload type.
    pub fn format(&self, payload_type: u8) -> Option<&Format> {
        self.formats.iter().find(|f| f.payload_type == payload_type)
    }
}

fn is_audio(m: &Media) -> bool {
    m.kind == MediaKind::Audio
}
