//! Acting, and listening on request with four eyes.

use crate::kit::{Client, Lab, Tape, day};
use serde_json::{Value, json};
use std::io::Read;
use uuid::Uuid;

const TEXT: &str = r#"
[[service]]
name = "clinic"
numbers = ["1"]
special_category = true
[room.roles.dpo]
find = "all"
act = ["export", "hold", "release", "restrict", "erase", "amend"]
download = true
[room.roles.clerk]
find = "all"
act = ["export"]
[room.roles.nurse]
hear = "own"
[room.roles.boss]
find = "all"
act = ["approve"]
"#;

fn lab() -> Lab {
    let lab = Lab::new(TEXT);
    for (name, role) in [("dpo", "dpo"), ("clerk", "clerk"), ("boss", "boss"), ("approver", "approver")] {
        lab.user(name, &["--role", role]);
    }
    lab.user("nurse", &["--role", "nurse", "--role", "approver", "--agent", "2001"]);
    lab
}

fn act(client: &Client, id: Uuid, act: &str, body: Value) -> (u16, Value) {
    let reply = client.post(&format!("/api/v1/recordings/{id}/{act}"), &body);
    (reply.status, reply.json())
}

#[test]
fn hold_release_restrict_erase() {
    let mut lab = lab();
    let id = lab.record(&Tape::new("general", "2001"));
    let late = lab.record(&Tape { until: day(-1), ..Tape::new("general", "2001") });
    lab.open();
    let dpo = lab.client("dpo");
    let kind = |(status, body): (u16, Value)| (status, body["type"].as_str().unwrap_or_default().to_owned());
    let hold = json!({ "reason": "crime", "ref": "6400/R/1/26" });
    let (status, held) = act(&dpo, id, "hold", hold.clone());
    assert_eq!(
        (status, &held["state"], &held["retention"]["hold"]["by"]),
        (200, &"held".into(), &"dpo".into())
    );
    assert_eq!(act(&dpo, id, "hold", hold).0, 200, "again is no mistake");
    assert_eq!(
        kind(act(&dpo, id, "hold", json!({ "reason": "fun", "ref": "1" }))),
        (400, "bad-request".into())
    );
    assert_eq!(kind(act(&dpo, id, "hold", json!({ "reason": "crime" }))), (400, "bad-request".into()));
    assert_eq!(
        kind(act(&dpo, id, "hold", json!({ "reason": "crime", "ref": " " }))),
        (400, "bad-request".into())
    );
    assert_eq!(kind(act(&dpo, id, "erase", json!({ "reason": "asked for" }))), (409, "held".into()));
    assert_eq!(kind(act(&dpo, id, "release", json!({ "ref": "another" }))), (409, "conflict".into()));
    assert_eq!(act(&dpo, id, "release", json!({ "ref": "6400/R/1/26" })).0, 200);
    assert_eq!(kind(act(&dpo, id, "release", json!({}))), (409, "conflict".into()));
    let (status, closed) = act(&dpo, id, "restrict", json!({ "ref": "17" }));
    assert_eq!((status, &closed["state"]), (200, &"restricted".into()));
    let copy = json!({ "reason": "x", "to": lab.outside().join("copy") });
    assert_eq!(kind(act(&dpo, id, "export", copy.clone())), (409, "restricted".into()));
    assert_eq!(act(&dpo, id, "unrestrict", json!({ "ref": "17" })).0, 200);
    assert_eq!(act(&dpo, id, "export", copy).0, 200);
    // Past its term: a hold keeps it, and a release that lets it go is said twice.
    assert_eq!(act(&dpo, late, "hold", json!({ "reason": "dsar", "ref": "2" })).0, 200);
    assert_eq!(kind(act(&dpo, late, "release", json!({ "ref": "2" }))), (409, "past-term".into()));
    assert_eq!(act(&dpo, late, "release", json!({ "ref": "2", "yes": true })).0, 200);
    let (status, body) = act(&dpo, id, "erase", json!({ "reason": "asked", "refuse": "GDPR 17(3)(b)" }));
    assert_eq!((status, &body["erased"]), (200, &false.into()));
    assert_eq!(act(&dpo, id, "erase", json!({ "reason": "asked for" })).0, 200);
    assert_eq!(dpo.get(&format!("/api/v1/recordings/{id}")).status, 404);
    let clerk = lab.client("clerk");
    for what in ["hold", "release", "restrict", "unrestrict", "erase"] {
        let body = match what {
            "hold" => json!({ "reason": "crime", "ref": "1" }),
            "erase" => json!({ "reason": "x" }),
            _ => json!({ "ref": "1" }),
        };
        assert_eq!(kind(act(&clerk, late, what, body)), (403, "forbidden".into()), "{what}");
    }
    for action in ["hold", "release", "restrict", "unrestrict", "erase", "export"] {
        let told = lab.told(action, "dpo");
        assert!(told.iter().any(|e| e["outcome"] == "done"), "{action}");
        assert!(told.iter().all(|e| e["who"]["address"] == "127.0.0.1"), "{action}");
    }
    lab.close();
}

