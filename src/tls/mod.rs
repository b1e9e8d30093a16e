//! TLS of others (RFC 5246, RFC 8446), opened with secrets that the operator gives.
//!
//! A bystander can read a connection where one of its ends writes its secrets down ([`KeyLog`], RFC
//! 9850), or where the server's RSA key is known and the key exchange is by RSA ([`RsaKey`]). A
//! [`TlsSession`] takes the bytes of both directions in order and gives what was in them; of a
//! connection joined in the middle nothing can be known. Every record is authenticated before
//! anything is made of it. Of DTLS on a path of media [`DtlsHellos`] tells what SRTP is sealed with. Secrets live
//! in memory only, never print, and are wiped when they are let go.

mod cipher;
mod dtls;
mod hello;
mod key_log;
mod key_schedule;
mod negotiation;
mod record_stream;
mod server_keys;
mod suite;
#[cfg(test)]
mod tests;
mod tls_secrets;
mod tls_session;

pub use dtls::{DtlsHellos, MediaKeys};
pub use key_log::{KeyLog, KeyLogStats};
pub use server_keys::{RsaKey, RsaKeyError};
pub use tls_secrets::TlsSecrets;
pub use tls_session::{Plaintext, TlsSession, begins_tls, is_client_hello};

use zeroize::Zeroizing;

/// A secret of a connection, of any kind.
type Secret = Zeroizing<Vec<u8>>;
/// What tells connections apart (RFC 8446 §4.1.2).
type Random = [u8; 32];

/// Why a connection cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unopened {
    /// Nobody told its secrets in time.
    NoSecret,
    /// A version or a cipher suite that is not known here.
    Unsupported,
    /// Its beginning is missing, or too much of it.
    Lost,
}

impl Unopened {
    /// Each.
    pub const ALL: [Unopened; 3] = [Unopened::NoSecret, Unopened::Unsupported, Unopened::Lost];
}
