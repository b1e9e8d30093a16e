//! What can go wrong in the store.

use super::steps::{Step, Stopped};
use std::io;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// What failed when the audio could not be synced: some of it may be lost.
pub(super) const SYNC_AUDIO: &str = "sync the audio of";

/// What can go wrong in the store. Paths carry truncated numbers only.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("cannot {what} {path}: {source}", path = path.display())]
    Io {
        /// What was being done, as a verb: `create`, `write`, `sync`, `rename`.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A sidecar that is that of another recording than the index says.
    #[error(
        "{path}: is that of recording {found}, not of {wanted}; run `nauhuri reindex`",
        path = path.display()
    )]
    Another {
        /// The sidecar.
        path: PathBuf,
        /// Whose it is.
        found: Uuid,
        /// Whose it was taken for.
        wanted: Uuid,
    },
    /// A path that leads out of the folder it should lie in.
    #[error("{path} does not lie in {folder}", path = path.display(), folder = folder.display())]
    Outside {
        /// The path.
        path: PathBuf,
        /// The folder.
        folder: PathBuf,
    },
    /// A finished recording of this name or id is there; it was not touched.
    #[error("{path} exists already", path = path.display())]
    Exists {
        /// The finished file.
        path: PathBuf,
    },
    /// A `.part` of this name is there: a recorder is running or has crashed.
    #[error("{path} is being written, or was left by a crash", path = path.display())]
    InUse {
        /// The `.part` file.
        path: PathBuf,
    },
    /// Another process records live into this store.
    #[error("{root} is already recorded into by {by}; one recorder to a store", root = root.display())]
    Recorded {
        /// The store.
        root: PathBuf,
        /// Which process, since when, as it says.
        by: String,
    },
    /// Not a WAV file of ours.
    #[error("{path} is not a WAV file of nauhuri: {why}", path = path.display())]
    NotWav {
        /// The file.
        path: PathBuf,
        /// The first thing found wrong.
        why: &'static str,
    },
    /// A block that does not hold whole frames, or a patch of whole samples.
    #[error("{got} bytes are not whole units of {unit} bytes")]
    Misaligned {
        /// Bytes given.
        got: usize,
        /// Bytes in a frame (append) or a sample (patch).
        unit: usize,
    },
    /// A sidecar that is not JSON of schema 1.
    #[error("{path}: {why}", path = path.display())]
    Sidecar {
        /// The file.
        path: PathBuf,
        /// What is wrong, without values of the file.
        why: String,
    },
    /// A test stopped the work.
    #[error(transparent)]
    Stopped(#[from] Stopped<Step>),
}

impl StoreError {
    /// `map_err` for an operation on a path.
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError + use<> {
        let path = path.to_owned();
        move |source| StoreError::Io { what, path, source }
    }

    /// What the system said, without the path; [`io::ErrorKind::Other`] where it said nothing.
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            StoreError::Io { source, .. } | StoreError::Stopped(Stopped { source, .. }) => source.kind(),
            StoreError::Exists { .. } | StoreError::InUse { .. } | StoreError::Recorded { .. } => {
                io::ErrorKind::AlreadyExists
            }
            StoreError::Outside { .. } => io::ErrorKind::InvalidInput,
            StoreError::Another { .. }
            | StoreError::NotWav { .. }
            | StoreError::Misaligned { .. }
            | StoreError::Sidecar { .. } => io::ErrorKind::InvalidData,
        }
    }

    /// The system's number for it, where it gave one.
    pub fn code(&self) -> Option<i32> {
        match self {
            StoreError::Io { source, .. } | StoreError::Stopped(Stopped { source, .. }) => {
                source.raw_os_error()
            }
            _ => None,
        }
    }

    /// Audio may be lost that had been taken for written.
    pub fn may_have_lost_audio(&self) -> bool {
        matches!(self, StoreError::Io { what: SYNC_AUDIO, .. })
    }

    /// The file system is full or over quota: the recording may go on later.
    pub fn is_full(&self) -> bool {
        match self {
            StoreError::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            _ => false,
        }
    }
}
