//! What a look at the store comes to: what is wrong, of which kind, where.

use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Findings told one by one; beyond it they are only counted.
const TOLD: usize = 100_000;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A folder or file that cannot be read.
    Unreadable,
    /// A name or folder that does not fit what is inside.
    Name,
    /// A sidecar that is not one of schema 1.
    BadSidecar,
    /// A WAV whose header is broken or does not fit its length.
    BadWav,
    /// A WAV that is not as long, or not of the form, its sidecar says.
    Mismatch,
    /// A WAV with another hash than its sidecar has.
    Hash,
    /// A sidecar without its WAV.
    MissingWav,
    /// A WAV without its sidecar.
    MissingSidecar,
    /// Left by a crash: `.part` with nobody recording, or an edit never finished.
    Leftover,
    /// Past its term and not held.
    Overdue,
    /// Files of a deleted recording.
    Buried,
    /// Two recordings of one id.
    DuplicateId,
    /// What looks like a recording where none can be, or a symbolic link.
    Stray,
    /// Permissions other than 0600 for files, 0700 for folders (0640 and 0750 with
    /// `storage.group_read`); of the state: wider ones.
    Mode,
    /// Another owner than the store's.
    Owner,
    /// The index cannot be used.
    Index,
    /// A recording that is not in the index.
    NotIndexed,
    /// A row of the index that says something else than the sidecar.
    IndexDiffers,
    /// A row of the index without its file.
    IndexStale,
    /// Lines among the tombstones that are none.
    Tombstones,
}

impl FindingKind {
    /// As it stands in reports.
    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|v| v.as_str().map(String::from)).unwrap_or_default()
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// The file or folder.
    #[serde(serialize_with = "as_text")]
    pub path: PathBuf,
    /// The recording, where it is known.
    pub id: Option<Uuid>,
    /// In words, without values of the sidecar.
    pub detail: String,
}

/// What was looked at, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Recordings in the store, those not read included.
    pub recordings: u64,
    /// Recordings read whole.
    pub read: u64,
    /// Bytes of audio read.
    pub bytes: u64,
    /// How many things of each kind are wrong.
    pub counts: BTreeMap<FindingKind, u64>,
    /// What is wrong, the first hundred thousand.
    pub findings: Vec<Finding>,
}

impl VerifyReport {
    /// Nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.counts.is_empty()
    }

    pub(super) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.add(finding));
    }

    pub(super) fn add(&mut self, finding: Finding) {
        *self.counts.entry(finding.kind).or_default() += 1;
        if self.findings.len() < TOLD {
            self.findings.push(finding);
        }
    }
}

/// A finding.
pub(super) fn finding(kind: FindingKind, path: &Path, id: Option<Uuid>, detail: String) -> Finding {
    Finding { kind, path: path.to_owned(), id, detail }
}

fn as_text<S: Serializer>(path: &Path, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(&path.display())
}
