//! What the network layers saw: plain counters, read by getter.
//!
//! Every packet that does not become a datagram is counted somewhere here.

use crate::config::TunnelKind;
use crate::tls::{KeyLogStats, Unopened};
use crate::wire::link::LinkError;

/// Counters since the start; they only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetStats {
    /// Frames handed in.
    pub frames: u64,
    /// Bytes of them that were captured.
    pub bytes: u64,
    /// Frames cut by the snap length.
    pub truncated: u64,
    /// IP packets that are longer by their header than what was captured of them.
    pub cut: u64,
    /// Frames whose stamp is before that of the frame before them.
    pub backwards: u64,
    /// The largest of these steps back, nanoseconds.
    pub farthest_back_ns: u64,
    /// Frames of link types that are not understood.
    pub unknown_link: u64,
    /// ARP, LLDP and the like.
    pub not_ip: u64,
    /// Wrappings that are not read here: ESP, MACsec, unknown GRE protocols ...
    pub unknown_encapsulation: u64,
    /// Tunnels within tunnels beyond the bound.
    pub nested_too_deep: u64,
    /// Packets taken out of a tunnel or mirror.
    pub decapsulated: u64,
    /// Tunnel packets that were not opened, by [`TunnelKind::index`].
    pub tunnels_refused: [u64; TunnelKind::COUNT],
    /// Headers that do not fit into what was captured.
    pub short_headers: u64,
    /// Length fields that contradict one another.
    pub bad_lengths: u64,
    /// IP packets that carry nothing of what is read: neither UDP nor TCP nor a tunnel, nor SCTP on a SIP port.
    pub other_transport: u64,
    /// UDP datagrams delivered.
    pub udp_datagrams: u64,
    /// Copies of a datagram seen a moment before, dropped.
    pub duplicates: u64,
    /// IP fragments.
    pub fragments: u64,
    /// Datagrams put together from fragments.
    pub fragments_reassembled: u64,
    /// Fragments of datagrams that were whole already.
    pub fragments_late: u64,
    /// Datagrams given up, by reason.
    pub fragments_dropped: FragmentDrops,
    /// TCP segments on SIP ports.
    pub tcp_segments: u64,
    /// TCP segments on other ports, not followed.
    pub tcp_ignored: u64,
    /// Segments that brought nothing new.
    pub tcp_retransmissions: u64,
    /// Segments that came before their turn.
    pub tcp_out_of_order: u64,
    /// Times bytes were given up as lost.
    pub tcp_gaps: u64,
    /// Connections forgotten to make room.
    pub tcp_evicted: u64,
    /// Times what was kept of one connection reached its bound.
    pub tcp_buffer_full: u64,
    /// Directions that turned out not to carry SIP.
    pub tcp_not_sip: u64,
    /// SIP messages taken from TCP.
    pub tcp_messages: u64,
    /// Connections over TLS of which something was opened.
    pub tls_opened: u64,
    /// Connections over TLS that were given up, by [`Unopened`].
    pub tls_unopened: [u64; Unopened::ALL.len()],
    /// What was read of key logs.
    pub key_log: KeyLogStats,
    /// SCTP packets on SIP ports.
    pub sctp_packets: u64,
    /// SIP messages taken from SCTP.
    pub sctp_messages: u64,
    /// Pieces of messages over SCTP whose others did not come.
    pub sctp_given_up: u64,
    /// Messages of WebSockets on SIP ports that are compressed, which is not read.
    pub websocket_unreadable: u64,
    /// Starts of SIP messages handed on because the capture cut the segment that held the rest.
    pub tcp_cut: u64,
}

impl NetStats {
    /// A frame that holds no IP, or none that can be reached.
    pub(super) fn count_link(&mut self, error: LinkError) {
        *match error {
            LinkError::UnknownLink(_) => &mut self.unknown_link,
            LinkError::NotIp(_) => &mut self.not_ip,
            LinkError::UnknownEncapsulation(_) => &mut self.unknown_encapsulation,
            LinkError::Short => &mut self.short_headers,
        } += 1;
    }
}

/// Why datagrams were given up before they were whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentDrops {
    /// The missing pieces did not come in time.
    pub timeout: u64,
    /// Pushed out by newer ones: too many, or too many bytes.
    pub evicted: u64,
    /// Two pieces disagree about the same bytes, or about the end.
    pub overlap: u64,
    /// Longer than a datagram can be, in too many pieces, or pieces of no length.
    pub malformed: u64,
    /// A piece was cut by the snap length.
    pub truncated: u64,
}

impl FragmentDrops {
    /// All reasons together.
    pub fn total(&self) -> u64 {
        self.timeout + self.evicted + self.overlap + self.malformed + self.truncated
    }
}
