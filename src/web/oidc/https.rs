//! Requests to the provider: HTTP/1.1 over TLS, or in clear to this machine itself.
//!
//! One connection a request. Time and size of an answer are bounded, and no redirect is
//! followed: what the configuration names is what is asked.

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use openidconnect::{HttpRequest, HttpResponse};
use rustls::pki_types::ServerName;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Time for one request and its answer.
const TIME: Duration = Duration::from_secs(10);
/// Bytes of one answer.
const ANSWER_MAX: usize = 1 << 20;

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Neither `https`, nor `http` to this machine.
    #[error("{0}: neither https, nor http to this machine")]
    Address(String),
    /// It took too long.
    #[error("no answer within {} s", TIME.as_secs())]
    Slow,
    /// No connection, or it broke.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Not HTTP.
    #[error("{0}")]
    Http(#[from] hyper::Error),
    /// Too long, or cut short.
    #[error("{0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
}

/// Sends requests.
#[derive(Clone)]
pub struct HttpsTransport {
    tls: TlsConnector,
}

impl std::fmt::Debug for HttpsTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transport")
    }
}

impl HttpsTransport {
    /// Trusts whom the system trusts; `SSL_CERT_FILE` names others.
    ///
    /// # Errors
    /// The system trusts nobody.
    pub fn new() -> anyhow::Result<HttpsTransport> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(HttpsTransport { tls: TlsConnector::from(Arc::new(config)) })
    }

    /// As `openidconnect` wants it.
    pub fn sender(
        &self,
    ) -> impl Fn(HttpRequest) -> std::pin::Pin<Box<dyn Future<Output = Result<HttpResponse, TransportError>> + Send>>
    {
        let tls = self.tls.clone();
        move |request| Box::pin(send(tls.clone(), request))
    }
}

async fn send(tls: TlsConnector, request: HttpRequest) -> Result<HttpResponse, TransportError> {
    tokio::time::timeout(TIME, exchange(tls, request)).await.unwrap_or(Err(TransportError::Slow))
}

async fn exchange(tls: TlsConnector, request: HttpRequest) -> Result<HttpResponse, TransportError> {
    let uri = request.uri().clone();
    let wrong = || TransportError::Address(uri.to_string());
    let host = uri.host().ok_or_else(wrong)?.trim_matches(['[', ']']).to_owned();
    match uri.scheme_str() {
        Some("https") => {
            let name = ServerName::try_from(host.clone()).map_err(|_| wrong())?;
            let stream = TcpStream::connect((host.as_str(), uri.port_u16().unwrap_or(443))).await?;
            ask(tls.connect(name, stream).await?, request).await
        }
        Some("http") if is_this_machine(&host) => {
            ask(TcpStream::connect((host.as_str(), uri.port_u16().unwrap_or(80))).await?, request).await
        }
        _ => Err(wrong()),
    }
}

/// Whether a host of an address is this machine, so that nothing travels in clear.
pub fn is_this_machine(host: &str) -> bool {
    let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: HttpRequest,
) -> Result<HttpResponse, TransportError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let (mut head, body) = request.into_parts();
    let authority = head.uri.authority().map(ToString::to_string).unwrap_or_default();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    head.uri = path.parse().map_err(|_| TransportError::Address(authority.clone()))?;
    let host = authority.parse().map_err(|_| TransportError::Address(authority))?;
    head.headers.insert(hyper::header::HOST, host);
    let request = hyper::Request::from_parts(head, Full::new(Bytes::from(body)));
    let response = sender.send_request(request).await?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_MAX).collect().await.map_err(TransportError::Body)?;
    connection.abort();
    Ok(HttpResponse::from_parts(head, body.to_bytes().to_vec()))
}
