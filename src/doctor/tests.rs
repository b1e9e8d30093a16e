//! What is said of what was measured: each finding from facts that show nothing else.

use super::doctor_facts::{ClockFacts, FilterFacts, FrameCounts, InterfaceFacts, StoreFacts, WireFacts};
use super::doctor_report::{json, text};
use super::seen_hosts::HostPair;
use super::severity::Severity::{Broken, Impaired, Remark};
use super::{Severity, diagnose};
use crate::call::Unrecorded;
use crate::capture::live::{Drops, LiveError};
use crate::config::{ClockTrust, Config, TunnelKind};
use crate::custody::wall_clock::Sync;
use crate::net::{Transport, Unread};
use crate::tls::Unopened;

/// A configuration that leaves nothing open.
fn config() -> Config {
    let mut config = Config::default();
    config.capture.interface = vec!["eth1".into()];
    config.agents.extensions = vec!["2000-2999".into()];
    config.storage.min_free = 5 << 30;
    config
}

fn pair(a: u8, b: u8, sent: [u64; 2]) -> HostPair {
    HostPair { ends: [[10, 0, 0, a].into(), [10, 0, 0, b].into()], sent }
}

/// Thirty seconds of a wire on which all is well: five calls, a mirror, a store.
fn healthy() -> WireFacts {
    let mut f = WireFacts { is_live: true, is_configured: true, seconds: 30.0, ..WireFacts::default() };
    f.engine.net.frames = 10_000;
    (f.engine.requests[0], f.engine.responses[2]) = (20, 20);
    f.frames = FrameCounts { all: 10_000, own: 10, group: 90, ..FrameCounts::default() };
    f.sip_pairs = vec![pair(1, 2, [20, 20])];
    f.rtp_pairs = vec![pair(1, 2, [4900, 4900])];
    f.named_hosts = vec![[10, 0, 0, 1].into(), [10, 0, 0, 2].into()];
    (f.streams.streams, f.streams.packets) = (10, 9800);
    (f.calls.recorded, f.calls.judged, f.calls.both_heard) = (5, 5, 5);
    let (name, frames) = ("eth1".into(), f.frames.clone());
    f.interfaces = vec![InterfaceFacts { name, has_address: true, frames, ..InterfaceFacts::default() }];
    f.clock = Some(ClockFacts { sync: Sync::Yes, set_ns: 0 });
    let dir: std::path::PathBuf = "/srv/calls".into();
    let (nearest, free) = (dir.clone(), Some(50 << 30));
    f.store = Some(StoreFacts { dir, nearest, free, sync_ms: Some(4.0), ..StoreFacts::default() });
    f
}

/// A wire without SIP, on which nothing else is told.
fn without_sip(f: &mut WireFacts) {
    (f.engine.requests, f.engine.responses) = Default::default();
    (f.sip_pairs, f.rtp_pairs) = (Vec::new(), Vec::new());
    (f.streams, f.calls) = Default::default();
}

fn trouble(f: &mut WireFacts, trouble: LiveError) {
    without_sip(f);
    f.frames = FrameCounts::default();
    f.engine.net.frames = 0;
    let i = &mut f.interfaces[0];
    (i.frames, i.trouble) = (FrameCounts::default(), Some(trouble));
}

fn silent(f: &mut WireFacts) {
    without_sip(f);
    f.engine.net.frames = 0;
    f.interfaces[0].frames = FrameCounts::default();
}

