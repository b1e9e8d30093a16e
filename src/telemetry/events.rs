//! Everything that is logged or counted, one event in one place.
//!
//! An [`Event`] knows its log line and its metric; whoever lets it happen only
//! says that it did. INFO is a call's life and the recorder's own, WARN is
//! worth waking someone, DEBUG explains, TRACE is for each packet or write.
//!
//! No event can carry personal data: ids, service names, reasons and counts
//! are all there is room for.

use super::fault::Fault;
use super::label::{CodecLabel, EndedBy, FailReason, UnreadKind, UnrecordedReason};
use super::metrics::{Metrics, OTHER_SERVICE};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tracing::{debug, info, trace, warn};
use uuid::Uuid;

/// Which recording an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About<'a> {
    /// The recording's id, as in its sidecar.
    pub recording: Uuid,
    /// The customer contact it belongs to.
    pub call_group: Uuid,
    /// Its service, as named in the configuration.
    pub service: &'a str,
}

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A call that is to be recorded was answered. Enters the ledger.
    CallAnswered(About<'a>),
    /// An answered call is not to be recorded.
    CallUnrecorded {
        /// Why.
        reason: UnrecordedReason,
    },
    /// An agent is being recorded in two calls at once, neither of them on hold.
    RecordingParallel,
    /// The recording is stored under its final name. Leaves the ledger.
    RecordingCompleted {
        /// Which.
        about: About<'a>,
        /// What ended it.
        ended_by: EndedBy,
        /// Its length.
        duration: Duration,
        /// As in the sidecar.
        complete: bool,
        /// One side was never heard.
        one_way: bool,
    },
    /// An answered call left no recording. Leaves the ledger.
    RecordingFailed {
        /// Which.
        about: About<'a>,
        /// Why.
        reason: FailReason,
    },
    /// A recording left by a crash was finished.
    RecordingRecovered(About<'a>),
    /// Hold, resume, transfer, codec change: a step in a running recording.
    CallStep {
        /// Which.
        about: About<'a>,
        /// The sidecar's `events[].kind`.
        kind: &'static str,
    },
    /// RTP packets found missing in a running recording, since the last such event.
    MediaLost {
        /// Which.
        recording: Uuid,
        /// How many.
        packets: u64,
    },
    /// An RTP stream of a recording ended.
    StreamEnded {
        /// Which.
        recording: Uuid,
        /// Its encoding.
        codec: CodecLabel,
        /// The largest interarrival jitter it reached (RFC 3550 A.8).
        jitter: Duration,
    },
    /// A stream's payload cannot be decoded; silence stands in its place.
    MediaUndecodable {
        /// Which.
        recording: Uuid,
        /// Its encoding.
        codec: CodecLabel,
    },
    /// A write of audio was done.
    Written {
        /// How long it took.
        took: Duration,
    },
    /// A write to storage failed.
    WriteFailed {
        /// Which recording, where it is one's.
        recording: Option<Uuid>,
        /// What the system said.
        fault: Fault,
    },
    /// Less space is free than is to be kept free.
    SpaceLow {
        /// Bytes.
        free: u64,
        /// `storage.min_free`, bytes.
        min_free: u64,
    },
    /// Frames were dropped before the recorder saw them (the totals are published apart).
    FramesDropped {
        /// On which interface.
        interface: &'a str,
        /// By the kernel, since the last such event.
        kernel: u64,
        /// By the interface, since the last such event.
        by_interface: u64,
    },
    /// No SIP has been seen since capture began: most likely the mirror port is wrong.
    NoSignalling {
        /// For how long.
        waited: Duration,
    },
    /// Something passes by that is not read (the totals are published apart).
    Unread {
        /// What.
        what: UnreadKind,
        /// Its port, or the number of its protocol.
        number: Option<u16>,
        /// How often so far.
        count: u64,
    },
    /// A tunnel passes by that the configuration does not open (the totals are published apart).
    TunnelRefused {
        /// As `capture.tunnels` calls it.
        kind: &'a str,
        /// Who wrapped its first packet.
        sender: &'a str,
        /// How often so far.
        count: u64,
    },
    /// Data on a SIP port that no message could be read from (the totals are published apart).
    SipUnreadable {
        /// Why.
        reason: &'a str,
        /// How often since the last such event.
        count: u64,
    },
    /// The kernel says whether the clock is synchronised.
    ClockState {
        /// It is.
        synchronised: bool,
    },
    /// A recording's retention ended and it is gone.
    RetentionDeleted {
        /// Which.
        recording: Uuid,
        /// Its service.
        service: &'a str,
    },
    /// A recording is due and could not be deleted.
    RetentionFailed {
        /// Which.
        recording: Uuid,
        /// What the system said.
        kind: io::ErrorKind,
    },
    /// The sweep deletes nothing, or deletes again.
    RetentionRefused {
        /// Why, one word; `None`: nothing speaks against it.
        reason: Option<&'a str>,
    },
    /// How many recordings are past their retention and still there, after a sweep.
    RetentionOverdue {
        /// How many.
        recordings: u64,
    },
    /// Recordings whose files are gone though nobody deleted them.
    RecordingsMissing {
        /// How many.
        recordings: u64,
    },
    /// The daemon began.
    Started {
        /// Of the program.
        version: &'a str,
    },
    /// An interface is being captured.
    CaptureStarted {
        /// Which.
        interface: &'a str,
    },
    /// An interface went away or failed; it is tried again.
    CaptureLost {
        /// Which.
        interface: &'a str,
        /// What libpcap said.
        reason: &'a str,
    },
    /// The capture file ends inside a packet; what came before was used.
    CaptureCut {
        /// Packets read.
        packets: u64,
    },
    /// The metrics are served.
    MetricsListening {
        /// Where.
        addr: SocketAddr,
    },
    /// The daemon is asked to stop and finishes what is open.
    Stopping {
        /// Recordings open.
        active: u64,
    },
    /// The daemon ends.
    Stopped {
        /// Recordings that could not be finished.
        unfinished: u64,
    },
}

impl Event<'_> {
    /// Counts the event and writes its line.
    pub fn emit(&self, metrics: &Metrics) {
        self.count(metrics);
        self.log();
    }

    fn count(&self, metrics: &Metrics) {
        let (ledger, life) = (metrics.ledger(), &metrics.life);
        match *self {
            Event::CallAnswered(about) => ledger.answered(about.service),
            Event::CallUnrecorded { reason } => increment(&life.unrecorded, reason.index()),
            Event::RecordingParallel => life.parallel.increment(1),
            Event::RecordingCompleted { about, ended_by, complete, one_way, .. } => {
                ledger.completed(about.service, ended_by);
                life.one_way.increment(u64::from(one_way));
                life.incomplete.increment(u64::from(!complete));
            }
            Event::RecordingFailed { reason, .. } => {
                ledger.failed(reason);
            }
            Event::RecordingRecovered(about) => {
                ledger.recovered(about.service);
                life.incomplete.increment(1);
            }
            Event::MediaLost { packets, .. } => life.rtp_lost.increment(packets),
            Event::StreamEnded { jitter, .. } => metrics.observe_jitter(jitter),
            Event::MediaUndecodable { codec, .. } => increment(&life.undecodable, codec.index()),
            Event::Written { took } => metrics.observe_write(took),
            Event::WriteFailed { .. } => life.write_errors.increment(1),
            Event::ClockState { synchronised } => {
                life.clock_synchronised.set(f64::from(u8::from(synchronised)));
            }
            Event::RetentionDeleted { service, .. } => {
                let counters = &life.retention_deleted;
                if let Some(c) = counters.get(service).or_else(|| counters.get(OTHER_SERVICE)) {
                    c.increment(1);
                }
            }
            Event::RetentionFailed { .. } => life.retention_failed.increment(1),
            Event::RetentionRefused { reason } => {
                life.retention_refused.set(f64::from(u8::from(reason.is_some())));
            }
            Event::RetentionOverdue { recordings } => life.retention_overdue.set(recordings as f64),
            Event::RecordingsMissing { recordings } => life.missing.set(recordings as f64),
            Event::CaptureStarted { .. }
            | Event::CaptureLost { .. }
            | Event::CaptureCut { .. }
            | Event::CallStep { .. }
            | Event::SpaceLow { .. }
            | Event::FramesDropped { .. }
            | Event::NoSignalling { .. }
            | Event::Unread { .. }
            | Event::TunnelRefused { .. }
            | Event::SipUnreadable { .. }
            | Event::Started { .. }
            | Event::MetricsListening { .. }
            | Event::Stopping { .. }
            | Event::Stopped { .. } => {}
        }
    }

    fn log(&self) {
        match *self {
            Event::CallAnswered(..)
            | Event::CallUnrecorded { .. }
            | Event::RecordingParallel
            | Event::RecordingCompleted { .. }
            | Event::RecordingFailed { .. }
            | Event::RecordingRecovered(..)
            | Event::CallStep { .. } => self.log_call(),
            Event::MediaLost { .. }
            | Event::StreamEnded { .. }
            | Event::MediaUndecodable { .. }
            | Event::Written { .. }
            | Event::WriteFailed { .. }
            | Event::SpaceLow { .. } => self.log_media(),
            Event::RetentionDeleted { .. }
            | Event::RetentionFailed { .. }
            | Event::RetentionRefused { .. }
            | Event::RecordingsMissing { .. }
            | Event::RetentionOverdue { .. } => self.log_retention(),
            Event::FramesDropped { .. }
            | Event::NoSignalling { .. }
            | Event::Unread { .. }
            | Event::TunnelRefused { .. }
            | Event::SipUnreadable { .. }
            | Event::ClockState { .. }
            | Event::Started { .. }
            | Event::CaptureStarted { .. }
            | Event::CaptureLost { .. }
            | Event::CaptureCut { .. }
            | Event::MetricsListening { .. }
            | Event::Stopping { .. }
            | Event::Stopped { .. } => self.log_recorder(),
        }
    }

    fn log_call(&self) {
        match *self {
            Event::CallAnswered(About { recording, call_group, service }) => {
                info!(%recording, %call_group, service, "recording");
            }
            Event::CallUnrecorded { reason } => info!(%reason, "call not to be recorded"),
            Event::RecordingParallel => info!("an agent is being recorded in two calls at once"),
            Event::RecordingCompleted { about, ended_by, duration, complete, one_way } => {
                let About { recording, call_group, service } = about;
                let duration_s = duration.as_secs_f64();
                info!(%recording, %call_group, service, %ended_by, duration_s, complete, one_way, "recorded");
            }
            Event::RecordingFailed { about: About { recording, call_group, service }, reason } => {
                match reason {
                    FailReason::Stray => {
                        info!(%recording, %call_group, service, %reason, "no call: a fork that lost")
                    }
                    _ => {
                        warn!(%recording, %call_group, service, %reason, "an answered call was NOT recorded")
                    }
                }
            }
            Event::RecordingRecovered(About { recording, call_group, service }) => {
                info!(%recording, %call_group, service, "recording of an earlier run finished");
            }
            Event::CallStep { about: About { recording, call_group, service }, kind } => {
                info!(%recording, %call_group, service, kind, "call event");
            }
            _ => {}
        }
    }

    fn log_media(&self) {
        match *self {
            Event::MediaLost { recording, packets } => {
                debug!(%recording, packets, "RTP lost before the recorder")
            }
            Event::StreamEnded { recording, codec, jitter } => {
                debug!(%recording, %codec, jitter_ms = jitter.as_secs_f64() * 1e3, "stream ended");
            }
            Event::MediaUndecodable { recording, codec } => {
                warn!(%recording, %codec, "payload cannot be decoded, silence recorded");
            }
            Event::Written { took } => trace!(took_us = took.as_micros() as u64, "written"),
            Event::WriteFailed { recording: Some(recording), fault } => {
                warn!(%recording, reason = %fault, "write to storage failed");
            }
            Event::WriteFailed { recording: None, fault } => {
                warn!(reason = %fault, "write to storage failed")
            }
            Event::SpaceLow { free, min_free } => {
                warn!(free, min_free, "less space is free than storage.min_free");
            }
            _ => {}
        }
    }

    fn log_retention(&self) {
        match *self {
            Event::RetentionDeleted { recording, service } => {
                info!(%recording, service, "deleted: retention ended");
            }
            Event::RetentionFailed { recording, kind } => {
                warn!(%recording, reason = %kind, "due, but could not be deleted");
            }
            Event::RetentionRefused { reason: Some(reason) } => {
                warn!(reason, "the sweep deletes nothing; see nauhuri expire --dry-run");
            }
            Event::RetentionRefused { reason: None } => debug!("nothing speaks against deleting"),
            Event::RecordingsMissing { recordings: 0 } => debug!("nothing is missing"),
            Event::RecordingsMissing { recordings } => {
                warn!(
                    recordings,
                    "files of recordings are gone though nobody deleted them; see nauhuri verify"
                );
            }
            Event::RetentionOverdue { recordings: 0 } => debug!("nothing is overdue"),
            Event::RetentionOverdue { recordings } => {
                warn!(recordings, "recordings are kept beyond their retention");
            }
            _ => {}
        }
    }

    fn log_recorder(&self) {
        match *self {
            Event::FramesDropped { interface, kernel, by_interface } => {
                warn!(interface, kernel, by_interface, "frames dropped: audio may be missing");
            }
            Event::NoSignalling { waited } => {
                let waited_s = waited.as_secs();
                warn!(waited_s, "no SIP seen: are capture.interface, sip.ports and the mirror port right?");
            }
            Event::Unread { what, number, count } => {
                let (meaning, remedy) = (what.describe(), what.remedy());
                match what {
                    UnreadKind::SuperPacket => warn!(%what, count, meaning, remedy, "split"),
                    _ => warn!(%what, number, count, meaning, remedy, "not read"),
                }
            }
            Event::TunnelRefused { kind, sender, count } => {
                warn!(kind, sender, count, remedy = UnreadKind::Tunnel.remedy(), "tunnel not opened");
            }
            Event::SipUnreadable { reason, count } => debug!(reason, count, "no SIP message"),
            Event::ClockState { synchronised: true } => debug!("clock is synchronised"),
            Event::ClockState { synchronised: false } => warn!("clock is not synchronised"),
            Event::Started { version } => info!(version, "started"),
            Event::CaptureStarted { interface } => info!(interface, "capturing"),
            Event::CaptureLost { interface, reason } => warn!(interface, reason, "capture lost"),
            Event::CaptureCut { packets } => {
                warn!(packets, "capture ends inside a packet; what can be read is used");
            }
            Event::MetricsListening { addr } => info!(%addr, "metrics served"),
            Event::Stopping { active } => info!(active, "stopping: finishing open recordings"),
            Event::Stopped { unfinished: 0 } => info!("stopped"),
            Event::Stopped { unfinished } => {
                warn!(unfinished, "stopped; the rest is recovered at the next start");
            }
            _ => {}
        }
    }
}

