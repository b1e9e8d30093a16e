//! Each command, run by root, by the service's user, by a member of its group and by a
//! stranger, behind sudo and under two umasks: what it says, what it leaves, what the audit
//! log has of it.
//!
//! What is right stands in the table of `docs/security.md`; the commands come from the
//! command line's own definition, so that a new one cannot be forgotten in either.

use crate::lifecycle::everything;
use crate::lifecycle::office::Office;
use crate::recorder::copy_program;
use clap::CommandFactory as _;
use nauhuri::cli::Cli;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// Accounts that no machine has.
const SERVICE: u32 = 4_242;
const MEMBER: u32 = 4_244;
const STRANGER: u32 = 4_245;
/// Long enough for a daemon to be up and about.
const PATIENCE: Duration = Duration::from_secs(30);

static PORT: AtomicU16 = AtomicU16::new(18_400);

/// A row of the table.
#[derive(Debug)]
struct Row {
    /// Whether others than root and the service's user may.
    for_all: bool,
    /// What the audit log has of it.
    entry: Option<String>,
}

fn table() -> BTreeMap<String, Row> {
    let text = fs::read_to_string(crate::common::repository("docs/security.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `nauhuri "));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_end_matches('|').split('|').map(str::trim).collect();
        let [name, owners, others, entry] = cells[..] else { panic!("not four cells: {row}") };
        assert!(owners.starts_with("done"), "{row}");
        assert!(others.starts_with("done") || others.starts_with("refused"), "{row}");
        let entry = entry.strip_prefix('`').map(|e| e.split('`').next().unwrap().to_owned());
        let row = Row { for_all: others.starts_with("done"), entry };
        (name.trim_end_matches('`').to_owned(), row)
    })
    .collect()
}

/// Every command without commands of its own.
fn commands(of: &clap::Command, before: &str, out: &mut Vec<String>) {
    // What the recorder starts by itself is no command for anybody.
    for command in of.get_subcommands().filter(|c| c.get_name() != "decode-worker") {
        let name = format!("{before}{}", command.get_name());
        match command.has_subcommands() {
            true => commands(command, &format!("{name} "), out),
            false => out.push(name),
        }
    }
}

/// Who runs it.
#[derive(Clone, Copy)]
struct Actor {
    uid: u32,
    in_group: bool,
    umask: &'static str,
    sudo: bool,
}

impl Actor {
    const ALL: [Actor; 7] = [
        Actor { uid: 0, in_group: false, umask: "077", sudo: false },
        Actor { uid: 0, in_group: false, umask: "000", sudo: true },
        Actor { uid: SERVICE, in_group: true, umask: "077", sudo: false },
        Actor { uid: SERVICE, in_group: true, umask: "000", sudo: true },
        Actor { uid: MEMBER, in_group: true, umask: "022", sudo: false },
        Actor { uid: MEMBER, in_group: true, umask: "000", sudo: true },
        Actor { uid: STRANGER, in_group: false, umask: "022", sudo: false },
    ];

    fn may(&self) -> bool {
        matches!(self.uid, 0 | SERVICE)
    }

