//! The index: what the sidecars say, in a form that answers at once.
//!
//! SQLite in `index.db` of the state folder. **The files are the truth.** The
//! index holds nothing that is not in a sidecar or in `tombstones.jsonl`, so it
//! may be lost, and [`rebuild`] makes it anew while the daemon runs. What a
//! crash leaves between a rename and the row of it, [`Index::reconcile`] finds
//! by the times of the folders.
//!
//! # Recordings that are gone
//!
//! [`Index::bury`] writes a tombstone: first a line of `tombstones.jsonl`,
//! synced, then the table. From then on no search gives the recording and no
//! `put` takes it, wherever its files came back from. Its row stays, unseen,
//! until [`Index::forget`]: it knows the path of what is still to be removed
//! ([`Index::buried_rows`]). File and table make one another whole at every
//! opening, so an old copy of either brings nothing back.
//!
//! # Several at once
//!
//! WAL: readers never wait, one writer at a time, others for ten seconds. Each
//! process opens its own [`Index`]. Must not know of commands or tables printed.

mod error;
mod find;
mod index_schema;
mod place;
mod rebuild;
mod reconcile;
mod row;
mod sums;
mod tombstone;

#[cfg(test)]
mod tests;

pub use error::IndexError;
pub use find::{Fields, Piece, SearchResults, SearchSpan};
pub use place::{INDEX, connect, database};
pub use rebuild::{Rebuilt, rebuild};
pub use reconcile::Reconciled;
pub use row::{KeptState, Row};
pub use sums::{DayBytes, DueBytes, ServiceTerm, Stats, Tally};
pub use tombstone::{BuriedFile, DeletedCall, DeletionReason, TOMBSTONES, Tombstone};

use crate::store::files::{Folder, share_lock};
use crate::store::heartbeat::Heartbeat;
use crate::store::layout::open_state;
use crate::store::mark::{self, StoreId};
use crate::store::sidecar::Sidecar;
use place::{LOCK, lock_file};
use row::{Put, put_all};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// An open index.
#[derive(Debug)]
pub struct Index {
    conn: Connection,
    path: PathBuf,
    state: Folder,
    half_edits: BTreeSet<PathBuf>,
    heartbeat: Heartbeat,
    /// Shared as long as the database is open.
    _place: File,
}

