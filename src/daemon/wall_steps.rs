//! Steps of the machine's clock: somebody set it.

use super::machine_clock::Clock;
use crate::time::Timestamp;
use std::time::Instant;

/// A step beyond this between two looks is no slewing.
const SET_NS: i64 = 500_000_000;

/// Notices when somebody sets the machine's clock, from which the kernel takes its stamps.
pub(super) struct WallSteps {
    wall: Timestamp,
    steady: Instant,
}

impl WallSteps {
    /// From now on.
    pub fn new(clock: &Clock) -> Self {
        WallSteps { wall: clock.wall(), steady: clock.now() }
    }

    /// Nanoseconds by which the clock was set since the last look; 0 when it only runs.
    pub fn step_ns(&mut self, clock: &Clock) -> i64 {
        let (wall, now) = (clock.wall(), clock.now());
        let ran = i64::try_from(now.duration_since(self.steady).as_nanos()).unwrap_or(i64::MAX);
        let step = wall.since_ns(self.wall).saturating_sub(ran);
        *self = WallSteps { wall, steady: now };
        if step.abs() > SET_NS { step } else { 0 }
    }
}
