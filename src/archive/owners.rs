//! Files and folders of a store that are not the service's, or are open to others.
//!
//! What belongs to somebody else the service can neither delete nor edit; what others may
//! read they copy without a trace. Names and what is known of them are looked at, nothing
//! is opened or changed.

use crate::store::StoreError;
use crate::store::call_assurance::AssuranceFolder;
use crate::store::files::{Access, EntryKind, FileStat, Folder, FolderEntry};
use crate::store::heartbeat::Heartbeat;
use crate::store::layout::{is_date, is_ours};
use crate::store::training::TrainingFolder;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

/// One that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongOwner {
    /// Where it is.
    pub path: PathBuf,
    /// It lies in the state folder.
    pub in_state: bool,
    /// It belongs to somebody else; else only its mode is wrong.
    pub is_foreign: bool,
}

/// Hands over everything that is wrong in a store and in its state; `heartbeat` is told of each day.
///
/// # Errors
/// A folder cannot be read.
pub fn each_wrong(
    store: &Folder,
    state: &Folder,
    heartbeat: &Heartbeat,
    take: &mut dyn FnMut(WrongOwner),
) -> Result<(), StoreError> {
    for entry in entries(state)?.into_iter().filter(|e| e.kind == EntryKind::File) {
        let path = state.path().join(&entry.name);
        look(store, state, &path, true, take)?;
    }
    if let Some(copies) = TrainingFolder::open(store.path())? {
        let path = copies.folder().path().to_owned();
        look(store, store, &path, true, take)?;
        for entry in entries(copies.folder())?.into_iter().filter(|e| e.kind == EntryKind::File) {
            look(store, copies.folder(), &path.join(&entry.name), true, take)?;
        }
    }
    let mut seen = HashSet::new();
    if let Some(calls) = AssuranceFolder::open(store)? {
        let root = calls.folder().path().to_owned();
        look(store, store, &root, false, take)?;
        for place in calls.places()? {
            look(store, calls.folder(), &root.join(&place), false, take)?;
            for above in place.ancestors().skip(1).filter(|a| !a.as_os_str().is_empty()) {
                if seen.insert(above.to_owned()) {
                    look(store, calls.folder(), &root.join(above), false, take)?;
                }
            }
        }
    }
    // The folder of a state elsewhere is its administrator's.
    if state.path().starts_with(store.path()) {
        look(store, store, state.path(), true, take)?;
    }
    let mut level = vec![store.path().to_owned()];
    for digits in [4, 2, 2] {
        let mut below = Vec::new();
        for path in level {
            let Some(folder) = open(store, &path)? else { continue };
            for entry in entries(&folder)? {
                if entry.kind == EntryKind::Folder && is_date(&entry.name, digits) {
                    let path = path.join(&entry.name);
                    look(store, &folder, &path, false, take)?;
                    below.push(path);
                }
            }
        }
        level = below;
    }
    for path in level {
        heartbeat.beat();
        let Some(folder) = open(store, &path)? else { continue };
        for entry in entries(&folder)?.into_iter().filter(|e| e.kind == EntryKind::File && is_ours(&e.name)) {
            look(store, &folder, &path.join(entry.name), false, take)?;
        }
    }
    Ok(())
}

/// Whether a file or folder of a store, or of its state, has another mode than it should have.
pub fn has_wrong_mode(known: &FileStat, access: Access, in_state: bool) -> bool {
    let of = |access: Access| if known.is_folder() { access.folder_mode() } else { access.file_mode() };
    match in_state {
        true => known.mode() & !of(Access::Owner) != 0,
        false => known.mode() != of(access),
    }
}

fn look(
    store: &Folder,
    folder: &Folder,
    path: &Path,
    in_state: bool,
    take: &mut dyn FnMut(WrongOwner),
) -> Result<(), StoreError> {
    // Gone meanwhile is not wrong.
    let Some(known) = folder.look(path)? else { return Ok(()) };
    let is_foreign = known.owner() != store.owner();
    if is_foreign || has_wrong_mode(&known, store.access(), in_state) {
        take(WrongOwner { path: path.to_owned(), in_state, is_foreign });
    }
    Ok(())
}

fn open(store: &Folder, path: &Path) -> Result<Option<Folder>, StoreError> {
    match store.below(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

fn entries(folder: &Folder) -> Result<Vec<FolderEntry>, StoreError> {
    folder.entries().map_err(StoreError::io("read", folder.path()))
}
