//! A recorder that runs is given a new configuration: taken whole or refused whole, and no call notices.

use crate::common::ladder::Side::{self, Callee, Caller};
use crate::common::ladder::{Dialog, Scene};
use crate::common::run::{nauhuri, recordings};
use crate::common::voice::Voice;
use crate::studio::{Studio, config, whole};
use crate::threads::{HANGS, WELL, fault};
use nauhuri::config::error::{Problem, ValueOrigin};
use nauhuri::config::{Config, ConfigError, ServiceRule, SipPorts, Term};
use nauhuri::daemon::reload::ReadConfig;
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A recorder, and what it reads when it is told to read its configuration again.
struct Office {
    dir: tempfile::TempDir,
    next: Arc<Mutex<Result<Config, ConfigError>>>,
    studio: Studio,
}

impl Office {
    fn open(wire: &str, change: impl FnOnce(&mut Config)) -> (Office, Config) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("store")).unwrap();
        let mut first = config(&dir.path().join("store"), wire);
        first.control.socket = dir.path().join("control.sock");
        change(&mut first);
        let next = Arc::new(Mutex::new(Ok(first.clone())));
        let shared = Arc::clone(&next);
        let read: ReadConfig = Arc::new(move || shared.lock().unwrap().clone());
        let studio = Studio::run(&first, |recorder, _| recorder.with_configuration(read)).unwrap();
        (Office { dir, next, studio }, first)
    }

    fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    /// `nauhuri reload`: exit status, standard output, standard error.
    fn reload(&self, next: Result<Config, ConfigError>, words: &[&str]) -> (i32, String, String) {
        *self.next.lock().unwrap() = next;
        let socket = self.dir.path().join("control.sock");
        let out = nauhuri().arg("reload").args(words).arg("--socket").arg(socket).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (out.status.code().unwrap(), text(&out.stdout), text(&out.stderr))
    }

    fn entries(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.store().join(".nauhuri/audit.jsonl")).unwrap_or_default();
        let all = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        all.filter(|e| e["action"] == "reload").collect()
    }

    fn reloads(&self, result: &str) -> f64 {
        self.studio.metric(&format!("nauhuri_config_reloads_total{{result=\"{result}\"}}"))
    }
}

/// A call to this agent from `from` to `until`, ms: both sides talk all the while.
fn call(s: &mut Scene, n: u16, agent: &str, span: (f64, f64)) -> Dialog {
    call_at(s, n, (agent, 5060), span)
}

/// The same, with SIP on another port.
fn call_at(s: &mut Scene, n: u16, (agent, port): (&str, u16), (from, until): (f64, f64)) -> Dialog {
    let d = Dialog::new(n);
    let named = |text: &str| text.replace("2001", agent);
    let sip = d.sip.map(|at| SocketAddr::new(at.ip(), port));
    let d = Dialog { to: named(&d.to), uri: named(&d.uri), sip, ..d };
    d.answered(s, from - 20.0, from);
    for side in [Caller, Callee] {
        s.media(&Voice::of(&d, side, u64::from(n) * 2 + side as u64).talk(from + 5.0, until));
    }
    d.bye(s, until, Caller);
    d
}

fn service(name: &str, number: &str, retention: Term) -> ServiceRule {
    ServiceRule {
        name: name.into(),
        numbers: vec![number.into()],
        retention: Some(retention),
        ..ServiceRule::default()
    }
}

