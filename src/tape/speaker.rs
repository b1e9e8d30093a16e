//! What one party sends, over all hops and from all addresses it is heard on.
//!
//! Of each party one place is listened to at a time ([`Floor`]): the nearest hop to the agent
//! on which something is heard that can be played, from the address that most speaks for.
//! What is heard elsewhere meanwhile is not played: of a farther hop it is the same voice, of
//! another address it is told of ([`Asides`]).

mod glance;
mod room;
mod steady;

use super::aside::Asides;
use super::finished::AllFinished;
use super::floor::{Floor, HeardAt, Heed, Said};
use super::kept::{Inbox, Packet};
use super::keyed::Keyed;
use super::meaning::{Formats, PayloadKind};
use super::newcomers::Newcomers;
use super::played::Played;
use super::report::{CodecPackets, Missing, StreamReport};
use super::senseless::Senseless;
use super::source::Source;
use super::voice::Stage;
use crate::codec::CodecSpec;
use crate::codec::def::ForeignDecoders;
use crate::id::Channel;
use crate::rtp::standing::Trust;
use crate::time::NS_PER_S;
use smallvec::SmallVec;
use std::ops::Range;
use std::sync::Arc;
use steady::Steady;

/// Packets in one datagram, at most: the kernel puts no more together.
pub(super) const MAX_SEGMENTS: usize = 128;
/// Packets of a source whose address was the party's until it moved are its own for so long.
const UNDER_WAY_NS: i64 = NS_PER_S;

/// Packets of one payload type on one hop not yet counted by their codec.
#[derive(Clone, Copy, Debug, Default)]
struct UncountedPackets {
    rank: u8,
    payload_type: u8,
    packets: u32,
}

/// What takes the floor, and from when on what worse places put down is taken back.
#[derive(Clone, Copy, Debug)]
pub(super) struct TakenBack {
    /// From then on, nanoseconds from the answer.
    pub from_ns: i64,
    /// By whom.
    pub by: HeardAt,
}

/// Sound that is taken back because it may be of another call.
#[derive(Clone, Debug)]
pub(super) struct GivenBack {
    /// Where it was heard.
    pub place: HeardAt,
    /// Where it lies, from the answer.
    pub frames: Range<i64>,
}

/// One party.
#[derive(Debug)]
pub(super) struct Speaker {
    channel: Channel,
    formats: Formats,
    floor: Floor,
    sources: SmallVec<[Source; 1]>,
    /// The source of the last packet, until anything about its place may have changed.
    steady: Option<Steady>,
    newcomers: Newcomers,
    asides: Asides,
    finished: AllFinished,
    /// What was heard last, and where.
    codec: Option<(HeardAt, Arc<CodecSpec>)>,
    tally: UncountedPackets,
    heard: SmallVec<[CodecPackets; 2]>,
    /// Packets for which there was no room.
    refused: u64,
    /// Datagrams that held several packets, since this was last asked.
    split: u64,
    moved_at_ns: Option<i64>,
    /// Sound that was its own was taken back, or was not kept while it waited.
    took_own_back: bool,
    /// Sound that nobody here can decode, where nobody else was listened to.
    senseless: Senseless,
}

impl Speaker {
    /// A party that has not been heard.
    pub fn new(channel: Channel, decoders: Option<Arc<dyn ForeignDecoders>>) -> Self {
        Speaker {
            channel,
            formats: Formats::new(decoders),
            floor: Floor::default(),
            sources: SmallVec::new(),
            steady: None,
            newcomers: Newcomers::default(),
            asides: Asides::default(),
            finished: AllFinished::default(),
            codec: None,
            tally: UncountedPackets::default(),
            heard: SmallVec::new(),
            refused: 0,
            split: 0,
            moved_at_ns: None,
            took_own_back: false,
            senseless: Default::default(),
        }
    }

    /// What its payload types mean.
    pub fn formats(&self) -> &Formats {
        &self.formats
    }

    /// The same, to be changed.
    pub fn formats_mut(&mut self) -> &mut Formats {
        self.settle_tally();
        &mut self.formats
    }

    /// Signalling says that it is elsewhere from `at_ns` on.
    pub fn moved(&mut self, at_ns: i64) {
        self.steady = None;
        self.moved_at_ns = Some(at_ns);
        self.floor.moved(at_ns);
    }

    /// Its sources.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The same, to be changed.
    pub fn sources_mut(&mut self) -> &mut [Source] {
        &mut self.sources
    }

