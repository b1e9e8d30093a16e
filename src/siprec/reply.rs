//! What the server says of itself, and where its responses go (RFC 3261 §18.2.2).

use super::outputs::{SipPeer, SipTransport};
use crate::sip::sip_writer::response_address;
use crate::sip::{Message, SipWriter};

/// Methods that are understood.
pub const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, UPDATE, OPTIONS, INFO";
/// What may stand in a body.
pub const ACCEPT: &str =
    "application/sdp, application/rs-metadata+xml, application/rs-metadata, multipart/mixed";
/// Extensions that are understood: a client may require them.
pub const SUPPORTED: &str = "siprec, timer";

/// What goes with everything the server says of itself.
pub fn capabilities(w: SipWriter) -> SipWriter {
    w.header("Allow", ALLOW).header("Supported", SUPPORTED).header("Accept", ACCEPT)
}

/// Where a response goes: back on its connection, or as the topmost Via has it.
pub fn back(request: &Message<'_>, peer: &SipPeer) -> SipPeer {
    let mut to = *peer;
    if peer.transport == SipTransport::Udp {
        to.remote = response_address(request, peer.remote);
    }
    to
}
