//! What clients are answered, and what time brings.

use crate::client::{Client, Person, header, ok_to};
use crate::common::ladder::ns;
use crate::stage::{Stage, client, config, peer};
use nauhuri::net::reserved::is_reserved;
use nauhuri::siprec::{Declined, SipTransport};
use nauhuri::time::Timestamp;

fn code(response: &str) -> u16 {
    response.split(' ').nth(1).and_then(|c| c.parse().ok()).unwrap_or(0)
}

/// One request at a time to a server of its own: what is answered, and counted.
#[track_caller]
fn refused(why: Declined, expected: u16, change: impl FnOnce(&mut Stage, &mut Client) -> String) -> String {
    let mut s = Stage::new(&config());
    let mut c = client(1);
    let request = change(&mut s, &mut c);
    let before = s.server.stats().refused[why as usize];
    let answer = s.sip(10.0, &c, &request).pop().unwrap();
    assert_eq!(code(&answer), expected, "{answer}");
    assert_eq!(s.server.stats().refused[why as usize], before + 1);
    assert!(s.ports.open.is_empty() && s.server.sessions() == 0);
    for name in ["Via", "From", "Call-ID", "CSeq"] {
        let start = header(&request, name).unwrap();
        assert!(
            header(&answer, name).unwrap().starts_with(start.split(";rport").next().unwrap()),
            "{answer}"
        );
    }
    answer
}

#[test]
fn who_and_what_is_refused() {
    // Shown as nauhuri_siprec_refused_total.
    refused(Declined::Address, 403, |_, c| {
        c.sip = "198.51.100.7:5060".parse().unwrap();
        c.invite()
    });
    let plain = |_: &mut Stage, c: &mut Client| {
        c.headers.clear();
        let sdp = "v=0\r\nc=IN IP4 192.0.2.10\r\nm=audio 4000 RTP/AVP 8\r\n";
        c.request("INVITE", "", "application/sdp", sdp).replace(";+sip.src", "")
    };
    let answer = refused(Declined::NotSiprec, 421, plain);
    assert_eq!(header(&answer, "Require").as_deref(), Some("siprec"));
    let answer = refused(Declined::Extension, 420, |_, c| {
        c.headers = "Require: siprec, precondition\r\n".into();
        c.invite()
    });
    assert_eq!(header(&answer, "Unsupported").as_deref(), Some("precondition"));
    refused(Declined::Malformed, 400, |_, c| c.invite().replace("CSeq: 101 INVITE", "CSeq: x"));
    refused(Declined::Malformed, 400, |_, c| {
        let mut cut = c.invite();
        cut.truncate(cut.len() - 40);
        cut
    });
    refused(Declined::Media, 488, |_, c| {
        c.streams.iter_mut().for_each(|s| s.coding = "UDP/TLS/RTP/SAVP 8".into());
        c.invite()
    });
    refused(Declined::Media, 488, |_, c| {
        let xml = c.metadata();
        c.request("INVITE", "Require: siprec\r\n", "application/rs-metadata+xml", &xml)
    });
    let answer = refused(Declined::Ports, 503, |s, c| {
        s.ports.left = 1;
        c.invite()
    });
    assert_eq!(header(&answer, "Retry-After").as_deref(), Some("10"));
    refused(Declined::Stopping, 503, |s, c| {
        s.server.stop(Timestamp::from_ns(ns(0.0)));
        c.invite()
    });
    refused(Declined::Unknown, 481, |_, c| {
        c.tags[1] = "gone".into();
        c.bye()
    });
    refused(Declined::Unknown, 481, |_, c| {
        c.tags[1] = "gone".into();
        c.update()
    });
    let answer = refused(Declined::Method, 405, |_, c| c.request("REGISTER", "", "", ""));
    assert!(header(&answer, "Allow").unwrap().contains("INVITE"));
}

#[test]
fn a_request_out_of_order_is_refused() {
    let (mut s, mut c) = (Stage::new(&config()), client(1));
    let invite = c.invite();
    s.accepted(0.0, &mut c, &invite);
    let late = c.update().replace(&format!("CSeq: {} ", c.cseq), "CSeq: 7 ");
    let answer = s.sip(1.0, &c, &late).pop().unwrap();
    assert_eq!((code(&answer), s.server.sessions()), (500, 1), "{answer}");
    assert_eq!(s.server.stats().refused[Declined::Order as usize], 1);
}

