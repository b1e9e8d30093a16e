//! Hold, restrict, erase, expire: stopped after every step, attacked with old
//! copies, run at once, and in any order.

use crate::lifecycle::{AGENT, NUMBER, Store, audio, by, day, kaisa};
use nauhuri::archive::search::Search;
use nauhuri::config::{Config, RetentionBound, Term};
use nauhuri::custody::audit::Why;
use nauhuri::custody::expire::{Refusal, Sweep, SweepOptions};
use nauhuri::custody::hold::Release;
use nauhuri::custody::keeper::{Keeper, LifeStep, LifeSteps};
use nauhuri::custody::retain::Rule;
use nauhuri::custody::wall_clock::{Reading, Sync};
use nauhuri::store::cases::HoldReason;
use nauhuri::store::layout::open_state;
use nauhuri::store::register::{Register, RegisterEntry, RegisterReason};
use nauhuri::time::{NS_PER_S, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;
use uuid::Uuid;

fn reading(now: Timestamp) -> Reading {
    Reading { wall: now, uptime_ns: now.as_ns(), boot: "a".into(), sync: Sync::Yes }
}

fn swept(keeper: &mut Keeper, now: Timestamp) -> Sweep {
    let options = SweepOptions { walk: true, guard: 3, ..SweepOptions::default() };
    keeper.sweep(&kaisa(), &reading(now), &options).unwrap()
}

fn stop_after(step: LifeStep) -> LifeSteps {
    LifeSteps::with(move |s| if s == step { Err(io::Error::other("stop")) } else { Ok(()) })
}

fn how(case: Option<&str>, accept_due: bool) -> Release<'_> {
    Release { case, accept_due, ..Release::default() }
}

fn hold(keeper: &mut Keeper, id: Uuid, case: &str) {
    let row = keeper.index().get(id).unwrap().unwrap();
    assert!(keeper.hold(&[row], HoldReason::Crime, case, None, &by(day(0))).unwrap().is_clean());
}

#[test]
fn a_deletion_stopped_anywhere_is_completed() {
    for expire in [false, true] {
        for step in LifeStep::DELETION {
            let what = format!("expire {expire}, {step:?}");
            let store = Store::new();
            let (going, staying) = (store.record(1, -200, -1), store.record(2, -100, 100));
            let copies: Vec<_> =
                store.files().into_iter().map(|p| (p.clone(), std::fs::read(p).unwrap())).collect();
            let mut keeper = store.keeper().with_steps(stop_after(step));
            let stopped = if expire {
                keeper.sweep(&kaisa(), &reading(day(0)), &SweepOptions::default()).is_err()
            } else {
                let row = keeper.index().get(going).unwrap().unwrap();
                keeper.erase(&[row], "request", None, &by(day(0))).is_err()
            };
            assert!(stopped, "{what}");
            drop(keeper);
            // From the first step on it is gone for whoever asks.
            assert!(store.row(going).is_none(), "{what}");
            swept(&mut store.keeper(), day(0));
            assert_eq!(store.files().len(), 2, "{what}");
            assert!(store.row(staying).is_some(), "{what}");
            store.assert_sound(day(0), &what);
            let action = if expire { "expire" } else { "erase" };
            let told = store.audit().entries_for(going).unwrap().filter(|e| e.action == action).count();
            assert!((1..=2).contains(&told), "{what}: told {told} times");
            assert!(store.keeper().index().buried_rows().unwrap().is_empty(), "{what}");
            // Its files put back from a copy go again.
            for (path, bytes) in &copies {
                std::fs::write(path, bytes).unwrap();
            }
            assert_eq!(swept(&mut store.keeper(), day(0)).completed, 1, "{what}");
            assert_eq!(store.files().len(), 2, "{what}");
            store.assert_sound(day(0), &what);
        }
    }
}

