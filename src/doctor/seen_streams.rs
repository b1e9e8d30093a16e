//! RTP streams as they pass by: which packets are missing, which come twice, and whether all of them
//! miss some at the same moment.
//!
//! A network loses packets of one stream at a time, as far as nobody knows more of it. Whatever sits
//! where all streams pass, a mirror port that is offered more than it can send above all, loses of
//! all of them at once.

use crate::net::Datagram;
use crate::rtp::packet::RtpPacket;
use crate::time::{NS_PER_MS, Timestamp};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::net::SocketAddr;

/// Streams that are followed; what is beyond is passed over.
const MAX_STREAMS: usize = 8192;
/// Gaps within so long are of one moment.
const MOMENT_NS: i64 = 250 * NS_PER_MS;
/// A copy comes within so long; what comes again later is played again.
const COPY_NS: i64 = 1000 * NS_PER_MS;
/// A step of the sequence number beyond this is a new beginning (RFC 3550 A.1: MAX_DROPOUT).
const MAX_STEP: u16 = 3000;
/// What begins anew with more than one packet in so many only looks like RTP.
const RESTART_SHARE: u64 = 8;
/// With this many streams three in four of them are "all".
const MANY: u64 = 4;
/// Where there are fewer, each must miss so many packets at once.
const LONG_GAP: u64 = 3;
/// A stream with fewer packets says nothing of its speed.
const LEAST_PACKETS: u64 = 50;
/// Payload types of RFC 3551 whose clock runs at 8 kHz and that one knows without a description.
const AT_8_KHZ: [u8; 6] = [0, 3, 4, 8, 9, 18];
/// Sound in a packet of speech, at least.
const LEAST_SOUND_S: f64 = 0.01;
/// Sound that takes so much less time to come than to be spoken did not come when it was spoken.
const FASTER: f64 = 2.0;

/// Sums over all streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamFacts {
    /// Streams with packets enough to be counted.
    pub streams: u64,
    /// Packets seen, copies left out.
    pub packets: u64,
    /// Packets missing between others.
    pub lost: u64,
    /// Streams that miss any.
    pub with_loss: u64,
    /// Packets seen again.
    pub copies: u64,
    /// Moments at which all streams miss some.
    pub common_moments: u64,
    /// What they miss there.
    pub common_lost: u64,
    /// Datagrams that hold several packets.
    pub super_packets: u64,
    /// Streams whose packets came faster than their sound lasts.
    pub hurried: u64,
}

struct SeenStream {
    newest: u16,
    /// Which of the 64 packets before the newest were seen, the newest in the lowest bit.
    seen: u64,
    packets: u64,
    lost: u64,
    copies: u64,
    /// Times its numbers began anew.
    restarts: u64,
    /// First and last stamp, by the capture and of the packets.
    times: [(Timestamp, u32); 2],
    payload_type: u8,
    /// Another stream has the same packets: the other hop of a relay.
    is_twin: bool,
    /// The moment it was last seen in.
    moment: i64,
    /// And that in which it last missed some.
    missed: i64,
}

/// What is under way in one moment.
#[derive(Clone, Copy, Default)]
struct Moment {
    number: i64,
    streams: u64,
    gapped: u64,
    long_gapped: u64,
    lost: u64,
}

impl Moment {
    fn is_common(&self) -> bool {
        match self.streams {
            0 | 1 => false,
            n if n < MANY => self.long_gapped == n,
            n => self.gapped * 4 >= n * 3,
        }
    }
}

/// All streams.
#[derive(Default)]
pub struct SeenStreams {
    streams: HashMap<(SocketAddr, SocketAddr, u32), SeenStream, RandomState>,
    /// On which flow an SSRC was first seen.
    first_of: HashMap<u32, (SocketAddr, SocketAddr), RandomState>,
    moment: Moment,
    common_moments: u64,
    common_lost: u64,
    super_packets: u64,
}

impl SeenStreams {
    /// A datagram that was taken for RTP.
    pub fn note(&mut self, came: &Datagram<'_>) {
        let Ok(packet) = RtpPacket::parse(came.payload) else { return };
        let segment = packet.segment_len();
        self.super_packets += u64::from(segment.is_some());
        let held = segment.map_or(1, |len| packet.whole.len().div_ceil(len.max(1)));
        let number = came.ts.since_ns(Timestamp::EPOCH).div_euclid(MOMENT_NS);
        if number > self.moment.number {
            self.end_moment();
            self.moment.number = number;
        }
        let (src, dst) = (came.flow.src, came.flow.dst);
        let key = (src, dst, packet.ssrc);
        if !self.streams.contains_key(&key) && self.streams.len() >= MAX_STREAMS {
            return;
        }
        let is_twin = *self.first_of.entry(packet.ssrc).or_insert((src, dst)) != (src, dst);
        let stream = self.streams.entry(key).or_insert_with(|| SeenStream::new(&packet, came.ts, is_twin));
        let gap = stream.take(&packet, held as u16, came.ts);
        if stream.is_twin || number < self.moment.number {
            return;
        }
        if std::mem::replace(&mut stream.moment, number) != number {
            self.moment.streams += 1;
        }
        if gap > 0 {
            self.moment.lost += gap;
            if std::mem::replace(&mut stream.missed, number) != number {
                self.moment.gapped += 1;
                self.moment.long_gapped += u64::from(gap >= LONG_GAP);
            }
        }
    }

