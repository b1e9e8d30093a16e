//! How often one kind of line may be written.
//!
//! A kind is a callsite: a place in the source. Each has a budget for a window
//! of time; what exceeds it is left out, and the first line of the next window
//! says how many were. Grows to the number of callsites in the program, no
//! further.

use std::collections::HashMap;
use std::time::{Duration, Instant};
use tracing::callsite::Identifier;

/// Lines of one kind in one [`WINDOW`].
pub(super) const BUDGET: u32 = 10;
/// The window.
pub(super) const WINDOW: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Limiter {
    kinds: HashMap<Identifier, LineCount>,
}

#[derive(Debug)]
struct LineCount {
    since: Instant,
    written: u32,
    left_out: u64,
}

/// What to do with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineVerdict {
    /// Write it; so many of its kind were left out before it.
    Write { left_out: u64 },
    /// The budget is spent.
    LeaveOut,
}

impl Limiter {
    pub(super) fn admit(&mut self, callsite: Identifier, now: Instant) -> LineVerdict {
        let kind = self.kinds.entry(callsite).or_insert(LineCount { since: now, written: 0, left_out: 0 });
        if now.saturating_duration_since(kind.since) >= WINDOW {
            let left_out = kind.left_out;
            *kind = LineCount { since: now, written: 1, left_out: 0 };
            return LineVerdict::Write { left_out };
        }
        if kind.written < BUDGET {
            kind.written += 1;
            return LineVerdict::Write { left_out: 0 };
        }
        kind.left_out += 1;
        LineVerdict::LeaveOut
    }
}
