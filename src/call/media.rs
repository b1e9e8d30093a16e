//! From descriptions to claims: where each party of a dialog receives audio,
//! what its payload types mean, and who is on hold.
//!
//! RFC 3264. The exchange is followed on each hop by itself: a media relay
//! gives every hop addresses of its own.

use super::calls::{Calls, Passage};
use super::decision::{CallEvent, Decision};
use super::exchange;
use super::leg::{HopMedia, LegId};
use super::pairing::Side;

use crate::sdp::{Carrier, Change, OfferAnswer, Session, Step};
use crate::sip::{Message, Method};
use crate::time::Timestamp;
use std::hash::BuildHasher;

const SIDES: [Side; 2] = [Side::Caller, Side::Callee];

impl Calls {
    /// A response to the INVITE that made the dialog.
    pub(super) fn initial_answer(
        &mut self,
        leg: LegId,
        tag: &[u8],
        code: u16,
        msg: &Message<'_>,
        way: Passage,
    ) {
        self.ensure_media(leg, tag, way);
        let cseq = self.legs.get(&leg).map_or(0, |l| l.invite_cseq);
        self.exchange(leg, tag, Side::Callee, Carrier::Invite, cseq, Step::Response(code), msg, way);
    }

    /// re-INVITE, UPDATE or PRACK.
    pub(super) fn handle_offer(
        &mut self,
        leg: LegId,
        tag: &[u8],
        side: Side,
        cseq: u32,
        msg: &Message<'_>,
        way: Passage,
    ) {
        let Some(carrier) = msg.method().and_then(carrier) else { return };
        self.exchange(leg, tag, side, carrier, cseq, Step::Request, msg, way);
    }

    /// The ACK may carry the answer to a late offer.
    pub(super) fn handle_ack(
        &mut self,
        leg: LegId,
        tag: &[u8],
        side: Side,
        cseq: u32,
        msg: &Message<'_>,
        way: Passage,
    ) {
        self.exchange(leg, tag, side, Carrier::Invite, cseq, Step::Ack, msg, way);
    }

    /// A response inside the dialog, sent by `side`.
    #[allow(clippy::too_many_arguments)] // what a response is, no more
    pub(super) fn handle_answer(
        &mut self,
        leg: LegId,
        tag: &[u8],
        side: Side,
        cseq: u32,
        code: u16,
        msg: &Message<'_>,
        way: Passage,
    ) {
        let Some(carrier) = msg.cseq().and_then(|(_, m)| carrier(m)) else { return };
        self.exchange(leg, tag, side, carrier, cseq, Step::Response(code), msg, way);
    }

    /// SIP INFO with a key press. Every hop shows it; it counts once.
    pub(super) fn handle_info(
        &mut self,
        leg: LegId,
        tag: &[u8],
        side: Side,
        cseq: u32,
        msg: &Message<'_>,
        at: Timestamp,
    ) {
        if !msg.dtmf_info() {
            return;
        }
        let Some(d) = self.dialog_mut(leg, tag) else { return };
        if d.last_info[side as usize].replace(cseq) == Some(cseq) {
            return;
        }
        if let Some(r) = d.recording.and_then(|id| self.recordings.get(id)) {
            let press = CallEvent::KeyPress(r.channel_of(side));
            self.out.push(Decision::Event(r.id, at, press));
        }
    }

    #[allow(clippy::too_many_arguments)] // one message's place in its exchange
    fn exchange(
        &mut self,
        leg_id: LegId,
        tag: &[u8],
        sender: Side,
        carrier: Carrier,
        cseq: u32,
        step: Step,
        msg: &Message<'_>,
        way: Passage,
    ) {
        let (caller, callee) = match sender {
            Side::Caller => (way.src, way.dst),
            Side::Callee => (way.dst, way.src),
        };
        let Some(leg) = self.legs.get_mut(&leg_id) else { return };
        let hop = leg.hop_between(caller, callee);
        // A response on a way its INVITE was not seen on says nothing of the ways that are known.
        let is_astray = hop.is_none()
            && matches!(step, Step::Response(_))
            && sender == Side::Callee
            && cseq == leg.invite_cseq;
        if is_astray && !leg.hops.is_empty() {
            return;
        }
        let Some(d) = leg.dialogs.iter_mut().find(|d| &*d.callee_tag == tag) else { return };
        let session = msg.sdp().map(Session::parse);
        let mut changed = false;
        for m in &mut d.media {
            // A request that takes a way of its own concerns every hop.
            if hop.is_none_or(|h| h == m.hop) {
                self.pairing.seen_on(m.session, way.vlan);
                let change = m.offer_answer.handle(sender, carrier, cseq, step, session.as_ref());
                changed |= change != Change::None;
            }
        }
        if changed {
            self.refresh_media(leg_id, tag, way.at);
        }
    }

