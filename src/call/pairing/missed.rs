//! What recordings miss: packets that were captured and are nobody's, or not for certain.
//!
//! A party that moves is often heard at its new place before its signalling is answered. Once
//! the flow is known to be the party's, what came on it until then is missing.

use super::super::contender::RunHistory;
use super::super::owner::Owned;
use super::super::runs::Run;
use super::super::session::Session;
use super::{Pairing, SessionId, Side};
use crate::net::Flow;
use smallvec::SmallVec;

/// How often a speaker must be missed beside packets that nobody claims before these are taken for his.
const STRAYS: u8 = 2;

impl Pairing {
    /// A packet is nobody's, or not for certain.
    pub(super) fn note_unowned(&mut self, flow: &Flow, fingerprint: u32, run: &Run, past: &RunHistory) {
        if !past.kin.is_empty() {
            self.unowned.note(fingerprint, run);
        }
        self.miss_who_was_heard(flow, past);
    }

    /// A packet is nobody's, or not for certain. Who was heard in its run until now misses it, and
    /// so does a party that has gone where nobody said; of what a stranger's host sends nobody does.
    pub(super) fn miss_who_was_heard(&mut self, flow: &Flow, past: &RunHistory) {
        let sessions = |leg: u64| self.legs.get(&leg).into_iter().flatten().copied();
        let left = past.kin.iter().filter(|_| past.has_left).flat_map(|k| sessions(k.leg));
        // Who goes on with a party's numbers, to where the other one is, is that party wherever he is.
        let is_to_other =
            |id: &SessionId| self.sessions.get(id).is_some_and(|s| s.spoke.contains(&Some(flow.dst)));
        let left = left.filter(|id| self.is_own_host(*id, flow) || is_to_other(id));
        let was = past.owner.into_iter().flat_map(sessions).filter(|id| self.is_own_host(*id, flow));
        let missing: SmallVec<[SessionId; 4]> = was.chain(left).collect();
        self.report_incomplete(&missing);
    }

    /// Does a flow come from a host of a session's parties, or from where one was heard?
    fn is_own_host(&self, id: SessionId, flow: &Flow) -> bool {
        let is_at = |s: &Session| {
            let is_said = [Side::Caller, Side::Callee].iter().any(|side| s.is_said_at(*side, flow.src.ip()));
            is_said || s.spoke.contains(&Some(flow.src))
        };
        self.sessions.get(&id).is_some_and(is_at)
    }

    /// What a party said where nobody knew it to be, before it was known to be there.
    pub(super) fn miss_unowned(&mut self, flow: &Flow, fingerprint: u32, owned: &Owned, past: &RunHistory) {
        let Some(first) = self.unowned.take(fingerprint, past.ssrc) else { return };
        let goes_on = |s: &Session| past.kin.iter().any(|k| k.leg == s.age);
        let own = owned.by.iter().map(|(id, _)| *id);
        let moved: SmallVec<[SessionId; 2]> = own
            .filter(|id| self.is_own_host(*id, flow) && self.sessions.get(id).is_some_and(goes_on))
            .collect();
        if !self.places.is_copy(flow, past.ssrc, first) {
            self.report_incomplete(&moved);
        }
    }

    /// A run that was another leg's until now is found to be these sessions' as well: who fell silent
    /// where he was when it began has said it here, and nobody recorded it.
    pub(super) fn miss_before_joining(&mut self, owned: &Owned, run: &Run, past: &RunHistory) {
        let has_missed = |(id, side): &&(SessionId, Side)| {
            let Some(s) = self.sessions.get(id) else { return false };
            let is_new = !past.before.is_empty() && past.before.iter().all(|k| k.leg != s.age);
            let spoke = s.spoke[*side as usize].and_then(|at| self.places.heard_from(s, at));
            let was_silent = match spoke {
                Some(last) => last.since(run.began) == 0,
                None => s.answered_at.is_some_and(|at| at.since(run.began) == 0),
            };
            is_new && was_silent
        };
        let missed: SmallVec<[SessionId; 2]> =
            owned.by.iter().filter(has_missed).map(|(id, _)| *id).collect();
        self.report_incomplete(&missed);
    }

    /// Nobody claims a packet: a recorded call with a side at each of its hosts may miss it.
    pub(super) fn miss(&mut self, flow: &Flow, ssrc: u32) {
        let between = self.between.of(flow.src.ip(), flow.dst.ip());
        let near = self.hosts.near(flow, between, (&self.sessions, &self.legs), &self.places, self.now);
        let mut missing: SmallVec<[SessionId; 2]> = SmallVec::new();
        for (id, side, is_missed) in near {
            let Some(s) = self.sessions.get_mut(&id) else { continue };
            s.note_stray(side, (ssrc, flow.src.ip()));
            // A packet in each tick says enough.
            if s.strayed.0 != self.now {
                let before = if is_missed { s.strayed.1 } else { 0 };
                s.strayed = (self.now, before.saturating_add(u8::from(is_missed)));
            }
            if s.strayed.1 > STRAYS {
                missing.push(id);
            }
        }
        self.report_incomplete(&missing);
    }

    /// A packet that these may have owned is lost to them: those that are recorded are told.
    pub(super) fn doubt(&mut self, ids: &[SessionId]) {
        for id in ids {
            if let Some(s) = self.sessions.get_mut(id) {
                // It may be alive: doubt does not let it fall silent.
                s.heard = Some(self.now);
            }
        }
        self.report_incomplete(ids);
    }

    pub(super) fn report_incomplete(&mut self, ids: &[SessionId]) {
        for id in ids {
            // Of who has hung up nothing more is awaited.
            let Some(s) = self.sessions.get_mut(id).filter(|s| s.leaving.is_none()) else { continue };
            let Some(r) = s.recording else { continue };
            if !std::mem::replace(&mut s.is_told, true) && !self.incomplete.contains(&r.id) {
                self.incomplete.push_back(r.id);
            }
        }
    }
}
