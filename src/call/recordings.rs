//! Recordings as the signalling sees them: what each waits for, and the orders that follow.
//!
//! ```text
//! begin -> Candidate -- media, or half a second --> Open -- BYE --> Ending -- answered --> closed
//!              |                                     |  ^             |
//!              '- BYE at once: a stray fork          |  '- challenged-'
//!                                                    '- silence --> closed, and a Dormant one
//!                                                                   that media begins
//! ```
//!
//! RFC 3261 §15, §22.2 (a BYE may be challenged). Silence is no hang-up: how long
//! it may last depends on what the dialog has shown of itself ([`super::recording::SilenceLimits`]).

mod hangup;
mod hearing;
mod taking_over;
#[cfg(test)]
mod tests;

use super::decision::{CallEvent, Decision, Ending, HopFormats, Opening, Unrecorded, UnrecordedCall};
use super::ids::DialogId;
use super::pairing::Side;
use super::recording::{Closed, HungUp, Recording, RecordingState, SilenceLimits, Told};
use super::unheard::Unheard;
use crate::config::{PauseBy, Switch};
use crate::id::RecordingId;
use crate::time::Timestamp;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

/// A dialog that ends sooner than this without media was a stray fork.
pub const STRAY: Duration = Duration::from_millis(500);

/// All recordings under way: a slab, so that a media packet costs an index and no look-up.
///
/// An id is a running number above its slot: it orders recordings by age and tells users of a slot apart.
#[derive(Debug)]
pub struct Recordings {
    patience: SilenceLimits,
    slots: Vec<Option<(RecordingId, Recording)>>,
    free: Vec<u32>,
    running: u64,
    dormant: usize,
    timers: BinaryHeap<Reverse<(Timestamp, RecordingId)>>,
    /// Those that may not have been heard yet, the oldest first.
    unheard: Unheard,
    out: VecDeque<Decision>,
    /// Dialogs whose hang-up was none.
    reopened: Vec<DialogId>,
    /// Dialogs silent for so long that their addresses may be somebody else's: to be told the tables.
    pub(super) asleep: Vec<DialogId>,
}

impl Recordings {
    /// None yet.
    pub fn new(patience: SilenceLimits) -> Self {
        Recordings {
            patience: patience.in_order(),
            slots: Vec::new(),
            free: Vec::new(),
            running: 0,
            dormant: 0,
            timers: BinaryHeap::new(),
            unheard: Unheard::default(),
            out: VecDeque::new(),
            reopened: Vec::new(),
            asleep: Vec::new(),
        }
    }

    /// How long they wait for sound from here on; a timer that is set already goes off first.
    pub fn set_patience(&mut self, patience: SilenceLimits) {
        self.patience = patience.in_order();
    }

    /// The next order.
    pub fn poll(&mut self) -> Option<Decision> {
        self.out.pop_front()
    }

    /// An order that concerns no recording under way.
    pub fn order(&mut self, decision: Decision) {
        self.out.push_back(decision);
    }

    /// Begins one; its opening gets its id. Announced once it has shown to be a call.
    pub fn begin(&mut self, recording: Recording) -> RecordingId {
        let due = recording.answered_at() + STRAY;
        let id = self.insert(recording);
        self.arm(id, due);
        let slots = &self.slots;
        self.unheard.add(id, slots.len(), |id| at(slots, id).is_some());
        id
    }

    /// Makes room where there is none: the oldest recording of which next to nothing was heard
    /// though it had the time is given up. Calls that nobody makes must not keep out those
    /// that somebody does. `None` where all have been heard, are on hold, or are young.
    pub fn evict_unheard(&mut self, now: Timestamp) -> Option<Closed> {
        let slots = &self.slots;
        let id = self.unheard.next(now, |id| at(slots, id).map(|r| (r.was_heard(), r.answered_at())))?;
        self.confirm(id);
        self.out.push_back(Decision::Evict(id));
        self.remove(id)
    }

    /// The dialog showed that it lives: RTCP, a session refresh.
    pub fn handle_life(&mut self, id: RecordingId, at: Timestamp) {
        if let Some(r) = self.get_mut(id) {
            r.alive_at = r.alive_at.max(at);
        }
    }

