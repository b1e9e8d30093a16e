//! A plan carried out: what is due is deleted, in the steps of [`super::super::erase`].

use super::super::audit::{Action, By, Draft, Outcome, Who, facts};
use super::super::deleted::{Deleted, NotDeleted};
use super::super::dsar::{DsarError, RequestBook};
use super::super::erase::Cause;
use super::super::keeper::{BATCH, Keeper, KeeperError};
use super::super::wall_clock::{self, Reading};
use super::plan::{Crowd, GUARD_FLOOR, Inventory, Plan, Refusal, RequestsBefore, SweepOptions, plan};
use crate::store::call_assurance::AssuranceFolder;
use crate::store::layout::open_state;
use crate::store::lock::EditLock;
use crate::store::register::Register;
use crate::time::Timestamp;
use std::collections::{BTreeMap, HashSet};
use uuid::Uuid;

/// What a sweep did, or under `dry_run` would do.
#[derive(Debug, Default)]
pub struct Sweep {
    /// Deleted (would be), with the service.
    pub deleted: Vec<(Uuid, Option<String>)>,
    /// Deletions that a crash had cut short and files that had come back.
    pub completed: u64,
    /// Among those, no audio was found under their names.
    pub silent: Vec<Uuid>,
    /// Could not be deleted, and why.
    pub failed: Vec<(Uuid, NotDeleted)>,
    /// Past their term, not held, and still there.
    pub overdue: u64,
    /// Entries of the audit log that went.
    pub audit_pruned: u64,
    /// Tombstones that had done their work and went.
    pub tombstones_pruned: u64,
    /// Requests of data subjects whose names went.
    pub dsar_pruned: u64,
    /// Calls that left the register of those that were not recorded.
    pub register_pruned: u64,
    /// Training copies that went with their recordings.
    pub training_removed: u64,
    /// Assurance of calls that left no recording, whose time was over.
    pub assurance_removed: u64,
    /// What beside recordings could not be looked after, and why.
    pub troubles: Vec<SweepTrouble>,
    /// Files that are not the service's, or open to others, where they were to be counted.
    pub wrong_owner: Option<u64>,
    /// Nothing was deleted, and why.
    pub refused: Option<Refusal>,
}

/// What beside recordings could not be looked after.
#[derive(Debug, thiserror::Error)]
pub enum SweepTrouble {
    /// Training copies go with their recordings.
    #[error(transparent)]
    Training(KeeperError),
    /// Assurance of calls that left no recording goes when that would have gone.
    #[error(transparent)]
    Assurance(KeeperError),
    /// Names of data subjects whose requests were decided go.
    #[error(transparent)]
    Requests(DsarError),
    /// Calls leave the register of those that were not recorded.
    #[error(transparent)]
    Register(KeeperError),
}

impl Sweep {
    /// Everything that was due went.
    pub fn is_clean(&self) -> bool {
        self.refused.is_none() && self.failed.is_empty() && self.troubles.is_empty()
    }

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
    /// Deletes what is due at the reading's wall clock, as the plan allows.
    ///
    /// # Errors
    /// The tombstones, the audit log or the index cannot be written. A refusal is
    /// no error: it is in the result, and in the audit log.
    pub fn sweep(
        &mut self,
        who: &Who,
        reading: &Reading,
        options: &SweepOptions,
    ) -> Result<Sweep, KeeperError> {
        let by = &By::new(who.clone(), reading.wall);
        let mut sweep = Sweep::default();
        if options.dry_run {
            self.index.reconcile(self.store.path())?;
        } else {
            self.reconcile()?;
            // Deleted already, whatever the clock says.
            let completed = self.complete(options.walk, by)?;
            sweep.completed = completed.gone.len() as u64;
            sweep.failed = completed.failed;
        }
        if options.count_wrong_owners && !options.dry_run {
            sweep.wrong_owner = Some(self.count_wrong()?);
        }
        let inventory = self.inventory(reading.wall)?;
        sweep.overdue = inventory.due;
        match plan(&inventory, reading, options) {
            Plan::Look { refusal } => {
                sweep.refused = refusal;
                let rows = self.index.due_before(reading.wall, usize::MAX)?;
                sweep.deleted = rows.into_iter().map(|row| (row.id, row.service)).collect();
                sweep.assurance_removed = self.due_assurance(reading.wall)?;
                let detail = facts! { Due: inventory.due };
                self.append_audit(by, Draft::new(Action::ExpirePreview).detail(detail))?;
            }
            Plan::Refuse { refusal, tell } => {
                if tell {
                    let detail = facts! { Because: refusal.to_string(), Due: inventory.due };
                    let draft = Draft::new(Action::ExpireRefused).ended(Outcome::Refused);
                    self.append_audit(by, draft.detail(detail))?;
                }
                sweep.refused = Some(refusal);
            }
            Plan::Delete { due_at, audit_before, tombstones_before, requests_before, register_before } => {
                self.believe(reading)?;
                self.delete_due(due_at, by, &mut sweep)?;
                if let Some(before) = audit_before {
                    sweep.audit_pruned = self.audit.prune(by, before)?;
                }
                if let Some(before) = tombstones_before {
                    sweep.tombstones_pruned = self.prune_tombstones(before, by)?;
                }
                let mut try_task = |done: Result<u64, SweepTrouble>| match done {
                    Ok(count) => count,
                    Err(trouble) => {
                        sweep.troubles.push(trouble);
                        0
                    }
                };
                let removed = self.tend_training(due_at, by).map_err(SweepTrouble::Training);
                sweep.training_removed = try_task(removed);
                let removed = self.expire_assurance(due_at, by).map_err(SweepTrouble::Assurance);
                sweep.assurance_removed = try_task(removed);
                if let Some(before) = requests_before {
                    let pruned = self.prune_requests(before, by).map_err(SweepTrouble::Requests);
                    sweep.dsar_pruned = try_task(pruned);
                }
                if let Some(before) = register_before {
                    let pruned = self.prune_register(before).map_err(SweepTrouble::Register);
                    sweep.register_pruned = try_task(pruned);
                }
            }
        }
        Ok(sweep)
    }

