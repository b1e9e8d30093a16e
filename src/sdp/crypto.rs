//! `a=crypto`: keys for SRTP that stand in the description (SDES, RFC 4568).
//!
//! What is kept of a line never prints, and is wiped when it is let go.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use std::fmt;
use zeroize::Zeroizing;

/// Lines kept of one media description.
pub const MAX_CRYPTO: usize = 8;
/// Keys kept of one line: more than one has a key identifier each (RFC 4568 §6.1).
const MAX_KEYS: usize = 4;
/// The longest identifier of a key, octets.
const MAX_MKI: usize = 128;
/// No suite is called by more characters.
const MAX_SUITE: usize = 40;
/// No suite has more octets of key and salt.
const MAX_KEY_SALT: usize = 64;

/// One line: what its maker encrypts with, should the answer take it.
#[derive(Clone, PartialEq, Eq)]
pub struct CryptoLine {
    /// The number that the answer names the line by.
    pub tag: u32,
    /// Name of the crypto suite, as it was written.
    pub suite: Box<str>,
    /// The keys, at least one.
    pub keys: Vec<InlineKey>,
}

/// A key of a line.
#[derive(Clone, PartialEq, Eq)]
pub struct InlineKey {
    /// Master key and master salt, one behind the other.
    pub key_salt: Zeroizing<Box<[u8]>>,
    /// How packets name the key; empty where they do not.
    pub mki: Box<[u8]>,
}

impl CryptoLine {
    /// `1 AES_CM_128_HMAC_SHA1_80 inline:KEY|LIFETIME|MKI:LENGTH PARAMETERS`. `None` for what
    /// cannot be read, and where parameters say that packets are not protected as the suite says.
    pub fn parse(value: &str) -> Option<CryptoLine> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next()?.parse().ok()?;
        let suite = words.next().filter(|s| s.len() <= MAX_SUITE)?;
        let keys: Vec<InlineKey> = words.next()?.split(';').take(MAX_KEYS).filter_map(key_of).collect();
        // UNENCRYPTED_SRTP, UNAUTHENTICATED_SRTP, FEC_KEY and KDR make something else of it.
        let is_plain = |w: &str| ["UNENCRYPTED_SRTCP", "WSH="].iter().any(|known| w.starts_with(known));
        (!keys.is_empty() && words.all(is_plain)).then(|| CryptoLine { tag, suite: suite.into(), keys })
    }

    /// About how many bytes of memory it holds.
    pub fn weight(&self) -> usize {
        size_of::<CryptoLine>() + self.keys.len() * (size_of::<InlineKey>() + MAX_KEY_SALT) + 64
    }
}

impl fmt::Debug for CryptoLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CryptoLine({} {}, {} keys)", self.tag, self.suite, self.keys.len())
    }
}

impl fmt::Debug for InlineKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InlineKey")
    }
}

/// `inline:BASE64`, with a lifetime, an identifier with its length, both or neither.
fn key_of(text: &str) -> Option<InlineKey> {
    let (method, info) = text.split_once(':')?;
    let mut parts = info.split('|');
    let encoded = parts.next().filter(|_| method.eq_ignore_ascii_case("inline"))?;
    let decoded = STANDARD.decode(encoded).or_else(|_| STANDARD_NO_PAD.decode(encoded)).ok()?;
    let key_salt = Zeroizing::new(decoded.into_boxed_slice());
    // `2^31` or a number is a lifetime, what has a colon an identifier.
    let mki = match parts.find_map(|p| p.split_once(':')) {
        Some((number, length)) => mki(number, length)?,
        None => Box::default(),
    };
    (key_salt.len() <= MAX_KEY_SALT).then_some(InlineKey { key_salt, mki })
}

/// A number in so many octets, most significant first.
fn mki(number: &str, length: &str) -> Option<Box<[u8]>> {
    let (number, length): (u64, usize) = (number.parse().ok()?, length.parse().ok()?);
    let bytes = number.to_be_bytes();
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    if !(1..=MAX_MKI).contains(&length) || bytes.len() - zeros > length {
        return None;
    }
    let mut out = vec![0; length];
    let digits = bytes.len().min(length);
    out[length - digits..].copy_from_slice(&bytes[bytes.len() - digits..]);
    Some(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

    #[test]
    fn lines_as_they_are_written() {
        let line = CryptoLine::parse(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:32")).unwrap();
        assert_eq!((line.tag, &*line.suite, line.keys.len()), (1, "AES_CM_128_HMAC_SHA1_80", 1));
        assert_eq!((line.keys[0].key_salt.len(), line.keys[0].mki.len(), line.keys[0].mki[31]), (30, 32, 1));
        let both =
            format!("2 F8_128_HMAC_SHA1_80 inline:{KEY}|1:4;inline:{KEY}|2:4 WSH=64 UNENCRYPTED_SRTCP");
        let line = CryptoLine::parse(&both).unwrap();
        assert_eq!(
            line.keys.iter().map(|k| k.mki.to_vec()).collect::<Vec<_>>(),
            [[0, 0, 0, 1], [0, 0, 0, 2]]
        );
        let bare = CryptoLine::parse(&format!("7 X INLINE:{KEY}|2^31")).unwrap();
        assert!(bare.keys[0].mki.is_empty());
        assert!(
            CryptoLine::parse("3 AES_CM_128_HMAC_SHA1_32 inline:AAAA").is_some(),
            "the suite judges lengths"
        );
    }

    #[test]
    fn what_cannot_be_used_is_no_line() {
        let with = |rest: &str| CryptoLine::parse(&format!("1 X inline:{KEY}{rest}"));
        for bad in
            ["|1:0", "|1:129", "|300:1", "|x:1", " UNENCRYPTED_SRTP", " UNAUTHENTICATED_SRTP", " KDR=4"]
        {
            assert!(with(bad).is_none(), "{bad}");
        }
        for bad in ["", "1", "x X inline:AAAA", "1 X", "1 X inline:!!", "1 X clear:AAAA", "-1 X inline:AAAA"]
        {
            assert!(CryptoLine::parse(bad).is_none(), "{bad}");
        }
        assert!(CryptoLine::parse(&format!("1 {} inline:AAAA", "X".repeat(41))).is_none());
        assert!(CryptoLine::parse(&format!("1 X inline:{}", "A".repeat(400))).is_none());
    }

    #[test]
    fn a_key_never_prints() {
        let line = CryptoLine::parse(&format!("1 X inline:{KEY}")).unwrap();
        assert_eq!(format!("{line:?}"), "CryptoLine(1 X, 1 keys)");
        assert_eq!(format!("{:?}", line.keys), "[InlineKey]");
    }
}
