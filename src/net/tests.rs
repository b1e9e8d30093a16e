//! Frames of every wrapping, built by hand or by etherparse, through the front door.

mod wrappers;

use super::*;
use crate::time::NS_PER_MS;
use etherparse::{PacketBuilder, VlanId};

const SIP: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nCall-ID: 1\r\n\r\n";

fn config() -> NetConfig {
    let tunnels = vec![TunnelRule::ANY];
    NetConfig {
        tls_ports: vec![5061],
        opens_tls: false,
        finds_tls: false,
        sip_ports: vec![5060],
        finds_sip: false,
        tunnels,
        hep_ports: vec![9060],
        fragments: 64,
        tcp_streams: 64,
        tcp_buffer: 65_536,
        tcp_bytes: 1 << 24,
        fragment_bytes: 1 << 24,
    }
}

fn net() -> Net {
    Net::new(config())
}

fn frame(data: &[u8], link: LinkType) -> Frame<'_> {
    Frame { ts: Timestamp::EPOCH, link, data, wire_len: data.len() as u32 }
}

/// Source, destination, payload, truncated.
type Got = (String, String, Vec<u8>, bool);

fn feed_at(net: &mut Net, ms: i64, link: LinkType, data: &[u8]) -> Vec<Got> {
    let mut got = Vec::new();
    let frame = Frame { ts: Timestamp::from_ns(ms * NS_PER_MS), ..frame(data, link) };
    net.handle_frame(&frame, &mut |d: Datagram<'_>| {
        got.push((d.flow.src.to_string(), d.flow.dst.to_string(), d.payload.to_vec(), d.truncated));
    });
    got
}

fn feed(net: &mut Net, link: LinkType, data: &[u8]) -> Vec<Got> {
    feed_at(net, 0, link, data)
}

fn v4(port: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let builder = PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).udp(4000, port);
    builder.write(&mut out, payload).expect("builds");
    out
}

fn v6(port: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let builder = PacketBuilder::ipv6([0xfd; 16], [0xfe; 16], 64).udp(4000, port);
    builder.write(&mut out, payload).expect("builds");
    out
}

fn ethernet(ether_type: u16, inner: &[u8]) -> Vec<u8> {
    [&[2u8; 12], &ether_type.to_be_bytes()[..], inner].concat()
}

/// IPv4 with this protocol number around `inner`.
fn ip(protocol: u8, inner: &[u8]) -> Vec<u8> {
    let mut head = v4(1, &[])[..20].to_vec();
    head[2..4].copy_from_slice(&(20 + inner.len() as u16).to_be_bytes());
    head[9] = protocol;
    [&head, inner].concat()
}

fn inner(payload: &[u8]) -> Vec<Got> {
    vec![("10.0.0.1:4000".into(), "10.0.0.2:9000".into(), payload.to_vec(), false)]
}

#[test]
fn the_fast_path_and_the_general_one_agree() {
    let plain = ethernet(0x0800, &v4(9000, b"media"));
    let with_trailer = [&plain[..], &[0; 4]].concat();
    let tagged = ethernet(0x8100, &[&[0, 5, 8, 0][..], &v4(9000, b"media")].concat());
    for data in [plain, with_trailer, tagged] {
        let mut net = net();
        assert_eq!(feed(&mut net, LinkType::Ethernet, &data), inner(b"media"));
        // The same without the link header takes the general path.
        let at = if data[12] == 0x81 { 18 } else { 14 };
        assert_eq!(feed(&mut net, LinkType::RawIp, &data[at..]), inner(b"media"));
        assert_eq!(net.stats().udp_datagrams, 2);
    }
}

