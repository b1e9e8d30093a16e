//! From the engine to the workers: batches, bounded queues, back pressure.
//!
//! A replay waits for its workers; a live capture must not, so that media
//! beyond `limits.queue_bytes` is dropped, counted, and its recordings marked.
//! Orders are never dropped: without them a worker would not know what it has.

use super::batch::{Batch, Item};
use super::deck::Shelf;
use super::observe::{Outcome, recording_of, unrecorded_label};
use super::worker::{MediaCounts, Worker};
use crate::call::Decision;
use crate::engine::{MediaPacket, Sink};
use crate::id::RecordingId;
use crate::tape::Kept;
use crate::telemetry::events::{About, Event};
use crate::telemetry::label::FailReason;
use crate::time::Timestamp;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use foldhash::fast::RandomState;
use hashbrown::HashSet;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use uuid::Uuid;

/// A batch is sent when it holds this much media.
const BATCH_BYTES: usize = 128 * 1024;
/// Batches in a queue; the byte bound bites first where it is smaller.
const QUEUE_BATCHES: usize = 512;
/// The same where the engine waits: enough that neither side idles, little enough to stay in the cache.
const WAITING_BATCHES: usize = 4;
/// Empty batches kept for reuse.
const SPARES: usize = 64;

struct Lane {
    current: Batch,
    backlog: VecDeque<Batch>,
    /// Bytes sent and not yet worked off, those in the backlog included.
    waiting: Arc<AtomicUsize>,
    /// Whose media was dropped since the queue filled up.
    told_lost: HashSet<RecordingId, RandomState>,
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
    shelf: Arc<Shelf>,
}

impl Pipeline {
    /// Starts `workers` threads. `waits`: back pressure instead of drops.
    ///
    /// # Errors
    /// A thread could not be started.
    pub fn start(
        workers: usize,
        waits: bool,
        queue_bytes: usize,
        shelf: &Arc<Shelf>,
        timezone: &jiff::tz::TimeZone,
        counts: &Arc<MediaCounts>,
        outcome: impl Fn(Outcome) + Clone + Send + 'static,
    ) -> std::io::Result<Self> {
        let mut lanes = Vec::new();
        for n in 0..workers.max(1) {
            let batches = if waits { WAITING_BATCHES } else { QUEUE_BATCHES };
            let (to_worker, batches) = bounded::<Batch>(batches);
            let waiting = Arc::new(AtomicUsize::new(0));
            let done = Arc::clone(&waiting);
            let (give_back, spares) = bounded::<Batch>(SPARES);
            let outcome = Box::new(outcome.clone());
            let mut worker = Worker::new(Arc::clone(shelf), timezone.clone(), Arc::clone(counts), outcome);
            let run = move || {
                for mut batch in batches {
                    worker.handle(&batch);
                    done.fetch_sub(batch.weight(), Ordering::Relaxed);
                    batch.clear();
                    let _ = give_back.try_send(batch);
                }
                worker.stop();
            };
            let worker = std::thread::Builder::new().name(format!("tape-{n}")).spawn(run)?;
            lanes.push(Lane {
                current: Batch::default(),
                backlog: VecDeque::new(),
                waiting,
                told_lost: HashSet::default(),
                to_worker,
                spares,
                worker,
            });
        }
        Ok(Pipeline { lanes, waits, queue_bytes, dropped: 0, shelf: Arc::clone(shelf) })
    }

    /// Media packets dropped because a queue was full.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Sends what is left, waits for the workers. False if one of them died.
    pub fn join(mut self) -> bool {
        self.waits = true;
        for i in 0..self.lanes.len() {
            self.send(i);
        }
        let mut all_well = true;
        for lane in self.lanes {
            drop(lane.to_worker);
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

    fn tell(&self, decision: &Decision) {
        let metrics = &self.shelf.metrics;
        match decision {
            Decision::Open(o) => {
                let about = About { recording: o.uuid, call_group: o.call_group, service: &o.service.name };
                Event::CallAnswered(about).emit(metrics);
            }
            Decision::Unrecorded { reason, .. } => {
                Event::CallUnrecorded { reason: unrecorded_label(*reason) }.emit(metrics);
            }
            Decision::Parallel(_) => Event::RecordingParallel.emit(metrics),
            Decision::Refused(service) => {
                let about = About { recording: Uuid::nil(), call_group: Uuid::nil(), service: &service.name };
                Event::CallAnswered(about).emit(metrics);
                Event::RecordingFailed { about, reason: FailReason::Limit }.emit(metrics);
            }
            _ => {}
        }
    }
}

impl Sink for Pipeline {
    fn decision(&mut self, decision: Decision) {
        self.tell(&decision);
        if let Some(id) = recording_of(&decision) {
            let lane = self.lane_of(id);
            self.push(lane, Item::Order(Box::new(decision)));
        }
    }

    fn media(&mut self, p: MediaPacket<'_>) {
        let i = self.lane_of(p.recording);
        if self.is_full(i) {
            self.dropped += 1;
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
