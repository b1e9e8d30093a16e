//! SIP over SCTP (RFC 4168) as a bystander reads it: DATA chunks, and messages in several of them.
//!
//! ```text
//! | source port | destination port | verification tag (32) | checksum (32) | chunks ... |
//! | type 0 | . . . . U B E | length (16) | TSN (32) | stream | sequence in it | protocol (32) | data |
//! ```
//!
//! The pieces of a message have transmission sequence numbers (TSN) one after the other (RFC 9260 §6.9),
//! whatever comes between them. A direction of an association is known by its verification tag, since a
//! host may have several addresses. Pieces are kept until the rest is there, within bounds.

use crate::time::{NS_PER_S, Timestamp};
use foldhash::quality::RandomState;
use hashlink::LruCache;
use std::collections::BTreeMap;

const COMMON_HEADER: usize = 12;
const DATA: u8 = 0;
const DATA_HEADER: usize = 16;
const BEGINS: u8 = 2;
const ENDS: u8 = 1;
/// Chunks of one packet that are looked at.
const MAX_CHUNKS: usize = 64;
/// Associations of which pieces are kept at a time, each direction by itself.
const MAX_DIRECTIONS: usize = 1024;
/// Pieces kept of each; the oldest go first.
const MAX_PIECES: usize = 64;
/// Pieces wait so long for the rest: SCTP sends again within seconds.
const PATIENCE_NS: i64 = 5 * NS_PER_S;

/// The ports of a packet, source first.
pub fn ports(packet: &[u8]) -> Option<[u16; 2]> {
    let &[a, b, c, d, ..] = packet else { return None };
    Some([u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])])
}

/// Which direction of which association.
type SctpDirection = ([u16; 2], u32);

/// The pieces that wait for others.
pub struct SctpMessages {
    directions: LruCache<SctpDirection, Pieces, RandomState>,
    /// The longest message put together.
    limit: usize,
    held: usize,
    max_held: usize,
    given_up: u64,
}

#[derive(Default)]
struct Pieces {
    by_tsn: BTreeMap<u32, SctpPiece>,
}

struct SctpPiece {
    at: Timestamp,
    flags: u8,
    data: Vec<u8>,
}

impl SctpMessages {
    /// Messages of at most `limit` bytes; `max_held` bytes of pieces for all.
    pub fn new(limit: usize, max_held: usize) -> SctpMessages {
        let directions = LruCache::with_hasher(MAX_DIRECTIONS, RandomState::default());
        SctpMessages { directions, limit, held: 0, max_held, given_up: 0 }
    }

    /// Takes a packet of these `ports`, hands out every message that is whole with it.
    pub fn push(&mut self, ts: Timestamp, ports: [u16; 2], packet: &[u8], mut message: impl FnMut(&[u8])) {
        let Some(tag) = be32(packet, 4) else { return };
        let mut rest = packet.get(COMMON_HEADER..).unwrap_or_default();
        for _ in 0..MAX_CHUNKS {
            let &[kind, flags, a, b, ..] = rest else { return };
            let len = usize::from(u16::from_be_bytes([a, b]));
            // Cut, or a length that says nothing.
            let Some(chunk) = rest.get(..len).filter(|c| c.len() >= 4) else { return };
            if kind == DATA
                && let (Some(tsn), Some(data)) = (be32(chunk, 4), chunk.get(DATA_HEADER..))
            {
                match flags & (BEGINS | ENDS) {
                    0b11 => message(data),
                    flags => {
                        let piece = SctpPiece { at: ts, flags, data: data.to_vec() };
                        if let Some(whole) = self.piece((ports, tag), tsn, piece) {
                            message(&whole);
                        }
                    }
                }
            }
            // Chunks begin at words.
            rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        }
    }

    /// Bytes of pieces that are kept.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Pieces whose others did not come, or for which there was no room.
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Keeps a piece; the message that it completes, if it does.
    fn piece(&mut self, direction: SctpDirection, tsn: u32, piece: SctpPiece) -> Option<Vec<u8>> {
        if piece.data.len() > self.limit {
            self.given_up += 1;
            return None;
        }
        if !self.directions.contains_key(&direction) {
            if self.directions.len() == MAX_DIRECTIONS {
                self.evict_oldest();
            }
            self.directions.insert(direction, Pieces::default());
        }
        let now = piece.at;
        let pieces = self.directions.get_mut(&direction)?;
        let before = pieces.bytes();
        let given_up = pieces.keep(tsn, piece, now);
        let whole = pieces.take_whole(tsn, self.limit);
        self.given_up += given_up;
        self.held = self.held + pieces.bytes() - before;
        if pieces.by_tsn.is_empty() {
            self.directions.remove(&direction);
        }
        while self.held > self.max_held {
            self.evict_oldest();
        }
        whole
    }

    fn evict_oldest(&mut self) {
        let Some((_, pieces)) = self.directions.remove_lru() else { return };
        self.held -= pieces.bytes();
        self.given_up += pieces.by_tsn.len() as u64;
    }
}

impl Pieces {
    fn bytes(&self) -> usize {
        self.by_tsn.values().map(|p| p.data.len()).sum()
    }

    /// How many were given up for it.
    fn keep(&mut self, tsn: u32, piece: SctpPiece, now: Timestamp) -> u64 {
        let before = self.by_tsn.len();
        self.by_tsn.retain(|_, p| now.since_ns(p.at).saturating_abs() <= PATIENCE_NS);
        // The first copy stands.
        self.by_tsn.entry(tsn).or_insert(piece);
        if self.by_tsn.len() > MAX_PIECES {
            let oldest = self.by_tsn.iter().min_by_key(|(_, p)| p.at).map(|(tsn, _)| *tsn);
            oldest.map(|tsn| self.by_tsn.remove(&tsn));
        }
        (before + 1).saturating_sub(self.by_tsn.len()) as u64
    }

