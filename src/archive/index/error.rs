//! What can go wrong with the index.

use super::index_schema;
use crate::store::StoreError;
use crate::store::mark;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// What can go wrong. Values of recordings are not in it.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// There is none yet.
    #[error("{path}: there is no index; `nauhuri reindex` builds it from the files", path = path.display())]
    Missing {
        /// The database.
        path: PathBuf,
    },
    /// Made by another version of nauhuri.
    #[error(
        "{path}: made by another version (tables {found}, not {expected}); `nauhuri reindex` rebuilds it",
        path = path.display(),
        expected = index_schema::VERSION
    )]
    Version {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// Not a database, or a damaged one.
    #[error("{path}: damaged ({source}); `nauhuri reindex` rebuilds it", path = path.display())]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The index of another store stands beside this one's mark.
    #[error("{path}: belongs to another store; `nauhuri reindex` rebuilds it", path = path.display())]
    OtherStore {
        /// The database.
        path: PathBuf,
    },
    /// A damaged database cannot be replaced while somebody has it open.
    #[error("{path}: in use by another process, which must close it first", path = path.display())]
    InUse {
        /// The database, or the one being built.
        path: PathBuf,
    },
    /// The recording was deleted, and stays so.
    #[error("recording {id} was deleted; its files are not taken in again")]
    Buried {
        /// The recording.
        id: Uuid,
    },
    /// A sidecar that passed its judgement and still has no place in time, or a
    /// path outside the store.
    #[error("{path}: cannot be indexed", path = path.display())]
    Unfit {
        /// The sidecar.
        path: PathBuf,
    },
    /// Anything else SQLite says: busy, full, read-only.
    #[error("{path}: {source}", path = path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// Files beside the database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder and its state do not belong together.
    #[error(transparent)]
    Identity(#[from] mark::IdentityError),
}

impl IndexError {
    /// `rebuild` mends it.
    pub fn needs_rebuild(&self) -> bool {
        matches!(
            self,
            IndexError::Missing { .. }
                | IndexError::Version { .. }
                | IndexError::Corrupt { .. }
                | IndexError::OtherStore { .. }
        )
    }

    /// Sorts what SQLite says; `path` is the database.
    pub(super) fn sqlite(path: &Path) -> impl Fn(rusqlite::Error) -> IndexError + use<> {
        let path = path.to_owned();
        move |source| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                IndexError::Corrupt { path: path.clone(), source }
            }
            _ if is_damage(&source) => IndexError::Corrupt { path: path.clone(), source },
            _ => IndexError::Sqlite { path: path.clone(), source },
        }
    }
}

/// A value that was never written like that.
fn is_damage(e: &rusqlite::Error) -> bool {
    matches!(
        e,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
    )
}
