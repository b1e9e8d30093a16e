//! Arguments of `nauhuri doctor`.

use super::global::Global;
use clap::Args;
use std::path::PathBuf;

/// `nauhuri doctor`
#[derive(Args, Clone, Debug, Default)]
pub struct DoctorArgs {
    /// Listen to this interface; may be repeated [default: capture.interface]
    #[arg(long, value_name = "I", conflicts_with = "captures")]
    pub interface: Vec<String>,
    /// How long to listen; Ctrl-C ends it early
    #[arg(long, value_name = "N", default_value_t = 30, conflicts_with = "captures",
          value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub seconds: u32,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Look at capture files (pcap, pcapng) instead; - reads standard input
    #[arg(value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}
