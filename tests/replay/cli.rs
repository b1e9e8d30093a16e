//! What a user of `nauhuri replay` sees: messages, exit statuses, the summary.

use super::captures::config;
use super::kit;
use crate::common::ladder::{AGENTS, Dialog, Scene, Side};
use crate::common::repository;
use crate::common::run::{files, nauhuri, replay, replay_stdin, replay_with};
use crate::common::voice::Voice;
use std::path::{Path, PathBuf};
use std::process::Stdio;

fn capture() -> PathBuf {
    repository("pcaps/sipp-inbound-customer-bye.pcap")
}

/// Exit status and what was said on standard error.
fn fails(captures: &[&Path]) -> (i32, String) {
    let run = replay_with("", captures, &[], &[]);
    assert!(run.output.stdout.is_empty(), "results of a failure: {}", run.stdout());
    (run.output.status.code().unwrap(), run.stderr())
}

#[test]
fn input_that_cannot_be_read_is_named_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let whole = std::fs::read(capture()).unwrap();
    let cases = [
        (dir.path().join("missing.pcap"), "missing.pcap"),
        (dir.path().to_path_buf(), "folder"),
        (put("empty.pcap", b""), "empty"),
        (put("notes.txt", b"Dear diary, today I captured nothing at all and wrote it down."), "capture"),
        (put("short.pcap", &whole[..10]), "short.pcap"),
        (
            put(
                "packed.pcap.gz",
                &[0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4],
            ),
            "gunzip",
        ),
    ];
    for (path, said) in cases {
        let (status, text) = fails(&[&path]);
        let name = path.file_name().unwrap().to_string_lossy();
        assert_eq!(status, 1, "{name}: {text}");
        assert!(text.contains(&*name), "the message names the file: {text}");
        assert!(text.to_lowercase().contains(said), "{name}: {text}");
        assert!(!text.contains("panicked") && text.lines().count() <= 4, "{text}");
    }
}

#[test]
fn a_bad_file_among_good_ones_stops_before_anything_is_recorded() {
    let (status, text) = fails(&[&capture(), Path::new("missing.pcap")]);
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("missing.pcap"), "{text}");
}

#[test]
fn a_wrong_configuration_is_status_2() {
    for (toml, said) in [
        ("[agent]\nextensions = []\n", "agents"),
        ("[agents]\nextension = []\n", "extensions"),
        ("[sip]\nmedia_timeout = \"soon\"\n", "media_timeout"),
        ("[service_default]\nretention = \"6 moons\"\n", "retention"),
        ("[storage]\nencoding = \"mp3\"\n", "g711"),
    ] {
        let run = replay_with(toml, &[&capture()], &[], &[]);
        assert_eq!(run.output.status.code(), Some(2), "{toml}: {}", run.stderr());
        assert!(run.stderr().contains(said), "{toml}: {}", run.stderr());
        assert!(run.stderr().contains("test.toml"), "the file is named: {}", run.stderr());
        assert!(files(&run.dir).is_empty());
    }
    let run = replay_with("", &[&capture()], &["--nonsense"], &[]);
    assert_eq!(run.output.status.code(), Some(2));
    let out = nauhuri().arg("replay").output().unwrap();
    assert_eq!(out.status.code(), Some(2), "no capture named");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let out = nauhuri()
        .args(["replay", "--set", "storage.min_free=0", "--out"])
        .arg(file.join("out"))
        .arg(capture())
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(1));
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(text.contains("file/out"), "{text}");
}

#[test]
fn recordings_that_exist_are_skipped_and_said_so() {
    let first = replay(&config(), &[&capture()]);
    let wav = first.only().path.clone();
    let before: Vec<_> = files(&first.dir).iter().map(|p| (p.clone(), std::fs::read(p).unwrap())).collect();
    // Somebody's own change must survive, too.
    std::fs::write(&wav, b"touched").unwrap();
    let out = nauhuri()
        .args(["replay", "--set", "storage.min_free=0", "--config"])
        .arg(repository("pcaps/nauhuri.toml"))
        .arg("--out")
        .arg(&first.dir)
        .arg(capture())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    assert!(text.contains("is there already"), "{text}");
    assert!(text.contains(first.only().text("/id")), "{text}");
    assert_eq!(std::fs::read(&wav).unwrap(), b"touched");
    assert_eq!(files(&first.dir).len(), before.len(), "nothing beside it");
}

#[test]
fn the_summary_has_its_shape() {
    let run = replay(&config(), &[&capture()]);
    let s = run.summary();
    assert_eq!(s["recordings"].as_array().unwrap().len(), 1);
    let row = &s["recordings"][0];
    assert_eq!(row["id"], run.only().json["id"]);
    assert_eq!(Path::new(row["wav"].as_str().unwrap()), run.only().path);
    for key in ["service", "direction", "answered_at", "duration_s", "ended_by", "complete"] {
        assert_eq!(row[key], run.only().json[key], "{key}");
    }
    for key in ["packets", "sip_messages", "rtp_recorded", "rtp_unmatched", "sip_parse_errors"] {
        assert!(s[key].is_u64(), "{key}");
    }
    assert!(run.stderr().is_empty(), "{}", run.stderr());
    let text = replay_with(&config(), &[&capture()], &[], &[]).stdout();
    assert!(text.contains("2001") && text.contains("inbound") && text.contains(".wav"), "{text}");
}

