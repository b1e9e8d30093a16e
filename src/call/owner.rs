//! Who owns a flow, of the sessions that claim its ends.
//!
//! Pure: the rules of [`super::pairing`] and nothing of its tables. A session
//! enters with what it claims at either end; what comes out is the sessions the
//! flow belongs to, or that it cannot be known.

use super::flows::Tick;
use super::session::{Claimant, Rank, Session, SessionId};
use crate::net::Flow;
use crate::sdp::Side;
use smallvec::SmallVec;

/// An end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Where it goes.
    Dst = 0,
    /// Where it comes from.
    Src = 1,
}

/// What the rules say.
#[derive(Debug)]
pub(super) enum Verdict {
    /// No claim fits.
    Nobody,
    /// Whose it is.
    Owned(Owned),
    /// These could own it; nothing tells them apart.
    Doubt {
        by: SmallVec<[SessionId; 4]>,
        /// They know different ends of it.
        crossed: bool,
        /// Sessions that may know the other end as well from here on, with their speaker and
        /// which end that is.
        learn: SmallVec<[(SessionId, Side, End); 2]>,
    },
}

/// Whose a flow is.
#[derive(Debug)]
pub(super) struct Owned {
    /// The sessions, and who speaks in them.
    pub by: SmallVec<[(SessionId, Side); 2]>,
    /// How its destination and its source are known.
    pub ranks: [Rank; 2],
    /// When the newest of the claims was made.
    pub since: Tick,
    /// No unrelated session claims either end.
    pub alone: bool,
    /// Unrelated sessions were heard at its destination, at its source.
    pub rivals: [bool; 2],
}

/// A call that was heard this shortly before a newer one took its address is not over.
const FRESH: u32 = Tick::of_ms(3000);

/// A call may ring so long (RFC 3261 §16.6, Timer C).
const RINGING: u32 = Tick::of_ms(180_000);

/// A session that may own the flow.
#[derive(Clone, Copy)]
struct Contender<'a> {
    id: SessionId,
    session: &'a Session,
    speaker: Side,
    /// At the destination, at the source.
    ranks: [Rank; 2],
    origin: u64,
    since: Tick,
    made: u64,
    heard: Option<Tick>,
}

type Contenders<'a> = SmallVec<[Contender<'a>; 4]>;

