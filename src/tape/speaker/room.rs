//! Room for the sources of a party: who gets it, who gives way, and what is told of those
//! who were not listened to.

use super::super::aside::{KEPT_NS, Overheard};
use super::super::floor::{HeardAt, Said};
use super::super::kept::{Inbox, Packet};
use super::super::source::Source;
use super::{GivenBack, Speaker};
use crate::rtp::standing::{Standing, Trust, source_of};
use crate::time::NS_PER_S;
use std::cmp::Reverse;

/// Sources of one party held at once; who has more in a second is not a phone.
const MAX_SOURCES: usize = 64;
/// A source that has not been heard for so long may give way to a new one.
const FINISHED_NS: i64 = 2 * NS_PER_S;
/// Sources kept though they are silent, as long as no more are needed.
const ROOMY: usize = 8;
/// Who has sent as many packets has said something.
const A_VOICE: u64 = 50;
/// As many of the party's own packets that are taken back are missed.
const SOME_WORDS: u64 = 3;

impl Speaker {
    /// Was its number heard already, between whatever addresses?
    pub(super) fn is_copy(&self, packet: &Packet<'_>) -> bool {
        let heard = &packet.heard;
        self.sources.iter().any(|s| s.ssrc() == heard.ssrc && s.knows(heard.seq))
    }

    /// Somebody else is listened to.
    pub(super) fn set_aside(&mut self, packet: &Packet<'_>, place: HeardAt, said: Said) {
        let (at_ns, is_sound) = (said.at_ns, said.is_usable);
        let Some(held) = self.floor.place() else { return };
        // The same voice on another hop.
        if !place.is_other_address(held) {
            return;
        }
        let may_follow = place.trust() != Trust::None || held.trust() != Trust::Named;
        let goes_on = self.goes_on(packet);
        if may_follow || goes_on || self.floor.has_left(at_ns) {
            self.asides.keep(packet);
        }
        let is_copy = self.is_copy(packet);
        let spec = self.formats.on(packet.rank).spec(packet.heard.payload_type);
        let name = || spec.map_or_else(|| "unknown".to_string(), |s| s.name.clone());
        // A stranger may speak into any pause, and under any number.
        let may_be_beside = place.standing() == Standing::Beside && goes_on;
        let may_be_it = place.trust() != Trust::None || may_be_beside;
        let is_alone = may_be_it && self.floor.is_silent(at_ns);
        self.asides.note(packet, at_ns, name, Overheard { is_copy, is_alone, is_sound });
    }

    /// Who has got the floor: what it said since `from_ns` counts as well. Of a voice that comes over
    /// from another address of the party what it said before counts too: its numbers tell what was heard.
    pub(super) fn put_kept(
        &mut self,
        kept: &Inbox,
        packet: &Packet<'_>,
        place: HeardAt,
        (from_ns, said): (i64, Said),
        rate_hz: Option<u32>,
    ) {
        let is_here = |p: &Packet<'_>| (source_of(p.flow), p.rank) == (source_of(packet.flow), packet.rank);
        let is_its = |p: &Packet<'_>| is_here(p) || HeardAt::new(p.rank, p.standing, p.flow) == place;
        let is_own = place.trust() == Trust::Named;
        let mut heard = 0;
        for p in kept.packets().filter(is_its) {
            let (age_ns, is_copy) = (packet.at.since_ns(p.at), self.is_copy(&p));
            let comes_over = is_own && said.goes_on && p.heard.ssrc == packet.heard.ssrc;
            let counts = said.at_ns - age_ns >= from_ns || (comes_over && age_ns <= KEPT_NS && !is_copy);
            let is_sound = self.is_usable(&p, self.find(&p, place));
            heard += u64::from(is_here(&p) && is_sound && (counts || is_copy));
            if counts {
                self.put(&p, place, said.at_ns - age_ns, rate_hz);
            }
        }
        // An address of the party said more than was kept of it.
        let said_here = self.asides.forget(packet.flow);
        self.took_own_back |= is_own && said_here > heard;
    }

