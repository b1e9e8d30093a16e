//! One file per subcommand, and what they share: configuration, standard output, exit status.

pub mod archive;
pub mod check;
pub mod manual;
pub mod output;
pub mod record;
pub mod replay;
pub mod settings;

use crate::cli::{Cli, Command};
use crate::config::ConfigError;
use std::io;

/// Does what the command line asks for.
///
/// # Errors
/// What went wrong, for [`exit_code`] and a line on standard error.
pub fn run(cli: &Cli) -> anyhow::Result<()> {
    match &cli.command {
        Command::Record(args) => record::run(cli, args),
        Command::Replay(args) => replay::run(cli, args),
        Command::Check(args) => check::run(cli, args),
        Command::Manual(args) => manual::run(cli, args),
    }
}

/// Exit status of an error: 2 where the command line or the configuration is wrong, else 1.
///
/// A reader that left (`nauhuri check | head`) is no error: 0.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if error.chain().any(|e| e.is::<ConfigError>()) {
        return 2;
    }
    let left = |e: &io::Error| e.kind() == io::ErrorKind::BrokenPipe;
    if error.chain().filter_map(|e| e.downcast_ref::<output::Stdout>()).any(|e| left(&e.0)) {
        return 0;
    }
    1
}
