//! What is wrong with the place of the recordings.

use super::doctor_facts::WireFacts;
use super::severity::FindingWords;
use super::severity::Severity::{Broken, Remark};
use crate::config::Config;
use std::path::PathBuf;

/// A sync that takes longer holds the recorder up.
const SLOW_MS: f64 = 500.0;

/// What is wrong with the store.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreFinding {
    /// Another store than the one meant, or none.
    NotMounted {
        /// What the recorder would say.
        why: String,
    },
    /// Whoever records may not write there.
    NotWritable {
        /// Where.
        dir: PathBuf,
        /// Who.
        by: String,
    },
    /// Less space than is to be kept free.
    NoSpace {
        /// Where.
        dir: PathBuf,
        /// Free bytes.
        free: u64,
        /// `storage.min_free`, bytes.
        min_free: u64,
    },
    /// Hardly another file can be made.
    NoInodes {
        /// Where.
        dir: PathBuf,
        /// As many can.
        free: u64,
    },
    /// The disk is slow.
    Slow {
        /// Where.
        dir: PathBuf,
        /// For 64 KiB and a sync, milliseconds.
        sync_ms: f64,
    },
}

/// Whoever asks, where there is no user of the service's.
pub(super) const WHO_ASKS: &str = "this user";

impl StoreFinding {
    /// In words.
    pub(super) fn words(&self) -> FindingWords {
        let gib = |bytes: &u64| *bytes as f64 / (1_u64 << 30) as f64;
        let (severity, finding, wrong, remedy) = match self {
            StoreFinding::NotMounted { why } => {
                (Broken, "store_not_mounted", why.clone(), "mount the file system of the recordings".into())
            }
            StoreFinding::NotWritable { dir, by } => (
                Broken,
                "store_not_writable",
                format!("{by} may not write into {}, where the recordings go", dir.display()),
                match by.as_str() {
                    WHO_ASKS => {
                        "run it as the user that the recorder runs as: sudo -u NAME nauhuri doctor".into()
                    }
                    _ => format!("chown -R {by} {0} && chmod 700 {0}; or set storage.dir", dir.display()),
                },
            ),
            StoreFinding::NoSpace { dir, free, min_free } => (
                Broken,
                "no_space",
                format!(
                    "{}: {:.1} GiB are free, less than the {:.1} GiB of storage.min_free: no call would \
                     be recorded",
                    dir.display(),
                    gib(free),
                    gib(min_free)
                ),
                "make room, set storage.dir to a larger disk, or lower storage.min_free".into(),
            ),
            StoreFinding::NoInodes { dir, free } => (
                Broken,
                "no_inodes",
                format!("{}: only {free} more files can be made (df -i)", dir.display()),
                "use a file system with more inodes (mkfs -N), or remove small files".into(),
            ),
            StoreFinding::Slow { dir, sync_ms } => (
                Remark,
                "slow_disk",
                format!("{}: 64 KiB took {sync_ms:.0} ms to be written and synced", dir.display()),
                "use a local disk that nothing else keeps busy; see nauhuri_write_seconds while it \
                 records"
                    .into(),
            ),
        };
        FindingWords::new(severity, finding, wrong, remedy)
    }
}

/// Everything of this kind.
pub(super) fn find(facts: &WireFacts, config: &Config) -> Vec<StoreFinding> {
    let Some(store) = &facts.store else { return Vec::new() };
    let (dir, min_free) = (|| store.nearest.clone(), config.storage.min_free);
    let mut all = Vec::new();
    if let Some(why) = &store.refused {
        all.push(StoreFinding::NotMounted { why: why.clone() });
    }
    if let Some(by) = &store.not_writable_by {
        all.push(StoreFinding::NotWritable { dir: dir(), by: by.clone() });
    }
    if let Some(free) = store.free.filter(|free| *free < min_free) {
        all.push(StoreFinding::NoSpace { dir: dir(), free, min_free });
    }
    if let Some(free) = store.few_inodes {
        all.push(StoreFinding::NoInodes { dir: dir(), free });
    }
    if let Some(sync_ms) = store.sync_ms.filter(|ms| *ms > SLOW_MS) {
        all.push(StoreFinding::Slow { dir: dir(), sync_ms });
    }
    all
}
