//! IP fragments put together: RFC 791 section 3.2, RFC 8200 section 4.5, RFC 5722.
//!
//! Fragments may come in any order and twice. Where two overlap and agree the
//! first stands; where they disagree somebody is playing games (RFC 1858) and
//! the datagram is dropped. Bounded in datagrams, in bytes and in packet time.
//! Knows nothing of what the datagram carries.

use super::net_stats::NetStats;
use crate::time::{NS_PER_S, Timestamp};
use crate::wire::ip::{Fragment, IpPacket};
use foldhash::quality::RandomState;
use hashlink::LruCache;
use std::net::IpAddr;

/// How long missing pieces may take (RFC 8200 allows 60 s, Linux waits 30).
const TIMEOUT_NS: i64 = 30 * NS_PER_S;

/// A datagram that has not grown for this long gives way to another with its
/// identification: 16 bits come round again within seconds on a busy sender.
const STALE_NS: i64 = 2 * NS_PER_S;

/// Pieces of a whole datagram may still come again for this long.
const LATE_NS: i64 = NS_PER_S;

/// The largest payload a datagram can have.
const MAX_DATAGRAM: u32 = 65_535;

/// Separate runs of bytes a datagram may be in at once.
const MAX_RUNS: usize = 128;

/// Memory for each datagram on average; one may take more if others take less.
const BYTES_EACH: usize = 8 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct FragmentKey {
    src: IpAddr,
    dst: IpAddr,
    id: u32,
    /// Part of the identity in IPv4 only; 0 for IPv6.
    protocol: u8,
}

impl FragmentKey {
    fn of(packet: &IpPacket<'_>) -> FragmentKey {
        let protocol = if packet.src.is_ipv4() { packet.protocol } else { 0 };
        FragmentKey { src: packet.src, dst: packet.dst, id: packet.id, protocol }
    }
}

/// A datagram put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// What the payload is, as its first fragment says.
    pub protocol: u8,
    /// The payload.
    pub payload: Vec<u8>,
    /// Bytes at its end that were not captured; how many there were nobody knows.
    pub truncated: bool,
}

/// Datagrams waiting for their missing pieces.
pub struct Defrag {
    /// The oldest first: none is made younger by what comes of it.
    waiting: LruCache<FragmentKey, Partial, RandomState>,
    /// Datagrams that were whole a moment ago, and those that are refused.
    finished: LruCache<FragmentKey, Timestamp, RandomState>,
    bytes: usize,
    max_bytes: usize,
}

struct Partial {
    first_ts: Timestamp,
    last_ts: Timestamp,
    protocol: u8,
    /// Known once the last fragment is there.
    end: Option<u32>,
    data: Vec<u8>,
    /// What of `data` is there: sorted, disjoint, not adjacent.
    runs: Vec<(u32, u32)>,
}

/// Why a datagram can't be put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    Disagree,
    Malformed,
}

impl Defrag {
    /// Holds at most `datagrams` at once, and 8 KiB for each of them on average.
    pub fn new(datagrams: usize) -> Defrag {
        let datagrams = datagrams.max(1);
        Defrag {
            waiting: LruCache::with_hasher(datagrams, RandomState::default()),
            finished: LruCache::with_hasher(datagrams, RandomState::default()),
            bytes: 0,
            max_bytes: datagrams.saturating_mul(BYTES_EACH).max(MAX_DATAGRAM as usize),
        }
    }

    /// Holds at most so many bytes as well, but always one datagram.
    pub fn within(self, bytes: usize) -> Defrag {
        Defrag { max_bytes: self.max_bytes.min(bytes).max(MAX_DATAGRAM as usize), ..self }
    }

    /// Takes a fragment in; the datagram comes out with the piece that completes it.
    pub fn push(&mut self, ts: Timestamp, packet: &IpPacket<'_>, stats: &mut NetStats) -> Option<Whole> {
        let fragment = packet.fragment?;
        stats.fragments += 1;
        self.expire(ts, stats);
        let key = FragmentKey::of(packet);
        if let Some(done) = self.finished.peek(&key) {
            if ts.since_ns(*done).saturating_abs() <= LATE_NS {
                stats.fragments_late += 1;
                return None;
            }
            self.finished.remove(&key);
        }
        if packet.missing > 0 {
            // Its missing end leaves a hole that nothing can fill. What comes before it may
            // still tell of a call: the first piece goes on as a cut datagram.
            stats.fragments_dropped.truncated += 1;
            self.refuse(key, ts);
            let first = fragment.offset == 0;
            return first.then(|| Whole {
                protocol: packet.protocol,
                payload: packet.payload.to_vec(),
                truncated: true,
            });
        }
        self.add(key, ts, packet, fragment, stats)
    }

