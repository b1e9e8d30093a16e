//! Scanning inside header fields: names, folding, quotes, lists, parameters.
//!
//! RFC 3261 §7.3.1 and §25.1. Values are scanned as they stand on the wire, so
//! CR and LF of a folded line count as white space everywhere. Every scan is
//! linear: a quote or bracket that never closes is found out once and then
//! taken literally.

use std::borrow::Cow;

/// Linear white space, the CR LF of a fold included.
pub(super) fn is_lws(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

/// Without linear white space at either end.
pub(super) fn trim(mut s: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = s
        && is_lws(*first)
    {
        s = rest;
    }
    while let [rest @ .., last] = s
        && is_lws(*last)
    {
        s = rest;
    }
    s
}

/// `token` of RFC 3261 §25.1: what methods and header names are made of.
pub(super) fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b)
}

/// The long name of a compact header name (RFC 3261 §7.3.3 and the registry).
fn long_name(compact: u8) -> Option<&'static str> {
    Some(match compact.to_ascii_lowercase() {
        b'a' => "Accept-Contact",
        b'b' => "Referred-By",
        b'c' => "Content-Type",
        b'd' => "Request-Disposition",
        b'e' => "Content-Encoding",
        b'f' => "From",
        b'i' => "Call-ID",
        b'j' => "Reject-Contact",
        b'k' => "Supported",
        b'l' => "Content-Length",
        b'm' => "Contact",
        b'n' => "Identity-Info",
        b'o' => "Event",
        b'r' => "Refer-To",
        b's' => "Subject",
        b't' => "To",
        b'u' => "Allow-Events",
        b'v' => "Via",
        b'x' => "Session-Expires",
        b'y' => "Identity",
        _ => return None,
    })
}

/// Does a name on the wire, long or compact, any case, mean `wanted` (long form)?
pub(super) fn name_is(on_wire: &[u8], wanted: &str) -> bool {
    match on_wire {
        [compact] => {
            long_name(*compact).is_some_and(|long| long.eq_ignore_ascii_case(wanted))
                || on_wire.eq_ignore_ascii_case(wanted.as_bytes())
        }
        _ => on_wire.eq_ignore_ascii_case(wanted.as_bytes()),
    }
}

/// The same for all names that mean the same, and seldom for others.
pub(super) fn name_key(name: &[u8]) -> u8 {
    let long = match name {
        [compact] => long_name(*compact).map(str::as_bytes),
        _ => None,
    };
    let name = long.unwrap_or(name);
    let letter = |b: Option<&u8>| b.map_or(0, u8::to_ascii_lowercase);
    letter(name.first()).wrapping_add(letter(name.last()).wrapping_mul(7)).wrapping_add(name.len() as u8)
}

/// Trimmed, each fold replaced by one space. Borrows when nothing is folded.
pub(super) fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    let value = trim(value);
    if memchr::memchr2(b'\r', b'\n', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut out = Vec::with_capacity(value.len());
    let mut i = 0;
    while i < value.len() {
        let run = value[i..].iter().take_while(|b| is_lws(**b)).count();
        if value[i..i + run].contains(&b'\n') {
            out.push(b' ');
        } else {
            out.extend_from_slice(&value[i..i + run]);
        }
        i += run;
        if let Some(b) = value.get(i) {
            out.push(*b);
            i += 1;
        }
    }
    Cow::Owned(out)
}

/// Index of the quote that closes the one at `open`; `None` when none does.
pub(super) fn closing_quote(s: &[u8], open: usize) -> Option<usize> {
    let mut i = open + 1;
    loop {
        i += memchr::memchr2(b'"', b'\\', s.get(i..)?)?;
        if s[i] == b'"' {
            return Some(i);
        }
        i += 2;
    }
}

/// Splits at a separator outside quoted strings and `<...>`. Pieces are
/// trimmed; empty ones are given too.
pub(super) struct Split<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
    quotes: bool,
    angles: bool,
}

impl<'a> Split<'a> {
    /// A comma-separated list of header values.
    pub(super) fn list(value: &'a [u8]) -> Self {
        Split { rest: Some(value), separator: b',', quotes: true, angles: true }
    }