/// Decides on `flow` between those who claim its ends. `facts` gives a session
/// and when media of it was last heard.
pub(super) fn decide<'a>(
    flow: &Flow,
    now: Tick,
    dst: &[Claimant],
    src: &[Claimant],
    facts: impl Fn(SessionId) -> Option<(&'a Session, Option<Tick>)>,
) -> Verdict {
    let mut all = contenders(dst, src, facts);
    all.retain(|c| c.is_plausible(flow));
    // A VLAN that some of them were signalled on speaks for those. Where media
    // was heard does not: that of all calls may run on one VLAN.
    if all.iter().any(|c| c.session.vlans.contains(&flow.vlan)) {
        all.retain(|c| c.session.vlans.contains(&flow.vlan));
    }
    // Who speaks from there on one VLAN does not speak on another as well: it is a stranger's
    // network that uses the same addresses, or a mirror that sees a packet twice.
    let speaks = |c: &Contender<'_>| c.heard.is_some_and(|h| now.since(h) <= FRESH);
    all.retain(|c| !(c.spoke_on_another(flow) && speaks(c)));
    // Who only rings has nobody to hear yet, unless who was answered is heard elsewhere or
    // does not know the end that rings.
    let is_talking = |c: &&Contender<'_>| c.session.answered.is_some() && !c.is_heard_elsewhere(flow);
    let talking: Contenders<'a> = all.iter().filter(is_talking).copied().collect();
    all.retain(|c| !c.only_rings() || !talking.iter().any(|o| o.knows_ends_of(c)));
    let alone = all.iter().all(|c| all.first().is_none_or(|f| related(c, f)));
    // A guess at one end counts where nobody knows better; where others know no more than that
    // end it makes a doubt, unless who is guessed to be there was heard elsewhere.
    let is_guess = |c: &Contender<'_>| c.best() == Rank::Image && c.rule() != 1;
    let knowing: Contenders<'a> = all.iter().filter(|c| !is_guess(c)).copied().collect();
    all.retain(|c| {
        let is_refuted = c.spoke_elsewhere(flow) && !knowing.iter().any(|o| o.peer_spoke_elsewhere(flow));
        let may_be = |end: End| knowing.iter().all(|o| o.may_share(end) || o.is_by_ear());
        let is_doubt = !is_refuted && !knowing.iter().all(Contender::is_by_ear);
        // Who rings can say more only when he answers.
        let is_shared = c.session.answered.is_none() || c.sole_end().is_some_and(may_be);
        !is_guess(c) || knowing.is_empty() || (is_doubt && is_shared)
    });
    let strongest: Contenders<'a> =
        all.iter().filter(|c| !all.iter().any(|o| o.outranks(c))).copied().collect();
    let left: Contenders<'a> =
        strongest.iter().filter(|c| !strongest.iter().any(|o| c.gives_way_to(o))).copied().collect();
    let Some(newest) = left.iter().max_by_key(|c| (c.session.age, c.id)).copied() else {
        return Verdict::Nobody;
    };
    // What was learned of a call that fell silent does not hold against one that came since.
    let outdated = |o: &Contender<'_>| {
        newest.ranks.contains(&Rank::Nat) && !related(o, &newest) && newest.gives_way_to(o)
    };
    if left.iter().any(|c| !related(c, &newest) && !shares(c, &newest)) || all.iter().any(outdated) {
        let crossed = strongest.iter().any(|c| c.weights() != newest.weights());
        let by = all.iter().map(|c| c.id).collect();
        let may_learn = all.iter().filter_map(|c| {
            let end = c.unknown().filter(|_| c.best() == Rank::Claimed)?;
            let is_heard = all.iter().any(|o| o.ranks[end as usize] == Rank::Nat && !related(o, c));
            is_heard.then_some((c.id, c.speaker, end))
        });
        return Verdict::Doubt { by, crossed, learn: may_learn.collect() };
    }
    let rule = left.iter().map(Contender::rule).min().unwrap_or_default();
    let by = left.iter().filter(|c| c.rule() == rule).map(|c| (c.id, c.speaker)).collect();
    let rivals = [0, 1].map(|end: usize| {
        let is_heard = |c: &&Contender<'_>| matches!(c.ranks[end], Rank::Nat | Rank::Heard);
        all.iter().filter(is_heard).any(|c| !related(c, &newest))
    });
    Verdict::Owned(Owned { by, ranks: newest.ranks, since: newest.since, alone, rivals })
}

fn contenders<'a>(
    dst: &[Claimant],
    src: &[Claimant],
    facts: impl Fn(SessionId) -> Option<(&'a Session, Option<Tick>)>,
) -> Contenders<'a> {
    let mut out = Contenders::new();
    for d in dst {
        let Some((session, heard)) = facts(d.session) else { continue };
        let opposite = src.iter().filter(|s| s.side != d.side);
        let own = opposite.clone().filter(|s| s.session == d.session).min_by_key(|s| s.rank);
        // Another hop of the same dialog may know the other end better.
        let recording = session.recording.map(|r| r.id);
        let of_dialog = |s: &&Claimant| {
            recording.is_some() && facts(s.session).and_then(|f| f.0.recording).map(|r| r.id) == recording
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
        });
    }
    for s in src {
        let Some((session, heard)) = facts(s.session) else { continue };
        if out.iter().any(|c| c.id == s.session && c.speaker == s.side) {
            continue;
        }
        let ranks = [Rank::Other, s.rank];
        let (origin, since, made) = (s.origin, s.since, s.made);
        out.push(Contender { id: s.session, session, speaker: s.side, ranks, origin, since, made, heard });
    }
    out
}

