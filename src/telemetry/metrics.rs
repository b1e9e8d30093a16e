//! Every metric of the recorder: its name, HELP, type, labels and first value.
//!
//! Names are those that docs/metrics.md promises; `tests/metrics.rs` holds them against
//! a checked-in list. All series are registered at the start and stand at 0, so
//! that a rate is right from the first scrape. Labels come from the closed
//! sets of `label` and from the service names of the configuration.
//!
//! `nauhuri_sip_messages_total` has `method` on requests and `class` on
//! responses; to Prometheus a label that is absent is one that is empty.

mod by_service;
mod life;
mod wire;

use super::families::Families;
pub use super::families::OTHER_SERVICE;
use super::label::{FaultLabel, Limit, StorageState, ThreadRole};
use super::ledger::CallLedger;
use super::siprec_totals::{SiprecMetrics, SiprecTotals};
use super::{log, process, snapshot::Snapshot};
use crate::caller::ProbeResult;
use crate::time::Timestamp;
use life::EventMetrics;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use wire::Wire;

/// Services with a label of their own; those after it share [`OTHER_SERVICE`].
pub const MAX_SERVICE_LABELS: usize = 64;

/// Upper bounds, seconds: 1 ms is a local network, 100 ms is audible ruin.
const JITTER_BUCKETS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2];
/// Upper bounds, seconds: up to what a queue of the usual size holds, and beyond.
const LAG_BUCKETS: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0];
/// Upper bounds, seconds: from a page-cache write to a disk that hangs.
const WRITE_BUCKETS: &[f64] = &[0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// Samples after which a histogram's buffer is folded into its buckets, so
/// that it stays small when nobody scrapes.
const FOLD_EVERY: u32 = 1024;

/// The recorder's metrics. One for each process; shared by reference.
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    /// Services with a label of their own.
    services: Mutex<HashSet<String>>,
    rendering: Mutex<()>,
    unfolded: AtomicU32,
    published: Mutex<Option<Instant>>,
    ledger: CallLedger,
    wire: Wire,
    siprec: SiprecMetrics,
    pub(super) life: EventMetrics,
}

