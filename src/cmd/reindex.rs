//! `nauhuri reindex`: the index made anew from the files.

use super::archive::Site;
use super::output::remark;
use crate::archive::index::rebuild;
use crate::cli::Cli;
use crate::cli::reading::ReindexArgs;
use crate::custody::audit::{Action, Draft};
use crate::daemon::notices::counted;
use crate::store::layout::{NameState, Walk};
use anyhow::bail;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use std::fmt::Write;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// What is said while the recordings are counted, and then.
const COUNTING: &str = "{spinner} counting the recordings";
const GOING: &str = "[{bar:30}] {human_pos} of {human_len} recordings, {rate}, {eta} to go";
/// How often the display moves.
const TICK: Duration = Duration::from_millis(200);

/// Builds the index and says what came of it.
///
/// # Errors
/// A folder that cannot be read; sidecars that could not be, once the index of
/// the others stands.
pub fn run(cli: &Cli, _args: &ReindexArgs) -> anyhow::Result<()> {
    let site = Site::find(cli)?;
    site.note(Draft::new(Action::Reindex))?;
    let bar = bar(cli);
    let started = Instant::now();
    if !bar.is_hidden() {
        // Names are read fast; so it can be said how long the rest will take.
        let finished = Walk::new(&site.root).flatten().filter(|f| f.state() == NameState::Finished);
        measured(&bar, finished.count() as u64);
    }
    let built = rebuild(&site.root, &site.state, &mut |n| bar.set_position(n));
    bar.finish_and_clear();
    let built = built?;
    if !cli.global.quiet {
        let seconds = started.elapsed().as_secs_f64();
        let per_s = built.recordings as f64 / seconds.max(1e-3);
        let indexed = counted(built.recordings, "recording");
        remark(format_args!("{indexed} indexed in {seconds:.1} s ({per_s:.0} a second)"));
        if built.buried > 0 {
            remark(format_args!(
                "{} were deleted before and are left out; the next sweep removes them",
                built.buried
            ));
        }
    }
    if built.unreadable_total > 0 {
        let told: Vec<String> = built.unreadable.iter().map(|p| p.display().to_string()).collect();
        bail!(
            "{} sidecars could not be read and are not in the index:\n{}",
            built.unreadable_total,
            told.join("\n")
        );
    }
    Ok(())
}

/// How far a walk through the store is, on a terminal only. At first nobody
/// knows how much there is: [`measured`] says so.
pub(super) fn bar(cli: &Cli) -> ProgressBar {
    if cli.global.quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    bar.set_style(style(COUNTING, ProgressStyle::default_spinner()));
    bar.enable_steady_tick(TICK);
    bar
}

/// From here on it goes to `total`.
pub(super) fn measured(bar: &ProgressBar, total: u64) {
    let rate = |state: &ProgressState, out: &mut dyn Write| {
        // What cannot be shown is missed by nobody.
        let _ = write!(out, "{:.0} a second", state.per_sec());
    };
    bar.set_style(style(GOING, ProgressStyle::default_bar()).with_key("rate", rate));
    bar.set_length(total);
    bar.reset();
}

/// The templates are ours; one that is wrong costs its looks only.
fn style(template: &str, or: ProgressStyle) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or(or)
}
