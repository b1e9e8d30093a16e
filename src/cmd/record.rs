//! `nauhuri record`: captures live until stopped.

use super::decode_worker;
use super::output::error_text;
use super::settings::{self, DefaultFile, mistake, no_such_interface};
use crate::capture::live::{LiveError, LiveSource};
use crate::cli::{Cli, DEFAULT_CONFIG, RecordArgs};
use crate::config::Loaded;
use crate::config::check::Purpose;
use crate::daemon::confine::{Confined, leave_no_core};
use crate::daemon::recorder::{Recorder, StartError};
use crate::daemon::reload::ReadConfig;
use crate::daemon::reload_signal::ReloadSignal;
use crate::daemon::shutdown::{StopFlag, StopSignals};
use crate::telemetry::Notifier;
use anyhow::Context;
use std::path::Path;
use std::sync::Arc;

/// Captures live until SIGTERM or SIGINT, then finishes open recordings.
///
/// # Errors
/// A configuration that is wrong, an interface that cannot be captured, a store that cannot be written.
pub fn run(cli: &Cli, _args: &RecordArgs) -> anyhow::Result<()> {
    let mut notifier = Notifier::from_env();
    record(cli, &mut notifier).inspect_err(|e| notifier.status(&format!("failed: {}", error_text(e))))
}

fn record(cli: &Cli, notifier: &mut Notifier) -> anyhow::Result<()> {
    leave_no_core();
    let loaded = settings::load(&cli.global, DefaultFile::Required, Purpose::Capture, Vec::new())?;
    let recorder =
        Recorder::<LiveSource>::prepare(&loaded.config).map_err(|e| blame_configuration(e, &loaded))?;
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
    if recorder.start()?.run(&stop, notifier) {
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
