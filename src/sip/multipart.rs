//! Finding the session description, or another part, in a body.
//!
//! RFC 5621 and RFC 2046 §5.1, as far as it takes to find one part: nesting and
//! the number of parts are bounded, and each level is scanned once.

use super::header::{is_lws, param, trim};
use super::reader::is_field;
use memchr::memmem;

/// Multipart bodies inside one another, at most.
const MAX_DEPTH: u8 = 4;
/// Parts looked at on one level, at most.
const MAX_PARTS: usize = 32;

/// `type/subtype` of a Content-Type value, without parameters.
pub(super) fn media_type(content_type: &[u8]) -> &[u8] {
    let end = memchr::memchr2(b';', b',', content_type).unwrap_or(content_type.len());
    trim(&content_type[..end])
}

/// The session description in a body of this Content-Type (empty: none given).
pub(super) fn find_sdp<'a>(content_type: &[u8], body: &'a [u8]) -> Option<&'a [u8]> {
    let is_wanted = |kind: &[u8], body: &[u8]| match kind.is_empty() {
        true => body[body.iter().take_while(|b| is_lws(**b)).count()..].starts_with(b"v=0"),
        false => is(kind, b"application", b"sdp") && !trim(body).is_empty(),
    };
    find(content_type, body, MAX_DEPTH, &is_wanted)
}

/// The metadata of a recording session in such a body: `application/rs-metadata+xml` (RFC 7865,
/// RFC 9806), without `+xml` as RFC 7866 had it, or XML that is not called by its name.
pub(super) fn find_metadata<'a>(content_type: &[u8], body: &'a [u8]) -> Option<&'a [u8]> {
    let known: [&[u8]; 3] = [b"rs-metadata+xml", b"rs-metadata", b"xml"];
    let is_wanted = |kind: &[u8], _: &[u8]| {
        known.iter().any(|name| is(kind, b"application", name)) || is(kind, b"text", b"xml")
    };
    find(content_type, body, MAX_DEPTH, &is_wanted)
}

/// What says that a key was pressed: a body of this Content-Type, or one of its parts.
pub(super) fn find_key_press<'a>(content_type: &[u8], body: &'a [u8]) -> Option<&'a [u8]> {
    let is_wanted = |kind: &[u8], _: &[u8]| KEY_PRESSES.iter().any(|(of, name)| is(kind, of, name));
    find(content_type, body, MAX_DEPTH, &is_wanted)
}

/// The key that such a body names: `Signal=5`, where 10 and 11 are `*` and `#`, or the key alone.
pub(super) fn key_of(body: &[u8]) -> Option<u8> {
    let of_line = |line: &'_ [u8]| -> Option<Vec<u8>> {
        let at = line.iter().position(|b| matches!(b, b'=' | b':'))?;
        let is_signal = line[..at].trim_ascii().eq_ignore_ascii_case(b"signal");
        is_signal.then(|| line[at + 1..].trim_ascii().to_vec())
    };
    let named = body.split(|b| *b == b'\n').take(MAX_PARTS).find_map(of_line);
    match named.as_deref().unwrap_or_else(|| body.trim_ascii()) {
        b"10" => Some(b'*'),
        b"11" => Some(b'#'),
        [key] => Some(*key),
        _ => None,
    }
}

/// What such a body is called: by Cisco and by most after it, by Nortel, by RFC 4733's own name.
const KEY_PRESSES: [(&[u8], &[u8]); 5] = [
    (b"application", b"dtmf-relay"),
    (b"application", b"dtmf"),
    (b"application", b"vnd.nortelnetworks.digits"),
    (b"audio", b"telephone-event"),
    (b"application", b"telephone-event"),
];

/// The first part, or the body itself, of a type and content that `is_wanted`.
fn find<'a>(
    content_type: &[u8],
    body: &'a [u8],
    depth: u8,
    is_wanted: &dyn Fn(&[u8], &[u8]) -> bool,
) -> Option<&'a [u8]> {
    let kind = media_type(content_type);
    if is_wanted(kind, body) {
        return Some(body);
    }
    if depth == 0 || !is_multipart(kind) {
        return None;
    }
    let delimiter = delimiter(content_type, body)?;
    parts(&delimiter, body).take(MAX_PARTS).find_map(|part| {
        let (content_type, body) = split_part(part);
        find(content_type, body, depth - 1, is_wanted)
    })
}

fn is_multipart(kind: &[u8]) -> bool {
    kind.get(..10).is_some_and(|p| p.eq_ignore_ascii_case(b"multipart/"))
}

/// `of/name` in any case, white space around the slash allowed (RFC 3261 §25.1).
fn is(kind: &[u8], of: &[u8], name: &[u8]) -> bool {
    let slash = memchr::memchr(b'/', kind).unwrap_or(kind.len());
    trim(&kind[..slash]).eq_ignore_ascii_case(of)
        && kind.get(slash + 1..).is_some_and(|s| trim(s).eq_ignore_ascii_case(name))
}

/// `--boundary`; from the body's first such line when the parameter is missing.
fn delimiter(content_type: &[u8], body: &[u8]) -> Option<Vec<u8>> {
    let semicolon = memchr::memchr(b';', content_type).unwrap_or(content_type.len());
    if let Some(boundary) = param(&content_type[semicolon..], "boundary").filter(|b| !b.is_empty()) {
        return Some([b"--", boundary].concat());
    }
    let line = body.split(|b| *b == b'\n').take(MAX_PARTS).map(trim).find(|l| l.starts_with(b"--"))?;
    (line.len() > 2).then(|| line.to_vec())
}

