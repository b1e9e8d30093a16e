//! The life of recordings while the recorder runs: the index kept in step with
//! the files, the sweep of what is due, and the figures that tell of both.
//!
//! On a thread of its own, which may wait for disks: neither the capture nor
//! the workers ever wait for it, also not at the start, where an index may have to
//! be built from a million files. The files are the truth; what this thread
//! misses, the next look at the folders finds.

use super::context::Context;
use super::crew::Pulse;
use super::estate::Estate;
use super::latest::Latest;
use super::machine_clock::Clock;
use super::recovery::Recovery;
use super::shutdown::StopFlag;
use super::unrecorded::assure;
use crate::archive::Place;
use crate::archive::forecast::{Space, forecast};
use crate::archive::search::Search;
use crate::config::{ClockTrust, Config};
use crate::custody::audit::{AuditLog, Who};
use crate::custody::dsar::WaitingRequests;
use crate::custody::expire::{Sweep, SweepOptions, SweepTrouble};
use crate::custody::keeper::{Keeper, KeeperError};
use crate::custody::wall_clock::Sync;
use crate::store::calendar::ago;
use crate::store::files::Folder;
use crate::store::layout::open_state;
use crate::store::probe_state::ProbeState;
use crate::store::register::Register;
use crate::telemetry::events::Event;
use crate::telemetry::label::{StorageState, UpkeepTask};
use jiff::tz::TimeZone;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the folders are looked at for new recordings.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often the whole store is looked through for files of deleted recordings that came back.
const WALK_EVERY: Duration = Duration::from_secs(24 * 3600);
/// How often the figures are worked out anew.
const FIGURES_EVERY: Duration = Duration::from_secs(60);
/// How far ahead exhaustion is looked for, days.
const HORIZON_DAYS: u16 = 365;
/// How often the thread looks whether it is to stop.
const NAP: Duration = Duration::from_millis(200);
/// Asked to stop, it goes on finishing what a crash left for so long at most.
const LAST_LEFTOVERS: Duration = Duration::from_secs(5);

/// What the archivist is given, each time it is started.
pub struct Orders {
    /// The configuration in force.
    pub in_force: Arc<Latest<Config>>,
    /// What all threads share.
    pub context: Arc<Context>,
    /// Whose calendar days count.
    pub zone: TimeZone,
    /// What time it is.
    pub clock: Clock,
    /// What an earlier run left; one that dies leaves the rest to the next.
    pub recovery: Mutex<Recovery>,
    /// Somebody else keeps the archive from here on.
    pub estate: Arc<Estate>,
    /// Asked to stop: its last look is for what the workers have finished by then.
    pub stop: StopFlag,
}

/// When something was last done that is done every so often.
#[derive(Debug, Default)]
pub struct Turn(Option<Instant>);

impl Turn {
    /// True when it is time again; then it counts as done.
    pub fn is_due(&mut self, now: Instant, every: Duration) -> bool {
        let is_due = self.0.is_none_or(|last| now.saturating_duration_since(last) >= every);
        if is_due {
            self.0 = Some(now);
        }
        is_due
    }
}

/// When what is done next.
#[derive(Debug, Default)]
struct Timetable {
    open: Turn,
    look: Turn,
    register: Turn,
    figures: Turn,
    sweep: Turn,
    walk: Turn,
}

/// Keeps the archive while the recorder records.
pub struct Archivist<'a> {
    /// As it was at the last look.
    config: Arc<Config>,
    context: &'a Context,
    orders: &'a Orders,
    timetable: Timetable,
    /// A refusal that has been told in the audit log is not told again every hour.
    refused: Option<&'static str>,
}

impl<'a> Archivist<'a> {
    /// Works until asked to stop: what a crash left, then the first sweep at once.
    pub fn work(orders: &'a Orders, pulse: &Arc<Pulse>) {
        let mut archivist = Archivist {
            config: orders.in_force.get(),
            context: &orders.context,
            orders,
            timetable: Timetable::default(),
            refused: None,
        };
        let mut keeper = None;
        while !orders.stop.is_set() {
            pulse.beat();
            archivist.config = orders.in_force.get();
            if orders.estate.is_given_up() {
                keeper = None;
                if archivist.timetable.register.is_due(orders.clock.now(), LOOK_EVERY) {
                    archivist.write_down();
                }
                orders.clock.nap(NAP);
                continue;
            }
            let is_recovered = archivist.recover(pulse);
            archivist.turn(&mut keeper, pulse);
            if is_recovered {
                orders.clock.nap(NAP);
            }
        }
        if orders.estate.is_given_up() {
            return archivist.write_down();
        }
        let asked = Instant::now();
        while !archivist.recover(pulse) && asked.elapsed() < LAST_LEFTOVERS {
            std::thread::sleep(Duration::from_millis(10));
        }
        archivist.write_down();
        if let Some(keeper) = &mut keeper {
            archivist.look(keeper);
        }
    }

