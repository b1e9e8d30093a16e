//! The table of legs within its bounds: found by their INVITE, forgotten in time.
//!
//! A leg is one INVITE: what else its sender tries under the same Call-ID, with other
//! tags or CSeq numbers, are other legs, so that none of it hides the one that is answered.

use super::give_way::{self, Dispensable, LegProgress};
use super::ids::{ContactId, LegId};
use super::invite::Invite;
use super::leg::Leg;
use super::rules::Rules;
use super::said::SaidInLeg;
use super::seen::Seen;
use crate::time::Timestamp;
use foldhash::quality::RandomState;
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

/// An INVITE without a final answer is forgotten (RFC 3261 Timer C is 3 minutes and more).
const UNANSWERED: Duration = Duration::from_secs(300);
/// A leg that is over lingers for retransmissions and for the legs that follow it.
const LINGER: Duration = Duration::from_secs(64);
/// An answered leg that is not recorded and says nothing is forgotten.
const SILENT: Duration = Duration::from_secs(12 * 3600);

/// How far back of a leg others are looked for.
const MAX_SEARCHED: u64 = 4096;

/// All legs followed.
#[derive(Debug)]
pub struct Legs {
    legs: HashMap<LegId, Leg, RandomState>,
    /// By Call-ID, caller's tag and CSeq, the oldest first.
    by_invite: HashMap<u64, SmallVec<[LegId; 1]>, RandomState>,
    /// The newest by Call-ID and caller's tag.
    by_caller: HashMap<u64, LegId, RandomState>,
    hasher: RandomState,
    timers: BinaryHeap<Reverse<(Timestamp, LegId)>>,
    next: u64,
    max: usize,
    evicted: u64,
    bytes: usize,
    outweighed: u64,
}

impl Legs {
    /// An empty table of at most `max` legs.
    pub fn new(max: usize) -> Self {
        Legs {
            legs: HashMap::default(),
            by_invite: HashMap::default(),
            by_caller: HashMap::default(),
            hasher: RandomState::default(),
            timers: BinaryHeap::new(),
            next: 0,
            max: max.max(1),
            evicted: 0,
            bytes: 0,
            outweighed: 0,
        }
    }

    /// At most so many legs from here on. Those beyond are forgotten as new ones come.
    pub(super) fn set_max(&mut self, max: usize) {
        self.max = max.max(1);
    }

    /// The id of the next leg.
    pub(super) fn next_id(&mut self) -> LegId {
        self.next += 1;
        LegId(self.next)
    }

    /// Adds the leg of an INVITE under an id of [`Legs::next_id`].
    pub(super) fn insert(
        &mut self,
        id: LegId,
        contact: ContactId,
        (invite, rules): (Invite, &Arc<Rules>),
        seen: &Seen<'_>,
    ) {
        let before = self.latest(&seen.call_id, &seen.from_tag).filter(|l| !l.was_answered);
        // Whom it goes on from is told once, in the first try.
        let continues = before.map(|l| l.continues.clone()).unwrap_or_default();
        let replaces = before.and_then(|l| l.replaces);
        let leg = Leg {
            id,
            call_id: (*seen.call_id).into(),
            caller_tag: (*seen.from_tag).into(),
            invite_cseq: seen.cseq,
            invite_at: seen.at,
            rules: Arc::clone(rules),
            invite,
            caller_users: Vec::new(),
            callee_header: None,
            continues,
            replaces,
            dials: None,
            calls_on: None,
            rings: SmallVec::new(),
            rings_for: None,
            is_completed_elsewhere: false,
            contact,
            hops: SmallVec::new(),
            ringing: SmallVec::new(),
            dialogs: SmallVec::new(),
            is_heeded: false,
            was_answered: false,
            ended: false,
            last_seen: seen.at,
            timer: None,
            weight: 0,
            said: SaidInLeg::default(),
        };
        let [invite, caller] = self.hashes(&leg.call_id, &leg.caller_tag, leg.invite_cseq);
        self.legs.insert(id, leg);
        self.by_invite.entry(invite).or_default().push(id);
        self.by_caller.insert(caller, id);
        self.arm(id, seen.at + UNANSWERED);
    }

    /// Looks one up.
    pub fn get(&self, id: LegId) -> Option<&Leg> {
        self.legs.get(&id)
    }

