//! Encoded packets in, stereo blocks out; one recording each.
//!
//! A tape runs on a grid of [`FLUSH_NS`] from the answer: at each step the
//! packets older than [`LOOKAHEAD_NS`] are placed and decoded, and the frames
//! older than [`LOOKAHEAD_NS`] + [`MARGIN_NS`] are given out. The grid depends
//! on packet times only, so the same packets give the same samples whatever the
//! speed or the number of workers. At a crash at most
//! `FLUSH + LOOKAHEAD + MARGIN` (0.55 s) is not yet given out.
//!
//! What comes between two steps is only put down (`inbox`) and looked at with
//! the step: at a thousand calls the memory a packet touches costs more than
//! all that is done with it, and twenty packets of one call touch it once.
//!
//! This module must not know of SIP, files or the machine's time.

mod aside;
mod clock;
mod copies;
mod doubt;
mod finished;
mod floor;
mod flushing;
mod holes;
mod hush;
mod kept;
mod keyed;
mod loudness;
mod meaning;
mod media_fault;
mod newcomers;
mod order;
mod outgoing;
mod pauses;
mod played;
mod proof;
mod report;
mod senseless;
mod skew;
mod source;
mod speaker;
mod stamps;
mod streams;
mod timeline;
mod tones;
mod unseal;
mod voice;
mod waiting;
mod watch;

pub use hush::Hush;
pub use kept::{Kept, Packet};
pub use media_fault::{FaultKind, FaultSet, FaultSpan};
pub use outgoing::{Deck, PayloadOrigin, UndecodedPacket};
pub use pauses::{PauseSettings, PausedNow};
pub use report::{
    CodecPackets, LeftOut, Missing, PacketCounts, PauseReport, StreamReport, TapeEvent, TapeEventKind,
    TapeReport,
};
pub use watch::MediaWatch;

use crate::codec::def::ForeignDecoders;
use crate::codec::formats::PayloadMap;
use crate::id::Channel;
use crate::rtp::srtp::SrtpKey;
use crate::rtp::standing::{Standing, Trust};
use crate::time::{NS_PER_MS, Timestamp};
use floor::HeardAt;
use kept::Inbox;
use keyed::Keyed;
use outgoing::silence;
use smallvec::SmallVec;
use speaker::{Speaker, TakenBack};
use std::sync::Arc;
use timeline::{Timeline, frames_at};
use unseal::Unsealer;

/// Grid step, nanoseconds.
pub const FLUSH_NS: i64 = 200 * NS_PER_MS;
/// How long a packet waits for its neighbours.
pub const LOOKAHEAD_NS: i64 = 250 * NS_PER_MS;
/// How long a placed frame waits for a packet that is placed before it.
pub const MARGIN_NS: i64 = 100 * NS_PER_MS;
/// Packets held back after a hang-up; two seconds of two parties are 200. What is beyond
/// is missing if the hang-up is refused.
const MAX_HELD: usize = 1024;
/// Events kept of one recording; nobody presses keys as often.
pub const MAX_EVENTS: usize = 4096;

/// One recording being made.
#[derive(Debug)]
pub struct Tape {
    answered_at: Timestamp,
    next_flush_ns: i64,
    limit_ns: Option<i64>,
    inbox: Inbox,
    speakers: [Speaker; 2],
    decoders: Option<Arc<dyn ForeignDecoders>>,
    timeline: Timeline,
    rate_hz: Option<u32>,
    held: Inbox,
    /// From when on sound of a channel is taken back with the next step.
    taken_back: SmallVec<[(Channel, TakenBack); 2]>,
    /// With the places of those who made them.
    events: Vec<(HeardAt, TapeEvent)>,
    left_out: LeftOut,
    keyed: Keyed,
    /// Where signalling told keys.
    unsealers: [Option<Box<Unsealer>>; 2],
    /// What is given out as silence though it was sent.
    hush: Hush,
    lost_held: bool,
    is_missing: bool,
    watch: Box<MediaWatch>,
}

impl Tape {
    /// A tape whose frame zero is the answer.
    pub fn new(answered_at: Timestamp) -> Self {
        Tape::with_decoders(answered_at, None)
    }

