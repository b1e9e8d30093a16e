//! The commands as people run them: exit status, what goes where, kill -9.

use crate::lifecycle::office::Office;
use crate::lifecycle::{AGENT, NUMBER, files};
use serde_json::Value;
use std::process::Stdio;
use std::time::Duration;

#[test]
fn a_case_from_hold_to_release() {
    let office = Office::new();
    let (due, other) = (office.record(1, -200, -1), office.record(2, -10, 100));
    office.ends(0, &["hold", &due, "--reason", "crime", "--ref", "6400/R/1/26"]);
    assert!(office.ends(0, &["list", "--flag", "held"]).contains("held"));
    assert!(office.ends(0, &["expire"]).contains("0 deleted"));
    let said = office.ends(1, &["erase", &due, "--reason", "asked", "--yes"]);
    assert!(said.contains("held, and not touched"), "{said}");
    let said = office.ends(1, &["release", &due, "--ref", "6400/R/1/26"]);
    assert!(said.contains("--yes"), "{said}");
    assert!(office.row(&due).unwrap().held);
    assert!(office.ends(1, &["release", &other]).contains("not held"));
    let said = office.ends(0, &["release", &due, "--ref", "6400/R/1/26", "--yes"]);
    assert!(said.contains("next sweep deletes"), "{said}");
    let swept = office.json(&["expire", "--json"]);
    assert_eq!((swept["deleted"].as_u64(), swept["ids"][0].as_str()), (Some(1), Some(due.as_str())));
    assert!(office.row(&due).is_none() && office.row(&other).is_some());
    // The log has it all, in order, and of the one that is gone too.
    let told = office.json(&["audit", "show", &due, "--json"]);
    let actions: Vec<_> = told.as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    // Asked back, then done.
    assert_eq!(actions, ["hold", "erase", "release", "release", "expire", "audit_show"]);
    office.ends(0, &["audit", "verify"]);
    let told = office.ends(0, &["audit", "show"]);
    assert!(!told.contains(AGENT) && !told.contains(NUMBER));
}

#[test]
fn erase_asks_and_then_erases() {
    let office = Office::new();
    let (id, other) = (office.record(1, -20, 100), office.record(2, -10, 100));
    let said = office.ends(1, &["erase", &id, "--reason", "request 17"]);
    assert!(said.contains(&id) && said.contains("--yes"), "{said}");
    assert!(office.row(&id).is_some());
    office.ends(0, &["erase", &id[28..], "--reason", "request 17", "--yes"]);
    assert!(office.row(&id).is_none() && office.row(&other).is_some());
    assert!(office.ends(1, &["erase", &id, "--reason", "request 17", "--yes"]).contains("deleted at"));
    // Nothing asked for is not everything.
    assert!(office.ends(2, &["erase", "--reason", "x", "--yes"]).contains("which recordings"));
    office.ends(2, &["erase", &other, "--reason", " ", "--yes"]);
    assert!(office.row(&other).is_some());
    office.ends(0, &["verify"]);
}

/// From a request that a hold puts off to the decision, and a hold that is looked at again.
#[test]
fn what_was_put_off_comes_up_again() {
    let office = Office::new();
    let (id, other) = (office.record(1, -20, 100), office.record(2, -10, 100));
    office.ends(0, &["hold", &id, &other, "--reason", "dsar", "--ref", "17/2026"]);
    office.ends(1, &["erase", &id, "--reason", "request 18", "--yes"]);
    assert_eq!(office.json(&["list", "--flag", "review", "--json"]).as_array().unwrap().len(), 0);
    office.ends(2, &["hold", &id, "--reason", "dsar"]);
    office.ends(2, &["hold", &id, "--review", "--reason", "dsar"]);
    assert!(office.ends(1, &["hold", &id, "--review", "--ref", "18/2026"]).contains("not for that case"));
    assert!(office.ends(0, &["hold", &id, "--review"]).contains("confirmed"));
    let said = office.ends(0, &["release", &id]);
    assert!(said.contains("request 18") && said.contains("put off by the hold"), "{said}");
    assert!(!office.ends(0, &["release", &other]).contains("put off"));
    let refuse = ["erase", &id, "--reason", "request 18", "--refuse", "GDPR Art. 17(3)(b)"];
    office.ends(2, &[&refuse[..], &["--yes"]].concat());
    assert!(office.ends(0, &refuse).contains("kept"));
    assert!(office.row(&id).is_some());
    let told = office.ends(0, &["show", &id]);
    assert!(told.contains("GDPR Art. 17(3)(b)") && told.contains("hold_review"), "{told}");
}

