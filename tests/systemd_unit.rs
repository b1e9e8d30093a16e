//! The service unit is part of the product: systemd must accept it, and the
//! lines that keep a recorder recording and a burglar out must be in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// `systemd-analyze security` counts exposure from 0 (none) to 10, here in tenths.
const MAX_EXPOSURE_TENTHS: u32 = 25;

fn shipped(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Every value of `key`, in order.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    unit.lines().filter_map(|l| l.strip_prefix(key)?.strip_prefix('=')).collect()
}

/// A unit with a stand-in for what it starts, which need not be installed here.
fn stand_in(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    let text =
        shipped(name).replace("/usr/bin/nauhuri", "/bin/true").replace("/usr/bin/journalctl", "/bin/true");
    fs::write(&path, text).expect("unit");
    path
}

fn analyze(args: &[&str], unit: &Path) -> Output {
    Command::new("systemd-analyze").args(args).arg(unit).env("LC_ALL", "C").output().unwrap_or_else(|e| {
        panic!("systemd-analyze cannot be run ({e}): install the package `systemd`, or scripts/setup does it")
    })
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// systemd has nothing to say against it. Complaints about other units of this machine are not ours.
#[track_caller]
fn is_accepted(unit: &Path) {
    let said = analyze(&["verify", "--man=no"], unit);
    let ours: Vec<String> =
        text(&said).lines().filter(|l| l.contains("nauhuri")).map(str::to_string).collect();
    assert!(ours.is_empty() && said.status.success(), "{}", text(&said));
}

/// What systemd makes of how far it is open, 0 to 100, is no more than this.
#[track_caller]
fn is_exposed_at_most(most: u32, unit: &Path) {
    let said = text(&analyze(&["security", "--offline=true", "--no-pager"], unit));
    let line =
        said.lines().find(|l| l.contains("Overall exposure level")).unwrap_or_else(|| panic!("{said}"));
    let level = line.rsplit(": ").next().and_then(|l| l.split(' ').next()).expect("a number");
    let tenths: u32 = level.replace('.', "").parse().unwrap_or_else(|e| panic!("{line}: {e}"));
    assert!(tenths <= most, "{said}");
}

#[test]
fn systemd_accepts_the_unit() {
    let dir = tempfile::tempdir().expect("folder");
    is_accepted(&stand_in(dir.path(), "nauhuri.service"));
}

#[test]
fn systemd_accepts_the_timer_and_what_it_starts() {
    let dir = tempfile::tempdir().expect("folder");
    stand_in(dir.path(), "nauhuri-log.service");
    is_accepted(&stand_in(dir.path(), "nauhuri-log.timer"));
}

#[test]
fn the_unit_is_closed_to_burglars() {
    let dir = tempfile::tempdir().expect("folder");
    is_exposed_at_most(MAX_EXPOSURE_TENTHS, &stand_in(dir.path(), "nauhuri.service"));
}

#[test]
fn the_room_is_closed_to_burglars_and_captures_nothing() {
    let dir = tempfile::tempdir().expect("folder");
    let unit = stand_in(dir.path(), "nauhuri-serve.service");
    let text_of = shipped("nauhuri-serve.service");
    is_accepted(&unit);
    is_exposed_at_most(20, &unit);
    assert_eq!(values(&text_of, "CapabilityBoundingSet"), [""]);
    assert!(!values(&text_of, "RestrictAddressFamilies").iter().any(|v| v.contains("AF_PACKET")));
    assert_eq!(values(&text_of, "Requires"), [""; 0], "neither depends on the other");
    assert!(!shipped("nauhuri.service").contains("nauhuri-serve"));
}

#[test]
fn the_test_call_is_closed_to_burglars_and_off_by_default() {
    let dir = tempfile::tempdir().expect("folder");
    let service = stand_in(dir.path(), "nauhuri-probe.service");
    is_accepted(&stand_in(dir.path(), "nauhuri-probe.timer"));
    is_exposed_at_most(20, &service);
    let unit = shipped("nauhuri-probe.service");
    for (key, want) in [
        ("Type", "oneshot"),
        ("ExecStart", "/usr/bin/nauhuri probe"),
        ("User", "nauhuri"),
        ("CapabilityBoundingSet", ""),
        ("LogNamespace", "nauhuri"),
        ("LimitCORE", "0"),
    ] {
        assert_eq!(values(&unit, key), [want], "{key}");
    }
    assert!(!values(&unit, "RestrictAddressFamilies").iter().any(|v| v.contains("AF_PACKET")));
    // Nothing starts it but its timer, and the timer has to be enabled.
    assert!(!unit.contains("[Install]"));
    assert_eq!(values(&shipped("nauhuri-probe.timer"), "WantedBy"), ["timers.target"]);
    assert!(!shipped("nauhuri.service").contains("nauhuri-probe"));
}

#[test]
fn the_report_is_closed_to_burglars_and_off_by_default() {
    let dir = tempfile::tempdir().expect("folder");
    let service = stand_in(dir.path(), "nauhuri-report.service");
    is_accepted(&stand_in(dir.path(), "nauhuri-report.timer"));
    is_exposed_at_most(20, &service);
    let unit = shipped("nauhuri-report.service");
    let message = "%t/nauhuri-report/message";
    for (key, want) in [
        ("Type", "oneshot".to_owned()),
        ("ExecStart", format!("/usr/bin/nauhuri report --format html --mail --message {message}")),
        // Whoever sends it is not locked in, and reads nothing else.
        ("ExecStartPost", format!("+/bin/sh -c 'exec sendmail -t -i < {message}'")),
        ("RuntimeDirectoryMode", "0700".to_owned()),
        ("User", "nauhuri".to_owned()),
        ("CapabilityBoundingSet", String::new()),
        ("PrivateNetwork", "yes".to_owned()),
        ("LogNamespace", "nauhuri".to_owned()),
        ("LimitCORE", "0".to_owned()),
    ] {
        assert_eq!(values(&unit, key), [want], "{key}");
    }
    // Nothing starts it but its timer, and the timer has to be enabled.
    assert!(!unit.contains("[Install]"));
    assert_eq!(values(&shipped("nauhuri-report.timer"), "WantedBy"), ["timers.target"]);
    assert!(!shipped("nauhuri.service").contains("nauhuri-report"));
}

#[test]
fn the_lines_that_matter_are_there() {
    let unit = shipped("nauhuri.service");
    for (key, want) in [
        ("Type", "notify"),
        ("NotifyAccess", "all"),
        ("KillMode", "process"),
        ("RuntimeDirectoryPreserve", "restart"),
        ("WatchdogSec", "30"),
        ("Restart", "always"),
        ("RestartSec", "1"),
        ("StartLimitIntervalSec", "0"),
        ("TimeoutStopSec", "90"),
        ("TimeoutStartSec", "infinity"),
        ("IPAddressDeny", "any"),
        ("IPAddressAllow", "localhost"),
        ("ExecStart", "/usr/bin/nauhuri record --keep-calls"),
        ("ExecReload", "/usr/bin/nauhuri reload"),
        ("User", "nauhuri"),
        ("Group", "nauhuri"),
        ("UMask", "0027"),
        ("StateDirectoryMode", "0750"),
        ("RuntimeDirectory", "nauhuri"),
        ("RuntimeDirectoryMode", "0755"),
        ("LimitCORE", "0"),
        ("LogNamespace", "nauhuri"),
        ("OOMScoreAdjust", "-500"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("MemoryDenyWriteExecute", "yes"),
        ("SystemCallArchitectures", "native"),
    ] {
        assert_eq!(values(&unit, key), [want], "{key}");
    }
    for key in ["AmbientCapabilities", "CapabilityBoundingSet"] {
        for set in values(&unit, key) {
            let allowed = |c: &str| matches!(c, "CAP_NET_RAW" | "CAP_NET_ADMIN");
            assert!(set.split(' ').all(allowed) && set.contains("CAP_NET_RAW"), "{key}={set}");
        }
    }
    let families = values(&unit, "RestrictAddressFamilies").join(" ");
    for family in ["AF_PACKET", "AF_NETLINK", "AF_INET", "AF_INET6", "AF_UNIX"] {
        assert!(families.split(' ').any(|f| f == family), "{family}");
    }
    assert!(values(&unit, "ExecStartPre")[0].contains("/usr/bin/nauhuri check --record"));
}

#[test]
fn the_clock_check_is_not_locked_out() {
    let unit = shipped("nauhuri.service");
    assert!(values(&unit, "ProtectClock").is_empty(), "ProtectClock= forbids adjtimex(2)");
    let filters = values(&unit, "SystemCallFilter");
    let last = |call: &str| filters.iter().rposition(|f| f.split(' ').any(|c| c == call));
    let denied = filters.iter().rposition(|f| f.starts_with('~')).expect("a deny line");
    // A later line wins: what is allowed after all must stand below what is denied.
    for call in ["adjtimex", "capset"] {
        assert!(last(call) > Some(denied), "{call}");
    }
}

#[test]
fn the_journal_forgets_after_a_day() {
    let conf = shipped("journald@nauhuri.conf");
    assert_eq!(values(&conf, "MaxRetentionSec"), ["1day"]);
    // journald deletes whole files: a longer one would keep a longer past.
    assert_eq!(values(&conf, "MaxFileSec"), ["1h"]);
    assert_eq!(values(&conf, "ForwardToSyslog"), ["no"]);
    // And only when something is written: a silent recorder needs somebody who does it.
    let sweep = values(&shipped("nauhuri-log.service"), "ExecStart").join(" ");
    for word in ["/usr/bin/journalctl", "--namespace=nauhuri", "--rotate", "--vacuum-time=1d"] {
        assert!(sweep.split(' ').any(|w| w == word), "{word}: {sweep}");
    }
    assert_eq!(values(&shipped("nauhuri-log.timer"), "OnCalendar"), ["hourly"]);
    let users = shipped("nauhuri.sysusers");
    assert!(users.lines().any(|l| l.starts_with("u nauhuri ")), "{users}");
}
