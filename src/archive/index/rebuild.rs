//! The index made anew from the files.
//!
//! A rebuild fills a database of its own (`index.db.new`) and then copies it
//! over the live one in a single transaction: whoever has the index open, the
//! daemon above all, sees the old one until it sees the new one, and keeps its
//! connection. Renaming over a database in WAL mode would not do: its log is
//! found by name, and would be replayed into the wrong file. What
//! came in meanwhile is taken over afterwards ([`Index::reconcile`]).

use super::super::abreast::{in_order, threads};
use super::place::{INDEX, LOCK, SCRATCH, connect, database, lock_file};
use super::row::put_all;
use super::tombstone::{self, Tombstone};
use super::{Index, IndexError, Row, index_schema};
use crate::store::StoreError;
use crate::store::files::{Folder, lock_now};
use crate::store::layout::open_state;
use crate::store::layout::{NameFiles, NameState, Walk};
use crate::store::mark::{self, StoreId};
use crate::store::sidecar::Sidecar;
use crate::time::Timestamp;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, params};
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Rows in one transaction of a rebuild.
pub(super) const BATCH: usize = 2_000;
/// Sidecars one reader reads at a time.
const PART: usize = 64;
/// More readers than this wait for whoever fills the database.
const MAX_READERS: usize = 4;
/// Paths of unreadable sidecars that are told one by one.
const TOLD: usize = 100;
/// Waits for a reader that looks whether the scratch file is a leftover, and how long each is.
const SCRATCH_TRIES: usize = 10;
const SCRATCH_WAIT: Duration = Duration::from_millis(20);
/// Waits for writers that hold the live index, and how long each is.
const PUBLISH_WAITS: usize = 200;
const PUBLISH_WAIT: Duration = Duration::from_millis(100);

/// What a rebuild found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Recordings in the new index.
    pub recordings: u64,
    /// Sidecars that could not be read, the first hundred.
    pub unreadable: Vec<PathBuf>,
    /// How many those were.
    pub unreadable_total: u64,
    /// Files of deleted recordings, left out.
    pub buried: u64,
}

/// Builds the index of the store at `root` from its files, beside the live one,
/// and puts it in its place. `progress` is told how many recordings are in.
///
/// # Errors
/// [`IndexError::InUse`] while another rebuild runs, or where a damaged index is
/// open in another process; a folder that cannot be read.
pub fn rebuild(root: &Path, state: &Path, progress: &mut dyn FnMut(u64)) -> Result<Rebuilt, IndexError> {
    let started = SystemTime::now();
    let StoreId(store) = mark::enter(root, state, stamp(started))?;
    let folder = open_state(state)?;
    let held = scratch_file(&folder)?;
    let built = build(root, &folder, &store.to_string(), progress).and_then(|(conn, built)| {
        publish(&conn, &folder)?;
        Ok(built)
    });
    folder.remove(Path::new(SCRATCH))?;
    drop(held);
    let built = built?;
    let mut index = Index::open(state)?;
    index.compare(root, Some(started), SystemTime::now())?;
    Ok(built)
}

/// An empty file of its own for this rebuild, locked as long as it is held. Whoever opens the
/// index may take it for a leftover at just that moment and lock it to remove it: that is
/// over at once, another rebuild is not.
fn scratch_file(state: &Folder) -> Result<File, IndexError> {
    for _ in 0..SCRATCH_TRIES {
        match try_scratch_file(state) {
            Err(IndexError::InUse { .. }) => std::thread::sleep(SCRATCH_WAIT),
            done => return done,
        }
    }
    try_scratch_file(state)
}

fn try_scratch_file(state: &Folder) -> Result<File, IndexError> {
    let scratch = state.path().join(SCRATCH);
    let (held, _) = state.write_or_create(&scratch)?;
    if !lock_now(&held, &scratch)? {
        return Err(IndexError::InUse { path: scratch });
    }
    held.set_len(0).map_err(StoreError::io("empty", &scratch))?;
    // Somebody may have taken it for a leftover before it was locked.
    if state.is_of(&scratch, &held)? { Ok(held) } else { Err(IndexError::InUse { path: scratch }) }
}