#[test]
fn past_its_term_nothing_is_handed_out_where_the_policy_says_so() {
    let office = Office::new();
    let due = office.record(1, -200, -1);
    let to = office.store.outside().join("out");
    let export = ["export", &due, "--to", to.to_str().unwrap(), "--reason", "request 17"];
    let strict = ["--set", "retention.access=until_due"];
    let said = office.ends(1, &[&export[..], &strict].concat());
    assert!(said.contains("past its term") && !to.exists(), "{said}");
    office.ends(0, &["hold", &due, "--reason", "dsar", "--ref", "17"]);
    office.ends(0, &[&export[..], &strict].concat());
    office.ends(0, &["release", &due, "--yes"]);
    let again = office.store.outside().join("again");
    office.ends(0, &["export", &due, "--to", again.to_str().unwrap(), "--reason", "request 17"]);
    office.ends(2, &[&export[..], &["--set", "retention.access=never"]].concat());
}

/// Whoever looks at recordings is told, also where nothing comes of it.
#[test]
fn looking_is_told_too() {
    let office = Office::new();
    let (due, _) = (office.record(1, -200, -1), office.record(2, -10, 100));
    office.ends(0, &["expire", "--dry-run", "--json"]);
    office.ends(1, &["erase", &due, "--reason", "request 17"]);
    office.ends(0, &["retention", "apply", "--service", "116117", "--dry-run"]);
    office.ends(0, &["show", &due]);
    office.ends(0, &["list", "--csv"]);
    office.ends(0, &["verify", "--sample", "1"]);
    let told = office.json(&["audit", "show", "--json"]);
    let actions: Vec<_> = told.as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    let want =
        ["expire_preview", "erase_preview", "retention_preview", "show", "list", "verify", "audit_show"];
    assert_eq!(actions, want);
}

#[test]
fn a_correction_is_found_and_searched() {
    let office = Office::new();
    let id = office.record(1, -20, 100);
    office.ends(0, &["amend", &id, "--ref", "17", "--set-agent", "2777", "--set-number", "+358 50 765 4321"]);
    let shown = office.json(&["show", &id, "--json"]);
    assert_eq!(
        (&shown["agent"]["id"], &shown["customer"]["number"]),
        (&"2777".into(), &"+35850765xxxx".into())
    );
    let listed = office.json(&["list", "--agent", "2777", "--number", "35850765", "--json"]);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert!(
        office.ends(0, &["amend", &id, "--ref", "17", "--set-agent", "2777"]).contains("says so already")
    );
    assert!(office.ends(2, &["amend", &id, "--ref", "17"]).contains("what is to change"));
    office.ends(2, &["amend", &id, "--ref", "17", "--set-number", "somebody"]);
    office.ends(2, &["amend", "--ref", "17", "--set-agent", "1"]);
    let log = office.ends(0, &["audit", "show", "--json"]);
    assert!(
        log.contains("customer.number") && !log.contains("35850765") && !log.contains("765 4321"),
        "{log}"
    );
    office.ends(0, &["verify"]);
}

