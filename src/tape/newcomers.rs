//! First packets of sources that little speaks for: each waits for a second one.
//!
//! RFC 3550 §A.1: a source is valid after two packets in sequence. A datagram that anybody
//! can send to an open port is thus no source, however many SSRCs such datagrams name. Where
//! one of the first two is lost the next will do.

use super::kept::{Inbox, Packet};
use crate::rtp::seq::seq_diff;
use crate::rtp::standing::source_of;
use crate::time::NS_PER_S;
use std::collections::VecDeque;

/// Newcomers at once; the oldest gives way.
const MAX_NEWCOMERS: usize = 64;
/// The second packet comes within so long.
const PROBATION_NS: i64 = 2 * NS_PER_S;
/// And with a number no farther away: some of the first may be lost or out of order.
const NEAR: i32 = 16;

/// Those that were met once.
#[derive(Debug, Default)]
pub(super) struct Newcomers(VecDeque<(u32, Inbox)>);

impl Newcomers {
    /// A packet of a source that is not known. What was kept of it, if it is the second.
    pub fn meet(&mut self, packet: &Packet<'_>) -> Option<Inbox> {
        let heard = &packet.heard;
        if heard.segment_len().is_some() {
            return Some(Inbox::default());
        }
        let first = self.take(packet);
        if first.is_some() {
            return first;
        }
        if self.0.len() >= MAX_NEWCOMERS {
            self.0.pop_front();
        }
        let mut inbox = Inbox::default();
        inbox.push(packet);
        self.0.push_back((heard.ssrc, inbox));
        None
    }

    /// It is somebody else's.
    pub fn forget(&mut self, ssrc: u32, flow: u32) {
        let is_from = |p: Packet<'_>| source_of(p.flow) == source_of(flow);
        self.0.retain(|(known, inbox)| *known != ssrc || !inbox.packets().any(is_from));
    }

    /// What was kept of the source of a packet, if that follows.
    pub fn take(&mut self, packet: &Packet<'_>) -> Option<Inbox> {
        let heard = &packet.heard;
        let is_same = |p: Packet<'_>| (source_of(p.flow), p.rank) == (source_of(packet.flow), packet.rank);
        let known = self.0.iter().position(|(ssrc, i)| *ssrc == heard.ssrc && i.packets().any(is_same));
        let (_, first) = self.0.remove(known?)?;
        let follows = |p: Packet<'_>| {
            let step = i32::from(seq_diff(heard.seq, p.heard.seq));
            step != 0 && step.abs() <= NEAR && packet.at.since_ns(p.at) <= PROBATION_NS
        };
        let is_second = first.packets().any(follows);
        is_second.then_some(first)
    }
}
