//! Appending to the log and reading it.
//!
//! | step | what is done | a crash right after it |
//! | --- | --- | --- |
//! | 1 | the line appended and synced | one entry beyond the head: the next writer says so in an entry, and goes on |
//! | 2 | `audit.head` replaced and synced | nothing |
//! | 3 | the anchor replaced, where there is one | nothing; an anchor that lags is no finding |
//!
//! A line without its end is what a crash inside step 1 leaves. The next writer
//! cuts it off and says so, with its length and hash. What no crash leaves is
//! never repaired: the next entry hangs on what the head says, and the break
//! stays visible.

use super::{
    Action, AuditError, Cut, Draft, Entry, HEAD_FILE, LOCK_FILE, LOG_FILE, Link, MAX_LINE, Outcome, Who,
    hash_of, io_error, seal, unseal,
};
use crate::store::files::FILE_MODE;
use crate::store::files::settle;
use crate::time::Timestamp;
use serde_json::json;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// The log of one store, for one doer.
#[derive(Clone, Debug)]
pub struct AuditLog {
    pub(super) state: PathBuf,
    pub(super) anchor: Option<PathBuf>,
    pub(super) who: Who,
}

/// The end of the log as it is found.
struct Tail {
    /// The last whole line, if it is an entry or a cut with the right hash.
    last: Option<Link>,
    /// Bytes up to the last line's end.
    whole: u64,
    /// What stands behind it.
    torn: Vec<u8>,
}

impl AuditLog {
    /// The log in this state folder, which exists. `anchor`: where the newest
    /// link goes beside it.
    pub fn new(state: &Path, anchor: Option<PathBuf>, who: Who) -> AuditLog {
        AuditLog { state: state.to_owned(), anchor, who }
    }

    /// The state folder.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Who is doing it.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// The newest link; `None` before the first entry.
    ///
    /// # Errors
    /// It cannot be read. What is in it is judged by [`AuditLog::verify`].
    pub fn head(&self) -> Result<Option<Link>, AuditError> {
        let path = self.state.join(HEAD_FILE);
        Ok(read_small(&path)?.as_deref().and_then(Link::parse))
    }

    /// Appends entries, synced; returns the newest link.
    ///
    /// The anchor is written too; where that fails the entries stand all the same
    /// and the error is in the second place.
    ///
    /// # Errors
    /// The log cannot be written: then what it would have told must not be done.
    pub fn append(
        &self,
        now: Timestamp,
        drafts: impl IntoIterator<Item = Draft>,
    ) -> Result<(Link, Option<AuditError>), AuditError> {
        let _lock = self.lock()?;
        let path = self.state.join(LOG_FILE);
        let mut file = open_to_append(&path)?;
        let (mut link, mut repair) = self.settle(&file, &path)?;
        repair.extend(self.compare_anchor(&path, &link)?);
        let mut bytes = Vec::new();
        for draft in repair.into_iter().chain(drafts.into_iter().flat_map(Draft::split)) {
            let entry = self.entry(now, draft, &link);
            let (line, hash) = seal(&entry)?;
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
            link = Link { seq: entry.seq, hash };
        }
        if bytes.is_empty() {
            return Ok((link, None));
        }
        let before = file.metadata().map_err(io_error("look at", &path))?.len();
        if let Err(e) = file.write_all(&bytes).and_then(|()| file.sync_data()) {
            // Half an entry on a full disk is worse than none.
            drop(file.set_len(before));
            return Err(io_error("write", &path)(e));
        }
        replace(&self.state.join(HEAD_FILE), &link.line())?;
        let trouble = self.anchor.as_deref().and_then(|anchor| replace(anchor, &link.line()).err());
        Ok((link, trouble))
    }

    fn entry(&self, now: Timestamp, draft: Draft, link: &Link) -> Entry {
        Entry {
            seq: link.seq + 1,
            at: now.to_rfc3339(),
            who: self.who.clone(),
            action: draft.action.name().into(),
            targets: draft.targets,
            search: draft.search,
            why: draft.why.cut(),
            outcome: draft.outcome.name().into(),
            detail: draft.detail,
            prev: link.hash.clone(),
        }
    }

