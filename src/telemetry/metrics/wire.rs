//! What the capture counts: set from a [`Snapshot`], once a second.

use crate::config::TunnelKind;
use crate::telemetry::families::{Families, set_all};
use crate::telemetry::label::{
    CodecLabel, DropPlace, FragmentLoss, HepFault, HepKind, Limit, SeenKind, SipClass, SipFault, SipMethod,
    UnreadKind, UnusableRtp,
};
use crate::telemetry::snapshot::Snapshot;
use metrics::{Counter, Gauge};

/// Set from a [`Snapshot`].
pub(super) struct Wire {
    packets_received: Counter,
    bytes_received: Counter,
    seen: Vec<Counter>,
    fragments_dropped: Vec<Counter>,
    sip_unreadable: Vec<Counter>,
    rtp_unusable: Vec<Counter>,
    dropped: Vec<Counter>,
    sip_requests: Vec<Counter>,
    sip_responses: Vec<Counter>,
    sip_parse_errors: Counter,
    rtp_packets: Vec<Counter>,
    srtp_opened: Counter,
    rtp_unmatched: Counter,
    rtp_not_recorded: Counter,
    unread: Vec<Counter>,
    tunnels_refused: Vec<Counter>,
    sip_duplicates: Counter,
    limits: Vec<Counter>,
    time_went_back: Counter,
    time_outliers: Counter,
    time_jumps: Counter,
    hep_packets: Vec<Counter>,
    hep_refused: Vec<Counter>,
    hep_connections: Gauge,
    hep_clock_offset: Gauge,
    dialogs: Gauge,
    capture_lag: Gauge,
    last_packet: Gauge,
}

const SIP_HELP: &str = "SIP messages read: requests by method, responses by class.";

impl Wire {
    #[rustfmt::skip] // one metric a line reads as the table it is
    pub(super) fn new(f: &Families<'_>) -> Wire {
        Wire {
            packets_received: f.counter("nauhuri_packets_received_total", "Packets received: frames from the interfaces, and what capture agents sent (HEP).", &[]),
            bytes_received: f.counter("nauhuri_bytes_received_total", "Bytes of the packets received, as far as captured.", &[]),
            seen: f.counters("nauhuri_seen_total", "What the frames contained, by kind; a frame may count as several.", "what", SeenKind::ALL.iter().map(|k| k.as_str())),
            fragments_dropped: f.counters("nauhuri_fragments_dropped_total", "IP datagrams given up before all their fragments had arrived, by reason.", "reason", FragmentLoss::ALL.iter().map(|r| r.as_str())),
            sip_unreadable: f.counters("nauhuri_sip_unreadable_total", "Data on a SIP port that is not a readable message, by reason.", "reason", SipFault::ALL.iter().map(|r| r.as_str())),
            rtp_unusable: f.counters("nauhuri_rtp_unusable_total", "RTP packets of recordings that cannot be used, or only in part, by reason.", "reason", UnusableRtp::ALL.iter().map(|r| r.as_str())),
            dropped: f.counters("nauhuri_packets_dropped_total", "Frames dropped, by where; every one may be lost audio.", "where", DropPlace::ALL.iter().map(|p| p.as_str())),
            sip_requests: f.counters("nauhuri_sip_messages_total", SIP_HELP, "method", SipMethod::ALL.iter().map(|m| m.as_str())),
            sip_responses: f.counters("nauhuri_sip_messages_total", SIP_HELP, "class", SipClass::ALL.iter().map(|c| c.as_str())),
            sip_parse_errors: f.counter("nauhuri_sip_parse_errors_total", "Data on a SIP port that is not a readable message.", &[]),
            rtp_packets: f.counters("nauhuri_rtp_packets_total", "RTP packets that belong to a recording, by encoding.", "codec", CodecLabel::all().map(CodecLabel::as_str)),
            srtp_opened: f.counter("nauhuri_srtp_opened_total", "SRTP packets of recordings that were decrypted.", &[]),
            rtp_unmatched: f.counter("nauhuri_rtp_unmatched_total", "RTP packets that belong to no known call.", &[]),
            rtp_not_recorded: f.counter("nauhuri_rtp_not_recorded_total", "RTP packets of calls that are not to be recorded.", &[]),
            unread: f.counters("nauhuri_unread_total", "Packets that could not be read, by kind.", "what", UnreadKind::ALL.iter().map(|k| k.as_str())),
            tunnels_refused: f.counters("nauhuri_tunnels_refused_total", "Packets in tunnels that capture.tunnels does not open, by kind.", "kind", TunnelKind::ALL.iter().map(|k| k.as_str())),
            sip_duplicates: f.counter("nauhuri_sip_duplicates_total", "Copies of SIP datagrams, mirrored twice and dropped.", &[]),
            limits: f.counters("nauhuri_limit_reached_total", "Times a limit was reached: of [limits], of one recording, or of the number of connections.", "limit", Limit::ALL.iter().map(|l| l.as_str())),
            time_went_back: f.counter("nauhuri_capture_time_backwards_total", "Packets with an earlier timestamp than the packet before.", &[]),
            time_outliers: f.counter("nauhuri_capture_time_outliers_total", "Packets with an impossible timestamp, which was replaced by that of their neighbours.", &[]),
            time_jumps: f.counter("nauhuri_capture_time_jumps_total", "Times the capture clock jumped by more than a minute, or was set.", &[]),
            hep_packets: f.counters("nauhuri_hep_packets_total", "Packets that capture agents sent in HEP, by content.", "what", HepKind::ALL.iter().map(|k| k.as_str())),
            hep_refused: f.counters("nauhuri_hep_refused_total", "HEP packets, and connections for them, that were rejected, by reason.", "reason", HepFault::ALL.iter().map(|r| r.as_str())),
            hep_connections: f.gauge("nauhuri_hep_connections", "Connections of capture agents open now.", &[]),
            hep_clock_offset: f.gauge("nauhuri_hep_clock_offset_seconds", "The largest clock offset of a capture agent, network delay included; positive: its clock is behind.", &[]),
            dialogs: f.gauge("nauhuri_dialogs", "SIP dialogs followed now.", &[]),
            capture_lag: f.gauge("nauhuri_capture_lag_seconds", "Age of the newest packet when it was handled, seconds.", &[]),
            last_packet: f.gauge("nauhuri_capture_last_packet_timestamp_seconds", "Timestamp of the newest packet, Unix time; 0 before the first.", &[]),
        }
    }