#[test]
fn restricted_is_not_exported() {
    let office = Office::new();
    let id = office.record(1, -20, 100);
    let to = office.store.outside().join("out");
    let to = to.to_str().unwrap();
    office.ends(0, &["restrict", &id, "--ref", "17/2026"]);
    let export = ["export", &id, "--to", to, "--reason", "request 17", "--recipient", "the data subject"];
    assert!(office.ends(1, &export).contains("restricted"));
    assert!(office.ends(1, &["unrestrict", &id, "--ref", "18/2026"]).contains("not for that case"));
    office.ends(0, &["unrestrict", &id, "--ref", "17/2026"]);
    assert!(office.ends(0, &export).contains("SHA-256"));
    assert_eq!(files(to.as_ref()).len(), 4);
    office.ends(2, &["export", &id, "--to", to, "--reason", "x", "--start", "9", "--end", "3"]);
    office.ends(2, &["export", &id, "--to", to]);
}

#[test]
fn a_changed_term_is_shown_before_it_is_applied() {
    let office = Office::new();
    let id = office.record(1, -100, 100);
    let before = office.row(&id).unwrap().until;
    let result = office.json(&["retention", "apply", "--service", "116117", "--dry-run", "--json"]);
    assert_eq!(
        (result["result"]["shorter"].as_u64(), result["result"]["due_at_once"].as_u64()),
        (Some(1), Some(1))
    );
    assert!(office.ends(1, &["retention", "apply", "--service", "116117"]).contains("--yes"));
    assert_eq!(office.row(&id).unwrap().until, before);
    office.ends(0, &["retention", "apply", "--service", "116117", "--yes"]);
    assert!(office.row(&id).unwrap().until < before);
    assert!(office.ends(2, &["retention", "apply", "--service", "116118"]).contains("general"));
}

#[test]
fn a_log_that_was_touched_is_told() {
    let office = Office::new();
    office.record(1, -100, 100);
    office.ends(0, &["list"]);
    office.ends(0, &["list", "--number", "505550123", "--service", "116117"]);
    office.ends(0, &["audit", "verify"]);
    let path = office.store.state().join("audit.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("\"list\"") && !text.contains("505550123"), "{text}");
    std::fs::write(&path, text.replacen("116117", "116118", 1)).unwrap();
    assert!(office.ends(1, &["audit", "verify"]).contains("line 2: is not an entry, or was changed"));
    assert_eq!(office.run(&["audit", "verify", "--json"]).status.code(), Some(1));
}

#[test]
fn the_log_is_searched() {
    let office = Office::new();
    let (id, other) = (office.record(1, -20, 100), office.record(2, -20, 100));
    office.ends(0, &["hold", &id, "--reason", "crime", "--ref", "6400/R/1"]);
    office.ends(0, &["show", &other]);
    let me = office.json(&["audit", "show", "--json"])[0]["who"]["uid"].to_string();
    for (args, want) in [
        (&["--recording", &id, "--action", "hold"][..], 1),
        (&["--recording", &other, "--action", "hold"], 0),
        (&["--recording", &other, "--recording", &id, "--action", "hold", "--action", "show"], 2),
        (&[&id, "--action", "hold"], 1),
        (&["--person", "nobody-at-all"], 0),
        (&["--person", &me, "--action", "show"], 1),
        (&["--reason", "6400/r"], 1),
        (&["--action", "hold", "--until", "2000-01-01"], 0),
        (&["--action", "hold", "--since", "2000-01-01", "--until", "2999-01-01"], 1),
    ] {
        let found = office.json(&[&["audit", "show", "--json"], args].concat());
        assert_eq!(found.as_array().unwrap().len(), want, "{args:?}: {found}");
    }
    let csv = office.ends(0, &["audit", "show", "--action", "hold", "--csv"]);
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert!(lines[0].starts_with("seq,at,who,account,action,outcome,recordings,reason,ref,"), "{csv}");
    assert!(lines[1].contains(&format!(",hold,done,{id},crime,6400/R/1,,,")), "{csv}");
    assert!(office.ends(2, &["audit", "show", "--action", "holds"]).contains("no such action"));
}

