//! The media of one dialog: its exchanges on every hop, and what they claim.
//!
//! RFC 3264. The exchange is followed on each hop by itself: a media relay
//! gives every hop addresses of its own. What a description means is
//! `exchange`'s; here it is brought to the hops and from there to the pairing.

use super::decision::HopFormats;
use super::described::SeenDescription;
use super::dialog::{Dialog, HopMedia};
use super::exchange;
use super::leg::{Leg, MAX_RANK};
use super::pairing::{Pairing, Side};
use super::recording::Told;
use super::seen::Seen;
use crate::id::{Channel, RecordingId};
use crate::sdp::{self, Carrier, ExchangeChange, MessageStep, OfferAnswer};
use crate::sip::Method;
use foldhash::quality::RandomState;
use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::sync::Arc;

/// The recording that the media of a dialog feed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Feeds {
    /// Itself.
    pub recording: RecordingId,
    /// The side on its left channel.
    pub customer: Side,
    /// Added to the ranks of its hops: zero, or [`LENT`].
    pub beyond: u8,
}

/// Ranks from here on are those of a leg that lends its sound to the one nearest the agent.
pub(super) const LENT: u8 = MAX_RANK + 1;

const SIDES: [Side; 2] = [Side::Caller, Side::Callee];

/// Nobody has answered in any way: where the caller receives is claimed all the same, so that
/// what comes before the first response is no other call's.
pub(super) fn ring(leg: &mut Leg, seen: &Seen<'_>, pairing: &mut Pairing, origins: &RandomState) {
    if !leg.dialogs.is_empty() {
        return;
    }
    for (hop, h) in leg.hops.iter().enumerate() {
        let known = leg.ringing.iter().find(|(i, _)| *i == hop).map(|(_, session)| *session);
        let session = known.unwrap_or_else(|| {
            let session = pairing.open(leg.id.0, leg.contact.0, [h.caller, h.callee]);
            leg.ringing.push((hop, session));
            session
        });
        pairing.seen_on(session, seen.flow.vlan);
        let mut oa = OfferAnswer::new();
        oa.handle(Side::Caller, Carrier::Invite, leg.invite_cseq, MessageStep::Request, h.offer.as_ref());
        if let Some(claims) =
            exchange::claims(&oa, Side::Caller, h.caller.ip(), origin(&oa, Side::Caller, origins))
        {
            pairing.claim(session, Side::Caller, &claims);
        }
    }
}

/// There is a dialog, or the INVITE has failed.
pub(super) fn stop_ringing(leg: &mut Leg, pairing: &mut Pairing) {
    leg.ringing.drain(..).for_each(|(_, session)| pairing.close(session));
}

/// A number that two legs share when they pass one description on.
fn origin(oa: &OfferAnswer, side: Side, origins: &RandomState) -> u64 {
    exchange::origin(oa, side).map_or(0, |o| origins.hash_one((&o.username, &o.session_id, &o.address)))
}

/// Every hop the INVITE was seen on gets its exchange, begun with the INVITE's
/// offer. `seen_on`: the hop of the response.
pub(super) fn begin(
    leg: &Leg,
    dialog: &mut Dialog,
    seen: &Seen<'_>,
    seen_on: Option<usize>,
    pairing: &mut Pairing,
) {
    for (hop, h) in leg.hops.iter().enumerate() {
        // Branches beside this one ring for other dialogs, unless this dialog answers there too.
        let elsewhere = leg.is_sibling(hop, dialog.branch) && seen_on != Some(hop);
        if elsewhere || dialog.media.iter().any(|m| m.hop == hop) {
            continue;
        }
        let mut offer_answer = OfferAnswer::new();
        offer_answer.handle(
            Side::Caller,
            Carrier::Invite,
            leg.invite_cseq,
            MessageStep::Request,
            h.offer.as_ref(),
        );
        let session = pairing.open(leg.id.0, leg.contact.0, [h.caller, h.callee]);
        pairing.seen_on(session, seen.flow.vlan);
        dialog.media.push(HopMedia { hop, session, offer_answer });
    }
}

/// The description of a message from `sender`; `None` where it can say nothing of the media.
pub(super) fn describe(leg: &Leg, dialog: &Dialog, seen: &Seen<'_>, sender: Side) -> Option<SeenDescription> {
    let (carrier, step) = place(seen)?;
    let (caller, callee) = match sender {
        Side::Caller => (seen.flow.src, seen.flow.dst),
        Side::Callee => (seen.flow.dst, seen.flow.src),
    };
    let is_initial = seen.method == Method::Invite && seen.code.is_some() && seen.cseq == leg.invite_cseq;
    let hop = match is_initial && sender == Side::Callee {
        true => leg.hop_of_response(&seen.flow, seen.branch.as_deref()),
        false => leg.hop_between(caller, callee, dialog.branch),
    };
    // A response on a way its INVITE was not seen on says nothing of the ways that are known.
    if hop.is_none() && is_initial && sender == Side::Callee && !leg.hops.is_empty() {
        return None;
    }
    let session = seen.msg.sdp().map(|body| Arc::new(sdp::parse(body)));
    Some(SeenDescription { sender, cseq: seen.cseq, session, carrier, step, hop, vlan: seen.flow.vlan })
}

