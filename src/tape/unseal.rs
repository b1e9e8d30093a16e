//! SRTP of one party, opened where signalling told the keys (RFC 4568).
//!
//! Which key a stream is sealed with, and how often its numbers have wrapped round before it was
//! first heard, its packets tell: what a key opens was sealed with it. Once a stream was opened,
//! what no key opens is none of the party's, until a description has no keys any more; if it goes on
//! so the party has changed its key unseen, and its sound is missing. A stream that never was
//! opened passes as it came: whether it is in clear or sealed with a key that nobody knows is told
//! by its look.

use super::kept::Packet;
use super::speaker::MAX_SEGMENTS;
use crate::rtp::packet::RtpPacket;
use crate::rtp::seq::seq_diff;
use crate::rtp::srtp::{SrtpKey, guess_roc};
use crate::rtp::standing::Trust;
use crate::time::{NS_PER_S, Timestamp};
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
/// Packets a second that are tried in vain, of the party's own addresses and of others: it costs
/// more than all else.
const TRIES: u32 = 200;
/// A stream that was opened so lately is the one that is sent: what is in clear beside it is not.
const LIVELY_NS: i64 = 2 * NS_PER_S;
/// Packets of a stream that nothing opens any more, over at least this time, are missing.
const MANY_REJECTED: u32 = 10;
/// See [`MANY_REJECTED`].
const REJECTED_NS: i64 = 2 * NS_PER_S / 5;

/// What came of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unsealed {
    /// It is not known to be sealed with a key that is known.
    AsItCame,
    /// It was opened.
    Opened,
    /// It is none of its stream's.
    Rejected,
}

/// What opened a stream last.
#[derive(Debug)]
struct OpenedBy {
    key: Arc<SrtpKey>,
    /// Wraps and number of the newest packet.
    roc: u32,
    newest: u16,
    at: Timestamp,
    /// Packets from the party's own addresses since then that nothing opened.
    rejected: u32,
}

/// One stream.
#[derive(Debug)]
struct SealedStream {
    rank: u8,
    ssrc: u32,
    open: Option<OpenedBy>,
    /// Wraps up to here were tried in vain.
    tried: u32,
}

/// The keys of one hop.
#[derive(Debug)]
struct HopKeys {
    rank: u8,
    /// Those told last first.
    keys: Vec<Arc<SrtpKey>>,
    /// The last description has keys that can be used.
    are_told: bool,
}

/// How often packets may be tried in vain.
#[derive(Clone, Copy, Debug, Default)]
struct Budget {
    since: Timestamp,
    spent: u32,
}

impl Budget {
    fn allows(&mut self, now: Timestamp) -> bool {
        if !(0..NS_PER_S).contains(&now.since_ns(self.since)) {
            *self = Budget { since: now, spent: 0 };
        }
        self.spent < TRIES
    }
}

/// The keys of one party, and what they open.
#[derive(Debug, Default)]
pub(super) struct Unsealer {
    hops: SmallVec<[HopKeys; 1]>,
    streams: Vec<SealedStream>,
    /// Of the party's own addresses, of others.
    budgets: [Budget; 2],
    clear: Vec<u8>,
    opened: u64,
    rejected: u64,
    is_missing: bool,
}

impl Unsealer {
    /// The keys told on the hop `rank`, none where it is in clear or under others; those before
    /// them hold on for packets under way.
    pub fn set_keys(&mut self, rank: u8, keys: &[Arc<SrtpKey>]) {
        let i = match self.hops.iter().position(|h| h.rank == rank) {
            Some(i) => i,
            None if self.hops.len() < MAX_HOPS => {
                self.hops.push(HopKeys { rank, keys: Vec::new(), are_told: false });
                self.hops.len() - 1
            }
            None => return,
        };
        let hop = &mut self.hops[i];
        hop.are_told = !keys.is_empty();
        let new: Vec<_> = keys.iter().filter(|k| !hop.keys.contains(k)).cloned().collect();
        if !new.is_empty() {
            hop.keys.splice(0..0, new);
            hop.keys.truncate(MAX_KEYS);
            // What could not be opened may be now.
            self.streams.iter_mut().filter(|s| s.rank == rank).for_each(|s| s.tried = 0);
            self.budgets = Default::default();
        }
    }

    /// Packets opened and packets rejected, since this was last asked.
    pub fn take_counts(&mut self) -> (u64, u64) {
        (std::mem::take(&mut self.opened), std::mem::take(&mut self.rejected))
    }

    /// What the party sent could not be opened any more.
    pub fn is_missing(&self) -> bool {
        self.is_missing
    }

