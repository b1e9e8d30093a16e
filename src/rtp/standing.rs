//! What speaks for the address a media packet comes from.
//!
//! Belief has ranks: what ranks lower never displaces, silences, mixes over or
//! locks out what ranks higher. Which rank a packet has is the pairing's to say;
//! it travels with the packet to whoever plays it.

/// How the source of a packet is known to be its speaker's, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// `c=` and `m=` of the speaker's description name it (RFC 8866 §5.7, §5.14).
    Claimed,
    /// Nobody names it, but media ran both ways between it and the other party: where a NAT
    /// shows the speaker (RFC 4961).
    Nat,
    /// An ICE candidate of the speaker's description names it (RFC 8839 §5.1).
    Candidate,
    /// Nothing: anybody may send from there.
    Other,
}

impl Standing {
    /// As it stands in the sidecar.
    pub fn name(self) -> &'static str {
        match self {
            Standing::Claimed => "claimed",
            Standing::Nat => "nat",
            Standing::Candidate => "candidate",
            Standing::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_comes_first() {
        let all = [Standing::Claimed, Standing::Nat, Standing::Candidate, Standing::Other];
        assert!(all.is_sorted());
        assert_eq!(all.map(Standing::name), ["claimed", "nat", "candidate", "other"]);
    }
}
