//! From the engine to the workers: batches, bounded queues, back pressure.
//!
//! A replay waits for its workers; a live capture must not, so that media
//! beyond `limits.queue_bytes` is dropped, counted, and its recordings marked.
//! Orders for a recording are never dropped: without them a worker would not know what
//! it has. But where twice as much waits, no recording is begun any more.

use super::batch::{Batch, Item};
use super::context::Context;
use super::control::asked::AskedOfWorker;
use super::counts::MediaCounts;
use super::crew::{Crew, Pulse};
use super::observe::{RecordingOutcome, unrecorded_label};
use super::unrecorded::{by_rule, missed};
use super::worker::Worker;
use crate::call::call_id_hash;
use crate::call::{Decision, Opening};
use crate::engine::{MediaPacket, Sink};
use crate::id::RecordingId;
use crate::tape::Kept;
use crate::telemetry::events::{About, Event};
use crate::telemetry::label::{FailReason, ThreadRole};
use crate::time::Timestamp;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use foldhash::fast::RandomState;
use std::collections::HashSet;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A batch is sent when it holds this much media.
const BATCH_BYTES: usize = 128 * 1024;
/// Batches in a queue; the byte bound bites first where it is smaller.
const QUEUE_BATCHES: usize = 512;
/// The same where the engine waits: enough that neither side idles, little enough to stay in the cache.
const WAITING_BATCHES: usize = 4;
/// Empty batches kept for reuse.
const SPARES: usize = 64;
/// A worker without work shows that it lives so often.
const BEAT: Duration = Duration::from_secs(1);
/// How often a worker is looked at that is to end.
const LOOK: Duration = Duration::from_millis(5);
/// A worker that has not ended so long after its time is stuck.
const STUCK: Duration = Duration::from_secs(15);

struct Lane {
    current: Batch,
    backlog: VecDeque<Batch>,
    /// Bytes sent and not yet worked off, those in the backlog included.
    waiting: Arc<AtomicUsize>,
    /// When those were sent that may not be worked off yet, by their running number.
    sent: VecDeque<(u64, Instant)>,
    batches: u64,
    /// How many have been worked off.
    done: Arc<AtomicU64>,
    /// Whose media was dropped since the queue filled up.
    told_lost: HashSet<RecordingId, RandomState>,
    /// Calls for which there was no worker: what is ordered of them is passed over.
    refused: HashSet<RecordingId, RandomState>,
    to_worker: Sender<Batch>,
    spares: Receiver<Batch>,
    worker: JoinHandle<()>,
}

/// The workers and the way to them.
pub struct Pipeline {
    lanes: Vec<Lane>,
    waits: bool,
    queue_bytes: usize,
    dropped: u64,
    context: Arc<Context>,
    stop_by: Arc<OnceLock<Instant>>,
}

/// What the workers of one recorder have in common.
pub struct Workshop<'a> {
    /// How many.
    pub workers: usize,
    /// Back pressure instead of drops.
    pub waits: bool,
    /// `limits.queue_bytes`.
    pub queue_bytes: usize,
    /// What all threads share.
    pub context: &'a Arc<Context>,
    /// Whose calendar days count.
    pub timezone: &'a jiff::tz::TimeZone,
    /// What all workers count together.
    pub counts: &'a Arc<MediaCounts>,
    /// Who watches them.
    pub crew: &'a Crew,
}

impl Pipeline {
    /// Starts the workers; `outcome` hears how each recording ended.
    ///
    /// # Errors
    /// A thread could not be started.
    pub fn start(
        shop: &Workshop<'_>,
        outcome: impl Fn(RecordingOutcome) + Clone + Send + 'static,
    ) -> std::io::Result<Self> {
        let stop_by = Arc::new(OnceLock::new());
        let mut lanes = Vec::new();
        for n in 0..shop.workers.max(1) {
            let (context, counts) = (Arc::clone(shop.context), Arc::clone(shop.counts));
            let outcome = Box::new(outcome.clone());
            let worker = Worker::new(context, shop.timezone.clone(), counts, outcome, Arc::clone(&stop_by));
            let name = format!("tape-{n}");
            let pulse = shop.crew.enlist(ThreadRole::Worker, &name);
            lanes.push(Lane::start(name, worker, pulse, shop.waits)?);
        }
        let (waits, queue_bytes) = (shop.waits, shop.queue_bytes);
        Ok(Pipeline { lanes, waits, queue_bytes, dropped: 0, context: Arc::clone(shop.context), stop_by })
    }

