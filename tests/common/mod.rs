//! What the integration tests share: a reader and a writer of captures, calls
//! written as ladders, runs of the program, and audio measures.
//!
//! Nothing here uses nauhuri's own code: what checks must not share the faults
//! of what is checked.

// Every test binary uses a part of it; helpers of tests fail by panicking.
#![allow(dead_code, clippy::unwrap_used)]

pub mod audio;
pub mod capture;
pub mod files;
pub mod hep;
pub mod ladder;
pub mod oracle;
pub mod rng;
pub mod run;
pub mod sdp;
pub mod voice;

use std::path::PathBuf;

/// A folder of the repository.
pub fn repository(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder)
}
