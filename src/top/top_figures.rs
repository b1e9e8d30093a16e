//! What two looks at a recorder say of it.

use super::metrics_page::MetricsPage;
use crate::daemon::control::protocol::RecorderStatus;
use crate::telemetry::label::CallBucket;
use crate::telemetry::metrics::OTHER_SERVICE;
use crate::time::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Packets are counted once a second; two looks between have the same counters, whatever the clocks say.
const LEAST_S: f64 = 0.2;

/// The recorder at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct TopLook {
    at: Timestamp,
    /// Until when packets are counted.
    counted_at: Timestamp,
    not_ready: Option<String>,
    page: MetricsPage,
}

/// Calls that were to be recorded, since the recorder was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TopCalls {
    /// Being recorded now.
    pub now: u64,
    /// Answered.
    pub answered: u64,
    /// Of those, recorded whole.
    pub complete: u64,
    /// Recorded with something missing.
    pub partial: u64,
    /// Not recorded, and should have been.
    pub missing: u64,
    /// Turned out to be none that is recorded.
    pub excluded: u64,
    /// Recorded but for what was paused.
    pub paused: u64,
}

/// The calls of one service.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PerService {
    /// As configured; `other` for all without a label of their own.
    pub service: String,
    /// Its calls.
    #[serde(flatten)]
    pub calls: TopCalls,
    /// Bytes that it takes a day, over the last four weeks.
    pub bytes_per_day: u64,
}

/// What is captured.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CaptureFigures {
    /// Packets a second.
    pub packets_per_s: Option<f64>,
    /// Bits a second.
    pub bits_per_s: Option<f64>,
    /// SIP messages a second.
    pub sip_per_s: Option<f64>,
    /// RTP packets of recordings a second.
    pub rtp_per_s: Option<f64>,
    /// Packets dropped a second.
    pub dropped_per_s: Option<f64>,
    /// Packets dropped since the start, by where.
    pub dropped: BTreeMap<String, u64>,
    /// SIP dialogs followed.
    pub dialogs: u64,
    /// Age of the newest packet when it was handled, seconds.
    pub lag_s: f64,
    /// How long ago the newest packet was sent, seconds; `None` before the first.
    pub silent_s: Option<f64>,
    /// The oldest media in a worker's queue had waited at most so long since the last look, seconds: a bound of
    /// the histogram, `None` where nothing is known, infinite beyond the last bound.
    #[serde(serialize_with = "finite")]
    pub written_within_s: Option<f64>,
}

/// How the sound is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SoundFigures {
    /// Running recordings whose sound is faulty now, by fault; one may have several.
    pub faulty: BTreeMap<String, u64>,
    /// RTP packets lost before the recorder, since the start.
    pub lost: u64,
    /// RTP packets of recordings, since the start.
    pub rtp: u64,
}

/// The store.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StorageFigures {
    /// Free on the file system, bytes.
    pub free_bytes: u64,
    /// Stored, by state, bytes.
    pub bytes: BTreeMap<String, u64>,
    /// Recorded a day, over the last four weeks, bytes.
    pub bytes_per_day: u64,
    /// When `storage.min_free` will be reached; `None`: not within a year.
    pub full_at: Option<Timestamp>,
    /// Writes that failed since the start.
    pub write_errors: u64,
}

/// Deletion and holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RetentionFigures {
    /// Recordings past their retention, not held, and still there.
    pub overdue: u64,
    /// Recordings deleted since the start because their retention ended.
    pub deleted: u64,
    /// The sweep deletes nothing, because the clock or the amount looks wrong.
    pub guard_tripped: bool,
    /// When a sweep last deleted everything that was due.
    pub last_sweep: Option<Timestamp>,
    /// Recordings that are held.
    pub held: u64,
    /// Those of them whose hold is to be confirmed.
    pub due_review: u64,
    /// Recordings whose files are gone although nobody deleted them.
    pub files_gone: u64,
}

/// Calls that are over, by how far they were recorded.
const ASSURED: &str = "nauhuri_calls_assured_total";

/// Everything that is shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TopFigures {
    /// Release of the recorder.
    pub version: String,
    /// When this was so.
    pub at: Option<Timestamp>,
    /// How long the recorder has been running, seconds.
    pub uptime_s: f64,
    /// Over which time rates are, seconds; `None` at the first look, and after the recorder was started again.
    pub interval_s: Option<f64>,
    /// It records as it should.
    pub ready: bool,
    /// Why not.
    pub not_ready: Option<String>,
    /// All calls.
    pub calls: TopCalls,
    /// Answered = recorded, missing, excluded and running.
    pub balanced: bool,
    /// Answered calls that were not to be recorded since the start, by reason.
    pub unrecorded: BTreeMap<String, u64>,
    /// By service, in order of name, `other` last and only where it has any.
    pub services: Vec<PerService>,
    /// What is captured.
    pub capture: CaptureFigures,
    /// How it sounds.
    pub sound: SoundFigures,
    /// Where it is kept.
    pub storage: StorageFigures,
    /// How long.
    pub retention: RetentionFigures,
    /// Whether the threads are alive and not stuck, by role.
    pub threads: BTreeMap<String, bool>,
    /// Threads started again since the start.
    pub thread_restarts: u64,
    /// Index, audit log and sweep worked when last used.
    pub archive_ok: bool,
    /// The machine's clock is synchronised.
    pub clock_synchronised: bool,
}