#[test]
fn there_is_a_bound_on_sessions() {
    let mut config = config();
    config.siprec.sessions = 2;
    let mut s = Stage::new(&config);
    let mut all: Vec<Client> = (1..=3).map(client).collect();
    for c in &mut all[..2] {
        let invite = c.invite();
        s.accepted(0.0, c, &invite);
    }
    let invite = all[2].invite();
    let answer = s.sip(1.0, &all[2], &invite).pop().unwrap();
    assert_eq!((code(&answer), header(&answer, "Retry-After").as_deref()), (503, Some("10")));
    assert_eq!(s.server.stats().refused[Declined::Sessions as usize], 1);
    let bye = all[0].bye();
    s.accepted(2.0, &mut all[0].clone(), &bye);
    let again = all[2].invite();
    s.accepted(3.0, &mut all[2], &again);
    assert_eq!((s.server.sessions(), s.ports.open.len()), (2, 4));
}

#[test]
fn options_are_answered_and_garbage_is_not() {
    let mut s = Stage::new(&config());
    let mut c = client(1);
    let options = c.request("OPTIONS", "", "", "");
    let ok = s.sip(0.0, &c, &options).pop().unwrap();
    assert!(
        ok.starts_with("SIP/2.0 200") && ok.contains("application/rs-metadata+xml") && ok.contains("siprec"),
        "{ok}"
    );
    for garbage in [
        &b""[..],
        b"\r\n\r\n",
        b"\0\0",
        b"GET / HTTP/1.1\r\n\r\n",
        &[0x80; 200],
        b"INVITE\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
    ] {
        assert_eq!(s.message(1.0, peer(&c), garbage), [""; 0], "{garbage:?}");
    }
    assert_eq!(s.server.stats().unreadable, 3);
}

/// Responses go where RFC 3261 §18.2.2 and RFC 3581 have them go, with what was received.
#[test]
fn the_way_back() {
    let mut s = Stage::new(&config());
    let mut c = client(1);
    c.sip = "192.0.2.77:6060".parse().unwrap();
    let options = c.request("OPTIONS", "", "", "");
    let way = |s: &mut Stage, c: &Client, text: &str| {
        s.server.handle_message(text.as_bytes(), peer(c), Timestamp::EPOCH, &mut s.ports);
        match s.server.poll() {
            Some(nauhuri::siprec::Output::Send(to, bytes)) => {
                (to.remote.to_string(), String::from_utf8(bytes).unwrap())
            }
            other => panic!("{other:?}"),
        }
    };
    let (to, text) = way(&mut s, &c, &options);
    assert_eq!(to, "192.0.2.77:6060");
    assert!(text.contains(";received=192.0.2.77;rport=6060\r\n"), "{text}");
    let other = options.replace("192.0.2.77:6060;branch", "client.example:7070;branch").replace(";rport", "");
    assert_eq!(way(&mut s, &c, &other).0, "192.0.2.77:7070");
    let plain = options.replace("192.0.2.77:6060;branch", "client.example;branch").replace(";rport", "");
    assert_eq!(way(&mut s, &c, &plain).0, "192.0.2.77:5060");
    c.transport = "TCP";
    assert_eq!(way(&mut s, &c, &plain).0, "192.0.2.77:6060", "on its connection");
}

/// A copy of a request is answered as the first was, and changes nothing.
#[test]
fn copies_and_old_requests() {
    let mut s = Stage::new(&config());
    let mut c = client(1);
    let invite = c.invite();
    let first = s.sip(0.0, &c, &invite);
    assert_eq!(s.sip(100.0, &c, &invite), first);
    c.take(&first[0]);
    let ack = c.ack();
    s.sip(110.0, &c, &ack);
    let update = c.update();
    let one = s.sip(200.0, &c, &update);
    assert_eq!(s.sip(210.0, &c, &update), one);
    c.cseq = 50;
    let old = c.update();
    assert_eq!(code(&s.sip(220.0, &c, &old)[0]), 500);
    assert_eq!((s.server.stats().accepted, s.server.sessions()), (1, 1));
    // The client forgot, and begins again under the same name.
    let mut again = client(1);
    again.cseq = 300;
    let anew = again.invite();
    s.accepted(300.0, &mut again, &anew);
    assert_eq!((s.server.stats().accepted, s.server.sessions(), s.ports.open.len()), (2, 1, 2));
}