    /// Those that began before another, the newest first; of very many the newest.
    pub fn before(&self, id: LegId) -> impl Iterator<Item = &Leg> {
        (id.0.saturating_sub(MAX_SEARCHED)..id.0).rev().filter_map(|n| self.get(LegId(n)))
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Leg> {
        self.legs.values()
    }

    /// Looks one up to change it.
    pub fn get_mut(&mut self, id: LegId) -> Option<&mut Leg> {
        self.legs.get_mut(&id)
    }

    /// The legs of the INVITE that a message is of, the newest first.
    pub(super) fn of_invite(&self, seen: &Seen<'_>) -> impl Iterator<Item = &Leg> {
        let [invite, _] = self.hashes(&seen.call_id, &seen.from_tag, seen.cseq);
        let ids = self.by_invite.get(&invite).map(|ids| ids.as_slice()).unwrap_or_default();
        let is_of = |l: &&Leg| {
            l.invite_cseq == seen.cseq && *l.call_id == *seen.call_id && *l.caller_tag == *seen.from_tag
        };
        ids.iter().rev().filter_map(|id| self.get(*id)).filter(is_of)
    }

    /// The leg that a response to its INVITE is of: by its branch, else the newest.
    pub(super) fn of_response(&self, seen: &Seen<'_>) -> Option<LegId> {
        let branch = seen.branch.as_deref();
        let sent = |l: &&Leg| branch.is_some() && l.hops.iter().any(|h| h.branch.as_deref() == branch);
        self.of_invite(seen).find(sent).or_else(|| self.of_invite(seen).next()).map(|l| l.id)
    }

    /// The newest leg with this Call-ID and caller's tag.
    fn latest(&self, call_id: &[u8], caller_tag: &[u8]) -> Option<&Leg> {
        let [_, caller] = self.hashes(call_id, caller_tag, 0);
        let leg = self.get(*self.by_caller.get(&caller)?)?;
        (*leg.call_id == *call_id && *leg.caller_tag == *caller_tag).then_some(leg)
    }

    /// What an INVITE and its caller are sought by.
    fn hashes(&self, call_id: &[u8], caller_tag: &[u8], cseq: u32) -> [u64; 2] {
        let caller = self.hasher.hash_one((call_id, caller_tag));
        [self.hasher.hash_one((caller, cseq)), caller]
    }

    /// How many legs have begun.
    pub fn begun(&self) -> u64 {
        self.next
    }

    /// How many are followed.
    pub fn len(&self) -> usize {
        self.legs.len()
    }

    /// Legs forgotten because there were too many.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// No more may be added before some are forgotten.
    pub fn is_full(&self) -> bool {
        self.legs.len() >= self.max
    }

    /// Legs forgotten because all together held too much memory.
    pub fn outweighed(&self) -> u64 {
        self.outweighed
    }

    /// A leg holds so many bytes now.
    pub fn set_weight(&mut self, id: LegId, bytes: usize) {
        if let Some(l) = self.legs.get_mut(&id) {
            self.bytes = self.bytes - l.weight + bytes;
            l.weight = bytes;
        }
    }

    /// Bytes that all of them hold.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whom to forget as all together hold too much. `progress` says how far each has come; none for
    /// one that stays, whatever comes.
    pub(super) fn overweight(&mut self, progress: impl Fn(&Leg) -> Option<LegProgress>) -> Vec<LegId> {
        let out = self.whom_to_forget(progress, |l| l.weight);
        self.outweighed += out.len() as u64;
        out
    }

    /// Whom to forget to make room for one more.
    pub(super) fn surplus(&mut self, progress: impl Fn(&Leg) -> Option<LegProgress>) -> Vec<LegId> {
        let out = self.whom_to_forget(progress, |_| 1);
        // One that there is no room for counts as well.
        self.evicted += out.len().max(1) as u64;
        out
    }

    /// A sixteenth at once: looking for them costs a walk over the table.
    fn whom_to_forget(
        &self,
        progress: impl Fn(&Leg) -> Option<LegProgress>,
        size: impl Fn(&Leg) -> usize,
    ) -> Vec<LegId> {
        let candidate = |l: &Leg| {
            let from = l.hops.first().map(|h| h.caller.ip());
            Some(Dispensable { id: l.id, progress: progress(l)?, from, size: size(l) })
        };
        give_way::whom(self.legs.values().filter_map(candidate).collect(), self.legs.len() / 16 + 1)
    }

    /// Takes one out.
    pub fn remove(&mut self, id: LegId) -> Option<Leg> {
        let leg = self.legs.remove(&id)?;
        self.bytes -= leg.weight;
        let [invite, caller] = self.hashes(&leg.call_id, &leg.caller_tag, leg.invite_cseq);
        if let Some(ids) = self.by_invite.get_mut(&invite) {
            ids.retain(|i| *i != id);
            if ids.is_empty() {
                self.by_invite.remove(&invite);
            }
        }
        if self.by_caller.get(&caller) == Some(&id) {
            self.by_caller.remove(&caller);
        }
        Some(leg)
    }

    /// A leg is over: it lingers, then goes.
    pub fn linger(&mut self, id: LegId) {
        if let Some(l) = self.legs.get_mut(&id)
            && !l.ended
        {
            l.ended = true;
            let due = l.last_seen + LINGER;
            self.arm(id, due);
        }
    }

    /// When [`Legs::pop_due`] has something to say.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// The next leg to be forgotten at `now`, unless `is_recorded`.
    pub fn pop_due(&mut self, now: Timestamp, is_recorded: impl Fn(&Leg) -> bool) -> Option<LegId> {
        while let Some(Reverse((at, id))) = self.timers.peek().copied().filter(|Reverse((at, _))| *at <= now)
        {
            self.timers.pop();
            let Some(l) = self.legs.get_mut(&id).filter(|l| l.timer == Some(at)) else { continue };
            l.timer = None;
            let patience = match (l.ended, l.was_answered) {
                (true, _) => LINGER,
                (false, false) => UNANSWERED,
                (false, true) => SILENT,
            };
            let due = l.last_seen + patience;
            if due <= now && !is_recorded(l) {
                return Some(id);
            }
            self.arm(id, if due > now { due } else { now + LINGER });
        }
        None
    }

    /// Sets a leg's timer, unless it will go off sooner anyway: one is armed at a time.
    fn arm(&mut self, id: LegId, due: Timestamp) {
        let Some(l) = self.legs.get_mut(&id) else { return };
        if l.timer.is_none_or(|t| due < t) {
            l.timer = Some(due);
            self.timers.push(Reverse((due, id)));
        }
    }
}
