//! A flow that is taken for a call's because of its hosts alone, until it is answered.

use crate::net::Flow;
use crate::sdp::Side;
use crate::time::Timestamp;
use std::net::SocketAddr;

/// A flow that is taken for a call's and has not been answered yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guess {
    pub flow: Flow,
    pub leg: u64,
    pub speaker: Side,
    /// Its first packet that was given.
    pub at: Timestamp,
}

/// The same ports, the other way.
pub(super) fn way_back(flow: &Flow) -> Flow {
    Flow { src: flow.dst, dst: flow.src, ..*flow }
}

impl Guess {
    /// Is it of this flow, and not of its way back?
    pub fn is_of(&self, flow: &Flow) -> bool {
        self.flow == *flow
    }

    /// Who is guessed to be at each end.
    pub fn ends(&self) -> [(Side, SocketAddr); 2] {
        [(self.speaker, self.flow.src), (self.speaker.other(), self.flow.dst)]
    }
}
