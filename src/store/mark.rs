//! Which store this is: a UUID in the folder of recordings and in the state.
//!
//! `storage.dir/.nauhuri/store-id` and, where `[storage] state` lies
//! elsewhere, the same file there. A folder without the mark under a state that
//! has one is a mount that is missing; two different marks are a state restored
//! from somewhere else. Both are refused: recording into the wrong folder hides
//! calls, and sweeping with the wrong state deletes none or the wrong ones.
//! Where both lie in one file system, only the configuration can tell that it is
//! missing: `[storage] id`. The folder's mark says whether its state lies elsewhere, so
//! that a state that is missing is not taken for a new one: without its tombstones
//! what was deleted would come back. Moved with its mark, a state is known.
//! Must not know what else either folder holds.

use super::StoreError;
use super::files::{Access, Folder};
use super::layout::{STATE_FOLDER, open_state};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// File name of the mark.
pub const MARK: &str = "store-id";

/// Longest mark read.
const MAX_BYTES: u64 = 4096;

/// Which store this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StoreId(pub Uuid);

/// The mark as it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Mark {
    schema: u32,
    store: Uuid,
    created_at: Timestamp,
    /// In the folder's mark: whether its state lies elsewhere, once it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state_elsewhere: Option<bool>,
}

/// Why a folder and a state are not taken for one store.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The folder has no mark, the state has.
    #[error(
        "{root} is not the store that {state} belongs to: it has no mark ({STATE_FOLDER}/{MARK}). \
         Is its file system mounted? If the folder was emptied on purpose, remove {state}/{MARK} as well",
        root = root.display(),
        state = state.display()
    )]
    NotMounted {
        /// `storage.dir`
        root: PathBuf,
        /// `storage.state`
        state: PathBuf,
    },
    /// The marks differ.
    #[error(
        "{state} is the state of another store ({theirs}) than {root} ({ours}): was it restored from elsewhere, \
         or is another file system mounted?",
        root = root.display(),
        state = state.display()
    )]
    OtherStore {
        /// `storage.dir`
        root: PathBuf,
        /// `storage.state`
        state: PathBuf,
        /// The mark in the folder.
        ours: Uuid,
        /// The mark in the state.
        theirs: Uuid,
    },
    /// Not the store that the configuration asks for.
    #[error(
        "{root} holds {found}, not the store {expected} (storage.id): is its file system mounted?",
        root = root.display(),
        found = found.map_or_else(|| "no store".into(), |id| format!("the store {id}"))
    )]
    NotExpected {
        /// `storage.dir`
        root: PathBuf,
        /// `storage.id`
        expected: String,
        /// The mark in the folder.
        found: Option<Uuid>,
    },
    /// The state is missing, or configured away.
    #[error(
        "the index, tombstones and audit log of {root} are not in {state}: is its file system mounted, is \
         storage.state right? To move them, move the files with their {MARK}. If they are lost, take \
         state_elsewhere out of {root}/{STATE_FOLDER}/{MARK}: what was deleted may come back from copies",
        root = root.display(),
        state = state.display()
    )]
    NoState {
        /// `storage.dir`
        root: PathBuf,
        /// `storage.state`
        state: PathBuf,
    },
    /// The mark cannot be understood.
    #[error("{path} is not the mark of a store", path = path.display())]
    Unreadable {
        /// The mark.
        path: PathBuf,
    },
    /// The system refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where index, tombstones and audit log are: `[storage] state`, or inside the store.
pub fn state_folder(root: &Path, state: Option<&Path>) -> PathBuf {
    state.map_or_else(|| root.join(STATE_FOLDER), Path::to_owned)
}

/// Whether `root` holds the store that `[storage] id` asks for; an empty one asks for none.
///
/// # Errors
/// See [`IdentityError`].
pub fn must_be(root: &Path, expected: &str) -> Result<(), IdentityError> {
    if expected.is_empty() {
        return Ok(());
    }
    let found = read(&root.join(STATE_FOLDER))?.map(|StoreId(id)| id);
    match found {
        Some(id) if Uuid::try_parse(expected) == Ok(id) => Ok(()),
        _ => Err(IdentityError::NotExpected { root: root.to_owned(), expected: expected.to_owned(), found }),
    }
}

