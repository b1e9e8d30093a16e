//! From secrets to the keys of records: the pseudo-random function of TLS 1.2 (RFC 5246 §5, §6.3, §8.1) and
//! the expansion of TLS 1.3 (RFC 8446 §7.1 to §7.3).

use super::suite::{CipherSuite, HashKind};
use super::{Random, Secret};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha384};
use zeroize::Zeroizing;

/// Octets of a master secret (RFC 5246 §8.1).
const MASTER: usize = 48;

/// Keys of one direction of TLS 1.2.
pub(super) struct Tls12Keys {
    /// Of the MAC; empty where the cipher authenticates.
    pub mac: Secret,
    pub key: Secret,
    /// The implicit part of the nonce.
    pub iv: Secret,
}

/// HMAC of several pieces; the key may have any length.
pub(super) fn hmac(hash: HashKind, key: &[u8], pieces: &[&[u8]]) -> Secret {
    fn of<M: Mac + hmac::digest::KeyInit>(key: &[u8], pieces: &[&[u8]]) -> Secret {
        let Ok(mut mac) = <M as Mac>::new_from_slice(key) else { return Secret::default() };
        pieces.iter().for_each(|p| mac.update(p));
        Zeroizing::new(mac.finalize().into_bytes().to_vec())
    }
    match hash {
        HashKind::Sha1 => of::<Hmac<Sha1>>(key, pieces),
        HashKind::Sha256 => of::<Hmac<Sha256>>(key, pieces),
        HashKind::Sha384 => of::<Hmac<Sha384>>(key, pieces),
    }
}

/// `len` octets of P_hash (RFC 5246 §5), the seed in pieces.
fn prf(hash: HashKind, secret: &[u8], label: &str, seed: [&[u8]; 2], len: usize) -> Secret {
    let seed = [label.as_bytes(), seed[0], seed[1]].concat();
    let mut out = Zeroizing::new(Vec::with_capacity(len + hash.len()));
    let mut a = hmac(hash, secret, &[&seed]);
    while out.len() < len && !a.is_empty() {
        out.extend_from_slice(&hmac(hash, secret, &[&a, &seed]));
        a = hmac(hash, secret, &[&a]);
    }
    out.truncate(len);
    out
}

/// The master secret of a key exchange by RSA. `transcript`: the hash of the handshake so far where the
/// extended one was agreed (RFC 7627 §4).
pub(super) fn master(
    suite: CipherSuite,
    premaster: &[u8],
    randoms: [&Random; 2],
    transcript: Option<&[u8]>,
) -> Secret {
    match transcript {
        Some(hash) => prf(suite.hash, premaster, "extended master secret", [hash, &[]], MASTER),
        None => prf(suite.hash, premaster, "master secret", [randoms[0], randoms[1]], MASTER),
    }
}

/// What the exporter of TLS 1.2 gives without a context (RFC 5705 §4). `randoms`: the client's, the server's.
pub(super) fn exported(
    hash: HashKind,
    master: &[u8],
    label: &str,
    randoms: [&Random; 2],
    len: usize,
) -> Secret {
    prf(hash, master, label, [randoms[0], randoms[1]], len)
}

/// The hash of a handshake's messages.
pub(super) fn transcript_hash(hash: HashKind, messages: &[&[u8]]) -> Vec<u8> {
    use sha2::Digest as _;
    fn of<D: sha2::Digest>(messages: &[&[u8]]) -> Vec<u8> {
        let mut d = D::new();
        messages.iter().for_each(|m| d.update(m));
        d.finalize().to_vec()
    }
    match hash {
        HashKind::Sha384 => of::<Sha384>(messages),
        HashKind::Sha256 => of::<Sha256>(messages),
        HashKind::Sha1 => Sha1::digest(messages.concat()).to_vec(),
    }
}

/// The keys of client and server (RFC 5246 §6.3). `randoms`: the client's, the server's.
pub(super) fn tls12_keys(
    suite: CipherSuite,
    master: &[u8],
    randoms: [&Random; 2],
    lens: [usize; 3],
) -> [Tls12Keys; 2] {
    let [mac, key, iv] = lens;
    let [client, server] = randoms;
    let block = prf(suite.hash, master, "key expansion", [server, client], 2 * (mac + key + iv));
    let take = |at: usize, len: usize| Zeroizing::new(block.get(at..at + len).unwrap_or_default().to_vec());
    [0, 1].map(|side| Tls12Keys {
        mac: take(side * mac, mac),
        key: take(2 * mac + side * key, key),
        iv: take(2 * (mac + key) + side * iv, iv),
    })
}

/// HKDF-Expand-Label with an empty context (RFC 8446 §7.1).
pub(super) fn expand_label(hash: HashKind, secret: &[u8], label: &str, len: usize) -> Secret {
    let mut info = (len as u16).to_be_bytes().to_vec();
    info.push((6 + label.len()) as u8);
    info.extend_from_slice(b"tls13 ");
    info.extend_from_slice(label.as_bytes());
    info.push(0);
    let mut out = Zeroizing::new(vec![0; len]);
    let is_expanded = match hash {
        HashKind::Sha384 => Hkdf::<Sha384>::from_prk(secret).is_ok_and(|h| h.expand(&info, &mut out).is_ok()),
        HashKind::Sha256 => Hkdf::<Sha256>::from_prk(secret).is_ok_and(|h| h.expand(&info, &mut out).is_ok()),
        HashKind::Sha1 => false,
    };
    if !is_expanded {
        out.clear();
    }
    out
}