    /// From here on everything is being finished; what is not by then is left to the next start.
    pub fn stop_by(&self, deadline: Instant) {
        // Asked to stop once is asked.
        let _ = self.stop_by.set(deadline);
    }

    /// How long the oldest batch of each worker has been waiting, or been worked on.
    pub fn lags(&mut self, now: Instant) -> impl Iterator<Item = Duration> {
        self.lanes.iter_mut().map(move |l| l.lag(now))
    }

    /// Packets were dropped about `now` before they came here: what is missing of recordings may be of them.
    pub fn note_dropped(&mut self, now: Timestamp) {
        (0..self.lanes.len()).for_each(|i| self.push(i, Item::Dropped(now)));
    }

    /// Media packets dropped because a queue was full.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Asks the worker of one recording, or all workers, how it is.
    pub fn ask(&mut self, asked: &AskedOfWorker) {
        let lanes = match asked.only {
            Some(id) => self.lane_of(id)..self.lane_of(id) + 1,
            None => 0..self.lanes.len(),
        };
        for i in lanes {
            self.push(i, Item::Asked(Box::new(asked.clone())));
            self.send(i);
        }
    }

    /// Sends what is left, waits for the workers; `meanwhile` is called several times a second.
    /// False if one of them died, or is stuck beyond the time that was given.
    pub fn join(mut self, mut meanwhile: impl FnMut()) -> bool {
        // One that is stuck takes nothing, and must not keep the others from ending.
        let give_up = self.stop_by.get().map(|by| *by + STUCK);
        let is_late = || give_up.is_some_and(|at| Instant::now() > at);
        while self.lanes.iter().any(|l| !l.current.items.is_empty() || !l.backlog.is_empty()) {
            (0..self.lanes.len()).for_each(|i| self.send(i));
            if is_late() {
                return false;
            }
            if !self.waits {
                meanwhile();
                std::thread::sleep(LOOK);
            }
        }
        let mut all_well = true;
        for lane in self.lanes {
            drop(lane.to_worker);
            while !self.waits && !lane.worker.is_finished() {
                if is_late() {
                    return false;
                }
                meanwhile();
                std::thread::sleep(LOOK);
            }
            all_well &= lane.worker.join().is_ok();
        }
        all_well
    }

    /// A worker has died: what it had is not being recorded any more.
    pub fn has_dead(&self) -> bool {
        self.lanes.iter().any(|l| l.worker.is_finished())
    }

    fn is_full(&self, lane: usize) -> bool {
        !self.waits && self.lanes[lane].waiting.load(Ordering::Relaxed) > self.queue_bytes
    }

    fn lane_of(&self, id: RecordingId) -> usize {
        // The running number, not the slot: slots are reused at once by the next call.
        ((id.0 >> 32) % self.lanes.len() as u64) as usize
    }

    fn send(&mut self, i: usize) {
        let waits = self.waits;
        let lane = &mut self.lanes[i];
        if !lane.current.items.is_empty() {
            let spare = lane.spares.try_recv().unwrap_or_default();
            let batch = std::mem::replace(&mut lane.current, spare);
            lane.waiting.fetch_add(batch.weight(), Ordering::Relaxed);
            lane.batches += 1;
            if !waits {
                lane.sent.push_back((lane.batches, Instant::now()));
            }
            lane.backlog.push_back(batch);
        }
        while let Some(batch) = lane.backlog.pop_front() {
            let sent = if waits {
                lane.to_worker.send(batch).map_err(|e| TrySendError::Disconnected(e.0))
            } else {
                lane.to_worker.try_send(batch)
            };
            match sent {
                // A worker that is gone takes nothing any more; its death is told at join.
                Ok(()) | Err(TrySendError::Disconnected(_)) => {}
                Err(TrySendError::Full(batch)) => {
                    lane.backlog.push_front(batch);
                    break;
                }
            }
        }
    }

    fn push(&mut self, i: usize, item: Item) {
        self.lanes[i].current.items.push(item);
    }

    fn report(&self, decision: &Decision) {
        let metrics = self.context.metrics();
        match decision {
            Decision::Open(o) => {
                let about = About { recording: o.uuid, call_group: o.call_group, service: &o.service.name };
                Event::CallAnswered(about).emit(metrics);
            }
            Decision::Unrecorded { reason, call_id, .. } => {
                let (reason, call) = (unrecorded_label(*reason), call_id_hash(call_id));
                Event::CallUnrecorded { reason, call: call.as_deref() }.emit(metrics);
            }
            // A replay writes its own down, once it is over.
            Decision::LeftOut(call) if !self.waits => self.context.unrecorded.add(by_rule(call)),
            Decision::Parallel(_) => Event::RecordingParallel.emit(metrics),
            Decision::Refused(o) => {
                let about = About { recording: o.uuid, call_group: o.call_group, service: &o.service.name };
                Event::CallAnswered(about).emit(metrics);
                self.fail(o, FailReason::Limit);
            }
            _ => {}
        }
    }

