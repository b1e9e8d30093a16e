//! The log attacked, torn by crashes, pruned, and written by several at once.

mod forger;
mod seal;

use super::day_key::seal;
use super::*;
use crate::time::Timestamp;
use std::fs;
use std::path::Path;

const DAY_S: i64 = 86_400;

fn at(day: i64) -> Timestamp {
    Timestamp::from_parts(1_795_421_723 + day * DAY_S, 0)
}

fn log(dir: &Path) -> AuditLog {
    AuditLog::new(dir, None)
}

fn by(day: i64) -> By {
    By::new(
        Who::Os(SystemAccount { user: Some("kaisa".into()), uid: 1000, ..SystemAccount::default() }),
        at(day),
    )
}

fn draft(n: u128) -> Draft {
    let why = Why { reason: Some("crime".into()), case: Some(format!("6400/R/{n}/26")), ..Why::default() };
    Draft::new(Action::Hold).on([Uuid::from_u128(n)]).why(why)
}

/// A log of `n` entries, one a day.
fn written(n: u128) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..n {
        log(dir.path()).append(&by(i as i64), [draft(i)]).unwrap();
    }
    dir
}

fn read(dir: &Path) -> Vec<u8> {
    fs::read(dir.join(LOG_FILE)).unwrap()
}

fn put(dir: &Path, bytes: &[u8]) {
    fs::write(dir.join(LOG_FILE), bytes).unwrap();
}

fn problems(dir: &Path) -> Vec<AuditProblem> {
    log(dir).verify().unwrap().found.into_iter().map(|f| f.problem).collect()
}

#[test]
fn what_was_written_is_sound_and_can_be_read() {
    let dir = written(5);
    let verdict = log(dir.path()).verify().unwrap();
    assert!(verdict.is_sound(), "{verdict:?}");
    assert_eq!((verdict.entries, verdict.first_seq), (5, Some(1)));
    assert_eq!(verdict.head, log(dir.path()).head().unwrap());
    let about: Vec<_> = log(dir.path()).entries_for(Uuid::from_u128(3)).unwrap().collect();
    assert_eq!(about.len(), 1);
    assert_eq!(about[0].why.case.as_deref(), Some("6400/R/3/26"));
    assert_eq!((about[0].seq, about[0].action.as_str(), about[0].who.is_called("1000")), (4, "hold", true));
    use std::os::unix::fs::PermissionsExt;
    let mode = |name: &str| fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(LOG_FILE) & 0o137, mode(HEAD_FILE) & 0o137), (0, 0), "nothing for the world");
}

#[test]
fn an_empty_log_is_sound() {
    let dir = tempfile::tempdir().unwrap();
    assert!(log(dir.path()).verify().unwrap().is_sound());
    assert_eq!(log(dir.path()).entries().unwrap().count(), 0);
    assert_eq!(log(dir.path()).head().unwrap(), None);
}

#[test]
fn each_byte_changed_is_found() {
    let dir = written(3);
    let good = read(dir.path());
    for i in 0..good.len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut bad = good.clone();
            bad[i] ^= flip;
            put(dir.path(), &bad);
            assert!(!problems(dir.path()).is_empty(), "byte {i} ^ {flip:#x}");
        }
    }
    put(dir.path(), &good);
    assert!(problems(dir.path()).is_empty());
    let head = fs::read(dir.path().join(HEAD_FILE)).unwrap();
    for i in 0..head.len() {
        let mut bad = head.clone();
        bad[i] ^= 1;
        fs::write(dir.path().join(HEAD_FILE), &bad).unwrap();
        assert!(!problems(dir.path()).is_empty(), "byte {i} of the head");
    }
}

#[test]
fn each_line_dropped_doubled_or_swapped_is_found() {
    let dir = written(6);
    let good = read(dir.path());
    let lines: Vec<&[u8]> = good.split_inclusive(|b| *b == b'\n').collect();
    let attack = |lines: Vec<&[u8]>, what: &str| {
        put(dir.path(), &lines.concat());
        assert!(!problems(dir.path()).is_empty(), "{what}");
    };
    for i in 0..lines.len() {
        let mut dropped = lines.clone();
        dropped.remove(i);
        attack(dropped, "dropped");
        for j in 0..lines.len() {
            let mut moved = lines.clone();
            moved.insert(j, lines[i]);
            attack(moved, "doubled");
            if i != j {
                let mut swapped = lines.clone();
                swapped.swap(i, j);
                attack(swapped, "swapped");
            }
        }
    }
}

