//! Signalling in a dialog's name that comes from neither side's hosts.
//!
//! Whoever knows Call-ID and tags can write it. It counts where the side that it is sent to does as
//! it says: accepts the request with a 2xx of its own, or acknowledges the answer. A proxy that took
//! another's place is known from there on.

use super::super::asserted::Asserted;
use super::super::dialog::{DialogState, Unasked};
use super::super::ids::{DialogId, LegId};
use super::super::leg::MAX_DIALOGS;
use super::super::media;
use super::super::pairing::Side;
use super::super::seen::Seen;
use super::Calls;
use crate::sip::Method;

/// Requests of strangers in one dialog that wait for their answers.
const MAX_UNASKED: usize = 4;

impl Calls {
    /// A request as if of `side`.
    pub(in crate::call) fn handle_strange(&mut self, id: DialogId, seen: &Seen<'_>, side: Side) {
        match seen.method {
            Method::Bye => self.handle_bye(id, seen, side),
            Method::Invite | Method::Update | Method::Prack => {
                let Some((leg, d)) = self.tables.dialog(id) else { return };
                let Some(description) = media::describe(leg, d, seen, side) else { return };
                let said = Asserted::of_later(seen.msg, &leg.rules);
                let Some(d) = self.tables.dialogs.get_mut(id) else { return };
                if d.unasked.len() >= MAX_UNASKED {
                    d.unasked.remove(0);
                }
                d.unasked.push(Unasked { description, said, from: seen.flow.src.ip() });
            }
            _ => {}
        }
    }

    /// A response of the side that was asked. What it answers was asked by a stranger: with a success it
    /// is the dialog's. False where it is not, and the response says nothing of the dialog either.
    pub(in crate::call) fn take_unasked(&mut self, id: DialogId, seen: &Seen<'_>, requester: Side) -> bool {
        let Some((_, d, pairing)) = self.tables.dialog_mut(id) else { return true };
        let Some((carrier, _)) = media::place(seen) else { return true };
        let to = seen.flow.dst.ip();
        let is_it = |u: &Unasked| u.from == to && u.description.is_of(carrier, requester, seen.cseq);
        let Some(i) = d.unasked.iter().rposition(is_it) else { return true };
        if !seen.is_success() {
            return false;
        }
        let Unasked { description, said, .. } = d.unasked.remove(i);
        media::take_in(d, &description, pairing);
        self.tables.note_host(id, requester, to);
        self.take_identity(id, said, seen.at, requester);
        true
    }

    /// A response to the INVITE from where none was sent: a 2xx may be that of a callee with
    /// several addresses; the caller will say.
    pub(in crate::call) fn handle_strange_answer(
        &mut self,
        leg: LegId,
        known: Option<DialogId>,
        seen: &Seen<'_>,
    ) {
        let begun = self.tables.legs.get(leg).map_or(0, |l| l.dialogs.len());
        if !seen.is_success() || (known.is_none() && begun >= MAX_DIALOGS / 2) {
            return;
        }
        let Some(id) = known.or_else(|| self.tables.new_dialog(leg, seen)) else { return };
        let Some(d) = self.tables.dialogs.get_mut(id) else { return };
        if d.state == DialogState::Early {
            d.strange_answer.get_or_insert(seen.at);
        }
    }

    /// The caller acknowledges a 2xx: if it was a stranger's so far, it is one.
    pub(in crate::call) fn handle_ack(&mut self, id: DialogId, seen: &Seen<'_>, side: Side) {
        let Some((leg, d)) = self.tables.dialog(id) else { return };
        let is_of_invite = side == Side::Caller && leg.invite_cseq == seen.cseq;
        let Some(at) = d.strange_answer.filter(|_| is_of_invite && d.state == DialogState::Early) else {
            return;
        };
        self.confirm(id, at);
        self.tables.begin_unseen(id, seen);
        self.settle_answer(id, at);
        self.decide(id, at);
    }
}
