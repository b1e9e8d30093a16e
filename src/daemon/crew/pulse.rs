//! The sign of life of one thread.

use crate::store::heartbeat::Heartbeat;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Called with the name of a thread.
type ThreadHook = dyn Fn(&str) + Send + Sync;

/// Where a test breaks a thread: called with the thread's name at each beat. The default breaks nothing.
#[derive(Clone, Default)]
pub struct Faults(Option<Arc<ThreadHook>>);

impl Faults {
    /// Calls `hook` at each beat of each thread; it may panic there, or not return.
    pub fn with(hook: impl Fn(&str) + Send + Sync + 'static) -> Faults {
        Faults(Some(Arc::new(hook)))
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Faults(hooked)" } else { "Faults" })
    }
}

const RUNNING: u8 = 0;
const ENDED: u8 = 1;
const PANICKED: u8 = 2;

/// When a thread was last heard of, and whether it lives.
#[derive(Debug)]
pub struct Pulse {
    name: String,
    faults: Faults,
    epoch: Instant,
    /// Of the last beat, since the epoch.
    last_ms: AtomicU64,
    life: AtomicU8,
    /// As the kernel counts threads; 0 before the thread runs.
    tid: AtomicI32,
}

impl Pulse {
    pub(super) fn new(name: &str, faults: &Faults) -> Pulse {
        Pulse {
            name: name.into(),
            faults: faults.clone(),
            epoch: Instant::now(),
            last_ms: AtomicU64::new(0),
            life: AtomicU8::new(RUNNING),
            tid: AtomicI32::new(0),
        }
    }

    /// One that nobody watches.
    pub fn unwatched() -> Arc<Pulse> {
        Arc::new(Pulse::new("", &Faults::default()))
    }

    /// Still there.
    pub fn beat(&self) {
        self.beat_at(Instant::now());
    }

    /// The same, for whoever knows what time it is.
    pub fn beat_at(&self, now: Instant) {
        let ms = now.saturating_duration_since(self.epoch).as_millis() as u64;
        self.last_ms.store(ms, Ordering::Relaxed);
        if let Some(hook) = &self.faults.0 {
            hook(&self.name);
        }
    }

    /// For work that knows nothing of threads: it beats as that goes on.
    pub fn heartbeat(self: &Arc<Self>) -> Heartbeat {
        let pulse = Arc::clone(self);
        Heartbeat::to(move || pulse.beat())
    }

    /// The calling thread is the one. It has ended when what is returned is dropped.
    pub fn enter(self: &Arc<Self>) -> ThreadGuard {
        self.tid.store(rustix::thread::gettid().as_raw_nonzero().get(), Ordering::Relaxed);
        self.begin();
        ThreadGuard(Arc::clone(self))
    }

    /// Not dead any more: another thread is being started in its place.
    pub(super) fn begin(&self) {
        let ms = self.epoch.elapsed().as_millis() as u64;
        self.last_ms.store(ms, Ordering::Relaxed);
        self.life.store(RUNNING, Ordering::Release);
    }

    pub(super) fn silent(&self, now: Instant) -> Duration {
        let at = self.epoch + Duration::from_millis(self.last_ms.load(Ordering::Relaxed));
        now.saturating_duration_since(at)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.life.load(Ordering::Acquire) != RUNNING
    }

    pub(super) fn has_panicked(&self) -> bool {
        self.life.load(Ordering::Acquire) == PANICKED
    }

    /// What the thread has done so far, as far as the kernel tells.
    pub(super) fn progress(&self) -> Progress {
        let tid = self.tid.load(Ordering::Relaxed);
        let told =
            |file| std::fs::read_to_string(format!("/proc/self/task/{tid}/{file}")).unwrap_or_default();
        let processor = told("schedstat").split_whitespace().next().and_then(|n| n.parse().ok());
        let calls = told("io")
            .lines()
            .filter_map(|l| {
                let count = l.strip_prefix("syscr: ").or_else(|| l.strip_prefix("syscw: "))?;
                count.parse::<u64>().ok()
            })
            .sum();
        Progress { processor_ns: processor.unwrap_or(0), calls }
    }
}

/// What a thread has done by some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// Time on a processor.
    processor_ns: u64,
    /// Reads and writes.
    calls: u64,
}

impl Progress {
    /// It has read or written since `before`, or computed for more than a hundredth of the time
    /// that has `passed`: who only looks now and then whether he may go on does less.
    pub(super) fn is_more_than(self, before: Progress, passed: Duration) -> bool {
        let computed = self.processor_ns.saturating_sub(before.processor_ns);
        self.calls != before.calls || u128::from(computed) > passed.as_nanos() / 100
    }
}

/// Dropped when the thread ends, however it does.
#[derive(Debug)]
pub struct ThreadGuard(Arc<Pulse>);

impl Drop for ThreadGuard {
    fn drop(&mut self) {
        let how = if std::thread::panicking() { PANICKED } else { ENDED };
        self.0.life.store(how, Ordering::Release);
    }
}
