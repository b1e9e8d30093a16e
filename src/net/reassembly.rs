//! TCP byte streams of bystanders: RFC 9293 section 3.4 as heard on the line.
//!
//! Each direction is put in order on its own. A bystander joins at any moment,
//! misses segments the receiver got, sees them late and twice, and never asks
//! for anything again: what does not come in time is given up as a gap and the
//! framer finds the next message. Bounded in connections, in bytes for each
//! and in bytes together. What a message is only the framer knows.

use super::datagram::Flow;
use super::net_stats::NetStats;
use super::stream::Half;
use crate::time::Timestamp;
use crate::wire::link::Vlan;
use crate::wire::transport::Tcp;
use foldhash::quality::RandomState;
use hashlink::LruCache;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// Bytes for all connections together, in multiples of one connection's share.
const TOTAL_SHARES: usize = 256;

/// Both ends of a connection, the lower address first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct ConnectionKey {
    low: SocketAddr,
    high: SocketAddr,
    vlan: Vlan,
}

struct Connection {
    /// What `low` sends, then what `high` sends.
    halves: [Half; 2],
    /// Bytes held by both, as last counted.
    held: usize,
    /// When the wait of each is over, as it stands in the timetable.
    waits: [Option<Timestamp>; 2],
}

impl ConnectionKey {
    /// And which of the two ends sends.
    fn of(flow: &Flow) -> (ConnectionKey, usize) {
        let Flow { src, dst, vlan } = *flow;
        if src > dst {
            (ConnectionKey { low: dst, high: src, vlan }, 1)
        } else {
            (ConnectionKey { low: src, high: dst, vlan }, 0)
        }
    }
}

/// Connections on SIP ports.
pub(crate) struct Reassembly {
    /// The one that was silent longest comes first.
    connections: LruCache<ConnectionKey, Connection, RandomState>,
    /// Which directions wait for missing bytes, and until when.
    timetable: BTreeSet<(Timestamp, ConnectionKey, usize)>,
    buffer: usize,
    max_held: usize,
    held: usize,
}

/// Where messages go: the time of the segment that completed it, from where to where, the bytes.
pub(crate) type Emit<'a> = &'a mut dyn FnMut(Timestamp, Flow, &[u8]);

impl Reassembly {
    /// Follows at most `streams` connections, each with `buffer` bytes to a direction.
    pub(crate) fn new(streams: usize, buffer: usize) -> Self {
        Reassembly {
            connections: LruCache::with_hasher(streams.max(1), RandomState::default()),
            timetable: BTreeSet::new(),
            buffer: buffer.max(4096),
            max_held: buffer.max(4096).saturating_mul(TOTAL_SHARES),
            held: 0,
        }
    }

    /// Holds at most so many bytes for all of them as well.
    pub(crate) fn within(self, bytes: usize) -> Self {
        Reassembly { max_held: self.max_held.min(bytes), ..self }
    }

    /// Takes a segment; `lost` bytes of its payload were not captured.
    pub(crate) fn push(
        &mut self,
        ts: Timestamp,
        flow: Flow,
        tcp: &Tcp<'_>,
        lost: u32,
        stats: &mut NetStats,
        emit: Emit<'_>,
    ) {
        stats.tcp_segments += 1;
        let (key, side) = ConnectionKey::of(&flow);
        if !self.connections.contains_key(&key) {
            if !tcp.syn && tcp.payload.is_empty() {
                // Nothing to remember of a connection that only closes or acknowledges.
                return;
            }
            self.open(key, stats);
        }
        let Some(connection) = self.connections.get_mut(&key) else { return };
        let mut emit = |ts, message: &[u8]| emit(ts, flow, message);
        if tcp.syn && tcp.ack.is_none() {
            // The same ports again: the other side will begin anew as well.
            if !connection.halves[side].may_begin_at(tcp.seq) {
                connection.halves[1 - side].forget();
            }
        }
        connection.halves[side].segment(ts, tcp, lost, self.buffer, stats, &mut emit);
        if let Some(ack) = tcp.ack {
            connection.halves[1 - side].acknowledged(ts, ack);
        }
        self.account(key, stats);
    }

    /// Whether the connection of this flow is one of those.
    pub(crate) fn follows(&self, flow: &Flow) -> bool {
        self.connections.contains_key(&ConnectionKey::of(flow).0)
    }

    /// When [`Reassembly::handle_timeout`] wants to be called.
    pub(crate) fn poll_timeout(&self) -> Option<Timestamp> {
        self.timetable.first().map(|(due, ..)| *due)
    }

    /// Gives up what was due by `now`.
    pub(crate) fn handle_timeout(&mut self, now: Timestamp, stats: &mut NetStats, emit: Emit<'_>) {
        while let Some(&(due, key, side)) = self.timetable.first() {
            if due > now {
                return;
            }
            self.timetable.pop_first();
            self.give_up(key, side, stats, emit);
            self.account(key, stats);
        }
    }

    /// Connections followed.
    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    /// Bytes held for all of them.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    fn open(&mut self, key: ConnectionKey, stats: &mut NetStats) {
        if self.connections.len() == self.connections.capacity() {
            self.evict_oldest(stats);
        }
        let halves = [Half::default(), Half::default()];
        self.connections.insert(key, Connection { halves, held: 0, waits: [None, None] });
    }

    fn give_up(&mut self, key: ConnectionKey, side: usize, stats: &mut NetStats, emit: Emit<'_>) {
        let Some(connection) = self.connections.peek_mut(&key) else { return };
        connection.waits[side] = None;
        let flow = if side == 0 {
            Flow { src: key.low, dst: key.high, vlan: key.vlan }
        } else {
            Flow { src: key.high, dst: key.low, vlan: key.vlan }
        };
        connection.halves[side].give_up(self.buffer, stats, &mut |ts, message| emit(ts, flow, message));
    }

    /// Brings the sum of bytes and the timetable up to date after a change.
    fn account(&mut self, key: ConnectionKey, stats: &mut NetStats) {
        let Some(connection) = self.connections.peek_mut(&key) else { return };
        let held = connection.halves.iter().map(Half::held).sum();
        self.held = self.held + held - connection.held;
        connection.held = held;
        for (side, half) in connection.halves.iter().enumerate() {
            let due = half.waits_until();
            let stands = &mut connection.waits[side];
            if *stands != due {
                if let Some(old) = *stands {
                    self.timetable.remove(&(old, key, side));
                }
                if let Some(new) = due {
                    self.timetable.insert((new, key, side));
                }
                *stands = due;
            }
        }
        while self.held > self.max_held && self.connections.len() > 1 {
            self.evict_oldest(stats);
        }
    }

    fn evict_oldest(&mut self, stats: &mut NetStats) {
        let Some((key, connection)) = self.connections.remove_lru() else { return };
        self.held -= connection.held;
        for (side, due) in connection.waits.iter().enumerate() {
            if let Some(due) = due {
                self.timetable.remove(&(*due, key, side));
            }
        }
        stats.tcp_evicted += 1;
    }
}

#[cfg(test)]
mod tests;
