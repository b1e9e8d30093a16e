//! A byte stream cut into SIP messages (RFC 3261 §18.3, RFC 5626 §3.5.1).
//!
//! Sees ordered bytes of one direction of one connection; sequence numbers are
//! the reassembler's business, which calls [`Framer::gap`] where bytes are
//! missing. Joins in mid-stream: until something looks like a start line
//! followed by a header field, bytes are passed over. Time is linear in the
//! bytes pushed, memory is bounded by the limit given.

use super::reader::{ContentLength, Message, StartLine, is_field, keep_alive_len};

/// Longest start line or header line believed while looking for a message, bytes.
const MAX_LINE: usize = 8 * 1024;

/// A start line stands within the first bytes.
const START_LINE_BYTES: usize = 1024;

/// Does something begin with a SIP start line: one that ends in the version, or
/// begins with it (RFC 3261 §7)? A hint, for bytes that were not expected to.
pub fn starts_like_sip(bytes: &[u8]) -> bool {
    if !bytes.first().is_some_and(u8::is_ascii_alphabetic) {
        return false;
    }
    let head = &bytes[..bytes.len().min(START_LINE_BYTES)];
    let line = memchr::memchr(b'\n', head).map_or(head, |end| &head[..end]);
    line.starts_with(b"SIP/2.0 ") || line.trim_ascii_end().ends_with(b" SIP/2.0")
}

/// What went wrong on one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FramerStats {
    /// Times the stream lost its message boundary (garbage or a gap).
    pub resyncs: u64,
    /// Times a message did not fit the buffer and was given up.
    pub overflows: u64,
    /// Bytes that belong to no message given out; keep-alives not counted.
    pub skipped_bytes: u64,
}

/// Cuts one direction of a connection into messages.
#[derive(Debug)]
pub struct Framer {
    buf: Vec<u8>,
    /// Where unread bytes begin in `buf`.
    start: usize,
    limit: usize,
    state: FramingState,
    stats: FramerStats,
}

/// Offsets are relative to `start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FramingState {
    /// Looking for a start line. `mid_line`: inside one that is too long to be it.
    Lost { mid_line: bool },
    /// At a message; its blank line is not in the first `scanned` bytes.
    Head { scanned: usize },
    /// The head is whole; the message ends after `len` bytes.
    Body { len: usize },
}

impl Framer {
    /// `limit`: unread bytes kept at most (the buffer may take twice that), and so
    /// the longest message given out.
    pub fn new(limit: usize) -> Framer {
        Framer {
            buf: Vec::new(),
            start: 0,
            limit,
            state: FramingState::Lost { mid_line: false },
            stats: FramerStats::default(),
        }
    }

