//! SIP over TLS, opened with a key log or with the server's key: captures of real peers (OpenSSL), with
//! everything that may be wrong with keys and captures.

use super::captures::config;
use crate::common::capture::frames;
use crate::common::ladder::write_pcap;
use crate::common::repository;
use crate::common::rng::Rng;
use crate::common::run::{Run, replay};
use crate::kit::warnings;
use nauhuri::capture::file::FileSource;
use std::path::{Path, PathBuf};

/// Where a frame's TCP payload is, if it has one, and whether the server sends it.
struct Segment {
    at: usize,
    from_server: bool,
}

/// A capture of frames over Ethernet, and the key log that was in it.
struct Captured {
    frames: Vec<(i64, Vec<u8>)>,
    key_log: String,
}

impl Captured {
    fn of(name: &str) -> Captured {
        let path = repository("pcaps").join(name);
        let mut all = Vec::new();
        frames(&path, &mut |at, _, data| all.push((at, data.to_vec())));
        let mut source = FileSource::open(&path).unwrap();
        while source.advance().unwrap() {}
        let key_log = String::from_utf8(source.take_key_log().unwrap().to_vec()).unwrap();
        Captured { frames: all, key_log }
    }

    /// Replayed with this `[tls]`; `KEYS` in it stands for a file with `keys`.
    fn replay(&self, tls: &str, keys: &str) -> Run {
        let dir = tempfile::tempdir().unwrap();
        let (pcap, log) = (dir.path().join("c.pcap"), dir.path().join("keys.log"));
        write_pcap(&pcap, &self.frames);
        std::fs::write(&log, keys).unwrap();
        let tls = tls.replace("KEYS", &log.display().to_string());
        replay(&format!("{}\n[tls]\n{tls}", config()), &[&pcap])
    }

    fn logged(&self) -> Run {
        self.replay("key_log = [\"KEYS\"]", &self.key_log)
    }
}

const CAPTURES: [&str; 2] = ["kamailio-tls13.pcapng", "kamailio-tls12-rsa.pcapng"];

fn segment(frame: &[u8]) -> Option<Segment> {
    let is_tcp = frame.get(12..14)? == [8, 0] && frame.get(23) == Some(&6);
    let at = 34 + usize::from(frame.get(46)? >> 4) * 4;
    let from_server = u16::from_be_bytes([frame[34], frame[35]]) == 5061;
    (is_tcp && frame.len() > at).then_some(Segment { at, from_server })
}

fn server_key() -> PathBuf {
    repository("tests/data/tls").join("sip.key")
}

fn by_key() -> String {
    format!("rsa_keys = [\"{}\"]", server_key().display())
}

#[track_caller]
fn same(whole: &Run, other: &Run, what: &str) {
    let (a, b) = (whole.only(), other.only());
    assert_eq!(a.json, b.json, "{what}");
    assert!(a.data == b.data, "{what}: sound");
}

#[test]
fn secrets_in_the_capture_in_a_file_or_by_the_servers_key_give_the_same() {
    for name in CAPTURES {
        let capture = Captured::of(name);
        let whole = replay(&config(), &[&repository("pcaps").join(name)]);
        assert_eq!(whole.only().text("/agent/id"), "2001");
        same(&whole, &capture.logged(), name);
        let unused = format!("# more\n{}RSA 0011223344556677 00\r\n", capture.key_log.replace('\n', "\r\n"));
        same(&whole, &capture.replay("key_log = [\"KEYS\"]\nports = \"any\"", &unused), name);
    }
    let capture = Captured::of(CAPTURES[1]);
    same(&capture.logged(), &capture.replay(&by_key(), ""), "by the server's key");
}

#[test]
fn without_secrets_it_is_said_and_nothing_is_recorded() {
    let capture = Captured::of(CAPTURES[0]);
    let others = Captured::of(CAPTURES[1]).key_log;
    for (tls, keys, words) in [
        ("", "", &["not read: TLS on TCP port 5061"][..]),
        ("key_log = [\"KEYS\"]", "", &["secrets did not become known", "port 5061"]),
        ("key_log = [\"KEYS\"]", &others, &["secrets did not become known", "port 5061"]),
        // Shown as nauhuri_unread_total{what="key_log"}.
        ("key_log = [\"KEYS\"]", "no key log\n", &["1 line of tls.key_log cannot be read"]),
        // No server's key opens TLS 1.3.
        (&by_key(), "", &["secrets did not become known", "port 5061"]),
        ("key_log = [\"KEYS\"]\nports = [5062]", &capture.key_log, &["not read: TLS on TCP port 5061"]),
    ] {
        let run = capture.replay(tls, keys);
        assert!(run.recordings.is_empty(), "{tls}");
        let said = warnings(&run);
        for word in words {
            assert!(said.contains(word), "{tls} {word}: {said}");
        }
        assert!(said.contains("TLS on port 5061") || said.contains("TLS on TCP port 5061"), "{said}");
    }
}

