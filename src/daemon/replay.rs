//! The engine over capture files, as fast as the workers follow, on the packets' own clock.

use super::deck::Shelf;
use super::observe::Outcome;
use super::pipeline::Pipeline;
use super::worker::CodecCounts;
use crate::call::Ending;
use crate::capture::file::FileError;
use crate::capture::merge::Merged;
use crate::config::Config;
use crate::engine::Engine;
use crate::engine::stats::EngineStats;
use std::sync::Arc;

/// Frames between two looks at the progress.
const PROGRESS_EVERY: u64 = 4096;

/// What a replay came to.
#[derive(Debug)]
pub struct Replayed {
    /// How each recording ended, in order of their UUIDs (which is by answer).
    pub outcomes: Vec<Outcome>,
    /// The engine's totals.
    pub stats: EngineStats,
    /// What is to be told of the files: ended early, damaged, of a link type that is not read.
    pub warnings: Vec<String>,
    /// Files that hold something, but nothing that can be read.
    pub unread: Vec<String>,
}

/// Why a replay could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A capture could not be read.
    #[error(transparent)]
    Capture(#[from] FileError),
    /// No thread to work with.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
    /// A fault of ours.
    #[error("a worker died: this is a bug in nauhuri")]
    Worker,
}

/// Plays captures in order of their stamps. `progress` hears of bytes read.
///
/// # Errors
/// [`ReplayError`]; recordings finished by then stay.
pub fn replay(
    config: &Config,
    shelf: &Arc<Shelf>,
    timezone: &jiff::tz::TimeZone,
    workers: usize,
    mut captures: Merged,
    mut progress: impl FnMut(u64),
) -> Result<Replayed, ReplayError> {
    let codecs = Arc::new(CodecCounts::default());
    let (tell, told) = crossbeam_channel::unbounded();
    let outcome = move |o| {
        // Nobody listens only after this function has returned.
        let _ = tell.send(o);
    };
    let mut pipeline =
        Pipeline::start(workers, true, config.limits.queue_bytes, shelf, timezone, &codecs, outcome)?;
    let mut engine = Engine::new(config);
    let mut frames = 0_u64;
    let failed = loop {
        match captures.next() {
            Ok(Some(frame)) => engine.handle_frame(&frame, &mut pipeline),
            Ok(None) => break None,
            Err(e) => break Some(e),
        }
        frames += 1;
        if frames.is_multiple_of(PROGRESS_EVERY) {
            progress(captures.bytes_read());
        }
    };
    progress(captures.bytes_read());
    engine.finish(Ending::CaptureEnd, &mut pipeline);
    let all_well = pipeline.join();
    if let Some(e) = failed {
        return Err(e.into());
    }
    if !all_well {
        return Err(ReplayError::Worker);
    }
    let mut outcomes: Vec<Outcome> = told.try_iter().collect();
    outcomes.sort_by_key(Outcome::id);
    let (warnings, unread) = (captures.warnings().to_vec(), captures.unread().to_vec());
    Ok(Replayed { outcomes, stats: engine.stats(), warnings, unread })
}
