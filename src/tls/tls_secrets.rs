//! What TLS is opened with, all of it together.

use super::key_log::KeyLog;
use super::server_keys::ServerKeys;
use crate::time::{NS_PER_S, Timestamp};

/// What secrets there are: those of connections, and keys of servers.
#[derive(Debug, Default)]
pub struct TlsSecrets {
    /// Of connections, as they become known.
    pub log: KeyLog,
    /// Of servers.
    pub servers: ServerKeys,
    pub(super) trials: TrialBudget,
}

/// Octets that may be tried in a second of the capture, of all connections together.
const TRIED_A_SECOND: usize = 16 << 20;

/// What was tried in a second.
#[derive(Debug, Default)]
pub(super) struct TrialBudget {
    since: Timestamp,
    spent: usize,
}

impl TlsSecrets {
    /// How much a search for lost records may cost now.
    pub(super) fn trials_left(&mut self, now: Timestamp) -> usize {
        let budget = &mut self.trials;
        if !(0..NS_PER_S).contains(&now.since_ns(budget.since)) {
            *budget = TrialBudget { since: now, spent: 0 };
        }
        TRIED_A_SECOND.saturating_sub(budget.spent)
    }

    /// So much was tried.
    pub(super) fn note_tried(&mut self, cost: usize) {
        self.trials.spent = self.trials.spent.saturating_add(cost);
    }
}
