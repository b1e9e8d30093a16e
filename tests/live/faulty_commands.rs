//! Commands of a recording's later life, on a disk that fails under them.

use crate::disk::{Disk, Journal};
use crate::lifecycle::Store;
use crate::recorder::Setup;
use nauhuri::store::sidecar::Sidecar;
use std::time::Duration;

/// Rounds, each failing a little later in the command's work.
const ROUNDS: u8 = 7;
const STEP: Duration = Duration::from_millis(100);

/// Runs a command on a slow disk that fails after `delay`; what it said where it failed.
/// The disk is well and fast again afterwards.
fn on_a_failing_disk(setup: &Setup, disk: &Disk, delay: Duration, words: &str) -> Option<String> {
    disk.settle();
    disk.slow(0, 10);
    let (code, said) = std::thread::scope(|scope| {
        let command = scope.spawn(|| setup.tell(words));
        std::thread::sleep(delay);
        disk.fail();
        disk.fast();
        command.join().unwrap()
    });
    disk.heal();
    assert!(!said.contains("panicked"), "{words}: {said}");
    if code == Some(0) {
        return None;
    }
    assert_eq!(code, Some(1), "{words}: {said}");
    assert!(said.contains("nauhuri: "), "{words}: {said}");
    Some(said)
}

/// Whatever the moment: exit status 1 and why; the next run makes it whole.
#[test]
#[ignore = "make test-live"]
fn commands_on_a_disk_that_fails() {
    let line = crate::caller::Line::new();
    let setup = Setup::on(&line);
    setup.configure("[retention]\nguard = 0\nclock = \"any\"\n");
    let disk = Disk::new(&setup.store, Journal::Apart);
    let store = Store::at(&setup.store);
    let (mut failed, mut held, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let delay = STEP * round.into();
        let keep = store.record(3 * round, -30, 1000);
        let erase = store.record(3 * round + 1, -20, 1000);
        let due = store.record(3 * round + 2, -3000, -2000);
        assert_eq!(setup.tell("list").0, Some(0));
        let json = |id| store.row(id).map(|row| row.json(&store.root));
        let (kept_at, erased_at, due_at) = (json(keep), json(erase), json(due));
        let hold = format!("hold {keep} --reason dsar --ref DSAR-1");
        failed.extend(on_a_failing_disk(&setup, &disk, delay, &hold));
        // Asked for again or not, nothing half done is left.
        if round % 2 == 0 {
            let (code, said) = setup.tell(&hold);
            assert_eq!(code, Some(0), "{said}");
            held.extend(kept_at);
        }
        failed.extend(on_a_failing_disk(&setup, &disk, delay, &format!("erase {erase} --reason x --yes")));
        // Not begun or half done: the second time it is either done, or was by the first.
        let (code, said) = setup.tell(&format!("erase {erase} --reason x --yes"));
        assert!(code == Some(0) || said.contains("deleted at"), "{said}");
        failed.extend(on_a_failing_disk(&setup, &disk, delay, "expire"));
        let (code, said) = setup.tell("expire");
        assert_eq!(code, Some(0), "{said}");
        for json in [erased_at.unwrap(), due_at.unwrap()] {
            assert!(!json.exists() && !json.with_extension("wav").exists(), "{}", json.display());
            gone.push(json);
        }
    }
    let one_each = failed.iter().map(|said| said.lines().last().unwrap_or_default());
    println!("{} of {} failed:\n{}", failed.len(), 3 * ROUNDS, one_each.collect::<Vec<_>>().join("\n"));
    assert!(failed.len() > usize::from(ROUNDS));
    setup.assert_sound("after failures");
    disk.remount();
    setup.assert_sound("as it is on the disk");
    for json in held {
        assert!(Sidecar::read(&json).unwrap().retention.hold.is_set(), "{}", json.display());
    }
    assert!(gone.iter().all(|json| !json.exists() && !json.with_extension("wav").exists()));
}
