//! Which RTP flow belongs to which recording, and to which of its channels.
//!
//! Every session description followed makes *claims*: "this party receives
//! audio at this address". A flow is resolved once against the claims by the
//! rules below, in order, and the answer is kept until a claim it rests on
//! changes, so that a media packet costs one look-up.
//!
//! | # | rule | what it is for |
//! |---|------|----------------|
//! | 1 | one session claims both ends | the plain call; two live legs that share direct media both get it |
//! | 2 | a session claims the destination | symmetric RTP behind NAT, relays that send from another port |
//! | 3 | a session claims the source, nobody the destination | the way back through a NAT |
//! | 4 | anything else | not assigned, counted |
//!
//! Where sessions of different calls claim one address the newest call wins
//! (ports are reused), and where the two ends of a flow point to unrelated
//! calls nothing is assigned: a stranger's voice in a file is worse than a gap.
//! Sessions that are not recorded, or not yet answered, claim all the same:
//! otherwise the next call's ringing would land in the last call's recording.
//!
//! This module must not know of SIP messages, time or payloads.

pub use super::flows::FlowKey;
use super::flows::Flows;
use crate::id::{Channel, RecordingId};
pub use crate::sdp::Side;
use foldhash::quality::RandomState;
use hashbrown::HashMap;
use smallvec::SmallVec;
use std::net::SocketAddr;

/// One offer/answer exchange as seen on one signalling hop of one dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// A recording as the router needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which recording.
    pub recording: RecordingId,
    /// Which channel.
    pub channel: Channel,
    /// Distance of the signalling hop from the agent; 0 is nearest.
    pub rank: u8,
}

/// Where a flow's packets go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// No claim fits, or claims contradict one another.
    Unmatched,
    /// Belongs to a call that is not being recorded.
    NotRecorded,
    /// To these recordings; more than one only when several legs share direct media.
    Record(SmallVec<[Target; 1]>),
}

impl Route {
    /// A clone, without ado where there is one target or none, as nearly always.
    fn copied(&self) -> Route {
        match self {
            Route::Unmatched => Route::Unmatched,
            Route::NotRecorded => Route::NotRecorded,
            Route::Record(targets) => match targets[..] {
                [one] => Route::Record(SmallVec::from_buf([one])),
                _ => Route::Record(targets.clone()),
            },
        }
    }
}

#[derive(Clone, Debug)]
struct Session {
    /// Order in which calls began: a later call wins a reused port.
    age: u64,
    /// Legs of one contact do not compete with one another.
    group: u64,
    claims: [SmallVec<[Claim; 1]>; 2],
    recording: Option<Recorded>,
    /// Position in the sequence of openings and claims.
    opened: u64,
    /// Calls that had begun when it was answered.
    answered: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Recorded {
    id: RecordingId,
    customer: Side,
    rank: u8,
}

/// An advertised address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Where the party receives audio.
    pub addr: SocketAddr,
    /// Identity of the description's origin line: two legs that pass one
    /// description on advertise one endpoint and do not compete.
    pub origin: u64,
}

#[derive(Clone, Copy, Debug)]
struct Claimant {
    session: SessionId,
    side: Side,
    age: u64,
    group: u64,
    origin: u64,
    /// Position in the sequence of openings and claims.
    made: u64,
    /// Calls that had begun when its session was answered.
    answered: Option<u64>,
}

/// What is known of one address.
#[derive(Debug, Default)]
struct Place {
    claimants: SmallVec<[Claimant; 2]>,
    /// Flows whose route rests on this address; forgotten when it changes.
    flows: SmallVec<[FlowKey; 2]>,
}

/// Flows remembered for one address; more (a scan, a flood) are resolved afresh each time.
const MAX_FLOWS_PER_PLACE: usize = 16;
/// Claimants remembered for one address; the oldest gives way.
const MAX_CLAIMANTS_PER_PLACE: usize = 16;

/// A flow once resolved.
#[derive(Debug)]
struct Known {
    fingerprint: u32,
    route: Route,
}

/// The table of claims and resolved flows.
#[derive(Debug, Default)]
pub struct Pairing {
    sessions: HashMap<SessionId, Session, RandomState>,
    places: HashMap<SocketAddr, Place, RandomState>,
    flows: Flows<Known>,
    next_session: u64,
    sequence: u64,
}

impl Pairing {
    /// An empty table.
    pub fn new() -> Self {
        Pairing::default()
    }

