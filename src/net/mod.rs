//! From frames to datagrams: decapsulation, fragments, TCP streams, copies.
//!
//! [`Net`] takes captured frames and hands out UDP datagrams of any port and
//! whole SIP messages of TCP connections on SIP ports. UDP payloads are
//! borrowed from the frame: nothing is allocated or looked up for media. What
//! a payload means is the engine's to find out; of SIP only where a message
//! begins and ends is known here.

mod datagram;
mod dedup;
mod defrag;
pub mod net_stats;
mod reassembly;
pub mod reserved;
mod stream;
mod unread;

pub use datagram::{Datagram, Flow, OwnedDatagram, Transport};
pub use dedup::Dedup;
pub use defrag::{Defrag, Whole};
pub use net_stats::{FragmentDrops, NetStats};
pub use unread::{Unread, UnreadCounts};

use crate::config::{TunnelRule, tunnels};
use crate::sip::starts_like_sip;
use crate::time::Timestamp;
use crate::wire::ip::{IpPacket, protocol, skip_extensions};
use crate::wire::link::{self, LinkError, NextProtocol, Vlan};
use crate::wire::transport::{Tcp, Udp};
use crate::wire::{Frame, LinkType, fast, tunnel};
use reassembly::Reassembly;
use std::net::{IpAddr, SocketAddr};

/// Tunnels within tunnels that are followed.
const MAX_DEPTH: usize = 4;

/// More than any datagram: what is missing of one whose end nobody saw.
const UNKNOWN_TAIL: u32 = 65_535;

/// What [`Net`] has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetConfig {
    /// TCP ports that are followed and UDP ports whose copies are dropped, at either end.
    pub sip_ports: Vec<u16>,
    /// Which tunnels are opened, and from whom.
    pub tunnels: Vec<TunnelRule>,
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
            sip_ports: config.sip.ports.clone(),
            tunnels: config.capture.tunnels.clone(),
            fragments: config.limits.fragments,
            tcp_streams: config.limits.tcp_streams,
            tcp_buffer: config.limits.tcp_buffer,
            tcp_bytes: config.limits.share(16),
            fragment_bytes: config.limits.share(32),
        }
    }
}

/// Frames in, datagrams out. Never asks the time: frames and callers bring it.
pub struct Net {
    sip_ports: PortSet,
    tunnels: Vec<TunnelRule>,
    defrag: Defrag,
    dedup: Dedup,
    reassembly: Reassembly,
    stats: NetStats,
    unread: UnreadCounts,
    last_ts: Timestamp,
    /// Of the frame at hand.
    vlan: Vlan,
    /// The frame at hand was cut by the snap length.
    is_cut: bool,
    /// What `reassembly` says, at hand for every frame.
    due: Timestamp,
}

impl Net {
    /// With the bounds of the configuration.
    pub fn new(config: NetConfig) -> Net {
        Net {
            sip_ports: PortSet::new(&config.sip_ports),
            tunnels: config.tunnels,
            defrag: Defrag::new(config.fragments).within(config.fragment_bytes),
            dedup: Dedup::default(),
            reassembly: Reassembly::new(config.tcp_streams, config.tcp_buffer).within(config.tcp_bytes),
            stats: NetStats::default(),
            unread: UnreadCounts::default(),
            last_ts: Timestamp::from_ns(i64::MIN),
            vlan: Vlan::NONE,
            is_cut: false,
            due: Timestamp::FAR_FUTURE,
        }
    }

