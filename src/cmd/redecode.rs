//! `nauhuri redecode`.

use super::decode_worker;
use super::keep::{self, Task};
use crate::cli::Cli;
use crate::cli::keeping::RedecodeArgs;
use crate::daemon::context::Context;

/// Makes the sound of what was kept of what is meant.
///
/// # Errors
/// An unknown id; a recording that nothing here can decode.
pub fn run(cli: &Cli, args: &RedecodeArgs) -> anyhow::Result<()> {
    let Task { site, mut keeper, rows } = keep::task(cli, &args.search)?;
    let context = Context::replaying(&site.config);
    context.decode_by(decode_worker::program(), &site.config.codecs);
    let decoders = context.decoders.get().cloned();
    let made = keeper.redecode(&rows, &decoders, &site.by)?;
    keep::report(&mut keeper, &made, "has its sound now", "has nothing to be decoded")
}
