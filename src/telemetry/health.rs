//! Is the recorder recording? What `/readyz` answers.
//!
//! The capture loop, the writers and the keeper of storage each leave their
//! last word here; nobody waits for anybody. What is checked, and how often,
//! is theirs to know.

use super::fault::Fault;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Media that waits longer than this for its worker: what is recorded now may be lost.
pub const LAG_LIMIT: Duration = Duration::from_secs(10);
/// A call that was refused is told for so long.
pub const REFUSED_FOR: Duration = Duration::from_secs(60);
/// Who knows whether the threads are alive.
pub trait Watch: Send + Sync {
    /// What is wrong with one of them, in a line; `None` where all are well.
    fn complaint(&self, now: Instant) -> Option<String>;
}

/// The last word of everyone whose work is needed.
pub struct Readiness {
    min_free: AtomicU64,
    watch: OnceLock<Arc<dyn Watch>>,
    state: Mutex<HealthState>,
}

#[derive(Debug, Default)]
struct HealthState {
    capturing: bool,
    stopping: bool,
    lost: Vec<String>,
    down: Vec<String>,
    storage_error: Option<Fault>,
    free: Option<u64>,
    inodes: Option<(u64, u64)>,
    lag: Duration,
    refused: Option<Instant>,
}

/// Why the recorder is not ready; printed as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReady {
    /// The capture loop has not begun.
    Starting,
    /// It was asked to stop.
    Stopping,
    /// A thread is dead or stuck: which, and what is done about it.
    Thread(String),
    /// Media waits this long for the workers.
    WorkersBehind(Duration),
    /// Calls were refused within [`REFUSED_FOR`]: there were too many at once.
    Refusing,
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
    /// Hardly another file can be made on the file system, however many bytes are free.
    InodesLow {
        /// Files that can still be made.
        free: u64,
        /// As many are kept free.
        min_free: u64,
    },
}

impl Readiness {
    /// Not ready until the capture runs. `min_free` is `storage.min_free`, bytes.
    pub fn new(min_free: u64) -> Readiness {
        Readiness {
            min_free: AtomicU64::new(min_free),
            watch: OnceLock::new(),
            state: Mutex::new(HealthState::default()),
        }
    }

    /// `storage.min_free` from here on, bytes.
    pub fn set_min_free(&self, min_free: u64) {
        self.min_free.store(min_free, Ordering::Relaxed);
    }

    /// Asks `watch` after the threads from here on; the first one stays.
    pub fn watched_by(&self, watch: Arc<dyn Watch>) {
        // A process has one crew.
        let _ = self.watch.set(watch);
    }

    /// The capture loop runs.
    pub fn capturing(&self) {
        self.lock().capturing = true;
    }

    /// Interfaces that cannot be captured now, each with the reason; none when all are there.
    pub fn interfaces_lost(&self, lost: Vec<String>) {
        self.lock().lost = lost;
    }

    /// How long the oldest media has been waiting for its worker.
    pub fn workers_lag(&self, lag: Duration) {
        self.lock().lag = lag;
    }

