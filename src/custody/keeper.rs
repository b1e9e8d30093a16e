//! A store after the call: its files, its index and its audit log, changed together.
//!
//! Owns the order in which the three change; what a hold or a deletion is, is in
//! [`super::hold`], [`super::restrict`], [`super::erase`], [`super::expire`] and
//! [`super::retain`]. Works while a recorder runs and without one. Every change
//! reads the sidecar again under a lock: the index finds, the file decides.
//!
//! An edit, step by step (the numbers are [`LifeStep`]s):
//!
//! | step | what is done | a crash right after it |
//! | --- | --- | --- |
//! | 1 | the audit entry, synced: nothing is done untold | the log tells of an edit that did not happen; whoever asked saw it fail |
//! | 2 | the sidecar replaced, synced | the index is behind: found by the time of the folder; a deletion reads the sidecar anyway |
//! | 3 | the index | nothing |
//!
//! An edit cut short inside step 2 leaves `NAME.json.new`, which the next look of
//! the daemon, the next sweep or the next start removes.
//! An edit that fails after it was told gets a second entry that says so.
//! Deletions are in [`super::erase`].

use super::audit::{AuditError, AuditLog, By, Draft, Outcome, facts};
use super::edit::{Amended, EditResult};
use crate::archive::index::{Index, IndexError, Row};
use crate::archive::{Archive, NoIndex, OpenError, Place};
use crate::store::files::{Folder, with_new};
use crate::store::heartbeat::Heartbeat;
use crate::store::lock::EditLock;
use crate::store::mark::{self, IdentityError};
use crate::store::sidecar::{Sidecar, rewrite_atomically};
use crate::store::{Steps, Stopped, StoreError};
use crate::time::Timestamp;
use std::collections::HashSet;
use std::path::Path;
use uuid::Uuid;

/// A numbered step of an edit (this module) or of a deletion ([`super::erase`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LifeStep {
    /// Edit 1: the audit entry is written.
    Told,
    /// Edit 2: the sidecar is replaced.
    Rewritten,
    /// Edit 3: the index has it.
    Indexed,
    /// Deletion 1: the tombstone is written.
    Buried,
    /// Deletion 2: the sidecar is unlinked.
    SidecarGone,
    /// Deletion 3: the audio is unlinked.
    AudioGone,
    /// Deletion 4: the folder is synced.
    FolderSynced,
    /// Deletion 5: the audit entry is written.
    DeletionTold,
    /// Deletion 6: the index has forgotten it.
    Forgotten,
}

impl LifeStep {
    /// Steps of an edit, in order.
    pub const EDIT: [LifeStep; 3] = [LifeStep::Told, LifeStep::Rewritten, LifeStep::Indexed];
    /// Steps of a deletion, in order.
    pub const DELETION: [LifeStep; 6] = [
        LifeStep::Buried,
        LifeStep::SidecarGone,
        LifeStep::AudioGone,
        LifeStep::FolderSynced,
        LifeStep::DeletionTold,
        LifeStep::Forgotten,
    ];
}

/// Where a test may stop the work. The default stops nowhere.
pub type LifeSteps = Steps<LifeStep>;

/// What can go wrong. Paths carry truncated numbers only.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Files of recordings.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The audit log: what cannot be told is not done.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The folder and its state do not belong together.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A test stopped the work.
    #[error(transparent)]
    Stopped(#[from] Stopped<LifeStep>),
}

/// Recordings edited or deleted under one lock and told of in one entry: others
/// wait no longer.
pub(super) const BATCH: usize = 200;

/// What changes the store.
#[derive(Debug)]
pub struct Keeper {
    pub(super) store: Folder,
    pub(super) index: Index,
    pub(super) audit: AuditLog,
    pub(super) heartbeat: Heartbeat,
    steps: LifeSteps,
    warning: Option<AuditError>,
}

impl Keeper {
    /// An open store, to be changed.
    pub fn new(archive: Archive, audit: AuditLog) -> Keeper {
        let Archive { store, index } = archive;
        let (heartbeat, steps) = (Heartbeat::default(), LifeSteps::default());
        Keeper { store, index, audit, heartbeat, steps, warning: None }
    }

    /// Opens a store that this process records into or looks after: it is marked where it
    /// is new, and the index is made where there is none. `now` only dates the mark.
    ///
    /// # Errors
    /// A folder that is missing, a wrong mount or state, and what the system refuses.
    pub fn open(place: &Place, audit: AuditLog, now: Timestamp) -> Result<Keeper, KeeperError> {
        Keeper::open_heard(place, audit, now, &Heartbeat::default())
    }

    /// The same, and `heartbeat` is told of each step, then and later: of a million recordings some
    /// work takes minutes.
    ///
    /// # Errors
    /// As [`Keeper::open`].
    pub fn open_heard(
        place: &Place,
        audit: AuditLog,
        now: Timestamp,
        heartbeat: &Heartbeat,
    ) -> Result<Keeper, KeeperError> {
        place.enter()?;
        mark::enter(&place.root, &place.state, now)?;
        let keeper = Keeper::new(Archive::open_heard(place, NoIndex::Build, heartbeat)?, audit);
        Ok(Keeper { heartbeat: heartbeat.clone(), ..keeper })
    }

    /// With places where a test may stop it.
    pub fn with_steps(mut self, steps: LifeSteps) -> Keeper {
        self.steps = steps;
        self
    }

    /// The folder of recordings.
    pub fn root(&self) -> &Path {
        self.store.path()
    }

