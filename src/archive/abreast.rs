//! Work done by several threads at once and taken in order.
//!
//! So much is done ahead and no more, however slowly it is taken. Knows nothing
//! of what is done.

use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::VecDeque;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::thread::available_parallelism;

/// Jobs under way for each thread.
const AHEAD: usize = 3;
/// Results of one job that may wait.
const WAITING: usize = 2;

/// As many threads as there are processors, but not more than `most`.
pub fn threads(most: usize) -> usize {
    available_parallelism().map_or(1, NonZero::get).min(most)
}

/// Does each job in one of `threads` and hands what comes of it to `take`, in
/// the order of the jobs. `work` gives out as much for a job as it likes; told to
/// break, nobody wants any more of it.
///
/// # Errors
/// What `take` says first; nothing is taken after it.
pub fn in_order<J: Send, T: Send, E>(
    mut jobs: impl Iterator<Item = J>,
    threads: usize,
    work: impl Fn(J, &mut dyn FnMut(T) -> ControlFlow<()>) + Sync,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let threads = threads.max(1);
    let hand = |todo: Receiver<(J, Sender<T>)>| {
        for (job, done) in todo {
            work(job, &mut |result| match done.send(result) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            });
        }
    };
    std::thread::scope(|scope| {
        let (give, todo) = bounded(AHEAD * threads);
        for _ in 0..threads {
            let (todo, hand) = (todo.clone(), &hand);
            scope.spawn(move || hand(todo));
        }
        drop(todo);
        let mut waiting: VecDeque<Receiver<T>> = VecDeque::new();
        loop {
            while waiting.len() < AHEAD * threads
                && let Some(job) = jobs.next()
            {
                let (done, results) = bounded(WAITING);
                // Fails only where every thread has panicked, which the scope tells.
                drop(give.send((job, done)));
                waiting.push_back(results);
            }
            let Some(results) = waiting.pop_front() else { return Ok(()) };
            for result in results {
                take(result)?;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[test]
    fn in_order_however_long_each_takes() {
        for threads in [0, 1, 3] {
            let mut got = Vec::new();
            let work = |job: u64, give: &mut dyn FnMut(u64) -> ControlFlow<()>| {
                std::thread::sleep(Duration::from_micros(job * 7919 % 300));
                (0..job % 5).for_each(|n| assert!(give(job * 10 + n).is_continue()));
            };
            let done: Result<(), ()> = in_order(0..200, threads, work, |n| {
                got.push(n);
                Ok(())
            });
            done.unwrap();
            let want: Vec<u64> = (0..200).flat_map(|job| (0..job % 5).map(move |n| job * 10 + n)).collect();
            assert_eq!(got, want);
        }
    }

    #[test]
    fn not_far_ahead_and_no_more_after_an_error() {
        let done = AtomicUsize::new(0);
        let work = |job: usize, give: &mut dyn FnMut(usize) -> ControlFlow<()>| {
            done.fetch_add(1, Ordering::Relaxed);
            while give(job).is_continue() && job == 5 {}
        };
        let stopped = in_order(0..1_000_000, 2, work, |job| {
            std::thread::sleep(Duration::from_millis(1));
            if job == 5 { Err("enough") } else { Ok(()) }
        });
        assert_eq!(stopped, Err("enough"));
        assert!(done.load(Ordering::Relaxed) <= 5 + 2 * AHEAD + 1);
    }
}
