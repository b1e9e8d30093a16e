//! `nauhuri top`, asked of a recorder that runs: as JSON, as text, and on a pseudo terminal.

use crate::common::run::nauhuri;
use crate::control::{Place, during, scene, wait};
use crate::studio::Studio;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A program on a pseudo terminal of its own, of util-linux's making.
struct Screen {
    child: Child,
    keys: ChildStdin,
    drawn: Arc<Mutex<Vec<u8>>>,
}

impl Screen {
    /// `before`: what the shell does first; the terminal is there by then.
    fn open(socket: &Path, before: &str, args: &str) -> Screen {
        let program = nauhuri().get_program().to_string_lossy().into_owned();
        let line = format!(
            "stty rows 24 cols 80; {before} exec '{program}' top --socket '{}' {args}",
            socket.display()
        );
        let mut child = Command::new("script")
            .args(["-qefc", &line, "/dev/null"])
            .env("TERM", "xterm-256color")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (keys, mut out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let drawn = Arc::new(Mutex::new(Vec::new()));
        let copy = Arc::clone(&drawn);
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(n @ 1..) = out.read(&mut piece) {
                copy.lock().unwrap().extend_from_slice(&piece[..n]);
            }
        });
        Screen { child, keys, drawn }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.drawn.lock().unwrap()).into_owned()
    }

    /// What stands on the screen now: only what changes is drawn.
    fn picture(&self) -> String {
        let text = self.text();
        let (mut cells, mut row, mut column) = (vec![vec![' '; 200]; 60], 0, 0);
        for piece in text.split("\u{1b}[").skip(1) {
            let end = piece.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
            let numbers: Vec<usize> = piece[..end].split(';').filter_map(|n| n.parse().ok()).collect();
            match (piece.get(end..=end), &numbers[..]) {
                (Some("H"), [r, c]) => (row, column) = (r - 1, c - 1),
                (Some("J"), [2]) => cells.iter_mut().for_each(|row| row.fill(' ')),
                _ => {}
            }
            for c in piece.chars().skip(end + 1).filter(|c| !c.is_control()) {
                cells[row][column] = c;
                column += 1;
            }
        }
        cells.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned() + "\n").collect()
    }

    #[track_caller]
    fn shows(&self, what: &str) {
        let began = Instant::now();
        while !self.picture().contains(what) {
            assert!(began.elapsed() < Duration::from_secs(10), "{what}: {}", self.picture());
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Presses a key that ends it; everything that was drawn.
    #[track_caller]
    fn end(mut self, key: &[u8]) -> String {
        self.keys.write_all(key).unwrap();
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "{key:?}: {}", self.text());
            std::thread::sleep(Duration::from_millis(30));
        };
        assert!(status.success(), "{key:?}: {status}: {}", self.text());
        // The other screen is left, and the cursor is back.
        let began = Instant::now();
        while !["\u{1b}[?1049l", "\u{1b}[?25h"].iter().all(|mark| self.text().contains(mark)) {
            assert!(began.elapsed() < Duration::from_secs(5), "{}", self.text());
            std::thread::sleep(Duration::from_millis(30));
        }
        self.picture()
    }
}

#[test]
fn what_runs_is_shown_in_figures() {
    let place = Place::new();
    let studio = Studio::plain(&place.config("glance"));
    let top = || -> Value {
        let (code, said, why) = place.tell(&["top", "--json", "--interval", "0.3"]);
        assert_eq!(code, 0, "{why}");
        serde_json::from_str(&said).unwrap()
    };
    let idle = top();
    assert_eq!(
        (&idle["ready"], &idle["calls"]["now"], &idle["balanced"]),
        (&true.into(), &0.into(), &true.into())
    );
    during(&studio, &scene(&[2001, 2002], 6000.0), || {
        wait("two calls", || top()["calls"]["now"] == 2);
        let told = top();
        let rate = |key: &str| told["capture"][key].as_f64().unwrap();
        assert!((150.0..260.0).contains(&rate("packets_per_s")), "two sides of two calls, 50 each: {told}");
        assert!((150.0..260.0).contains(&rate("rtp_per_s")) && rate("bits_per_s") > 200_000.0, "{told}");
        assert!((0.29..3.0).contains(&told["interval_s"].as_f64().unwrap()), "{told}");
        assert_eq!(told["services"][0]["service"], "general");
        assert_eq!((&told["services"][0]["now"], &told["calls"]["answered"]), (&2.into(), &2.into()));
        let (code, text, _) = place.tell(&["top", "--interval", "0.2"]);
        assert!(code == 0 && text.contains("Calls      2 now   2 answered"), "{text}");
        assert!(
            text.contains("\nall ") && !text.contains('\u{1b}'),
            "a snapshot where no terminal is: {text}"
        );
        for said in [told.to_string(), text] {
            assert!(!said.contains("+358") && !said.contains("123200") && !said.contains("2001"), "{said}");
        }
        let screen = Screen::open(&place.socket(), "", "--interval 0.2");
        screen.shows("2 now");
        screen.shows("quit");
        let drawn = screen.end(b"q");
        assert!(drawn.contains("answered = recorded + explained"), "{drawn}");
    });
    let own = |entry: &Value| entry["action"] == "calls_show";
    assert!(!place.entries().iter().any(own), "counts leave no entry");
    assert!(studio.stop().0);
    let (code, said, why) = place.tell(&["top", "--once"]);
    assert!(code == 1 && said.is_empty() && why.contains("no recorder runs here"), "{why}");
    for wrong in ["0", "-1", "soon", "3601", "nan"] {
        let (code, _, why) = place.tell(&["top", &format!("--interval={wrong}")]);
        assert!(code == 2 && why.contains("--interval"), "{wrong}: {why}");
    }
}

#[test]
fn a_terminal_is_followed_and_left_as_it_was() {
    let place = Place::new();
    let config = place.config("glance-terminal");
    let studio = Studio::plain(&config);
    // Made wider it has room for another column.
    let widen = place.socket().with_extension("wide");
    let until_asked = format!("until [ -e '{}' ]; do sleep 0.05; done", widen.display());
    let screen = Screen::open(
        &place.socket(),
        &format!("({until_asked}; stty cols 132 </dev/tty) &"),
        "--interval 0.2",
    );
    screen.shows("0 now");
    assert!(!screen.picture().contains("A DAY"), "{}", screen.picture());
    std::fs::write(&widen, "").unwrap();
    screen.shows("A DAY");
    screen.end(b"\x1b");
    for key in [b"\x03", b"\x04"] {
        let screen = Screen::open(&place.socket(), "", "");
        screen.shows("0 now");
        screen.end(key);
    }
    // A recorder that is started again is found again.
    let screen = Screen::open(&place.socket(), "", "--interval 0.2");
    screen.shows("0 now");
    assert!(studio.stop().0);
    screen.shows("these figures are old");
    // Its last thread may answer for a moment yet, and whoever begins meanwhile leaves the socket to it.
    wait("nobody answers", || place.tell(&["top", "--once"]).0 == 1);
    let studio = Studio::plain(&place.config("glance-terminal"));
    screen.shows("\nready: ");
    let drawn = screen.end(b"q");
    assert!(!drawn.contains("figures are old"), "{drawn}");
    assert!(studio.stop().0);
}
