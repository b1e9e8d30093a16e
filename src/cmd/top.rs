//! `nauhuri top`: the running recorder in a terminal, or as one snapshot.

mod top_picture;
mod top_screen;
mod top_source;

use super::asking;
use super::output;
use crate::cli::Cli;
use crate::cli::control::TopArgs;
use crate::daemon::shutdown::{StopFlag, StopSignals};
use crate::top::TopFigures;
use anyhow::Context as _;
use std::io::{self, IsTerminal as _};
use std::time::Duration;
use top_picture::{TopView, plain_picture};
use top_source::{TopSource, host};

/// Columns of a snapshot that no terminal limits; a service with a long name makes it wider.
const SNAPSHOT_COLUMNS: u16 = 100;

/// A snapshot waits for the next count of packets, which comes once a second, so long and so many times.
const A_COUNT: Duration = Duration::from_millis(250);
const COUNTS: u32 = 8;

/// Shows the recorder until `q`, or prints a snapshot where no terminal is, or none is wanted.
///
/// # Errors
/// No recorder runs, or this user may not ask; a terminal that cannot be used.
pub fn run(cli: &Cli, args: &TopArgs) -> anyhow::Result<()> {
    let mut source = TopSource::new(asking::socket(&cli.global, &args.recorder)?);
    let first = source.look()?;
    let is_terminal = io::stdout().is_terminal() && io::stdin().is_terminal();
    if is_terminal && !args.once && !args.json {
        let stop = StopFlag::default();
        StopSignals::handle(&stop)
            .and_then(StopSignals::wait_aside)
            .context("signal handlers cannot be installed")?;
        return top_screen::show(source, first, args.interval, &stop);
    }
    std::thread::sleep(args.interval);
    let mut second = source.look()?;
    for _ in 0..COUNTS {
        if second.is_counted_since(&first) {
            break;
        }
        std::thread::sleep(A_COUNT);
        second = source.look()?;
    }
    let figures = TopFigures::new(Some(&first), &second);
    if args.json {
        output::print(&output::json(&figures)?)?;
        return Ok(());
    }
    let columns = if io::stdout().is_terminal() { top_screen::columns() } else { None };
    let view = TopView { columns: columns.unwrap_or(SNAPSHOT_COLUMNS), ..TopView::new(host(), source.zone) };
    output::print(&plain_picture(&figures, &view))?;
    Ok(())
}
