//! Coming in and going, the undertaking, who may be told what about accounts.

use crate::kit::{Client, Lab, Tape, day, password};
use serde_json::{Value, json};
use std::time::Instant;

const ROLES: &str = "[room.roles.agent]\nhear = \"own\"\n[room.roles.lead]\nfind = \"all\"\nhear = \"all\"\nact = [\"hold\"]\n";

fn lab() -> Lab {
    let lab = Lab::new(ROLES);
    lab.user("kaisa", &["--role", "agent", "--agent", "2001"]);
    lab.user("root", &["--role", "admin"]);
    lab.user("ada", &["--role", "auditor"]);
    lab
}

#[test]
fn a_session_begins_and_ends() {
    let mut lab = lab();
    lab.open();
    let mut kaisa = lab.stranger();
    assert_eq!(kaisa.get("/api/v1/recordings").problem(), (401, "unauthenticated".into()));
    let reply = kaisa.sign_in("kaisa", &password("kaisa"));
    assert_eq!((reply.status, reply.body.len()), (204, 0));
    let cookie = reply.header("set-cookie").unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "not over TLS here");
    assert_eq!(kaisa.get("/api/v1/recordings").status, 200);
    // A second sign-in is another session, and ends the one it came with.
    let first = kaisa.clone();
    kaisa.sign_in("kaisa", &password("kaisa"));
    assert_ne!(first.cookie, kaisa.cookie);
    assert_eq!(first.get("/api/v1/recordings").status, 401, "fixation");
    assert_eq!(kaisa.call("DELETE", "/api/v1/session", None, &[]).problem(), (403, "cross-site".into()));
    let reply = kaisa.call("DELETE", "/api/v1/session", None, &[("X-Nauhuri", "1")]);
    assert_eq!(reply.status, 204);
    assert!(reply.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(kaisa.get("/api/v1/recordings").status, 401);
    // Disabled: at once, for sessions that hold.
    let again = lab.client("kaisa");
    assert_eq!(again.get("/api/v1/session").json()["user"], "kaisa");
    lab.done(&["user", "disable", "kaisa"], "");
    assert_eq!(again.get("/api/v1/recordings").status, 401);
    lab.done(&["user", "reset", "kaisa", "--password-stdin"], "another horse\n");
    assert_eq!(lab.stranger().sign_in("kaisa", "another horse").status, 204);
    let actions: Vec<_> = lab.entries().iter().map(|e| e["action"].as_str().unwrap().to_owned()).collect();
    for action in ["user_add", "user_disable", "user_reset", "sign_in", "sign_out", "list"] {
        assert!(actions.iter().any(|a| a == action), "{action}");
    }
    lab.close();
}

#[test]
fn whatever_is_wrong_is_answered_alike() {
    let mut lab = lab();
    lab.done(&["user", "disable", "ada"], "");
    lab.open();
    let try_it = |name: &str, secret: &str| {
        let began = Instant::now();
        let reply = lab.stranger().sign_in(name, secret);
        (reply.shape(), began.elapsed())
    };
    let (wrong, _) = try_it("kaisa", "wrong");
    assert_eq!(wrong.problem(), (401, "sign-in-refused".into()));
    let mut times = Vec::new();
    for (name, secret) in [
        ("nobody", password("kaisa")),
        ("ada", password("ada")),
        ("kaisa", String::new()),
        ("", String::new()),
        ("kaisa' OR 1=1 --", "x".into()),
        ("KAISA", "wrong".into()),
    ] {
        let (reply, took) = try_it(name, &secret);
        assert_eq!(reply, wrong, "{name}");
        times.push(took);
    }
    // Hashing is most of it, for names there are and there are not.
    let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    assert!(least.as_secs_f64() > most.as_secs_f64() / 20.0, "{times:?}");
    // The fifth wrong one locks; the right one is answered as a wrong one.
    for _ in 0..4 {
        try_it("kaisa", "wrong");
    }
    assert_eq!(try_it("kaisa", &password("kaisa")).0, wrong);
    assert_eq!(try_it("root", &password("root")).0.status, 204, "others come in");
    let refused: Vec<_> = lab.entries().into_iter().filter(|e| e["outcome"] == "refused").collect();
    assert!(refused.iter().any(|e| e["detail"]["because"] == "account locked after failed sign-ins"));
    assert!(refused.iter().all(|e| e["who"]["address"] == "127.0.0.1"));
    assert!(!refused.iter().any(|e| e.to_string().contains("OR 1=1")), "what was typed is not kept");
    lab.close();
}