#[test]
fn each_truncation_and_everything_appended_is_found() {
    let dir = written(3);
    let good = read(dir.path());
    for length in 0..good.len() {
        put(dir.path(), &good[..length]);
        assert!(!problems(dir.path()).is_empty(), "{length} bytes left");
    }
    // A line made as ours are, with everything right but that the head has not seen it.
    let head = log(dir.path()).head().unwrap().unwrap();
    let entry = Entry {
        seq: head.seq + 1,
        at: at(9),
        who: Who::Os(SystemAccount::default()),
        action: "release".into(),
        targets: Vec::new(),
        search: None,
        why: Why::default(),
        outcome: "done".into(),
        detail: None,
        prev: head.hash,
    };
    for (what, line) in
        [("forged", seal(&entry, None).unwrap().0 + "\n"), ("foreign", "{}\n".into()), ("empty", "\n".into())]
    {
        put(dir.path(), &[&good[..], line.as_bytes()].concat());
        assert!(!problems(dir.path()).is_empty(), "{what}");
    }
    fs::remove_file(dir.path().join(LOG_FILE)).unwrap();
    let cut = [AuditProblem::Truncated { head: 3, last: 0 }, AuditProblem::BehindKeys { seq: 1, last: 0 }];
    assert_eq!(problems(dir.path()), cut);
}

#[test]
fn an_old_log_put_back_is_found_also_after_the_next_entry() {
    let (dir, elsewhere) = (written(3), tempfile::tempdir().unwrap());
    let own = AuditLog::new(dir.path(), Some(elsewhere.path().join("anchor")));
    own.append(&by(4), [draft(4)]).unwrap();
    assert!(own.verify().unwrap().is_sound());
    let old: Vec<_> =
        [LOG_FILE, HEAD_FILE].map(|f| (dir.path().join(f), fs::read(dir.path().join(f)).unwrap())).into();
    own.append(&by(5), [draft(5)]).unwrap();
    for (path, bytes) in &old {
        fs::write(path, bytes).unwrap();
    }
    assert!(!own.verify().unwrap().is_sound(), "the anchor is further");
    own.append(&by(6), [draft(6)]).unwrap();
    own.append(&by(7), [draft(7)]).unwrap();
    let found = own.verify().unwrap().found;
    assert_eq!(found.iter().map(|f| f.problem.clone()).collect::<Vec<_>>(), [AuditProblem::Damage]);
}

#[test]
fn an_anchor_that_lags_is_no_damage() {
    let (dir, elsewhere) = (written(3), tempfile::tempdir().unwrap());
    let own = AuditLog::new(dir.path(), Some(elsewhere.path().join("anchor")));
    own.append(&by(4), [draft(4)]).unwrap();
    // Written by whom the anchor is out of reach; then its entry is pruned as well.
    log(dir.path()).append(&by(5), [draft(5)]).unwrap();
    own.append(&by(6), [draft(6)]).unwrap();
    log(dir.path()).append(&by(7), [draft(7)]).unwrap();
    assert_eq!(log(dir.path()).prune(&by(20), at(7)).unwrap(), 6);
    own.append(&by(21), [draft(8)]).unwrap();
    let verdict = own.verify().unwrap();
    assert!(verdict.is_sound() && verdict.repairs == 0, "{verdict:?}");
}

#[test]
fn the_anchor_finds_what_the_head_cannot() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let anchor = elsewhere.path().join("nauhuri.anchor");
    let own = AuditLog::new(dir.path(), Some(anchor.clone()));
    // On one day: of an earlier one the keys would find it.
    for i in 0..4 {
        assert!(own.append(&by(0), [draft(i)]).unwrap().1.is_none());
    }
    assert!(own.verify().unwrap().is_sound());
    // The log and its head put back to how they were two entries ago.
    let short: Vec<u8> =
        read(dir.path()).split_inclusive(|b| *b == b'\n').take(2).flatten().copied().collect();
    put(dir.path(), &short);
    let text = String::from_utf8(short).unwrap();
    let (link, _) = super::log::link_of(text.lines().last().unwrap()).unwrap();
    fs::write(dir.path().join(HEAD_FILE), link.line()).unwrap();
    assert!(log(dir.path()).verify().unwrap().is_sound(), "from inside it looks right");
    let found = own.verify().unwrap().found;
    assert_eq!(found[0].problem, AuditProblem::Unanchored { seq: 4 });
    // An anchor out of reach stops nobody, and is told.
    let lost = AuditLog::new(dir.path(), Some("/nonexistent/x".into()));
    assert!(lost.append(&by(9), [draft(9)]).unwrap().1.is_some());
    assert!(lost.verify().unwrap().found.iter().any(|f| f.problem == AuditProblem::NoAnchor));
}

