//! What is there: the index of recordings, what is asked of it, and whether the
//! files are what they should be.
//!
//! [`Archive::open`] is the one way in, [`Archive::reopen`] the way back. Finds and judges; changes no recording.
//! Above [`crate::store`], whose files it reads; must not know who asks, or what is
//! done with the answer.

pub mod abreast;
pub mod cdr;
pub mod cdr_match;
pub mod forecast;
pub mod index;
pub mod marks;
pub mod owners;
pub mod recorded_quality;
pub mod search;
pub mod small_cells;
pub mod verify;

use crate::config::Storage;
use crate::store::StoreError;
use crate::store::files::{Access, Folder};
use crate::store::heartbeat::Heartbeat;
use crate::store::layout::Walk;
use crate::store::mark::{self, IdentityError};
use index::{Index, IndexError, rebuild};
use std::io;
use std::path::PathBuf;

/// A store of at most so many files is indexed without being asked.
const SMALL: usize = 20_000;

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `storage.dir`
    pub root: PathBuf,
    /// Index, tombstones and audit log.
    pub state: PathBuf,
    /// `storage.group_read`
    pub access: Access,
    /// `storage.id`: the store that has to be there; empty: whichever is.
    pub id: String,
}

/// What is done where no index can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoIndex {
    /// It is built, however long that takes.
    Build,
    /// It is built if that is a matter of seconds, else it is an error that names the command.
    BuildSmall,
    /// A missing one is built, whatever that takes; one that cannot be used is an error.
    BuildMissing,
}

impl NoIndex {
    fn builds(self, place: &Place, why: &IndexError) -> bool {
        let is_small = || Walk::new(&place.root).take(SMALL + 1).count() <= SMALL;
        match self {
            NoIndex::Build => why.needs_rebuild(),
            NoIndex::BuildSmall => why.needs_rebuild() && is_small(),
            NoIndex::BuildMissing => matches!(why, IndexError::Missing { .. }),
        }
    }
}

/// Why a store cannot be opened. Paths carry truncated numbers only.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no folder of recordings.
    #[error("{root}: there is no such folder (storage.dir)", root = root.display())]
    NoStore {
        /// `storage.dir`
        root: PathBuf,
    },
    /// The folder and its state do not belong together, or are not those asked for.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The folder cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// A store after the call: its recordings and their index, in step.
#[derive(Debug)]
pub struct Archive {
    /// The folder of recordings.
    pub store: Folder,
    /// What is in it.
    pub index: Index,
}

impl Place {
    /// Where the configuration says.
    pub fn of(storage: &Storage) -> Place {
        Place {
            root: storage.dir.clone(),
            state: mark::state_folder(&storage.dir, storage.state.as_deref()),
            access: Access::of(storage.group_read),
            id: storage.id.clone(),
        }
    }

    /// Opens the folder of recordings, where it is the one that is asked for and its
    /// state belongs to it. Nothing is written.
    ///
    /// # Errors
    /// There is none, another file system is mounted, or this user may not enter.
    pub fn enter(&self) -> Result<Folder, OpenError> {
        let store = Folder::open(&self.root, self.access).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => OpenError::NoStore { root: self.root.clone() },
            _ => e.into(),
        })?;
        mark::must_be(&self.root, &self.id)?;
        mark::check(&self.root, &self.state)?;
        Ok(store)
    }
}

impl Archive {
    /// Opens the store and makes its index agree with the folders that changed, so that
    /// what is on disk is seen whether a recorder runs or not.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(place: &Place, no_index: NoIndex) -> Result<Archive, OpenError> {
        Archive::open_heard(place, no_index, &Heartbeat::default())
    }

    /// The same, and `heartbeat` is told of each step, then and later.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_heard(place: &Place, no_index: NoIndex, heartbeat: &Heartbeat) -> Result<Archive, OpenError> {
        let store = place.enter()?;
        let mut index = match Index::open(&place.state) {
            Err(e) if no_index.builds(place, &e) => {
                rebuild(&place.root, &place.state, &mut |_| heartbeat.beat())?;
                Index::open(&place.state)?
            }
            other => other?,
        };
        index.heard_by(heartbeat);
        index.reconcile(&place.root)?;
        Ok(Archive { store, index })
    }

    /// Opens a store again that this process has opened: its index is as it is. For another reader, or
    /// for a change; a folder that has been unmounted or exchanged since is no store.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn reopen(place: &Place) -> Result<Archive, OpenError> {
        let store = place.enter()?;
        let index = Index::open(&place.state)?;
        Ok(Archive { store, index })
    }
}