    /// A better place speaks: worse ones are silent from `from_ns` on, and those that said
    /// nothing before it were never there.
    pub(super) fn quiet_worse(&mut self, place: HeardAt, from_ns: i64, rate_hz: u32, next: &Packet<'_>) {
        let mut i = 0;
        while i < self.sources.len() {
            let s = &mut self.sources[i];
            if s.place() == place || s.place().is_better(place) {
                i += 1;
            } else if s.spoke_at_ns().is_some_and(|at| at < from_ns) {
                s.rest(from_ns, rate_hz);
                i += 1;
            } else {
                let s = self.sources.remove(i);
                if s.place().is_other_address(place) {
                    // The party goes on with the numbers of what was taken for a stranger.
                    let is_strangers = s.place().standing() == Standing::Other;
                    let is_own = !is_strangers && s.ssrc() == next.heard.ssrc && !s.knows(next.heard.seq);
                    self.took_own_back |= is_own && s.packets() >= SOME_WORDS;
                    let heard = (s.first_at_ns(), s.packets());
                    let (standing, name) = (s.best_standing(), s.codec_name().unwrap_or("unknown"));
                    for (flow, _) in s.streams().take(1) {
                        self.asides.note_taken_back(*flow, s.ssrc(), standing, heard, name);
                    }
                }
            }
        }
        let is_stranger = |p: HeardAt| place.is_better(p) && p.trust() == Trust::None;
        for f in self.finished.take(|f| is_stranger(f.place) && f.first_at_ns >= from_ns) {
            let heard = (f.first_at_ns, f.report.packets);
            self.asides.note_taken_back(f.flow(), f.report.ssrc, f.report.source, heard, &f.report.codec);
        }
        if self.codec.as_ref().is_some_and(|(p, _)| is_stranger(*p)) {
            self.codec = None;
        }
    }

    /// What was heard of a source, an SSRC on a flow, from `since_ns` on was not the party's, or
    /// that is not certain.
    pub fn give_back(&mut self, (ssrc, flow): (u32, u32), since_ns: i64) -> Option<GivenBack> {
        self.steady = None;
        self.newcomers.forget(ssrc, flow);
        let i = self.sources.iter().position(|s| s.ssrc() == ssrc && s.is_from(flow))?;
        let source = &mut self.sources[i];
        let (place, frames) = (source.place(), source.give_back(since_ns));
        if source.first_at_ns() >= since_ns {
            self.sources.remove(i);
        }
        if self.sources.iter().all(|s| s.place() != place) {
            self.floor.vacate(place);
            self.codec.take_if(|(p, _)| *p == place);
        }
        Some(GivenBack { place, frames })
    }

    /// Makes room for a new source; `None` where there is none.
    pub(super) fn begin(
        &mut self,
        packet: &Packet<'_>,
        place: HeardAt,
        at_ns: i64,
        rate_hz: Option<u32>,
    ) -> Option<usize> {
        let rate = rate_hz.unwrap_or(8000);
        if self.sources.len() >= ROOMY {
            let is_over = |s: &Source| !s.is_waiting() && at_ns - s.last_at_ns() > FINISHED_NS;
            while let Some(i) = self.sources.iter().position(is_over) {
                self.finish(i, rate);
            }
        }
        if self.sources.len() >= MAX_SOURCES {
            let i = self.least(place)?;
            let least = &self.sources[i];
            if least.place().trust() == Trust::Named || least.packets() >= A_VOICE {
                self.refused += least.waiting() as u64;
            }
            self.finish(i, rate);
        }
        let mut source = Source::new(packet.heard.ssrc, place, at_ns);
        if let Some(rate) = rate_hz {
            source.set_rate(rate);
        }
        self.sources.push(source);
        Some(self.sources.len() - 1)
    }

    /// Who gives way to one at `place`: the least right, then the least said.
    fn least(&self, place: HeardAt) -> Option<usize> {
        let all = self.sources.iter().enumerate().filter(|(_, s)| !s.place().is_better(place));
        let weight = |s: &Source| (Reverse(s.place().weight()), s.packets().min(A_VOICE), s.last_at_ns());
        all.min_by_key(|(_, s)| weight(s)).map(|(i, _)| i)
    }

    /// A source gives way: only its counts are kept.
    fn finish(&mut self, i: usize, rate_hz: u32) {
        let source = self.sources.remove(i);
        self.finished.add(self.channel, &source, rate_hz);
    }
}