/// One thing that is wrong: what it is called, how bad it is, what is said, and how the facts show it.
type Case = (&'static str, Severity, &'static [&'static str], fn(&mut WireFacts, &mut Config));

/// Told first and alone.
#[track_caller]
fn check(cases: &[Case]) {
    for (name, severity, said, change) in cases {
        let (mut facts, mut config) = (healthy(), config());
        change(&mut facts, &mut config);
        let all: Vec<_> = diagnose(&facts, &config).iter().map(super::DoctorFinding::words).collect();
        assert!(all.len() == 1 && all[0].finding == *name, "{name}: {all:#?}");
        assert_eq!(all[0].severity, *severity, "{name}");
        let line = format!("{}\n{}", all[0].wrong, all[0].remedy);
        said.iter().for_each(|word| assert!(line.contains(word), "{name}: {word:?} is not in {line}"));
        assert!(!all[0].remedy.is_empty() && line.lines().count() == 2, "{name}: {line}");
    }
}

#[test]
fn nothing_is_said_where_all_is_well() {
    assert_eq!(diagnose(&healthy(), &config()), []);
    let text = text(&healthy(), &[]);
    let first = text.lines().next().unwrap_or_default();
    for word in ["fit to record: 5 calls answered", "5 of 5 heard on both sides", "none dropped"] {
        assert!(first.contains(word), "{word}: {first}");
    }
    assert_eq!(json(&healthy(), &[])["fit"], true);
}

#[test]
fn interfaces() {
    check(&[
        (
            "no_rights",
            Broken,
            &["eth1: this user may not capture", "setcap cap_net_raw+ep", "AmbientCapabilities="],
            |f, _| {
                trouble(f, LiveError::Forbidden { name: "eth1".into() });
            },
        ),
        ("interface_down", Broken, &["eth1: the interface is down", "ip link set eth1 up"], |f, _| {
            trouble(f, LiveError::Down { name: "eth1".into() });
        }),
        ("not_captured", Broken, &["eth1: it went away", "capture.interface"], |f, _| {
            trouble(f, LiveError::Failed { name: "eth1".into(), why: "it went away".into() });
        }),
        ("no_link", Broken, &["eth1", "no link", "cable"], |f, _| {
            silent(f);
            f.interfaces[0].has_no_link = true;
        }),
        ("nothing_arrives", Broken, &["eth1: not one packet arrived in 30 seconds", "SPAN"], |f, _| {
            silent(f)
        }),
        ("not_mirrored", Broken, &["own traffic (10 packets) and broadcasts (90)", "SPAN"], |f, _| {
            without_sip(f);
            f.interfaces[0].frames.all = 100;
        }),
        ("not_mirrored", Broken, &["set capture.promiscuous = true"], |f, c| {
            without_sip(f);
            f.interfaces[0].frames.all = 100;
            c.capture.promiscuous = false;
        }),
        (
            "dropped",
            Impaired,
            &["eth1: 40 packets were dropped beside 10000", "capture.buffer_mib above 256"],
            |f, _| {
                f.interfaces[0].drops = Drops { kernel: 40, interface: 0 };
                // What is missing in all streams was dropped here.
                (f.streams.lost, f.streams.common_lost, f.streams.common_moments) = (40, 40, 2);
            },
        ),
        ("dropped", Broken, &["by the card", "ethtool -G eth1 rx"], |f, _| {
            f.interfaces[0].drops = Drops { kernel: 0, interface: 400 };
        }),
    ]);
}

#[test]
fn filters() {
    let hidden: Case = (
        "filter_hides",
        Broken,
        &[
            "\"udp port 5060\" keeps 40 of 40 SIP messages",
            "they carry a VLAN tag",
            "udp port 5060 or (vlan and (udp port 5060))",
        ],
        |f, c| {
            silent(f);
            c.capture.filter = "udp port 5060".into();
            let frames = FrameCounts { all: 10_000, tagged: 10_000, ..FrameCounts::default() };
            f.without_filter = Some(FilterFacts { sip: 40, rtp: 9800, frames });
        },
    );
    let media: Case = (
        "filter_hides",
        Broken,
        &["keeps 9800 of 9800 RTP packets", "leave capture.filter empty"],
        |f, c| {
            c.capture.filter = "port 5060".into();
            (f.streams.packets, f.streams.streams) = (0, 0);
            (f.calls.both_heard, f.calls.none_heard) = (0, 5);
            f.without_filter = Some(FilterFacts { sip: 40, rtp: 9800, frames: f.frames.clone() });
        },
    );
    check(&[hidden, media]);
    let (mut f, mut c) = (healthy(), config());
    c.capture.filter = "udp".into();
    f.without_filter = Some(FilterFacts { sip: 41, rtp: 9900, frames: f.frames.clone() });
    assert_eq!(diagnose(&f, &c), []);
}

#[test]
fn what_is_not_read() {
    check(&[
        (
            "sip_port",
            Broken,
            &["40 SIP messages on UDP port 5070", "sip.ports = [5060, 5080, 5070]"],
            |f, _| {
                without_sip(f);
                f.engine.unread = vec![(Unread::SipPort { transport: Transport::Udp, port: 5070 }, 40)];
            },
        ),
        ("sip_port", Impaired, &["3 SIP messages on TCP port 5070"], |f, _| {
            f.engine.unread = vec![(Unread::SipPort { transport: Transport::Tcp, port: 5070 }, 3)];
        }),
        ("tls", Broken, &["TLS on TCP port 5061", "tls.key_log"], |f, _| {
            without_sip(f);
            f.engine.unread = vec![(Unread::Tls { port: 5061, sip: true }, 9)];
        }),
        ("tls_no_secret", Broken, &["TLS connections on port 5061", "tls.key_log"], |f, _| {
            without_sip(f);
            let why = Unopened::NoSecret;
            f.engine.unread = vec![(Unread::TlsUnopened { port: 5061, why }, 9)];
        }),
        ("websocket", Broken, &["WebSockets with SIP on TCP port 8088", "sip.ports"], |f, _| {
            without_sip(f);
            f.engine.unread = vec![(Unread::WebSocket { port: 8088, sip: true }, 2)];
        }),
        ("sctp", Broken, &["SCTP packets with SIP on port 7000", "sip.ports"], |f, _| {
            without_sip(f);
            f.engine.unread = vec![(Unread::Sctp { port: 7000, sip: true }, 2)];
        }),
        ("encapsulation", Broken, &["wrapped in ESP (IPsec)", "mirror a segment"], |f, _| {
            without_sip(f);
            f.engine.unread = vec![(Unread::Protocol(50), 90)];
        }),
        (
            "tunnel",
            Broken,
            &["tunnel of kind vxlan, the first from 10.9.0.1", "capture.tunnels = [{ kind = \"vxlan\""],
            |f, _| {
                without_sip(f);
                f.engine.net.tunnels_refused[TunnelKind::Vxlan.index()] = 900;
                f.engine.tunnel_senders[TunnelKind::Vxlan.index()] = Some([10, 9, 0, 1].into());
            },
        ),
        ("cut", Broken, &["9000 of 10000 packets are cut", "-s 0"], |f, _| {
            (f.engine.net.truncated, f.engine.rtp_cut) = (9000, 8000);
        }),
        ("cut", Impaired, &["9 of 10000 packets are cut"], |f, _| f.engine.net.cut = 9),
        ("super_packet", Remark, &["several RTP packets each", "ethtool -K eth1 gro off"], |f, _| {
            f.engine.super_packets = 7;
        }),
    ]);
}

#[test]
fn what_the_wire_brings() {
    check(&[
        (
            "no_sip",
            Broken,
            &["no SIP on ports 5060, 5080", "9 other UDP datagrams", "on VLANs 30", "sip.ports = \"any\""],
            |f, _| {
                without_sip(f);
                f.engine.other_udp = 9;
                f.frames.vlans.insert(30, 9);
            },
        ),
        (
            "rtp_without_sip",
            Broken,
            &["9800 packets of RTP and no SIP", "between 10.0.0.1 and 10.0.0.2"],
            |f, _| {
                let (streams, pairs) = (f.streams, f.rtp_pairs.clone());
                without_sip(f);
                (f.streams, f.rtp_pairs) = (streams, pairs);
            },
        ),
        (
            "one_direction",
            Broken,
            &["one direction only: 20 of 20 SIP messages", "from 10.0.0.1 to 10.0.0.2", "both"],
            |f, _| {
                f.sip_pairs = vec![pair(1, 2, [19, 0]), pair(3, 4, [1, 0])];
                f.calls = Default::default();
                f.engine.unrecorded[Unrecorded::InviteNotSeen as usize] = 5;
            },
        ),
        ("one_direction", Broken, &["4900 of 4900 RTP packets", "from 10.0.0.1 to 10.0.0.2"], |f, _| {
            f.rtp_pairs = vec![pair(1, 2, [4900, 0])];
            (f.calls.judged, f.calls.both_heard) = (0, 0);
        }),
        ("capture_loss", Broken, &["at the same moment, 3 times (900 of 10700)", "drop counters"], |f, _| {
            (f.streams.lost, f.streams.common_lost, f.streams.common_moments) = (900, 900, 3);
        }),
        ("capture_loss", Impaired, &["at the same moment, once (9 of 9810)"], |f, _| {
            (f.streams.lost, f.streams.common_lost, f.streams.common_moments) = (10, 9, 1);
        }),
        ("loss", Remark, &["200 of 10000 RTP packets are missing, in 2 of 10 streams"], |f, _| {
            (f.streams.lost, f.streams.with_loss) = (200, 2);
        }),
        ("loss", Impaired, &["2450 of 12250 RTP packets"], |f, _| {
            (f.streams.lost, f.streams.with_loss) = (2450, 9)
        }),
        ("duplicates", Remark, &["9800 copies beside 9800 RTP packets", "in one place"], |f, _| {
            f.streams.copies = 9800
        }),
        (
            "fragments_lost",
            Impaired,
            &["90 IP fragments, of which only 3 datagrams", "capture.filter"],
            |f, _| {
                (f.engine.net.fragments, f.engine.net.fragments_reassembled) = (90, 3);
                (f.engine.net.fragments_dropped.timeout, f.engine.net.fragments_dropped.truncated) = (4, 9);
            },
        ),
        ("fragments_lost", Broken, &["4 IP fragments, and not one datagram"], |f, _| {
            f.engine.net.fragments = 4
        }),
        ("tcp_lost", Impaired, &["TCP connections with SIP", "once"], |f, _| f.engine.net.tcp_gaps = 1),
    ]);
}

#[test]
fn calls() {
    check(&[
        ("no_agent_rule", Broken, &["no agent rule", "agents.extensions = "], |_, c| {
            c.agents.extensions.clear()
        }),
        ("no_agent", Broken, &["5 calls answered", "by agents.extensions, agents.header"], |f, c| {
            c.agents.header = "X-Agent".into();
            (f.calls.recorded, f.calls.judged, f.calls.both_heard) = (0, 0, 0);
            f.engine.unrecorded[Unrecorded::NoAgent as usize] = 5;
        }),
        (
            "internal",
            Impaired,
            &["2 calls answered, and none would be recorded: both parties are agents"],
            |f, _| {
                f.calls = Default::default();
                f.engine.unrecorded[Unrecorded::Internal as usize] = 2;
            },
        ),
        ("service", Impaired, &["record = false", "[[service]]"], |f, _| {
            f.calls = Default::default();
            f.engine.unrecorded[Unrecorded::Service as usize] = 1;
        }),
        ("direction", Impaired, &["do not record this direction"], |f, _| {
            f.calls = Default::default();
            f.engine.unrecorded[Unrecorded::Direction as usize] = 1;
        }),
        ("no_rtp", Broken, &["no RTP at all in 5 of 5 calls", "name 10.0.0.1, 10.0.0.2"], |f, _| {
            (f.calls.both_heard, f.calls.none_heard) = (0, 5);
            f.rtp_pairs.clear();
        }),
        ("no_rtp", Broken, &["no RTP at all in 5 of 5 calls"], |f, _| {
            (f.calls.judged, f.calls.both_heard, f.streams) = (0, 0, Default::default());
            f.rtp_pairs.clear();
        }),
        ("one_way", Broken, &["in 4 of 5 calls: the customer alone is heard", "both directions"], |f, _| {
            (f.calls.both_heard, f.calls.one_heard) = (1, [4, 0]);
        }),
        ("one_way", Impaired, &["in 2 of 5 calls: one side (the customer in 1, the agent in 1)"], |f, _| {
            (f.calls.both_heard, f.calls.one_heard) = (3, [1, 1]);
        }),
        ("encrypted", Broken, &["the media of 5 of 5 calls are encrypted", "SIPREC"], |f, _| {
            f.calls.sealed = 5
        }),
        ("codec", Impaired, &["in 1 of 5 calls is G729", "libavcodec"], |f, _| {
            f.calls.undecodable.insert("G729".into(), 1);
        }),
        ("no_call", Impaired, &["40 SIP messages, but no call was answered", "--seconds"], |f, _| {
            (f.calls, f.streams) = Default::default();
            f.rtp_pairs.clear();
        }),
        ("too_short", Impaired, &["5 calls answered, and none was long enough"], |f, _| {
            (f.calls.judged, f.calls.both_heard) = (0, 0);
        }),
        ("invite_unseen", Remark, &["3 calls began before the capture"], |f, _| {
            f.engine.unrecorded[Unrecorded::InviteNotSeen as usize] = 3;
        }),
    ]);
    // Captures without a word of configuration are replayed without a rule as well.
    let (mut f, mut c) = (healthy(), config());
    c.agents.extensions.clear();
    (f.is_live, f.is_configured) = (false, false);
    assert_eq!(diagnose(&f, &c), []);
}

#[test]
fn machine() {
    check(&[
        ("clock_set", Impaired, &["set by -2.0 s"], |f, _| {
            f.clock = Some(ClockFacts { sync: Sync::Yes, set_ns: -2_000_000_000 });
        }),
        ("clock_unsynchronised", Impaired, &["not synchronised", "timedatectl set-ntp true"], |f, _| {
            f.clock = Some(ClockFacts { sync: Sync::No, set_ns: 0 });
        }),
        ("clock_unsynchronised", Remark, &["nothing here can say", "retention.clock"], |f, _| {
            f.clock = Some(ClockFacts { sync: Sync::Unknown, set_ns: 0 });
        }),
        ("time_stamps", Impaired, &["5 packets carry times that cannot be true"], |f, _| {
            f.engine.time_outliers = 5
        }),
        ("time_backwards", Impaired, &["backwards by up to 90.0 s", "reordercap"], |f, _| {
            f.engine.net.farthest_back_ns = 90_000_000_000;
        }),
        ("not_real_time", Impaired, &["in 10 of 10 RTP streams", "tcpreplay"], |f, _| f.streams.hurried = 10),
        ("store_not_mounted", Broken, &["is its file system mounted?", "mount the file system"], |f, _| {
            store(f).refused = Some("/srv/calls holds no store: is its file system mounted?".into());
        }),
        (
            "store_not_writable",
            Broken,
            &["nauhuri may not write into /srv/calls", "chown -R nauhuri /srv/calls"],
            |f, _| {
                store(f).not_writable_by = Some("nauhuri".into());
            },
        ),
        ("no_space", Broken, &["1.0 GiB are free, less than the 5.0 GiB of storage.min_free"], |f, _| {
            store(f).free = Some(1 << 30);
        }),
        ("no_inodes", Broken, &["only 12 more files", "mkfs -N"], |f, _| store(f).few_inodes = Some(12)),
        ("slow_disk", Remark, &["64 KiB took 900 ms"], |f, _| store(f).sync_ms = Some(900.0)),
        ("capture_file", Remark, &["a.pcap: is cut short"], |f, _| {
            f.file_remarks = vec!["a.pcap: is cut short".into()]
        }),
    ]);
    let (mut f, mut c) = (healthy(), config());
    c.retention.clock = ClockTrust::Any;
    f.clock = Some(ClockFacts { sync: Sync::Unknown, set_ns: 0 });
    assert_eq!(diagnose(&f, &c), []);
}

fn store(f: &mut WireFacts) -> &mut StoreFacts {
    f.store.get_or_insert_default()
}

#[test]
fn the_worst_is_told_first_and_the_cause_before_what_follows() {
    let (mut f, c) = (healthy(), config());
    f.streams.copies = 9800;
    f.clock = Some(ClockFacts { sync: Sync::No, set_ns: 0 });
    (f.calls.both_heard, f.calls.one_heard) = (0, [5, 0]);
    store(&mut f).free = Some(0);
    let found = diagnose(&f, &c);
    let names: Vec<_> = found.iter().map(|f| f.words().finding).collect();
    assert_eq!(names, ["one_way", "no_space", "clock_unsynchronised", "duplicates"]);
    let text = text(&f, &found);
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("not fit to record - RTP in one direction only"), "{text}");
    assert!(lines[1].trim_start().starts_with("do: mirror both directions"), "{text}");
    assert!(lines[2].starts_with("broken too - /srv/calls: 0.0 GiB"), "{text}");
    let json = json(&f, &found);
    assert_eq!((&json["fit"], json["findings"].as_array().map(Vec::len)), (&false.into(), Some(4)));
    assert_eq!(json["findings"][2]["severity"], "impaired");
}
