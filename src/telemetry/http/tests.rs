//! The port as a scraper, a probe and an ill-wisher see it.

use super::*;
use std::io::{Read, Write as _};
use std::net::TcpStream;

fn server() -> (Server, Arc<Metrics>, Arc<Readiness>) {
    let metrics = Arc::new(Metrics::new(["general"]));
    let ready = Arc::new(Readiness::new(1000));
    let server =
        Server::start(([127, 0, 0, 1], 0).into(), Arc::clone(&metrics), Arc::clone(&ready)).expect("server");
    (server, metrics, ready)
}

fn ask(addr: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).expect("connect");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("timeout");
    stream.write_all(request.as_bytes()).expect("send");
    let mut answer = String::new();
    // A reset after the answer is the server's right when a request was too large.
    let _ = stream.read_to_string(&mut answer);
    answer
}

fn get(addr: SocketAddr, path: &str) -> String {
    ask(addr, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
}

#[test]
fn pages() {
    let (server, metrics, ready) = server();
    let at = server.addr();
    assert!(get(at, "/healthz").starts_with("HTTP/1.1 200 "));
    let answer = get(at, "/readyz");
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("\r\n\r\nnot capturing yet: starting\n"),
        "{answer}"
    );
    ready.capturing();
    assert!(get(at, "/readyz").starts_with("HTTP/1.1 200 "));

    metrics.ledger().answered("general");
    let answer = get(at, "/metrics?name[]=x");
    assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
    assert!(answer.contains("\nnauhuri_recordings_active 1\n"), "{answer}");
    assert!(answer.contains("\nnauhuri_ready 1\n"), "{answer}");

    assert!(get(at, "/").starts_with("HTTP/1.1 404 "));
    let answer = ask(at, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("allow: GET, HEAD"), "{answer}");
    let answer = ask(at, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn too_much_is_refused() {
    let (server, _, _) = server();
    let at = server.addr();
    let answer = ask(at, &format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(20_000)));
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = ask(at, &format!("GET /metrics HTTP/1.1\r\n{}\r\n", "X: a\r\n".repeat(100)));
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(!ask(at, "\0\u{1}garbage\r\n\r\n").starts_with("HTTP/1.1 200"));
}

/// Whoever holds connections open without asking, from one address or from many, and begins
/// anew when shown out: who asks is answered each time.
#[test]
fn a_crowd_of_silent_callers_keeps_nobody_out() {
    let (server, metrics, _) = server();
    let at = server.addr();
    let closed = || {
        let text = metrics.render();
        let line =
            text.lines().find_map(|l| l.strip_prefix("nauhuri_limit_reached_total{limit=\"connections\"} "));
        line.and_then(|n| n.parse::<usize>().ok()).expect("a count")
    };
    for n in 0..MAX_PER_SOURCE {
        assert!(get(at, "/healthz").starts_with("HTTP/1.1 200 "), "{n}");
    }
    assert_eq!(closed(), 0, "one after another is no crowd");
    for half in ["", "GET /metrics HTTP/1.1\r\nHost: x\r\n"] {
        for sources in [1, 8] {
            let mut crowd = Vec::new();
            for n in 0..3 * MAX_CONNECTIONS {
                let mut stream = from(n % sources + 1, at);
                // One that was shown out by then cannot write: as it should be.
                let _ = stream.write_all(half.as_bytes());
                crowd.push(stream);
                if n % 8 == 0 {
                    assert!(get(at, "/healthz").starts_with("HTTP/1.1 200 "), "{n} of {sources}");
                }
            }
            assert!(get(at, "/metrics").starts_with("HTTP/1.1 200 "));
            let mut open = crowd.iter_mut().map(|s| {
                s.set_nonblocking(true).expect("nonblocking");
                matches!(s.read(&mut [0]), Err(e) if e.kind() == io::ErrorKind::WouldBlock)
            });
            let open = open.by_ref().filter(|is_open| *is_open).count();
            let bound = if sources == 1 { MAX_PER_SOURCE } else { MAX_CONNECTIONS };
            assert!(open > 0 && open <= bound, "{open} of {sources} sources");
            assert!(closed() >= 3 * MAX_CONNECTIONS - bound, "{}", closed());
        }
    }
}

/// A connection from another address of this machine: 127.0.0.N.
fn from(n: usize, to: SocketAddr) -> TcpStream {
    let local: SocketAddr = format!("127.0.0.{n}:0").parse().expect("an address");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("runtime");
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("socket");
        socket.bind(local).expect("bind");
        socket.connect(to).await.expect("connect").into_std().expect("a stream")
    });
    stream.set_nonblocking(false).expect("blocking");
    stream
}

#[test]
fn the_silent_are_timed_out() {
    let (server, _, _) = server();
    let mut silent = TcpStream::connect(server.addr()).expect("connect");
    silent.set_read_timeout(Some(CONNECTION_TIMEOUT)).expect("timeout");
    let began = Instant::now();
    // Closed, by an end or by an error.
    let _ = silent.read(&mut [0]);
    assert!(began.elapsed() < HEADER_TIMEOUT + Duration::from_secs(2), "{:?}", began.elapsed());
}

#[test]
fn a_taken_port_is_named() {
    let (server, metrics, ready) = server();
    let again = server.addr();
    let error = Server::start(again, metrics.clone(), ready.clone()).expect_err("the port is taken");
    assert!(error.to_string().starts_with(&format!("metrics.listen: cannot listen on {again}: ")), "{error}");
    let addr = server.addr();
    drop(server);
    Server::start(addr, metrics, ready).expect("the port is free once the server is dropped");
}
