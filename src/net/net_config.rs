//! What of the configuration concerns the way from frames to datagrams.

use crate::config::TunnelRule;
use crate::wire::hep;

/// What [`super::Net`] has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetConfig {
    /// TCP ports that are followed and UDP ports whose copies are dropped, at either end.
    pub sip_ports: Vec<u16>,
    /// TCP ports that are followed as well where there is something to open TLS with.
    pub tls_ports: Vec<u16>,
    /// There is, or will be, something to open TLS with.
    pub opens_tls: bool,
    /// TLS is looked for on all others as well.
    pub finds_tls: bool,
    /// SIP is looked for on all others as well.
    pub finds_sip: bool,
    /// Which tunnels are opened, and from whom.
    pub tunnels: Vec<TunnelRule>,
    /// UDP ports to which HEP is sent.
    pub hep_ports: Vec<u16>,
    /// IP datagrams being put together at once.
    pub fragments: usize,
    /// TCP connections followed at once.
    pub tcp_streams: usize,
    /// Bytes kept for one direction of one connection.
    pub tcp_buffer: usize,
    /// Bytes kept for all connections together.
    pub tcp_bytes: usize,
    /// Bytes kept for all fragments together.
    pub fragment_bytes: usize,
}

impl From<&crate::config::Config> for NetConfig {
    fn from(config: &crate::config::Config) -> NetConfig {
        NetConfig {
            sip_ports: config.sip.ports.listed().to_vec(),
            tls_ports: config.tls.ports.listed().to_vec(),
            opens_tls: config.tls.is_set(),
            finds_tls: config.tls.ports.is_any(),
            finds_sip: config.sip.ports.is_any(),
            tunnels: config.capture.tunnels.clone(),
            hep_ports: config.hep.udp_ports().chain([hep::PORT]).collect(),
            fragments: config.limits.fragments,
            tcp_streams: config.limits.tcp_streams,
            tcp_buffer: config.limits.tcp_buffer,
            tcp_bytes: config.limits.share(16),
            fragment_bytes: config.limits.share(32),
        }
    }
}
