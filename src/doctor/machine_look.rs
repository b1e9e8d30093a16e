//! The machine beside the wire: its clock, and the place of the recordings. Leaves no trace of itself.

use super::doctor_facts::StoreFacts;
use super::store_finding::WHO_ASKS;
use crate::config::Config;
use crate::custody::wall_clock::Sync;
use crate::daemon::housekeeping::room;
use crate::daemon::machine_clock::Clock;
use crate::store::mark::{self, IdentityError};
use crate::time::Timestamp;
use rustix::fs::{Access, Mode, OFlags, access, fdatasync, open};
use std::fs::Metadata;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The account that the systemd unit runs the recorder as.
const SERVICE_USER: &str = "nauhuri";
/// What systemd makes for it (`StateDirectory=`).
const MADE_BY_SYSTEMD: &str = "/var/lib/nauhuri";
/// Written and synced to measure the disk, bytes: as much as a few hundred calls write in a tenth of a second.
const TRIAL: usize = 64 << 10;

/// Watches whether somebody sets the clock.
#[derive(Debug)]
pub struct ClockWatch {
    wall: Timestamp,
    steady: Instant,
}

impl ClockWatch {
    /// By how much the clock was set since, nanoseconds.
    pub fn set_ns(&self) -> i64 {
        let ran = i64::try_from(self.steady.elapsed().as_nanos()).unwrap_or(i64::MAX);
        Clock::machine().wall().since_ns(self.wall).saturating_sub(ran)
    }
}

/// Whether the clock is synchronised, which may take seconds to find out; from then on it is watched.
pub fn look_at_clock() -> (Sync, ClockWatch) {
    let clock = Clock::machine();
    let sync = clock.reading(true).sync;
    (sync, ClockWatch { wall: clock.wall(), steady: clock.now() })
}

/// Looks at where the recordings go; writes nothing that has a name.
pub fn look_at_store(config: &Config) -> StoreFacts {
    let dir = config.storage.dir.clone();
    let nearest = nearest(&dir);
    let state = mark::state_folder(&dir, config.storage.state.as_deref());
    let known = mark::must_be(&dir, &config.storage.id).and_then(|()| mark::check(&dir, &state).map(drop));
    let refused = match known {
        // What this user may not see is no other store.
        Ok(()) | Err(IdentityError::Store(_)) => None,
        Err(e) => Some(e.to_string()),
    };
    let space = room(&nearest).ok();
    StoreFacts {
        not_writable_by: not_writable_by(&dir, &nearest),
        refused,
        free: space.map(|s| s.bytes),
        few_inodes: space.filter(|s| s.lacks_inodes()).map(|s| s.inodes),
        sync_ms: sync_time(&nearest).map(|t| t.as_secs_f64() * 1e3),
        dir,
        nearest,
    }
}

/// The folder, or the nearest one above it that is there.
fn nearest(dir: &Path) -> PathBuf {
    dir.ancestors().find(|p| p.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

/// The service's user where there is one, else whoever asks, if they may not write there.
fn not_writable_by(dir: &Path, nearest: &Path) -> Option<String> {
    let Some(user) = uzers::get_user_by_name(SERVICE_USER) else {
        let may = access(nearest, Access::WRITE_OK | Access::EXEC_OK).is_ok();
        return (!may).then(|| WHO_ASKS.into());
    };
    // What is not there yet systemd makes.
    if dir != nearest && dir.starts_with(MADE_BY_SYSTEMD) {
        return None;
    }
    let folder = std::fs::metadata(nearest).ok()?;
    let may = may_write(&folder, user.uid(), user.primary_group_id());
    (!may).then(|| SERVICE_USER.into())
}

/// By owner, group and mode; access lists are not read.
fn may_write(folder: &Metadata, uid: u32, gid: u32) -> bool {
    let shift = match (folder.uid() == uid, folder.gid() == gid) {
        (true, _) => 6,
        (false, true) => 3,
        (false, false) => 0,
    };
    uid == 0 || folder.mode() >> shift & 0o3 == 0o3
}

/// How long it takes to write and sync in a file without a name, which is gone when it is closed. `None`: this
/// user or this file system cannot make one.
fn sync_time(folder: &Path) -> Option<Duration> {
    let file =
        open(folder, OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR).ok()?;
    let (began, mut file) = (Instant::now(), std::fs::File::from(file));
    file.write_all(&[0; TRIAL]).ok()?;
    fdatasync(&file).ok()?;
    Some(began.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_look_at_a_store_leaves_no_trace() {
        let dir = tempfile::tempdir().unwrap();
        let before = std::fs::metadata(dir.path()).unwrap().modified().unwrap();
        let mut config = Config::default();
        config.storage.dir = dir.path().join("not/there");
        let facts = look_at_store(&config);
        assert_eq!((facts.nearest.as_path(), facts.refused), (dir.path(), None));
        assert!(facts.free.is_some_and(|free| free > 0));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        assert_eq!(std::fs::metadata(dir.path()).unwrap().modified().unwrap(), before);
        config.storage.dir = dir.path().into();
        config.storage.id = "01a2086b-5a06-7054-894a-05bb6e9e38b5".into();
        assert!(look_at_store(&config).refused.is_some_and(|why| why.contains("mounted?")));
    }

    #[test]
    fn modes_say_who_may_write() {
        let dir = tempfile::tempdir().unwrap();
        let of = |mode: u32| {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            std::fs::metadata(dir.path()).unwrap()
        };
        let (own, group) = (of(0o700).uid(), of(0o700).gid());
        let (other_user, other_group) = (own + 1, group + 1);
        assert!(may_write(&of(0o300), own, other_group) || own == 0);
        assert!(may_write(&of(0o770), other_user, group) && !may_write(&of(0o750), other_user, group));
        assert!(may_write(&of(0o703), other_user, other_group));
        assert!(!may_write(&of(0o770), other_user, other_group));
    }
}