    /// Its dialog sleeps, or signalling has woken it.
    pub fn note_sleep(&mut self, id: RecordingId, at: Timestamp, is_asleep: bool) {
        let asleep = self.get_mut(id).filter(|r| r.is_asleep && !is_asleep);
        asleep.into_iter().for_each(|r| (r.is_asleep, r.alive_at) = (false, r.alive_at.max(at)));
    }

    /// The signalling says what to expect of the media.
    pub fn handle_told(&mut self, id: RecordingId, at: Timestamp, told: Told) {
        let Some(r) = self.get_mut(id) else { return };
        let before = std::mem::replace(&mut r.told, told);
        if before == told {
            return;
        }
        let was_announced = r.is_announced();
        r.told_at = r.told_at.max(at);
        if before.on_hold != told.on_hold && !r.is_dormant() {
            let event = if told.on_hold { CallEvent::Hold } else { CallEvent::Resume };
            self.confirm(id);
            self.out.push_back(Decision::Event(id, at, event));
        }
        if was_announced && before.is_sound_expected() != told.is_sound_expected() {
            self.out.push_back(Decision::Expected(id, at, told.is_sound_expected()));
        }
        self.wait(id);
    }

    /// What payload types mean from now on; told to the tape once there is one.
    pub fn handle_formats(&mut self, id: RecordingId, formats: Vec<HopFormats>) {
        let Some(r) = self.get_mut(id) else { return };
        match &mut r.state {
            RecordingState::Candidate(waiting) | RecordingState::Dormant(waiting) => *waiting = formats,
            RecordingState::Open | RecordingState::Ending { .. } => self.announce(id, formats),
        }
    }

    /// Where `side` is said to send from and receive; `places` stands for all its addresses.
    pub fn handle_places(&mut self, id: RecordingId, at: Timestamp, side: Side, places: u64) {
        let Some(r) = self.get_mut(id) else { return };
        let before = r.places[side as usize].replace(places);
        if before.is_none_or(|b| b == places) {
            return;
        }
        let channel = r.channel_of(side);
        r.own[channel as usize] = 0;
        if matches!(r.state, RecordingState::Open | RecordingState::Ending { .. }) {
            self.out.push_back(Decision::Moved(id, channel, at));
        }
    }

    /// A key was pressed by `side` (SIP INFO).
    pub fn handle_key(&mut self, id: RecordingId, at: Timestamp, side: Side) {
        if let Some(r) = self.get(id).filter(|r| !r.is_dormant()) {
            let press = CallEvent::KeyPress(r.channel_of(side));
            self.confirm(id);
            self.out.push_back(Decision::Event(id, at, press));
        }
    }

    /// Somebody who may asks for a pause, or for its end. False where there is none to be had.
    pub fn handle_pause(&mut self, id: RecordingId, at: Timestamp, switch: Switch, by: PauseBy) -> bool {
        let may = |r: &&Recording| r.opening.service.pause || switch == Switch::Resume;
        let is_there = self.get(id).filter(|r| !r.is_dormant()).filter(may).is_some();
        if is_there {
            self.confirm(id);
            self.out.push_back(Decision::Pause(id, at, switch, by));
        }
        is_there
    }

    /// More has become known of the call. Nothing follows where it was known already.
    pub fn amend(&mut self, id: RecordingId, opening: Opening) {
        let Some(r) = self.get_mut(id) else { return };
        if *r.opening == opening {
            return;
        }
        *r.opening = opening;
        if matches!(r.state, RecordingState::Open | RecordingState::Ending { .. }) {
            let opening = r.opening.clone();
            self.out.push_back(Decision::Amend(opening));
        }
    }

    /// Ends one at `at`. `seen` says whether the end itself was seen.
    pub fn close(&mut self, id: RecordingId, at: Timestamp, by: Ending, seen: bool) -> Option<Closed> {
        if self.get(id)?.is_dormant() {
            return self.remove(id);
        }
        self.confirm(id);
        let at = at.max(self.get(id)?.answered_at());
        self.out.push_back(Decision::Close { recording: id, at, by, seen });
        self.remove(id).map(|closed| Closed { was_recorded: true, ..closed })
    }

