//! The live recorder: interfaces in, recordings out, until asked to stop.

use super::context::Context;
use super::control::asked::{Asked, AskedOfWorker, Errand};
use super::counts::MediaCounts;
use super::crew::{Crew, Pulse};
use super::hep_report::HepReport;
use super::machine_clock::Clock;
use super::notices::{Notice, notices};
use super::observe::RecordingOutcome;
use super::pipeline::{Pipeline, Workshop};
use super::relay::Relay;
use super::shutdown::StopFlag;
use super::totals::snapshot;
use super::unrecorded::by_failure;
use super::wall_steps::WallSteps;
use crate::call::Ending;
use crate::capture::feed::Intake;
use crate::capture::hep_listener::hep_counts::HepCounts;
use crate::capture::live::{FrameSource, LiveError, LiveOptions};
use crate::capture::tls_files::KeyLogs;
use crate::config::{Config, TunnelKind};
use crate::engine::engine_stats::EngineStats;
use crate::engine::{Engine, EngineUpdate};
use crate::sip::ParseError;
use crate::telemetry::Notifier;
use crate::telemetry::events::Event;
use crate::telemetry::label::{DropPlace, Limit, ThreadRole};
use crate::tls::RsaKey;
use crossbeam_channel::Receiver;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Frames taken from one interface before the next is looked at.
const BURST: usize = 1024;
/// Longest wait for frames; timers and the watchdog are served in between.
const WAIT: Duration = Duration::from_millis(50);
/// The same while listeners, which no wait for frames looks at, may have something.
const FED_WAIT: Duration = Duration::from_millis(5);
/// The capture clock follows the machine's this far behind while no frame
/// comes: the kernel may still hold older ones.
const RING_DELAY: Duration = Duration::from_millis(300);
/// How often totals are published.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);
/// How often an interface that failed is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(1);
/// Frames captured before the stop are waited for this long at most; a busy mirror never falls silent.
const LAST_FRAMES: Duration = Duration::from_secs(1);
/// Recordings open at the stop are finished within so long; what is not by then is left to the
/// next start. The unit's `TimeoutStopSec=` is longer.
pub const STOP_WITHIN: Duration = Duration::from_secs(60);
/// Kinds and ports of what is not read that are told.
const MAX_TOLD: usize = 64;
/// Without any SIP for this long after the start, something is wrong with the mirror.
const NO_SIP_AFTER: Duration = Duration::from_secs(300);

/// Where packets come in.
pub struct Inlets<S> {
    /// Interfaces.
    pub sources: Vec<S>,
    /// What listeners receive.
    pub intake: Intake,
    /// What those of HEP count.
    pub hep: Arc<HepCounts>,
    /// Private keys of servers whose TLS is opened.
    pub server_keys: Vec<RsaKey>,
    /// What somebody asks of the running recorder.
    pub asked: Receiver<Asked>,
    /// What it takes of new configurations.
    pub updates: Receiver<Box<EngineUpdate>>,
    /// Whom it takes over from, and how it is handed over.
    pub relay: Relay,
}

/// A recorder that has been set up and runs until told to stop.
pub struct Live<S> {
    engine: Engine,
    pipeline: Pipeline,
    sources: Vec<S>,
    /// What comes from elsewhere than an interface.
    intake: Intake,
    asked: Receiver<Asked>,
    updates: Receiver<Box<EngineUpdate>>,
    relay: Relay,
    hep: HepReport,
    key_logs: KeyLogs,
    /// Interfaces that are to be opened again, and why they cannot be.
    lost: Vec<(String, String)>,
    options: LiveOptions,
    context: Arc<Context>,
    crew: Arc<Crew>,
    pulse: Arc<Pulse>,
    counts: Arc<MediaCounts>,
    dropped: [u64; 2],
    /// What time it is. Signs of life and how often something is done go by the machine's.
    clock: Clock,
    began: Instant,
    told_no_sip: bool,
    sip_ports: Vec<u16>,
    /// A listener takes what an interface may show of it as well.
    listens_to_hep: bool,
    told_unread: Vec<Notice>,
    told_unreadable: [u64; ParseError::ALL.len()],
}