/// What is not acknowledged is sent again and given up in the end; so is a BYE.
#[test]
fn an_answer_nobody_acknowledges() {
    let mut s = Stage::new(&config());
    let mut c = client(1);
    let invite = c.invite();
    let ok = s.sip(0.0, &c, &invite).pop().unwrap();
    c.take(&ok);
    let mut sent = Vec::new();
    for at in (0..320).map(|i| f64::from(i) * 100.0) {
        sent.extend(s.pass(at));
    }
    assert!((10..=11).contains(&sent.len()) && sent.iter().all(|t| *t == ok), "{}", sent.len());
    let bye = (321..330).flat_map(|i| s.pass(f64::from(i) * 100.0)).next().unwrap();
    assert!(bye.starts_with("BYE sip:src@192.0.2.10:5060 SIP/2.0\r\n"), "{bye}");
    // Shown as nauhuri_siprec_lapsed_total.
    assert_eq!((s.server.stats().lapsed, s.server.sessions()), (1, 1));
    assert_eq!(s.sip(33_000.0, &c, &ok_to(&bye)), [""; 0]);
    assert!(s.server.sessions() == 0 && s.ports.open.is_empty());
    let (all, _) = s.recorded(40_000.0);
    assert!(all.is_empty(), "nothing was said");
}

#[test]
fn session_timers_are_kept() {
    // The client refreshes, and forgets to.
    let mut s = Stage::new(&config());
    let mut c = client(1);
    c.headers += "Session-Expires: 90;refresher=uac\r\n";
    let invite = c.invite();
    s.accepted(0.0, &mut c, &invite);
    let update = c.update();
    s.accepted(80_000.0, &mut c, &update);
    assert_eq!(s.pass(169_000.0), [""; 0]);
    assert!(s.pass(170_100.0)[0].starts_with("BYE "));
    // We refresh, by UPDATE where the client knows it.
    for (allow, method) in [("INVITE, UPDATE", "UPDATE "), ("INVITE, BYE", "INVITE ")] {
        let mut s = Stage::new(&config());
        let mut c = client(2);
        c.headers = format!(
            "Require: siprec\r\nSupported: timer\r\nAllow: {allow}\r\nSession-Expires: 100;refresher=uas\r\n"
        );
        let invite = c.invite();
        let ok = s.accepted(0.0, &mut c, &invite);
        assert_eq!(header(&ok, "Session-Expires").as_deref(), Some("100;refresher=uas"));
        let refresh = s.pass(50_000.0).pop().unwrap();
        assert!(refresh.starts_with(method) && header(&refresh, "Session-Expires").is_some(), "{refresh}");
        assert_eq!(refresh.contains("m=audio"), method == "INVITE ");
        let acks = s.sip(50_100.0, &c, &ok_to(&refresh));
        assert_eq!(acks.len(), usize::from(method == "INVITE "), "{acks:?}");
        assert!(s.pass(101_000.0).pop().unwrap().starts_with(method), "and again");
    }
    // Too short.
    let mut s = Stage::new(&config());
    let mut c = client(3);
    c.headers += "Session-Expires: 30\r\n";
    let invite = c.invite();
    let answer = s.sip(0.0, &c, &invite).pop().unwrap();
    assert_eq!((code(&answer), header(&answer, "Min-SE").as_deref()), (422, Some("90")));
    assert!(s.server.sessions() == 0 && s.ports.open.is_empty());
    // A client without a timer that has died is noticed by its silence.
    let mut s = Stage::new(&config());
    let mut c = client(4);
    c.headers = "Require: siprec\r\n".into();
    let invite = c.invite();
    s.accepted(0.0, &mut c, &invite);
    assert_eq!(s.pass(3_599_000.0), [""; 0]);
    assert!(s.pass(3_601_000.0)[0].starts_with("BYE "));
}

