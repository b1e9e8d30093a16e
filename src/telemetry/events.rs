//! Everything that is logged or counted, one event in one place.
//!
//! An [`Event`] knows its log line and its metric; whoever lets it happen only
//! says that it did. INFO is a call's life and the recorder's own, WARN is
//! worth waking someone, DEBUG explains, TRACE is for each packet or write.
//!
//! No event can carry personal data: ids, service names, reasons and counts
//! are all there is room for.

use super::fault::Fault;
use super::label::{
    CallBucket, CodecLabel, DecoderFault, FailReason, FaultLabel, HepFault, SiprecFault, ThreadRole,
    UnreadKind, UnrecordedReason, UpkeepTask,
};
use super::metrics::Metrics;
use crate::call::EndedBy;
use crate::config::PauseBy;
use crate::time::Timestamp;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use uuid::Uuid;

mod counting;
mod wording;

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
        /// Hash of its Call-ID.
        call: Option<&'a str>,
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
        /// How far it has its call.
        bucket: CallBucket,
        /// Why not all of it: the sidecar's `assurance.reasons`, with commas.
        reasons: &'a str,
    },
    /// The sound of a running recording is not as it should be; once for each recording and fault.
    MediaFaulty {
        /// Which.
        about: About<'a>,
        /// What is wrong.
        fault: FaultLabel,
        /// Of which side, where it is one's.
        side: Option<&'static str>,
        /// Since when, from the answer.
        since: Duration,
    },
    /// A caller heard less than the service's `announcement_min` before the agent.
    AnnouncementShort {
        /// Which recording.
        about: About<'a>,
        /// So long he was answered, or heard early media.
        heard: Duration,
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
    /// A side put the other on hold or took it back, in a running recording.
    CallStep {
        /// Which.
        about: About<'a>,
        /// The sidecar's `events[].kind`.
        kind: &'static str,
    },
    /// A running recording is paused.
    PauseBegan {
        /// Which.
        about: About<'a>,
        /// By what.
        by: PauseBy,
    },
    /// A pause is over.
    PauseEnded {
        /// Of which recording.
        about: About<'a>,
        /// What ended it; nothing where the call did.
        by: Option<PauseBy>,
        /// How long it was.
        length: Duration,
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
    /// libavcodec was looked for, because a stream needs it.
    DecodersFound {
        /// Its version: major, minor and micro in 16, 8 and 8 bits; zero where it is not installed.
        version: u32,
    },
    /// The process that decodes with libavcodec failed.
    DecoderLost {
        /// How.
        fault: DecoderFault,
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
    /// Hardly another file can be made on the storage.
    InodesLow {
        /// As many can.
        free: u64,
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
        /// Between whom the last one went: transport, source, destination.
        last: Option<(&'static str, SocketAddr, SocketAddr)>,
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
        /// What the system said, and of which file (names carry truncated numbers only).
        reason: &'a str,
    },
    /// Something beside recordings could not be kept in order; it is tried again.
    UpkeepFailed {
        /// What.
        task: UpkeepTask,
        /// What the system said, and of which file.
        reason: &'a str,
    },
    /// Recordings were deleted of which no audio was found.
    DeletedSilent {
        /// How many.
        recordings: usize,
    },
    /// How many files of the store are not the service's, or open to others.
    WrongOwner {
        /// Files and folders.
        files: u64,
    },
    /// What a sweep leaves the audit log with: a witness that whoever writes the log anew cannot reach.
    AuditHead {
        /// Number of the newest entry.
        entry: u64,
        /// Its hash, hexadecimal.
        hash: &'a str,
        /// The public half of the key that seals, where there is one.
        key: Option<&'a str>,
    },
    /// What a command or an agent's desktop asked for could not be written to the audit log.
    AuditUnwritten {
        /// Why.
        reason: &'a str,
    },
    /// A sweep deleted everything that was due, beside recordings as well.
    SweepDone {
        /// When.
        at: Timestamp,
    },
    /// The archive (index, audit log, sweep) could or could not be kept up.
    ArchiveState {
        /// Why not; `None`: all is well.
        trouble: Option<&'a str>,
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
    /// Packets can be sent to the recorder.
    Listening {
        /// What, and where.
        listener: &'a str,
    },
    /// Something that came to the listener of SIPREC was not accepted (the totals are published apart).
    SiprecRefused {
        /// Why.
        reason: SiprecFault,
        /// Whose the last was, where that is known.
        client: &'a str,
        /// How often so far.
        count: u64,
    },
    /// Somebody's packets in HEP, or a connection for them, were not taken (the totals are published apart).
    HepRefused {
        /// Why.
        reason: HepFault,
        /// Whose was the first.
        sender: &'a str,
        /// How often so far.
        count: u64,
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
    /// An interface that went away cannot be opened again; it is tried further.
    CaptureClosed {
        /// Which.
        interface: &'a str,
        /// Why, as libpcap said.
        reason: &'a str,
    },
    /// A key log cannot be read; it is tried again.
    KeyLogUnread {
        /// Which file.
        file: &'a str,
        /// Why not.
        reason: &'a str,
    },
    /// A thread ended though nobody asked it to.
    ThreadDied {
        /// Its name.
        thread: &'a str,
    },
    /// A thread that died runs again.
    ThreadRestarted {
        /// Its name.
        thread: &'a str,
        /// What it does.
        role: ThreadRole,
    },
    /// A thread that died cannot be started again yet.
    ThreadUnstartable {
        /// Its name.
        thread: &'a str,
        /// What the system said.
        reason: io::ErrorKind,
    },
    /// A thread cannot answer any more; it is started again.
    ServerEnded {
        /// What it served.
        server: &'a str,
        /// What the system said.
        reason: io::ErrorKind,
    },
    /// The daemon ends while a thread is stuck.
    ThreadLeftBehind,
    /// A thread has not been heard of for too long.
    ThreadStuck {
        /// Its name.
        thread: &'a str,
        /// For how long.
        silent: Duration,
    },
    /// A thread that was stuck goes on.
    ThreadBack {
        /// Its name.
        thread: &'a str,
    },
    /// Recordings that an earlier run left unfinished.
    LeftoversFound {
        /// How many.
        recordings: u64,
    },
    /// A leftover was not touched.
    LeftoverKept {
        /// Why.
        reason: &'a str,
    },
    /// Nobody can edit the store, hence nothing that a crash left be finished, because
    /// another process does not let go of it.
    StoreHeld {
        /// For how long.
        waited: Duration,
    },
    /// The process may have few files open.
    FilesLimited {
        /// How many.
        limit: u64,
        /// As many recordings fit.
        recordings: u64,
    },
    /// There is no local socket: no command reaches this recorder.
    ControlClosed {
        /// Why.
        reason: &'a str,
    },
    /// A new configuration is in force.
    ConfigTaken {
        /// Which keys have changed, by a comma; empty where none has.
        keys: &'a str,
        /// When.
        at: Timestamp,
    },
    /// A new configuration was refused whole; the one before stays in force.
    ConfigRefused {
        /// Why: everything that is wrong, or the keys that need a restart.
        reason: &'a str,
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
            bucket: CallBucket::Partial,
            reasons: "one_way_agent",
        }
        .emit(&m);
        Event::RetentionDeleted { recording: Uuid::nil(), service: "no longer configured" }.emit(&m);
        Event::MediaLost { recording: Uuid::nil(), packets: 5 }.emit(&m);
        Event::CallUnrecorded { reason: UnrecordedReason::Service, call: None }.emit(&m);
        let text = m.render();
        for line in [
            "nauhuri_recordings_completed_total{service=\"general\",ended_by=\"agent\"} 1",
            "nauhuri_recordings_one_way_total 1",
            "nauhuri_calls_assured_total{service=\"general\",bucket=\"partial\"} 1",
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
