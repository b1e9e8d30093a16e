//! Captures whose stamps are no times: written by tools that had none.
//!
//! `text2pcap` without `-t` sets each packet a microsecond after the one before; others give all the
//! same stamp. The order is right and RTP timestamps tell how long the sound lasts (RFC 3550 §5.1): by
//! them packets are placed anew. What no RTP tells of, ringing or a hold without sound, has no
//! length then.

use super::file::{FileError, FileSource};
use crate::codec::CodecSpec;
use crate::rtp::packet::{DatagramKind, RtpPacket, classify};
use crate::time::{NS_PER_MS, NS_PER_S, Timestamp};
use crate::wire::Frame;
use crate::wire::ip::{IpPacket, protocol};
use crate::wire::link;
use crate::wire::transport::Udp;
use hashlink::LruCache;
use std::net::SocketAddr;
use std::path::Path;

/// Frames that are looked at to tell.
const LOOKED_AT: usize = 64;
/// With fewer it may be chance.
const FEWEST: usize = 8;
/// The farthest apart, always by the same, nanoseconds.
const STEP_NS: i64 = 1_000;
/// Senders followed; the one not heard for longest gives way, and begins anew.
const MAX_SENDERS: usize = 16_384;
/// Timestamps that lead farther on or back begin anew.
const FORWARD_NS: i64 = 60 * NS_PER_S;
const BACK_NS: i64 = 500 * NS_PER_MS;
/// Sound in a packet: usually, and at most.
const USUAL_NS: i64 = 20 * NS_PER_MS;
const LONGEST_NS: i64 = 100 * NS_PER_MS;
/// What payload types from here on mean only a description says (RFC 3551 §6).
const FIRST_DYNAMIC: u8 = 96;

/// Has the file no times, by how it begins? It is opened and read on its own.
///
/// # Errors
/// It cannot be opened.
pub fn is_without_times(path: &Path) -> Result<bool, FileError> {
    let mut source = FileSource::open(path)?;
    let mut stamps = Vec::with_capacity(LOOKED_AT);
    // What breaks off is told when it is read in earnest.
    while stamps.len() < LOOKED_AT
        && let Ok(Some(frame)) = source.next()
    {
        stamps.push(frame.ts);
    }
    let steps: Vec<i64> = stamps.windows(2).map(|pair| pair[1].since_ns(pair[0])).collect();
    let first = steps.first().copied().unwrap_or(i64::MAX);
    Ok(stamps.len() >= FEWEST && (0..=STEP_NS).contains(&first) && steps.iter().all(|s| *s == first))
}

/// Gives the packets of one such file the times that their RTP timestamps tell.
pub struct Retiming {
    now: Option<Timestamp>,
    /// How long the sound lasts of the packet that came last, if it was RTP.
    sounding_ns: i64,
    senders: LruCache<(SocketAddr, SocketAddr, u32), PlacedStream>,
}

/// One RTP stream as it was last placed.
struct PlacedStream {
    at: Timestamp,
    seq: u16,
    timestamp: u32,
    clock_hz: Option<u32>,
    length_ns: i64,
}

impl Retiming {
    /// For a file that begins.
    pub fn new() -> Self {
        Retiming { now: None, sounding_ns: 0, senders: LruCache::new(MAX_SENDERS) }
    }

    /// When a packet was, as far as can be told: never before those that came before it.
    pub fn place(&mut self, frame: &Frame<'_>) -> Timestamp {
        let now = self.now.map_or(frame.ts, |now| now.offset_ns(STEP_NS));
        let now = match self.due(frame, now) {
            Some(due) => due.max(now),
            // A hang-up comes when the last packet has been heard.
            None => now.offset_ns(std::mem::take(&mut self.sounding_ns)),
        };
        self.now = Some(now);
        now
    }

    /// When its stream's timestamps say that it was sent.
    fn due(&mut self, frame: &Frame<'_>, now: Timestamp) -> Option<Timestamp> {
        let (proto, data) = link::open(frame.link, frame.data).ok()?;
        let (_, data) = link::to_ip(proto, data).ok()?;
        let ip = IpPacket::parse(data).ok()?;
        if ip.protocol != protocol::UDP || ip.fragment.is_some() {
            return None;
        }
        let udp = Udp::parse(ip.payload, ip.missing)?;
        if classify(udp.payload) != DatagramKind::Rtp {
            return None;
        }
        let rtp = RtpPacket::parse(udp.payload).ok()?;
        let key = (SocketAddr::new(ip.src, udp.src_port), SocketAddr::new(ip.dst, udp.dst_port), rtp.ssrc);
        let known = self.senders.get(&key);
        let clock_hz = known.and_then(|s| s.clock_hz).or_else(|| {
            let is_static = rtp.payload_type < FIRST_DYNAMIC;
            is_static.then(|| CodecSpec::from_rtpmap(rtp.payload_type, None, None, None).rtp_clock_hz)
        });
        let clock_hz = clock_hz.or_else(|| {
            let before = known.filter(|s| rtp.seq.wrapping_sub(s.seq) == 1)?;
            clock_of_step(rtp.timestamp.wrapping_sub(before.timestamp))
        });
        let told = known.zip(clock_hz).map(|(s, hz)| {
            let ticks = rtp.timestamp.wrapping_sub(s.timestamp) as i32;
            s.at.offset_ns(i64::from(ticks) * NS_PER_S / i64::from(hz))
        });
        let at = told.filter(|at| (-BACK_NS..=FORWARD_NS).contains(&at.since_ns(now))).unwrap_or(now);
        let step_ns = known.filter(|s| rtp.seq.wrapping_sub(s.seq) == 1).map(|s| at.since_ns(s.at));
        let step_ns = step_ns.filter(|ns| (1..=LONGEST_NS).contains(ns));
        let length_ns = step_ns.or(known.map(|s| s.length_ns)).unwrap_or(USUAL_NS);
        self.sounding_ns = length_ns;
        let (seq, timestamp) = (rtp.seq, rtp.timestamp);
        self.senders.insert(key, PlacedStream { at, seq, timestamp, clock_hz, length_ns });
        Some(at)
    }
}

/// The clock on which a packet lasts as long as packets do, by the step to the next one.
fn clock_of_step(step: u32) -> Option<u32> {
    let lengths_ms = [20, 10, 30, 40, 60];
    let clocks_hz = [8_000, 16_000, 48_000, 32_000];
    let all = lengths_ms.iter().flat_map(|ms| clocks_hz.iter().map(move |hz| (*ms, *hz)));
    all.filter(|(ms, hz)| hz / 1_000 * ms == step).map(|(_, hz)| hz).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_tells_the_clock() {
        for (step, hz) in
            [(160, 8_000), (320, 16_000), (960, 48_000), (640, 32_000), (480, 48_000), (240, 8_000)]
        {
            assert_eq!(clock_of_step(step), Some(hz), "{step}");
        }
        assert_eq!(clock_of_step(1), None);
    }
}
