//! Frames and capture files from strangers: random, mutated, lying; and real
//! ones of every wrapping from the corpus (`NAUHURI_CORPUS`).

#![allow(clippy::unwrap_used)]

use nauhuri::capture::file::FileSource;
use nauhuri::config::TunnelRule;
use nauhuri::net::{Datagram, Net, NetConfig, NetStats, Transport};
use nauhuri::time::{NS_PER_MS, Timestamp};
use nauhuri::wire::{Frame, LinkType};
use std::io::Cursor;
use std::path::PathBuf;

const SIP: &[u8] = b"OPTIONS sip:a@b SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n";
const PORTS: [u16; 3] = [5060, 5080, 5090];
const STREAMS: usize = 100;
const FRAGMENTS: usize = 100;
const BUFFER: usize = 8 * 1024;

fn net() -> Net {
    let (fragments, tcp_streams, tcp_buffer) = (FRAGMENTS, STREAMS, BUFFER);
    let tunnels = vec![TunnelRule::ANY];
    let hep_ports = vec![9060];
    let (sip_ports, tcp_bytes, fragment_bytes) = (PORTS.to_vec(), 1 << 24, 1 << 24);
    Net::new(NetConfig {
        tls_ports: vec![5061],
        opens_tls: false,
        finds_tls: false,
        sip_ports,
        finds_sip: false,
        tunnels,
        hep_ports,
        fragments,
        tcp_streams,
        tcp_buffer,
        tcp_bytes,
        fragment_bytes,
    })
}

/// splitmix64: the same numbers on every machine.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

fn ipv4(protocol: u8, fragment: u16, inner: &[u8]) -> Vec<u8> {
    let mut out = vec![0x45, 0, 0, 0, 0, 7, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    out[2..4].copy_from_slice(&(20 + inner.len() as u16).to_be_bytes());
    out[6..8].copy_from_slice(&fragment.to_be_bytes());
    out.extend(inner);
    out
}

fn udp(port: u16, inner: &[u8]) -> Vec<u8> {
    let ports = [&4000u16.to_be_bytes()[..], &port.to_be_bytes()].concat();
    [&ports[..], &(8 + inner.len() as u16).to_be_bytes(), &[0, 0], inner].concat()
}

fn tcp(seq: u32, flags: u8, inner: &[u8]) -> Vec<u8> {
    let head = [0x0f, 0xa0, 0x13, 0xc4];
    [&head[..], &seq.to_be_bytes(), &[0, 0, 0, 9, 0x50, flags, 16, 0, 0, 0, 0, 0], inner].concat()
}

fn ethernet(ether_type: u16, inner: &[u8]) -> Vec<u8> {
    [&[2; 12], &ether_type.to_be_bytes()[..], inner].concat()
}

fn ipv6(next: u8, inner: &[u8]) -> Vec<u8> {
    let len = (inner.len() as u16).to_be_bytes();
    [&[0x60, 0, 0, 0, len[0], len[1], next, 64][..], &[0xfd; 32], inner].concat()
}

/// One of each kind that has code of its own.
fn templates() -> Vec<Vec<u8>> {
    let packet = ipv4(17, 0, &udp(5060, SIP));
    let bridged = ethernet(0x0800, &packet);
    let ip = |packet: &[u8]| ethernet(0x0800, packet);
    let erspan = [&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1][..], &[0; 8], &bridged].concat();
    let erspan3 = [&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1][..], &[0; 11], &[1], &[0; 8], &bridged].concat();
    let chain =
        [&[60, 0, 1, 4, 0, 0, 0, 0, 44, 0, 1, 4, 0, 0, 0, 0][..], &[17, 0, 0, 1, 0, 0, 0, 9], SIP].concat();
    vec![
        ip(&packet),
        ip(&ipv4(17, 0, &udp(9000, &[0x80; 172]))),
        ethernet(0x8100, &[&[0, 5, 8, 0][..], &packet].concat()),
        ethernet(0x88a8, &[&[0, 5, 0x81, 0, 0, 6, 8, 0][..], &packet].concat()),
        ip(&ipv4(17, 0x2000, &udp(5060, SIP)[..32])),
        ip(&ipv4(17, 4, &udp(5060, SIP)[32..])),
        ip(&ipv4(6, 0, &tcp(1000, 0x02, &[]))),
        ip(&ipv4(6, 0, &tcp(1001, 0x18, SIP))),
        ip(&ipv4(6, 0, &tcp(1001 + SIP.len() as u32, 0x18, &SIP[..20]))),
        ip(&ipv4(4, 0, &packet)),
        ip(&ipv4(47, 0, &erspan)),
        ip(&ipv4(47, 0, &erspan3)),
        ip(&ipv4(17, 0, &udp(4789, &[&[8, 0, 0, 0, 0, 0, 1, 0], &bridged[..]].concat()))),
        ip(&ipv4(
            17,
            0,
            &udp(2152, &[&[0x34, 255, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0], &packet[..]].concat()),
        )),
        ip(&ipv4(17, 0, &udp(37008, &[&[1, 0, 0, 1, 10, 1, 0, 1], &bridged[..]].concat()))),
        ip(&ipv4(17, 0, &udp(6081, &[&[1, 0, 0x65, 0x58, 0, 0, 1, 0, 0, 0, 0, 0], &bridged[..]].concat()))),
        ethernet(0x8847, &[&[0, 0, 0x11, 64][..], &packet].concat()),
        ethernet(0x8864, &[&[0x11, 0, 0, 1, 0, 9, 0, 0x21][..], &packet].concat()),
        ethernet(0x86dd, &ipv6(17, &udp(5060, SIP))),
        ethernet(0x86dd, &ipv6(0, &chain)),
    ]
}

