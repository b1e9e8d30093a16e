//! Every kind of tunnel: opened or not, from whom, over which family, and one in another.

use super::*;
use crate::config::TunnelKind;
use std::net::{Ipv4Addr, Ipv6Addr};

const CALLER: &str = "10.0.0.1:4000";

/// An IP packet between `from` and a mirrored address of its family.
fn packet(from: IpAddr, protocol: u8, inner: &[u8]) -> Vec<u8> {
    let len = inner.len() as u16;
    match from {
        IpAddr::V4(from) => {
            let total = (len + 20).to_be_bytes();
            let head = [0x45, 0, total[0], total[1], 0, 7, 0, 0, 64, protocol, 0, 0];
            [&head[..], &from.octets(), &[192, 0, 2, 9], inner].concat()
        }
        IpAddr::V6(from) => {
            let len = len.to_be_bytes();
            let head = [0x60, 0, 0, 0, len[0], len[1], protocol, 64];
            [&head[..], &from.octets(), &[0xfd; 16], inner].concat()
        }
    }
}

fn udp(from: IpAddr, port: u16, head: &[u8], inner: &[u8]) -> Vec<u8> {
    let payload = [head, inner].concat();
    let len = (payload.len() as u16 + 8).to_be_bytes();
    let ports = [[0xc3, 0x50], port.to_be_bytes()].concat();
    packet(from, 17, &[&ports[..], &len, &[0, 0], &payload].concat())
}

/// An IP packet bare and on Ethernet.
fn bridged(inner: &[u8]) -> Vec<u8> {
    ethernet(if inner[0] >> 4 == 6 { 0x86dd } else { 0x0800 }, inner)
}

/// Every form a wrapper of `kind` from `from` has around `inner`.
fn wrappers(kind: TunnelKind, from: IpAddr, inner: &[u8]) -> Vec<Vec<u8>> {
    let bridged = &bridged(inner)[..];
    let ether_type = [bridged[12], bridged[13]];
    let gre = |head: &[u8], inner: &[u8]| packet(from, 47, &[head, inner].concat());
    match kind {
        TunnelKind::Gre => vec![
            gre(&[&[0, 0][..], &ether_type].concat(), inner),
            gre(&[0x30, 0, 0x65, 0x58, 0, 0, 0, 9, 0, 0, 0, 1], bridged),
            gre(&[0, 0, 0x88, 0x47, 0, 0, 0x11, 64], inner),
            gre(
                &[
                    0x30,
                    0x01,
                    0x88,
                    0x0b,
                    0,
                    9,
                    0,
                    9,
                    0,
                    0,
                    0,
                    1,
                    if inner[0] >> 4 == 6 { 0x57 } else { 0x21 },
                ],
                inner,
            ),
        ],
        TunnelKind::Erspan => vec![
            gre(&[0, 0, 0x88, 0xbe], bridged),
            gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 0, 0, 0, 0, 0], bridged),
            gre(&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], bridged),
            gre(&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0], inner),
        ],
        TunnelKind::Vxlan => vec![udp(from, 4789, &[8, 0, 0, 0, 0, 0, 5, 0], bridged)],
        TunnelKind::Geneve => vec![
            udp(from, 6081, &[0, 0, 0x65, 0x58, 0, 0, 5, 0], bridged),
            udp(from, 6081, &[&[1, 0][..], &ether_type, &[0, 0, 5, 0, 0, 0, 0, 0]].concat(), inner),
        ],
        TunnelKind::GtpU => vec![udp(from, 2152, &[0x30, 255, 0, 0, 0, 0, 0, 1], inner)],
        TunnelKind::Ipip => vec![
            packet(from, if inner[0] >> 4 == 6 { 41 } else { 4 }, inner),
            packet(from, 97, &[&[0x30, 0], bridged].concat()),
            packet(from, 137, &[&[0, 0, 1, 64], inner].concat()),
        ],
        TunnelKind::Tzsp => vec![udp(from, 37008, &[1, 0, 0, 1, 0, 10, 1, 99, 1], bridged)],
        TunnelKind::Hep => vec![udp(from, 9060, &hep(inner), &[])],
    }
}

