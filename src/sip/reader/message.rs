//! What a message says: typed, lenient accessors over its header fields.
//!
//! RFC 3261 §20. Every accessor reads the first field of its name, searches
//! lazily and answers `None` rather than guess.

use super::super::address::NameAddr;
use super::super::header::{Split, name_is, name_key, param, trim, unfold};
use super::super::method::Method;
use super::super::multipart;
use super::super::uri::Uri;
use super::{Message, StartLine};
use std::borrow::Cow;

/// Elements read from all the lists of one header name.
pub const MAX_VALUES: usize = 256;

impl<'a> Message<'a> {
    /// The method of a request; `None` for a response.
    pub fn method(&self) -> Option<Method> {
        match self.start {
            StartLine::Request { method, .. } => Some(method),
            StartLine::Response { .. } => None,
        }
    }

    /// The status code of a response; `None` for a request.
    pub fn status(&self) -> Option<u16> {
        match self.start {
            StartLine::Request { .. } => None,
            StartLine::Response { code, .. } => Some(code),
        }
    }

    /// The Request-URI, read.
    pub fn request_uri(&self) -> Option<Uri<'a>> {
        match self.start {
            StartLine::Request { uri, .. } => Some(Uri::parse(uri)),
            StartLine::Response { .. } => None,
        }
    }

    /// First field of this long name (any case; its compact form counts), unfolded and trimmed.
    pub fn header(&self, name: &str) -> Option<Cow<'a, [u8]>> {
        self.first_raw(name).map(unfold)
    }

    /// All fields of this name in message order, unfolded and trimmed.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = Cow<'a, [u8]>> {
        self.raw(name).map(unfold)
    }

    /// All fields in message order, as far as their names are ASCII: name as it stands, value unfolded.
    pub fn all_headers(&self) -> impl Iterator<Item = (&'a str, Cow<'a, [u8]>)> {
        self.fields.iter().filter_map(|f| Some((std::str::from_utf8(f.name).ok()?, unfold(f.value))))
    }

    /// Values of this name, at most [`MAX_VALUES`]: comma-separated lists are
    /// split, quoted strings and `<...>` respected, empty elements left out.
    pub fn header_values(&self, name: &str) -> impl Iterator<Item = Cow<'a, [u8]>> {
        self.raw_values(name).map(unfold)
    }

    /// Call-ID (RFC 3261 §20.8).
    pub fn call_id(&self) -> Option<&'a [u8]> {
        self.first_raw("Call-ID").filter(|v| !v.is_empty())
    }

    /// CSeq number, `u32::MAX` when larger, and method (RFC 3261 §20.16). A
    /// request whose CSeq names no method lends its own.
    pub fn cseq(&self) -> Option<(u32, Method)> {
        let value = self.first_raw("CSeq")?;
        let digits = value.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let number = value[..digits]
            .iter()
            .fold(0u32, |n, d| n.saturating_mul(10).saturating_add(u32::from(d - b'0')));
        let method = trim(&value[digits..]);
        let method = if method.is_empty() { self.method()? } else { Method::from_bytes(method) };
        Some((number, method))
    }

    /// From (RFC 3261 §20.20).
    pub fn from(&self) -> Option<NameAddr<'a>> {
        self.first_raw("From").map(NameAddr::parse)
    }

    /// To (RFC 3261 §20.39).
    pub fn to(&self) -> Option<NameAddr<'a>> {
        self.first_raw("To").map(NameAddr::parse)
    }

    /// First Contact (RFC 3261 §20.10).
    pub fn contact(&self) -> Option<NameAddr<'a>> {
        self.addresses("Contact").next()
    }

    /// Hops the message has taken: Via values, several a line counted.
    pub fn via_count(&self) -> usize {
        self.vias().count()
    }

    /// Branch of the topmost Via: the transaction (RFC 3261 §17).
    pub fn top_via_branch(&self) -> Option<&'a [u8]> {
        let via = self.vias().next()?;
        let semicolon = memchr::memchr(b';', via)?;
        param(&via[semicolon..], "branch").filter(|v| !v.is_empty())
    }

    /// Media type of the body without parameters, e.g. `application/sdp`.
    pub fn content_type(&self) -> Option<&'a [u8]> {
        self.first_raw("Content-Type").map(multipart::media_type).filter(|v| !v.is_empty())
    }

    /// The session description: the body, or its first `application/sdp` part
    /// when it is multipart. A body without Content-Type counts when it begins `v=0`.
    pub fn sdp(&self) -> Option<&'a [u8]> {
        multipart::find_sdp(self.first_raw("Content-Type").unwrap_or_default(), self.body)
    }

    /// The metadata of a recording session (RFC 7865): the body, or a part of it.
    pub fn recording_metadata(&self) -> Option<&'a [u8]> {
        multipart::find_metadata(self.first_raw("Content-Type").unwrap_or_default(), self.body)
    }

    /// Is this an INFO that carries a key press? The digit itself is not looked at.
    pub fn dtmf_info(&self) -> bool {
        self.key_press().is_some()
    }

    /// The key that an INFO tells of, as it is printed on it: looked at to compare it, never to be stored.
    pub fn info_key(&self) -> Option<u8> {
        self.key_press().and_then(multipart::key_of)
    }

    /// What says in an INFO that a key was pressed.
    fn key_press(&self) -> Option<&'a [u8]> {
        if self.method() != Some(Method::Info) {
            return None;
        }
        multipart::find_key_press(self.first_raw("Content-Type").unwrap_or_default(), self.body)
    }

    /// Fields of this name as they stand, folds included.
    pub(in crate::sip) fn raw(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let places = memchr::memchr_iter(name_key(name.as_bytes()), &self.keys);
        places.filter_map(|i| self.fields.get(i)).filter(move |f| name_is(f.name, name)).map(|f| f.value)
    }

    pub(in crate::sip) fn first_raw(&self, name: &str) -> Option<&'a [u8]> {
        self.raw(name).next()
    }

    /// Elements of the lists of this name as they stand, folds included.
    pub(in crate::sip) fn raw_values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.raw(name).flat_map(Split::list).filter(|v| !v.is_empty()).take(MAX_VALUES)
    }

    /// The addresses of a header that is a list of them.
    pub(in crate::sip) fn addresses(&self, name: &str) -> impl Iterator<Item = NameAddr<'a>> {
        self.raw_values(name).map(NameAddr::parse)
    }

    /// Via values; stray parameters between commas are none.
    fn vias(&self) -> impl Iterator<Item = &'a [u8]> {
        self.raw_values("Via").filter(|v| v.first().is_some_and(u8::is_ascii_alphanumeric))
    }
}
