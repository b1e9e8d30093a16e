//! `nauhuri erase`: audio and metadata before their time.

use super::keep::{self, NO_AUDIO, Task};
use super::output;
use crate::archive::index::Row;
use crate::cli::Cli;
use crate::cli::keeping::EraseArgs;
use crate::custody::audit::{Action, Draft, Why, facts};
use anyhow::bail;
use std::fmt::Write;

/// Recordings that are shown before anything is done.
const SHOWN: usize = 50;

/// Erases what is meant, without `--yes` shows what would go, or writes down a refusal.
///
/// # Errors
/// An unknown id; something is held and stays untouched; `--yes` is missing.
pub fn run(cli: &Cli, args: &EraseArgs) -> anyhow::Result<()> {
    let Task { site, mut keeper, rows } = keep::task(cli, &args.search)?;
    if args.refuse.is_some() {
        let why = Why { reason: Some(args.reason.clone()), basis: args.refuse.clone(), ..Why::default() };
        keeper.refuse_erasure(&rows, why, args.search.for_audit(), &site.by)?;
        keep::warn(&mut keeper);
        let said = |row: &Row| format!("{} kept: the refusal is in the audit log\n", row.id);
        return Ok(output::print(&rows.iter().map(said).collect::<String>())?);
    }
    if !args.yes {
        let shown = rows.iter().take(SHOWN).map(|row| row.id);
        let draft = Draft::new(Action::ErasePreview).on(shown).found_by(args.search.for_audit());
        keeper.append_audit(&site.by, draft.detail(facts! { Count: rows.len() }))?;
        let mut text = String::new();
        for row in rows.iter().take(SHOWN) {
            let held = if row.held { "  held: stays" } else { "" };
            let service = row.service.as_deref().unwrap_or("-");
            // A String takes everything.
            let _ = writeln!(text, "{}  {}  {service}{held}", row.id, row.answered_at);
        }
        if rows.len() > SHOWN {
            let _ = writeln!(text, "and {} more", rows.len() - SHOWN);
        }
        output::print(&text)?;
        let going = rows.iter().filter(|row| !row.held).count();
        bail!("nothing was erased; --yes erases {going} for good");
    }
    let erased = keeper.erase(&rows, &args.reason, args.search.for_audit(), &site.by)?;
    keep::warn(&mut keeper);
    output::print(&erased.gone.iter().map(|(id, _)| format!("{id} erased\n")).collect::<String>())?;
    let held = erased.held.iter().map(|id| format!("{id}: held, and not touched"));
    let failed = erased.failed.iter().map(|(id, why)| format!("{id}: {why}"));
    let silent = erased.silent.iter().map(|id| format!("{id}: {NO_AUDIO}"));
    let already = erased.already.iter().map(|id| format!("{id}: deleted by somebody else this moment"));
    keep::wrong_ones(held.chain(failed).chain(silent).chain(already).collect())
}
