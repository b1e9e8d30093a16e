//! What the agent's side says in the signalling of being recorded: pause, or go on.
//!
//! A header in a re-INVITE, an UPDATE or an INFO, a line in the body of an INFO, or keys that
//! are told by INFO. Only the side of the agent is heard: whoever calls must not be able to
//! choose that he is not recorded. A request is believed as it is sent, whatever is answered, and
//! no later copy of it brings it back.

use super::super::ids::DialogId;
use super::super::pairing::Side;
use super::super::seen::Seen;
use super::Calls;
use crate::codec::key_sequence::DtmfKey;
use crate::config::{PauseBy, Switch};
use crate::id::{Channel, RecordingId};
use crate::sip::{Message, Method};
use crate::time::Timestamp;

/// Longest value of the header that means something, bytes.
const MAX_VALUE: usize = 64;
/// Lines of a body that are looked at.
const MAX_LINES: usize = 32;

impl Calls {
    /// A request of `side` within a dialog may ask for a pause or its end.
    pub(super) fn heed_pause(&mut self, id: DialogId, seen: &Seen<'_>, side: Side) {
        let Some(name) = self.rules.pause_header() else { return };
        let Some(switch) = value(seen.msg, name).and_then(|v| self.rules.pause.switch_of(&v)) else { return };
        let Some(recording) = self.recording_of_agent(id, side) else { return };
        let Some(d) = self.tables.dialogs.get_mut(id) else { return };
        // Every hop shows it, and it may be sent again after a later one.
        if d.last_pause.is_some_and(|last| seen.cseq <= last) {
            return;
        }
        d.last_pause = Some(seen.cseq);
        let by = if seen.method == Method::Info { PauseBy::Info } else { PauseBy::Header };
        self.recordings.handle_pause(recording, seen.at, switch, by);
    }

    /// `side` pressed a key, told by INFO.
    pub(super) fn heed_key(&mut self, id: DialogId, seen: &Seen<'_>, side: Side) {
        let Some(settings) = &self.rules.pause_keys else { return };
        let Some(key) = seen.msg.info_key().and_then(DtmfKey::of_char) else { return };
        let Some(recording) = self.recording_of_agent(id, side) else { return };
        let Some(d) = self.tables.dialogs.get_mut(id) else { return };
        let pressed = d.pressed.get_or_insert_default();
        if let Some(switch) = settings.press(pressed, key, seen.at.as_ns()) {
            self.recordings.handle_pause(recording, seen.at, switch, PauseBy::Key);
        }
    }

    /// Somebody who may asks for a pause of a recording, or for its end. False where it is not
    /// under way, or not to be paused.
    pub fn handle_pause(
        &mut self,
        recording: RecordingId,
        at: Timestamp,
        switch: Switch,
        by: PauseBy,
    ) -> bool {
        self.recordings.handle_pause(recording, at, switch, by)
    }

    /// The recording that a dialog feeds, if `side` is its agent.
    fn recording_of_agent(&self, id: DialogId, side: Side) -> Option<RecordingId> {
        let recording = self.tables.dialogs.get(id)?.recording()?;
        let channel = self.recordings.get(recording)?.channel_of(side);
        (channel == Channel::Agent).then_some(recording)
    }
}

/// What a message says under this name, in its header or, an INFO, in its body.
fn value(msg: &Message<'_>, name: &str) -> Option<String> {
    let text = |v: &[u8]| std::str::from_utf8(v).ok().filter(|v| v.len() <= MAX_VALUE).map(str::to_owned);
    if let Some(value) = msg.header(name) {
        return text(&value);
    }
    if msg.method() != Some(Method::Info) {
        return None;
    }
    msg.body().split(|b| *b == b'\n').take(MAX_LINES).find_map(|line| {
        let at = line.iter().position(|b| matches!(b, b':' | b'='))?;
        let (key, value) = (line[..at].trim_ascii(), line[at + 1..].trim_ascii());
        if key.eq_ignore_ascii_case(name.as_bytes()) { text(value) } else { None }
    })
}