    /// Datagrams waiting.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Nothing is waiting.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held for them.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn add(
        &mut self,
        key: FragmentKey,
        ts: Timestamp,
        packet: &IpPacket<'_>,
        fragment: Fragment,
        stats: &mut NetStats,
    ) -> Option<Whole> {
        if !self.waiting.contains_key(&key) {
            if self.waiting.len() == self.waiting.capacity() {
                self.evict_oldest(stats);
            }
            self.waiting.insert(key, Partial::new(ts));
        }
        let partial = self.waiting.peek_mut(&key)?;
        let before = partial.data.len();
        let mut added = partial.add(packet, fragment);
        if added == Err(Refused::Disagree) && ts.since_ns(partial.last_ts) > STALE_NS {
            // Not a game but the identification come round: the old one will never be whole.
            stats.fragments_dropped.timeout += 1;
            *partial = Partial::new(ts);
            added = partial.add(packet, fragment);
        }
        partial.last_ts = ts;
        let after = partial.data.len();
        self.bytes = self.bytes + after - before;
        match added {
            Ok(false) => {
                while self.bytes > self.max_bytes && self.waiting.len() > 1 {
                    self.evict_oldest(stats);
                }
                None
            }
            Ok(true) => {
                let partial = self.waiting.remove(&key)?;
                self.bytes -= after;
                self.finished.insert(key, ts);
                stats.fragments_reassembled += 1;
                Some(Whole { protocol: partial.protocol, payload: partial.data, truncated: false })
            }
            Err(reason) => {
                match reason {
                    Refused::Disagree => stats.fragments_dropped.overlap += 1,
                    Refused::Malformed => stats.fragments_dropped.malformed += 1,
                }
                self.refuse(key, ts);
                None
            }
        }
    }

    /// Gives a datagram up and swallows what still comes of it.
    fn refuse(&mut self, key: FragmentKey, ts: Timestamp) {
        if let Some(partial) = self.waiting.remove(&key) {
            self.bytes -= partial.data.len();
        }
        self.finished.insert(key, ts);
    }

    fn evict_oldest(&mut self, stats: &mut NetStats) {
        if let Some((_, partial)) = self.waiting.remove_lru() {
            self.bytes -= partial.data.len();
            stats.fragments_dropped.evicted += 1;
        }
    }

    fn expire(&mut self, now: Timestamp, stats: &mut NetStats) {
        while let Some((_, partial)) = self.waiting.iter().next() {
            if now.since_ns(partial.first_ts) <= TIMEOUT_NS {
                return;
            }
            self.bytes -= partial.data.len();
            self.waiting.remove_lru();
            stats.fragments_dropped.timeout += 1;
        }
    }
}

impl Partial {
    fn new(ts: Timestamp) -> Partial {
        Partial { first_ts: ts, last_ts: ts, protocol: 0, end: None, data: Vec::new(), runs: Vec::new() }
    }

    /// Whether the datagram is whole now.
    fn add(&mut self, packet: &IpPacket<'_>, fragment: Fragment) -> Result<bool, Refused> {
        let (start, bytes) = (fragment.offset, packet.payload);
        let end = start.saturating_add(bytes.len() as u32);
        // All but the last are multiples of eight; an empty one has nothing to add.
        if end > MAX_DATAGRAM || bytes.is_empty() || (fragment.more && !bytes.len().is_multiple_of(8)) {
            return Err(Refused::Malformed);
        }
        let reached = self.runs.last().map_or(0, |run| run.1);
        let known_end = if fragment.more { self.end } else { Some(end) };
        if self.end.is_some() && known_end != self.end || known_end.is_some_and(|e| e < end.max(reached)) {
            return Err(Refused::Disagree);
        }
        for &(from, to) in &self.runs {
            let (from, to) = (from.max(start), to.min(end));
            if from < to {
                let ours = &self.data[from as usize..to as usize];
                if ours != &bytes[(from - start) as usize..(to - start) as usize] {
                    return Err(Refused::Disagree);
                }
            }
        }
        self.end = known_end;
        if start == 0 {
            self.protocol = packet.protocol;
        }
        if self.data.len() < end as usize {
            self.data.resize(end as usize, 0);
        }
        self.data[start as usize..end as usize].copy_from_slice(bytes);
        self.cover(start, end);
        if self.runs.len() > MAX_RUNS {
            return Err(Refused::Malformed);
        }
        Ok(self.end.is_some_and(|end| self.runs == [(0, end)]))
    }

    fn cover(&mut self, mut start: u32, mut end: u32) {
        self.runs.retain(|&(from, to)| {
            let apart = to < start || from > end;
            if !apart {
                start = start.min(from);
                end = end.max(to);
            }
            apart
        });
        let at = self.runs.partition_point(|run| run.0 < start);
        self.runs.insert(at, (start, end));
    }
}

#[cfg(test)]
mod tests;
