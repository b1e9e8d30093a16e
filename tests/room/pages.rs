//! Pages without a browser: what is in them, for whom, in which language.

use crate::kit::{Lab, Tape};
use serde_json::json;

const ROLES: &str = "[controller]\nname = \"Town\"\n[room.roles.agent]\nhear = \"own\"\n[room.roles.clerk]\nfind = \"all\"\nact = [\"hold\", \"export\"]\n";

fn lab() -> (Lab, String) {
    let mut lab = Lab::new(ROLES);
    let id = lab.record(&Tape::new("general", "2001"));
    lab.record(&Tape::new("general", "2002"));
    lab.user("kaisa", &["--role", "agent", "--agent", "2001"]);
    lab.user("clerk", &["--role", "clerk"]);
    lab.user("dpo", &["--role", "dpo"]);
    lab.user("root", &["--role", "admin", "--role", "auditor", "--role", "approver"]);
    lab.open();
    (lab, id.to_string())
}

#[test]
fn the_door_and_the_way_back() {
    let (mut lab, id) = lab();
    let stranger = lab.stranger();
    for path in [
        "/",
        "/recordings",
        "/requests",
        "/log",
        "/people",
        "/account",
        "/dsar",
        "/dsar/1",
        "/dsar/1/letter/receipt",
    ] {
        let reply = stranger.get(path);
        assert_eq!(reply.status, 303, "{path}");
        assert!(reply.body.is_empty(), "{path}");
    }
    let path = format!("/recordings/{id}?agent=2001");
    let to = stranger.get(&path).header("location").unwrap().to_owned();
    assert!(to.starts_with("/sign-in?next=%2Frecordings%2F"), "{to}");
    assert!(stranger.get(&to).text().contains(&format!("data-next=\"/recordings/{id}?agent=2001\"")));
    let evil = stranger.get("/sign-in?next=https://evil.example").text();
    assert!(!evil.contains("evil.example"));
    for (accept, title) in [("fi", "Kirjaudu sisään"), ("sv-FI", "Logga in"), ("de,en", "Sign in")] {
        let page = stranger.call("GET", "/sign-in", None, &[("Accept-Language", accept)]).text();
        assert!(
            page.contains(title)
                && page
                    .contains(&format!("<html lang=\"{}\"", &accept[accept.len() - 2..].replace("FI", "sv"))),
            "{accept}"
        );
    }
    assert!(stranger.get("/sign-in?lang=sv").text().contains("Logga in"));
    for asset in ["room.js", "room.css", "icon.svg"] {
        assert_eq!(stranger.get(&format!("/assets/{asset}")).status, 200, "{asset}");
    }
    assert_eq!(stranger.get("/nothing").status, 404);
    lab.close();
}

#[test]
fn each_sees_what_is_his() {
    let (mut lab, id) = lab();
    let (kaisa, clerk, root) = (lab.client("kaisa"), lab.client("clerk"), lab.client("root"));
    let list = kaisa.get("/recordings").text();
    assert!(list.contains(&id) && list.matches("<tr>").count() == 2, "one row and the head");
    assert!(!list.contains("/people") && !list.contains("href=\"/log\""));
    assert_eq!(clerk.get("/recordings").text().matches("<tr>").count(), 3);
    let page = kaisa.get(&format!("/recordings/{id}")).text();
    assert!(page.contains(&format!("/api/v1/recordings/{id}/audio")) && !page.contains("/hold"));
    let page = clerk.get(&format!("/recordings/{id}")).text();
    assert!(
        !page.contains("/audio")
            && page.contains(&format!("{id}/hold"))
            && page.contains(&format!("{id}/export"))
    );
    assert!(page.contains("name=\"to\""), "no copy by the browser: a folder");
    let hidden = root.get(&format!("/recordings/{id}"));
    let nobody = root.get("/recordings/01990000-0000-7000-8000-000000000000");
    assert_eq!((hidden.status, hidden.shape()), (404, nobody.shape()));
    assert_eq!((kaisa.get("/log").status, kaisa.get("/people").status), (403, 403));
    assert!(root.get("/people").text().contains("kaisa"));
    let log = root.get("/log?who=kaisa&action=list").text();
    assert!(log.contains("kaisa") && !log.contains("sign_in"));
    assert_eq!(kaisa.get("/recordings?limit=x").status, 400);
    // A page of the room tells the log as the API does.
    assert!(lab.told("show", "clerk").iter().any(|e| e["targets"][0] == id));
    // The search stays in the address.
    assert!(
        kaisa
            .get("/recordings?service=general&since=2026-01-01")
            .text()
            .contains("?since=2026-01-01&amp;service=general")
            || kaisa
                .get("/recordings?since=2026-01-01&service=general")
                .text()
                .contains("?since=2026-01-01&amp;service=general")
    );
    lab.close();
}

#[test]
fn a_language_that_was_chosen_stays() {
    let (mut lab, _) = lab();
    let kaisa = lab.client("kaisa");
    let choose = |language: &str| {
        kaisa.post("/api/v1/session/language", &serde_json::json!({ "language": language })).status
    };
    assert_eq!((choose("sv"), choose("de")), (204, 400));
    assert!(
        kaisa.call("GET", "/recordings", None, &[("Accept-Language", "fi")]).text().contains("Sökresultat")
    );
    assert!(lab.client("kaisa").get("/recordings").text().contains("Sökresultat"));
    lab.close();
}

#[test]
fn nothing_stands_inline() {
    let (mut lab, id) = lab();
    let clerk = lab.client("clerk");
    let root = lab.client("root");
    let more =
        json!({ "right": "access", "received": "2026-01-31", "channel": "letter", "ref": "1", "name": "A" });
    let n = lab.client("dpo").post("/api/v1/dsar", &more).json()["n"].to_string();
    let dpo = lab.client("dpo");
    for page in [
        dpo.get("/dsar"),
        dpo.get("/dsar?all=1"),
        dpo.get(&format!("/dsar/{n}")),
        dpo.get(&format!("/dsar/{n}/letter/receipt")),
        clerk.get("/recordings"),
        clerk.get(&format!("/recordings/{id}")),
        clerk.get("/requests"),
        root.get("/log"),
        root.get("/people"),
        root.get("/account"),
        lab.stranger().get("/sign-in"),
    ] {
        let text = page.text();
        assert_eq!(page.status, 200);
        assert!(!text.contains(" style=") && !text.contains("<style"), "no style");
        assert_eq!(text.matches("<script").count(), 1);
        assert!(text.contains("<script src=\"/assets/room.js\" defer></script>"));
        for handler in [" onclick", " onload", " onsubmit", "javascript:"] {
            assert!(!text.contains(handler), "{handler}");
        }
        assert!(!text.contains("http://") && !text.contains("https://"), "nothing from elsewhere");
        assert_eq!(page.header("cache-control"), Some("no-store"));
    }
    lab.close();
}
