//! SIP over TLS on a live wire: secrets are written while the calls go on, as a proxy writes them.

use crate::common::capture::frames;
use crate::common::ladder::Scene;
use crate::common::repository;
use crate::common::run::recordings;
use crate::studio::{Studio, config};
use nauhuri::capture::file::FileSource;
use std::fs::OpenOptions;
use std::io::Write;

#[test]
fn a_key_log_is_followed_as_it_grows() {
    let capture = repository("pcaps/kamailio-tls13.pcapng");
    let mut source = FileSource::open(&capture).unwrap();
    while source.advance().unwrap() {}
    let keys = String::from_utf8(source.take_key_log().unwrap().to_vec()).unwrap();
    let mut all = Vec::new();
    frames(&capture, &mut |at, _, data| all.push((at, data.to_vec())));
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
        let part = |range: std::ops::Range<usize>| Scene { frames: all[range].to_vec(), unsorted: true };
        // The handshake and the first of what is sealed wait for the secrets.
        studio.play(&part(first - 2..sent));
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
        studio.play(&part(sent..all.len()));
        let done = "nauhuri_recordings_completed_total{service=\"general\",ended_by=\"customer\"}";
        studio.until("a recording", 10, |s| s.metric(done) >= 1.0);
        studio.until("both hops are read", 5, |s| s.metric("nauhuri_seen_total{what=\"tls_opened\"}") >= 2.0);
        assert_eq!(studio.metric("nauhuri_unread_total{what=\"tls\"}"), 0.0);
        assert!(studio.stop().0);
        let all = recordings(&root);
        assert_eq!(all.len(), 1, "rotated: {rotated}");
        assert_eq!(all[0].json["complete"], true);
        assert!((3.9..4.3).contains(&all[0].number("/duration_s")), "{}", all[0].json);
    }
}
