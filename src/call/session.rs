//! Sessions: one exchange on one hop each, and how well it knows addresses.
//!
//! What a session is for the router; which of several owns a flow is decided in
//! [`super::owner`].

use super::flows::Tick;
use crate::id::RecordingId;
use crate::net::Flow;
use crate::rtp::standing::{Standing, Trust};
use crate::sdp::Side;
use crate::wire::link::Vlan;
use foldhash::quality::RandomState;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// VLANs that one call is followed on; a mirror sees two.
pub(super) const MAX_VLANS: usize = 8;

/// Sources remembered that may be of one side.
const MAX_SOURCES: usize = 4;

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
    pub(super) fn weight(self) -> Rank {
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
    /// Its host alone was known, and that of the other party.
    pub by_hosts: bool,
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

/// The sessions of each leg.
pub(super) type SessionsByLeg = HashMap<u64, SmallVec<[SessionId; 2]>, RandomState>;

/// A session as far as it matters for what it owns.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Order in which calls began: a later call wins a reused port.
    pub age: u64,
    /// SessionsByLeg of one contact do not compete with one another.
    pub group: u64,
    /// The SIP elements it was seen between, caller and callee.
    pub ends: [SocketAddr; 2],
    pub claims: [SmallVec<[Claim; 2]>; 2],
    /// Addresses of ranks [`Rank::Nat`] and [`Rank::Heard`].
    pub learned: SmallVec<[Learned; 2]>,
    pub recording: Option<Recorded>,
    /// Position in the sequence of openings and claims.
    pub opened: u64,
    /// When it was opened.
    pub opened_at: Tick,
    /// When each side last said that it receives elsewhere than before.
    pub moved_at: [Option<Tick>; 2],
    /// Calls that had begun when it was answered.
    pub answered: Option<u64>,
    /// VLANs its signalling was seen on.
    pub vlans: SmallVec<[Vlan; 2]>,
    /// Media of it was last seen, as far as it is not in a flow's entry.
    pub heard: Option<Tick>,
    /// Since when a hang-up stands, which may yet be refused.
    pub leaving: Option<Tick>,
    /// Its recording knows that it misses packets that it may have owned.
    pub is_told: bool,
    /// When it was answered.
    pub answered_at: Option<Tick>,
    /// Where each side was last heard from.
    pub spoke: [Option<SocketAddr>; 2],
    /// Where media ran both ways with each side, until it says that it is elsewhere: what the
    /// other one says of itself changes nothing of that.
    pub behind: [Option<SocketAddr>; 2],
    /// Sources that may be each side's, or another call's, and the hosts they were heard from.
    pub may_speak: [SmallVec<[(u32, IpAddr); 2]>; 2],
    /// And on which VLANs.
    pub spoke_on: [SmallVec<[Vlan; 1]>; 2],
    /// The image of each side's private address, once the other was heard to speak to it.
    pub spoken_to: [Option<SocketAddr>; 2],
    /// When a packet between its hosts that nobody claims was last seen, and how often while
    /// the speaker was missed.
    pub strayed: (Tick, u8),
    /// Sources of those that may be each side's and the hosts they came from, the last heard last.
    pub strays: [SmallVec<[(u32, IpAddr); 2]>; 2],
    /// Each side was heard from an address of its own since it last said where it is.
    pub is_surely_heard: [bool; 2],
}

impl Session {
    /// Nobody has answered, and nobody has said where the called party is.
    pub fn only_rings(&self) -> bool {
        self.answered.is_none() && self.claims[Side::Callee as usize].is_empty()
    }

    /// Is the caller here wherever he is there?
    pub fn has_caller_of(&self, other: &Session) -> bool {
        let [own, theirs] = [self, other].map(|s| &s.claims[Side::Caller as usize]);
        !theirs.is_empty() && theirs.iter().all(|t| own.iter().any(|o| o.addr == t.addr))
    }

    /// Was anything of it seen on this VLAN? Where no media was, it may be.
    pub fn is_on(&self, vlan: Vlan) -> bool {
        let is_heard = self.spoke_on.iter().any(|v| v.contains(&vlan));
        self.vlans.contains(&vlan) || self.spoke == [None; 2] || is_heard
    }