const LINKS: [LinkType; 6] = [
    LinkType::Ethernet,
    LinkType::LinuxSll,
    LinkType::LinuxSll2,
    LinkType::RawIp,
    LinkType::Null,
    LinkType::Other(147),
];

/// Everything a frame without datagram may be counted as, and datagrams themselves.
fn accounted(s: &NetStats) -> u64 {
    s.unknown_link
        + s.not_ip
        + s.unknown_encapsulation
        + s.nested_too_deep
        + s.short_headers
        + s.other_transport
        + s.udp_datagrams
        + s.duplicates
        + s.fragments
        + s.tcp_segments
        + s.tcp_ignored
}

#[test]
fn no_frame_panics_grows_or_goes_uncounted() {
    let (mut rng, mut net, templates) = (Rng(0x6e61_7568_7572_6921), net(), templates());
    let (mut now, mut bytes, mut delivered) = (1_700_000_000_000i64, Vec::new(), 0u64);
    // Fragments on average 8 KiB, streams 256 times the buffer, and one of each in the making.
    let bound = FRAGMENTS * 8 * 1024 + 257 * BUFFER + 65_536;
    for n in 0..200_000u64 {
        bytes.clear();
        if n % 8 == 0 {
            bytes.extend((0..rng.below(200)).map(|_| rng.next() as u8));
        } else {
            bytes.extend(&templates[rng.below(templates.len())]);
            for _ in 0..rng.below(6) {
                let at = rng.below(bytes.len());
                bytes[at] = if rng.below(2) == 0 { rng.next() as u8 } else { bytes[at] ^ 1 << rng.below(8) };
            }
            if rng.below(8) == 0 {
                bytes.truncate(rng.below(bytes.len() + 1));
            }
        }
        now += rng.below(20) as i64 - if rng.below(1000) == 0 { 100_000 } else { 0 };
        let link = if rng.below(10) == 0 { LINKS[rng.below(LINKS.len())] } else { LinkType::Ethernet };
        let ts = Timestamp::from_ns(now * NS_PER_MS);
        let wire_len = (bytes.len() + rng.below(2) * rng.below(100)) as u32;
        net.handle_frame(&Frame { ts, link, data: &bytes, wire_len }, &mut |d: Datagram<'_>| {
            assert!(d.payload.len() <= 65_535);
            delivered += 1;
        });
        assert!(net.tcp_streams() <= STREAMS && net.held_bytes() <= bound, "{}", net.held_bytes());
        assert!(accounted(net.stats()) > n, "frame {n} is counted nowhere: {bytes:02x?}");
    }
    net.flush(&mut |_| delivered += 1);
    let stats = net.stats();
    assert_eq!(stats.udp_datagrams + stats.tcp_messages + stats.tcp_cut, delivered);
    // The mutations are mild enough that every road was taken.
    for (what, count) in [
        ("datagrams", delivered),
        ("tunnels", stats.decapsulated),
        ("reassembled", stats.fragments_reassembled),
        ("overlaps", stats.fragments_dropped.overlap),
        ("gaps", stats.tcp_gaps),
        ("messages", stats.tcp_messages),
        ("duplicates", stats.duplicates),
        ("bad lengths", stats.bad_lengths),
    ] {
        assert!(count > 50, "{what}: {count} in {stats:?}");
    }
}

#[test]
fn a_flood_of_fragments_and_connections_stays_within_bounds() {
    let (mut rng, mut net) = (Rng(2), net());
    let large = vec![0x41u8; 1400];
    for n in 0..20_000u32 {
        let mut packet = if n % 2 == 0 {
            ipv4(17, 0x2000 | (rng.below(8000) as u16), &large)
        } else {
            ipv4(6, 0, &tcp(rng.below(1 << 20) as u32, 0x18, &large))
        };
        packet[4..6].copy_from_slice(&(n as u16).to_be_bytes());
        packet[12..16].copy_from_slice(&(rng.below(300) as u32).to_be_bytes());
        let data = ethernet(0x0800, &packet);
        let ts = Timestamp::from_ns(i64::from(n) * 1000);
        let frame = Frame { ts, link: LinkType::Ethernet, data: &data, wire_len: data.len() as u32 };
        net.handle_frame(&frame, &mut |_| {});
        assert!(net.held_bytes() <= FRAGMENTS * 8 * 1024 + 257 * BUFFER);
    }
    assert!(net.stats().fragments_dropped.evicted > 0 && net.stats().tcp_evicted > 0);
}