    /// Every hop the INVITE was seen on gets its exchange, begun with the INVITE's offer.
    fn ensure_media(&mut self, leg_id: LegId, tag: &[u8], way: Passage) {
        let Some(leg) = self.legs.get_mut(&leg_id) else { return };
        let (age, group, cseq) = (leg.id.0, leg.contact.0, leg.invite_cseq);
        let seen_on = leg.hop_between(way.dst, way.src);
        let Some(i) = leg.dialogs.iter().position(|d| &*d.callee_tag == tag) else { return };
        let branch = *leg.dialogs[i].branch.get_or_insert(seen_on.unwrap_or(usize::MAX));
        for hop in 0..leg.hops.len() {
            // Branches beside this one ring for other dialogs, unless this dialog answers there too.
            let elsewhere = leg.is_sibling(hop, Some(branch)) && seen_on != Some(hop);
            if elsewhere || leg.dialogs[i].media.iter().any(|m| m.hop == hop) {
                continue;
            }
            let mut offer_answer = OfferAnswer::new();
            let offer = leg.hops[hop].offer.as_ref();
            offer_answer.handle(Side::Caller, Carrier::Invite, cseq, Step::Request, offer);
            let ends = [leg.hops[hop].caller, leg.hops[hop].callee];
            let session = self.pairing.open(age, group, ends);
            self.pairing.seen_on(session, way.vlan);
            leg.dialogs[i].media.push(HopMedia { hop, session, offer_answer });
        }
    }

    /// Brings claims, payload types and hold up to date with the exchange.
    pub(super) fn refresh_media(&mut self, leg_id: LegId, tag: &[u8], at: Timestamp) {
        let Some(leg) = self.legs.get(&leg_id) else { return };
        let Some(d) = leg.dialogs.iter().find(|d| &*d.callee_tag == tag) else { return };
        let recording = d.recording.and_then(|id| self.recordings.get(id));
        for m in &d.media {
            for side in SIDES {
                let Some(hop) = leg.hops.get(m.hop) else { continue };
                let sip = if side == Side::Caller { hop.caller } else { hop.callee };
                let origin = self.origin_of(&m.offer_answer, side);
                if let Some(claims) = exchange::claims(&m.offer_answer, side, sip.ip(), origin) {
                    self.pairing.claim(m.session, side, &claims);
                }
            }
            let target = recording.map(|r| (r.id, r.customer, leg.rank(m.hop, r.customer)));
            self.pairing.record(m.session, target);
        }
        let Some(id) = recording.map(|r| r.id) else { return };
        self.announce_formats(leg_id, tag);
        self.announce_hold(leg_id, tag, id, at);
    }

    /// Tells the tape what payload types mean, once it has been opened.
    pub(super) fn announce_formats(&mut self, leg_id: LegId, tag: &[u8]) {
        let Some(r) =
            self.dialog(leg_id, tag).and_then(|d| d.recording).and_then(|id| self.recordings.get(id))
        else {
            return;
        };
        if matches!(r.state, super::recordings::State::Candidate(_)) {
            return;
        }
        let Some(oa) = self.nearest_exchange(leg_id, tag, r.customer) else { return };
        let maps = SIDES.map(|speaker| (r.channel_of(speaker), exchange::payload_map(oa, speaker)));
        let recording = r.id;
        for (channel, formats) in maps {
            self.out.push(Decision::Formats { recording, channel, rank: 0, formats });
        }
    }

    fn announce_hold(&mut self, leg_id: LegId, tag: &[u8], id: crate::id::RecordingId, at: Timestamp) {
        let Some(customer) = self.recordings.get(id).map(|r| r.customer) else { return };
        let Some(on_hold) = self.nearest_exchange(leg_id, tag, customer).map(OfferAnswer::on_hold) else {
            return;
        };
        let Some(r) = self.recordings.get_mut(id) else { return };
        if r.on_hold == on_hold {
            return;
        }
        r.on_hold = on_hold;
        r.quiet_since = r.quiet_since.max(at);
        let event = if on_hold { CallEvent::Hold } else { CallEvent::Resume };
        self.confirm(id);
        self.out.push(Decision::Event(id, at, event));
        if !on_hold {
            self.wait_for_silence(id, at);
        }
    }

    /// The exchange on the hop nearest the agent that has one.
    fn nearest_exchange(&self, leg_id: LegId, tag: &[u8], customer: Side) -> Option<&OfferAnswer> {
        let leg = self.legs.get(&leg_id)?;
        let d = leg.dialogs.iter().find(|d| &*d.callee_tag == tag)?;
        let told = d.media.iter().filter(|m| exchange::is_told(&m.offer_answer));
        told.min_by_key(|m| leg.rank(m.hop, customer)).map(|m| &m.offer_answer)
    }

    /// A number that two legs share when they pass one description on.
    fn origin_of(&self, oa: &OfferAnswer, side: Side) -> u64 {
        let Some(o) = exchange::origin(oa, side) else { return 0 };
        self.origin_hasher.hash_one((&o.username, &o.session_id, &o.address))
    }
}

fn carrier(method: Method) -> Option<Carrier> {
    match method {
        Method::Invite => Some(Carrier::Invite),
        Method::Update => Some(Carrier::Update),
        Method::Prack => Some(Carrier::Prack),
        _ => None,
    }
}
