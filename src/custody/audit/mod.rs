//! The audit log: who did what to which recording, when and why.
//!
//! `audit.jsonl` in the state folder, one entry a line, appended only. An
//! entry's `hash` is the SHA-256 of its own line up to that key, and `prev` is
//! the hash before it, so an entry cannot change without every later one
//! changing too. Before the hash stands `sig`, by the key of that day (`day_key`), which
//! is destroyed when the next day's takes over. The newest link stands in `audit.head` as
//! well, and in a file elsewhere where `audit.anchor` names one.
//!
//! | what was done to the log | found by |
//! | --- | --- |
//! | a byte changed; a line removed, inserted, swapped | the chain |
//! | lines cut off the end | `audit.head` |
//! | written anew by somebody without the day's key, hashes and head included | the seals |
//! | an earlier day's entries written anew or cut off, with the key of today | the seals, the list of keys |
//! | today's lines cut off the end and `audit.head` rewritten | the anchor, or a head seen elsewhere |
//! | today's entries written anew with the key of today | the same |
//! | everything written anew, keys included | a key seen elsewhere, or a head |
//!
//! So the anchor belongs on another machine, and so does the journal, which has both.
//!
//! Entries hold ids, reasons and references; the customer's number and the
//! agent's name never. Kept by `audit.keep`, not by the technical log's day.
//! Must not know how recordings are stored.

mod action;
mod chain;
mod day_key;
mod facts;
mod judgement;
mod log;
mod pruning;
mod seals;
#[cfg(test)]
mod tests;
mod who;

pub use action::{Action, Outcome};
pub use day_key::{KEY_FILE, KEYS_FILE, KeyLine, is_hex};
pub(crate) use facts::facts;
pub use facts::{EntryFacts, Fact};
pub use judgement::{AuditFinding, AuditProblem, KnownElsewhere, Pruned, Verdict};
pub use log::{AuditLog, Entries};
pub use who::{By, ServiceName, SystemAccount, Who};

use crate::store::StoreError;
use crate::store::word::Word;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use uuid::Uuid;

/// The log, in the state folder.
pub const LOG_FILE: &str = "audit.jsonl";
/// Its newest link.
pub const HEAD_FILE: &str = "audit.head";
/// Held while the log is written.
pub const LOCK_FILE: &str = "audit.lock";

/// Most ids in one entry; more become several entries.
pub const MAX_TARGETS: usize = 500;
/// Longest line, bytes: what is longer was not written here.
pub const MAX_LINE: usize = 1 << 20;
/// Longest reason, reference, recipient or basis that is kept, characters.
pub const MAX_TEXT: usize = 2_000;

/// What is before the first entry.
const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// What stands between an entry and its hash.
const HASH_KEY: &str = ",\"hash\":\"";

/// Why it was done, as its doer said. Free text: what is written here is kept
/// as long as the log, so it should hold a case number and not a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// `--reason`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `--ref`
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// `--recipient`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// `--basis`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
}

impl Why {
    fn cut(mut self) -> Why {
        for text in [&mut self.reason, &mut self.case, &mut self.recipient, &mut self.basis] {
            if let Some((at, _)) = text.as_deref().and_then(|t| t.char_indices().nth(MAX_TEXT)) {
                text.iter_mut().for_each(|t| t.truncate(at));
            }
        }
        self
    }
}

/// What is to be appended; who, when and the links are added there.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What.
    pub action: Action,
    /// To which recordings.
    pub targets: Vec<Uuid>,
    /// By which search they were found, without numbers.
    pub search: Option<EntryFacts>,
    /// Why.
    pub why: Why,
    /// How it ended.
    pub outcome: Outcome,
    /// Whatever else belongs to it. No personal data.
    pub detail: Option<EntryFacts>,
}

impl Draft {
    /// Something that was done.
    pub fn new(action: Action) -> Draft {
        Draft {
            action,
            targets: Vec::new(),
            search: None,
            why: Why::default(),
            outcome: Outcome::Done,
            detail: None,
        }
    }