/// Who is no agent any more is one to the end of the call that runs; who has become one is one from
/// the next call on.
#[test]
fn calls_under_way_keep_the_rules_of_their_beginning() {
    let (office, first) = Office::open("reload-rules", |c| c.service_default.retention = Term::Days(30));
    let mut next = first.clone();
    next.agents.extensions = vec!["3000-3999".into()];
    next.service = vec![service("helpline", "3001", Term::Years(5))];
    next.service_default.retention = Term::Days(10);
    let mut s = Scene::new();
    let old = call(&mut s, 1, "2001", (50.0, 4000.0));
    // The agent's end says who it is, which is weighed anew each time.
    for (n, at) in [(20, 2400.0), (21, 3200.0)] {
        let name = if n == 20 { "Two" } else { "Three" };
        let told = format!("P-Asserted-Identity: \"{name}\" <sip:2001@pbx.example>\r\n");
        old.exchange(&mut s, at, "UPDATE", Side::Callee, n, &told);
    }
    let late = call(&mut s, 2, "2002", (2500.0, 3900.0));
    let new = call(&mut s, 3, "3001", (2600.0, 3950.0));
    std::thread::scope(|scope| {
        let playing = scope.spawn(|| office.studio.play(&s));
        office.studio.until("the first call", 5, |o| o.metric("nauhuri_recordings_active") == 1.0);
        std::thread::sleep(Duration::from_millis(1000));
        let (code, said, why) = office.reload(Ok(next.clone()), &[]);
        assert_eq!((code, why.as_str()), (0, ""), "{said}");
        let told = [
            "3 keys have changed",
            "agents.extensions: [\"2000-2999\"] -> [\"3000-3999\"]",
            "service \"helpline\": not set -> new",
            "service_default.retention: \"30 days\" -> \"10 days\"",
        ];
        assert!(told.iter().all(|line| said.contains(line)), "{said}");
        playing.join().unwrap();
    });
    office.studio.until("both are there", 10, |_| recordings(&office.store()).len() == 2);
    let all = whole(&office.store());
    let of = |d: &Dialog| all.iter().find(|r| r.text("/sip/call_id") == d.call_id);
    assert!(of(&late).is_none(), "he was no agent when he was called");
    let (old, new) = (of(&old).expect("goes on"), of(&new).expect("is recorded"));
    assert_eq!((&old.json["service"], &new.json["service"]), (&"general".into(), &"helpline".into()));
    assert_eq!((&old.json["agent"]["id"], &new.json["agent"]["id"]), (&"2001".into(), &"3001".into()));
    assert_eq!(
        [&old.json["policy"]["retention"], &new.json["policy"]["retention"]],
        [&Value::from("30 days"), &Value::from("5 years")]
    );
    assert!((old.json["duration_s"].as_f64().unwrap() - 3.95).abs() < 0.021, "{}", old.json);
    assert_eq!(old.json["ended_by"], "customer");
    let answered =
        |name: &str| office.studio.metric(&format!("nauhuri_calls_answered_total{{service=\"{name}\"}}"));
    assert_eq!((answered("general"), answered("helpline"), answered("other")), (1.0, 1.0, 0.0));
    assert_eq!((office.reloads("taken"), office.reloads("refused")), (1.0, 0.0));
    let entries = office.entries();
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!((&entries[0]["outcome"], &entries[0]["detail"]["count"]), (&"done".into(), &3.into()));
    assert!(office.studio.stop().0);
}

/// What cannot be taken whole is not taken in part, and all goes on as it was.
#[test]
fn what_is_refused_changes_nothing() {
    let (office, first) = Office::open("reload-refused", |_| {});
    let mut other = first.clone();
    other.agents.extensions = vec!["3000-3999".into()];
    other.capture.buffer_mib = 64;
    other.storage.keep_undecoded = true;
    let (code, said, why) = office.reload(Ok(other.clone()), &[]);
    assert_eq!((code, said.as_str()), (2, ""), "{why}");
    for line in [
        "refused, the one before stays in force",
        "capture.buffer_mib: 256 -> 64",
        "storage.keep_undecoded: false -> true",
    ] {
        assert!(why.contains(line), "{why}");
    }
    assert!(!why.contains("agents.extensions"), "only what needs a restart: {why}");
    let problem = Problem {
        origin: ValueOrigin::File("/etc/nauhuri/nauhuri.toml".into()),
        key: "sip.media_timeout".into(),
        line: Some(7),
        found: "\"soon\"".into(),
        allowed: "a duration above zero".into(),
        nearest: None,
    };
    let (code, said, why) = office.reload(Err(problem.into()), &[]);
    assert_eq!((code, said.as_str()), (2, ""), "{why}");
    assert!(
        why.contains(
            "/etc/nauhuri/nauhuri.toml: sip.media_timeout (line 7): found \"soon\"; allowed: a duration"
        ),
        "{why}"
    );
    let (code, said, _) = office.reload(Ok(other), &["--json"]);
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &told["taken"], told["changed"].as_array().unwrap().len()), (2, &false.into(), 2));
    assert_eq!(told["changed"][0]["takes_effect"], "on_restart");
    assert_eq!((office.reloads("taken"), office.reloads("refused")), (0.0, 3.0));
    assert_eq!(office.studio.metric("nauhuri_config_last_reload_successful"), 0.0);
    let mut s = Scene::new();
    call(&mut s, 4, "2001", (50.0, 1200.0));
    call(&mut s, 5, "3001", (50.0, 1200.0));
    office.studio.play(&s);
    office.studio.until("one call", 10, |_| recordings(&office.store()).len() == 1);
    assert_eq!(office.reload(Ok(first), &[]), (0, "nothing has changed\n".into(), String::new()));
    assert_eq!(office.studio.metric("nauhuri_config_last_reload_successful"), 1.0);
    let why: Vec<Value> = office.entries().iter().map(|e| e["detail"]["why"].clone()).collect();
    assert_eq!(why, ["restart", "configuration", "restart"]);
    let store = office.store();
    assert!(office.studio.stop().0);
    assert_eq!(recordings(&store).len(), 1, "3001 was no agent");
}

