//! What there was no room for.

/// Counts since the start, each of a bound that was met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overflow {
    /// Legs forgotten because there were too many (`limits.calls`).
    pub legs: u64,
    /// Legs forgotten because all together held too much memory (`limits.memory`).
    pub legs_outweighed: u64,
    /// Times `limits.recordings` was reached: a call was refused, or an unheard one given up for it.
    pub recordings: u64,
    /// Parts that no table had room for: forks, hops, hosts and names of a call, keys of a contact, addresses
    /// of a party and parties of an address, REFERs, flows of calls just hung up or of parties that move, rows
    /// of the register; messages of a datagram, INVITEs cut short, paths of DTLS.
    pub parts: u64,
}
