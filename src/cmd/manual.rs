//! `nauhuri manual`: man pages and completions from the command line's own definition.

use crate::cli::{Cli, ManualArgs};
use anyhow::Context;
use clap::CommandFactory;
use clap_complete::{Shell, generate_to};

/// Writes `DIR/man1/*.1` and completions for bash, zsh and fish.
///
/// # Errors
/// The folder cannot be written.
pub fn run(_cli: &Cli, args: &ManualArgs) -> anyhow::Result<()> {
    let man = args.out.join("man1");
    std::fs::create_dir_all(&man).with_context(|| format!("{}: cannot be made", man.display()))?;
    clap_mangen::generate_to(Cli::command(), &man).with_context(|| format!("{}", man.display()))?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut Cli::command(), "nauhuri", &args.out)
            .with_context(|| format!("{}", args.out.display()))?;
    }
    Ok(())
}
