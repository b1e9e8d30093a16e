//! Every metric of the recorder: its name, HELP, type, labels and first value.
//!
//! Names are those the README promises; `tests/metrics.rs` holds them against
//! a checked-in list. All series are registered at the start and stand at 0, so
//! that a rate is right from the first scrape. Labels come from the closed
//! sets of `label` and from the service names of the configuration.
//!
//! `nauhuri_sip_messages_total` has `method` on requests and `class` on
//! responses; to Prometheus a label that is absent is one that is empty.

use super::label::{
    CodecLabel, DropPlace, Limit, SipClass, SipMethod, StorageState, UnreadKind, UnrecordedReason,
};
use super::ledger::CallLedger;
use super::{log, process, snapshot::Snapshot};
use crate::config::TunnelKind;
use crate::time::Timestamp;
use metrics::{Counter, Gauge, Histogram, Key, Label, Metadata, Recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// The label of a service that the configuration does not name (or not any more).
pub const OTHER_SERVICE: &str = "other";
/// Services with a label of their own; those after it share [`OTHER_SERVICE`].
pub const MAX_SERVICE_LABELS: usize = 64;

/// Upper bounds, seconds: 1 ms is a local network, 100 ms is audible ruin.
const JITTER_BUCKETS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2];
/// Upper bounds, seconds: from a page-cache write to a disk that hangs.
const WRITE_BUCKETS: &[f64] = &[0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// Samples after which a histogram's buffer is folded into its buckets, so
/// that it stays small when nobody scrapes.
const FOLD_EVERY: u32 = 1024;

static META: Metadata<'static> =
    Metadata::new("nauhuri", metrics::Level::INFO, Some("nauhuri::telemetry::metrics"));

/// The recorder's metrics. One for each process; shared by reference.
pub struct Metrics {
    handle: PrometheusHandle,
    rendering: Mutex<()>,
    unfolded: AtomicU32,
    ledger: CallLedger,
    wire: Wire,
    pub(super) life: Life,
}

/// Set from a [`Snapshot`].
struct Wire {
    packets_received: Counter,
    dropped: Vec<Counter>,
    sip_requests: Vec<Counter>,
    sip_responses: Vec<Counter>,
    sip_parse_errors: Counter,
    rtp_packets: Vec<Counter>,
    rtp_unmatched: Counter,
    rtp_not_recorded: Counter,
    unread: Vec<Counter>,
    tunnels_refused: Vec<Counter>,
    sip_duplicates: Counter,
    limits: Vec<Counter>,
    time_went_back: Counter,
    time_outliers: Counter,
    time_jumps: Counter,
    dialogs: Gauge,
    capture_lag: Gauge,
    last_packet: Gauge,
}

/// Set by events and by the keepers of storage.
pub(super) struct Life {
    pub(super) unrecorded: Vec<Counter>,
    pub(super) one_way: Counter,
    pub(super) incomplete: Counter,
    pub(super) parallel: Counter,
    pub(super) rtp_lost: Counter,
    pub(super) undecodable: Vec<Counter>,
    pub(super) write_errors: Counter,
    pub(super) retention_deleted: HashMap<String, Counter>,
    pub(super) retention_failed: Counter,
    pub(super) retention_overdue: Gauge,
    pub(super) clock_synchronised: Gauge,
    pub(super) retention_refused: Gauge,
    pub(super) missing: Gauge,
    holds: Gauge,
    holds_due_review: Gauge,
    bytes_per_day: HashMap<String, Gauge>,
    exhaustion: Gauge,
    audit_head: Gauge,
    audit_entries: Gauge,
    wrong_owner: Gauge,
    jitter: Histogram,
    write: Histogram,
    storage: Vec<Gauge>,
    storage_free: Gauge,
    ready: Gauge,
    log_suppressed: Counter,
}

impl Metrics {
    /// Registers every series. `services` are the configuration's names; the
    /// first [`MAX_SERVICE_LABELS`] get a label, the rest share `other`.
    pub fn new<'a>(services: impl IntoIterator<Item = &'a str>) -> Metrics {
        let recorder = build_recorder();
        let families = Families { recorder: &recorder };
        let services = service_labels(services);
        let metrics = Metrics {
            handle: recorder.handle(),
            rendering: Mutex::new(()),
            unfolded: AtomicU32::new(0),
            ledger: CallLedger::new(&families, &services),
            wire: Wire::new(&families),
            life: Life::new(&families, &services),
        };
        families.gauge("nauhuri_build_info", "Always 1.", &[("version", env!("CARGO_PKG_VERSION"))]).set(1.0);
        let start = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        families
            .gauge("nauhuri_start_time_seconds", "When the process began, Unix time.", &[])
            .set(start.as_secs_f64());
        metrics
    }

    /// The book of answered calls.
    pub fn ledger(&self) -> &CallLedger {
        &self.ledger
    }

    /// Takes over the capture thread's totals; meant for once a second.
    pub fn publish(&self, totals: &Snapshot) {
        let w = &self.wire;
        w.packets_received.absolute(totals.packets_received);
        set_all(&w.dropped, &totals.dropped);
        set_all(&w.sip_requests, &totals.sip_requests);
        set_all(&w.sip_responses, &totals.sip_responses);
        w.sip_parse_errors.absolute(totals.sip_parse_errors);
        set_all(&w.rtp_packets, &totals.rtp_packets);
        w.rtp_unmatched.absolute(totals.rtp_unmatched);
        w.rtp_not_recorded.absolute(totals.rtp_not_recorded);
        set_all(&w.unread, &totals.unread);
        set_all(&w.tunnels_refused, &totals.tunnels_refused);
        w.sip_duplicates.absolute(totals.sip_duplicates);
        w.time_outliers.absolute(totals.time_outliers);
        w.time_jumps.absolute(totals.time_jumps);
        set_all(&w.limits, &totals.limits);
        w.time_went_back.absolute(totals.time_went_back);
        w.dialogs.set(totals.dialogs as f64);
        w.capture_lag.set(totals.capture_lag.as_secs_f64());
        if let Some(at) = totals.last_packet {
            w.last_packet.set(at.as_ns() as f64 / 1e9);
        }
    }

    /// Bytes stored in `state`.
    pub fn set_storage_bytes(&self, state: StorageState, bytes: u64) {
        if let Some(gauge) = self.life.storage.get(state.index()) {
            gauge.set(bytes as f64);
        }
    }

    /// When the storage will be exhausted, if within sight.
    pub fn set_exhaustion(&self, at: Option<Timestamp>) {
        self.life.exhaustion.set(at.map_or(0.0, |t| (t.as_ms() / 1000) as f64));
    }

    /// Recordings held, and those of them whose hold nobody has confirmed for too long.
    pub fn set_holds(&self, held: u64, due_review: u64) {
        self.life.holds.set(held as f64);
        self.life.holds_due_review.set(due_review as f64);
    }

    /// Bytes recorded a day by service, as the last weeks show it; services that
    /// are not named are at rest.
    pub fn set_bytes_per_day<'a>(&self, services: impl IntoIterator<Item = (&'a str, f64)>) {
        let gauges = &self.life.bytes_per_day;
        let mut sums: HashMap<&str, f64> = gauges.keys().map(|name| (name.as_str(), 0.0)).collect();
        for (name, bytes) in services {
            let label = if gauges.contains_key(name) { name } else { OTHER_SERVICE };
            *sums.entry(label).or_default() += bytes;
        }
        for (name, bytes) in sums {
            if let Some(gauge) = gauges.get(name) {
                gauge.set(bytes.round());
            }
        }
    }

    /// Files that are not the service's, or open to others.
    pub fn set_wrong_owner(&self, files: u64) {
        self.life.wrong_owner.set(files as f64);
    }

    /// The newest link of the audit log: its number and its hash, hexadecimal.
    pub fn set_audit_head(&self, number: u64, hash: &str) {
        let bits = hash.get(..13).and_then(|h| u64::from_str_radix(h, 16).ok()).unwrap_or(0);
        self.life.audit_head.set(bits as f64);
        self.life.audit_entries.set(number as f64);
    }

    /// Bytes free on the file system of the recordings.
    pub fn set_storage_free(&self, bytes: u64) {
        self.life.storage_free.set(bytes as f64);
    }

    /// Whether `/readyz` would say so.
    pub fn set_ready(&self, ready: bool) {
        self.life.ready.set(f64::from(u8::from(ready)));
    }

    pub(super) fn observe_jitter(&self, jitter: Duration) {
        self.life.jitter.record(jitter.as_secs_f64());
        self.fold_sometimes();
    }

    pub(super) fn observe_write(&self, took: Duration) {
        self.life.write.record(took.as_secs_f64());
        self.fold_sometimes();
    }

    /// The text of `/metrics`, families in order of name. The calls in it balance.
    pub fn render(&self) -> String {
        let _alone = self.rendering.lock().unwrap_or_else(PoisonError::into_inner);
        self.ledger.publish();
        self.life.log_suppressed.absolute(log::suppressed_lines());
        let mut text = in_order(&self.handle.render());
        process::render(&mut text);
        text
    }

    fn fold_sometimes(&self) {
        if self.unfolded.fetch_add(1, Ordering::Relaxed) % FOLD_EVERY == FOLD_EVERY - 1 {
            self.handle.run_upkeep();
        }
    }
}