    /// Puts answered calls that were not recorded into the register.
    fn write_down(&self) {
        let calls = self.context.unrecorded.take();
        self.context.unassured.put_back(calls.clone());
        self.assure();
        if calls.is_empty() {
            return;
        }
        let place = Place::of(&self.config.storage);
        let written = Folder::make(&place.state, place.access).and_then(|s| Register::new(s).append(&calls));
        match written {
            Ok(no_room) => self.context.unrecorded.no_room(no_room as u64),
            Err(e) => {
                self.context.unrecorded.put_back(calls);
                self.upkeep_failed(UpkeepTask::Register, &e);
            }
        }
    }

    /// Writes the assurance of calls that left no recording.
    fn assure(&self) {
        let waiting = &self.context.unassured;
        if !self.context.health.has_inodes() {
            return;
        }
        let calls = waiting.take();
        match assure(&self.config, &self.orders.zone, &calls) {
            Ok(no_room) => waiting.no_room(no_room),
            Err(e) => {
                waiting.put_back(calls);
                self.upkeep_failed(UpkeepTask::Assurance, &e);
            }
        }
    }

    /// Goes on with what a crash left; true once nothing is left of it.
    fn recover(&self, pulse: &Arc<Pulse>) -> bool {
        let mut recovery = self.orders.recovery.lock().unwrap_or_else(PoisonError::into_inner);
        if !recovery.is_done() {
            recovery.step(pulse);
        }
        recovery.is_done()
    }

    /// Does what is due now.
    fn turn(&mut self, keeper: &mut Option<Keeper>, pulse: &Arc<Pulse>) {
        let now = self.orders.clock.now();
        if self.timetable.register.is_due(now, LOOK_EVERY) {
            self.write_down();
        }
        if keeper.is_none() && self.timetable.open.is_due(now, LOOK_EVERY) {
            *keeper = self.open(pulse);
        }
        let Some(keeper) = keeper else { return };
        if self.timetable.sweep.is_due(now, self.config.retention.sweep) {
            pulse.beat();
            self.sweep(keeper);
        }
        if self.timetable.look.is_due(now, LOOK_EVERY) {
            pulse.beat();
            self.look(keeper);
        }
        if self.timetable.figures.is_due(now, FIGURES_EVERY) {
            pulse.beat();
            self.figures(keeper);
        }
    }

    fn open(&self, pulse: &Arc<Pulse>) -> Option<Keeper> {
        let place = Place::of(&self.config.storage);
        let audit = AuditLog::of(&place.state, &self.config.audit);
        match Keeper::open_heard(&place, audit, self.orders.clock.wall(), &pulse.heartbeat()) {
            Ok(keeper) => Some(keeper),
            Err(e) => {
                self.trouble(&e);
                None
            }
        }
    }

    fn look(&self, keeper: &mut Keeper) {
        self.show_probe();
        match keeper.reconcile() {
            Ok(_) => self.well(),
            Err(e) => self.trouble(&e),
        }
    }

    /// Shows what became of the last test call, which another process placed.
    fn show_probe(&self) {
        let state = Place::of(&self.config.storage).state;
        // Without a state there was no test call either; what is wrong with it is told elsewhere.
        if let Ok(Some(known)) = open_state(&state).and_then(|state| ProbeState::read(&state)) {
            self.context.metrics().set_probe(known.at, known.last_success_at, known.result.known());
        }
    }

    /// Deletes what is due.
    fn sweep(&mut self, keeper: &mut Keeper) {
        let ask = self.config.retention.clock == ClockTrust::Synchronised;
        let reading = self.orders.clock.reading(ask);
        let synchronised = reading.sync == Sync::Yes;
        if ask {
            Event::ClockState { synchronised }.emit(self.context.metrics());
        }
        let walk = self.timetable.walk.is_due(self.orders.clock.now(), WALK_EVERY);
        let options = SweepOptions {
            walk,
            count_wrong_owners: walk,
            untold_refusal: self.refused.is_some(),
            ..SweepOptions::of(&self.config, reading.wall)
        };
        match keeper.sweep(&Who::of_service(), &reading, &options) {
            Ok(sweep) => {
                self.report(&sweep);
                if sweep.is_clean() {
                    Event::SweepDone { at: reading.wall }.emit(self.context.metrics());
                }
                self.well();
            }
            Err(e) => self.trouble(&e),
        }
        let key = keeper.audit().turn_key(reading.wall).unwrap_or_else(|e| {
            self.upkeep_failed(UpkeepTask::AuditKey, &e);
            None
        });
        if let Ok(Some(link)) = keeper.audit().head() {
            let key = key.as_deref();
            Event::AuditHead { entry: link.seq, hash: &link.hash, key }.emit(self.context.metrics());
        }
        if let Some(e) = keeper.take_warning() {
            self.upkeep_failed(UpkeepTask::AuditAnchor, &e);
        }
    }

