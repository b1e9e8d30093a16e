//! Frames that a mirror port brings and nobody wants.

use crate::common::ladder::ethernet;
use crate::counted::{Stamped, plain, stamped};
use nauhuri::config::Config;
use std::net::SocketAddr;

fn frame(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut f = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    f.extend(ether_type.to_be_bytes());
    f.extend(payload);
    f
}

/// An IPv4 packet of `protocol` between 10.0.0.1 and 10.0.0.2.
fn ip(protocol: u8, id: u16, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let mut p = vec![0x45, 0];
    p.extend((20 + payload.len() as u16).to_be_bytes());
    p.extend(id.to_be_bytes());
    p.extend(fragment.to_be_bytes());
    p.extend([64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    p.extend(payload);
    p
}

fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let mut d = from.to_be_bytes().to_vec();
    d.extend(to.to_be_bytes());
    d.extend((8 + payload.len() as u16).to_be_bytes());
    d.extend([0, 0]);
    d.extend(payload);
    d
}

fn tcp(from: u16, to: u16, seq: u32, payload: &[u8]) -> Vec<u8> {
    let mut t = from.to_be_bytes().to_vec();
    t.extend(to.to_be_bytes());
    t.extend(seq.to_be_bytes());
    t.extend([0, 0, 0, 0, 0x50, 0x18, 0xFF, 0xFF, 0, 0, 0, 0]);
    t.extend(payload);
    t
}

fn sip(start: &str) -> Vec<u8> {
    format!("{start}\r\nCall-ID: x\r\nCSeq: 1 X\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nContent-Length: 0\r\n\r\n")
        .into_bytes()
}

/// Frames a millisecond apart.
fn in_turn(frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<Stamped> {
    let at = |n: usize| 1_780_000_000_000_000_000 + n as i64 * 1_000_000;
    frames.into_iter().enumerate().map(|(n, f)| stamped(at(n), f)).collect()
}

fn whole(protocol: u8, payload: &[u8]) -> Vec<u8> {
    frame(0x0800, &ip(protocol, 0, 0x4000, payload))
}

pub fn scenes() -> Vec<(Config, Vec<Stamped>, bool)> {
    let mut all = vec![signalling(), fragments(), streams(), unread()];
    all.extend(tunnels());
    all.into_iter().map(|(config, frames)| (config, frames, false)).collect()
}

/// Every method and class, and everything that is no message.
fn signalling() -> (Config, Vec<Stamped>) {
    let methods = ["REGISTER", "OPTIONS", "SUBSCRIBE", "PUBLISH", "MESSAGE", "NEW"];
    let requests = methods.iter().map(|m| sip(&format!("{m} sip:x SIP/2.0")));
    let responses = [302, 503, 603].iter().map(|code| sip(&format!("SIP/2.0 {code} X")));
    let wrong =
        ["(no) sip:x SIP/2.0", "INVITE", "INVITE SIP/2.0", "INVITE sip:x HTTP/1.1", "SIP/2.0 2 OK"].map(sip);
    let too_long = sip(&format!("OPTIONS sip:x SIP/2.0\r\nCall-ID: {}", "x".repeat(600)));
    let texts = requests.chain(responses).chain(wrong).chain([b"\0\0\0\0\0\0".to_vec(), too_long]);
    let mut frames: Vec<_> = texts.map(|t| whole(17, &udp(5060, 5060, &t))).collect();
    frames.push(whole(17, &udp(53, 53, b"something else")));
    (plain(), in_turn(frames))
}

/// Pieces too many, late, overlapping, endless, cut.
fn fragments() -> (Config, Vec<Stamped>) {
    let mut config = plain();
    config.limits.fragments = 4;
    let piece = |id, offset: u16, more: bool, bytes: &[u8]| {
        frame(0x0800, &ip(17, id, (offset / 8) | (u16::from(more) << 13), bytes))
    };
    let body = udp(4000, 4001, &[7; 56]);
    let mut frames = vec![
        piece(1, 0, true, &body[..32]),
        piece(1, 32, false, &body[32..]),
        piece(1, 0, true, &body[..32]),
        piece(2, 0, true, &[1; 32]),
        piece(2, 16, true, &[2; 32]),
        piece(3, 65_528, false, &[3; 64]),
        piece(3, 0, true, &[]),
    ];
    frames.extend((10..40).map(|id| piece(id, 0, true, &body[..32])));
    let mut frames = in_turn(frames);
    let (at, link, data, wire) = stamped(frames[0].0, piece(4, 0, true, &body[..32]));
    frames.push((at, link, data[..50].to_vec(), wire));
    let later = |s: i64| stamped(frames[0].0 + s * 1_000_000_000, whole(17, &udp(1, 2, b"later")));
    let mut later: Vec<_> = (1..60).map(later).collect();
    let (at, ..) = later[58];
    later.push(stamped(at + 1, piece(90, 0, true, &body[..32])));
    frames.extend(later);
    (config, frames)
}

/// TCP out of order, again, with holes, without end, in too many connections.
fn streams() -> (Config, Vec<Stamped>) {
    let mut config = plain();
    (config.limits.tcp_streams, config.limits.tcp_buffer) = (4, 4096);
    let text = sip("OPTIONS sip:x SIP/2.0");
    let (first, second) = text.split_at(40);
    let segment = |port, seq, bytes: &[u8]| whole(6, &tcp(port, 5060, seq, bytes));
    let mut frames = vec![
        segment(1000, 1, first),
        segment(1000, 1, first),
        segment(1000, 500, second),
        segment(1000, 41, second),
        whole(6, &tcp(1001, 80, 1, b"GET / HTTP/1.1")),
    ];
    frames.extend((0..40).map(|n| segment(1002, 10_000 + n * 1400, &[b'x'; 1000])));
    frames.extend((0..800).map(|n| segment(1003, 1 + n * 1000, &[b'y'; 1000])));
    frames.extend((0..8).map(|n| segment(2000 + n, 1, first)));
    let mut frames = in_turn(frames);
    let (at, link, data, wire) = stamped(frames[0].0 + 1_000_000_000, segment(3000, 1, &text));
    frames.push((at, link, data[..120].to_vec(), wire));
    frames.push(stamped(frames[0].0 + 100_000_000_000, whole(17, &udp(1, 2, b"later"))));
    (config, frames)
}

/// What is wrapped, encrypted, elsewhere, or broken.
fn unread() -> (Config, Vec<Stamped>) {
    let invite = sip("INVITE sip:x SIP/2.0");
    let hello = [&[0x16, 3, 1, 0, 60, 1, 0, 0, 56, 3, 3][..], &[0; 54]].concat();
    let upgrade = b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: sip\r\n\r\n";
    let sctp = [
        &[0x13, 0xC4, 0x13, 0xC4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3][..],
        &(16 + invite.len() as u16).to_be_bytes(),
        &[0; 12],
        &invite,
    ]
    .concat();
    let elsewhere = [&[0x1B, 0x58, 0x1B, 0x58][..], &sctp[4..]].concat();
    let deflated = [&upgrade[..], &[0xC1, 5, 1, 2, 3, 4, 5]].concat();
    let mut nested = udp(4000, 4001, b"x");
    for _ in 0..8 {
        nested = ip(4, 0, 0, &nested);
    }
    let mut contradicts = ip(17, 0, 0, &udp(1, 2, b"abc"));
    contradicts[3] = 10;
    let frames = vec![
        frame(0x0806, &[0; 28]),
        whole(50, &[1; 40]),
        whole(89, &[1; 40]),
        whole(17, &udp(7000, 5099, &invite)),
        whole(6, &tcp(4000, 5061, 1, &hello)),
        whole(6, &tcp(4001, 8080, 1, upgrade)),
        whole(6, &tcp(4002, 5060, 1, &deflated)),
        whole(132, &sctp),
        whole(132, &elsewhere),
        frame(0x0800, &nested),
        frame(0x0800, &contradicts),
        frame(0x0800, &[0x45, 0, 0, 40]),
        frame(0x88E5, &[0; 40]),
    ];
    let mut frames = in_turn(frames);
    frames.push((frames[0].0 + 1_000_000, 249, vec![0; 60], 60));
    let (at, link, data, wire) = stamped(frames[0].0 + 2_000_000, whole(17, &udp(5060, 5060, &invite)));
    frames.push((at, link, data[..70].to_vec(), wire));
    (plain(), frames)
}

/// Each tunnel, once where it is opened and once where it is not.
fn tunnels() -> Vec<(Config, Vec<Stamped>)> {
    let inner = ethernet(at("10.1.0.1:4000"), at("10.1.0.2:4001"), b"inside");
    let ip_inside = inner[14..].to_vec();
    let gre = |protocol: u16, flags: u16, more: &[u8], inside: &[u8]| {
        whole(47, &[&flags.to_be_bytes()[..], &protocol.to_be_bytes(), more, inside].concat())
    };
    let frames = vec![
        whole(17, &udp(4789, 4789, &[&[8, 0, 0, 0, 0, 0, 1, 0][..], &inner].concat())),
        whole(17, &udp(6081, 6081, &[&[0, 0, 0x65, 0x58, 0, 0, 1, 0][..], &inner].concat())),
        whole(
            17,
            &udp(
                2152,
                2152,
                &[&[0x30, 0xFF][..], &(ip_inside.len() as u16).to_be_bytes(), &[0, 0, 0, 1], &ip_inside]
                    .concat(),
            ),
        ),
        whole(17, &udp(37008, 37008, &[&[1, 0, 0, 1, 1][..], &inner].concat())),
        whole(4, &ip_inside),
        gre(0x0800, 0, &[], &ip_inside),
        gre(0x88BE, 0x1000, &[0, 0, 0, 1, 0x10, 1, 0, 1, 0, 0, 0, 0], &inner),
    ];
    vec![(plain(), in_turn(frames.clone())), (Config::default(), in_turn(frames))]
}

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}
