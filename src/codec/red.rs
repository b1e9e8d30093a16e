//! Redundant audio (RFC 2198): the newest block, without the copies of those before.
//!
//! ```text
//!  0                   1                    2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3  4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |F|   block PT  |  timestamp offset         |   block length    |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |0|   block PT  |  of the primary block, whose length is the rest
//! +-+-+-+-+-+-+-+-+
//! ```

use super::def::{CodecDef, PayloadRole};

/// RFC 2198.
pub const RED: CodecDef = CodecDef { names: &["red"], role: PayloadRole::Redundant, ..CodecDef::UNKNOWN };

/// Copies in one packet, at most.
const MAX_BLOCKS: usize = 32;

/// Payload type and octets of the primary block; `None` where the headers do not fit.
pub fn primary(payload: &[u8]) -> Option<(u8, &[u8])> {
    let (mut rest, mut copies) = (payload, 0);
    for _ in 0..MAX_BLOCKS {
        match rest {
            [first, after @ ..] if first & 0x80 == 0 => {
                return after.get(copies..).map(|block| (*first, block));
            }
            [first, _, hi, lo, after @ ..] if first & 0x80 != 0 => {
                copies += usize::from(u16::from_be_bytes([hi & 3, *lo]));
                rest = after;
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_block_is_the_last() {
        assert_eq!(primary(&[8, 1, 2, 3]), Some((8, &[1, 2, 3][..])));
        let two = [0x80, 0, 0, 2, 0x88, 2, 0x80, 1, 0, 71, 72, 81, 9, 10];
        assert_eq!(primary(&two), Some((0, &[9, 10][..])));
        assert_eq!(primary(&[8]), Some((8, &[][..])));
        for bad in [&[][..], &[0x80], &[0x80, 0, 0, 9, 8, 1], &[0x80; 400]] {
            assert_eq!(primary(bad), None, "{bad:?}");
        }
    }
}
