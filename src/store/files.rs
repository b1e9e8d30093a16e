//! Files of a store: opened, made, owned, replaced and synced in one place.
//!
//! Everything below a [`Folder`] is reached through its handle, by way of no
//! symbolic link and never out of it (see `beneath`): whoever can write into a
//! store must not lead a command that root runs to another file. Only what leads to
//! the folder itself may be a link: who configures it answers for it.
//!
//! Whatever is made belongs to the owner of the folder, whoever made it, and has the
//! mode of its [`Access`] whatever the umask. Must not know what is in the files.

mod beneath;
mod known;
mod locking;
mod outside;
mod replace;
#[cfg(test)]
mod tests;

pub use known::{Access, EntryKind, FileStat, FolderEntry, Owner};
pub use locking::{lock_now, share_lock};
pub use outside::{create_outside, rename_outside};
pub use replace::{NEW, with_new};

use super::error::StoreError;
use beneath::{Below, Parent, file_beneath, folder_beneath};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a file is left alone that has a hard link.
const SECOND_NAME: &str = "it has a second name, which may be that of somebody else's file";

/// A folder that is held open: a store, its state, or a folder below one of them.
#[derive(Clone, Debug)]
pub struct Folder(Arc<FolderHandle>);

#[derive(Debug)]
struct FolderHandle {
    fd: OwnedFd,
    path: PathBuf,
    owner: Owner,
    access: Access,
}

