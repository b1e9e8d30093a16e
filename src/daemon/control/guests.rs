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
    /// One more.
    pub fn let_in(&mut self, guest: AbortHandle) {
        self.0.retain(|g| !g.is_finished());
        if self.0.len() >= MAX_CONNECTIONS
            && let Some(oldest) = self.0.pop_front()
        {
            oldest.abort();
        }
        self.0.push_back(guest);
    }
}