/// Killed before the rename: found by whoever looks next, and not taken for somebody's work.
#[test]
fn an_edit_cut_short_is_cleared_away() {
    let store = Store::new();
    let id = store.record(1, -20, 100);
    let json = store.row(id).unwrap().json(&store.root);
    let edit = json.with_added_extension("new");
    for by_sweep in [true, false] {
        std::fs::write(&edit, "{\"schema\"").unwrap();
        assert!(!store.report(day(0)).is_clean());
        let mut keeper = store.keeper();
        match by_sweep {
            true => drop(swept(&mut keeper, day(0))),
            false => keeper.reconcile().unwrap(),
        }
        assert!(!edit.exists());
        store.assert_sound(day(0), "an edit cut short");
    }
    // A sidecar that cannot be read may be in its edit.
    std::fs::write(&json, "").unwrap();
    std::fs::write(&edit, "{}").unwrap();
    store.keeper().reconcile().unwrap();
    assert!(edit.exists());
}

#[test]
fn an_edit_stopped_anywhere_leaves_a_whole_store() {
    for step in LifeStep::EDIT {
        for edit in ["hold", "release", "restrict", "unrestrict"] {
            let what = format!("{edit}, {step:?}");
            let store = Store::new();
            let id = store.record(1, -200, -1);
            let row = store.row(id).unwrap();
            match edit {
                "release" => hold(&mut store.keeper(), id, "A"),
                "unrestrict" => {
                    drop(store.keeper().restrict(std::slice::from_ref(&row), "A", None, &by(day(0))).unwrap())
                }
                _ => {}
            }
            let mut keeper = store.keeper().with_steps(stop_after(step));
            let rows = [row];
            let stopped = match edit {
                "hold" => keeper.hold(&rows, HoldReason::Crime, "A", None, &by(day(0))).is_err(),
                "release" => keeper.release(&rows, how(None, true), None, &by(day(0))).is_err(),
                "restrict" => keeper.restrict(&rows, "A", None, &by(day(0))).is_err(),
                _ => keeper.unrestrict(&rows, "A", None, &by(day(0))).is_err(),
            };
            assert!(stopped, "{what}");
            drop(keeper);
            let told = store.audit().entries_for(id).unwrap().last().unwrap();
            assert_eq!(told.action, edit, "{what}: nothing is done untold");
            // The index follows the file.
            let (row, sidecar) = (store.row(id).unwrap(), store.sidecar(id));
            assert_eq!(row.held, sidecar.retention.hold.is_set(), "{what}");
            assert_eq!(row.restricted, sidecar.restricted.is_set(), "{what}");
            let done = step != LifeStep::Told;
            assert_eq!(row.held, (edit == "hold" && done) || (edit == "release" && !done), "{what}");
            assert_eq!(
                row.restricted,
                (edit == "restrict" && done) || (edit == "unrestrict" && !done),
                "{what}"
            );
            // Held or not, the sweep does as the file says; restriction holds nothing.
            let held = row.held;
            swept(&mut store.keeper(), day(0));
            assert_eq!(store.row(id).is_some(), held, "{what}");
            store.assert_sound(day(0), &what);
        }
    }
}

