//! Arguments of `nauhuri dsar`: the requests of data subjects.

use super::global::Global;
use super::search::{SearchArgs, id};
use crate::archive::search::IdPart;
use crate::config::Language;
use crate::custody::amend::stated_number;
use crate::custody::audit::MAX_TEXT;
use crate::custody::dsar::{CarryOut, ContactChannel, LetterKind, RequestOutcome, SubjectRight};
use crate::id::Channel;
use crate::pii::Pii;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use std::path::PathBuf;

/// `nauhuri dsar`
#[derive(Args, Clone, Debug)]
pub struct DsarArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: DsarCommand,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri dsar ...`
#[derive(Clone, Debug, Subcommand)]
pub enum DsarCommand {
    /// Enter a request; it is due a month after it was received
    ///
    /// Name and address are read from standard input, not from the command line, which others can see:
    /// the name from the first line, the address from the lines after it.
    #[command(after_help = "\
Examples:
  nauhuri dsar add --right access --received 2026-11-23 --channel letter --ref 17/2026 --own-number +358401234567 1a2b3c4d < person
  nauhuri dsar add --right erase --received 2026-11-23 --channel email --ref 18/2026 --ask-identity < person")]
    Add(Box<DsarAddArgs>),
    /// List open requests, earliest deadline first
    #[command(after_help = "Examples:\n  nauhuri dsar list\n  nauhuri dsar list --all --json")]
    List {
        /// Also decided requests, newest first
        #[arg(long)]
        all: bool,
        /// Print an array
        #[arg(long)]
        json: bool,
        /// Options of every command.
        #[command(flatten)]
        global: Box<Global>,
    },
    /// Show everything about one request
    #[command(after_help = "Examples:\n  nauhuri dsar show 4\n  nauhuri dsar show 4 --json")]
    Show {
        /// Number of the request
        #[arg(value_name = "N")]
        n: i64,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
        /// Options of every command.
        #[command(flatten)]
        global: Box<Global>,
    },
    /// Record how the identity was checked, or which recordings the request is about
    #[command(after_help = "\
Examples:
  nauhuri dsar change 4 --identity 'passport, shown at the desk'
  nauhuri dsar change 4 --ask-identity
  nauhuri dsar change 4 --recording 1a2b3c4d")]
    Change {
        /// Number of the request
        #[arg(value_name = "N")]
        n: i64,
        /// How the identity was checked
        #[arg(long, value_name = "HOW", value_parser = text)]
        identity: Option<String>,
        /// The person has been asked to prove it
        #[arg(long, conflicts_with = "identity")]
        ask_identity: bool,
        /// A recording that the request is about; may be repeated
        #[arg(long, value_name = "ID", value_parser = id)]
        recording: Vec<IdPart>,
        /// Options of every command.
        #[command(flatten)]
        global: Box<Global>,
    },
    /// Extend the month by one or two more, before its last day is over
    #[command(
        after_help = "Example:\n  nauhuri dsar extend 4 --months 2 --why 'Forty recordings have to be heard.'"
    )]
    Extend {
        /// Number of the request
        #[arg(value_name = "N")]
        n: i64,
        /// Months in addition to the first
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=2))]
        months: u8,
        /// Why; the person is told
        #[arg(long, value_name = "TEXT", value_parser = text)]
        why: String,
        /// Options of every command.
        #[command(flatten)]
        global: Box<Global>,
    },
    /// Decide a request, and carry out the decision
    ///
    /// A request for erasure that is granted erases its recordings, one for restriction restricts them. Where a hold
    /// forbids the erasure it can be deferred; it comes up again when the hold ends.
    #[command(after_help = "\
Examples:
  nauhuri dsar decide 4 --outcome granted --yes
  nauhuri dsar decide 4 --outcome refused --ground 'GDPR Art. 17(3)(b)' --why 'The statutory period runs until 2027.'
  nauhuri dsar decide 4 --outcome deferred --ground 'GDPR Art. 17(3)(e)'")]
    Decide(Box<DsarDecideArgs>),
    /// Make the copy for the person: audio, metadata in their language, who listened
    #[command(after_help = "\
Examples:
  nauhuri dsar copy 4 --to /media/usb
  nauhuri dsar copy 4 --to out --silence agent --without-names --leave-out 4711")]
    Copy {
        /// Number of the request
        #[arg(value_name = "N")]
        n: i64,
        /// Folder for the zip
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        /// Replace this party's channel with silence
        #[arg(long, value_enum, value_name = "PARTY")]
        silence: Option<Channel>,
        /// Leave out the names of those who listened
        #[arg(long)]
        without_names: bool,
        /// Number of an audit log entry to leave out; may be repeated
        #[arg(long, value_name = "SEQ")]
        leave_out: Vec<u64>,
        /// Options of every command.
        #[command(flatten)]
        global: Box<Global>,
    },
    /// Print a letter to the person, in their language, from the controller in the configuration
    #[command(after_help = "\
Examples:
  nauhuri dsar letter 4 --kind receipt
  nauhuri dsar letter 4 --kind certificate > certificate.txt")]
    Letter {
        /// Number of the request
        #[arg(value_name = "N")]
        n: i64,
        /// Which letter
        #[arg(long, value_enum, value_name = "KIND")]
        kind: LetterKind,
        /// Options of every command.
        #[command(flatten)]
        global: Box<Global>,
    },
}

/// `nauhuri dsar add`
#[derive(Args, Clone, Debug)]
pub struct DsarAddArgs {
    /// The right that is exercised
    #[arg(long, value_enum, value_name = "RIGHT")]
    pub right: SubjectRight,
    /// The day it was received
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub received: Date,
    /// How it was received
    #[arg(long, value_enum, value_name = "CHANNEL")]
    pub channel: ContactChannel,
    /// The case number; not a name
    #[arg(long = "ref", value_name = "CASE", value_parser = text)]
    pub case: String,
    /// Language of the letters
    #[arg(long, value_enum, value_name = "LANGUAGE", default_value = "fi")]
    pub language: Language,
    /// The number the person called from: only a keyed hash is kept, to know whether they have asked before
    #[arg(long = "own-number", value_name = "NUMBER", value_parser = own_number)]
    pub own_number: Option<Pii<String>>,
    /// How the identity was checked
    #[arg(long, value_name = "HOW", value_parser = text)]
    pub identity: Option<String>,
    /// The person has been asked to prove it
    #[arg(long, conflicts_with = "identity")]
    pub ask_identity: bool,
    /// Which recordings it is about; may be named later.
    #[command(flatten)]
    pub search: SearchArgs,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri dsar decide`
