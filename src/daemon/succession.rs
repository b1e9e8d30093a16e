//! Taking over from a recorder that runs: learning its calls, then recording what begins.
//!
//! The other side is [`super::estate`]. Both capture for a while, so that no packet is missed: what comes after the
//! moment that both agree on waits in this one's rings until its threads run.

use super::control::protocol::{ControlCommand, ControlRequest, VERSION};
use super::estate::BUSY;
use super::history_lines::{HistoryError, read_history};
use super::machine_clock::Clock;
use crate::call::Decision;
use crate::capture::live::FrameSource;
use crate::capture::tls_files::{TlsFileError, server_keys};
use crate::config::Config;
use crate::custody::audit::SystemAccount;
use crate::engine::{Engine, MediaPacket, Sink};
use crate::time::Timestamp;
use nix::sys::socket::{setsockopt, sockopt::ReceiveTimestamp};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::UdpSocket;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// How long both follow the same packets before the moment is named: a party moves or is heard anew meanwhile.
const TOGETHER: Duration = Duration::from_millis(1500);
/// How far ahead that moment is.
const AHEAD: Duration = Duration::from_millis(1500);
/// From so long before it on what comes waits in the rings.
const LEFT_IN_RINGS: Duration = Duration::from_millis(250);
/// How long the other one may be silent.
const SILENT_FOR: Duration = Duration::from_secs(30);
/// Moments named before it is given up.
const TRIES: usize = 5;
/// Frames taken from one interface before the next is looked at.
const BURST: usize = 1024;
/// Longest wait for frames.
const WAIT: Duration = Duration::from_millis(20);
/// The capture clock follows the machine's this far behind while no frame comes.
const RING_DELAY: Duration = Duration::from_millis(300);