#[test]
fn the_file_decides_where_the_index_is_behind() {
    let store = Store::new();
    let id = store.record(1, -200, -1);
    let mut keeper = store.keeper();
    // A hold the index has not seen: as a crash between both leaves it, and the
    // folder's time tells nothing.
    let path = store.row(id).unwrap().json(&store.root);
    let mut sidecar = store.sidecar(id);
    sidecar.retention.hold = serde_json::from_value(serde_json::json!({ "reason": "crime" })).unwrap();
    let text = String::from_utf8(sidecar.to_bytes().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    let sweep = swept(&mut keeper, day(0));
    assert_eq!((sweep.deleted.len(), sweep.overdue), (0, 0), "and the index has seen it now");
    // One that cannot be read is not deleted by its term, and is not passed over in silence.
    let other = store.record(2, -200, -1);
    let path = store.row(other).unwrap().json(&store.root);
    std::fs::write(&path, "{").unwrap();
    let sweep = swept(&mut keeper, day(0));
    assert!(sweep.deleted.is_empty() && path.exists());
    assert_eq!((sweep.failed.len(), sweep.overdue), (1, 1));
}

#[test]
fn held_is_never_deleted_and_released_is_asked_back() {
    let store = Store::new();
    let (due, later) = (store.record(1, -200, -1), store.record(2, -100, 100));
    let mut keeper = store.keeper();
    let rows = [store.row(due).unwrap(), store.row(later).unwrap()];
    keeper.hold(&rows, HoldReason::Crime, "A", None, &by(day(0))).unwrap();
    keeper.hold(&rows[..1], HoldReason::Litigation, "B", None, &by(day(0))).unwrap();
    assert!(swept(&mut keeper, day(0)).deleted.is_empty());
    let erased = keeper.erase(&rows, "request", None, &by(day(0))).unwrap();
    assert_eq!((erased.gone.len(), erased.held.len()), (0, 2));
    assert_eq!(store.files().len(), 4);
    // Two cases: one of them ends, the other still holds.
    let released = keeper.release(&rows[..1], how(Some("A"), false), None, &by(day(0))).unwrap();
    assert!(!released.asked_back && released.amended.is_clean());
    assert!(swept(&mut keeper, day(0)).deleted.is_empty());
    // The last one: due at once.
    let released = keeper.release(&rows[..1], how(Some("B"), false), None, &by(day(0))).unwrap();
    assert!(released.asked_back && released.past_term == [due]);
    assert!(store.row(due).unwrap().held);
    assert!(keeper.release(&rows[..1], how(Some("B"), true), None, &by(day(0))).unwrap().amended.is_clean());
    assert!(!keeper.release(&rows[..1], how(Some("B"), true), None, &by(day(0))).unwrap().amended.is_clean());
    assert_eq!(swept(&mut keeper, day(0)).deleted.len(), 1);
    // Not due: no question.
    assert!(!keeper.release(&rows[1..], how(None, false), None, &by(day(0))).unwrap().asked_back);
    store.assert_sound(day(0), "released");
}

#[test]
fn a_hold_is_reviewed_and_its_end_has_a_grace() {
    let store = Store::new();
    let (due, later) = (store.record(1, -200, -1), store.record(2, -100, 300));
    let mut keeper = store.keeper();
    let rows = [store.row(due).unwrap(), store.row(later).unwrap()];
    keeper.hold(&rows, HoldReason::Crime, "A", None, &by(day(0))).unwrap();
    let unconfirmed = |keeper: &Keeper, before: i64| {
        let search = Search { unconfirmed_before: Some(day(before)), ..Search::default() };
        let found = keeper.index().find(&search).unwrap();
        assert_eq!(keeper.index().count(&search).unwrap(), found.len() as u64);
        assert!(found.iter().all(|row| search.matches(row)));
        found.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert!(unconfirmed(&keeper, 0).is_empty());
    assert_eq!(unconfirmed(&keeper, 1), [due, later]);
    assert!(keeper.review(&rows[1..], Some("B"), None, &by(day(40))).unwrap().refused.len() == 1);
    assert!(keeper.review(&rows[1..], None, None, &by(day(40))).unwrap().is_clean());
    assert_eq!(unconfirmed(&keeper, 30), [due]);
    let holds = store.sidecar(later).retention.hold;
    assert_eq!(holds.known().unwrap().as_slice()[0].reviewed_by.as_deref(), Some("kaisa"));
    let told = store.audit().entries_for(later).unwrap().last().unwrap();
    assert_eq!((told.action.as_str(), told.outcome.as_str()), ("hold_review", "done"));
    // The review has changed nothing about what is held.
    assert!(swept(&mut keeper, day(41)).deleted.is_empty());
    let grace = Duration::from_secs(3 * 86_400);
    let released = keeper.release(&rows, Release { grace, ..how(None, true) }, None, &by(day(41))).unwrap();
    assert_eq!((released.amended.made.len(), released.past_term.len()), (2, 1));
    assert!(swept(&mut keeper, day(43)).deleted.is_empty(), "the grace is not over");
    assert_eq!(swept(&mut keeper, day(45)).deleted.len(), 1);
    assert_eq!(store.sidecar(later).retention.until, Some(day(300)), "no grace is needed here");
    store.assert_sound(day(45), "reviewed");
}

#[test]
fn an_erasure_that_a_hold_put_off_comes_up_again() {
    let store = Store::new();
    let ids: Vec<Uuid> = (1..4).map(|n| store.record(n, -100, 100)).collect();
    let rows: Vec<_> = ids.iter().map(|id| store.row(*id).unwrap()).collect();
    let mut keeper = store.keeper();
    keeper.hold(&rows, HoldReason::Crime, "A", None, &by(day(0))).unwrap();
    assert_eq!(keeper.erase(&rows[..2], "request 17", None, &by(day(1))).unwrap().held.len(), 2);
    // Decided meanwhile for one of them.
    let why = Why { reason: Some("request 17".into()), basis: Some("17(3)(b)".into()), ..Why::default() };
    keeper.refuse_erasure(&rows[1..2], why, None, &by(day(2))).unwrap();
    keeper.release(&rows, how(None, false), None, &by(day(3))).unwrap();
    let put_off = keeper.erasures_put_off(&ids).unwrap();
    assert_eq!(put_off.keys().copied().collect::<Vec<_>>(), [ids[0]]);
    assert_eq!((put_off[&ids[0]].reason.as_str(), &put_off[&ids[0]].at), ("request 17", &day(1)));
    assert_eq!(keeper.erase(&rows[..1], "request 17", None, &by(day(4))).unwrap().gone.len(), 1);
    assert!(keeper.erasures_put_off(&ids).unwrap().is_empty());
    let told = store.audit().entries_for(ids[1]).unwrap().filter(|e| e.action == "erase").last().unwrap();
    assert_eq!((told.outcome.as_str(), told.why.basis.as_deref()), ("refused", Some("17(3)(b)")));
    assert!(store.row(ids[1]).is_some());
    store.assert_sound(day(4), "erased");
}

#[test]
fn a_tombstone_goes_when_it_has_done_its_work() {
    let store = Store::new();
    let expired = store.record(1, -200, -1);
    let (early, late) = (store.record(2, -100, 300), store.record(3, -100, 3_000));
    let mut keeper = store.keeper();
    let rows = [store.row(early).unwrap(), store.row(late).unwrap()];
    keeper.erase(&rows, "request", None, &by(day(0))).unwrap();
    swept(&mut keeper, day(0));
    let kept =
        |keeper: &Keeper| keeper.index().tombstones().unwrap().iter().map(|t| t.id).collect::<Vec<_>>();
    assert_eq!(kept(&keeper), [expired, early, late]);
    let year_ago = |now: i64| SweepOptions {
        walk: true,
        ignore_clock: true,
        tombstones_since: Some(day(now - 365)),
        ..SweepOptions::default()
    };
    let pruned =
        |keeper: &mut Keeper, now| keeper.sweep(&kaisa(), &reading(day(now)), &year_ago(now)).unwrap();
    assert_eq!(pruned(&mut keeper, 364).tombstones_pruned, 0);
    // A year later the term of the second is over as well, that of the third is not.
    assert_eq!(pruned(&mut keeper, 366).tombstones_pruned, 2);
    assert_eq!(kept(&keeper), [late]);
    let text = std::fs::read_to_string(store.state().join("tombstones.jsonl")).unwrap();
    assert_eq!((text.lines().count(), text.contains(&late.to_string())), (1, true));
    // Opened again, indexed again, written to again: none comes back, none is lost.
    drop(keeper);
    nauhuri::archive::index::rebuild(&store.root, &store.state(), &mut |_| ()).unwrap();
    let next = store.record(4, 366, 400);
    let mut keeper = store.keeper();
    assert_eq!(kept(&keeper), [late]);
    keeper.erase(&[store.row(next).unwrap()], "request", None, &by(day(367))).unwrap();
    assert_eq!(kept(&store.keeper()), [late, next]);
    assert_eq!(pruned(&mut keeper, 368).tombstones_pruned, 0);
    store.assert_sound(day(368), "pruned");
}

#[test]
fn calls_leave_the_register_when_the_technical_log_does() {
    let store = Store::new();
    let mut keeper = store.keeper();
    let register = || Register::new(open_state(&store.state()).unwrap());
    let calls = [-3, -2, 0].map(|at| RegisterEntry::new(day(at), RegisterReason::NoAgent));
    register().append(&calls).unwrap();
    let mut config = Config::default();
    config.log.keep = Duration::from_secs(36 * 3600);
    let options = SweepOptions { ignore_clock: true, ..SweepOptions::of(&config, day(0)) };
    let dry = keeper.sweep(&kaisa(), &reading(day(0)), &SweepOptions { dry_run: true, ..options }).unwrap();
    assert_eq!(dry.register_pruned, 0);
    assert_eq!(keeper.sweep(&kaisa(), &reading(day(0)), &options).unwrap().register_pruned, 2);
    let mut left = Vec::new();
    register().read(|call| left.push(call.at)).unwrap();
    assert_eq!(left, [day(0)]);
}

#[test]
fn a_sweep_is_refused_by_the_clock_and_by_the_guard() {
    let store = Store::new();
    for n in 0..120u8 {
        store.record(n, -200 + i64::from(n) / 10, -1);
    }
    let mut keeper = store.keeper();
    let options = SweepOptions { guard: 3, ..SweepOptions::default() };
    let unsynced = Reading { sync: Sync::No, ..reading(day(0)) };
    let sweep = keeper.sweep(&kaisa(), &unsynced, &options).unwrap();
    assert_eq!(sweep.refused.as_ref().map(Refusal::name), Some("clock_unsynchronised"));
    assert_eq!(sweep.overdue, 120);
    // Ten were made on a day, and a hundred and twenty fall due on one.
    let sweep = keeper.sweep(&kaisa(), &reading(day(0)), &options).unwrap();
    assert_eq!(sweep.refused, Some(Refusal::Guard { due: 120, days: 1, allowed: 60, guard: 3 }));
    assert_eq!(store.files().len(), 240);
    let dry = keeper.sweep(&kaisa(), &reading(day(0)), &SweepOptions { dry_run: true, ..options }).unwrap();
    assert_eq!((dry.deleted.len(), store.files().len()), (120, 240));
    let sweep =
        keeper.sweep(&kaisa(), &reading(day(0)), &SweepOptions { ignore_guard: true, ..options }).unwrap();
    assert_eq!((sweep.deleted.len(), sweep.overdue), (120, 0));
    assert_eq!(sweep.by_service()["116117"], 120);
    // Believed then: a day later by the wall and an hour by the boot is a jump.
    let jumped = Reading { uptime_ns: day(0).as_ns() + 3600 * NS_PER_S, ..reading(day(1)) };
    let sweep = keeper.sweep(&kaisa(), &jumped, &options).unwrap();
    assert_eq!(sweep.refused.as_ref().map(Refusal::name), Some("clock_jumped"));
    assert!(
        keeper
            .sweep(&kaisa(), &jumped, &SweepOptions { ignore_clock: true, ..options })
            .unwrap()
            .refused
            .is_none()
    );
    assert!(keeper.sweep(&kaisa(), &jumped, &options).unwrap().refused.is_none(), "answered for once");
    store.assert_sound(day(0), "swept");
}

#[test]
fn what_is_usual_is_not_refused_and_a_jump_is_also_in_a_small_store() {
    let options = SweepOptions { guard: 3, ..SweepOptions::default() };
    // Eight a day are kept ten days, one a day half a year, and one was held for ever: what
    // fell due since yesterday goes, however long the rest has been there.
    let store = Store::new();
    let mut n = 0;
    let mut record = |answered: i64, until: i64| {
        n += 1;
        store.record(n, answered, until)
    };
    let ancient = record(-2_500, -2_400);
    for d in -12..0 {
        for _ in 0..8 {
            record(d, d + 10);
        }
        record(d * 15, d * 15 + 180);
    }
    hold(&mut store.keeper(), ancient, "A");
    let sweep = store.keeper().sweep(&kaisa(), &reading(day(0)), &options).unwrap();
    assert_eq!((sweep.refused, sweep.deleted.len()), (None, 25));
    // A clock that is two months ahead: all that is left would go.
    let jumped =
        store.keeper().sweep(&kaisa(), &Reading { boot: "b".into(), ..reading(day(60)) }, &options).unwrap();
    assert!(matches!(jumped.refused, Some(Refusal::Guard { due: 76, days: 11.., .. })), "{jumped:?}");
    store.assert_sound(day(0), "jumped");
}

#[test]
fn nothing_is_left_of_what_was_deleted() {
    for expire in [false, true] {
        let store = Store::new();
        let id = store.record(7, -200, -1);
        let mut keeper = store.keeper();
        hold(&mut keeper, id, "6400/R/1");
        keeper.release(&[store.row(id).unwrap()], how(None, true), None, &by(day(0))).unwrap();
        let sound = &audio(7)[100..132];
        for (what, needle) in [("audio", sound), ("number", NUMBER.as_bytes()), ("agent", AGENT.as_bytes())] {
            assert!(!store.holding(needle).is_empty(), "the search finds the {what} while it is there");
        }
        if expire {
            assert_eq!(swept(&mut keeper, day(0)).deleted.len(), 1);
        } else {
            let row = keeper.index().get(id).unwrap().unwrap();
            assert_eq!(keeper.erase(&[row], "request 17", None, &by(day(0))).unwrap().gone.len(), 1);
        }
        for (what, needle) in [("audio", sound), ("number", NUMBER.as_bytes()), ("agent", AGENT.as_bytes())] {
            assert_eq!(store.holding(needle), [""; 0].map(std::path::PathBuf::from), "{what}");
        }
        let told: Vec<_> = store.holding(id.to_string().as_bytes());
        let names: Vec<_> = told.iter().filter_map(|p| p.file_name()?.to_str()).collect();
        assert_eq!(names, ["audit.jsonl", "tombstones.jsonl"]);
    }
}

/// In doubt it is kept: a copy that says it is held, a sidecar of a later version.
#[test]
fn what_may_be_held_is_not_deleted_by_any_way() {
    let store = Store::new();
    let (id, other) = (store.record(1, -200, -1), store.record(2, -200, 100));
    let mut keeper = store.keeper();
    hold(&mut keeper, id, "A");
    let held: Vec<_> = store
        .files()
        .into_iter()
        .filter(|p| p.to_str().unwrap().contains(&id.to_string()[28..]))
        .map(|p| (p.clone(), std::fs::read(p).unwrap()))
        .collect();
    keeper.release(&[store.row(id).unwrap()], how(None, true), None, &by(day(0))).unwrap();
    assert_eq!(swept(&mut keeper, day(0)).deleted.len(), 1);
    // Back from a copy of when it was held.
    for (path, bytes) in &held {
        std::fs::write(path, bytes).unwrap();
    }
    let sweep = swept(&mut keeper, day(0));
    assert_eq!((sweep.completed, sweep.failed.len(), store.files().len()), (0, 1, 4));
    assert!(store.row(id).is_none(), "and it is in no list");
    // A form of later, with a hold in it or not to be read at all.
    let row = store.row(other).unwrap();
    for text in ["{\"schema\": 2, \"retention\": {\"hold\": {\"reason\": \"crime\"}}}", "{"] {
        std::fs::write(row.json(&store.root), text).unwrap();
        let erased = keeper.erase(std::slice::from_ref(&row), "request", None, &by(day(0))).unwrap();
        assert_eq!((erased.gone.len(), erased.failed.len()), (0, 1), "{text}");
    }
    std::fs::write(row.json(&store.root), "{\"schema\": 2, \"retention\": {\"hold\": null}}").unwrap();
    assert_eq!(keeper.erase(&[row], "request", None, &by(day(0))).unwrap().gone.len(), 1);
}

/// Whoever asked, and why, is known whatever becomes of the command.
#[test]
fn an_erasure_is_told_before_it_begins() {
    let store = Store::new();
    let id = store.record(1, -200, 100);
    let row = store.row(id).unwrap();
    let part = row.json(&store.root).with_extension("wav.part");
    std::fs::write(&part, "left by a crash").unwrap();
    let mut keeper = store.keeper().with_steps(stop_after(LifeStep::SidecarGone));
    assert!(keeper.erase(std::slice::from_ref(&row), "request 19", None, &by(day(0))).is_err());
    drop(keeper);
    swept(&mut store.keeper(), day(0));
    let told: Vec<_> = store.audit().entries_for(id).unwrap().collect();
    let words: Vec<_> = told.iter().map(|e| (e.action.as_str(), e.why.reason.as_deref())).collect();
    assert_eq!(words, [("erase_begun", Some("request 19")), ("erase", None)]);
    assert!(store.files().is_empty(), "{:?}", store.files());
    // What cannot be told is not begun.
    let id = store.record(2, -200, 100);
    let row = store.row(id).unwrap();
    let mut keeper = store.keeper();
    let log = store.state().join("audit.jsonl");
    std::fs::rename(&log, store.outside().join("log")).unwrap();
    std::fs::create_dir(&log).unwrap();
    assert!(keeper.erase(&[row], "request 20", None, &by(day(0))).is_err());
    assert_eq!(store.files().len(), 2);
}

#[test]
fn yesterdays_index_brings_nothing_back() {
    let store = Store::new();
    let id = store.record(1, -200, -1);
    drop(store.keeper());
    let index = store.state().join("index.db");
    // Written back whole, so that the copy is one file.
    store.keeper().index().scrub().unwrap();
    let yesterday = std::fs::read(&index).unwrap();
    assert_eq!(swept(&mut store.keeper(), day(0)).deleted.len(), 1);
    for suffix in ["-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{suffix}", index.display())));
    }
    std::fs::write(&index, yesterday).unwrap();
    assert!(store.row(id).is_none());
    swept(&mut store.keeper(), day(0));
    store.assert_sound(day(0), "restored");
}

