//! Identifiers: newtypes inside the process, UUIDs outside.
//!
//! The UUID of a recording derives from the call itself (RFC 9562 layout,
//! version 7: the answer's millisecond, then a hash), so that the same frames
//! give the same names on every run.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Uuid;

/// A recording inside one run of the engine; never stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordingId(pub u64);

impl fmt::Display for RecordingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0 >> 32)
    }
}

/// The side of the WAV a party is on.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// The left channel.
    Customer = 0,
    /// The right channel.
    Agent = 1,
}

impl Channel {
    /// In the order of the file: left, right.
    pub const BOTH: [Channel; 2] = [Channel::Customer, Channel::Agent];

    /// The other side.
    pub fn other(self) -> Channel {
        match self {
            Channel::Customer => Channel::Agent,
            Channel::Agent => Channel::Customer,
        }
    }

    /// As it stands in the sidecar.
    pub fn name(self) -> &'static str {
        match self {
            Channel::Customer => "customer",
            Channel::Agent => "agent",
        }
    }
}

/// A UUIDv7 whose time is `at` and whose remaining 74 bits are a hash of `parts`.
pub fn derived_uuid(at: Timestamp, parts: &[&[u8]]) -> Uuid {
    let mut h = Sha256::new();
    for p in parts {
        // Length first: ("ab","c") and ("a","bc") must differ.
        h.update((p.len() as u64).to_be_bytes());
        h.update(p);
    }
    let digest = h.finalize();
    let mut rand = [0u8; 10];
    rand.copy_from_slice(&digest[..10]);
    uuid::Builder::from_unix_timestamp_millis(at.as_ms().max(0) as u64, &rand).into_uuid()
}

/// The time in a UUIDv7: of a recording's, that of its answer, to the millisecond.
pub fn time_of(id: Uuid) -> Option<Timestamp> {
    let (seconds, ns) = id.get_timestamp()?.to_unix();
    Some(Timestamp::from_parts(i64::try_from(seconds).ok()?, ns))
}

/// The digits of [`short_hex`] as a number.
pub fn short_of(id: Uuid) -> u32 {
    let [.., a, b, c, d] = *id.as_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// The eight hexadecimal digits that end a recording's file name: the last
/// ones of its UUID, which carry hash bits only.
pub fn short_hex(id: Uuid) -> String {
    let mut text = String::new();
    push_short(id, &mut text);
    text
}

/// Appends [`short_hex`].
pub fn push_short(id: Uuid, text: &mut String) {
    let mut buffer = [0; uuid::fmt::Simple::LENGTH];
    text.push_str(&id.simple().encode_lower(&mut buffer)[24..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_are_version_7_and_repeatable() {
        let at = Timestamp::from_parts(1_700_000_000, 0);
        let a = derived_uuid(at, &[b"call", b"tag"]);
        assert_eq!(a, derived_uuid(at, &[b"call", b"tag"]));
        assert_ne!(a, derived_uuid(at, &[b"callt", b"ag"]));
        assert_eq!(a.get_version_num(), 7);
        assert_eq!(short_hex(a).len(), 8);
    }
}
