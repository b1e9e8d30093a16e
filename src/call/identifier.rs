//! Call-IDs, tags and branches as they are followed and stored.
//!
//! Whoever sends an INVITE chooses them (RFC 3261 §8.1.1). So a long one may not
//! fill memory, nor keep a call from being followed, and one made of the
//! caller's number may not carry it into a file: in both cases its hash stands
//! for it.

use super::rules::SUBSCRIBER_DIGITS;
use crate::pii::Pii;
use crate::sip::percent_decode;
use sha2::{Digest, Sha256};
use std::ops::Deref;

/// Longest Call-ID, tag and branch that are kept as they are, bytes.
pub const MAX_ID: usize = 512;
/// What a hash begins with.
const PREFIX: &[u8; 7] = b"sha256:";
/// Bytes of the digest that are written.
const DIGEST_BYTES: usize = 8;
/// The prefix, and two digits for each byte.
const HASH_LEN: usize = PREFIX.len() + 2 * DIGEST_BYTES;

/// An identifier as it is followed.
#[derive(Clone, Copy, Debug)]
pub enum Identifier<'m> {
    /// As received.
    Whole(&'m [u8]),
    /// The hash of one longer than `MAX_ID`.
    Hash([u8; HASH_LEN]),
}

impl<'m> Identifier<'m> {
    /// Of what stands in a message.
    pub fn new(bytes: &'m [u8]) -> Self {
        if bytes.len() <= MAX_ID { Identifier::Whole(bytes) } else { Identifier::Hash(hash(bytes)) }
    }
}

impl Deref for Identifier<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Identifier::Whole(bytes) => bytes,
            Identifier::Hash(hash) => hash,
        }
    }
}

fn hash(bytes: &[u8]) -> [u8; HASH_LEN] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = [0; HASH_LEN];
    let (prefix, digits) = out.split_at_mut(PREFIX.len());
    prefix.copy_from_slice(PREFIX);
    for (pair, byte) in digits.chunks_exact_mut(2).zip(Sha256::digest(bytes)) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    out
}

/// What stands for a Call-ID where none may be read: its hash tells calls apart, and one that is
/// known from elsewhere can be looked for. `None` where only the start of a message was seen; of
/// one that is known by its hash alone, that.
pub fn call_id_hash(call_id: &str) -> Option<String> {
    let is_hash = call_id.len() == HASH_LEN
        && call_id.as_bytes().strip_prefix(PREFIX).is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit));
    let text = match is_hash {
        true => call_id.to_owned(),
        false => String::from_utf8_lossy(&hash(call_id.as_bytes())).into_owned(),
    };
    (!call_id.is_empty()).then_some(text)
}

/// A Call-ID as it may be stored: by its hash where it holds seven or more successive
/// digits of one of these numbers, however they are set apart or escaped.
pub fn stored_call_id<'a>(call_id: &[u8], secret: impl IntoIterator<Item = &'a Pii<String>>) -> String {
    let forms = [digits(call_id), digits(&percent_decode(call_id))];
    let holds = |window: &[u8]| forms.iter().any(|f| memchr::memmem::find(f, window).is_some());
    let mut secret = secret.into_iter().map(|number| digits(number.expose().as_bytes()));
    let kept = match secret.any(|number| number.windows(SUBSCRIBER_DIGITS).any(holds)) {
        true => hash(call_id).to_vec(),
        false => call_id.to_vec(),
    };
    String::from_utf8_lossy(&kept).into_owned()
}

fn digits(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(u8::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_ones_are_followed_by_their_hash() {
        let long = [b'x'; MAX_ID + 1];
        assert_eq!(&*Identifier::new(&long[1..]), &long[1..]);
        let hash = Identifier::new(&long);
        assert_eq!((&hash[..7], hash.len()), (&b"sha256:"[..], 23));
        assert!(hash[7..].iter().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b)));
        assert_ne!(&*hash, &*Identifier::new(&[long, [b'y'; MAX_ID + 1]].concat()));
    }

    #[test]
    fn a_hash_is_that_of_sha_256() {
        // The first eight bytes of the digest of "abc" (FIPS 180-4).
        assert_eq!(&hash(b"abc"), b"sha256:ba7816bf8f01cfea");
    }

    #[test]
    fn what_is_told_by_its_hash_is_hashed_once() {
        let hash = "sha256:ba7816bf8f01cfea";
        assert_eq!(call_id_hash("abc").as_deref(), Some(hash));
        assert_eq!(call_id_hash(hash).as_deref(), Some(hash));
        assert_eq!(call_id_hash(""), None);
        let likeness = "sha256:not-a-hash-atall";
        assert!(call_id_hash(likeness).is_some_and(|h| h != likeness), "a caller's own words");
    }

    #[test]
    fn a_call_id_never_carries_a_number() {
        let number = [Pii::new("+358401234567".to_owned())];
        for call_id in [
            "0401234567@pbx",
            "+358401234567",
            "x-358-40-123-45-67-y@10.0.0.1",
            "a(040) 123 4567",
            "%2B358401234567%40h",
            "%34%30%31%32%33%34%35%36%37",
            "4.0.1.2.3.4.5",
            "z1234567z",
            "u40-u12-u34-u56-u7",
        ] {
            let stored = stored_call_id(call_id.as_bytes(), &number);
            assert!(stored.starts_with("sha256:") && stored.len() == 23, "{call_id}: {stored}");
        }
        for call_id in ["123456@pbx", "0a1b2c3d-4e5f@10.0.0.1", "", "7654321", "ladder-1", "35840-999-123456"]
        {
            assert_eq!(stored_call_id(call_id.as_bytes(), &number), call_id);
        }
        assert_eq!(stored_call_id(b"116117-1", &[Pii::new("116117".to_owned())]), "116117-1");
        assert_eq!(stored_call_id(b"0401234567", &[]), "0401234567");
    }
}
