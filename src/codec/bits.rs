//! Numbers of a few bits out of octets, the most significant bit first.

/// Reads a payload bit by bit.
#[derive(Clone, Copy, Debug)]
pub struct Bits<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// From the first bit on.
    pub fn new(octets: &'a [u8]) -> Bits<'a> {
        Bits { octets, at: 0 }
    }

    /// Bits not yet read.
    pub fn left(&self) -> usize {
        (8 * self.octets.len()).saturating_sub(self.at)
    }

    /// The next `n` bits, 16 at most; zeros behind the end.
    pub fn take(&mut self, n: u32) -> u16 {
        let mut value = 0;
        for _ in 0..n {
            let octet = self.octets.get(self.at / 8).copied().unwrap_or(0);
            value = value << 1 | u16::from(octet >> (7 - self.at % 8) & 1);
            self.skip(1);
        }
        value
    }

    /// Leaves the next `n` bits out.
    pub fn skip(&mut self, n: usize) {
        self.at = self.at.saturating_add(n);
    }

    /// Appends the next `n` bits in whole octets, the last one filled with zeros; `None` where there
    /// are fewer.
    pub fn copy(&mut self, n: usize, out: &mut Vec<u8>) -> Option<()> {
        if n > self.left() {
            return None;
        }
        for start in (0..n).step_by(8) {
            let bits = (n - start).min(8) as u32;
            out.push((self.take(bits) << (8 - bits)) as u8);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_taken_in_order_and_copied_to_whole_octets() {
        let mut bits = Bits::new(&[0b1010_0101, 0b1100_0011, 0xFF]);
        assert_eq!((bits.take(3), bits.left()), (0b101, 21));
        let mut out = Vec::new();
        assert_eq!(bits.copy(12, &mut out), Some(()));
        assert_eq!(out, [0b0010_1110, 0b0001_0000]);
        assert_eq!(bits.copy(10, &mut out), None);
        bits.skip(7);
        assert_eq!((bits.take(4), bits.left()), (0b1100, 0));
        bits.skip(usize::MAX);
        assert_eq!(bits.take(16), 0);
    }
}