/// SRTP keyed by DTLS: with the secret sound, without it silence, never noise.
#[test]
fn media_keyed_on_their_own_path() {
    let capture = Captured::of("baresip-dtls-srtp.pcapng");
    let whole = replay(&config(), &[&repository("pcaps/baresip-dtls-srtp.pcapng")]);
    assert_eq!(whole.only().json["complete"], true);
    same(&whole, &capture.logged(), "in a file");
    let others = Captured::of(CAPTURES[1]).key_log;
    for keys in ["", &others, &capture.key_log.replace("CLIENT_RANDOM", "CLIENT_TRAFFIC_SECRET_0")] {
        for tls in ["", "key_log = [\"KEYS\"]"] {
            let run = capture.replay(tls, keys);
            assert_eq!(run.only().json["complete"], false);
            assert!(run.only().customer.iter().chain(&run.only().agent).all(|s| *s == 0), "never noise");
        }
    }
    // Hellos of a stranger on the same path, before and after the genuine ones.
    let is_hello =
        |f: &[u8]| f.len() > 80 && f[23] == 17 && f[42..44] == [22, 0xFE] && [1, 2].contains(&f[55]);
    let hellos: Vec<usize> = (0..capture.frames.len()).filter(|n| is_hello(&capture.frames[*n].1)).collect();
    assert!(hellos.len() >= 2);
    for shift in [-1_000, 1_000] {
        let mut attacked = Captured::of("baresip-dtls-srtp.pcapng");
        for n in &hellos {
            let (at, mut forged) = capture.frames[*n].clone();
            forged[42 + 13 + 12 + 5] ^= 0x55;
            attacked.frames.push((at + shift, forged));
        }
        attacked.frames.sort_by_key(|(at, _)| *at);
        same(&whole, &attacked.logged(), "beside a stranger's hellos");
    }
}

/// Whoever makes the recorder wait for keys that never come costs a call nothing.
#[test]
fn hellos_on_the_path_of_a_plain_call_take_nothing_from_it() {
    let dtls = Captured::of("baresip-dtls-srtp.pcapng");
    let path = repository("pcaps/baresip-pcma.pcap");
    let mut all = Vec::new();
    frames(&path, &mut |at, _, data| all.push((at, data.to_vec())));
    let is_rtp = |f: &[u8]| f.len() > 42 + 160 && f[23] == 17 && f[42] >> 6 == 2;
    let is_hello =
        |f: &[u8]| f.len() > 80 && f[23] == 17 && f[42..44] == [22, 0xFE] && [1, 2].contains(&f[55]);
    let hellos: Vec<_> =
        dtls.frames.iter().filter(|(_, f)| is_hello(f)).map(|(_, f)| f[42..].to_vec()).collect();
    let rtp: Vec<_> = all.iter().filter(|(_, f)| is_rtp(f)).cloned().collect();
    let plain = Captured { frames: all.clone(), key_log: String::new() };
    let expected = plain.replay("key_log = [\"KEYS\"]", "");
    for place in [0, 40, 100] {
        let mut attacked = all.clone();
        for hello in &hellos {
            let (at, frame) = &rtp[place];
            let src = std::net::SocketAddr::from((
                [frame[26], frame[27], frame[28], frame[29]],
                u16::from_be_bytes([frame[34], frame[35]]),
            ));
            let dst = std::net::SocketAddr::from((
                [frame[30], frame[31], frame[32], frame[33]],
                u16::from_be_bytes([frame[36], frame[37]]),
            ));
            attacked.push((at - 1000, crate::common::ladder::ethernet(src, dst, hello)));
        }
        attacked.sort_by_key(|(at, _)| *at);
        let run = Captured { frames: attacked, key_log: String::new() }.replay("key_log = [\"KEYS\"]", "");
        same(&expected, &run, &format!("hellos before packet {place}"));
    }
}

