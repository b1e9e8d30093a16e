//! `nauhuri repair`: what `verify` finds and can be mended without loss.

use super::{keep, output};
use crate::cli::Cli;
use crate::cli::reading::RepairArgs;
use crate::daemon::notices::counted;
use serde_json::json;

/// Mends owners, modes and the index.
///
/// # Errors
/// Something could not be mended: only root gives away files of others.
pub fn run(cli: &Cli, args: &RepairArgs) -> anyhow::Result<()> {
    let (site, mut keeper) = keep::open(cli)?;
    let mended = keeper.mend(&site.by)?;
    keep::warn(&mut keeper);
    let text = match args.json {
        true => {
            let value = json!({
                "owners": mended.owners, "modes": mended.modes, "indexed": mended.indexed,
                "failed": mended.failed_total,
            });
            output::json(&value)?
        }
        false => format!(
            "{} given back to their owner\n{} set to their mode\n{} taken into the index\n",
            counted(mended.owners, "file"),
            counted(mended.modes, "file"),
            counted(mended.indexed, "recording")
        ),
    };
    output::print(&text)?;
    let mut wrong: Vec<String> =
        mended.failed.iter().map(|(path, why)| format!("{}: {why}", path.display())).collect();
    if mended.failed_total > 0 {
        wrong.push(format!("{} could not be mended; run it as root", counted(mended.failed_total, "file")));
    }
    keep::wrong_ones(wrong)
}
