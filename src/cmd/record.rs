//! `nauhuri record`: captures live until stopped.

use super::decode_worker;
use super::output::error_text;
use super::settings::{self, DefaultFile, mistake, no_such_interface};
use crate::capture::live::{LiveError, LiveSource};
use crate::cli::{Cli, DEFAULT_CONFIG, RecordArgs};
use crate::config::Loaded;
use crate::config::check::Purpose;
use crate::daemon::before::Before;
use crate::daemon::confine::{Confined, leave_no_core};
use crate::daemon::foreman::{Oversight, after_stop, end_with_foreman, oversee};
use crate::daemon::recorder::{Recorder, StartError};
use crate::daemon::reload::ReadConfig;
use crate::daemon::reload_signal::ReloadSignal;
use crate::daemon::shutdown::{StopFlag, StopSignals};
use crate::telemetry::Notifier;
use anyhow::Context;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::Arc;

/// The recorder that was started as a process of its own has ended; it has said why.
#[derive(Debug, thiserror::Error)]
#[error("the recorder has ended: {status}")]
pub struct RecorderEnded {
    status: ExitStatus,
    /// Command line or configuration are wrong: exit status 2.
    pub is_usage: bool,
}

/// Captures live until SIGTERM or SIGINT, then finishes open recordings.
///
/// # Errors
/// A configuration that is wrong, an interface that cannot be captured, a store that cannot be written.
pub fn run(cli: &Cli, args: &RecordArgs) -> anyhow::Result<()> {
    if args.after_stop {
        after_stop();
        return Ok(());
    }
    if args.keep_calls {
        return keep_calls();
    }
    let mut notifier = Notifier::from_env();
    record(cli, args, &mut notifier).inspect_err(|e| notifier.status(&format!("failed: {}", error_text(e))))
}

/// Starts the recorder as a process of its own; ends as it does, or leaves it to the next.
fn keep_calls() -> anyhow::Result<()> {
    let own =
        std::env::args_os().skip(1).map(|arg| if arg == "--keep-calls" { "--take-over".into() } else { arg });
    let mut recorder = Command::new(std::env::current_exe()?);
    match oversee(recorder.args(own)).context("the recorder cannot be started")? {
        Oversight::Left => Ok(()),
        Oversight::Ended(status) if status.success() => Ok(()),
        Oversight::Ended(status) => Err(RecorderEnded { is_usage: status.code() == Some(2), status }.into()),
    }
}

fn record(cli: &Cli, args: &RecordArgs, notifier: &mut Notifier) -> anyhow::Result<()> {
    leave_no_core();
    let loaded = settings::load(&cli.global, DefaultFile::Required, Purpose::Capture, Vec::new())?;
    let before = if args.take_over { Before::TakenOver } else { Before::Nobody };
    let recorder = Recorder::<LiveSource>::prepare_after(&loaded.config, before)
        .map_err(|e| blame_configuration(e, &loaded))?;
    let recorder = recorder.with_decoders(decode_worker::program());
    // Threads started from here on inherit the lock: that of the log is the first.
    let confined = recorder.confine(cli.global.config.as_deref().unwrap_or(Path::new(DEFAULT_CONFIG)));
    let _log = settings::start_log(&cli.global, 0, true);
    report_confined(&confined);
    let stop = StopFlag::default();
    let unable = "signal handlers cannot be installed";
    let signals = StopSignals::handle(&stop).context(unable)?;
    let reload = ReloadSignal::handle().context(unable)?;
    let global = cli.global.clone();
    let read: ReadConfig = Arc::new(move || {
        settings::load(&global, DefaultFile::Required, Purpose::Capture, Vec::new()).map(|l| l.config)
    });
    let recorder = recorder.with_signals(signals).with_configuration(read).with_reload_signal(reload);
    let running = recorder.start()?;
    end_with_foreman(&stop, running.is_taken()).context("a thread cannot be started")?;
    if running.run(&stop, notifier) {
        return Ok(());
    }
    anyhow::bail!("a worker died or is stuck: this is a bug in nauhuri, or a disk that hangs")
}

fn report_confined(c: &Confined) {
    let capabilities = if c.kept.is_empty() { "none".to_string() } else { c.kept.join(" ") };
    tracing::info!(files = %c.files, capabilities, "rights given up");
    if let Some(reason) = &c.capabilities_failed {
        tracing::info!(reason, "capabilities could not be given up");
    }
}

/// What the interface said, as a mistake in the configuration where it is one.
fn blame_configuration(e: StartError, loaded: &Loaded) -> anyhow::Error {
    match &e {
        StartError::Capture(LiveError::NoSuchInterface { name, known }) => {
            no_such_interface(loaded, name, known).into()
        }
        StartError::Capture(LiveError::Filter { why }) => {
            let found = format!("\"{}\" ({why})", loaded.config.capture.filter);
            let allowed = "a BPF expression, see pcap-filter(7)".to_string();
            mistake(loaded, "capture.filter", found, allowed).into()
        }
        _ => e.into(),
    }
}
