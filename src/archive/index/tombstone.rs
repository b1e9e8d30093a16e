//! Tombstones: what is left of a deleted recording. No personal data.
//!
//! `tombstones.jsonl` of the state folder, one object a line, appended and
//! synced before a file is touched; the table is a copy. A line that was cut by
//! a crash was never acknowledged: nothing was deleted on its word, and the
//! next writer cuts it off. They go when they have done their work ([`prune`]).

mod prune;

use super::row::SqlWord;
use super::{Index, IndexError, Row, index_schema};
use crate::id::{short_of, time_of};
use crate::store::StoreError;
use crate::store::files::{Access, Folder};
use crate::store::jsonl::{self, Lines, NoLine};
use crate::store::layout::{NameFiles, NameState, Walk, parse_stem};
use crate::store::sidecar::{Sidecar, seconds_or_null};
use crate::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::de::IntoDeserializer;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use uuid::Uuid;

/// File name.
pub const TOMBSTONES: &str = "tombstones.jsonl";

/// Longest line taken for a tombstone.
const MAX_LINE: usize = 64 << 10;

/// Tombstones that are read at once.
const PAGE: usize = 1_024;

/// How much of the file the table has, and what the last byte of it was.
const TAKEN: &str = "tombstones_taken";

/// Why a recording was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletionReason {
    /// Its term had passed.
    Expired,
    /// Somebody asked for it.
    Erased,
}

/// What is left of a deleted recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The recording.
    pub id: Uuid,
    /// Name of the service.
    pub service: Option<String>,
    /// UTC date of the answer, `2026-11-23`.
    pub answered_on: String,
    /// To the microsecond.
    pub deleted_at: Timestamp,
    /// When it fell or would have fallen due, to the second; `None`: nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "seconds_or_null")]
    pub until: Option<Timestamp>,
    /// Of the WAV file.
    pub sha256: String,
    /// Why.
    pub reason: DeletionReason,
}

impl Tombstone {
    /// Of a recording about to be deleted.
    pub fn of(row: &Row, now: Timestamp, reason: DeletionReason) -> Tombstone {
        Tombstone {
            id: row.id,
            service: row.service.clone(),
            answered_on: row.answered_at.to_jiff().strftime("%Y-%m-%d").to_string(),
            deleted_at: now.whole_us(),
            until: row.until.map(Timestamp::whole_s),
            sha256: row.sha256.clone(),
            reason,
        }
    }
}

/// What a tombstone tells of a call, for statistics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedCall {
    /// When it was answered: its id tells that to the millisecond.
    pub answered_at: Timestamp,
    /// Name of the service.
    pub service: Option<String>,
    /// When it was deleted.
    pub deleted_at: Timestamp,
    /// When it fell or would have fallen due.
    pub until: Option<Timestamp>,
    /// Why it was deleted.
    pub reason: DeletionReason,
}

/// Files of a deleted recording that are in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuriedFile {
    /// The recording.
    pub id: Uuid,
    /// What is there under its NAME.
    pub found: NameFiles,
}

impl Index {
    /// Writes a tombstone: the file, synced, then the table. From here on the
    /// recording is deleted, whatever happens to the process; what is left is to
    /// remove its files and [`forget`](Index::forget) it. Twice is once.
    pub fn bury(&mut self, tombstone: &Tombstone) -> Result<(), IndexError> {
        self.bury_all(std::slice::from_ref(tombstone))
    }

    /// [`bury`](Index::bury) for many at the price of one sync.
    pub fn bury_all(&mut self, tombstones: &[Tombstone]) -> Result<(), IndexError> {
        let mut new = Vec::new();
        for t in tombstones {
            if !self.is_buried(t.id)? {
                new.push(t.clone());
            }
        }
        append(&self.state, &new)?;
        self.take_in(&new, None)
    }

