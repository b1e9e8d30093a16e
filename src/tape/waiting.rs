//! Packets of one source that are taken and not yet played, still encoded.

use super::proof::Look;

/// Bytes kept encoded for one source; what goes beyond is dropped and counted.
const MAX_BYTES: usize = 512 * 1024;
/// The same for packets that are nearly empty.
const MAX_PACKETS: usize = 16 * 1024;

/// One packet, and what has been worked out of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    /// Arrival, from the answer.
    pub at_ns: i64,
    /// Place in the order of playing.
    pub seq: u64,
    /// Timestamp as it came, extended.
    pub raw: i64,
    /// The same in the units of the codec.
    pub ts: i64,
    /// How long its sound lasts, in units of the codec; zero where that is not known.
    pub ticks: i64,
    /// What it means.
    pub meaning: u8,
    /// The source began anew with it.
    pub anew: bool,
    /// What it looks like beside its neighbours.
    pub look: Look,
    start: u32,
    len: u32,
}

impl Pending {
    /// A packet whose payload is put down with [`Waiting::push`].
    pub fn new(at_ns: i64, seq: u64, (raw, ts): (i64, i64), (meaning, ticks): (u8, i64), anew: bool) -> Self {
        Pending { at_ns, seq, raw, ts, ticks, meaning, anew, look: Look::Unknown, start: 0, len: 0 }
    }

    /// There is anything in it.
    pub fn has_payload(&self) -> bool {
        self.len > 0
    }
}

/// Packets in the order they came.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    packets: Vec<Pending>,
    bytes: Vec<u8>,
}

impl Waiting {
    /// Puts a packet down; false where there is no room.
    pub fn push(&mut self, packet: Pending, payload: &[u8]) -> bool {
        if self.bytes.len() + payload.len() > MAX_BYTES || self.packets.len() >= MAX_PACKETS {
            return false;
        }
        let (start, len) = (self.bytes.len() as u32, payload.len() as u32);
        self.bytes.extend_from_slice(payload);
        self.packets.push(Pending { start, len, ..packet });
        true
    }

    /// Puts the payload of a packet down that does not wait; it lies there until [`Waiting::compact`].
    pub fn lend(&mut self, packet: Pending, payload: &[u8]) -> Pending {
        let (start, len) = (self.bytes.len() as u32, payload.len() as u32);
        self.bytes.extend_from_slice(payload);
        Pending { start, len, ..packet }
    }

    /// The packets that wait.
    pub fn packets(&self) -> &[Pending] {
        &self.packets
    }

    /// The same, to be changed.
    pub fn packets_mut(&mut self) -> &mut [Pending] {
        &mut self.packets
    }

    /// The payload of a packet, also of one taken with [`Waiting::take_ready`] until [`Waiting::compact`].
    pub fn payload(&self, p: &Pending) -> &[u8] {
        &self.bytes[p.start as usize..(p.start + p.len) as usize]
    }

    /// Takes out what came by `horizon_ns`.
    pub fn take_ready(&mut self, horizon_ns: i64) -> Vec<Pending> {
        let is_ready = |p: &Pending| p.at_ns <= horizon_ns;
        let first = self.packets.iter().position(|p| !is_ready(p)).unwrap_or(self.packets.len());
        let room = Vec::with_capacity(self.packets.len());
        let mut ready = std::mem::replace(&mut self.packets, room);
        self.packets.extend(ready.drain(first..));
        // What was in doubt for a while comes out of turn.
        if self.packets.iter().any(is_ready) {
            ready.extend(self.packets.extract_if(.., |p| is_ready(p)));
        }
        ready
    }

    /// Moves the bytes of what still waits to the front.
    pub fn compact(&mut self) {
        let mut kept = 0;
        for p in &mut self.packets {
            // Never forwards: they lie in the order they came.
            self.bytes.copy_within(p.start as usize..(p.start + p.len) as usize, kept);
            p.start = kept as u32;
            kept += p.len as usize;
        }
        self.bytes.truncate(kept);
    }

    /// Drops all but those that `is_kept` says.
    pub fn retain(&mut self, is_kept: impl Fn(&Pending) -> bool) {
        self.packets.retain(is_kept);
        self.compact();
    }
}
