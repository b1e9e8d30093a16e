//! The totals of engine and workers in the shape of the metrics.
//!
//! The counters are taken apart by name: one that is added to the core and not told here does
//! not compile.

use super::counts::MediaCounts;
use super::notices::totals;
use crate::call::Overflow;
use crate::engine::engine_stats::EngineStats;
use crate::net::net_stats::{FragmentDrops, NetStats};
use crate::sip::{Method, ParseError};
use crate::telemetry::label::{
    CodecLabel, DropPlace, FragmentLoss, Limit, SeenKind, SipFault, SipMethod, UnusableRtp,
};
use crate::telemetry::snapshot::Snapshot;
use std::sync::atomic::Ordering;

/// The engine's totals in the shape of the metrics.
pub fn snapshot(s: &EngineStats, counts: &MediaCounts, queue_dropped: u64, sip_ports: &[u16]) -> Snapshot {
    let mut out = Snapshot { unread: totals(s, sip_ports), ..Snapshot::default() };
    network(&s.net, &mut out);
    engine(s, &mut out);
    for label in CodecLabel::all() {
        out.rtp_packets[label.index()] = counts.codecs[label.index()].load(Ordering::Relaxed);
    }
    for (out, count) in out.limits.iter_mut().zip(&counts.limits) {
        *out += count.load(Ordering::Relaxed);
    }
    out.srtp_opened = counts.srtp_opened.load(Ordering::Relaxed);
    out.rtp_unusable[UnusableRtp::Unauthentic.index()] = counts.srtp_rejected.load(Ordering::Relaxed);
    out.dropped[DropPlace::Queue.index()] = queue_dropped;
    out.limits[Limit::QueueBytes.index()] = queue_dropped;
    out
}

fn network(net: &NetStats, out: &mut Snapshot) {
    let NetStats {
        frames,
        bytes,
        truncated,
        // These are kinds of what is not read: see `notices::totals`.
        websocket_unreadable: _,
        cut: _,
        unknown_link: _,
        unknown_encapsulation: _,
        nested_too_deep: _,
        short_headers: _,
        tcp_not_sip: _,
        tls_unopened: _,
        tunnels_refused,
        backwards,
        // For the summary of a replay.
        farthest_back_ns: _,
        not_ip,
        decapsulated,
        bad_lengths,
        other_transport,
        udp_datagrams,
        duplicates,
        fragments,
        fragments_reassembled,
        fragments_late,
        fragments_dropped,
        tcp_segments,
        tcp_ignored,
        tcp_retransmissions,
        tcp_out_of_order,
        tcp_gaps,
        // These are bounds: see `limits`.
        tcp_evicted: _,
        tcp_buffer_full: _,
        tcp_messages,
        tls_opened,
        key_log,
        sctp_packets,
        sctp_messages,
        sctp_given_up,
        tcp_cut,
    } = *net;
    lost_fragments(&fragments_dropped, out);
    limits(net, out);
    (out.packets_received, out.bytes_received) = (frames, bytes);
    (out.sip_duplicates, out.time_went_back) = (duplicates, backwards);
    out.tunnels_refused = tunnels_refused;
    for (kind, count) in [
        (SeenKind::NotIp, not_ip),
        (SeenKind::OtherTransport, other_transport),
        (SeenKind::Decapsulated, decapsulated),
        (SeenKind::Fragment, fragments),
        (SeenKind::FragmentLate, fragments_late),
        (SeenKind::Reassembled, fragments_reassembled),
        (SeenKind::Udp, udp_datagrams),
        (SeenKind::Tcp, tcp_segments),
        (SeenKind::TcpOther, tcp_ignored),
        (SeenKind::TcpRepeated, tcp_retransmissions),
        (SeenKind::TcpUnordered, tcp_out_of_order),
        (SeenKind::TcpSip, tcp_messages),
        (SeenKind::TcpCut, tcp_cut),
        (SeenKind::TlsOpened, tls_opened),
        (SeenKind::TlsSecret, key_log.secrets),
        (SeenKind::Sctp, sctp_packets),
        (SeenKind::SctpSip, sctp_messages),
    ] {
        out.seen[kind.index()] = count;
    }
    for (place, count) in [
        (DropPlace::Truncated, truncated),
        (DropPlace::Malformed, bad_lengths),
        (DropPlace::Fragment, fragments_dropped.total()),
        (DropPlace::Tcp, tcp_gaps),
        (DropPlace::Sctp, sctp_given_up),
    ] {
        out.dropped[place.index()] = count;
    }
}

