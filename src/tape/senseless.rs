//! Sound of one party that nobody here can decode, or that is encrypted: how much, for whoever watches.

use super::played::Played;

/// Sound that makes no sense: undecodable, encrypted.
#[derive(Debug, Default)]
pub(super) struct Senseless {
    /// Packets since the last look.
    pub new: [u32; 2],
    /// There were any.
    pub ever: [bool; 2],
}

impl Senseless {
    /// Some of it was played, or rather was not.
    pub fn note(&mut self, played: &Played) {
        let sealed = played.sealed;
        for (i, n) in
            [(played.undecodable.len() as u32).saturating_sub(sealed), sealed].into_iter().enumerate()
        {
            self.new[i] += n;
            self.ever[i] |= n > 0;
        }
    }
}
