//! What is known of a file: whose it is, who may read it, what it is.

use crate::time::Timestamp;
use rustix::fs::{FileType, Stat};
use std::fmt;

/// Who may read recordings: the service's user alone, or its group as well (`storage.group_read`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Access {
    /// Files 0600, folders 0700.
    #[default]
    Owner,
    /// Files 0640, folders 0750.
    Group,
}

impl Access {
    /// What `storage.group_read` says.
    pub const fn of(group_read: bool) -> Access {
        if group_read { Access::Group } else { Access::Owner }
    }

    /// Mode of every file.
    pub const fn file_mode(self) -> u32 {
        match self {
            Access::Owner => 0o600,
            Access::Group => 0o640,
        }
    }

    /// Mode of every folder.
    pub const fn folder_mode(self) -> u32 {
        match self {
            Access::Owner => 0o700,
            Access::Group => 0o750,
        }
    }
}

/// Whose a file is: user and group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.uid, self.gid)
    }
}

/// What is known of a file without opening it.
#[derive(Clone, Copy, Debug)]
pub struct FileStat(pub(super) Stat);

impl FileStat {
    /// A regular file.
    pub fn is_file(&self) -> bool {
        FileType::from_raw_mode(self.0.st_mode) == FileType::RegularFile
    }

    /// A folder.
    pub fn is_folder(&self) -> bool {
        FileType::from_raw_mode(self.0.st_mode) == FileType::Directory
    }

    /// A symbolic link.
    pub fn is_link(&self) -> bool {
        FileType::from_raw_mode(self.0.st_mode) == FileType::Symlink
    }

    /// When its content was last written; none if that cannot be said as a time.
    pub fn modified(&self) -> Option<Timestamp> {
        Some(Timestamp::from_parts(self.0.st_mtime, u32::try_from(self.0.st_mtime_nsec).ok()?))
    }

    /// Permissions, 0 to 0o7777.
    pub fn mode(&self) -> u32 {
        self.0.st_mode & 0o7777
    }

    /// Whose it is.
    pub fn owner(&self) -> Owner {
        Owner { uid: self.0.st_uid, gid: self.0.st_gid }
    }

    /// When its inode changed last, nanoseconds since 1970.
    pub fn changed_ns(&self) -> i128 {
        i128::from(self.0.st_ctime) * 1_000_000_000 + i128::from(self.0.st_ctime_nsec)
    }
}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderEntry {
    /// As it stands there; names that are no UTF-8 are nothing of ours.
    pub name: String,
    /// What it is; a link is a link, whatever it leads to.
    pub kind: EntryKind,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A device, a pipe, a socket.
    Other,
}

impl EntryKind {
    pub(super) fn of(file_type: FileType) -> EntryKind {
        match file_type {
            FileType::RegularFile => EntryKind::File,
            FileType::Directory => EntryKind::Folder,
            FileType::Symlink => EntryKind::Link,
            _ => EntryKind::Other,
        }
    }
}
