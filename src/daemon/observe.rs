//! What is told of recordings and of the machine: outcomes for a summary,
//! events and counters for the metrics.

use super::deck::Trouble;
use super::notices::totals;
use super::worker::MediaCounts;
use crate::call::{Decision, Unrecorded};
use crate::engine::stats::EngineStats;
use crate::sip::Method;
use crate::store::sidecar::{EndedBy, Sidecar};
use crate::telemetry::label::{self, CodecLabel, DropPlace, FailReason, Limit, SipMethod, UnrecordedReason};
use crate::telemetry::snapshot::Snapshot;
use std::sync::atomic::Ordering;
use uuid::Uuid;

/// How one recording ended.
#[derive(Debug)]
pub enum Outcome {
    /// It is there.
    Recorded(Box<Sidecar>),
    /// It was there before and was not touched.
    Existed(Uuid),
    /// It is not there.
    Failed {
        /// Which.
        id: Uuid,
        /// Of which call.
        call_id: String,
        /// Why.
        reason: FailReason,
    },
}

/// Metric label of a sidecar's `ended_by`.
pub fn end_label(by: EndedBy) -> label::EndedBy {
    match by {
        EndedBy::Customer => label::EndedBy::Customer,
        EndedBy::Agent => label::EndedBy::Agent,
        EndedBy::Transfer => label::EndedBy::Transfer,
        EndedBy::Timeout => label::EndedBy::Timeout,
        EndedBy::Shutdown => label::EndedBy::Shutdown,
        EndedBy::Recovered => label::EndedBy::Recovered,
        EndedBy::CaptureEnd => label::EndedBy::CaptureEnd,
    }
}

/// Metric label of a deck's trouble.
pub fn fail_label(why: &Trouble) -> FailReason {
    match why {
        Trouble::NoMedia => FailReason::NoMedia,
        Trouble::NoRoom => FailReason::NoSpace,
        Trouble::Store(e) if e.is_full() => FailReason::NoSpace,
        Trouble::Store(_) | Trouble::Unfinished(_) => FailReason::Storage,
        Trouble::Exists => FailReason::Internal,
    }
}

/// Metric label of a recording that was taken back.
pub fn discard_label(why: Unrecorded) -> FailReason {
    match why {
        Unrecorded::OtherLeg => FailReason::OtherHop,
        Unrecorded::Service | Unrecorded::Direction => FailReason::Excluded,
        Unrecorded::Stray
        | Unrecorded::NoAgent
        | Unrecorded::Internal
        | Unrecorded::InviteNotSeen
        | Unrecorded::Truncated => FailReason::Stray,
    }
}

/// Metric label of a decision not to record.
pub fn unrecorded_label(why: Unrecorded) -> UnrecordedReason {
    match why {
        Unrecorded::NoAgent => UnrecordedReason::NoAgent,
        Unrecorded::Internal => UnrecordedReason::Internal,
        Unrecorded::Service => UnrecordedReason::Service,
        Unrecorded::Direction => UnrecordedReason::Direction,
        Unrecorded::OtherLeg => UnrecordedReason::OtherHop,
        Unrecorded::InviteNotSeen => UnrecordedReason::InviteUnseen,
        Unrecorded::Stray => UnrecordedReason::Stray,
        Unrecorded::Truncated => UnrecordedReason::Truncated,
    }
}

/// Which recording a decision is about, if about one.
pub fn recording_of(decision: &Decision) -> Option<crate::id::RecordingId> {
    match decision {
        Decision::Open(o) | Decision::Amend(o) => Some(o.id),
        Decision::Formats { recording: id, .. }
        | Decision::Event(id, ..)
        | Decision::Keyed { recording: id, .. }
        | Decision::Moved(id, ..)
        | Decision::Suspend(id, _)
        | Decision::Resume(id)
        | Decision::Discard { recording: id, .. }
        | Decision::Incomplete(id)
        | Decision::Close { recording: id, .. } => Some(*id),
        Decision::Unrecorded { .. } | Decision::LeftOut(_) | Decision::Parallel(_) | Decision::Refused(_) => {
            None
        }
    }
}

/// The engine's totals in the shape of the metrics.
pub fn snapshot(s: &EngineStats, counts: &MediaCounts, queue_dropped: u64, sip_ports: &[u16]) -> Snapshot {
    let mut out = Snapshot { packets_received: s.net.frames, ..Snapshot::default() };
    for (method, count) in s.requests.iter().enumerate() {
        out.sip_requests[method_label(method).index()] += count;
    }
    for (class, count) in s.responses.iter().enumerate() {
        match class {
            1..=6 => out.sip_responses[class - 1] += count,
            _ => out.sip_parse_errors += count,
        }
    }
    out.sip_parse_errors += s.sip_parse_errors;
    for label in CodecLabel::ALL {
        out.rtp_packets[label.index()] = counts.codecs[label.index()].load(Ordering::Relaxed);
    }
    out.dropped[DropPlace::Queue.index()] = queue_dropped;
    out.dropped[DropPlace::Truncated.index()] = s.net.truncated;
    out.dropped[DropPlace::Malformed.index()] = s.net.bad_lengths;
    out.dropped[DropPlace::Fragment.index()] = s.net.fragments_dropped.total();
    out.dropped[DropPlace::Tcp.index()] = s.net.tcp_gaps;
    out.rtp_unmatched = s.rtp_unmatched;
    out.rtp_not_recorded = s.rtp_not_recorded;
    out.unread = totals(s, sip_ports);
    out.tunnels_refused = s.net.tunnels_refused;
    out.sip_duplicates = s.net.duplicates;
    out.time_outliers = s.time_outliers;
    out.time_jumps = s.time_jumps;
    for (out, count) in out.limits.iter_mut().zip(&counts.limits) {
        *out = count.load(Ordering::Relaxed);
    }
    out.limits[Limit::Calls.index()] = s.calls_evicted;
    out.limits[Limit::Memory.index()] = s.calls_outweighed;
    out.limits[Limit::Fragments.index()] = s.net.fragments_dropped.evicted;
    out.limits[Limit::TcpStreams.index()] = s.net.tcp_evicted;
    out.limits[Limit::QueueBytes.index()] = queue_dropped;
    out.time_went_back = s.net.backwards;
    out.dialogs = s.calls;
    out.last_packet = s.last_packet;
    out
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

impl Outcome {
    /// Of which recording.
    pub fn id(&self) -> Uuid {
        match self {
            Outcome::Recorded(s) => s.id,
            Outcome::Existed(id) | Outcome::Failed { id, .. } => *id,
        }
    }
}
