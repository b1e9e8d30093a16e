//! The conductor: brings each SIP message to the leg and the dialog it belongs
//! to, and lets the machines of those decide.
//!
//! RFC 3261 §12.2, §13, §17.1.3 as far as a bystander can follow them. Who
//! talks is weighed in `policy`, what a recording waits for in `recordings`,
//! where media belongs in `pairing`; none of them knows of the others.

mod answered_ahead;
mod clicks;
mod colleagues;
mod handover;
mod hangups;
mod in_vain;
mod info;
mod learning;
mod pause_signals;
mod refresh;
mod strange;
mod updating;
mod verdict;

use super::asserted::{Asserted, user_of};
use super::call_settings::CallSettings;
use super::decision::{Decision, Ending, Ends, Unrecorded, UnrecordedCall};
use super::dialog::DialogState;
use super::identifier::stored_call_id;
use super::ids::{DialogId, LegId};
use super::invite::Invite;
use super::leg::Leg;
use super::media;
use super::orphans::Orphans;
use super::overflow::Overflow;
use super::pairing::{Route, Side, StreamPosition};
use super::policy::is_operators;
use super::recording::Closed;
use super::recordings::Recordings;
use super::rules::Rules;
use super::seen::Seen;
use super::tables::Tables;
use super::trace::{Trace, TraceStep};
use super::transfer::Referrals;
use super::twins::ByPerson;
use crate::config::Config;
use crate::net::Flow;
use crate::sdp;
use crate::sip::{Message, Method};
use crate::time::Timestamp;
use std::sync::Arc;

/// All calls followed.
#[derive(Debug)]
pub struct Calls {
    /// Those that calls go by that begin now. A call under way has its own ([`super::leg::Leg::rules`]).
    pub(super) rules: Arc<Rules>,
    pub(super) max_recordings: usize,
    pub(super) tables: Tables,
    pub(super) recordings: Recordings,
    pub(super) referrals: Referrals,
    pub(super) agents: ByPerson<DialogId>,
    /// What agents talk in with one another, by the one who was called.
    consultations: ByPerson<DialogId>,
    /// What customers are answered in, by their numbers.
    callers: ByPerson<DialogId>,
    /// What customers call in and nobody has answered, likewise.
    waiting: ByPerson<LegId>,
    orphans: Orphans,
    pub(super) recordings_full: u64,
    /// Kept where somebody asks for it.
    trace: Option<Trace>,
}

impl Calls {
    /// An empty table under the rules of a checked configuration.
    pub fn new(config: &Config) -> Self {
        let CallSettings { rules, patience, max_recordings, max_legs } = CallSettings::new(config);
        Calls {
            rules,
            max_recordings,
            tables: Tables::new(max_legs, config.limits.share(2), config.limits.share(8)),
            recordings: Recordings::new(patience),
            referrals: Referrals::default(),
            agents: ByPerson::default(),
            consultations: ByPerson::default(),
            callers: ByPerson::default(),
            waiting: ByPerson::default(),
            orphans: Orphans::default(),
            recordings_full: 0,
            trace: None,
        }
    }

    /// Takes one message in, read from these bytes; [`Calls::poll`] gives what follows from it.
    pub fn handle_message(&mut self, msg: &Message<'_>, bytes: &[u8], flow: Flow, at: Timestamp) {
        let Some(seen) = Seen::read(msg, flow, at) else { return };
        self.tables.pairing.handle_time(at);
        self.settle_media();
        match seen.code {
            None => self.handle_request(&seen),
            Some(code) => self.handle_response(&seen, code),
        }
        self.tables.keep(&seen, bytes, &mut self.recordings);
        self.settle_media();
    }

    /// Keeps the steps of all decisions from here on, for [`Calls::take_step`].
    pub fn keep_trace(&mut self) {
        self.trace = Some(Trace::default());
        self.tables.pairing.keep_trace();
    }

    /// The next step that was kept.
    pub fn take_step(&mut self) -> Option<TraceStep> {
        self.trace.as_mut()?.take()
    }

