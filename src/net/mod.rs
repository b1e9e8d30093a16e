//! From frames to datagrams: decapsulation, fragments, TCP streams, copies.
//!
//! [`Net`] takes captured frames and hands out UDP datagrams of any port and
//! whole SIP messages of TCP connections on SIP ports. UDP payloads are
//! borrowed from the frame: nothing is allocated or looked up for media. What
//! a payload means is the engine's to find out; of SIP only where a message
//! begins and ends is known here.

pub mod agent_clocks;
mod datagram;
mod dedup;
mod defrag;
pub mod hep_reader;
mod net_config;
pub mod net_stats;
mod ports;
mod reassembly;
pub mod reserved;
pub mod sctp;
mod stream;
mod tls_stream;
mod unread;

pub use datagram::{Datagram, Flow, FlowPath, OwnedDatagram, Transport};
pub use dedup::Dedup;
pub use defrag::{Defrag, Whole};
pub use net_config::NetConfig;
pub use net_stats::{FragmentDrops, NetStats};
pub use unread::{Unread, UnreadCounts};

use crate::config::{TunnelKind, TunnelRule, tunnels};
use crate::sip::starts_like_sip;
use crate::sip::stream_framer::begins_message;
use crate::time::Timestamp;
use crate::tls::{KeyLog, RsaKey, begins_tls};
use crate::wire::hep::{self, HepError};
use crate::wire::ip::{IpPacket, protocol, skip_authentication, skip_extensions};
use crate::wire::link::{self, LinkError, NextProtocol, Vlan};
use crate::wire::transport::{Tcp, Udp};
use crate::wire::{Frame, LinkType, fast, tunnel};
use hep_reader::HepReader;
use ports::WatchedPorts;
use reassembly::Reassembly;
use sctp::SctpMessages;
use std::net::{IpAddr, SocketAddr};

/// Tunnels within tunnels that are followed.
const MAX_DEPTH: usize = 4;

/// More than any datagram: what is missing of one whose end nobody saw.
const UNKNOWN_TAIL: u32 = 65_535;

