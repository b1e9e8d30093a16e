//! A forger who writes the log anew: exports dropped, numbers, hashes and head made right,
//! with as much of the keys as whoever took over the machine would have.

use super::super::day_key::{KeyLine, Signer, read_secret, seal};
use super::super::*;
use super::{at, by, draft, log, problems, read, written};
use crate::store::layout::open_state;
use std::fs;
use std::path::Path;

/// What becomes of the signatures.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sigs {
    Kept,
    Removed,
    /// All are made anew with the secret that lies there.
    Todays,
    /// Those of the last day are, the others stay.
    TodaysForToday,
}

/// What becomes of the list of keys.
#[derive(Clone, Copy, Debug, PartialEq)]
enum List {
    Kept,
    Removed,
    /// Today's key is made the first, after this entry.
    TodaysFirst(u64),
    /// Only its last line goes.
    Shortened,
}

fn secret(dir: &Path) -> Signer {
    read_secret(&open_state(dir).unwrap(), Path::new(KEY_FILE)).unwrap().unwrap()
}

/// The script: everything that `keep` does not want goes, the rest hangs together again.
fn forge(dir: &Path, keep: impl Fn(&Entry) -> bool, sigs: Sigs, list: List) {
    let today = secret(dir);
    let text = String::from_utf8(read(dir)).unwrap();
    let (mut link, mut out) = (Link::genesis(), String::new());
    let mut links = vec![link.clone()];
    let entries: Vec<(Entry, String)> = text
        .lines()
        .map(|line| {
            let (body, _) = unseal(line).unwrap();
            let sig = day_key::unsign(body).map(|(_, sig)| sig.to_owned()).unwrap();
            (serde_json::from_str(line).unwrap(), sig)
        })
        .collect();
    let day = |at: Timestamp| at.to_rfc3339()[..10].to_owned();
    let last_day = day(entries.last().unwrap().0.at);
    for (mut entry, sig) in entries {
        if !keep(&entry) {
            continue;
        }
        entry.seq = link.seq + 1;
        entry.prev = link.hash;
        let mut line = serde_json::to_string(&entry).unwrap();
        line.pop();
        match sigs {
            Sigs::Removed => {}
            Sigs::Todays => today.sign_entry(&mut line),
            Sigs::TodaysForToday if day(entry.at) == last_day => today.sign_entry(&mut line),
            Sigs::Kept | Sigs::TodaysForToday => line += &format!(",\"sig\":\"{sig}\""),
        }
        let hash = hash_of(line.as_bytes());
        out += &format!("{line}{HASH_KEY}{hash}\"}}\n");
        link = Link { seq: entry.seq, hash };
        links.push(link.clone());
    }
    fs::write(dir.join(LOG_FILE), out).unwrap();
    fs::write(dir.join(HEAD_FILE), link.line()).unwrap();
    let path = dir.join(KEYS_FILE);
    match list {
        List::Kept => {}
        List::Removed => {
            fs::remove_file(path).unwrap();
            fs::remove_file(dir.join(KEY_FILE)).unwrap();
        }
        List::TodaysFirst(seq) => {
            let after = links[seq as usize].clone();
            let line = KeyLine { key: today.public.clone(), at: at(4), after, by: None };
            fs::write(path, line.line(&today).unwrap()).unwrap();
        }
        List::Shortened => {
            let text = fs::read_to_string(&path).unwrap();
            let kept: Vec<&str> = text.lines().collect();
            fs::write(path, kept[..kept.len() - 1].join("\n") + "\n").unwrap();
        }
    }
}

/// Five days with two entries each; the second of each is an export.
fn five_days() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for day in 0..5 {
        log(dir.path()).append(&by(day), [draft(day as u128), Draft::new(Action::Export)]).unwrap();
    }
    assert_eq!(problems(dir.path()), []);
    dir
}

fn no_export(entry: &Entry) -> bool {
    entry.action != "export"
}

/// Yesterday and before.
fn no_old_export(entry: &Entry) -> bool {
    no_export(entry) || entry.at >= at(4)
}

#[test]
fn who_writes_the_log_anew_is_found() {
    let lists = [List::Kept, List::Removed, List::TodaysFirst(0), List::TodaysFirst(4), List::Shortened];
    for sigs in [Sigs::Kept, Sigs::Removed, Sigs::Todays, Sigs::TodaysForToday] {
        for list in lists {
            for keep in [no_export, no_old_export] {
                // With the list of one key, today's, everything is signed with it: the log of
                // somebody who began today. Only who has seen a key or head before knows.
                if (sigs, list) == (Sigs::Todays, List::TodaysFirst(0)) {
                    continue;
                }
                let dir = five_days();
                forge(dir.path(), keep, sigs, list);
                assert!(!problems(dir.path()).is_empty(), "{sigs:?} {list:?}");
                // Nor does writing on heal it.
                log(dir.path()).append(&by(4), [draft(9)]).unwrap();
                log(dir.path()).append(&by(5), [draft(9)]).unwrap();
                assert!(!problems(dir.path()).is_empty(), "{sigs:?} {list:?}, written on");
            }
        }
    }
}

