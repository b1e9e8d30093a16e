//! Deletion: before its time on request (`erase`), or because its time is over
//! ([`super::expire`]).
//!
//! Each number is a [`LifeStep`]; a crash after any of them is completed by the
//! next sweep or the next start ([`Keeper::complete`]), since from step 1 on
//! the recording is deleted, whatever still lies about.
//!
//! | step | what is done | a crash right after it leaves |
//! | --- | --- | --- |
//! | 1 | a tombstone in `tombstones.jsonl`, synced, then in the index: no search gives it any more | both files, to be removed |
//! | 2 | `NAME.json` unlinked, and what an edit or a crash left beside it | audio without a name in any list |
//! | 3 | its training copies unlinked, then `NAME.wav` | names that may come back |
//! | 4 | the folder synced | a deletion nobody was told of |
//! | 5 | the audit entry | a row in the index that no search gives |
//! | 6 | the index forgets the row: overwritten with zeros (`secure_delete`), its log emptied | nothing |
//!
//! The audit entry stands before the last step, so that the row is there to
//! tell whether it was written: a crash between the two writes it twice, none
//! leaves it out. A tombstone holds no personal data; it keeps a restored copy
//! of files or index from bringing the recording back.
//!
//! An erasure is told before the first step as well, by whom and why: what cannot be
//! told is not begun, and whoever completes it after a crash knows neither.
//!
//! What nobody can say is not held stays: a copy that came back may bear a hold
//! that its recording had.
//!
//! Files are unlinked, not overwritten: on a journal, a copy-on-write file
//! system or flash, overwriting is a promise nobody keeps. Storage that must not
//! give up deleted blocks is encrypted, or discards them.

use super::audit::{Action, By, Draft, EntryFacts, Fact, Outcome, Why, facts};
use super::deleted::{Deleted, NotDeleted};
use super::keeper::{BATCH, Keeper, KeeperError, LifeStep};
use crate::archive::index::{DeletionReason, Row, Tombstone};
use crate::id::short_hex;
use crate::store::StoreError;
use crate::store::cases;
use crate::store::files::with_new;
use crate::store::layout::{Paths, parse_stem};
use crate::store::lock::EditLock;
use crate::store::sidecar::{Sidecar, read_value};
use crate::store::training::remove_copies;
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::path::Path;
use uuid::Uuid;

/// Why an erasure is put off, in the audit log.
pub(super) const HELD: &str = "held";

/// An erasure that a hold put off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutOff {
    /// When it was asked for.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// Why a deletion happens, and what it asks of a recording.
#[derive(Clone, Copy)]
pub(super) enum Cause<'a> {
    /// Asked for: all but what is held.
    Erase(&'a Draft),
    /// Over: what is due at this instant and not held.
    Expire(Timestamp),
}

impl Cause<'_> {
    fn reason(self) -> DeletionReason {
        match self {
            Cause::Erase(_) => DeletionReason::Erased,
            Cause::Expire(_) => DeletionReason::Expired,
        }
    }

    fn draft(self) -> Draft {
        match self {
            Cause::Erase(draft) => draft.clone(),
            Cause::Expire(_) => Draft::new(Action::Expire),
        }
    }
}

/// What the sidecar says to it.
enum ErasureCheck {
    Go,
    /// With the sidecar where the index has not seen the hold.
    Held(Option<Box<Sidecar>>),
    NotDue(Box<Sidecar>),
    Not(NotDeleted),
}

impl Keeper {
    /// Erases what is not held; held ones stay untouched, which the audit log tells too.
    ///
    /// # Errors
    /// The tombstones, the audit log or the index cannot be written.
    pub fn erase(
        &mut self,
        rows: &[Row],
        reason: &str,
        search: Option<EntryFacts>,
        by: &By,
    ) -> Result<Deleted, KeeperError> {
        let why = Why { reason: Some(reason.into()), ..Why::default() };
        let draft = Draft::new(Action::Erase).found_by(search).why(why);
        let mut deleted = Deleted::default();
        for batch in rows.chunks(BATCH) {
            let done = self.delete(batch, Cause::Erase(&draft), by)?;
            if !done.held.is_empty() {
                let held = draft.clone().on(done.held.iter().copied()).ended(Outcome::Refused);
                self.append_audit(by, held.detail(facts! { Because: HELD }))?;
            }
            deleted.add(done);
        }
        self.index.scrub()?;
        Ok(deleted)
    }