/// Compares the marks without writing anything. `None`: neither is marked.
///
/// # Errors
/// See [`IdentityError`].
pub fn check(root: &Path, state: &Path) -> Result<Option<StoreId>, IdentityError> {
    let inner = root.join(STATE_FOLDER);
    let (root, state) = (root.to_owned(), state.to_owned());
    match (read_mark(&inner)?, read_mark(&state)?) {
        (Some(ours), Some(theirs)) if ours.store != theirs.store => {
            Err(IdentityError::OtherStore { root, state, ours: ours.store, theirs: theirs.store })
        }
        (None, Some(_)) => Err(IdentityError::NotMounted { root, state }),
        // The inner folder is marked in any case, so a mark there says nothing of a state.
        (Some(Mark { state_elsewhere: Some(true), .. }), _) if state == inner => {
            Err(IdentityError::NoState { root, state })
        }
        (Some(Mark { state_elsewhere: Some(_), .. }), None) => Err(IdentityError::NoState { root, state }),
        (ours, _) => Ok(ours.map(|mark| StoreId(mark.store))),
    }
}

/// Compares the marks and makes what is missing: both in a new store, the one
/// in a state folder that is new. Folders are made too. `now` only dates the mark.
///
/// # Errors
/// See [`IdentityError`].
pub fn enter(root: &Path, state: &Path, now: Timestamp) -> Result<StoreId, IdentityError> {
    let known = check(root, state)?;
    let store = Folder::make(root, Access::Owner)?;
    let inner = store.make_below(Path::new(STATE_FOLDER), true)?;
    let is_inside = state == inner.path();
    let outer = match is_inside {
        true => inner.clone(),
        false => Folder::make_for(state, Access::Owner, Some(store.owner()))?,
    };
    let id = known.map_or_else(Uuid::now_v7, |id| id.0);
    // The folder first: a state without a mark follows its store, so a crash in
    // between leaves nothing to ask about.
    create(&inner, &Mark { schema: 1, store: id, created_at: now, state_elsewhere: None })?;
    // Another process may have been first; its mark counts.
    let lost = || IdentityError::Unreadable { path: inner.path().join(MARK) };
    let ours = read_mark(inner.path())?.ok_or_else(lost)?;
    create(&outer, &Mark { created_at: now, state_elsewhere: None, ..ours.clone() })?;
    if ours.state_elsewhere != Some(!is_inside) {
        let mark = Mark { state_elsewhere: Some(!is_inside), ..ours };
        inner.replace(Path::new(MARK), &text_of(&inner, &mark)?, true)?;
        inner.sync()?;
    }
    check(root, state)?.ok_or_else(lost)
}

/// The mark in one folder; `None` where there is none.
///
/// # Errors
/// [`IdentityError::Unreadable`], and what the system refuses.
pub fn read(folder: &Path) -> Result<Option<StoreId>, IdentityError> {
    Ok(read_mark(folder)?.map(|mark| StoreId(mark.store)))
}

