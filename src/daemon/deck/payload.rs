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
/// Streams of one recording told apart.
const MAX_STREAMS: usize = 64;

/// The payload of one recording.
#[derive(Debug)]
pub(super) struct KeptPayloads {
    encoder: UndecodedEncoder,
    streams: Vec<PayloadOrigin>,
    buffer: Vec<u8>,
    /// Something could not be kept.
    is_lossy: bool,
}

impl KeptPayloads {
    /// Nothing yet.
    pub fn new(id: Uuid, answered_at: Timestamp) -> KeptPayloads {
        let encoder = UndecodedEncoder::new(id, answered_at);
        KeptPayloads { encoder, streams: Vec::new(), buffer: Vec::new(), is_lossy: false }
    }

    /// Packets are missing.
    pub fn is_lossy(&self) -> bool {
        self.is_lossy
    }

    /// Takes a packet. Whether there is enough to be written.
    pub fn keep(&mut self, packet: &UndecodedPacket<'_>) -> bool {
        let known = self.streams.iter().position(|s| *s == packet.origin);
        let stream = known.unwrap_or(self.streams.len());
        if stream >= MAX_STREAMS || self.buffer.len() >= MAX_WAITING {
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
        to: Option<&mut RecordingWriter>,
    ) -> Result<(), StoreError> {
        let streams = &self.streams;
        let is_gone = |stream: u16| streams.get(usize::from(stream)).is_some_and(is_meant);
        let is_kept = |stream, of, at| of != channel || at < since || !is_gone(stream);
        UndecodedEncoder::retain_in(&mut self.buffer, is_kept);
        to.map_or(Ok(()), |to| to.retain_undecoded(is_kept))
    }
}
