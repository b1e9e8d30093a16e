//! How many files the process may have open: each running recording has one.

use super::context::Context;
use crate::telemetry::events::Event;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are open beside those of recordings.
const OTHER_FILES: u64 = 64;

/// Takes as many as the system gives, and tells where that is fewer than `recordings` need.
pub(super) fn report_files(recordings: u64, context: &Context) {
    let limit = raise_files();
    if limit < recordings.saturating_add(OTHER_FILES) {
        let recordings = limit.saturating_sub(OTHER_FILES);
        Event::FilesLimited { limit, recordings }.emit(context.metrics());
    }
}

/// Raises the limit of open files as far as it goes, and says how far that is.
fn raise_files() -> u64 {
    let now = getrlimit(Resource::Nofile);
    let hard = now.maximum.unwrap_or(u64::MAX);
    if now.current.is_none_or(|soft| soft >= hard) {
        return now.current.unwrap_or(u64::MAX);
    }
    let raised = Rlimit { current: now.maximum, maximum: now.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => hard,
        Err(_) => now.current.unwrap_or(u64::MAX),
    }
}
