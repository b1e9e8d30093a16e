//! `nauhuri record` as a child, and what can be seen of it from outside.

use crate::caller::Line;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The program under test.
pub const NAUHURI: &str = env!("CARGO_BIN_EXE_nauhuri");

static PORT: AtomicU16 = AtomicU16::new(19_160);

/// What a recorder is started with.
pub struct Setup {
    pub dir: tempfile::TempDir,
    pub store: PathBuf,
    pub port: u16,
    config: PathBuf,
    runs: AtomicU32,
}

impl Setup {
    /// On `lo`, for one line's calls.
    pub fn on(line: &Line) -> Setup {
        Setup::with("\"lo\"", &line.filter(), "0")
    }

    /// `interface` as it stands in the configuration.
    pub fn with(interface: &str, filter: &str, min_free: &str) -> Setup {
        assert!(
            std::env::var_os("NAUHURI_LIVE").is_some(),
            "live tests move interfaces and mounts about: run them with `make test-live`"
        );
        let dir = tempfile::tempdir().unwrap();
        let (store, config) = (dir.path().join("store"), dir.path().join("nauhuri.toml"));
        let port = PORT.fetch_add(1, Ordering::Relaxed);
        let text = format!(
            "[capture]\ninterface = {interface}\nfilter = \"{filter}\"\nbuffer_mib = 16\n\
             [agents]\nextensions = [\"2000-2999\"]\n\
             [storage]\ndir = \"{}\"\nmin_free = \"{min_free}\"\n\
             [metrics]\nlisten = \"127.0.0.1:{port}\"\n[control]\nsocket = \"{}\"\n",
            store.display(),
            dir.path().join("control.sock").display()
        );
        fs::write(&config, text).unwrap();
        Setup { dir, store, port, config, runs: 0.into() }
    }

    /// More of the configuration: sections that are not in it yet.
    pub fn configure(&self, toml: &str) {
        let text = fs::read_to_string(&self.config).unwrap();
        fs::write(&self.config, text + toml).unwrap();
    }

    /// Another text in place of one that is in the configuration.
    pub fn change(&self, from: &str, to: &str) {
        let text = fs::read_to_string(&self.config).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(&self.config, text.replacen(from, to, 1)).unwrap();
    }

    /// `nauhuri COMMAND --config ...`
    pub fn command(&self, command: &str) -> Command {
        let mut c = Command::new(NAUHURI);
        c.arg(command).arg("--config").arg(&self.config).stdin(Stdio::null()).stdout(Stdio::null());
        c
    }

    /// Runs a command of several words to its end; its exit status, and what it said.
    pub fn tell(&self, words: &str) -> (Option<i32>, String) {
        let mut command = Command::new(NAUHURI);
        command.args(words.split(' ')).arg("--config").arg(&self.config);
        let out = command.stdin(Stdio::null()).output().unwrap();
        let said = [out.stdout, out.stderr].concat();
        (out.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Nothing is wrong with the files, the index and the audit log.
    pub fn assert_sound(&self, when: &str) {
        for command in ["verify", "audit verify"] {
            let (code, said) = self.tell(command);
            assert_eq!(code, Some(0), "{when}: {command}: {said}\n{}", self.all_logs());
        }
    }

    /// Starts and waits until it is ready.
    pub fn start(&self) -> Recorder<'_> {
        self.start_with(|_| {})
    }

    /// The same, with something changed about the command.
    pub fn start_with(&self, change: impl FnOnce(&mut Command)) -> Recorder<'_> {
        let mut recorder = self.spawn(change);
        recorder.wait_until_ready();
        recorder
    }

