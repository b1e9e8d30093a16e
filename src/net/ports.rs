//! Sets of ports that are asked for every packet.

use super::Flow;

/// Ports as bits: two reads for each datagram.
pub(super) struct PortSet(Box<[u64; 1024]>);

impl PortSet {
    pub fn new(ports: impl Iterator<Item = u16>) -> PortSet {
        let mut bits = Box::new([0u64; 1024]);
        for port in ports {
            bits[usize::from(port >> 6)] |= 1 << (port & 63);
        }
        PortSet(bits)
    }

    #[inline]
    pub fn has_either(&self, flow: &Flow) -> bool {
        self.has(flow.src.port()) || self.has(flow.dst.port())
    }

    #[inline]
    pub fn has(&self, port: u16) -> bool {
        self.0[usize::from(port >> 6)] >> (port & 63) & 1 == 1
    }
}
