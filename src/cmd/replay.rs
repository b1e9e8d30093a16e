//! `nauhuri replay`: the same engine over capture files.

mod summary;

use super::decode_worker;
use super::output::{self, remark};
use super::settings::{self, DefaultFile};
use crate::capture::merge::Merged;
use crate::cli::{Cli, ReplayArgs};
use crate::config::advice::has_no_agent_rule;
use crate::config::check::Purpose;
use crate::config::error::ValueOrigin;
use crate::config::{Config, Loaded, TunnelRule};
use crate::daemon::capture_loop::worker_count;
use crate::daemon::confine::leave_no_core;
use crate::daemon::context::Context;
use crate::daemon::notices::counted;
use crate::daemon::observe::RecordingOutcome;
use crate::daemon::replay::{Onlooker, Replayed, replay};
use crate::daemon::unrecorded::assure;
use crate::store::files::{Access, Folder};
use crate::store::lock::StoreLock;
use crate::store::mark;
use crate::store::register::Register;
use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::tz::TimeZone;
use std::io::IsTerminal;
use std::sync::Arc;

/// Records from capture files on the packets' own clock.
///
/// # Errors
/// A configuration that is wrong, a capture that cannot be read, a folder that cannot be written.
pub fn run(cli: &Cli, args: &ReplayArgs) -> anyhow::Result<()> {
    leave_no_core();
    let mut options = Vec::new();
    if let Some(out) = &args.out {
        options.push(("--out", "storage.dir", out.display().to_string()));
    }
    if let Some(n) = args.workers {
        options.push(("--workers", "limits.workers", n.to_string()));
    }
    let mut loaded = settings::load(&cli.global, DefaultFile::Optional, Purpose::Other, options)?;
    // The summary tells what was recorded; INFO lines are for those who ask.
    let _log = settings::start_log(&cli.global, 1, false);
    open_tunnels(&mut loaded);
    let config = loaded.config;
    let captures = Merged::open(&args.captures)?;
    let root = &config.storage.dir;
    std::fs::create_dir_all(root).with_context(|| format!("{}: cannot be made", root.display()))?;
    // A store that a recorder may use is entered beside it; a folder of one's own needs no lock.
    let _lock = match args.out {
        Some(_) => None,
        None => {
            mark::must_be(root, &config.storage.id)?;
            let mut lock = StoreLock::enter(root)?;
            lock.share()?;
            Some(lock)
        }
    };
    let context = Arc::new(Context::replaying(&config));
    context.decode_by(decode_worker::program(), &config.codecs);
    let bar = progress_bar(cli, captures.total_bytes().unwrap_or(0));
    let done = replay(
        &config,
        &context,
        config.retention.timezone.rules(),
        worker_count(&config),
        captures,
        &mut Bar(&bar),
    )?;
    bar.finish_and_clear();
    let warnings = warn(cli, &done, &config);
    let summary = if args.json { summary::json(&done, &warnings, root)? } else { summary::text(&done, root) };
    register(&config, args.out.is_some(), &done, (&context, config.retention.timezone.rules()))?;
    output::print(&summary)?;
    failures(&done)
}

/// Whoever plays a capture without a word of configuration wants all that is in it.
pub(super) fn open_tunnels(loaded: &mut Loaded) {
    let is_default = loaded.sources.of("capture.tunnels").0 == ValueOrigin::Defaults;
    let capture = &mut loaded.config.capture;
    if loaded.sources.file.is_none() && is_default {
        capture.tunnels = vec![TunnelRule::ANY];
    }
    capture.tunnels.extend(loaded.config.hep.as_tunnels());
}

/// Says what is to be told of the captures, of what is in them, and of a configuration without an agent.
pub(super) fn warn(cli: &Cli, done: &Replayed, config: &Config) -> Vec<String> {
    let warnings = summary::warnings(done, config.sip.ports.listed());
    if has_no_agent_rule(&config.agents) && !cli.global.quiet {
        remark(format_args!("note: no agent rule is set: the called party of each call counts as the agent"));
    }
    for w in &warnings {
        remark(format_args!("warning: {}", output::plain(w)));
    }
    warnings
}

/// Writes what was not recorded into the store's register, as the recorder does.
fn register(
    config: &Config,
    is_own_folder: bool,
    done: &Replayed,
    (context, zone): (&Context, &TimeZone),
) -> anyhow::Result<()> {
    let mut calls = summary::not_recorded(done);
    calls.extend(context.unrecorded.take());
    if calls.is_empty() {
        return Ok(());
    }
    assure(config, zone, &calls)?;
    let root = &config.storage.dir;
    // A folder of one's own keeps its state to itself, wherever that of the store is.
    let state = mark::state_folder(root, config.storage.state.as_deref().filter(|_| !is_own_folder));
    let state = Folder::make(&state, Access::of(config.storage.group_read))?;
    Register::new(state).append_new(calls)?;
    Ok(())
}

/// Calls that should have been recorded and could not be are a failure of the work.
fn failures(done: &Replayed) -> anyhow::Result<()> {
    use crate::telemetry::label::FailReason;
    let missed = done
        .outcomes
        .iter()
        .filter(|o| matches!(o, RecordingOutcome::Failed { reason, .. } if *reason != FailReason::NoMedia));
    match missed.count() {
        0 => {}
        n => anyhow::bail!("{} could not be written; see the messages above", counted(n as u64, "recording")),
    }
    if !done.unread.is_empty() {
        anyhow::bail!("nothing can be read in {}; see the messages above", done.unread.join(", "));
    }
    Ok(())
}

/// Shows how much of the captures has been read.
struct Bar<'a>(&'a ProgressBar);

impl Onlooker for Bar<'_> {
    fn progress(&mut self, bytes: u64) {
        self.0.set_position(bytes);
    }
}

/// A bar on a terminal, nothing elsewhere.
pub(super) fn progress_bar(cli: &Cli, total: u64) -> ProgressBar {
    if cli.global.quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = if total > 0 { ProgressBar::new(total) } else { ProgressBar::new_spinner() };
    let form = "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    if let Ok(style) = ProgressStyle::with_template(form) {
        bar.set_style(style);
    }
    bar
}
