//! The door: connections, TLS, limits, and what stands in the head of every answer.
//!
//! Callers are strangers until the guard knows them, so connections, the size of a
//! request and the time it may take are bounded. One thread serves; what blocks has
//! threads of its own.

use super::RoomState;
use super::api;
use super::guard::Peer;
use super::problem::ProblemDetails;
use crate::capture::tls::{self, TlsError};
use crate::config::Networks;
use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tower_http::timeout::TimeoutLayer;

/// Connections served at once; others wait for one to end.
pub const CONNECTIONS: usize = 4_096;
/// Time for a request's header, and for the next one on the same connection.
pub const HEADER_TIME: Duration = Duration::from_secs(10);
/// Time for a handshake.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// Time from a header to the beginning of its answer.
pub const ANSWER_TIME: Duration = Duration::from_secs(60);
/// Bytes of a request's header.
const HEADER_BYTES: usize = 16 << 10;
/// Lines of a request's header.
const HEADER_LINES: usize = 64;
/// Time for open answers once the room is to close.
const LAST_CALL: Duration = Duration::from_secs(5);
/// How often the certificate is looked at.
const RENEWED: Duration = Duration::from_secs(30);

/// Nothing of other sites, nothing inline, in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// An open port that nobody answers on yet.
#[derive(Debug)]
pub struct Door {
    listener: std::net::TcpListener,
    tls: Option<ReloadingTls>,
    proxies: Networks,
}

/// TLS with a certificate that is read again once it is renewed.
#[derive(Debug)]
struct ReloadingTls {
    cert: PathBuf,
    key: PathBuf,
    now: RwLock<(Arc<rustls::ServerConfig>, Option<SystemTime>)>,
}

impl Door {
    /// Opens the port of a checked configuration, and reads its certificate.
    ///
    /// # Errors
    /// The port is taken; the certificate cannot be read or does not fit its key.
    pub fn open(room: &crate::config::Room) -> anyhow::Result<Door> {
        let proxies = room.trusted_proxies.clone();
        let tls = room.tls.is_set().then(|| ReloadingTls::read(&room.tls.cert, &room.tls.key)).transpose()?;
        let address: SocketAddr = room.listen;
        let told = || format!("room.listen: cannot listen on {address}");
        let listener = std::net::TcpListener::bind(address).with_context(told)?;
        listener.set_nonblocking(true).with_context(told)?;
        Ok(Door { listener, tls, proxies })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Whether it speaks TLS.
    pub fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves until `stop` is done, and then what is open for a moment more.
    ///
    /// # Errors
    /// The port cannot be used.
    pub async fn serve(self, room: Arc<RoomState>, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let secure = self.is_secure();
        let listener = TcpListener::from_std(self.listener).context("room.listen")?;
        let served = Arc::new(Served { app: app(room), tls: self.tls, proxies: self.proxies, secure });
        let places = Arc::new(Semaphore::new(places()));
        let renewed = tokio::spawn(Arc::clone(&served).renew());
        let (closing, closed) = tokio::sync::watch::channel(false);
        let mut stop = std::pin::pin!(stop);
        loop {
            let place = tokio::select! {
                place = Arc::clone(&places).acquire_owned() => place.context("room")?,
                () = &mut stop => break,
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut stop => break,
            };
            match accepted {
                Ok((stream, from)) => {
                    let (served, closed) = (Arc::clone(&served), closed.clone());
                    tokio::spawn(async move {
                        served.connection(stream, from.ip(), closed).await;
                        drop(place);
                    });
                }
                // Out of files, or a caller that is gone already: others may come.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        drop(listener);
        renewed.abort();
        let _ = closing.send(true);
        let all = u32::try_from(self::places()).unwrap_or(u32::MAX);
        drop(tokio::time::timeout(LAST_CALL, places.acquire_many(all)).await);
        Ok(())
    }
}

/// What every connection shares.
struct Served {
    app: Router,
    tls: Option<ReloadingTls>,
    proxies: Networks,
    secure: bool,
}

impl Served {
    /// Looks now and then whether the certificate was renewed.
    async fn renew(self: Arc<Self>) {
        loop {
            tokio::time::sleep(RENEWED).await;
            let served = Arc::clone(&self);
            let look = move || served.tls.as_ref().map_or((), ReloadingTls::renew);
            drop(tokio::task::spawn_blocking(look).await);
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, from: IpAddr, closed: CloseSignal) {
        drop(stream.set_nodelay(true));
        match self.tls.as_ref().map(ReloadingTls::acceptor) {
            None => self.http(stream, from, closed).await,
            Some(acceptor) => {
                if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_TIME, acceptor.accept(stream)).await {
                    self.http(stream, from, closed).await;
                }
            }
        }
    }

    async fn http(
        self: Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        from: IpAddr,
        mut closed: CloseSignal,
    ) {
        let app = TowerToHyperService::new(self.app.clone());
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            let peer = self.peer(from, request.headers());
            request.extensions_mut().insert(peer);
            hyper::service::Service::call(&app, request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME)
            .max_buf_size(HEADER_BYTES)
            .max_headers(HEADER_LINES)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            _ = &mut connection => {}
            () = async { drop(closed.wait_for(|closed| *closed).await) } => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        }
    }

    /// Where a request comes from: a trusted proxy is believed, nobody else.
    fn peer(&self, from: IpAddr, headers: &HeaderMap) -> Peer {
        let own = Peer { address: from.to_canonical(), secure: self.secure };
        if !self.proxies.contains(from) {
            return own;
        }
        let text = |name: &str| headers.get_all(name).into_iter().filter_map(|v| v.to_str().ok()).next_back();
        // The nearest that is no proxy of ours; what stands before it anybody may have written.
        let chain = headers.get_all("x-forwarded-for").into_iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = chain.flat_map(|value| value.split(',')).map(str::trim).collect();
        let mut address = own.address;
        for hop in hops.iter().rev() {
            let Ok(hop) = hop.parse::<IpAddr>() else { break };
            address = hop.to_canonical();
            if !self.proxies.contains(address) {
                break;
            }
        }
        let secure = text("x-forwarded-proto").map_or(own.secure, |proto| proto.trim() == "https");
        Peer { address, secure }
    }
}

/// Told when the room is to close.
type CloseSignal = tokio::sync::watch::Receiver<bool>;

impl ReloadingTls {
    fn read(cert: &Path, key: &Path) -> anyhow::Result<ReloadingTls> {
        let config = tls_config(cert, key)?;
        let now = RwLock::new((Arc::new(config), stamp(cert, key)));
        Ok(ReloadingTls { cert: cert.to_owned(), key: key.to_owned(), now })
    }

    fn acceptor(&self) -> TlsAcceptor {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&now.0))
    }

