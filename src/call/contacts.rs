//! Contacts: the legs that belong to one customer's call.
//!
//! Legs share a contact when they share a Call-ID or the value of a correlation
//! header, or when one was transferred into another. What a leg without an
//! agent tells (who called, which number) completes the agent's leg through
//! here, and recordings of one contact share its UUID.

use super::decision::{Unrecorded, UnrecordedCall};
use super::ids::{ContactId, LegId};
use crate::id::derived_uuid;
use crate::time::Timestamp;
use foldhash::quality::RandomState;
use std::collections::BTreeSet;
use std::collections::HashMap;
use uuid::Uuid;

#[derive(Debug, Default)]
struct Contact {
    uuid: Uuid,
    /// In the order of their INVITEs; no more than there are legs.
    legs: BTreeSet<LegId>,
    keys: Vec<Vec<u8>>,
    /// A call of it was recorded.
    recorded: bool,
    /// An agent has talked with the customer, and does no more.
    served: bool,
    /// On one of its legs somebody asked not to be known.
    withheld: bool,
    /// Its calls that were not recorded; told when all of it is known.
    left_out: Vec<UnrecordedCall>,
}

/// Legs of one contact that are searched for another one's sake.
const MAX_SEARCHED: usize = 32;
/// Calls of one contact that are told as not recorded; a contact has a handful.
const MAX_LEFT_OUT: usize = 64;
/// Keys of one contact; a leg that has only others begins a contact of its own.
const MAX_KEYS: usize = 128;

impl Contact {
    /// The customer's way through queues to an agent who was recorded is no call that was left
    /// out; and who asked not to be known on one leg is not to be known by another.
    fn left_out(&mut self) -> Vec<UnrecordedCall> {
        let mut calls = std::mem::take(&mut self.left_out);
        calls.retain(|c| !(self.recorded && c.reason == Unrecorded::NoAgent));
        if self.withheld {
            calls.iter_mut().for_each(|c| c.ends.caller = None);
        }
        calls
    }
}

/// All contacts that have a living leg.
#[derive(Debug, Default)]
pub struct Contacts {
    /// See [`super::Overflow::parts`].
    pub(super) no_room: u64,
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
            self.contacts.insert(id, Contact { uuid, ..Contact::default() });
            id
        });
        if let Some(c) = self.contacts.get_mut(&id) {
            c.legs.insert(leg);
            for k in keys {
                if self.by_key.contains_key(&k) {
                    continue;
                }
                if c.keys.len() >= MAX_KEYS {
                    self.no_room += 1;
                    continue;
                }
                self.by_key.insert(k.clone(), id);
                c.keys.push(k);
            }
        }
        id
    }

    /// Moves everything of `newer` to `older`. Returns the legs moved.
    pub fn merge(&mut self, older: ContactId, newer: ContactId) -> BTreeSet<LegId> {
        if older == newer || !self.contacts.contains_key(&older) {
            return BTreeSet::new();
        }
        let Some(moved) = self.contacts.remove(&newer) else { return BTreeSet::new() };
        let Some(c) = self.contacts.get_mut(&older) else { return BTreeSet::new() };
        for k in moved.keys {
            if c.keys.len() < MAX_KEYS {
                self.by_key.insert(k.clone(), older);
                c.keys.push(k);
            } else {
                self.by_key.remove(&k);
                self.no_room += 1;
            }
        }
        c.legs.extend(&moved.legs);
        c.recorded |= moved.recorded;
        c.served |= moved.served;
        c.withheld |= moved.withheld;
        c.left_out.extend(moved.left_out);
        moved.legs
    }

    /// A leg is forgotten; with its last leg the contact goes too, and tells what of it was
    /// not recorded.
    pub fn leave(&mut self, id: ContactId, leg: LegId) -> Vec<UnrecordedCall> {
        let Some(c) = self.contacts.get_mut(&id) else { return Vec::new() };
        c.legs.remove(&leg);
        if !c.legs.is_empty() {
            return Vec::new();
        }
        let Some(mut gone) = self.contacts.remove(&id) else { return Vec::new() };
        for k in &gone.keys {
            self.by_key.remove(k);
        }
        gone.left_out()
    }

    /// A call of the contact is recorded.
    pub fn is_recorded(&mut self, id: ContactId, withheld: bool) {
        if let Some(c) = self.contacts.get_mut(&id) {
            c.recorded = true;
            c.withheld |= withheld;
        }
    }

    /// None of its calls under way is recorded after all.
    pub fn is_unrecorded(&mut self, id: ContactId) {
        if let Some(c) = self.contacts.get_mut(&id) {
            c.recorded = c.served;
        }
    }

    /// An agent has talked with the customer, and does no more.
    pub fn serve(&mut self, id: ContactId) {
        if let Some(c) = self.contacts.get_mut(&id) {
            c.served = true;
        }
    }

    /// Has an agent talked with the customer before?
    pub fn is_served(&self, id: ContactId) -> bool {
        self.contacts.get(&id).is_some_and(|c| c.served)
    }

    /// A call of the contact is not recorded.
    pub fn leave_out(&mut self, id: ContactId, call: UnrecordedCall, withheld: bool) {
        let Some(c) = self.contacts.get_mut(&id) else { return };
        c.withheld |= withheld;
        if c.left_out.len() < MAX_LEFT_OUT {
            c.left_out.push(call);
        } else {
            self.no_room += 1;
        }
    }

    /// What was not recorded of contacts that are not over, when the capture is.
    pub fn all_left_out(&mut self) -> Vec<UnrecordedCall> {
        let mut ids: Vec<ContactId> = self.contacts.keys().copied().collect();
        ids.sort_unstable();
        ids.iter().filter_map(|id| Some(self.contacts.get_mut(id)?.left_out())).flatten().collect()
    }

    /// Legs in the order of their INVITEs, those of very large contacts within a bound.
    pub fn legs(&self, id: ContactId) -> impl DoubleEndedIterator<Item = LegId> {
        let (first, last) = match self.contacts.get(&id) {
            Some(c) => {
                let first: Vec<LegId> = c.legs.iter().copied().take(MAX_SEARCHED).collect();
                let newer = c.legs.iter().rev().copied().take(c.legs.len() - first.len());
                (first, newer.take(MAX_SEARCHED).collect::<Vec<_>>())
            }
            None => (Vec::new(), Vec::new()),
        };
        first.into_iter().chain(last.into_iter().rev())
    }

    /// UUID shared by the contact's recordings.
    pub fn uuid(&self, id: ContactId) -> Uuid {
        self.contacts.get(&id).map_or(Uuid::nil(), |c| c.uuid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> Vec<u8> {
        format!("call-id:{n}").into_bytes()
    }

    #[test]
    fn keys_beyond_the_bound_are_counted() {
        let (mut contacts, at) = (Contacts::default(), Timestamp::from_ns(0));
        let first = contacts.join(LegId(1), at, (0..MAX_KEYS).map(key).collect());
        assert_eq!(contacts.no_room, 0);
        // Known keys need no room; new ones find none, and the next leg with one of those is a stranger.
        assert_eq!(contacts.join(LegId(2), at, vec![key(0), key(1), key(1000), key(1001)]), first);
        assert_eq!(contacts.no_room, 2);
        let other = contacts.join(LegId(3), at, vec![key(1000), key(1001), key(1002)]);
        assert_ne!(other, first);
        contacts.merge(first, other);
        assert_eq!(contacts.no_room, 5);
        assert_ne!(contacts.join(LegId(4), at, vec![key(1002)]), first);
    }
}
