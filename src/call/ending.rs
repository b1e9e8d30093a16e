//! How recordings end: BYE and its refusal, silence, the end of the capture.
//!
//! RFC 3261 §15, §22.2 (a BYE may be challenged).

use super::answer::STRAY;
use super::calls::{Calls, Timer};
use super::decision::{Decision, Ending, Unrecorded};
use super::leg::{Bye, DialogState, LegId};
use super::pairing::Side;
use super::recordings::{Recording, State};
use crate::id::RecordingId;
use crate::time::Timestamp;
use std::cmp::Reverse;
use std::time::Duration;

/// A BYE that nobody answers counts after this long (the response may not have been captured).
const BYE_WAIT: Duration = Duration::from_secs(2);
/// After an accepted BYE, packets captured before it may still come: several
/// interfaces are not merged in order.
const GRACE: Duration = Duration::from_millis(300);
/// A hold is no timeout, however long; this long without media or any word of it, its BYE was missed.
const FORGOTTEN_HOLD: Duration = Duration::from_secs(12 * 3600);

impl Calls {
    pub(super) fn handle_bye(&mut self, leg_id: LegId, tag: &[u8], side: Side, cseq: u32, at: Timestamp) {
        let Some(d) = self.dialog_mut(leg_id, tag) else { return };
        // A second BYE of the same side is the repeat of one that was challenged.
        let is_repeat = |b: Bye| b.by == side && cseq > b.cseq;
        if d.state == DialogState::Terminated || d.bye.is_some_and(|b| !is_repeat(b)) {
            return;
        }
        d.bye = Some(Bye { at, by: side, cseq });
        let (transfer_by, replaced) = (d.transfer_by, d.replaced);
        let recording = d.recording;
        self.leave(leg_id, tag, true);
        let Some(id) = recording else {
            // Nothing hangs on the exact end of a dialog that is not recorded.
            return self.terminate(leg_id, tag);
        };
        if self.is_losing_fork(leg_id, tag, id, at) {
            return self.discard(leg_id, tag, id);
        }
        let Some(r) = self.recordings.get_mut(id) else { return };
        let by_agent = transfer_by.is_some_and(|s| s != r.customer);
        let by = if by_agent || replaced { Ending::Transferred } else { Ending::HungUp(r.channel_of(side)) };
        match r.state {
            State::Candidate(_) => {}
            State::Open | State::Ending { .. } => {
                r.state = State::Ending { at, by, accepted: false };
                self.out.push(Decision::Suspend(id, at));
                self.arm_recording(id, at + BYE_WAIT);
                return;
            }
        }
        // Still a candidate: without media and over at once it was a stray.
        if at < r.answered_at + STRAY {
            return self.discard(leg_id, tag, id);
        }
        self.confirm(id);
        self.close_recording(id, at, by, true);
    }

    /// A dialog hangs up, or does not after all: its addresses are free for newer calls.
    fn leave(&mut self, leg_id: LegId, tag: &[u8], leaving: bool) {
        let Some(d) = self.legs.get(&leg_id).and_then(|l| l.dialogs.iter().find(|d| &*d.callee_tag == tag))
        else {
            return;
        };
        d.media.iter().for_each(|m| self.pairing.leave(m.session, leaving));
    }

    /// Of several dialogs of one INVITE the one hung up at once was not the call
    /// (RFC 3261 §13.2.2.4), even if a packet of it was heard.
    fn is_losing_fork(&self, leg_id: LegId, tag: &[u8], id: RecordingId, at: Timestamp) -> bool {
        let forked = self
            .legs
            .get(&leg_id)
            .is_some_and(|l| l.dialogs.iter().any(|d| &*d.callee_tag != tag && d.is_confirmed()));
        forked && self.recordings.get(id).is_some_and(|r| at < r.answered_at + STRAY)
    }

    fn discard(&mut self, leg_id: LegId, tag: &[u8], id: RecordingId) {
        let Some(r) = self.recordings.remove(id) else { return };
        self.out.push(match r.state {
            State::Candidate(_) => Decision::Unrecorded(Unrecorded::Stray),
            State::Open | State::Ending { .. } => Decision::Discard(id),
        });
        self.detach(&r);
        self.terminate(leg_id, tag);
    }

    pub(super) fn handle_bye_response(
        &mut self,
        leg_id: LegId,
        tag: &[u8],
        sender: Side,
        cseq: u32,
        code: u16,
    ) {
        let Some(d) = self.dialog_mut(leg_id, tag) else { return };
        let Some(bye) = d.bye.filter(|b| b.by == sender && b.cseq == cseq) else { return };
        let Some(id) = d.recording else { return };
        match code {
            0..=199 => {}
            401 | 407 => {
                d.bye = None;
                self.leave(leg_id, tag, false);
                if let Some(r) = self.recordings.get_mut(id) {
                    r.state = State::Open;
                    self.out.push(Decision::Resume(id));
                }
                self.wait_for_silence(id, bye.at);
            }
            _ => {
                if let Some(Recording { state: State::Ending { accepted, .. }, .. }) =
                    self.recordings.get_mut(id)
                {
                    *accepted = true;
                    self.arm_recording(id, bye.at + GRACE);
                }
            }
        }
    }

