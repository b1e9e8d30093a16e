//! One SIP message out of bytes: start line, header fields, body.
//!
//! RFC 3261 §7, read leniently: line ends may be LF alone, lines may be folded,
//! names compact, in any case and with white space before the colon, bytes need
//! not be UTF-8, and the message may be cut by the capture. Only the start line
//! decides whether bytes are SIP at all. What the fields mean is in `message`;
//! this file knows only where they are.

pub mod message;

use super::header::{is_lws, is_token, name_is, name_key, trim};
use super::method::Method;
use std::fmt;

/// What some phones send to keep a NAT binding open, often with a zero behind it.
const KEEP_ALIVE_WORD: &[u8] = b"jaK";
/// Longest method token believed, bytes.
const MAX_METHOD: usize = 64;

/// Why bytes are not a SIP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// The first word is neither a method nor `SIP/2.0`.
    Method,
    /// A request line without a URI.
    Uri,
    /// A request line that does not end in `SIP/2.0`.
    Version,
    /// `SIP/2.0` without a status code of three digits.
    Status,
}

impl ParseError {
    /// All of them, in order.
    pub const ALL: [ParseError; 4] =
        [ParseError::Method, ParseError::Uri, ParseError::Version, ParseError::Status];
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ParseError::Method => "no method and no SIP/2.0 at the start",
            ParseError::Uri => "request line without a URI",
            ParseError::Version => "request line does not end in SIP/2.0",
            ParseError::Status => "status code is not three digits",
        })
    }
}

impl std::error::Error for ParseError {}

/// The first line (RFC 3261 §7.1, §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartLine<'a> {
    /// A request.
    Request {
        /// The method.
        method: Method,
        /// Its bytes, which `Method::Other` does not carry.
        method_bytes: &'a [u8],
        /// Request-URI as it stands; may hold white space when the sender's does.
        uri: &'a [u8],
    },
    /// A response.
    Response {
        /// Status code, 100 to 999.
        code: u16,
        /// Reason phrase, possibly empty, any bytes.
        reason: &'a [u8],
    },
}

impl<'a> StartLine<'a> {
    /// Reads one line without its line end.
    pub fn parse(line: &'a [u8]) -> Result<StartLine<'a>, ParseError> {
        let line = trim(line);
        let word = line.iter().position(|b| is_lws(*b)).unwrap_or(line.len());
        let (first, rest) = (&line[..word], trim(&line[word..]));
        if first.eq_ignore_ascii_case(b"SIP/2.0") {
            return Self::status(rest);
        }
        if first.is_empty() || first.len() > MAX_METHOD || !first.iter().all(|b| is_token(*b)) {
            return Err(ParseError::Method);
        }
        let (uri, version) = match rest.iter().rposition(|b| is_lws(*b)) {
            Some(gap) => (trim(&rest[..gap]), &rest[gap + 1..]),
            None => (&rest[..0], rest),
        };
        if !version.eq_ignore_ascii_case(b"SIP/2.0") {
            return Err(ParseError::Version);
        }
        if uri.is_empty() {
            return Err(ParseError::Uri);
        }
        Ok(StartLine::Request { method: Method::from_bytes(first), method_bytes: first, uri })
    }

    fn status(rest: &'a [u8]) -> Result<StartLine<'a>, ParseError> {
        let (digits, reason) = rest.split_at_checked(3).ok_or(ParseError::Status)?;
        if digits[0] == b'0' || !digits.iter().all(u8::is_ascii_digit) {
            return Err(ParseError::Status);
        }
        if reason.first().is_some_and(|b| !is_lws(*b)) {
            return Err(ParseError::Status);
        }
        let code = digits.iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'));
        Ok(StartLine::Response { code, reason: trim(reason) })
    }
}

/// One header field: name and value as on the wire, white space off their ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) name: &'a [u8],
    /// May hold folds (CR LF SP).
    pub(super) value: &'a [u8],
}

/// A SIP message, borrowed from the bytes it came in.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    pub(super) start: StartLine<'a>,
    /// All of them: whoever may leave some out decides what is known of a call. The datagram
    /// or the TCP buffer bounds them.
    pub(super) fields: Vec<Field<'a>>,
    /// A byte of each field's name, so that to look one up costs little however many there are.
    pub(super) keys: Vec<u8>,
    pub(super) body: &'a [u8],
    truncated: bool,
}

