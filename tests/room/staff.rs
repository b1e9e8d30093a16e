//! Who was what when: by page, API and file; and what is counted without naming anybody.

use crate::kit::{Lab, Tape, day};
use serde_json::{Value, json};

const CONFIG: &str = "[[service]]\nname = \"building\"\nnumbers = [\"1\"]\noffice = \"building\"\n\
    [room.roles.agent]\nhear = \"own\"\n[room.roles.office]\nfind = \"office\"\n\
    [room.roles.lead]\nfind = \"all\"\nhear = \"all\"\n";

fn lab() -> Lab {
    let lab = Lab::new(CONFIG);
    lab.user("kaisa", &["--role", "agent"]);
    lab.user("lead", &["--role", "lead"]);
    lab.user("office", &["--role", "office", "--office", "building"]);
    lab.user("root", &["--role", "admin", "--role", "agent"]);
    lab
}

fn ids(client: &crate::kit::Client) -> Vec<String> {
    let items = client.get("/api/v1/recordings").json()["items"].clone();
    items.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_interval_counts_from_the_moment_it_is_given() {
    let mut lab = lab();
    let early = lab.record(&Tape { at: day(-20), ..Tape::new("general", "2001") }).to_string();
    let late = lab.record(&Tape { at: day(-2), ..Tape::new("general", "2001") }).to_string();
    lab.open();
    let (root, kaisa) = (lab.client("root"), lab.client("kaisa"));
    assert!(ids(&kaisa).is_empty());
    let give = |client: &crate::kit::Client, name: &str, body: Value| {
        client.post(&format!("/api/v1/people/{name}/intervals"), &body)
    };
    let date = |days: i64| day(days).to_rfc3339()[..10].to_owned();
    let body = json!({ "kind": "agent", "what": "2001", "from": date(-10) });
    assert_eq!(give(&root, "kaisa", body).status, 204);
    assert_eq!(ids(&kaisa), [late.as_str()]);
    let body = json!({ "kind": "agent", "what": "2001", "from": date(-30), "until": date(-15) });
    assert_eq!(give(&root, "KAISA", body).status, 204);
    assert_eq!(ids(&kaisa), [late.as_str(), early.as_str()]);
    // Ended: with an end alone.
    assert_eq!(
        give(&root, "kaisa", json!({ "kind": "agent", "what": "2001", "until": date(-5) })).status,
        204
    );
    assert_eq!(ids(&kaisa), [early.as_str()]);
    assert_eq!(give(&root, "kaisa", json!({ "kind": "team", "what": "none", "until": date(0) })).status, 409);
    for wrong in [
        json!({ "kind": "seat", "what": "2001" }),
        json!({ "kind": "agent", "what": "" }),
        json!({ "kind": "agent", "what": "2001", "from": "soon" }),
        json!({ "kind": "agent", "what": "2001", "from": date(0), "until": date(-1) }),
    ] {
        assert_eq!(give(&root, "kaisa", wrong).status, 400);
    }
    // Nobody gives himself anything, nobody else gives anything.
    let own = json!({ "kind": "agent", "what": "2001" });
    assert_eq!(give(&root, "root", own.clone()).problem(), (403, "forbidden".into()));
    for name in ["kaisa", "nobody"] {
        assert_eq!(give(&lab.client("lead"), name, own.clone()).problem(), (403, "forbidden".into()));
    }
    assert_eq!(give(&root, "nobody", own).status, 404);
    assert!(ids(&root).is_empty());
    assert_eq!(root.post(&["/api/v1/people", "root", "disable"].join("/"), &json!({})).status, 403);
    assert_eq!(root.post("/api/v1/people/kaisa/disable", &json!({})).status, 204);
    assert_eq!(kaisa.get("/api/v1/recordings").status, 401);
    assert_eq!(lab.told("user_change", "root").iter().filter(|e| e["outcome"] == "refused").count(), 1);
    assert!(root.get("/people").text().contains("/api/v1/people/kaisa/intervals"));
    lab.close();
}

#[test]
fn a_file_is_taken_whole_or_not_at_all() {
    let mut lab = lab();
    lab.record(&Tape { at: day(-2), ..Tape::new("general", "2001") });
    lab.open();
    let file = lab.outside().join("people.csv");
    let path = file.to_str().unwrap().to_owned();
    let take = |text: &str, words: &[&str]| {
        std::fs::write(&file, text).unwrap();
        let out = lab.run(&[&["user", "import", &path], words].concat(), "");
        (out.status.code(), String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned())
    };
    let good = "account,agent,team,from,until\nkaisa,2001,,,\nkaisa,,north,2026-01-01,\n";
    assert_eq!(take(good, &["--dry-run"]).0, Some(0));
    let kaisa = lab.client("kaisa");
    assert!(ids(&kaisa).is_empty());
    let (code, said) = take(&format!("{good}nobody,7,,,\n"), &[]);
    assert!(code == Some(1) && said.contains("nobody") && ids(&kaisa).is_empty(), "{said}");
    let (code, said) = take(&format!("{good}kaisa,7,x,,\n"), &[]);
    assert!(code == Some(2) && said.contains("line 4") && ids(&kaisa).is_empty(), "{said}");
    assert_eq!(take(good, &[]), (Some(0), "kaisa: 1 agents, 1 teams\n1 accounts changed\n".into()));
    assert_eq!(ids(&kaisa).len(), 1);
    assert_eq!(take(good, &[]).1, "0 accounts changed\n", "again: nothing is different");
    // What the file does not name any more is gone.
    assert_eq!(take("account,agent,team,from,until\nkaisa,2002,,,\n", &[]).0, Some(0));
    assert!(ids(&kaisa).is_empty());
    lab.close();
}

#[test]
fn few_calls_are_counted_for_nobody() {
    let mut lab = lab();
    for (service, calls) in [("building", 6), ("general", 3)] {
        for n in 0..calls {
            let at = day(-3).offset_ns(n * 1_000_000_000);
            lab.record(&Tape { at, samples: vec![1; 16_000], ..Tape::new(service, "2001") });
        }
    }
    lab.open();
    let all = lab.client("lead").get("/api/v1/statistics?by=hour_of_day").json();
    let cells = all["items"].as_array().unwrap();
    let of = |service: &str| -> u64 {
        let mine = cells.iter().filter(|cell| cell["service"] == service);
        mine.filter_map(|cell| cell["calls"].as_u64()).sum()
    };
    // An hour may end between two of them: then fewer are shown, never the few.
    assert!(
        of("general") == 0
            && cells.iter().any(|cell| cell["service"] == "general" && cell["calls"].is_null())
    );
    assert!(of("building") <= 6, "{all}");
    let office = lab.client("office").get("/api/v1/statistics").json();
    assert!(office["items"].as_array().unwrap().iter().all(|cell| cell["service"] == "building"), "{office}");
    assert!(!office.to_string().contains("general"), "not even that it is there");
    assert_eq!(lab.client("kaisa").get("/api/v1/statistics").problem(), (403, "forbidden".into()));
    for wrong in ["by=week", "since=x", "since=2026-01-01&until=2025-01-01", "since=2020-01-01", "x=y"] {
        assert_eq!(lab.client("lead").get(&format!("/api/v1/statistics?{wrong}")).status, 400, "{wrong}");
    }
    let page = lab.client("lead").get("/statistics").text();
    assert!(page.contains("&lt; 5"), "{page}");
    assert!(!lab.client("kaisa").get("/recordings").text().contains("\"/statistics\""));
    assert_eq!(lab.told("statistics_show", "kaisa")[0]["outcome"], "refused");
    lab.close();
}

#[test]
fn the_next_of_the_search_is_the_next_that_may_be_found() {
    let mut lab = Lab::new(CONFIG);
    lab.user("lead", &["--role", "lead"]);
    lab.user("kaisa", &["--role", "agent", "--agent", "2001"]);
    let made: Vec<_> = (0..4)
        .map(|n| {
            let agent = if n == 1 { "2002" } else { "2001" };
            lab.record(&Tape { at: day(-10 + n), ..Tape::new("general", agent) }).to_string()
        })
        .collect();
    lab.open();
    let beside = |name: &str, id: &str, search: &str| -> Vec<String> {
        let page = lab.client(name).get(&format!("/recordings/{id}?{search}")).text();
        let link = |rel: &str| {
            let part = page.split(&format!("rel=\"{rel}\" href=\"/recordings/")).nth(1);
            part.map_or(String::new(), |part| part[..36].to_owned())
        };
        vec![link("prev"), link("next")]
    };
    assert_eq!(beside("lead", &made[1], ""), [made[2].as_str(), &made[0]]);
    assert_eq!(beside("lead", &made[0], ""), [made[1].as_str(), ""]);
    assert_eq!(beside("lead", &made[0], "agent=2001&cursor=x"), [made[2].as_str(), ""]);
    assert_eq!(beside("kaisa", &made[0], ""), [made[2].as_str(), ""], "not the one she may not find");
    assert_eq!(beside("kaisa", &made[3], ""), ["", made[2].as_str()]);
    assert_eq!(beside("lead", &made[2], "since=nonsense"), ["", ""]);
    lab.close();
}
