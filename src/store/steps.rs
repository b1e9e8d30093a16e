//! The numbered steps of the durability lists, and where a test may stop the work.

use std::fmt;
use std::io;
use std::sync::Arc;

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
type Hook<S> = dyn Fn(S) -> io::Result<()> + Send + Sync;

/// Where a test may stop the work. The default stops nowhere.
#[derive(Clone)]
pub struct Steps<S = Step>(Option<Arc<Hook<S>>>);

/// A test stopped the work after this step.
#[derive(Debug, thiserror::Error)]
#[error("stopped after {step:?}: {source}")]
pub struct Stopped<S: fmt::Debug> {
    /// The last step done.
    pub step: S,
    /// What the hook said.
    pub source: io::Error,
}

impl<S> Default for Steps<S> {
    fn default() -> Self {
        Steps(None)
    }
}

impl<S: Copy + fmt::Debug> Steps<S> {
    /// Calls `hook` after every step.
    pub fn with(hook: impl Fn(S) -> io::Result<()> + Send + Sync + 'static) -> Steps<S> {
        Steps(Some(Arc::new(hook)))
    }

    /// Reports a finished step.
    ///
    /// # Errors
    /// The hook says that the work stops here.
    pub fn done(&self, step: S) -> Result<(), Stopped<S>> {
        match &self.0 {
            None => Ok(()),
            Some(hook) => hook(step).map_err(|source| Stopped { step, source }),
        }
    }
}

impl<S> fmt::Debug for Steps<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Steps(hooked)" } else { "Steps" })
    }
}
