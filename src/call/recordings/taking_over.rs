//! Recordings that another process has made so far: learned from what it was told, and from what it heard.
//!
//! What was said in a call is told again message by message, what was heard in it is not: until all is
//! told nothing is silent.

use super::super::history::{RecordedHow, RecordedSoFar};
use super::super::recording::{Closed, Recording, RecordingState, SilenceLimits};
use super::Recordings;
use crate::id::RecordingId;
use std::time::Duration;

/// Longer than any call.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

impl Recordings {
    /// Waits for sound for as long as it takes from here on. How long it has waited so far.
    pub fn wait_for_ever(&mut self) -> SilenceLimits {
        std::mem::replace(&mut self.patience, SilenceLimits { quiet: FOR_EVER, alive: FOR_EVER })
    }

    /// What the media have shown of one, of which nothing is to be said that is not in `dialog`.
    pub fn so_far(&self, id: RecordingId, dialog: [Vec<u8>; 3]) -> Option<RecordedSoFar> {
        let r = self.get(id)?;
        let hearing = match r.state {
            RecordingState::Candidate(_) => RecordedHow::Awaited,
            RecordingState::Open | RecordingState::Ending { .. } => RecordedHow::Recorded,
            RecordingState::Dormant(_) if r.is_asleep => RecordedHow::Asleep,
            RecordingState::Dormant(_) => RecordedHow::Dormant,
        };
        Some(RecordedSoFar {
            dialog,
            uuid: r.opening.uuid,
            answered_at: r.answered_at(),
            hearing,
            packets: r.packets,
            own: r.own,
            heard_at: r.heard_at,
            alive_at: r.alive_at,
        })
    }

    /// Takes over what the media have shown of one elsewhere. Where it was silent for too long there, it
    /// ends here as well.
    pub fn take_over(&mut self, id: RecordingId, known: &RecordedSoFar) -> Option<Closed> {
        if known.hearing != RecordedHow::Awaited {
            self.confirm(id);
        }
        let r = self.get_mut(id)?;
        if r.answered_at() != known.answered_at {
            r.opening.before_agent = None;
        }
        (r.opening.uuid, r.opening.answered_at) = (known.uuid, known.answered_at);
        (r.packets, r.own) = (known.packets, known.own);
        (r.heard_at, r.alive_at) = (known.heard_at, known.alive_at);
        r.last_media = Some(known.heard_at).filter(|_| known.packets > 0);
        let is_silent = matches!(known.hearing, RecordedHow::Dormant | RecordedHow::Asleep);
        if is_silent && matches!(r.state, RecordingState::Open) {
            return self.fall_silent(id);
        }
        if r.is_announced() {
            self.wait(id);
        }
        None
    }

    /// There is none of it elsewhere, so that there is none here.
    pub fn take_out(&mut self, id: RecordingId) -> Option<Closed> {
        let is_over = self.get(id).filter(|r| r.is_announced() || r.is_dormant()).is_some();
        let closed = self.remove(id).filter(|_| is_over)?;
        Some(Closed { was_recorded: true, ..closed })
    }

    /// It has fallen asleep elsewhere.
    pub fn put_to_sleep(&mut self, id: RecordingId) {
        if let Some(r) = self.get_mut(id).filter(|r: &&mut Recording| r.is_dormant()) {
            r.is_asleep = true;
            let dialog = r.dialog;
            self.asleep.push(dialog);
        }
    }
}