/// Opens the interfaces: from here on the kernel keeps what they bring.
///
/// # Errors
/// An interface that cannot be captured.
pub fn open_sources<S: FrameSource>(config: &Config) -> Result<Vec<S>, LiveError> {
    let options = live_options(config);
    config.capture.interface.iter().map(|n| S::open(n, &options)).collect()
}

impl<S: FrameSource> Live<S> {
    /// Starts the workers for what comes in at `inlets`.
    ///
    /// # Errors
    /// No thread to work with.
    pub fn start(
        config: &Config,
        inlets: Inlets<S>,
        context: &Arc<Context>,
        clock: &Clock,
        crew: &Arc<Crew>,
    ) -> std::io::Result<Live<S>> {
        let Inlets { sources, intake, hep, server_keys, asked, updates, mut relay } = inlets;
        let mut engine = relay.take_engine().unwrap_or_else(|| Engine::new(config));
        server_keys.into_iter().for_each(|key| engine.add_server_key(key));
        for s in &sources {
            Event::CaptureStarted { interface: s.name() }.emit(context.metrics());
        }
        let counts = Arc::new(MediaCounts::default());
        let workers = worker_count(config);
        let shop = Workshop {
            workers,
            waits: false,
            queue_bytes: config.limits.queue_bytes.min(config.limits.share(4) / workers.max(1)),
            context,
            timezone: config.retention.timezone.rules(),
            counts: &counts,
            crew,
        };
        let shared = Arc::clone(context);
        let note_failed = move |outcome: RecordingOutcome| {
            by_failure(&outcome).into_iter().for_each(|call| shared.unrecorded.add(call));
        };
        Ok(Live {
            engine,
            pipeline: Pipeline::start(&shop, note_failed)?,
            sources,
            intake,
            asked,
            updates,
            relay,
            hep: HepReport::of(hep),
            key_logs: KeyLogs::of(&config.tls),
            lost: Vec::new(),
            options: live_options(config),
            context: Arc::clone(context),
            crew: Arc::clone(crew),
            pulse: crew.enlist(ThreadRole::Capture, "capture"),
            counts,
            dropped: [0; 2],
            clock: clock.clone(),
            began: clock.now(),
            told_no_sip: false,
            sip_ports: config.sip.ports.listed().to_vec(),
            listens_to_hep: !config.hep.listen.is_empty(),
            told_unread: Vec::new(),
            told_unreadable: Default::default(),
        })
    }

    /// Captures until one of `stops`, does `first` and finishes open recordings. False if a worker died:
    /// then it ends at once, since a fresh start records more than what is left.
    pub fn run(mut self, stops: &[&StopFlag], notifier: &mut Notifier, first: impl FnOnce()) -> bool {
        let _life = self.pulse.enter();
        let (mut published, mut retried) = (Instant::now(), Instant::now());
        let mut wall = WallSteps::new(&self.clock);
        self.context.outlets.readiness.capturing();
        self.relay.begin();
        self.publish(published, notifier);
        while !stops.iter().any(|stop| stop.is_set())
            && !self.pipeline.has_dead()
            && !self.relay.is_over(&self.engine)
        {
            if !self.take_packets() {
                self.wait();
            }
            let now = Instant::now();
            let step_ns = wall.step_ns(&self.clock);
            if step_ns != 0 {
                self.engine.handle_clock_step(step_ns);
            }
            self.engine.handle_timeout(self.clock.wall() - RING_DELAY, &mut self.pipeline);
            self.answer();
            if self.relay.take_steps(&mut self.engine) {
                notifier.fall_silent();
            }
            notifier.ping_if_due(now);
            self.pulse.beat_at(now);
            if now.duration_since(published) >= PUBLISH_EVERY {
                published = now;
                self.publish(now, notifier);
            }
            if !self.lost.is_empty() && now.duration_since(retried) >= RETRY_EVERY {
                retried = now;
                self.reopen();
            }
        }
        first();
        self.finish(notifier)
    }

