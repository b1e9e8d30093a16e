//! What a TCP connection of SIP speaks: bare messages, or a WebSocket with messages in it.
//!
//! Which of the two shows with the first bytes, and again wherever bytes were missing.

use super::framing::{Framer, starts_like_sip};
use super::websocket::{WebSocketFramer, asks_for_sip, begins_sip_frame, begins_websocket};

/// Cuts one direction of a connection into messages.
#[derive(Debug)]
pub struct StreamFramer {
    limit: usize,
    speech: Speech,
    /// Of those that are gone.
    overflows: u64,
    unreadable: u64,
}

#[derive(Debug)]
enum Speech {
    Bare(Framer),
    WebSocket(WebSocketFramer),
}

/// Does a piece of a stream begin with SIP, bare or in a WebSocket?
pub fn begins_sip_stream(bytes: &[u8]) -> bool {
    starts_like_sip(bytes) || begins_websocket(bytes)
}

/// The same of SIP by itself, so that the web is none.
pub fn begins_message(bytes: &[u8]) -> bool {
    starts_like_sip(bytes) || begins_sip_frame(bytes) || asks_for_sip(bytes)
}

impl StreamFramer {
    /// `limit`: see [`Framer::new`] and [`WebSocketFramer::new`].
    pub fn new(limit: usize) -> StreamFramer {
        StreamFramer { limit, speech: Speech::Bare(Framer::new(limit)), overflows: 0, unreadable: 0 }
    }

    /// Takes the next bytes of the stream, those of one segment. Hands out what is whole then.
    pub fn push(&mut self, bytes: &[u8], mut message: impl FnMut(&[u8])) {
        self.listen(bytes);
        match &mut self.speech {
            Speech::Bare(framer) => {
                framer.push(bytes);
                while let Some(m) = framer.next_message() {
                    message(m);
                }
            }
            Speech::WebSocket(framer) => {
                framer.push(bytes);
                while let Some(m) = framer.next_message() {
                    message(&m);
                }
            }
        }
    }

    /// Bytes are missing here: what is unfinished is dropped.
    pub fn gap(&mut self) {
        match &mut self.speech {
            Speech::Bare(framer) => framer.gap(),
            Speech::WebSocket(framer) => framer.gap(),
        }
    }

    /// Bytes waiting for the rest of their message.
    pub fn buffered(&self) -> usize {
        match &self.speech {
            Speech::Bare(framer) => framer.buffered(),
            Speech::WebSocket(framer) => framer.buffered(),
        }
    }

    /// Times a message did not fit.
    pub fn overflows(&self) -> u64 {
        self.overflows
            + match &self.speech {
                Speech::Bare(framer) => framer.stats().overflows,
                Speech::WebSocket(framer) => framer.overflows(),
            }
    }

    /// Messages of WebSockets that are compressed.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
            + match &self.speech {
                Speech::Bare(_) => 0,
                Speech::WebSocket(framer) => framer.unreadable(),
            }
    }

    /// Changes over where nothing is unfinished and the other way is spoken.
    fn listen(&mut self, bytes: &[u8]) {
        if self.buffered() > 0 {
            return;
        }
        let next = match &self.speech {
            Speech::Bare(_) if begins_websocket(bytes) => Speech::WebSocket(WebSocketFramer::new(self.limit)),
            Speech::WebSocket(framer) if framer.is_lost() && starts_like_sip(bytes) => {
                Speech::Bare(Framer::new(self.limit))
            }
            _ => return,
        };
        (self.overflows, self.unreadable) = (self.overflows(), self.unreadable());
        self.speech = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYE: &[u8] = b"BYE sip:a SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n";

    fn all(framer: &mut StreamFramer, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        framer.push(bytes, |m| out.push(m.to_vec()));
        out
    }

    #[test]
    fn what_is_spoken_shows_with_the_first_bytes() {
        let mut framer = StreamFramer::new(10_000);
        assert_eq!(all(&mut framer, &[BYE, BYE].concat()), [BYE, BYE]);
        let frame = [&[0x81, BYE.len() as u8][..], BYE].concat();
        let upgrade = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Protocol: sip\r\n\r\n";
        assert!(all(&mut framer, upgrade).is_empty());
        assert_eq!(all(&mut framer, &frame), [BYE]);
        framer.gap();
        assert_eq!(all(&mut framer, &frame), [BYE]);
        framer.gap();
        assert_eq!(all(&mut framer, BYE), [BYE]);
        assert_eq!((framer.overflows(), framer.unreadable(), framer.buffered()), (0, 0, 0));
    }
}
