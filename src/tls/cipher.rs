//! One direction's records, opened: AES-GCM (RFC 5288), ChaCha20-Poly1305 (RFC 7905), AES-CBC with HMAC
//! (RFC 5246 §6.2.3.2, RFC 7366), and the AEAD form of TLS 1.3 (RFC 8446 §5.2).
//!
//! Which number a record has is the caller's to say; a wrong one does not open it.

use super::Secret;
use super::key_schedule::{Tls12Keys, expand_label, hmac};
use super::suite::{Bulk, CipherSuite, HashKind};
use aes::{Aes128, Aes256};
use aes_gcm::aead::{AeadInPlace, KeyInit};
use aes_gcm::{Aes128Gcm, Aes256Gcm, Nonce};
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockDecryptMut, KeyIvInit};
use chacha20poly1305::ChaCha20Poly1305;

/// Octets of an AEAD's tag.
const TAG: usize = 16;
/// Octets of a block of AES.
const BLOCK: usize = 16;
/// Octets of a record's header.
pub(super) const HEADER: usize = 5;

/// A cipher with its key.
enum RecordKey {
    Gcm128(Box<Aes128Gcm>),
    Gcm256(Box<Aes256Gcm>),
    ChaCha(Box<ChaCha20Poly1305>),
    Cbc { key: Secret, mac: HashKind, mac_key: Secret, encrypts_first: bool },
}

/// Opens records of one direction.
pub(super) struct Opener {
    key: RecordKey,
    /// What the nonce is made of beside the number: 4 octets with GCM in TLS 1.2, else 12.
    iv: Secret,
    is_tls13: bool,
    /// The number of the record to come.
    pub seq: u64,
}

impl Opener {
    /// Octets of MAC key, key and implicit nonce that TLS 1.2 derives.
    pub(super) fn tls12_lens(suite: CipherSuite) -> [usize; 3] {
        let key = suite.bulk.key_len();
        match suite.bulk {
            Bulk::Aes128Gcm | Bulk::Aes256Gcm => [0, key, 4],
            Bulk::ChaCha20Poly1305 => [0, key, 12],
            Bulk::Cbc { mac, .. } => [mac.len(), key, 0],
        }
    }

    /// Of TLS 1.2. `encrypts_first`: the MAC is of what is encrypted (RFC 7366).
    pub(super) fn tls12(suite: CipherSuite, keys: Tls12Keys, encrypts_first: bool) -> Option<Opener> {
        let key = match suite.bulk {
            Bulk::Cbc { mac, .. } => RecordKey::Cbc { key: keys.key, mac, mac_key: keys.mac, encrypts_first },
            _ => RecordKey::aead(suite.bulk, &keys.key)?,
        };
        Some(Opener { key, iv: keys.iv, is_tls13: false, seq: 0 })
    }

    /// Of TLS 1.3, from a traffic secret (RFC 8446 §7.3).
    pub(super) fn tls13(suite: CipherSuite, secret: &[u8]) -> Option<Opener> {
        let key =
            RecordKey::aead(suite.bulk, &expand_label(suite.hash, secret, "key", suite.bulk.key_len()))?;
        let iv = expand_label(suite.hash, secret, "iv", 12);
        (iv.len() == 12).then_some(Opener { key, iv, is_tls13: true, seq: 0 })
    }

    /// Opens a whole record that has the number `seq`: what was in it goes to `out`, which is emptied
    /// first, and the type of that is given. Nothing where it was not sealed so.
    pub(super) fn open(&self, record: &[u8], seq: u64, out: &mut Vec<u8>) -> Option<u8> {
        out.clear();
        let (header, sealed) = record.split_at_checked(HEADER)?;
        match &self.key {
            RecordKey::Cbc { key, mac, mac_key, encrypts_first } => {
                open_cbc(key, (*mac, mac_key), *encrypts_first, seq, (header, sealed), out)?;
                Some(header[0])
            }
            _ if self.is_tls13 => {
                self.open_aead(&self.nonce(seq)?, header, sealed, out)?;
                // Its type stands last, and zeros behind that (RFC 8446 §5.4).
                let end = out.iter().rposition(|b| *b != 0)?;
                let kind = out[end];
                out.truncate(end);
                Some(kind)
            }
            key => {
                let (nonce, sealed) = match key {
                    RecordKey::ChaCha(_) => (self.nonce(seq)?, sealed),
                    _ => {
                        let (explicit, sealed) = sealed.split_at_checked(8)?;
                        let nonce = [&self.iv[..], explicit].concat();
                        (nonce.try_into().ok()?, sealed)
                    }
                };
                let len = (sealed.len().checked_sub(TAG)? as u16).to_be_bytes();
                let associated = [&seq.to_be_bytes()[..], &header[..3], &len].concat();
                self.open_aead(&nonce, &associated, sealed, out)?;
                Some(header[0])
            }
        }
    }

