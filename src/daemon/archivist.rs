//! The life of recordings while the recorder runs: the index kept in step with
//! the files, the sweep of what is due, and the figures that tell of both.
//!
//! On a thread of its own, which may wait for disks: neither the capture nor
//! the workers ever wait for it, also not at the start, where an index may have to
//! be built from a million files. The files are the truth; what this thread
//! misses, the next look at the folders finds.

use super::deck::Shelf;
use super::shutdown::StopFlag;
use crate::archive::Place;
use crate::archive::forecast::{Space, forecast};
use crate::archive::search::Search;
use crate::config::{ClockTrust, Config};
use crate::custody::audit::{AuditLog, Who};
use crate::custody::expire::{Sweep, SweepOptions};
use crate::custody::keeper::{Keeper, KeeperError};
use crate::custody::wall_clock::{Reading, Sync};
use crate::store::calendar::ago;
use crate::telemetry::events::Event;
use crate::telemetry::label::StorageState;
use crate::time::Timestamp;
use jiff::tz::TimeZone;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the folders are looked at for new recordings.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often the whole store is looked through for files of deleted recordings that came back.
const WALK_EVERY: Duration = Duration::from_secs(24 * 3600);
/// How often the figures are worked out anew.
const FIGURES_EVERY: Duration = Duration::from_secs(60);
/// How far ahead exhaustion is looked for, days.
const HORIZON_DAYS: u16 = 365;
/// How often the thread looks whether it is to stop.
const NAP: Duration = Duration::from_millis(200);

/// Keeps the archive while the recorder records.
pub struct Archivist {
    config: Config,
    shelf: Arc<Shelf>,
    zone: TimeZone,
    /// A refusal that has been told in the audit log is not told again every hour.
    refused: Option<&'static str>,
    walked: Option<Instant>,
}

impl Archivist {
    /// For the store of this configuration, whose mark has been looked at.
    pub fn new(config: &Config, shelf: &Arc<Shelf>, zone: &TimeZone) -> Archivist {
        let (config, shelf) = (config.clone(), Arc::clone(shelf));
        Archivist { config, shelf, zone: zone.clone(), refused: None, walked: None }
    }

