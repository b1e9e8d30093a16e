//! Who has the floor: which of all that is heard of one party is listened to.
//!
//! What is heard of a party has a [`HeardAt`]: what speaks for the address it comes from
//! ([`Standing`]), and the signalling hop it was heard on. One place is listened to at a
//! time. A better one takes the floor as soon as it speaks, and what a worse one put down
//! before it is taken back: of a farther hop it was the same voice a little earlier, of a
//! stranger's address it was a stranger's. A worse one is listened to where the better has
//! been silent for a while; one that nothing speaks for is not, once an address that is the
//! party's own was heard: who speaks into a pause is not the party.
//!
//! Where signalling says that the party has moved, whoever is heard next may be it: what was
//! heard at the old place stands, and goes on only until the new one speaks.
//!
//! What goes on by its own numbers between addresses that are the party's is one voice: it has the
//! floor at both, and nothing of it is taken back. Media often moves before signalling says so
//! (RFC 8445 §12.1): what an address said while it waited counts once it is listened to.
//!
//! Knows times and places, nothing of packets.

use crate::rtp::standing::{Standing, Trust, source_of};
use crate::time::NS_PER_S;

/// Who says nothing for so long has paused, or is elsewhere.
const PAUSE_NS: i64 = NS_PER_S / 5;
/// A worse place is listened to when the better has been silent this long.
pub(super) const SILENCE_NS: i64 = 2 * NS_PER_S;
/// The same for a place that the party has left: its last packets may still be on their way.
const LEFT_SILENCE_NS: i64 = NS_PER_S / 10;
/// And for so long after it is said to have left.
const LEAVING_NS: i64 = 2 * NS_PER_S;
/// What a place put down is taken back whole when it began no longer ago than this.
pub(super) const TAKE_BACK_NS: i64 = NS_PER_S;
/// The same where nothing spoke for it. Not without end: a party whose address nobody names
/// may have talked for long, and two packets under a false name shall not undo that.
pub(super) const TAKE_BACK_STRANGER_NS: i64 = 10 * NS_PER_S;

/// Where something was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeardAt {
    /// Distance of the signalling hop from the agent.
    rank: u8,
    standing: Standing,
    /// From which address, where it is not the party's for certain: of two that may be his
    /// not both are.
    source: u32,
}

impl HeardAt {
    /// Of a packet heard on the hop `rank`, on a flow whose source has this standing.
    pub fn new(rank: u8, standing: Standing, flow: u32) -> HeardAt {
        let source = if standing.trust() == Trust::Named { 0 } else { source_of(flow) };
        HeardAt { rank, standing, source }
    }

    /// Distance of the signalling hop from the agent.
    pub fn rank(self) -> u8 {
        self.rank
    }

    /// What speaks for the address.
    pub fn standing(self) -> Standing {
        self.standing
    }

    /// How much that is worth.
    pub fn trust(self) -> Trust {
        self.standing.trust()
    }

    /// What is weighed, the best first.
    pub fn weight(self) -> (Trust, u8, Standing) {
        (self.trust(), self.rank, self.standing)
    }

    /// Has it the better right?
    pub fn is_better(self, than: HeardAt) -> bool {
        self.weight() < than.weight()
    }

    /// Does signalling name it? What is behind a NAT may be an old place of the party, which media
    /// runs to and from a little longer.
    fn is_told(self) -> bool {
        self.trust() == Trust::Named && self.standing != Standing::Nat
    }

    /// Is it another address of the party rather than another hop of its way?
    pub fn is_other_address(self, than: HeardAt) -> bool {
        self.trust() != than.trust() || (self.rank == than.rank && self != than)
    }
}

/// Who has the floor.
#[derive(Clone, Copy, Debug)]
struct Holder {
    place: HeardAt,
    since_ns: i64,
    last_ns: i64,
}

/// What comes of something that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heed {
    /// It is listened to.
    Listen,
    /// It has taken the floor: what worse places put down from then on is taken back.
    TakeOver(i64),
    /// It goes on after whoever had the floor; what it said since then counts.
    Follow(i64),
    /// Somebody else is listened to.
    Aside,
}

/// The floor of one party.
#[derive(Debug, Default)]
pub(super) struct Floor {
    holder: Option<Holder>,
    /// The best that ever held it since the party was last said to have moved.
    best: Option<Trust>,
    /// When the party left the place that holds it, until it is heard at another.
    left_ns: Option<i64>,
}

/// What was heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    /// After the answer.
    pub at_ns: i64,
    /// It can be played, or belongs to what can.
    pub is_usable: bool,
    /// It is not the first packet of its source (RFC 3550 §A.1).
    pub is_confirmed: bool,
    /// It comes from where the party was until it moved.
    pub is_under_way: bool,
    /// By its SSRC it goes on with what the holder of the floor says.
    pub goes_on: bool,
    /// It says what was heard already.
    pub is_copy: bool,
    /// What came from its address was not listened to until now.
    pub has_waited: bool,
}

impl Said {
    /// What a party goes on with where it is listened to.
    pub fn here(at_ns: i64, is_usable: bool) -> Said {
        let (is_under_way, goes_on, is_copy, has_waited) = (false, false, false, false);
        Said { at_ns, is_usable, is_confirmed: true, is_under_way, goes_on, is_copy, has_waited }
    }
}

