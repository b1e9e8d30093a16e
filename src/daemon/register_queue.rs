//! Answered calls that were not recorded, on their way to the store's register.
//!
//! The capture and the workers note them, the archivist writes them down.

use crate::store::register::RegisterEntry;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Calls that wait to be written down; one more is only counted.
const WAITING: usize = 10_000;

/// Calls not yet in the register.
#[derive(Debug, Default)]
pub struct RegisterQueue(Mutex<List>);

#[derive(Debug, Default)]
struct List {
    calls: Vec<RegisterEntry>,
    left_out: u64,
}

impl RegisterQueue {
    /// One more.
    pub fn add(&self, call: RegisterEntry) {
        self.put_back(vec![call]);
    }

    /// All of them, to be written down.
    pub fn take(&self) -> Vec<RegisterEntry> {
        std::mem::take(&mut self.lock().calls)
    }

    /// They could not be written down: later.
    pub fn put_back(&self, calls: Vec<RegisterEntry>) {
        let mut list = self.lock();
        let room = WAITING.saturating_sub(list.calls.len()).min(calls.len());
        list.left_out += (calls.len() - room) as u64;
        list.calls.extend(calls.into_iter().take(room));
    }

    /// So many found no room in the register.
    pub fn no_room(&self, calls: u64) {
        self.lock().left_out += calls;
    }

    /// How many will not be in it.
    pub fn left_out(&self) -> u64 {
        self.lock().left_out
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        // A list is whole at any time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::register::RegisterReason;
    use crate::time::Timestamp;

    fn entry() -> RegisterEntry {
        RegisterEntry::new(Timestamp::EPOCH, RegisterReason::NoAgent)
    }

    #[test]
    fn a_register_that_cannot_be_written_does_not_fill_the_memory() {
        let waiting = RegisterQueue::default();
        (0..WAITING).for_each(|_| waiting.add(entry()));
        assert_eq!(waiting.left_out(), 0);
        waiting.add(entry());
        let calls = waiting.take();
        assert_eq!((calls.len(), waiting.left_out()), (WAITING, 1));
        waiting.add(entry());
        waiting.put_back(calls);
        assert_eq!((waiting.take().len(), waiting.left_out()), (WAITING, 2));
    }
}
