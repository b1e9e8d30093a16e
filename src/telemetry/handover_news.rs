//! What is told of calls that go from one recorder to the next. Nothing of it is counted: the metrics are the
//! next one's.

use tracing::{info, warn};

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub enum HandoverNews<'a> {
    /// The calls of the recorder before are known here; what begins is recorded here.
    TookOver {
        /// Recordings of it that are known.
        known: u64,
        /// How many it has.
        of: u64,
    },
    /// Another recorder records what begins; this one ends with its last recording.
    HandedOver {
        /// Those under way.
        recordings: u64,
    },
    /// Calls could not be handed over, or taken over.
    Failed {
        /// Why.
        reason: &'a str,
    },
}

impl HandoverNews<'_> {
    /// Tells it.
    pub fn tell(self) {
        match self {
            HandoverNews::TookOver { known, of } => {
                info!(known, of, "took over from the recorder before, which records what it has to its end");
            }
            HandoverNews::HandedOver { recordings } => {
                info!(recordings, "handed over: the next recorder records what begins from here on");
            }
            HandoverNews::Failed { reason } => {
                warn!(reason, "calls were not handed over from one recorder to the next");
            }
        }
    }
}
