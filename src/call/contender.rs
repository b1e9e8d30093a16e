//! Sessions that may own a flow, and what each knows of it.
//!
//! Pure: what the rules of [`super::owner`] and of [`super::contest`] are about.

use super::flows::Tick;
use super::runs::Sender;
use super::session::{Claimant, Rank, Session, SessionId};
use crate::net::Flow;
use crate::sdp::Side;
use smallvec::SmallVec;

/// An end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlowEnd {
    /// Where it goes.
    Dst = 0,
    /// Where it comes from.
    Src = 1,
}

/// What a packet's run tells of its sender.
#[derive(Clone, Debug, Default)]
pub(super) struct RunHistory {
    /// Its source, and when it began.
    pub ssrc: u32,
    pub began: Tick,
    /// Who may have sent what of the run came before.
    pub before: SmallVec<[Sender; 2]>,
    /// The leg that it was taken to be of.
    pub owner: Option<u64>,
    /// Who may have sent the run on another flow that goes on in this one, for all that can be
    /// told: a while ago it broke off there.
    pub has_left: bool,
    /// Those.
    pub kin: SmallVec<[Sender; 2]>,
}

/// A session, and when it was heard: at all, and each side from where it speaks now.
#[derive(Clone, Copy)]
pub(super) struct SessionActivity<'a> {
    pub session: &'a Session,
    pub heard: Option<Tick>,
    pub spoke: [Option<Tick>; 2],
    /// Each side may be another source than the packet's.
    pub may_be_another: [bool; 2],
}

/// A call that was heard this shortly before a newer one took its address is not over.
pub(super) const FRESH: u32 = Tick::of_ms(3000);

/// A call that was not heard for so long may be over.
const STALE: u32 = Tick::of_ms(300_000);

/// A call may ring so long (RFC 3261 §16.6, Timer C).
const RINGING: u32 = Tick::of_ms(180_000);

/// A session that may own the flow.
#[derive(Clone, Copy)]
pub(super) struct Contender<'a> {
    pub id: SessionId,
    pub session: &'a Session,
    pub speaker: Side,
    /// At the destination, at the source.
    pub ranks: [Rank; 2],
    pub origin: u64,
    pub since: Tick,
    pub made: u64,
    pub heard: Option<Tick>,
    /// When each side was heard from where it speaks now.
    pub spoke: [Option<Tick>; 2],
    /// Each side may be another source than the packet's.
    pub may_be_another: [bool; 2],
}

pub(super) type Contenders<'a> = SmallVec<[Contender<'a>; 4]>;

/// All who claim an end. `facts` gives a session and when media of it was last heard.
pub(super) fn contenders<'a>(
    dst: &[Claimant],
    src: &[Claimant],
    facts: impl Fn(SessionId) -> Option<SessionActivity<'a>>,
) -> Contenders<'a> {
    let mut out = Contenders::new();
    for d in dst {
        let Some(SessionActivity { session, heard, spoke, may_be_another }) = facts(d.session) else {
            continue;
        };
        let opposite = src.iter().filter(|s| s.side != d.side);
        let own = opposite.clone().filter(|s| s.session == d.session).min_by_key(|s| s.rank);
        // Another hop of the same dialog may know the other end better.
        let recording = session.recording.map(|r| r.id);
        let of_dialog = |s: &&Claimant| {
            recording.is_some()
                && facts(s.session).and_then(|f| f.session.recording).map(|r| r.id) == recording
        };
        let s = own.or_else(|| opposite.clone().filter(of_dialog).min_by_key(|s| s.rank));
        out.push(Contender {
            id: d.session,
            session,
            speaker: d.side.other(),
            ranks: [d.rank, s.map_or(Rank::Other, |s| s.rank)],
            origin: d.origin,
            since: s.map_or(d.since, |s| d.since.max(s.since)),
            made: s.map_or(d.made, |s| d.made.max(s.made)),
            heard,
            spoke,
            may_be_another,
        });
    }
    for s in src {
        let Some(SessionActivity { session, heard, spoke, may_be_another }) = facts(s.session) else {
            continue;
        };
        if out.iter().any(|c| c.id == s.session && c.speaker == s.side) {
            continue;
        }
        let ranks = [Rank::Other, s.rank];
        let (origin, since, made) = (s.origin, s.since, s.made);
        let (id, speaker) = (s.session, s.side);
        let known =
            Contender { id, session, speaker, ranks, origin, since, made, heard, spoke, may_be_another };
        out.push(known);
    }
    out
}

