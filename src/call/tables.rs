//! Legs, dialogs and contacts, and what their media claim: kept in step.
//!
//! RFC 3261 §12.1: how dialogs come about. Nothing is decided here.

use super::contacts::Contacts;
use super::decision::Decision;
use super::dialog::{Dialog, DialogState, Dialogs, HopMedia, Unasked};
use super::give_way::LegProgress;
use super::ids::{ContactId, DialogId, LegId};
use super::invite::Invite;
use super::leg::{Leg, MAX_DIALOGS, PAIRED};
use super::legs::Legs;
use super::media::{self, Feeds};
use super::pairing::{Pairing, Side};
use super::recordings::Recordings;
use super::rules::Rules;
use super::said::SaidRoom;
use super::seen::Seen;
use crate::id::RecordingId;
use foldhash::quality::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;

/// Hosts of one side of a dialog remembered beside those of its way.
const MAX_HOSTS: usize = 4;

/// All that is followed of the signalling.
#[derive(Debug)]
pub(super) struct Tables {
    pub legs: Legs,
    max_bytes: usize,
    pub dialogs: Dialogs,
    pub contacts: Contacts,
    pub pairing: Pairing,
    origins: RandomState,
    hasher: RandomState,
    /// Parts left out because there was no room for them, see [`super::Overflow::parts`].
    pub no_room: u64,
    /// What the legs came from.
    pub said: SaidRoom,
}

impl Tables {
    /// Empty, for at most `max` legs that hold at most so many bytes, and of whose SIP at most `max_said`
    /// bytes are kept.
    pub fn new(max: usize, max_bytes: usize, max_said: usize) -> Self {
        Tables {
            legs: Legs::new(max),
            max_bytes,
            dialogs: Dialogs::default(),
            contacts: Contacts::default(),
            pairing: Pairing::new(),
            origins: RandomState::default(),
            hasher: RandomState::default(),
            no_room: 0,
            said: SaidRoom::new(max_said),
        }
    }

    /// Does nobody talk in this dialog, any more or yet?
    pub fn is_over(&self, id: DialogId) -> bool {
        !self.dialogs.get(id).is_some_and(Dialog::is_confirmed)
    }

    /// A dialog with its leg.
    pub fn dialog(&self, id: DialogId) -> Option<(&Leg, &Dialog)> {
        let d = self.dialogs.get(id)?;
        Some((self.legs.get(d.leg)?, d))
    }

    /// The same, to change the dialog, and the pairing that its media are in.
    pub fn dialog_mut(&mut self, id: DialogId) -> Option<(&Leg, &mut Dialog, &mut Pairing)> {
        let d = self.dialogs.get_mut(id)?;
        Some((self.legs.get(d.leg)?, d, &mut self.pairing))
    }

    /// The dialogs of a leg.
    pub fn dialogs_of<'a>(&'a self, leg: &'a Leg) -> impl Iterator<Item = &'a Dialog> {
        self.dialogs.of(&leg.dialogs)
    }

    /// The legs of a contact in the order of their INVITEs.
    pub fn contact_legs(&self, contact: ContactId) -> impl Iterator<Item = &Leg> {
        self.contacts.legs(contact).filter_map(|id| self.legs.get(id))
    }

