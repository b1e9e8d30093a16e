//! Who may do what in a store at once: three advisory locks.
//!
//! [`StoreLock`], on `DIR/.nauhuri/lock`: every process that records into a store
//! holds it shared for as long as it lives; whoever finds nobody there holds it
//! alone for a moment and may finish what a crash left. So a `.part` of a
//! running recorder is never taken for a leftover.
//!
//! [`EditLock`], on `edit.lock` of the state folder: held while sidecars are
//! edited or recordings deleted, by one process at a time, and while a crash is
//! repaired, which would take a sidecar about to be renamed for one that never
//! was. Whoever edits does not record, so a recorder that starts meanwhile still
//! finds itself alone.
//!
//! [`RecorderLock`], on `DIR/.nauhuri/recorder.lock`: held by the one process that records live
//! into a store, and says which. Two would take each other's calls for lost ones.
//!
//! The kernel drops all of them with the process, `kill -9` included. The files are never removed.

use super::StoreError;
use super::files::{Access, Folder, lock_now, share_lock};
use super::layout::{STATE_FOLDER, open_state};
use crate::time::Timestamp;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Held by everybody who records.
const LOCK: &str = "lock";

/// A place in the store; given up on drop.
#[derive(Debug)]
pub struct StoreLock {
    file: File,
    path: PathBuf,
    root: PathBuf,
    alone: bool,
}

impl StoreLock {
    /// Enters a store, making its folder where it is missing. Alone if nobody
    /// else is there, beside the others if somebody is.
    pub fn enter(root: &Path) -> Result<StoreLock, StoreError> {
        let state = Folder::make(root, Access::Owner)?.make_below(Path::new(STATE_FOLDER), false)?;
        let path = state.path().join(LOCK);
        let (file, _) = state.write_or_create(&path)?;
        let alone = lock_now(&file, &path)?;
        let mut lock = StoreLock { file, path, root: root.to_owned(), alone };
        if !alone {
            lock.share()?;
        }
        Ok(lock)
    }

    /// Nobody else is in the store.
    pub fn is_alone(&self) -> bool {
        self.alone
    }

    /// Looks whether the others have left: then it is alone. For whoever is the store's one recorder.
    ///
    /// # Errors
    /// The lock cannot be asked for.
    pub fn try_alone(&mut self) -> Result<bool, StoreError> {
        // The kernel gives the shared lock up where it does not give the other one.
        self.alone = lock_now(&self.file, &self.path)?;
        if !self.alone {
            self.share()?;
        }
        Ok(self.alone)
    }

    /// Lets others in. Waits while another process is alone, that is, repairs.
    pub fn share(&mut self) -> Result<(), StoreError> {
        share_lock(&self.file, &self.path)?;
        self.alone = false;
        Ok(())
    }

    /// The store.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

/// The right to edit and delete, until dropped.
#[derive(Debug)]
pub struct EditLock {
    _file: File,
}

impl EditLock {
    /// Waits until nobody else edits. `state` exists.
    ///
    /// # Errors
    /// A file cannot be made or locked.
    pub fn wait(state: &Path) -> Result<EditLock, StoreError> {
        let state = open_state(state)?;
        // Held by whoever is next: a sweep that lets go and wants it back at once
        // queues up behind those who wait.
        let _turn = state.lock(Path::new("edit.turn"))?;
        Ok(EditLock { _file: state.lock(Path::new("edit.lock"))? })
    }

    /// The same where nobody edits just now, else `None`: for those who have better to do than wait.
    ///
    /// # Errors
    /// A file cannot be made or locked.
    pub fn try_now(state: &Path) -> Result<Option<EditLock>, StoreError> {
        let state = open_state(state)?;
        let Some(_turn) = state.lock_now(Path::new("edit.turn"))? else { return Ok(None) };
        Ok(state.lock_now(Path::new("edit.lock"))?.map(|file| EditLock { _file: file }))
    }
}

/// The right to record live into a store, until dropped: one process at a time.
#[derive(Debug)]
pub struct RecorderLock {
    _file: File,
}

impl RecorderLock {
    /// Takes it for this process, at `now`, in a store that has been entered.
    ///
    /// # Errors
    /// [`StoreError::Recorded`] where another process has it.
    pub fn take(root: &Path, now: Timestamp) -> Result<RecorderLock, StoreError> {
        let state = open_state(&root.join(STATE_FOLDER))?;
        let name = "recorder.lock";
        let Some(file) = state.lock_now(Path::new(name))? else {
            // Written by whoever has the lock, just after taking it.
            let by = state.read(Path::new(name)).map(std::io::read_to_string);
            let by = by.ok().and_then(Result::ok).unwrap_or_default();
            let by = by.lines().next().filter(|l| !l.is_empty()).unwrap_or("another process").into();
            return Err(StoreError::Recorded { root: root.to_owned(), by });
        };
        let text = format!("pid {} since {}\n", std::process::id(), now.to_rfc3339());
        file.set_len(0)
            .and_then(|()| file.write_all_at(text.as_bytes(), 0))
            .map_err(StoreError::io("write", &state.path().join(name)))?;
        Ok(RecorderLock { _file: file })
    }
}

/// What the file of a [`DrainLock`] begins with; the process's id follows.
const DRAINS: &str = "draining-";

/// Says, until dropped, that this process goes on with what it records though another one is the recorder.
#[derive(Debug)]
pub struct DrainLock {
    _file: File,
    state: Folder,
    name: String,
}

impl DrainLock {
    /// Says so in a store that has been entered.
    ///
    /// # Errors
    /// The file cannot be made or locked.
    pub fn take(root: &Path) -> Result<DrainLock, StoreError> {
        let state = open_state(&root.join(STATE_FOLDER))?;
        let name = format!("{DRAINS}{}", std::process::id());
        let file = state.lock(Path::new(&name))?;
        Ok(DrainLock { _file: file, state, name })
    }

