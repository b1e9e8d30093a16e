//! The command line: subcommands, options, exit status.
//!
//! One definition, from which `--help`, the man pages and the completions come.
//! What a command does is in `cmd`, one file each.

#[cfg(feature = "room")]
pub mod accounts;
pub mod control;
pub mod doctor;
pub mod dsar;
pub mod entries;
pub mod explain;
mod global;
pub mod keeping;
pub mod notice;
pub mod probe;
pub mod reading;
pub mod recording;
pub mod report;
pub mod search;
pub mod setup;
pub mod training;

#[cfg(feature = "room")]
use accounts::{ServeArgs, UserArgs};
use control::{CallsArgs, PauseArgs, ReloadArgs, TopArgs};
use doctor::DoctorArgs;
use dsar::DsarArgs;
use explain::ExplainArgs;
pub use global::{Global, LogFormat};
use keeping::{
    AmendArgs, AuditArgs, EraseArgs, ExpireArgs, ExportArgs, HoldArgs, RedecodeArgs, ReleaseArgs,
    RestrictArgs, RetentionArgs,
};
use notice::NoticeArgs;
use probe::ProbeArgs;
use reading::{
    ForecastArgs, ListArgs, ReconcileArgs, ReindexArgs, RepairArgs, ShowArgs, UnrecordedArgs, VerifyArgs,
};
pub use recording::{CheckArgs, DecodeWorkerArgs, ManualArgs, RecordArgs, ReplayArgs};
use report::ReportArgs;
use setup::SetupArgs;
use training::TrainingArgs;

use clap::{Parser, Subcommand};

/// Where the configuration is looked for when `--config` is not given.
pub const DEFAULT_CONFIG: &str = "/etc/nauhuri/nauhuri.toml";

/// The whole command line.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "nauhuri",
    version,
    about = "Records the calls of a contact centre off the wire",
    long_about = "Records the calls of a contact centre off the wire: listens to SIP and RTP on a SPAN port and \
                  writes, for every call an agent answered, one stereo WAV (left the customer, right the agent) \
                  and one JSON beside it.",
    after_help = "Examples:\n  nauhuri replay --out recordings call.pcap\n  nauhuri check\n  nauhuri record --config /etc/nauhuri/nauhuri.toml",
    after_long_help = AFTER_LONG_HELP,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What stands below the long help and at the end of the man page.
const AFTER_LONG_HELP: &str = "\
Configuration, each layer over the one before: built-in defaults, the file, environment variables
NAUHURI__SECTION__KEY, --set, the command's own options.

Exit status: 0 done; 1 the work failed; 2 the command line or the configuration is wrong.
Results go to standard output, everything else to standard error.

Examples:
  nauhuri replay --out recordings call.pcap
  nauhuri check
  NAUHURI__CAPTURE__INTERFACE=eth1 nauhuri record";

impl Cli {
    /// Reads the process's arguments; prints help or an error and exits (0 or 2) where that is all there is to do.
    pub fn from_env() -> Self {
        Self::parse().merged()
    }

    /// Options given before the command joined with those given after it.
    ///
    /// clap's own global options would forget the former, without a word.
    fn merged(mut self) -> Self {
        let inner = [Some(self.command.global()), self.command.innermost()];
        for inner in inner.into_iter().flatten().cloned().collect::<Vec<_>>() {
            let outer = &mut self.global;
            outer.config = inner.config.or(outer.config.take());
            outer.set.extend(inner.set);
            outer.verbose = outer.verbose.saturating_add(inner.verbose);
            outer.quiet |= inner.quiet;
            outer.log_format = inner.log_format.or(outer.log_format);
        }
        self
    }
}

/// One variant per subcommand; a command stands here once it works.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Capture live and record until stopped by SIGTERM or SIGINT
    #[command(after_help = "Example:\n  nauhuri record --set capture.interface=eth1")]
    Record(RecordArgs),
    /// Record from capture files, as fast as they can be read
    #[command(after_help = "\
