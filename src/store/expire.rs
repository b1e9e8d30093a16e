//! The sweep: what is due is deleted, without anyone's hand.
//!
//! Due is what its sidecar says: `retention.until` has come and nothing holds it.
//! Idempotent, and safe to kill anywhere ([`super::erase`] has the steps). Refused
//! while the clock is not believed ([`super::clock`]), and where it would delete
//! far more than usual:
//!
//! **The guard.** In a store that is kept up, about as many recordings fall due in
//! a day as are made in one. So a sweep may delete at most `retention.guard` times
//! (default 3) the average number of recordings a day of the store, over the
//! days from its oldest to its newest, and always 100. More is a clock that lies,
//! a rule that was shortened, or a recorder that stood still for days: a person
//! looks (`nauhuri expire --dry-run`) and says so (`--ignore-guard`). 0 switches
//! the guard off.
//!
//! Must not know when it is called.

use super::audit::{Action, Draft, Outcome};
use super::clock::{ClockTrouble, Reading};
use super::erase::{BATCH, Cause, Deleted};
use super::keeper::{Keeper, KeeperError};
use crate::config::{ClockTrust, Config};
use crate::store::calendar::Term;
use crate::time::Timestamp;
use jiff::ToSpan;
use jiff::tz::TimeZone;
use serde_json::json;
use std::collections::{BTreeMap, HashSet};
use uuid::Uuid;

/// Always allowed at once.
pub const GUARD_FLOOR: u64 = 100;

/// A day, nanoseconds.
const DAY_NS: i64 = 86_400 * crate::time::NS_PER_S;

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
}

impl SweepOptions {
    /// What the configuration says about a sweep at `now`.
    pub fn of(config: &Config, now: Timestamp) -> SweepOptions {
        SweepOptions {
            any_clock: config.retention.clock == ClockTrust::Any,
            guard: config.retention.guard,
            audit_since: audit_since(&config.audit.keep, now),
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
    #[error("{due} recordings are due, far more than usual (at most {allowed} at once)")]
    Guard {
        /// Due.
        due: u64,
        /// Allowed.
        allowed: u64,
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
        sweep.failed.extend(deleted.failed);
        self.index.scrub()?;
        sweep.overdue = self.index.overdue(now)?.count;
        if let Some(since) = options.audit_since {
            sweep.audit_pruned = self.audit.prune(now, since)?;
        }
        Ok(sweep)
    }

    /// One sweep at a time: a command's and the daemon's would take away one another's scratch file.
    fn believe(&self, reading: &Reading) -> Result<(), KeeperError> {
        let _place = self.enter()?;
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
        let allowed = self.allowed_at_once(reading.wall, options.guard)?;
        let over = !options.ignore_guard && options.guard > 0 && due > allowed;
        Ok(over.then_some(Refusal::Guard { due, allowed }))
    }

    fn allowed_at_once(&self, now: Timestamp, guard: u32) -> Result<u64, KeeperError> {
        let stats = self.index.stats(now)?;
        let count = stats.kept.count + stats.held.count + stats.due.count;
        let days = match self.index.first_answer()?.zip(self.index.last_answer()?) {
            Some((first, last)) => u64::try_from(last.since_ns(first) / DAY_NS).unwrap_or(0) + 1,
            None => 1,
        };
        Ok((count.saturating_mul(u64::from(guard)) / days).max(GUARD_FLOOR))
    }
}

/// Entries before this go.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_go_by_the_calendar() {
        let now = Timestamp::from_jiff("2028-02-29T12:00:00Z".parse().unwrap());
        let since = audit_since("10 years", now).unwrap();
        assert_eq!(since.to_rfc3339(), "2018-02-28T12:00:00.000000Z");
        assert_eq!(audit_since("for ever", now), None);
    }
}
