//! Streams that are over, and what is told of each in the end.

use super::floor::HeardAt;
use super::report::{Missing, StreamReport};
use super::skew::SkewRate;
use super::source::Source;
use crate::codec::quality;
use crate::id::Channel;
use crate::rtp::stats::StreamStats;

/// Streams of one party that are told of; the counts of what is beyond are added to the last.
const MAX_STREAMS: usize = 1024;

/// The counts of a stream whose source has given way.
#[derive(Debug)]
pub(super) struct Finished {
    flow: u32,
    /// Where it was heard.
    pub place: HeardAt,
    /// When, nanoseconds from the answer.
    pub first_at_ns: i64,
    /// What is told of it.
    pub report: StreamReport,
    loss: (u64, u64),
    skew: SkewRate,
    /// What of it is not in the recording.
    pub missing: Missing,
    /// More sound came of it than there was time for.
    pub is_rushed: bool,
}

/// All of one party.
#[derive(Debug, Default)]
pub(super) struct AllFinished {
    streams: Vec<Finished>,
    /// Streams whose counts were added to another's.
    pub merged: u64,
}

impl AllFinished {
    /// A source is over: its streams.
    pub fn add(&mut self, channel: Channel, source: &Source, rate_hz: u32) {
        let skew = source.skew();
        for (flow, stats) in source.streams() {
            self.keep(Finished {
                flow: *flow,
                place: source.place(),
                first_at_ns: source.first_at_ns(),
                report: report(channel, source, stats, skew),
                loss: (stats.lost(), stats.expected()),
                skew,
                missing: source.missing(rate_hz),
                is_rushed: source.is_rushed(),
            });
        }
    }

    /// All there are.
    pub fn streams(&self) -> &[Finished] {
        &self.streams
    }

    /// Takes out those that `is_meant`.
    pub fn take(&mut self, is_meant: impl Fn(&Finished) -> bool) -> Vec<Finished> {
        let (taken, left) = std::mem::take(&mut self.streams).into_iter().partition(|f| is_meant(f));
        self.streams = left;
        taken
    }

    fn keep(&mut self, new: Finished) {
        if new.report.packets == 0 {
            return;
        }
        let is_same = |f: &Finished| {
            f.flow == new.flow && f.report.ssrc == new.report.ssrc && f.report.codec == new.report.codec
        };
        let known = self.streams.iter().rposition(is_same);
        let is_full = known.is_none() && self.streams.len() >= MAX_STREAMS;
        self.merged += u64::from(is_full);
        match known.or_else(|| is_full.then(|| self.streams.len() - 1)) {
            None => self.streams.push(new),
            Some(i) => self.streams[i].join(&new),
        }
    }
}

impl Finished {
    /// Between which addresses.
    pub fn flow(&self) -> u32 {
        self.flow
    }

    fn join(&mut self, more: &Finished) {
        let r = &mut self.report;
        r.source = r.source.min(more.report.source);
        r.packets += more.report.packets;
        r.lost += more.report.lost;
        r.late += more.report.late;
        r.duplicates += more.report.duplicates;
        r.jitter_ms = r.jitter_ms.max(more.report.jitter_ms);
        // Of whoever only shares the last entry its clock tells nothing.
        if more.report.ssrc == r.ssrc {
            self.skew.join(&more.skew);
            r.skew_ppm = self.skew.ppm();
        }
        self.loss = (self.loss.0 + more.loss.0, self.loss.1 + more.loss.1);
        self.missing = self.missing.max(more.missing);
        self.is_rushed |= more.is_rushed;
        let ratio = self.loss.0 as f64 / self.loss.1.max(1) as f64;
        r.mos = quality::mos(&r.codec, ratio, r.jitter_ms);
    }
}

fn report(channel: Channel, source: &Source, stats: &StreamStats, skew: SkewRate) -> StreamReport {
    let codec = source.codec_name().unwrap_or("unknown").to_string();
    let jitter_ms = stats.max_jitter_ms();
    StreamReport {
        channel,
        ssrc: source.ssrc(),
        source: source.best_standing(),
        packets: stats.received(),
        lost: stats.lost(),
        late: source.late(),
        duplicates: stats.duplicates(),
        jitter_ms,
        skew_ppm: skew.ppm(),
        mos: quality::mos(&codec, stats.loss_ratio(), jitter_ms),
        codec,
    }
}
