//! `nauhuri doctor` over captures that somebody broke: the cause is named in the first three lines.
//!
//! The captures are those of `pcaps/`, changed frame by frame as a wrong mirror would change them.
//! Interfaces are in `tests/live/doctoring.rs`, each finding by itself in `src/doctor/tests.rs`.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]

mod common;

use common::capture::{Datagram, frames, ip_datagram};
use common::files::{pcap, tagged};
use common::ladder::ethernet;
use common::run::nauhuri;
use std::path::{Path, PathBuf};
use std::process::Output;

const MS: i64 = 1_000_000;
/// Whole frames.
const WHOLE: usize = 65_535;
const AGENTS: &str = "[agents]\nextensions = [\"2000-2999\"]\n";
/// Numbers and Call-IDs of the captures: none of it may be said.
const PERSONAL: &[&str] = &["40123", "0123456", "@192.0.2", "Call-ID"];

type Frames = Vec<(i64, Vec<u8>)>;

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps").join(name)
}

/// The frames of a capture, all Ethernet.
fn of(name: &str) -> Frames {
    let mut all = Vec::new();
    frames(&shipped(name), &mut |at, link, data| {
        assert_eq!(link, 1, "{name} is no Ethernet");
        all.push((at, data.to_vec()));
    });
    assert!(!all.is_empty(), "{name}");
    all
}

/// Four seconds of a call between 192.0.2.1 and an agent, both talking.
fn call() -> Frames {
    of("sipp-inbound-customer-bye.pcap")
}

fn udp(frame: &[u8]) -> Datagram {
    ip_datagram(1, frame).unwrap()
}

fn is_rtp(frame: &[u8]) -> bool {
    ip_datagram(1, frame).is_some_and(|d| d.rtp().is_some())
}

/// Who sends the first packet of RTP, or of SIP.
fn first_sender(all: &[(i64, Vec<u8>)], rtp: bool) -> std::net::IpAddr {
    let mut datagrams = all.iter().filter_map(|(_, f)| ip_datagram(1, f));
    datagrams.find(|d| d.rtp().is_some() == rtp).unwrap().src.ip()
}

fn kept(mut all: Frames, keep: impl Fn(&[u8]) -> bool) -> Frames {
    all.retain(|(_, f)| keep(f));
    all
}

/// What the doctor says of one capture under a configuration; nothing but that is done.
struct Visit {
    output: Output,
}

impl Visit {
    fn with(config: &str, capture: &[u8], args: &[&str]) -> Visit {
        let dir = tempfile::tempdir().unwrap();
        let (file, toml, store) =
            (dir.path().join("wire.pcap"), dir.path().join("test.toml"), dir.path().join("store"));
        std::fs::write(&file, capture).unwrap();
        std::fs::write(&toml, config).unwrap();
        let output = nauhuri()
            .arg("doctor")
            .arg("--config")
            .arg(&toml)
            .arg("--set")
            .arg(format!("storage.dir={}", store.display()))
            .args(args)
            .arg(&file)
            .output()
            .unwrap();
        let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "something was written: {left:?}");
        let visit = Visit { output };
        let said = visit.said() + &String::from_utf8_lossy(&visit.output.stderr);
        PERSONAL.iter().for_each(|word| assert!(!said.contains(word), "{word} in {said}"));
        visit
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// The words are in the first three lines, and it ends so.
    #[track_caller]
    fn names(&self, words: &[&str], code: i32) {
        let said = self.said();
        let first: Vec<&str> = said.lines().take(3).collect();
        let first = first.join("\n");
        words
            .iter()
            .for_each(|word| assert!(first.contains(word), "{word:?} is not in\n{first}\n---\n{said}"));
        assert_eq!(self.output.status.code(), Some(code), "{said}");
    }
}

#[track_caller]
fn names(config: &str, frames: &Frames, words: &[&str], code: i32) {
    Visit::with(config, &pcap(1, WHOLE, frames), &[]).names(words, code);
}

