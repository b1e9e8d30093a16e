//! `name-addr` and `addr-spec` as header values carry them (RFC 3261 §20.10, §25.1).

use super::header::{closing_quote, param, trim, unfold};
use super::uri::Uri;
use std::borrow::Cow;

/// `"Display" <uri>;params` or a bare `uri;params`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameAddr<'a> {
    display: &'a [u8],
    quoted: bool,
    /// The address.
    pub uri: Uri<'a>,
    params: &'a [u8],
}

impl<'a> NameAddr<'a> {
    /// Reads one value. A quote or bracket that never closes is taken
    /// literally; parameters of a bare URI belong to the header (RFC 3261 §20).
    pub fn parse(value: &'a [u8]) -> NameAddr<'a> {
        let value = trim(value);
        if value.first() == Some(&b'"')
            && let Some(end) = closing_quote(value, 0)
            && let Some(angle) = memchr::memchr(b'<', &value[end..])
        {
            let (uri, params) = bracketed(&value[end + angle..]);
            return NameAddr { display: &value[1..end], quoted: true, uri, params };
        }
        if let Some(angle) = unquoted_angle(value) {
            let (uri, params) = bracketed(&value[angle..]);
            return NameAddr { display: trim(&value[..angle]), quoted: false, uri, params };
        }
        let end = bare_uri_end(value);
        let (uri, params) = (Uri::parse(&value[..end]), &value[end..]);
        NameAddr { display: &value[..0], quoted: false, uri, params }
    }

    /// The display name, unescaped; `None` when there is none. Bytes that are not
    /// UTF-8 are read as Latin-1, which is what sends them.
    pub fn display_name(&self) -> Option<Cow<'a, str>> {
        let name = if self.quoted { unescape(unfold(self.display)) } else { unfold(self.display) };
        (!name.is_empty()).then(|| match name {
            Cow::Borrowed(b) => match std::str::from_utf8(b) {
                Ok(s) => Cow::Borrowed(s),
                Err(_) => Cow::Owned(latin1(b)),
            },
            Cow::Owned(b) => Cow::Owned(String::from_utf8(b).unwrap_or_else(|e| latin1(e.as_bytes()))),
        })
    }

    /// The dialog tag; `None` when absent or empty.
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.param("tag").filter(|t| !t.is_empty())
    }

    /// A header parameter (not one of the URI); empty when it has no value.
    pub fn param(&self, name: &str) -> Option<&'a [u8]> {
        param(self.params, name)
    }
}

/// `<uri>;params`; without `>` the URI runs on, and parameters are sought in it.
fn bracketed(s: &[u8]) -> (Uri<'_>, &[u8]) {
    match memchr::memchr(b'>', s) {
        Some(end) => (Uri::parse(&s[1..end]), &s[end + 1..]),
        None => {
            let uri = &s[1..];
            (Uri::parse(uri), &uri[bare_uri_end(uri)..])
        }
    }
}

/// The `<` of a value that does not begin with a proper quoted string. One
/// inside a quoted parameter of a bare URI is none.
fn unquoted_angle(value: &[u8]) -> Option<usize> {
    let angle = memchr::memchr(b'<', value)?;
    let bare = memchr::memchr2(b';', b'"', &value[..angle]).is_some_and(|i| value[i] == b';')
        && memchr::memchr(b':', &value[..angle]).is_some();
    (!bare).then_some(angle)
}

/// Where a bare URI ends: at the first `;` behind its host. The `@` decides
/// whether a `;` is still in the user part.
fn bare_uri_end(value: &[u8]) -> usize {
    let Some(semicolon) = memchr::memchr(b';', value) else { return value.len() };
    let stop = memchr::memchr2(b'"', b'?', value).unwrap_or(value.len()).max(semicolon);
    match memchr::memchr(b'@', &value[semicolon..stop]) {
        Some(at) if memchr::memchr(b'@', &value[..semicolon]).is_none() => {
            let at = semicolon + at;
            memchr::memchr(b';', &value[at..]).map_or(value.len(), |s| at + s)
        }
        _ => semicolon,
    }
}

/// Takes the backslashes of quoted pairs off (RFC 3261 §25.1).
fn unescape(s: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', &s).is_none() {
        return s;
    }
    let mut out = Vec::with_capacity(s.len());
    let mut bytes = s.iter();
    while let Some(b) = bytes.next() {
        match b {
            b'\\' => out.extend(bytes.next()),
            _ => out.push(*b),
        }
    }
    Cow::Owned(out)
}

/// Latin-1 is the first 256 code points of Unicode.
fn latin1(s: &[u8]) -> String {
    s.iter().map(|b| char::from(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(s: &str) -> (Option<String>, String, Option<String>) {
        let a = NameAddr::parse(s.as_bytes());
        (
            a.display_name().map(Cow::into_owned),
            String::from_utf8_lossy(a.uri.as_bytes()).into_owned(),
            a.tag().map(|t| String::from_utf8_lossy(t).into_owned()),
        )
    }

    fn is(s: &str, display: &str, uri: &str, tag: &str) {
        let some = |s: &str| (!s.is_empty()).then(|| s.to_string());
        assert_eq!(read(s), (some(display), uri.to_string(), some(tag)), "{s}");
    }

    #[test]
    fn name_addr_forms() {
        is(r#""J \"R\" <x>;tag=no" <sip:j@h;a=b>;tag=1"#, r#"J "R" <x>;tag=no"#, "sip:j@h;a=b", "1");
        is("A. Bell <sip:a@h> ; TAG = 2", "A. Bell", "sip:a@h", "2");
        is("caller<sip:c@h>;tag=323", "caller", "sip:c@h", "323");
        is("Bell, Alexander <sip:a@h>;tag=43", "Bell, Alexander", "sip:a@h", "43");
        is("<sip:a@h;tag=inner>;x=\";tag=q\";tag=outer", "", "sip:a@h;tag=inner", "outer");
        is("\"x\r\n y\" <tel:+358;phone-context=a>;tag=9", "x y", "tel:+358;phone-context=a", "9");
        is("\"\" <>", "", "", "");
        is("< sip:t.watson@example.org >", "", "sip:t.watson@example.org", "");
    }

    #[test]
    fn bare_addr_spec() {
        is("sip:caller@h;tag=1", "", "sip:caller@h", "1");
        is("sip:user;phone-context=+358@host;user=phone;tag=7", "", "sip:user;phone-context=+358@host", "7");
        is("tel:+358401234567;tag=3", "", "tel:+358401234567", "3");
        is("sip:a@h?x=y;tag=4", "", "sip:a@h?x=y", "4");
        is("sip:a@h;x=\"<@>\";tag=5", "", "sip:a@h", "5");
        is("sip:h;x=\"a@b\";tag=6", "", "sip:h", "6");
        is("*", "", "*", "");
    }

    #[test]
    fn broken_quotes_and_brackets_survive() {
        is("\"Mr. J. User <sip:j@h>;tag=1", "\"Mr. J. User", "sip:j@h", "1");
        is("Mr \"X <sip:j@h>;tag=1", "Mr \"X", "sip:j@h", "1");
        is("\"X\" <sip:j@h;tag=1", "X", "sip:j@h;tag=1", "1");
        is("\"X\\", "", "\"X\\", "");
        is("", "", "", "");
    }

    #[test]
    fn latin1_display_name() {
        let a = NameAddr::parse(b"\"M\xe4kinen\" <sip:a@h>");
        assert_eq!(a.display_name().as_deref(), Some("Mäkinen"));
    }
}
