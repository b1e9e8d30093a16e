//! `kill -9` after each numbered step of create, close, hold, release, restrict,
//! erase and expire: a process of its own does the deed and is killed in it; the
//! next one finds a whole store.
//!
//! The process is this very program, told by [`DEED`] what to do and where to die.

use crate::lifecycle::{Store, audio, by, day, kaisa};
use nauhuri::custody::expire::SweepOptions;
use nauhuri::custody::hold::Release;
use nauhuri::custody::keeper::{LifeStep, LifeSteps};
use nauhuri::custody::wall_clock::{Reading, Sync};
use nauhuri::store::Step;
use nauhuri::store::Steps;
use nauhuri::store::cases::HoldReason;
use nauhuri::store::lock::{EditLock, StoreLock};
use nauhuri::store::recover::{RecoverOptions, recover};
use nauhuri::store::sidecar::{EndedBy, Sidecar};
use nauhuri::store::wav::{WavEncoding, sha256_hex};
use nauhuri::store::writer::WriterOptions;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;
use uuid::Uuid;

/// `WHAT STEP ROOT`
const DEED: &str = "NAUHURI_TEST_DEED";
const SIGKILL: i32 = 9;

/// Ends this process as the kernel ends it: nothing is flushed, nobody is asked.
fn die() -> ! {
    let me = rustix::process::getpid();
    rustix::process::kill_process(me, rustix::process::Signal::KILL).unwrap();
    unreachable!("killed")
}

/// The deed of the process that is to be killed, if this is one.
fn deed() -> bool {
    let Ok(deed) = std::env::var(DEED) else { return false };
    let mut words = deed.splitn(3, ' ');
    let (what, step) = (words.next().unwrap(), words.next().unwrap().parse::<usize>().unwrap());
    let store = Store::at(&PathBuf::from(words.next().unwrap()));
    if what == "create" {
        let steps = Steps::with(move |s: Step| if usize::from(s.number()) == step { die() } else { Ok(()) });
        store.write(
            9,
            -1,
            100,
            "116117",
            WavEncoding::Alaw,
            &WriterOptions { steps, ..WriterOptions::default() },
        );
        return true;
    }
    let steps: &[LifeStep] =
        if matches!(what, "erase" | "expire") { &LifeStep::DELETION } else { &LifeStep::EDIT };
    let last = steps[step];
    let mut keeper =
        store.keeper().with_steps(LifeSteps::with(move |s| if s == last { die() } else { Ok(()) }));
    let rows = keeper.index().find(&Default::default()).unwrap();
    let first = &rows[..1];
    match what {
        "hold" => drop(keeper.hold(first, HoldReason::Crime, "A", None, &by(day(0))).unwrap()),
        "release" => {
            let how = Release { accept_due: true, ..Release::default() };
            drop(keeper.release(first, how, None, &by(day(0))).unwrap());
        }
        "restrict" => drop(keeper.restrict(first, "A", None, &by(day(0))).unwrap()),
        "erase" => drop(keeper.erase(first, "request", None, &by(day(0))).unwrap()),
        "expire" => drop(keeper.sweep(&kaisa(), &reading(), &SweepOptions::default()).unwrap()),
        other => unreachable!("{other}"),
    }
    true
}

fn reading() -> Reading {
    Reading { wall: day(0), uptime_ns: 1, boot: "a".into(), sync: Sync::Yes }
}

/// What the next start of the recorder does.
fn recovered(store: &Store) {
    let mut lock = StoreLock::enter(&store.root).unwrap();
    let edits = EditLock::wait(&store.state()).unwrap();
    recover(&mut lock, &edits, &RecoverOptions::default()).unwrap();
    drop((lock, edits, store.keeper()));
}

/// Does the deed in another process and sees it killed.
fn killed(test: &str, what: &str, step: usize, store: &Store) {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("killed::{test}"), "--nocapture", "--test-threads=1"])
        .env(DEED, format!("{what} {step} {}", store.root.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&status.stderr);
    assert_eq!(status.status.signal(), Some(SIGKILL), "{what}, step {step}: {said}");
}