impl Contender<'_> {
    fn best(&self) -> Rank {
        self.ranks[0].min(self.ranks[1])
    }

    /// 1: both ends; 2: the destination; 3: the source.
    fn rule(&self) -> u8 {
        match self.ranks {
            [Rank::Other, _] => 3,
            [_, Rank::Other] => 2,
            _ => 1,
        }
    }

    /// Knows it whatever the other knows?
    fn knows_ends_of(&self, other: &Contender<'_>) -> bool {
        let mut ends = self.ranks.iter().zip(&other.ranks);
        ends.all(|(own, others)| *others == Rank::Other || *own != Rank::Other)
    }

    /// The end it does not know, of two.
    fn unknown(&self) -> Option<End> {
        match self.rule() {
            2 => Some(End::Src),
            3 => Some(End::Dst),
            _ => None,
        }
    }

    /// What was only learned or guessed at one end needs a known host at the other.
    fn is_plausible(&self, flow: &Flow) -> bool {
        let (there, ip) = match self.rule() {
            2 => (self.speaker, flow.src.ip()),
            3 => (self.speaker.other(), flow.dst.ip()),
            _ => return true,
        };
        let is_guess = matches!(self.best(), Rank::Nat | Rank::Image | Rank::Heard);
        !is_guess || (self.session.is_at(there, ip) && self.session.is_on(flow.vlan))
    }

    /// Its other end has not answered in any way.
    fn only_rings(&self) -> bool {
        let is_silent = self.session.answered.is_none() && self.heard.is_none();
        is_silent && self.session.claims.iter().any(|c| c.is_empty())
    }

    /// Was the party that it knows an end of heard from another address?
    fn spoke_elsewhere(&self, flow: &Flow) -> bool {
        let (side, at) = match self.rule() {
            2 => (self.speaker.other(), flow.dst),
            _ => (self.speaker, flow.src),
        };
        self.session.spoke[side as usize].is_some_and(|a| a != at)
    }

    /// Was the party that it does not know an end of heard from another address?
    fn peer_spoke_elsewhere(&self, flow: &Flow) -> bool {
        let (side, at) = match self.rule() {
            2 => (self.speaker, flow.src),
            _ => (self.speaker.other(), flow.dst),
        };
        self.session.spoke[side as usize].is_some_and(|a| a != at)
    }

    /// Has media of its call run, and with others than it does not know of `flow`?
    fn is_heard_elsewhere(&self, flow: &Flow) -> bool {
        let unknown = match self.rule() {
            2 => flow.src,
            3 => flow.dst,
            _ => return false,
        };
        self.heard.is_some() && self.session.learned.iter().all(|l| l.addr != unknown)
    }

    /// Was its speaker heard from the very same address on another VLAN, and nothing of it on this one?
    fn spoke_on_another(&self, flow: &Flow) -> bool {
        let (s, side) = (self.session, self.speaker as usize);
        s.spoke[side] == Some(flow.src)
            && !s.spoke_on[side].contains(&flow.vlan)
            && !s.vlans.contains(&flow.vlan)
    }

    fn outranks(&self, other: &Contender<'_>) -> bool {
        // Of one end alone nothing tells calls apart that were both seen or said to be there.
        if self.sole_end().is_some_and(|end| other.may_share(end)) {
            return false;
        }
        let ([a, b], [c, d]) = (self.weights(), other.weights());
        a <= c && b <= d && (a, b) != (c, d)
    }

    /// The only end that it knows, whatever was heard once at the other.
    fn sole_end(&self) -> Option<End> {
        match self.weights() {
            [Rank::Other, Rank::Other] => {
                self.unknown().map(|u| if u == End::Src { End::Dst } else { End::Src })
            }
            [_, Rank::Other] => Some(End::Dst),
            [Rank::Other, _] => Some(End::Src),
            _ => None,
        }
    }

    /// Does it know this end, and the other for certain no better?
    fn may_share(&self, end: End) -> bool {
        self.ranks[end as usize] != Rank::Other && self.weights()[1 - end as usize] == Rank::Other
    }

    /// Knows it no end but by what was heard once?
    fn is_by_ear(&self) -> bool {
        self.weights() == [Rank::Other; 2]
    }

    fn weights(&self) -> [Rank; 2] {
        self.ranks.map(Rank::weight)
    }

    /// Is its claim over where `newer` claims the same? It was hung up, or
    /// nothing was heard of it for a while before `newer` came.
    fn gives_way_to(&self, newer: &Contender<'_>) -> bool {
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
/// once that pass one description on. An origin line alone proves nothing: simple
/// senders use one for all their calls.
fn related(a: &Contender<'_>, b: &Contender<'_>) -> bool {
    let (older, newer) = if a.session.age <= b.session.age { (a, b) } else { (b, a) };
    let at_once = older.session.answered.is_none_or(|begun| newer.session.age <= begun);
    let same_origin = a.origin == b.origin && a.origin != 0;
    a.session.group == b.session.group || (same_origin && at_once && !a.session.is_parallel(b.session))
}

/// Two live legs, one after the other on the call's way, that were both given
/// the same pair of endpoints after the newer began: they share direct media.
fn shares(older: &Contender<'_>, newest: &Contender<'_>) -> bool {
    let direct = [Rank::Claimed, Rank::Claimed];
    older.ranks == direct
        && newest.ranks == direct
        && older.made > newest.session.opened
        && !older.session.is_parallel(newest.session)
}
