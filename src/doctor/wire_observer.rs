//! Takes what the engine gives out, keeps the sums, and throws the sound away.

use super::seen_calls::SeenCalls;
use super::seen_hosts::SeenHosts;
use super::seen_numbers::SeenNumbers;
use super::seen_streams::SeenStreams;
use crate::call::Decision;
use crate::engine::{MediaPacket, Sink};
use crate::net::Datagram;
use crate::sip::Message;
use crate::time::Timestamp;

/// What is seen of the wire.
pub struct WireObserver {
    /// Calls that would be recorded.
    pub calls: SeenCalls,
    /// Who talks to whom.
    pub hosts: SeenHosts,
    /// Under which numbers.
    pub numbers: SeenNumbers,
    /// RTP packet by packet.
    pub streams: SeenStreams,
}

impl WireObserver {
    /// Nothing seen yet. `has_decoders`: what is decoded by libavcodec can be.
    pub fn new(has_decoders: bool) -> WireObserver {
        let (hosts, streams) = (SeenHosts::default(), SeenStreams::default());
        let numbers = SeenNumbers::default();
        WireObserver { calls: SeenCalls::new(has_decoders), hosts, numbers, streams }
    }
}

impl Sink for WireObserver {
    fn decision(&mut self, decision: Decision) {
        self.calls.note(&decision);
    }

    fn media(&mut self, packet: MediaPacket<'_>) {
        self.calls.hear(&packet);
    }

    fn tick(&mut self, now: Timestamp) {
        self.calls.pass_time(now);
    }

    fn sip(&mut self, message: &Message<'_>, came: &Datagram<'_>) {
        self.hosts.note_sip(message, came);
        self.numbers.note(message, came);
    }

    fn rtp(&mut self, came: &Datagram<'_>) {
        self.hosts.note_rtp(came);
        self.streams.note(came);
    }
}