fn read_mark(folder: &Path) -> Result<Option<Mark>, IdentityError> {
    let path = folder.join(MARK);
    let file = match open_state(folder).and_then(|folder| folder.read(&path)) {
        Ok(file) => file,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(e) => return Err(e.into()),
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(StoreError::io("read", &path))?;
    serde_json::from_slice(&bytes).map(Some).map_err(|_| IdentityError::Unreadable { path })
}

/// Writes a mark where there is none, whole or not at all.
fn create(folder: &Folder, mark: &Mark) -> Result<(), StoreError> {
    let path = Path::new(MARK);
    if folder.look(path)?.is_some() {
        return Ok(());
    }
    // Of this process alone: two may be about to mark a store.
    let own = PathBuf::from(format!("{MARK}.{}", std::process::id()));
    let scratch = folder.scratch(&own, &text_of(folder, mark)?, true)?;
    // A link never replaces: whoever comes second keeps the first one's mark.
    let made = folder.link(&scratch, path);
    folder.remove(&scratch)?;
    made?;
    folder.sync()
}

fn text_of(folder: &Folder, mark: &Mark) -> Result<Vec<u8>, StoreError> {
    let mut text = serde_json::to_vec_pretty(mark)
        .map_err(|e| StoreError::io("write", &folder.path().join(MARK))(e.into()))?;
    text.push(b'\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    fn now() -> Timestamp {
        Timestamp::from_parts(1_795_421_723, 0)
    }

    #[test]
    fn a_new_store_is_marked_once() {
        let dir = tempfile::tempdir().unwrap();
        let (root, state) = (dir.path().join("store"), dir.path().join("state"));
        assert_eq!(check(&root, &state).unwrap(), None);
        let id = enter(&root, &state, now()).unwrap();
        assert_eq!(enter(&root, &state, now() + std::time::Duration::from_secs(1)).unwrap(), id);
        assert_eq!(check(&root, &state).unwrap(), Some(id));
        assert_eq!(read(&state).unwrap(), Some(id));
        let mode = fs::metadata(state.join(MARK)).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o600);
        assert_eq!(fs::read_dir(&state).unwrap().count(), 1, "no scratch is left");
    }

    #[test]
    fn a_state_inside_the_store_is_one_mark() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("store");
        let state = state_folder(&root, None);
        let id = enter(&root, &state, now()).unwrap();
        assert_eq!(check(&root, &state).unwrap(), Some(id));
    }

    #[test]
    fn a_missing_mount_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (root, state) = (dir.path().join("store"), dir.path().join("state"));
        enter(&root, &state, now()).unwrap();
        fs::rename(&root, dir.path().join("unmounted")).unwrap();
        fs::create_dir(&root).unwrap();
        for e in [check(&root, &state).unwrap_err(), enter(&root, &state, now()).unwrap_err()] {
            assert!(matches!(e, IdentityError::NotMounted { .. }), "{e}");
            assert!(e.to_string().contains("mounted?"));
        }
        assert!(!root.join(STATE_FOLDER).join(MARK).exists());
    }

    #[test]
    fn the_state_of_another_store_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let at = |n: &str| dir.path().join(n);
        enter(&at("a"), &at("state"), now()).unwrap();
        enter(&at("b"), &at("b-state"), now()).unwrap();
        let e = enter(&at("b"), &at("state"), now()).unwrap_err();
        assert!(matches!(e, IdentityError::OtherStore { .. }), "{e}");
    }

    #[test]
    fn a_state_that_is_missing_is_not_a_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let (root, state) = (dir.path().join("store"), dir.path().join("state"));
        let id = enter(&root, &state, now()).unwrap();
        let inner = state_folder(&root, None);
        for other in [inner, dir.path().join("empty")] {
            let e = enter(&root, &other, now()).unwrap_err();
            assert!(matches!(e, IdentityError::NoState { .. }), "{e}");
        }
        assert!(!dir.path().join("empty").exists());
        // Moved with its mark it is known.
        fs::rename(&state, dir.path().join("moved")).unwrap();
        assert!(enter(&root, &state, now()).is_err());
        assert_eq!(enter(&root, &dir.path().join("moved"), now()).unwrap(), id);
        // From inside to elsewhere: moved, not begun anew.
        let (other, fresh) = (dir.path().join("other"), dir.path().join("fresh"));
        let id = enter(&other, &state_folder(&other, None), now()).unwrap();
        assert!(matches!(enter(&other, &fresh, now()), Err(IdentityError::NoState { .. })));
        fs::create_dir(&fresh).unwrap();
        fs::copy(state_folder(&other, None).join(MARK), fresh.join(MARK)).unwrap();
        assert_eq!(enter(&other, &fresh, now()).unwrap(), id);
        assert!(enter(&other, &state_folder(&other, None), now()).is_err(), "and back likewise");
    }

    #[test]
    fn the_configuration_may_ask_for_one() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("store");
        must_be(&root, "").unwrap();
        let StoreId(id) = enter(&root, &state_folder(&root, None), now()).unwrap();
        must_be(&root, &id.to_string()).unwrap();
        must_be(&root, &id.simple().to_string().to_uppercase()).unwrap();
        let other = must_be(&root, &Uuid::nil().to_string()).unwrap_err();
        assert!(other.to_string().contains(&id.to_string()), "{other}");
        // What is there when the file system is not.
        fs::rename(&root, dir.path().join("unmounted")).unwrap();
        fs::create_dir(&root).unwrap();
        let missing = must_be(&root, &id.to_string()).unwrap_err();
        assert!(missing.to_string().contains("holds no store"), "{missing}");
    }

    #[test]
    fn a_broken_mark_is_said_so() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(MARK), "{").unwrap();
        assert!(matches!(read(dir.path()), Err(IdentityError::Unreadable { .. })));
    }
}
