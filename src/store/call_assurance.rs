//! The small JSON of an answered call that left no recording: `assurance/YYYY/MM/DD/NAME.json`.
//!
//! It says in which bucket the call is and why, under the retention of its service: the evidence that a
//! call was missed is kept as long as the recording would have been. The register of calls that were
//! not recorded tells more of them, and is gone sooner. Nobody's number is in a NAME, and in the JSON no
//! more of one than in a recording.
//!
//! Written whole or not at all, and never twice. Must not know which calls are worth one.

use super::StoreError;
use super::assurance::Assurance;
use super::files::{Access, EntryKind, Folder};
use super::layout::{day_folder, file_stamp, is_date};
use super::legible::Legible;
use super::sidecar::seconds_or_null;
use crate::id::short_hex;
use crate::pii::{Pii, stored};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// The folder in that of the recordings.
pub const ASSURANCE_FOLDER: &str = "assurance";
/// So many of one day: who floods the recorder with calls does not use up the inodes.
pub const MAX_OF_A_DAY: usize = 10_000;
/// What one that is being written ends in.
const HALF: &str = ".json.new";
const DAY_NS: i64 = 86_400 * crate::time::NS_PER_S;
/// Longest that is read; ours are shorter.
const MAX_BYTES: u64 = 16 << 10;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallAssurance {
    /// Always 1.
    pub schema: u32,
    /// Of the recording that was begun, or of the call.
    pub id: Uuid,
    /// When it was answered.
    pub answered_at: Timestamp,
    /// Its service.
    pub service: String,
    /// The caller, as a recording would have the number.
    #[serde(default, with = "stored")]
    pub caller: Option<Pii<String>>,
    /// Who was called, likewise.
    #[serde(default, with = "stored")]
    pub called: Option<Pii<String>>,
    /// Hash of the Call-ID.
    pub call: Option<String>,
    /// Where the call ended.
    pub assurance: Legible<Assurance>,
    /// Until when this is kept.
    pub retention: CallTerm,
}

/// `retention`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallTerm {
    /// The instant it falls due, to the second.
    #[serde(serialize_with = "seconds_or_null")]
    pub until: Option<Timestamp>,
}

/// What came of writing one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallWritten {
    /// It is there.
    Now,
    /// It was there before.
    Before,
    /// There are too many of its day.
    NoRoom,
}

/// All of a store.
#[derive(Clone, Debug)]
pub struct AssuranceFolder(Folder);

impl CallAssurance {
    /// `YYYY/MM/DD/NAME.json`, by the UTC day of the answer.
    fn place(&self) -> PathBuf {
        let name = format!("{}_{}.json", file_stamp(self.answered_at), short_hex(self.id));
        day_folder(self.answered_at).join(name)
    }

    /// Its time is over.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.retention.until.is_some_and(|until| until <= now)
    }
}