#[test]
fn a_changed_term_applies_only_when_asked() {
    let store = Store::new();
    let (old, young, other) = (
        store.record(1, -200, 100),
        store.record(2, -10, 300),
        store.record_as(3, -200, 100, "general", nauhuri::store::wav::WavEncoding::Alaw),
    );
    let mut keeper = store.keeper();
    hold(&mut keeper, young, "A");
    let rule = Rule {
        service: "116117".into(),
        term: Term::Months(1),
        bound: RetentionBound::Keep,
        zone: jiff::tz::TimeZone::UTC,
    };
    let preview = keeper.preview(&rule, &by(day(0))).unwrap();
    assert_eq!((preview.shorter, preview.longer, preview.held, preview.due_at_once), (2, 0, 1, 1));
    let before = store.sidecar(old);
    assert_eq!(keeper.apply(&rule, &by(day(0))).unwrap(), preview);
    assert_ne!(store.sidecar(old).retention.until, before.retention.until);
    assert_eq!(store.sidecar(other).retention.until, Some(day(100)), "another service's stays");
    let told = store.audit().entries_for(old).unwrap().last().unwrap();
    let changes = &told.detail.unwrap()["changes"];
    assert_eq!(changes[0][0], old.to_string());
    assert!(changes[0][1].as_str() > changes[0][2].as_str(), "from the later date to the earlier");
    assert_eq!(swept(&mut keeper, day(0)).deleted, [(old, Some("116117".into()))]);
    // Longer again brings nothing back.
    let longer = Rule { term: Term::Years(5), ..rule };
    assert_eq!(keeper.apply(&longer, &by(day(0))).unwrap().longer, 1);
    assert!(store.row(old).is_none());
    store.assert_sound(day(0), "applied");
}

