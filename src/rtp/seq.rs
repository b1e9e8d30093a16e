//! Wrap-around arithmetic of RTP (RFC 3550 §5.1, appendix A.1). Nowhere else
//! are sequence numbers or RTP timestamps added, compared or widened.
//!
//! A number is taken to lie within half its range of the one before; what lies
//! behind the first one is representable too, so extended numbers begin well
//! above zero and never underflow.

/// How far `a` lies after `b`, negative when before: -32768 to 32767.
pub const fn seq_diff(a: u16, b: u16) -> i16 {
    a.wrapping_sub(b) as i16
}

/// How far timestamp `a` lies after `b`, negative when before.
pub const fn ts_diff(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

/// Widens 16-bit sequence numbers to 64 bits that do not wrap.
///
/// The reference follows the highest number seen, so late packets widen to
/// smaller numbers and do not drag it back.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExtendedSeq {
    highest: Option<u64>,
}

/// Widens 32-bit RTP timestamps to 64 bits that do not wrap.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExtendedTs {
    last: Option<u64>,
}

impl ExtendedSeq {
    /// Before the first packet.
    pub const fn new() -> ExtendedSeq {
        ExtendedSeq { highest: None }
    }

    /// The extended number of `seq`: the one nearest to the highest so far.
    /// The first number starts in the second cycle: 65536 + `seq`.
    pub fn extend(&mut self, seq: u16) -> u64 {
        let extended = self.peek(seq);
        self.highest = Some(self.highest.map_or(extended, |h| h.max(extended)));
        extended
    }

    /// As [`ExtendedSeq::extend`], leaving the reference where it is.
    pub fn peek(&self, seq: u16) -> u64 {
        match self.highest {
            None => (1 << 16) + u64::from(seq),
            // Saturation is out of reach: 2^48 cycles forward, or 2 backward of a first cycle of 2.
            Some(h) => h.saturating_add_signed(i64::from(seq_diff(seq, h as u16))),
        }
    }

    /// The highest extended number so far.
    pub const fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Begins anew: the source restarted.
    pub fn reset(&mut self) {
        self.highest = None;
    }
}

impl ExtendedTs {
    /// Before the first packet.
    pub const fn new() -> ExtendedTs {
        ExtendedTs { last: None }
    }

    /// The extended timestamp nearest to the last one given; that of the first
    /// packet is 2^32 + `ts`. Later calls take this one as their reference.
    pub fn extend(&mut self, ts: u32) -> u64 {
        let extended = match self.last {
            None => (1 << 32) + u64::from(ts),
            Some(last) => last.saturating_add_signed(i64::from(ts_diff(ts, last as u32))),
        };
        self.last = Some(extended);
        extended
    }

    /// Begins anew: the source restarted.
    pub fn reset(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_at_the_wrap() {
        assert_eq!(seq_diff(0, 65_535), 1);
        assert_eq!(seq_diff(65_535, 0), -1);
        assert_eq!(seq_diff(5, 5), 0);
        assert_eq!(seq_diff(32_768, 0), -32_768);
        assert_eq!(ts_diff(10, u32::MAX - 9), 20);
        assert_eq!(ts_diff(u32::MAX - 9, 10), -20);
    }

    #[test]
    fn sequence_numbers_go_on_past_the_wrap() {
        let mut x = ExtendedSeq::new();
        let first = x.extend(65_534);
        assert_eq!(x.extend(65_535), first + 1);
        assert_eq!(x.extend(1), first + 3);
        assert_eq!(x.extend(0), first + 2, "late, of the new cycle");
        assert_eq!(x.extend(65_533), first - 1, "late, of the old cycle");
        assert_eq!(x.extend(2), first + 4);
        assert_eq!(x.highest(), Some(first + 4));
    }

    #[test]
    fn a_late_packet_before_the_first_does_not_underflow() {
        let mut x = ExtendedSeq::new();
        let first = x.extend(0);
        assert_eq!(x.extend(65_535), first - 1);
        assert_eq!(x.extend(1), first + 1);
        let mut t = ExtendedTs::new();
        let first = t.extend(0);
        assert_eq!(t.extend(u32::MAX - 159), first - 160);
    }

    #[test]
    fn many_cycles() {
        let mut x = ExtendedSeq::new();
        let first = x.extend(0);
        for i in 1..200_000u64 {
            assert_eq!(x.extend(i as u16), first + i);
        }
        let mut t = ExtendedTs::new();
        let first = t.extend(7);
        for i in 1..20u64 {
            let step = i * 1_000_000_000;
            assert_eq!(t.extend(7u32.wrapping_add(step as u32)), first + step);
        }
    }
}
