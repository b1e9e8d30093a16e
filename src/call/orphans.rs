//! Answers whose INVITE was never seen, counted once for each call.

use foldhash::quality::RandomState;
use std::collections::HashSet;
use std::hash::BuildHasher;

/// Call-IDs remembered; beyond it one may be counted again.
const MAX_REMEMBERED: usize = 4096;

/// Call-IDs met, by their hashes.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    /// See [`super::Overflow::parts`].
    pub no_room: u64,
    met: HashSet<u64, RandomState>,
    hasher: RandomState,
}

impl Orphans {
    /// Has this Call-ID not been met?
    pub fn is_new(&mut self, call_id: &[u8]) -> bool {
        if self.met.len() >= MAX_REMEMBERED {
            self.met.clear();
            self.no_room += 1;
        }
        self.met.insert(self.hasher.hash_one(call_id))
    }
}
