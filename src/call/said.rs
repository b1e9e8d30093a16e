//! The SIP that living legs came from, kept as captured: another process makes the same calls of it.
//!
//! Bounded for each leg and for all together, in bytes. Of a leg that says too much the middle
//! goes: how its call began, and how it is now, are at its ends. The SIP of a leg goes with the leg.

use super::seen::Seen;
use crate::net::Flow;
use crate::net::reserved::is_reserved;
use crate::sip::Method;
use crate::time::Timestamp;
use std::sync::Arc;

/// Bytes of SIP kept of one leg: a call of three hops takes ten thousand.
const MAX_OF_LEG: usize = 64 * 1024;
/// What a message takes beside its bytes.
const ROW: usize = size_of::<SaidMessage>() + 32;

/// One message as it was captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaidMessage {
    /// Capture time.
    pub at: Timestamp,
    /// Its place among all that is kept, by the order in which it was taken in.
    pub order: u64,
    /// Its sender and receiver.
    pub flow: Flow,
    /// The message alone.
    pub bytes: Arc<[u8]>,
}

impl SaidMessage {
    fn size(&self) -> usize {
        ROW + self.bytes.len()
    }

    fn is_copy_of(&self, (flow, bytes): (&Flow, &[u8])) -> bool {
        self.flow == *flow && *self.bytes == *bytes
    }
}

/// What was said in one leg.
#[derive(Clone, Debug, Default)]
pub struct SaidInLeg {
    messages: Vec<SaidMessage>,
    bytes: usize,
    /// Not all of it was kept.
    pub is_cut: bool,
}

impl SaidInLeg {
    /// In order.
    pub fn messages(&self) -> &[SaidMessage] {
        &self.messages
    }
}

/// How much all legs have said, and how much of that may be kept.
#[derive(Debug)]
pub(super) struct SaidRoom {
    bytes: usize,
    max: usize,
    orders: u64,
}

impl SaidRoom {
    /// For so many bytes.
    pub fn new(max: usize) -> SaidRoom {
        SaidRoom { bytes: 0, max, orders: 0 }
    }

    /// Keeps a message of a leg, where there is room and calls are followed by what it says.
    pub fn keep(&mut self, said: &mut SaidInLeg, seen: &Seen<'_>, bytes: &[u8]) {
        let is_known = || said.messages.iter().any(|m| m.is_copy_of((&seen.flow, bytes)));
        if !is_followed(seen) || is_known() {
            return;
        }
        self.orders += 1;
        let message = SaidMessage { at: seen.at, order: self.orders, flow: seen.flow, bytes: bytes.into() };
        let size = message.size();
        if self.bytes + size > self.max {
            said.is_cut = true;
            return;
        }
        self.bytes += size;
        said.bytes += size;
        said.messages.push(message);
        while said.bytes > MAX_OF_LEG && said.messages.len() > 2 {
            let gone = said.messages.remove(said.middle());
            said.bytes -= gone.size();
            self.bytes -= gone.size();
            said.is_cut = true;
        }
    }

    /// A leg is forgotten.
    pub fn forget(&mut self, said: &SaidInLeg) {
        self.bytes -= said.bytes;
    }
}

impl SaidInLeg {
    /// The first message of the second half.
    fn middle(&self) -> usize {
        let mut before = 0;
        let is_half = |m: &SaidMessage| {
            before += m.size();
            before > MAX_OF_LEG / 2
        };
        self.messages.iter().position(is_half).unwrap_or(0).clamp(1, self.messages.len() - 2)
    }
}

/// Whether a message changes anything of a call that outlasts it: whatever [`super::calls`] heeds, but for
/// keys and pauses, which are a recording's. One of our own recording server's is told again by him.
fn is_followed(seen: &Seen<'_>) -> bool {
    let by_method = match seen.method {
        Method::Invite | Method::Cancel | Method::Ack | Method::Update | Method::Prack => true,
        Method::Bye | Method::Refer => true,
        Method::Notify => seen.msg.sipfrag_status().is_some_and(|s| s >= 300),
        _ => false,
    };
    by_method && !is_reserved(seen.flow.src.ip()) && !is_reserved(seen.flow.dst.ip())
}
