//! Who may repair a store: an advisory lock on `DIR/.nauhuri/lock`.
//!
//! Every process that records into a store holds the lock shared for as long as
//! it lives, a command that changes recordings for a moment; whoever finds nobody
//! there holds it alone for a moment and may finish what a crash left. So a
//! `.part` of a running recorder is never taken for a leftover, and a recorder
//! that starts waits a little for commands to leave. The kernel drops the lock with the process, `kill -9`
//! included. The lock file stays empty and is never removed.

use super::StoreError;
use super::layout::{STATE_FOLDER, make_one};
use super::wav::FILE_MODE;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Between two looks at whether the others have left.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

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
        let state = root.join(STATE_FOLDER);
        make_one(root, false)?;
        make_one(&state, false)?;
        let path = state.join("lock");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        let alone = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(e)) => return Err(StoreError::io("lock", &path)(e)),
        };
        let mut lock = StoreLock { file, path, root: root.to_owned(), alone };
        if !alone {
            lock.share()?;
        }
        Ok(lock)
    }

    /// Enters a store to record: what a crash left is to be finished, for which
    /// one has to be alone. Commands leave soon, and so long is waited for them;
    /// another recorder stays, and has finished it when it came.
    pub fn enter_to_record(root: &Path, patience: Duration) -> Result<StoreLock, StoreError> {
        let until = Instant::now() + patience;
        loop {
            let lock = StoreLock::enter(root)?;
            if lock.alone || Instant::now() >= until {
                return Ok(lock);
            }
            drop(lock);
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Nobody else is in the store.
    pub fn is_alone(&self) -> bool {
        self.alone
    }

    /// Lets others in. Waits while another process is alone, that is, repairs.
    pub fn share(&mut self) -> Result<(), StoreError> {
        self.file.lock_shared().map_err(StoreError::io("lock", &self.path))?;
        self.alone = false;
        Ok(())
    }

    /// The store.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

/// Whether some process is in the store. Enters nothing itself.
pub fn is_occupied(root: &Path) -> Result<bool, StoreError> {
    let path = root.join(STATE_FOLDER).join("lock");
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(StoreError::io("open", &path)(e)),
    };
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(e)) => Err(StoreError::io("lock", &path)(e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_recorder_waits_for_a_command_and_not_for_a_recorder() {
        let dir = tempfile::tempdir().unwrap();
        let mut other = StoreLock::enter(dir.path()).unwrap();
        other.share().unwrap();
        let beside = StoreLock::enter_to_record(dir.path(), Duration::from_millis(50)).unwrap();
        assert!(!beside.is_alone());
        drop(beside);
        let command = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            drop(other);
        });
        assert!(StoreLock::enter_to_record(dir.path(), Duration::from_secs(20)).unwrap().is_alone());
        command.join().unwrap();
    }
}
