//! `nauhuri reindex`: the index made anew from the files.

use super::archive::Place;
use crate::cli::Cli;
use crate::cli::reading::ReindexArgs;
use crate::store::audit::{Action, Draft};
use crate::store::index::rebuild;
use crate::store::layout::{State, Walk};
use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// What it says.
const TEMPLATE: &str = "[{bar:30}] {human_pos}/{human_len} recordings, {per_sec:.0}, {eta} to go";
/// How often the display moves.
const TICK: Duration = Duration::from_millis(200);

/// Builds the index and says what came of it.
///
/// # Errors
/// A folder that cannot be read; sidecars that could not be, once the index of
/// the others stands.
pub fn run(cli: &Cli, _args: &ReindexArgs) -> anyhow::Result<()> {
    let place = Place::find(cli)?;
    place.note(Draft::new(Action::Reindex))?;
    let bar = bar(cli);
    let started = Instant::now();
    if !bar.is_hidden() {
        // Names are read fast; so it can be said how long the rest will take.
        let finished = Walk::new(&place.root).flatten().filter(|f| f.state() == State::Finished);
        bar.set_length(finished.count() as u64);
        bar.reset_eta();
    }
    let built = rebuild(&place.root, &place.state, &mut |n| bar.set_position(n));
    bar.finish_and_clear();
    let built = built?;
    if !cli.global.quiet {
        let seconds = started.elapsed().as_secs_f64();
        let per_s = built.recordings as f64 / seconds.max(1e-3);
        eprintln!("{} recordings indexed in {seconds:.1} s ({per_s:.0} a second)", built.recordings);
        if built.buried > 0 {
            eprintln!("{} were deleted before and are left out; the next sweep removes them", built.buried);
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

/// How far a walk through the store is, on a terminal only.
pub(super) fn bar(cli: &Cli) -> ProgressBar {
    if cli.global.quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    // The template is ours; one that is wrong costs its looks only.
    bar.set_style(ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(TICK);
    bar
}
