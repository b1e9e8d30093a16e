//! Recordings on disk: what is written when, and what a crash leaves.
//!
//! Owns the folder of recordings: names ([`layout`]), audio files ([`wav`]),
//! sidecars ([`sidecar`]), the order in which both come to be ([`writer`]),
//! what a start finds after a crash ([`recover`]), and when a recording falls
//! due ([`calendar`]). Blocking `std::fs` only. Must not know of packets, SIP
//! or codecs.
//!
//! # Durability, step by step
//!
//! Each number is a [`Step`]; a test stops after each of them, starts again
//! and finds every recording whole. "Synced" means `fsync` returned; a replay
//! may leave the syncs out ([`writer::WriterOptions::sync`]), the order stays.
//!
//! | step | what is done | a crash right after it leaves | start-up makes of it |
//! | --- | --- | --- | --- |
//! | 1 | `YYYY/MM/DD` made, 0750, the parent of each new folder synced | an empty folder | nothing |
//! | 2 | `NAME.json.part` made with a provisional sidecar (`ended_by: recovered`, `complete: false`) | metadata without audio | a recording of zero length, `recovered` |
//! | 3 | `NAME.wav.part` made with the header of an empty file | both parts | a recording of zero length, `recovered` |
//! | 4 | sidecar and folder synced; the call is being recorded | both parts | `recovered`, all whole frames kept |
//! | - | blocks appended; the header rewritten at each flush, not synced | both parts, a header that may lag behind | `recovered`, all whole frames kept |
//! | 5 | close: length cut to whole frames, final header, WAV synced; where that fails, all of it is written again before the next try | both parts, the WAV whole | `recovered` |
//! | 6 | the final sidecar with the WAV's SHA-256 in `NAME.json.part.new`, synced | the final sidecar, not yet in its place | finished as it was meant to be |
//! | 7 | renamed over `NAME.json.part` | both parts, both final | finished as it was meant to be |
//! | 8 | `NAME.wav.part` renamed to `NAME.wav` | the WAV in place | finished as it was meant to be |
//! | 9 | `NAME.json.part` renamed to `NAME.json` | a finished recording | nothing |
//! | 10 | the folder synced: the recording is durable | a finished recording | nothing |
//!
//! While a call runs its names may change ([`writer::RecordingWriter::rename`]):
//! the provisional sidecar is rewritten, then renamed, then the audio. A crash
//! between the two renames leaves them apart; recovery knows them by the answer
//! and the id in their names and brings the audio to the sidecar.
//!
//! Recovery walks 5 to 10 again with what it finds, so it may itself be killed
//! after any of them. A sidecar whose `audio.sha256` is that of the WAV beside
//! it is final and is never rewritten by recovery.
//!
//! A later edit of a finished sidecar ([`sidecar::rewrite_atomically`]) writes
//! `NAME.json.new`, syncs it, renames it over `NAME.json` and syncs the folder.
//! A `.new` found beside a whole `NAME.json` is an edit that never happened;
//! recovery removes it. Nothing else is ever deleted by recovery.
//!
//! # After the call
//!
//! Holds, restrictions and terms are edits ([`keeper`]: told, rewritten,
//! indexed); what is erased or has expired is deleted in six steps ([`erase`]):
//!
//! | step | what is done | a crash right after it leaves | the next sweep makes of it |
//! | --- | --- | --- | --- |
//! | 1 | a tombstone, synced; no search gives the recording any more | both files | deleted |
//! | 2 | `NAME.json` unlinked | a WAV alone | deleted |
//! | 3 | `NAME.wav` unlinked | names not yet synced | deleted again, should they come back |
//! | 4 | the folder synced | a deletion nobody was told of | told |
//! | 5 | the audit entry, synced | a hidden row in the index | told once more, forgotten |
//! | 6 | the row forgotten, overwritten, the index's log emptied | nothing | nothing |
//!
//! Who did what and why is in the [`audit`] log. A recording whose tombstone is
//! there is deleted, wherever files or index of it come back from.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub mod abreast;
pub mod audit;
pub mod calendar;
pub mod cases;
pub mod clock;
pub mod erase;
pub mod expire;
pub mod export;
pub mod forecast;
pub mod hold;
pub mod identity;
pub mod index;
pub mod keeper;
pub mod layout;
pub mod lock;
pub mod recover;
pub mod restrict;
pub mod retain;
pub mod search;
pub mod sidecar;
pub mod verify;
pub mod wav;
pub mod writer;