    /// Takes the next bytes of the stream. Drain [`Framer::next_message`] after each call.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 && self.start >= self.buf.len() / 2 {
            self.buf.drain(..self.start);
            self.start = 0;
        }
        if self.unread().len() + bytes.len() <= self.limit {
            self.buf.extend_from_slice(bytes);
            return;
        }
        self.stats.overflows += 1;
        self.lose();
        let kept = &bytes[bytes.len().saturating_sub(self.limit)..];
        self.stats.skipped_bytes += (bytes.len() - kept.len()) as u64;
        self.buf.extend_from_slice(kept);
    }

    /// Bytes are missing here: what is unfinished is dropped.
    pub fn gap(&mut self) {
        if !matches!(self.state, FramingState::Lost { .. }) {
            self.stats.resyncs += 1;
        }
        self.lose();
    }

    /// The next whole message, from start line to the end of its body. A message
    /// without Content-Length has the body up to the next start line, as far as
    /// it has come.
    pub fn next_message(&mut self) -> Option<&[u8]> {
        loop {
            match self.state {
                FramingState::Lost { mid_line } => {
                    if !self.find_start(mid_line) {
                        return None;
                    }
                }
                FramingState::Head { scanned } => {
                    if !self.find_body(scanned) {
                        return None;
                    }
                }
                FramingState::Body { len } => {
                    if self.unread().len() < len {
                        return None;
                    }
                    let from = self.start;
                    self.start += len;
                    self.state = FramingState::Head { scanned: 0 };
                    return Some(&self.buf[from..from + len]);
                }
            }
        }
    }

    /// What went wrong so far.
    pub fn stats(&self) -> FramerStats {
        self.stats
    }

    /// Bytes waiting for the rest of their message.
    pub fn buffered(&self) -> usize {
        self.unread().len()
    }

    fn unread(&self) -> &[u8] {
        &self.buf[self.start..]
    }

    /// Drops all unread bytes; what comes next may begin anywhere.
    fn lose(&mut self) {
        self.stats.skipped_bytes += self.unread().len() as u64;
        self.buf.clear();
        self.start = 0;
        self.state = FramingState::Lost { mid_line: false };
    }

    fn skip(&mut self, len: usize) {
        self.stats.skipped_bytes += len as u64;
        self.start += len;
    }

    /// Passes over lines until one is a start line with a header field below it.
    /// `false`: more bytes are needed.
    fn find_start(&mut self, mut mid_line: bool) -> bool {
        loop {
            if !mid_line {
                self.start += keep_alive_len(self.unread());
            }
            let unread = self.unread();
            let Some(lf) = memchr::memchr(b'\n', unread) else {
                let whole = unread.len();
                if mid_line || whole > MAX_LINE {
                    self.skip(whole);
                    mid_line = true;
                }
                self.state = FramingState::Lost { mid_line };
                return false;
            };
            // A stream may be joined just where a message begins, so the bytes
            // after a gap get their chance too: the header below decides.
            let found = if mid_line { Some(false) } else { looks_like_message(unread, lf) };
            match found {
                Some(true) => {
                    self.state = FramingState::Head { scanned: 0 };
                    return true;
                }
                Some(false) => {
                    self.skip(lf + 1);
                    mid_line = false;
                }
                None => {
                    self.state = FramingState::Lost { mid_line: false };
                    return false;
                }
            }
        }
    }

    /// Finds the blank line and how long the message is. `false`: more bytes are needed.
    fn find_body(&mut self, scanned: usize) -> bool {
        if scanned == 0 {
            self.start += keep_alive_len(self.unread());
            let unread = self.unread();
            let line_end = memchr::memchr(b'\n', unread);
            let line = &unread[..line_end.unwrap_or(unread.len())];
            if line.len() > MAX_LINE || (line_end.is_some() && StartLine::parse(line).is_err()) {
                self.stats.resyncs += 1;
                self.state = FramingState::Lost { mid_line: false };
                return true;
            }
            if line_end.is_none() {
                return false;
            }
        }
        let unread = self.unread();
        let Some(head) = head_len(unread, scanned) else {
            // The blank line may be half here.
            self.state = FramingState::Head { scanned: unread.len().saturating_sub(3).max(1) };
            return false;
        };
        let len = message_len(unread, head);
        if len > self.limit {
            self.stats.overflows += 1;
            self.skip(head);
            self.state = FramingState::Lost { mid_line: false };
        } else {
            self.state = FramingState::Body { len };
        }
        true
    }
}

/// Is the line that ends at `lf` a start line with a header field on the next
/// one? `None`: the next line is not here yet.
fn looks_like_message(unread: &[u8], lf: usize) -> Option<bool> {
    if lf > MAX_LINE || StartLine::parse(&unread[..lf]).is_err() {
        return Some(false);
    }
    let below = &unread[lf + 1..];
    match memchr::memchr(b'\n', below) {
        Some(end) => Some(is_field(&below[..end])),
        None if below.len() > MAX_LINE => Some(false),
        None => None,
    }
}

/// Length of start line, header fields and blank line; the search begins near `scanned`.
fn head_len(unread: &[u8], scanned: usize) -> Option<usize> {
    let mut at = scanned;
    while let Some(lf) = memchr::memchr(b'\n', unread.get(at..)?) {
        at += lf + 1;
        match unread.get(at..)? {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// Whole length of the message whose head is the first `head` bytes.
fn message_len(unread: &[u8], head: usize) -> usize {
    let Ok((message, _)) = Message::parse(&unread[..head]) else { return head };
    match message.content_length() {
        ContentLength::Is(n) => head.saturating_add(n),
        // A stream must have Content-Length; when it has not, a body can only be guessed.
        ContentLength::Missing | ContentLength::Unreadable if message.content_type().is_some() => {
            head + body_before_next_start(&unread[head..])
        }
        ContentLength::Missing | ContentLength::Unreadable => head,
    }
}

/// Bytes before the next start line; all when there is none.
fn body_before_next_start(rest: &[u8]) -> usize {
    let mut line = 0;
    while let Some(lf) = memchr::memchr(b'\n', &rest[line..]) {
        if looks_like_message(&rest[line..], lf) == Some(true) {
            return line;
        }
        line += lf + 1;
    }
    rest.len()
}

#[cfg(test)]
mod tests;