    /// `;name=value` parameters.
    pub(super) fn params(value: &'a [u8]) -> Self {
        Split { rest: Some(value), separator: b';', quotes: true, angles: false }
    }
}

impl<'a> Iterator for Split<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let s = self.rest?;
        let mut i = 0;
        while let Some(&b) = s.get(i) {
            if b == self.separator {
                self.rest = Some(&s[i + 1..]);
                return Some(trim(&s[..i]));
            }
            if b == b'"' && self.quotes {
                match closing_quote(s, i) {
                    Some(end) => i = end,
                    None => self.quotes = false,
                }
            } else if b == b'<' && self.angles {
                match memchr::memchr(b'>', &s[i..]) {
                    Some(len) => i += len,
                    None => self.angles = false,
                }
            }
            i += 1;
        }
        self.rest = None;
        Some(trim(s))
    }
}

/// The value of parameter `name` (any case) in `;a=b;c`. Quotes are taken off;
/// a parameter without `=` has the empty value.
pub(super) fn param<'a>(params: &'a [u8], name: &str) -> Option<&'a [u8]> {
    Split::params(params).find_map(|p| {
        let (n, v) = match memchr::memchr(b'=', p) {
            Some(eq) => (trim(&p[..eq]), trim(&p[eq + 1..])),
            None => (p, &p[p.len()..]),
        };
        n.eq_ignore_ascii_case(name.as_bytes()).then(|| unquote(v))
    })
}

/// Without the quotes around a quoted string; escapes stay.
pub(super) fn unquote(v: &[u8]) -> &[u8] {
    match v {
        [b'"', inner @ .., b'"'] => inner,
        _ => v,
    }
}

/// Percent-decoding (RFC 3261 §19.1.2). What is no valid escape stays as it is.
pub(crate) fn percent_decode(s: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', s).is_none() {
        return Cow::Borrowed(s);
    }
    let digit = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
    let mut out = Vec::with_capacity(s.len());
    let mut i = 0;
    while let Some(&b) = s.get(i) {
        match (b, digit(s.get(i + 1)), digit(s.get(i + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                i += 3;
            }
            _ => {
                out.push(b);
                i += 1;
            }
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(s: &str) -> Vec<&str> {
        Split::list(s.as_bytes()).map(|p| std::str::from_utf8(p).unwrap()).collect()
    }

    #[test]
    fn commas_in_quotes_and_brackets_do_not_split() {
        assert_eq!(
            list(r#""a, \",b" <sip:x,y@h>;p="1,2" , <sip:z>"#),
            [r#""a, \",b" <sip:x,y@h>;p="1,2""#, "<sip:z>"]
        );
    }

    #[test]
    fn unclosed_quote_or_bracket_is_literal() {
        assert_eq!(list("a\", b, \"c"), ["a\", b, \"c"]);
        assert_eq!(list("a\", b"), ["a\"", "b"]);
        assert_eq!(list("<sip:a, <sip:b>"), ["<sip:a, <sip:b>"]);
        assert_eq!(list("x <sip:a, b"), ["x <sip:a", "b"]);
    }

    #[test]
    fn params_any_case_spaces_and_quotes() {
        let p = b";  Tag \r\n = abc ; x=\"a;b\" ;lr".as_slice();
        assert_eq!(param(p, "tag"), Some(b"abc".as_slice()));
        assert_eq!(param(p, "X"), Some(b"a;b".as_slice()));
        assert_eq!(param(p, "lr"), Some(b"".as_slice()));
        assert_eq!(param(p, "none"), None);
    }

    #[test]
    fn folds_become_one_space_and_invalid_escapes_stay() {
        assert_eq!(unfold(b" a\r\n\t  b  c ").as_ref(), b"a b  c");
        assert_eq!(percent_decode(b"%41%zz%4").as_ref(), b"A%zz%4");
        assert!(name_is(b"F", "From") && name_is(b"from", "From") && !name_is(b"t", "From"));
    }
}
