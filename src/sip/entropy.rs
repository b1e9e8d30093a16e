//! Words that nobody can guess, out of a seed given once: tags, branches and keys.

use sha2::{Digest as _, Sha256};

/// A source of them.
pub struct Entropy {
    seed: [u8; 32],
    used: u64,
}

impl Entropy {
    /// From a seed.
    pub fn new(seed: [u8; 32]) -> Entropy {
        Entropy { seed, used: 0 }
    }

    /// So many octets.
    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(n + 32);
        while out.len() < n {
            self.used += 1;
            out.extend(
                Sha256::new().chain_update(self.seed).chain_update(self.used.to_be_bytes()).finalize(),
            );
        }
        out.truncate(n);
        out
    }

    /// A tag.
    pub fn word(&mut self) -> String {
        hex::encode(self.bytes(8))
    }

    /// A branch (RFC 3261 §8.1.1.7).
    pub fn branch(&mut self) -> String {
        format!("z9hG4bK{}", self.word())
    }
}

impl std::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entropy")
    }
}
