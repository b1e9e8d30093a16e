//! Judging the log: every edit, removal, insertion, swap and truncation.
//!
//! Walks the whole file once and compares its end with the head, the anchor and what
//! whoever asks knows from elsewhere. The signatures are judged in [`super::seals`].
//! What is there is noted with writers kept out, or a line just being written would be a
//! finding; then they may go on behind it.

use super::judgement::{AuditProblem, KnownElsewhere, Pruned, Verdict};
use super::log::{link_of, read_small};
use super::seals::Seals;
use super::{Action, AuditError, AuditLog, CutTold, Entry, GENESIS, HEAD_FILE, LOG_FILE, Link, MAX_LINE};
use crate::store::StoreError;
use crate::store::jsonl::{self, Lines};
use crate::time::{NS_PER_S, Timestamp};
use std::fs::File;
use std::io;
use std::path::Path;

/// Where the walk stands.
struct ChainWalk {
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
    /// Those that were seen elsewhere and not met here.
    heads: Vec<Link>,
    seals: Seals,
}

impl AuditLog {
    /// Judges the whole log.
    ///
    /// # Errors
    /// It cannot be read at all.
    pub fn verify(&self) -> Result<Verdict, AuditError> {
        self.verify_with(&KnownElsewhere::default())
    }

    /// The same, with what is known from elsewhere.
    ///
    /// # Errors
    /// As [`AuditLog::verify`].
    pub fn verify_with(&self, known: &KnownElsewhere) -> Result<Verdict, AuditError> {
        let log = self.lock()?;
        let mut verdict = Verdict::default();
        let seals = Seals::read(&log.folder, &known.keys, &mut verdict)?;
        let mut walk = ChainWalk {
            verdict,
            before: Some(Link::genesis()),
            last: None,
            cut: None,
            vouched: false,
            anchor: self.read_anchor()?,
            met: false,
            heads: known.heads.clone(),
            seals,
        };
        walk.seals.pass(&Link::genesis(), &mut walk.verdict);
        let head_text = read_small(&log.folder, Path::new(HEAD_FILE))?;
        if let Some(file) = log.folder.read_if_there(Path::new(LOG_FILE))? {
            let path = log.path();
            let read = || -> io::Result<()> {
                let (whole, length) = (jsonl::whole(&file)?, file.metadata()?.len());
                drop(log);
                walk.lines(file, whole, length)
            };
            read().map_err(StoreError::io("read", &path))?;
        }
        let confirmed = walk.last.as_ref().is_some_and(|last| known.heads.iter().any(|h| is_seen(h, last)));
        Ok(walk.end(head_text.as_deref(), self.has_anchor(), confirmed))
    }
}

impl ChainWalk {
    /// Lines up to byte `whole`, where the last one ended; `length` was that of the file.
    fn lines(&mut self, file: File, whole: u64, length: u64) -> io::Result<()> {
        let mut lines = Lines::new(file, MAX_LINE);
        let mut number = 0;
        while lines.whole() < whole
            && let Some(line) = lines.next()
        {
            number += 1;
            match line? {
                Ok(text) => self.line(number, &text),
                Err(_) => {
                    self.verdict.add(number, AuditProblem::Changed);
                    self.before = None;
                }
            }
        }
        if length > whole {
            self.verdict.add(number + 1, AuditProblem::Torn);
        }
        Ok(())
    }

    fn line(&mut self, number: u64, text: &str) {
        let Some((link, prev)) = link_of(text) else {
            self.verdict.add(number, AuditProblem::Changed);
            self.before = None;
            return;
        };
        match (prev, self.before.take()) {
            (None, _) if number == 1 => self.cut = Some(link.clone()),
            (None, _) => self.verdict.add(number, AuditProblem::Broken),
            (Some(prev), Some(before)) if prev != before.hash || link.seq != before.seq + 1 => {
                self.verdict.add(number, AuditProblem::Broken);
            }
            (Some(_), _) => {}
        }
        if self.cut.as_ref() != Some(&link) {
            self.verdict.entries += 1;
            self.verdict.first_seq.get_or_insert(link.seq);
            self.special(number, text);
            self.seals.entry(number, text, &link, &mut self.verdict);
        }
        self.seals.pass(&link, &mut self.verdict);
        self.met |= self.anchor.as_ref() == Some(&link);
        self.heads.retain(|head| !is_seen(head, &link));
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
        if entry.action == Action::AuditRepair {
            self.verdict.repairs += 1;
            if entry.outcome != super::Outcome::Done {
                self.verdict.add(number, AuditProblem::Damage);
            }
        } else if entry.action == Action::AuditPrune {
            let told = entry.detail.and_then(|told| told.read::<CutTold>());
            if let Some(told) = told.filter(|told| self.cut.as_ref() == Some(&told.up_to)) {
                self.vouched = true;
                self.pruned(number, told.up_to.seq, told.before);
            }
        }
    }

    /// What was cut off must have been as old as the cut says: the keys know since when
    /// its last entry was written. A day is granted for a clock that was corrected.
    fn pruned(&mut self, number: u64, up_to: u64, before: Timestamp) {
        let since = self.seals.written_since(up_to);
        if let Some(since) = since.filter(|since| *since > before.offset_ns(NS_PER_S * 86_400)) {
            self.verdict.add(number, AuditProblem::PrunedEarly { up_to, before, since });
        }
        self.verdict.pruned = Some(Pruned { up_to, before });
    }

    fn end(mut self, head_text: Option<&str>, has_anchor: bool, confirmed: bool) -> Verdict {
        if let Some(cut) = self.cut.clone().filter(|_| !self.vouched) {
            self.verdict.add(1, AuditProblem::Beheaded { after: cut.seq });
        }
        let head = head_text.and_then(Link::parse);
        let last = self.last.clone().unwrap_or_else(Link::genesis);
        match &head {
            None if last.hash == GENESIS && head_text.is_none() => {}
            None => self.verdict.add(0, AuditProblem::NoHead),
            Some(head) if head.seq > last.seq => {
                self.verdict.add(0, AuditProblem::Truncated { head: head.seq, last: last.seq });
            }
            Some(head) if head.seq < last.seq => {
                self.verdict.add(0, AuditProblem::BeyondHead { entries: last.seq - head.seq });
            }
            Some(head) if *head != last => self.verdict.add(0, AuditProblem::OtherHead { seq: head.seq }),
            Some(_) => {}
        }
        self.verdict.head = head;
        if has_anchor {
            self.end_at_anchor(&last);
        }
        for head in std::mem::take(&mut self.heads) {
            let pruned = self.cut.as_ref().is_some_and(|cut| self.vouched && head.seq < cut.seq);
            if !pruned {
                self.verdict.add(0, AuditProblem::OtherThanSeen { seq: head.seq });
            }
        }
        self.seals.end(&last, confirmed, &mut self.verdict);
        self.verdict
    }

    /// An anchor that lags is a place that could not be written for a while.
    fn end_at_anchor(&mut self, last: &Link) {
        match self.anchor.clone() {
            None if last.hash == GENESIS => {}
            None => self.verdict.add(0, AuditProblem::NoAnchor),
            Some(anchor) => {
                let pruned = self.cut.as_ref().is_some_and(|cut| self.vouched && anchor.seq < cut.seq);
                if !self.met && !pruned {
                    self.verdict.add(0, AuditProblem::Unanchored { seq: anchor.seq });
                }
            }
        }
    }
}

/// A head may have been noted by the first digits of its hash.
fn is_seen(head: &Link, link: &Link) -> bool {
    head.seq == link.seq && link.hash.starts_with(&head.hash)
}
