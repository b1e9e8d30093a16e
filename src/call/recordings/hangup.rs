//! Hang-ups of recordings: seen, challenged, refused, answered.
//!
//! RFC 3261 §15, §22.2.

use super::super::decision::{Decision, Ending, Unrecorded};
use super::super::recording::{Recording, State};
use super::{BYE_WAIT, Closed, GRACE, Recordings, STRAY};
use crate::id::RecordingId;
use crate::time::Timestamp;

impl Recordings {
    /// A BYE of its dialog. `has_rivals`: other dialogs of its INVITE were answered too.
    pub fn handle_bye(
        &mut self,
        id: RecordingId,
        at: Timestamp,
        by: Ending,
        has_rivals: bool,
    ) -> Option<Closed> {
        let r = self.get_mut(id)?;
        let is_at_once = at < r.answered_at() + STRAY;
        match r.state {
            State::Dormant(_) => self.remove(id),
            // Of several dialogs of one INVITE the one hung up at once was not the call
            // (RFC 3261 §13.2.2.4), even if a packet of it was heard.
            _ if has_rivals && is_at_once => self.discard(id, at, Unrecorded::Stray),
            // Without media and over at once it was a stray.
            State::Candidate(_) if is_at_once => self.discard(id, at, Unrecorded::Stray),
            State::Candidate(_) => self.close(id, at, by, true),
            State::Open | State::Ending { .. } => {
                r.state = State::Ending { at, by, accepted: false };
                self.out.push_back(Decision::Suspend(id, at));
                self.arm(id, at + BYE_WAIT);
                None
            }
        }
    }

    /// The BYE of its dialog was challenged (401, 407): it goes on.
    pub fn handle_bye_refused(&mut self, id: RecordingId) {
        if let Some(r) = self.get_mut(id)
            && matches!(r.state, State::Ending { .. })
        {
            r.state = State::Open;
            self.out.push_back(Decision::Resume(id));
            self.wait(id);
        }
    }

    /// The BYE of its dialog was answered.
    pub fn handle_bye_accepted(&mut self, id: RecordingId) {
        if let Some(Recording { state: State::Ending { at, accepted, .. }, .. }) = self.get_mut(id) {
            *accepted = true;
            let due = *at + GRACE;
            self.arm(id, due);
        }
    }
}
