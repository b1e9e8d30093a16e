//! Which recordings are this process's, where another one sees the same packets.
//!
//! Both decide alike. A recording is one process's from its beginning to its end, and whose it is follows
//! from when it begins: no decision of one hangs on the other's.

use crate::call::Decision;
use crate::call::pairing::Route;
use crate::id::RecordingId;
use crate::time::Timestamp;
use foldhash::quality::RandomState;
use std::collections::HashSet;

/// What of all that is decided is to be done here.
#[derive(Debug)]
pub(super) struct Share {
    /// Recordings are this process's that begin from here on
    from: Timestamp,
    /// and before this.
    until: Timestamp,
    /// Those under way that are not.
    others: HashSet<RecordingId, RandomState>,
    /// How many are.
    own: usize,
}

impl Default for Share {
    fn default() -> Self {
        let (from, until) = (Timestamp::from_ns(i64::MIN), Timestamp::FAR_FUTURE);
        Share { from, until, others: HashSet::default(), own: 0 }
    }
}

impl Share {
    /// Nothing, until it is said from when on.
    pub fn none() -> Share {
        Share { from: Timestamp::FAR_FUTURE, ..Share::default() }
    }

    /// What begins at `from` or later.
    pub fn begin(&mut self, from: Timestamp) {
        self.from = from;
    }

    /// Only what begins before `until`.
    pub fn end(&mut self, until: Timestamp) {
        self.until = until;
    }

    /// Recordings of this process under way.
    pub fn own(&self) -> usize {
        self.own
    }

    /// Leaves of where a packet goes the recordings that are this process's.
    #[inline]
    pub fn keep_own(&self, route: &mut Route) {
        if let Route::Record(targets) = route
            && !self.others.is_empty()
        {
            targets.retain(|t| self.has(t.recording));
            if targets.is_empty() {
                *route = Route::NotRecorded;
            }
        }
    }

    /// Is this recording, which has been opened, this process's?
    fn has(&self, id: RecordingId) -> bool {
        !self.others.contains(&id)
    }

    /// Is what was decided at `now` to be done here?
    pub fn takes(&mut self, decision: &Decision, now: Timestamp) -> bool {
        match decision {
            Decision::Open(o) => {
                let is_own = self.is_within(o.answered_at);
                if is_own {
                    self.own += 1;
                    self.others.remove(&o.id);
                } else {
                    self.others.insert(o.id);
                }
                is_own
            }
            Decision::Close { recording: id, .. }
            | Decision::Discard { recording: id, .. }
            | Decision::Evict(id) => {
                let is_own = !self.others.remove(id);
                self.own = self.own.saturating_sub(usize::from(is_own));
                is_own
            }
            Decision::Refused(o) => self.is_within(o.answered_at),
            Decision::Unrecorded { at, .. } => self.is_within(*at),
            // Told when all of the contact is known, which is not before somebody who ends early has ended.
            Decision::LeftOut(_) => self.is_within(now),
            Decision::Parallel(id) => self.has(*id),
            decision => decision.recording().is_none_or(|id| self.has(id)),
        }
    }

    fn is_within(&self, at: Timestamp) -> bool {
        (self.from..self.until).contains(&at)
    }
}