#[test]
fn who_exchanges_everything_is_found_by_who_has_seen_a_key_or_a_head() {
    let dir = five_days();
    let before = log(dir.path()).verify().unwrap();
    let (first, third) = (before.first_key.unwrap().key, log(dir.path()).head().unwrap().unwrap());
    forge(dir.path(), no_export, Sigs::Todays, List::TodaysFirst(0));
    assert_eq!(problems(dir.path()), [], "from inside it looks right");
    let with = |known: KnownElsewhere| log(dir.path()).verify_with(&known).unwrap().found;
    let by_key = with(KnownElsewhere { keys: vec![first.clone()], ..KnownElsewhere::default() });
    assert_eq!(by_key[0].problem, AuditProblem::OtherKeys { key: first });
    let hash = third.hash[..13].to_owned();
    let by_head =
        with(KnownElsewhere { heads: vec![Link { seq: third.seq, hash }], ..KnownElsewhere::default() });
    assert_eq!(by_head[0].problem, AuditProblem::OtherThanSeen { seq: 10 });
}

#[test]
fn what_was_seen_elsewhere_confirms_a_log_that_is_as_it_was() {
    let dir = five_days();
    let verdict = log(dir.path()).verify().unwrap();
    let keys = [verdict.first_key, verdict.newest_key].map(|k| k.unwrap().key).to_vec();
    let known = KnownElsewhere { heads: vec![verdict.head.unwrap()], keys };
    assert!(log(dir.path()).verify_with(&known).unwrap().is_sound());
    // A copy without the secret, which ends where its owner said.
    fs::remove_file(dir.path().join(KEY_FILE)).unwrap();
    assert_eq!(problems(dir.path()), [AuditProblem::KeyGone]);
    assert!(log(dir.path()).verify_with(&known).unwrap().is_sound());
}

#[test]
fn a_cut_is_found_up_to_today() {
    // Every length, with its own head; the list whole or as it was on that day, the secret
    // there or removed.
    for length in 0..10usize {
        for is_list_cut in [false, true] {
            for is_key_there in [true, false] {
                let dir = five_days();
                let text = String::from_utf8(read(dir.path())).unwrap();
                let kept: Vec<&str> = text.lines().take(length).collect();
                fs::write(
                    dir.path().join(LOG_FILE),
                    kept.iter().map(|l| format!("{l}\n")).collect::<String>(),
                )
                .unwrap();
                let end =
                    kept.last().map_or_else(Link::genesis, |l| super::super::log::link_of(l).unwrap().0);
                fs::write(dir.path().join(HEAD_FILE), end.line()).unwrap();
                if is_list_cut {
                    let path = dir.path().join(KEYS_FILE);
                    let list = fs::read_to_string(&path).unwrap();
                    fs::write(
                        path,
                        list.lines().take(length.div_ceil(2)).map(|l| format!("{l}\n")).collect::<String>(),
                    )
                    .unwrap();
                }
                if !is_key_there {
                    fs::remove_file(dir.path().join(KEY_FILE)).unwrap();
                }
                // What is sealed with the key of today can be cut off unnoticed from inside, and so
                // can everything with all of the keys: a new store.
                let is_todays = length >= 8 && is_key_there && (!is_list_cut || length == 9);
                let is_all = length == 0 && is_list_cut && !is_key_there;
                let unnoticed = problems(dir.path()).is_empty();
                assert_eq!(unnoticed, is_todays || is_all, "{length} {is_list_cut} {is_key_there}");
            }
        }
    }
}

#[test]
fn each_byte_of_the_list_changed_is_found() {
    let dir = written(3);
    let path = dir.path().join(KEYS_FILE);
    let good = fs::read(&path).unwrap();
    for i in 0..good.len() {
        let mut bad = good.clone();
        bad[i] ^= 1;
        fs::write(&path, &bad).unwrap();
        assert!(!problems(dir.path()).is_empty(), "byte {i}");
    }
    fs::write(&path, &good).unwrap();
    assert_eq!(problems(dir.path()), []);
}

