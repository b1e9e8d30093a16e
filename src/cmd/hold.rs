//! `nauhuri hold` and `nauhuri release`.

use super::keep::{self, Task};
use crate::cli::Cli;
use crate::cli::keeping::{HoldArgs, ReleaseArgs};
use anyhow::bail;

/// Puts a hold on what is meant.
///
/// # Errors
/// An unknown id; a recording that cannot be held.
pub fn hold(cli: &Cli, args: &HoldArgs) -> anyhow::Result<()> {
    let Task { place, mut keeper, rows } = keep::task(cli, &args.search)?;
    let amended = keeper.hold(&rows, args.reason.meant(), &args.case, args.search.for_audit(), place.now)?;
    keep::report(&mut keeper, &amended, "held", "was held for that case already")
}

/// Ends a hold on what is meant.
///
/// # Errors
/// An unknown id; not held, or not for that case; due at once without `--yes`.
pub fn release(cli: &Cli, args: &ReleaseArgs) -> anyhow::Result<()> {
    let Task { place, mut keeper, rows } = keep::task(cli, &args.search)?;
    let case = args.case.as_deref();
    let released = keeper.release(&rows, case, args.yes, args.search.for_audit(), place.now)?;
    if released.asked_back {
        let ids: Vec<String> = released.due_at_once.iter().take(5).map(ToString::to_string).collect();
        bail!(
            "{} would fall due at once, and the next sweep would delete them ({}{}). \
             Nothing was released; --yes does it",
            released.due_at_once.len(),
            ids.join(", "),
            if released.due_at_once.len() > ids.len() { ", ..." } else { "" }
        );
    }
    if !released.due_at_once.is_empty() && !cli.global.quiet {
        let n = released.due_at_once.len();
        eprintln!("nauhuri: warning: {n} of them past their term: the next sweep deletes them");
    }
    keep::report(&mut keeper, &released.amended, "released", "was released already")
}
