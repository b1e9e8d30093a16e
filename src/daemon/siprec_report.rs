//! The recording clients' listener as the recorder runs it: what it counts is published and told.

use super::context::Context;
use crate::capture::feed::{Feed, Listener};
use crate::capture::siprec_listener::SiprecListener;
use crate::capture::siprec_listener::siprec_counts::SiprecReport;
use crate::siprec::Declined;
use crate::telemetry::events::Event;
use crate::telemetry::label::{SiprecFault, SiprecMedia};
use crate::telemetry::siprec_totals::SiprecTotals;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The listener, and what was told of it.
pub struct ReportedSiprec {
    listener: SiprecListener,
    context: Arc<Context>,
    told: Mutex<[bool; SiprecFault::COUNT]>,
}

impl ReportedSiprec {
    /// Of a listener that is open.
    pub fn new(listener: SiprecListener, context: &Arc<Context>) -> ReportedSiprec {
        let told = Mutex::new([false; SiprecFault::COUNT]);
        ReportedSiprec { listener, context: Arc::clone(context), told }
    }

    fn tell(&self) {
        let report = self.listener.counts().get();
        let totals = totals(&report);
        self.context.metrics().publish_siprec(&totals);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for (fault, count) in SiprecFault::ALL.iter().zip(totals.refused) {
            if count > 0 && !std::mem::replace(&mut told[fault.index()], true) {
                let client = whose(&report, *fault).map(|ip| ip.to_string()).unwrap_or_default();
                Event::SiprecRefused { reason: *fault, client: &client, count }.emit(self.context.metrics());
            }
        }
    }
}

impl Listener for ReportedSiprec {
    fn name(&self) -> String {
        self.listener.name()
    }

    fn receive(&self, feed: &Feed, goes_on: &dyn Fn() -> bool) {
        self.listener.receive(feed, &|| {
            self.tell();
            goes_on()
        });
        self.tell();
    }
}

/// Whose the last of these was, where that is known.
fn whose(r: &SiprecReport, reason: SiprecFault) -> Option<IpAddr> {
    let of = Declined::ALL.iter().zip(r.server.refused_last);
    let mut of = of.filter(|(why, _)| fault(**why) == reason).map(|(_, ip)| ip);
    match reason {
        SiprecFault::Unreadable => r.server.unreadable_last,
        _ => of.next().flatten(),
    }
}

fn totals(r: &SiprecReport) -> SiprecTotals {
    let mut refused = [0; SiprecFault::COUNT];
    for (why, count) in Declined::ALL.iter().zip(r.server.refused) {
        refused[fault(*why).index()] = count;
    }
    for (fault, count) in [
        (SiprecFault::Unreadable, r.server.unreadable + r.streams.unreadable),
        (SiprecFault::Metadata, r.server.bad_metadata),
        (SiprecFault::Unnamed, r.server.unnamed),
        (SiprecFault::Connections, r.streams.crowded),
        (SiprecFault::Slow, r.streams.slow),
        (SiprecFault::Tls, r.streams.no_tls),
    ] {
        refused[fault.index()] = count;
    }
    let mut media = [0; SiprecMedia::COUNT];
    media[SiprecMedia::Stranger.index()] = r.server.strange_media;
    media[SiprecMedia::Idle.index()] = r.server.idle_media;
    SiprecTotals {
        sessions: r.sessions,
        connections: r.streams.open,
        accepted: r.server.accepted,
        taken_over: r.server.taken_over,
        lapsed: r.server.lapsed,
        unsent: r.failed_sends,
        refused,
        media,
    }
}

fn fault(why: Declined) -> SiprecFault {
    match why {
        Declined::Address => SiprecFault::Address,
        Declined::NotSiprec => SiprecFault::NotSiprec,
        Declined::Extension => SiprecFault::Extension,
        Declined::Malformed => SiprecFault::Malformed,
        Declined::Media => SiprecFault::Media,
        Declined::Sessions => SiprecFault::Sessions,
        Declined::Ports => SiprecFault::Ports,
        Declined::Stopping => SiprecFault::Stopping,
        Declined::Unknown => SiprecFault::UnknownSession,
        Declined::Method => SiprecFault::Method,
        Declined::Order => SiprecFault::Order,
    }
}
