//! What passes by and is not read, by kind: so that somebody can say so.
//!
//! Whoever mirrors the wrong port, or one whose calls are encrypted, shall hear of
//! it from the recorder and not find an empty folder. Bounded in kinds; kinds
//! beyond the bound are not told apart, and counted together.

use super::{Flow, Transport};
use crate::config::TunnelKind;
use crate::sip::starts_like_sip;
use crate::tls::Unopened;
use crate::wire::ip::protocol;
use crate::wire::link::LinkError;
use smallvec::SmallVec;
use std::net::IpAddr;

/// Kinds, and pairs of ports, that are told apart.
const MAX_KINDS: usize = 64;
/// The port of SIP over TLS (RFC 3261 §19.1.2), whether it is configured or not.
const SIPS_PORT: u16 = 5061;
/// How far into a hello or a request is looked.
const LOOK_BYTES: usize = 2048;

/// Something that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unread {
    /// Frames of this link type.
    Link(u16),
    /// Packets wrapped by this IP protocol: ESP, L2TP.
    Protocol(u8),
    /// Packets wrapped as this EtherType says, on a link or in a tunnel.
    EtherType(u16),
    /// TLS on this TCP port of a server. `sip`: it is likely to be SIP.
    Tls {
        /// The server's port.
        port: u16,
        /// By its port, or by the name that is asked for.
        sip: bool,
    },
    /// TLS on this TCP port of a server that could not be opened, though there is something to open it with.
    TlsUnopened {
        /// The server's port.
        port: u16,
        /// Why not.
        why: Unopened,
    },
    /// A WebSocket on this TCP port of a server. `sip`: RFC 7118 is asked for.
    WebSocket {
        /// The server's port.
        port: u16,
        /// The sub-protocol is SIP, or the port is.
        sip: bool,
    },
    /// SCTP. `sip`: it begins a SIP message, or runs on a SIP port.
    Sctp {
        /// The lower of its ports.
        port: u16,
        /// See above.
        sip: bool,
    },
    /// SIP on a port that is not in `sip.ports`.
    SipPort {
        /// What over.
        transport: Transport,
        /// The port that most of it has in common.
        port: u16,
    },
    /// Packets in a tunnel that `capture.tunnels` does not open.
    Tunnel(TunnelKind),
    /// Kinds beyond the bound.
    More,
}

/// The counts.
#[derive(Clone, Debug, Default)]
pub struct UnreadCounts {
    kinds: SmallVec<[(Unread, u64); 4]>,
    /// Pairs of ports with SIP, the lower first: which of the two is the server's shows later.
    pairs: SmallVec<[(Transport, [u16; 2], u64); 4]>,
    /// Who sent the first packet in a tunnel of each kind that is not opened.
    tunnels: [Option<IpAddr>; TunnelKind::COUNT],
}

impl UnreadCounts {
    /// One more.
    pub fn note(&mut self, kind: Unread) {
        let is_known = self.kinds.iter().any(|(k, _)| *k == kind);
        let kind = if is_known || self.kinds.len() < MAX_KINDS { kind } else { Unread::More };
        self.add(kind, 1);
    }

    /// A SIP message between ports neither of which is known to carry any.
    pub fn note_sip(&mut self, transport: Transport, flow: &Flow) {
        let (a, b) = (flow.src.port(), flow.dst.port());
        let pair = [a.min(b), a.max(b)];
        if let Some((.., n)) = self.pairs.iter_mut().find(|(t, p, _)| (*t, *p) == (transport, pair)) {
            *n += 1;
        } else if self.pairs.len() < MAX_KINDS {
            self.pairs.push((transport, pair, 1));
        } else {
            self.add(Unread::More, 1);
        }
    }

    /// A packet in a tunnel that is not opened, and who wrapped it.
    pub fn note_tunnel(&mut self, kind: TunnelKind, sender: IpAddr) {
        self.tunnels[kind.index()].get_or_insert(sender);
        self.note(Unread::Tunnel(kind));
    }

    /// Who was first to send a tunnel of each kind that is not opened, by [`TunnelKind::index`].
    pub fn tunnel_senders(&self) -> [Option<IpAddr>; TunnelKind::COUNT] {
        self.tunnels
    }