#[test]
fn what_is_known_is_corrected_and_what_was_stays() {
    let mut lab = lab();
    let id = lab.record(&Tape::new("general", "2001"));
    lab.open();
    let (dpo, clerk, nurse) = (lab.client("dpo"), lab.client("clerk"), lab.client("nurse"));
    assert_eq!(nurse.get(&format!("/api/v1/recordings/{id}/audio")).status, 200);
    let body =
        json!({ "ref": "17", "agent": "2002", "agent_name": "K. Laine", "note": "<b>She</b> gave 14.3." });
    let (status, now) = act(&dpo, id, "amend", body.clone());
    assert_eq!((status, &now["agent"]), (200, &json!({ "id": "2002", "name": "K. Laine" })));
    let one = &now["amendments"][0];
    assert_eq!(one["was"], json!({ "agent.id": "2001", "agent.name": "M. Virtanen" }));
    assert_eq!((&one["by"], &one["ref"]), (&json!("dpo"), &json!("17")));
    // It is another's now, also to those who hear by whose it is.
    assert_eq!(nurse.get(&format!("/api/v1/recordings/{id}/audio")).status, 404);
    let page = dpo.get(&format!("/recordings/{id}")).text();
    assert!(page.contains("M. Virtanen") && page.contains("&lt;b&gt;She"), "{page}");
    for wrong in [
        json!({ "ref": "17" }),
        json!({ "ref": " ", "agent": "1" }),
        json!({ "ref": "17", "number": "a12345" }),
        json!({ "ref": "17", "note": "" }),
        json!({ "ref": "17", "service": "x" }),
    ] {
        assert_eq!(act(&dpo, id, "amend", wrong.clone()).0, 400, "{wrong}");
    }
    assert_eq!(act(&clerk, id, "amend", body).0, 403);
    let told = lab.told("amend", "dpo");
    let done: Vec<_> = told.iter().filter(|e| e["outcome"] == "done").collect();
    assert_eq!(done.len(), 1);
    assert_eq!(done[0]["detail"], json!({ "keys": ["agent.id", "agent.name", "note"] }));
    let log = serde_json::to_string(&told).unwrap();
    assert!(!log.contains("14.3") && !log.contains("Virtanen"), "{log}");
    lab.close();
}

