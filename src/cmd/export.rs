//! `nauhuri export`: copies for whoever has a right to them.

use super::keep::{self, Task};
use super::output;
use super::usage::Usage;
use crate::cli::Cli;
use crate::cli::keeping::ExportArgs;
use crate::config::CopyAccess;
use crate::custody::audit::Why;
use crate::custody::export::ExportRequest;

/// Copies what is meant.
///
/// # Errors
/// An unknown id, a restricted recording, a folder that cannot be written or
/// holds an export already.
pub fn run(cli: &Cli, args: &ExportArgs) -> anyhow::Result<()> {
    if args.start.zip(args.end).is_some_and(|(start, end)| start >= end) {
        return Err(Usage("--start must lie before --end".into()).into());
    }
    let Task { site, mut keeper, rows } = keep::task(cli, &args.search)?;
    let order = ExportRequest {
        to: args.to.clone(),
        why: Why {
            reason: Some(args.reason.clone()),
            case: None,
            recipient: args.recipient.clone(),
            basis: args.basis.clone(),
        },
        start_s: args.start,
        end_s: args.end,
        silence: args.silence,
        zip: args.zip,
        until_due: site.config.retention.access == CopyAccess::UntilDue,
        zone: Some(site.zone.clone()),
        search: args.search.for_audit(),
        ..ExportRequest::default()
    };
    let done = keeper.export(&rows, &order, &site.by);
    keep::warn(&mut keeper);
    let done = done?;
    output::print(&format!(
        "{} exported: {}\nSHA-256 {}\n",
        done.recordings,
        done.path.display(),
        done.sha256
    ))?;
    Ok(())
}
