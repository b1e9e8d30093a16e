//! Arguments of the commands that change what becomes of recordings, and of the audit log.

use super::entries::EntryArgs;
use super::global::Global;
use super::search::SearchArgs;
use crate::custody::amend::stated_number;
use crate::custody::audit::{Link, MAX_TEXT, is_hex};
use crate::id::Channel;
use crate::pii::Pii;
use crate::store::cases::HoldReason;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `nauhuri hold`
#[derive(Args, Clone, Debug)]
pub struct HoldArgs {
    /// Which recordings.
    #[command(flatten)]
    pub search: SearchArgs,
    /// Why they are kept
    #[arg(long, value_enum, value_name = "REASON", required_unless_present = "review")]
    pub reason: Option<HoldReason>,
    /// The case number; not a name
    #[arg(long = "ref", value_name = "CASE", value_parser = non_empty, required_unless_present = "review")]
    pub case: Option<String>,
    /// Confirm that a hold is still needed: the one of --ref, or the only one
    #[arg(long, conflicts_with = "reason")]
    pub review: bool,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri release`
#[derive(Args, Clone, Debug)]
pub struct ReleaseArgs {
    /// Which recordings.
    #[command(flatten)]
    pub search: SearchArgs,
    /// The case whose hold ends; needed where several hold a recording
    #[arg(long = "ref", value_name = "CASE", value_parser = non_empty)]
    pub case: Option<String>,
    /// Release even if the next sweep then deletes the recording
    #[arg(long)]
    pub yes: bool,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri restrict`, `nauhuri unrestrict`
#[derive(Args, Clone, Debug)]
pub struct RestrictArgs {
    /// Which recordings.
    #[command(flatten)]
    pub search: SearchArgs,
    /// The case number; not a name
    #[arg(long = "ref", value_name = "CASE", value_parser = non_empty)]
    pub case: String,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri redecode`
#[derive(Args, Clone, Debug)]
pub struct RedecodeArgs {
    /// Which recordings.
    #[command(flatten)]
    pub search: SearchArgs,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri amend`
#[derive(Args, Clone, Debug)]
pub struct AmendArgs {
    /// Which recordings.
    #[command(flatten)]
    pub search: SearchArgs,
    /// The case number; not a name
    #[arg(long = "ref", value_name = "CASE", value_parser = non_empty)]
    pub case: String,
    /// Id of the agent who spoke; empty: not known
    #[arg(long, value_name = "ID", value_parser = short)]
    pub set_agent: Option<String>,
    /// The agent's name; empty: not known
    #[arg(long, value_name = "NAME", value_parser = short)]
    pub set_agent_name: Option<String>,
    /// The customer's number, of which no more is kept than the service allows; empty: not known
    #[arg(long, value_name = "NUMBER", value_parser = customers_number)]
    pub set_number: Option<Pii<String>>,
    /// What completes the record, such as a statement of the person recorded
    #[arg(long, value_name = "TEXT", value_parser = non_empty)]
    pub note: Option<String>,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri erase`
#[derive(Args, Clone, Debug)]
pub struct EraseArgs {
    /// Which recordings.
    #[command(flatten)]
    pub search: SearchArgs,
    /// Why; kept in the audit log, so give a case number and not a name
    #[arg(long, value_name = "TEXT", value_parser = non_empty)]
    pub reason: String,
    /// Erase; without this option, only show what would be erased
    #[arg(long)]
    pub yes: bool,
    /// Erase nothing, and record that the request is refused on this legal ground
    #[arg(long, value_name = "LAW", value_parser = non_empty, conflicts_with = "yes")]
    pub refuse: Option<String>,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri export`
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    /// Which recordings.
    #[command(flatten)]
    pub search: SearchArgs,
    /// Folder for the copies
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = non_empty)]
    pub reason: String,
    /// Who gets them
    #[arg(long, value_name = "WHO", value_parser = non_empty)]
    pub recipient: Option<String>,
    /// By which law
    #[arg(long, value_name = "LAW", value_parser = non_empty)]
    pub basis: Option<String>,
    /// From this second of the recording on
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub start: Option<f64>,
    /// Up to this second of the recording
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub end: Option<f64>,
    /// Replace this party's channel with silence
    #[arg(long, value_enum, value_name = "PARTY")]
    pub silence: Option<Channel>,
    /// One zip file
    #[arg(long)]
    pub zip: bool,
    /// What a copy is made of; vCon is an Internet-Draft and will change
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ExportFormat::Files)]
    pub format: ExportFormat,
    /// vcon: leave the sound beside the vCon, which refers to it below this HTTPS address
    #[arg(long, value_name = "URL", value_parser = https)]
    pub media_url: Option<String>,
    /// vcon: sign with this RSA key (PEM), as JWS
    #[arg(long, value_name = "FILE", requires = "sign_certificate")]
    pub sign_key: Option<PathBuf>,
    /// vcon: the certificate of that key and of who issued it (PEM)
    #[arg(long, value_name = "FILE", requires = "sign_key")]
    pub sign_certificate: Option<PathBuf>,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// What `nauhuri export` makes of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// WAV, JSON and a text for people
    Files,
    /// One vCon (draft-ietf-vcon-vcon-core-03)
    Vcon,
}

