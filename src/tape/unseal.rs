//! SRTP of one party, opened where signalling told the keys (RFC 4568).
//!
//! Which key a stream is sealed with, and how often its numbers have wrapped round before it was
//! first heard, its packets tell: what a key opens was sealed with it. Once a stream was opened,
//! what no key opens is none of the party's. A stream that never was passes as it came: whether
//! it is in clear or sealed with a key that nobody knows is told by its look.

use super::kept::Packet;
use crate::rtp::packet::RtpPacket;
use crate::rtp::seq::seq_diff;
use crate::rtp::srtp::{SrtpKey, guess_roc};
use smallvec::SmallVec;
use std::sync::Arc;

/// Streams of one party followed.
const MAX_STREAMS: usize = 16;
/// Hops whose keys are kept apart.
const MAX_HOPS: usize = 8;
/// Keys of one hop; those told last are tried first.
const MAX_KEYS: usize = 16;
/// How often a stream may have wrapped round when it is first heard: a day of packets of 20 ms.
const MAX_WRAPS: u32 = 66;
/// Wraps tried with each packet of a stream that was not opened yet.
const WRAPS_AT_ONCE: u32 = 6;
/// After so many packets that no key opened few are tried: it costs more than all else.
const PATIENCE: u32 = 200;
/// How few.
const SELDOM: u32 = 16;

/// What came of a packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unsealed<'a> {
    /// It is not known to be sealed with a key that is known.
    AsItCame,
    /// What was in it.
    Opened(&'a [u8]),
    /// It is none of its stream's.
    Rejected,
}

/// One stream.
#[derive(Debug)]
struct SealedStream {
    rank: u8,
    ssrc: u32,
    /// What opened it last: the key, the wraps and the number of the newest packet.
    open: Option<(Arc<SrtpKey>, u32, u16)>,
    /// Wraps up to here were tried in vain.
    tried: u32,
    failures: u32,
}

/// The keys of one party, and what they open.
#[derive(Debug, Default)]
pub(super) struct Unsealer {
    hops: SmallVec<[(u8, Vec<Arc<SrtpKey>>); 1]>,
    streams: Vec<SealedStream>,
    clear: Vec<u8>,
    opened: u64,
    rejected: u64,
}

impl Unsealer {
    /// The keys told on the hop `rank`; those before them hold on for packets under way.
    pub fn set_keys(&mut self, rank: u8, keys: &[Arc<SrtpKey>]) {
        let i = match self.hops.iter().position(|(r, _)| *r == rank) {
            Some(i) => i,
            None if self.hops.len() < MAX_HOPS => {
                self.hops.push((rank, Vec::new()));
                self.hops.len() - 1
            }
            None => return,
        };
        let known = &mut self.hops[i].1;
        let new: Vec<_> = keys.iter().filter(|k| !known.contains(k)).cloned().collect();
        if new.is_empty() {
            return;
        }
        known.splice(0..0, new);
        known.truncate(MAX_KEYS);
        // What could not be opened may be now.
        for s in self.streams.iter_mut().filter(|s| s.rank == rank) {
            (s.tried, s.failures) = (0, 0);
        }
    }

    /// Packets opened and packets rejected, since this was last asked.
    pub fn take_counts(&mut self) -> (u64, u64) {
        (std::mem::take(&mut self.opened), std::mem::take(&mut self.rejected))
    }

    /// The packet that is heard: what was in it, or it as it came. `None`: it is none of its stream's.
    pub fn unsealed<'p>(&'p mut self, packet: Packet<'p>) -> Option<Packet<'p>> {
        match self.open(&packet) {
            Unsealed::AsItCame => Some(packet),
            Unsealed::Opened(clear) => {
                let heard = RtpPacket::parse(clear).ok()?;
                Some(Packet { heard, is_opened: true, ..packet })
            }
            Unsealed::Rejected => None,
        }
    }

