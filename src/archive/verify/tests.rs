//! Each thing that can be wrong, made wrong, and found as what it is.

use super::*;
use crate::archive::index::{DeletionReason, Tombstone, rebuild};
use crate::store::layout::{Paths, RecordingName};
use crate::store::lock::StoreLock;
use crate::store::mark;
use crate::store::sidecar::{EndedBy, write_atomically};
use crate::store::wav::{WavEncoding, WavSpec};
use crate::store::writer::{RecordingWriter, WriterOptions};
use crate::time::NS_PER_S;
use std::os::unix::fs::PermissionsExt;

fn at(s: i64) -> Timestamp {
    Timestamp::from_parts(1_795_421_723 + s, 120_000_000)
}

/// A whole recording of a second, answered `s` seconds later than the first.
fn record(root: &Path, s: i64) -> Paths {
    let mut sidecar: Sidecar =
        serde_json::from_str(include_str!("../../store/writer/answered.json")).unwrap();
    sidecar.id = crate::id::derived_uuid(at(s), &[&s.to_be_bytes()]);
    (sidecar.answered_at, sidecar.ended_at) = (at(s), at(s + 1));
    (sidecar.duration_s, sidecar.ended_by, sidecar.complete) = (1.0, EndedBy::Agent, true);
    let name = RecordingName::new(at(s), Some("2001"), Some("+35840123xxxx"), sidecar.id);
    let spec = WavSpec { rate: 8000, encoding: WavEncoding::PcmS16le };
    let options = WriterOptions { sync: false, ..WriterOptions::default() };
    let mut w = RecordingWriter::open(root, &name, spec, sidecar.clone(), &options).unwrap();
    w.append(&vec![s as u8; 32_000]).unwrap();
    w.close(sidecar).unwrap();
    name.paths(root)
}

struct Store {
    _dir: tempfile::TempDir,
    root: PathBuf,
    state: PathBuf,
    files: Vec<Paths>,
}

impl Store {
    fn new() -> Store {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("store");
        let state = mark::state_folder(&root, None);
        mark::enter(&root, &state, at(0)).unwrap();
        let files = (0..6).map(|n| record(&root, n * 40_000)).collect();
        rebuild(&root, &state, &mut |_| ()).unwrap();
        Store { root, state, files, _dir: dir }
    }

    fn look(&self, options: &VerifyOptions) -> VerifyReport {
        let index = Index::open(&self.state);
        verify(&self.root, index.as_ref(), options, &mut |_, _| ()).unwrap()
    }

    fn kinds(&self) -> Vec<FindingKind> {
        self.look(&options()).findings.iter().map(|f| f.kind).collect()
    }

    fn edit(&self, n: usize, edit: impl FnOnce(&mut Sidecar)) {
        let mut s = Sidecar::read(&self.files[n].json).unwrap();
        edit(&mut s);
        write_atomically(&root_of(&self.files[n].json), &self.files[n].json, &s, false).unwrap();
        // It has lain here for a day.
        self.written(n, options().now.offset_ns(-86_400 * NS_PER_S));
    }

    fn written(&self, n: usize, at: Timestamp) {
        let file = fs::File::options().write(true).open(&self.files[n].json).unwrap();
        let since = Duration::from_nanos(at.as_ns().unsigned_abs());
        file.set_modified(std::time::UNIX_EPOCH + since).unwrap();
    }
}

/// The folder that a file is in.
fn root_of(path: &Path) -> Folder {
    Folder::open(path.parent().unwrap(), Access::Owner).unwrap()
}

fn options() -> VerifyOptions {
    VerifyOptions {
        sample: None,
        now: at(400_000),
        grace: Duration::from_secs(3600),
        patience: Duration::ZERO,
        access: Access::Owner,
        threads: 2,
    }
}

#[test]
fn a_whole_store_is_clean() {
    let store = Store::new();
    let report = store.look(&options());
    assert_eq!(report.findings, []);
    assert_eq!((report.recordings, report.read, report.bytes), (6, 6, 6 * 32_080));
    let sampled = store.look(&VerifyOptions { sample: Some(2), ..options() });
    assert_eq!((sampled.recordings, sampled.read, sampled.is_clean()), (6, 2, true));
    let more = store.look(&VerifyOptions { sample: Some(100), ..options() });
    assert_eq!((more.read, more.is_clean()), (6, true));
}

