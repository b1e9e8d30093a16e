//! What of a tape nobody is to hear: asked for from outside, and told.

use super::Tape;
use super::pauses::{PauseSettings, PausedNow};
use super::report::PauseReport;
use crate::config::{PauseBy, Switch};
use crate::time::Timestamp;
use std::sync::Arc;

impl Tape {
    /// How a pause goes, whether there may be one, and whether the tones of keys are silenced.
    pub fn set_privacy(&mut self, settings: &Arc<PauseSettings>, may_pause: bool, silence_tones: bool) {
        self.hush.set(settings, may_pause, silence_tones);
    }

    /// For sound that is made later: it was paused between these nanoseconds from the answer, and the
    /// tones of keys were silenced or not.
    pub fn set_hushed(&mut self, pauses: impl Iterator<Item = (i64, i64)>, silence_tones: bool) {
        self.hush.pauses.replay(pauses);
        self.hush.silence_tones(silence_tones);
    }

    /// From `at` on both parties are silence, or no longer. Takes effect once all that came
    /// before is known.
    pub fn switch(&mut self, at: Timestamp, switch: Switch, by: PauseBy) {
        self.hush.pauses.want(at.since_ns(self.answered_at), switch, by);
    }

    /// The pause that it is in; all that was asked for so far counted.
    pub fn paused_now(&self) -> Option<PausedNow> {
        self.hush.pauses.now()
    }

    /// All pauses so far.
    pub fn pauses(&self) -> &[PauseReport] {
        self.hush.pauses.reports()
    }

    /// Whether [`Tape::pause_news`] has something to tell.
    pub fn has_pause_news(&self) -> bool {
        !self.hush.pauses.is_told()
    }

    /// Pauses that have begun or ended since this was last asked, and which of the two it is: true for an end.
    pub fn pause_news(&mut self) -> impl Iterator<Item = (PauseReport, bool)> {
        self.hush.pauses.news()
    }
}
