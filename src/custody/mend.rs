//! What can be mended without loss: owners, modes, and the index.
//!
//! Files of root's among the service's come from a copy restored by hand, or from a version
//! that let root's commands leave them; nobody but root gives them back. Told first, as
//! every change is; audio and metadata are not touched.

use super::audit::{Action, By, Draft, Outcome, facts};
use super::keeper::{Keeper, KeeperError};
use crate::archive::owners::{WrongOwner, each_wrong};
use crate::store::StoreError;
use crate::store::files::Folder;
use crate::store::layout::open_state;
use std::path::PathBuf;

/// Failures told one by one.
const TOLD: usize = 100;

/// What was mended.
#[derive(Debug, Default)]
pub struct Mended {
    /// Files and folders that had another owner.
    pub owners: u64,
    /// Those of which only the mode was wrong.
    pub modes: u64,
    /// Recordings that the index took in, or took in anew.
    pub indexed: u64,
    /// Could not be mended, the first hundred, and why.
    pub failed: Vec<(PathBuf, StoreError)>,
    /// How many those were.
    pub failed_total: u64,
}

impl Keeper {
    /// Gives every file and folder its owner and mode, and makes the index agree with
    /// all of the files.
    ///
    /// # Errors
    /// The audit log or the index cannot be written, or a folder not be read.
    pub fn mend(&mut self, by: &By) -> Result<Mended, KeeperError> {
        let state = self.as_owner(&open_state(self.audit.state())?)?;
        let mut wrong = Vec::new();
        each_wrong(&self.store, &state, &self.heartbeat, &mut |found| wrong.push(found))?;
        let foreign = wrong.iter().filter(|w| w.is_foreign).count();
        let detail = facts! { Owners: foreign, Modes: wrong.len() - foreign };
        self.append_audit(by, Draft::new(Action::Repair).detail(detail))?;
        let mut mended = Mended::default();
        for WrongOwner { path, in_state, is_foreign } in wrong {
            // The state may lie elsewhere; training copies never do.
            let folder = match in_state {
                true if path != state.path() && path.starts_with(state.path()) => state.clone(),
                true => self.private()?,
                false => self.store.clone(),
            };
            match folder.mend(&path) {
                Ok(_) if is_foreign => mended.owners += 1,
                Ok(_) => mended.modes += 1,
                Err(e) => {
                    mended.failed_total += 1;
                    if mended.failed.len() < TOLD {
                        mended.failed.push((path, e));
                    }
                }
            }
        }
        self.store.let_in()?;
        mended.indexed = self.index.reconcile_all(self.store.path())?.taken;
        if mended.failed_total > 0 {
            let detail = facts! { NotMended: mended.failed_total };
            self.append_audit(by, Draft::new(Action::Repair).ended(Outcome::Failed).detail(detail))?;
        }
        Ok(mended)
    }

    /// How many files and folders are not the service's, or open to others.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn count_wrong(&self) -> Result<u64, KeeperError> {
        let mut wrong = 0;
        each_wrong(&self.store, &open_state(self.audit.state())?, &self.heartbeat, &mut |_| wrong += 1)?;
        Ok(wrong)
    }

    /// The state with the store's owner: it may be root's itself.
    fn as_owner(&self, state: &Folder) -> Result<Folder, KeeperError> {
        Ok(state.owned_by(self.store.owner())?)
    }

    /// The store as its state folder is to be: nobody else's, whatever the group may read.
    fn private(&self) -> Result<Folder, KeeperError> {
        Ok(Folder::open(self.store.path(), crate::store::files::Access::Owner)?)
    }
}
