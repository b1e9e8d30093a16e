//! SIP over TLS on a live wire: secrets are written while the calls go on, as a proxy writes them.

use crate::common::capture::frames;
use crate::common::ladder::Scene;
use crate::common::repository;
use crate::common::run::recordings;
use crate::studio::{Studio, config};
use nauhuri::capture::file::FileSource;
use std::fs::OpenOptions;
use std::io::Write;

/// A shipped capture: its frames, and the key log that is in it.
fn captured(name: &str) -> (Vec<(i64, Vec<u8>)>, String) {
    let capture = repository("pcaps").join(name);
    let mut source = FileSource::open(&capture).unwrap();
    while source.advance().unwrap() {}
    let keys = String::from_utf8(source.take_key_log().unwrap().to_vec()).unwrap();
    let mut all = Vec::new();
    frames(&capture, &mut |at, _, data| all.push((at, data.to_vec())));
    (all, keys)
}

fn part(all: &[(i64, Vec<u8>)]) -> Scene {
    Scene { frames: all.to_vec(), unsorted: true }
}

/// Media keyed on their own path: packets that come before their keys are written down wait for them, but
/// not for long.
#[test]
fn media_wait_for_their_keys() {
    let (all, keys) = captured("baresip-dtls-srtp.pcapng");
    let is_rtp = |f: &[u8]| f.len() > 42 + 160 && f[23] == 17 && f[42] >> 6 == 2;
    let sip = all.iter().position(|(_, f)| f.len() > 50 && f[42..].starts_with(b"INVITE")).unwrap();
    let rtp = all.iter().position(|(_, f)| is_rtp(f)).unwrap();
    for (n, (packets, whole)) in [(0, true), (9, true), (100, false)].into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("keys.log");
        let mut config = config(&dir.path().join("store"), &format!("dtls-{n}"));
        std::fs::create_dir(&config.storage.dir).unwrap();
        config.tls.key_log = vec![log.display().to_string()];
        let root = config.storage.dir.clone();
        let studio = Studio::plain(&config);
        studio.play(&part(&all[sip..rtp + packets]));
        std::fs::write(&log, &keys).unwrap();
        studio.play(&part(&all[rtp + packets..]));
        let done = "nauhuri_recordings_completed_total{service=\"general\",ended_by=\"customer\"}";
        studio.until("a recording", 10, |s| s.metric(done) >= 1.0);
        assert!(studio.stop().0);
        let recording = &recordings(&root)[0];
        assert_eq!(
            recording.json["complete"], whole,
            "{packets} packets before the keys: {}",
            recording.json
        );
        for channel in [&recording.customer, &recording.agent] {
            let is_loud = |from: f64, to: f64| {
                let at = |s: f64| (s * f64::from(recording.rate)) as usize;
                channel[at(from)..at(to)].iter().any(|s| s.abs() > 1000)
            };
            assert!(is_loud(3.0, 3.9), "sound once the keys are there");
            assert_eq!(is_loud(1.5, 1.75), whole, "{packets} packets before the keys");
        }
    }
}

#[test]
fn a_key_log_is_followed_as_it_grows() {
    let (all, keys) = captured("kamailio-tls13.pcapng");
    // IPv4 and TCP, with a record in it.
    let record = |f: &[u8]| (f.len() > 66 && f[12..14] == [8, 0] && f[23] == 6).then(|| f[66]);
    let first = all.iter().position(|(_, f)| record(f) == Some(0x16)).unwrap();
    let sent = all.iter().position(|(_, f)| record(f) == Some(0x17)).unwrap() + 4;
    for rotated in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("keys.log");
        if rotated {
            std::fs::write(&log, format!("CLIENT_RANDOM {} {}\n", "00".repeat(32), "11".repeat(48))).unwrap();
        }
        let mut config = config(&dir.path().join("store"), if rotated { "tls-rotated" } else { "tls-grows" });
        std::fs::create_dir(&config.storage.dir).unwrap();
        config.tls.key_log = vec![log.display().to_string()];
        let root = config.storage.dir.clone();
        let studio = Studio::plain(&config);
        // The handshake and the first of what is sealed wait for the secrets.
        studio.play(&part(&all[first - 2..sent]));
        studio.until("TLS is there", 5, |s| s.metric("nauhuri_seen_total{what=\"tcp\"}") > 5.0);
        assert_eq!(studio.metric("nauhuri_seen_total{what=\"tls_opened\"}"), 0.0);
        if rotated {
            std::fs::rename(&log, dir.path().join("keys.log.1")).unwrap();
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        for piece in keys.as_bytes().chunks(100) {
            file.write_all(piece).unwrap();
        }
        studio
            .until("the secrets are read", 5, |s| s.metric("nauhuri_seen_total{what=\"tls_secret\"}") >= 8.0);
        studio.play(&part(&all[sent..]));
        let done = "nauhuri_recordings_completed_total{service=\"general\",ended_by=\"customer\"}";
        studio.until("a recording", 10, |s| s.metric(done) >= 1.0);
        studio.until("both hops are read", 5, |s| s.metric("nauhuri_seen_total{what=\"tls_opened\"}") >= 2.0);
        assert_eq!(studio.metric("nauhuri_unread_total{what=\"tls\"}"), 0.0);
        assert!(studio.stop().0);
        let made = recordings(&root);
        assert_eq!(made.len(), 1, "rotated: {rotated}");
        assert_eq!(made[0].json["complete"], true);
        assert!((3.9..4.3).contains(&made[0].number("/duration_s")), "{}", made[0].json);
    }
}