impl Wire {
    #[rustfmt::skip] // one metric a line reads as the table it is
    fn new(f: &Families<'_>) -> Wire {
        Wire {
            packets_received: f.counter("nauhuri_packets_received_total", "Frames received from the interfaces.", &[]),
            dropped: f.counters("nauhuri_packets_dropped_total", "Frames dropped, by where; every one may be lost audio.", "where", DropPlace::ALL.iter().map(|p| p.as_str())),
            sip_requests: f.counters("nauhuri_sip_messages_total", SIP_HELP, "method", SipMethod::ALL.iter().map(|m| m.as_str())),
            sip_responses: f.counters("nauhuri_sip_messages_total", SIP_HELP, "class", SipClass::ALL.iter().map(|c| c.as_str())),
            sip_parse_errors: f.counter("nauhuri_sip_parse_errors_total", "Data on a SIP port that no message could be read from.", &[]),
            rtp_packets: f.counters("nauhuri_rtp_packets_total", "RTP packets that belong to a recording, by encoding.", "codec", CodecLabel::ALL.iter().map(|c| c.as_str())),
            rtp_unmatched: f.counter("nauhuri_rtp_unmatched_total", "RTP packets that belong to no known call.", &[]),
            rtp_not_recorded: f.counter("nauhuri_rtp_not_recorded_total", "RTP packets of calls that are not to be recorded.", &[]),
            unread: f.counters("nauhuri_unread_total", "Packets that passed by and were not read, by what they are.", "what", UnreadKind::ALL.iter().map(|k| k.as_str())),
            tunnels_refused: f.counters("nauhuri_tunnels_refused_total", "Packets in tunnels that capture.tunnels does not open, by kind.", "kind", TunnelKind::ALL.iter().map(|k| k.as_str())),
            sip_duplicates: f.counter("nauhuri_sip_duplicates_total", "Copies of SIP datagrams, mirrored twice and dropped.", &[]),
            limits: f.counters("nauhuri_limit_reached_total", "Times a bound of [limits] or of one recording was reached.", "limit", Limit::ALL.iter().map(|l| l.as_str())),
            time_went_back: f.counter("nauhuri_capture_time_backwards_total", "Packets stamped earlier than the one before.", &[]),
            time_outliers: f.counter("nauhuri_capture_time_outliers_total", "Packets whose stamp could not be true; they got the time of their neighbours.", &[]),
            time_jumps: f.counter("nauhuri_capture_time_jumps_total", "Times the capture clock jumped by more than a minute, or was set.", &[]),
            dialogs: f.gauge("nauhuri_dialogs", "SIP dialogs followed now.", &[]),
            capture_lag: f.gauge("nauhuri_capture_lag_seconds", "Age of the newest packet when it was handled, seconds.", &[]),
            last_packet: f.gauge("nauhuri_capture_last_packet_timestamp_seconds", "Stamp of the newest packet, Unix time; 0 before the first.", &[]),
        }
    }
}