/// The recorder was started again: the client's next re-INVITE makes a session of it.
/// Shown as nauhuri_siprec_taken_over_total.
#[test]
fn a_session_of_before_the_restart_is_taken_over() {
    for is_whole in [true, false] {
        let mut s = Stage::new(&config());
        let mut c = client(1);
        c.tags[1] = "theirs".into();
        c.headers += "Accept: application/sdp, application/rs-metadata-request\r\n";
        let text = if is_whole { c.invite() } else { c.reoffer() };
        let sent = s.sip(0.0, &c, &text);
        assert_eq!(c.take(&sent[0]), 200);
        assert_eq!((c.tags[1].as_str(), s.server.stats().taken_over), ("theirs", 1));
        let ack = c.ack();
        s.sip(1.0, &c, &ack);
        if !is_whole {
            let ask = &sent[1];
            assert!(ask.starts_with("UPDATE ") && ask.contains("application/rs-metadata-request"), "{ask}");
            assert!(header(ask, "From").unwrap().ends_with(";tag=theirs"));
            s.sip(2.0, &c, &ok_to(ask));
            let update = c.update();
            s.accepted(3.0, &mut c, &update);
        }
        let told: String = s.fed.iter().map(|f| String::from_utf8_lossy(&f.payload)).collect();
        assert!(told.contains("sip:2001@"), "{told}");
        let bye = c.bye();
        s.accepted(1000.0, &mut c, &bye);
    }
    // A telephone's re-INVITE is none of ours.
    let mut s = Stage::new(&config());
    let mut c = client(1);
    c.tags[1] = "theirs".into();
    let sdp = "v=0\r\nc=IN IP4 192.0.2.10\r\nm=audio 4000 RTP/AVP 8\r\n";
    let invite = c.request("INVITE", "", "application/sdp", sdp).replace(";+sip.src", "");
    assert_eq!(code(&s.sip(0.0, &c, &invite)[0]), 481);
}

#[test]
fn at_the_stop_every_client_is_told() {
    let mut s = Stage::new(&config());
    let mut all: Vec<Client> = (1..=3).map(client).collect();
    for c in &mut all {
        let invite = c.invite();
        s.accepted(0.0, c, &invite);
    }
    let before = s.fed.len();
    s.server.stop(Timestamp::from_ns(ns(100.0)));
    let byes = s.pass(100.0);
    assert_eq!(byes.iter().filter(|b| b.starts_with("BYE ")).count(), 3);
    assert_eq!(s.fed.len(), before, "the engine ends its recordings by itself");
    for (c, bye) in all.iter().zip(&byes) {
        s.sip(200.0, c, &ok_to(bye));
    }
    assert!(s.server.sessions() == 0 && s.ports.open.is_empty());
}