#[test]
fn link_types_and_families() {
    let mut net = net();
    let sll = [&[0u8; 14][..], &[0x08, 0], &v4(9000, b"x")].concat();
    assert_eq!(feed(&mut net, LinkType::LinuxSll, &sll), inner(b"x"));
    let sll2 = [&[0x86, 0xdd][..], &[0u8; 18], &v6(9000, b"x")].concat();
    let got = feed(&mut net, LinkType::LinuxSll2, &sll2);
    assert_eq!(got[0].1, "[fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe]:9000");
    assert_eq!(feed(&mut net, LinkType::Null, &[&[0, 0, 0, 2], &v4(9000, b"x")[..]].concat()), inner(b"x"));
    assert_eq!(feed(&mut net, LinkType::Other(147), b"x"), []);
    assert_eq!(feed(&mut net, LinkType::Ethernet, &ethernet(0x0806, &[0; 28])), []);
    let mut double = Vec::new();
    PacketBuilder::ethernet2([1; 6], [2; 6])
        .double_vlan(VlanId::try_new(1).expect("id"), VlanId::try_new(2).expect("id"))
        .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .udp(4000, 9000)
        .write(&mut double, b"x")
        .expect("builds");
    assert_eq!(feed(&mut net, LinkType::Ethernet, &double), inner(b"x"));
    let stats = net.stats();
    assert_eq!((stats.unknown_link, stats.not_ip, stats.udp_datagrams, stats.frames), (1, 1, 4, 6));
}

#[test]
fn tunnels() {
    let packet = v4(9000, b"x");
    let bridged = ethernet(0x0800, &packet);
    let gre = |proto: [u8; 2], inner: &[u8]| ip(47, &[&[0, 0, proto[0], proto[1]], inner].concat());
    let udp_to = |port: u16, head: &[u8], inner: &[u8]| v4(port, &[head, inner].concat());
    let erspan2 = [&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1][..], &[0x10, 0, 0, 0, 0, 0, 0, 0], &bridged].concat();
    let wrapped = [
        ip(4, &packet),
        gre([8, 0], &packet),
        gre([0x65, 0x58], &bridged),
        gre([0x88, 0xbe], &bridged),
        ip(47, &erspan2),
        udp_to(4789, &[8, 0, 0, 0, 0, 0, 1, 0], &bridged),
        udp_to(2152, &[0x30, 255, 0, 0, 0, 0, 0, 1], &packet),
        udp_to(37008, &[1, 0, 0, 1, 1], &bridged),
        udp_to(6081, &[0, 0, 0x65, 0x58, 0, 0, 1, 0], &bridged),
        ip(97, &[&[0x30, 0], &bridged[..]].concat()),
        ip(137, &[&[0, 0, 1, 64], &packet[..]].concat()),
        ip(4, &ip(4, &ip(4, &ip(4, &packet)))),
    ];
    let mut net = net();
    for (n, outer) in wrapped.iter().enumerate() {
        assert_eq!(feed(&mut net, LinkType::Ethernet, &ethernet(0x0800, outer)), inner(b"x"), "{n}");
    }
    assert_eq!(net.stats().decapsulated, 15);
    // 6in4, PPPoE, MPLS under Ethernet.
    let six = ip(41, &v6(9000, b"x"));
    assert_eq!(feed(&mut net, LinkType::RawIp, &six).len(), 1);
    let pppoe = [&[0x11, 0, 0, 1, 0, 9, 0, 0x21][..], &packet].concat();
    assert_eq!(feed(&mut net, LinkType::Ethernet, &ethernet(0x8864, &pppoe)), inner(b"x"));
    let mpls = [&[0, 0, 0x11, 64][..], &packet].concat();
    assert_eq!(feed(&mut net, LinkType::Ethernet, &ethernet(0x8847, &mpls)), inner(b"x"));
}

#[test]
fn what_is_wrapped_too_deep_or_unknown_is_counted() {
    let mut net = net();
    let mut packet = v4(9000, b"x");
    for _ in 0..40 {
        packet = ip(4, &packet);
    }
    assert_eq!(feed(&mut net, LinkType::RawIp, &packet), []);
    for outer in [ip(47, &[0, 0, 0x12, 0x34, 0, 0]), ip(50, &[0; 40]), ip(115, &[0; 40])] {
        assert_eq!(feed(&mut net, LinkType::RawIp, &outer), []);
    }
    assert_eq!(feed(&mut net, LinkType::RawIp, &ip(1, &[8, 0, 0, 0])), []);
    let stats = net.stats();
    assert_eq!((stats.nested_too_deep, stats.unknown_encapsulation, stats.other_transport), (1, 3, 1));
}

