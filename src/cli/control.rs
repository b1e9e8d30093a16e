//! Arguments of the commands that speak with the running recorder.

use super::global::Global;
use clap::Args;
use std::path::PathBuf;

/// `nauhuri calls`
#[derive(Args, Clone, Debug, Default)]
pub struct CallsArgs {
    /// Print one JSON array
    #[arg(long)]
    pub json: bool,
    /// Which recorder.
    #[command(flatten)]
    pub recorder: RecorderArgs,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri pause`
#[derive(Args, Clone, Debug, Default)]
pub struct PauseArgs {
    /// UUID of the recording, its last 8 hex digits, or the agent's id where the agent has one call
    #[arg(value_name = "CALL")]
    pub call: String,
    /// Resume the recording
    #[arg(long)]
    pub resume: bool,
    /// Print one JSON object: the call's new state
    #[arg(long)]
    pub json: bool,
    /// Which recorder.
    #[command(flatten)]
    pub recorder: RecorderArgs,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// Which recorder is meant.
#[derive(Args, Clone, Debug, Default)]
pub struct RecorderArgs {
    /// The recorder's local socket, instead of control.socket; no configuration is read then
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
}
