//! One conversation under two Call-IDs that no header ties: a small exchange
//! between customer and agent, a proxy that masks Call-IDs between its hops.
//!
//! Both legs name the same agent, and their INVITEs and answers follow closely.
//! That alone proves nothing; besides, one of these must hold:
//!
//! | # | evidence | what it is |
//! |---|---|---|
//! | 1 | both tags and the CSeq are the same, and the legs meet at one host or pass one description on | a proxy that masks the Call-ID |
//! | 2 | both parties receive audio at the same addresses | an exchange that passes the descriptions on |
//! | 3 | half a second between the INVITEs, 50 ms between the answers, and the legs meet at one host or name one caller | an exchange in between |
//! | 4 | the legs meet at one host and name one subscriber beside the agent | the same, slower |
//! | 5 | neither begins or ends where the other does; half a second and 50 ms, and one customer named on both, or none on one and the later INVITE answered first | the same with an address of its own for each leg |
//! | 6 | one caller's number, though the legs name two agents; 2, or half a second, 50 ms and one host where the legs meet | an exchange that calls another agent than the one who was dialled |
//! | 7 | the earlier leg was answered first and goes on; the later one begins where it went and names the same customer, at any time, or none, within half a second of that answer | an exchange that answers before it calls on: an announcement, a queue |
//!
//! A header of `sip.correlation_headers` that both have, with other values, beats 3 to 7. 7 holds from the later INVITE
//! on where the agent is called (`calls::answered_ahead`), and of several callers who may wait for him it takes none.
//! Legs that a header ties need nothing of all this but hosts from which one can lead to the other.
//!
//! An agent takes no two calls within 50 ms; strangers' legs differ in tags, media
//! and callers. Legs side by side, between the same two hosts, are two calls: an
//! exchange in between makes one leg begin where the other ends. Where nothing is
//! certain the legs stay two. Pure: the tables are asked by the conductor.

use super::dialog::Dialog;
use super::leg::{Hop, Leg};
use super::media::endpoints;
use super::pairing::Side;
use super::party::Party;
use super::policy::{agent_of, same_agent};
use super::rules::{Rules, subscriber_tail};
use crate::sdp::Origin;
use crate::time::{NS_PER_MS, Timestamp};
use foldhash::quality::{FixedState, RandomState};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::hash::BuildHasher;

/// The INVITEs of one conversation follow one another within this long: a look-up may lie between.
const INVITES_NS: i64 = 4000 * NS_PER_MS;
/// Their answers.
const ANSWERS_NS: i64 = 1000 * NS_PER_MS;
/// The same where nothing but time and place speaks for it.
const INVITES_CLOSE_NS: i64 = 500 * NS_PER_MS;
const ANSWERS_CLOSE_NS: i64 = 50 * NS_PER_MS;

/// Agents remembered beyond those of the recordings under way.
const MAX_IDLE: usize = 4096;

/// What is under way of each person: dialogs that an agent talks in, or a customer ([`caller_key`]); legs
/// that he calls in.
#[derive(Debug)]
pub(super) struct ByPerson<Id>(HashMap<String, SmallVec<[Id; 1]>, RandomState>);

impl<Id> Default for ByPerson<Id> {
    fn default() -> Self {
        ByPerson(HashMap::default())
    }
}

impl<Id: Copy + PartialEq> ByPerson<Id> {
    /// What is noted of a person; some of it may be over.
    pub fn under_way(&self, person: &str) -> impl Iterator<Item = Id> {
        self.0.get(person).map(|known| known.as_slice()).unwrap_or_default().iter().copied()
    }

    /// Notes one of a person; those of his that are over go, and those of all where there are more
    /// than `most` by far.
    pub fn note(&mut self, person: String, id: Id, is_over: impl Fn(&Id) -> bool, most: usize) {
        let known = self.0.entry(person).or_default();
        known.retain(|k| !is_over(k) && *k != id);
        known.push(id);
        if self.0.len() > most + MAX_IDLE {
            self.0.retain(|_, known| {
                known.retain(|k| !is_over(k));
                !known.is_empty()
            });
        }
    }
}

/// One of two answered dialogs.
pub(super) struct Candidate<'a> {
    /// Its leg.
    pub leg: &'a Leg,
    /// Itself.
    pub dialog: &'a Dialog,
    /// Its caller and its callee.
    pub parties: &'a [Party; 2],
    /// When it was answered.
    pub answered_at: Timestamp,
}

impl<'a> Candidate<'a> {
    /// `None` where the dialog is not answered, or over.
    pub fn new(leg: &'a Leg, dialog: &'a Dialog, parties: &'a [Party; 2]) -> Option<Self> {
        Some(Candidate { leg, dialog, parties, answered_at: dialog.answered_at()? })
    }