#[test]
fn files_and_folders_have_their_names_and_modes() {
    use std::os::unix::fs::PermissionsExt;
    let run = replay(&config(), &[&capture()]);
    let mode = |p: &Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
    let r = run.only();
    let at: jiff::Timestamp = r.text("/answered_at").parse().unwrap();
    let day = at.strftime("%Y/%m/%d").to_string();
    assert_eq!(r.path.parent().unwrap(), run.dir.join(&day));
    let name = r.path.file_stem().unwrap().to_string_lossy().into_owned();
    let id = r.text("/id").replace('-', "");
    let stamp = at.strftime("%Y%m%dT%H%M%S%.3fZ");
    assert_eq!(name, format!("{stamp}_2001_+35840123xxxx_{}", &id[24..]));
    assert_eq!(mode(&r.path), 0o600);
    assert_eq!(mode(&r.path.with_extension("json")), 0o600);
    assert_eq!(mode(r.path.parent().unwrap()), 0o700);
    assert_eq!(files(&run.dir).len(), 2, "nothing else is left: {:?}", files(&run.dir));
    let sum = std::process::Command::new("sha256sum").arg(&r.path).output().unwrap();
    assert!(String::from_utf8_lossy(&sum.stdout).starts_with(r.text("/audio/sha256")));
}

#[test]
fn a_reader_that_goes_away_is_no_crash() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = nauhuri()
        .args(["replay", "--json", "--set", "storage.min_free=0", "--out"])
        .arg(dir.path())
        .arg(capture())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let out = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(!text.contains("panicked"), "{text}");
    assert_eq!(files(dir.path()).len(), 2, "the recording is whole all the same");
}

#[test]
fn a_capture_cut_mid_record_gives_what_is_readable_and_a_warning() {
    let d = Dialog::new(1);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    s.media(&Voice::of(&d, Side::Caller, 1).talk(1001.0, 5000.0));
    d.bye(&mut s, 5000.0, Side::Caller);
    let (_keep, path) = s.saved();
    let whole = std::fs::read(&path).unwrap();
    for cut in [whole.len() - 3, whole.len() / 2, whole.len() / 2 + 7] {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let run = replay_with(AGENTS, &[&path], &["--json"], &[]);
        assert!(run.output.status.success(), "{}", run.stderr());
        assert!(run.stderr().contains("scene.pcap"), "a warning names the file: {}", run.stderr());
        let r = run.only();
        assert_eq!(r.text("/ended_by") == "capture_end", r.json["complete"] == false);
        assert_eq!(run.summary()["warnings"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn standard_input_that_is_no_capture_is_said() {
    let run = replay_stdin("", b"hello");
    assert_eq!(run.output.status.code(), Some(1));
    assert!(run.stderr().contains("standard input"), "{}", run.stderr());
}

#[test]
fn what_strangers_send_cannot_steer_the_terminal() {
    let long = "9".repeat(300);
    let cases = [
        ("", "20%1B[2J%0D%0A%00%07%9B31m01", ""),
        ("", "20%E2%80%AE01", ""),
        ("", long.as_str(), ""),
        ("[agents]\nheader = \"X-Agent\"\n", "600", "X-Agent: \u{1b}]0;owned\u{7}\u{9b}31m\r\n"),
        ("[agents]\nnetworks = [\"192.0.2.0/24\"]\n", "a%1B%5B31mb", ""),
    ];
    for (config, user, ok_headers) in cases {
        let mut d = Dialog::new(1);
        d.to = format!("<sip:{user}@pbx.example>");
        d.uri = format!("sip:{user}@192.0.2.20");
        d.ok_headers = ok_headers.into();
        let mut s = Scene::new();
        kit::call(&mut s, &d, 0.0, 1500.0);
        let (_dir, path) = s.saved();
        let run = replay_with(config, &[&path], &[], &[]);
        let text = run.stdout() + &run.stderr();
        assert!(run.output.status.success() && text.contains("1 recording"), "{text}");
        let steers = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!text.contains(steers), "{user}: {text:?}");
        assert!(text.lines().all(|l| l.chars().count() < 400), "{user}: a table that can be read: {text}");
    }
}

#[test]
fn a_folder_may_be_named_from_here() {
    let dir = tempfile::tempdir().unwrap();
    for out in ["calls", "./2026", "a/b/c", "../calls"] {
        let here = dir.path().join("here");
        std::fs::create_dir_all(&here).unwrap();
        let replay = |command: &mut std::process::Command| {
            command.current_dir(&here).args(["replay", "--out", out]).arg(capture()).output().unwrap()
        };
        let said = replay(&mut nauhuri());
        assert!(said.status.success(), "{out}: {}", String::from_utf8_lossy(&said.stderr));
        assert_eq!(files(&here.join(out)).len(), 2, "{out}");
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(
            out.starts_with('.') || text.contains(&format!(" {out}/20")),
            "shown as it was given: {text}"
        );
        let dir = format!("storage.dir={out}");
        let listed = nauhuri()
            .current_dir(&here)
            .args(["list", "--config"])
            .arg(repository("pcaps/nauhuri.toml"))
            .args(["--set", &dir])
            .output()
            .unwrap();
        assert!(
            String::from_utf8_lossy(&listed.stdout).lines().count() == 2,
            "{out}: {}",
            String::from_utf8_lossy(&listed.stderr)
        );
    }
}
