//! The recording server of SIPREC (RFC 7866): calls that are brought to the recorder instead of being
//! seen by it.
//!
//! Pure: [`RecordingServer`] is given the messages and media packets of recording clients, with where they
//! came from and when, and gives back what to send and what to tell the engine. Each communication session
//! of the metadata (RFC 7865) is told as the dialog that a mirror port would have shown, between addresses
//! that nothing else can use, and its media as packets between them. So every rule on agents, services,
//! numbers, transfers, holds, keys and codecs is the one that holds for any call, and is written once.
//!
//! ```text
//! recording_server clock_work schedule   every session: what comes, what time brings; what is answered
//! recording_session timer  one session: its dialog, lines, ports; RFC 4028
//! conversation cast part   one call of it: who talks, on which side; what of it has changed
//! picture rs_metadata      what the XML says: of all documents, of one
//! offer ladder reply       SDP; the dialog for the engine; what the server says of itself
//! outputs                  peers, ports, refusals
//! ```

mod cast;
mod clock_work;
mod conversation;
mod ladder;
mod offer;
pub mod outputs;
mod part;
mod picture;
pub mod recording_server;
mod recording_session;
mod reply;
pub mod rs_metadata;
mod schedule;
mod timer;

pub use conversation::Ways;
pub use ladder::Fed;
pub use outputs::{Declined, LineId, MediaPorts, ServerStats, SipPeer, SipTransport};
pub use recording_server::{Output, RecordingServer};
