//! The index made from the files: all of it, or what changed since.
//!
//! A rebuild fills a database of its own (`index.db.new`) and then copies it
//! over the live one in a single transaction: whoever has the index open, the
//! daemon above all, sees the old one until it sees the new one, and keeps its
//! connection. Renaming over a database in WAL mode would not do: its log is
//! found by name, and would be replayed into the wrong file.
//!
//! [`Index::reconcile`] looks only at day folders whose time says that a name
//! in them changed: new recordings, deleted ones, edited sidecars. It mends
//! what a crash left between a rename and its row, and what came in while a
//! rebuild was under way.

use super::super::identity::{self, StoreId};
use super::super::layout::{Found, State, Walk, day_entries};
use super::super::sidecar::Sidecar;
use super::tombstone::{self, Tombstone};
use super::{INDEX, Index, IndexError, LOCK, Row, StoreError, create_mode, lock_file, put_all, schema};
use crate::time::Timestamp;
use jiff::civil::Date;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, HashMap};
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The database a rebuild fills.
const SCRATCH: &str = "index.db.new";
/// Rows in one transaction of a rebuild.
const BATCH: usize = 2_000;
/// Paths of unreadable sidecars that are told one by one.
const TOLD: usize = 100;
/// When the folders were last compared, nanoseconds since 1970.
const RECONCILED: &str = "reconciled_at";
/// Times of folders are coarse, and clocks are set: look that much further back.
const SLACK: Duration = Duration::from_secs(5);
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

/// What a comparison changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Day folders looked into.
    pub folders: u64,
    /// Recordings taken in, new or edited.
    pub taken: u64,
    /// Rows whose files are gone.
    pub forgotten: u64,
    /// Files of deleted recordings, left out.
    pub buried: u64,
    /// Sidecars that could not be read.
    pub unreadable: u64,
}

/// Builds the index of the store at `root` from its files, beside the live one,
/// and puts it in its place. `progress` is told how many recordings are in.
///
/// # Errors
/// [`IndexError::InUse`] while another rebuild runs, or where a damaged index is
/// open in another process; a folder that cannot be read.
pub fn rebuild(root: &Path, state: &Path, progress: &mut dyn FnMut(u64)) -> Result<Rebuilt, IndexError> {
    let started = SystemTime::now();
    let StoreId(store) = identity::enter(root, state, stamp(started))?;
    let (scratch, held) = scratch_file(state)?;
    let built = build(root, state, &scratch, &store.to_string(), progress).and_then(|(conn, built)| {
        publish(&conn, state)?;
        Ok(built)
    });
    std::fs::remove_file(&scratch).map_err(StoreError::io("remove", &scratch))?;
    drop(held);
    let built = built?;
    let mut index = Index::open(state)?;
    index.compare(root, Some(started), SystemTime::now())?;
    Ok(built)
}

/// An empty file of its own for this rebuild, locked as long as it is held.
fn scratch_file(state: &Path) -> Result<(PathBuf, File), IndexError> {
    let scratch = state.join(SCRATCH);
    let held = create_mode(&scratch)?;
    match held.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(IndexError::InUse { path: scratch }),
        Err(TryLockError::Error(e)) => return Err(StoreError::io("lock", &scratch)(e).into()),
    }
    let io = |e| StoreError::io("empty", &scratch)(e);
    held.set_len(0).map_err(io)?;
    // Somebody may have taken it for a leftover before it was locked.
    let same = std::fs::metadata(&scratch).is_ok_and(|m| held.metadata().is_ok_and(|h| h.ino() == m.ino()));
    if same { Ok((scratch, held)) } else { Err(IndexError::InUse { path: scratch }) }
}

/// Removes what a rebuild left that was killed: it holds what may have been
/// deleted since.
pub(super) fn drop_leftover(state: &Path) -> Result<(), StoreError> {
    let scratch = state.join(SCRATCH);
    let file = match File::open(&scratch) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(StoreError::io("open", &scratch)(e)),
    };
    match file.try_lock() {
        Ok(()) => std::fs::remove_file(&scratch).map_err(StoreError::io("remove", &scratch)),
        Err(_) => Ok(()),
    }
}

