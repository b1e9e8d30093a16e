//! What there is to see of a party at a step of the tape: for whoever watches over its sound.

use super::super::source::Source;
use super::super::watch::Glimpse;
use super::Speaker;

impl Speaker {
    /// What there is to see of it at this step.
    pub fn glimpse(&mut self) -> Glimpse {
        let own = || self.sources.iter().filter(|s| self.may_be_its(s.place()));
        let last = own().max_by_key(|s| s.last_at_ns());
        let sum = |(a, b), (lost, expected)| (a + lost, b + expected);
        Glimpse {
            last_ns: last.map(Source::last_at_ns),
            is_resting: last.is_some_and(Source::is_resting),
            decoded: own().map(Source::decoded).sum(),
            loss: own().map(Source::loss).fold((0, 0), sum),
            senseless: std::mem::take(&mut self.senseless.new),
        }
    }

    /// Whether any of its sound could not be decoded (0), or was encrypted (1).
    pub fn was_senseless(&self, how: usize) -> bool {
        self.senseless.ever[how & 1]
    }
}