    /// How far apart the INVITEs, and the answers.
    fn gaps(&self, other: &Candidate<'_>) -> (i64, i64) {
        let gap = |a: Timestamp, b: Timestamp| a.since_ns(b).abs();
        (gap(self.leg.invite_at, other.leg.invite_at), gap(self.answered_at, other.answered_at))
    }

    /// Do INVITEs and answers follow one another as those of one conversation do?
    fn is_soon(&self, other: &Candidate<'_>) -> bool {
        let (invites_ns, answers_ns) = self.gaps(other);
        invites_ns <= INVITES_NS && answers_ns <= ANSWERS_NS
    }

    /// So soon that time itself speaks for it.
    fn is_close(&self, other: &Candidate<'_>) -> bool {
        let (invites_ns, answers_ns) = self.gaps(other);
        invites_ns <= INVITES_CLOSE_NS && answers_ns <= ANSWERS_CLOSE_NS
    }
}

/// Are two dialogs of one agent the same conversation?
pub(super) fn are_one(rules: &Rules, a: &Candidate<'_>, b: &Candidate<'_>) -> bool {
    if a.leg.call_id == b.leg.call_id {
        return false;
    }
    if !a.is_soon(b) {
        return is_answered_before(rules, a, b);
    }
    let callers = same_caller(rules, a, b);
    if callers == Some(false) || side_by_side(a.leg, b.leg) {
        return false;
    }
    // An exchange leaves the agent on his side: who is called in one and calls in the other has two calls.
    let is_told_apart = || {
        let [a_agents, b_agents] = [a, b].map(|c| agents_of(rules, c));
        headers_differ(a.leg, b.leg) || !a_agents.into_iter().zip(b_agents).any(|(a, b)| a && b)
    };
    let meet = legs_meet(a.leg, b.leg);
    let same_tags = a.leg.caller_tag == b.leg.caller_tag
        && a.dialog.callee_tag == b.dialog.callee_tag
        && !a.dialog.callee_tag.is_empty()
        && a.leg.invite_cseq == b.leg.invite_cseq;
    let is_close = a.is_close(b);
    (same_tags && (meet || same_description(a.leg, b.leg)))
        // Without a rule every called party is an agent, and that he is one on both legs says nothing.
        || (rules.has_any()
            && (shares_media(a.dialog, b.dialog)
                || (meet && (is_close || callers == Some(true) || same_callee(rules, a, b) == Some(true)) && !is_told_apart())
                || (!share_an_end(a.leg, b.leg) && is_by_time(rules, a, b, callers) && !is_told_apart())))
}

/// Which of the two parties are agents.
fn agents_of(rules: &Rules, c: &Candidate<'_>) -> [bool; 2] {
    [Side::Caller, Side::Callee].map(|side| agent_of(rules, &c.parties[side as usize]).is_some())
}

/// Has an exchange answered the earlier leg of an agent who calls before it called on in the later one?
fn is_answered_before(rules: &Rules, a: &Candidate<'_>, b: &Candidate<'_>) -> bool {
    let (first, second) = if a.leg.id < b.leg.id { (a, b) } else { (b, a) };
    let is_ahead = rules.has_any() && first.answered_at < second.answered_at;
    // Who calls back is called in the one and calls in the other.
    let agents = agents_of(rules, a);
    let is_his = agents[Side::Caller as usize] && agents == agents_of(rules, b);
    if !(is_ahead && is_his && legs_meet(first.leg, second.leg))
        || side_by_side(a.leg, b.leg)
        || headers_differ(a.leg, b.leg)
    {
        return false;
    }
    match (same_caller(rules, a, b), same_callee(rules, a, b)) {
        (Some(false), _) | (_, Some(false)) => false,
        (Some(true), _) | (_, Some(true)) => true,
        (None, None) => second.leg.invite_at.since_ns(first.answered_at) <= INVITES_CLOSE_NS,
    }
}

/// Can an exchange go on from the first leg in the second, given who the customer is on each? One that has
/// an address of its own for each leg makes them share none; then another customer's name speaks against it.
pub(super) fn may_go_on(
    rules: &Rules,
    (first, customer): (&Leg, &Party),
    (second, other): (&Leg, &Party),
) -> bool {
    let is_one = || match (subscriber(rules, customer), subscriber(rules, other)) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    may_follow(first, second) && (legs_meet(first, second) || is_one())
}

/// The same as far as hosts tell: for legs that a header ties, whatever numbers they show.
pub(super) fn may_follow(first: &Leg, second: &Leg) -> bool {
    let is_apart = || !share_an_end(first, second) && !leads_to(second, first);
    first.id < second.id
        && first.call_id != second.call_id
        && !side_by_side(first, second)
        && (legs_meet(first, second) || is_apart())
}

