//! Tests of the parent module: messages as the field sends them.

use super::*;
use crate::sdp::description::{MAX_FORMATS, MAX_MEDIA};
use crate::sdp::{Direction, Media, MediaKind, Proto, Setup};
use std::net::{IpAddr, Ipv4Addr};

const PLAIN: &str = "v=0\r\no=alice 53655765 2353687637 IN IP4 pc33.example.org\r\ns=-\r\n\
    c=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0 8 96 101\r\na=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\na=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";

fn read(s: &str) -> Description {
    parse(s.as_bytes())
}

fn audio(s: &str) -> Media {
    read(s).audio().expect("audio").clone()
}

fn with(find: &str, put: &str) -> String {
    assert!(PLAIN.contains(find), "{find}");
    PLAIN.replacen(find, put, 1)
}

/// `(payload type, name, clock, channels)`
fn names(m: &Media) -> Vec<(u8, &str, u32, u8)> {
    m.formats.iter().map(|f| (f.payload_type, f.name.as_str(), f.clock, f.channels)).collect()
}

#[test]
fn a_plain_offer() {
    let m = audio(PLAIN);
    assert_eq!(m.endpoint(), Some("192.0.2.1:49170".parse().unwrap()));
    assert_eq!(
        names(&m),
        [(0, "PCMU", 8000, 1), (8, "", 0, 0), (96, "opus", 48000, 2), (101, "telephone-event", 8000, 1)]
    );
    assert_eq!(m.format(96).unwrap().fmtp.as_deref(), Some("useinbandfec=1"));
    assert_eq!((m.ptime_ms, m.direction, m.proto), (Some(20), Direction::SendRecv, Proto::Avp));
    let o = read(PLAIN).origin.unwrap();
    assert_eq!((o.username.as_str(), o.version), ("alice", Some(2_353_687_637)));
}

#[test]
fn what_a_strict_reader_refuses_reads_the_same() {
    let same = |s: &[u8]| {
        let mut got = parse(s);
        let want = read(PLAIN);
        assert_eq!(got.media, want.media, "{}", String::from_utf8_lossy(s));
        got.origin.take()
    };
    let o = same(with("o=alice ", "o=Cisco SIP UA ").as_bytes()).unwrap();
    assert_eq!((o.username.as_str(), o.session_id.as_str()), ("Cisco SIP UA", "53655765"));
    same(with("s=-", "s=caf?").replace('?', "\u{fffd}").as_bytes());
    let mut latin1 = with("o=alice", "o=?lice").into_bytes();
    latin1.iter_mut().filter(|b| **b == b'?').for_each(|b| *b = 0xe4);
    assert_eq!(same(&latin1).unwrap().username, "\u{fffd}lice");
    same(with("t=0 0\r\n", "").as_bytes());
    same(with("s=-\r\n", "").as_bytes());
    same(with("v=0\r\n", "").as_bytes());
    same(with("o=alice 53655765 2353687637 IN IP4 pc33.example.org\r\n", "").as_bytes());
    same(PLAIN.replace("\r\n", "\n").as_bytes());
    same(PLAIN.replace("\r\n", "\r").as_bytes());
    same(PLAIN.replace("\r\n", "\r\n\r\n").as_bytes());
    same(format!("{PLAIN}\0\0\0").as_bytes());
    same(format!("\r\n{PLAIN}").as_bytes());
    same(with("m=audio 49170", "m=audio  49170/1").as_bytes());
    same(with("c=IN IP4 192.0.2.1", "c=IN IP4 192.0.2.1 ").as_bytes());
    same(with("c=IN IP4 192.0.2.1", "c=IN IP4 192.000.002.001").as_bytes());
    same(with("2353687637", "99999999999999999999999999").as_bytes());
    same(with("t=0 0", "t=now").as_bytes());
    same(with("a=rtpmap:0 PCMU/8000", "a=rtpmap: 0 PCMU/8000").as_bytes());
}

#[test]
fn both_readers_agree() {
    for s in [
        PLAIN.to_string(),
        with("a=sendrecv\r\n", "a=inactive\r\nm=video 0 RTP/AVP 31\r\nc=IN IP6 ::1\r\na=recvonly\r\n"),
        with("m=audio 49170 RTP/AVP", "a=sendonly\r\na=setup:actpass\r\nm=audio 49170/2 UDP/TLS/RTP/SAVPF"),
        with(
            "a=ptime:20",
            "c=IN IP4 10.0.0.1\r\na=crypto:1 AES x\r\na=rtcp-mux\r\na=rtcp:1234 IN IP4 1.2.3.4",
        ),
    ] {
        assert!(sdp_types::Session::parse(s.as_bytes()).is_ok(), "{s}");
        assert_eq!(read(&s), scan::description(s.as_bytes()), "{s}");
    }
}

#[test]
fn payload_types_without_rtpmap_are_left_to_the_codecs() {
    let m = audio("v=0\nm=audio 4000 RTP/AVP 0 3 4 8 9 10 11 13 18 97 200 x\n");
    let got: Vec<_> = names(&m).into_iter().map(|(pt, n, c, ch)| format!("{pt} {n}/{c}/{ch}")).collect();
    let all = "0 /0/0 3 /0/0 4 /0/0 8 /0/0 9 /0/0 10 /0/0 11 /0/0 13 /0/0 18 /0/0 97 /0/0";
    assert_eq!(got.join(" "), all);
}