/// The secret of a day is nowhere once the next day's has taken over.
#[test]
fn the_secret_of_yesterday_is_gone() {
    let dir = written(1);
    let path = dir.path().join(KEY_FILE);
    let old = fs::read_to_string(&path).unwrap();
    // The file itself is overwritten, not only its name taken.
    let held = fs::File::open(&path).unwrap();
    log(dir.path()).append(&by(1), [draft(1)]).unwrap();
    let mut left = [1u8; 65];
    let n = std::os::unix::fs::FileExt::read_at(&held, &mut left, 0).unwrap();
    assert_eq!(left[..n], [0; 65][..n]);
    assert_eq!(n, 65);
    for entry in fs::read_dir(dir.path()).unwrap() {
        let text = String::from_utf8_lossy(&fs::read(entry.unwrap().path()).unwrap()).into_owned();
        assert!(!text.contains(old.trim()));
    }
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    // Nor does it lie about on a day without entries.
    let second = fs::read_to_string(&path).unwrap();
    let key = log(dir.path()).turn_key(at(2)).unwrap().unwrap();
    assert_ne!(fs::read_to_string(&path).unwrap(), second);
    assert_eq!(log(dir.path()).turn_key(at(2)).unwrap(), Some(key.clone()), "once a day");
    assert_eq!(log(dir.path()).verify().unwrap().newest_key.unwrap().key, key);
    log(dir.path()).append(&by(4), [draft(2)]).unwrap();
    assert_eq!(problems(dir.path()), []);
}

/// A crash after each step of the exchange leaves a log that goes on.
#[test]
fn a_crash_between_sealing_and_the_next_key() {
    for step in 1..=4 {
        let dir = written(2);
        let file = |name: &str| dir.path().join(name);
        let (old_key, old_list) = (fs::read(file(KEY_FILE)).unwrap(), fs::read(file(KEYS_FILE)).unwrap());
        log(dir.path()).turn_key(at(2)).unwrap();
        let new_key = fs::read(file(KEY_FILE)).unwrap();
        let scratch = file("audit.key.new");
        match step {
            // The new secret is written: whole, or half.
            1 => {
                fs::write(file(KEYS_FILE), &old_list).unwrap();
                fs::write(file(KEY_FILE), &old_key).unwrap();
                fs::write(scratch, &new_key[..20]).unwrap();
            }
            // Half of its line.
            2 => {
                let mut list = fs::read(file(KEYS_FILE)).unwrap();
                list.truncate(old_list.len() + 40);
                fs::write(file(KEYS_FILE), &list).unwrap();
                fs::write(file(KEY_FILE), &old_key).unwrap();
                fs::write(scratch, &new_key).unwrap();
            }
            // All of it, the old secret not yet overwritten, then overwritten.
            3 => {
                fs::write(scratch, &new_key).unwrap();
                fs::write(file(KEY_FILE), &old_key).unwrap();
            }
            _ => {
                fs::write(scratch, &new_key).unwrap();
                fs::write(file(KEY_FILE), [0; 65]).unwrap();
            }
        }
        assert_eq!(problems(dir.path()), [], "step {step}");
        for day in [2, 2, 3] {
            log(dir.path()).append(&by(day), [draft(7)]).unwrap();
            assert_eq!(problems(dir.path()), [], "step {step}, written on");
        }
        assert_ne!(fs::read(file(KEY_FILE)).unwrap(), old_key, "step {step}");
    }
}

#[test]
fn a_lost_key_is_told_and_reported_until_it_is_confirmed() {
    for lost in [KEY_FILE, KEYS_FILE] {
        let dir = written(3);
        fs::remove_file(dir.path().join(lost)).unwrap();
        log(dir.path()).append(&by(3), [draft(3)]).unwrap();
        let verdict = log(dir.path()).verify().unwrap();
        let found: Vec<AuditProblem> = verdict.found.into_iter().map(|f| f.problem).collect();
        assert!(found.contains(&AuditProblem::Damage), "{lost}: {found:?}");
        let told = log(dir.path()).entries().unwrap().find(|e| e.action == "audit_repair").unwrap();
        assert_eq!((told.seq, told.detail.unwrap()["after"]["seq"].clone()), (4, 3.into()));
        if lost == KEY_FILE {
            assert_eq!(found, [AuditProblem::Damage, AuditProblem::NewKeys { seq: 3 }]);
            // Confirmed, only the entry that tells of it remains.
            let known =
                KnownElsewhere { keys: vec![verdict.newest_key.unwrap().key], ..KnownElsewhere::default() };
            assert_eq!(log(dir.path()).verify_with(&known).unwrap().findings, 1);
        }
    }
}

