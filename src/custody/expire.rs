//! The sweep: what is due is deleted, without anyone's hand.
//!
//! Due is what its sidecar says: `retention.until` has come and nothing holds it.
//! Idempotent, and safe to kill anywhere ([`super::erase`] has the steps). Refused
//! while the clock is not believed ([`super::wall_clock`]), and where it would delete
//! far more than usual:
//!
//! **The guard.** In a store that is kept up, a sweep meets what fell due on one
//! day. So it deletes at most what fell due on `retention.guard` days (default 3),
//! and of that not far more than was ever recorded on one day: a few services
//! with terms of their own, and the last days of a long month whose anniversaries
//! are one ([`CLAMPED`]), come together on a day. [`GUARD_FLOOR`] recordings are
//! always allowed. More is a clock that lies, a rule that was shortened, or a
//! recorder that stood still for days: a person looks (`nauhuri expire --dry-run`)
//! and says so (`--ignore-guard`). 0 switches the guard off.
//!
//! Must not know when it is called.

use super::audit::{Action, Draft, Outcome};
use super::erase::{Cause, Deleted};
use super::keeper::{BATCH, Keeper, KeeperError};
use super::wall_clock::{ClockTrouble, Reading};
use crate::config::{ClockTrust, Config};
use crate::store::calendar::ago;
use crate::store::lock::EditLock;
use crate::time::Timestamp;
use serde_json::json;
use std::collections::{BTreeMap, HashSet};
use uuid::Uuid;

/// Always allowed at once.
pub const GUARD_FLOOR: u64 = 20;
/// Days that may fall due together with a fourth: the 28th to the 31st of August on
/// the 28th of February.
pub const CLAMPED: u64 = 3;

/// How a sweep is done.
#[derive(Clone, Copy, Debug, Default)]
pub struct SweepOptions {
    /// Says what would be deleted and deletes nothing.
    pub dry_run: bool,
    /// Somebody answers for the clock; it is believed from now on.
    pub ignore_clock: bool,
    /// Somebody has looked.
    pub ignore_guard: bool,
    /// `retention.clock = "any"`: it need not be synchronised.
    pub any_clock: bool,
    /// `retention.guard`
    pub guard: u32,
    /// Also looks through the whole store for files of deleted recordings that
    /// came back.
    pub walk: bool,
    /// A refusal is not written to the audit log: it is the same as last hour's.
    pub untold_refusal: bool,
    /// `audit.keep`, as the instant before which entries go; `None`: none go.
    pub audit_since: Option<Timestamp>,
    /// `retention.tombstones`, likewise; looked at with `walk`.
    pub tombstones_since: Option<Timestamp>,
}

impl SweepOptions {
    /// What the configuration says about a sweep at `now`.
    pub fn of(config: &Config, now: Timestamp) -> SweepOptions {
        SweepOptions {
            any_clock: config.retention.clock == ClockTrust::Any,
            guard: config.retention.guard,
            audit_since: ago(&config.audit.keep, now),
            tombstones_since: ago(&config.retention.tombstones, now),
            ..SweepOptions::default()
        }
    }
}

/// Why nothing was deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The clock is not believed.
    #[error("{0}")]
    Clock(ClockTrouble),
    /// Far more than usual.
    #[error(
        "{due} recordings are due, those of {days} days, far more than usual \
         (at most {allowed} of {guard} days at once, retention.guard)"
    )]
    Guard {
        /// Due.
        due: u64,
        /// Days on which they fell due.
        days: u64,
        /// Recordings allowed.
        allowed: u64,
        /// Days allowed.
        guard: u64,
    },
}

impl Refusal {
    /// One word, for a metric.
    pub const fn name(&self) -> &'static str {
        match self {
            Refusal::Clock(trouble) => trouble.name(),
            Refusal::Guard { .. } => "guard",
        }
    }
}

/// What a sweep did, or under `dry_run` would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Deleted (would be), with the service.
    pub deleted: Vec<(Uuid, Option<String>)>,
    /// Deletions that a crash had cut short and files that had come back.
    pub completed: u64,
    /// Could not be deleted, and why.
    pub failed: Vec<(Uuid, String)>,
    /// Past their term, not held, and still there.
    pub overdue: u64,
    /// Entries of the audit log that went.
    pub audit_pruned: u64,
    /// Tombstones that had done their work and went.
    pub tombstones_pruned: u64,
    /// Nothing was deleted, and why.
    pub refused: Option<Refusal>,
}

impl Sweep {
    /// Deleted by service; where it is unknown under the empty name.
    pub fn by_service(&self) -> BTreeMap<&str, u64> {
        let mut by = BTreeMap::new();
        for (_, service) in &self.deleted {
            *by.entry(service.as_deref().unwrap_or("")).or_default() += 1;
        }
        by
    }
}

