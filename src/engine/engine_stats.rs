//! Plain counters of the hot path, read by whoever publishes them.

use crate::call::Overflow;
use crate::config::TunnelKind;
use crate::net::net_stats::NetStats;
use crate::net::{Flow, Transport, Unread};
use crate::sip::{Message, Method, ParseError, StartLine};
use crate::time::Timestamp;
use std::net::IpAddr;

/// Totals since the start, and a few present values.
#[derive(Clone, Debug, Default)]
pub struct EngineStats {
    /// What `net` counted.
    pub net: NetStats,
    /// Datagrams that came without a frame.
    pub datagrams: u64,
    /// Bytes of them.
    pub datagram_bytes: u64,
    /// Requests by method.
    pub requests: [u64; Method::COUNT],
    /// Responses by hundreds: index 1 is 1xx; 0 is anything else.
    pub responses: [u64; 7],
    /// Datagrams on a SIP port that no message could be read from.
    pub sip_parse_errors: u64,
    /// Why, in the order of [`ParseError::ALL`].
    pub sip_unreadable: [u64; ParseError::ALL.len()],
    /// Between whom the last of each kind went.
    pub sip_unreadable_last: [Option<(Transport, Flow)>; ParseError::ALL.len()],
    /// SIP messages of which only the start was captured.
    pub sip_cut: u64,
    /// RTP packets given to recordings.
    pub rtp_recorded: u64,
    /// Those of them that were cut by the snap length.
    pub rtp_cut: u64,
    /// Datagrams that hold several RTP packets, as an offloading network card hands them on.
    /// Found where they are played, and set by whoever runs the workers.
    pub super_packets: u64,
    /// Of recordings, with a header that cannot be read.
    pub rtp_malformed: u64,
    /// RTP packets of calls that are not recorded.
    pub rtp_not_recorded: u64,
    /// RTP packets of no known call.
    pub rtp_unmatched: u64,
    /// RTCP packets.
    pub rtcp: u64,
    /// Other UDP datagrams.
    pub other_udp: u64,
    /// Packets whose capture time could not be true, and was taken from their neighbours.
    pub time_outliers: u64,
    /// Times the capture clock jumped.
    pub time_jumps: u64,
    /// Answered calls not recorded, by reason.
    pub unrecorded: [u64; crate::call::Unrecorded::ALL.len()],
    /// Calls followed now.
    pub calls: u64,
    /// What there was no room for.
    pub overflow: Overflow,
    /// What passed by and was not read, by kind.
    pub unread: Vec<(Unread, u64)>,
    /// Who was first to send a tunnel of each kind that is not opened, by [`TunnelKind::index`].
    pub tunnel_senders: [Option<IpAddr>; TunnelKind::COUNT],
    /// Recordings open now.
    pub recordings: u64,
    /// Stamp of the newest packet.
    pub last_packet: Option<Timestamp>,
}

impl EngineStats {
    /// Counts one message.
    pub fn count_message(&mut self, msg: &Message<'_>) {
        match msg.start_line() {
            StartLine::Request { method, .. } => self.requests[method as usize] += 1,
            StartLine::Response { code, .. } => {
                let class = usize::from(code / 100);
                self.responses[if class < 7 { class } else { 0 }] += 1;
            }
        }
    }

    /// SIP messages read.
    pub fn sip_messages(&self) -> u64 {
        self.requests.iter().chain(&self.responses).sum()
    }
}
