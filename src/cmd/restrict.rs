//! `nauhuri restrict` and `nauhuri unrestrict`.

use super::keep::{self, Task};
use crate::cli::Cli;
use crate::cli::keeping::RestrictArgs;

/// Closes what is meant to listening and export.
///
/// # Errors
/// An unknown id.
pub fn restrict(cli: &Cli, args: &RestrictArgs) -> anyhow::Result<()> {
    let Task { site, mut keeper, rows } = keep::task(cli, &args.search)?;
    let amended = keeper.restrict(&rows, &args.case, args.search.for_audit(), &site.by)?;
    keep::report(&mut keeper, &amended, "restricted", "was restricted already")
}

/// Opens what is meant again.
///
/// # Errors
/// An unknown id; not restricted, or not for that case.
pub fn unrestrict(cli: &Cli, args: &RestrictArgs) -> anyhow::Result<()> {
    let Task { site, mut keeper, rows } = keep::task(cli, &args.search)?;
    let amended = keeper.unrestrict(&rows, &args.case, args.search.for_audit(), &site.by)?;
    keep::report(&mut keeper, &amended, "unrestricted", "was not restricted")
}