    /// It is no recording after all: nothing of it is kept.
    pub fn discard(&mut self, id: RecordingId, at: Timestamp, why: Unrecorded) -> Option<Closed> {
        let r = self.get(id)?;
        let (call_id, ends) = (r.opening.call_id.clone(), r.opening.ends());
        match r.state {
            RecordingState::Dormant(_) => {}
            RecordingState::Candidate(_) => {
                let left_out = UnrecordedCall { reason: why, at, call_id: call_id.clone(), ends };
                self.out.push_back(Decision::Unrecorded { reason: why, at, call_id });
                // What nobody talked in is told with its contact.
                if !matches!(why, Unrecorded::OtherLeg | Unrecorded::Stray | Unrecorded::NoAgent) {
                    self.out.push_back(Decision::LeftOut(Box::new(left_out)));
                }
            }
            RecordingState::Open | RecordingState::Ending { .. } => {
                self.out.push_back(Decision::Discard { recording: id, reason: why });
            }
        }
        self.remove(id)
    }

    /// The leg it rests on is forgotten: one that waits for media waits no more.
    pub fn forget(&mut self, id: RecordingId) {
        if self.get(id).is_some_and(Recording::is_dormant) {
            self.remove(id);
        }
    }

    /// When [`Recordings::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// Time has come to `now`: the next recording that ends by it.
    pub fn handle_timeout(&mut self, now: Timestamp) -> Option<Closed> {
        while let Some(Reverse((at, id))) = self.timers.peek().copied().filter(|Reverse((at, _))| *at <= now)
        {
            self.timers.pop();
            let Some(r) = self.get_mut(id).filter(|r| r.timer == Some(at)) else { continue };
            r.timer = None;
            if let Some(closed) = self.handle_due(id, now) {
                return Some(closed);
            }
        }
        None
    }

    /// The capture ended, or the recorder stops: this one ends at its last media.
    pub fn finish(&mut self, id: RecordingId, now: Timestamp, by: Ending) -> Option<Closed> {
        let r = self.get(id)?;
        let heard = r.heard_until();
        match r.state {
            RecordingState::Ending { at, by, belief } if r.hung_up(at, belief, now) != HungUp::No => {
                self.close(id, at, by, true)
            }
            RecordingState::Dormant(_) => self.remove(id),
            // Too young to tell: it was not a recording yet.
            RecordingState::Candidate(_) if r.last_media.is_none() => {
                self.discard(id, now, Unrecorded::Stray)
            }
            RecordingState::Candidate(_) | RecordingState::Open | RecordingState::Ending { .. } => {
                if matches!(r.state, RecordingState::Ending { .. }) {
                    self.out.push_back(Decision::Resume(id));
                }
                let end = if by == Ending::Shutdown { now.max(heard) } else { heard };
                self.close(id, end, by, false)
            }
        }
    }

    /// The clock the stamps come from was set by `ns` (live capture): nothing was silent meanwhile.
    pub fn clock_stepped(&mut self, ns: i64) {
        for (_, r) in self.slots.iter_mut().flatten() {
            for t in [&mut r.heard_at, &mut r.alive_at, &mut r.told_at] {
                *t = t.offset_ns(ns);
            }
        }
    }

    /// Looks one up.
    pub fn get(&self, id: RecordingId) -> Option<&Recording> {
        at(&self.slots, id)
    }

    /// All ids, oldest first.
    pub fn ids(&self) -> Vec<RecordingId> {
        let mut ids: Vec<_> = self.slots.iter().flatten().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    }

