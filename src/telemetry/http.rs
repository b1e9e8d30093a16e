//! `/metrics`, `/healthz` and `/readyz` on one port.
//!
//! One thread with its own single-threaded runtime: a scrape cannot wait for
//! the recorder, nor the recorder for a scrape. Callers are strangers, so the
//! number of connections, the size of a request and the time it may take are
//! bounded, and each connection carries one request. What is measured is not
//! known here.

use super::label::Limit;
use super::{Metrics, Readiness};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::task::AbortHandle;

/// Connections served at once; for one more the oldest of whoever has most is closed.
pub const MAX_CONNECTIONS: usize = 64;
/// Connections from one address; for one more its oldest is closed.
pub const MAX_PER_SOURCE: usize = 16;
/// How often it is asked whether to go on.
const TURN: Duration = Duration::from_millis(200);
/// Time from accepting a connection to the last byte of the answer.
pub const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
/// Time from accepting a connection to the end of the request's header.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a request's header; hyper's smallest buffer.
pub const MAX_HEADER_BYTES: usize = 8192;
/// Lines of a request's header.
pub const MAX_HEADER_LINES: usize = 64;

const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const LINE_TYPE: &str = "text/plain; charset=utf-8";

/// Why the port could not be opened.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The port is taken, or the address is not one of this machine's.
    #[error("metrics.listen: cannot listen on {listen}: {source}")]
    Bind {
        /// As configured.
        listen: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// No thread could be made.
    #[error("metrics: cannot start the server: {0}")]
    Start(#[source] io::Error),
}

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// An open port that nobody answers on yet: opened while the process still may.
#[derive(Debug)]
pub struct Port {
    addr: SocketAddr,
    listener: TcpListener,
}

impl Port {
    /// Listens on `listen` (`metrics.listen`, port 0 for any).
    pub fn open(listen: SocketAddr) -> Result<Port, ServeError> {
        let bind = |source| ServeError::Bind { listen, source };
        let listener = TcpListener::bind(listen).map_err(bind)?;
        let addr = listener.local_addr().map_err(bind)?;
        listener.set_nonblocking(true).map_err(ServeError::Start)?;
        Ok(Port { addr, listener })
    }

    /// Where it listens; the real port where 0 was asked for.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Answers on the calling thread for as long as `goes_on`, which is asked several times a
    /// second whether anybody calls or not.
    ///
    /// # Errors
    /// No runtime could be made.
    pub fn answer(
        &self,
        metrics: &Arc<Metrics>,
        ready: &Arc<Readiness>,
        goes_on: impl Fn() -> bool,
    ) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let pages = Pages { metrics: Arc::clone(metrics), ready: Arc::clone(ready) };
        runtime.block_on(serve(self.listener.try_clone()?, Rc::new(pages), goes_on))
    }
}

impl Server {
    /// [`Port::open`] and [`Port::answer`] from a thread of its own.
    pub fn start(
        listen: SocketAddr,
        metrics: Arc<Metrics>,
        ready: Arc<Readiness>,
    ) -> Result<Server, ServeError> {
        let port = Port::open(listen)?;
        let (addr, stop) = (port.addr(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let run = move || {
            if let Err(error) = port.answer(&metrics, &ready, || !stopped.load(Ordering::Relaxed)) {
                tracing::warn!(reason = %error.kind(), "metrics server ended");
            }
        };
        let thread =
            std::thread::Builder::new().name("metrics".into()).spawn(run).map_err(ServeError::Start)?;
        Ok(Server { addr, stop, thread: Some(thread) })
    }

    /// Where it listens; the real port where 0 was asked for.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Running answers are cut.
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the pages are made from.
struct Pages {
    metrics: Arc<Metrics>,
    ready: Arc<Readiness>,
}

async fn serve(listener: TcpListener, pages: Rc<Pages>, goes_on: impl Fn() -> bool) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let callers = RefCell::new(Callers::default());
    let local = tokio::task::LocalSet::new();
    let accept = async {
        loop {
            match listener.accept().await {
                Ok((stream, from)) => {
                    let task = tokio::task::spawn_local(converse(stream, Rc::clone(&pages)));
                    if callers.borrow_mut().add(from.ip(), task.abort_handle()) {
                        pages.metrics.limit_reached(Limit::Connections);
                    }
                    // Whoever has sent his request is answered before the next one is let in.
                    tokio::task::yield_now().await;
                }
                // Out of file descriptors, or a connection that died young: never spin on it.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    };
    let watch = async {
        while goes_on() {
            tokio::time::sleep(TURN).await;
        }
    };
    local
        .run_until(async {
            tokio::select! {
                () = accept => {}
                () = watch => {}
            }
        })
        .await;
    Ok(())
}

/// Who is connected, the oldest first. A newcomer is always let in, at the cost of the oldest
/// connection of whoever has most: those that say nothing cannot keep out one that asks.
#[derive(Default)]
struct Callers(Vec<(IpAddr, AbortHandle)>);

impl Callers {
    /// One more. True where another was shown out for it.
    fn add(&mut self, from: IpAddr, task: AbortHandle) -> bool {
        self.0.retain(|(_, task)| !task.is_finished());
        let of = |source: IpAddr| self.0.iter().filter(|(s, _)| *s == source).count();
        let crowd = if of(from) >= MAX_PER_SOURCE {
            Some(from)
        } else if self.0.len() >= MAX_CONNECTIONS {
            self.0.iter().map(|(s, _)| *s).max_by_key(|s| of(*s))
        } else {
            None
        };
        if let Some(source) = crowd {
            self.show_out(source);
        }
        self.0.push((from, task));
        crowd.is_some()
    }

    fn show_out(&mut self, source: IpAddr) {
        if let Some(i) = self.0.iter().position(|(s, _)| *s == source) {
            self.0.remove(i).1.abort();
        }
    }
}

/// One request, one answer. Whatever goes wrong is the caller's loss.
async fn converse(stream: tokio::net::TcpStream, pages: Rc<Pages>) {
    let service = service_fn(move |request| {
        let response = pages.answer(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(MAX_HEADER_LINES)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let _ = tokio::time::timeout(CONNECTION_TIMEOUT, connection).await;
}

impl Pages {
    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        if !matches!(path, "/metrics" | "/healthz" | "/readyz") {
            return page(StatusCode::NOT_FOUND, LINE_TYPE, "not found: /metrics, /healthz, /readyz\n".into());
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut refused = page(StatusCode::METHOD_NOT_ALLOWED, LINE_TYPE, "GET or HEAD\n".into());
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        let ready = self.ready.check(Instant::now());
        match path {
            "/metrics" => {
                self.metrics.set_ready(ready.is_ok());
                page(StatusCode::OK, METRICS_TYPE, self.metrics.render())
            }
            "/readyz" => match ready {
                Ok(()) => page(StatusCode::OK, LINE_TYPE, "ok\n".into()),
                Err(why) => page(StatusCode::SERVICE_UNAVAILABLE, LINE_TYPE, format!("{why}\n")),
            },
            // That this thread answers says that the process lives.
            _ => page(StatusCode::OK, LINE_TYPE, "ok\n".into()),
        }
    }
}

fn page(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