    /// A TCP segment: TLS or a WebSocket, if it begins one. `finds_sip`: WebSockets are followed on all
    /// ports, and not only on those of SIP.
    pub fn note_tcp(&mut self, flow: &Flow, payload: &[u8], on_sip_port: bool, finds_sip: bool) {
        let head = &payload[..payload.len().min(LOOK_BYTES)];
        let to = (flow.dst.port(), true);
        let from = (flow.src.port(), false);
        let (port, is_tls, asked) = match head {
            // RFC 8446 §5.1: a handshake record with a hello of either side.
            [0x16, 3, _, _, _, 1, ..] => (to.0, true, contains(head, b"sip")),
            [0x16, 3, _, _, _, 2, ..] => (from.0, true, false),
            // Joined in the middle: application data, on a port where it would be SIP.
            [0x17, 3, 1..=4, ..] if on_sip_port || has_port(flow, SIPS_PORT) => {
                (flow.src.port().min(flow.dst.port()), true, true)
            }
            [b'G', b'E', b'T', b' ', ..]
                if !on_sip_port && !finds_sip && contains(head, b"sec-websocket-key") =>
            {
                (to.0, false, contains(head, b"protocol: sip"))
            }
            _ => return,
        };
        let sip = asked || on_sip_port || port == SIPS_PORT;
        self.note(if is_tls { Unread::Tls { port, sip } } else { Unread::WebSocket { port, sip } });
    }

    /// An SCTP packet (RFC 9260 §3) that is not on a SIP port: chunks from byte 12.
    pub fn note_sctp(&mut self, ports: [u16; 2], packet: &[u8]) {
        let begins = packet.get(12) == Some(&0) && packet.get(28..).is_some_and(starts_like_sip);
        let sip = begins || ports.contains(&SIPS_PORT);
        self.note(Unread::Sctp { port: ports[0].min(ports[1]), sip });
    }

    /// A frame that could not be read, if that is worth a word.
    pub(super) fn note_link(&mut self, error: LinkError) {
        match error {
            LinkError::UnknownLink(dlt) => self.note(Unread::Link(dlt)),
            LinkError::UnknownEncapsulation(ether_type) => self.note(Unread::EtherType(ether_type)),
            LinkError::NotIp(_) | LinkError::Short => {}
        }
    }

    fn add(&mut self, kind: Unread, n: u64) {
        match self.kinds.iter_mut().find(|(k, _)| *k == kind) {
            Some((_, sum)) => *sum += n,
            None => self.kinds.push((kind, n)),
        }
    }

    /// What is wrapped in something unknown.
    pub fn note_wrapping(&mut self, outer: u8, inner: u16) {
        self.note(match outer {
            protocol::ESP | protocol::L2TP => Unread::Protocol(outer),
            _ => Unread::EtherType(inner),
        });
    }

    /// Adds what another counted.
    pub fn extend(&mut self, other: &UnreadCounts) {
        for (kind, n) in &other.kinds {
            self.add(*kind, *n);
        }
        self.pairs.extend(other.pairs.iter().copied());
        for (own, other) in self.tunnels.iter_mut().zip(other.tunnels) {
            *own = own.or(other);
        }
    }

    /// Every kind with its count. Ports with SIP are as few as explain all pairs.
    pub fn list(&self) -> Vec<(Unread, u64)> {
        let mut list: Vec<_> = self.kinds.to_vec();
        for transport in [Transport::Udp, Transport::Tcp] {
            let mut pairs: Vec<_> = self.pairs.iter().filter(|(t, ..)| *t == transport).collect();
            while let Some((port, n)) = busiest(&pairs) {
                list.push((Unread::SipPort { transport, port }, n));
                pairs.retain(|(_, pair, _)| !pair.contains(&port));
            }
        }
        list
    }
}

/// The port with most messages; of equals the lower.
fn busiest(pairs: &[&(Transport, [u16; 2], u64)]) -> Option<(u16, u64)> {
    let of = |port: u16| pairs.iter().filter(|(_, p, _)| p.contains(&port)).map(|(.., n)| n).sum();
    let ports = pairs.iter().flat_map(|(_, p, _)| *p);
    ports.map(|port| (port, of(port))).max_by_key(|(port, n): &(u16, u64)| (*n, std::cmp::Reverse(*port)))
}

