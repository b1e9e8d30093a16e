//! The files of an index: their names, how they are made, who holds them.

use crate::store::StoreError;
use crate::store::files::{Folder, lock_now};
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// File name of the database.
pub const INDEX: &str = "index.db";

/// Held shared by every [`Index`], alone by whoever replaces an unreadable one.
pub(super) const LOCK: &str = "index.lock";

/// The database a rebuild fills.
pub(super) const SCRATCH: &str = "index.db.new";

/// Where SQLite finds a database of the state folder. It goes by names (also of a handle's
/// folder, whose name it looks up): by those that hold no link, and every file of it is
/// looked at first, and made by nobody else.
///
/// # Errors
/// A link, or a file with a second name, is in the place of one of its files.
pub fn database(state: &Folder, name: &str) -> Result<PathBuf, StoreError> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let file = PathBuf::from(format!("{name}{suffix}"));
        if state.look(&file)?.is_some() {
            drop(state.write(&file)?);
        }
    }
    let whole = std::fs::canonicalize(state.path()).map_err(StoreError::io("open", state.path()))?;
    // Between two looks it may have become another.
    let there = Folder::open(&whole, state.access())?;
    if !there.is_same(state)? {
        return Err(StoreError::io("open", state.path())(io::ErrorKind::NotFound.into()));
    }
    Ok(whole.join(name))
}

/// Opens a database that is there, by way of no link.
///
/// # Errors
/// SQLite's.
pub fn connect(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW,
    )
}

/// The file of [`LOCK`].
pub(super) fn lock_file(state: &Folder) -> Result<File, StoreError> {
    Ok(state.write_or_create(Path::new(LOCK))?.0)
}

/// Removes what a rebuild left that was killed: it holds what may have been
/// deleted since.
pub(super) fn drop_leftover(state: &Folder) -> Result<(), StoreError> {
    let scratch = Path::new(SCRATCH);
    let file = match state.write(scratch) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    // Where there are no locks it may be in use: it is left alone.
    match lock_now(&file, scratch) {
        Ok(true) => state.remove(scratch).map(drop),
        _ => Ok(()),
    }
}
