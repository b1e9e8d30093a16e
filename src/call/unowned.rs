//! Flows that nobody claimed when a stream went on in them from elsewhere.

use super::runs::Run;
use std::collections::VecDeque;

/// Flows remembered; who moves is known to be there within a second.
const MAX_FLOWS: usize = 64;

/// The newest of them.
#[derive(Debug, Default)]
pub(super) struct Unowned {
    flows: VecDeque<UnownedFlow>,
    /// Flows that gave way to newer ones, see [`super::Overflow::parts`].
    pub no_room: u64,
}

#[derive(Clone, Copy, Debug)]
struct UnownedFlow {
    fingerprint: u32,
    ssrc: u32,
    /// Number of the first packet that was nobody's.
    first: u16,
}

impl Unowned {
    /// A packet of a run is nobody's.
    pub fn note(&mut self, fingerprint: u32, run: &Run) {
        if self.position(fingerprint, run.ssrc).is_some() {
            return;
        }
        if self.flows.len() >= MAX_FLOWS {
            self.flows.pop_front();
            self.no_room += 1;
        }
        self.flows.push_back(UnownedFlow { fingerprint, ssrc: run.ssrc, first: run.seq });
    }

    /// The first number that was nobody's of a source on a flow, if any was.
    #[inline]
    pub fn take(&mut self, fingerprint: u32, ssrc: u32) -> Option<u16> {
        let known = self.position(fingerprint, ssrc)?;
        self.flows.remove(known).map(|u| u.first)
    }

    fn position(&self, fingerprint: u32, ssrc: u32) -> Option<usize> {
        self.flows.iter().position(|u| (u.fingerprint, u.ssrc) == (fingerprint, ssrc))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::flows::Tick;
    use crate::call::runs::StreamPosition;

    #[test]
    fn the_oldest_gives_way_and_is_counted() {
        let run = |ssrc| Run::begin(StreamPosition { ssrc, seq: 7 }, Tick::default());
        let mut unowned = Unowned::default();
        for n in 0..MAX_FLOWS as u32 {
            unowned.note(n, &run(n));
            unowned.note(n, &run(n));
        }
        assert_eq!(unowned.no_room, 0);
        unowned.note(1000, &run(1000));
        assert_eq!((unowned.no_room, unowned.take(0, 0), unowned.take(1, 1)), (1, None, Some(7)));
    }
}
