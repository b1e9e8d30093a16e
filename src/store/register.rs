//! The register of answered calls that were not recorded.
//!
//! `unrecorded.jsonl` in the state folder, an object a line: when, why, who as far as a
//! recording would say it, and the Call-ID's hash. It answers "why is my call not there?", and
//! is kept as long as the configuration says. It explains, and proves
//! nothing. Must not know how it is decided what is recorded.

use super::StoreError;
use super::files::Folder;
use super::jsonl::{self, Lines};
use super::word::{Word, vocabulary, words};
use crate::pii::{Pii, stored};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io;
use std::path::Path;
use uuid::Uuid;

/// File name of the register.
pub const REGISTER: &str = "unrecorded.jsonl";

/// The file grows no further: who floods the recorder with calls does not fill the disk.
const MAX_BYTES: u64 = 64 << 20;
/// Longest line read; ours are shorter.
const MAX_LINE: usize = 4096;
/// Held while the register changes.
const LOCK: &str = "unrecorded.lock";

words! {
    /// Why an answered call was not recorded, as the metrics name it: `nauhuri_calls_unrecorded_total` where a
    /// rule says so, `nauhuri_recordings_failed_total` where it was to be recorded.
    pub enum RegisterReason {
        /// Capture began while it was running.
        InviteUnseen = "invite_unseen",
        /// No agent takes part.
        NoAgent = "no_agent",
        /// Its service is not recorded.
        Service = "service",
        /// Its service does not record this direction.
        Direction = "direction",
        /// Two agents take part. With a recording, in rows of earlier versions, a fault in the recorder.
        Internal = "internal",
        /// Recorded nearer the agent.
        OtherHop = "other_hop",
        /// A fork that lost.
        Stray = "stray",
        /// Its messages were cut by the snap length.
        Truncated = "truncated",
        /// The file could not be written.
        Storage = "storage",
        /// Too little disk space was left.
        NoSpace = "no_space",
        /// `limits.recordings` was reached.
        Limit = "limit",
        /// The workers could not keep up.
        Overload = "overload",
        /// Its service, known late, is not recorded.
        Excluded = "excluded",
        /// No RTP passed the capture point.
        NoMedia = "no_media",
    }
}

vocabulary!(RegisterReason);

/// An answered call that was not recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterEntry {
    /// When that was decided.
    pub at: Timestamp,
    /// Why.
    pub reason: Word<RegisterReason>,
    /// Service of the number that was called.
    #[serde(default)]
    pub service: Option<String>,
    /// The caller, as a recording would have the number.
    #[serde(default, with = "stored")]
    pub caller: Option<Pii<String>>,
    /// Who was called, likewise.
    #[serde(default, with = "stored")]
    pub called: Option<Pii<String>>,
    /// Hash of the Call-ID, see [`crate::call::call_id_hash`]; unknown where only the start of a message was seen.
    #[serde(default)]
    pub call: Option<String>,
    /// The recording that was begun and failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<Uuid>,
}

impl RegisterEntry {
    /// A call of which no more is known than when and why.
    pub fn new(at: Timestamp, reason: RegisterReason) -> RegisterEntry {
        let reason = Word::Known(reason);
        RegisterEntry { at, reason, service: None, caller: None, called: None, call: None, recording: None }
    }
}

/// The register of one store.
#[derive(Clone, Debug)]
pub struct Register {
    state: Folder,
}

impl Register {
    /// The register in this state folder, which exists once something is appended.
    pub fn new(state: Folder) -> Register {
        Register { state }
    }

    /// Appends those of `calls` that do not stand there: a capture may be replayed again.
    ///
    /// # Errors
    /// See [`Register::append`].
    pub fn append_new(&self, mut calls: Vec<RegisterEntry>) -> Result<usize, StoreError> {
        let mut known = HashSet::new();
        self.read(|call| {
            known.insert((call.at, call.call, call.reason));
        })?;
        calls.retain(|c| !known.contains(&(c.at, c.call.clone(), c.reason.clone())));
        self.append(&calls)
    }

    /// Appends calls; how many found no room any more.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn append(&self, calls: &[RegisterEntry]) -> Result<usize, StoreError> {
        if calls.is_empty() {
            return Ok(0);
        }
        let _lock = self.state.lock(Path::new(LOCK))?;
        let (file, _) = self.state.write_or_create(Path::new(REGISTER))?;
        let cannot = |e| StoreError::io("write", &self.state.path().join(REGISTER))(e);
        let end = jsonl::whole(&file).map_err(cannot)?;
        let mut lines = Vec::new();
        let mut written = 0;
        for call in calls.iter().take_while(|_| end < MAX_BYTES) {
            push_line(call, &mut lines).map_err(cannot)?;
            written += 1;
            if end + lines.len() as u64 >= MAX_BYTES {
                break;
            }
        }
        jsonl::append(&file, end, &lines).map_err(cannot)?;
        Ok(calls.len() - written)
    }

    /// Every call, the oldest first; lines that are none are passed over.
    ///
    /// # Errors
    /// There is a register, and it cannot be read.
    pub fn read(&self, mut each: impl FnMut(RegisterEntry)) -> Result<(), StoreError> {
        let Some(file) = self.state.read_if_there(Path::new(REGISTER))? else { return Ok(()) };
        for line in Lines::new(file, MAX_LINE) {
            let line = line.map_err(StoreError::io("read", &self.state.path().join(REGISTER)))?;
            if let Some(call) = line.ok().and_then(|l| serde_json::from_str(&l).ok()) {
                each(call);
            }
        }
        Ok(())
    }

    /// Takes out what is older than `before`; how many.
    ///
    /// # Errors
    /// The file cannot be read or replaced.
    pub fn prune(&self, before: Timestamp) -> Result<usize, StoreError> {
        let path = Path::new(REGISTER);
        if self.state.look(path)?.is_none() {
            return Ok(0);
        }
        // A daemon and a replay may append meanwhile.
        let _lock = self.state.lock(Path::new(LOCK))?;
        let (mut kept, mut gone) = (Vec::new(), 0);
        let mut trouble = None;
        self.read(|call| match call.at < before {
            true => gone += 1,
            false => trouble = trouble.take().or(push_line(&call, &mut kept).err()),
        })?;
        if let Some(e) = trouble {
            return Err(StoreError::io("write", &self.state.path().join(REGISTER))(e));
        }
        match (gone, kept.is_empty()) {
            (0, _) => {}
            (_, true) => drop(self.state.remove(path)?),
            (_, false) => self.state.replace(path, &kept, false)?,
        }
        Ok(gone)
    }
}

