//! SRTP (RFC 3711): what was encrypted, opened with its master key.
//!
//! Counter mode with HMAC-SHA1 (RFC 3711, RFC 6188 for keys of 256 bits) and AES-GCM (RFC
//! 7714). A packet is authenticated before anything is made of it. Keys live in memory only,
//! never print, and are wiped, as far as the ciphers do that, when they are let go.

use super::seq::seq_diff;
use aes::{Aes128, Aes256};
use aes_gcm::KeyInit as _;
use aes_gcm::aead::AeadInPlace;
use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use std::fmt;
use zeroize::Zeroizing;

/// Octets of an RTP header without CSRCs and extension.
const FIXED_HEADER: usize = 12;
/// Octets of the salt in counter mode; that of GCM is two shorter and filled up behind.
const SALT: usize = 14;

/// How packets are protected: name in SDP, octets of the key and of the tag, and whether by GCM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SrtpSuite {
    /// As RFC 4568 §6.2, RFC 6188 §4 and RFC 7714 §14.2 call it.
    pub name: &'static str,
    key: usize,
    tag: usize,
    is_gcm: bool,
}

/// The suites that can be opened.
pub const SUITES: [SrtpSuite; 6] = [
    SrtpSuite { name: "AES_CM_128_HMAC_SHA1_80", key: 16, tag: 10, is_gcm: false },
    SrtpSuite { name: "AES_CM_128_HMAC_SHA1_32", key: 16, tag: 4, is_gcm: false },
    SrtpSuite { name: "AES_256_CM_HMAC_SHA1_80", key: 32, tag: 10, is_gcm: false },
    SrtpSuite { name: "AES_256_CM_HMAC_SHA1_32", key: 32, tag: 4, is_gcm: false },
    SrtpSuite { name: "AEAD_AES_128_GCM", key: 16, tag: 16, is_gcm: true },
    SrtpSuite { name: "AEAD_AES_256_GCM", key: 32, tag: 16, is_gcm: true },
];

impl SrtpSuite {
    /// The suite of this name; some write `AES_CM_256` for `AES_256_CM`.
    pub fn named(name: &str) -> Option<SrtpSuite> {
        let name = name.replace("AES_CM_256", "AES_256_CM");
        SUITES.into_iter().find(|s| s.name == name)
    }

    /// Octets of the master salt.
    const fn salt(self) -> usize {
        if self.is_gcm { 12 } else { SALT }
    }
}

/// A master key, with what is derived from it (RFC 3711 §4.3; no key is ever derived anew).
pub struct SrtpKey {
    suite: SrtpSuite,
    /// As signalled, to know it again.
    master: Zeroizing<Box<[u8]>>,
    cipher: SessionCipher,
    salt: Zeroizing<[u8; SALT]>,
    /// How packets name it; they do not where it is empty.
    mki: Box<[u8]>,
}

enum SessionCipher {
    Counter { key: Zeroizing<Vec<u8>>, auth: Hmac<Sha1> },
    Gcm128(Box<Aes128Gcm>),
    Gcm256(Box<Aes256Gcm>),
}

impl PartialEq for SrtpKey {
    fn eq(&self, other: &Self) -> bool {
        (self.suite, &*self.master, &self.mki) == (other.suite, &*other.master, &other.mki)
    }
}

impl Eq for SrtpKey {}

impl fmt::Debug for SrtpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SrtpKey({})", self.suite.name)
    }
}

impl SrtpKey {
    /// From master key and master salt, one behind the other, and the identifier that packets
    /// carry, which may be empty. `None` where the length is not the suite's.
    pub fn new(suite: SrtpSuite, key_salt: &[u8], mki: &[u8]) -> Option<SrtpKey> {
        if key_salt.len() != suite.key + suite.salt() {
            return None;
        }
        let (master, master_salt) = key_salt.split_at(suite.key);
        let mut salt = Zeroizing::new([0; SALT]);
        salt[..master_salt.len()].copy_from_slice(master_salt);
        let derived = |label: u8, len: usize| derive(master, &salt, label, len);
        let key = derived(0, suite.key)?;
        let auth = || <Hmac<Sha1> as Mac>::new_from_slice(&derived(1, 20)?).ok();
        let cipher = match (suite.is_gcm, suite.key) {
            (false, _) => SessionCipher::Counter { key, auth: auth()? },
            (true, 16) => SessionCipher::Gcm128(Box::new(Aes128Gcm::new_from_slice(&key).ok()?)),
            (true, _) => SessionCipher::Gcm256(Box::new(Aes256Gcm::new_from_slice(&key).ok()?)),
        };
        let session_salt = derived(2, suite.salt())?;
        let mut salt = Zeroizing::new([0; SALT]);
        salt[..session_salt.len()].copy_from_slice(&session_salt);
        let all = Zeroizing::new(key_salt.into());
        Some(SrtpKey { suite, master: all, cipher, salt, mki: mki.into() })
    }

    /// Opens a packet whose number has wrapped round `roc` times: header and payload in clear go
    /// to `out`, which is emptied first. False where it was not sealed with this key, or on its way
    /// was changed.
    pub fn open(&self, packet: &[u8], roc: u32, out: &mut Vec<u8>) -> bool {
        out.clear();
        self.opened(packet, roc, out).is_some()
    }

