//! What the commands that change the store share: opening it, finding what is
//! meant, saying what became of it.

use super::archive::{Opened, Site};
use super::output::{self, remark};
use super::usage::Usage;
use crate::archive::Archive;
use crate::archive::index::Row;
use crate::cli::Cli;
use crate::cli::search::SearchArgs;
use crate::custody::edit::Amended;
use crate::custody::keeper::Keeper;
use anyhow::bail;
use std::fmt::Write;

/// Recordings that are named one by one; of more only the count is told.
const NAMED: usize = 50;

/// A deletion that did not meet what it was for.
pub const NO_AUDIO: &str = "no audio was found under its name: its metadata is deleted, its audio may lie elsewhere; \
    `nauhuri verify` tells of audio without metadata";

/// The store, open for change, and the recordings that are meant.
pub struct Task {
    /// Where it is.
    pub site: Site,
    /// Who changes it.
    pub keeper: Keeper,
    /// What is meant, by the time of the answer.
    pub rows: Vec<Row>,
}

/// Opens the store and finds what is meant.
///
/// # Errors
/// [`Usage`] where nothing is asked for: no command that changes recordings takes
/// that for all of them. An unknown id, a search that finds nothing.
pub fn task(cli: &Cli, search: &SearchArgs) -> anyhow::Result<Task> {
    if search.is_empty() {
        return Err(Usage("which recordings? Give ids or a search (see --help)".into()).into());
    }
    let archive = Opened::open(cli)?;
    let rows = archive.find_rows(search)?;
    if rows.is_empty() {
        bail!("no recording matches");
    }
    let (site, keeper) = split(archive);
    Ok(Task { site, keeper, rows })
}

/// Opens the store for change.
///
/// # Errors
/// See [`Opened::open`].
pub fn open(cli: &Cli) -> anyhow::Result<(Site, Keeper)> {
    Ok(split(Opened::open(cli)?))
}

/// An open store, to be changed.
pub fn split(opened: Opened) -> (Site, Keeper) {
    let Opened { site, store, index } = opened;
    let keeper = Keeper::new(Archive { store, index }, site.audit());
    (site, keeper)
}

/// Says on standard error what did not fail and should be known.
pub fn warn(keeper: &mut Keeper) {
    if let Some(trouble) = keeper.take_warning() {
        remark(format_args!("nauhuri: warning: {trouble}"));
    }
}

/// Prints what an edit came to.
///
/// # Errors
/// Something was refused or failed: named, exit status 1.
pub fn report(keeper: &mut Keeper, amended: &Amended, done: &str, already: &str) -> anyhow::Result<()> {
    warn(keeper);
    let mut text = String::new();
    for (ids, word) in [(&amended.made, done), (&amended.not, already)] {
        // A String takes everything.
        for id in ids.iter().take(NAMED) {
            let _ = writeln!(text, "{id} {word}");
        }
        if ids.len() > NAMED {
            let _ = writeln!(text, "and {} more {word}", ids.len() - NAMED);
        }
    }
    output::print(&text)?;
    let mut wrong: Vec<String> = amended.refused.iter().map(|(id, why)| format!("{id}: {why}")).collect();
    wrong.extend(amended.failed.iter().map(|(id, why)| format!("{id}: {why}")));
    wrong_ones(wrong)
}

/// An error that names what went wrong, one line each.
///
/// # Errors
/// Where there is any.
pub fn wrong_ones(mut wrong: Vec<String>) -> anyhow::Result<()> {
    let more = wrong.len().saturating_sub(NAMED);
    wrong.truncate(NAMED);
    if more > 0 {
        wrong.push(format!("and {more} more"));
    }
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("\n")) }
}
