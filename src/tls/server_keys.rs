//! RSA keys of servers, and what they open: the premaster secret of a key exchange by RSA (RFC 5246 §7.4.7.1).
//!
//! Such a connection may go on in another one without a new exchange (session identifiers, RFC 5246
//! §7.4.1.2; tickets, RFC 5077): its master secret is remembered for that, under whichever of the two.

use super::Secret;
use foldhash::quality::RandomState;
use hashlink::LruCache;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::{Pkcs1v15Encrypt, RsaPrivateKey};
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// Sessions remembered.
const MAX_SESSIONS: usize = 10_000;
/// Octets of a premaster secret.
const PREMASTER: usize = 48;

/// The private key of a server.
#[derive(Clone)]
pub struct RsaKey(Box<RsaPrivateKey>);

/// What is not such a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no RSA private key in PEM (PKCS #8 or PKCS #1, not encrypted)")]
pub struct RsaKeyError;

impl RsaKey {
    /// From PEM, as PKCS #8 or PKCS #1.
    ///
    /// # Errors
    /// No key, one of another kind, an encrypted one.
    pub fn from_pem(pem: &str) -> Result<RsaKey, RsaKeyError> {
        let key = RsaPrivateKey::from_pkcs8_pem(pem).or_else(|_| RsaPrivateKey::from_pkcs1_pem(pem));
        key.map(|k| RsaKey(Box::new(k))).map_err(|_| RsaKeyError)
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaKey")
    }
}

/// Keys of servers, and sessions that can be resumed.
pub struct ServerKeys {
    keys: Vec<RsaKey>,
    /// Under a hash of identifier or ticket.
    sessions: LruCache<[u8; 32], Secret, RandomState>,
}

impl Default for ServerKeys {
    fn default() -> Self {
        ServerKeys { keys: Vec::new(), sessions: LruCache::with_hasher(MAX_SESSIONS, RandomState::default()) }
    }
}

impl fmt::Debug for ServerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerKeys({})", self.keys.len())
    }
}

impl ServerKeys {
    /// One more key.
    pub fn add(&mut self, key: RsaKey) {
        self.keys.push(key);
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The premaster secret. `version`: of the client's hello, which it begins with.
    pub(super) fn premaster(&self, encrypted: &[u8], version: u16) -> Option<Secret> {
        self.keys.iter().find_map(|RsaKey(key)| {
            let secret = Zeroizing::new(key.decrypt(Pkcs1v15Encrypt, encrypted).ok()?);
            (secret.len() == PREMASTER && secret.starts_with(&version.to_be_bytes())).then_some(secret)
        })
    }

    /// Remembers the master secret under this identifier or ticket; none is empty.
    pub(super) fn remember(&mut self, name: &[u8], master: &Secret) {
        if !name.is_empty() {
            self.sessions.insert(Sha256::digest(name).into(), master.clone());
        }
    }

    /// The master secret of the session with this identifier or ticket.
    pub(super) fn resumed(&mut self, name: &[u8]) -> Option<Secret> {
        let hash: [u8; 32] = Sha256::digest(name).into();
        self.sessions.get(&hash).filter(|_| !name.is_empty()).cloned()
    }
}
