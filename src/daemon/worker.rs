//! A worker: owns recordings from their opening to their final names.

use super::batch::{Batch, Item};
use super::closing::{Closing, Leaving};
use super::context::Context;
use super::counts::MediaCounts;
use super::crew::Pulse;
use super::deck::{FileDeck, Trouble, Unfinished};
use super::metadata;
use super::observe::{RecordingOutcome, discard_label, fail_label};
use super::outcome::{report_existing, report_recorded};
use super::running::{
    Running, about, count, describe, remember, report_last_faults, report_undecodable, set_privacy, step,
    tell_pauses,
};
use super::story::{all_events, known_reasons, paused_s, shortened, stream};
use super::unrecorded::missed;
use crate::call::pairing::Disowned;
use crate::call::{Decision, Ending, Opening};
use crate::id::{Channel, RecordingId};
use crate::store::assured::assured;
use crate::store::legible::Legible;
use crate::store::sidecar::{self, Sidecar, UndecodedPayload};
use crate::tape::{MAX_EVENTS, Missing, Tape, TapeReport};
use crate::telemetry::events::Event;
use crate::telemetry::label::{CodecLabel, FailReason, Limit};
use crate::time::Timestamp;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Items whose recordings are fetched into the cache together.
const LOOK_AHEAD: usize = 16;

/// A place at the table: what most ticks need to know of a recording, and no more.
struct Seat {
    /// When the tape has something to do.
    due: Timestamp,
    running: Box<Running>,
}

/// Recordings waiting for the storage to come back; what is beyond is left to the next start.
const MAX_UNFINISHED: usize = 4096;

/// A recording whose call is over, not yet under its final name: active to the ledger.
struct PendingFinish {
    rest: Box<Unfinished>,
    opening: Opening,
    ended_by: sidecar::EndedBy,
}

/// One worker's recordings.
pub struct Worker {
    context: Arc<Context>,
    timezone: jiff::tz::TimeZone,
    counts: Arc<MediaCounts>,
    running: HashMap<RecordingId, Seat, RandomState>,
    unfinished: VecDeque<PendingFinish>,
    outcome: Box<dyn FnMut(RecordingOutcome) + Send>,
    /// Set once the recorder stops.
    stop_by: Arc<OnceLock<Instant>>,
    closing: Closing,
}

impl Worker {
    /// A worker for a store; `outcome` hears how each recording ended. Once `stop_by` is set
    /// everything is being finished, and what is not by then is left to the next start.
    pub fn new(
        context: Arc<Context>,
        timezone: jiff::tz::TimeZone,
        counts: Arc<MediaCounts>,
        outcome: Box<dyn FnMut(RecordingOutcome) + Send>,
        stop_by: Arc<OnceLock<Instant>>,
    ) -> Self {
        Worker {
            context,
            timezone,
            counts,
            running: HashMap::default(),
            unfinished: VecDeque::new(),
            outcome,
            stop_by,
            closing: Closing::default(),
        }
    }

    /// Works off one batch.
    pub fn handle(&mut self, batch: &Batch, pulse: &Pulse) {
        for some in batch.items.chunks(LOOK_AHEAD) {
            self.fetch(some);
            for item in some {
                self.handle_one(item, &batch.bytes, pulse);
            }
            pulse.beat();
        }
    }

    /// Looks at the recordings that the next packets are of, all in one go: at
    /// a thousand calls none of them is in the cache, and the processor fetches
    /// many at once as long as none has to wait for another.
    fn fetch(&self, items: &[Item]) {
        let looked_at = items.iter().map(|item| match item {
            Item::Media { recording, .. } => self.running.get(recording).map_or(0, |s| s.running.look_at()),
            Item::Order(_) | Item::Lost(_) | Item::Dropped(_) | Item::Tick(_) | Item::Asked(_) => 0,
        });
        std::hint::black_box(looked_at.sum::<usize>());
    }