/// Takes in a description, or that there is none. True where something changed.
pub(super) fn take_in(dialog: &mut Dialog, said: &SeenDescription, pairing: &mut Pairing) -> bool {
    let mut changed = said.session.is_some() && std::mem::take(&mut dialog.is_asleep);
    for m in &mut dialog.media {
        // A request that takes a way of its own concerns every hop.
        if said.hop.is_none_or(|h| h == m.hop) {
            pairing.seen_on(m.session, said.vlan);
            let (carrier, session) = (said.carrier, said.session.as_ref());
            let change = m.offer_answer.handle(said.sender, carrier, said.cseq, said.step, session);
            changed |= change != ExchangeChange::None;
        }
    }
    changed
}

/// Nothing was heard for so long that its addresses may be somebody else's: they are free.
pub(super) fn fall_asleep(leg: &Leg, dialog: &mut Dialog, calls_begun: u64, pairing: &mut Pairing) {
    dialog.is_asleep = true;
    for m in &mut dialog.media {
        let Some(h) = leg.hops.get(m.hop) else { continue };
        pairing.close(m.session);
        m.session = pairing.open(leg.id.0, leg.contact.0, [h.caller, h.callee]);
        pairing.answer(m.session, calls_begun);
    }
}

/// Which transaction carries the message, and which step of it is.
pub(super) fn place(seen: &Seen<'_>) -> Option<(Carrier, MessageStep)> {
    let step = seen.code.map_or(MessageStep::Request, MessageStep::Response);
    match seen.method {
        Method::Ack => Some((Carrier::Invite, MessageStep::Ack)),
        Method::Invite => Some((Carrier::Invite, step)),
        Method::Update => Some((Carrier::Update, step)),
        Method::Prack => Some((Carrier::Prack, step)),
        _ => None,
    }
}

/// Brings the claims of every hop up to date, and says which recording they feed.
pub(super) fn claim(
    leg: &Leg,
    dialog: &Dialog,
    feeds: Option<Feeds>,
    pairing: &mut Pairing,
    origins: &RandomState,
) {
    for m in &dialog.media {
        for side in SIDES {
            let origin = origin(&m.offer_answer, side, origins);
            let Some(hop) = leg.hops.get(m.hop) else { continue };
            let sip = if side == Side::Caller { hop.caller.ip() } else { hop.callee.ip() };
            if let Some(claims) = exchange::claims(&m.offer_answer, side, sip, origin) {
                pairing.claim(m.session, side, &claims);
            }
        }
        let rank = |f: Feeds| f.beyond.saturating_add(leg.rank(m.hop, f.customer));
        pairing.record(m.session, feeds.map(|f| (f.recording, f.customer, rank(f))));
    }
}

/// What payload types mean on each hop, the farthest from the agent first.
pub(super) fn formats(leg: &Leg, dialog: &Dialog, feeds: Feeds) -> Vec<HopFormats> {
    let Feeds { customer, beyond, .. } = feeds;
    // While audio is given up for a fax its formats stand: last packets are still to come.
    let rank = |hop| beyond.saturating_add(leg.rank(hop, customer));
    let hops = told_hops(dialog).map(|m| (rank(m.hop), &m.offer_answer));
    let mut hops: Vec<(u8, &OfferAnswer)> = hops.filter(|(_, oa)| exchange::has_audio(oa)).collect();
    hops.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
    let channel = |side: Side| if side == customer { Channel::Customer } else { Channel::Agent };
    let of_hop = |(rank, oa): (u8, &OfferAnswer)| {
        SIDES.map(|speaker| HopFormats {
            channel: channel(speaker),
            rank,
            formats: exchange::payload_map(oa, speaker),
            keys: exchange::keys(oa, speaker),
        })
    };
    hops.into_iter().flat_map(of_hop).collect()
}

/// What the hop nearest the agent that has an exchange tells of the media.
pub(super) fn told(leg: &Leg, dialog: &Dialog, customer: Side) -> Option<Told> {
    // One that lists no audio, as for a fax, tells as well that there is none.
    let is_agreed = |m: &&HopMedia| SIDES.iter().any(|s| m.offer_answer.agreed(*s).is_some());
    let described = dialog.media.iter().filter(|m| exchange::is_told(&m.offer_answer) || is_agreed(m));
    let nearest = described.min_by_key(|m| leg.rank(m.hop, customer))?;
    let oa = &nearest.offer_answer;
    Some(Told { on_hold: oa.on_hold(), silent: exchange::told_silent(oa) })
}

/// Is there audio, and none of it to be read on any hop?
pub(super) fn is_unreadable(dialog: &Dialog) -> bool {
    let mut described =
        told_hops(dialog).map(|m| &m.offer_answer).filter(|oa| exchange::has_audio(oa)).peekable();
    described.peek().is_some() && described.all(exchange::is_unreadable)
}

/// Where a side of a dialog receives audio, by all its hops.
pub(super) fn endpoints(dialog: &Dialog, side: Side) -> impl Iterator<Item = SocketAddr> + Clone {
    dialog.media.iter().filter_map(move |m| m.offer_answer.current_audio(side)?.endpoint())
}

fn told_hops(dialog: &Dialog) -> impl Iterator<Item = &HopMedia> {
    dialog.media.iter().filter(|m| exchange::is_told(&m.offer_answer))
}
