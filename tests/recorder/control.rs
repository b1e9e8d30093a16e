//! The running recorder is asked: what it records, and to pause, by command and by an agent's desktop.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene};
use crate::common::run::{Recording, nauhuri, recordings};
use crate::common::voice::Voice;
use crate::studio::{Studio, config};
use nauhuri::config::{Config, ServiceRule};
use nauhuri::daemon::crew::Faults;
use nauhuri::daemon::machine_clock::Clock;
use nauhuri::time::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A folder with a store, the socket beside it.
pub(super) struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub(super) fn new() -> Place {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("store")).unwrap();
        Place { dir }
    }

    fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.dir.path().join("control.sock")
    }

    pub(super) fn config(&self, wire: &str) -> Config {
        let mut config = config(&self.store(), wire);
        config.control.socket = self.socket();
        config
    }

    /// A command to its end: exit status, standard output, standard error.
    pub(super) fn tell(&self, words: &[&str]) -> (i32, String, String) {
        let out = nauhuri().args(words).arg("--socket").arg(self.socket()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (out.status.code().unwrap(), text(&out.stdout), text(&out.stderr))
    }

    fn calls(&self) -> Vec<Value> {
        let (code, said, why) = self.tell(&["calls", "--json"]);
        assert_eq!(code, 0, "{why}");
        serde_json::from_str(&said).unwrap()
    }

    pub(super) fn entries(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.store().join(".nauhuri/audit.jsonl")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn recording(&self, call_id: &str) -> Recording {
        recordings(&self.store()).into_iter().find(|r| r.text("/sip/call_id") == call_id).unwrap()
    }
}

/// Calls of these agents, `ms` long, all at once.
pub(super) fn scene(agents: &[u16], ms: f64) -> Scene {
    let mut s = Scene::new();
    for agent in agents {
        let d = dialog(*agent);
        d.answered(&mut s, 0.0, 50.0);
        for (side, from) in [(Caller, 55.0), (Callee, 60.0)] {
            s.media(&Voice::of(&d, side, u64::from(*agent) + side as u64).talk(from, ms));
        }
        d.bye(&mut s, ms, Caller);
    }
    s
}

fn dialog(agent: u16) -> Dialog {
    let d = Dialog::new(agent - 2000);
    let named = |text: &str| text.replace("2001", &agent.to_string());
    let from = d.from.replace("1234567", &format!("123{agent}"));
    Dialog { from, to: named(&d.to), uri: named(&d.uri), ..d }
}

/// Plays while `act` does something.
pub(super) fn during(studio: &Studio, scene: &Scene, act: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let acting = scope.spawn(act);
        studio.play(scene);
        acting.join().unwrap();
    });
}

pub(super) fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::sleep(Duration::from_millis(30));
    }
}

/// The only pause of a recording: both channels are silent in it, and sound around it.
#[track_caller]
fn paused(r: &Recording, by: &str, resumed_by: Option<&str>) -> (f64, f64) {
    let all: Vec<_> = r.json["events"].as_array().unwrap().iter().filter(|e| e["kind"] == "pause").collect();
    let [event] = all[..] else { panic!("{}", r.json) };
    assert_eq!((&event["by"], event.get("resumed_by")), (&by.into(), resumed_by.map(Into::into).as_ref()));
    let (at_s, end_s) = (event["at_s"].as_f64().unwrap(), event["end_s"].as_f64().unwrap());
    let [from, until] = [at_s, end_s].map(|s| (s * 8000.0) as usize);
    for name in ["customer", "agent"] {
        let loud = |part: &[i16]| part.iter().filter(|s| **s != 0).count();
        let all = r.channel(name);
        assert_eq!(loud(&all[from + 2..until - 2]), 0, "{name}: {event}");
        assert!(loud(&all[from - 800..from]) > 700, "{name}: {event}");
        assert!(resumed_by.is_none() || loud(&all[until + 160..until + 960]) > 600, "{name}: {event}");
    }
    assert_eq!(r.json["complete"], true, "{}", r.json);
    (at_s, end_s)
}