/// Segments come twice, late, or not at all; in all orders that a receiver mends.
#[test]
fn the_network_may_do_what_it_does() {
    for (n, name) in CAPTURES.iter().enumerate() {
        let whole = Captured::of(name);
        let expected = whole.logged();
        for seed in 0..8_u64 {
            let mut rng = Rng::new(seed + 100 * n as u64);
            let mut capture = Captured::of(name);
            let mut more = Vec::new();
            for (at, frame) in &mut capture.frames {
                if segment(frame).is_some() && rng.chance(0.3) {
                    match rng.below(2) {
                        0 => more.push((*at + 2_000_000, frame.clone())),
                        _ => *at += 400_000,
                    }
                }
            }
            capture.frames.extend(more);
            capture.frames.sort_by_key(|(at, _)| *at);
            let run = capture.logged();
            let (a, b) = (expected.only(), run.only());
            assert_eq!(a.text("/agent/id"), b.text("/agent/id"), "{name} {seed}");
            assert!((a.number("/duration_s") - b.number("/duration_s")).abs() < 0.005, "{name} {seed}");
        }
    }
}

/// Of what is lost only that is missing: a provisional response here. The stream goes on behind it, with the 200 and
/// the BYE, whichever way it was.
#[test]
fn a_segment_that_was_not_captured_does_not_blind_the_recorder() {
    for name in CAPTURES {
        let whole = Captured::of(name);
        let expected = whole.logged();
        let records: Vec<usize> = (0..whole.frames.len())
            .filter(|n| segment(&whole.frames[*n].1).is_some_and(|s| whole.frames[*n].1[s.at] == 0x17))
            .collect();
        let mut heard = 0;
        for lost in records.iter().step_by(3) {
            let mut capture = Captured::of(name);
            capture.frames.remove(*lost);
            let run = capture.logged();
            // The INVITE, the 200 or the BYE of the hop at the agent may be what is gone.
            if let [one] = &run.recordings[..] {
                let gap = (expected.only().number("/duration_s") - one.number("/duration_s")).abs();
                assert!(gap < 2.0, "{name} without frame {lost}");
                heard += 1;
            }
        }
        assert!(heard * 3 * 10 >= records.len() * 6, "{name}: {heard} of {}", records.len());
    }
}

#[test]
fn a_connection_joined_in_the_middle_is_said() {
    for name in CAPTURES {
        let mut capture = Captured::of(name);
        let is_hello = |f: &[u8]| segment(f).is_some_and(|s| f[s.at] == 0x16 && !s.from_server);
        capture.frames.retain(|(_, f)| !is_hello(f));
        let run = capture.logged();
        assert!(run.recordings.is_empty());
        let said = warnings(&run);
        assert!(said.contains("TLS"), "{said}");
    }
}

/// Whatever a stranger makes of the bytes, nobody panics, and what was not touched is read.
#[test]
fn changed_bytes_harm_nobody() {
    for (n, name) in CAPTURES.iter().enumerate() {
        for seed in 0..8_u64 {
            let mut rng = Rng::new(seed + 1000 * n as u64);
            let mut capture = Captured::of(name);
            let tcp: Vec<usize> =
                (0..capture.frames.len()).filter(|n| segment(&capture.frames[*n].1).is_some()).collect();
            for _ in 0..3 {
                let frame = &mut capture.frames[*rng.pick(&tcp)].1;
                let at = segment(frame).map_or(60, |s| s.at);
                let place = at + rng.below((frame.len() - at) as u64) as usize;
                frame[place] ^= 1 << rng.below(8);
            }
            let tls = if seed % 2 == 0 { "key_log = [\"KEYS\"]".to_owned() } else { by_key() };
            capture.replay(&tls, &capture.key_log);
        }
    }
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let capture = repository("pcaps").join(CAPTURES[0]);
    for (tls, words) in [
        ("key_log = [\"/nowhere/keys.log\"]", ["tls.key_log", "/nowhere/keys.log"]),
        ("rsa_keys = [\"/nowhere/sip.key\"]", ["tls.rsa_keys", "/nowhere/sip.key"]),
        ("rsa_keys = [\"/dev/null\"]", ["tls.rsa_keys", "not a regular file"]),
        ("rsa_keys = [\"/etc/hostname\"]", ["tls.rsa_keys", "no RSA private key"]),
        ("key_log = [\"/dev\"]", ["tls.key_log", "not a regular file"]),
        ("ports = []", ["tls.ports", "port"]),
    ] {
        let out = refused(tls, &capture);
        for word in words {
            assert!(out.contains(word), "{tls}: {out}");
        }
    }
}

/// What is said where the command fails.
fn refused(tls: &str, capture: &Path) -> String {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("c.toml"), format!("[tls]\n{tls}\n")).unwrap();
    let out = crate::common::run::nauhuri()
        .args(["replay", "--config"])
        .arg(dir.path().join("c.toml"))
        .arg("--out")
        .arg(dir.path().join("out"))
        .arg(capture)
        .output()
        .unwrap();
    assert!(!out.status.success(), "{tls}");
    String::from_utf8(out.stderr).unwrap()
}
