//! Tests of the parent module: messages as the field sends them.

use super::*;
use crate::sip::{NameAddr, Scheme};

fn parse(s: &[u8]) -> Message<'_> {
    Message::parse(s).expect("readable").0
}

/// An INVITE with these header lines.
fn invite(headers: &str) -> Vec<u8> {
    format!("INVITE sip:2001@pbx SIP/2.0\r\n{headers}\r\n\r\n").into_bytes()
}

fn text(b: Option<&[u8]>) -> Option<&str> {
    b.map(|b| std::str::from_utf8(b).unwrap())
}

fn tag_user(a: Option<NameAddr<'_>>) -> (Option<String>, Option<String>) {
    let a = a.expect("address");
    (a.uri.user().map(|u| u.into_owned()), a.tag().map(|t| String::from_utf8_lossy(t).into_owned()))
}

#[test]
fn start_lines() {
    let request = |l: &str| match StartLine::parse(l.as_bytes()).expect(l) {
        StartLine::Request { method, uri, .. } => (method, String::from_utf8_lossy(uri).into_owned()),
        StartLine::Response { .. } => panic!("{l}"),
    };
    assert_eq!(request("INVITE sip:a@b SIP/2.0"), (Method::Invite, "sip:a@b".into()));
    assert_eq!(request("INVITE\t sip:a@b \t sip/2.0  "), (Method::Invite, "sip:a@b".into()));
    assert_eq!(request("BYE sip:[2001:db8::1] SIP/2.0"), (Method::Bye, "sip:[2001:db8::1]".into()));
    assert_eq!(request("INVITE tel:+358401 SIP/2.0"), (Method::Invite, "tel:+358401".into()));
    assert_eq!(request("INVITE urn:service:sos SIP/2.0"), (Method::Invite, "urn:service:sos".into()));
    assert_eq!(request("INVITE sip:a@b; lr SIP/2.0"), (Method::Invite, "sip:a@b; lr".into()));
    assert_eq!(request("!odd-Method'~ sip:a SIP/2.0"), (Method::Other, "sip:a".into()));
    fn status(l: &str) -> Result<StartLine<'_>, ParseError> {
        StartLine::parse(l.as_bytes())
    }
    assert_eq!(status("SIP/2.0 200"), Ok(StartLine::Response { code: 200, reason: b"" }));
    assert_eq!(status("SIP/2.0  183 ä x"), Ok(StartLine::Response { code: 183, reason: "ä x".as_bytes() }));
    for (line, why) in [
        ("SIP/2.0 4294967301 x", ParseError::Status),
        ("SIP/2.0 20", ParseError::Status),
        ("SIP/2.0 -20", ParseError::Status),
        ("SIP/2.0 099", ParseError::Status),
        ("INVITE sip:a@b", ParseError::Version),
        ("INVITE sip:a@b SIP/7.0", ParseError::Version),
        ("GET / HTTP/1.1", ParseError::Version),
        ("INVITE SIP/2.0", ParseError::Uri),
        ("INVITE \t SIP/2.0 ", ParseError::Uri),
        ("INVITE sip:a", ParseError::Version),
        ("INVITE", ParseError::Version),
        ("\u{80}\u{0} x SIP/2.0", ParseError::Method),
        ("", ParseError::Method),
    ] {
        assert_eq!(status(line), Err(why), "{line}");
    }
    assert_eq!(Message::parse(b"\r\n\r\n\0").err(), Some(ParseError::Method));
    assert_eq!(Message::parse(b"").err(), Some(ParseError::Method));
    assert_eq!(Message::parse(b"\x80\x08\x1f\x2f SIP/2.0 200").err(), Some(ParseError::Method));
}