/// A log of an earlier version goes on, can be read, and is told from a sealed one.
#[test]
fn a_log_without_seals() {
    let dir = written(3);
    forge(dir.path(), |_| true, Sigs::Removed, List::Removed);
    assert_eq!(problems(dir.path()), [AuditProblem::NeverSigned]);
    assert_eq!(log(dir.path()).entries().unwrap().count(), 3);
    log(dir.path()).append(&by(4), [draft(4)]).unwrap();
    let begun = log(dir.path()).entries().unwrap().nth(3).unwrap();
    assert_eq!(
        (begun.action.as_str(), begun.detail.unwrap()["unsigned_up_to"].clone()),
        ("audit_sign", 3.into())
    );
    let verdict = log(dir.path()).verify().unwrap();
    assert_eq!(verdict.found[0].problem, AuditProblem::LateKey { seq: 3 });
    assert_eq!((verdict.entries, verdict.signed, verdict.unsigned_up_to), (5, 2, Some(3)));
    let known = KnownElsewhere { keys: vec![verdict.first_key.unwrap().key], ..KnownElsewhere::default() };
    assert!(log(dir.path()).verify_with(&known).unwrap().is_sound());
    // From then on an entry without a seal is found.
    let unsigned = |dir: &Path| {
        let head = log(dir).head().unwrap().unwrap();
        let entry = Entry {
            seq: head.seq + 1,
            at: at(4),
            who: Who::Os(SystemAccount::default()),
            action: "show".into(),
            targets: Vec::new(),
            search: None,
            why: Why::default(),
            outcome: "done".into(),
            detail: None,
            prev: head.hash,
        };
        let (line, hash) = seal(&entry, None).unwrap();
        fs::write(dir.join(LOG_FILE), [&read(dir)[..], line.as_bytes(), b"\n"].concat()).unwrap();
        fs::write(dir.join(HEAD_FILE), Link { seq: entry.seq, hash }.line()).unwrap();
    };
    let dir = written(2);
    unsigned(dir.path());
    assert_eq!(problems(dir.path()), [AuditProblem::Unsigned]);
}

/// Log, head and list from a backup, or some of them, with the secret or without.
#[test]
fn a_backup_put_back_is_found() {
    let names = [LOG_FILE, HEAD_FILE, KEYS_FILE, KEY_FILE];
    for chosen in 1u8..16 {
        let dir = five_days();
        let old: Vec<_> = names.map(|n| fs::read(dir.path().join(n)).unwrap()).into();
        for day in 5..7 {
            log(dir.path()).append(&by(day), [draft(1), Draft::new(Action::Export)]).unwrap();
        }
        for (i, name) in names.iter().enumerate().filter(|(i, _)| chosen & (1 << i) != 0) {
            fs::write(dir.path().join(name), &old[i]).unwrap();
        }
        // All of it, the secret included: a log that ends five days ago, and is whole.
        let is_whole = chosen == 0b1111;
        assert_eq!(problems(dir.path()).is_empty(), is_whole, "{chosen:04b}");
        log(dir.path()).append(&by(7), [draft(1)]).unwrap();
        log(dir.path()).append(&by(8), [draft(1)]).unwrap();
        // An old head is what a crash leaves, and mended.
        assert_eq!(problems(dir.path()).is_empty(), is_whole || chosen == 0b0010, "{chosen:04b}, written on");
    }
}

#[test]
fn pruned_the_keys_go_on_and_a_cut_before_its_time_is_found() {
    let dir = written(10);
    log(dir.path()).prune(&by(20), at(4)).unwrap();
    let verdict = log(dir.path()).verify().unwrap();
    assert!(verdict.is_sound(), "{verdict:?}");
    assert_eq!(verdict.pruned, Some(Pruned { up_to: 4, before: at(4) }));
    let known = KnownElsewhere { keys: vec![verdict.first_key.unwrap().key], ..KnownElsewhere::default() };
    assert!(log(dir.path()).verify_with(&known).unwrap().is_sound());
    // With the key of today a cut can be told of that took more than it says.
    let up_to = verdict.head.unwrap();
    let (since, early) = (at(4), at(2));
    let detail = facts! { UpTo: up_to, Entries: 6, Before: early };
    log(dir.path()).append(&by(20), [Draft::new(Action::AuditPrune).detail(detail)]).unwrap();
    let text = String::from_utf8(read(dir.path())).unwrap();
    let mark = seal(&Cut { cut: up_to }, None).unwrap().0;
    fs::write(dir.path().join(LOG_FILE), format!("{mark}\n{}\n", text.lines().last().unwrap())).unwrap();
    let found = log(dir.path()).verify().unwrap().found;
    assert!(
        matches!(&found[0].problem, AuditProblem::PrunedEarly { before, .. } if *before == early),
        "{found:?}"
    );
    assert!(since > early);
}

/// A clock that jumps: a key for each of its days, and a log that holds.
#[test]
fn a_clock_that_jumps() {
    let dir = tempfile::tempdir().unwrap();
    for day in [0, 3_000, 0, 1, 1, 0, -400, 2] {
        log(dir.path()).append(&by(day), [draft(1)]).unwrap();
    }
    assert_eq!(problems(dir.path()), []);
}