impl AssuranceFolder {
    /// That of a store; [`None`] where no call was missed yet.
    ///
    /// # Errors
    /// The system refuses, or it is a link.
    pub fn open(store: &Folder) -> Result<Option<AssuranceFolder>, StoreError> {
        match store.below(Path::new(ASSURANCE_FOLDER)) {
            Ok(folder) => Ok(Some(AssuranceFolder(folder))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// That of the store at `root`, made where it is missing.
    ///
    /// # Errors
    /// The system refuses, or it is a link.
    pub fn make(root: &Path, access: Access) -> Result<AssuranceFolder, StoreError> {
        let store = Folder::make(root, access)?;
        Ok(AssuranceFolder(store.make_below(Path::new(ASSURANCE_FOLDER), true)?))
    }

    /// The folder itself.
    pub fn folder(&self) -> &Folder {
        &self.0
    }

    /// Writes one, unless it is there.
    ///
    /// # Errors
    /// The system refuses; nothing is left then.
    pub fn write(&self, call: &CallAssurance) -> Result<CallWritten, StoreError> {
        let place = call.place();
        if self.0.look(&place)?.is_some() {
            return Ok(CallWritten::Before);
        }
        let day = self.0.make_below(&day_folder(call.answered_at), true)?;
        let entries = day.entries().map_err(StoreError::io("read", day.path()))?;
        if entries.len() >= MAX_OF_A_DAY {
            return Ok(CallWritten::NoRoom);
        }
        let path = self.0.path().join(&place);
        let cannot = |e: serde_json::Error| StoreError::io("write", &path)(e.into());
        let mut bytes = serde_json::to_vec_pretty(call).map_err(cannot)?;
        bytes.push(b'\n');
        self.0.replace(&place, &bytes, true)?;
        day.sync()?;
        Ok(CallWritten::Now)
    }

    /// The places of all files, days in order; what lies there and is none of ours is among them.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn places(&self) -> Result<Vec<PathBuf>, StoreError> {
        let mut level = vec![PathBuf::new()];
        let mut found = Vec::new();
        for digits in [4, 2, 2, 0] {
            let mut below = Vec::new();
            for path in level {
                let folder =
                    if path.as_os_str().is_empty() { self.0.clone() } else { self.0.below(&path)? };
                for entry in folder.entries().map_err(StoreError::io("read", folder.path()))? {
                    let is_day =
                        digits > 0 && entry.kind == EntryKind::Folder && is_date(&entry.name, digits);
                    if is_day { &mut below } else { &mut found }.push(path.join(&entry.name));
                }
            }
            below.sort_unstable();
            level = below;
        }
        Ok(found)
    }

    /// The places of those whose time is over at `now`, and of what a crash left half written a day before.
    ///
    /// # Errors
    /// A folder or a file cannot be read.
    pub fn due(&self, now: Timestamp) -> Result<Vec<PathBuf>, StoreError> {
        let mut due = Vec::new();
        for place in self.places()? {
            let is_due = match () {
                () if is_call_assurance(&place) => self.read(&place)?.is_some_and(|call| call.is_due(now)),
                () if place.to_string_lossy().ends_with(HALF) => {
                    let day_ago = i128::from(now.offset_ns(-DAY_NS).as_ns());
                    self.0.look(&place)?.is_some_and(|known| known.is_file() && known.changed_ns() < day_ago)
                }
                () => false,
            };
            if is_due {
                due.push(place);
            }
        }
        Ok(due)
    }

    /// Reads one; [`None`] where it is none, or gone.
    ///
    /// # Errors
    /// The system refuses.
    pub fn read(&self, place: &Path) -> Result<Option<CallAssurance>, StoreError> {
        let Some(file) = self.0.read_if_there(place)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let path = self.0.path().join(place);
        file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(StoreError::io("read", &path))?;
        Ok(serde_json::from_slice(&bytes).ok())
    }

    /// Removes one.
    ///
    /// # Errors
    /// The system refuses.
    pub fn remove(&self, place: &Path) -> Result<bool, StoreError> {
        self.0.remove(place)
    }
}

/// Whether a file of a day's folder is one of these by its name.
pub fn is_call_assurance(place: &Path) -> bool {
    let depth = place.components().count();
    depth == 4 && place.extension().is_some_and(|e| e == "json")
}

#[cfg(test)]
mod tests {
    use super::super::assurance::AssuranceReason;
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn call(n: u128, at: &str) -> CallAssurance {
        CallAssurance {
            schema: 1,
            id: Uuid::from_u128(n),
            answered_at: Timestamp::parse_rfc3339(at).expect("a time"),
            service: "116117".into(),
            caller: Some("+35840123xxxx".into()),
            called: None,
            call: None,
            assurance: Legible::Known(Assurance::missing(AssuranceReason::NoRtp)),
            retention: CallTerm { until: Timestamp::parse_rfc3339("2027-05-24T00:00:00Z") },
        }
    }

    #[test]
    fn one_is_written_once_read_and_removed() {
        let dir = tempfile::tempdir().expect("a folder");
        let all = AssuranceFolder::make(dir.path(), Access::Owner).expect("it is made");
        let one = call(7, "2026-11-23T08:15:23.12Z");
        assert_eq!(all.write(&one).expect("room"), CallWritten::Now);
        assert_eq!(all.write(&one).expect("room"), CallWritten::Before);
        assert_eq!(all.write(&call(8, "2026-11-22T08:15:23Z")).expect("room"), CallWritten::Now);
        let places = all.places().expect("read");
        let names: Vec<_> = places.iter().map(|p| p.to_str().expect("UTF-8")).collect();
        assert_eq!(
            names,
            [
                "2026/11/22/20261122T081523.000Z_00000008.json",
                "2026/11/23/20261123T081523.120Z_00000007.json"
            ]
        );
        assert!(places.iter().all(|p| is_call_assurance(p)));
        assert_eq!(all.read(&places[1]).expect("read"), Some(one.clone()));
        let path = all.folder().path().join(&places[1]);
        let mode = |p: &Path| std::fs::metadata(p).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().expect("a day"))), (0o600, 0o700));
        let due = Timestamp::parse_rfc3339("2027-05-24T00:00:00Z").expect("a time");
        assert!(one.is_due(due) && !one.is_due(due.offset_ns(-1)));
        assert!(all.remove(&places[1]).expect("removed"));
        assert_eq!(all.read(&places[1]).expect("gone"), None);
        std::fs::write(all.folder().path().join("2026/11/23/odd.json"), "{}").expect("room");
        let odd = Path::new("2026/11/23/odd.json");
        assert_eq!((all.read(odd).expect("read"), all.places().expect("read").len()), (None, 2));
    }

    #[test]
    fn a_day_holds_so_many_and_a_link_is_not_followed() {
        let dir = tempfile::tempdir().expect("a folder");
        let all = AssuranceFolder::make(dir.path(), Access::Owner).expect("it is made");
        let day = all.folder().make_below(Path::new("2026/11/23"), false).expect("made");
        (0..MAX_OF_A_DAY).for_each(|n| drop(std::fs::write(day.path().join(n.to_string()), "")));
        assert_eq!(all.write(&call(7, "2026-11-23T08:15:23Z")).expect("read"), CallWritten::NoRoom);
        std::os::unix::fs::symlink("/etc", all.folder().path().join("2027")).expect("a link");
        assert!(all.write(&call(7, "2027-11-23T08:15:23Z")).is_err());
        assert!(all.places().expect("read").contains(&PathBuf::from("2027")), "told, not followed");
    }
}
