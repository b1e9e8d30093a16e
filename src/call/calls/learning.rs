//! The calls of another process: what it tells of them, and how they are made again of it.

use super::super::decision::Decision;
use super::super::dialog::Dialog;
use super::super::history::{CallHistory, RecordedHow, RecordedSoFar, RunSoFar};
use super::super::leg::Leg;
use super::super::pairing::StreamPosition;
use super::super::said::SaidMessage;
use super::Calls;
use crate::id::RecordingId;
use crate::sip::Message;
use crate::time::Timestamp;
use std::collections::HashSet;

impl Calls {
    /// What the calls followed have come to, all that was captured up to `now` taken in.
    pub fn history(&self, now: Timestamp) -> CallHistory {
        let legs = || self.tables.legs.iter();
        let mut messages: Vec<SaidMessage> = legs().flat_map(|l| l.said.messages()).cloned().collect();
        messages.sort_unstable_by_key(|m| m.order);
        let dialogs = legs().flat_map(|leg| self.tables.dialogs_of(leg).map(move |d| (leg, d)));
        let so_far = |(leg, d): (&Leg, &Dialog)| {
            let dialog = [&leg.call_id, &leg.caller_tag, &d.callee_tag].map(|part| part.to_vec());
            self.recordings.so_far(d.recording()?, dialog)
        };
        let mut recordings: Vec<RecordedSoFar> = dialogs.filter_map(so_far).collect();
        recordings.sort_unstable_by_key(|r| r.uuid);
        let cut_legs = legs().filter(|l| l.said.is_cut).count() as u64;
        CallHistory { now, messages, cut_legs, runs: self.tables.pairing.runs(now), recordings }
    }

    /// Follows the calls of another process, from nothing on. `decide` gets what was decided, and when. How many
    /// of its recordings are known here then.
    pub fn learn(&mut self, history: &CallHistory, mut decide: impl FnMut(Decision, Timestamp)) -> usize {
        let patience = self.recordings.wait_for_ever();
        let mut runs = events_of(&history.runs).into_iter().peekable();
        for m in &history.messages {
            while let Some((at, stream, run)) = runs.next_if(|(at, ..)| *at <= m.at) {
                self.learn_run(at, stream, run);
            }
            self.handle_timeout(m.at);
            if let Ok((msg, _)) = Message::parse(&m.bytes) {
                self.handle_message(&msg, &m.bytes, m.flow, m.at);
            }
            self.give(m.at, &mut decide);
        }
        runs.for_each(|(at, stream, run)| self.learn_run(at, stream, run));
        self.handle_timeout(history.now);
        self.give(history.now, &mut decide);
        self.recordings.set_patience(patience);
        let known = self.take_over(&history.recordings, history.now);
        self.handle_timeout(history.now);
        self.give(history.now, &mut decide);
        known
    }

    fn give(&mut self, at: Timestamp, decide: &mut impl FnMut(Decision, Timestamp)) {
        while let Some(decision) = self.poll() {
            decide(decision, at);
        }
    }

    fn learn_run(&mut self, at: Timestamp, stream: StreamPosition, run: &RunSoFar) {
        if at == run.heard {
            self.tables.pairing.note_run(run);
        }
        self.handle_media(&run.flow, at, Some(stream));
    }

    /// Brings the recordings made of what was told into step with those that there are.
    fn take_over(&mut self, theirs: &[RecordedSoFar], now: Timestamp) -> usize {
        let mut known: HashSet<RecordingId> = HashSet::new();
        for r in theirs {
            let [call_id, caller, callee] = &r.dialog;
            let dialog = self.tables.find_dialog(call_id, caller, callee).map(|(id, _)| id);
            let Some(dialog) = dialog.and_then(|id| self.tables.dialogs.get(id)) else { continue };
            let (dialog, Some(id)) = (dialog.id, dialog.recording()) else { continue };
            known.insert(id);
            if let Some(closed) = self.recordings.take_over(id, r) {
                known.extend(closed.goes_on);
                self.leave(closed, now);
            }
            let is_asleep = r.hearing == RecordedHow::Asleep;
            let now_of = self.tables.dialogs.get(dialog).and_then(Dialog::recording).filter(|_| is_asleep);
            now_of.into_iter().for_each(|id| self.recordings.put_to_sleep(id));
        }
        let all = self.recordings.ids();
        let here = all.iter().filter(|id| known.contains(id)).count();
        for id in all.into_iter().filter(|id| !known.contains(id)) {
            if let Some(closed) = self.recordings.take_out(id) {
                self.leave(closed, now);
            }
        }
        here
    }
}

/// The first and the newest packet of each run, in order of time.
fn events_of(runs: &[RunSoFar]) -> Vec<(Timestamp, StreamPosition, &RunSoFar)> {
    let mut events = Vec::with_capacity(2 * runs.len());
    for run in runs {
        for (at, seq) in [(run.began, run.first), (run.heard, run.newest)] {
            events.push((at, StreamPosition { ssrc: run.ssrc, seq }, run));
        }
    }
    events.sort_by_key(|(at, ..)| *at);
    events
}
