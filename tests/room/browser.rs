//! A real Chromium, driven as a person would: signs in, accepts, searches, listens, asks,
//! approves, holds, takes a copy, signs out; on a small and a large screen, dark and light.
//!
//! Pictures go to `out/pictures`, where a person can look at them.

use crate::kit::{Lab, Tape, day, password};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Key of an element in WebDriver's answers (W3C WebDriver section 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with a profile of its own.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    home: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub fn start(lab: &Lab) -> Browser {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("chromedriver cannot be run ({e}): scripts/setup installs it"));
        let address: SocketAddr = ([127, 0, 0, 1], port).into();
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "chromedriver does not answer");
            std::thread::sleep(Duration::from_millis(100));
        }
        let profile = tempfile::tempdir().unwrap();
        let args = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--mute-audio",
            "--autoplay-policy=no-user-gesture-required",
            "--lang=en",
            "--window-size=1200,900",
        ];
        let folder = format!("--user-data-dir={}", profile.path().display());
        let args: Vec<&str> = args.into_iter().chain([folder.as_str()]).collect();
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": args, "prefs": { "intl.accept_languages": "en" } },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let mut browser = Browser {
            driver,
            address,
            session: String::new(),
            home: format!("http://{}", lab.address()),
            _profile: profile,
        };
        let made = browser.call("POST", "/session", &wanted);
        browser.session = made["sessionId"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        browser
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if method == "GET" { String::new() } else { body.to_string() };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        // chromedriver leaves the connection open: what it says ends where it says so.
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            match line.trim().to_lowercase().split_once(':') {
                Some(("content-length", n)) => length = n.trim().parse().unwrap(),
                None if line.trim().is_empty() => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let reply: Value = serde_json::from_slice(&body).unwrap();
        reply["value"].clone()
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let value = self.call(method, &format!("/session/{}{path}", self.session), body);
        assert!(value["error"].is_null(), "{path}: {value}");
        value
    }

    pub fn open(&self, path: &str) {
        self.ask("POST", "/url", &json!({ "url": format!("{}{path}", self.home) }));
    }

    /// What a script gives back; it may wait.
    pub fn run(&self, script: &str) -> Value {
        let script = format!("return (async () => {{ {script} }})()");
        self.ask("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until a script says yes.
    pub fn until(&self, what: &str, script: &str) {
        let began = Instant::now();
        while self.run(script) != true {
            let page = self.run("return location.href + '\\n' + document.body.innerText");
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "{what}: {}",
                page.as_str().unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn element(&self, css: &str) -> String {
        let value = self.ask("POST", "/element", &json!({ "using": "css selector", "value": css }));
        value[ELEMENT].as_str().unwrap_or_else(|| panic!("{css}: {value}")).to_owned()
    }

    pub fn click(&self, css: &str) {
        self.ask("POST", &format!("/element/{}/click", self.element(css)), &json!({}));
    }

    pub fn write(&self, css: &str, text: &str) {
        self.ask("POST", &format!("/element/{}/value", self.element(css)), &json!({ "text": text }));
    }

    pub fn at(&self, path: &str) {
        let script = format!("return document.readyState === 'complete' && location.pathname === '{path}'");
        self.until(path, &script);
    }

    fn size(&self, width: u32, height: u32) {
        self.ask("POST", "/window/rect", &json!({ "width": width, "height": height }));
    }

    fn dark(&self, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        let body = json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": features } });
        self.ask("POST", "/goog/cdp/execute", &body);
    }

    /// A picture of the page as it is.
    pub fn picture(&self, name: &str) {
        let text = self.ask("GET", "/screenshot", &Value::Null);
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("out/pictures");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), base64(text.as_str().unwrap())).unwrap();
    }

    fn sign_in(&self, name: &str) {
        self.open("/sign-in");
        self.write("[name=user]", name);
        self.write("[name=password]", &password(name));
        self.click("form button.main");
    }

    fn sign_out(&self) {
        self.click("form.out button");
        self.at("/sign-in");
    }

    /// What axe-core finds against WCAG 2.2 AA and good practice.
    fn axe(&self) -> Value {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("target/tools/node/node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(&path)
            .unwrap_or_else(|e| panic!("{}: {e}: scripts/setup test installs it", path.display()));
        self.run(&format!(
            "{axe}; const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']; \
             const found = await axe.run(document, {{ runOnly: {{ type: 'tag', values: tags }} }}); \
             return found.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.html).join(' | '))"
        ))
    }

    /// What no page may have: scrolling sideways, a field without a label, a picture without words, two heads,
    /// an id twice; and what the browser complained of.
    pub fn must_be_sound(&self, what: &str) {
        let wrong = self.run(
            "const wrong = []; \
             if (document.documentElement.scrollWidth > innerWidth) wrong.push('scrolls sideways ' + \
               document.documentElement.scrollWidth + ' > ' + innerWidth); \
             if (document.querySelectorAll('h1').length !== 1) wrong.push('not one h1'); \
             if (!document.documentElement.lang || !document.title) wrong.push('no language or title'); \
             for (const field of document.querySelectorAll('input:not([type=hidden]), select')) \
               if (!field.labels?.length && !field.getAttribute('aria-label')) wrong.push('no label: ' + field.outerHTML); \
             for (const button of document.querySelectorAll('button, a, summary')) \
               if (!button.textContent.trim()) wrong.push('says nothing: ' + button.outerHTML); \
             const ids = [...document.querySelectorAll('[id]')].map((e) => e.id); \
             if (new Set(ids).size !== ids.length) wrong.push('an id twice'); \
             return wrong",
        );
        assert_eq!(wrong, json!([]), "{what}");
        assert_eq!(self.axe(), json!([]), "{what}");
        let log = self.ask("POST", "/se/log", &json!({ "type": "browser" }));
        let severe: Vec<_> = log
            .as_array()
            .unwrap()
            .iter()
            .filter(|line| line["level"] == "SEVERE")
            // A refusal that the page shows in words.
            .filter(|line| !line["message"].as_str().unwrap().contains("Failed to load resource"))
            .collect();
        assert!(severe.is_empty(), "{what}: {severe:?}");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                self.call("DELETE", &format!("/session/{}", self.session), &json!({}));
            }));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// RFC 4648, for pictures.
fn base64(text: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let (mut out, mut bits, mut have) = (Vec::new(), 0u32, 0);
    for v in text.bytes().filter_map(value) {
        bits = bits << 6 | u32::from(v);
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
        }
    }
    out
}

const TEXT: &str = r#"
[controller]
name = "City of Mallila"
contact = "registry@mallila.example"
[[service]]
name = "clinic"
numbers = ["1"]
special_category = true
[room.roles.agent]
hear = "own"
[room.roles.supervisor]
find = "all"
hear = "all"
act = ["hold", "release", "export", "training"]
download = true
[room.roles.admin]
act = ["people"]
training = "all"
"#;

/// Ten seconds: the customer's tone, then the agent's.
fn tones(rate: u32) -> Vec<i16> {
    let sine = |n: u32, hz: f64| {
        (8_000.0 * (std::f64::consts::TAU * hz * f64::from(n) / f64::from(rate)).sin()) as i16
    };
    (0..rate * 10)
        .flat_map(|n| if n < rate * 5 { [sine(n, 440.0), 0] } else { [0, sine(n, 660.0)] })
        .collect()
}

#[test]
fn a_day_in_the_room() {
    let mut lab = Lab::new(TEXT);
    let text = lab.outside().join("undertaking.txt");
    std::fs::write(&text, "I listen only where my work needs it.\nI keep to myself what I hear.\n").unwrap();
    lab = lab.set("room.undertaking", text.to_str().unwrap());
    let encoding = nauhuri::store::wav::WavEncoding::Alaw;
    let tape = Tape { samples: tones(8_000), encoding, ..Tape::new("general", "2001") };
    let id = lab.record(&tape);
    let clinic = lab.record(&Tape { samples: tones(8_000), at: day(-3), ..Tape::new("clinic", "2001") });
    for n in 0..6 {
        lab.record(&Tape { at: day(-20 - n), ..Tape::new("general", "2002") });
    }
    lab.user("kaisa", &["--role", "supervisor"]);
    lab.user("matti", &["--role", "approver"]);
    lab.user("root", &["--role", "admin", "--role", "auditor", "--role", "dpo"]);
    let (came, case) = (day(-3).to_rfc3339(), id.to_string());
    let words = [
        "dsar",
        "add",
        "--right",
        "access",
        "--received",
        &came[..10],
        "--channel",
        "letter",
        "--ref",
        "17/2026",
    ];
    lab.done(
        &[&words[..], &["--language", "sv", "--identity", "passport", &case]].concat(),
        "Aino Testinen\nGatan 7\n",
    );
    lab.open();
    let b = Browser::start(&lab);

    // In, with a wrong password first.
    b.open(&format!("/recordings/{id}"));
    b.at("/sign-in");
    b.must_be_sound("sign-in");
    b.picture("sign-in");
    b.write("[name=user]", "kaisa");
    b.write("[name=password]", "wrong");
    b.click("form button.main");
    b.until("refused", "return document.querySelector('form [role=alert]').textContent.length > 10");
    b.write("[name=password]", "\u{e009}a\u{e000}");
    b.write("[name=password]", &password("kaisa"));
    b.click("form button.main");
    b.at("/undertaking");
    b.must_be_sound("undertaking");
    b.picture("undertaking");
    b.click("main button");
    b.at(&format!("/recordings/{id}"));

    listen(&b, &id.to_string());
    search(&b);

    // A hold, and a copy that comes to the browser.
    b.open(&format!("/recordings/{id}"));
    b.click(&format!("details:has([data-api$='{id}/hold']) summary"));
    b.write(&format!("[data-api$='{id}/hold'] [name=ref]"), "17/2026");
    b.click(&format!("[data-api$='{id}/hold'] button"));
    b.until("held", "return document.readyState === 'complete' && document.querySelector('.badge').dataset.state === 'held'");
    b.must_be_sound("held");
    let copied = b.run(&format!(
        "const answer = await fetch('/api/v1/recordings/{id}/export', {{ method: 'POST', headers: {{ 'X-Nauhuri': '1', \
         'Content-Type': 'application/json' }}, body: '{{\"reason\":\"17\"}}' }}); return (await answer.blob()).type"
    ));
    assert_eq!(copied, "application/zip");

    // A training copy, from the form to the page.
    b.click(&format!("details:has([data-api$='{id}/training']) summary"));
    b.write(&format!("[data-api$='{id}/training'] [name=title]"), "A caller in a hurry");
    b.write(&format!("[data-api$='{id}/training'] [name=beep]"), "1-2 3-3.5:customer");
    b.must_be_sound("making a training copy");
    b.picture("training-making");
    b.click(&format!("[data-api$='{id}/training'] button"));
    b.at("/training");
    b.must_be_sound("training copies");

    // What needs a request is asked for by one, and approved by another.
    b.open(&format!("/recordings/{clinic}"));
    assert_eq!(b.run("return document.getElementById('play') === null"), true);
    b.click("details:has([data-api='/api/v1/requests']) summary");
    b.write("[data-api='/api/v1/requests'] [name=ref]", "HEL 2026-1");
    b.picture("asking");
    b.click("[data-api='/api/v1/requests'] button");
    b.at("/requests");
    b.must_be_sound("requests");
    b.sign_out();
    // The way back shows nothing.
    b.ask("POST", "/back", &json!({}));
    b.until(
        "nothing shown",
        "return location.pathname === '/sign-in' || !document.body.innerText.includes('HEL 2026-1')",
    );
    b.sign_in("matti");
    b.at("/undertaking");
    b.click("main button");
    b.at("/recordings");
    b.open("/requests");
    b.run("document.querySelector('[name=until]').value = new Date(Date.now() + 5 * 864e5).toISOString().slice(0, 10)");
    b.must_be_sound("deciding");
    b.picture("deciding");
    b.click("[data-api$='/approve'] button");
    b.until("approved", "return document.readyState === 'complete' && document.querySelector('.badge').dataset.state === 'approved'");
    b.sign_out();
    b.sign_in("kaisa");
    b.at("/recordings");
    b.open(&format!("/recordings/{clinic}"));
    b.click("#play");
    b.until("heard on request", "return document.querySelector('audio').currentTime > 0.2");

    // A session that ran out while somebody typed: nothing is lost.
    b.open(&format!("/recordings/{id}"));
    b.click("details:has([data-api$='/export']) summary");
    b.write("[data-api$='/export'] [name=reason]", "a long reason");
    lab.done(&["user", "disable", "kaisa"], "");
    b.click("[data-api$='/export'] button");
    b.until(
        "told",
        "return document.querySelector('[data-api$=\"/export\"] [role=alert]').textContent.length > 10",
    );
    assert_eq!(
        b.run("return document.querySelector('[data-api$=\"/export\"] [name=reason]').value"),
        "a long reason"
    );

    b.sign_in("root");
    b.at("/undertaking");
    b.click("main button");
    b.at("/recordings");
    for (path, name) in [
        ("/log", "log"),
        ("/people", "people"),
        ("/account", "account"),
        ("/training", "training"),
        ("/dsar", "dsar"),
        ("/dsar/1", "dsar-one"),
        ("/dsar/1/letter/receipt", "letter"),
    ] {
        b.open(path);
        b.run("document.querySelectorAll('main details').forEach((one) => (one.open = true))");
        b.must_be_sound(path);
        b.picture(name);
        b.size(340, 800);
        b.must_be_sound(&format!("{path}, small"));
        b.size(1200, 900);
    }
    b.open("/training");
    b.run("document.querySelector('audio').play()");
    b.until("a training copy is heard", "return document.querySelector('audio').currentTime > 0.2");
    drop(b);
    lab.close();
}

/// The player: time goes on, the samples are the right ones, each side alone, by keyboard, in the dark.
fn listen(b: &Browser, id: &str) {
    b.until(
        "waveform",
        "const c = document.getElementById('wave'); const p = c.getContext('2d'); \
        const d = p.getImageData(0, 0, c.width, c.height).data; let n = 0; \
        for (let i = 3; i < d.length; i += 4) n += d[i] > 0 ? 1 : 0; return n > 500",
    );
    b.must_be_sound("recording");
    b.picture("recording");
    // From the click to the first sound.
    b.run("window.began = performance.now(); document.querySelector('audio').addEventListener('playing', () => { \
        window.took = performance.now() - window.began }, { once: true }); document.getElementById('play').click()");
    b.until("playing", "return document.querySelector('audio').currentTime > 0.5");
    let took = b.run("return window.took").as_f64().unwrap();
    assert!(took < 3_000.0, "{took} ms from the click to the sound, on a machine that does other things too");
    // Seek by keyboard: to the agent's half.
    b.run("document.getElementById('seek').focus()");
    b.write("#seek", "\u{e010}");
    b.write("#seek", "\u{e012}");
    let at = b.run("return document.querySelector('audio').currentTime").as_f64().unwrap();
    assert!((4.0..6.5).contains(&at), "End, then five seconds back: {at}");
    b.click("#mute-agent");
    assert_eq!(b.run("return document.getElementById('mute-agent').checked"), true);
    b.write("#speed", "2");
    assert_eq!(b.run("return document.querySelector('audio').playbackRate"), 2.0);
    // What came through the browser's own decoder is what was recorded: tones in their places.
    let tones = b.run(&format!(
        "const bytes = await (await fetch('/api/v1/recordings/{id}/audio')).arrayBuffer(); \
         const sound = await new OfflineAudioContext(2, 8000, 8000).decodeAudioData(bytes); \
         const power = (side, hz, from) => {{ let re = 0, im = 0; const d = sound.getChannelData(side); \
           const r = sound.sampleRate; for (let n = 0; n < r; n++) {{ const a = 2 * Math.PI * hz * n / r; \
           re += d[from * r + n] * Math.cos(a); im += d[from * r + n] * Math.sin(a) }} return Math.hypot(re, im) / r }}; \
         return [sound.duration, power(0, 440, 1), power(1, 440, 1), power(0, 660, 7), power(1, 660, 7)]"
    ));
    let tones: Vec<f64> = tones.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    let loud = 8_000.0 / 32_768.0 / 2.0;
    assert!((tones[0] - 10.0).abs() < 0.02, "{tones:?}");
    for (got, want) in tones[1..].iter().zip([loud, 0.0, 0.0, loud]) {
        assert!((got - want).abs() < 0.005, "{tones:?}");
    }
    b.click("#play");
    b.until("paused", "return document.querySelector('audio').paused");
    b.dark(true);
    b.picture("recording-dark");
    b.size(340, 900);
    b.must_be_sound("recording, small");
    b.picture("recording-small");
    b.size(1200, 900);
    b.dark(false);
}

/// The search: its address, its pages, three languages, small screens.
fn search(b: &Browser) {
    b.open("/recordings?limit=3");
    b.must_be_sound("search");
    b.picture("search");
    assert_eq!(b.run("return document.querySelectorAll('tbody tr').length"), 3);
    b.click("a[rel=next]");
    b.until(
        "second page",
        "return location.search.includes('cursor=') && document.querySelectorAll('tbody tr').length === 3",
    );
    b.open("/recordings");
    b.write("[name=agent]", "2001");
    b.click("form.search button");
    b.until(
        "found",
        "return location.search.includes('agent=2001') && document.querySelectorAll('tbody tr').length === 2",
    );
    b.click("tbody a");
    b.until("a recording", "return location.pathname.length > 20");
    b.run("document.querySelector('main nav a').click()");
    b.until(
        "back at the search",
        "return location.pathname === '/recordings' && location.search.includes('agent=2001')",
    );
    for (code, word) in [("fi", "Hakutulos"), ("sv", "Sökresultat"), ("en", "Results")] {
        if b.run("return document.documentElement.lang") != code {
            b.click(&format!("[data-language={code}]"));
        }
        b.until(code, &format!("return document.documentElement.lang === '{code}' && document.body.innerText.includes('{word}')"));
        assert_eq!(b.run("return location.search.includes('agent=2001')"), true, "the search stays");
        b.must_be_sound(code);
        b.size(340, 900);
        b.must_be_sound(&format!("{code}, small"));
        b.picture(&format!("search-{code}-small"));
        b.size(1200, 900);
    }
}
