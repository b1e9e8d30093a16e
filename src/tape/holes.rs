//! Packets that never came, and whether the network explains it.
//!
//! Any network loses up to 200 ms at a time. One that loses now and then anyway may lose as much as a
//! second. What is beyond was kept from the recorder.

use crate::time::{NS_PER_MS, NS_PER_S};

/// What any network loses at a time.
const USUAL_NS: i64 = 200 * NS_PER_MS;
/// What one loses at a time that loses at other times as well.
const BURST_NS: i64 = NS_PER_S;
/// So many other losses show such a network.
const LOSSY: u32 = 3;

/// The holes of one source.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Holes {
    usual: u32,
    has_burst: bool,
    has_more: bool,
}

impl Holes {
    /// So much in a row never came.
    pub fn note(&mut self, ns: i64) {
        if ns <= USUAL_NS {
            self.usual = self.usual.saturating_add(1);
        } else if ns <= BURST_NS {
            self.has_burst = true;
        } else {
            self.has_more = true;
        }
    }

    /// More never came than the network explains.
    pub fn are_unexplained(self) -> bool {
        self.has_more || (self.has_burst && self.usual < LOSSY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_explains_what_it_loses_at_other_times_too() {
        let ms = |all: &[i64]| {
            let mut h = Holes::default();
            all.iter().for_each(|ms| h.note(ms * NS_PER_MS));
            h.are_unexplained()
        };
        assert!(!ms(&[]) && !ms(&[200; 50]) && !ms(&[20, 40, 20, 240]) && !ms(&[1000, 20, 20, 20]));
        assert!(ms(&[220]) && ms(&[20, 220, 20]) && ms(&[1020, 20, 20, 20, 20]) && ms(&[3_600_000]));
    }
}
