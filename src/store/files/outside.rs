//! Files outside of a store: copies that a person asked for, at the place that the person named.

use super::Access;
use crate::store::error::StoreError;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Makes a file that must not exist, for the user of this process alone.
///
/// # Errors
/// [`StoreError::InUse`] where it exists, or the system refuses.
pub fn create_outside(path: &Path) -> Result<File, StoreError> {
    let mode = Access::Owner.file_mode();
    let made = OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(path);
    made.map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => StoreError::InUse { path: path.to_owned() },
        _ => StoreError::io("create", path)(e),
    })
}

/// Gives a file its last name.
///
/// # Errors
/// The system refuses.
pub fn rename_outside(from: &Path, to: &Path) -> Result<(), StoreError> {
    std::fs::rename(from, to).map_err(StoreError::io("rename", from))
}
