//! A dialog (RFC 3261 §12) as a bystander sees it, and the table of them.

use super::asserted::Asserted;
use super::described::SeenDescription;
use super::heard_since::HeardSince;
use super::ids::{DialogId, LegId};
use super::pairing::{SessionId, Side};
use crate::codec::key_sequence::PressedKeys;
use crate::id::RecordingId;
use crate::sdp::OfferAnswer;
use crate::time::Timestamp;
use foldhash::quality::RandomState;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::net::IpAddr;

/// A hang-up that has not been confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bye {
    /// When the first one was captured.
    pub at: Timestamp,
    /// Who sent it.
    pub by: Side,
    /// Its CSeq: the response to an earlier one says nothing of it.
    pub cseq: u32,
    /// It came from where the signalling of its side comes from.
    pub is_own: bool,
}

/// What somebody asked for whose signalling is neither side's, as far as is known.
#[derive(Clone, Debug)]
pub struct Unasked {
    /// The description he sent.
    pub description: SeenDescription,
    /// Who he says to be.
    pub said: Asserted,
    /// Where he is.
    pub from: IpAddr,
}

/// Where a dialog is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogState {
    /// A provisional response with a tag.
    Early,
    /// A 2xx to the INVITE.
    Confirmed {
        /// When the first one was captured.
        answered_at: Timestamp,
        /// The recording it feeds.
        recording: Option<RecordingId>,
        /// A hang-up not yet answered.
        bye: Option<Bye>,
    },
    /// Over.
    Terminated,
}

/// One offer/answer exchange on one hop.
#[derive(Clone, Debug)]
pub struct HopMedia {
    /// Index into the leg's hops.
    pub hop: usize,
    /// Its claims.
    pub session: SessionId,
    /// Its state.
    pub offer_answer: OfferAnswer,
}

/// One dialog.
#[derive(Clone, Debug)]
pub struct Dialog {
    /// Its own name.
    pub id: DialogId,
    /// Of Call-ID and tags: what it is sought by.
    pub hash: u64,
    /// The leg that made it.
    pub leg: LegId,
    /// Tag of the side that answered.
    pub callee_tag: Box<[u8]>,
    /// Where it is.
    pub state: DialogState,
    /// Hop nearest the callee that a response was seen on: the branch it is on.
    pub branch: Option<usize>,
    /// Media on each hop it was seen on.
    pub media: SmallVec<[HopMedia; 1]>,
    /// What each side said of itself in the dialog.
    pub said: [Asserted; 2],
    /// Who asked for a transfer, until it fails.
    pub transfer_by: Option<Side>,
    /// Another dialog has taken this one's place (RFC 3891).
    pub replaced: bool,
    /// CSeq of the last key press in an INFO, by side.
    pub last_info: [Option<u32>; 2],
    /// CSeq of the last request of the agent's that spoke of a pause.
    pub last_pause: Option<u32>,
    /// CSeq of the last key press in an INFO that came from the agent's own end.
    pub last_key: Option<u32>,
    /// The last keys that the agent pressed, where they may mean something and are told by INFO.
    pub pressed: Option<Box<PressedKeys>>,
    /// Hops of its leg that its 2xx was seen on, a bit each.
    pub way: u64,
    /// Hosts where each side's signalling comes from beside those of its way.
    pub hosts: [SmallVec<[IpAddr; 1]>; 2],
    /// What waits for the other side to accept it, the newest last.
    pub unasked: Vec<Unasked>,
    /// A 2xx came from elsewhere, first at this time: the caller's ACK will say whether it is one.
    pub strange_answer: Option<Timestamp>,
    /// Since when the caller has heard something in it.
    pub heard_since: HeardSince,
    /// Silent for so long that its media claim no address until it is described again.
    pub is_asleep: bool,
    /// The dialog of another leg whose sound stands in for its own, which nobody here can read.
    pub lender: Option<DialogId>,
}

impl Dialog {
    /// Nobody has hung up, passed it on or taken its place.
    pub fn goes_on(&self) -> bool {
        self.bye().is_none() && self.transfer_by.is_none() && !self.replaced
    }

