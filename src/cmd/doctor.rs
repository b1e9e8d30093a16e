//! `nauhuri doctor`: is this wire fit to record? Nothing is recorded, and nothing written.

use super::decode_worker;
use super::output::{self, remark};
use super::replay::open_tunnels;
use super::settings::{self, DefaultFile, mistake, no_such_interface};
use super::usage::Usage;
use crate::capture::live::LiveError;
use crate::cli::Cli;
use crate::cli::doctor::DoctorArgs;
use crate::config::Loaded;
use crate::config::check::Purpose;
use crate::daemon::confine::leave_no_core;
use crate::daemon::notices::counted;
use crate::daemon::shutdown::{StopFlag, StopSignals};
use crate::doctor::{self, ClockFacts, LiveLook, LiveLookError, Severity, WireFacts, diagnose};
use anyhow::{Context, bail};
use std::time::Duration;

/// Looks at interfaces or captures, and says what is wrong with them and what to do.
///
/// # Errors
/// A configuration that is wrong, or nothing to look at (exit status 2); a capture that cannot be read; a wire
/// that is not fit to record (exit status 1).
pub fn run(cli: &Cli, args: &DoctorArgs) -> anyhow::Result<()> {
    leave_no_core();
    let mut options = Vec::new();
    if !args.interface.is_empty() {
        options.push(("--interface", "capture.interface", args.interface.join(",")));
    }
    let mut loaded = settings::load(&cli.global, DefaultFile::Optional, Purpose::Other, options)?;
    let _log = settings::start_log(&cli.global, 1, false);
    let stop = StopFlag::default();
    StopSignals::handle(&stop)
        .and_then(StopSignals::wait_aside)
        .context("signal handlers cannot be installed")?;
    let facts = match args.captures.is_empty() {
        true => live(cli, args, &loaded, &stop)?,
        false => {
            open_tunnels(&mut loaded);
            doctor::look_at_files(&loaded.config, &args.captures, has_decoders(&loaded), &stop)?
        }
    };
    let facts = WireFacts { is_configured: loaded.sources.file.is_some(), ..facts };
    let findings = diagnose(&facts, &loaded.config);
    match args.json {
        true => output::print(&output::json(&doctor::json(&facts, &findings))?)?,
        false => output::print(&output::plain_lines(&doctor::text(&facts, &findings)))?,
    }
    match findings.iter().filter(|f| f.severity() == Severity::Broken).count() {
        0 => Ok(()),
        n => bail!("not fit to record: {}", counted(n as u64, "thing") + " to mend"),
    }
}

pub(super) fn has_decoders(loaded: &Loaded) -> bool {
    loaded.config.codecs.external && decode_worker::missing(&loaded.config.codecs).is_none()
}

fn live(cli: &Cli, args: &DoctorArgs, loaded: &Loaded, stop: &StopFlag) -> anyhow::Result<WireFacts> {
    let config = &loaded.config;
    let names = &config.capture.interface;
    if names.is_empty() {
        let what = "nothing to look at: name captures, --interface, or set capture.interface";
        return Err(Usage(what.into()).into());
    }
    let store = doctor::look_at_store(config);
    let (sync, watch) = doctor::look_at_clock();
    let at_most = Duration::from_secs(args.seconds.into());
    let look = LiveLook { at_most, stop, has_decoders: has_decoders(loaded) };
    if !cli.global.quiet {
        let seconds = counted(args.seconds.into(), "second");
        remark(format_args!("listening on {} for {seconds}; Ctrl-C ends it early", names.join(", ")));
    }
    let facts = doctor::look_at_interfaces(config, &look).map_err(|e| blame_configuration(e, loaded))?;
    Ok(WireFacts { clock: Some(ClockFacts { sync, set_ns: watch.set_ns() }), store: Some(store), ..facts })
}

/// What the interface said, as a mistake in the configuration where it is one.
pub(super) fn blame_configuration(e: LiveLookError, loaded: &Loaded) -> anyhow::Error {
    match &e {
        LiveLookError::Capture(LiveError::NoSuchInterface { name, known }) => {
            no_such_interface(loaded, name, known).into()
        }
        LiveLookError::Capture(LiveError::Filter { why }) => {
            let found = format!("\"{}\" ({why})", loaded.config.capture.filter);
            mistake(loaded, "capture.filter", found, "a BPF expression, see pcap-filter(7)".into()).into()
        }
        _ => e.into(),
    }
}