fn build(
    root: &Path,
    state: &Folder,
    store: &str,
    progress: &mut dyn FnMut(u64),
) -> Result<(Connection, Rebuilt), IndexError> {
    let recordings = Folder::open(root, state.access())?;
    let scratch = database(state, SCRATCH)?;
    let to_error = IndexError::sqlite(&scratch);
    let conn = connect(&scratch).map_err(&to_error)?;
    index_schema::set_up(&conn).map_err(&to_error)?;
    // Nobody reads it before it is whole, and half of it is worth nothing.
    conn.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;").map_err(&to_error)?;
    conn.execute_batch(index_schema::TABLES).map_err(&to_error)?;
    conn.execute("INSERT INTO meta VALUES ('store', ?1)", params![store]).map_err(&to_error)?;
    let mut tombstones: Vec<Tombstone> = live_tombstones(state);
    tombstone::read_file(state, 0, &mut |t| tombstones.extend(t))?;
    tombstone::insert(&conn, &tombstones).map_err(&to_error)?;

    let mut out = Rebuilt::default();
    let mut batch: Vec<Row> = Vec::with_capacity(BATCH);
    let flush = |batch: &mut Vec<Row>, out: &mut Rebuilt| -> Result<(), IndexError> {
        let tx = conn.unchecked_transaction().map_err(&to_error)?;
        let put = put_all(&tx, batch).map_err(&to_error)?;
        tx.commit().map_err(&to_error)?;
        out.buried += put.buried;
        out.recordings += put.taken;
        batch.clear();
        Ok(())
    };
    let read = |found: Vec<_>, give: &mut dyn FnMut(Vec<_>) -> ControlFlow<()>| {
        // An index without a folder nobody could read would hide what is in it.
        let row = |found: Result<NameFiles, (PathBuf, io::Error)>| match found {
            Ok(found) => Ok(row_of(&recordings, &found)),
            Err((folder, e)) => Err(StoreError::io("read", &folder)(e)),
        };
        let _ = give(found.into_iter().map(row).collect());
    };
    in_order(parts(Walk::new(root)), threads(MAX_READERS), read, |rows| {
        for row in rows {
            match row? {
                None => {}
                Some(Ok(row)) => batch.push(row),
                Some(Err(path)) => {
                    out.unreadable_total += 1;
                    if out.unreadable.len() < TOLD {
                        out.unreadable.push(path);
                    }
                }
            }
        }
        if batch.len() >= BATCH {
            flush(&mut batch, &mut out)?;
            progress(out.recordings);
        }
        Ok::<(), IndexError>(())
    })?;
    flush(&mut batch, &mut out)?;
    progress(out.recordings);
    conn.execute_batch(index_schema::INDEXES).map_err(&to_error)?;
    conn.pragma_update(None, "user_version", index_schema::VERSION).map_err(&to_error)?;
    Ok((conn, out))
}

/// So many at a time.
fn parts<T>(mut all: impl Iterator<Item = T>) -> impl Iterator<Item = Vec<T>> {
    std::iter::from_fn(move || {
        let part: Vec<T> = all.by_ref().take(PART).collect();
        (!part.is_empty()).then_some(part)
    })
}

/// The row of a finished recording; `None` for what is none, or is gone by now.
pub(super) fn row_of(root: &Folder, found: &NameFiles) -> Option<Result<Row, PathBuf>> {
    if found.state() != NameState::Finished {
        return None;
    }
    let json = found.paths().json;
    match Sidecar::read_in(root, &json) {
        Ok(sidecar) => {
            let path = json.strip_prefix(root.path()).ok()?.to_owned();
            Some(Ok(Row::of(&path, &sidecar)))
        }
        // Deleted since the folder was read.
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
        Err(_) => Some(Err(json)),
    }
}

/// Tombstones of the index that is about to go; none where it cannot be read.
/// The file has them too, unless somebody restored an old one.
fn live_tombstones(state: &Folder) -> Vec<Tombstone> {
    let is_there = state.look(Path::new(INDEX)).is_ok_and(|known| known.is_some());
    let path = database(state, INDEX).ok().filter(|_| is_there);
    let readable = path.and_then(|path| connect(&path).ok());
    readable.and_then(|conn| tombstone::read_table(&conn).ok()).unwrap_or_default()
}

/// Puts a finished database in the place of the live one.
fn publish(built: &Connection, state: &Folder) -> Result<(), IndexError> {
    match copy_over(built, state) {
        Err(IndexError::Corrupt { .. }) => {}
        other => return other,
    }
    // Too damaged to take a transaction: it can go only when nobody has it open.
    let place = lock_file(state)?;
    if !lock_now(&place, &state.path().join(LOCK))? {
        return Err(IndexError::InUse { path: state.path().join(INDEX) });
    }
    for suffix in ["", "-wal", "-shm", "-journal"] {
        state.remove(Path::new(&format!("{INDEX}{suffix}")))?;
    }
    copy_over(built, state)
}

fn copy_over(built: &Connection, state: &Folder) -> Result<(), IndexError> {
    drop(state.write_or_create(Path::new(INDEX))?);
    let path = database(state, INDEX)?;
    let to_error = IndexError::sqlite(&path);
    let mut live = connect(&path).map_err(&to_error)?;
    index_schema::set_up(&live).map_err(&to_error)?;
    index_schema::set_up_live(&live).map_err(&to_error)?;
    {
        let backup = Backup::new(built, &mut live).map_err(&to_error)?;
        let mut waits = 0;
        while backup.step(-1).map_err(&to_error)? != StepResult::Done {
            waits += 1;
            if waits > PUBLISH_WAITS {
                return Err(IndexError::InUse { path });
            }
            std::thread::sleep(PUBLISH_WAIT);
        }
    }
    // What was there before is in the log no more; a reader in the way only delays it.
    live.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(&to_error)
}

fn stamp(t: SystemTime) -> Timestamp {
    let ns = t.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    Timestamp::from_ns(i64::try_from(ns).unwrap_or(i64::MAX))
}
