//! A map that never holds more than it was made for: the oldest entry goes.
//!
//! Entries live in slots linked from oldest to newest, so that eviction needs
//! no search and its order does not depend on the hash seed (a replay gives
//! the same twice). Knows nothing of what it holds.

use foldhash::quality::RandomState;
use hashbrown::HashMap;
use std::hash::Hash;

const NONE: u32 = u32::MAX;

/// A slot number, stable while its entry lives.
pub(crate) type SlotId = u32;

struct Slot<K, V> {
    /// `None` while the slot is free.
    entry: Option<(K, V)>,
    older: u32,
    /// Of a free slot: the next free one.
    newer: u32,
}

/// A bounded map in order of age. Keys are hashed with a seed: they come from the network.
pub(crate) struct Lru<K, V> {
    index: HashMap<K, SlotId, RandomState>,
    slots: Vec<Slot<K, V>>,
    free: u32,
    oldest: u32,
    newest: u32,
    capacity: usize,
}

impl<K: Copy + Eq + Hash, V> Lru<K, V> {
    /// Holds `capacity` entries at most, one at least. Memory is taken as it fills.
    pub(crate) fn new(capacity: usize) -> Self {
        Lru {
            index: HashMap::default(),
            slots: Vec::new(),
            free: NONE,
            oldest: NONE,
            newest: NONE,
            capacity: capacity.clamp(1, NONE as usize - 1),
        }
    }

    /// Entries held.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Where `key` is.
    pub(crate) fn find(&self, key: &K) -> Option<SlotId> {
        self.index.get(key).copied()
    }

    /// The value in a slot.
    pub(crate) fn get_mut(&mut self, id: SlotId) -> Option<&mut V> {
        self.slots.get_mut(id as usize)?.entry.as_mut().map(|(_, value)| value)
    }

    /// The key and value in a slot.
    pub(crate) fn entry_mut(&mut self, id: SlotId) -> Option<(K, &mut V)> {
        self.slots.get_mut(id as usize)?.entry.as_mut().map(|(key, value)| (*key, value))
    }

    /// The key and value that have been there longest.
    pub(crate) fn oldest(&self) -> Option<(SlotId, &K, &V)> {
        let slot = self.slots.get(self.oldest as usize)?;
        slot.entry.as_ref().map(|(key, value)| (self.oldest, key, value))
    }

    /// Makes an entry the newest.
    pub(crate) fn touch(&mut self, id: SlotId) {
        if self.newest != id && self.slots.get(id as usize).is_some_and(|s| s.entry.is_some()) {
            self.unlink(id);
            self.link_newest(id);
        }
    }

    /// Whether an insertion would push the oldest out.
    pub(crate) fn is_full(&self) -> bool {
        self.index.len() >= self.capacity
    }

    /// Adds or replaces; make room first where the evicted entry matters ([`Lru::is_full`]).
    pub(crate) fn insert(&mut self, key: K, value: V) -> SlotId {
        if let Some(id) = self.find(&key) {
            self.remove(id);
        }
        while self.is_full() {
            self.remove(self.oldest);
        }
        let slot = Slot { entry: Some((key, value)), older: NONE, newer: NONE };
        let id = if let Some(place) = self.slots.get_mut(self.free as usize) {
            let id = self.free;
            self.free = place.newer;
            *place = slot;
            id
        } else {
            self.slots.push(slot);
            (self.slots.len() - 1) as u32
        };
        self.link_newest(id);
        self.index.insert(key, id);
        id
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, id: SlotId) -> Option<(K, V)> {
        let entry = self.slots.get_mut(id as usize)?.entry.take()?;
        self.unlink(id);
        self.slots[id as usize].newer = self.free;
        self.free = id;
        self.index.remove(&entry.0);
        Some(entry)
    }

    fn unlink(&mut self, id: SlotId) {
        let Slot { older, newer, .. } = self.slots[id as usize];
        match self.slots.get_mut(older as usize) {
            Some(slot) => slot.newer = newer,
            None => self.oldest = newer,
        }
        match self.slots.get_mut(newer as usize) {
            Some(slot) => slot.older = older,
            None => self.newest = older,
        }
    }

    fn link_newest(&mut self, id: SlotId) {
        let before = self.newest;
        match self.slots.get_mut(before as usize) {
            Some(slot) => slot.newer = id,
            None => self.oldest = id,
        }
        let slot = &mut self.slots[id as usize];
        (slot.older, slot.newer) = (before, NONE);
        self.newest = id;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_and_slots_are_used_again() {
        let mut lru = Lru::new(3);
        for n in 0..3u32 {
            lru.insert(n, n * 10);
        }
        let zero = lru.find(&0).expect("held");
        lru.touch(zero);
        lru.insert(3, 30);
        assert_eq!(lru.find(&1), None);
        assert_eq!(lru.oldest().map(|(_, k, _)| *k), Some(2));
        assert_eq!(lru.slots.len(), 3);
        assert_eq!(lru.remove(zero), Some((0, 0)));
        assert_eq!(lru.remove(zero), None);
        lru.insert(2, 22);
        assert_eq!(lru.len(), 2);
        for value in [30, 22] {
            let (id, _, held) = lru.oldest().expect("held");
            assert_eq!(*held, value);
            lru.remove(id);
        }
        assert!(lru.oldest().is_none());
    }
}
