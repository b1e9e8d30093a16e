//! Arguments of `nauhuri training`: anonymised copies.

use super::global::Global;
use super::search::id;
use crate::archive::search::IdPart;
use crate::custody::training::parse_span;
use crate::store::training::{MaskedSpan, SideChange};
use clap::{Args, Subcommand};
use uuid::Uuid;

/// `nauhuri training`
#[derive(Args, Clone, Debug)]
pub struct TrainingArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: TrainingCommand,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri training ...`
#[derive(Clone, Debug, Subcommand)]
pub enum TrainingCommand {
    /// Make an anonymised copy of a recording: voices altered, identifying parts masked
    ///
    /// Numbers, names and times are not copied. Listen to the copy before others do: only a person can judge
    /// what the words give away. The copy is deleted with its recording.
    #[command(after_help = "\
Examples:
  nauhuri training make 1a2b3c4d --title 'A caller in a hurry' --beep 12-15.5 --beep 40-42:customer
  nauhuri training make 1a2b3c4d --title 'Closing a call' --customer dropped --start 120 --end 180")]
    Make(Box<MakeArgs>),
    /// List the copies, newest first
    #[command(after_help = "Examples:\n  nauhuri training list\n  nauhuri training list --json")]
    List {
        /// Print an array
        #[arg(long)]
        json: bool,
        /// Options of every command.
        #[command(flatten)]
        global: Box<Global>,
    },
    /// Remove a copy; its recording stays
    #[command(after_help = "Example:\n  nauhuri training remove 01990000-0000-7000-8000-000000000000")]
    Remove {
        /// Id of the copy
        #[arg(value_name = "ID")]
        id: Uuid,
        /// Options of every command.
        #[command(flatten)]
        global: Box<Global>,
    },
}

/// `nauhuri training make`
#[derive(Args, Clone, Debug)]
pub struct MakeArgs {
    /// The recording
    #[arg(value_name = "ID", value_parser = id)]
    pub id: IdPart,
    /// What it is about; no names or numbers
    #[arg(long, value_name = "TEXT")]
    pub title: String,
    /// What to do with the customer's side
    #[arg(long, value_enum, value_name = "CHANGE", default_value = "altered")]
    pub customer: SideChange,
    /// What to do with the agent's side
    #[arg(long, value_enum, value_name = "CHANGE", default_value = "altered")]
    pub agent: SideChange,
    /// From this second of the recording on
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub start: Option<f64>,
    /// Up to this second of the recording
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub end: Option<f64>,
    /// Seconds of the recording to silence, such as 12-15.5, or 12-15.5:agent for one side; may be repeated
    #[arg(long, value_name = "SPAN", value_parser = silent)]
    pub silence: Vec<MaskedSpan>,
    /// The same, replaced by a tone
    #[arg(long, value_name = "SPAN", value_parser = beeped)]
    pub beep: Vec<MaskedSpan>,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

impl TrainingCommand {
    pub(super) fn global(&self) -> &Global {
        match self {
            TrainingCommand::Make(args) => &args.global,
            TrainingCommand::List { global, .. } | TrainingCommand::Remove { global, .. } => global,
        }
    }
}

const NO_SPAN: &str = "no span of seconds such as 12-15.5 or 12-15.5:agent";

fn silent(text: &str) -> Result<MaskedSpan, &'static str> {
    parse_span(text, false).ok_or(NO_SPAN)
}

fn beeped(text: &str) -> Result<MaskedSpan, &'static str> {
    parse_span(text, true).ok_or(NO_SPAN)
}

fn seconds(text: &str) -> Result<f64, &'static str> {
    let seconds = text.parse::<f64>().ok().filter(|s| s.is_finite() && *s >= 0.0);
    seconds.ok_or("seconds from the answer, such as 12 or 12.5")
}
