//! The signed form of a vCon: JWS in its general JSON serialization (RFC 7515 §7.2.1), RS256.
//!
//! `alg` is protected; the certificates (`x5c`) and the vCon's id are not, as draft-ietf-vcon-vcon-core
//! wants it. The draft's own example repeats `x5c` and `alg` on both sides, which RFC 7515 §7.2.1 forbids.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::write::EncoderWriter;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _};
use rsa::rand_core::OsRng;
use rsa::traits::PublicKeyParts as _;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fmt;
use std::io::{self, Write};
use uuid::Uuid;

/// The protected header.
const PROTECTED: &str = r#"{"alg":"RS256"}"#;
/// Octets of a modulus: 2048 bits are the least that RFC 7518 §3.3 allows.
const MIN_MODULUS: usize = 256;

/// Who signs.
#[derive(Clone, PartialEq)]
pub struct VconSigner {
    key: Box<RsaPrivateKey>,
    /// The certificate of that key, and of who issued it: base64 of their DER.
    x5c: Vec<String>,
}

/// Why nobody can sign with these files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// No key, one of another kind, an encrypted one.
    #[error("the key is no RSA private key in PEM (PKCS #8 or PKCS #1, not encrypted)")]
    Key,
    /// Too short for RS256.
    #[error("the key has less than 2048 bits")]
    Short,
    /// There is none, or one is no certificate.
    #[error("the certificates are not in PEM")]
    Certificates,
    /// The first certificate is of another key.
    #[error("the first certificate is not that of the key")]
    Foreign,
}

impl VconSigner {
    /// A key and its certificates, the key's own first, all in PEM.
    ///
    /// # Errors
    /// [`SignerError`]
    pub fn from_pem(key: &str, certificates: &str) -> Result<VconSigner, SignerError> {
        let read = RsaPrivateKey::from_pkcs8_pem(key).or_else(|_| RsaPrivateKey::from_pkcs1_pem(key));
        let key = read.map_err(|_| SignerError::Key)?;
        if key.size() < MIN_MODULUS {
            return Err(SignerError::Short);
        }
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates.as_bytes()).collect();
        let chain = chain.map_err(|_| SignerError::Certificates)?;
        let own = chain.first().ok_or(SignerError::Certificates)?;
        // SubjectPublicKeyInfo stands in a certificate as it is (RFC 5280 §4.1).
        let public = key.to_public_key().to_public_key_der().map_err(|_| SignerError::Key)?;
        if !own.windows(public.as_bytes().len()).any(|part| part == public.as_bytes()) {
            return Err(SignerError::Foreign);
        }
        Ok(VconSigner { key: Box::new(key), x5c: chain.iter().map(|one| STANDARD.encode(one)).collect() })
    }

    /// Writes a vCon of this id with its signature. It is never whole in memory.
    ///
    /// # Errors
    /// Writing failed, or the machine has no random numbers.
    pub(super) fn write(&self, vcon: &impl Serialize, id: Uuid, mut to: impl Write) -> io::Result<()> {
        let protected = URL_SAFE_NO_PAD.encode(PROTECTED);
        to.write_all(b"{\"payload\":\"")?;
        let hash = Sha256::new_with_prefix(format!("{protected}."));
        let mut payload = EncoderWriter::new(HashedWriter { to, hash }, &URL_SAFE_NO_PAD);
        serde_json::to_writer(&mut payload, vcon)?;
        let HashedWriter { mut to, hash } = payload.finish()?;
        // Blinded: how long it takes tells nothing of the key.
        let signed = self.key.sign_with_rng(&mut OsRng, Pkcs1v15Sign::new::<Sha256>(), &hash.finalize());
        let signature = URL_SAFE_NO_PAD.encode(signed.map_err(io::Error::other)?);
        let header = json!({ "x5c": self.x5c, "uuid": id });
        let signatures = json!([{ "header": header, "protected": protected, "signature": signature }]);
        write!(to, "\",\"signatures\":{signatures}}}")
    }
}

impl fmt::Debug for VconSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VconSigner")
    }
}

/// Hashes what is written through it.
struct HashedWriter<W> {
    to: W,
    hash: Sha256,
}

impl<W: Write> Write for HashedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.to.write(bytes)?;
        self.hash.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
