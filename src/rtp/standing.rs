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
    /// Nobody names the port, but the speaker describes the host as his, or sends his SIP from it.
    Host,
    /// Nothing, but that the other party is at the host: both may be behind one NAT.
    Beside,
    /// Nothing: anybody may send from there.
    Other,
}

/// How much a [`Standing`] is worth where two of them contradict each other, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trust {
    /// The address is the speaker's.
    Named,
    /// It may well be: whoever shares the speaker's host could send from there.
    Likely,
    /// Nothing speaks for it.
    None,
}

/// In the number that a flow goes by, the bits above this tell its source, whatever its destination.
pub const SOURCE_SHIFT: u32 = 12;

/// What two flows of one source address share.
pub fn source_of(flow: u32) -> u32 {
    flow >> SOURCE_SHIFT
}

impl Standing {
    /// What it is worth.
    pub fn trust(self) -> Trust {
        match self {
            Standing::Claimed | Standing::Nat | Standing::Candidate => Trust::Named,
            Standing::Host => Trust::Likely,
            Standing::Beside | Standing::Other => Trust::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_comes_first() {
        use Standing::{Beside, Candidate, Claimed, Host, Nat, Other};
        let all = [Claimed, Nat, Candidate, Host, Beside, Other];
        assert!(all.is_sorted());
        assert!(all.map(Standing::trust).is_sorted());
    }
}
