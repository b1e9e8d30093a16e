//! Arguments of `nauhuri probe`.

use super::global::Global;
use clap::Args;

/// `nauhuri probe`
#[derive(Args, Clone, Debug, Default)]
pub struct ProbeArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}
