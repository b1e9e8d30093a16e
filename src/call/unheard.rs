//! Which recordings may not have been heard yet: the first to go when there are too many.

use crate::id::RecordingId;
use crate::time::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// So long a call has to make itself heard before another may take its place.
const PATIENCE: Duration = Duration::from_secs(2);

/// What there is to say of a recording that may have to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeardSoFar {
    /// It stays.
    Yes,
    /// Next to nothing, and nothing says why.
    No,
    /// Next to nothing, as its signalling says: on hold, switched off. Anybody can say so.
    Excused,
}

/// Recordings by age, the oldest first; which were heard is found out when it is their turn.
#[derive(Debug, Default)]
pub(super) struct Unheard {
    all: VecDeque<RecordingId>,
    /// Those that were excused when it was their turn: they go when there are no others.
    excused: VecDeque<RecordingId>,
}

impl Unheard {
    /// A recording begins. Of `all` that there may be, those that are not `is_there` any more are
    /// forgotten now and then.
    pub fn add(&mut self, id: RecordingId, all: usize, is_there: impl Fn(RecordingId) -> bool) {
        if self.all.len() > 2 * all {
            self.all.retain(|id| is_there(*id));
            self.excused.retain(|id| is_there(*id));
        }
        self.all.push_back(id);
    }

    /// The oldest that is unheard and not young, else the oldest that was excused; it is forgotten
    /// here. `of` tells of a recording whether it was heard and when it was answered.
    pub fn next(
        &mut self,
        now: Timestamp,
        of: impl Fn(RecordingId) -> Option<(HeardSoFar, Timestamp)>,
    ) -> Option<RecordingId> {
        let is_young = |answered_at: Timestamp| now < answered_at + PATIENCE;
        while let Some(id) = self.all.front().copied() {
            match of(id) {
                Some((HeardSoFar::No | HeardSoFar::Excused, answered_at)) if is_young(answered_at) => break,
                Some((HeardSoFar::No, _)) => return self.all.pop_front(),
                Some((HeardSoFar::Excused, _)) => self.excused.extend(self.all.pop_front()),
                Some((HeardSoFar::Yes, _)) | None => drop(self.all.pop_front()),
            }
        }
        while let Some(id) = self.excused.pop_front() {
            if matches!(of(id), Some((HeardSoFar::No | HeardSoFar::Excused, _))) {
                return Some(id);
            }
        }
        None
    }
}