    /// To these recordings.
    pub fn on(mut self, targets: impl IntoIterator<Item = Uuid>) -> Draft {
        self.targets.extend(targets);
        self
    }

    /// Found by this search.
    pub fn found_by(mut self, search: Option<EntryFacts>) -> Draft {
        self.search = search;
        self
    }

    /// For this.
    pub fn why(mut self, why: Why) -> Draft {
        self.why = why;
        self
    }

    /// It ended so.
    pub fn ended(mut self, outcome: Outcome) -> Draft {
        self.outcome = outcome;
        self
    }

    /// With this beside it.
    pub fn detail(mut self, detail: EntryFacts) -> Draft {
        self.detail = Some(detail);
        self
    }

    /// As many drafts as [`MAX_TARGETS`] makes of it; only the first has the detail.
    fn split(self) -> Vec<Draft> {
        if self.targets.len() <= MAX_TARGETS {
            return vec![self];
        }
        let mut rest = Draft { detail: None, ..self.clone() };
        let parts = self.targets.chunks(MAX_TARGETS).enumerate();
        parts
            .map(|(i, ids)| {
                rest.targets = ids.to_vec();
                Draft { detail: if i == 0 { self.detail.clone() } else { None }, ..rest.clone() }
            })
            .collect()
    }
}

/// One entry, without its own hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// From 1, without gaps.
    pub seq: u64,
    /// When it was written, to the microsecond.
    pub at: Timestamp,
    /// Who.
    pub who: Who,
    /// What.
    pub action: Word<Action>,
    /// Recordings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Uuid>,
    /// The search, without numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<EntryFacts>,
    /// Why.
    #[serde(flatten)]
    pub why: Why,
    /// How it ended.
    pub outcome: Word<Outcome>,
    /// Whatever else belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<EntryFacts>,
    /// Hash of the entry before.
    pub prev: String,
}

/// A place in the chain: all before it hangs on this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Number of the entry.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

impl Link {
    fn genesis() -> Link {
        Link { seq: 0, hash: GENESIS.into() }
    }

    /// `None` for what [`Link::line`] cannot have written.
    fn parse(text: &str) -> Option<Link> {
        let link: Link = serde_json::from_str(text).ok()?;
        (is_hash(&link.hash) && link.line() == text).then_some(link)
    }

    /// As it stands in [`HEAD_FILE`].
    fn line(&self) -> String {
        format!("{{\"seq\":{},\"hash\":\"{}\"}}\n", self.seq, self.hash)
    }
}

/// First line of a log whose oldest entries went: what the next one hangs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cut {
    cut: Link,
}

/// What the entry of a cut tells beside it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct CutTold {
    /// The newest entry that went.
    up_to: Link,
    /// How many went.
    entries: u64,
    /// Only those before this.
    before: Timestamp,
}

/// What went wrong with the log.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The operating system refused.
    #[error("audit log: {0}")]
    Store(#[from] StoreError),
    /// The newest link could not be written elsewhere as well.
    #[error("audit log: its newest link cannot be written to {path} (audit.anchor): {why}", path = path.display())]
    Anchor {
        /// `audit.anchor`
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// No key can be made.
    #[error("audit log: the system gives no random numbers for a key: {0}")]
    Random(std::io::Error),
    /// An entry that cannot be one line.
    #[error("audit log: an entry is too long or cannot be written as JSON")]
    Entry,
}

/// What a line says before its hash, and the hash it claims.
fn unseal(line: &str) -> Option<(&str, &str)> {
    let open = line.strip_suffix("\"}")?;
    let (at, hash) = (open.len().checked_sub(64)?, open.get(open.len().checked_sub(64)?..)?);
    let body = open.get(..at)?.strip_suffix(HASH_KEY)?;
    is_hash(hash).then_some((body, hash))
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn hash_of(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
