//! Sign-in by a real OpenID Connect provider, `oidc-provider` from npm.

use crate::browser::Browser;
use crate::kit::{Client, Lab, Reply, Tape, password, raw, read_reply};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

const ROLES: &str = "[room.roles.agent]\nhear = \"own\"\n\
    [room.roles.lead]\nfind = \"all\"\nhear = \"all\"\nact = [\"people\"]\n";

/// A port that nobody has just now.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The provider, running.
struct Idp {
    child: Child,
    address: SocketAddr,
}

impl Idp {
    fn start(port: u16, room: &str) -> Idp {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let modules = folder.join("target/tools/node");
        let there = modules.join("node_modules/oidc-provider").is_dir();
        assert!(there, "oidc-provider is not in {}: scripts/setup installs it", modules.display());
        let mut child = Command::new("node")
            .arg(folder.join("tests/room/provider.mjs"))
            .args([&port.to_string(), room])
            .current_dir(&modules)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("node cannot be run ({e}): scripts/setup installs it"));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "ready"), "the provider did not start");
        std::thread::spawn(move || lines.for_each(drop));
        Idp { child, address: ([127, 0, 0, 1], port).into() }
    }

    fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Who signs in there from now on, and other things of its door.
    fn set(&self, door: &Value) {
        let client = Client { address: self.address, cookie: None, bearer: None };
        assert_eq!(client.call("POST", "/test", Some(door), &[]).text(), "ok");
    }

    fn person(&self, sub: &str, name: &str, groups: &[&str]) {
        self.set(&json!({ "sub": sub, "people": { sub: { "preferred_username": name, "groups": groups } } }));
    }
}

impl Drop for Idp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a browser does, without pages: keeps cookies of each address, and goes where it is sent.
#[derive(Clone, Default)]
struct Surfer {
    cookies: BTreeMap<String, BTreeMap<String, String>>,
}

impl Surfer {
    fn get(&mut self, url: &str) -> Reply {
        let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let jar = self.cookies.entry(host.to_owned()).or_default();
        let cookies: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = format!(
            "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nCookie: {}\r\n\r\n",
            cookies.join("; ")
        );
        let reply = read_reply(&raw(host.parse().unwrap(), request.as_bytes()), false);
        for (_, value) in reply.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, rest) = value.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            let over = rest.contains("Max-Age=0") || rest.to_lowercase().contains("expires=thu, 01 jan 1970");
            if over || value.is_empty() {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
        reply
    }

    /// Follows redirects up to an address that begins so, which is not asked for.
    fn follow_to(&mut self, url: &str, stop: &str) -> String {
        let mut at = url.to_owned();
        for _ in 0..20 {
            let reply = self.get(&at);
            let Some(to) = reply.header("location") else {
                panic!("{at}: {} {}", reply.status, reply.text())
            };
            let root: String = at.split('/').take(3).collect::<Vec<_>>().join("/");
            at = if to.starts_with('/') { format!("{root}{to}") } else { to.to_owned() };
            if at.starts_with(stop) {
                return at;
            }
        }
        panic!("sent around in circles")
    }

    /// The session at the room, as its API takes it.
    fn client(&self, lab: &Lab) -> Client {
        let jar = self.cookies.get(&lab.address().to_string());
        let cookie = jar.and_then(|jar| jar.get("nauhuri")).map(|value| format!("nauhuri={value}"));
        Client { address: lab.address(), cookie, bearer: None }
    }
}

/// Room and provider, each knowing the other.
struct House {
    lab: Lab,
    idp: Idp,
}

