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

pub mod clock;
mod inbox;
pub mod source;
pub mod timeline;

use crate::codec::formats::PayloadMap;
use crate::codec::quality;
use crate::id::Channel;
use crate::rtp::packet::RtpPacket;
use crate::time::{NS_PER_MS, NS_PER_S, Timestamp};
use inbox::Inbox;
use smallvec::SmallVec;
use source::{Played, Source};
use timeline::Timeline;

/// Grid step, nanoseconds.
pub const FLUSH_NS: i64 = 200 * NS_PER_MS;
/// How long a packet waits for its neighbours.
pub const LOOKAHEAD_NS: i64 = 250 * NS_PER_MS;
/// How long a placed frame waits for a packet that is placed before it.
pub const MARGIN_NS: i64 = 100 * NS_PER_MS;
/// A farther hop is listened to when the nearest has been silent this long.
const HOP_SILENCE_NS: i64 = 2 * NS_PER_S;
/// Packets held back after a hang-up; two seconds of two parties are 200.
const MAX_HELD: usize = 1024;
/// Events kept of one recording; nobody presses keys as often.
pub const MAX_EVENTS: usize = 4096;
/// RTP sources of one party; a sender that changes its SSRC faster than this is not a phone.
const MAX_SOURCES: usize = 64;

/// One media packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Who speaks.
    pub channel: Channel,
    /// Distance of the hop it was heard on from the agent.
    pub rank: u8,
    /// Tells flows apart.
    pub flow: u32,
    /// Capture time.
    pub at: Timestamp,
    /// The RTP packet.
    pub rtp: &'a [u8],
}

/// A packet captured after a hang-up that may yet be refused.
#[derive(Debug)]
struct Held {
    channel: Channel,
    rank: u8,
    flow: u32,
    at: Timestamp,
    rtp: Box<[u8]>,
}

/// Who takes the samples.
pub trait Deck {
    /// The tape has its first audio: the file can be made. Once, before anything else.
    fn start(&mut self, rate_hz: u32, law: Option<crate::codec::g711::Law>);
    /// The next frames, interleaved customer, agent.
    fn append(&mut self, frames: &[i16]);
    /// The recording ends before frames that were given out: they are taken back.
    fn truncate(&mut self, frames: u64);
    /// Samples of one channel for frames given out before.
    fn patch(&mut self, frame: u64, channel: Channel, samples: &[i16]);
}

/// What happened on the media of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct TapeEvent {
    /// Nanoseconds from the answer.
    pub at_ns: i64,
    /// On which side.
    pub channel: Channel,
    /// What.
    pub kind: TapeEventKind,
}

/// Kinds of [`TapeEvent`].
#[derive(Clone, Debug, PartialEq)]
pub enum TapeEventKind {
    /// A key was pressed (RFC 4733). Which one is not known here.
    KeyPress,
    /// The codec changed to this encoding name.
    Codec(String),
}

/// One RTP stream of a finished tape.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamReport {
    /// Whose.
    pub channel: Channel,
    /// Encoding name, `unknown` where none was ever stated.
    pub codec: String,
    /// RFC 3550 synchronisation source.
    pub ssrc: u32,
    /// Distinct packets.
    pub packets: u64,
    /// RFC 3550 A.3.
    pub lost: u64,
    /// Patched in after their frames were written.
    pub late: u64,
    /// Copies.
    pub duplicates: u64,
    /// RFC 3550 A.8, largest.
    pub jitter_ms: f64,
    /// ITU-T G.107 estimate.
    pub mos: Option<f64>,
}

/// A finished tape.
#[derive(Clone, Debug, PartialEq)]
pub struct TapeReport {
    /// Frames per channel.
    pub frames: u64,
    /// Every stream heard.
    pub streams: Vec<StreamReport>,
    /// In order of time.
    pub events: Vec<TapeEvent>,
    /// No audio was lost inside the recorder, none was undecodable.
    pub complete: bool,
}

#[derive(Debug, Default)]
struct Leg {
    formats: PayloadMap,
    /// The nearest hop heard, and when last.
    nearest: Option<(u8, i64)>,
    sources: SmallVec<[Source; 1]>,
}

impl Leg {
    /// Of each party one signalling hop's media is kept: the nearest to the agent that is heard.
    fn is_nearest(&mut self, rank: u8, at_ns: i64, has_started: bool) -> bool {
        match &mut self.nearest {
            Some((best, last_ns)) if rank == *best => {
                *last_ns = (*last_ns).max(at_ns);
                true
            }
            Some((best, last_ns)) if rank > *best && at_ns - *last_ns < HOP_SILENCE_NS => false,
            // Before the first flush a nearer hop still takes the place of a farther one whole.
            best => {
                let was_farther = best.is_some_and(|(b, _)| rank < b);
                *best = Some((rank, at_ns));
                if was_farther && !has_started {
                    self.sources.retain(|s| s.rank() <= rank);
                }
                true
            }
        }
    }
}

