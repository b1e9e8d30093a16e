//! How long calls are, without the length of any one of them.

use crate::archive::small_cells::FEW;
use std::collections::BTreeMap;

/// Lengths are told to so many seconds: the middle one is the length of one call.
const STEP_S: u64 = 10;
/// What is longer is counted as this long, seconds: so many steps are kept at most.
const LONGEST_S: u64 = 86_400;

/// Lengths, by [`STEP_S`].
#[derive(Clone, Debug, Default)]
pub(super) struct CallLengths {
    count: u64,
    us: u64,
    by_step: BTreeMap<u64, u64>,
}

impl CallLengths {
    pub(super) fn add(&mut self, us: i64) {
        let us = us.max(0).unsigned_abs();
        self.count += 1;
        self.us = self.us.saturating_add(us);
        *self.by_step.entry((us / 1_000_000).min(LONGEST_S) / STEP_S).or_default() += 1;
    }

    pub(super) fn add_all(&mut self, others: &CallLengths) {
        self.count += others.count;
        self.us = self.us.saturating_add(others.us);
        for (step, count) in &others.by_step {
            *self.by_step.entry(*step).or_default() += count;
        }
    }

    /// All together, to the minute, seconds.
    pub(super) fn total_s(&self) -> u64 {
        (self.us / 1_000_000 + 30) / 60 * 60
    }

    /// Seconds; `None` where there are few.
    pub(super) fn mean_s(&self) -> Option<u64> {
        (self.count >= FEW).then(|| (self.us as f64 / 1e6 / self.count as f64).round() as u64)
    }

    /// What `tenths` of ten calls are at most as long as, to [`STEP_S`] seconds, where few are neither on this
    /// side of it nor on the other.
    pub(super) fn at_most_s(&self, tenths: u64) -> Option<u64> {
        let below = self.count * tenths / 10;
        if below < FEW || self.count - below < FEW {
            return None;
        }
        let mut seen = 0;
        let step = self.by_step.iter().find(|(_, count)| {
            seen += **count;
            seen >= below
        });
        step.map(|(step, _)| (step + 1) * STEP_S)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_length_is_that_of_one_call() {
        let mut lengths = CallLengths::default();
        for s in 0..4 {
            lengths.add(s * 1_000_000);
        }
        assert_eq!((lengths.mean_s(), lengths.at_most_s(5)), (None, None));
        for s in 4..100 {
            lengths.add(s * 1_000_000);
        }
        assert_eq!((lengths.total_s(), lengths.mean_s()), (4_980, Some(50)));
        assert_eq!([5, 9, 10].map(|tenths| lengths.at_most_s(tenths)), [Some(50), Some(90), None]);
        let mut both = CallLengths::default();
        both.add(-5);
        both.add_all(&lengths);
        both.add(i64::MAX);
        assert_eq!((both.count, both.by_step.len(), both.at_most_s(5)), (102, 11, Some(50)));
    }
}