    /// The processes that say so.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn holders(root: &Path) -> Result<Vec<u32>, StoreError> {
        let state = open_state(&root.join(STATE_FOLDER))?;
        let entries = state.entries().map_err(StoreError::io("read", state.path()))?;
        let mut out = Vec::new();
        for entry in entries {
            let Some(pid) = entry.name.strip_prefix(DRAINS).and_then(|pid| pid.parse().ok()) else {
                continue;
            };
            // One that nobody holds was left by a process that was killed.
            match state.lock_now(Path::new(&entry.name))? {
                Some(_left) => drop(state.remove(Path::new(&entry.name))),
                None => out.push(pid),
            }
        }
        Ok(out)
    }
}

impl Drop for DrainLock {
    fn drop(&mut self) {
        // Left behind it says nothing: nobody holds it.
        let _ = self.state.remove(Path::new(&self.name));
    }
}

/// Whether some process records into the store. Enters nothing itself.
pub fn is_occupied(root: &Path) -> Result<bool, StoreError> {
    let path = root.join(STATE_FOLDER).join(LOCK);
    let file = match Folder::open(root, Access::Owner).and_then(|root| root.read(&path)) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(e),
    };
    Ok(!lock_now(&file, &path)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::TryLockError;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    #[test]
    fn one_alone_or_many_together() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("store");
        let mut first = StoreLock::enter(&root).unwrap();
        assert!(first.is_alone() && is_occupied(&root).unwrap());
        first.share().unwrap();
        assert!(!first.is_alone());
        let second = StoreLock::enter(&root).unwrap();
        assert!(!second.is_alone());
        drop(first);
        let third = StoreLock::enter(&root).unwrap();
        assert!(!third.is_alone());
        drop((second, third));
        assert!(!is_occupied(&root).unwrap());
        assert!(StoreLock::enter(&root).unwrap().is_alone());
    }

    #[test]
    fn alone_once_the_others_have_left() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = StoreLock::enter(dir.path()).unwrap();
        first.share().unwrap();
        let mut second = StoreLock::enter(dir.path()).unwrap();
        assert!(!second.try_alone().unwrap() && !first.try_alone().unwrap());
        drop(first);
        assert!(second.try_alone().unwrap() && second.is_alone());
    }

    #[test]
    fn who_drains_is_known_until_he_has_ended() {
        let dir = tempfile::tempdir().unwrap();
        drop(StoreLock::enter(dir.path()).unwrap());
        let left = dir.path().join(STATE_FOLDER).join("draining-1");
        std::fs::write(&left, "").unwrap();
        let drains = DrainLock::take(dir.path()).unwrap();
        assert_eq!(DrainLock::holders(dir.path()).unwrap(), [std::process::id()]);
        assert!(!left.exists());
        drop(drains);
        assert_eq!(DrainLock::holders(dir.path()).unwrap(), [0; 0]);
    }

    #[test]
    fn one_recorder_to_a_store_which_says_who_it_is() {
        let dir = tempfile::tempdir().unwrap();
        drop(StoreLock::enter(dir.path()).unwrap());
        let now = Timestamp::from_parts(1_700_000_000, 0);
        let first = RecorderLock::take(dir.path(), now).unwrap();
        let said = RecorderLock::take(dir.path(), now).unwrap_err().to_string();
        let by = format!("already recorded into by pid {} since 2023-11-14T22:13:20", std::process::id());
        assert!(said.contains(&by), "{said}");
        drop(first);
        RecorderLock::take(dir.path(), now).unwrap();
    }

    #[test]
    fn who_has_better_to_do_than_wait_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let edits = EditLock::wait(dir.path()).unwrap();
        assert!(EditLock::try_now(dir.path()).unwrap().is_none());
        drop(edits);
        assert!(EditLock::try_now(dir.path()).unwrap().is_some());
        let turn = open_state(dir.path()).unwrap().lock_now(Path::new("edit.turn")).unwrap();
        assert!(EditLock::try_now(dir.path()).unwrap().is_none(), "somebody stands in line");
        drop(turn);
    }

    #[test]
    fn who_waits_is_next_however_often_another_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let rounds = AtomicU64::new(0);
        let mut waited = u64::MAX;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while rounds.fetch_add(1, Ordering::Relaxed) < 1_000 {
                    let _edits = EditLock::wait(dir.path()).unwrap();
                    std::thread::sleep(Duration::from_millis(2));
                }
            });
            for _ in 0..10 {
                std::thread::sleep(Duration::from_millis(5));
                let asked = rounds.load(Ordering::Relaxed);
                drop(EditLock::wait(dir.path()).unwrap());
                waited = waited.min(rounds.load(Ordering::Relaxed) - asked);
            }
            rounds.store(1_000, Ordering::Relaxed);
        });
        // One that was under way, one that stood before us.
        assert!(waited <= 3, "{waited} rounds");
    }

    #[test]
    fn whoever_edits_does_not_record() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("store");
        drop(StoreLock::enter(&root).unwrap());
        let edits = EditLock::wait(&root.join(STATE_FOLDER)).unwrap();
        assert!(!is_occupied(&root).unwrap());
        assert!(StoreLock::enter(&root).unwrap().is_alone(), "a recorder that starts now repairs");
        let other = File::open(root.join(STATE_FOLDER).join("edit.lock")).unwrap();
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
        drop(edits);
        other.try_lock().unwrap();
    }
}
