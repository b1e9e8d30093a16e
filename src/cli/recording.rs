//! Arguments of the commands that record, and of those that are about the program itself.

use super::global::Global;
use clap::Args;
use std::path::PathBuf;

/// `nauhuri record`
#[derive(Args, Clone, Debug, Default)]
pub struct RecordArgs {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri replay`
#[derive(Args, Clone, Debug, Default)]
pub struct ReplayArgs {
    /// Folder for the recordings [default: storage.dir]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print the summary as one JSON object
    #[arg(long)]
    pub json: bool,
    /// Threads that decode and write; 0: one per processor [default: limits.workers]
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,
    /// Capture files (pcap, pcapng), merged by their timestamps; - reads standard input
    #[arg(required = true, value_name = "PCAP")]
    pub captures: Vec<PathBuf>,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri check`
#[derive(Args, Clone, Debug, Default)]
pub struct CheckArgs {
    /// Also check what `nauhuri record` needs: an interface that this machine has
    #[arg(long)]
    pub record: bool,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri manual`
#[derive(Args, Clone, Debug, Default)]
pub struct ManualArgs {
    /// Folder for the pages (man1/) and the completions
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri decode-worker`
#[derive(Args, Clone, Debug, Default)]
pub struct DecodeWorkerArgs {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}
