//! What the listeners of HEP counted, as metrics, and what is said of it once.

use crate::capture::hep_listener::hep_counts::{HepCounts, RefusedHep};
use crate::net::hep_reader::HepSeen;
use crate::telemetry::Metrics;
use crate::telemetry::events::Event;
use crate::telemetry::label::{DropPlace, HepFault, HepKind, Limit};
use crate::telemetry::snapshot::Snapshot;
use std::sync::Arc;

/// The counts, and what has been told of them.
pub struct HepReport {
    counts: Arc<HepCounts>,
    told: [bool; HepFault::COUNT],
}

impl HepReport {
    /// Nothing has been told yet.
    pub fn of(counts: Arc<HepCounts>) -> HepReport {
        HepReport { counts, told: [false; HepFault::COUNT] }
    }

    /// Adds the totals.
    pub fn add_to(&self, out: &mut Snapshot) {
        for seen in HepSeen::ALL {
            out.hep_packets[kind(seen).index()] = self.counts.seen(seen);
        }
        for why in RefusedHep::ALL {
            out.hep_refused[fault(why).index()] = self.counts.refused(why).0;
        }
        out.hep_connections = self.counts.connections();
        out.hep_clock_offset_ns = self.counts.offset_ns();
        out.dropped[DropPlace::Socket.index()] = self.counts.socket_drops();
        out.limits[Limit::Other.index()] += self.counts.forgotten_agents();
    }

    /// Says of each reason, when it is first there, whose packets are not taken.
    pub fn tell(&mut self, metrics: &Metrics) {
        for why in RefusedHep::ALL {
            let ((count, first), reason) = (self.counts.refused(why), fault(why));
            let told = &mut self.told[reason.index()];
            if count > 0 && !std::mem::replace(told, true) {
                let sender = first.map(|addr| addr.to_string()).unwrap_or_default();
                Event::HepRefused { reason, sender: &sender, count }.emit(metrics);
            }
        }
    }
}

fn kind(seen: HepSeen) -> HepKind {
    match seen {
        HepSeen::Sip => HepKind::Sip,
        HepSeen::Rtp => HepKind::Rtp,
        HepSeen::Rtcp => HepKind::Rtcp,
        HepSeen::Other => HepKind::Other,
        HepSeen::Empty => HepKind::Empty,
    }
}

fn fault(why: RefusedHep) -> HepFault {
    match why {
        RefusedHep::Sender => HepFault::Sender,
        RefusedHep::Password => HepFault::Password,
        RefusedHep::Malformed => HepFault::Malformed,
        RefusedHep::Compressed => HepFault::Compressed,
        RefusedHep::Connections => HepFault::Connections,
        RefusedHep::Slow => HepFault::Slow,
        RefusedHep::Tls => HepFault::Tls,
    }
}