    /// Takes a frame; hands every datagram it holds or completes to `sink`.
    #[inline]
    pub fn handle_frame(&mut self, frame: &Frame<'_>, sink: &mut impl FnMut(Datagram<'_>)) {
        let stats = &mut self.stats;
        stats.frames += 1;
        stats.bytes += frame.data.len() as u64;
        stats.truncated += u64::from(frame.wire_len as usize > frame.data.len());
        if frame.ts < self.last_ts {
            stats.backwards += 1;
            stats.farthest_back_ns =
                stats.farthest_back_ns.max(self.last_ts.since_ns(frame.ts).unsigned_abs());
        }
        self.last_ts = frame.ts;
        if frame.link == LinkType::Ethernet
            && let Some(udp) = fast::udp4(frame.data)
            && !tunnel::is_tunnel_port(udp.dst.port())
        {
            let flow = Flow { src: udp.src, dst: udp.dst, vlan: udp.vlan };
            self.udp(frame.ts, flow, udp.id.into(), udp.payload, false, sink);
            return;
        }
        self.is_cut = frame.wire_len as usize > frame.data.len();
        match link::open(frame.link, frame.data).and_then(|(proto, rest)| link::to_ip(proto, rest)) {
            Ok((vlan, packet)) => {
                self.vlan = vlan;
                self.ip(frame.ts, packet, 0, sink);
            }
            Err(error) => self.count(error),
        }
    }

    /// When [`Net::handle_timeout`] wants to be called, on the capture clock.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        (self.due < Timestamp::FAR_FUTURE).then_some(self.due)
    }

    /// Whether [`Net::handle_timeout`] has something to do.
    #[inline]
    pub fn is_due(&self, now: Timestamp) -> bool {
        now >= self.due
    }

    /// Gives up TCP bytes that did not come in time; what lies behind them comes out.
    /// Frames do not do this by themselves: whose clock counts is the caller's to say.
    pub fn handle_timeout(&mut self, now: Timestamp, sink: &mut impl FnMut(Datagram<'_>)) {
        self.reassembly.handle_timeout(now, &mut self.stats, &mut |ts, flow, message| {
            sink(over_tcp(ts, flow, message));
        });
        self.due = self.reassembly.poll_timeout().unwrap_or(Timestamp::FAR_FUTURE);
    }

    /// The capture has ended: everything that can still come out does.
    pub fn flush(&mut self, sink: &mut impl FnMut(Datagram<'_>)) {
        self.handle_timeout(Timestamp::FAR_FUTURE, sink);
    }

    /// What was seen so far.
    pub fn stats(&self) -> &NetStats {
        &self.stats
    }

    /// What passed by and was not read.
    pub fn unread(&self) -> &UnreadCounts {
        &self.unread
    }

    /// TCP connections followed now.
    pub fn tcp_streams(&self) -> usize {
        self.reassembly.len()
    }

    /// Bytes kept for fragments and TCP streams now.
    pub fn held_bytes(&self) -> usize {
        self.defrag.bytes() + self.reassembly.held()
    }

    fn ip(&mut self, ts: Timestamp, data: &[u8], depth: usize, sink: &mut impl FnMut(Datagram<'_>)) {
        let Ok(packet) = IpPacket::parse(data) else {
            self.stats.short_headers += 1;
            return;
        };
        self.stats.bad_lengths += u64::from(packet.bad_length);
        self.stats.cut += u64::from(packet.missing > 0);
        if packet.fragment.is_none() {
            return self.transport(ts, &packet, depth, sink);
        }
        let Some(whole) = self.defrag.push(ts, &packet, &mut self.stats) else { return };
        let missing = if whole.truncated { UNKNOWN_TAIL } else { 0 };
        let inner = if packet.src.is_ipv6() {
            skip_extensions(whole.protocol, &whole.payload)
        } else {
            Some((whole.protocol, &whole.payload[..]))
        };
        match inner {
            Some((protocol, payload)) => {
                let packet = IpPacket { protocol, payload, missing, fragment: None, ..packet };
                self.transport(ts, &packet, depth, sink);
            }
            None => self.stats.short_headers += 1,
        }
    }

    fn transport(
        &mut self,
        ts: Timestamp,
        packet: &IpPacket<'_>,
        depth: usize,
        sink: &mut impl FnMut(Datagram<'_>),
    ) {
        match packet.protocol {
            protocol::UDP => return self.any_udp(ts, packet, depth, sink),
            protocol::TCP => return self.tcp(ts, packet, sink),
            _ => {}
        }
        match tunnel::ip(packet.protocol, packet.payload) {
            Some(Ok(inside)) => self.inside(ts, packet.src, inside, depth, sink),
            Some(Err(tunnel::TunnelError::Unknown(inner))) => {
                self.stats.unknown_encapsulation += 1;
                self.unread.note_wrapping(packet.protocol, inner);
            }
            Some(Err(tunnel::TunnelError::Short)) => self.stats.short_headers += 1,
            None => {
                self.stats.other_transport += 1;
                if packet.protocol == protocol::SCTP {
                    self.unread.note_sctp(packet.payload, |port| self.sip_ports.has(port));
                }
            }
        }
    }

    /// What a tunnel packet of `sender` holds, if it may be opened.
    fn inside(
        &mut self,
        ts: Timestamp,
        sender: IpAddr,
        (kind, proto, data): tunnel::Inside<'_>,
        depth: usize,
        sink: &mut impl FnMut(Datagram<'_>),
    ) {
        let packet = link::to_ip(proto, data);
        // Of a GRE protocol nobody knows, the tunnel is what is unknown: to open it would not help.
        if let Err(LinkError::NotIp(other)) = packet
            && proto == NextProtocol::EtherType(other)
        {
            return self.count(LinkError::UnknownEncapsulation(other));
        }
        if !tunnels::is_opened(&self.tunnels, kind, sender) {
            self.stats.tunnels_refused[kind.index()] += 1;
            self.unread.note_tunnel(kind, sender);
            return;
        }
        if depth >= MAX_DEPTH {
            self.stats.nested_too_deep += 1;
            return;
        }
        self.stats.decapsulated += 1;
        match packet {
            Ok((vlan, packet)) => {
                self.vlan = vlan;
                self.ip(ts, packet, depth + 1, sink);
            }
            Err(error) => self.count(error),
        }
    }

    fn any_udp(
        &mut self,
        ts: Timestamp,
        packet: &IpPacket<'_>,
        depth: usize,
        sink: &mut impl FnMut(Datagram<'_>),
    ) {
        let Some(udp) = Udp::parse(packet.payload, packet.missing) else {
            self.stats.short_headers += 1;
            return;
        };
        self.stats.bad_lengths += u64::from(udp.bad_length);
        if tunnel::is_tunnel_port(udp.dst_port)
            && let Some(inside) = tunnel::udp(udp.dst_port, udp.payload)
        {
            return self.inside(ts, packet.src, inside, depth, sink);
        }
        let flow = Flow {
            src: SocketAddr::new(packet.src, udp.src_port),
            dst: SocketAddr::new(packet.dst, udp.dst_port),
            vlan: self.vlan,
        };
        self.udp(ts, flow, packet.id, udp.payload, udp.truncated, sink);
    }

    #[inline]
    fn udp(
        &mut self,
        ts: Timestamp,
        flow: Flow,
        ip_id: u32,
        payload: &[u8],
        truncated: bool,
        sink: &mut impl FnMut(Datagram<'_>),
    ) {
        if self.sip_ports.has_either(&flow) && self.dedup.is_copy(ts, &flow, ip_id, payload) {
            self.stats.duplicates += 1;
            return;
        }
        self.stats.udp_datagrams += 1;
        let sliced = truncated && !self.is_cut;
        sink(Datagram { ts, flow, transport: Transport::Udp, payload, truncated, sliced });
    }

    fn tcp(&mut self, ts: Timestamp, packet: &IpPacket<'_>, sink: &mut impl FnMut(Datagram<'_>)) {
        let Some(tcp) = Tcp::parse(packet.payload) else {
            self.stats.short_headers += 1;
            return;
        };
        let flow = Flow {
            src: SocketAddr::new(packet.src, tcp.src_port),
            dst: SocketAddr::new(packet.dst, tcp.dst_port),
            vlan: self.vlan,
        };
        let on_sip_port = self.sip_ports.has_either(&flow);
        self.unread.note_tcp(&flow, tcp.payload, on_sip_port);
        if !on_sip_port {
            self.stats.tcp_ignored += 1;
            if starts_like_sip(tcp.payload) {
                self.unread.note_sip(Transport::Tcp, &flow);
            }
            return;
        }
        let before = self.stats.tcp_messages;
        let mut emit = |ts, flow, message: &[u8]| sink(over_tcp(ts, flow, message));
        self.reassembly.push(ts, flow, &tcp, packet.missing, &mut self.stats, &mut emit);
        if packet.missing > 0 && self.stats.tcp_messages == before && starts_like_sip(tcp.payload) {
            // The stream is of no use here, but the start of a message may tell of a call.
            self.stats.tcp_cut += 1;
            let transport = Transport::Tcp;
            let sliced = !self.is_cut;
            sink(Datagram { ts, flow, transport, payload: tcp.payload, truncated: true, sliced });
        }
        self.due = self.reassembly.poll_timeout().unwrap_or(Timestamp::FAR_FUTURE);
    }

    fn count(&mut self, error: LinkError) {
        match error {
            LinkError::UnknownLink(dlt) => {
                self.stats.unknown_link += 1;
                self.unread.note(Unread::Link(dlt));
            }
            LinkError::NotIp(_) => self.stats.not_ip += 1,
            LinkError::UnknownEncapsulation(ether_type) => {
                self.stats.unknown_encapsulation += 1;
                self.unread.note(Unread::EtherType(ether_type));
            }
            LinkError::Short => self.stats.short_headers += 1,
        }
    }
}

fn over_tcp(ts: Timestamp, flow: Flow, payload: &[u8]) -> Datagram<'_> {
    Datagram { ts, flow, transport: Transport::Tcp, payload, truncated: false, sliced: false }
}

/// Ports as bits: two reads for each datagram.
struct PortSet(Box<[u64; 1024]>);

impl PortSet {
    fn new(ports: &[u16]) -> PortSet {
        let mut bits = Box::new([0u64; 1024]);
        for port in ports {
            bits[usize::from(port >> 6)] |= 1 << (port & 63);
        }
        PortSet(bits)
    }

    #[inline]
    fn has_either(&self, flow: &Flow) -> bool {
        self.has(flow.src.port()) || self.has(flow.dst.port())
    }

    #[inline]
    fn has(&self, port: u16) -> bool {
        self.0[usize::from(port >> 6)] >> (port & 63) & 1 == 1
    }
}

#[cfg(test)]
mod tests;
