//! Packets that lie somewhere until they are looked at: in a queue, in a tape's
//! inbox, behind a hang-up that may be refused. One shape for all of them, a note
//! beside the bytes, so that what was read of a packet is not read again.

use crate::id::Channel;
use crate::rtp::packet::RtpPacket;
use crate::rtp::standing::Standing;
use crate::time::Timestamp;

/// Looked at even before the next step from here on; two parties of 64 kbit/s make 4 KiB a step.
const FULL_BYTES: usize = 64 * 1024;
/// The same for packets that are nearly empty.
const FULL_PACKETS: usize = 1024;

/// One media packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Who speaks.
    pub channel: Channel,
    /// Distance of the hop it was heard on from the agent.
    pub rank: u8,
    /// What speaks for where it comes from.
    pub standing: Standing,
    /// Tells flows apart: the same for the same pair of addresses, whatever the run.
    pub flow: u32,
    /// Capture time.
    pub at: Timestamp,
    /// The RTP packet.
    pub heard: RtpPacket<'a>,
    /// It was sealed, and what is heard is what was in it.
    pub is_opened: bool,
}

/// The note of a packet whose bytes lie elsewhere. Half a cache line: what goes
/// through the queues is mostly these.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    at: Timestamp,
    flow: u32,
    ssrc: u32,
    timestamp: u32,
    start: u32,
    seq: u16,
    len: u16,
    /// Length of the header, 32-bit words.
    header: u8,
    /// Marker and payload type, as they stand in the header.
    kind: u8,
    standing: Standing,
    /// Channel in the lowest bit, rank above it: fewer hops are followed than fit. In the highest,
    /// whether it was opened.
    place: u8,
}

const _: () = assert!(size_of::<Kept>() <= 32);

impl Kept {
    /// Puts a packet's bytes down behind `bytes`. One longer than a datagram can be is cut.
    pub fn put(packet: &Packet<'_>, bytes: &mut Vec<u8>) -> Kept {
        let Packet { channel, rank, standing, flow, at, heard, is_opened } = *packet;
        let RtpPacket { ssrc, seq, timestamp, payload_type, marker, payload, whole } = heard;
        let len = whole.len().min(usize::from(u16::MAX));
        let start = bytes.len() as u32;
        bytes.extend_from_slice(&whole[..len]);
        let header = (whole.len() - payload.len() - padding(whole)) / 4;
        let kind = payload_type | u8::from(marker) << 7;
        let (len, header) = (len as u16, header as u8);
        let place = channel as u8 | rank << 1 | u8::from(is_opened) << 7;
        Kept { at, flow, ssrc, timestamp, start, seq, len, header, kind, standing, place }
    }

    /// Capture time.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// What speaks for where it comes from.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Who speaks.
    pub fn channel(&self) -> Channel {
        if self.place & 1 == 0 { Channel::Customer } else { Channel::Agent }
    }

    fn whole<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.start as usize..self.start as usize + usize::from(self.len)]
    }

    /// The packet again, out of the bytes it was put down in.
    pub fn packet<'a>(&self, bytes: &'a [u8]) -> Packet<'a> {
        let whole = self.whole(bytes);
        let heard = RtpPacket {
            ssrc: self.ssrc,
            seq: self.seq,
            timestamp: self.timestamp,
            payload_type: self.kind & 0x7F,
            marker: self.kind & 0x80 != 0,
            payload: &whole[usize::from(self.header) * 4..whole.len() - padding(whole)],
            whole,
        };
        Packet {
            channel: self.channel(),
            rank: self.place >> 1 & 0x3F,
            standing: self.standing,
            flow: self.flow,
            at: self.at,
            heard,
            is_opened: self.place & 0x80 != 0,
        }
    }
}

/// Octets of padding (RFC 3550 §5.1); that there are as many was checked when the packet was read.
fn padding(whole: &[u8]) -> usize {
    match whole {
        [first, .., last] if first & 0x20 != 0 => usize::from(*last),
        _ => 0,
    }
}

/// Packets, in the order they came.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    notes: Vec<Kept>,
    bytes: Vec<u8>,
}

impl Inbox {
    /// Puts a packet down.
    pub fn push(&mut self, packet: &Packet<'_>) {
        self.notes.push(Kept::put(packet, &mut self.bytes));
    }

    /// Puts a packet down whose bytes lie in `bytes`.
    pub fn push_kept(&mut self, kept: &Kept, bytes: &[u8]) {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(kept.whole(bytes));
        self.notes.push(Kept { start, ..*kept });
    }

    /// Reads the last of what is there: the next packet goes beside it.
    pub fn look_at(&self) -> usize {
        let (note, byte) = (self.notes.last(), self.bytes.last());
        note.map_or(0, |n| n.start as usize) ^ byte.map_or(0, |b| usize::from(*b))
    }

    /// Time to look at what is there.
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= FULL_BYTES || self.notes.len() >= FULL_PACKETS
    }

    /// How many packets are there.
    pub fn len(&self) -> usize {
        self.notes.len()
    }

    /// What is there.
    pub fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        self.notes.iter().map(|n| n.packet(&self.bytes))
    }

    /// The same room, with nothing in it.
    pub fn emptied(mut self) -> Inbox {
        self.notes.clear();
        self.bytes.clear();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_put_down_and_fills_up() {
        let mut padded = vec![0xB1, 0x88, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4];
        padded.extend([9; 4]);
        padded.extend([0xBE, 0xDE, 0, 1, 1, 1, 1, 1, 50, 51, 52, 0, 0, 3]);
        let plain = [0x80, 8, 0, 8, 0, 0, 0, 10, 1, 2, 3, 4, 60];
        let bare = [0x80, 8, 0, 9, 0, 0, 0, 11, 1, 2, 3, 4];
        let all: Vec<_> = [&padded[..], &plain, &bare].map(|d| RtpPacket::parse(d).unwrap()).into();
        let mut inbox = Inbox::default();
        let packet = |n: u8, heard| Packet {
            channel: if n == 1 { Channel::Customer } else { Channel::Agent },
            rank: n,
            standing: if n == 2 { Standing::Nat } else { Standing::Other },
            flow: 7,
            at: Timestamp::from_ns(n.into()),
            heard,
            is_opened: n == 1,
        };
        (0..).zip(&all).for_each(|(n, heard)| inbox.push(&packet(n, *heard)));
        let got: Vec<_> = inbox.packets().map(|p| (p.rank, p.at.as_ns(), p.heard)).collect();
        assert_eq!(got, [(0, 0, all[0]), (1, 1, all[1]), (2, 2, all[2])]);
        assert_eq!(inbox.packets().map(|p| p.is_opened).collect::<Vec<_>>(), [false, true, false]);
        let places: Vec<_> = inbox.packets().map(|p| (p.channel, p.standing)).collect();
        let (agent, customer) = (Channel::Agent, Channel::Customer);
        let (nat, other) = (Standing::Nat, Standing::Other);
        assert_eq!(places, [(agent, other), (customer, other), (agent, nat)]);
        assert_eq!((got[0].2.payload, got[0].2.marker), (&[50, 51, 52][..], true));
        let mut inbox = inbox.emptied();
        assert_eq!(inbox.len(), 0);
        (0..FULL_PACKETS).for_each(|_| inbox.push(&packet(0, all[2])));
        assert!(inbox.is_full());
    }
}