    fn opened(&self, packet: &[u8], roc: u32, out: &mut Vec<u8>) -> Option<()> {
        let header = header_len(packet)?;
        let ssrc: [u8; 4] = packet.get(8..12)?.try_into().ok()?;
        let seq: [u8; 2] = packet.get(2..4)?.try_into().ok()?;
        // In GCM the tag belongs to the ciphertext, and the identifier stands behind it.
        let (sealed, mki, tag) = if self.suite.is_gcm {
            let (rest, mki) = split_end(packet, self.mki.len())?;
            let (sealed, tag) = split_end(rest, self.suite.tag)?;
            (sealed, mki, tag)
        } else {
            let (rest, tag) = split_end(packet, self.suite.tag)?;
            let (sealed, mki) = split_end(rest, self.mki.len())?;
            (sealed, mki, tag)
        };
        if sealed.len() < header || mki != &*self.mki {
            return None;
        }
        match &self.cipher {
            SessionCipher::Counter { key, auth } => {
                let mut auth = auth.clone();
                auth.update(sealed);
                auth.update(&roc.to_be_bytes());
                auth.verify_truncated_left(tag).ok()?;
                out.extend_from_slice(sealed);
                apply_counter(key, &self.counter_iv(&ssrc, roc, &seq), &mut out[header..])
            }
            SessionCipher::Gcm128(cipher) => {
                out.extend_from_slice(sealed);
                open_gcm(&**cipher, &self.gcm_iv(&ssrc, roc, &seq), out.split_at_mut(header), tag)
            }
            SessionCipher::Gcm256(cipher) => {
                out.extend_from_slice(sealed);
                open_gcm(&**cipher, &self.gcm_iv(&ssrc, roc, &seq), out.split_at_mut(header), tag)
            }
        }
    }

    /// RFC 7714 §8.1.
    fn gcm_iv(&self, ssrc: &[u8], roc: u32, seq: &[u8]) -> [u8; 12] {
        let mut iv = [0; 12];
        iv.copy_from_slice(&self.salt[..12]);
        xor(&mut iv[2..6], ssrc);
        xor(&mut iv[6..10], &roc.to_be_bytes());
        xor(&mut iv[10..12], seq);
        iv
    }

    /// RFC 3711 §4.1.1.
    fn counter_iv(&self, ssrc: &[u8], roc: u32, seq: &[u8]) -> [u8; 16] {
        let mut iv = [0; 16];
        iv[..SALT].copy_from_slice(&*self.salt);
        xor(&mut iv[4..8], ssrc);
        xor(&mut iv[8..12], &roc.to_be_bytes());
        xor(&mut iv[12..14], seq);
        iv
    }
}

/// How often the number of a packet has wrapped round, by the newest one that was opened (RFC
/// 3711 §3.3.1, appendix A).
pub fn guess_roc(seq: u16, newest: u16, roc: u32) -> u32 {
    let step = i32::from(seq_diff(seq, newest));
    match i32::from(newest) + step {
        ..0 => roc.wrapping_sub(1),
        0..=0xFFFF => roc,
        _ => roc.wrapping_add(1),
    }
}

/// The pseudo-random function of RFC 3711 §4.3.3.
fn derive(master: &[u8], salt: &[u8; SALT], label: u8, len: usize) -> Option<Zeroizing<Vec<u8>>> {
    let mut iv = [0; 16];
    iv[..SALT].copy_from_slice(salt);
    iv[7] ^= label;
    let mut out = Zeroizing::new(vec![0; len]);
    apply_counter(master, &iv, &mut out)?;
    Some(out)
}

/// AES in counter mode, with a key of 128 or 256 bits.
fn apply_counter(key: &[u8], iv: &[u8; 16], body: &mut [u8]) -> Option<()> {
    match key.len() {
        16 => Ctr128BE::<Aes128>::new_from_slices(key, iv).ok()?.apply_keystream(body),
        _ => Ctr128BE::<Aes256>::new_from_slices(key, iv).ok()?.apply_keystream(body),
    }
    Some(())
}

fn open_gcm(
    cipher: &impl AeadInPlace<NonceSize = U12, TagSize = U16>,
    iv: &[u8; 12],
    (head, body): (&mut [u8], &mut [u8]),
    tag: &[u8],
) -> Option<()> {
    cipher.decrypt_in_place_detached(iv.into(), head, body, tag.into()).ok()
}

/// Octets of header, CSRC list and extension (RFC 3550 §5.1, §5.3.1), which are in clear.
fn header_len(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let fixed = FIXED_HEADER + usize::from(first & 0x0F) * 4;
    if first & 0x10 == 0 {
        return (packet.len() >= fixed).then_some(fixed);
    }
    let words = packet.get(fixed + 2..fixed + 4)?;
    let len = fixed + 4 + usize::from(u16::from_be_bytes([words[0], words[1]])) * 4;
    (packet.len() >= len).then_some(len)
}

fn split_end(bytes: &[u8], len: usize) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(bytes.len().checked_sub(len)?)
}

fn xor(to: &mut [u8], with: &[u8]) {
    to.iter_mut().zip(with).for_each(|(a, b)| *a ^= b);
}

#[cfg(test)]
mod tests;