#[test]
fn a_torn_line_is_cut_and_the_log_says_so() {
    let dir = written(2);
    let mut bytes = read(dir.path());
    bytes.extend_from_slice(b"{\"seq\":3,\"at\":\"20");
    put(dir.path(), &bytes);
    assert_eq!(problems(dir.path()), [AuditProblem::Torn]);
    log(dir.path()).append(&by(3), [draft(3)]).unwrap();
    let verdict = log(dir.path()).verify().unwrap();
    assert!(verdict.is_sound(), "{verdict:?}");
    assert_eq!((verdict.entries, verdict.repairs), (4, 1));
    let repair = log(dir.path()).entries().unwrap().find(|e| e.action == "audit_repair").unwrap();
    assert_eq!(repair.detail.unwrap()["bytes"], 17);
}

#[test]
fn a_crash_before_the_head_is_told_apart_from_a_cut() {
    let dir = written(2);
    let head = fs::read(dir.path().join(HEAD_FILE)).unwrap();
    log(dir.path()).append(&by(3), [draft(3)]).unwrap();
    fs::write(dir.path().join(HEAD_FILE), &head).unwrap();
    assert_eq!(problems(dir.path()), [AuditProblem::BeyondHead { entries: 1 }]);
    log(dir.path()).append(&by(4), [draft(4)]).unwrap();
    let verdict = log(dir.path()).verify().unwrap();
    assert!(verdict.is_sound(), "{verdict:?}");
    assert_eq!((verdict.entries, verdict.repairs), (5, 1));
}

#[test]
fn writing_on_does_not_heal_damage() {
    for damage in ["cut", "changed", "headless", "gone"] {
        let dir = written(3);
        let good = read(dir.path());
        match damage {
            "cut" => {
                let kept: Vec<u8> =
                    good.split_inclusive(|b| *b == b'\n').take(2).flatten().copied().collect();
                put(dir.path(), &kept);
            }
            "changed" => {
                let mut bad = good.clone();
                let middle = bad.len() / 2;
                bad[middle] ^= 1;
                put(dir.path(), &bad);
            }
            "headless" => fs::remove_file(dir.path().join(HEAD_FILE)).unwrap(),
            _ => fs::remove_file(dir.path().join(LOG_FILE)).unwrap(),
        }
        for i in 4..7 {
            log(dir.path()).append(&by(i), [draft(i as u128)]).unwrap();
        }
        assert!(!problems(dir.path()).is_empty(), "{damage}");
    }
}

#[test]
fn pruned_the_chain_still_holds() {
    let dir = written(10);
    assert_eq!(log(dir.path()).prune(&by(20), at(0)).unwrap(), 0);
    assert_eq!(log(dir.path()).prune(&by(20), at(4)).unwrap(), 4);
    let verdict = log(dir.path()).verify().unwrap();
    assert!(verdict.is_sound(), "{verdict:?}");
    assert_eq!((verdict.entries, verdict.first_seq), (7, Some(5)));
    // Again, over the mark of the first time.
    assert_eq!(log(dir.path()).prune(&by(21), at(8)).unwrap(), 4);
    log(dir.path()).append(&by(22), [draft(22)]).unwrap();
    let verdict = log(dir.path()).verify().unwrap();
    assert!(verdict.is_sound(), "{verdict:?}");
    assert_eq!((verdict.entries, verdict.first_seq), (5, Some(9)));
    // The front cut off by hand, even with a mark made as ours are.
    let text = String::from_utf8(read(dir.path())).unwrap();
    let (link, _) = super::log::link_of(text.lines().nth(1).unwrap()).unwrap();
    let mark = seal(&Cut { cut: link }, None).unwrap().0;
    let rest: Vec<&str> = text.lines().skip(2).collect();
    put(dir.path(), format!("{mark}\n{}\n", rest.join("\n")).as_bytes());
    assert_eq!(problems(dir.path()), [AuditProblem::Beheaded { after: 9 }]);
    put(dir.path(), format!("{}\n", rest.join("\n")).as_bytes());
    assert_eq!(problems(dir.path()), [AuditProblem::Broken]);
}

