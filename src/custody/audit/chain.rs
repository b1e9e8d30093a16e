//! Judging the log: every edit, removal, insertion, swap and truncation.
//!
//! Walks the whole file once and compares its end with the head and the anchor.
//! Writers are kept out meanwhile, or a line just being written would be a finding.

use super::log::{link_of, read_small};
use super::{Action, AuditError, AuditLog, Entry, GENESIS, HEAD_FILE, LOG_FILE, Link, MAX_LINE};
use crate::store::StoreError;
use crate::store::jsonl::{Lines, NoLine};
use serde::Serialize;
use std::fs::File;
use std::io;
use std::path::Path;

/// Most findings kept; the rest is counted.
const MAX_FOUND: usize = 1_000;

/// What was found about the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Entries that are as they were written.
    pub entries: u64,
    /// The oldest entry that is there.
    pub first_seq: Option<u64>,
    /// The newest link.
    pub head: Option<Link>,
    /// Times a writer found and noted what a crash had left.
    pub repairs: u64,
    /// What is wrong, at most a thousand.
    pub found: Vec<Found>,
    /// How many findings there are in all.
    pub findings: u64,
}

impl Verdict {
    /// Nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings == 0
    }

    fn add(&mut self, line: u64, problem: Problem) {
        self.findings += 1;
        if self.found.len() < MAX_FOUND {
            self.found.push(Found { line, problem });
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Line of the log, from 1; 0 for the log as a whole.
    pub line: u64,
    /// What is wrong there.
    pub problem: Problem,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// Neither an entry nor the mark of a cut.
    #[error("is not an entry, or was changed")]
    Changed,
    /// The last line has no end.
    #[error("is incomplete: a crash, or the log was cut")]
    Torn,
    /// It does not hang on the line before.
    #[error("does not follow the line before it: something was removed, inserted or swapped")]
    Broken,
    /// The log begins in the middle and no entry says why.
    #[error("begins after entry {after}, and no entry of the log says that those before were cut")]
    Beheaded {
        /// The entry that is missed last.
        after: u64,
    },
    /// There are entries and no head.
    #[error("the head ({HEAD_FILE}) is missing or unreadable")]
    NoHead,
    /// The head is further than the log.
    #[error("the log was cut: the head is at entry {head}, the log ends at {last}")]
    Truncated {
        /// Entry the head names.
        head: u64,
        /// Entry the log ends with.
        last: u64,
    },
    /// The log is further than the head.
    #[error("{entries} entries beyond the head: forged, or a crash before the head was written")]
    BeyondHead {
        /// How many.
        entries: u64,
    },
    /// Head and log disagree about one entry.
    #[error("entry {seq} is not the one the head names")]
    OtherHead {
        /// Which.
        seq: u64,
    },
    /// The anchor cannot be read.
    #[error("the anchor is missing or unreadable")]
    NoAnchor,
    /// The anchor names an entry that is not in the log.
    #[error("entry {seq}, which the anchor names, is not in the log: the log was cut or replaced")]
    Unanchored {
        /// Which.
        seq: u64,
    },
    /// A writer found damage and said so in this entry.
    #[error("an entry records damage that was found here")]
    Damage,
}

/// Where the walk stands.
struct Walk {
    verdict: Verdict,
    /// What the next line has to hang on; `None` after a line that says nothing.
    before: Option<Link>,
    last: Option<Link>,
    /// What the first line says was cut off, and whether an entry vouches for it.
    cut: Option<Link>,
    vouched: bool,
    /// Entry that the anchor names, and whether it was met.
    anchor: Option<Link>,
    met: bool,
}

impl AuditLog {
    /// Judges the whole log.
    ///
    /// # Errors
    /// It cannot be read at all.
    pub fn verify(&self) -> Result<Verdict, AuditError> {
        let log = self.lock()?;
        let mut walk = Walk {
            verdict: Verdict::default(),
            before: Some(Link::genesis()),
            last: None,
            cut: None,
            vouched: false,
            anchor: self.read_anchor()?,
            met: false,
        };
        match log.folder.read(Path::new(LOG_FILE)) {
            Ok(file) => walk.lines(file).map_err(StoreError::io("read", &log.path()))?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e.into()),
        }
        let head_text = read_small(&log.folder, Path::new(HEAD_FILE))?;
        walk.end(head_text.as_deref(), self.has_anchor());
        Ok(walk.verdict)
    }
}

