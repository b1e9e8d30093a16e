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
    /// It has followed a better one that is silent; what it said since then counts.
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
}

impl Floor {
    /// Something was heard.
    pub fn heed(&mut self, place: HeardAt, said: Said) -> Heed {
        let Said { at_ns, is_usable, is_confirmed, is_under_way, goes_on } = said;
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
        if place == holder.place {
            if is_usable {
                holder.last_ns = holder.last_ns.max(at_ns);
                if place.is_told() && !is_under_way {
                    (self.left_ns, self.best) = (None, Some(Trust::Named));
                }
            }
            return Heed::Listen;
        }
        let held = *holder;
        let has_left = self.has_left(at_ns) && place.is_other_address(held.place);
        // Of two places that may be the party's as well its own numbers tell.
        let has_gone_on = goes_on && held.place.trust() != Trust::Named;
        let patience = if has_left || has_gone_on { LEFT_SILENCE_NS } else { SILENCE_NS };
        let is_silent = at_ns - held.last_ns >= patience && !is_shut_out && (is_confirmed || !has_left);
        if !place.is_better(held.place) {
            return match (is_silent, is_usable) {
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
        let has_begun_there = goes_on && held.place.trust() == Trust::Likely;
        if has_begun_there || (has_left && (held.place.trust() != Trust::None || goes_on)) {
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
mod tests {
    use super::*;
    use Standing::{Candidate, Claimed, Host, Nat, Other};

    const MS: i64 = NS_PER_S / 1000;
    /// Flows of two sources.
    const A: u32 = 0x0100_0000;
    const B: u32 = 0x0200_0000;

    fn said(ms: i64) -> Said {
        let (is_under_way, goes_on) = (false, false);
        Said { at_ns: ms * MS, is_usable: true, is_confirmed: true, is_under_way, goes_on }
    }

    fn heed(f: &mut Floor, rank: u8, standing: Standing, ms: i64) -> Heed {
        f.heed(HeardAt::new(rank, standing, A), said(ms))
    }

    #[test]
    fn a_better_address_takes_the_floor_and_a_worse_one_waits_for_silence() {
        for (better, worse) in [(Claimed, Nat), (Nat, Candidate), (Candidate, Host), (Host, Other)] {
            let mut f = Floor::default();
            assert_eq!(heed(&mut f, 0, worse, 100), Heed::Listen);
            let first = f.heed(HeardAt::new(0, better, A), Said { is_confirmed: false, ..said(140) });
            assert_eq!(first, Heed::Listen, "{better:?}: one packet is none");
            assert_eq!(heed(&mut f, 0, better, 160), Heed::TakeOver(100 * MS));
            assert_eq!(heed(&mut f, 0, worse, 180), Heed::Aside);
            assert_eq!(heed(&mut f, 0, better, 200), Heed::Listen);
            let after = heed(&mut f, 0, worse, 2300);
            assert_eq!(after, Heed::Follow(200 * MS), "{worse:?}");
            let from = if worse == Other { 2300 } else { 9000 };
            assert_eq!(heed(&mut f, 0, better, 9000), Heed::TakeOver(from * MS));
        }
    }

    #[test]
    fn of_two_who_may_be_the_party_the_first_is_heard_until_one_is_known() {
        for may_be in [Host, Other] {
            let (mut f, one, two) =
                (Floor::default(), HeardAt::new(0, may_be, A), HeardAt::new(0, may_be, B));
            assert_eq!(f.heed(one, said(0)), Heed::Listen);
            assert_eq!(f.heed(two, said(20)), Heed::Aside);
            assert!(f.is_uncertain());
            let known = HeardAt::new(0, Nat, A);
            f.promote(one, known);
            assert_eq!(f.heed(known, said(40)), Heed::Listen, "the same is taken back nothing");
            let mut f = Floor::default();
            f.heed(two, said(0));
            f.promote(one, known);
            assert_eq!(f.heed(known, said(40)), Heed::TakeOver(0));
            assert!(!f.is_uncertain());
        }
    }

    #[test]
    fn nobody_speaks_for_the_party_once_it_was_heard_unless_it_moved() {
        for named in [Claimed, Nat, Candidate] {
            let mut f = Floor::default();
            heed(&mut f, 0, named, 0);
            assert_eq!(heed(&mut f, 0, Other, 600_000), Heed::Aside);
            f.moved(600_000 * MS);
            assert_eq!(heed(&mut f, 0, Other, 600_020), Heed::Follow(0));
        }
    }

    #[test]
    fn what_becomes_known_of_the_old_place_keeps_nobody_out_of_the_new_one() {
        for (known, comes) in [(Nat, Heed::Follow(380 * MS)), (Claimed, Heed::Aside)] {
            let mut f = Floor::default();
            let old = HeardAt::new(0, Host, A);
            f.heed(old, said(0));
            f.moved(370 * MS);
            let known = HeardAt::new(0, known, A);
            f.promote(old, known);
            f.heed(known, said(380));
            assert_eq!(f.heed(HeardAt::new(0, Other, B), said(500)), comes, "{known:?}");
        }
    }

    #[test]
    fn what_a_party_said_before_it_moved_stands() {
        for (old, new) in [(Host, Candidate), (Nat, Claimed), (Candidate, Claimed), (Host, Nat)] {
            let mut f = Floor::default();
            heed(&mut f, 0, old, 0);
            f.moved(400 * MS);
            f.heed(HeardAt::new(0, old, A), Said { is_under_way: true, ..said(420) });
            assert_eq!(heed(&mut f, 0, new, 440), Heed::Follow(420 * MS), "{old:?} {new:?}");
        }
        // Of one for whom nothing spoke only where its own numbers go on.
        for goes_on in [false, true] {
            let mut f = Floor::default();
            heed(&mut f, 0, Other, 0);
            f.moved(400 * MS);
            let new = f.heed(HeardAt::new(0, Claimed, B), Said { goes_on, ..said(440) });
            assert_eq!(new, if goes_on { Heed::Follow(0) } else { Heed::TakeOver(0) });
        }
    }

    #[test]
    fn what_a_party_said_at_another_port_of_its_host_stands() {
        for (began, goes_on) in [(Host, true), (Host, false), (Other, true)] {
            let mut f = Floor::default();
            f.heed(HeardAt::new(0, began, A), said(0));
            f.heed(HeardAt::new(0, began, A), said(740));
            let named = f.heed(HeardAt::new(0, Claimed, B), Said { goes_on, ..said(760) });
            let stands = began == Host && goes_on;
            assert_eq!(named, if stands { Heed::Follow(740 * MS) } else { Heed::TakeOver(0) }, "{began:?}");
        }
    }

    #[test]
    fn a_party_that_nobody_understands_shuts_strangers_out() {
        let mut f = Floor::default();
        let unusable = Said { is_usable: false, ..said(0) };
        assert_eq!(f.heed(HeardAt::new(0, Claimed, A), unusable), Heed::Listen);
        assert_eq!(f.heed(HeardAt::new(0, Other, B), said(3000)), Heed::Aside);
        assert_eq!(
            f.heed(HeardAt::new(1, Nat, B), said(3020)),
            Heed::Listen,
            "another hop may be understood"
        );
    }

    #[test]
    fn the_last_packets_of_the_old_place_keep_nobody_out() {
        for (old, new) in [(Claimed, Other), (Claimed, Host), (Nat, Other), (Host, Other)] {
            let mut f = Floor::default();
            heed(&mut f, 0, old, 0);
            f.moved(400 * MS);
            let is_under_way = true;
            assert_eq!(f.heed(HeardAt::new(0, old, A), Said { is_under_way, ..said(420) }), Heed::Listen);
            assert_eq!(heed(&mut f, 0, new, 440), Heed::Aside, "it may go on");
            let first = f.heed(HeardAt::new(0, new, A), Said { is_confirmed: false, ..said(530) });
            assert_eq!(first, Heed::Aside, "one packet is none");
            assert_eq!(heed(&mut f, 0, new, 530), Heed::Follow(420 * MS), "{old:?} {new:?}");
        }
    }

    #[test]
    fn own_numbers_tell_who_may_be_the_party_and_nothing_against_who_is() {
        let goes_on = true;
        for (held, ms, comes) in
            [(Host, 80, Heed::Aside), (Host, 100, Heed::Follow(0)), (Claimed, 1000, Heed::Aside)]
        {
            let mut f = Floor::default();
            heed(&mut f, 0, held, 0);
            assert_eq!(
                f.heed(HeardAt::new(0, Other, B), Said { goes_on, ..said(ms) }),
                comes,
                "{held:?} {ms}"
            );
        }
    }

    #[test]
    fn an_address_goes_before_a_hop_and_a_hop_before_a_kind_of_address() {
        let mut f = Floor::default();
        heed(&mut f, 1, Claimed, 0);
        assert_eq!(heed(&mut f, 0, Other, 20), Heed::Aside);
        assert_eq!(heed(&mut f, 0, Host, 40), Heed::Aside);
        assert_eq!(heed(&mut f, 0, Nat, 60), Heed::TakeOver(0));
        assert_eq!(heed(&mut f, 1, Claimed, 80), Heed::Aside);
    }

    #[test]
    fn a_strangers_talk_is_taken_back_for_ten_seconds_and_a_partys_for_one() {
        for (worse, ms, from) in
            [(Other, 9000, 0), (Other, 11_000, 11_000), (Host, 900, 0), (Host, 1100, 1100), (Nat, 1100, 1100)]
        {
            let mut f = Floor::default();
            heed(&mut f, 0, worse, 0);
            assert_eq!(heed(&mut f, 0, Claimed, ms), Heed::TakeOver(from * MS), "{worse:?} {ms}");
        }
    }
}
