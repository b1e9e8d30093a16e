//! A recorder that runs, locked in as it is in service, is given a new configuration while calls run.

use crate::caller::{Call, Line, Who, talker};
use crate::lab::{Cable, run, stamp_once, tcpdump};
use crate::recorder::{Recorder, Setup, files_below};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Puts another file in the place of the configuration, as editors do.
fn replace(setup: &Setup, text: &str) {
    let beside = setup.dir.path().join("nauhuri.toml~");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, setup.config()).unwrap();
}

fn text(setup: &Setup) -> String {
    fs::read_to_string(setup.config()).unwrap()
}

fn hang_up(recorder: &Recorder<'_>) {
    run("kill", &["-HUP", &recorder.pid().to_string()]);
}

fn reloads(recorder: &Recorder<'_>, result: &str) -> f64 {
    recorder.metrics().sum("nauhuri_config_reloads_total", result)
}

/// WAV and JSON of a call below a folder.
fn files_of(root: &Path, call_id: &str) -> Vec<(String, Vec<u8>)> {
    let all = files_below(root, ".json");
    let is_it = |json: &Value| json["sip"]["call_id"] == call_id;
    let found: Vec<_> =
        all.iter().filter(|p| is_it(&serde_json::from_slice(&fs::read(p).unwrap()).unwrap())).collect();
    assert_eq!(found.len(), 1, "{call_id} in {}", root.display());
    let both = [found[0].clone(), found[0].with_extension("wav")];
    both.map(|p| (p.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&p).unwrap())).into()
}

/// A call runs through a reload that makes its agent nobody's, through one that is wrong, through one that would need
/// a restart, and through two hundred SIGHUPs: it is what a replay makes of its packets.
#[test]
#[ignore = "make test-live"]
fn calls_run_through_reloads() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let _one_stamp = stamp_once();
    let capture = setup.dir.path().join("beside.pcap");
    let dump = tcpdump("lo", &capture);
    let recorder = setup.start();
    let stop = Arc::new(AtomicBool::new(false));
    let talking = talker(&line, &stop);
    recorder.wait_for("the first call", 5, |s| s.active() == 1.0);

    // 2001 is dialled, and is an agent by another rule from now on.
    let first = text(&setup);
    let second = first.replace("\"2000-2999\"", "\"2001\", \"3000-3999\"")
        + "[[service]]\nname = \"helpline\"\nnumbers = [\"2001\"]\nretention = \"5 years\"\n";
    replace(&setup, &second);
    let (code, said) = setup.tell("reload");
    assert_eq!(code, Some(0), "{said}\n{}", setup.all_logs());
    assert!(said.contains("agents.extensions: [\"2000-2999\"] -> [\"2001\", \"3000-3999\"]"), "{said}");
    assert!(said.contains("service \"helpline\": not set -> new"), "{said}");
    let mut next = Call::answered(&line);
    next.talk(1.0);

    // Wrong, first in one value, then in its grammar.
    replace(&setup, &(second.clone() + "[sip]\nmedia_timeout = \"soon\"\nprots = [5060]\n"));
    let (code, said) = setup.tell("reload");
    assert_eq!(code, Some(2), "{said}");
    for words in [
        "nauhuri.toml: sip.media_timeout (line ",
        "found \"soon\"; allowed: a duration",
        "sip.prots",
        "sip.ports",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    replace(&setup, "[sip\n");
    hang_up(&recorder);
    recorder.wait_for("refused twice", 5, |s| s.sum("nauhuri_config_reloads_total", "refused") == 2.0);
    // A key for which it has to be restarted.
    replace(&setup, &second.replace("buffer_mib = 16", "buffer_mib = 32"));
    let (code, said) = setup.tell("reload");
    assert!(code == Some(2) && said.contains("capture.buffer_mib: 16 -> 32"), "{said}");
    assert_eq!(recorder.metrics().sum("nauhuri_config_last_reload_successful", ""), 0.0);

    // Two hundred in a row, each with another file.
    for n in 0..200 {
        let timeout = format!("[sip]\nmedia_timeout = \"{}s\"\n", 20 + n % 7);
        replace(&setup, &(second.clone() + &timeout));
        hang_up(&recorder);
        if n % 20 == 0 {
            next.talk(0.1);
        }
    }
    replace(&setup, &second);
    assert_eq!(setup.tell("reload").0, Some(0), "{}", setup.all_logs());
    assert!(reloads(&recorder, "taken") > 10.0, "{}", setup.all_logs());
    next.talk(0.5);
    let second_id = next.id.clone();
    next.bye(Who::Agent);
    stop.store(true, Ordering::Relaxed);
    let call = talking.join().unwrap();
    let first_id = call.id.clone();
    call.bye(Who::Customer);
    recorder.wait_for("both", 5, |s| s.completed() == 2.0);
    std::thread::sleep(Duration::from_millis(300));
    dump.interrupt();
    let end = recorder.metrics();
    assert!(end.balances() && end.dropped() == 0.0, "{end:?}");
    assert_eq!(end.sum("nauhuri_rtp_lost_total", ""), 0.0);
    let answered = |s: &str| end.sum("nauhuri_calls_answered_total", &format!("service=\"{s}\""));
    assert_eq!((answered("general"), answered("helpline")), (1.0, 1.0));
    recorder.stop_well();

    for (config, id, service) in [(&first, &first_id, "general"), (&second, &second_id, "helpline")] {
        let s = setup.sidecar(id).expect("recorded");
        assert_eq!((&s["complete"], &s["service"]), (&true.into(), &service.into()), "{s:#}");
        replace(&setup, config);
        let out = setup.dir.path().join(service);
        let mut replay = setup.command("replay");
        let replay = replay.arg("--out").arg(&out).arg(&capture).stderr(Stdio::piped()).output().unwrap();
        assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stderr));
        let (live, replayed) = (files_of(&setup.store, id), files_of(&out, id));
        for ((name, a), (other, b)) in live.iter().zip(&replayed) {
            let [x, y] = [a, b].map(|bytes| String::from_utf8_lossy(bytes));
            assert!(!name.ends_with(".json") || a == b, "live:\n{x}\nreplayed:\n{y}");
            assert!(a == b && name == other, "{name} and {other} differ");
        }
    }
    let told = fs::read_to_string(setup.store.join(".nauhuri/audit.jsonl")).unwrap();
    let done = |line: &&str| line.contains("\"reload\"") && line.contains("helpline");
    assert_eq!(told.lines().filter(done).count(), 1, "{told}");
    setup.assert_sound("after reloads");
}