impl Contender<'_> {
    pub fn sender(&self) -> Sender {
        Sender { leg: self.session.age, group: self.session.group, side: self.speaker }
    }

    /// Is it the one?
    pub fn is_sender(&self, k: &Sender) -> bool {
        self.session.age == k.leg && self.speaker == k.side
    }

    /// Does its description name both ends?
    pub fn names_both(&self) -> bool {
        self.ranks == [Rank::Claimed; 2]
    }

    pub fn best(&self) -> Rank {
        self.ranks[0].min(self.ranks[1])
    }

    /// 1: both ends; 2: the destination; 3: the source.
    pub fn rule(&self) -> u8 {
        match self.ranks {
            [Rank::Other, _] => 3,
            [_, Rank::Other] => 2,
            _ => 1,
        }
    }

    /// Knows it whatever the other knows?
    pub fn knows_ends_of(&self, other: &Contender<'_>) -> bool {
        let mut ends = self.ranks.iter().zip(&other.ranks);
        ends.all(|(own, others)| *others == Rank::Other || *own != Rank::Other)
    }

    /// The end it does not know, of two.
    pub fn unknown(&self) -> Option<FlowEnd> {
        match self.rule() {
            2 => Some(FlowEnd::Src),
            3 => Some(FlowEnd::Dst),
            _ => None,
        }
    }

    /// What was only learned or guessed at one end needs a known host at the other, and so does what
    /// was named by a call that has long been silent: its hang-up may have been missed, and its
    /// addresses be another's.
    pub fn is_plausible(&self, flow: &Flow, now: Tick) -> bool {
        let (there, ip) = match self.rule() {
            2 => (self.speaker, flow.src.ip()),
            3 => (self.speaker.other(), flow.dst.ip()),
            _ => return true,
        };
        let is_guess = matches!(self.best(), Rank::Nat | Rank::Image | Rank::Heard);
        let is_stale = self.heard.is_some_and(|h| now.since(h) > STALE);
        match (is_guess, is_stale) {
            (true, _) => self.session.is_at(there, ip) && self.session.is_on(flow.vlan),
            (false, true) => self.session.is_at(there, ip),
            (false, false) => true,
        }
    }

    /// Its other end has not answered in any way.
    pub fn only_rings(&self) -> bool {
        let is_silent = self.session.answered.is_none() && self.heard.is_none();
        is_silent && self.session.claims.iter().any(|c| c.is_empty())
    }

    /// Was the party that it knows an end of heard from another address?
    pub fn spoke_elsewhere(&self, flow: &Flow) -> bool {
        let (side, at) = match self.rule() {
            2 => (self.speaker.other(), flow.dst),
            _ => (self.speaker, flow.src),
        };
        self.session.spoke[side as usize].is_some_and(|a| a != at)
    }

    /// Was the party that it does not know an end of heard from another address?
    pub fn peer_spoke_elsewhere(&self, flow: &Flow) -> bool {
        let (side, at) = match self.rule() {
            2 => (self.speaker, flow.src),
            _ => (self.speaker.other(), flow.dst),
        };
        self.session.spoke[side as usize].is_some_and(|a| a != at)
    }

    /// Has media of its call run, and with others than it does not know of `flow`?
    pub fn is_heard_elsewhere(&self, flow: &Flow) -> bool {
        let unknown = match self.rule() {
            2 => flow.src,
            3 => flow.dst,
            _ => return false,
        };
        self.heard.is_some() && self.session.learned.iter().all(|l| l.addr != unknown)
    }

    /// Was its speaker heard from the very same address on another VLAN, and nothing of it on this one?
    pub fn spoke_on_another(&self, flow: &Flow) -> bool {
        let (s, side) = (self.session, self.speaker as usize);
        s.spoke[side] == Some(flow.src)
            && !s.spoke_on[side].contains(&flow.vlan)
            && !s.vlans.contains(&flow.vlan)
    }

    pub fn outranks(&self, other: &Contender<'_>) -> bool {
        // Of one end alone nothing tells calls apart that were both seen or said to be there.
        if self.sole_end().is_some_and(|end| other.may_share(end)) {
            return false;
        }
        let ([a, b], [c, d]) = (self.weights(), other.weights());
        a <= c && b <= d && (a, b) != (c, d)
    }

    /// The only end that it knows, whatever was heard once at the other.
    pub fn sole_end(&self) -> Option<FlowEnd> {
        match self.weights() {
            [Rank::Other, Rank::Other] => {
                self.unknown().map(|u| if u == FlowEnd::Src { FlowEnd::Dst } else { FlowEnd::Src })
            }
            [_, Rank::Other] => Some(FlowEnd::Dst),
            [Rank::Other, _] => Some(FlowEnd::Src),
            _ => None,
        }
    }

    /// Does it know this end, and the other for certain no better?
    pub fn may_share(&self, end: FlowEnd) -> bool {
        self.ranks[end as usize] != Rank::Other && self.weights()[1 - end as usize] == Rank::Other
    }

    /// Knows it no end but by what was heard once?
    pub fn is_by_ear(&self) -> bool {
        self.weights() == [Rank::Other; 2]
    }

    pub fn weights(&self) -> [Rank; 2] {
        self.ranks.map(Rank::weight)
    }

    /// Is its claim over where `newer` claims the same? It was hung up, or
    /// nothing was heard of it for a while before `newer` came.
    pub fn gives_way_to(&self, newer: &Contender<'_>) -> bool {
        if related(self, newer) {
            return false;
        }
        // Against one that was there before, a last packet may well be of who leaves.
        if self.session.leaving.is_some_and(|left| newer.since >= left) {
            return true;
        }
        let is_older = (self.session.age, self.id) < (newer.session.age, newer.id);
        let last = self.heard.unwrap_or(self.since);
        let patience = if self.session.answered.is_some() { FRESH } else { RINGING };
        is_older && newer.since.since(last) > patience
    }
}

/// Of one call: the same session, the same contact, or two legs under way at
/// once that pass one description on, where one ends the other begins. An origin line alone proves
/// nothing: simple senders use one for all the calls that they begin.
pub(super) fn related(a: &Contender<'_>, b: &Contender<'_>) -> bool {
    let (older, newer) = if a.session.age <= b.session.age { (a, b) } else { (b, a) };
    let at_once = older.session.answered.is_none_or(|begun| newer.session.age <= begun);
    let same_origin = a.origin == b.origin && a.origin != 0;
    let begins_at = |c: &Contender<'_>| c.session.ends[Side::Caller as usize].ip();
    let is_passed_on =
        || same_origin && at_once && begins_at(a) != begins_at(b) && !a.session.is_parallel(b.session);
    a.session.group == b.session.group || is_passed_on()
}