Examples:
  nauhuri replay --out recordings monday.pcap tuesday.pcapng
  zcat monday.pcap.gz | nauhuri replay --out recordings --json -")]
    Replay(ReplayArgs),
    /// Validate the configuration and print the effective one
    #[command(after_help = "\
Examples:
  nauhuri check
  nauhuri check --config new.toml --set metrics.listen=127.0.0.1:9161")]
    Check(CheckArgs),
    /// Is this wire fit to record? Says what is wrong with a mirror port or a capture, and what to do
    ///
    /// Listens as the recorder would and stores nothing. The first three lines tell the worst, then comes the rest,
    /// then what was measured. Exit status 1 if the wire is not fit to record.
    #[command(after_help = "\
Examples:
  nauhuri doctor --interface eth1 --seconds 60
  nauhuri doctor monday.pcap tuesday.pcapng
  nauhuri doctor --json")]
    Doctor(DoctorArgs),
    /// Write the privacy notice that the configuration makes true, or compare a published one with it
    ///
    /// Writes the paragraphs of the notice, the text of the announcement, and the entry in the record of processing
    /// activities (GDPR Art. 30). A sentence that the configuration does not keep is not there. What the configuration
    /// does not know is left open in brackets. With --check: exit status 1 if FILE and the configuration differ.
    #[command(after_help = "\
Examples:
  nauhuri notice --lang fi > notice.md
  nauhuri notice --lang sv --format html > notice.html
  nauhuri notice --check published.html")]
    Notice(NoticeArgs),
    /// Write the first configuration: look at the wire, ask, and say what was seen
    ///
    /// Listens for a minute, or reads captures, stores nothing, and proposes who the agents are. What the options do not
    /// say is asked; with --yes the proposals are taken. Numbers of seven digits and more are shown without their last
    /// four. The file (--config) is refused if it is there, unless --force is given; --set goes into it as well.
    #[command(after_help = "\
Examples:
  sudo nauhuri setup
  nauhuri setup --config nauhuri.toml monday.pcap
  nauhuri setup --yes --interface eth1 --extensions 2000-2999 --service '116117=116117=5 years' \\
      --retention '6 months' --timezone Europe/Helsinki")]
    Setup(SetupArgs),
    /// Explain why a call was recorded, or was not: each message, each decision, and on what grounds
    ///
    /// With CAPTURE: plays the captures with this configuration, as replay does, and stores nothing. Without: looks at the
    /// store, the register of unrecorded calls, and the last day of the technical log (journald, or --log).
    #[command(after_help = "\
Examples:
  nauhuri explain 3848276298220188511@atlanta.example.com monday.pcap
  nauhuri explain '2026-11-23 08:15' monday.pcap
  nauhuri explain all short.pcap --set agents.extensions=2000-2999
  nauhuri explain 1a2b3c4d")]
    Explain(ExplainArgs),
    /// Tell a month in numbers without persons: calls, lengths, hours, quality, deletions, holds, listening
    ///
    /// Counts of 1 to 4 are hidden, and so is what they could be reckoned from. The report says where its numbers come
    /// from, and what nobody can know any more. With --mail this machine's own mailer (sendmail -t -i) sends it;
    /// nauhuri-report.timer does so on the first of each month.
    #[command(after_help = "\
Examples:
  nauhuri report
  nauhuri report --month 2026-11 --format html --lang fi > report.html
  nauhuri report --format html --mail manager@example.org")]
    Report(ReportArgs),
    /// List the calls that are being recorded now
    #[command(after_help = "Examples:\n  nauhuri calls\n  nauhuri calls --json")]
    Calls(CallsArgs),
    /// Show the running recorder in a terminal: calls, packets, drops, lag, storage
    ///
    /// Needs the rights of `nauhuri calls`, and shows counts by service, no calls and no persons. q quits, arrows
    /// scroll the services. Without a terminal it prints one snapshot.
    #[command(after_help = "\
Examples:
  nauhuri top
  nauhuri top --interval 5
  nauhuri top --once
  nauhuri top --json")]
    Top(TopArgs),
    /// Pause a running recording, or resume it
    ///
    /// While it is paused, both sides are silent and nothing of them is stored. It resumes by itself after pause.limit.
    #[command(after_help = "\