    /// Packets for which there was no room.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Streams whose counts were added to another's, or of which nothing is told.
    pub fn merged(&self) -> u64 {
        self.finished.merged + self.asides.more()
    }

    /// When those who are not it, and whom nothing connects with it, were first heard.
    pub fn intruders(&self) -> impl Iterator<Item = i64> {
        self.asides.intruders()
    }

    /// Takes a packet. Where it shows that a better place speaks again: from when on what
    /// worse ones put down is taken back.
    pub fn push(
        &mut self,
        packet: &Packet<'_>,
        at_ns: i64,
        rate_hz: Option<u32>,
        keyed: &Keyed,
    ) -> Option<TakenBack> {
        self.count(packet.rank, packet.heard.payload_type);
        if let Some(steady) = self.steady.take_if(|s| s.is_of(packet)) {
            self.go_on(steady, packet, at_ns, keyed);
            self.steady = Some(steady);
            return None;
        }
        let taken_back = self.weigh(packet, at_ns, rate_hz, keyed);
        self.steady = self.steady_at(packet);
        taken_back
    }

    /// Takes a packet that goes on where the last one was.
    fn go_on(&mut self, steady: Steady, packet: &Packet<'_>, at_ns: i64, keyed: &Keyed) {
        let source = &mut self.sources[steady.source];
        source.set_keys(keyed.of(self.channel, packet.heard.ssrc));
        let is_usable =
            !packet.heard.payload.is_empty() && source.is_usable(PayloadKind::of(packet), &self.formats);
        // Whoever has the floor is listened to.
        self.floor.heed(steady.place, Said::here(at_ns, is_usable));
        self.put_in(steady.source, packet, at_ns);
    }

    /// Whether a packet like this one, which was taken, changes nothing.
    fn steady_at(&self, packet: &Packet<'_>) -> Option<Steady> {
        let place = HeardAt::new(packet.rank, packet.standing, packet.flow);
        let source = self.find(packet, place).filter(|i| {
            let s = &self.sources[*i];
            s.place() == place && s.is_from(packet.flow) && self.floor.place() == Some(place)
        })?;
        Some(Steady::new(packet, place, source))
    }

    /// Takes a packet that may be anybody's.
    fn weigh(
        &mut self,
        packet: &Packet<'_>,
        at_ns: i64,
        rate_hz: Option<u32>,
        keyed: &Keyed,
    ) -> Option<TakenBack> {
        let mut place = HeardAt::new(packet.rank, packet.standing, packet.flow);
        let is_from = place;
        let known = self.find(packet, place);
        if let Some(i) = known {
            place = self.place_of(i, packet, place, at_ns);
            let before = self.sources[i].place();
            if self.sources[i].is_from(packet.flow) {
                self.floor.promote(before, place);
            }
            self.sources[i].set_keys(keyed.of(self.channel, packet.heard.ssrc));
        }
        let is_usable = self.is_usable(packet, known);
        let has_left = self.floor.has_left(at_ns);
        let is_new = match known {
            None => has_left || !self.is_beside(place, at_ns),
            // It goes on elsewhere: a first packet from there may have come too early.
            Some(i) => place.trust() == Trust::Named && !self.sources[i].is_from(packet.flow),
        };
        // The first packet of a source that little speaks for waits for its second (RFC 3550 §A.1).
        let first = match () {
            () if !is_new => None,
            () if place.trust() == Trust::Named => self.newcomers.take(packet),
            () => Some(self.newcomers.meet(packet)?),
        };
        let mut taken_back = None;
        let (is_confirmed, is_under_way) = (known.is_some() || first.is_some(), place != is_from);
        let goes_on = self.goes_on(packet);
        let is_copy = goes_on && self.is_copy(packet);
        let has_waited = self.asides.have_met(packet.flow);
        let said = Said { at_ns, is_usable, is_confirmed, is_under_way, goes_on, is_copy, has_waited };
        for p in first.iter().flat_map(Inbox::packets) {
            let said = Said { at_ns: at_ns - packet.at.since_ns(p.at), is_confirmed: false, ..said };
            taken_back = self.admit(&p, rate_hz, place, said).or(taken_back);
        }
        self.admit(packet, rate_hz, place, said).or(taken_back)
    }

    /// Has its source spoken where the party is listened to?
    fn goes_on(&self, packet: &Packet<'_>) -> bool {
        let of = |s: &Source| s.ssrc() == packet.heard.ssrc && Some(s.place()) == self.floor.place();
        self.sources.iter().any(of)
    }

