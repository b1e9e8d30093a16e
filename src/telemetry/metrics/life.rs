//! What events and the keepers of storage count.

use super::by_service::ByService;
use crate::caller::ProbeResult;
use crate::config::PauseBy;
use crate::telemetry::families::Families;
use crate::telemetry::label::{
    CodecLabel, DecoderFault, FaultLabel, ReloadResult, StorageState, ThreadRole, UnrecordedReason,
    UpkeepTask,
};
use metrics::{Counter, Gauge, Histogram};
use std::collections::HashMap;

/// What data subjects may ask for: values of the label `kind`.
pub(in crate::telemetry) const DSAR_KINDS: [&str; 5] = ["access", "rectify", "erase", "restrict", "object"];

/// Counters and gauges that are moved one by one.
pub(in crate::telemetry) struct EventMetrics {
    pub(in crate::telemetry) unrecorded: Vec<Counter>,
    pub(in crate::telemetry) one_way: Counter,
    pub(in crate::telemetry) incomplete: Counter,
    pub(in crate::telemetry) parallel: Counter,
    pub(in crate::telemetry) pauses: Vec<Counter>,
    pub(in crate::telemetry) pauses_ended: Vec<Counter>,
    pub(in crate::telemetry) rtp_lost: Counter,
    pub(in crate::telemetry) undecodable: HashMap<&'static str, Counter>,
    pub(in crate::telemetry) media_faults: Vec<Counter>,
    pub(super) faulty: Vec<Gauge>,
    pub(in crate::telemetry) by_service: ByService,
    pub(in crate::telemetry) decoder_faults: Vec<Counter>,
    pub(in crate::telemetry) write_errors: Counter,
    pub(in crate::telemetry) retention_failed: Counter,
    pub(in crate::telemetry) retention_overdue: Gauge,
    pub(in crate::telemetry) clock_synchronised: Gauge,
    pub(in crate::telemetry) retention_refused: Gauge,
    pub(in crate::telemetry) missing: Gauge,
    pub(super) holds: Gauge,
    pub(super) holds_due_review: Gauge,
    pub(super) dsar_open: Vec<Gauge>,
    pub(super) dsar_deferred: Gauge,
    pub(super) dsar_overdue: Gauge,
    pub(super) dsar_next_due: Gauge,
    pub(super) exhaustion: Gauge,
    pub(super) audit_head: Gauge,
    pub(super) audit_entries: Gauge,
    pub(in crate::telemetry) wrong_owner: Gauge,
    pub(in crate::telemetry) upkeep_failures: Vec<Counter>,
    pub(super) probe_run: Gauge,
    pub(super) probe_success: Gauge,
    pub(super) probe_result: Vec<Gauge>,
    pub(in crate::telemetry) last_sweep: Gauge,
    pub(in crate::telemetry) archive_ok: Gauge,
    pub(in crate::telemetry) thread_restarts: HashMap<ThreadRole, Counter>,
    pub(super) thread_ok: Vec<Gauge>,
    pub(super) leftovers: Gauge,
    pub(super) jitter: Histogram,
    pub(super) worker_lag: Histogram,
    pub(super) write: Histogram,
    pub(super) storage: Vec<Gauge>,
    pub(super) storage_free: Gauge,
    pub(super) storage_inodes: Gauge,
    pub(super) ready: Gauge,
    pub(super) log_suppressed: Counter,
    pub(in crate::telemetry) reloads: Vec<Counter>,
    pub(in crate::telemetry) last_reload_ok: Gauge,
    pub(in crate::telemetry) last_reload: Gauge,
}

