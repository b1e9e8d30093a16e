//! SIGHUP: asks a running recorder to take a new configuration.
//!
//! Apart from the signals that stop it: a file that cannot be read in time keeps nobody from stopping it.

use super::crew::Pulse;
use super::shutdown::StopFlag;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Longest wait for a signal before the thread that waits beats.
const WAIT: Duration = Duration::from_millis(250);

/// The signal, handled here from now on: it ends nothing any more.
pub struct ReloadSignal {
    /// Kept when the thread is started again, so that what came in between is not lost.
    handler: Mutex<(Runtime, Signal)>,
}

impl ReloadSignal {
    /// Installs the handler of SIGHUP.
    ///
    /// # Errors
    /// It could not be installed.
    pub fn handle() -> io::Result<ReloadSignal> {
        ReloadSignal::handle_kind(SignalKind::hangup())
    }

    /// The same for another signal.
    ///
    /// # Errors
    /// It could not be installed.
    pub fn handle_kind(kind: SignalKind) -> io::Result<ReloadSignal> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let signal = {
            let _inside = runtime.enter();
            signal(kind)?
        };
        Ok(ReloadSignal { handler: Mutex::new((runtime, signal)) })
    }

    /// Waits for it until `ends` is set, and does what it asks for. Those that come meanwhile are one.
    pub fn wait(&self, ends: &StopFlag, pulse: &Pulse, reload: impl Fn()) {
        let mut handler = self.handler.lock().unwrap_or_else(PoisonError::into_inner);
        let (runtime, signal) = &mut *handler;
        while !ends.is_set() {
            pulse.beat();
            let came = runtime.block_on(async {
                tokio::select! {
                    _ = signal.recv() => true,
                    () = tokio::time::sleep(WAIT) => false,
                }
            });
            if came {
                reload();
            }
        }
    }
}
