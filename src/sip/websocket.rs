//! SIP over WebSocket (RFC 7118): one direction of a connection cut into messages.
//!
//! After the upgrade (RFC 6455 §4) come frames, what a client sends under a mask:
//!
//! ```text
//! |F|R R R|opcode |M| length (7)  | 16 or 64 more bits of length | key (32) | payload
//! ```
//!
//! A message is in one frame or in several, control frames stand between them. Nothing in a frame tells
//! where it begins: after a gap a frame is looked for at the start of the next piece of the stream, where
//! senders put it, and believed if SIP is in it. What is compressed (RFC 7692) is not read.

use super::framing::starts_like_sip;

/// Longest head of an upgrade that is read to its end, bytes.
const MAX_UPGRADE: usize = 16 * 1024;
/// Longest header of a frame.
const MAX_HEAD: usize = 14;

/// Cuts one direction of a connection into messages.
#[derive(Debug)]
pub struct WebSocketFramer {
    buf: Vec<u8>,
    /// What has come of a message in several frames.
    message: Vec<u8>,
    limit: usize,
    state: WebSocketState,
    overflows: u64,
    unreadable: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WebSocketState {
    /// Where a frame begins is not known.
    Lost,
    /// In the head of the request or of its answer.
    Upgrade,
    /// At a frame. `within`: of a message that has begun.
    Frames { within: bool },
    /// This much of a frame that is not read is still to come.
    Skip { left: u64 },
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FrameHead {
    is_last: bool,
    is_compressed: bool,
    opcode: u8,
    mask: Option<[u8; 4]>,
    len: u64,
    /// Bytes of the header itself.
    head: usize,
}

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;

impl FrameHead {
    /// `Ok(None)`: more bytes are needed. `Err`: no frame.
    fn parse(data: &[u8]) -> Result<Option<FrameHead>, ()> {
        let &[first, second, ref rest @ ..] = data else { return Ok(None) };
        let (opcode, len) = (first & 0x0f, second & 0x7f);
        let is_control = opcode & 8 != 0;
        // Reserved bits and opcodes; a control frame is short and whole.
        if first & 0x30 != 0
            || !matches!(opcode, CONTINUATION | TEXT | BINARY | 8..=10)
            || is_control && (first & 0x80 == 0 || len > 125)
        {
            return Err(());
        }
        let (len, rest) = match (len, rest) {
            (126, &[a, b, ref rest @ ..]) => (u64::from(u16::from_be_bytes([a, b])), rest),
            (127, rest) => match rest.split_first_chunk::<8>() {
                Some((len, rest)) => (u64::from_be_bytes(*len), rest),
                None => return Ok(None),
            },
            (126, _) => return Ok(None),
            (len, rest) => (u64::from(len), rest),
        };
        let is_masked = second & 0x80 != 0;
        let mask = match (is_masked, rest.first_chunk::<4>()) {
            (true, None) => return Ok(None),
            (true, key) => key.copied(),
            (false, _) => None,
        };
        let head = data.len() - rest.len() + if is_masked { 4 } else { 0 };
        let (is_last, is_compressed) = (first & 0x80 != 0, first & 0x40 != 0);
        Ok(Some(FrameHead { is_last, is_compressed, opcode, mask, len, head }))
    }

    /// The payload as far as it is there.
    fn open(&self, data: &[u8]) -> Vec<u8> {
        let len = usize::try_from(self.len).unwrap_or(usize::MAX);
        let payload = data.get(self.head..).unwrap_or_default();
        let payload = &payload[..payload.len().min(len)];
        match self.mask {
            None => payload.to_vec(),
            Some(key) => payload.iter().zip(key.iter().cycle()).map(|(b, k)| b ^ k).collect(),
        }
    }
}

/// Does a piece of a stream begin as a WebSocket does: with an upgrade to it, or with SIP in a frame?
pub fn begins_websocket(bytes: &[u8]) -> bool {
    begins_upgrade(bytes) || begins_sip_frame(bytes)
}

fn begins_upgrade(bytes: &[u8]) -> bool {
    bytes.starts_with(b"GET ") || bytes.starts_with(b"HTTP/1.1 101 ")
}

/// Is a WebSocket for SIP (RFC 7118 §4.1) asked for?
pub fn asks_for_sip(bytes: &[u8]) -> bool {
    let word = b"sec-websocket-protocol: sip";
    let head = &bytes[..bytes.len().min(MAX_UPGRADE)];
    bytes.starts_with(b"GET ") && head.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word))
}

