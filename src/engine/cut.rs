//! Calls of whose messages only the first lines were captured.
//!
//! A snap length of 96 bytes leaves the start line and perhaps a Via: no Call-ID
//! to follow. An answered call must be counted all the same, so an INVITE waits
//! here for a final response from where it went. Retransmissions have the same
//! first lines. Bounded: the oldest INVITE goes.

use crate::net::Flow;
use crate::sip::{Message, Method, StartLine};
use foldhash::quality::RandomState;
use std::collections::VecDeque;
use std::hash::BuildHasher;

/// INVITEs waiting.
const MAX_WAITING: usize = 256;

#[derive(Debug, Default)]
pub(super) struct CutCalls {
    seed: RandomState,
    waiting: VecDeque<(Flow, u64)>,
}

impl CutCalls {
    /// Takes the captured start of a message; true when it is the answer to a call.
    pub fn is_answer(&mut self, flow: Flow, msg: &Message<'_>, bytes: &[u8]) -> bool {
        let method_asked = msg.cseq().map(|(_, method)| method);
        match msg.start_line() {
            StartLine::Request { method: Method::Invite, .. } => {
                let invite = (flow, self.seed.hash_one(bytes));
                if !self.waiting.contains(&invite) {
                    if self.waiting.len() >= MAX_WAITING {
                        self.waiting.pop_front();
                    }
                    self.waiting.push_back(invite);
                }
                false
            }
            StartLine::Response { code, .. }
                if code >= 200 && method_asked.is_none_or(|m| m == Method::Invite) =>
            {
                let way_back = |(f, _): &(Flow, u64)| (f.src, f.dst) == (flow.dst, flow.src);
                let asked = self.waiting.iter().position(way_back);
                asked.and_then(|i| self.waiting.remove(i)).is_some() && code < 300
            }
            _ => false,
        }
    }
}
