//! Many seeds on all processors; the environment chooses which.
//!
//! `NAUHURI_SEED=n` plays one, `NAUHURI_SEED=n,m` these, `NAUHURI_SEEDS=n` the first n.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A number out of the environment.
pub fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|v| v.parse().ok())
}

/// The seeds to play: as the environment says, else the first `or`.
pub fn seeds(or: u64) -> Vec<u64> {
    match std::env::var("NAUHURI_SEED") {
        Ok(these) => these.split(',').map(|n| n.trim().parse().unwrap()).collect(),
        Err(_) => (0..number("NAUHURI_SEEDS").unwrap_or(or)).collect(),
    }
}

/// What went wrong, by item, in their order. A panic is a failure like another.
pub fn each<T: Sync>(items: &[T], work: impl Fn(&T) -> Result<(), String> + Sync) -> Vec<(usize, String)> {
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|s| {
        for _ in 0..threads {
            s.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(i) else { return };
                    let done = catch_unwind(AssertUnwindSafe(|| work(item)));
                    if let Err(what) = done.unwrap_or_else(|p| Err(panic_text(&*p))) {
                        wrong.lock().unwrap().push((i, what));
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    wrong
}

fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    format!("panicked: {}", text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("?"))
}

/// Fails with the list of what went wrong.
#[track_caller]
pub fn report(what: &str, played: usize, wrong: &[String]) {
    let shown: Vec<&str> =
        wrong.iter().take(number("NAUHURI_TOLD").unwrap_or(120) as usize).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{what}: {} of {played} wrong\n{}", wrong.len(), shown.join("\n"));
}
