//! Recordings as the signalling sees them: which dialog feeds them, when media
//! was last heard, and what they wait for.

use super::leg::LegId;
use super::pairing::Side;
use crate::call::decision::{Ending, Opening};
use crate::config::CallDirection;
use crate::id::{Channel, RecordingId};
use crate::time::Timestamp;

/// Where a recording is.
#[derive(Debug)]
pub enum State {
    /// Answered; neither media nor half a second has come. Not yet announced.
    Candidate(Box<Opening>),
    /// Announced.
    Open,
    /// A hang-up was seen and is not yet confirmed.
    Ending {
        /// The first BYE.
        at: Timestamp,
        /// Who sent it, or a transfer.
        by: Ending,
        /// It was answered, and not with a challenge.
        accepted: bool,
    },
}

/// One recording.
#[derive(Debug)]
pub struct Recording {
    /// Inside this run.
    pub id: RecordingId,
    /// Its leg.
    pub leg: LegId,
    /// Tag of the dialog on that leg.
    pub callee_tag: Box<[u8]>,
    /// Frame zero.
    pub answered_at: Timestamp,
    /// The side on the left channel.
    pub customer: Side,
    /// Who called whom.
    pub direction: CallDirection,
    /// Of whom.
    pub agent_id: String,
    /// The agent came by connected identity, and leaves with it.
    pub by_identity: bool,
    /// Where it is.
    pub state: State,
    /// Last media packet, if there was any.
    pub last_media: Option<Timestamp>,
    /// Since when neither media nor the end of a hold was seen.
    pub quiet_since: Timestamp,
    /// A side put the other on hold.
    pub on_hold: bool,
    /// When its timer will go off.
    pub timer: Option<Timestamp>,
}

impl Recording {
    /// The channel a side's voice is on.
    pub fn channel_of(&self, side: Side) -> Channel {
        if side == self.customer { Channel::Customer } else { Channel::Agent }
    }
}

/// All recordings under way: a slab, so that a media packet costs an index and no look-up.
///
/// An id is a running number above its slot, which orders recordings by age and
/// tells the users of a slot apart.
#[derive(Debug, Default)]
pub struct Recordings {
    slots: Vec<Option<Recording>>,
    free: Vec<u32>,
    running: u64,
}

impl Recordings {
    /// The id of the next one inserted.
    pub fn next_id(&mut self) -> RecordingId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        self.running += 1;
        RecordingId((self.running << 32) | u64::from(slot))
    }

    /// Adds one under an id of [`Recordings::next_id`].
    pub fn insert(&mut self, r: Recording) {
        let slot = slot_of(r.id);
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some(r);
        }
    }

    /// Looks one up.
    pub fn get(&self, id: RecordingId) -> Option<&Recording> {
        self.slots.get(slot_of(id))?.as_ref().filter(|r| r.id == id)
    }

    /// Looks one up to change it.
    pub fn get_mut(&mut self, id: RecordingId) -> Option<&mut Recording> {
        self.slots.get_mut(slot_of(id))?.as_mut().filter(|r| r.id == id)
    }

    /// Takes one out.
    pub fn remove(&mut self, id: RecordingId) -> Option<Recording> {
        let place = self.slots.get_mut(slot_of(id))?;
        let taken = place.take_if(|r| r.id == id)?;
        self.free.push(slot_of(id) as u32);
        Some(taken)
    }

    /// All of them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Recording> {
        self.slots.iter_mut().flatten()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// None.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All ids, oldest first.
    pub fn ids(&self) -> Vec<RecordingId> {
        let mut ids: Vec<_> = self.slots.iter().flatten().map(|r| r.id).collect();
        ids.sort_unstable();
        ids
    }
}

fn slot_of(id: RecordingId) -> usize {
    (id.0 & 0xFFFF_FFFF) as usize
}
