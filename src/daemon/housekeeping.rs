//! What looks after the store while the recorder runs, off the capture thread.

use super::deck::Shelf;
use super::shutdown::StopFlag;
use crate::telemetry::events::Event;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the free space is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks between two trial writes while all is well.
const PROBE_EVERY: u32 = 5;

/// Free bytes for this user on the file system of `path`.
///
/// # Errors
/// The file system does not answer.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
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
        // The probe tells when it answers again.
        Err(e) => shelf.not_writable((&e).into()),
    }
}

/// Which of `interfaces` can bring nothing: down, or without a link.
///
/// What the system does not tell (`any`, a hidden `/sys`) is taken to be well.
pub fn links_down(interfaces: &[String]) -> Vec<String> {
    let is_down = |name: &&String| {
        let told = std::fs::read_to_string(format!("/sys/class/net/{name}/operstate"));
        told.is_ok_and(|s| matches!(s.trim(), "down" | "lowerlayerdown" | "notpresent"))
    };
    interfaces.iter().filter(is_down).cloned().collect()
}

/// Looks every second until asked to stop.
///
/// # Errors
/// The thread could not be started.
pub fn start(shelf: &Arc<Shelf>, stop: &StopFlag, interfaces: &[String]) -> io::Result<JoinHandle<()>> {
    let (shelf, stop, interfaces) = (Arc::clone(shelf), stop.clone(), interfaces.to_vec());
    let mut turn = 0u32;
    std::thread::Builder::new().name("housekeeping".into()).spawn(move || {
        while !stop.is_set() {
            look(&shelf);
            if shelf.is_troubled() || turn.is_multiple_of(PROBE_EVERY) {
                probe(&shelf);
            }
            shelf.readiness.links_down(links_down(&interfaces));
            turn = turn.wrapping_add(1);
            std::thread::sleep(LOOK_EVERY);
        }
    })
}

/// Is the storage writable? Asked before a call has to find out, and each time after a failure.
fn probe(shelf: &Shelf) {
    let path = shelf.root.join(crate::store::layout::STATE_FOLDER).join("probe");
    match write_through(&path).and_then(|()| std::fs::remove_file(&path)) {
        Ok(()) => shelf.recovered(),
        Err(e) => shelf.not_writable((&e).into()),
    }
}

/// Memory takes every write; only a sync tells whether the disk does.
fn write_through(path: &Path) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(&[0u8; 4096])?;
    file.sync_all()
}