#[test]
fn copies_by_browser_and_to_a_folder() {
    let mut lab = lab();
    let exports = lab.outside().join("exports");
    std::fs::create_dir(&exports).unwrap();
    lab = lab.set("room.exports", exports.to_str().unwrap());
    let id = lab.record(&Tape::new("general", "2001"));
    lab.open();
    let (dpo, clerk) = (lab.client("dpo"), lab.client("clerk"));
    let body = json!({ "reason": "request 17", "recipient": "police", "basis": "806/2011", "start": 0.25, "end": 0.5,
        "silence": "agent" });
    let reply = dpo.post(&format!("/api/v1/recordings/{id}/export"), &body);
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("application/zip")),
        "{}",
        reply.text()
    );
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&reply.body)).unwrap();
    let names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    let wav = names.iter().find(|name| name.ends_with(".wav")).unwrap();
    let mut bytes = Vec::new();
    zip.by_name(wav).unwrap().read_to_end(&mut bytes).unwrap();
    let samples: Vec<i16> =
        hound::WavReader::new(&bytes[..]).unwrap().into_samples().map(Result::unwrap).collect();
    let whole = Tape::new("general", "2001").samples;
    assert_eq!(samples.len(), 4_000);
    assert!(
        samples.iter().step_by(2).eq(whole[4_000..8_000].iter().step_by(2)),
        "the customer from 0.25 s on"
    );
    assert!(samples.iter().skip(1).step_by(2).all(|s| *s == 0), "the agent is silenced");
    let told = &lab.told("export", "dpo")[0];
    assert_eq!((&told["recipient"], &told["basis"]), (&"police".into(), &"806/2011".into()));
    let reply = dpo.post(
        &format!("/api/v1/recordings/{id}/export"),
        &json!({ "reason": "request 18", "format": "vcon" }),
    );
    let zip = zip::ZipArchive::new(std::io::Cursor::new(&reply.body)).unwrap();
    let names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert!(names.len() == 2 && names.iter().any(|name| name.ends_with(".vcon")), "{names:?}");
    assert_eq!(lab.told("export", "dpo")[1]["detail"]["format"], "vcon");
    let left = std::fs::read_dir(std::env::temp_dir()).unwrap().filter_map(Result::ok).filter(|entry| {
        entry.file_name().to_string_lossy().starts_with("nauhuri-") && entry.path().join("copy").is_dir()
    });
    assert_eq!(left.count(), 0, "nothing is left behind");
    // Without the right to download: a folder of the house only.
    let (status, problem) = act(&clerk, id, "export", json!({ "reason": "x" }));
    assert_eq!((status, &problem["type"]), (403, &"forbidden".into()));
    for to in [
        "../up",
        "relative",
        "/etc/nauhuri",
        exports.join("../aside").to_str().unwrap(),
        lab.root.join("inside").to_str().unwrap(),
        lab.state().join("x").to_str().unwrap(),
    ] {
        assert_eq!(act(&clerk, id, "export", json!({ "reason": "x", "to": to })).0, 400, "{to}");
    }
    let to = exports.join("17");
    let (status, done) = act(&clerk, id, "export", json!({ "reason": "x", "to": to }));
    assert_eq!((status, done["recordings"].as_u64()), (200, Some(1)));
    assert!(to.join("manifest.json").is_file());
    assert_eq!(act(&clerk, id, "export", json!({ "reason": "x", "to": to })).0, 409, "never over another");
    for body in [
        json!({}),
        json!({ "reason": "" }),
        json!({ "reason": "x", "start": -1.0 }),
        json!({ "reason": "x", "start": 2.0, "end": 1.0 }),
        json!({ "reason": "x", "silence": "both" }),
        json!({ "reason": "x", "format": "pdf" }),
        json!({ "reason": "x", "start": 5.0, "to": exports.join("18") }),
        json!({ "reason": "x", "more": 1 }),
    ] {
        assert_eq!(act(&dpo, id, "export", body.clone()).0, 400, "{body}");
    }
    lab.close();
}

