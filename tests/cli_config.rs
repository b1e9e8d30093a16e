//! The command as users run it: configuration, exit status, what goes where.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn nauhuri(args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nauhuri"));
    for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("NAUHURI__")) {
        command.env_remove(name);
    }
    command.args(args).envs(env.iter().copied()).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn file(dir: &Path, text: &str) -> String {
    let path = dir.join("nauhuri.toml");
    std::fs::write(&path, text).unwrap();
    path.into_os_string().into_string().unwrap()
}

#[test]
fn check_prints_the_effective_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let agents = "[agents]\nextensions = [\"2001\"]\nnetworks = [\"10.0.0.0/8\"]\n";
    let path = file(dir.path(), &format!("[sip]\nports = [5070]\n[capture]\ninterface = \"eth1\"\n{agents}"));
    let env = [("NAUHURI__LOG__KEEP", "2h"), ("NAUHURI__SIP__MEDIA_TIMEOUT", "5s")];
    let out =
        nauhuri(&["--set", "log.keep=3h", "check", "--config", &path, "--set", "metrics.listen="], &env);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert_eq!(text(&out.stderr), "");
    let table: toml::Table = toml::from_str(text(&out.stdout)).unwrap();
    assert_eq!(table["sip"]["ports"].to_string(), "[5070]");
    assert_eq!(table["sip"]["media_timeout"].as_str(), Some("5s"));
    assert_eq!(table["log"]["keep"].as_str(), Some("3h"));
    assert_eq!(table["metrics"]["listen"].as_str(), Some(""));
    assert_eq!(table["service_default"]["retention"].as_str(), Some("6 months"));
    // What was printed is a configuration again, and the same one.
    let again = file(dir.path(), text(&out.stdout));
    let second = nauhuri(&["check", "--config", &again], &[]);
    assert_eq!(text(&second.stdout), text(&out.stdout));
}

#[test]
fn a_recorder_that_would_record_everybody_does_not_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "[capture]\ninterface = \"lo\"\n");
    let out = nauhuri(&["record", "--config", &path], &[]);
    let said = text(&out.stderr);
    assert_eq!(out.status.code(), Some(2), "{said}");
    for word in ["agents.extensions", "no agent rule", "agents.networks", "agents.header", "2000-2999", &path]
    {
        assert!(said.contains(word), "{word}: {said}");
    }
    // Checked, it is told, and replayed, it is said who counts as the agent.
    let out = nauhuri(&["check", "--config", &path], &[]);
    assert_eq!(out.status.code(), Some(0));
    assert!(text(&out.stderr).contains("[agents] has no rule"), "{}", text(&out.stderr));
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/pcaps/sipp-busy.pcap");
    let store = dir.path().join("out");
    let to = store.to_str().unwrap();
    let out = nauhuri(&["replay", "--config", &path, "--out", to, capture], &[]);
    assert_eq!(out.status.code(), Some(0));
    assert!(text(&out.stderr).contains("the called party of each call counts as the agent"));
}

#[test]
fn check_tells_what_is_left_open() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(
        dir.path(),
        "[capture]\ninterface = \"lo\"\ntunnels = [\"vxlan\"]\n[agents]\nextensions = [\"31*\"]\nheader = \"X-Agent\"\n",
    );
    let out = nauhuri(&["check", "--config", &path], &[]);
    let said = text(&out.stderr);
    assert_eq!((out.status.code(), said.lines().count()), (Some(0), 3), "{said}");
    for word in ["\"vxlan\" from anybody", "set agents.networks", "\"31*\" matches numbers of any length"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert_eq!(text(&nauhuri(&["-q", "check", "--config", &path], &[]).stderr), "");
}

#[test]
fn hep_is_a_source_as_an_interface_is() {
    let dir = tempfile::tempdir().unwrap();
    let agents = "[agents]\nextensions = [\"2001\"]\nnetworks = [\"10.0.0.0/8\"]\n";
    for interface in ["", "[capture]\ninterface = \"\"\n"] {
        let text_of = |hep: &str| format!("{agents}{interface}[hep]\nlisten = {hep}\n");
        let check = |hep| nauhuri(&["check", "--record", "--config", &file(dir.path(), &text_of(hep))], &[]);
        let out = check("[\"udp:127.0.0.1:9060\"]");
        assert_eq!((out.status.code(), text(&out.stderr)), (Some(0), ""));
        let out = check("[]");
        let said = text(&out.stderr);
        assert!(said.contains("capture.interface") && said.contains("hep.listen"), "{said}");
        let out = check("[\"127.0.0.1:9060\"]");
        assert_eq!(out.status.code(), Some(2));
        assert!(text(&out.stderr).contains("udp:127.0.0.1:9060"), "{}", text(&out.stderr));
    }
}

#[test]
fn check_without_an_interface_says_so_and_is_content() {
    let out = nauhuri(&["check", "--config", "/dev/null"], &[]);
    assert_eq!(out.status.code(), Some(0));
    assert!(text(&out.stderr).contains("capture.interface"));
    assert_eq!(text(&nauhuri(&["check", "-q", "--config", "/dev/null"], &[]).stderr), "");
}