/// Frames in, datagrams out. Never asks the time: frames and callers bring it.
pub struct Net {
    ports: WatchedPorts,
    tunnels: Vec<TunnelRule>,
    hep: HepReader,
    defrag: Defrag,
    dedup: Dedup,
    reassembly: Reassembly,
    sctp: SctpMessages,
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
            ports: WatchedPorts::of(&config),
            tunnels: config.tunnels,
            hep: HepReader::default(),
            defrag: Defrag::new(config.fragments).within(config.fragment_bytes),
            dedup: Dedup::default(),
            reassembly: Reassembly::new(config.tcp_streams, config.tcp_buffer)
                .within(config.tcp_bytes)
                .opening_tls(config.opens_tls),
            sctp: SctpMessages::new(config.tcp_buffer, config.tcp_bytes / 4),
            stats: NetStats::default(),
            unread: UnreadCounts::default(),
            last_ts: Timestamp::from_ns(i64::MIN),
            vlan: Vlan::NONE,
            is_cut: false,
            due: Timestamp::FAR_FUTURE,
        }
    }

    /// Watches the ports of another configuration from here on; all else stays as it was.
    pub fn watch(&mut self, config: &NetConfig) {
        self.ports = WatchedPorts::of(config);
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
        {
            let flow = Flow { src: udp.src, dst: udp.dst, vlan: udp.vlan };
            if !self.ports.special.has_either(&flow) {
                return self.deliver(frame.ts, flow, udp.payload, false, sink);
            }
            if !self.is_wrapper_port(udp.dst.port()) {
                return self.udp(frame.ts, flow, udp.id.into(), udp.payload, false, sink);
            }
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
            sink(Datagram::over_tcp(ts, flow, message));
        });
        self.note_unopened();
        self.due = self.reassembly.poll_timeout().unwrap_or(Timestamp::FAR_FUTURE);
    }

    /// The capture has ended: everything that can still come out does.
    pub fn flush(&mut self, sink: &mut impl FnMut(Datagram<'_>)) {
        self.handle_timeout(Timestamp::FAR_FUTURE, sink);
        self.reassembly.give_up_sealed(&mut self.stats);
        self.note_unopened();
    }

    /// Opens TLS as well, with the key of a server.
    pub fn add_server_key(&mut self, key: RsaKey) {
        self.reassembly.add_server_key(key);
    }

    /// The same, with the next piece of a key log: what waited for it comes out.
    pub fn handle_key_log(&mut self, text: &[u8], is_end: bool, sink: &mut impl FnMut(Datagram<'_>)) {
        self.reassembly.handle_key_log(text, is_end, &mut self.stats, &mut |ts, flow, message| {
            sink(Datagram::over_tcp(ts, flow, message));
        });
        self.stats.key_log = self.reassembly.key_log();
        self.note_unopened();
    }

    /// The secrets that are known.
    pub fn key_log_mut(&mut self) -> Option<&mut KeyLog> {
        self.reassembly.key_log_mut()
    }

    fn note_unopened(&mut self) {
        for (why, port) in self.reassembly.take_unopened() {
            self.unread.note(Unread::TlsUnopened { port, why });
        }
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
        self.defrag.bytes() + self.reassembly.held() + self.sctp.held()
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
            skip_authentication(whole.protocol, &whole.payload)
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
            protocol::SCTP => return self.sctp(ts, packet, sink),
            _ => {}
        }
        match tunnel::ip(packet.protocol, packet.payload) {
            Some(Ok(inside)) => self.inside(ts, packet.src, inside, depth, sink),
            Some(Err(tunnel::TunnelError::Unknown(inner))) => {
                self.stats.unknown_encapsulation += 1;
                self.unread.note_wrapping(packet.protocol, inner);
            }
            Some(Err(tunnel::TunnelError::Short)) => self.stats.short_headers += 1,
            None => self.stats.other_transport += 1,
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
        // Anything else on such a port is a datagram like any other.
        if self.ports.hep.has(udp.dst_port) && hep::parse(udp.payload) != Err(HepError::NotHep) {
            return self.agent(ts, &flow, packet.id, udp.payload, sink);
        }
        self.udp(ts, flow, packet.id, udp.payload, udp.truncated, sink);
    }

    /// What a capture agent sent to somebody else, if that may be opened.
    fn agent(
        &mut self,
        ts: Timestamp,
        flow: &Flow,
        ip_id: u32,
        payload: &[u8],
        sink: &mut impl FnMut(Datagram<'_>),
    ) {
        let (kind, sender) = (TunnelKind::Hep, flow.src.ip());
        if !tunnels::is_opened(&self.tunnels, kind, sender) {
            self.stats.tunnels_refused[kind.index()] += 1;
            self.unread.note_tunnel(kind, sender);
        } else if self.dedup.is_copy(ts, flow, ip_id, payload) {
            self.stats.duplicates += 1;
        } else {
            self.stats.decapsulated += 1;
            let read = self.hep.read(payload, (sender, ts), None, sink);
            self.stats.short_headers += u64::from(read.is_err());
        }
    }

    /// Whether what goes to this port may hold another packet.
    fn is_wrapper_port(&self, port: u16) -> bool {
        tunnel::is_tunnel_port(port) || self.ports.hep.has(port)
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
        let is_sip = self.ports.sip.has_either(&flow) || self.ports.finds_sip && starts_like_sip(payload);
        if is_sip && self.dedup.is_copy(ts, &flow, ip_id, payload) {
            self.stats.duplicates += 1;
            return;
        }
        self.deliver(ts, flow, payload, truncated, sink);
    }

    #[inline]
    fn deliver(
        &mut self,
        ts: Timestamp,
        flow: Flow,
        payload: &[u8],
        truncated: bool,
        sink: &mut impl FnMut(Datagram<'_>),
    ) {
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
        let opens_tls = self.reassembly.opens_tls();
        let on_sip_port = self.ports.sip.has_either(&flow) || opens_tls && self.ports.tls.has_either(&flow);
        let begins_tls = opens_tls && (on_sip_port || self.ports.finds_tls) && begins_tls(tcp.payload);
        let is_opening = begins_tls || opens_tls && self.reassembly.is_opening(&flow);
        if !is_opening {
            self.unread.note_tcp(&flow, tcp.payload, on_sip_port, self.ports.finds_sip);
        }
        let is_found =
            self.ports.finds_sip && (self.reassembly.follows(&flow) || begins_message(tcp.payload));
        if !on_sip_port && !is_found && !is_opening {
            self.stats.tcp_ignored += 1;
            if starts_like_sip(tcp.payload) {
                self.unread.note_sip(Transport::Tcp, &flow);
            }
            return;
        }
        let before = self.stats.tcp_messages;
        let mut emit = |ts, flow, message: &[u8]| sink(Datagram::over_tcp(ts, flow, message));
        self.reassembly.push(ts, flow, &tcp, packet.missing, &mut self.stats, &mut emit);
        self.note_unopened();
        if packet.missing > 0 && self.stats.tcp_messages == before && starts_like_sip(tcp.payload) {
            // The stream is of no use here, but the start of a message may tell of a call.
            self.stats.tcp_cut += 1;
            sink(Datagram {
                truncated: true,
                sliced: !self.is_cut,
                ..Datagram::over_tcp(ts, flow, tcp.payload)
            });
        }
        self.due = self.reassembly.poll_timeout().unwrap_or(Timestamp::FAR_FUTURE);
    }

    fn sctp(&mut self, ts: Timestamp, packet: &IpPacket<'_>, sink: &mut impl FnMut(Datagram<'_>)) {
        let Some(ports) = sctp::ports(packet.payload) else {
            self.stats.short_headers += 1;
            return;
        };
        let [src, dst] = [(packet.src, ports[0]), (packet.dst, ports[1])].map(SocketAddr::from);
        let flow = Flow { src, dst, vlan: self.vlan };
        if !self.ports.sip.has_either(&flow) && !self.ports.finds_sip {
            self.stats.other_transport += 1;
            self.unread.note_sctp(ports, packet.payload);
            return;
        }
        self.stats.sctp_packets += 1;
        let messages = &mut self.stats.sctp_messages;
        self.sctp.push(ts, ports, packet.payload, |payload| {
            *messages += 1;
            sink(Datagram { ts, flow, transport: Transport::Sctp, payload, truncated: false, sliced: false });
        });
        self.stats.sctp_given_up = self.sctp.given_up();
    }

    fn count(&mut self, error: LinkError) {
        self.stats.count_link(error);
        self.unread.note_link(error);
    }
}

#[cfg(test)]
mod tests;
