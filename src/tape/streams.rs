//! The streams of one source: one for each pair of addresses it was heard between.

use crate::rtp::stats::StreamStats;
use smallvec::SmallVec;

/// Streams of one source; a source that moves more often than this shares the last.
const MAX_STREAMS: usize = 8;

/// Statistics by flow.
#[derive(Debug, Default)]
pub(super) struct Streams(SmallVec<[(u32, StreamStats); 1]>);

impl Streams {
    /// All of them, by the flow they were heard on.
    pub fn iter(&self) -> impl Iterator<Item = &(u32, StreamStats)> {
        self.0.iter()
    }

    /// The stream on this flow; a new one counts by this clock.
    pub fn on(&mut self, flow: u32, clock_hz: u32) -> &mut StreamStats {
        let known = self.0.iter().position(|(f, _)| *f == flow);
        let i = known.unwrap_or_else(|| {
            if self.0.len() < MAX_STREAMS {
                self.0.push((flow, StreamStats::new(clock_hz)));
            }
            self.0.len() - 1
        });
        &mut self.0[i].1
    }

    /// Whether this number was heard on this flow; `None` where nothing was.
    pub fn knows(&self, flow: u32, seq: u16) -> Option<bool> {
        self.0.iter().find(|(f, _)| *f == flow).map(|(_, s)| s.knows(seq))
    }

    /// Something that holds for all of them.
    pub fn each(&mut self, change: impl Fn(&mut StreamStats)) {
        self.0.iter_mut().for_each(|(_, s)| change(s));
    }
}
