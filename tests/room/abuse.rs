//! Strangers who mean ill: too long, too slow, too many, and markup in names.

use crate::kit::{Lab, Tape, password, raw, read_reply};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const ROLES: &str = "[room.roles.lead]\nfind = \"all\"\nhear = \"all\"\nact = [\"hold\", \"export\"]\n";

fn lab() -> Lab {
    let mut lab = Lab::new(ROLES);
    lab.user("lead", &["--role", "lead"]);
    lab.open();
    lab
}

#[test]
fn what_is_too_long_is_refused_and_nothing_breaks() {
    let lab = lab();
    let lead = lab.client("lead");
    let address = lab.address();
    let status = |bytes: &[u8]| {
        let answer = raw(address, bytes);
        // Some are not worth an answer.
        if answer.is_empty() { 0 } else { read_reply(&answer, false).status }
    };
    let host = format!("Host: {address}\r\nConnection: close\r\n");
    let long = "x".repeat(100_000);
    for request in [
        format!("GET /{long} HTTP/1.1\r\n{host}\r\n"),
        format!("GET / HTTP/1.1\r\n{host}X: {long}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}{}\r\n", "A: b\r\n".repeat(500)),
        format!("GET / HTTP/9.9\r\n{host}\r\n"),
        "\0\0\0\0\r\n\r\n".into(),
        format!("POST /api/v1/session HTTP/1.1\r\n{host}Content-Length: -1\r\n\r\n"),
        format!(
            "POST /api/v1/session HTTP/1.1\r\n{host}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef"
        ),
    ] {
        let status = status(request.as_bytes());
        assert!(
            (400..500).contains(&status) || status == 0,
            "{status}: {}",
            &request[..40.min(request.len())]
        );
    }
    let body = json!({ "user": "lead", "password": long.clone() });
    let reply = lab.stranger().call("POST", "/api/v1/session", Some(&body), &[]);
    assert_eq!(reply.problem(), (413, "too-large".into()));
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    for body in [
        "",
        "{",
        "null",
        "[]",
        "{\"user\":1}",
        "\"\\ud800\"",
        &deep,
        "{\"user\":\"a\",\"password\":\"b\",\"x\":1}",
    ] {
        let request = format!(
            "POST /api/v1/session HTTP/1.1\r\n{host}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        assert_eq!(status(request.as_bytes()), 400, "{}", &body[..10.min(body.len())]);
    }
    for path in [
        "/api/v1/recordings/..%2f..%2fetc%2fpasswd",
        "/api/v1/recordings/%00",
        "/api/v1/recordings/%ff%fe",
        "/api/v1/recordings/../../etc/passwd",
        "/api/v1/recordings/a%0d%0aSet-Cookie:%20x=y",
        "/api/v1/recordings//audio",
        "/api/v1/nothing",
        "/api/v2/recordings",
        "/.git/config",
        "/%2e%2e/%2e%2e/etc/passwd",
    ] {
        let reply = lead.get(path);
        assert!([400, 404].contains(&reply.status), "{path}: {}", reply.status);
        assert!(reply.header("set-cookie").is_none());
    }
    for query in [
        "limit=1e9",
        "limit=-1",
        "cursor=%00",
        "since=99999-01-01",
        "flag=x",
        "number=%25%27",
        "longer=1e999",
        "a=b",
    ] {
        let status = lead.get(&format!("/api/v1/recordings?{query}")).status;
        assert!([200, 400].contains(&status), "{query}: {status}");
    }
    assert_eq!(
        lead.call("PATCH", "/api/v1/recordings", None, &[("X-Nauhuri", "1")]).problem(),
        (405, "method".into())
    );
    assert_eq!(lead.get("/api/v1/recordings").status, 200);
}

/// Whatever is wrong with a request is told in the same form, and nothing that it says is repeated.
#[test]
fn a_query_or_a_path_that_is_not_understood() {
    let mut lab = lab();
    let id = lab.record(&Tape::new("general", "2001"));
    let lead = lab.client("lead");
    for path in [
        "audit?unasked=0401234567",
        "dsar?cursor=0401234567x",
        "dsar/1/letter",
        "requests?limit=many",
        "statistics?since=1&since=2",
        &format!("recordings/{id}/audio?0401234567"),
        &format!("recordings/{id}/peaks?reason=a&reason=b"),
    ] {
        let reply = lead.get(&format!("/api/v1/{path}"));
        assert_eq!(reply.problem().0, 400, "{path}");
        assert!(!reply.text().contains("0401234567"), "{path}: {}", reply.text());
    }
    for path in ["recordings/%ff", "recordings/%ff/audio", "dsar/%80", "requests/%c3%28/approve"] {
        let reply = match path.ends_with("approve") {
            true => lead.post(&format!("/api/v1/{path}"), &serde_json::json!({})),
            false => lead.get(&format!("/api/v1/{path}")),
        };
        assert_eq!(reply.problem().0, 404, "{path}");
    }
    lab.close();
}

#[test]
fn the_head_of_every_answer() {
    let lab = lab();
    for path in ["/", "/api/v1/recordings", "/api/v1/nothing", "/nothing", "/assets/room.js"] {
        let reply = lab.stranger().get(path);
        let policy = reply.header("content-security-policy").unwrap_or_else(|| panic!("{path}"));
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("x-frame-options"), Some("DENY"), "{path}");
        assert!(reply.header("server").is_none(), "{path}");
    }
    assert_eq!(lab.stranger().get("/api/v1/recordings").header("cache-control"), Some("no-store"));
}

