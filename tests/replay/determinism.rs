//! The same frames give the same bytes: on every run, with one worker or four, in
//! any time zone, in one file or in two.

use super::captures::config;
use crate::common::capture::frames;
use crate::common::ladder::{Scene, write_pcap};
use crate::common::repository;
use crate::common::run::{files, replay, replay_with};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a folder holds: relative path and bytes.
fn tree(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let relative = |p: &PathBuf| p.strip_prefix(dir).unwrap().to_path_buf();
    files(dir).into_iter().map(|p| (relative(&p), std::fs::read(&p).unwrap())).collect()
}

fn pcaps(names: &[&str]) -> Vec<PathBuf> {
    let dir = repository("pcaps");
    names.iter().map(|n| dir.join(n)).collect()
}

#[track_caller]
fn same(one: &BTreeMap<PathBuf, Vec<u8>>, other: &BTreeMap<PathBuf, Vec<u8>>, what: &str) {
    let names = |t: &BTreeMap<PathBuf, Vec<u8>>| t.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(one), names(other), "{what}");
    for (path, bytes) in one {
        assert!(other[path] == *bytes, "{what}: {} differs", path.display());
    }
}

const SEVERAL: &[&str] = &[
    "sipp-inbound-customer-bye.pcap",
    "sipp-queue-then-agent.pcap",
    "sipp-lossy.pcap",
    "sipp-codec-change.pcap",
    "sipp-port-reuse.pcap",
    "sipp-g722.pcap",
    "sipp-tcp.pcap",
];

#[test]
fn workers_zone_and_repetition_change_nothing() {
    let captures = pcaps(SEVERAL);
    let captures: Vec<&Path> = captures.iter().map(PathBuf::as_path).collect();
    let config = config();
    let first = tree(&replay(&config, &captures).dir);
    assert!(first.len() >= 2 * SEVERAL.len(), "{}", first.len());
    let with = |args: &[&str], vars: &[(&str, &str)]| tree(&replay_with(&config, &captures, args, vars).dir);
    same(&first, &with(&["--json"], &[]), "again");
    same(&first, &with(&["--workers", "1"], &[]), "one worker");
    same(&first, &with(&["--workers", "4"], &[]), "four workers");
    same(&first, &with(&["-q"], &[("TZ", "Pacific/Auckland"), ("LC_ALL", "fi_FI.UTF-8")]), "elsewhere");
    same(&first, &with(&["-vv", "--log-format", "json"], &[("TZ", "America/St_Johns")]), "verbose");
}

#[test]
fn a_capture_in_two_files_is_one() {
    for name in ["sipp-inbound-customer-bye.pcap", "sipp-lossy.pcap", "sipp-hold-resume.pcap"] {
        let whole = repository("pcaps").join(name);
        let mut all = Vec::new();
        frames(&whole, &mut |at, link, data| {
            assert_eq!(link, 1, "{name} is Ethernet");
            all.push((at, data.to_vec()));
        });
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("1.pcap"), dir.path().join("2.pcap"));
        let (a, b) = all.split_at(all.len() / 2);
        write_pcap(&one, a);
        write_pcap(&two, b);
        let split = replay(&config(), &[&one, &two]);
        same(&tree(&replay(&config(), &[&whole]).dir), &tree(&split.dir), name);
    }
}

#[test]
fn standard_input_is_a_file_like_another() {
    let path = repository("pcaps/sipp-inbound-customer-bye.pcap");
    let piped = crate::common::run::replay_stdin(&config(), &std::fs::read(&path).unwrap());
    assert!(piped.output.status.success(), "{}", piped.stderr());
    same(&tree(&replay(&config(), &[&path]).dir), &tree(&piped.dir), "-");
}

#[test]
fn an_unrelated_call_beside_it_changes_nothing() {
    // Ids and groups derive from the call, not from what else there is.
    use crate::common::ladder::{AGENTS, Dialog, Side};
    use crate::common::voice::Voice;
    let make = |ns: &[u16]| {
        let mut s = Scene::new();
        for n in ns {
            let d = Dialog::new(*n);
            d.answered(&mut s, 0.0, 1000.0);
            s.media(&Voice::of(&d, Side::Caller, u64::from(*n)).talk(1001.0, 3000.0));
            d.bye(&mut s, 3000.0, Side::Caller);
        }
        let run = s.replay(AGENTS);
        (tree(&run.dir), run)
    };
    let (alone, _keep) = make(&[1]);
    let (beside, _keep_too) = make(&[7, 1, 9]);
    assert_eq!(beside.len(), 6);
    for (path, bytes) in &alone {
        assert!(beside[path] == *bytes, "{}", path.display());
    }
}
