//! The capture loop between the recorder before it and the one after it.

use super::estate::EstateStep;
use super::succession::Succession;
use crate::engine::Engine;
use crate::telemetry::handover_news::HandoverNews;
use crate::time::Timestamp;
use crossbeam_channel::Receiver;
use std::time::{Duration, Instant};

/// What was answered before it was handed over shows by then that it is a call.
const LAST_OPENED: Duration = Duration::from_secs(2);
/// A recording that goes on after another recorder has taken over ends after so long.
const DRAINS_FOR: Duration = Duration::from_secs(4 * 3600);

/// Whom it takes over from, and how it is handed over.
pub struct Relay {
    /// Told that this one records, once it does.
    predecessor: Option<Succession>,
    steps: Receiver<EstateStep>,
    /// What begins from this moment on is another recorder's, and since when that is so.
    drains: Option<(Timestamp, Instant)>,
}

impl Relay {
    /// After `predecessor`, if there is one; to be handed over by these steps.
    pub fn new(predecessor: Option<Succession>, steps: Receiver<EstateStep>) -> Relay {
        Relay { predecessor, steps, drains: None }
    }

    /// The engine that knows the calls of the recorder before; asked once.
    pub fn take_engine(&mut self) -> Option<Engine> {
        self.predecessor.as_mut().and_then(Succession::take_engine)
    }

    /// This one records.
    pub fn begin(&self) {
        if let Some(predecessor) = &self.predecessor {
            predecessor.done();
        }
    }

    /// Takes the steps of a hand-over. True where it is done.
    pub fn take_steps(&mut self, engine: &mut Engine) -> bool {
        while let Ok(step) = self.steps.try_recv() {
            // Whoever asked and is gone asks no more.
            match step {
                EstateStep::History(reply) => drop(reply.try_send(engine.history())),
                EstateStep::Until(at, reply) => drop(reply.try_send(engine.record_until(at))),
                EstateStep::Drain(until) => {
                    self.drains = Some((until, Instant::now()));
                    HandoverNews::HandedOver { recordings: engine.own_recordings() as u64 }.tell();
                    return true;
                }
            }
        }
        false
    }

    /// It was handed over, what it has is recorded, and nothing more comes.
    pub fn is_over(&self, engine: &Engine) -> bool {
        self.drains.is_some_and(|(until, since)| {
            let is_done = engine.own_recordings() == 0 && engine.now() > until + LAST_OPENED;
            is_done || since.elapsed() > DRAINS_FOR
        })
    }
}
