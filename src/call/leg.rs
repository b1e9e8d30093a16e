//! A leg: one INVITE on its way, the hops it was seen on and the dialogs it made.
//!
//! RFC 3261 §12: a dialog is the Call-ID and both tags. A leg holds one caller
//! tag; forks give it several dialogs.

use super::contacts::ContactId;
use super::invite::Invite;
use super::pairing::{SessionId, Side};
use super::parties::Party;
use crate::id::RecordingId;
use crate::pii::Pii;
use crate::sdp::{OfferAnswer, Session};
use crate::time::Timestamp;
use smallvec::SmallVec;
use std::net::SocketAddr;

/// One leg inside this run; later legs are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LegId(pub u64);

/// Hops of one leg remembered.
pub const MAX_HOPS: usize = 32;
/// Dialogs of one leg remembered: forks.
pub const MAX_DIALOGS: usize = 8;

/// One stretch of the INVITE's way: between two SIP elements.
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
    /// Branch of the topmost Via: a retransmission carries the same.
    pub branch: Option<Box<[u8]>>,
    /// The latest offer in the INVITE, if it was not a late one.
    pub offer: Option<Session>,
}

/// RFC 3261 §12 states, as a bystander sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogState {
    /// A provisional response with a tag.
    Early,
    /// A 2xx to the INVITE.
    Confirmed {
        /// When the first one was captured.
        answered_at: Timestamp,
    },
    /// Over.
    Terminated,
}

/// A hang-up that has not been confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bye {
    /// When the first one was captured.
    pub at: Timestamp,
    /// Who sent it.
    pub by: Side,
    /// Its CSeq: the response to an earlier one says nothing of it.
    pub cseq: u32,
}

/// One offer/answer exchange on one hop.
#[derive(Clone, Debug)]
pub struct HopMedia {
    /// Index into [`Leg::hops`].
    pub hop: usize,
    /// Its claims.
    pub session: SessionId,
    /// Its state.
    pub offer_answer: OfferAnswer,
}

/// One dialog.
#[derive(Clone, Debug)]
pub struct Dialog {
    /// Tag of the side that answered.
    pub callee_tag: Box<[u8]>,
    /// Where it is.
    pub state: DialogState,
    /// Hop of the first response seen: the branch it is on.
    pub branch: Option<usize>,
    /// Media on each hop it was seen on.
    pub media: SmallVec<[HopMedia; 1]>,
    /// The recording under way.
    pub recording: Option<RecordingId>,
    /// A hang-up not yet answered.
    pub bye: Option<Bye>,
    /// Connected identities given in the dialog, by side.
    pub identity: [Option<Pii<String>>; 2],
    /// Who asked for a transfer, until it fails.
    pub transfer_by: Option<Side>,
    /// Another dialog has taken this one's place (RFC 3891).
    pub replaced: bool,
    /// CSeq of the last key press in an INFO, by side.
    pub last_info: [Option<u32>; 2],
}

impl Dialog {
    /// Confirmed and not over.
    pub fn is_confirmed(&self) -> bool {
        matches!(self.state, DialogState::Confirmed { .. })
    }
}

/// One leg.
#[derive(Clone, Debug)]
pub struct Leg {
    /// Order of the INVITEs.
    pub id: LegId,
    /// As received.
    pub call_id: Box<[u8]>,
    /// Tag of the side that called.
    pub caller_tag: Box<[u8]>,
    /// CSeq of the INVITE that is being answered.
    pub invite_cseq: u32,
    /// When the first INVITE was captured.
    pub invite_at: Timestamp,
    /// What it said.
    pub invite: Invite,
    /// User parts the side that calls is known by.
    pub caller_users: Vec<Pii<String>>,
    /// Id the agent header gives the side that calls.
    pub caller_header: Option<String>,
    /// Id the agent header gives the side that is called.
    pub callee_header: Option<String>,
    /// The contact it belongs to.
    pub contact: ContactId,
    /// In the order they were seen.
    pub hops: SmallVec<[Hop; 1]>,
    /// Forks.
    pub dialogs: SmallVec<[Dialog; 1]>,
    /// A final response refused the INVITE, or all dialogs are over.
    pub ended: bool,
    /// Last message of it.
    pub last_seen: Timestamp,
    /// When its timer will go off.
    pub timer: Option<Timestamp>,
}

impl Leg {
    /// Any dialog was answered.
    pub fn is_answered(&self) -> bool {
        self.dialogs.iter().any(Dialog::is_confirmed)
    }

    /// When the first dialog was answered.
    pub fn answered_at(&self) -> Option<Timestamp> {
        let at = |d: &Dialog| match d.state {
            DialogState::Confirmed { answered_at } => Some(answered_at),
            DialogState::Early | DialogState::Terminated => None,
        };
        self.dialogs.iter().filter_map(at).min()
    }

    /// The side that is called, as the branch of one dialog names it; of all
    /// branches without one.
    pub fn callee(&self, branch: Option<usize>) -> Party {
        let mut hops: SmallVec<[&Hop; 4]> =
            (0..self.hops.len()).filter(|h| !self.is_sibling(*h, branch)).map(|h| &self.hops[h]).collect();
        hops.sort_by_key(|h| h.vias);
        let mut party = Party { header_id: self.callee_header.clone(), ..Party::default() };
        for user in self.invite.to_user.iter().chain(hops.iter().filter_map(|h| h.request_user.as_ref())) {
            if !party.users.contains(user) {
                party.users.push(user.clone());
            }
        }
        // Proxies on the way are neither party.
        party.addrs = hops.last().map(|h| h.callee.ip()).into_iter().collect();
        party
    }

    /// The side that calls.
    pub fn caller(&self) -> Party {
        let first = self.hops.iter().min_by_key(|h| h.vias);
        let addrs = first.map(|h| h.caller.ip()).into_iter().collect();
        Party { users: self.caller_users.clone(), addrs, header_id: self.caller_header.clone() }
    }

    /// Is `hop` a branch beside the one that a dialog is on?
    pub fn is_sibling(&self, hop: usize, branch: Option<usize>) -> bool {
        let (Some(h), Some(b)) = (self.hops.get(hop), branch.and_then(|b| self.hops.get(b))) else {
            return false;
        };
        Some(hop) != branch && h.vias == b.vias && h.caller == b.caller && h.callee != b.callee
    }

    /// The hop between two SIP addresses: the same sockets, else the same hosts,
    /// else one that shares an end (requests inside a dialog may skip proxies).
    pub fn hop_between(&self, caller: SocketAddr, callee: SocketAddr) -> Option<usize> {
        let find = |f: &dyn Fn(&Hop) -> bool| self.hops.iter().position(f);
        find(&|h| h.caller == caller && h.callee == callee)
            .or_else(|| find(&|h| h.caller.ip() == caller.ip() && h.callee.ip() == callee.ip()))
            .or_else(|| find(&|h| h.callee == callee))
            .or_else(|| find(&|h| h.caller == caller))
            .or_else(|| find(&|h| h.callee.ip() == callee.ip() || h.caller.ip() == caller.ip()))
    }

    /// Distance of a hop from the agent, given the side the customer is on.
    pub fn rank(&self, hop: usize, customer: Side) -> u8 {
        let Some(h) = self.hops.get(hop) else { return u8::MAX };
        let nearer = |(i, o): (usize, &Hop)| match customer {
            Side::Caller => (o.vias, i) > (h.vias, hop),
            Side::Callee => (o.vias, i) < (h.vias, hop),
        };
        self.hops.iter().enumerate().filter(|e| nearer((e.0, e.1))).count().min(255) as u8
    }
}
