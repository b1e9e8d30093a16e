//! Judging the seals: whether each entry is signed with the key of its day, and whether
//! the keys follow one another.
//!
//! Every signature is checked: the service hangs its next entry on whatever stands there,
//! so a later signature vouches for nothing but that nothing before it changed since.

use super::day_key::{self, KEY_FILE, KeyLine, fits_entry, unsign};
use super::judgement::{AuditProblem, Verdict};
use super::{AuditError, Link, unseal};
use crate::store::files::Folder;
use crate::time::Timestamp;
use std::path::Path;

/// What stands in the list of keys, and how far the log is in it.
pub(super) struct Seals {
    lines: Vec<KeyLine>,
    /// How many of them come after an entry that was passed.
    passed: usize,
    /// Keys that whoever asks knows from elsewhere.
    known: Vec<String>,
    /// The newest key's secret is on this machine.
    held: bool,
}

impl Seals {
    /// Reads and judges the list.
    ///
    /// # Errors
    /// It cannot be read at all.
    pub(super) fn read(state: &Folder, known: &[String], verdict: &mut Verdict) -> Result<Seals, AuditError> {
        let mut lines: Vec<KeyLine> = Vec::new();
        for (line, number) in day_key::list(state)?.into_iter().zip(1..) {
            let fits = line.filter(|line| {
                let before = lines.last();
                line.by.is_none()
                    || before
                        .is_some_and(|b| line.by.as_ref() == Some(&b.key) && line.after.seq >= b.after.seq)
            });
            // What hangs on it is none either, up to where another chain of keys begins.
            let Some(line) = fits else {
                verdict.add(0, AuditProblem::KeysChanged { line: number });
                continue;
            };
            // The log was put back to before these: they sealed nothing of what is there now.
            while line.by.is_none() && lines.last().is_some_and(|b| b.after.seq > line.after.seq) {
                lines.pop();
            }
            lines.push(line);
        }
        let held = match lines.last() {
            Some(newest) => day_key::is_held(state, newest)?,
            None => state.look(Path::new(KEY_FILE))?.is_none(),
        };
        for key in known {
            if !lines.iter().any(|line| line.key == *key) {
                verdict.add(0, AuditProblem::OtherKeys { key: key.clone() });
            }
        }
        Ok(Seals { lines, passed: 0, known: known.to_vec(), held })
    }

    /// An entry of the log.
    pub(super) fn entry(&mut self, line: u64, text: &str, link: &Link, verdict: &mut Verdict) {
        // Where lines are missing, their keys are passed unseen.
        while self.lines.get(self.passed).is_some_and(|next| next.after.seq < link.seq) {
            self.passed += 1;
        }
        let signed = unseal(text).and_then(|(body, _)| unsign(body));
        match (self.passed.checked_sub(1).and_then(|at| self.lines.get(at)), signed) {
            (None, None) => verdict.unsigned_up_to = Some(link.seq),
            (Some(_), None) => verdict.add(line, AuditProblem::Unsigned),
            (None, Some(_)) => verdict.add(line, AuditProblem::NoKey),
            (Some(own), Some((said, signature))) => {
                verdict.signed += 1;
                if !fits_entry(&own.key, said, signature) {
                    verdict.add(line, AuditProblem::WrongSignature);
                }
            }
        }
    }

    /// Keys that come after this entry take over.
    pub(super) fn pass(&mut self, link: &Link, verdict: &mut Verdict) {
        while let Some(next) = self.lines.get(self.passed).filter(|next| next.after.seq <= link.seq) {
            if next.after.seq == link.seq && next.after.hash != link.hash {
                verdict.add(0, AuditProblem::OtherPlace { seq: link.seq, at: next.at });
            }
            self.passed += 1;
        }
    }

    /// What the list says that the log does not. `confirmed`: the log ends where whoever asks
    /// knows it to end.
    pub(super) fn end(self, last: &Link, confirmed: bool, verdict: &mut Verdict) {
        if let Some(next) = self.lines.get(self.passed) {
            verdict.add(0, AuditProblem::BehindKeys { seq: next.after.seq, last: last.seq });
        }
        if !self.held && !confirmed {
            verdict.add(0, AuditProblem::KeyGone);
        }
        for (at, line) in self.lines.iter().enumerate().filter(|(_, line)| line.by.is_none()) {
            let own = self.lines[at..].iter().skip(1).take_while(|next| next.by.is_some());
            let is_known =
                self.known.contains(&line.key) || own.into_iter().any(|l| self.known.contains(&l.key));
            if line.after.seq > 0 && !is_known {
                let seq = line.after.seq;
                verdict.add(
                    0,
                    if at == 0 { AuditProblem::LateKey { seq } } else { AuditProblem::NewKeys { seq } },
                );
            }
        }
        if self.lines.is_empty() && verdict.entries > 0 && verdict.signed == 0 {
            verdict.add(0, AuditProblem::NeverSigned);
        }
        verdict.first_key = self.lines.first().cloned();
        verdict.newest_key = self.lines.last().cloned();
    }

    /// Since when entry `seq` was written, by the keys. Nothing where no key says.
    pub(super) fn written_since(&self, seq: u64) -> Option<Timestamp> {
        self.lines.iter().rev().find(|line| line.after.seq < seq).map(|line| line.at)
    }
}
