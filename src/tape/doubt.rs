//! Packets of one source whose numbers may begin anew, until those that follow say so or do not.

use super::kept::{Inbox, Packet};
use crate::rtp::seq::seq_diff;

/// Numbers no farther apart are of one run, a few of it lost, copied or out of order.
const RUN: i32 = 16;
/// As many at once decide nothing any more.
const MAX_PACKETS: usize = 64;

/// A few packets with numbers near to one another.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    inbox: Inbox,
    newest: Option<(i64, u16)>,
    distinct: usize,
}

impl Doubt {
    /// Puts the next one down, which came `at_ns` after the answer.
    pub fn push(&mut self, packet: &Packet<'_>, at_ns: i64) {
        let is_copy = self.inbox.packets().any(|p| p.heard.seq == packet.heard.seq);
        self.distinct += usize::from(!is_copy);
        self.inbox.push(packet);
        self.newest = Some((at_ns, packet.heard.seq));
    }

    /// How many there are, copies left out.
    pub fn distinct(&self) -> usize {
        self.distinct
    }

    /// All of them came by then.
    pub fn came_by(&self, horizon_ns: i64) -> bool {
        self.newest.is_none_or(|(at_ns, _)| at_ns <= horizon_ns)
    }

    /// This number may be of the same run.
    pub fn is_near(&self, seq: u16) -> bool {
        let is_near = |(_, newest): (i64, u16)| i32::from(seq_diff(seq, newest)).abs() <= RUN;
        self.inbox.len() < MAX_PACKETS && self.newest.is_some_and(is_near)
    }

    /// They and when they came.
    pub fn packets(&self) -> impl Iterator<Item = (i64, Packet<'_>)> {
        let newest = self.inbox.packets().last().map(|p| p.at).zip(self.newest);
        self.inbox.packets().map(move |p| {
            let at_ns = newest.map_or(0, |(at, (at_ns, _))| at_ns - at.since_ns(p.at).max(0));
            (at_ns, p)
        })
    }
}