    /// A call that never came to a worker is not recorded.
    fn fail(&self, o: &Opening, reason: FailReason) {
        let about = About { recording: o.uuid, call_group: o.call_group, service: &o.service.name };
        Event::RecordingFailed { about, reason }.emit(self.context.metrics());
        self.context.outlets.readiness.refused(Instant::now());
        if !self.waits {
            self.context.unrecorded.add(missed(o, reason));
        }
    }

    /// Whether the worker hears of this; one that is overloaded begins nothing new.
    fn is_taken(&mut self, lane: usize, id: RecordingId, decision: &Decision) -> bool {
        let is_overloaded = !self.waits
            && self.lanes[lane].waiting.load(Ordering::Relaxed) > self.queue_bytes.saturating_mul(2);
        match decision {
            Decision::Open(o) if is_overloaded => {
                self.fail(o, FailReason::Overload);
                self.lanes[lane].refused.insert(id);
                false
            }
            Decision::Close { .. } | Decision::Discard { .. } | Decision::Evict(_) => {
                !self.lanes[lane].refused.remove(&id)
            }
            _ => !self.lanes[lane].refused.contains(&id),
        }
    }
}

impl Lane {
    fn start(name: String, mut worker: Worker, pulse: Arc<Pulse>, waits: bool) -> std::io::Result<Lane> {
        let (to_worker, batches) = bounded::<Batch>(if waits { WAITING_BATCHES } else { QUEUE_BATCHES });
        let (waiting, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
        let (weighs, handled) = (Arc::clone(&waiting), Arc::clone(&done));
        let (give_back, spares) = bounded::<Batch>(SPARES);
        let run = move || {
            let _life = pulse.enter();
            loop {
                pulse.beat();
                let mut batch = match batches.recv_timeout(BEAT) {
                    Ok(batch) => batch,
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => break,
                };
                worker.handle(&batch, &pulse);
                weighs.fetch_sub(batch.weight(), Ordering::Relaxed);
                handled.fetch_add(1, Ordering::Relaxed);
                batch.clear();
                let _ = give_back.try_send(batch);
            }
            worker.stop(&pulse);
        };
        let worker = std::thread::Builder::new().name(name).spawn(run)?;
        Ok(Lane {
            current: Batch::default(),
            backlog: VecDeque::new(),
            waiting,
            sent: VecDeque::new(),
            batches: 0,
            done,
            told_lost: HashSet::default(),
            refused: HashSet::default(),
            to_worker,
            spares,
            worker,
        })
    }

    fn lag(&mut self, now: Instant) -> Duration {
        let done = self.done.load(Ordering::Relaxed);
        while self.sent.front().is_some_and(|(n, _)| *n <= done) {
            self.sent.pop_front();
        }
        self.sent.front().map_or(Duration::ZERO, |(_, sent)| now.saturating_duration_since(*sent))
    }
}

impl Sink for Pipeline {
    fn decision(&mut self, decision: Decision) {
        self.report(&decision);
        if let Some(id) = decision.recording() {
            let lane = self.lane_of(id);
            if self.is_taken(lane, id, &decision) {
                self.push(lane, Item::Order(Box::new(decision)));
            }
        }
    }

    fn media(&mut self, p: MediaPacket<'_>) {
        let i = self.lane_of(p.recording);
        if self.is_full(i) {
            self.dropped += 1;
            if self.lanes[i].refused.contains(&p.recording) {
                return;
            }
            // Once for each recording: a long stall is no reason for a long list.
            if self.lanes[i].told_lost.insert(p.recording) {
                self.push(i, Item::Lost(p.recording));
            }
            return;
        }
        self.lanes[i].told_lost.clear();
        let batch = &mut self.lanes[i].current;
        let item = Item::Media { recording: p.recording, kept: Kept::put(&p.packet, &mut batch.bytes) };
        batch.items.push(item);
        if batch.bytes.len() >= BATCH_BYTES {
            self.send(i);
        }
    }

    fn tick(&mut self, now: Timestamp) {
        for i in 0..self.lanes.len() {
            // Behind a full queue the next tick tells the time as well.
            if !self.is_full(i) {
                self.push(i, Item::Tick(now));
            }
            self.send(i);
        }
    }
}
