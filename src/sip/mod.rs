//! SIP as a bystander sees it: extracts what there is, never validates.
//!
//! RFC 3261 §7 and §25, read the way RFC 4475 says real messages look. The
//! reader borrows from the datagram; nothing here knows of media, calls or
//! time. Whether a message makes sense is for the dialog layer to say. What the
//! recorder says itself, it says by [`SipWriter`].

pub mod address;
pub mod entropy;
pub mod framing;
mod header;
pub mod identity;
pub mod method;
mod multipart;
pub mod reader;
pub mod reason;
pub mod replaces;
pub mod sip_writer;
pub mod stream_framer;
pub mod uri;
pub mod websocket;

pub use address::NameAddr;
pub use entropy::Entropy;
pub use framing::{Framer, starts_like_sip};
pub(crate) use header::percent_decode;
pub use identity::Privacy;
pub use method::Method;
pub use reader::{Message, ParseError, StartLine, is_keep_alive};
pub use reason::Reason;
pub use replaces::Replaces;
pub use sip_writer::SipWriter;
pub use uri::{Scheme, Uri};