    /// Begins a session without claims. `age` orders calls by their INVITE.
    pub fn open(&mut self, age: u64, group: u64) -> SessionId {
        self.next_session += 1;
        let id = SessionId(self.next_session);
        self.sequence += 1;
        let opened = self.sequence;
        self.sessions.insert(
            id,
            Session { age, group, claims: Default::default(), recording: None, opened, answered: None },
        );
        id
    }

    /// States where `side` of `session` receives audio: as agreed, and as offered
    /// and not yet answered. An empty list withdraws it.
    pub fn claim(&mut self, session: SessionId, side: Side, claims: &[Claim]) {
        let Some(s) = self.sessions.get_mut(&session) else { return };
        let old = std::mem::replace(&mut s.claims[side as usize], claims.into());
        let (age, group, answered) = (s.age, s.group, s.answered);
        for gone in old.iter().filter(|c| !claims.contains(c)) {
            self.withdraw(session, side, gone.addr);
        }
        for new in claims.iter().filter(|c| !old.contains(c)) {
            // Who has not been answered takes nothing away from a flow that runs.
            if answered.is_some() {
                self.forget_flows(new.addr);
            }
            self.sequence += 1;
            let made = self.sequence;
            let place = self.places.entry(new.addr).or_default();
            if place.claimants.len() >= MAX_CLAIMANTS_PER_PLACE {
                let idle = place.claimants.iter().position(|c| c.answered.is_none());
                place.claimants.remove(idle.unwrap_or(0));
            }
            place.claimants.push(Claimant { session, side, age, group, origin: new.origin, made, answered });
        }
    }

    /// A session's call was answered when `calls_begun` calls had begun.
    pub fn answer(&mut self, session: SessionId, calls_begun: u64) {
        let Some(s) = self.sessions.get_mut(&session) else { return };
        s.answered.get_or_insert(calls_begun);
        let answered = s.answered;
        for claim in s.claims.clone().into_iter().flatten() {
            self.forget_flows(claim.addr);
            if let Some(p) = self.places.get_mut(&claim.addr) {
                p.claimants.iter_mut().filter(|c| c.session == session).for_each(|c| c.answered = answered);
            }
        }
    }

    /// Says which recording, if any, `session` feeds; `customer` is the side on the left channel.
    pub fn record(&mut self, session: SessionId, to: Option<(RecordingId, Side, u8)>) {
        let Some(s) = self.sessions.get_mut(&session) else { return };
        s.recording = to.map(|(id, customer, rank)| Recorded { id, customer, rank });
        for claim in s.claims.clone().into_iter().flatten() {
            self.forget_flows(claim.addr);
        }
    }

    /// Moves a session to another group of legs.
    pub fn regroup(&mut self, session: SessionId, group: u64) {
        let Some(s) = self.sessions.get_mut(&session) else { return };
        s.group = group;
        for claim in s.claims.clone().into_iter().flatten() {
            self.forget_flows(claim.addr);
            if let Some(p) = self.places.get_mut(&claim.addr) {
                for c in p.claimants.iter_mut().filter(|c| c.session == session) {
                    c.group = group;
                }
            }
        }
    }

    /// Ends a session: its addresses are free.
    pub fn close(&mut self, session: SessionId) {
        let Some(s) = self.sessions.remove(&session) else { return };
        for (side, claims) in [Side::Caller, Side::Callee].into_iter().zip(s.claims) {
            for c in claims {
                self.withdraw(session, side, c.addr);
            }
        }
    }

    /// Where packets of `flow` go. One look-up once the flow is known.
    ///
    /// A flow no claim fits, and one beyond the bound of its address, leaves
    /// nothing behind, whatever its volume.
    pub fn route(&mut self, flow: FlowKey) -> Route {
        self.route_and_fingerprint(flow).0
    }

    /// [`Pairing::route`], and [`FlowKey::fingerprint`] from the same look-up.
    pub fn route_and_fingerprint(&mut self, flow: FlowKey) -> (Route, u32) {
        if let Some(known) = self.flows.get(&flow) {
            return (known.route.copied(), known.fingerprint);
        }
        let (route, fingerprint) = (self.resolve(flow), flow.fingerprint());
        if route != Route::Unmatched && self.remember(flow) {
            self.flows.insert(flow, Known { fingerprint, route: route.clone() });
        }
        (route, fingerprint)
    }