#[test]
fn strangers_cannot_fill_the_log() {
    let mut lab = lab();
    lab.open();
    for n in 0..40 {
        let reply = lab.stranger().sign_in(&format!("guess{n}"), "guess");
        assert_eq!(reply.problem(), (401, "sign-in-refused".into()));
    }
    let entries = lab.entries();
    assert_eq!(entries.iter().filter(|e| e["action"] == "sign_in").count(), 31);
    assert_eq!(lab.stranger().sign_in("kaisa", &password("kaisa")).status, 401, "from this address");
    lab.close();
}

#[test]
fn the_undertaking_comes_first_and_again_when_it_changes() {
    let mut lab = lab();
    let text = lab.outside().join("undertaking.txt");
    std::fs::write(&text, "I keep to myself what I hear.\n").unwrap();
    lab = lab.set("room.undertaking", text.to_str().unwrap());
    lab.open();
    let accept = |client: &Client| {
        let told = client.get("/api/v1/session/undertaking").json();
        let version = told["version"].clone();
        assert_eq!(client.post("/api/v1/session/undertaking", &json!({ "version": "other" })).status, 409);
        assert_eq!(client.post("/api/v1/session/undertaking", &json!({ "version": version })).status, 204);
        told
    };
    let kaisa = lab.client("kaisa");
    for path in ["recordings", "recordings/deadbeef", "requests", "people", "audit", "rights", "tokens"] {
        let reply = kaisa.get(&format!("/api/v1/{path}"));
        assert_eq!(reply.problem(), (403, "undertaking".into()), "{path}");
    }
    let told = accept(&kaisa);
    assert_eq!(
        (&told["text"], &told["accepted"]),
        (&"I keep to myself what I hear.\n".into(), &false.into())
    );
    assert_eq!(kaisa.get("/api/v1/recordings").status, 200);
    assert_eq!(kaisa.get("/api/v1/session/undertaking").json()["accepted"], true);
    assert_eq!(lab.client("kaisa").get("/api/v1/recordings").status, 200, "once");
    assert_eq!(lab.told("undertaking", "kaisa")[0]["detail"]["version"], told["version"]);
    lab.close();
    std::fs::write(&text, "I keep to myself what I hear, always.\n").unwrap();
    lab.open();
    let kaisa = lab.client("kaisa");
    assert_eq!(kaisa.get("/api/v1/recordings").kind(), "undertaking");
    assert_ne!(accept(&kaisa)["version"], told["version"]);
    assert_eq!(kaisa.get("/api/v1/recordings").status, 200);
    lab.close();
}