    /// The index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Takes recordings that were finished since the last look into the index,
    /// and removes what is left of edits that were cut short.
    ///
    /// # Errors
    /// The folders cannot be read, or the index not be written.
    pub fn reconcile(&mut self) -> Result<(), KeeperError> {
        self.index.reconcile(self.store.path())?;
        let half_edits = self.index.take_half_edits();
        if half_edits.is_empty() {
            return Ok(());
        }
        // Whoever was at work has finished when this is entered.
        let _alone = EditLock::wait(self.audit.state())?;
        for json in half_edits {
            if Sidecar::read_in(&self.store, &json).is_ok() {
                self.store.remove(&with_new(&json))?;
            }
        }
        Ok(())
    }

    /// The audit log.
    pub fn audit(&self) -> &AuditLog {
        &self.audit
    }

    /// What is to be told to whoever works here, though nothing failed: the
    /// audit log's anchor could not be written.
    pub fn take_warning(&mut self) -> Option<AuditError> {
        self.warning.take()
    }

    /// Appends to the audit log.
    ///
    /// # Errors
    /// It cannot be written: then nothing may be shown or done.
    pub fn append_audit(&mut self, by: &By, draft: Draft) -> Result<(), KeeperError> {
        let (_, trouble) = self.audit.append(by, [draft])?;
        self.warning = trouble.or(self.warning.take());
        Ok(())
    }

    /// Reports a finished step.
    pub(super) fn done(&self, step: LifeStep) -> Result<(), KeeperError> {
        Ok(self.steps.done(step)?)
    }

    /// What an edit would come to; nothing is changed.
    ///
    /// # Errors
    /// None today: what cannot be read is in the result.
    pub fn plan(&self, rows: &[Row], change: &dyn Fn(&mut Sidecar) -> EditResult) -> Amended {
        let mut amended = Amended::default();
        for row in rows {
            match self.read(row) {
                Err(e) => amended.failed.push((row.id, e)),
                Ok(mut sidecar) => match change(&mut sidecar) {
                    EditResult::Made => amended.made.push(row.id),
                    EditResult::Not => amended.not.push(row.id),
                    EditResult::Refused(why) => amended.refused.push((row.id, why)),
                },
            }
        }
        amended
    }

    /// Edits sidecars: told, done, indexed. `draft` gets the ids that will change.
    ///
    /// # Errors
    /// The audit log or the index cannot be written. One sidecar that cannot be
    /// does not stop the rest.
    pub(super) fn amend(
        &mut self,
        rows: &[Row],
        draft: Draft,
        by: &By,
        change: &dyn Fn(&mut Sidecar) -> EditResult,
    ) -> Result<Amended, KeeperError> {
        let mut all = Amended::default();
        for batch in rows.chunks(BATCH) {
            all.add(self.amend_batch(batch, draft.clone(), by, change)?);
        }
        Ok(all)
    }

    fn amend_batch(
        &mut self,
        rows: &[Row],
        draft: Draft,
        by: &By,
        change: &dyn Fn(&mut Sidecar) -> EditResult,
    ) -> Result<Amended, KeeperError> {
        let alone = EditLock::wait(self.audit.state())?;
        self.amend_alone(rows, draft, by, change, &alone)
    }

    /// The same for whoever has the store to himself.
    pub(super) fn amend_alone(
        &mut self,
        rows: &[Row],
        draft: Draft,
        by: &By,
        change: &dyn Fn(&mut Sidecar) -> EditResult,
        _alone: &EditLock,
    ) -> Result<Amended, KeeperError> {
        let mut amended = self.plan(rows, change);
        let refused: Vec<Uuid> = amended.refused.iter().map(|(id, _)| *id).collect();
        if let Some((_, why)) = amended.refused.first() {
            let told =
                draft.clone().on(refused).ended(Outcome::Refused).detail(facts! { Because: why.to_string() });
            self.append_audit(by, told)?;
        }
        if amended.made.is_empty() {
            return Ok(amended);
        }
        self.append_audit(by, draft.clone().on(amended.made.iter().copied()))?;
        self.done(LifeStep::Told)?;
        let planned: HashSet<Uuid> = std::mem::take(&mut amended.made).into_iter().collect();
        let mut failed = Vec::new();
        for row in rows.iter().filter(|row| planned.contains(&row.id)) {
            match self.rewrite(row, change) {
                Ok(sidecar) => {
                    amended.made.push(row.id);
                    self.done(LifeStep::Rewritten)?;
                    self.put(row, &sidecar)?;
                    self.done(LifeStep::Indexed)?;
                }
                Err(e) => failed.push((row.id, e)),
            }
        }
        if !failed.is_empty() {
            let ids = failed.iter().map(|(id, _)| *id);
            self.append_audit(by, draft.on(ids).ended(Outcome::Failed))?;
            amended.failed.append(&mut failed);
        }
        Ok(amended)
    }

    fn rewrite(&self, row: &Row, change: &dyn Fn(&mut Sidecar) -> EditResult) -> Result<Sidecar, StoreError> {
        let mut sidecar = self.read(row)?;
        if change(&mut sidecar) == EditResult::Made {
            rewrite_atomically(&self.store, &row.json(self.store.path()), &sidecar)?;
        }
        Ok(sidecar)
    }

    /// The sidecar of a row: of this recording and no other, whatever the index says.
    pub(super) fn read(&self, row: &Row) -> Result<Sidecar, StoreError> {
        let path = row.json(self.store.path());
        let sidecar = Sidecar::read_in(&self.store, &path)?;
        match sidecar.id {
            id if id == row.id => Ok(sidecar),
            found => Err(StoreError::Another { path, found, wanted: row.id }),
        }
    }

    /// The index has what the sidecar says.
    pub(super) fn put(&mut self, row: &Row, sidecar: &Sidecar) -> Result<(), IndexError> {
        let (root, json) = (self.store.path().to_owned(), row.json(self.store.path()));
        self.index.put(&root, &json, sidecar)
    }
}
