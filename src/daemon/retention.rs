//! The sweep, every `retention.sweep` and at the start, on a thread of its own.
//!
//! A sweep may be killed anywhere, so a stop does not wait for it. Whoever reads
//! the metrics sees what was deleted, what is overdue and why nothing is.

use super::deck::Shelf;
use super::shutdown::StopFlag;
use crate::config::{ClockTrust, Config};
use crate::store::audit::{AuditLog, Who};
use crate::store::calendar::Term;
use crate::store::clock::{Reading, Sync};
use crate::store::expire::{Refusal, Sweep, SweepOptions};
use crate::store::forecast::{Space, forecast};
use crate::store::identity;
use crate::store::keeper::{Keeper, KeeperError};
use crate::telemetry::events::Event;
use crate::telemetry::label::{StorageState, SweepRefusal};
use crate::time::Timestamp;
use jiff::ToSpan;
use jiff::tz::TimeZone;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often the stop is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often the whole store is looked through for files that came back.
const WALK_EVERY: Duration = Duration::from_secs(86_400);
/// A refusal is written to the audit log once in this time.
const TELL_EVERY: Duration = Duration::from_secs(86_400);
/// How often the audit log's newest link is looked at.
const LINK_EVERY: Duration = Duration::from_secs(10);
/// How far the forecast looks, days.
const AHEAD: u16 = 366;

/// What the configuration says about a sweep at `now`.
pub fn options(config: &Config, now: Timestamp) -> SweepOptions {
    SweepOptions {
        any_clock: config.retention.clock == ClockTrust::Any,
        guard: config.retention.guard,
        audit_since: audit_since(&config.audit.keep, now),
        ..SweepOptions::default()
    }
}

/// Entries of the audit log before this go.
fn audit_since(keep: &str, now: Timestamp) -> Option<Timestamp> {
    let span = match Term::parse(keep).ok()? {
        Term::Days(n) => i64::from(n).days(),
        Term::Weeks(n) => i64::from(n).weeks(),
        Term::Months(n) => i64::from(n).months(),
        Term::Years(n) => i64::from(n).years(),
    };
    let since = now.to_jiff().to_zoned(TimeZone::UTC).checked_sub(span).ok()?;
    Some(Timestamp::from_jiff(since.timestamp()))
}

/// Sweeps until the process ends.
struct Sweeper {
    config: Config,
    shelf: Arc<Shelf>,
    zone: TimeZone,
    audit: AuditLog,
    walked: Option<Instant>,
    told: Option<(SweepRefusal, Instant)>,
}

/// Starts the thread.
///
/// # Errors
/// It could not be started.
pub fn start(config: &Config, shelf: &Arc<Shelf>, zone: &TimeZone, stop: &StopFlag) -> io::Result<()> {
    let state = identity::state_folder(&shelf.root, config.storage.state.as_deref());
    let anchor: Option<PathBuf> =
        Some(config.audit.anchor.clone()).filter(|path| !path.as_os_str().is_empty());
    let mut sweeper = Sweeper {
        config: config.clone(),
        shelf: Arc::clone(shelf),
        zone: zone.clone(),
        audit: AuditLog::new(&state, anchor, Who::of_process()),
        walked: None,
        told: None,
    };
    let (every, stop) = (config.retention.sweep, stop.clone());
    let run = move || {
        let (mut last, mut linked): (Option<Instant>, _) = (None, Instant::now());
        while !stop.is_set() {
            if last.is_none_or(|last| last.elapsed() >= every) {
                sweeper.sweep();
                last = Some(Instant::now());
            }
            // Commands write to the log between two sweeps.
            if linked.elapsed() >= LINK_EVERY {
                sweeper.publish_head();
                linked = Instant::now();
            }
            std::thread::sleep(LOOK_EVERY.min(every));
        }
    };
    std::thread::Builder::new().name("retention".into()).spawn(run).map(drop)
}

impl Sweeper {
    fn sweep(&mut self) {
        let ask = self.config.retention.clock == ClockTrust::Synchronised;
        let reading = Reading::take(ask);
        if ask {
            Event::ClockState { synchronised: reading.sync == Sync::Yes }.emit(&self.shelf.metrics);
        }
        match self.try_sweep(&reading) {
            Ok(sweep) => self.publish(&sweep),
            Err(e) => {
                // Its text holds paths, which carry no more of a number than a sidecar does.
                tracing::warn!(reason = %e, "recordings cannot be swept");
                let reason = SweepRefusal::Failed;
                Event::RetentionRefused { reason }.emit(&self.shelf.metrics);
            }
        }
    }