    /// Writes down that erasing `rows` is refused, and on which legal ground
    /// (GDPR Art. 17(3)). Nothing is touched.
    ///
    /// # Errors
    /// The audit log cannot be written.
    pub fn refuse_erasure(
        &mut self,
        rows: &[Row],
        why: Why,
        search: Option<EntryFacts>,
        by: &By,
    ) -> Result<(), KeeperError> {
        let draft = Draft::new(Action::Erase).on(rows.iter().map(|row| row.id)).found_by(search);
        self.append_audit(by, draft.why(why).ended(Outcome::Refused))
    }

    /// Erasures of `ids` that were asked for while a hold forbade them, and
    /// neither done nor refused since: what is to be decided when the hold ends.
    ///
    /// # Errors
    /// The audit log cannot be read.
    pub fn erasures_put_off(&self, ids: &[Uuid]) -> Result<BTreeMap<Uuid, PutOff>, KeeperError> {
        let ids: HashSet<&Uuid> = ids.iter().collect();
        let mut put_off = BTreeMap::new();
        for entry in self.audit.entries()?.filter(|e| e.action == Action::Erase) {
            let held = entry.detail.as_ref().is_some_and(|d| d.text(Fact::Because) == Some(HELD));
            for id in entry.targets.iter().filter(|id| ids.contains(id)) {
                if held {
                    let (at, reason) = (entry.at, entry.why.reason.clone().unwrap_or_default());
                    put_off.insert(*id, PutOff { at, reason });
                } else {
                    put_off.remove(id);
                }
            }
        }
        Ok(put_off)
    }

    /// Steps 1 to 6 for at most [`BATCH`] recordings.
    pub(super) fn delete(&mut self, rows: &[Row], cause: Cause<'_>, by: &By) -> Result<Deleted, KeeperError> {
        let _alone = EditLock::wait(self.audit.state())?;
        let mut deleted = Deleted::default();
        let mut going = Vec::new();
        for row in rows {
            self.heartbeat.beat();
            // Found before the lock was taken: somebody may have deleted it since, and told.
            if self.index.get(row.id)?.is_none() {
                deleted.already.push(row.id);
                continue;
            }
            match self.ask(row, cause) {
                ErasureCheck::Go => going.push(row),
                ErasureCheck::Held(unseen) => {
                    deleted.held.push(row.id);
                    if let Some(sidecar) = unseen {
                        self.put(row, &sidecar)?;
                    }
                }
                ErasureCheck::Not(why) => deleted.failed.push((row.id, why)),
                ErasureCheck::NotDue(sidecar) => {
                    deleted.not_due.push(row.id);
                    self.put(row, &sidecar)?;
                }
            }
        }
        if going.is_empty() {
            return Ok(deleted);
        }
        if let Cause::Erase(draft) = cause {
            let begun = Draft { action: Action::EraseBegun, ..draft.clone() };
            self.append_audit(by, begun.on(going.iter().map(|row| row.id)))?;
        }
        let stones: Vec<_> = going.iter().map(|row| Tombstone::of(row, by.at, cause.reason())).collect();
        self.index.bury_all(&stones)?;
        self.done(LifeStep::Buried)?;
        let (gone, silent) = self.remove_all(going.into_iter().cloned().collect(), &mut deleted)?;
        let draft = match silent.is_empty() {
            true => cause.draft(),
            false => cause.draft().detail(facts! { NoAudioFound: silent }),
        };
        deleted.silent.extend(silent);
        self.audit_and_forget(&gone, draft, by)?;
        deleted.gone.extend(gone.into_iter().map(|row| (row.id, row.service)));
        Ok(deleted)
    }

