//! Contacts: the legs that belong to one customer's call.
//!
//! Legs share a contact when they share a Call-ID or the value of a correlation
//! header, or when one was transferred into another. What a leg without an
//! agent tells (who called, which number) completes the agent's leg through
//! here, and recordings of one contact share its UUID.

use super::leg::LegId;
use crate::id::derived_uuid;
use crate::time::Timestamp;
use foldhash::quality::RandomState;
use hashbrown::HashMap;
use uuid::Uuid;

/// One contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContactId(pub u64);

#[derive(Debug)]
struct Contact {
    uuid: Uuid,
    legs: Vec<LegId>,
    /// Legs that belong to it, listed or not.
    members: usize,
    keys: Vec<Vec<u8>>,
}

/// Legs of one contact kept in order; more are followed but not searched.
const MAX_LEGS: usize = 32;
/// Keys of one contact.
const MAX_KEYS: usize = 128;

/// All contacts that have a living leg.
#[derive(Debug, Default)]
pub struct Contacts {
    contacts: HashMap<ContactId, Contact, RandomState>,
    by_key: HashMap<Vec<u8>, ContactId, RandomState>,
    next: u64,
}

impl Contacts {
    /// Finds or makes the contact of a new leg with these keys.
    pub fn join(&mut self, leg: LegId, at: Timestamp, keys: Vec<Vec<u8>>) -> ContactId {
        let known = keys.iter().find_map(|k| self.by_key.get(k).copied());
        let id = known.unwrap_or_else(|| {
            self.next += 1;
            let id = ContactId(self.next);
            let first_key = keys.first().map_or(&[][..], Vec::as_slice);
            let uuid = derived_uuid(at, &[b"contact", first_key]);
            self.contacts.insert(id, Contact { uuid, legs: Vec::new(), members: 0, keys: Vec::new() });
            id
        });
        if let Some(c) = self.contacts.get_mut(&id) {
            c.members += 1;
            if c.legs.len() < MAX_LEGS {
                c.legs.push(leg);
            }
            for k in keys {
                if c.keys.len() < MAX_KEYS && !self.by_key.contains_key(&k) {
                    self.by_key.insert(k.clone(), id);
                    c.keys.push(k);
                }
            }
        }
        id
    }

    /// Moves everything of `newer` to `older`. Returns the legs moved.
    pub fn merge(&mut self, older: ContactId, newer: ContactId) -> Vec<LegId> {
        if older == newer || !self.contacts.contains_key(&older) {
            return Vec::new();
        }
        let Some(moved) = self.contacts.remove(&newer) else { return Vec::new() };
        let Some(c) = self.contacts.get_mut(&older) else { return Vec::new() };
        for k in moved.keys {
            if c.keys.len() < MAX_KEYS {
                self.by_key.insert(k.clone(), older);
                c.keys.push(k);
            } else {
                self.by_key.remove(&k);
            }
        }
        let room = MAX_LEGS.saturating_sub(c.legs.len());
        c.legs.extend(moved.legs.iter().take(room));
        c.members += moved.legs.len();
        moved.legs
    }

    /// A leg is forgotten; with its last leg the contact goes too.
    pub fn leave(&mut self, id: ContactId, leg: LegId) {
        let Some(c) = self.contacts.get_mut(&id) else { return };
        c.legs.retain(|l| *l != leg);
        c.members = c.members.saturating_sub(1);
        if c.members == 0
            && let Some(gone) = self.contacts.remove(&id)
        {
            for k in gone.keys {
                self.by_key.remove(&k);
            }
        }
    }

    /// Legs in the order they joined.
    pub fn legs(&self, id: ContactId) -> &[LegId] {
        self.contacts.get(&id).map_or(&[], |c| &c.legs)
    }

    /// UUID shared by the contact's recordings.
    pub fn uuid(&self, id: ContactId) -> Uuid {
        self.contacts.get(&id).map_or(Uuid::nil(), |c| c.uuid)
    }
}
