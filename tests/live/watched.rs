//! Metrics, health and the service manager.

use crate::caller::{Call, Line, Who};
use crate::recorder::{Setup, files_below};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::Duration;

/// Families that dashboards are built on.
const FAMILIES: &[&str] = &[
    "nauhuri_build_info",
    "nauhuri_packets_received_total",
    "nauhuri_packets_dropped_total",
    "nauhuri_capture_lag_seconds",
    "nauhuri_sip_messages_total",
    "nauhuri_sip_parse_errors_total",
    "nauhuri_dialogs",
    "nauhuri_calls_answered_total",
    "nauhuri_recordings_active",
    "nauhuri_recordings_completed_total",
    "nauhuri_recordings_failed_total",
    "nauhuri_calls_unrecorded_total",
    "nauhuri_recordings_one_way_total",
    "nauhuri_rtp_packets_total",
    "nauhuri_rtp_lost_total",
    "nauhuri_rtp_unmatched_total",
    "nauhuri_rtp_jitter_seconds",
    "nauhuri_storage_bytes",
    "nauhuri_storage_free_bytes",
    "nauhuri_write_seconds",
    "nauhuri_retention_deleted_total",
    "nauhuri_retention_overdue",
];

#[test]
#[ignore = "make test-live"]
fn the_book_balances_at_every_scrape() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let recorder = setup.start();
    let talkers: Vec<_> = (0..8u64)
        .map(|n| {
            let line = Arc::clone(&line);
            std::thread::spawn(move || {
                for round in 0..4u64 {
                    std::thread::sleep(Duration::from_millis(37 * n));
                    let mut call = Call::answered(&line);
                    // Every fourth has no media: a call that fails.
                    if (n + round) % 4 != 0 {
                        call.talk(0.6 + 0.07 * n as f64);
                    } else {
                        std::thread::sleep(Duration::from_millis(700));
                    }
                    call.bye(if n % 2 == 0 { Who::Customer } else { Who::Agent });
                }
            })
        })
        .collect();
    let (mut scrapes, mut busy) = (0, 0);
    loop {
        let s = recorder.metrics();
        assert!(s.balances(), "{s:?}");
        scrapes += 1;
        busy += u32::from(s.active() > 0.0);
        for page in ["/healthz", "/readyz"] {
            assert_eq!(recorder.get(page).unwrap(), (200, "ok\n".into()));
        }
        if talkers.iter().all(|t| t.is_finished()) && s.active() == 0.0 && s.answered() == 32.0 {
            assert_eq!((s.completed(), s.failed("no_media")), (24.0, 8.0), "{s:?}");
            break;
        }
        assert!(scrapes < 400, "{s:?}\n{}", setup.all_logs());
        std::thread::sleep(Duration::from_millis(50));
    }
    for t in talkers {
        t.join().unwrap();
    }
    let (_, text) = recorder.get("/metrics").unwrap();
    for family in FAMILIES {
        assert!(text.contains(&format!("# TYPE {family} ")), "{family} is missing:\n{text}");
    }
    println!("{scrapes} scrapes, {busy} of them with calls running: all balanced");
    assert!(busy > 20, "{busy} of {scrapes}");
    recorder.stop_well();
    assert_eq!(setup.sidecars().len(), 24);
    let missing = files_below(&setup.store.join("assurance"), ".json");
    assert_eq!(missing.len(), 8, "the others are explained");
}

#[test]
#[ignore = "make test-live"]
fn the_service_manager_hears_of_it() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let path = setup.dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let hear = || {
        let mut buf = [0u8; 512];
        let n = socket.recv(&mut buf).expect("a word to the service manager");
        String::from_utf8_lossy(&buf[..n]).trim_end().to_string()
    };
    let recorder = setup.start_with(|c| {
        c.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "1500000").env_remove("WATCHDOG_PID");
    });
    // Beside these it tells its state, when that changes.
    let hear = || loop {
        let word = hear();
        if !word.starts_with("STATUS=") {
            return word;
        }
        assert!(word.starts_with("STATUS=recording ") || word.starts_with("STATUS=NOT READY: "), "{word}");
    };
    let first: Vec<String> = (0..2).map(|_| hear()).collect();
    assert!(first.contains(&"READY=1".to_string()), "{first:?}");
    for _ in 0..4 {
        assert_eq!(hear(), "WATCHDOG=1");
    }
    let call = Call::answered(&line);
    assert_eq!(hear(), "WATCHDOG=1");
    call.bye(Who::Agent);
    recorder.stop_well();
    let rest: Vec<String> = std::iter::from_fn(|| {
        socket.set_nonblocking(true).unwrap();
        let mut buf = [0u8; 512];
        let n = socket.recv(&mut buf).ok()?;
        Some(String::from_utf8_lossy(&buf[..n]).trim_end().to_string())
    })
    .collect();
    let stopping = rest.iter().position(|w| w == "STOPPING=1").expect("STOPPING=1");
    let is_state = |w: &String| w.starts_with("STATUS=stopping") || w == "WATCHDOG=1";
    assert!(rest[stopping + 1..].iter().all(is_state), "{rest:?}");
}

/// Rights are given up before the first packet is looked at.
#[test]
#[ignore = "make test-live"]
fn it_keeps_no_rights_it_does_not_need() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let recorder = setup.start();
    let task = format!("/proc/{}/task", recorder.pid());
    let mut threads = 0;
    for thread in std::fs::read_dir(task).unwrap().flatten() {
        // One that has done its work may end between two looks.
        let Ok(status) = std::fs::read_to_string(thread.path().join("status")) else { continue };
        let value = |key: &str| {
            let line = status.lines().find(|l| l.starts_with(key)).unwrap();
            line.split_whitespace().nth(1).unwrap().to_string()
        };
        // Bit 13 is CAP_NET_RAW.
        for set in ["CapPrm", "CapEff", "CapBnd"] {
            assert_eq!(value(set), "0000000000002000", "{set} of\n{status}");
        }
        for set in ["CapInh", "CapAmb"] {
            assert_eq!(value(set), "0000000000000000", "{set} of\n{status}");
        }
        threads += 1;
    }
    assert!(threads >= 4, "{threads}");
    recorder.stop_well();
    assert!(setup.all_logs().contains("rights given up"), "{}", setup.all_logs());
}