    /// Where a media packet belongs, and the fingerprint of its flow. The
    /// recordings it belongs to have been heard by it.
    pub fn handle_media(
        &mut self,
        flow: &Flow,
        at: Timestamp,
        stream: Option<StreamPosition>,
    ) -> (Route, u32) {
        let (route, fingerprint) = self.tables.pairing.route(flow, at, stream);
        match &route {
            Route::Record(targets) => {
                for t in targets {
                    if let Some(dialog) = self.recordings.handle_media(t, at) {
                        self.tables.give_way(dialog, false);
                    }
                }
            }
            Route::Doubt | Route::Unmatched | Route::NotRecorded => {}
        }
        self.settle_media();
        if let Some(trace) = &mut self.trace {
            trace.flows(self.tables.pairing.take_flows(), &self.tables.legs, at);
        }
        (route, fingerprint)
    }

    /// Who may have owned a packet, or its run before, is told that it is missing, and what was
    /// given of another's is given back.
    fn settle_media(&mut self) {
        while let Some(id) = self.tables.pairing.poll_incomplete() {
            self.recordings.handle_missing(id);
        }
        while let Some(what) = self.tables.pairing.poll_disowned() {
            self.recordings.order(Decision::Disowned(what));
        }
    }

    /// RTCP was captured: the parties of the recordings it belongs to are there, silent or not.
    pub fn handle_rtcp(&mut self, flow: &Flow, at: Timestamp) {
        for id in self.tables.pairing.rtcp_targets(flow) {
            self.recordings.handle_life(id, at);
        }
    }

    /// The next decision.
    pub fn poll(&mut self) -> Option<Decision> {
        self.recordings.poll()
    }