#[test]
fn a_healthy_wire_is_said_to_be_one() {
    for name in ["sipp-inbound-customer-bye.pcap", "sipp-tcp.pcap", "sipp-ipv6.pcap", "sipp-hold-resume.pcap"]
    {
        let visit = Visit::with(AGENTS, &pcap(1, WHOLE, &of(name)), &[]);
        visit.names(&["fit to record: 1 call answered, 1 of 1 heard on both sides"], 0);
        assert!(!visit.said().contains("do:"), "{name}: {}", visit.said());
        let json = Visit::with(AGENTS, &pcap(1, WHOLE, &of(name)), &["--json"]);
        let json: serde_json::Value = serde_json::from_slice(&json.output.stdout).unwrap();
        assert_eq!(
            (&json["fit"], json["findings"].as_array().map(Vec::len)),
            (&true.into(), Some(0)),
            "{json:#}"
        );
        assert_eq!(json["measured"]["calls_heard_on_both_sides"], 1, "{json:#}");
    }
}

#[test]
fn one_direction_of_everything() {
    let all = call();
    let customer = first_sender(&all, false);
    let half = kept(all, |f| ip_datagram(1, f).is_none_or(|d| d.src.ip() == customer));
    names(
        AGENTS,
        &half,
        &["not fit to record - one direction only", &customer.to_string(), "both directions"],
        1,
    );
}

#[test]
fn one_direction_of_the_media() {
    let all = of("sipp-inbound-agent-bye-pcmu.pcap");
    let talker = first_sender(&all, true);
    let half = kept(all, |f| !is_rtp(f) || udp(f).src.ip() == talker);
    names(
        AGENTS,
        &half,
        &["RTP in one direction only in 1 of 1 calls", "alone is heard", "both directions"],
        1,
    );
}

#[test]
fn signalling_without_media_and_media_without_signalling() {
    let sip = kept(of("sipp-inbound-agent-bye-pcmu.pcap"), |f| !is_rtp(f));
    names(AGENTS, &sip, &["no RTP at all in 1 of 1 calls", "192.0.2.", "mirror the ports of these hosts"], 1);
    let rtp = kept(call(), is_rtp);
    names(AGENTS, &rtp, &["of RTP and no SIP", "192.0.2.1", "SIP server"], 1);
}

#[test]
fn a_snap_length() {
    Visit::with(AGENTS, &pcap(1, 128, &call()), &[]).names(&["cut by the snap length", "tcpdump -s 0"], 1);
}

#[test]
fn every_packet_twice() {
    let twice: Frames = call().into_iter().flat_map(|(at, f)| [(at, f.clone()), (at + MS / 5, f)]).collect();
    names(AGENTS, &twice, &["fit to record - packets come twice", "in one place"], 0);
}

#[test]
fn another_port_than_is_listed() {
    let moved = call().into_iter().map(|(at, f)| {
        let Some(d) = ip_datagram(1, &f) else { return (at, f) };
        let to = |mut addr: std::net::SocketAddr| {
            addr.set_port(if addr.port() == 5060 { 5070 } else { addr.port() });
            addr
        };
        (at, ethernet(to(d.src), to(d.dst), &d.payload))
    });
    let words = ["SIP messages on UDP port 5070", "sip.ports = [5060, 5080, 5070]"];
    names(AGENTS, &moved.collect(), &words, 1);
}

#[test]
fn a_tunnel_that_is_not_opened() {
    let ends = [("198.51.100.66:50000"), ("192.0.2.99:4789")].map(|at| at.parse().unwrap());
    let wrap = |f: &[u8]| ethernet(ends[0], ends[1], &[&[8, 0, 0, 0, 0, 0, 7, 0], f].concat());
    let wrapped: Frames = call().iter().map(|(at, f)| (*at, wrap(f))).collect();
    let words =
        ["tunnel of kind vxlan, the first from 198.51.100.66", "capture.tunnels = [{ kind = \"vxlan\""];
    names(AGENTS, &wrapped, &words, 1);
    let opened = format!("{AGENTS}[capture]\ntunnels = [\"vxlan\"]\n");
    names(&opened, &wrapped, &["fit to record: 1 call"], 0);
}

