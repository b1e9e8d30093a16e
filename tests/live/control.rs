//! Commands to a recorder that runs, locked in as it is in service: who may give them, what they do, and
//! what a crash leaves of a pause.

use crate::caller::{Line, talker};
use crate::recorder::{Setup, copy_program};
use nauhuri::custody::audit::SystemAccount;
use nauhuri::daemon::control::protocol::{ControlCommand, ControlRequest, VERSION};
use serde_json::Value;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Accounts that no machine has, and a group that Debian has.
const SERVICE: u32 = 4_252;
const MEMBER: u32 = 4_253;
const STRANGER: u32 = 4_254;
const GROUP: (&str, u32) = ("users", 100);

fn calls(setup: &Setup) -> Vec<Value> {
    let (code, said) = setup.tell("calls --json");
    assert_eq!(code, Some(0), "{said}\n{}", setup.all_logs());
    serde_json::from_str(&said).unwrap()
}

fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(15), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn entries(setup: &Setup) -> Vec<Value> {
    let text = fs::read_to_string(setup.store.join(".nauhuri/audit.jsonl")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
#[ignore = "make test-live"]
fn a_call_is_paused_by_command_and_by_the_agents_desktop() {
    let line = Line::new();
    let setup = Setup::on(&line);
    let port = 18_900 + line.number;
    let tokens = setup.dir.path().join("tokens");
    let hash = hashed("token-of-2001");
    fs::write(&tokens, format!("2001 {hash}\n")).unwrap();
    setup.configure(&format!("[pause]\nlisten = \"127.0.0.1:{port}\"\ntokens = \"{}\"\n", tokens.display()));
    let recorder = setup.start();
    assert_eq!(calls(&setup), [] as [Value; 0]);
    let stop = Arc::new(AtomicBool::new(false));
    let talking = talker(&line, &stop);
    wait("the call", || calls(&setup).iter().any(|c| c["codecs"][0] == "PCMA"));
    let (code, said) = setup.tell("pause 2001");
    assert!(code == Some(0) && said.contains("(agent 2001): paused since"), "{said}");
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(calls(&setup)[0]["state"], "paused");
    let (code, said) = setup.tell("pause 2001 --resume");
    assert!(code == Some(0) && said.contains("recording"), "{said}");
    std::thread::sleep(Duration::from_millis(700));
    let mut desk = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(desk, "POST /v1/agents/2001/pause HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-of-2001\r\nContent-Length: 0\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    desk.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"paused\""), "{answer}");
    std::thread::sleep(Duration::from_millis(700));
    stop.store(true, Ordering::Relaxed);
    let call = talking.join().unwrap();
    let id = call.id.clone();
    recorder.stop_well();
    let s = setup.sidecar(&id).expect("recorded");
    let pauses: Vec<&Value> =
        s["events"].as_array().unwrap().iter().filter(|e| e["kind"] == "pause").collect();
    let [first, second] = pauses[..] else { panic!("{s:#}") };
    assert_eq!(
        (&first["by"], &first["resumed_by"], &second["by"]),
        (&"command".into(), &"command".into(), &"http".into())
    );
    assert_eq!(second.get("resumed_by"), None, "{s:#}");
    let audio = setup.audio(&s);
    for pause in [first, second] {
        let [from, until] = ["at_s", "end_s"].map(|key| (pause[key].as_f64().unwrap() * 8000.0) as usize);
        assert!(until - from > 4000, "{s:#}");
        for channel in &audio {
            assert!(channel[from + 2..until.min(channel.len()) - 2].iter().all(|s| *s == 0), "{s:#}");
            assert!(channel[from - 1600..from].iter().any(|s| *s != 0), "{s:#}");
        }
    }
    let told: Vec<_> = entries(&setup).into_iter().filter(|e| e["action"] == "pause").collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!((&told[0]["who"]["user"], &told[1]["who"]["web"]), (&"root".into(), &"agent 2001".into()));
    let (code, said) = setup.tell("calls");
    assert!(code == Some(1) && said.contains("no recorder runs here"), "{said}");
    setup.assert_sound("after pauses");
}

#[test]
#[ignore = "make test-live"]
fn a_crash_leaves_silence_and_says_where() {
    // Silence of G.711 is not zero, and most of its files have no other.
    for encoding in ["pcm_s16le", "g711"] {
        let line = Line::new();
        let setup = Setup::on(&line);
        setup.configure("[service_default]\nannouncement_min = \"8s\"\n");
        setup.change("[storage]", &format!("[storage]\nencoding = \"{encoding}\""));
        let recorder = setup.start();
        let stop = Arc::new(AtomicBool::new(false));
        let talking = talker(&line, &stop);
        wait("the call", || calls(&setup).iter().any(|c| c["codecs"][0] == "PCMA"));
        assert_eq!(setup.tell("pause 2001").0, Some(0));
        std::thread::sleep(Duration::from_millis(2500));
        recorder.kill();
        stop.store(true, Ordering::Relaxed);
        let call = talking.join().unwrap();
        // The socket of the one that was killed makes room.
        let next = setup.start();
        wait("it is recovered", || setup.sidecar(&call.id).is_some());
        assert_eq!(calls(&setup), [] as [Value; 0]);
        next.stop_well();
        let s = setup.sidecar(&call.id).unwrap();
        let event = |kind: &str| s["events"].as_array().unwrap().iter().find(|e| e["kind"] == kind).cloned();
        let pause = event("pause").expect("told");
        assert_eq!((&s["ended_by"], &pause["by"]), (&"recovered".into(), &"command".into()));
        assert_eq!(pause["end_s"], s["duration_s"]);
        assert!(s["paused_s"].as_f64().unwrap() > 0.5, "{encoding}: {s:#}");
        assert!(event("no_announcement").is_some(), "{s:#}");
        let id = s["id"].as_str().unwrap();
        for flag in ["paused", "no-announcement", "incomplete"] {
            let (code, said) = setup.tell(&format!("list --json --flag {flag}"));
            assert!(code == Some(0) && said.contains(id), "{flag}: {said}");
        }
        if encoding == "pcm_s16le" {
            let from = (pause["at_s"].as_f64().unwrap() * 8000.0) as usize;
            for channel in setup.audio(&s) {
                assert!(channel.len() > from + 4000 && channel[from + 2..].iter().all(|s| *s == 0), "{s:#}");
                assert!(channel[..from].iter().any(|s| *s != 0));
            }
        }
    }
}

/// The program as somebody else runs it.
fn run_as(setup: &Setup, uid: u32, groups: &str, words: &str) -> Output {
    let program = setup.dir.path().join("nauhuri");
    let mut command = account(uid, groups);
    command.arg(program).args(words.split(' ')).arg("--socket").arg(setup.dir.path().join("control.sock"));
    command.env("SUDO_USER", "kaisa").stdin(Stdio::null()).output().unwrap()
}

/// What the socket answers to a request that no command makes for others.
fn say_as(setup: &Setup, uid: u32, groups: &str, command: ControlCommand) -> String {
    let request = ControlRequest { version: VERSION, command, who: SystemAccount::of_process() };
    let speak =
        "my $s = IO::Socket::UNIX->new($ARGV[0]) or die; print $s \"$ARGV[1]\\n\"; $s->flush; print <$s>";
    let mut command = account(uid, groups);
    command.args(["perl", "-MIO::Socket::UNIX", "-e", speak]).arg(setup.dir.path().join("control.sock"));
    let out = command.arg(serde_json::to_string(&request).unwrap()).stdin(Stdio::null()).output().unwrap();
    String::from_utf8(out.stdout).unwrap()
}

fn account(uid: u32, groups: &str) -> Command {
    let mut command = Command::new("setpriv");
    if uid != 0 {
        command.arg(format!("--reuid={uid}")).arg(format!("--regid={uid}"));
        match groups {
            "" => command.arg("--clear-groups"),
            groups => command.arg(format!("--groups={groups}")),
        };
    }
    command
}

#[test]
#[ignore = "make test-live"]
fn only_whom_the_socket_is_for_may_ask() {
    for group in [None, Some(GROUP)] {
        let line = Line::new();
        let setup = Setup::on(&line);
        let dir = setup.dir.path();
        copy_program(&dir.join("nauhuri"));
        fs::create_dir(&setup.store).unwrap();
        chown(&setup.store, Some(SERVICE), Some(SERVICE)).unwrap();
        chown(dir, Some(SERVICE), Some(SERVICE)).unwrap();
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
        if let Some((name, _)) = group {
            let text = fs::read_to_string(setup.config()).unwrap();
            fs::write(
                setup.config(),
                text.replace("[control]\n", &format!("[control]\ngroup = \"{name}\"\n")),
            )
            .unwrap();
        }
        fs::set_permissions(setup.config(), fs::Permissions::from_mode(0o644)).unwrap();
        let log = fs::File::create(dir.join("service-log")).unwrap();
        let mut recorder = Command::new("setpriv")
            .args([format!("--reuid={SERVICE}"), format!("--regid={SERVICE}")])
            .arg(format!("--groups={SERVICE},{}", GROUP.1))
            .args(["--inh-caps=+net_raw", "--ambient-caps=+net_raw"])
            .arg(dir.join("nauhuri"))
            .args(["record", "--config"])
            .arg(setup.config())
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let socket = dir.join("control.sock");
        wait("the socket", || socket.exists() && run_as(&setup, 0, "", "calls").status.success());
        let m = fs::metadata(&socket).unwrap();
        let want = group.map_or((0o600, SERVICE), |(_, gid)| (0o660, gid));
        assert_eq!((m.mode() & 0o777, m.gid(), m.uid()), (want.0, want.1, SERVICE));
        let in_group = GROUP.1.to_string();
        for (uid, groups, may) in [
            (0, "", true),
            (SERVICE, "", true),
            (MEMBER, in_group.as_str(), group.is_some()),
            (MEMBER, "", false),
            (STRANGER, "", false),
        ] {
            // Counts are nobody's: whoever may see them leaves no entry.
            let before = entries(&setup).len();
            let out = run_as(&setup, uid, groups, "top --json --interval 0.2");
            let said = String::from_utf8_lossy(&[&out.stdout[..], &out.stderr].concat()).into_owned();
            assert_eq!(out.status.success(), may, "{uid} {groups} {group:?}: {said}");
            match may {
                true => {
                    assert_eq!(serde_json::from_slice::<Value>(&out.stdout).unwrap()["ready"], true, "{said}")
                }
                false => {
                    assert!(said.contains("control.group") && said.contains("sudo -u nauhuri"), "{said}")
                }
            }
            let told = entries(&setup).split_off(before);
            assert!(told.iter().all(|entry| entry["action"] == "expire_refused"), "{told:?}");
            let before = entries(&setup).len();
            let out = run_as(&setup, uid, groups, "calls --json");
            let said = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
            assert_eq!(out.status.success(), may, "{uid} {groups} {group:?}: {said}");
            let mut new = entries(&setup).split_off(before);
            // The recorder writes of its own accord as well: the first sweep falls where it may.
            new.retain(|entry| entry["action"] != "expire_refused");
            if !may {
                assert!(
                    new.is_empty() && said.contains("control.group") && said.contains("sudo -u nauhuri"),
                    "{said}"
                );
                continue;
            }
            let told: Vec<_> = new.iter().map(|entry| (&entry["action"], &entry["who"]["uid"])).collect();
            assert_eq!(told, [(&"calls_show".into(), &uid.into())], "{new:?}");
            // Whoever could write into the log anyhow is believed who stands behind it; nobody else is.
            let behind = if uid == MEMBER { Value::Null } else { "kaisa".into() };
            assert_eq!(new[0]["who"].get("sudo_user").cloned().unwrap_or_default(), behind, "{new:?}");
            // What is wrong with the file is not for everybody who may pause a call.
            let out = run_as(&setup, uid, groups, "reload");
            let said = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
            match uid {
                MEMBER => {
                    assert!(out.status.code() == Some(1) && said.contains("only root"), "{said}");
                    // Whoever took over would stop it, and be told of whole numbers.
                    let said = say_as(&setup, uid, groups, ControlCommand::HandOver);
                    assert!(said.contains("may take over") && !said.contains("INVITE"), "{said}");
                }
                _ => assert!(out.status.success() && said == "nothing has changed\n", "{said}"),
            }
        }
        Command::new("kill").args(["-TERM", &recorder.id().to_string()]).status().unwrap();
        assert!(
            recorder.wait().unwrap().success(),
            "{}",
            fs::read_to_string(dir.join("service-log")).unwrap()
        );
    }
}

/// SHA-256 in hexadecimal, by another program than ours.
fn hashed(text: &str) -> String {
    let mut sum = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    sum.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let out = sum.wait_with_output().unwrap();
    String::from_utf8(out.stdout).unwrap().split(' ').next().unwrap().to_owned()
}