    fn handle_one(&mut self, item: &Item, bytes: &[u8], pulse: &Pulse) {
        match item {
            Item::Order(d) => {
                // Opening, closing and renaming wait for the disk.
                pulse.beat();
                self.order(d);
            }
            Item::Media { recording, kept } => {
                let Some(seat) = self.running.get_mut(recording) else { return };
                let r = &mut *seat.running;
                r.note(kept.channel());
                r.tape.push_kept(kept, bytes, &mut r.deck);
                let due = r.tape.due();
                if due != seat.due {
                    if count(r, &self.counts, &self.context) {
                        remember(r, &self.timezone);
                    }
                    seat.due = due;
                }
            }
            Item::Lost(id) => self.with(id, |r| {
                (r.lost_inside, r.dropped) = (true, true);
                let due = r.tape.due();
                r.tape.watch_mut().note_dropped(due);
            }),
            Item::Dropped(at) => {
                self.running.values_mut().for_each(|s| s.running.tape.watch_mut().note_dropped(*at))
            }
            Item::Tick(now) => self.tick(*now, pulse),
            Item::Asked(asked) => {
                let meant = self.running.iter().filter(|(id, _)| asked.only.is_none_or(|only| only == **id));
                let told = meant.map(|(id, seat)| describe(*id, &seat.running)).collect();
                // There is room for the answers of all; whoever has left needs none.
                let _ = asked.reply.try_send(told);
            }
        }
    }

    fn tick(&mut self, now: Timestamp, pulse: &Pulse) {
        for (n, seat) in self.running.values_mut().filter(|s| s.due <= now).enumerate() {
            if n % LOOK_AHEAD == 0 {
                pulse.beat();
            }
            let r = &mut *seat.running;
            r.tape.advance(now, &mut r.deck);
            if count(r, &self.counts, &self.context) {
                remember(r, &self.timezone);
            }
            seat.due = r.tape.due();
        }
        if !self.context.health.is_troubled() {
            self.finish_one();
        }
    }

    /// Does something with a recording, if it is there.
    fn with(&mut self, id: &RecordingId, act: impl FnOnce(&mut Running)) {
        if let Some(seat) = self.running.get_mut(id) {
            act(&mut seat.running);
        }
    }

    /// No batch comes any more: tries once more what is unfinished. What still
    /// fails stays as a crash would leave it, for the next start.
    pub fn stop(&mut self, pulse: &Pulse) {
        self.close_together();
        for _ in 0..self.unfinished.len() {
            pulse.beat();
            if self.is_late() {
                return;
            }
            self.finish_one();
        }
    }

    /// The time to finish recordings is over.
    fn is_late(&self) -> bool {
        self.stop_by.get().is_some_and(|by| Instant::now() >= *by)
    }

    fn finish_one(&mut self) {
        let Some(w) = self.unfinished.pop_front() else { return };
        match w.rest.finish(&self.context) {
            Err(Trouble::Store(_)) => self.unfinished.push_back(w),
            done => self.report(w.opening, done, w.ended_by),
        }
    }