    fn end_moment(&mut self) {
        let moment = std::mem::take(&mut self.moment);
        if moment.is_common() {
            self.common_moments += 1;
            self.common_lost += moment.lost;
        }
    }

    /// The sums, once everything was seen.
    pub fn facts(mut self) -> StreamFacts {
        self.end_moment();
        let mut sum = StreamFacts {
            common_moments: self.common_moments,
            common_lost: self.common_lost,
            super_packets: self.super_packets,
            ..StreamFacts::default()
        };
        for stream in self.streams.values().filter(|s| s.restarts * RESTART_SHARE <= s.packets) {
            sum.copies += stream.copies;
            if stream.packets >= LEAST_PACKETS {
                sum.streams += 1;
                sum.hurried += u64::from(stream.is_hurried());
            }
            sum.packets += stream.packets;
            if !stream.is_twin {
                sum.lost += stream.lost;
                sum.with_loss += u64::from(stream.lost > 0);
            }
        }
        sum
    }
}

impl SeenStream {
    fn new(packet: &RtpPacket<'_>, ts: Timestamp, is_twin: bool) -> SeenStream {
        SeenStream {
            newest: packet.seq.wrapping_sub(1),
            seen: 0,
            packets: 0,
            lost: 0,
            copies: 0,
            restarts: 0,
            times: [(ts, packet.timestamp); 2],
            payload_type: packet.payload_type,
            is_twin,
            moment: i64::MIN,
            missed: i64::MIN,
        }
    }

    /// Takes a packet, or `held` of them in one datagram; how many are missing before it.
    fn take(&mut self, packet: &RtpPacket<'_>, held: u16, ts: Timestamp) -> u64 {
        let ahead = packet.seq.wrapping_sub(self.newest);
        if (1..=MAX_STEP).contains(&ahead) {
            let missing = u64::from(ahead - 1);
            let steps = u32::from(ahead) + u32::from(held - 1);
            self.seen = self.seen.checked_shl(steps).unwrap_or(0) | ones(held);
            self.newest = packet.seq.wrapping_add(held - 1);
            self.packets += u64::from(held);
            self.lost += missing;
            self.times[1] = (ts, packet.timestamp);
            return missing;
        }
        let back = self.newest.wrapping_sub(packet.seq);
        let is_later = ts.since_ns(self.times[1].0) > COPY_NS;
        if back < 64 && !is_later {
            let bit = 1 << back;
            if self.seen & bit != 0 {
                self.copies += 1;
            } else {
                // It was only late.
                self.seen |= bit;
                self.packets += 1;
                self.lost = self.lost.saturating_sub(1);
            }
        } else if back > MAX_STEP || is_later {
            // Begun anew.
            (self.newest, self.seen) = (packet.seq, 1);
            self.packets += 1;
            self.restarts += 1;
            self.times = [(ts, packet.timestamp); 2];
        }
        0
    }

    fn is_hurried(&self) -> bool {
        if !AT_8_KHZ.contains(&self.payload_type) {
            return false;
        }
        let [(began, first), (ended, last)] = self.times;
        let ticks = last.wrapping_sub(first);
        // Stamps that went back tell nothing.
        let sound_s = if ticks < u32::MAX / 2 { f64::from(ticks) / 8000.0 } else { 0.0 };
        let came_in_s = FASTER * ended.since_s(began);
        // One jump of the timestamps alone is none of it.
        sound_s > 1.0 && sound_s > came_in_s && self.packets as f64 * LEAST_SOUND_S > came_in_s
    }
}

