//! INFO within a dialog (RFC 6086): a key press, or what our own recording server notes.

use super::super::ids::DialogId;
use super::super::pairing::Side;
use super::super::seen::Seen;
use super::Calls;
use crate::net::reserved::ToldNote;

impl Calls {
    /// An INFO of `side`.
    pub(super) fn handle_info(&mut self, id: DialogId, seen: &Seen<'_>, side: Side) {
        let is_missing = seen.told() == Some(ToldNote::Missing);
        self.heed_pause(id, seen, side);
        let Some(d) = self.tables.dialogs.get_mut(id) else { return };
        if is_missing {
            if let Some(r) = d.recording() {
                self.recordings.handle_missing(r);
            }
        } else if seen.msg.dtmf_info() {
            // Every hop shows it; it counts once.
            let is_copy = d.last_info[side as usize].replace(seen.cseq) == Some(seen.cseq);
            if let Some(r) = d.recording().filter(|_| !is_copy) {
                self.recordings.handle_key(r, seen.at, side);
            }
            self.heed_key(id, seen, side);
        }
    }
}