/// A command beside the daemon.
#[test]
fn two_sweeps_at_once() {
    let store = Store::new();
    let ids: Vec<Uuid> = (0..8).map(|n| store.record(n, -200, -1)).collect();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let mut keeper = store.keeper();
            scope.spawn(move || (0..25).for_each(|_| drop(swept(&mut keeper, day(0)))));
        }
    });
    assert!(ids.iter().all(|id| store.row(*id).is_none()));
    store.assert_sound(day(0), "two sweeps");
}

#[test]
fn a_hold_and_a_sweep_at_once() {
    for _ in 0..5 {
        let store = Store::new();
        let ids: Vec<Uuid> = (0..20).map(|n| store.record(n, -200, -1)).collect();
        let (mut a, mut b) = (store.keeper(), store.keeper());
        let rows: Vec<_> = ids.iter().filter_map(|id| store.row(*id)).collect();
        let held = std::thread::scope(|scope| {
            let holder =
                scope.spawn(move || a.hold(&rows, HoldReason::Crime, "A", None, &by(day(0))).unwrap().made);
            swept(&mut b, day(0));
            holder.join().unwrap()
        });
        swept(&mut store.keeper(), day(0));
        for id in &ids {
            assert_eq!(store.row(*id).is_some(), held.contains(id), "held and there, or neither");
        }
        store.assert_sound(day(0), "at once");
    }
}

