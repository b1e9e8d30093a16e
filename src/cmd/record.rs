//! `nauhuri record`: captures live until stopped.

use super::settings::{self, DefaultFile};
use crate::capture::live::LiveError;
use crate::cli::{Cli, DEFAULT_CONFIG, RecordArgs};
use crate::config::check::Purpose;
use crate::config::error::{ConfigError, Problem};
use crate::config::{Config, Loaded, Term};
use crate::daemon::archivist::Archivist;
use crate::daemon::confine::{Confined, confine};
use crate::daemon::deck::Shelf;
use crate::daemon::housekeeping;
use crate::daemon::live::Live;
use crate::daemon::shutdown::StopFlag;
use crate::store::calendar::due;
use crate::store::files::Access;
use crate::store::lock::{EditLock, StoreLock};
use crate::store::mark;
use crate::store::recover::{self, Action, RecoverOptions};
use crate::store::sidecar::Sidecar;
use crate::store::writer::WriterOptions;
use crate::telemetry::events::{About, Event};
use crate::telemetry::fault::Fault;
use crate::telemetry::http::{Port, Server};
use crate::telemetry::{Metrics, Notifier, Readiness};
use crate::time::Timestamp;
use anyhow::Context;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

/// Captures live until SIGTERM or SIGINT, then finishes open recordings.
///
/// # Errors
/// A configuration that is wrong, an interface that cannot be captured, a store that cannot be written.
pub fn run(cli: &Cli, _args: &RecordArgs) -> anyhow::Result<()> {
    let loaded = settings::load(&cli.global, DefaultFile::Required, Purpose::Capture, Vec::new())?;
    let config = &loaded.config;
    let timezone = settings::timezone(config)?;
    let shelf = Arc::new(shelf(config));

    // What needs rights comes first, on one thread: those started after `confine` inherit the lock.
    let sources = Live::open(config).map_err(|e| blame_configuration(e, &loaded))?;
    let state = mark::state_folder(&shelf.root, config.storage.state.as_deref());
    let cannot = || format!("the store {} cannot be used", shelf.root.display());
    // Not a file is written where another store, or none, is mounted.
    let now = Timestamp::from_jiff(jiff::Timestamp::now());
    mark::must_be(&shelf.root, &config.storage.id).with_context(cannot)?;
    mark::enter(&shelf.root, &state, now).with_context(cannot)?;
    let mut lock = StoreLock::enter(&shelf.root).with_context(cannot)?;
    let port = match config.metrics.listen.trim() {
        "" => None,
        listen => Some(Port::open(listen)?),
    };
    let confined = confine_to(cli, config);

    let _log = settings::start_log(&cli.global, 0, true);
    Event::Started { version: env!("CARGO_PKG_VERSION") }.emit(&shelf.metrics);
    tell_confined(&confined);
    let stop = StopFlag::default();
    stop.on_signals().context("signal handlers cannot be installed")?;
    recover_leftovers(config, &shelf, &mut lock, &EditLock::wait(&state)?, &timezone)?;
    housekeeping::look(&shelf);
    let live = Live::start(config, sources, &shelf, &timezone)?;
    let _server = port.map(|p| serve(p, &shelf)).transpose()?;
    let keeper = housekeeping::start(&shelf, &stop, &config.capture.interface)?;
    // Its last look is for what the workers finish after the stop.
    let finished = StopFlag::default();
    let archivist = Archivist::new(config, &shelf, &timezone).start(&finished)?;

    let mut notifier = Notifier::from_env();
    notifier.ready();
    let all_well = live.run(&stop, &mut notifier);
    stop.set();
    finished.set();
    let _ = keeper.join();
    let _ = archivist.join();
    if all_well { Ok(()) } else { anyhow::bail!("a worker died: this is a bug in nauhuri") }
}