    /// Sessions followed.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// No sessions followed.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    fn resolve(&self, flow: FlowKey) -> Route {
        let dst = self.claimants(flow.dst);
        let src = self.claimants(flow.src);
        // Rule 1: the session that claims both ends, by different sides.
        let both: SmallVec<[(&Claimant, u64); 2]> = dst
            .iter()
            .filter_map(|d| {
                let s = src.iter().find(|s| s.session == d.session && s.side != d.side)?;
                Some((d, s.made.max(d.made)))
            })
            .collect();
        if let Some((newest, _)) = both.iter().max_by_key(|(c, _)| (c.age, c.session)) {
            // An older call that has said nothing since the newest began has lost its ports to it.
            let began = self.sessions.get(&newest.session).map_or(0, |s| s.opened);
            let live = both.iter().filter(|(c, made)| related(c, newest) || *made > began);
            return self.deliver(live.map(|(c, _)| *c), |side| side.other());
        }
        // Rule 2: the newest call that claims the destination, unless the source belongs to another call.
        if let Some(newest) = newest(dst) {
            if !src.is_empty() && !src.iter().any(|s| related(s, newest)) {
                return Route::Unmatched;
            }
            return self.deliver(dst.iter().filter(|d| related(d, newest)), |side| side.other());
        }
        // Rule 3: the newest call that claims the source.
        if let Some(newest) = newest(src) {
            return self.deliver(src.iter().filter(|s| related(s, newest)), |side| side);
        }
        Route::Unmatched
    }

    /// `speaker` tells whose voice it is from the side that made the claim.
    fn deliver<'a>(
        &self,
        claimants: impl Iterator<Item = &'a Claimant>,
        speaker: impl Fn(Side) -> Side,
    ) -> Route {
        let mut targets: SmallVec<[Target; 1]> = SmallVec::new();
        for c in claimants {
            let Some(r) = self.sessions.get(&c.session).and_then(|s| s.recording) else { continue };
            let channel = if speaker(c.side) == r.customer { Channel::Customer } else { Channel::Agent };
            let target = Target { recording: r.id, channel, rank: r.rank };
            match targets.iter_mut().find(|t| t.recording == r.id) {
                // Several hops of one dialog agree on the address: the nearest counts.
                Some(t) if t.channel == channel => t.rank = t.rank.min(r.rank),
                Some(_) => return Route::Unmatched,
                None => targets.push(target),
            }
        }
        if targets.is_empty() { Route::NotRecorded } else { Route::Record(targets) }
    }

    fn claimants(&self, addr: SocketAddr) -> &[Claimant] {
        self.places.get(&addr).map_or(&[], |p| &p.claimants)
    }

    fn withdraw(&mut self, session: SessionId, side: Side, addr: SocketAddr) {
        self.forget_flows(addr);
        if let Some(p) = self.places.get_mut(&addr) {
            p.claimants.retain(|c| !(c.session == session && c.side == side));
            if p.claimants.is_empty() {
                self.places.remove(&addr);
            }
        }
    }

    fn forget_flows(&mut self, addr: SocketAddr) {
        let Some(p) = self.places.get_mut(&addr) else { return };
        for f in std::mem::take(&mut p.flows) {
            self.flows.remove(&f);
        }
        // A flow between two claimed addresses rests on both: whichever changes first removes it,
        // and a stale key at the other end is harmless.
    }

    /// Notes which addresses a flow's route rests on; false when there is no more room.
    fn remember(&mut self, flow: FlowKey) -> bool {
        let room = [flow.src, flow.dst]
            .iter()
            .filter_map(|a| self.places.get(a))
            .all(|p| p.flows.len() < MAX_FLOWS_PER_PLACE);
        if room {
            for a in [flow.src, flow.dst] {
                if let Some(p) = self.places.get_mut(&a)
                    && !p.flows.contains(&flow)
                {
                    p.flows.push(flow);
                }
            }
        }
        room
    }
}

fn newest(claimants: &[Claimant]) -> Option<&Claimant> {
    claimants.iter().max_by_key(|c| (c.age, c.session))
}

/// Of one call: the same session, the same contact, or two legs under way at
/// once that pass one description on. An origin line alone proves nothing: simple
/// senders use one for all their calls.
fn related(a: &Claimant, b: &Claimant) -> bool {
    let (older, newer) = if a.age <= b.age { (a, b) } else { (b, a) };
    let at_once = older.answered.is_none_or(|begun| newer.age <= begun);
    a.session == b.session || a.group == b.group || (a.origin == b.origin && a.origin != 0 && at_once)
}
