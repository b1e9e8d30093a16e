//! Packets of one tape as they came, until its next step looks at them.

use super::Packet;
use crate::id::Channel;
use crate::time::Timestamp;

/// Looked at even before the next step from here on; two parties of 64 kbit/s make 4 KiB a step.
const FULL_BYTES: usize = 64 * 1024;
/// The same for packets that are nearly empty.
const FULL_PACKETS: usize = 1024;

#[derive(Clone, Copy, Debug)]
struct Note {
    at: Timestamp,
    flow: u32,
    start: u32,
    len: u16,
    channel: Channel,
    rank: u8,
}

/// Packets, in the order they came.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    notes: Vec<Note>,
    bytes: Vec<u8>,
}

impl Inbox {
    /// Puts a packet down. One longer than a datagram can be is cut.
    pub fn push(&mut self, packet: &Packet<'_>) {
        let len = packet.rtp.len().min(usize::from(u16::MAX));
        let Packet { channel, rank, flow, at, .. } = *packet;
        self.notes.push(Note { at, flow, start: self.bytes.len() as u32, len: len as u16, channel, rank });
        self.bytes.extend_from_slice(&packet.rtp[..len]);
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

    /// Nothing is there.
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// What is there.
    pub fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        self.notes.iter().map(|n| Packet {
            channel: n.channel,
            rank: n.rank,
            flow: n.flow,
            at: n.at,
            rtp: &self.bytes[n.start as usize..n.start as usize + usize::from(n.len)],
        })
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
        let mut inbox = Inbox::default();
        let packet = |n: u8, rtp| Packet {
            channel: Channel::Agent,
            rank: n,
            flow: 7,
            at: Timestamp::from_ns(n.into()),
            rtp,
        };
        inbox.push(&packet(0, &[1, 2, 3]));
        inbox.push(&packet(1, &[]));
        inbox.push(&packet(2, &[4]));
        let got: Vec<_> = inbox.packets().map(|p| (p.rank, p.at.as_ns(), p.rtp.to_vec())).collect();
        assert_eq!(got, [(0, 0, vec![1, 2, 3]), (1, 1, vec![]), (2, 2, vec![4])]);
        let mut inbox = inbox.emptied();
        assert!(inbox.is_empty());
        (0..FULL_PACKETS).for_each(|_| inbox.push(&packet(0, &[])));
        assert!(inbox.is_full());
    }
}