/// Calls come and go while the recorder is given one configuration after the other: all of them are what a
/// replay makes of their packets.
#[test]
#[ignore = "make test-live"]
fn many_reloads_under_load_lose_nothing() {
    let cable = Cable::new("reload", 30);
    let setup = Setup::with("\"reload\"", "", "0");
    let _one_stamp = stamp_once();
    let capture = setup.dir.path().join("beside.pcap");
    let dump = tcpdump("reload", &capture);
    let recorder = setup.start();
    let (first, is_over) = (text(&setup), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let changing = scope.spawn(|| {
            let mut n = 0;
            while !is_over.load(Ordering::Relaxed) {
                // Each is another; what these calls make of it is the same.
                let own = format!("[[service]]\nname = \"other {}\"\nnumbers = [\"{}\"]\n", n % 9, 9000 + n);
                let keep =
                    format!("[log]\nkeep = \"{}h\"\n[sip]\nmedia_timeout = \"{}s\"\n", 1 + n % 9, 30 + n % 9);
                replace(&setup, &(first.clone() + &own + &keep));
                hang_up(&recorder);
                n += 1;
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        cable.sipp(setup.dir.path(), 60, 20, 3000);
        is_over.store(true, Ordering::Relaxed);
        changing.join().unwrap();
    });
    recorder.wait_for("sixty recordings", 10, |s| s.completed() == 60.0);
    std::thread::sleep(Duration::from_millis(300));
    dump.interrupt();
    let end = recorder.metrics();
    assert!(end.balances() && end.dropped() == 0.0, "{end:?}");
    assert_eq!(end.sum("nauhuri_rtp_lost_total", ""), 0.0);
    assert!(
        reloads(&recorder, "taken") > 50.0 && reloads(&recorder, "refused") == 0.0,
        "{}",
        setup.all_logs()
    );
    recorder.stop_well();
    replace(&setup, &first);
    let out = setup.dir.path().join("replayed");
    let replay = setup.command("replay").arg("--out").arg(&out).arg(&capture).stderr(Stdio::piped()).output();
    assert!(replay.unwrap().status.success());
    let (live, replayed) = (setup.files(""), files_below(&out, ""));
    assert_eq!((live.len(), replayed.len()), (120, 120));
    for (a, b) in live.iter().zip(&replayed) {
        assert_eq!(a.file_name(), b.file_name());
        assert!(fs::read(a).unwrap() == fs::read(b).unwrap(), "{} differs", a.display());
    }
    setup.assert_sound("after many reloads");
}
