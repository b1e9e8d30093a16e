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
//!
//! An agent takes no two calls within 50 ms; strangers' legs differ in tags, media
//! and callers. Legs side by side, between the same two hosts, are two calls: an
//! exchange in between makes one leg begin where the other ends. Where nothing is
//! certain the legs stay two. Pure: the tables are asked by the conductor.

use super::dialog::Dialog;
use super::ids::DialogId;
use super::leg::{Hop, Leg};
use super::media::endpoints;
use super::pairing::Side;
use super::party::Party;
use super::rules::Rules;
use crate::sdp::Origin;
use crate::time::{NS_PER_MS, Timestamp};
use foldhash::quality::RandomState;
use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;

/// The INVITEs of one conversation follow one another within this long: a look-up may lie between.
const INVITES_NS: i64 = 4000 * NS_PER_MS;
/// Their answers.
const ANSWERS_NS: i64 = 1000 * NS_PER_MS;
/// The same where nothing but time and place speaks for it.
const INVITES_CLOSE_NS: i64 = 500 * NS_PER_MS;
const ANSWERS_CLOSE_NS: i64 = 50 * NS_PER_MS;
/// Digits at the end that make two numbers one, whatever stands before them; with fewer a
/// number is an exchange's own and tells nothing.
const SAME_DIGITS: usize = 7;

/// Agents remembered beyond those of the recordings under way.
const MAX_IDLE: usize = 4096;

/// Which dialogs each agent talks in.
#[derive(Debug, Default)]
pub(super) struct Agents(HashMap<String, SmallVec<[DialogId; 1]>, RandomState>);

impl Agents {
    /// Dialogs noted of an agent; some may be over.
    pub fn under_way(&self, agent: &str) -> impl Iterator<Item = DialogId> {
        self.0.get(agent).map(|d| d.as_slice()).unwrap_or_default().iter().copied()
    }

    /// All dialogs noted.
    pub fn all(&self) -> impl Iterator<Item = DialogId> {
        self.0.values().flatten().copied()
    }

    /// Notes a dialog of an agent; those that are over go.
    pub fn note(&mut self, agent: String, dialog: DialogId, over: &[DialogId]) {
        let dialogs = self.0.entry(agent).or_default();
        dialogs.retain(|d| !over.contains(d) && *d != dialog);
        dialogs.push(dialog);
    }

    /// Time to forget those that are over.
    pub fn is_full(&self, recordings: usize) -> bool {
        self.0.len() > recordings + MAX_IDLE
    }

    /// Forgets dialogs, and agents that are left with none.
    pub fn forget(&mut self, over: &[DialogId]) {
        let over: HashSet<DialogId, RandomState> = over.iter().copied().collect();
        self.0.retain(|_, dialogs| {
            dialogs.retain(|d| !over.contains(d));
            !dialogs.is_empty()
        });
    }
}

/// One of two answered dialogs.
pub(super) struct Candidate<'a> {
    /// Its leg.
    pub leg: &'a Leg,
    /// Itself.
    pub dialog: &'a Dialog,
    /// Its caller.
    pub caller: &'a Party,
    /// When it was answered.
    pub answered_at: Timestamp,
}

impl<'a> Candidate<'a> {
    /// `None` where the dialog is not answered, or over.
    pub fn new(leg: &'a Leg, dialog: &'a Dialog, caller: &'a Party) -> Option<Self> {
        Some(Candidate { leg, dialog, caller, answered_at: dialog.answered_at()? })
    }
}

/// Are two dialogs of one agent the same conversation?
pub(super) fn are_one(rules: &Rules, a: &Candidate<'_>, b: &Candidate<'_>) -> bool {
    let gap = |a: Timestamp, b: Timestamp| a.since_ns(b).abs();
    let invites_ns = gap(a.leg.invite_at, b.leg.invite_at);
    let answers_ns = gap(a.answered_at, b.answered_at);
    if a.leg.call_id == b.leg.call_id || invites_ns > INVITES_NS || answers_ns > ANSWERS_NS {
        return false;
    }
    let callers = same_caller(rules, a.caller, b.caller);
    if callers == Some(false) || side_by_side(a.leg, b.leg) {
        return false;
    }
    let meet = legs_meet(a.leg, b.leg);
    let same_tags = a.leg.caller_tag == b.leg.caller_tag
        && a.dialog.callee_tag == b.dialog.callee_tag
        && !a.dialog.callee_tag.is_empty()
        && a.leg.invite_cseq == b.leg.invite_cseq;
    let is_close = invites_ns <= INVITES_CLOSE_NS && answers_ns <= ANSWERS_CLOSE_NS;
    (same_tags && (meet || same_description(a.leg, b.leg)))
        // Without a rule every called party is an agent, and that he is one on both legs says nothing.
        || (rules.has_any()
            && (shares_media(a.dialog, b.dialog) || (is_close && (meet || callers == Some(true)))))
}

/// `None` where one of them tells no number of a subscriber.
fn same_caller(rules: &Rules, a: &Party, b: &Party) -> Option<bool> {
    let number = |p: &Party| {
        let told = p.told_later.as_ref().or(p.asserted.number());
        told.or(p.users.first()).filter(|n| !rules.is_extension(n)).map(|n| digits(n.expose()))
    };
    let (a, b) = (number(a)?, number(b)?);
    if a.len() < SAME_DIGITS || b.len() < SAME_DIGITS {
        return None;
    }
    let tail = |n: &str| n[n.len() - SAME_DIGITS..].to_string();
    Some(tail(&a) == tail(&b))
}

fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

/// Does the later INVITE come from where the earlier one went?
fn legs_meet(a: &Leg, b: &Leg) -> bool {
    let (first, second) = if a.id < b.id { (a, b) } else { (b, a) };
    let meets = |h: &Hop| second.hops.iter().any(|s| s.caller.ip() == h.callee.ip());
    first.hops.iter().any(meets)
}

/// Do both run between the same two hosts?
fn side_by_side(a: &Leg, b: &Leg) -> bool {
    let hosts = |h: &Hop| (h.caller.ip(), h.callee.ip());
    a.hops.iter().any(|h| b.hops.iter().any(|o| hosts(h) == hosts(o)))
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