impl Walk {
    fn lines(&mut self, file: File) -> io::Result<()> {
        for (line, number) in Lines::new(file, MAX_LINE).zip(1..) {
            match line? {
                Ok(text) => self.line(number, &text),
                Err(NoLine::Torn) => self.verdict.add(number, Problem::Torn),
                Err(NoLine::TooLong | NoLine::NotText) => {
                    self.verdict.add(number, Problem::Changed);
                    self.before = None;
                }
            }
        }
        Ok(())
    }

    fn line(&mut self, number: u64, text: &str) {
        let Some((link, prev)) = link_of(text) else {
            self.verdict.add(number, Problem::Changed);
            self.before = None;
            return;
        };
        match (prev, self.before.take()) {
            (None, _) if number == 1 => self.cut = Some(link.clone()),
            (None, _) => self.verdict.add(number, Problem::Broken),
            (Some(prev), Some(before)) if prev != before.hash || link.seq != before.seq + 1 => {
                self.verdict.add(number, Problem::Broken);
            }
            (Some(_), _) => {}
        }
        if self.cut.as_ref() != Some(&link) {
            self.verdict.entries += 1;
            self.verdict.first_seq.get_or_insert(link.seq);
            self.special(number, text);
        }
        self.met |= self.anchor.as_ref() == Some(&link);
        self.before = Some(link.clone());
        self.last = Some(link);
    }

    /// What entries tell about the log itself.
    fn special(&mut self, number: u64, text: &str) {
        // Spares the common entry a second reading; a name that merely holds
        // the word is sorted out below.
        if !text.contains("\"audit_") {
            return;
        }
        let Ok(entry) = serde_json::from_str::<Entry>(text) else { return };
        if entry.action == Action::AuditRepair.name() {
            self.verdict.repairs += 1;
            if entry.outcome != super::Outcome::Done.name() {
                self.verdict.add(number, Problem::Damage);
            }
        } else if entry.action == Action::AuditPrune.name() {
            let named = entry.detail.as_ref().and_then(|d| d.get("up_to")).cloned();
            let named = named.and_then(|v| serde_json::from_value::<Link>(v).ok());
            self.vouched |= named.is_some() && named == self.cut;
        }
    }

    fn end(&mut self, head_text: Option<&str>, has_anchor: bool) {
        if let Some(cut) = self.cut.clone().filter(|_| !self.vouched) {
            self.verdict.add(1, Problem::Beheaded { after: cut.seq });
        }
        let head = head_text.and_then(Link::parse);
        let last = self.last.clone().unwrap_or_else(Link::genesis);
        match &head {
            None if last.hash == GENESIS && head_text.is_none() => {}
            None => self.verdict.add(0, Problem::NoHead),
            Some(head) if head.seq > last.seq => {
                self.verdict.add(0, Problem::Truncated { head: head.seq, last: last.seq });
            }
            Some(head) if head.seq < last.seq => {
                self.verdict.add(0, Problem::BeyondHead { entries: last.seq - head.seq });
            }
            Some(head) if *head != last => self.verdict.add(0, Problem::OtherHead { seq: head.seq }),
            Some(_) => {}
        }
        self.verdict.head = head;
        if has_anchor {
            self.end_at_anchor(&last);
        }
    }

    /// An anchor that lags is a place that could not be written for a while.
    fn end_at_anchor(&mut self, last: &Link) {
        match self.anchor.clone() {
            None if last.hash == GENESIS => {}
            None => self.verdict.add(0, Problem::NoAnchor),
            Some(anchor) => {
                let pruned = self.cut.as_ref().is_some_and(|cut| self.vouched && anchor.seq < cut.seq);
                if !self.met && !pruned {
                    self.verdict.add(0, Problem::Unanchored { seq: anchor.seq });
                }
            }
        }
    }
}