/// `nauhuri expire`
#[derive(Args, Clone, Debug, Default)]
pub struct ExpireArgs {
    /// Only show what is due; delete nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// The clock is right: trust it from now on
    #[arg(long)]
    pub ignore_clock: bool,
    /// Delete even if far more is due than usual
    #[arg(long)]
    pub ignore_guard: bool,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri retention`
#[derive(Args, Clone, Debug)]
pub struct RetentionArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: RetentionCommand,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri retention ...`
#[derive(Clone, Debug, Subcommand)]
pub enum RetentionCommand {
    /// Apply the retention in the configuration to existing recordings of a service
    #[command(after_help = "\
Examples:
  nauhuri retention apply --service 116117
  nauhuri retention apply --service 116117 --yes")]
    Apply {
        /// Name of the service
        #[arg(long, value_name = "NAME")]
        service: String,
        /// Only show the effect (as without --yes, but with exit status 0)
        #[arg(long, conflicts_with = "yes")]
        dry_run: bool,
        /// Do it
        #[arg(long)]
        yes: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
        /// Options of every command.
        #[command(flatten)]
        global: Box<Global>,
    },
}

impl RetentionCommand {
    pub(super) fn global(&self) -> &Global {
        match self {
            RetentionCommand::Apply { global, .. } => global,
        }
    }
}

/// `nauhuri audit`
#[derive(Args, Clone, Debug)]
pub struct AuditArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: AuditCommand,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri audit ...`
#[derive(Clone, Debug, Subcommand)]
pub enum AuditCommand {
    /// Find entries that were changed, removed, inserted or cut off
    ///
    /// Says what it can exclude and what it cannot. What was noted elsewhere, such as in a
    /// journal that is collected on another machine, makes it certain: the service logs the
    /// newest entry and the key that signs with every sweep.
    #[command(after_help = "\
Examples:
  nauhuri audit verify
  nauhuri audit verify --head 4711:9f86d081884c7d65 --key KEY")]
    Verify {
        /// An entry seen elsewhere as the newest: its number and at least 13 digits of its hash; repeated: each of them
        #[arg(long, value_name = "SEQ:HASH", value_parser = head)]
        head: Vec<Link>,
        /// A key seen elsewhere that has signed this log, 64 digits; repeated: each of them
        #[arg(long, value_name = "KEY", value_parser = key)]
        key: Vec<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
        /// Options of every command.
        #[command(flatten)]
        global: Box<Global>,
    },
    /// Show entries: of these recordings, of this time, by this person, of this action
    ///
    /// --since and --until are those of the entries. --service, --agent and the like find
    /// recordings, and their entries are shown.
    #[command(after_help = "\
Examples:
  nauhuri audit show 1a2b3c4d
  nauhuri audit show --since 2026-11-01 --json
  nauhuri audit show --person kaisa --action export --action show --reason HEL-2026
  nauhuri audit show --recording 1a2b3c4d --since 2026-11-01 --until 2026-11-30 --csv")]
    Show {
        /// Which.
        #[command(flatten)]
        which: Box<EntryArgs>,
        /// Print an array of entries
        #[arg(long, conflicts_with = "csv")]
        json: bool,
        /// Print comma-separated values with a header (RFC 4180)
        #[arg(long)]
        csv: bool,
        /// Options of every command.
        #[command(flatten)]
        global: Box<Global>,
    },
}

impl AuditCommand {
    pub(super) fn global(&self) -> &Global {
        match self {
            AuditCommand::Verify { global, .. } | AuditCommand::Show { global, .. } => global,
        }
    }
}

/// `4711:9f86d081884c7d65`
fn head(text: &str) -> Result<Link, &'static str> {
    let parts = || {
        let (seq, hash) = text.split_once(':')?;
        let fits = (13..=64).contains(&hash.len()) && is_hex(hash);
        Some(Link { seq: seq.parse().ok().filter(|seq| fits && *seq > 0)?, hash: hash.to_owned() })
    };
    parts().ok_or("no number and hash of an entry such as 4711:9f86d081884c7d65")
}

fn key(text: &str) -> Result<String, &'static str> {
    let fits = text.len() == 64 && is_hex(text);
    fits.then(|| text.to_owned()).ok_or("no key of 64 digits from 0 to 9 and a to f")
}

/// A text that is not empty.
fn non_empty(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err("must not be empty".into()),
        1..=MAX_TEXT => Ok(text.into()),
        _ => Err(format!("at most {MAX_TEXT} characters")),
    }
}

/// A text that may be empty.
fn short(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Ok(String::new()) } else { non_empty(text) }
}

fn customers_number(text: &str) -> Result<Pii<String>, &'static str> {
    stated_number(text).ok_or("not a telephone number such as +358401234567")
}

/// An address below which files can be named.
fn https(text: &str) -> Result<String, &'static str> {
    let rest = text.strip_prefix("https://").unwrap_or_default();
    let fits = !rest.is_empty()
        && !rest.starts_with('/')
        && rest.bytes().all(|b| b.is_ascii_graphic() && !b"?#\"<>\\^`{|}".contains(&b));
    fits.then(|| text.to_owned()).ok_or("no address such as https://calls.example/17")
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().ok().filter(|s| s.is_finite() && *s >= 0.0);
    seconds.ok_or_else(|| "seconds from the answer, such as 12 or 12.5".into())
}
