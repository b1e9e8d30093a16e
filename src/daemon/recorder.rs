//! The recorder, put together: what needs rights first, then the threads, then the capture loop.
//!
//! Calls are recorded from the moment the threads run. What an earlier run left is finished beside
//! that ([`super::recovery`]), and nobody who edits the store can keep the recorder from starting.

use super::archivist::{Archivist, Orders};
use super::before::{Before, draining, told};
use super::capture_loop::{Inlets, Live, STOP_WITHIN, open_sources};
use super::confine::{Confined, confine};
use super::context::Context;
use super::control::asked::ask_line;
use super::control::desktop::{DesktopError, DesktopPort};
use super::control::errands::Errands;
use super::control::{ControlDoors, ControlSocket};
use super::crew::{Crew, Faults, Patience};
use super::decoders::Program;
use super::estate::Estate;
use super::housekeeping;
use super::latest::Latest;
use super::machine_clock::Clock;
use super::open_files::report_files;
use super::recovery::Recovery;
use super::relay::Relay;
use super::reload::{AskedBy, ReadConfig, Reloader, update_line};
use super::reload_signal::ReloadSignal;
use super::serving::{serve_commands, serve_metrics};
use super::shutdown::{StopFlag, StopSignals};
use super::siprec_report::ReportedSiprec;
use super::succession::{Succession, end_all};
use crate::capture::feed::{Feed, Intake, Listener, feed};
use crate::capture::hep_listener::hep_counts::HepCounts;
use crate::capture::hep_listener::{HepListenError, HepListener};
use crate::capture::live::{FrameSource, LiveError};
use crate::capture::siprec_listener::{SiprecListenError, SiprecListener};
use crate::capture::tls_files::{TlsFileError, server_keys};
use crate::config::Config;
use crate::custody::audit::AuditLog;
use crate::store::StoreError;
use crate::store::lock::{RecorderLock, StoreLock};
use crate::store::mark::{self, IdentityError};
use crate::telemetry::events::Event;
use crate::telemetry::http::{Port, ServeError};
use crate::telemetry::label::ThreadRole;
use crate::telemetry::{Metrics, Notifier};
use crate::tls::RsaKey;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long the archivist and the others may take to end after the workers have.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// How often it is looked whether they have.
const LOOK: Duration = Duration::from_millis(50);

