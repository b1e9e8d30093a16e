//! The engine over capture files, as fast as the workers follow, on the packets' own clock.

use super::context::Context;
use super::counts::MediaCounts;
use super::crew::{Crew, Faults};
use super::observe::RecordingOutcome;
use super::pipeline::{Pipeline, Workshop};
use crate::call::trace::TraceStep;
use crate::call::{Decision, Ending, Unrecorded, UnrecordedCall};
use crate::capture::file::FileError;
use crate::capture::merge::Merged;
use crate::capture::tls_files::{TlsFileError, server_keys, whole_key_logs};
use crate::config::Config;
use crate::engine::engine_stats::EngineStats;
use crate::engine::{Engine, MediaPacket, Sink};
use crate::net::Datagram;
use crate::sip::Message;
use crate::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Frames between two looks at the progress.
const PROGRESS_EVERY: u64 = 4096;

/// Decisions that are told one by one; what is beyond is only counted.
const MAX_DECIDED: usize = 100_000;

/// An answered call that was not recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRecorded {
    /// When that was decided.
    pub at: Timestamp,
    /// Empty where only the start of its messages was captured.
    pub call_id: String,
    /// Why not.
    pub reason: Unrecorded,
}

/// Who looks on while captures are played.
pub trait Onlooker {
    /// Whether it wants to know why: see [`Onlooker::step`].
    const ASKS_WHY: bool = false;

    /// So many bytes of the captures have been read.
    fn progress(&mut self, _bytes: u64) {}

    /// A SIP message was read.
    fn sip(&mut self, _message: &Message<'_>, _came: &Datagram<'_>) {}

    /// The signalling has decided something.
    fn decision(&mut self, _decision: &Decision) {}

    /// One step on the way to a decision.
    fn step(&mut self, _step: TraceStep) {}
}

/// Passes on what the engine gives out, and remembers what was not to be recorded.
struct Watched<'a, O> {
    pipeline: Pipeline,
    not_recorded: Vec<NotRecorded>,
    left_out: Vec<UnrecordedCall>,
    onlooker: &'a mut O,
}

impl<O: Onlooker> Sink for Watched<'_, O> {
    fn sip(&mut self, message: &Message<'_>, came: &Datagram<'_>) {
        self.onlooker.sip(message, came);
    }

    fn decision(&mut self, decision: Decision) {
        self.onlooker.decision(&decision);
        if let Decision::LeftOut(call) = &decision
            && self.left_out.len() < MAX_DECIDED
        {
            self.left_out.push(UnrecordedCall::clone(call));
        }
        if let Decision::Unrecorded { reason, at, call_id } = &decision
            && self.not_recorded.len() < MAX_DECIDED
        {
            let (at, call_id, reason) = (*at, call_id.clone(), *reason);
            self.not_recorded.push(NotRecorded { at, call_id, reason });
        }
        self.pipeline.decision(decision);
    }

    fn media(&mut self, packet: MediaPacket<'_>) {
        self.pipeline.media(packet);
    }

    fn tick(&mut self, now: Timestamp) {
        self.pipeline.tick(now);
    }
}

/// What a replay came to.
#[derive(Debug)]
pub struct Replayed {
    /// How each recording ended, in order of their UUIDs (which is by answer).
    pub outcomes: Vec<RecordingOutcome>,
    /// Answered calls that were not recorded, in order.
    pub not_recorded: Vec<NotRecorded>,
    /// The same as the register tells them.
    pub left_out: Vec<UnrecordedCall>,
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
    /// A file that TLS is to be opened with.
    #[error(transparent)]
    Tls(#[from] TlsFileError),
    /// No thread to work with.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
    /// A fault of ours.
    #[error("a worker died: this is a bug in nauhuri")]
    Worker,
}

/// Plays captures in order of their stamps.
///
/// # Errors
/// [`ReplayError`]; recordings finished by then stay.
pub fn replay<O: Onlooker>(
    config: &Config,
    context: &Arc<Context>,
    timezone: &jiff::tz::TimeZone,
    workers: usize,
    mut captures: Merged,
    onlooker: &mut O,
) -> Result<Replayed, ReplayError> {
    let counts = Arc::new(MediaCounts::default());
    #[expect(clippy::disallowed_methods, reason = "read to the end below; as many as there are recordings")]
    let (tell, told) = crossbeam_channel::unbounded();
    let outcome = move |o| {
        // Nobody listens only after this function has returned.
        let _ = tell.send(o);
    };
    let crew = Crew::new(&context.outlets.metrics, Faults::default());
    let (queue_bytes, counts_of_all) = (config.limits.queue_bytes, &counts);
    let shop =
        Workshop { workers, waits: true, queue_bytes, context, timezone, counts: counts_of_all, crew: &crew };
    let pipeline = Pipeline::start(&shop, outcome)?;
    let mut sink = Watched { pipeline, not_recorded: Vec::new(), left_out: Vec::new(), onlooker };
    let mut engine = Engine::new(config);
    if O::ASKS_WHY {
        engine.calls_mut().keep_trace();
    }
    server_keys(&config.tls)?.into_iter().for_each(|key| engine.add_server_key(key));
    whole_key_logs(&config.tls, |piece| engine.handle_key_log(piece, false, &mut sink))?;
    let mut frames = 0_u64;
    let failed = loop {
        if let Some(log) = captures.take_key_log() {
            engine.handle_key_log(&log, true, &mut sink);
        }
        match captures.next() {
            Ok(Some(frame)) => engine.handle_frame(&frame, &mut sink),
            Ok(None) => break None,
            Err(e) => break Some(e),
        }
        if O::ASKS_WHY {
            give_steps(&mut engine, sink.onlooker);
        }
        frames += 1;
        if frames.is_multiple_of(PROGRESS_EVERY) {
            sink.onlooker.progress(captures.bytes_read());
        }
    };
    sink.onlooker.progress(captures.bytes_read());
    engine.finish(Ending::CaptureEnd, &mut sink);
    give_steps(&mut engine, sink.onlooker);
    let all_well = sink.pipeline.join(|| {});
    if let Some(e) = failed {
        return Err(e.into());
    }
    if !all_well {
        return Err(ReplayError::Worker);
    }
    let mut outcomes: Vec<RecordingOutcome> = told.try_iter().collect();
    outcomes.sort_by_key(RecordingOutcome::id);
    let (warnings, unread) = (captures.warnings().to_vec(), captures.unread().to_vec());
    let mut stats = engine.stats();
    stats.super_packets = counts.super_packets.load(Ordering::Relaxed);
    Ok(Replayed {
        outcomes,
        not_recorded: sink.not_recorded,
        left_out: sink.left_out,
        stats,
        warnings,
        unread,
    })
}

fn give_steps(engine: &mut Engine, onlooker: &mut impl Onlooker) {
    while let Some(step) = engine.calls_mut().take_step() {
        onlooker.step(step);
    }
}
