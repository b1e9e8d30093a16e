//! TCP byte streams of bystanders: RFC 9293 section 3.4 as heard on the line.
//!
//! Each direction is put in order on its own. A bystander joins at any moment,
//! misses segments the receiver got, sees them late and twice, and never asks
//! for anything again: what does not come in time is given up as a gap and the
//! framer finds the next message. Bounded in connections, in bytes for each
//! and in bytes together. What a message is only the framer knows. Connections that speak TLS are opened where
//! their secrets are known; what of them waits for those counts like other bytes held.

use super::datagram::{Flow, FlowPath};
use super::net_stats::NetStats;
use super::stream::{EmitPiece, Half, StreamPiece, StreamRules};
use super::tls_stream::TlsStream;
use crate::time::Timestamp;
use crate::tls::{KeyLog, KeyLogStats, RsaKey, TlsSecrets, Unopened};
use crate::wire::transport::Tcp;
use foldhash::quality::RandomState;
use hashlink::LruCache;
use std::collections::BTreeSet;

/// Bytes for all connections together, in multiples of one connection's share.
const TOTAL_SHARES: usize = 256;

/// Connections in TLS that are passed over in search of one to forget.
const MAX_SPARED: usize = 256;

struct Connection {
    /// What each side of the path sends.
    halves: [Half; 2],
    /// What opens both, where they speak TLS.
    tls: Option<Box<TlsStream>>,
    /// Bytes held by both, as last counted.
    held: usize,
    /// When the wait of each is over, as it stands in the timetable.
    waits: [Option<Timestamp>; 2],
}

