//! The process that decodes with libavcodec, beside a recorder that has locked itself in.

use crate::caller::{Call, Line, Who};
use crate::common::repository;
use crate::recorder::Setup;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Processes that this one has started.
fn children(of: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap().filter_map(|e| e.unwrap().file_name().to_str()?.parse().ok());
    let parent = |pid: u32| -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    };
    all.filter(|pid| parent(*pid) == Some(of)).collect()
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// The only process of a recorder, and what the kernel says that it may do.
#[track_caller]
fn caged(recorder: u32) -> u32 {
    let [pid] = children(recorder)[..] else { panic!("{:?}", children(recorder)) };
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    for line in ["CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(line), "{line}\n{status}");
    }
    let open = fs::read_dir(Path::new("/proc").join(pid.to_string()).join("fd")).unwrap();
    let open: Vec<_> = open.map(|e| fs::read_link(e.unwrap().path()).unwrap()).collect();
    assert_eq!(open.len(), 3, "two pipes and nothing: {open:?}");
    pid
}

#[test]
#[ignore = "make test-live"]
fn it_is_started_when_it_is_needed_and_its_death_costs_a_moment() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let recorder = setup.start();
    let frames = fs::read(repository("tests/data/foreign/speech.g729")).unwrap();
    let mut plain = Call::answered(&line);
    plain.talk(1.0);
    plain.bye(Who::Agent);
    recorder.wait_for("a recording in A-law", 5, |s| s.completed() == 1.0);
    assert!(children(recorder.pid()).is_empty(), "nobody has needed it");

    let mut call = Call::in_g729(&line, frames.clone());
    call.talk(2.0);
    let first = caged(recorder.pid());
    kill(first);
    call.talk(2.0);
    assert_ne!(caged(recorder.pid()), first);
    let broken = call.id.clone();
    call.bye(Who::Customer);
    recorder.wait_for("a recording in spite of it", 5, |s| s.completed() == 2.0 && s.balances());
    assert_eq!(recorder.metrics().sum("nauhuri_decoder_faults_total", "crashed"), 1.0);

    let mut call = Call::in_g729(&line, frames);
    call.talk(2.0);
    let whole = call.id.clone();
    call.bye(Who::Customer);
    recorder.wait_for("a whole one", 5, |s| s.completed() == 3.0 && s.balances());
    for (id, complete) in [(&broken, false), (&whole, true)] {
        let s = setup.sidecar(id).unwrap();
        assert_eq!((&s["complete"], &s["streams"][0]["codec"]), (&complete.into(), &"G729".into()), "{s:#}");
        for channel in setup.audio(&s) {
            let mut halves = channel.chunks(channel.len().div_ceil(2));
            assert!(halves.all(|half| half.iter().any(|s| s.unsigned_abs() > 1000)), "{s:#}");
        }
    }
    let process = caged(recorder.pid());
    recorder.stop_well();
    for _ in 0..50 {
        if !Path::new("/proc").join(process.to_string()).exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("it outlives the recorder");
}