#[test]
fn media_on_a_tunnel_port_is_delivered() {
    let rtp = [0x80, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, 0xd5, 0xd5];
    for port in [4789, 2152, 37008, 6081] {
        let got = feed(&mut net(), LinkType::Ethernet, &ethernet(0x0800, &v4(port, &rtp)));
        assert_eq!(got[0].2, rtp);
    }
}

#[test]
fn lengths_that_lie() {
    let mut net = net();
    let packet = v4(9000, b"0123456789");
    // Cut by the snap length.
    let data = ethernet(0x0800, &packet);
    let cut = Frame { wire_len: data.len() as u32, ..frame(&data[..data.len() - 4], LinkType::Ethernet) };
    let mut got = Vec::new();
    net.handle_frame(&cut, &mut |d: Datagram<'_>| got.push((d.payload.to_vec(), d.truncated)));
    assert_eq!(got, [(b"012345".to_vec(), true)]);
    assert_eq!((net.stats().truncated, net.stats().bad_lengths), (1, 0));
    // Segmentation offload leaves nought.
    let mut offload = packet.clone();
    (offload[2], offload[3], offload[24], offload[25]) = (0, 0, 0, 0);
    assert_eq!(feed(&mut net, LinkType::RawIp, &offload), inner(b"0123456789"));
    // UDP says less, more, and nonsense.
    for (len, payload, truncated) in
        [(12u8, &b"0123"[..], false), (99, b"0123456789", true), (3, b"0123456789", false)]
    {
        let mut odd = packet.clone();
        odd[25] = len;
        let got = feed(&mut net, LinkType::Ethernet, &ethernet(0x0800, &odd));
        assert_eq!((&got[0].2[..], got[0].3), (payload, truncated), "{len}");
    }
    assert_eq!(net.stats().bad_lengths, 2);
    // Wrong check sums do not matter.
    let mut sums = packet;
    (sums[10], sums[26]) = (sums[10] ^ 0x55, sums[26] ^ 0x55);
    assert_eq!(feed(&mut net, LinkType::RawIp, &sums), inner(b"0123456789"));
}

#[test]
fn fragments_of_both_families() {
    let mut net = net();
    let payload: Vec<u8> = (0..3000).map(|n| n as u8).collect();
    let datagram = v4(9000, &payload)[20..].to_vec();
    let piece = |from: usize, to: usize| {
        let mut packet = ip(17, &datagram[from..to]);
        let more = if to < datagram.len() { 0x2000 } else { 0 };
        packet[6..8].copy_from_slice(&(more | (from / 8) as u16).to_be_bytes());
        ethernet(0x0800, &packet)
    };
    assert_eq!(feed(&mut net, LinkType::Ethernet, &piece(1480, 3008)), []);
    assert_eq!(feed(&mut net, LinkType::Ethernet, &piece(0, 1480)), inner(&payload));

    let datagram = v6(9000, &payload)[40..].to_vec();
    let piece = |from: usize, to: usize| {
        let mut packet = v6(1, &[])[..40].to_vec();
        packet[4..6].copy_from_slice(&((to - from + 8) as u16).to_be_bytes());
        packet[6] = 44;
        let more = u16::from(to < datagram.len());
        packet.extend([17, 0]);
        packet.extend((from as u16 | more).to_be_bytes());
        packet.extend([0, 0, 0, 7]);
        packet.extend(&datagram[from..to]);
        packet
    };
    assert_eq!(feed(&mut net, LinkType::RawIp, &piece(1448, 3008)), []);
    let got = feed(&mut net, LinkType::RawIp, &piece(0, 1448));
    assert_eq!((got.len(), &got[0].2), (1, &payload));
    assert_eq!((net.stats().fragments, net.stats().fragments_reassembled, net.held_bytes()), (4, 2, 0));
}

#[test]
fn copies_of_signalling_are_dropped_and_media_is_not_looked_at() {
    let mut net = net();
    let sip = v4(5060, SIP);
    let plain = ethernet(0x0800, &sip);
    let mut tagged = ethernet(0x8100, &[&[0, 5, 8, 0][..], &sip].concat());
    tagged[18 + 8] -= 1; // TTL
    assert_eq!(feed_at(&mut net, 0, LinkType::Ethernet, &plain).len(), 1);
    assert_eq!(feed_at(&mut net, 1, LinkType::Ethernet, &tagged).len(), 0);
    assert_eq!(feed_at(&mut net, 500, LinkType::Ethernet, &plain).len(), 1);
    let media = ethernet(0x0800, &v4(9000, SIP));
    for _ in 0..2 {
        assert_eq!(feed_at(&mut net, 0, LinkType::Ethernet, &media).len(), 1);
    }
    assert_eq!(net.stats().duplicates, 1);
}

fn tcp(src: u16, dst: u16, seq: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ethernet2([1; 6], [2; 6])
        .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .tcp(src, dst, seq, 1000)
        .write(&mut out, payload)
        .expect("builds");
    out
}

#[test]
fn messages_over_tcp_come_whole() {
    let mut net = net();
    let two = [SIP, SIP].concat();
    assert_eq!(feed_at(&mut net, 1, LinkType::Ethernet, &tcp(4000, 5060, 100, &two[..50])).len(), 1);
    let mut got = Vec::new();
    let second = tcp(4000, 5060, 150, &two[50..]);
    let frame = Frame { ts: Timestamp::from_ns(5), ..frame(&second, LinkType::Ethernet) };
    net.handle_frame(&frame, &mut |d: Datagram<'_>| got.push((d.ts, d.transport, d.payload.to_vec())));
    assert_eq!(got, [(Timestamp::from_ns(5), Transport::Tcp, SIP.to_vec())]);
    assert_eq!(feed(&mut net, LinkType::Ethernet, &tcp(4000, 443, 100, SIP)), []);
    let stats = net.stats();
    assert_eq!((stats.tcp_segments, stats.tcp_messages, stats.tcp_ignored, net.tcp_streams()), (2, 2, 1, 1));
}

#[test]
fn gaps_are_given_up_when_it_is_time() {
    let mut net = net();
    assert_eq!(feed_at(&mut net, 0, LinkType::Ethernet, &tcp(4000, 5060, 100, SIP)).len(), 1);
    assert_eq!(feed_at(&mut net, 10, LinkType::Ethernet, &tcp(4000, 5060, 1000, SIP)).len(), 0);
    assert_eq!(net.poll_timeout(), Some(Timestamp::from_ns(3010 * NS_PER_MS)));
    let other = ethernet(0x0800, &v4(9000, b"x"));
    assert_eq!(feed_at(&mut net, 3_011, LinkType::Ethernet, &other).len(), 1);
    let now = Timestamp::from_ns(3_011 * NS_PER_MS);
    assert!(net.is_due(now) && !net.is_due(Timestamp::from_ns(3_009 * NS_PER_MS)));
    let mut held = 0;
    net.handle_timeout(now, &mut |_: Datagram<'_>| held += 1);
    assert_eq!(held, 1);
    assert_eq!(net.poll_timeout(), None);
    feed_at(&mut net, 3_012, LinkType::Ethernet, &tcp(4000, 5060, 5000, SIP));
    let mut flushed = 0;
    net.flush(&mut |_: Datagram<'_>| flushed += 1);
    assert_eq!((flushed, net.stats().tcp_gaps), (1, 2));
    feed_at(&mut net, 0, LinkType::Ethernet, &other);
    assert_eq!(net.stats().backwards, 1);
    assert!(net.stats().farthest_back_ns > 0);
}
