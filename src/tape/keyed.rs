//! Which streams a key agreement on the media path (ZRTP, RFC 6189) has made secret.
//!
//! A Confirm message is one datagram, and anybody can send one. Both parties' are needed, from
//! addresses that are theirs, before a stream is taken for encrypted unless it shows that
//! it is not; a single one, from wherever, only says that one which looks encrypted is.

use super::meaning::Meaning;
use super::proof::{Look, Proof};
use crate::id::Channel;
use crate::rtp::standing::{Standing, Trust};
use smallvec::SmallVec;

/// SSRCs of each party remembered.
const MAX_KEYED: usize = 8;

/// How far a stream is taken for encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Encryption {
    /// Not at all.
    #[default]
    None,
    /// If it looks so.
    Hinted,
    /// Unless it shows that it is in clear.
    Agreed,
}

/// What was confirmed.
#[derive(Debug, Default)]
pub(super) struct Keyed {
    ssrcs: [SmallVec<[u32; 1]>; 2],
    is_hinted: bool,
}

impl Keyed {
    /// A Confirm of `channel`'s party for its stream `ssrc`.
    pub fn note(&mut self, channel: Channel, standing: Standing, ssrc: u32) {
        self.is_hinted = true;
        let known = &mut self.ssrcs[channel as usize];
        if standing.trust() == Trust::Named && known.len() < MAX_KEYED && !known.contains(&ssrc) {
            known.push(ssrc);
        }
    }

    /// What that means for a stream.
    pub fn of(&self, channel: Channel, ssrc: u32) -> Encryption {
        let is_agreed =
            self.ssrcs.iter().all(|s| !s.is_empty()) && self.ssrcs[channel as usize].contains(&ssrc);
        match (is_agreed, self.is_hinted) {
            (true, _) => Encryption::Agreed,
            (false, true) => Encryption::Hinted,
            (false, false) => Encryption::None,
        }
    }
}

/// Whether what a source sends can be heard by whoever has not got the keys.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Secrecy {
    /// What was agreed on the media path.
    pub keys: Encryption,
    /// What the stream shows of itself.
    pub proof: Proof,
}

impl Secrecy {
    /// A payload of this meaning and look is ciphertext.
    pub fn hides(&self, meaning: &Meaning, look: Look) -> bool {
        match (self.keys, meaning.is_sealed) {
            (_, true) => !(self.proof.clears(look) && self.proof.is_uneven()),
            (Encryption::Agreed, false) => !self.proof.clears(look),
            (Encryption::Hinted, false) => self.proof.seals(look),
            (Encryption::None, false) => meaning.is_hinted && self.proof.seals(look),
        }
    }

    /// A payload of this meaning and look can be played.
    pub fn is_sound(&self, meaning: &Meaning, look: Look) -> bool {
        meaning.carries.is_sound() && !self.hides(meaning, look)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Channel::{Agent, Customer};

    #[test]
    fn both_parties_confirm_from_their_own_addresses() {
        let mut k = Keyed::default();
        assert_eq!(k.of(Agent, 7), Encryption::None);
        k.note(Customer, Standing::Other, 3);
        k.note(Agent, Standing::Claimed, 7);
        assert_eq!([k.of(Agent, 7), k.of(Customer, 3)], [Encryption::Hinted; 2]);
        k.note(Customer, Standing::Nat, 4);
        assert_eq!([k.of(Agent, 7), k.of(Customer, 4)], [Encryption::Agreed; 2]);
        assert_eq!(
            [k.of(Agent, 8), k.of(Customer, 3)],
            [Encryption::Hinted; 2],
            "other streams are not meant"
        );
    }
}
