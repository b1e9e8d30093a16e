//! What looks after the store while the recorder runs, off the capture thread.

use super::deck::Shelf;
use super::shutdown::StopFlag;
use crate::telemetry::events::Event;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the free space is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Free bytes for this user on the file system of `path`.
///
/// # Errors
/// The file system does not answer.
pub fn free_bytes(path: &std::path::Path) -> io::Result<u64> {
    let s = rustix::fs::statvfs(path)?;
    Ok(s.f_bavail.saturating_mul(s.f_frsize))
}

/// Looks at the free space once, so that the first call already knows.
pub fn look(shelf: &Shelf) {
    match free_bytes(&shelf.root) {
        Ok(free) => {
            let had_room = shelf.has_room();
            shelf.free_bytes.store(free, Ordering::Relaxed);
            shelf.readiness.free(free);
            shelf.metrics.set_storage_free(free);
            if had_room && !shelf.has_room() {
                Event::SpaceLow { free, min_free: shelf.min_free }.emit(&shelf.metrics);
            }
        }
        Err(e) => shelf.readiness.storage(Err(e.kind())),
    }
}

/// Looks every second until asked to stop.
///
/// # Errors
/// The thread could not be started.
pub fn start(shelf: &Arc<Shelf>, stop: &StopFlag) -> io::Result<JoinHandle<()>> {
    let (shelf, stop) = (Arc::clone(shelf), stop.clone());
    std::thread::Builder::new().name("housekeeping".into()).spawn(move || {
        while !stop.is_set() {
            look(&shelf);
            probe(&shelf);
            std::thread::sleep(LOOK_EVERY);
        }
    })
}

/// After a failed write: is the storage writable again?
fn probe(shelf: &Shelf) {
    if !shelf.is_troubled() {
        return;
    }
    let path = shelf.root.join(crate::store::layout::STATE_FOLDER).join("probe");
    let written = std::fs::write(&path, [0u8; 4096]).and_then(|()| std::fs::remove_file(&path));
    match written {
        Ok(()) => shelf.recovered(),
        Err(e) => shelf.readiness.storage(Err(e.kind())),
    }
}