    /// The same, where what is not decoded here is decoded by `decoders`.
    pub fn with_decoders(answered_at: Timestamp, decoders: Option<Arc<dyn ForeignDecoders>>) -> Self {
        Tape {
            answered_at,
            next_flush_ns: FLUSH_NS,
            limit_ns: None,
            inbox: Inbox::default(),
            speakers: Channel::BOTH.map(|c| Speaker::new(c, decoders.clone())),
            timeline: Timeline::default(),
            rate_hz: None,
            held: Inbox::default(),
            taken_back: SmallVec::new(),
            decoders,
            events: Vec::new(),
            left_out: LeftOut::default(),
            keyed: Keyed::default(),
            unsealers: [None, None],
            hush: Hush::new(answered_at),
            lost_held: false,
            is_missing: false,
            watch: Box::new(MediaWatch::new(answered_at)),
        }
    }

    /// The file has this rate already, whatever is heard.
    pub fn set_rate(&mut self, rate_hz: u32) {
        self.rate_hz = Some(rate_hz);
    }

    /// States what payload types mean in what `channel`'s party sends on the hop
    /// `rank` away from the agent, from now on.
    pub fn set_formats(&mut self, channel: Channel, rank: u8, formats: &PayloadMap) {
        self.sort_in();
        self.speakers[channel as usize].formats_mut().state(rank, formats);
    }

    /// States what `channel`'s party may seal its packets with on the hop `rank` away from the
    /// agent, from now on.
    pub fn set_keys(&mut self, channel: Channel, rank: u8, keys: &[Arc<SrtpKey>]) {
        if self.unsealers[channel as usize].is_some() || !keys.is_empty() {
            self.sort_in();
            self.unsealers[channel as usize].get_or_insert_default().set_keys(rank, keys);
        }
    }

    /// `channel`'s party, or somebody who says so, confirmed keys for its stream `ssrc` on the
    /// media path (ZRTP).
    pub fn note_keys(&mut self, channel: Channel, standing: Standing, ssrc: u32) {
        self.sort_in();
        self.keyed.note(channel, standing, ssrc);
    }

    /// Signalling says that `channel`'s party sends from elsewhere from here on.
    pub fn set_moved(&mut self, channel: Channel, at: Timestamp) {
        self.sort_in();
        self.speakers[channel as usize].moved(at.since_ns(self.answered_at));
    }

    /// What was heard of `source`, an SSRC on a flow, since then may be of another call: it is
    /// silent, and nobody was there.
    pub fn give_back(
        &mut self,
        channel: Channel,
        source: (u32, u32),
        since: Timestamp,
        deck: &mut impl Deck,
    ) {
        self.sort_in();
        let since_ns = since.since_ns(self.answered_at);
        let Some(given) = self.speakers[channel as usize].give_back(source, since_ns) else { return };
        self.events.retain(|(place, e)| *place != given.place || e.channel != channel || e.at_ns < since_ns);
        deck.take_back_undecoded(channel, since, &|o| o.ssrc == source.0 && o.is_at(given.place));
        let frames = given.frames.start.max(0) as u64..given.frames.end.max(0) as u64;
        silence(channel, self.timeline.silence(channel, frames), deck);
    }

    /// Takes one media packet.
    pub fn push(&mut self, packet: Packet<'_>, deck: &mut impl Deck) {
        if let Some(inbox) = self.inbox_for(packet.at, packet.standing, deck) {
            inbox.push(&packet);
        }
    }

    /// Takes one media packet whose bytes lie in `bytes`.
    pub fn push_kept(&mut self, kept: &Kept, bytes: &[u8], deck: &mut impl Deck) {
        if let Some(inbox) = self.inbox_for(kept.at(), kept.standing(), deck) {
            inbox.push_kept(kept, bytes);
        }
    }

    /// Where a packet that came `at` goes; `None` where there is no room for it.
    fn inbox_for(&mut self, at: Timestamp, standing: Standing, deck: &mut impl Deck) -> Option<&mut Inbox> {
        let at_ns = at.since_ns(self.answered_at);
        if self.limit_ns.is_some_and(|l| at_ns > l) {
            let is_anybodys = standing.trust() == Trust::None;
            let room = if is_anybodys { MAX_HELD / 2 } else { MAX_HELD };
            if self.held.len() < room {
                return Some(&mut self.held);
            }
            self.lost_held |= !is_anybodys;
            return None;
        }
        self.advance(at, deck);
        if self.inbox.is_full() {
            self.sort_in();
        }
        Some(&mut self.inbox)
    }

