//! `nauhuri serve`: the listening room, until stopped.

use super::output::remark;
use super::settings::{self, DefaultFile};
use crate::cli::Cli;
use crate::cli::accounts::ServeArgs;
use crate::config::check::Purpose;
use crate::web::RoomState;
use crate::web::server::{Door, raise_files};
use anyhow::Context;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// A wrong configuration; the port is taken; store, accounts, undertaking or certificate cannot be read.
pub fn run(cli: &Cli, _args: &ServeArgs) -> anyhow::Result<()> {
    let loaded = settings::load(&cli.global, DefaultFile::Required, Purpose::Other, Vec::new())?;
    let _log = settings::start_log(&cli.global, 0, true);
    raise_files();
    let door = Door::open(&loaded.config.room)?;
    let room = Arc::new(RoomState::open(&loaded.config)?);
    let scheme = if door.is_secure() { "https" } else { "http" };
    let address = door.address().context("room.listen")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut term = signal(SignalKind::terminate()).context("signal handlers")?;
        let mut int = signal(SignalKind::interrupt()).context("signal handlers")?;
        let stop = async move {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
        };
        crate::telemetry::Notifier::from_env().ready();
        // For whoever started it: the port may have been chosen by the system.
        remark(format_args!("nauhuri: listening on {scheme}://{address}/"));
        door.serve(room, stop).await
    })
}