    /// Opens a packet.
    fn open(&mut self, packet: &Packet<'_>) -> Unsealed<'_> {
        let (rank, ssrc) = (packet.rank, packet.heard.ssrc);
        let nearest = self.hops.iter().min_by_key(|(r, _)| (r.abs_diff(rank), *r));
        let Some((_, keys)) = nearest.filter(|(_, keys)| !keys.is_empty()) else { return Unsealed::AsItCame };
        let i = match self.streams.iter().position(|s| (s.rank, s.ssrc) == (rank, ssrc)) {
            Some(i) => i,
            None => {
                if self.streams.len() >= MAX_STREAMS {
                    // Rather one that was opened is kept than one that may be anything.
                    let idle = self.streams.iter().position(|s| s.open.is_none()).unwrap_or(0);
                    self.streams.remove(idle);
                }
                self.streams.push(SealedStream { rank, ssrc, open: None, tried: 0, failures: 0 });
                self.streams.len() - 1
            }
        };
        let stream = &mut self.streams[i];
        match stream.open(packet, keys, &mut self.clear) {
            true => {
                self.opened += 1;
                Unsealed::Opened(&self.clear)
            }
            false if stream.open.is_some() => {
                self.rejected += 1;
                Unsealed::Rejected
            }
            false => Unsealed::AsItCame,
        }
    }
}

impl SealedStream {
    fn open(&mut self, packet: &Packet<'_>, keys: &[Arc<SrtpKey>], clear: &mut Vec<u8>) -> bool {
        let (whole, seq) = (packet.heard.whole, packet.heard.seq);
        let mut guess = None;
        if let Some((key, roc, newest)) = &mut self.open {
            let own = guess_roc(seq, *newest, *roc);
            if key.open(whole, own, clear) {
                if seq_diff(seq, *newest) > 0 {
                    (*roc, *newest) = (own, seq);
                }
                self.failures = 0;
                return true;
            }
            guess = Some(own);
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures > PATIENCE && !self.failures.is_multiple_of(SELDOM) {
            return false;
        }
        let from = self.tried;
        self.tried = (from + WRAPS_AT_ONCE).min(MAX_WRAPS);
        let wraps = guess.into_iter().chain([0]).chain(from.max(1)..self.tried);
        let found = wraps.flat_map(|roc| keys.iter().map(move |k| (roc, k)));
        for (roc, key) in found {
            if key.open(whole, roc, clear) {
                (self.open, self.tried, self.failures) = (Some((Arc::clone(key), roc, seq)), 0, 0);
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Channel;
    use crate::rtp::srtp::{SUITES, SrtpSuite};
    use crate::rtp::standing::Standing;
    use crate::time::Timestamp;

    fn key(seed: u8) -> Arc<SrtpKey> {
        Arc::new(SrtpKey::new(SUITES[0], &[seed; 30], &[]).expect("30 octets"))
    }

    fn clear(seq: u16, ssrc: u32) -> Vec<u8> {
        let mut p = vec![0x80, 8];
        p.extend(seq.to_be_bytes());
        p.extend(u32::from(seq).to_be_bytes());
        p.extend(ssrc.to_be_bytes());
        p.extend([seq as u8; 160]);
        p
    }

    /// What came of a packet heard on the hop `rank`.
    fn heard<'u>(u: &'u mut Unsealer, rank: u8, bytes: &[u8]) -> Unsealed<'u> {
        let heard = RtpPacket::parse(bytes).expect("RTP");
        let (standing, at) = (Standing::Claimed, Timestamp::from_ns(0));
        let (channel, is_opened) = (Channel::Customer, false);
        u.open(&Packet { channel, rank, standing, flow: 1, at, heard, is_opened })
    }

    #[test]
    fn streams_are_opened_from_the_first_packet_heard_and_past_a_wrap() {
        for first in [0, 3, 40] {
            let (k, mut u) = (key(1), Unsealer::default());
            u.set_keys(0, &[key(9), Arc::clone(&k)]);
            let mut missed = 0;
            for (roc, seq) in
                (first..first + 2).flat_map(|roc| (65_530..=65_535).chain(0..5).map(move |s| (roc, s)))
            {
                let roc = if seq < 5 { roc + 1 } else { roc };
                let packet = clear(seq, 7);
                match heard(&mut u, 0, &k.seal(&packet, roc)) {
                    Unsealed::Opened(got) => assert_eq!(got, packet, "{first} {roc} {seq}"),
                    other => {
                        assert_eq!(other, Unsealed::AsItCame);
                        missed += 1;
                    }
                }
                if seq == 4 {
                    break;
                }
            }
            assert!(missed <= first / WRAPS_AT_ONCE, "{missed} packets until {first} wraps were found");
        }
    }

    #[test]
    fn what_no_key_opens_is_as_it_came_until_one_did() {
        let (k, mut u) = (key(1), Unsealer::default());
        assert_eq!(heard(&mut u, 0, &clear(1, 7)), Unsealed::AsItCame, "without keys");
        u.set_keys(0, &[Arc::clone(&k)]);
        assert_eq!(heard(&mut u, 0, &clear(2, 7)), Unsealed::AsItCame);
        let sealed = k.seal(&clear(3, 7), 0);
        assert!(matches!(heard(&mut u, 0, &sealed), Unsealed::Opened(_)));
        let mut changed = k.seal(&clear(4, 7), 0);
        changed[40] ^= 1;
        assert_eq!(heard(&mut u, 0, &changed), Unsealed::Rejected);
        assert_eq!(heard(&mut u, 0, &clear(5, 7)), Unsealed::Rejected);
        assert_eq!(heard(&mut u, 0, &clear(5, 8)), Unsealed::AsItCame, "another stream");
        assert!(matches!(heard(&mut u, 0, &k.seal(&clear(6, 7), 0)), Unsealed::Opened(_)));
        assert_eq!(u.take_counts(), (2, 2));
        for seq in 10..1000 {
            assert_eq!(heard(&mut u, 0, &clear(seq, 7)), Unsealed::Rejected);
        }
        assert!(matches!(heard(&mut u, 0, &k.seal(&clear(1001, 7), 0)), Unsealed::Opened(_)));
    }

    #[test]
    fn a_new_key_opens_the_same_stream_and_the_old_one_what_is_under_way() {
        let (old, new, mut u) = (key(1), key(2), Unsealer::default());
        u.set_keys(0, &[Arc::clone(&old)]);
        assert!(matches!(heard(&mut u, 0, &old.seal(&clear(1, 7), 0)), Unsealed::Opened(_)));
        u.set_keys(0, &[Arc::clone(&new)]);
        for (k, seq) in [(&old, 2), (&new, 3), (&old, 4), (&new, 5)] {
            assert!(matches!(heard(&mut u, 0, &k.seal(&clear(seq, 7), 0)), Unsealed::Opened(_)), "{seq}");
        }
        // Of another hop the nearest that has keys.
        assert!(matches!(heard(&mut u, 3, &new.seal(&clear(6, 9), 0)), Unsealed::Opened(_)));
    }

    #[test]
    fn a_key_told_late_opens_what_goes_on() {
        let (k, mut u) = (key(1), Unsealer::default());
        u.set_keys(0, &[key(5)]);
        for seq in 0..500 {
            assert_eq!(heard(&mut u, 0, &k.seal(&clear(seq, 7), 0)), Unsealed::AsItCame);
        }
        u.set_keys(0, &[Arc::clone(&k)]);
        assert!(matches!(heard(&mut u, 0, &k.seal(&clear(500, 7), 0)), Unsealed::Opened(_)));
    }

    #[test]
    fn streams_and_keys_are_bounded() {
        let mut u = Unsealer::default();
        let suite = SrtpSuite::named("AES_CM_128_HMAC_SHA1_32").expect("known");
        for n in 0..100_u8 {
            let k = SrtpKey::new(suite, &[n; 30], &[]).expect("30 octets");
            u.set_keys(n % 20, &[Arc::new(k)]);
            heard(&mut u, 0, &clear(1, n.into()));
        }
        assert!(u.streams.len() <= MAX_STREAMS && u.hops.len() <= MAX_HOPS);
        assert!(u.hops.iter().all(|(_, keys)| keys.len() <= MAX_KEYS));
    }
}
