//! Frames of both sides, cut, in pieces, masked, with others between them.

use super::*;
use proptest::prelude::*;

const BYE: &[u8] = b"BYE sip:a@example.org SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n";
const UPGRADE: &[u8] = b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: sip\r\n\r\n";
const LIMIT: usize = 100_000;

fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    let mut out = match payload.len() {
        len @ ..126 => vec![first, masked | len as u8],
        len @ 126..=65_535 => [&[first, masked | 126][..], &(len as u16).to_be_bytes()].concat(),
        len => [&[first, masked | 127][..], &(len as u64).to_be_bytes()].concat(),
    };
    out.extend(mask.iter().flatten());
    out.extend(payload.iter().enumerate().map(|(i, b)| b ^ mask.map_or(0, |m| m[i % 4])));
    out
}

fn all(framer: &mut WebSocketFramer, bytes: &[u8]) -> Vec<Vec<u8>> {
    framer.push(bytes);
    std::iter::from_fn(|| framer.next_message()).collect()
}

fn message(n: usize) -> Vec<u8> {
    [BYE, &vec![b'x'; n]].concat()
}

#[test]
fn lengths_of_all_three_forms_with_and_without_a_mask() {
    for mask in [None, Some([1, 2, 3, 250])] {
        let mut framer = WebSocketFramer::new(LIMIT);
        assert!(all(&mut framer, UPGRADE).is_empty());
        for n in [0, 40, 60, 200, 65_400, 70_000] {
            assert_eq!(all(&mut framer, &frame(0x82, mask, &message(n))), [message(n)], "{n}");
        }
        assert_eq!(framer.buffered(), 0);
    }
}

#[test]
fn pieces_of_a_message_with_control_frames_between_them() {
    let mask = Some([9, 8, 7, 6]);
    let stream = [
        frame(0x01, mask, &BYE[..10]),
        frame(0x89, mask, b"ping"),
        frame(0x00, mask, &BYE[10..30]),
        frame(0x8a, mask, b""),
        frame(0x80, mask, &BYE[30..]),
        frame(0x81, mask, b"\r\n\r\n"),
        frame(0x88, mask, &[3, 232]),
    ]
    .concat();
    let mut framer = WebSocketFramer::new(LIMIT);
    let got = all(&mut framer, &[UPGRADE, &stream].concat());
    assert_eq!(got, [BYE, b"\r\n\r\n"]);
}

#[test]
fn a_stream_that_is_joined_or_broken_is_found_again() {
    let mut framer = WebSocketFramer::new(LIMIT);
    let whole = frame(0x81, Some([1, 2, 3, 4]), BYE);
    assert!(all(&mut framer, &whole[20..]).is_empty(), "in the middle of a frame");
    assert_eq!(all(&mut framer, &whole), [BYE]);
    assert!(all(&mut framer, &whole[..30]).is_empty());
    framer.gap();
    assert!(framer.is_lost() && all(&mut framer, &whole[40..]).is_empty());
    assert_eq!(all(&mut framer, &[&whole[..], &whole].concat()), [BYE, BYE]);
    // Nonsense in its place.
    assert!(all(&mut framer, b"\xff\xff\xff\xff").is_empty() && framer.is_lost());
    assert_eq!(all(&mut framer, &whole), [BYE]);
}

#[test]
fn what_is_compressed_or_too_long_is_passed_over_and_counted() {
    let mut framer = WebSocketFramer::new(1000);
    assert!(all(&mut framer, UPGRADE).is_empty());
    let whole = frame(0x81, None, BYE);
    assert_eq!(all(&mut framer, &[frame(0xc1, None, &[7; 300]), whole.clone()].concat()), [BYE]);
    let long = frame(0x81, None, &message(5000));
    let mut got = Vec::new();
    for piece in [long, whole.clone()].concat().chunks(900) {
        got.extend(all(&mut framer, piece));
        assert!(framer.buffered() <= 1000 + MAX_HEAD);
    }
    assert_eq!((got.len(), framer.unreadable(), framer.overflows()), (1, 1, 1));
    // In pieces, each of them short.
    let mut got = all(&mut framer, &frame(0x01, None, &[b'a'; 400]));
    for n in 0..10 {
        got.extend(all(&mut framer, &frame(if n == 9 { 0x80 } else { 0 }, None, &[b'b'; 400])));
        assert!(framer.buffered() <= 2000 + 2 * MAX_HEAD);
    }
    assert!(got.is_empty());
    assert_eq!(all(&mut framer, &whole), [BYE]);
    // A length of nearly 2^64.
    assert!(all(&mut framer, &[0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255]).is_empty());
    assert!(all(&mut framer, &whole).is_empty());
}

#[test]
fn what_begins_one() {
    assert!(begins_websocket(UPGRADE) && begins_websocket(b"HTTP/1.1 101 Switching Protocols\r\n"));
    assert!(begins_websocket(&frame(0x81, Some([5; 4]), BYE)) && begins_websocket(&frame(2, None, BYE)));
    for other in [
        &b""[..],
        b"\x81",
        b"HTTP/1.1 200 OK",
        BYE,
        &frame(0x81, None, b"{\"json\":1}"),
        &frame(0x80, None, BYE),
    ] {
        assert!(!begins_websocket(other), "{other:?}");
    }
}

proptest! {
    #[test]
    fn however_a_stream_is_cut_the_messages_come_out(
        sizes in prop::collection::vec((0usize..400, any::<bool>(), any::<[u8; 4]>()), 1..8),
        cuts in prop::collection::vec(1usize..200, 1..40),
    ) {
        let mut stream = UPGRADE.to_vec();
        let mut expected = Vec::new();
        for (n, in_two, mask) in sizes {
            let m = message(n);
            if in_two {
                stream.extend(frame(1, Some(mask), &m[..20]));
                stream.extend(frame(0x80, Some(mask), &m[20..]));
            } else {
                stream.extend(frame(0x81, Some(mask), &m));
            }
            expected.push(m);
        }
        let (mut framer, mut got, mut rest, mut cuts) = (WebSocketFramer::new(LIMIT), Vec::new(), &stream[..], cuts.iter().cycle());
        // The first piece says what it is.
        let (first, after) = rest.split_at(8);
        got.extend(all(&mut framer, first));
        rest = after;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
            got.extend(all(&mut framer, piece));
            rest = after;
        }
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn nothing_breaks_it(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
        let mut framer = WebSocketFramer::new(1000);
        for piece in pieces {
            all(&mut framer, &[&[0x81][..], &piece].concat());
            prop_assert!(framer.buffered() <= 2000 + 2 * MAX_HEAD);
        }
    }
}