    /// When [`Calls::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.tables.legs.poll_timeout().into_iter().chain(self.recordings.poll_timeout()).min()
    }

    /// Time has come to `now`.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(closed) = self.recordings.handle_timeout(now) {
            self.leave(closed, now);
        }
        while let Some(id) = self.recordings.take_reopened() {
            self.take_bye_back(id);
        }
        self.recordings.asleep.drain(..).for_each(|id| self.tables.fall_asleep(id));
        self.tables.expire(now, &mut self.recordings);
        self.referrals.expire(now);
    }

    /// The capture ended, or the recorder stops: everything open ends at its last media.
    pub fn finish(&mut self, now: Timestamp, by: Ending) {
        self.tables.pairing.give_up_guesses();
        self.settle_media();
        for id in self.recordings.ids() {
            if let Some(closed) = self.recordings.finish(id, now, by) {
                self.leave(closed, now);
            }
        }
        self.tables.report_left_out(&mut self.recordings);
    }

    /// Recordings under way.
    pub fn recordings(&self) -> &Recordings {
        &self.recordings
    }

    /// Legs followed.
    pub fn legs_followed(&self) -> usize {
        self.tables.legs.len()
    }

    /// What there was no room for.
    pub fn overflow(&self) -> Overflow {
        let of_tables = self.tables.no_room + self.tables.contacts.no_room + self.tables.pairing.no_room();
        Overflow {
            legs: self.tables.legs.evicted(),
            legs_outweighed: self.tables.legs.outweighed(),
            recordings: self.recordings_full,
            parts: of_tables + self.referrals.no_room + self.orphans.no_room,
        }
    }

    /// The clock the stamps come from was set by `ns` (live capture): nothing was silent meanwhile.
    pub fn clock_stepped(&mut self, ns: i64) {
        self.recordings.clock_stepped(ns);
    }

    fn handle_request(&mut self, seen: &Seen<'_>) {
        match seen.method {
            Method::Invite if seen.to_tag.is_empty() => return self.handle_invite(seen),
            Method::Cancel => return self.handle_cancel(seen),
            _ => {}
        }
        let Some((id, side)) = self.tables.dialog_of(seen) else { return };
        self.tables.touch(id, seen);
        if !self.tables.is_own(id, side, seen.flow.src.ip()) {
            return self.handle_strange(id, seen, side);
        }
        self.tables.note_host(id, side.other(), seen.flow.dst.ip());
        match seen.method {
            Method::Invite | Method::Update => {
                self.handle_description(id, seen, side);
                self.handle_identity(id, seen, side);
                self.heed_pause(id, seen, side);
            }
            Method::Ack => {
                self.handle_ack(id, seen, side);
                self.handle_description(id, seen, side);
            }
            Method::Prack => self.handle_description(id, seen, side),
            Method::Bye => self.handle_bye(id, seen, side),
            Method::Refer => self.handle_refer(id, seen, side),
            // RFC 3515 §2.4.5: the transfer failed, says the one who was asked for it.
            Method::Notify if seen.msg.sipfrag_status().is_some_and(|s| s >= 300) => {
                self.transfer_failed(id, side.other());
            }
            Method::Info => self.handle_info(id, seen, side),
            _ => {}
        }
    }

    fn handle_response(&mut self, seen: &Seen<'_>, code: u16) {
        if seen.method == Method::Invite
            && let Some(leg) = self.tables.invite_of(seen)
        {
            return self.handle_invite_response(leg, seen, code);
        }
        let Some((id, requester)) = self.tables.dialog_of(seen) else {
            if seen.method == Method::Invite && seen.is_success() && self.orphans.is_new(&seen.call_id) {
                let said = Asserted::of_later(seen.msg, &self.rules);
                let named = [seen.msg.from(), seen.msg.to()].into_iter().filter_map(|a| user_of(a.as_ref()));
                let named: Vec<_> = named.chain(said.users).chain(said.number.map(|(_, n)| n)).collect();
                let numbers = named.iter().filter(|n| !is_operators(&self.rules, n));
                let call_id = stored_call_id(&seen.call_id, numbers);
                let (reason, at, ends) = (Unrecorded::InviteNotSeen, seen.at, Ends::default());
                self.unrecorded(call_id.clone(), at, reason);
                let call = UnrecordedCall { reason, at, call_id, ends };
                self.recordings.order(Decision::LeftOut(Box::new(call)));
            }
            return;
        };
        self.tables.touch(id, seen);
        let by_other = self.tables.is_own(id, requester.other(), seen.flow.src.ip());
        match seen.method {
            Method::Bye => self.handle_bye_response(id, seen, requester, code),
            // Nobody answers for the other side.
            _ if !by_other => {}
            Method::Invite | Method::Update | Method::Prack => {
                if !self.take_unasked(id, seen, requester) {
                    return;
                }
                // The answer comes from the other side than the request.
                self.handle_description(id, seen, requester.other());
                if seen.is_success() && seen.method != Method::Prack {
                    self.handle_identity(id, seen, requester.other());
                    self.handle_refresh(id, seen.at);
                }
            }
            Method::Refer if code >= 300 => self.transfer_failed(id, requester),
            _ => {}
        }
    }

    /// An INVITE outside a dialog: a new leg, another hop of one, or a retransmission.
    fn handle_invite(&mut self, seen: &Seen<'_>) {
        let invite = Invite::read(seen.msg, &self.rules);
        let branch = seen.branch.as_deref();
        // After the answer only a late copy of the INVITE is still of it: one on a branch of its
        // own, when the call is over or to somebody else, is another call.
        let is_of = |l: &&Leg| {
            let is_branch = l.hops.iter().any(|h| h.branch.as_deref() == branch);
            !l.was_answered || is_branch || (!l.ended && l.is_to(invite.request_user.as_ref()))
        };
        let known = self.tables.legs.of_invite(seen).find(is_of).map(|l| l.id);
        let (rules, recordings) = (&self.rules, &mut self.recordings);
        let id = known.unwrap_or_else(|| self.tables.new_leg((&invite, rules), seen, recordings));
        let Some(leg) = self.tables.legs.get_mut(id) else { return };
        leg.last_seen = seen.at;
        if leg.was_answered {
            // A copy: what an answer rests on is not moved under it.
            return;
        }
        // The next branch of a hunt.
        leg.ended = false;
        let has_room_for_caller = leg.note_parties(&invite);
        let offer = seen.msg.sdp().map(|body| Arc::new(sdp::parse(body)));
        let has_room = leg.note_hop(&seen.flow, seen.msg.via_count(), branch, &invite, offer);
        self.tables.no_room += u64::from(!has_room) + u64::from(!has_room_for_caller);
        self.tables.ring(id, seen);
        if known.is_none() {
            self.join_continued(id, &invite, seen);
            self.complete(id, seen.at);
        }
    }

    fn handle_invite_response(&mut self, leg_id: LegId, seen: &Seen<'_>, code: u16) {
        let Some(leg) = self.tables.legs.get_mut(leg_id) else { return };
        leg.last_seen = leg.last_seen.max(seen.at);
        let known = self.tables.dialogs.of(&leg.dialogs).find(|d| *d.callee_tag == *seen.to_tag);
        let (id, state) = (known.map(|d| d.id), known.map(|d| d.state));
        let is_strange = !leg.heed(seen.flow.src.ip(), code);
        match code {
            0..=100 => {}
            _ if is_strange => self.handle_strange_answer(leg_id, id, seen),
            // A late copy must not claim again what a hang-up has set free.
            _ if state == Some(DialogState::Terminated) => {}
            101..=299 => {
                let Some(id) = id.or_else(|| self.tables.new_dialog(leg_id, seen)) else { return };
                if code >= 200 {
                    return self.handle_answer(id, seen);
                }
                self.tables.note_response(id, seen);
                self.refresh(id, seen.at);
                // A copy that comes after the answer is older than what that said.
                if state != Some(DialogState::Early) && state.is_some() {
                    return;
                }
                self.handle_identity(id, seen, Side::Callee);
            }
            _ => {
                leg.forget_offer(&seen.flow, seen.branch.as_deref());
                self.tables.refuse(leg_id, id.filter(|_| state == Some(DialogState::Early)));
                self.settle_refused(leg_id, seen.at);
            }
        }
    }

    /// A 2xx to the INVITE.
    fn handle_answer(&mut self, id: DialogId, seen: &Seen<'_>) {
        let Some((leg, d, _)) = self.tables.dialog_mut(id) else { return };
        let is_first = d.state == DialogState::Early;
        // On one hop a proxy may say who answered, on the other hide it.
        let said = &mut d.said[Side::Callee as usize];
        let was_silent = said.is_silent();
        if was_silent || is_first {
            said.take_in(Asserted::of_later(seen.msg, &leg.rules));
        }
        let is_news = was_silent && !said.is_silent();
        if is_first {
            self.confirm(id, seen.at);
        }
        self.tables.note_response(id, seen);
        self.settle_answer(id, seen.at);
        if is_first {
            self.decide(id, seen.at);
        } else if is_news {
            self.reconsider(id, seen.at);
        }
    }

    /// It is answered, by this dialog.
    pub(super) fn confirm(&mut self, id: DialogId, at: Timestamp) {
        let Some(d) = self.tables.dialogs.get_mut(id) else { return };
        d.state = DialogState::Confirmed { answered_at: at, recording: None, bye: None };
        let has_spoken = d.media.iter().any(|m| self.tables.pairing.has_spoken(m.session, Side::Callee));
        d.heard_since.note_answer(at, has_spoken);
        let leg = d.leg;
        if let Some(leg) = self.tables.legs.get_mut(leg) {
            (leg.was_answered, leg.ended) = (true, false);
        }
        self.tables.close_early(id);
        self.take_place(leg);
    }

    /// Its claims now outrank those of calls that only ring.
    pub(super) fn settle_answer(&mut self, id: DialogId, at: Timestamp) {
        self.refresh(id, at);
        let begun = self.tables.legs.begun();
        if let Some((_, d, pairing)) = self.tables.dialog_mut(id) {
            d.media.iter().for_each(|m| pairing.answer(m.session, begun));
        }
    }

    /// re-INVITE, UPDATE, PRACK, their responses, ACK.
    fn handle_description(&mut self, id: DialogId, seen: &Seen<'_>, sender: Side) {
        let Some((leg, d, pairing)) = self.tables.dialog_mut(id) else { return };
        if media::describe(leg, d, seen, sender).is_some_and(|said| media::take_in(d, &said, pairing)) {
            self.refresh(id, seen.at);
        }
    }

    /// A recording has left its dialog: over, unless it passed to another agent or fell silent.
    pub(super) fn leave(&mut self, closed: Closed, at: Timestamp) {
        let Some(d) = self.tables.dialogs.get_mut(closed.dialog) else { return };
        if let Some(leg) = self.tables.legs.get(d.leg).filter(|_| closed.was_recorded) {
            self.tables.contacts.serve(leg.contact);
        }
        if d.recording() == Some(closed.recording) {
            d.set_recording(closed.goes_on);
        }
        if closed.is_dead || (d.bye().is_some() && closed.goes_on.is_none()) {
            self.settle_lender(closed.dialog);
            self.settle_lenders_beside(closed.dialog);
            return self.tables.terminate(closed.dialog);
        }
        if closed.goes_on.is_some() {
            self.tables.give_way(closed.dialog, true);
        }
        self.refresh(closed.dialog, at);
    }

    pub(super) fn unrecorded(&mut self, call_id: String, at: Timestamp, reason: Unrecorded) {
        self.recordings.order(Decision::Unrecorded { reason, at, call_id });
    }
}