/// One command of a random sequence.
#[derive(Clone, Debug)]
enum Deed {
    Record,
    Hold(usize, u8),
    Release(usize, u8),
    Restrict(usize),
    Unrestrict(usize),
    Erase(usize),
    Days(i64),
    Sweep,
    Reindex,
}

fn deed() -> impl Strategy<Value = Deed> {
    let any = 0..6usize;
    prop_oneof![
        3 => Just(Deed::Record),
        2 => (any.clone(), 0..3u8).prop_map(|(i, c)| Deed::Hold(i, c)),
        2 => (any.clone(), 0..3u8).prop_map(|(i, c)| Deed::Release(i, c)),
        1 => any.clone().prop_map(Deed::Restrict),
        1 => any.clone().prop_map(Deed::Unrestrict),
        1 => any.prop_map(Deed::Erase),
        2 => (1..40i64).prop_map(Deed::Days),
        3 => Just(Deed::Sweep),
        1 => Just(Deed::Reindex),
    ]
}

/// What a recording has to be.
#[derive(Clone, Debug, Default)]
struct Model {
    until: i64,
    cases: Vec<u8>,
    restricted: bool,
    gone: bool,
}

fn play(store: &Store, deed: &Deed, today: &mut i64, model: &mut BTreeMap<Uuid, Model>) {
    let mut keeper = store.keeper();
    let now = day(*today);
    let pick = |i: usize| model.keys().nth(i).copied();
    let row = |i: usize| pick(i).and_then(|id| keeper.index().get(id).unwrap()).map(|row| vec![row]);
    match deed {
        Deed::Record => {
            let (n, until) = (model.len() as u8, *today + 20);
            model.insert(store.record(n, *today - 1, until), Model { until, ..Model::default() });
        }
        Deed::Hold(i, case) => {
            let Some(rows) = row(*i) else { return };
            keeper.hold(&rows, HoldReason::Statute, &case.to_string(), None, &by(now)).unwrap();
            let cases = &mut model.get_mut(&rows[0].id).unwrap().cases;
            if !cases.contains(case) {
                cases.push(*case);
            }
        }
        Deed::Release(i, case) => {
            let Some(rows) = row(*i) else { return };
            keeper.release(&rows, how(Some(&case.to_string()), true), None, &by(now)).unwrap();
            model.get_mut(&rows[0].id).unwrap().cases.retain(|c| c != case);
        }
        Deed::Restrict(i) => {
            let Some(rows) = row(*i) else { return };
            keeper.restrict(&rows, "R", None, &by(now)).unwrap();
            model.get_mut(&rows[0].id).unwrap().restricted = true;
        }
        Deed::Unrestrict(i) => {
            let Some(rows) = row(*i) else { return };
            keeper.unrestrict(&rows, "R", None, &by(now)).unwrap();
            model.get_mut(&rows[0].id).unwrap().restricted = false;
        }
        Deed::Erase(i) => {
            let Some(rows) = row(*i) else { return };
            keeper.erase(&rows, "asked", None, &by(now)).unwrap();
            let model = model.get_mut(&rows[0].id).unwrap();
            model.gone |= model.cases.is_empty();
        }
        Deed::Days(days) => *today += days,
        Deed::Sweep => {
            swept(&mut keeper, now);
            for recording in model.values_mut() {
                recording.gone |= recording.until <= *today && recording.cases.is_empty();
            }
        }
        Deed::Reindex => {
            nauhuri::archive::index::rebuild(&store.root, &store.state(), &mut |_| ()).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Held never goes, due goes with the sweep, nothing else does, and the store is whole.
    #[test]
    fn any_sequence_of_commands_keeps_the_promises(deeds in prop::collection::vec(deed(), 1..20)) {
        let store = Store::new();
        let (mut today, mut model) = (0, BTreeMap::new());
        for deed in &deeds {
            play(&store, deed, &mut today, &mut model);
        }
        let keeper = store.keeper();
        for (id, want) in &model {
            let row = keeper.index().get(*id).unwrap();
            prop_assert_eq!(row.is_none(), want.gone, "{} {:?}", id, want);
            if let Some(row) = row {
                prop_assert_eq!((row.held, row.restricted), (!want.cases.is_empty(), want.restricted));
                prop_assert!(row.wav(&store.root).exists() && row.json(&store.root).exists());
            }
        }
        prop_assert_eq!(store.files().len(), 2 * model.values().filter(|m| !m.gone).count());
        let verdict = store.audit().verify().unwrap();
        prop_assert!(verdict.is_sound(), "{:?}", verdict.found);
        // Overdue ones that no sweep has seen yet are no damage.
        let report = store.report(day(-300));
        prop_assert!(report.is_clean(), "{:?}", report.findings);
    }
}
