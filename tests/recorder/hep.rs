//! A recorder to which capture agents send: no interface, several agents, each with a clock of its own.

use crate::common::capture::{Datagram, ip_datagram};
use crate::common::hep::CaptureAgent;
use crate::common::ladder::Scene;
use crate::studio::{Studio, calls, config, whole};
use nauhuri::config::Networks;
use nauhuri::config::listen_at::ListenAt;
use nauhuri::daemon::machine_clock::Clock;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// A port that is free just now, on UDP and TCP.
fn free() -> SocketAddr {
    loop {
        let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        if UdpSocket::bind(at).is_ok() {
            return at;
        }
    }
}

/// Lets an agent see a scene at its own pace, and hand on what it sees.
fn watch(scene: &Scene, mut send: impl FnMut(&Datagram)) {
    let frames = scene.ordered();
    let (first, began, wall) = (frames[0].0, Instant::now(), Clock::machine().wall());
    for (at, frame) in frames {
        let due = Duration::from_nanos((at - first) as u64);
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        let mut seen = ip_datagram(1, &frame).unwrap();
        seen.at_ns = (wall + due).as_ns();
        send(&seen);
    }
}

const DONE: &str = "nauhuri_recordings_completed_total{service=\"general\",ended_by=\"customer\"}";

#[test]
fn agents_over_udp_and_tcp_are_recorded_without_an_interface() {
    let dir = tempfile::tempdir().unwrap();
    let (udp, tcp) = (free(), free());
    let mut config = config(dir.path(), "");
    config.capture.interface.clear();
    config.hep.listen =
        [format!("udp:{udp}"), format!("tcp:{tcp}")].map(|at| ListenAt::parse(&at).unwrap()).into();
    let studio = Studio::plain(&config);
    assert_eq!(studio.get("/readyz").unwrap().0, 200);
    let plain = CaptureAgent::default();
    std::thread::scope(|s| {
        // Signalling in version 2 and media in 3, by an agent two seconds ahead.
        s.spawn(|| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let agent = CaptureAgent { version: 2, ahead_ns: 2_000_000_000, ..plain };
            watch(&calls(0..2), |d| {
                socket.send_to(&agent.packet(d), udp).unwrap();
            });
        });
        // Another, an hour behind, on a stream.
        s.spawn(|| {
            let mut stream = TcpStream::connect(tcp).unwrap();
            let agent = CaptureAgent { id: 7, ahead_ns: -3_600_000_000_000, ..plain };
            watch(&calls(2..4), |d| stream.write_all(&agent.packet(d)).unwrap());
        });
    });
    studio.until("four recordings", 10, |s| s.metric(DONE) >= 4.0);
    studio.until("totals", 5, |s| s.metric("nauhuri_hep_packets_total{what=\"rtp\"}") >= 390.0);
    assert!(studio.metric("nauhuri_hep_packets_total{what=\"sip\"}") > 15.0);
    let offset = studio.metric("nauhuri_hep_clock_offset_seconds");
    assert!((3600.0..3601.0).contains(&offset), "{offset}");
    assert_eq!(studio.metric("nauhuri_capture_time_outliers_total"), 0.0);
    assert!(studio.stop().0);
    for r in whole(dir.path()) {
        let length = r.customer.len() as f64 / f64::from(r.rate);
        assert!((length - 1.0).abs() < 0.1, "{length}");
        let late = Clock::machine().wall().as_ns() - r.instant_ns("answered_at");
        assert!((0..20_000_000_000).contains(&late), "on the recorder's clock: {late}");
    }
}

#[test]
fn strangers_are_counted_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let at = free();
    let mut config = config(dir.path(), "");
    config.capture.interface.clear();
    config.hep.listen = vec![ListenAt::parse(&format!("udp:{at}")).unwrap()];
    config.hep.from = Networks::parse(["192.0.2.0/24"]).unwrap();
    let studio = Studio::plain(&config);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    watch(&calls(0..1), |d| {
        socket.send_to(&CaptureAgent::default().packet(d), at).unwrap();
    });
    studio.until("refused", 5, |s| s.metric("nauhuri_hep_refused_total{reason=\"sender\"}") > 100.0);
    assert_eq!(studio.metric("nauhuri_packets_received_total"), 0.0);
    assert!(studio.stop().0);
    assert_eq!(whole(dir.path()).len(), 0);
}