    fn order(&mut self, decision: &Decision) {
        match decision {
            Decision::Open(opening) => self.open(opening),
            Decision::Event(id, at, event) => {
                let Some(seat) = self.running.get_mut(id) else { return };
                let r = &mut *seat.running;
                step(&r.opening, *event, &self.context);
                if r.events.len() < MAX_EVENTS {
                    r.events.push((*at, *event));
                } else {
                    self.counts.limit(Limit::Events, 1);
                }
            }
            Decision::Formats(id, _)
            | Decision::Keyed { recording: id, .. }
            | Decision::Keys { recording: id, .. }
            | Decision::Pause(id, ..)
            | Decision::Disowned(Disowned { recording: id, .. })
            | Decision::Moved(id, ..)
            | Decision::Expected(id, ..)
            | Decision::Suspend(id, _)
            | Decision::Incomplete(id) => {
                self.with(id, |r| r.heed(decision));
            }
            Decision::Resume(id) => {
                if let Some(s) = self.running.get_mut(id) {
                    let r = &mut *s.running;
                    r.tape.resume(&mut r.deck);
                    s.due = r.tape.due();
                }
            }
            Decision::Close { recording, at, by, seen } => {
                if let Some(s) = self.running.remove(recording) {
                    self.close(*s.running, *at, *by, *seen);
                }
            }
            Decision::Amend(opening) => {
                if let Some(s) = self.running.get_mut(&opening.id) {
                    set_privacy(&mut s.running.tape, opening, &self.context);
                    s.running.opening = opening.clone();
                    remember(&mut s.running, &self.timezone);
                }
            }
            Decision::Discard { recording, reason } => {
                if let Some(s) = self.running.remove(recording) {
                    self.discard(*s.running, discard_label(*reason));
                }
            }
            Decision::Evict(id) => {
                if let Some(s) = self.running.remove(id) {
                    self.context.unrecorded.add(missed(&s.running.opening, FailReason::Limit));
                    self.discard(*s.running, FailReason::Limit);
                }
            }
            Decision::Unrecorded { .. }
            | Decision::LeftOut(_)
            | Decision::Parallel(_)
            | Decision::Refused(_) => {}
        }
    }

    fn discard(&mut self, mut r: Running, reason: FailReason) {
        count(&mut r, &self.counts, &self.context);
        report_last_faults(&r.opening, r.faults, &[], &self.context);
        Event::RecordingFailed { about: about(&r.opening), reason }.emit(self.context.metrics());
        r.deck.discard();
    }

    fn open(&mut self, opening: &Opening) {
        let name = metadata::name(opening);
        let provisional =
            metadata::sidecar(opening, &self.timezone, opening.answered_at, sidecar::EndedBy::Recovered);
        let mut tape = Tape::with_decoders(opening.answered_at, self.context.decoders.get().cloned());
        set_privacy(&mut tape, opening, &self.context);
        let running = Running {
            tape,
            deck: FileDeck::new(Arc::clone(&self.context), name, provisional),
            events: Vec::new(),
            lost_inside: false,
            heard: [false; 2],
            packets: 0,
            undecodable: 0,
            dropped: false,
            faults: Default::default(),
            opening: Box::new(opening.clone()),
        };
        let due = running.tape.due();
        self.running.insert(opening.id, Seat { due, running: Box::new(running) });
    }

    fn close(&mut self, r: Running, at: Timestamp, by: Ending, seen: bool) {
        if self.is_late() {
            return self.leave(&r);
        }
        let is_dropped = r.dropped || r.tape.watch().has_dropped();
        let Running { opening, tape, mut deck, mut events, lost_inside, mut undecodable, faults, .. } = r;
        let mut report = tape.close(at, &mut deck);
        tell_pauses(&opening, report.pause_news.drain(..), &self.context);
        report.heard.iter().for_each(|h| report_undecodable(&opening, &mut undecodable, h, &self.context));
        report_last_faults(&opening, faults, &report.faults, &self.context);
        self.counts.add(report.heard.drain(..), report.counts);
        self.counts.add_left_out(&report.left_out);
        deck.settle();
        let lossy = lost_inside || deck.is_lossy();
        let (stalled, kept_all) = (deck.is_stalled(), deck.has_kept_all());
        let ended_by = ended_by(by);
        events.retain(|(t, _)| *t <= at);
        let known = known_reasons(&report, is_dropped, deck.is_lossy() || stalled);
        let sidecar = |frames| {
            // A stalled file ends where writing did.
            let at = if stalled { shortened(opening.answered_at, at, frames, &report) } else { at };
            let mut s = metadata::sidecar(&opening, &self.timezone, at, ended_by);
            let is_whole = seen && !lossy && !stalled;
            s.complete = is_whole && report.is_complete();
            let else_complete = is_whole && kept_all && report.missing <= Missing::Undecoded;
            s.undecoded = Some(UndecodedPayload::begin(else_complete));
            s.streams = report.streams.iter().map(stream).collect();
            s.events.extend(all_events(opening.answered_at, &events, &report));
            s.paused_s = paused_s(&report.pauses);
            if stalled {
                s.end_pauses();
            }
            s.assurance = Some(Legible::Known(assured(&s, &known)));
            s
        };
        self.report_streams(opening.uuid, &report);
        if self.stop_by.get().is_none() {
            let closed = deck.close(sidecar);
            return self.report(*opening, closed, ended_by);
        }
        // Many at once: what each would wait for they wait for together.
        match deck.prepare(sidecar) {
            Ok(prepared) => self.closing.push(Leaving { prepared, opening, ended_by }),
            Err(why) => self.report(*opening, Err(why), ended_by),
        }
        if self.closing.is_full() {
            self.close_together();
        }
    }

