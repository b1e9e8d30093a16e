//! `nauhuri setup` as somebody on the first day runs it: by options, by answers through a pipe, on a terminal.
//!
//! What it writes is held against `nauhuri check` and against a replay. The wire is `tests/live/doctoring.rs`'s.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]

mod common;

use common::run::nauhuri;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// Numbers of the captures: none may be said or written whole.
const PERSONAL: &[&str] = &["0401234567", "358401234567", "123456"];

fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps").join(name)
}

/// A folder for the file.
struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Desk {
        Desk { dir: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("etc/nauhuri.toml")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = nauhuri();
        command.arg("setup").arg("--config").arg(self.file()).args(args);
        command
    }

    /// Exit status, and everything that was said.
    fn run(&self, args: &[&str], answers: &str) -> (i32, String) {
        let mut child = self.command(args);
        let mut child =
            child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Whoever refuses at once reads nothing.
        let _ = child.stdin.take().unwrap().write_all(answers.as_bytes());
        let done = said(child.wait_with_output().unwrap());
        // A comment has the same number for an example.
        let text = fs::read_to_string(self.file()).unwrap_or_default();
        let all = done.1.clone() + &text.replace("0401234567 and +358401234567 are the same", "");
        PERSONAL.iter().for_each(|number| assert!(!all.contains(number), "{number}: {all}"));
        done
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    fn read(&self) -> toml::Table {
        toml::from_str(&self.text()).unwrap()
    }

    /// `check` takes it for what `record` needs.
    #[track_caller]
    fn is_accepted(&self) {
        let out = nauhuri().args(["check", "--record", "--config"]).arg(self.file()).output().unwrap();
        let (code, said) = said(out);
        assert_eq!(code, 0, "{said}\n{}", self.text());
        let left: Vec<_> = fs::read_dir(self.file().parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }
}

fn said(out: Output) -> (i32, String) {
    let text = [out.stdout, out.stderr].concat();
    (out.status.code().unwrap(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_capture_and_nobody_to_ask() {
    let desk = Desk::new();
    let call = capture("sipp-inbound-customer-bye.pcap").display().to_string();
    let (code, said) = desk.run(&["--yes", "--interface", "lo", &call], "");
    assert_eq!(code, 0, "{said}");
    for words in [
        "1 call answered",
        "extensions   2001 answered or called",
        "SIP ports    5060",
        "fit to record",
        "written: ",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    desk.is_accepted();
    let read = desk.read();
    assert_eq!(read["capture"]["interface"], toml::Value::from(vec!["lo"]));
    assert_eq!(read["agents"]["extensions"], toml::Value::from(vec!["2001"]));
    assert_eq!(read["service_default"]["retention"].as_str(), Some("6 months"));
    assert!(read.get("service").is_none() && read["retention"]["timezone"].is_str(), "{read}");
    let text = desk.text();
    for words in ["# Extensions: \"2001\"", "# Seen: 2001 answered or called.", "# Nobody chose this"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    // What it was made from is recorded with it.
    let out = desk.dir.path().join("out");
    let mut replay = nauhuri();
    replay.args(["replay", "--json", "--config"]).arg(desk.file()).arg("--out").arg(out).arg(call);
    let (code, told) = self::said(replay.output().unwrap());
    assert!(code == 0 && told.contains("_2001_"), "{told}");
}

#[test]
fn a_file_that_is_there_stays() {
    let desk = Desk::new();
    fs::create_dir(desk.file().parent().unwrap()).unwrap();
    fs::write(desk.file(), "# mine\n").unwrap();
    let options = ["--yes", "--seconds", "0", "--interface", "lo", "--extensions", "2000-2999"];
    let (code, said) = desk.run(&options, "");
    assert!(code == 2 && said.contains("--force"), "{code} {said}");
    assert_eq!(desk.text(), "# mine\n");
    let (code, said) = desk.run(&[&options[..], &["--force"]].concat(), "");
    assert_eq!(code, 0, "{said}");
    desk.is_accepted();
    // What a package has installed says nothing yet; who may read it stays as it is.
    let desk = Desk::new();
    fs::create_dir(desk.file().parent().unwrap()).unwrap();
    fs::copy("config/nauhuri.toml", desk.file()).unwrap();
    fs::set_permissions(desk.file(), fs::Permissions::from_mode(0o640)).unwrap();
    let (code, said) = desk.run(&options, "");
    assert_eq!(code, 0, "{said}");
    desk.is_accepted();
    assert_eq!(fs::metadata(desk.file()).unwrap().permissions().mode() & 0o777, 0o640);
    // A link that leads nowhere is there as well.
    let desk = Desk::new();
    fs::create_dir(desk.file().parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(desk.dir.path().join("elsewhere"), desk.file()).unwrap();
    assert_eq!(desk.run(&options, "").0, 2);
    assert!(!desk.dir.path().join("elsewhere").exists());
}

#[test]
fn all_by_options() {
    let desk = Desk::new();
    let (code, said) = desk.run(
        &[
            "--yes",
            "--seconds",
            "0",
            "--interface",
            "lo",
            "--extensions",
            "2000-2999,31*",
            "--networks",
            "10.20.0.0/16",
            "--header",
            "X-Agent-Id",
            "--service",
            "116117=116117,+358 116117=5 years",
            "--service",
            "crisis=2222",
            "--retention",
            "3 months",
            "--timezone",
            "Europe/Helsinki",
            "--storage",
            "/srv/calls",
            "--set",
            "numbers.country=358",
            "--set",
            "numbers.national_prefix=0",
        ],
        "",
    );
    assert_eq!(code, 0, "{said}");
    desk.is_accepted();
    let read = desk.read();
    let want: toml::Table = toml::from_str(
        "[capture]\ninterface = [\"lo\"]\n[agents]\nextensions = [\"2000-2999\", \"31*\"]\nnetworks = [\"10.20.0.0/16\"]\n\
         header = \"X-Agent-Id\"\n[[service]]\nname = \"116117\"\nnumbers = [\"116117\", \"+358 116117\"]\n\
         retention = \"5 years\"\n[[service]]\nname = \"crisis\"\nnumbers = [\"2222\"]\n[service_default]\n\
         retention = \"3 months\"\n[numbers]\ncountry = \"358\"\nnational_prefix = \"0\"\n[retention]\n\
         timezone = \"Europe/Helsinki\"\n[storage]\ndir = \"/srv/calls\"\n",
    )
    .unwrap();
    assert_eq!(read, want, "{}", desk.text());
    assert!(!desk.text().contains("Nobody chose this"));
}

#[test]
fn what_makes_no_sense_is_said_with_its_option_and_nothing_is_written() {
    for (options, words) in [
        (&["--interface", "nope0", "--extensions", "2001"][..], "no interface nope0"),
        (&["--interface", "lo"], "--extensions, --networks or --header"),
        (&["--interface", "lo", "--extensions", "2001-20"], "--extensions"),
        (&["--interface", "lo", "--extensions", "2001", "--networks", "10.20"], "--networks"),
        (&["--interface", "lo", "--extensions", "2001", "--timezone", "Mars"], "--timezone"),
        (&["--interface", "lo", "--extensions", "2001", "--retention", "soon"], "--retention"),
        (&["--interface", "lo", "--extensions", "2001", "--service", "a"], "--service"),
        (&["--interface", "lo", "--extensions", "2001", "--set", "sip.port=5060"], "sip.ports"),
        (&["--interface", "lo", "--extensions", "2001", "-"], "nothing"),
    ] {
        let desk = Desk::new();
        let (code, said) = desk.run(&[&["--yes", "--seconds", "0"][..], options].concat(), "");
        if options.contains(&"-") {
            // An empty capture from standard input: nothing can be read in it.
            assert_eq!(code, 1, "{options:?}: {said}");
        } else {
            assert!(code == 2 && said.contains(words), "{options:?}: {code} {said}");
        }
        assert!(!desk.file().exists(), "{options:?}");
    }
    let desk = Desk::new();
    let (code, said) = desk.run(&["--interface", "lo", "-"], "");
    assert!(code == 2 && said.contains("--yes"), "{said}");
    // A folder where nobody can write.
    let out = nauhuri()
        .args(["setup", "--yes", "--seconds", "0", "--interface", "lo", "--extensions", "2001"])
        .args(["--config", "/proc/nauhuri.toml"])
        .output();
    assert_eq!(self::said(out.unwrap()).0, 1);
}

#[test]
fn answers_through_a_pipe() {
    let desk = Desk::new();
    let call = capture("sipp-inbound-customer-bye.pcap").display().to_string();
    let answers = [
        "nope0",
        "lo", // the interface
        "2999-2000",
        "2000-2999", // extensions
        "",          // networks: none proposed
        "116117",
        "",
        "116117, +358116117",
        "for ever",
        "5 years", // a service
        "",        // no more
        "1 year",  // all others
        "Mars",
        "Europe/Helsinki", // the zone
        "yes",
    ];
    let (code, said) = desk.run(&[&call], &(answers.join("\n") + "\n"));
    assert_eq!(code, 0, "{said}");
    for words in ["no interface nope0", "[2001]", "Time zone of the calendar days [", "Write "] {
        assert!(said.contains(words), "{words}: {said}");
    }
    desk.is_accepted();
    let read = desk.read();
    assert_eq!(read["agents"]["extensions"], toml::Value::from(vec!["2000-2999"]));
    assert!(read["agents"].get("networks").is_none(), "{read}");
    assert_eq!(read["service"][0]["retention"].as_str(), Some("5 years"));
    assert_eq!(read["service_default"]["retention"].as_str(), Some("1 year"));
    assert_eq!(read["retention"]["timezone"].as_str(), Some("Europe/Helsinki"));
}

#[test]
fn nobody_answers_or_somebody_says_no() {
    for (answers, words) in
        [("", "--interface"), ("lo\n", "--extensions"), ("lo\n2001\n\n\n\n\nno\n", "nothing was written")]
    {
        let desk = Desk::new();
        let (code, said) = desk.run(&["--seconds", "0"], answers);
        let want = if answers.ends_with("no\n") { 1 } else { 2 };
        assert!(code == want && said.contains(words), "{answers:?}: {code} {said}");
        assert!(!desk.file().exists());
    }
}

#[test]
fn ports_that_nobody_named_are_found() {
    let bytes = fs::read(capture("sipp-inbound-customer-bye.pcap")).unwrap();
    // 5060 in the headers of UDP is 5070 here; sums are not looked at.
    let mut moved = bytes.clone();
    for at in 0..moved.len() - 1 {
        if moved[at..at + 2] == 5060_u16.to_be_bytes() {
            moved[at..at + 2].copy_from_slice(&5070_u16.to_be_bytes());
        }
    }
    let desk = Desk::new();
    let file = desk.dir.path().join("moved.pcap");
    fs::write(&file, moved).unwrap();
    let (code, said) = desk.run(&["--yes", "--interface", "lo", &file.display().to_string()], "");
    assert!(code == 0 && said.contains("SIP ports    5070"), "{said}");
    assert!(said.contains("fit to record: 1 call answered"), "{said}");
    let ports = desk.read()["sip"]["ports"].as_array().unwrap().clone();
    assert!(ports.contains(&toml::Value::from(5070)) && desk.text().contains("# Seen: "), "{}", desk.text());
    desk.is_accepted();
}

/// It looks at a shipped capture, and somebody sits at a terminal.
fn at_a_terminal(desk: &Desk) -> Child {
    let program = nauhuri().get_program().to_string_lossy().into_owned();
    let call = capture("sipp-inbound-customer-bye.pcap");
    // The shell becomes the program: Ctrl-C reaches nobody else.
    let line = format!(
        "exec '{program}' setup --config '{}' --interface lo '{}'",
        desk.file().display(),
        call.display()
    );
    let mut script = Command::new("script");
    script.args(["-qefc", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Ctrl-C ends the look early; but where somebody is asked, it ends everything.
#[test]
fn ctrl_c_at_a_question() {
    let desk = Desk::new();
    let mut child = at_a_terminal(&desk);
    let (mut keys, mut out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut drawn, mut piece) = (Vec::new(), [0; 1024]);
    while !String::from_utf8_lossy(&drawn).contains("[2001]: ") {
        match out.read(&mut piece).unwrap() {
            0 => panic!("{}", String::from_utf8_lossy(&drawn)),
            n => drawn.extend_from_slice(&piece[..n]),
        }
    }
    keys.write_all(b"\x03").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    out.read_to_end(&mut drawn).unwrap();
    let said = String::from_utf8_lossy(&drawn);
    assert!(said.contains("interrupted: nothing was written"), "{said}");
    assert!(!desk.file().exists());
}

/// Without a rule nothing is recorded: whoever names nobody is asked until somebody is named.
#[test]
fn somebody_has_to_be_an_agent() {
    let desk = Desk::new();
    let answers = "none\nnone\n\n10.20.0.0/16\n\n\n\n\n";
    let (code, said) = desk.run(&["--interface", "lo", "--seconds", "0"], answers);
    assert!(code == 0 && said.contains("then nobody is an agent"), "{said}");
    assert_eq!(desk.read()["agents"]["networks"], toml::Value::from(vec!["10.20.0.0/16"]));
    desk.is_accepted();
}

#[test]
fn on_a_terminal() {
    let desk = Desk::new();
    let mut child = at_a_terminal(&desk);
    // Every proposal is taken.
    child.stdin.take().unwrap().write_all(&b"\r".repeat(6)).unwrap();
    let (code, said) = said(child.wait_with_output().unwrap());
    assert!(code == 0 && said.contains("[2001]") && said.contains("written: "), "{said}");
    desk.is_accepted();
}