    /// Starts, and does not wait.
    pub fn spawn(&self, change: impl FnOnce(&mut Command)) -> Recorder<'_> {
        let log = self.log(self.runs.fetch_add(1, Ordering::Relaxed));
        let mut command = self.command("record");
        change(&mut command);
        let child = command.stderr(fs::File::create(log).unwrap()).spawn().unwrap();
        Recorder { setup: self, child }
    }

    /// Waits until this is so.
    pub fn wait_until(&self, what: &str, seconds: u64, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while !holds() {
            assert!(Instant::now() < deadline, "{what}: not within {seconds} s\n{}", self.all_logs());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Some recorder serves its metrics here, and is ready.
    pub fn is_ready(&self) -> bool {
        page(self.port, "/readyz").is_some_and(|(code, _)| code == 200)
    }

    /// Where the configuration is.
    pub fn config(&self) -> &Path {
        &self.config
    }

    fn log(&self, run: u32) -> PathBuf {
        self.dir.path().join(format!("log-{run}"))
    }

    /// What all runs said.
    pub fn all_logs(&self) -> String {
        let runs = 0..self.runs.load(Ordering::Relaxed);
        runs.map(|n| fs::read_to_string(self.log(n)).unwrap_or_default()).collect()
    }

    /// Files of the store with this ending, `.nauhuri` left out, sorted.
    pub fn files(&self, ending: &str) -> Vec<PathBuf> {
        files_below(&self.store, ending)
    }

    /// Every finished sidecar.
    pub fn sidecars(&self) -> Vec<Value> {
        let read = |p: &PathBuf| serde_json::from_slice(&fs::read(p).unwrap()).unwrap();
        self.files(".json").iter().map(read).collect()
    }

    /// The sidecar of a call, if it is there.
    pub fn sidecar(&self, call_id: &str) -> Option<Value> {
        self.sidecars().into_iter().find(|s| s["sip"]["call_id"] == call_id)
    }

    /// Samples of a recording, per channel; checked against its sidecar.
    pub fn audio(&self, sidecar: &Value) -> [Vec<i16>; 2] {
        let name = sidecar["wav"].as_str().unwrap();
        let path = self.files(".wav").into_iter().find(|p| p.ends_with(name)).expect("its WAV");
        let reader = hound::WavReader::open(&path).expect("a WAV that plays");
        assert_eq!(reader.spec().channels, 2);
        let all: Vec<i16> = reader.into_samples::<i16>().collect::<Result<_, _>>().expect("whole");
        assert_eq!(Value::from(all.len() as u64 / 2), sidecar["audio"]["frames"]);
        [0, 1].map(|c| all.iter().skip(c).step_by(2).copied().collect())
    }
}

/// The program where others can run it. Copied by a process of its own: one that another thread forks meanwhile
/// would hold the file open for writing, and nobody could run it.
pub fn copy_program(to: &Path) {
    assert!(Command::new("cp").arg(NAUHURI).arg(to).status().unwrap().success());
}

/// Files below `root` whose names end so, those of recordings only, sorted: `.nauhuri` is left out, and what
/// tells of calls without a recording.
pub fn files_below(root: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if path.is_dir() && ![".nauhuri", "assurance"].contains(&name.as_str()) {
                folders.push(path);
            } else if path.is_file() && name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Status and body of a page; `None` where nobody answers.
fn page(port: u16, path: &str) -> Option<(u16, String)> {
    let mut s = TcpStream::connect(("127.0.0.1", port)).ok()?;
    s.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(s, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    s.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.into()))
}

/// A running recorder; killed when dropped.
pub struct Recorder<'a> {
    setup: &'a Setup,
    child: Child,
}

