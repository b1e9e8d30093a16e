//! Who owns a flow, of the sessions that claim its ends.
//!
//! Pure: the rules of [`super::pairing`] and nothing of its tables. A session
//! enters with what it claims at either end; what comes out is the sessions the
//! flow belongs to, or that it cannot be known.

use super::flows::Tick;
use crate::id::RecordingId;
use crate::net::Flow;
use crate::sdp::Side;
use crate::wire::link::Vlan;
use foldhash::quality::RandomState;
use hashbrown::HashMap;
use smallvec::SmallVec;
use std::net::{IpAddr, SocketAddr};

/// One offer/answer exchange as seen on one signalling hop of one dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// How an address is known to be a party's, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// `c=` and `m=` of its description say so.
    Claimed,
    /// Media ran both ways between it and an address of the call that no other
    /// call had: where a NAT shows the party.
    Nat,
    /// An ICE candidate of its description.
    Candidate,
    /// The host its SIP came from, with the port its description names.
    Image,
    /// Media ran one way only: good for the way back, not against another call.
    Heard,
    /// It is not known at all.
    Other,
}

impl Rank {
    /// What it is worth where calls are compared.
    fn weight(self) -> Rank {
        if self == Rank::Heard { Rank::Other } else { self }
    }
}

/// An address that a session was heard from, or that it was spoken to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Learned {
    pub side: Side,
    pub addr: SocketAddr,
    /// It was spoken to, it spoke.
    pub ways: [bool; 2],
}

/// An advertised address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Where the party receives audio.
    pub addr: SocketAddr,
    /// Identity of the description's origin line: two legs that pass one
    /// description on advertise one endpoint and do not compete.
    pub origin: u64,
    /// How it is known.
    pub rank: Rank,
    /// Where its RTCP goes, if not to the next port or the same.
    pub rtcp: Option<SocketAddr>,
}

/// Where the packets of a session go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recorded {
    pub id: RecordingId,
    pub customer: Side,
    pub rank: u8,
}

/// All of them.
pub(super) type Sessions = HashMap<SessionId, Session, RandomState>;

/// A session as far as it matters for what it owns.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Order in which calls began: a later call wins a reused port.
    pub age: u64,
    /// Legs of one contact do not compete with one another.
    pub group: u64,
    /// The SIP elements it was seen between, caller and callee.
    pub ends: [SocketAddr; 2],
    pub claims: [SmallVec<[Claim; 2]>; 2],
    /// Addresses of ranks [`Rank::Nat`] and [`Rank::Heard`].
    pub learned: SmallVec<[Learned; 2]>,
    pub recording: Option<Recorded>,
    /// Position in the sequence of openings and claims.
    pub opened: u64,
    /// Calls that had begun when it was answered.
    pub answered: Option<u64>,
    /// VLANs its signalling was seen on.
    pub vlans: SmallVec<[Vlan; 2]>,
    /// Media of it was last seen, as far as it is not in a flow's entry.
    pub heard: Option<Tick>,
    /// Since when a hang-up stands, which may yet be refused.
    pub leaving: Option<Tick>,
    /// Packets that it may have owned and did not get.
    pub doubtful: u8,
}

impl Session {
    /// Is `ip` a host that `side` is known to be at?
    fn is_at(&self, side: Side, ip: IpAddr) -> bool {
        let learned = self.learned.iter().filter(|l| l.side == side).map(|l| l.addr);
        let claimed = self.claims[side as usize].iter().map(|c| c.addr);
        claimed.chain(learned).chain([self.ends[side as usize]]).any(|a| a.ip() == ip)
    }

    /// Two calls beside one another: between the same SIP elements, so neither
    /// is the other one continued.
    fn is_parallel(&self, other: &Session) -> bool {
        let [a, b] = self.ends;
        self.age != other.age && (other.ends == [a, b] || other.ends == [b, a])
    }
}

/// One claim, seen from its address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claimant {
    pub session: SessionId,
    pub side: Side,
    pub rank: Rank,
    pub origin: u64,
    /// When it was made, or its call was answered.
    pub since: Tick,
    /// Position in the sequence of openings and claims.
    pub made: u64,
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
}

/// A call that was heard this shortly before a newer one took its address is not over.
const FRESH: u32 = Tick::of_ms(3000);

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
    // Who only rings has nobody to hear yet, unless who was answered is heard elsewhere.
    if all.iter().any(|c| c.session.answered.is_some() && !c.is_heard_elsewhere(flow)) {
        all.retain(|c| !c.only_rings());
    }
    let alone = all.iter().all(|c| all.first().is_none_or(|f| related(c, f)));
    // A guess at one end counts where nobody knows better.
    let is_guess = |c: &Contender<'_>| c.best() == Rank::Image && c.rule() != 1;
    if !all.iter().all(is_guess) {
        all.retain(|c| !is_guess(c));
    }
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
        return Verdict::Doubt { by: all.iter().map(|c| c.id).collect(), crossed };
    }
    let rule = left.iter().map(Contender::rule).min().unwrap_or_default();
    let by = left.iter().filter(|c| c.rule() == rule).map(|c| (c.id, c.speaker)).collect();
    Verdict::Owned(Owned { by, ranks: newest.ranks, since: newest.since, alone })
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

    /// What was only learned or guessed at one end needs a known host at the other.
    fn is_plausible(&self, flow: &Flow) -> bool {
        let (there, ip) = match self.rule() {
            2 => (self.speaker, flow.src.ip()),
            3 => (self.speaker.other(), flow.dst.ip()),
            _ => return true,
        };
        !matches!(self.best(), Rank::Nat | Rank::Image | Rank::Heard) || self.session.is_at(there, ip)
    }

    /// Its other end has not answered in any way.
    fn only_rings(&self) -> bool {
        let is_silent = self.session.answered.is_none() && self.heard.is_none();
        is_silent && self.session.claims.iter().any(|c| c.is_empty())
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

    fn outranks(&self, other: &Contender<'_>) -> bool {
        let ([a, b], [c, d]) = (self.weights(), other.weights());
        a <= c && b <= d && (a, b) != (c, d)
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
        let last = self.heard.or_else(|| self.session.answered.map(|_| self.since));
        is_older && last.is_none_or(|l| newer.since.since(l) > FRESH)
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