/// The UDP datagram of an IP packet as an agent hands it on: not the packet itself.
fn hep(ip: &[u8]) -> Vec<u8> {
    let (types, addresses, body) =
        if ip[0] >> 4 == 6 { ([5, 6], &ip[8..40], &ip[40..]) } else { ([3, 4], &ip[12..20], &ip[20..]) };
    let chunk = |kind: u8, value: &[u8]| {
        [&[0, 0, 0, kind][..], &(value.len() as u16 + 6).to_be_bytes(), value].concat()
    };
    let (src, dst) = addresses.split_at(addresses.len() / 2);
    let chunks = [
        chunk(types[0], src),
        chunk(types[1], dst),
        chunk(7, &body[..2]),
        chunk(8, &body[2..4]),
        chunk(11, &[4]),
        chunk(15, &body[8..]),
    ]
    .concat();
    [b"HEP3", &(chunks.len() as u16 + 6).to_be_bytes()[..], &chunks].concat()
}

/// The kinds that hold whole packets, so that another wrapper may be in them.
fn holds_packets() -> impl Iterator<Item = TunnelKind> {
    TunnelKind::ALL.into_iter().filter(|kind| *kind != TunnelKind::Hep)
}

fn opening(tunnels: Vec<TunnelRule>) -> Net {
    Net::new(NetConfig { tunnels, ..config() })
}

fn rule(kind: &str, from: Option<&str>) -> TunnelRule {
    TunnelRule::read(kind, from).expect("a rule")
}

