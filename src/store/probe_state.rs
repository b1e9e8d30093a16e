//! What became of the last test call: `probe.json` in the state folder.
//!
//! `nauhuri probe` writes it, the recorder shows it in its metrics. Must not know how a test call is made.

use super::StoreError;
use super::files::Folder;
use super::word::{Word, vocabulary};
use crate::caller::ProbeResult;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::Path;

/// File name in the state folder.
pub const PROBE_FILE: &str = "probe.json";
/// Longest that is read; ours are shorter.
const MAX_BYTES: u64 = 4 << 10;

vocabulary!(ProbeResult);

/// The last test call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeState {
    /// Always 1.
    pub schema: u32,
    /// When it was placed.
    pub at: Timestamp,
    /// How it ended.
    pub result: Word<ProbeResult>,
    /// When the last one that was recorded and heard was placed.
    pub last_success_at: Option<Timestamp>,
}

impl ProbeState {
    /// Reads it; [`None`] where there was no test call yet, or the file is of another release.
    ///
    /// # Errors
    /// The system refuses.
    pub fn read(state: &Folder) -> Result<Option<ProbeState>, StoreError> {
        let path = Path::new(PROBE_FILE);
        let Some(file) = state.read_if_there(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(StoreError::io("read", path))?;
        Ok(serde_json::from_slice(&bytes).ok().filter(|known: &ProbeState| known.schema == 1))
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// The system refuses.
    pub fn write(&self, state: &Folder) -> Result<(), StoreError> {
        let path = Path::new(PROBE_FILE);
        let mut bytes =
            serde_json::to_vec_pretty(self).map_err(|e| StoreError::io("write", path)(e.into()))?;
        bytes.push(b'\n');
        state.replace(path, &bytes, true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::Access;
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written_and_nothing_else_is() {
        let dir = tempfile::tempdir().expect("a folder");
        let state = Folder::make(dir.path(), Access::Owner).expect("made");
        assert_eq!(ProbeState::read(&state).expect("read"), None);
        let at = Timestamp::from_parts(1_700_000_000, 0);
        let known = ProbeState { schema: 1, at, result: ProbeResult::Silent.into(), last_success_at: None };
        known.write(&state).expect("written");
        assert_eq!(ProbeState::read(&state).expect("read"), Some(known));
        let text = std::fs::read_to_string(dir.path().join(PROBE_FILE)).expect("read");
        assert!(text.contains("\"result\": \"silent\""), "{text}");
        std::fs::write(dir.path().join(PROBE_FILE), text.replace("silent", "echo")).expect("written");
        let later = ProbeState::read(&state).expect("read").expect("a test call");
        assert_eq!((later.result.known(), later.result.as_str(), later.at), (None, "echo", at));
        std::fs::write(dir.path().join(PROBE_FILE), "{\"schema\":2}").expect("written");
        assert_eq!(ProbeState::read(&state).expect("read"), None);
    }
}
