//! Is the recorder recording? What `/readyz` answers.
//!
//! The capture loop, the writers and the keeper of storage each leave their
//! last word here; nobody waits for anybody. What is checked, and how often,
//! is theirs to know.

use super::fault::Fault;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A capture loop silent for longer than this is not alive. It beats at least
/// once a second, traffic or not.
pub const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(10);

/// The last word of everyone whose work is needed.
#[derive(Debug)]
pub struct Readiness {
    min_free: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    heartbeat: Option<Instant>,
    stopping: bool,
    lost: Vec<String>,
    down: Vec<String>,
    storage_error: Option<Fault>,
    free: Option<u64>,
}

/// Why the recorder is not ready; printed as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReady {
    /// The capture loop has not begun.
    Starting,
    /// It was asked to stop.
    Stopping,
    /// The capture loop last spoke this long ago.
    CaptureSilent(Duration),
    /// These interfaces went away; they are tried again.
    InterfaceLost(String),
    /// These interfaces are down or have no link: nothing can come from them.
    LinkDown(String),
    /// The recordings' folder cannot be written to.
    StorageNotWritable(Fault),
    /// Less than `storage.min_free` is free.
    SpaceLow {
        /// Bytes.
        free: u64,
        /// Bytes.
        min_free: u64,
    },
}

impl Readiness {
    /// Not ready until the first heartbeat. `min_free` is `storage.min_free`, bytes.
    pub fn new(min_free: u64) -> Readiness {
        Readiness { min_free, state: Mutex::new(State::default()) }
    }

    /// The capture loop went round; meant for once a second.
    pub fn heartbeat(&self, now: Instant) {
        self.lock().heartbeat = Some(now);
    }

    /// Interfaces that cannot be captured now; none when all are there.
    pub fn interfaces_lost(&self, names: &[String]) {
        self.lock().lost = names.to_vec();
    }

    /// Interfaces that are down or without a link; none when all are up.
    pub fn links_down(&self, names: Vec<String>) {
        self.lock().down = names;
    }

    /// From here on the answer is 503: open recordings are being finished.
    pub fn stopping(&self) {
        self.lock().stopping = true;
    }

    /// The outcome of the last write, or of a trial write.
    pub fn storage(&self, outcome: Result<(), Fault>) {
        self.lock().storage_error = outcome.err();
    }

    /// Bytes free on the file system of the recordings.
    pub fn free(&self, bytes: u64) {
        self.lock().free = Some(bytes);
    }

    /// Ready, or the first reason why not.
    pub fn check(&self, now: Instant) -> Result<(), NotReady> {
        let state = self.lock();
        if state.stopping {
            return Err(NotReady::Stopping);
        }
        let Some(beat) = state.heartbeat else { return Err(NotReady::Starting) };
        let silent = now.saturating_duration_since(beat);
        if silent > HEARTBEAT_TIMEOUT {
            return Err(NotReady::CaptureSilent(silent));
        }
        if !state.lost.is_empty() {
            return Err(NotReady::InterfaceLost(state.lost.join(", ")));
        }
        if !state.down.is_empty() {
            return Err(NotReady::LinkDown(state.down.join(", ")));
        }
        if let Some(fault) = state.storage_error {
            return Err(NotReady::StorageNotWritable(fault));
        }
        match state.free {
            Some(free) if free < self.min_free => Err(NotReady::SpaceLow { free, min_free: self.min_free }),
            Some(_) | None => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotReady::Starting => f.write_str("not capturing yet: starting"),
            NotReady::Stopping => f.write_str("stopping: finishing open recordings"),
            NotReady::CaptureSilent(d) => {
                write!(f, "not capturing: the capture loop is silent for {} s", d.as_secs())
            }
            NotReady::InterfaceLost(names) => write!(f, "not capturing: {names} went away"),
            NotReady::LinkDown(names) => write!(f, "not capturing: {names} is down or has no link"),
            NotReady::StorageNotWritable(fault) => write!(f, "storage not writable: {fault}"),
            NotReady::SpaceLow { free, min_free } => {
                write!(f, "storage nearly full: {free} bytes free, storage.min_free is {min_free}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_in_turn() {
        let t0 = Instant::now();
        let r = Readiness::new(1000);
        assert_eq!(r.check(t0), Err(NotReady::Starting));
        r.heartbeat(t0);
        assert_eq!(r.check(t0), Ok(()));
        let late = t0 + HEARTBEAT_TIMEOUT + Duration::from_secs(1);
        assert_eq!(r.check(late), Err(NotReady::CaptureSilent(Duration::from_secs(11))));
        r.interfaces_lost(&["eth1".into()]);
        assert_eq!(r.check(t0).unwrap_err().to_string(), "not capturing: eth1 went away");
        r.interfaces_lost(&[]);
        r.links_down(vec!["eth1".into(), "eth2".into()]);
        assert_eq!(r.check(t0).unwrap_err().to_string(), "not capturing: eth1, eth2 is down or has no link");
        r.links_down(Vec::new());
        r.free(999);
        assert_eq!(r.check(t0), Err(NotReady::SpaceLow { free: 999, min_free: 1000 }));
        r.free(1000);
        r.storage(Err(std::io::ErrorKind::ReadOnlyFilesystem.into()));
        let why = r.check(t0).unwrap_err().to_string();
        assert_eq!(why, "storage not writable: read-only filesystem or storage medium");
        r.storage(Ok(()));
        assert_eq!(r.check(t0), Ok(()));
        r.stopping();
        assert_eq!(r.check(t0), Err(NotReady::Stopping));
    }
}