impl TopLook {
    /// What the recorder answered; `at`: the machine's clock, for one that does not tell its own.
    pub fn new(status: &RecorderStatus, at: Timestamp) -> TopLook {
        let page = MetricsPage::read(&status.metrics);
        let at = status.at.unwrap_or(at);
        let counted_at = at - Duration::from_secs_f64(status.counted_ago_s.unwrap_or(0.0).clamp(0.0, 1e6));
        TopLook { at, counted_at, not_ready: status.not_ready.clone(), page }
    }

    /// Packets were counted since `before`, so that there are rates.
    pub fn is_counted_since(&self, before: &TopLook) -> bool {
        // The two clocks that are behind it differ by less.
        self.counted_at.since_s(before.counted_at) > LEAST_S
    }

    fn count(&self, name: &str) -> u64 {
        self.page.sum(name).map_or(0, whole)
    }

    fn counts(&self, name: &str, label: &str) -> BTreeMap<String, u64> {
        let some = self.page.by(name, label).into_iter().filter(|(_, n)| *n > 0.0);
        some.map(|(value, n)| (value, whole(n))).collect()
    }

    fn is_set(&self, name: &str) -> bool {
        self.page.sum(name).is_some_and(|value| value > 0.0)
    }

    /// Unix time in a gauge, where 0 is never.
    fn instant(&self, name: &str) -> Option<Timestamp> {
        let seconds = self.page.sum(name).filter(|s| *s > 0.0)?;
        Some(Timestamp::from_ns((seconds * 1e9) as i64))
    }

    fn services(&self) -> Vec<PerService> {
        let answered = self.page.by("nauhuri_calls_answered_total", "service");
        let bytes = self.page.by("nauhuri_storage_bytes_per_day", "service");
        let row = |(service, answered): (String, f64)| {
            let mut calls = TopCalls { answered: whole(answered), ..TopCalls::default() };
            calls.take_buckets(self.page.by_where(ASSURED, "service", &service, "bucket"));
            calls.now = calls.answered.saturating_sub(calls.over());
            let bytes_per_day = bytes.get(&service).copied().map_or(0, whole);
            PerService { service, calls, bytes_per_day }
        };
        let mut rows: Vec<PerService> = answered.into_iter().map(row).collect();
        let is_idle = |r: &PerService| r.calls.answered == 0 && r.bytes_per_day == 0;
        rows.retain(|r| r.service != OTHER_SERVICE || !is_idle(r));
        rows.sort_by_key(|r| r.service == OTHER_SERVICE);
        rows
    }

    fn calls(&self) -> TopCalls {
        let mut calls = TopCalls {
            now: self.count("nauhuri_recordings_active"),
            answered: self.count("nauhuri_calls_answered_total"),
            ..TopCalls::default()
        };
        calls.take_buckets(self.page.by(ASSURED, "bucket"));
        calls
    }

    fn storage(&self) -> StorageFigures {
        StorageFigures {
            free_bytes: self.count("nauhuri_storage_free_bytes"),
            bytes: self
                .page
                .by("nauhuri_storage_bytes", "state")
                .into_iter()
                .map(|(s, n)| (s, whole(n)))
                .collect(),
            bytes_per_day: self.count("nauhuri_storage_bytes_per_day"),
            full_at: self.instant("nauhuri_storage_exhaustion_timestamp_seconds"),
            write_errors: self.count("nauhuri_write_errors_total"),
        }
    }

    fn retention(&self) -> RetentionFigures {
        RetentionFigures {
            overdue: self.count("nauhuri_retention_overdue"),
            deleted: self.count("nauhuri_retention_deleted_total"),
            guard_tripped: self.is_set("nauhuri_deletion_guard_tripped"),
            last_sweep: self.instant("nauhuri_sweep_last_success_timestamp_seconds"),
            held: self.count("nauhuri_holds"),
            due_review: self.count("nauhuri_holds_due_review"),
            files_gone: self.count("nauhuri_recordings_missing"),
        }
    }
}

impl TopCalls {
    fn take_buckets(&mut self, counts: BTreeMap<String, f64>) {
        for (bucket, n) in counts {
            if let Some(bucket) = CallBucket::from_label(&bucket) {
                *self.bucket(bucket) = whole(n);
            }
        }
    }

    fn bucket(&mut self, bucket: CallBucket) -> &mut u64 {
        match bucket {
            CallBucket::Complete => &mut self.complete,
            CallBucket::Partial => &mut self.partial,
            CallBucket::Missing => &mut self.missing,
            CallBucket::Excluded => &mut self.excluded,
            CallBucket::Paused => &mut self.paused,
        }
    }

