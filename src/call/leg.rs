//! A leg: one INVITE on its way, the hops it was seen on and the dialogs it made.
//!
//! RFC 3261 §12: a dialog is the Call-ID and both tags. A leg holds one caller
//! tag; forks give it several dialogs. Hops are told apart by the branch of the
//! topmost Via (§8.1.1.7): two branches may share their next hop's address.

use super::asserted::Asserted;
use super::ids::{ContactId, DialogId, LegId};
use super::invite::Invite;
use super::pairing::{SessionId, Side};
use super::rules::Rules;
use super::said::SaidInLeg;
use crate::net::Flow;
use crate::pii::Pii;
use crate::sdp::Description;
use crate::time::Timestamp;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Hops of one leg remembered.
pub const MAX_HOPS: usize = 64;
/// Those farther from the agent are not told apart by their distance.
pub const MAX_RANK: u8 = 31;
/// Of these, hops that begin where no other leads to.
const MAX_STRAYS: usize = 48;
/// Legs remembered that an exchange calls agents in for one caller.
pub const MAX_RINGS: usize = 16;
/// Dialogs of one leg remembered: forks.
pub const MAX_DIALOGS: usize = 16;

/// What a leg without hops and dialogs holds, its rows in the tables included.
const ROW: usize = 2 * size_of::<Leg>() + 512;
/// What the pairing holds of one hop: a session, its claims, their places and hosts.
pub const PAIRED: usize = 1536;

/// One stretch of the INVITE's way: between two SIP elements, on one branch.
#[derive(Clone, Debug)]
pub struct Hop {
    /// SIP address on the caller's side.
    pub caller: SocketAddr,
    /// SIP address on the callee's side.
    pub callee: SocketAddr,
    /// Via headers in the INVITE: how far from the caller.
    pub vias: usize,
    /// User part of its Request-URI.
    pub request_user: Option<Pii<String>>,
    /// Branch of the topmost Via: a retransmission and the responses carry the same.
    pub branch: Option<Box<[u8]>>,
    /// The latest offer in the INVITE, if it was not a late one.
    pub offer: Option<Arc<Description>>,
}

impl Hop {
    /// The end that looks to `side`.
    fn end(&self, side: Side) -> SocketAddr {
        if side == Side::Caller { self.caller } else { self.callee }
    }
}

/// Who a party is known to be from another dialog that this leg goes on from.
#[derive(Clone, Debug, Default)]
pub struct Continued {
    /// User parts it is known by there.
    pub users: Vec<Pii<String>>,
    /// What was asserted of it there.
    pub asserted: Asserted,
    /// The number it was known by there, by whatever told it.
    pub number: Option<Pii<String>>,
    /// It was within the agents' networks there.
    pub is_within: bool,
    /// There is the other leg of the same call, and not one before it.
    pub is_same_call: bool,
}

impl Continued {
    /// Is it known by this name?
    pub fn is_called(&self, user: &Pii<String>) -> bool {
        self.users.iter().chain(&self.asserted.users).any(|u| u == user)
    }

    /// What was asserted of it; where nothing was, it is who it was called.
    pub fn vouched(&self) -> Asserted {
        let mut vouched = self.asserted.clone();
        if vouched.users.is_empty() {
            vouched.users = self.users.iter().take(2).cloned().collect();
        }
        vouched
    }

    /// The same in the words in which a message would tell of it: with its number.
    pub fn as_told(&self) -> Asserted {
        let mut told = self.vouched();
        told.number = told.number.or_else(|| Some((0, self.number.clone()?)));
        told
    }
}

