//! What takes the engine's output.

use crate::call::Decision;
use crate::id::RecordingId;
use crate::net::Datagram;
use crate::sip::Message;
use crate::tape::Packet;
use crate::time::Timestamp;

/// One media packet of a recording.
#[derive(Clone, Copy, Debug)]
pub struct MediaPacket<'a> {
    /// Whose.
    pub recording: RecordingId,
    /// What was heard, of whom and where.
    pub packet: Packet<'a>,
}

/// Who takes what the engine gives out, in order.
pub trait Sink {
    /// A decision of the signalling.
    fn decision(&mut self, decision: Decision);
    /// A media packet of a recording that has been opened.
    fn media(&mut self, packet: MediaPacket<'_>);
    /// Time has come to `now`; everything before it has been given out.
    fn tick(&mut self, now: Timestamp);
    /// A SIP message was read. For whoever judges the wire; whoever records it hears of decisions.
    fn sip(&mut self, _message: &Message<'_>, _came: &Datagram<'_>) {}
    /// A datagram was taken for RTP, whosever it is. For whoever judges the wire.
    fn rtp(&mut self, _came: &Datagram<'_>) {}
}
