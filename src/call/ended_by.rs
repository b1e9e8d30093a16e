//! What ended a recording, in the words of the sidecar and of the metrics.

use serde::{Deserialize, Serialize};
use std::fmt;

/// `ended_by`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The customer sent BYE.
    Customer,
    /// The agent sent BYE.
    Agent,
    /// The agent passed the call on.
    Transfer,
    /// No media for `sip.media_timeout`.
    Timeout,
    /// The recorder was stopped.
    Shutdown,
    /// Finished after a crash.
    Recovered,
    /// The capture file ended.
    CaptureEnd,
}

impl EndedBy {
    /// Each of them, in the order of [`EndedBy::index`].
    pub const ALL: [EndedBy; 7] = [
        EndedBy::Customer,
        EndedBy::Agent,
        EndedBy::Transfer,
        EndedBy::Timeout,
        EndedBy::Shutdown,
        EndedBy::Recovered,
        EndedBy::CaptureEnd,
    ];

    /// As it stands in the sidecar, and as the label of a metric.
    pub const fn name(self) -> &'static str {
        match self {
            EndedBy::Customer => "customer",
            EndedBy::Agent => "agent",
            EndedBy::Transfer => "transfer",
            EndedBy::Timeout => "timeout",
            EndedBy::Shutdown => "shutdown",
            EndedBy::Recovered => "recovered",
            EndedBy::CaptureEnd => "capture_end",
        }
    }

    /// Place in an array of counters.
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for EndedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
