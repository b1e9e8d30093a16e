//! The technical log: one bounded line for each event, on standard error.
//!
//! Text or JSON. Under systemd, where standard error is the journal, a line
//! begins with its `<N>` priority (sd-daemon(3)) and has no time stamp, the
//! journal having its own; colours appear on a terminal only. A WARN of one
//! kind that comes too often is left out and counted (`limiter`): a flood on
//! the wire must not become a flood on the disk. What is said is not known
//! here.

mod limiter;
mod line;
mod sink;
mod style;

use limiter::{Limiter, LineVerdict};
use line::Line;
use sink::LogSink;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use style::Style;
use thiserror::Error;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

pub use sink::Flush;
pub use style::LineFormat;

/// Lines left out since the start, by the limiter or because standard error was stuck.
static SUPPRESSED: AtomicU64 = AtomicU64::new(0);

/// How to log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// `--log-format`
    pub format: LineFormat,
    /// How often `-v` was given, less how often `-q` was. 0 is INFO.
    pub verbosity: i8,
    /// Lines pass through a bounded queue to a thread of their own, so that a
    /// stuck journal cannot hold up the caller. For the daemon.
    pub background: bool,
}

/// Logging can be set up once in a process.
#[derive(Debug, Error)]
#[error("logging is already set up")]
pub struct AlreadySet;

/// Sets up logging for the whole process. Keep the returned value until the
/// end: dropping it writes out what is queued.
pub fn init(options: Options) -> Result<Flush, AlreadySet> {
    let style = Style::of_stderr(options.format);
    let (sink, flush) = if options.background { LogSink::queued() } else { LogSink::direct() };
    let lines = LineLayer::new(style, sink).with_filter(targets(options.verbosity));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines))
        .map_err(|_| AlreadySet)?;
    Ok(flush)
}

/// Lines left out since the start of the process.
pub fn suppressed_lines() -> u64 {
    SUPPRESSED.load(Ordering::Relaxed)
}

/// The level `-v` and `-q` ask for.
fn level(verbosity: i8) -> LevelFilter {
    match verbosity {
        i8::MIN..=-2 => LevelFilter::ERROR,
        -1 => LevelFilter::WARN,
        0 => LevelFilter::INFO,
        1 => LevelFilter::DEBUG,
        2..=i8::MAX => LevelFilter::TRACE,
    }
}

/// Libraries speak up only to warn: what they say below that may hold anything.
fn targets(verbosity: i8) -> Targets {
    let ours = level(verbosity);
    Targets::new().with_default(ours.min(LevelFilter::WARN)).with_target("nauhuri", ours)
}

/// The layer that writes lines.
struct LineLayer {
    style: Style,
    sink: LogSink,
    limiter: Mutex<Limiter>,
}

impl LineLayer {
    fn new(style: Style, sink: LogSink) -> LineLayer {
        LineLayer { style, sink, limiter: Mutex::new(Limiter::default()) }
    }

    /// How many like it were left out before this one; `None`: leave it out too.
    fn admit(&self, event: &Event<'_>) -> Option<u64> {
        // More verbose levels are asked for by someone who wants to see everything.
        if *event.metadata().level() > Level::WARN {
            return Some(0);
        }
        let mut limiter = self.limiter.lock().unwrap_or_else(PoisonError::into_inner);
        match limiter.admit(event.metadata().callsite(), Instant::now()) {
            LineVerdict::Write { left_out } => Some(left_out),
            LineVerdict::LeaveOut => None,
        }
    }
}

impl<S: Subscriber> Layer<S> for LineLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(left_out) = self.admit(event) else {
            SUPPRESSED.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let mut line = Line::of(event);
        if left_out > 0 {
            line.add("left_out", left_out.to_string());
        }
        if !self.sink.write(line.render(self.style, &jiff::Timestamp::now())) {
            SUPPRESSED.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
