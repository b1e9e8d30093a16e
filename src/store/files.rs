//! Files of a store: made, owned, replaced and synced in one place.

use super::error::StoreError;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, fchown};
use std::path::Path;

/// Mode of every file of a recording.
pub const FILE_MODE: u32 = 0o640;

/// Mode of every folder of the store.
pub const FOLDER_MODE: u32 = 0o750;

/// Syncs a folder, so that names made, renamed or removed in it last.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(StoreError::io("sync", folder))
}

/// Unlinks; what is not there is gone already.
pub(crate) fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path)(e)),
        _ => Ok(()),
    }
}

/// Makes one folder, and without ceremony those above it.
pub fn make_one(folder: &Path, sync: bool) -> Result<(), StoreError> {
    let make = |recursive| DirBuilder::new().mode(FOLDER_MODE).recursive(recursive).create(folder);
    match make(false) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => make(true),
        other => other,
    }
    .and_then(|()| fs::set_permissions(folder, Permissions::from_mode(FOLDER_MODE)))
    .map_err(StoreError::io("create the folder", folder))?;
    match folder.parent().filter(|p| !p.as_os_str().is_empty()) {
        Some(parent) if sync => sync_folder(parent),
        _ => Ok(()),
    }
}

/// Gives a new file of the state its mode, and the owner of its folder: a
/// command run by root must not shut the daemon out.
pub(crate) fn settle(path: &Path, file: &File) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    give_away(path, file)
}

/// Gives a file or folder the owner of the folder it is in.
pub(super) fn give_away(path: &Path, file: &File) -> io::Result<()> {
    let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) else { return Ok(()) };
    let (folder, own) = (fs::metadata(folder)?, file.metadata()?);
    if (folder.uid(), folder.gid()) != (own.uid(), own.gid()) {
        // Only root may; anybody else keeps his own file.
        drop(fchown(file, Some(folder.uid()), Some(folder.gid())));
    }
    Ok(())
}
