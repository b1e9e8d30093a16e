//! How a source gets on: for whoever watches over its sound.

use super::Source;
use crate::rtp::stats::StreamStats;

impl Source {
    /// It may have stopped sending because it is silent.
    pub fn is_resting(&self) -> bool {
        self.is_resting || self.has_paused
    }

    /// Sound decoded so far, in units of the codec's clock.
    pub fn decoded(&self) -> i64 {
        self.ticks_heard
    }

    /// Packets lost and expected so far.
    pub fn loss(&self) -> (u64, u64) {
        let of = |(_, s): &(u32, StreamStats)| (s.lost(), s.expected());
        self.streams().map(of).fold((0, 0), |(a, b), (lost, expected)| (a + lost, b + expected))
    }
}
