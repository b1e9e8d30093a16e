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
    Action, AuditError, By, Cut, Draft, Entry, HEAD_FILE, LOCK_FILE, LOG_FILE, Link, MAX_LINE, Outcome,
    day_key, facts, hash_of, unseal,
};
use crate::config::Audit;
use crate::store::StoreError;
use crate::store::files::{Access, Folder};
use crate::store::jsonl::{self, Lines};
use crate::store::layout::open_state;
use crate::time::Timestamp;
use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// The log of one store.
#[derive(Clone, Debug)]
pub struct AuditLog {
    state: PathBuf,
    anchor: Option<PathBuf>,
}

/// The log while nobody else writes or judges it.
#[derive(Debug)]
pub(super) struct Locked {
    pub(super) folder: Folder,
    _lock: File,
}

/// The end of the log as it is found.
struct LogTail {
    /// The last whole line, if it is an entry or a cut with the right hash.
    last: Option<Link>,
    /// Bytes up to the last line's end.
    whole: u64,
    /// What stands behind it.
    torn: Vec<u8>,
}

impl AuditLog {
    /// The log in this state folder. `anchor`: where the newest link goes beside it.
    pub fn new(state: &Path, anchor: Option<PathBuf>) -> AuditLog {
        AuditLog { state: state.to_owned(), anchor }
    }

    /// The log of the store in `state`, with the anchor of the configuration.
    pub fn of(state: &Path, config: &Audit) -> AuditLog {
        let anchor = Some(&config.anchor).filter(|path| !path.as_os_str().is_empty());
        AuditLog::new(state, anchor.cloned())
    }

    /// The state folder.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The newest link; `None` before the first entry.
    ///
    /// # Errors
    /// It cannot be read. What is in it is judged by [`AuditLog::verify`].
    pub fn head(&self) -> Result<Option<Link>, AuditError> {
        head_in(&open_state(&self.state)?)
    }