    /// A packet that nobody claims may be of `side`.
    pub fn note_stray(&mut self, side: Side, source: (u32, IpAddr)) {
        let known = &self.strays[side as usize];
        if known.last() == Some(&source) {
            return;
        }
        // Whoever sends under many names does not push out what came from a host of the party.
        let is_anybodys = |s: &(u32, IpAddr)| *s == source || !self.is_said_at(side, s.1);
        let is_full = known.len() >= MAX_SOURCES;
        let oldest = known.iter().position(|s| *s == source);
        let oldest = oldest.or_else(|| is_full.then(|| known.iter().position(is_anybodys).unwrap_or(0)));
        let known = &mut self.strays[side as usize];
        oldest.map(|i| known.remove(i));
        known.push(source);
    }

    /// A source is that of `side`, or of another call.
    pub fn note_may_speak(&mut self, side: Side, source: (u32, IpAddr)) {
        let known = &mut self.may_speak[side as usize];
        if !known.contains(&source) && known.len() < MAX_SOURCES {
            known.push(source);
        }
    }

    /// Does `side` say that it is at another host, where everybody can reach it?
    pub fn says_elsewhere(&self, side: Side, ip: IpAddr) -> bool {
        let is_open = |c: &Claim| c.rank == Rank::Claimed && !is_private(c.addr.ip());
        !self.is_at(side, ip) && self.claims[side as usize].iter().any(is_open)
    }

    /// A packet of `side` came from there.
    pub fn note_spoke(&mut self, side: Side, flow: &Flow) {
        self.spoke[side as usize] = Some(flow.src);
        if !self.is_surely_heard[side as usize] {
            self.is_surely_heard[side as usize] = self.standing(side, flow.src).trust() == Trust::Named;
        }
        let on = &mut self.spoke_on[side as usize];
        if !on.contains(&flow.vlan) && on.len() < MAX_VLANS {
            on.push(flow.vlan);
        }
    }

    /// `side` was spoken to at `addr`; `ranks`: how that is known, and how who spoke. True where
    /// more is known of an image from here on.
    pub fn note_spoken_to(&mut self, side: Side, addr: SocketAddr, ranks: [Rank; 2]) -> bool {
        let is_partys = ranks[0] == Rank::Image && !matches!(ranks[1], Rank::Other | Rank::Heard);
        let known = &mut self.spoken_to[side as usize];
        is_partys && known.replace(addr) != Some(addr)
    }

    /// What speaks for `addr` being where `side` sends from.
    pub fn standing(&self, side: Side, addr: SocketAddr) -> Standing {
        let claimed = self.claims[side as usize].iter().filter(|c| c.addr == addr).map(|c| c.rank);
        let learned = self.learned.iter().filter(|l| (l.side, l.addr) == (side, addr));
        let heard = learned.map(|l| if l.ways == [true; 2] { Rank::Nat } else { Rank::Heard });
        let behind = (self.behind[side as usize] == Some(addr)).then_some(Rank::Nat);
        match claimed.chain(heard).chain(behind).min() {
            Some(Rank::Claimed) => Standing::Claimed,
            Some(Rank::Nat) => Standing::Nat,
            Some(Rank::Candidate) => Standing::Candidate,
            Some(Rank::Image) if self.spoken_to[side as usize] == Some(addr) => Standing::Nat,
            Some(Rank::Image | Rank::Heard | Rank::Other) | None => {
                match [side, side.other()].into_iter().find(|side| self.is_said_at(*side, addr.ip())) {
                    Some(at) if at == side => Standing::Host,
                    Some(_) => Standing::Beside,
                    None => Standing::Other,
                }
            }
        }
    }

    /// Is `ip` a host of `side` by its description, or by where its SIP comes from? Not one where it
    /// was only heard: anybody is heard from somewhere.
    pub fn is_said_at(&self, side: Side, ip: IpAddr) -> bool {
        let said = self.claims[side as usize].iter().map(|c| c.addr.ip());
        said.chain([self.ends[side as usize].ip()]).any(|said| said == ip)
    }

    /// Is `ip` a host that `side` is known to be at?
    pub fn is_at(&self, side: Side, ip: IpAddr) -> bool {
        self.is_said_at(side, ip) || self.learned.iter().any(|l| l.side == side && l.addr.ip() == ip)
    }

