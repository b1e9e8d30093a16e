//! Tests of the parent module: messages as the field sends them.

use super::*;

const LIMIT: usize = 64 * 1024;

fn message(n: usize, body: &str) -> String {
    format!(
        "INVITE sip:{n}@h SIP/2.0\r\nCall-ID: {n}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn drain(f: &mut Framer) -> Vec<String> {
    let mut out = Vec::new();
    while let Some(m) = f.next_message() {
        out.push(String::from_utf8_lossy(m).into_owned());
    }
    out
}

fn feed(f: &mut Framer, stream: &[u8], chunk: usize) -> Vec<String> {
    stream
        .chunks(chunk)
        .flat_map(|c| {
            f.push(c);
            drain(f)
        })
        .collect()
}

#[test]
fn any_segmentation_gives_the_same_messages() {
    let (a, b) = (message(1, "x\r\nSIP/2.0 200 OK\r\n\r\ny"), message(2, ""));
    let c = "SIP/2.0 200 OK\nCall-ID: 3\nl: 2\n\nab";
    let stream = format!("\r\n\r\n{a}{b}\r\n{c}\r\n\r\n{a}");
    for chunk in 1..stream.len() + 1 {
        let mut f = Framer::new(LIMIT);
        assert_eq!(feed(&mut f, stream.as_bytes(), chunk), [&a, &b, c, &a], "{chunk}");
        assert_eq!(f.stats(), FramerStats::default());
        assert_eq!(f.buffered(), 0);
    }
}

#[test]
fn joins_in_mid_stream() {
    let m = message(1, "hello");
    for chunk in [1, 3, 7, 1000] {
        let mut f = Framer::new(LIMIT);
        let stream = format!("oe: 1\r\na=rtpmap:0 PCMU/8000\r\n{m}");
        assert_eq!(feed(&mut f, stream.as_bytes(), chunk), std::slice::from_ref(&m));
        assert_eq!(f.stats().skipped_bytes, 29);
    }
}

#[test]
fn a_sipfrag_in_a_lost_body_is_no_message() {
    let m = message(1, "");
    let mut f = Framer::new(LIMIT);
    f.gap();
    assert_eq!(feed(&mut f, format!("SIP/2.0 200 OK\r\n{m}").as_bytes(), 5), [m]);
}

#[test]
fn garbage_between_messages_costs_one_resync() {
    let (a, b) = (message(1, ""), message(2, "b"));
    let mut f = Framer::new(LIMIT);
    let stream = format!("{a}garbage garbage\r\nmore: garbage\r\n\r\n{b}");
    assert_eq!(feed(&mut f, stream.as_bytes(), 11), [a, b]);
    assert_eq!(f.stats().resyncs, 1);
}

#[test]
fn a_gap_drops_the_unfinished_message_only() {
    let (a, b) = (message(1, "aaaa"), message(2, "b"));
    let mut f = Framer::new(LIMIT);
    f.push(&a.as_bytes()[..a.len() - 2]);
    assert!(f.next_message().is_none());
    f.gap();
    f.gap();
    // The bytes after the gap are the tail of something.
    f.push(format!("tail of a body\r\n{b}").as_bytes());
    assert_eq!(drain(&mut f), std::slice::from_ref(&b));
    // A gap that ends just where a message begins.
    f.gap();
    f.push(b.as_bytes());
    assert_eq!(drain(&mut f), [b]);
    assert_eq!(f.stats().resyncs, 2);
}

#[test]
fn without_content_length_the_body_ends_at_the_next_start_line() {
    let a = "INVITE sip:a@h SIP/2.0\r\nc: application/sdp\r\n\r\nv=0\r\ns=SIP/2.0\r\n";
    let b = message(2, "");
    let mut f = Framer::new(LIMIT);
    f.push(format!("{a}{b}").as_bytes());
    assert_eq!(drain(&mut f), [a, &b]);
    let no_body = "SIP/2.0 100 Trying\r\nVia: x\r\n\r\n";
    f.push(format!("{no_body}{b}").as_bytes());
    assert_eq!(drain(&mut f), [no_body, &b]);
}

#[test]
fn negative_length_resynchronises() {
    let a = "INVITE sip:a@h SIP/2.0\r\nContent-Length: -5\r\n\r\n";
    let b = message(2, "");
    let mut f = Framer::new(LIMIT);
    assert_eq!(feed(&mut f, format!("{a}v=0\r\n{b}").as_bytes(), 9), [a, &b]);
}

#[test]
fn the_buffer_is_bounded() {
    let mut f = Framer::new(1000);
    f.push(message(1, &"x".repeat(2000)).as_bytes());
    assert!(f.next_message().is_none());
    assert!(f.buffered() <= 1000);
    assert!(f.stats().overflows > 0);
    f.push(b"\r\n");
    let b = message(2, "b");
    assert_eq!(feed(&mut f, b.as_bytes(), 50), std::slice::from_ref(&b));
    // Content-Length alone may ask for more than the limit.
    f.push(b"INVITE sip:a@h SIP/2.0\r\nContent-Length: 99999999999999999999999\r\n\r\nbody\r\n");
    assert!(f.next_message().is_none());
    assert_eq!(feed(&mut f, b.as_bytes(), 50), [b]);
    // A head that never ends.
    for _ in 0..1000 {
        f.push(b"X: y\r\n");
        assert!(f.next_message().is_none());
        assert!(f.buffered() <= 1000);
    }
}

#[test]
fn a_line_without_end_is_passed_over() {
    let mut f = Framer::new(LIMIT);
    for _ in 0..100 {
        f.push(&[b'x'; 1000]);
        assert!(f.next_message().is_none());
    }
    assert!(f.buffered() <= MAX_LINE);
    let b = message(2, "b");
    assert_eq!(feed(&mut f, format!("\r\n{b}").as_bytes(), 100), [b]);
}
