//! Flows that nobody claimed when a stream went on in them from elsewhere.

use super::runs::Run;
use std::collections::VecDeque;

/// Flows remembered; who moves is known to be there within a second.
const MAX_FLOWS: usize = 64;

/// The newest of them.
#[derive(Debug, Default)]
pub(super) struct Unowned(VecDeque<UnownedFlow>);

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
        if self.0.len() >= MAX_FLOWS {
            self.0.pop_front();
        }
        self.0.push_back(UnownedFlow { fingerprint, ssrc: run.ssrc, first: run.seq });
    }

    /// The first number that was nobody's of a source on a flow, if any was.
    #[inline]
    pub fn take(&mut self, fingerprint: u32, ssrc: u32) -> Option<u16> {
        let known = self.position(fingerprint, ssrc)?;
        self.0.remove(known).map(|u| u.first)
    }

    fn position(&self, fingerprint: u32, ssrc: u32) -> Option<usize> {
        self.0.iter().position(|u| (u.fingerprint, u.ssrc) == (fingerprint, ssrc))
    }
}