    fn admit(
        &mut self,
        packet: &Packet<'_>,
        rate_hz: Option<u32>,
        place: HeardAt,
        said: Said,
    ) -> Option<TakenBack> {
        let (at_ns, mut taken_back) = (said.at_ns, None);
        match self.floor.heed(place, said) {
            Heed::Listen => {}
            Heed::TakeOver(from_ns) => {
                let kept = self.asides.take_kept();
                self.quiet_worse(place, from_ns, rate_hz.unwrap_or(8000), packet);
                self.put_kept(&kept, packet, place, (from_ns, said), rate_hz);
                taken_back = Some(TakenBack { from_ns, by: place });
            }
            Heed::Follow(last_ns) => {
                let kept = self.asides.take_kept();
                self.put_kept(&kept, packet, place, (last_ns, said), rate_hz);
            }
            Heed::Aside => {
                self.set_aside(packet, place, said);
                return None;
            }
        }
        self.put(packet, place, at_ns, rate_hz);
        taken_back
    }

    /// Brings a packet that is listened to into its source.
    fn put(&mut self, packet: &Packet<'_>, place: HeardAt, at_ns: i64, rate_hz: Option<u32>) {
        let Some(i) = self.find(packet, place).or_else(|| self.begin(packet, place, at_ns, rate_hz)) else {
            self.refused += 1;
            return;
        };
        self.sources[i].set_place(place);
        self.put_in(i, packet, at_ns);
    }

    /// Brings a packet into the source at this place in the list.
    fn put_in(&mut self, i: usize, packet: &Packet<'_>, at_ns: i64) {
        let source = &mut self.sources[i];
        let segment = if source.is_unlike(packet) { packet.heard.segment_len() } else { None };
        match segment {
            None => source.push(packet, at_ns, &self.formats),
            Some(len) => {
                self.split += 1;
                for heard in packet.heard.segments(len).take(MAX_SEGMENTS) {
                    source.push(&Packet { heard, ..*packet }, at_ns, &self.formats);
                }
            }
        }
    }

    /// The source a packet is of: between the same addresses, or, where both addresses are the
    /// party's own, one that goes on from another. The numbers of a stranger are nobody's.
    fn find(&self, packet: &Packet<'_>, place: HeardAt) -> Option<usize> {
        let of = |s: &Source| s.ssrc() == packet.heard.ssrc && s.place().rank() == place.rank();
        let here = self.sources.iter().position(|s| of(s) && s.is_from(packet.flow));
        let is_own = |p: HeardAt| p.trust() == Trust::Named;
        here.or_else(|| {
            let goes_on = |s: &Source| of(s) && is_own(s.place()) && is_own(place);
            self.sources.iter().position(goes_on)
        })
    }

    /// Where a packet of a known source counts as heard.
    fn place_of(&self, i: usize, packet: &Packet<'_>, place: HeardAt, at_ns: i64) -> HeardAt {
        let before = self.sources[i].place();
        // Where it is not heard at the new place yet it goes on at the old one.
        let is_there_yet = self.floor.place() == Some(before);
        let has_moved = self.moved_at_ns.is_some_and(|m| is_there_yet || at_ns < m + UNDER_WAY_NS);
        // What comes from where it was not heard before is not from where it was.
        let is_under_way = has_moved && self.sources[i].is_from(packet.flow);
        if is_under_way && before.is_better(place) { before } else { place }
    }

    /// Is somebody with a better right listened to?
    fn is_beside(&self, place: HeardAt, at_ns: i64) -> bool {
        self.floor.place().is_some_and(|held| held != place && !place.is_better(held))
            && self.floor.is_covered(place, at_ns)
    }

    /// Something that can be played, or that belongs to it.
    fn is_usable(&mut self, packet: &Packet<'_>, known: Option<usize>) -> bool {
        if packet.heard.payload.is_empty() {
            return false;
        }
        if let Some(s) = known.and_then(|i| self.sources.get_mut(i)) {
            return s.is_usable(PayloadKind::of(packet), &self.formats);
        }
        let formats = self.formats.on(packet.rank);
        let spec = formats.get(packet.heard.payload_type);
        spec.is_some_and(|s| !self.formats.is_unreadable(s)) && (packet.is_opened || !formats.encrypted)
    }

    /// Plays what one of its sources has; where that is.
    pub fn play(&mut self, i: usize, horizon_ns: i64, stage: &mut Stage<'_>, played: &mut Played) -> HeardAt {
        let source = &mut self.sources[i];
        source.play(horizon_ns, &self.formats, stage, played);
        source.place()
    }

