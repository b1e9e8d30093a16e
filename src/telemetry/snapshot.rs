//! The hot path's counters, handed over once a second.
//!
//! A counter of the exporter costs more than looking up a call, so the capture
//! thread counts in plain integers of its own and publishes the totals. This
//! file only gives the totals their shape; who counts is not known here.

use super::label::{
    CodecLabel, DropPlace, FragmentLoss, HepFault, HepKind, Limit, SeenKind, SipClass, SipFault, SipMethod,
    UnreadKind, UnusableRtp,
};
use crate::config::TunnelKind;
use crate::time::Timestamp;
use std::time::Duration;

/// Totals since the start of the process (never differences), and a few
/// present values. Totals may only grow; one that shrinks is ignored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Frames handed over by the kernel or read from a file, and datagrams that came without one.
    pub packets_received: u64,
    /// Bytes of them, as far as captured.
    pub bytes_received: u64,
    /// What they held, by [`SeenKind::index`].
    pub seen: [u64; SeenKind::COUNT],
    /// Datagrams given up before all their fragments had come, by [`FragmentLoss::index`].
    pub fragments_dropped: [u64; FragmentLoss::COUNT],
    /// Why no SIP message could be read, by [`SipFault::index`].
    pub sip_unreadable: [u64; SipFault::COUNT],
    /// RTP packets of recordings that cannot be used whole, by [`UnusableRtp::index`].
    pub rtp_unusable: [u64; UnusableRtp::COUNT],
    /// Frames dropped, by [`DropPlace::index`].
    pub dropped: [u64; DropPlace::COUNT],
    /// SIP requests read, by [`SipMethod::index`].
    pub sip_requests: [u64; SipMethod::COUNT],
    /// SIP responses read, by [`SipClass::index`].
    pub sip_responses: [u64; SipClass::COUNT],
    /// Datagrams and stream pieces on a SIP port that no message could be read from.
    pub sip_parse_errors: u64,
    /// RTP packets that belong to a recording, by [`CodecLabel::index`].
    pub rtp_packets: [u64; CodecLabel::COUNT],
    /// SRTP packets opened with the keys of the signalling.
    pub srtp_opened: u64,
    /// RTP packets that belong to no call that is known.
    pub rtp_unmatched: u64,
    /// RTP packets of calls that are not recorded.
    pub rtp_not_recorded: u64,
    /// What passed by and was not read, by [`UnreadKind::index`].
    pub unread: [u64; UnreadKind::COUNT],
    /// Packets in tunnels that are not opened, by [`TunnelKind::index`].
    pub tunnels_refused: [u64; TunnelKind::COUNT],
    /// Copies of SIP datagrams seen a moment before, dropped.
    pub sip_duplicates: u64,
    /// Packets whose stamp could not be true.
    pub time_outliers: u64,
    /// Times the capture clock jumped: after quiet minutes, or because it was set.
    pub time_jumps: u64,
    /// Times a bound was reached, by [`Limit::index`].
    pub limits: [u64; Limit::COUNT],
    /// Times a packet's stamp was earlier than that of the packet before it.
    pub time_went_back: u64,
    /// Packets in HEP, by [`HepKind::index`].
    pub hep_packets: [u64; HepKind::COUNT],
    /// Those not taken, and connections, by [`HepFault::index`].
    pub hep_refused: [u64; HepFault::COUNT],
    /// Connections of capture agents open now.
    pub hep_connections: u64,
    /// The farthest that a capture agent's clock is away, nanoseconds; positive: it is behind.
    pub hep_clock_offset_ns: i64,
    /// Dialogs followed now.
    pub dialogs: u64,
    /// Age of the newest packet when it was handled.
    pub capture_lag: Duration,
    /// Stamp of the newest packet; `None` before the first.
    pub last_packet: Option<Timestamp>,
}

impl Snapshot {
    /// Counts one request by its method token as received.
    pub fn count_request(&mut self, method: &str) {
        self.sip_requests[SipMethod::of(method).index()] += 1;
    }

    /// Counts one response; a status outside 100 to 699 is a parse error.
    pub fn count_response(&mut self, status: u16) {
        match SipClass::of(status) {
            Some(class) => self.sip_responses[class.index()] += 1,
            None => self.sip_parse_errors += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_messages() {
        let mut s = Snapshot::default();
        s.count_request("BYE");
        s.count_request("FOO");
        s.count_response(486);
        s.count_response(0);
        assert_eq!(s.sip_requests[SipMethod::Bye.index()], 1);
        assert_eq!(s.sip_requests[SipMethod::Other.index()], 1);
        assert_eq!(s.sip_responses[SipClass::ClientError.index()], 1);
        assert_eq!(s.sip_parse_errors, 1);
    }
}