    /// The hang-up stands.
    fn finish_ending(&mut self, id: RecordingId, at: Timestamp) {
        let Some(State::Ending { by, .. }) = self.recordings.get(id).map(|r| &r.state) else { return };
        let by = *by;
        self.close_recording(id, at, by, true);
    }

    /// Sets a recording's timer, unless it will go off sooner anyway: one is armed at a time.
    pub(super) fn arm_recording(&mut self, id: RecordingId, due: Timestamp) {
        let Some(r) = self.recordings.get_mut(id) else { return };
        if r.timer.is_none_or(|t| due < t) {
            r.timer = Some(due);
            self.timers.push(Reverse((due, Timer::Recording(id))));
        }
    }

    /// Something may be due on a recording.
    pub(super) fn recording_timer(&mut self, id: RecordingId, at: Timestamp, now: Timestamp) {
        let Some(r) = self.recordings.get_mut(id).filter(|r| r.timer == Some(at)) else { return };
        r.timer = None;
        match r.state {
            State::Candidate(_) => {
                self.confirm(id);
                self.wait_for_silence(id, now);
            }
            State::Ending { at, accepted, .. } => {
                let due = at + if accepted { GRACE } else { BYE_WAIT };
                if now >= due {
                    self.finish_ending(id, at);
                } else {
                    self.arm_recording(id, due);
                }
            }
            State::Open => {
                let patience = if r.on_hold { FORGOTTEN_HOLD } else { self.media_timeout };
                if now >= r.quiet_since + patience {
                    let heard = r.last_media.unwrap_or(r.answered_at);
                    self.close_recording(id, heard, Ending::Timeout, false);
                } else {
                    self.wait_for_silence(id, now);
                }
            }
        }
    }

    /// The next moment at which silence could have lasted too long.
    pub(super) fn wait_for_silence(&mut self, id: RecordingId, now: Timestamp) {
        let Some(r) = self.recordings.get(id) else { return };
        // On hold silence is no end; the question is asked again later.
        let since = if r.on_hold { now } else { r.quiet_since };
        let due = since + self.media_timeout;
        self.arm_recording(id, due);
    }

    /// Ends a recording at `at`. `seen` says whether the end itself was seen.
    pub(super) fn close_recording(&mut self, id: RecordingId, at: Timestamp, by: Ending, seen: bool) {
        self.confirm(id);
        let Some(r) = self.recordings.remove(id) else { return };
        let at = at.max(r.answered_at);
        self.out.push(Decision::Close { recording: id, at, by, seen });
        self.detach(&r);
        if !matches!(by, Ending::Transferred)
            || self.dialog(r.leg, &r.callee_tag).is_some_and(|d| d.bye.is_some())
        {
            self.terminate(r.leg, &r.callee_tag);
        }
    }

    /// The capture ended, or the recorder stops: everything open ends at its last media.
    pub fn finish(&mut self, now: Timestamp, by: Ending) {
        for id in self.recordings.ids() {
            let Some(r) = self.recordings.get(id) else { continue };
            match r.state {
                State::Ending { at, .. } => self.finish_ending(id, at),
                State::Candidate(_) if r.last_media.is_none() => {
                    // Too young to tell: it was not a recording yet.
                    self.recordings.remove(id);
                    self.out.push(Decision::Unrecorded(Unrecorded::Stray));
                }
                State::Candidate(_) | State::Open => {
                    let heard = r.last_media.unwrap_or(r.answered_at);
                    let end = if by == Ending::Shutdown { now.max(heard) } else { heard };
                    self.close_recording(id, end, by, false);
                }
            }
        }
    }

    fn detach(&mut self, r: &Recording) {
        let sessions: Vec<_> = self
            .dialog(r.leg, &r.callee_tag)
            .map(|d| d.media.iter().map(|m| m.session).collect())
            .unwrap_or_default();
        for s in sessions {
            self.pairing.record(s, None);
        }
        if let Some(d) = self.dialog_mut(r.leg, &r.callee_tag) {
            d.recording = None;
        }
    }

    /// A dialog is over: its addresses are free.
    pub(super) fn terminate(&mut self, leg_id: LegId, tag: &[u8]) {
        let Some(d) = self.dialog_mut(leg_id, tag) else { return };
        d.state = DialogState::Terminated;
        let sessions: Vec<_> = d.media.drain(..).map(|m| m.session).collect();
        for s in sessions {
            self.pairing.close(s);
        }
        let over = self
            .legs
            .get(&leg_id)
            .is_some_and(|l| l.dialogs.iter().all(|d| d.state == DialogState::Terminated));
        if over {
            self.linger(leg_id);
        }
    }
}
