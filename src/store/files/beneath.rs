//! Opening what is below a folder, by way of no link.
//!
//! Linux 5.6 and later refuse links by themselves (`openat2(2)`:
//! `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS`). Where that is missing, or a sandbox does
//! not let it through, each folder on the way is opened with `O_NOFOLLOW`: the same
//! answer in more steps. Either way a handle is held of every folder that was
//! passed, so exchanging one for a link meanwhile leads nowhere.

use rustix::fs::{Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// The kernel has `openat2`, as far as is known.
static HAS_OPENAT2: AtomicBool = AtomicBool::new(true);

/// A path that leads down only: plain names, at least none that climbs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Below(PathBuf);

impl Below {
    /// `None` for a path with `..` or one from the root. Nothing is the folder itself.
    pub(super) fn new(path: &Path) -> Option<Below> {
        path.components().all(|part| matches!(part, Component::Normal(_))).then(|| Below(path.to_owned()))
    }

    /// The folder itself.
    pub(super) fn is_here(&self) -> bool {
        self.0.as_os_str().is_empty()
    }

    /// The names on the way.
    pub(super) fn names(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(Path::new)
    }

    /// The folder below `folder` that holds the last name, and that name.
    pub(super) fn parent_in<'a>(&'a self, folder: BorrowedFd<'a>) -> io::Result<(Parent<'a>, &'a Path)> {
        let (parent, name) = self.split();
        let parent = match parent.is_here() {
            true => Parent::This(folder),
            false => Parent::Below(folder_beneath(folder, &parent)?),
        };
        Ok((parent, name))
    }

    /// The folder that holds the last name, and that name.
    pub(super) fn split(&self) -> (Below, &Path) {
        let folder = self.0.parent().map(Path::to_owned).unwrap_or_default();
        (Below(folder), self.0.file_name().map_or(Path::new("."), Path::new))
    }
}

/// The folder that holds a name.
pub(super) enum Parent<'a> {
    This(BorrowedFd<'a>),
    Below(OwnedFd),
}

impl AsFd for Parent<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Parent::This(fd) => *fd,
            Parent::Below(fd) => fd.as_fd(),
        }
    }
}

/// A folder below `folder`.
pub(super) fn folder_beneath(folder: BorrowedFd<'_>, below: &Below) -> io::Result<OwnedFd> {
    open_beneath(folder, below, OFlags::RDONLY | OFlags::DIRECTORY)
}

/// A file below `folder`. Nobody is waited for where a pipe stands in its place.
pub(super) fn file_beneath(folder: BorrowedFd<'_>, below: &Below, flags: OFlags) -> io::Result<File> {
    Ok(File::from(open_beneath(folder, below, flags | OFlags::NONBLOCK | OFlags::NOCTTY)?))
}

fn open_beneath(folder: BorrowedFd<'_>, below: &Below, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let path = if below.is_here() { Path::new(".") } else { &below.0 };
    if HAS_OPENAT2.load(Ordering::Relaxed) {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let mode = if flags.contains(OFlags::CREATE) { NEW_FILE } else { Mode::empty() };
        match openat2(folder, path, flags, mode, resolve) {
            // Sandboxes older than the call answer EPERM for it.
            Err(Errno::NOSYS | Errno::PERM) => {
                let walked = walk(folder, below, flags);
                if walked.is_ok() {
                    HAS_OPENAT2.store(false, Ordering::Relaxed);
                }
                return walked.map_err(explained);
            }
            other => return other.map_err(explained),
        }
    }
    walk(folder, below, flags).map_err(explained)
}

/// Until its owner and mode are set, nobody else's.
const NEW_FILE: Mode = Mode::RUSR.union(Mode::WUSR);

/// The same without `openat2`.
pub(super) fn walk(folder: BorrowedFd<'_>, below: &Below, flags: OFlags) -> Result<OwnedFd, Errno> {
    let on_the_way = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut at = openat(folder, ".", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let (above, name) = below.split();
    for part in above.names() {
        at = openat(&at, part, on_the_way, Mode::empty()).map_err(|e| link_or(e, &at, part))?;
    }
    openat(&at, name, flags, NEW_FILE).map_err(|e| link_or(e, &at, name))
}

/// With `O_DIRECTORY` a link is told as "not a directory".
fn link_or(e: Errno, folder: &OwnedFd, name: &Path) -> Errno {
    let is_link = || {
        let stat = rustix::fs::statat(folder, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
        stat.is_ok_and(|s| rustix::fs::FileType::from_raw_mode(s.st_mode).is_symlink())
    };
    if e == Errno::NOTDIR && is_link() { Errno::LOOP } else { e }
}

/// `ELOOP` reads as if there were many.
fn explained(e: Errno) -> io::Error {
    match e {
        Errno::LOOP => io::Error::new(
            io::ErrorKind::InvalidInput,
            "a symbolic link is in its place or on the way to it, and is not followed",
        ),
        Errno::XDEV => io::Error::new(io::ErrorKind::InvalidInput, "it leads out of the store"),
        other => other.into(),
    }
}
