//! One SIP message in its context: what of it the call tables look at, read once.

use super::leg::MAX_ID;
use crate::net::Flow;
use crate::sip::{Message, Method};
use crate::time::Timestamp;

/// A message, from where to where, and when.
#[derive(Clone, Copy)]
pub(super) struct Seen<'m> {
    /// The message.
    pub msg: &'m Message<'m>,
    /// Capture time.
    pub at: Timestamp,
    /// Its sender and receiver.
    pub flow: Flow,
    /// Call-ID.
    pub call_id: &'m [u8],
    /// Tag of From; empty where there is none.
    pub from_tag: &'m [u8],
    /// Tag of To; empty where there is none.
    pub to_tag: &'m [u8],
    /// CSeq number.
    pub cseq: u32,
    /// Method of the transaction.
    pub method: Method,
    /// Status of a response.
    pub code: Option<u16>,
}

/// Why a message is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotFollowed {
    /// No Call-ID or no CSeq.
    Unidentified,
    /// A Call-ID or tag longer than [`MAX_ID`]: somebody fills memory.
    Oversized,
}

impl<'m> Seen<'m> {
    /// Reads a message.
    pub fn read(msg: &'m Message<'m>, flow: Flow, at: Timestamp) -> Result<Self, NotFollowed> {
        let (Some(call_id), Some((cseq, method))) = (msg.call_id(), msg.cseq()) else {
            return Err(NotFollowed::Unidentified);
        };
        let from_tag = msg.from().and_then(|a| a.tag()).unwrap_or_default();
        let to_tag = msg.to().and_then(|a| a.tag()).unwrap_or_default();
        if [call_id, from_tag, to_tag].iter().any(|id| id.len() > MAX_ID) {
            return Err(NotFollowed::Oversized);
        }
        // A request is what its first line says, whatever its CSeq does.
        let method = msg.method().unwrap_or(method);
        Ok(Seen { msg, at, flow, call_id, from_tag, to_tag, cseq, method, code: msg.status() })
    }

    /// A response of the 2xx class.
    pub fn is_success(&self) -> bool {
        self.code.is_some_and(|c| (200..300).contains(&c))
    }
}