#[test]
fn compact_names_any_case_spaces_and_folds() {
    let m = b"INVITE sip:a@b SIP/2.0\r\nF :\r\n \"A\" <sip:2001@h>\r\n\t;tag=x\r\nt: <tel:+358401>\r\n\
        I\t: c@d\r\ncSeQ: 0009\r\n  INVITE\r\nV: SIP / 2.0 / UDP h ;branch = \r\n z9hG4bK1,SIP/2.0/TCP g\r\n\
        m: *\r\nc: application/sdp\r\nL:3\r\nk: 100rel\r\ns:\r\n\r\nv=0";
    let m = parse(m);
    assert_eq!(tag_user(m.from()), (Some("2001".into()), Some("x".into())));
    assert_eq!(m.to().unwrap().uri.scheme(), Scheme::Tel);
    assert_eq!(text(m.call_id()), Some("c@d"));
    assert_eq!(m.cseq(), Some((9, Method::Invite)));
    assert_eq!((m.via_count(), text(m.top_via_branch())), (2, Some("z9hG4bK1")));
    assert_eq!(m.contact().unwrap().uri.as_bytes(), b"*");
    assert_eq!((m.sdp(), m.header("subject").unwrap().as_ref()), (Some(b"v=0".as_slice()), b"".as_slice()));
    assert_eq!(m.header("SUPPORTED").unwrap().as_ref(), b"100rel");
    assert!(!m.truncated());
}

#[test]
fn line_feeds_alone_and_leading_keep_alive() {
    let m = b"\r\n\0\r\nSIP/2.0 200 OK\nCall-ID: 1\nl: 2\n\nab\n";
    let (m, consumed) = Message::parse(m).unwrap();
    assert_eq!((text(m.call_id()), m.body(), consumed), (Some("1"), b"ab".as_slice(), 39));
}

#[test]
fn bytes_that_are_no_text() {
    let mut bytes = invite("From: \"M?kinen\" <sip:1@h>;tag=a\r\nX-Any: ??\r\nCall-ID: c\r\nl: 0");
    bytes.iter_mut().filter(|b| **b == b'?').for_each(|b| *b = 0xe4);
    let m = parse(&bytes);
    assert_eq!(m.from().unwrap().display_name().as_deref(), Some("Mäkinen"));
    assert_eq!(text(m.call_id()), Some("c"));
    let bytes = invite("Call-ID: a\0b\r\nFrom: \"\0\" <sip:1@h>;tag=z");
    assert_eq!(parse(&bytes).call_id(), Some(b"a\0b".as_slice()));
    assert_eq!(parse(&bytes).from().unwrap().tag(), Some(b"z".as_slice()));
}

#[test]
fn junk_lines_do_not_hide_the_next() {
    let bytes = invite("no colon here\r\n: no name\r\nTwo Words: x\r\n=?!: ;;,\r\nCall-ID: c");
    assert_eq!(text(parse(&bytes).call_id()), Some("c"));
    // White space before the first header, name and colon on two lines.
    let bytes = b"INVITE sip:a@b SIP/2.0\r\n  To :\r\n <sip:x@h>\r\nCall-ID\r\n : c\r\n\r\n";
    assert_eq!(text(parse(bytes).call_id()), Some("c"));
    assert_eq!(tag_user(parse(bytes).to()).0.as_deref(), Some("x"));
}

