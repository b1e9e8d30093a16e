//! Requests of data subjects: who may keep them, what a page and the API show of them.

use crate::kit::{Client, Lab, Reply, Tape};
use serde_json::{Value, json};
use std::io::Read;

const TEXT: &str = r#"
[controller]
name = "City of Mallila"
contact = "registry@mallila.example"
[[service]]
name = "clinic"
numbers = ["1"]
special_category = true
[room.roles.dpo]
find = "all"
act = ["export", "hold", "release", "restrict", "erase", "dsar"]
download = true
[room.roles.registrar]
find = "own"
act = ["dsar"]
[room.roles.clerk]
find = "all"
act = ["export", "erase", "restrict", "audit", "approve", "people"]
[room.roles.agent]
hear = "own"
"#;

/// Stored markup: shown as it was written, never as markup.
const NAME: &str = "Aino <b>Rekisteröity</b>";

fn lab() -> Lab {
    let lab = Lab::new(TEXT);
    for role in ["dpo", "registrar", "clerk", "agent", "admin", "auditor", "approver", "maintenance"] {
        lab.user(role, &["--role", role, "--agent", "2001"]);
    }
    lab
}

fn today(days: i64) -> String {
    crate::kit::day(days).to_rfc3339()[..10].to_owned()
}

fn new(right: &str, more: Value) -> Value {
    let mut body = json!({ "right": right, "received": today(-2), "channel": "letter", "ref": "17/2026",
        "language": "en", "name": NAME, "address": "Street 7\n00100 Helsinki", "number": "+358 40 765 4321" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn take(client: &Client, right: &str, more: Value) -> i64 {
    let reply = client.post("/api/v1/dsar", &new(right, more));
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()["n"].as_i64().unwrap()
}

/// Every call about request `n`.
fn calls(client: &Client, n: &str) -> Vec<(String, Reply)> {
    let path = format!("/api/v1/dsar/{n}");
    let bodies = [
        ("change", json!({ "ask_identity": true })),
        ("extend", json!({ "months": 1, "why": "x" })),
        ("decide", json!({ "outcome": "refused", "ground": "x" })),
        ("copy", json!({})),
    ];
    let mut all = vec![
        ("one".to_owned(), client.get(&path)),
        ("letter".to_owned(), client.get(&format!("{path}/letter?kind=receipt"))),
        ("page".to_owned(), client.get(&format!("/dsar/{n}"))),
        ("printed".to_owned(), client.get(&format!("/dsar/{n}/letter/receipt"))),
    ];
    all.extend(
        bodies.iter().map(|(what, body)| (what.to_string(), client.post(&format!("{path}/{what}"), body))),
    );
    all
}

#[test]
fn who_may_keep_them() {
    let mut lab = lab();
    let id = lab.record(&Tape::new("general", "2001"));
    let other = lab.record(&Tape::new("general", "2002"));
    lab.open();
    let dpo = lab.client("dpo");
    let n = take(&dpo, "access", json!({ "recordings": [id] }));
    for role in ["clerk", "agent", "admin", "auditor", "approver", "maintenance"] {
        let client = lab.client(role);
        for (mine, none) in calls(&client, &n.to_string()).into_iter().zip(calls(&client, "999")) {
            assert_eq!(mine.1.status, 403, "{role}: {}", mine.0);
            assert_eq!(mine.1.shape(), none.1.shape(), "{role}: {}: whether it is there is not told", mine.0);
        }
        assert_eq!(client.get("/api/v1/dsar").status, 403, "{role}");
        assert_eq!(client.get("/dsar").status, 403, "{role}");
        assert_eq!(client.post("/api/v1/dsar", &new("access", json!({}))).status, 403, "{role}");
        assert!(!client.get("/recordings").text().contains("href=\"/dsar\""), "{role}");
    }
    // The book is his; a recording that he may not find is none to him, and he erases nothing.
    let registrar = lab.client("registrar");
    let hidden = registrar.post("/api/v1/dsar", &new("erase", json!({ "recordings": [other] })));
    let nobody =
        registrar.post("/api/v1/dsar", &new("erase", json!({ "recordings": [uuid::Uuid::now_v7()] })));
    assert_eq!((hidden.status, hidden.shape()), (404, nobody.shape()));
    let own = take(&registrar, "erase", json!({ "recordings": [id], "identity": "passport" }));
    let granted = json!({ "outcome": "granted" });
    let erased = registrar.post(&format!("/api/v1/dsar/{own}/decide"), &granted);
    assert_eq!(erased.problem(), (403, "forbidden".into()));
    assert_eq!(registrar.get(&format!("/api/v1/dsar/{own}")).json()["state"], "open");
    assert_eq!(dpo.get(&format!("/api/v1/recordings/{id}")).status, 200, "nothing was erased");
    for (what, reply) in calls(&dpo, "999") {
        assert_eq!(reply.status, 404, "{what}: {}", reply.text());
    }
    for n in ["x", "-1", "99999999999999999999", "1%00"] {
        assert_eq!(dpo.get(&format!("/api/v1/dsar/{n}")).status, 404, "{n}");
    }
    let told = lab.told("dsar_add", "dpo");
    assert_eq!((&told[0]["detail"]["dsar"], &told[0]["ref"]), (&json!(n), &json!("17/2026")));
    assert!(lab.told("dsar_show", "clerk").iter().all(|e| e["outcome"] == "refused"));
    let log = std::fs::read_to_string(lab.state().join("audit.jsonl")).unwrap();
    assert!(
        !log.contains("Aino") && !log.contains("7654321") && !log.contains("passport"),
        "no name in the log"
    );
    // A token reaches as far as it says.
    let until = json!({ "label": "x", "scope": ["read"], "until": today(30) });
    let secret = dpo.post("/api/v1/tokens", &until).json()["token"].as_str().unwrap().to_owned();
    let token = Client { cookie: None, bearer: Some(secret), ..dpo.clone() };
    assert_eq!(token.get("/api/v1/dsar").status, 403);
    lab.close();
}

#[test]
fn from_the_letter_to_the_answer() {
    let mut lab = lab();
    let id = lab.record(&Tape::new("general", "2001"));
    let clinic = lab.record(&Tape::new("clinic", "2001"));
    let held = lab.record(&Tape::new("general", "2003"));
    lab.open();
    let dpo = lab.client("dpo");
    let agent = lab.client("agent");
    assert_eq!(agent.get(&format!("/api/v1/recordings/{id}/audio")).status, 200);
    let n = take(&dpo, "access", json!({ "recordings": [id], "ask_identity": true }));
    let path = format!("/api/v1/dsar/{n}");
    assert_eq!(dpo.post(&format!("{path}/copy"), &json!({})).problem(), (409, "conflict".into()));
    let extended = dpo.post(&format!("{path}/extend"), &json!({ "months": 2, "why": "Many calls." }));
    assert_eq!((extended.status, &extended.json()["extended"]["months"]), (200, &json!(2)));
    assert_eq!(dpo.post(&format!("{path}/extend"), &json!({ "months": 3, "why": "x" })).status, 400);
    assert_eq!(dpo.post(&format!("{path}/extend"), &json!({ "months": 1, "why": "x" })).status, 409);
    assert_eq!(dpo.post(&format!("{path}/change"), &json!({})).status, 400);
    let known = dpo.post(&format!("{path}/change"), &json!({ "identity": "passport" }));
    assert_eq!((known.status, &known.json()["identity"]["by"]), (200, &json!("dpo")), "{}", known.text());
    let copy = dpo.post(&format!("{path}/copy"), &json!({ "silence": "agent", "without_names": true }));
    assert_eq!((copy.status, copy.header("content-type")), (200, Some("application/zip")), "{}", copy.text());
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&copy.body)).unwrap();
    let mut usage = String::new();
    zip.by_name("usage.txt").unwrap().read_to_string(&mut usage).unwrap();
    assert!(usage.contains("employee 1: listened to") && !usage.contains("agent:"), "{usage}");
    let decided = dpo.post(&format!("{path}/decide"), &json!({ "outcome": "granted" }));
    assert_eq!((decided.status, &decided.json()["state"]), (200, &json!("decided")));
    assert_eq!(dpo.post(&format!("{path}/decide"), &json!({ "outcome": "granted" })).status, 409);
    let letter = dpo.get(&format!("{path}/letter?kind=answer")).json();
    assert!(letter["text"].as_str().unwrap().contains("City of Mallila"));
    assert_eq!(dpo.get(&format!("{path}/letter?kind=certificate")).status, 409);
    assert_eq!(dpo.get(&format!("{path}/letter?kind=love")).status, 404);
    // On the page, and in the letter: what was written is no markup.
    for page in [format!("/dsar/{n}"), format!("/dsar/{n}/letter/receipt")] {
        let text = dpo.get(&page).text();
        assert!(text.contains("Aino &lt;b&gt;Rekisteröity") && !text.contains("<b>Rek"), "{page}: {text}");
    }
    assert!(dpo.get("/dsar?lang=en").text().contains("There are no requests"));
    assert!(dpo.get("/dsar?all=1").text().contains("17/2026"));
    // A copy of a special category takes four eyes here as well.
    let second = take(&dpo, "access", json!({ "recordings": [clinic], "identity": "passport" }));
    let copy = dpo.post(&format!("/api/v1/dsar/{second}/copy"), &json!({}));
    assert_eq!(copy.problem(), (403, "request-missing".into()));
    assert_eq!(dpo.get(&format!("/api/v1/dsar/{second}")).json()["prior"], 1, "he has asked before");
    // A hold wins, and puts off.
    let hold = json!({ "reason": "crime", "ref": "A" });
    assert_eq!(dpo.post(&format!("/api/v1/recordings/{held}/hold"), &hold).status, 200);
    let third = take(&dpo, "erase", json!({ "recordings": [held], "identity": "passport" }));
    let decide = |body: Value| dpo.post(&format!("/api/v1/dsar/{third}/decide"), &body);
    assert_eq!(decide(json!({ "outcome": "granted" })).problem(), (409, "held".into()));
    assert_eq!(decide(json!({ "outcome": "deferred" })).status, 400, "on no ground");
    assert_eq!(decide(json!({ "outcome": "later" })).status, 400);
    let put_off = decide(json!({ "outcome": "deferred", "ground": "GDPR Art. 17(3)(e)" }));
    assert_eq!((put_off.status, &put_off.json()["state"]), (200, &json!("deferred")), "{}", put_off.text());
    assert_eq!(dpo.post(&format!("/api/v1/recordings/{held}/release"), &json!({ "ref": "A" })).status, 200);
    assert_eq!(dpo.get(&format!("/api/v1/dsar/{third}")).json()["state"], "resumed");
    assert_eq!(decide(json!({ "outcome": "granted" })).status, 200);
    assert_eq!(dpo.get(&format!("/api/v1/recordings/{held}")).status, 404, "erased");
    for wrong in [
        new("copy", json!({})),
        new("access", json!({ "received": today(2) })),
        new("access", json!({ "channel": "dove" })),
        new("access", json!({ "name": " " })),
        new("access", json!({ "number": "a12345" })),
        new("access", json!({ "language": "de" })),
        new("access", json!({ "more": 1 })),
    ] {
        assert_eq!(dpo.post("/api/v1/dsar", &wrong).status, 400, "{wrong}");
    }
    lab.close();
}
