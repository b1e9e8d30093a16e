//! From a packet to the feed: who may send, what it held, and how late it is by the agent's clock.

use super::hep_counts::{HepCounts, RefusedHep};
use crate::capture::feed::Feed;
use crate::capture::wall_clock;
use crate::config::Networks;
use crate::net::OwnedDatagram;
use crate::net::hep_reader::HepReader;
use crate::time::{NS_PER_S, Timestamp};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// Longest wait for a packet; whoever watches the thread wants to hear of it.
pub(super) const WAIT: Duration = Duration::from_millis(200);
/// Who is let in.
pub(super) struct EntryRules {
    pub from: Networks,
    pub password: Option<Zeroizing<Vec<u8>>>,
    pub counts: Arc<HepCounts>,
}

/// What one thread knows while it receives.
pub(super) struct Reception<'a> {
    reader: HepReader,
    pub rules: &'a EntryRules,
    feed: &'a Feed,
    /// Which listener it is.
    number: usize,
    /// When the agents' clocks were looked at.
    looked: Timestamp,
}

impl<'a> Reception<'a> {
    pub fn new(rules: &'a EntryRules, feed: &'a Feed, number: usize) -> Reception<'a> {
        Reception { reader: HepReader::default(), rules, feed, number, looked: Timestamp::EPOCH }
    }

    pub fn is_allowed(&self, peer: IpAddr) -> bool {
        let is_allowed = self.rules.from.contains(peer);
        if !is_allowed {
            self.refuse(RefusedHep::Sender, peer);
        }
        is_allowed
    }

    pub fn refuse(&self, why: RefusedHep, peer: IpAddr) {
        self.rules.counts.refuse(why, peer);
    }

    /// One packet; why not where it is not taken.
    pub fn take(&mut self, packet: &[u8], peer: IpAddr) -> Option<RefusedHep> {
        let (now, password) = (wall_clock(), self.rules.password.as_ref().map(|p| &p[..]));
        let feed = self.feed;
        let mut offer = |d: crate::net::Datagram<'_>| {
            // The feed counts what it has no room for.
            feed.offer(OwnedDatagram::of(&d));
        };
        let read = self.reader.read(packet, (peer, now), password, &mut offer);
        if now.since_ns(self.looked).saturating_abs() > NS_PER_S {
            self.looked = now;
            self.rules.counts.note_clocks(self.number, self.reader.clocks());
        }
        match read {
            Ok(seen) => {
                self.rules.counts.note(seen);
                None
            }
            Err(why) => {
                self.refuse(why.into(), peer);
                Some(why.into())
            }
        }
    }
}