/// The packets inside: of both families.
fn inners() -> [(Vec<u8>, &'static str); 2] {
    [(v4(9000, b"x"), CALLER), (v6(9000, b"x"), "[fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd]:4000")]
}

fn senders() -> [(IpAddr, &'static str, &'static str); 2] {
    [
        (Ipv4Addr::new(10, 9, 3, 4).into(), "10.9.0.0/16", "10.8.0.0/16"),
        (Ipv6Addr::new(0x2001, 0xdb8, 0, 9, 0, 0, 0, 4).into(), "2001:db8:0:9::/64", "2001:db8:0:8::/64"),
    ]
}

#[test]
fn a_tunnel_is_opened_where_kind_and_sender_are_named() {
    for kind in TunnelKind::ALL {
        let name = kind.as_str();
        let other = TunnelKind::ALL[(kind.index() + 1) % TunnelKind::COUNT].as_str();
        for ((from, block, foreign), (inner, caller)) in
            senders().into_iter().flat_map(|s| inners().into_iter().map(move |i| (s, i)))
        {
            let cases = [
                (vec![], false),
                (vec![rule(name, None)], true),
                (vec![rule("any", None)], true),
                (vec![rule(name, Some(block))], true),
                (vec![rule(name, Some(&from.to_string()))], true),
                (vec![rule("any", Some(block))], true),
                (vec![rule(name, Some(foreign))], false),
                (vec![rule("any", Some(foreign))], false),
                (vec![rule(other, None)], false),
                (vec![rule(other, None), rule(name, Some(foreign)), rule(name, Some(block))], true),
            ];
            for (n, outer) in wrappers(kind, from, &inner).iter().enumerate() {
                for (rules, opened) in &cases {
                    let mut net = opening(rules.clone());
                    let got = feed(&mut net, LinkType::Ethernet, &bridged(outer));
                    let what = format!("{name} {n} from {from} under {rules:?}");
                    let heard: Vec<_> = got.iter().map(|g| g.0.as_str()).collect();
                    assert_eq!(heard, if *opened { vec![caller] } else { vec![] }, "{what}");
                    let mut refused = [0; TunnelKind::COUNT];
                    refused[kind.index()] = u64::from(!opened);
                    assert_eq!(net.stats().tunnels_refused, refused, "{what}");
                    assert_eq!(net.stats().decapsulated, u64::from(*opened), "{what}");
                    let told = net.unread().list().contains(&(Unread::Tunnel(kind), 1));
                    assert_eq!(told, !opened, "{what}");
                    let sender = net.unread().tunnel_senders()[kind.index()];
                    assert_eq!(sender, (!opened).then_some(from), "{what}");
                }
            }
        }
    }
}

#[test]
fn of_a_nesting_every_wrapper_has_to_be_named() {
    let (switch, host) = (Ipv4Addr::new(10, 9, 0, 1).into(), Ipv4Addr::new(172, 16, 0, 1).into());
    let (inner, caller) = &inners()[0];
    for outer in holds_packets() {
        for within in TunnelKind::ALL {
            let middle = &wrappers(within, host, inner)[0];
            let packet = bridged(&wrappers(outer, switch, middle)[0]);
            let (o, w) = (outer.as_str(), within.as_str());
            for (rules, refused) in [
                (vec![rule(o, None), rule(w, None)], None),
                (vec![rule(o, Some("10.9.0.0/16")), rule(w, Some("172.16.0.0/12"))], None),
                (vec![], Some(outer)),
                (vec![rule(o, Some("10.9.0.0/16"))], Some(within)),
                (vec![rule(w, Some("172.16.0.0/12"))], Some(outer)),
                (vec![rule("any", Some("10.9.0.1"))], Some(within)),
                (vec![rule("any", Some("172.16.0.1"))], Some(outer)),
            ] {
                let mut net = opening(rules.clone());
                let got = feed(&mut net, LinkType::Ethernet, &packet);
                let heard: Vec<_> = got.iter().map(|g| g.0.as_str()).collect();
                let mut counts = [0; TunnelKind::COUNT];
                if let Some(kind) = refused {
                    counts[kind.index()] = 1;
                }
                let what = format!("{w} in {o} under {rules:?}");
                assert_eq!(heard, if refused.is_none() { vec![*caller] } else { vec![] }, "{what}");
                assert_eq!(net.stats().tunnels_refused, counts, "{what}");
            }
        }
    }
}

#[test]
fn any_four_wrappers_in_one_another_are_opened_and_a_fifth_is_counted() {
    let host: IpAddr = Ipv4Addr::new(172, 16, 0, 1).into();
    let kinds: Vec<_> = holds_packets().collect();
    for (inner, caller) in inners() {
        // Every form of every kind takes part, at every depth.
        for n in 0..200usize {
            let mut packet = inner.clone();
            for depth in 0..5 {
                let kind = kinds[(n * 5 + depth * (1 + n / 7)) % kinds.len()];
                let host = if (n + depth).is_multiple_of(3) { Ipv6Addr::LOCALHOST.into() } else { host };
                let forms = wrappers(kind, host, &packet);
                let outer = forms[(n + depth) % forms.len()].clone();
                packet = outer;
                let mut net = opening(vec![TunnelRule::ANY]);
                let heard = feed(&mut net, LinkType::Ethernet, &bridged(&packet));
                let is_deep = depth == 4;
                let got = heard.first().map(|g| (g.0.as_str(), &g.2[..]));
                assert_eq!(got, (!is_deep).then_some((caller, &b"x"[..])), "{n} {kind:?} at {depth}");
                assert_eq!(net.stats().nested_too_deep, u64::from(is_deep));
            }
        }
    }
}

#[test]
fn what_is_authenticated_is_read_and_what_is_encrypted_is_counted() {
    // RFC 4302: next header, length in words less two, reserved, index, sequence number, check value.
    let ah =
        |next: u8, rest: &[u8]| [&[next, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1][..], &[0xab; 12], rest].concat();
    for (from, _, _) in senders() {
        let bare = udp(from, 9000, &[], b"x");
        let at = if from.is_ipv4() { 20 } else { 40 };
        // Before UDP; before another of its kind; around a tunnel.
        let transport = packet(from, 51, &ah(17, &bare[at..]));
        let twice = packet(from, 51, &ah(51, &ah(17, &bare[at..])));
        let tunnel = packet(from, 51, &ah(4, &v4(9000, b"x")));
        for (n, outer) in [transport, twice, tunnel].iter().enumerate() {
            let mut net = opening(vec![TunnelRule::ANY]);
            let got = feed(&mut net, LinkType::Ethernet, &bridged(outer));
            assert_eq!(got.iter().map(|g| &g.2[..]).collect::<Vec<_>>(), [b"x"], "{n} from {from}");
        }
        // In fragments, of which only the first has the header.
        let whole = ah(17, &udp(from, 9000, &[], &[7; 80])[at..]);
        if from.is_ipv4() {
            let piece = |range: std::ops::Range<usize>, offset: [u8; 2]| {
                let mut piece = packet(from, 51, &whole[range]);
                piece[6..8].copy_from_slice(&offset);
                bridged(&piece)
            };
            let mut net = opening(vec![TunnelRule::ANY]);
            assert!(feed(&mut net, LinkType::Ethernet, &piece(0..64, [0x20, 0])).is_empty());
            let got = feed(&mut net, LinkType::Ethernet, &piece(64..whole.len(), [0, 8]));
            assert_eq!(got.iter().map(|g| &g.2[..]).collect::<Vec<_>>(), [[7; 80]]);
        }
        let mut net = opening(vec![TunnelRule::ANY]);
        assert!(feed(&mut net, LinkType::Ethernet, &bridged(&packet(from, 50, &[7; 40]))).is_empty());
        assert_eq!(net.unread().list(), [(Unread::Protocol(50), 1)]);
        assert_eq!(net.stats().unknown_encapsulation, 1);
    }
}

#[test]
fn a_tunnel_in_fragments_is_refused_when_it_is_whole() {
    let from = Ipv4Addr::new(198, 51, 100, 66).into();
    for kind in TunnelKind::ALL {
        let whole = wrappers(kind, from, &v4(9000, &[7; 200])).remove(0);
        let piece = |range: std::ops::Range<usize>, more: bool| {
            let offset = ((range.start - 20) as u16 / 8) | if more { 0x2000 } else { 0 };
            let mut head = whole[..20].to_vec();
            head[2..4].copy_from_slice(&(range.len() as u16 + 20).to_be_bytes());
            head[6..8].copy_from_slice(&offset.to_be_bytes());
            bridged(&[&head[..], &whole[range]].concat())
        };
        let pieces = [piece(20..116, true), piece(116..whole.len(), false)];
        for (rules, got) in [(vec![], 0), (vec![rule(kind.as_str(), Some("198.51.100.0/24"))], 1)] {
            let mut net = opening(rules);
            let heard: usize = pieces.iter().map(|p| feed(&mut net, LinkType::Ethernet, p).len()).sum();
            assert_eq!((heard, net.stats().tunnels_refused[kind.index()]), (got, 1 - got as u64), "{kind:?}");
        }
    }
}

#[test]
fn what_a_link_wraps_is_read_whatever_is_configured() {
    let inner = v4(9000, b"x");
    let pppoe = [&[0x11, 0, 0, 1, 0, 9, 0, 0x21][..], &inner].concat();
    let mpls = [&[0, 0, 0x11, 64][..], &inner].concat();
    let pseudowire = [&[0, 0, 0x11, 64, 0, 0, 0, 0][..], &bridged(&inner)].concat();
    let vlan = [&[0, 5, 8, 0][..], &inner].concat();
    for (ether_type, body) in [(0x8864, pppoe), (0x8847, mpls), (0x8847, pseudowire), (0x8100, vlan)] {
        let mut net = opening(vec![]);
        assert_eq!(
            feed(&mut net, LinkType::Ethernet, &ethernet(ether_type, &body)).len(),
            1,
            "{ether_type:x}"
        );
        assert_eq!(net.stats().tunnels_refused, [0; TunnelKind::COUNT]);
    }
}

#[test]
fn media_on_the_port_of_a_closed_tunnel_is_media() {
    let rtp = [0x80, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, 0xd5, 0xd5];
    for port in [4789, 2152, 37008, 6081] {
        let mut net = opening(vec![]);
        let got = feed(&mut net, LinkType::Ethernet, &bridged(&v4(port, &rtp)));
        assert_eq!((got.len(), net.stats().tunnels_refused), (1, [0; TunnelKind::COUNT]), "{port}");
    }
}