    /// May what comes from `ip` be of `side`? Where the side was heard from an address of its own
    /// it may not because something was heard from there once.
    pub fn may_be_at(&self, side: Side, ip: IpAddr) -> bool {
        let is_its = |l: &Learned| l.ways == [true; 2] || !self.is_surely_heard[side as usize];
        let mut learned = self.learned.iter().filter(|l| is_its(l));
        self.is_said_at(side, ip) || learned.any(|l| l.side == side && l.addr.ip() == ip)
    }

    /// Did a packet that nobody claimed come of the source that sends here now, and is `side` now?
    /// Whoever else sends under its name is not missed.
    pub fn strayed_before(&self, side: Side, (ssrc, ip): (u32, IpAddr)) -> bool {
        let may_be = |other: IpAddr| other == ip || self.may_be_at(side, other);
        let own = self.strays[side as usize].iter().any(|(s, other)| *s == ssrc && may_be(*other));
        own && (!self.is_surely_heard[side as usize] || self.may_be_at(side, ip))
    }

    /// When `side` may last have begun to send from elsewhere: where it said that it moved, or, behind
    /// a NAT, the other one did.
    pub fn may_have_moved_at(&self, side: Side) -> Option<Tick> {
        let [own, other] = [side, side.other()].map(|s| self.moved_at[s as usize]);
        let at = self.spoke[side as usize];
        let is_named = self.claims[side as usize].iter().any(|c| Some(c.addr) == at);
        own.into_iter().chain(other.filter(|_| !is_named)).max()
    }

    /// Knows it an end of a flow of which the other is not elsewhere, as far as was heard?
    pub fn may_have_sent(&self, flow: &Flow) -> bool {
        [(Side::Caller, Side::Callee), (Side::Callee, Side::Caller)].iter().any(|(near, far)| {
            let is_at = |end: SocketAddr| self.claims[*near as usize].iter().any(|c| c.addr == end);
            let may_be_far = |end: SocketAddr| self.spoke[*far as usize].is_none_or(|a| a == end);
            is_at(flow.dst) && may_be_far(flow.src) || is_at(flow.src) && may_be_far(flow.dst)
        })
    }

    /// The hosts that its descriptions name, each once.
    pub fn hosts(&self) -> SmallVec<[IpAddr; 4]> {
        let mut out = SmallVec::new();
        for ip in self.claims.iter().flatten().map(|c| c.addr.ip()) {
            if !out.contains(&ip) {
                out.push(ip);
            }
        }
        out
    }

    /// The hosts of its SIP elements, each once.
    pub fn sip_hosts(&self) -> SmallVec<[IpAddr; 4]> {
        let [caller, callee] = self.ends.map(|e| e.ip());
        if caller == callee { smallvec::smallvec![caller] } else { smallvec::smallvec![caller, callee] }
    }

    /// Does `side` name nothing but addresses behind a NAT, and may `ip` be the NAT's?
    pub fn hides(&self, side: Side, ip: IpAddr) -> bool {
        let mut named = self.claims[side as usize].iter().filter(|c| c.rank == Rank::Claimed).peekable();
        !is_private(ip) && named.peek().is_some() && named.all(|c| is_private(c.addr.ip()))
    }

    /// Have they a SIP element's host in common, which may pass one on as the other?
    pub fn meets(&self, other: &Session) -> bool {
        self.ends.iter().any(|own| other.ends.iter().any(|o| o.ip() == own.ip()))
    }

    /// Two calls beside one another: from the same host to the same, or between the same SIP
    /// elements, so neither is the other one continued. Telephones behind one NAT have a port each.
    pub fn is_parallel(&self, other: &Session) -> bool {
        let [a, b] = self.ends;
        let has_same_hosts = other.ends.map(|e| e.ip()) == self.ends.map(|e| e.ip());
        self.age != other.age && (has_same_hosts || other.ends == [b, a])
    }
}

/// Do these claims, of caller and callee, name where a flow comes from and where it goes?
pub(super) fn name_both_ends(claims: &[SmallVec<[Claim; 2]>; 2], flow: &Flow) -> bool {
    let names = |side: Side, end: SocketAddr| {
        claims[side as usize].iter().any(|c| c.rank == Rank::Claimed && c.addr == end)
    };
    [Side::Caller, Side::Callee].iter().any(|s| names(*s, flow.src) && names(s.other(), flow.dst))
}

/// Is it an address behind a NAT (RFC 1918, RFC 6598, RFC 4193)?
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || matches!(v4.octets(), [100, 64..=127, ..]),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
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