    /// The program, run by this one.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        if self.uid != 0 {
            // `setpriv` gives up what it may, but for what the unit gives the service.
            command.arg(format!("--reuid={}", self.uid)).arg(format!("--regid={}", self.uid));
            match self.in_group {
                true => command.arg(format!("--groups={SERVICE}")),
                false => command.arg("--clear-groups"),
            };
            if self.uid == SERVICE {
                command.args(["--inh-caps=+net_raw", "--ambient-caps=+net_raw"]);
            }
        }
        command.args(["sh", "-c", &format!("umask {}; exec \"$@\"", self.umask), "sh"]).arg(program);
        match self.sudo {
            true => command.env("SUDO_USER", "kaisa"),
            false => command.env_remove("SUDO_USER"),
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// A store of the service's with one recording of each kind, and an account.
struct Place {
    office: Office,
    program: PathBuf,
    plain: String,
    held: String,
    restricted: String,
    copy: String,
}

impl Place {
    fn new() -> Place {
        assert!(std::env::var_os("NAUHURI_LIVE").is_some(), "run it with `make test-live`");
        let office = Office::new();
        let dir = office.store.outside().to_owned();
        let path = dir.join("nauhuri.toml");
        let text = fs::read_to_string(&path).unwrap();
        let text = text.replace("[retention]\n", "[retention]\nguard = 0\n")
            + "[agents]\nextensions = [\"2000-2999\"]\n";
        fs::write(&path, text).unwrap();
        let plain = office.record(1, -20, 100);
        let held = office.record(2, -20, 100);
        let _due = office.record(3, -60, -30);
        let restricted = office.record(4, -20, 100);
        office.ends(0, &["restrict", &restricted, "--ref", "B"]);
        office.ends(0, &["hold", &held, "--reason", "crime", "--ref", "A"]);
        let mut add = office.command(&["user", "add", "matti", "--role", "agent", "--password-stdin"]);
        let mut add = add.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        add.stdin.take().unwrap().write_all(b"a long password for matti\n").unwrap();
        assert!(add.wait().unwrap().success());
        let made = office.ends(0, &["training", "make", &plain, "--title", "A caller in a hurry"]);
        let copy = made.split(' ').next().unwrap().to_owned();
        let today = jiff::Timestamp::now().to_string();
        for right in ["access", "rectify"] {
            let words = ["dsar", "add", "--right", right, "--received", &today[..10], "--channel", "letter"];
            let known = ["--ref", "C", "--identity", "passport", &plain];
            let mut add = office.command(&[&words[..], &known].concat());
            let mut add = add.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
            add.stdin.take().unwrap().write_all(b"Aino Testinen\n").unwrap();
            assert!(add.wait().unwrap().success());
        }
        let program = dir.join("nauhuri");
        copy_program(&program);
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(&office.store.root, fs::Permissions::from_mode(0o750)).unwrap();
        for path in everything(&office.store.root) {
            chown(path, Some(SERVICE), Some(SERVICE)).unwrap();
        }
        Place { office, program, plain, held, restricted, copy }
    }

    /// A copy of the store, and a folder where anybody may put something.
    fn copy(&self, n: usize) -> (PathBuf, PathBuf) {
        let dir = self.office.store.outside();
        let (store, out) = (dir.join(format!("store-{n}")), dir.join(format!("out-{n}")));
        let copied = Command::new("cp").arg("-a").arg(&self.office.store.root).arg(&store).status().unwrap();
        assert!(copied.success());
        fs::create_dir(&out).unwrap();
        fs::set_permissions(&out, fs::Permissions::from_mode(0o1777)).unwrap();
        (store, out)
    }

    /// What follows the program's name.
    fn args(&self, command: &str, store: &Path, out: &Path, port: u16) -> Vec<String> {
        let (plain, held) = (self.plain.as_str(), self.held.as_str());
        let case = ["--ref", "B"];
        let to = out.join("made").display().to_string();
        let capture = crate::common::repository("pcaps/baresip-hold.pcap").display().to_string();
        let csv = self.office.store.outside().join("people.csv").display().to_string();
        let own: Vec<&str> = match command {
            "record" => vec!["--set", "capture.interface=lo"],
            "replay" | "doctor" => vec![&capture],
            "manual" => vec!["--out", &to],
            "setup" => vec!["--yes", "--seconds", "0", "--interface", "lo", "--extensions", "2000-2999"],
            "notice" => vec!["--lang", "fi"],
            "reconcile" => vec!["--cdr", "/dev/null"],
            // The port for discarding: nobody answers there.
            "probe" => vec![
                "--set",
                "probe.exchange=udp:127.0.0.1:9",
                "--set",
                "probe.to=2001",
                "--set",
                "probe.ring=1s",
            ],
            "show" | "explain" => vec![plain],
            "hold" => [&[plain, "--reason", "crime"][..], &case].concat(),
            "release" => vec![held, "--ref", "A", "--yes"],
            "restrict" => [&[plain][..], &case].concat(),
            "unrestrict" => [&[self.restricted.as_str()][..], &case].concat(),
            "amend" => [&[plain, "--set-agent", "2002"][..], &case].concat(),
            "redecode" => vec![plain],
            "erase" => vec![plain, "--reason", "asked", "--yes"],
            "export" => vec![plain, "--to", &to, "--reason", "asked"],
            "retention apply" => vec!["--service", "116117", "--yes"],
            "dsar add" => {
                [&["--right", "access", "--received", "2026-11-23", "--channel", "letter"][..], &case]
                    .concat()
            }
            "dsar show" => vec!["1"],
            "dsar change" => vec!["1", "--ask-identity"],
            "dsar extend" => vec!["2", "--months", "2", "--why", "much to hear"],
            "dsar decide" => vec!["1", "--outcome", "refused", "--ground", "a law"],
            "dsar copy" => vec!["1", "--to", &to],
            "dsar letter" => vec!["1", "--kind", "receipt", "--set", "controller.name=Town"],
            "training make" => vec![plain, "--title", "A caller in a hurry"],
            "training remove" => vec![&self.copy],
            "user add" => vec!["kaisa", "--role", "agent", "--password-stdin"],
            "user change" => vec!["matti", "--role", "supervisor"],
            "user import" => {
                std::fs::write(&csv, "account,agent,team,from,until\nmatti,2009,,,\n").unwrap();
                vec![&csv]
            }
            "user disable" => vec!["matti"],
            "user reset" => vec!["matti", "--password-stdin"],
            "check" | "list" | "unrecorded" | "report" | "verify" | "reindex" | "repair" | "forecast"
            | "expire" | "audit verify" | "audit show" | "serve" | "user list" | "dsar list"
            | "training list" => vec![],
            other => panic!("`nauhuri {other}` is new: say here how it is run"),
        };
        // Where nothing is there yet.
        let config = match command {
            "setup" => to.clone(),
            _ => self.office.store.outside().join("nauhuri.toml").display().to_string(),
        };
        let sets = [
            format!("storage.dir={}", store.display()),
            format!("room.listen=127.0.0.1:{port}"),
            format!("metrics.listen=127.0.0.1:{}", port + 1),
        ];
        let words = command.split(' ').chain(own).map(String::from);
        let sets = sets.into_iter().flat_map(|set| ["--set".into(), set]);
        words.chain(["--config".into(), config]).chain(sets).collect()
    }
}

/// All that somebody could have changed: names, owners, modes, bytes.
fn picture(root: &Path) -> Vec<(PathBuf, u32, u32, u32, Vec<u8>)> {
    let mut all: Vec<_> = everything(root)
        .into_iter()
        .map(|path| {
            let m = fs::symlink_metadata(&path).unwrap();
            let bytes = if m.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            (path, m.uid(), m.gid(), m.mode(), bytes)
        })
        .collect();
    all.sort();
    all
}

fn entries(store: &Path) -> Vec<Value> {
    let text = fs::read_to_string(store.join(".nauhuri/audit.jsonl")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Somebody at the listening room's door with a wrong password; whether he was heard.
fn knock(port: u16) -> bool {
    let Ok(mut door) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let body = "{\"user\":\"matti\",\"password\":\"a wrong one\"}";
    let request = format!(
        "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nX-Nauhuri: 1\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut answer = String::new();
    door.write_all(request.as_bytes()).is_ok() && door.read_to_string(&mut answer).is_ok()
}

/// Lets it run to its end; a daemon until the log has what it is to have.
fn run(
    mut child: Child,
    command: &str,
    port: u16,
    store: &Path,
    entry: Option<&str>,
) -> (Option<i32>, String) {
    // One that is refused does not read it.
    let _ = child.stdin.take().unwrap().write_all(b"a long password for somebody\n");
    if matches!(command, "record" | "serve") {
        let (before, deadline) = (entries(store).len(), Instant::now() + PATIENCE);
        let mut is_heard = false;
        while child.try_wait().unwrap().is_none() && Instant::now() < deadline {
            is_heard = is_heard || (command == "serve" && knock(port));
            if entries(store).iter().skip(before).any(|e| e["action"].as_str() == entry) {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).stderr(Stdio::null()).status();
    }
    let out = child.wait_with_output().unwrap();
    let said = [out.stdout, out.stderr].concat();
    (out.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// Nobody is shut out by what was left: the service erases everything.
fn all_can_be_erased(place: &Place, store: &Path, what: &str) {
    let service = Actor::ALL[2];
    let words = |words: &[&str]| -> Vec<String> {
        let tail =
            ["--config".to_owned(), place.office.store.outside().join("nauhuri.toml").display().to_string()];
        let set = ["--set".to_owned(), format!("storage.dir={}", store.display())];
        words.iter().map(|w| (*w).to_owned()).chain(tail).chain(set).collect()
    };
    for (args, must) in [
        (words(&["release", "--since", "2000-01-01", "--ref", "A", "--yes"]), false),
        (words(&["release", "--since", "2000-01-01", "--ref", "B", "--yes"]), false),
        (words(&["erase", "--since", "2000-01-01", "--reason", "all", "--yes"]), true),
        (words(&["audit", "verify"]), true),
    ] {
        let out = service.command(&place.program).args(&args).output().unwrap();
        let said = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
        assert!(!must || out.status.success(), "{what}, then {args:?}: {said}");
    }
    let left: Vec<_> = everything(store).into_iter().filter(|p| p.is_file()).collect();
    // What tells of calls without a recording has no sound to be erased; it goes on its day.
    let is_kept = |p: &Path| [".nauhuri", "assurance"].iter().any(|folder| p.starts_with(store.join(folder)));
    let left: Vec<_> = left.iter().filter(|p| !is_kept(p)).collect();
    assert!(left.is_empty(), "{what}: {left:?}");
}

#[test]
#[ignore = "make test-live"]
fn who_may_what() {
    let table = table();
    let mut cli = Cli::command();
    cli.build();
    let mut names = Vec::new();
    commands(&cli, "", &mut names);
    let listed: Vec<&String> = table.keys().collect();
    names.sort();
    assert_eq!(names.iter().collect::<Vec<_>>(), listed, "the table of docs/security.md");
    // These speak with a recorder that runs: tests/live/control.rs.
    names.retain(|n| !["calls", "pause", "reload", "top"].contains(&n.as_str()));
    let place = Place::new();
    for (n, (name, actor)) in names.iter().flat_map(|n| Actor::ALL.map(|a| (n, a))).enumerate() {
        let row = &table[name];
        let (store, out) = place.copy(n);
        let port = PORT.fetch_add(2, Ordering::Relaxed);
        let what = format!("{name} by {} (umask {}, sudo {})", actor.uid, actor.umask, actor.sudo);
        let (before, told) = (picture(&store), entries(&store).len());
        let mut command = actor.command(&place.program);
        let child = command.args(place.args(name, &store, &out, port)).spawn().unwrap();
        let (code, said) = run(child, name, port, &store, row.entry.as_deref());
        assert!(!said.contains("panicked"), "{what}: {said}");
        if !actor.may() || row.entry.is_none() && row.for_all {
            let want = if row.for_all { 0 } else { 1 };
            assert_eq!(code, Some(want), "{what}: {said}");
            // Not what the system said of the first file it kept closed, but what to do; the
            // daemons, and a replay into a folder of one's own, are started otherwise.
            let advice = [format!("sudo -u '#{SERVICE}' nauhuri"), "sudo -u nauhuri".into()];
            let is_advised = advice.iter().any(|advice| said.contains(advice.as_str()));
            let is_daemon = matches!(name.as_str(), "record" | "replay" | "serve");
            let is_told = is_advised || is_daemon && said.to_lowercase().contains("permission");
            assert!(row.for_all || is_told, "{what}: {said}");
            assert!(picture(&store) == before, "{what} changed something");
        } else {
            // `verify` may find the recording that is due, and nobody answers the test call.
            let may_fail = matches!(name.as_str(), "verify" | "probe");
            let is_done = code == Some(0) || may_fail && code == Some(1);
            assert!(is_done, "{what}: {code:?}: {said}");
            the_stores_own(&store, &what);
            let new: Vec<Value> = entries(&store).split_off(told);
            match &row.entry {
                None => assert!(new.is_empty(), "{what}: {new:?}"),
                Some(entry) => {
                    let own: Vec<_> = new.iter().filter(|e| e["action"] == entry.as_str()).collect();
                    assert!(!own.is_empty(), "{what}: {new:?}: {said}");
                    let is_visitors = matches!(name.as_str(), "serve");
                    let behind = if actor.sudo { Value::from("kaisa") } else { Value::Null };
                    assert!(
                        is_visitors || own.iter().all(|e| e["who"]["sudo_user"] == behind),
                        "{what}: {own:?}"
                    );
                }
            }
            all_can_be_erased(&place, &store, &what);
        }
        // Copies belong to whoever made them, and to nobody else.
        for path in everything(&out).into_iter().skip(1) {
            let m = fs::symlink_metadata(&path).unwrap();
            assert_eq!(m.uid(), actor.uid, "{what}: {}", path.display());
            if matches!(name.as_str(), "export" | "dsar copy") {
                assert_eq!(m.mode() & 0o077, 0, "{what}: {}", path.display());
            }
        }
        fs::remove_dir_all(&store).unwrap();
        fs::remove_dir_all(&out).unwrap();
    }
}

/// Everything is the service's and closed to others.
fn the_stores_own(store: &Path, what: &str) {
    for path in everything(store) {
        let m = fs::symlink_metadata(&path).unwrap();
        let path = path.display();
        assert_eq!((m.uid(), m.gid()), (SERVICE, SERVICE), "{what}: {path}");
        if store.display().to_string() != path.to_string() {
            let mode = if m.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(m.mode() & 0o7777, mode, "{what}: {path}");
        }
    }
}