#[test]
fn two_thousand_who_say_nothing_and_some_who_speak_slowly() {
    let mut lab = lab();
    lab.record(&Tape::new("general", "2001"));
    let lead = lab.client("lead");
    let files = std::fs::read_to_string(format!("/proc/{}/limits", lab.pid())).unwrap();
    let files: usize = files
        .lines()
        .find_map(|l| {
            l.strip_prefix("Max open files").and_then(|l| l.split_whitespace().next()?.parse().ok())
        })
        .unwrap();
    // So many as this process and the room may open.
    let many = 2_000.min(files.saturating_sub(400)).min(own_files().saturating_sub(200));
    let mut idle: Vec<TcpStream> = (0..many).map(|_| TcpStream::connect(lab.address()).unwrap()).collect();
    for stream in idle.iter_mut().take(50) {
        stream.write_all(b"GET /api/v1/recordings HTT").unwrap();
    }
    let began = Instant::now();
    assert_eq!(lead.get("/api/v1/recordings").status, 200);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let memory = std::fs::read_to_string(format!("/proc/{}/status", lab.pid())).unwrap();
    let kb: u64 = memory
        .lines()
        .find_map(|l| l.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse().ok())
        .unwrap();
    assert!(kb < 150_000, "{kb} kB with {many} connections");
    // They are let go, and with the next one the same again.
    for stream in idle.iter_mut().rev().take(3).chain([]) {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(began.elapsed() < Duration::from_secs(25), "an idle connection is closed");
    }
    drop(idle);
    assert_eq!(lead.get("/api/v1/recordings").status, 200);
    lab.close();
}

fn own_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find_map(|l| l.strip_prefix("Max open files")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap_or(usize::MAX)
}

#[test]
fn many_listeners_who_read_slowly_keep_nobody_else_waiting() {
    let mut lab = lab();
    let samples = vec![100; 16_000 * 300];
    let id = lab.record(&Tape { samples, ..Tape::new("general", "2001") });
    let lead = lab.client("lead");
    let request = format!(
        "GET /api/v1/recordings/{id}/audio HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n",
        lead.cookie.clone().unwrap()
    );
    let slow: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(lab.address()).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    std::thread::sleep(Duration::from_millis(500));
    let began = Instant::now();
    assert_eq!(lead.get(&format!("/api/v1/recordings/{id}")).status, 200);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    drop(slow);
    lab.close();
}

#[test]
fn markup_in_names_stays_text() {
    let mut lab = lab();
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let id = lab.record(&Tape { agent_name: evil.into(), ..Tape::new("general", "2001") });
    let lead = lab.client("lead");
    let item = lead.get(&format!("/api/v1/recordings/{id}"));
    assert_eq!(item.json()["agent"]["name"], evil, "as it is, and as JSON");
    assert_eq!(item.header("content-type"), Some("application/json"));
    for path in [
        "/recordings".to_string(),
        format!("/recordings/{id}"),
        format!("/recordings?agent={}", "%22%3E%3Cscript%3Ex"),
    ] {
        let page = lead.get(&path);
        assert_eq!(page.status, 200, "{path}");
        let text = page.text();
        assert!(
            !text.contains("<script>alert") && !text.contains("<img src=x") && !text.contains("<script>x"),
            "{path}"
        );
    }
    let name = lab.stranger().sign_in("<script>alert(1)</script>", &password("x"));
    assert!(!name.text().contains("script"));
    lab.close();
}