const SIP_HELP: &str = "SIP messages read: requests by method, responses by class.";

impl Life {
    #[rustfmt::skip] // one metric a line reads as the table it is
    fn new(f: &Families<'_>, services: &[String]) -> Life {
        let deleted = |name: &String| {
            let help = "Recordings deleted because their retention ended.";
            (name.clone(), f.counter("nauhuri_retention_deleted_total", help, &[("service", name)]))
        };
        let per_day = |name: &String| {
            let help = "Bytes of audio and metadata recorded a day, by the last four weeks.";
            (name.clone(), f.gauge("nauhuri_storage_bytes_per_day", help, &[("service", name)]))
        };
        Life {
            unrecorded: f.counters("nauhuri_calls_unrecorded_total", "Answered calls that were not to be recorded, by reason.", "reason", UnrecordedReason::ALL.iter().map(|r| r.as_str())),
            one_way: f.counter("nauhuri_recordings_one_way_total", "Finished recordings in which one side was never heard.", &[]),
            incomplete: f.counter("nauhuri_recordings_incomplete_total", "Finished recordings marked complete = false.", &[]),
            parallel: f.counter("nauhuri_recordings_parallel_total", "Recordings begun while their agent was being recorded in another call that was not on hold: two lines, or one conversation whose legs nothing ties.", &[]),
            rtp_lost: f.counter("nauhuri_rtp_lost_total", "RTP packets lost before the recorder, by sequence number (RFC 3550 A.3).", &[]),
            undecodable: f.counters("nauhuri_media_undecodable_total", "Streams that could not be decoded, by encoding.", "codec", CodecLabel::ALL.iter().map(|c| c.as_str())),
            write_errors: f.counter("nauhuri_write_errors_total", "Writes to storage that failed.", &[]),
            retention_deleted: services.iter().map(deleted).collect(),
            retention_failed: f.counter("nauhuri_retention_failed_total", "Recordings that were due and could not be deleted.", &[]),
            retention_overdue: f.gauge("nauhuri_retention_overdue", "Recordings past their retention, not held, and still there.", &[]),
            retention_refused: f.gauge("nauhuri_deletion_guard_tripped", "1 while the sweep deletes nothing because the clock or the amount is not to be believed.", &[]),
            missing: f.gauge("nauhuri_recordings_missing", "Recordings whose files are gone though nobody deleted them.", &[]),
            holds: f.gauge("nauhuri_holds", "Recordings that a hold keeps.", &[]),
            holds_due_review: f.gauge("nauhuri_holds_due_review", "Recordings with a hold that nobody has confirmed for retention.hold_review.", &[]),
            bytes_per_day: services.iter().map(per_day).collect(),
            exhaustion: f.gauge("nauhuri_storage_exhaustion_timestamp_seconds", "When storage.min_free will be reached at the present rate; 0: not within a year.", &[]),
            audit_head: f.gauge("nauhuri_audit_head", "The first 52 bits of the newest audit entry's hash: compare it with the log.", &[]),
            audit_entries: f.gauge("nauhuri_audit_entries", "Number of the newest audit entry.", &[]),
            wrong_owner: f.gauge("nauhuri_storage_wrong_owner", "Files and folders of the store that are not the service's or are open to others, as of the last daily look; `nauhuri repair` mends them.", &[]),
            clock_synchronised: f.gauge("nauhuri_clock_synchronised", "1 if the kernel says the clock is synchronised.", &[]),
            jitter: f.histogram("nauhuri_rtp_jitter_seconds", "Interarrival jitter of each finished stream, its largest value (RFC 3550 A.8), seconds."),
            write: f.histogram("nauhuri_write_seconds", "Time one write of audio to storage took, seconds."),
            storage: StorageState::ALL.iter().map(|s| f.gauge("nauhuri_storage_bytes", "Bytes stored, by state.", &[("state", s.as_str())])).collect(),
            storage_free: f.gauge("nauhuri_storage_free_bytes", "Bytes free on the file system of the recordings.", &[]),
            ready: f.gauge("nauhuri_ready", "1 if capturing and able to store: what /readyz answers.", &[]),
            log_suppressed: f.counter("nauhuri_log_suppressed_total", "Log lines left out because the same kind came too often.", &[]),
        }
    }
}