#[test]
fn addresses() {
    let addr = |c: &str| audio(&with("c=IN IP4 192.0.2.1", c)).addr.map(|a| a.to_string());
    assert_eq!(addr("c=IN IP6 2001:db8::1").as_deref(), Some("2001:db8::1"));
    assert_eq!(addr("c=IN IP6 ::ffff:192.0.2.9").as_deref(), Some("192.0.2.9"));
    assert_eq!(addr("c=IN IP4 224.2.17.12/127").as_deref(), Some("224.2.17.12"));
    assert_eq!(addr("c=IN IP4 media.example.org"), None);
    assert_eq!(addr("c=IN IP4 1.2.3.4.5"), None);
    assert_eq!(addr("b=AS:64"), None);
    // The media's own address wins, also over one that is a name.
    let m = audio(&with("a=ptime:20", "c=IN IP4 10.0.0.7\r\nc=IN IP4 10.0.0.8"));
    assert_eq!(m.addr, Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7))));
}

#[test]
fn hold_and_rejection() {
    for c in ["c=IN IP4 0.0.0.0", "c=IN IP6 ::"] {
        let m = audio(&with("c=IN IP4 192.0.2.1", c));
        assert!(m.zero_address() && m.endpoint().is_none() && !m.rejected());
    }
    let m = audio(&with("49170", "0"));
    assert!(m.rejected() && m.endpoint().is_none());
    assert_eq!(audio(&with("49170", "492170")).port, 0);
    // Direction of the session, overridden by the media's.
    assert_eq!(audio("v=0\na=sendonly\nm=audio 4 RTP/AVP 0\n").direction, Direction::SendOnly);
    assert_eq!(audio("v=0\na=sendonly\nm=audio 4 RTP/AVP 0\na=inactive\n").direction, Direction::Inactive);
}

#[test]
fn several_sections() {
    let two = "v=0\nc=IN IP4 10.0.0.1\nm=audio 0 RTP/AVP 0\nm=audio 5004 RTP/AVP 8\nm=image 6000 udptl t38\n\
        m=message 7000 TCP/MSRP *\n";
    let s = read(two);
    assert_eq!(s.audio().unwrap().port, 5004);
    let kinds: Vec<_> = s.media.iter().map(|m| m.kind).collect();
    assert_eq!(kinds, [MediaKind::Audio, MediaKind::Audio, MediaKind::Image, MediaKind::Other]);
    assert_eq!((s.media[2].proto, s.media[2].formats.len()), (Proto::Other, 0));
    assert_eq!(read("m=audio 0 RTP/AVP 0").audio().map(|m| m.port), Some(0));
    assert!(read("").audio().is_none() && read("garbage").media.is_empty());
}

#[test]
fn encryption() {
    let proto = |p: &str| audio(&with("RTP/AVP", p));
    assert!(proto("RTP/SAVP").encrypted() && proto("rtp/savpf").encrypted());
    assert_eq!(proto("UDP/TLS/RTP/SAVPF").proto, Proto::Dtls);
    assert!(!proto("RTP/AVPF").encrypted());
    let m = audio("a=fingerprint:sha-1 00\na=setup:passive\nm=audio 4 UDP/TLS/RTP/SAVP 0\na=crypto:1 x\n");
    assert_eq!((m.fingerprint, m.setup, m.crypto), (true, Some(Setup::Passive), true));
}

#[test]
fn everything_is_bounded() {
    let all: String = (0..128).map(|pt| format!(" {pt}")).collect();
    for (formats, many) in [(" 0".repeat(1000), 1), (all.clone(), MAX_FORMATS + 2)] {
        let fmtp: String = (0..128).map(|pt| format!("a=fmtp:{pt} {}\n", "x=1;".repeat(60))).collect();
        let m = format!("o={0} {0} 1 IN IP4 {0}\nm=audio 4 RTP/AVP{formats}\n{fmtp}", "u".repeat(9000));
        let s = read(&(m.repeat(100) + "a=sendonly\n"));
        assert_eq!((s.media.len(), s.media[0].formats.len()), (MAX_MEDIA, many));
        assert!(s.weight() < 40_000, "{}", s.weight());
    }
    // Lines that nobody takes use nothing up of the one that is taken.
    let refused = format!("m=video 0 RTP/AVP 96\nm=audio 0 RTP/AVP{all}\n").repeat(20);
    let s = read(&format!("{refused}m=audio 4 RTP/AVP 8 101 0\n"));
    assert_eq!(s.media.last().map(|m| (m.port, m.formats.len())), Some((4, 3)));
    let m = "m=audio 4 RTP/AVP 0\n";
    let s = read(&(m.repeat(100) + "a=sendonly\n"));
    assert!(s.media.iter().all(|m| m.direction == Direction::SendRecv));
}

#[test]
fn same_endpoint_by_address_or_origin() {
    let a = read(PLAIN);
    assert!(a.same_endpoint(&read(&with("49170", "5000"))));
    assert!(a.same_endpoint(&read(&with("alice", "bob"))));
    assert!(!a.same_endpoint(&read(&with("alice", "bob").replace("49170", "5000"))));
    assert!(!Description::default().same_endpoint(&Description::default()));
}
