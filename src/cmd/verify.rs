//! `nauhuri verify`: what is wrong with the store, a line each or as JSON.

use super::archive::Site;
use super::output::{self, Printer, plain, remark, size};
use super::reindex::{bar, measured};
use crate::archive::index::{Index, IndexError};
use crate::archive::verify::{PATIENCE, VerifyOptions, VerifyReport, verify};
use crate::archive::{Archive, NoIndex, OpenError};
use crate::cli::Cli;
use crate::cli::reading::VerifyArgs;
use crate::custody::audit::{Action, Draft, Outcome, facts};
use crate::daemon::notices::counted;
use anyhow::bail;
use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Instant;

/// More readers than this wait for the disk, not for one another.
const MAX_READERS: usize = 4;

/// Looks, tells, and fails where anything is wrong.
///
/// # Errors
/// Something is wrong.
pub fn run(cli: &Cli, args: &VerifyArgs) -> anyhow::Result<()> {
    let site = Site::find(cli)?;
    let options = VerifyOptions {
        sample: args.sample,
        now: site.now,
        grace: site.config.retention.sweep,
        patience: PATIENCE,
        access: site.place.access,
        threads: available_parallelism().map_or(1, NonZero::get).min(MAX_READERS),
    };
    let bar = bar(cli);
    let started = Instant::now();
    let index = index_of(&site)?;
    let report = verify(&site.root, index.as_ref(), &options, &mut |n, total| {
        if bar.length() != Some(total) {
            measured(&bar, total);
        }
        bar.set_position(n);
    });
    bar.finish_and_clear();
    let report = report?;
    let wrong: u64 = report.counts.values().sum();
    let outcome = if wrong == 0 { Outcome::Done } else { Outcome::Failed };
    let detail = facts! { Recordings: report.recordings, Read: report.read, Wrong: report.counts };
    site.note(Draft::new(Action::Verify).ended(outcome).detail(detail))?;
    let mut out = Printer::new();
    let seconds = started.elapsed().as_secs_f64();
    if args.json {
        let mut object = serde_json::to_value(&report)?;
        object["ok"] = report.is_clean().into();
        object["seconds"] = seconds.into();
        out.print(&output::json(&object)?)?;
    } else {
        print(&report, seconds, cli.global.quiet, &mut out)?;
    }
    out.finish()?;
    if wrong > 0 {
        bail!("{} found", counted(wrong, "problem"));
    }
    Ok(())
}

/// The index, with what has been recorded since it was last asked; a missing one is built, and one that
/// cannot be used is what is looked for.
fn index_of(site: &Site) -> Result<Result<Index, IndexError>, OpenError> {
    match Archive::open(&site.place, NoIndex::BuildMissing) {
        Ok(archive) => Ok(Ok(archive.index)),
        Err(OpenError::Index(e)) => Ok(Err(e)),
        Err(e) => Err(e),
    }
}

fn print(report: &VerifyReport, seconds: f64, quiet: bool, out: &mut Printer) -> anyhow::Result<()> {
    for f in &report.findings {
        let path = plain(&f.path.display().to_string());
        out.print(&format!("{:<16} {path}: {}\n", f.kind.name(), plain(&f.detail)))?;
    }
    if !quiet {
        let (all, read) = (report.recordings, report.read);
        // Of a sample too: what is waited for is the walk past the names.
        let per_s = all as f64 / seconds.max(1e-3);
        let (all, bytes) = (counted(all, "recording"), size(report.bytes));
        remark(format_args!("{all}, {read} read whole ({bytes}) in {seconds:.1} s ({per_s:.0} a second)"));
    }
    Ok(())
}
