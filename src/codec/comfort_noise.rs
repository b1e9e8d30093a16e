//! Comfort noise (RFC 3389): the sender stopped sending sound and says what
//! its background is like.
//!
//! A recording shows what was sent: here that is silence, and the packet has
//! no length of its own. It appends no samples; the timeline's silence stands
//! until sound comes again.

use super::def::{CodecDef, Decode, DecodeError, PayloadRole};

/// RFC 3389. Type 19 is reserved because old equipment sends comfort noise with it.
pub const CN: CodecDef = CodecDef {
    names: &["CN"],
    role: PayloadRole::ComfortNoise,
    static_types: &[(13, 8000, 1), (19, 8000, 1)],
    decoder: Some(|_, output_hz| Some(Box::new(Silence { rate_hz: output_hz }))),
    ..CodecDef::UNKNOWN
};

/// Looks whether it is comfort noise, and gives no samples.
#[derive(Debug)]
struct Silence {
    rate_hz: u32,
}

impl Decode for Silence {
    fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    fn decode(&mut self, payload: &[u8], _: &mut Vec<i16>) -> Result<(), DecodeError> {
        if is_valid(payload) { Ok(()) } else { Err(DecodeError::Corrupt) }
    }
}

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
