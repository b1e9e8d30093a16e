//! Goertzel's recurrence: how much of one frequency is in a piece of sound.

use std::f64::consts::TAU;

/// A filter for one frequency.
#[derive(Clone, Copy, Debug)]
pub struct GoertzelFilter(f64);

impl GoertzelFilter {
    /// For `hz` in sound of `rate_hz`.
    pub fn new(hz: f64, rate_hz: u32) -> GoertzelFilter {
        GoertzelFilter(2.0 * (TAU * hz / f64::from(rate_hz)).cos())
    }

    /// Squared magnitude of the frequency in `samples`: of a sine of amplitude `a` in `n` samples it is `(a * n / 2)²`.
    pub fn power(self, samples: impl Iterator<Item = f64>) -> f64 {
        let (mut one, mut two) = (0.0, 0.0);
        for sample in samples {
            (one, two) = (sample + self.0 * one - two, one);
        }
        one * one + two * two - self.0 * one * two
    }
}