impl Metrics {
    /// Registers every series. `services` are the configuration's names; the
    /// first [`MAX_SERVICE_LABELS`] get a label, the rest share `other`.
    pub fn new<'a>(services: impl IntoIterator<Item = &'a str>) -> Metrics {
        let recorder = build_recorder();
        let families = Families { recorder: &recorder };
        let services = service_labels(services);
        let life = EventMetrics::new(&families, &services);
        families.gauge("nauhuri_build_info", "Always 1.", &[("version", env!("CARGO_PKG_VERSION"))]).set(1.0);
        let start = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        families
            .gauge("nauhuri_start_time_seconds", "When the process began, Unix time.", &[])
            .set(start.as_secs_f64());
        life.last_reload_ok.set(1.0);
        life.last_reload.set(start.as_secs_f64());
        Metrics {
            handle: recorder.handle(),
            rendering: Mutex::new(()),
            unfolded: AtomicU32::new(0),
            published: Mutex::new(None),
            ledger: CallLedger::new(&families, &services),
            wire: Wire::new(&families),
            siprec: SiprecMetrics::new(&families),
            services: Mutex::new(services.into_iter().collect()),
            life,
            recorder,
        }
    }

    /// Services that a new configuration names: as long as there are fewer than [`MAX_SERVICE_LABELS`],
    /// each gets a label. One that is named no more keeps its own.
    pub fn name_services<'a>(&self, services: impl IntoIterator<Item = &'a str>) {
        let families = Families { recorder: &self.recorder };
        let mut known = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        for name in services {
            // One of them is `other`.
            if known.len() <= MAX_SERVICE_LABELS && !known.contains(name) {
                self.life.by_service.add(&families, name);
                self.ledger.add(&families, name);
                known.insert(name.to_owned());
            }
        }
    }

    /// The book of answered calls.
    pub fn ledger(&self) -> &CallLedger {
        &self.ledger
    }

    /// Takes over the capture thread's totals; meant for once a second.
    pub fn publish(&self, totals: &Snapshot) {
        self.wire.publish(totals);
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// When the capture thread last handed over its totals: what was counted is counted until then.
    pub fn published(&self) -> Option<Instant> {
        *self.published.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A bound was reached that is not the capture thread's.
    pub fn limit_reached(&self, limit: Limit) {
        self.wire.limit_reached(limit);
    }

    /// Takes over what the recording clients' thread counted.
    pub fn publish_siprec(&self, totals: &SiprecTotals) {
        self.siprec.publish(totals);
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

    /// Requests of data subjects that wait, in the order of the label `kind`.
    pub fn set_dsar_open(&self, open: [u64; 5]) {
        self.life.dsar_open.iter().zip(open).for_each(|(gauge, n)| gauge.set(n as f64));
    }

    /// Those of them that are put off, those past their last day, and when the nearest last day ends.
    pub fn set_dsar_due(&self, deferred: u64, overdue: u64, next: Option<Timestamp>) {
        self.life.dsar_deferred.set(deferred as f64);
        self.life.dsar_overdue.set(overdue as f64);
        self.life.dsar_next_due.set(next.map_or(0.0, |t| (t.as_ms() / 1000) as f64));
    }

    /// Bytes recorded a day by service, as the last weeks show it; services that
    /// are not named are at rest.
    pub fn set_bytes_per_day<'a>(&self, services: impl IntoIterator<Item = (&'a str, f64)>) {
        self.life.by_service.set_bytes_per_day(services);
    }

    /// The last test call: when it was placed, when the last was that was heard, and what became of it.
    pub fn set_probe(&self, at: Timestamp, heard_at: Option<Timestamp>, result: Option<ProbeResult>) {
        self.life.probe_run.set((at.as_ms() / 1000) as f64);
        self.life.probe_success.set(heard_at.map_or(0.0, |t| (t.as_ms() / 1000) as f64));
        for (gauge, of) in self.life.probe_result.iter().zip(ProbeResult::ALL) {
            gauge.set(f64::from(u8::from(result == Some(*of))));
        }
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

    /// Inodes free on it.
    pub fn set_free_inodes(&self, inodes: u64) {
        self.life.storage_inodes.set(inodes as f64);
    }

    /// Recordings of an earlier run that are still to be finished.
    pub fn set_leftovers(&self, recordings: u64) {
        self.life.leftovers.set(recordings as f64);
    }

    /// Whether the threads that do this are alive and not stuck.
    pub fn set_thread_ok(&self, role: ThreadRole, is_ok: bool) {
        if let Some(gauge) = self.life.thread_ok.get(role.index()) {
            gauge.set(f64::from(u8::from(is_ok)));
        }
    }

    /// How long the oldest media waiting for a worker has waited.
    pub fn observe_worker_lag(&self, lag: Duration) {
        self.life.worker_lag.record(lag.as_secs_f64());
        self.fold_sometimes();
    }

    /// One more running recording has this fault now, or one fewer.
    pub fn count_faulty(&self, fault: FaultLabel, is_faulty: bool) {
        if let Some(gauge) = self.life.faulty.get(fault.index()) {
            if is_faulty { gauge.increment(1.0) } else { gauge.decrement(1.0) }
        }
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

fn build_recorder() -> PrometheusRecorder {
    let buckets = |b: PrometheusBuilder, name: &str, bounds: &[f64]| {
        b.set_buckets_for_metric(Matcher::Full(name.into()), bounds)
            .expect("fails only for an empty list of bounds")
    };
    let builder = PrometheusBuilder::new();
    let builder = buckets(builder, "nauhuri_rtp_jitter_seconds", JITTER_BUCKETS);
    let builder = buckets(builder, "nauhuri_worker_lag_seconds", LAG_BUCKETS);
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
