//! A file replaced whole or not at all: one of its own first, then a rename.

use super::Folder;
use crate::store::error::StoreError;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Suffix of what is about to replace a file.
pub const NEW: &str = ".new";

impl Folder {
    /// Syncs everything of the file system it is on.
    ///
    /// # Errors
    /// Something of it could not be written.
    pub fn sync_all(&self) -> Result<(), StoreError> {
        rustix::fs::syncfs(&self.0.fd).map_err(|e| StoreError::io("sync", &self.0.path)(e.into()))
    }

    /// Replaces a file whole or not at all: a file of its own, then a rename. With
    /// `sync` the bytes are on disk before the name is; the folder is not synced.
    ///
    /// # Errors
    /// The system refuses; what was there stays.
    pub fn replace(&self, path: &Path, bytes: &[u8], sync: bool) -> Result<(), StoreError> {
        let scratch = self.scratch(path, bytes, sync)?;
        self.rename(&scratch, path).inspect_err(|_| {
            // A change that failed is not to be found as one that a crash cut short.
            drop(self.remove(&scratch));
        })
    }

    /// The same for what is not all in memory: `write` fills a file of its own. Synced, and the folder too.
    ///
    /// # Errors
    /// The system refuses, or `write` does; what was there stays, and nothing else is left.
    pub fn replace_with<T, E: From<StoreError>>(
        &self,
        path: &Path,
        write: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>,
    ) -> Result<T, E> {
        let (scratch, file) = self.open_scratch(path)?;
        let filled = || {
            let mut out = BufWriter::new(file);
            let done = write(&mut out)?;
            let file = out.into_inner().map_err(|e| StoreError::io("write", &scratch)(e.into_error()))?;
            file.sync_all().map_err(StoreError::io("sync", &scratch))?;
            self.rename(&scratch, path)?;
            Ok(done)
        };
        let done = filled().inspect_err(|_: &E| drop(self.remove(&scratch)))?;
        self.sync()?;
        Ok(done)
    }

    /// Writes `PATH.new`, for a rename that comes later.
    ///
    /// # Errors
    /// The system refuses; nothing is left then.
    pub fn scratch(&self, path: &Path, bytes: &[u8], sync: bool) -> Result<PathBuf, StoreError> {
        let (scratch, mut file) = self.open_scratch(path)?;
        let write = file.write_all(bytes).map_err(StoreError::io("write", &scratch));
        let synced = || if sync { file.sync_all() } else { Ok(()) };
        write.and_then(|()| synced().map_err(StoreError::io("sync", &scratch))).inspect_err(|_| {
            drop(self.remove(&scratch));
        })?;
        Ok(scratch)
    }

    /// An empty `PATH.new` of its own: what an earlier attempt left is worth nothing.
    ///
    /// # Errors
    /// The system refuses.
    fn open_scratch(&self, path: &Path) -> Result<(PathBuf, File), StoreError> {
        let scratch = with_new(path);
        for _ in 0..100 {
            self.remove(&scratch)?;
            match self.create(&scratch) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made.map(|file| (scratch, file)),
            }
        }
        self.create(&scratch).map(|file| (scratch.clone(), file))
    }
}

/// `PATH.new`
pub fn with_new(path: &Path) -> PathBuf {
    let mut scratch = path.as_os_str().to_owned();
    scratch.push(NEW);
    scratch.into()
}
