//! What looks after the store while the recorder runs, off the capture thread.

use super::context::{Context, FreeSpace};
use super::crew::Pulse;
use super::shutdown::StopFlag;
use crate::store::StoreError;
use crate::store::layout::{STATE_FOLDER, open_state};
use crate::telemetry::events::Event;
use crate::telemetry::label::StorageState;
use std::io;
use std::path::Path;
use std::time::Duration;

/// How often the free space is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks between two trial writes while all is well.
const PROBE_EVERY: u32 = 5;

/// What this user has left on the file system of `path`.
///
/// # Errors
/// The file system does not answer.
pub fn room(path: &Path) -> io::Result<FreeSpace> {
    let s = rustix::fs::statvfs(path)?;
    let bytes = s.f_bavail.saturating_mul(s.f_frsize);
    Ok(FreeSpace { bytes, inodes: s.f_favail, all_inodes: s.f_files })
}

/// Free bytes for this user on the file system of `path`.
///
/// # Errors
/// The file system does not answer.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    room(path).map(|r| r.bytes)
}

/// Looks at the free space once, so that the first call already knows.
pub fn look(context: &Context) {
    let (health, metrics) = (&context.health, context.metrics());
    match room(&context.writing.root) {
        Ok(room) => {
            let is_low_now = health.looked(room);
            metrics.set_storage_free(room.bytes);
            // Some file systems do not count them, and never lack one.
            metrics.set_free_inodes(if room.all_inodes == 0 { u64::MAX } else { room.inodes });
            if is_low_now && room.bytes >= health.min_free() {
                Event::InodesLow { free: room.inodes }.emit(metrics);
            } else if is_low_now {
                Event::SpaceLow { free: room.bytes, min_free: health.min_free() }.emit(metrics);
            }
        }
        // The probe tells when it answers again.
        Err(e) => health.not_writable((&e).into()),
    }
    metrics.set_storage_bytes(StorageState::Open, health.open_bytes());
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
pub fn work(context: &Context, interfaces: &[String], stop: &StopFlag, pulse: &Pulse) {
    let mut turn = 0u32;
    while !stop.is_set() {
        pulse.beat();
        look(context);
        if context.health.is_troubled() || turn.is_multiple_of(PROBE_EVERY) {
            probe(context);
        }
        context.outlets.readiness.links_down(links_down(interfaces));
        turn = turn.wrapping_add(1);
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Is the storage writable? Asked before a call has to find out, and each time after a failure.
fn probe(context: &Context) {
    match write_through(&context.writing.root.join(STATE_FOLDER)) {
        Ok(()) => context.health.recovered(),
        Err(e) => context.health.not_writable(e.kind().into()),
    }
}

/// Memory takes every write; only a sync tells whether the disk does.
fn write_through(state: &Path) -> Result<(), StoreError> {
    let folder = open_state(state)?;
    let written = folder.scratch(Path::new("probe"), &[0; 4096], true)?;
    folder.remove(&written)?;
    Ok(())
}