/// One recording being made.
#[derive(Debug)]
pub struct Tape {
    answered_at: Timestamp,
    next_flush_ns: i64,
    limit_ns: Option<i64>,
    inbox: Inbox,
    legs: [Leg; 2],
    timeline: Timeline,
    rate_hz: Option<u32>,
    held: Vec<Held>,
    events: Vec<TapeEvent>,
    is_encrypted: bool,
    refused_sources: u64,
    is_missing: bool,
}

impl Tape {
    /// A tape whose frame zero is the answer.
    pub fn new(answered_at: Timestamp) -> Self {
        Tape {
            answered_at,
            next_flush_ns: FLUSH_NS,
            limit_ns: None,
            inbox: Inbox::default(),
            legs: Default::default(),
            timeline: Timeline::default(),
            rate_hz: None,
            held: Vec::new(),
            events: Vec::new(),
            is_encrypted: false,
            refused_sources: 0,
            is_missing: false,
        }
    }

    /// States what payload types mean in what `channel`'s party sends on the hop
    /// `rank` away from the agent, from now on.
    pub fn set_formats(&mut self, channel: Channel, _rank: u8, formats: &PayloadMap) {
        self.sort_in();
        let known = &mut self.legs[channel as usize].formats;
        known.update(formats);
        known.encrypted |= self.is_encrypted;
    }

    /// From here on the payload is encrypted, though the signalling did not say so (ZRTP).
    pub fn set_encrypted(&mut self) {
        self.sort_in();
        self.is_encrypted = true;
        for l in &mut self.legs {
            l.formats.encrypted = true;
        }
    }

    /// Takes one media packet.
    pub fn push(&mut self, packet: Packet<'_>, deck: &mut impl Deck) {
        let at_ns = packet.at.since_ns(self.answered_at);
        if self.limit_ns.is_some_and(|l| at_ns > l) {
            if self.held.len() < MAX_HELD {
                let Packet { channel, rank, flow, at, rtp } = packet;
                self.held.push(Held { channel, rank, flow, at, rtp: rtp.into() });
            }
            return;
        }
        self.advance(packet.at, deck);
        self.inbox.push(&packet);
        if self.inbox.is_full() {
            self.sort_in();
        }
    }

    /// Brings what was put down to the sources.
    fn sort_in(&mut self) {
        let inbox = std::mem::take(&mut self.inbox);
        for packet in inbox.packets() {
            self.sort_in_one(packet);
        }
        self.inbox = inbox.emptied();
    }

    fn sort_in_one(&mut self, packet: Packet<'_>) {
        let at_ns = packet.at.since_ns(self.answered_at);
        let Ok(rtp) = RtpPacket::parse(packet.rtp) else { return };
        let has_started = self.rate_hz.is_some();
        let leg = &mut self.legs[packet.channel as usize];
        if !leg.is_nearest(packet.rank, at_ns, has_started) {
            return;
        }
        let known = leg.sources.iter().position(|s| s.ssrc() == rtp.ssrc && s.rank() == packet.rank);
        let i = match known {
            Some(i) => i,
            None if leg.sources.len() >= MAX_SOURCES => {
                self.refused_sources += 1;
                return;
            }
            None => {
                let clock = leg.formats.get(rtp.payload_type).map_or(8000, |s| s.rtp_clock_hz);
                let mut source = Source::new(rtp.ssrc, packet.rank, clock);
                if let Some(rate) = self.rate_hz {
                    source.set_rate(rate);
                }
                leg.sources.push(source);
                leg.sources.len() - 1
            }
        };
        leg.sources[i].push(&packet, at_ns, &rtp, &leg.formats);
    }

