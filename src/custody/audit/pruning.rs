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

use super::day_key::seal;
use super::log::{Locked, link_of};
use super::{Action, AuditError, AuditLog, By, Cut, Draft, Entry, LOG_FILE, Link, MAX_LINE, facts};
use crate::store::StoreError;
use crate::store::jsonl::Lines;
use crate::time::Timestamp;
use std::io::{self, Write};
use std::path::Path;

impl AuditLog {
    /// Removes the entries before `since`. Returns how many.
    ///
    /// Entries go from the front only, up to the first that has to stay; a log
    /// with a damaged line before that is left as it is, as evidence.
    ///
    /// # Errors
    /// The log cannot be read or written; then it is as it was, or longer by the
    /// entry that announced this.
    pub fn prune(&self, by: &By, since: Timestamp) -> Result<u64, AuditError> {
        // One lock over all three steps: who found X before another's cut would not find it after.
        let log = self.lock()?;
        let Some((up_to, count)) = prunable(&log, since)? else { return Ok(0) };
        // What `CutTold` reads.
        let detail = facts! { UpTo: up_to, Entries: count, Before: since.whole_us() };
        self.append_to(&log, by, [Draft::new(Action::AuditPrune).detail(detail)])?;
        log.folder.replace_with(Path::new(LOG_FILE), |out| copy_behind(&log, &up_to, out))?;
        Ok(count)
    }
}

/// The last entry before `since`, and how many there are up to it.
fn prunable(log: &Locked, since: Timestamp) -> Result<Option<(Link, u64)>, AuditError> {
    let Some(file) = log.folder.read_if_there(Path::new(LOG_FILE))? else { return Ok(None) };
    let (mut found, mut before) = (None, Link::genesis());
    for line in Lines::new(file, MAX_LINE) {
        let line = line.map_err(StoreError::io("read", &log.path()))?;
        let Some((text, (link, prev))) = line.ok().and_then(|text| link_of(&text).map(|link| (text, link)))
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
        let at = serde_json::from_str::<Entry>(&text).ok().map(|e| e.at);
        if at.is_none_or(|at| at >= since) {
            break;
        }
        before = link.clone();
        found = Some((link, found.map_or(1, |(_, n)| n + 1)));
    }
    Ok(found)
}

/// What is behind `up_to`, which is met on the way: nothing less takes the log's place.
fn copy_behind(log: &Locked, up_to: &Link, out: &mut impl Write) -> Result<(), AuditError> {
    let (first, _) = seal(&Cut { cut: up_to.clone() }, None)?;
    let old = log.folder.read(Path::new(LOG_FILE))?;
    let copy = || -> io::Result<()> {
        writeln!(out, "{first}")?;
        let mut behind = false;
        for line in Lines::new(old, MAX_LINE) {
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
        if !behind {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the entry to cut behind is not there"));
        }
        Ok(())
    };
    Ok(copy().map_err(StoreError::io("write", &log.path()))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::audit::Who;

    #[test]
    fn nothing_takes_the_logs_place_that_has_not_met_the_entry_it_is_cut_behind() {
        let dir = tempfile::tempdir().unwrap();
        let log = AuditLog::new(dir.path(), None);
        let by = By::new(Who::of_process(), Timestamp::from_parts(1_795_421_723, 0));
        (0..3).for_each(|_| drop(log.append(&by, [Draft::new(Action::List)]).unwrap()));
        let locked = log.lock().unwrap();
        let gone = Link { seq: 2, ..Link::genesis() };
        let said = copy_behind(&locked, &gone, &mut Vec::new()).unwrap_err().to_string();
        assert!(said.contains("is not there"), "{said}");
    }
}