/// Connections on SIP ports.
pub(crate) struct Reassembly {
    /// The one that was silent longest comes first.
    connections: LruCache<FlowPath, Connection, RandomState>,
    /// Which directions wait for missing bytes, and until when.
    timetable: BTreeSet<(Timestamp, FlowPath, usize)>,
    buffer: usize,
    max_held: usize,
    held: usize,
    /// None: TLS is not opened.
    secrets: Option<Box<TlsSecrets>>,
    /// Connections that wait for secrets.
    sealed: BTreeSet<FlowPath>,
    /// Server ports of connections that could not be opened, until somebody asks.
    unopened: Vec<(Unopened, u16)>,
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
            secrets: None,
            sealed: BTreeSet::new(),
            unopened: Vec::new(),
        }
    }

    /// Holds at most so many bytes for all of them as well.
    pub(crate) fn within(self, bytes: usize) -> Self {
        Reassembly { max_held: self.max_held.min(bytes), ..self }
    }

    /// Opens TLS as far as its secrets become known.
    pub(crate) fn opening_tls(mut self, opens: bool) -> Self {
        self.secrets = opens.then(Box::default);
        self
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
        let (key, side) = FlowPath::of(&flow);
        if !self.connections.contains_key(&key) {
            if !tcp.syn && tcp.payload.is_empty() {
                // Nothing to remember of a connection that only closes or acknowledges.
                return;
            }
            self.open(key, stats);
        }
        let Some(connection) = self.connections.get_mut(&key) else { return };
        if tcp.syn && tcp.ack.is_none() && !connection.halves[side].may_begin_at(tcp.seq) {
            // The same ports again: the other side will begin anew as well.
            connection.halves[1 - side].forget();
        }
        self.drive((key, side), stats, emit, |half, rules, stats, out| {
            half.segment(ts, tcp, lost, rules, stats, out);
        });
        if let (Some(ack), Some(connection)) = (tcp.ack, self.connections.peek_mut(&key)) {
            connection.halves[1 - side].acknowledged(ts, ack);
        }
        self.account(key, stats);
    }

    /// Opens TLS as well, from here on: with the key of a server.
    pub(crate) fn add_server_key(&mut self, key: RsaKey) {
        self.secrets.get_or_insert_default().servers.add(key);
    }

    /// The same, with the next piece of a key log; what waited for it comes out.
    pub(crate) fn handle_key_log(&mut self, text: &[u8], is_end: bool, stats: &mut NetStats, emit: Emit<'_>) {
        let log = &mut self.secrets.get_or_insert_default().log;
        let is_new = log.push(text) | (is_end && log.end());
        if !is_new {
            return;
        }
        for key in std::mem::take(&mut self.sealed) {
            let (Some(secrets), Some(connection)) = (&mut self.secrets, self.connections.peek_mut(&key))
            else {
                continue;
            };
            let Some(tls) = &mut connection.tls else { continue };
            let result = tls.resume(secrets, &mut |ts, side, message| emit(ts, key.flow(side), message));
            self.settle(key, result, stats);
            self.account(key, stats);
        }
    }

    /// Nothing more comes: what was not opened is not going to be.
    pub(crate) fn give_up_sealed(&mut self, stats: &mut NetStats) {
        self.sealed.clear();
        let is_unopened = |c: &Connection| c.tls.as_ref().is_some_and(|t| t.is_unopened() || t.is_waiting());
        let unopened: Vec<_> =
            self.connections.iter().filter(|(_, c)| is_unopened(c)).map(|(k, _)| *k).collect();
        for key in unopened {
            self.settle(key, Err(Unopened::NoSecret), stats);
            self.account(key, stats);
        }
    }

    /// There is something to open TLS with.
    pub(crate) fn opens_tls(&self) -> bool {
        self.secrets.is_some()
    }

    /// The secrets that are known.
    pub(crate) fn key_log_mut(&mut self) -> Option<&mut KeyLog> {
        self.secrets.as_mut().map(|s| &mut s.log)
    }

    /// What was read of key logs.
    pub(crate) fn key_log(&self) -> KeyLogStats {
        self.secrets.as_ref().map(|s| s.log.stats()).unwrap_or_default()
    }

    /// The connection of this flow is TLS that is being opened.
    pub(crate) fn is_opening(&self, flow: &Flow) -> bool {
        self.connections.peek(&FlowPath::of(flow).0).is_some_and(|c| c.tls.is_some())
    }

    /// Connections that could not be opened, with their server's port, since this was last asked.
    pub(crate) fn take_unopened(&mut self) -> Vec<(Unopened, u16)> {
        std::mem::take(&mut self.unopened)
    }

    /// Whether the connection of this flow is one of those.
    pub(crate) fn follows(&self, flow: &Flow) -> bool {
        self.connections.contains_key(&FlowPath::of(flow).0)
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

    fn open(&mut self, key: FlowPath, stats: &mut NetStats) {
        if self.connections.len() == self.connections.capacity() {
            self.evict_oldest(stats);
        }
        let halves = [Half::default(), Half::default()];
        self.connections.insert(key, Connection { halves, tls: None, held: 0, waits: [None, None] });
    }

    fn give_up(&mut self, key: FlowPath, side: usize, stats: &mut NetStats, emit: Emit<'_>) {
        if let Some(connection) = self.connections.peek_mut(&key) {
            connection.waits[side] = None;
        }
        self.drive((key, side), stats, emit, |half, rules, stats, out| half.give_up(rules, stats, out));
    }

    /// Lets one direction do its work, and opens what comes out of it.
    fn drive(
        &mut self,
        (key, side): (FlowPath, usize),
        stats: &mut NetStats,
        emit: Emit<'_>,
        work: impl FnOnce(&mut Half, StreamRules, &mut NetStats, EmitPiece<'_>),
    ) {
        let rules = StreamRules { limit: self.buffer, opens_tls: self.secrets.is_some() };
        let Some(Connection { halves, tls, .. }) = self.connections.peek_mut(&key) else { return };
        let secrets = &mut self.secrets;
        let mut result = Ok(());
        let mut emit = |ts, side, message: &[u8]| emit(ts, key.flow(side), message);
        work(&mut halves[side], rules, stats, &mut |ts, piece| {
            let bytes = match piece {
                StreamPiece::Message(message) => return emit(ts, side, message),
                StreamPiece::Sealed(bytes) => Some(bytes),
                StreamPiece::SealedGap => None,
                StreamPiece::SealedAnew => {
                    *tls = None;
                    return;
                }
            };
            if let (Some(secrets), Ok(())) = (&mut *secrets, result) {
                let tls = tls.get_or_insert_with(|| Box::new(TlsStream::new(rules.limit)));
                result = tls.push(secrets, (ts, side), bytes, &mut emit);
            }
        });
        self.settle(key, result, stats);
    }

    /// What has become of a connection that speaks TLS.
    fn settle(&mut self, key: FlowPath, result: Result<(), Unopened>, stats: &mut NetStats) {
        let Some(connection) = self.connections.peek_mut(&key) else { return };
        let Some(tls) = &mut connection.tls else { return };
        stats.tcp_messages += tls.take_messages();
        stats.tls_opened += u64::from(tls.has_opened());
        if tls.is_waiting() {
            self.sealed.insert(key);
        } else {
            self.sealed.remove(&key);
        }
        if let Err(why) = result {
            self.sealed.remove(&key);
            stats.tls_unopened[why as usize] += 1;
            self.unopened.push((why, key.flow(tls.server()).src.port()));
            connection.tls = None;
            connection.halves.iter_mut().for_each(Half::ignore);
        }
    }

    /// Brings the sum of bytes and the timetable up to date after a change.
    fn account(&mut self, key: FlowPath, stats: &mut NetStats) {
        let Some(connection) = self.connections.peek_mut(&key) else { return };
        let in_tls = connection.tls.as_ref().map_or(0, |t| t.held());
        let held = in_tls + connection.halves.iter().map(Half::held).sum::<usize>();
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

    /// The one that was silent longest; of those that are being read in TLS, which cannot be joined again, one
    /// only if there are no others to speak of.
    fn remove_oldest(&mut self) -> Option<(FlowPath, Connection)> {
        for _ in 0..MAX_SPARED {
            let (key, connection) = self.connections.remove_lru()?;
            if connection.tls.as_ref().is_none_or(|t| !t.is_open()) {
                return Some((key, connection));
            }
            self.connections.insert(key, connection);
        }
        self.connections.remove_lru()
    }

    fn evict_oldest(&mut self, stats: &mut NetStats) {
        let Some((key, connection)) = self.remove_oldest() else { return };
        if let Some(tls) = connection.tls.as_ref().filter(|t| t.is_unopened()) {
            stats.tls_unopened[Unopened::NoSecret as usize] += 1;
            self.unopened.push((Unopened::NoSecret, key.flow(tls.server()).src.port()));
        }
        self.held -= connection.held;
        self.sealed.remove(&key);
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
