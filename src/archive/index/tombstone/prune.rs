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

use super::{
    DeletionReason, Index, IndexError, Lines, MAX_LINE, StoreError, TAKEN, TOMBSTONES, Tombstone, jsonl,
    locked,
};
use crate::time::Timestamp;
use rusqlite::{TransactionBehavior, params};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
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
        let copied = |out: &mut BufWriter<File>| copy_staying(&old, out, before, now);
        let place = self.state.path().join(path);
        let length =
            self.state.replace_with(path, |out| copied(out).map_err(StoreError::io("write", &place)))?;
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
/// `verify` to tell of, but for a torn end. Returns the length of the copy.
fn copy_staying(old: &File, out: &mut impl Write, before: Timestamp, now: Timestamp) -> io::Result<u64> {
    let (mut length, mut stays) = (0, 0..0);
    let mut copy = |span: Range<u64>| {
        length += span.end - span.start;
        jsonl::copy(old, span, out)
    };
    let mut lines = Lines::new(old.try_clone()?, MAX_LINE);
    while let Some(line) = lines.next() {
        let stone = line?.ok().and_then(|text| serde_json::from_str::<Tombstone>(&text).ok());
        if stone.is_some_and(|t| is_going(&t, before, now)) {
            copy(stays)?;
            stays = lines.whole()..lines.whole();
        } else {
            stays.end = lines.whole();
        }
    }
    copy(stays)?;
    Ok(length)
}

/// As [`GOING`].
fn is_going(t: &Tombstone, before: Timestamp, now: Timestamp) -> bool {
    let is_old = t.deleted_at < before;
    let is_over = || t.until.is_some_and(|until| until <= now);
    is_old && (t.reason == DeletionReason::Expired || is_over())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::NS_PER_S;
    use uuid::Uuid;

    fn line(n: u128, at: Timestamp) -> String {
        let stone = Tombstone {
            id: Uuid::from_u128(n),
            service: None,
            answered_on: "2026-11-23".into(),
            deleted_at: at,
            until: Some(at),
            sha256: String::new(),
            reason: DeletionReason::Expired,
        };
        serde_json::to_string(&stone).unwrap() + "\n"
    }

    /// What nobody wrote here stays byte for byte, however long it is, and is never read whole.
    #[test]
    fn what_is_no_tombstone_stays_and_a_torn_end_does_not() {
        let now = Timestamp::from_parts(1_800_000_000, 0);
        let old = now.offset_ns(-100 * NS_PER_S);
        let endless = "x".repeat(5 * MAX_LINE);
        let staying = [line(1, now), format!("{endless}\n"), "no\u{e4}\n".into(), line(4, now)];
        let all = [
            &line(10, old),
            &staying[0],
            &staying[1],
            &line(11, old),
            &line(12, old),
            &staying[2],
            &staying[3],
            &line(13, old),
            "{\"torn",
        ];
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(all.map(|l| l.as_bytes()).concat().as_slice()).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        let mut out = Vec::new();
        let length = copy_staying(&file, &mut out, now, now).unwrap();
        assert!(out == staying.concat().into_bytes());
        assert_eq!(length, out.len() as u64);
    }
}
