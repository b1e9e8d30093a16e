//! The test call: through a small exchange, past the recorder, and back out of its store.

use crate::caller::Line;
use crate::exchange::{Exchange, Manner};
use crate::recorder::Setup;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

/// `[probe]`, with the password in a file of its own.
fn configured(line: &Line, password: &str, more: &str) -> Setup {
    let setup = Setup::on(line);
    let file = setup.dir.path().join("password");
    fs::write(&file, password).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    setup.configure(&format!(
        "[probe]\nexchange = \"udp:127.20.{}.3:5060\"\nto = \"2001\"\nuser = \"probe\"\npassword_file = \"{}\"\n\
         ring = \"2s\"\ntalk = \"5s\"\nwait = \"8s\"\n{more}",
        line.number,
        file.display()
    ));
    setup
}

/// Exit status, the JSON of the result, and what stands on standard error.
fn probe(setup: &Setup) -> (Option<i32>, Value, String) {
    let mut command: Command = setup.command("probe");
    let out = command.arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    (out.status.code(), serde_json::from_slice(&out.stdout).unwrap_or_default(), said)
}

/// The JSON of a result that is this one, and what stands on standard error.
fn ends_as(setup: &Setup, status: i32, result: &str) -> (Value, String) {
    let (code, told, said) = probe(setup);
    assert_eq!(
        (code, &told["result"]),
        (Some(status), &Value::from(result)),
        "{told:#}\n{said}\n{}",
        setup.all_logs()
    );
    (told, said)
}

fn fails_as(setup: &Setup, result: &str) -> Value {
    let (told, said) = ends_as(setup, 1, result);
    assert!(said.contains("the test call failed"), "{said}");
    told
}

#[test]
#[ignore = "make test-live"]
fn a_test_call_is_recorded_and_heard() {
    let line = Line::new();
    let setup = configured(&line, "sesame\n", "");
    let recorder = setup.start();
    let exchange = Exchange::start(line.number, Manner::Answers);
    let (told, _) = ends_as(&setup, 0, "heard");
    assert_eq!((&told["tones"], &told["tones_other_side"]), (&16.into(), &0.into()), "{told:#}");
    assert!(told["late_s"].as_f64().unwrap().abs() < 0.1, "{told:#}");
    assert!((told["level_db"].as_f64().unwrap() + 14.7).abs() < 1.0, "{told:#}");
    assert!(told["packets_received"].as_u64().unwrap() > 100, "{told:#}");
    let sidecars = setup.sidecars();
    assert_eq!((sidecars.len(), &sidecars[0]["id"]), (1, &told["recording"]["id"]));
    assert_eq!(sidecars[0]["ended_by"], "customer");
    // Who hears a recording is in the audit log, whoever it is.
    let (_, log) = setup.tell("audit show --action listen");
    assert!(log.contains("probe"), "{log}");
    recorder.wait_for("the result", 10, |s| s.sum("nauhuri_probe_last_result", "\"heard\"") == 1.0);
    let seen = recorder.metrics();
    let at = seen.sum("nauhuri_probe_last_success_timestamp_seconds", "");
    assert!(at > 1.7e9 && at == seen.sum("nauhuri_probe_last_run_timestamp_seconds", ""));
    drop(exchange);
    // A later one that fails leaves the last success where it was.
    let _busy = Exchange::start(line.number, Manner::Busy);
    let told = fails_as(&setup, "refused");
    assert_eq!(told["sip_code"], 486);
    assert!(told["meaning"].as_str().unwrap().ends_with("busy"), "{told:#}");
    recorder.wait_for("the result", 10, |s| s.sum("nauhuri_probe_last_result", "\"refused\"") == 1.0);
    let seen = recorder.metrics();
    assert_eq!(seen.sum("nauhuri_probe_last_success_timestamp_seconds", ""), at);
    assert!(seen.sum("nauhuri_probe_last_run_timestamp_seconds", "") > at);
    assert_eq!(seen.sum("nauhuri_probe_last_result", ""), 1.0);
    recorder.stop_well();
    setup.assert_sound("after two test calls");
}

#[test]
#[ignore = "make test-live"]
fn behind_an_exchange_that_gives_the_agent_another_call_id() {
    let line = Line::new();
    let setup = configured(
        &line,
        "sesame",
        "service = \"probe\"\n[[service]]\nname = \"probe\"\nnumbers = [\"2001\"]\nretention = \"2 days\"\n",
    );
    let recorder = setup.start();
    let _exchange = Exchange::start(line.number, Manner::Bridges);
    let (told, _) = ends_as(&setup, 0, "heard");
    assert_eq!(told["recording"]["service"], "probe");
    recorder.stop_well();
}

#[test]
#[ignore = "make test-live"]
fn what_is_recorded_and_not_heard() {
    let line = Line::new();
    let setup = configured(&line, "sesame", "side = \"agent\"\n");
    let recorder = setup.start();
    let exchange = Exchange::start(line.number, Manner::Answers);
    let told = fails_as(&setup, "wrong_channel");
    assert_eq!(told["tones_other_side"], 16);
    drop(exchange);
    setup.change("side = \"agent\"", "service = \"general\"");
    let _deaf = Exchange::start(line.number, Manner::Swallows);
    let (code, told, said) = probe(&setup);
    // The agent's leg has a Call-ID of its own and no tones: nothing shows that it is ours.
    assert_eq!((code, told["result"].as_str()), (Some(1), Some("not_recorded")), "{told:#}\n{said}");
    recorder.stop_well();
}

#[test]
#[ignore = "make test-live"]
fn what_is_not_recorded_and_why() {
    let line = Line::new();
    let setup = configured(&line, "sesame", "");
    let _exchange = Exchange::start(line.number, Manner::Answers);
    // Somebody has to have made the store.
    setup.start().stop_well();
    let told = fails_as(&setup, "not_recorded");
    assert!(told["meaning"].as_str().unwrap().contains("is it running?"), "{told:#}");
    setup.change("2000-2999", "3000-3999");
    // A call without an agent is told once nothing of it can come any more.
    setup.change("wait = \"8s\"", "wait = \"90s\"");
    let recorder = setup.start();
    let told = fails_as(&setup, "not_recorded");
    assert_eq!(told["unrecorded"], "no_agent", "{told:#}");
    recorder.stop_well();
    assert!(setup.sidecars().is_empty());
}

#[test]
#[ignore = "make test-live"]
fn calls_that_come_to_nothing() {
    let line = Line::new();
    let setup = configured(&line, "open sesame", "");
    setup.start().stop_well();
    let unreachable = fails_as(&setup, "unreachable");
    assert_eq!(unreachable["recording"], Value::Null);
    let exchange = Exchange::start(line.number, Manner::Rings);
    let told = fails_as(&setup, "refused");
    assert_eq!(told["sip_code"], 401);
    assert!(told["meaning"].as_str().unwrap().contains("password"), "{told:#}");
    let file = setup.dir.path().join("password");
    fs::write(&file, "sesame").unwrap();
    fails_as(&setup, "not_answered");
    drop(exchange);
    // What is wrong with the configuration is said before anybody is called.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let (code, _, said) = probe(&setup);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("probe.password_file") && said.contains("mode 644"), "{said}");
    let (code, said) = setup.tell("probe --set probe.exchange= --set probe.to=");
    assert_eq!(code, Some(2), "{said}");
}
