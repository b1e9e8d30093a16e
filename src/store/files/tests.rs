//! Links, owners and modes.

use super::beneath::walk;
use super::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

fn store() -> (tempfile::TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("store")).unwrap();
    let folder = Folder::open(&dir.path().join("store"), Access::Owner).unwrap();
    (dir, folder)
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Every way to reach a file, and what each of them says.
fn attempts(folder: &Folder, path: &Path) -> Vec<(&'static str, bool)> {
    vec![
        ("read", folder.read(path).is_ok()),
        ("write", folder.write(path).is_ok()),
        ("create", folder.create(path).is_ok()),
        ("write or create", folder.write_or_create(path).is_ok()),
        ("lock", folder.lock(path).is_ok()),
    ]
}

#[test]
fn a_link_is_never_followed() {
    let (dir, folder) = store();
    let (victim, outside) = (dir.path().join("victim"), dir.path().join("outside"));
    fs::write(&victim, "theirs").unwrap();
    fs::set_permissions(&victim, fs::Permissions::from_mode(0o604)).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file"), "theirs").unwrap();
    symlink(&victim, folder.path().join("file")).unwrap();
    symlink("../nowhere", folder.path().join("dangling")).unwrap();
    symlink(&outside, folder.path().join("2026")).unwrap();
    fs::create_dir(folder.path().join("real")).unwrap();
    symlink("real", folder.path().join("inside")).unwrap();
    for path in ["file", "dangling", "2026/file", "2026/new", "inside/new"] {
        for (how, done) in attempts(&folder, Path::new(path)) {
            assert!(!done, "{path}: {how}");
        }
    }
    assert!(folder.below(Path::new("2026")).is_err() && folder.below(Path::new("inside")).is_err());
    assert!(folder.make_below(Path::new("2026/11/23"), true).is_err());
    assert!(folder.look(Path::new("file")).unwrap().unwrap().is_link());
    assert!(folder.look(Path::new("2026/file")).is_err());
    assert!(folder.remove(Path::new("2026/file")).is_err() && folder.mend(Path::new("file")).is_err());
    // In place of a link comes the file: the link goes, what it led to stays.
    folder.replace(Path::new("file"), b"ours", true).unwrap();
    symlink(&victim, folder.path().join("other.new")).unwrap();
    folder.replace(Path::new("other"), b"ours", true).unwrap();
    for name in ["file", "other"] {
        assert_eq!(fs::read(folder.path().join(name)).unwrap(), b"ours");
        assert!(fs::symlink_metadata(folder.path().join(name)).unwrap().is_file());
    }
    assert_eq!((fs::read(&victim).unwrap(), mode(&victim)), (b"theirs".to_vec(), 0o604));
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    assert!(
        !dir.path().join("nowhere").exists()
            && fs::read_dir(folder.path().join("real")).unwrap().next().is_none()
    );
}