    /// The index finds, the file decides.
    fn ask(&self, row: &Row, cause: Cause<'_>) -> ErasureCheck {
        let read = match self.read_own(row) {
            Ok(read) => read,
            Err(why) => return ErasureCheck::Not(why),
        };
        let fresh = read.as_ref().ok().map(|sidecar| Row::of(&row.path, sidecar));
        let gone = matches!(&read, Err(e) if e.kind() == io::ErrorKind::NotFound);
        match (cause, fresh) {
            (_, Some(fresh)) if fresh.held => {
                ErasureCheck::Held(read.ok().filter(|_| !row.held).map(Box::new))
            }
            // Nothing but its row and perhaps its audio is left.
            (_, None) if row.held => ErasureCheck::Held(None),
            (Cause::Erase(_), None) if self.may_be_held(&row.json(self.store.path())) => {
                ErasureCheck::Not(NotDeleted::MayBeHeld)
            }
            (Cause::Erase(_), _) => ErasureCheck::Go,
            (Cause::Expire(at), Some(fresh)) if fresh.is_due(at) => ErasureCheck::Go,
            (Cause::Expire(at), None) if gone && row.is_due(at) => ErasureCheck::Go,
            (Cause::Expire(_), _) => match read {
                Ok(sidecar) => ErasureCheck::NotDue(Box::new(sidecar)),
                // A hold may stand there that the index has not seen: in doubt it is kept.
                Err(e) => ErasureCheck::Not(e.into()),
            },
        }
    }

