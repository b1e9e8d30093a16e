//! Training copies go when their sources go, and nobody else's files lie among them.

use super::super::audit::{Action, By, Draft, facts};
use super::super::keeper::{Keeper, KeeperError};
use crate::archive::index::IndexError;
use crate::store::lock::EditLock;
use crate::store::training::{TrainingCopy, TrainingFile, TrainingFolder};
use crate::time::{NS_PER_S, Timestamp};
use std::path::Path;
use uuid::Uuid;

/// What a crash left is left for so long: somebody may be making it. Nanoseconds.
const LEFT_FOR: i128 = 24 * 3600 * NS_PER_S as i128;

/// Why a copy goes.
fn is_over(keeper: &Keeper, copy: &TrainingCopy, now: Timestamp) -> Result<Option<&'static str>, IndexError> {
    if keeper.index().is_buried(copy.source)? {
        return Ok(Some("its recording was deleted"));
    }
    // What holds a recording holds no copy of it.
    let until = keeper.index().get(copy.source)?.map_or(copy.until, |row| row.until);
    Ok(until.filter(|until| *until <= now).map(|_| "the term of its recording is over"))
}

impl Keeper {
    /// Removes the copies whose sources are gone or past their term at `due_at`, and what crashes left; how many.
    ///
    /// # Errors
    /// The folder, the index or the audit log cannot be used.
    pub fn tend_training(&mut self, due_at: Timestamp, by: &By) -> Result<u64, KeeperError> {
        let Some(copies) = TrainingFolder::open(self.store.path())? else { return Ok(0) };
        let _alone = EditLock::wait(self.audit.state())?;
        let mut removed = 0;
        for copy in copies.copies()? {
            self.heartbeat.beat();
            if let Some(because) = is_over(self, &copy, due_at)? {
                let detail = facts! { Training: copy.id, Because: because };
                self.append_audit(by, Draft::new(Action::TrainingRemove).on([copy.source]).detail(detail))?;
                copies.remove(&copy)?;
                removed += 1;
            }
        }
        self.remove_leftovers(&copies, due_at)?;
        Ok(removed)
    }

    /// Audio without a JSON, and what was never finished.
    fn remove_leftovers(&self, copies: &TrainingFolder, now: Timestamp) -> Result<(), KeeperError> {
        let files = copies.files()?;
        let is_known = |file: &TrainingFile| {
            file.name.ends_with(".wav") && files.iter().any(|json| json.is_json() && json.ids == file.ids)
        };
        for file in files.iter().filter(|file| file.ids.is_some() && !file.is_json() && !is_known(file)) {
            let name = Path::new(&file.name);
            let changed = copies.folder().look(name)?.map(|known| known.changed_ns());
            if changed.is_some_and(|changed| i128::from(now.as_ns()) - changed > LEFT_FOR) {
                copies.folder().remove(name)?;
            }
        }
        Ok(())
    }

    /// Removes one copy.
    ///
    /// # Errors
    /// As [`Keeper::tend_training`]. `false`: there is none.
    pub fn remove_training(&mut self, id: Uuid, by: &By) -> Result<bool, KeeperError> {
        let Some(copies) = TrainingFolder::open(self.store.path())? else { return Ok(false) };
        let Some(copy) = copies.get(id)? else { return Ok(false) };
        let draft = Draft::new(Action::TrainingRemove).on([copy.source]).detail(facts! { Training: id });
        self.append_audit(by, draft)?;
        copies.remove(&copy)?;
        Ok(true)
    }
}