    /// Notes what one of its sources did while it played: events with their frames.
    pub fn note_played(&mut self, i: usize, played: &mut Played) -> Vec<(i64, Option<String>)> {
        let place = self.sources[i].place();
        if !played.undecodable.iter().all(|at_ns| self.floor.is_covered(place, *at_ns)) {
            self.sources[i].note_undecodable();
            self.senseless.note(played);
        }
        played.keep_of(place, |at_ns| self.floor.covered_by(place, at_ns));
        let mut events: Vec<_> = played.key_presses.drain(..).map(|frame| (frame, None)).collect();
        for (frame, spec) in played.begun.drain(..) {
            let before = self.codec.replace((place, Arc::clone(&spec)));
            if before.is_some_and(|(_, b)| !is_alike(&b, &spec)) {
                events.push((frame, Some(spec.name.clone())));
            }
        }
        events
    }

    /// What of its sound is not in the recording, though it was heard.
    pub fn missing(&self, rate_hz: u32) -> Missing {
        // Who of two was the party is not known.
        let is_other = self.floor.is_uncertain() && self.asides.have_voices();
        if self.refused > 0 || is_other || self.took_own_back || self.asides.may_be_missed() {
            return Missing::Sound;
        }
        let finished = self.finished.streams().iter().filter(|f| self.may_be_its(f.place)).map(|f| f.missing);
        let sources = self.sources.iter().filter(|s| self.may_be_its(s.place())).map(|s| s.missing(rate_hz));
        finished.chain(sources).max().unwrap_or_default()
    }

    /// What a stranger sends is neither missed nor judged where the party is known.
    fn may_be_its(&self, place: HeardAt) -> bool {
        place.trust() != Trust::None || !self.floor.is_certain()
    }

    /// More sound came than there was time for it to be spoken in.
    pub fn is_rushed(&self) -> bool {
        self.finished.streams().iter().any(|f| f.is_rushed) || self.sources.iter().any(Source::is_rushed)
    }

    /// Every stream that was listened to, and those that were not. Where one hop was played,
    /// the others, which could not be, are not told of.
    pub fn into_reports(mut self) -> Vec<StreamReport> {
        let spoken: SmallVec<[u8; 4]> =
            self.sources.iter().filter(|s| s.spoke_at_ns().is_some()).map(|s| s.place().rank()).collect();
        for s in self.sources.iter().filter(|s| spoken.is_empty() || spoken.contains(&s.place().rank())) {
            self.finished.add(self.channel, s, 8000);
        }
        let listened = self.finished.take(|_| true).into_iter().map(|f| f.report);
        listened.chain(self.asides.into_reports(self.channel)).collect()
    }

    /// The encoding that was heard last.
    pub fn codec_name(&self) -> Option<&str> {
        self.codec.as_ref().map(|(_, spec)| spec.name.as_str())
    }

    /// Packets by codec since this was last asked.
    pub fn take_heard(&mut self) -> SmallVec<[CodecPackets; 2]> {
        self.settle_tally();
        std::mem::take(&mut self.heard)
    }

    /// Datagrams that held several packets, since this was last asked.
    pub fn take_split(&mut self) -> u64 {
        std::mem::take(&mut self.split)
    }

    /// Notes a packet for the count of its codec. Names are long to compare: that is for
    /// [`Speaker::settle_tally`], now and then.
    fn count(&mut self, rank: u8, payload_type: u8) {
        if (self.tally.rank, self.tally.payload_type) != (rank, payload_type) {
            self.settle_tally();
            self.tally = UncountedPackets { rank, payload_type, packets: 0 };
        }
        self.tally.packets += 1;
    }

    fn settle_tally(&mut self) {
        let packets = u64::from(std::mem::take(&mut self.tally.packets));
        if packets == 0 {
            return;
        }
        let spec = self.formats.on(self.tally.rank).spec(self.tally.payload_type);
        match self.heard.iter_mut().find(|(s, _)| s.as_ref() == spec) {
            Some((_, n)) => *n += packets,
            None => self.heard.push((spec.cloned(), packets)),
        }
    }
}

/// The same sound to a listener, whatever number it has or how it is configured.
fn is_alike(a: &CodecSpec, b: &CodecSpec) -> bool {
    std::ptr::eq(a.def, b.def) && a.rtp_clock_hz == b.rtp_clock_hz && a.name.eq_ignore_ascii_case(&b.name)
}