Examples:
  nauhuri pause 1a2b3c4d
  nauhuri pause 2001
  nauhuri pause 2001 --resume")]
    Pause(PauseArgs),
    /// Give the running recorder its changed configuration, without losing a packet
    ///
    /// The recorder reads the file that it was started with again, and takes all of it or nothing: exit status 2 if
    /// the file is wrong, or changes a key for which the recorder has to be restarted (see docs/configuration.md).
    /// Calls under way keep the rules that were in force when they began. SIGHUP does the same.
    #[command(after_help = "\
Examples:
  nauhuri check && nauhuri reload
  systemctl reload nauhuri")]
    Reload(ReloadArgs),
    /// List recordings, one row each
    #[command(after_help = "\
Examples:
  nauhuri list --since 2026-11-23 --service 116117
  nauhuri list --number 040123 --longer 5m --flag incomplete --csv
  nauhuri list --json --limit 10")]
    List(ListArgs),
    /// Show everything about one recording
    #[command(after_help = "Examples:\n  nauhuri show 1a2b3c4d\n  nauhuri show 1a2b3c4d --json")]
    Show(ShowArgs),
    /// List the answered calls that were not recorded, and why
    #[command(after_help = "\
Examples:
  nauhuri unrecorded --since 2026-11-23
  nauhuri unrecorded --reason no_agent --json")]
    Unrecorded(UnrecordedArgs),
    /// Check the files for damage, loss and overdue deletion; changes no recording
    #[command(after_help = "Examples:\n  nauhuri verify\n  nauhuri verify --sample 500 --json")]
    Verify(VerifyArgs),
    /// Compare the exchange's own list of calls with the recordings: which calls were not recorded?
    ///
    /// A recorder cannot see what its mirror port does not carry; the exchange knows all calls. The section
    /// cdr says what the columns of its list mean. Exit status 1 when a call is missing and neither
    /// the configuration nor the register of unrecorded calls explains it.
    #[command(after_help = "\
Examples:
  nauhuri reconcile --cdr /var/log/asterisk/cdr-csv/Master.csv
  nauhuri reconcile --cdr calls.csv --set cdr.format=columns --set cdr.answered=Start \
      --set cdr.duration=Length --set cdr.parties=User,Number --json")]
    Reconcile(ReconcileArgs),
    /// Place a test call through the exchange and look for its tones in the recording
    ///
    /// [probe] in the configuration says through which exchange and to whom. Ends with 0 only if the call was
    /// recorded whole and its tones are on the right channel; the recorder's metrics show the result of the
    /// last one. nauhuri-probe.timer does it on a schedule.
    #[command(after_help = "\
Examples:
  nauhuri probe
  nauhuri probe --json --set probe.exchange=udp:10.1.0.1:5060 --set probe.to=9001")]
    Probe(ProbeArgs),
    /// Rebuild the index from the files; works while the daemon runs
    #[command(after_help = "Example:\n  nauhuri reindex")]
    Reindex(ReindexArgs),
    /// Repair what `verify` finds and can be repaired without loss: owners, modes and the index
    #[command(after_help = "Example:\n  nauhuri repair")]
    Repair(RepairArgs),
    /// Estimate when the storage will be full, from what is recorded and what expires
    #[command(after_help = "Examples:\n  nauhuri forecast\n  nauhuri forecast --days 365 --json")]
    Forecast(ForecastArgs),
    /// Keep recordings beyond their retention, for a case
    #[command(after_help = "\
