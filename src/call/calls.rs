//! The table of legs, and what each SIP message does to it.
//!
//! Requests and responses are brought to the leg and the dialog they belong to
//! (RFC 3261 §12.2, §17.1.3 as far as a bystander can); what follows from them
//! is in `answer`, `media`, `ending`, `transfer` and `identity`.

use super::contacts::Contacts;
use super::decision::{Decision, Unrecorded};
use super::invite::Invite;
use super::leg::{Dialog, DialogState, Hop, Leg, LegId, MAX_DIALOGS, MAX_HOPS};
use super::pairing::{Pairing, Side};
use super::parties::Rules;
use super::recordings::Recordings;
use super::transfer::Referrals;
use crate::config::Config;
use crate::id::RecordingId;
use crate::sdp::Session;
use crate::sip::{Message, Method};
use crate::time::Timestamp;
use crate::wire::link::Vlan;
use foldhash::quality::RandomState;
use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

/// Longest Call-ID and tag that are followed; beyond it somebody fills memory.
const MAX_ID: usize = 512;

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Leg(LegId),
    Recording(RecordingId),
}

/// A SIP message on its way: from where to where, when.
#[derive(Clone, Copy, Debug)]
pub struct Passage {
    /// Capture time.
    pub at: Timestamp,
    /// Sender.
    pub src: SocketAddr,
    /// Receiver.
    pub dst: SocketAddr,
    /// VLANs it was seen on.
    pub vlan: Vlan,
}

/// All calls followed.
#[derive(Debug)]
pub struct Calls {
    pub(super) rules: Rules,
    pub(super) media_timeout: Duration,
    pub(super) max_recordings: usize,
    pub(super) max_legs: usize,
    pub(super) legs: HashMap<LegId, Leg, RandomState>,
    pub(super) by_call_id: HashMap<Box<[u8]>, SmallVec<[LegId; 2]>, RandomState>,
    pub(super) unanswered: VecDeque<LegId>,
    pub(super) contacts: Contacts,
    pub(super) pairing: Pairing,
    pub(super) recordings: Recordings,
    pub(super) referrals: Referrals,
    pub(super) timers: BinaryHeap<Reverse<(Timestamp, Timer)>>,
    orphans: HashSet<u64, RandomState>,
    orphan_hasher: RandomState,
    pub(super) origin_hasher: RandomState,
    pub(super) next_leg: u64,
    pub(super) evicted: u64,
    oversized: u64,
    pub(super) out: Vec<Decision>,
}

impl Calls {
    /// An empty table under the rules of a checked configuration.
    pub fn new(config: &Config) -> Self {
        Calls {
            rules: Rules::new(config),
            media_timeout: config.sip.media_timeout,
            max_recordings: config.limits.recordings,
            max_legs: config.limits.calls.max(1),
            legs: HashMap::default(),
            by_call_id: HashMap::default(),
            unanswered: VecDeque::new(),
            contacts: Contacts::default(),
            pairing: Pairing::new(),
            recordings: Recordings::default(),
            referrals: Referrals::default(),
            timers: BinaryHeap::new(),
            orphans: HashSet::default(),
            orphan_hasher: RandomState::default(),
            origin_hasher: RandomState::default(),
            next_leg: 0,
            evicted: 0,
            oversized: 0,
            out: Vec::new(),
        }
    }

    /// Takes one message in; [`Calls::poll`] gives what follows from it.
    pub fn handle_message(&mut self, msg: &Message<'_>, way: Passage) {
        let (Some(call_id), Some((cseq, method))) = (msg.call_id(), msg.cseq()) else { return };
        let tag_len =
            |a: Option<crate::sip::NameAddr<'_>>| a.and_then(|a| a.tag().map(<[u8]>::len)).unwrap_or(0);
        if call_id.len() > MAX_ID || tag_len(msg.from()) > MAX_ID || tag_len(msg.to()) > MAX_ID {
            self.oversized += 1;
            return;
        }
        self.pairing.handle_time(way.at);
        match msg.status() {
            None => self.handle_request(msg, call_id, cseq, msg.method().unwrap_or(method), way),
            Some(code) => self.handle_response(msg, call_id, cseq, method, code, way),
        }
    }