    /// The other legs of a leg's contact.
    pub fn legs_beside<'a>(&'a self, leg: &Leg) -> impl Iterator<Item = &'a Leg> + use<'a> {
        let own = leg.id;
        self.contact_legs(leg.contact).filter(move |other| other.id != own)
    }

    /// The recording a leg feeds, were it only the hope of one.
    pub fn recording_of(&self, leg: &Leg) -> Option<RecordingId> {
        self.dialogs_of(leg).find_map(Dialog::recording)
    }

    /// The dialog with these tags, and the side that sent a request with them. One that is
    /// over comes after one that is not.
    pub fn find_dialog(&self, call_id: &[u8], from: &[u8], to: &[u8]) -> Option<(DialogId, Side)> {
        let between = |caller: &[u8], callee: &[u8]| {
            let hash = self.hasher.hash_one((call_id, caller, callee));
            let is_it = |d: &&Dialog| {
                let leg = self.legs.get(d.leg);
                *d.callee_tag == *callee
                    && leg.is_some_and(|l| *l.call_id == *call_id && *l.caller_tag == *caller)
            };
            let mut found = self.dialogs.of_hash(hash).filter(is_it);
            let newest = found.next()?;
            let living = std::iter::once(newest).chain(found).find(|d| !d.is_terminated());
            Some(living.unwrap_or(newest))
        };
        let ways = [(Side::Caller, between(from, to)), (Side::Callee, between(to, from))];
        let found = ways.into_iter().filter_map(|(side, d)| Some((d?, side)));
        found.min_by_key(|(d, _)| d.is_terminated()).map(|(d, side)| (d.id, side))
    }

    /// The dialog a message of a call under way is of.
    pub fn dialog_of(&self, seen: &Seen<'_>) -> Option<(DialogId, Side)> {
        self.find_dialog(&seen.call_id, &seen.from_tag, &seen.to_tag)
    }

    /// The leg whose INVITE a response is to. A call under way sends INVITEs as well
    /// (RFC 3261 §14): what answers them is none of a leg's.
    pub fn invite_of(&self, seen: &Seen<'_>) -> Option<LegId> {
        let living = self.dialog_of(seen).and_then(|(id, _)| self.dialog(id));
        match living.filter(|(_, d)| !d.is_terminated()) {
            Some((leg, _)) => {
                (leg.invite_cseq == seen.cseq && *leg.caller_tag == *seen.from_tag).then_some(leg.id)
            }
            None => self.legs.of_response(seen),
        }
    }

    /// Does signalling of `side` of a dialog come from there?
    pub fn is_own(&self, id: DialogId, side: Side, ip: IpAddr) -> bool {
        let is_own = |(leg, d): (&Leg, &Dialog)| {
            d.hosts[side as usize].contains(&ip) || leg.has_end((d.way, d.branch), side, ip)
        };
        self.dialog(id).is_some_and(is_own)
    }

    /// The other side of a dialog takes this host for `side`'s.
    pub fn note_host(&mut self, id: DialogId, side: Side, ip: IpAddr) {
        let is_known = self.is_own(id, side, ip);
        let Some(d) = self.dialogs.get_mut(id).filter(|_| !is_known) else { return };
        let hosts = &mut d.hosts[side as usize];
        if hosts.len() < MAX_HOSTS {
            hosts.push(ip);
        } else {
            self.no_room += 1;
        }
    }

    /// Notes that a message of a dialog was seen.
    pub fn touch(&mut self, id: DialogId, seen: &Seen<'_>) {
        let leg = self.dialogs.get(id).map(|d| d.leg);
        if let Some(l) = leg.and_then(|l| self.legs.get_mut(l)) {
            l.last_seen = l.last_seen.max(seen.at);
        }
    }

    /// The leg of an INVITE that belongs to none so far. `recordings` says whom not to forget
    /// for it.
    pub fn new_leg(
        &mut self,
        (invite, rules): (&Invite, &Arc<Rules>),
        seen: &Seen<'_>,
        recordings: &mut Recordings,
    ) -> LegId {
        let id = self.legs.next_id();
        if self.legs.is_full() {
            let (dialogs, pairing, followed) = (&self.dialogs, &self.pairing, &*recordings);
            for old in self.legs.surplus(|l| progress(l, dialogs, pairing, followed)) {
                self.forget(old, recordings);
            }
        }
        let mut keys = vec![[b"call-id:", &*seen.call_id].concat()];
        keys.extend(invite.correlation.iter().cloned());
        let contact = self.contacts.join(id, seen.at, keys);
        self.legs.insert(id, contact, (invite.clone(), rules), seen);
        id
    }

    /// Keeps a message of a leg, and reckons again what that holds; where all hold too much, the oldest
    /// that nobody answered are forgotten.
    pub fn keep(&mut self, seen: &Seen<'_>, bytes: &[u8], recordings: &mut Recordings) {
        let of_dialog = self.dialog_of(seen).and_then(|(id, _)| self.dialog(id));
        let leg = of_dialog.map(|(leg, _)| leg).or_else(|| self.legs.of_invite(seen).next());
        let Some(id) = leg.map(|l| l.id) else { return };
        if let Some(leg) = self.legs.get_mut(id) {
            self.said.keep(&mut leg.said, seen, bytes);
        }
        self.weigh(id, recordings);
    }

    fn weigh(&mut self, id: LegId, recordings: &mut Recordings) {
        let Some(leg) = self.legs.get(id) else { return };
        let of_dialog = |d: &Dialog| {
            let media = d.media.iter().map(|m| size_of::<HopMedia>() + PAIRED + m.offer_answer.weight());
            let unasked = d
                .unasked
                .iter()
                .map(|u| size_of::<Unasked>() + u.description.session.as_ref().map_or(0, |s| s.weight()));
            let parts = media.sum::<usize>() + unasked.sum::<usize>();
            size_of::<Dialog>() + d.callee_tag.len() + parts + 64
        };
        let dialogs: usize = self.dialogs_of(leg).map(of_dialog).sum();
        let bytes = leg.weigh() + dialogs;
        self.legs.set_weight(id, bytes);
        while self.legs.bytes() > self.max_bytes {
            let (dialogs, pairing, followed) = (&self.dialogs, &self.pairing, &*recordings);
            let over = self.legs.overweight(|l| progress(l, dialogs, pairing, followed));
            if over.is_empty() {
                return;
            }
            over.into_iter().for_each(|id| self.forget(id, recordings));
        }
    }

    /// Forgets the legs that have been silent too long.
    pub fn expire(&mut self, now: crate::time::Timestamp, recordings: &mut Recordings) {
        loop {
            let (dialogs, followed) = (&self.dialogs, &*recordings);
            let Some(id) = self.legs.pop_due(now, |l| is_recorded(l, dialogs, followed)) else { break };
            self.forget(id, recordings);
        }
    }

    /// The early dialog of a response with a tag not met before. Where there are too many, one that
    /// only rings gives way to one that answers: the recording hangs on that.
    pub fn new_dialog(&mut self, leg_id: LegId, seen: &Seen<'_>) -> Option<DialogId> {
        let leg = self.legs.get_mut(leg_id)?;
        let mut ringing = None;
        if leg.dialogs.len() >= MAX_DIALOGS {
            self.no_room += 1;
            let is_ringing = |d: &&Dialog| d.state == DialogState::Early && d.strange_answer.is_none();
            let found = self.dialogs.of(&leg.dialogs).filter(|_| seen.is_success()).find(is_ringing);
            ringing = Some(found?.id);
        }
        let tag = &*seen.to_tag;
        let hash = self.hasher.hash_one((&*leg.call_id, &*leg.caller_tag, tag));
        let id = self.dialogs.open(leg_id, tag, hash);
        leg.dialogs.retain(|d| Some(*d) != ringing);
        leg.dialogs.push(id);
        if let Some(ringing) = ringing {
            self.drop_dialog(ringing);
        }
        Some(id)
    }

    /// A response that makes or keeps a dialog tells its branch, and what is agreed.
    pub fn note_response(&mut self, id: DialogId, seen: &Seen<'_>) {
        let Some((leg, d, pairing)) = self.dialog_mut(id) else { return };
        let hop = leg.hop_of_response(&seen.flow, seen.branch.as_deref());
        if let Some(h) = hop {
            // Nearest the callee the branches are told apart.
            let vias = |i: usize| leg.hops.get(i).map_or(0, |h| h.vias);
            d.branch = Some(d.branch.filter(|b| vias(*b) >= vias(h)).unwrap_or(h));
        }
        if seen.is_success() {
            d.way |= leg.hops_between(seen.flow.dst.ip(), seen.flow.src.ip());
        }
        if d.state == DialogState::Early && !seen.is_success() {
            d.heard_since.note_ringing(seen);
        }
        media::begin(leg, d, seen, hop, pairing);
        if let Some(said) = media::describe(leg, d, seen, Side::Callee) {
            media::take_in(d, &said, pairing);
        }
    }

    /// A dialog is known whose answer was not seen on any of its ways.
    pub fn begin_unseen(&mut self, id: DialogId, seen: &Seen<'_>) {
        if let Some((leg, d, pairing)) = self.dialog_mut(id) {
            media::begin(leg, d, seen, None, pairing);
        }
    }

    /// Brings what a dialog's media claim up to date; they feed this recording.
    pub fn claim(&mut self, id: DialogId, feeds: Option<Feeds>) {
        let Some(d) = self.dialogs.get(id).filter(|d| !d.is_asleep) else { return };
        let Some(leg) = self.legs.get(d.leg) else { return };
        media::claim(leg, d, feeds, &mut self.pairing, &self.origins);
        if let Some(leg) = self.legs.get_mut(d.leg) {
            media::stop_ringing(leg, &mut self.pairing);
        }
    }

    /// A number for all the addresses where a side of a dialog receives audio.
    pub fn places(&self, d: &Dialog, side: Side) -> u64 {
        let all: smallvec::SmallVec<[std::net::SocketAddr; 4]> = media::endpoints(d, side).collect();
        self.origins.hash_one(&all[..])
    }

    /// An INVITE was seen on one of its ways.
    pub fn ring(&mut self, id: LegId, seen: &Seen<'_>) {
        if let Some(leg) = self.legs.get_mut(id) {
            media::ring(leg, seen, &mut self.pairing, &self.origins);
        }
    }

    /// A dialog hangs up or has fallen silent, or does not after all: meanwhile newer calls have
    /// the better right to its addresses.
    pub fn give_way(&mut self, id: DialogId, leaving: bool) {
        let Some((_, d, pairing)) = self.dialog_mut(id) else { return };
        d.media.iter().for_each(|m| pairing.leave(m.session, leaving));
    }

    /// Nothing was heard of a dialog for so long that its addresses are free; it lives on.
    pub fn fall_asleep(&mut self, id: DialogId) {
        let begun = self.legs.begun();
        if let Some((leg, d, pairing)) = self.dialog_mut(id) {
            media::fall_asleep(leg, d, begun, pairing);
        }
    }

    /// Forks that only rang are over once one has answered.
    pub fn close_early(&mut self, answered: DialogId) {
        let Some(leg_id) = self.dialogs.get(answered).map(|d| d.leg) else { return };
        let Some(leg) = self.legs.get_mut(leg_id) else { return };
        let dialogs = &self.dialogs;
        let is_early = |id: &DialogId| dialogs.get(*id).is_none_or(|d| d.state == DialogState::Early);
        let over: Vec<DialogId> =
            leg.dialogs.iter().copied().filter(|id| *id != answered && is_early(id)).collect();
        leg.dialogs.retain(|id| !over.contains(id));
        over.into_iter().for_each(|id| self.drop_dialog(id));
    }

    /// A final failure of one branch. Where no other rings the leg is over, until
    /// a retry (after 401, 407) or the next branch of a hunt opens it again.
    pub fn refuse(&mut self, leg_id: LegId, early: Option<DialogId>) {
        let Some(leg) = self.legs.get_mut(leg_id) else { return };
        leg.dialogs.retain(|d| Some(*d) != early);
        let is_over = leg.dialogs.is_empty();
        if let Some(id) = early {
            self.drop_dialog(id);
        }
        if is_over {
            if let Some(leg) = self.legs.get_mut(leg_id) {
                media::stop_ringing(leg, &mut self.pairing);
            }
            self.legs.linger(leg_id);
        }
    }

    /// A dialog is over: its addresses are free.
    pub fn terminate(&mut self, id: DialogId) {
        let Some(d) = self.dialogs.get_mut(id) else { return };
        d.state = DialogState::Terminated;
        let (leg_id, media) = (d.leg, std::mem::take(&mut d.media));
        media.iter().for_each(|m| self.pairing.close(m.session));
        if self.legs.get(leg_id).is_some_and(|l| self.dialogs_of(l).all(Dialog::is_terminated)) {
            self.legs.linger(leg_id);
        }
    }

    /// Makes one contact of two. `None` where they are one already.
    pub fn join_contacts(&mut self, older: ContactId, newer: ContactId) -> Option<ContactId> {
        let moved = self.contacts.merge(older, newer);
        for id in &moved {
            let Some(l) = self.legs.get_mut(*id) else { continue };
            l.contact = older;
            l.ringing.iter().for_each(|(_, session)| self.pairing.regroup(*session, older.0));
            for m in self.dialogs.of(&l.dialogs).flat_map(|d| d.media.iter()) {
                self.pairing.regroup(m.session, older.0);
            }
        }
        (!moved.is_empty()).then_some(older)
    }

    fn drop_dialog(&mut self, id: DialogId) {
        let Some(d) = self.dialogs.remove(id) else { return };
        d.media.iter().for_each(|m| self.pairing.close(m.session));
    }

    fn forget(&mut self, id: LegId, recordings: &mut Recordings) {
        let Some(mut leg) = self.legs.remove(id) else { return };
        self.said.forget(&leg.said);
        media::stop_ringing(&mut leg, &mut self.pairing);
        for d in &leg.dialogs {
            if let Some(r) = self.dialogs.get(*d).and_then(Dialog::recording) {
                recordings.forget(r);
            }
            self.drop_dialog(*d);
        }
        for call in self.contacts.leave(leg.contact, id) {
            recordings.order(Decision::LeftOut(Box::new(call)));
        }
    }

    /// The capture is over: so is what is still followed.
    pub fn report_left_out(&mut self, recordings: &mut Recordings) {
        for call in self.contacts.all_left_out() {
            recordings.order(Decision::LeftOut(Box::new(call)));
        }
    }
}

