//! Finishing many is linear: each order is taken once, and none that waits is moved for it.

use super::*;
use crate::call::Calls;
use crate::call::runs::StreamPosition;
use crate::config::Config;
use crate::net::Flow;
use crate::sip::Message;
use crate::wire::link::Vlan;
use std::net::SocketAddr;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_ns(1_795_421_723_000_000_000 + ms * 1_000_000)
}

fn flow(src: &str, dst: &str) -> Flow {
    let [src, dst] = [src, dst].map(|a| a.parse::<SocketAddr>().unwrap());
    Flow { src, dst, vlan: Vlan::NONE }
}

/// One call to an agent of its own, answered and heard from both sides.
fn answer(calls: &mut Calls, n: usize) {
    let hosts = [format!("198.18.{}.{}", n / 250, n % 250), format!("198.19.{}.{}", n / 250, n % 250)];
    let [caller, callee] = ["192.0.2.10:5060", "192.0.2.20:5060"];
    let agent = 20_000 + n;
    let sdp = |host: &str| {
        format!(
            "v=0\r\no=- {n} 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 10000 RTP/AVP 8\r\n"
        )
    };
    let mut say = |ms: i64, first: &str, way: (&str, &str), tag: &str, method: &str, body: &str| {
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let text = format!(
            "{first}\r\nVia: SIP/2.0/UDP {caller};branch=z9hG4bK{n}{method}\r\n\
             From: <sip:+35840{n:07}@192.0.2.10>;tag=a{n}\r\nTo: <sip:{agent}@pbx.example>{tag}\r\n\
             Call-ID: many-{n}@192.0.2.10\r\nCSeq: 1 {method}\r\nContact: <sip:x@{}>\r\n{kind}\
             Content-Length: {}\r\n\r\n{body}",
            way.0,
            body.len()
        );
        let (message, _) = Message::parse(text.as_bytes()).unwrap();
        calls.handle_message(&message, text.as_bytes(), flow(way.0, way.1), at(ms));
    };
    let (uri, tag) = (format!("sip:{agent}@{callee}"), format!(";tag=b{n}"));
    say(0, &format!("INVITE {uri} SIP/2.0"), (caller, callee), "", "INVITE", &sdp(&hosts[0]));
    say(100, "SIP/2.0 200 OK", (callee, caller), &tag, "INVITE", &sdp(&hosts[1]));
    say(110, &format!("ACK {uri} SIP/2.0"), (caller, callee), &tag, "ACK", "");
    let media = hosts.map(|host| format!("{host}:10000"));
    for seq in 0..5 {
        for (ssrc, [from, to]) in [(1, [0, 1]), (2, [1, 0])] {
            let way = flow(&media[from], &media[to]);
            calls.handle_media(&way, at(120 + 20 * i64::from(seq)), Some(StreamPosition { ssrc, seq }));
        }
    }
}

/// How many orders the end of `n` recordings gives, and how often one that waited was moved meanwhile.
fn finish(n: usize) -> (usize, usize) {
    let config: Config = toml::from_str("[agents]\nextensions = [\"20000-29999\"]\n").unwrap();
    let mut calls = Calls::new(&config);
    (0..n).for_each(|n| answer(&mut calls, n));
    calls.handle_timeout(at(1_000));
    while calls.poll().is_some() {}
    assert_eq!(calls.recordings().len(), n);
    calls.finish(at(2_000), Ending::Shutdown);
    assert!(calls.recordings().is_empty());
    let last = |calls: &Calls| calls.recordings().out.back().map(std::ptr::from_ref);
    let (mut orders, mut moves, mut closed) = (0, 0, 0);
    loop {
        let before = last(&calls);
        match calls.poll() {
            None => break,
            Some(Decision::Close { .. }) => closed += 1,
            Some(_) => {}
        }
        orders += 1;
        moves += usize::from(last(&calls).is_some_and(|now| Some(now) != before));
    }
    assert_eq!(closed, n);
    (orders, moves)
}

#[test]
fn twice_as_many_recordings_are_twice_the_work() {
    let (orders, moves) = finish(1_500);
    let (twice, moves_of_twice) = finish(3_000);
    assert!(twice <= 2 * orders, "{orders} {twice}");
    assert_eq!((moves, moves_of_twice), (0, 0), "the last that waits stays where it is until it is taken");
}