/// Does it begin with SIP in a frame?
pub fn begins_sip_frame(bytes: &[u8]) -> bool {
    // Text or binary, the first of its message: hardly any segment gets further than this.
    if !bytes.first().is_some_and(|b| matches!(b & 0x7f, TEXT | BINARY)) {
        return false;
    }
    match FrameHead::parse(bytes) {
        Ok(Some(head)) => starts_like_sip(&head.open(&bytes[..bytes.len().min(MAX_HEAD + 1024)])),
        _ => false,
    }
}

impl WebSocketFramer {
    /// `limit`: the longest message given out, and what is kept at most of one that is not whole.
    pub fn new(limit: usize) -> WebSocketFramer {
        let (buf, message) = (Vec::new(), Vec::new());
        WebSocketFramer { buf, message, limit, state: WebSocketState::Lost, overflows: 0, unreadable: 0 }
    }

    /// Takes the next bytes of the stream. Drain [`WebSocketFramer::next_message`] after each call.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.state == WebSocketState::Lost {
            self.state = match bytes {
                _ if begins_upgrade(bytes) => WebSocketState::Upgrade,
                _ if begins_sip_frame(bytes) => WebSocketState::Frames { within: false },
                _ => return,
            };
        }
        if self.buf.len() + bytes.len() > self.limit + MAX_HEAD {
            self.overflows += 1;
            self.gap();
            return;
        }
        self.buf.extend_from_slice(bytes);
    }

    /// Bytes are missing here: what is unfinished is dropped.
    pub fn gap(&mut self) {
        self.buf.clear();
        self.message.clear();
        self.state = WebSocketState::Lost;
    }

    /// The next whole message.
    pub fn next_message(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.state {
                WebSocketState::Lost => return None,
                WebSocketState::Upgrade => {
                    let Some(end) = memchr::memmem::find(&self.buf, b"\r\n\r\n") else {
                        if self.buf.len() > MAX_UPGRADE {
                            self.gap();
                        }
                        return None;
                    };
                    self.buf.drain(..end + 4);
                    self.state = WebSocketState::Frames { within: false };
                }
                WebSocketState::Skip { left } => {
                    let now = self.buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    self.buf.drain(..now);
                    if (now as u64) < left {
                        self.state = WebSocketState::Skip { left: left - now as u64 };
                        return None;
                    }
                    self.state = WebSocketState::Frames { within: false };
                }
                WebSocketState::Frames { within } => match FrameHead::parse(&self.buf) {
                    Ok(None) => return None,
                    Err(()) => self.gap(),
                    Ok(Some(head)) => match self.frame(head, within) {
                        FrameStep::Wait => return None,
                        FrameStep::Next => {}
                        FrameStep::Done(message) => return Some(message),
                    },
                },
            }
        }
    }

    /// Whether it looks for a frame.
    pub fn is_lost(&self) -> bool {
        self.state == WebSocketState::Lost
    }

    /// Bytes waiting for the rest of their message.
    pub fn buffered(&self) -> usize {
        self.buf.len() + self.message.len()
    }

    /// Times a message was longer than is kept.
    pub fn overflows(&self) -> u64 {
        self.overflows
    }

    /// Messages that are compressed.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    fn frame(&mut self, head: FrameHead, within: bool) -> FrameStep {
        let is_control = head.opcode & 8 != 0;
        let is_begun = head.opcode == CONTINUATION;
        let is_long = (self.message.len() as u64).saturating_add(head.len) > self.limit as u64;
        if !is_control && (head.is_compressed || is_long || within != is_begun) {
            // Its length is known, so what comes behind it is not lost.
            let counter = if is_long { &mut self.overflows } else { &mut self.unreadable };
            *counter += u64::from(!is_begun);
            self.message.clear();
            self.state = WebSocketState::Skip { left: head.len.saturating_add(head.head as u64) };
            return FrameStep::Next;
        }
        let end = head.head + head.len as usize;
        if self.buf.len() < end {
            return FrameStep::Wait;
        }
        if !is_control {
            self.message.extend(head.open(&self.buf));
        }
        self.buf.drain(..end);
        if is_control {
            return FrameStep::Next;
        }
        self.state = WebSocketState::Frames { within: !head.is_last };
        if head.is_last { FrameStep::Done(std::mem::take(&mut self.message)) } else { FrameStep::Next }
    }
}

/// What came of looking at a frame.
enum FrameStep {
    Wait,
    Next,
    Done(Vec<u8>),
}

#[cfg(test)]
mod tests;
