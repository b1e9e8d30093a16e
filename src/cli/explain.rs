//! Arguments of `nauhuri explain`.

use super::global::Global;
use crate::explain::AskedCall;
use clap::Args;
use std::path::PathBuf;

/// `nauhuri explain`
#[derive(Args, Clone, Debug)]
pub struct ExplainArgs {
    /// Which call: its Call-ID or the hash of it, the id of a recording, a time at which it was under way (RFC 3339,
    /// "2026-11-23 08:15", 08:15:20), or all
    #[arg(value_name = "CALL|TIME")]
    pub call: AskedCall,
    /// Capture files (pcap, pcapng) to play; - reads standard input. Without any: what the store and the log say
    #[arg(value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,
    /// Read the technical log from this file instead of the journal; - reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "captures")]
    pub log: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}
