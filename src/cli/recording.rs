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
    /// Take over from the recorder that runs, without cutting a call: it records what it has to its end, this one
    /// what begins. Where none runs, this one starts as usual
    #[arg(long)]
    pub take_over: bool,
    /// Keep calls through restarts of the service: the recorder is a process of its own, which takes over from the one
    /// before it, and which a restart by systemd leaves to the one after it
    #[arg(long, conflicts_with = "take_over")]
    pub keep_calls: bool,
    /// For the unit: end what is left of a service that systemd has stopped
    #[arg(long, hide = true, conflicts_with_all = ["take_over", "keep_calls"])]
    pub after_stop: bool,
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
