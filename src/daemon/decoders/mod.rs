//! Codecs that are decoded by libavcodec, in a process of its own.
//!
//! The library is the operator's: it is loaded where it is installed, and nothing of it is linked.
//! It is C that reads what strangers send, so it runs caged, in a process without rights, network or
//! files, at the other end of two pipes (`caged`, `cage`). All streams share one process. It is
//! started when the first stream needs it; its crash or hang costs the sound that was being decoded,
//! is counted, and another one is started, though not without end. Streams go on in the new one as
//! if they had just begun.

pub mod avcodec;
#[forbid(unsafe_code)]
pub mod cage;
#[forbid(unsafe_code)]
pub mod caged;
#[forbid(unsafe_code)]
mod child;
#[forbid(unsafe_code)]
pub mod messages;

use crate::codec::def::{DecodeError, DecodeFrames, ForeignDecoders};
use crate::codec::frames::ForeignCodec;
use crate::telemetry::Metrics;
use crate::telemetry::events::Event;
use crate::telemetry::label::DecoderFault;
use child::{Child, Failure};
pub use child::{Program, Ready};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a process may take to start.
const START_PATIENCE: Duration = Duration::from_secs(5);
/// How long an answer may take: a packet's frames are decoded in less than a millisecond, and
/// other calls wait meanwhile.
const PATIENCE: Duration = Duration::from_secs(1);
/// As many starts a hang counts for.
const HANG_STARTS: usize = 3;
/// After a process that could not be started none is, for so long.
const PAUSE: Duration = Duration::from_secs(10);
/// Processes started within [`RESTARTS_WITHIN`], at most; then there is none until it has passed.
const MAX_STARTS: usize = 10;
const RESTARTS_WITHIN: Duration = Duration::from_secs(600);
/// A stream that was being decoded so many times when the process was lost is not decoded again.
const MAX_FAULTS: u8 = 2;
/// Streams at once.
pub const MAX_STREAMS: usize = 8192;

/// The way to libavcodec, for all streams of a recorder.
#[derive(Clone, Debug)]
pub struct CagedDecoders {
    shared: Arc<Shared>,
}

struct Shared {
    program: Program,
    /// For the start, for an answer.
    patience: [Duration; 2],
    metrics: Arc<Metrics>,
    pen: Mutex<Pen>,
    next_stream: AtomicU32,
    streams: AtomicUsize,
}

/// The process, as far as there is one.
#[derive(Debug, Default)]
struct Pen {
    child: Option<Child>,
    /// What the first one said it can do; `None`: none was started yet.
    known: Option<Ready>,
    starts: VecDeque<Instant>,
    /// When one could not be started.
    failed_at: Option<Instant>,
    /// Streams that ended and that the process has not been told of.
    ended: Vec<u32>,
    /// Requests and answers on their way.
    bytes: Vec<u8>,
}

impl CagedDecoders {
    /// Starts nothing yet. `program` is what [`caged::work`] runs in.
    pub fn new(program: Program, metrics: &Arc<Metrics>) -> CagedDecoders {
        CagedDecoders::patient(program, metrics, [START_PATIENCE, PATIENCE])
    }

    fn patient(program: Program, metrics: &Arc<Metrics>, patience: [Duration; 2]) -> CagedDecoders {
        let shared = Shared {
            program,
            patience,
            metrics: Arc::clone(metrics),
            pen: Mutex::default(),
            next_stream: AtomicU32::new(0),
            streams: AtomicUsize::new(0),
        };
        CagedDecoders { shared: Arc::new(shared) }
    }
}

/// What `program` greets with, if it can be started at all.
pub fn probe(program: &Program) -> Option<Ready> {
    Child::start(program, START_PATIENCE).ok().map(|(_, ready)| ready)
}

impl ForeignDecoders for CagedDecoders {
    fn has(&self, codec: ForeignCodec) -> bool {
        let mut pen = self.shared.enter();
        if pen.known.is_none() {
            pen.started(&self.shared);
        }
        pen.known.is_some_and(|known| known.has(codec))
    }