#[test]
fn a_vlan_without_telephones() {
    let ends = ["192.0.2.7:40000", "192.0.2.8:53"].map(|at| at.parse().unwrap());
    let query = tagged(&ethernet(ends[0], ends[1], b"a question of names"), 30);
    let other: Frames = (0..200).map(|n| (call()[0].0 + n * 20 * MS, query.clone())).collect();
    names(AGENTS, &other, &["no SIP on ports 5060, 5080", "on VLANs 30", "sip.ports = \"any\""], 1);
}

#[test]
fn losses_at_the_mirror_and_on_the_network() {
    let all = of("sipp-inbound-agent-bye-pcmu.pcap");
    let began = all[0].0;
    let in_gap = |at: i64| (2_000..2_300).contains(&((at - began) / MS));
    let cut: Frames = all.iter().filter(|(at, f)| !(is_rtp(f) && in_gap(*at))).cloned().collect();
    names(AGENTS, &cut, &["all RTP streams miss packets at the same moment", "drop counters"], 1);
    let talker = first_sender(&all, true);
    let is_lost = |f: &[u8]| udp(f).rtp().is_some_and(|rtp| rtp.seq % 16 == 5) && udp(f).src.ip() == talker;
    let lossy = kept(all, |f| !is_rtp(f) || !is_lost(f));
    names(AGENTS, &lossy, &["RTP packets are missing, in 1 of 2 streams", "each at its own time"], 0);
}

#[test]
fn nobody_is_an_agent_or_everybody() {
    let others = "[agents]\nextensions = [\"7000-7999\"]\n";
    names(others, &call(), &["1 call answered, and no party of any is an agent by agents.extensions"], 1);
    names("", &call(), &["no agent rule is set", "agents.extensions = "], 1);
    let everybody = "[agents]\nnetworks = [\"192.0.2.0/24\"]\n";
    names(
        everybody,
        &call(),
        &["none would be recorded: both parties are agents", "agents.record_internal"],
        0,
    );
    let services = format!("{AGENTS}[service_default]\nrecord = false\n");
    names(&services, &call(), &["none would be recorded: their services have record = false"], 0);
}

#[test]
fn times_that_are_not_those_of_the_calls() {
    let (all, later) = (call(), 3_600_000 * MS);
    let joined: Frames =
        all.iter().map(|(at, f)| (at + 20_000 * MS, f.clone())).chain(all.iter().cloned()).collect();
    let joined = Visit::with(AGENTS, &pcap(1, WHOLE, &joined), &[]);
    joined.names(&["time runs backwards by up to", "reordercap"], 0);
    let began = all[0].0;
    let hurried: Frames = all.iter().map(|(at, f)| (began + later + (at - began) / 10, f.clone())).collect();
    names(AGENTS, &hurried, &["packets came faster than their sound lasts", "tcpreplay"], 0);
}

#[test]
fn no_packet_at_all() {
    names(AGENTS, &Frames::new(), &["no packet is in the captures", "mirror the port"], 1);
}

#[test]
fn no_call_in_what_was_seen() {
    names(AGENTS, &of("sipp-busy.pcap"), &["4 SIP messages, but no call was answered", "--seconds"], 0);
    let end = call()[0].0 + 1_500 * MS;
    let mut short = call();
    let talker = first_sender(&short, true);
    short.retain(|(at, f)| *at < end && (!is_rtp(f) || udp(f).src.ip() == talker));
    names(AGENTS, &short, &["none was long enough to be judged"], 0);
}

