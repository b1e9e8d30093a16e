//! What is published of the recording clients (SIPREC): the series, and the totals they are set from.

use super::families::{Families, set_all};
use super::label::{SiprecFault, SiprecMedia};
use metrics::{Counter, Gauge};

/// Totals since the start of the process, and present values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiprecTotals {
    /// Recording sessions under way.
    pub sessions: u64,
    /// Connections of clients open now.
    pub connections: u64,
    /// Sessions accepted.
    pub accepted: u64,
    /// Of those, taken over from before the recorder was started.
    pub taken_over: u64,
    /// Sessions that ended for want of any sign of life.
    pub lapsed: u64,
    /// Messages that could not be sent.
    pub unsent: u64,
    /// Requests and more that were refused, by [`SiprecFault::index`].
    pub refused: [u64; SiprecFault::COUNT],
    /// Media packets that went nowhere, by [`SiprecMedia::index`].
    pub media: [u64; SiprecMedia::COUNT],
}

/// Set from [`SiprecTotals`].
pub(super) struct SiprecMetrics {
    sessions: Gauge,
    connections: Gauge,
    accepted: Counter,
    taken_over: Counter,
    lapsed: Counter,
    unsent: Counter,
    refused: Vec<Counter>,
    media: Vec<Counter>,
}

impl SiprecMetrics {
    #[rustfmt::skip] // one metric a line reads as the table it is
    pub(super) fn new(f: &Families<'_>) -> SiprecMetrics {
        SiprecMetrics {
            sessions: f.gauge("nauhuri_siprec_sessions", "Recording sessions of SIPREC clients under way.", &[]),
            connections: f.gauge("nauhuri_siprec_connections", "Connections of SIPREC clients open now.", &[]),
            accepted: f.counter("nauhuri_siprec_accepted_total", "Recording sessions accepted.", &[]),
            taken_over: f.counter("nauhuri_siprec_taken_over_total", "Accepted recording sessions that had begun before the recorder was started.", &[]),
            lapsed: f.counter("nauhuri_siprec_lapsed_total", "Recording sessions ended because their client had stopped responding.", &[]),
            unsent: f.counter("nauhuri_siprec_unsent_total", "SIP messages to clients that could not be sent.", &[]),
            refused: f.counters("nauhuri_siprec_refused_total", "SIPREC requests and messages rejected, by reason.", "reason", SiprecFault::ALL.iter().map(|r| r.as_str())),
            media: f.counters("nauhuri_siprec_media_dropped_total", "Media packets received for a recording session and not recorded, by reason.", "reason", SiprecMedia::ALL.iter().map(|r| r.as_str())),
        }
    }

    pub(super) fn publish(&self, totals: &SiprecTotals) {
        self.sessions.set(totals.sessions as f64);
        self.connections.set(totals.connections as f64);
        self.accepted.absolute(totals.accepted);
        self.taken_over.absolute(totals.taken_over);
        self.lapsed.absolute(totals.lapsed);
        self.unsent.absolute(totals.unsent);
        set_all(&self.refused, &totals.refused);
        set_all(&self.media, &totals.media);
    }
}