impl Recorder<'_> {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it is capturing and can write.
    pub fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(15);
        loop {
            let asked = self.get("/readyz");
            if asked.as_ref().is_some_and(|(code, _)| *code == 200) {
                return;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the recorder ended with {status}:\n{}", self.setup.all_logs());
            }
            assert!(Instant::now() < deadline, "never ready ({asked:?}):\n{}", self.setup.all_logs());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM.
    pub fn ask_to_stop(&self) {
        crate::lab::run("kill", &["-TERM", &self.pid().to_string()]);
    }

    /// SIGTERM; how it ended and how long that took.
    pub fn stop(mut self) -> (ExitStatus, Duration) {
        let began = Instant::now();
        self.ask_to_stop();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, began.elapsed());
            }
            let log = || self.setup.all_logs();
            assert!(began.elapsed() < Duration::from_secs(20), "does not stop:\n{}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// It ends by itself within so many seconds, and well.
    pub fn ends_well(mut self, seconds: u64) {
        let setup = self.setup;
        let mut status = None;
        setup.wait_until("ends by itself", seconds, || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        assert_eq!(status.and_then(|s| s.code()), Some(0), "{}", setup.all_logs());
    }

    /// Stops it and expects that all went well.
    pub fn stop_well(self) {
        let setup = self.setup;
        let (status, _) = self.stop();
        assert_eq!(status.code(), Some(0), "{}", setup.all_logs());
        assert!(!setup.all_logs().contains("panicked"), "{}", setup.all_logs());
    }

    /// Status and body of a page; `None` where nobody answers.
    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        page(self.setup.port, path)
    }

    /// The metrics now.
    pub fn metrics(&self) -> Scrape {
        let (code, body) = self.get("/metrics").expect("metrics");
        assert_eq!(code, 200);
        Scrape::parse(&body)
    }

    /// Waits until `what` holds of the metrics.
    pub fn wait_for(&self, what: &str, seconds: u64, mut holds: impl FnMut(&Scrape) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        loop {
            let now = self.metrics();
            if holds(&now) {
                return;
            }
            let log = || self.setup.all_logs();
            assert!(Instant::now() < deadline, "{what}: not within {seconds} s\n{now:?}\n{}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until `/readyz` answers so, its text included.
    pub fn wait_ready(&self, code: u16, text: &str, seconds: u64) {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        loop {
            let got = self.get("/readyz");
            if got.as_ref().is_some_and(|(c, t)| *c == code && t.contains(text)) {
                return;
            }
            let log = self.setup.all_logs();
            assert!(Instant::now() < deadline, "/readyz: {got:?}, expected {code} {text}\n{log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A line of `/proc/PID/status`, in KiB.
    pub fn memory_kib(&self, key: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(':')).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Recorder<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One look at `/metrics`.
#[derive(Clone, Debug)]
pub struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    fn parse(text: &str) -> Scrape {
        let samples = text.lines().filter(|l| !l.starts_with('#')).filter_map(|l| {
            let (name, value) = l.rsplit_once(' ')?;
            Some((name.to_string(), value.parse().ok()?))
        });
        Scrape(samples.collect())
    }

    /// All series of a family whose labels hold `label`, added up.
    pub fn sum(&self, family: &str, label: &str) -> f64 {
        let of = |k: &&String| k.split('{').next() == Some(family) && k.contains(label);
        self.0.iter().filter(|(k, _)| of(k)).map(|(_, v)| v).sum()
    }

    pub fn answered(&self) -> f64 {
        self.sum("nauhuri_calls_answered_total", "")
    }

    pub fn completed(&self) -> f64 {
        self.sum("nauhuri_recordings_completed_total", "")
    }

    pub fn failed(&self, reason: &str) -> f64 {
        self.sum("nauhuri_recordings_failed_total", reason)
    }

    pub fn active(&self) -> f64 {
        self.sum("nauhuri_recordings_active", "")
    }

    /// Frames lost by kernel, card or queue.
    pub fn dropped(&self) -> f64 {
        ["kernel", "interface", "queue"]
            .iter()
            .map(|w| self.sum("nauhuri_packets_dropped_total", &format!("where=\"{w}\"")))
            .sum()
    }

    /// Answered = completed + failed + active.
    pub fn balances(&self) -> bool {
        self.answered() == self.completed() + self.failed("") + self.active()
    }
}