    /// The number, put over the implicit nonce (RFC 8446 §5.3, RFC 7905 §2).
    fn nonce(&self, seq: u64) -> Option<[u8; 12]> {
        let mut nonce: [u8; 12] = self.iv[..].try_into().ok()?;
        nonce[4..].iter_mut().zip(seq.to_be_bytes()).for_each(|(n, s)| *n ^= s);
        Some(nonce)
    }

    fn open_aead(&self, nonce: &[u8; 12], associated: &[u8], sealed: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let (text, tag) = sealed.split_at_checked(sealed.len().checked_sub(TAG)?)?;
        out.extend_from_slice(text);
        let nonce = Nonce::from_slice(nonce);
        let is_opened = match &self.key {
            RecordKey::Gcm128(k) => k.decrypt_in_place_detached(nonce, associated, out, tag.into()),
            RecordKey::Gcm256(k) => k.decrypt_in_place_detached(nonce, associated, out, tag.into()),
            RecordKey::ChaCha(k) => k.decrypt_in_place_detached(nonce, associated, out, tag.into()),
            RecordKey::Cbc { .. } => return None,
        };
        if is_opened.is_err() {
            out.clear();
        }
        is_opened.ok()
    }
}

impl RecordKey {
    fn aead(bulk: Bulk, key: &[u8]) -> Option<RecordKey> {
        Some(match bulk {
            Bulk::Aes128Gcm => RecordKey::Gcm128(Box::new(Aes128Gcm::new_from_slice(key).ok()?)),
            Bulk::Aes256Gcm => RecordKey::Gcm256(Box::new(Aes256Gcm::new_from_slice(key).ok()?)),
            Bulk::ChaCha20Poly1305 => {
                RecordKey::ChaCha(Box::new(ChaCha20Poly1305::new_from_slice(key).ok()?))
            }
            Bulk::Cbc { .. } => return None,
        })
    }
}

/// The MAC is compared in one go: who could time that has no answer from a bystander.
fn open_cbc(
    key: &[u8],
    (hash, mac_key): (HashKind, &[u8]),
    encrypts_first: bool,
    seq: u64,
    (header, sealed): (&[u8], &[u8]),
    out: &mut Vec<u8>,
) -> Option<()> {
    let tag_len = hash.len();
    let is_authentic = |text: &[u8], tag: &[u8]| {
        let len = (text.len() as u16).to_be_bytes();
        let mac = hmac(hash, mac_key, &[&seq.to_be_bytes(), &header[..3], &len, text]);
        mac[..] == *tag
    };
    let mut sealed = sealed;
    if encrypts_first {
        let (text, tag) = sealed.split_at_checked(sealed.len().checked_sub(tag_len)?)?;
        if !is_authentic(text, tag) {
            return None;
        }
        sealed = text;
    }
    let (iv, text) = sealed.split_at_checked(BLOCK)?;
    if text.is_empty() {
        return None;
    }
    out.extend_from_slice(text);
    let is_decrypted = match key.len() {
        16 => cbc::Decryptor::<Aes128>::new_from_slices(key, iv)
            .is_ok_and(|d| d.decrypt_padded_mut::<NoPadding>(out).is_ok()),
        _ => cbc::Decryptor::<Aes256>::new_from_slices(key, iv)
            .is_ok_and(|d| d.decrypt_padded_mut::<NoPadding>(out).is_ok()),
    };
    let padding = usize::from(*out.last()?);
    let text_len = out.len().checked_sub(padding + 1)?;
    let is_padded = out[text_len..].iter().all(|b| usize::from(*b) == padding);
    out.truncate(text_len);
    if !is_decrypted || !is_padded {
        return None;
    }
    if !encrypts_first {
        let tag = out.split_off(out.len().checked_sub(tag_len)?);
        if !is_authentic(out, &tag) {
            return None;
        }
    }
    Some(())
}