/// How well the callers of two legs agree, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CallerMatch {
    /// One subscriber's number in both, or one agent.
    Same,
    /// Neither tells a number of a subscriber.
    BothUnknown,
    /// One of them tells none.
    OneUnknown,
}

impl CallerMatch {
    /// `None`: two callers.
    pub fn new(rules: &Rules, a: &Party, b: &Party) -> Option<CallerMatch> {
        match (subscriber(rules, a), subscriber(rules, b)) {
            (Some(a), Some(b)) => (a == b).then_some(CallerMatch::Same),
            (None, None) => match (agent_of(rules, a), agent_of(rules, b)) {
                (None, None) => Some(CallerMatch::BothUnknown),
                (a, b) => (a == b).then_some(CallerMatch::Same),
            },
            _ => Some(CallerMatch::OneUnknown),
        }
    }
}

/// Do an exchange's INVITE and the answer it gave before follow so closely that time speaks for it?
pub(super) fn is_at_once(first: &Candidate<'_>, second: &Leg) -> bool {
    second.invite_at.since_ns(first.answered_at).abs() <= INVITES_CLOSE_NS
}

/// Do two INVITEs follow so closely?
pub(super) fn is_close(a: &Leg, b: &Leg) -> bool {
    invites_apart_ns(a, b) <= INVITES_CLOSE_NS
}

/// May an INVITE of this time still be how the exchange goes on from a leg that it has not answered?
pub(super) fn may_wait(leg: &Leg, at: Timestamp) -> bool {
    at.since_ns(leg.invite_at) <= INVITES_NS
}

/// Are two agents' ids of one agent, or may they be his extension and the number he is dialled by?
pub(super) fn same_line(rules: &Rules, a: &Option<String>, b: &Option<String>) -> bool {
    let is_long = |id: &str| subscriber_tail(id).is_some();
    match (a, b) {
        (Some(a), Some(b)) => same_agent(rules, a, b) || is_long(a) != is_long(b),
        (a, b) => a == b,
    }
}

/// Does a header that ties legs speak against their being one: is it in both, and without a common value?
pub(super) fn headers_differ(a: &Leg, b: &Leg) -> bool {
    let name = |key: &[u8]| key.iter().position(|c| *c == b':').map_or(0, |end| end);
    let [a, b] = [a, b].map(|leg| &leg.invite.correlation);
    let is_of_both = a.iter().any(|a| b.iter().any(|b| a[..name(a)] == b[..name(b)]));
    is_of_both && a.iter().all(|a| !b.contains(a))
}

/// Two legs of one agent with an exchange in between that has an address of its own for each: what
/// begins second is answered first, and nobody tells of another caller.
fn is_by_time(rules: &Rules, a: &Candidate<'_>, b: &Candidate<'_>, callers: Option<bool>) -> bool {
    let (invites_ns, answers_ns) = a.gaps(b);
    let (first, second) = if a.leg.id < b.leg.id { (a, b) } else { (b, a) };
    let is_close = invites_ns <= INVITES_CLOSE_NS && answers_ns <= ANSWERS_CLOSE_NS;
    let may_be = match (callers, same_callee(rules, a, b)) {
        (Some(true), _) | (_, Some(true)) => true,
        (_, Some(false)) => false,
        (_, None) => second.answered_at < first.answered_at,
    };
    is_close && may_be
}

/// Are dialogs of one customer that name two agents the same conversation? The exchange has called
/// another one than was dialled: who forwards his calls, a group whose number is an agent's.
pub(super) fn are_one_passed_on(rules: &Rules, a: &Candidate<'_>, b: &Candidate<'_>) -> bool {
    let is_told_apart = headers_differ(a.leg, b.leg);
    a.leg.call_id != b.leg.call_id
        && same_caller(rules, a, b) == Some(true)
        && !side_by_side(a.leg, b.leg)
        && ((a.is_close(b) && !is_told_apart && legs_meet(a.leg, b.leg))
            || (a.is_soon(b) && shares_media(a.dialog, b.dialog)))
}

/// Are two legs of one contact parts of one way, as far as their times and hosts tell?
pub(super) fn follow_soon(first: &Candidate<'_>, second: &Candidate<'_>) -> bool {
    first.leg.call_id != second.leg.call_id && first.is_soon(second) && !side_by_side(first.leg, second.leg)
}

/// Is the second what the exchange passed the first on by? For who knows already that it did so.
pub(super) fn passes_on(first: &Candidate<'_>, second: &Candidate<'_>) -> bool {
    follow_soon(first, second)
        && (legs_meet(first.leg, second.leg) || shares_media(first.dialog, second.dialog))
}

