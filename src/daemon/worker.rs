//! A worker: owns recordings from their opening to their final names.

use super::batch::{Batch, Item};
use super::deck::{FileDeck, Shelf, Trouble, Unfinished};
use super::metadata;
use super::observe::{Outcome, discard_label, end_label, fail_label};
use super::story::{all_events, shortened, stream};
use crate::call::{CallEvent, Decision, Ending, Opening};
use crate::id::{Channel, RecordingId};
use crate::store::sidecar::{self, Sidecar};
use crate::tape::{Heard, LeftOut, MAX_EVENTS, Tape, TapeReport};
use crate::telemetry::events::{About, Event};
use crate::telemetry::label::{CodecLabel, FailReason, Limit};
use crate::time::Timestamp;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use uuid::Uuid;

/// Items whose recordings are fetched into the cache together.
const LOOK_AHEAD: usize = 16;

/// What all workers count together.
#[derive(Debug, Default)]
pub struct MediaCounts {
    /// RTP packets by [`CodecLabel::index`].
    pub codecs: [AtomicU64; CodecLabel::COUNT],
    /// Datagrams that held several RTP packets.
    pub super_packets: AtomicU64,
    /// What recordings had no room for, by [`Limit::index`].
    pub limits: [AtomicU64; Limit::COUNT],
}

/// A place at the table: what most ticks need to know of a recording, and no more.
struct Seat {
    /// When the tape has something to do.
    due: Timestamp,
    running: Box<Running>,
}

struct Running {
    opening: Box<Opening>,
    tape: Tape,
    deck: FileDeck,
    events: Vec<(Timestamp, CallEvent)>,
    lost_inside: bool,
}

/// Recordings waiting for the storage to come back; what is beyond is left to the next start.
const MAX_UNFINISHED: usize = 4096;

/// A recording whose call is over, not yet under its final name: active to the ledger.
struct Waiting {
    rest: Box<Unfinished>,
    opening: Opening,
    ended_by: sidecar::EndedBy,
    one_way: bool,
}

/// One worker's recordings.
pub struct Worker {
    shelf: Arc<Shelf>,
    timezone: jiff::tz::TimeZone,
    counts: Arc<MediaCounts>,
    running: HashMap<RecordingId, Seat, RandomState>,
    unfinished: VecDeque<Waiting>,
    outcome: Box<dyn FnMut(Outcome) + Send>,
}

impl Worker {
    /// A worker for a store; `outcome` hears how each recording ended.
    pub fn new(
        shelf: Arc<Shelf>,
        timezone: jiff::tz::TimeZone,
        counts: Arc<MediaCounts>,
        outcome: Box<dyn FnMut(Outcome) + Send>,
    ) -> Self {
        Worker { shelf, timezone, counts, running: HashMap::default(), unfinished: VecDeque::new(), outcome }
    }

    /// Works off one batch.
    pub fn handle(&mut self, batch: &Batch) {
        for some in batch.items.chunks(LOOK_AHEAD) {
            self.fetch(some);
            some.iter().for_each(|item| self.handle_one(item, &batch.bytes));
        }
    }

    /// Looks at the recordings that the next packets are of, all in one go: at
    /// a thousand calls none of them is in the cache, and the processor fetches
    /// many at once as long as none has to wait for another.
    fn fetch(&self, items: &[Item]) {
        let looked_at = items.iter().map(|item| match item {
            Item::Media { recording, .. } => self.running.get(recording).map_or(0, |s| s.running.look_at()),
            Item::Order(_) | Item::Lost(_) | Item::Tick(_) => 0,
        });
        std::hint::black_box(looked_at.sum::<usize>());
    }

    fn handle_one(&mut self, item: &Item, bytes: &[u8]) {
        match item {
            Item::Order(d) => self.order(d),
            Item::Media { recording, kept } => {
                let Some(seat) = self.running.get_mut(recording) else { return };
                let r = &mut *seat.running;
                r.tape.push(kept.packet(bytes), &mut r.deck);
                let due = r.tape.due();
                if due != seat.due {
                    count(&mut r.tape, &self.counts);
                    seat.due = due;
                }
            }
            Item::Lost(id) => {
                if let Some(r) = self.running_mut(id) {
                    r.lost_inside = true;
                }
            }
            Item::Tick(now) => self.tick(*now),
        }
    }

    fn tick(&mut self, now: Timestamp) {
        for seat in self.running.values_mut().filter(|s| s.due <= now) {
            let r = &mut *seat.running;
            r.tape.advance(now, &mut r.deck);
            count(&mut r.tape, &self.counts);
            seat.due = r.tape.due();
        }
        if !self.shelf.is_troubled() {
            self.finish_one();
        }
    }