/// One leg.
#[derive(Clone, Debug)]
pub struct Leg {
    /// Order of the INVITEs.
    pub id: LegId,
    /// As it is followed.
    pub call_id: Box<[u8]>,
    /// Tag of the side that called.
    pub caller_tag: Box<[u8]>,
    /// CSeq of its INVITE: a try with another one is another leg.
    pub invite_cseq: u32,
    /// When the first INVITE was captured.
    pub invite_at: Timestamp,
    /// The rules that were in force then: its call goes by them to its end.
    pub rules: Arc<Rules>,
    /// What it said.
    pub invite: Invite,
    /// User parts of From, as the hops have them.
    pub caller_users: Vec<Pii<String>>,
    /// Id the agent header gives the side that is called.
    pub callee_header: Option<String>,
    /// Parties known from the dialog that this leg takes the place of, or was
    /// transferred from, by side.
    pub continues: [Option<Box<Continued>>; 2],
    /// The dialog that it takes the place of once it is answered (RFC 3891).
    pub replaces: Option<DialogId>,
    /// The agent was called in it by his exchange, which goes on to his customer in this leg (click to dial).
    pub dials: Option<LegId>,
    /// The exchange had answered it when it called the agent himself in this leg: whoever its INVITE names
    /// does not talk in it.
    pub calls_on: Option<LegId>,
    /// While it rang the exchange has called agents for its caller in these.
    pub rings: SmallVec<[LegId; 2]>,
    /// The leg for whose caller the exchange calls the agent in this one.
    pub rings_for: Option<LegId>,
    /// It was given up, since another telephone had answered (RFC 3326 §1).
    pub is_completed_elsewhere: bool,
    /// The contact it belongs to.
    pub contact: ContactId,
    /// In the order they were seen.
    pub hops: SmallVec<[Hop; 1]>,
    /// What its hops claim while there is no dialog yet.
    pub ringing: SmallVec<[(usize, SessionId); 1]>,
    /// Forks.
    pub dialogs: SmallVec<[DialogId; 1]>,
    /// Whom it was sent to said that it is on its way.
    pub is_heeded: bool,
    /// Any of its dialogs was answered.
    pub was_answered: bool,
    /// A final response refused the INVITE, or all dialogs are over.
    pub ended: bool,
    /// Last message of it.
    pub last_seen: Timestamp,
    /// When its timer will go off.
    pub timer: Option<Timestamp>,
    /// Bytes of memory it holds with its dialogs, as last reckoned.
    pub weight: usize,
    /// What it came from.
    pub said: SaidInLeg,
}

impl Leg {
    /// Adds what an INVITE on some hop says of the parties. False where there is no room for another
    /// name of the caller.
    pub fn note_parties(&mut self, invite: &Invite) -> bool {
        let is_first = self.hops.is_empty() && self.caller_users.is_empty();
        let new_user = invite.from_user.as_ref().filter(|user| !self.caller_users.contains(user));
        let has_room = new_user.is_none() || self.caller_users.len() < MAX_HOPS;
        self.caller_users.extend(new_user.filter(|_| has_room).cloned());
        let mut caller = invite.caller.clone();
        // The agent header marks the sender, unless it names the one who is called.
        let called = [&invite.to_user, &invite.request_user];
        if let Some(id) = &caller.header_id
            && called.into_iter().flatten().any(|u| u.expose() == id)
        {
            self.callee_header = caller.header_id.take();
        }
        self.invite.is_private_history |= invite.is_private_history;
        if is_first {
            self.invite.caller = caller;
        } else {
            self.invite.caller.join_hop(caller);
        }
        has_room
    }