#[test]
fn the_log_says_what_it_proves_and_is_confirmed_from_elsewhere() {
    let office = Office::new();
    office.record(1, -20, 100);
    (0..3).for_each(|_| drop(office.ends(0, &["list"])));
    let said = office.ends(0, &["audit", "verify"]);
    assert!(said.contains("3 entries, all of them signed") && said.contains("not excluded: "), "{said}");
    let verdict = office.json(&["audit", "verify", "--json"]);
    let (hash, key) =
        (verdict["head"]["hash"].as_str().unwrap(), verdict["first_key"]["key"].as_str().unwrap());
    let (whole, short) = (format!("3:{hash}"), format!("3:{}", &hash[..13]));
    for head in [&whole, &short] {
        let said = office.ends(0, &["audit", "verify", "--head", head, "--key", key]);
        assert!(said.contains("excluded: that all of the log") && said.contains("number 3"), "{said}");
    }
    let other = "0123456789abcdef".repeat(4);
    assert!(office.ends(1, &["audit", "verify", "--key", &other]).contains("has signed nothing here"));
    for head in [format!("3:{other}"), format!("4:{hash}")] {
        assert!(office.ends(1, &["audit", "verify", "--head", &head]).contains("seen elsewhere"));
    }
    for wrong in ["3", "3:abc", "x:0123456789abcdef", "0:0123456789abcdef"] {
        office.ends(2, &["audit", "verify", "--head", wrong]);
    }
    office.ends(2, &["audit", "verify", "--key", "abc"]);
}

#[test]
fn another_store_than_the_one_asked_for_is_refused() {
    let office = Office::new();
    let id = office.record(1, -200, -1);
    office.ends(0, &["list"]);
    let mark = std::fs::read(office.store.state().join("store-id")).unwrap();
    let mark = serde_json::from_slice::<Value>(&mark).unwrap()["store"].as_str().unwrap().to_owned();
    office.ends(0, &["list", "--set", &format!("storage.id={mark}")]);
    for command in ["list", "expire", "verify", "reindex"] {
        let said = office.ends(1, &[command, "--set", &format!("storage.id={id}")]);
        assert!(said.contains("mounted?") && said.contains(&mark), "{said}");
    }
    office.ends(2, &["list", "--set", "storage.id=mine"]);
    assert!(office.row(&id).is_some());
}

#[test]
fn the_anchor_follows() {
    let office = Office::new();
    let anchor = office.store.outside().join("anchor");
    let set = format!("audit.anchor={}", anchor.display());
    office.ends(0, &["list", "--set", &set]);
    assert!(std::fs::read_to_string(&anchor).unwrap().starts_with("{\"seq\":1,"));
    office.ends(0, &["audit", "verify", "--set", &set]);
    let lost = office.ends(0, &["list", "--set", "audit.anchor=/nonexistent/anchor"]);
    assert!(lost.contains("/nonexistent/anchor"), "{lost}");
    office.ends(2, &["list", "--set", "audit.anchor=relative"]);
}

/// Killed at some moment of a sweep, then run again: what was due is gone, the
/// rest is whole, and the log holds.
#[test]
fn killed_in_the_middle_of_a_sweep() {
    for round in 0..6u64 {
        let office = Office::new();
        let due: Vec<_> = (0..40).map(|n| office.record(n, -200, -1)).collect();
        let kept = office.record(99, -10, 100);
        office.ends(0, &["list"]);
        let mut child =
            office.command(&["expire"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(15 * (round + 1)));
        child.kill().unwrap();
        child.wait().unwrap();
        office.ends(0, &["expire"]);
        assert_eq!(office.store.files().len(), 2);
        assert!(office.row(&kept).is_some());
        office.ends(0, &["verify"]);
        let entries: Vec<_> =
            office.store.audit().entries().unwrap().filter(|e| e.action == "expire").collect();
        for id in &due {
            let id = id.parse().unwrap();
            assert!(entries.iter().any(|e| e.targets.contains(&id)), "each deletion is told");
        }
        // A crash between line and head, or inside a line, is told and accepted.
        office.ends(0, &["audit", "verify"]);
    }
}
