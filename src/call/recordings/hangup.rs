//! Hang-ups of recordings: seen, challenged, refused, answered, or not to be believed.
//!
//! RFC 3261 §15, §22.2. A BYE is a datagram that anybody who knows the tags can send. One from
//! where its side's signalling comes from counts unless it is challenged; one from elsewhere
//! (a proxy that stays out of the way of the first one does not) counts where the other side has
//! accepted it and does not go on talking. Where both go on after a BYE of their own, something
//! is missing.

use super::super::decision::{Decision, Ending, Unrecorded};
use super::super::ids::DialogId;
use super::super::recording::{Belief, HungUp, Recording, RecordingState};
use super::{Closed, Recordings, STRAY};
use crate::id::RecordingId;
use crate::time::Timestamp;

impl Recordings {
    /// A BYE of its dialog. `has_rivals`: other dialogs of its INVITE were answered too.
    /// `is_own`: it came from where its side's signalling comes from.
    pub fn handle_bye(
        &mut self,
        id: RecordingId,
        at: Timestamp,
        by: Ending,
        (has_rivals, is_own): (bool, bool),
    ) -> Option<Closed> {
        let r = self.get_mut(id)?;
        let is_at_once = at < r.answered_at() + STRAY;
        let belief = if is_own { Belief::Asked } else { Belief::Strange };
        if !is_own && r.is_dormant() {
            return None;
        }
        match r.state {
            RecordingState::Dormant(_) => self.remove(id),
            // Of several dialogs of one INVITE the one hung up at once was not the call
            // (RFC 3261 §13.2.2.4), even if a packet of it was heard.
            _ if is_own && has_rivals && is_at_once => self.discard(id, at, Unrecorded::Stray),
            // Without media and over at once it was a stray.
            RecordingState::Candidate(_) if is_own && is_at_once => self.discard(id, at, Unrecorded::Stray),
            RecordingState::Candidate(_) if is_own => self.close(id, at, by, true),
            RecordingState::Ending { .. } => {
                // The one before it was none: what was held back counts.
                self.out.push_back(Decision::Resume(id));
                self.suspend(id, at, by, belief)
            }
            RecordingState::Candidate(_) | RecordingState::Open => {
                self.confirm(id);
                self.suspend(id, at, by, belief)
            }
        }
    }

    fn suspend(&mut self, id: RecordingId, at: Timestamp, by: Ending, belief: Belief) -> Option<Closed> {
        let r = self.get_mut(id)?;
        r.state = RecordingState::Ending { at, by, belief };
        let due = r.hang_up_due(at, belief);
        self.out.push_back(Decision::Suspend(id, at));
        self.arm(id, due);
        None
    }

    /// The BYE of its dialog was challenged (401, 407): it goes on.
    pub fn handle_bye_refused(&mut self, id: RecordingId) {
        if let Some(r) = self.get_mut(id)
            && matches!(r.state, RecordingState::Ending { .. })
        {
            r.state = RecordingState::Open;
            self.out.push_back(Decision::Resume(id));
            self.wait(id);
        }
    }

    /// The BYE of its dialog was answered with something else; `accepted`: with a success, and
    /// `by_other`: by the other side's address.
    pub fn handle_bye_answered(&mut self, id: RecordingId, accepted: bool, by_other: bool) {
        let Some(Recording { state: RecordingState::Ending { at, belief, .. }, .. }) = self.get_mut(id)
        else {
            return;
        };
        *belief = match (*belief, accepted, by_other) {
            // Whoever asks is done with the dialog, whatever he is told (RFC 3261 §15.1.1).
            (Belief::Asked, ..) => Belief::Accepted,
            (Belief::Strange, true, true) => Belief::Confirmed,
            (Belief::Strange, true, false) => Belief::Elsewhere,
            (same, ..) => same,
        };
        let (at, belief) = (*at, *belief);
        if let Some(due) = self.get(id).map(|r| r.hang_up_due(at, belief)) {
            self.arm(id, due);
        }
    }

    /// Another dialog has taken its dialog's place: who hangs it up now has transferred it.
    pub fn handle_replaced(&mut self, id: RecordingId) {
        if let Some(Recording { state: RecordingState::Ending { by, .. }, .. }) = self.get_mut(id) {
            *by = Ending::Transferred;
        }
    }

    /// It is time to decide on its hang-up.
    pub(super) fn settle_hang_up(&mut self, id: RecordingId, now: Timestamp) -> Option<Closed> {
        let r = self.get(id)?;
        let RecordingState::Ending { at, by, belief } = r.state else { return None };
        let due = r.hang_up_due(at, belief);
        if now < due {
            self.arm(id, due);
            return None;
        }
        match r.hung_up(at, belief, now) {
            HungUp::Yes => return self.close(id, at, by, true),
            HungUp::Contradicted => {
                self.out.push_back(Decision::Incomplete(id));
                return self.close(id, at, by, true);
            }
            HungUp::No => {}
        }
        self.reopened.push(r.dialog);
        self.handle_bye_refused(id);
        None
    }

    /// The next dialog whose hang-up was none.
    pub fn take_reopened(&mut self) -> Option<DialogId> {
        self.reopened.pop()
    }
}