    /// Whether a recording was deleted.
    pub fn is_buried(&self, id: Uuid) -> Result<bool, IndexError> {
        let mut st =
            self.conn.prepare_cached("SELECT 1 FROM tombstone WHERE id = ?1").map_err(self.error())?;
        st.exists([id.as_bytes()]).map_err(self.error())
    }

    /// The tombstone of one recording.
    pub fn tombstone(&self, id: Uuid) -> Result<Option<Tombstone>, IndexError> {
        let sql = format!("SELECT {TOMBSTONE_COLUMNS} FROM tombstone WHERE id = ?1");
        self.conn.query_row(&sql, [id.as_bytes()], read_row).optional().map_err(self.error())
    }

    /// All of them, by id, that is by the time of the answer.
    pub fn tombstones(&self) -> Result<Vec<Tombstone>, IndexError> {
        read_table(&self.conn).map_err(self.error())
    }

    /// Hands over what all of them tell of their calls, page by page: memory does not grow with their number.
    pub fn each_deleted(&self, mut take: impl FnMut(&DeletedCall)) -> Result<(), IndexError> {
        let sql = format!("SELECT {TOMBSTONE_COLUMNS} FROM tombstone WHERE id > ?1 ORDER BY id LIMIT {PAGE}");
        let mut st = self.conn.prepare_cached(&sql).map_err(self.error())?;
        let mut behind = Uuid::nil();
        loop {
            let page = st.query_map([behind.as_bytes()], read_row).map_err(self.error())?;
            let page = page.collect::<rusqlite::Result<Vec<_>>>().map_err(self.error())?;
            for t in &page {
                // An id that is none of ours: the day it was answered is known.
                let noon = || Timestamp::parse_rfc3339(&format!("{}T12:00:00Z", t.answered_on));
                let answered_at = time_of(t.id).or_else(noon).unwrap_or(t.deleted_at);
                let Tombstone { service, deleted_at, until, reason, .. } = t.clone();
                take(&DeletedCall { answered_at, service, deleted_at, until, reason });
            }
            match page.last() {
                Some(last) if page.len() == PAGE => behind = last.id,
                _ => return Ok(()),
            }
        }
    }

    /// Rows of deleted recordings whose files may still be there: a deletion to
    /// be finished.
    pub fn buried_rows(&self) -> Result<Vec<Row>, IndexError> {
        let sql = format!(
            "SELECT {} FROM recording INDEXED BY the_buried WHERE buried = 1 ORDER BY answered_at",
            index_schema::names(index_schema::ALL)
        );
        let mut st = self.conn.prepare_cached(&sql).map_err(self.error())?;
        let rows = st.query_map([], Row::read).map_err(self.error())?;
        rows.collect::<Result<_, _>>().map_err(self.error())
    }

    /// Walks the store for files of deleted recordings: restored from a copy, or
    /// left by a deletion whose row is gone. Reads only sidecars whose name ends
    /// in the digits of a tombstone.
    pub fn find_buried_files(&self, root: &Path) -> Result<Vec<BuriedFile>, IndexError> {
        let mut out = Vec::new();
        let shorts = self.buried_shorts()?;
        if shorts.is_empty() {
            return Ok(out);
        }
        let store = Folder::open(root, Access::Owner)?;
        for found in Walk::new(root) {
            self.heartbeat.beat();
            let found = found.map_err(|(folder, e)| StoreError::io("read", &folder)(e))?;
            if let Some(id) = self.buried_id(&shorts, &store, &found)? {
                out.push(BuriedFile { id, found });
            }
        }
        Ok(out)
    }

    /// The eight digits of every tombstone.
    pub(crate) fn buried_shorts(&self) -> Result<HashSet<u32>, IndexError> {
        let mut st = self.conn.prepare("SELECT short FROM tombstone").map_err(self.error())?;
        let shorts = st.query_map([], |r| r.get(0)).map_err(self.error())?;
        shorts.collect::<Result<_, _>>().map_err(self.error())
    }

