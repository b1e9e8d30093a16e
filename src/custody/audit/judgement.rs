//! What a look at the whole log comes to. How it is looked at is in `chain` and `seals`.

use super::day_key::{KEY_FILE, KEYS_FILE, KeyLine};
use super::{HEAD_FILE, Link};
use crate::time::Timestamp;
use serde::Serialize;

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
    /// Entries that are signed.
    pub signed: u64,
    /// The newest entry that nobody signed: of a version before there were keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsigned_up_to: Option<u64>,
    /// The key with which signing began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_key: Option<KeyLine>,
    /// The key that signs now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_key: Option<KeyLine>,
    /// Which entries were deleted, as their time was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pruned: Option<Pruned>,
    /// Times a writer found and noted what a crash had left.
    pub repairs: u64,
    /// What is wrong, at most a thousand.
    pub found: Vec<AuditFinding>,
    /// How many findings there are in all.
    pub findings: u64,
}

impl Verdict {
    /// Nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings == 0
    }

    pub(super) fn add(&mut self, line: u64, problem: AuditProblem) {
        self.findings += 1;
        if self.found.len() < MAX_FOUND {
            self.found.push(AuditFinding { line, problem });
        }
    }
}

/// What whoever asks has from elsewhere: a journal, a metric, a note on paper.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownElsewhere {
    /// Newest links of some time.
    pub heads: Vec<Link>,
    /// Public keys, hexadecimal.
    pub keys: Vec<String>,
}

/// The newest cut that the log tells of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// The last entry that went.
    pub up_to: u64,
    /// Only entries before this went.
    pub before: Timestamp,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditFinding {
    /// Line of the log, from 1; 0 for the log as a whole.
    pub line: u64,
    /// What is wrong there.
    pub problem: AuditProblem,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum AuditProblem {
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
    /// A signature that is not by the key of its day.
    #[error("is not signed with the key of its day: it was changed or forged")]
    WrongSignature,
    /// An entry without a signature where keys sealed.
    #[error("is not signed, though signing had begun")]
    Unsigned,
    /// A signature without a key.
    #[error("is signed with a key that is not in the list of keys ({KEYS_FILE})")]
    NoKey,
    /// No entry is signed and there is no key.
    #[error(
        "no entry is signed: an earlier version wrote the log, or the signatures were taken off and everything may be forged"
    )]
    NeverSigned,
    /// A line of the list of keys.
    #[error(
        "line {line} of the list of keys ({KEYS_FILE}) was changed, or does not follow the one before it"
    )]
    KeysChanged {
        /// Which.
        line: u64,
    },
    /// The entry that a key comes after is another.
    #[error("entry {seq} is not the one that the key of {at} came after: entries up to it were rewritten")]
    OtherPlace {
        /// Which.
        seq: u64,
        /// When the key took over.
        at: Timestamp,
    },
    /// The list of keys is further than the log.
    #[error("the log was cut: a key came after entry {seq}, the log ends at {last}")]
    BehindKeys {
        /// Entry the list names.
        seq: u64,
        /// Entry the log ends with.
        last: u64,
    },
    /// The secret of the newest key is not there.
    #[error(
        "{KEY_FILE} does not belong to the newest key of the list: it was removed, or log and keys were put back \
         to an earlier state (with --head, the newest entry may be confirmed from elsewhere)"
    )]
    KeyGone,
    /// The first key came after entries.
    #[error(
        "entries 1 to {seq} are not signed: signing began after them, or they were rewritten (with --key, that \
         key may be confirmed from elsewhere)"
    )]
    LateKey {
        /// The last without.
        seq: u64,
    },
    /// A chain of keys ended and another began.
    #[error(
        "after entry {seq} the key was lost and another began: entries may be missing there (with --key, the new \
         key may be confirmed from elsewhere)"
    )]
    NewKeys {
        /// The last before it.
        seq: u64,
    },
    /// A key known from elsewhere is not in the list.
    #[error("the key {key} has signed nothing here: the log was rewritten, or is another one")]
    OtherKeys {
        /// Which.
        key: String,
    },
    /// A head known from elsewhere is not in the log.
    #[error("entry {seq} is not the one that was seen elsewhere (--head): it was cut off or rewritten")]
    OtherThanSeen {
        /// Which.
        seq: u64,
    },
    /// Entries were pruned that were younger than the prune says.
    #[error(
        "entries up to {up_to} were deleted as older than {before}, but the keys say that they were written after {since}"
    )]
    PrunedEarly {
        /// The last of them.
        up_to: u64,
        /// As the entry says.
        before: Timestamp,
        /// As the keys say.
        since: Timestamp,
    },
}
