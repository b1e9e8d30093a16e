//! What is kept of calls that left no recording: it goes at the midnight at which a recording would
//! have gone, no sooner, and is looked after like one.

use crate::lifecycle::office::Office;
use crate::lifecycle::{Store, day, kaisa};
use nauhuri::custody::expire::{Sweep, SweepOptions};
use nauhuri::custody::wall_clock::{Reading, Sync};
use nauhuri::pii::Pii;
use nauhuri::store::assurance::{Assurance, AssuranceReason};
use nauhuri::store::call_assurance::{AssuranceFolder, CallAssurance, CallTerm};
use nauhuri::store::files::Access;
use nauhuri::store::legible::Legible;
use nauhuri::time::Timestamp;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use uuid::Uuid;

fn missed(root: &Path, n: u128, answered: Timestamp, until: Timestamp) -> PathBuf {
    let folder = AssuranceFolder::make(root, Access::Owner).unwrap();
    let before = folder.places().unwrap();
    folder
        .write(&CallAssurance {
            schema: 1,
            id: Uuid::from_u128(n),
            answered_at: answered,
            service: "116117".into(),
            caller: Some(Pii::new("+35840123xxxx".into())),
            called: Some(Pii::new("116117".into())),
            call: None,
            assurance: Legible::Known(Assurance::missing(AssuranceReason::NoRtp)),
            retention: CallTerm { until: Some(until) },
        })
        .unwrap();
    let place = folder.places().unwrap().into_iter().find(|p| !before.contains(p)).unwrap();
    folder.folder().path().join(place)
}

fn swept(store: &Store, now: Timestamp, options: SweepOptions) -> Sweep {
    let reading = Reading { wall: now, uptime_ns: now.as_ns(), boot: "a".into(), sync: Sync::Yes };
    store.keeper().sweep(&kaisa(), &reading, &options).unwrap()
}

fn told(store: &Store) -> usize {
    store.audit().entries().unwrap().filter(|e| e.action == "assurance_expire").count()
}

#[test]
fn it_goes_at_its_midnight_and_the_log_says_so_first() {
    let store = Store::new();
    store.record(1, -1, 400);
    let one = missed(&store.root, 1, day(-100), day(10));
    let other = missed(&store.root, 2, day(-100), day(11));
    let usual = SweepOptions { guard: 3, ..SweepOptions::default() };
    assert_eq!(swept(&store, day(10).offset_ns(-1), usual).assurance_removed, 0);
    let dry = SweepOptions { dry_run: true, ..usual };
    assert_eq!(swept(&store, day(10), dry).assurance_removed, 1);
    assert!(one.exists() && told(&store) == 0);
    // A clock that is not believed deletes nothing.
    let reading = Reading { wall: day(10), uptime_ns: 1, boot: "b".into(), sync: Sync::No };
    assert!(store.keeper().sweep(&kaisa(), &reading, &usual).unwrap().refused.is_some());
    assert!(one.exists());
    assert_eq!(swept(&store, day(10), usual).assurance_removed, 1);
    assert!(!one.exists() && other.exists());
    assert_eq!(told(&store), 1);
    assert_eq!(swept(&store, day(10), usual).assurance_removed, 0);
    assert_eq!(told(&store), 1, "nothing was due");
    // What a crash left half written goes a day later.
    let half = other.with_extension("json.new");
    fs::write(&half, "{\"sch").unwrap();
    let written = Timestamp::from_jiff(jiff::Timestamp::now());
    let far = SweepOptions { ignore_clock: true, ..usual };
    assert!(swept(&store, written, far).assurance_removed <= 1 && half.exists());
    swept(&store, written.offset_ns(2 * 86_400 * 1_000_000_000), far);
    assert!(!half.exists());
}

#[test]
fn verify_and_repair_look_after_it() {
    let office = Office::new();
    office.record(1, -1, 30);
    let one = missed(&office.store.root, 1, day(office.today - 1), day(office.today + 30));
    office.ends(0, &["verify"]);
    fs::set_permissions(&one, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(office.ends(1, &["verify"]).contains("mode"));
    office.ends(0, &["repair"]);
    office.ends(0, &["verify"]);
    assert_eq!(fs::metadata(&one).unwrap().permissions().mode() & 0o777, 0o600);
    let day_folder = one.parent().unwrap();
    fs::write(day_folder.join("torn.json"), "{").unwrap();
    fs::set_permissions(day_folder.join("torn.json"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::copy(&one, day_folder.join("copy.txt")).unwrap();
    symlink(&one, day_folder.join("link.json")).unwrap();
    let said = office.ends(1, &["verify"]);
    for word in ["torn.json", "copy.txt", "link.json"] {
        assert!(said.contains(word), "{word} in {said}");
    }
    // Nothing of all this is a recording.
    assert_eq!(office.json(&["list", "--json"]).as_array().unwrap().len(), 1);
}