#[derive(Args, Clone, Debug)]
pub struct DsarDecideArgs {
    /// Number of the request
    #[arg(value_name = "N")]
    pub n: i64,
    /// How it is decided
    #[arg(long, value_enum, value_name = "OUTCOME")]
    pub outcome: RequestOutcome,
    /// Legal ground of a refusal or a postponement
    #[arg(long, value_name = "LAW", value_parser = text)]
    pub ground: Option<String>,
    /// Reasons, as text for the letter
    #[arg(long, value_name = "TEXT", value_parser = text)]
    pub why: Option<String>,
    /// What to do with the recordings [default: what was asked for]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub carry_out: Option<CarryOut>,
    /// If granted in part: a recording for which it is granted; may be repeated
    #[arg(long, value_name = "ID", value_parser = id)]
    pub recording: Vec<IdPart>,
    /// Erase, if the decision says so
    #[arg(long)]
    pub yes: bool,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

impl DsarCommand {
    pub(super) fn global(&self) -> &Global {
        match self {
            DsarCommand::Add(args) => &args.global,
            DsarCommand::Decide(args) => &args.global,
            DsarCommand::List { global, .. }
            | DsarCommand::Show { global, .. }
            | DsarCommand::Change { global, .. }
            | DsarCommand::Extend { global, .. }
            | DsarCommand::Copy { global, .. }
            | DsarCommand::Letter { global, .. } => global,
        }
    }
}

fn day(text: &str) -> Result<Date, &'static str> {
    text.parse().map_err(|_| "not a date such as 2026-11-23")
}

fn own_number(text: &str) -> Result<Pii<String>, &'static str> {
    stated_number(text)
        .filter(|n| !n.as_str().is_empty())
        .ok_or("not a telephone number such as +358401234567")
}

fn text(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err("must not be empty".into()),
        1..=MAX_TEXT => Ok(text.into()),
        _ => Err(format!("at most {MAX_TEXT} characters")),
    }
}