impl<'a> Message<'a> {
    /// Reads the first message of a datagram (or of a whole framed message).
    ///
    /// Gives the message and the bytes consumed, its body and what stood before
    /// it included: another message may begin there. The body has
    /// Content-Length bytes; when that is missing, unreadable or more than there
    /// is, the body is the rest (RFC 3261 §18.3).
    pub fn parse(bytes: &'a [u8]) -> Result<(Message<'a>, usize), ParseError> {
        let lead = keep_alive_len(bytes);
        let (line, mut pos) = line_at(bytes, lead);
        let start = StartLine::parse(line)?;
        let mut fields = Vec::with_capacity(24);
        let mut keys = Vec::with_capacity(24);
        let whole_head = loop {
            let (line, next) = line_at(bytes, pos);
            if line.is_empty() {
                // No byte left is not the blank line: the capture was cut.
                let blank = next > pos;
                pos = next;
                break blank;
            }
            let end = logical_line_end(bytes, next);
            if let Some(field) = field(&bytes[pos..end]) {
                keys.push(name_key(field.name));
                fields.push(field);
            }
            pos = end;
        };
        let rest = &bytes[pos..];
        let (body, whole_body) = match content_length(&fields) {
            ContentLength::Is(n) if n <= rest.len() => (&rest[..n], true),
            ContentLength::Is(_) => (rest, false),
            ContentLength::Missing | ContentLength::Unreadable => (rest, true),
        };
        let consumed = pos + body.len();
        Ok((Message { start, fields, keys, body, truncated: !(whole_head && whole_body) }, consumed))
    }

    /// The start line.
    pub fn start_line(&self) -> StartLine<'a> {
        self.start
    }

    /// The body, undecoded.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Did the bytes end before the blank line, or before Content-Length bytes of body?
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// What Content-Length says, for framing on a stream.
    pub(super) fn content_length(&self) -> ContentLength {
        content_length(&self.fields)
    }
}

/// What the Content-Length fields of a message say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentLength {
    Missing,
    /// Not a number, negative, or several that differ.
    Unreadable,
    Is(usize),
}

fn content_length(fields: &[Field<'_>]) -> ContentLength {
    let mut found = ContentLength::Missing;
    for f in fields.iter().filter(|f| name_is(f.name, "Content-Length")) {
        let digits = f.value.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            return ContentLength::Unreadable;
        }
        let n = f.value[..digits]
            .iter()
            .fold(0usize, |n, d| n.saturating_mul(10).saturating_add(usize::from(d - b'0')));
        match found {
            ContentLength::Is(before) if before != n => return ContentLength::Unreadable,
            _ => found = ContentLength::Is(n),
        }
    }
    found
}

/// Bytes before a message that keep a connection or a NAT binding open: line
/// ends (RFC 5626 §4.4.1), zeros, and the word that some phones send.
pub(super) fn keep_alive_len(bytes: &[u8]) -> usize {
    let is_blank = |b: &u8| matches!(b, b'\r' | b'\n' | 0);
    let blanks = |from: usize| from + bytes[from..].iter().take_while(|b| is_blank(b)).count();
    let mut len = blanks(0);
    while let Some(rest) = bytes[len..].strip_prefix(KEEP_ALIVE_WORD)
        && rest.first().is_none_or(is_blank)
    {
        len = blanks(len + KEEP_ALIVE_WORD.len());
    }
    len
}

/// Does a whole datagram only keep a NAT binding open?
pub fn is_keep_alive(datagram: &[u8]) -> bool {
    let mut words = datagram.split(|b| matches!(b, b'\r' | b'\n' | b' ' | b'\t' | 0));
    words.all(|word| word.is_empty() || word == KEEP_ALIVE_WORD)
}

/// The line at `pos` without its line end, and where the next one begins.
fn line_at(bytes: &[u8], pos: usize) -> (&[u8], usize) {
    let rest = &bytes[pos..];
    let (mut line, next) = match memchr::memchr(b'\n', rest) {
        Some(lf) => (&rest[..lf], pos + lf + 1),
        None => (rest, bytes.len()),
    };
    while let [shorter @ .., b'\r'] = line {
        line = shorter;
    }
    (line, next)
}

/// End of the header field whose first line ended before `next`: past all
/// lines that begin with white space (RFC 3261 §7.3.1).
fn logical_line_end(bytes: &[u8], mut next: usize) -> usize {
    while matches!(bytes.get(next), Some(b' ' | b'\t')) {
        next = line_at(bytes, next).1;
    }
    next
}

/// `name : value`; `None` for a line that is no header field.
fn field(logical: &[u8]) -> Option<Field<'_>> {
    let colon = memchr::memchr(b':', logical)?;
    let name = trim(&logical[..colon]);
    // A space inside a name means a start line or prose, not a header field.
    if name.is_empty() || name.iter().any(|b| is_lws(*b)) {
        return None;
    }
    Some(Field { name, value: trim(&logical[colon + 1..]) })
}

/// Does a line, without its line end, have the shape of a header field?
pub(super) fn is_field(line: &[u8]) -> bool {
    field(line).is_some_and(|f| f.name.iter().all(|b| is_token(*b)))
}

#[cfg(test)]
mod tests;