impl House {
    fn new() -> House {
        let (here, there) = (port(), port());
        let room = format!("http://127.0.0.1:{here}");
        let idp = Idp::start(there, &room);
        let lab = Lab::new(ROLES);
        let secret = lab.outside().join("client.secret");
        std::fs::write(&secret, "secret of the room\n").unwrap();
        let lab = lab
            .set("room.listen", &format!("127.0.0.1:{here}"))
            .set("room.oidc.issuer", &idp.issuer())
            .set("room.oidc.client_id", "room")
            .set("room.oidc.client_secret_file", secret.to_str().unwrap())
            .set("room.oidc.roles", "{ cc-agents = \"agent\", cc-leads = \"lead\" }");
        House { lab, idp }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.lab.address())
    }

    /// Goes to the provider and comes back; where the browser was sent to.
    fn to_back(&self, surfer: &mut Surfer) -> String {
        surfer.follow_to(&self.url("/sign-in/provider?next=/account"), &self.url("/sign-in/provider/back"))
    }

    fn sign_in(&self, surfer: &mut Surfer) -> Reply {
        let back = self.to_back(surfer);
        surfer.get(&back)
    }

    fn refusals(&self) -> Vec<String> {
        let entries = self.lab.entries().into_iter();
        let refused = entries.filter(|e| e["action"] == "sign_in" && e["outcome"] == "refused");
        refused.map(|e| e["detail"]["because"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn signing_in_makes_an_account_and_groups_are_its_roles() {
    let mut house = House::new();
    house.lab.record(&Tape::new("general", "2001"));
    house.lab.done(&["user", "add", "matti", "--provider", "--agent", "2001"], "");
    house.lab.open();
    house.idp.person("u1", "anna", &["cc-leads", "staff"]);
    let mut anna = Surfer::default();
    let reply = house.sign_in(&mut anna);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(reply.text().contains("content=\"0;url=/account\""), "{}", reply.text());
    let kept: Vec<_> = reply.headers.iter().filter(|(n, _)| n == "set-cookie").map(|(_, v)| v).collect();
    assert!(
        kept.iter()
            .any(|c| c.starts_with("nauhuri=") && c.contains("SameSite=Strict") && c.contains("HttpOnly"))
    );
    assert!(kept.iter().any(|c| c.starts_with("nauhuri-oidc=;") && c.contains("Max-Age=0")));
    let session = anna.client(&house.lab).get("/api/v1/session").json();
    assert_eq!((&session["user"], &session["roles"]), (&json!("anna"), &json!(["lead"])));
    assert_eq!(
        anna.client(&house.lab).get("/api/v1/recordings").json()["items"].as_array().unwrap().len(),
        1
    );
    assert_eq!(house.lab.told("user_add", "anna").len(), 1);
    assert_eq!(house.lab.told("sign_in", "anna")[0]["detail"]["provider"], house.idp.issuer());
    // Other groups: other roles, for the sessions that hold as well.
    house.idp.person("u1", "anna", &["cc-agents"]);
    let mut again = Surfer::default();
    house.sign_in(&mut again);
    for surfer in [&anna, &again] {
        let session = surfer.client(&house.lab).get("/api/v1/session").json();
        assert_eq!(session["roles"], json!(["agent"]));
    }
    assert_eq!(house.lab.told("user_change", "anna")[0]["detail"]["roles"], json!(["agent"]));
    // No group that counts: nobody comes in, and who is in goes.
    house.idp.person("u1", "anna", &["staff"]);
    let reply = house.sign_in(&mut Surfer::default());
    assert_eq!(reply.status, 403);
    assert_eq!(anna.client(&house.lab).get("/api/v1/session").status, 401);
    assert_eq!(house.refusals(), ["no group gives a role"]);
    // One that was added beforehand is whose it was meant for.
    house.idp.person("u2", "matti", &["cc-agents"]);
    let mut matti = Surfer::default();
    assert_eq!(house.sign_in(&mut matti).status, 200);
    assert_eq!(
        matti.client(&house.lab).get("/api/v1/recordings").json()["items"].as_array().unwrap().len(),
        1
    );
    // Disabled here: out at once, and not in again, whatever the provider says.
    house.lab.done(&["user", "disable", "matti"], "");
    assert_eq!(matti.client(&house.lab).get("/api/v1/session").status, 401);
    assert_eq!(house.sign_in(&mut matti).status, 403);
    let people = house.lab.done(&["user", "list"], "");
    assert!(people.contains("anna") && people.contains("provider"), "{people}");
    house.lab.close();
}

#[test]
fn nobody_becomes_a_local_account() {
    let mut house = House::new();
    house.lab.user("root", &["--role", "admin"]);
    house.lab.open();
    for name in ["root", "ROOT", "no spaces here", "", "<b>x</b>"] {
        house.idp.person("u9", name, &["cc-leads"]);
        let reply = house.sign_in(&mut Surfer::default());
        assert_eq!(reply.status, 403, "{name}");
        assert!(!reply.text().contains("<b>"), "{name}");
    }
    let reply = house.lab.stranger().sign_in("root", &password("root"));
    assert_eq!(reply.status, 204, "local accounts work beside it");
    // And an account of the provider has no password.
    house.idp.person("u1", "anna", &["cc-leads"]);
    assert_eq!(house.sign_in(&mut Surfer::default()).status, 200);
    for secret in ["", "x", "anna"] {
        assert_eq!(house.lab.stranger().sign_in("anna", secret).status, 401);
    }
    for (words, said) in [
        (&["user", "reset", "anna", "--password-stdin"][..], "no password"),
        (&["user", "change", "anna", "--role", "admin"], "room.oidc.roles"),
        (&["user", "reset", "root"], "--password-stdin"),
    ] {
        let out = house.lab.run(words, "another horse\n");
        let told = String::from_utf8(out.stderr).unwrap();
        assert!(out.status.code() == Some(2) && told.contains(said), "{words:?}: {told}");
    }
    house.lab.done(&["user", "reset", "anna"], "");
    house.lab.close();
}

#[test]
fn what_did_not_begin_here_ends_here() {
    let mut house = House::new();
    house.lab.open();
    house.idp.person("u1", "anna", &["cc-leads"]);
    let mut anna = Surfer::default();
    let back = house.to_back(&mut anna);
    // Somebody else's browser with her way back: signed in as her, or her as him.
    assert_eq!(Surfer::default().get(&back).status, 400);
    let mut other = Surfer::default();
    house.to_back(&mut other);
    assert_eq!(other.get(&back).status, 400, "another handshake");
    // Another state, none, two of them.
    for wrong in [
        back.replace("state=", "state=x"),
        back.replace("state=", "other="),
        format!("{back}&state=x"),
        house.url("/sign-in/provider/back"),
        house.url("/sign-in/provider/back?code=x&state="),
    ] {
        assert_eq!(anna.clone().get(&wrong).status, 400, "{wrong}");
    }
    // A code that the provider never gave.
    let mut guess = Surfer::default();
    let own = house.to_back(&mut guess);
    let code = own.split("code=").nth(1).unwrap().split('&').next().unwrap();
    assert_eq!(guess.get(&own.replace(code, "guessed")).status, 502);
    // Hers holds, once: the same way back again, with the very same cookies.
    let before = anna.clone();
    assert_eq!(anna.get(&back).status, 200);
    assert_eq!(before.clone().get(&back).status, 400, "replayed");
    // Turned back at the provider.
    house.idp.set(&json!({ "deny": true }));
    let mut denied = Surfer::default();
    assert_eq!(house.sign_in(&mut denied).status, 400);
    assert!(denied.client(&house.lab).cookie.is_none());
    assert!(house.refusals().iter().all(|why| why == "the provider's answer does not hold"));
    house.lab.close();
}

#[test]
fn a_token_that_does_not_hold_lets_nobody_in() {
    let mut house = House::new();
    house.lab.open();
    house.idp.person("u1", "anna", &["cc-leads"]);
    let long_ago = 1_000_000_000;
    for (what, spoil) in [
        ("expired", json!({ "claims": { "exp": long_ago + 60, "iat": long_ago } })),
        ("wrong issuer", json!({ "claims": { "iss": "https://id.example" } })),
        ("for another client", json!({ "claims": { "aud": "another" } })),
        ("of another handshake", json!({ "claims": { "nonce": "another" } })),
        ("another person than userinfo tells of", json!({ "claims": { "sub": "u2" } })),
        ("signed by a stranger", json!({ "claims": {}, "key": "stranger" })),
    ] {
        house.idp.set(&json!({ "spoil": spoil }));
        let mut surfer = Surfer::default();
        let reply = house.sign_in(&mut surfer);
        assert_eq!(reply.status, 502, "{what}: {}", reply.text());
        assert!(surfer.client(&house.lab).cookie.is_none(), "{what}");
    }
    house.idp.set(&json!({ "spoil": null }));
    assert_eq!(house.sign_in(&mut Surfer::default()).status, 200);
    assert_eq!(house.refusals().len(), 6);
    house.lab.close();
}

#[test]
fn signing_out_is_so_at_both_ends() {
    let mut house = House::new();
    house.lab.open();
    house.idp.person("u1", "anna", &["cc-leads"]);
    let (mut here, mut there) = (Surfer::default(), Surfer::default());
    for surfer in [&mut here, &mut there] {
        assert_eq!(house.sign_in(surfer).status, 200);
    }
    // From here: the browser is sent on to the provider, with whose session it is.
    let client = here.client(&house.lab);
    let reply = client.call("DELETE", "/api/v1/session", None, &[("X-Nauhuri", "1")]);
    let next = reply.header("x-nauhuri-next").unwrap().to_owned();
    assert!(next.starts_with(&house.idp.issuer()) && next.contains("id_token_hint="), "{next}");
    assert!(next.contains("post_logout_redirect_uri="), "{next}");
    assert_eq!(here.get(&next).status, 200, "the provider takes it");
    assert_eq!(client.get("/api/v1/session").status, 401);
    // The other one holds until the provider says otherwise.
    let other = there.client(&house.lab);
    assert_eq!(other.get("/api/v1/session").status, 200);
    for body in ["", "logout_token=", "logout_token=a.b.c", "x=y"] {
        let text = format!(
            "POST /sign-in/provider/signed-out HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        assert_eq!(read_reply(&raw(house.lab.address(), text.as_bytes()), false).status, 400, "{body}");
    }
    assert_eq!(other.get("/api/v1/session").status, 200, "strangers end nothing");
    let url = format!("{}/session/end", house.idp.issuer());
    let page = there.get(&url).text();
    let xsrf = page.split("name=\"xsrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let jar = there.cookies.get(&house.idp.address.to_string()).unwrap();
    let cookies: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let body = format!("xsrf={xsrf}&logout=yes");
    let text = format!(
        "POST /session/end/confirm HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        house.idp.address,
        cookies.join("; "),
        body.len()
    );
    let reply = read_reply(&raw(house.idp.address, text.as_bytes()), false);
    assert!(reply.status < 400, "{}", reply.text());
    assert_eq!(other.get("/api/v1/session").status, 401, "the provider ended it");
    let out = house.lab.told("sign_out", "anna");
    assert!(out.iter().any(|entry| entry["detail"]["by"] == "provider"), "{out:?}");
    house.lab.close();
}

#[test]
fn a_provider_that_is_away_is_said_and_local_accounts_work_on() {
    let mut house = House::new();
    house.lab.user("root", &["--role", "admin"]);
    let _ = house.idp.child.kill();
    let _ = house.idp.child.wait();
    house.lab.open();
    let mut surfer = Surfer::default();
    let reply = surfer.get(&house.url("/sign-in/provider"));
    assert_eq!(reply.status, 502);
    assert!(reply.text().contains("Kirjautumispalvelua"), "{}", reply.text());
    house.lab.client("root");
    house.lab.close();
    // Without a provider there is none of its doors.
    let mut lab = Lab::new(ROLES);
    lab.open();
    for path in ["/sign-in/provider", "/sign-in/provider/back?code=x&state=y"] {
        assert_eq!(lab.stranger().get(path).status, 404, "{path}");
    }
    assert!(!lab.stranger().get("/sign-in").text().contains("/sign-in/provider"));
    let out = lab.run(&["user", "add", "anna", "--provider"], "");
    assert_eq!(out.status.code(), Some(2));
    lab.close();
}

#[test]
fn in_a_browser_there_and_back_and_out() {
    let mut house = House::new();
    house.lab.open();
    house.idp.person("u1", "anna", &["cc-leads"]);
    let browser = Browser::start(&house.lab);
    browser.open("/recordings");
    browser.at("/sign-in");
    browser.must_be_sound("sign-in with a provider");
    browser.picture("sign-in-provider");
    browser.click("a.button.main");
    browser.at("/recordings");
    assert_eq!(browser.run("return document.querySelector('.who').textContent"), "anna");
    browser.open("/account");
    browser.must_be_sound("account of a provider");
    browser.click("form.out button");
    browser.at("/sign-in");
    browser.open("/recordings");
    browser.at("/sign-in");
    // Out there as well: the provider asks again who it is.
    house.idp.person("u2", "matti", &["cc-agents"]);
    browser.click("a.button.main");
    browser.at("/recordings");
    assert_eq!(browser.run("return document.querySelector('.who').textContent"), "matti");
    house.lab.close();
}