fn build(
    root: &Path,
    state: &Path,
    scratch: &Path,
    store: &str,
    progress: &mut dyn FnMut(u64),
) -> Result<(Connection, Rebuilt), IndexError> {
    let to_error = IndexError::sqlite(scratch);
    let conn = Connection::open(scratch).map_err(&to_error)?;
    schema::set_up(&conn).map_err(&to_error)?;
    // Nobody reads it before it is whole, and half of it is worth nothing.
    conn.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;").map_err(&to_error)?;
    conn.execute_batch(schema::TABLES).map_err(&to_error)?;
    conn.execute("INSERT INTO meta VALUES ('store', ?1)", params![store]).map_err(&to_error)?;
    let mut tombstones: Vec<Tombstone> = live_tombstones(state);
    tombstone::read_file(state, 0, &mut |t| tombstones.extend(t))?;
    tombstone::insert(&conn, &tombstones).map_err(&to_error)?;

    let mut out = Rebuilt::default();
    let mut batch: Vec<Row> = Vec::with_capacity(BATCH);
    let flush = |batch: &mut Vec<Row>, out: &mut Rebuilt| -> Result<(), IndexError> {
        let tx = conn.unchecked_transaction().map_err(&to_error)?;
        let buried = put_all(&tx, batch).map_err(&to_error)?;
        tx.commit().map_err(&to_error)?;
        out.buried += buried as u64;
        out.recordings += (batch.len() - buried) as u64;
        batch.clear();
        Ok(())
    };
    for found in Walk::new(root) {
        // An index without a folder nobody could read would hide what is in it.
        let found = found.map_err(|(folder, e)| StoreError::io("read", &folder)(e))?;
        match row_of(root, &found) {
            None => {}
            Some(Ok(row)) => batch.push(row),
            Some(Err(path)) => {
                out.unreadable_total += 1;
                if out.unreadable.len() < TOLD {
                    out.unreadable.push(path);
                }
            }
        }
        if batch.len() == BATCH {
            flush(&mut batch, &mut out)?;
            progress(out.recordings);
        }
    }
    flush(&mut batch, &mut out)?;
    progress(out.recordings);
    conn.execute_batch(schema::INDEXES).map_err(&to_error)?;
    conn.pragma_update(None, "user_version", schema::VERSION).map_err(&to_error)?;
    Ok((conn, out))
}

/// The row of a finished recording; `None` for what is none, or is gone by now.
fn row_of(root: &Path, found: &Found) -> Option<Result<Row, PathBuf>> {
    if found.state() != State::Finished {
        return None;
    }
    let json = found.paths().json;
    match Sidecar::read(&json) {
        Ok(sidecar) => {
            let path = json.strip_prefix(root).ok()?.to_owned();
            Some(Row::of(&path, &sidecar).ok_or(json))
        }
        // Deleted since the folder was read.
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
        Err(_) => Some(Err(json)),
    }
}

/// Tombstones of the index that is about to go; none where it cannot be read.
/// The file has them too, unless somebody restored an old one.
fn live_tombstones(state: &Path) -> Vec<Tombstone> {
    let path = state.join(INDEX);
    let readable = path.exists().then(|| Connection::open(&path).ok()).flatten();
    readable.and_then(|conn| tombstone::read_table(&conn).ok()).unwrap_or_default()
}

/// Puts a finished database in the place of the live one.
fn publish(built: &Connection, state: &Path) -> Result<(), IndexError> {
    let path = state.join(INDEX);
    match copy_over(built, &path) {
        Err(IndexError::Corrupt { .. }) => {}
        other => return other,
    }
    // Too damaged to take a transaction: it can go only when nobody has it open.
    let place = lock_file(state)?;
    match place.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(IndexError::InUse { path }),
        Err(TryLockError::Error(e)) => return Err(StoreError::io("lock", &state.join(LOCK))(e).into()),
    }
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let file = state.join(format!("{INDEX}{suffix}"));
        match std::fs::remove_file(&file) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("remove", &file)(e).into());
            }
            _ => {}
        }
    }
    copy_over(built, &path)
}