    fn running_mut(&mut self, id: &RecordingId) -> Option<&mut Running> {
        self.running.get_mut(id).map(|s| &mut *s.running)
    }

    /// No batch comes any more: tries once more what is unfinished. What still
    /// fails stays as a crash would leave it, for the next start.
    pub fn stop(&mut self) {
        for _ in 0..self.unfinished.len() {
            self.finish_one();
        }
    }

    fn finish_one(&mut self) {
        let Some(w) = self.unfinished.pop_front() else { return };
        match w.rest.finish(&self.shelf) {
            Err(Trouble::Store(_)) => self.unfinished.push_back(w),
            done => self.tell(w.opening, done, w.ended_by, w.one_way),
        }
    }

    fn order(&mut self, decision: &Decision) {
        match decision {
            Decision::Open(opening) => self.open(opening),
            Decision::Formats { recording, channel, rank, formats } => {
                if let Some(r) = self.running_mut(recording) {
                    r.tape.set_formats(*channel, *rank, formats);
                }
            }
            Decision::Event(id, at, event) => {
                if let Some(r) = self.running_mut(id)
                    && r.events.len() < MAX_EVENTS
                {
                    r.events.push((*at, *event));
                }
            }
            Decision::Keyed { recording, channel, standing, ssrc } => {
                if let Some(r) = self.running_mut(recording) {
                    r.tape.note_keys(*channel, *standing, *ssrc);
                }
            }
            Decision::Moved(id, channel, at) => {
                if let Some(r) = self.running_mut(id) {
                    r.tape.set_moved(*channel, *at);
                }
            }
            Decision::Suspend(id, at) => {
                if let Some(r) = self.running_mut(id) {
                    r.tape.suspend(*at);
                }
            }
            Decision::Resume(id) => {
                if let Some(s) = self.running.get_mut(id) {
                    let r = &mut *s.running;
                    r.tape.resume(&mut r.deck);
                    s.due = r.tape.due();
                }
            }
            Decision::Incomplete(id) => {
                if let Some(r) = self.running_mut(id) {
                    r.lost_inside = true;
                    r.tape.note_missing();
                }
            }
            Decision::Close { recording, at, by, seen } => {
                if let Some(s) = self.running.remove(recording) {
                    self.close(*s.running, *at, *by, *seen);
                }
            }
            Decision::Amend(opening) => {
                if let Some(s) = self.running.get_mut(&opening.id) {
                    let (name, by) = (metadata::name(opening), sidecar::EndedBy::Recovered);
                    let known = metadata::sidecar(opening, &self.timezone, opening.answered_at, by);
                    s.running.deck.rename(name, known);
                    s.running.opening = opening.clone();
                }
            }
            Decision::Discard { recording, reason } => {
                if let Some(s) = self.running.remove(recording) {
                    self.discard(*s.running, discard_label(*reason));
                }
            }
            Decision::Unrecorded { .. }
            | Decision::LeftOut(_)
            | Decision::Parallel(_)
            | Decision::Refused(_) => {}
        }
    }

    fn discard(&mut self, mut r: Running, reason: FailReason) {
        count(&mut r.tape, &self.counts);
        let o = &r.opening;
        let about = About { recording: o.uuid, call_group: o.call_group, service: &o.service.name };
        Event::RecordingFailed { about, reason }.emit(&self.shelf.metrics);
        r.deck.discard();
    }

    fn open(&mut self, opening: &Opening) {
        let name = metadata::name(opening);
        let provisional =
            metadata::sidecar(opening, &self.timezone, opening.answered_at, sidecar::EndedBy::Recovered);
        let running = Running {
            tape: Tape::new(opening.answered_at),
            deck: FileDeck::new(Arc::clone(&self.shelf), name, provisional),
            events: Vec::new(),
            lost_inside: false,
            opening: Box::new(opening.clone()),
        };
        let due = running.tape.due();
        self.running.insert(opening.id, Seat { due, running: Box::new(running) });
    }

