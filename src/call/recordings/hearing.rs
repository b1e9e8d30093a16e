//! What is heard of a recording: that it is a call, whose words wake it, that something of it is missing.

use super::super::decision::Decision;
use super::super::ids::DialogId;
use super::super::media::LENT;
use super::super::pairing::Target;
use super::super::recording::RecordingState;
use super::Recordings;
use crate::id::{RecordingId, derived_uuid};
use crate::time::Timestamp;

impl Recordings {
    /// A media packet of it was captured. The dialog, where that was silent and is no more.
    /// What a stranger sends is no sign of life of a party that is known to send from elsewhere.
    pub fn handle_media(&mut self, target: &Target, at: Timestamp) -> Option<DialogId> {
        let id = target.recording;
        let r = self.get_mut(id)?;
        let is_candidate = matches!(r.state, RecordingState::Candidate(_));
        match target.rank {
            // Whether the agent is there only his own leg tells.
            LENT.. if is_candidate => self.confirm(id),
            0..LENT if r.believes(target.channel, target.standing) => return self.note_media(id, target, at),
            _ => {}
        }
        None
    }

    fn note_media(&mut self, id: RecordingId, target: &Target, at: Timestamp) -> Option<DialogId> {
        let r = self.get_mut(id)?;
        r.packets = r.packets.saturating_add(1);
        r.last_media = Some(r.last_media.map_or(at, |l| l.max(at)));
        r.heard_at = r.heard_at.max(at);
        let last = &mut r.last_on[target.channel as usize];
        *last = Some(last.map_or(at, |l| l.max(at)));
        match r.state {
            RecordingState::Open | RecordingState::Ending { .. } => return None,
            RecordingState::Candidate(_) => self.confirm(id),
            RecordingState::Dormant(_) => {
                let o = &mut r.opening;
                o.uuid = derived_uuid(at, &[b"again", o.uuid.as_bytes(), &at.as_ns().to_be_bytes()]);
                (o.answered_at, o.before_agent) = (at, None);
                let dialog = r.dialog;
                self.confirm(id);
                return Some(dialog);
            }
        }
        None
    }

    /// Media that may have been its was captured and given to nobody.
    pub fn handle_missing(&mut self, id: RecordingId) {
        if self.get(id).is_some_and(|r| !r.is_dormant()) {
            self.confirm(id);
            self.out.push_back(Decision::Incomplete(id));
        }
    }
}
