//! The index compared with the folders that changed.
//!
//! A folder's time says that a name in it came, went or was replaced: new
//! recordings, deleted ones, edited sidecars. Only such folders are read. This
//! mends what a crash left between a rename and its row, and what came in while
//! a rebuild was under way.

use super::rebuild::{BATCH, row_of};
use super::row::place_of;
use super::{Index, IndexError, Row};
use crate::store::StoreError;
use crate::store::files::{Access, EntryKind, FileStat, Folder};
use crate::store::layout::{NameState, day_entries, day_folder, is_date};
use crate::time::Timestamp;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// When the folders were last compared, nanoseconds since 1970.
const RECONCILED: &str = "reconciled_at";
/// Times of folders are coarse, and clocks are set: look that much further back.
const SLACK: Duration = Duration::from_secs(5);

/// What a comparison changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Day folders looked into.
    pub folders: u64,
    /// Recordings taken in, new or edited.
    pub taken: u64,
    /// Recordings whose files are gone, and nobody deleted them.
    pub missing: u64,
    /// Copies of recordings that are known at another place, left out.
    pub copies: u64,
    /// Files of deleted recordings, left out.
    pub buried: u64,
    /// Sidecars that could not be read.
    pub unreadable: u64,
}

impl Index {
    /// Sidecars beside which a comparison found an edit: under way, or cut short.
    pub fn take_half_edits(&mut self) -> BTreeSet<PathBuf> {
        std::mem::take(&mut self.half_edits)
    }

    /// Compares with the day folders that changed since the last time.
    pub fn reconcile(&mut self, root: &Path) -> Result<Reconciled, IndexError> {
        let now = SystemTime::now();
        let since = self.meta(RECONCILED)?.and_then(|s| s.parse().ok()).map(Duration::from_nanos);
        // Written down by a clock that was ahead, it would hide all that comes until then.
        let since = since.map(|d| UNIX_EPOCH + d).filter(|since| *since <= now);
        self.compare(root, since, now)
    }

    /// Compares with every day folder; rows of folders that are gone too.
    pub fn reconcile_all(&mut self, root: &Path) -> Result<Reconciled, IndexError> {
        self.compare(root, None, SystemTime::now())
    }

    pub(super) fn compare(
        &mut self,
        root: &Path,
        since: Option<SystemTime>,
        now: SystemTime,
    ) -> Result<Reconciled, IndexError> {
        let since = since.map(|t| t.checked_sub(SLACK).unwrap_or(UNIX_EPOCH));
        let mut done = Reconciled::default();
        let mut elsewhere = Vec::new();
        let root = &Folder::open(root, Access::Owner)?;
        for (date, folder) in changed_days(root, since)? {
            elsewhere.extend(self.compare_day(root, date, &folder, since, &mut done)?);
            elsewhere.truncate(BATCH);
        }
        if since.is_none() {
            self.miss_lost_days(root, &mut done)?;
        }
        // Moved from a folder that was looked at later: by now it is missing there.
        done.copies = elsewhere.len() as u64;
        let moved = self.put_rows(&elsewhere)?.taken;
        (done.copies, done.taken) = (done.copies - moved, done.taken + moved);
        let ns = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        // The time alone is not worth a write of every look.
        if done != Reconciled::default() || since.is_none() {
            self.set_meta(RECONCILED, &ns.to_string())?;
        }
        Ok(done)
    }

    fn compare_day(
        &mut self,
        root: &Folder,
        date: Date,
        folder: &Path,
        since: Option<SystemTime>,
        done: &mut Reconciled,
    ) -> Result<Vec<Row>, IndexError> {
        let day = still_there(root.below(folder))?;
        let entries = match &day {
            Some(day) => day_entries(day).map_err(StoreError::io("read", day.path()))?,
            None => Vec::new(),
        };
        // Asked of the day's own handle: one look for each file, however many there are.
        let changed_since = |json: &Path| day.as_ref().is_none_or(|day| changed(day.look(json), since));
        let mut known = self.paths_of_day(date)?;
        let mut new = Vec::new();
        for found in &entries {
            self.heartbeat.beat();
            // A sidecar whose audio is missing stays known: `verify` tells of it.
            if found.state() != NameState::Finished {
                continue;
            }
            let json = found.paths().json;
            if found.json_new {
                self.half_edits.insert(json.clone());
            }
            let path = json.strip_prefix(root.path()).ok();
            let is_known = path.is_some_and(|path| known.remove(path).is_some());
            if is_known && !changed_since(&json) {
                continue;
            }
            match row_of(root, found) {
                Some(Ok(row)) if !is_known || self.get(row.id)?.as_ref() != Some(&row) => new.push(row),
                Some(Err(_)) => done.unreadable += 1,
                _ => {}
            }
        }
        done.folders += 1;
        let mut elsewhere = Vec::new();
        for batch in new.chunks(BATCH) {
            self.heartbeat.beat();
            let put = self.put_rows(batch)?;
            done.buried += put.buried;
            done.taken += put.taken;
            elsewhere.extend(put.elsewhere.into_iter().filter_map(|i| batch.get(i).cloned()));
        }
        self.miss_gone(root, known, done)?;
        Ok(elsewhere)
    }

