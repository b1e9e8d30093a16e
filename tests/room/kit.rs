//! A store, its accounts, the running room, and a plain HTTP client.

use nauhuri::id::derived_uuid;
use nauhuri::store::layout::RecordingName;
use nauhuri::store::sidecar::Sidecar;
use nauhuri::store::wav::{WavEncoding, WavSpec};
use nauhuri::store::writer::{RecordingWriter, WriterOptions};
use nauhuri::time::{NS_PER_S, Timestamp};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use uuid::Uuid;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_nauhuri");

/// The present, days away.
pub fn day(days: i64) -> Timestamp {
    Timestamp::from_jiff(jiff::Timestamp::now()).offset_ns(days * 86_400 * NS_PER_S)
}

pub fn password(name: &str) -> String {
    format!("correct horse of {name}")
}

/// One recording to be made.
#[derive(Clone)]
pub struct Tape {
    pub service: &'static str,
    pub agent: &'static str,
    pub agent_name: String,
    pub at: Timestamp,
    pub until: Timestamp,
    pub rate: u32,
    pub encoding: WavEncoding,
    pub samples: Vec<i16>,
}

impl Tape {
    pub fn new(service: &'static str, agent: &'static str) -> Tape {
        let samples =
            (0..8_000).flat_map(|n| [(n * 37 % 20_000 - 10_000) as i16, (n % 600) as i16]).collect();
        let encoding = WavEncoding::PcmS16le;
        let (at, until) = (day(-10), day(100));
        Tape { service, agent, agent_name: "M. Virtanen".into(), at, until, rate: 8_000, encoding, samples }
    }
}

/// A store with a configuration, and the room that serves it.
pub struct Lab {
    dir: tempfile::TempDir,
    pub root: PathBuf,
    pub config: PathBuf,
    sets: Vec<String>,
    room: Option<Child>,
    address: Option<SocketAddr>,
    made: u8,
}

impl Lab {
    /// `text` is the configuration, but for where the store is.
    pub fn new(text: &str) -> Lab {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("recordings");
        std::fs::create_dir(&root).unwrap();
        let config = dir.path().join("nauhuri.toml");
        std::fs::write(&config, text).unwrap();
        let sets = vec![format!("storage.dir={}", root.display()), "room.listen=127.0.0.1:0".into()];
        Lab { dir, root, config, sets, room: None, address: None, made: 0 }
    }

    pub fn set(mut self, key: &str, value: &str) -> Lab {
        self.sets.push(format!("{key}={value}"));
        self
    }

    pub fn outside(&self) -> &Path {
        self.dir.path()
    }

    pub fn state(&self) -> PathBuf {
        self.root.join(".nauhuri")
    }

    /// Makes a finished recording.
    pub fn record(&mut self, tape: &Tape) -> Uuid {
        self.made += 1;
        let id = derived_uuid(tape.at, &[&[self.made]]);
        let frames = tape.samples.len() as f64 / 2.0;
        let length = Duration::from_secs_f64(frames / f64::from(tape.rate));
        let sidecar: Sidecar = serde_json::from_value(json!({
            "schema": 1, "id": id, "call_group": derived_uuid(tape.at, &[b"group"]), "wav": "x.wav",
            "service": tape.service, "direction": "inbound",
            "agent": { "id": tape.agent, "name": tape.agent_name },
            "customer": { "number": "+358505550xxxx", "withheld": false }, "dialled": "116117",
            "answered_at": tape.at.to_rfc3339(), "ended_at": (tape.at + length).to_rfc3339(),
            "duration_s": length.as_secs_f64(), "ended_by": "agent", "complete": true,
            "sip": { "call_id": "x@example" },
            "audio": { "sample_rate": tape.rate, "encoding": tape.encoding.name(),
                       "channels": ["customer", "agent"], "frames": 0, "sha256": "" },
            "streams": [], "events": [{ "at_s": 0.5, "kind": "hold" }, { "at_s": 0.75, "kind": "resume" }],
            "retention": { "until": tape.until.to_rfc3339(), "hold": null }
        }))
        .unwrap();
        let name = RecordingName::new(tape.at, Some(tape.agent), Some("+358505550xxxx"), id);
        let spec = WavSpec { rate: tape.rate, encoding: tape.encoding };
        let options = WriterOptions { sync: false, ..WriterOptions::default() };
        let mut writer = RecordingWriter::open(&self.root, &name, spec, sidecar.clone(), &options).unwrap();
        let mut octets = Vec::new();
        tape.encoding.encode_into(&tape.samples, &mut octets);
        writer.append(&octets).unwrap();
        writer.close(sidecar).unwrap();
        id
    }

    /// Runs a command of the program on this store.
    pub fn run(&self, words: &[&str], input: &str) -> Output {
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that reads nothing may be gone before it is written to.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(words).arg("--config").arg(&self.config);
        for set in &self.sets {
            command.args(["--set", set]);
        }
        command
    }

