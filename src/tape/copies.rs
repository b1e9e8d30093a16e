//! Copies of packets that came with later ones (RFC 2198), until it is known whether the packets
//! themselves did.
//!
//! What a copy's packet was numbered is not said, only its timestamp: by that it finds its place.

/// Copies kept of one source: a second and more of what never came by itself.
const MAX_COPIES: usize = 64;

/// One copy.
#[derive(Clone, Debug)]
pub(super) struct KeptCopy {
    /// When it came, from the answer.
    pub at_ns: i64,
    /// Timestamp that its packet had.
    pub timestamp: u32,
    /// How much later that of the packet is that it came with.
    pub offset: u32,
    /// How long it lasts, in units of its clock.
    pub ticks: i64,
    /// What it means.
    pub meaning: u8,
    /// The sound.
    pub payload: Vec<u8>,
}

/// The copies of one source.
#[derive(Debug, Default)]
pub(super) struct Copies {
    kept: Vec<KeptCopy>,
}

impl Copies {
    /// Keeps one; of two copies of one packet the first.
    pub fn keep(&mut self, copy: KeptCopy) {
        if self.kept.len() < MAX_COPIES && self.kept.iter().all(|c| c.timestamp != copy.timestamp) {
            self.kept.push(copy);
        }
    }

    /// Takes out the one with the least place; `place` has none for those that do not fit.
    pub fn take_first(&mut self, place: impl Fn(&KeptCopy) -> Option<i64>) -> Option<(i64, KeptCopy)> {
        let places = self.kept.iter().enumerate().filter_map(|(i, c)| Some((place(c)?, i)));
        let (place, i) = places.min()?;
        Some((place, self.kept.swap_remove(i)))
    }

    /// Forgets those that came by then: the packets they came with are played.
    pub fn forget(&mut self, came_by_ns: i64) {
        self.kept.retain(|c| c.at_ns > came_by_ns);
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(timestamp: u32, at_ns: i64) -> KeptCopy {
        KeptCopy { at_ns, timestamp, offset: 160, ticks: 160, meaning: 0, payload: vec![1] }
    }

    #[test]
    fn the_earliest_that_fits_is_taken_and_each_but_once() {
        let mut copies = Copies::default();
        for ts in [480, 160, 320, 160] {
            copies.keep(copy(ts, 7));
        }
        let mut take = || {
            let found = copies.take_first(|c| (c.timestamp < 480).then_some(i64::from(c.timestamp)));
            found.map(|(place, _)| place)
        };
        assert_eq!([take(), take(), take()], [Some(160), Some(320), None]);
        copies.keep(copy(640, 9));
        copies.forget(7);
        assert_eq!(copies.take_first(|_| Some(0)).map(|(_, c)| c.timestamp), Some(640));
        assert!(copies.is_empty());
        (0..1000).for_each(|ts| copies.keep(copy(ts, 1)));
        assert_eq!(copies.kept.len(), MAX_COPIES);
    }
}