fn copy_over(built: &Connection, path: &Path) -> Result<(), IndexError> {
    drop(create_mode(path)?);
    let to_error = IndexError::sqlite(path);
    let mut live = Connection::open(path).map_err(&to_error)?;
    schema::set_up(&live).map_err(&to_error)?;
    schema::set_up_live(&live).map_err(&to_error)?;
    {
        let backup = Backup::new(built, &mut live).map_err(&to_error)?;
        let mut waits = 0;
        while backup.step(-1).map_err(&to_error)? != StepResult::Done {
            waits += 1;
            if waits > PUBLISH_WAITS {
                return Err(IndexError::InUse { path: path.to_owned() });
            }
            std::thread::sleep(PUBLISH_WAIT);
        }
    }
    // What was there before is in the log no more; a reader in the way only delays it.
    live.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(&to_error)
}

impl Index {
    /// Opens the index of a store for work: checks that folder and state belong
    /// together, builds the index where there is none that can be used, and
    /// compares it with the folders that changed.
    ///
    /// # Errors
    /// A wrong mount or state, and what the system refuses.
    pub fn ready(root: &Path, state: &Path) -> Result<(Index, Option<Rebuilt>), IndexError> {
        identity::check(root, state)?;
        let (mut index, rebuilt) = match Index::open(state) {
            Ok(index) => (index, None),
            Err(e) if e.needs_rebuild() => {
                let rebuilt = rebuild(root, state, &mut |_| ())?;
                (Index::open(state)?, Some(rebuilt))
            }
            Err(e) => return Err(e),
        };
        index.reconcile(root)?;
        Ok((index, rebuilt))
    }

    /// Compares with the day folders that changed since the last time.
    pub fn reconcile(&mut self, root: &Path) -> Result<Reconciled, IndexError> {
        let since = self.meta(RECONCILED)?.and_then(|s| s.parse().ok()).map(Duration::from_nanos);
        self.compare(root, since.map(|d| UNIX_EPOCH + d), SystemTime::now())
    }

    /// Compares with every day folder; rows of folders that are gone too.
    pub fn reconcile_all(&mut self, root: &Path) -> Result<Reconciled, IndexError> {
        self.compare(root, None, SystemTime::now())
    }

    fn compare(
        &mut self,
        root: &Path,
        since: Option<SystemTime>,
        now: SystemTime,
    ) -> Result<Reconciled, IndexError> {
        let since = since.map(|t| t.checked_sub(SLACK).unwrap_or(UNIX_EPOCH));
        let mut done = Reconciled::default();
        for (date, folder) in changed_days(root, since)? {
            self.compare_day(root, date, &folder, since, &mut done)?;
        }
        if since.is_none() {
            self.forget_lost_days(root, &mut done)?;
        }
        let ns = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        // The time alone is not worth a write of every look.
        if done != Reconciled::default() || since.is_none() {
            self.set_meta(RECONCILED, &ns.to_string())?;
        }
        Ok(done)
    }

    fn compare_day(
        &mut self,
        root: &Path,
        date: Date,
        folder: &Path,
        since: Option<SystemTime>,
        done: &mut Reconciled,
    ) -> Result<(), IndexError> {
        let entries = match day_entries(folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(StoreError::io("read", folder)(e).into()),
        };
        let mut rows = self.rows_of_day(date)?;
        let mut new = Vec::new();
        for found in &entries {
            // A sidecar whose audio is missing stays known: `verify` tells of it.
            if found.state() != State::Finished {
                continue;
            }
            let json = found.paths().json;
            let known = json.strip_prefix(root).ok().and_then(|path| rows.remove(path));
            if known.is_some() && !changed(&json, since) {
                continue;
            }
            match row_of(root, found) {
                Some(Ok(row)) if known.as_ref() != Some(&row) => new.push(row),
                Some(Err(_)) => done.unreadable += 1,
                _ => {}
            }
        }
        done.folders += 1;
        for batch in new.chunks(BATCH) {
            let buried = self.put_rows(batch)? as u64;
            done.buried += buried;
            done.taken += batch.len() as u64 - buried;
        }
        self.forget_gone(root, rows.into_values(), done)
    }

