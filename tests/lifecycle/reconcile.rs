//! The exchange's list of calls beside what was recorded: which calls are missing, and which are explained.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene};
use crate::common::run::nauhuri;
use crate::common::voice::Voice;
use serde_json::Value;
use std::fmt::Write;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Output, Stdio};

/// The scenes begin then; Helsinki is two hours ahead.
const BEGIN: &str = "2026-11-23T08:15:23Z";

struct Lab {
    dir: tempfile::TempDir,
}

impl Lab {
    /// Calls of 2 s, each 10 s after the other, answered after 1 s, to these agents.
    fn new(agents: &[&str], more: &str) -> Lab {
        let lab = Lab { dir: tempfile::tempdir().unwrap() };
        let config = format!(
            "[agents]\nextensions = [\"2000-2999\"]\n[retention]\ntimezone = \"Europe/Helsinki\"\n\
             [service_default]\nretention = \"5 years\"\n[storage]\ndir = \"{}\"\n{more}",
            lab.dir.path().join("store").display()
        );
        std::fs::write(lab.dir.path().join("nauhuri.toml"), config).unwrap();
        let mut s = Scene::new();
        for (n, agent) in (0u16..).zip(agents) {
            let at = 10_000.0 * f64::from(n);
            let d = Dialog::new(n + 1);
            let d = Dialog { to: d.to.replace("2001", agent), uri: d.uri.replace("2001", agent), ..d };
            d.answered(&mut s, at, at + 1000.0);
            for (side, seed) in [(Caller, 3), (Callee, 5)] {
                let packets = Voice::of(&d, side, seed).talk(at + 1000.0, at + 3000.0);
                s.media(&packets);
            }
            d.bye(&mut s, at + 3000.0, Caller);
        }
        let capture = lab.dir.path().join("calls.pcap");
        s.save(&capture);
        lab.ends(0, &["replay", capture.to_str().unwrap()], "");
        lab
    }

