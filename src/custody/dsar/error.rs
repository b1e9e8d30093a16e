//! What can go wrong with a data subject's request. Nothing here names a person.

use super::super::export::ExportError;
use super::super::keeper::KeeperError;
use crate::archive::index::IndexError;
use crate::store::StoreError;
use std::path::PathBuf;

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum DsarError {
    /// What was said makes no sense.
    #[error("{0}")]
    Unfit(String),
    /// There is no such request.
    #[error("there is no request {0}")]
    Unknown(i64),
    /// It does not go as things stand.
    #[error("request {n}: {why}")]
    Conflict {
        /// Which.
        n: i64,
        /// Why.
        why: &'static str,
    },
    /// SQLite.
    #[error("{path}: {source}", path = path.display())]
    Sqlite {
        /// The book.
        path: PathBuf,
        /// What it says.
        source: rusqlite::Error,
    },
    /// Made by a later version.
    #[error("{path}: made by another version of nauhuri (tables {found}, not {known})", path = path.display())]
    Version {
        /// The book.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The one that is known.
        known: i64,
    },
    /// The files of the book.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store, its index or the audit log.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    /// The copy.
    #[error(transparent)]
    Export(#[from] ExportError),
}

impl From<IndexError> for DsarError {
    fn from(e: IndexError) -> DsarError {
        DsarError::Keeper(e.into())
    }
}