#[test]
fn what_stands_in_the_place_of_a_file() {
    let (dir, folder) = store();
    fs::write(dir.path().join("theirs"), "theirs").unwrap();
    fs::hard_link(dir.path().join("theirs"), folder.path().join("hard")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.path().join("pipe"),
        FileType::Fifo,
        Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    for path in ["hard", "pipe", "folder"] {
        assert!(folder.write(Path::new(path)).is_err(), "{path}");
        assert!(folder.lock(Path::new(path)).is_err(), "{path}");
    }
    fs::set_permissions(dir.path().join("theirs"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(folder.mend(Path::new("hard")).is_err());
    assert_eq!(mode(&dir.path().join("theirs")), 0o644);
}

#[test]
fn no_path_leads_out() {
    let (dir, folder) = store();
    fs::write(dir.path().join("victim"), "theirs").unwrap();
    let beside = dir.path().join("victim");
    for path in [Path::new("../victim"), Path::new("a/../../victim"), &beside, Path::new("/etc/passwd")] {
        for (how, done) in attempts(&folder, path) {
            assert!(!done, "{}: {how}", path.display());
        }
        assert!(matches!(folder.remove(path), Err(StoreError::Outside { .. })), "{}", path.display());
        assert!(folder.rename(Path::new("x"), path).is_err());
    }
}

/// The two ways of the kernel to say no agree about everything.
#[test]
fn without_openat2_the_answers_are_the_same() {
    let (dir, folder) = store();
    fs::create_dir_all(folder.path().join("2026/11/23")).unwrap();
    fs::write(folder.path().join("2026/11/23/file"), "ours").unwrap();
    symlink(dir.path(), folder.path().join("2026/12")).unwrap();
    symlink("23", folder.path().join("2026/11/24")).unwrap();
    symlink("file", folder.path().join("2026/11/23/link")).unwrap();
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    for path in ["2026/11/23/file", "2026/11/24/file", "2026/11/23/link", "2026/12/store", "2026/13/x", ""] {
        let below = Below::new(Path::new(path)).unwrap();
        for flags in [flags, flags | OFlags::DIRECTORY] {
            let walked = walk(folder.0.fd.as_fd(), &below, flags);
            let asked = match flags.contains(OFlags::DIRECTORY) {
                true => folder_beneath(folder.0.fd.as_fd(), &below).map(drop),
                false => file_beneath(folder.0.fd.as_fd(), &below, OFlags::RDONLY).map(drop),
            };
            assert_eq!(walked.is_ok(), asked.is_ok(), "{path}: {walked:?}, {asked:?}");
        }
    }
}

#[test]
fn modes_whatever_the_umask() {
    for (access, file, below) in [(Access::Owner, 0o600, 0o700), (Access::Group, 0o640, 0o750)] {
        let (_dir, folder) = store();
        let folder = Folder::open(folder.path(), access).unwrap();
        folder.make_below(Path::new("a/b"), false).unwrap();
        drop(folder.create(Path::new("a/b/made")).unwrap());
        folder.replace(Path::new("a/b/replaced"), b"x", false).unwrap();
        for (path, mode_wanted) in [("a", below), ("a/b", below), ("a/b/made", file), ("a/b/replaced", file)]
        {
            assert_eq!(mode(&folder.path().join(path)), mode_wanted, "{path}");
        }
        fs::set_permissions(folder.path().join("a/b/made"), fs::Permissions::from_mode(0o666)).unwrap();
        assert!(folder.mend(Path::new("a/b/made")).unwrap() && !folder.mend(Path::new("a/b/made")).unwrap());
        assert_eq!(mode(&folder.path().join("a/b/made")), file);
    }
}

/// Only root gives away; anybody else has nothing to give.
#[test]
fn what_root_makes_is_the_owners_of_the_folder() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let (_dir, folder) = store();
    fchown(fs::File::open(folder.path()).unwrap(), Some(4_242), Some(4_343)).unwrap();
    let folder = Folder::open(folder.path(), Access::Owner).unwrap();
    let owner = Owner { uid: 4_242, gid: 4_343 };
    folder.make_below(Path::new("a/b"), false).unwrap();
    drop(folder.create(Path::new("a/made")).unwrap());
    folder.replace(Path::new("a/b/replaced"), b"x", false).unwrap();
    drop(folder.lock(Path::new("lock")).unwrap());
    for path in ["a", "a/b", "a/made", "a/b/replaced", "lock"] {
        assert_eq!(folder.look(Path::new(path)).unwrap().unwrap().owner(), owner, "{path}");
    }
    fs::write(folder.path().join("roots"), "x").unwrap();
    assert!(folder.mend(Path::new("roots")).unwrap());
    assert_eq!(folder.look(Path::new("roots")).unwrap().unwrap().owner(), owner);
    let elsewhere = folder.path().parent().unwrap().join("state");
    Folder::make_for(&elsewhere, Access::Owner, Some(owner)).unwrap();
    assert_eq!(Folder::open(&elsewhere, Access::Owner).unwrap().owner(), owner);
}

#[test]
fn a_replacement_that_fails_leaves_nothing() {
    let (_dir, folder) = store();
    folder.replace(Path::new("file"), b"old", true).unwrap();
    fs::create_dir(folder.path().join("taken")).unwrap();
    assert!(folder.replace(Path::new("taken"), b"new", true).is_err());
    let mut names: Vec<_> = folder.entries().unwrap().into_iter().map(|e| e.name).collect();
    names.sort();
    assert_eq!(names, ["file", "taken"]);
}

#[test]
fn what_is_written_in_pieces_replaces_whole_or_not_at_all() {
    use std::io::Write as _;
    let (_dir, folder) = store();
    let path = Path::new("lines");
    folder.replace(path, b"old", true).unwrap();
    let failed: Result<(), StoreError> = folder.replace_with(path, |out| {
        out.write_all(b"half").unwrap();
        Err(StoreError::io("read", path)(io::ErrorKind::InvalidData.into()))
    });
    assert!(failed.is_err());
    let read = || std::io::read_to_string(folder.read(path).unwrap()).unwrap();
    assert_eq!((read().as_str(), folder.entries().unwrap().len()), ("old", 1));
    let done: Result<u8, StoreError> = folder.replace_with(path, |out| {
        out.write_all(b"new").unwrap();
        Ok(7)
    });
    assert_eq!((done.unwrap(), read().as_str(), folder.entries().unwrap().len()), (7, "new", 1));
    // Its own name is taken by a folder: the rename fails.
    fs::create_dir(folder.path().join("taken")).unwrap();
    let failed: Result<(), StoreError> = folder.replace_with(Path::new("taken"), |_| Ok(()));
    assert!(failed.is_err() && folder.entries().unwrap().len() == 2);
}

#[test]
fn a_lock_that_somebody_has_is_not_waited_for() {
    let (_dir, folder) = store();
    let path = Path::new("lock");
    let first = folder.lock(path).unwrap();
    assert!(folder.lock_now(path).unwrap().is_none());
    drop(first);
    let alone = folder.lock_now(path).unwrap().unwrap();
    let other = folder.write(path).unwrap();
    assert!(!lock_now(&other, path).unwrap());
    drop(alone);
    share_lock(&other, path).unwrap();
    let third = folder.write(path).unwrap();
    share_lock(&third, path).unwrap();
    assert!(!lock_now(&folder.write(path).unwrap(), path).unwrap());
}