    /// An answered call was refused: `limits.recordings`, or a worker with too much to do.
    pub fn refused(&self, now: Instant) {
        self.lock().refused = Some(now);
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

    /// Inodes free on it, and how many are to be kept free; a file system that does not
    /// count them keeps none.
    pub fn inodes(&self, free: u64, min_free: u64) {
        self.lock().inodes = Some((free, min_free));
    }

    /// Ready, or the first reason why not.
    pub fn check(&self, now: Instant) -> Result<(), NotReady> {
        // A thread that died is why it stops, so that comes first.
        if let Some(complaint) = self.watch.get().and_then(|w| w.complaint(now)) {
            return Err(NotReady::Thread(complaint));
        }
        let state = self.lock();
        if state.stopping {
            return Err(NotReady::Stopping);
        }
        if !state.capturing {
            return Err(NotReady::Starting);
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
        let min_free = self.min_free.load(Ordering::Relaxed);
        if let Some(free) = state.free.filter(|free| *free < min_free) {
            return Err(NotReady::SpaceLow { free, min_free });
        }
        if let Some((free, min_free)) = state.inodes.filter(|(free, min)| free < min) {
            return Err(NotReady::InodesLow { free, min_free });
        }
        if state.lag > LAG_LIMIT {
            return Err(NotReady::WorkersBehind(state.lag));
        }
        let is_refusing = state.refused.is_some_and(|at| now.saturating_duration_since(at) < REFUSED_FOR);
        if is_refusing { Err(NotReady::Refusing) } else { Ok(()) }
    }

    fn lock(&self) -> MutexGuard<'_, HealthState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness").field("min_free", &self.min_free).finish_non_exhaustive()
    }
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotReady::Starting => f.write_str("not capturing yet: starting"),
            NotReady::Stopping => f.write_str("stopping: finishing open recordings"),
            NotReady::Thread(complaint) => f.write_str(complaint),
            NotReady::WorkersBehind(d) => {
                write!(
                    f,
                    "recordings are written {} s late: the processor or the disk is too slow",
                    d.as_secs()
                )
            }
            NotReady::Refusing => f.write_str("calls are refused: more at once than can be recorded"),
            NotReady::InterfaceLost(names) => write!(f, "not capturing: {names} went away"),
            NotReady::LinkDown(names) => write!(f, "not capturing: {names} is down or has no link"),
            NotReady::StorageNotWritable(fault) => write!(f, "storage not writable: {fault}"),
            NotReady::SpaceLow { free, min_free } => {
                write!(f, "storage nearly full: {free} bytes free, storage.min_free is {min_free}")
            }
            NotReady::InodesLow { free, min_free } => write!(
                f,
                "storage nearly full: {free} inodes free (one for each file), {min_free} are kept free"
            ),
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
        r.capturing();
        assert_eq!(r.check(t0), Ok(()));
        r.interfaces_lost(vec!["eth1".into()]);
        assert_eq!(r.check(t0).unwrap_err().to_string(), "not capturing: eth1 went away");
        r.interfaces_lost(Vec::new());
        r.links_down(vec!["eth1".into(), "eth2".into()]);
        assert_eq!(r.check(t0).unwrap_err().to_string(), "not capturing: eth1, eth2 is down or has no link");
        r.links_down(Vec::new());
        r.free(999);
        assert_eq!(r.check(t0), Err(NotReady::SpaceLow { free: 999, min_free: 1000 }));
        r.free(1000);
        r.inodes(7, 8);
        assert_eq!(r.check(t0), Err(NotReady::InodesLow { free: 7, min_free: 8 }));
        r.inodes(0, 0);
        r.workers_lag(LAG_LIMIT + Duration::from_secs(1));
        assert!(r.check(t0).unwrap_err().to_string().starts_with("recordings are written 11 s late"));
        r.workers_lag(LAG_LIMIT);
        r.storage(Err(std::io::ErrorKind::ReadOnlyFilesystem.into()));
        let why = r.check(t0).unwrap_err().to_string();
        assert_eq!(why, "storage not writable: read-only filesystem or storage medium");
        r.storage(Ok(()));
        assert_eq!(r.check(t0), Ok(()));
        r.refused(t0);
        assert_eq!(r.check(t0 + REFUSED_FOR / 2), Err(NotReady::Refusing));
        assert_eq!(r.check(t0 + REFUSED_FOR), Ok(()));
        r.stopping();
        assert_eq!(r.check(t0), Err(NotReady::Stopping));
        struct Dead;
        impl Watch for Dead {
            fn complaint(&self, _: Instant) -> Option<String> {
                Some("thread tape-0 died".into())
            }
        }
        r.watched_by(Arc::new(Dead));
        assert_eq!(r.check(t0).unwrap_err().to_string(), "thread tape-0 died");
    }
}
