//! The register of answered calls that were not recorded: who sees it learns when and why, and
//! no more of a number than a recording would tell.

use super::kit;
use crate::common::ladder::{AGENTS, Dialog, Scene, Side};
use crate::common::run::{Run, nauhuri};
use serde_json::Value;

const SERVICES: &str = "[[service]]\nname = \"quiet\"\nnumbers = [\"116117\"]\nrecord = false\n";

/// What `nauhuri unrecorded` says of the store that a replay has filled.
fn register(run: &Run, config: &str, args: &[&str]) -> String {
    let file = run.dir.join("register.toml");
    std::fs::write(&file, config).unwrap();
    let dir = format!("storage.dir={}", run.dir.display());
    let mut command = nauhuri();
    let out = command.args(["unrecorded", "--set", &dir, "--config"]).arg(&file).args(args).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// The register's rows of a replay.
pub fn rows(run: &Run, config: &str, args: &[&str]) -> Vec<Value> {
    let args: Vec<&str> = ["--json"].iter().chain(args).copied().collect();
    serde_json::from_str(&register(run, config, &args)).unwrap()
}

/// Four calls: to nobody's agent, of a service that is not recorded, internal, and recorded.
fn scene() -> Scene {
    let mut s = Scene::new();
    let mut nobody = Dialog::new(1);
    nobody.to = "<sip:+358501112222@pbx.example>".into();
    nobody.uri = "sip:+358501112222@192.0.2.20".into();
    let mut quiet = Dialog::new(2);
    quiet.headers = "Diversion: <sip:116117@pbx.example>\r\n".into();
    let mut internal = Dialog::new(3);
    internal.from = "<sip:2002@pbx.example>".into();
    let recorded = Dialog::new(4);
    for (i, d) in [nobody, quiet, internal, recorded].iter().enumerate() {
        kit::call(&mut s, d, 1000.0 + 5000.0 * i as f64, 4000.0 + 5000.0 * i as f64);
    }
    s
}

#[test]
fn every_answered_call_that_is_not_recorded_is_there_with_its_reason() {
    let config = format!("{AGENTS}{SERVICES}");
    let run = scene().replay(&config);
    assert_eq!(run.recordings.len(), 1);
    let all = rows(&run, &config, &[]);
    let told: Vec<[&str; 4]> = all
        .iter()
        .map(|r| ["reason", "service", "caller", "called"].map(|k| r[k].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(
        told,
        [
            ["no_agent", "general", "+35840123xxxx", "+35850111xxxx"],
            ["service", "quiet", "+35840123xxxx", "116117"],
            ["internal", "general", "2002", "2001"],
        ]
    );
    assert!(all.iter().all(|r| r["call"].as_str().unwrap().starts_with("sha256:")), "{all:?}");
    let text = register(&run, &config, &[]) + &register(&run, &config, &["--csv"]);
    assert!(!text.contains("4567") && !text.contains("1112222") && !text.contains("ladder-"), "{text}");
    assert!(text.contains("no_agent") && text.contains(",'+35840123xxxx,"), "{text}");
}

#[test]
fn it_is_searched_by_time_service_reason_and_number() {
    let config = format!("{AGENTS}{SERVICES}");
    let run = scene().replay(&config);
    let count = |args: &[&str]| rows(&run, &config, args).len();
    assert_eq!(count(&["--reason", "internal"]), 1);
    assert_eq!(count(&["--service", "quiet"]), 1);
    assert_eq!(count(&["--number", "40123"]), 2);
    let at = rows(&run, &config, &["--reason", "internal"])[0]["at"].as_str().unwrap().to_owned();
    assert_eq!((count(&["--since", &at]), count(&["--until", &at])), (1, 2));
    assert_eq!(count(&["--since", "2038-01-01"]), 0);
}

#[test]
fn who_wants_to_be_unknown_stays_so() {
    let mut s = Scene::new();
    let mut d = Dialog::new(1);
    d.from = "<sip:anonymous@anonymous.invalid>".into();
    d.headers = "P-Asserted-Identity: <sip:+358401234567@trunk.example>\r\nPrivacy: id\r\n".into();
    d.to = "<sip:+358401234567@pbx.example>".into();
    d.uri = "sip:+358401234567@192.0.2.20".into();
    kit::call(&mut s, &d, 1000.0, 3000.0);
    let run = s.replay(AGENTS);
    let all = rows(&run, AGENTS, &[]);
    assert_eq!(all.len(), 1);
    assert_eq!((&all[0]["caller"], &all[0]["called"]), (&Value::Null, &Value::Null), "{all:?}");
    kit::nowhere(&run, &["40123", "4567"]);
}

#[test]
fn a_call_that_failed_is_there_too_and_a_second_replay_adds_nothing() {
    let mut s = Scene::new();
    let d = Dialog::new(1);
    d.answered(&mut s, 0.0, 1000.0);
    d.bye(&mut s, 9000.0, Side::Caller);
    let (_dir, path) = s.saved();
    let run = s.replay(AGENTS);
    assert_eq!(rows(&run, AGENTS, &[])[0]["reason"], "no_media");
    let again = nauhuri()
        .args(["replay", "--set", "agents.extensions=2000-2999", "--out"])
        .arg(&run.dir)
        .arg(&path)
        .output();
    assert!(again.unwrap().status.success());
    assert_eq!(rows(&run, AGENTS, &[]).len(), 1);
}
