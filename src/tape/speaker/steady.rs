//! The short way of a packet that changes nothing.

use super::super::floor::HeardAt;
use super::super::kept::Packet;
use crate::rtp::standing::Standing;

/// What nearly every packet is: of the same source at the same place as the one before it, which
/// has the floor. Nothing has to be found then, and nobody gives way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steady {
    flow: u32,
    ssrc: u32,
    rank: u8,
    standing: Standing,
    /// Where it is heard.
    pub place: HeardAt,
    /// Which of the sources it is.
    pub source: usize,
}

impl Steady {
    /// What goes on from this packet of `source`.
    pub fn new(packet: &Packet<'_>, place: HeardAt, source: usize) -> Steady {
        let Packet { flow, rank, standing, .. } = *packet;
        Steady { flow, ssrc: packet.heard.ssrc, rank, standing, place, source }
    }

    /// Whether this packet goes on.
    pub fn is_of(&self, packet: &Packet<'_>) -> bool {
        (self.flow, self.ssrc, self.rank, self.standing)
            == (packet.flow, packet.heard.ssrc, packet.rank, packet.standing)
    }
}