/// What `ExecStartPre=` asks: would `nauhuri record` start with this?
#[test]
fn check_for_recording_wants_an_interface_that_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let of = |names: &str| {
        let agents = "[agents]\nextensions = [\"2000-2999\"]\n";
        let path = file(dir.path(), &format!("{agents}[capture]\ninterface = {names}\n"));
        let for_recording = nauhuri(&["check", "--record", "--config", &path], &[]);
        (for_recording, nauhuri(&["check", "--config", &path], &[]))
    };
    for names in ["[]", "\"nosuch0\"", "[\"lo\", \"nosuch0\"]"] {
        let (out, plain) = of(names);
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(2), "{names}: {said}");
        assert!(said.contains("capture.interface"), "{said}");
        assert_eq!(text(&out.stdout), "");
        // Whoever checks a file for another machine hears of it and is let through.
        assert_eq!(plain.status.code(), Some(0));
        let is_missing = names.contains("nosuch0");
        assert_eq!(said.contains("nosuch0") && said.contains("lo"), is_missing, "{said}");
        assert_eq!(
            text(&plain.stdout).contains("# Note: this machine has no interface nosuch0; it has "),
            is_missing
        );
    }
    for names in ["\"lo\"", "\"any\""] {
        let (out, plain) = of(names);
        assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
        assert!(!text(&plain.stdout).contains("# Note: this machine"));
    }
}

#[test]
fn every_mistake_of_a_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(
        dir.path(),
        "[sip]\nprots = [5060]\nmedia_timeout = 30\n[retention]\ntimezone = \"Mars/Base\"\n",
    );
    let out = nauhuri(&["check", "--config", &path], &[]);
    assert_eq!(out.status.code(), Some(2));
    assert_eq!(text(&out.stdout), "");
    let lines: Vec<_> = text(&out.stderr).lines().collect();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines.iter().all(|line| line.contains(&path) && line.contains("; allowed: ")), "{lines:#?}");
    assert!(text(&out.stderr).contains("sip.prots (line 2): found an unknown key"));
    assert!(text(&out.stderr).contains("nearest: sip.ports"));
    assert!(text(&out.stderr).contains("sip.media_timeout (line 3): found 30"));
    assert!(text(&out.stderr).contains("retention.timezone (line 5): found \"Mars/Base\""));
}

#[test]
fn mistakes_of_the_environment_and_of_set_are_named() {
    for (args, env, part) in [
        (
            &["check", "--config", "/dev/null"][..],
            &[("NAUHURI__SIP__PORT", "1")][..],
            "NAUHURI__SIP__PORT: sip.port",
        ),
        (
            &["check", "--config", "/dev/null", "--set", "limits.call=1"],
            &[],
            "--set limits.call: limits.call",
        ),
        (
            &["check", "--config", "/dev/null", "--set", "limits.calls=x"],
            &[],
            "found \"x\"; allowed: a whole number",
        ),
        (&["check", "--config", "/dev/null", "--set", "limits"], &[], "allowed: section.key=value"),
    ] {
        let out = nauhuri(args, env);
        assert_eq!(out.status.code(), Some(2));
        assert!(text(&out.stderr).contains(part), "{}", text(&out.stderr));
    }
}

#[test]
fn a_file_that_is_not_there_or_not_toml() {
    let dir = tempfile::tempdir().unwrap();
    let absent = dir.path().join("absent.toml").into_os_string().into_string().unwrap();
    let out = nauhuri(&["check", "--config", &absent], &[]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("absent.toml: found no such file"), "{}", text(&out.stderr));
    let path = file(dir.path(), "[sip\nports = 1");
    let out = nauhuri(&["check", "--config", &path], &[]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("nauhuri.toml: line 1, column 5: found"), "{}", text(&out.stderr));
}

#[test]
fn a_wrong_command_line_is_2_and_help_is_0() {
    for args in [&["tape"][..], &[], &["replay"], &["check", "--log-format", "xml"], &["check", "-q", "-v"]] {
        let out = nauhuri(args, &[]);
        assert_eq!(out.status.code(), Some(2), "{args:?}");
        assert_eq!(text(&out.stdout), "");
    }
    for args in
        [&["--help"][..], &["record", "--help"], &["replay", "-h"], &["check", "--help"], &["--version"]]
    {
        let out = nauhuri(args, &[]);
        assert_eq!(out.status.code(), Some(0), "{args:?}");
        assert!(!out.stdout.is_empty() && out.stderr.is_empty());
    }
    assert!(!text(&nauhuri(&["--help"], &[]).stdout).contains("manual"), "hidden");
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    // The reading end is closed before a byte is written.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let out = Command::new(env!("CARGO_BIN_EXE_nauhuri"))
        .args(["check", "--config", "/dev/null"])
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!((out.status.code(), text(&out.stderr)), (Some(0), ""));
    // A full disk is one.
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_nauhuri"))
        .args(["check", "--config", "/dev/null"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).starts_with("nauhuri: standard output: "), "{}", text(&out.stderr));
}

#[test]
fn manual_writes_pages_and_completions() {
    let dir = tempfile::tempdir().unwrap();
    let out = nauhuri(&["manual", "--out", dir.path().to_str().unwrap()], &[]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    for page in ["nauhuri.1", "nauhuri-record.1", "nauhuri-replay.1", "nauhuri-check.1"] {
        let page = std::fs::read_to_string(dir.path().join("man1").join(page)).unwrap();
        assert!(page.contains("Example") && page.contains("nauhuri"));
    }
    assert!(!dir.path().join("man1/nauhuri-manual.1").exists());
    for completion in ["nauhuri.bash", "_nauhuri", "nauhuri.fish"] {
        assert!(std::fs::metadata(dir.path().join(completion)).unwrap().len() > 0);
    }
}
