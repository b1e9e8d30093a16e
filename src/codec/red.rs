//! Redundant audio (RFC 2198): the newest block, and copies of those before it.
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

/// A block that was sent before, in a packet of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedundantBlock<'a> {
    /// What it carries.
    pub payload_type: u8,
    /// How far its timestamp lies before the packet's, in units of the RTP clock.
    pub offset: u32,
    /// Its octets.
    pub payload: &'a [u8],
}

/// The copies in a packet, in its order, which is the oldest first; none where the headers do
/// not fit.
pub fn copies(payload: &[u8]) -> impl Iterator<Item = RedundantBlock<'_>> {
    let headers = payload.chunks(4).take(MAX_BLOCKS).take_while(|h| h[0] & 0x80 != 0);
    // The primary block's header is one octet.
    let mut start = 4 * headers.clone().count() + 1;
    let fits = primary(payload).is_some();
    headers.take_while(move |_| fits).filter_map(move |h| {
        let &[first, a, b, c] = h else { return None };
        let length = usize::from(u16::from_be_bytes([b & 3, c]));
        let from = start;
        start += length;
        let offset = u32::from(a) << 6 | u32::from(b) >> 2;
        Some(RedundantBlock {
            payload_type: first & 0x7F,
            offset,
            payload: payload.get(from..from + length)?,
        })
    })
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
        let copies_of = |p| copies(p).map(|c| (c.payload_type, c.offset, c.payload)).collect::<Vec<_>>();
        assert_eq!(copies_of(&two), [(0, 0, &[71, 72][..]), (8, 160, &[81][..])]);
        assert_eq!(copies_of(&[8, 1, 2, 3]), []);
        for bad in [&[][..], &[0x80], &[0x80, 0, 0, 9, 8, 1], &[0x80; 400]] {
            assert_eq!(primary(bad), None, "{bad:?}");
            assert_eq!(copies_of(bad), [], "{bad:?}");
        }
    }
}