    /// Reads a certificate that was renewed; one that does not do leaves the old in force.
    fn renew(&self) {
        let stamp = stamp(&self.cert, &self.key);
        let known = self.now.read().unwrap_or_else(PoisonError::into_inner).1;
        if stamp == known {
            return;
        }
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        now.1 = stamp;
        match tls_config(&self.cert, &self.key) {
            Ok(config) => {
                now.0 = Arc::new(config);
                tracing::info!("the certificate was read again");
            }
            Err(error) => tracing::error!(reason = %error, "the renewed certificate cannot be used"),
        }
    }
}

/// When either file was changed last.
fn stamp(cert: &Path, key: &Path) -> Option<SystemTime> {
    let changed = |path: &Path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    changed(cert).max(changed(key))
}

fn tls_config(cert: &Path, key: &Path) -> anyhow::Result<rustls::ServerConfig> {
    let mut config = tls::server(cert, key).map_err(|why| match &why {
        TlsError::Cert { .. } => anyhow::anyhow!("room.tls.cert: {why}"),
        TlsError::Key { .. } => anyhow::anyhow!("room.tls.key: {why}"),
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// As many connections as there are files for, some kept for the store.
fn places() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let files = limit.current.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    CONNECTIONS.min(files.saturating_sub(128)).max(16)
}

/// Lets this process open as many files as the system allows it.
pub fn raise_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Pages and API with all their limits.
fn app(room: Arc<RoomState>) -> Router {
    let secure_from_here = room.config.room.tls.is_set();
    Router::new()
        .nest("/api/v1", api::routes())
        .merge(super::pages::routes())
        .layer(DefaultBodyLimit::max(api::BODY_MAX))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_TIME))
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(|_| ProblemDetails::BROKEN.into_response()))
        .layer(axum::middleware::map_response(move |response| head(response, secure_from_here)))
        .with_state(room)
}

/// The head of every answer.
async fn head(mut response: Response<Body>, secure: bool) -> Response<Body> {
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if secure {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