    /// The message in which `tsn` is, if all of it is here.
    fn take_whole(&mut self, tsn: u32, limit: usize) -> Option<Vec<u8>> {
        let has = |pieces: &Pieces, tsn: u32, flag: u8| pieces.by_tsn.get(&tsn).map(|p| p.flags & flag != 0);
        let (mut first, mut last) = (tsn, tsn);
        while !has(self, first, BEGINS)? {
            first = first.wrapping_sub(1);
        }
        while !has(self, last, ENDS)? {
            last = last.wrapping_add(1);
        }
        let mut whole = Vec::new();
        let mut at = first;
        loop {
            whole.extend(self.by_tsn.remove(&at)?.data);
            if at == last {
                return (whole.len() <= limit).then_some(whole);
            }
            at = at.wrapping_add(1);
        }
    }
}

fn be32(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PORTS: [u16; 2] = [40_000, 5060];

    fn chunk(tsn: u32, flags: u8, data: &[u8]) -> Vec<u8> {
        let len = (data.len() as u16 + 16).to_be_bytes();
        let mut c = [&[0, flags][..], &len, &tsn.to_be_bytes(), &[0, 1, 0, 7, 0, 0, 0, 0], data].concat();
        c.resize(c.len().next_multiple_of(4), 0);
        c
    }

    fn packet(tag: u32, chunks: &[Vec<u8>]) -> Vec<u8> {
        [&[0x9c, 0x40, 0x13, 0xc4][..], &tag.to_be_bytes(), &[0; 4], &chunks.concat()].concat()
    }

    fn push(sctp: &mut SctpMessages, ms: i64, packet: &[u8]) -> Vec<String> {
        let mut out = Vec::new();
        sctp.push(Timestamp::from_ns(ms * 1_000_000), ports(packet).unwrap(), packet, |m| {
            out.push(String::from_utf8_lossy(m).into_owned());
        });
        out
    }

    fn messages() -> SctpMessages {
        SctpMessages::new(1000, 4000)
    }

    #[test]
    fn whole_messages_and_other_chunks_in_one_packet() {
        let sack = vec![3, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0];
        let p = packet(7, &[sack, chunk(1, 3, b"one"), chunk(2, 7, b"unordered")]);
        assert_eq!(ports(&p), Some(PORTS));
        assert_eq!(push(&mut messages(), 0, &p), ["one", "unordered"]);
        for len in 0..p.len() {
            push(&mut messages(), 0, &[&p[..len], &[0; 4]].concat());
        }
    }

    #[test]
    fn pieces_are_told_apart_by_association_and_given_up_in_time() {
        let mut sctp = messages();
        assert!(push(&mut sctp, 0, &packet(7, &[chunk(u32::MAX, 2, b"be")])).is_empty());
        assert!(push(&mut sctp, 0, &packet(8, &[chunk(0, 1, b"other")])).is_empty());
        assert_eq!(push(&mut sctp, 1, &packet(7, &[chunk(0, 1, b"gin")])), ["begin"], "numbers wrap");
        assert!(push(&mut sctp, 2, &packet(8, &[chunk(1, 2, b"new")])).is_empty());
        assert!(push(&mut sctp, 6000, &packet(8, &[chunk(2, 0, b" and late")])).is_empty());
        assert!(push(&mut sctp, 6001, &packet(8, &[chunk(3, 1, b"")])).is_empty(), "its start is gone");
        // Shown as nauhuri_packets_dropped_total{where="sctp"}.
        assert_eq!(sctp.given_up(), 2);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut sctp = messages();
        for n in 0..100_000u32 {
            push(&mut sctp, i64::from(n) / 1000, &packet(n / 3, &[chunk(n * 2, 2, &[7; 90])]));
            assert!(sctp.held() <= 4000 && sctp.directions.len() <= MAX_DIRECTIONS);
        }
        assert!(sctp.given_up() > 90_000);
        let mut long = messages();
        for n in 0..20 {
            let flags = if n == 0 { 2 } else { u8::from(n == 19) };
            assert!(push(&mut long, 0, &packet(1, &[chunk(n, flags, &[b'x'; 100])])).is_empty(), "too long");
        }
    }

    proptest! {
        #[test]
        fn any_order_and_any_copies_give_the_messages(
            sizes in prop::collection::vec(1usize..6, 1..6),
            order in prop::collection::vec(any::<u32>(), 30),
            start in any::<u32>(),
        ) {
            let (mut chunks, mut expected, mut tsn) = (Vec::new(), Vec::new(), start);
            for (n, size) in sizes.iter().enumerate() {
                let text: Vec<String> = (0..*size).map(|i| format!("<{n}.{i}>")).collect();
                for (i, piece) in text.iter().enumerate() {
                    let flags = if i == 0 { 2 } else { 0 } | u8::from(i + 1 == *size);
                    chunks.push(chunk(tsn, flags, piece.as_bytes()));
                    tsn = tsn.wrapping_add(1);
                }
                expected.push(text.concat());
            }
            let mut shuffled: Vec<_> = chunks.iter().zip(&order).collect();
            shuffled.sort_by_key(|(_, key)| **key);
            let (mut sctp, mut got) = (messages(), Vec::new());
            for (n, (chunk, _)) in shuffled.into_iter().enumerate() {
                got.extend(push(&mut sctp, n as i64, &packet(7, std::slice::from_ref(chunk))));
            }
            got.sort();
            prop_assert_eq!(got, expected);
            prop_assert_eq!(sctp.held(), 0);
        }
    }
}