    /// Opens the archive and works until asked to stop: the first sweep at once.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn start(mut self, stop: &StopFlag) -> io::Result<JoinHandle<()>> {
        let stop = stop.clone();
        std::thread::Builder::new().name("archivist".into()).spawn(move || {
            if let Some(keeper) = self.open(&stop) {
                self.work(keeper, &stop);
            }
        })
    }

    /// Tries until it can be opened; `None` where it is to stop before.
    fn open(&self, stop: &StopFlag) -> Option<Keeper> {
        let place = Place::of(&self.config.storage);
        let audit = AuditLog::of(&place.state, &self.config.audit);
        let mut tried = None;
        while !stop.is_set() {
            if is_due(&mut tried, LOOK_EVERY) {
                match Keeper::open(&place, audit.clone(), now()) {
                    Ok(keeper) => return Some(keeper),
                    Err(e) => self.trouble(&e),
                }
            }
            std::thread::sleep(NAP);
        }
        None
    }

    fn work(&mut self, mut keeper: Keeper, stop: &StopFlag) {
        let (mut looked, mut figured, mut swept) = (None, None, None);
        while !stop.is_set() {
            if is_due(&mut swept, self.config.retention.sweep) {
                self.sweep(&mut keeper);
            }
            if is_due(&mut looked, LOOK_EVERY) {
                self.look(&mut keeper);
            }
            if is_due(&mut figured, FIGURES_EVERY) {
                self.figures(&keeper);
            }
            std::thread::sleep(NAP);
        }
        self.look(&mut keeper);
    }

    fn look(&self, keeper: &mut Keeper) {
        if let Err(e) = keeper.reconcile() {
            self.trouble(&e);
        }
    }

    /// Deletes what is due.
    fn sweep(&mut self, keeper: &mut Keeper) {
        let ask = self.config.retention.clock == ClockTrust::Synchronised;
        let reading = Reading::take(ask);
        let synchronised = reading.sync == Sync::Yes;
        if ask {
            Event::ClockState { synchronised }.emit(&self.shelf.metrics);
        }
        let options = SweepOptions {
            walk: is_due(&mut self.walked, WALK_EVERY),
            untold_refusal: self.refused.is_some(),
            ..SweepOptions::of(&self.config, reading.wall)
        };
        match keeper.sweep(&Who::of_service(), &reading, &options) {
            Ok(sweep) => self.tell(&sweep),
            Err(e) => self.trouble(&e),
        }
        // A witness that whoever writes the log anew cannot reach: the journal, and whatever collects it.
        if let Ok(Some(link)) = keeper.audit().head() {
            tracing::info!(entry = link.seq, hash = link.hash, "newest entry of the audit log");
        }
        if let Some(e) = keeper.take_warning() {
            tracing::warn!(reason = %e, "the audit log's newest link could not be written elsewhere");
        }
    }

    fn tell(&mut self, sweep: &Sweep) {
        let metrics = &self.shelf.metrics;
        for (recording, service) in &sweep.deleted {
            let service = service.as_deref().unwrap_or_default();
            Event::RetentionDeleted { recording: *recording, service }.emit(metrics);
        }
        for (recording, _) in &sweep.failed {
            let kind = io::ErrorKind::Other;
            Event::RetentionFailed { recording: *recording, kind }.emit(metrics);
        }
        self.refused = sweep.refused.as_ref().map(|r| r.name());
        Event::RetentionRefused { reason: self.refused }.emit(metrics);
        Event::RetentionOverdue { recordings: sweep.overdue }.emit(metrics);
        if let Some(files) = sweep.wrong_owner {
            metrics.set_wrong_owner(files);
            if files > 0 {
                tracing::warn!(files, "not the service's, or open to others: `nauhuri repair` mends them");
            }
        }
        if !sweep.silent.is_empty() {
            tracing::warn!(
                recordings = sweep.silent.len(),
                "deleted without audio: none was found under their names"
            );
        }
    }

    /// Bytes by state, the forecast, the newest audit link.
    fn figures(&self, keeper: &Keeper) {
        let metrics = &self.shelf.metrics;
        let index = keeper.index();
        let now = now();
        if let Ok(s) = index.stats(now) {
            metrics.set_storage_bytes(StorageState::Kept, s.kept.bytes);
            metrics.set_storage_bytes(StorageState::Held, s.held.bytes);
            metrics.set_storage_bytes(StorageState::Due, s.due.bytes);
            Event::RecordingsMissing { recordings: s.missing }.emit(metrics);
            let before = ago(&self.config.retention.hold_review, now);
            let due_review = Search { unconfirmed_before: before, ..Search::default() };
            if let Some(due_review) = before.and_then(|_| index.count(&due_review).ok()) {
                metrics.set_holds(s.held.count, due_review);
            }
        }
        if let Ok(overdue) = index.overdue(now) {
            Event::RetentionOverdue { recordings: overdue.count }.emit(metrics);
        }
        let space =
            Space { free: self.shelf.free_bytes.load(Ordering::Relaxed), min_free: self.shelf.min_free };
        if let Ok(f) = forecast(index, now, space, HORIZON_DAYS, &self.zone) {
            metrics.set_exhaustion(f.exhausted_at);
            metrics.set_bytes_per_day(f.services.iter().map(|s| (s.service.as_str(), s.bytes_a_day)));
        }
        if let Ok(Some(link)) = keeper.audit().head() {
            metrics.set_audit_head(link.seq, &link.hash);
        }
    }

    /// What went wrong is told (paths carry truncated numbers only); the files are the truth, and it is tried again.
    fn trouble(&self, e: &KeeperError) {
        tracing::warn!(reason = %e, "the archive could not be kept up; it is tried again");
    }
}

fn is_due(last: &mut Option<Instant>, every: Duration) -> bool {
    let is_due = last.is_none_or(|l: Instant| l.elapsed() >= every);
    if is_due {
        *last = Some(Instant::now());
    }
    is_due
}

fn now() -> Timestamp {
    Timestamp::from_jiff(jiff::Timestamp::now())
}