    pub fn done(&self, words: &[&str], input: &str) -> String {
        let out = self.run(words, input);
        assert!(out.status.success(), "{words:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    /// Adds an account whose password is [`password`].
    pub fn user(&self, name: &str, words: &[&str]) {
        let all = [&["user", "add", name], words, &["--password-stdin"]].concat();
        self.done(&all, &(password(name) + "\n"));
    }

    /// Opens the room.
    pub fn open(&mut self) {
        let mut child = self.command(&["serve"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let address = loop {
            let Some(line) = lines.next() else { panic!("the room did not open: {said}") };
            let line = line.unwrap();
            if let Some(at) = line.split("://").nth(1) {
                break at.trim_end_matches('/').parse().unwrap();
            }
            said += &line;
        };
        // The log goes on somewhere, or the room would wait for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        self.room = Some(child);
        self.address = Some(address);
    }

    pub fn address(&self) -> SocketAddr {
        self.address.unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.room.as_ref().unwrap().id()
    }

    /// Closes the room as systemd does.
    pub fn close(&mut self) {
        if let Some(mut room) = self.room.take() {
            Command::new("kill").arg(room.id().to_string()).status().unwrap();
            let status = room.wait().unwrap();
            assert!(status.success(), "{status}");
        }
    }

    /// Takes leave of a room that was killed.
    pub fn buried(&mut self) {
        if let Some(mut room) = self.room.take() {
            room.wait().unwrap();
        }
    }

    /// Somebody who is not signed in.
    pub fn stranger(&self) -> Client {
        Client { address: self.address(), cookie: None, bearer: None }
    }

    /// Signs somebody in who has nothing to accept.
    pub fn client(&self, name: &str) -> Client {
        let mut client = self.stranger();
        let reply = client.sign_in(name, &password(name));
        assert_eq!(reply.status, 204, "{name}: {}", reply.text());
        client
    }

    /// Entries of the log, without the links.
    pub fn entries(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.state().join("audit.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Entries of one action by one account.
    pub fn told(&self, action: &str, account: &str) -> Vec<Value> {
        let is = |entry: &Value| entry["action"] == action && entry["who"]["web"] == account;
        self.entries().into_iter().filter(is).collect()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(mut room) = self.room.take() {
            let _ = room.kill();
            let _ = room.wait();
        }
        if !std::thread::panicking() {
            self.done(&["audit", "verify"], "");
        }
    }
}

/// One browser, or program.
#[derive(Clone)]
pub struct Client {
    pub address: SocketAddr,
    pub cookie: Option<String>,
    pub bearer: Option<String>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// `type` of a problem.
    pub fn kind(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text());
        self.json()["type"].as_str().unwrap().to_owned()
    }

    /// Status and type.
    pub fn problem(&self) -> (u16, String) {
        (self.status, self.kind())
    }

    /// Everything but the date.
    pub fn shape(&self) -> Reply {
        let mut shape = self.clone();
        shape.headers.retain(|(name, _)| name != "date");
        shape
    }
}

impl Client {
    pub fn get(&self, path: &str) -> Reply {
        self.call("GET", path, None, &[])
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.call("POST", path, Some(body), &[("X-Nauhuri", "1")])
    }

    pub fn sign_in(&mut self, name: &str, password: &str) -> Reply {
        let body = json!({ "user": name, "password": password });
        let reply = self.call("POST", "/api/v1/session", Some(&body), &[]);
        if let Some(cookie) = reply.header("set-cookie") {
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
        reply
    }

    pub fn call(&self, method: &str, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Reply {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        if let Some(cookie) = &self.cookie {
            text += &format!("Cookie: {cookie}\r\n");
        }
        if let Some(bearer) = &self.bearer {
            text += &format!("Authorization: Bearer {bearer}\r\n");
        }
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        if !body.is_empty() {
            text += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        let bytes = [text.as_bytes(), b"\r\n", body.as_bytes()].concat();
        read_reply(&raw(self.address, &bytes), method == "HEAD")
    }
}

/// Sends bytes, reads all that comes back.
pub fn raw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // Who is refused early is told so before all is sent.
    let _ = stream.write_all(bytes);
    let mut out = Vec::new();
    let _ = stream.read_to_end(&mut out);
    out
}

pub fn read_reply(bytes: &[u8], head_only: bool) -> Reply {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(bytes)));
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let mut body = bytes[end + 4..].to_vec();
    if headers.iter().any(|(n, v)| n == "transfer-encoding" && v == "chunked") {
        body = unchunked(&body);
    }
    let reply = Reply { status, headers, body };
    if let Some(length) = reply.header("content-length").filter(|_| !head_only) {
        assert_eq!(length.parse(), Ok(reply.body.len()), "all of the answer came");
    }
    reply
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let end = rest.windows(2).position(|w| w == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap().trim(), 16).unwrap();
        if length == 0 {
            return out;
        }
        out.extend_from_slice(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 4 + length..];
    }
}