impl Floor {
    /// Something was heard.
    pub fn heed(&mut self, place: HeardAt, said: Said) -> Heed {
        let Said { at_ns, is_usable, is_confirmed, is_under_way, goes_on, is_copy, has_waited } = said;
        if !is_usable && is_confirmed && !is_under_way && place.trust() == Trust::Named {
            // It is there, though nobody can hear it: nobody else speaks for it.
            self.best = Some(Trust::Named);
        }
        let is_shut_out = place.trust() == Trust::None && self.best == Some(Trust::Named);
        let Some(holder) = &mut self.holder else {
            if is_shut_out {
                return Heed::Aside;
            }
            if is_usable {
                self.hold(place, at_ns);
            }
            return Heed::Listen;
        };
        let held = *holder;
        if place == held.place {
            if is_usable {
                holder.last_ns = holder.last_ns.max(at_ns);
                if place.is_told() && !is_under_way {
                    (self.left_ns, self.best) = (None, Some(Trust::Named));
                }
            }
            return if has_waited && is_usable { Heed::Follow(held.last_ns) } else { Heed::Listen };
        }
        let has_left = self.has_left(at_ns) && place.is_other_address(held.place);
        // Of two places that may be the party's as well its own numbers tell.
        let has_gone_on = goes_on && held.place.trust() != Trust::Named;
        let patience = if has_left || has_gone_on { LEFT_SILENCE_NS } else { SILENCE_NS };
        let is_silent = at_ns - held.last_ns >= patience && !is_shut_out && (is_confirmed || !has_left);
        let is_one_voice = goes_on && held.place.trust() != Trust::None && place.is_other_address(held.place);
        if !place.is_better(held.place) {
            let has_come_over = is_one_voice && place.trust() == Trust::Named && !is_copy;
            return match (is_silent || has_come_over, is_usable) {
                (false, _) => Heed::Aside,
                (true, false) => Heed::Listen,
                (true, true) => {
                    self.hold(place, at_ns);
                    Heed::Follow(held.last_ns)
                }
            };
        }
        // One packet under a better name is soon forged.
        let may_take = is_confirmed || !place.is_other_address(held.place);
        if !is_usable || !may_take {
            return Heed::Listen;
        }
        // What the party said where it was stands, also at another port of its host that it began at;
        // what a stranger said does not.
        if is_one_voice || (has_left && (held.place.trust() != Trust::None || goes_on)) {
            self.hold(place, at_ns);
            return Heed::Follow(held.last_ns);
        }
        let is_stranger = held.place.trust() == Trust::None;
        let all_ns = if is_stranger { TAKE_BACK_STRANGER_NS } else { TAKE_BACK_NS };
        let is_short = at_ns - held.since_ns <= all_ns;
        self.hold(place, at_ns);
        Heed::TakeOver(if is_short { held.since_ns } else { at_ns })
    }

    /// Something that was heard at `before` is heard at `place` from here on: more, or less, has become
    /// known of its address.
    pub fn promote(&mut self, before: HeardAt, place: HeardAt) {
        let Some(h) = self.holder.as_mut().filter(|h| h.place == before && place.is_better(before)) else {
            return;
        };
        h.place = place;
        // Of a place that the party has left, what becomes known says nothing of where it is.
        if self.left_ns.is_none() || place.is_told() {
            self.best = Some(self.best.map_or(place.trust(), |b| b.min(place.trust())));
        }
    }

    /// What was heard at `place` was not the party.
    pub fn vacate(&mut self, place: HeardAt) {
        if self.holder.is_some_and(|h| h.place == place) {
            (self.holder, self.best) = (None, None);
        }
    }

    /// Nothing that was heard is certain to be the party.
    pub fn is_uncertain(&self) -> bool {
        self.best.is_some_and(|b| b != Trust::Named)
    }

    /// The party itself was heard.
    pub fn is_certain(&self) -> bool {
        self.best == Some(Trust::Named)
    }

    /// Where it is said to be has changed: whoever speaks next may be it.
    pub fn moved(&mut self, at_ns: i64) {
        self.best = None;
        self.left_ns = self.holder.is_some().then_some(at_ns);
    }

    /// Has the party just left the place that holds the floor?
    pub fn has_left(&self, at_ns: i64) -> bool {
        self.left_ns.is_some_and(|left| at_ns < left + LEAVING_NS)
    }

    /// Who is listened to.
    pub fn place(&self) -> Option<HeardAt> {
        self.holder.map(|h| h.place)
    }

    /// Is whoever has the floor silent, for longer than packets are lost?
    pub fn is_silent(&self, at_ns: i64) -> bool {
        self.holder.is_none_or(|h| at_ns - h.last_ns > PAUSE_NS)
    }

    /// Was somebody else listened to about then?
    pub fn is_covered(&self, place: HeardAt, at_ns: i64) -> bool {
        self.covered_by(place, at_ns).is_some()
    }

    /// Who else was.
    pub fn covered_by(&self, place: HeardAt, at_ns: i64) -> Option<HeardAt> {
        let covers = |h: &Holder| {
            let heard = h.since_ns - TAKE_BACK_NS..h.last_ns + SILENCE_NS;
            h.place != place && heard.contains(&at_ns)
        };
        self.holder.filter(covers).map(|h| h.place)
    }

    fn hold(&mut self, place: HeardAt, at_ns: i64) {
        self.left_ns = None;
        self.holder = Some(Holder { place, since_ns: at_ns, last_ns: at_ns });
        self.best = Some(self.best.map_or(place.trust(), |b| b.min(place.trust())));
    }
}

#[cfg(test)]
mod tests;