    /// A bound was reached that no [`Snapshot`] counts; totals that do not know it leave it as it is.
    pub(super) fn limit_reached(&self, limit: Limit) {
        self.limits[limit.index()].increment(1);
    }

    /// Takes over the totals.
    pub(super) fn publish(&self, totals: &Snapshot) {
        self.bytes_received.absolute(totals.bytes_received);
        set_all(&self.seen, &totals.seen);
        set_all(&self.fragments_dropped, &totals.fragments_dropped);
        set_all(&self.sip_unreadable, &totals.sip_unreadable);
        set_all(&self.rtp_unusable, &totals.rtp_unusable);
        self.packets_received.absolute(totals.packets_received);
        set_all(&self.dropped, &totals.dropped);
        set_all(&self.sip_requests, &totals.sip_requests);
        set_all(&self.sip_responses, &totals.sip_responses);
        self.sip_parse_errors.absolute(totals.sip_parse_errors);
        set_all(&self.rtp_packets, &totals.rtp_packets);
        self.srtp_opened.absolute(totals.srtp_opened);
        self.rtp_unmatched.absolute(totals.rtp_unmatched);
        self.rtp_not_recorded.absolute(totals.rtp_not_recorded);
        set_all(&self.unread, &totals.unread);
        set_all(&self.tunnels_refused, &totals.tunnels_refused);
        self.sip_duplicates.absolute(totals.sip_duplicates);
        self.time_outliers.absolute(totals.time_outliers);
        self.time_jumps.absolute(totals.time_jumps);
        set_all(&self.limits, &totals.limits);
        self.time_went_back.absolute(totals.time_went_back);
        set_all(&self.hep_packets, &totals.hep_packets);
        set_all(&self.hep_refused, &totals.hep_refused);
        self.hep_connections.set(totals.hep_connections as f64);
        self.hep_clock_offset.set(totals.hep_clock_offset_ns as f64 / 1e9);
        self.dialogs.set(totals.dialogs as f64);
        self.capture_lag.set(totals.capture_lag.as_secs_f64());
        if let Some(at) = totals.last_packet {
            self.last_packet.set(at.as_ns() as f64 / 1e9);
        }
    }
}