#[test]
fn a_change_by_cookie_comes_from_here() {
    let mut lab = lab();
    let id = lab.record(&Tape::new("general", "2001"));
    lab.user("lead", &["--role", "lead"]);
    lab.open();
    let lead = lab.client("lead");
    let path = format!("/api/v1/recordings/{id}/hold");
    let body = json!({ "reason": "crime", "ref": "1" });
    let host = lab.address().to_string();
    let here = format!("http://{host}");
    for headers in [
        vec![],
        vec![("X-Nauhuri", "0")],
        vec![("X-Nauhuri", "1"), ("Origin", "https://evil.example")],
        vec![("X-Nauhuri", "1"), ("Origin", "null")],
        vec![("Origin", here.as_str())],
    ] {
        assert_eq!(lead.call("POST", &path, Some(&body), &headers).problem(), (403, "cross-site".into()));
    }
    let form = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nCookie: {}\r\nX-Nauhuri: 1\r\n\
         Content-Type: text/plain\r\nContent-Length: 31\r\n\r\n{{\"reason\":\"crime\",\"ref\":\"1\"}}    ",
        lead.cookie.clone().unwrap()
    );
    let reply = crate::kit::read_reply(&crate::kit::raw(lab.address(), form.as_bytes()), false);
    assert_eq!(reply.problem(), (415, "media-type".into()));
    let foreign = [("Origin", "https://evil.example")];
    let sign_in = json!({ "user": "lead", "password": password("lead") });
    let reply = lab.stranger().call("POST", "/api/v1/session", Some(&sign_in), &foreign);
    assert_eq!(reply.problem(), (403, "cross-site".into()), "nor does another site sign anybody in");
    assert!(lab.told("hold", "lead").is_empty());
    let own = [("X-Nauhuri", "1"), ("Origin", here.as_str())];
    assert_eq!(lead.call("POST", &path, Some(&body), &own).status, 200);
    lab.close();
}

#[test]
fn tokens_reach_as_far_as_they_say() {
    let mut lab = lab();
    let id = lab.record(&Tape::new("general", "2001"));
    lab.user("lead", &["--role", "lead"]);
    lab.open();
    let lead = lab.client("lead");
    let until = day(30).to_rfc3339();
    let new = |scope: Value| json!({ "label": "report", "scope": scope, "until": until });
    for (body, status) in [
        (new(json!(["read", "everything"])), 400),
        (new(json!([])), 400),
        (json!({ "label": "x", "scope": ["read"], "until": day(-1).to_rfc3339() }), 400),
        (json!({ "label": "x", "scope": ["read"], "until": "2200-01-01" }), 400),
    ] {
        assert_eq!(lead.post("/api/v1/tokens", &body).status, status);
    }
    let made = lead.post("/api/v1/tokens", &new(json!(["read"])));
    assert_eq!(made.status, 201, "{}", made.text());
    let token = made.json();
    let program = Client { bearer: Some(token["token"].as_str().unwrap().into()), ..lab.stranger() };
    assert_eq!(program.get("/api/v1/recordings").json()["items"][0]["id"], id.to_string());
    assert_eq!(program.get(&format!("/api/v1/recordings/{id}/audio")).status, 403);
    let hold = json!({ "reason": "crime", "ref": "1" });
    let path = format!("/api/v1/recordings/{id}/hold");
    assert_eq!(program.call("POST", &path, Some(&hold), &[]).status, 403, "of no scope of its own");
    assert_eq!(program.get("/api/v1/tokens").status, 403, "a token makes no tokens");
    let made = lead.post("/api/v1/tokens", &new(json!(["read", "hear", "hold"]))).json();
    let program = Client { bearer: Some(made["token"].as_str().unwrap().into()), ..lab.stranger() };
    assert_eq!(program.get(&format!("/api/v1/recordings/{id}/audio")).status, 200);
    assert_eq!(program.call("POST", &path, Some(&hold), &[]).status, 200, "without X-Nauhuri");
    let id = made["id"].as_str().unwrap();
    assert_eq!(lead.get("/api/v1/tokens").json()["items"].as_array().unwrap().len(), 2);
    assert!(!lead.get("/api/v1/tokens").text().contains("nauhuri_"), "the secret is told once");
    let end = lead.call("DELETE", &format!("/api/v1/tokens/{id}"), None, &[("X-Nauhuri", "1")]);
    assert_eq!(end.status, 204);
    assert_eq!(program.get("/api/v1/recordings").status, 401);
    lab.close();
}

#[test]
fn accounts_rights_and_log_are_for_those_who_keep_them() {
    let mut lab = lab();
    let id = lab.record(&Tape::new("general", "2001"));
    lab.open();
    let (kaisa, root, ada) = (lab.client("kaisa"), lab.client("root"), lab.client("ada"));
    assert_eq!(kaisa.get(&format!("/api/v1/recordings/{id}/audio")).status, 200);
    for path in ["people", "rights", "audit"] {
        assert_eq!(kaisa.get(&format!("/api/v1/{path}")).problem(), (403, "forbidden".into()), "{path}");
    }
    assert_eq!((root.get("/api/v1/audit").status, ada.get("/api/v1/people").status), (403, 403));
    assert_eq!(root.get("/api/v1/recordings").json()["items"], json!([]), "never sound");
    assert_eq!(root.get(&format!("/api/v1/recordings/{id}")).status, 404);
    let people = root.get("/api/v1/people").json();
    assert_eq!(people["items"][1]["agents"][0]["id"], "2001");
    assert!(!people.to_string().contains("argon2"));
    let rights = ada.get("/api/v1/rights").json();
    let line = rights["items"].as_array().unwrap().iter().find(|line| line["account"] == "kaisa").unwrap();
    assert_eq!((&line["hear"], line["last_used"].is_string()), (&"own".into(), true));
    // Who heard this recording, and what did that account do?
    let heard = ada.get(&format!("/api/v1/audit?recording={id}&action=listen")).json();
    assert_eq!(heard["items"].as_array().unwrap().len(), 1);
    assert_eq!(heard["items"][0]["who"]["web"], "kaisa");
    let page = ada.get("/api/v1/audit?who=kaisa&limit=2").json();
    let next = page["next"].as_u64().unwrap();
    let rest = ada.get(&format!("/api/v1/audit?who=kaisa&cursor={next}")).json();
    let seqs: Vec<u64> = [&page, &rest]
        .iter()
        .flat_map(|p| p["items"].as_array().unwrap())
        .map(|e| e["seq"].as_u64().unwrap())
        .collect();
    assert!(seqs.is_sorted_by(|a, b| a > b) && seqs.len() >= 5, "{seqs:?}");
    assert_eq!(ada.get("/api/v1/audit?since=2100-01-01").json()["items"], json!([]));
    assert_eq!(ada.get("/api/v1/audit?wat=1").status, 400);
    lab.close();
}

#[test]
fn the_commands_of_accounts() {
    let lab = lab();
    let said = |words: &[&str], input: &str| {
        let out = lab.run(words, input);
        (out.status.code().unwrap(), String::from_utf8(out.stderr).unwrap())
    };
    let add =
        |words: &[&str], input: &str| said(&[&["user", "add"], words, &["--password-stdin"]].concat(), input);
    let (code, text) = add(&["matti", "--role", "king"], "correct horse\n");
    assert!(code == 2 && text.contains("king") && text.contains("supervisor"), "{text}");
    assert_eq!(add(&["kaisa", "--role", "agent"], "correct horse\n").0, 1, "there is one");
    assert_eq!(add(&["a b", "--role", "agent"], "correct horse\n").0, 1);
    let (code, text) = add(&["matti", "--role", "agent"], "short\n");
    assert!(code == 1 && text.contains("8 characters"), "{text}");
    assert_eq!(
        add(
            &["matti", "--role", "agent", "--agent", "1", "--from", "2026-02-01", "--until", "2026-01-01"],
            "x"
        )
        .0,
        2
    );
    assert_eq!(
        said(&["user", "add", "matti", "--role", "agent"], "").0,
        2,
        "a password comes from somewhere"
    );
    assert_eq!(said(&["user", "disable", "nobody"], "").0, 1);
    assert_eq!(said(&["user", "reset", "nobody", "--password-stdin"], "correct horse\n").0, 1);
    let words = ["matti", "--role", "agent", "--role", "supervisor", "--agent", "2001", "--agent", "2002"];
    let more = ["--team", "north", "--office", "o", "--from", "2026-01-01", "--until", "2026-06-01"];
    assert_eq!(add(&[&words[..], &more].concat(), "correct horse\nrest\n"), (0, String::new()));
    let list: Value = serde_json::from_str(&lab.done(&["user", "list", "--json"], "")).unwrap();
    let matti = list.as_array().unwrap().iter().find(|a| a["name"] == "matti").unwrap();
    assert_eq!(matti["roles"], json!(["agent", "supervisor"]));
    assert_eq!(matti["agents"][1]["id"], "2002");
    assert_eq!(matti["agents"][0]["from"], "2026-01-01T00:00:00.000000Z");
    assert_eq!((&matti["teams"][0]["id"], &matti["office"]), (&"north".into(), &"o".into()));
    let table = lab.done(&["user", "list"], "");
    assert!(table.contains("matti") && !table.contains("argon2"));
}
