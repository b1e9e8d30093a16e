//! Hang-ups, as far as they concern dialogs: whose they are, and how they are answered.
//!
//! RFC 3261 §15. When a recording ends by one is [`super::super::recordings`]'.

use super::super::decision::Ending;
use super::super::dialog::Bye;
use super::super::ids::DialogId;
use super::super::pairing::Side;
use super::super::seen::Seen;
use super::Calls;
use crate::net::reserved::ToldNote;

impl Calls {
    /// A BYE of `side`.
    pub(in crate::call) fn handle_bye(&mut self, id: DialogId, seen: &Seen<'_>, side: Side) {
        let is_own = self.tables.is_own(id, side, seen.flow.src.ip());
        let Some(d) = self.tables.dialogs.get_mut(id) else { return };
        // A second BYE of the same side is the repeat of one that was challenged; one that is
        // the side's own goes before one that is not.
        let is_repeat = |b: Bye| (b.by == side && seen.cseq > b.cseq && is_own) || (is_own && !b.is_own);
        if d.is_terminated() || d.bye().is_some_and(|b| !is_repeat(b)) {
            return;
        }
        d.set_bye(Some(Bye { at: seen.at, by: side, cseq: seen.cseq, is_own }));
        if is_own {
            self.tables.give_way(id, true);
            self.settle_lender(id);
            self.hand_over(id, seen.at);
        }
        let Some((leg, d)) = self.tables.dialog(id) else { return };
        let Some((r, recording)) = d.recording().and_then(|r| Some((r, self.recordings.get(r)?))) else {
            // Nothing hangs on the exact end of a dialog that is not heard.
            if is_own && self.lent_to(id).is_none() {
                self.tables.terminate(id);
            }
            self.settle_lenders_beside(id);
            return;
        };
        let by_agent = d.transfer_by.is_some_and(|s| s != recording.customer);
        let by = match by_agent || d.replaced {
            true => Ending::Transferred,
            false if seen.told() == Some(ToldNote::Ended) => Ending::CaptureEnd,
            false => Ending::HungUp(recording.channel_of(side)),
        };
        let has_rivals = self.tables.dialogs_of(leg).any(|d| d.id != id && d.is_confirmed());
        if let Some(closed) = self.recordings.handle_bye(r, seen.at, by, (has_rivals, is_own)) {
            self.leave(closed, seen.at);
        }
    }

    /// A response to a BYE of `requester`.
    pub(in crate::call) fn handle_bye_response(
        &mut self,
        id: DialogId,
        seen: &Seen<'_>,
        requester: Side,
        code: u16,
    ) {
        let by_other = self.tables.is_own(id, requester.other(), seen.flow.src.ip());
        let Some(d) = self.tables.dialogs.get(id) else { return };
        let Some(bye) = d.bye().filter(|b| b.by == requester && b.cseq == seen.cseq) else { return };
        let is_success = (200..300).contains(&code);
        let Some(r) = d.recording() else {
            match code {
                401 | 407 => self.take_bye_back(id),
                _ if is_success && by_other => self.tables.terminate(id),
                _ => {}
            }
            self.settle_lenders_beside(id);
            return;
        };
        match code {
            0..=199 => {}
            401 | 407 => {
                self.take_bye_back(id);
                self.recordings.handle_bye_refused(r);
            }
            // Whose it is not may not say that it was accepted either.
            _ if bye.is_own || is_success => self.recordings.handle_bye_answered(r, is_success, by_other),
            _ => {}
        }
    }

    /// A hang-up was none.
    pub(super) fn take_bye_back(&mut self, id: DialogId) {
        if let Some(d) = self.tables.dialogs.get_mut(id) {
            d.set_bye(None);
        }
        self.tables.give_way(id, false);
        self.settle_lender(id);
    }
}
