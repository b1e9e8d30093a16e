//! Sound that nobody here can decode, gathered until it is written beside the recording.

use crate::id::Channel;
use crate::store::StoreError;
use crate::store::undecoded::{KeptRtp, UndecodedEncoder};
use crate::store::writer::RecordingWriter;
use crate::tape::{PayloadOrigin, UndecodedPacket};
use crate::time::Timestamp;
use uuid::Uuid;

/// Bytes gathered before they are written.
const BLOCK: usize = 16 * 1024;
/// Bytes kept of a call that has no file yet; packets beyond are lost.
const MAX_WAITING: usize = 256 * 1024;
/// Bytes kept of one recording: eight hours of two voices in G.729 are half of it.
const MAX_BYTES: u64 = 512 * 1024 * 1024;
/// Streams of one recording told apart.
const MAX_STREAMS: usize = 64;

/// The payload of one recording.
#[derive(Debug)]
pub(super) struct KeptPayloads {
    encoder: UndecodedEncoder,
    streams: Vec<PayloadOrigin>,
    buffer: Vec<u8>,
    written: u64,
    newest: Option<Timestamp>,
    /// Something could not be kept.
    is_lossy: bool,
    /// Channels of which something was kept, and of which something was left out.
    kept: [bool; 2],
    left_out: [bool; 2],
}

impl KeptPayloads {
    /// Nothing yet.
    pub fn new(id: Uuid, answered_at: Timestamp) -> KeptPayloads {
        let encoder = UndecodedEncoder::new(id, answered_at);
        KeptPayloads {
            encoder,
            streams: Vec::new(),
            buffer: Vec::new(),
            written: 0,
            newest: None,
            is_lossy: false,
            kept: [false; 2],
            left_out: [false; 2],
        }
    }

    /// Packets are missing. What came beside a party that was kept was not its.
    pub fn is_lossy(&self) -> bool {
        self.is_lossy || self.left_out.iter().zip(self.kept).any(|(out, kept)| *out && !kept)
    }

    /// Some of a channel is not kept.
    pub fn leave(&mut self, channel: Channel) {
        self.left_out[channel as usize] = true;
    }

    /// Takes a packet. Whether there is enough to be written.
    pub fn keep(&mut self, packet: &UndecodedPacket<'_>) -> bool {
        let known = self.streams.iter().position(|s| *s == packet.origin);
        let stream = known.unwrap_or(self.streams.len());
        let is_full = self.buffer.len() >= MAX_WAITING || self.written >= MAX_BYTES;
        if stream >= MAX_STREAMS || is_full {
            self.is_lossy = true;
            return false;
        }
        if known.is_none() {
            self.streams.push(packet.origin);
        }
        let kept = KeptRtp {
            stream: stream as u16,
            channel: packet.origin.channel,
            at: packet.at,
            payload_type: packet.payload_type,
            seq: packet.seq,
            timestamp: packet.timestamp,
            ssrc: packet.origin.ssrc,
            payload: packet.payload,
        };
        self.newest = self.newest.max(Some(packet.at));
        self.kept[packet.origin.channel as usize] = true;
        self.is_lossy |= !self.encoder.put(&kept, packet.spec, &mut self.buffer);
        self.buffer.len() >= BLOCK
    }

    /// Writes what is gathered.
    ///
    /// # Errors
    /// The system refuses: that is lost.
    pub fn write(&mut self, to: &mut RecordingWriter) -> Result<(), StoreError> {
        let buffer = std::mem::take(&mut self.buffer);
        if buffer.is_empty() {
            return Ok(());
        }
        self.written += buffer.len() as u64;
        to.append_undecoded(&buffer).inspect_err(|_| self.is_lossy = true)
    }

    /// Ends the file.
    pub fn end(&mut self, at: Timestamp) {
        self.encoder.end(at, &mut self.buffer);
    }

    /// Takes packets of a channel back, from a time on, in what is written and what is not.
    ///
    /// # Errors
    /// The system refuses.
    pub fn take_back(
        &mut self,
        channel: Channel,
        since: Timestamp,
        is_meant: &dyn Fn(&PayloadOrigin) -> bool,
        to: &mut RecordingWriter,
    ) -> Result<(), StoreError> {
        if self.newest.is_none_or(|newest| newest < since) {
            return Ok(());
        }
        self.take_back_held(channel, since, is_meant);
        to.retain_undecoded(kept(&self.streams, channel, since, is_meant))
    }

    /// The same in what is not written.
    pub fn take_back_held(
        &mut self,
        channel: Channel,
        since: Timestamp,
        is_meant: &dyn Fn(&PayloadOrigin) -> bool,
    ) {
        UndecodedEncoder::retain_in(&mut self.buffer, kept(&self.streams, channel, since, is_meant));
    }
}

/// What is not taken back.
fn kept(
    streams: &[PayloadOrigin],
    channel: Channel,
    since: Timestamp,
    is_meant: &dyn Fn(&PayloadOrigin) -> bool,
) -> impl Fn(u16, Channel, Timestamp) -> bool {
    move |stream, of, at| {
        let is_gone = || streams.get(usize::from(stream)).is_some_and(is_meant);
        of != channel || at < since || !is_gone()
    }
}
