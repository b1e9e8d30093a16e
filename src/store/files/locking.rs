//! Files that are locked: advisory, by the kernel, which lets go of them with the process.

use super::Folder;
use crate::store::error::StoreError;
use std::fs::{File, TryLockError};
use std::path::Path;

impl Folder {
    /// Opens a file, made where it is missing, and waits until nobody else has it locked.
    ///
    /// # Errors
    /// As for [`write_or_create`](Folder::write_or_create).
    pub fn lock(&self, path: &Path) -> Result<File, StoreError> {
        let (file, _) = self.write_or_create(path)?;
        file.lock().map_err(StoreError::io("lock", &self.path().join(path)))?;
        Ok(file)
    }

    /// The same where nobody else has it locked just now, else `None`.
    ///
    /// # Errors
    /// As for [`write_or_create`](Folder::write_or_create).
    pub fn lock_now(&self, path: &Path) -> Result<Option<File>, StoreError> {
        let (file, _) = self.write_or_create(path)?;
        Ok(lock_now(&file, &self.path().join(path))?.then_some(file))
    }
}

/// Locks an open file unless somebody else has it locked, in whatever way; whether it did.
///
/// # Errors
/// The file system has no locks.
pub fn lock_now(file: &File, path: &Path) -> Result<bool, StoreError> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(e)) => Err(StoreError::io("lock", path)(e)),
    }
}

/// Locks an open file beside others who share it; waits while somebody has it alone.
///
/// # Errors
/// The file system has no locks.
pub fn share_lock(file: &File, path: &Path) -> Result<(), StoreError> {
    file.lock_shared().map_err(StoreError::io("lock", path))
}