#[test]
fn listening_on_request_and_a_copy_with_four_eyes() {
    let mut lab = lab();
    let id = lab.record(&Tape::new("clinic", "2001"));
    let other = lab.record(&Tape::new("clinic", "2001"));
    lab.open();
    let (nurse, approver, dpo) = (lab.client("nurse"), lab.client("approver"), lab.client("dpo"));
    let hear = |client: &Client, id: Uuid, query: &str| {
        let reply = client.get(&format!("/api/v1/recordings/{id}/audio{query}"));
        (reply.status, if reply.status == 200 { String::new() } else { reply.kind() })
    };
    assert_eq!(hear(&nurse, id, ""), (403, "request-missing".into()));
    assert_eq!(hear(&nurse, id, "?reason=verify"), (403, "request-missing".into()));
    assert_eq!(hear(&nurse, id, "?reason=fun"), (400, "bad-request".into()));
    let item = nurse.get(&format!("/api/v1/recordings/{id}")).json();
    assert_eq!((&item["may"], &item["hearing_needs"]), (&json!(["request"]), &"request".into()));
    let ask = |client: &Client, reason: &str, ids: &[Uuid]| {
        client.post("/api/v1/requests", &json!({ "recordings": ids, "reason": reason, "ref": "HEL 2026-1" }))
    };
    assert_eq!(
        ask(&nurse, "quality", &[id]).problem(),
        (403, "reason-refused".into()),
        "health and social services"
    );
    assert_eq!(ask(&nurse, "fun", &[id]).status, 400);
    assert_eq!(ask(&nurse, "verify", &[]).status, 400);
    assert_eq!(ask(&nurse, "verify", &[id, Uuid::now_v7()]).status, 404);
    let n = ask(&nurse, "verify", &[id]);
    assert_eq!(n.status, 201, "{}", n.text());
    let n = n.json()["n"].as_i64().unwrap();
    let until = json!({ "until": day(1).to_rfc3339() });
    let approve =
        |client: &Client, n: i64, body: &Value| client.post(&format!("/api/v1/requests/{n}/approve"), body);
    assert_eq!(
        approve(&nurse, n, &until).problem(),
        (403, "own-request".into()),
        "with the right to approve"
    );
    assert_eq!(approve(&dpo, n, &until).problem(), (403, "forbidden".into()));
    assert_eq!(approve(&approver, 999, &until).status, 404);
    assert_eq!(approve(&approver, n, &json!({ "until": day(-1).to_rfc3339() })).status, 400);
    assert_eq!(hear(&nurse, id, "").0, 403, "asked is not granted");
    let granted = approve(&approver, n, &until);
    assert_eq!((granted.status, &granted.json()["state"]), (200, &"approved".into()));
    assert_eq!(hear(&nurse, id, "").0, 200);
    assert_eq!(hear(&nurse, other, ""), (403, "request-missing".into()), "this one only");
    assert_eq!(hear(&approver, id, "").0, 404, "and he only");
    assert_eq!(approve(&approver, n, &until).status, 409);
    let refuse = |n: i64, body: Value| approver.post(&format!("/api/v1/requests/{n}/refuse"), &body);
    let second = ask(&nurse, "complaint", &[other]).json()["n"].as_i64().unwrap();
    assert_eq!(refuse(second, json!({ "why": "" })).status, 400);
    assert_eq!(refuse(second, json!({ "why": "no ground" })).status, 200);
    assert_eq!(hear(&nurse, other, "").0, 403);
    // A copy of a special category.
    let copy = |id: Uuid| act(&dpo, id, "export", json!({ "reason": "x" }));
    let (status, problem) = copy(id);
    assert_eq!((status, &problem["type"]), (403, &"request-missing".into()));
    let third = ask(&dpo, "dsar", &[id]).json()["n"].as_i64().unwrap();
    assert_eq!(approve(&approver, third, &until).status, 200);
    let reply = dpo.post(&format!("/api/v1/recordings/{id}/export"), &json!({ "reason": "x" }));
    assert_eq!(reply.status, 200);
    assert_eq!(hear(&dpo, id, "").1, "forbidden", "a copy is not a right to hear");
    // One's own only; all for whoever decides.
    let listed = |client: &Client| client.get("/api/v1/requests").json()["items"].as_array().unwrap().len();
    assert_eq!((listed(&dpo), listed(&approver)), (1, 3));
    for (action, who) in [("request", "nurse"), ("approve", "approver"), ("refuse", "approver")] {
        assert!(lab.told(action, who).iter().any(|e| e["outcome"] == "done"), "{action}");
    }
    lab.close();
}
