//! Between which hosts SIP and RTP go, which way, and where descriptions say that media will arrive.

use crate::net::{Datagram, Flow};
use crate::sdp::{self, MediaKind};
use crate::sip::Message;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// Pairs of hosts that are told apart; what is beyond is counted with none.
const MAX_PAIRS: usize = 4096;
/// Addresses of descriptions that are told apart.
const MAX_NAMED: usize = 4096;

/// Two hosts, and what each sent the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostPair {
    /// The hosts.
    pub ends: [IpAddr; 2],
    /// What the first sent the second, and the other way round.
    pub sent: [u64; 2],
}

impl HostPair {
    /// Everything between the two.
    pub fn total(&self) -> u64 {
        self.sent[0] + self.sent[1]
    }

    /// Sender and receiver, where only one of the two sends.
    pub fn only_way(&self) -> Option<(IpAddr, IpAddr)> {
        let [a, b] = self.ends;
        match self.sent {
            [_, 0] => Some((a, b)),
            [0, _] => Some((b, a)),
            _ => None,
        }
    }
}

/// What goes between hosts, by pair.
#[derive(Clone, Debug, Default)]
pub struct HostTraffic {
    /// By the two ends in order. Ports tell ends apart that are on one host, and are 0 elsewhere.
    pairs: HashMap<[SocketAddr; 2], [u64; 2], RandomState>,
}

impl HostTraffic {
    fn note(&mut self, flow: &Flow) {
        let is_one_host = flow.src.ip() == flow.dst.ip();
        let end = |at: SocketAddr| SocketAddr::new(at.ip(), if is_one_host { at.port() } else { 0 });
        let (src, dst) = (end(flow.src), end(flow.dst));
        let (key, way) = if src <= dst { ([src, dst], 0) } else { ([dst, src], 1) };
        if let Some(sent) = self.pairs.get_mut(&key) {
            sent[way] += 1;
        } else if self.pairs.len() < MAX_PAIRS {
            self.pairs.entry(key).or_default()[way] += 1;
        }
    }

    /// All of them, the busiest first.
    pub fn list(&self) -> Vec<HostPair> {
        let pair = |(ends, sent): (&[SocketAddr; 2], &[u64; 2])| HostPair {
            ends: ends.map(|end| end.ip()),
            sent: *sent,
        };
        let mut all: Vec<HostPair> = self.pairs.iter().map(pair).collect();
        all.sort_by_key(|p| (std::cmp::Reverse(p.total()), p.ends));
        all
    }
}

/// Hosts of everything that was read.
#[derive(Clone, Debug, Default)]
pub struct SeenHosts {
    /// By SIP messages.
    pub sip: HostTraffic,
    /// By RTP packets.
    pub rtp: HostTraffic,
    named: HashMap<IpAddr, u64, RandomState>,
}

impl SeenHosts {
    /// A SIP message was read.
    pub fn note_sip(&mut self, message: &Message<'_>, came: &Datagram<'_>) {
        self.sip.note(&came.flow);
        let Some(body) = message.sdp() else { return };
        for media in sdp::parse(body).media.iter().filter(|m| m.kind == MediaKind::Audio && m.port != 0) {
            let Some(addr) = media.addr.filter(|a| !a.is_unspecified()) else { continue };
            if let Some(n) = self.named.get_mut(&addr) {
                *n += 1;
            } else if self.named.len() < MAX_NAMED {
                self.named.insert(addr, 1);
            }
        }
    }

    /// An RTP packet passed by.
    pub fn note_rtp(&mut self, came: &Datagram<'_>) {
        self.rtp.note(&came.flow);
    }

    /// Where descriptions say that audio will arrive, the most frequent first.
    pub fn named(&self) -> Vec<IpAddr> {
        let mut all: Vec<_> = self.named.iter().map(|(addr, n)| (std::cmp::Reverse(*n), *addr)).collect();
        all.sort_unstable();
        all.into_iter().map(|(_, addr)| addr).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Transport;
    use crate::time::Timestamp;
    use crate::wire::link::Vlan;

    fn datagram(src: &str, dst: &str) -> Datagram<'static> {
        let flow = Flow { src: src.parse().unwrap(), dst: dst.parse().unwrap(), vlan: Vlan::NONE };
        let (ts, transport) = (Timestamp::EPOCH, Transport::Udp);
        Datagram { ts, flow, transport, payload: b"", truncated: false, sliced: false }
    }

    #[test]
    fn both_ways_of_two_hosts_are_one_pair() {
        let mut hosts = SeenHosts::default();
        for (src, dst) in [
            ("10.0.0.1:4000", "10.0.0.2:6000"),
            ("10.0.0.2:6002", "10.0.0.1:4000"),
            ("10.0.0.3:1", "10.0.0.1:2"),
            ("127.0.0.1:1", "127.0.0.1:2"),
            ("127.0.0.1:2", "127.0.0.1:1"),
            ("127.0.0.1:3", "127.0.0.1:1"),
        ] {
            hosts.note_rtp(&datagram(src, dst));
        }
        let all = hosts.rtp.list();
        assert_eq!(all.iter().map(|p| p.sent).collect::<Vec<_>>(), [[1, 1], [1, 1], [0, 1], [0, 1]]);
        let only = all[2].only_way().map(|(from, to)| (from.to_string(), to.to_string()));
        assert_eq!(only, Some(("10.0.0.3".into(), "10.0.0.1".into())));
    }

    #[test]
    fn hosts_are_bounded() {
        let mut hosts = SeenHosts::default();
        for n in 0..3 * MAX_PAIRS {
            let src = format!("10.{}.{}.{}:5", n >> 16, n >> 8 & 255, n & 255);
            hosts.note_rtp(&datagram(&src, "192.0.2.1:9"));
        }
        assert_eq!(hosts.rtp.list().len(), MAX_PAIRS);
    }
}