    /// Confirmed and not over.
    pub fn is_confirmed(&self) -> bool {
        matches!(self.state, DialogState::Confirmed { .. })
    }

    /// Over.
    pub fn is_terminated(&self) -> bool {
        self.state == DialogState::Terminated
    }

    /// When it was answered.
    pub fn answered_at(&self) -> Option<Timestamp> {
        match self.state {
            DialogState::Confirmed { answered_at, .. } => Some(answered_at),
            DialogState::Early | DialogState::Terminated => None,
        }
    }

    /// The recording it feeds.
    pub fn recording(&self) -> Option<RecordingId> {
        match self.state {
            DialogState::Confirmed { recording, .. } => recording,
            DialogState::Early | DialogState::Terminated => None,
        }
    }

    /// Says which recording it feeds from now on.
    pub fn set_recording(&mut self, to: Option<RecordingId>) {
        if let DialogState::Confirmed { recording, .. } = &mut self.state {
            *recording = to;
        }
    }

    /// The hang-up that waits for its answer.
    pub fn bye(&self) -> Option<Bye> {
        match self.state {
            DialogState::Confirmed { bye, .. } => bye,
            DialogState::Early | DialogState::Terminated => None,
        }
    }

    /// Notes a hang-up, or takes it back.
    pub fn set_bye(&mut self, to: Option<Bye>) {
        if let DialogState::Confirmed { bye, .. } = &mut self.state {
            *bye = to;
        }
    }
}

/// All dialogs: a slab.
#[derive(Debug, Default)]
pub struct Dialogs {
    slots: Vec<Option<Dialog>>,
    by_hash: HashMap<u64, SmallVec<[DialogId; 1]>, RandomState>,
    free: Vec<u32>,
    users: u32,
}

impl Dialogs {
    /// A new early dialog of a leg. `hash`: of its Call-ID and tags.
    pub fn open(&mut self, leg: LegId, callee_tag: &[u8], hash: u64) -> DialogId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        self.users = self.users.wrapping_add(1);
        let id = DialogId { slot, user: self.users };
        self.slots[slot as usize] = Some(Dialog {
            id,
            hash,
            leg,
            callee_tag: callee_tag.into(),
            state: DialogState::Early,
            branch: None,
            media: SmallVec::new(),
            said: Default::default(),
            transfer_by: None,
            replaced: false,
            last_info: [None, None],
            last_pause: None,
            last_key: None,
            pressed: None,
            way: 0,
            hosts: Default::default(),
            unasked: Vec::new(),
            strange_answer: None,
            heard_since: HeardSince::default(),
            is_asleep: false,
            lender: None,
        });
        self.by_hash.entry(hash).or_default().push(id);
        id
    }

    /// Those of this hash, the newest first.
    pub fn of_hash(&self, hash: u64) -> impl Iterator<Item = &Dialog> {
        let ids = self.by_hash.get(&hash).map(|ids| ids.as_slice()).unwrap_or_default();
        ids.iter().rev().filter_map(|id| self.get(*id))
    }

    /// Looks one up.
    pub fn get(&self, id: DialogId) -> Option<&Dialog> {
        self.slots.get(id.slot as usize)?.as_ref().filter(|d| d.id == id)
    }

    /// Looks one up to change it.
    pub fn get_mut(&mut self, id: DialogId) -> Option<&mut Dialog> {
        self.slots.get_mut(id.slot as usize)?.as_mut().filter(|d| d.id == id)
    }

    /// Takes one out.
    pub fn remove(&mut self, id: DialogId) -> Option<Dialog> {
        let taken = self.slots.get_mut(id.slot as usize)?.take_if(|d| d.id == id)?;
        self.free.push(id.slot);
        if let Some(ids) = self.by_hash.get_mut(&taken.hash) {
            ids.retain(|i| *i != id);
            if ids.is_empty() {
                self.by_hash.remove(&taken.hash);
            }
        }
        Some(taken)
    }

    /// Those of these ids that there are.
    pub fn of<'a>(&'a self, ids: &'a [DialogId]) -> impl Iterator<Item = &'a Dialog> {
        ids.iter().filter_map(|id| self.get(*id))
    }
}