fn limits(net: &NetStats, out: &mut Snapshot) {
    for (limit, count) in [
        (Limit::Fragments, net.fragments_dropped.evicted),
        (Limit::TcpStreams, net.tcp_evicted),
        (Limit::TcpBuffer, net.tcp_buffer_full),
        (Limit::TlsSecrets, net.key_log.forgotten),
    ] {
        out.limits[limit.index()] = count;
    }
}

fn lost_fragments(dropped: &FragmentDrops, out: &mut Snapshot) {
    let FragmentDrops { timeout, evicted, overlap, malformed, truncated: cut_pieces } = *dropped;
    for (reason, count) in [
        (FragmentLoss::Timeout, timeout),
        (FragmentLoss::Evicted, evicted),
        (FragmentLoss::Overlap, overlap),
        (FragmentLoss::Malformed, malformed),
        (FragmentLoss::Truncated, cut_pieces),
    ] {
        out.fragments_dropped[reason.index()] = count;
    }
}

fn engine(s: &EngineStats, out: &mut Snapshot) {
    let EngineStats {
        net: _,
        datagrams,
        datagram_bytes,
        requests,
        responses,
        sip_parse_errors,
        sip_unreadable,
        // Told one by one, in the log.
        sip_unreadable_last: _,
        tunnel_senders: _,
        sip_cut,
        rtp_recorded,
        rtp_cut,
        // A kind of what is not read, as is `unread`.
        super_packets: _,
        unread: _,
        rtp_malformed,
        rtp_not_recorded,
        rtp_unmatched,
        rtcp,
        other_udp,
        time_outliers,
        time_jumps,
        // Counted as they are decided.
        unrecorded: _,
        // The ledger has them.
        recordings: _,
        calls,
        overflow,
        last_packet,
    } = s;
    for (method, count) in requests.iter().enumerate() {
        out.sip_requests[method_label(method).index()] += count;
    }
    for (class, count) in responses.iter().enumerate() {
        match class {
            1..=6 => out.sip_responses[class - 1] += count,
            _ => out.sip_parse_errors += count,
        }
    }
    out.sip_parse_errors += sip_parse_errors;
    for (why, count) in ParseError::ALL.iter().zip(sip_unreadable) {
        out.sip_unreadable[fault_label(*why).index()] += count;
    }
    let Overflow { legs, legs_outweighed, recordings, parts } = *overflow;
    out.packets_received += datagrams;
    out.bytes_received += datagram_bytes;
    for (kind, count) in [
        (SeenKind::SipCut, sip_cut),
        (SeenKind::RtpRecorded, rtp_recorded),
        (SeenKind::Rtcp, rtcp),
        (SeenKind::UdpOther, other_udp),
    ] {
        out.seen[kind.index()] = *count;
    }
    out.rtp_unusable[UnusableRtp::Cut.index()] = *rtp_cut;
    out.rtp_unusable[UnusableRtp::Malformed.index()] = *rtp_malformed;
    (out.rtp_unmatched, out.rtp_not_recorded) = (*rtp_unmatched, *rtp_not_recorded);
    (out.time_outliers, out.time_jumps) = (*time_outliers, *time_jumps);
    (out.dialogs, out.last_packet) = (*calls, *last_packet);
    for (limit, count) in [
        (Limit::Calls, legs),
        (Limit::Memory, legs_outweighed),
        (Limit::Recordings, recordings),
        (Limit::Other, parts),
    ] {
        out.limits[limit.index()] += count;
    }
}

fn fault_label(why: ParseError) -> SipFault {
    match why {
        ParseError::Method => SipFault::Method,
        ParseError::Uri => SipFault::Uri,
        ParseError::Version => SipFault::Version,
        ParseError::Status => SipFault::Status,
    }
}

fn method_label(index: usize) -> SipMethod {
    const ALL: [(Method, SipMethod); 14] = [
        (Method::Invite, SipMethod::Invite),
        (Method::Ack, SipMethod::Ack),
        (Method::Bye, SipMethod::Bye),
        (Method::Cancel, SipMethod::Cancel),
        (Method::Update, SipMethod::Update),
        (Method::Prack, SipMethod::Prack),
        (Method::Refer, SipMethod::Refer),
        (Method::Notify, SipMethod::Notify),
        (Method::Info, SipMethod::Info),
        (Method::Register, SipMethod::Register),
        (Method::Options, SipMethod::Options),
        (Method::Subscribe, SipMethod::Subscribe),
        (Method::Publish, SipMethod::Publish),
        (Method::Message, SipMethod::Message),
    ];
    ALL.iter().find(|(m, _)| *m as usize == index).map_or(SipMethod::Other, |(_, l)| *l)
}