    fn finish(mut self, notifier: &mut Notifier) -> bool {
        self.crew.tend(Instant::now());
        self.crew.leave();
        self.context.outlets.readiness.stopping();
        notifier.stopping();
        let active = self.context.metrics().ledger().active();
        notifier.status(&format!("stopping: finishing {active} recordings"));
        Event::Stopping { active }.emit(self.context.metrics());
        // What the kernel still holds was captured before the stop.
        let asked = Instant::now();
        while self.take_packets() && asked.elapsed() < LAST_FRAMES {}
        self.intake.close();
        self.pipeline.stop_by(Instant::now() + STOP_WITHIN);
        self.engine.finish(Ending::Shutdown, &mut self.pipeline);
        self.publish_totals();
        let Live { context, pipeline, pulse, .. } = self;
        let all_well = pipeline.join(|| {
            let now = Instant::now();
            pulse.beat_at(now);
            notifier.ping_if_due(now);
        });
        let unfinished = context.metrics().ledger().active();
        Event::Stopped { unfinished }.emit(context.metrics());
        all_well
    }

    /// Until something comes, or a moment has passed.
    fn wait(&self) {
        match (self.sources.is_empty(), self.intake.is_fed()) {
            (true, _) => self.intake.wait(WAIT),
            (false, true) => S::wait(&self.sources, FED_WAIT),
            (false, false) => S::wait(&self.sources, WAIT),
        }
    }

    /// Passes on what is asked of the running recorder: the workers answer. Takes a new configuration.
    fn answer(&mut self) {
        while let Ok(update) = self.updates.try_recv() {
            self.sip_ports = update.sip_ports().to_vec();
            self.engine.update(*update);
        }
        while let Ok(Asked { errand, reply }) = self.asked.try_recv() {
            let only = match errand {
                Errand::Calls => None,
                Errand::Switch { recording, at, switch, by } => {
                    if !self.engine.handle_pause(recording, at, (switch, by), &mut self.pipeline) {
                        continue;
                    }
                    Some(recording)
                }
            };
            self.pipeline.ask(&AskedOfWorker { only, reply });
        }
    }

    /// Takes what waits, of each interface a burst at most; false when there was nothing.
    fn take_packets(&mut self) -> bool {
        let mut busy = false;
        self.take_secrets();
        for datagram in self.intake.take() {
            busy = true;
            self.engine.handle_datagram(&datagram.borrowed(), &mut self.pipeline);
        }
        let mut failed = Vec::new();
        for (i, source) in self.sources.iter_mut().enumerate() {
            for _ in 0..BURST {
                match source.next_frame() {
                    Ok(Some(frame)) => {
                        busy = true;
                        self.engine.handle_frame(&frame, &mut self.pipeline);
                    }
                    Ok(None) => break,
                    Err(e) => {
                        failed.push((i, e));
                        break;
                    }
                }
            }
        }
        for (i, e) in failed.into_iter().rev() {
            let gone = self.sources.remove(i);
            let reason = e.to_string();
            Event::CaptureLost { interface: gone.name(), reason: &reason }.emit(self.context.metrics());
            self.lost.push((gone.name().to_string(), reason));
            self.report_lost();
        }
        busy
    }

    /// What was written to key logs since the last look.
    fn take_secrets(&mut self) {
        let Live { engine, pipeline, key_logs, context, .. } = self;
        key_logs.look(
            Instant::now(),
            |piece| engine.handle_key_log(piece, false, pipeline),
            |file, reason| {
                let reason = reason.to_string();
                Event::KeyLogUnread { file: &file.display().to_string(), reason: &reason }
                    .emit(context.metrics());
            },
        );
    }

    fn reopen(&mut self) {
        for (name, before) in std::mem::take(&mut self.lost) {
            match S::open(&name, &self.options) {
                Ok(s) => {
                    Event::CaptureStarted { interface: s.name() }.emit(self.context.metrics());
                    self.sources.push(s);
                }
                Err(e) => {
                    let reason = e.to_string();
                    if reason != before {
                        let closed = Event::CaptureClosed { interface: &name, reason: &reason };
                        closed.emit(self.context.metrics());
                    }
                    self.lost.push((name, reason));
                }
            }
        }
        self.report_lost();
    }

    fn report_lost(&self) {
        self.context
            .outlets
            .readiness
            .interfaces_lost(self.lost.iter().map(|(name, _)| name.clone()).collect());
    }

