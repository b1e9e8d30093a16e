//! Who is connected, the oldest first.
//!
//! A newcomer is always let in, at the cost of the oldest: those that say nothing cannot keep out
//! one that asks.

use std::collections::VecDeque;
use tokio::task::AbortHandle;

/// Connections served at once.
pub(super) const MAX_CONNECTIONS: usize = 64;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Guests(VecDeque<AbortHandle>);

impl Guests {
    /// One more. True where the oldest was shown out for it.
    pub fn let_in(&mut self, guest: AbortHandle) -> bool {
        self.0.retain(|g| !g.is_finished());
        let oldest = if self.0.len() >= MAX_CONNECTIONS { self.0.pop_front() } else { None };
        self.0.push_back(guest);
        oldest.is_some_and(|oldest| {
            oldest.abort();
            true
        })
    }
}