fn increment(counters: &[metrics::Counter], index: usize) {
    if let Some(c) = counters.get(index) {
        c.increment(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(service: &str) -> About<'_> {
        About { recording: Uuid::nil(), call_group: Uuid::nil(), service }
    }

    #[test]
    fn a_call_passes_through_the_book() {
        let m = Metrics::new(["general"]);
        Event::CallAnswered(about("general")).emit(&m);
        assert_eq!(m.ledger().active(), 1);
        Event::RecordingCompleted {
            about: about("general"),
            ended_by: EndedBy::Agent,
            duration: Duration::from_secs(3),
            complete: false,
            one_way: true,
        }
        .emit(&m);
        Event::RetentionDeleted { recording: Uuid::nil(), service: "no longer configured" }.emit(&m);
        Event::MediaLost { recording: Uuid::nil(), packets: 5 }.emit(&m);
        Event::CallUnrecorded { reason: UnrecordedReason::Service }.emit(&m);
        let text = m.render();
        for line in [
            "nauhuri_recordings_completed_total{service=\"general\",ended_by=\"agent\"} 1",
            "nauhuri_recordings_one_way_total 1",
            "nauhuri_recordings_incomplete_total 1",
            "nauhuri_recordings_active 0",
            "nauhuri_retention_deleted_total{service=\"other\"} 1",
            "nauhuri_rtp_lost_total 5",
            "nauhuri_calls_unrecorded_total{reason=\"service\"} 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
    }
}
