//! Arguments of the commands that look at the store and change no recording.

use super::entries::one_of;
use super::global::Global;
use super::search::{CallArgs, SearchArgs, id};
use crate::archive::search::IdPart;
use crate::store::register::RegisterReason;
use clap::Args;
use std::path::PathBuf;

/// `nauhuri list`
#[derive(Args, Clone, Debug, Default)]
pub struct ListArgs {
    /// Which recordings.
    #[command(flatten)]
    pub search: SearchArgs,
    /// Only the newest N
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Print an array of sidecars, each with its state
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print comma-separated values with a header (RFC 4180)
    #[arg(long)]
    pub csv: bool,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri unrecorded`
#[derive(Args, Clone, Debug, Default)]
pub struct UnrecordedArgs {
    /// Of which time, service and number, the caller's or the called one.
    #[command(flatten)]
    pub calls: CallArgs,
    /// Why, as in nauhuri_calls_unrecorded_total and nauhuri_recordings_failed_total
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub reason: Option<RegisterReason>,
    /// Print one JSON array
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print comma-separated values with a header (RFC 4180)
    #[arg(long)]
    pub csv: bool,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// Why a call was not recorded: a mistyped reason must not look like no call had it.
fn reason(text: &str) -> Result<RegisterReason, String> {
    one_of("reason", RegisterReason::ALL, text)
}

/// `nauhuri show`
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// UUID, or the 8 hex digits at the end of a file's name
    #[arg(value_name = "ID", value_parser = id)]
    pub id: IdPart,
    /// Print one JSON object: the sidecar with state, path and audit entries
    #[arg(long)]
    pub json: bool,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri verify`
#[derive(Args, Clone, Debug, Default)]
pub struct VerifyArgs {
    /// Read only N recordings, taken at random; names are looked at in any case
    #[arg(long, value_name = "N")]
    pub sample: Option<usize>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri reconcile`
#[derive(Args, Clone, Debug)]
pub struct ReconcileArgs {
    /// The exchange's list of calls (CSV); - reads standard input
    #[arg(long, value_name = "FILE")]
    pub cdr: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri repair`
#[derive(Args, Clone, Debug, Default)]
pub struct RepairArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri reindex`
#[derive(Args, Clone, Debug, Default)]
pub struct ReindexArgs {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri forecast`
#[derive(Args, Clone, Debug, Default)]
pub struct ForecastArgs {
    /// How far to look ahead
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub days: u16,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}
