//! Comfort noise (RFC 3389): the sender stopped sending sound and says what
//! its background is like.
//!
//! A recording shows what was sent: here that is silence, and the packet has
//! no length of its own. It appends no samples; the timeline's silence stands
//! until sound comes again.

/// True when `payload` is a well-formed comfort-noise payload: a noise level
/// octet whose top bit is zero (§3), then any reflection coefficients.
pub fn is_valid(payload: &[u8]) -> bool {
    payload.first().is_some_and(|level| level & 0x80 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_octet() {
        assert!(is_valid(&[0x30]));
        assert!(is_valid(&[0x7F, 1, 2]));
        assert!(!is_valid(&[0x80]));
        assert!(!is_valid(&[]));
    }
}