#[test]
fn while_a_recording_is_made() {
    if deed() {
        return;
    }
    for step in Step::ALL {
        let store = Store::new();
        let finished = store.record(1, -2, 100);
        let before = store.files().iter().map(|p| (p.clone(), std::fs::read(p).unwrap())).collect::<Vec<_>>();
        killed("while_a_recording_is_made", "create", step.number().into(), &store);
        let lock = StoreLock::enter(&store.root).unwrap();
        assert!(lock.is_alone(), "the lock went with the process");
        drop(lock);
        recovered(&store);
        store.assert_sound(day(0), &step.to_string());
        for (path, bytes) in before {
            assert_eq!(std::fs::read(&path).unwrap(), bytes, "{step}: what was finished is as it was");
        }
        let rows = store.keeper().index().find(&Default::default()).unwrap();
        assert_eq!(rows.len(), if step == Step::Folders { 1 } else { 2 }, "{step}");
        let Some(row) = rows.iter().find(|row| row.id != finished) else { continue };
        let s = Sidecar::read(&row.json(&store.root)).unwrap();
        // From step 5 on the audio is whole, from step 6 on the metadata too.
        assert_eq!(s.audio.frames, if step < Step::WavSynced { 0 } else { 8_000 }, "{step}");
        assert_eq!(s.complete, step >= Step::SidecarWritten, "{step}");
        assert_eq!(s.ended_by == EndedBy::Recovered, step < Step::SidecarWritten, "{step}");
        assert_eq!(s.audio.sha256, sha256_hex(&row.wav(&store.root)).unwrap(), "{step}");
    }
}

#[test]
fn while_something_is_changed() {
    if deed() {
        return;
    }
    for what in ["hold", "release", "restrict"] {
        for (n, step) in LifeStep::EDIT.into_iter().enumerate() {
            let name = format!("{what}, {step:?}");
            let store = Store::new();
            let id = store.record(1, -200, -1);
            if what == "release" {
                let row = store.row(id).unwrap();
                store.keeper().hold(&[row], HoldReason::Crime, "A", None, &by(day(0))).unwrap();
            }
            killed("while_something_is_changed", what, n, &store);
            recovered(&store);
            let told = store.audit().entries_for(id).unwrap().last().unwrap();
            assert_eq!(told.action, what, "{name}: nothing is done untold");
            let (row, sidecar) = (store.row(id).unwrap(), store.sidecar(id));
            let done = step != LifeStep::Told;
            assert_eq!(sidecar.retention.hold.is_set(), (what == "release") != (what != "restrict" && done));
            assert_eq!(row.held, sidecar.retention.hold.is_set(), "{name}");
            assert_eq!(row.restricted, what == "restrict" && done, "{name}");
            // Held or not, the sweep does as the file says.
            let held = row.held;
            store.keeper().sweep(&kaisa(), &reading(), &SweepOptions::default()).unwrap();
            assert_eq!(store.row(id).is_some(), held, "{name}");
            store.assert_sound(day(0), &name);
        }
    }
}

#[test]
fn while_recordings_are_deleted() {
    if deed() {
        return;
    }
    for what in ["erase", "expire"] {
        for (n, step) in LifeStep::DELETION.into_iter().enumerate() {
            let name = format!("{what}, {step:?}");
            let store = Store::new();
            let due: Vec<Uuid> = (1..4).map(|n| store.record(n, -200, -1)).collect();
            let stays = store.record(8, -100, 100);
            killed("while_recordings_are_deleted", what, n, &store);
            let going: &[Uuid] = if what == "erase" { &due[..1] } else { &due };
            // From the first step on nobody is given what is deleted, and nothing else is.
            for id in going {
                assert!(store.row(*id).is_none(), "{name}");
            }
            assert!(store.row(stays).is_some(), "{name}");
            let sweep = store.keeper().sweep(&kaisa(), &reading(), &SweepOptions::default()).unwrap();
            assert!(sweep.failed.is_empty() && sweep.overdue == 0, "{name}: {sweep:?}");
            assert_eq!(store.files().len(), 2, "{name}");
            store.assert_sound(day(0), &name);
            for id in going {
                let told = store.audit().entries_for(*id).unwrap().filter(|e| e.action == what).count();
                assert!((1..=2).contains(&told), "{name}: told {told} times");
            }
            let needle = &audio(1)[100..132];
            assert!(store.holding(needle).is_empty(), "{name}");
        }
    }
}
