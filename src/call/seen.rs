//! One SIP message in its context: what of it the call tables look at, read once.

use super::identifier::Identifier;
use crate::net::Flow;
use crate::net::reserved::{TOLD_HEADER, ToldNote, is_reserved};
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
    pub call_id: Identifier<'m>,
    /// Tag of From; empty where there is none.
    pub from_tag: Identifier<'m>,
    /// Tag of To; empty where there is none.
    pub to_tag: Identifier<'m>,
    /// Branch of the topmost Via: the transaction, on one hop.
    pub branch: Option<Identifier<'m>>,
    /// CSeq number.
    pub cseq: u32,
    /// Method of the transaction.
    pub method: Method,
    /// Status of a response.
    pub code: Option<u16>,
}

impl<'m> Seen<'m> {
    /// Reads a message; `None` where it has no Call-ID or no CSeq.
    pub fn read(msg: &'m Message<'m>, flow: Flow, at: Timestamp) -> Option<Self> {
        let call_id = Identifier::new(msg.call_id()?);
        let (cseq, method) = msg.cseq()?;
        let from_tag = Identifier::new(msg.from().and_then(|a| a.tag()).unwrap_or_default());
        let to_tag = Identifier::new(msg.to().and_then(|a| a.tag()).unwrap_or_default());
        let branch = msg.top_via_branch().map(Identifier::new);
        // A request is what its first line says, whatever its CSeq does.
        let method = msg.method().unwrap_or(method);
        Some(Seen { msg, at, flow, call_id, from_tag, to_tag, branch, cseq, method, code: msg.status() })
    }

    /// What SIP has no word for, from our own recording server: a captured message says nothing so.
    pub fn told(&self) -> Option<ToldNote> {
        let value = is_reserved(self.flow.src.ip()).then(|| self.msg.header(TOLD_HEADER)).flatten()?;
        [ToldNote::Ended, ToldNote::Missing].into_iter().find(|n| n.as_str().as_bytes() == &*value)
    }

    /// A response of the 2xx class.
    pub fn is_success(&self) -> bool {
        self.code.is_some_and(|c| (200..300).contains(&c))
    }
}
