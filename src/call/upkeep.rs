//! Keeping the table of legs within its bounds: new legs, timers, forgetting.

use super::calls::{Calls, Timer};
use super::invite::Invite;
use super::leg::{Leg, LegId};
use crate::time::Timestamp;
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::time::Duration;

/// Legs of one Call-ID that are told apart.
const MAX_LEGS_PER_CALL_ID: usize = 16;
/// An INVITE without a final answer is forgotten (RFC 3261 Timer C is 3 minutes and more).
const UNANSWERED: Duration = Duration::from_secs(300);
/// A leg that is over lingers for retransmissions and for the legs that follow it.
const LINGER: Duration = Duration::from_secs(64);
/// An answered leg that is not recorded and says nothing is forgotten.
const SILENT: Duration = Duration::from_secs(12 * 3600);

impl Calls {
    pub(super) fn new_leg(
        &mut self,
        invite: &Invite,
        call_id: &[u8],
        from_tag: &[u8],
        cseq: u32,
        at: Timestamp,
    ) -> Option<LegId> {
        if self.by_call_id.get(call_id).is_some_and(|l| l.len() >= MAX_LEGS_PER_CALL_ID) {
            self.evicted += 1;
            return None;
        }
        if self.legs.len() >= self.max_legs {
            self.evict();
        }
        self.next_leg += 1;
        let id = LegId(self.next_leg);
        let mut keys = vec![[b"call-id:", call_id].concat()];
        keys.extend(invite.correlation.iter().cloned());
        let contact = self.contacts.join(id, at, keys);
        let leg = Leg {
            id,
            call_id: call_id.into(),
            caller_tag: from_tag.into(),
            invite_cseq: cseq,
            invite_at: at,
            invite: invite.clone(),
            caller_users: Vec::new(),
            caller_header: None,
            callee_header: None,
            contact,
            hops: SmallVec::new(),
            dialogs: SmallVec::new(),
            ended: false,
            last_seen: at,
            timer: None,
        };
        self.legs.insert(id, leg);
        self.by_call_id.entry(call_id.into()).or_default().push(id);
        self.unanswered.push_back(id);
        self.arm_leg(id, at + UNANSWERED);
        Some(id)
    }

    /// Sets a leg's timer, unless it will go off sooner anyway: one is armed at a time.
    fn arm_leg(&mut self, id: LegId, due: Timestamp) {
        let Some(l) = self.legs.get_mut(&id) else { return };
        if l.timer.is_none_or(|t| due < t) {
            l.timer = Some(due);
            self.timers.push(Reverse((due, Timer::Leg(id))));
        }
    }

    pub(super) fn leg_timer(&mut self, id: LegId, at: Timestamp, now: Timestamp) {
        let Some(l) = self.legs.get_mut(&id).filter(|l| l.timer == Some(at)) else { return };
        l.timer = None;
        let is_recorded = l.dialogs.iter().any(|d| d.recording.is_some());
        let patience = match (l.ended, l.is_answered()) {
            (true, _) => LINGER,
            (false, false) => UNANSWERED,
            (false, true) => SILENT,
        };
        let due = l.last_seen + patience;
        if is_recorded || due > now {
            self.arm_leg(id, if due > now { due } else { now + LINGER });
        } else {
            self.forget(id);
        }
    }

    /// A leg is over: it lingers, then goes.
    pub(super) fn linger(&mut self, id: LegId) {
        if let Some(l) = self.legs.get_mut(&id)
            && !l.ended
        {
            l.ended = true;
            let due = l.last_seen + LINGER;
            self.arm_leg(id, due);
        }
    }

    /// Makes room: the oldest leg that nobody answered, else the oldest that is not recorded.
    fn evict(&mut self) {
        self.evicted += 1;
        while let Some(id) = self.unanswered.pop_front() {
            if self.legs.get(&id).is_some_and(|l| !l.is_answered()) {
                return self.forget(id);
            }
        }
        // A sixteenth at once: looking for the oldest costs a walk over the table.
        let unrecorded = self.legs.values().filter(|l| l.dialogs.iter().all(|d| d.recording.is_none()));
        let mut oldest: Vec<LegId> = unrecorded.map(|l| l.id).collect();
        oldest.sort_unstable();
        oldest.truncate(self.max_legs / 16 + 1);
        for id in oldest {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: LegId) {
        let Some(l) = self.legs.remove(&id) else { return };
        for d in &l.dialogs {
            for m in &d.media {
                self.pairing.close(m.session);
            }
        }
        self.contacts.leave(l.contact, id);
        if let Some(ids) = self.by_call_id.get_mut(&l.call_id) {
            ids.retain(|i| *i != id);
            if ids.is_empty() {
                self.by_call_id.remove(&l.call_id);
            }
        }
        // Answered legs stay in the queue until they come to its head; keep it from growing past the table.
        if self.unanswered.len() > 2 * self.max_legs.max(self.legs.len()) {
            let legs = &self.legs;
            self.unanswered.retain(|i| legs.get(i).is_some_and(|l| !l.is_answered()));
        }
    }
}
