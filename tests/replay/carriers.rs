//! SIP over WebSocket and over SCTP, seen on the wire: the same call gives the same recording as over UDP.

use super::captures::config;
use crate::common::capture::{Datagram, datagrams};
use crate::common::ladder::{ethernet, write_pcap};
use crate::common::repository;
use crate::common::run::{Run, replay};
use crate::kit::warnings;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// An Ethernet frame with an IP packet of this protocol.
fn ip_frame(src: IpAddr, dst: IpAddr, protocol: u8, body: &[u8]) -> Vec<u8> {
    let len = body.len() as u16;
    let mac = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    match (src, dst) {
        (IpAddr::V4(s), IpAddr::V4(d)) => {
            let total = (len + 20).to_be_bytes();
            let head = [8, 0, 0x45, 0, total[0], total[1], 0, 1, 0x40, 0, 64, protocol, 0, 0];
            [&mac[..], &head, &s.octets(), &d.octets(), body].concat()
        }
        (IpAddr::V6(s), IpAddr::V6(d)) => {
            let len = len.to_be_bytes();
            let head = [0x86, 0xdd, 0x60, 0, 0, 0, len[0], len[1], protocol, 64];
            [&mac[..], &head, &s.octets(), &d.octets(), body].concat()
        }
        _ => panic!("of two families"),
    }
}

/// Puts messages on the wire in another way than UDP: one or more packets for each.
trait Carrier {
    fn carry(&mut self, d: &Datagram) -> Vec<Vec<u8>>;
}

/// A WebSocket for each pair of addresses; whoever speaks first is its client.
#[derive(Default)]
struct WebSockets {
    /// The next sequence number of each direction.
    next: HashMap<(SocketAddr, SocketAddr), u32>,
    clients: HashMap<(SocketAddr, SocketAddr), bool>,
    /// Bytes of a segment.
    segment: usize,
    /// In how many frames a message is.
    pieces: usize,
}

impl WebSockets {
    fn segments(&mut self, src: SocketAddr, dst: SocketAddr, bytes: &[u8]) -> Vec<Vec<u8>> {
        let next = self.next.entry((src, dst)).or_insert(u32::MAX - 700);
        let mut out = Vec::new();
        for piece in bytes.chunks(self.segment) {
            let mut tcp = [src.port().to_be_bytes(), dst.port().to_be_bytes()].concat();
            tcp.extend(next.to_be_bytes());
            tcp.extend([0, 0, 0, 0, 0x50, 0x08, 0xff, 0xff, 0, 0, 0, 0]);
            tcp.extend(piece);
            out.push(ip_frame(src.ip(), dst.ip(), 6, &tcp));
            *next = next.wrapping_add(piece.len() as u32);
        }
        out
    }
}

fn ws_frame(first: u8, masked: bool, payload: &[u8]) -> Vec<u8> {
    let bit = if masked { 0x80 } else { 0 };
    let mut out = match payload.len() {
        len @ ..126 => vec![first, bit | len as u8],
        len => [&[first, bit | 126][..], &(len as u16).to_be_bytes()].concat(),
    };
    let key = if masked { [0x37, 0xfa, 0x21, 0x3d] } else { [0; 4] };
    if masked {
        out.extend(key);
    }
    out.extend(payload.iter().zip(key.iter().cycle()).map(|(b, k)| b ^ k));
    out
}

impl Carrier for WebSockets {
    fn carry(&mut self, d: &Datagram) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        let (way, back) = ((d.src, d.dst), (d.dst, d.src));
        if !self.clients.contains_key(&way) {
            self.clients.extend([(way, true), (back, false)]);
            let get = "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n";
            let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: sip\r\n\r\n";
            out.extend(self.segments(d.src, d.dst, get.as_bytes()));
            out.extend(self.segments(d.dst, d.src, answer.as_bytes()));
        }
        let masked = self.clients[&way];
        let size = d.payload.len().div_ceil(self.pieces);
        let pieces: Vec<_> = d.payload.chunks(size).collect();
        let mut stream = ws_frame(0x89, masked, b"");
        for (n, piece) in pieces.iter().enumerate() {
            let first = if n == 0 { 1 } else { 0 } | if n + 1 == pieces.len() { 0x80 } else { 0 };
            stream.extend(ws_frame(first, masked, piece));
        }
        out.extend(self.segments(d.src, d.dst, &stream));
        out
    }
}

/// An association for each pair of addresses.
struct Associations {
    tsn: HashMap<(SocketAddr, SocketAddr), u32>,
    /// Bytes of a chunk.
    chunk: usize,
    /// All chunks of a message in one packet, or one in each, the last first.
    bundled: bool,
}

impl Carrier for Associations {
    fn carry(&mut self, d: &Datagram) -> Vec<Vec<u8>> {
        let streams = self.tsn.len() as u16;
        let tsn = self.tsn.entry((d.src, d.dst)).or_insert(u32::MAX - 3);
        let mut head = [d.src.port().to_be_bytes(), d.dst.port().to_be_bytes()].concat();
        head.extend((u32::from(d.src.port()) << 8 | 7).to_be_bytes());
        head.extend([0; 4]);
        let pieces: Vec<_> = d.payload.chunks(self.chunk).collect();
        let mut chunks = Vec::new();
        for (n, piece) in pieces.iter().enumerate() {
            let flags = if n == 0 { 2 } else { 0 } | u8::from(n + 1 == pieces.len());
            let mut chunk = vec![0, flags];
            chunk.extend((piece.len() as u16 + 16).to_be_bytes());
            chunk.extend(tsn.to_be_bytes());
            chunk.extend(streams.to_be_bytes());
            chunk.extend([0, 0, 0, 0, 0, 0]);
            chunk.extend(*piece);
            chunk.resize(chunk.len().next_multiple_of(4), 0);
            chunks.push(chunk);
            *tsn = tsn.wrapping_add(1);
        }
        let sack = vec![3, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0];
        let packets = match self.bundled {
            true => vec![[sack, chunks.concat()].concat()],
            false => chunks.into_iter().rev().collect(),
        };
        packets.iter().map(|p| ip_frame(d.src.ip(), d.dst.ip(), 132, &[&head[..], p].concat())).collect()
    }
}

