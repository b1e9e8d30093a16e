//! Runs the program as its users do, and reads what it leaves.

use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// One recording as it lies on disk.
#[derive(Debug)]
pub struct Recording {
    /// The sidecar.
    pub json: Value,
    /// Hz.
    pub rate: u32,
    /// Left.
    pub customer: Vec<i16>,
    /// Right.
    pub agent: Vec<i16>,
    /// The samples as they lie in the file.
    pub data: Vec<u8>,
    /// The WAV.
    pub path: PathBuf,
}

impl Recording {
    /// A string of the sidecar, by JSON pointer.
    pub fn text(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or("null")
    }

    /// A number of the sidecar.
    pub fn number(&self, pointer: &str) -> f64 {
        self.json.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN)
    }

    /// An instant of the sidecar, nanoseconds since the epoch.
    pub fn instant_ns(&self, key: &str) -> i64 {
        let t: jiff::Timestamp = self.json[key].as_str().unwrap().parse().unwrap();
        t.as_nanosecond() as i64
    }

    /// Events of one kind: seconds from the answer.
    pub fn events(&self, kind: &str) -> Vec<f64> {
        let all = self.json["events"].as_array().unwrap().iter();
        all.filter(|e| e["kind"] == kind).map(|e| e["at_s"].as_f64().unwrap()).collect()
    }

    /// Left or right.
    pub fn channel(&self, name: &str) -> &[i16] {
        match name {
            "customer" => &self.customer,
            "agent" => &self.agent,
            other => panic!("no channel {other}"),
        }
    }
}

/// One run.
pub struct Run {
    /// Where the recordings are.
    pub dir: PathBuf,
    /// Exit status and what was said.
    pub output: Output,
    /// In order of the answer.
    pub recordings: Vec<Recording>,
    _keep: Option<TempDir>,
}

impl Run {
    /// What was said on standard output.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// What was said on standard error.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// The JSON summary.
    pub fn summary(&self) -> Value {
        serde_json::from_slice(&self.output.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stdout()))
    }

    /// The only recording.
    #[track_caller]
    pub fn only(&self) -> &Recording {
        assert_eq!(self.recordings.len(), 1, "recordings\n{}{}", self.stdout(), self.stderr());
        &self.recordings[0]
    }
}

/// The program, with an environment of its own.
pub fn nauhuri() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nauhuri"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("NAUHURI__") {
            command.env_remove(name);
        }
    }
    command
}

/// Replays captures under `config` (TOML) into a folder of its own; fails where the program does.
#[track_caller]
pub fn replay(config: &str, captures: &[&Path]) -> Run {
    let run = replay_with(config, captures, &["--json"], &[]);
    assert!(run.output.status.success(), "{}{}", run.stdout(), run.stderr());
    run
}

/// As [`replay`], with more arguments and variables, whatever comes of it.
pub fn replay_with(config: &str, captures: &[&Path], args: &[&str], vars: &[(&str, &str)]) -> Run {
    let keep = tempfile::tempdir().unwrap();
    let file = keep.path().join("test.toml");
    std::fs::write(&file, config).unwrap();
    let dir = keep.path().join("out");
    let output = nauhuri()
        .args(["replay", "--set", "storage.min_free=0"])
        .arg("--config")
        .arg(&file)
        .arg("--out")
        .arg(&dir)
        .args(args)
        .args(captures)
        .envs(vars.iter().copied())
        .output()
        .unwrap();
    Run { recordings: recordings(&dir), dir, output, _keep: Some(keep) }
}

/// Replays captures into `out`, of which nothing is read.
pub fn replay_unread(config: &str, captures: &[&Path], out: &Path) -> Output {
    let keep = tempfile::tempdir().unwrap();
    let file = keep.path().join("test.toml");
    std::fs::write(&file, config).unwrap();
    nauhuri()
        .args(["replay", "--json", "--set", "storage.min_free=0"])
        .arg("--config")
        .arg(&file)
        .arg("--out")
        .arg(out)
        .args(captures)
        .output()
        .unwrap()
}

/// Replays a capture from standard input, whatever comes of it.
pub fn replay_stdin(config: &str, capture: &[u8]) -> Run {
    let keep = tempfile::tempdir().unwrap();
    let file = keep.path().join("test.toml");
    std::fs::write(&file, config).unwrap();
    let dir = keep.path().join("out");
    let mut child = nauhuri()
        .args(["replay", "--set", "storage.min_free=0", "--json", "--config"])
        .arg(&file)
        .arg("--out")
        .arg(&dir)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program may refuse before it has read all.
    let _ = child.stdin.take().unwrap().write_all(capture);
    let output = child.wait_with_output().unwrap();
    Run { recordings: recordings(&dir), dir, output, _keep: Some(keep) }
}

/// Every recording under a folder, in order of the answer.
pub fn recordings(dir: &Path) -> Vec<Recording> {
    let is_sidecar =
        |p: &PathBuf| p.extension().is_some_and(|e| e == "json") && !p.starts_with(dir.join("assurance"));
    let mut all: Vec<Recording> = files(dir).into_iter().filter(is_sidecar).map(read).collect();
    all.sort_by_key(|r| (r.json["answered_at"].to_string(), r.json["sip"]["call_id"].to_string()));
    all
}

/// What is said of calls that left no recording, in order of the answer.
pub fn assurances(dir: &Path) -> Vec<Value> {
    let of = |p: PathBuf| serde_json::from_slice(&std::fs::read(p).unwrap()).unwrap();
    files(&dir.join("assurance")).into_iter().map(of).collect()
}

/// Every file under a folder, sorted.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let Ok(entries) = std::fs::read_dir(dir) else { return out };
    for e in entries {
        let path = e.unwrap().path();
        if path.is_dir() { out.extend(files(&path)) } else { out.push(path) }
    }
    out.sort();
    out
}

/// One recording, by its sidecar.
pub fn read(path: PathBuf) -> Recording {
    let json: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let wav = path.with_file_name(json["wav"].as_str().unwrap());
    let bytes = std::fs::read(&wav).unwrap_or_else(|e| panic!("{}: {e}", wav.display()));
    let (format, rate, data) = wav_parts(&bytes);
    let samples: Vec<i16> = match format {
        1 => data.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect(),
        6 => data.iter().map(|b| super::audio::alaw(*b)).collect(),
        7 => data.iter().map(|b| super::audio::mulaw(*b)).collect(),
        other => panic!("{}: format {other}", wav.display()),
    };
    assert_eq!(json["audio"]["frames"].as_u64().unwrap() as usize, samples.len() / 2, "{}", wav.display());
    Recording {
        json,
        rate,
        customer: samples.iter().step_by(2).copied().collect(),
        agent: samples.iter().skip(1).step_by(2).copied().collect(),
        data: data.to_vec(),
        path: wav,
    }
}

/// Format tag, rate and data of a WAV with two channels.
fn wav_parts(bytes: &[u8]) -> (u16, u32, &[u8]) {
    assert_eq!(&bytes[..4], b"RIFF");
    assert_eq!(&bytes[8..12], b"WAVE");
    let (mut at, mut format, mut rate) = (12, 0, 0);
    loop {
        let size = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
        let body = &bytes[at + 8..at + 8 + size];
        match &bytes[at..at + 4] {
            b"fmt " => {
                format = u16::from_le_bytes([body[0], body[1]]);
                assert_eq!(u16::from_le_bytes([body[2], body[3]]), 2, "channels");
                rate = u32::from_le_bytes(body[4..8].try_into().unwrap());
            }
            b"data" => return (format, rate, body),
            _ => {}
        }
        at += 8 + size + size % 2;
    }
}