/// Registers series with their HELP; the one place that talks to the exporter's recorder.
pub(super) struct Families<'a> {
    recorder: &'a PrometheusRecorder,
}

impl Families<'_> {
    pub(super) fn counter(&self, name: &'static str, help: &'static str, labels: &[(&str, &str)]) -> Counter {
        self.recorder.describe_counter(name.into(), None, help.into());
        let counter = self.recorder.register_counter(&key(name, labels), &META);
        counter.absolute(0);
        counter
    }

    /// One series for each value of one label.
    pub(super) fn counters<'v>(
        &self,
        name: &'static str,
        help: &'static str,
        label: &str,
        values: impl Iterator<Item = &'v str>,
    ) -> Vec<Counter> {
        values.map(|v| self.counter(name, help, &[(label, v)])).collect()
    }

    pub(super) fn gauge(&self, name: &'static str, help: &'static str, labels: &[(&str, &str)]) -> Gauge {
        self.recorder.describe_gauge(name.into(), None, help.into());
        let gauge = self.recorder.register_gauge(&key(name, labels), &META);
        gauge.set(0.0);
        gauge
    }

    fn histogram(&self, name: &'static str, help: &'static str) -> Histogram {
        self.recorder.describe_histogram(name.into(), None, help.into());
        self.recorder.register_histogram(&key(name, &[]), &META)
    }
}

