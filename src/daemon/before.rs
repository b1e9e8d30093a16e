//! Whom a recorder comes after, and who goes on beside it.

use super::machine_clock::Clock;
use super::succession::{Succession, kill, succeed};
use crate::capture::live::FrameSource;
use crate::config::Config;
use crate::store::StoreError;
use crate::store::lock::{DrainLock, RecorderLock};
use crate::telemetry::handover_news::HandoverNews;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long the recorder before may take to end where it does not hand over: as long as the unit gives it at a stop.
const ENDS_WITHIN: Duration = Duration::from_secs(90);
/// How long one that was killed may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(5);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(50);

/// Whom a recorder comes after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nobody records: else it does not start.
    Nobody,
    /// Whoever records now, and hands over its calls or ends.
    TakenOver,
}

impl Before {
    /// Takes the lock, and over from whoever has it. One that neither hands over nor ends hangs, and is killed: nobody
    /// else would, and nothing would be recorded any more.
    ///
    /// # Errors
    /// The store is recorded into, or cannot be locked.
    pub fn take_lock<S: FrameSource>(
        self,
        config: &Config,
        sources: &mut [S],
        clock: &Clock,
    ) -> Result<(Result<Option<Succession>, String>, RecorderLock), StoreError> {
        let (mut asked, root) = (Instant::now(), &config.storage.dir);
        let (mut succession, mut is_killed) = (Ok(None), false);
        loop {
            // Where another one has taken over just now, its socket is there soon.
            if self == Before::TakenOver && matches!(succession, Ok(None)) {
                succession = succeed(config, sources, clock).map_err(|e| e.to_string());
                if succession.is_err() {
                    asked = Instant::now();
                }
            }
            match RecorderLock::take(root, clock.wall()) {
                Ok(lock) => return Ok((succession, lock)),
                Err(StoreError::Recorded { .. })
                    if self == Before::TakenOver && asked.elapsed() < ENDS_WITHIN + GONE_WITHIN =>
                {
                    if !is_killed && asked.elapsed() > ENDS_WITHIN {
                        kill(config);
                        is_killed = true;
                    }
                    std::thread::sleep(LOOK);
                }
                Err(e) => return Err(e),
            }
        }
    }
}

/// Says what became of taking over.
pub fn told(succession: Result<Option<Succession>, String>) -> Option<Succession> {
    match &succession {
        Ok(None) => {}
        Ok(Some(s)) => HandoverNews::TookOver { known: s.known, of: s.of }.tell(),
        Err(reason) => HandoverNews::Failed { reason }.tell(),
    }
    succession.ok().flatten()
}

/// The processes that only finish what they record.
pub fn draining(root: &Path) -> Vec<u32> {
    DrainLock::holders(root).unwrap_or_default()
}