#[test]
fn what_is_wrong_with_files_is_named() {
    let store = Store::new();
    let f = &store.files;
    let mut audio = fs::read(&f[0].wav).unwrap();
    audio[100] ^= 1;
    fs::write(&f[0].wav, audio).unwrap();
    fs::remove_file(&f[1].json).unwrap();
    fs::remove_file(&f[2].wav).unwrap();
    fs::write(&f[3].json, "{\"schema\": 1}").unwrap();
    let cut = fs::read(&f[4].wav).unwrap();
    fs::write(&f[4].wav, &cut[..cut.len() - 400]).unwrap();
    fs::set_permissions(&f[5].wav, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(&f[5].folder, fs::Permissions::from_mode(0o755)).unwrap();
    let report = store.look(&options());
    let of = |n: usize| -> Vec<FindingKind> {
        let mine = |p: &Path| p == f[n].wav || p == f[n].json;
        report.findings.iter().filter(|x| mine(&x.path)).map(|x| x.kind).collect()
    };
    assert_eq!(of(0), [FindingKind::Hash]);
    assert_eq!(of(1), [FindingKind::IndexStale, FindingKind::MissingSidecar]);
    assert_eq!(of(2), [FindingKind::MissingWav]);
    assert_eq!(of(3), [FindingKind::BadSidecar]);
    assert_eq!(of(4), [FindingKind::BadWav, FindingKind::Mismatch, FindingKind::Hash]);
    assert_eq!(of(5), [FindingKind::Mode]);
    assert!(report.findings.iter().any(|x| x.path == f[5].folder && x.kind == FindingKind::Mode));
    let text = serde_json::to_string(&report).unwrap();
    assert!(text.contains("\"missing_sidecar\":1") && text.contains("\"bad_wav\""), "{text}");
}

#[test]
fn names_terms_and_the_index() {
    let store = Store::new();
    let f = &store.files;
    store.edit(0, |s| s.retention.until = Some(at(390_000)));
    store.edit(1, |s| {
        s.retention.until = Some(at(390_000));
        s.retention.hold = serde_json::from_value(serde_json::json!({"reason": "crime"})).unwrap();
    });
    store.edit(2, |s| s.retention.until = Some(at(399_000)));
    // Only the first is overdue: the second is held, the third within a sweep's time.
    // Edited behind the index's back, all three differ from it.
    let differ = FindingKind::IndexDiffers;
    assert_eq!(store.kinds(), [FindingKind::Overdue, differ, differ, differ]);
    let mut index = Index::open(&store.state).unwrap();
    index.reconcile_all(&store.root).unwrap();
    assert_eq!(store.kinds(), [FindingKind::Overdue]);
    // What was stored within a sweep's time, as by the replay of an old capture, no sweep has seen.
    store.written(0, options().now.offset_ns(-3000 * NS_PER_S));
    assert_eq!(store.kinds(), []);
    store.written(0, options().now.offset_ns(-3700 * NS_PER_S));
    assert_eq!(store.kinds(), [FindingKind::Overdue]);
    store.edit(0, |s| s.retention.until = None);
    index.reconcile_all(&store.root).unwrap();

    let id = Sidecar::read(&f[3].json).unwrap().id;
    index.forget(id).unwrap();
    assert_eq!(store.kinds(), [FindingKind::NotIndexed]);
    assert_eq!(
        store.look(&VerifyOptions { sample: Some(0), ..options() }).findings[0].kind,
        FindingKind::NotIndexed
    );
    index.reconcile_all(&store.root).unwrap();
    store.edit(3, |s| s.id = Sidecar::read(&f[4].json).unwrap().id);
    assert!(store.kinds().contains(&FindingKind::DuplicateId));
    assert!(store.kinds().contains(&FindingKind::Name));
}

#[test]
fn deleted_ones_that_came_back() {
    let store = Store::new();
    let mut index = Index::open(&store.state).unwrap();
    let row = index.find(&Default::default()).unwrap().remove(0);
    index.bury(&Tombstone::of(&row, at(1), DeletionReason::Expired)).unwrap();
    assert_eq!(store.kinds(), [FindingKind::Buried]);
    fs::remove_file(row.json(&store.root)).unwrap();
    assert_eq!(store.kinds(), [FindingKind::IndexStale, FindingKind::Buried]);
    fs::remove_file(row.wav(&store.root)).unwrap();
    index.forget(row.id).unwrap();
    assert_eq!(store.kinds(), []);
}

#[test]
fn leftovers_are_told_unless_somebody_is_recording() {
    let store = Store::new();
    let mut part = store.files[0].json.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part.to_string_lossy().replace("_2001_", "_2002_"));
    fs::write(&part, "{}").unwrap();
    fs::write(part.with_extension("new"), "{}").unwrap();
    assert_eq!(store.kinds(), [FindingKind::Leftover]);
    let mut recorder = StoreLock::enter(&store.root).unwrap();
    recorder.share().unwrap();
    assert_eq!(store.kinds(), []);
    drop(recorder);
    assert_eq!(store.kinds(), [FindingKind::Leftover]);
}

#[test]
fn without_an_index_the_files_are_looked_at_all_the_same() {
    let store = Store::new();
    fs::remove_file(store.state.join(crate::archive::index::INDEX)).unwrap();
    let report = store.look(&options());
    assert_eq!((report.read, report.findings[0].kind, report.findings.len()), (6, FindingKind::Index, 1));
}

#[test]
fn what_is_nobodys_is_told_of_where_it_looks_like_a_recording() {
    let store = Store::new();
    let (day, wav) = (&store.files[0].folder, &store.files[0].wav);
    let copy = |to: PathBuf| {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(wav, &to).unwrap();
    };
    fs::write(store.root.join("README"), "mounted from the attic").unwrap();
    fs::create_dir(store.root.join("lost+found")).unwrap();
    assert_eq!(store.kinds(), []);
    let bak = wav.with_added_extension("bak");
    for to in [store.root.join("copy.wav"), day.join("old/x.wav"), bak, day.join("copy.WAV")] {
        copy(to);
    }
    std::os::unix::fs::symlink(day, store.root.join("2025")).unwrap();
    assert_eq!(store.kinds(), [FindingKind::Stray; 5]);
}

#[test]
fn the_state_is_closed_and_so_is_every_folder() {
    let store = Store::new();
    let open = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    open(&store.state.join(mark::MARK), 0o666);
    open(&store.state, 0o777);
    open(store.files[0].folder.parent().unwrap(), 0o755);
    assert_eq!(store.kinds(), [FindingKind::Mode; 3]);
    // Closer than need be is nobody's trouble.
    open(&store.state.join(mark::MARK), 0o600);
    open(&store.state, 0o700);
    open(store.files[0].folder.parent().unwrap(), 0o700);
    assert_eq!(store.kinds(), []);
}

#[test]
fn a_sample_is_as_large_as_asked_for() {
    for (n, total) in [(0, 5), (1, 5), (5, 5), (9, 5), (10, 1000)] {
        let chosen = choose(n, total);
        assert_eq!(chosen.len() as u64, n.min(total));
        assert!(chosen.iter().all(|i| *i < total));
    }
}
