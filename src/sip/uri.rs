//! SIP, SIPS, tel and other URIs (RFC 3261 §19.1, RFC 3966).
//!
//! Split into parts without judging them. A `;` in the user part is a
//! parameter of a telephone number (RFC 3966) or part of a name (RFC 4475
//! §3.1.1.9), and this file decides which.

use super::header::{Split, param, percent_decode, trim};
use std::borrow::Cow;

/// URI scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:` (RFC 3966)
    Tel,
    /// `urn:`, e.g. `urn:service:sos` (RFC 5031)
    Urn,
    /// Any other, or none.
    Other,
}

/// A URI, borrowed and split. What is absent is empty or `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uri<'a> {
    raw: &'a [u8],
    scheme: Scheme,
    user: Option<&'a [u8]>,
    user_params: &'a [u8],
    host: &'a [u8],
    port: Option<u16>,
    params: &'a [u8],
    headers: &'a [u8],
}

impl<'a> Uri<'a> {
    /// Splits a URI; brackets around it and white space at its ends are taken off.
    pub fn parse(raw: &'a [u8]) -> Uri<'a> {
        let raw = trim(raw);
        let raw = raw.strip_prefix(b"<").map_or(raw, |r| trim(r.strip_suffix(b">").unwrap_or(r)));
        let (scheme, rest) = split_scheme(raw);
        let empty = &raw[raw.len()..];
        let mut uri = Uri {
            raw,
            scheme,
            user: None,
            user_params: empty,
            host: empty,
            port: None,
            params: empty,
            headers: empty,
        };
        match scheme {
            Scheme::Urn => {}
            Scheme::Tel => {
                let end = rest.iter().position(|b| matches!(b, b';' | b'?')).unwrap_or(rest.len());
                uri.user = Some(trim(&rest[..end]));
                (uri.params, uri.headers) = split_headers(&rest[end..]);
            }
            Scheme::Sip | Scheme::Sips | Scheme::Other => uri.split_hierarchical(rest),
        }
        uri
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The URI as it stands, without brackets.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.raw
    }

    /// The user part, percent-decoded, without password and without the
    /// parameters of a telephone number; the number of a `tel:` URI.
    pub fn user(&self) -> Option<Cow<'a, str>> {
        let user = self.user.filter(|u| !u.is_empty())?;
        Some(match percent_decode(user) {
            Cow::Borrowed(b) => String::from_utf8_lossy(b),
            Cow::Owned(b) => Cow::Owned(String::from_utf8_lossy(&b).into_owned()),
        })
    }

    /// The host, an IPv6 reference without its brackets; empty for `tel:` and `urn:`.
    pub fn host(&self) -> &'a [u8] {
        self.host
    }

    /// The port, when it is given and a number.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// A URI parameter, or a parameter of the telephone number in the user part
    /// (`phone-context` stands in either). Without value: empty.
    pub fn param(&self, name: &str) -> Option<&'a [u8]> {
        param(self.params, name).or_else(|| param(self.user_params, name))
    }

    /// A header field embedded in the URI (`?Replaces=...`), percent-decoded (RFC 3261 §19.1.1).
    pub fn embedded_header(&self, name: &str) -> Option<Cow<'a, [u8]>> {
        self.headers.split(|b| *b == b'&').find_map(|h| {
            let eq = memchr::memchr(b'=', h)?;
            trim(&h[..eq]).eq_ignore_ascii_case(name.as_bytes()).then(|| percent_decode(trim(&h[eq + 1..])))
        })
    }

    /// `[user[:password]@]host[:port][;params][?headers]`
    fn split_hierarchical(&mut self, rest: &'a [u8]) {
        let host_part = match user_end(rest) {
            Some(at) => {
                let user = &rest[..at];
                let user = &user[..memchr::memchr(b':', user).unwrap_or(user.len())];
                let (user, params) = split_user_params(user);
                self.user = Some(user);
                self.user_params = params;
                &rest[at + 1..]
            }
            None => rest,
        };
        let end = host_part.iter().position(|b| matches!(b, b';' | b'?')).unwrap_or(host_part.len());
        (self.host, self.port) = split_port(trim(&host_part[..end]));
        (self.params, self.headers) = split_headers(&host_part[end..]);
    }
}

