//! A recorder at work in a store that commands sweep and erase from at the same time.

use crate::leftovers::open;
use crate::studio::{Studio, calls, config, whole};
use nauhuri::archive::Place;
use nauhuri::archive::search::Search;
use nauhuri::archive::verify::{VerifyOptions, verify};
use nauhuri::archive::{Archive, NoIndex};
use nauhuri::custody::audit::{AuditLog, By, Draft, SystemAccount, Who};
use nauhuri::custody::expire::SweepOptions;
use nauhuri::custody::keeper::{Keeper, LifeSteps};
use nauhuri::daemon::crew::Faults;
use nauhuri::daemon::machine_clock::Clock;
use nauhuri::store::files::{Access, Folder};
use nauhuri::store::layout::STATE_FOLDER;
use nauhuri::time::{NS_PER_S, Timestamp};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use uuid::Uuid;

/// Recordings from before: a third each is due, to be erased, both.
const BEFORE: u64 = 30;

/// Waits after some steps, others after each seed.
fn steps(seed: u64) -> LifeSteps {
    let state = AtomicU64::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    LifeSteps::with(move |_| {
        let mut x = state.load(Ordering::Relaxed);
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        state.store(x, Ordering::Relaxed);
        match x % 4 {
            0 => std::thread::sleep(Duration::from_micros((x >> 11) % 5_000)),
            1 => std::thread::yield_now(),
            _ => {}
        }
        Ok(())
    })
}

/// Whatever comes between: each recording is deleted once, and the log tells of each once and of nothing
/// else; what is recorded meanwhile is whole.
#[test]
fn a_recorder_two_sweeps_and_an_erasure_in_one_store() {
    for seed in 0..3u64 {
        let dir = tempfile::tempdir().unwrap();
        Folder::make(&dir.path().join(STATE_FOLDER), Access::Owner).unwrap();
        let now = Timestamp::from_jiff(jiff::Timestamp::now());
        let (mut due, mut asked) = (Vec::new(), Vec::new());
        for n in 0..BEFORE {
            let (w, mut s) = open(dir.path(), n, now.offset_ns(-(86_400 * 3 + n as i64) * NS_PER_S));
            let is_due = n % 3 != 1;
            s.retention.until = Some(now.offset_ns(if is_due { -1 } else { 86_400 } * 3_600 * NS_PER_S));
            if is_due {
                due.push(s.id);
            }
            if n % 3 != 0 {
                asked.push(s.id);
            }
            w.close(s).unwrap();
        }
        let mut config = config(dir.path(), &format!("together-{seed}"));
        (config.retention.sweep, config.retention.guard) = (Duration::from_millis(50), 0);
        let place = Place::of(&config.storage);
        let log = AuditLog::of(&place.state, &config.audit);
        drop(Archive::open(&place, NoIndex::Build).unwrap());
        let studio = Studio::start(&config, Clock::machine(), Faults::default()).unwrap();
        let kaisa = Who::Os(SystemAccount { user: Some("kaisa".into()), ..SystemAccount::default() });
        let keeper =
            |n: u64| Keeper::open(&place, log.clone(), now).unwrap().with_steps(steps(10 * seed + n));
        std::thread::scope(|scope| {
            scope.spawn(|| studio.play(&calls(390..393)));
            for n in 0..2 {
                let (keeper, kaisa, config) = (&keeper, &kaisa, &config);
                scope.spawn(move || {
                    let reading = Clock::machine().reading(false);
                    let sweep = keeper(n).sweep(kaisa, &reading, &SweepOptions::of(config, reading.wall));
                    assert!(sweep.as_ref().unwrap().is_clean(), "seed {seed}: {sweep:?}");
                });
            }
            scope.spawn(|| {
                let (mut keeper, by) = (keeper(2), By::new(kaisa.clone(), now));
                for some in asked.chunks(5) {
                    let rows = keeper.index().find(&Search::of_ids(some.iter().copied())).unwrap();
                    let erased = keeper.erase(&rows, "request 17", None, &by).unwrap();
                    assert!(erased.failed.is_empty() && erased.silent.is_empty(), "seed {seed}: {erased:?}");
                    log.append(&by, [Draft::new(nauhuri::custody::audit::Action::Show)]).unwrap();
                }
            });
        });
        studio.until("three calls", 10, |_| whole(dir.path()).len() == 3);
        assert!(studio.stop().0);
        let mut told: BTreeMap<Uuid, Vec<String>> = BTreeMap::new();
        for entry in log.entries().unwrap().filter(|e| e.outcome == "done") {
            if ["erase", "expire", "erase_begun"].contains(&entry.action.as_str()) {
                assert!(entry.detail.is_none(), "seed {seed}: nothing was cut short: {entry:?}");
                entry
                    .targets
                    .iter()
                    .for_each(|id| told.entry(*id).or_default().push(entry.action.to_string()));
            }
        }
        for id in due.iter().chain(&asked) {
            let deeds: Vec<&str> = told.get(id).into_iter().flatten().map(String::as_str).collect();
            let fits = deeds == ["expire"] && due.contains(id)
                || deeds == ["erase_begun", "erase"] && asked.contains(id);
            assert!(fits, "seed {seed}: {id}: {deeds:?}");
        }
        assert_eq!(told.len() as u64, BEFORE, "seed {seed}: nothing else went");
        let verdict = log.verify().unwrap();
        assert!(verdict.is_sound(), "seed {seed}: {:?}", verdict.found);
        let index = Archive::open(&place, NoIndex::BuildMissing).unwrap().index;
        assert_eq!(index.count(&Search::default()).unwrap(), 3, "seed {seed}");
        let options = VerifyOptions {
            sample: None,
            now,
            grace: Duration::ZERO,
            patience: Duration::ZERO,
            threads: 1,
            access: place.access,
        };
        let report = verify(dir.path(), Ok(&index), &options, &mut |_, _| ()).unwrap();
        assert!(report.is_clean(), "seed {seed}: {:?}", report.findings);
    }
}