    /// Steps 2 to 4: what is gone, and of which no audio was there. What could not be
    /// removed is in `deleted.failed`.
    fn remove_all(
        &self,
        rows: Vec<Row>,
        deleted: &mut Deleted,
    ) -> Result<(Vec<Row>, Vec<Uuid>), KeeperError> {
        let mut folders = BTreeSet::new();
        let (mut gone, mut silent) = (Vec::new(), Vec::new());
        for row in rows {
            self.heartbeat.beat();
            let paths = Paths::beside(&row.path);
            let removed = self
                .remove_sidecar(&paths)?
                .and_then(|_| remove_copies(self.store.path(), row.id))
                .and_then(|()| self.store.remove(&paths.wav));
            match removed {
                Ok(true) => {}
                Ok(false) => silent.push(row.id),
                Err(e) => {
                    deleted.failed.push((row.id, e.into()));
                    continue;
                }
            }
            self.done(LifeStep::AudioGone)?;
            folders.insert(paths.folder);
            gone.push(row);
        }
        for folder in &folders {
            match self.store.below(folder).and_then(|folder| folder.sync()) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e.into()),
                _ => {}
            }
        }
        self.done(LifeStep::FolderSynced)?;
        Ok((gone, silent))
    }

    /// Step 2; whether anything was there. The outer error is a test's stop.
    fn remove_sidecar(&self, paths: &Paths) -> Result<Result<bool, StoreError>, KeeperError> {
        let beside = [
            with_new(&paths.json),
            with_new(&paths.json_part),
            with_new(&paths.wav),
            paths.json_part.clone(),
            paths.wav_part.clone(),
            paths.pcap.clone(),
            paths.pcap_part.clone(),
        ];
        let mut any = false;
        let removed = beside.iter().chain([&paths.json]).try_for_each(|path| {
            any |= self.store.remove(path)?;
            Ok(())
        });
        if removed.is_ok() {
            self.done(LifeStep::SidecarGone)?;
        }
        Ok(removed.map(|()| any))
    }

    /// Steps 5 and 6.
    fn audit_and_forget(&mut self, gone: &[Row], draft: Draft, by: &By) -> Result<(), KeeperError> {
        if gone.is_empty() {
            return Ok(());
        }
        self.append_audit(by, draft.on(gone.iter().map(|row| row.id)))?;
        self.done(LifeStep::DeletionTold)?;
        self.index.forget_all(gone.iter().map(|row| row.id))?;
        self.done(LifeStep::Forgotten)
    }

    /// Completes what a crash cut short, and removes files of deleted recordings
    /// that came back from a copy. `walk`: looks through the whole store for the
    /// latter, a second for each million recordings; else only at what the index
    /// remembers.
    ///
    /// # Errors
    /// The audit log or the index cannot be written, or the store not be walked.
    pub fn complete(&mut self, walk: bool, by: &By) -> Result<Deleted, KeeperError> {
        let mut deleted = Deleted::default();
        let mut seen: HashSet<Uuid> = HashSet::new();
        loop {
            let _alone = EditLock::wait(self.audit.state())?;
            // Looked for under the lock: what another process is about to tell is none of these.
            let mut batch = self.index.buried_rows()?;
            batch.retain(|row| !seen.contains(&row.id));
            batch.truncate(BATCH);
            if batch.is_empty() {
                break;
            }
            seen.extend(batch.iter().map(|row| row.id));
            batch.retain(|row| match self.read_own(row) {
                Ok(_) => true,
                Err(why) => {
                    deleted.failed.push((row.id, why));
                    false
                }
            });
            let (held, going): (Vec<Row>, Vec<Row>) =
                batch.into_iter().partition(|row| self.may_be_held(&row.json(self.store.path())));
            deleted.failed.extend(held.iter().map(|row| (row.id, NotDeleted::CameBackHeld)));
            let (gone, _) = self.remove_all(going, &mut deleted)?;
            for (reason, action) in
                [(DeletionReason::Erased, Action::Erase), (DeletionReason::Expired, Action::Expire)]
            {
                let mut of_reason = Vec::new();
                for row in &gone {
                    let stone = self.index.tombstone(row.id)?;
                    if stone.map_or(DeletionReason::Erased, |stone| stone.reason) == reason {
                        of_reason.push(row.clone());
                    }
                }
                let draft = Draft::new(action).detail(facts! { Completed: "what was cut short" });
                self.audit_and_forget(&of_reason, draft, by)?;
            }
            deleted.gone.extend(gone.into_iter().map(|row| (row.id, row.service)));
        }
        if walk {
            self.remove_returned(&mut deleted, by)?;
        }
        Ok(deleted)
    }

    fn remove_returned(&mut self, deleted: &mut Deleted, by: &By) -> Result<(), KeeperError> {
        let returned = self.index.find_buried_files(self.store.path())?;
        let mut ids = Vec::new();
        for file in returned {
            self.heartbeat.beat();
            let _alone = EditLock::wait(self.audit.state())?;
            let paths = file.found.paths();
            if self.may_be_held(&paths.json) {
                deleted.failed.push((file.id, NotDeleted::CameBackHeld));
                continue;
            }
            let removed = self.remove_sidecar(&paths)?;
            match removed.and_then(|any| Ok(self.store.remove(&paths.wav)? || any)) {
                // Whoever was deleting it just now has told of it.
                Ok(false) => {}
                Ok(true) => {
                    self.store.below(&paths.folder)?.sync()?;
                    ids.push(file.id);
                }
                Err(e) => deleted.failed.push((file.id, e.into())),
            }
        }
        if !ids.is_empty() {
            let detail = facts! { Completed: "files of a deleted recording had come back" };
            self.append_audit(by, Draft::new(Action::Erase).on(ids.iter().copied()).detail(detail))?;
            deleted.gone.extend(ids.into_iter().map(|id| (id, None)));
        }
        Ok(())
    }

    /// The sidecar of a row, as far as it can be read. An error where the index names the files of
    /// another recording: by what is in them, or by their name.
    fn read_own(&self, row: &Row) -> Result<Result<Sidecar, StoreError>, NotDeleted> {
        let read = match self.read(row) {
            Err(e @ StoreError::Another { .. }) => return Err(e.into()),
            read => read,
        };
        let name = row.path.file_stem().and_then(|stem| parse_stem(stem.to_str()?));
        match name {
            Some(name) if name.short != short_hex(row.id) => Err(NotDeleted::Misnamed),
            _ => Ok(read),
        }
    }

    /// Nobody can say that it is not held.
    fn may_be_held(&self, json: &Path) -> bool {
        match read_value(&self.store, json) {
            Ok(value) => cases::is_set(value.get("retention").and_then(|r| r.get("hold"))),
            Err(e) => e.kind() != io::ErrorKind::NotFound,
        }
    }
}