#[test]
fn a_prune_cut_short_leaves_the_log_whole() {
    let dir = written(5);
    let before = read(dir.path());
    log(dir.path()).prune(&by(20), at(3)).unwrap();
    // What a crash before the rename leaves: the old lines and the entry that announced it.
    let announced: Vec<u8> = {
        let now = read(dir.path());
        let lines: Vec<&[u8]> = now.split_inclusive(|b| *b == b'\n').collect();
        [&before[..], lines.last().unwrap()].concat()
    };
    put(dir.path(), &announced);
    fs::write(dir.path().join("audit.jsonl.new"), b"half").unwrap();
    assert!(problems(dir.path()).is_empty());
    assert_eq!(log(dir.path()).prune(&by(20), at(3)).unwrap(), 3);
    assert!(problems(dir.path()).is_empty());
}

#[test]
fn several_writers_make_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for n in 0..4u128 {
            let own = log(dir.path());
            scope.spawn(move || (0..10).for_each(|i| drop(own.append(&by(i), [draft(n)]).unwrap())));
        }
    });
    let verdict = log(dir.path()).verify().unwrap();
    assert!(verdict.is_sound(), "{verdict:?}");
    assert_eq!(verdict.entries, 40);
}

#[test]
fn several_cuts_at_once_leave_the_log_whole() {
    for _ in 0..10 {
        let dir = written(30);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| log(dir.path()).prune(&by(40), at(25)).unwrap());
            }
            scope.spawn(|| (0..5).for_each(|i| drop(log(dir.path()).append(&by(40), [draft(i)]).unwrap())));
        });
        assert_eq!(problems(dir.path()), []);
        let kept = log(dir.path()).entries().unwrap();
        let holds = kept.filter(|e| e.action == "hold").count();
        assert_eq!(holds, 5 + 5, "those of the last days, and the new ones");
    }
}

/// However far the anchor lags, and wherever the log is damaged, it is known whether its entry is there.
#[test]
fn an_anchor_that_lags_is_found_wherever_it_stands() {
    let dir = written(60);
    let elsewhere = tempfile::tempdir().unwrap();
    let anchor = elsewhere.path().join("anchor");
    let repairs = || log(dir.path()).entries().unwrap().filter(|e| e.action == "audit_repair").count();
    let own = AuditLog::new(dir.path(), Some(anchor.clone()));
    let lines: Vec<String> = String::from_utf8(read(dir.path())).unwrap().lines().map(String::from).collect();
    for line in lines.iter().step_by(7) {
        let (link, _) = super::log::link_of(line).unwrap();
        fs::write(&anchor, link.line()).unwrap();
        own.append(&by(70), [draft(70)]).unwrap();
        assert_eq!(repairs(), 0, "entry {}", link.seq);
        // Another entry of that number was there.
        fs::write(&anchor, Link { hash: hash_of(b"another"), ..link }.line()).unwrap();
        own.append(&by(70), [draft(70)]).unwrap();
        assert_eq!(repairs(), 1);
        let whole: Vec<String> =
            String::from_utf8(read(dir.path())).unwrap().lines().map(String::from).collect();
        put(dir.path(), (whole[..whole.len() - 2].join("\n") + "\n").as_bytes());
        let (last, _) = super::log::link_of(&whole[whole.len() - 3]).unwrap();
        fs::write(dir.path().join(HEAD_FILE), last.line()).unwrap();
    }
    // Cut off in front it is vouched for.
    let (first, _) = super::log::link_of(&lines[3]).unwrap();
    log(dir.path()).prune(&by(71), at(20)).unwrap();
    fs::write(&anchor, first.line()).unwrap();
    own.append(&by(72), [draft(72)]).unwrap();
    assert_eq!(repairs(), 0);
}
