//! Which recordings may not have been heard yet: the first to go when there are too many.

use crate::id::RecordingId;
use crate::time::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// So long a call has to make itself heard before another may take its place.
const PATIENCE: Duration = Duration::from_secs(2);

/// Recordings by age, the oldest first; whoever was heard is found out when it is his turn.
#[derive(Debug, Default)]
pub(super) struct Unheard(VecDeque<RecordingId>);

impl Unheard {
    /// A recording begins. Of `all` that there may be, those that are not `is_there` any more are
    /// forgotten now and then.
    pub fn add(&mut self, id: RecordingId, all: usize, is_there: impl Fn(RecordingId) -> bool) {
        if self.0.len() > 2 * all {
            self.0.retain(|id| is_there(*id));
        }
        self.0.push_back(id);
    }

    /// The oldest that is unheard and not young; it is forgotten here. `of` tells of a recording
    /// whether it is unheard and when it was answered.
    pub fn next(
        &mut self,
        now: Timestamp,
        of: impl Fn(RecordingId) -> Option<(bool, Timestamp)>,
    ) -> Option<RecordingId> {
        while let Some(id) = self.0.front().copied() {
            match of(id) {
                Some((true, answered_at)) if now < answered_at + PATIENCE => return None,
                Some((true, _)) => return self.0.pop_front(),
                Some((false, _)) | None => drop(self.0.pop_front()),
            }
        }
        None
    }
}