    /// Calls that have ended, in whatever bucket.
    pub fn over(&self) -> u64 {
        self.complete + self.partial + self.missing + self.excluded + self.paused
    }
}

/// Two looks one after the other, of the same run of the recorder.
struct LookPair<'a> {
    before: &'a TopLook,
    now: &'a TopLook,
    seconds: f64,
}

impl<'a> LookPair<'a> {
    fn new(before: Option<&'a TopLook>, now: &'a TopLook) -> Option<LookPair<'a>> {
        const STARTED: &str = "nauhuri_start_time_seconds";
        let before = before.filter(|b| b.page.sum(STARTED) == now.page.sum(STARTED))?;
        let seconds = now.at.since_s(before.at);
        (seconds > 0.0).then_some(LookPair { before, now, seconds })
    }

    /// What a counter grew by.
    fn growth(&self, name: &str) -> Option<f64> {
        Some((self.now.page.sum(name)? - self.before.page.sum(name)?).max(0.0))
    }

    /// A second, of what the capture thread counts: over the time between its counts, not between the looks.
    fn wire_rate(&self, name: &str) -> Option<f64> {
        if !self.now.is_counted_since(self.before) {
            return None;
        }
        Some(self.growth(name)? / self.now.counted_at.since_s(self.before.counted_at))
    }

    /// The smallest bound of a histogram that everything since the look before is within.
    fn bound(&self, name: &str) -> Option<f64> {
        let (before, now) = (self.before.page.by(name, "le"), self.now.page.by(name, "le"));
        let seen =
            |bound: &str| now.get(bound).copied().unwrap_or(0.0) - before.get(bound).copied().unwrap_or(0.0);
        let all = seen("+Inf");
        let bounds = now.keys().filter(|bound| seen(bound) >= all).filter_map(|bound| bound.parse().ok());
        bounds.reduce(f64::min).filter(|_| all > 0.0)
    }
}

impl TopFigures {
    /// What `now` says, with rates since `before`.
    pub fn new(before: Option<&TopLook>, now: &TopLook) -> TopFigures {
        let between = LookPair::new(before, now);
        let wire = |name: &str| between.as_ref().and_then(|b| b.wire_rate(name));
        let (calls, page) = (now.calls(), &now.page);
        TopFigures {
            version: page.label("nauhuri_build_info", "version").unwrap_or_default().to_owned(),
            at: Some(now.at),
            uptime_s: now
                .instant("nauhuri_start_time_seconds")
                .map_or(0.0, |start| now.at.since_s(start).max(0.0)),
            interval_s: between.as_ref().map(|b| b.seconds),
            ready: now.not_ready.is_none(),
            not_ready: now.not_ready.clone(),
            calls,
            balanced: calls.answered == calls.over() + calls.now
                && now.count("nauhuri_ledger_refused_total") == 0,
            unrecorded: now.counts("nauhuri_calls_unrecorded_total", "reason"),
            services: now.services(),
            capture: CaptureFigures {
                packets_per_s: wire("nauhuri_packets_received_total"),
                bits_per_s: wire("nauhuri_bytes_received_total").map(|r| r * 8.0),
                sip_per_s: wire("nauhuri_sip_messages_total"),
                rtp_per_s: wire("nauhuri_rtp_packets_total"),
                dropped_per_s: wire("nauhuri_packets_dropped_total"),
                dropped: now.counts("nauhuri_packets_dropped_total", "where"),
                dialogs: now.count("nauhuri_dialogs"),
                lag_s: page.sum("nauhuri_capture_lag_seconds").unwrap_or(0.0),
                silent_s: now
                    .instant("nauhuri_capture_last_packet_timestamp_seconds")
                    .map(|at| now.at.since_s(at).max(0.0)),
                written_within_s: between.as_ref().and_then(|b| b.bound("nauhuri_worker_lag_seconds_bucket")),
            },
            sound: SoundFigures {
                faulty: now.counts("nauhuri_recordings_faulty", "fault"),
                lost: now.count("nauhuri_rtp_lost_total"),
                rtp: now.count("nauhuri_rtp_packets_total"),
            },
            storage: now.storage(),
            retention: now.retention(),
            threads: page
                .by("nauhuri_thread_ok", "thread")
                .into_iter()
                .map(|(t, ok)| (t, ok > 0.0))
                .collect(),
            thread_restarts: now.count("nauhuri_thread_restarts_total"),
            archive_ok: now.is_set("nauhuri_archive_ok"),
            clock_synchronised: now.is_set("nauhuri_clock_synchronised"),
        }
    }
}

/// A count, or bytes, as an exporter tells them.
fn whole(value: f64) -> u64 {
    value.max(0.0).round() as u64
}

/// JSON has no infinity.
fn finite<S: serde::Serializer>(value: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
    value.filter(|v| v.is_finite()).serialize(to)
}
