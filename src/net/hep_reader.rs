//! What capture agents send in HEP, as datagrams.
//!
//! The same for packets that were sent to the recorder and for those that a capture saw on their way
//! to another one. An agent that was let in is believed: it says between whom a message went, and what
//! it is. Its clock is another matter, see [`super::agent_clocks`].

use super::agent_clocks::AgentClocks;
use super::{Datagram, Flow, Transport};
use crate::time::Timestamp;
use crate::wire::hep::{HepContent, HepError, HepPacket, HepPayload, inflate, parse};
use std::net::IpAddr;

/// Reads packets of any number of agents.
#[derive(Default)]
pub struct HepReader {
    clocks: AgentClocks,
    inflated: Vec<u8>,
}

/// What a packet held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HepSeen {
    /// A SIP message.
    Sip,
    /// RTP.
    Rtp,
    /// RTCP.
    Rtcp,
    /// What is not followed: reports, logs, other protocols.
    Other,
    /// Nothing: a sign of life.
    Empty,
}

impl HepSeen {
    /// All of them.
    pub const ALL: [HepSeen; 5] = [HepSeen::Sip, HepSeen::Rtp, HepSeen::Rtcp, HepSeen::Other, HepSeen::Empty];
}

/// Why a packet is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HepRefusal {
    /// It does not have the password.
    Password,
    /// It cannot be read.
    Unreadable(HepError),
}

impl HepReader {
    /// Takes one packet that came from `peer` at `arrival`; what it holds for the engine goes to
    /// `sink`. `password` is what it has to know.
    ///
    /// # Errors
    /// [`HepRefusal`]
    pub fn read(
        &mut self,
        packet: &[u8],
        (peer, arrival): (IpAddr, Timestamp),
        password: Option<&[u8]>,
        sink: &mut impl FnMut(Datagram<'_>),
    ) -> Result<HepSeen, HepRefusal> {
        let hep = match parse(packet) {
            Ok(hep) => hep,
            Err(HepError::Empty) => return Ok(HepSeen::Empty),
            Err(why) => return Err(HepRefusal::Unreadable(why)),
        };
        if password.is_some_and(|password| !is_same(password, hep.key.unwrap_or_default())) {
            return Err(HepRefusal::Password);
        }
        let (seen, transport) = match hep.content {
            HepContent::Sip => (HepSeen::Sip, Transport::Hep),
            HepContent::Rtp => (HepSeen::Rtp, Transport::Udp),
            HepContent::Rtcp => (HepSeen::Rtcp, Transport::Udp),
            HepContent::Other(_) => return Ok(HepSeen::Other),
        };
        let ts = self.stamp(&hep, peer, arrival);
        let payload = match hep.payload {
            HepPayload::Plain(bytes) => bytes,
            HepPayload::Compressed(bytes) => {
                inflate(bytes, &mut self.inflated).map_err(HepRefusal::Unreadable)?;
                &self.inflated[..]
            }
        };
        // RTCP as text is an agent's own account of it, of which nothing is needed.
        if seen == HepSeen::Rtcp && payload.first() == Some(&b'{') {
            return Ok(HepSeen::Other);
        }
        let flow = Flow { src: hep.src, dst: hep.dst, vlan: hep.vlan };
        sink(Datagram { ts, flow, transport, payload, truncated: false, sliced: false });
        Ok(seen)
    }

    /// The clocks of the agents.
    pub fn clocks(&self) -> &AgentClocks {
        &self.clocks
    }

    fn stamp(&mut self, hep: &HepPacket<'_>, peer: IpAddr, arrival: Timestamp) -> Timestamp {
        let place = |stamp| self.clocks.place((peer, hep.agent), stamp, arrival);
        hep.stamp.map_or(arrival, place)
    }
}

/// Without telling by its time how much of it is right.
fn is_same(password: &[u8], key: &[u8]) -> bool {
    let differs = password.iter().zip(key).fold(0, |sum, (a, b)| sum | (a ^ b));
    password.len() == key.len() && differs == 0
}

#[cfg(test)]
mod tests;