/// A numbered step of the durability list above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Step {
    /// Folders exist.
    Folders = 1,
    /// The provisional sidecar exists.
    ProvisionalSidecar = 2,
    /// The empty WAV exists.
    EmptyWav = 3,
    /// The sidecar and the folder are synced.
    Opened = 4,
    /// The WAV is final and synced.
    WavSynced = 5,
    /// The final sidecar is written beside the provisional one.
    SidecarWritten = 6,
    /// The final sidecar replaced the provisional one.
    SidecarReplaced = 7,
    /// The WAV has its final name.
    WavRenamed = 8,
    /// The sidecar has its final name.
    SidecarRenamed = 9,
    /// The folder is synced.
    Durable = 10,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Step; 10] = [
        Step::Folders,
        Step::ProvisionalSidecar,
        Step::EmptyWav,
        Step::Opened,
        Step::WavSynced,
        Step::SidecarWritten,
        Step::SidecarReplaced,
        Step::WavRenamed,
        Step::SidecarRenamed,
        Step::Durable,
    ];

    /// Its number in the list, from 1.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} ({self:?})", self.number())
    }
}

/// Called after a step is done; an error stops the work there, as a crash would.
type StepHook = dyn Fn(Step) -> io::Result<()> + Send + Sync;

/// Where a test may stop the work. The default stops nowhere.
#[derive(Clone, Default)]
pub struct Steps(Option<Arc<StepHook>>);

impl Steps {
    /// Calls `hook` after every step.
    pub fn with(hook: impl Fn(Step) -> io::Result<()> + Send + Sync + 'static) -> Steps {
        Steps(Some(Arc::new(hook)))
    }

    /// Reports a finished step.
    fn done(&self, step: Step) -> Result<(), StoreError> {
        match &self.0 {
            None => Ok(()),
            Some(hook) => hook(step).map_err(|source| StoreError::Stopped { step, source }),
        }
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Steps(hooked)" } else { "Steps" })
    }
}

/// What can go wrong in the store. Paths carry truncated numbers only.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("cannot {what} {path}: {source}", path = path.display())]
    Io {
        /// What was being done, as a verb: `create`, `write`, `sync`, `rename`.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A finished recording of this name or id is there; it was not touched.
    #[error("{path} exists already", path = path.display())]
    Exists {
        /// The finished file.
        path: PathBuf,
    },
    /// A `.part` of this name is there: a recorder is running or has crashed.
    #[error("{path} is being written, or was left by a crash", path = path.display())]
    InUse {
        /// The `.part` file.
        path: PathBuf,
    },
    /// Another process records live into this store.
    #[error("{root} is already recorded into by {by}; one recorder to a store", root = root.display())]
    Recorded {
        /// The store.
        root: PathBuf,
        /// Which process, since when, as it says.
        by: String,
    },
    /// Not a WAV file of ours.
    #[error("{path} is not a WAV file of nauhuri: {why}", path = path.display())]
    NotWav {
        /// The file.
        path: PathBuf,
        /// The first thing found wrong.
        why: &'static str,
    },
    /// A block that does not hold whole frames, or a patch of whole samples.
    #[error("{got} bytes are not whole units of {unit} bytes")]
    Misaligned {
        /// Bytes given.
        got: usize,
        /// Bytes in a frame (append) or a sample (patch).
        unit: usize,
    },
    /// A sidecar that is not JSON of schema 1.
    #[error("{path}: {why}", path = path.display())]
    Sidecar {
        /// The file.
        path: PathBuf,
        /// What is wrong, without values of the file.
        why: String,
    },
    /// A test stopped the work.
    #[error("stopped after {step}: {source}")]
    Stopped {
        /// The last step done.
        step: Step,
        /// What the hook said.
        source: io::Error,
    },
}

impl StoreError {
    /// `map_err` for an operation on a path.
    fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError + use<> {
        let path = path.to_owned();
        move |source| StoreError::Io { what, path, source }
    }

    /// What the system said, without the path; [`io::ErrorKind::Other`] where it said nothing.
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            StoreError::Io { source, .. } | StoreError::Stopped { source, .. } => source.kind(),
            StoreError::Exists { .. } | StoreError::InUse { .. } | StoreError::Recorded { .. } => {
                io::ErrorKind::AlreadyExists
            }
            StoreError::NotWav { .. } | StoreError::Misaligned { .. } | StoreError::Sidecar { .. } => {
                io::ErrorKind::InvalidData
            }
        }
    }

    /// The system's number for it, where it gave one.
    pub fn code(&self) -> Option<i32> {
        match self {
            StoreError::Io { source, .. } | StoreError::Stopped { source, .. } => source.raw_os_error(),
            _ => None,
        }
    }

    /// Audio may be lost that had been taken for written.
    pub fn may_have_lost_audio(&self) -> bool {
        matches!(self, StoreError::Io { what: wav::SYNC_AUDIO, .. })
    }

    /// The file system is full or over quota: the recording may go on later.
    pub fn is_full(&self) -> bool {
        match self {
            StoreError::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            _ => false,
        }
    }
}

/// Syncs a folder, so that names made, renamed or removed in it last.
fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    std::fs::File::open(folder).and_then(|f| f.sync_all()).map_err(StoreError::io("sync", folder))
}