Examples:
  nauhuri hold 1a2b3c4d --reason crime --ref 6400/R/1234/26
  nauhuri hold --since 2026-11-20 --until 2026-11-21 --agent 2001 --reason accident --ref 17/2026
  nauhuri hold --flag review --review --ref 17/2026")]
    Hold(HoldArgs),
    /// End a hold
    #[command(after_help = "Example:\n  nauhuri release 1a2b3c4d --ref 6400/R/1234/26")]
    Release(ReleaseArgs),
    /// Close recordings to listening and export; their retention continues
    #[command(after_help = "Example:\n  nauhuri restrict 1a2b3c4d --ref 17/2026")]
    Restrict(RestrictArgs),
    /// Open restricted recordings again
    #[command(after_help = "Example:\n  nauhuri unrestrict 1a2b3c4d --ref 17/2026")]
    Unrestrict(RestrictArgs),
    /// Correct the metadata of recordings; the previous values are kept
    ///
    /// Audio and file names never change.
    #[command(after_help = "\
Examples:
  nauhuri amend 1a2b3c4d --ref 17/2026 --set-agent 2002 --set-agent-name 'K. Laine'
  nauhuri amend 1a2b3c4d --ref 17/2026 --note 'The caller says that she gave 14.3. as the date.'")]
    Amend(AmendArgs),
    /// Decode kept packets for which no decoder was available during the call
    ///
    /// With storage.keep_undecoded = true, packets that could not be decoded are kept in NAME.pcap
    /// beside the recording. This decodes them and adds the sound to the recording.
    #[command(after_help = "\
Examples:
  nauhuri redecode 1a2b3c4d
  nauhuri redecode --since 2026-11-01 --flag incomplete")]
    Redecode(RedecodeArgs),
    /// Erase audio and metadata before their retention ends; refused while on hold
    #[command(after_help = "\
Examples:
  nauhuri erase 1a2b3c4d --reason 'request 17/2026'
  nauhuri erase 1a2b3c4d --reason 'request 17/2026' --yes
  nauhuri erase 1a2b3c4d --reason 'request 17/2026' --refuse 'GDPR Art. 17(3)(b)'")]
    Erase(EraseArgs),
    /// Export copies: audio, metadata and a manifest with their hashes
    ///
    /// With --format vcon, one vCon for each recording instead. That format is an Internet-Draft: what is written
    /// today may not be what a later reader expects.
    #[command(after_help = "\
Examples:
  nauhuri export 1a2b3c4d --to /media/usb/17-2026 --reason 'request 17/2026' --silence agent
  nauhuri export 1a2b3c4d --to out --reason 'case 6400/R/1234/26' --recipient police --basis '806/2011 4:2' --start 60 --end 95.5
  nauhuri export 1a2b3c4d --to out --reason 'request 18/2026' --format vcon --sign-key vcon.key --sign-certificate vcon.pem")]
    Export(ExportArgs),
    /// Delete what is due, as the daemon does automatically
    #[command(after_help = "Examples:\n  nauhuri expire --dry-run\n  nauhuri expire --ignore-guard")]
    Expire(ExpireArgs),
    /// Apply a changed retention to existing recordings
    #[command(after_help = "Example:\n  nauhuri retention apply --service 116117 --dry-run")]
    Retention(RetentionArgs),
    /// Verify and read the audit log: who did what to which recording
    #[command(after_help = "Examples:\n  nauhuri audit verify\n  nauhuri audit show 1a2b3c4d")]
    Audit(AuditArgs),
    /// Requests of data subjects and their deadlines
    #[command(after_help = "\
Examples:
  nauhuri dsar add --right access --received 2026-11-23 --channel letter --ref 17/2026 1a2b3c4d < person
  nauhuri dsar list
  nauhuri dsar decide 4 --outcome refused --ground 'GDPR Art. 17(3)(b)'")]
    Dsar(DsarArgs),
    /// Anonymised copies of recordings, for training
    #[command(after_help = "\
Examples:
  nauhuri training make 1a2b3c4d --title 'A caller in a hurry' --beep 12-15.5
  nauhuri training list")]
    Training(TrainingArgs),
    /// Open the listening room: a web page with accounts, until stopped by SIGTERM or SIGINT
    #[cfg(feature = "room")]
    #[command(after_help = "\
Examples:
  nauhuri serve
  nauhuri serve --set room.listen=127.0.0.1:8443 --set room.tls.cert=room.pem --set room.tls.key=room.key")]
    Serve(ServeArgs),
    /// Accounts of the listening room
    #[cfg(feature = "room")]
    #[command(after_help = "\