#[test]
fn addresses_in_their_oddities() {
    let user_tag = |from: &str| {
        let bytes = invite(&format!("From: {from}"));
        tag_user(parse(&bytes).from())
    };
    let is = |from: &str, user: &str, tag: &str| {
        assert_eq!(user_tag(from), (Some(user.to_string()), Some(tag.to_string())), "{from}");
    };
    is(r#""a \"b\" <c>; d, e" <sip:1@h>;tag=t"#, "1", "t");
    is("<sip:1@h>;x=\"a;tag=no;b\";TAG=t", "1", "t");
    is("sip:+358;phone-context=a@h;user=phone;tag=t", "+358", "t");
    is("\"Mr. X <sip:1@h>;tag=t", "1", "t");
    is("tel:+358-40-1;tag=t", "+358-40-1", "t");
    is("<sips:1:pw@[::1]:5061;transport=tls>;tag=t", "1", "t");
    is("Anna Ääni<sip:%31@h>;tag=t", "1", "t");
    is("<sip:1;npdi;rn=+3@h;user=phone>;tag=t;other", "1", "t");
}

#[test]
fn several_vias_in_a_line_or_many() {
    let count = |v: &str| parse(&invite(v)).via_count();
    assert_eq!(count("Via: SIP/2.0/UDP a;x=\"1,2\",SIP/2.0/UDP b\r\nv: SIP/2.0/TCP c"), 3);
    assert_eq!(count("Via: SIP/2.0/UDP 192.0.2.15;;,;,,"), 1);
    assert_eq!(count("X: y"), 0);
    let bytes = invite("Via: SIP/2.0/UDP [2001:db8::9]:6050;received=[::1];branch=z9hG4bKx ;rport");
    assert_eq!(text(parse(&bytes).top_via_branch()), Some("z9hG4bKx"));
}

#[test]
fn lists_and_repeated_headers() {
    let bytes = invite("Route: <sip:a;x,y>, <sip:b>\r\nRoute:\r\n <sip:c>\r\nSupported: a,\r\n b ,,c");
    let m = parse(&bytes);
    assert_eq!(m.header_values("Route").count(), 3);
    assert_eq!(m.headers("route").count(), 2);
    let all: Vec<_> = m.header_values("Supported").map(|v| v.into_owned()).collect();
    assert_eq!(all, [b"a", b"b", b"c"]);
    assert_eq!(m.header("Supported").unwrap().as_ref(), b"a, b ,,c");
    assert_eq!(m.header("Nothing"), None);
}

#[test]
fn content_length_lies() {
    let body = |length: &str| {
        let m = format!("MESSAGE sip:a SIP/2.0\r\n{length}\r\n\r\n12345");
        let (m, consumed) = Message::parse(m.as_bytes()).unwrap();
        (m.body().len(), m.truncated(), consumed - m.body().len())
    };
    assert_eq!(body("X: y"), (5, false, 31));
    assert_eq!(body("Content-Length: 3"), (3, false, 44));
    assert_eq!(body("Content-Length: 03 ;x").0, 3);
    assert_eq!(body("Content-Length: 9999"), (5, true, 47));
    assert_eq!(body("Content-Length: 99999999999999999999999999"), (5, true, 69));
    assert_eq!(body("Content-Length: -1"), (5, false, 45));
    assert_eq!(body("Content-Length: five").0, 5);
    assert_eq!(body("l: 1\r\nContent-Length: 2"), (5, false, 50));
    assert_eq!(body("l: 2\r\nContent-Length: 2").0, 2);
    assert_eq!(body("L:\r\n 4").0, 4);
}

#[test]
fn two_messages_in_a_datagram() {
    let bytes = b"BYE sip:a SIP/2.0\r\nl: 2\r\n\r\nxyINVITE sip:b SIP/2.0\r\nl:0\r\n\r\n\0\0";
    let (a, n) = Message::parse(bytes).unwrap();
    let (b, m) = Message::parse(&bytes[n..]).unwrap();
    assert_eq!((a.method(), b.method()), (Some(Method::Bye), Some(Method::Invite)));
    assert_eq!(Message::parse(&bytes[n + m..]).err(), Some(ParseError::Method));
}

#[test]
fn cut_by_the_snap_length() {
    let whole = invite("Call-ID: c\r\nFrom: <sip:1@h>;tag=a\r\nl: 0");
    for len in 28..whole.len() - 2 {
        let m = parse(&whole[..len]);
        assert!(m.truncated(), "{len}");
        assert!(m.body().is_empty());
        if len > 41 {
            assert_eq!(text(m.call_id()), Some("c"));
        }
    }
    assert!(Message::parse(&whole[..22]).is_err());
}

#[test]
fn cseq_oddities() {
    let cseq = |v: &str| parse(&invite(&format!("CSeq: {v}"))).cseq();
    assert_eq!(cseq("36893488147419103232 REGISTER"), Some((u32::MAX, Method::Register)));
    assert_eq!(cseq("7"), Some((7, Method::Invite)));
    assert_eq!(cseq("7 foo"), Some((7, Method::Other)));
    assert_eq!(cseq("7\tinvite"), Some((7, Method::Invite)));
    assert_eq!(cseq("INVITE"), None);
    assert_eq!(cseq("-1 INVITE"), None);
}

#[test]
fn bodies() {
    let m = b"INVITE sip:a SIP/2.0\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n--b\r\n\
        Content-Type: application/isup\r\n\r\n\x01\x10\r\n--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--\r\n";
    assert_eq!(parse(m).sdp(), Some(b"v=0".as_slice()));
    assert_eq!(parse(b"INVITE sip:a SIP/2.0\r\nX: y\r\n\r\nv=0\r\n").sdp(), Some(b"v=0\r\n".as_slice()));
    assert_eq!(parse(b"INVITE sip:a SIP/2.0\r\nc: text/plain\r\n\r\nv=0\r\n").sdp(), None);
    let info =
        |kind: &str| parse(format!("INFO sip:a SIP/2.0\r\n{kind}\r\n\r\nSignal=5").as_bytes()).dtmf_info();
    assert!(info("Content-Type: application/dtmf-relay"));
    assert!(info("c: Application/DTMF;x=y"));
    assert!(info("Content-Type: audio/telephone-event"));
    assert!(info("Content-Type: Audio / Telephone-Event ; duration=160"));
    assert!(info("c: application/vnd.nortelnetworks.digits"));
    let parts = |kind: &str| {
        let body =
            format!("--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b\r\n{kind}\r\n\r\nSignal=5\r\n--b--\r\n");
        let text =
            format!("INFO sip:a SIP/2.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n{body}");
        parse(text.as_bytes()).dtmf_info()
    };
    assert!(parts("Content-Type: application/dtmf-relay"));
    assert!(!parts("Content-Type: application/sdp"));
    assert!(!info("c: text/plain"));
    let key = |kind: &str, body: &str| {
        let text = format!("INFO sip:a SIP/2.0\r\nContent-Type: {kind}\r\n\r\n{body}");
        parse(text.as_bytes()).info_key()
    };
    let relay = "application/dtmf-relay";
    assert_eq!(key(relay, "Signal=5\r\nDuration=160\r\n"), Some(b'5'));
    assert_eq!(key(relay, "Duration: 100\r\nsignal : * \r\n"), Some(b'*'));
    assert_eq!((key(relay, "Signal=10\r\n"), key(relay, "Signal= 11")), (Some(b'*'), Some(b'#')));
    assert_eq!((key("application/dtmf", "7\r\n"), key("application/dtmf", "")), (Some(b'7'), None));
    assert_eq!(
        (key(relay, "Signal=\r\n"), key(relay, "Signal=123"), key("text/plain", "5")),
        (None, None, None)
    );
    assert!(!parse(&invite("c: application/dtmf")).dtmf_info());
}

#[test]
fn no_field_is_lost_behind_others() {
    for (count, filler) in
        [(256, "a:b"), (257, "Vi: x"), (5000, "I-x: y"), (12_000, "z:"), (4000, "call-iD1: no")]
    {
        for (via, call_id) in [("Via", "Call-ID"), ("v", "i"), ("VIA ", "CALL-id"), ("V", "I")] {
            let mut bytes = b"BYE sip:a SIP/2.0\r\n".to_vec();
            bytes.extend(format!("{filler}\r\n").repeat(count).bytes());
            bytes.extend(format!("{via}: SIP/2.0/UDP h;branch=z9\r\n{call_id}: c\r\n\r\nbody").bytes());
            let m = parse(&bytes);
            assert_eq!(
                (m.body(), text(m.call_id())),
                (b"body".as_slice(), Some("c")),
                "{count} {filler} {via}"
            );
            assert_eq!((m.via_count(), text(m.top_via_branch())), (1, Some("z9")), "{count} {filler} {via}");
        }
    }
}

#[test]
fn keep_alives() {
    for bytes in [&b""[..], b"\r\n\r\n", b"\0", b" \0 \t\0", b"jaK", b"jaK\0", b"jaK\0\0", b"\0jaK\r\n"] {
        assert!(is_keep_alive(bytes), "{bytes:?}");
    }
    for bytes in [&b"jak"[..], b"jaKe", b"jaK1\0", b"x", b"INVITE"] {
        assert!(!is_keep_alive(bytes), "{bytes:?}");
    }
    // On a stream, and where a message stands behind it.
    for lead in [&b"jaK\0"[..], b"\r\n\r\njaK\0jaK\r\n"] {
        let bytes = [lead, b"BYE sip:a SIP/2.0\r\n\r\n"].concat();
        assert_eq!(keep_alive_len(&bytes), lead.len());
        assert_eq!(parse(&bytes).method(), Some(Method::Bye));
    }
    assert_eq!(keep_alive_len(b"jaKBYE sip:a SIP/2.0\r\n"), 0);
}