impl EventMetrics {
    #[rustfmt::skip] // one metric a line reads as the table it is
    pub(super) fn new(f: &Families<'_>, services: &[String]) -> EventMetrics {
        EventMetrics {
            unrecorded: f.counters("nauhuri_calls_unrecorded_total", "Answered calls that were not to be recorded, by reason.", "reason", UnrecordedReason::ALL.iter().map(|r| r.as_str())),
            one_way: f.counter("nauhuri_recordings_one_way_total", "Finished recordings in which one side was never heard.", &[]),
            incomplete: f.counter("nauhuri_recordings_incomplete_total", "Finished recordings marked complete = false.", &[]),
            parallel: f.counter("nauhuri_recordings_parallel_total", "Recordings begun while their agent was being recorded in another call that was not on hold: two lines, or one conversation whose legs could not be connected.", &[]),
            pauses: f.counters("nauhuri_pauses_total", "Pauses of running recordings, by what asked for them.", "by", PauseBy::ASKING.iter().map(|p| p.name())),
            pauses_ended: f.counters("nauhuri_pauses_ended_total", "Pauses that are over, by what ended them: limit if nobody resumed within pause.limit, call_end if the call ended first.", "by", PauseBy::ALL.iter().map(|p| p.name()).chain(["call_end"])),
            rtp_lost: f.counter("nauhuri_rtp_lost_total", "RTP packets lost before the recorder, by sequence number (RFC 3550 A.3).", &[]),
            undecodable: CodecLabel::undecodable().map(|codec| (codec.as_str(), f.counter("nauhuri_media_undecodable_total", "Streams that could not be decoded, by encoding.", &[("codec", codec.as_str())]))).collect(),
            media_faults: f.counters("nauhuri_media_faults_total", "Recordings in which the sound was found faulty within five seconds, by fault; counted once for each recording and fault.", "fault", FaultLabel::ALL.iter().map(|l| l.as_str())),
            faulty: FaultLabel::ALL.iter().map(|l| f.gauge("nauhuri_recordings_faulty", "Running recordings whose sound is faulty now, by fault.", &[("fault", l.as_str())])).collect(),
            by_service: ByService::new(f, services),
            decoder_faults: f.counters("nauhuri_decoder_faults_total", "Failures of the process that decodes with libavcodec, by kind; each loses the sound that was being decoded.", "fault", DecoderFault::ALL.iter().map(|d| d.as_str())),
            write_errors: f.counter("nauhuri_write_errors_total", "Writes to storage that failed.", &[]),
            retention_failed: f.counter("nauhuri_retention_failed_total", "Recordings that were due and could not be deleted.", &[]),
            retention_overdue: f.gauge("nauhuri_retention_overdue", "Recordings past their retention, not held, and still there.", &[]),
            retention_refused: f.gauge("nauhuri_deletion_guard_tripped", "1 while the sweep deletes nothing because the clock or the amount looks wrong.", &[]),
            missing: f.gauge("nauhuri_recordings_missing", "Recordings whose files are gone although nobody deleted them.", &[]),
            holds: f.gauge("nauhuri_holds", "Recordings that are held.", &[]),
            holds_due_review: f.gauge("nauhuri_holds_due_review", "Recordings with a hold that nobody has confirmed for retention.hold_review.", &[]),
            dsar_open: DSAR_KINDS.iter().map(|kind| f.gauge("nauhuri_dsar_open", "Undecided requests of data subjects, by kind.", &[("kind", kind)])).collect(),
            dsar_deferred: f.gauge("nauhuri_dsar_deferred", "Requests for erasure that are deferred by a hold.", &[]),
            dsar_overdue: f.gauge("nauhuri_dsar_overdue", "Undecided requests of data subjects past their deadline.", &[]),
            dsar_next_due: f.gauge("nauhuri_dsar_next_due_timestamp_seconds", "The earliest deadline of an undecided request of a data subject, Unix time; 0: there is none.", &[]),
            exhaustion: f.gauge("nauhuri_storage_exhaustion_timestamp_seconds", "When storage.min_free will be reached at the present rate; 0: not within a year.", &[]),
            audit_head: f.gauge("nauhuri_audit_head", "The first 52 bits of the newest audit entry's hash: compare it with the log.", &[]),
            audit_entries: f.gauge("nauhuri_audit_entries", "Number of the newest audit entry.", &[]),
            wrong_owner: f.gauge("nauhuri_storage_wrong_owner", "Files and folders of the store that have the wrong owner or are open to others, as of the last daily check; `nauhuri repair` corrects them.", &[]),
            upkeep_failures: f.counters("nauhuri_upkeep_failures_total", "Failures of upkeep beside the recordings themselves, by task.", "task", UpkeepTask::ALL.iter().map(|t| t.as_str())),
            probe_run: f.gauge("nauhuri_probe_last_run_timestamp_seconds", "When the last test call (nauhuri probe) was placed, Unix time; 0: none yet.", &[]),
            probe_success: f.gauge("nauhuri_probe_last_success_timestamp_seconds", "When the last test call that was recorded and heard was placed, Unix time; 0: none yet.", &[]),
            probe_result: ProbeResult::ALL.iter().map(|r| f.gauge("nauhuri_probe_last_result", "1 for the result of the last test call, 0 for the others.", &[("result", r.name())])).collect(),
            clock_synchronised: f.gauge("nauhuri_clock_synchronised", "1 if the kernel says the clock is synchronised.", &[]),
            last_sweep: f.gauge("nauhuri_sweep_last_success_timestamp_seconds", "When a sweep last deleted everything that was due, Unix time; 0 before the first. One that is refused, or that leaves something behind, does not count.", &[]),
            archive_ok: f.gauge("nauhuri_archive_ok", "1 if index, audit log and sweep worked when last used.", &[]),
            thread_restarts: ThreadRole::ALL.iter().filter(|r| r.is_restarted()).map(|r| (*r, f.counter("nauhuri_thread_restarts_total", "Threads started again after they died. Without capture and worker: with those the process ends.", &[("thread", r.as_str())]))).collect(),
            thread_ok: ThreadRole::ALL.iter().map(|r| f.gauge("nauhuri_thread_ok", "1 if the threads with this role are alive and not stuck.", &[("thread", r.as_str())])).collect(),
            leftovers: f.gauge("nauhuri_leftovers", "Recordings of an earlier run that are still to be finished.", &[]),
            worker_lag: f.histogram("nauhuri_worker_lag_seconds", "How long the oldest media in a worker's queue had waited, sampled once a second for each worker."),
            jitter: f.histogram("nauhuri_rtp_jitter_seconds", "Interarrival jitter of each finished stream, its largest value (RFC 3550 A.8), seconds."),
            write: f.histogram("nauhuri_write_seconds", "Time one write of audio to storage took, seconds."),
            storage: StorageState::ALL.iter().map(|s| f.gauge("nauhuri_storage_bytes", "Bytes stored, by state.", &[("state", s.as_str())])).collect(),
            storage_free: f.gauge("nauhuri_storage_free_bytes", "Bytes free on the file system of the recordings.", &[]),
            storage_inodes: f.gauge("nauhuri_storage_free_inodes", "Inodes free on the file system of the recordings: how many more files can be created.", &[]),
            ready: f.gauge("nauhuri_ready", "1 if /readyz says ok: capturing, and able to store.", &[]),
            log_suppressed: f.counter("nauhuri_log_suppressed_total", "Log lines left out because the same kind came too often, or because nobody read standard error.", &[]),
            reloads: f.counters("nauhuri_config_reloads_total", "Times a new configuration was taken (also where nothing had changed) or refused while the recorder ran.", "result", ReloadResult::ALL.iter().map(|r| r.as_str())),
            last_reload_ok: f.gauge("nauhuri_config_last_reload_successful", "1 if the last configuration that was read was taken, 0 if it was refused.", &[]),
            last_reload: f.gauge("nauhuri_config_last_reload_success_timestamp_seconds", "When the configuration in force was read, Unix time.", &[]),
        }
    }
}