    /// What its INVITE says to who answered on this branch: the Request-URI that a branch beside it
    /// got says nothing of it.
    pub fn invite_of(&self, branch: Option<usize>) -> Cow<'_, Invite> {
        let on_way = self.hops.iter().enumerate().find(|(i, _)| !self.is_sibling(*i, branch));
        match on_way {
            Some((i, hop)) if i > 0 => {
                Cow::Owned(Invite { request_user: hop.request_user.clone(), ..self.invite.clone() })
            }
            _ => Cow::Borrowed(&self.invite),
        }
    }

    /// Has nobody answered it, and nobody refused it?
    pub fn is_ringing(&self) -> bool {
        !self.was_answered && !self.ended
    }

    /// Does it continue no other call: takes no place, and nobody was referred to it?
    pub fn is_new_call(&self) -> bool {
        self.replaces.is_none() && self.continues.iter().flatten().all(|c| c.is_same_call)
    }

    /// Did the same caller try this before the other leg, with another INVITE?
    pub fn is_try_of(&self, other: &Leg) -> bool {
        let source = |l: &Leg| l.hops.iter().min_by_key(|h| h.vias).map(|h| h.caller.ip());
        self.id < other.id
            && self.call_id == other.call_id
            && self.caller_tag == other.caller_tag
            && source(self) == source(other)
    }

    /// Is it to this user that the INVITE went, on any hop?
    pub fn is_to(&self, user: Option<&Pii<String>>) -> bool {
        let hops = self.hops.iter().filter_map(|h| h.request_user.as_ref());
        user.is_none_or(|user| hops.chain(&self.invite.to_user).any(|u| u == user))
    }

    /// Notes the hop an INVITE was seen on; a retransmission brings at most a newer offer. False
    /// where there is no room for another.
    pub fn note_hop(
        &mut self,
        flow: &Flow,
        vias: usize,
        branch: Option<&[u8]>,
        invite: &Invite,
        offer: Option<Arc<Description>>,
    ) -> bool {
        let same =
            |h: &&mut Hop| h.caller == flow.src && h.callee == flow.dst && h.branch.as_deref() == branch;
        if let Some(h) = self.hops.iter_mut().find(same) {
            if offer.is_some() {
                h.offer = offer;
            }
            return true;
        }
        let has_room = self.hops.len() < MAX_STRAYS || self.has_room_for(flow.src.ip());
        if has_room {
            self.hops.push(Hop {
                caller: flow.src,
                callee: flow.dst,
                vias,
                request_user: invite.request_user.clone(),
                branch: branch.map(Into::into),
                offer,
            });
        }
        has_room
    }

    /// Is there room for a hop from there? Copies that come from where the INVITE was not sent may be
    /// anybody's: they leave room for the rest.
    fn has_room_for(&self, from: IpAddr) -> bool {
        let led = self.led();
        let strays = || self.hops.iter().filter(|h| !led.contains(&h.caller.ip())).count();
        self.hops.len() < MAX_HOPS && (led.contains(&from) || strays() < MAX_STRAYS)
    }

    /// The host that the INVITE first came from, and those it was sent to from there on.
    fn led(&self) -> SmallVec<[IpAddr; 4]> {
        let mut out: SmallVec<[IpAddr; 4]> = self.hops.first().map(|h| h.caller.ip()).into_iter().collect();
        for h in &self.hops {
            if out.contains(&h.caller.ip()) && !out.contains(&h.callee.ip()) {
                out.push(h.callee.ip());
            }
        }
        out
    }

    /// A response came from this host: was the INVITE sent there?
    pub fn heed(&mut self, ip: IpAddr, code: u16) -> bool {
        let is_own = self.was_sent_to(ip);
        self.is_heeded |= is_own && code < 300;
        is_own
    }

    /// About how many bytes of memory it holds, its dialogs left out; its hops' sessions and
    /// addresses in the pairing included.
    pub fn weigh(&self) -> usize {
        let text = |t: &Option<Pii<String>>| t.as_ref().map_or(0, |t| t.expose().len() + 16);
        let hop = |h: &Hop| {
            let branch = h.branch.as_ref().map_or(0, |b| b.len());
            let offer = h.offer.as_ref().map_or(0, |o| o.weight());
            size_of::<Hop>() + branch + text(&h.request_user) + offer + PAIRED
        };
        let hops: usize = self.hops.iter().map(hop).sum();
        let users: usize = self.caller_users.iter().map(|u| u.expose().len() + 40).sum();
        let correlation: usize = self.invite.correlation.iter().map(|c| 2 * c.len() + 64).sum();
        let ids = 3 * self.call_id.len() + 2 * self.caller_tag.len();
        ROW + ids + hops + users + correlation
    }

    /// A final response refused the INVITE on a hop: what it offered is offered no more.
    pub fn forget_offer(&mut self, flow: &Flow, branch: Option<&[u8]>) {
        let is_it =
            |h: &&mut Hop| (h.caller, h.callee) == (flow.dst, flow.src) && h.branch.as_deref() == branch;
        if let Some(h) = self.hops.iter_mut().find(is_it) {
            h.offer = None;
        }
    }

    /// Is `ip` at an end of the way of a dialog on this branch? Its `way` is the hops that its 2xx was
    /// seen on, a bit each: an INVITE alone may be anybody's.
    pub fn has_end(&self, way: (u64, Option<usize>), side: Side, ip: IpAddr) -> bool {
        self.ends_of(way, side).any(|end| end.ip() == ip)
    }

    /// The ends of the hops of such a way that look to `side`: itself, and the proxies on its way.
    pub fn ends_of(&self, way: (u64, Option<usize>), side: Side) -> impl Iterator<Item = SocketAddr> {
        self.hops_on(way).map(move |(_, h)| h.end(side))
    }

    /// Of those the one that is `side` itself, or what is nearest to it of all that was captured.
    pub fn outermost(&self, way: (u64, Option<usize>), side: Side) -> Option<SocketAddr> {
        let far = |(i, h): &(usize, &Hop)| (h.vias, *i);
        let hop = match side {
            Side::Caller => self.hops_on(way).min_by_key(far),
            Side::Callee => self.hops_on(way).max_by_key(far),
        };
        hop.map(|(_, h)| h.end(side))
    }

    fn hops_on(&self, (way, branch): (u64, Option<usize>)) -> impl Iterator<Item = (usize, &Hop)> {
        let is_on_way = move |i: usize| match way {
            0 => !self.is_sibling(i, branch),
            way => way >> i & 1 == 1,
        };
        self.hops.iter().enumerate().filter(move |(i, _)| is_on_way(*i))
    }

    /// Was the INVITE sent there?
    pub fn was_sent_to(&self, ip: IpAddr) -> bool {
        self.hops.is_empty() || self.hops.iter().any(|h| h.callee.ip() == ip)
    }

    /// The hops between two hosts, a bit each.
    pub fn hops_between(&self, caller: IpAddr, callee: IpAddr) -> u64 {
        let hops = self.hops.iter().take(MAX_HOPS).enumerate();
        let is_between = |h: &Hop| (h.caller.ip(), h.callee.ip()) == (caller, callee);
        hops.filter(|(_, h)| is_between(h)).fold(0, |all, (i, _)| all | 1 << i)
    }

    /// Is `hop` a branch beside the one that a dialog is on?
    pub fn is_sibling(&self, hop: usize, branch: Option<usize>) -> bool {
        let (Some(h), Some(b)) = (self.hops.get(hop), branch.and_then(|b| self.hops.get(b))) else {
            return false;
        };
        if Some(hop) == branch || h.vias < b.vias {
            return false;
        }
        if h.vias == b.vias && h.caller == b.caller {
            return h.branch != b.branch || h.callee != b.callee;
        }
        // As far from the caller or farther, by way of another element: it neither leads to the
        // branch nor goes on from it.
        h.caller.ip() != b.callee.ip() && (h.vias > b.vias || h.callee.ip() != b.caller.ip())
    }

    /// The hop a response to the INVITE goes back on: its branch tells, else the addresses.
    pub fn hop_of_response(&self, flow: &Flow, branch: Option<&[u8]>) -> Option<usize> {
        let on_way = |h: &Hop| h.caller == flow.dst && h.callee == flow.src;
        let same = |h: &Hop| branch.is_some() && h.branch.as_deref() == branch;
        let by_branch = self.hops.iter().position(|h| on_way(h) && same(h));
        by_branch.or_else(|| self.hop_between(flow.dst, flow.src, None))
    }

    /// The hop between two SIP addresses: the same sockets, else the same hosts,
    /// else one that shares an end (requests inside a dialog may skip proxies).
    /// Branches beside the dialog's own are none of its hops.
    pub fn hop_between(
        &self,
        caller: SocketAddr,
        callee: SocketAddr,
        branch: Option<usize>,
    ) -> Option<usize> {
        let find = |f: &dyn Fn(&Hop) -> bool| {
            self.hops.iter().enumerate().position(|(i, h)| f(h) && !self.is_sibling(i, branch))
        };
        find(&|h| h.caller == caller && h.callee == callee)
            .or_else(|| find(&|h| h.caller.ip() == caller.ip() && h.callee.ip() == callee.ip()))
            .or_else(|| find(&|h| h.callee == callee))
            .or_else(|| find(&|h| h.caller == caller))
            .or_else(|| find(&|h| h.callee.ip() == callee.ip() || h.caller.ip() == caller.ip()))
    }

    /// Distance of a hop from the agent, given the side the customer is on, at most [`MAX_RANK`].
    pub fn rank(&self, hop: usize, customer: Side) -> u8 {
        let Some(h) = self.hops.get(hop) else { return MAX_RANK };
        let nearer = |(i, o): (usize, &Hop)| match customer {
            Side::Caller => (o.vias, i) > (h.vias, hop),
            Side::Callee => (o.vias, i) < (h.vias, hop),
        };
        self.hops.iter().enumerate().filter(|e| nearer((e.0, e.1))).count().min(MAX_RANK.into()) as u8
    }
}