/// Why it did not come about.
#[derive(Debug, thiserror::Error)]
pub enum SuccessionError {
    /// The history of its calls could not be had.
    #[error("of its calls {0}")]
    History(#[from] HistoryError),
    /// It is gone, or says nothing.
    #[error("it does not answer: {0}")]
    Silent(#[from] io::Error),
    /// A private key that TLS is to be opened with.
    #[error(transparent)]
    Tls(#[from] TlsFileError),
    /// No moment could be agreed on.
    #[error("it is behind by more than {ms} ms", ms = AHEAD.as_millis())]
    Behind,
}

/// A recorder's calls, taken over.
pub struct Succession {
    /// Knows them, and records what begins from a moment on.
    engine: Option<Engine>,
    /// So many recordings are known here
    pub known: u64,
    /// of so many of the other one's.
    pub of: u64,
    stream: UnixStream,
    /// While somebody asks for stamps, the kernel stamps each packet once, for all who capture it.
    _stamps: Option<UdpSocket>,
}

impl Succession {
    /// The engine that knows the calls; asked once.
    pub fn take_engine(&mut self) -> Option<Engine> {
        self.engine.take()
    }

    /// It records: the other one may end.
    pub fn done(&self) {
        // Where it is gone meanwhile it has ended.
        let _ = (&self.stream).write_all(b"done\n");
    }
}

/// Takes over from the recorder that listens at `control.socket`. `None` where none does.
///
/// # Errors
/// [`SuccessionError`]; the other one has been asked to stop then.
pub fn succeed<S: FrameSource>(
    config: &Config,
    sources: &mut [S],
    clock: &Clock,
) -> Result<Option<Succession>, SuccessionError> {
    let path = &config.control.socket;
    let Some(stream) = (!path.as_os_str().is_empty()).then(|| UnixStream::connect(path).ok()).flatten()
    else {
        return Ok(None);
    };
    match take_over(&stream, config, sources, clock) {
        // Then that one is to be taken over from.
        Err(SuccessionError::History(HistoryError::Refused(why))) if why == BUSY => Ok(None),
        Ok((engine, known, of, stamps)) => {
            Ok(Some(Succession { engine: Some(engine), known, of, stream, _stamps: stamps }))
        }
        Err(e) => {
            end(&stream, Signal::TERM);
            Err(e)
        }
    }
}

type TakenCalls = (Engine, u64, u64, Option<UdpSocket>);

fn take_over<S: FrameSource>(
    stream: &UnixStream,
    config: &Config,
    sources: &mut [S],
    clock: &Clock,
) -> Result<TakenCalls, SuccessionError> {
    let stamps = stamp_once();
    stream.set_read_timeout(Some(SILENT_FOR))?;
    stream.set_write_timeout(Some(SILENT_FOR))?;
    let who = SystemAccount::of_process();
    let request = ControlRequest { version: VERSION, command: ControlCommand::HandOver, who };
    let mut line = serde_json::to_vec(&request).map_err(io::Error::from)?;
    line.push(b'\n');
    { stream }.write_all(&line)?;
    let mut answers = BufReader::new(stream);
    let history = read_history(&mut answers, config.limits.share(2) as u64)?;
    let mut engine = Engine::new(config);
    server_keys(&config.tls)?.into_iter().for_each(|key| engine.add_server_key(key));
    let known = engine.learn(&history) as u64;
    follow(&mut engine, sources, Instant::now() + TOGETHER, clock);
    for _ in 0..TRIES {
        let from = clock.wall() + AHEAD;
        let quiet = Instant::now() + AHEAD.saturating_sub(LEFT_IN_RINGS);
        if !engine.record_from(from) {
            follow(&mut engine, sources, quiet, clock);
            continue;
        }
        { stream }.write_all(format!("from {}\n", from.as_ns()).as_bytes())?;
        follow(&mut engine, sources, quiet, clock);
        let mut answer = String::new();
        answers.read_line(&mut answer)?;
        match answer.as_str() {
            "yours\n" => return Ok((engine, known, history.recordings.len() as u64, stamps)),
            "late\n" => {}
            _ => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }
    Err(SuccessionError::Behind)
}

/// Takes what waits until then; nothing of it is recorded here.
fn follow<S: FrameSource>(engine: &mut Engine, sources: &mut [S], until: Instant, clock: &Clock) {
    while Instant::now() < until {
        let mut is_idle = true;
        for source in sources.iter_mut() {
            for _ in 0..BURST {
                // One that fails is opened again by the capture loop.
                let Ok(Some(frame)) = source.next_frame() else { break };
                is_idle = false;
                engine.handle_frame(&frame, &mut Nowhere);
            }
        }
        engine.handle_timeout(clock.wall() - RING_DELAY, &mut Nowhere);
        if is_idle {
            S::wait(sources, WAIT);
        }
    }
}

/// Makes the kernel stamp each packet once, before it is given to those who capture it.
fn stamp_once() -> Option<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0").ok()?;
    setsockopt(&socket, ReceiveTimestamp, &true).ok()?;
    Some(socket)
}

/// Kills the recorder that listens at `control.socket`.
pub fn kill(config: &Config) {
    if let Ok(stream) = UnixStream::connect(&config.control.socket) {
        end(&stream, Signal::KILL);
    }
}

/// Asks the recorder at the other end to finish its calls and to stop, as a restart did before, or kills it.
fn end(stream: &UnixStream, signal: Signal) {
    let pid = rustix::net::sockopt::socket_peercred(stream).map(|peer| peer.pid);
    if let Ok(pid) = pid {
        let _ = kill_process(pid, signal);
    }
}

/// Asks the recorders that only finish their calls to stop as well.
pub fn end_all(pids: &[u32]) {
    let pids = pids.iter().filter_map(|pid| Pid::from_raw(i32::try_from(*pid).ok()?));
    pids.for_each(|pid| {
        let _ = kill_process(pid, Signal::TERM);
    });
}

/// Passes over what is decided before it is this recorder's.
struct Nowhere;

impl Sink for Nowhere {
    fn decision(&mut self, _: Decision) {}
    fn media(&mut self, _: MediaPacket<'_>) {}
    fn tick(&mut self, _: Timestamp) {}
}
