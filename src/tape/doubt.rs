//! Packets of one source whose numbers may begin anew, until those that follow say so or do not.

use super::kept::{Inbox, Packet};

/// A few packets with consecutive numbers.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    inbox: Inbox,
    newest: Option<(i64, u16)>,
}

impl Doubt {
    /// Puts the next one down, which came `at_ns` after the answer.
    pub fn push(&mut self, packet: &Packet<'_>, at_ns: i64) {
        self.inbox.push(packet);
        self.newest = Some((at_ns, packet.heard.seq));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.inbox.len()
    }

    /// All of them came by then.
    pub fn came_by(&self, horizon_ns: i64) -> bool {
        self.newest.is_none_or(|(at_ns, _)| at_ns <= horizon_ns)
    }

    /// This number is the next after theirs.
    pub fn leads_to(&self, seq: u16) -> bool {
        self.newest.is_some_and(|(_, newest)| newest.wrapping_add(1) == seq)
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
