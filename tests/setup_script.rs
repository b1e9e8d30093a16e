//! What `scripts/setup` installs: trying the recorder out needs no browser and no SIP client.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// What the script asks of apt, npm and cargo, a line each, on a Debian that has nothing yet.
fn asked(word: Option<&str>) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let (scripts, bin, log) = (dir.path().join("scripts"), dir.path().join("bin"), dir.path().join("log"));
    fs::create_dir(&scripts).unwrap();
    fs::create_dir(&bin).unwrap();
    let script = scripts.join("setup");
    let ours = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::copy(ours.join("scripts/setup"), &script).unwrap();
    let wanted = "tests/data/vcon/requirements.txt";
    fs::create_dir_all(dir.path().join(wanted).parent().unwrap()).unwrap();
    fs::create_dir_all(dir.path().join("target/tools/vcon")).unwrap();
    fs::copy(ours.join(wanted), dir.path().join(wanted)).unwrap();
    let note = format!("echo \"$(basename \"$0\") $*\" >>'{}'", log.display());
    for (tool, body) in [
        ("dpkg-query", "exit 1"),
        ("dpkg", "exit 1"),
        ("apt-cache", "exit 0"),
        ("sudo", "exec \"$@\""),
        ("rustc", "echo rustc 1.95.0"),
        ("cargo", &note),
        ("npm", &note),
        ("python3", &note),
        ("promtool", "exit 0"),
        ("apt-get", &note),
    ] {
        fs::write(bin.join(tool), format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(bin.join(tool), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let out = Command::new("bash").arg(&script).args(word).env("PATH", path).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    fs::read_to_string(log).unwrap().lines().map(str::to_owned).collect()
}

fn has(asked: &[String], tool: &str, word: &str) -> bool {
    asked.iter().any(|line| line.starts_with(tool) && line.split_whitespace().any(|w| w == word))
}

#[test]
fn running_needs_no_test_tools() {
    let (run, test) = (asked(None), asked(Some("test")));
    for package in ["cmake", "g++", "libpcap-dev", "pkg-config", "tzdata"] {
        assert!(has(&run, "apt-get", package) && has(&test, "apt-get", package), "{package}: {run:?}");
    }
    for package in
        ["baresip", "chromium", "chromium-driver", "ffmpeg", "jq", "sip-tester", "sox", "tcpdump", "tshark"]
    {
        assert!(has(&test, "apt-get", package), "{package}: {test:?}");
        assert!(!has(&run, "apt-get", package), "{package}: {run:?}");
    }
    for (tool, word) in [("npm", "install"), ("python3", "install"), ("cargo", "clippy"), ("cargo", "fmt")] {
        assert!(has(&test, tool, word), "{tool}: {test:?}");
        assert!(!has(&run, tool, word), "{tool}: {run:?}");
    }
}
