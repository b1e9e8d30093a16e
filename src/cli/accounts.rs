//! Arguments of the listening room and of its accounts.

use super::global::Global;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use std::path::PathBuf;

/// `nauhuri serve`
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri user`
#[derive(Args, Clone, Debug)]
pub struct UserArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: UserCommand,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri user ...`
#[derive(Clone, Debug, Subcommand)]
pub enum UserCommand {
    /// Add an account
    ///
    /// --agent and --team say which calls are the person's own and which their team's: those answered on or
    /// after --from and before --until, on the calendar of retention.timezone.
    #[command(after_help = "\
Examples:
  nauhuri user add kaisa --role agent --agent 2001 --team north --from 2026-01-01 --password-stdin < password
  nauhuri user add matti --role supervisor --team north --password-stdin < password
  nauhuri user add office1 --role office --office 'building control' --password-stdin < password
  nauhuri user add anna --provider --agent 2002 --team north")]
    Add(Box<AddArgs>),
    /// Change an account: roles, office, agents, teams
    ///
    /// --role replaces its roles, --office its office. --agent and --team are added, from --from until before
    /// --until; --until alone ends the current ones.
    #[command(after_help = "\
Examples:
  nauhuri user change kaisa --team north --until 2026-12-01
  nauhuri user change kaisa --team south --from 2026-12-01
  nauhuri user change kaisa --role agent --role supervisor")]
    Change(Box<ChangeArgs>),
    /// Import agents and teams of accounts from a CSV file
    ///
    /// Columns account, agent, team, from, until, in any order; each line names an agent or a team. The accounts in
    /// the file lose what they had before; other accounts stay as they are. The file is imported as a whole or not at all.
    #[command(after_help = "\
Example:
  account,agent,team,from,until
  kaisa,2001,,2026-01-01,2026-07-01
  kaisa,,north,2026-01-01,

  nauhuri user import people.csv --dry-run")]
    Import {
        /// The file; - for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only show what would change
        #[arg(long)]
        dry_run: bool,
        /// Options of every command.
        #[command(flatten)]
        global: Box<Global>,
    },
    /// List accounts
    #[command(after_help = "Example:\n  nauhuri user list --json")]
    List {
        /// Print an array of accounts
        #[arg(long)]
        json: bool,
        /// Options of every command.
        #[command(flatten)]
        global: Box<Global>,
    },
    /// Close an account: its sessions end at once
    #[command(after_help = "Example:\n  nauhuri user disable kaisa")]
    Disable {
        /// Name of the account
        #[arg(value_name = "NAME")]
        name: String,
        /// Options of every command.
        #[command(flatten)]
        global: Box<Global>,
    },
    /// Give an account a new password and open it again
    ///
    /// Ends its sessions, a lock after failed sign-ins, and its one-time codes. An account of a provider has no password:
    /// it is opened again for the person who has its name at the provider.
    #[command(
        after_help = "Examples:\n  nauhuri user reset kaisa --password-stdin < password\n  nauhuri user reset anna"
    )]
    Reset {
        /// Name of the account
        #[arg(value_name = "NAME")]
        name: String,
        /// Read the password from the first line of standard input; not for an account of a provider
        #[arg(long)]
        password_stdin: bool,
        /// Options of every command.
        #[command(flatten)]
        global: Box<Global>,
    },
}

/// `nauhuri user add`
#[derive(Args, Clone, Debug, Default)]
pub struct AddArgs {
    /// Name of the account: letters a-z, digits and . _ - @
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What the account may do (room.roles); may be repeated
    #[arg(long, value_name = "ROLE", required_unless_present = "provider", num_args = 1.., value_delimiter = ',')]
    pub role: Vec<String>,
    /// Without password and roles: for the person with this name at the provider of room.oidc
    #[arg(long, conflicts_with_all = ["role", "password_stdin"])]
    pub provider: bool,
    /// Agents and teams.
    #[command(flatten)]
    pub of: AgentArgs,
    /// Office whose services the account may find, if a role says so
    #[arg(long, value_name = "OFFICE")]
    pub office: Option<String>,
    /// Read the password from the first line of standard input
    #[arg(long, required_unless_present = "provider")]
    pub password_stdin: bool,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `nauhuri user change`
#[derive(Args, Clone, Debug, Default)]
pub struct ChangeArgs {
    /// Name of the account
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What the account may do from now on (room.roles); may be repeated
    #[arg(long, value_name = "ROLE", num_args = 1.., value_delimiter = ',')]
    pub role: Vec<String>,
    /// Agents and teams.
    #[command(flatten)]
    pub of: AgentArgs,
    /// Office; empty for none
    #[arg(long, value_name = "OFFICE")]
    pub office: Option<String>,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// Which agents an account is and in which teams, and when.
#[derive(Args, Clone, Debug, Default)]
pub struct AgentArgs {
    /// Agent whose calls are the account's own; may be repeated
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',')]
    pub agent: Vec<String>,
    /// Team that the person is in or leads; may be repeated
    #[arg(long, value_name = "TEAM", num_args = 1.., value_delimiter = ',')]
    pub team: Vec<String>,
    /// First day on which --agent and --team apply
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub from: Option<Date>,
    /// First day on which they no longer apply
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub until: Option<Date>,
}

impl AgentArgs {
    /// None is named.
    pub fn is_empty(&self) -> bool {
        self.agent.is_empty() && self.team.is_empty()
    }
}

impl UserCommand {
    pub(super) fn global(&self) -> &Global {
        match self {
            UserCommand::Add(args) => &args.global,
            UserCommand::Change(args) => &args.global,
            UserCommand::List { global, .. }
            | UserCommand::Import { global, .. }
            | UserCommand::Disable { global, .. }
            | UserCommand::Reset { global, .. } => global,
        }
    }
}

fn day(text: &str) -> Result<Date, &'static str> {
    text.parse().map_err(|_| "not a date such as 2026-11-23")
}