Examples:
  nauhuri user add kaisa --role agent --agent 2001 --team north --password-stdin < password
  nauhuri user list
  nauhuri user disable kaisa")]
    User(UserArgs),
    /// Write man pages and shell completions
    #[command(hide = true, after_help = "Example:\n  nauhuri manual --out target/manual")]
    Manual(ManualArgs),
    /// Decode with libavcodec, as asked on standard input; started by the recorder itself
    #[command(hide = true, after_help = "Example:\n  nauhuri decode-worker")]
    DecodeWorker(DecodeWorkerArgs),
}

impl Command {
    fn global(&self) -> &Global {
        match self {
            Command::Record(args) => &args.global,
            Command::Replay(args) => &args.global,
            Command::Check(args) => &args.global,
            Command::Explain(args) => &args.global,
            Command::Doctor(args) => &args.global,
            Command::Setup(args) => &args.global,
            Command::Notice(args) => &args.global,
            Command::Report(args) => &args.global,
            Command::Reload(args) => &args.global,
            Command::Calls(args) => &args.global,
            Command::Top(args) => &args.global,
            Command::Pause(args) => &args.global,
            Command::List(args) => &args.global,
            Command::Show(args) => &args.global,
            Command::Unrecorded(args) => &args.global,
            Command::Verify(args) => &args.global,
            Command::Reconcile(args) => &args.global,
            Command::Probe(args) => &args.global,
            Command::Reindex(args) => &args.global,
            Command::Repair(args) => &args.global,
            Command::Forecast(args) => &args.global,
            Command::Hold(args) => &args.global,
            Command::Release(args) => &args.global,
            Command::Restrict(args) | Command::Unrestrict(args) => &args.global,
            Command::Amend(args) => &args.global,
            Command::Redecode(args) => &args.global,
            Command::Erase(args) => &args.global,
            Command::Export(args) => &args.global,
            Command::Expire(args) => &args.global,
            Command::Retention(args) => &args.global,
            Command::Audit(args) => &args.global,
            Command::Dsar(args) => &args.global,
            Command::Training(args) => &args.global,
            #[cfg(feature = "room")]
            Command::Serve(args) => &args.global,
            #[cfg(feature = "room")]
            Command::User(args) => &args.global,
            Command::Manual(args) => &args.global,
            Command::DecodeWorker(args) => &args.global,
        }
    }
}

impl Command {
    /// Those of a command within a command.
    fn innermost(&self) -> Option<&Global> {
        match self {
            Command::Retention(args) => Some(args.command.global()),
            Command::Audit(args) => Some(args.command.global()),
            Command::Dsar(args) => Some(args.command.global()),
            Command::Training(args) => Some(args.command.global()),
            #[cfg(feature = "room")]
            Command::User(args) => Some(args.command.global()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::path::PathBuf;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example_and_the_options_of_every_command() {
        let mut cli = Cli::command();
        cli.build();
        for command in cli.get_subcommands() {
            let help = command.clone().render_long_help().to_string();
            let name = command.get_name();
            assert!(help.contains("Example") && help.contains(&format!("nauhuri {name}")), "{name}");
            for option in ["--config", "--set", "--verbose", "--quiet", "--log-format"] {
                assert!(help.contains(option), "{name} {option}");
            }
        }
    }

    #[test]
    fn options_before_and_after_the_command_add_up() {
        let words = [
            "nauhuri",
            "-v",
            "--set",
            "a.b=1",
            "replay",
            "--set",
            "c.d=2,3",
            "--log-format",
            "json",
            "-",
            "-v",
        ];
        let cli = Cli::parse_from(words).merged();
        assert_eq!(cli.global.verbose, 2);
        assert_eq!(cli.global.set, ["a.b=1", "c.d=2,3"]);
        assert_eq!(cli.global.log_format, Some(LogFormat::Json));
        let Command::Replay(args) = cli.command else { panic!("replay") };
        assert_eq!(args.captures, [PathBuf::from("-")]);
    }
}