impl Index {
    /// Opens the index of a state folder and takes over what tombstones have
    /// come.
    ///
    /// # Errors
    /// Those of [`IndexError::needs_rebuild`], and what the system refuses.
    pub(in crate::archive) fn open(state: &Path) -> Result<Index, IndexError> {
        let folder = match open_state(state) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(IndexError::Missing { path: state.join(INDEX) });
            }
            other => other?,
        };
        if folder.look(Path::new(INDEX))?.is_none() {
            return Err(IndexError::Missing { path: state.join(INDEX) });
        }
        Index::open_at(folder)
    }

    fn open_at(state: Folder) -> Result<Index, IndexError> {
        let place = lock_file(&state)?;
        share_lock(&place, &state.path().join(LOCK))?;
        place::drop_leftover(&state)?;
        let path = database(&state, INDEX)?;
        let to_error = IndexError::sqlite(&path);
        let conn = connect(&path).map_err(&to_error)?;
        index_schema::set_up(&conn).map_err(&to_error)?;
        let found = index_schema::version(&conn).map_err(&to_error)?;
        if found != index_schema::VERSION {
            return Err(IndexError::Version { path, found });
        }
        index_schema::set_up_live(&conn).map_err(&to_error)?;
        let (half_edits, heartbeat) = (BTreeSet::new(), Heartbeat::default());
        let mut index = Index { conn, path, state, half_edits, heartbeat, _place: place };
        index.belongs()?;
        index.read_tombstones()?;
        Ok(index)
    }

    /// From here on `heartbeat` is told of each step of what takes long.
    pub fn heard_by(&mut self, heartbeat: &Heartbeat) {
        self.heartbeat = heartbeat.clone();
    }

    /// The state folder.
    pub fn state(&self) -> &Path {
        self.state.path()
    }

    /// Takes in a new or edited recording. `json` is its sidecar, under `root`.
    ///
    /// # Errors
    /// [`IndexError::Buried`] where it was deleted before.
    pub fn put(&mut self, root: &Path, json: &Path, sidecar: &Sidecar) -> Result<(), IndexError> {
        let unfit = || IndexError::Unfit { path: json.to_owned() };
        let path = json.strip_prefix(root).map_err(|_| unfit())?;
        let row = Row::of(path, sidecar);
        self.put_rows(std::slice::from_ref(&row))?;
        if self.is_buried(row.id)? { Err(IndexError::Buried { id: row.id }) } else { Ok(()) }
    }

    /// In one transaction.
    fn put_rows(&mut self, rows: &[Row]) -> Result<Put, IndexError> {
        let to_error = IndexError::sqlite(&self.path);
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&to_error)?;
        let put = put_all(&tx, rows).map_err(&to_error)?;
        tx.commit().map_err(&to_error)?;
        Ok(put)
    }

    /// Forgets a recording whose files are gone. Its tombstone stays.
    /// Unknown ones are forgotten already.
    pub fn forget(&mut self, id: Uuid) -> Result<(), IndexError> {
        self.forget_all([id])
    }

    /// [`forget`](Index::forget) for many, in one transaction.
    pub fn forget_all(&mut self, ids: impl IntoIterator<Item = Uuid>) -> Result<(), IndexError> {
        let to_error = IndexError::sqlite(&self.path);
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&to_error)?;
        {
            let mut delete = tx.prepare_cached("DELETE FROM recording WHERE id = ?1").map_err(&to_error)?;
            for id in ids {
                delete.execute([id.as_bytes()]).map_err(&to_error)?;
            }
        }
        tx.commit().map_err(&to_error)
    }

    /// One recording, unless it is deleted.
    pub fn get(&self, id: Uuid) -> Result<Option<Row>, IndexError> {
        let sql = format!(
            "SELECT {} FROM recording WHERE id = ?1 AND buried = 0",
            index_schema::names(index_schema::ALL)
        );
        let mut st = self.conn.prepare_cached(&sql).map_err(self.error())?;
        st.query_row([id.as_bytes()], Row::read).optional().map_err(self.error())
    }

    /// Writes the log of changes back and empties it, so that what was deleted
    /// is in no file of the index any more. `false`: a reader is in the way, ask
    /// again later.
    pub fn scrub(&self) -> Result<bool, IndexError> {
        let busy: i64 =
            self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0)).map_err(self.error())?;
        Ok(busy == 0)
    }

    /// SQLite's own look at its pages; the first complaint.
    pub fn self_check(&self) -> Result<Option<String>, IndexError> {
        let said: String =
            self.conn.query_row("PRAGMA quick_check(1)", [], |r| r.get(0)).map_err(self.error())?;
        Ok((said != "ok").then_some(said))
    }

    /// Compares the database with the mark beside it, and marks a new one.
    fn belongs(&mut self) -> Result<(), IndexError> {
        let Some(StoreId(here)) = mark::read(self.state.path())? else { return Ok(()) };
        match self.meta("store")? {
            None => self.set_meta("store", &here.to_string()),
            Some(there) if there == here.to_string() => Ok(()),
            Some(_) => Err(IndexError::OtherStore { path: self.path.clone() }),
        }
    }

    fn meta(&self, key: &str) -> Result<Option<String>, IndexError> {
        let mut st =
            self.conn.prepare_cached("SELECT value FROM meta WHERE key = ?1").map_err(self.error())?;
        st.query_row([key], |r| r.get(0)).optional().map_err(self.error())
    }

    fn set_meta(&self, key: &str, value: &str) -> Result<(), IndexError> {
        self.run("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)", params![key, value]).map(drop)
    }

    fn run(&self, sql: &str, params: impl rusqlite::Params) -> Result<usize, IndexError> {
        let mut st = self.conn.prepare_cached(sql).map_err(self.error())?;
        st.execute(params).map_err(self.error())
    }

    fn error(&self) -> impl Fn(rusqlite::Error) -> IndexError + use<> {
        IndexError::sqlite(&self.path)
    }
}