/// Datagrams, or a stream of bare messages.
struct Plain {
    over_tcp: bool,
    streams: WebSockets,
}

impl Carrier for Plain {
    fn carry(&mut self, d: &Datagram) -> Vec<Vec<u8>> {
        match self.over_tcp {
            true => self.streams.segments(d.src, d.dst, &d.payload),
            false => vec![ethernet(d.src, d.dst, &d.payload)],
        }
    }
}

fn carried(name: &str, carrier: &mut dyn Carrier, config: &str) -> Run {
    carried_on(name, carrier, config, |port| port)
}

/// With SIP on other ports.
fn carried_on(name: &str, carrier: &mut dyn Carrier, config: &str, port: impl Fn(u16) -> u16) -> Run {
    let mut frames = Vec::new();
    for mut d in datagrams(&repository("pcaps").join(name)) {
        if d.payload.first().is_some_and(u8::is_ascii_alphabetic) {
            d.src.set_port(port(d.src.port()));
            d.dst.set_port(port(d.dst.port()));
            frames.extend(carrier.carry(&d).into_iter().map(|f| (d.at_ns, f)));
        } else {
            frames.push((d.at_ns, ethernet(d.src, d.dst, &d.payload)));
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("carried.pcap");
    write_pcap(&path, &frames);
    replay(config, &[&path])
}

const CALLS: &[&str] = &[
    "sipp-inbound-customer-bye.pcap",
    "sipp-queue-then-agent.pcap",
    "sipp-hold-resume.pcap",
    "sipp-ipv6.pcap",
    "sipp-prack-update.pcap",
];

#[track_caller]
fn same(name: &str, other: &Run, what: &str) {
    let udp = replay(&config(), &[&repository("pcaps").join(name)]);
    assert_eq!(udp.recordings.len(), other.recordings.len(), "{name} {what}: {}", other.stderr());
    for (a, b) in udp.recordings.iter().zip(&other.recordings) {
        assert_eq!(a.json, b.json, "{name} {what}");
        assert!(a.data == b.data, "{name} {what}: sound");
    }
    assert_eq!(warnings(other), "[]", "{name} {what}");
}

#[test]
fn calls_over_websocket_are_calls() {
    for (n, name) in CALLS.iter().enumerate() {
        for (segment, pieces) in [(1400, 1), (100, 1), (536, 1 + n)] {
            let mut sockets = WebSockets { segment, pieces, ..WebSockets::default() };
            same(name, &carried(name, &mut sockets, &config()), &format!("{segment} {pieces}"));
        }
    }
}

#[test]
fn calls_over_sctp_are_calls() {
    for name in CALLS {
        for (chunk, bundled) in [(60_000, true), (100, true), (1000, false), (120, false)] {
            let mut associations = Associations { tsn: HashMap::new(), chunk, bundled };
            same(name, &carried(name, &mut associations, &config()), &format!("{chunk} {bundled}"));
        }
    }
}

/// On a port that nobody named it is told, with the remedy.
#[test]
fn elsewhere_than_on_a_sip_port_it_is_told() {
    let name = CALLS[0];
    let config = format!("[sip]\nports = [5999]\n{}", config());
    let mut sockets = WebSockets { segment: 1400, pieces: 1, ..WebSockets::default() };
    let told = warnings(&carried(name, &mut sockets, &config));
    assert!(told.contains("WebSocket with SIP on TCP port 5060") && told.contains("[5999, 5060]"), "{told}");
    let mut associations = Associations { tsn: HashMap::new(), chunk: 60_000, bundled: false };
    let told = warnings(&carried(name, &mut associations, &config));
    assert!(told.contains("with SIP on port 5060; to record their calls"), "{told}");
}

#[test]
fn on_any_port_sip_is_found_where_that_is_asked_for() {
    let port = |port: u16| port ^ 0x2a5a;
    let any = format!("[sip]\nports = \"any\"\n{}", config());
    for name in CALLS {
        let streams = || WebSockets { segment: 700, pieces: 2, ..WebSockets::default() };
        let carriers: [(&str, Box<dyn Carrier>); 4] = [
            ("udp", Box::new(Plain { over_tcp: false, streams: streams() })),
            ("tcp", Box::new(Plain { over_tcp: true, streams: streams() })),
            ("websocket", Box::new(WebSockets { segment: 5000, ..streams() })),
            ("sctp", Box::new(Associations { tsn: HashMap::new(), chunk: 300, bundled: true })),
        ];
        for (what, mut carrier) in carriers {
            same(name, &carried_on(name, &mut *carrier, &any, port), what);
        }
    }
}

/// Whatever else goes by, the same calls come out, and nothing is said of the web.
#[test]
fn any_port_changes_nothing_of_what_the_usual_ones_give() {
    for name in ["sipp-tcp.pcap", "sipp-tcp-large.pcap", "sipp-duplicated-mirror.pcap", "baresip-opus.pcap"] {
        let any = format!("[sip]\nports = \"any\"\n{}", config());
        let run = replay(&any, &[&repository("pcaps").join(name)]);
        same(name, &run, "any");
    }
}
