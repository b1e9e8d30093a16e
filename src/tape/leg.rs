//! What one party sends, over all hops it is heard on.
//!
//! Of each party one signalling hop is listened to: the nearest to the agent on which
//! something is heard that can be played. A farther one takes its place when it has been
//! silent for a while, and gives way at once when it speaks again: what a farther hop put
//! down in between was the same voice, a little earlier.

use super::kept::Packet;
use super::meaning::Formats;
use super::report::{Heard, StreamReport};
use super::source::{Played, Source};
use super::voice::Stage;
use crate::codec::CodecSpec;
use crate::codec::quality;
use crate::id::Channel;
use crate::rtp::stats::StreamStats;
use crate::time::{NS_PER_MS, NS_PER_S};
use smallvec::SmallVec;
use std::sync::Arc;

/// A farther hop is listened to when the nearest has been silent this long.
const HOP_SILENCE_NS: i64 = 2 * NS_PER_S;
/// What a farther hop put down is taken back whole when it began no longer ago than this.
const TAKE_BACK_NS: i64 = NS_PER_S;
/// Sources of one party held at once; who has more in a second is not a phone.
const MAX_SOURCES: usize = 64;
/// A source that has not been heard for so long may give way to a new one.
const FINISHED_NS: i64 = 2 * NS_PER_S;
/// Sources kept though they are silent, as long as no more are needed.
const ROOMY: usize = 8;
/// Streams of one party that are told of; the counts of what is beyond are added to the last.
const MAX_STREAMS: usize = 1024;
/// Packets in one datagram, at most: the kernel puts no more together.
const MAX_SEGMENTS: usize = 128;

/// The hop that is listened to.
#[derive(Clone, Copy, Debug)]
struct Hop {
    rank: u8,
    since_ns: i64,
    last_ns: i64,
}

/// Packets of one payload type on one hop not yet counted by their codec.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    rank: u8,
    payload_type: u8,
    packets: u32,
}

/// The counts of a stream whose source has given way.
#[derive(Debug)]
struct Finished {
    flow: u32,
    report: StreamReport,
    loss: (u64, u64),
}

/// One party.
#[derive(Debug)]
pub(super) struct Leg {
    channel: Channel,
    formats: Formats,
    hop: Option<Hop>,
    sources: SmallVec<[Source; 1]>,
    finished: Vec<Finished>,
    codec: Option<Arc<CodecSpec>>,
    tally: Tally,
    heard: SmallVec<[Heard; 2]>,
    /// Packets for which there was no room.
    refused: u64,
    /// Datagrams that held several packets, since this was last asked.
    split: u64,
    /// Streams whose counts were added to another's.
    merged: u64,
    lost_inside: bool,
    is_rushed: bool,
}