    fn run(&self, args: &[&str], input: &str) -> Output {
        let mut child = nauhuri()
            .args(args)
            .arg("--config")
            .arg(self.dir.path().join("nauhuri.toml"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn ends(&self, status: i32, args: &[&str], input: &str) -> String {
        let out = self.run(args, input);
        let said =
            [&out.stdout[..], &out.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat();
        assert_eq!(out.status.code(), Some(status), "{args:?}: {said}");
        said
    }

    fn reconcile(&self, status: i32, list: &str) -> Value {
        let out = self.run(&["reconcile", "--cdr", "-", "--json"], list);
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(status), "{told}");
        serde_json::from_slice(&out.stdout).unwrap()
    }
}

/// A line of Asterisk's list: answered so many seconds after the beginning, by its clock.
fn asterisk(agent: &str, caller: &str, answered_s: i64, length_s: i64, word: &str) -> String {
    let begin: jiff::Timestamp = BEGIN.parse().unwrap();
    let local = |s: i64| {
        let at = begin + jiff::SignedDuration::from_secs(s);
        at.in_tz("Europe/Helsinki").unwrap().strftime("%Y-%m-%d %H:%M:%S").to_string()
    };
    let answer = if word == "ANSWERED" { local(answered_s) } else { String::new() };
    format!(
        "\"\",\"{caller}\",\"116117\",\"in\",\"\",\"PJSIP/trunk-00\",\"PJSIP/{agent}-000a\",\"Queue\",\"\",\"{}\",\
         \"{answer}\",\"{}\",{length_s},{length_s},\"{word}\",\"\",\"1.{answered_s}\",\"\"\n",
        local(answered_s - 5),
        local(answered_s + length_s)
    )
}

#[test]
fn every_call_of_the_list_is_in_one_of_its_buckets() {
    let lab = Lab::new(&["2001", "2002", "2001", "5001"], "");
    let mut list = String::new();
    // In another order than they were, and a second off.
    for (agent, at, length, word) in [
        ("2001", 22, 2, "ANSWERED"),
        ("2001", 1, 2, "ANSWERED"),
        // The caller stayed in the queue before, and the agent's leg is the end of it.
        ("2002", 2, 11, "ANSWERED"),
        // Nobody mirrored this one.
        ("2003", 14, 30, "ANSWERED"),
        ("2001", 40, 20, "NO ANSWER"),
        // No agent: seen, and left out by rule.
        ("5001", 31, 2, "ANSWERED"),
    ] {
        list += &asterisk(agent, "0401234567", at, length, word);
    }
    let report = lab.reconcile(1, &list);
    assert_eq!(
        (&report["calls"], &report["recorded"], &report["unanswered"]),
        (&5.into(), &3.into(), &1.into())
    );
    let missing = report["missing"].as_array().unwrap();
    assert_eq!((missing.len(), &missing[0]["line"], &missing[0]["agent"]), (1, &4.into(), &"2003".into()));
    assert_eq!((&missing[0]["duration_s"], &missing[0]["unrecorded_s"]), (&30.0.into(), &30.0.into()));
    assert_eq!((report["unlisted"].as_array().unwrap().len(), &report["without_agent"]), (0, &1.into()));
    let told = lab.ends(1, &["reconcile", "--cdr", "-"], &list);
    assert!(told.contains("1 call of the list was not recorded") && told.contains("2003"), "{told}");
    assert!(!told.contains("0401234567") && !told.contains("234567"), "{told}");
    let log = lab.ends(0, &["audit", "show"], "");
    assert!(log.contains("reconcile"), "{log}");
}

/// Legs of one call, queues before it, what was erased and what somebody else's entry explains.
#[test]
fn lines_as_exchanges_write_them() {
    let lab = Lab::new(&["2001", "2002", "2001"], "");
    // A line of the queue without agent, a short one around the recording; the call itself; its member leg.
    let ivr = asterisk("trunk", "0401234567", 0, 5, "ANSWERED").replace("PJSIP/trunk-000a", "");
    let queue = asterisk("2001", "0401234567", 1, 2, "ANSWERED");
    let local =
        asterisk("x", "0401234567", 1, 2, "ANSWERED").replace("PJSIP/x-000a", "Local/2001@from-queue-0001;1");
    let named = asterisk("agent-2002", "0401234567", 11, 2, "ANSWERED");
    let report = lab.reconcile(0, &(ivr + &queue + &local + &named));
    assert_eq!((&report["recorded"], &report["without_agent"]), (&3.into(), &1.into()), "{report}");
    // Two legs of a recording that goes on over both.
    let legs = asterisk("2001", "1", 21, 1, "ANSWERED") + &asterisk("2001", "1", 22, 1, "ANSWERED");
    assert_eq!(lab.reconcile(0, &legs)["recorded"], 2);
    // A number as long as a subscriber's is shown no further than one is stored.
    let told = Lab::new(&["2001"], "").run(
        &["reconcile", "--cdr", "-", "--set", "agents.extensions=2000-2999,31*"],
        &asterisk("3161234567890", "0401234567", 51, 30, "ANSWERED"),
    );
    let told = [told.stdout, told.stderr].map(|t| String::from_utf8_lossy(&t).into_owned()).concat();
    assert!(told.contains("316123456xxxx") && !told.contains("3161234567890"), "{told}");
    // What was erased is known, once.
    let id = lab.ends(0, &["list", "--agent", "2002", "--csv"], "").lines().nth(1).unwrap()[..36].to_owned();
    lab.ends(0, &["erase", &id, "--reason", "asked", "--yes"], "");
    let two = asterisk("2002", "1", 11, 2, "ANSWERED") + &asterisk("2002", "1", 12, 2, "ANSWERED");
    let report = lab.reconcile(1, &two);
    assert_eq!(report["explained"], serde_json::json!({ "deleted": 1 }), "{report}");
    assert_eq!(report["missing"].as_array().unwrap().len(), 1);
    // Names in another character set, and a broken line, are no reason to read nothing.
    let mut list = asterisk("2001", "M\u{e4}ki", 1, 2, "ANSWERED").replace('\u{e4}', "?").into_bytes();
    list.extend(b"\"\",\"\xe4\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"soon\",\"\",1,1,\"ANSWERED\"\n");
    let file = lab.dir.path().join("latin.csv");
    std::fs::write(&file, list).unwrap();
    lab.ends(0, &["reconcile", "--cdr", file.to_str().unwrap()], "");
}

#[test]
fn what_is_cut_short_or_unknown_to_the_exchange_is_told() {
    let lab = Lab::new(&["2001", "2002"], "");
    let report = lab.reconcile(0, &asterisk("2001", "0401234567", 1, 60, "ANSWERED"));
    let partial = report["partial"].as_array().unwrap();
    assert_eq!((partial.len(), &partial[0]["unrecorded_s"]), (1, &58.0.into()), "{report}");
    assert_eq!(report["unlisted"].as_array().unwrap().len(), 1, "{report}");
    let told = lab.ends(0, &["reconcile", "--cdr", "-"], &asterisk("2001", "0401234567", 1, 60, "ANSWERED"));
    assert!(told.contains("recorded in part") && told.contains("not in the list"), "{told}");
}

#[test]
fn what_the_configuration_leaves_out_is_explained() {
    let lab = Lab::new(&["2001"], "[[service]]\nname = \"116117\"\nnumbers = [\"116117\"]\nrecord = false\n");
    let old =
        asterisk("2001", "0401234567", 1, 60, "ANSWERED").replace("2026-", "2016-").replace("116117", "099");
    let list = asterisk("2009", "0401234567", 14, 60, "ANSWERED") + &old;
    let report = lab.reconcile(0, &list);
    assert_eq!(report["explained"], serde_json::json!({ "retention": 1, "service": 1 }), "{report}");
}

#[test]
fn a_list_of_ones_own_columns_and_one_that_is_none() {
    let lab = Lab::new(
        &["2001"],
        "[cdr]\nformat = \"columns\"\nanswered = \"Start\"\nduration = \"Length\"\nparties = [\"User\"]\n",
    );
    let mut list = "User,Start,Length\n".to_owned();
    let _ = writeln!(list, "2001,{BEGIN},3");
    assert_eq!(lab.reconcile(0, &list)["recorded"], 1);
    let told = lab.ends(1, &["reconcile", "--cdr", "-"], "User,Begin\n");
    assert!(told.contains("there is no column \"Start\""), "{told}");
    let told = lab.ends(1, &["reconcile", "--cdr", "/nonexistent/list.csv"], "");
    assert!(told.contains("/nonexistent/list.csv"), "{told}");
    lab.ends(2, &["reconcile"], "");
    let file: PathBuf = lab.dir.path().join("empty.csv");
    std::fs::write(&file, "User,Start,Length\n").unwrap();
    let told = lab.ends(0, &["reconcile", "--cdr", file.to_str().unwrap()], "");
    assert!(told.contains("no answered call in the list"), "{told}");
}
