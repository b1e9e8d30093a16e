//! What an earlier run left unfinished, finished beside the recording of new calls.
//!
//! On the archivist's thread, a little at a time: the store is looked through by names, while
//! nobody else is let in and what this run makes is noted ([`super::context::Names`]); then
//! leftovers are finished one by one whenever nobody edits the store.

use super::context::Context;
use super::crew::Pulse;
use super::machine_clock::Clock;
use crate::config::Config;
use crate::store::StoreError;
use crate::store::calendar::due;
use crate::store::lock::{EditLock, StoreLock};
use crate::store::recover::{Leftover, RecoverOptions, RecoveryAction, RecoveryOutcome, finish, survey};
use crate::store::sidecar::Sidecar;
use crate::telemetry::events::{About, Event};
use crate::telemetry::fault::Fault;
use jiff::tz::TimeZone;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long others who edit are kept waiting at a time.
const AT_ONCE: Duration = Duration::from_millis(500);
/// How often it is looked whether others that record have left.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Somebody who keeps the store to himself for so long is told of.
const TELL_AFTER: Duration = Duration::from_secs(30);

/// The work that is left.
pub struct Recovery {
    context: Arc<Context>,
    state: PathBuf,
    clock: Clock,
    options: RecoverOptions,
    default_service: String,
    /// Given back shared; held for as long as the recorder lives.
    lock: StoreLock,
    surveyed: bool,
    /// When it is looked again whether others have left.
    look_again: Option<Instant>,
    leftovers: VecDeque<Leftover>,
    /// Since when nobody lets us in, and whether that has been told.
    waiting: Option<(Instant, bool)>,
}

impl Recovery {
    /// For a store that has been entered. Where others are in it as well, what is left over is known once they
    /// have gone.
    pub fn new(
        config: &Config,
        context: &Arc<Context>,
        zone: &TimeZone,
        clock: &Clock,
        state: &Path,
        lock: StoreLock,
    ) -> Recovery {
        let default = config.service_default.clone();
        let (zone, term) = (zone.clone(), default.retention);
        let options = RecoverOptions {
            writer: context.writing.options.clone(),
            fallback_due: Some(Box::new(move |at| due(at, term, default.retention_bound, &zone))),
        };
        Recovery {
            context: Arc::clone(context),
            state: state.to_owned(),
            clock: clock.clone(),
            options,
            default_service: default.name,
            lock,
            surveyed: false,
            look_again: None,
            leftovers: VecDeque::new(),
            waiting: None,
        }
    }

    /// Everything that can be finished now is.
    pub fn is_done(&self) -> bool {
        let waits = self.look_again.is_some_and(|at| self.clock.now() < at);
        (self.surveyed || waits) && self.leftovers.is_empty()
    }

    /// Goes on for a moment.
    pub fn step(&mut self, pulse: &Pulse) {
        if !self.surveyed {
            self.survey();
        }
        if self.leftovers.is_empty() {
            return;
        }
        let edits = match EditLock::try_now(&self.state) {
            Ok(Some(edits)) => edits,
            Ok(None) => return self.wait(),
            Err(e) => return self.failed(&e),
        };
        self.waiting = None;
        let began = Instant::now();
        while began.elapsed() < AT_ONCE
            && let Some(leftover) = self.leftovers.pop_front()
        {
            pulse.beat();
            match finish(self.lock.root(), &leftover, &edits, &self.options) {
                Ok(Some(outcome)) => self.report(outcome),
                Ok(None) => {}
                Err(e) => self.failed(&e),
            }
        }
        self.context.metrics().set_leftovers(self.leftovers.len() as u64);
    }

    /// By names only, which is done before anybody else is let in.
    fn survey(&mut self) {
        if !self.lock.is_alone() {
            self.look_again = Some(self.clock.now() + LOOK_AGAIN);
            match self.lock.try_alone() {
                Ok(true) => {}
                Ok(false) => return,
                Err(e) => return self.failed(&e),
            }
        }
        self.surveyed = true;
        let (mut leftovers, failed) = survey(self.lock.root());
        failed.into_iter().for_each(|outcome| self.report(outcome));
        self.context.leftovers.keep_others(&mut leftovers, Leftover::stem);
        if let Err(e) = self.lock.share() {
            self.failed(&e);
        }
        let recordings = leftovers.len() as u64;
        Event::LeftoversFound { recordings }.emit(self.context.metrics());
        self.context.metrics().set_leftovers(recordings);
        self.leftovers = leftovers.into();
    }

    fn wait(&mut self) {
        let now = self.clock.now();
        let (since, is_told) = *self.waiting.get_or_insert((now, false));
        let waited = now.saturating_duration_since(since);
        if waited >= TELL_AFTER && !is_told {
            self.waiting = Some((since, true));
            Event::StoreHeld { waited }.emit(self.context.metrics());
        }
    }

    fn report(&self, o: RecoveryOutcome) {
        let metrics = self.context.metrics();
        match o.action {
            RecoveryAction::Recovered { .. } | RecoveryAction::Completed => {
                let json = o.name.with_added_extension("json");
                let Ok(s) = Sidecar::read(&json) else { return };
                let service = s.service.as_deref().unwrap_or(&self.default_service);
                let about = About { recording: s.id, call_group: s.call_group, service };
                Event::RecordingRecovered(about).emit(metrics);
            }
            RecoveryAction::EditDropped => {}
            RecoveryAction::Left { why } => Event::LeftoverKept { reason: why }.emit(metrics),
            RecoveryAction::Failed(e) => self.failed(&e),
        }
    }

    fn failed(&self, e: &StoreError) {
        let fault = Fault::new(e.kind(), e.code());
        Event::WriteFailed { recording: None, fault }.emit(self.context.metrics());
    }
}