fn push_line(call: &RegisterEntry, lines: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer(&mut *lines, call)?;
    lines.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::files::Access;
    use super::*;
    use std::fs::{self, OpenOptions};
    use std::io::Write;

    fn call(at: &str, reason: RegisterReason) -> RegisterEntry {
        let call = Some("sha256:ba7816bf8f01cfea".into());
        let at = Timestamp::parse_rfc3339(at).expect("a time");
        RegisterEntry { call, ..RegisterEntry::new(at, reason) }
    }

    fn all(register: &Register) -> Vec<RegisterEntry> {
        let mut found = Vec::new();
        register.read(|c| found.push(c)).expect("it can be read");
        found
    }

    #[test]
    fn what_is_appended_is_read_and_what_is_old_goes() {
        let dir = tempfile::tempdir().expect("a folder");
        let register = Register::new(Folder::open(dir.path(), Access::Owner).expect("it is there"));
        assert_eq!(
            (all(&register).len(), register.prune(Timestamp::from_parts(1, 0)).expect("nothing")),
            (0, 0)
        );
        let [old, new] = [
            call("2026-11-27T08:00:00Z", RegisterReason::NoAgent),
            call("2026-11-28T08:00:00Z", RegisterReason::Internal),
        ];
        assert_eq!(register.append(&[old.clone(), new.clone()]).expect("room"), 0);
        assert_eq!(all(&register), [old.clone(), new.clone()]);
        register.append_new(vec![old, new.clone()]).expect("room");
        assert_eq!(all(&register).len(), 2, "a second replay adds nothing");
        let noon = super::super::sidecar::parse_rfc3339("2026-11-27T12:00:00Z").expect("a time");
        assert_eq!(register.prune(noon).expect("pruned"), 1);
        assert_eq!(all(&register), [new]);
        assert_eq!(register.prune(noon.offset_ns(i64::from(u32::MAX) * 1_000_000)).expect("pruned"), 1);
        assert!(!dir.path().join(REGISTER).exists());
    }

    #[test]
    fn a_torn_line_hides_no_other_and_a_link_is_not_followed() {
        let dir = tempfile::tempdir().expect("a folder");
        let register = Register::new(Folder::open(dir.path(), Access::Owner).expect("it is there"));
        register.append(&[call("2026-11-27T08:00:00Z", RegisterReason::Internal)]).expect("room");
        let path = dir.path().join(REGISTER);
        let mut file = OpenOptions::new().append(true).open(&path).expect("there");
        file.write_all(b"{\"at\":\"2026\n").expect("room");
        register.append(&[call("2026-11-28T08:00:00Z", RegisterReason::Internal)]).expect("room");
        assert_eq!(all(&register).len(), 2);
        fs::remove_file(&path).expect("gone");
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), &path).expect("a link");
        assert!(register.append(&[call("2026-11-28T08:00:00Z", RegisterReason::Internal)]).is_err());
        assert!(!dir.path().join("elsewhere").exists());
    }

    #[test]
    fn a_row_of_a_later_version_is_read_and_kept_as_it_came() {
        let dir = tempfile::tempdir().expect("a folder");
        let register = Register::new(Folder::open(dir.path(), Access::Owner).expect("it is there"));
        let row = "{\"at\":\"2026-11-28T08:00:00.000000Z\",\"reason\":\"on_the_moon\",\"service\":\"a\",\"caller\":null,\
                   \"called\":null,\"call\":null}\n";
        fs::write(dir.path().join(REGISTER), row).expect("room");
        register.append(&[call("2026-11-26T08:00:00Z", RegisterReason::NoMedia)]).expect("room");
        let [later, ours] = &all(&register)[..] else { panic!("two rows") };
        assert_eq!((later.reason.known(), later.reason.as_str()), (None, "on_the_moon"));
        assert!(ours.reason == RegisterReason::NoMedia);
        assert_eq!(register.prune(later.at).expect("pruned"), 1);
        assert_eq!(fs::read_to_string(dir.path().join(REGISTER)).expect("there"), row);
    }
}