    /// Gives what is heard: what was in the packet, or it as it came; nothing where it is none of its
    /// stream's. What an offload joined is several packets, each sealed for itself.
    pub fn unseal(&mut self, packet: Packet<'_>, mut heard: impl FnMut(&Packet<'_>)) {
        let first = self.open(&packet);
        if first != Unsealed::Opened
            && let Some(len) = packet.heard.segment_len()
        {
            for one in packet.heard.segments(len).take(MAX_SEGMENTS) {
                let one = Packet { heard: one, ..packet };
                let verdict = self.open(&one);
                self.give(verdict, &one, &mut heard);
            }
            return;
        }
        self.give(first, &packet, &mut heard);
    }

    fn give(&mut self, verdict: Unsealed, packet: &Packet<'_>, heard: &mut impl FnMut(&Packet<'_>)) {
        match verdict {
            Unsealed::AsItCame => heard(packet),
            Unsealed::Rejected => self.rejected += 1,
            Unsealed::Opened => {
                self.opened += 1;
                if let Ok(clear) = RtpPacket::parse(&self.clear) {
                    heard(&Packet { heard: clear, is_opened: true, ..*packet });
                }
            }
        }
    }

    /// Opens a packet; what was in it is in `clear`.
    fn open(&mut self, packet: &Packet<'_>) -> Unsealed {
        let (rank, ssrc) = (packet.rank, packet.heard.ssrc);
        let nearest = self.hops.iter().min_by_key(|h| (h.rank.abs_diff(rank), h.rank));
        let Some(hop) = nearest.filter(|h| !h.keys.is_empty()) else { return Unsealed::AsItCame };
        let i = match self.streams.iter().position(|s| (s.rank, s.ssrc) == (rank, ssrc)) {
            Some(i) => i,
            None => {
                if self.streams.len() >= MAX_STREAMS {
                    // Rather one that was opened is kept than one that may be anything.
                    let idle = self.streams.iter().position(|s| s.open.is_none()).unwrap_or(0);
                    self.streams.remove(idle);
                }
                self.streams.push(SealedStream { rank, ssrc, open: None, tried: 0 });
                self.streams.len() - 1
            }
        };
        let is_own = packet.standing.trust() == Trust::Named;
        let budget = &mut self.budgets[usize::from(!is_own)];
        let stream = &mut self.streams[i];
        if stream.opens(packet, &mut self.clear)
            || stream.is_found(packet, &hop.keys, budget, &mut self.clear)
        {
            return Unsealed::Opened;
        }
        if !hop.are_told {
            return Unsealed::AsItCame;
        }
        if let Some(open) = &mut stream.open {
            open.rejected += u32::from(is_own);
            let since_ns = packet.at.since_ns(open.at);
            self.is_missing |= open.rejected >= MANY_REJECTED && since_ns >= REJECTED_NS;
            return Unsealed::Rejected;
        }
        let is_lively = |s: &SealedStream| {
            let lately = |o: &OpenedBy| (0..LIVELY_NS).contains(&packet.at.since_ns(o.at));
            s.rank == rank && s.open.as_ref().is_some_and(lately)
        };
        if self.streams.iter().any(is_lively) { Unsealed::Rejected } else { Unsealed::AsItCame }
    }
}

impl SealedStream {
    /// It goes on under the key that opened it last.
    fn opens(&mut self, packet: &Packet<'_>, clear: &mut Vec<u8>) -> bool {
        let Some(open) = &mut self.open else { return false };
        let seq = packet.heard.seq;
        let roc = guess_roc(seq, open.newest, open.roc);
        if !open.key.open(packet.heard.whole, roc, clear) {
            return false;
        }
        if seq_diff(seq, open.newest) > 0 {
            (open.roc, open.newest) = (roc, seq);
        }
        (open.at, open.rejected) = (packet.at, 0);
        true
    }