impl Folder {
    /// Opens a folder that the configuration names. What is made below it is its owner's.
    ///
    /// # Errors
    /// It is not there, is no folder, or may not be entered.
    pub fn open(path: &Path, access: Access) -> Result<Folder, StoreError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let held = || -> io::Result<FolderHandle> {
            let fd = rustix::fs::open(path, flags, Mode::empty())?;
            let owner = FileStat(rustix::fs::fstat(&fd)?).owner();
            Ok(FolderHandle { fd, path: path.to_owned(), owner, access })
        };
        Ok(Folder(Arc::new(held().map_err(StoreError::io("open", path))?)))
    }

    /// Opens such a folder and makes it where it is missing, with those above it; what
    /// is made belongs to the owner of the folder above.
    ///
    /// # Errors
    /// The system refuses.
    pub fn make(path: &Path, access: Access) -> Result<Folder, StoreError> {
        Folder::make_for(path, access, None)
    }

    /// The same, but what is made belongs to `owner`.
    ///
    /// # Errors
    /// The system refuses.
    pub fn make_for(path: &Path, access: Access, owner: Option<Owner>) -> Result<Folder, StoreError> {
        match Folder::open(path, access) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        let above = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().map(Path::new);
        let cannot = || StoreError::io("create the folder", path)(io::ErrorKind::InvalidInput.into());
        // One that is a link to nowhere is not followed by making what it leads to.
        let above = Folder::make(above, access)?;
        let above = match owner {
            None => above,
            Some(owner) => above.owned_by(owner)?,
        };
        above.make_below(name.ok_or_else(cannot)?, true)?;
        Folder::open(path, access)
    }

    /// The same folder, but what is made in it becomes `owner`'s.
    ///
    /// # Errors
    /// The process has as many handles as it may have.
    pub fn owned_by(&self, owner: Owner) -> Result<Folder, StoreError> {
        let FolderHandle { fd, path, access, .. } = &*self.0;
        let fd = fd.try_clone().map_err(StoreError::io("open", path))?;
        Ok(Folder(Arc::new(FolderHandle { fd, path: path.clone(), owner, access: *access })))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Whose it is, and whose everything made in it becomes.
    pub fn owner(&self) -> Owner {
        self.0.owner
    }

    /// Who may read what is made in it.
    pub fn access(&self) -> Access {
        self.0.access
    }

    /// A folder below.
    ///
    /// # Errors
    /// It is not there, or is reached by a link only.
    pub fn below(&self, path: &Path) -> Result<Folder, StoreError> {
        let (path, below) = self.place(path)?;
        let fd = folder_beneath(self.0.fd.as_fd(), &below).map_err(StoreError::io("open", &path))?;
        Ok(Folder(Arc::new(FolderHandle { fd, path, owner: self.0.owner, access: self.0.access })))
    }

    /// A folder below, made where it is missing, and those on the way to it. With
    /// `sync` the names of the new ones last.
    ///
    /// # Errors
    /// The system refuses, or a link is in the way.
    pub fn make_below(&self, path: &Path, sync: bool) -> Result<Folder, StoreError> {
        match self.below(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        let (_, below) = self.place(path)?;
        let mut at = self.clone();
        for name in below.names() {
            at = at.make_one(name, sync)?;
        }
        Ok(at)
    }

    fn make_one(&self, name: &Path, sync: bool) -> Result<Folder, StoreError> {
        let path = self.0.path.join(name);
        let made = match rustix::fs::mkdirat(&self.0.fd, name, Mode::from_raw_mode(0o700)) {
            Ok(()) => true,
            Err(rustix::io::Errno::EXIST) => false,
            Err(e) => return Err(StoreError::io("create the folder", &path)(e.into())),
        };
        let folder = self.below(name)?;
        if made {
            let mode = Mode::from_raw_mode(self.0.access.folder_mode());
            self.own(folder.0.fd.as_fd())
                .and_then(|()| Ok(rustix::fs::fchmod(&folder.0.fd, mode)?))
                .map_err(StoreError::io("set the owner and mode of", &path))?;
            if sync {
                self.sync()?;
            }
        }
        Ok(folder)
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// It is not there, is no file, or is reached by a link only.
    pub fn read(&self, path: &Path) -> Result<File, StoreError> {
        let (path, below) = self.place(path)?;
        file_beneath(self.0.fd.as_fd(), &below, OFlags::RDONLY).map_err(StoreError::io("open", &path))
    }

    /// The same; `None` where it is not there.
    ///
    /// # Errors
    /// It is no file, or is reached by a link only.
    pub fn read_if_there(&self, path: &Path) -> Result<Option<File>, StoreError> {
        match self.read(path) {
            Ok(file) => Ok(Some(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Opens a file for reading and writing that is there.
    ///
    /// # Errors
    /// As for [`read`](Folder::read); a file that has a second name somewhere is not written.
    pub fn write(&self, path: &Path) -> Result<File, StoreError> {
        let (path, below) = self.place(path)?;
        self.open_to_write(&below).map_err(StoreError::io("open", &path))
    }

    fn open_to_write(&self, below: &Below) -> io::Result<File> {
        let file = file_beneath(self.0.fd.as_fd(), below, OFlags::RDWR)?;
        let known = file.metadata()?;
        if !known.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        if known.nlink() > 1 { Err(io::Error::other(SECOND_NAME)) } else { Ok(file) }
    }

    /// Makes a file that must not be there, for reading and writing.
    ///
    /// # Errors
    /// It is there ([`io::ErrorKind::AlreadyExists`]), or the system refuses.
    pub fn create(&self, path: &Path) -> Result<File, StoreError> {
        let (path, below) = self.place(path)?;
        let file = file_beneath(self.0.fd.as_fd(), &below, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL)
            .map_err(StoreError::io("create", &path))?;
        self.settle(&file).map_err(StoreError::io("set the owner and mode of", &path))?;
        Ok(file)
    }

    /// Opens a file for reading and writing, made where it is missing; whether it was made.
    ///
    /// # Errors
    /// As for [`write`](Folder::write) and [`create`](Folder::create).
    pub fn write_or_create(&self, path: &Path) -> Result<(File, bool), StoreError> {
        // Somebody may remove or make it between two looks, but not for ever.
        for _ in 0..100 {
            match self.write(path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                other => return other.map(|file| (file, false)),
            }
            match self.create(path) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                other => return other.map(|file| (file, true)),
            }
        }
        self.write(path).map(|file| (file, false))
    }

    /// What is there under a name; `None` for nothing. A link is looked at, not followed.
    ///
    /// # Errors
    /// A folder on the way is a link, or may not be entered.
    pub fn look(&self, path: &Path) -> Result<Option<FileStat>, StoreError> {
        let (path, below) = self.place(path)?;
        let look = || -> io::Result<Stat> {
            let (folder, name) = self.parent(&below)?;
            Ok(rustix::fs::statat(folder.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW)?)
        };
        match look() {
            Ok(stat) => Ok(Some(FileStat(stat))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::io("look for", &path)(e)),
        }
    }

    /// What is known of the folder itself.
    ///
    /// # Errors
    /// The system refuses.
    pub fn known(&self) -> Result<FileStat, StoreError> {
        rustix::fs::fstat(&self.0.fd)
            .map(FileStat)
            .map_err(|e| StoreError::io("read", &self.0.path)(e.into()))
    }

    /// Gives a file another name, in place of what has it.
    ///
    /// # Errors
    /// The system refuses.
    pub fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        let (from, below_from) = self.place(from)?;
        let (_, below_to) = self.place(to)?;
        let rename = || -> io::Result<()> {
            let (old, from) = self.parent(&below_from)?;
            let (new, to) = self.parent(&below_to)?;
            Ok(rustix::fs::renameat(old.as_fd(), from, new.as_fd(), to)?)
        };
        rename().map_err(StoreError::io("rename", &from))
    }

    /// Gives a file a second name, unless that is taken: `false`.
    ///
    /// # Errors
    /// The system refuses.
    pub fn link(&self, from: &Path, to: &Path) -> Result<bool, StoreError> {
        let (_, below_from) = self.place(from)?;
        let (to, below_to) = self.place(to)?;
        let link = || -> io::Result<()> {
            let (old, from) = self.parent(&below_from)?;
            let (new, to) = self.parent(&below_to)?;
            Ok(rustix::fs::linkat(old.as_fd(), from, new.as_fd(), to, AtFlags::empty())?)
        };
        match link() {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(StoreError::io("create", &to)(e)),
        }
    }

    /// Unlinks a file; `false`: there was none.
    ///
    /// # Errors
    /// The system refuses, or a folder on the way is a link.
    pub fn remove(&self, path: &Path) -> Result<bool, StoreError> {
        let (path, below) = self.place(path)?;
        let remove = || -> io::Result<()> {
            let (folder, name) = self.parent(&below)?;
            Ok(rustix::fs::unlinkat(folder.as_fd(), name, AtFlags::empty())?)
        };
        match remove() {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(StoreError::io("remove", &path)(e)),
        }
    }

    /// Syncs the folder, so that names made, renamed or removed in it last.
    pub fn sync(&self) -> Result<(), StoreError> {
        rustix::fs::fsync(&self.0.fd).map_err(|e| StoreError::io("sync", &self.0.path)(e.into()))
    }

    /// What is in it, in no order; names that are no UTF-8 are left out.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn entries(&self) -> io::Result<Vec<FolderEntry>> {
        let mut entries = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.0.fd)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str().map(String::from) else { continue };
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                // Some file systems do not say.
                FileType::Unknown => {
                    let stat = rustix::fs::statat(&self.0.fd, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW);
                    stat.map(|stat| FileType::from_raw_mode(stat.st_mode)).unwrap_or(FileType::Unknown)
                }
                known => known,
            };
            entries.push(FolderEntry { name, kind: EntryKind::of(kind) });
        }
        Ok(entries)
    }

    /// Whether two handles are of one folder.
    ///
    /// # Errors
    /// The system refuses.
    pub fn is_same(&self, other: &Folder) -> Result<bool, StoreError> {
        let (a, b) = (self.known()?.0, other.known()?.0);
        Ok((a.st_dev, a.st_ino) == (b.st_dev, b.st_ino))
    }

    /// Whether an open file is still the one of this name.
    ///
    /// # Errors
    /// The system refuses.
    pub fn is_of(&self, path: &Path, file: &File) -> Result<bool, StoreError> {
        let own = file.metadata().map_err(StoreError::io("read", &self.0.path.join(path)))?;
        Ok(self
            .look(path)?
            .is_some_and(|FileStat(there)| (there.st_dev, there.st_ino) == (own.dev(), own.ino())))
    }

    /// Lets the group in where it may read what is inside; nobody is shut out of a
    /// folder that an administrator has made.
    ///
    /// # Errors
    /// The system refuses.
    pub fn let_in(&self) -> Result<(), StoreError> {
        let wanted = self.0.access.folder_mode() & 0o070;
        let mode = self.known()?.mode();
        if mode & wanted == wanted {
            return Ok(());
        }
        rustix::fs::fchmod(&self.0.fd, Mode::from_raw_mode(mode | wanted))
            .map_err(|e| StoreError::io("set the mode of", &self.0.path)(e.into()))
    }

    /// Gives a file or folder below its owner and mode; whether anything was changed.
    ///
    /// # Errors
    /// It is neither, or the system refuses: only root gives away.
    pub fn mend(&self, path: &Path) -> Result<bool, StoreError> {
        let Some(known) = self.look(path)? else { return Ok(false) };
        let mode = if known.is_folder() { self.0.access.folder_mode() } else { self.0.access.file_mode() };
        if known.owner() == self.0.owner && known.mode() == mode {
            return Ok(false);
        }
        let (path, below) = self.place(path)?;
        let mend = || -> io::Result<()> {
            let fd = match known.is_folder() {
                true => folder_beneath(self.0.fd.as_fd(), &below)?,
                false => file_beneath(self.0.fd.as_fd(), &below, OFlags::RDONLY)?.into(),
            };
            let file = File::from(fd);
            if !known.is_folder() && file.metadata()?.nlink() > 1 {
                return Err(io::Error::other(SECOND_NAME));
            }
            if known.owner() != self.0.owner {
                fchown(&file, Some(self.0.owner.uid), Some(self.0.owner.gid))?;
            }
            Ok(rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?)
        };
        mend().map_err(StoreError::io("set the owner and mode of", &path))?;
        Ok(true)
    }

    /// Gives a new file its owner and mode.
    fn settle(&self, file: &File) -> io::Result<()> {
        self.own(file.as_fd())?;
        Ok(rustix::fs::fchmod(file, Mode::from_raw_mode(self.0.access.file_mode()))?)
    }

    fn own(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        if FileStat(rustix::fs::fstat(fd)?).owner() != self.0.owner {
            let Owner { uid, gid } = self.0.owner;
            // Only root may; anybody else keeps his own file, and `verify` tells of it.
            drop(fchown(fd, Some(uid), Some(gid)));
        }
        Ok(())
    }

    /// Whole for messages, and below this folder for the system.
    fn place(&self, path: &Path) -> Result<(PathBuf, Below), StoreError> {
        let whole = self.0.path.join(path);
        let outside = || StoreError::Outside { path: whole.clone(), folder: self.0.path.clone() };
        let rest = whole.strip_prefix(&self.0.path).map_err(|_| outside())?;
        let below = Below::new(rest).ok_or_else(outside)?;
        Ok((whole.clone(), below))
    }

    fn parent<'b>(&'b self, below: &'b Below) -> io::Result<(Parent<'b>, &'b Path)> {
        below.parent_in(self.0.fd.as_fd())
    }
}