    /// What is told once a second: totals, who is alive, whether it records.
    fn publish(&mut self, now: Instant, notifier: &mut Notifier) {
        self.publish_totals();
        let lags: Vec<Duration> = self.pipeline.lags(now).collect();
        lags.iter().for_each(|lag| self.context.metrics().observe_worker_lag(*lag));
        let outlets = &self.context.outlets;
        outlets.readiness.workers_lag(lags.into_iter().max().unwrap_or_default());
        self.crew.tend(now);
        let is_ready = outlets.readiness.check(now);
        outlets.metrics.set_ready(is_ready.is_ok());
        notifier.tell_state(now, is_ready.map(|()| outlets.metrics.ledger().active()));
    }

    fn publish_totals(&mut self) {
        for s in &mut self.sources {
            let new = s.new_drops();
            self.dropped[0] += new.kernel;
            self.dropped[1] += new.interface;
            if new.kernel + new.interface > 0 {
                let (kernel, by_interface) = (new.kernel, new.interface);
                let dropped = Event::FramesDropped { interface: s.name(), kernel, by_interface };
                dropped.emit(self.context.metrics());
                self.pipeline.note_dropped(self.engine.now());
            }
        }
        let mut stats = self.engine.stats();
        stats.super_packets = self.counts.super_packets.load(Ordering::Relaxed);
        let mut s = snapshot(&stats, &self.counts, self.pipeline.dropped(), &self.sip_ports);
        s.dropped[DropPlace::Kernel.index()] = self.dropped[0];
        s.dropped[DropPlace::Interface.index()] = self.dropped[1];
        s.dropped[DropPlace::Feed.index()] = self.intake.dropped();
        self.hep.add_to(&mut s);
        if let Some(last) = stats.last_packet {
            let behind = self.clock.wall().since_ns(last).clamp(0, 3_600_000_000_000);
            // Without traffic the newest packet is old, and nothing lags.
            s.capture_lag = Duration::from_nanos(if behind < 5_000_000_000 { behind as u64 } else { 0 });
        }
        s.limits[Limit::Other.index()] +=
            self.context.unrecorded.left_out() + self.context.unassured.left_out();
        self.context.metrics().publish(&s);
        self.report_unread(&stats);
        self.hep.tell(self.context.metrics());
        let waited = self.clock.now().saturating_duration_since(self.began);
        if waited > NO_SIP_AFTER && !self.told_no_sip && stats.sip_messages() == 0 {
            self.told_no_sip = true;
            Event::NoSignalling { waited }.emit(self.context.metrics());
        }
    }

    /// What cannot be read is said when it is first seen, once for each kind and port.
    fn report_unread(&mut self, stats: &EngineStats) {
        let before = std::mem::replace(&mut self.told_unreadable, stats.sip_unreadable);
        for ((why, n), before) in ParseError::ALL.iter().zip(stats.sip_unreadable).zip(before) {
            if n > before {
                let reason = why.to_string();
                let last = stats.sip_unreadable_last[*why as usize];
                let last = last.map(|(transport, flow)| (transport.as_str(), flow.src, flow.dst));
                Event::SipUnreadable { reason: &reason, count: n - before, last }
                    .emit(self.context.metrics());
            }
        }
        for n in notices(stats, &self.sip_ports) {
            if self.told_unread.len() >= MAX_TOLD {
                return;
            }
            let is_taken = self.listens_to_hep && n.tunnel == Some(TunnelKind::Hep);
            if !is_taken && !self.told_unread.iter().any(|told| told.is_same(&n)) {
                let Notice { kind: what, number, tunnel, count } = n;
                let sender = tunnel.and_then(|kind| stats.tunnel_senders[kind.index()]);
                let sender = sender.map(|addr| addr.to_string()).unwrap_or_default();
                let event = match tunnel {
                    None => Event::Unread { what, number, count },
                    Some(kind) => Event::TunnelRefused { kind: kind.as_str(), sender: &sender, count },
                };
                event.emit(self.context.metrics());
                self.told_unread.push(n);
            }
        }
    }
}

/// Threads that decode and write: as configured, else one less than there are processors.
pub fn worker_count(config: &Config) -> usize {
    match config.limits.workers {
        0 => std::thread::available_parallelism().map_or(1, |n| n.get().saturating_sub(1).max(1)),
        n => n,
    }
}

/// How the configuration wants interfaces to be captured.
pub fn live_options(config: &Config) -> LiveOptions {
    LiveOptions {
        filter: config.capture.filter.clone(),
        buffer_mib: config.capture.buffer_mib,
        promiscuous: config.capture.promiscuous,
    }
}
