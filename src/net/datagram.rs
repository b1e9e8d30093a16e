//! What the network layers hand out: a datagram, and between whom it went.

use crate::time::Timestamp;
use crate::wire::link::Vlan;
use std::net::SocketAddr;

/// From where to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// Sender.
    pub src: SocketAddr,
    /// Receiver.
    pub dst: SocketAddr,
    /// The VLANs it runs on: networks beside one another may use the same addresses.
    pub vlan: Vlan,
}

/// Both ends of a path, the lower address first: what goes either way on it is of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowPath {
    low: SocketAddr,
    high: SocketAddr,
    vlan: Vlan,
}

impl FlowPath {
    /// That of a flow, and which of the two ends sends: the lower (0) or the other (1).
    pub fn of(flow: &Flow) -> (FlowPath, usize) {
        let Flow { src, dst, vlan } = *flow;
        if src > dst {
            (FlowPath { low: dst, high: src, vlan }, 1)
        } else {
            (FlowPath { low: src, high: dst, vlan }, 0)
        }
    }

    /// What is sent by that end.
    pub fn flow(&self, side: usize) -> Flow {
        let FlowPath { low, high, vlan } = *self;
        if side == 0 { Flow { src: low, dst: high, vlan } } else { Flow { src: high, dst: low, vlan } }
    }
}

/// What a datagram came over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// One UDP datagram.
    Udp,
    /// One SIP message out of a TCP stream: bare, in a WebSocket, in TLS.
    Tcp,
    /// One SIP message out of SCTP.
    Sctp,
    /// One SIP message that a capture agent handed on, whatever it came over.
    Hep,
}

impl Transport {
    /// As the log calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Sctp => "sctp",
            Transport::Hep => "hep",
        }
    }
}

/// A UDP datagram, or a SIP message that came over something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Capture time; of the fragment or segment that completed it.
    pub ts: Timestamp,
    /// From where to where, innermost addresses.
    pub flow: Flow,
    /// What it came over.
    pub transport: Transport,
    /// The bytes.
    pub payload: &'a [u8],
    /// The capture holds less than was sent.
    pub truncated: bool,
    /// So say its own headers, though the frame is whole by the capture: sliced on the
    /// way to it, or a sender whose lengths are wrong.
    pub sliced: bool,
}

impl<'a> Datagram<'a> {
    /// A whole message out of a TCP stream.
    pub(super) fn over_tcp(ts: Timestamp, flow: Flow, payload: &'a [u8]) -> Datagram<'a> {
        Datagram { ts, flow, transport: Transport::Tcp, payload, truncated: false, sliced: false }
    }
}

/// A [`Datagram`] with bytes of its own: for whoever has to keep it, or hand it to another thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedDatagram {
    /// As in [`Datagram`].
    pub ts: Timestamp,
    /// As in [`Datagram`].
    pub flow: Flow,
    /// As in [`Datagram`].
    pub transport: Transport,
    /// As in [`Datagram`].
    pub payload: Vec<u8>,
    /// As in [`Datagram`].
    pub truncated: bool,
    /// As in [`Datagram`].
    pub sliced: bool,
}

impl OwnedDatagram {
    /// A copy.
    pub fn of(d: &Datagram<'_>) -> OwnedDatagram {
        let Datagram { ts, flow, transport, payload, truncated, sliced } = *d;
        OwnedDatagram { ts, flow, transport, payload: payload.to_vec(), truncated, sliced }
    }

    /// As the engine takes it.
    pub fn borrowed(&self) -> Datagram<'_> {
        let OwnedDatagram { ts, flow, transport, ref payload, truncated, sliced } = *self;
        Datagram { ts, flow, transport, payload, truncated, sliced }
    }
}