    /// What is known before a sweep.
    fn inventory(&self, now: Timestamp) -> Result<Inventory, KeeperError> {
        let due = self.index.overdue(now)?.count;
        // Both look through the whole index.
        let crowd = match due > GUARD_FLOOR {
            true => Some(Crowd { days: self.index.due_days(now)?, busiest: self.index.busiest_day()? }),
            false => None,
        };
        let newest = self.index.newest()?;
        let newest = newest.map(|(id, answered_at)| wall_clock::Newest { id, answered_at });
        let believed = wall_clock::last_believed(self.audit.state());
        Ok(Inventory { due, crowd, newest, believed })
    }

    /// Told first, as everything is.
    fn prune_tombstones(&mut self, before: Timestamp, by: &By) -> Result<u64, KeeperError> {
        let count = self.index.prunable_tombstones(before, by.at)?;
        if count > 0 {
            let detail = facts! { Tombstones: count, Before: before.to_rfc3339() };
            self.append_audit(by, Draft::new(Action::TombstonePrune).detail(detail))?;
            self.index.prune_tombstones(before, by.at)?;
        }
        Ok(count)
    }

    /// What says of calls that they left no recording goes when a recording would have gone. Told first.
    fn expire_assurance(&mut self, due_at: Timestamp, by: &By) -> Result<u64, KeeperError> {
        let Some(folder) = AssuranceFolder::open(&self.store)? else { return Ok(0) };
        let due = folder.due(due_at)?;
        if !due.is_empty() {
            let detail = facts! { Calls: due.len() };
            self.append_audit(by, Draft::new(Action::AssuranceExpire).detail(detail))?;
        }
        let mut removed = 0;
        for place in due {
            self.heartbeat.beat();
            removed += u64::from(folder.remove(&place)?);
        }
        Ok(removed)
    }

    /// How many of them are due.
    fn due_assurance(&self, now: Timestamp) -> Result<u64, KeeperError> {
        let folder = AssuranceFolder::open(&self.store)?;
        Ok(folder.map(|f| f.due(now)).transpose()?.map_or(0, |due| due.len() as u64))
    }

    /// Told first, as everything is.
    fn prune_requests(&mut self, before: RequestsBefore, by: &By) -> Result<u64, DsarError> {
        let RequestsBefore { names, whole } = before;
        let Some(book) = RequestBook::open_if_there(self.audit.state())? else { return Ok(0) };
        let count = book.prunable(names, whole)?;
        if count > 0 {
            let detail = facts! { Requests: count, Before: names.to_rfc3339() };
            self.append_audit(by, Draft::new(Action::DsarPrune).detail(detail))?;
            book.prune(names, whole)?;
        }
        Ok(count)
    }

    /// It is a part of the technical log, not of the store: no entry tells of it.
    fn prune_register(&self, before: Timestamp) -> Result<u64, KeeperError> {
        Ok(Register::new(open_state(self.audit.state())?).prune(before)? as u64)
    }

    /// One sweep at a time: a command's and the daemon's would take away one another's scratch file.
    fn believe(&self, reading: &Reading) -> Result<(), KeeperError> {
        let _alone = EditLock::wait(self.audit.state())?;
        Ok(wall_clock::believe(self.audit.state(), reading)?)
    }

    fn delete_due(&mut self, due_at: Timestamp, by: &By, sweep: &mut Sweep) -> Result<(), KeeperError> {
        let deleted = self.delete_in_batches(due_at, by)?;
        sweep.deleted = deleted.gone;
        sweep.silent = deleted.silent;
        let told: HashSet<Uuid> = sweep.failed.iter().map(|(id, _)| *id).collect();
        sweep.failed.extend(deleted.failed.into_iter().filter(|(id, _)| !told.contains(id)));
        // Whoever opens the index next would have to look through the folders this touched.
        self.index.reconcile(self.store.path())?;
        self.index.scrub()?;
        sweep.overdue = self.index.overdue(due_at)?.count;
        Ok(())
    }

    fn delete_in_batches(&mut self, due_at: Timestamp, by: &By) -> Result<Deleted, KeeperError> {
        let mut all = Deleted::default();
        let mut stuck: HashSet<Uuid> = HashSet::new();
        loop {
            let mut rows = self.index.due_before(due_at, BATCH + stuck.len())?;
            rows.retain(|row| !stuck.contains(&row.id));
            rows.truncate(BATCH);
            if rows.is_empty() {
                return Ok(all);
            }
            let batch = self.delete(&rows, Cause::Expire(due_at), by)?;
            // Whatever came of a row, it is not tried twice in one sweep.
            let gone: HashSet<Uuid> = batch.gone.iter().map(|(id, _)| *id).collect();
            stuck.extend(rows.iter().map(|row| row.id).filter(|id| !gone.contains(id)));
            all.add(batch);
        }
    }
}
