//! SIGTERM and SIGINT: asked to stop, the capture loop finishes what is open.

use super::crew::Pulse;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Longest wait for a signal before the thread that waits beats.
const WAIT: Duration = Duration::from_millis(250);

/// True once the process has been asked to stop.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Has it been asked?
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Asks.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Signals that ask the process to stop. From the time they are handled here, they end nothing by
/// themselves: the thread that waits for them has to live.
pub struct StopSignals {
    /// Kept when the thread is started again, so that what came in between is not lost.
    handlers: Mutex<SignalHandlers>,
    asked: StopFlag,
}

struct SignalHandlers {
    runtime: Runtime,
    signals: [Signal; 2],
}

impl StopSignals {
    /// Installs the handlers of SIGTERM and SIGINT, which set `asked`.
    ///
    /// # Errors
    /// The handlers could not be installed.
    pub fn handle(asked: &StopFlag) -> io::Result<StopSignals> {
        StopSignals::handle_kinds([SignalKind::terminate(), SignalKind::interrupt()], asked)
    }

    /// The same for other signals.
    ///
    /// # Errors
    /// The handlers could not be installed.
    pub fn handle_kinds(kinds: [SignalKind; 2], asked: &StopFlag) -> io::Result<StopSignals> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let signals = {
            let _inside = runtime.enter();
            [signal(kinds[0])?, signal(kinds[1])?]
        };
        let handlers = Mutex::new(SignalHandlers { runtime, signals });
        Ok(StopSignals { handlers, asked: asked.clone() })
    }

    /// Waits for them on a thread that lives as long as the process, for a command that no crew watches.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn wait_aside(self) -> io::Result<()> {
        let wait = move || self.wait(&StopFlag::default(), &Pulse::unwatched());
        std::thread::Builder::new().name("signals".into()).spawn(wait).map(drop)
    }

    /// Waits for them until `ends` is set.
    pub fn wait(&self, ends: &StopFlag, pulse: &Pulse) {
        let mut handlers = self.handlers.lock().unwrap_or_else(PoisonError::into_inner);
        let SignalHandlers { runtime, signals: [first, second] } = &mut *handlers;
        while !ends.is_set() {
            pulse.beat();
            let came = runtime.block_on(async {
                tokio::select! {
                    _ = first.recv() => true,
                    _ = second.recv() => true,
                    () = tokio::time::sleep(WAIT) => false,
                }
            });
            if came {
                self.asked.set();
            }
        }
    }
}
