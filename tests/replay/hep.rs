//! Calls that capture agents send in HEP: the same call gives the same sound as at the mirror.

use super::captures::config;
use crate::common::capture::{Datagram, frames};
use crate::common::hep::{CaptureAgent, Packing, sent};
use crate::common::ladder::{addr, write_pcap};
use crate::common::repository;
use crate::common::run::{Run, replay};
use crate::kit::warnings;
use nauhuri::config::{Config, TunnelRule};
use nauhuri::net::{Net, NetConfig};
use nauhuri::time::Timestamp;
use nauhuri::wire::{Frame, LinkType};
use std::path::{Path, PathBuf};

const S: i64 = 1_000_000_000;
const MS: i64 = 1_000_000;

/// Every shipped capture of which all that matters can be said in HEP.
fn captures() -> Vec<PathBuf> {
    let dir = std::fs::read_dir(repository("pcaps")).unwrap();
    let mut all: Vec<_> = dir
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "pcap" || e == "pcapng"))
        // HEP itself; TLS; packets that were cut, of which it says nothing; and nanoseconds, for which it has no room.
        .filter(|p| {
            let name = p.file_name().unwrap().to_string_lossy();
            !["hep", "tls", "dropped", "-ns"].iter().any(|word| name.contains(word))
        })
        .collect();
    all.sort();
    assert!(all.len() > 40, "{}", all.len());
    all
}

/// What an agent at the place of a capture would have seen: datagrams, and SIP messages out of TCP.
fn seen(capture: &Path) -> Vec<Datagram> {
    let config = Config {
        capture: nauhuri::config::Capture { tunnels: vec![TunnelRule::ANY], ..Default::default() },
        ..Config::default()
    };
    let mut net = Net::new(NetConfig::from(&config));
    let mut all = Vec::new();
    let mut keep = |d: nauhuri::net::Datagram<'_>| {
        let (at_ns, src, dst) = (d.ts.as_ns(), d.flow.src, d.flow.dst);
        all.push(Datagram { at_ns, src, dst, payload: d.payload.to_vec() });
    };
    frames(capture, &mut |at, link, data| {
        let (ts, link) = (Timestamp::from_ns(at), LinkType::from_dlt(link as u16));
        net.handle_frame(&Frame { ts, link, data, wire_len: data.len() as u32 }, &mut keep);
    });
    net.flush(&mut keep);
    all
}

/// Replays what agents send of `all`: who of them captures a datagram, `which` says, and how long it
/// takes to come, `delay`.
fn replay_hep(
    config: &str,
    all: &[Datagram],
    which: impl Fn(&Datagram) -> CaptureAgent,
    delay: impl Fn(usize) -> i64,
) -> Run {
    let packet = |(n, d): (usize, &Datagram)| (d.at_ns + delay(n), which(d).packet(d));
    let packets: Vec<_> = all.iter().enumerate().map(packet).collect();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hep.pcap");
    write_pcap(&path, &sent(addr("198.51.100.9:40000"), addr("198.51.100.200:9060"), &packets));
    replay(config, &[&path])
}

fn opened(more: &str) -> String {
    format!(
        "{}\n[hep]\nlisten = [\"udp:198.51.100.200:9060\"]\nfrom = [\"198.51.100.0/24\"]\n{more}",
        config()
    )
}

#[track_caller]
fn same(mirror: &Run, hep: &Run, what: &str) {
    let ids =
        |run: &Run| run.recordings.iter().map(|r| r.text("/sip/call_id").to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(mirror), ids(hep), "{what}");
    for (a, b) in mirror.recordings.iter().zip(&hep.recordings) {
        assert_eq!(a.json, b.json, "{what}");
        assert!(a.data == b.data, "{what}: sound");
    }
}

fn mirror(path: &Path) -> Run {
    replay(&config(), &[path])
}

