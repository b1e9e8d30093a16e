//! One communication session under way: kept in step with what its metadata and its media lines say,
//! told to the engine as a dialog.
//!
//! A party whose place another one takes has passed the call on: its dialog ends as a transfer does, and
//! another one of the same Call-ID, and so of the same contact, begins.

use super::cast::{Cast, Casting, is_same};
use super::ladder::{Described, Fed, Ladder};
use super::offer::{OfferedLine, Taken};
use super::part::CallParty;
use super::picture::{Picture, Scene};
use crate::net::Flow;
use crate::pii::Pii;
use crate::sdp::Side;
use smallvec::SmallVec;

const SIDES: [Side; 2] = [Side::Caller, Side::Callee];

/// Where a packet of one line goes: nowhere, to the other side, or both ways.
pub type Ways = SmallVec<[Flow; 2]>;

/// What a conversation is made from.
#[derive(Clone, Copy, Debug)]
pub struct CallTerms<'a> {
    /// The rules.
    pub casting: &'a Casting,
    /// Headers of the client's INVITE.
    pub headers: &'a [(String, Pii<String>)],
    /// The media lines.
    pub lines: &'a [OfferedLine],
}

/// One communication session.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// Its id in the metadata.
    pub id: String,
    /// The group it is of.
    pub group: Option<String>,
    /// What its dialogs have in common.
    pub call_id: String,
    cast: Cast,
    media: Described,
    dialog: Option<Ladder>,
    is_told_missing: bool,
}

impl Conversation {
    /// Of a session that has not been told yet.
    pub fn new(scene: &Scene, call_id: String) -> Conversation {
        Conversation {
            id: scene.id.clone(),
            group: scene.group.clone(),
            call_id,
            cast: Cast::default(),
            media: Described::default(),
            dialog: None,
            is_told_missing: false,
        }
    }

    /// Brings it in step. `number` gives the number of another dialog.
    pub fn update(
        &mut self,
        scene: &Scene,
        told: CallTerms<'_>,
        number: &mut impl FnMut() -> u64,
        out: &mut Vec<Fed>,
    ) {
        if scene.members.is_empty() {
            // Nobody is named any more: no word on who talks.
            return self.describe(told.lines, out);
        }
        let before = self.dialog.is_some().then_some(&self.cast);
        let cast = told.casting.cast(scene, before, told.headers);
        let before = std::mem::replace(&mut self.cast, cast);
        if let Some(dialog) = &mut self.dialog {
            let changed = SIDES.map(|s| !is_same(&before.sides[s as usize], &self.cast.sides[s as usize]));
            match changed {
                [false, false] => self.keep(&before, out),
                // A side that became known, where nobody was.
                _ if SIDES
                    .iter()
                    .all(|s| !changed[*s as usize] || before.sides[*s as usize].user.is_none()) =>
                {
                    for s in SIDES.into_iter().filter(|s| changed[*s as usize]) {
                        dialog.name(s, &self.cast.sides[s as usize], out);
                    }
                }
                _ => {
                    let side = if changed[Side::Callee as usize] { Side::Callee } else { Side::Caller };
                    let next = &self.cast.sides[side as usize];
                    let is_there = *next != CallParty::default();
                    dialog.end((changed != [true, true]).then_some(side), is_there.then_some(next), out);
                    self.dialog = None;
                }
            }
        }
        self.describe(told.lines, out);
        if self.dialog.is_none() && self.is_complete() {
            let mut dialog = Ladder::new(self.call_id.clone(), number(), &self.cast.sides);
            dialog.begin(&self.cast.sides, &self.media, out);
            self.dialog = Some(dialog);
            self.is_told_missing = false;
        }
        self.tell_missing(out);
    }

    /// The session is over; the metadata may tell who left first.
    pub fn end(&mut self, picture: &Picture, out: &mut Vec<Fed>) {
        let first = picture.left_first(&self.id);
        let side = SIDES.into_iter().find(|s| Some(&*self.cast.sides[*s as usize].id) == first);
        if let Some(mut dialog) = self.dialog.take() {
            dialog.end(side, None, out);
        }
    }

    /// Where a packet on `line` goes.
    pub fn ways(&self, line: usize, is_rtcp: bool) -> Ways {
        let (Some(dialog), Some(voices)) = (&self.dialog, self.cast.voices.get(line)) else {
            return Ways::new();
        };
        let is_main = |s: &Side| self.main_line(*s) == Some(line);
        let speaks = SIDES.into_iter().filter(|s| voices[*s as usize]);
        speaks.filter(is_main).map(|s| dialog.media(s, is_rtcp)).collect()
    }

    /// The line a side is heard on: the first, of several.
    fn main_line(&self, side: Side) -> Option<usize> {
        self.cast.voices.iter().position(|v| v[side as usize])
    }

    /// It is known of somebody who he is, and something is to be heard.
    fn is_complete(&self) -> bool {
        let is_known =
            self.cast.sides.iter().filter(|r| **r != CallParty::default()).any(|r| r.user.is_some());
        is_known && self.cast.voices.iter().any(|v| *v != [false, false])
    }

    /// The same two talk; one of them may have become known by name.
    fn keep(&mut self, before: &Cast, out: &mut Vec<Fed>) {
        for s in SIDES {
            let (old, new) = (&before.sides[s as usize], &self.cast.sides[s as usize]);
            if let Some(dialog) = &mut self.dialog
                && old.user.is_none()
                && new.user.is_some()
            {
                dialog.name(s, new, out);
            }
            if new.user.is_none() {
                self.cast.sides[s as usize].user.clone_from(&old.user);
            }
        }
    }

    /// How the voices are coded now; told where that has changed.
    fn describe(&mut self, lines: &[OfferedLine], out: &mut Vec<Fed>) {
        let mut media = Described::default();
        for s in SIDES {
            let line = self.main_line(s).and_then(|i| lines.get(i));
            if let Some(line) = line.filter(|l| l.taken != Taken::Refused) {
                media.set(s, line.coding(), line.taken != Taken::Active);
            } else {
                // What was sent before and is not any more rests; what never was is not missed.
                media.is_paused[s as usize] = !self.media.coding[s as usize].is_empty();
                media.coding[s as usize].clone_from(&self.media.coding[s as usize]);
            }
        }
        if media == self.media {
            return;
        }
        let was_paused = std::mem::replace(&mut self.media, media).is_paused;
        let Some(dialog) = &mut self.dialog else { return };
        // Whoever stops hearing the other, or hears him again, says so.
        let now = self.media.is_paused;
        let holder = |paused: [bool; 2]| match paused {
            [true, false] => Some(Side::Callee),
            [false, true] => Some(Side::Caller),
            _ => None,
        };
        let by = holder(now).or_else(|| holder(was_paused)).unwrap_or(Side::Caller);
        dialog.describe(by, &self.media, out);
    }

    fn tell_missing(&mut self, out: &mut Vec<Fed>) {
        if let Some(dialog) = &mut self.dialog
            && self.cast.is_blurred
            && !self.is_told_missing
        {
            dialog.tell_missing(out);
            self.is_told_missing = true;
        }
    }
}