    /// Rows answered on a UTC day, by path.
    fn rows_of_day(&self, date: Date) -> Result<HashMap<PathBuf, Row>, IndexError> {
        let Some((from, to)) = utc_day(date) else { return Ok(HashMap::new()) };
        let sql = format!(
            "SELECT {} FROM recording INDEXED BY by_time WHERE buried = 0 AND answered_at >= ?1 \
             AND answered_at < ?2",
            schema::COLUMNS
        );
        let rows = self.rows(&sql, &[from.as_ns().into(), to.as_ns().into()])?;
        Ok(rows.into_iter().map(|r| (r.path.clone(), r)).collect())
    }

    /// Forgets rows whose sidecar is not there any more.
    fn forget_gone(
        &mut self,
        root: &Path,
        rows: impl Iterator<Item = Row>,
        done: &mut Reconciled,
    ) -> Result<(), IndexError> {
        for row in rows {
            let json = row.json(root);
            if !json.try_exists().map_err(StoreError::io("look for", &json))? {
                self.forget(row.id)?;
                done.forgotten += 1;
            }
        }
        Ok(())
    }

    /// Rows of days that have no folder.
    fn forget_lost_days(&mut self, root: &Path, done: &mut Reconciled) -> Result<(), IndexError> {
        let days: Vec<i64> = {
            let mut st = self
                .conn
                .prepare("SELECT DISTINCT answered_at / 86400000000000 FROM recording INDEXED BY by_time WHERE buried = 0")
                .map_err(self.error())?;
            let days = st.query_map([], |r| r.get(0)).map_err(self.error())?;
            days.collect::<Result<_, _>>().map_err(self.error())?
        };
        for day in days {
            let at = Timestamp::from_parts(day.saturating_mul(86_400), 0);
            if !root.join(super::super::layout::day_folder(at)).is_dir() {
                let rows = self.rows_of_day(at.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date())?;
                self.forget_gone(root, rows.into_values(), done)?;
            }
        }
        Ok(())
    }
}

/// Day folders with a name that came or went since; all of them for `None`.
fn changed_days(root: &Path, since: Option<SystemTime>) -> Result<BTreeMap<Date, PathBuf>, StoreError> {
    let mut level = vec![(root.to_owned(), Vec::<i16>::new())];
    for digits in [4, 2, 2] {
        let mut below = Vec::new();
        for (folder, date) in level {
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(StoreError::io("read", &folder)(e)),
            };
            for entry in entries {
                let entry = entry.map_err(StoreError::io("read", &folder))?;
                let name = entry.file_name();
                let Some(number) = name.to_str().filter(|n| n.len() == digits).and_then(|n| n.parse().ok())
                else {
                    continue;
                };
                if entry.file_type().is_ok_and(|t| t.is_dir()) {
                    let mut date = date.clone();
                    date.push(number);
                    below.push((entry.path(), date));
                }
            }
        }
        level = below;
    }
    let mut days = BTreeMap::new();
    for (folder, date) in level {
        let [y, m, d] = date[..] else { continue };
        let Ok(date) = Date::new(y, m as i8, d as i8) else { continue };
        if changed(&folder, since) {
            days.insert(date, folder);
        }
    }
    Ok(days)
}

/// Changed since; what cannot be asked counts as changed.
fn changed(path: &Path, since: Option<SystemTime>) -> bool {
    let Some(since) = since else { return true };
    std::fs::metadata(path).and_then(|m| m.modified()).map_or(true, |t| t >= since)
}

/// The first instant of a UTC day and of the next.
fn utc_day(date: Date) -> Option<(Timestamp, Timestamp)> {
    let from = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    let from = Timestamp::from_jiff(from);
    Some((from, from + Duration::from_secs(86_400)))
}

fn stamp(t: SystemTime) -> Timestamp {
    let ns = t.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    Timestamp::from_ns(i64::try_from(ns).unwrap_or(i64::MAX))
}
