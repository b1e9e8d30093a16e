//! The port as a scraper, a probe and an ill-wisher see it.

use super::*;
use std::io::Read;
use std::net::TcpStream;

fn server() -> (Server, Arc<Metrics>, Arc<Readiness>) {
    let metrics = Arc::new(Metrics::new(["general"]));
    let ready = Arc::new(Readiness::new(1000));
    let server = Server::start("127.0.0.1:0", Arc::clone(&metrics), Arc::clone(&ready)).expect("server");
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
    ready.heartbeat(Instant::now());
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

#[test]
fn a_crowd_of_silent_callers_is_bounded_and_timed_out() {
    let (server, _, _) = server();
    let at = server.addr();
    let crowd: Vec<TcpStream> =
        (0..MAX_CONNECTIONS).map(|_| TcpStream::connect(at).expect("connect")).collect();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(get(at, "/healthz"), "", "one more is closed unanswered");
    std::thread::sleep(HEADER_TIMEOUT + Duration::from_millis(500));
    assert!(get(at, "/healthz").starts_with("HTTP/1.1 200 "), "the silent ones were shown out");
    drop(crowd);
}

#[test]
fn a_taken_port_and_a_wrong_address_are_named() {
    let (server, metrics, ready) = server();
    let again = server.addr().to_string();
    let error = Server::start(&again, metrics.clone(), ready.clone()).expect_err("the port is taken");
    assert!(error.to_string().starts_with(&format!("metrics.listen: cannot listen on {again}: ")), "{error}");
    let error = Server::start("9160", metrics.clone(), ready.clone()).expect_err("no address");
    assert!(error.to_string().contains("`9160` is not an address and a port"), "{error}");
    let addr = server.addr();
    drop(server);
    Server::start(&addr.to_string(), metrics, ready).expect("the port is free once the server is dropped");
}