    /// What was answered on a UTC day, by path: names are all that is compared of
    /// what did not change.
    fn paths_of_day(&self, date: Date) -> Result<HashMap<PathBuf, Uuid>, IndexError> {
        let Some((from, to)) = utc_day(date) else { return Ok(HashMap::new()) };
        let sql = "SELECT path, id FROM recording INDEXED BY by_time \
                   WHERE buried = 0 AND answered_at >= ?1 AND answered_at < ?2";
        let mut st = self.conn.prepare_cached(sql).map_err(self.error())?;
        let read = |r: &rusqlite::Row<'_>| Ok((place_of(0, r)?.to_owned(), Uuid::from_bytes(r.get(1)?)));
        let paths = st.query_map([from.as_ns(), to.as_ns()], read).map_err(self.error())?;
        paths.collect::<Result<_, _>>().map_err(self.error())
    }

    /// Marks rows whose sidecar is not there any more: nobody deleted them, or they
    /// would have a tombstone. They stay in every list until their term is over.
    fn miss_gone(
        &mut self,
        root: &Folder,
        rows: HashMap<PathBuf, Uuid>,
        done: &mut Reconciled,
    ) -> Result<(), IndexError> {
        let mut gone = Vec::new();
        for (path, id) in rows {
            self.heartbeat.beat();
            if root.look(&path)?.is_none() {
                gone.push(id);
            }
        }
        for id in gone {
            let sql = "UPDATE recording SET missing = 1 WHERE id = ?1 AND buried = 0 AND missing = 0";
            done.missing += self.run(sql, [id.as_bytes()])? as u64;
        }
        Ok(())
    }

    /// Rows of days that have no folder.
    fn miss_lost_days(&mut self, root: &Folder, done: &mut Reconciled) -> Result<(), IndexError> {
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
            if root.look(&day_folder(at))?.is_none_or(|known| !known.is_folder()) {
                let paths =
                    self.paths_of_day(at.to_jiff().to_zoned_datetime(jiff::tz::TimeZone::UTC).date())?;
                self.miss_gone(root, paths, done)?;
            }
        }
        Ok(())
    }
}

/// Day folders with a name that came or went since, below the root; all of them for `None`.
fn changed_days(root: &Folder, since: Option<SystemTime>) -> Result<BTreeMap<Date, PathBuf>, StoreError> {
    let mut days = BTreeMap::new();
    for year in dated(root, 4)? {
        let Some(months) = still_there(root.below(Path::new(&year)))? else { continue };
        for month in dated(&months, 2)? {
            let Some(folder) = still_there(months.below(Path::new(&month)))? else { continue };
            for day in dated(&folder, 2)? {
                let date = format!("{year}-{month}-{day}").parse::<Date>();
                if let Ok(date) = date
                    && changed(folder.look(Path::new(&day)), since)
                {
                    days.insert(date, [&year, &month, &day].iter().collect());
                }
            }
        }
    }
    Ok(days)
}

/// The folders in one that are named as part of a date.
fn dated(folder: &Folder, digits: usize) -> Result<Vec<String>, StoreError> {
    let entries = folder.entries().map_err(StoreError::io("read", folder.path()))?;
    let dated = entries.into_iter().filter(|e| e.kind == EntryKind::Folder && is_date(&e.name, digits));
    Ok(dated.map(|e| e.name).collect())
}

/// `None` for what was expired and removed meanwhile.
fn still_there(opened: Result<Folder, StoreError>) -> Result<Option<Folder>, StoreError> {
    match opened {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// Changed since; what cannot be asked counts as changed. By the time of the
/// inode's change: a restored copy may bear any time of modification.
fn changed(known: Result<Option<FileStat>, StoreError>, since: Option<SystemTime>) -> bool {
    let Some(since) = since.and_then(|t| t.duration_since(UNIX_EPOCH).ok()) else { return true };
    let since = i128::try_from(since.as_nanos()).unwrap_or(i128::MAX);
    known.ok().flatten().is_none_or(|known| known.changed_ns() >= since)
}

/// The first instant of a UTC day and of the next.
fn utc_day(date: Date) -> Option<(Timestamp, Timestamp)> {
    let from = date.to_zoned_datetime(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    let from = Timestamp::from_jiff(from);
    Some((from, from + Duration::from_secs(86_400)))
}