    /// Where the next entry hangs, and what is to be said about the end of the log.
    fn settle(&self, file: &File, path: &Path) -> Result<(Link, Vec<Draft>), AuditError> {
        let tail = read_tail(file).map_err(io_error("read", path))?;
        let repair = |outcome, detail| Draft::new(Action::AuditRepair).ended(outcome).detail(detail);
        let head = self.head()?;
        let mut said = Vec::new();
        if !tail.torn.is_empty() {
            let (bytes, sha256) = (tail.torn.len(), hash_of(&tail.torn));
            file.set_len(tail.whole).map_err(io_error("cut the torn end of", path))?;
            let what = "a torn last line was cut off";
            said.push(repair(Outcome::Done, json!({ "found": what, "bytes": bytes, "sha256": sha256 })));
        }
        let damage = |what: &str, head: &Link| {
            let detail = json!({ "found": what, "head": head, "last": tail.last, "bytes": tail.whole });
            repair(Outcome::Failed, detail)
        };
        let link = match (tail.last.clone(), head) {
            (None, None) if tail.whole == 0 => {
                // So that a crash at the very first entry is like any other.
                replace(&self.state.join(HEAD_FILE), &Link::genesis().line())?;
                Link::genesis()
            }
            (Some(last), Some(head)) if last == head => last,
            // A crash between the line and the head: what is there hangs together
            // from the head on.
            (Some(last), Some(head)) if last.seq > head.seq && self.hangs_on(path, &head)? => {
                let entries = last.seq - head.seq;
                let what = "the head was behind";
                said.push(repair(Outcome::Done, json!({ "found": what, "entries": entries })));
                last
            }
            (Some(last), None) => {
                said.push(damage("the head is missing or unreadable", &last));
                last
            }
            (_, Some(head)) => {
                said.push(damage("the log does not end where the head says", &head));
                head
            }
            (None, None) => {
                let start = Link::genesis();
                said.push(damage("the log ends in what is no entry, and the head is missing", &start));
                start
            }
        };
        Ok((link, said))
    }

    /// What is to be said where the anchor names an entry that the log has not: it
    /// was cut, restored from an old copy or written anew. Looked at before the anchor
    /// is replaced, or the next command would wipe out the only trace.
    fn compare_anchor(&self, path: &Path, end: &Link) -> Result<Option<Draft>, AuditError> {
        // One that cannot be read is told of by whoever cannot replace it, and by `verify`.
        let text = self.anchor.as_deref().and_then(|anchor| read_small(anchor).ok().flatten());
        let Some(anchor) = text.as_deref().and_then(Link::parse).filter(|anchor| anchor != end) else {
            return Ok(None);
        };
        if anchor.seq < end.seq && self.has(path, &anchor)? {
            return Ok(None);
        }
        let what = "the log does not have the entry that the anchor names";
        let detail = json!({ "found": what, "anchor": anchor, "last": end });
        Ok(Some(Draft::new(Action::AuditRepair).ended(Outcome::Failed).detail(detail)))
    }

    /// Whether the log has this entry, or had it before its old ones were cut off.
    fn has(&self, path: &Path, wanted: &Link) -> Result<bool, AuditError> {
        let file = File::open(path).map_err(io_error("open", path))?;
        for (number, line) in Lines::new(file).enumerate() {
            let Ok(line) = line.map_err(io_error("read", path))? else { continue };
            match link_of(&line) {
                Some((link, _)) if link == *wanted => return Ok(true),
                // The mark of a cut, which an entry further down vouches for.
                Some((link, None)) if number == 0 && link.seq > wanted.seq => return Ok(true),
                _ => {}
            }
        }
        Ok(false)
    }

    /// From the head's entry to the end of the log every entry hangs on the one before.
    fn hangs_on(&self, path: &Path, head: &Link) -> Result<bool, AuditError> {
        let file = File::open(path).map_err(io_error("open", path))?;
        let mut at = (head.seq == 0).then(|| head.clone());
        for line in Lines::new(file) {
            let Ok(line) = line.map_err(io_error("read", path))? else { continue };
            let Some((link, prev)) = link_of(&line) else { continue };
            match at.take() {
                Some(before)
                    if prev.as_deref() == Some(before.hash.as_str()) && link.seq == before.seq + 1 =>
                {
                    at = Some(link);
                }
                Some(_) => return Ok(false),
                None if link == *head => at = Some(link),
                None => {}
            }
        }
        Ok(at.is_some())
    }

    /// Keeps other writers out until dropped.
    pub(super) fn lock(&self) -> Result<File, AuditError> {
        let path = self.state.join(LOCK_FILE);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
        let file = options.open(&path).map_err(io_error("open", &path))?;
        settle(&path, &file).map_err(io_error("set the mode of", &path))?;
        file.lock().map_err(io_error("lock", &path))?;
        Ok(file)
    }

    /// Every entry that can be read, in the order of the file.
    ///
    /// # Errors
    /// The log cannot be opened; one that is not there has no entries.
    pub fn entries(&self) -> Result<Entries, AuditError> {
        let path = self.state.join(LOG_FILE);
        match File::open(&path) {
            Ok(file) => Ok(Entries { lines: Some(Lines::new(file)), holding: None }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Entries { lines: None, holding: None }),
            Err(e) => Err(io_error("open", &path)(e)),
        }
    }

    /// Every entry about one recording.
    ///
    /// # Errors
    /// The log cannot be opened.
    pub fn entries_for(&self, id: Uuid) -> Result<Entries, AuditError> {
        Ok(Entries { holding: Some(id), ..self.entries()? })
    }
}

