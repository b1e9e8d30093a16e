//! A TLS server: certificate and key out of their files, and what a connection brings.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use std::io::{self, Read};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate, or that it does not fit the key.
    #[error("{cert}: {why}", cert = file.display())]
    Cert {
        /// Its file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The key.
    #[error("{key}: {why}", key = file.display())]
    Key {
        /// Its file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// TLS 1.2 and 1.3 for whoever connects, with this certificate; PEM.
///
/// # Errors
/// [`TlsError`]
pub fn server(cert: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let no_cert = |why: String| TlsError::Cert { file: cert.to_owned(), why };
    let read = CertificateDer::pem_file_iter(cert).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certs = read.map_err(|e| no_cert(e.to_string()))?;
    if certs.is_empty() {
        return Err(no_cert("no certificate in it".into()));
    }
    let private = PrivateKeyDer::from_pem_file(key);
    let private = private.map_err(|e| TlsError::Key { file: key.to_owned(), why: e.to_string() })?;
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certs, private))
        .map_err(|e| no_cert(e.to_string()))
}

/// Decrypted bytes that a connection which does not wait has brought; `Ok(0)` is its end, with or
/// without a farewell.
///
/// # Errors
/// [`is_nothing`] where none are there yet, one of kind `InvalidData` where it is no TLS.
pub fn read_plain(tls: &mut ServerConnection, stream: &mut TcpStream, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        match tls.reader().read(bytes) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            // What came before the end was whole, or will not be taken.
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
            done => return done,
        }
        if tls.read_tls(stream)? == 0 {
            return Ok(0);
        }
        let state = tls.process_new_packets();
        // The greeting, or why there is none.
        while tls.wants_write() {
            match tls.write_tls(stream) {
                Err(e) if is_nothing(&e) => break,
                done => done?,
            };
        }
        state.map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
    }
}

/// Nothing came, or somebody interrupted the wait for it.
pub fn is_nothing(e: &io::Error) -> bool {
    // Linux calls a wait that is over `WouldBlock` as well; `TimedOut` is a connection whose end is gone.
    matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
