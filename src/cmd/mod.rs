//! One file per subcommand, and what they share: configuration, standard output, exit status.

pub mod amend;
pub mod archive;
mod asking;
pub mod audit;
pub mod calls;
pub mod check;
mod columns;
pub mod decode_worker;
mod doctor;
pub mod dsar;
pub mod erase;
pub mod expire;
pub mod explain;
pub mod export;
pub mod forecast;
pub mod hold;
#[cfg(feature = "room")]
pub mod import;
mod journal;
pub mod keep;
pub mod list;
pub mod manual;
pub mod notice;
pub mod output;
pub mod pause;
pub mod probe;
pub mod reconcile;
pub mod record;
mod redecode;
mod reindex;
mod reload;
pub mod repair;
pub mod replay;
mod report;
pub mod restrict;
pub mod retention;
#[cfg(feature = "room")]
pub mod serve;
pub mod settings;
mod setup;
pub mod show;
mod top;
pub mod training;
pub mod unrecorded;
pub mod usage;
#[cfg(feature = "room")]
pub mod user;
pub mod verify;
pub mod words;

pub use output::error_text;

use crate::cli::{Cli, Command};
use crate::config::ConfigError;
use crate::custody::audit::SystemAccount;
use std::io;

/// Does what the command line asks for.
///
/// # Errors
/// What went wrong, for [`exit_code`] and a line on standard error.
pub fn run(cli: &Cli) -> anyhow::Result<()> {
    match &cli.command {
        Command::Record(args) => {
            // Before the recorder shuts itself off from the list of accounts.
            let _ = SystemAccount::of_process();
            record::run(cli, args)
        }
        Command::Replay(args) => replay::run(cli, args),
        Command::Check(args) => check::run(cli, args),
        Command::Setup(args) => setup::run(cli, args),
        Command::Explain(args) => explain::run(cli, args),
        Command::Doctor(args) => doctor::run(cli, args),
        Command::Notice(args) => notice::run(cli, args),
        Command::Report(args) => report::run(cli, args),
        Command::Calls(args) => calls::run(cli, args),
        Command::Top(args) => top::run(cli, args),
        Command::Pause(args) => pause::run(cli, args),
        Command::Reload(args) => reload::run(cli, args),
        Command::List(args) => list::run(cli, args),
        Command::Show(args) => show::run(cli, args),
        Command::Unrecorded(args) => unrecorded::run(cli, args),
        Command::Verify(args) => verify::run(cli, args),
        Command::Reconcile(args) => reconcile::run(cli, args),
        Command::Probe(args) => probe::run(cli, args),
        Command::Reindex(args) => reindex::run(cli, args),
        Command::Repair(args) => repair::run(cli, args),
        Command::Forecast(args) => forecast::run(cli, args),
        Command::Hold(args) => hold::hold(cli, args),
        Command::Release(args) => hold::release(cli, args),
        Command::Restrict(args) => restrict::restrict(cli, args),
        Command::Unrestrict(args) => restrict::unrestrict(cli, args),
        Command::Amend(args) => amend::run(cli, args),
        Command::Redecode(args) => redecode::run(cli, args),
        Command::Erase(args) => erase::run(cli, args),
        Command::Export(args) => export::run(cli, args),
        Command::Expire(args) => expire::run(cli, args),
        Command::Retention(args) => retention::run(cli, args),
        Command::Audit(args) => audit::run(cli, args),
        Command::Dsar(args) => dsar::run(cli, args),
        Command::Training(args) => training::run(cli, args),
        #[cfg(feature = "room")]
        Command::Serve(args) => serve::run(cli, args),
        #[cfg(feature = "room")]
        Command::User(args) => user::run(cli, args),
        Command::Manual(args) => manual::run(cli, args),
        Command::DecodeWorker(_) => decode_worker::run(),
    }
}

/// Exit status of an error: 2 where the command line or the configuration is wrong, else 1.
///
/// A reader that left (`nauhuri check | head`) is no error: 0.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    let is_wrong = |e: &(dyn std::error::Error + 'static)| {
        e.is::<ConfigError>()
            || e.is::<usage::Usage>()
            || e.is::<reload::ReloadFailed>()
            || e.downcast_ref::<record::RecorderEnded>().is_some_and(|ended| ended.is_usage)
    };
    if error.chain().any(is_wrong) {
        return 2;
    }
    let left = |e: &io::Error| e.kind() == io::ErrorKind::BrokenPipe;
    if error.chain().filter_map(|e| e.downcast_ref::<output::Stdout>()).any(|e| left(&e.0)) {
        return 0;
    }
    1
}