fn key(name: &'static str, labels: &[(&str, &str)]) -> Key {
    let labels: Vec<Label> = labels.iter().map(|(k, v)| Label::new(k.to_string(), v.to_string())).collect();
    Key::from_parts(name, labels)
}

fn build_recorder() -> PrometheusRecorder {
    let buckets = |b: PrometheusBuilder, name: &str, bounds: &[f64]| {
        b.set_buckets_for_metric(Matcher::Full(name.into()), bounds)
            .expect("fails only for an empty list of bounds")
    };
    let builder = PrometheusBuilder::new();
    let builder = buckets(builder, "nauhuri_rtp_jitter_seconds", JITTER_BUCKETS);
    buckets(builder, "nauhuri_write_seconds", WRITE_BUCKETS).build_recorder()
}

/// Distinct names within the bound, then `other`.
fn service_labels<'a>(services: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    for name in services {
        if labels.len() == MAX_SERVICE_LABELS {
            break;
        }
        if name != OTHER_SERVICE && !labels.iter().any(|l| l == name) {
            labels.push(name.into());
        }
    }
    labels.push(OTHER_SERVICE.into());
    labels
}

fn set_all(counters: &[Counter], totals: &[u64]) {
    for (counter, n) in counters.iter().zip(totals) {
        counter.absolute(*n);
    }
}

/// The exporter writes families and series in hash order: here they are put in
/// order of name, so that two scrapes can be compared by eye or by diff.
fn in_order(text: &str) -> String {
    let mut families: Vec<&str> = text.split("\n\n").map(str::trim).filter(|f| !f.is_empty()).collect();
    families.sort_unstable();
    let mut out = String::with_capacity(text.len() + 2048);
    for family in families {
        let (comments, mut series): (Vec<&str>, Vec<&str>) = family.lines().partition(|l| l.starts_with('#'));
        // The lines of a histogram stand in the order of its bounds.
        if !comments.iter().any(|c| c.ends_with(" histogram")) {
            series.sort_unstable();
        }
        for line in comments.into_iter().chain(series) {
            out.push_str(line);
            out.push('\n');
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests;