    /// There is no time left to finish it: its parts stay as a crash would leave them, and to the
    /// ledger it is active.
    fn leave(&self, r: &Running) {
        if !r.deck.has_file() {
            let reason = FailReason::Overload;
            self.context.unrecorded.add(missed(&r.opening, reason));
            Event::RecordingFailed { about: about(&r.opening), reason }.emit(self.context.metrics());
        }
    }

    fn close_together(&mut self) {
        for (l, closed) in self.closing.close(&self.context) {
            self.report(*l.opening, closed, l.ended_by);
        }
    }

    fn report_streams(&self, recording: Uuid, report: &TapeReport) {
        for s in &report.streams {
            let codec = CodecLabel::of(&s.codec);
            let jitter = Duration::from_secs_f64((s.jitter_ms / 1000.0).clamp(0.0, 3600.0));
            Event::StreamEnded { recording, codec, jitter }.emit(self.context.metrics());
            Event::MediaLost { recording, packets: s.lost }.emit(self.context.metrics());
        }
    }

    fn report(&mut self, opening: Opening, closed: Result<Sidecar, Trouble>, ended_by: sidecar::EndedBy) {
        let metrics = Arc::clone(&self.context.outlets.metrics);
        let about = about(&opening);
        let outcome = match closed {
            Ok(s) => {
                report_recorded(about, &opening, &s, &metrics);
                RecordingOutcome::Recorded(Box::new(s))
            }
            Err(Trouble::Unfinished(rest)) if self.unfinished.len() < MAX_UNFINISHED => {
                self.unfinished.push_back(PendingFinish { rest, opening, ended_by });
                return;
            }
            Err(why) => {
                if matches!(why, Trouble::Unfinished(_)) {
                    self.counts.limit(Limit::Other, 1);
                }
                match fail_label(&why) {
                    // By this run or an earlier one: the call is not missed.
                    None => {
                        report_existing(about, ended_by, &metrics);
                        RecordingOutcome::Existed(opening.uuid)
                    }
                    Some(reason) => {
                        Event::RecordingFailed { about, reason }.emit(&metrics);
                        let ends = opening.ends();
                        RecordingOutcome::Failed { id: opening.uuid, call_id: opening.call_id, ends, reason }
                    }
                }
            }
        };
        (self.outcome)(outcome);
    }
}

fn ended_by(by: Ending) -> sidecar::EndedBy {
    match by {
        Ending::HungUp(Channel::Customer) => sidecar::EndedBy::Customer,
        Ending::HungUp(Channel::Agent) => sidecar::EndedBy::Agent,
        Ending::Transferred => sidecar::EndedBy::Transfer,
        Ending::Timeout => sidecar::EndedBy::Timeout,
        Ending::CaptureEnd => sidecar::EndedBy::CaptureEnd,
        Ending::Shutdown => sidecar::EndedBy::Shutdown,
    }
}