    /// Time has come to `now`: gives out what is due.
    pub fn advance(&mut self, now: Timestamp, deck: &mut impl Deck) {
        let now_ns = now.since_ns(self.answered_at);
        while self.next_flush_ns <= now_ns {
            let step = self.next_flush_ns;
            self.next_flush_ns += FLUSH_NS;
            self.flush(step - LOOKAHEAD_NS, step - LOOKAHEAD_NS - MARGIN_NS, deck);
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
        for h in std::mem::take(&mut self.held) {
            let Held { channel, rank, flow, at, rtp } = h;
            self.push(Packet { channel, rank, flow, at, rtp: &rtp }, deck);
        }
    }

    /// Any media so far.
    pub fn has_media(&self) -> bool {
        !self.inbox.is_empty() || self.legs.iter().any(|l| !l.sources.is_empty())
    }

    /// Sound of the call was sent that cannot be had: without any that can the tape is silent, not void.
    pub fn note_missing(&mut self) {
        self.is_missing = true;
    }

    /// Ends the tape at `end`: gives out everything up to it, nothing after.
    pub fn close(mut self, end: Timestamp, deck: &mut impl Deck) -> TapeReport {
        let end_ns = end.since_ns(self.answered_at).max(0);
        self.limit_ns = Some(end_ns);
        self.flush(i64::MAX, end_ns, deck);
        let rate = self.rate_hz.unwrap_or(8000);
        let frames = frames_at(end_ns, rate).min(self.timeline.written());
        if frames < self.timeline.written() {
            deck.truncate(frames);
        }
        let streams = [Channel::Customer, Channel::Agent]
            .into_iter()
            .flat_map(|c| self.legs[c as usize].sources.iter().flat_map(move |s| reports(c, s)))
            .filter(|r| r.packets > 0)
            .collect();
        let complete =
            self.refused_sources == 0 && !self.legs.iter().any(|l| l.sources.iter().any(Source::lost_inside));
        self.events.retain(|e| e.at_ns <= end_ns);
        self.events.sort_by_key(|e| e.at_ns);
        TapeReport { frames, streams, events: self.events, complete }
    }

    fn flush(&mut self, horizon_ns: i64, until_ns: i64, deck: &mut impl Deck) {
        self.sort_in();
        let Some(rate) = self.rate_hz.or_else(|| self.start(horizon_ns, deck)) else { return };
        for channel in [Channel::Customer, Channel::Agent] {
            let leg = &mut self.legs[channel as usize];
            let mut played = Played::default();
            for s in leg.sources.iter_mut().filter(|s| s.is_waiting()) {
                s.play(horizon_ns, rate, channel, &leg.formats, &mut self.timeline, &mut played);
            }
            for (frame, samples) in &played.patches {
                deck.patch(*frame, channel, samples);
            }
            let event = |frame: i64, kind| TapeEvent {
                at_ns: (i128::from(frame.max(0)) * i128::from(NS_PER_S) / i128::from(rate)) as i64,
                channel,
                kind,
            };
            let keys = played.key_presses.into_iter().map(|f| event(f, TapeEventKind::KeyPress));
            let codecs = played.codec_changes.into_iter();
            let heard = keys.chain(codecs.map(|(f, name)| event(f, TapeEventKind::Codec(name))));
            let room = MAX_EVENTS.saturating_sub(self.events.len());
            self.events.extend(heard.take(room));
        }
        let until_ns = self.limit_ns.map_or(until_ns, |l| until_ns.min(l)).max(0);
        self.give_out(frames_at(until_ns, rate), rate, deck);
    }

    /// A second at a time: a call that begins on hold has hours of silence to give.
    fn give_out(&mut self, until: u64, rate: u32, deck: &mut impl Deck) {
        // Made anew each time: memory that another tape has just let go is warm, one's own is not.
        let mut block = Vec::new();
        while self.timeline.written() < until {
            let step = until.min(self.timeline.written() + u64::from(rate));
            block.clear();
            self.timeline.drain(step, &mut block);
            deck.append(&block);
        }
    }

    /// Chooses the rate once audio is there to be played.
    fn start(&mut self, horizon_ns: i64, deck: &mut impl Deck) -> Option<u32> {
        let has_arrived = self.legs.iter().any(|l| l.sources.iter().any(|s| s.has_arrived_by(horizon_ns)));
        if !has_arrived && !self.is_missing {
            return None;
        }
        let mut native = 8000;
        let mut laws: SmallVec<[_; 4]> = SmallVec::new();
        for l in &self.legs {
            let heard = l.sources.iter().find_map(|s| s.waiting_spec(&l.formats));
            if let Some(spec) = heard.or_else(|| l.formats.preferred()) {
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
        for s in self.legs.iter_mut().flat_map(|l| l.sources.iter_mut()) {
            s.set_rate(rate);
        }
        self.rate_hz = Some(rate);
        deck.start(rate, law);
        Some(rate)
    }
}

/// The frame nearest to a time from the answer.
fn frames_at(ns: i64, rate_hz: u32) -> u64 {
    let half = i128::from(NS_PER_S) / 2;
    ((i128::from(ns.max(0)) * i128::from(rate_hz) + half) / i128::from(NS_PER_S)) as u64
}

fn reports(channel: Channel, s: &Source) -> impl Iterator<Item = StreamReport> {
    s.streams().map(move |stats| {
        let codec = s.codec_name().unwrap_or("unknown").to_string();
        let jitter_ms = stats.max_jitter_ms();
        StreamReport {
            channel,
            ssrc: s.ssrc(),
            packets: stats.received(),
            lost: stats.lost(),
            late: s.late(),
            duplicates: stats.duplicates(),
            jitter_ms,
            mos: quality::mos(&codec, stats.loss_ratio(), jitter_ms),
            codec,
        }
    })
}