    /// What the anchor says; `None` where there is none, or no anchor.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn read_anchor(&self) -> Result<Option<Link>, AuditError> {
        let place = match self.anchor_place() {
            Err(AuditError::Store(e)) if e.kind() == io::ErrorKind::NotFound => None,
            other => other?,
        };
        let Some((folder, name)) = place else { return Ok(None) };
        Ok(read_small(&folder, name)?.as_deref().and_then(Link::parse))
    }

    /// Whether the newest link goes elsewhere too.
    pub fn has_anchor(&self) -> bool {
        self.anchor.is_some()
    }

    fn anchor_place(&self) -> Result<Option<(Folder, &Path)>, AuditError> {
        let Some(path) = &self.anchor else { return Ok(None) };
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().map_or(Path::new("."), Path::new);
        Ok(Some((Folder::open(folder, Access::Owner)?, name)))
    }

    fn write_anchor(&self, link: &Link) -> Result<(), AuditError> {
        match self.anchor_place()? {
            Some((folder, name)) => replace(&folder, name, link),
            None => Ok(()),
        }
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
        by: &By,
        drafts: impl IntoIterator<Item = Draft>,
    ) -> Result<(Link, Option<AuditError>), AuditError> {
        self.append_to(&self.lock()?, by, drafts)
    }

    /// Appends what several have done, synced once.
    ///
    /// # Errors
    /// As [`AuditLog::append`].
    pub fn append_all(&self, said: Vec<(By, Draft)>) -> Result<(Link, Option<AuditError>), AuditError> {
        let Some((first, _)) = said.first().cloned() else { return Err(AuditError::Entry) };
        self.write(&self.lock()?, &first, said.into_iter())
    }

    /// [`append`](AuditLog::append) for whoever keeps others out already.
    pub(super) fn append_to(
        &self,
        log: &Locked,
        by: &By,
        drafts: impl IntoIterator<Item = Draft>,
    ) -> Result<(Link, Option<AuditError>), AuditError> {
        self.write(log, by, drafts.into_iter().map(|draft| (by.clone(), draft)))
    }

    /// `first` is told to have found what is to be repaired.
    fn write(
        &self,
        log: &Locked,
        first: &By,
        said: impl Iterator<Item = (By, Draft)>,
    ) -> Result<(Link, Option<AuditError>), AuditError> {
        let file = open_to_append(&log.folder)?;
        let (mut link, mut repair, end) = log.settle(&file)?;
        repair.extend(self.compare_anchor(&file, &link)?);
        let (signer, of_key) = day_key::signer(&log.folder, first.at, &link)?;
        repair.extend(of_key);
        let mut bytes = Vec::new();
        let said = said.flat_map(|(by, draft)| draft.split().into_iter().map(move |part| (by.clone(), part)));
        for (by, draft) in repair.into_iter().map(|draft| (first.clone(), draft)).chain(said) {
            let entry = entry(&by, draft, &link);
            let (line, hash) = day_key::seal(&entry, Some(&signer))?;
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
            link = Link { seq: entry.seq, hash };
        }
        if bytes.is_empty() {
            return Ok((link, None));
        }
        jsonl::append(&file, end, &bytes).map_err(StoreError::io("write", &log.path()))?;
        replace(&log.folder, Path::new(HEAD_FILE), &link)?;
        let anchored = self.write_anchor(&link);
        let trouble = anchored.err().map(|e| AuditError::Anchor {
            path: self.anchor.clone().unwrap_or_default(),
            why: e.to_string(),
        });
        Ok((link, trouble))
    }

    /// Turns the key that seals where a new day began; the newest one's public half. For a
    /// daemon on a day without entries: the secret of yesterday goes all the same.
    ///
    /// # Errors
    /// The state cannot be read or written.
    pub fn turn_key(&self, now: Timestamp) -> Result<Option<String>, AuditError> {
        let log = self.lock()?;
        let file = open_to_append(&log.folder)?;
        let last = end_of(&file).map_err(StoreError::io("read", &log.path()))?.last;
        match (last, head_in(&log.folder)?) {
            (Some(last), Some(head)) if last == head => day_key::turn_on_a_new_day(&log.folder, now, &head),
            // What a crash or another hand left is the next writer's to tell of.
            _ => Ok(None),
        }
    }

    /// What is to be said where the anchor names an entry that the log has not: it
    /// was cut, restored from an old copy or written anew. Looked at before the anchor
    /// is replaced, or the next command would wipe out the only trace.
    fn compare_anchor(&self, file: &File, end: &Link) -> Result<Option<Draft>, AuditError> {
        // One that cannot be read is told of by whoever cannot replace it, and by `verify`.
        let Some(anchor) = self.read_anchor().ok().flatten().filter(|anchor| anchor != end) else {
            return Ok(None);
        };
        let path = self.state.join(LOG_FILE);
        if anchor.seq < end.seq && has(file, &anchor).map_err(StoreError::io("read", &path))? {
            return Ok(None);
        }
        let what = "the log does not have the entry that the anchor names";
        let detail = facts! { Found: what, Anchor: anchor, Last: end };
        Ok(Some(Draft::new(Action::AuditRepair).ended(Outcome::Failed).detail(detail)))
    }

    /// Keeps other writers out until dropped.
    pub(super) fn lock(&self) -> Result<Locked, AuditError> {
        let folder = open_state(&self.state)?;
        let lock = folder.lock(Path::new(LOCK_FILE))?;
        Ok(Locked { folder, _lock: lock })
    }

    /// Every entry that can be read, in the order of the file.
    ///
    /// # Errors
    /// The log cannot be opened; one that is not there has no entries.
    pub fn entries(&self) -> Result<Entries, AuditError> {
        match open_state(&self.state).and_then(|folder| folder.read(Path::new(LOG_FILE))) {
            Ok(file) => Ok(Entries { lines: Some(Lines::new(file, MAX_LINE)), holding: None }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Entries { lines: None, holding: None }),
            Err(e) => Err(e.into()),
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

fn entry(by: &By, draft: Draft, link: &Link) -> Entry {
    Entry {
        seq: link.seq + 1,
        at: by.at.whole_us(),
        who: by.who.clone(),
        action: draft.action.into(),
        targets: draft.targets,
        search: draft.search,
        why: draft.why.cut(),
        outcome: draft.outcome.into(),
        detail: draft.detail,
        prev: link.hash.clone(),
    }
}

fn head_in(folder: &Folder) -> Result<Option<Link>, AuditError> {
    Ok(read_small(folder, Path::new(HEAD_FILE))?.as_deref().and_then(Link::parse))
}

/// Replaces a link, lasting.
fn replace(folder: &Folder, name: &Path, link: &Link) -> Result<(), AuditError> {
    folder.replace(name, link.line().as_bytes(), true)?;
    Ok(folder.sync()?)
}

impl Locked {
    /// The log.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join(LOG_FILE)
    }

    /// Where the next entry hangs, what is to be said about the end of the log, and
    /// where the last line ends.
    fn settle(&self, file: &File) -> Result<(Link, Vec<Draft>, u64), AuditError> {
        let tail = end_of(file).map_err(StoreError::io("read", &self.path()))?;
        let repair = |outcome, detail| Draft::new(Action::AuditRepair).ended(outcome).detail(detail);
        let head = head_in(&self.folder)?;
        let mut said = Vec::new();
        if !tail.torn.is_empty() {
            let (bytes, sha256) = (tail.torn.len(), hash_of(&tail.torn));
            let what = "a torn last line was cut off";
            said.push(repair(Outcome::Done, facts! { Found: what, Bytes: bytes, Sha256: sha256 }));
        }
        let damage = |what: &str, head: &Link| {
            let detail = facts! { Found: what, Head: head, Last: tail.last, Bytes: tail.whole };
            repair(Outcome::Failed, detail)
        };
        let link = match (tail.last.clone(), head) {
            (None, None) if tail.whole == 0 => {
                // So that a crash at the very first entry is like any other.
                replace(&self.folder, Path::new(HEAD_FILE), &Link::genesis())?;
                Link::genesis()
            }
            (Some(last), Some(head)) if last == head => last,
            // A crash between the line and the head: what is there hangs together
            // from the head on.
            (Some(last), Some(head)) if last.seq > head.seq && self.hangs_on(&head)? => {
                let entries = last.seq - head.seq;
                let what = "the head was behind";
                said.push(repair(Outcome::Done, facts! { Found: what, Entries: entries }));
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
                said.push(damage(
                    "the log ends with something that is not an entry, and the head is missing",
                    &start,
                ));
                start
            }
        };
        Ok((link, said, tail.whole))
    }

    /// From the head's entry to the end of the log every entry hangs on the one before.
    fn hangs_on(&self, head: &Link) -> Result<bool, AuditError> {
        let file = self.folder.read(Path::new(LOG_FILE))?;
        let mut at = (head.seq == 0).then(|| head.clone());
        for line in Lines::new(file, MAX_LINE) {
            let Ok(line) = line.map_err(StoreError::io("read", &self.path()))? else { continue };
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
}

/// Whether the log has this entry, or had it before its old ones were cut off. An
/// anchor that cannot be written for a while lags further and further behind, so the
/// entry is looked for by halving: numbers only grow.
fn has(file: &File, wanted: &Link) -> io::Result<bool> {
    let (mut low, mut high) = (0, jsonl::whole(file)?);
    while low < high {
        let (start, end, line) = jsonl::line_at(file, low + (high - low) / 2, high, MAX_LINE)?;
        let Some((link, prev)) = std::str::from_utf8(&line).ok().and_then(link_of) else {
            return has_by_walking(file, wanted);
        };
        // The mark of a cut, which an entry further down vouches for.
        if link == *wanted || (prev.is_none() && start == 0 && link.seq > wanted.seq) {
            return Ok(true);
        }
        match link.seq.cmp(&wanted.seq) {
            Ordering::Less => low = end,
            Ordering::Greater => high = start,
            // Another entry of that number, or a line out of order beside it.
            Ordering::Equal => return Ok(false),
        }
    }
    Ok(false)
}

/// The same in a log with a line that says nothing.
fn has_by_walking(file: &File, wanted: &Link) -> io::Result<bool> {
    let mut file = file.try_clone()?;
    file.seek(SeekFrom::Start(0))?;
    for (number, line) in Lines::new(file, MAX_LINE).enumerate() {
        let Ok(line) = line? else { continue };
        match link_of(&line) {
            Some((link, _)) if link == *wanted => return Ok(true),
            Some((link, None)) if number == 0 && link.seq > wanted.seq => return Ok(true),
            _ => {}
        }
    }
    Ok(false)
}

fn end_of(file: &File) -> io::Result<LogTail> {
    let tail = jsonl::tail(file, MAX_LINE)?;
    let last = std::str::from_utf8(&tail.last).ok().and_then(link_of).map(|(link, _)| link);
    Ok(LogTail { last, whole: tail.whole, torn: tail.torn })
}

fn open_to_append(folder: &Folder) -> Result<File, AuditError> {
    let (file, is_new) = folder.write_or_create(Path::new(LOG_FILE))?;
    if is_new {
        folder.sync()?;
    }
    Ok(file)
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

/// At most a link's worth; `None` where there is no file.
pub(super) fn read_small(folder: &Folder, name: &Path) -> Result<Option<String>, AuditError> {
    let Some(file) = folder.read_if_there(name)? else { return Ok(None) };
    let mut bytes = Vec::new();
    let read = file.take(4096).read_to_end(&mut bytes);
    read.map_err(StoreError::io("read", &folder.path().join(name)))?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}
