//! `nauhuri replay`: the same engine over capture files.

use crate::cli::{Cli, ReplayArgs};

/// Records from capture files on the packets' own clock.
///
/// # Errors
/// Always: unfinished.
pub fn run(_cli: &Cli, _args: &ReplayArgs) -> anyhow::Result<()> {
    anyhow::bail!("replay is unfinished")
}
