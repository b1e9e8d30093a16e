//! `nauhuri hold` and `nauhuri release`.

use super::keep::{self, Task};
use super::output::remark;
use crate::cli::Cli;
use crate::cli::keeping::{HoldArgs, ReleaseArgs};
use crate::config::forms::duration;
use crate::custody::hold::Release;
use crate::custody::keeper::Keeper;
use anyhow::bail;
use uuid::Uuid;

/// Recordings that a warning names.
const NAMED: usize = 5;

/// Puts a hold on what is meant, or confirms one.
///
/// # Errors
/// An unknown id; a recording that cannot be held; a hold to be confirmed that is not there.
pub fn hold(cli: &Cli, args: &HoldArgs) -> anyhow::Result<()> {
    let Task { site, mut keeper, rows } = keep::task(cli, &args.search)?;
    let (case, search) = (args.case.as_deref(), args.search.for_audit());
    // The command line asks for both unless a hold is to be confirmed.
    let (Some(reason), Some(case)) = (args.reason, case) else {
        let amended = keeper.review(&rows, case, search, &site.by)?;
        return keep::report(&mut keeper, &amended, "confirmed", "was confirmed already");
    };
    let amended = keeper.hold(&rows, reason, case, search, &site.by)?;
    keep::report(&mut keeper, &amended, "held", "was held for that case already")
}

/// Ends a hold on what is meant.
///
/// # Errors
/// An unknown id; not held, or not for that case; past its term without `--yes`.
pub fn release(cli: &Cli, args: &ReleaseArgs) -> anyhow::Result<()> {
    let Task { site, mut keeper, rows } = keep::task(cli, &args.search)?;
    let grace = site.config.retention.release_grace;
    let how = Release { case: args.case.as_deref(), accept_due: args.yes, grace };
    let released = keeper.release(&rows, how, args.search.for_audit(), &site.by)?;
    let past = &released.past_term;
    let when = match grace.is_zero() {
        true => "the next sweep deletes them".to_owned(),
        false => format!("they are deleted in {}", duration::text(grace)),
    };
    if released.asked_back {
        keep::warn(&mut keeper);
        bail!(
            "{} past their term ({}): once released, {when}. Nothing was released; --yes does it",
            past.len(),
            some(past)
        );
    }
    if !past.is_empty() && !cli.global.quiet {
        remark(format_args!("nauhuri: warning: {} past their term: {when}", past.len()));
    }
    remind(&keeper, &released.amended.made)?;
    keep::report(&mut keeper, &released.amended, "released", "was released already")
}

/// Requests to erase that the hold put off are open again.
fn remind(keeper: &Keeper, released: &[Uuid]) -> anyhow::Result<()> {
    let put_off = keeper.erasures_put_off(released)?;
    let more = put_off.len().saturating_sub(NAMED);
    for (id, asked) in put_off.into_iter().take(NAMED) {
        let day = asked.at.to_jiff().strftime("%Y-%m-%d");
        remark(format_args!(
            "nauhuri: {id}: its erasure was asked for on {day} ({}) and put off by the hold: \
             `nauhuri erase` it, or say why not with --refuse",
            asked.reason
        ));
    }
    if more > 0 {
        remark(format_args!("nauhuri: and {more} more; `nauhuri audit show` has them as erase (refused)"));
    }
    Ok(())
}

/// The first of them.
fn some(ids: &[Uuid]) -> String {
    let named: Vec<String> = ids.iter().take(NAMED).map(ToString::to_string).collect();
    format!("{}{}", named.join(", "), if ids.len() > NAMED { ", ..." } else { "" })
}