#[test]
fn hep_or_mirror_the_same_call_gives_the_same_sound() {
    let plain = CaptureAgent::default();
    let agents = [
        plain,
        CaptureAgent { version: 2, ..plain },
        CaptureAgent { packing: Packing::Zlib, ..plain },
        CaptureAgent { packing: Packing::Gzip, key: Some("sesame"), ..plain },
    ];
    for (n, path) in captures().iter().enumerate() {
        let what = path.display().to_string();
        let hep = replay_hep(&opened(""), &seen(path), |_| agents[n % agents.len()], |_| 0);
        same(&mirror(path), &hep, &what);
    }
}

/// Clocks that are wrong, each by itself, and a network that takes its time: two agents, one beside
/// the proxy, one beside the media.
#[test]
fn agents_with_clocks_of_their_own_are_heard_on_one() {
    let path = repository("pcaps/sipp-inbound-customer-bye.pcap");
    let (mirror, all) = (mirror(&path), seen(&path));
    let plain = CaptureAgent::default();
    for (signalling, media) in [(3 * S, -7 * S), (-86_400 * S, 40 * S), (-S, S), (0, 3600 * S), (90 * S, 0)] {
        let which = |d: &Datagram| match d.payload.first() {
            Some(b) if b.is_ascii_alphabetic() => CaptureAgent { id: 1, ahead_ns: signalling, ..plain },
            _ => CaptureAgent { id: 2, ahead_ns: media, ..plain },
        };
        same(&mirror, &replay_hep(&opened(""), &all, which, |_| 0), "no delay");
        // Up to 4 ms, in order: nothing is farther off than that, and no sound from before the answer.
        let late = replay_hep(&opened(""), &all, which, |n| (n as i64 * 7919 % 5) * MS / 2);
        let (a, b) = (mirror.only(), late.only());
        assert_eq!(a.json["complete"], b.json["complete"]);
        for key in ["answered_at", "ended_at"] {
            assert!((a.instant_ns(key) - b.instant_ns(key)).abs() <= 4 * MS, "{key} {signalling} {media}");
        }
        assert!(a.customer.len().abs_diff(b.customer.len()) <= 64);
        assert_eq!(a.json["streams"].as_array().unwrap().len(), b.json["streams"].as_array().unwrap().len());
    }
}

/// Delays of a network below a tenth of a second are no matter where the agents' clocks are right.
#[test]
fn what_the_network_delays_is_where_the_agents_say_it_was() {
    let path = repository("pcaps/sipp-hold-resume.pcap");
    let (mirror, all) = (mirror(&path), seen(&path));
    let hep = replay_hep(&opened(""), &all, |_| CaptureAgent::default(), |n| (20 + n as i64 * 13 % 19) * MS);
    let (a, b) = (mirror.only(), hep.only());
    assert_eq!(a.json, b.json);
    assert!(a.data == b.data);
}

#[test]
fn hep_is_opened_where_it_is_configured_and_told_where_it_is_not() {
    let path = repository("pcaps/sipp-inbound-customer-bye.pcap");
    let (mirror, all) = (mirror(&path), seen(&path));
    let replayed = |config: &str| replay_hep(config, &all, |_| CaptureAgent::default(), |_| 0);
    let tunnel = |rule: &str| {
        let own = "tunnels = [{ kind = \"hep\", from = \"192.0.2.10\" }]";
        assert!(config().contains(own));
        config().replace(own, &format!("tunnels = {rule}"))
    };
    same(&mirror, &replayed(&tunnel("[{ kind = \"hep\", from = \"198.51.100.9\" }]")), "as a tunnel");
    for closed in [config(), tunnel("[\"vxlan\"]"), tunnel("[{ kind = \"hep\", from = \"10.0.0.0/8\" }]")] {
        let run = replayed(&closed);
        assert_eq!(run.recordings.len(), 0, "{closed}");
        let told = warnings(&run);
        // Shown as nauhuri_tunnels_refused_total{kind="hep"}.
        assert!(told.contains("in a tunnel of kind hep, the first from 198.51.100.9"), "{told}");
    }
    // Another port than the usual one, where the recorder was told of it.
    let elsewhere = opened("").replace(":9060", ":9999");
    same(&mirror, &replayed(&elsewhere), "9060 is known in any case");
}