/// How far a leg has come; none where it feeds a recording.
fn progress(leg: &Leg, dialogs: &Dialogs, pairing: &Pairing, recordings: &Recordings) -> Option<LegProgress> {
    if is_recorded(leg, dialogs, recordings) {
        return None;
    }
    let has_spoken = |d: &Dialog, side| d.media.iter().any(|m| pairing.has_spoken(m.session, side));
    let is_heard = |d: &Dialog| has_spoken(d, Side::Caller) && has_spoken(d, Side::Callee);
    Some(match (leg.ended, leg.was_answered) {
        (true, false) => LegProgress::Refused,
        (true, true) => LegProgress::Over,
        (false, false) if leg.is_heeded => LegProgress::Ringing,
        (false, false) => LegProgress::Unheeded,
        (false, true) if dialogs.of(&leg.dialogs).any(is_heard) => LegProgress::Heard,
        (false, true) => LegProgress::Unheard,
    })
}

/// Feeds a recording, not only the hope of one.
fn is_recorded(leg: &Leg, dialogs: &Dialogs, recordings: &Recordings) -> bool {
    let of = |d: &Dialog| d.recording().and_then(|r| recordings.get(r)).is_some_and(|r| !r.is_dormant());
    dialogs.of(&leg.dialogs).any(of)
}
