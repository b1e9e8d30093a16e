//! The files of an index: their names, how they are made, who holds them.

use crate::store::StoreError;
use crate::store::files::{FILE_MODE, settle};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// File name of the database.
pub const INDEX: &str = "index.db";

/// Held shared by every [`Index`], alone by whoever replaces an unreadable one.
pub(super) const LOCK: &str = "index.lock";

/// The database a rebuild fills.
pub(super) const SCRATCH: &str = "index.db.new";
/// A file of the state folder, 0640 whatever the umask when it is made.
pub(super) fn create_mode(path: &Path) -> Result<File, StoreError> {
    let open = |new: bool| {
        let mut how = OpenOptions::new();
        how.read(true).write(true).mode(FILE_MODE);
        if new {
            how.create_new(true)
        } else {
            how.create(true).truncate(false)
        };
        how.open(path)
    };
    match open(true) {
        Ok(file) => {
            settle(path, &file).map_err(StoreError::io("set the mode of", path))?;
            Ok(file)
        }
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            open(false).map_err(StoreError::io("open", path))
        }
        Err(e) => Err(StoreError::io("create", path)(e)),
    }
}

/// The file of [`LOCK`].
pub(super) fn lock_file(state: &Path) -> Result<File, StoreError> {
    create_mode(&state.join(LOCK))
}

/// Removes what a rebuild left that was killed: it holds what may have been
/// deleted since.
pub(super) fn drop_leftover(state: &Path) -> Result<(), StoreError> {
    let scratch = state.join(SCRATCH);
    let file = match File::open(&scratch) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(StoreError::io("open", &scratch)(e)),
    };
    match file.try_lock() {
        Ok(()) => std::fs::remove_file(&scratch).map_err(StoreError::io("remove", &scratch)),
        Err(_) => Ok(()),
    }
}
