//! The log's own retention: its oldest entries go, the chain stays whole.
//!
//! | step | what is done | a crash right after it |
//! | --- | --- | --- |
//! | 1 | an `audit_prune` entry names the last entry that is to go, and its hash | more is there than need be: done again next time |
//! | 2 | `audit.jsonl.new`: a first line with that link, then what is kept, synced | the same; the scratch file is overwritten |
//! | 3 | renamed over `audit.jsonl`, the folder synced | nothing |
//!
//! So the first line is vouched for by an entry further down, which hangs in
//! the chain: who cuts the front off by hand has no such entry.

use super::log::{Lines, link_of, sync_parent};
use super::{Action, AuditError, AuditLog, Cut, Draft, Entry, LOG_FILE, Link, io_error, seal};
use crate::store::files::FILE_MODE;
use crate::store::files::settle;
use crate::store::sidecar::parse_rfc3339;
use crate::time::Timestamp;
use serde_json::json;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

impl AuditLog {
    /// Removes the entries before `since`. Returns how many.
    ///
    /// Entries go from the front only, up to the first that has to stay; a log
    /// with a damaged line before that is left as it is, as evidence.
    ///
    /// # Errors
    /// The log cannot be read or written; then it is as it was, or longer by the
    /// entry that announced this.
    pub fn prune(&self, now: Timestamp, since: Timestamp) -> Result<u64, AuditError> {
        let Some((up_to, count)) = self.prunable(since)? else { return Ok(0) };
        let detail = json!({ "up_to": up_to, "entries": count, "before": since.to_rfc3339() });
        self.append(now, [Draft::new(Action::AuditPrune).detail(detail)])?;
        let _lock = self.lock()?;
        let path = self.state.join(LOG_FILE);
        let scratch = PathBuf::from(format!("{}.new", path.display()));
        self.copy_behind(&up_to, &scratch).map_err(io_error("write", &scratch))??;
        std::fs::rename(&scratch, &path).map_err(io_error("rename", &scratch))?;
        sync_parent(&path)?;
        Ok(count)
    }

    /// The last entry before `since`, and how many there are up to it.
    fn prunable(&self, since: Timestamp) -> Result<Option<(Link, u64)>, AuditError> {
        let path = self.state.join(LOG_FILE);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(io_error("open", &path)(e)),
        };
        let (mut found, mut before) = (None, Link::genesis());
        for line in Lines::new(file) {
            let line = line.map_err(io_error("read", &path))?;
            let Some((text, (link, prev))) =
                line.ok().and_then(|text| link_of(&text).map(|link| (text, link)))
            else {
                return Ok(None);
            };
            // The mark of an earlier cut is no entry.
            let Some(prev) = prev else {
                before = link;
                continue;
            };
            if prev != before.hash || link.seq != before.seq + 1 {
                return Ok(None);
            }
            let at = serde_json::from_str::<Entry>(&text).ok().and_then(|e| parse_rfc3339(&e.at));
            if at.is_none_or(|at| at >= since) {
                break;
            }
            before = link.clone();
            found = Some((link, found.map_or(1, |(_, n)| n + 1)));
        }
        Ok(found)
    }

    /// The outer error is the file's, the inner that of an entry.
    fn copy_behind(&self, up_to: &Link, scratch: &std::path::Path) -> io::Result<Result<(), AuditError>> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(FILE_MODE);
        let file = options.open(scratch)?;
        settle(scratch, &file)?;
        let mut out = BufWriter::new(file);
        let (first, _) = match seal(&Cut { cut: up_to.clone() }) {
            Ok(sealed) => sealed,
            Err(e) => return Ok(Err(e)),
        };
        writeln!(out, "{first}")?;
        let mut behind = false;
        for line in Lines::new(File::open(self.state.join(LOG_FILE))?) {
            // What is damaged further on stays as it is, for `verify` to find; a
            // torn end is completed by nobody and cut by the next writer.
            let Ok(text) = line? else {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a line that is no text"));
            };
            if behind {
                writeln!(out, "{text}")?;
            } else {
                behind = link_of(&text).is_some_and(|(link, prev)| prev.is_some() && link == *up_to);
            }
        }
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(Ok(()))
    }
}
