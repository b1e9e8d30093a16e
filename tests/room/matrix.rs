//! The matrix against the running room: five notices x roles x recordings, through every
//! route; and what may not be found is exactly what is not there.

use crate::kit::{Client, Lab, Tape, day};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

const BUILDING: &str = "building control";

/// Roles, the service of the own recordings, and a cell for each recording: f found and seen, h heard at once,
/// r heard once a request is approved, e exported, k held, x erased.
type Rows = &'static [(&'static str, [&'static str; 7])];

const NONE: [&str; 7] = [""; 7];
const OWN: [&str; 7] = ["fh", "", "", "", "f", "f", ""];
const ALL: [&str; 7] = ["fh", "fh", "fh", "fh", "f", "f", "fh"];
const ASKED: [&str; 7] = ["fr", "fr", "fr", "fr", "f", "f", "fr"];
const DPO: [&str; 7] = ["fekx", "fekx", "fekx", "fekx", "fkx", "fkx", "fekx"];

fn notice(name: &str) -> String {
    let path = format!("{}/config/examples/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn run(name: &str, service: &'static str, rows: Rows) {
    let mut lab = Lab::new(&notice(name));
    if name == "helsinki-sv" {
        for role in ["office", "office-on-request"] {
            lab = lab.set(&format!("room.roles.{role}.networks"), "127.0.0.0/8");
        }
    }
    let own = Tape::new(service, "2001");
    let tapes = [
        ("own", own.clone()),
        ("team's", Tape::new(service, "2002")),
        ("other's", Tape::new(service, "2003")),
        ("another office's", Tape::new("general", "2003")),
        ("restricted", own.clone()),
        ("past its term", Tape { until: day(-1), ..own.clone() }),
        // The call began with the own one and was passed on.
        ("transferred", Tape { at: own.at, ..Tape::new(service, "2003") }),
    ];
    let ids: Vec<(&str, Uuid)> = tapes.iter().map(|(which, tape)| (*which, lab.record(tape))).collect();
    for (agent, team) in [("2002", "north"), ("2003", "south")] {
        lab.user(&format!("agent{agent}"), &["--role", "agent", "--agent", agent, "--team", team]);
    }
    for (role, _) in rows {
        let words = ["--role", role, "--agent", "2001", "--team", "north", "--office", BUILDING];
        lab.user(role, &words);
    }
    lab.done(&["restrict", &ids[4].1.to_string(), "--ref", "1"], "");
    lab.open();
    for (role, want) in rows {
        let client = lab.client(role);
        let listed = everything(&client);
        for ((which, id), want) in ids.iter().zip(want) {
            cell(&lab, &client, &listed, *id, want, &format!("{name}, {role}, {which}"));
        }
        let found = want.iter().filter(|cell| cell.contains('f')).count();
        assert_eq!(listed.len(), found, "{name}, {role}: not a row more");
    }
    lab.close();
}

/// All pages of the list, two a page.
fn everything(client: &Client) -> BTreeMap<String, Value> {
    let (mut all, mut cursor, mut pages) = (BTreeMap::new(), String::new(), 0);
    loop {
        let page = client.get(&format!("/api/v1/recordings?limit=2&cursor={cursor}"));
        assert_eq!(page.status, 200, "{}", page.text());
        let page = page.json();
        let items = page["items"].as_array().unwrap();
        for item in items {
            let twice = all.insert(item["id"].as_str().unwrap().to_owned(), item.clone());
            assert!(twice.is_none());
        }
        pages += 1;
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return all,
        }
        assert!(!items.is_empty() && pages < 20, "a page that leads on is not empty");
    }
}

fn cell(lab: &Lab, client: &Client, listed: &BTreeMap<String, Value>, id: Uuid, want: &str, what: &str) {
    let path = format!("/api/v1/recordings/{id}");
    let has = |c: char| want.contains(c);
    assert_eq!(listed.contains_key(&id.to_string()), has('f'), "{what}: listed");
    if !has('f') {
        return hidden(client, id, what);
    }
    let one = client.get(&path);
    assert_eq!(one.status, 200, "{what}: {}", one.text());
    let may = |word: &str| one.json()["may"].as_array().unwrap().contains(&word.into());
    assert_eq!(one.json()["may"], listed[&id.to_string()]["may"], "{what}");
    let words = [("hear", 'h'), ("export", 'e'), ("hold", 'k'), ("erase", 'x'), ("request", 'r')];
    for (word, letter) in words {
        assert_eq!(may(word), has(letter), "{what}: {word} of {}", one.json()["may"]);
    }
    let heard = if has('h') { 200 } else { 403 };
    assert_eq!(client.get(&format!("{path}/audio")).status, heard, "{what}: heard");
    let part = client.call("GET", &format!("{path}/audio"), None, &[("Range", "bytes=100-199")]);
    assert_eq!(part.status, if has('h') { 206 } else { 403 }, "{what}: heard in part");
    assert_eq!(client.get(&format!("{path}/peaks")).status, heard, "{what}: waveform");
    if has('r') {
        assert_eq!(client.get(&format!("{path}/audio")).kind(), "request-missing", "{what}");
    }
    // What is not allowed is not done; what is, is done elsewhere, for it changes the recording.
    let to = lab.outside().join(format!("copy-{id}-{}", Uuid::now_v7()));
    let acts = [
        ("export", 'e', json!({ "to": to, "reason": "x" })),
        ("hold", 'k', json!({ "reason": "crime", "ref": "1" })),
        ("erase", 'x', json!({ "reason": "x" })),
        ("restrict", '-', json!({ "ref": "1" })),
        ("amend", '-', json!({ "ref": "1", "note": "x" })),
        ("training", '-', json!({ "title": "x" })),
    ];
    for (act, letter, body) in acts {
        let allowed = may(if act == "restrict" { "restrict" } else { act });
        assert!(allowed || letter == '-' || !has(letter));
        if !allowed {
            let status = client.post(&format!("{path}/{act}"), &body).status;
            assert!([403, 409].contains(&status), "{what}: {act} gave {status}");
        }
    }
    if has('e') {
        let copy = client.post(&format!("{path}/export"), &json!({ "to": to, "reason": "x" }));
        assert_eq!(copy.status, 200, "{what}: {}", copy.text());
        assert!(to.join("manifest.json").is_file());
    } else {
        assert!(!to.exists(), "{what}: nothing left the store");
    }
}

/// Whatever is tried, the answer is the one for a recording that does not exist.
fn hidden(client: &Client, id: Uuid, what: &str) {
    let nobody = Uuid::now_v7();
    let short = |id: Uuid| nauhuri::id::short_hex(id);
    let body = json!({ "reason": "crime", "ref": "1" });
    let paths = |id: &str| {
        let base = format!("/api/v1/recordings/{id}");
        [
            base.clone(),
            format!("{base}/peaks"),
            format!("{base}/audio"),
            format!("{base}/audio?reason=verify"),
        ]
    };
    for (hidden, none) in [
        (id.simple().to_string(), nobody.simple().to_string()),
        (id.to_string().to_uppercase(), nobody.to_string().to_uppercase()),
        (short(id), short(nobody)),
    ] {
        let (mine, other) = (&paths(&hidden)[0], &paths(&none)[0]);
        let reply = client.get(mine);
        assert_eq!((reply.status, reply.shape()), (404, client.get(other).shape()), "{what}: {mine}");
    }
    {
        let (hidden, none) = (id.to_string(), nobody.to_string());
        for (mine, other) in paths(&hidden).into_iter().zip(paths(&none)) {
            let reply = client.get(&mine);
            assert_eq!(reply.status, 404, "{what}: {mine}");
            assert_eq!(reply.shape(), client.get(&other).shape(), "{what}: {mine}");
            let range = [("Range", "bytes=0-9")];
            let part = client.call("GET", &mine, None, &range);
            assert_eq!(part.shape(), client.call("GET", &other, None, &range).shape(), "{what}: {mine}");
            assert_eq!(client.call("HEAD", &mine, None, &[]).status, 404, "{what}: {mine}");
        }
        for act in ["hold", "release", "restrict", "unrestrict", "amend", "erase", "export", "training"] {
            let body = match act {
                "training" => json!({ "title": "x" }),
                "erase" | "export" => json!({ "reason": "x" }),
                "hold" => body.clone(),
                "amend" => json!({ "ref": "1", "note": "x" }),
                _ => json!({ "ref": "1" }),
            };
            let mine = client.post(&format!("/api/v1/recordings/{hidden}/{act}"), &body);
            let other = client.post(&format!("/api/v1/recordings/{none}/{act}"), &body);
            assert_eq!((mine.status, mine.shape()), (404, other.shape()), "{what}: {act}");
        }
        let ask = |id: &str| json!({ "recordings": [id], "reason": "verify", "ref": "1" });
        let mine = client.post("/api/v1/requests", &ask(&hidden));
        let other = client.post("/api/v1/requests", &ask(&none));
        assert_eq!((mine.status, mine.shape()), (404, other.shape()), "{what}: asked for");
    }
}

#[test]
fn helsinki_in_finnish() {
    run(
        "helsinki-fi",
        "general",
        &[
            ("agent", NONE),
            ("supervisor", NONE),
            ("office", NONE),
            ("maintenance", ASKED),
            ("approver", NONE),
            ("auditor", NONE),
            ("admin", NONE),
            ("dpo", DPO),
        ],
    );
}

#[test]
fn helsinki_in_swedish() {
    run(
        "helsinki-sv",
        BUILDING,
        &[
            ("agent", NONE),
            ("supervisor", ALL),
            ("office", ["fh", "fh", "fh", "", "f", "f", "fh"]),
            ("office-on-request", ["fr", "fr", "fr", "", "f", "f", "fr"]),
            ("maintenance", NONE),
            ("dpo", DPO),
            ("approver", NONE),
        ],
    );
}

#[test]
fn espoo() {
    run(
        "espoo",
        "general",
        &[
            ("agent", OWN),
            ("supervisor", ["fh", "fh", "", "", "f", "f", ""]),
            ("office", NONE),
            ("maintenance", NONE),
            ("dpo", DPO),
            ("auditor", NONE),
            ("admin", NONE),
        ],
    );
}

#[test]
fn public_works() {
    run(
        "public-works",
        "general",
        &[
            ("agent", OWN),
            ("supervisor", ["fhk", "fhk", "fhk", "fhk", "fk", "fk", "fhk"]),
            ("office", NONE),
            ("maintenance", ALL),
            ("dpo", DPO),
        ],
    );
}

#[test]
fn hsy() {
    run(
        "hsy",
        "general",
        &[
            ("agent", OWN),
            ("supervisor", ALL),
            ("main-user", ALL),
            ("office", NONE),
            ("maintenance", ALL),
            ("dpo", DPO),
        ],
    );
}

#[test]
fn a_guessed_cursor_and_a_guessed_search_show_nothing_more() {
    let mut lab = Lab::new(&notice("espoo"));
    let mut own = Vec::new();
    for n in 0..30 {
        let at = day(-20).offset_ns(n / 3 * 1_000_000_000);
        let mine = Tape { at, ..Tape::new("general", if n % 3 == 0 { "2001" } else { "2009" }) };
        let id = lab.record(&mine);
        if n % 3 == 0 {
            own.push(id.to_string());
        }
    }
    lab.user("kaisa", &["--role", "agent", "--agent", "2001"]);
    lab.user("late", &["--role", "agent", "--agent", "2001", "--from", "2100-01-01"]);
    lab.open();
    let kaisa = lab.client("kaisa");
    let all = everything(&kaisa);
    own.sort();
    assert_eq!(all.keys().cloned().collect::<Vec<_>>(), own);
    let at = format!("{:016x}.{}", day(0).as_ns(), Uuid::max().simple());
    let searches = [
        format!("cursor={at}&limit=200"),
        "agent=2009".into(),
        "number=505550123".into(),
        "flag=held".into(),
        "service=general&limit=200".into(),
        "since=2000-01-01&limit=200".into(),
        "direction=inbound&limit=200".into(),
    ];
    for search in searches {
        let page = kaisa.get(&format!("/api/v1/recordings?{search}")).json();
        for item in page["items"].as_array().unwrap() {
            assert!(own.contains(&item["id"].as_str().unwrap().to_owned()), "{search}");
        }
        assert_eq!(page["next"], Value::Null, "{search}: no page is told of that is not his");
        assert_eq!(page.as_object().unwrap().len(), 2, "no count of anything");
    }
    // The log has whom he looked for, and never the number.
    let told = lab.told("list", "kaisa");
    assert!(
        told.iter().any(|e| e["search"]["agent"] == "2009")
            && told.iter().any(|e| e["search"]["number"] == true)
    );
    assert!(!lab.entries().iter().any(|e| e.to_string().contains("505550123")));
    let late = lab.client("late");
    assert_eq!(late.get("/api/v1/recordings").json(), json!({ "items": [], "next": null }));
    lab.close();
}