    fn open(&self, codec: ForeignCodec) -> Option<Box<dyn DecodeFrames>> {
        if !self.has(codec) {
            return None;
        }
        if self.shared.streams.fetch_add(1, Ordering::Relaxed) >= MAX_STREAMS {
            self.shared.streams.fetch_sub(1, Ordering::Relaxed);
            Event::DecoderLost { fault: DecoderFault::Streams }.emit(&self.shared.metrics);
            return None;
        }
        let id = self.shared.next_stream.fetch_add(1, Ordering::Relaxed);
        Some(Box::new(CagedStream { shared: Arc::clone(&self.shared), id, codec, is_fresh: true, faults: 0 }))
    }
}

/// One stream's decoder, at the other end.
#[derive(Debug)]
struct CagedStream {
    shared: Arc<Shared>,
    id: u32,
    codec: ForeignCodec,
    /// What comes next is unrelated to what was.
    is_fresh: bool,
    faults: u8,
}

impl DecodeFrames for CagedStream {
    fn decode(&mut self, frames: &[&[u8]], out: &mut Vec<i16>) -> Result<(), DecodeError> {
        if self.faults >= MAX_FAULTS {
            return Err(DecodeError::Corrupt);
        }
        let mut pen = self.shared.enter();
        let mut bytes = std::mem::take(&mut pen.bytes);
        bytes.clear();
        let ended = std::mem::take(&mut pen.ended);
        let done = match pen.started(&self.shared) {
            None => Err(None),
            Some(child) => {
                ended.iter().for_each(|id| messages::put_end(*id, &mut bytes));
                messages::put_frames((self.id, self.codec, self.is_fresh), frames, &mut bytes);
                let samples = frames.len() * self.codec.frame_samples();
                child.ask(&mut bytes, samples, self.shared.patience[1], out).map_err(Some)
            }
        };
        pen.bytes = bytes;
        self.is_fresh = false;
        done.map_err(|fault| {
            match fault {
                Some(Failure::Refused) => {}
                Some(Failure::Lost(why)) => {
                    self.faults += 1;
                    pen.child = None;
                    if why == DecoderFault::Hung {
                        pen.starts.extend([Instant::now(); HANG_STARTS - 1]);
                    }
                    Event::DecoderLost { fault: why }.emit(&self.shared.metrics);
                }
                // None may be started, which has been told.
                None => {}
            }
            DecodeError::Corrupt
        })
    }

    fn reset(&mut self) {
        self.is_fresh = true;
    }
}

impl Drop for CagedStream {
    fn drop(&mut self) {
        self.shared.streams.fetch_sub(1, Ordering::Relaxed);
        let mut pen = self.shared.enter();
        if pen.child.is_some() {
            pen.ended.push(self.id);
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("program", &self.program).finish_non_exhaustive()
    }
}

impl Shared {
    fn enter(&self) -> std::sync::MutexGuard<'_, Pen> {
        // Whoever panicked with it left a process that answers, or one that is found not to.
        self.pen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pen {
    /// The process, started where it is not there; `None` where it cannot be or may not be.
    fn started(&mut self, shared: &Shared) -> Option<&mut Child> {
        if self.child.is_none() {
            // Without the library there is nothing that another one could do better.
            if self.known.is_some_and(|known| known.is_empty()) {
                return None;
            }
            let now = Instant::now();
            let is_old = |at: &Instant| now.duration_since(*at) > RESTARTS_WITHIN;
            while self.starts.front().is_some_and(is_old) {
                self.starts.pop_front();
            }
            let is_pause = self.failed_at.is_some_and(|at| now.duration_since(at) < PAUSE);
            if self.starts.len() >= MAX_STARTS || is_pause {
                return None;
            }
            self.starts.push_back(now);
            self.ended.clear();
            match Child::start(&shared.program, shared.patience[0]) {
                Ok((child, ready)) => {
                    if self.known.is_none() {
                        Event::DecodersFound { version: ready.version }.emit(&shared.metrics);
                    }
                    self.known = Some(ready);
                    self.child = (!ready.is_empty()).then_some(child);
                }
                Err(_) => {
                    self.failed_at = Some(Instant::now());
                    Event::DecoderLost { fault: DecoderFault::Unstartable }.emit(&shared.metrics);
                }
            }
            if self.starts.len() >= MAX_STARTS {
                Event::DecoderLost { fault: DecoderFault::TooOften }.emit(&shared.metrics);
            }
        }
        self.child.as_mut()
    }
}

#[cfg(test)]
mod tests;
