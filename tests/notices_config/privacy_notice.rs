//! `nauhuri notice` as it is run: what it prints, and with which status it ends.

use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn notice(args: &[&str], input: Option<&[u8]>) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_nauhuri"))
        .arg("notice")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    if let Some(input) = input {
        // Whoever refuses a long text does not read all of it.
        let _ = stdin.write_all(input);
    }
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn example(name: &str) -> String {
    format!("{}/config/examples/{name}.toml", env!("CARGO_MANIFEST_DIR"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn written(config: &str, language: &str, format: &str) -> String {
    let out = notice(&["--lang", language, "--format", format, "--config", config], None);
    assert!(out.status.success() && out.stderr.is_empty(), "{}", text(&out.stderr));
    text(&out.stdout)
}

fn stored(dir: &Path, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = dir.join(name);
    fs::write(&path, content).unwrap();
    path.display().to_string()
}

#[test]
fn each_example_in_each_language_and_format_checks_clean() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["helsinki-fi", "helsinki-sv", "espoo", "public-works", "hsy"] {
        let config = example(name);
        for (language, title) in
            [("fi", "Tietosuojaseloste"), ("sv", "Dataskyddsbeskrivning"), ("en", "Privacy notice")]
        {
            let (md, html) = (written(&config, language, "md"), written(&config, language, "html"));
            assert!(md.starts_with(&format!("# {title}")) && html.contains(&format!("<title>{title}")));
            assert!(
                html.starts_with("<!DOCTYPE html>") && html.contains(&format!("<html lang=\"{language}\">"))
            );
            for published in [md, html] {
                let path = stored(dir.path(), "notice", &published);
                let out = notice(&["--check", &path, "--config", &config], None);
                assert_eq!(out.status.code(), Some(0), "{}", text(&out.stdout));
                assert!(text(&out.stdout).contains("says what the configuration keeps"));
                let out =
                    notice(&["--check", "-", "--json", "--config", &config], Some(published.as_bytes()));
                let json: Value = serde_json::from_slice(&out.stdout).unwrap();
                assert!(json["ok"] == true && json["language"] == language, "{json}");
                assert!(
                    json["differences"].as_array().unwrap().is_empty() && json["open"].as_u64() > Some(5)
                );
            }
        }
    }
}

#[test]
fn a_difference_is_named_with_its_promise_and_ends_with_one() {
    let dir = tempfile::tempdir().unwrap();
    let config = example("hsy");
    let published = written(&config, "fi", "html")
        .replace("enintään 12 kuukautta puhelun", "enintään 6 kuukautta puhelun");
    let path = stored(dir.path(), "notice.html", published);
    let out = notice(&["--check", &path, "--config", &config], None);
    assert_eq!(out.status.code(), Some(1));
    let told = text(&out.stdout);
    assert!(
        told.contains("different: kept.at_most PWD-18 HSY-15") && told.contains("6 kuukautta / 12 kuukautta"),
        "{told}"
    );
    assert!(text(&out.stderr).contains("differ: 1 difference"), "{}", text(&out.stderr));
    // The same text against what the configuration would be.
    let set = ["--set", "service_default.retention=6 months"];
    let out = notice(&[&["--check", &path, "--json", "--config", &config][..], &set].concat(), None);
    let json: Value = serde_json::from_slice(&out.stdout).unwrap();
    let ids: Vec<_> =
        json["differences"].as_array().unwrap().iter().map(|d| d["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["spoken.kept_at_most", "entry.kept_at_most"]);
    assert_eq!(json["differences"][0]["values"][0]["configuration"], "6 kuukautta");
    assert_eq!(out.status.code(), Some(1));
}

#[test]
fn what_cannot_be_read_or_makes_no_sense() {
    let dir = tempfile::tempdir().unwrap();
    let config = example("espoo");
    let path = |name: &str, content: &[u8]| stored(dir.path(), name, content);
    let failing: [(&[&str], i32, &str); 11] = [
        (&[], 2, "--lang"),
        (&["--lang", "de"], 2, "fi"),
        (&["--lang", "fi", "--format", "pdf"], 2, "html"),
        (&["--lang", "fi", "--json"], 2, "--check"),
        (&["--check", &path("nothing", b""), "--format", "md"], 2, "--format"),
        (&["--check", "/no/such/notice"], 1, "/no/such/notice"),
        (&["--check", &path("latin", b"S\xe4ilytys")], 1, "UTF-8"),
        (&["--check", &path("long", &vec![b'a'; (1 << 20) + 1])], 1, "longer than"),
        (&["--check", &path("dots", &vec![b'.'; 1 << 20])], 1, "dots: more than 50000 words"),
        (&["--check", &path("links", "](".repeat(1 << 19).as_bytes())], 1, "links: more than 50000 words"),
        (&["--check", &path("own", b"We record calls.")], 1, "--lang"),
    ];
    for (args, status, words) in failing {
        let out = notice(&[args, &["--config", &config]].concat(), None);
        assert_eq!(out.status.code(), Some(status), "{args:?} {}", text(&out.stderr));
        assert!(text(&out.stderr).contains(words), "{args:?} {}", text(&out.stderr));
        assert!(out.stdout.is_empty(), "{args:?}");
    }
    let off = ["--lang", "en", "--config", &config, "--set", "service_default.record=false"];
    let out = notice(&off, None);
    assert_eq!((out.status.code(), out.stdout.is_empty()), (Some(1), true));
    assert!(text(&out.stderr).contains("records no call"), "{}", text(&out.stderr));
    // Without an agent nothing would be recorded: said beside the result.
    let out = notice(&["--lang", "en", "--config", &config, "--set", "agents.extensions="], None);
    assert!(out.status.success() && text(&out.stderr).contains("[agents] has no rule"));
}