    /// The next decision.
    pub fn poll(&mut self) -> Option<Decision> {
        // Few at a time: shifting beats a queue of its own.
        (!self.out.is_empty()).then(|| self.out.remove(0))
    }

    /// When [`Calls::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// Time has come to `now`.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(Reverse((at, timer))) = self.timers.peek().copied() {
            if at > now {
                break;
            }
            self.timers.pop();
            match timer {
                Timer::Leg(id) => self.leg_timer(id, at, now),
                Timer::Recording(id) => self.recording_timer(id, at, now),
            }
        }
        self.referrals.expire(now);
    }

    /// Where media belongs.
    pub fn pairing_mut(&mut self) -> &mut Pairing {
        &mut self.pairing
    }

    /// Recordings under way.
    pub fn recordings(&self) -> &Recordings {
        &self.recordings
    }

    /// Legs followed.
    pub fn legs_followed(&self) -> usize {
        self.legs.len()
    }

    /// A media packet of this recording was captured: true when decisions follow from it.
    pub fn handle_media(&mut self, id: RecordingId, at: Timestamp) -> bool {
        let Some(r) = self.recordings.get_mut(id) else { return false };
        r.last_media = Some(r.last_media.map_or(at, |l| l.max(at)));
        r.quiet_since = r.quiet_since.max(at);
        if matches!(r.state, super::recordings::State::Candidate(_)) {
            self.confirm(id);
        }
        !self.out.is_empty()
    }

    /// Media was captured that could not be assigned: whose it may have been is told that it is missing.
    pub fn handle_doubt(&mut self) {
        while let Some(id) = self.pairing.poll_incomplete() {
            self.confirm(id);
            self.out.push(Decision::Incomplete(id));
        }
    }

    /// Legs forgotten because there were too many.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Messages not followed because their Call-ID or a tag is too long.
    pub fn oversized(&self) -> u64 {
        self.oversized
    }

    /// The clock the stamps come from was set by `ns` (live capture): nothing was silent meanwhile.
    pub fn clock_stepped(&mut self, ns: i64) {
        self.recordings.iter_mut().for_each(|r| r.quiet_since = r.quiet_since.offset_ns(ns));
    }

    fn handle_request(&mut self, msg: &Message<'_>, call_id: &[u8], cseq: u32, method: Method, way: Passage) {
        let to_tag = msg.to().and_then(|t| t.tag().map(<[u8]>::to_vec)).unwrap_or_default();
        let from_tag = msg.from().and_then(|f| f.tag().map(<[u8]>::to_vec)).unwrap_or_default();
        if method == Method::Invite && to_tag.is_empty() {
            return self.handle_invite(msg, call_id, &from_tag, cseq, way);
        }
        let Some((leg, tag, side)) = self.find_dialog(call_id, &from_tag, &to_tag) else { return };
        self.touch(leg, way.at);
        match method {
            Method::Invite | Method::Update => {
                self.handle_offer(leg, &tag, side, cseq, msg, way);
                self.handle_identity(leg, &tag, side, msg, way.at);
            }
            Method::Ack => self.handle_ack(leg, &tag, side, cseq, msg, way),
            Method::Prack => self.handle_offer(leg, &tag, side, cseq, msg, way),
            Method::Bye => self.handle_bye(leg, &tag, side, cseq, way.at),
            Method::Refer => self.handle_refer(leg, &tag, side, msg, way),
            Method::Notify => self.handle_notify(leg, &tag, side, msg),
            Method::Info => self.handle_info(leg, &tag, side, cseq, msg, way.at),
            _ => {}
        }
    }

    fn handle_response(
        &mut self,
        msg: &Message<'_>,
        call_id: &[u8],
        cseq: u32,
        method: Method,
        code: u16,
        way: Passage,
    ) {
        let to_tag = msg.to().and_then(|t| t.tag().map(<[u8]>::to_vec)).unwrap_or_default();
        let from_tag = msg.from().and_then(|f| f.tag().map(<[u8]>::to_vec)).unwrap_or_default();
        if method == Method::Invite
            && let Some(leg) = self.find_leg(call_id, &from_tag)
            && self.legs.get(&leg).is_some_and(|l| l.invite_cseq == cseq)
        {
            self.touch(leg, way.at);
            return self.handle_invite_response(leg, &to_tag, code, msg, way);
        }
        let Some((leg, tag, sender)) = self.find_dialog(call_id, &from_tag, &to_tag) else {
            if method == Method::Invite && (200..300).contains(&code) {
                self.count_orphan(call_id);
            }
            return;
        };
        self.touch(leg, way.at);
        match method {
            Method::Invite | Method::Update | Method::Prack => {
                // The answer comes from the other side than the request.
                self.handle_answer(leg, &tag, sender.other(), cseq, code, msg, way);
                if (200..300).contains(&code) && method != Method::Prack {
                    self.handle_identity(leg, &tag, sender.other(), msg, way.at);
                }
            }
            Method::Bye => self.handle_bye_response(leg, &tag, sender, cseq, code),
            Method::Refer if code >= 300 => self.refer_refused(leg, &tag),
            _ => {}
        }
    }

    /// An INVITE outside a dialog: a new leg, another hop of one, a retry, or a retransmission.
    fn handle_invite(&mut self, msg: &Message<'_>, call_id: &[u8], from_tag: &[u8], cseq: u32, way: Passage) {
        let header = self.rules.agent_header.clone();
        let invite = Invite::read(msg, header.as_deref(), &self.rules.correlation_headers);
        let branch = msg.top_via_branch();
        let known = self.find_leg(call_id, from_tag).filter(|id| {
            self.legs.get(id).is_some_and(|l| {
                // After an answered call is over, only a late copy of its INVITE is still of it:
                // a Call-ID used again is another call.
                let was_answered = l.dialogs.iter().any(|d| d.state != DialogState::Early);
                let is_copy = l.invite_cseq == cseq && l.hops.iter().any(|h| h.branch.as_deref() == branch);
                !(l.ended && was_answered) || is_copy
            })
        });
        let leg_id = match known {
            Some(id) => id,
            None => match self.new_leg(&invite, call_id, from_tag, cseq, way.at) {
                Some(id) => id,
                None => return,
            },
        };
        let Some(leg) = self.legs.get_mut(&leg_id) else { return };
        leg.last_seen = way.at;
        if leg.dialogs.iter().any(|d| d.state != DialogState::Early) && leg.invite_cseq != cseq {
            return;
        }
        // The next branch of a hunt, or the retry after 401, 407 or a redirection.
        leg.ended &= leg.dialogs.iter().any(|d| d.state != DialogState::Early);
        if cseq > leg.invite_cseq {
            leg.invite_cseq = cseq;
            leg.hops.clear();
        }
        leg.invite.withheld |= invite.withheld;
        Self::note_parties(leg, &invite);
        Self::note_hop(leg, &invite, msg, way);
        if known.is_none() {
            self.join_transferred(leg_id, &invite, msg, way);
        }
    }

    /// Every hop adds what it knows of the parties.
    fn note_parties(leg: &mut Leg, invite: &Invite) {
        for u in [&invite.from_user, &invite.asserted_user].into_iter().flatten() {
            if !leg.caller_users.contains(u) && leg.caller_users.len() < 2 * MAX_HOPS {
                leg.caller_users.push(u.clone());
            }
        }
        if let Some(id) = &invite.agent_header {
            // The header marks the sender, unless it names the one who is called.
            let called = [&invite.to_user, &invite.request_user];
            let names_called = called.into_iter().flatten().any(|u| u.expose() == id);
            let mark = if names_called { &mut leg.callee_header } else { &mut leg.caller_header };
            *mark = Some(id.clone());
        }
    }

    fn note_hop(leg: &mut Leg, invite: &Invite, msg: &Message<'_>, way: Passage) {
        let offer = msg.sdp().map(Session::parse);
        if let Some(h) = leg.hops.iter_mut().find(|h| h.caller == way.src && h.callee == way.dst) {
            if offer.is_some() {
                h.offer = offer;
            }
        } else if leg.hops.len() < MAX_HOPS {
            let request_user = invite.request_user.clone();
            let branch = msg.top_via_branch().map(|b| b[..b.len().min(MAX_ID)].into());
            let vias = msg.via_count();
            leg.hops.push(Hop { caller: way.src, callee: way.dst, vias, request_user, branch, offer });
        }
    }

    pub(super) fn find_leg(&self, call_id: &[u8], caller_tag: &[u8]) -> Option<LegId> {
        let of = |id: &&LegId| self.legs.get(*id).is_some_and(|l| &*l.caller_tag == caller_tag);
        self.by_call_id.get(call_id)?.iter().rev().find(of).copied()
    }

    /// The leg, the dialog's callee tag and the side that sent a request with these tags.
    pub(super) fn find_dialog(
        &self,
        call_id: &[u8],
        from: &[u8],
        to: &[u8],
    ) -> Option<(LegId, Box<[u8]>, Side)> {
        let ids = self.by_call_id.get(call_id)?;
        ids.iter().rev().filter_map(|id| self.legs.get(id)).find_map(|l| {
            let has = |tag: &[u8]| l.dialogs.iter().any(|d| &*d.callee_tag == tag);
            if &*l.caller_tag == from && has(to) {
                Some((l.id, to.into(), Side::Caller))
            } else if &*l.caller_tag == to && has(from) {
                Some((l.id, from.into(), Side::Callee))
            } else {
                None
            }
        })
    }

    pub(super) fn dialog_mut(&mut self, leg: LegId, tag: &[u8]) -> Option<&mut Dialog> {
        self.legs.get_mut(&leg)?.dialogs.iter_mut().find(|d| &*d.callee_tag == tag)
    }

    pub(super) fn dialog(&self, leg: LegId, tag: &[u8]) -> Option<&Dialog> {
        self.legs.get(&leg)?.dialogs.iter().find(|d| &*d.callee_tag == tag)
    }

    /// The dialog with this tag, made if it is new.
    pub(super) fn ensure_dialog(&mut self, leg: LegId, tag: &[u8]) -> bool {
        let Some(l) = self.legs.get_mut(&leg) else { return false };
        if l.dialogs.iter().any(|d| &*d.callee_tag == tag) {
            return true;
        }
        if l.dialogs.len() >= MAX_DIALOGS {
            return false;
        }
        l.dialogs.push(Dialog {
            callee_tag: tag.into(),
            state: DialogState::Early,
            branch: None,
            media: SmallVec::new(),
            recording: None,
            bye: None,
            identity: [None, None],
            transfer_by: None,
            replaced: false,
            last_info: [None, None],
        });
        true
    }

    fn touch(&mut self, leg: LegId, at: Timestamp) {
        if let Some(l) = self.legs.get_mut(&leg) {
            l.last_seen = l.last_seen.max(at);
        }
    }

    /// Counts a 2xx whose INVITE was never seen, once for each Call-ID.
    fn count_orphan(&mut self, call_id: &[u8]) {
        use std::hash::BuildHasher;
        let key = self.orphan_hasher.hash_one(call_id);
        if self.orphans.len() >= 4096 {
            self.orphans.clear();
        }
        if self.orphans.insert(key) {
            self.out.push(Decision::Unrecorded(Unrecorded::InviteNotSeen));
        }
    }
}