fn shelf(config: &Config) -> Shelf {
    let services = config.service.iter().map(|s| s.name.as_str());
    Shelf {
        root: config.storage.dir.clone(),
        encoding: config.storage.encoding,
        options: WriterOptions { access: Access::of(config.storage.group_read), ..WriterOptions::default() },
        prompt: true,
        free_bytes: AtomicU64::new(u64::MAX),
        min_free: config.storage.min_free,
        existing: None,
        metrics: Arc::new(Metrics::new(services.chain([config.service_default.name.as_str()]))),
        readiness: Arc::new(Readiness::new(config.storage.min_free)),
        troubled: AtomicBool::new(false),
    }
}

fn serve(port: Port, shelf: &Arc<Shelf>) -> anyhow::Result<Server> {
    let server = Server::serve(port, Arc::clone(&shelf.metrics), Arc::clone(&shelf.readiness))?;
    Event::MetricsListening { addr: server.addr() }.emit(&shelf.metrics);
    Ok(server)
}

/// Locks this thread, and those it will start, into the store.
fn confine_to(cli: &Cli, config: &Config) -> Confined {
    let file = cli.global.config.as_deref().unwrap_or(Path::new(DEFAULT_CONFIG));
    let state = config.storage.state.as_deref();
    // The audit log's newest link goes to a file elsewhere.
    let anchor = config.audit.anchor.parent().filter(|p| p.is_dir());
    let write: Vec<&Path> = state.into_iter().chain(anchor).chain([config.storage.dir.as_path()]).collect();
    confine(&write, &[file])
}

fn tell_confined(c: &Confined) {
    let capabilities = if c.kept.is_empty() { "none".to_string() } else { c.kept.join(" ") };
    tracing::info!(files = %c.files, capabilities, "rights given up");
    if let Some(reason) = &c.capabilities_failed {
        tracing::info!(reason, "capabilities could not be given up");
    }
}

/// Finishes what a crash left, before anything new is recorded.
fn recover_leftovers(
    config: &Config,
    shelf: &Arc<Shelf>,
    lock: &mut StoreLock,
    edits: &EditLock,
    timezone: &jiff::tz::TimeZone,
) -> anyhow::Result<()> {
    let default = config.service_default.clone();
    let zone = timezone.clone();
    let term = Term::parse(&default.retention)?;
    let options = RecoverOptions {
        writer: shelf.options.clone(),
        fallback_due: Some(Box::new(move |at| due(at, &term, default.retention_bound, &zone))),
    };
    for o in recover::recover(lock, edits, &options)? {
        match o.action {
            Action::Recovered { .. } | Action::Completed => {
                let json = o.name.with_added_extension("json");
                let Ok(s) = Sidecar::read(&json) else { continue };
                let service = s.service.as_deref().unwrap_or(&config.service_default.name);
                let about = About { recording: s.id, call_group: s.call_group, service };
                Event::RecordingRecovered(about).emit(&shelf.metrics);
            }
            Action::EditDropped => {}
            Action::Left { why } => tracing::warn!(why, "a leftover in the store was not touched"),
            Action::Failed(e) => {
                let fault = Fault::new(e.kind(), e.code());
                Event::WriteFailed { recording: None, fault }.emit(&shelf.metrics);
            }
        }
    }
    Ok(())
}

/// What the interface said, as a mistake in the configuration where it is one.
fn blame_configuration(e: LiveError, loaded: &Loaded) -> anyhow::Error {
    let (key, found, allowed) = match &e {
        LiveError::NoSuchInterface { name, known } => {
            ("capture.interface", format!("\"{name}\", which is no interface here"), known.clone())
        }
        LiveError::Filter { why } => {
            let found = format!("\"{}\" ({why})", loaded.config.capture.filter);
            ("capture.filter", found, "a BPF expression, see pcap-filter(7)".to_string())
        }
        _ => return e.into(),
    };
    let (origin, line) = loaded.sources.of(key);
    let problem = Problem { origin, key: key.into(), line, found, allowed, nearest: None };
    ConfigError::from(problem).into()
}