    fn report(&mut self, sweep: &Sweep) {
        let metrics = self.context.metrics();
        for (recording, service) in &sweep.deleted {
            let service = service.as_deref().unwrap_or_default();
            Event::RetentionDeleted { recording: *recording, service }.emit(metrics);
        }
        for (recording, reason) in &sweep.failed {
            let reason = reason.to_string();
            Event::RetentionFailed { recording: *recording, reason: &reason }.emit(metrics);
        }
        self.refused = sweep.refused.as_ref().map(|r| r.name());
        Event::RetentionRefused { reason: self.refused }.emit(metrics);
        Event::RetentionOverdue { recordings: sweep.overdue }.emit(metrics);
        if let Some(files) = sweep.wrong_owner {
            Event::WrongOwner { files }.emit(metrics);
        }
        for trouble in &sweep.troubles {
            let task = match trouble {
                SweepTrouble::Training(_) => UpkeepTask::Training,
                SweepTrouble::Assurance(_) => UpkeepTask::Assurance,
                SweepTrouble::Requests(_) => UpkeepTask::Requests,
                SweepTrouble::Register(_) => UpkeepTask::Register,
            };
            self.upkeep_failed(task, trouble);
        }
        if !sweep.silent.is_empty() {
            Event::DeletedSilent { recordings: sweep.silent.len() }.emit(metrics);
        }
    }

    fn upkeep_failed(&self, task: UpkeepTask, why: &dyn Display) {
        let reason = why.to_string();
        Event::UpkeepFailed { task, reason: &reason }.emit(self.context.metrics());
    }

    /// Bytes by state, the forecast, the newest audit link.
    fn figures(&self, keeper: &Keeper) {
        let metrics = self.context.metrics();
        let index = keeper.index();
        let now = self.orders.clock.wall();
        if let Ok(s) = index.stats(now) {
            metrics.set_storage_bytes(StorageState::Kept, s.kept.bytes);
            metrics.set_storage_bytes(StorageState::Held, s.held.bytes);
            metrics.set_storage_bytes(StorageState::Due, s.due.bytes);
            Event::RecordingsMissing { recordings: s.missing }.emit(metrics);
            let before = ago(self.config.retention.hold_review, now);
            let due_review = Search { unconfirmed_before: Some(before), ..Search::default() };
            if let Ok(due_review) = index.count(&due_review) {
                metrics.set_holds(s.held.count, due_review);
            }
        }
        if let Ok(overdue) = index.overdue(now) {
            Event::RetentionOverdue { recordings: overdue.count }.emit(metrics);
        }
        match WaitingRequests::of(keeper.audit().state(), index, &self.orders.zone, now) {
            Ok(waiting) => {
                metrics.set_dsar_open(waiting.open);
                metrics.set_dsar_due(waiting.deferred, waiting.overdue, waiting.next_ends(&self.orders.zone));
            }
            Err(e) => self.upkeep_failed(UpkeepTask::Requests, &e),
        }
        let health = &self.context.health;
        let space = Space { free: health.free_bytes(), min_free: health.min_free() };
        if let Ok(f) = forecast(index, now, space, HORIZON_DAYS, &self.orders.zone) {
            metrics.set_exhaustion(f.exhausted_at);
            metrics.set_bytes_per_day(f.services.iter().map(|s| (s.service.as_str(), s.bytes_a_day)));
        }
        if let Ok(Some(link)) = keeper.audit().head() {
            metrics.set_audit_head(link.seq, &link.hash);
        }
    }

    /// What went wrong is told (paths carry truncated numbers only); the files are the truth, and it is tried again.
    fn trouble(&self, e: &KeeperError) {
        let trouble = e.to_string();
        Event::ArchiveState { trouble: Some(&trouble) }.emit(self.context.metrics());
    }

    fn well(&self) {
        Event::ArchiveState { trouble: None }.emit(self.context.metrics());
    }
}