/// What is asked of a recorder is written down by its clock, as what it does itself is.
#[test]
fn what_is_asked_is_logged_by_the_recorders_clock() {
    let place = Place::new();
    let begins = Timestamp::from_parts(1_780_000_000, 0);
    let clock = Clock::standing(begins);
    let config = place.config("control-clock");
    let studio = Studio::start(&config, clock.clone(), Faults::default()).unwrap();
    assert_eq!(place.calls(), [] as [Value; 0]);
    clock.turn(Duration::from_secs(61));
    assert_eq!(place.calls(), [] as [Value; 0]);
    let entries = place.entries();
    let shown = entries.iter().filter(|e| e["action"] == "calls_show");
    let at: Vec<&str> = shown.map(|e| e["at"].as_str().unwrap()).collect();
    assert!(
        matches!(at[..], [a, b] if a.starts_with("2026-05-28T20:26:40") && b.starts_with("2026-05-28T20:27:41")),
        "{at:?}"
    );
    assert!(studio.stop().0);
}

#[test]
fn calls_are_listed_paused_and_resumed_by_command() {
    let place = Place::new();
    let studio = Studio::plain(&place.config("control-commands"));
    assert_eq!(place.calls(), [] as [Value; 0]);
    during(&studio, &scene(&[2001, 2002], 6000.0), || {
        wait("two calls", || place.calls().iter().filter(|c| c["codecs"][1] == "PCMA").count() == 2);
        let calls = place.calls();
        let agents: Vec<_> = calls.iter().map(|c| c["agent"]["id"].as_str().unwrap()).collect();
        assert!(agents.contains(&"2001") && agents.contains(&"2002"));
        let one = calls.iter().find(|c| c["agent"]["id"] == "2001").unwrap();
        assert_eq!(
            (&one["state"], &one["direction"], &one["codecs"][0]),
            (&"recording".into(), &"inbound".into(), &"PCMA".into())
        );
        assert!(
            !calls.iter().any(|c| c.to_string().contains("+358") || c.to_string().contains("customer\":")),
            "{calls:?}"
        );
        let (code, said, _) = place.tell(&["calls"]);
        assert!(
            code == 0 && said.contains("2002") && said.contains("PCMA") && !said.contains("+358"),
            "{said}"
        );
        // By the agent, then by the end of its id.
        let (code, said, why) = place.tell(&["pause", "2001"]);
        assert!(code == 0 && said.contains("(agent 2001): paused since"), "{said}{why}");
        let states =
            || place.calls().iter().map(|c| c["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert!(states().iter().any(|s| s == "paused") && states().iter().any(|s| s == "recording"));
        std::thread::sleep(Duration::from_millis(800));
        let id = one["id"].as_str().unwrap();
        let short: String = id.replace('-', "").chars().skip(24).collect();
        let (code, said, why) = place.tell(&["pause", &short.to_uppercase(), "--resume"]);
        assert!(code == 0 && said.trim() == format!("{short} (agent 2001): recording"), "{said}{why}");
        let (code, said, _) = place.tell(&["pause", id, "--resume", "--json"]);
        assert_eq!((code, serde_json::from_str::<Value>(&said).unwrap()["paused_at"].is_null()), (0, true));
        for (wrong, says) in
            [("2999", "no running call"), ("", "no running call"), ("00000000", "no running call")]
        {
            let (code, said, why) = place.tell(&["pause", wrong]);
            assert!(code == 1 && said.is_empty() && why.contains(says), "{wrong}: {why}");
        }
        let (code, _, why) = place.tell(&["pause", &"9".repeat(5000)]);
        assert!(code == 2 && why.contains("too long"), "{why}");
    });
    studio.until("both are there", 10, |_| recordings(&place.store()).len() == 2);
    let (from, until) = paused(&place.recording("ladder-1"), "command", Some("command"));
    assert!((0.7..4.0).contains(&(until - from)), "{from} {until}");
    let other = place.recording("ladder-2");
    assert!(other.events("pause").is_empty() && other.json.get("paused_s").is_none(), "{}", other.json);
    assert_eq!(studio.metric("nauhuri_pauses_total{by=\"command\"}"), 1.0);
    assert_eq!(studio.metric("nauhuri_pauses_ended_total{by=\"command\"}"), 1.0);
    let entries = place.entries();
    let of = |action: &str, outcome: &str| {
        entries.iter().filter(|e| e["action"] == action && e["outcome"] == outcome).collect::<Vec<_>>()
    };
    assert_eq!(
        (of("pause", "done").len(), of("resume", "done").len(), of("pause", "refused").len()),
        (1, 2, 3)
    );
    assert_eq!(of("pause", "done")[0]["targets"][0], place.recording("ladder-1").json["id"]);
    assert_eq!(of("pause", "done")[0]["who"]["uid"], rustix::process::getuid().as_raw());
    assert!(!of("calls_show", "done").is_empty());
    assert!(studio.stop().0);
    let (code, _, why) = place.tell(&["calls"]);
    assert!(code == 1 && why.contains("no recorder runs here"), "{why}");
}

#[test]
fn a_pause_runs_out_and_a_service_that_is_not_to_be_paused_is_not() {
    let place = Place::new();
    let mut config = place.config("control-limit");
    config.pause.limit = Duration::from_millis(700);
    let numbers = vec!["2004".to_owned()];
    config.service =
        vec![ServiceRule { name: "crisis".into(), numbers, pause: Some(false), ..ServiceRule::default() }];
    let studio = Studio::plain(&config);
    during(&studio, &scene(&[2003, 2004], 5000.0), || {
        wait("two calls", || place.calls().len() == 2);
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(place.tell(&["pause", "2003"]).0, 0);
        let (code, _, why) = place.tell(&["pause", "2004"]);
        assert!(code == 1 && why.contains("\"crisis\" may not be paused"), "{why}");
        wait("it goes on by itself", || place.calls().iter().all(|c| c["state"] == "recording"));
    });
    studio.until("both are there", 10, |_| recordings(&place.store()).len() == 2);
    let (from, until) = paused(&place.recording("ladder-3"), "command", Some("limit"));
    assert!((until - from - 0.7).abs() < 0.001, "{from} {until}");
    assert!(place.recording("ladder-4").events("pause").is_empty());
    assert_eq!(studio.metric("nauhuri_pauses_ended_total{by=\"limit\"}"), 1.0);
    assert!(studio.stop().0);
}

/// A request and its status and body.
fn http(at: SocketAddr, method: &str, path: &str, headers: &str) -> (u16, String) {
    let mut s = TcpStream::connect(at).unwrap();
    s.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(s, "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{headers}\r\n").unwrap();
    let mut text = String::new();
    let _ = s.read_to_string(&mut text);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text}"));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.into())
}

#[test]
fn an_agents_desktop_pauses_its_own_call_and_no_other() {
    let place = Place::new();
    let mut config = place.config("control-http");
    let tokens = place.dir.path().join("tokens");
    let line = |agent: &str, token: &str| format!("{agent} {}\n", hex::encode(Sha256::digest(token)));
    fs::write(&tokens, line("2005", "token-of-2005") + &line("2006", "token-of-2006")).unwrap();
    // A port that was free a moment ago.
    let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    (config.pause.listen, config.pause.tokens) = (Some(at), tokens);
    let studio = Studio::plain(&config);
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let (own, other) = (bearer("token-of-2005"), bearer("token-of-2006"));
    assert_eq!(http(at, "POST", "/v1/agents/2005/pause", &own).0, 404);
    during(&studio, &scene(&[2005, 2007], 5000.0), || {
        wait("two calls", || place.calls().len() == 2);
        let (code, body) = http(at, "GET", "/v1/agents/2005", &own);
        let told: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((code, &told["calls"][0]["state"]), (200, &"recording".into()), "{body}");
        assert!(!body.contains("+358"), "{body}");
        std::thread::sleep(Duration::from_millis(500));
        for (method, path, headers, want) in [
            ("POST", "/v1/agents/2005/pause", "", 401),
            ("POST", "/v1/agents/2005/pause", "Authorization: Bearer wrong\r\n", 401),
            ("POST", "/v1/agents/2005/pause", "Authorization: Basic dG9rZW4=\r\n", 401),
            ("POST", "/v1/agents/2005/pause", &other, 403),
            ("POST", "/v1/agents/2007/pause", &own, 403),
            ("GET", "/v1/agents/2005/pause", &own, 405),
            ("DELETE", "/v1/agents/2005", &own, 405),
            ("POST", "/v1/agents/2005/stop", &own, 404),
            ("GET", "/metrics", &own, 404),
        ] {
            let (code, body) = http(at, method, path, headers);
            assert_eq!(code, want, "{method} {path}: {body}");
            assert!(!body.contains("wrong\r\n") && !body.contains("dG9rZW4"), "{body}");
        }
        let (code, body) = http(at, "POST", "/v1/agents/2005/pause", &own);
        let told: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((code, &told["calls"][0]["state"]), (200, &"paused".into()), "{body}");
        std::thread::sleep(Duration::from_millis(600));
        assert_eq!(http(at, "POST", "/v1/agents/2005/resume", &own).0, 200);
        assert!((0..80).any(|_| http(at, "GET", "/v1/agents/2005", "").0 == 429), "whoever guesses waits");
        assert_eq!(http(at, "GET", "/v1/agents/2005", &own).0, 200, "others do not");
        assert!((0..60).any(|_| http(at, "GET", "/v1/agents/2005", &own).0 == 429));
    });
    studio.until("both are there", 10, |_| recordings(&place.store()).len() == 2);
    paused(&place.recording("ladder-5"), "http", Some("http"));
    assert!(place.recording("ladder-7").events("pause").is_empty());
    let entries = place.entries();
    let by = entries.iter().find(|e| e["action"] == "pause").unwrap();
    assert_eq!((&by["who"]["web"], &by["who"]["address"]), (&"agent 2005".into(), &"127.0.0.1".into()));
    assert!(!entries.iter().any(|e| e.to_string().contains("token-of")));
    assert!(studio.stop().0);
}

#[test]
fn of_an_agents_calls_those_that_may_be_paused_are() {
    let place = Place::new();
    let mut config = place.config("control-several");
    let tokens = place.dir.path().join("tokens");
    fs::write(&tokens, format!("2008 {}\n", hex::encode(Sha256::digest("token-of-2008")))).unwrap();
    let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    (config.pause.listen, config.pause.tokens) = (Some(at), tokens);
    let numbers = vec!["0800100200".to_owned()];
    config.service =
        vec![ServiceRule { name: "crisis".into(), numbers, pause: Some(false), ..ServiceRule::default() }];
    let studio = Studio::plain(&config);
    // The older one is not to be paused.
    let older = Dialog { headers: "Diversion: <sip:0800100200@pbx.example>\r\n".into(), ..dialog(2008) };
    let other = dialog(2009);
    let newer = Dialog { to: older.to.clone(), uri: older.uri.clone(), ..other };
    let mut s = Scene::new();
    for (d, from) in [(&older, 50.0), (&newer, 90.0)] {
        d.answered(&mut s, 0.0, from);
        s.media(&Voice::of(d, Caller, 3).talk(from + 5.0, 4000.0));
        s.media(&Voice::of(d, Callee, 4).talk(from + 10.0, 4000.0));
        d.bye(&mut s, 4000.0, Caller);
    }
    let own = "Authorization: Bearer token-of-2008\r\n";
    during(&studio, &s, || {
        wait("two calls", || place.calls().len() == 2);
        std::thread::sleep(Duration::from_millis(500));
        let (code, body) = http(at, "POST", "/v1/agents/2008/pause", own);
        let told: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((code, told["calls"].as_array().unwrap().len()), (200, 1), "{body}");
        assert_eq!(told["calls"][0]["state"], "paused", "{body}");
        let [failed] = &told["failed"].as_array().unwrap()[..] else { panic!("{body}") };
        assert!(failed["error"].as_str().unwrap().contains("\"crisis\" may not be paused"), "{body}");
        assert_ne!(failed["id"], told["calls"][0]["id"]);
        std::thread::sleep(Duration::from_millis(300));
        let (code, body) = http(at, "POST", "/v1/agents/2008/resume", own);
        let told: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((code, told["calls"].as_array().unwrap().len()), (200, 2), "{body}");
        assert!(told.get("failed").is_none(), "{body}");
    });
    studio.until("both are there", 10, |_| recordings(&place.store()).len() == 2);
    paused(&place.recording("ladder-9"), "http", Some("http"));
    assert!(place.recording("ladder-8").events("pause").is_empty());
    let outcomes = |outcome: &str| {
        place.entries().iter().filter(|e| e["action"] == "pause" && e["outcome"] == outcome).count()
    };
    assert_eq!((outcomes("done"), outcomes("refused")), (1, 1));
    assert!(studio.stop().0);
}

/// What the recorder says to these bytes.
fn say(socket: &Path, bytes: &[u8]) -> String {
    let mut s = UnixStream::connect(socket).unwrap();
    s.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let _ = s.write_all(bytes);
    let mut text = String::new();
    let _ = s.read_to_string(&mut text);
    text
}

#[test]
fn strange_and_silent_clients_keep_nobody_out() {
    let place = Place::new();
    let studio = Studio::plain(&place.config("control-strange"));
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(place.socket()).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    let long = [b"{\"version\":1,\"command\":\"pause\",\"call\":\"".as_slice(), &[b'x'; 100_000]].concat();
    for (bytes, says) in [
        (b"\n".as_slice(), "one line of JSON"),
        (b"GET / HTTP/1.1\r\n\r\n", "one line of JSON"),
        (b"{\"version\":2,\"command\":\"calls\"}\n", "version 1, not 2"),
        (b"{\"version\":1,\"command\":\"restart\"}\n", "does not know this command"),
        (b"{\"version\":1}\n", "does not know this command"),
        (&long, "too long"),
        (b"{\"version\":1,\"command\":\"pause\",\"call\":\"\\u0000\\u001b[31m\"}\n", "no running call"),
    ] {
        let said = say(&place.socket(), bytes);
        assert!(said.contains(says), "{said}");
        assert!(!said.contains("\u{1b}"), "{said}");
    }
    let silent: Vec<_> = (0..150).map(|_| UnixStream::connect(place.socket()).unwrap()).collect();
    assert_eq!(place.calls(), [] as [Value; 0]);
    assert!(studio.metric("nauhuri_limit_reached_total{limit=\"connections\"}") >= 150.0 - 64.0);
    drop(silent);
    // Whoever leaves before the answer.
    for _ in 0..20 {
        let mut s = UnixStream::connect(place.socket()).unwrap();
        s.write_all(b"{\"version\":1,\"command\":\"calls\"}\n").unwrap();
    }
    assert_eq!(place.calls(), [] as [Value; 0]);
    assert!(studio.stop().0);
    // What the last run left makes room; a recorder that runs does not, and neither does a file.
    let again = Studio::plain(&place.config("control-strange"));
    assert_eq!(place.calls(), [] as [Value; 0]);
    let other = Place::new();
    let mut config = config(&other.store(), "control-other");
    config.control.socket = place.socket();
    let second = Studio::plain(&config);
    assert_eq!(place.calls(), [] as [Value; 0]);
    assert!(second.stop().0 && again.stop().0);
    let file = other.dir.path().join("file");
    fs::write(&file, "kept").unwrap();
    config.capture.interface = vec!["control-file".into()];
    config.control.socket = file.clone();
    assert!(Studio::plain(&config).stop().0);
    assert_eq!(fs::read_to_string(file).unwrap(), "kept");
}
