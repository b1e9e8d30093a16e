//! Sets of ports that are asked for every packet.

use super::Flow;
use super::net_config::NetConfig;
use crate::wire::tunnel::is_tunnel_port;

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

/// Ports of which there is more to be known than that a datagram went there.
pub(super) struct WatchedPorts {
    pub sip: PortSet,
    /// SIP may be on any other as well.
    pub finds_sip: bool,
    /// Of TCP, where TLS may be opened.
    pub tls: PortSet,
    /// TLS may be on any other as well.
    pub finds_tls: bool,
    pub hep: PortSet,
    /// Those of SIP, of HEP and of tunnels; all, where SIP may be on any.
    pub special: PortSet,
}

impl WatchedPorts {
    /// As the configuration has them.
    pub fn of(config: &NetConfig) -> WatchedPorts {
        let NetConfig { finds_sip, finds_tls, sip_ports, tls_ports, hep_ports, .. } = config;
        let set = |ports: &[u16]| PortSet::new(ports.iter().copied());
        let all = 0..=u16::MAX;
        let special = match finds_sip {
            true => PortSet::new(all),
            false => {
                let tunnels = all.filter(|port| is_tunnel_port(*port));
                PortSet::new(sip_ports.iter().chain(hep_ports).copied().chain(tunnels))
            }
        };
        let (sip, tls, hep) = (set(sip_ports), set(tls_ports), set(hep_ports));
        WatchedPorts { sip, finds_sip: *finds_sip, tls, finds_tls: *finds_tls, hep, special }
    }
}