    fn try_sweep(&mut self, reading: &Reading) -> Result<Sweep, KeeperError> {
        let mut keeper = Keeper::open(&self.shelf.root, self.audit.clone(), reading.wall)?;
        let walk = self.walked.is_none_or(|at| at.elapsed() >= WALK_EVERY);
        let untold_refusal = self.told.is_some_and(|(_, at)| at.elapsed() < TELL_EVERY);
        let options = SweepOptions { walk, untold_refusal, ..options(&self.config, reading.wall) };
        let sweep = keeper.sweep(reading, &options)?;
        if walk {
            self.walked = Some(Instant::now());
        }
        if let Some(trouble) = keeper.take_warning() {
            tracing::warn!(reason = %trouble, "the audit log's anchor cannot be written");
        }
        self.measure(&keeper, reading.wall)?;
        Ok(sweep)
    }

    fn publish(&mut self, sweep: &Sweep) {
        let metrics = &self.shelf.metrics;
        for (recording, service) in &sweep.deleted {
            let service = service.as_deref().unwrap_or("");
            Event::RetentionDeleted { recording: *recording, service }.emit(metrics);
        }
        for (recording, _) in &sweep.failed {
            Event::RetentionFailed { recording: *recording, kind: io::ErrorKind::Other }.emit(metrics);
        }
        Event::RetentionOverdue { recordings: sweep.overdue }.emit(metrics);
        metrics.set_retention_refused(None);
        match sweep.refused.as_ref().map(label_of) {
            None => self.told = None,
            Some(reason) => {
                Event::RetentionRefused { reason }.emit(metrics);
                if self.told.is_none_or(|(told, at)| told != reason || at.elapsed() >= TELL_EVERY) {
                    self.told = Some((reason, Instant::now()));
                }
            }
        }
    }

    /// The audit log's newest link; one that cannot be read stays as it was.
    fn publish_head(&self) {
        if let Ok(Some(head)) = self.audit.head() {
            self.shelf.metrics.set_audit_head(head.seq, &head.hash);
        }
    }

    /// What the index tells about the room.
    fn measure(&self, keeper: &Keeper, now: Timestamp) -> Result<(), KeeperError> {
        let metrics = &self.shelf.metrics;
        self.publish_head();
        let stats = keeper.index().stats(now)?;
        metrics.set_storage_bytes(StorageState::Kept, stats.kept.bytes);
        metrics.set_storage_bytes(StorageState::Held, stats.held.bytes);
        metrics.set_storage_bytes(StorageState::Due, stats.due.bytes);
        let free = self.shelf.free_bytes.load(Ordering::Relaxed);
        let space = Space { free, min_free: self.shelf.min_free };
        let ahead = forecast(keeper.index(), now, space, AHEAD, &self.zone)?;
        metrics.set_exhaustion(ahead.exhausted_at.map(|at| at.as_ms() / 1000));
        Ok(())
    }
}

fn label_of(refusal: &Refusal) -> SweepRefusal {
    SweepRefusal::from_label(refusal.name()).unwrap_or(SweepRefusal::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::clock::ClockTrouble;

    #[test]
    fn entries_go_by_the_calendar() {
        let now = Timestamp::from_jiff("2028-02-29T12:00:00Z".parse().unwrap());
        let since = audit_since("10 years", now).unwrap();
        assert_eq!(since.to_rfc3339(), "2018-02-28T12:00:00.000000Z");
        assert_eq!(audit_since("for ever", now), None);
    }

    #[test]
    fn every_refusal_has_its_label() {
        let clock = [
            ClockTrouble::Unsynchronised,
            ClockTrouble::Unknown,
            ClockTrouble::Jumped(1),
            ClockTrouble::FarFromLast(1),
            ClockTrouble::BeforeNewest(1),
            ClockTrouble::FarFromNewest,
        ];
        let all = clock.map(Refusal::Clock).into_iter().chain([Refusal::Guard { due: 2, allowed: 1 }]);
        for refusal in all {
            assert_ne!(label_of(&refusal), SweepRefusal::Failed, "{refusal:?}");
        }
    }
}
