//! What a report is made from.

use crate::archive::index::Index;
use crate::config::Config;
use crate::custody::audit::AuditLog;
use crate::store::files::Folder;
use crate::time::Timestamp;
use jiff::tz::TimeZone;
use std::path::Path;

/// What a report is made from.
#[derive(Clone, Copy, Debug)]
pub struct ReportSources<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The folder of recordings.
    pub store: &'a Folder,
    /// Its index.
    pub index: &'a Index,
    /// The state folder.
    pub state: &'a Path,
    /// The audit log.
    pub audit: &'a AuditLog,
    /// Whose calendar counts.
    pub zone: &'a TimeZone,
    /// The present.
    pub now: Timestamp,
}
