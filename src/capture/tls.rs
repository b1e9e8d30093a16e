//! Certificate and key of a TLS server, out of their files.

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
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