/// Entries as they come from the file; lines that are none are passed over
/// (finding those is [`AuditLog::verify`]).
#[derive(Debug)]
pub struct Entries {
    lines: Option<Lines>,
    holding: Option<Uuid>,
}

impl Iterator for Entries {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let needle = self.holding.map(|id| id.to_string());
        loop {
            // A log that breaks off while being read has no more entries.
            let Ok(line) = self.lines.as_mut()?.next()?.ok()? else { continue };
            if needle.as_ref().is_some_and(|id| !line.contains(id.as_str())) {
                continue;
            }
            let Ok(entry) = serde_json::from_str::<Entry>(&line) else { continue };
            if self.holding.is_none_or(|id| entry.targets.contains(&id)) {
                return Some(entry);
            }
        }
    }
}

/// A line that is none: too long, torn or not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoLine {
    /// Longer than [`MAX_LINE`].
    TooLong,
    /// Without an end.
    Torn,
    /// Not text.
    NotText,
}

/// The lines of a log, none longer than [`MAX_LINE`].
#[derive(Debug)]
pub(super) struct Lines {
    file: BufReader<File>,
}

impl Lines {
    pub(super) fn new(file: File) -> Lines {
        Lines { file: BufReader::with_capacity(64 * 1024, file) }
    }
}

impl Iterator for Lines {
    type Item = io::Result<Result<String, NoLine>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut bytes = Vec::new();
        match (&mut self.file).take(MAX_LINE as u64 + 1).read_until(b'\n', &mut bytes) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(e) => return Some(Err(e)),
        }
        if bytes.pop_if(|b| *b == b'\n').is_some() {
            return Some(Ok(String::from_utf8(bytes).map_err(|_| NoLine::NotText)));
        }
        if bytes.len() <= MAX_LINE {
            return Some(Ok(Err(NoLine::Torn)));
        }
        let skipped = self.file.skip_until(b'\n');
        Some(skipped.map(|_| Err(NoLine::TooLong)))
    }
}

/// A sealed line's own link, and the `prev` of an entry. `None` where the seal is broken.
pub(super) fn link_of(line: &str) -> Option<(Link, Option<String>)> {
    let (body, hash) = unseal(line)?;
    if hash_of(body.as_bytes()) != hash {
        return None;
    }
    let whole = format!("{body}}}");
    if let Ok(entry) = serde_json::from_str::<Entry>(&whole) {
        return Some((Link { seq: entry.seq, hash: hash.into() }, Some(entry.prev)));
    }
    // What follows a cut hangs on what was cut off.
    serde_json::from_str::<Cut>(&whole).ok().map(|cut| (cut.cut, None))
}

fn read_tail(file: &File) -> io::Result<Tail> {
    let length = file.metadata()?.len();
    // The longest torn line and the longest whole one before it.
    let from = length.saturating_sub(2 * (MAX_LINE as u64 + 1));
    let mut bytes = vec![0; usize::try_from(length - from).unwrap_or(0)];
    file.read_exact_at(&mut bytes, from)?;
    let end = memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
    let torn = bytes.split_off(end);
    let whole = length - torn.len() as u64;
    let body = bytes.split_last().map_or(&[][..], |(_, body)| body);
    let start = memchr::memrchr(b'\n', body).map_or(0, |at| at + 1);
    let last = std::str::from_utf8(&body[start..]).ok().and_then(link_of).map(|(link, _)| link);
    Ok(Tail { last, whole, torn })
}

fn open_to_append(path: &Path) -> Result<File, AuditError> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).mode(FILE_MODE);
    match options.open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let file = options.create(true).open(path).map_err(io_error("create", path))?;
            settle(path, &file).map_err(io_error("set the mode of", path))?;
            sync_parent(path)?;
            Ok(file)
        }
        other => other.map_err(io_error("open", path)),
    }
}

/// At most a link's worth; `None` where there is no file.
pub(super) fn read_small(path: &Path) -> Result<Option<String>, AuditError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(io_error("open", path)(e)),
    };
    let mut bytes = Vec::new();
    file.take(4096).read_to_end(&mut bytes).map_err(io_error("read", path))?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Writes `PATH.new`, syncs, renames it over PATH and syncs the folder.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), AuditError> {
    let scratch = PathBuf::from(format!("{}.new", path.display()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(FILE_MODE);
    let mut file = options.open(&scratch).map_err(io_error("create", &scratch))?;
    settle(&scratch, &file).map_err(io_error("set the mode of", &scratch))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).map_err(io_error("write", &scratch))?;
    std::fs::rename(&scratch, path).map_err(io_error("rename", &scratch))?;
    sync_parent(path)
}

pub(super) fn sync_parent(path: &Path) -> Result<(), AuditError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|f| f.sync_all()).map_err(io_error("sync", folder))
}