/// Media counts from the client and from where it says it sends; one source at a time.
#[test]
fn nobody_speaks_into_a_session() {
    let mut s = Stage::new(&config());
    let mut c = client(1);
    c.streams[0].at = "203.0.113.9:5000".parse().unwrap();
    let invite = c.invite();
    s.accepted(0.0, &mut c, &invite);
    let rtp = [0x80, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
    let mut send =
        |at: f64, stream: usize, from: &str| s.rtp(ns(at), &c, stream, from.parse().unwrap(), &rtp);
    assert!(send(10.0, 0, "203.0.113.9:5000"), "as announced");
    assert!(!send(20.0, 0, "198.51.100.1:5000"), "a stranger");
    assert!(!send(30.0, 0, "203.0.113.9:5002"), "a second source beside the first");
    assert!(send(1100.0, 0, "203.0.113.9:5002"), "which is there alone now");
    assert!(send(1110.0, 1, "192.0.2.99:7"), "the client's network");
    assert_eq!(s.server.stats().strange_media, 2);
    // The client moves: what it announces counts at once.
    c.streams[0].at = "203.0.113.10:6000".parse().unwrap();
    let moved = c.reoffer();
    s.accepted(1200.0, &mut c, &moved);
    assert!(s.rtp(ns(1201.0), &c, 0, "203.0.113.10:6000".parse().unwrap(), &rtp));
}

/// What is told of SIPREC cannot be forged by a packet.
#[test]
fn captured_packets_do_not_reach_a_siprec_call() {
    let mut s = Stage::new(&config());
    let mut c = client(1);
    let invite = c.invite();
    s.accepted(0.0, &mut c, &invite);
    assert!(s.fed.iter().all(|f| is_reserved(f.flow.src.ip()) && is_reserved(f.flow.dst.ip())));
    let (src, dst) = (s.fed[0].flow.src, s.fed[0].flow.dst);
    let bye = String::from_utf8(s.fed[2].payload.clone()).unwrap().replace("ACK", "BYE");
    let frame = crate::common::ladder::ethernet(src, dst, bye.as_bytes());
    let frame = nauhuri::wire::Frame {
        ts: Timestamp::from_ns(ns(700.0)),
        link: nauhuri::wire::LinkType::Ethernet,
        data: &frame,
        wire_len: frame.len() as u32,
    };
    s.pass(600.0);
    let before = s.engine.stats();
    struct Nobody;
    impl nauhuri::engine::Sink for Nobody {
        fn decision(&mut self, d: nauhuri::call::Decision) {
            panic!("{d:?}");
        }
        fn media(&mut self, _: nauhuri::engine::MediaPacket<'_>) {}
        fn tick(&mut self, _: Timestamp) {}
    }
    s.engine.handle_frame(&frame, &mut Nobody);
    let after = s.engine.stats();
    assert_eq!((after.sip_messages(), after.other_udp), (before.sip_messages(), before.other_udp + 1));
}

/// IPv6, SRTP, several codecs: what the answer takes up.
#[test]
fn the_answer_takes_up_what_can_be_received() {
    let mut s = Stage::new(&config());
    let mut c =
        Client::new(1, "[2001:db8::10]:5060".parse().unwrap(), "[2001:db8::1]:5060".parse().unwrap(), "TCP");
    assert_eq!(peer(&c).transport, SipTransport::Tcp);
    let key = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
    c.streams[0].coding = "RTP/SAVP 96 0".into();
    c.streams[0].attributes = vec![
        "rtpmap:96 opus/48000/2".into(),
        format!("crypto:1 F8_128_HMAC_SHA1_80 inline:{key}"),
        format!("crypto:7 AES_CM_128_HMAC_SHA1_32 inline:{key}|2^31"),
        "rtcp-mux".into(),
    ];
    let mut video = crate::client::Stream::new("9", c.streams[0].at);
    video.coding = "TCP/MSRP *".into();
    c.streams.push(video);
    let invite = c.invite();
    let ok = s.accepted(0.0, &mut c, &invite);
    assert!(ok.contains("c=IN IP6 2001:db8::1\r\n") && ok.contains("a=rtpmap:96 opus/48000/2\r\n"), "{ok}");
    assert!(ok.contains("a=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:") && !ok.contains(key), "{ok}");
    assert!(ok.contains("m=audio 0 TCP/MSRP *\r\n") && ok.contains("a=rtcp-mux\r\n"), "{ok}");
    assert_eq!((c.ports.len(), c.ports[2], s.ports.open.len()), (3, 0, 2));
    assert!(
        header(&ok, "Contact").unwrap().starts_with("<sip:nauhuri@[2001:db8::1]:5060;transport=tcp>"),
        "{ok}"
    );
    // A stream is given up, another one comes: ports are closed and opened.
    c.streams[0].direction = "off";
    c.streams.remove(2);
    let less = c.reoffer();
    s.accepted(100.0, &mut c, &less);
    assert_eq!((s.ports.open.len(), c.ports[0]), (1, 0));
    c.people.push(Person::new("p3", "sip:3@x", "1"));
    c.streams[0].direction = "sendonly";
    let more = c.reoffer();
    s.accepted(200.0, &mut c, &more);
    assert_eq!(s.ports.open.len(), 2);
}