/// What stands between delimiter lines; a part that is cut runs to the end.
fn parts<'a>(delimiter: &[u8], body: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut at = memmem::find_iter(body, delimiter)
        .filter(move |i| *i == 0 || matches!(body[i - 1], b'\n' | b'\r'))
        // An inner boundary may begin with the outer one.
        .filter(move |i| {
            let after = &body[i + delimiter.len()..];
            after.first().is_none_or(|b| is_lws(*b)) || after.starts_with(b"--")
        })
        .peekable();
    std::iter::from_fn(move || {
        let start = at.next()? + delimiter.len();
        let end = at.peek().copied().unwrap_or(body.len());
        Some(&body[start..end])
    })
    .take_while(|part| !part.starts_with(b"--"))
}

/// Content-Type (empty when there is none) and body of one part, which begins
/// with what is left of its delimiter line.
fn split_part(part: &[u8]) -> (&[u8], &[u8]) {
    let mut content_type: &[u8] = b"";
    let mut pos = memchr::memchr(b'\n', part).map_or(part.len(), |lf| lf + 1);
    while pos < part.len() {
        let mut next = next_line(part, pos);
        if trim(&part[pos..next]).is_empty() {
            return (content_type, trim_line_end(&part[next..]));
        }
        if !is_field(&part[pos..next]) {
            // No blank line after the delimiter: this is already the body.
            return (content_type, trim_line_end(&part[pos..]));
        }
        while matches!(part.get(next), Some(b' ' | b'\t')) {
            next = next_line(part, next);
        }
        let colon = memchr::memchr(b':', &part[pos..next]).map_or(next, |c| pos + c);
        let name = trim(&part[pos..colon]);
        if name.eq_ignore_ascii_case(b"Content-Type") || name.eq_ignore_ascii_case(b"c") {
            content_type = trim(part.get(colon + 1..next).unwrap_or_default());
        }
        pos = next;
    }
    (content_type, b"")
}

fn next_line(s: &[u8], pos: usize) -> usize {
    memchr::memchr(b'\n', &s[pos..]).map_or(s.len(), |lf| pos + lf + 1)
}

/// The line end before a delimiter belongs to the delimiter.
fn trim_line_end(s: &[u8]) -> &[u8] {
    let s = s.strip_suffix(b"\n").unwrap_or(s);
    s.strip_suffix(b"\r").unwrap_or(s)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &[u8] = b"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\n";

    #[test]
    fn nested_and_quoted_boundary() {
        let inner = [b"--in\r\nContent-Type: application/sdp\r\n\r\n", SDP, b"\r\n--in--\r\n"].concat();
        let body = [
            b"preamble\r\n--b, 1\r\nc: text/plain\r\n\r\nhello\r\n--b, 1\r\nContent-Type:\r\n multipart/alternative;\r\n boundary=in\r\n\r\n"
                .as_slice(),
            &inner,
            b"--b, 1--\r\n",
        ]
        .concat();
        assert_eq!(find_sdp(b"Multipart/Mixed; boundary=\"b, 1\"", &body), Some(SDP));
    }

    #[test]
    fn missing_boundary_lf_only_and_cut_part() {
        let body = [b"--x\nContent-Type: application/sdp\n\n".as_slice(), SDP].concat();
        assert_eq!(find_sdp(b"multipart/mixed", &body).map(trim), Some(trim(SDP)));
        assert_eq!(find_sdp(b"multipart/mixed;boundary=y", &body), None);
    }

    #[test]
    fn only_session_descriptions_count() {
        assert_eq!(find_sdp(b"", SDP), Some(SDP));
        assert_eq!(find_sdp(b"APPLICATION / SDP;charset=x", SDP), Some(SDP));
        assert_eq!(find_sdp(b"text/plain", SDP), None);
        assert_eq!(find_sdp(b"", b"Signal=1"), None);
        assert_eq!(find_sdp(b"application/sdp", b""), None);
    }

    #[test]
    fn metadata_by_all_its_names() {
        let xml: &[u8] = b"<recording/>";
        for kind in ["application/rs-metadata+xml", "Application/RS-Metadata", "text/xml; charset=utf-8"] {
            let part =
                format!("\r\n--x\r\nContent-Type: {kind}\r\nContent-Disposition: recording-session\r\n\r\n");
            let sdp = [b"--x\r\nContent-Type: application/sdp\r\n\r\n", SDP].concat();
            let body = [&sdp, part.as_bytes(), xml, b"\r\n--x--"].concat();
            assert_eq!(find_metadata(b"multipart/mixed;boundary=x", &body), Some(xml), "{kind}");
            assert_eq!(find_sdp(b"multipart/mixed;boundary=x", &body).map(trim), Some(trim(SDP)));
            assert_eq!(find_metadata(kind.as_bytes(), xml), Some(xml));
        }
        assert_eq!(find_metadata(b"application/sdp", SDP), None);
    }

    #[test]
    fn nesting_is_bounded() {
        let mut body = SDP.to_vec();
        let mut kind = "application/sdp".to_string();
        for i in 0..8 {
            body = [format!("--{i}\r\nContent-Type: {kind}\r\n\r\n").as_bytes(), &body, b"\r\n"].concat();
            kind = format!("multipart/mixed;boundary={i}");
        }
        assert_eq!(find_sdp(kind.as_bytes(), &body), None);
    }
}