    /// How many, those that wait for media left out.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len() - self.dormant
    }

    /// None.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn get_mut(&mut self, id: RecordingId) -> Option<&mut Recording> {
        self.slots.get_mut(slot_of(id))?.as_mut().filter(|(i, _)| *i == id).map(|(_, r)| r)
    }

    fn insert(&mut self, mut recording: Recording) -> RecordingId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        self.running += 1;
        let id = RecordingId((self.running << 32) | u64::from(slot));
        recording.opening.id = id;
        self.dormant += usize::from(recording.is_dormant());
        self.slots[slot as usize] = Some((id, recording));
        id
    }

    fn remove(&mut self, id: RecordingId) -> Option<Closed> {
        let (_, r) = self.slots.get_mut(slot_of(id))?.take_if(|(i, _)| *i == id)?;
        self.free.push(slot_of(id) as u32);
        self.dormant -= usize::from(r.is_dormant());
        Some(Closed { dialog: r.dialog, recording: id, was_recorded: false, goes_on: None, is_dead: false })
    }

    /// It has shown to be a call: announces it.
    fn confirm(&mut self, id: RecordingId) {
        let Some(r) = self.get_mut(id) else { return };
        let formats = match &mut r.state {
            RecordingState::Open | RecordingState::Ending { .. } => return,
            RecordingState::Candidate(formats) | RecordingState::Dormant(formats) => std::mem::take(formats),
        };
        let was_dormant = r.is_dormant();
        r.state = RecordingState::Open;
        let (opening, told, told_at) = (r.opening.clone(), r.told, r.told_at);
        self.dormant -= usize::from(was_dormant);
        self.out.push_back(Decision::Open(opening));
        if !told.is_sound_expected() {
            self.out.push_back(Decision::Expected(id, told_at, false));
        }
        self.announce(id, formats);
        self.wait(id);
    }

    fn announce(&mut self, recording: RecordingId, formats: Vec<HopFormats>) {
        self.out.extend(formats.into_iter().map(|hop| Decision::Formats(recording, hop)));
    }

    fn handle_due(&mut self, id: RecordingId, now: Timestamp) -> Option<Closed> {
        let patience = self.patience;
        let r = self.get(id)?;
        match r.state {
            RecordingState::Candidate(_) => {
                self.confirm(id);
                None
            }
            RecordingState::Dormant(_) if now >= r.deadline(patience) && r.is_asleep => {
                self.remove(id).map(|closed| Closed { is_dead: true, ..closed })
            }
            RecordingState::Dormant(_) => {
                if now >= r.deadline(patience) {
                    self.asleep.push(r.dialog);
                    self.get_mut(id)?.is_asleep = true;
                }
                self.wait(id);
                None
            }
            RecordingState::Ending { .. } => self.settle_hang_up(id, now),
            RecordingState::Open if now >= r.deadline(patience) => self.fall_silent(id),
            RecordingState::Open => {
                self.wait(id);
                None
            }
        }
    }

    /// It was silent for too long: it ends, and another one waits for media.
    fn fall_silent(&mut self, id: RecordingId) -> Option<Closed> {
        let r = self.get(id)?;
        let next = Recording {
            state: RecordingState::Dormant(Vec::new()),
            timer: None,
            last_media: None,
            opening: r.opening.clone(),
            ..*r
        };
        let closed = self.close(id, r.heard_until(), Ending::Timeout, false)?;
        let next = self.insert(next);
        self.wait(next);
        Some(Closed { goes_on: Some(next), ..closed })
    }

    /// The next moment at which silence could have lasted too long.
    fn wait(&mut self, id: RecordingId) {
        let due = self.get(id).map(|r| r.deadline(self.patience));
        due.into_iter().for_each(|due| self.arm(id, due));
    }

    /// Sets a recording's timer, unless it will go off sooner anyway: one is armed at a time.
    fn arm(&mut self, id: RecordingId, due: Timestamp) {
        let Some(r) = self.get_mut(id) else { return };
        if r.timer.is_none_or(|t| due < t) {
            r.timer = Some(due);
            self.timers.push(Reverse((due, id)));
        }
    }
}

fn at(slots: &[Option<(RecordingId, Recording)>], id: RecordingId) -> Option<&Recording> {
    slots.get(slot_of(id))?.as_ref().filter(|(i, _)| *i == id).map(|(_, r)| r)
}

fn slot_of(id: RecordingId) -> usize {
    (id.0 & 0xFFFF_FFFF) as usize
}
