//! What the thread of the recording clients counts, for whoever publishes it.

pub use super::sip_streams::StreamCounts;
use crate::siprec::ServerStats;
use std::sync::{Mutex, PoisonError};

/// Totals since the start, and a few present values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiprecReport {
    /// Sessions under way.
    pub sessions: u64,
    /// What the server counted.
    pub server: ServerStats,
    /// What became of connections.
    pub streams: StreamCounts,
    /// Messages that could not be sent.
    pub failed_sends: u64,
}

/// The latest report.
#[derive(Debug, Default)]
pub struct SiprecCounts(Mutex<SiprecReport>);

impl SiprecCounts {
    /// Takes the place of the one before.
    pub fn set(&self, report: SiprecReport) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = report;
    }

    /// The latest.
    pub fn get(&self) -> SiprecReport {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
