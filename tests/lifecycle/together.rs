//! Sweeps, erasures and a daemon at work in one store at once: whatever comes between
//! whose steps, the log is whole and true.

use crate::lifecycle::{DAY_S, Store, by, day, kaisa};
use nauhuri::archive::search::Search;
use nauhuri::custody::audit::{Action, By, Draft, ServiceName, SystemAccount, Who};
use nauhuri::custody::expire::SweepOptions;
use nauhuri::custody::keeper::{Keeper, LifeSteps};
use nauhuri::custody::wall_clock::{Reading, Sync};
use nauhuri::store::heartbeat::Heartbeat;
use nauhuri::time::{NS_PER_S, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use uuid::Uuid;

/// Recordings in the store, a third of each kind: due, asked to be erased, both.
const RECORDINGS: u8 = 24;
/// Entries of the audit log that are past their own term.
const OLD_ENTRIES: i64 = 40;

/// xorshift64: after which step a thread waits for how long follows from the seed and from which thread it
/// is, whatever the others do.
#[derive(Clone)]
struct Dice(Arc<AtomicU64>);

impl Dice {
    fn new(seed: u64, thread: u64) -> Dice {
        Dice(Arc::new(AtomicU64::new((seed * 8 + thread).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)))
    }

    fn roll(&self, sides: u64) -> u64 {
        let mut x = self.0.load(Ordering::Relaxed);
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.store(x, Ordering::Relaxed);
        (x >> 11) % sides
    }

    fn wait(&self) {
        match self.roll(4) {
            0 => std::thread::sleep(Duration::from_micros(self.roll(3_000))),
            1 => std::thread::yield_now(),
            _ => {}
        }
    }

    fn steps(&self) -> LifeSteps {
        let dice = self.clone();
        LifeSteps::with(move |_| {
            dice.wait();
            Ok(())
        })
    }
}

fn reading(now: Timestamp) -> Reading {
    Reading { wall: now, uptime_ns: now.as_ns(), boot: "a".into(), sync: Sync::Yes }
}

fn options() -> SweepOptions {
    SweepOptions {
        walk: true,
        ignore_guard: true,
        audit_since: Some(day(-100)),
        tombstones_since: Some(day(-3_000)),
        ..SweepOptions::default()
    }
}

fn daemon() -> Who {
    Who::Service { service: ServiceName::Nauhuri.into(), account: SystemAccount::default() }
}

fn old(seq: i64) -> By {
    By::new(daemon(), day(-400).offset_ns(seq * DAY_S * NS_PER_S))
}

/// Due, asked for, both.
fn recorded(store: &Store) -> (Vec<Uuid>, Vec<Uuid>) {
    let (mut due, mut asked) = (Vec::new(), Vec::new());
    for n in 0..RECORDINGS {
        let is_due = n % 3 != 1;
        let id = store.record(n, -200 - i64::from(n % 5), if is_due { -1 } else { 100 });
        if is_due {
            due.push(id);
        }
        if n % 3 != 0 {
            asked.push(id);
        }
    }
    (due, asked)
}

/// Which entries tell of a deletion that was done, by recording.
fn told(store: &Store) -> BTreeMap<Uuid, Vec<String>> {
    let mut told: BTreeMap<Uuid, Vec<String>> = BTreeMap::new();
    for entry in store.audit().entries().unwrap().filter(|e| e.outcome == "done") {
        if ["erase", "expire", "erase_begun"].contains(&entry.action.as_str()) {
            assert!(entry.detail.is_none(), "nothing was cut short, nothing came back: {entry:?}");
            for id in entry.targets {
                told.entry(id).or_default().push(entry.action.to_string());
            }
        }
    }
    told
}

#[test]
fn whatever_comes_between_the_log_is_whole_and_true() {
    // `make soak` plays a thousand.
    let seeds = std::env::var("NAUHURI_SEEDS").map_or(20, |n| n.parse().unwrap());
    for seed in 0..seeds {
        let store = Store::new();
        let (due, asked) = recorded(&store);
        drop(store.keeper());
        for n in 0..OLD_ENTRIES {
            store.audit().append(&old(n), [Draft::new(Action::List)]).unwrap();
        }
        let (store, asked) = (&store, &asked);
        std::thread::scope(|scope| {
            for n in 0..2 {
                scope.spawn(move || {
                    let dice = Dice::new(seed, n);
                    let mut keeper = store.keeper().with_steps(dice.steps());
                    dice.wait();
                    let sweep = keeper.sweep(&kaisa(), &reading(day(0)), &options()).unwrap();
                    assert!(sweep.failed.is_empty() && sweep.refused.is_none(), "seed {seed}: {sweep:?}");
                });
            }
            scope.spawn(|| {
                let dice = Dice::new(seed, 2);
                let mut keeper = store.keeper().with_steps(dice.steps());
                for some in asked.chunks(5) {
                    dice.wait();
                    let rows = keeper.index().find(&Search::of_ids(some.iter().copied())).unwrap();
                    let erased = keeper.erase(&rows, "request 17", None, &by(day(0))).unwrap();
                    assert!(erased.failed.is_empty() && erased.silent.is_empty(), "seed {seed}: {erased:?}");
                }
            });
            scope.spawn(|| {
                let dice = Dice::new(seed, 3);
                let mut keeper = store.keeper().with_steps(dice.steps());
                for _ in 0..4 {
                    dice.wait();
                    keeper.reconcile().unwrap();
                    let sweep = keeper.sweep(&daemon(), &reading(day(0)), &options()).unwrap();
                    assert_eq!(sweep.completed, 0, "seed {seed}");
                }
            });
            scope.spawn(|| {
                let dice = Dice::new(seed, 4);
                for _ in 0..20 {
                    dice.wait();
                    store.audit().append(&by(day(0)), [Draft::new(Action::Show)]).unwrap();
                    let verdict = store.audit().verify().unwrap();
                    assert!(verdict.is_sound(), "seed {seed}: {:?}", verdict.found);
                }
            });
        });
        let told = told(store);
        for id in due.iter().chain(asked) {
            let deeds: Vec<&str> = told.get(id).into_iter().flatten().map(String::as_str).collect();
            let is_asked = asked.contains(id);
            let fits =
                deeds == ["expire"] && due.contains(id) || deeds == ["erase_begun", "erase"] && is_asked;
            assert!(fits, "seed {seed}: {id}: {deeds:?}");
        }
        assert_eq!(store.files().len(), 0, "seed {seed}");
        let verdict = store.audit().verify().unwrap();
        assert!(verdict.is_sound(), "seed {seed}: {:?}", verdict.found);
        // The old ones went, and nothing else did.
        let shown = store.audit().entries().unwrap().filter(|e| e.action == "show").count();
        let listed = store.audit().entries().unwrap().filter(|e| e.action == "list").count();
        assert_eq!((shown, listed), (20, 0), "seed {seed}");
        store.assert_sound(day(0), &format!("seed {seed}"));
    }
}

/// A thread that does this is watched: it is heard of at each recording that it looks at.
#[test]
fn what_takes_long_beats_at_each_recording() {
    let (store, beats) = (Store::new(), Arc::new(AtomicU64::new(0)));
    recorded(&store);
    let count = Arc::clone(&beats);
    let heartbeat = Heartbeat::to(move || _ = count.fetch_add(1, Ordering::Relaxed));
    let mut keeper = Keeper::open_heard(&store.place(), store.audit(), day(0), &heartbeat).unwrap();
    assert!(beats.swap(0, Ordering::Relaxed) > 0, "the index was built");
    let id = store.record(RECORDINGS, -200, 100);
    keeper.reconcile().unwrap();
    assert!(beats.swap(0, Ordering::Relaxed) > 0 && keeper.index().get(id).unwrap().is_some());
    let sweep = keeper.sweep(&daemon(), &reading(day(0)), &options()).unwrap();
    let deleted = sweep.deleted.len() as u64;
    assert!(deleted > 10 && beats.load(Ordering::Relaxed) >= 2 * deleted, "{deleted} {beats:?}");
}
