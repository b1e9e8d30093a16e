//! Interfaces: what is recorded live is what a replay makes of the same packets.

use crate::caller::{Call, Line, Who};
use crate::lab::{Cable, ip, stamp_once, tcpdump};
use crate::recorder::{Setup, files_below};
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

#[test]
#[ignore = "make test-live"]
fn live_is_what_replay_makes_of_it() {
    let cable = Cable::new("same", 1);
    let setup = Setup::with("\"same\"", "", "0");
    let _one_stamp = stamp_once();
    let capture = setup.dir.path().join("beside.pcap");
    let dump = tcpdump("same", &capture);
    let recorder = setup.start();
    cable.sipp(setup.dir.path(), 6, 3, 3000);
    recorder.wait_for("six recordings", 5, |s| s.completed() == 6.0);
    std::thread::sleep(Duration::from_millis(300));
    dump.interrupt();
    let end = recorder.metrics();
    assert_eq!(end.dropped(), 0.0);
    assert_eq!(end.sum("nauhuri_rtp_lost_total", ""), 0.0);
    recorder.stop_well();

    let out = setup.dir.path().join("replayed");
    let replay = setup.command("replay").arg("--out").arg(&out).arg(&capture).stderr(Stdio::piped()).output();
    let replay = replay.unwrap();
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stderr));
    let (live, replayed) = (setup.files(""), files_below(&out, ""));
    assert_eq!(live.len(), 12, "{live:?}");
    let names = |files: &[std::path::PathBuf], root: &std::path::Path| -> Vec<_> {
        files.iter().map(|f| f.strip_prefix(root).unwrap().to_owned()).collect()
    };
    assert_eq!(names(&live, &setup.store), names(&replayed, &out));
    for (a, b) in live.iter().zip(&replayed) {
        let (x, y) = (fs::read(a).unwrap(), fs::read(b).unwrap());
        if x != y && a.extension().is_some_and(|e| e == "json") {
            panic!("live:\n{}\nreplayed:\n{}", String::from_utf8_lossy(&x), String::from_utf8_lossy(&y));
        }
        assert!(x == y, "{} differs", a.display());
    }
    for s in setup.sidecars() {
        assert_eq!((&s["complete"], &s["ended_by"]), (&true.into(), &"customer".into()), "{s:#}");
        assert_eq!(s["streams"].as_array().unwrap().len(), 2, "{s:#}");
    }
}

#[test]
#[ignore = "make test-live"]
fn two_interfaces_and_any() {
    let cable = Cable::new("second", 2);
    let line = Line::new();
    let filter = format!("({}) or net 10.20.2.0/24", line.filter());
    let both = Setup::with("[\"lo\", \"second\"]", &filter, "0");
    let any = Setup::with("\"any\"", &filter, "0");
    let recorders = [both.start(), any.start()];
    let talk = std::thread::spawn({
        let line = line.clone();
        move || {
            let mut call = Call::answered(&line);
            call.talk(2.0);
            let id = call.id.clone();
            call.bye(Who::Agent);
            id
        }
    });
    cable.sipp(both.dir.path(), 1, 1, 1500);
    let id = talk.join().unwrap();
    for (r, setup) in recorders.into_iter().zip([&both, &any]) {
        r.wait_for("both calls", 5, |s| s.completed() == 2.0);
        assert_eq!(r.metrics().dropped(), 0.0);
        r.stop_well();
        let sidecars = setup.sidecars();
        assert_eq!(sidecars.len(), 2, "{sidecars:#?}");
        for s in &sidecars {
            assert_eq!(s["complete"], true, "{s:#}");
            for stream in s["streams"].as_array().unwrap() {
                assert_eq!((&stream["lost"], &stream["late"]), (&0.into(), &0.into()), "{s:#}");
            }
        }
        let s = setup.sidecar(&id).expect("the call on lo");
        assert_eq!(s["ended_by"], "agent");
        assert!((s["duration_s"].as_f64().unwrap() - 2.0).abs() < 0.2, "{s:#}");
    }
}

#[test]
#[ignore = "make test-live"]
fn an_interface_goes_and_comes_back() {
    let cable = Cable::new("flappy", 3);
    let setup = Setup::with("\"flappy\"", "", "0");
    let recorder = setup.start();
    cable.sipp(setup.dir.path(), 1, 1, 800);
    recorder.wait_for("a call", 5, |s| s.completed() == 1.0);

    ip("link set flappy down");
    recorder.wait_ready(503, "flappy", 4);
    ip("link set flappy up");
    recorder.wait_ready(200, "ok", 4);
    cable.sipp(setup.dir.path(), 1, 1, 800);
    recorder.wait_for("a call after down and up", 5, |s| s.completed() == 2.0);

    cable.unplug();
    recorder.wait_ready(503, "not capturing: flappy went away", 4);
    let (code, _) = recorder.get("/healthz").unwrap();
    assert_eq!(code, 200);
    cable.plug();
    recorder.wait_ready(200, "ok", 4);
    cable.sipp(setup.dir.path(), 1, 1, 800);
    recorder.wait_for("a call after unplugging", 5, |s| s.completed() == 3.0);
    recorder.stop_well();
    let log = setup.all_logs();
    assert!(log.contains("capture lost"), "{log}");
    assert!(setup.sidecars().iter().all(|s| s["complete"] == true), "{:#?}", setup.sidecars());
}

/// As a queue's opening or an outage's end brings: many calls at once.
#[test]
#[ignore = "make test-live"]
fn many_calls_at_once() {
    let cable = Cable::new("many", 4);
    let setup = Setup::with("\"many\"", "", "0");
    let recorder = setup.start();
    let before = recorder.memory_kib("VmRSS");
    let began = Instant::now();
    cable.sipp(setup.dir.path(), 200, 50, 3000);
    recorder.wait_for("200 recordings", 10, |s| s.completed() == 200.0);
    let end = recorder.metrics();
    let (packets, lost) = (end.sum("nauhuri_rtp_packets_total", ""), end.sum("nauhuri_rtp_lost_total", ""));
    let peak = recorder.memory_kib("VmHWM");
    println!(
        "200 calls in {:.1} s, 50 a second: {packets} RTP packets, {lost} lost, {} dropped; \
         resident {before} KiB idle, {peak} KiB at most",
        began.elapsed().as_secs_f64(),
        end.dropped()
    );
    assert_eq!(end.dropped(), 0.0);
    assert!(peak < 200 * 1024, "{peak} KiB");
    recorder.stop_well();
    assert_eq!(setup.sidecars().len(), 200);
    assert!(setup.files(".part").is_empty());
}