/// So many bits from the lowest on.
fn ones(n: u16) -> u64 {
    1_u64.checked_shl(u32::from(n)).map_or(u64::MAX, |bit| bit - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Flow, Transport};
    use crate::wire::link::Vlan;

    fn feed(all: &mut SeenStreams, ssrc: u32, hop: u16, seq: u16, ms: i64) {
        let mut payload = vec![0x80, 8];
        payload.extend(seq.to_be_bytes());
        payload.extend((u32::from(seq) * 160).to_be_bytes());
        payload.extend(ssrc.to_be_bytes());
        payload.extend([0xD5; 160]);
        let at = |host: u8, port| SocketAddr::from(([10, 0, 0, host], port));
        let flow = Flow { src: at(1, hop), dst: at(2, ssrc as u16), vlan: Vlan::NONE };
        let (ts, transport) = (Timestamp::from_ns(ms * NS_PER_MS), Transport::Udp);
        all.note(&Datagram { ts, flow, transport, payload: &payload, truncated: false, sliced: false });
    }

    /// `streams` of ten seconds each, without the packets that `lost` says of stream and number.
    fn seen(streams: u32, lost: impl Fn(u32, u16) -> bool) -> StreamFacts {
        let mut all = SeenStreams::default();
        for seq in 0..500_u16 {
            for ssrc in (0..streams).filter(|s| !lost(*s, seq)) {
                feed(&mut all, ssrc, 4000, seq, 1000 + i64::from(seq) * 20 + i64::from(ssrc));
            }
        }
        all.facts()
    }

    #[test]
    fn what_all_streams_miss_at_once_is_told_from_what_one_misses() {
        let whole = seen(6, |_, _| false);
        assert_eq!((whole.streams, whole.packets, whole.lost, whole.common_moments), (6, 3000, 0, 0));
        let at_once = seen(6, |_, seq| (200..210).contains(&seq) || seq == 400);
        assert_eq!((at_once.lost, at_once.common_lost, at_once.common_moments), (66, 66, 2));
        let one = seen(6, |s, seq| s == 3 && (200..240).contains(&seq));
        assert_eq!((one.lost, one.with_loss, one.common_lost), (40, 1, 0));
        let by_turns = seen(6, |s, seq| u32::from(seq) % 60 == s * 10 && seq > 0 && seq < 490);
        assert!(by_turns.lost > 40 && by_turns.common_lost == 0, "{by_turns:?}");
        // Of a single call both sides must miss a piece.
        let pieces = seen(2, |_, seq| (300..310).contains(&seq));
        assert_eq!((pieces.common_lost, pieces.common_moments), (20, 1));
        assert_eq!(seen(2, |_, seq| seq % 50 == 7).common_lost, 0);
        assert_eq!(seen(1, |_, seq| (300..310).contains(&seq)).common_lost, 0);
    }

    #[test]
    fn the_other_hop_of_a_relay_is_no_second_witness() {
        let mut all = SeenStreams::default();
        for seq in (0..400_u16).filter(|seq| !(100..120).contains(seq)) {
            for hop in [4000, 4002, 4004, 4006] {
                feed(&mut all, 7, hop, seq, i64::from(seq) * 20);
            }
        }
        let facts = all.facts();
        assert_eq!((facts.lost, facts.common_moments), (20, 0));
    }

    #[test]
    fn copies_late_packets_and_new_beginnings() {
        let mut all = SeenStreams::default();
        for (i, seq) in [10, 11, 11, 14, 12, 13, 14, 15, 16, 30_000, 30_001].into_iter().enumerate() {
            feed(&mut all, 1, 4000, seq, i as i64 * 20);
        }
        let facts = all.facts();
        assert_eq!((facts.packets, facts.copies, facts.lost), (9, 2, 0));
    }

    #[test]
    fn a_file_that_is_played_again_is_no_copy() {
        let mut all = SeenStreams::default();
        for n in 0..1000_u16 {
            feed(&mut all, 1, 4000, n % 200, i64::from(n) * 20 + i64::from(n / 200) * 3000);
        }
        let facts = all.facts();
        assert_eq!((facts.packets, facts.copies, facts.lost, facts.hurried), (1000, 0, 0, 0));
    }

    #[test]
    fn what_only_looks_like_rtp_says_nothing() {
        let mut all = SeenStreams::default();
        (0..500_u16).for_each(|n| feed(&mut all, 1, 4000, n.wrapping_mul(25_717), i64::from(n)));
        assert_eq!(all.facts(), StreamFacts::default());
    }

    #[test]
    fn sound_that_came_too_fast() {
        let at = |step_us: i64| {
            let mut all = SeenStreams::default();
            (0..500_u16).for_each(|seq| feed(&mut all, 1, 4000, seq, i64::from(seq) * step_us / 1000));
            all.facts().hurried
        };
        assert_eq!((at(20_000), at(15_000), at(2_000)), (0, 0, 1));
    }

    #[test]
    fn streams_are_bounded() {
        let mut all = SeenStreams::default();
        (0..2 * MAX_STREAMS as u32).for_each(|ssrc| feed(&mut all, ssrc, 4000, 1, 0));
        assert_eq!((all.streams.len(), all.first_of.len()), (MAX_STREAMS, MAX_STREAMS));
    }
}