    /// Which deleted recording the files of a NAME belong to, if to any.
    pub(crate) fn buried_id(
        &self,
        shorts: &HashSet<u32>,
        root: &Folder,
        found: &NameFiles,
    ) -> Result<Option<Uuid>, IndexError> {
        let Some(name) = parse_stem(&found.stem) else { return Ok(None) };
        let Ok(short) = u32::from_str_radix(&name.short, 16) else { return Ok(None) };
        if !shorts.contains(&short) || found.state() == NameState::Part {
            return Ok(None);
        }
        if let Ok(sidecar) = Sidecar::read_in(root, &found.paths().json) {
            return Ok(self.is_buried(sidecar.id)?.then_some(sidecar.id));
        }
        // Audio alone: the digits and the day have to do.
        let day = name.answered_at.to_jiff().strftime("%Y-%m-%d").to_string();
        let mut st = self
            .conn
            .prepare_cached("SELECT id FROM tombstone WHERE short = ?1 AND answered_on = ?2")
            .map_err(self.error())?;
        let id = st.query_row(params![short, day], |r| r.get(0).map(Uuid::from_bytes)).optional();
        id.map_err(self.error())
    }

    /// Lines of the file that are no tombstones, by number from 1.
    pub fn unreadable_tombstones(&self) -> Result<Vec<u64>, IndexError> {
        let mut bad = Vec::new();
        let mut line = 0;
        read_file(&self.state, 0, &mut |t| {
            line += 1;
            if t.is_none() {
                bad.push(line);
            }
        })?;
        Ok(bad)
    }

    /// Takes over what the file has and the table has not, and the other way
    /// round where the file is older than the table.
    pub(super) fn read_tombstones(&mut self) -> Result<(), IndexError> {
        let len = length(&self.state)?;
        let taken: u64 = self.meta(TAKEN)?.and_then(|s| s.parse().ok()).unwrap_or(0);
        if len == taken && (taken == 0 || ends_a_line(&self.state, taken)?) {
            return Ok(());
        }
        let whole = len < taken || (taken > 0 && !ends_a_line(&self.state, taken)?);
        let mut new = Vec::new();
        let upto = read_file(&self.state, if whole { 0 } else { taken }, &mut |t| new.extend(t))?;
        if !whole {
            return self.take_in(&new, Some(upto));
        }
        let in_file: HashSet<Uuid> = new.iter().map(|t| t.id).collect();
        let mut lost = self.tombstones()?;
        lost.retain(|t| !in_file.contains(&t.id));
        append(&self.state, &lost)?;
        let len = length(&self.state)?.max(upto);
        self.take_in(&new, Some(len))
    }

    /// Into the table; rows of theirs are seen no more. `upto`: so much of the
    /// file is in the table now.
    fn take_in(&mut self, new: &[Tombstone], upto: Option<u64>) -> Result<(), IndexError> {
        let to_error = IndexError::sqlite(&self.path);
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&to_error)?;
        insert(&tx, new).map_err(&to_error)?;
        if let Some(upto) = upto {
            tx.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", params![TAKEN, upto.to_string()])
                .map_err(&to_error)?;
        }
        tx.commit().map_err(&to_error)
    }
}

/// Columns in the order [`read_row`] takes them.
const TOMBSTONE_COLUMNS: &str = "id, service, answered_on, deleted_at, sha256, reason, until";

fn read_row(r: &rusqlite::Row<'_>) -> rusqlite::Result<Tombstone> {
    let reason: String = r.get(5)?;
    let word: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
        reason.as_str().into_deserializer();
    Ok(Tombstone {
        id: Uuid::from_bytes(r.get(0)?),
        service: r.get(1)?,
        answered_on: r.get(2)?,
        deleted_at: Timestamp::from_ns(r.get(3)?),
        sha256: r.get(4)?,
        // A reason of a later version: what is deleted stays deleted.
        reason: DeletionReason::deserialize(word).unwrap_or(DeletionReason::Erased),
        until: r.get::<_, Option<i64>>(6)?.map(Timestamp::from_ns),
    })
}

