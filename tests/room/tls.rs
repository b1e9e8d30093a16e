//! TLS, proxies, and what keeps the room shut.

use crate::kit::{Client, Lab, Tape, password, read_reply};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROLES: &str = "[room.roles.agent]\nhear = \"own\"\n[room.roles.office]\nfind = \"office\"\nnetworks = [\"10.20.0.0/16\"]\n\
    [service_default]\noffice = \"building\"\n";

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/room").join(name)
}

/// Sends a request over TLS to a server that has to have this certificate.
fn over_tls(address: SocketAddr, cert: &str, request: &str) -> Result<Vec<u8>, rustls::Error> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(data(cert)).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut session = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    let mut out = Vec::new();
    let mut stream = rustls::Stream::new(&mut session, &mut socket);
    let sent = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_end(&mut out));
    match sent {
        Ok(_) => Ok(out),
        Err(e) => match e.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
            Some(e) => Err(e.clone()),
            None => Ok(out),
        },
    }
}

#[test]
fn over_tls_and_with_a_renewed_certificate() {
    let mut lab = Lab::new(ROLES);
    let (cert, key) = (lab.outside().join("room.pem"), lab.outside().join("room.key"));
    std::fs::copy(data("one.pem"), &cert).unwrap();
    std::fs::copy(data("one.key"), &key).unwrap();
    lab = lab.set("room.tls.cert", cert.to_str().unwrap()).set("room.tls.key", key.to_str().unwrap());
    lab.user("kaisa", &["--role", "agent", "--agent", "2001"]);
    lab.open();
    let body = json!({ "user": "kaisa", "password": password("kaisa") }).to_string();
    let request = format!(
        "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let reply = read_reply(&over_tls(lab.address(), "one.pem", &request).unwrap(), false);
    assert_eq!(reply.status, 204);
    assert!(reply.header("set-cookie").unwrap().contains("; Secure"));
    assert!(reply.header("strict-transport-security").is_some());
    assert!(over_tls(lab.address(), "two.pem", &request).is_err(), "another certificate");
    let plain = crate::kit::raw(lab.address(), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(!String::from_utf8_lossy(&plain).contains("HTTP/1.1"), "nothing in clear");
    // Renewed: the key first, as it happens; until both are there the old one holds.
    std::fs::copy(data("two.key"), &key).unwrap();
    std::fs::copy(data("two.pem"), &cert).unwrap();
    let began = Instant::now();
    while over_tls(lab.address(), "two.pem", &request).is_err() {
        assert!(began.elapsed() < Duration::from_secs(90), "the renewed certificate is not used");
        std::thread::sleep(Duration::from_secs(2));
    }
    lab.close();
}

#[test]
fn a_door_that_cannot_be_opened_says_why() {
    let lab = Lab::new(ROLES);
    let fails = |sets: &[&str], code: i32, parts: &[&str]| {
        let mut words = vec!["serve"];
        for set in sets {
            words.extend(["--set", set]);
        }
        let out = lab.run(&words, "");
        let said = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(code), "{sets:?}: {said}");
        assert!(parts.iter().all(|part| said.contains(part)), "{sets:?}: {said}");
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fails(&[&format!("room.listen={address}")], 1, &["room.listen", &address]);
    fails(&["room.listen=0.0.0.0:9170"], 2, &["room.listen", "room.tls"]);
    fails(&["room.listen=nowhere"], 2, &["room.listen"]);
    fails(
        &["room.tls.cert=/nowhere.pem", "room.tls.key=/nowhere.key"],
        1,
        &["room.tls.cert", "/nowhere.pem"],
    );
    let (one, two) = (data("one.pem"), data("two.key"));
    let cert = format!("room.tls.cert={}", one.display());
    fails(&[&cert, &format!("room.tls.key={}", two.display())], 1, &["room.tls"]);
    fails(&[&cert], 2, &["room.tls", "both"]);
    fails(&["room.undertaking=/nowhere.txt"], 1, &["room.undertaking", "/nowhere.txt"]);
    fails(&["room.oidc.issuer=https://id.example"], 2, &["room.oidc.client_id", "room.oidc.roles"]);
    let provider = [
        "room.oidc.issuer=https://id.example",
        "room.oidc.client_id=room",
        "room.oidc.roles={ x = \"agent\" }",
    ];
    let missing = "room.oidc.client_secret_file=/nowhere.secret";
    fails(
        &[provider.as_slice(), &[missing]].concat(),
        1,
        &["room.oidc.client_secret_file", "/nowhere.secret"],
    );
    fails(&["storage.dir=/nowhere"], 1, &["/nowhere"]);
    fails(&["room.roles.agent.hear=everything"], 2, &["room.roles.agent.hear", "\"own\""]);
    let state = lab.state();
    std::fs::create_dir_all(&state).unwrap();
    lab.done(&["user", "list"], "");
    let later = rusqlite::Connection::open(state.join("room.db")).unwrap();
    later.pragma_update(None, "user_version", 99).unwrap();
    drop(later);
    fails(&[], 1, &["room.db", "another version"]);
    std::fs::remove_file(state.join("room.db")).unwrap();
}

#[test]
fn a_proxy_is_believed_only_where_it_is_trusted() {
    for (trusted, seen) in [("[]", 0), ("[\"127.0.0.1\"]", 1), ("[\"192.0.2.1\"]", 0)] {
        let mut lab = Lab::new(ROLES).set("room.trusted_proxies", trusted);
        lab.record(&Tape::new("general", "2001"));
        lab.user("office", &["--role", "office", "--office", "building"]);
        lab.open();
        let sign_in = json!({ "user": "office", "password": password("office") });
        let headers = [("X-Forwarded-For", "10.20.0.5"), ("X-Forwarded-Proto", "https")];
        let reply = lab.stranger().call("POST", "/api/v1/session", Some(&sign_in), &headers);
        let cookie = reply.header("set-cookie").unwrap().to_owned();
        assert_eq!(cookie.contains("Secure"), seen == 1, "{trusted}");
        let client = Client { cookie: cookie.split(';').next().map(str::to_owned), ..lab.stranger() };
        let count = |forwarded: &str| {
            let reply = client.call("GET", "/api/v1/recordings", None, &[("X-Forwarded-For", forwarded)]);
            reply.json()["items"].as_array().unwrap().len()
        };
        assert_eq!(count("10.20.0.5"), seen, "{trusted}");
        // What stands before the nearest hop anybody may have written.
        assert_eq!(count("10.20.0.5, 198.51.100.7"), 0, "{trusted}");
        assert_eq!(count("198.51.100.7, 10.20.0.5"), seen, "{trusted}");
        assert_eq!(count("10.20.0.5, 127.0.0.1"), seen, "{trusted}: our own proxy is no browser");
        assert_eq!(count("10.20.0.5, garbage"), 0, "{trusted}");
        let address = if seen == 1 { "10.20.0.5" } else { "127.0.0.1" };
        assert!(lab.told("list", "office").iter().any(|e| e["who"]["address"] == address));
        lab.close();
    }
}

#[test]
fn killed_and_opened_again_it_goes_on() {
    let mut lab = Lab::new(ROLES);
    let id = lab.record(&Tape::new("general", "2001"));
    lab.user("kaisa", &["--role", "agent", "--agent", "2001"]);
    for round in 0..3 {
        lab.open();
        let kaisa = lab.client("kaisa");
        let heard = std::thread::scope(|scope| {
            let (lab, kaisa) = (&lab, &kaisa);
            let listen = scope.spawn(move || {
                let path = format!("/api/v1/recordings/{id}/audio");
                let mut heard = 0;
                let began = Instant::now();
                while began.elapsed() < Duration::from_secs(2) {
                    // Bytes that came were told before.
                    let request = format!(
                        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: {}\r\n\r\n",
                        kaisa.cookie.clone().unwrap()
                    );
                    let Ok(mut stream) = TcpStream::connect(lab.address()) else { break };
                    let _ = stream.write_all(request.as_bytes());
                    let mut out = Vec::new();
                    let _ = stream.read_to_end(&mut out);
                    heard += usize::from(out.starts_with(b"HTTP/1.1 200"));
                }
                heard
            });
            std::thread::sleep(Duration::from_millis(300 + 170 * round));
            std::process::Command::new("kill").args(["-9", &lab.pid().to_string()]).status().unwrap();
            listen.join().unwrap()
        });
        let told = lab.told("listen", "kaisa").len();
        assert!(told >= heard, "round {round}: {heard} heard, {told} told");
        lab.buried();
    }
    lab.open();
    assert_eq!(lab.client("kaisa").get("/api/v1/recordings").status, 200);
    lab.close();
}
