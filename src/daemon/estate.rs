//! What a running recorder gives up to the one that takes over from it, step by step.
//!
//! ```text
//! new   hand_over                          old   the history of its calls (history_lines)
//! new   from NS    a moment ahead          old   late, and another is to be named; or
//!                                                gives up lock, metrics port, sockets: yours
//! new   done       it records              old   records what it has to its end, then ends
//! ```
//!
//! Until the old one has said `yours` nothing has happened. From then on the new one has to say `done`: where it does
//! not, the old one finishes what is open and ends as if it had been stopped, and the next start recovers.

use super::history_lines::{write_history, write_refusal};
use super::shutdown::StopFlag;
use crate::call::history::CallHistory;
use crate::store::lock::{DrainLock, RecorderLock};
use crate::telemetry::handover_news::HandoverNews;
use crate::time::Timestamp;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// How long the capture loop may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long the other one may be silent before it is given up.
const SILENT_FOR: Duration = Duration::from_secs(60);
/// How long ports and sockets may take to be closed.
const CLOSED_WITHIN: Duration = Duration::from_secs(10);
/// How often it is looked whether they are.
const LOOK: Duration = Duration::from_millis(20);

/// Somebody else takes over: whoever asks is to ask again.
pub const BUSY: &str = "another one is taking over";

/// What the capture loop is asked for.
#[derive(Debug)]
pub enum EstateStep {
    /// What its calls have come to.
    History(Sender<Option<CallHistory>>),
    /// To record only what begins before; whether that can be.
    Until(Timestamp, Sender<bool>),
    /// Another one records what begins from then on: it ends with its last recording.
    Drain(Timestamp),
}

/// What there can be one of, and who may have it.
pub struct Estate {
    to_capture: Sender<EstateStep>,
    /// Whatever serves ends, and lets go of where it served.
    given_up: StopFlag,
    /// How many serve still.
    serving: AtomicUsize,
    lock: Mutex<Option<RecorderLock>>,
    /// Says to whoever stops the next one that this one is there.
    drains: Mutex<Option<DrainLock>>,
    root: PathBuf,
    /// Why it cannot be handed over.
    refusal: Option<&'static str>,
    /// Ends this process.
    stop: StopFlag,
    turn: Mutex<()>,
}

impl Estate {
    /// Of the recorder that holds `lock`, and the steps that its capture loop is to take.
    pub fn new(
        (lock, root): (RecorderLock, PathBuf),
        stop: &StopFlag,
        refusal: Option<&'static str>,
    ) -> (Arc<Estate>, Receiver<EstateStep>) {
        let (to_capture, steps) = bounded(4);
        let estate = Estate {
            to_capture,
            given_up: StopFlag::default(),
            serving: AtomicUsize::new(0),
            lock: Mutex::new(Some(lock)),
            drains: Mutex::new(None),
            root,
            refusal,
            stop: stop.clone(),
            turn: Mutex::new(()),
        };
        (Arc::new(estate), steps)
    }

    /// It belongs to another one.
    pub fn is_given_up(&self) -> bool {
        self.given_up.is_set()
    }

    /// Serves with `what` by `serve`, until it is given up: then it is closed.
    pub fn serving<T>(&self, what: &Mutex<Option<T>>, serve: impl FnOnce(&T)) {
        let mut held = what.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = held.as_ref() else { return };
        self.serving.fetch_add(1, Ordering::AcqRel);
        serve(open);
        if self.is_given_up() {
            *held = None;
        }
        self.serving.fetch_sub(1, Ordering::AcqRel);
    }

    /// Hands over to whoever is at the other end.
    pub fn hand_over(&self, stream: &UnixStream) {
        let done = match self.turn.try_lock() {
            Ok(_turn) => self.take_steps(stream),
            Err(TryLockError::WouldBlock | TryLockError::Poisoned(_)) => {
                write_refusal(BUSY, &mut &*stream).map_err(|e| e.to_string())
            }
        };
        if let Err(reason) = done {
            HandoverNews::Failed { reason: &reason }.tell();
            if self.is_given_up() {
                self.stop.set();
            }
        }
    }

    fn take_steps(&self, stream: &UnixStream) -> Result<(), String> {
        let told = |e: io::Error| format!("the other one is gone: {e}");
        stream.set_read_timeout(Some(SILENT_FOR)).map_err(told)?;
        stream.set_write_timeout(Some(SILENT_FOR)).map_err(told)?;
        if let Some(why) = self.refusal.filter(|_| !self.is_given_up()) {
            write_refusal(why, &mut &*stream).map_err(told)?;
            return Err(why.into());
        }
        let history = self.ask(EstateStep::History)?.ok_or("no packet has come yet")?;
        let mut out = BufWriter::new(stream);
        write_history(&history, &mut out).and_then(|()| out.flush()).map_err(told)?;
        let mut lines = BufReader::new(stream).lines();
        let mut next =
            || lines.next().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into())).map_err(told);
        let until = loop {
            let line = next()?;
            let ns = line.strip_prefix("from ").and_then(|ns| ns.parse().ok());
            let at = Timestamp::from_ns(ns.ok_or("the other one speaks otherwise")?);
            if self.ask(|reply| EstateStep::Until(at, reply))? {
                break at;
            }
            (&*stream).write_all(b"late\n").map_err(told)?;
        };
        self.give_up()?;
        (&*stream).write_all(b"yours\n").map_err(told)?;
        if next()? != "done" {
            return Err("the other one speaks otherwise".into());
        }
        self.to_capture.send_timeout(EstateStep::Drain(until), ANSWER_WITHIN).map_err(|e| e.to_string())
    }

    fn ask<T>(&self, step: impl FnOnce(Sender<T>) -> EstateStep) -> Result<T, String> {
        let (reply, answer) = bounded(1);
        let gone = "the capture loop does not answer";
        self.to_capture.send_timeout(step(reply), ANSWER_WITHIN).map_err(|_| gone)?;
        answer.recv_timeout(ANSWER_WITHIN).map_err(|_| gone.to_owned())
    }

    /// The recorder has ended: another one may have the store.
    pub fn end(&self) {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.drains.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Closes what there can be one of.
    fn give_up(&self) -> Result<(), String> {
        self.given_up.set();
        let drains = DrainLock::take(&self.root).map_err(|e| e.to_string())?;
        *self.drains.lock().unwrap_or_else(PoisonError::into_inner) = Some(drains);
        let asked = Instant::now();
        while self.serving.load(Ordering::Acquire) > 0 {
            if asked.elapsed() > CLOSED_WITHIN {
                return Err("a port could not be closed".into());
            }
            std::thread::sleep(LOOK);
        }
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(())
    }
}
