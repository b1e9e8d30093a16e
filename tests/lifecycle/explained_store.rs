//! `nauhuri explain` without a capture: what the store, the register and the technical log say of a call.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene};
use crate::common::run::nauhuri;
use crate::common::voice::Voice;
use serde_json::Value;
use std::process::Output;

struct Kept(tempfile::TempDir);

impl Kept {
    /// A call to agent 2001 at 08:15:24 UTC, ten seconds before one to nobody's number.
    fn new() -> Kept {
        let kept = Kept(tempfile::tempdir().unwrap());
        let config = format!(
            "[agents]\nextensions = [\"2000-2999\"]\n[service_default]\nretention = \"5 years\"\n[storage]\ndir = \"{}\"\n",
            kept.0.path().join("store").display()
        );
        std::fs::write(kept.0.path().join("nauhuri.toml"), config).unwrap();
        let mut s = Scene::new();
        for (n, to) in [(1, "2001"), (2, "+358409998888")] {
            let d = Dialog::new(n);
            let d = Dialog { to: d.to.replace("2001", to), uri: d.uri.replace("2001", to), ..d };
            let at = 10_000.0 * f64::from(n - 1);
            d.answered(&mut s, at, at + 1000.0);
            for side in [Caller, Callee] {
                s.media(&Voice::of(&d, side, 3).talk(at + 1000.0, at + 3000.0));
            }
            d.bye(&mut s, at + 3000.0, Caller);
        }
        let capture = kept.0.path().join("calls.pcap");
        s.save(&capture);
        assert!(kept.run(&["replay", capture.to_str().unwrap()]).status.success());
        kept
    }

    fn run(&self, args: &[&str]) -> Output {
        nauhuri().args(args).arg("--config").arg(self.0.path().join("nauhuri.toml")).output().unwrap()
    }

    #[track_caller]
    fn says(&self, args: &[&str]) -> String {
        let out = self.run(args);
        let said = String::from_utf8(out.stdout).unwrap();
        assert!(out.status.success(), "{said}{}", String::from_utf8_lossy(&out.stderr));
        said
    }
}

#[test]
fn a_recording_and_a_call_that_was_left_out_are_explained_with_the_log() {
    let kept = Kept::new();
    let all: Value = serde_json::from_str(&kept.says(&["list", "--json"])).unwrap();
    let id = all[0]["id"].as_str().unwrap();
    let left_out: Value = serde_json::from_str(&kept.says(&["unrecorded", "--json"])).unwrap();
    let hash = left_out[0]["call"].as_str().unwrap();
    let log = kept.0.path().join("technical.log");
    let lines = format!(
        "INFO recording recording={id} service=general\nINFO another\nINFO call not to be recorded call={hash}\n"
    );
    std::fs::write(&log, lines).unwrap();
    let log = log.to_str().unwrap();
    for asked in [id, &id[28..], "2026-11-23 08:15:25"] {
        let said = kept.says(&["explain", asked, "--log", log]);
        assert!(said.contains("recorded, ") && said.contains("service general, agent 2001"), "{said}");
        assert!(said.contains("log: INFO recording recording=") && !said.contains("another"), "{said}");
    }
    for asked in ["ladder-2", hash, "2026-11-23T08:15:34Z"] {
        let said = kept.says(&["explain", asked, "--log", log]);
        assert!(said.contains("not recorded, no_agent: No agent takes part."), "{said}");
        assert!(said.contains("log: INFO call not to be recorded") && !said.contains("9998888"), "{said}");
    }
    let json: Value =
        serde_json::from_str(&kept.says(&["explain", "2026-11-23 08:15", "--log", log, "--json"])).unwrap();
    assert_eq!(json["calls"].as_array().unwrap().len(), 2);
    let none = kept.run(&["explain", "nobody@example.com", "--log", log]);
    let said = String::from_utf8(none.stderr).unwrap();
    assert_eq!(none.status.code(), Some(1), "{said}");
    assert!(said.contains("the recorder did not see it answered"), "{said}");
    let audit = kept.says(&["audit", "show", "--json"]);
    assert!(audit.contains("explain"), "each look is an entry: {audit}");
}