/// A capture loop that does not come to it has not taken it, also not later.
#[test]
fn what_the_capture_loop_does_not_take_in_time_is_not_taken() {
    let (faults, switch) = fault("capture");
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("store")).unwrap();
    let mut first = config(&dir.path().join("store"), "reload-busy");
    first.control.socket = dir.path().join("control.sock");
    let mut other = first.clone();
    other.agents.extensions = vec!["3000-3999".into()];
    let (next, shared) = (Arc::new(Mutex::new(Ok(other.clone()))), Arc::new(other));
    let read: ReadConfig = Arc::new(move || Ok((*shared).clone()));
    let studio = Studio::run(&first, |r, _| r.with_configuration(read).with_faults(faults)).unwrap();
    let office = Office { dir, next, studio };
    office.studio.until("ready", 5, |o| o.get("/readyz").is_some_and(|(code, _)| code == 200));
    switch.store(HANGS, Ordering::SeqCst);
    let (code, said, why) = office.reload(Ok(first), &[]);
    assert!(code == 1 && said.is_empty() && why.contains("too busy"), "{said}{why}");
    switch.store(WELL, Ordering::SeqCst);
    let mut s = Scene::new();
    call(&mut s, 10, "2001", (50.0, 1200.0));
    call(&mut s, 11, "3001", (50.0, 1200.0));
    office.studio.play(&s);
    office.studio.until("one call", 10, |_| recordings(&office.store()).len() == 1);
    assert_eq!((office.reloads("taken"), office.reloads("refused")), (0.0, 1.0));
    let outcomes: Vec<Value> = office.entries().iter().map(|e| e["outcome"].clone()).collect();
    assert_eq!(outcomes, ["done", "refused"], "logged before it would have been, and that it was not");
    let store = office.store();
    assert!(office.studio.stop().0);
    assert_eq!(recordings(&store)[0].json["agent"]["id"], "2001");
}

/// Limits, ports of SIP, the room that is kept free and pauses follow at once.
#[test]
fn what_is_no_rule_takes_effect_as_well() {
    let (office, first) = Office::open("reload-limits", |c| c.limits.recordings = 1);
    let mut s = Scene::new();
    call(&mut s, 6, "2001", (50.0, 1500.0));
    call(&mut s, 7, "2002", (100.0, 1500.0));
    office.studio.play(&s);
    office.studio.until("one call", 10, |_| recordings(&office.store()).len() == 1);
    assert_eq!(office.studio.metric("nauhuri_recordings_failed_total{reason=\"limit\"}"), 1.0);
    let mut next = first.clone();
    next.limits.recordings = 10;
    next.pause.limit = Duration::from_millis(400);
    next.sip.ports = SipPorts::Listed(vec![5060, 5070]);
    assert_eq!(office.reload(Ok(next.clone()), &[]).0, 0);
    let mut s = Scene::new();
    call(&mut s, 8, "2003", (50.0, 2500.0));
    call_at(&mut s, 9, ("2004", 5070), (100.0, 2500.0));
    std::thread::scope(|scope| {
        scope.spawn(|| office.studio.play(&s));
        office.studio.until("two calls", 5, |o| o.metric("nauhuri_recordings_active") == 2.0);
        std::thread::sleep(Duration::from_millis(600));
        let socket = office.dir.path().join("control.sock");
        let paused = nauhuri().args(["pause", "2003", "--socket"]).arg(&socket).output().unwrap();
        assert!(paused.status.success(), "{paused:?}");
        office.studio.until("its end", 5, |o| o.metric("nauhuri_pauses_ended_total{by=\"limit\"}") == 1.0);
    });
    office.studio.until("three calls", 10, |_| recordings(&office.store()).len() == 3);
    // More than any disk has: no call is recorded for want of room, and /readyz says so.
    next.storage.min_free = 1 << 60;
    assert_eq!(office.reload(Ok(next.clone()), &[]).0, 0);
    let is_full = |o: &Studio| o.get("/readyz").is_some_and(|(_, text)| text.contains("storage nearly full"));
    office.studio.until("not ready", 5, is_full);
    next.storage.min_free = 1;
    assert_eq!(office.reload(Ok(next), &[]).0, 0);
    office.studio.until("room again", 5, |o| !is_full(o));
    assert!(office.studio.stop().0);
}
