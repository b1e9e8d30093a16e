//! Tombstones that have done their work go.
//!
//! One is needed as long as an old copy could bring its recording back: for
//! `retention.tombstones`, and where the recording was erased before its time
//! until its own term is over. After that a copy that came back would be due
//! by itself.
//!
//! | step | what is done | a crash right after it |
//! | --- | --- | --- |
//! | 1 | `tombstones.jsonl.new` with those that stay, synced | nothing; the scratch file is overwritten |
//! | 2 | renamed over `tombstones.jsonl`, the folder synced | the table makes the file whole again, and it is done again next time |
//! | 3 | out of the table | nothing |

use super::{DeletionReason, Index, IndexError, StoreError, TAKEN, TOMBSTONES, Tombstone, locked};
use crate::time::Timestamp;
use rusqlite::{TransactionBehavior, params};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

/// Which rows go: `?1` before, `?2` now.
const GOING: &str = "deleted_at < ?1 AND (reason = 'expired' OR until <= ?2)";

impl Index {
    /// How many tombstones from before `before` have done their work at `now`.
    pub fn prunable_tombstones(&self, before: Timestamp, now: Timestamp) -> Result<u64, IndexError> {
        let sql = format!("SELECT count(*) FROM tombstone WHERE {GOING}");
        let count = self.conn.query_row(&sql, params![before.as_ns(), now.as_ns()], |r| r.get::<_, i64>(0));
        Ok(count.map_err(self.error())?.unsigned_abs())
    }

    /// Removes them.
    pub fn prune_tombstones(&mut self, before: Timestamp, now: Timestamp) -> Result<(), IndexError> {
        let path = Path::new(TOMBSTONES);
        // Kept until the table is done, so that nobody appends to what is about to go.
        let old = locked(&self.state)?;
        let (scratch, new) = self.state.open_scratch(path)?;
        let length = copy_staying(&old, new, before, now).map_err(StoreError::io("write", &scratch))?;
        self.state.rename(&scratch, path)?;
        self.state.sync()?;
        let to_error = IndexError::sqlite(&self.path);
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&to_error)?;
        tx.execute(&format!("DELETE FROM tombstone WHERE {GOING}"), params![before.as_ns(), now.as_ns()])
            .map_err(&to_error)?;
        tx.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", params![TAKEN, length.to_string()])
            .map_err(&to_error)?;
        tx.commit().map_err(&to_error)
    }
}

/// Copies the lines that stay as they are; what is no tombstone stays, for
/// `verify` to tell of. Returns the length of the copy.
fn copy_staying(old: &File, new: File, before: Timestamp, now: Timestamp) -> io::Result<u64> {
    let (mut out, mut length) = (BufWriter::new(new), 0);
    let mut lines = BufReader::new(old);
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let stone = serde_json::from_slice::<Tombstone>(&line);
        if !stone.is_ok_and(|t| is_going(&t, before, now)) {
            out.write_all(&line)?;
            length += line.len() as u64;
        }
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(length)
}

/// As [`GOING`].
fn is_going(t: &Tombstone, before: Timestamp, now: Timestamp) -> bool {
    let is_old = t.deleted_at < before;
    let is_over = || t.until.is_some_and(|until| until <= now);
    is_old && (t.reason == DeletionReason::Expired || is_over())
}
