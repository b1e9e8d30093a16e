//! Arguments of the commands that speak with the running recorder.

use super::global::Global;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Shortest and longest time between two looks of `nauhuri top`, seconds.
const INTERVAL_S: std::ops::RangeInclusive<f64> = 0.2..=3600.0;

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

/// `nauhuri top`
#[derive(Args, Clone, Debug)]
pub struct TopArgs {
    /// Seconds between two looks, 0.2 to 3600; rates are over this time
    #[arg(short = 'd', long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    pub interval: Duration,
    /// Print one snapshot and end, as it does without a terminal
    #[arg(long)]
    pub once: bool,
    /// Print one snapshot as a JSON object
    #[arg(long)]
    pub json: bool,
    /// Which recorder.
    #[command(flatten)]
    pub recorder: RecorderArgs,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

fn interval(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if INTERVAL_S.contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(format!("{} to {} seconds are possible", INTERVAL_S.start(), INTERVAL_S.end()))
    }
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

/// `nauhuri reload`
#[derive(Args, Clone, Debug, Default)]
pub struct ReloadArgs {
    /// Print one JSON object: whether it was taken, changed keys, problems
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
