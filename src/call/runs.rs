//! Runs: what one sender sends from one address to another without a break.
//!
//! A party keeps its SSRC and goes on counting wherever it moves (RFC 3550 §8.1
//! asks for another only on a collision, or where the transport address changes
//! without a call that tells), so that who could not have sent the packets before
//! did not send these. A copy that a relay sends on has the same numbers, but the
//! original goes on beside it. Pure: no table, no claims.

use super::flows::Tick;
use crate::sdp::Side;
use smallvec::SmallVec;

/// Where a packet stands in its sender's stream (RFC 3550 §5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamPosition {
    /// Synchronisation source.
    pub ssrc: u32,
    /// Sequence number.
    pub seq: u16,
}

impl StreamPosition {
    /// Of a datagram that holds RTP; none where it is too short.
    #[inline]
    pub fn of(datagram: &[u8]) -> Option<StreamPosition> {
        let seq = datagram.get(2..4)?.try_into().ok()?;
        let ssrc = datagram.get(8..12)?.try_into().ok()?;
        Some(StreamPosition { ssrc: u32::from_be_bytes(ssrc), seq: u16::from_be_bytes(seq) })
    }
}

/// A silence as long as this ends a run: on one pair of addresses the next call may follow.
const BREAK: u32 = Tick::of_ms(1000);
/// Numbers that may be missing where a stream goes on elsewhere; four seconds of 20 ms.
const MAX_MISSING: u16 = 200;

/// A run of packets on one flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub ssrc: u32,
    /// Number of its first and of its newest packet.
    pub first: u16,
    pub seq: u16,
    /// When it began.
    pub began: Tick,
    /// Another source was heard on the flow shortly before, and how far it came: it may go on.
    pub beside: Option<StreamPosition>,
}

impl Run {
    pub fn begin(stream: StreamPosition, now: Tick) -> Run {
        Run { ssrc: stream.ssrc, first: stream.seq, seq: stream.seq, began: now, beside: None }
    }

    /// The same on a flow on which this run was last heard then.
    pub fn begin_after(&self, heard: Tick, stream: StreamPosition, now: Tick) -> Run {
        let is_beside = now.since(heard) <= BREAK && self.ssrc != stream.ssrc;
        Run { beside: is_beside.then_some(self.newest()), ..Run::begin(stream, now) }
    }

    fn newest(&self) -> StreamPosition {
        StreamPosition { ssrc: self.ssrc, seq: self.seq }
    }

    /// The sources that may go on on its flow, and how far they have come.
    pub fn sources(&self) -> SmallVec<[StreamPosition; 2]> {
        std::iter::once(self.newest()).chain(self.beside).collect()
    }

    /// Is its newest packet one of the next after `last`?
    pub fn follows(&self, last: StreamPosition) -> bool {
        self.ssrc == last.ssrc && self.seq.wrapping_sub(last.seq) <= MAX_MISSING
    }

    /// Does a packet now, on the same flow, go on with this run, last heard then?
    #[inline]
    pub fn goes_on(&self, stream: Option<StreamPosition>, heard: Tick, now: Tick) -> bool {
        now.since(heard) <= BREAK && stream.is_none_or(|s| s.ssrc == self.ssrc)
    }

    /// Did this run break off where `later`, on another flow, begins?
    pub fn goes_on_as(&self, later: &Run, heard: Tick) -> bool {
        let missing = later.first.wrapping_sub(self.seq);
        let is_next = (1..=MAX_MISSING).contains(&missing);
        self.ssrc == later.ssrc && is_next && later.began.since(heard) <= BREAK
    }
}

/// Who may have sent a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sender {
    /// The leg, by its age: its sessions come and go.
    pub leg: u64,
    /// Legs of one contact do not compete.
    pub group: u64,
    pub side: Side,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn at(ms: i64) -> Tick {
        Tick::at(Timestamp::from_ns(1_795_421_723_000_000_000 + ms * 1_000_000))
    }

    #[test]
    fn a_stream_goes_on_elsewhere_and_a_copy_runs_beside() {
        let stream = |seq| StreamPosition { ssrc: 7, seq };
        let mut here = Run::begin(stream(65_530), at(0));
        here.seq = 65_535;
        assert!(here.goes_on_as(&Run::begin(stream(0), at(120)), at(100)), "the next number");
        assert!(!here.goes_on_as(&Run::begin(stream(65_535), at(100)), at(100)), "a copy");
        assert!(!here.goes_on_as(&Run::begin(stream(500), at(120)), at(100)), "another count");
        assert!(!here.goes_on_as(&Run::begin(stream(0), at(2000)), at(100)), "too late");
        assert!(!here.goes_on_as(&Run::begin(StreamPosition { ssrc: 8, seq: 0 }, at(120)), at(100)));
        here.seq = 1;
        assert!(!here.goes_on_as(&Run::begin(stream(0), at(120)), at(140)), "it goes on itself");
        assert!(here.goes_on(Some(stream(2)), at(140), at(160)));
        assert!(!here.goes_on(Some(stream(2)), at(140), at(1500)), "after a silence");
        assert!(!here.goes_on(Some(StreamPosition { ssrc: 8, seq: 2 }), at(140), at(160)));
    }

    #[test]
    fn numbers_are_read_where_they_stand() {
        let d = [0x80, 8, 1, 2, 0, 0, 0, 0, 3, 4, 5, 6, 7];
        assert_eq!(StreamPosition::of(&d), Some(StreamPosition { ssrc: 0x0304_0506, seq: 0x0102 }));
        assert_eq!(StreamPosition::of(&d[..11]), None);
    }
}
