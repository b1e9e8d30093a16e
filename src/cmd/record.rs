//! `nauhuri record`: captures live until stopped.

use crate::cli::{Cli, RecordArgs};

/// Captures live until SIGTERM or SIGINT.
///
/// # Errors
/// Always: unfinished.
pub fn run(_cli: &Cli, _args: &RecordArgs) -> anyhow::Result<()> {
    anyhow::bail!("record is unfinished")
}
