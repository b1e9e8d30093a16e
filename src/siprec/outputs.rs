//! What goes in and out of the recording server beside bytes.

use std::net::{IpAddr, SocketAddr};

/// What SIP runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SipTransport {
    /// Datagrams.
    Udp,
    /// A stream in clear.
    Tcp,
    /// A stream within TLS.
    Tls,
}

impl SipTransport {
    /// As a Via has it.
    pub const fn name(self) -> &'static str {
        match self {
            SipTransport::Udp => "UDP",
            SipTransport::Tcp => "TCP",
            SipTransport::Tls => "TLS",
        }
    }
}

/// The other end of the signalling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SipPeer {
    /// What it runs over.
    pub transport: SipTransport,
    /// Its address.
    pub remote: SocketAddr,
    /// Ours.
    pub local: SocketAddr,
    /// Which socket or connection of the listener's.
    pub way: u64,
}

/// One media line of one session: what a socket belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LineId {
    /// The session's number.
    pub session: u64,
    /// Which of its lines.
    pub line: u16,
}

/// Whoever has sockets: opens a pair of ports, the even one for RTP and the next one for RTCP.
pub trait MediaPorts {
    /// The even port, or [`None`] where none is to be had. `addr` is what the client will be told.
    fn open(&mut self, id: LineId, addr: IpAddr) -> Option<u16>;
    /// It is not needed any more.
    fn close(&mut self, id: LineId);
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Declined {
    /// It is not from one of the networks allowed: 403.
    Address,
    /// It is no request for a recording session: 421.
    NotSiprec,
    /// It requires an extension that is not known: 420.
    Extension,
    /// It cannot be understood, or lacks what it must have: 400.
    Malformed,
    /// Nothing of the media offered can be received: 488.
    Media,
    /// There are as many sessions as may be: 503.
    Sessions,
    /// No port is free: 503.
    Ports,
    /// The recorder stops: 503.
    Stopping,
    /// It is of a session that is not known: 481.
    Unknown,
    /// Its method is not known: 405.
    Method,
    /// It is older than another one of its session: 500.
    Order,
}

impl Declined {
    /// All of them, in order.
    pub const ALL: [Declined; 11] = [
        Declined::Address,
        Declined::NotSiprec,
        Declined::Extension,
        Declined::Malformed,
        Declined::Media,
        Declined::Sessions,
        Declined::Ports,
        Declined::Stopping,
        Declined::Unknown,
        Declined::Method,
        Declined::Order,
    ];

    /// Status code and reason phrase.
    pub const fn status(self) -> (u16, &'static str) {
        match self {
            Declined::Address => (403, "Forbidden"),
            Declined::NotSiprec => (421, "Extension Required"),
            Declined::Extension => (420, "Bad Extension"),
            Declined::Malformed => (400, "Bad Request"),
            Declined::Media => (488, "Not Acceptable Here"),
            Declined::Sessions | Declined::Ports | Declined::Stopping => (503, "Service Unavailable"),
            Declined::Unknown => (481, "Call/Transaction Does Not Exist"),
            Declined::Method => (405, "Method Not Allowed"),
            Declined::Order => (500, "Server Internal Error"),
        }
    }
}

/// Plain counters since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerStats {
    /// Sessions accepted.
    pub accepted: u64,
    /// Of those, accepted in the middle: by a re-INVITE of a session that was not known.
    pub taken_over: u64,
    /// Requests refused, in the order of [`Declined::ALL`].
    pub refused: [u64; Declined::ALL.len()],
    /// Whose the last of each was.
    pub refused_last: [Option<IpAddr>; Declined::ALL.len()],
    /// Bytes that are no SIP.
    pub unreadable: u64,
    /// Whose the last were.
    pub unreadable_last: Option<IpAddr>,
    /// Sessions that ended without anybody known who talks, of which nothing was recorded.
    pub unnamed: u64,
    /// Documents that are no metadata, or name more than is kept of one.
    pub bad_metadata: u64,
    /// Sessions that ended for want of any life: no acknowledgement, no refresh, no media.
    pub lapsed: u64,
    /// Media packets from elsewhere than the session's client.
    pub strange_media: u64,
    /// Media packets on lines that are paused or of nobody known.
    pub idle_media: u64,
}