#[test]
fn what_nobody_can_read() {
    let sealed = of("baresip-dtls-srtp.pcapng");
    names(AGENTS, &sealed, &["the media of 1 of 1 calls are encrypted (SRTP)", "tls.key_log"], 1);
    let hidden = of("kamailio-tls13.pcapng");
    names(AGENTS, &hidden, &["TLS on TCP port 5061", "tls.key_log"], 1);
    let foreign = format!("{AGENTS}[codecs]\nexternal = false\n");
    names(&foreign, &of("sipp-g729.pcap"), &["the codec in 1 of 1 calls is G729", "libavcodec"], 1);
}

#[test]
fn an_offload_that_joins_packets() {
    let mut joined: Frames = Vec::new();
    let mut waiting: Vec<(std::net::SocketAddr, Frames)> = Vec::new();
    for (at, f) in call() {
        if !is_rtp(&f) {
            joined.push((at, f));
            continue;
        }
        let src = udp(&f).src;
        let i = waiting.iter().position(|(of, _)| *of == src).unwrap_or_else(|| {
            waiting.push((src, Vec::new()));
            waiting.len() - 1
        });
        waiting[i].1.push((at, f));
        if waiting[i].1.len() == 3 {
            let three = std::mem::take(&mut waiting[i].1);
            let d = udp(&three[0].1);
            let payload: Vec<u8> = three.iter().flat_map(|(_, f)| udp(f).payload).collect();
            joined.push((at, ethernet(d.src, d.dst, &payload)));
        }
    }
    names(AGENTS, &joined, &["held several RTP packets each", "ethtool -K", "gro off"], 0);
}

#[test]
fn fragments_that_do_not_come() {
    let is_later = |f: &[u8]| f[12..14] == [8, 0] && u16::from_be_bytes([f[20], f[21]]) & 0x1FFF != 0;
    let all = of("sipp-fragments.pcap");
    let firsts = kept(all.clone(), |f| !is_later(f));
    assert!(firsts.len() < all.len());
    names(AGENTS, &firsts, &["IP fragment", "not one datagram could be put together", "capture.filter"], 1);
}

#[test]
fn files_that_are_not_whole_or_of_another_kind() {
    let whole = pcap(1, WHOLE, &call());
    let cut = Visit::with(AGENTS, &whole[..whole.len() - 7], &[]);
    cut.names(&["is cut short within frame", "capture again"], 0);
    Visit::with(AGENTS, &pcap(147, WHOLE, &call()), &[]).names(&["of a link type that is not read"], 1);
}

/// Exit status and standard error.
fn refused(args: &[&str]) -> (Option<i32>, String) {
    let output = nauhuri().arg("doctor").args(args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.stdout.is_empty() && !said.contains("panicked"), "{said}");
    (output.status.code(), said)
}

#[test]
fn wrong_command_lines() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("empty.toml");
    std::fs::write(&empty, "").unwrap();
    let config = empty.to_str().unwrap();
    let expect = |args: &[&str], code: i32, words: &[&str]| {
        let (status, said) = refused(args);
        assert_eq!(status, Some(code), "{args:?}: {said}");
        words.iter().for_each(|word| assert!(said.contains(word), "{word:?} is not in {said}"));
    };
    expect(&["--config", config], 2, &["nothing to look at", "--interface", "capture.interface"]);
    expect(&["--interface", "eth1", "x.pcap"], 2, &["cannot be used with"]);
    expect(&["--seconds", "0", "--interface", "lo"], 2, &["--seconds"]);
    expect(&["--config", config, "/nowhere.pcap"], 1, &["/nowhere.pcap: no such file"]);
    expect(&["--config", config, config], 1, &["is empty"]);
    expect(&["--config", "/nowhere.toml", "x.pcap"], 2, &["/nowhere.toml", "no such file"]);
    expect(&["--config", config, "--set", "sip.prots=5070", "x.pcap"], 2, &["sip.prots", "sip.ports"]);
}