pub(super) fn read_table(conn: &Connection) -> rusqlite::Result<Vec<Tombstone>> {
    let mut st = conn.prepare(&format!("SELECT {TOMBSTONE_COLUMNS} FROM tombstone ORDER BY id"))?;
    st.query_map([], read_row)?.collect()
}

/// Into the table of any connection.
pub(super) fn insert(conn: &Connection, new: &[Tombstone]) -> rusqlite::Result<()> {
    let mut put = conn.prepare_cached(
        "INSERT OR IGNORE INTO tombstone (id, short, service, answered_on, deleted_at, sha256, reason, until) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let mut hide = conn.prepare_cached("UPDATE recording SET buried = 1 WHERE id = ?1")?;
    for t in new {
        put.execute(params![
            t.id.as_bytes(),
            short_of(t.id),
            t.service,
            t.answered_on,
            t.deleted_at.as_ns(),
            t.sha256,
            SqlWord(t.reason),
            t.until.map(Timestamp::as_ns)
        ])?;
        hide.execute([t.id.as_bytes()])?;
    }
    Ok(())
}

/// Hands over each line from byte `from` on, `None` for one that is no
/// tombstone; how far whole lines go.
pub(super) fn read_file(
    state: &Folder,
    from: u64,
    take: &mut dyn FnMut(Option<Tombstone>),
) -> Result<u64, StoreError> {
    let path = Path::new(TOMBSTONES);
    let Some(mut file) = state.read_if_there(path)? else { return Ok(0) };
    let cannot_read = |e| StoreError::io("read", &state.path().join(path))(e);
    file.seek(SeekFrom::Start(from)).map_err(cannot_read)?;
    let mut lines = Lines::new(file, MAX_LINE);
    while let Some(line) = lines.next() {
        let at = lines.whole();
        match line.map_err(cannot_read)? {
            Ok(text) => take(serde_json::from_str(&text).ok()),
            // Being written this moment, or by a crash.
            Err(NoLine::Torn) => return Ok(from + at),
            Err(NoLine::TooLong | NoLine::NotText) => take(None),
        }
    }
    Ok(from + lines.whole())
}

/// Appends and syncs, one process at a time.
fn append(state: &Folder, new: &[Tombstone]) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    let path = state.path().join(TOMBSTONES);
    let is_new = state.look(&path)?.is_none();
    let file = locked(state)?;
    let append = || -> io::Result<()> {
        let mut text = Vec::new();
        for t in new {
            serde_json::to_writer(&mut text, t)?;
            text.push(b'\n');
        }
        jsonl::append(&file, jsonl::whole(&file)?, &text)
    };
    append().map_err(StoreError::io("write", &path))?;
    if is_new { state.sync() } else { Ok(()) }
}

/// The file, alone until it is dropped.
fn locked(state: &Folder) -> Result<File, StoreError> {
    loop {
        let file = state.lock(Path::new(TOMBSTONES))?;
        // Another one may have been put in its place before it was locked.
        if state.is_of(Path::new(TOMBSTONES), &file)? {
            return Ok(file);
        }
    }
}

/// Bytes of the file; none where there is none.
fn length(state: &Folder) -> Result<u64, StoreError> {
    let path = Path::new(TOMBSTONES);
    let Some(file) = state.read_if_there(path)? else { return Ok(0) };
    Ok(file.metadata().map_err(StoreError::io("read", &state.path().join(path)))?.len())
}

/// The byte before `at` ends a line: the file is still the one that was read.
fn ends_a_line(state: &Folder, at: u64) -> Result<bool, StoreError> {
    let mut byte = [0u8];
    let Some(file) = state.read_if_there(Path::new(TOMBSTONES))? else { return Ok(false) };
    match file.read_exact_at(&mut byte, at.saturating_sub(1)) {
        Ok(()) => Ok(byte == *b"\n"),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(StoreError::io("read", &state.path().join(TOMBSTONES))(e)),
    }
}
