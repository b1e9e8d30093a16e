//! What the workers count together, off the engine's plain counters.

use crate::tape::{CodecPackets, LeftOut, PacketCounts};
use crate::telemetry::label::{CodecLabel, Limit};
use std::sync::atomic::{AtomicU64, Ordering};

/// What all workers count together.
#[derive(Debug, Default)]
pub struct MediaCounts {
    /// RTP packets by [`CodecLabel::index`].
    pub codecs: [AtomicU64; CodecLabel::COUNT],
    /// Datagrams that held several RTP packets.
    pub super_packets: AtomicU64,
    /// SRTP packets opened with the keys of the signalling.
    pub srtp_opened: AtomicU64,
    /// And those that no key opened, of streams that were opened.
    pub srtp_rejected: AtomicU64,
    /// What recordings had no room for, by [`Limit::index`].
    pub limits: [AtomicU64; Limit::COUNT],
}

impl MediaCounts {
    /// A bound without a counter elsewhere was reached `n` times.
    pub(super) fn limit(&self, limit: Limit, n: u64) {
        self.limits[limit.index()].fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn add(&self, heard: impl IntoIterator<Item = CodecPackets>, counts: PacketCounts) {
        for (spec, packets) in heard {
            let label = spec.map_or(CodecLabel::OTHER, |s| CodecLabel::of(&s.name));
            self.codecs[label.index()].fetch_add(packets, Ordering::Relaxed);
        }
        let PacketCounts { split, opened, rejected } = counts;
        let all = [&self.super_packets, &self.srtp_opened, &self.srtp_rejected];
        for (counter, n) in all.into_iter().zip([split, opened, rejected]).filter(|(_, n)| *n > 0) {
            counter.fetch_add(n, Ordering::Relaxed);
        }
    }

    pub(super) fn add_left_out(&self, left_out: &LeftOut) {
        let LeftOut { packets, streams, events } = *left_out;
        for (limit, n) in [(Limit::Sources, packets), (Limit::Streams, streams), (Limit::Events, events)] {
            self.limit(limit, n);
        }
    }
}