#[test]
fn no_capture_file_panics() {
    let mut pcap = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
    let mut ng = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let len = 12 + body.len() as u32;
        ng.extend([&kind.to_le_bytes()[..], &len.to_le_bytes(), body, &len.to_le_bytes()].concat());
    };
    block(0x0a0d_0d0a, &[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
    block(1, &[1, 0, 0, 0, 0, 0, 4, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    for data in [&b"abcd"[..], b"efghijkl"] {
        let len = (data.len() as u32).to_le_bytes();
        pcap.extend([&[1, 0, 0, 0, 2, 0, 0, 0], &len[..], &len, data].concat());
        block(6, &[&[0; 12], &len[..], &len, data].concat());
        block(3, &[&len[..], data].concat());
    }
    let mut rng = Rng(3);
    for n in 0..20_000 {
        let mut bytes = if n % 2 == 0 { pcap.clone() } else { ng.clone() };
        for _ in 0..rng.below(4) {
            let at = rng.below(bytes.len());
            bytes[at] = rng.next() as u8;
        }
        bytes.truncate(rng.below(bytes.len() * 4));
        let Ok(mut source) = FileSource::from_reader("x", Box::new(Cursor::new(bytes)), None) else {
            continue;
        };
        for _ in 0..20 {
            match source.next() {
                Ok(Some(frame)) => assert!(frame.data.len() < 200),
                Ok(None) => break,
                Err(error) => assert!(error.is_warning(), "{error}"),
            }
        }
    }
}

/// What came out of a capture of the corpus.
struct Played {
    udp_sip: usize,
    tcp_sip: usize,
    stats: NetStats,
}

fn play(file: &str) -> Played {
    let corpus =
        std::env::var_os("NAUHURI_CORPUS").expect("set NAUHURI_CORPUS to the folder of test captures");
    let path = PathBuf::from(corpus).join(file);
    let mut source = FileSource::open(&path).unwrap_or_else(|e| panic!("of NAUHURI_CORPUS: {e}"));
    let mut net = net();
    let (mut udp_sip, mut tcp_sip) = (0, 0);
    let mut sink = |d: Datagram<'_>| {
        let line = d.payload.split(|b| *b == b'\n').next().unwrap_or_default();
        let sip = line.windows(7).any(|w| w == b"SIP/2.0");
        match (sip, d.transport) {
            (true, Transport::Udp) => udp_sip += 1,
            (true, Transport::Tcp) => tcp_sip += 1,
            (true, _) => panic!("over {:?}", d.transport),
            (false, _) => {}
        }
    };
    while let Some(frame) = source.next().unwrap_or_else(|e| panic!("{e}")) {
        net.handle_frame(&frame, &mut sink);
    }
    net.flush(&mut sink);
    Played { udp_sip, tcp_sip, stats: *net.stats() }
}

/// Messages over UDP and TCP, as Wireshark counts them.
#[test]
#[ignore = "needs the corpus: set NAUHURI_CORPUS and run `make test-corpus`"]
fn corpus_real_captures_of_every_wrapping() {
    for (file, udp, tcp) in [
        ("v24_erspan_attended_transfer_hold.pcapng", 140, 0),
        ("v25_ipv6_fragmented_prack_update_sll.pcap", 32, 0),
        ("v26_gtpu_volte_ipv6_tcp_amr_sll.pcap", 4, 13),
        ("robustness/dtmf_sip_info_pppoe.pcap", 32, 0),
        ("robustness/ipip_tcp.pcap", 0, 4),
        ("robustness/tcp_fragmented.pcap", 0, 6),
        ("robustness/tcp_retrans_register.pcap", 4, 4),
        ("robustness/sipp_sll.pcap", 30, 0),
        ("robustness/h263_video_only_rtp.pcap", 4, 0),
        ("robustness/ipv6_bad_timestamps.pcap", 6, 0),
        ("robustness/sipp_771_dialogs_no_media.pcapng", 4618, 0),
    ] {
        let played = play(file);
        assert_eq!((played.udp_sip, played.tcp_sip), (udp, tcp), "{file}: {:?}", played.stats);
        let given_up = (played.stats.fragments_dropped.total(), played.stats.tcp_gaps);
        assert_eq!(given_up, (0, 0), "{file}");
    }
}