fn has_port(flow: &Flow, port: u16) -> bool {
    flow.src.port() == port || flow.dst.port() == port
}

/// In any letter case.
fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(src: u16, dst: u16) -> Flow {
        let at = |port| std::net::SocketAddr::from(([10, 0, 0, 1], port));
        Flow { src: at(src), dst: at(dst), vlan: crate::wire::link::Vlan::NONE }
    }

    #[test]
    fn the_server_of_unlisted_sip_is_what_its_peers_have_in_common() {
        let mut u = UnreadCounts::default();
        for phone in [1024, 40_000, 40_001] {
            u.note_sip(Transport::Udp, &flow(phone, 5070));
            u.note_sip(Transport::Udp, &flow(5070, phone));
        }
        u.note_sip(Transport::Tcp, &flow(33_000, 6060));
        let at = |transport, port| Unread::SipPort { transport, port };
        assert_eq!(u.list(), [(at(Transport::Udp, 5070), 6), (at(Transport::Tcp, 6060), 1)]);
    }

    #[test]
    fn hellos_and_upgrades_are_known() {
        let mut u = UnreadCounts::default();
        let hello = |kind: u8, name: &str| [&[0x16, 3, 1, 2, 0, kind][..], name.as_bytes()].concat();
        u.note_tcp(&flow(40_000, 443), &hello(1, "www.example.org"), false, false);
        u.note_tcp(&flow(443, 40_000), &hello(2, "whatever"), false, false);
        u.note_tcp(&flow(40_000, 8443), &hello(1, "SIP.example.org"), false, false);
        u.note_tcp(&flow(5061, 40_000), &hello(2, ""), false, false);
        u.note_tcp(&flow(5060, 40_000), &[0x17, 3, 3, 0, 40, 9], true, false);
        u.note_tcp(&flow(40_000, 443), &[0x17, 3, 3, 0, 40, 9], false, false);
        let get = "GET /ws HTTP/1.1\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Protocol: sip\r\n\r\n";
        u.note_tcp(&flow(40_000, 8080), get.as_bytes(), false, false);
        u.note_tcp(&flow(40_000, 8080), b"GET / HTTP/1.1\r\n\r\n", false, false);
        let tls = |port, sip| Unread::Tls { port, sip };
        assert_eq!(
            u.list(),
            [
                (tls(443, false), 2),
                (tls(8443, true), 1),
                (tls(5061, true), 1),
                (tls(5060, true), 1),
                (Unread::WebSocket { port: 8080, sip: true }, 1)
            ]
        );
    }

    #[test]
    fn sctp_is_sip_by_its_port_or_by_what_it_says() {
        let mut u = UnreadCounts::default();
        let packet = |port: u16, text: &[u8]| {
            let mut p =
                [&port.to_be_bytes()[..], &port.to_be_bytes(), &[0; 8], &[0, 3, 0, 40], &[0; 12]].concat();
            p.extend(text);
            p
        };
        u.note_sctp([2905; 2], &packet(2905, b"\x01\x00"));
        u.note_sctp([7000; 2], &packet(7000, b"INVITE sip:a SIP/2.0\r\n"));
        u.note_sctp([5061; 2], &packet(5061, b""));
        u.note_sctp([9; 2], &[1, 2, 3]);
        let at = |port, sip| (Unread::Sctp { port, sip }, 1);
        assert_eq!(u.list(), [at(2905, false), at(7000, true), at(5061, true), at(9, false)]);
    }

    #[test]
    fn kinds_are_bounded() {
        let mut u = UnreadCounts::default();
        for port in 0..10_000 {
            u.note(Unread::Tls { port, sip: false });
            u.note_sip(Transport::Udp, &flow(port, port + 1));
        }
        assert!(
            u.kinds.len() <= MAX_KINDS + 1 && u.pairs.len() <= MAX_KINDS && u.list().len() <= 4 * MAX_KINDS
        );
    }
}