    fn close(&mut self, r: Running, at: Timestamp, by: Ending, seen: bool) {
        let Running { opening, tape, mut deck, mut events, lost_inside, .. } = r;
        let mut report = tape.close(at, &mut deck);
        self.counts.add(report.heard.drain(..), report.split);
        self.counts.add_left_out(&report.left_out);
        deck.settle();
        let lossy = lost_inside || deck.is_lossy();
        let stalled = deck.is_stalled();
        let ended_by = match by {
            Ending::HungUp(Channel::Customer) => sidecar::EndedBy::Customer,
            Ending::HungUp(Channel::Agent) => sidecar::EndedBy::Agent,
            Ending::Transferred => sidecar::EndedBy::Transfer,
            Ending::Timeout => sidecar::EndedBy::Timeout,
            Ending::CaptureEnd => sidecar::EndedBy::CaptureEnd,
            Ending::Shutdown => sidecar::EndedBy::Shutdown,
        };
        events.retain(|(t, _)| *t <= at);
        let one_way = report.streams.iter().any(|s| s.channel == Channel::Customer)
            != report.streams.iter().any(|s| s.channel == Channel::Agent);
        let closed = deck.close(|frames| {
            // A stalled file ends where writing did.
            let at = if stalled { shortened(opening.answered_at, at, frames, &report) } else { at };
            let mut s = metadata::sidecar(&opening, &self.timezone, at, ended_by);
            s.complete = seen && report.complete && !lossy && !stalled;
            s.streams = report.streams.iter().map(stream).collect();
            s.events = all_events(opening.answered_at, &events, &report.events);
            s
        });
        self.tell_streams(opening.uuid, &report);
        self.tell(*opening, closed, ended_by, one_way);
    }

    fn tell_streams(&self, recording: Uuid, report: &TapeReport) {
        for s in &report.streams {
            let codec = CodecLabel::of(&s.codec);
            let jitter = Duration::from_secs_f64((s.jitter_ms / 1000.0).clamp(0.0, 3600.0));
            Event::StreamEnded { recording, codec, jitter }.emit(&self.shelf.metrics);
            Event::MediaLost { recording, packets: s.lost }.emit(&self.shelf.metrics);
        }
    }

    fn tell(
        &mut self,
        opening: Opening,
        closed: Result<Sidecar, Trouble>,
        ended_by: sidecar::EndedBy,
        one_way: bool,
    ) {
        let metrics = Arc::clone(&self.shelf.metrics);
        let about =
            About { recording: opening.uuid, call_group: opening.call_group, service: &opening.service.name };
        let outcome = match closed {
            Ok(s) => {
                let duration = Duration::from_secs_f64(s.duration_s.max(0.0));
                let ended_by = end_label(ended_by);
                Event::RecordingCompleted { about, ended_by, duration, complete: s.complete, one_way }
                    .emit(&metrics);
                Outcome::Recorded(Box::new(s))
            }
            Err(Trouble::Exists) => {
                // It is there, by this run or an earlier one: the call is not missed.
                let ended_by = end_label(ended_by);
                let duration = Duration::ZERO;
                Event::RecordingCompleted { about, ended_by, duration, complete: true, one_way: false }
                    .emit(&metrics);
                Outcome::Existed(opening.uuid)
            }
            Err(Trouble::Unfinished(rest)) if self.unfinished.len() < MAX_UNFINISHED => {
                self.unfinished.push_back(Waiting { rest, opening, ended_by, one_way });
                return;
            }
            Err(why) => {
                let reason = fail_label(&why);
                Event::RecordingFailed { about, reason }.emit(&metrics);
                Outcome::Failed { id: opening.uuid, call_id: opening.call_id, reason }
            }
        };
        (self.outcome)(outcome);
    }
}

impl Running {
    /// Reads what taking a packet will read first.
    fn look_at(&self) -> usize {
        self.events.len() + self.tape.look_at()
    }
}

/// Counts what was heard. Now and then, not for each packet: names are long to compare, counters shared.
fn count(tape: &mut Tape, counts: &MediaCounts) {
    let split = tape.take_split();
    counts.add(tape.take_heard(), split);
}

impl MediaCounts {
    fn add(&self, heard: impl IntoIterator<Item = Heard>, split: u64) {
        for (spec, packets) in heard {
            let label = spec.map_or(CodecLabel::Other, |s| CodecLabel::of(&s.name));
            self.codecs[label.index()].fetch_add(packets, Ordering::Relaxed);
        }
        if split > 0 {
            self.super_packets.fetch_add(split, Ordering::Relaxed);
        }
    }

    fn add_left_out(&self, left_out: &LeftOut) {
        let LeftOut { packets, streams, events } = *left_out;
        for (limit, n) in [(Limit::Sources, packets), (Limit::Streams, streams), (Limit::Events, events)] {
            self.limits[limit.index()].fetch_add(n, Ordering::Relaxed);
        }
    }
}
