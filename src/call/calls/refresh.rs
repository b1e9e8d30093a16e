//! What the signalling of a dialog says of its media, brought to the pairing and to the recording.
//!
//! A recording hears the leg nearest the agent. Where nobody here can read what is spoken there and
//! the exchange leaves the other leg in the clear, that one lends its sound. Between the hops of one
//! leg ranks see to that; between two legs more speaks against it: a customer who waits hears the
//! queue on his own leg, on hold he hears music and is heard by nobody. So only a leg that was
//! answered because the agent was lends, and only while the agent is listened to.

use super::super::account::parties;
use super::super::dialog::Dialog;
use super::super::ids::{DialogId, LegId};
use super::super::leg::Leg;
use super::super::media::{self, Feeds, LENT};
use super::super::pairing::Side;
use super::super::policy::agent_of;
use super::super::recording::Recording;
use super::super::twins::{Candidate, follow_soon};
use super::Calls;
use crate::config::CallDirection;
use crate::time::Timestamp;

impl Calls {
    /// A re-INVITE or UPDATE was accepted: the dialog lives (RFC 4028).
    pub(super) fn handle_refresh(&mut self, id: DialogId, at: Timestamp) {
        let Some(d) = self.tables.dialogs.get_mut(id) else { return };
        d.recording().into_iter().for_each(|r| self.recordings.handle_life(r, at));
        if std::mem::take(&mut d.is_asleep) {
            self.refresh(id, at);
        }
    }

    /// Brings claims, payload types and hold up to date with the exchanges.
    pub(super) fn refresh(&mut self, id: DialogId, at: Timestamp) {
        let Some((_, d)) = self.tables.dialog(id) else { return };
        let (own, is_asleep) = (self.own_feeds(d), d.is_asleep);
        if let Some(feeds) = own {
            self.recordings.note_sleep(feeds.recording, at, is_asleep);
            self.tell_formats(id);
            self.tell_media(id, feeds, at);
        }
        self.settle_lender(id);
        let lent = self.settle_lenders_beside(id).and_then(|near| self.lent_feeds(near));
        self.tables.claim(id, own.or(lent));
    }

    /// What payload types mean now is told to the recording a dialog feeds.
    fn tell_formats(&mut self, id: DialogId) {
        let Some((leg, d)) = self.tables.dialog(id) else { return };
        let Some(own) = self.own_feeds(d) else { return };
        let lent = d.lender.and_then(|lender| self.tables.dialog(lender)).zip(self.lent_feeds(id));
        let mut formats = lent.map_or_else(Vec::new, |((leg, d), feeds)| media::formats(leg, d, feeds));
        formats.extend(media::formats(leg, d, own));
        self.recordings.handle_formats(own.recording, formats);
    }

    /// What is to be expected of the media, and where the parties say they are.
    fn tell_media(&mut self, id: DialogId, feeds: Feeds, at: Timestamp) {
        let Some((leg, d)) = self.tables.dialog(id) else { return };
        if let Some(told) = media::told(leg, d, feeds.customer) {
            self.recordings.handle_told(feeds.recording, at, told);
        }
        for side in [Side::Caller, Side::Callee] {
            self.recordings.handle_places(feeds.recording, at, side, self.tables.places(d, side));
        }
    }

    fn own_feeds(&self, dialog: &Dialog) -> Option<Feeds> {
        let recording = dialog.recording()?;
        let customer = self.recordings.get(recording)?.customer;
        Some(Feeds { recording, customer, beyond: 0 })
    }

    /// What a dialog that lends this one its sound feeds.
    fn lent_feeds(&self, to: DialogId) -> Option<Feeds> {
        Some(Feeds { beyond: LENT, ..self.own_feeds(self.tables.dialogs.get(to)?)? })
    }

    /// The dialogs on other legs of a leg's contact that are recorded.
    pub(super) fn recorded_beside(&self, id: LegId) -> Vec<DialogId> {
        let Some(leg) = self.tables.legs.get(id) else { return Vec::new() };
        let recorded = self.dialogs_beside(leg).filter(|(_, d)| d.recording().is_some());
        recorded.map(|(_, d)| d.id).collect()
    }

