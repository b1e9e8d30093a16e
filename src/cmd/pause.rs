//! `nauhuri pause`: pauses a running recording, and lets it go on.

use super::asking;
use super::output::{self, plain};
use crate::cli::Cli;
use crate::cli::control::PauseArgs;
use crate::daemon::control::protocol::ControlCommand;
use crate::id::short_hex;
use crate::time::Timestamp;
use anyhow::Context as _;

/// Pauses or resumes one call, and says how it is then.
///
/// # Errors
/// No recorder runs, this user may not ask, or the recorder says why it was not done.
pub fn run(cli: &Cli, args: &PauseArgs) -> anyhow::Result<()> {
    let call = args.call.clone();
    let command = if args.resume { ControlCommand::Resume { call } } else { ControlCommand::Pause { call } };
    let answer = asking::ask(&cli.global, &args.recorder, command)?;
    let now = answer.calls.first().context("the recorder did not say which call it was")?;
    if args.json {
        output::print(&output::json(now)?)?;
        return Ok(());
    }
    let clock = asking::clock_of(&answer);
    let time = |at: Option<Timestamp>| at.map_or("?".into(), &clock);
    let agent = now.agent.id.as_deref().map_or(String::new(), |id| format!(" (agent {})", plain(id)));
    let id = short_hex(now.id);
    let said = match now.paused_at {
        Some(_) => format!(
            "{id}{agent}: paused since {}; it resumes by itself at {}",
            time(now.paused_at),
            time(now.resumes_at)
        ),
        None => format!("{id}{agent}: recording"),
    };
    output::print(&(said + "\n"))?;
    Ok(())
}
