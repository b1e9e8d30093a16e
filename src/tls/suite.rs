//! Cipher suites that can be opened: what protects records, and how keys are derived.
//!
//! Numbers are those of IANA's registry (RFC 5246 §A.5, 5288, 5289, 7905, 8446 §B.4).

/// What seals records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bulk {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
    /// AES in CBC with this MAC; octets of the key.
    Cbc {
        key: usize,
        mac: HashKind,
    },
}

/// A hash, of a MAC or of the key schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HashKind {
    Sha1,
    Sha256,
    Sha384,
}

/// One suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CipherSuite {
    pub bulk: Bulk,
    /// Of the key schedule.
    pub hash: HashKind,
}

impl HashKind {
    /// Octets.
    pub(super) const fn len(self) -> usize {
        match self {
            HashKind::Sha1 => 20,
            HashKind::Sha256 => 32,
            HashKind::Sha384 => 48,
        }
    }
}

impl Bulk {
    /// Octets of a key.
    pub(super) const fn key_len(self) -> usize {
        match self {
            Bulk::Aes128Gcm => 16,
            Bulk::Aes256Gcm | Bulk::ChaCha20Poly1305 => 32,
            Bulk::Cbc { key, .. } => key,
        }
    }
}

impl CipherSuite {
    /// The suite of this number, if it can be opened.
    pub(super) fn of(number: u16) -> Option<CipherSuite> {
        use HashKind::{Sha1, Sha256, Sha384};
        let cbc = |key, mac| Bulk::Cbc { key, mac };
        let (bulk, hash) = match number {
            // TLS 1.3.
            0x1301 => (Bulk::Aes128Gcm, Sha256),
            0x1302 => (Bulk::Aes256Gcm, Sha384),
            0x1303 => (Bulk::ChaCha20Poly1305, Sha256),
            // TLS 1.2: keys by RSA, DHE_RSA, DHE_DSS, ECDHE_ECDSA, ECDHE_RSA.
            0x009C | 0x009E | 0x00A2 | 0xC02B | 0xC02F => (Bulk::Aes128Gcm, Sha256),
            0x009D | 0x009F | 0x00A3 | 0xC02C | 0xC030 => (Bulk::Aes256Gcm, Sha384),
            0xCCA8..=0xCCAA => (Bulk::ChaCha20Poly1305, Sha256),
            0x002F | 0x0032 | 0x0033 | 0xC009 | 0xC013 => (cbc(16, Sha1), Sha256),
            0x0035 | 0x0038 | 0x0039 | 0xC00A | 0xC014 => (cbc(32, Sha1), Sha256),
            0x003C | 0x0040 | 0x0067 | 0xC023 | 0xC027 => (cbc(16, Sha256), Sha256),
            0x003D | 0x006A | 0x006B => (cbc(32, Sha256), Sha256),
            0xC024 | 0xC028 => (cbc(32, Sha384), Sha384),
            _ => return None,
        };
        Some(CipherSuite { bulk, hash })
    }
}