/// How far apart the INVITEs of two legs were: of several that may be one's own the nearest is.
pub(super) fn invites_apart_ns(a: &Leg, b: &Leg) -> i64 {
    a.invite_at.since_ns(b.invite_at).abs()
}

/// Is the place of `own` before or behind `leg` that of another one of these already? In one
/// conversation each leg is passed on once.
pub(super) fn is_taken<'a>(leg: &Leg, own: &Leg, mut legs: impl Iterator<Item = &'a Leg>) -> bool {
    let (is_behind, meet) = (own.id > leg.id, legs_meet(leg, own));
    legs.any(|o| {
        let is_another = o.id != leg.id && o.id != own.id && o.was_answered && !o.ended;
        is_another && (o.id > leg.id) == is_behind && (!meet || legs_meet(leg, o))
    })
}

/// Do two calls that were answered together, were it by way of other legs, speak against being one?
/// Those of strangers are told apart by the caller, or because both begin or end at one host.
pub(super) fn are_two(rules: &Rules, a: &Candidate<'_>, b: &Candidate<'_>) -> bool {
    let callers = same_caller(rules, a, b);
    let is_apart = side_by_side(a.leg, b.leg) || (callers.is_none() && share_an_end(a.leg, b.leg));
    a.is_soon(b) && (callers == Some(false) || is_apart)
}

/// Does one subscriber call in both? `None` where one of them tells no number of a subscriber.
fn same_caller(rules: &Rules, a: &Candidate<'_>, b: &Candidate<'_>) -> Option<bool> {
    same_party(rules, a, b, Side::Caller)
}

/// Is one subscriber called in both? `None` likewise.
fn same_callee(rules: &Rules, a: &Candidate<'_>, b: &Candidate<'_>) -> Option<bool> {
    same_party(rules, a, b, Side::Callee)
}

fn same_party(rules: &Rules, a: &Candidate<'_>, b: &Candidate<'_>, side: Side) -> Option<bool> {
    let [a, b] = [a, b].map(|c| subscriber(rules, &c.parties[side as usize]));
    Some(a? == b?)
}

/// What a calling customer's dialogs are noted under beside their agents: no agent's id has a blank.
pub(super) fn caller_key(rules: &Rules, caller: &Party) -> Option<String> {
    // A number is no key that could be printed.
    subscriber(rules, caller).map(|tail| format!("caller {:016x}", FixedState::default().hash_one(tail)))
}

/// A party's number as far as all its forms share it; none of an agent's or an exchange's own.
pub(super) fn subscriber(rules: &Rules, party: &Party) -> Option<String> {
    let told = party.told_later.as_ref().or(party.asserted.number());
    let number = told.or(party.users.first()).filter(|n| !rules.is_extension(n))?;
    subscriber_tail(number.expose())
}

/// Does the later INVITE come from where the earlier one went?
pub(super) fn legs_meet(a: &Leg, b: &Leg) -> bool {
    if a.id < b.id { leads_to(a, b) } else { leads_to(b, a) }
}

/// Does the second begin where the first went?
fn leads_to(first: &Leg, second: &Leg) -> bool {
    let meets = |h: &Hop| second.hops.iter().any(|s| s.caller.ip() == h.callee.ip());
    first.hops.iter().any(meets)
}

/// Do both run between the same two hosts?
pub(super) fn side_by_side(a: &Leg, b: &Leg) -> bool {
    let hosts = |h: &Hop| (h.caller.ip(), h.callee.ip());
    a.hops.iter().any(|h| b.hops.iter().any(|o| hosts(h) == hosts(o)))
}

/// Do both come from one host, or go to one? Then neither begins where the other ends.
fn share_an_end(a: &Leg, b: &Leg) -> bool {
    let share = |h: &Hop, o: &Hop| h.caller.ip() == o.caller.ip() || h.callee.ip() == o.callee.ip();
    a.hops.iter().any(|h| b.hops.iter().any(|o| share(h, o)))
}

/// Was one offer passed on?
fn same_description(a: &Leg, b: &Leg) -> bool {
    fn origins(l: &Leg) -> impl Iterator<Item = &Origin> {
        l.hops.iter().filter_map(|h| h.offer.as_ref()?.origin.as_ref())
    }
    origins(a).any(|o| origins(b).any(|p| o.same_session(p)))
}

/// Do both parties of both dialogs receive audio at the same addresses?
fn shares_media(a: &Dialog, b: &Dialog) -> bool {
    [Side::Caller, Side::Callee].iter().all(|side| {
        let (mut a, b) = (endpoints(a, *side), endpoints(b, *side));
        a.any(|e| b.clone().any(|f| e == f))
    })
}