    /// One of these keys opens it, after so many wraps as it has, or as nobody has seen.
    fn is_found(
        &mut self,
        packet: &Packet<'_>,
        keys: &[Arc<SrtpKey>],
        budget: &mut Budget,
        clear: &mut Vec<u8>,
    ) -> bool {
        if !budget.allows(packet.at) {
            return false;
        }
        let (whole, seq) = (packet.heard.whole, packet.heard.seq);
        let guess = self.open.as_ref().map(|o| guess_roc(seq, o.newest, o.roc));
        let from = self.tried;
        self.tried = (from + WRAPS_AT_ONCE).min(MAX_WRAPS);
        let wraps = guess.into_iter().chain([0]).chain(from.max(1)..self.tried);
        for (roc, key) in wraps.flat_map(|roc| keys.iter().map(move |k| (roc, k))) {
            if key.open(whole, roc, clear) {
                let key = Arc::clone(key);
                self.open = Some(OpenedBy { key, roc, newest: seq, at: packet.at, rejected: 0 });
                self.tried = 0;
                return true;
            }
        }
        budget.spent += 1;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Channel;
    use crate::rtp::srtp::{SUITES, SrtpSuite};
    use crate::rtp::standing::Standing;

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

    /// What came of a packet heard on the hop `rank`, at this time.
    fn heard_at(u: &mut Unsealer, rank: u8, bytes: &[u8], ms: i64) -> CameOut {
        let heard = RtpPacket::parse(bytes).expect("RTP");
        let (standing, at) = (Standing::Claimed, Timestamp::from_ns(ms * 1_000_000));
        let (channel, is_opened) = (Channel::Customer, false);
        let mut out = CameOut::Rejected;
        u.unseal(Packet { channel, rank, standing, flow: 1, at, heard, is_opened }, |p| {
            out = if p.is_opened { CameOut::Opened(p.heard.whole.to_vec()) } else { CameOut::AsItCame };
        });
        out
    }

    /// The same, 20 ms after one another.
    fn heard(u: &mut Unsealer, rank: u8, bytes: &[u8]) -> CameOut {
        let seq = u16::from_be_bytes([bytes[2], bytes[3]]);
        heard_at(u, rank, bytes, i64::from(seq) * 20)
    }

    #[derive(Debug, PartialEq, Eq)]
    enum CameOut {
        AsItCame,
        Opened(Vec<u8>),
        Rejected,
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
                    CameOut::Opened(got) => assert_eq!(got, packet, "{first} {roc} {seq}"),
                    other => {
                        assert_eq!(other, CameOut::AsItCame);
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
        assert_eq!(heard(&mut u, 0, &clear(1, 7)), CameOut::AsItCame, "without keys");
        u.set_keys(0, &[Arc::clone(&k)]);
        assert_eq!(heard(&mut u, 0, &clear(2, 7)), CameOut::AsItCame);
        let sealed = k.seal(&clear(3, 7), 0);
        assert!(matches!(heard(&mut u, 0, &sealed), CameOut::Opened(_)));
        let mut changed = k.seal(&clear(4, 7), 0);
        changed[40] ^= 1;
        assert_eq!(heard(&mut u, 0, &changed), CameOut::Rejected);
        assert_eq!(heard(&mut u, 0, &clear(5, 7)), CameOut::Rejected);
        assert_eq!(heard(&mut u, 0, &clear(5, 8)), CameOut::Rejected, "another stream beside it");
        assert_eq!(heard_at(&mut u, 0, &clear(5, 8), 5000), CameOut::AsItCame, "and after it");
        assert!(matches!(heard(&mut u, 0, &k.seal(&clear(6, 7), 0)), CameOut::Opened(_)));
        assert_eq!(u.take_counts(), (2, 3));
        for seq in 10..1000 {
            assert_eq!(heard(&mut u, 0, &clear(seq, 7)), CameOut::Rejected);
        }
        assert!(matches!(heard(&mut u, 0, &k.seal(&clear(1001, 7), 0)), CameOut::Opened(_)));
    }

    #[test]
    fn a_new_key_opens_the_same_stream_and_the_old_one_what_is_under_way() {
        let (old, new, mut u) = (key(1), key(2), Unsealer::default());
        u.set_keys(0, &[Arc::clone(&old)]);
        assert!(matches!(heard(&mut u, 0, &old.seal(&clear(1, 7), 0)), CameOut::Opened(_)));
        u.set_keys(0, &[Arc::clone(&new)]);
        for (k, seq) in [(&old, 2), (&new, 3), (&old, 4), (&new, 5)] {
            assert!(matches!(heard(&mut u, 0, &k.seal(&clear(seq, 7), 0)), CameOut::Opened(_)), "{seq}");
        }
        // Of another hop the nearest that has keys.
        assert!(matches!(heard(&mut u, 3, &new.seal(&clear(6, 9), 0)), CameOut::Opened(_)));
    }

    #[test]
    fn a_key_told_late_opens_what_goes_on() {
        let (k, mut u) = (key(1), Unsealer::default());
        u.set_keys(0, &[key(5)]);
        for seq in 0..500 {
            assert_eq!(heard(&mut u, 0, &k.seal(&clear(seq, 7), 0)), CameOut::AsItCame);
        }
        u.set_keys(0, &[Arc::clone(&k)]);
        assert!(matches!(heard(&mut u, 0, &k.seal(&clear(500, 7), 0)), CameOut::Opened(_)));
    }

    #[test]
    fn strangers_cannot_make_it_work_for_nothing() {
        let (k, mut u) = (key(1), Unsealer::default());
        u.set_keys(0, &[key(8), Arc::clone(&k)]);
        for ssrc in 100..5000 {
            heard_at(&mut u, 0, &clear(1, ssrc), 5);
        }
        assert_eq!(u.budgets[0].spent, TRIES, "as many in a second, whatever their SSRC");
        assert_eq!(heard_at(&mut u, 0, &k.seal(&clear(1, 7), 0), 900), CameOut::AsItCame);
        assert!(matches!(heard_at(&mut u, 0, &k.seal(&clear(2, 7), 0), 1100), CameOut::Opened(_)));
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
        assert!(u.hops.iter().all(|h| h.keys.len() <= MAX_KEYS));
    }
}