impl Keeper {
    /// Deletes what is due at the reading's wall clock.
    ///
    /// # Errors
    /// The tombstones, the audit log or the index cannot be written. A refusal is
    /// no error: it is in the result, and in the audit log.
    pub fn sweep(&mut self, reading: &Reading, options: &SweepOptions) -> Result<Sweep, KeeperError> {
        let now = reading.wall;
        let mut sweep = Sweep::default();
        if options.dry_run {
            self.index.reconcile(&self.root)?;
        } else {
            self.reconcile()?;
            // Deleted already, whatever the clock says.
            let completed = self.complete(options.walk, now)?;
            sweep.completed = completed.gone.len() as u64;
            sweep.failed = completed.failed;
        }
        let due = self.index.overdue(now)?.count;
        sweep.refused = self.refusal(reading, options, due)?;
        if options.dry_run {
            let rows = self.index.due_before(now, usize::MAX)?;
            sweep.deleted = rows.into_iter().map(|row| (row.id, row.service)).collect();
            sweep.overdue = due;
            self.tell(now, Draft::new(Action::ExpirePreview).detail(json!({ "due": due })))?;
            return Ok(sweep);
        }
        if let Some(refusal) = &sweep.refused {
            sweep.overdue = due;
            let detail = json!({ "because": refusal.to_string(), "due": due });
            let draft = Draft::new(Action::ExpireRefused).ended(Outcome::Refused).detail(detail);
            if !options.untold_refusal {
                self.tell(now, draft)?;
            }
            return Ok(sweep);
        }
        self.believe(reading)?;
        let deleted = self.delete_due(now)?;
        sweep.deleted = deleted.gone;
        let told: HashSet<Uuid> = sweep.failed.iter().map(|(id, _)| *id).collect();
        sweep.failed.extend(deleted.failed.into_iter().filter(|(id, _)| !told.contains(id)));
        // Whoever opens the index next would have to look through the folders this touched.
        self.index.reconcile(&self.root)?;
        self.index.scrub()?;
        sweep.overdue = self.index.overdue(now)?.count;
        if let Some(since) = options.audit_since {
            sweep.audit_pruned = self.audit.prune(now, since)?;
        }
        if let Some(since) = options.tombstones_since.filter(|_| options.walk) {
            sweep.tombstones_pruned = self.prune_tombstones(since, now)?;
        }
        Ok(sweep)
    }

    /// Told first, as everything is.
    fn prune_tombstones(&mut self, before: Timestamp, now: Timestamp) -> Result<u64, KeeperError> {
        let count = self.index.prunable_tombstones(before, now)?;
        if count > 0 {
            let detail = json!({ "tombstones": count, "before": before.to_rfc3339() });
            self.tell(now, Draft::new(Action::TombstonePrune).detail(detail))?;
            self.index.prune_tombstones(before, now)?;
        }
        Ok(count)
    }

    /// One sweep at a time: a command's and the daemon's would take away one another's scratch file.
    fn believe(&self, reading: &Reading) -> Result<(), KeeperError> {
        let _alone = EditLock::wait(self.audit.state())?;
        Ok(reading.believe(self.audit.state())?)
    }

    fn delete_due(&mut self, now: Timestamp) -> Result<Deleted, KeeperError> {
        let mut all = Deleted::default();
        let mut stuck: HashSet<Uuid> = HashSet::new();
        loop {
            let mut rows = self.index.due_before(now, BATCH + stuck.len())?;
            rows.retain(|row| !stuck.contains(&row.id));
            rows.truncate(BATCH);
            if rows.is_empty() {
                return Ok(all);
            }
            let batch = self.delete(&rows, Cause::Expire(now), now)?;
            // Whatever came of a row, it is not tried twice in one sweep.
            let gone: HashSet<Uuid> = batch.gone.iter().map(|(id, _)| *id).collect();
            stuck.extend(rows.iter().map(|row| row.id).filter(|id| !gone.contains(id)));
            all.add(batch);
        }
    }

    fn refusal(
        &self,
        reading: &Reading,
        options: &SweepOptions,
        due: u64,
    ) -> Result<Option<Refusal>, KeeperError> {
        if !options.ignore_clock {
            let newest = self.index.last_answer()?;
            if let Err(trouble) = reading.judge(self.audit.state(), newest, !options.any_clock) {
                return Ok(Some(Refusal::Clock(trouble)));
            }
        }
        if options.ignore_guard || options.guard == 0 || due <= GUARD_FLOOR {
            return Ok(None);
        }
        let guard = u64::from(options.guard);
        let days = self.index.due_days(reading.wall)?;
        let allowed = self.index.busiest_day()?.saturating_mul(guard + CLAMPED);
        Ok((days > guard || due > allowed).then_some(Refusal::Guard { due, days, allowed, guard }))
    }
}
