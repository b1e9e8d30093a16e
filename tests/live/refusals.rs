//! Starts that cannot work: the exit status, and what to do about it.

use crate::caller::Line;
use crate::recorder::{Setup, copy_program};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

/// Exit status and what was said.
fn refused(mut command: Command) -> (Option<i32>, String) {
    let out = command.stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!said.contains("panicked"), "{said}");
    (out.status.code(), said)
}

#[track_caller]
fn expect(command: Command, code: i32, words: &[&str]) {
    let (status, said) = refused(command);
    assert_eq!(status, Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}

#[test]
#[ignore = "make test-live"]
fn no_permission_to_capture() {
    let setup = Setup::on(&Line::new());
    let open = |p: &std::path::Path| fs::set_permissions(p, fs::Permissions::from_mode(0o777)).unwrap();
    // Where a stranger can reach it.
    let program = setup.dir.path().join("nauhuri");
    copy_program(&program);
    open(setup.dir.path());
    let mut nobody = Command::new("setpriv");
    nobody
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&program)
        .args(["record", "--config"]);
    nobody.arg(setup.dir.path().join("nauhuri.toml")).stdin(Stdio::null());
    expect(nobody, 1, &["lo", "no permission to capture", "root", "CAP_NET_RAW"]);
}

#[test]
#[ignore = "make test-live"]
fn wrong_settings_and_things_in_the_way() {
    let setup = Setup::on(&Line::new());
    let with = |set: &str| {
        let mut c = setup.command("record");
        c.args(["--set", set]);
        c
    };
    expect(with("capture.interface=eth99"), 2, &["capture.interface", "eth99", "lo"]);
    expect(with("capture.filter=udp prot 5060"), 2, &["capture.filter", "udp prot 5060", "pcap-filter"]);
    let no_rule = ["agents.extensions", "no agent rule", "agents.networks", "agents.header"];
    expect(with("agents.extensions="), 2, &no_rule);
    expect(with("metrics.listen=nowhere"), 2, &["metrics.listen", "nowhere"]);

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    expect(with(&format!("metrics.listen={listen}")), 1, &["metrics.listen", &listen, "in use"]);

    let file = setup.dir.path().join("a-file");
    fs::write(&file, "").unwrap();
    expect(with(&format!("storage.dir={}", file.display())), 1, &["a-file", "store"]);

    // The store's file system is not mounted: nothing is written where it should be.
    let bare = setup.dir.path().join("bare");
    fs::create_dir(&bare).unwrap();
    let mut unmounted = with(&format!("storage.dir={}", bare.display()));
    unmounted.args(["--set", "storage.id=01a2086b-5a06-7054-894a-05bb6e9e38b5"]);
    expect(unmounted, 1, &["storage.id", "mounted?"]);
    assert_eq!(fs::read_dir(&bare).unwrap().count(), 0);
}