fn split_scheme(raw: &[u8]) -> (Scheme, &[u8]) {
    let Some(colon) = memchr::memchr(b':', raw) else { return (Scheme::Other, raw) };
    let (name, rest) = (trim(&raw[..colon]), trim(&raw[colon + 1..]));
    if name.eq_ignore_ascii_case(b"sip") {
        (Scheme::Sip, rest)
    } else if name.eq_ignore_ascii_case(b"sips") {
        (Scheme::Sips, rest)
    } else if name.eq_ignore_ascii_case(b"tel") {
        (Scheme::Tel, rest)
    } else if name.eq_ignore_ascii_case(b"urn") {
        (Scheme::Urn, rest)
    } else if !name.is_empty()
        && name.iter().all(u8::is_ascii_alphabetic)
        && memchr::memchr(b'@', name).is_none()
    {
        (Scheme::Other, rest.strip_prefix(b"//").unwrap_or(rest))
    } else {
        // `host:port` or `user:password@host` without a scheme.
        (Scheme::Other, raw)
    }
}

/// Where the `@` after the user part is. The first one by the grammar; a later
/// one when the sender forgot to escape it (`user@home@proxy`).
fn user_end(rest: &[u8]) -> Option<usize> {
    let first = memchr::memchr(b'@', rest)?;
    let tail = &rest[first + 1..];
    let end = tail.iter().position(|b| matches!(b, b';' | b'?')).unwrap_or(tail.len());
    Some(memchr::memrchr(b'@', &tail[..end]).map_or(first, |later| first + 1 + later))
}

/// Parameters that routing puts behind a number, whatever the number looks like.
const NUMBER_PARAMS: [&str; 9] =
    ["phone-context", "npdi", "rn", "isub", "ext", "postd", "cic", "tgrp", "trunk-context"];

/// Splits `+358;phone-context=x` but not `user;par=x`: what precedes the `;`
/// must look like a telephone number, or what follows be a known parameter of one.
fn split_user_params(user: &[u8]) -> (&[u8], &[u8]) {
    let Some(semicolon) = memchr::memchr(b';', user) else { return (user, &user[user.len()..]) };
    let (number, params) = user.split_at(semicolon);
    let telephone = number.iter().any(u8::is_ascii_digit)
        && number.iter().all(|b| b.is_ascii_digit() || b"+-.()*#%ABCDabcd".contains(b));
    let known = || {
        Split::params(&params[1..]).any(|p| {
            let name = trim(&p[..memchr::memchr(b'=', p).unwrap_or(p.len())]);
            NUMBER_PARAMS.iter().any(|n| name.eq_ignore_ascii_case(n.as_bytes()))
        })
    };
    if telephone || known() { (number, params) } else { (user, &user[user.len()..]) }
}

/// `host[:port]`, brackets of an IPv6 reference taken off. An IPv6 address
/// without brackets has no port (RFC 5118 §4.2).
fn split_port(host_port: &[u8]) -> (&[u8], Option<u16>) {
    let number = |s: &[u8]| std::str::from_utf8(trim(s)).ok().and_then(|s| s.parse().ok());
    if let Some(reference) = host_port.strip_prefix(b"[") {
        let Some(end) = memchr::memchr(b']', reference) else { return (reference, None) };
        let port = reference[end + 1..].strip_prefix(b":").and_then(number);
        return (&reference[..end], port);
    }
    match memchr::memchr(b':', host_port) {
        Some(colon) if memchr::memrchr(b':', host_port) == Some(colon) => {
            (trim(&host_port[..colon]), number(&host_port[colon + 1..]))
        }
        _ => (host_port, None),
    }
}

/// `;params?headers`
fn split_headers(rest: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'?', rest) {
        Some(q) => (&rest[..q], &rest[q + 1..]),
        None => (rest, &rest[rest.len()..]),
    }
}

#[cfg(test)]
mod tests;
