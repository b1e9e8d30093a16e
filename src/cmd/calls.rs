//! `nauhuri calls`: what is being recorded at this moment.

use super::asking;
use super::columns::{Grid, Layout};
use super::output::{self, plain, remark};
use crate::cli::Cli;
use crate::cli::control::CallsArgs;
use crate::daemon::control::protocol::{ControlCommand, RunningCall};
use crate::id::short_hex;
use crate::time::Timestamp;

/// Prints the running calls, the oldest first.
///
/// # Errors
/// No recorder runs, this user may not ask, or the recorder says why it was not done.
pub fn run(cli: &Cli, args: &CallsArgs) -> anyhow::Result<()> {
    let answer = asking::ask(&cli.global, &args.recorder, ControlCommand::Calls)?;
    if answer.partial {
        remark(format_args!("nauhuri: a part of the recorder did not answer in time: calls may be missing"));
    }
    if args.json {
        output::print(&output::json(&answer.calls)?)?;
        return Ok(());
    }
    let clock = asking::clock_of(&answer);
    let mut grid = Grid::default();
    answer.calls.iter().for_each(|call| grid.row(cells(call, &clock)));
    let heads = ["ID", "ANSWERED", "LENGTH", "SERVICE", "DIRECTION", "AGENT", "STATE", "CODECS", "HEARD"];
    output::print(&Layout::new(heads).lines(&grid))?;
    Ok(())
}

fn cells(call: &RunningCall, clock: impl Fn(Timestamp) -> String) -> [String; 9] {
    let mut length = String::new();
    output::push_length(call.seconds, &mut length);
    let mut agent = call.agent.id.as_deref().map_or("-".into(), plain);
    if let Some(name) = &call.agent.name {
        agent = format!("{agent} {}", plain(name.as_str()));
    }
    let mut state = call.state.name().to_owned();
    if let Some(by) = call.paused_by {
        state = format!("{state} ({})", by.name());
    }
    let codec = |i: usize| call.codecs[i].as_deref().map_or("-".into(), plain);
    let codecs = match &call.codecs {
        [a, b] if a == b => codec(0),
        _ => format!("{}/{}", codec(0), codec(1)),
    };
    let heard = match call.heard.as_slice() {
        [] => "nobody".to_owned(),
        [one] => format!("{} only", one.name()),
        _ => "both".to_owned(),
    };
    [
        short_hex(call.id),
        clock(call.answered_at),
        length,
        plain(&call.service),
        call.direction.name().into(),
        agent,
        state,
        codecs,
        heard,
    ]
}