/// Why the recorder cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An interface that cannot be captured.
    #[error(transparent)]
    Capture(#[from] LiveError),
    /// An address where recording clients are to be received.
    #[error(transparent)]
    Siprec(#[from] SiprecListenError),
    /// An address where capture agents' packets are to be received.
    #[error(transparent)]
    Hep(#[from] HepListenError),
    /// A private key that TLS is to be opened with.
    #[error(transparent)]
    Tls(#[from] TlsFileError),
    /// Another store than the one that is meant, or none.
    #[error("the store {root} cannot be used: {source}", root = root.display())]
    Identity {
        /// `storage.dir`.
        root: PathBuf,
        /// Why.
        source: IdentityError,
    },
    /// A store that cannot be entered.
    #[error("the store {root} cannot be used: {source}", root = root.display())]
    Store {
        /// `storage.dir`.
        root: PathBuf,
        /// Why.
        source: StoreError,
    },
    /// The metrics port cannot be had.
    #[error(transparent)]
    Metrics(#[from] ServeError),
    /// The port for agents' desktops cannot be had, or their tokens cannot be read.
    #[error(transparent)]
    Desktops(#[from] DesktopError),
    /// No thread, no signal handler.
    #[error("cannot start: {0}")]
    Thread(#[from] io::Error),
}

/// A recorder that has what it needs rights for, and does nothing yet: the kernel keeps what the
/// interfaces bring.
pub struct Recorder<S> {
    config: Config,
    context: Arc<Context>,
    sources: Vec<S>,
    listeners: Vec<Arc<dyn Listener>>,
    feed: (Feed, Intake),
    hep: Arc<HepCounts>,
    server_keys: Vec<RsaKey>,
    state: PathBuf,
    lock: StoreLock,
    recorder_lock: RecorderLock,
    port: Option<Port>,
    doors: ControlDoors,
    clock: Clock,
    faults: Faults,
    decoders: Option<Program>,
    signals: Option<StopSignals>,
    reload_signal: Option<ReloadSignal>,
    read: ReadConfig,
    /// The calls of the recorder before, or why they are not known.
    succession: Result<Option<Succession>, String>,
}

impl<S: FrameSource> Recorder<S> {
    /// Opens interfaces, store and ports, in this order, on one thread.
    ///
    /// # Errors
    /// [`StartError`]
    pub fn prepare(config: &Config) -> Result<Recorder<S>, StartError> {
        Recorder::prepare_after(config, Before::Nobody)
    }

    /// The same after whoever records into the store now.
    ///
    /// # Errors
    /// [`StartError`]
    pub fn prepare_after(config: &Config, before: Before) -> Result<Recorder<S>, StartError> {
        let mut sources = open_sources(config)?;
        let siprec = SiprecListener::open(config)?;
        let server_keys = server_keys(&config.tls)?;
        let (hep_listeners, hep) = HepListener::open_all(config)?;
        let context = Arc::new(Context::recording(config));
        let siprec = siprec.map(|l| Arc::new(ReportedSiprec::new(l, &context)) as Arc<dyn Listener>);
        let hep_listeners = hep_listeners.into_iter().map(|l| Arc::new(l) as Arc<dyn Listener>);
        let listeners = hep_listeners.chain(siprec).collect();
        let clock = Clock::machine();
        let root = &context.writing.root;
        let state = mark::state_folder(root, config.storage.state.as_deref());
        // Not a file is written where another store, or none, is mounted.
        let other = |source| StartError::Identity { root: root.clone(), source };
        mark::must_be(root, &config.storage.id).map_err(other)?;
        mark::enter(root, &state, clock.wall()).map_err(other)?;
        let closed = |source| StartError::Store { root: root.clone(), source };
        let mut lock = StoreLock::enter(root).map_err(closed)?;
        if before == Before::TakenOver {
            // Whoever comes after another finds what that records, not what a crash left.
            lock.share().map_err(closed)?;
        }
        let (succession, recorder_lock) = before.take_lock(config, &mut sources, &clock).map_err(closed)?;
        // Before anybody asks: a log that seems to have lost its entries is an alert.
        if let Ok(Some(link)) = AuditLog::of(&state, &config.audit).head() {
            context.metrics().set_audit_head(link.seq, &link.hash);
        }
        let port = config.metrics.listen.map(Port::open).transpose()?;
        let doors =
            ControlDoors { desktops: DesktopPort::open(config)?, socket: control_socket(config, &context) };
        let (config, faults) = (config.clone(), Faults::default());
        let same = config.clone();
        let read: ReadConfig = Arc::new(move || Ok(same.clone()));
        let room = config.limits.queue_bytes.min(config.limits.share(16));
        Ok(Recorder {
            config,
            context,
            sources,
            listeners,
            feed: feed(room),
            hep,
            server_keys,
            state,
            lock,
            recorder_lock,
            port,
            doors,
            clock,
            faults,
            decoders: None,
            signals: None,
            reload_signal: None,
            read,
            succession,
        })
    }

    /// Records what `listener` receives as well.
    pub fn with_listener(mut self, listener: Arc<dyn Listener>) -> Recorder<S> {
        self.listeners.push(listener);
        self
    }

    /// Where a test breaks a thread.
    pub fn with_faults(self, faults: Faults) -> Recorder<S> {
        Recorder { faults, ..self }
    }

    /// Is stopped by these signals.
    pub fn with_signals(self, signals: StopSignals) -> Recorder<S> {
        Recorder { signals: Some(signals), ..self }
    }

    /// Reads its configuration again like this, where somebody asks for it; else it is the one it was made of.
    pub fn with_configuration(self, read: ReadConfig) -> Recorder<S> {
        Recorder { read, ..self }
    }

    /// Is asked by this signal to read its configuration again.
    pub fn with_reload_signal(self, signal: ReloadSignal) -> Recorder<S> {
        Recorder { reload_signal: Some(signal), ..self }
    }

    /// Lets what is not decoded here be decoded by this program: see [`super::decoders`].
    pub fn with_decoders(self, program: Program) -> Recorder<S> {
        self.context.decode_by(program.clone(), &self.config.codecs);
        Recorder { decoders: self.config.codecs.external.then_some(program), ..self }
    }

    /// By another clock than the machine's, as far as the archive is concerned.
    pub fn with_clock(self, clock: Clock) -> Recorder<S> {
        Recorder { clock, ..self }
    }

    /// What all threads share.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// Where metrics are served, if they are.
    pub fn metrics_at(&self) -> Option<std::net::SocketAddr> {
        self.port.as_ref().map(Port::addr)
    }

    /// Locks this thread, and those it will start, into the store. `file` is the configuration.
    pub fn confine(&self, file: &Path) -> Confined {
        // The audit log's newest link goes to a file elsewhere.
        let anchor = self.config.audit.anchor.parent().filter(|p| p.is_dir());
        let state = self.config.storage.state.as_deref();
        let store = [self.config.storage.dir.as_path()];
        let write: Vec<&Path> = state.into_iter().chain(anchor).chain(store).collect();
        // Started when it is needed, and again where it was lost.
        let run: Vec<&Path> = self.decoders.iter().map(|d| d.path.as_path()).collect();
        // Key logs are replaced under their names, and their folders too where a service makes them anew.
        let key_logs: Vec<PathBuf> = self.config.tls.key_logs().collect();
        let mut read: Vec<&Path> = key_logs.iter().filter_map(|log| folder_of(log)).chain([file]).collect();
        // An editor puts another file in the place of this one: only by its folder can that be read.
        let whole = [std::path::absolute(file), file.canonicalize()];
        let folders = whole.iter().flatten().filter_map(|path| path.parent());
        // Not the root: that would be everything.
        read.extend(folders.filter(|folder| folder.parent().is_some()));
        confine(&write, &read, &run, !self.sources.is_empty())
    }

    /// Starts the threads: from here on calls are recorded once [`RunningRecorder::run`] is called.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn start(self) -> Result<RunningRecorder<S>, StartError> {
        let Recorder { config, context, sources, state, lock, port, doors, clock, .. } = self;
        let (feed, intake) = self.feed;
        let outlets = context.outlets.clone();
        Event::Started { version: env!("CARGO_PKG_VERSION") }.emit(&outlets.metrics);
        report_files(config.limits.recordings as u64, &context);
        housekeeping::look(&context);
        let crew = Arc::new(Crew::new(&outlets.metrics, self.faults));
        outlets.readiness.watched_by(Arc::clone(&crew) as _);
        let (door, asked) = ask_line();
        let (to_capture, updates) = update_line();
        let (hep, server_keys) = (self.hep, self.server_keys);
        let predecessor = told(self.succession);
        let root = context.writing.root.clone();
        let received = "what HEP and SIPREC send is not handed over";
        let refusal = (!self.listeners.is_empty()).then_some(received);
        let ended = StopFlag::default();
        let (estate, steps) = Estate::new((self.recorder_lock, root), &ended, refusal);
        let relay = Relay::new(predecessor, steps);
        let inlets = Inlets { sources, intake, hep, server_keys, asked, updates, relay };
        let live = Live::start(&config, inlets, &context, &clock, &crew)?;
        let stop = StopFlag::default();
        let audit = AuditLog::of(&state, &config.audit);
        let in_force = Arc::new(Latest::new(config.clone()));
        let about = (audit.clone(), clock.clone());
        let reloader = Arc::new(Reloader::new(self.read, &in_force, to_capture, &context, about));
        heed_signals((self.signals, self.reload_signal), &reloader, &crew, &stop)?;
        for listener in self.listeners {
            Event::Listening { listener: &listener.name() }.emit(&outlets.metrics);
            listen(listener, &feed, &crew, &stop)?;
        }
        if let Some(port) = port {
            serve_metrics(port, &outlets, &crew, (&stop, &estate))?;
        }
        if !doors.is_shut() {
            let told = (Arc::clone(&outlets.metrics), Arc::clone(&outlets.readiness));
            let errands = Errands::new(door, audit, told, clock.clone());
            let errands = errands.with_reloader(reloader).with_estate(Arc::clone(&estate));
            let zone = config.retention.timezone.to_string();
            serve_commands(doors, (errands, zone), &outlets, &crew, (&stop, &estate))?;
        }
        let (shared, interfaces, ends) =
            (Arc::clone(&context), config.capture.interface.clone(), stop.clone());
        crew.start(ThreadRole::Housekeeping, "housekeeping", Patience::Short, move |pulse| {
            housekeeping::work(&shared, &interfaces, &ends, pulse);
        })?;
        let zone = config.retention.timezone.rules().clone();
        let recovery = Recovery::new(&config, &context, &zone, &clock, &state, lock);
        // Its last look is for what the workers finish after the stop.
        let finished = StopFlag::default();
        let (stop_archivist, shared) = (finished.clone(), Arc::clone(&context));
        let recovery = Mutex::new(recovery);
        let kept_by = Arc::clone(&estate);
        let orders = Orders {
            in_force,
            context: shared,
            zone,
            clock,
            recovery,
            estate: kept_by,
            stop: stop_archivist,
        };
        crew.start(ThreadRole::Archivist, "archivist", Patience::WhileBusy, move |pulse| {
            Archivist::work(&orders, pulse);
        })?;
        let metrics = Arc::clone(&outlets.metrics);
        Ok(RunningRecorder {
            live,
            crew,
            stop,
            finished,
            metrics,
            estate,
            ended,
            root: context.writing.root.clone(),
        })
    }
}

/// Lets signals stop the recorder, or give it a new configuration.
fn heed_signals(
    (stop_signals, reload_signal): (Option<StopSignals>, Option<ReloadSignal>),
    reloader: &Arc<Reloader>,
    crew: &Crew,
    stop: &StopFlag,
) -> io::Result<()> {
    if let Some(signals) = stop_signals {
        let ends = stop.clone();
        crew.start(ThreadRole::Signals, "signals", Patience::Short, move |pulse| signals.wait(&ends, pulse))?;
    }
    if let Some(signal) = reload_signal {
        let (ends, reloader) = (stop.clone(), Arc::clone(reloader));
        crew.start(ThreadRole::Reload, "reload", Patience::WhileBusy, move |pulse| {
            // What became of it is in the log.
            signal.wait(&ends, pulse, || drop(reloader.reload(&AskedBy::Signal)));
        })?;
    }
    Ok(())
}

/// The local socket. Calls are not lost for want of one.
fn control_socket(config: &Config, context: &Context) -> Option<ControlSocket> {
    let opened = ControlSocket::open(config);
    opened.unwrap_or_else(|e| {
        let reason = e.to_string();
        Event::ControlClosed { reason: &reason }.emit(context.metrics());
        None
    })
}

/// The folder of the folder, or where that is the root the folder itself.
fn folder_of(log: &Path) -> Option<&Path> {
    let folder = log.parent()?;
    let above = folder.parent().filter(|p| p.parent().is_some() && p.is_dir());
    above.or(Some(folder)).filter(|p| p.is_dir())
}

/// Lets `listener` receive on a thread of its own.
fn listen(listener: Arc<dyn Listener>, feed: &Feed, crew: &Crew, stop: &StopFlag) -> io::Result<()> {
    let (feed, stop) = (feed.clone(), stop.clone());
    crew.start(ThreadRole::Listener, &listener.name(), Patience::Short, move |pulse| {
        listener.receive(&feed, &|| {
            pulse.beat();
            !stop.is_set()
        });
    })
}

/// A recorder that records.
pub struct RunningRecorder<S> {
    live: Live<S>,
    crew: Arc<Crew>,
    stop: StopFlag,
    finished: StopFlag,
    metrics: Arc<Metrics>,
    /// What there is one of, until another recorder has it.
    estate: Arc<Estate>,
    /// A hand-over has failed when it could not be taken back.
    ended: StopFlag,
    root: PathBuf,
}

impl<S: FrameSource> RunningRecorder<S> {
    /// Asks whether another recorder has taken over, or is doing so.
    pub fn is_taken(&self) -> impl Fn() -> bool + Send + 'static {
        let estate = Arc::clone(&self.estate);
        move || estate.is_given_up()
    }

    /// Captures on the calling thread until `stop` is set, then finishes what is open. False if a
    /// worker died.
    pub fn run(self, stop: &StopFlag, notifier: &mut Notifier) -> bool {
        let drains = || {
            // Whoever only finishes what it has is stopped with the recorder that came after it.
            let holders = if self.estate.is_given_up() { Vec::new() } else { draining(&self.root) };
            end_all(&holders);
        };
        let all_well = self.live.run(&[stop, &self.ended], notifier, drains);
        self.finished.set();
        // Metrics are served until the archive is in order.
        let archived = self.crew.join(ThreadRole::Archivist, LAST_WORDS);
        self.stop.set();
        let ended = ThreadRole::ALL.iter().all(|role| {
            use ThreadRole::{Control, Housekeeping, Listener, Metrics, Reload, Signals};
            !matches!(role, Metrics | Housekeeping | Listener | Control | Reload | Signals)
                || self.crew.join(*role, LAST_WORDS)
        });
        // Who was stopped with this one has as long as it had.
        let asked = Instant::now();
        while !self.estate.is_given_up() && !draining(&self.root).is_empty() && asked.elapsed() < STOP_WITHIN
        {
            std::thread::sleep(LOOK);
        }
        if !archived || !ended {
            Event::ThreadLeftBehind.emit(&self.metrics);
        }
        // Threads that are left behind may know of it still.
        self.estate.end();
        all_well
    }
}
