//! One direction of a connection: its records, and where they begin.

use super::Secret;
use super::cipher::{HEADER, Opener};
use crate::time::Timestamp;
use std::ops::Range;

/// The longest record (RFC 5246 §6.2.3).
const MAX_RECORD: usize = (1 << 14) + 2048;

/// One direction.
#[derive(Default)]
pub(super) struct RecordStream {
    /// Of a record that is not whole yet.
    pub partial: Vec<u8>,
    /// When the last of them came.
    pub at: Timestamp,
    /// Of a message of the handshake that is not whole yet.
    pub messages: Vec<u8>,
    /// What it sends is sealed.
    pub is_sealed: bool,
    /// Past the handshake (TLS 1.3).
    pub is_settled: bool,
    /// Where its records are, and their numbers, is not known.
    pub is_lost: bool,
    pub candidates: u32,
    pub early: u32,
    pub opener: Option<Opener>,
    /// Of the keys in use (TLS 1.3).
    pub secret: Secret,
}

/// Where the next whole record is. In order it is at the start, or what is there is none and as good as
/// lost; after a loss it may be anywhere.
pub(super) fn next_record(bytes: &[u8], is_lost: bool) -> Option<Range<usize>> {
    let at = |start: usize| {
        let [.., a, b] = *bytes[start..].first_chunk::<HEADER>()?;
        Some(start..start + HEADER + usize::from(u16::from_be_bytes([a, b])))
    };
    if !is_lost {
        return at(0).filter(|r| r.end <= bytes.len() || !is_header(bytes));
    }
    (0..bytes.len())
        .filter(|start| is_header(&bytes[*start..]))
        .find_map(|start| at(start).filter(|r| r.end <= bytes.len()))
}

/// Whether a record may begin here.
pub(super) fn is_header(bytes: &[u8]) -> bool {
    let Some([kind, major, minor, a, b]) = bytes.first_chunk::<HEADER>() else { return true };
    let len = usize::from(u16::from_be_bytes([*a, *b]));
    (20..=24).contains(kind) && *major == 3 && *minor <= 4 && len > 0 && len <= MAX_RECORD
}

impl RecordStream {
    /// Its records are sealed from here on, by the keys that were agreed on last.
    pub fn change(&mut self) {
        (self.is_sealed, self.opener) = (true, None);
    }
}