    /// Brings what was put down to the sources.
    fn sort_in(&mut self) {
        let inbox = std::mem::take(&mut self.inbox);
        for packet in inbox.packets() {
            let (answered_at, rate_hz, keyed) = (self.answered_at, self.rate_hz, &self.keyed);
            let speaker = &mut self.speakers[packet.channel as usize];
            let taken_back = &mut self.taken_back;
            let mut take = |packet: &Packet<'_>| {
                let at_ns = packet.at.since_ns(answered_at);
                let back = speaker.push(packet, at_ns, rate_hz, keyed);
                taken_back.extend(back.map(|back| (packet.channel, back)));
            };
            match &mut self.unsealers[packet.channel as usize] {
                None => take(&packet),
                Some(unsealer) => unsealer.unseal(packet, take),
            }
        }
        self.inbox = inbox.emptied();
    }

    /// Time has come to `now`: gives out what is due.
    pub fn advance(&mut self, now: Timestamp, deck: &mut impl Deck) {
        // What a hang-up puts in doubt waits: should it be none, all goes on as if there had been none.
        let now_ns = now.since_ns(self.answered_at).min(self.limit_ns.unwrap_or(i64::MAX));
        while self.next_flush_ns <= now_ns {
            let step = self.next_flush_ns;
            self.next_flush_ns += FLUSH_NS;
            self.flush(step - LOOKAHEAD_NS, step - LOOKAHEAD_NS - MARGIN_NS, deck);
            let seen = Channel::BOTH.map(|c| self.speakers[c as usize].glimpse());
            self.watch.look(step, seen);
        }
    }

    /// Reads what [`Tape::push`] reads and writes, for whoever wants it in the cache beforehand.
    pub fn look_at(&self) -> usize {
        self.next_flush_ns as usize ^ self.inbox.look_at()
    }

    /// When [`Tape::advance`] has something to do.
    pub fn due(&self) -> Timestamp {
        self.answered_at.offset_ns(self.next_flush_ns)
    }

    /// A hang-up was seen at `at`, but may yet be refused: nothing after it is given out.
    pub fn suspend(&mut self, at: Timestamp) {
        self.limit_ns = Some(at.since_ns(self.answered_at));
    }

    /// The hang-up was refused: what was held back counts.
    pub fn resume(&mut self, deck: &mut impl Deck) {
        self.limit_ns = None;
        // What there was no room for is missing only now.
        self.left_out.packets += u64::from(std::mem::take(&mut self.lost_held));
        for packet in std::mem::take(&mut self.held).packets() {
            self.push(packet, deck);
        }
    }

    /// Sound of the call was sent that cannot be had: without any that can the tape is silent, not void.
    pub fn note_missing(&mut self) {
        self.is_missing = true;
    }

    /// What nobody is to hear.
    pub fn hush(&self) -> &Hush {
        &self.hush
    }

    /// The same, to be told.
    pub fn hush_mut(&mut self) -> &mut Hush {
        &mut self.hush
    }

    /// What is wrong with the sound.
    pub fn watch(&self) -> &MediaWatch {
        &self.watch
    }

    /// The same, to be told.
    pub fn watch_mut(&mut self) -> &mut MediaWatch {
        &mut self.watch
    }

    /// What customer and agent were last heard to speak in.
    pub fn codecs(&self) -> [Option<String>; 2] {
        [0, 1].map(|i| self.speakers[i].codec_name().map(str::to_owned))
    }

    /// Packets by codec since this was last asked, those that wait to be looked at left out.
    pub fn take_heard(&mut self) -> impl Iterator<Item = CodecPackets> {
        let [customer, agent] = &mut self.speakers;
        customer.take_heard().into_iter().chain(agent.take_heard())
    }

    /// Packets by what became of them, since this was last asked.
    pub fn take_counts(&mut self) -> PacketCounts {
        let split = self.speakers.iter_mut().map(Speaker::take_split).sum();
        let sealed = self.unsealers.iter_mut().flatten().map(|u| u.take_counts());
        let (opened, rejected) = sealed.fold((0, 0), |(o, r), (opened, rejected)| (o + opened, r + rejected));
        PacketCounts { split, opened, rejected }
    }

    /// Ends the tape at `end`: gives out everything up to it, nothing after.
    pub fn close(mut self, end: Timestamp, deck: &mut impl Deck) -> TapeReport {
        let end_ns = end.since_ns(self.answered_at).max(0);
        self.limit_ns = Some(end_ns);
        // Whether time had come so far before the end was known makes no difference.
        self.advance(end, deck);
        self.flush(i64::MAX, end_ns, deck);
        self.hush.close(end_ns);
        for channel in Channel::BOTH {
            deck.take_back_undecoded(channel, end.offset_ns(1), &|_| true);
        }
        deck.end_undecoded(end);
        let (heard, counts) = (self.take_heard().collect(), self.take_counts());
        let rate = self.rate_hz.unwrap_or(8000);
        let frames = frames_at(end_ns, rate).min(self.timeline.written());
        if frames < self.timeline.written() {
            deck.truncate(frames);
        }
        let mut events: Vec<_> = self.events.into_iter().map(|(_, e)| e).collect();
        events.extend(self.hush.presses_beside(&events));
        for (channel, speaker) in Channel::BOTH.into_iter().zip(&self.speakers) {
            let intruder = |at_ns| TapeEvent { at_ns, channel, kind: TapeEventKind::Intruder };
            events.extend(speaker.intruders().map(intruder));
        }
        events.retain(|e| e.at_ns <= end_ns);
        events.sort_by_key(|e| e.at_ns);
        let is_rushed = self.speakers.iter().any(Speaker::is_rushed);
        let is_lost =
            is_rushed || self.left_out.packets > 0 || self.unsealers.iter().flatten().any(|u| u.is_missing());
        let missing = self.speakers.iter().map(|s| s.missing(rate)).max().unwrap_or_default();
        let missing = if is_lost { Missing::Sound } else { missing };
        let senseless = [0, 1].map(|i| self.speakers.each_ref().map(|s| s.was_senseless(i)));
        let mut left_out = self.left_out;
        left_out.events += self.hush.left_out();
        left_out.packets += self.speakers.iter().map(Speaker::refused).sum::<u64>();
        let streams: Vec<_> = self
            .speakers
            .into_iter()
            .flat_map(|l| {
                let reports = l.merged();
                left_out.streams += reports;
                l.into_reports()
            })
            .collect();
        let pause_news = self.hush.news().collect();
        let pauses = self.hush.reports().to_vec();
        let (faults, no_room) = self.watch.finish(end_ns);
        left_out.events += no_room;
        TapeReport {
            frames,
            streams,
            events,
            pauses,
            pause_news,
            faults,
            senseless,
            missing,
            is_rushed,
            left_out,
            heard,
            counts,
        }
    }

    /// Chooses the rate once audio is there to be played.
    fn start(&mut self, horizon_ns: i64, deck: &mut impl Deck) -> Option<u32> {
        let has_arrived =
            self.speakers.iter().any(|l| l.sources().iter().any(|s| s.has_arrived_by(horizon_ns)));
        if !has_arrived && !self.is_missing {
            return None;
        }
        let mut native = 8000;
        let mut laws: SmallVec<[_; 4]> = SmallVec::new();
        for l in &self.speakers {
            // What a stranger sends decides nothing where the description does.
            let of = |strangers: bool| {
                let all = l.sources().iter();
                let mut meant = all.filter(|s| (s.place().trust() == Trust::None) == strangers);
                meant.find_map(|s| s.waiting_spec())
            };
            if let Some(spec) = of(false).or_else(|| l.formats().preferred()).or_else(|| of(true)) {
                native = native.max(spec.native_rate_hz());
                laws.push(spec.law());
            }
        }
        let rate = match native {
            0..=8000 => 8000,
            8001..=16_000 => 16_000,
            _ => 48_000,
        };
        let law = laws.first().copied().flatten().filter(|l| laws.iter().all(|o| *o == Some(*l)));
        for s in self.speakers.iter_mut().flat_map(|l| l.sources_mut()) {
            s.set_rate(rate);
        }
        self.rate_hz = Some(rate);
        deck.start(rate, law);
        Some(rate)
    }
}

#[cfg(test)]
mod tests;