impl Leg {
    /// A party that has not been heard.
    pub fn new(channel: Channel) -> Self {
        Leg {
            channel,
            formats: Formats::default(),
            hop: None,
            sources: SmallVec::new(),
            finished: Vec::new(),
            codec: None,
            tally: Tally::default(),
            heard: SmallVec::new(),
            refused: 0,
            split: 0,
            merged: 0,
            lost_inside: false,
            is_rushed: false,
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

    /// Streams whose counts were added to another's.
    pub fn merged(&self) -> u64 {
        self.merged
    }

    /// Anything was heard of it.
    pub fn has_media(&self) -> bool {
        !self.sources.is_empty() || !self.finished.is_empty()
    }

    /// Takes a packet. Where it shows that a nearer hop speaks again: from when on what
    /// farther ones put down is taken back.
    pub fn push(&mut self, packet: &Packet<'_>, at_ns: i64, rate_hz: Option<u32>) -> Option<i64> {
        let heard = &packet.heard;
        self.count(packet.rank, heard.payload_type);
        let is_usable = self.is_usable(packet);
        let taken_back = self.listen(packet.rank, at_ns, is_usable)?;
        if let Some(from_ns) = taken_back {
            self.quiet_farther(packet.rank, from_ns, rate_hz.unwrap_or(8000));
        }
        let known = self.sources.iter().position(|s| s.ssrc() == heard.ssrc && s.rank() == packet.rank);
        let Some(i) = known.or_else(|| self.begin(packet, at_ns, rate_hz)) else {
            self.refused += 1;
            return taken_back;
        };
        let source = &mut self.sources[i];
        let segment = if source.is_unlike(packet) { heard.segment_len() } else { None };
        match segment {
            None => source.push(packet, at_ns, &self.formats),
            Some(len) => {
                self.split += 1;
                for heard in heard.segments(len).take(MAX_SEGMENTS) {
                    source.push(&Packet { heard, ..*packet }, at_ns, &self.formats);
                }
            }
        }
        taken_back
    }

    /// Something that can be played, or that belongs to it.
    fn is_usable(&self, packet: &Packet<'_>) -> bool {
        let formats = self.formats.on(packet.rank);
        let spec = formats.get(packet.heard.payload_type);
        let is_readable = spec.is_some_and(|s| !s.is_unreadable());
        is_readable && !formats.encrypted && !packet.heard.payload.is_empty()
    }

    /// Whether this hop is listened to now (`Some`), and from when on what farther ones said
    /// is taken back, if they said anything.
    fn listen(&mut self, rank: u8, at_ns: i64, is_usable: bool) -> Option<Option<i64>> {
        let Some(hop) = &mut self.hop else {
            if is_usable {
                self.hop = Some(Hop { rank, since_ns: at_ns, last_ns: at_ns });
            }
            return Some(None);
        };
        if rank == hop.rank {
            if is_usable {
                hop.last_ns = hop.last_ns.max(at_ns);
            }
            return Some(None);
        }
        let is_silent = at_ns - hop.last_ns >= HOP_SILENCE_NS;
        if !is_usable {
            return (rank < hop.rank || is_silent).then_some(None);
        }
        if rank > hop.rank && !is_silent {
            return None;
        }
        let is_short = at_ns - hop.since_ns <= TAKE_BACK_NS;
        let from_ns = if is_short { hop.since_ns } else { at_ns };
        let taken_back = (rank < hop.rank).then_some(from_ns);
        *hop = Hop { rank, since_ns: at_ns, last_ns: at_ns };
        Some(taken_back)
    }

    /// A nearer hop speaks: farther ones are silent from `from_ns` on, and those that said
    /// nothing before it were never there.
    fn quiet_farther(&mut self, rank: u8, from_ns: i64, rate_hz: u32) {
        let spoke_before = |s: &Source| s.spoke_at_ns().is_some_and(|at| at < from_ns);
        self.sources.retain(|s| s.rank() <= rank || spoke_before(s));
        for s in self.sources.iter_mut().filter(|s| s.rank() > rank) {
            s.rest(from_ns, rate_hz);
        }
    }

    /// Makes room for a new source; `None` where there is none.
    fn begin(&mut self, packet: &Packet<'_>, at_ns: i64, rate_hz: Option<u32>) -> Option<usize> {
        if self.sources.len() >= ROOMY {
            let is_over = |s: &Source| !s.is_waiting() && at_ns - s.last_at_ns() > FINISHED_NS;
            while let Some(i) = self.sources.iter().position(is_over) {
                self.finish(i, rate_hz.unwrap_or(8000));
            }
        }
        if self.sources.len() >= MAX_SOURCES {
            let quiet = self.sources.iter().enumerate().filter(|(_, s)| !s.is_waiting());
            let i = quiet.min_by_key(|(_, s)| s.last_at_ns()).map(|(i, _)| i)?;
            self.finish(i, rate_hz.unwrap_or(8000));
        }
        let mut source = Source::new(packet.heard.ssrc, packet.rank, at_ns);
        if let Some(rate) = rate_hz {
            source.set_rate(rate);
        }
        self.sources.push(source);
        Some(self.sources.len() - 1)
    }

    /// A source gives way: only its counts are kept.
    fn finish(&mut self, i: usize, rate_hz: u32) {
        let source = self.sources.remove(i);
        self.lost_inside |= source.lost_inside(rate_hz);
        self.is_rushed |= source.is_rushed();
        for (flow, stats) in source.streams() {
            let report = report(self.channel, &source, stats);
            self.keep(*flow, report, (stats.lost(), stats.expected()));
        }
    }

    fn keep(&mut self, flow: u32, report: StreamReport, loss: (u64, u64)) {
        if report.packets == 0 {
            return;
        }
        let is_same =
            |f: &Finished| f.flow == flow && f.report.ssrc == report.ssrc && f.report.codec == report.codec;
        let known = self.finished.iter().rposition(is_same);
        let is_full = known.is_none() && self.finished.len() >= MAX_STREAMS;
        self.merged += u64::from(is_full);
        match known.or_else(|| is_full.then(|| self.finished.len() - 1)) {
            None => self.finished.push(Finished { flow, report, loss }),
            Some(i) => self.finished[i].add(&report, loss),
        }
    }

    /// Plays what one of its sources has; on which hop that is.
    pub fn play(&mut self, i: usize, horizon_ns: i64, stage: &mut Stage<'_>, played: &mut Played) -> u8 {
        let source = &mut self.sources[i];
        source.play(horizon_ns, &self.formats, stage, played);
        source.rank()
    }

    /// Notes what its sources did while they played: events with their frames.
    pub fn note_played(&mut self, rank: u8, played: &mut Played) -> Vec<(i64, Option<String>)> {
        let is_covered = |at_ns: &i64| {
            self.hop.is_some_and(|h| {
                h.rank != rank && (h.since_ns - TAKE_BACK_NS..h.last_ns + HOP_SILENCE_NS).contains(at_ns)
            })
        };
        self.lost_inside |= !played.undecodable.iter().all(is_covered);
        let mut events: Vec<_> = played.key_presses.drain(..).map(|frame| (frame, None)).collect();
        for (frame, spec) in played.begun.drain(..) {
            let before = self.codec.replace(Arc::clone(&spec));
            if before.is_some_and(|b| !is_alike(&b, &spec)) {
                events.push((frame, Some(spec.name.clone())));
            }
        }
        events
    }

    /// Any of its sound is not in the recording, though it was heard.
    pub fn lost_inside(&self, rate_hz: u32) -> bool {
        self.lost_inside || self.refused > 0 || self.sources.iter().any(|s| s.lost_inside(rate_hz))
    }

    /// More sound came than there was time for it to be spoken in.
    pub fn is_rushed(&self) -> bool {
        self.is_rushed || self.sources.iter().any(Source::is_rushed)
    }

    /// Every stream that was listened to. Where one hop was played, the others, which
    /// could not be, are not told of.
    pub fn into_reports(mut self) -> Vec<StreamReport> {
        let spoken: SmallVec<[u8; 4]> =
            self.sources.iter().filter(|s| s.spoke_at_ns().is_some()).map(Source::rank).collect();
        let sources = std::mem::take(&mut self.sources);
        for s in sources.iter().filter(|s| spoken.is_empty() || spoken.contains(&s.rank())) {
            for (flow, stats) in s.streams() {
                let report = report(self.channel, s, stats);
                self.keep(*flow, report, (stats.lost(), stats.expected()));
            }
        }
        self.finished.into_iter().map(|f| f.report).collect()
    }

    /// Packets by codec since this was last asked.
    pub fn take_heard(&mut self) -> SmallVec<[Heard; 2]> {
        self.settle_tally();
        std::mem::take(&mut self.heard)
    }

    /// Datagrams that held several packets, since this was last asked.
    pub fn take_split(&mut self) -> u64 {
        std::mem::take(&mut self.split)
    }

    /// Notes a packet for the count of its codec. Names are long to compare: that is for
    /// [`Leg::settle_tally`], now and then.
    fn count(&mut self, rank: u8, payload_type: u8) {
        if (self.tally.rank, self.tally.payload_type) != (rank, payload_type) {
            self.settle_tally();
            self.tally = Tally { rank, payload_type, packets: 0 };
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

impl Finished {
    fn add(&mut self, more: &StreamReport, loss: (u64, u64)) {
        let r = &mut self.report;
        r.packets += more.packets;
        r.lost += more.lost;
        r.late += more.late;
        r.duplicates += more.duplicates;
        r.jitter_ms = r.jitter_ms.max(more.jitter_ms);
        self.loss = (self.loss.0 + loss.0, self.loss.1 + loss.1);
        let ratio = self.loss.0 as f64 / self.loss.1.max(1) as f64;
        r.mos = quality::mos(&r.codec, ratio, r.jitter_ms);
    }
}

/// The same sound to a listener, whatever number it has or how it is configured.
fn is_alike(a: &CodecSpec, b: &CodecSpec) -> bool {
    std::ptr::eq(a.def, b.def) && a.rtp_clock_hz == b.rtp_clock_hz && a.name.eq_ignore_ascii_case(&b.name)
}

fn report(channel: Channel, source: &Source, stats: &StreamStats) -> StreamReport {
    let codec = source.codec_name().unwrap_or("unknown").to_string();
    let jitter_ms = stats.max_jitter_ms();
    StreamReport {
        channel,
        ssrc: source.ssrc(),
        packets: stats.received(),
        lost: stats.lost(),
        late: source.late(),
        duplicates: stats.duplicates(),
        jitter_ms,
        mos: quality::mos(&codec, stats.loss_ratio(), jitter_ms),
        codec,
    }
}

// Long enough for what a relay holds back, far shorter than a hop is waited for.
const _: () = assert!(TAKE_BACK_NS < HOP_SILENCE_NS && TAKE_BACK_NS >= 500 * NS_PER_MS);