    /// Those on other legs of a leg's contact.
    fn dialogs_beside<'a>(&'a self, leg: &Leg) -> impl Iterator<Item = (&'a Leg, &'a Dialog)> + use<'a> {
        let others = self.tables.legs_beside(leg);
        others.flat_map(|other| self.tables.dialogs_of(other).map(move |d| (other, d)))
    }

    /// Brings up to date which dialog lends this one its sound, and what that feeds.
    pub(super) fn settle_lender(&mut self, id: DialogId) {
        let lender = self.lender(id);
        let Some(d) = self.tables.dialogs.get_mut(id) else { return };
        let before = std::mem::replace(&mut d.lender, lender);
        if before == lender {
            return;
        }
        before.into_iter().for_each(|before| self.tables.claim(before, None));
        let feeds = self.lent_feeds(id);
        lender.into_iter().for_each(|lender| self.tables.claim(lender, feeds));
        self.tell_formats(id);
    }

    /// A dialog has changed that may lend, or stand in the way. To whom it lends its sound now.
    pub(super) fn settle_lenders_beside(&mut self, id: DialogId) -> Option<DialogId> {
        let beside = self.recorded_beside(self.tables.dialogs.get(id)?.leg);
        beside.iter().for_each(|near| self.settle_lender(*near));
        beside.into_iter().find(|near| self.is_lent(id, *near))
    }

    /// To whom it lends its sound.
    pub(super) fn lent_to(&self, id: DialogId) -> Option<DialogId> {
        let beside = self.recorded_beside(self.tables.dialogs.get(id)?.leg);
        beside.into_iter().find(|near| self.is_lent(id, *near))
    }

    fn is_lent(&self, lender: DialogId, near: DialogId) -> bool {
        self.tables.dialogs.get(near).is_some_and(|d| d.lender == Some(lender))
    }

    /// Who lends its sound to a dialog, if somebody has to and may.
    fn lender(&self, id: DialogId) -> Option<DialogId> {
        let (leg, dialog) = self.tables.dialog(id)?;
        let recording = self.recordings.get(dialog.recording()?)?;
        // Who is being passed on waits for somebody else.
        let is_leaving = dialog.bye().is_some_and(|b| b.is_own) || dialog.transfer_by.is_some();
        let is_asked = media::is_unreadable(dialog) && recording.told.is_sound_expected() && !is_leaving;
        if !is_asked {
            return None;
        }
        let ends = parties(leg, dialog);
        let near = Candidate::new(leg, dialog, &ends)?;
        let lenders = self.dialogs_beside(leg).filter(|(leg, d)| {
            let ends = parties(leg, d);
            let is_free = d.recording().is_none() && self.lent_to(d.id).is_none_or(|near| near == id);
            let far = Candidate::new(leg, d, &ends).filter(|_| is_free);
            far.is_some_and(|far| self.may_lend(&far, &near, recording))
        });
        // The next one, of several in a row; but whoever joins later does not take over.
        let next =
            |(other, d): &(&Leg, &Dialog)| (Some(d.id) != dialog.lender, other.id.0.abs_diff(leg.id.0));
        lenders.min_by_key(next).map(|(_, d)| d.id)
    }

    /// Is one the other leg of a recorded conversation, which can be read and was answered for it?
    fn may_lend(&self, far: &Candidate<'_>, near: &Candidate<'_>, recording: &Recording) -> bool {
        let d = far.dialog;
        let told = media::told(far.leg, d, recording.customer);
        let is_there = d.bye().is_none()
            && !d.is_asleep
            && !media::is_unreadable(d)
            && told.is_none_or(|told| told.is_sound_expected());
        let is_customers = agent_of(&near.leg.rules, &far.parties[recording.customer as usize]).is_none();
        let is_its_other_leg = match (recording.opening.direction, recording.customer) {
            (CallDirection::Inbound, Side::Caller) => {
                far.leg.id < near.leg.id && far.answered_at >= near.answered_at && follow_soon(far, near)
            }
            (CallDirection::Outbound, Side::Callee) => far.leg.id > near.leg.id && follow_soon(near, far),
            _ => false,
        };
        is_there && is_customers && is_its_other_leg
    }
}
